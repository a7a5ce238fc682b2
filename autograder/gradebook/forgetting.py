"""Remove what a student left in a course; whatever is another student's stays byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

from nbgrader.api import Gradebook
from sqlalchemy import text

from autograder.atomic_files import write_whole
from autograder.course.files import Course
from autograder.errors import AutograderError
from autograder.gradebook.reading import gradebook_of
from autograder.gradebook.traces import Traces, lines_naming


def forget_student(course: Course, traces: Traces, *, in_exchange: bool) -> None:
    """Remove what was found: from the gradebook first, which may refuse, then all files.

    Raises AutograderError where something stays; the rest is gone then, and doing it again removes
    what is left.
    """
    if traces.submissions is not None:
        with gradebook_of(course) as gradebook:
            if gradebook is not None:
                _remove_from(gradebook, traces.student)
    for log in traces.logs:
        _strike_out(log, traces)
    paths = [*traces.paths, *(traces.exchange if in_exchange else ())]
    failed = [problem for path in paths if (problem := _remove(path)) is not None]
    if failed:
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        raise AutograderError(f"not all of {traces.student} is removed: {failed[0]}{more}")


def _remove_from(gradebook: Gradebook, student: str) -> None:
    """Remove a student, with submissions, scores and comments; leave nothing in the file either."""
    gradebook.remove_student(student)
    gradebook.db.remove()
    if gradebook.engine.dialect.name == "sqlite":
        # What was deleted stays in the file's free pages until they are used again.
        with gradebook.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM"))


def _strike_out(log: Path, traces: Traces) -> None:
    """Write a log anew without the lines that name the student."""
    struck = set(lines_naming(log, traces.student, traces.others))
    lines = log.read_bytes().split(b"\n")
    kept = [line for number, line in enumerate(lines) if number not in struck]
    write_whole(log, b"\n".join(kept))


def _remove(path: Path) -> str | None:
    """Remove a file, a link, or a folder with all in it; return what went wrong, if any."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        return f"{error.filename or path}: {error.strerror}"
    return None
