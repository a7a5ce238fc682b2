"""How a class is graded: what the command line says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.course.facts import slow_imports
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
    is_remote: bool = False
    """Whether other machines grade, so that this one needs no boxes."""

    def boxes_for(self, assignment: Assignment) -> RunBoxes:
        """Return the boxes of a run over a class: none where others grade."""
        jobs = 0 if self.is_remote else self.jobs
        return boxes_of([assignment], self.isolation, jobs)


def boxes_of(assignments: Sequence[Assignment], isolation: Isolation, jobs: int) -> RunBoxes:
    """Return boxes in which any of these assignments, all of one course, can be graded."""
    slow = {name for one in assignments for name in slow_imports(one)}
    return RunBoxes(isolation, assignments[0].course.data, tuple(sorted(slow)), jobs)
