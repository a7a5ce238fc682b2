"""The instructor's page of one assignment: what the class could do, and what it misunderstood."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

from autograder.pages.rendering import render_page
from autograder.reports import pictures
from autograder.reports.class_results import ENDED, ClassResults, Ending, Item, Row
from autograder.reports.item_analysis import (
    Scores,
    Statistic,
    cronbach_alpha,
    difficulty,
    discrimination,
    rest_scores,
)
from autograder.results.verdicts import Verdict


@dataclass(frozen=True)
class ItemReport:
    """What the class did in an exercise or a hidden test."""

    number: str
    name: str
    sentence: str
    optional: bool
    counts: dict[str, int]
    """How many passed, failed, did not solve it, were ended early, or met our fault."""
    difficulty: Statistic
    discrimination: Statistic
    tests: list[ItemReport] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def known(self) -> int:
        """How many students it tells something about."""
        return sum(self.counts.values()) - self.counts["ours"]

    @property
    def passed(self) -> Statistic:
        """The share that passed, of those it tells something about."""
        if not self.known:
            return Statistic(None, "no student")
        return Statistic(self.counts["passed"] / self.known)


@dataclass(frozen=True)
class MisconceptionReport:
    """A known wrong answer, and the students whose answers behave like it."""

    exercise: str
    name: str
    says: str
    students: list[str]
    share_of_wrong: float
    """Of the students whose answer to the exercise ran and was not right."""


def render_assignment_page(results: ClassResults) -> str:
    """Return the report of an assignment as a page."""
    items = item_reports(results)
    return render_page(
        "autograder.reports",
        "assignment.html.j2",
        scripted=True,
        results=results,
        summary=summary(results),
        items=items,
        alpha=cronbach_alpha(_matrix(results, _core(results))[0]),
        misconceptions=misconceptions(results),
        endings=sorted(_all_endings(results), key=lambda one: (_order(one.verdict), one.student)),
        pictures=_pictures(results, items),
        kinds=[(row, _kinds(row)) for row in results.rows],
    )


def summary(results: ClassResults) -> dict[str, float | int]:
    """Return the numbers at the page's head."""
    shares = [row.final.share for row in results.rows]
    return {
        "students": len(results.rows),
        "readable": len(results.readable),
        "mean": float(np.mean(shares)),
        "median": float(np.median(shares)),
        "deviation": float(np.std(shares, ddof=1)) if len(shares) > 1 else 0.0,
        "persons": sum(row.needs_person for row in results.rows),
        "unmarked": sum(row.final.unmarked > 0 for row in results.rows),
        "late": sum(row.final.late_penalty > 0 for row in results.rows),
        "in_gradebook": sum(row.final.in_gradebook for row in results.rows),
        "other_versions": len(results.rows) - max(results.versions.values(), default=0),
        "seconds": float(np.median([row.seconds for row in results.rows])),
        "memory": max(row.peak_memory_mb for row in results.rows),
    }


def item_reports(results: ClassResults) -> list[ItemReport]:
    """Return the item analysis of each exercise, and in it of each of its hidden tests."""
    core = _core(results)
    scores, points = _matrix(results, core)
    places = {item.name: place for place, item in enumerate(core)}
    reports = []
    for number, item in enumerate(results.items.values(), start=1):
        # An optional exercise is not part of the total; the rest is all of it.
        rest = rest_scores(scores, points, places.get(item.name))
        own = _column(results, item)
        marks = [row.marks[item.name] for row in results.readable if item.name in row.marks]
        tests = [
            _test_report(results, item, name, f"{number}.{place}", rest)
            for place, name in enumerate(item.sentences, start=1)
        ]
        reports.append(
            ItemReport(
                number=str(number),
                name=item.name,
                sentence="",
                optional=item.optional,
                counts=_counts(mark.verdict for mark in marks),
                difficulty=difficulty(own),
                discrimination=discrimination(own, rest),
                tests=tests,
                seconds=float(np.median([mark.seconds for mark in marks])) if marks else 0.0,
            )
        )
    return reports


def _test_report(
    results: ClassResults, item: Item, name: str, number: str, rest: Scores
) -> ItemReport:
    """Report a hidden test, against the other exercises: tests of one function fall together."""
    verdicts = [
        row.marks[item.name].tests.get(name) if item.name in row.marks else None
        for row in results.readable
    ]
    passed = np.array([_passed(verdict, item) for verdict in verdicts], dtype=np.float64)
    return ItemReport(
        number=number,
        name=name,
        sentence=item.sentences[name],
        optional=item.optional,
        counts=_counts(verdict for verdict in verdicts if verdict is not None),
        difficulty=difficulty(passed),
        discrimination=discrimination(passed, rest),
    )


def _says_something(verdict: Verdict | None, item: Item) -> bool:
    """Say whether a verdict is the student's: not our fault, nor an option left alone."""
    if verdict is Verdict.MISSING:
        return not item.optional
    return verdict is not None and verdict is not Verdict.GRADER_ERROR


def _passed(verdict: Verdict | None, item: Item) -> float:
    return float(verdict is Verdict.PASSED) if _says_something(verdict, item) else float("nan")


def _counts(verdicts: object) -> dict[str, int]:
    counts = dict.fromkeys(("passed", "failed", "missing", "ended", "ours"), 0)
    for verdict in verdicts:  # type: ignore[attr-defined]
        counts[_kind(verdict)] += 1
    return counts


def _kind(verdict: Verdict) -> str:
    if verdict in ENDED:
        return "ended"
    return "ours" if verdict is Verdict.GRADER_ERROR else verdict.lower()


def _core(results: ClassResults) -> list[Item]:
    return [item for item in results.items.values() if not item.optional]


def _column(results: ClassResults, item: Item) -> Scores:
    """Return the share of points of each readable submission, NaN where it says nothing."""
    shares = [float("nan")] * len(results.readable)
    for place, row in enumerate(results.readable):
        mark = row.marks.get(item.name)
        if mark is not None and mark.tests and _says_something(mark.verdict, item):
            shares[place] = mark.share
    return np.array(shares, dtype=np.float64)


def _matrix(results: ClassResults, items: list[Item]) -> tuple[Scores, Scores]:
    """Return the shares (N, K) of readable submissions, and the points (K,)."""
    columns = [_column(results, item) for item in items]
    shares = np.array(columns, dtype=np.float64).reshape(len(items), len(results.readable)).T
    return shares, np.array([item.points for item in items], dtype=np.float64)


def misconceptions(results: ClassResults) -> list[MisconceptionReport]:
    """Return the misconceptions that were named, the commonest first."""
    students: dict[tuple[str, str], list[str]] = {}
    says: dict[tuple[str, str], str] = {}
    wrong: Counter[str] = Counter()
    for row in results.rows:
        for name, mark in row.marks.items():
            wrong[name] += mark.verdict is Verdict.FAILED or bool(mark.misconception)
            if mark.misconception:
                students.setdefault((name, mark.misconception), []).append(row.student)
                says[name, mark.misconception] = mark.says or mark.misconception
    reports = [
        MisconceptionReport(exercise, name, says[exercise, name], who, len(who) / wrong[exercise])
        for (exercise, name), who in students.items()
    ]
    return sorted(reports, key=lambda one: (-len(one.students), one.exercise, one.name))


def _all_endings(results: ClassResults) -> list[Ending]:
    return [ending for row in results.rows for ending in row.endings]


def _order(verdict: Verdict) -> int:
    """What needs a person comes first."""
    order = [Verdict.GRADER_ERROR, Verdict.MISSING, *ENDED]
    return order.index(verdict) if verdict in order else len(order)


def _kinds(row: Row) -> str:
    """Return the words by which the table's filter knows a row."""
    kinds = {_kind(mark.verdict) for mark in row.marks.values()} & {"ended", "missing"}
    if row.needs_person:
        kinds.add("person")
    if row.misconceptions:
        kinds.add("misconception")
    if row.final.unmarked:
        kinds.add("unmarked")
    if row.notes:
        kinds.add("note")
    return " ".join(sorted(kinds))


def _pictures(results: ClassResults, items: list[ItemReport]) -> dict[str, Markup]:
    points = [
        (int(item.number), item.difficulty.value, item.discrimination.value, item.optional)
        for item in items
        if item.difficulty.value is not None and item.discrimination.value is not None
    ]
    drawn = {
        "scores": pictures.score_distribution([row.final.share for row in results.rows]),
        "costs": pictures.seconds_and_memory(
            [row.seconds for row in results.rows], [row.peak_memory_mb for row in results.rows]
        ),
    }
    if results.readable:
        counts = {f"{item.name} {item.number}": item.counts for item in items}
        drawn["verdicts"] = pictures.verdicts_by_exercise(counts)
    if points:
        drawn["analysis"] = pictures.difficulty_and_discrimination(points)
    return drawn
