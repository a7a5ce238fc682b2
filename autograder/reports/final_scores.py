"""Final scores: nbgrader's where it has a gradebook, with marks by hand and late penalties."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.course.files import Assignment
from autograder.results.document import SubmissionResult


@dataclass(frozen=True)
class FinalScore:
    """A student's score of an assignment, and what is known of its parts."""

    score: float
    max_score: float
    extra_credit: float = 0.0
    late_penalty: float = 0.0
    by_hand: float = 0.0
    """What a person's marks changed: of derivations, and over automatic scores."""
    unmarked: int = 0
    """How many parts still wait for a person's mark."""
    in_gradebook: bool = False

    @property
    def share(self) -> float:
        """The part of the maximum that was reached; extra credit can bring it over 1."""
        return self.score / self.max_score if self.max_score else 0.0


def automatic_score(result: SubmissionResult) -> FinalScore:
    """Return the score of a result alone, where no gradebook knows it."""
    score = round(result.score + result.extra_credit, 2)
    return FinalScore(score, result.max_score, result.extra_credit)


def gradebook_scores(assignment: Assignment) -> dict[str, FinalScore]:
    """Return the final score of each student whom nbgrader's gradebook knows; none without one."""
    from autograder.gradebook.reading import existing_gradebook

    with existing_gradebook(assignment) as gradebook:
        return {} if gradebook is None else _read(gradebook, assignment.name)


def _read(gradebook: object, assignment: str) -> dict[str, FinalScore]:
    from nbgrader import api

    database = gradebook.db  # type: ignore[attr-defined]
    penalties: dict[str, float] = {
        student: float(penalty or 0.0)
        for student, penalty in database.query(
            api.SubmittedAssignment.student_id, api.SubmittedAssignment.late_submission_penalty
        )
        .join(api.Assignment)
        .filter(api.Assignment.name == assignment)
    }
    columns = (
        api.SubmittedAssignment.student_id,
        api.BaseCell.id,
        api.Grade.auto_score,
        api.Grade.manual_score,
        api.Grade.extra_credit,
        api.Grade.needs_manual_grade,
    )
    grades = (
        database.query(*columns)
        .select_from(api.Grade)
        .join(api.BaseCell, api.Grade.cell_id == api.BaseCell.id)
        .join(api.SubmittedNotebook, api.Grade.notebook_id == api.SubmittedNotebook.id)
        .join(api.SubmittedAssignment)
        .join(api.Assignment)
        .filter(api.Assignment.name == assignment)
    )
    maxima: dict[str, float] = dict(database.query(api.GradeCell.id, api.GradeCell.max_score).all())
    maxima.update(database.query(api.TaskCell.id, api.TaskCell.max_score).all())
    parts: dict[str, list[tuple[float, float | None, float | None, float, bool]]] = {}
    for student, cell, auto, manual, extra, needs in grades:
        maximum = float(maxima.get(cell) or 0.0)
        parts.setdefault(student, []).append((maximum, auto, manual, extra or 0.0, bool(needs)))
    return {student: _sum(parts.get(student, []), penalties[student]) for student in penalties}


def _sum(
    parts: list[tuple[float, float | None, float | None, float, bool]], penalty: float
) -> FinalScore:
    """Add up grades as nbgrader's export does: a manual score wins, the penalty is taken off."""
    automatic = sum(auto or 0.0 for _, auto, _, _, _ in parts)
    marked = sum((auto or 0.0) if manual is None else manual for _, auto, manual, _, _ in parts)
    extra = sum(part[3] for part in parts)
    return FinalScore(
        score=round(max(0.0, marked + extra - penalty), 2),
        max_score=sum(part[0] for part in parts),
        extra_credit=extra,
        late_penalty=penalty,
        by_hand=round(marked - automatic, 2),
        unmarked=sum(part[4] for part in parts),
        in_gradebook=True,
    )
