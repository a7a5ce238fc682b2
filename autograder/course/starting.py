"""Start a course: its configuration, the notebooks' helpers, one worked exercise with all faces."""

from __future__ import annotations

import re
from pathlib import Path

from autograder.course.files import Assignment, Course
from autograder.course.texts import read_text, write_text
from autograder.errors import CourseError

FIRST = "a01_first"
"""The assignment that a new course has."""

_TEMPLATES = Path(__file__).parent / "templates"


def start_course(folder: Path) -> Assignment:
    """Write a new course into a folder that is new or empty; return its one assignment."""
    _make_empty(folder)
    course = Course(folder.resolve())
    assignment = Assignment(course, FIRST)
    write_text(
        course.config, _template("starting_config.py.txt").format(course_id=_course_id(course))
    )
    write_text(course.root / ".gitignore", _template("starting_gitignore.txt"))
    write_text(course.student_requirements, _template(course.student_requirements.name))
    write_notebook_setup(course)
    write_text(assignment.master, _template("starting_master.md"))
    for face in ("solutions", "hidden_tests", "known_answers"):
        write_text(getattr(assignment, face), _template(f"starting_{face}.py.txt"))
    return assignment


def write_notebook_setup(course: Course) -> None:
    """Write the helpers that every notebook of a course begins with."""
    write_text(course.notebook_setup, _template("notebook_setup.py.txt"))


def _make_empty(folder: Path) -> None:
    """Make a folder for its owner alone, or see that the one that is there is empty."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise CourseError(f"{folder} cannot be made a course: {error.strerror}") from None
    if found:
        raise CourseError(f"{folder} is not empty ({found[0]!r} lies there): name a new folder")


def _course_id(course: Course) -> str:
    """Return the folder's name as nbgrader's exchange takes one, and as it stands in a string."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", course.root.name).strip("-.") or "course"


def _template(name: str) -> str:
    path = _TEMPLATES / name
    return read_text(path, f"{path} is missing: install the engine again")
