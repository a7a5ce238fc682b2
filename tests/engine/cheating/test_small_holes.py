"""Small holes: names a terminal obeys, files swapped after grading, names that are ours."""

import contextlib
import io
import json
import logging
import shutil
import warnings

import nbformat
import pytest

from autograder.course.made_up import hand_in
from autograder.gradebook.entered import EnteredMarks
from autograder.gradebook.handing_over import SWAPPED
from autograder.gradebook.ingest import Ingest, register
from autograder.nbgrader_plugin.preprocessors import FillInResults, RebuildNotebook
from autograder.results.document import read_result, write_result
from autograder.results.rebuilt import take_rebuilt
from autograder.submissions.finding import find_submissions
from autograder.submissions.reading import MAX_CELLS, UnreadableNotebook, parse, read_bytes
from shared.commands import run_forked

# nbgrader's queries flush what its session does not know yet.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

ESCAPES = ["\x1b[2J", "\x1b]52;c;ZXZpbA==\x07", "\x9b2J", "\u202eevil", "\u2028"]


def said_of(function, *arguments):
    with pytest.raises(UnreadableNotebook) as raised:
        function(*arguments)
    return str(raised.value)


@pytest.mark.parametrize("escape", ESCAPES, ids=ascii)
class Test_a_terminal_obeys_no_file:
    def test_by_its_name(self, escape):
        for content in (b"", b"\xff", b"{", b"[]", b'{"cells": [1]}'):
            assert said_of(parse, content, f"a{escape}.ipynb").isprintable()

    def test_by_its_format(self, escape):
        content = {"metadata": {}, "nbformat": f"4{escape}", f"code{escape}": escape}
        for odd in (content, {**content, "cells": 3}, {**content, "worksheets": escape}):
            said = said_of(parse, json.dumps(odd).encode(), "toy.ipynb")
            assert said.isprintable()

    def test_by_the_names_beside_it(self, escape, tmp_path):
        (tmp_path / f"b{escape}.ipynb").touch()
        said = said_of(read_bytes, tmp_path / "toy.ipynb", 1)
        assert said.isprintable()
        assert "rename it to toy.ipynb" in said

    def test_by_its_place(self, escape, tmp_path):
        path = tmp_path / f"c{escape}.ipynb"
        path.mkdir()
        assert said_of(read_bytes, path, 1).isprintable()
        path.rmdir()
        path.symlink_to("elsewhere")
        assert said_of(read_bytes, path, 1).isprintable()

    def test_by_the_log_of_nbgrader(self, escape, toy_copy, handed_in):
        made = json.loads(handed_in("ada").read_bytes())
        answer = next(cell for cell in made["cells"] if "def square" in "".join(cell["source"]))
        answer["cell_type"] = f"x{escape}"
        handed_in("ada", json.dumps(made).encode())
        told = io.StringIO()
        rebuild = RebuildNotebook()
        rebuild.log = logging.Logger("as nbgrader's")
        rebuild.log.addHandler(logging.StreamHandler(told))
        rebuild.preprocess(nbformat.v4.new_notebook(), resources(toy_copy, "ada"))
        assert told.getvalue().count("\n") == 1
        assert told.getvalue().rstrip("\n").isprintable()


def test_a_folder_of_many_names_is_told_shortly(tmp_path):
    for number in range(3000):
        (tmp_path / f"{number:04}.ipynb").touch()
    said = said_of(read_bytes, tmp_path / "toy.ipynb", 1)
    assert "0004.ipynb, 2995 more: rename it" in said
    assert len(said) < 300


def many_cells(count, **kinds):
    cell = {"cell_type": "code", "id": "same", "source": "", "metadata": {}, "outputs": []}
    cell["execution_count"] = None
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell] * count}
    return json.dumps({**notebook, **kinds}).encode()


def test_a_notebook_without_end_is_refused():
    assert len(parse(many_cells(MAX_CELLS), "toy.ipynb")) == MAX_CELLS
    said = said_of(parse, many_cells(100_000), "toy.ipynb")
    assert said.startswith("toy.ipynb has 100000 cells, 5000 are allowed")
    old = {"worksheets": [{"cells": [{"cell_type": "code"}] * 4000}] * 2, "nbformat": 3}
    assert "has 8000 cells" in said_of(parse, many_cells(0, **old), "toy.ipynb")


def test_equal_ids_are_no_flood_of_warnings(recwarn):
    with warnings.catch_warnings():
        # As in nbgrader's own process: `always` and what our plug-in has filtered.
        warnings.simplefilter("always")
        import importlib

        import autograder.nbgrader_plugin.preprocessors as plugin

        importlib.reload(plugin)
        nbformat.reads(many_cells(300).decode(), as_version=4)
        told = many_cells(3).decode().replace('"id": "same", ', "")
        nbformat.reads(told, as_version=4)
    assert [str(one.message) for one in recwarn] == []


def resources(assignment, student, name="toy"):
    """Return what nbgrader's converter gives our preprocessors."""
    return {
        "metadata": {"path": str(assignment.submission(student).parent), "name": name},
        "nbgrader": {"assignment": assignment.name, "student": student, "notebook": name},
    }


@pytest.fixture
def graded(grader, toy_copy, handed_in):
    """The copy of the course after a right submission was graded; and its result."""
    path = handed_in("ada")
    result = grader.grade_file(path, "ada").result
    write_result(toy_copy.result("ada"), result)
    return toy_copy, result


def entered_scores(assignment, student="ada"):
    from nbgrader.api import Gradebook, MissingEntry

    address = f"sqlite:///{assignment.course.root / 'gradebook.db'}"
    with Gradebook(address, "genai-foundations") as gradebook:
        try:
            return gradebook.find_submission(assignment.name, student).score
        except MissingEntry:
            return None


@pytest.mark.box
class Test_a_file_that_is_swapped_after_grading:
    def test_is_not_entered_with_the_scores_of_another(self, graded, handed_in):
        assignment, result = graded
        register(assignment)
        handed_in("ada", square="def square(x):\n    return 2 * x")
        said = Ingest(assignment).enter(result)
        assert said == f"ada: not entered in the gradebook: {SWAPPED}"
        assert entered_scores(assignment) is None
        # What was graded before it was swapped is entered as soon as it lies there again.
        handed_in("ada")
        assert Ingest(assignment).enter(result) is None
        assert entered_scores(assignment) == 10.0

    def test_leaves_an_earlier_entry_alone(self, graded, handed_in):
        assignment, result = graded
        register(assignment)
        assert Ingest(assignment).enter(result) is None
        handed_in("ada", others="stub")
        assert SWAPPED in Ingest(assignment).enter(result)
        assert entered_scores(assignment) == 10.0

    @pytest.mark.parametrize("how", ["removed", "emptied", "a link"])
    def test_or_removed_is_told_too(self, graded, how):
        assignment, result = graded
        register(assignment)
        path = assignment.submission("ada")
        path.unlink()
        if how == "emptied":
            path.touch()
        elif how == "a link":
            path.symlink_to(assignment.release_notebook)
        assert SWAPPED in Ingest(assignment).enter(result)
        assert entered_scores(assignment) is None

    def test_between_nbgraders_two_passes_is_refused(self, graded, monkeypatch):
        assignment, result = graded
        notebook, _ = RebuildNotebook().preprocess(
            nbformat.v4.new_notebook(), resources(assignment, "ada")
        )
        other = result.model_copy(deep=True)
        other.key.submission = "of another file"
        fresh = "autograder.nbgrader_plugin.preprocessors.fresh_result"
        monkeypatch.setattr(fresh, lambda *_: other)
        with pytest.raises(Exception, match="changed after it was graded"):
            FillInResults().preprocess(notebook, resources(assignment, "ada"))
        monkeypatch.setattr(fresh, lambda *_: result)
        FillInResults().preprocess(notebook, resources(assignment, "ada"))

    def test_is_graded_by_the_next_run(self, copy_toy, submit, tmp_path):
        assignment = copy_toy(tmp_path / "course")
        root = assignment.course.root
        hand_in(assignment, "ada", submit())
        # A run that was killed before it entered anything: results, and no rebuilt notebooks.
        run_forked(root, "autograder", "grade", "toy")
        (root / "gradebook.db").unlink()
        shutil.rmtree(assignment.results / ".rebuilt", ignore_errors=True)
        hand_in(assignment, "ada", submit(square="def square(x):\n    return 2 * x"))
        done = run_forked(root, "autograder", "grade", "toy")
        assert done.returncode == 0, done.stderr
        assert read_result(assignment.result("ada")).score < 9.0
        assert entered_scores(assignment) == read_result(assignment.result("ada")).score + 1.0


HOSTILE_IDS = [".gradebook", "..x", "back\\slash", "a%2fb", "a#b", "esc\x1b[2J", "tail "]
HONEST_IDS = ["ada", "gradebook", "students", "o'neil", "Zoë", "李 明", "ada@school.example", "a+b"]


@pytest.mark.box
@pytest.mark.slow
def test_no_name_is_the_engines_and_honest_ones_are_entered(copy_toy, submit, tmp_path):
    assignment = copy_toy(tmp_path / "course")
    root = assignment.course.root
    for student in HOSTILE_IDS + HONEST_IDS:
        hand_in(assignment, student, submit())
    done = run_forked(root, "autograder", "grade", "toy")
    assert done.returncode == 1
    assert done.stderr.count("rename the folder in submitted/") == len(HOSTILE_IDS)
    assert "\x1b[2J" not in done.stdout + done.stderr
    assert {name: entered_scores(assignment, name) for name in HONEST_IDS} == dict.fromkeys(
        HONEST_IDS, 10.0
    )
    assert [entered_scores(assignment, name) for name in HOSTILE_IDS] == [None] * len(HOSTILE_IDS)
    marks = EnteredMarks(assignment)
    assert marks.hold()
    assert all(marks.is_set(name) for name in HONEST_IDS)


@pytest.mark.parametrize("student", [".gradebook", "gradebook", "students", "..", ".", "../../x"])
def test_no_mark_of_a_student_is_the_stamp_of_the_gradebook(toy_copy, handed_in, student):
    handed_in("ada")
    (toy_copy.course.root / "gradebook.db").touch()
    marks = EnteredMarks(toy_copy)
    marks.renew(was_told=False)
    with contextlib.suppress(OSError):
        marks.set(student, "digest")
    assert marks.hold()


def test_a_name_too_long_for_a_file_stops_nobody_half_way(toy_copy, handed_in):
    from autograder.errors import AutograderError

    handed_in("x" * 250)
    with pytest.raises(AutograderError, match="too long for a result's file; rename"):
        find_submissions(toy_copy, ())


@pytest.mark.box
def test_more_cells_than_a_page_shows_cost_the_attacker_alone(grader, submit):
    result = grader.grade_bytes(many_cells(100_000), "mallory", "toy.ipynb")
    assert (result.score, result.needs_person) == (0.0, True)
    assert "5000 are allowed" in result.notes[0]
    assert grader.grade_bytes(submit(), "ada", "toy.ipynb").score == 9.0
    assert take_rebuilt(grader.loaded.assignment.results, b"") is None
