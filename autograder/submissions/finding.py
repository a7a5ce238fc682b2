"""Find the submissions of a class on disk; read none of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from autograder.course.files import Assignment
from autograder.errors import AutograderError

_MAX_NAME_BYTES = 240
"""A file's name has 255 at most, and `.json` comes after the student's."""


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
    for folder in folders:
        if len(os.fsencode(folder.parent.name)) > _MAX_NAME_BYTES:
            raise AutograderError(
                f"{folder.parent}: its name is too long for a result's file; rename the folder"
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
