"""`autograder similar`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from autograder.cli.display import add_row, console, progress, say, say_json
from autograder.course.files import Course

if TYPE_CHECKING:
    from autograder.similarity.comparing import Pair


@click.command()
@click.argument("assignment")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--threshold",
    type=click.FloatRange(0.0, 1.0),
    default=0.8,
    show_default=True,
    help="Share of tokens in common from which two answers are listed.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Pairs to show."
)
@click.option("--json", "as_json", is_flag=True, help="Print all pairs as JSON.")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    help="Write the pairs shown side by side to this file, too.",
)
@click.pass_obj
def similar(
    find: Callable[[], Course],
    /,
    assignment: str,
    paths: tuple[Path, ...],
    threshold: float,
    limit: int,
    as_json: bool,
    html: Path | None,
) -> None:
    """List suspiciously similar answers to ASSIGNMENT: a hint for a person, not a proof.

    All of submitted/ is compared, or the notebooks and folders named. Comments, layout and the
    names of variables do not count, nor what the release gave, nor what many of the class or the
    course's own known answers have. Nothing is graded, and no student code runs.
    """
    from autograder.similarity.answers import read_class
    from autograder.similarity.comparing import similar_pairs
    from autograder.submissions.finding import find_submissions

    chosen = find().assignment(assignment)
    found = find_submissions(chosen, paths)
    answers = read_class(chosen, progress(found, "reading", len(found)))
    pairs = similar_pairs(answers, threshold)
    for problem in answers.unreadable:
        say(f"not compared: {problem}", err=True)
    if html is not None:
        from autograder.atomic_files import check_writable, write_or_say_why
        from autograder.similarity.side_by_side import render_pairs

        check_writable(html, "html")
        write_or_say_why(html, render_pairs(chosen.name, pairs[:limit]).encode("utf-8", "replace"))
        say(f"wrote: {html}", err=True)
    if as_json:
        say_json(_document(chosen.name, len(found), threshold, pairs), indent=1)
        return
    if pairs:
        console().print(_table(pairs[:limit]))
    say(
        f"{len(pairs)} pairs of {len(found)} submissions have similar answers"
        + (f"; the first {limit} are shown" if len(pairs) > limit else "")
        + ". Read them before you conclude anything."
    )


def _table(pairs: list[Pair]) -> Table:
    table = Table(title="Similar answers", title_justify="left", caption_justify="left")
    table.caption = (
        "rare: passages of six tokens that the two share and few others have; the order of the list"
    )
    table.add_column("students", overflow="fold")
    table.add_column("exercises", overflow="fold")
    for heading in ("highest", "lines", "rare"):
        table.add_column(heading, justify="right")
    for pair in pairs:
        exercises = ", ".join(
            f"{one.exercise} {one.similarity:.0%}"
            for one in sorted(pair.exercises, key=lambda one: -one.rare_passages)
        )
        add_row(
            table,
            " · ".join(pair.students),
            exercises,
            f"{pair.similarity:.0%}",
            str(pair.lines_in_common),
            str(pair.suspicion),
        )
    return table


def _document(
    assignment: str, submissions: int, threshold: float, pairs: list[Pair]
) -> dict[str, object]:
    return {
        "schema": 1,
        "assignment": assignment,
        "submissions": submissions,
        "threshold": threshold,
        "pairs": [
            {
                "students": list(pair.students),
                "suspicion": pair.suspicion,
                "similarity": round(pair.similarity, 4),
                "lines_in_common": pair.lines_in_common,
                "exercises": [
                    {
                        "exercise": one.exercise,
                        "similarity": round(one.similarity, 4),
                        "rare_passages": one.rare_passages,
                        "lines": [list(numbers) for numbers in one.lines],
                    }
                    for one in pair.exercises
                ],
            }
            for pair in pairs
        ],
    }
