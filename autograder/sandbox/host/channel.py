"""Talk to one exercise process: ask it, serve its callbacks, and say how it broke off."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.sandbox.host.asked_functions import Answered
from autograder.sandbox.host.callbacks import Callbacks, Given, Running, StandIns
from autograder.sandbox.host.failures import (
    AnswerCrashed,
    AnswerFailure,
    AnswerMissing,
    AnswerOutOfMemory,
    AnswerTimedOut,
)
from autograder.sandbox.host.handed_on import is_handed_on
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory import MIB
from autograder.sandbox.seeds import kept_generators
from autograder.sandbox.wire.frames import (
    DeadlinePassed,
    Frame,
    FrameError,
    PeerClosed,
    receive_frame,
    send_frame,
)
from autograder.sandbox.wire.messages import Choose
from autograder.sandbox.wire.results_out import HostileReply

_GRACE_S = 2.0
_MAX_KEPT_BYTES = MIB // 4
_MAX_TEST_BYTES = 256 * MIB
"""What all replies to one hidden test may have: they are kept until it ends."""


@dataclass(frozen=True)
class Question:
    """What a hidden test asks of the box: a call, or the gradients of one."""

    header: Mapping[str, Any]
    block: bytes
    given: Given

    def is_same(self, other: Question) -> bool:
        """Say whether the box would be sent the same."""
        return self.header == other.header and self.block == other.block


@dataclass(frozen=True)
class FirstExchange:
    """The first question of a hidden test and its reply."""

    question: Question
    digest: bytes
    frame: Frame | None
    """The reply itself, where it is small."""
    asked_ours: bool
    """Whether a stand-in was called for the reply."""

    @classmethod
    def of(cls, question: Question, reply: Frame, asked_ours: bool) -> FirstExchange:
        """Note a reply, and keep it if it is small."""
        kept = reply if reply.size <= _MAX_KEPT_BYTES else None
        return cls(question, reply.digest, kept, asked_ours)


@dataclass
class Channel:
    """The judge's end of the wall; the hooks ask its box what has happened."""

    sock: socket.socket
    limits: Limits
    why_gone: Callable[[], str | None] = lambda: None
    late: Callable[[float], None] = lambda _: None
    """Called when a call takes too long, with the seconds that earlier calls took."""
    callbacks: Callbacks = field(default_factory=Callbacks)
    ended_by: AnswerFailure | None = None
    """Why nothing more is to be had of this exercise."""
    ends_at: float = math.inf
    """When the submission's own time is over, of time.monotonic."""
    first: FirstExchange | None = None
    """How the running hidden test began."""
    only_handed_on: bool | None = None
    """Whether all replies to the running hidden test are what a stand-in made of its arguments."""
    _earlier_s: float = 0.0
    _test_bytes: int = 0

    def choose(self, exercise: str, stand_ins: StandIns) -> None:
        """Let calls be of this exercise's function from now on."""
        self.callbacks = Callbacks(stand_ins)
        header: Choose = {
            "do": "exercise",
            "exercise": exercise,
            "stand_ins": sorted(stand_ins.names),
        }
        if self.is_open:
            self.ended_by = None
            self._guarded(lambda: send_frame(self.sock, header))

    @property
    def is_open(self) -> bool:
        """Whether the process can go on with another exercise."""
        return self.sock.fileno() != -1

    def begin(self) -> None:
        """Begin a hidden test: what earlier ones asked is over."""
        self.callbacks.begin()
        self.first, self.only_handed_on, self._test_bytes = None, None, 0

    def end(self, failure: AnswerFailure) -> AnswerFailure:
        """Remember that nothing more is to be had from this process."""
        self.ended_by = failure
        self.sock.close()
        return failure

    def ask(self, question: Question) -> Frame:
        """Ask the box; raise an AnswerFailure where no reply comes back."""
        if self.ended_by is not None:
            raise self.ended_by
        started = time.monotonic()
        if started > self.ends_at:
            limit = self.limits.submission_wall_s
            raise self.end(AnswerTimedOut(f"The notebook took over {limit:g} s."))
        deadline = min(started + self.limits.call_wall_s, self.ends_at + _GRACE_S)
        self.callbacks.begin_question()
        frame: Frame = self._guarded(lambda: self._converse(question, deadline))
        self._earlier_s += time.monotonic() - started
        self._test_bytes += frame.size
        if self._test_bytes > _MAX_TEST_BYTES:
            raise self.end(AnswerCrashed("Its results are too large, all together."))
        self._note(question, frame)
        return frame

    def _note(self, question: Question, frame: Frame) -> None:
        """Note how the test began, and whether this reply is another exercise's work."""
        if self.first is None:
            asked_ours = self.callbacks.calls_of_question > 0
            self.first = FirstExchange.of(question, frame, asked_ours)
        if frame.header.get("reply") == "value" and self.only_handed_on is not False:
            asked = self.callbacks.asked
            self.only_handed_on = bool(asked) and is_handed_on(question.block, frame, asked)

    def _guarded(self, talk: Callable[[], Any]) -> Any:
        """Turn every way in which the other side can break off into an AnswerFailure."""
        try:
            return talk()
        except DeadlinePassed:
            self.late(self._earlier_s)
            limit = self.limits.call_wall_s
            raise self.end(AnswerTimedOut(f"A call took longer than {limit:g} s.")) from None
        except PeerClosed:
            raise self.end(self._gone()) from None
        except (FrameError, HostileReply) as error:
            raise self.end(AnswerCrashed.by_reply(error)) from None

    def reading(self, read: Callable[[], Any]) -> Any:
        """Read a reply; what a person must not trust ends the exercise."""
        try:
            return self._guarded(read)
        except AnswerFailure as failure:
            if isinstance(failure, AnswerMissing):
                # There is nothing to ask for; the process is none the worse.
                self.ended_by = failure
            elif failure.ends_exercise and self.ended_by is None:
                self.end(failure)
            raise

    def _gone(self) -> AnswerFailure:
        why = self.why_gone()
        if why == "memory":
            return AnswerOutOfMemory(f"A call used more than {self.limits.memory_mb} MiB.")
        if why == "cpu":
            return AnswerTimedOut("A call used up its processor time.")
        if why == "processes":
            return AnswerCrashed(f"A call started more than {self.limits.processes} processes.")
        return AnswerCrashed("A call ended its process (an exit, a crash, or a fatal signal).")

    def _converse(self, question: Question, deadline: float) -> Frame:
        self.sock.settimeout(self.limits.call_wall_s)
        send_frame(self.sock, question.header, question.block)
        frame = self._receive(deadline)
        if "reply" in frame.header:
            return frame
        with kept_generators():
            while "reply" not in frame.header:
                answer, content = self.serve(frame, question, deadline)
                frame = self._talk(answer, content, deadline)
        return frame

    def serve(self, frame: Frame, question: Question, deadline: float) -> Answered:
        """Answer what the box asks while it works on a question."""
        running = Running(
            question.given,
            question.block,
            int(question.header.get("seed", 0)),
            deadline,
            lambda header, block: self._talk(header, block, deadline),
        )
        return self.callbacks.serve(frame, running)

    def _talk(self, header: Mapping[str, Any], block: bytes, deadline: float) -> Frame:
        """Tell the box something while it works, and return what it says next."""
        send_frame(self.sock, header, block)
        return self._receive(deadline)

    def _receive(self, deadline: float) -> Frame:
        max_bytes = self.limits.reply_mb * MIB
        return receive_frame(self.sock, max_block_bytes=max_bytes, deadline=deadline)
