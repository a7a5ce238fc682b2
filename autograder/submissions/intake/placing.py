"""Put a notebook where nbgrader keeps it; whatever a kill leaves is the old one or the new one."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.atomic_files import remove_unfinished, written_whole
from autograder.course.files import Assignment
from autograder.errors import OddPlace
from autograder.submissions.intake.entries import TIMESTAMP
from autograder.submissions.intake.times import parse_timestamp, render_timestamp

# A run that goes on beside this one writes its files faster.
_LEFT_AFTER_S = 3600


@dataclass(frozen=True)
class Placed:
    """What lies in `submitted/` for a student."""

    digest: str | None
    """None where there is no notebook."""
    time: datetime | None


def look(assignment: Assignment, student: str) -> Placed:
    """Return what lies there now; raise OddPlace where it is a link or no file."""
    path = assignment.submission(student)
    for folder in (path.parent.parent, path.parent):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise OddPlace(f"{folder} is a link or a file, not a folder")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OddPlace(f"{path} is a link or a folder, not a file")
    if not path.exists():
        return Placed(None, None)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Placed(digest, _read_timestamp(path.parent / TIMESTAMP))


def _read_timestamp(path: Path) -> datetime | None:
    if not path.is_file() or path.is_symlink():
        return None
    with path.open(encoding="utf-8", errors="replace") as file:
        return parse_timestamp(file.read(200))


def place(
    assignment: Assignment, student: str, content: Path, time: datetime | None
) -> Path | None:
    """Put a notebook in `submitted/` with its time; return where the one it replaces is kept.

    The old time goes first and the new one comes last: after a kill in between there is none,
    and never one that belongs to another notebook.
    """
    path = assignment.submission(student)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = keep(assignment, student) if path.is_file() else None
    remove_unfinished(path.parent, older_than_s=_LEFT_AFTER_S)
    (path.parent / TIMESTAMP).unlink(missing_ok=True)
    with written_whole(path, private=False) as new:
        shutil.copyfile(content, new)
    if time is not None:
        place_time(assignment, student, time)
    return kept


def place_time(assignment: Assignment, student: str, time: datetime) -> None:
    """Write the time of a notebook that lies there."""
    timestamp = assignment.submission(student).parent / TIMESTAMP
    with written_whole(timestamp, private=False) as new:
        new.write_text(render_timestamp(time), encoding="utf-8")


def keep(assignment: Assignment, student: str) -> Path:
    """Copy the notebook that lies there, and its time, to `collected/`; return the copy."""
    path = assignment.submission(student)
    placed = look(assignment, student)
    moment = (placed.time or datetime.fromtimestamp(path.stat().st_mtime, UTC)).astimezone(UTC)
    name = f"{moment:%Y%m%dT%H%M%SZ}-{(placed.digest or '')[:12]}"
    copy = assignment.course.root / "collected" / assignment.name / student / f"{name}.ipynb"
    copy.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(copy, private=False) as new:
        shutil.copyfile(path, new)
    timestamp = path.parent / TIMESTAMP
    if timestamp.is_file() and not timestamp.is_symlink():
        with written_whole(copy.with_suffix(".txt"), private=False) as new:
            shutil.copyfile(timestamp, new)
    return copy
