"""Read a course's own text files: what cannot be read is a CourseError, on one line."""

from __future__ import annotations

from pathlib import Path

from autograder.errors import CourseError


def read_text(path: Path, missing: str) -> str:
    """Return a file's text; `missing` is what to say where there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CourseError(missing) from None
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Write a file, and the folders it lies in."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, and the folders it lies in."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}") from None
