"""Grade a class: skip what is unchanged, grade the rest side by side, doubtful ones once more."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from autograder.course.files import Assignment
from autograder.errors import AutograderError
from autograder.grading.fingerprints import Fingerprint, fingerprint
from autograder.grading.pool import JudgeDied, Pool
from autograder.grading.settings import ClassSettings
from autograder.grading.tasks import CannotWrite, Graded, InDoubt, Task, grade_task, keep
from autograder.results.document import read_result
from autograder.sandbox.gc_policy import put_off_collecting, share_memory
from autograder.sandbox.host.run_boxes import RunBoxes
from autograder.submissions.finding import Found
from autograder.submissions.reading import content_to_hash

if TYPE_CHECKING:
    from autograder.cluster.pool import ClusterPool
    from autograder.grading.submission import Grader


@dataclass
class ClassGrading:
    """One run over a class: what of it must be graded, and the grading of that."""

    assignment: Assignment
    settings: ClassSettings
    scratch: Path
    """Where results go that are not the course's own: of loose notebooks, of a trial run."""
    is_trial: bool = False
    """Write nothing to the course."""
    launched: RunBoxes | None = None
    """The boxes, where some are getting ready already."""

    @cached_property
    def boxes(self) -> RunBoxes:
        return self.launched or self.settings.boxes_for(self.assignment)

    def split(self, found: list[Found]) -> tuple[list[Task], list[Graded]]:
        """Return what must be graded, the slowest first, and the results that still hold."""
        limits, now = self.settings.limits, self._fingerprint
        todo: list[tuple[float | None, Task]] = []
        unchanged: list[Graded] = []
        for one in found:
            task = self._task(one)
            kept = read_result(self.assignment.result(one.student)) if one.in_course else None
            if kept is not None and not self.settings.force:
                key = now.key(content_to_hash(one.path, limits.notebook_mb))
                if not kept.outdated_by(key):
                    unchanged.append(Graded.of(task, kept, is_new=False))
                    continue
            todo.append((kept.seconds if kept else None, task))
        self.boxes.launch(len(todo))
        return _slowest_first(todo), unchanged

    @cached_property
    def _fingerprint(self) -> Fingerprint:
        return fingerprint(self.assignment, self.settings.limits, self.settings.isolation)

    def _task(self, found: Found) -> Task:
        scratch = self.scratch / f"{found.student}.json"
        if not found.in_course:
            return Task(found, scratch)
        own = self.assignment.result(found.student)
        goes_to = scratch if self.is_trial else own
        return Task(found, goes_to, earlier=None if self.settings.force else own)

    def grade(self, todo: list[Task]) -> Iterator[Graded]:
        """Yield each submission as it is graded, its result written."""
        if not todo:
            return
        if self.settings.cluster is not None:
            yield from self._grade_on_cluster(self.settings.cluster, todo)
            return
        put_off_collecting()
        # Imports torch for 2 s, which a run that finds everything unchanged does not need.
        from autograder.grading.submission import Grader

        keeper = Grader(self.assignment, self.settings.isolation, self.settings.limits)
        share_memory()

        @contextlib.contextmanager
        def make_worker(number: int) -> Iterator[Callable[[Task], Graded | InDoubt]]:
            box = self.boxes.of_judge(number)
            with replace(keeper, box=box, loaded=keeper.judge) as grader:
                grader.fingerprint = self._fingerprint
                yield lambda task: grade_task(grader, task)

        with contextlib.closing(self.boxes):
            yield from self._results(keeper, Pool(self.settings.jobs, make_worker), todo)

    def _grade_on_cluster(self, address: str, todo: list[Task]) -> Iterator[Graded]:
        from autograder.cluster.pool import ClusterPool
        from autograder.grading.submission import Grader

        # A course that is broken is refused here, before anything is sent.
        keeper = Grader(self.assignment, self.settings.isolation, self.settings.limits)
        pool = ClusterPool(address, keeper, at_once=self.settings.jobs)
        yield from self._results(keeper, pool, todo)

    def _results(
        self,
        keeper: Grader,
        pool: Pool[Task, Graded | InDoubt] | ClusterPool,
        todo: list[Task],
    ) -> Iterator[Graded]:
        """Yield what the judges bring; what is in doubt is graded again when they are done."""
        if self.settings.cluster is None and not _is_busy(self.settings.jobs):
            todo = [replace(task, may_doubt=False) for task in todo]
        for task, result in pool.run(todo):
            if isinstance(result, InDoubt):
                pool.run_alone(replace(task, may_doubt=False))
            else:
                yield self._accepted(keeper, task, result)

    def _accepted(
        self, keeper: Grader, task: Task, result: Graded | InDoubt | JudgeDied | str
    ) -> Graded:
        student = task.found.student
        if isinstance(result, Graded):
            return result
        if isinstance(result, JudgeDied):
            why = "its judge died more than once: see the machine's log"
            return keep(task, keeper.fault(student, why))
        assert isinstance(result, str)
        kind, _, message = result.partition(": ")
        if kind in (CannotWrite.__name__, "IsolationError"):
            raise AutograderError(message)
        return keep(task, keeper.fault(student, result))


def _slowest_first(todo: list[tuple[float | None, Task]]) -> list[Task]:
    """Order tasks by the seconds they took before; those not known count as the median."""
    known = [seconds for seconds, _ in todo if seconds is not None]
    middle = median(known) if known else 0.0
    ordered = sorted(todo, key=lambda one: -(middle if one[0] is None else one[0]))
    return [task for _, task in ordered]


def _is_busy(jobs: int) -> bool:
    """Say whether a submission may have to share a processor."""
    return jobs > 1 or os.getloadavg()[0] > (os.cpu_count() or 1)
