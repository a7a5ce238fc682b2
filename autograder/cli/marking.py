"""`autograder marking`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.table import Table

from autograder.cli.display import add_row, console, progress, say, say_json
from autograder.course.files import Course

if TYPE_CHECKING:
    from autograder.gradebook.marking import Waiting


@click.command()
@click.argument("assignments", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.option(
    "--server",
    default="http://localhost:8888",
    help="Where formgrader runs, for the addresses (default: http://localhost:8888).",
)
@click.option(
    "--zero-blank", is_flag=True, help="Give 0 for each derivation to which nothing was written."
)
@click.pass_obj
def marking(
    find: Callable[[], Course],
    assignments: tuple[str, ...],
    as_json: bool,
    server: str,
    zero_blank: bool,
) -> None:
    """List who still waits for a mark by hand, of ASSIGNMENTS or of all.

    A line for each derivation that nobody has marked, and for each exercise that grading flagged
    and nobody has looked at, with its page in formgrader: first what is to be read, question by
    question, last those who wrote nothing. Exit code 1: somebody waits.
    """
    from autograder.gradebook.marking import BLANK, give_nothing_for_blank, waiting

    chosen = find().chosen(assignments)
    found = [one for each in progress(chosen, "reading") for one in waiting(each)]
    if zero_blank:
        count = sum(give_nothing_for_blank(each, found) for each in chosen)
        say(f"gave 0 for {count} derivations to which nothing was written", err=True)
        found = [one for one in found if one.why != BLANK]
    if as_json:
        say_json([{**asdict(one), "page": f"{server}{one.page}"} for one in found], indent=1)
    elif found:
        console().print(_table(found, server))
    else:
        say("nobody waits for a mark by hand")
    sys.exit(1 if found else 0)


def _table(found: list[Waiting], server: str) -> Table:
    table = Table(title=f"{len(found)} marks to give", title_justify="left")
    for heading in ("assignment", "what", "points", "student", "why"):
        table.add_column(heading, overflow="fold")
    table.add_column("page", no_wrap=True)
    for one in found:
        page = f"{server}{one.page}"
        add_row(table, one.assignment, one.name, str(one.points), one.student, one.why, page)
    return table
