"""Make up a small class for any assignment, from its reference and its known answers."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.answers import KnownAnswer
from autograder.course.facts import read_facts
from autograder.course.files import Assignment
from autograder.course.functions import read_functions
from autograder.course.loading import load_known_answers
from autograder.course.made_up import hand_in, made_up_notebook, notebook_bytes, read_release

_CRASHING = """def {name}(*args, **kwargs):
    import os
    os._exit(1)
"""

_LOOPING = """def {name}(*args, **kwargs):
    while True:
        pass
"""

_HUNGRY = """def {name}(*args, **kwargs):
    import numpy
    return [numpy.ones(2**26) for _ in range(2**10)]
"""

_CHEATING = """class Right:
    def __eq__(self, other): return True
    def __array__(self, *args, **kwargs): raise SystemExit("full marks")
    def __float__(self): return 1e9

import numpy, torch
numpy.allclose = torch.allclose = numpy.testing.assert_allclose = lambda *a, **k: True

def {name}(*args, **kwargs):
    import glob, sys
    sys.stdout.write('{{"score": 1000, "verdict": "PASSED"}}')
    for path in glob.glob("/*/*/tests/hidden/*.py") + glob.glob("../../solutions/*.py"):
        open(path).read()
    return Right()
"""


@dataclass
class Classroom:
    """The made-up students of one assignment, and what each of them hands in."""

    assignment: Assignment

    def notebooks(self) -> dict[str, bytes]:
        """Return each student's submission."""
        half = len(self._names) // 2
        first = self._names[0]
        late = self._names[min(4, len(self._names) - 1)]
        return {
            "perfect": self._notebook({}),
            "blank": self._notebook(dict.fromkeys(self._names)),
            "first-half": self._notebook(dict.fromkeys(self._names[half:])),
            "other-ways": self._notebook(self._known(right=True, number=0)),
            "still-other-ways": self._notebook(self._known(right=True, number=1)),
            "one-slip": self._notebook(self._known(right=False, number=0, only={late})),
            "early-mistake": self._notebook(self._known(right=False, number=0, only={first})),
            "many-mistakes": self._notebook(
                self._known(right=False, number=1, only=set(self._names[::2]))
            ),
            "other-mistakes": self._notebook(
                self._known(right=False, number=2, only=set(self._names[1::2]))
            ),
            "crashing": self._notebook({late: _CRASHING.format(name=late)}),
            "looping": self._notebook({late: _LOOPING.format(name=late)}),
            "memory-hungry": self._notebook({late: _HUNGRY.format(name=late)}),
            "cheating": self._notebook({late: _CHEATING.format(name=late)}),
            "untidy José's copy": self._untidy(),
            "broken-file": self._notebook({})[:5000],
        }

    @cached_property
    def _release(self) -> NotebookNode:
        return read_release(self.assignment)

    @cached_property
    def _functions(self) -> dict[str, str]:
        return read_functions(self.assignment)

    @cached_property
    def _names(self) -> list[str]:
        return [exercise.name for exercise in read_facts(self.assignment).exercises]

    @cached_property
    def _known_answers(self) -> list[KnownAnswer]:
        return load_known_answers(self.assignment)

    def _known(
        self, *, right: bool, number: int, only: set[str] | None = None
    ) -> dict[str, str | None]:
        """Return the number-th known right or wrong answer of each exercise that has one."""
        chosen: dict[str, str | None] = {}
        for name in self._names:
            known: list[KnownAnswer] = [
                answer
                for answer in self._known_answers
                if answer.exercise == name and answer.is_right == right
            ]
            if known and (only is None or name in only):
                chosen[name] = known[number % len(known)].source
        return chosen

    def _notebook(self, answers: dict[str, str | None]) -> bytes:
        """Return the released notebook with the reference answers but for those given."""
        return _written(self._made_up(answers))

    def _made_up(self, answers: dict[str, str | None]) -> NotebookNode:
        return made_up_notebook(self._release, {**self._functions, **answers})

    def _untidy(self) -> bytes:
        """Return right answers amid a student's own cells, magics and edited metadata."""
        notebook = self._made_up({})
        own = nbformat.v4.new_code_cell("%time scratch = sum(range(10))\n!echo trying things")
        note = nbformat.v4.new_markdown_cell("My notes: <b>is this right?</b> $a < b$")
        copied = copy.deepcopy(next(cell for cell in notebook.cells if _is_solution(cell)))
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                cell.metadata.nbgrader["points"] = 1000
                cell.metadata["tags"] = ["skip-execution"]
        notebook.cells = [own, note, *notebook.cells, copied]
        return _written(notebook)


def _is_solution(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _written(notebook: NotebookNode) -> bytes:
    """Return a notebook as a file, its cells numbered: nbformat draws the ids of added ones."""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return notebook_bytes(notebook)


def make_class(assignment: Assignment) -> list[Path]:
    """Hand in the made-up class's notebooks; return where they lie."""
    notebooks = Classroom(assignment).notebooks()
    return [hand_in(assignment, student, content) for student, content in notebooks.items()]
