"""The tables of what was collected, and of what a person should look at."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.table import Table

from autograder.cli.display import Styled, add_row
from autograder.submissions.intake.outcomes import Action, Outcome
from autograder.submissions.intake.times import render_time

_MARKS = {
    Action.PLACED: "[green]placed[/]",
    Action.REPLACED: "[yellow]replaced[/]",
    Action.UNCHANGED: "[dim]unchanged[/]",
    Action.OLDER: "[dim]older[/]",
    Action.LEFT_OUT: "[bold red]left out[/]",
}
_MAX_ROWS_LEFT_OUT = 100


def collect_tables(outcomes: list[Outcome], root: Path) -> list[Table]:
    """Return a table of the class, then one of what was left out, where anything was."""
    taken = [outcome for outcome in outcomes if not outcome.needs_person]
    left = [outcome for outcome in outcomes if outcome.needs_person]
    tables = []
    if taken:
        counts = Counter(outcome.action for outcome in taken)
        tables.append(_table("Collected", taken, root))
        tables[-1].caption = ", ".join(f"{counts[one]} {one}" for one in Action if counts[one])
    if left:
        tables.append(_table("A person should look", left[:_MAX_ROWS_LEFT_OUT], root))
        if len(left) > _MAX_ROWS_LEFT_OUT:
            tables[-1].caption = f"and {len(left) - _MAX_ROWS_LEFT_OUT} more"
    return tables


def _table(title: str, outcomes: list[Outcome], root: Path) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("student", overflow="fold")
    table.add_column("")
    table.add_column("handed in")
    table.add_column("from", overflow="fold")
    table.add_column("note", overflow="fold")
    for outcome in outcomes:
        add_row(
            table,
            outcome.student,
            Styled(_MARKS[outcome.action]),
            render_time(outcome.time),
            outcome.source,
            _note(outcome, root),
        )
    return table


def _note(outcome: Outcome, root: Path) -> str:
    kept = f"the old one is {outcome.kept.relative_to(root)}" if outcome.kept else ""
    return "; ".join(text for text in (outcome.reason, kept) if text)
