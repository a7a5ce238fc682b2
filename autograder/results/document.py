"""The results document, one a submission: its schema, and how it is written and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autograder.atomic_files import write_whole
from autograder.results.verdicts import Verdict
from autograder.safe_text import for_json

SCHEMA_VERSION = 1
POINT_DIGITS = 2
"""Scores are rounded to so many digits after the point."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OwnLine(_Model):
    """A line of the student's own code in a traceback."""

    line: int
    function: str
    text: str


class TestResult(_Model):
    """One hidden test: its sentence, and what became of it."""

    __test__ = False

    name: str
    sentence: str
    verdict: Verdict
    message: str = ""
    hint: str = ""
    own_lines: list[OwnLine] = Field(default_factory=list)
    detail: str = ""
    """For the TA only; never shown to a student."""


class ExerciseResult(_Model):
    """One exercise: points reached, and the misconception a wrong answer shows."""

    name: str
    points: float
    score: float
    optional: bool = False
    verdict: Verdict
    misconception: str | None = None
    misconception_says: str | None = None
    next_step: str = ""
    """Where a misconception is named: the hint of the hidden test that it is known to fail."""
    seconds: float = 0.0
    stand_ins: list[str] = Field(default_factory=list)
    """Earlier exercises that were replaced by the reference while this one was graded."""
    with_own: bool = False
    """Right only with the student's own earlier answers, not all of which are right."""
    other_kind: bool = False
    """Accepted in another kind than ours: later code that needs our kind may be tried with ours."""
    look: str = ""
    """Why a person should look at it; empty where nobody need."""
    tests: list[TestResult] = Field(default_factory=list)


class Problem(Protocol):
    """What ends a cell before it is done."""

    verdict: Verdict
    message: str


class CellOutput(_Model):
    """The cleaned outputs of one cell of the rebuilt notebook, in nbformat's form."""

    index: int
    outputs: list[dict[str, object]] = Field(default_factory=list)
    problem: str = ""
    """What ended it, as `VERDICT: message`; empty where nothing did."""

    @classmethod
    def of(cls, index: int, outputs: list[dict[str, Any]], problem: Problem | None) -> CellOutput:
        """Return how a cell went."""
        said = "" if problem is None else f"{problem.verdict}: {problem.message}"
        return cls(index=index, outputs=outputs, problem=said)

    @property
    def ended_by(self) -> tuple[Verdict, str] | None:
        """Return the verdict and the message of what ended it, where something did."""
        verdict, _, message = self.problem.partition(": ")
        return (Verdict(verdict), message) if verdict in Verdict.__members__ else None


class Key(_Model):
    """What a result depends on: if none of it changed, the submission is not graded again."""

    submission: str
    assignment: str
    """What all exercises share: notebook, references, data, helpers of the tests."""
    exercises: dict[str, str] = Field(default_factory=dict)
    """By exercise: its own hidden tests and known answers."""
    engine: str
    settings: str


class SubmissionResult(_Model):
    """One submission, graded."""

    schema_version: int = SCHEMA_VERSION
    assignment: str
    student: str
    score: float
    max_score: float
    extra_credit: float = 0.0
    verdict: Verdict
    needs_person: bool = False
    notes: list[str] = Field(default_factory=list)
    """What was odd about the notebook: missing, repeated or re-typed cells, and so on."""
    isolation: str
    seconds: float = 0.0
    cells_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    key: Key
    exercises: list[ExerciseResult] = Field(default_factory=list)
    cells: list[CellOutput] = Field(default_factory=list)
    in_doubt: bool = Field(default=False, exclude=True)
    """A busy or failing machine may have cost points: a second run, alone, decides."""

    @property
    def has_grader_error(self) -> bool:
        """Say whether any part of it is our fault."""
        return any(one.verdict is Verdict.GRADER_ERROR for one in self.exercises)

    @property
    def is_gradable(self) -> bool:
        """Say whether its file was a notebook, so that hidden tests were run."""
        return any(one.tests for one in self.exercises)

    def outdated_by(self, key: Key) -> frozenset[str]:
        """Return the exercises that must be graded again where `key` is what holds now."""
        every = frozenset(key.exercises)
        whole = {"submission", "assignment", "engine", "settings"}
        names = {one.name for one in self.exercises}
        if self.has_grader_error or names != every or not self.is_gradable:
            return every if self.has_grader_error or self.key != key else frozenset()
        if self.key.model_dump(include=whole) != key.model_dump(include=whole):
            return every
        return frozenset(n for n in every if self.key.exercises.get(n) != key.exercises[n])


def write_result(path: Path, result: SubmissionResult) -> None:
    """Write a result so that a reader sees the old one or the new one, never a part."""
    write_whole(path, result_bytes(result))


def result_bytes(result: SubmissionResult) -> bytes:
    """Return a result as its file holds it."""
    return result.model_dump_json().encode()


def read_result(path: Path) -> SubmissionResult | None:
    """Return the result in a file, or None where there is none of this schema."""
    try:
        return parse_result(path.read_bytes())
    except OSError:
        return None


def parse_result(content: bytes) -> SubmissionResult | None:
    """Return the result that these bytes are, or None where they are none of this schema."""
    try:
        result = SubmissionResult.model_validate_json(content)
    except ValidationError:
        return None
    return result if result.schema_version == SCHEMA_VERSION else None


def read_results(folder: Path) -> Iterator[SubmissionResult]:
    """Yield the results of a class, one at a time, in the order of the students' names."""
    for path in sorted(folder.glob("*.json")):
        result = read_result(path)
        if result is not None:
            yield result


def document_lines(
    assignment: str, by_hand: Mapping[str, float], results: Iterable[SubmissionResult]
) -> Iterator[str]:
    """Yield the text of the document that `autograder grade --json` prints, piece by piece.

    `by_hand` are the points of what people mark, by task: in no score of the document.
    """
    head = {"schema": SCHEMA_VERSION, "assignment": assignment, "by_hand": dict(by_hand)}
    yield for_json(head).removesuffix("}") + ', "submissions": ['
    separator = "\n"
    for result in results:
        content = result.model_dump(mode="json", exclude={"cells", "schema_version"})
        yield separator + for_json(content, indent=1)
        separator = ",\n"
    yield "\n]}\n"
