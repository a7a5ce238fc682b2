"""Run the cells of a notebook in the submission process, each within its time."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from autograder.sandbox.host.box import Box
from autograder.sandbox.host.cell_times import AboutCells, CellTimes
from autograder.sandbox.host.doubt import Doubt
from autograder.sandbox.host.failures import (
    AnswerCrashed,
    AnswerFailure,
    AnswerOutOfMemory,
    AnswerTimedOut,
)
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
from autograder.sandbox.wire.messages import RunCell

_INTERRUPT_GRACE_S = 2.0
# JSON writes a letter in up to 12 bytes, and pictures have eight times as much room as text.
_BYTES_A_LETTER = 24
_MAX_OUTPUT_PARTS = 100_000


@dataclass
class CellRun:
    """How a cell went: its outputs (hostile data still), and what ended it, if anything did."""

    outputs: list[Any] = field(default_factory=list)
    problem: AnswerFailure | None = None


@dataclass
class CellRuns:
    """The cells of one submission, and how each has gone."""

    box: Box
    cells: list[tuple[int, str]]
    limits: Limits
    about: AboutCells
    doubt: Doubt
    runs: dict[int, CellRun] = field(default_factory=dict)
    shows: bool = True
    """Whether what cells print is kept: none once exercises have been opened."""
    _skipped: set[int] = field(default_factory=set)
    _running: int | None = None
    """The last cell that has begun."""
    _output_bytes_left: int = 64 * MIB

    def __post_init__(self) -> None:
        self.times = CellTimes(self.limits, self.about)

    def run(self, sock: socket.socket) -> bool:
        """Run all cells; say whether their process lives on. The one that ended it is left out."""
        self.times.begin()
        self._running = None
        sock.settimeout(self.limits.cell_wall_s)
        began = time.monotonic()
        for index, source in self.cells:
            limit_s = self.times.limit_s(index)
            if index in self._skipped:
                continue
            if not limit_s:
                self._fail(index, self.times.timed_out(limit_s, index))
                continue
            problem = self._run_one(sock, index, source, limit_s, time.monotonic() - began)
            if problem is not None:
                # Before it has begun, it is still the last one that runs.
                culprit = index if self._running is None else self._running
                self._fail(culprit, problem)
                self._skipped.add(culprit)
                return False
        return True

    def _run_one(
        self, sock: socket.socket, index: int, source: str, limit_s: float, cells_s: float
    ) -> AnswerFailure | None:
        """Run a cell; return what ended its process, if anything did."""
        header: RunCell = {
            "do": "cell",
            "cell": index,
            "exercises": list(self.about.exercises),
            "stubs": list(self.about.stubs.get(index, ())),
        }
        started = time.monotonic()
        try:
            send_frame(sock, header, source.encode())
            try:
                self._take_end(sock, index, limit_s)
            except DeadlinePassed:
                self.doubt.timed_out("cells", limit_s, cells_s)
                self._fail(index, self.times.timed_out(limit_s, index))
                self.box.interrupt()
                self._take_end(sock, index, _INTERRUPT_GRACE_S)
        except DeadlinePassed:
            return self.times.timed_out(limit_s, index)
        except FrameError as error:
            return AnswerCrashed(f"The cell sent back {error}.")
        except PeerClosed:
            return self.gone()
        finally:
            self.times.took(index, time.monotonic() - started)
        return None

    def _take_end(self, sock: socket.socket, index: int, wait_s: float) -> None:
        """Wait until a cell has ended, and take in what it has shown.

        Whatever else a cell made up on this line is passed over: later ones are no worse for it.
        """
        deadline = min(time.monotonic() + wait_s, self.times.deadline + _INTERRUPT_GRACE_S)
        header: dict[str, Any] = {}
        while header.get("cell") != index or "succeeded" not in header:
            frame = receive_frame(sock, max_block_bytes=64 * MIB, deadline=deadline)
            header = frame.header
            if header.get("cell") == index:
                self._running = index
        if self.shows:
            self.runs.setdefault(index, CellRun()).outputs = self.outputs(frame.block)

    def outputs(self, block: bytes) -> list[Any]:
        """Return a cell's outputs, or none where they are more than the box's shell lets out."""
        if len(block) > min(self.limits.output_mb * _BYTES_A_LETTER * MIB, self._output_bytes_left):
            return []
        self._output_bytes_left -= len(block)
        with contextlib.suppress(ValueError):
            outputs = read_json(block, max_parts=_MAX_OUTPUT_PARTS)
            if isinstance(outputs, list):
                return outputs[:1000]
        return []

    def gone(self) -> AnswerFailure:
        """Return why the process that ran a cell is no more."""
        why = self.box.sweep().get("over")
        if why == "memory":
            return AnswerOutOfMemory(f"The cell used more than {self.limits.memory_mb} MiB.")
        if why == "cpu":
            return AnswerTimedOut("The notebook used up its processor time.")
        if why == "processes":
            return AnswerCrashed(f"The cell started more than {self.limits.processes} processes.")
        self.doubt.vanished()
        return AnswerCrashed("The cell ended its process (an exit, a crash, or a fatal signal).")

    def _fail(self, index: int, problem: AnswerFailure) -> None:
        run = self.runs.setdefault(index, CellRun())
        if run.problem is None:
            run.problem = problem
