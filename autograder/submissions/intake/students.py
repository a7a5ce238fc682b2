"""Which student ids may become folders that nbgrader, a shell and a terminal can live with."""

from __future__ import annotations

import unicodedata

_MAX_BYTES = 200
"""Leaves room for `.json` and the like after it."""

# Persian and Indic names need the joiners.
_JOINERS = "\u200c\u200d"
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

# `+` parts the fields of nbgrader's exchange; the others are globs to nbgrader.
_RESERVED = "/\\+*?[]"


class UnsafeStudent(Exception):
    """This cannot be a student id; the message says why."""


def composed(text: str) -> str:
    """Return a text with its letters composed and one space where there were many."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def student_id(text: str) -> str:
    """Return a name as a student id: spaces once, letters composed; raise UnsafeStudent."""
    if any(unicodedata.category(sign) in _UNSAFE and sign not in _JOINERS for sign in text):
        raise UnsafeStudent("its student id has control characters")
    name = composed(text)
    if not name:
        raise UnsafeStudent("its student id is empty")
    if name.startswith((".", "-")):
        raise UnsafeStudent(f"its student id {name[:60]!r} begins with {name[0]!r}")
    if bad := sorted(set(name) & set(_RESERVED)):
        raise UnsafeStudent(f"its student id {name[:60]!r} holds {' '.join(bad)}")
    if len(name.encode()) > _MAX_BYTES:
        raise UnsafeStudent(f"its student id has more than {_MAX_BYTES} bytes")
    return name
