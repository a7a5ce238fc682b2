"""Grade one submission, from its bytes to its result; its scores come from hidden tests alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from nbformat import NotebookNode

from autograder.course.facts import Exercise, slow_imports
from autograder.course.files import Assignment
from autograder.grading.again import came_out_better, came_out_otherwise
from autograder.grading.begun import Begun
from autograder.grading.cell_notes import cut_off_notes
from autograder.grading.exercises import ExerciseGrading
from autograder.grading.loaded import LoadedAssignment
from autograder.grading.process_sharing import may_share_process
from autograder.results.document import CellOutput, ExerciseResult, Key, SubmissionResult
from autograder.safe_text import for_page
from autograder.sandbox.host.box import Box
from autograder.sandbox.host.cell_times import AboutCells
from autograder.sandbox.host.session import Session
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.submissions.belonging import has_own_code, other_notebook
from autograder.submissions.cleaning import clean_outputs
from autograder.submissions.reading import UnreadableNotebook, parse, read_bytes
from autograder.submissions.rebuilding import Rebuilt, rebuild

_MAX_TRIES = 3
_NO_POINTS = "no points, though it holds code of the student's own: see why"
Tell = Callable[[Begun], None]
"""Takes what stands of a submission, bit by bit, while it is graded."""


@dataclass(frozen=True)
class Earlier:
    """What is known of a submission before it is graded."""

    result: SubmissionResult | None = None
    """Of an earlier run over the class."""
    may_keep: bool = True
    """Whether what nothing has changed for is taken over from it."""
    begun: Begun = field(default_factory=Begun)
    """Of runs that broke off: it stands."""


@dataclass(frozen=True)
class GradedNotebook:
    """A submission's result, and the notebook that was graded; none where the file was none."""

    result: SubmissionResult
    notebook: NotebookNode | None = None
    begun: Begun | None = None
    """Where it broke off: what stands of it, which the next run begins with."""


@dataclass
class Grader:
    """Grades one submission after another of one assignment, in one box."""

    loaded: LoadedAssignment
    box: Box

    @classmethod
    def of(
        cls,
        assignment: Assignment,
        isolation: Isolation = Isolation.BOX,
        limits: Limits | None = None,
        nested: bool = True,
    ) -> Grader:
        """Load an assignment, and give it a box of its own; `with` closes it."""
        loaded = LoadedAssignment(assignment, isolation, limits or Limits())
        return cls(loaded, Box(isolation, assignment.course.data, nested, slow_imports(assignment)))

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.box.close()

    @property
    def limits(self) -> Limits:
        return self.loaded.limits

    def grade_file(
        self,
        path: Path,
        student: str,
        earlier: Earlier | None = None,
        *,
        may_doubt: bool = False,
        tell: Tell = lambda _: None,
    ) -> GradedNotebook:
        """Grade a submitted notebook; a file that is none gets 0 and a person's attention."""
        try:
            content = read_bytes(path, self.limits.notebook_mb)
        except UnreadableNotebook as error:
            return GradedNotebook(self.loaded.unreadable(student, b"", str(error)))
        return self.grade_content(
            content, student, path.name, earlier, may_doubt=may_doubt, tell=tell
        )

    def grade_bytes(
        self, content: bytes, student: str, name: str, earlier: Earlier | None = None
    ) -> SubmissionResult:
        """Grade a notebook's bytes; return the result alone."""
        return self.grade_content(content, student, name, earlier).result

    def grade_content(
        self,
        content: bytes,
        student: str,
        name: str,
        earlier: Earlier | None = None,
        *,
        may_doubt: bool = False,
        tell: Tell = lambda _: None,
    ) -> GradedNotebook:
        """Grade a notebook's bytes.

        With `may_doubt` it breaks off where the machine may have cost points: the result is in
        doubt, and another run, alone on the machine, goes on from what stands.
        """
        try:
            cells = parse(content, name)
        except UnreadableNotebook as error:
            return GradedNotebook(self.loaded.unreadable(student, content, str(error)))
        rebuilt = rebuild(cells, self.loaded.release)
        if whose := other_notebook(cells, self.loaded.release, self.loaded.assignment):
            # That each of our cells is missing, and each of its own is none of ours, says no more.
            rebuilt.look, rebuilt.notes = whose, []
        key, earlier = self.loaded.key(content), earlier or Earlier()
        result, begun = self.grade_rebuilt(rebuilt, student, key, earlier, may_doubt, tell)
        return GradedNotebook(result, rebuilt.notebook, begun)

    def grade_rebuilt(
        self,
        rebuilt: Rebuilt,
        student: str,
        key: Key,
        earlier: Earlier,
        may_doubt: bool = False,
        tell: Tell = lambda _: None,
    ) -> tuple[SubmissionResult, Begun | None]:
        """Run a rebuilt notebook in the box and its hidden tests here; make the score.

        Where the box itself ends under the submission, another one goes on from what stands. What
        stands is returned where the result is in doubt.
        """
        begun = earlier.begun
        for tries_left in reversed(range(_MAX_TRIES)):
            run = _Run(self, rebuilt, student, key, replace(earlier, begun=begun), tell)
            result = run.grade(may_doubt, may_break_off=tries_left > 0)
            begun = run.begun
            if result.in_doubt:
                return result, begun
            if not run.box_ended:
                return result, None
        result.notes.append(f"its sandbox ended {_MAX_TRIES} times while it was graded")
        result.needs_person = True
        return result, None

    def session_of(self, rebuilt: Rebuilt) -> Session:
        """Return a rebuilt notebook in the box; its cells have not run yet."""
        called = [exercise.name for exercise in self.loaded.judge.exercises]
        return Session(
            self.box,
            rebuilt.cells_to_run(),
            self.limits,
            self.loaded.data,
            AboutCells(
                rebuilt.our_cells(), rebuilt.added_cells(), tuple(called), rebuilt.stubs(called)
            ),
            leaves_nothing=may_share_process(rebuilt, called),
            references=self.loaded.references(),
        )

    def exercise_grading(
        self, session: Session, rebuilt: Rebuilt, exercises: list[Exercise]
    ) -> ExerciseGrading:
        """Return what grades these exercises of a session whose cells have run."""
        loaded = self.loaded
        return ExerciseGrading(
            loaded.tests, loaded.misconceptions, loaded.questions, session, rebuilt, exercises
        )


@dataclass
class _Run:
    """One run of a submission, from its cells to its last exercise or to where it breaks off."""

    grader: Grader
    rebuilt: Rebuilt
    student: str
    key: Key
    earlier: Earlier
    tell: Tell
    box_ended: bool = False
    """Whether it broke off because its box ended."""

    def __post_init__(self) -> None:
        self.begun = self.earlier.begun

    def grade(self, may_doubt: bool, may_break_off: bool) -> SubmissionResult:
        """Return its result: of all exercises where it did not break off."""
        started = time.monotonic()
        session = self.grader.session_of(self.rebuilt)
        session.doubt.may_doubt, session.doubt.may_break_off = may_doubt, may_break_off
        try:
            session.run_cells()
            cells_seconds = time.monotonic() - started
            results = [] if session.doubt.broke_off else self._exercises(session)
        finally:
            session.close()
        result = self.grader.loaded.total(self.student, self.key, results)
        notes = [*self.rebuilt.notes, *cut_off_notes(session.runs)]
        result.notes = [*map(for_page, notes), *result.notes]
        self._flag_as_a_whole(result)
        result.isolation = self.grader.box.shut_off_by
        result.in_doubt, self.box_ended = session.doubt.is_there, session.doubt.box_ended
        result.cells = self.begun.cells
        result.seconds = round(time.monotonic() - started, 3)
        result.cells_seconds = round(cells_seconds, 3)
        result.peak_memory_mb = float(session.usage.get("peak_mb", 0.0))
        return result

    def _flag_as_a_whole(self, result: SubmissionResult) -> None:
        """Ask for a person where the notebook is another one, or an attempt has no points."""
        look = self.rebuilt.look
        if not look and not result.score and not result.extra_credit:
            release = self.grader.loaded.release
            look = _NO_POINTS if has_own_code(self.rebuilt.notebook, release) else ""
        if look:
            result.needs_person = True
            result.notes.insert(0, for_page(look))

    def _exercises(self, session: Session) -> list[ExerciseResult]:
        self._stands(Begun(cells=_cell_outputs(session)))
        grading = self.grader.exercise_grading(
            session, self.rebuilt, self.grader.loaded.judge.exercises
        )
        kept = self.earlier.result if self.earlier.may_keep else None
        if kept is not None and kept.is_gradable and not kept.has_grader_error:
            grading.kept = {one.name: one for one in kept.exercises}
            grading.stale = kept.outdated_by(self.key)
        grading.graded = {one.name: one for one in self.begun.exercises}
        may_remember = not session.leaves_nothing
        results = grading.grade(lambda result: self._found(result, may_remember))
        self.begun = self.begun.and_then(Begun(broken=grading.broken))
        return results

    def _found(self, result: ExerciseResult, may_remember: bool) -> None:
        """Take in what an exercise has earned, and whether a person should look at why."""
        whys = [result.look, came_out_otherwise(self.begun.broken, result)]
        if may_remember:
            whys.append(came_out_better(self.earlier.result, self.key, result))
        result.look = " ".join(filter(None, whys))
        self._stands(Begun(exercises=[result]))

    def _stands(self, part: Begun) -> None:
        if part.exercises or not self.begun.cells:
            self.begun = self.begun.and_then(part)
            self.tell(part)


def _cell_outputs(session: Session) -> list[CellOutput]:
    return [
        CellOutput.of(index, clean_outputs(run.outputs), run.problem)
        for index, run in sorted(session.runs.items())
        if run.outputs or run.problem is not None
    ]
