"""From submissions to nbgrader's gradebook, by our command and by nbgrader's own."""

import json
import shutil

import pytest
from nbgrader.api import Gradebook

from shared.commands import run_fresh

pytestmark = [pytest.mark.box, pytest.mark.slow]

EXPECTED = {"ada": 9.0, "bob": 5.0, "eve": 7.0}


def scores(root):
    """Return each student's score in the gradebook, without extra credit."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "genai-foundations") as gradebook:
        return {
            student: sum(
                grade.auto_score or 0
                for notebook in gradebook.find_submission("toy", student).notebooks
                for grade in notebook.grades
            )
            for student in EXPECTED
        }


def test_scores_results_and_gradebook_agree(graded):
    results = {
        student: json.loads((graded / f"results/toy/{student}.json").read_text())["score"]
        for student in EXPECTED
    }
    assert results == scores(graded) == EXPECTED


def test_an_optional_exercise_is_extra_credit(graded):
    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}", "genai-foundations") as gradebook:
        submission = gradebook.find_submission("toy", "ada")
        assert submission.score == 10.0
        assert submission.max_score == 9.0 + 2.0  # The task's points are a person's to give.


def test_unchanged_submissions_are_not_graded_again(graded, run):
    written = {path: path.stat().st_mtime_ns for path in (graded / "results/toy").glob("*.json")}
    run("autograder", "grade", "toy")
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_a_manual_score_survives_a_regrade(graded, run):
    url = f"sqlite:///{graded / 'gradebook.db'}"
    with Gradebook(url, "genai-foundations") as gradebook:
        gradebook.find_grade("square-tests", "toy", "toy", "eve").manual_score = 1.5
        gradebook.db.commit()
    run("autograder", "grade", "toy", "submitted/eve", "--force")
    with Gradebook(url, "genai-foundations") as gradebook:
        grade = gradebook.find_grade("square-tests", "toy", "toy", "eve")
        assert (grade.manual_score, grade.auto_score, grade.score) == (1.5, 0.0, 1.5)
        grade.manual_score = None
        gradebook.db.commit()


def test_the_autograded_notebook_has_feedback_pictures_and_scores(graded):
    notebook = json.loads((graded / "autograded/bob/toy/toy.ipynb").read_text())
    cells = {
        cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in notebook["cells"]
    }
    feedback, score = cells["weighted_energy-tests"]["outputs"]
    assert "leaves out the factor 1/2" in "".join(feedback["data"]["text/html"])
    assert "".join(score["data"]["text/plain"]) == "0.0"
    kinds = {
        kind
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert kinds == {"text/html", "text/plain", "image/png"}
    assert any("MARK SCHEME" in "".join(cell["source"]) for cell in notebook["cells"])


def test_nbgrader_autograde_alone_gives_the_same_scores(tmp_path, graded, run_in):
    alone = tmp_path / "alone"
    shutil.copytree(
        graded, alone, ignore=shutil.ignore_patterns("results", "autograded", "gradebook.db")
    )
    run_in(alone, "nbgrader", "generate_assignment", "toy", "--force")
    done = run_fresh(alone, "nbgrader", "autograde", "toy")
    assert done.returncode == 0, done.stderr
    assert scores(alone) == EXPECTED
    assert (alone / "results/toy/bob.json").is_file()


def test_feedback_is_written_by_nbgrader_itself(graded, run):
    run("nbgrader", "generate_feedback", "toy")
    page = (graded / "feedback/eve/toy/toy.html").read_text()
    assert "doubles instead of squaring" in page


def test_json_touches_no_gradebook(graded, run):
    before = (graded / "gradebook.db").stat().st_mtime_ns
    done = run("autograder", "grade", "toy", "submitted/ada/toy/toy.ipynb", "--json")
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    assert document["submissions"][0]["student"] == "ada"
    assert (graded / "gradebook.db").stat().st_mtime_ns == before
