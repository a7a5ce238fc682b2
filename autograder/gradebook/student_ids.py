"""Which student ids nbgrader's own pages and searches can bear: a folder may be called anything."""

from __future__ import annotations

import re

# formgrader writes the id into its page as it is; nbgrader looks for the folder by a pattern.
_ACTIVE = re.compile(r'[<>&"\[\]*?]')


def refuse_active_id(student: str) -> str | None:
    """Say why a student cannot be entered in the gradebook; None where all is well."""
    found = sorted(set(_ACTIVE.findall(student)))
    if not found:
        return None
    return (
        f"{student}: not entered in the gradebook: nbgrader takes {' '.join(found)} in a name for "
        "HTML or for a pattern; rename the folder in submitted/ and grade again"
    )
