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

import autograder
from autograder.errors import IsolationError
from autograder.sandbox.isolation import Isolation

_ENGINE = Path(autograder.__file__).parent
# What runs in the box, and what probe functions of hidden tests may import; nothing of the judge.
SHOWN_IN_BOX = (
    *("__init__.py", "testing.py", "sandbox/__init__.py", "sandbox/gc_policy.py"),
    *("sandbox/limits.py", "sandbox/memory.py", "sandbox/seeds.py", "sandbox/warming.py"),
    *("sandbox/calls", "sandbox/inside", "sandbox/wire"),
)
_SYSTEM = ("usr", "lib", "lib64", "lib32", "bin", "sbin")
_LARGE_PAGES = "/sys/kernel/mm/transparent_hugepage"
DATA_IN_BOX = "/course-data"
# A virtual environment may be moved; where it is here could be hidden there, below /tmp say.
_ENVIRONMENT_IN_BOX = "/environment"


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


def shown_folders() -> list[Path]:
    """Return the folders of this machine that student code sees whole, in their real places."""
    system = [Path("/", name) for name in _SYSTEM]
    python = [Path(sys.base_prefix), Path(sys.prefix)]
    return [path.resolve() for path in (*system, *python) if path.is_dir()]


def _refuse_shown_course(data: Path) -> None:
    """Refuse a course of which student code would see more than its data."""
    root = data.parent.resolve()
    for folder in shown_folders():
        if root.is_relative_to(folder):
            raise IsolationError(
                f"the course {root} lies in {folder}, which the sandbox shows to student code: "
                "hidden tests and solutions could be read; move the course elsewhere, or, if that "
                "folder is a virtual environment, make it in a folder of its own (.venv)"
            )


def bubblewrap_command(data: Path | None) -> list[str]:
    """Return the sandbox's command line: what student code may see, all of it read-only.

    `data` is the course's data folder; of the course, nothing else may be seen.
    """
    if data is not None:
        _refuse_shown_course(data)
    command = [find_bubblewrap(), "--die-with-parent", "--new-session", "--clearenv"]
    if os.getuid() == 0:
        # Root opens the box with its own capabilities and leaves root inside, before anything runs.
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--hostname", "box"]
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            command += ["--ro-bind", str(path), str(path)]
    for name in ("/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/localtime"):
        command += ["--ro-bind-try", name, name]
    # By these the C library learns of large pages; see `environment_in`.
    for name in ("enabled", "hpage_pmd_size"):
        command += _bind(f"{_LARGE_PAGES}/{name}", f"{_LARGE_PAGES}/{name}", "--ro-bind-try")
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--perms", "1777", "--tmpfs", "/tmp", "--chdir", "/tmp"]
    if not f"{sys.base_prefix}/".startswith("/usr/"):
        command += _bind(sys.base_prefix, sys.base_prefix)
    if sys.prefix != sys.base_prefix:
        command += _bind(sys.prefix, _ENVIRONMENT_IN_BOX)
    for name in SHOWN_IN_BOX:
        command += _bind(str(_ENGINE / name), f"/engine/autograder/{name}")
    if data is not None and data.is_dir():
        command += _bind(str(data), DATA_IN_BOX)
    for name, value in environment_in(Isolation.BOX).items():
        command += ["--setenv", name, value]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return command


def _bind(source: str, target: str, how: str = "--ro-bind") -> list[str]:
    """Show a file or folder read-only; its parents must be open to a user who is not root."""
    parents = [str(parent) for parent in reversed(Path(target).parents) if parent != Path("/")]
    made = [word for parent in parents for word in ("--perms", "0755", "--dir", parent)]
    return [*made, how, source, target]


def leave_root() -> list[str]:
    return ["--leave-root"] if os.getuid() == 0 else []


def python_in(isolation: Isolation) -> str:
    """Return the interpreter's path where the box sees it."""
    if isolation is Isolation.BOX and sys.prefix != sys.base_prefix:
        return f"{_ENVIRONMENT_IN_BOX}/bin/{Path(sys.executable).name}"
    return sys.executable


def environment_in(isolation: Isolation) -> dict[str, str]:
    engine = "/engine" if isolation is Isolation.BOX else str(_ENGINE.parent)
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
        "OMP_THREAD_LIMIT": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": f"{Path(python_in(isolation)).parent}:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": engine,
        "PYTHONSAFEPATH": "1",
        "USER": "student",
    }
