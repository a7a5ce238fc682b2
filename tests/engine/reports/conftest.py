"""A made-up class in the first assignments of the course itself."""

import importlib.util
from pathlib import Path

import pytest

COURSE = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def made_up():
    """The module that makes up classes; it is a script, too."""
    path = Path(__file__).parent / "made_up_class.py"
    spec = importlib.util.spec_from_file_location("made_up_class", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small_class(made_up, tmp_path_factory):
    """A course with the results of forty made-up students over two assignments."""
    course = made_up.copy_course(COURSE, tmp_path_factory.mktemp("reports") / "course")
    for name in ("a01_pca", "a03_vae"):
        made_up.write_class(course.assignment(name), students=40)
    return course
