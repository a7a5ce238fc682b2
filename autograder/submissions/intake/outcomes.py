"""What became of each notebook of a download, and of each file that was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class Action(StrEnum):
    """What is done with a notebook."""

    PLACED = "placed"
    REPLACED = "replaced"
    """Placed where an older one lay, which is kept."""
    UNCHANGED = "unchanged"
    OLDER = "older"
    """A newer one is there: not placed."""
    LEFT_OUT = "left out"
    """A person should look."""


@dataclass(frozen=True)
class Outcome:
    """One line of the table that `autograder collect` prints."""

    action: Action
    student: str
    source: str
    """The download and the path in it."""
    time: datetime | None = None
    reason: str = ""
    content: Path | None = None
    """Where the notebook's bytes lie while a plan is carried out."""
    kept: Path | None = None
    """Where the replaced notebook is kept."""

    @property
    def needs_person(self) -> bool:
        return self.action is Action.LEFT_OUT

    @property
    def is_written(self) -> bool:
        """Say whether it changes what lies in `submitted/`."""
        return self.action in (Action.PLACED, Action.REPLACED)
