"""What a pool of judges says of a task: the closed set, here and on a cluster alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from autograder.errors import Failure

Task = TypeVar("Task")
Result = TypeVar("Result")

Tell = Callable[[Any], None]
"""Says at once what was found of a task: it stands, whatever becomes of the judge."""


@dataclass(frozen=True)
class Done(Generic[Task, Result]):
    """A task is done."""

    task: Task
    result: Result


@dataclass(frozen=True)
class Failed(Generic[Task]):
    """What does tasks raised an error of its own."""

    task: Task
    failure: Failure


@dataclass(frozen=True)
class Died(Generic[Task]):
    """The judge of a task died at each try, or was ended by the clock outside it."""

    task: Task
    """As it was tried the last time."""
    told: list[Any] = field(default_factory=list)
    """What the last judge told of it."""
    was_late: bool = False
    """Nothing more was heard of the last judge, so that it was killed."""


Event = Done[Task, Result] | Failed[Task] | Died[Task]


class TaskPool(Protocol[Task, Result]):
    """Does tasks side by side."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Event[Task, Result]]:
        """Yield what becomes of each task, as it comes."""

    def run_alone(self, task: Task) -> None:
        """While tasks are run: let this one run when all the others are done, with none beside."""
