"""One class graded in every way there is, and killed at random: the same bytes, timings apart."""

import contextlib
import json
import os
import random
import signal
import time

import psutil
import pytest

from shared.commands import run_forked

pytestmark = [pytest.mark.box, pytest.mark.slow]

# How often each is killed.
PLAN = {"judge": 3, "box": 3, "coordinator": 2}
# Between two kills; the class is as large as all of them together ask for.
LEAST, MOST = 4, 9


@pytest.fixture(scope="module")
def expected(class_of_kinds, tmp_path_factory):
    """The results of one judge."""
    root = class_of_kinds.make(tmp_path_factory.mktemp("one") / "course", class_of_kinds.kinds)
    run(root, "autograder", "grade", "toy", "--json", "-j", "1")
    return contents(class_of_kinds, root)


def run(root, *command):
    done = run_forked(root, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def contents(class_of_kinds, root):
    return {path.stem: class_of_kinds.content(path) for path in class_of_kinds.results(root)}


def test_four_judges_give_what_one_gives(class_of_kinds, tmp_path, expected):
    root = class_of_kinds.make(tmp_path / "course", class_of_kinds.kinds)
    run(root, "autograder", "grade", "toy", "--json", "-j", "4")
    assert contents(class_of_kinds, root) == expected
    assert len(expected) == len(class_of_kinds.kinds)


def test_nbgrader_autograde_gives_what_we_give(class_of_kinds, tmp_path, expected):
    root = class_of_kinds.make(tmp_path / "course", class_of_kinds.kinds)
    run(root, "nbgrader", "generate_assignment", "toy", "--force")
    run(root, "nbgrader", "autograde", "toy")
    assert contents(class_of_kinds, root) == expected


def victims(run, what):
    """Return what can be killed of a run: the coordinator, its judges, or its sandboxes."""
    if what == "coordinator":
        return [run.pid]
    below = psutil.Process(run.pid).children(recursive=True)
    boxes = [process for process in below if process.name() == "bwrap"]
    judges = [process for process in below if process.ppid() == run.pid and process not in boxes]
    return [process.pid for process in (boxes if what == "box" else judges)]


def kill(run, what, chance):
    """Kill one of a run's processes; a sandbox that was killed a moment ago opens again first."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(psutil.Error, ProcessLookupError, IndexError):
            os.kill(chance.choice(victims(run, what)), signal.SIGKILL)
            return
        time.sleep(0.05)
    raise AssertionError(f"no {what} to kill")


def test_killing_judges_boxes_and_the_coordinator_changes_no_result(
    class_of_kinds, tmp_path, expected, start, wait_for
):
    kinds = class_of_kinds.kinds
    students = MOST * sum(PLAN.values())
    repeated = [kinds[number % len(kinds)] for number in range(students)]
    course = class_of_kinds.make(tmp_path / "course", repeated)

    chance = random.Random(5)
    plan = [what for what, times in PLAN.items() for _ in range(times)]
    chance.shuffle(plan)
    killed = []
    run = start(course, "-j", "2")
    for what in plan:
        seen = len(class_of_kinds.results(course))
        if not wait_for(run, course, seen + chance.randint(LEAST, MOST)):
            run = start(course, "-j", "2")
            wait_for(run, course, seen + 1)
        kill(run, what, chance)
        killed.append(what)
        if what == "coordinator":
            run.ended(10)
            run = start(course, "-j", "2")
    run.ended()
    assert {what: killed.count(what) for what in PLAN} == PLAN
    last = start(course, "-j", "2").ended()
    assert last[0] == 0, [
        (path.stem, one["notes"], [(e["name"], e["look"], e["verdict"]) for e in one["exercises"]])
        for path in class_of_kinds.results(course)
        if (one := json.loads(path.read_bytes()))["needs_person"]
    ]

    undisturbed = list(expected.values())
    found = [class_of_kinds.content(path) for path in class_of_kinds.results(course)]
    assert len(found) == students
    for number, result in enumerate(found):
        assert result == undisturbed[number % len(kinds)], f"student-{number:03}"
    left = [path.name for path in (course / "results/toy").iterdir() if path.suffix != ".json"]
    assert left == [".lock"]
