"""Find the submissions of a class on disk, and say what lies there besides."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from autograder.course.files import Assignment
from autograder.errors import AutograderError
from autograder.sandbox.memory import MIB
from autograder.submissions.names import (
    as_notebook,
    holds_notebook,
    is_litter,
    is_notebook,
    may_be_notebook,
)
from autograder.submissions.reading import lying_in

_MAX_NAME_BYTES = 240
"""A file's name has 255 at most, and `.json` comes after the student's."""
_MOST_BYTES = 64 * MIB
_NAMES_SHOWN = 10
_MOST_LOOKED_AT = 20_000


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
        notebooks = [one for one in _files(path) if _is_notebook(one)]
        if not notebooks:
            lying = next(filter(None, lying_in(path)), "")
            raise AutograderError(
                f"{path}: no notebooks in this folder" + (f", but {lying}" if lying else "")
            )
        return [Found(_student(notebook), notebook, False) for notebook in notebooks]
    return [Found(_student(path), path, False)]


def notebooks_below(folder: Path) -> list[Path]:
    """Return the notebooks in a folder and in those below it, by the rules that `collect` has."""
    return [
        path
        for path in sorted(islice(folder.rglob("*"), _MOST_LOOKED_AT))
        if path.is_file()
        and not path.is_symlink()
        and not is_litter(path.relative_to(folder).as_posix())
        and _is_notebook(path)
    ]


def _files(folder: Path) -> list[Path]:
    return [one for one in sorted(folder.iterdir()) if not is_litter(one.name)]


def _is_notebook(path: Path) -> bool:
    """Say whether a loose file is a notebook by its name, or by its content under another ending.

    A file that is a notebook by name alone is graded, and its result says what it is.
    """
    if is_notebook(path.name) or not may_be_notebook(path.name) or path.is_symlink():
        return is_notebook(path.name)
    small = path.is_file() and path.stat().st_size <= _MOST_BYTES
    return small and holds_notebook(path.read_bytes())


def _student(path: Path) -> str:
    return Path(as_notebook(path.name)).stem if may_be_notebook(path.name) else path.stem


def passed_over(assignment: Assignment, paths: tuple[Path, ...], found: list[Found]) -> list[str]:
    """Say what lies in the folders named, or beside the class's notebooks, and is not graded."""
    taken = {one.path for one in found}
    said = []
    for folder in [path for path in paths if path.is_dir()]:
        if assignment.course.submitted.absolute() in (
            folder.absolute(),
            *folder.absolute().parents,
        ):
            continue
        left = [one.name for one in _files(folder) if one not in taken]
        if left:
            said.append(f"{folder}: not graded: {_shortened(left)}")
    for one in found:
        beside = sorted(one.path.parent.glob("*.[iI][pP][yY][nN][bB]")) if one.in_course else []
        others = [path.name for path in beside if path != one.path]
        if others and one.path.exists():
            said.append(f"{one.student}: not graded, beside {one.path.name}: {_shortened(others)}")
    return said


def _shortened(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
