"""Read a master: its cells in order, each with the kind its attributes give it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

import jupytext
import yaml

from autograder.course.facts import DEMO_TAG, Exercise, Facts, Task, slow_imports_of
from autograder.course.files import Assignment
from autograder.course.texts import read_text
from autograder.errors import CourseError
from autograder.results.versions import text_hash

MOST_OPEN_LINES = 5
"""A picture, demo or helper of more lines opens folded."""

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]*")


class CellKind(StrEnum):
    """What a cell of a master becomes in the notebook."""

    TEXT = "text"
    SETUP = "setup"
    EXERCISE = "exercise"
    CHECK = "check"
    PLAIN = "plain"
    DEMO = "demo"
    TASK = "task"


@dataclass(frozen=True)
class MasterCell:
    """One cell: its kind, its text, and the exercise or task it belongs to."""

    kind: CellKind
    source: str
    name: str = ""
    points: int = 0

    @property
    def is_folded(self) -> bool:
        """Say whether it is code to look at, not to read: its first line stands for it."""
        is_shown = self.kind in (CellKind.PLAIN, CellKind.DEMO)
        return is_shown and len(self.source.splitlines()) > MOST_OPEN_LINES


@dataclass(frozen=True)
class Master:
    """A chapter as its author wrote it."""

    assignment: Assignment
    title: str
    minutes: int
    data: list[str]
    cells: list[MasterCell]
    exercises: list[Exercise] = field(default_factory=list)
    digest: str = ""
    """The hash of its text."""

    @property
    def facts(self) -> Facts:
        """What of it grading needs."""
        code = "\n".join(cell.source for cell in self.cells)
        return Facts(
            title=self.title,
            minutes=self.minutes,
            data=tuple(self.data),
            imports=slow_imports_of(code),
            exercises=tuple(self.exercises),
            tasks=tuple(
                Task(cell.name, cell.points) for cell in self.cells if cell.kind is CellKind.TASK
            ),
            master=self.digest,
        )

    def exercise(self, name: str) -> Exercise:
        """Return the exercise of that name."""
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        known = ", ".join(exercise.name for exercise in self.exercises)
        raise CourseError(f"{self.assignment.master}: no exercise {name!r}; exercises: {known}")


def read_master(assignment: Assignment) -> Master:
    """Read and understand a master; raise CourseError on what cannot be understood."""
    path = assignment.master
    return _understand(assignment, read_text(path, f"{path}: no such master"))


@lru_cache(maxsize=16)
def _understand(assignment: Assignment, text: str) -> Master:
    header = _header(assignment, text)
    notebook = jupytext.reads(text[text.index("\n---\n", 3) + 5 :], fmt="md")
    exercises: list[Exercise] = []
    cells: list[MasterCell] = []
    for cell in notebook.cells:
        attributes = dict(cell.metadata)
        if "exercise" in attributes:
            exercises.append(_exercise(assignment, attributes))
        cells.append(_cell(assignment, cell.cell_type, cell.source, attributes))
    return Master(
        assignment,
        title=str(header.get("title", assignment.name)),
        minutes=int(header.get("minutes", 0)),
        data=[str(name) for name in header.get("data", [])],
        cells=cells,
        exercises=exercises,
        digest=text_hash(text.encode()),
    )


def _header(assignment: Assignment, text: str) -> dict[str, Any]:
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if match is None:
        raise CourseError(f"{assignment.master}: no YAML header with title, minutes and data")
    header = yaml.safe_load(match[1])
    if not isinstance(header, dict):
        raise CourseError(f"{assignment.master}: the YAML header is not a mapping")
    return header


def _exercise(assignment: Assignment, attributes: dict[str, Any]) -> Exercise:
    name = str(attributes["exercise"])
    points = attributes.get("points")
    where = f"{assignment.master}: exercise {name!r}"
    if not NAME_PATTERN.fullmatch(name):
        raise CourseError(f"{where} is not a legal name: use lower case, digits and _")
    if not isinstance(points, int) or isinstance(points, bool) or points <= 0:
        raise CourseError(f"{where} has no points: write points=3 in its marker")
    return Exercise(
        name,
        points,
        minutes=int(attributes.get("minutes", 0)),
        difficulty=int(attributes.get("difficulty", 0)),
        optional=bool(attributes.get("optional", False)),
    )


def _cell(
    assignment: Assignment, cell_type: str, source: str, attributes: dict[str, Any]
) -> MasterCell:
    if cell_type == "markdown":
        if "task" in attributes:
            return _task(assignment, source, attributes)
        return MasterCell(CellKind.TEXT, source)
    if "exercise" in attributes:
        return MasterCell(CellKind.EXERCISE, source, str(attributes["exercise"]))
    if "check" in attributes:
        return MasterCell(CellKind.CHECK, source, str(attributes["check"]))
    if attributes.get("setup"):
        return MasterCell(CellKind.SETUP, source)
    if DEMO_TAG in attributes.get("tags", []):
        return MasterCell(CellKind.DEMO, source)
    return MasterCell(CellKind.PLAIN, source)


def _task(assignment: Assignment, source: str, attributes: dict[str, Any]) -> MasterCell:
    name, points = str(attributes["task"]), attributes.get("points")
    if not isinstance(points, int) or points <= 0:
        raise CourseError(f"{assignment.master}: task {name!r} has no points")
    return MasterCell(CellKind.TASK, source, name, points)
