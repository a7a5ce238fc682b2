"""Final scores as nbgrader's gradebook has them: the one rule that reports and exports share.

The rule is nbgrader's own (`nbgrader.api`, and its CSV export). A person's score of a cell wins
over the hidden tests'; extra credit is added. A cell that has neither score counts 0, and extra
credit given there counts only once it is marked: that is what `Grade.score` says. A submission is
worth the sum of its cells, less the late penalty of each of its notebooks, and never below 0.

It is read at once, by as many queries for one student as for thousands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import fsum
from typing import Any

from nbgrader import api

from autograder.course.facts import exercise_of
from autograder.course.files import Assignment
from autograder.gradebook.reading import existing_gradebook
from autograder.results.document import POINT_DIGITS, SubmissionResult

_GRADED = (api.GradeCell.__name__, api.TaskCell.__name__)


@dataclass(frozen=True)
class FinalScore:
    """A student's score of an assignment, and what it is made of."""

    score: float
    max_score: float
    extra_credit: float = 0.0
    """As far as it counts."""
    late_penalty: float = 0.0
    by_hand: float = 0.0
    """What a person's marks changed: of derivations, and over automatic scores."""
    unmarked: int = 0
    """How many parts still wait for a person's mark."""
    in_gradebook: bool = False

    @property
    def share(self) -> float:
        """The part of the maximum that was reached; extra credit can bring it over 1."""
        return self.score / self.max_score if self.max_score else 0.0


@dataclass(frozen=True)
class Student:
    """Who a student is; texts are empty where the gradebook has none."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""

    @property
    def full_name(self) -> str:
        """Return first and last name; the id where there is none."""
        return f"{self.first_name} {self.last_name}".strip() or self.id


@dataclass(frozen=True)
class GradedSubmission:
    """What the gradebook has of one student's submission."""

    final: FinalScore
    cells: Mapping[str, float | None]
    """Score of each exercise and task by name, extra credit included; None is not marked yet."""
    set_by_hand: frozenset[str]
    """The exercises and tasks whose score a person has set: a regrade leaves it."""
    waiting: frozenset[str] = frozenset()
    """The exercises and tasks that wait for a person."""
    notebook: str = ""
    """nbgrader's key of the submitted notebook, by which formgrader's page is found."""

    @property
    def needs_person(self) -> bool:
        """Say whether a part waits for a person, so that the score may still change."""
        return self.final.unmarked > 0

    @property
    def has_scores(self) -> bool:
        """Say whether any part has a score; without parts, nbgrader dropped the notebook for 0."""
        return not self.cells or any(score is not None for score in self.cells.values())


@dataclass(frozen=True)
class GradebookScores:
    """Everybody's scores in one assignment; empty where the gradebook does not know it."""

    max_score: float = 0.0
    cells: frozenset[str] = frozenset()
    """The names of its exercises and tasks."""
    students: tuple[Student, ...] = ()
    """All of the course in the order of their ids, whether they submitted or not."""
    submissions: Mapping[str, GradedSubmission] = field(default_factory=dict)
    """By student; who submitted nothing, or whose submission was never entered, is not in it."""

    def final(self, student: str) -> FinalScore | None:
        """Return a student's final score; None where the gradebook has no submission."""
        submission = self.submissions.get(student)
        return submission.final if submission else None

    def set_by_hand(self, student: str) -> frozenset[str]:
        """Return the exercises and tasks whose score a person has set."""
        submission = self.submissions.get(student)
        return submission.set_by_hand if submission else frozenset()


def automatic_score(result: SubmissionResult) -> FinalScore:
    """Return the score of a result alone, where no gradebook knows it."""
    score = round(result.score + result.extra_credit, POINT_DIGITS)
    return FinalScore(score, result.max_score, result.extra_credit)


def gradebook_scores(assignment: Assignment) -> GradebookScores:
    """Read the final scores of a class; where there is no gradebook, none is made."""
    with existing_gradebook(assignment) as gradebook:
        if gradebook is None:
            return GradebookScores()
        try:
            known = gradebook.find_assignment(assignment.name)
        except api.MissingEntry:
            return GradebookScores()
        scores = _read(gradebook.db, known.id, float(known.max_score))
    # nbgrader writes a submission's rows before it has read the file, and leaves them where it
    # then fails. Without a score in any they say that it waits, and not that it is worth 0.
    entered = {
        student: one
        for student, one in scores.submissions.items()
        if one.has_scores or not assignment.submission(student).parent.is_dir()
    }
    return replace(scores, submissions=entered)


def _read(database: Any, assignment: str, max_score: float) -> GradebookScores:
    names = _cell_names(database, assignment)
    penalties = _penalties(database, assignment)
    grades = _grades(database, assignment, names)
    submissions = {
        student: _submission(max_score, grades[student], penalties[student])
        for student in penalties
    }
    cells = frozenset(names.values())
    return GradebookScores(max_score, cells, _students(database), submissions)


@dataclass(frozen=True, slots=True)
class _Grade:
    """One cell of one submission."""

    name: str
    automatic: float | None
    manual: float | None
    extra_credit: float
    counts: float
    """What it adds to the score, extra credit included, by nbgrader's `Grade.score`."""
    needs_person: bool
    notebook: str

    @property
    def is_marked(self) -> bool:
        return self.automatic is not None or self.manual is not None

    @property
    def by_hand(self) -> float:
        return 0.0 if self.manual is None else self.manual - (self.automatic or 0.0)


def _submission(max_score: float, grades: list[_Grade], penalties: list[float]) -> GradedSubmission:
    """Add up a submission's cells and penalties; exactly, so that no order of rows shows."""
    late_penalty = fsum(penalties)
    final = FinalScore(
        score=max(0.0, fsum(one.counts for one in grades) - late_penalty),
        max_score=max_score,
        extra_credit=fsum(one.extra_credit for one in grades if one.is_marked),
        late_penalty=late_penalty,
        by_hand=round(fsum(one.by_hand for one in grades), POINT_DIGITS),
        unmarked=sum(one.needs_person for one in grades),
        in_gradebook=True,
    )
    return GradedSubmission(
        final,
        {one.name: one.counts if one.is_marked else None for one in grades},
        frozenset(one.name for one in grades if one.manual is not None),
        frozenset(one.name for one in grades if one.needs_person),
        grades[0].notebook if grades else "",
    )


def _cell_names(database: Any, assignment: str) -> dict[str, str]:
    """Return the exercise or task of each cell that has points, by the cell's key."""
    rows = (
        database.query(api.BaseCell.id, api.BaseCell.name)
        .join(api.Notebook, api.BaseCell.notebook_id == api.Notebook.id)
        .filter(api.Notebook.assignment_id == assignment, api.BaseCell.type.in_(_GRADED))
    )
    return {cell: exercise_of(name) for cell, name in rows}


def _penalties(database: Any, assignment: str) -> dict[str, list[float]]:
    """Return, by student who submitted, the late penalties of the notebooks.

    nbgrader drops a notebook that was not handed in: a submission can have none, and is worth 0.
    """
    submission, notebook = api.SubmittedAssignment, api.SubmittedNotebook
    # Two queries: SQLite would go through all notebooks for each row of an outer join.
    submitted = database.query(submission.student_id).filter_by(assignment_id=assignment)
    found: dict[str, list[float]] = {student: [] for (student,) in submitted}
    rows = (
        database.query(submission.student_id, notebook.late_submission_penalty)
        .join(notebook, notebook.assignment_id == submission.id)
        .filter(submission.assignment_id == assignment)
    )
    for student, penalty in rows:
        # A run may have entered it since.
        found.setdefault(student, []).append(penalty or 0.0)
    return found


def _grades(
    database: Any, assignment: str, names: Mapping[str, str]
) -> defaultdict[str, list[_Grade]]:
    """Return each student's grades."""
    rows = (
        database.query(
            api.SubmittedAssignment.student_id,
            api.Grade.cell_id,
            api.Grade.auto_score,
            api.Grade.manual_score,
            api.Grade.extra_credit,
            api.Grade.score,
            api.Grade.needs_manual_grade,
            api.Grade.notebook_id,
        )
        .select_from(api.Grade)
        .join(api.SubmittedNotebook, api.Grade.notebook_id == api.SubmittedNotebook.id)
        .join(
            api.SubmittedAssignment,
            api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id,
        )
        .filter(api.SubmittedAssignment.assignment_id == assignment)
    )
    found: defaultdict[str, list[_Grade]] = defaultdict(list)
    for student, cell, automatic, manual, extra, counts, needs, notebook in rows:
        # nbgrader counts a grade even where its cell is gone.
        name = names.get(cell, cell)
        grade = _Grade(name, automatic, manual, extra or 0.0, float(counts), bool(needs), notebook)
        found[student].append(grade)
    return found


def _students(database: Any) -> tuple[Student, ...]:
    columns = ("id", "first_name", "last_name", "email", "lms_user_id")
    rows = database.query(*(getattr(api.Student, name) for name in columns))
    return tuple(Student(*(value or "" for value in row)) for row in rows.order_by(api.Student.id))
