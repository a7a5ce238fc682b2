"""What stands of a submission whose grading broke off: the next run takes it up there.

What a run has found is final, whatever broke it off: code that ran could have learnt our own
answers to earlier exercises by then, and is never asked again for what it could have learnt.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from autograder.results.document import CellOutput, ExerciseResult


class Begun(BaseModel):
    """What earlier runs of one submission have found; empty where there was none."""

    model_config = ConfigDict(extra="forbid")

    cells: list[CellOutput] = Field(default_factory=list)
    """The outputs of the first run's cells."""
    exercises: list[ExerciseResult] = Field(default_factory=list)
    """Those that were graded to their end, in order."""
    broken: ExerciseResult | None = None
    """The one in which a run broke off, as far as it was seen."""

    @classmethod
    def of(cls, told: Iterable[Begun]) -> Begun:
        """Return what a judge has told bit by bit."""
        whole = cls()
        for part in told:
            whole = whole.and_then(part)
        return whole

    def and_then(self, part: Begun) -> Begun:
        """Return this with what was found next."""
        return Begun(
            cells=self.cells or part.cells,
            exercises=[*self.exercises, *part.exercises],
            broken=part.broken or self.broken,
        )
