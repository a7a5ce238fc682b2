"""Take one submission through a box: cells, then exercises; a crash costs its place only."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from autograder.sandbox.host.box import Box
from autograder.sandbox.host.callbacks import StandIns
from autograder.sandbox.host.cell_runs import CellRun, CellRuns
from autograder.sandbox.host.cell_times import AboutCells, CellTimes
from autograder.sandbox.host.channel import Channel
from autograder.sandbox.host.doubt import Doubt
from autograder.sandbox.host.failures import AnswerCrashed, AnswerFailure
from autograder.sandbox.host.references import References
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory import MIB
from autograder.sandbox.wire.frames import (
    DeadlinePassed,
    FrameError,
    PeerClosed,
    receive_frame,
    send_frame,
)
from autograder.sandbox.wire.messages import OpenCalls, Replace

_MAX_RESTARTS = 6
_LEAVE_GRACE_S = 0.05


@dataclass
class Session:
    """One notebook's code in a box, from its first cell to its last exercise."""

    box: Box
    cells: list[tuple[int, str]]
    limits: Limits
    files: list[str]
    about: AboutCells = field(default_factory=AboutCells)
    doubt: Doubt = field(init=False)
    """What of this run may be the machine's doing."""
    replaced: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By exercise, its cell and the code that its process runs in that cell's place."""
    usage: dict[str, Any] = field(default_factory=dict)
    leaves_nothing: bool = False
    """No call can leave anything behind for a later one: one process serves all exercises."""
    references: References = field(default_factory=References)
    """Our own functions, as far as the submission's code may ask them."""
    _serving: Channel | None = None
    """The exercise process that goes on from exercise to exercise."""
    _sock: socket.socket | None = None
    _restarts: int = 0

    def __post_init__(self) -> None:
        self.doubt = Doubt(self.box)
        self._cell_runs = CellRuns(self.box, self.cells, self.limits, self.about, self.doubt)

    @property
    def runs(self) -> dict[int, CellRun]:
        """How each cell has gone, by its index."""
        return self._cell_runs.runs

    @property
    def _times(self) -> CellTimes:
        return self._cell_runs.times

    def run_cells(self) -> None:
        """Run the cells from the top; after a cell that ends the process, again without it."""
        if not self._times.deadline:
            self.doubt.begin()
        while self._restarts <= _MAX_RESTARTS:
            self._restarts += 1
            self._drop()
            with contextlib.suppress(DeadlinePassed, FrameError, PeerClosed):
                self._sock = self.box.start_submission(self.limits, self.files)
                if self._cell_runs.run(self._sock):
                    return
        self._drop()

    def source_of(self, cell: int) -> str:
        """Return the code that ran as this cell, in our copy; none where there is no such cell."""
        return {**dict(self.cells), **dict(self.replaced.values())}.get(cell, "")

    def open_exercise(self, exercise: str, stand_ins: StandIns) -> Channel:
        """Return a channel to an exercise; where the submission is gone, run its cells again."""
        self._cell_runs.shows = False
        if self._times.is_over:
            return _dead_channel(self.limits, self._times.timed_out(0))
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
        return Channel(ours, self.limits, self._why_gone, late, ends_at=self._times.deadline)

    def _replace(self, channel: Channel, exercise: str) -> None:
        """Let other code run in place of the exercise's cell; what ends it ends the exercise."""
        cell, source = self.replaced[exercise]
        self.runs[cell] = run = CellRun()
        limit_s = self._times.limit_s(cell)
        deadline = min(time.monotonic() + limit_s, self._times.deadline)
        try:
            header: Replace = {
                "do": "replace",
                "exercise": exercise,
                "cell": cell,
                "source": source,
            }
            send_frame(channel.sock, header)
            frame = receive_frame(channel.sock, max_block_bytes=64 * MIB, deadline=deadline)
            run.outputs = self._cell_runs.outputs(frame.block)
        except DeadlinePassed:
            run.problem = channel.end(self._times.timed_out(limit_s))
        except FrameError as error:
            run.problem = channel.end(AnswerCrashed(f"The cell sent back {error}."))
        except PeerClosed:
            run.problem = channel.end(self._cell_runs.gone())

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
        return self._sock is not None and self._times.left_s > self.limits.submission_wall_s / 2

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
