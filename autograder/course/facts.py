"""What an assignment's built notebook says of its exercises: all that grading needs of a master.

`build` writes it into the metadata of both notebooks. Grading reads it from our own copy of the
released one, and never looks at the master, which may have been edited since.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder.course.files import Assignment
from autograder.errors import CourseError
from autograder.results.versions import text_hash

METADATA_KEY = "autograder"
DEMO_TAG = "demo"
"""The tag of a cell of ours that is not run in grading."""

# Of what takes long to import, what only some assignments need. An optimizer in a demo is not run
# in grading.
_SLOW_IN_NOTEBOOKS = ("scipy.stats", "scipy.optimize")
_SLOW_IN_TESTS = ("torch.optim",)


@dataclass(frozen=True)
class Exercise:
    """What a master says of an exercise: its name is the function the student writes."""

    name: str
    points: int
    minutes: int
    difficulty: int
    optional: bool

    @property
    def tests_cell(self) -> str:
        """The grade cell's id in nbgrader."""
        return tests_cell(self.name)


@dataclass(frozen=True)
class Task:
    """A question that a person marks."""

    name: str
    points: int


_TESTS = "-tests"


def tests_cell(exercise: str) -> str:
    """Return the id of an exercise's grade cell in nbgrader."""
    return f"{exercise}{_TESTS}"


def exercise_of(cell: str) -> str:
    """Return the exercise that a grade cell of this id belongs to; a task's is its own name."""
    return cell.removesuffix(_TESTS)


@dataclass(frozen=True)
class Facts:
    """An assignment as it was built."""

    title: str
    minutes: int
    data: tuple[str, ...]
    """Files of the course's data that lie beside the notebook."""
    imports: tuple[str, ...]
    """What it imports that takes long and only some assignments need."""
    exercises: tuple[Exercise, ...]
    tasks: tuple[Task, ...]
    master: str
    """The hash of the master it was built from."""

    def as_metadata(self) -> dict[str, Any]:
        """Return what is written into a notebook's metadata."""
        return json.loads(json.dumps(asdict(self)))


def slow_imports_of(code: str) -> tuple[str, ...]:
    """Return the slow modules that a notebook's code imports."""
    return tuple(name for name in _SLOW_IN_NOTEBOOKS if f"from {name} import" in code)


def read_facts(assignment: Assignment) -> Facts:
    """Read what was built; raise CourseError where nothing was, or by an older engine."""
    path = assignment.release_notebook
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise CourseError(
            f"{assignment.name} is not built: run `autograder build {assignment.name}`"
        ) from None


@lru_cache(maxsize=32)
def _read(path: Path, changed_ns: int) -> Facts:
    found = json.loads(path.read_bytes())["metadata"][METADATA_KEY]
    return Facts(
        title=str(found["title"]),
        minutes=int(found["minutes"]),
        data=tuple(found["data"]),
        imports=tuple(found["imports"]),
        exercises=tuple(Exercise(**one) for one in found["exercises"]),
        tasks=tuple(Task(**one) for one in found["tasks"]),
        master=str(found["master"]),
    )


def is_edited_since(assignment: Assignment) -> bool:
    """Say whether the master is another one than that which the notebook was built from."""
    if not assignment.master.is_file():
        return False
    text = assignment.master.read_text(encoding="utf-8")
    return text_hash(text.encode()) != read_facts(assignment).master


def slow_imports(assignment: Assignment) -> tuple[str, ...]:
    """Return which slow modules the notebook or the hidden tests import."""
    path = assignment.hidden_tests
    tests = path.read_text(encoding="utf-8") if path.is_file() else ""
    own = tuple(name for name in _SLOW_IN_TESTS if name in tests)
    return (*read_facts(assignment).imports, *own)
