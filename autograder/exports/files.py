"""Where exports go: whole files or none, and never over a file that is something else."""

from __future__ import annotations

from pathlib import Path

from autograder.atomic_files import write_whole
from autograder.course.files import Assignment
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


def write_export(path: Path, content: bytes) -> None:
    """Write an export whole, for its owner alone, or say why not."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise AutograderError(f"cannot write {path}: {error.strerror}") from None
