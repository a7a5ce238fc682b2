"""Rerun every stochastic hidden test on right answers under many seeds: none may fail.

    make seeds                                   # 200 seeds; minutes, outside `make test`
    python tests/seeds/check_seeds.py a03_vae --seeds 50

A hidden test is stochastic where it hands a generator to the answer: what the answer draws
then decides. Each run gives the answer generators of other seeds than the test's own. The
reference and every other right answer are called in this process, without a box: the bounds
are on trial here, not the wall.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[2]))

from autograder.course.files import Assignment, find_course
from autograder.judge.assignment_side import JudgeSide
from autograder.judge.collection import TestCase
from autograder.sandbox.seeds import seed_everything
from autograder.testing import Callback

GENERATORS = (torch.Generator, np.random.Generator)


class Reseeded:
    """An answer whose generators have other seeds than the test gave them."""

    def __init__(self, function: Callable[..., Any], number: int) -> None:
        self._function, self._number = function, number
        self._generators: dict[int, tuple[Any, Any]] = {}
        self.met_generator = False
        self.changed_arguments = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = self._given(args), self._given(kwargs)
        result = self._function(*args, **kwargs)
        for given, own in self._generators.values():
            _set_state(given, _state(own))
        return result

    def _given(self, value: Any) -> Any:
        """Return an argument as the answer shall get it."""
        if isinstance(value, GENERATORS):
            self.met_generator = True
            if id(value) not in self._generators:
                self._generators[id(value)] = (value, _other(value, self._number))
            return self._generators[id(value)][1]
        if isinstance(value, Callback):
            return value.function
        if isinstance(value, dict):
            return {key: self._given(item) for key, item in value.items()}
        if isinstance(value, (tuple, list)):
            return type(value)(self._given(item) for item in value)
        return value


def _state(generator: Any) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    return copy.deepcopy(generator.bit_generator.state)


def _set_state(generator: Any, state: Any) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    else:
        generator.bit_generator.state = state


def _other(generator: Any, number: int) -> Any:
    """Return a generator whose seed follows from the given one's state and the run's number."""
    state = _state(generator)
    text = state.numpy().tobytes() if isinstance(state, torch.Tensor) else repr(state).encode()
    seed = int.from_bytes(hashlib.sha256(text + str(number).encode()).digest()[:6], "big")
    if isinstance(generator, torch.Generator):
        return torch.Generator().manual_seed(seed)
    return np.random.default_rng(seed)


def run(case: TestCase, function: Callable[..., Any], number: int) -> tuple[bool, str]:
    """Run a test on an answer; return whether it handed out a generator, and how it failed."""
    seed_everything(case.seed + number)
    answer = Reseeded(function, number)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            case.run(answer)
        except Exception as error:
            return answer.met_generator, f"{type(error).__name__}: {error}".split("\n\n")[0]
    return answer.met_generator, ""


def check(assignment: Assignment, seeds: int) -> list[tuple[str, int, int, list[str]]]:
    """Return, for each stochastic test: its name, right answers, runs, and failures."""
    judge = JudgeSide(assignment)
    rows = []
    for exercise in judge.exercises:
        functions = {"reference": judge.reference(exercise.name)}
        functions |= {
            known.name: known.function
            for known in judge.known_answers
            if known.exercise == exercise.name and known.is_right
        }
        for case in judge.cases_of(exercise.name):
            is_stochastic, failure = run(case, functions["reference"], 0)
            if not is_stochastic:
                continue
            failures = [f"reference, seed 0: {failure}"] if failure else []
            for name, function in functions.items():
                for number in range(1, seeds + 1):
                    failure = run(case, function, number)[1]
                    if failure:
                        failures.append(f"{name}, seed {number}: {failure}")
            rows.append(
                (f"{exercise.name}.{case.test}", len(functions), seeds * len(functions), failures)
            )
    return rows


@click.command()
@click.argument("assignments", nargs=-1)
@click.option("--seeds", default=200, show_default=True, help="Runs of each test on each answer.")
def main(assignments: tuple[str, ...], seeds: int) -> None:
    """Rerun the stochastic hidden tests of ASSIGNMENTS, or of all, under other seeds."""
    table = Table("assignment", "hidden test", "right answers", "runs", "failures")
    bad = 0
    started = time.monotonic()
    for assignment in find_course(Path.cwd()).chosen(assignments):
        for test, answers, runs, failures in check(assignment, seeds):
            table.add_row(assignment.name, test, str(answers), str(runs), str(len(failures)))
            bad += len(failures)
            for failure in failures[:3]:
                click.echo(f"{assignment.name} {test}: {failure}")
    Console().print(table)
    click.echo(f"{bad} failures in {time.monotonic() - started:.0f} s")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
