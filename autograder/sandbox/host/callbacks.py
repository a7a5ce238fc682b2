"""Serve what a box asks of the judge: a test's spy, or the reference of an earlier exercise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograder.sandbox.host.asked_functions import Answered, AskedFunctions, refusal
from autograder.sandbox.host.handed_over import AskBox
from autograder.sandbox.host.references import References
from autograder.sandbox.host.small_questions import is_small
from autograder.sandbox.host.time_limit import until
from autograder.sandbox.memory import MIB, MemoryRanOut, is_out_of_memory
from autograder.sandbox.seeds import seed_everything
from autograder.sandbox.wire.frames import DeadlinePassed, Frame
from autograder.sandbox.wire.handed_over import HandedDecoder
from autograder.sandbox.wire.messages import Yours
from autograder.sandbox.wire.results_out import Decoder, HostileReply
from autograder.sandbox.wire.trees import leaves

MAX_CALLS = 10_000
MAX_CALL_BYTES = 256 * MIB
"""What one hidden test may be asked in all: the judge keeps it for gradients of its spies."""
MAX_STAND_IN_BYTES = 2 * MIB
"""What one call of a stand-in may bring as its arguments; honest ones bring up to 1.3 MB."""
_MAX_KEPT = 8
_MAX_LENT = 4
_MAX_DEPTH = 8
"""So deep may calls of references lie in one another, through functions that they are given."""
# Handles of calls that are served here, and those of the references' process.
_FIRST_HANDLE_HERE = 2**40


@dataclass(frozen=True)
class Given:
    """Functions of ours among the arguments of one call."""

    callbacks: dict[int, Callable[..., Any]] = field(default_factory=dict)
    """By leaf, those that stay here."""
    functions: list[Callable[..., Any]] = field(default_factory=list)
    """All of them, in order: student code may hand them on to a stand-in."""


@dataclass(frozen=True)
class Running:
    """The question that student code works on, as far as serving what it asks needs to know."""

    given: Given
    sent: bytes
    """Its arguments, packed."""
    seed: int
    deadline: float
    talk: AskBox
    """Tells the box something, and returns what it says next."""


@dataclass(frozen=True)
class StandIns:
    """What answers for earlier exercises while one is graded."""

    references: References = field(default_factory=References)
    names: Collection[str] = ()
    hand_back: bool = False
    """Leave every call to the student's own function; from inside, a call alone tells which."""
    refuses: Callable[[str, Any, bytes], bool] | None = None
    """Says whether these arguments, while this question is answered, are none to answer for."""


Lent = tuple[Frame, Frame]
"""A question to a function of the box's, and its reply."""


@dataclass(frozen=True)
class Asked:
    """One call of a stand-in: its arguments, and what it returned, packed."""

    arguments: Any
    returned: bytes
    lent: Sequence[Lent] = ()
    """The first things that were asked of functions among the arguments, and the replies."""


@dataclass
class Callbacks:
    """The functions of ours that student code may call during one exercise."""

    stand_ins: StandIns = field(default_factory=StandIns)
    stand_ins_called: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """Stand-ins that were asked what a hidden test asks."""
    needs_more: set[str] = field(default_factory=set)
    """Stand-ins that needed more of a function they were given than to call it."""
    asked: list[Asked] = field(default_factory=list)
    """The first calls of stand-ins during the running question."""
    calls_of_question: int = 0
    _test: int = 0
    _question: int = 0
    _count: int = 0
    _bytes: int = 0
    _depth: int = 0
    _here: AskedFunctions = field(default_factory=lambda: AskedFunctions(_FIRST_HANDLE_HERE))

    def begin(self) -> None:
        """Begin a hidden test: what earlier ones asked is over."""
        self._here = AskedFunctions(_FIRST_HANDLE_HERE)
        self._test += 1
        self._count = self._bytes = 0

    def begin_question(self) -> None:
        """Begin a question of the hidden test."""
        self._question += 1
        self.asked.clear()
        self.calls_of_question = 0

    def serve(self, frame: Frame, running: Running) -> Answered:
        """Answer one callback before its deadline; its exception is the caller's to see.

        Student code chooses the arguments: ours must not work on them longer than a call may take.
        """
        self._count_in(frame)
        if "callback_gradient" in frame.header:
            answer = self._gradient(frame, running)
        elif "stand_in" in frame.header:
            answer = self._stand_in(frame, running)
        else:
            answer = self._spy(frame, running)
        self._bytes += len(answer[1])
        return answer

    def _count_in(self, frame: Frame) -> None:
        self._count += 1
        self._bytes += frame.size
        if self._count > MAX_CALLS or self._bytes > MAX_CALL_BYTES:
            raise HostileReply("too many callbacks")

    def _gradient(self, frame: Frame, running: Running) -> Answered:
        handle = frame.header["callback_gradient"]
        if type(handle) is not int or handle >= _FIRST_HANDLE_HERE:
            return _answered(
                lambda: self._here.gradient(frame.header, Decoder(frame.block)), running.deadline
            )
        if not self.stand_ins.names:
            raise HostileReply("a gradient of a call that was not made")
        return self._elsewhere(None, frame, running, [])

    def _spy(self, frame: Frame, running: Running) -> Answered:
        """Call a function that the test keeps, in this very process: it may note how."""
        leaf, given = frame.header.get("callback"), running.given
        if type(leaf) is not int or leaf not in given.callbacks:
            raise HostileReply("a call of a function that was not offered")
        decoder = Decoder(frame.block, given=given.functions)
        value = decoder.value(frame.header.get("value"))
        return _answered(
            lambda: self._here.call(given.callbacks[leaf], value, decoder), running.deadline
        )

    def _stand_in(self, frame: Frame, running: Running) -> Answered:
        name = self._offered(frame.header["stand_in"])
        if self.stand_ins.hand_back:
            yours: Yours = {"yours": True}
            return yours, b""
        if frame.size > MAX_STAND_IN_BYTES:
            return refusal(ValueError(f"over {MAX_STAND_IN_BYTES // MIB} MiB of arguments"))
        decoder = HandedDecoder(frame.block, given=running.given.functions)
        value = decoder.value(frame.header.get("value"))
        if self.stand_ins.refuses is not None and self.stand_ins.refuses(name, value, running.sent):
            self.refused.add(name)
            return refusal(ValueError("these arguments are a hidden test's"))
        lent: list[Lent] = []
        # What a test gave must be called where the test is; and what is short is done at once.
        if any(map(callable, leaves(value))) or is_small(value):
            if self.calls_of_question == 1:
                seed_everything(running.seed)
            function = self.stand_ins.references.functions[name]
            answer = _answered(lambda: self._here.call(function, value, decoder), running.deadline)
        else:
            answer = self._elsewhere(name, frame, running, lent)
        if "needs_more" in answer[0]:
            self.needs_more.add(name)
        if answer[1] and len(self.asked) < _MAX_KEPT:
            self.asked.append(Asked(value, answer[1], lent))
        return answer

    def _elsewhere(
        self, name: str | None, frame: Frame, running: Running, lent: list[Lent]
    ) -> Answered:
        """Let the references' process answer, which may ask the box about functions of its own."""
        if self._depth == _MAX_DEPTH:
            return refusal(RecursionError("our own functions and yours call one another too deep"))
        self._depth += 1
        try:
            return self.stand_ins.references.ask(
                name,
                frame,
                (self._test, self._question, running.seed),
                running.deadline,
                lambda header, block: self._ask_box(Frame(dict(header), block), running, lent),
            )
        finally:
            self._depth -= 1

    def _ask_box(self, asked: Frame, running: Running, lent: list[Lent]) -> Frame:
        """Ask the box about a function of its own; serve what this asks meanwhile."""
        frame = running.talk(asked.header, asked.block)
        while "handed" not in frame.header:
            frame = running.talk(*self.serve(frame, running))
        self._count_in(frame)
        held = sum(one.size for pair in (*lent, (asked, frame)) for one in pair)
        if "call_handed" in asked.header and len(lent) < _MAX_LENT and held < MAX_STAND_IN_BYTES:
            lent.append((asked, frame))
        return frame

    def _offered(self, name: Any) -> str:
        if not isinstance(name, str) or name not in self.stand_ins.names:
            raise HostileReply("a call of a function that was not offered")
        self.stand_ins_called.add(name)
        self.calls_of_question += 1
        return name


def _answered(answer: Callable[[], Answered], deadline: float) -> Answered:
    """Return what a function of ours answers here, before the deadline."""
    try:
        with until(deadline):
            return answer()
    except (HostileReply, DeadlinePassed):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryRanOut(str(error)[:200]) from None
        return refusal(error)
