"""Refuse to grade where the sandbox would show a course's tests, gradebook or submissions."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from autograder.course.files import Course
from autograder.course.private_places import private_places
from autograder.sandbox.host.exposed import MayHold, Private, always_private, refuse_exposed
from autograder.sandbox.host.shown import shown


def course_private(course: Course) -> list[Private]:
    """Return what a box for this course may not show."""
    own = [Private(what, path) for what, path in private_places(course)]
    return [*always_private(course.data), *own]


def refuse_exposed_course(course: Course, notebooks: Iterable[Path] = ()) -> None:
    """Raise IsolationError where student code could see what is the course's, or a notebook."""
    folders = {os.path.dirname(os.path.realpath(path)) for path in notebooks}
    handed_in = [
        Private("the folder of a submitted notebook", Path(folder), MayHold.ANYTHING)
        for folder in sorted(folders)
    ]
    refuse_exposed(shown(course.data), [*course_private(course), *handed_in])
