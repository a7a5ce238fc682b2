"""The table of a graded class."""

from __future__ import annotations

from statistics import mean, median

from rich.table import Table

from autograder.cli.display import Styled, add_row
from autograder.grading.tasks import Graded
from autograder.results.document import ExerciseResult, SubmissionResult
from autograder.results.verdicts import Verdict
from autograder.safe_text import for_markup

_MARKS = {
    Verdict.PASSED: "[green]✓[/]",
    Verdict.FAILED: "[red]✗[/]",
    Verdict.MISSING: "[dim]·[/]",
    Verdict.CRASHED: "[magenta]crash[/]",
    Verdict.OUT_OF_MEMORY: "[magenta]mem[/]",
    Verdict.TIMED_OUT: "[yellow]time[/]",
    Verdict.GRADER_ERROR: "[bold red]ours[/]",
}


def class_table(results: list[SubmissionResult]) -> list[Table]:
    """Return the scores by exercise, then what each student's wrong answers show."""
    names = [exercise.name for exercise in results[0].exercises] if results else []
    scores = Table(title="Scores", title_justify="left", caption_justify="left")
    scores.caption = (
        "✓ passed  ✗ failed  · not solved  crash, mem, time: ended there  ours: grader's fault. "
        "Columns: "
        + for_markup(", ".join(f"{number} {name}" for number, name in enumerate(names, 1)))
    )
    scores.add_column("student")
    scores.add_column("score", justify="right")
    for number in range(1, len(names) + 1):
        scores.add_column(str(number), justify="right")
    scores.add_column("extra", justify="right")
    scores.add_column("s", justify="right")
    for result in results:
        add_row(
            scores,
            result.student,
            f"{result.score:g}/{result.max_score:g}",
            *(_cell(exercise) for exercise in result.exercises),
            f"{result.extra_credit:g}",
            f"{result.seconds:.1f}",
        )
    return [scores, _findings(results)]


def class_summary(graded: list[Graded]) -> Table:
    """Return a large class in figures, and those of it whom a person must look at."""
    table = Table(title=f"{len(graded)} submissions", title_justify="left", show_header=False)
    scores = [one.score for one in graded]
    highest = graded[0].max_score
    add_row(table, "score", f"mean {mean(scores):.1f}, median {median(scores):g} of {highest:g}")
    add_row(table, "graded now", str(sum(one.is_new for one in graded)))
    for verdict in Verdict:
        count = sum(one.verdict is verdict for one in graded)
        if count:
            add_row(table, Styled(f"{_MARKS[verdict]} {verdict}"), str(count))
    flagged = [one.found.student for one in graded if one.needs_person]
    if flagged:
        add_row(table, "need a person", ", ".join(flagged))
    return table


def _cell(exercise: ExerciseResult) -> Styled:
    score = f" {exercise.score:g}" if 0 < exercise.score < exercise.points else ""
    return Styled(f"{_MARKS[exercise.verdict]}{score}")


def _findings(results: list[SubmissionResult]) -> Table:
    table = Table(title="What the answers show", title_justify="left")
    for heading in ("student", "exercise", "verdict", "misconception or message"):
        table.add_column(heading, overflow="fold")
    for result in results:
        for note in result.notes[:3]:
            add_row(table, result.student, "", "note", note)
        for exercise in result.exercises:
            if exercise.verdict in (Verdict.PASSED, Verdict.MISSING):
                continue
            verdict = str(exercise.verdict)
            add_row(table, result.student, exercise.name, verdict, _finding(exercise))
    return table


def _finding(exercise: ExerciseResult) -> str:
    if exercise.misconception_says:
        return f"{exercise.misconception}: an answer that {exercise.misconception_says}"
    messages = [test.message for test in exercise.tests if test.message]
    return messages[0] if messages else ""
