"""Write a class's feedback where nbgrader keeps it, and release it to nbgrader's exchange.

One process for all students; `nbgrader generate_feedback` makes the same pages, one student after
the other.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from autograder.atomic_files import write_whole
from autograder.course.configuration import course_config
from autograder.course.exchange import exchange_config
from autograder.course.files import Assignment
from autograder.course.nbgrader_release import course_directory
from autograder.errors import AutograderError
from autograder.feedback.class_feedback import ClassFeedback
from autograder.gradebook.nbgrader_commands import nbgrader_log
from autograder.results.document import SubmissionResult, read_results

# What nbgrader's exchange needs of a submission to give feedback back to its owner.
_SECRET = "submission_secret.txt"
_BESIDE = ("timestamp.txt", _SECRET)


class Outcome(StrEnum):
    """What became of a student's feedback."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    STALE = "its result is not that of the notebook in autograded/: grade it again"


@dataclass(frozen=True)
class Feedback:
    """A student's page: where it is, and what became of it."""

    student: str
    path: Path
    outcome: Outcome

    @property
    def is_new(self) -> bool:
        """Say whether the page is another than before."""
        return self.outcome is Outcome.WRITTEN

    @property
    def is_stale(self) -> bool:
        """Say whether there is no page of what the student handed in."""
        return self.outcome is Outcome.STALE

    @property
    def can_be_released(self) -> bool:
        """Say whether it belongs to a submission that came by the exchange."""
        return not self.is_stale and (self.path.parent / _SECRET).is_file()


def write_feedback(assignment: Assignment, students: frozenset[str]) -> Iterator[Feedback]:
    """Write the pages of a class, or of these students, and yield each; rewrite what changed."""
    feedback = ClassFeedback(assignment)
    place = _places(assignment)
    for result in read_results(assignment.results):
        if not students or result.student in students:
            yield _write(feedback, result, place)


def _places(assignment: Assignment) -> Callable[[str, str], Path]:
    """Return a function of a folder's setting and a student: where nbgrader has it."""
    directory = course_directory(assignment, course_config(assignment.course))

    def place(setting: str, student: str) -> Path:
        name = getattr(directory, setting)
        return Path(directory.format_path(name, student, assignment.name))

    return place


def _write(
    feedback: ClassFeedback, result: SubmissionResult, place: Callable[[str, str], Path]
) -> Feedback:
    name, student = feedback.assignment.name, result.student
    path = place("feedback_directory", student) / f"{name}.html"
    if feedback.is_stale(result):
        return Feedback(student, path, Outcome.STALE)
    page = feedback.page(result).encode()
    is_same = path.is_file() and path.read_bytes() == page
    if not is_same:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page, synced=False)
        # As nbgrader leaves it, whatever the umask: the exchange copies the file's permissions.
        path.chmod(0o644)
    for beside in _BESIDE:
        source = place("submitted_directory", student) / beside
        if source.is_file():
            shutil.copyfile(source, path.parent / beside)
    return Feedback(student, path, Outcome.UNCHANGED if is_same else Outcome.WRITTEN)


def release_feedback(assignment: Assignment, written: list[Feedback]) -> int:
    """Release pages by the exchange that the configuration names; return how many.

    Raises AutograderError with nbgrader's own reason where the exchange cannot be used.
    """
    from nbgrader.auth import Authenticator
    from nbgrader.exchange import ExchangeError, ExchangeFactory

    config = exchange_config(assignment.course)
    directory: Any = course_directory(assignment, config)
    factory, authenticator = ExchangeFactory(config=config), Authenticator(config=config)
    log = nbgrader_log(assignment.course)
    ready = [one for one in written if one.can_be_released]
    for one in ready:
        directory.student_id = one.student
        exchange = factory.ReleaseFeedback(coursedir=directory, authenticator=authenticator)
        exchange.log = log
        try:
            exchange.start()
        except (ExchangeError, OSError) as error:
            path = assignment.course.root / "results" / "nbgrader.log"
            raise AutograderError(
                f"{one.student}: the exchange takes no feedback ({error}): {path} says why, and "
                "`autograder doctor` looks at the exchange"
            ) from error
    return len(ready)
