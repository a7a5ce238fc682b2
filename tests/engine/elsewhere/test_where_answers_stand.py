"""A right answer counts wherever in the notebook it stands, and whatever an editor did to it."""

import json

import pytest

from autograder.results.verdicts import Verdict

ALL = ("square", "sum_of_squares", "weighted_energy", "cube")


class Notebook:
    """A student's notebook that an editor or a student changes."""

    def __init__(self, made, references):
        self.made, self.cells, self.references = made, made["cells"], references

    def at(self, name):
        """Return where the cell of this name stands."""
        names = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in self.cells]
        return names.index(name)

    def cell(self, name):
        return self.cells[self.at(name)]

    def add(self, source, index=None):
        """Put in a cell of the student's own; at the end, where no index is given."""
        cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
        cell |= {"execution_count": None, "id": f"own-{len(self.cells)}"}
        self.cells.insert(len(self.cells) if index is None else index, cell)

    def delete(self, *names):
        for name in names:
            del self.cells[self.at(name)]

    def merge(self, *names, into=None):
        """Merge cells as JupyterLab does: one text, and the metadata of the first or of `into`."""
        text = "\n\n".join(self.cell(name)["source"] for name in names)
        kept = into or names[0]
        self.cell(kept)["source"] = text
        self.delete(*(name for name in names if name != kept))

    def answers(self):
        return "\n\n\n".join(self.references[name] for name in ALL)


def all_in_one_cell(nb):
    nb.delete(*ALL)
    nb.add(nb.answers(), nb.at("notebook_setup") + 1)


def all_in_one_cell_and_stubs_left(nb):
    for name in ALL:
        nb.cell(name)["source"] = stub(name)
    nb.add(nb.answers(), nb.at("notebook_setup") + 1)


def all_at_the_end(nb):
    nb.delete(*ALL)
    nb.add(nb.answers())


def all_in_the_set_up_cell(nb):
    nb.delete(*ALL)
    nb.cell("setup")["source"] += "\n" + nb.answers()


def above_its_deleted_stub(nb):
    at = nb.at("cube")
    nb.delete("cube")
    nb.add(nb.references["cube"], at)


def above_its_stub(nb):
    at = nb.at("cube")
    nb.cell("cube")["source"] = "# my answer is above\n" + stub("cube") + "\n"
    nb.add(nb.references["cube"], at)


def below_its_stub_in_one_cell(nb):
    nb.cell("cube")["source"] = stub("cube") + "\n\n" + nb.references["cube"]


def copied_with_its_marks(nb):
    nb.cells.insert(nb.at("cube"), json.loads(json.dumps(nb.cell("cube"))))
    nb.cells[nb.at("cube") + 1]["source"] = stub("cube")


def copied_below_with_its_marks(nb):
    nb.cells.insert(nb.at("cube"), json.loads(json.dumps(nb.cell("cube"))))
    nb.cell("cube")["source"] = stub("cube")


def merged_answers(nb):
    nb.merge("square", "square-tests", "sum_of_squares")


def merged_into_a_check(nb):
    nb.merge("square", "square-tests", "sum_of_squares", into="square-tests")


def merged_with_a_demo_that_stops(nb):
    nb.merge("weighted_energy", "weighted_energy-tests", "demo-11", "cube")


def merged_with_the_set_up(nb):
    nb.merge("setup", "notebook_setup", "square")


def merged_into_the_set_up(nb):
    nb.merge("setup", "notebook_setup", "square", into="square")


def everything_in_one_cell(nb):
    nb.merge(*(c["metadata"]["nbgrader"]["grade_id"] for c in nb.cells if is_code_of_ours(c)))


def without_any_marks(nb):
    for cell in nb.cells:
        cell["metadata"] = {}


def typed_into_its_check(nb):
    nb.cell("cube-tests")["source"] = nb.references["cube"]
    nb.cell("cube")["source"] = stub("cube")


def typed_above_its_check(nb):
    check = nb.cell("cube-tests")
    check["source"] = nb.references["cube"] + "\n" + check["source"]
    nb.delete("cube")


def typed_into_another_answer(nb):
    nb.cell("square")["source"] += "\n\n" + nb.references["cube"]
    nb.cell("cube")["source"] = stub("cube")


def typed_into_a_demo(nb):
    nb.cell("demo-11")["source"] = nb.references["cube"] + "\n" + nb.cell("demo-11")["source"]
    nb.cell("cube")["source"] = stub("cube")


def written_within_a_checks_with(nb):
    body = nb.references["cube"].replace("\n", "\n    ")
    nb.cell("cube-tests")["source"] = f'with check("cube"):\n    {body}'
    nb.cell("cube")["source"] = stub("cube")


def import_added_to_the_set_up(nb):
    nb.cell("setup")["source"] += "\nimport math\nfrom operator import mul"
    nb.cell("cube")["source"] = "def cube(x):\n    return mul(mul(x, x), math.fabs(x) and x)"


def import_added_inside_the_set_up(nb):
    nb.cell("setup")["source"] = "%matplotlib inline\n" + nb.cell("setup")["source"].replace(
        "import torch\n", "import torch\nfrom operator import mul\n"
    )
    nb.cell("cube")["source"] = "def cube(x):\n    return mul(mul(x, x), x)"


def helper_added_to_a_picture(nb):
    nb.cell("plain-8")["source"] += "\n\ndef times(x, y):\n    return x * y"
    nb.cell("cube")["source"] = "def cube(x):\n    return times(times(x, x), x)"


def helper_added_to_the_last_check(nb):
    nb.cell("cube-tests")["source"] += "\n\ndef times(x, y):\n    return x * y"
    nb.cell("cube")["source"] = "def cube(x):\n    return times(times(x, x), x)"


def global_set_in_a_check(nb):
    nb.cell("cube-tests")["source"] = 'with check("cube"):\n    three = 3\n    cube(2.0)'
    nb.cell("cube")["source"] = "def cube(x):\n    return x**three"


def rebound_to_what_it_returned(nb):
    nb.add("square = square(np.arange(3.0))\nprint(square.mean())")


def rebound_in_a_loop(nb):
    nb.add("for cube in (1.0, 2.0):\n    print(cube)\n")


def rebound_by_unpacking(nb):
    nb.add("square, cube = square(np.ones(2)), cube(2.0)")


def deleted_at_the_end(nb):
    nb.add("del cube")


def rebound_by_an_import(nb):
    nb.add("from numpy import square\nfrom numpy import *")


def begun_again_with_a_stub(nb):
    nb.add(stub("cube"))


def improved_further_down(nb):
    nb.cell("cube")["source"] = "def cube(x):\n    return x * x"
    nb.add(nb.references["cube"])


def written_to_a_file(nb):
    nb.add("%%writefile mine.py\n" + nb.references["cube"], nb.at("cube"))
    nb.cell("cube")["source"] = "from mine import cube"


def written_to_a_file_and_stub_left(nb):
    nb.cell("cube")["source"] = stub("cube")
    nb.add("%%writefile mine.py\n" + nb.references["cube"])
    nb.add("from mine import *")


CHANGES = {
    name: change
    for name, change in list(globals().items())
    if callable(change) and getattr(change, "__code__", None) and change.__code__.co_argcount == 1
}


def stub(name):
    return f'def {name}(*arguments):\n    """Return it."""\n    raise NotImplementedError()'


def is_code_of_ours(cell):
    return cell["cell_type"] == "code" and "nbgrader" in cell["metadata"]


@pytest.mark.parametrize("name", CHANGES)
def test_the_students_function_is_found_and_run(grader, notebook, references, name):
    nb = Notebook(notebook(), references)
    CHANGES[name](nb)
    result = grader.grade_bytes(json.dumps(nb.made).encode(), "bea", "toy.ipynb")
    got = {one.name: (one.score, one.tests[0].message) for one in result.exercises}
    assert result.score == result.max_score, got
    assert result.extra_credit > 0, got


def test_a_stub_alone_is_not_solved(grader, notebook, references):
    nb = Notebook(notebook(), references)
    nb.delete("cube")
    result = grader.grade_bytes(json.dumps(nb.made).encode(), "bea", "toy.ipynb")
    assert result.exercises[-1].verdict is Verdict.MISSING


def test_a_wrong_answer_is_wrong_wherever_it_stands(grader, notebook, references):
    nb = Notebook(notebook(), references)
    nb.delete("cube")
    nb.cell("setup")["source"] += "\ndef cube(x):\n    return x * x"
    nb.add("cube = cube(3.0)")
    result = grader.grade_bytes(json.dumps(nb.made).encode(), "bea", "toy.ipynb")
    assert result.exercises[-1].verdict is Verdict.FAILED
