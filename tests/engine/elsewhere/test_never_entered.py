"""What the gradebook was never told is empty in every export, and named; nothing is not 0."""

import csv
import io
import warnings

import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from autograder.cli import main
from autograder.exports.scores import read_scores
from autograder.gradebook.entered import EnteredMarks
from autograder.gradebook.nbgrader_commands import put_scripts_on_path
from autograder.gradebook.scores import gradebook_scores

CELLS = ("square-tests", "cube-tests")


@pytest.fixture
def half_made(toy_copy, handed_in):
    """A course in which bea's submission has its rows in the gradebook, and none has a score.

    nbgrader leaves that where it fails; ada's was entered.
    """
    put_scripts_on_path()
    address = f"sqlite:///{toy_copy.course.root / 'gradebook.db'}"
    with warnings.catch_warnings(), Gradebook(address, "genai-foundations") as gradebook:
        warnings.simplefilter("ignore", SAWarning)
        gradebook.add_assignment("toy")
        gradebook.add_notebook("toy", "toy")
        for name in CELLS:
            gradebook.add_grade_cell(name, "toy", "toy", max_score=2, cell_type="code")
        for student in ("ada", "bea"):
            gradebook.add_student(student, email=f"{student}@x.example")
            gradebook.add_submission("toy", student)
            handed_in(student)
        for name in CELLS:
            gradebook.find_grade(name, "toy", "toy", "ada").auto_score = 0
        gradebook.db.commit()
    return toy_copy


def export(assignment, *options):
    command = ["--course", str(assignment.course.root), "export", "toy", *options, "-o", "-"]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    return list(csv.reader(io.StringIO(done.stdout))), done.stderr


@pytest.mark.parametrize("form", ["csv", "canvas", "moodle"])
def test_it_is_empty_and_named(form, half_made):
    rows, told = export(half_made, "--to", form)
    column = rows[0].index("score" if form == "csv" else "toy")
    scores = {
        student: row[column]
        for row in rows
        for student in ("ada", "bea")
        if student in "".join(row)
    }
    assert scores == {"ada": "0", "bea": ""}
    assert "1 submitted, but not graded yet: 'bea'" in told


def test_a_table_says_that_it_was_handed_in(half_made):
    rows, _ = export(half_made, "--to", "csv")
    submitted = rows[0].index("submitted")
    assert {row[0]: row[submitted] for row in rows[1:]} == {"ada": "yes", "bea": "not graded"}


def test_a_filled_roster_is_left_as_it_was(half_made, tmp_path):
    roster = tmp_path / "canvas.csv"
    roster.write_text("Student,ID,SIS Login ID,Section,toy (1)\na,1,ada,,\nb,2,bea,,\n")
    rows, told = export(half_made, "--to", "canvas", "--roster", str(roster))
    assert [row[-1] for row in rows] == ["toy (1)", "0", ""]
    assert "1 in the roster without a score here (left as they were): 'b'" in told


def test_a_report_does_not_take_it_for_a_score(half_made):
    known = gradebook_scores(half_made)
    assert known.final("bea") is None
    assert known.final("ada").score == 0


def test_what_nobody_handed_in_is_nbgraders_to_say(half_made):
    for path in (half_made.submission("bea"), half_made.submission("bea").parent):
        path.unlink() if path.is_file() else path.rmdir()
    assert gradebook_scores(half_made).final("bea").score == 0


def test_a_later_result_that_was_not_entered_is_named(half_made):
    half_made.results.mkdir(parents=True)
    half_made.result("ada").write_bytes(b"first")
    marks = EnteredMarks(half_made)
    assert read_scores(half_made).outdated == []
    marks.renew(was_told=True)
    marks.set("ada", marks.digest("ada"))
    assert read_scores(half_made).outdated == []
    half_made.result("ada").write_bytes(b"second")
    assert read_scores(half_made).outdated == ["ada"]
    _, told = export(half_made, "--to", "csv")
    assert "1 have a later result than the gradebook: grade again: 'ada'" in told
