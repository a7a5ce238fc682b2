"""On a cluster, too: a judge that hangs is killed, and a worker that hangs is not waited for."""

import os
import signal
import threading

import pytest

from autograder.cluster.pool import ClusterPool
from autograder.grading.class_run import ClassGrading
from autograder.grading.settings import ClassSettings
from autograder.results.document import read_result
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.submissions.finding import find_submissions

pytestmark = [pytest.mark.box, pytest.mark.slow]

LIMITS = Limits(call_wall_s=5, cell_wall_s=10, memory_mb=300, submission_wall_s=25)
# Long enough for a judge to start on a machine with other work.
ANSWER_S = 40.0
SLOW_TEST = """
        import numpy as np
        size = min(abs(int(answer(-2.0))), 9000)
        np.linalg.eigvalsh(np.random.default_rng(0).normal(size=(size, size)))
"""


@pytest.fixture
def grade_there(toy_copy, tmp_path, scheduler):
    """Return a function that grades the class on the cluster; it returns results by student."""

    def grade_there(**options):
        settings = ClassSettings(4, Isolation.BOX, LIMITS, is_remote=True)

        def judges(loaded):
            return ClusterPool(scheduler, loaded, 4, **options)

        grading = ClassGrading(toy_copy, settings, tmp_path, make_pool=judges)
        todo, _ = grading.split(find_submissions(toy_copy, ()))
        return {one.found.student: read_result(one.result) for one in grading.grade(todo)}

    return grade_there


@pytest.fixture
def impatient(client, workers):
    """Let the judges of all workers have less time of their own, and fewer tries."""

    def set_clocks(margin_s, tries):
        from autograder.grading import judge_life, judge_process

        before = judge_life._MARGIN_S, judge_process.MAX_TRIES
        judge_life._MARGIN_S, judge_process.MAX_TRIES = margin_s, tries
        return before

    before = client.run(set_clocks, 5.0, 2)
    yield
    client.run(set_clocks, *next(iter(before.values())))


def test_a_judge_that_hangs_costs_its_own_submission(
    grade_there, impatient, workers, toy_copy, handed_in
):
    tests = toy_copy.hidden_tests
    sentence = '"""Numbers of both signs are cubed."""'
    tests.write_text(tests.read_text().replace(sentence, sentence + SLOW_TEST))
    handed_in("ada")
    handed_in("mallory", cube="def cube(x):\n    return 9000.0")
    results = grade_there()
    assert (results["ada"].score, results["ada"].extra_credit) == (9.0, 1.0)
    assert results["mallory"].needs_person
    assert results["mallory"].extra_credit == 0.0


def busy(client):
    """Return the address of a worker that has a submission in hand."""
    for address, keys in client.processing().items():
        if any(key.startswith("autograder-submission") for key in keys):
            return address
    return None


def test_what_a_worker_does_not_answer_is_graded_by_another_one(
    grade_there, client, workers, handed_in, wait_until
):
    handed_in("ada", square="import time\ntime.sleep(4)\ndef square(x):\n    return x * x")
    said, stopped = [], []

    def stop_the_busy_one():
        address = wait_until(lambda: busy(client))
        pid = client.run(os.getpid, workers=[address])[address]
        stopped.append((address, pid))
        os.kill(pid, signal.SIGSTOP)

    stopper = threading.Thread(target=stop_the_busy_one)
    stopper.start()
    try:
        result = grade_there(answer_s=ANSWER_S, tell=said.append)["ada"]
    finally:
        stopper.join()
        for _, pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert result.score == result.max_score
    assert said == [f"the worker {stopped[0][0]} does not answer: it gets nothing more"]


def test_what_no_worker_answers_calls_a_person(grade_there, client, workers, handed_in, wait_until):
    handed_in("ada", square="import time\ntime.sleep(4)\ndef square(x):\n    return x * x")
    pids = list(client.run(os.getpid).values())

    def stop_all():
        wait_until(lambda: busy(client))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)

    stopper = threading.Thread(target=stop_all)
    stopper.start()
    try:
        result = grade_there(answer_s=3.0, tell=lambda message: None)["ada"]
    finally:
        stopper.join()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert result.needs_person
    assert result.score == 0.0
