"""`autograder forget`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from autograder.cli.display import say
from autograder.course.files import Assignment, Course
from autograder.errors import AutograderError

if TYPE_CHECKING:
    from autograder.gradebook.traces import Traces


@click.command()
@click.argument("student")
@click.option("--yes", is_flag=True, help="Remove it all; it cannot be undone.")
@click.option(
    "--exchange",
    "in_exchange",
    is_flag=True,
    help="Remove what lies in nbgrader's exchange, too: submissions and released feedback.",
)
@click.pass_obj
def forget(find: Callable[[], Course], student: str, yes: bool, in_exchange: bool) -> None:
    """Remove a student from the course: list what there is, and with --yes remove it.

    Submissions, collected and graded notebooks, feedback, results, pages, the student in the
    gradebook with all scores and comments, and lines of logs. Nothing of other students is touched:
    class reports and exports that name the student are told, for you to make again.

    \b
    Examples:
      autograder forget jo            # what there is; nothing is removed
      autograder forget jo --yes

    Exit code 2: there is no such student, or something could not be removed.
    """
    from autograder.gradebook.forgetting import forget_student
    from autograder.gradebook.traces import find_traces

    course = find()
    traces = find_traces(course, student)
    if not (traces.can_be_removed or traces.to_make_again):
        raise AutograderError(f"no student {student!r} in {course.root}")
    if yes:
        with _no_grading(course):
            forget_student(course, traces, in_exchange=in_exchange)
    _list(course, traces, "removed" if yes else "would remove", in_exchange=in_exchange)
    if traces.can_be_removed and not yes:
        say("nothing was removed: --yes removes it, and it cannot be undone")


@contextlib.contextmanager
def _no_grading(course: Course) -> Iterator[None]:
    """Keep the course from being graded meanwhile: a run would write the results anew."""
    from autograder.grading.run import only_run

    with contextlib.ExitStack() as stack:
        for folder in sorted((course.root / "results").glob("*")):
            if folder.is_dir():
                stack.enter_context(only_run(Assignment(course, folder.name)))
        yield


def _list(course: Course, traces: Traces, verb: str, *, in_exchange: bool) -> None:
    def shown(path: object) -> str:
        return str(path).removeprefix(f"{course.root}/")

    for path in traces.paths:
        say(f"{verb}: {shown(path)}")
    if traces.submissions is not None:
        counted = f"{traces.submissions} submission{'s' * (traces.submissions != 1)}"
        say(f"{verb}: {traces.student} in the gradebook, with {counted}")
    for log in traces.logs:
        say(f"{verb}: lines of {shown(log)}")
    for path in traces.exchange:
        said = verb if in_exchange else "left in the exchange (--exchange removes it)"
        say(f"{said}: {path}")
    for path in traces.to_make_again:
        say(f"names {traces.student} beside others, so {_how(shown(path))}: {shown(path)}")
    for path in traces.copies:
        say(f"an older copy of the gradebook, remove it yourself: {shown(path)}")


def _how(path: str) -> str:
    if path == "reports/course.html":
        return "make it again by `autograder report --course`"
    if path.startswith("reports/"):
        name = path.removeprefix("reports/").removesuffix(".html")
        return f"make it again by `autograder report {name}`"
    return "make it again, or remove it"
