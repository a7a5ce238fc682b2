"""Hashes of everything a result depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

import autograder
from autograder.course import Assignment
from autograder.isolation import Isolation
from autograder.limits import Limits
from autograder.results import Key


def submission_key(
    assignment: Assignment, content: bytes, limits: Limits, isolation: Isolation
) -> Key:
    """Return what a result for these bytes depends on."""
    return Key(
        submission=text_hash(content),
        assignment=assignment_hash(assignment),
        engine=engine_hash(),
        settings=text_hash(json.dumps([asdict(limits), isolation], sort_keys=True).encode()),
    )


def text_hash(content: bytes) -> str:
    """Return the hash of some bytes."""
    return hashlib.sha256(content).hexdigest()


def assignment_hash(assignment: Assignment) -> str:
    """Return the hash of an assignment's tests, answers, notebook and data."""
    digest = hashlib.sha256()
    paths = [
        assignment.hidden_tests,
        assignment.solutions,
        assignment.known_answers,
        assignment.master,
        *sorted(path for path in assignment.release_notebook.parent.glob("*") if path.is_file()),
    ]
    for path in paths:
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def engine_hash() -> str:
    """Return the hash of this engine's code."""
    root = Path(autograder.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
