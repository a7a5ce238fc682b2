"""The unit of work of a batch: one submission, from its file to its result's file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbformat import NotebookNode

from autograder.atomic_files import write_whole
from autograder.errors import CannotWrite
from autograder.grading.begun import Begun
from autograder.results.document import SubmissionResult, read_result, result_bytes
from autograder.results.rebuilt import keep_rebuilt
from autograder.results.verdicts import Verdict
from autograder.submissions.finding import Found

if TYPE_CHECKING:
    from autograder.grading.submission import Grader

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Task:
    """A submission to grade, where its result goes, and where an earlier one lies."""

    found: Found
    result: Path
    earlier: Path | None = None
    may_keep: bool = True
    """Whether what nothing has changed for is taken over from the earlier one."""
    begun: Begun = field(default_factory=Begun)
    """What stands of it from runs that broke off."""
    may_doubt: bool = True
    """Whether to break off where the machine may have cost points, for a run on its own."""
    enters: bool = False
    """Whether the result will be entered in the gradebook."""


@dataclass(frozen=True)
class Graded:
    """What the coordinator keeps of a result; all else is in the result's file."""

    found: Found
    result: Path
    score: float
    max_score: float
    verdict: Verdict
    needs_person: bool
    seconds: float
    is_new: bool = True

    @classmethod
    def of(cls, task: Task, result: SubmissionResult, is_new: bool = True) -> Graded:
        """Sum up a result."""
        return cls(
            found=task.found,
            result=task.result,
            score=result.score,
            max_score=result.max_score,
            verdict=result.verdict,
            needs_person=result.needs_person,
            seconds=result.seconds,
            is_new=is_new,
        )


@dataclass(frozen=True)
class InDoubt:
    """A busy or failing machine may have cost this submission points: go on with it, alone."""

    task: Task
    """As it goes on: with what stands, and to its end."""


def resumed(task: Task, told: Iterable[Begun]) -> Task:
    """Return a task as another judge takes it up after this was told of it."""
    return replace(task, begun=Begun.of([task.begun, *told]))


def alone(task: Task, begun: Begun) -> Task:
    """Return a doubtful submission's task as it goes on, with nothing beside it."""
    return replace(task, begun=begun, may_doubt=False)


def grade_task(
    grader: Grader, task: Task, tell: Callable[[Begun], None] = lambda _: None
) -> Graded | InDoubt:
    """Grade a submission and write its result; tell what stands of it meanwhile."""
    from autograder.grading.submission import Earlier

    result = read_result(task.earlier) if task.earlier is not None else None
    earlier = Earlier(result, task.may_keep, task.begun)
    graded = grader.grade_file(
        task.found.path, task.found.student, earlier, may_doubt=task.may_doubt, tell=tell
    )
    if graded.begun is not None:
        return InDoubt(alone(task, graded.begun))
    return keep(task, graded.result, graded.notebook)


def keep(task: Task, result: SubmissionResult, notebook: NotebookNode | None = None) -> Graded:
    """Write a result where its task says, or say that there is no room."""
    content = result_bytes(result)
    if task.enters and notebook is not None:
        keep_rebuilt(task.result.parent, content, notebook)
    try:
        write_whole(task.result, content)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise CannotWrite(f"{task.result.parent}: {os.strerror(error.errno)}") from error
    return Graded.of(task, result)
