"""Submission times: read from names and files, and written the way nbgrader reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import dateutil.parser

_DIGITS = re.compile(r"(\d{4})\D?(\d\d)\D?(\d\d)\D?(\d\d)\D?(\d\d)(?:\D?(\d\d))?")
_ZONE = re.compile(r" (?=[+-]\d\d|Z$|UTC$)")


def parse_time(text: str, zone: tzinfo | None) -> datetime:
    """Return the time that a text names, in UTC; raise ValueError.

    It is ISO 8601, or its digits from the year to the minute or second with anything between
    them. A time that names no zone is in `zone`; None means this machine's.
    """
    text = text.strip()
    try:
        # Gradescope parts its zone with a space.
        time = datetime.fromisoformat(_ZONE.sub("", text[:60]).replace("UTC", "Z"))
    except ValueError:
        match = _DIGITS.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:60]!r} is no time") from None
        time = datetime(*(int(number or 0) for number in match.groups()))  # type: ignore[arg-type]
    return _utc(time, zone)


def _utc(time: datetime, zone: tzinfo | None) -> datetime:
    if time.tzinfo is None and zone is not None:
        time = time.replace(tzinfo=zone)
    try:
        return time.astimezone(UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{time} is no time that can be: {error}") from None


def parse_timestamp(text: str) -> datetime | None:
    """Return the time in nbgrader's `timestamp.txt`, in UTC; None where there is none.

    It is what `nbgrader.utils.parse_utc` makes of the text: a third word is a zone, and without
    one it is UTC.
    """
    parts = text.strip()[:100].split(" ")
    try:
        if len(parts) == 3:
            time = dateutil.parser.parse(" ".join(parts[:2])).replace(tzinfo=_zone(parts[2]))
        else:
            time = dateutil.parser.parse(" ".join(parts))
        return _utc(time, UTC)
    except (ValueError, OverflowError, TypeError):
        return None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        # As nbgrader does with a zone that nobody knows.
        return UTC


def render_timestamp(time: datetime) -> str:
    """Return a time as nbgrader's own exchange writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def render_time(time: datetime | None) -> str:
    """Return a time for people, or a dash."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else "—"
