"""Grade one submission, from its bytes to its result; its scores come from hidden tests alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from nbformat import NotebookNode

from autograder.course.facts import Exercise, slow_imports
from autograder.course.files import Assignment
from autograder.grading.exercises import ExerciseGrading
from autograder.grading.loaded import LoadedAssignment
from autograder.grading.process_sharing import may_share_process
from autograder.results.document import CellOutput, Key, SubmissionResult
from autograder.safe_text import for_page
from autograder.sandbox.host.box import Box
from autograder.sandbox.host.session import Session
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.submissions.cleaning import clean_outputs
from autograder.submissions.reading import UnreadableNotebook, parse, read_bytes
from autograder.submissions.rebuilding import Rebuilt, rebuild

_MAX_TRIES = 3


@dataclass(frozen=True)
class GradedNotebook:
    """A submission's result, and the notebook that was graded; none where the file was none."""

    result: SubmissionResult
    notebook: NotebookNode | None = None


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
        self, path: Path, student: str, kept: SubmissionResult | None = None
    ) -> GradedNotebook:
        """Grade a submitted notebook; a file that is none gets 0 and a person's attention.

        Of an earlier result, `kept`, the exercises that nothing has changed for are taken over.
        """
        try:
            content = read_bytes(path, self.limits.notebook_mb)
        except UnreadableNotebook as error:
            return GradedNotebook(self.loaded.unreadable(student, b"", str(error)))
        return self.grade_content(content, student, path.name, kept)

    def grade_bytes(
        self, content: bytes, student: str, name: str, kept: SubmissionResult | None = None
    ) -> SubmissionResult:
        """Grade a notebook's bytes; return the result alone."""
        return self.grade_content(content, student, name, kept).result

    def grade_content(
        self, content: bytes, student: str, name: str, kept: SubmissionResult | None = None
    ) -> GradedNotebook:
        """Grade a notebook's bytes."""
        try:
            rebuilt = rebuild(parse(content, name), self.loaded.release)
        except UnreadableNotebook as error:
            return GradedNotebook(self.loaded.unreadable(student, content, str(error)))
        result = self.grade_rebuilt(rebuilt, student, self.loaded.key(content), kept)
        return GradedNotebook(result, rebuilt.notebook)

    def grade_rebuilt(
        self, rebuilt: Rebuilt, student: str, key: Key, kept: SubmissionResult | None = None
    ) -> SubmissionResult:
        """Run a rebuilt notebook in the box and its hidden tests here; make the score.

        Where the box itself ends under the submission, it is graded again from the start.
        """
        for _ in range(_MAX_TRIES):
            deaths = self.box.deaths
            result = self._grade_once(rebuilt, student, key, kept)
            if self.box.deaths == deaths:
                return result
        result.notes.append(f"its sandbox ended {_MAX_TRIES} times while it was graded")
        result.needs_person = True
        return result

    def _grade_once(
        self, rebuilt: Rebuilt, student: str, key: Key, kept: SubmissionResult | None
    ) -> SubmissionResult:
        started = time.monotonic()
        session = self.session_of(rebuilt)
        try:
            session.run_cells()
            cells_seconds = time.monotonic() - started
            grading = self.exercise_grading(session, rebuilt, self.loaded.judge.exercises)
            if kept is not None and kept.is_gradable and not kept.has_grader_error:
                grading.kept = {one.name: one for one in kept.exercises}
                grading.stale = kept.outdated_by(key)
            results = grading.grade()
        finally:
            session.close()
        result = self.loaded.total(student, key, results)
        result.notes = list(map(for_page, rebuilt.notes))
        result.in_doubt = session.in_doubt
        result.cells = _cell_outputs(session)
        result.seconds = round(time.monotonic() - started, 3)
        result.cells_seconds = round(cells_seconds, 3)
        result.peak_memory_mb = float(session.usage.get("peak_mb", 0.0))
        return result

    def session_of(self, rebuilt: Rebuilt) -> Session:
        """Return a rebuilt notebook in the box; its cells have not run yet."""
        called = [exercise.name for exercise in self.loaded.judge.exercises]
        return Session(
            self.box,
            rebuilt.cells_to_run(),
            self.limits,
            self.loaded.data,
            rebuilt.our_cells(),
            leaves_nothing=may_share_process(rebuilt, called),
        )

    def exercise_grading(
        self, session: Session, rebuilt: Rebuilt, exercises: list[Exercise]
    ) -> ExerciseGrading:
        """Return what grades these exercises of a session whose cells have run."""
        loaded = self.loaded
        return ExerciseGrading(loaded.tests, loaded.misconceptions, session, rebuilt, exercises)


def _cell_outputs(session: Session) -> list[CellOutput]:
    return [
        CellOutput.of(index, clean_outputs(run.outputs), run.problem)
        for index, run in sorted(session.runs.items())
        if run.outputs or run.problem is not None
    ]
