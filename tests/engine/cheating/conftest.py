"""What the cheats share: an attacker's submission, graded, then an honest one by the same box."""

import importlib.util
import json
import os
import textwrap
import warnings
from dataclasses import dataclass

import nbformat
import pytest

from autograder.results.document import SubmissionResult
from autograder.results.verdicts import Verdict


@dataclass(frozen=True)
class Attacked:
    """The result of an attack, by exercise."""

    result: SubmissionResult

    def exercise(self, name):
        return next(one for one in self.result.exercises if one.name == name)

    def verdict(self, name):
        return self.exercise(name).verdict

    def messages(self, name):
        return " | ".join(test.message for test in self.exercise(name).tests)

    @property
    def printed(self):
        """All text that the attacker's cells printed."""
        outputs = [output for cell in self.result.cells for output in cell.outputs]
        return "".join(str(output.get("text", "")) for output in outputs)

    @property
    def problems(self):
        return " | ".join(cell.problem for cell in self.result.cells)


@pytest.fixture
def attack(grader, notebook, submit):
    """Return a function that grades an attacker's notebook.

    `first` is a cell added at the top. Whatever the attack, it earns nothing for the exercises it
    `costs`, every other exercise keeps its marks, nothing becomes our fault, the result can be
    written, and the next submission in the same box is graded as if nothing had been.
    """

    def run(first="", costs=(), **cells):
        made = notebook(**{name: textwrap.dedent(code) for name, code in cells.items()})
        if first:
            cell = nbformat.v4.new_code_cell(textwrap.dedent(first))
            made["cells"].insert(0, {**cell, "source": [cell.source]})
        result = grader.grade_bytes(json.dumps(made).encode(), "mallory", "toy.ipynb")
        scores = {one.name: one.score for one in result.exercises}
        deserved = {one.name: 0.0 if one.name in costs else one.points for one in result.exercises}
        assert scores == deserved, _story(result)
        assert Verdict.GRADER_ERROR not in {one.verdict for one in result.exercises}
        assert len(result.model_dump_json()) < 8 * 2**20
        honest = grader.grade_bytes(submit(), "ada", "toy.ipynb")
        assert (honest.score, honest.extra_credit) == (9.0, 1.0), _story(honest)
        return Attacked(result)

    return run


def _story(result):
    lines = [
        f"{one.name}: {one.score}/{one.points} {test.name} {test.verdict} {test.message}"
        f" {test.detail[-400:]}"
        for one in result.exercises
        for test in one.tests
    ]
    return "\n".join(lines + [cell.problem for cell in result.cells if cell.problem])


@pytest.fixture
def fools(toy):
    """Return a function that says whether an answer fools a grader that runs it in its own process.

    The grader is `check(answer)`, or the exercise's own hidden tests. An attack which fools
    nobody would test nothing.
    """

    def run(code, exercise, check=None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            status = 1
            try:
                namespace = {}
                exec(compile(textwrap.dedent(code), "<cell>", "exec"), namespace)
                _check(toy, exercise, namespace[exercise], check)
                status = 0
            finally:
                os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    return run


def _check(toy, exercise, answer, check):
    if check is not None:
        check(answer)
        return
    spec = importlib.util.spec_from_file_location("naively_run", toy.hidden_tests)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = getattr(module, f"Test_{exercise}")()
    for name in dir(tests):
        if name.startswith("test_"):
            getattr(tests, name)(answer)
