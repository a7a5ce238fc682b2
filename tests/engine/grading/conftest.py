"""A course of its own for each test, with nothing handed in yet; and a made-up class."""

import contextlib
import itertools
import json
import os
import time
from pathlib import Path

import pytest

from autograder.course.made_up import hand_in
from shared.commands import start_forked

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


class ClassOfKinds:
    """Copies of the toy course with submissions of every kind."""

    kinds = tuple(itertools.product(*ANSWERS.values()))[:-5]
    """What the notebook of a kind has for each exercise; one crashes, and so is graded twice."""

    def __init__(self, copy_toy, submit):
        self._copy_toy, self._submit = copy_toy, submit

    def make(self, root, kinds):
        """Make a course in which there is a submission of each of these kinds, in this order."""
        assignment = self._copy_toy(root)
        for number, kind in enumerate(kinds):
            content = self._submit(**dict(zip(ANSWERS, kind, strict=True)))
            hand_in(assignment, f"student-{number:03}", content)
        return root

    def results(self, root):
        """Return the files of the results there are, in the students' order."""
        return sorted((root / "results" / "toy").glob("*.json"))

    def content(self, path):
        """Return a result's text without its student, and without what it took."""
        result = json.loads(path.read_text())
        for name in ("student", "seconds", "cells_seconds", "peak_memory_mb"):
            del result[name]
        for exercise in result["exercises"]:
            del exercise["seconds"]
        return json.dumps(result)


@pytest.fixture(scope="session")
def class_of_kinds(copy_toy, submit):
    """Return what makes courses with a made-up class."""
    return ClassOfKinds(copy_toy, submit)


class Run:
    """A run as a person would start it; it writes results and leaves the gradebook alone."""

    def __init__(self, root, *options):
        self.log = root / "log"
        words = ("autograder", "grade", "toy", "--json", *options)
        with self.log.open("w") as log, Path(os.devnull).open("w") as nowhere:
            self.process = start_forked(root, words, nowhere, log)
        self.pid = self.process.pid

    def goes_on(self):
        return self.process.is_alive()

    def ended(self, timeout_s=300):
        """Wait for its end; return its exit code and what it said last."""
        self.process.join(timeout_s)
        assert not self.goes_on(), f"not ended within {timeout_s} s"
        said = self.log.read_text().splitlines()
        return self.process.exitcode, said[-1] if said else ""

    def stop(self):
        """End it whatever it does; its judges and boxes end with it."""
        self.process.kill()
        self.process.join()


@pytest.fixture
def start():
    """Start runs that do not outlive the test."""
    with contextlib.ExitStack() as runs:

        def start(root, *options):
            run = Run(root, *options)
            runs.callback(run.stop)
            return run

        yield start


@pytest.fixture
def wait_for(class_of_kinds):
    """Wait until there are so many results; say whether the run still goes."""

    def wait_for(run, root, count):
        deadline = time.monotonic() + 120
        while len(class_of_kinds.results(root)) < count and run.goes_on():
            assert time.monotonic() < deadline, f"fewer than {count} results"
            time.sleep(0.02)
        return run.goes_on()

    return wait_for
