"""How a result reaches nbgrader's pass: in the converter's own tray, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from autograder.results.document import SubmissionResult

TRAY = "autograder"
SWAPPED = "its file was changed after it was graded; grade again"
"""What is said where a result is of another file than the one that lies there."""


@dataclass
class HandedOver:
    """What a pass is given; what it is not given, it finds or makes itself."""

    result: SubmissionResult | None = None
    notebook: NotebookNode | None = None
    """The rebuilt notebook, then what the pass has made of it."""


def handed_over(resources: dict[str, Any]) -> HandedOver:
    """Return what the running pass was given."""
    tray: HandedOver = resources.setdefault(TRAY, HandedOver())
    return tray
