"""Classical item analysis of scores: difficulty, discrimination, Cronbach's α. Numbers alone.

Scores are shares of an item's points, from 0 to 1; NaN stands for an item that says nothing
about the student, because the fault is ours. It is left out, not counted as a failure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

MIN_STUDENTS = 10
"""Below this, a correlation says more about chance than about the item."""


@dataclass(frozen=True)
class Statistic:
    """A number, or the reason why there is none; never NaN."""

    value: float | None
    why_not: str = ""


def difficulty(scores: Scores) -> Statistic:
    """Return an item's difficulty index: the mean share of its points; 1 is easiest.

    Shapes: `scores` (N,) shares, NaN where left out.
    """
    known = scores[~np.isnan(scores)]
    return Statistic(float(known.mean())) if known.size else Statistic(None, "no student")


def discrimination(scores: Scores, rest: Scores) -> Statistic:
    """Return the corrected item-total correlation: item against the rest of the test.

    Where the item is passed or not, this is the point-biserial correlation.
    Shapes: `scores` (N,), `rest` (N,) the share of points over the other items; NaN left out.
    """
    both = ~(np.isnan(scores) | np.isnan(rest))
    item, others = scores[both], rest[both]
    if item.size < MIN_STUDENTS:
        return Statistic(None, f"under {MIN_STUDENTS} students")
    if np.ptp(item) == 0:
        return Statistic(None, "all have the same score")
    if np.ptp(others) == 0:
        return Statistic(None, "all have the same rest")
    item, others = item - item.mean(), others - others.mean()
    correlation = item @ others / np.sqrt((item @ item) * (others @ others))
    return Statistic(float(np.clip(correlation, -1.0, 1.0)))


def rest_scores(scores: Scores, points: Scores, left_out: int | None) -> Scores:
    """Return each student's share of the points over all items but one.

    Shapes: `scores` (N, K) shares, `points` (K,); returns (N,), NaN where nothing is left.
    """
    weights = np.array(points, dtype=np.float64)
    if left_out is not None:
        weights[left_out] = 0.0
    available = ~np.isnan(scores) @ weights
    earned = np.where(np.isnan(scores), 0.0, scores) @ weights
    return np.divide(earned, available, out=np.full(len(scores), np.nan), where=available > 0)


def cronbach_alpha(scores: Scores) -> Statistic:
    """Return Cronbach's α = k/(k−1) (1 − Σ var(item) / var(total)) of items in points.

    Students with an item left out are left out whole. Shapes: `scores` (N, K).
    """
    whole = scores[~np.isnan(scores).any(axis=1)]
    students, items = whole.shape
    if items < 2:
        return Statistic(None, "under 2 exercises")
    if students < MIN_STUDENTS:
        return Statistic(None, f"under {MIN_STUDENTS} students")
    total = whole.sum(axis=1)
    if np.ptp(total) == 0:
        return Statistic(None, "all have the same total")
    ratio = whole.var(axis=0, ddof=1).sum() / total.var(ddof=1)
    return Statistic(float(items / (items - 1) * (1.0 - ratio)))
