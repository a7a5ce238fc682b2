"""Which exercises have been calibrated as they are now, so that only what changed is again."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.atomic_files import write_whole
from autograder.course.files import Assignment
from autograder.course.functions import read_functions
from autograder.grading.calibration_cases import names_in
from autograder.grading.fingerprints import Fingerprint, fingerprint
from autograder.results.versions import code_hash, text_hash
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits

_HERE = Path(__file__).parent
# What decides, beside the engine's core, whether an answer calibrates.
_OWN_FILES = [_HERE / f"{name}.py" for name in ("calibrated", "calibration", "calibration_cases")]
_WHOLE = "the whole notebook"


@dataclass
class Calibrated:
    """What is known of an assignment's exercises; `None` stands for the notebook as a whole."""

    assignment: Assignment
    now: Fingerprint
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, assignment: Assignment, limits: Limits, isolation: Isolation) -> Calibrated:
        """Read what an earlier run has noted."""
        known: dict[str, dict[str, Any]] = {}
        try:
            found = json.loads(_path(assignment).read_bytes())
            known = {name: dict(one) for name, one in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            pass
        return cls(assignment, fingerprint(assignment, limits, isolation), known)

    def names(self) -> list[str | None]:
        """Return what there is to calibrate."""
        return [None, *self.now.exercises]

    def answers(self, exercise: str | None) -> int:
        """Return how many answers calibrated without a problem; 0 where anything has changed."""
        one = self._known.get(exercise or _WHOLE, {})
        return int(one.get("answers", 0)) if one.get("key") == self._key(exercise) else 0

    def note(self, exercise: str | None, answers: int) -> None:
        """Note that all answers to an exercise calibrated."""
        self._known[exercise or _WHOLE] = {"key": self._key(exercise), "answers": answers}
        self._keep()

    def note_problem(self, exercise: str | None) -> None:
        """Note that an answer did not calibrate, whatever an earlier run has noted."""
        self.forget(exercise)
        self._keep()

    def forget(self, exercise: str | None) -> None:
        """Let an exercise be calibrated again in this run, and be known only if that goes well."""
        self._known.pop(exercise or _WHOLE, None)

    @cached_property
    def _functions(self) -> dict[str, str]:
        return read_functions(self.assignment)

    def _keep(self) -> None:
        # Where it cannot be kept, the next run tries all of them again.
        with contextlib.suppress(OSError):
            write_whole(_path(self.assignment), json.dumps(self._known, indent=1).encode())

    def _key(self, exercise: str | None) -> str:
        key = self.now.key(b"")
        own: Any = key.exercises
        if exercise is not None:
            # Our own answer meets right ones to what it calls.
            used = names_in(self._functions.get(exercise, "")) | {exercise}
            own = {name: one for name, one in key.exercises.items() if name in used}
        parts = [key.assignment, key.engine, key.settings, own, code_hash(_OWN_FILES)]
        return text_hash(json.dumps(parts, sort_keys=True).encode())


def _path(assignment: Assignment) -> Path:
    return assignment.course.root / ".autograder" / "calibrated" / f"{assignment.name}.json"
