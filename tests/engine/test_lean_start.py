"""The command line starts without what is slow to import; each command brings what it needs."""

import subprocess
import sys

import pytest

SLOW = {"torch", "numpy", "scipy", "matplotlib", "nbgrader", "sqlalchemy", "jupytext", "IPython"}
SLOW |= {"yaml"}
GRADING = "autograder.grading.class_run, autograder.grading.run, autograder.cli.class_progress"


def loaded_after(imports):
    """Return which slow packages a fresh interpreter has loaded after these imports."""
    program = f"import {imports}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return SLOW & set(done.stdout.split())


@pytest.mark.parametrize("imports", ["autograder", "autograder.cli", GRADING])
def test_nothing_slow_is_imported(imports):
    assert loaded_after(imports) == set()


def test_what_is_slow_would_be_seen():
    assert "numpy" in loaded_after("autograder.testing")


def test_grading_needs_no_jupytext():
    """It reads what was built; a master is for building."""
    assert loaded_after("autograder.grading.submission") & {"jupytext", "nbgrader"} == set()


def test_pytest_loads_nothing_slow_for_a_project_that_is_no_course():
    assert loaded_after("autograder.pytest_plugin") == set()
