"""A course of its own for each test, with nothing handed in yet; and a made-up class."""

import itertools
import json
import shutil

import pytest

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


class ToyClass:
    """Copies of the toy course with submissions of every kind."""

    kinds = tuple(itertools.product(*ANSWERS.values()))[:-5]
    """What the notebook of a kind has for each exercise; one crashes, and so is graded twice."""

    def __init__(self, original):
        self._original = original

    def make(self, root, kinds):
        """Make a course in which there is a submission of each of these kinds, in this order."""
        shutil.copytree(self._original, root)
        for number, kind in enumerate(kinds):
            self.hand_in(root, f"student-{number:03}", kind)
        return root

    def hand_in(self, root, student, kind):
        """Write a student's submission."""
        made = json.loads((root / "source/toy/toy.ipynb").read_text())
        answers = dict(zip(ANSWERS, kind, strict=True))
        for cell in made["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            cell["source"] = answers.get(name, cell["source"])
        path = root / "submitted" / student / "toy" / "toy.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(made))

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
def toy_class(toy):
    """Return what makes courses with a made-up class."""
    return ToyClass(toy.course.root)
