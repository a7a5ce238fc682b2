"""A class whose notebooks come from elsewhere: every odd form, every odd text."""

import json
from functools import partial

import pytest

from autograder.course.made_up import hand_in
from shared.commands import run_forked
from shared.formgrader import serving
from shared.odd_notebooks import FORMS, TEXTS, code_cells, picture_cell


@pytest.fixture(scope="session")
def odd_students():
    """The students by their notebooks' oddity."""
    return {name: f"form-{number:02}" for number, name in enumerate(FORMS)}


@pytest.fixture(scope="session")
def odd_class(copy_toy, notebook, odd_students, tmp_path_factory):
    """A copy of the toy course with the class graded: its assignment, and what the command said."""
    assignment = copy_toy(tmp_path_factory.mktemp("elsewhere") / "course")
    for name, student in odd_students.items():
        hand_in(assignment, student, FORMS[name](notebook()))
    pictured = notebook()
    photo = picture_cell("attached")
    for cell in pictured["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("task"):
            # As it is dragged into the task itself, which is ours.
            cell["source"] += f"\n\n{photo['source']}"
            cell["attachments"] = photo["attachments"]
    pictured["cells"] += [picture_cell(name) for name in TEXTS] + code_cells()
    hand_in(assignment, "pictured", json.dumps(pictured).encode())
    done = run_forked(assignment.course.root, "autograder", "grade", "toy", "-j", "1")
    return assignment, done


@pytest.fixture(scope="session")
def run(odd_class):
    """Run a command in the class's course."""
    return partial(run_forked, odd_class[0].course.root)


@pytest.fixture(scope="session")
def formgrader(odd_class):
    """The address of a formgrader that serves the class."""
    with serving(odd_class[0].course.root) as address:
        yield address
