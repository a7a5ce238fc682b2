"""A pool of judges: one task at a time each; a judge that dies costs one task one retry."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Generic

from autograder.errors import Failure
from autograder.grading.events import Died, Done, Event, Failed, Result, Task
from autograder.sandbox.host.time_limit import times_broken_off
from autograder.sandbox.memory import MIB, held_data_bytes

_MAX_TRIES = 3
_MEMORY_MB = 4096
# Workers inherit everything the coordinator has imported, torch above all.
_CONTEXT = multiprocessing.get_context("fork")


@dataclass
class _Worker(Generic[Task]):
    process: Any
    connection: Connection
    task: tuple[int, Task] | None = None


@dataclass
class Pool(Generic[Task, Result]):
    """Run tasks in `jobs` processes; `make_worker` is called once in each, with its number."""

    jobs: int
    make_worker: Callable[[int], contextlib.AbstractContextManager[Callable[[Task], Result]]]
    _workers: list[_Worker[Task]] = field(default_factory=list)
    _alone: deque[Task] = field(default_factory=deque)
    _started: int = 0

    def run_alone(self, task: Task) -> None:
        """While tasks are run: let this one run when all the others are done, with none beside."""
        self._alone.append(task)

    def run(self, tasks: Iterable[Task]) -> Iterator[Event[Task, Result]]:
        """Yield what becomes of each task, as it comes."""
        waiting = deque((0, task) for task in tasks)
        count = min(self.jobs, len(waiting))
        try:
            self._workers = [self._start() for _ in range(count)]
            while True:
                self._hand_out(waiting)
                busy = [worker for worker in self._workers if worker.task]
                if not busy and self._alone:
                    waiting.append((0, self._alone.popleft()))
                    continue
                if not busy:
                    return
                for connection in wait([worker.connection for worker in busy]):
                    worker = next(w for w in busy if w.connection is connection)
                    yield from self._collect(worker, waiting)
        finally:
            self._stop()

    def _hand_out(self, waiting: deque[tuple[int, Task]]) -> None:
        for worker in self._workers:
            if worker.task is None and waiting:
                worker.task = waiting.popleft()
                with contextlib.suppress(OSError):
                    worker.connection.send(worker.task[1])

    def _collect(
        self, worker: _Worker[Task], waiting: deque[tuple[int, Task]]
    ) -> Iterator[Event[Task, Result]]:
        assert worker.task is not None
        tries, task = worker.task
        worker.task = None
        try:
            done, result = worker.connection.recv()
            yield Done(task, result) if done else Failed(task, result)
        except (EOFError, OSError):
            self._workers[self._workers.index(worker)] = self._start()
            if tries + 1 < _MAX_TRIES:
                waiting.appendleft((tries + 1, task))
            else:
                yield Died(task)

    def _start(self) -> _Worker[Task]:
        ours, theirs = _CONTEXT.Pipe()
        inherited = [ours, *(worker.connection for worker in self._workers)]
        process = _CONTEXT.Process(
            target=_work, args=(theirs, self.make_worker, self._started, inherited), daemon=True
        )
        process.start()
        self._started += 1
        theirs.close()
        return _Worker(process, ours)

    def _stop(self) -> None:
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(timeout=10)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []


def _work(
    connection: Connection,
    make_worker: Callable[[int], Any],
    number: int,
    inherited: list[Connection],
) -> None:
    limit_memory()
    earlier = times_broken_off()
    # The terminal's Ctrl-C is the coordinator's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A copy of another worker's pipe would hide its end from the coordinator.
    for other in inherited:
        other.close()
    try:
        with make_worker(number) as do:
            # What was broken off may have left something half done: another judge goes on.
            while times_broken_off() == earlier:
                task = connection.recv()
                try:
                    said = True, do(task)
                except Exception as error:
                    said = False, Failure.of(error)
                connection.send(said)
    except (EOFError, BrokenPipeError):
        pass
    except Exception as error:
        with contextlib.suppress(OSError, EOFError):
            connection.recv()
            connection.send((False, Failure.of(error)))
    finally:
        connection.close()
        os._exit(0)


def limit_memory() -> None:
    """Bound what this judge may take: student code chooses what our references are asked."""
    limit = held_data_bytes() + _MEMORY_MB * MIB
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
