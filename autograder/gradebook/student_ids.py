"""Which student ids nbgrader's own pages and searches can bear: a folder may be called anything."""

from __future__ import annotations

import re
import unicodedata

from autograder.safe_text import for_terminal

MAX_BYTES = 200
"""Leaves room for `.json` and the like after it."""

# formgrader writes the id into its page as it is, where MathJax reads it, and into addresses
# undone by `%`, `#` and `\\`; nbgrader looks for the folder by a pattern.
_ACTIVE = re.compile(r'[<>&"\[\]*?\\%#$]')
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Persian and Indic names need the joiners.
_JOINERS = "\u200c\u200d"


def refuse_active_id(student: str) -> str | None:
    """Say why a student cannot be entered in the gradebook; None where all is well."""
    reason = _reason(student)
    if reason is None:
        return None
    return (
        f"{for_terminal(student)}: not entered in the gradebook: {reason}; "
        "rename the folder in submitted/ and grade again"
    )


def _reason(student: str) -> str | None:
    if any(unicodedata.category(sign) in _UNSEEN and sign not in _JOINERS for sign in student):
        return "nbgrader's pages do not show all of its signs"
    if found := sorted(set(_ACTIVE.findall(student))):
        return f"nbgrader takes {' '.join(found)} in a name for HTML, an address or a pattern"
    if student.startswith("."):
        return "nbgrader takes a name that begins with a dot for a hidden folder"
    if student != student.strip() or not student:
        return "its name begins or ends with a space, which addresses lose"
    if len(student.encode()) > MAX_BYTES:
        return f"its name has more than {MAX_BYTES} bytes"
    return None
