"""Where `answer` comes from: the reference, a known answer, or a notebook in the box."""

from __future__ import annotations

import contextlib
import difflib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from autograder.answers import KnownAnswer
from autograder.course.configuration import course_limits
from autograder.course.files import Assignment
from autograder.errors import AutograderError
from autograder.grading.submission import Grader
from autograder.judge.answer import Answer
from autograder.judge.assignment_side import JudgeSide
from autograder.judge.collection import TestCase
from autograder.judge.memo import Ending
from autograder.results.verdicts import Verdict
from autograder.sandbox.host.channel import Channel
from autograder.sandbox.host.conversation import Conversation
from autograder.sandbox.host.local_channel import local_channel
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.submissions.reading import UnreadableNotebook, parse, read_bytes
from autograder.submissions.rebuilding import rebuild

_A_DAY_S = 86_400.0
"""A call's limit where somebody looks at it in a debugger."""


class Source(Protocol):
    """Opens an assignment's functions."""

    def open(self, exercise: str) -> Channel:
        """Return a channel to the function of an exercise."""

    def why_missing(self, exercise: str) -> tuple[Verdict, str] | None:
        """Return what stands for a function's absence: its own cell ended so."""

    def close(self) -> None:
        """End what it has opened."""


class _Local:
    """Functions of ours, in this very process."""

    def __init__(self, judge: JudgeSide, known: KnownAnswer | None, limits: Limits) -> None:
        self._judge, self._known, self._limits = judge, known, limits

    def open(self, exercise: str) -> Channel:
        known = self._known
        function = self._judge.reference(exercise) if known is None else known.function
        return local_channel(function, self._limits)

    def why_missing(self, exercise: str) -> tuple[Verdict, str] | None:
        """References and known answers are never missing."""
        return None

    def close(self) -> None:
        """There is nothing to end."""


class _Notebook:
    """A student's functions in the box, with stand-ins where grading has them."""

    def __init__(self, assignment: Assignment, path: Path, limits: Limits) -> None:
        self._grader = Grader.of(assignment, Isolation.BOX, limits)
        try:
            cells = parse(read_bytes(path, limits.notebook_mb), path.name)
        except UnreadableNotebook as error:
            raise AutograderError(str(error)) from None
        rebuilt = rebuild(cells, self._grader.loaded.release)
        self._session = self._grader.session_of(rebuilt)
        self._session.run_cells()
        exercises = self._grader.loaded.judge.exercises
        self._grading = self._grader.exercise_grading(self._session, rebuilt, exercises)
        self._open: tuple[str, Channel] | None = None

    def open(self, exercise: str) -> Channel:
        """Open an exercise once for all of its tests: one process answers them in grading."""
        if self._open is None or self._open[0] != exercise:
            self._hang_up()
            self._grade_those_before(exercise)
            self._open = exercise, self._grading.open_as_graded(exercise)
        return self._open[1]

    def _grade_those_before(self, exercise: str) -> None:
        """Find out which earlier exercises have stand-ins, and whether this one needs them."""
        for one in self._grading.exercises:
            if one.name not in self._grading.outcomes:
                self._grading.grade_exercise(one.name)
            if one.name == exercise:
                return

    def _hang_up(self) -> None:
        if self._open is not None:
            self._session.close_exercise(self._open[1])
            self._open = None

    def why_missing(self, exercise: str) -> tuple[Verdict, str] | None:
        """Return what stands for a function's absence: its own cell ended so."""
        return self._grading.why_missing(exercise)

    def close(self) -> None:
        self._hang_up()
        self._session.close()
        self._grader.box.close()


@dataclass
class Sources:
    """What `--answers` names, for every assignment whose hidden tests are run."""

    named: str | None
    is_debugged: bool = False
    _judges: dict[Assignment, JudgeSide] = field(default_factory=dict)
    _sources: dict[Assignment, Source] = field(default_factory=dict)
    _expectations: dict[str, Any] = field(default_factory=dict)

    @property
    def _path(self) -> Path | None:
        is_path = self.named is not None and self.named.endswith(".ipynb")
        return Path(str(self.named)) if is_path else None

    def take(self, assignment: Assignment) -> None:
        """Note that an assignment's hidden tests are run."""
        self._judges.setdefault(assignment, JudgeSide(assignment))

    def check(self) -> None:
        """Refuse answers that nobody has written."""
        if self.named is None or not self._judges:
            return
        if self._path is not None:
            if len(self._judges) > 1:
                raise AutograderError(f"{self.named}: name the one file of hidden tests it is for")
            return
        if not any(self._known(assignment) for assignment in self._judges):
            names = [
                f"{one.exercise}__{one.name}"
                for judge in self._judges.values()
                for one in judge.known_answers
            ]
            close = difflib.get_close_matches(self.named, names) or names[:3]
            raise AutograderError(
                f"--answers {self.named}: no such known answer and no notebook (.ipynb); "
                f"known answers are {', '.join(close)}, …"
            )

    def _known(self, assignment: Assignment) -> KnownAnswer | None:
        for one in self._judges[assignment].known_answers:
            if f"{one.exercise}__{one.name}" == self.named:
                return one
        return None

    def answers(self, assignment: Assignment, exercise: str) -> bool:
        """Say whether there is an answer to this exercise."""
        if self.named is None or self._path is not None:
            return True
        known = self._known(assignment)
        return known is not None and known.exercise == exercise

    def answer(self, assignment: Assignment, case: TestCase) -> Answer:
        """Return the function that a case of a hidden test tries."""
        if assignment not in self._sources:
            self._sources[assignment] = self._open(assignment)
        channel = self._sources[assignment].open(case.exercise)
        channel.begin()
        return Answer(
            case.exercise,
            Conversation(channel),
            self._judges[assignment].reference(case.exercise),
            case.seed,
            case.secret_modules,
            self._expectations,
        )

    def explained(self, exercise: str, ending: Ending) -> Ending:
        """Return how a case ended as grading says it, where a missing function has a reason."""
        for source in self._sources.values() if ending.verdict is Verdict.MISSING else ():
            reason = source.why_missing(exercise)
            if reason is not None:
                return replace(ending, verdict=reason[0], message=reason[1])
        return ending

    def _open(self, assignment: Assignment) -> Source:
        limits = course_limits(assignment.course)
        if self._path is not None:
            return _Notebook(assignment, self._path, limits)
        known = None if self.named is None else self._known(assignment)
        wall_s = _A_DAY_S if known is None or self.is_debugged else limits.call_wall_s
        return _Local(self._judges[assignment], known, Limits(call_wall_s=wall_s))

    def close(self) -> None:
        """End everything that was opened."""
        for source in self._sources.values():
            with contextlib.suppress(OSError):
                source.close()
