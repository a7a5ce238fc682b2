"""Open a box and steer its warm parent; nothing here reads what student code sends."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from autograder.errors import IsolationError
from autograder.sandbox.host.bubblewrap import (
    DATA_IN_BOX,
    Sandbox,
    bubblewrap_command,
    environment_in,
    leave_root,
    python_in,
    refuse_root_without_box,
)
from autograder.sandbox.host.submission_group import SubmissionGroup
from autograder.sandbox.isolation import BOX_AND_CGROUP, Isolation
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.frames import DeadlinePassed, PeerClosed, receive_frame, send_frame
from autograder.sandbox.wire.messages import Command, Start

_START_TIMEOUT_S = 120.0
_COMMAND_TIMEOUT_S = 30.0


class Box:
    """One sandbox with a warm parent in it, for one submission after another."""

    def __init__(
        self,
        isolation: Isolation,
        data: Path | None,
        nested: bool = True,
        slow_imports: tuple[str, ...] = (),
    ) -> None:
        self.isolation = isolation
        self._slow_imports = slow_imports
        self.nested = nested and isolation is Isolation.BOX
        self._data = data
        self._sandbox: Sandbox | None = None
        self._control: socket.socket | None = None
        self._is_ready = False
        self._has_started = False
        self._group = SubmissionGroup()
        self.deaths = 0
        """How often it ended under a submission: a fault of the machine, hardly of a student."""

    def __enter__(self) -> Box:
        if not self.is_open:
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
        if not self._hears_ready() and self._sandbox is not None and self._sandbox.is_shared:
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
        with contextlib.suppress(PeerClosed, DeadlinePassed, TimeoutError):
            self._group.hear_who_sends(self._control)
            receive_frame(self._control, max_block_bytes=0)
            self._is_ready = True
        return self._is_ready

    def close(self) -> None:
        """End the sandbox and everything in it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        self._is_ready = False
        if self._sandbox is not None:
            self._sandbox.leave()
            self._sandbox = None
        self._group.leave()

    @property
    def line(self) -> socket.socket | None:
        """The line to it: something can be read there once its warm parent is ready."""
        return self._control

    def let_go(self) -> None:
        """Close this process's copy of the line to it; the sandbox is another process's to end."""
        if self._control is not None:
            self._control.close()

    def _why(self, what: str) -> str:
        said = self.log_text().strip().splitlines()
        reason = said[-1] if said else "no reason given"
        return f"{what}: {reason}; `autograder doctor` says what is missing"

    def log_text(self) -> str:
        """Return what the box wrote to its standard error."""
        return self._sandbox.log_text() if self._sandbox is not None else ""

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
        folder = DATA_IN_BOX if self.isolation is Isolation.BOX else str(self._data)
        header: Start = {
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
        if self.isolation is Isolation.BOX:
            self._group.hold(limits)
        return ours

    @property
    def shut_off_by(self) -> str:
        """How the last submission was shut off, as results have it."""
        return BOX_AND_CGROUP if self._group.held_last else str(self.isolation)

    def interrupt(self) -> None:
        """Interrupt the running cell, as a person would."""
        self._tell("interrupt")

    def sweep(self) -> dict[str, Any]:
        """Kill what an exercise left running; return what the submission used, and too much of."""
        return self._tell("sweep")

    def cpu_seconds(self, of: str) -> float:
        """Return the processor time of the living processes of a submission's cells or exercise."""
        return float(self._tell("usage").get(f"{of}_cpu_s", 0.0))

    def stop(self) -> dict[str, Any]:
        """End the submission and everything it started."""
        usage = self._tell("stop")
        self._group.leave()
        if not self.nested and self.isolation is Isolation.BOX:
            # Without namespaces of its own a submission could have left something behind.
            self.close()
        return usage

    def _tell(self, what: Literal["interrupt", "sweep", "stop", "usage"]) -> dict[str, Any]:
        if self._control is None:
            return {"over": None}
        try:
            command: Command = {"do": what}
            send_frame(self._control, command)
            answer = self._answer()
            if not answer.get("over") and what in ("sweep", "stop") and self._group.has_run_out():
                # The kernel was faster than the warm parent's next look.
                answer["over"] = "memory"
            return answer
        except (PeerClosed, DeadlinePassed):
            self.deaths += 1
            self.close()
            return {"over": None}

    def _answer(self) -> dict[str, Any]:
        assert self._control is not None
        self._control.settimeout(_COMMAND_TIMEOUT_S)
        return receive_frame(self._control, max_block_bytes=0).header

    def _command(self, controls: list[str]) -> list[str]:
        program = [
            python_in(self.isolation),
            "-m",
            "autograder.sandbox.inside",
            "--control",
            *controls,
        ]
        program += [f"--import={name}" for name in self._slow_imports]
        if self.isolation is Isolation.NONE:
            refuse_root_without_box()
            return program
        program.append("--walled")
        if self.nested:
            program.append("--nested")
        return [*bubblewrap_command(self._data), *program, *leave_root()]


def launch_together(
    isolation: Isolation, data: Path | None, count: int, slow_imports: tuple[str, ...]
) -> list[Box]:
    """Start boxes for several judges in one sandbox: what is slow to import is imported once."""
    boxes = [Box(isolation, data, slow_imports=slow_imports) for _ in range(count)]
    _launch(boxes)
    return boxes


def _launch(boxes: list[Box]) -> None:
    """Start one sandbox with a warm parent for each of these boxes."""
    ours, theirs = zip(*(socket.socketpair() for _ in boxes), strict=True)
    first = boxes[0]
    descriptors = [sock.fileno() for sock in theirs]
    try:
        command = first._command([str(number) for number in descriptors])
    except IsolationError:
        for sock in (*ours, *theirs):
            sock.close()
        raise
    for box, control in zip(boxes, ours, strict=True):
        # Before the sandbox starts: what is started from now on is in this process's group.
        box._group.ask_who_sends(control)
    sandbox = Sandbox.start(
        command,
        descriptors,
        environment_in(first.isolation),
        users=len(boxes),
    )
    for box, control, other in zip(boxes, ours, theirs, strict=True):
        other.close()
        box._control, box._sandbox, box._is_ready = control, sandbox, False
