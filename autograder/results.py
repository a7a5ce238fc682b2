"""The results document, one a submission: its schema, and how it is written and read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autograder.verdicts import Verdict

SCHEMA_VERSION = 1


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
    seconds: float = 0.0
    stand_ins: list[str] = Field(default_factory=list)
    """Earlier exercises that were replaced by the reference while this one was graded."""
    tests: list[TestResult] = Field(default_factory=list)


class CellOutput(_Model):
    """The cleaned outputs of one cell of the rebuilt notebook, in nbformat's form."""

    index: int
    outputs: list[dict[str, object]] = Field(default_factory=list)
    problem: str = ""


class Key(_Model):
    """What a result depends on: if none of it changed, the submission is not graded again."""

    submission: str
    assignment: str
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

    @property
    def has_grader_error(self) -> bool:
        """Say whether any part of it is our fault."""
        return any(one.verdict is Verdict.GRADER_ERROR for one in self.exercises)


def write_result(path: Path, result: SubmissionResult) -> None:
    """Write a result so that a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(result.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_result(path: Path) -> SubmissionResult | None:
    """Return the result in a file, or None where there is none of this schema."""
    try:
        result = SubmissionResult.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return result if result.schema_version == SCHEMA_VERSION else None


def read_results(folder: Path) -> Iterator[SubmissionResult]:
    """Yield the results of a class, one at a time, in the order of the students' names."""
    for path in sorted(folder.glob("*.json")):
        result = read_result(path)
        if result is not None:
            yield result


def document(assignment: str, results: list[SubmissionResult]) -> dict[str, object]:
    """Return the document that `autograder grade --json` prints."""
    return {
        "schema": SCHEMA_VERSION,
        "assignment": assignment,
        "submissions": [
            result.model_dump(mode="json", exclude={"cells", "schema_version"})
            for result in results
        ],
    }
