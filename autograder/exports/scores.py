"""What an export has of a class: final scores from the gradebook, findings from the results."""

from __future__ import annotations

from dataclasses import dataclass, field

import nbformat

from autograder.course.facts import exercise_of
from autograder.course.files import Assignment
from autograder.errors import AutograderError
from autograder.gradebook.entered import EnteredMarks
from autograder.gradebook.scores import (
    FinalScore,
    GradebookScores,
    GradedSubmission,
    Student,
    gradebook_scores,
)
from autograder.results.document import read_results


@dataclass(frozen=True)
class Findings:
    """What only a student's results document knows."""

    misconceptions: tuple[str, ...] = ()
    needs_person: bool = False


@dataclass(frozen=True)
class StudentScores:
    """One student of the gradebook, whether they submitted or not."""

    student: Student
    submission: GradedSubmission | None = None
    findings: Findings = field(default_factory=Findings)

    @property
    def final(self) -> FinalScore | None:
        """Return the final score and its parts; None without a submission."""
        return self.submission.final if self.submission else None

    @property
    def score(self) -> float | None:
        """Return the final score; nothing submitted is not 0."""
        return self.final.score if self.final else None

    @property
    def needs_person(self) -> bool:
        """Say whether a person has to mark a part, or to look at a fault of ours."""
        waits = self.submission is not None and self.submission.needs_person
        return waits or self.findings.needs_person


@dataclass(frozen=True)
class ClassScores:
    """Everybody's final scores in one assignment, in the order of the students' ids."""

    assignment: str
    max_score: float
    columns: list[str]
    """Exercises and tasks, in the order of the notebook."""
    students: list[StudentScores]
    ungraded: list[str] = field(default_factory=list)
    """Students with a submission that is not in the gradebook."""
    outdated: list[str] = field(default_factory=list)
    """Students of whose submission the gradebook has an earlier result, and not the latest."""

    @property
    def submitted(self) -> list[StudentScores]:
        """Return the students who submitted."""
        return [one for one in self.students if one.submission]

    def not_final(self) -> list[str]:
        """Return the students whose score may still change: a person has to look."""
        return [one.student.id for one in self.students if one.needs_person]


def read_scores(assignment: Assignment) -> ClassScores:
    """Return the final scores of a class; say to grade first where there are none."""
    known = gradebook_scores(assignment)
    if not known.submissions:
        raise AutograderError(
            f"the gradebook holds no scores of {assignment.name}: "
            f"run `autograder grade {assignment.name}` first"
        )
    everybody = _everybody(known, _findings(assignment))
    handed_in = {
        path.parent.name for path in assignment.course.submitted.glob(f"*/{assignment.name}")
    }
    ungraded = sorted(handed_in - known.submissions.keys())
    columns = _columns(assignment, known)
    outdated = _outdated(assignment, known)
    return ClassScores(assignment.name, known.max_score, columns, everybody, ungraded, outdated)


def _outdated(assignment: Assignment, known: GradebookScores) -> list[str]:
    """Return whose latest result was not entered; nobody where no run has left marks that hold."""
    marks = EnteredMarks(assignment)
    if not marks.hold():
        return []
    return [
        student
        for student in sorted(known.submissions)
        if assignment.result(student).is_file() and not marks.is_set(student)
    ]


def _everybody(known: GradebookScores, findings: dict[str, Findings]) -> list[StudentScores]:
    return [
        StudentScores(one, known.submissions[one.id], findings.get(one.id, Findings()))
        if one.id in known.submissions
        else StudentScores(one)
        for one in known.students
    ]


def _columns(assignment: Assignment, known: GradebookScores) -> list[str]:
    """Return exercises and tasks in the order of the notebook; unknown ones at the end."""
    ordered: list[str] = []
    if assignment.release_notebook.is_file():
        for cell in nbformat.read(assignment.release_notebook, as_version=4).cells:
            ordered.append(exercise_of(cell.metadata.get("nbgrader", {}).get("grade_id", "")))
    position = {name: number for number, name in enumerate(ordered)}
    return sorted(known.cells, key=lambda name: (position.get(name, len(ordered)), name))


def _findings(assignment: Assignment) -> dict[str, Findings]:
    """Read misconceptions, and faults of ours; a result is let go before the next is read."""
    found = {}
    for result in read_results(assignment.results):
        misconceptions = tuple(
            f"{exercise.name}: {exercise.misconception}"
            for exercise in result.exercises
            if exercise.misconception
        )
        found[result.student] = Findings(misconceptions, result.needs_person)
    return found
