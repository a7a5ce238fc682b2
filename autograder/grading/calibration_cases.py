"""The answers whose verdict is known, and what is wrong where one comes out otherwise."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations

from autograder.answers import KnownAnswer
from autograder.course.functions import read_functions
from autograder.course.master import read_master
from autograder.judge.assignment_side import JudgeSide
from autograder.results.document import POINT_DIGITS, ExerciseResult
from autograder.results.verdicts import Verdict

_ZEROS = """

from autograder.sandbox.wire.trees import map_leaves as _map_leaves

_complete = {name}


def {name}(*args, **kwargs):
    return _map_leaves(_complete(*args, **kwargs), lambda value: value * 0)
"""


_HANDS_ON = """

def {name}(*args, **kwargs):
    return {earlier}(*args, **kwargs)
"""


class Face(StrEnum):
    """What an answer is known to be."""

    REFERENCE = "reference"
    STUB = "stub"
    ZEROS = "zeros"
    EARLIER = "earlier"
    """Nothing but a call of an earlier exercise, for which our own stands in."""
    RIGHT = "right"
    WRONG = "wrong"
    MEETS = "meets"
    """Our own, which calls another right answer to an earlier exercise."""


@dataclass(frozen=True)
class Case:
    """One answer to calibrate on: an exercise's code, and what must become of it."""

    assignment: str
    exercise: str | None
    """None: the whole notebook."""
    face: Face
    name: str
    source: str = ""
    caught_by: str | None = None
    stand_in: str | None = None
    """The earlier exercise that is taken for unsolved."""
    meets: str | None = None
    """The earlier exercise that is graded first, answered by code that stands in `source` too."""


@dataclass
class CaseResult:
    """What became of a case, and what is wrong with that."""

    case: Case
    score: float
    points: float
    misconception: str | None = None
    failed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def cases_of(judge: JudgeSide) -> list[Case]:
    """Return every answer of known verdict that an assignment has."""
    assignment = judge.assignment
    master = read_master(assignment)
    functions = read_functions(assignment)
    cases = [
        Case(assignment.name, None, Face.REFERENCE, "reference"),
        Case(assignment.name, None, Face.STUB, "stub"),
    ]
    cases += [
        Case(assignment.name, exercise.name, Face.ZEROS, "zeros", _zeros(functions, exercise.name))
        for exercise in master.exercises
    ]
    for earlier, name in _alike(functions, [one.name for one in master.exercises]):
        source = functions[name] + _HANDS_ON.format(name=name, earlier=earlier)
        case = Case(assignment.name, name, Face.EARLIER, earlier, source, stand_in=earlier)
        cases.append(case)
    for answer in judge.known_answers:
        face = Face.RIGHT if answer.is_right else Face.WRONG
        master.exercise(answer.exercise)
        cases.append(
            Case(
                assignment.name,
                answer.exercise,
                face,
                answer.name,
                answer.source,
                answer.caught_by,
            )
        )
    in_order = {one.name: functions[one.name] for one in master.exercises}
    return cases + list(_meetings(assignment.name, in_order, judge.known_answers))


def _meetings(
    assignment: str, functions: dict[str, str], answers: list[KnownAnswer]
) -> Iterator[Case]:
    """Yield our own answers that call an earlier exercise, with each right answer to that one.

    Right answers of every kind must do there: a tensor for an array, say.
    """
    for earlier, name in combinations(functions, 2):
        if earlier not in names_in(functions[name]):
            continue
        for one in answers:
            if one.exercise == earlier and one.is_right:
                called, source = f"{earlier}__{one.name}", f"{one.source}\n\n{functions[name]}"
                yield Case(assignment, name, Face.MEETS, called, source, meets=earlier)


def names_in(source: str) -> set[str]:
    """Return the names that code uses, those of the exercises it calls among them."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _alike(functions: dict[str, str], names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of exercises, in their order, that are called in the same way."""
    called = {name: _arguments(functions[name]) for name in names}
    for earlier, name in combinations(names, 2):
        if called[earlier] == called[name]:
            yield earlier, name


def _arguments(source: str) -> list[str]:
    [function] = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    return [ast.unparse(one.annotation) if one.annotation else "" for one in function.args.args]


def _zeros(functions: dict[str, str], name: str) -> str:
    return functions[name] + _ZEROS.format(name=name)


def judge_case(case: Case, exercises: list[ExerciseResult]) -> CaseResult:
    """Compare what became of a case with what is known of it."""
    score = round(sum(exercise.score for exercise in exercises), POINT_DIGITS)
    points = sum(exercise.points for exercise in exercises)
    tests = [test for exercise in exercises for test in exercise.tests]
    failed = [test.name for test in tests if test.verdict is not Verdict.PASSED]
    outcome = CaseResult(case, score, points, failed=failed)
    faults = [test for test in tests if test.verdict is Verdict.GRADER_ERROR]
    outcome.problems += [f"{test.name}: grader's fault: {test.detail[-400:]}" for test in faults]
    if case.face in (Face.REFERENCE, Face.RIGHT, Face.MEETS) and score < points:
        outcome.problems += _why_rejected(exercises)
    elif case.face is Face.EARLIER and exercises[0].with_own:
        # The notebook's own earlier answer is right here; where it is not, it earns nothing.
        pass
    elif case.face in (Face.STUB, Face.ZEROS, Face.EARLIER) and score > 0:
        passed = [test.name for test in tests if test.verdict is Verdict.PASSED]
        outcome.problems.append(f"gets {score:g} points: passes {', '.join(passed)}")
    elif case.face is Face.WRONG:
        outcome.misconception = exercises[0].misconception
        outcome.problems += _why_not_caught(case, outcome)
    return outcome


def _why_rejected(exercises: list[ExerciseResult]) -> list[str]:
    return [
        f"{exercise.name} loses {test.name}: {test.verdict} {test.message} {test.detail[-300:]}"
        for exercise in exercises
        for test in exercise.tests
        if test.verdict is not Verdict.PASSED
    ]


def _why_not_caught(case: Case, outcome: CaseResult) -> list[str]:
    if not outcome.failed:
        return ["gets full marks"]
    problems = []
    if case.caught_by not in outcome.failed:
        problems.append(f"is not caught by {case.caught_by}, but by {', '.join(outcome.failed)}")
    if outcome.misconception != case.name:
        problems.append(f"is named {outcome.misconception or 'nothing'}")
    return problems
