"""Every odd notebook through the whole pipeline: graded, entered, exported, shown, told."""

import csv
import json
import urllib.request

import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback

from autograder.course.configuration import course_config
from autograder.course.made_up import hand_in
from autograder.course.nbgrader_release import course_directory
from autograder.results.document import read_results
from shared.formgrader import TOKEN
from shared.odd_notebooks import FORMS

pytestmark = [pytest.mark.box, pytest.mark.slow]

POINTS = 9.0
FORMS_OF_PLAIN_NBGRADER = ("byte order mark", "minor 5.0", "minor null", "a cell without type")


def gradebook_of(assignment):
    return Gradebook(f"sqlite:///{assignment.course.root / 'gradebook.db'}", "genai-foundations")


@pytest.fixture(scope="module")
def pages(odd_class):
    """Each student's feedback page, as nbgrader makes it."""
    assignment, _ = odd_class
    config = course_config(assignment.course)
    GenerateFeedback(coursedir=course_directory(assignment, config), config=config).start()
    folder = assignment.course.root / "feedback"
    return {path.parts[-3]: path.read_text() for path in folder.glob("*/toy/toy.html")}


def test_each_has_its_points_in_results_and_gradebook(odd_class):
    assignment, done = odd_class
    assert "not entered" not in done.stderr
    for alarming in ("Traceback", "DuplicateCellId", "MissingIDField"):
        assert alarming not in done.stderr
    results = {one.student: one.score for one in read_results(assignment.results)}
    assert set(results.values()) == {POINTS}
    with gradebook_of(assignment) as gradebook:
        entered = {one.student.id: one for one in gradebook.find_assignment("toy").submissions}
        assert {name: one.score for name, one in entered.items()} == {
            name: score + 1 for name, score in results.items()
        }


def test_each_is_exported_with_its_points(odd_class, run):
    done = run("autograder", "export", "toy", "--to", "csv", "-o", "-")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert {row["score"] for row in rows} == {"10"}
    assert "not graded" not in done.stderr


def test_each_has_a_feedback_page(odd_class, pages, odd_students):
    assert pages.keys() == {"pictured", *odd_students.values()}
    for page in pages.values():
        assert "weighted_energy" in page
        assert "attachment:" not in page


def test_each_is_opened_by_formgrader(odd_class, formgrader):
    with gradebook_of(odd_class[0]) as gradebook:
        ids = {
            one.student.id: one.notebooks[0].id
            for one in gradebook.find_assignment("toy").submissions
        }
    for student, number in ids.items():
        address = f"{formgrader}/formgrader/submissions/{number}/?token={TOKEN}"
        with urllib.request.urlopen(address, timeout=60) as page:
            assert page.status == 200, student
            text = page.read().decode()
            assert "weighted_energy" in text, student
            assert 'src="attachment:' not in text, student
            assert student != "pictured" or text.count('src="data:image/') > 30


@pytest.mark.parametrize("form", FORMS_OF_PLAIN_NBGRADER)
def test_nbgraders_own_command_takes_it(form, toy_copy, notebook):
    from shared.commands import run_forked

    hand_in(toy_copy, "ada", FORMS[form](notebook()))
    root = toy_copy.course.root
    # It tells the gradebook the assignment's cells; the result of `bea` is of no matter.
    hand_in(toy_copy, "bea", json.dumps(notebook()).encode())
    run_forked(root, "autograder", "grade", "toy", "submitted/bea")
    done = run_forked(root, "nbgrader", "autograde", "toy", "--student", "ada")
    assert done.returncode == 0, done.stderr
    with gradebook_of(toy_copy) as gradebook:
        assert gradebook.find_submission("toy", "ada").score == POINTS + 1
