"""The ways in which a student's function fails a call, as exceptions that carry their verdict."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.results.verdicts import Verdict
from autograder.safe_text import for_page


@dataclass(frozen=True)
class OwnLine:
    """One line of the student's own code in a traceback."""

    line: int
    function: str
    text: str


class AnswerFailure(Exception):
    """A call that brought no acceptable result; the message is for the student."""

    verdict = Verdict.FAILED
    ends_exercise = False

    def __init__(self, message: str, own_lines: tuple[OwnLine, ...] = ()) -> None:
        super().__init__(message)
        self.message = for_page(message)
        self.own_lines = own_lines


class ContractViolation(AnswerFailure):
    """The result's structure is not the reference's."""


class StudentRaised(AnswerFailure):
    """The student's function raised."""


class AnswerMissing(AnswerFailure):
    """There is no function of that name, or it is still the stub."""

    verdict = Verdict.MISSING
    ends_exercise = True


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
