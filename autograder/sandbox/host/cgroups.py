"""Put each submission, and each judge, into a control group (cgroup v2) where we may make one.

A group counts what no process owns: page tables, sockets, queues, files in memory. Where a tree is
delegated to us is found by trying; where none is, all works as before, and `why_none` says why.
`sandbox/host/box.py` uses it; nothing here decides a verdict.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from autograder.sandbox.memory import MIB

_NAME, _ENGINE = "autograder-", "engine"
_NEEDED = ("memory", "pids")
HOW_TO_GET_ONE = (
    "as root on a machine with cgroup v2, or: "
    "systemd-run --user --scope -p Delegate=yes autograder grade ..."
)


@dataclass
class Cgroup:
    """A group without groups below: its limits, who is in it, what was ended in it."""

    folder: Path
    _told_kills: int = 0

    def limit(self, memory_bytes: int, processes: int | None = None) -> None:
        """Bound all memory of the group, the kernel's for it too; no swap."""
        _write(self.folder / "memory.max", memory_bytes)
        # Without swap in the kernel there is no such file.
        if (self.folder / "memory.swap.max").exists():
            _write(self.folder / "memory.swap.max", 0)
        if processes is not None:
            _write(self.folder / "pids.max", processes)

    def enter(self, pid: int) -> None:
        """Move a process into the group; what it starts from then on is in it too."""
        _write(self.folder / "cgroup.procs", pid)

    def kills(self) -> int:
        """Return how many processes the kernel has ended because the group had too much."""
        with contextlib.suppress(OSError):
            for line in (self.folder / "memory.events").read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        return 0

    def new_kills(self) -> int:
        """Return how many there were since this was last asked."""
        total = self.kills()
        new, self._told_kills = total - self._told_kills, total
        return new

    def remove(self) -> None:
        """Remove the group, in which nothing lives any more; what does live stays in it."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()


@dataclass
class Tree:
    """The folder of one run's groups."""

    folder: Path
    made_by: int = field(default_factory=os.getpid)

    def group(self, name: str) -> Cgroup:
        """Make a group of this name; one that was left behind is taken over when it is empty."""
        group = Cgroup(self.folder / name)
        group.remove()
        group.folder.mkdir(exist_ok=True)
        return group

    def remove(self) -> None:
        """Remove what is empty of it, in the process that made it."""
        if os.getpid() == self.made_by:
            _remove_empty(self.folder)


@cache
def _found() -> tuple[Tree | None, str]:
    """Return a tree of groups for this run, or why there is none; the first call makes it.

    A process that was started anew by one of the run joins the run's tree.
    """
    mount = _mount()
    if mount is None:
        return None, "cgroup v2 is not mounted"
    for own in _own_groups(mount):
        if own.name == _ENGINE and own.parent.name.startswith(_NAME):
            return Tree(own.parent, made_by=0), ""
    why = ""
    for base in _candidates(mount):
        try:
            tree = _tree_below(base)
        except OSError as error:
            why = f"{base}: {error.strerror or error}"
        else:
            atexit.register(tree.remove)
            return tree, ""
    return None, why or "no group of cgroup v2 is ours"


def tree() -> Tree | None:
    """Return this run's groups, or None where none may be made.

    Its first call belongs into the process that starts all others: they are in one group with it.
    """
    return _found()[0]


def why_none() -> str:
    """Say why there are no groups; nothing where there are."""
    return _found()[1]


def enter_judge_cgroup(number: int, memory_mb: int) -> Cgroup | None:
    """Move this process, a judge, into a group of its own; None where there are no groups.

    Call it first of all in the judge: what it has taken before is counted where it was then.
    """
    found = tree()
    if found is None:
        return None
    with contextlib.suppress(OSError):
        group = found.group(f"judge-{number}-{os.getpid()}")
        group.limit(memory_mb * MIB)
        group.enter(os.getpid())
        return group
    return None


def machine_kills(vmstat: Path = Path("/proc/vmstat")) -> int:
    """Return how many processes this machine has ended for want of memory, since it started.

    Those ended in a group count too; see `Cgroup.kills` for a group's own.
    """
    with contextlib.suppress(OSError):
        for line in vmstat.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _mount(mounts: Path = Path("/proc/self/mountinfo")) -> Path | None:
    """Return where cgroup v2 is mounted."""
    for line in mounts.read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.split()[0] == "cgroup2":
            return Path(before.split()[4])
    return None


def _candidates(mount: Path) -> list[Path]:
    """Return the groups below which ours could be: the one we are in, for root also the first."""
    own = _own_groups(mount)
    return [*own, *([mount] if os.getuid() == 0 and mount not in own else [])]


def _own_groups(mount: Path) -> list[Path]:
    """Return this process's group in the tree of cgroup v2; there is one at most."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    return [mount / line.removeprefix("0::/") for line in lines if line.startswith("0::/")]


def _tree_below(base: Path) -> Tree:
    """Make a tree in a group and try it; raise OSError where that is not allowed."""
    missing = set(_NEEDED) - set((base / "cgroup.controllers").read_text().split())
    if missing:
        raise OSError(f"it has no controller {' and '.join(sorted(missing))}")
    _remove_left_behind(base)
    tree = Tree(base / f"{_NAME}{os.getpid()}")
    tree.folder.mkdir(exist_ok=True)
    try:
        # A group with processes of its own has no controllers for those below it.
        if (base / "cgroup.type").exists():
            _move_all(base, tree.group(_ENGINE))
        for folder in (base, tree.folder):
            _write(folder / "cgroup.subtree_control", " ".join(f"+{name}" for name in _NEEDED))
        _try(tree.group("tried"))
    except OSError:
        _move_back(tree, base)
        _remove_empty(tree.folder)
        raise
    return tree


def _move_all(base: Path, engine: Cgroup) -> None:
    """Move this process, and others in its group, to a group below; refuse to move strangers.

    All in a group that systemd has delegated were started for us; else only what we have started.
    """
    there = _processes(base)
    strangers = [pid for pid in there if not _is_ours(pid)]
    if strangers and not _is_delegated(base):
        raise OSError(f"processes of others are in it ({strangers[0]}), and it is not delegated")
    for pid in there:
        with contextlib.suppress(ProcessLookupError):
            engine.enter(pid)


def _move_back(tree: Tree, base: Path) -> None:
    """Undo `_move_all` where the tree could not be had after all."""
    for pid in _processes(tree.folder / _ENGINE):
        with contextlib.suppress(OSError):
            _write(base / "cgroup.procs", pid)


def _processes(folder: Path) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    return []


def _is_ours(pid: int) -> bool:
    """Say whether a process is this one, or was started by it or by those it started."""
    while pid > 1 and pid != os.getpid():
        try:
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return True
        pid = int(status[1])
    return pid == os.getpid()


def _is_delegated(base: Path) -> bool:
    """Say whether systemd has marked a group as handed over."""
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(base, name) == b"1":
                return True
    return False


def _try(group: Cgroup) -> None:
    """Limit a group, and move a process into it, before anything relies on that."""
    group.limit(16 * MIB, 16)
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        group.enter(child)
        if child not in _processes(group.folder):
            raise OSError("a process that was moved into a group is not there")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        group.remove()


def _remove_left_behind(base: Path) -> None:
    """Remove the groups of runs that were killed."""
    for folder in base.glob(f"{_NAME}*"):
        pid = folder.name.removeprefix(_NAME)
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    """Remove a group and those below it; the kernel keeps what still has processes."""
    with contextlib.suppress(OSError):
        for below in folder.iterdir():
            if below.is_dir():
                _remove_empty(below)
        folder.rmdir()


def _write(path: Path, value: object) -> None:
    # One write(2): the kernel reads each as a command.
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)
