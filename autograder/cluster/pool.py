"""Grade on a Dask cluster what `Pool` grades here: hand out submissions, write their results."""

from __future__ import annotations

import json
import queue
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic import ValidationError

from autograder.cluster.bundle import pack
from autograder.cluster.connection import CONNECT_S, check_workers, connected, scheduler_gone
from autograder.cluster.worker import grade_on_worker
from autograder.errors import AutograderError, Failure
from autograder.grading.events import Died, Done, Event, Failed
from autograder.grading.tasks import Graded, InDoubt, Task, keep
from autograder.results.document import Key, SubmissionResult, read_result
from autograder.results.versions import versions
from autograder.safe_text import for_terminal
from autograder.submissions.reading import UnreadableNotebook, read_bytes

if TYPE_CHECKING:
    from distributed import Client, Future

    from autograder.grading.loaded import LoadedAssignment

Outcome = Event[Task, Graded | InDoubt]

_LOOK_EVERY_S = 1.0
# One submission in a thread's hands and one waiting beside it.
_AHEAD = 2


@dataclass
class _Sent:
    task: Task
    key: Key
    future: Future[Any]


def _tell(message: str) -> None:
    print(for_terminal(f"autograder: {message}"), file=sys.stderr, flush=True)


@dataclass
class ClusterPool:
    """Runs tasks on the workers of a Dask scheduler; reads and writes all files itself."""

    address: str
    loaded: LoadedAssignment
    """What is sent, and what a result must fit."""
    at_once: int = sys.maxsize
    connect_s: float = CONNECT_S
    tell: Callable[[str], None] = _tell
    _alone: deque[Task] = field(default_factory=deque)
    _sent: dict[Any, _Sent] = field(default_factory=dict)
    _done: queue.SimpleQueue[Future[Any]] = field(default_factory=queue.SimpleQueue)
    _threads: int = 0
    _looked_at: float = -_LOOK_EVERY_S

    def run_alone(self, task: Task) -> None:
        """While tasks are run: let this one run when all the others are done, with none beside."""
        self._alone.append(task)

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield what becomes of each task, as it comes."""
        waiting = deque(tasks)
        with connected(self.address, self.connect_s) as client:
            try:
                sending = _Sending(client, self.loaded)
                while waiting or self._sent or self._alone:
                    if not waiting and not self._sent:
                        waiting.append(self._alone.popleft())
                    self._count_threads(client)
                    while waiting and len(self._sent) < min(_AHEAD * self._threads, self.at_once):
                        yield from self._send(sending, waiting.popleft())
                    yield from self._collect()
            except AutograderError:
                raise
            except Exception as error:
                # A client that has lost its scheduler fails in ways of many kinds.
                if client.status == "running":
                    raise
                raise scheduler_gone(self.address) from error

    def _count_threads(self, client: Client) -> None:
        """See now and then how many submissions the workers can have in hand."""
        if time.monotonic() - self._looked_at < _LOOK_EVERY_S:
            return
        before, self._threads = self._threads, sum(client.nthreads().values())
        if self._threads and not before:
            check_workers(client)
        if not self._threads and (before or self._looked_at < 0):
            self.tell(f"waiting for workers at {self.address}")
        self._looked_at = time.monotonic()

    def _send(self, sending: _Sending, task: Task) -> Iterator[Outcome]:
        """Hand a submission to the scheduler; one that cannot be read is done at once."""
        try:
            content = read_bytes(task.found.path, self.loaded.limits.notebook_mb)
        except UnreadableNotebook as error:
            result = self.loaded.unreadable(task.found.student, b"", str(error))
            yield Done(task, keep(task, result))
            return
        future = sending.send(task, content)
        self._sent[future.key] = _Sent(task, self.loaded.key(content), future)
        future.add_done_callback(self._done.put)

    def _collect(self) -> Iterator[Outcome]:
        try:
            future = self._done.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            return
        sent = self._sent.pop(future.key)
        yield self._outcome(sent)

    def _outcome(self, sent: _Sent) -> Outcome:
        from distributed import KilledWorker

        if sent.future.status not in ("finished", "error"):
            raise scheduler_gone(self.address)
        error = sent.future.exception()
        if isinstance(error, KilledWorker):
            return Died(sent.task)
        if isinstance(error, ImportError):
            raise AutograderError(f"a worker lacks the engine: {error}")
        if error is not None:
            return Failed(sent.task, Failure.of(error))
        match sent.future.result():
            case "graded", str(text):
                return Done(sent.task, keep(sent.task, believed(text, sent.key)))
            case "in doubt", _:
                return Done(sent.task, InDoubt(sent.task))
            case "died", _:
                return Died(sent.task)
            case "differs", str(text):
                raise AutograderError(f"{text}: install the same on both")
            case "error", [str(kind), str(message)]:
                return Failed(sent.task, Failure(kind, message))
        raise AutograderError("a worker sent what is no reply: is its engine ours?")


def judges_at(address: str, at_once: int) -> Callable[[LoadedAssignment], ClusterPool]:
    """Return what makes the judges of a run from the workers at an address."""
    return lambda loaded: ClusterPool(address, loaded, at_once)


def believed(text: str, key: Key) -> SubmissionResult:
    """Return a worker's result where it was made of what the worker was sent."""
    try:
        result = SubmissionResult.model_validate_json(text)
    except ValidationError:
        raise AutograderError("a worker sent what is no result: is its engine ours?") from None
    if result.key != key:
        raise AutograderError(
            f"the result of {result.student!r} was made of other files or by another engine: "
            "start the workers again"
        )
    return result


class _Sending:
    """Puts submissions in the words that workers understand: bytes and JSON."""

    def __init__(self, client: Client, loaded: LoadedAssignment) -> None:
        self._client, self._run = client, uuid4().hex
        bundle = pack(loaded.assignment)
        # A task, not scattered data: its bytes stay at the scheduler, so a lost worker loses
        # nothing; a worker gets them once, and all let go of them when this client ends.
        self._bundle = client.submit(
            bytes, bundle.content, key=f"autograder-course-{bundle.digest}"
        )
        self._shared: dict[str, Any] = {
            "bundle": bundle.digest,
            "versions": versions(),
            "setting": {
                "assignment": loaded.assignment.name,
                "isolation": str(loaded.isolation),
                "limits": asdict(loaded.limits),
            },
        }
        self._count = 0

    def send(self, task: Task, content: bytes) -> Future[Any]:
        """Submit one notebook to the scheduler."""
        kept = read_result(task.earlier) if task.earlier is not None else None
        earlier = kept.model_dump_json().encode() if kept is not None else b""
        submission = {
            "student": task.found.student,
            "name": task.found.path.name,
            "may_doubt": task.may_doubt,
        }
        order = json.dumps({**self._shared, "submission": submission}).encode()
        self._count += 1
        key = f"autograder-submission-{self._run}-{self._count}"
        return self._client.submit(
            grade_on_worker, self._bundle, order, earlier, content, key=key, pure=False
        )
