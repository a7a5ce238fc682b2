"""Open a box and steer its warm parent; nothing here reads what student code sends."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import autograder
from autograder.errors import IsolationError
from autograder.isolation import Isolation
from autograder.limits import Limits
from autograder.wire.frames import DeadlinePassed, PeerClosed, receive_frame, send_frame

_START_TIMEOUT_S = 120.0
_COMMAND_TIMEOUT_S = 30.0
_ENGINE = Path(autograder.__file__).parent
_DATA_IN_BOX = "/course-data"
# A virtual environment may be moved; where it is here could be hidden there, below /tmp say.
_ENVIRONMENT_IN_BOX = "/environment"


class Box:
    """One sandbox with a warm parent in it, for one submission after another."""

    def __init__(self, isolation: Isolation, data: Path | None, nested: bool = True) -> None:
        self.isolation = isolation
        self.nested = nested and isolation is Isolation.BOX
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._is_ready = False
        self._has_started = False
        self._is_shared = False
        self._log: IO[bytes] | None = None

    def __enter__(self) -> Box:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def launch(self) -> Box:
        """Start the sandbox; its warm parent gets ready while we do something else."""
        _launch([self])
        return self

    def open(self) -> None:
        """Start the sandbox where it is not launched yet; wait until its warm parent is ready."""
        if self._control is None:
            self.launch()
        if not self._hears_ready() and self._is_shared:
            # Where the kernel refuses to part the boxes of one sandbox, this one gets its own.
            self.close()
            self.launch()
            self._hears_ready()
        if not self._is_ready:
            why = self._why("the box did not start")
            self.close()
            raise IsolationError(why)

    def _hears_ready(self) -> bool:
        assert self._control is not None
        self._control.settimeout(_START_TIMEOUT_S)
        with contextlib.suppress(PeerClosed, DeadlinePassed):
            receive_frame(self._control, max_block_bytes=0)
            self._is_ready = True
        return self._is_ready

    def close(self) -> None:
        """End the sandbox and everything in it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        self._is_ready = False
        if self._is_shared:
            # The sandbox ends when the last of its judges hangs up.
            self._process = self._log = None
            self._is_shared = False
        if self._process is not None:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _why(self, what: str) -> str:
        said = self.log_text().strip().splitlines()
        reason = said[-1] if said else "no reason given"
        return f"{what}: {reason}; `autograder doctor` says what is missing"

    def log_text(self) -> str:
        """Return what the box wrote to its standard error."""
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read(100_000).decode(errors="replace")

    @property
    def is_open(self) -> bool:
        return self._control is not None and self._is_ready

    def start_submission(self, limits: Limits, files: list[str]) -> socket.socket:
        """Fork a submission process; return the socket on which it waits for cells.

        Where the kernel refuses namespaces within the box, every submission gets a box of its own.
        """
        why = ""
        for _ in range(2):
            try:
                sock = self._start(limits, files)
            except PeerClosed:
                why = self._why("the box cannot start a submission")
                self.nested = self.nested and self._has_started
                self.close()
            else:
                self._has_started = True
                return sock
        raise IsolationError(why)

    def _start(self, limits: Limits, files: list[str]) -> socket.socket:
        if not self.is_open:
            self.open()
        assert self._control is not None
        ours, theirs = socket.socketpair()
        folder = _DATA_IN_BOX if self.isolation is Isolation.BOX else str(self._data)
        header = {
            "do": "start",
            "limits": asdict(limits),
            "files": [f"{folder}/{name}" for name in files],
        }
        send_frame(self._control, header)
        socket.send_fds(self._control, [b"f"], [theirs.fileno()])
        theirs.close()
        try:
            self._answer()
        except PeerClosed:
            ours.close()
            raise
        return ours

    def interrupt(self) -> None:
        """Interrupt the running cell, as a person would."""
        self._tell("interrupt")

    def sweep(self) -> dict[str, Any]:
        """Kill what an exercise left running; return what the submission used, and too much of."""
        return self._tell("sweep")

    def stop(self) -> dict[str, Any]:
        """End the submission and everything it started."""
        usage = self._tell("stop")
        if not self.nested and self.isolation is Isolation.BOX:
            # Without namespaces of its own a submission could have left something behind.
            self.close()
        return usage

    def _tell(self, what: str) -> dict[str, Any]:
        if self._control is None:
            return {"over": None}
        try:
            send_frame(self._control, {"do": what})
            return self._answer()
        except (PeerClosed, DeadlinePassed):
            self.close()
            return {"over": None}

    def _answer(self) -> dict[str, Any]:
        assert self._control is not None
        self._control.settimeout(_COMMAND_TIMEOUT_S)
        return receive_frame(self._control, max_block_bytes=0).header

    def _command(self, controls: list[str]) -> list[str]:
        program = [_python(self.isolation), "-m", "autograder.box", "--control", *controls]
        if self.isolation is Isolation.NONE:
            return program
        if self.nested:
            program.append("--nested")
        return [*bubblewrap_command(self._data), *program, *_leave_root()]


def launch_together(isolation: Isolation, data: Path | None, count: int) -> list[Box]:
    """Start boxes for several judges in one sandbox: what is slow to import is imported once."""
    boxes = [Box(isolation, data) for _ in range(count)]
    _launch(boxes)
    return boxes


def _launch(boxes: list[Box]) -> None:
    """Start one sandbox with a warm parent for each of these boxes."""
    ours, theirs = zip(*(socket.socketpair() for _ in boxes), strict=True)
    first = boxes[0]
    descriptors = [sock.fileno() for sock in theirs]
    log = tempfile.TemporaryFile()  # noqa: SIM115  It lives as long as the boxes.
    process = subprocess.Popen(
        first._command([str(number) for number in descriptors]),
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        env=_environment(first.isolation),
        cwd="/",
    )
    for box, control, other in zip(boxes, ours, theirs, strict=True):
        other.close()
        box._control, box._log, box._process = control, log, process
        box._is_ready, box._is_shared = False, len(boxes) > 1


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
    """Return the sandbox's command line: what student code may see, all of it read-only."""
    command = [find_bubblewrap(), "--die-with-parent", "--new-session", "--clearenv"]
    if os.getuid() == 0:
        # Root opens the box with its own capabilities and leaves root inside, before anything runs.
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--hostname", "box"]
    for name in ("usr", "lib", "lib64", "lib32", "bin", "sbin"):
        path = Path("/", name)
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            command += ["--ro-bind", str(path), str(path)]
    for name in ("/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/localtime"):
        command += ["--ro-bind-try", name, name]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--perms", "1777", "--tmpfs", "/tmp", "--chdir", "/tmp"]
    if not f"{sys.base_prefix}/".startswith("/usr/"):
        command += _bind(sys.base_prefix, sys.base_prefix)
    if sys.prefix != sys.base_prefix:
        command += _bind(sys.prefix, _ENVIRONMENT_IN_BOX)
    command += _bind(str(_ENGINE), "/engine/autograder")
    if data is not None and data.is_dir():
        command += _bind(str(data), _DATA_IN_BOX)
    for name, value in _environment(Isolation.BOX).items():
        command += ["--setenv", name, value]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return command


def _bind(source: str, target: str) -> list[str]:
    """Show a folder read-only; its parents must be open to a user who is not root."""
    parents = [str(parent) for parent in reversed(Path(target).parents) if parent != Path("/")]
    made = [word for parent in parents for word in ("--perms", "0755", "--dir", parent)]
    return [*made, "--ro-bind", source, target]


def _leave_root() -> list[str]:
    return ["--leave-root"] if os.getuid() == 0 else []


def _python(isolation: Isolation) -> str:
    """Return the interpreter's path where the box sees it."""
    if isolation is Isolation.BOX and sys.prefix != sys.base_prefix:
        return f"{_ENVIRONMENT_IN_BOX}/bin/{Path(sys.executable).name}"
    return sys.executable


def _environment(isolation: Isolation) -> dict[str, str]:
    engine = "/engine" if isolation is Isolation.BOX else str(_ENGINE.parent)
    return {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": "/tmp/matplotlib" if isolation is Isolation.BOX else tempfile.gettempdir(),
        "OMP_NUM_THREADS": "1",
        "OMP_THREAD_LIMIT": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": f"{Path(_python(isolation)).parent}:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": engine,
        "PYTHONSAFEPATH": "1",
        "USER": "student",
    }
