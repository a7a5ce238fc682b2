"""Find, measure and end the processes below the warm parent; never run student code."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_DEAD = ("Z", "X")
_HELD = ("RssAnon:", "RssShmem:", "VmPTE:", "VmSwap:", "HugetlbPages:")
# What waits to be read in a socket may be as much as its sender's buffer; TCP's grow.
_SOCKET_MB, _TCP_SOCKET_MB = 0.25, 10.0
_FREE_SOCKETS = 32
# A mapping of a process, in its smallest form; 65,530 of them are allowed.
_MAPPING_MB = 256 / 2**20


@dataclass(frozen=True)
class Usage:
    """What a set of processes uses now."""

    memory_mb: float
    cpu_s: float
    threads: int


def descendants(root: int) -> list[int]:
    """Return the living processes below `root`, itself not among them."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        try:
            threads = os.listdir(f"/proc/{pid}/task")
            text = " ".join(Path(f"/proc/{pid}/task/{t}/children").read_text() for t in threads)
        except OSError:
            continue
        children = [int(child) for child in text.split() if not _is_dead(int(child))]
        found += children
        waiting += children
    return found


def _is_dead(pid: int) -> bool:
    """Say whether only a process's exit status is left; its first thread may end before others."""
    try:
        states = [_read_state(f"/proc/{pid}/task/{one}") for one in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return not Path(f"/proc/{pid}").exists()
    return all(state in _DEAD for state in states)


def held_mb(pid: int) -> float:
    """Return the memory of a process that is not a file's, in MiB: also swapped, or page tables.

    Page tables alone can be had by the gigabyte: they map one page of zeros for nothing.
    """
    return sum(_fields_kb(f"{_living_thread(pid)}/status", _HELD)) / 1024


def tables_mb(pid: int) -> float:
    """Return the size of a process's page tables, in MiB; they are shared with nobody."""
    return sum(_fields_kb(f"{_living_thread(pid)}/status", ("VmPTE:",))) / 1024


def _fields_kb(path: str, wanted: tuple[str, ...]) -> list[int]:
    """Return these fields of a file in /proc; nothing where the process is gone."""
    with contextlib.suppress(OSError):
        lines = Path(path).read_text().splitlines()
        return [int(line.split()[1]) for line in lines if line.startswith(wanted)]
    return []


def _living_thread(pid: int) -> str:
    """Return the folder that tells of a process's memory: one whose first thread is over has none.

    Its other threads hold the memory on.
    """
    folder = f"/proc/{pid}"
    with contextlib.suppress(OSError):
        if _read_state(folder) in _DEAD:
            for thread in os.listdir(f"{folder}/task"):
                if _read_state(f"{folder}/task/{thread}") not in _DEAD:
                    return f"{folder}/task/{thread}"
    return folder


def _read_state(folder: str) -> str:
    """Return the letter for what a process or thread does."""
    return Path(f"{folder}/stat").read_text().rpartition(")")[2].split()[0]


def own_mb(pids: list[int], parent: int) -> float | None:
    """Return what processes hold that `parent`, from which they were forked, does not, in MiB.

    A page that several of them share counts once. None where the kernel does not tell.
    """
    try:
        of_parent, *of_others = [_share_mb(pid) for pid in [parent, *pids]]
    except OSError:
        return None
    # What a process still shares with the parent counts as much for the one as for the other.
    of_tables = tables_mb(parent)
    own_tables = sum(max(0.0, tables_mb(pid) - of_tables) for pid in pids)
    return own_tables + sum(max(0.0, share - of_parent) for share in of_others)


def _share_mb(pid: int) -> float:
    """Return a process's share of memory that is not a file's: a page's part for each holder."""
    wanted = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:", "Private_Hugetlb:", "Shared_Hugetlb:")
    try:
        lines = Path(f"{_living_thread(pid)}/smaps_rollup").read_text().splitlines()
    except ProcessLookupError:
        return 0.0
    except FileNotFoundError:
        if Path(f"/proc/{pid}").exists():
            raise
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(wanted)) / 1024


def usage(pids: list[int], baseline_mb: float) -> Usage:
    """Measure processes that each began with `baseline_mb` shared with the warm parent."""
    memory, ticks, threads = 0.0, 0, 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # Fields 14 to 17 of proc(5): own and waited-for children's time, user and system.
        ticks += sum(int(field) for field in fields[11:15])
        threads += int(fields[17])
        memory += max(0.0, held_mb(pid) - baseline_mb)
    return Usage(memory, ticks / _TICKS, threads)


def sockets_mb() -> float:
    """Return what the sockets of this network may hold at most, beyond a few, in MiB.

    The kernel counts a socket until what it has sent is read, closed or not.
    """
    used = tcp = 0
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/sockstat").read_text().splitlines():
            words = line.split()
            if words[0] == "sockets:":
                used = int(words[2])
            elif words[0] == "TCP:":
                tcp = int(words[2])
    return max(0, used - _FREE_SOCKETS) * _SOCKET_MB + tcp * _TCP_SOCKET_MB


def mappings_mb(pids: list[int], enough_mb: float) -> float:
    """Return what the kernel needs to know the mappings of processes, in MiB; stop at enough."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += Path(f"{_living_thread(pid)}/maps").read_bytes().count(b"\n") * _MAPPING_MB
        if total > enough_mb:
            break
    return total


def kill_all(root: int, spared: frozenset[int] = frozenset(), patience_s: float = 5.0) -> bool:
    """Kill and reap everything below `root` but the spared; say whether all of it is gone."""
    deadline = time.monotonic() + patience_s
    stopped: set[int] = set()
    while time.monotonic() < deadline:
        living = [pid for pid in descendants(root) if pid not in spared]
        # Stopped first, a fork bomb fills its own limit and cannot outrun the killing.
        new = set(living) - stopped if len(living) > 1 else set()
        _signal(new, signal.SIGSTOP)
        stopped |= new
        if new:
            continue
        _signal(living, signal.SIGKILL)
        reap()
        if not [pid for pid in descendants(root) if pid not in spared]:
            return True
        time.sleep(0.002)
    return False


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def reap() -> None:
    """Collect dead children of this process, so that none stays a zombie."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
