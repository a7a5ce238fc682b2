"""`autograder doctor`."""

from __future__ import annotations

import sys

import click

from autograder.cli.display import Styled, add_row, console


@click.command()
def doctor() -> None:
    """Say what this machine can isolate and what it lacks, with the line that mends it."""
    from rich.table import Table

    from autograder.sandbox.host.machine_check import examine

    table = Table()
    for heading in ("", "what", "found", "to mend it"):
        table.add_column(heading, overflow="fold")
    findings = examine()
    for finding in findings:
        mark = (
            "[green]ok[/]" if finding.good else ("[red]no[/]" if finding.needed else "[yellow]-[/]")
        )
        add_row(table, Styled(mark), finding.what, finding.found, finding.mend)
    console().print(table)
    if any(finding.needed and not finding.good for finding in findings):
        sys.exit(1)
