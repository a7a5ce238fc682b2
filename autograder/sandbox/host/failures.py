"""The ways in which a student's function fails a call, as exceptions that carry their verdict."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.results.verdicts import Verdict
from autograder.safe_text import for_page

# Of what a message quotes, most is the student's to write.
_MAX_MESSAGE = 2000


@dataclass(frozen=True)
class OwnLine:
    """Where a traceback goes through the student's own code: a cell's index, and a line from 1.

    Only claimed: what stands there is looked up in our copy of the notebook.
    """

    cell: int
    line: int


class AnswerFailure(Exception):
    """A call that brought no acceptable result; the message is for the student.

    `guarded` says the same in words that student code has not chosen. It is what students read once
    their code has asked for our own answers, which must not come out by a message.
    """

    verdict = Verdict.FAILED
    ends_exercise = False

    def __init__(
        self, message: str, own_lines: tuple[OwnLine, ...] = (), guarded: str | None = None
    ) -> None:
        message = for_page(message[:_MAX_MESSAGE])
        super().__init__(message)
        self.message = message
        self.own_lines = own_lines
        self.guarded = self.message if guarded is None else guarded


class ContractViolation(AnswerFailure):
    """The result's structure is not the reference's."""


class StudentRaised(AnswerFailure):
    """The student's function raised."""


class AnswerMissing(AnswerFailure):
    """There is no function of that name."""

    verdict = Verdict.MISSING
    ends_exercise = True


class NotImplementedRaised(AnswerFailure):
    """It is still the stub; or one branch of it is, where other calls bring results."""

    verdict = Verdict.MISSING

    def __init__(self, own_lines: tuple[OwnLine, ...] = ()) -> None:
        super().__init__("Not solved yet: it still raises NotImplementedError.", own_lines)


class AnswerTimedOut(AnswerFailure):
    verdict = Verdict.TIMED_OUT
    ends_exercise = True


class AnswerOutOfMemory(AnswerFailure):
    verdict = Verdict.OUT_OF_MEMORY
    ends_exercise = True


class AnswerCrashed(AnswerFailure):
    """The process that ran the student's function is gone, or sent what honest code does not."""

    verdict = Verdict.CRASHED
    ends_exercise = True

    @classmethod
    def by_reply(cls, error: Exception) -> AnswerCrashed:
        """Return the failure of a call that sent back what this error found."""
        guarded = "A call sent back what no honest code sends."
        return cls(f"A call sent back {error}.", guarded=guarded)
