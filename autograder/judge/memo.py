"""Recall how a hidden test ended that heard the same replies before.

A hidden test is seeded, and sees of the student's function only what the box replies. So its
ending is decided by the replies: where all of them are, byte for byte, those of an earlier
submission, the test need not run again. The questions are asked in any case.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autograder.judge.behaviour import Recorded, held_bytes
from autograder.judge.collection import TestCase
from autograder.results.verdicts import Verdict
from autograder.sandbox.host.channel import Channel, Question
from autograder.sandbox.host.conversation import Conversation, Exchange
from autograder.sandbox.host.failures import AnswerFailure, OwnLine
from autograder.sandbox.memory import MIB, own_work
from autograder.sandbox.wire.frames import header_text

_MAX_ENDINGS = 50
_MAX_BYTES = 128 * MIB
"""What is remembered in all, as it lies in memory."""
_MAX_CASE_BYTES = 16 * MIB
"""And of one case: its room is not for other cases' replies to use up."""
_MAX_ENDING_BYTES = 2 * MIB
"""And of one ending: large replies are rare, and dear to keep. So no submission fills a case."""
_STEP_BYTES = 1024
"""A step beside its question: objects, a dictionary, a digest."""


@dataclass(frozen=True)
class Ending:
    """How one case of a hidden test ended."""

    verdict: Verdict = Verdict.PASSED
    message: str = ""
    """For the student: never an expected value, never test code."""
    guarded: str = ""
    """The same in words that student code has not chosen."""
    own_lines: tuple[OwnLine, ...] = ()
    detail: str = ""
    """For the TA: where in the hidden tests it failed, and how."""
    recorded: tuple[Recorded, ...] = ()
    has_other_kind: bool = False
    """Whether results were accepted in another kind than the reference's."""


@dataclass
class _Step:
    """A question, and where each reply to it led."""

    question: Question
    after: dict[bytes, _Step | Ending] = field(default_factory=dict)


@dataclass
class _Room:
    """What is remembered of one case."""

    endings: int = 0
    held: int = 0


@dataclass
class Memo:
    """The conversations of one judge, case by case of the hidden tests."""

    _first: dict[int, _Step | Ending] = field(default_factory=dict)
    _known: dict[int, _Room] = field(default_factory=dict)
    _cases: list[TestCase] = field(default_factory=list)
    """Kept alive: their identities are keys."""
    _questions: dict[tuple[bytes, bytes], Question] = field(default_factory=dict)
    """Each once: whatever a test hears, it mostly asks the same."""
    _bytes: int = 0

    def ending(
        self, case: TestCase, channel: Channel, run: Callable[[Conversation], Ending]
    ) -> Ending:
        """Return how a case ends on this channel; `run` it only where its replies are new."""
        with own_work():
            return self._ending(case, channel, run)

    def _ending(
        self, case: TestCase, channel: Channel, run: Callable[[Conversation], Ending]
    ) -> Ending:
        channel.begin()
        step, heard = self._first.get(id(case)), list[Exchange]()
        # A failure of the box is the test's to meet: it asks the same, and is told the same.
        with contextlib.suppress(AnswerFailure):
            while isinstance(step, _Step):
                frame = channel.ask(step.question)
                heard.append((step.question, frame))
                step = step.after.get(frame.digest)
        if isinstance(step, Ending):
            return step
        conversation = Conversation(channel, heard)
        ending = run(conversation)
        if self._is_decided_by_replies(conversation, ending):
            self._keep(case, conversation.exchanges, ending)
        return ending

    @staticmethod
    def _is_decided_by_replies(conversation: Conversation, ending: Ending) -> bool:
        questions = [question for question, _ in conversation.exchanges]
        # A spy of the test itself heard more than the replies.
        has_spies = any(question.given.callbacks for question in questions)
        return (
            conversation.channel.ended_by is None
            and ending.verdict is not Verdict.GRADER_ERROR
            and not has_spies
        )

    def _keep(self, case: TestCase, exchanges: list[Exchange], ending: Ending) -> None:
        """Remember an ending, and what led to it, where there is room for all of it."""
        new = {_key(question): question for question, _ in exchanges}
        new = {key: question for key, question in new.items() if key not in self._questions}
        held = _held_by(ending) + len(exchanges) * _STEP_BYTES
        held += sum(len(text) + len(block) for text, block in new)
        room = self._known.get(id(case), _Room())
        if (
            held > _MAX_ENDING_BYTES
            or room.held + held > _MAX_CASE_BYTES
            or self._bytes + held > _MAX_BYTES
            or room.endings >= _MAX_ENDINGS
        ):
            return
        if id(case) not in self._known:
            self._cases.append(case)
        self._known[id(case)] = _Room(room.endings + 1, room.held + held)
        self._bytes += held
        self._questions |= new
        reached: dict[Any, _Step | Ending] = self._first
        key: Any = id(case)
        for question, frame in exchanges:
            step = reached.setdefault(key, _Step(self._questions[_key(question)]))
            if not isinstance(step, _Step):
                return
            reached, key = step.after, frame.digest
        reached.setdefault(key, ending)


def _key(question: Question) -> tuple[bytes, bytes]:
    return header_text(question.header), question.block


def _held_by(ending: Ending) -> int:
    """Return about how many bytes an ending takes: what it records of the replies above all."""
    return held_bytes([ending.message, ending.detail, list(ending.recorded)])
