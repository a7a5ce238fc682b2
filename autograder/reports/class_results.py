"""What a report keeps of a class's results: small, without what cells printed or drew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from autograder.gradebook.scores import FinalScore
from autograder.results.document import ExerciseResult, SubmissionResult
from autograder.results.verdicts import Verdict

ENDED = (Verdict.CRASHED, Verdict.OUT_OF_MEMORY, Verdict.TIMED_OUT)


@dataclass(frozen=True)
class Ending:
    """Something that did not run to its end, or needs a person: where, how, and what was said."""

    student: str
    where: str
    verdict: Verdict
    message: str


@dataclass(frozen=True)
class Mark:
    """How one student did in one exercise."""

    points: float
    score: float
    optional: bool
    verdict: Verdict
    seconds: float
    misconception: str | None
    says: str | None
    tests: dict[str, Verdict]

    @property
    def share(self) -> float:
        return self.score / self.points if self.points else 0.0


@dataclass(frozen=True)
class Row:
    """One student's line: the score, the exercises by name, and what to look at."""

    student: str
    final: FinalScore
    marks: dict[str, Mark]
    needs_person: bool
    notes: tuple[str, ...]
    endings: tuple[Ending, ...]
    seconds: float
    peak_memory_mb: float
    version: str
    """A hash of the assignment that it was graded with."""

    @property
    def is_readable(self) -> bool:
        """Say whether the file was a notebook that could be graded."""
        return any(mark.tests for mark in self.marks.values())

    @property
    def misconceptions(self) -> list[str]:
        return [mark.misconception for mark in self.marks.values() if mark.misconception]


@dataclass
class Item:
    """An exercise as the class's results know it: its tests and their sentences."""

    name: str
    points: float
    optional: bool
    sentences: dict[str, str] = field(default_factory=dict)


@dataclass
class ClassResults:
    """A class's rows and the exercises that appear in them, in the notebook's order."""

    assignment: str
    rows: list[Row] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)

    def add(self, result: SubmissionResult, final: FinalScore) -> Row:
        """Take what the report needs of one result."""
        for exercise in result.exercises:
            item = self.items.setdefault(
                exercise.name, Item(exercise.name, exercise.points, exercise.optional)
            )
            item.sentences.update({test.name: test.sentence for test in exercise.tests})
        row = Row(
            student=result.student,
            final=final,
            marks={exercise.name: _mark(exercise) for exercise in result.exercises},
            needs_person=result.needs_person,
            notes=tuple(result.notes),
            endings=tuple(_endings(result)),
            seconds=result.seconds,
            peak_memory_mb=result.peak_memory_mb,
            version=result.key.assignment,
        )
        self.rows.append(row)
        return row

    @property
    def readable(self) -> list[Row]:
        return [row for row in self.rows if row.is_readable]

    @property
    def versions(self) -> Counter[str]:
        """Count the versions of the assignment that the results were graded with."""
        return Counter(row.version for row in self.rows)


def _mark(exercise: ExerciseResult) -> Mark:
    return Mark(
        points=exercise.points,
        score=exercise.score,
        optional=exercise.optional,
        verdict=exercise.verdict,
        seconds=exercise.seconds,
        misconception=exercise.misconception,
        says=exercise.misconception_says,
        tests={test.name: test.verdict for test in exercise.tests},
    )


def _endings(result: SubmissionResult) -> list[Ending]:
    endings = []
    for exercise in result.exercises:
        if exercise.tests and exercise.verdict in (*ENDED, Verdict.GRADER_ERROR):
            message = next(
                (one.message for one in exercise.tests if one.verdict is exercise.verdict), ""
            )
            endings.append(Ending(result.student, exercise.name, exercise.verdict, message))
    for cell in result.cells:
        if cell.ended_by is not None:
            where = f"cell {cell.index + 1}"
            endings.append(Ending(result.student, where, *cell.ended_by))
    if result.needs_person and not any(exercise.tests for exercise in result.exercises):
        why = "; ".join(result.notes)
        endings.append(Ending(result.student, "the file", result.verdict, why))
    return endings
