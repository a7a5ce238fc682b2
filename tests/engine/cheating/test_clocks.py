"""A clock outside the judge: what runs on in it, in native code too, costs its own task alone."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import subprocess
import time

import numpy as np
import psutil
import pytest

from autograder.errors import Failure
from autograder.grading.class_run import ClassGrading
from autograder.grading.events import Died, Done, Failed
from autograder.grading.pool import Pool
from autograder.grading.settings import ClassSettings
from autograder.results.document import read_result
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory import MIB, MemoryRanOut
from autograder.submissions.finding import find_submissions

SILENCE_S = 0.7
# Far more than a run with a clock takes, far less than one without.
SOON_S = 40


def never_return():
    """Stay in native code, which no alarm of Python's interrupts, and hold the interpreter."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    ctypes.PyDLL(None).sleep(600)


def run_pool(do, tasks, jobs=2, make=None, silence_s=SILENCE_S, **options):
    """Return what becomes of the tasks, by task; fail where that is not known soon."""

    @contextlib.contextmanager
    def make_worker(number):
        yield do

    began = time.monotonic()
    pool = Pool(jobs, make or make_worker, silence_s=silence_s, **options)
    events = {event.task: event for event in pool.run(tasks)}
    assert time.monotonic() - began < SOON_S
    return events


def lives(pid):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def is_gone(pid):
    deadline = time.monotonic() + SOON_S
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not lives(pid)


def written(path):
    """Wait for a number in a file."""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(f"nothing in {path}")


HANGS = {
    "a native call": never_return,
    "much mathematics": lambda: np.linalg.eigh(np.random.default_rng(0).normal(size=(5000, 5000))),
    "a process that was stopped": lambda: os.kill(os.getpid(), signal.SIGSTOP),
}


@pytest.mark.parametrize("hang", HANGS)
def test_a_judge_that_hangs_is_killed_and_the_others_go_on(hang):
    def do(task, tell):
        if task == "bad":
            HANGS[hang]()
        return os.getpid()

    events = run_pool(do, ["bad", *range(6)])
    assert events.pop("bad") == Died("bad", was_late=True)
    assert all(isinstance(event, Done) for event in events.values())


def test_what_was_told_before_stands_and_the_next_judge_goes_on_from_there():
    def do(task, tell):
        for bit in range(task, 5):
            if bit == 2 and task != 2:
                never_return()
            tell(bit)
        return "whole"

    events = run_pool(do, [0], resume=lambda task, told: task + len(told))
    assert events == {2: Done(2, "whole")}


def test_what_the_last_judge_told_is_not_lost():
    def do(task, tell):
        tell("found")
        never_return()

    assert run_pool(do, ["a"]) == {"a": Died("a", ["found"], was_late=True)}


def test_a_judge_that_goes_on_telling_is_not_late():
    def do(task, tell):
        for _ in range(4):
            time.sleep(SILENCE_S / 2)
            tell("still here")
        return "whole"

    assert run_pool(do, ["a"]) == {"a": Done("a", "whole")}


def test_a_judge_that_hangs_while_it_starts_is_killed_too():
    @contextlib.contextmanager
    def make_worker(number):
        never_return()
        yield

    assert run_pool(None, ["a"], make=make_worker) == {"a": Died("a", was_late=True)}


def test_what_a_late_judge_has_started_is_killed_with_it(tmp_path):
    def do(task, tell):
        child = subprocess.Popen(["sleep", "600"])
        (tmp_path / "child").write_text(str(child.pid))
        never_return()

    run_pool(do, ["a"])
    assert is_gone(int((tmp_path / "child").read_text()))


def test_a_judge_ends_with_its_coordinator_whatever_it_does(tmp_path):
    def do(task, tell):
        (tmp_path / task).write_text(str(os.getpid()))
        never_return()

    def coordinate():
        @contextlib.contextmanager
        def make_worker(number):
            yield do

        list(Pool(2, make_worker).run(["first", "second"]))

    coordinator = multiprocessing.get_context("fork").Process(target=coordinate)
    coordinator.start()
    judges = [written(tmp_path / name) for name in ("first", "second")]
    try:
        os.kill(coordinator.pid, signal.SIGKILL)
        coordinator.join()
        assert all(map(is_gone, judges))
    finally:
        for pid in filter(lives, judges):
            os.kill(pid, signal.SIGKILL)


def test_the_number_of_a_judge_that_has_ended_is_said():
    def do(task, tell):
        if task == "bad":
            never_return()

    ended = []
    run_pool(do, ["bad"], when_ended=ended.append)
    assert ended == [0, 1, 2]


def test_a_result_that_cannot_be_sent_is_an_error_and_no_wait_without_end():
    failed = run_pool(lambda task, tell: lambda: None, ["a"], jobs=1)["a"]
    assert isinstance(failed, Failed)


# -- what a judge holds --


def held_by(judge):
    """Hold much memory in this process, as if a cache of ours kept what a student sent."""
    judge.append(np.ones(700 * MIB // 8))


def test_a_judge_that_has_grown_ends_and_no_other_task_pays_for_it():
    kept, tries = [], []

    def do(task, tell):
        if task == "hoards":
            held_by(kept)
        return os.getpid(), len(kept)

    def resume(task, told):
        tries.append(task)
        return task

    events = run_pool(do, ["first", "hoards", *range(4)], jobs=1, silence_s=SOON_S, resume=resume)
    pids = {task: event.result[0] for task, event in events.items()}
    assert pids["first"] == pids["hoards"]
    assert {events[number].result[1] for number in range(4)} == {0}
    assert len({pids[number] for number in range(4)}) == 1
    assert tries == []


@pytest.mark.parametrize("error", [MemoryError, MemoryRanOut])
def test_what_an_earlier_task_left_is_no_later_ones_fault(error, tmp_path):
    def do(task, tell):
        marker = tmp_path / "ran out"
        if task == "honest" and not marker.exists():
            marker.touch()
            raise error
        return os.getpid()

    events = run_pool(do, ["first", "honest", "last"], jobs=1, silence_s=SOON_S)
    first, honest, last = (events[task].result for task in ("first", "honest", "last"))
    assert first != honest == last


def test_memory_that_has_run_out_in_fact_costs_a_fresh_judge_and_nothing_else(tmp_path):
    hoard = []

    def do(task, tell):
        if task == "hoards":
            # Below what makes a judge worn, and above what leaves room for the next.
            with contextlib.suppress(MemoryError):
                while True:
                    hoard.append(np.empty(400 * MIB // 8))
            raise ValueError("the hoarder's own failure")
        return float(np.ones(1000 * MIB // 8).sum())

    events = run_pool(do, ["hoards", "honest"], jobs=1, silence_s=SOON_S)
    assert events["hoards"] == Failed("hoards", Failure("ValueError", "the hoarder's own failure"))
    assert events["honest"].result == 1000 * MIB // 8


def test_memory_that_always_runs_out_is_a_death_and_no_failure():
    def do(task, tell):
        return np.empty(8000 * MIB)

    assert run_pool(do, ["a"]) == {"a": Died("a")}


# -- a class --

SLOW_TEST = """
        import numpy as np
        size = min(abs(int(answer(-2.0))), 9000)
        np.linalg.eigvalsh(np.random.default_rng(0).normal(size=(size, size)))
"""
SLOW_REFERENCE = """
    if len(x) > 1000:
        return np.linalg.eigvalsh(np.random.default_rng(0).normal(size=(len(x), len(x))))
    return x**2
"""
LIMITS = Limits(call_wall_s=5, cell_wall_s=10, memory_mb=300, submission_wall_s=25)
MARGIN_S = 5.0
TRIES = 2
ALL_TRIES_S = TRIES * (LIMITS.submission_wall_s + MARGIN_S) + SOON_S


@pytest.fixture
def slow_course(toy_copy):
    """The toy course with a hidden test and a reference that take as long as a student likes."""
    tests, solutions = toy_copy.hidden_tests, toy_copy.solutions
    sentence = '"""Numbers of both signs are cubed."""'
    tests.write_text(tests.read_text().replace(sentence, sentence + SLOW_TEST))
    solutions.write_text(solutions.read_text().replace("\n    return x**2\n", SLOW_REFERENCE))
    return toy_copy


@pytest.fixture
def grade_class(slow_course, tmp_path, monkeypatch):
    """Return a function that grades the class side by side; results by student."""
    monkeypatch.setattr("autograder.grading.judge_life._MARGIN_S", MARGIN_S, raising=False)
    monkeypatch.setattr("autograder.grading.pool._MAX_TRIES", TRIES)

    def grade():
        settings = ClassSettings(2, Isolation.BOX, LIMITS)
        grading = ClassGrading(slow_course, settings, tmp_path)
        todo, _ = grading.split(find_submissions(slow_course, ()))
        return {one.found.student: read_result(one.result) for one in grading.grade(todo)}

    return grade


@pytest.mark.box
@pytest.mark.slow
def test_a_hidden_test_that_a_result_makes_endless_ends_with_its_submission(grade_class, handed_in):
    handed_in("mallory", cube="def cube(x):\n    return 9000.0")
    handed_in("ada")
    handed_in("bob", square="def square(x):\n    return 2 * x")
    began = time.monotonic()
    results = grade_class()
    assert time.monotonic() - began < ALL_TRIES_S
    assert results["mallory"].needs_person
    assert results["mallory"].extra_credit == 0.0
    assert (results["ada"].score, results["ada"].extra_credit) == (9.0, 1.0)
    assert (results["bob"].score, results["bob"].needs_person) == (7.0, False)


@pytest.mark.box
@pytest.mark.slow
def test_a_reference_in_native_code_that_stands_in_ends_too(grade_class, handed_in):
    handed_in(
        "mallory",
        square="def square(x):\n    return 0 * x",
        sum_of_squares="def sum_of_squares(x):\n    return square(np.zeros(9000)).sum()",
    )
    handed_in("ada")
    began = time.monotonic()
    results = grade_class()
    assert time.monotonic() - began < ALL_TRIES_S
    assert {one.name: one.score for one in results["mallory"].exercises}["sum_of_squares"] == 0.0
    assert (results["ada"].score, results["ada"].extra_credit) == (9.0, 1.0)
