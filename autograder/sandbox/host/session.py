"""Take one submission through a box: cells, then exercises; a crash costs its place only."""

from __future__ import annotations

import contextlib
import pickle
import select
import socket
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from autograder.sandbox.host.box import Box
from autograder.sandbox.host.callbacks import StandIns
from autograder.sandbox.host.channel import Channel
from autograder.sandbox.host.doubt import Doubt
from autograder.sandbox.host.failures import (
    AnswerCrashed,
    AnswerFailure,
    AnswerOutOfMemory,
    AnswerTimedOut,
)
from autograder.sandbox.host.references import References
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory import MIB
from autograder.sandbox.wire.bounded_json import read_json
from autograder.sandbox.wire.frames import (
    DeadlinePassed,
    FrameError,
    PeerClosed,
    receive_frame,
    send_frame,
)
from autograder.sandbox.wire.messages import OpenCalls, Replace, RunCells

_MAX_RESTARTS = 6
_INTERRUPT_GRACE_S = 2.0
_LEAVE_GRACE_S = 0.05
# JSON writes a letter in up to 12 bytes, and pictures have eight times as much room as text.
_BYTES_A_LETTER = 24
_MAX_OUTPUT_PARTS = 100_000


@dataclass
class CellRun:
    """How a cell went: its outputs (hostile data still), and what ended it, if anything did."""

    outputs: list[Any] = field(default_factory=list)
    problem: AnswerFailure | None = None


@dataclass
class Session:
    """One notebook's code in a box, from its first cell to its last exercise."""

    box: Box
    cells: list[tuple[int, str]]
    limits: Limits
    files: list[str]
    our_cells: frozenset[int] = frozenset()
    """Cells of ours get a call's time: pictures, which may call a function that never returns."""
    doubt: Doubt = field(init=False)
    """What of this run may be the machine's doing."""
    replaced: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By exercise, its cell and the code that its process runs in that cell's place."""
    runs: dict[int, CellRun] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    leaves_nothing: bool = False
    """No call can leave anything behind for a later one: one process serves all exercises."""
    references: References = field(default_factory=References)
    """Our own functions, as far as the submission's code may ask them."""
    _serving: Channel | None = None
    """The exercise process that goes on from exercise to exercise."""
    _sock: socket.socket | None = None
    _are_asked: bool = False
    """Whether exercises have been opened: what cells show from now on is not shown."""
    _skipped: set[int] = field(default_factory=set)
    _restarts: int = 0
    _deadline: float = 0.0
    _output_bytes_left: int = 64 * MIB

    def __post_init__(self) -> None:
        self.doubt = Doubt(self.box)

    def run_cells(self) -> None:
        """Run the cells from the top; after a cell that ends the process, again without it."""
        if not self._deadline:
            self._deadline = time.monotonic() + self.limits.submission_wall_s
            self.doubt.begin()
        while self._restarts <= _MAX_RESTARTS:
            self._restarts += 1
            culprit = self._run_once()
            if culprit is None:
                return
            self._skipped.add(culprit)
        self._drop()

    def _run_once(self) -> int | None:
        """Run all cells but the skipped; return the cell that ended the process, if one did."""
        self._drop()
        todo = [(index, source) for index, source in self.cells if index not in self._skipped]
        current = todo[0][0] if todo else -1
        began, cells_s = time.monotonic(), 0.0
        try:
            self._sock = self.box.start_submission(self.limits, self.files)
            self._sock.settimeout(self.limits.cell_wall_s)
            run: RunCells = {"do": "cells"}
            send_frame(self._sock, run, pickle.dumps(todo))
            interrupted = False
            while True:
                try:
                    wait_s = _INTERRUPT_GRACE_S if interrupted else self._limit_s(current)
                    header, block = self._receive(wait_s)
                except DeadlinePassed:
                    if interrupted:
                        raise
                    self.doubt.timed_out("cells", self._limit_s(current), cells_s)
                    self._fail_cell(current, self._timed_out(current))
                    self.box.interrupt()
                    interrupted = True
                    continue
                interrupted = False
                if "cells" in header:
                    return None
                cells_s = time.monotonic() - began
                if not isinstance(header.get("cell"), int) or header["cell"] not in dict(todo):
                    raise FrameError("a cell that was not sent")
                current = header["cell"]
                if "succeeded" in header and not self._are_asked:
                    self.runs.setdefault(current, CellRun()).outputs = self._outputs(block)
        except DeadlinePassed:
            return self._fail_cell(current, self._timed_out(current))
        except FrameError as error:
            return self._fail_cell(current, AnswerCrashed(f"The cell sent back {error}."))
        except PeerClosed:
            return self._fail_cell(current, self._gone())

    def _limit_s(self, cell: int) -> float:
        limits = self.limits
        return limits.call_wall_s if cell in self.our_cells else limits.cell_wall_s

    def _receive(self, wait_s: float) -> tuple[dict[str, Any], bytes]:
        assert self._sock is not None
        deadline = min(time.monotonic() + wait_s, self._deadline + _INTERRUPT_GRACE_S)
        frame = receive_frame(self._sock, max_block_bytes=64 * MIB, deadline=deadline)
        return frame.header, frame.block

    def _outputs(self, block: bytes) -> list[Any]:
        """Return a cell's outputs, or none where they are more than the box's shell lets out."""
        if len(block) > min(self.limits.output_mb * _BYTES_A_LETTER * MIB, self._output_bytes_left):
            return []
        self._output_bytes_left -= len(block)
        return _outputs(block)

    def _timed_out(self, cell: int = -1) -> AnswerFailure:
        if time.monotonic() > self._deadline:
            return AnswerTimedOut(f"The notebook took over {self.limits.submission_wall_s:g} s.")
        return AnswerTimedOut(f"The cell took longer than {self._limit_s(cell):g} s.")

    def _gone(self) -> AnswerFailure:
        why = self.box.sweep().get("over")
        if why == "memory":
            return AnswerOutOfMemory(f"The cell used more than {self.limits.memory_mb} MiB.")
        if why == "cpu":
            return AnswerTimedOut("The notebook used up its processor time.")
        if why == "processes":
            return AnswerCrashed(f"The cell started more than {self.limits.processes} processes.")
        self.doubt.vanished()
        return AnswerCrashed("The cell ended its process (an exit, a crash, or a fatal signal).")

    def _fail_cell(self, index: int, problem: AnswerFailure) -> int:
        run = self.runs.setdefault(index, CellRun())
        if run.problem is None:
            run.problem = problem
        return index

    def source_of(self, cell: int) -> str:
        """Return the code that ran as this cell, in our copy; none where there is no such cell."""
        return {**dict(self.cells), **dict(self.replaced.values())}.get(cell, "")

    def open_exercise(self, exercise: str, stand_ins: StandIns) -> Channel:
        """Return a channel to an exercise; where the submission is gone, run its cells again."""
        self._are_asked = True
        if time.monotonic() > self._deadline:
            return _dead_channel(self.limits, self._timed_out())
        for _ in range(2):
            if not self.leaves_nothing:
                self._end_serving()
            if self._sock is None:
                self.run_cells()
            if self._sock is None:
                break
            channel = self._serving or self._fork()
            if channel is None:
                self._drop()
                continue
            self._serving = channel if self.leaves_nothing else None
            if exercise in self.replaced:
                self._replace(channel, exercise)
            # A process that has ended says so at the first call.
            with contextlib.suppress(AnswerFailure):
                channel.choose(exercise, stand_ins)
            return channel
        return _dead_channel(
            self.limits, AnswerCrashed("The notebook's cells end every process they run in.")
        )

    def _fork(self) -> Channel | None:
        """Fork an exercise process; None where there is no submission process any more."""
        assert self._sock is not None
        ours, theirs = socket.socketpair()
        try:
            opened: OpenCalls = {"do": "calls"}
            send_frame(self._sock, opened)
            socket.send_fds(self._sock, [b"f"], [theirs.fileno()])
        except (PeerClosed, DeadlinePassed, OSError):
            ours.close()
            return None
        finally:
            theirs.close()
        late = partial(self.doubt.timed_out, "exercise", self.limits.call_wall_s)
        return Channel(ours, self.limits, self._why_gone, late, ends_at=self._deadline)

    def _replace(self, channel: Channel, exercise: str) -> None:
        """Let other code run in place of the exercise's cell; what ends it ends the exercise."""
        cell, source = self.replaced[exercise]
        self.runs[cell] = run = CellRun()
        deadline = min(time.monotonic() + self._limit_s(cell), self._deadline)
        try:
            header: Replace = {
                "do": "replace",
                "exercise": exercise,
                "cell": cell,
                "source": source,
            }
            send_frame(channel.sock, header)
            frame = receive_frame(channel.sock, max_block_bytes=64 * MIB, deadline=deadline)
            run.outputs = self._outputs(frame.block)
        except DeadlinePassed:
            run.problem = channel.end(self._timed_out(cell))
        except FrameError as error:
            run.problem = channel.end(AnswerCrashed(f"The cell sent back {error}."))
        except PeerClosed:
            run.problem = channel.end(self._gone())

    def close_exercise(self, channel: Channel) -> None:
        """Hang up, kill what the exercise left running, and hear that its process has ended.

        A process that can serve the next exercise too goes on.
        """
        if channel is self._serving and channel.is_open:
            return
        self._serving = None
        self._hang_up(channel)

    def _end_serving(self) -> None:
        if self._serving is not None:
            channel, self._serving = self._serving, None
            self._hang_up(channel)

    def _hang_up(self, channel: Channel) -> None:
        channel.sock.close()
        if self._sock is not None:
            # Mostly it ends by itself at once, and the sweep finds nothing to kill.
            poll = select.poll()
            poll.register(self._sock, select.POLLIN)
            poll.poll(_LEAVE_GRACE_S * 1000)
        self.usage = self.box.sweep()
        if self._sock is None:
            return
        try:
            deadline = time.monotonic() + 5.0
            while (
                "ended"
                not in receive_frame(self._sock, max_block_bytes=MIB, deadline=deadline).header
            ):
                pass
        except (PeerClosed, DeadlinePassed, FrameError):
            self._drop()

    def _why_gone(self) -> str | None:
        over = self.box.sweep().get("over")
        if not over:
            self.doubt.vanished()
        return str(over) if over else None

    @property
    def can_go_on(self) -> bool:
        """Whether its process waits for exercises, and half of its time is left."""
        time_left = self._deadline - time.monotonic()
        return self._sock is not None and time_left > self.limits.submission_wall_s / 2

    def close(self) -> None:
        """End everything this submission started."""
        self._drop()
        self.references.close()

    def _drop(self) -> None:
        if self._serving is not None:
            self._serving.sock.close()
            self._serving = None
        if self._sock is not None:
            self._sock.close()
            self._sock = None
            usage = self.box.stop()
            self.usage = {**self.usage, **usage}


def _dead_channel(limits: Limits, failure: AnswerFailure) -> Channel:
    ours, theirs = socket.socketpair()
    theirs.close()
    channel = Channel(ours, limits)
    channel.end(failure)
    return channel


def _outputs(block: bytes) -> list[Any]:
    with contextlib.suppress(ValueError):
        outputs = read_json(block, max_parts=_MAX_OUTPUT_PARTS)
        if isinstance(outputs, list):
            return outputs[:1000]
    return []
