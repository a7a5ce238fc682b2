"""Open the gradebook to read it; make none where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import Gradebook
from sqlalchemy.engine import make_url

from autograder.course.configuration import course_config
from autograder.course.files import Assignment
from autograder.course.nbgrader_release import course_directory
from autograder.gradebook.database import open_gradebook
from autograder.gradebook.nbgrader_commands import put_scripts_on_path


@contextmanager
def existing_gradebook(assignment: Assignment) -> Iterator[Gradebook | None]:
    """Give the course's gradebook, or None where nothing was ever entered."""
    put_scripts_on_path()
    directory = course_directory(assignment, course_config(assignment.course))
    url = make_url(directory.db_url)
    # Opening a file that is not there would make one.
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        yield None
        return
    with open_gradebook(directory.db_url, directory.course_id) as gradebook:
        yield gradebook
