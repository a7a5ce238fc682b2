"""What was found by trying: of a machine or of a course, and the line that mends it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was tried."""

    what: str
    good: bool
    found: str
    mend: str = ""
    needed: bool = True
    """Whether all is not well without it."""
