"""The export for a spreadsheet: a row a student, everything that is known about the scores."""

from __future__ import annotations

from autograder.exports.scores import ClassScores, StudentScores
from autograder.exports.spreadsheet import Cell

_BEFORE = ["student", "last_name", "first_name", "email", "submitted", "score", "max_score"]
_PARTS = ["late_penalty", "extra_credit"]
_AFTER = ["misconceptions", "needs_person"]


def plain_table(scores: ClassScores) -> list[list[Cell]]:
    """Return the table: who, the final score and its parts, each exercise and task, findings."""
    header: list[Cell] = [*_BEFORE, *_PARTS, *scores.columns, *_AFTER]
    return [header, *(_row(scores, one) for one in scores.students)]


def _row(scores: ClassScores, one: StudentScores) -> list[Cell]:
    return [
        one.student.id,
        one.student.last_name,
        one.student.first_name,
        one.student.email,
        _submitted(scores, one),
        one.score,
        scores.max_score,
        one.final.late_penalty if one.final else None,
        one.final.extra_credit if one.final else None,
        *(one.submission.cells.get(name) if one.submission else None for name in scores.columns),
        "; ".join(one.findings.misconceptions),
        "yes" if one.needs_person else "no",
    ]


def _submitted(scores: ClassScores, one: StudentScores) -> str:
    if one.submission:
        return "yes"
    return "not graded" if one.student.id in scores.ungraded else "no"
