"""Options on how the names in a learning platform's download are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from autograder.errors import AutograderError

if TYPE_CHECKING:
    from autograder.submissions.intake.platforms import Reading

Function = TypeVar("Function", bound=Callable[..., Any])


def download_options(function: Function) -> Function:
    """Add `--from`, `--pattern` and `--timezone`."""
    function = click.option(
        "--timezone",
        help="Of times in names that name none, as Europe/Berlin (default: this machine's).",
    )(function)
    function = click.option(
        "--pattern",
        help="For other names: a regular expression with a group (?P<student>…), and if you like "
        "(?P<time>…) and (?P<assignment>…), matched from the beginning of each path.",
    )(function)
    return click.option(
        "--from",
        "platform",
        type=click.Choice(["auto", "canvas", "moodle", "gradescope", "nbgrader", "loose"]),
        default="auto",
        show_default=True,
        help="Whose names a download has; `auto` finds out from the names.",
    )(function)


def reading_from(platform: str, pattern: str | None, timezone: str | None) -> Reading:
    """Return how names are to be read, from these options."""
    from zoneinfo import ZoneInfo

    from autograder.submissions.intake.platforms import Platform, Reading

    if pattern is not None and platform != "auto":
        raise click.UsageError("--pattern and --from exclude each other")
    try:
        zone = None if timezone is None else ZoneInfo(timezone)
    except (ValueError, OSError, KeyError):
        raise AutograderError(f"no time zone {timezone!r}: write it as Europe/Berlin") from None
    return Reading(None if platform == "auto" else Platform(platform), pattern, zone)
