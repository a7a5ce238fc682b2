"""Make a stock course and one of ours with the same submissions; compare the scores they get."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook

from autograder.course.facts import Exercise
from autograder.course.files import Assignment, Course
from autograder.course.functions import read_functions
from autograder.course.made_up import (
    grade_id,
    hand_in,
    made_up_notebook,
    notebook_bytes,
    read_release,
)
from autograder.judge.assignment_side import JudgeSide

_STOCK_CONFIG = """
c.pop("Autograde", None)  # nbgrader's own preprocessors: a kernel for each submission.
c.ExecutePreprocessor.timeout = 600
c.ExecutePreprocessor.skip_cells_with_tag = "demo"  # The engine runs no demos either.
"""

# Scores are rounded to two digits, but otter's.
_SAME_SCORE = 0.006

# What students hand in: mistakes, the share of the exercises answered, other right ways or not.
_MIX = {
    "reference": (0, 1.0, False),
    "two mistakes": (2, 1.0, True),
    "other right answers": (0, 1.0, True),
    "first half": (0, 0.5, True),
    "one mistake": (1, 1.0, False),
    "many mistakes": (6, 1.0, True),
    "other right answers again": (0, 1.0, True),
    "most, with mistakes": (3, 0.75, True),
    "one mistake, other ways": (1, 1.0, True),
    "blank": (0, 0.0, False),
}


def copy_course(course: Course, folder: Path) -> Course:
    """Copy what grading needs of a course: no results, no gradebook, no environment."""
    for name in ("source", "release", "solutions", "tests", "data"):
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(course.root / name, folder / name, ignore=ignored)
    shutil.copy(course.config, folder)
    with (folder / course.config.name).open("a") as config:
        # Whatever gradebook the course has, a benchmark writes to one of its own.
        config.write(f'\nc.CourseDirectory.db_url = "sqlite:///{folder / "gradebook.db"}"\n')
    return Course(folder)


def make_stock(assignment: Assignment, exercises: list[Exercise]) -> None:
    """Make a copied course a stock one: its hidden tests run in the notebook's kernel."""
    with assignment.course.config.open("a") as config:
        config.write(_STOCK_CONFIG)
    shutil.copy(Path(__file__).with_name("in_kernel.py"), assignment.course.root / "tests")
    notebook = _read(assignment.source_notebook)
    by_cell = {exercise.tests_cell: exercise for exercise in exercises}
    for cell in notebook.cells:
        exercise = by_cell.get(grade_id(cell))
        if exercise is not None:
            # Extra credit is points here, so that it is compared too.
            cell.metadata.nbgrader.points = exercise.points
            arguments = f"{assignment.name!r}, {exercise.name!r}, {exercise.points}"
            cell.source = f"import in_kernel\n\nin_kernel.score({arguments})"
    nbformat.write(notebook, assignment.source_notebook)  # type: ignore[no-untyped-call]


def write_class(judge: JudgeSide, count: int, courses: list[Course]) -> dict[str, str]:
    """Write the same submissions to each course; return each student's kind of submission.

    Each ends in a comment of its own: no two are the same, so that none can be graded for another.
    """
    kinds = {f"student-{number + 1:04}": list(_MIX)[number % len(_MIX)] for number in range(count)}
    release = read_release(judge.assignment)
    for student, kind in kinds.items():
        notebook = made_up_notebook(release, _answers(judge, kind, random.Random(student)))
        notebook.cells.append(nbformat.v4.new_code_cell(f"# Handed in by {student}."))
        content = notebook_bytes(notebook)
        for course in courses:
            hand_in(course.assignment(judge.assignment.name), student, content)
    return kinds


def _answers(judge: JudgeSide, kind: str, chance: random.Random) -> dict[str, str]:
    """Return the code of each exercise that a student answers, rightly or by a misconception."""
    mistakes, share, other_ways = _MIX[kind]
    names = [exercise.name for exercise in judge.exercises]
    names = names[: round(share * len(names))]
    mistaken = chance.sample(names, min(mistakes, len(names)))
    answers = {}
    for name in names:
        known = [answer for answer in judge.known_answers if answer.exercise == name]
        wrong = [answer.source for answer in known if not answer.is_right]
        right = [answer.source for answer in known if answer.is_right and other_ways]
        reference = read_functions(judge.assignment)[name]
        choice = wrong if name in mistaken and wrong else [reference, *right]
        answers[name] = chance.choice(choice)
    return answers


@dataclass(frozen=True)
class Scores:
    """What another grader says of a submission: scores and failed hidden tests by exercise."""

    scores: dict[str, float]
    failed: dict[str, list[str]]


def compare_scores(
    grader: str, theirs: Scores, result: dict[str, Any], kind: str
) -> list[dict[str, Any]]:
    """Return the exercises of a submission on whose score we and another grader differ."""
    differences = []
    for graded in result["exercises"]:
        name, forgiven = graded["name"], graded["stand_ins"]
        if abs(graded["score"] - theirs.scores[name]) < _SAME_SCORE:
            continue
        difference = {
            "grader": grader,
            "kind": kind,
            "student": result["student"],
            "exercise": name,
            "points": graded["points"],
            "theirs": round(theirs.scores[name], 2),
            "ours": graded["score"],
            "failed_theirs": theirs.failed[name],
            "failed_ours": [t["name"] for t in graded["tests"] if t["verdict"] != "PASSED"],
            "reason": f"not punished twice: {', '.join(forgiven)}" if forgiven else "",
        }
        differences.append(difference)
    return differences


def gradebook_scores(assignment: Assignment, exercises: list[Exercise], student: str) -> Scores:
    """Return what a course's gradebook says of a submission, and what its kernel printed."""
    scores, failed = _scores(assignment, student), _failed_in_kernel(assignment, student)
    return Scores(
        {exercise.name: scores[exercise.tests_cell] for exercise in exercises},
        {exercise.name: failed[exercise.tests_cell] for exercise in exercises},
    )


def _scores(assignment: Assignment, student: str) -> dict[str, float]:
    """Return the scores in a course's gradebook by grade cell, extra credit included."""
    with Gradebook(f"sqlite:///{assignment.course.root / 'gradebook.db'}") as gradebook:
        found = gradebook.find_submission_notebook(assignment.name, assignment.name, student)
        return {
            grade.name: (grade.auto_score or 0.0) + (grade.extra_credit or 0.0)
            for grade in found.grades
        }


def _failed_in_kernel(assignment: Assignment, student: str) -> dict[str, list[str]]:
    """Return the hidden tests that failed in a stock kernel by grade cell, as the cell says."""
    folder = assignment.course.root / "autograded" / student / assignment.name
    notebook = _read(folder / f"{assignment.name}.ipynb")
    return {
        grade_id(cell): [
            word
            for output in cell.get("outputs", [])
            for word in (output.get("text") or output.get("ename", "")).split()
        ]
        for cell in notebook.cells
    }


def _read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
