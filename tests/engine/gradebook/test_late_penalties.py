"""Late submissions: nbgrader's plugins take points in the gradebook; our results keep theirs."""

import csv
import shutil
import sys

import pytest
from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin

from autograder.course.files import find_course
from autograder.gradebook.ingest import Ingest, register
from autograder.results.document import read_result, read_results

pytestmark = [
    pytest.mark.box,
    # nbgrader_commands ignores it where nbgrader is at its cause; pytest sets filters anew.
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]

COURSE = "genai-foundations"
ZERO = 'c.LateSubmissionPlugin.penalty_method = "zero"\n'
# As docs/gradebook.md has it.
A_POINT_A_DAY = """
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
c.AssignLatePenalties.plugin_class = "late.PointADay"
"""
LATE = """
import math

from nbgrader.plugins import BasePlugin


class PointADay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return min(score, math.ceil(total_seconds_late / 86400))
"""
# Due at noon: ada is in time, bob 5 minutes late, eve a day and an hour.
TIMESTAMPS = {
    "ada": "2026-01-10 11:59:00 UTC",
    "bob": "2026-01-10 12:05:00 UTC",
    "eve": "2026-01-11 13:00:00 UTC",
}


@pytest.fixture
def late_class(toy_class, tmp_path, monkeypatch):
    """Return a function that makes a copy of the class, with a due date, nothing entered."""

    def make(configuration):
        root = tmp_path / "late"
        shutil.copytree(toy_class.course.root, root)
        (root / "late.py").write_text(LATE)
        with (root / "nbgrader_config.py").open("a") as config:
            config.write(configuration)
        for student, timestamp in TIMESTAMPS.items():
            (root / "submitted" / student / "toy" / "timestamp.txt").write_text(timestamp)
        assignment = find_course(root).assignment("toy")
        register_with_due_date(assignment)
        return assignment

    # The configuration adds to it, and a class of one test must not be another's.
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "late", raising=False)
    return make


def open_gradebook(root):
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}", COURSE)


def register_with_due_date(assignment):
    register(assignment)
    with open_gradebook(assignment.course.root) as gradebook:
        gradebook.update_or_create_assignment("toy", duedate="2026-01-10 12:00:00 UTC")


def enter(assignment):
    ingest = Ingest(assignment)
    problems = [ingest.enter(result) for result in read_results(assignment.results)]
    assert problems == [None] * 3


def penalties(assignment):
    """Return what each student lost, and what is left by nbgrader's export of 10, 6 and 8."""
    table = assignment.course.root / "grades.csv"
    with open_gradebook(assignment.course.root) as gradebook:
        exporter = CsvExportPlugin()
        exporter.to = str(table)
        exporter.export(gradebook)
    with table.open(newline="") as file:
        return {
            row["student_id"]: (float(row["late_submission_penalty"]), float(row["score"]))
            for row in csv.DictReader(file)
        }


def test_late_is_zero(late_class):
    assignment = late_class(ZERO)
    enter(assignment)
    lost = penalties(assignment)
    assert lost == {"ada": (0.0, 10.0), "bob": (6.0, 0.0), "eve": (8.0, 0.0)}
    # Our own results are the work's worth, late or not.
    assert read_result(assignment.result("bob")).score == 5.0


def test_a_plugin_of_the_course_by_both_commands(late_class, run_in):
    assignment = late_class(A_POINT_A_DAY)
    enter(assignment)
    expected = {"ada": (0.0, 10.0), "bob": (1.0, 5.0), "eve": (2.0, 6.0)}
    assert penalties(assignment) == expected
    (assignment.course.root / "gradebook.db").unlink()
    register_with_due_date(assignment)
    written = {path: path.stat().st_mtime_ns for path in assignment.results.glob("*.json")}
    run_in(assignment.course.root, "nbgrader", "autograde", "toy", "--force")
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert penalties(assignment) == expected


def test_a_later_due_date_and_a_manual_score_count_when_entered_again(late_class):
    assignment = late_class(A_POINT_A_DAY)
    enter(assignment)
    with open_gradebook(assignment.course.root) as gradebook:
        gradebook.find_grade("square-tests", "toy", "toy", "eve").manual_score = 2.0
        gradebook.update_or_create_assignment("toy", duedate="2026-01-11 12:00:00 UTC")
    enter(assignment)
    assert penalties(assignment) == {"ada": (0.0, 10.0), "bob": (0.0, 6.0), "eve": (1.0, 9.0)}
