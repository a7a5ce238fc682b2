"""The rebuilt notebook that travels with a result, from the judge to the gradebook; read once.

It lies beside the result under the result's own hash, so that it can belong to no other one. Where
it is gone, after a run that was killed say, the gradebook rebuilds the submission itself.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.atomic_files import write_whole
from autograder.results.versions import text_hash

_FOLDER = ".rebuilt"


def rebuilt_path(results: Path, result: bytes) -> Path:
    """Return where the notebook lies that a result, these bytes, was made of."""
    return results / _FOLDER / text_hash(result)


def keep_rebuilt(results: Path, result: bytes, notebook: NotebookNode) -> None:
    """Write the notebook that a result, these bytes, was made of if there is room."""
    path = rebuilt_path(results, result)
    with contextlib.suppress(OSError):
        write_whole(path, json.dumps(notebook).encode(), synced=False)


def take_rebuilt(results: Path, result: bytes) -> NotebookNode | None:
    """Return the notebook that a result was made of, where it is still there, and remove it."""
    path = rebuilt_path(results, result)
    try:
        notebook = nbformat.from_dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None
    path.unlink(missing_ok=True)
    return notebook


def forget_rebuilt(results: Path) -> None:
    """Remove what nobody took."""
    shutil.rmtree(results / _FOLDER, ignore_errors=True)
