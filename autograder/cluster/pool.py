"""Grade on a Dask cluster what `Pool` grades here: hand out submissions, write their results.

No worker is waited for without end: one that does not answer gets nothing more in this run.
"""

from __future__ import annotations

import json
import queue
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from autograder.cluster.believing import Expected
from autograder.cluster.bundle import pack
from autograder.cluster.connection import CONNECT_S, check_workers, connected, scheduler_gone
from autograder.cluster.worker import grade_on_worker
from autograder.errors import AutograderError, Failure
from autograder.grading.events import Died, Done, Event, Failed
from autograder.grading.judge_life import silence_s
from autograder.grading.judge_process import MAX_TRIES, START_S
from autograder.grading.tasks import Graded, InDoubt, Task, alone, keep
from autograder.results.document import read_result
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


@dataclass(frozen=True)
class _Sent:
    """A submission that a worker has, or will have as soon as one is free."""

    task: Task
    content: bytes
    expected: Expected
    future: Future[Any]
    until: float
    """When it is waited for no longer."""
    was_late: bool = False
    """Whether a worker before this one did not answer."""


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
    answer_s: float | None = None
    """How long an answer is waited for; as long as all judges of a worker may take, by default."""
    _alone: deque[Task] = field(default_factory=deque)
    _sent: dict[Any, _Sent] = field(default_factory=dict)
    _done: queue.SimpleQueue[Future[Any]] = field(default_factory=queue.SimpleQueue)
    _lost: set[str] = field(default_factory=set)
    """The addresses of workers that did not answer."""
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
                        yield from self._read(sending, waiting.popleft())
                    yield from self._collect()
                    yield from self._give_up_the_late(sending)
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
        threads = client.nthreads()
        # A new worker may have an address that a lost one had.
        self._lost &= threads.keys()
        before = self._threads
        self._threads = sum(n for address, n in threads.items() if address not in self._lost)
        if self._threads and not before:
            check_workers(client)
        if not self._threads and (before or self._looked_at < 0):
            self.tell(f"waiting for workers at {self.address}")
        self._looked_at = time.monotonic()

    def _read(self, sending: _Sending, task: Task) -> Iterator[Outcome]:
        """Hand a submission to the scheduler; one that cannot be read is done at once."""
        try:
            content = read_bytes(task.found.path, self.loaded.limits.notebook_mb)
        except UnreadableNotebook as error:
            result = self.loaded.unreadable(task.found.student, b"", str(error))
            yield Done(task, keep(task, result))
            return
        self._send(sending, task, content)

    def _send(self, sending: _Sending, task: Task, content: bytes, was_late: bool = False) -> None:
        loaded = self.loaded
        expected = Expected(
            loaded.assignment.name,
            task.found.student,
            str(loaded.isolation),
            loaded.key(content),
            tuple(loaded.judge.exercises),
        )
        future = sending.send(task, content, self._lost)
        until = time.monotonic() + self._answer_s
        self._sent[future.key] = _Sent(task, content, expected, future, until, was_late)
        future.add_done_callback(self._done.put)

    @property
    def _answer_s(self) -> float:
        """How long it may take until a worker has graded all that was handed to it before.

        Each judge starts, and may be silent for so long, once in what it tells and once at its end.
        """
        one_judge_s = START_S + 2 * silence_s(self.loaded.limits)
        return self.answer_s or _AHEAD * MAX_TRIES * one_judge_s

    def _give_up_the_late(self, sending: _Sending) -> Iterator[Outcome]:
        """Hand what a worker does not answer to another one, once."""
        now = time.monotonic()
        late = [(key, sent) for key, sent in self._sent.items() if sent.until < now]
        if not late:
            return
        workers = sending.client.nthreads().keys()
        processing = sending.client.processing()
        for key, sent in late:
            if not workers:
                # It waits, as the whole run does.
                self._sent[key] = replace(sent, until=now + self._answer_s)
                continue
            of_it = {key, *sending.bundle_keys}
            for address in {at for at, keys in processing.items() if of_it & set(keys)}:
                if address not in self._lost:
                    self.tell(f"the worker {address} does not answer: it gets nothing more")
                self._lost.add(address)
            del self._sent[key]
            sent.future.cancel()
            if sent.was_late or not workers - self._lost:
                yield Died(sent.task, was_late=True)
            else:
                self._send(sending, sent.task, sent.content, was_late=True)

    def _collect(self) -> Iterator[Outcome]:
        try:
            future = self._done.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            return
        sent = self._sent.pop(future.key, None)
        # What was given up may be answered after all.
        if sent is not None:
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
                return Done(sent.task, keep(sent.task, sent.expected.result(text)))
            case "in doubt", str(text):
                return Done(sent.task, InDoubt(alone(sent.task, sent.expected.begun(text))))
            case ("died" | "late") as how, str(text):
                task = replace(sent.task, begun=sent.expected.begun(text))
                return Died(task, was_late=how == "late")
            case "differs", str(text):
                raise AutograderError(f"{text}: install the same on both")
            case "error", [str(kind), str(message)]:
                return Failed(sent.task, Failure(kind, message))
        raise AutograderError("a worker sent what is no reply: is its engine ours?")


def judges_at(address: str, at_once: int) -> Callable[[LoadedAssignment], ClusterPool]:
    """Return what makes the judges of a run from the workers at an address."""
    return lambda loaded: ClusterPool(address, loaded, at_once)


class _Sending:
    """Puts submissions in the words that workers understand: bytes and JSON."""

    def __init__(self, client: Client, loaded: LoadedAssignment) -> None:
        self.client, self._run = client, uuid4().hex
        bundle = pack(loaded.assignment)
        self._content, self._digest = bundle.content, bundle.digest
        self._bundles: dict[frozenset[str], Future[Any]] = {}
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

    def send(self, task: Task, content: bytes, lost: set[str]) -> Future[Any]:
        """Submit one notebook to the scheduler, for any worker but these."""
        kept = read_result(task.earlier) if task.earlier is not None else None
        earlier = kept.model_dump_json().encode() if kept is not None else b""
        submission = {
            "student": task.found.student,
            "name": task.found.path.name,
            "may_keep": task.may_keep,
            "may_doubt": task.may_doubt,
            "begun": task.begun.model_dump(mode="json"),
        }
        order = json.dumps({**self._shared, "submission": submission}).encode()
        self._count += 1
        key = f"autograder-submission-{self._run}-{self._count}"
        others = [one for one in self.client.nthreads() if one not in lost] if lost else None
        return self.client.submit(
            grade_on_worker,
            self._bundle(frozenset(lost), others),
            order,
            earlier,
            content,
            key=key,
            pure=False,
            workers=others,
        )

    @property
    def bundle_keys(self) -> set[str]:
        """The names of the tasks that bring the course's files to a worker."""
        return {str(future.key) for future in self._bundles.values()}

    def _bundle(self, lost: frozenset[str], others: list[str] | None) -> Future[Any]:
        """Return the course's files as a task of the scheduler; not one that a lost worker holds.

        A task, not scattered data: its bytes stay at the scheduler, so a worker that ends loses
        nothing; a worker gets them once, and all let go of them when this client ends.
        """
        if lost not in self._bundles:
            key = f"autograder-course-{self._digest}"
            if lost:
                key += f"-{self._run}-{len(self._bundles)}"
            self._bundles[lost] = self.client.submit(bytes, self._content, key=key, workers=others)
        return self._bundles[lost]
