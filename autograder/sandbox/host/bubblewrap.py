"""Run a sandbox: bubblewrap's command line, what of this machine it shows, and its process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from autograder.errors import IsolationError
from autograder.sandbox.host.exposed import always_private, refuse_exposed
from autograder.sandbox.host.shown import (
    DATA_IN_BOX,
    ENGINE,
    ENVIRONMENT_IN_BOX,
    HIDDEN,
    SHOWN_IN_BOX,
    Link,
    shown,
)
from autograder.sandbox.isolation import Isolation

__all__ = ["DATA_IN_BOX", "SHOWN_IN_BOX"]  # For those who only run boxes.

ROOT_WITHOUT_BOX = "AUTOGRADER_ROOT_WITHOUT_BOX"
"""Lets root run student code with no walls: for a container that is thrown away afterwards."""


@dataclass
class Sandbox:
    """The running process of a sandbox, and how many boxes use it."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    users: int
    is_shared: bool

    @classmethod
    def start(
        cls, command: list[str], descriptors: list[int], environment: dict[str, str], users: int
    ) -> Sandbox:
        """Start a sandbox that inherits these descriptors and nothing else."""
        log = tempfile.TemporaryFile()  # noqa: SIM115  It lives as long as the sandbox.
        process = subprocess.Popen(
            command,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            cwd="/",
        )
        return cls(process, log, users, is_shared=users > 1)

    def leave(self) -> None:
        """Say that one box less uses it; the last one sees it end."""
        self.users -= 1
        if self.users > 0:
            return
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def log_text(self) -> str:
        """Return what the sandbox wrote to its standard error."""
        return os.pread(self.log.fileno(), 100_000, 0).decode(errors="replace")


def find_bubblewrap() -> str:
    """Return the path of bubblewrap, or say how to get it."""
    path = shutil.which("bwrap")
    if path is None:
        raise IsolationError(
            "bubblewrap is not installed: `apt-get install bubblewrap`, `dnf install bubblewrap` "
            "or `pacman -S bubblewrap` (the PyPI project of that name is something else)"
        )
    return path


def bubblewrap_command(data: Path | None) -> list[str]:
    """Return the sandbox's command line: what student code may see, all of it read-only.

    `data` is the course's data folder; of the course, nothing else may be seen.
    """
    things = shown(data)
    refuse_exposed(things, always_private(data))
    command = [find_bubblewrap(), "--die-with-parent", "--new-session", "--clearenv"]
    if os.getuid() == 0:
        # Root opens the box with its own capabilities and leaves root inside, before anything runs.
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--hostname", "box"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--perms", "1777", "--tmpfs", "/tmp", "--chdir", "/tmp"]
    for one in things:
        if isinstance(one, Link):
            command += [*_parents(one.target), "--symlink", one.leads_to, one.target]
        else:
            command += [*_parents(one.target), "--ro-bind", str(one.source), one.target]
    for name in HIDDEN:
        if Path(name).is_dir():
            command += ["--perms", "0555", "--tmpfs", name, "--remount-ro", name]
    for name, value in environment_in(Isolation.BOX).items():
        command += ["--setenv", name, value]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return command


def _parents(target: str) -> list[str]:
    """Make the folders above a target: a user who is not root must be able to pass through them."""
    parents = [str(parent) for parent in reversed(Path(target).parents) if parent != Path("/")]
    return [word for parent in parents for word in ("--perms", "0755", "--dir", parent)]


def refuse_root_without_box() -> None:
    """Refuse to run student code as root where nothing shuts it off, unless that was asked for."""
    if os.getuid() == 0 and os.environ.get(ROOT_WITHOUT_BOX) != "1":
        raise IsolationError(
            "--isolation none as root would give student code this whole machine: run as an "
            f"ordinary user, or, where the machine is thrown away afterwards, set "
            f"{ROOT_WITHOUT_BOX}=1"
        )


def leave_root() -> list[str]:
    return ["--leave-root"] if os.getuid() == 0 else []


def python_in(isolation: Isolation) -> str:
    """Return the interpreter's path where the box sees it."""
    if isolation is Isolation.BOX and sys.prefix != sys.base_prefix:
        return f"{ENVIRONMENT_IN_BOX}/bin/{Path(sys.executable).name}"
    return sys.executable


def environment_in(isolation: Isolation) -> dict[str, str]:
    engine = "/engine" if isolation is Isolation.BOX else str(ENGINE.parent)
    return {
        # Memory in pages of 2 MiB where the kernel has them: a fork costs a quarter. Python's own
        # allocator asks for its memory in smaller pieces.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "PYTHONMALLOC": "malloc",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": "/tmp/matplotlib" if isolation is Isolation.BOX else tempfile.gettempdir(),
        "OMP_NUM_THREADS": "1",
        # What torch.compile makes needs a compiler: what it was given is called as it is.
        "TORCHDYNAMO_DISABLE": "1",
        "OMP_THREAD_LIMIT": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # There is no network: an install fails at once, and is not tried again for half a minute.
        "PIP_NO_INDEX": "1",
        "PATH": f"{Path(python_in(isolation)).parent}:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": engine,
        "PYTHONSAFEPATH": "1",
        "USER": "student",
    }
