"""Where a course keeps what no student may see: it may lie far from the course's own folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from autograder.course.configuration import course_config
from autograder.course.exchange import exchange_root
from autograder.course.files import Course

EXCHANGE = "nbgrader's exchange"
_OUR_FOLDERS = ("solutions", "tests", "results", "reports", "exports", "preview")
# What nbgrader calls its folders, where the configuration does not say otherwise.
_NBGRADER_FOLDERS = {
    "source_directory": "source",
    "submitted_directory": "submitted",
    "autograded_directory": "autograded",
    "feedback_directory": "feedback",
}
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?:file:)?(?P<path>[^?]+)")


def nbgrader_folders(course: Course) -> dict[str, str]:
    """Return what nbgrader's private folders are called here, by nbgrader's own settings."""
    config = course_config(course).CourseDirectory
    return {key: str(config.get(key, name)) for key, name in _NBGRADER_FOLDERS.items()}


def private_places(course: Course) -> Iterator[tuple[str, Path]]:
    """Yield each place as a sentence names it, and its path; some may not be there yet."""
    config = course_config(course)
    named = nbgrader_folders(course).values()
    for name in dict.fromkeys(("source", "submitted", *_OUR_FOLDERS, *named)):
        yield f"the course's {name}", course.root / name
    yield "the gradebook", course.root / "gradebook.db"
    elsewhere = _SQLITE.match(str(config.CourseDirectory.get("db_url", "")))
    if elsewhere:
        yield "the gradebook", Path(elsewhere["path"])
    yield EXCHANGE, exchange_root(course)
