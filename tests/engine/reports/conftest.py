"""A made-up class in the first assignments of the course itself."""

from pathlib import Path

import pytest

from shared import made_up_class

COURSE = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def made_up():
    """The module that makes up classes; it is a script, too."""
    return made_up_class


@pytest.fixture(scope="session")
def small_class(made_up, tmp_path_factory):
    """A course with the results of forty made-up students over two assignments."""
    course = made_up.copy_course(COURSE, tmp_path_factory.mktemp("reports") / "course")
    for name in ("a01_pca", "a03_vae"):
        made_up.write_class(course.assignment(name), students=40)
    return course
