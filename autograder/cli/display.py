"""Progress and tables, in one style."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")

# Progress goes to stderr, so that what a command prints can be piped.
STDERR = Console(stderr=True)


def console() -> Console:
    """Return the console for a command's own output; wide enough for tables where piped."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=160)


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items, with a progress bar on a terminal."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    # No refreshing thread: judges are forked from this process.
    with Progress(*columns, console=STDERR, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(what, total=total)
        bar.refresh()
        for item in items:
            yield item
            bar.advance(task)
            bar.refresh()
