"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import click

from autograder.course.files import Course
from autograder.errors import AutograderError
from autograder.sandbox.limits import Limits

Function = TypeVar("Function", bound=Callable[..., Any])


def jobs_option(function: Function) -> Function:
    """Add `-j`."""
    return click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        default=os.cpu_count() or 1,
        show_default="one per core",
        help="Judges that work side by side.",
    )(function)


def isolation_option(function: Function) -> Function:
    """Add `--isolation`."""
    return click.option(
        "--isolation",
        type=click.Choice(["box", "none"]),
        default="box",
        show_default=True,
        help="How student code is shut off. `none` protects nothing: for code you trust.",
    )(function)


def limit_options(function: Function) -> Function:
    """Add one option for each limit; its default is the course's configuration, then ours."""
    defaults = Limits()
    for field in reversed(fields(Limits)):
        default = getattr(defaults, field.name)
        function = click.option(
            f"--{field.name.replace('_', '-')}",
            field.name,
            type=type(default),
            default=None,
            help=f"Limit (default {default:g}, or c.Limits.{field.name} in nbgrader_config.py).",
        )(function)
    return function


def limits_from(course: Course, chosen: dict[str, Any]) -> Limits:
    """Return the limits of the command line over those of the course over the defaults."""
    from autograder.course.configuration import course_limits

    named = {key: value for key, value in chosen.items() if value is not None}
    try:
        return replace(course_limits(course), **named)
    except (TypeError, ValueError) as error:
        raise AutograderError(str(error)) from None
