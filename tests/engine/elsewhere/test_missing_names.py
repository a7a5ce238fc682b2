"""A name that is not there in grading: the message says why, and in which cell."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.grading.cell_notes import with_cause
from autograder.submissions.rebuilding import Rebuilt

NEEDS = "def cube(x):\n    return {} and x**3"


@pytest.fixture(scope="module")
def message(grader, notebook):
    """Return a function that grades a `cube` that needs a name; it returns what the student reads.

    Cells of the student's own come third, or text is put into one of ours.
    """

    def grade(name, *added, **changed):
        made = notebook(cube=NEEDS.format(name))
        for cell in made["cells"]:
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
            cell["source"] = changed.get(grade_id, cell["source"])
        for number, text in enumerate(added):
            cell = {"cell_type": "code", "metadata": {}, "source": text, "outputs": []}
            cell |= {"execution_count": None, "id": f"own-{number}"}
            made["cells"].insert(3 + number, cell)
        result = grader.grade_bytes(json.dumps(made).encode(), "bea", "toy.ipynb")
        return result.exercises[-1].tests[0].message

    return grade


def test_an_import_that_failed(message):
    said = message("sns", "x = 1", "import math\nimport seaborn as sns")
    assert said.startswith("It raised NameError: name 'sns' is not defined. ")
    assert "`sns` comes from your cell 5, where grading met ModuleNotFoundError" in said
    assert "seaborn" in said


def test_a_cell_that_stopped_before(message):
    said = message("factor", "1 / 0\nfactor = 2")
    assert "your cell 4, where grading met ZeroDivisionError: division by zero" in said


def test_a_cell_that_ended_its_process(message):
    said = message("factor", "import os\nos._exit(0)\nfactor = 2")
    assert "your cell 4, where grading met The cell ended its process" in said


def test_a_cell_that_took_too_long(message):
    said = message("factor", "while True: pass\nfactor = 2")
    assert "your cell 4, where grading met The cell took longer than 3 s" in said


@pytest.mark.parametrize("metadata", [{"nbgrader": {"grade": True}}, {"tags": ["demo"]}])
def test_a_name_that_only_a_check_or_a_demo_binds(metadata):
    cells = [new_code_cell("two = 2", metadata=metadata), new_code_cell("def cube(x): return two")]
    rebuilt = Rebuilt(new_notebook(cells=cells))
    said = with_cause("It raised NameError: name 'two' is not defined", rebuilt, {})
    assert "`two` is bound in cell 1 alone" in said
    assert "visible checks and demos do not run in grading" in said


def test_a_name_that_no_cell_binds(message):
    assert "No cell binds `factor`: restart the kernel" in message("factor")


def test_a_name_of_a_cell_that_ran_tells_nothing_untrue(message):
    said = message("nosuch", "factor = nosuch_at_all = 2")
    assert "No cell binds `nosuch`" in said
