"""Who still waits for a mark by hand: what people have to do before a score is whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from autograder.course.facts import Facts, read_facts
from autograder.course.files import Assignment
from autograder.gradebook.autograded import Autograded
from autograder.gradebook.reading import existing_gradebook
from autograder.gradebook.scores import GradedSubmission, gradebook_scores

TO_READ = "to read"
BLANK = "nothing was written"
FLAGGED = "flagged: its code should be looked at"
NO_NOTEBOOK = "flagged: the file is no notebook"
WHOLE = "all of it"
"""What waits where there is no part to look at alone."""
_ORDER = (TO_READ, FLAGGED, NO_NOTEBOOK, BLANK)


@dataclass(frozen=True)
class Waiting:
    """A part of a submission that waits for a person."""

    assignment: str
    student: str
    name: str
    """The task, or the exercise that was flagged."""
    points: int
    why: str
    page: str
    """Where formgrader shows it, from the server's address on."""


def waiting(assignment: Assignment) -> list[Waiting]:
    """Return what waits, question by question, for so it is marked most fairly.

    Last come those who wrote nothing.
    """
    facts, notebooks = read_facts(assignment), Autograded(assignment)
    found: list[Waiting] = []
    for student, submission in gradebook_scores(assignment).submissions.items():
        if submission.waiting:
            written = notebooks.derivations(student)
            found += _of_student(assignment, facts, student, submission, written)
    order = [WHOLE, *_points(facts)]
    return sorted(
        found, key=lambda one: (_ORDER.index(one.why), order.index(one.name), one.student)
    )


def give_nothing_for_blank(assignment: Assignment, found: Iterable[Waiting]) -> int:
    """Enter 0 for each task to which nothing was written, as a person would; return how many."""
    blank = [one for one in found if one.why == BLANK and one.assignment == assignment.name]
    with existing_gradebook(assignment) as gradebook:
        if gradebook is None or not blank:
            return 0
        for one in blank:
            grade = gradebook.find_grade(one.name, assignment.name, assignment.name, one.student)
            grade.manual_score, grade.needs_manual_grade = 0.0, False
        gradebook.db.commit()
    return len(blank)


def _points(facts: Facts) -> dict[str, int]:
    """Return the points of each task, then of each exercise."""
    tasks = {task.name: task.points for task in facts.tasks}
    return tasks | {exercise.name: exercise.points for exercise in facts.exercises}


def _of_student(
    assignment: Assignment,
    facts: Facts,
    student: str,
    submission: GradedSubmission,
    written: Collection[str] | None,
) -> Iterator[Waiting]:
    page = f"/formgrader/submissions/{submission.notebook}/"
    points = _points(facts)
    if written is None:
        total = sum(points[name] for name in submission.waiting & points.keys())
        yield Waiting(assignment.name, student, WHOLE, total, NO_NOTEBOOK, page)
        return
    tasks = {task.name for task in facts.tasks}
    for name in submission.waiting & points.keys():
        why = (TO_READ if name in written else BLANK) if name in tasks else FLAGGED
        yield Waiting(assignment.name, student, name, points[name], why, page)
