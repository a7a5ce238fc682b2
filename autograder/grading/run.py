"""One run of `autograder grade`: grade what must be, and enter results meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from autograder.atomic_files import remove_unfinished
from autograder.course.files import Assignment
from autograder.errors import AutograderError
from autograder.gradebook.entered import EnteredMarks
from autograder.gradebook.writer import Entered, GradebookWriter
from autograder.grading.class_run import ClassGrading
from autograder.grading.tasks import Graded
from autograder.results.rebuilt import forget_rebuilt
from autograder.submissions.finding import Found


def grade_class(
    grading: ClassGrading, found: list[Found], *, enter: bool
) -> Iterator[Graded | Entered]:
    """Yield each submission when its result is there, and each result when the gradebook has it.

    With `enter`, submissions in the course's own folder go to the gradebook: those graded now, and
    those that a run before this one graded and could not enter any more.
    """
    todo, unchanged = grading.split(found, enter=enter)
    yield from unchanged
    marks = EnteredMarks(grading.assignment)
    known = marks.hold()
    waiting = [
        one.found.student
        for one in unchanged
        if enter and one.found.in_course and not (known and marks.is_set(one.found.student))
    ]
    if not waiting and not (enter and any(task.found.in_course for task in todo)):
        yield from grading.grade(todo)
        return
    boxes = grading.boxes
    with GradebookWriter(grading.assignment, boxes.lines, boxes.let_go) as writer:
        for student in waiting:
            writer.enter(student)
        for graded in grading.grade(todo):
            yield graded
            if graded.found.in_course:
                writer.enter(graded.found.student)
            yield from writer.poll()
        yield from writer.finish()
    forget_rebuilt(grading.assignment.results)


@contextlib.contextmanager
def only_run(assignment: Assignment) -> Iterator[None]:
    """Refuse a second run over the same assignment at the same time."""
    path: Path = assignment.results / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            # Of this process alone: judges that outlive a killed run do not hold it.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AutograderError(
                f"another `autograder grade {assignment.name}` is running; wait for it"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        remove_unfinished(assignment.results)
        yield
