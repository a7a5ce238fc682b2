"""One archive of what the grading of an assignment reads, named by its hash.

No submissions, no results, and not the course's configuration: it may hold a database's password.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.atomic_files import folder_written_whole
from autograder.course.files import Assignment
from autograder.errors import AutograderError

# The same files make the same archive, whenever they were written.
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Bundle:
    """An assignment's files, as bytes."""

    content: bytes
    digest: str


def pack(assignment: Assignment) -> Bundle:
    """Read an assignment's files into a bundle."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, path in sorted(_files(assignment)):
            file.writestr(zipfile.ZipInfo(name, _TIME), path.read_bytes(), zipfile.ZIP_DEFLATED)
    content = archive.getvalue()
    return Bundle(content, _digest(content))


def unpack(content: bytes, digest: str, parent: Path) -> Path:
    """Return the folder of a bundle below `parent`, private to this user; made where missing."""
    folder = parent / f"course-{digest}"
    if folder.is_dir():
        return folder
    if _digest(content) != digest:
        raise AutograderError("the course's files did not arrive whole")
    with folder_written_whole(folder) as new:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            file.extractall(new)
        _open_data(new / "data")
    return folder


def _files(assignment: Assignment) -> Iterator[tuple[str, Path]]:
    """Yield the files that travel, each by its name within the course."""
    course = assignment.course
    paths = [
        assignment.solutions,
        assignment.hidden_tests,
        assignment.known_answers,
        # Of these the hash of the assignment is made.
        *assignment.release_notebook.parent.glob("*"),
        # All of it, not the assignment's own alone: a box shows the whole folder.
        *course.data.rglob("*"),
    ]
    for path in paths:
        if path.is_file():
            yield path.relative_to(course.root).as_posix(), path


def _open_data(data: Path) -> None:
    """Let the user inside a box read the data, whatever files are made like here."""
    for path in (data, *data.rglob("*")):
        if path.exists():
            path.chmod(0o755 if path.is_dir() else 0o644)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
