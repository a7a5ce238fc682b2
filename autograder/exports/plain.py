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
        one.student,
        one.last_name,
        one.first_name,
        one.email,
        "yes" if one.submitted else "no",
        one.score,
        scores.max_score,
        one.late_penalty if one.submitted else None,
        one.extra_credit if one.submitted else None,
        *(one.cells.get(name) for name in scores.columns),
        "; ".join(one.misconceptions),
        "yes" if one.needs_person else "no",
    ]
