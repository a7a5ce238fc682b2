"""`autograder grade`."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.display import console, say, say_pieces
from autograder.cli.download_options import download_options, reading_from
from autograder.cli.intake import Intake
from autograder.cli.options import isolation_option, jobs_option, limit_options, limits_from
from autograder.course.facts import read_facts
from autograder.course.files import Assignment, Course

if TYPE_CHECKING:
    from autograder.grading.class_run import ClassGrading, Judges
    from autograder.grading.loaded import LoadedAssignment
    from autograder.grading.settings import ClassSettings
    from autograder.grading.tasks import Graded
    from autograder.results.document import SubmissionResult
    from autograder.submissions.finding import Found

_LARGE_CLASS = 60
_INTERRUPTED = 130


@click.command()
@click.argument("assignment")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the results document, and a line of JSON on stderr for each submission when it is "
    "graded; touch no gradebook.",
)
@click.option("--force", is_flag=True, help="Grade again what has not changed.")
@click.option(
    "--what-changed",
    is_flag=True,
    help="Grade what a run would grade again, write nothing, and say whose score would change.",
)
@jobs_option
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Grade on the workers of a running Dask scheduler, as tcp://host:8786, instead of on this "
    "machine; -j then bounds how many submissions are there at one time.",
)
@isolation_option
@download_options
@limit_options
@click.pass_obj
def grade(
    find: Callable[[], Course],
    /,
    assignment: str,
    paths: tuple[Path, ...],
    as_json: bool,
    force: bool,
    what_changed: bool,
    jobs: int,
    cluster: str | None,
    isolation: str,
    platform: str,
    pattern: str | None,
    timezone: str | None,
    **limits: Any,
) -> None:
    """Grade ASSIGNMENT: all of submitted/, or the notebooks, folders and downloads named.

    Results go to results/ASSIGNMENT/STUDENT.json and into nbgrader's gradebook, each as it comes.
    A run that was cut off goes on where it stopped: type the same again. Unchanged submissions are
    not graded again; where only some exercises' hidden tests changed, only those exercises are.
    A learning platform's zip is taken into submitted/ first, as `autograder collect` does.
    Notebooks that lie outside the course are graded and shown, but not entered.

    While it runs: how many are done, failing (less than half of the points) and flagged (a person
    must look). Exit code 1: a submission needs a person; 130: stopped by Ctrl-C.
    """
    from autograder.course.facts import is_edited_since
    from autograder.grading.settings import ClassSettings
    from autograder.sandbox.isolation import Isolation

    course = find()
    chosen = course.assignment(assignment)
    if cluster is not None and not _was_given("jobs"):
        jobs = sys.maxsize
    is_remote = cluster is not None
    settings = ClassSettings(
        jobs, Isolation(isolation), limits_from(course, limits), force, is_remote
    )
    _see_to_isolation(settings, course)
    if is_edited_since(chosen):
        say(
            f"warning: {chosen.master} was edited since it was built, and grading goes by what was "
            f"built: run `autograder build {chosen.name}`",
            err=True,
        )
    writes = not (as_json or what_changed)
    with tempfile.TemporaryDirectory(prefix="results-") as scratch:
        reading = reading_from(platform, pattern, timezone)
        intake = Intake(chosen, reading, Path(scratch), as_json)
        found = intake.find(paths, into_course=writes)
        if _opens_boxes(settings):
            _refuse_exposed(course, [one.path for one in found])
        boxes = settings.boxes_for(chosen)
        boxes.launch(sum(not chosen.result(one.student).exists() for one in found))
        # Takes half a second to import.
        from autograder.grading.class_run import ClassGrading

        make_pool = None if cluster is None else _judges_at(cluster, jobs)
        grading = ClassGrading(chosen, settings, Path(scratch), what_changed, boxes, make_pool)
        graded, problems = _grade(grading, found, enter=writes, as_json=as_json)
        if what_changed:
            _show_changes(chosen, graded)
        elif as_json:
            _print_document(chosen, graded)
        else:
            _show(chosen, graded)
    for problem in problems:
        say(problem, err=True)
    if problems or intake.left_out or any(one.needs_person for one in graded):
        sys.exit(1)


def _opens_boxes(settings: ClassSettings) -> bool:
    from autograder.sandbox.isolation import Isolation

    return settings.isolation is Isolation.BOX and not settings.is_remote


def _see_to_isolation(settings: ClassSettings, course: Course) -> None:
    from autograder.sandbox.host.bubblewrap import find_bubblewrap, refuse_root_without_box
    from autograder.sandbox.isolation import Isolation

    if settings.isolation is Isolation.NONE:
        if not settings.is_remote:
            refuse_root_without_box()
        say("warning: --isolation none runs student code with your own rights", err=True)
    elif _opens_boxes(settings):
        find_bubblewrap()
        _refuse_exposed(course, [])


def _refuse_exposed(course: Course, notebooks: list[Path]) -> None:
    from autograder.grading.exposed_course import refuse_exposed_course

    refuse_exposed_course(course, notebooks)


def _judges_at(address: str, jobs: int) -> Callable[[LoadedAssignment], Judges]:
    from autograder.cluster.pool import judges_at

    return judges_at(address, jobs)


def _was_given(option: str) -> bool:
    source = click.get_current_context().get_parameter_source(option)
    return source is not click.core.ParameterSource.DEFAULT


def _grade(
    grading: ClassGrading, found: list[Found], *, enter: bool, as_json: bool
) -> tuple[list[Graded], list[str]]:
    """Grade with progress; return what was graded, in the students' order, and what went wrong."""
    from autograder.cli.class_progress import class_progress
    from autograder.grading.run import grade_class, only_run
    from autograder.grading.tasks import Graded

    done: list[Graded] = []
    problems: list[str] = []
    writes = not grading.is_trial and any(one.in_course for one in found)
    try:
        with (
            only_run(grading.assignment) if writes else contextlib.nullcontext(),
            class_progress(len(found), as_json=as_json) as progress,
        ):
            for event in grade_class(grading, found, enter=enter):
                if isinstance(event, Graded):
                    done.append(event)
                    progress.graded(event)
                    continue
                progress.entered()
                problems += [] if event.problem is None else [event.problem]
    except KeyboardInterrupt:
        say(
            f"stopped: {len(done)} of {len(found)} have their results; "
            "type the same again to go on",
            err=True,
        )
        sys.exit(_INTERRUPTED)
    return sorted(done, key=lambda one: one.found.student), problems


def _results(graded: list[Graded]) -> Iterator[SubmissionResult]:
    from autograder.results.document import read_result

    for one in graded:
        result = read_result(one.result)
        if result is not None:
            yield result


def _print_document(assignment: Assignment, graded: list[Graded]) -> None:
    from autograder.results.document import document_lines

    by_hand = {task.name: task.points for task in read_facts(assignment).tasks}
    say_pieces(document_lines(assignment.name, by_hand, _results(graded)))


def _show(assignment: Assignment, graded: list[Graded]) -> None:
    from autograder.cli.class_table import class_summary, class_table

    out = console()
    if len(graded) > _LARGE_CLASS:
        out.print(class_summary(graded))
        say(f"`autograder report {assignment.name}` shows the class")
    else:
        for table in class_table(list(_results(graded))):
            out.print(table)
    for task in read_facts(assignment).tasks:
        say(
            f"not in these scores: {task.points} points by hand, for {task.name}; "
            f"`autograder marking {assignment.name}` lists who waits for them"
        )


def _show_changes(assignment: Assignment, graded: list[Graded]) -> None:
    from autograder.cli.changes_table import changes_table
    from autograder.grading.what_changed import what_changed

    changes = what_changed(assignment, graded)
    regraded = sum(one.is_new for one in graded)
    say(f"{regraded} of {len(graded)} submissions would be graded again")
    if changes:
        console().print(changes_table(changes))
    else:
        say("no score would change")
