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

from autograder.judge.behaviour import Recorded
from autograder.judge.collection import TestCase
from autograder.results.verdicts import Verdict
from autograder.sandbox.host.channel import Channel, Question
from autograder.sandbox.host.conversation import Conversation, Exchange
from autograder.sandbox.host.failures import AnswerFailure, OwnLine
from autograder.sandbox.memory import MIB
from autograder.sandbox.wire.frames import header_text

_MAX_ENDINGS = 50
_MAX_BYTES = 128 * MIB


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


@dataclass
class _Step:
    """A question, and where each reply to it led."""

    question: Question
    after: dict[bytes, _Step | Ending] = field(default_factory=dict)


@dataclass
class Memo:
    """The conversations of one judge, case by case of the hidden tests."""

    _first: dict[int, _Step | Ending] = field(default_factory=dict)
    _known: dict[int, int] = field(default_factory=dict)
    _cases: list[TestCase] = field(default_factory=list)
    """Kept alive: their identities are keys."""
    _questions: dict[tuple[bytes, bytes], Question] = field(default_factory=dict)
    """Each once: whatever a test hears, it mostly asks the same."""
    _bytes: int = 0

    def ending(
        self, case: TestCase, channel: Channel, run: Callable[[Conversation], Ending]
    ) -> Ending:
        """Return how a case ends on this channel; `run` it only where its replies are new."""
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
        if self._may_keep(case, conversation, ending):
            self._keep(case, conversation.exchanges, ending)
        return ending

    def _may_keep(self, case: TestCase, conversation: Conversation, ending: Ending) -> bool:
        """Say whether the replies alone decided it, and whether there is room."""
        questions = [question for question, _ in conversation.exchanges]
        # A spy of the test itself heard more than the replies.
        has_spies = any(question.given.callbacks for question in questions)
        return (
            conversation.channel.ended_by is None
            and ending.verdict is not Verdict.GRADER_ERROR
            and not has_spies
            and self._bytes < _MAX_BYTES
            and self._known.get(id(case), 0) < _MAX_ENDINGS
        )

    def _keep(self, case: TestCase, exchanges: list[Exchange], ending: Ending) -> None:
        if id(case) not in self._known:
            self._cases.append(case)
        self._known[id(case)] = self._known.get(id(case), 0) + 1
        reached: dict[Any, _Step | Ending] = self._first
        key: Any = id(case)
        for question, frame in exchanges:
            step = reached.setdefault(key, _Step(self._kept_once(question)))
            if not isinstance(step, _Step):
                return
            reached, key = step.after, frame.digest
            # What the ending records of a reply is as large.
            self._bytes += len(frame.block)
        reached.setdefault(key, ending)

    def _kept_once(self, question: Question) -> Question:
        key = header_text(question.header), question.block
        if key not in self._questions:
            self._questions[key] = question
            self._bytes += len(question.block)
        return self._questions[key]
