"""A class graded while everything is killed at random ends as if nothing had happened."""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.box, pytest.mark.slow]

STUDENTS = 200
ANSWERS = {
    "square": (
        "def square(x):\n    return x * x",
        "def square(x):\n    return 2 * x",
        "raise NotImplementedError()",
        "def square(x):\n    import os\n    os._exit(1)",
    ),
    "sum_of_squares": (
        "def sum_of_squares(x):\n    return square(x).sum()",
        "def sum_of_squares(x):\n    return x.sum()",
    ),
    "weighted_energy": (
        "def weighted_energy(x, w):\n    return (w * x**2).sum(dim=1)",
        "def weighted_energy(x, w):\n    return 0.5 * (w * x**2).sum(dim=1)",
        "def weighted_energy(x, w):\n    return 0.5 * (w * x.detach()**2).sum(dim=1)",
    ),
}
KINDS = list(itertools.product(*ANSWERS.values()))


@pytest.fixture(scope="module")
def course(tmp_path_factory, toy):
    root = tmp_path_factory.mktemp("killing") / "course"
    shutil.copytree(toy.course.root, root)
    return root


def hand_in(root, student, kind):
    made = json.loads((root / "source/toy/toy.ipynb").read_text())
    answers = dict(zip(ANSWERS, kind, strict=True))
    for cell in made["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = answers.get(name, cell["source"])
    path = root / "submitted" / student / "toy" / "toy.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(made))


class Run(subprocess.Popen):
    """A run as a person would start it; it writes results and leaves the gradebook alone."""

    def __init__(self, root, *options):
        self.log = root / "log"
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "autograder", "grade", "toy", "--json", *options]
            super().__init__(command, cwd=root, stdout=subprocess.DEVNULL, stderr=log)

    def ended(self, timeout_s=300):
        """Wait for its end; return its exit code and what it said last."""
        self.wait(timeout=timeout_s)
        said = self.log.read_text().splitlines()
        return self.returncode, said[-1] if said else ""


@pytest.fixture
def start():
    """Start runs that do not outlive the test."""
    with contextlib.ExitStack() as runs:

        def start(root, *options):
            run = runs.enter_context(Run(root, *options))
            runs.callback(run.kill)
            return run

        yield start


def results(root):
    return sorted((root / "results" / "toy").glob("*.json"))


def content(path):
    """Return a result without its student, and without what no two runs have alike."""
    result = json.loads(path.read_text())
    for name in ("student", "seconds", "cells_seconds", "peak_memory_mb"):
        del result[name]
    for exercise in result["exercises"]:
        del exercise["seconds"]
    return result


def victims(run, what):
    """Return what can be killed of a run: the coordinator, its judges, or its sandboxes."""
    if what == "coordinator":
        return [run.pid]
    below = psutil.Process(run.pid).children(recursive=True)
    boxes = [process for process in below if process.name() == "bwrap"]
    judges = [process for process in below if process.ppid() == run.pid and process not in boxes]
    return [process.pid for process in (boxes if what == "box" else judges)]


def wait_for(run, root, count):
    """Wait until there are so many results; say whether the run still goes."""
    deadline = time.monotonic() + 120
    while len(results(root)) < count and run.poll() is None:
        assert time.monotonic() < deadline, f"{len(results(root))} results, {count} expected"
        time.sleep(0.02)
    return run.poll() is None


def test_killing_judges_boxes_and_the_coordinator_changes_no_result(course, tmp_path, start):
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(course, undisturbed)
    for number, kind in enumerate(KINDS):
        hand_in(undisturbed, f"kind-{number}", kind)
    assert start(undisturbed, "-j", "2").ended()[0] == 0
    for number in range(STUDENTS):
        hand_in(course, f"student-{number:03}", KINDS[number % len(KINDS)])

    chance = random.Random(5)
    plan = ["judge"] * 5 + ["box"] * 5 + ["coordinator"] * 3
    chance.shuffle(plan)
    killed = []
    run = start(course, "-j", "3")
    for what in plan:
        seen = len(results(course))
        if not wait_for(run, course, seen + chance.randint(5, 12)):
            run = start(course, "-j", "3")
            wait_for(run, course, seen + 1)
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            os.kill(chance.choice(victims(run, what)), signal.SIGKILL)
            killed.append(what)
        if what == "coordinator":
            run.wait(timeout=10)
            run = start(course, "-j", "3")
    run.wait(timeout=300)
    assert {what: killed.count(what) for what in set(plan)} == {
        "judge": 5,
        "box": 5,
        "coordinator": 3,
    }
    assert start(course, "-j", "2").ended()[0] == 0

    expected = [content(undisturbed / f"results/toy/kind-{n}.json") for n in range(len(KINDS))]
    found = [content(path) for path in results(course)]
    assert len(found) == STUDENTS
    for number, result in enumerate(found):
        assert result == expected[number % len(KINDS)], f"student-{number:03}"
    left = [path.name for path in (course / "results/toy").iterdir() if path.suffix != ".json"]
    assert left == [".lock"]


def test_ctrl_c_says_how_far_it_came_and_the_next_run_goes_on(tmp_path, toy, start):
    root = tmp_path / "course"
    shutil.copytree(toy.course.root, root)
    slow = "import time\ntime.sleep(3)\ndef square(x):\n    return x * x"
    for number in range(6):
        hand_in(root, f"student-{number}", (slow, *KINDS[0][1:]) if number > 1 else KINDS[0])
    run = start(root, "-j", "2")
    assert wait_for(run, root, 2)
    run.send_signal(signal.SIGINT)
    status, said = run.ended(60)
    assert status == 130
    assert said.startswith("stopped: ")
    assert said.endswith(" of 6 have their results; type the same again to go on")
    written = {path: path.stat().st_mtime_ns for path in results(root)}
    assert 2 <= len(written) < 6
    assert start(root, "-j", "2").ended()[0] == 0
    assert len(results(root)) == 6
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_a_second_run_at_the_same_time_is_refused(tmp_path, toy, start):
    root = tmp_path / "course"
    shutil.copytree(toy.course.root, root)
    hand_in(root, "ada", ("import time\ntime.sleep(60)", *KINDS[0][1:]))
    start(root)
    deadline = time.monotonic() + 30
    while not (root / "results/toy/.lock").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    assert start(root).ended(60) == (
        2,
        "autograder: another `autograder grade toy` is running; wait for it",
    )


def test_a_full_disk_ends_the_run_with_one_line_and_keeps_what_is_written(tmp_path, toy):
    if os.getuid() != 0 or not Path("/usr/bin/bwrap").exists():
        pytest.skip("only root can mount a small disk here")
    root = tmp_path / "course"
    shutil.copytree(toy.course.root, root)
    for number in range(8):
        hand_in(root, f"student-{number}", KINDS[1])
    (root / "results").mkdir()
    script = (
        f"{sys.executable} -m autograder grade toy --json --isolation none -j 1 >/dev/null; "
        "echo $?; cat results/toy/*.json"
    )
    disk = ["--dev-bind", "/", "/", "--size", "65536", "--tmpfs", str(root / "results")]
    done = subprocess.run(
        ["bwrap", *disk, "--chdir", str(root), "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    status, _, written = done.stdout.partition("\n")
    assert status == "2", done.stderr
    assert "No space left on device" in done.stderr.splitlines()[-1]
    whole = written.replace("}{", "}\n{").splitlines()
    assert whole
    assert all(json.loads(one)["schema_version"] == 1 for one in whole)
