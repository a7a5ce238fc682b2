"""Who still waits for a mark by hand, as a list one can work through."""

import json
from functools import partial

import pytest
from nbgrader.api import Gradebook

from autograder.course.made_up import hand_in
from shared.commands import run_forked

pytestmark = [pytest.mark.box, pytest.mark.slow]


@pytest.fixture
def classroom(copy_toy, submit, tmp_path):
    """A class in which one has written a reason, one has not, and one file is no notebook."""
    assignment = copy_toy(tmp_path / "course")
    hand_in(assignment, "ada", submit(why_squares="Squares are never negative."))
    hand_in(assignment, "bob", submit())
    hand_in(assignment, "eve", b"no notebook")
    run_forked(assignment.course.root, "autograder", "grade", "toy")
    return assignment


def gradebook_of(assignment):
    return Gradebook(f"sqlite:///{assignment.course.root / 'gradebook.db'}", "genai-foundations")


def listed(run, *options):
    done = run("autograder", "marking", "toy", "--json", *options)
    return done.returncode, {
        (one["student"], one["name"], one["why"]) for one in json.loads(done.stdout)
    }


def test_the_list_shrinks_as_marks_are_given(classroom):
    run = partial(run_forked, classroom.course.root)
    broken = ("eve", "all of it", "flagged: the file is no notebook")
    read, blank = ("ada", "why_squares", "to read"), ("bob", "why_squares", "nothing was written")
    assert listed(run) == (1, {read, blank, broken})
    assert listed(run, "--zero-blank") == (1, {read, broken})
    with gradebook_of(classroom) as gradebook:
        assert gradebook.find_grade("why_squares", "toy", "toy", "bob").manual_score == 0.0
        assert gradebook.find_grade("why_squares", "toy", "toy", "ada").manual_score is None
        for student in ("ada", "eve"):
            for grade in gradebook.find_submission_notebook("toy", "toy", student).grades:
                grade.manual_score, grade.needs_manual_grade = 1.0, False
        gradebook.db.commit()
    done = run("autograder", "marking")
    assert (done.returncode, done.stdout) == (0, "nobody waits for a mark by hand\n")


def test_a_line_leads_to_formgraders_page(classroom):
    done = run_forked(
        classroom.course.root, "autograder", "marking", "toy", "--server", "https://hub/user/ta"
    )
    with gradebook_of(classroom) as gradebook:
        page = gradebook.find_submission_notebook("toy", "toy", "ada").id
    assert f"https://hub/user/ta/formgrader/submissions/{page}/" in done.stdout
    assert done.stdout.index("ada") < done.stdout.index("eve") < done.stdout.index("bob")


def test_where_nothing_is_graded_nobody_waits(toy_copy):
    done = run_forked(toy_copy.course.root, "autograder", "marking", "toy", "--zero-blank")
    assert done.returncode == 0
    assert not (toy_copy.course.root / "gradebook.db").exists()
