"""Calibrate hidden tests on answers whose verdict is known, through the real box and judge."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import nbformat

from autograder.course.facts import Exercise
from autograder.course.files import Assignment
from autograder.course.functions import read_functions
from autograder.course.made_up import grade_id, made_up_notebook
from autograder.course.master import CellKind
from autograder.grading.calibrated import Calibrated
from autograder.grading.calibration_cases import Case, CaseResult, Face, cases_of, judge_case
from autograder.grading.events import Died, Done, Failed, Tell
from autograder.grading.loaded import LoadedAssignment
from autograder.grading.pool import Pool
from autograder.grading.process_sharing import leaves_nothing
from autograder.grading.settings import boxes_of
from autograder.grading.submission import Earlier, Grader
from autograder.results.document import ExerciseResult
from autograder.results.verdicts import Verdict
from autograder.sandbox.gc_policy import share_memory
from autograder.sandbox.host.run_boxes import RunBoxes
from autograder.sandbox.host.session import Session
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.submissions.reading import SubmittedCell
from autograder.submissions.rebuilding import Rebuilt, rebuild


@dataclass
class Calibrator:
    """Grades the cases of one assignment.

    An answer to one exercise needs no notebook of its own: its code runs in the exercise's
    process, forked from a submission that is the reference notebook and serves all of them.
    """

    grader: Grader
    _submission: Session | None = None

    def grade(self, case: Case) -> CaseResult:
        try:
            if case.exercise is None:
                return judge_case(case, self._whole(case))
            result = self.try_answer(case.exercise, case.source, case.stand_in, case.meets)
            return judge_case(case, [result])
        except Exception as error:
            return CaseResult(case, 0.0, 0.0, problems=[f"{type(error).__name__}: {error}"])

    def close(self) -> None:
        """End the submission that answers are tried in; the next answer starts another."""
        if self._submission is not None:
            self._submission.close()
            self._submission = None

    def _whole(self, case: Case) -> list[ExerciseResult]:
        self.close()
        cells = (
            _as_submitted(self.grader.loaded.release) if case.face is Face.STUB else self._complete
        )
        rebuilt = rebuild(cells, self.grader.loaded.release)
        key = self.grader.loaded.key(b"")
        return self.grader.grade_rebuilt(rebuilt, case.name, key, Earlier())[0].exercises

    def try_answer(
        self, name: str, source: str, stand_in: str | None = None, meets: str | None = None
    ) -> ExerciseResult:
        """Grade one exercise with this code in place of its cell's.

        `stand_in` is an earlier exercise that is taken for unsolved: ours stands in for it.
        `meets` is one that the code answers too, and that is graded first.
        """
        submission = self._running_submission()
        answered = [one for one in (meets, name) if one is not None]
        submission.replaced = {one: (self.reference.index_of(one), source) for one in answered}
        submission.leaves_nothing = leaves_nothing(self._sources, [source], answered)
        exercises = {one.name: one for one in self.grader.loaded.judge.exercises}
        unsolved = [one for one in (stand_in,) if one is not None]
        asked = [exercises[one] for one in (*unsolved, *answered)]
        grading = self.grader.exercise_grading(submission, self.reference, asked)
        grading.graded = {one: _unsolved(exercises[one]) for one in unsolved}
        return grading.grade()[-1]

    def _running_submission(self) -> Session:
        if self._submission is None or not self._submission.can_go_on:
            self.close()
            self._submission = self.grader.session_of(self.reference)
            self._submission.run_cells()
        return self._submission

    @cached_property
    def _complete(self) -> list[SubmittedCell]:
        """The reference notebook, as if a student had submitted it."""
        loaded = self.grader.loaded
        return _as_submitted(made_up_notebook(loaded.release, read_functions(loaded.assignment)))

    @cached_property
    def _sources(self) -> list[str]:
        """The reference notebook's code, which leaves nothing behind."""
        return [source for _, source in self.reference.cells_to_run()]

    @cached_property
    def reference(self) -> Rebuilt:
        """The reference notebook with nothing in it that decides no answer's score."""
        rebuilt = rebuild(self._complete, self.grader.loaded.release)
        _leave_out_pictures(rebuilt.notebook)
        return rebuilt


def _unsolved(exercise: Exercise) -> ExerciseResult:
    """Return the result of an exercise that is taken for unsolved."""
    return ExerciseResult(
        name=exercise.name, points=exercise.points, score=0.0, verdict=Verdict.MISSING
    )


def _leave_out_pictures(notebook: nbformat.NotebookNode) -> None:
    """Empty our own cells between the exercises: they decide nothing, and pictures take long."""
    for cell in notebook.cells:
        if grade_id(cell).startswith(f"{CellKind.PLAIN.value}-"):
            cell.source = ""


def _as_submitted(notebook: nbformat.NotebookNode) -> list[SubmittedCell]:
    return [
        SubmittedCell(cell.cell_type, cell.source, grade_id(cell) or None)
        for cell in notebook.cells
    ]


@dataclass
class Calibration:
    """One run: how many answers are to be tried, how many need not be, and the trying."""

    count: int
    remembered: int
    """Answers to exercises in which nothing has changed since all of them calibrated."""
    results: Iterator[CaseResult]


def calibrate(
    assignments: list[Assignment],
    jobs: int,
    isolation: Isolation,
    limits: Limits,
    exercises: frozenset[str] = frozenset(),
    force: bool = False,
) -> Calibration:
    """Calibrate what has changed, or with `force` all; of `exercises`, where any are named, all."""
    todo: dict[str, Calibrated] = {}
    remembered = 0
    for assignment in assignments:
        known = Calibrated.read(assignment, limits, isolation)
        if force or exercises:
            for name in known.names():
                if not exercises or name in exercises:
                    known.forget(name)
        remembered += sum(map(known.answers, known.names())) if not exercises else 0
        if not all(map(known.answers, known.names())):
            todo[assignment.name] = known
    if not todo:
        return Calibration(0, remembered, iter(()))
    chosen = [one.assignment for one in todo.values()]
    # They get ready while the judges' side is loaded.
    boxes = boxes_of(chosen, isolation, jobs)
    boxes.launch(jobs)
    loaded = {one.name: LoadedAssignment(one, isolation, limits) for one in chosen}
    share_memory()
    # One judge takes all answers to an exercise: it learns how they behave, to name them, once.
    by_exercise: dict[tuple[str, str | None], list[Case]] = {}
    for one in loaded.values():
        for case in cases_of(one.judge):
            wanted = case.exercise in exercises if exercises else True
            if wanted and not todo[case.assignment].answers(case.exercise):
                by_exercise.setdefault((case.assignment, case.exercise), []).append(case)
    tasks = list(by_exercise.values())
    return Calibration(sum(map(len, tasks)), remembered, _run(tasks, loaded, boxes, todo))


def _run(
    tasks: list[list[Case]],
    loaded: dict[str, LoadedAssignment],
    boxes: RunBoxes,
    known: dict[str, Calibrated],
) -> Iterator[CaseResult]:
    @contextlib.contextmanager
    def make_worker(number: int) -> Iterator[Callable[[list[Case], Tell], list[CaseResult]]]:
        box = boxes.of_judge(number)
        calibrators = {name: Calibrator(Grader(one, box)) for name, one in loaded.items()}
        with box:
            yield lambda cases, _: _grade(cases, calibrators)

    with contextlib.closing(boxes):
        yield from _results(Pool(boxes.jobs, make_worker), tasks, known)


def _grade(cases: list[Case], calibrators: dict[str, Calibrator]) -> list[CaseResult]:
    """Grade cases of one assignment; the others let go of the box first."""
    name = cases[0].assignment
    for other in calibrators.keys() - {name}:
        calibrators[other].close()
    return [calibrators[name].grade(case) for case in cases]


def _results(
    pool: Pool[list[Case], Any], tasks: list[list[Case]], known: dict[str, Calibrated]
) -> Iterator[CaseResult]:
    for event in pool.run(tasks):
        match event:
            case Done(cases, results):
                of = known[cases[0].assignment]
                if any(one.problems for one in results):
                    of.note_problem(cases[0].exercise)
                else:
                    of.note(cases[0].exercise, len(cases))
                yield from results
            case Failed(cases, failure):
                yield from _not_graded(cases, str(failure))
            case Died(cases):
                yield from _not_graded(cases, "its judge died")


def _not_graded(cases: list[Case], why: str) -> Iterator[CaseResult]:
    return (CaseResult(case, 0.0, 0.0, problems=[why]) for case in cases)
