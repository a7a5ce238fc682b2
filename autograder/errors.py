"""The engine's exceptions, and an error as data, which is how one crosses to another process.

AutograderError                 what a person can mend: printed on one line, exit code 2
├── CourseError                 the course's own files do not fit together
│   ├── EditedByHand            a built file holds what a build did not write
│   └── ReleaseFailed           nbgrader cannot make the students' notebook
├── GradebookError              the gradebook cannot be opened, read or written
├── IsolationError              this machine cannot isolate student code as asked
├── CannotWrite                 there is no room for a result
├── SchedulerGone               the Dask scheduler hung up
└── OddPlace                    something lies where a submission should
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AutograderError",
    "CannotWrite",
    "CourseError",
    "EditedByHand",
    "Failure",
    "GradebookError",
    "IsolationError",
    "OddPlace",
    "ReleaseFailed",
    "SchedulerGone",
]


class AutograderError(Exception):
    """Something a person can mend: says what is wrong, where, and what to do."""


class CourseError(AutograderError):
    """The course's own files do not fit together."""


class EditedByHand(CourseError):
    """A built file holds what a build did not write; each line of the message names one."""


class ReleaseFailed(CourseError):
    """nbgrader's `generate_assignment` gave up; its own error is the cause."""


class GradebookError(AutograderError):
    """The gradebook cannot be opened, read or written."""


class IsolationError(AutograderError):
    """This machine cannot isolate student code the way it was asked to."""


class CannotWrite(AutograderError):
    """There is no room for a result: the run stops, with all it has written so far."""


class SchedulerGone(AutograderError):
    """The scheduler hung up; every result that came before is kept."""


class OddPlace(AutograderError):
    """Something lies there that is not a submission; the message says what."""


@dataclass(frozen=True)
class Failure:
    """An error as data: what another process or machine met.

    >>> met = Failure.of(CannotWrite("results/: No space left on device"))
    >>> met.is_a(CannotWrite, IsolationError)
    True
    >>> str(met)
    'CannotWrite: results/: No space left on device'
    """

    kind: str
    """The exception's name."""
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return an exception as data."""
        return cls(type(error).__name__, str(error))

    def is_a(self, *kinds: type[BaseException]) -> bool:
        """Say whether it was one of these exceptions."""
        return self.kind in {kind.__name__ for kind in kinds}

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
