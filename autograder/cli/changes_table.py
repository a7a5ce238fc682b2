"""The table of scores that a run would change."""

from __future__ import annotations

from rich.table import Table

from autograder.cli.display import add_row
from autograder.grading.what_changed import Change


def changes_table(changes: list[Change]) -> Table:
    """Return whose score would change, from what to what, and why."""
    table = Table(title="What would change", title_justify="left")
    for heading, justify in (("student", "left"), ("exercise", "left"), ("before", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("after", justify="right")
    table.add_column("why", overflow="fold")
    for one in changes:
        stands = "; a manual score stands" if one.has_manual_score else ""
        add_row(
            table,
            one.student,
            one.exercise or "all",
            "none" if one.before is None else f"{one.before:g}",
            f"{one.after:g}",
            one.why + stands,
        )
    return table
