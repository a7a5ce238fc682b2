"""A course of its own for each test, with nothing handed in yet."""

import pytest

from autograder.course import Assignment, Course


@pytest.fixture
def course(toy, tmp_path):
    """The toy course by links, with folders of its own for submissions and results."""
    root = tmp_path / "course"
    root.mkdir()
    for name in ("source", "solutions", "tests", "release", "data", "nbgrader_config.py"):
        (root / name).symlink_to(toy.course.root / name)
    return Assignment(Course(root), "toy")


@pytest.fixture
def handed_in(course):
    """Return a function that puts a file where nbgrader keeps a student's submission."""

    def make(student, content=b"[]"):
        path = course.submission(student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return make
