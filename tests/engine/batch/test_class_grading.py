"""Finding a class's submissions, and what is done of them: with a judge that starts no box."""

from pathlib import Path

import pytest

from autograder.batch.class_grading import ClassSettings, Found, find_submissions, grade_class
from autograder.course import Assignment, Course
from autograder.errors import AutograderError
from autograder.isolation import Isolation
from autograder.judge.grading import Grader
from autograder.limits import Limits
from autograder.results import read_result

SETTINGS = ClassSettings(1, Isolation.BOX, Limits(notebook_mb=1))


@pytest.fixture
def course(toy, tmp_path):
    """The toy course by links, with folders of its own for submissions and results."""
    root = tmp_path / "course"
    root.mkdir()
    for name in ("source", "solutions", "tests", "release", "nbgrader_config.py"):
        (root / name).symlink_to(toy.course.root / name)
    return Assignment(Course(root), "toy")


@pytest.fixture
def handed_in(course):
    """Return a function that puts a file where nbgrader keeps a student's submission."""

    def make(student, content=b"[]"):
        path = course.submission(student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return make


def test_all_of_submitted_is_found_in_the_order_of_names(course, handed_in):
    for student in ("zoe", "adam o'neil"):
        handed_in(student)
    (course.course.submitted / "other" / "another_assignment").mkdir(parents=True)
    found = find_submissions(course, ())
    assert [one.student for one in found] == ["adam o'neil", "zoe"]
    assert all(one.in_course and one.path.is_file() for one in found)


def test_a_folder_without_a_notebook_is_found_too(course):
    course.submission("ada").parent.mkdir(parents=True)
    assert [one.student for one in find_submissions(course, ())] == ["ada"]


def test_no_submissions_says_where_they_lie(course):
    with pytest.raises(AutograderError, match=r"no submissions of toy in .*<student>/toy/toy\.ip"):
        find_submissions(course, ())


def test_a_path_below_submitted_means_its_student(course, handed_in):
    path = handed_in("ada")
    expected = [Found("ada", path, True)]
    for named in (path, path.parent, path.parent.parent):
        assert find_submissions(course, (named,)) == expected
    assert find_submissions(course, (path, path.parent)) == expected


def test_loose_notebooks_are_named_by_their_files(course, tmp_path):
    folder = tmp_path / "loose"
    folder.mkdir()
    for name in ("b.ipynb", "a b.ipynb", "notes.txt"):
        (folder / name).touch()
    found = find_submissions(course, (folder,))
    assert [(one.student, one.in_course) for one in found] == [("a b", False), ("b", False)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "no such file or folder"),
        (lambda folder: folder.mkdir(), "no notebooks in this folder"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(course, tmp_path, make, said):
    path = tmp_path / "nowhere"
    make(path)
    with pytest.raises(AutograderError, match=f"nowhere: {said}"):
        find_submissions(course, (path,))


def test_two_submissions_of_one_name_are_named(course, tmp_path):
    paths = [tmp_path / folder / "ada.ipynb" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.touch()
    with pytest.raises(AutograderError, match=r"two submissions of 'ada': .*a/ada.*b/ada"):
        find_submissions(course, tuple(paths))


class FakeGrader(Grader):
    """A grader that runs nothing: everything gets 0, and what says `raises` raises."""

    def grade_file(self, path: Path, student: str):
        content = path.read_bytes()
        if content == b"raises":
            raise RuntimeError("a bug of ours")
        return self.grade_bytes(content, student, path.name)


def grade(course, monkeypatch, **edits):
    monkeypatch.setattr("autograder.judge.grading.Grader", FakeGrader)
    settings = ClassSettings(**{**vars(SETTINGS), **edits})
    found = find_submissions(course, ())
    return {f.student: (result, now) for f, result, now in grade_class(course, found, settings)}


def test_results_are_written_and_what_is_unchanged_is_not_graded_again(
    course, handed_in, monkeypatch
):
    handed_in("ada", b"1")
    handed_in("bob", b"1")
    assert all(now for _, now in grade(course, monkeypatch).values())
    assert read_result(course.result("ada")).student == "ada"
    handed_in("bob", b"2")
    again = grade(course, monkeypatch)
    assert {student: now for student, (_, now) in again.items()} == {"ada": False, "bob": True}


@pytest.mark.parametrize("edits", [{"force": True}, {"limits": Limits(notebook_mb=2)}])
def test_force_and_other_limits_grade_again(course, handed_in, monkeypatch, edits):
    handed_in("ada", b"1")
    grade(course, monkeypatch)
    assert grade(course, monkeypatch, **edits)["ada"][1] is True


def test_what_was_our_fault_is_graded_again(course, handed_in, monkeypatch):
    handed_in("ada", b"raises")
    grade(course, monkeypatch)
    assert grade(course, monkeypatch)["ada"][1] is True


def test_a_bug_of_ours_costs_one_submission_and_calls_a_person(course, handed_in, monkeypatch):
    handed_in("ada", b"raises")
    handed_in("bob", b"1")
    results = grade(course, monkeypatch)
    assert results["ada"][0].verdict == "GRADER_ERROR"
    assert results["ada"][0].needs_person
    assert results["ada"][0].notes == ["RuntimeError: a bug of ours"]
    assert results["bob"][0].verdict == "MISSING"


def test_loose_notebooks_leave_no_results_behind(course, tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.judge.grading.Grader", FakeGrader)
    loose = tmp_path / "ada.ipynb"
    loose.write_bytes(b"1")
    found = find_submissions(course, (loose,))
    assert len(list(grade_class(course, found, SETTINGS))) == 1
    assert not course.results.exists()
