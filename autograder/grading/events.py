"""What a pool of judges says of a task: the closed set, here and on a cluster alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from autograder.errors import Failure

Task = TypeVar("Task")
Result = TypeVar("Result")


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
    """The judge of a task died, more than once: nothing is known of it."""

    task: Task


Event = Done[Task, Result] | Failed[Task] | Died[Task]


class TaskPool(Protocol[Task, Result]):
    """Does tasks side by side."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Event[Task, Result]]:
        """Yield what becomes of each task, as it comes."""

    def run_alone(self, task: Task) -> None:
        """While tasks are run: let this one run when all the others are done, with none beside."""
