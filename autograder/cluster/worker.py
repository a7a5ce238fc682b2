"""What runs in a Dask worker: hands each submission to a judge, a warm process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import autograder
from autograder.cluster.bundle import unpack
from autograder.errors import Failure
from autograder.results.versions import difference, versions
from autograder.sandbox.wire.frames import Frame, FrameError, PeerClosed, receive_frame, send_frame

_MAX_TRIES = 3
_MAX_RESULT_BYTES = 2**31

Reply = tuple[str, str | list[str]]
"""What became of a submission (graded, in doubt, died, error, differs), and what is told of it."""


def grade_on_worker(bundle: bytes, order: bytes, earlier: bytes, content: bytes) -> Reply:
    """Grade one notebook's bytes; all that goes in and comes out is plain data."""
    from distributed import get_worker

    worker = get_worker()
    asked = json.loads(order)
    differs = difference(asked["versions"], versions())
    if differs:
        return "differs", f"the worker {worker.address} has {differs}"
    with _UNPACKING:
        root = unpack(bundle, asked["bundle"], Path(worker.local_directory))
    setting = json.dumps({**asked["setting"], "root": str(root)}, sort_keys=True)
    request = {**asked["submission"], "earlier": len(earlier)}
    for _ in range(_MAX_TRIES):
        with _JUDGES.lend(setting, worker.state.nthreads) as judge:
            reply = judge.ask(request, earlier + content)
            if reply is not None:
                return _read(reply, worker.address)
    return "died", ""


def _read(reply: Frame, address: str) -> Reply:
    if "error" in reply.header:
        met = Failure(**reply.header["error"])
        return "error", [met.kind, f"on the worker {address}: {met.message}"]
    if "in_doubt" in reply.header:
        return "in doubt", ""
    return "graded", reply.block.decode()


@dataclass
class Judge:
    """A judge's process, and the worker's end of the socket to it."""

    setting: str
    process: subprocess.Popen[bytes]
    sock: socket.socket

    @classmethod
    def start(cls, setting: str) -> Judge:
        """Start a judge for one course's files and limits."""
        ours, theirs = socket.socketpair()
        packages = [str(Path(autograder.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        process = subprocess.Popen(
            # Not the worker's own folder: what lies there is no package of ours.
            [sys.executable, "-P", "-m", "autograder.cluster.judge", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, packages))},
            # The terminal's Ctrl-C is the worker's to handle; when it ends, so does this.
            start_new_session=True,
        )
        theirs.close()
        with contextlib.suppress(PeerClosed):
            send_frame(ours, json.loads(setting))
        return cls(setting, process, ours)

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def ask(self, request: dict[str, Any], block: bytes) -> Frame | None:
        """Return the judge's answer, or nothing where it died."""
        try:
            send_frame(self.sock, request, block)
            return receive_frame(self.sock, max_block_bytes=_MAX_RESULT_BYTES)
        except (PeerClosed, FrameError):
            self.end()
            return None

    def end(self) -> None:
        """End the process and its box."""
        self.sock.close()
        self.process.kill()
        self.process.wait()


class _Judges:
    """The judges of this worker: one a thread, warm as long as the same course is graded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Judge] = []
        self._lent = 0

    @contextlib.contextmanager
    def lend(self, setting: str, threads: int) -> Iterator[Judge]:
        """Lend a judge of this setting; start one where none is idle."""
        with self._lock:
            judge = self._take(setting)
            self._lent += 1
            while judge is None and self._idle and len(self._idle) + self._lent > threads:
                self._idle.pop(0).end()
        try:
            judge = judge or Judge.start(setting)
            yield judge
        finally:
            with self._lock:
                self._lent -= 1
                if judge is not None and judge.lives:
                    self._idle.append(judge)

    def _take(self, setting: str) -> Judge | None:
        for judge in list(self._idle):
            if not judge.lives:
                self._idle.remove(judge)
                judge.end()
            elif judge.setting == setting:
                self._idle.remove(judge)
                return judge
        return None


_JUDGES = _Judges()
_UNPACKING = threading.Lock()
