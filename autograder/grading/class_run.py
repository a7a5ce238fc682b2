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
from autograder.errors import AutograderError, CannotWrite, IsolationError
from autograder.grading.events import Died, Done, Failed, TaskPool, Tell
from autograder.grading.fingerprints import Fingerprint, fingerprint
from autograder.grading.judge_life import silence_s
from autograder.grading.pool import Pool
from autograder.grading.settings import ClassSettings
from autograder.grading.tasks import Graded, InDoubt, Task, grade_task, keep, resumed
from autograder.results.document import SubmissionResult, read_result
from autograder.sandbox.gc_policy import put_off_collecting, share_memory
from autograder.sandbox.host.run_boxes import RunBoxes
from autograder.submissions.finding import Found
from autograder.submissions.reading import content_to_hash

if TYPE_CHECKING:
    from autograder.grading.loaded import LoadedAssignment

Judges = TaskPool[Task, Graded | InDoubt]


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
    make_pool: Callable[[LoadedAssignment], Judges] | None = None
    """Makes the judges where they are not on this machine."""

    @cached_property
    def boxes(self) -> RunBoxes:
        return self.launched or self.settings.boxes_for(self.assignment)

    def split(self, found: list[Found], *, enter: bool = False) -> tuple[list[Task], list[Graded]]:
        """Return what must be graded, the slowest first, and the results that still hold.

        With `enter`, results of the course's own submissions will go to its gradebook.
        """
        limits, now = self.settings.limits, self._fingerprint
        todo: list[tuple[float | None, Task]] = []
        unchanged: list[Graded] = []
        for one in found:
            task = self._task(one, enter)
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

    def _task(self, found: Found, enter: bool) -> Task:
        scratch = self.scratch / f"{found.student}.json"
        if not found.in_course:
            return Task(found, scratch)
        own = self.assignment.result(found.student)
        goes_to = scratch if self.is_trial else own
        return Task(found, goes_to, own, may_keep=not self.settings.force, enters=enter)

    def grade(self, todo: list[Task]) -> Iterator[Graded]:
        """Yield each submission as it is graded, its result written."""
        if not todo:
            return
        put_off_collecting()
        # Imports torch for 2 s, which a run that finds everything unchanged does not need.
        from autograder.grading.loaded import LoadedAssignment

        # A course that is broken is refused here, before anything is graded or sent.
        loaded = LoadedAssignment(self.assignment, self.settings.isolation, self.settings.limits)
        loaded.fingerprint = self._fingerprint
        share_memory()
        with contextlib.closing(self.boxes):
            yield from self._results(loaded, (self.make_pool or self._local_pool)(loaded), todo)

    def _local_pool(self, loaded: LoadedAssignment) -> Judges:
        from autograder.grading.submission import Grader

        @contextlib.contextmanager
        def make_worker(number: int) -> Iterator[Callable[[Task, Tell], Graded | InDoubt]]:
            with Grader(loaded, self.boxes.of_judge(number)) as grader:
                yield lambda task, tell: grade_task(grader, task, tell)

        silence = silence_s(self.settings.limits)
        return Pool(self.settings.jobs, make_worker, resumed, silence, self.boxes.hang_up)

    def _results(
        self, loaded: LoadedAssignment, pool: Judges, todo: list[Task]
    ) -> Iterator[Graded]:
        """Yield what the judges bring; what is in doubt is graded again when they are done."""
        if not self.settings.is_remote and not _is_busy(self.settings.jobs):
            todo = [replace(task, may_doubt=False) for task in todo]
        for event in pool.run(todo):
            match event:
                case Done(_, InDoubt(task)):
                    pool.run_alone(task)
                case Done(_, Graded() as graded):
                    yield graded
                case Died(task, told, was_late):
                    yield keep(task, self._unfinished(loaded, resumed(task, told), was_late))
                case Failed(_, failure) if failure.is_a(CannotWrite, IsolationError):
                    raise AutograderError(failure.message)
                case Failed(task, failure):
                    fault = loaded.fault(task.found.student, str(failure), self._content(task))
                    yield keep(task, fault)

    def _unfinished(self, loaded: LoadedAssignment, task: Task, was_late: bool) -> SubmissionResult:
        from autograder.grading.unfinished import unfinished

        why = "did not end in time, and was ended" if was_late else "died: see the machine's log"
        content, student = self._content(task), task.found.student
        return unfinished(loaded, student, content, task.begun, f"its judge {why}", was_late)

    def _content(self, task: Task) -> bytes:
        return content_to_hash(task.found.path, self.settings.limits.notebook_mb)


def _slowest_first(todo: list[tuple[float | None, Task]]) -> list[Task]:
    """Order tasks by the seconds they took before; those not known count as the median."""
    known = [seconds for seconds, _ in todo if seconds is not None]
    middle = median(known) if known else 0.0
    ordered = sorted(todo, key=lambda one: -(middle if one[0] is None else one[0]))
    return [task for _, task in ordered]


def _is_busy(jobs: int) -> bool:
    """Say whether a submission may have to share a processor."""
    return jobs > 1 or os.getloadavg()[0] > (os.cpu_count() or 1)
