"""A class graded while everything is killed at random ends as if nothing had happened."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.box, pytest.mark.slow]

STUDENTS = 200
PLAN = {"judge": 3, "box": 3, "coordinator": 2}


class Run(subprocess.Popen):
    """A run as a person would start it; it writes results and leaves the gradebook alone."""

    def __init__(self, root, *options):
        self.log = root / "log"
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "autograder", "grade", "toy", "--json", *options]
            super().__init__(
                command,
                cwd=root,
                stdout=subprocess.DEVNULL,
                stderr=log,
                # A shell that starts this in the background lets it ignore Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

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


@pytest.fixture
def wait_for(toy_class):
    """Wait until there are so many results; say whether the run still goes."""

    def wait_for(run, root, count):
        deadline = time.monotonic() + 120
        while len(toy_class.results(root)) < count and run.poll() is None:
            assert time.monotonic() < deadline, f"fewer than {count} results"
            time.sleep(0.02)
        return run.poll() is None

    return wait_for


def test_killing_judges_boxes_and_the_coordinator_changes_no_result(
    toy_class, tmp_path, start, wait_for
):
    kinds = toy_class.kinds
    undisturbed = toy_class.make(tmp_path / "undisturbed", kinds)
    assert start(undisturbed, "-j", "2").ended()[0] == 0
    repeated = [kinds[number % len(kinds)] for number in range(STUDENTS)]
    course = toy_class.make(tmp_path / "course", repeated)

    chance = random.Random(5)
    plan = [what for what, times in PLAN.items() for _ in range(times)]
    chance.shuffle(plan)
    killed = []
    run = start(course, "-j", "2")
    for what in plan:
        seen = len(toy_class.results(course))
        if not wait_for(run, course, seen + chance.randint(8, 20)):
            run = start(course, "-j", "2")
            wait_for(run, course, seen + 1)
        kill(run, what, chance)
        killed.append(what)
        if what == "coordinator":
            run.wait(timeout=10)
            run = start(course, "-j", "2")
    run.ended()
    assert {what: killed.count(what) for what in PLAN} == PLAN
    assert start(course, "-j", "2").ended()[0] == 0

    expected = [toy_class.content(path) for path in toy_class.results(undisturbed)]
    found = [toy_class.content(path) for path in toy_class.results(course)]
    assert len(found) == STUDENTS
    for number, result in enumerate(found):
        assert result == expected[number % len(kinds)], f"student-{number:03}"
    left = [path.name for path in (course / "results/toy").iterdir() if path.suffix != ".json"]
    assert left == [".lock"]


def test_ctrl_c_says_how_far_it_came_and_the_next_run_goes_on(toy_class, tmp_path, start, wait_for):
    kind = toy_class.kinds[0]
    slow = ("import time\ntime.sleep(3)\ndef square(x):\n    return x * x", *kind[1:])
    root = toy_class.make(tmp_path / "course", [kind, kind, slow, slow, slow, slow])
    run = start(root, "-j", "2")
    assert wait_for(run, root, 2)
    run.send_signal(signal.SIGINT)
    status, said = run.ended(60)
    assert status == 130
    assert said.startswith("stopped: ")
    assert said.endswith(" of 6 have their results; type the same again to go on")
    written = {path: path.stat().st_mtime_ns for path in toy_class.results(root)}
    assert 2 <= len(written) < 6
    assert start(root, "-j", "2").ended()[0] == 0
    assert len(toy_class.results(root)) == 6
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_a_second_run_at_the_same_time_is_refused(toy_class, tmp_path, start):
    waits = ("import time\ntime.sleep(60)", *toy_class.kinds[0][1:])
    root = toy_class.make(tmp_path / "course", [waits])
    lock = root / "results/toy/.lock"
    start(root)
    deadline = time.monotonic() + 30
    while not (lock.exists() and lock.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert start(root).ended(60) == (
        2,
        "autograder: another `autograder grade toy` is running; wait for it",
    )


def test_a_full_disk_ends_the_run_with_one_line_and_keeps_what_is_written(toy_class, tmp_path):
    if os.getuid() != 0 or not Path("/usr/bin/bwrap").exists():
        pytest.skip("only root can mount a small disk here")
    root = toy_class.make(tmp_path / "course", toy_class.kinds[6:14])
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
