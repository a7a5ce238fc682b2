"""Read nbgrader_config.py as nbgrader itself would, without nbgrader: it takes 2 s to import."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.course.files import Course
from autograder.errors import CourseError
from autograder.sandbox.limits import Limits


def course_config(course: Course) -> Config:
    """Return the configuration that nbgrader itself would read in the course's folder.

    Raises CourseError where it does not run: it is a program of the instructor's.
    """
    loader = PyFileConfigLoader(course.config.name, path=str(course.config.parent))
    try:
        config = loader.load_config()
    except Exception as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CourseError(f"{course.config}: {said}") from error
    config.CourseDirectory.root = str(course.root)
    return config


def course_licence(course: Course) -> str | None:
    """Return the licence of the course's text, as `c.Course.license` names it."""
    licence = course_config(course).Course.get("license")
    return str(licence) if licence else None


def course_address(course: Course) -> str:
    """Return the repository in which `release/` is published, as `c.Course.address` names it."""
    return str(course_config(course).Course.get("address") or "")


def feedback_is_our_page(course: Course) -> bool:
    """Say whether nbgrader's feedback is our student page, which has no marking scheme."""
    named = course_config(course).GenerateFeedback.get("exporter_class", "")
    if isinstance(named, type):
        named = f"{named.__module__}.{named.__qualname__}"
    return named.startswith("autograder.") and named.endswith(".StudentPage")


@cache
def course_limits(course: Course) -> Limits:
    """Return the limits that the course's configuration sets, over the defaults."""
    configured = dict(course_config(course).Limits)
    names = sorted(field.name for field in fields(Limits))
    for name in configured:
        if name not in names:
            raise CourseError(f"{course.config}: no limit {name!r}; limits: {', '.join(names)}")
    try:
        return Limits(**configured)
    except (TypeError, ValueError) as error:
        raise CourseError(f"{course.config}: {error}") from None
