"""Hashes of everything a result depends on, so that only what changed is graded again."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import autograder
from autograder.course.files import Assignment
from autograder.course.master import TEST_CLASS_PREFIX, read_master
from autograder.errors import CourseError
from autograder.results.document import Key
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits

_DIGITS = 32


@dataclass(frozen=True)
class Fingerprint:
    """An assignment as it is now, under the settings it is graded with."""

    assignment: str
    """Everything that all its exercises share: notebook, references, data, helpers of the tests."""
    exercises: dict[str, str]
    """By exercise: its own hidden tests and known answers."""
    settings: str

    def key(self, content: bytes) -> Key:
        """Return what a result for a submission of these bytes depends on."""
        return Key(
            submission=text_hash(content),
            assignment=self.assignment,
            exercises=self.exercises,
            engine=engine_hash(),
            settings=self.settings,
        )


def fingerprint(assignment: Assignment, limits: Limits, isolation: Isolation) -> Fingerprint:
    """Read an assignment's files and return their hashes."""
    master = read_master(assignment)
    shared = hashlib.sha256()
    paths = [
        assignment.solutions,
        assignment.master,
        *sorted(path for path in assignment.release_notebook.parent.glob("*") if path.is_file()),
        *(assignment.course.data / name for name in sorted(master.data)),
    ]
    for path in paths:
        shared.update(f"\0{path.name}\0".encode() + _content(path))
    own = {exercise.name: hashlib.sha256() for exercise in master.exercises}
    for path in (assignment.hidden_tests, assignment.known_answers):
        for node in ast.parse(_content(path)).body:
            own.get(_exercise_of(node), shared).update(ast.dump(node).encode() + b"\0")
    return Fingerprint(
        shared.hexdigest()[:_DIGITS],
        {name: digest.hexdigest()[:_DIGITS] for name, digest in own.items()},
        text_hash(json.dumps([asdict(limits), isolation], sort_keys=True).encode()),
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CourseError(f"missing file: create {path}") from None


def _exercise_of(node: ast.stmt) -> str:
    """Return the exercise that a class of hidden tests or a known answer belongs to, or nothing."""
    if isinstance(node, ast.ClassDef) and node.name.startswith(TEST_CLASS_PREFIX):
        return node.name.removeprefix(TEST_CLASS_PREFIX)
    if isinstance(node, ast.FunctionDef) and "__" in node.name:
        return node.name.partition("__")[0]
    return ""


def text_hash(content: bytes) -> str:
    """Return the hash of some bytes."""
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


@cache
def engine_hash() -> str:
    """Return the hash of this engine's code."""
    root = Path(autograder.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:_DIGITS]
