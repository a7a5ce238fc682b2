"""Hashes of everything a result depends on, so that only what changed is graded again."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.course.facts import read_facts
from autograder.course.files import Assignment
from autograder.course.parts import exercise_of_statement
from autograder.errors import CourseError
from autograder.results.document import Key
from autograder.results.versions import HASH_DIGITS, engine_hash, text_hash
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits


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
    facts = read_facts(assignment)
    shared = hashlib.sha256()
    paths = [
        assignment.solutions,
        *sorted(path for path in assignment.release_notebook.parent.glob("*") if path.is_file()),
        *(assignment.course.data / name for name in sorted(facts.data)),
    ]
    for path in paths:
        shared.update(f"\0{path.name}\0".encode() + _content(path))
    own = {exercise.name: hashlib.sha256() for exercise in facts.exercises}
    for path in (assignment.hidden_tests, assignment.known_answers):
        for node in ast.parse(_content(path)).body:
            own.get(exercise_of_statement(node) or "", shared).update(
                ast.dump(node).encode() + b"\0"
            )
    return Fingerprint(
        shared.hexdigest()[:HASH_DIGITS],
        {name: digest.hexdigest()[:HASH_DIGITS] for name, digest in own.items()},
        text_hash(json.dumps([asdict(limits), isolation], sort_keys=True).encode()),
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CourseError(f"missing file: create {path}") from None
