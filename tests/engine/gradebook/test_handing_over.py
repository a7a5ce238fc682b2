"""The gradebook enters the notebook that was graded: a submission is read once and rebuilt once."""

import json

import pytest

from autograder.gradebook.ingest import Ingest, register
from autograder.results.document import read_result, result_bytes
from autograder.results.rebuilt import forget_rebuilt, keep_rebuilt, take_rebuilt
from autograder.submissions.reading import parse
from autograder.submissions.rebuilding import rebuild

# nbgrader's queries flush what its session does not know yet.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

MARK = "# what the student wrote"


@pytest.fixture
def graded_once(grader, toy_copy, handed_in):
    """A submission, graded and not entered; its result's bytes and the rebuilt notebook."""
    path = handed_in("ada", square=f"def square(x):\n    return x * x  {MARK}")
    graded = grader.grade_file(path, "ada")
    toy_copy.result("ada").parent.mkdir(parents=True)
    toy_copy.result("ada").write_bytes(result_bytes(graded.result))
    return toy_copy, graded


def entered_text(assignment):
    path = assignment.course.root / "autograded" / "ada" / "toy" / "toy.ipynb"
    return path.read_text()


@pytest.mark.box
def test_the_file_is_not_read_again(graded_once):
    assignment, graded = graded_once
    # Whatever lies there now: what was graded is entered.
    assignment.submission("ada").write_text("no notebook any more")
    register(assignment)
    assert Ingest(assignment).enter(graded.result, graded.notebook) is None
    assert MARK in entered_text(assignment)


@pytest.mark.box
def test_without_the_notebook_the_file_is_rebuilt(graded_once):
    assignment, graded = graded_once
    register(assignment)
    assert Ingest(assignment).enter(graded.result) is None
    assert MARK in entered_text(assignment)


@pytest.mark.box
def test_either_way_the_gradebook_holds_the_same_notebook(graded_once):
    assignment, graded = graded_once
    register(assignment)
    ingest = Ingest(assignment)
    ingest.enter(graded.result)
    read_again = json.loads(entered_text(assignment))
    ingest.enter(graded.result, graded.notebook)
    assert json.loads(entered_text(assignment)) == read_again


def rebuilt_of(submit, release):
    return rebuild(parse(submit(), "toy.ipynb"), release).notebook


def test_a_rebuilt_notebook_belongs_to_one_result_and_is_taken_once(tmp_path, submit, release):
    notebook = rebuilt_of(submit, release)
    keep_rebuilt(tmp_path, b"a result", notebook)
    assert take_rebuilt(tmp_path, b"another result") is None
    assert take_rebuilt(tmp_path, b"a result") == notebook
    assert take_rebuilt(tmp_path, b"a result") is None


def test_what_nobody_took_is_forgotten(tmp_path, submit, release):
    keep_rebuilt(tmp_path, b"a result", rebuilt_of(submit, release))
    forget_rebuilt(tmp_path)
    assert take_rebuilt(tmp_path, b"a result") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.box
def test_a_run_leaves_none_behind(toy_class):
    assert read_result(toy_class.result("ada")) is not None
    assert not (toy_class.results / ".rebuilt").exists()
