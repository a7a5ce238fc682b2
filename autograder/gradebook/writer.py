"""The gradebook's one writer: a process that enters results while others are still graded."""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any

from autograder.course.files import Assignment
from autograder.errors import AutograderError
from autograder.gradebook.entered import EnteredMarks
from autograder.results.document import parse_result
from autograder.results.rebuilt import take_rebuilt
from autograder.sandbox.gc_policy import put_off_collecting, share_memory

# A fork, made before this process imports torch or starts threads.
_CONTEXT = multiprocessing.get_context("fork")
# So few names and answers fit into a pipe: neither side blocks on a full one while the other does.
_MAX_AT_ONCE = 32


@dataclass(frozen=True)
class Entered:
    """A result that is in the gradebook now, or what went wrong."""

    student: str
    problem: str | None


@dataclass
class GradebookWriter:
    """Enters results one after the other, in a process of its own."""

    assignment: Assignment
    ready: Sequence[Connection | socket.socket] = ()
    """What can be read on when the processors have nothing to do: it begins then."""
    after_fork: Callable[[], None] = lambda: None
    """Called in its own process before it imports anything."""
    _waiting: deque[str] = field(default_factory=deque)
    _process: Any = None
    _connection: Connection | None = None
    _expected: int = 0
    """How many answers are to come."""
    _has_begun: bool = False

    def __enter__(self) -> GradebookWriter:
        ours, theirs = _CONTEXT.Pipe()

        def write() -> None:
            ours.close()
            _write(theirs, self.assignment, self.ready, self.after_fork)

        self._process = _CONTEXT.Process(target=write)
        self._process.start()
        theirs.close()
        self._connection = ours
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        # It ends what it has in hand: nothing half-written is left.
        if self._connection is not None:
            self._connection.close()
        self._process.join()

    def enter(self, student: str) -> None:
        """Let a student's result be entered when its turn comes."""
        self._waiting.append(student)

    def poll(self) -> Iterator[Entered]:
        """Yield what has been entered meanwhile, without waiting."""
        assert self._connection is not None
        self._send()
        while self._expected and self._connection.poll():
            yield from self._receive()
        self._send()

    def finish(self) -> Iterator[Entered]:
        """Yield the rest, as it is entered."""
        self._send()
        while self._expected:
            yield from self._receive()
            self._send()

    def _send(self) -> None:
        assert self._connection is not None
        if self._waiting and not self._has_begun:
            # It answers once more than it is asked: when the assignment's cells are there.
            self._has_begun, self._expected = True, 1
        while self._waiting and self._expected < _MAX_AT_ONCE:
            self._expected += 1
            with contextlib.suppress(OSError):
                self._connection.send(self._waiting.popleft())

    def _receive(self) -> list[Entered]:
        assert self._connection is not None
        wait([self._connection])
        self._expected -= 1
        try:
            message = self._connection.recv()
        except (EOFError, OSError):
            raise AutograderError(
                "the process that writes the gradebook died; results are kept: run this again"
            ) from None
        if isinstance(message, AutograderError):
            raise message
        return [message] if isinstance(message, Entered) else []


def _write(
    connection: Connection,
    assignment: Assignment,
    ready: Sequence[Connection | socket.socket],
    after_fork: Callable[[], None],
) -> None:
    """In the writer's process: register the assignment, then enter results until told to stop."""
    # The terminal's Ctrl-C is the coordinator's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with contextlib.suppress(EOFError, BrokenPipeError):
            if not _hears([connection, *ready]):
                return
            after_fork()
            _import_what_it_needs()
            students = _students(connection)
            # Other runs may write until there is something to enter.
            first = next(students, None)
            if first is None:
                return
            with _only_writer(assignment):
                for message in _entering(assignment, chain([first], students)):
                    connection.send(message)
    except AutograderError as error:
        _tell(connection, error)
    except Exception as error:
        first_line = str(error).strip().partition("\n")[0]
        _tell(connection, AutograderError(f"gradebook: {type(error).__name__}: {first_line}"))
    finally:
        connection.close()
        os._exit(0)


def _tell(connection: Connection, error: AutograderError) -> None:
    with contextlib.suppress(OSError):
        connection.send(error)


def _import_what_it_needs() -> None:
    """Import nbgrader; not at once, for boxes and judges need the processors to start.

    When the boxes are ready, one has nothing to do until the judges are.
    """
    put_off_collecting()
    # Takes 2 s.
    import autograder.gradebook.ingest  # noqa: F401

    share_memory()


def _students(connection: Connection) -> Iterator[str]:
    """Yield the students whose results are to be entered, as the coordinator names them."""
    while _hears([connection]):
        yield connection.recv()


def _entering(assignment: Assignment, students: Iterable[str]) -> Iterator[Entered | None]:
    from autograder.gradebook.ingest import Ingest, register

    marks = EnteredMarks(assignment)
    marks.renew(was_told=register(assignment))
    yield None
    ingest = Ingest(assignment)
    for student in students:
        digest = marks.digest(student)
        content = _content(assignment.result(student))
        result = parse_result(content)
        if result is None:
            problem: str | None = "its result is gone"
        else:
            problem = ingest.enter(result, take_rebuilt(assignment.results, content))
        if problem is None:
            marks.set(student, digest)
        yield Entered(student, problem)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _hears(lines: list[Connection | socket.socket]) -> bool:
    """Wait until something can be read on one; say whether the coordinator is still there."""
    coordinator = multiprocessing.parent_process()
    # Judges hold copies of the coordinator's end: when it is killed, no end of file comes.
    while not wait(lines, timeout=1.0):
        if coordinator is None or os.getppid() != coordinator.pid:
            return False
    return True


@contextlib.contextmanager
def _only_writer(assignment: Assignment) -> Iterator[None]:
    """Wait until no other run writes to this course's gradebook."""
    path = assignment.course.root / "results" / ".gradebook.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield
