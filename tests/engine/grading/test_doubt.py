"""What may be the machine's doing is doubted, and another run goes on there; the rest stands."""

import json
import os
import signal

import pytest

from autograder.grading.begun import Begun
from autograder.grading.submission import Earlier
from autograder.results.verdicts import Verdict

pytestmark = pytest.mark.box

KILLS = "autograder.sandbox.host.doubt.machine_kills"


@pytest.fixture
def grade(grader, submit):
    """Return a function that grades a notebook which may be doubted."""

    def run(earlier=None, told=None, **cells):
        tell = (lambda _: None) if told is None else told.append
        content = submit(**cells)
        return grader.grade_content(content, "ada", "toy.ipynb", earlier, may_doubt=True, tell=tell)

    return run


def names(results):
    return [one.name for one in results]


@pytest.mark.parametrize(
    ("body", "in_doubt"),
    [
        ("import time; time.sleep(60)", True),
        ("import os; os._exit(1)", False),
        ("return 2 * x", False),
        ("return x**2", False),
    ],
)
def test_a_call_that_had_too_little_of_the_processor_is_doubted(grade, body, in_doubt):
    graded = grade(square=f"def square(x):\n    {body}")
    assert graded.result.in_doubt == in_doubt
    assert (graded.begun is not None) == in_doubt


def test_a_process_that_vanished_is_doubted_where_the_machine_has_killed_any(grade, monkeypatch):
    counts = iter([0, 1])
    monkeypatch.setattr(KILLS, lambda: next(counts, 1))
    graded = grade(cube="import os\ndef cube(x):\n    os._exit(1)")
    assert graded.result.in_doubt
    assert names(graded.begun.exercises) == ["square", "sum_of_squares", "weighted_energy"]
    assert graded.begun.broken.name == "cube"
    assert graded.begun.broken.verdict is Verdict.CRASHED


def test_without_a_second_run_nothing_is_doubted(grader, submit):
    content = submit(square="def square(x):\n    import time; time.sleep(60)")
    result = grader.grade_bytes(content, "ada", "toy.ipynb")
    assert (result.in_doubt, result.exercises[0].verdict) == (False, Verdict.TIMED_OUT)
    assert len(result.exercises) == 4


def test_a_cell_that_waits_is_doubted_before_any_exercise(grade):
    graded = grade(square="import time\ntime.sleep(60)\ndef square(x):\n    return x**2")
    assert graded.result.in_doubt
    assert graded.begun == Begun()


def test_the_next_run_goes_on_where_the_first_broke_off_and_asks_for_nothing_again(grader, grade):
    told = []
    first = grade(told=told, cube="import time\ndef cube(x):\n    time.sleep(60)")
    assert Begun.of(told).exercises == first.begun.exercises
    asked = []
    run = grader.loaded.tests.run
    grader.loaded.tests.run = lambda name, source: asked.append(name) or run(name, source)
    try:
        second = grade(Earlier(begun=first.begun))
    finally:
        del grader.loaded.tests.run
    assert asked == ["cube"]
    assert second.result.score == 9
    assert second.result.exercises[:3] == first.begun.exercises
    assert not second.result.needs_person


def test_what_had_been_seen_to_its_end_and_comes_out_otherwise_calls_a_person(grade):
    sleeps = "seen = []\ndef square(x):\n    import time\n    if 2.25 in x**2: time.sleep(60)\n"
    first = grade(square=sleeps + "    return x**3")
    assert [one.verdict for one in first.begun.broken.tests] == [
        Verdict.FAILED,
        Verdict.TIMED_OUT,
    ]
    second = grade(Earlier(begun=first.begun))
    assert second.result.needs_person
    assert "square: A second run came out otherwise: test_values." in second.result.notes


def test_what_stands_crosses_a_line_as_json(grade):
    begun = grade(cube="import time\ndef cube(x):\n    time.sleep(60)").begun
    assert Begun.model_validate(json.loads(begun.model_dump_json())) == begun


@pytest.mark.slow
def test_a_box_that_is_killed_under_a_submission_costs_it_nothing(grader, submit):
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
