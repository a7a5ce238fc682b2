"""How long each cell of a notebook may run: time is kept back for answers, and for grading them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from autograder.sandbox.host.failures import AnswerTimedOut
from autograder.sandbox.limits import Limits

_SHARE_OF_ADDED = 1 / 2
_SHARE_OF_GRADING = 1 / 4
_BRIEF_S = 1.0
"""What a cell of the student's own still has when all their time is used: it may hold helpers."""


@dataclass(frozen=True)
class AboutCells:
    """What the judge knows of a notebook's cells, by their index."""

    ours: frozenset[int] = frozenset()
    """Locked cells: pictures, which may call a function that never returns."""
    added: frozenset[int] = frozenset()
    """Cells of the student's own, beside those that hold answers."""
    exercises: tuple[str, ...] = ()
    """The names of all exercises."""
    stubs: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """The exercises of which a cell holds nothing but what was released."""


@dataclass
class CellTimes:
    """The time of one submission's cells.

    Cells of the student's own have half of it together, and are the first to be cut off; the last
    quarter is for calls alone, but for a moment that each answer has.
    """

    limits: Limits
    about: AboutCells
    deadline: float = 0.0
    """When the submission's time is over, of time.monotonic; 0 before it begins."""
    _added_left_s: float = 0.0

    def begin(self) -> None:
        """Begin a run of the cells: the first, or another without a cell that ended it."""
        if not self.deadline:
            self.deadline = time.monotonic() + self.limits.submission_wall_s
        self._added_left_s = self.left_s * _SHARE_OF_ADDED

    @property
    def left_s(self) -> float:
        """What is left of the submission's time, in seconds."""
        return self.deadline - time.monotonic()

    @property
    def is_over(self) -> bool:
        return self.left_s < 0

    def limit_s(self, cell: int) -> float:
        """Return how long a cell may run now, in seconds; 0 where it is not to be run."""
        limits, kept_s = self.limits, self.limits.submission_wall_s * _SHARE_OF_GRADING
        if self.is_over:
            return 0.0
        if cell in self.about.ours:
            return limits.call_wall_s
        if cell not in self.about.added:
            return min(limits.cell_wall_s, max(self.left_s - kept_s, limits.call_wall_s))
        if self.left_s < kept_s:
            return 0.0
        return min(limits.cell_wall_s, max(self._added_left_s, _BRIEF_S))

    def took(self, cell: int, seconds: float) -> None:
        """Take in how long a cell has run."""
        if cell in self.about.added:
            self._added_left_s -= seconds

    def timed_out(self, limit_s: float, cell: int = -1) -> AnswerTimedOut:
        """Return the failure of a cell that ran longer than it might, or might not run."""
        limits = self.limits
        if self.is_over:
            return AnswerTimedOut(f"The notebook took over {limits.submission_wall_s:g} s.")
        if cell not in self.about.added or limit_s == limits.cell_wall_s:
            return AnswerTimedOut(f"The cell took longer than {limit_s:g} s.")
        share_s = limits.submission_wall_s * _SHARE_OF_ADDED
        return CutOff(
            f"Cells of your own may take {share_s:g} s in all, so that time is left for your "
            f"answers: this one {'was cut off' if limit_s else 'did not run'}."
        )


class CutOff(AnswerTimedOut):
    """A cell of the student's own was stopped, or left out, so that answers can be graded."""
