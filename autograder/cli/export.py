"""`autograder export`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.display import say
from autograder.cli.options import isolation_option
from autograder.course.files import Assignment, Course

if TYPE_CHECKING:
    from autograder.exports.roster import Matched

_STDOUT = Path("-")


@click.command()
@click.argument("assignment")
@click.option(
    "--to",
    "form",
    type=click.Choice(["csv", "canvas", "moodle", "gradescope"]),
    required=True,
    help="What is to read it.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write (default: exports/ASSIGNMENT-FORM.csv or .zip); - is stdout.",
)
@click.option(
    "--roster",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Canvas' own gradebook export, or Moodle's grading worksheet: scores are put into it.",
)
@click.option("--match", metavar="COLUMN", help="The roster's column that holds nbgrader's ids.")
@click.option(
    "--grade-column", metavar="COLUMN", help="The column for the scores, `PCA (12345)` say."
)
@isolation_option
@click.option(
    "--visibility",
    type=click.Choice(["hidden", "after_due_date", "after_published", "visible"]),
    default="after_due_date",
    show_default=True,
    help="Gradescope: when students see hidden tests' outcomes.",
)
@click.option(
    "--with-results",
    is_flag=True,
    help="Gradescope: write results.json of each graded submission next to the zip, too.",
)
@click.pass_obj
def export(
    find: Callable[[], Course],
    /,
    assignment: str,
    form: str,
    output: Path | None,
    roster: Path | None,
    match: str | None,
    grade_column: str | None,
    isolation: str,
    visibility: str,
    with_results: bool,
) -> None:
    """Write the scores of ASSIGNMENT, or its autograder, in the form of another system.

    csv, canvas and moodle hold the final scores of nbgrader's gradebook: manual marks, extra
    credit and late penalties count. No cell is a formula, whatever students call themselves.
    With --roster, rows and order are the other system's; who is missing on either side is told.
    gradescope is the zip that grades submissions there.

    An earlier export of the same name is replaced, a file of another kind never. Exit code 1: a
    student with a score has no row in the roster.

    \b
    autograder export a01_pca --to csv
    autograder export a01_pca --to canvas --roster canvas.csv
    autograder export a01_pca --to moodle --roster worksheet.csv --match "ID number"
    autograder export a01_pca --to gradescope
    """
    _refuse_idle_options(form, roster, match, grade_column, with_results)
    chosen = find().assignment(assignment)
    if form == "gradescope":
        _export_gradescope(chosen, output, isolation, visibility, with_results)
        return
    matched = _export_scores(chosen, form, output, roster, (grade_column, match))
    if matched.missing_in_roster:
        sys.exit(1)


def _refuse_idle_options(
    form: str, roster: Path | None, match: str | None, grade_column: str | None, with_results: bool
) -> None:
    """Refuse an option that would change nothing: the person meant something by it."""
    if form in ("csv", "gradescope") and (roster or match or grade_column):
        raise click.UsageError("--roster, --match and --grade-column go with canvas and moodle")
    if match and not roster:
        raise click.UsageError("--match names a column of --roster: give that, too")
    if with_results and form != "gradescope":
        raise click.UsageError("--with-results goes with gradescope")


def _export_scores(
    assignment: Assignment,
    form: str,
    output: Path | None,
    roster: Path | None,
    columns: tuple[str | None, str | None],
) -> Matched:
    from autograder.atomic_files import check_writable
    from autograder.exports.files import default_path
    from autograder.exports.roster import Matched, read_roster
    from autograder.exports.scores import read_scores
    from autograder.exports.spreadsheet import render_csv

    path = output or default_path(assignment, form, "csv")
    if path != _STDOUT:
        check_writable(path, "csv", (roster,) if roster else ())
    class_list = read_roster(roster) if roster is not None else None
    scores = read_scores(assignment)
    if form == "csv":
        from autograder.exports.plain import plain_table

        matched = Matched(plain_table(scores))
    elif form == "canvas":
        from autograder.exports.canvas import canvas_table, fill_canvas

        matched = (
            fill_canvas(scores, class_list, *columns)
            if class_list
            else canvas_table(scores, columns[0])
        )
    else:
        from autograder.exports.moodle import fill_moodle, moodle_table

        matched = (
            fill_moodle(scores, class_list, *columns)
            if class_list
            else moodle_table(scores, columns[0])
        )
    # Excel takes UTF-8 for something else without the mark; importers have no use for it.
    with_mark = form == "csv" and path != _STDOUT
    text = render_csv(matched.table, matched.delimiter, with_mark)
    _write(path, text.encode(), f"{len(scores.submitted)} scores")
    _list_names("submitted, but not graded yet", scores.ungraded)
    _list_names("have a later result than the gradebook: grade again", scores.outdated)
    _tell(matched, scores.not_final())
    return matched


def _tell(matched: Matched, not_final: list[str]) -> None:
    _list_names("in the roster without a score here (left as they were)", matched.without_score)
    _list_names("with a score here but not in the roster", matched.missing_in_roster)
    _list_names("wait for a person, so their scores are not final", not_final)
    for warning in matched.warnings:
        say(f"warning: {warning}", err=True)


def _list_names(what: str, names: list[str]) -> None:
    """Name students on stderr, each in quotes."""
    if names:
        shown = ", ".join(repr(name) for name in names[:20])
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        say(f"{len(names)} {what}: {shown}{more}", err=True)


def _export_gradescope(
    assignment: Assignment,
    output: Path | None,
    isolation: str,
    visibility: str,
    with_results: bool,
) -> None:
    from autograder.atomic_files import check_writable, write_or_say_why
    from autograder.exports.files import default_path
    from autograder.exports.gradescope_results import Visibility, gradescope_results
    from autograder.exports.gradescope_zip import gradescope_zip
    from autograder.results.document import read_results
    from autograder.sandbox.isolation import Isolation

    path = output or default_path(assignment, "gradescope", "zip")
    if path != _STDOUT:
        check_writable(path, "zip")
    if isolation == "none":
        say(
            "warning: --isolation none lets student code on Gradescope read the hidden tests and "
            "write its own score",
            err=True,
        )
    content = gradescope_zip(assignment, Isolation(isolation), Visibility(visibility))
    _write(path, content, f"{len(content) / 2**20:.1f} MiB, with hidden tests and solutions")
    if not with_results:
        return
    folder = default_path(assignment, "gradescope", "results")
    count = 0
    for result in read_results(assignment.results):
        document = gradescope_results(result, Visibility(visibility))
        target = folder / result.student / "results.json"
        write_or_say_why(target, document.model_dump_json(indent=1).encode())
        count += 1
    say(f"wrote: {count} results.json in {folder}", err=True)


def _write(path: Path, content: bytes, what: str) -> None:
    from autograder.atomic_files import write_or_say_why

    if path == _STDOUT:
        sys.stdout.buffer.write(content)
    else:
        write_or_say_why(path, content)
        say(f"wrote: {path} ({what})", err=True)
