"""A pool of judges: one task at a time each; one that dies or hangs costs one task one retry."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Literal

from autograder.errors import Failure
from autograder.grading.events import Died, Done, Event, Failed, Result, Task, Tell
from autograder.grading.judge_life import Wear, become_judge, kill_with_all_below, limit_memory
from autograder.sandbox.memory import MemoryRanOut, is_out_of_memory

_MAX_TRIES = 3
_LEAVE_S = 10.0
_MESSAGE_S = 60
"""How long a message that has begun may take to come through."""
# Workers inherit everything the coordinator has imported, torch above all.
_CONTEXT = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class _Said:
    """A judge's message: what it found so far of its task, or how the task ended."""

    kind: Literal["told", "done", "failed"]
    value: Any
    is_last: bool = False
    """Whether this judge does nothing more."""


@dataclass
class _Judge(Generic[Task]):
    process: Any
    connection: Connection
    number: int
    task: tuple[int, Task] | None = None
    """What it does, and how often that was tried before."""
    told: list[Any] = field(default_factory=list)
    heard_at: float = 0.0

    def give(self, tries: int, task: Task) -> None:
        self.task, self.told, self.heard_at = (tries, task), [], time.monotonic()
        try:
            self.connection.send(task)
        except OSError:
            # Gone, or it does not listen; its end is heard like any other.
            kill_with_all_below(self.process.pid)


@dataclass
class Pool(Generic[Task, Result]):
    """Run tasks in `jobs` processes; `make_worker` is called once in each, with its number.

    What it yields is called with a task, and with what tells the coordinator, bit by bit, what was
    found. Where a judge dies, or says nothing for `silence_s` seconds and is killed, the task is
    tried again as `resume` makes it of what was told. `when_ended` hears the number of each judge
    that has ended before the run does.
    """

    jobs: int
    make_worker: Callable[[int], contextlib.AbstractContextManager[Callable[[Task, Tell], Result]]]
    resume: Callable[[Task, list[Any]], Task] = lambda task, told: task
    silence_s: float | None = None
    when_ended: Callable[[int], None] = lambda number: None
    _judges: list[_Judge[Task]] = field(default_factory=list)
    _waiting: deque[tuple[int, Task]] = field(default_factory=deque)
    _alone: deque[Task] = field(default_factory=deque)
    _started: int = 0

    def run_alone(self, task: Task) -> None:
        """While tasks are run: let this one run when all the others are done, with none beside."""
        self._alone.append(task)

    def run(self, tasks: Iterable[Task]) -> Iterator[Event[Task, Result]]:
        """Yield what becomes of each task, as it comes."""
        self._waiting = deque((0, task) for task in tasks)
        at_most = min(self.jobs, len(self._waiting))
        try:
            while True:
                self._hand_out(at_most)
                busy = [judge for judge in self._judges if judge.task]
                if not busy and self._alone:
                    self._waiting.append((0, self._alone.popleft()))
                    continue
                if not busy:
                    return
                heard = wait([judge.connection for judge in busy], self._longest_wait_s(busy))
                late = [judge for judge in busy if judge.connection not in heard]
                late = [judge for judge in late if self._is_late(judge)]
                for judge in busy:
                    if judge.connection in heard:
                        yield from self._hear(judge)
                for judge in late:
                    yield from self._lose(judge, was_late=True)
        finally:
            self._stop()

    def _hand_out(self, at_most: int) -> None:
        """Give each task that waits to a judge that is free, or to a new one."""
        free = [judge for judge in self._judges if judge.task is None]
        while self._waiting and (free or len(self._judges) < at_most):
            judge = free.pop(0) if free else self._start()
            judge.give(*self._waiting.popleft())

    def _longest_wait_s(self, busy: list[_Judge[Task]]) -> float | None:
        """Return the seconds until the first of these judges is late."""
        if self.silence_s is None:
            return None
        first = min(judge.heard_at for judge in busy)
        return max(first + self.silence_s - time.monotonic(), 0.0)

    def _is_late(self, judge: _Judge[Task]) -> bool:
        silent_s = time.monotonic() - judge.heard_at
        return self.silence_s is not None and silent_s >= self.silence_s

    def _hear(self, judge: _Judge[Task]) -> Iterator[Event[Task, Result]]:
        assert judge.task is not None
        try:
            said: _Said = judge.connection.recv()
        except (EOFError, OSError):
            yield from self._lose(judge)
            return
        judge.heard_at = time.monotonic()
        if said.kind == "told":
            judge.told.append(said.value)
            return
        (_, task), judge.task = judge.task, None
        if said.is_last:
            self._end(judge)
        yield Done(task, said.value) if said.kind == "done" else Failed(task, said.value)

    def _lose(self, judge: _Judge[Task], was_late: bool = False) -> Iterator[Died[Task]]:
        """End a judge that died or is late; what it had in hand is tried again, or given up."""
        assert judge.task is not None
        tries, task = judge.task
        self._end(judge)
        if tries + 1 < _MAX_TRIES:
            self._waiting.appendleft((tries + 1, self.resume(task, judge.told)))
        else:
            yield Died(task, judge.told, was_late)

    def _start(self) -> _Judge[Task]:
        ours, theirs = _CONTEXT.Pipe()
        _bound_messages(ours)
        inherited = [ours, *(judge.connection for judge in self._judges)]
        process = _CONTEXT.Process(
            target=_work, args=(theirs, self.make_worker, self._started, inherited), daemon=True
        )
        process.start()
        theirs.close()
        judge: _Judge[Task] = _Judge(process, ours, self._started)
        self._judges.append(judge)
        self._started += 1
        return judge

    def _end(self, judge: _Judge[Task]) -> None:
        """Kill one judge: all it has to say was heard."""
        self._judges.remove(judge)
        judge.connection.close()
        kill_with_all_below(judge.process.pid)
        judge.process.join(_LEAVE_S)
        self.when_ended(judge.number)

    def _stop(self) -> None:
        """Let all judges leave by themselves; kill those that do not, and what is left of them."""
        for judge in self._judges:
            judge.connection.close()
        until = time.monotonic() + _LEAVE_S
        for judge in self._judges:
            judge.process.join(max(until - time.monotonic(), 0))
            if judge.process.is_alive():
                kill_with_all_below(judge.process.pid)
                judge.process.join(_LEAVE_S)
        self._judges = []


def _bound_messages(connection: Connection) -> None:
    """Wait no longer than that for the rest of a message, or for room for one."""
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            same.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", _MESSAGE_S, 0))


def _work(
    connection: Connection,
    make_worker: Callable[[int], Any],
    number: int,
    inherited: list[Connection],
) -> None:
    starter = multiprocessing.parent_process()
    assert starter is not None
    become_judge(starter.sentinel)
    limit_memory(number)
    # The terminal's Ctrl-C is the coordinator's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A copy of another worker's pipe would hide its end from the coordinator.
    for other in inherited:
        other.close()
    try:
        with contextlib.ExitStack() as stack:
            do = _made(stack, make_worker, number, connection)
            if do is not None:
                _serve(connection, do)
    except (EOFError, OSError, MemoryError, MemoryRanOut):
        # The coordinator has hung up, or hears now that this judge has.
        pass
    finally:
        os._exit(0)


def _made(
    stack: contextlib.ExitStack,
    make_worker: Callable[[int], Any],
    number: int,
    connection: Connection,
) -> Callable[[Any, Tell], Any] | None:
    """Return what does tasks here; say why there is none."""
    try:
        return stack.enter_context(make_worker(number))
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryRanOut from None
        # The task that was given already is answered.
        connection.recv()
        connection.send(_Said("failed", Failure.of(error), is_last=True))
        return None


def _serve(connection: Connection, do: Callable[[Any, Tell], Any]) -> None:
    """Do tasks until the coordinator hangs up, or another judge had better go on."""
    wear = Wear()

    def tell(bit: Any) -> None:
        connection.send(_Said("told", bit))

    while True:
        task = connection.recv()
        try:
            result = do(task, tell)
            is_last = wear.is_worn
            connection.send(_Said("done", result, is_last))
        except Exception as error:
            if is_out_of_memory(error):
                # Whose fault it was is not known: what this judge held before, or this task.
                raise MemoryRanOut from None
            is_last = wear.is_worn
            connection.send(_Said("failed", Failure.of(error), is_last))
        if is_last:
            return
