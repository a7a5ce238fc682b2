"""What makes a result: the engine's core and the libraries it computes with; one list for all.

The same list decides whether a kept result still holds and whether a cluster's machine may grade.
Reports, exports, the command line, intake and documents read results, and make none.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ENGINE = Path(__file__).parents[1]
HASH_DIGITS = 32

CORE = (
    *("answers.py", "errors.py", "safe_text.py", "testing.py"),
    *("judge", "sandbox"),
    *("course/facts.py", "course/files.py", "course/loading.py", "course/parts.py"),
    *("grading/again.py", "grading/begun.py", "grading/cell_notes.py", "grading/exercises.py"),
    *("grading/feedback_lines.py", "grading/fingerprints.py", "grading/function_reading.py"),
    *("grading/library_names.py", "grading/loaded.py", "grading/notebook_names.py"),
    *("grading/process_sharing.py", "grading/second_tries.py", "grading/submission.py"),
    "grading/what_it_has.py",
    *("results/document.py", "results/verdicts.py"),
    *("submissions/belonging.py", "submissions/cleaning.py", "submissions/decoding.py"),
    *("submissions/first_bytes.py", "submissions/formulas.py", "submissions/markdown.py"),
    *("submissions/names.py", "submissions/own_code.py", "submissions/picture_bytes.py"),
    *("submissions/pictures.py", "submissions/reading.py", "submissions/rebuilding.py"),
    *("submissions/rendered.py", "submissions/texts.py"),
)
"""The files and folders of the engine that have a part in what a result says."""

ENTERING = (
    "gradebook",
    "nbgrader_plugin",
    "feedback/exercise.py",
    "feedback/templates/exercise.html.j2",
)
"""What decides how a result, once made, stands in nbgrader's gradebook and notebooks."""

# Pictures among the outputs are matplotlib's; numbers come from the others.
PACKAGES = ("matplotlib", "numpy", "scipy", "torch")


def text_hash(content: bytes) -> str:
    """Return the hash of some bytes."""
    return hashlib.sha256(content).hexdigest()[:HASH_DIGITS]


def files_of(names: Iterable[str], engine: Path = _ENGINE) -> list[Path]:
    """Return the engine's files of these names, and those in folders of these names, in order."""
    found: list[Path] = []
    for name in names:
        path = engine / name
        within = [one for one in path.rglob("*") if one.suffix in (".py", ".j2")]
        found += within if path.is_dir() else [path]
    return sorted(found)


def core_files(engine: Path = _ENGINE) -> list[Path]:
    """Return the files of the engine that make a result, in order."""
    return files_of(CORE, engine)


def code_hash(paths: list[Path], root: Path = _ENGINE) -> str:
    """Return the hash of these files' names and contents."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:HASH_DIGITS]


@cache
def versions() -> dict[str, str]:
    """Return the versions of what makes a result on this machine, by name."""
    found = {"engine": code_hash(core_files()), "python": platform.python_version()}
    return found | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


@cache
def entering_hash() -> str:
    """Return the hash of the code that enters results: where it changes, all are entered again."""
    return code_hash(files_of(ENTERING))


@cache
def engine_hash() -> str:
    """Return the hash of everything that makes a result but the course and the submission."""
    return text_hash(json.dumps(versions(), sort_keys=True).encode())


def difference(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """Say in which versions two machines differ; nothing where they do not."""
    return ", ".join(
        f"{name} {theirs.get(name, 'unknown')} where this machine has {here}"
        for name, here in ours.items()
        if theirs.get(name) != here
    )
