"""A class graded by the workers of a real scheduler: the same results, whatever dies meanwhile."""

import json
import shutil
import threading
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

import autograder
from autograder.cluster.connection import check_workers
from autograder.cluster.pool import judges_at
from autograder.cluster.worker import grade_on_worker
from autograder.errors import AutograderError
from autograder.grading.class_run import ClassGrading
from autograder.grading.settings import ClassSettings
from autograder.results.document import read_result, write_result
from autograder.results.versions import versions
from autograder.sandbox.isolation import Isolation
from autograder.submissions.finding import find_submissions
from shared.commands import run_forked, run_fresh

# Its scheduler and its workers are processes of their own.
pytestmark = pytest.mark.slow

SLOW = "import time\ntime.sleep(2)\ndef square(x):\n    return x**2"
TIMINGS = {"seconds", "cells_seconds", "peak_memory_mb"}


@pytest.fixture
def grade_there(toy_copy, tmp_path, scheduler, workers, grader):
    """Return a function that grades the class on the cluster; it returns results by student."""

    def grade_there():
        settings = ClassSettings(4, Isolation.BOX, grader.limits, is_remote=True)
        judges = judges_at(scheduler, 4)
        grading = ClassGrading(toy_copy, settings, tmp_path, make_pool=judges)
        todo, _ = grading.split(find_submissions(toy_copy, ()))
        return {one.found.student: read_result(one.result) for one in grading.grade(todo)}

    return grade_there


def without_timings(value):
    if isinstance(value, dict):
        return {key: without_timings(one) for key, one in value.items() if key not in TIMINGS}
    return [without_timings(one) for one in value] if isinstance(value, list) else value


def results(toy_copy):
    """Return the text of each result, timings apart."""
    return {
        path.name: json.dumps(without_timings(json.loads(path.read_text())))
        for path in toy_copy.results.glob("*.json")
    }


def command_line(run, toy_copy, limits, *words):
    limits = [f"--{key.replace('_', '-')}={value}" for key, value in asdict(limits).items()]
    done = run(toy_copy.course.root, "autograder", "grade", "toy", *words, *limits)
    assert done.returncode == 1, done.stderr
    return done


@pytest.mark.box
def test_results_are_those_of_one_judge_here_but_for_timings(
    scheduler, workers, grader, toy_copy, handed_in
):
    handed_in("ada o'neil")
    handed_in("bob", weighted_energy="def weighted_energy(x, w):\n    return (w * x**2).sum(dim=1)")
    handed_in("crash", square="import os\nos._exit(3)")
    handed_in("slow", cube="import time\ndef cube(x):\n    time.sleep(9)")
    handed_in("no notebook", b"\xff")
    handed_in("zoë\nstub", others="stub")
    toy_copy.submission("empty").parent.mkdir(parents=True)
    done = command_line(run_fresh, toy_copy, grader.limits, "--cluster", scheduler)
    assert "7 of 7 done, 3 failing, 2 flagged, 7 entered in the gradebook" in done.stderr
    there = results(toy_copy)
    command_line(run_forked, toy_copy, grader.limits, "-j", "1", "--force", "--json")
    assert len(there) == 7
    assert there == results(toy_copy)


@pytest.mark.box
def test_what_has_not_changed_is_taken_over_from_the_earlier_result(
    grade_there, toy_copy, handed_in
):
    handed_in("ada")
    before = grade_there()["ada"]
    assert grade_there() == {}
    before.exercises[0].seconds = 123.0
    before.key.exercises["cube"] = "other tests"
    write_result(toy_copy.result("ada"), before)
    after = grade_there()["ada"]
    assert after.exercises[0] == before.exercises[0]
    assert after.key.exercises["cube"] != "other tests"


@pytest.mark.box
def test_the_submission_of_a_judge_that_dies_is_graded_again(
    grade_there, workers, handed_in, wait_until
):
    handed_in("ada", square=SLOW)

    def kill_one():
        wait_until(lambda: judges_of(workers))[0].kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    result = grade_there()["ada"]
    killer.join()
    assert result.score == result.max_score


def judges_of(workers):
    return [judge for worker in workers.values() for judge in worker.judges()]


@pytest.mark.box
def test_a_judge_that_dies_every_time_calls_a_person(grade_there, workers, handed_in):
    handed_in("ada", square=SLOW)
    is_over = threading.Event()
    killed = set()

    def kill_all():
        while not is_over.wait(0.02):
            for judge in judges_of(workers):
                killed.add(judge.pid)
                judge.kill()

    killer = threading.Thread(target=kill_all)
    killer.start()
    result = grade_there()["ada"]
    is_over.set()
    killer.join()
    assert result.verdict == "GRADER_ERROR"
    assert result.notes == ["its judge died: see the machine's log"]
    assert len(killed) >= 3


def test_a_worker_with_another_engine_is_refused_by_its_address(
    client, workers, start_worker, tmp_path, wait_until
):
    check_workers(client)
    engine = tmp_path / "packages" / "autograder"
    shutil.copytree(Path(autograder.__file__).parent, engine)
    (engine / "results/verdicts.py").write_text(
        (engine / "results/verdicts.py").read_text() + "# another\n"
    )
    odd = start_worker("odd", "--no-nanny", packages=engine.parent)
    client.wait_for_workers(len(workers) + 1, timeout=60)
    try:
        with pytest.raises(AutograderError, match=r"the worker tcp://\S+ has engine \w+ where"):
            check_workers(client)
    finally:
        odd.kill()

    def is_gone():
        return len(client.nthreads()) == len(workers)

    wait_until(is_gone)


def test_a_worker_that_came_later_checks_itself(client, workers):
    order = {"versions": {**versions(), "numpy": "1.0"}}
    reply = client.submit(grade_on_worker, b"", json.dumps(order).encode(), b"", b"").result()
    assert reply[0] == "differs"
    assert "has numpy" in reply[1]
    assert "where this machine has 1.0" in reply[1]


@pytest.mark.box
def test_a_lost_workers_submission_is_redone_by_another(
    grade_there, client, workers, handed_in, wait_until
):
    handed_in("ada", square=SLOW)
    lost = {}

    def kill_the_busy_one():
        wait_until(lambda: judges_of(workers))
        address = wait_until(lambda: busy(client))
        name = client.scheduler_info(n_workers=-1)["workers"][address]["name"]
        lost[name] = workers.pop(name)
        started = psutil.Process(lost[name].process.pid).children(recursive=True)
        lost[name].kill()
        lost["processes"] = started

    killer = threading.Thread(target=kill_the_busy_one)
    killer.start()
    result = grade_there()["ada"]
    killer.join()
    assert result.score == result.max_score
    assert len(workers) == 1
    _, alive = psutil.wait_procs(lost.pop("processes"), timeout=20)
    assert alive == []


def busy(client):
    """Return the address of a worker that has a submission in hand."""
    return next(
        (
            address
            for address, keys in client.processing().items()
            if any(key.startswith("autograder-submission") for key in keys)
        ),
        None,
    )
