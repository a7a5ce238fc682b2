"""Read a class's final scores from nbgrader's gradebook; manual marks and penalties count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbgrader.api import (
    BaseCell,
    Grade,
    Gradebook,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)

from autograder.course.files import Assignment
from autograder.errors import AutograderError
from autograder.gradebook.reading import existing_gradebook
from autograder.results.document import read_results

_TESTS = "-tests"


@dataclass
class StudentScores:
    """One student of the gradebook; without a submission, all scores are None or zero."""

    student: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""
    submitted: bool = False
    before_penalty: float = 0.0
    late_penalty: float = 0.0
    extra_credit: float = 0.0
    cells: dict[str, float | None] = field(default_factory=dict)
    """Score of each exercise and task by name, extra credit included; None is not marked yet."""
    misconceptions: list[str] = field(default_factory=list)
    needs_person: bool = False

    @property
    def score(self) -> float | None:
        """Return the final score as nbgrader's own export has it; None without a submission."""
        return max(0.0, self.before_penalty - self.late_penalty) if self.submitted else None

    @property
    def full_name(self) -> str:
        """Return first and last name; the id where there is none."""
        return f"{self.first_name} {self.last_name}".strip() or self.student


@dataclass
class ClassScores:
    """Everybody's final scores in one assignment, in the order of the students' ids."""

    assignment: str
    max_score: float
    columns: list[str]
    """Exercises and tasks, in the order of the notebook."""
    students: list[StudentScores]
    ungraded: list[str] = field(default_factory=list)
    """Students with a submission that is not in the gradebook."""

    def not_final(self) -> list[str]:
        """Return the students whose score may still change: a person has to look."""
        return [one.student for one in self.students if one.needs_person]


def read_scores(assignment: Assignment) -> ClassScores:
    """Return the final scores of a class; say to grade first where there are none."""
    ungraded = AutograderError(
        f"the gradebook holds no scores of {assignment.name}: "
        f"run `autograder grade {assignment.name}` first"
    )
    try:
        with existing_gradebook(assignment) as gradebook:
            if gradebook is None:
                raise ungraded
            entry = gradebook.find_assignment(assignment.name)
            students = _students(gradebook)
            _add_scores(gradebook, assignment.name, students)
            columns = _columns(assignment, gradebook)
            max_score = float(entry.max_score)
    except MissingEntry:
        raise ungraded from None
    if not any(one.submitted for one in students.values()):
        raise ungraded
    _add_findings(assignment, students)
    graded = {one.student for one in students.values() if one.submitted}
    handed_in = {
        path.parent.name for path in assignment.course.submitted.glob(f"*/{assignment.name}")
    }
    everybody = list(students.values())
    return ClassScores(assignment.name, max_score, columns, everybody, sorted(handed_in - graded))


def _students(gradebook: Gradebook) -> dict[str, StudentScores]:
    fields = (Student.id, Student.first_name, Student.last_name, Student.email, Student.lms_user_id)
    rows = gradebook.db.query(*fields).order_by(Student.id)
    students = {}
    for row in rows:
        student, first_name, last_name, email, lms_user_id = (value or "" for value in row)
        students[student] = StudentScores(student, first_name, last_name, email, lms_user_id)
    return students


def _add_scores(gradebook: Gradebook, assignment: str, students: dict[str, StudentScores]) -> None:
    submitted = gradebook.find_assignment(assignment).id
    notebooks = (
        gradebook.db.query(
            SubmittedAssignment.student_id, SubmittedNotebook.late_submission_penalty
        )
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .filter(SubmittedAssignment.assignment_id == submitted)
    )
    for student, penalty in notebooks:
        students[student].submitted = True
        students[student].late_penalty += penalty or 0.0
    for student, cell, score, extra, is_marked, needs_person in _grades(gradebook, submitted):
        one = students[student]
        one.before_penalty += score or 0.0
        one.extra_credit += extra or 0.0
        one.cells[cell.removesuffix(_TESTS)] = score if is_marked else None
        one.needs_person = one.needs_person or bool(needs_person)


def _grades(gradebook: Gradebook, assignment_id: str) -> Iterator[tuple[Any, ...]]:
    """Yield student, cell, score, extra credit, whether it is marked, and needs a person."""
    rows = (
        gradebook.db.query(
            SubmittedAssignment.student_id,
            BaseCell.name,
            Grade.score,
            Grade.extra_credit,
            Grade.auto_score,
            Grade.manual_score,
            Grade.needs_manual_grade,
        )
        .select_from(Grade)
        .join(BaseCell, Grade.cell_id == BaseCell.id)
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .filter(SubmittedAssignment.assignment_id == assignment_id)
    )
    for student, cell, score, extra, auto, manual, needs_person in rows:
        is_marked = manual is not None or auto is not None
        yield student, cell, score, extra, is_marked, needs_person


def _columns(assignment: Assignment, gradebook: Gradebook) -> list[str]:
    """Return the graded cells' names in the order of the notebook; unknown ones at the end."""
    notebooks = gradebook.find_assignment(assignment.name).notebooks
    known = {
        cell.name for notebook in notebooks for cell in notebook.grade_cells + notebook.task_cells
    }
    ordered: list[str] = []
    if assignment.release_notebook.is_file():
        for cell in nbformat.read(assignment.release_notebook, as_version=4).cells:
            ordered.append(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
    position = {name: number for number, name in enumerate(ordered)}
    names = sorted(known, key=lambda name: (position.get(name, len(ordered)), name))
    return [name.removesuffix(_TESTS) for name in names]


def _add_findings(assignment: Assignment, students: dict[str, StudentScores]) -> None:
    """Add what only the results documents know: misconceptions, and faults of ours."""
    for result in read_results(assignment.results):
        one = students.get(result.student)
        if one is None or not one.submitted:
            continue
        one.needs_person = one.needs_person or result.needs_person
        one.misconceptions = [
            f"{exercise.name}: {exercise.misconception}"
            for exercise in result.exercises
            if exercise.misconception
        ]
