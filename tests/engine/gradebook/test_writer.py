"""The process that writes the gradebook: what it has entered stays, what it has not is taken up."""

import fcntl
import os
import shutil
import signal
import socket
import time

import pytest

from autograder.course.configuration import course_limits
from autograder.course.files import find_course
from autograder.errors import AutograderError
from autograder.gradebook.entered import EnteredMarks
from autograder.gradebook.writer import Entered, GradebookWriter
from autograder.grading.class_run import ClassGrading
from autograder.grading.run import grade_class
from autograder.grading.settings import ClassSettings
from autograder.sandbox.isolation import Isolation
from autograder.submissions.finding import find_submissions

pytestmark = [
    pytest.mark.box,
    # nbgrader's own; in a run, the writer's process ignores them.
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]


@pytest.fixture
def own_class(toy_class, tmp_path):
    """The class in a course of the test's own."""
    root = tmp_path / "course"
    shutil.copytree(toy_class.course.root, root)
    return find_course(root).assignment("toy")


def entered_by_a_run(assignment, scratch):
    """Grade the class, in which nothing has changed; return who was entered."""
    settings = ClassSettings(1, Isolation.BOX, course_limits(assignment.course))
    grading = ClassGrading(assignment, settings, scratch)
    events = list(grade_class(grading, find_submissions(assignment, ()), enter=True))
    assert not any(event.is_new for event in events if not isinstance(event, Entered))
    entered = [event for event in events if isinstance(event, Entered)]
    assert [event.problem for event in entered if event.problem] == []
    return [event.student for event in entered]


def test_a_writer_that_is_killed_is_told_and_the_next_run_enters_the_rest(own_class, tmp_path):
    with GradebookWriter(own_class) as writer:
        writer.enter("ada")
        assert list(writer.finish()) == [Entered("ada", None)]
        writer.enter("bob")
        os.kill(writer._process.pid, signal.SIGKILL)
        with pytest.raises(AutograderError, match=r"the process that writes the gradebook died"):
            list(writer.finish())
    marks = EnteredMarks(own_class)
    assert [student for student in ("ada", "bob", "eve") if marks.is_set(student)] == ["ada"]
    assert entered_by_a_run(own_class, tmp_path) == ["bob", "eve"]
    assert entered_by_a_run(own_class, tmp_path) == []


def test_another_gradebook_is_told_everything(own_class, tmp_path):
    assert entered_by_a_run(own_class, tmp_path) == ["ada", "bob", "eve"]
    (own_class.course.root / "gradebook.db").unlink()
    assert entered_by_a_run(own_class, tmp_path) == ["ada", "bob", "eve"]


def test_a_time_that_was_added_enters_the_submission_again(own_class, tmp_path):
    entered_by_a_run(own_class, tmp_path)
    handed_in = own_class.submission("eve").with_name("timestamp.txt")
    handed_in.write_text("2026-01-01 12:00:00 UTC")
    assert entered_by_a_run(own_class, tmp_path) == ["eve"]


def test_a_run_that_was_stopped_early_waits_for_no_other_that_writes(own_class):
    lock = own_class.course.root / "results" / ".gradebook.lock"
    with lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        # Were it to wait for us, as we wait for it, this would never end.
        with GradebookWriter(own_class):
            pass


def test_a_writer_begins_when_the_boxes_are_ready(own_class):
    ours, theirs = socket.socketpair()
    begun = own_class.course.root / "begun"

    with GradebookWriter(own_class, ready=[ours], after_fork=begun.touch):
        time.sleep(0.2)
        too_early = begun.exists()
        theirs.send(b"ready")
        for _ in range(100):
            time.sleep(0.1)
            if begun.exists():
                break
    ours.close()
    theirs.close()
    assert (too_early, begun.exists()) == (False, True)
