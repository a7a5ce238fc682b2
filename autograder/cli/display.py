"""All that a command says: lines, tables, JSON and progress, in one style and safe to show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from autograder.safe_text import for_json, for_markup, for_terminal

Item = TypeVar("Item")

# Progress goes to stderr, so that what a command prints can be piped.
STDERR = Console(stderr=True)


class Styled(str):
    """Text of ours with rich's own marks in it; every other text is a stranger's."""


def say(text: object, *, err: bool = False) -> None:
    """Print one line; what a stranger wrote in it is only shown."""
    click.echo(for_terminal(str(text)), err=err)


def say_json(document: object, *, err: bool = False, indent: int | None = None) -> None:
    """Print a value as JSON."""
    click.echo(for_json(document, indent=indent), err=err)


def say_pieces(pieces: Iterable[str]) -> None:
    """Print the pieces of a document that is safe already."""
    for piece in pieces:
        click.echo(piece, nl=False)


def add_row(table: Table, *cells: str) -> None:
    """Add a row to a table; a cell that is not Styled is a stranger's."""
    table.add_row(*(one if isinstance(one, Styled) else for_markup(one) for one in cells))


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
    # No refreshing thread: judges are forked from this process. Elsewhere than on a terminal even a
    # bar that is gone leaves an empty line.
    silent = not STDERR.is_terminal
    with Progress(
        *columns, console=STDERR, transient=True, auto_refresh=False, disable=silent
    ) as bar:
        task = bar.add_task(what, total=total)
        bar.refresh()
        for item in items:
            yield item
            bar.advance(task)
            bar.refresh()
