"""The instructor's page of the whole course: students followed across its assignments."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from autograder.pages.rendering import render_page
from autograder.reports import pictures
from autograder.reports.class_results import ClassResults, Row
from autograder.reports.item_analysis import Statistic, discrimination

FALL = 0.25
"""A student whose score falls by this share of the maximum below their own mean before."""


@dataclass(frozen=True)
class Way:
    """One student's way through the course: a row an assignment, None where nothing came in."""

    student: str
    rows: list[Row | None]

    @property
    def shares(self) -> list[float]:
        return [row.final.share for row in self.rows if row is not None]

    @property
    def mean(self) -> float:
        """The mean of what was handed in; what is missing is told apart."""
        return float(np.mean(self.shares))

    @property
    def total(self) -> float:
        return sum(row.final.score for row in self.rows if row is not None)

    @property
    def missing(self) -> int:
        return sum(row is None for row in self.rows)

    @property
    def change(self) -> float | None:
        """The last score against the mean of the earlier ones, as a share of the maximum."""
        *before, last = self.shares
        return last - float(np.mean(before)) if before else None

    @property
    def has_fallen(self) -> bool:
        return self.change is not None and self.change <= -FALL

    @property
    def misconceptions(self) -> int:
        return sum(len(row.misconceptions) for row in self.rows if row is not None)

    @property
    def kinds(self) -> str:
        """The words by which the table's filter knows the row."""
        kinds = [
            ("missing", self.missing > 0),
            ("fallen", self.has_fallen),
            ("person", any(row is not None and row.needs_person for row in self.rows)),
        ]
        return " ".join(kind for kind, holds in kinds if holds)


def ways(classes: list[ClassResults]) -> list[Way]:
    """Return each student's way, in the order of their names."""
    by_name = [{row.student: row for row in results.rows} for results in classes]
    students = sorted({student for rows in by_name for student in rows})
    return [Way(student, [rows.get(student) for rows in by_name]) for student in students]


def neighbours(names: list[str], all_ways: list[Way]) -> list[tuple[str, str, Statistic]]:
    """Return the correlation of scores between each assignment and the next one."""
    shares = _shares(names, all_ways)
    return [
        (before, after, discrimination(shares[:, at + 1], shares[:, at]))
        for at, (before, after) in enumerate(itertools.pairwise(names))
    ]


def render_course_page(classes: list[ClassResults], pages: Collection[tuple[str, str]]) -> str:
    """Return the report of the course; `pages` are the (assignment, student) pages that exist.

    The page of an assignment itself is the pair with an empty student.
    """
    names = [results.assignment for results in classes]
    all_ways = ways(classes)
    return render_page(
        "autograder.reports",
        "course.html.j2",
        scripted=True,
        classes=classes,
        names=names,
        ways=all_ways,
        pages=pages,
        medians=[float(np.median([row.final.share for row in one.rows])) for one in classes],
        neighbours=neighbours(names, all_ways),
        fallen=sorted((way for way in all_ways if way.has_fallen), key=lambda way: way.change or 0),
        absent=[way for way in all_ways if way.missing],
        picture=pictures.class_over_assignments(names, _shares(names, all_ways).tolist()),
    )


def _shares(names: list[str], all_ways: list[Way]) -> np.ndarray:
    shares = [
        [row.final.share if row is not None else np.nan for row in way.rows] for way in all_ways
    ]
    return np.array(shares, dtype=np.float64).reshape(-1, len(names))
