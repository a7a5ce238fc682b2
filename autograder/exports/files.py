"""Where exports go."""

from __future__ import annotations

from pathlib import Path

from autograder.course.files import Assignment


def default_path(assignment: Assignment, what: str, suffix: str) -> Path:
    """Return where an export goes unless a file is named: `exports/ASSIGNMENT-WHAT.SUFFIX`."""
    return assignment.course.root / "exports" / f"{assignment.name}-{what}.{suffix}"
