"""Open the gradebook to read it; make none where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.engine import make_url

from autograder.course.configuration import course_config
from autograder.course.files import Assignment, Course
from autograder.gradebook.database import open_gradebook
from autograder.gradebook.nbgrader_commands import put_scripts_on_path


@contextmanager
def existing_gradebook(assignment: Assignment) -> Iterator[Gradebook | None]:
    """Give the gradebook of an assignment's course, or None where nothing was ever entered."""
    with gradebook_of(assignment.course) as gradebook:
        yield gradebook


@contextmanager
def gradebook_of(course: Course) -> Iterator[Gradebook | None]:
    """Give a course's gradebook, or None where nothing was ever entered."""
    put_scripts_on_path()
    directory = CourseDirectory(config=course_config(course))
    url = make_url(directory.db_url)
    # Opening a file that is not there would make one.
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        yield None
        return
    with open_gradebook(directory.db_url, directory.course_id) as gradebook:
        yield gradebook
