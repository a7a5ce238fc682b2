"""Grade a class: find its submissions, skip what is unchanged, write results as they come."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.batch.pool import JudgeDied, Pool
from autograder.course import Assignment
from autograder.errors import AutograderError
from autograder.fingerprints import submission_key
from autograder.isolation import Isolation
from autograder.judge.box import launch_together
from autograder.limits import Limits
from autograder.results import SubmissionResult, read_result, write_result
from autograder.submissions.reading import UnreadableNotebook, read_bytes

if TYPE_CHECKING:
    from autograder.judge.grading import Grader


@dataclass(frozen=True)
class Found:
    """A submission found on disk; `in_course` says it lies where nbgrader keeps it."""

    student: str
    path: Path
    in_course: bool


def find_submissions(assignment: Assignment, paths: tuple[Path, ...]) -> list[Found]:
    """Return the submissions named, or all that lie in `submitted/`."""
    if not paths:
        return _submitted(assignment, assignment.course.submitted)
    found: list[Found] = []
    for path in paths:
        found += _at(assignment, path)
    students: dict[str, Path] = {}
    for one in found:
        if students.setdefault(one.student, one.path) != one.path:
            raise AutograderError(
                f"two submissions of {one.student!r}: {students[one.student]} and {one.path}"
            )
    return list(dict.fromkeys(found))


def _submitted(assignment: Assignment, root: Path) -> list[Found]:
    folders = sorted(folder for folder in root.glob(f"*/{assignment.name}") if folder.is_dir())
    if not folders:
        raise AutograderError(
            f"no submissions of {assignment.name} in {root}: they lie in "
            f"<student>/{assignment.name}/{assignment.name}.ipynb"
        )
    return [
        Found(folder.parent.name, folder / f"{assignment.name}.ipynb", True) for folder in folders
    ]


def _at(assignment: Assignment, path: Path) -> list[Found]:
    if not path.exists() and not path.is_symlink():
        raise AutograderError(f"{path}: no such file or folder")
    absolute = path.absolute()
    submitted = assignment.course.submitted.absolute()
    if absolute == submitted:
        return _submitted(assignment, submitted)
    if submitted in absolute.parents:
        student = absolute.relative_to(submitted).parts[0]
        return [Found(student, assignment.submission(student), True)]
    if path.is_dir():
        notebooks = sorted(path.glob("*.ipynb"))
        if not notebooks:
            raise AutograderError(f"{path}: no notebooks in this folder")
        return [Found(notebook.stem, notebook, False) for notebook in notebooks]
    return [Found(path.stem, path, False)]


@dataclass(frozen=True)
class ClassSettings:
    """How a class is graded."""

    jobs: int
    isolation: Isolation
    limits: Limits
    force: bool = False
    """Grade again what has not changed."""


def grade_class(
    assignment: Assignment, found: list[Found], settings: ClassSettings
) -> Iterator[tuple[Found, SubmissionResult, bool]]:
    """Yield each submission with its result as it comes, and whether it was graded now.

    Results of submissions in the course's own folder are written, and read back where nothing
    they depend on has changed.
    """
    todo: list[Found] = []
    for one in found:
        kept = None if settings.force else _kept_result(assignment, one, settings)
        if kept is None:
            todo.append(one)
        else:
            yield one, kept, False
    if not todo:
        return
    for one, result in _grade_all(assignment, todo, settings):
        if one.in_course:
            write_result(assignment.result(one.student), result)
        yield one, result, True


def _kept_result(
    assignment: Assignment, found: Found, settings: ClassSettings
) -> SubmissionResult | None:
    """Return the result of an earlier run where it still holds; our own faults never do."""
    if not found.in_course:
        return None
    result = read_result(assignment.result(found.student))
    if result is None or result.has_grader_error:
        return None
    try:
        content = read_bytes(found.path, settings.limits.notebook_mb)
    except UnreadableNotebook:
        content = b""
    key = submission_key(assignment, content, settings.limits, settings.isolation)
    return result if result.key == key else None


def _grade_all(
    assignment: Assignment, todo: list[Found], settings: ClassSettings
) -> Iterator[tuple[Found, SubmissionResult]]:
    # The boxes get ready while this process imports torch for 2 s, which a run that finds
    # everything unchanged does not need.
    count = min(settings.jobs, len(todo))
    data = assignment.course.data
    boxes = launch_together(settings.isolation, data, count, assignment.slow_imports)
    from autograder.judge.grading import Grader

    keeper = Grader(assignment, settings.isolation, settings.limits)
    keeper.judge.load()

    @contextlib.contextmanager
    def make_worker(number: int) -> Iterator[Callable[[Found], SubmissionResult]]:
        # A judge that takes a dead one's place has no box waiting for it.
        box = boxes[number] if number < len(boxes) else None
        with replace(keeper, box=box, loaded=keeper.judge) as grader:
            yield lambda found: grader.grade_file(found.path, found.student)

    pool: Pool[Found, SubmissionResult] = Pool(settings.jobs, make_worker)
    with contextlib.ExitStack() as stack:
        for box in boxes:
            stack.callback(box.close)
        yield from _results(keeper, pool, todo)


def _results(
    keeper: Grader, pool: Pool[Found, SubmissionResult], todo: list[Found]
) -> Iterator[tuple[Found, SubmissionResult]]:
    for found, result in pool.run(todo):
        if isinstance(result, SubmissionResult):
            yield found, result
        elif isinstance(result, JudgeDied):
            yield found, keeper.fault(found.student, "its judge died twice: see the machine's log")
        elif result.startswith("IsolationError: "):
            raise AutograderError(result.removeprefix("IsolationError: "))
        else:
            yield found, keeper.fault(found.student, result)
