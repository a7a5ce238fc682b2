"""What a report tells of the gradebook's scores: on the instructor's lines, on a student's page."""

import warnings

import pytest
from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from autograder.feedback.student_page import render_student_page
from autograder.gradebook.nbgrader_commands import put_scripts_on_path
from autograder.gradebook.scores import FinalScore
from autograder.reports.class_results import ClassResults
from autograder.reports.writing import read_class
from autograder.results.document import read_result


def enter_grades(url):
    """Make a gradebook of three students: one marked and late, one very late."""
    put_scripts_on_path()
    with Gradebook(url, "genai-foundations") as gradebook:
        gradebook.add_assignment("a01_pca")
        gradebook.add_notebook("a01_pca", "a01_pca")
        place = {"notebook": "a01_pca", "assignment": "a01_pca"}
        gradebook.add_grade_cell("center-tests", **place, max_score=10, cell_type="code")
        gradebook.add_grade_cell("whiten-tests", **place, max_score=5, cell_type="code")
        gradebook.add_task_cell("derivation", **place, max_score=4, cell_type="markdown")
        for student, automatic in (("ada.abe", 6), ("amir.abe", 7), ("ana.abe", 1)):
            gradebook.add_student(student)
            gradebook.add_submission("a01_pca", student)
            notebook = gradebook.find_submission_notebook("a01_pca", "a01_pca", student)
            grades = {grade.name: grade for grade in notebook.grades}
            grades["center-tests"].auto_score, grades["whiten-tests"].auto_score = automatic, 5
            grades["center-tests"].needs_manual_grade = False
            grades["whiten-tests"].needs_manual_grade = False
            if student == "amir.abe":
                grades["center-tests"].manual_score = 9.5
                grades["whiten-tests"].extra_credit = 2
                grades["derivation"].manual_score = 3
                grades["derivation"].needs_manual_grade = False
                notebook.late_submission_penalty = 1.5
            if student == "ana.abe":
                notebook.late_submission_penalty = 100
        gradebook.db.commit()


@pytest.fixture(scope="module")
def assignment(small_class, made_up, tmp_path_factory):
    """An assignment with results of five students, three of whom a gradebook knows."""
    folder = tmp_path_factory.mktemp("final") / "course"
    course = made_up.copy_course(small_class.root, folder)
    made_up.write_class(course.assignment("a01_pca"), students=5)
    with warnings.catch_warnings():
        # nbgrader's queries flush objects that its session does not know yet.
        warnings.simplefilter("ignore", SAWarning)
        enter_grades(f"sqlite:///{folder / 'gradebook.db'}")
    return course.assignment("a01_pca")


def finals(assignment):
    """Return each student's final score as the report has it."""
    results = ClassResults("a01_pca")
    list(read_class(assignment, results, with_pages=False))
    return {row.student: row.final for row in results.rows}


def test_who_is_in_the_gradebook_has_its_score_and_its_parts(assignment):
    found = finals(assignment)
    assert found["ada.abe"] == FinalScore(11.0, 19.0, unmarked=1, in_gradebook=True)
    assert found["amir.abe"] == FinalScore(
        9.5 + 5 + 2 + 3 - 1.5, 19.0, 2.0, 1.5, by_hand=2.5 + 3, in_gradebook=True
    )
    assert found["ana.abe"].score == 0.0
    known = {student for student, final in found.items() if final.in_gradebook}
    assert known == {"ada.abe", "amir.abe", "ana.abe"}


def test_scores_are_those_of_nbgraders_own_tables(assignment):
    url = f"sqlite:///{assignment.course.root / 'gradebook.db'}"
    with Gradebook(url, "genai-foundations") as gradebook:
        for student, final in finals(assignment).items():
            if not final.in_gradebook:
                continue
            submission = gradebook.find_submission("a01_pca", student)
            score = submission.score - submission.late_submission_penalty
            assert (final.score, final.max_score) == (max(0.0, score), submission.max_score)


def test_a_student_whom_the_gradebook_does_not_know_keeps_the_automatic_score(assignment):
    found = finals(assignment)
    assert found["amir.abe"].score == 18.0
    others = [final for final in found.values() if not final.in_gradebook]
    assert others
    assert all(final.max_score > 19 for final in others)


def test_the_students_page_tells_what_the_score_is_made_of(assignment):
    found = finals(assignment)
    result = read_result(assignment.result("amir.abe"))
    page = render_student_page(result, found["amir.abe"])
    for text in (
        "<strong>18</strong> of 19",
        "+5.5 points by hand",
        "1.5 points were taken off: it was late",
        "With 2 points of extra credit",
    ):
        assert text in page
    assert "still waits for a person" not in page
    assert "still waits for a person" in render_student_page(result, found["ada.abe"])
