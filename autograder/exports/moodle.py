"""Scores in the columns Moodle takes: an assignment's grading worksheet, or its grade import.

Grading worksheet (`mod/assign/feedback/offline/importgradeslib.php` of
https://github.com/moodle/moodle): comma-separated, found by the headers "Identifier", "Grade" and
"Last modified (grade)" in the site's language; the identifier ends in the participant's number.
That number is Moodle's own, so a worksheet can only be filled, not made up.
Grade import (https://docs.moodle.org/en/Grade_import): any columns, mapped on upload; a user is
found by e-mail address, ID number or user name.
"""

from __future__ import annotations

from autograder.errors import AutograderError
from autograder.exports.roster import Matched, Roster, match_rows
from autograder.exports.scores import ClassScores
from autograder.exports.spreadsheet import Cell, number_text

_HEADER = ["Email address", "ID number", "First name", "Last name"]
_MATCHED_BY = ("ID number", "Username", "Email address", "Identifier", "Full name")
_GRADE = "Grade"
_MAXIMUM = "Maximum Grade"


def moodle_table(scores: ClassScores, grade_column: str | None) -> Matched:
    """Return the table for Moodle's grade import; the ID number is Moodle's, else nbgrader's."""
    header: list[Cell] = [*_HEADER, grade_column or scores.assignment]
    table: list[list[Cell]] = [header]
    for one in scores.students:
        who = one.student
        number = who.lms_user_id or who.id
        table.append([who.email, number, who.first_name, who.last_name, one.score])
    without = sum(not one.student.email for one in scores.students)
    warnings = []
    if without:
        warnings.append(
            f"{without} students have no e-mail address in nbgrader: map by ID number in Moodle, "
            "or give Moodle's grading worksheet with --roster"
        )
    return Matched(table, warnings=warnings)


def fill_moodle(
    scores: ClassScores, roster: Roster, grade_column: str | None, match: str | None
) -> Matched:
    """Return Moodle's grading worksheet with the scores in it; all else stays as it is."""
    if roster.delimiter != ",":
        raise AutograderError(
            f"{roster.path} is not separated by commas, and Moodle's worksheet import takes "
            "nothing else: download the worksheet again and do not save it from a spreadsheet"
        )
    graded = roster.column(grade_column or _GRADE, "--grade-column")
    columns = (
        [roster.column(match, "--match")]
        if match
        else [roster.header.index(name) for name in _MATCHED_BY if name in roster.header]
    )
    matched = match_rows(roster, range(len(roster.rows)), columns, scores.submitted)
    table: list[list[Cell]] = [[*roster.header]]
    for number, row in enumerate(roster.rows):
        filled: list[Cell] = [*row]
        if number in matched:
            filled[graded] = matched[number].score
        table.append(filled)
    found = {one.student.id for one in matched.values()}
    return Matched(
        table,
        roster.delimiter,
        [one.student.id for one in scores.submitted if one.student.id not in found],
        [_who(roster, row) for number, row in enumerate(roster.rows) if number not in matched],
        _maximum_warning(scores, roster),
    )


def _who(roster: Roster, row: list[str]) -> str:
    named = [row[roster.header.index(name)] for name in ("Full name",) if name in roster.header]
    return next(iter(named), "") or row[0]


def _maximum_warning(scores: ClassScores, roster: Roster) -> list[str]:
    """Warn where Moodle would refuse scores: its maximum is below what students have."""
    if _MAXIMUM not in roster.header:
        return []
    column = roster.header.index(_MAXIMUM)
    maxima = {row[column].strip().replace(",", ".") for row in roster.rows} - {""}
    ours = number_text(scores.max_score)
    for text in sorted(maxima):
        try:
            differs = float(text) != scores.max_score
        except ValueError:
            differs = True
        if differs:
            return [
                f"Moodle's maximum grade is {text!r}, the assignment's {ours}: nothing is scaled, "
                "and Moodle refuses a grade above its maximum"
            ]
    return []
