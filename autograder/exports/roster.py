"""A class list that another system exported: read it, and find each student's row in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import AutograderError
from autograder.exports.scores import StudentScores
from autograder.exports.spreadsheet import Cell

_MAX_MB = 64


@dataclass
class Roster:
    """Header and rows of a class list, each row as long as the header."""

    path: Path
    delimiter: str
    header: list[str]
    rows: list[list[str]]

    def column(self, name: str, option: str) -> int:
        """Return the position of a column, or say which columns there are."""
        if name not in self.header:
            raise AutograderError(
                f"{self.path} has no column {name!r}: name one with {option}; "
                f"columns: {', '.join(map(repr, self.header[:30]))}"
            )
        if self.header.count(name) > 1:
            raise AutograderError(f"{self.path} has several columns {name!r}: rename all but one")
        return self.header.index(name)


@dataclass
class Matched:
    """A filled table, and who could not be matched on either side."""

    table: list[list[Cell]]
    delimiter: str = ","
    missing_in_roster: list[str] = field(default_factory=list)
    """Students with a score for whom the class list has no row."""
    without_score: list[str] = field(default_factory=list)
    """Rows of the class list for which there is no score; they are left as they were."""
    warnings: list[str] = field(default_factory=list)


def read_roster(path: Path) -> Roster:
    """Return a class list; its delimiter is the one its first line has most of."""
    try:
        if path.stat().st_size > _MAX_MB * 2**20:
            raise AutograderError(f"{path} has more than {_MAX_MB} MiB: this is no class list")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AutograderError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise AutograderError(
            f"{path} is not UTF-8 (byte {error.start}): export it as CSV in UTF-8"
        ) from None
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [row for row in lines if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise AutograderError(f"{path} is not CSV: {error}") from None
    if not rows:
        raise AutograderError(f"{path} is empty: it must be a class list in CSV")
    header = [name.strip() for name in rows[0]]
    if longest := next((row for row in rows if len(row) > len(header)), None):
        raise AutograderError(f"{path}: a row has more cells than the header: {longest[:3]}")
    padded = [row + [""] * (len(header) - len(row)) for row in rows[1:]]
    return Roster(path, delimiter, header, padded)


def match_rows(
    roster: Roster, rows: Iterable[int], columns: list[int], students: list[StudentScores]
) -> dict[int, StudentScores]:
    """Return which row is whose: by id, id in the other system, or e-mail address.

    The columns are tried in their order. A row that fits two students, or a student who fits two
    rows, is refused: a score in the wrong row is worse than none.
    """
    by_key = _by_key(students)
    matched: dict[int, StudentScores] = {}
    owner: dict[str, int] = {}
    for row in rows:
        for column in columns:
            one = by_key.get(roster.rows[row][column].strip().casefold())
            if one is None:
                continue
            if one.student.id in owner:
                raise AutograderError(
                    f"{roster.path}: rows {owner[one.student.id] + 2} and {row + 2} are both of "
                    f"{one.student.id!r}: name the column that holds the ids with --match"
                )
            owner[one.student.id] = row
            matched[row] = one
            break
    return matched


def _by_key(students: list[StudentScores]) -> dict[str, StudentScores]:
    """Return each student by all that may name them; an id wins over others' addresses."""
    by_key: dict[str, StudentScores] = {}
    for keys in (("id",), ("lms_user_id", "email")):
        level: dict[str, list[StudentScores]] = {}
        for one in students:
            for name in {getattr(one.student, key).strip().casefold() for key in keys} - {""}:
                level.setdefault(name, []).append(one)
        # A name that fits two students names nobody.
        by_key = {name: ones[0] for name, ones in level.items() if len(ones) == 1} | by_key
    return by_key
