"""How a class is graded: what the command line says of it."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.course.files import Assignment
from autograder.sandbox.host.run_boxes import RunBoxes
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits


@dataclass(frozen=True)
class ClassSettings:
    """How a class is graded."""

    jobs: int
    isolation: Isolation
    limits: Limits
    force: bool = False
    """Grade again what has not changed."""
    cluster: str | None = None
    """The address of the Dask scheduler whose workers grade, in place of this machine."""

    def boxes_for(self, assignment: Assignment) -> RunBoxes:
        """Return the boxes of a run over a class: none on this machine where a cluster grades."""
        jobs = self.jobs if self.cluster is None else 0
        return RunBoxes.of([assignment], self.isolation, jobs)
