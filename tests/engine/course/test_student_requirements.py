"""What students install is named: every import of every released notebook, and nothing too old."""

import ast
import json
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from autograder.course import starting
from autograder.course.files import find_course

ROOT = Path(__file__).parents[3]
COURSE = find_course(ROOT)
TEMPLATE = Path(starting.__file__).parent / "templates" / COURSE.student_requirements.name
# JupyterLab's kernel brings IPython; scikit-learn may be there, and nothing stops without it.
COMES_ALONG = {"IPython"}
OPTIONAL = {"sklearn"}


def requirements(path):
    """The packages that a requirements file names."""
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    return {one.name: one for one in map(Requirement, filter(None, lines))}


def imports(notebook):
    """The packages that a notebook's code imports, wherever in it."""
    for cell in json.loads(notebook.read_bytes())["cells"]:
        if cell["cell_type"] == "code":
            yield from imports_of("".join(cell["source"]))


def imports_of(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


@pytest.mark.parametrize("assignment", COURSE.assignments(), ids=lambda one: one.name)
def test_every_import_of_a_released_notebook_is_named(assignment):
    imported = set(imports(assignment.release_notebook)) - sys.stdlib_module_names
    named = set(requirements(COURSE.student_requirements))
    assert imported - COMES_ALONG - OPTIONAL - named == set()


def test_an_import_would_be_seen():
    code = "import torch.nn as nn\ndef f():\n    from scipy.stats import chi2"
    assert list(imports_of(code)) == ["torch", "scipy"]


@pytest.mark.parametrize(
    "path", [COURSE.student_requirements, TEMPLATE], ids=lambda one: one.parent.name
)
def test_what_grading_has_is_among_the_versions_that_students_may_have(path):
    locked = requirements(ROOT / "requirements.lock")
    locked = {name.lower(): next(iter(one.specifier)).version for name, one in locked.items()}
    for name, one in requirements(path).items():
        assert one.specifier.contains(locked[name]), name


def test_nbgrader_is_the_release_that_grading_has():
    for path in (COURSE.student_requirements, TEMPLATE):
        named = requirements(path)
        assert {"nbgrader", "jupyterlab", "numpy", "matplotlib"} <= named.keys()
        assert str(named["nbgrader"].specifier) == "==0.9.6"


def test_conda_takes_python_as_in_grading_and_the_same_packages():
    environment = yaml.safe_load(COURSE.student_environment.read_text())
    python, pip, packages = environment["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert f"-r {COURSE.student_requirements.name}" in packages["pip"]
