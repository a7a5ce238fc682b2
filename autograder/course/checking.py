"""Check that a course holds together; return problems, each with what, where and what to do."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat

from autograder.course.files import Assignment, Course
from autograder.course.functions import BEGIN, END, read_functions, setup_problems
from autograder.course.loading import load_known_answers
from autograder.course.master import CellKind, Master, read_master
from autograder.course.notebooks import stale
from autograder.course.parts import hidden_test_sentences
from autograder.course.skeletons import unfilled
from autograder.errors import CourseError


def check_course(course: Course, assignments: Iterable[Assignment]) -> list[str]:
    """Return the problems of these assignments, and of names across the whole course."""
    problems: list[str] = []
    masters: list[Master] = []
    for assignment in assignments:
        try:
            masters.append(read_master(assignment))
            problems += _check_assignment(masters[-1])
        except CourseError as error:
            problems.append(str(error))
    return problems + _repeated_names(masters) + _orphans(course)


def _check_assignment(master: Master) -> list[str]:
    assignment = master.assignment
    names = [exercise.name for exercise in master.exercises]
    if to_fill_in := unfilled(assignment):
        return to_fill_in
    problems = _check_cells(master) + setup_problems(assignment, names)
    problems += _check_faces(assignment, names)
    if not problems:
        problems += [f"{path} is stale: run `autograder build`" for path in stale(assignment)]
    if not problems:
        problems += leaks(assignment)
    return problems


def _check_cells(master: Master) -> list[str]:
    path = master.assignment.master
    checked = Counter(cell.name for cell in master.cells if cell.kind is CellKind.CHECK)
    problems = []
    if not master.exercises:
        problems.append(f"{path} has no exercise")
    if sum(cell.kind is CellKind.SETUP for cell in master.cells) != 1:
        problems.append(f"{path}: one code block must be marked setup=true")
    for exercise in master.exercises:
        if checked.pop(exercise.name, 0) != 1:
            problems.append(f'{path}: {exercise.name} needs one block check="{exercise.name}"')
        if not exercise.minutes or exercise.difficulty not in (1, 2, 3):
            problems.append(f"{path}: {exercise.name} needs minutes= and difficulty=1, 2 or 3")
    problems += [f"{path}: the check of {name!r} belongs to no exercise" for name in checked]
    return problems + _check_folded(master)


def _check_folded(master: Master) -> list[str]:
    """Return the cells of which a student would see only that they are folded."""
    first_lines = [cell.source.splitlines()[0] for cell in master.cells if cell.is_folded]
    return [
        f"{master.assignment.master}: the block that begins {line[:60]!r} opens folded: "
        "begin it with a comment that says what it draws"
        for line in first_lines
        if not line.startswith("# ")
    ]


def _check_faces(assignment: Assignment, names: list[str]) -> list[str]:
    """Return which exercises lack hidden tests or known answers, and what belongs to none."""
    problems = []
    tested = hidden_test_sentences(assignment)
    for name, tests in tested.items():
        if name not in names:
            problems.append(f"{assignment.hidden_tests}: Test_{name} belongs to no exercise")
        problems += [
            f"{assignment.hidden_tests}: Test_{name}.{test} has no sentence for the student: "
            "give it a docstring"
            for test, sentence in tests.items()
            if not sentence
        ]
    answers = load_known_answers(assignment)
    for name in names:
        if not tested.get(name):
            problems.append(
                f"exercise {name!r} has no hidden tests; write Test_{name} in "
                f"{assignment.hidden_tests}"
            )
        wrong = [one for one in answers if one.exercise == name and not one.is_right]
        right = [one for one in answers if one.exercise == name and one.is_right]
        for kind, known in (("wrong", wrong), ("other right", right)):
            if not known:
                problems.append(
                    f"exercise {name!r} has no known {kind} answer; write {name}__… in "
                    f"{assignment.known_answers}"
                )
        problems += [
            f"{assignment.known_answers}: {name}__{one.name} is caught by {one.caught_by}, which "
            f"is no test of Test_{name}"
            for one in wrong
            if one.caught_by not in tested.get(name, {})
        ]
    problems += [
        f"{assignment.known_answers}: {one.exercise}__{one.name} belongs to no exercise"
        for one in answers
        if one.exercise not in names
    ]
    return problems


def leaks(assignment: Assignment) -> list[str]:
    """Return every line of a solution or a hidden test that stands in the released notebook."""
    notebook = nbformat.read(assignment.release_notebook, as_version=4)
    released = {
        line.strip()
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
        for line in cell.source.splitlines()
    }
    whole = assignment.release_notebook.read_text(encoding="utf-8")
    problems = []
    for name, source in read_functions(assignment).items():
        body = source.split(BEGIN)[1].split(END)[0]
        problems += [
            f"{assignment.release_notebook}: shows a line of the answer to {name}: {line.strip()!r}"
            for line in body.splitlines()
            if len(line.strip()) > 3 and line.strip() in released
        ]
    for secret in (BEGIN, "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME", assignment.hidden_tests.name):
        if secret in whole:
            problems.append(f"{assignment.release_notebook} contains {secret!r}")
    return problems


def _repeated_names(masters: list[Master]) -> list[str]:
    counted = Counter(exercise.name for master in masters for exercise in master.exercises)
    return [
        f"exercise {name!r} stands {count} times in the course: names are unique"
        for name, count in counted.items()
        if count > 1
    ]


def _orphans(course: Course) -> list[str]:
    """Return files in the course's folders that belong to no master."""
    known = {assignment.name for assignment in course.assignments()}
    expected = {
        "solutions": {f"{name}.py" for name in known},
        "tests/hidden": {f"test_{name}.py" for name in known},
        "tests/answers": {f"{name}.py" for name in known},
        "release": known,
        "source": known | {f"{name}.md" for name in known} | {course.notebook_setup.name},
    }
    return [
        f"{path} belongs to no assignment"
        for folder, names in expected.items()
        for path in sorted((course.root / folder).glob("*"))
        if path.name not in names and not path.name.startswith((".", "__"))
    ]


def check_validator(assignment: Assignment) -> list[str]:
    """Run the released notebook in nbgrader's own validator: every exercise must be unsolved."""
    from nbgrader.validator import Validator
    from traitlets.config import Config

    names = [exercise.tests_cell for exercise in read_master(assignment).exercises]
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "released"
        shutil.copytree(assignment.release_notebook.parent, copied)
        # Over TCP each kernel warns that it is not encrypted.
        config = Config({"KernelManager": {"transport": "ipc"}})
        validator: Any = Validator(config=config)
        found = validator.validate(str(copied / assignment.release_notebook.name))
    if "changed" in found or "type_changed" in found:
        return [f"{assignment.release_notebook}: nbgrader's validator sees changed cells: {found}"]
    unsolved = len(found.get("failed", []))
    if unsolved != len(names):
        return [
            f"{assignment.release_notebook}: nbgrader's validator sees {unsolved} of {len(names)} "
            "exercises as unsolved"
        ]
    return []
