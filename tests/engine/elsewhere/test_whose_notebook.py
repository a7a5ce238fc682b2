"""Another assignment's notebook, another edition's, and no points at all: a person is asked."""

import json

import nbformat
import pytest

from autograder.course.made_up import read_release
from autograder.gradebook.ingest import Ingest, register
from autograder.submissions.belonging import has_own_code, other_notebook
from autograder.submissions.reading import parse
from autograder.submissions.rebuilding import rebuild

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


def cell(name, source="x = 1"):
    marks = {"nbgrader": {"grade_id": name, "solution": True}} if name else {}
    return {"cell_type": "code", "source": source, "metadata": marks, "outputs": []}


def whose(assignment, *cells):
    submitted = parse(json.dumps({"cells": cells}).encode(), "toy.ipynb")
    return other_notebook(submitted, read_release(assignment), assignment)


@pytest.fixture
def two_assignments(toy_copy):
    """A course of two released notebooks; the first of them."""
    other = toy_copy.course.root / "release/other/other.ipynb"
    other.parent.mkdir()
    names = [cell("notebook_setup"), *(cell(f"part_{n}") for n in range(8))]
    other.write_text(json.dumps({"cells": names, "metadata": {}, "nbformat": 4}))
    (toy_copy.course.root / "release/broken").mkdir()
    (toy_copy.course.root / "release/broken/broken.ipynb").write_text("{")
    return toy_copy


PARTS = [cell(f"part_{n}") for n in range(8)]
STRANGE = [cell(f"strange_{n}") for n in range(8)]


def test_another_assignments_notebook_is_recognised(two_assignments):
    for cells in (PARTS, [cell("notebook_setup"), *PARTS], PARTS[:5]):
        assert whose(two_assignments, *cells) == "this is the notebook of other, and not of toy"


def test_another_editions_is_recognised(two_assignments):
    said = whose(two_assignments, *STRANGE)
    assert said.startswith("most of its named cells (8 of 8) are not of toy")
    assert whose(two_assignments, *STRANGE[:3], cell("square")).startswith("most of")


@pytest.mark.parametrize("edit", [0, 1, 3])
def test_our_own_is_none_whatever_is_added(edit, two_assignments, notebook):
    made = notebook()
    made["cells"] += PARTS[:edit]
    assert whose(two_assignments, *made["cells"]) == ""
    for one in made["cells"]:
        one["metadata"] = {}
    assert whose(two_assignments, *made["cells"]) == ""


def rebuilt(release, *cells):
    return rebuild(parse(json.dumps({"cells": cells}).encode(), "toy.ipynb"), release).notebook


OWN = {
    "nothing": ([], False),
    "blanks": ([cell(None, " \n\t")], False),
    "a comment": ([cell(None, "# nothing yet")], False),
    "our stub": ([cell("square", None)], False),
    "our stub with lines of Windows": ([cell("square", "windows")], False),
    "a stub of an earlier release": (
        [cell("square", 'def square(x):\n    """As it was."""\n    raise NotImplementedError()')],
        False,
    ),
    "a stub begun": (
        [cell("square", "def square(x):\n    y = x\n    raise NotImplementedError()")],
        True,
    ),
    "code in an answer": ([cell("square", "def square(x): return 3")], True),
    "an added cell": ([cell(None, "print(1)")], True),
    "words": ([{"cell_type": "markdown", "source": "I tried", "metadata": {}}], False),
}


@pytest.mark.parametrize("name", OWN)
def test_code_of_ones_own_is_seen(name, release):
    cells, expected = OWN[name]
    stub = next(c.source for c in release.cells if c.source.startswith("def square"))
    texts = {None: stub, "windows": stub.replace("\n", "\r\n")}
    cells = [{**one, "source": texts.get(one["source"], one["source"])} for one in cells]
    assert has_own_code(rebuilt(release, *cells), release) is expected


@pytest.mark.box
def test_it_is_flagged_with_one_sentence_in_place_of_many_notes(grader, notebook):
    content = json.dumps({"cells": STRANGE, "metadata": {}, "nbformat": 4}).encode()
    result = grader.grade_bytes(content, "ada", "toy.ipynb")
    assert (result.score, result.needs_person) == (0.0, True)
    (note,) = result.notes
    assert note.startswith("most of its named cells")


@pytest.mark.box
def test_no_points_for_code_are_flagged_and_for_stubs_are_not(grader, submit):
    wrong = {name: f"def {name}(*a):\n    return 'x'" for name in ("square", "cube")}
    result = grader.grade_bytes(submit("stub", **wrong), "ada", "toy.ipynb")
    assert (result.score, result.needs_person) == (0.0, True)
    assert result.notes == ["no points, though it holds code of the student's own: see why"]
    blank = grader.grade_bytes(submit("stub"), "bea", "toy.ipynb")
    assert (blank.score, blank.needs_person, blank.notes) == (0.0, False, [])
    some = grader.grade_bytes(submit("stub", square="def square(x): return x**2"), "c", "toy.ipynb")
    assert (some.score, some.needs_person) == (2.0, False)


@pytest.mark.box
@pytest.mark.slow
def test_the_gradebook_flags_it_too(grader, handed_in, toy_copy, submit):
    from nbgrader.api import Gradebook

    content = submit("stub", square="def square(x):\n    return 'x'")
    handed_in("ada", content)
    register(toy_copy)
    assert Ingest(toy_copy).enter(grader.grade_bytes(content, "ada", "toy.ipynb")) is None
    address = f"sqlite:///{toy_copy.course.root / 'gradebook.db'}"
    with Gradebook(address, "genai-foundations") as gradebook:
        grades = gradebook.find_submission_notebook("toy", "toy", "ada").grades
        assert all(grade.needs_manual_grade for grade in grades)
    assert nbformat.read(toy_copy.course.root / "autograded/ada/toy/toy.ipynb", as_version=4)
