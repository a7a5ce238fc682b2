"""The pool of judges: a death costs one retry, an error is told, and every task is answered."""

import contextlib
import os
import time

import pytest

from autograder.errors import Failure
from autograder.grading.events import Died, Done, Failed
from autograder.grading.pool import Pool
from autograder.sandbox.host.time_limit import until
from autograder.sandbox.wire.frames import DeadlinePassed


def pool_of(do, jobs=2):
    @contextlib.contextmanager
    def make_worker(number):
        yield lambda task, tell: do(task)

    return Pool(jobs, make_worker)


def results(events):
    """Return the results by task; every one is done."""
    found = {}
    for event in events:
        assert isinstance(event, Done), event
        found[event.task] = event.result
    return found


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_task_is_answered_once(jobs):
    answered = results(pool_of(lambda task: task * 10, jobs).run(range(7)))
    assert answered == {task: task * 10 for task in range(7)}


def test_no_tasks_start_no_workers():
    def make_worker(number):
        raise AssertionError("a worker was started")

    assert list(Pool(2, make_worker).run([])) == []


def test_one_judge_answers_in_the_order_of_the_tasks():
    assert [event.task for event in pool_of(str, jobs=1).run("cabd")] == list("cabd")


def test_a_quick_task_does_not_wait_for_a_slow_one(tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    def do(task):
        return gate.read_text() if task == "slow" else task

    answers = pool_of(do).run(["slow", "quick"])
    assert next(answers) == Done("quick", "quick")
    gate.write_text("opened")
    assert list(answers) == [Done("slow", "opened")]


def test_an_error_comes_as_data_and_the_worker_goes_on():
    def do(task):
        if task == 1:
            raise ValueError("no such thing")
        return os.getpid()

    first, failed, last = pool_of(do, jobs=1).run([0, 1, 2])
    assert failed == Failed(1, Failure("ValueError", "no such thing"))
    assert first.result == last.result


def test_a_judge_that_dies_once_costs_one_retry(tmp_path):
    def do(task):
        marker = tmp_path / "died"
        if task == 1 and not marker.exists():
            marker.touch()
            os._exit(3)
        return task

    assert results(pool_of(do).run(range(4))) == {task: task for task in range(4)}
    assert (tmp_path / "died").exists()


def test_a_judge_that_dies_each_time_is_said_to_have_died(tmp_path):
    def do(task):
        if task == 1:
            with (tmp_path / "tries").open("a") as file:
                file.write("x")
            os.kill(os.getpid(), 9)
        return task

    events = list(pool_of(do).run(range(4)))
    assert Died(1) in events
    assert results(one for one in events if one != Died(1)) == {0: 0, 2: 2, 3: 3}
    assert (tmp_path / "tries").read_text() == "xxx"


def test_a_judge_in_which_something_was_broken_off_is_replaced():
    def do(task):
        if task == "long":
            with contextlib.suppress(DeadlinePassed), until(time.monotonic()):
                time.sleep(5)
        return os.getpid()

    answered = results(pool_of(do, jobs=1).run([0, "long", 1, 2]))
    assert answered[0] == answered["long"] != answered[1] == answered[2]


def test_a_worker_that_cannot_start_says_why():
    @contextlib.contextmanager
    def make_worker(number):
        raise OSError("no box here")
        yield

    assert list(Pool(1, make_worker).run(["a"])) == [Failed("a", Failure("OSError", "no box here"))]


def test_stopping_halfway_leaves_no_worker_behind():
    pool = pool_of(lambda task: os.getpid())
    answers = pool.run(range(10))
    worker = next(answers).result
    answers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_what_is_to_run_alone_runs_with_no_other_beside_it(tmp_path):
    def do(task):
        running = tmp_path / str(task)
        running.touch()
        beside = len(list(tmp_path.iterdir()))
        time.sleep(0.02)
        running.unlink()
        return beside

    pool = pool_of(do, jobs=3)
    answered = []
    for event in pool.run(range(9)):
        if event.task < 3:
            pool.run_alone(event.task + 100)
        answered.append((event.task, event.result))
    assert sorted(task for task, _ in answered) == [*range(9), 100, 101, 102]
    assert [beside for _, beside in answered[-3:]] == [1, 1, 1]
    assert max(beside for _, beside in answered) > 1
