"""`autograder grade`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.display import console, progress
from autograder.cli.options import isolation_option, jobs_option, limit_options, limits_from
from autograder.course import Assignment, Course

if TYPE_CHECKING:
    from autograder.batch.class_grading import Found
    from autograder.results import SubmissionResult

    Outcome = tuple[Found, SubmissionResult, bool]


@click.command()
@click.argument("assignment")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print the results document; touch no gradebook."
)
@click.option("--force", is_flag=True, help="Grade again what has not changed.")
@jobs_option
@isolation_option
@limit_options
@click.pass_obj
def grade(
    find: Callable[[], Course],
    /,
    assignment: str,
    paths: tuple[Path, ...],
    as_json: bool,
    force: bool,
    jobs: int,
    isolation: str,
    **limits: Any,
) -> None:
    """Grade ASSIGNMENT: all of submitted/, or the notebooks and folders named.

    Results go to results/ASSIGNMENT/STUDENT.json and into nbgrader's gradebook. Notebooks that lie
    elsewhere are graded and shown, but not entered. Unchanged submissions are not graded again.
    Exit code 1: a submission needs a person.
    """
    from autograder.batch.class_grading import ClassSettings, find_submissions, grade_class
    from autograder.isolation import Isolation
    from autograder.judge.sandbox import find_bubblewrap
    from autograder.results import document

    course = find()
    chosen = course.assignment(assignment)
    settings = ClassSettings(jobs, Isolation(isolation), limits_from(course, limits), force)
    if settings.isolation is Isolation.NONE:
        click.echo("warning: --isolation none runs student code with your own rights", err=True)
    else:
        find_bubblewrap()
    found = find_submissions(chosen, paths)
    if not chosen.release_notebook.is_file():
        raise click.UsageError(f"{chosen.name} is not built: run `autograder build {chosen.name}`")
    outcomes = list(progress(grade_class(chosen, found, settings), "grading", len(found)))
    problems: list[str] = []
    outcomes.sort(key=lambda outcome: outcome[0].student)
    results = [result for _, result, _ in outcomes]
    if as_json:
        click.echo(json.dumps(document(chosen.name, results), indent=1))
    else:
        problems = _enter(chosen, outcomes)
        _show(results)
    for problem in problems:
        click.echo(problem, err=True)
    if problems or any(result.needs_person for result in results):
        sys.exit(1)


def _enter(assignment: Assignment, outcomes: list[Outcome]) -> list[str]:
    """Enter what was graded now in the gradebook; return what could not be entered."""
    from autograder.gradebook.ingest import ingest, register

    told = False
    if any(one.in_course for one, _, _ in outcomes):
        told = register(assignment)
    new = [result for one, result, is_new in outcomes if one.in_course and (is_new or told)]
    entered = progress(ingest(assignment, new), "gradebook", len(new)) if new else iter(())
    return [problem for _, problem in entered if problem is not None]


def _show(results: list[SubmissionResult]) -> None:
    from autograder.cli.class_table import class_table

    out = console()
    for table in class_table(results):
        out.print(table)
