"""What is done of a class, in which order, and what is kept: with judges that start no box."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.atomic_files import write_whole
from autograder.errors import AutograderError
from autograder.grading.begun import Begun
from autograder.grading.class_run import ClassGrading
from autograder.grading.settings import ClassSettings
from autograder.grading.submission import Grader
from autograder.results.document import read_result, write_result
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.submissions.finding import find_submissions

SETTINGS = ClassSettings(1, Isolation.BOX, Limits(notebook_mb=1))


class FakeGrader(Grader):
    """A grader that runs nothing: everything gets 0; what a file says decides what goes wrong."""

    def grade_file(self, path: Path, student: str, earlier=None, *, may_doubt=False, **_):
        content = path.read_bytes()
        if content == b"raises":
            raise RuntimeError("a bug of ours")
        graded = self.grade_content(content, student, path.name)
        log = path.parents[3] / "log"
        with log.open("a") as file:
            file.write(f"{student}\n")
        if content == b"in doubt" and may_doubt:
            graded.result.in_doubt = True
            return replace(graded, begun=Begun())
        return graded


@pytest.fixture
def grade_all(toy_copy, tmp_path, monkeypatch):
    """Return a function that grades the class; what it returns is by student."""
    monkeypatch.setattr("autograder.grading.submission.Grader", FakeGrader)
    monkeypatch.setattr("autograder.sandbox.host.run_boxes.launch_together", lambda *_: [])
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def grade_all(*paths, is_trial=False, **edits):
        settings = ClassSettings(**{**vars(SETTINGS), **edits})
        grading = ClassGrading(toy_copy, settings, scratch, is_trial)
        todo, unchanged = grading.split(find_submissions(toy_copy, paths))
        done = [*unchanged, *grading.grade(todo)]
        return {one.found.student: one for one in done}

    return grade_all


def order(toy_copy):
    """Return the students in the order in which they were graded."""
    return (toy_copy.course.root / "log").read_text().split()


def test_results_are_written_and_what_is_unchanged_is_not_graded_again(
    toy_copy, handed_in, grade_all
):
    handed_in("ada", b"1")
    handed_in("bob", b"1")
    assert all(one.is_new for one in grade_all().values())
    assert read_result(toy_copy.result("ada")).student == "ada"
    handed_in("bob", b"2")
    again = grade_all()
    assert {student: one.is_new for student, one in again.items()} == {"ada": False, "bob": True}


@pytest.mark.parametrize("edits", [{"force": True}, {"limits": Limits(notebook_mb=2)}])
def test_force_and_other_limits_grade_again(handed_in, grade_all, edits):
    handed_in("ada", b"1")
    grade_all()
    assert grade_all(**edits)["ada"].is_new


def test_what_was_our_fault_is_graded_again(handed_in, grade_all):
    handed_in("ada", b"raises")
    grade_all()
    assert grade_all()["ada"].is_new


def test_a_bug_of_ours_costs_one_submission_and_calls_a_person(toy_copy, handed_in, grade_all):
    handed_in("ada", b"raises")
    handed_in("bob", b"1")
    graded = grade_all()
    assert graded["ada"].verdict == "GRADER_ERROR"
    assert graded["ada"].needs_person
    assert read_result(toy_copy.result("ada")).notes == ["RuntimeError: a bug of ours"]
    assert graded["bob"].verdict == "MISSING"


def test_loose_notebooks_leave_no_results_behind(toy_copy, tmp_path, grade_all):
    loose = tmp_path / "1" / "2" / "3" / "4" / "ada.ipynb"
    loose.parent.mkdir(parents=True)
    loose.write_bytes(b"1")
    assert grade_all(loose)["ada"].is_new
    assert not toy_copy.results.exists()


def test_a_trial_writes_nothing_to_the_course(toy_copy, handed_in, grade_all):
    handed_in("ada", b"1")
    grade_all()
    before = toy_copy.result("ada").read_bytes()
    handed_in("ada", b"2")
    tried = grade_all(is_trial=True)["ada"]
    assert read_result(tried.result).key != read_result(toy_copy.result("ada")).key
    assert toy_copy.result("ada").read_bytes() == before


def test_the_slowest_known_goes_first_and_the_unknown_between(toy_copy, handed_in, grade_all):
    for student in ("ada", "bob", "cy"):
        handed_in(student, b"1")
    grade_all()
    for student, seconds in (("ada", 1.0), ("bob", 3.0), ("cy", 9.0)):
        result = read_result(toy_copy.result(student))
        result.seconds = seconds
        write_result(toy_copy.result(student), result)
        handed_in(student, b"2")
    handed_in("dan", b"1")
    (toy_copy.course.root / "log").unlink()
    grade_all()
    assert order(toy_copy) == ["cy", "bob", "dan", "ada"]


def test_what_is_in_doubt_runs_again_when_all_others_are_done(toy_copy, handed_in, grade_all):
    handed_in("ada", b"in doubt")
    for student in ("bob", "cy", "dan"):
        handed_in(student, b"1")
    graded = grade_all(jobs=2)
    assert sorted(graded) == ["ada", "bob", "cy", "dan"]
    assert order(toy_copy).count("ada") == 2
    assert order(toy_copy)[-1] == "ada"
    assert "in_doubt" not in json.loads(toy_copy.result("ada").read_text())


def test_a_full_disk_stops_the_run_and_keeps_what_is_written(
    toy_copy, handed_in, grade_all, monkeypatch
):
    handed_in("ada", b"1")
    grade_all()
    handed_in("bob", b"1")
    write = write_whole

    def full(path, content):
        if path.stem == "bob":
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr("autograder.grading.tasks.write_whole", full)
    with pytest.raises(AutograderError, match=r"results/toy: No space left on device"):
        grade_all()
    assert read_result(toy_copy.result("ada")) is not None
    assert read_result(toy_copy.result("bob")) is None
