"""Scores in the columns Canvas' gradebook import takes.

What the importer reads (`lib/gradebook_importer.rb` of https://github.com/instructure/canvas-lms):
the first column's header holds "Student", the second's "ID"; then "SIS User ID", "SIS Login ID",
perhaps "Integration ID" and "Root Account"; "Section" closes the student's columns. A row whose
first cell holds "Points Possible" has the maxima. A student is found by ID, else by SIS User ID,
else by SIS Login ID, else by name; an assignment by the number at the end of "Title (number)".
"""

from __future__ import annotations

import re

from autograder.errors import AutograderError
from autograder.exports.roster import Matched, Roster, match_rows
from autograder.exports.scores import ClassScores, StudentScores
from autograder.exports.spreadsheet import Cell, number_text

_HEADER = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
_MATCHED_BY = ("SIS Login ID", "SIS User ID", "ID", "Integration ID", "Email")
_POINTS = "Points Possible"


def canvas_table(scores: ClassScores, grade_column: str | None) -> Matched:
    """Return a table without a class list: nbgrader's ids stand where logins are expected."""
    header: list[Cell] = [*_HEADER, grade_column or scores.assignment]
    points: list[Cell] = [f"    {_POINTS}", None, None, None, None, scores.max_score]
    rows = [_row(one) for one in scores.students]
    return Matched([header, points, *rows])


def _row(one: StudentScores) -> list[Cell]:
    who = one.student
    named = bool(who.last_name and who.first_name)
    name = f"{who.last_name}, {who.first_name}" if named else who.full_name
    canvas_id = who.lms_user_id if who.lms_user_id.isdecimal() else None
    return [name, canvas_id, None, who.id, None, one.score]


def fill_canvas(
    scores: ClassScores, roster: Roster, grade_column: str | None, match: str | None
) -> Matched:
    """Return Canvas' own export with the scores in it.

    Of its columns only the student's own and this assignment's are kept: uploading an export of
    last week would set every other assignment back to last week's scores.
    """
    if "Section" not in roster.header or not any("Student" in one for one in roster.header[:1]):
        raise AutograderError(
            f"{roster.path} is no gradebook exported from Canvas: its columns begin with "
            "Student, ID and end with Section before the assignments"
        )
    last = roster.header.index("Section")
    graded = _graded_column(scores, roster, grade_column)
    columns = (
        [roster.column(match, "--match")]
        if match
        else [roster.header.index(name) for name in _MATCHED_BY if name in roster.header]
    )
    people = [number for number, row in enumerate(roster.rows) if not _is_no_student(row)]
    matched = match_rows(roster, people, columns, scores.submitted)
    table: list[list[Cell]] = [[*roster.header[: last + 1], roster.header[graded]]]
    for number, row in enumerate(roster.rows):
        score: Cell = matched[number].score if number in matched else row[graded]
        table.append([*row[: last + 1], score])
    found = {one.student.id for one in matched.values()}
    return Matched(
        table,
        roster.delimiter,
        [one.student.id for one in scores.submitted if one.student.id not in found],
        [roster.rows[number][0] for number in people if number not in matched],
        _points_warning(scores, roster, graded),
    )


def _graded_column(scores: ClassScores, roster: Roster, named: str | None) -> int:
    if named is not None:
        return roster.column(named, "--grade-column")
    title = re.compile(re.escape(scores.assignment) + r"(\s*\(\d+\))?", re.IGNORECASE)
    found = [number for number, name in enumerate(roster.header) if title.fullmatch(name)]
    if len(found) == 1:
        return found[0]
    what = "several columns" if found else "no column"
    others = roster.header[roster.header.index("Section") + 1 :]
    raise AutograderError(
        f"{roster.path} has {what} of {scores.assignment}: name one with --grade-column; "
        f"columns: {', '.join(map(repr, others[:30]))}"
    )


def _is_no_student(row: list[str]) -> bool:
    """Say whether a row has the points possible, or says which assignments are posted by hand."""
    return _POINTS in row[0] or not row[0].strip()


def _points_warning(scores: ClassScores, roster: Roster, graded: int) -> list[str]:
    points = [row[graded].strip() for row in roster.rows if _POINTS in row[0]]
    ours = number_text(scores.max_score)
    for text in points:
        try:
            differs = float(text.replace(",", ".")) != scores.max_score
        except ValueError:
            differs = bool(text)
        if differs:
            return [
                f"Canvas has {text!r} points possible, the assignment {ours}: nothing is scaled"
            ]
    return []
