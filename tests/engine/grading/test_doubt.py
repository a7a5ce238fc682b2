"""A timeout without processor time, or a process that vanished, is doubted; other failures not."""

import os
import signal

import pytest

from autograder.results.verdicts import Verdict

pytestmark = pytest.mark.box


def graded(grader, submit, **cells):
    result = grader.grade_bytes(submit(**cells), "ada", "toy.ipynb")
    return result, {exercise.name: exercise.verdict for exercise in result.exercises}


@pytest.mark.parametrize(
    ("body", "verdict", "in_doubt"),
    [
        ("import time; time.sleep(60)", Verdict.TIMED_OUT, True),
        ("import os; os._exit(1)", Verdict.CRASHED, True),
        ("return 2 * x", Verdict.FAILED, False),
        ("return x**2", Verdict.PASSED, False),
    ],
)
def test_a_call_that_may_be_the_machines_fault_is_doubted(grader, submit, body, verdict, in_doubt):
    result, verdicts = graded(grader, submit, square=f"def square(x):\n    {body}")
    assert verdicts["square"] is verdict
    assert result.in_doubt == in_doubt


def test_a_cell_that_waits_is_doubted(grader, submit):
    cell = "import time\ntime.sleep(60)\ndef square(x):\n    return x**2"
    result, verdicts = graded(grader, submit, square=cell)
    assert verdicts["square"] is Verdict.TIMED_OUT
    assert result.in_doubt


@pytest.mark.slow
def test_a_box_that_is_killed_under_a_submission_costs_it_nothing(grader, submit, tmp_path):
    box = grader.box
    # What leaves something behind has a process of its own for each exercise, swept after it.
    content = submit(square="seen = []\ndef square(x):\n    seen.append(x)\n    return x * x")
    expected = grader.grade_bytes(content, "ada", "toy.ipynb")
    open_exercise = type(box).sweep
    killed = []

    def kill_once(self):
        if not killed:
            killed.append(True)
            # Its own sandbox alone: this process has other children, a browser's driver say.
            os.kill(self._sandbox.process.pid, signal.SIGKILL)
        return open_exercise(self)

    type(box).sweep = kill_once
    try:
        again = grader.grade_bytes(content, "ada", "toy.ipynb")
    finally:
        type(box).sweep = open_exercise
    assert killed
    assert again.score == expected.score
    assert [one.verdict for one in again.exercises] == [one.verdict for one in expected.exercises]
