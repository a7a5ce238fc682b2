"""Where exports go: whole files or none, and never over a file that is something else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from autograder.course import Assignment
from autograder.errors import AutograderError


def default_path(assignment: Assignment, what: str, suffix: str) -> Path:
    """Return where an export goes unless a file is named: `exports/ASSIGNMENT-WHAT.SUFFIX`."""
    return assignment.course.root / "exports" / f"{assignment.name}-{what}.{suffix}"


def check_writable(path: Path, suffix: str, sources: tuple[Path, ...] = ()) -> None:
    """Refuse a target that is a folder, a file of another kind, or what this is made from.

    An earlier export may be replaced; a gradebook or a notebook is never one.
    """
    if path.is_dir():
        raise AutograderError(f"{path} is a folder: name a file")
    if path.exists() and path.suffix.casefold() != f".{suffix}":
        raise AutograderError(
            f"{path} is there and is no .{suffix}: name another file, or remove it first"
        )
    for source in sources:
        if path.exists() and source.exists() and path.samefile(source):
            raise AutograderError(f"{path} is what this export is made from: name another file")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one; only its owner may read it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.")
    except OSError as error:
        raise AutograderError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise AutograderError(f"cannot write {path}: {error.strerror}") from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
