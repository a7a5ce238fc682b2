"""Judges that are started, not forked: for whoever has threads, or must stay small and answer.

One judge grades one submission at a time, and may be killed at any moment; what it said stands.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import autograder
from autograder.errors import Failure
from autograder.grading.begun import Begun
from autograder.grading.events import Died, Done, Failed
from autograder.grading.judge_life import kill_with_all_below, silence_s
from autograder.grading.judge_orders import Answer, Order, Setting, frame_of
from autograder.sandbox.wire.frames import (
    DeadlinePassed,
    Frame,
    FrameError,
    PeerClosed,
    receive_frame,
    send_frame,
)

MAX_TRIES = 3
MAX_MESSAGE_BYTES = 2**31
START_S = 120.0
"""How long a judge may take to load the hidden tests."""
_TAKE_S = 60.0
"""How long a judge may take to take in a submission."""


class JudgeGone(Exception):
    """A judge died, or is killed because it said nothing for too long."""

    def __init__(self, was_late: bool = False) -> None:
        super().__init__()
        self.was_late = was_late


class JudgeProcess:
    """A judge's process, and this end of the socket to it."""

    def __init__(self, setting: Setting) -> None:
        """Start a judge for one course's files and limits."""
        self.setting, self.owner = setting, os.getpid()
        self._sock, theirs = socket.socketpair()
        # Held here alone: when this process ends, however it does, the judge does.
        end_of_life, self._life = os.pipe()
        given = [theirs.fileno(), end_of_life]
        packages = [str(Path(autograder.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            # Not this process's own folder: what lies there is no package of ours.
            [sys.executable, "-P", "-m", "autograder.grading.judge_main", *map(str, given)],
            pass_fds=given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, packages))},
            # The terminal's Ctrl-C is its starter's to handle.
            start_new_session=True,
        )
        theirs.close()
        os.close(end_of_life)
        self._is_ready = False

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    @property
    def is_ours(self) -> bool:
        """Whether this process has started it, and not one that this was forked from."""
        return self.owner == os.getpid()

    def ask(
        self, header: dict[str, Any], block: bytes, tell: Callable[[Begun], None]
    ) -> tuple[dict[str, Any], bytes]:
        """Return the judge's answer, each bit told before it; raise JudgeGone where none comes."""
        self._get_ready()
        self._send(header, block)
        while True:
            frame = self._hear(silence_s(self.setting.limits))
            if "told" not in frame.header:
                if frame.header.get("last"):
                    self.end()
                return frame.header, frame.block
            tell(Begun.model_validate_json(frame.block))

    def _get_ready(self) -> None:
        if self._is_ready:
            return
        self._send(asdict(self.setting), b"")
        self._hear(START_S)
        self._is_ready = True

    def _send(self, header: dict[str, Any], block: bytes) -> None:
        try:
            self._sock.settimeout(_TAKE_S)
            send_frame(self._sock, header, block)
        except (PeerClosed, DeadlinePassed, OSError) as error:
            # What it said before it hung up is heard first.
            if not isinstance(error, PeerClosed):
                self._give_up(was_late=isinstance(error, DeadlinePassed))

    def _hear(self, at_most_s: float) -> Frame:
        try:
            return receive_frame(
                self._sock,
                max_block_bytes=MAX_MESSAGE_BYTES,
                deadline=time.monotonic() + at_most_s,
            )
        except DeadlinePassed:
            self._give_up(was_late=True)
        except (PeerClosed, FrameError):
            self._give_up(was_late=False)
        raise AssertionError("unreachable")

    def _give_up(self, was_late: bool) -> None:
        self.end()
        raise JudgeGone(was_late)

    def end(self) -> None:
        """End the process, whatever it does, and its box."""
        if self._life < 0:
            return
        self._sock.close()
        os.close(self._life)
        self._life = -1
        if not self.is_ours:
            return
        if self.lives:
            kill_with_all_below(self._process.pid)
        self._process.wait()


class JudgeProcesses:
    """The judges of this process: one for each thread that asks, warm between submissions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[JudgeProcess] = []
        self._lent = 0

    def grade(self, setting: Setting, order: Order, at_most: int) -> Answer:
        """Grade a submission; where its judge dies or hangs, go on from what it told.

        Judges of other settings are ended where there would be more than `at_most`.
        """
        told: list[Begun] = []
        was_late = False
        for _ in range(MAX_TRIES):
            order, told = order.after(told), []
            try:
                with self._lend(setting, at_most) as judge:
                    return _answer(order, *judge.ask(*frame_of(order), told.append))
            except JudgeGone as gone:
                was_late = gone.was_late
        return Died(order, told, was_late)

    def unfinished(
        self, setting: Setting, died: Died[Order], why: str, at_most: int
    ) -> bytes | Failure:
        """Return the result, for a person to look at, of an order whose judges died."""
        order = died.task.after(died.told)
        header, block = frame_of(order)
        header |= {"unfinished": why, "was_late": died.was_late}
        for _ in range(MAX_TRIES):
            with contextlib.suppress(JudgeGone), self._lend(setting, at_most) as judge:
                header, block = judge.ask(header, block, lambda bit: None)
                return Failure(**header["error"]) if "error" in header else block
        return Failure("JudgeGone", f"{why}; and no other judge starts")

    @contextlib.contextmanager
    def _lend(self, setting: Setting, at_most: int) -> Iterator[JudgeProcess]:
        """Lend a judge of this setting; start one where none is idle."""
        with self._lock:
            judge = self._take(setting)
            self._lent += 1
            while judge is None and self._idle and len(self._idle) + self._lent > at_most:
                self._idle.pop(0).end()
        try:
            judge = judge or JudgeProcess(setting)
            yield judge
        except BaseException:
            # An answer that nobody waited for must not be the next one's.
            if judge is not None:
                judge.end()
            raise
        finally:
            with self._lock:
                self._lent -= 1
                if judge is not None and judge.lives:
                    self._idle.append(judge)

    def _take(self, setting: Setting) -> JudgeProcess | None:
        for judge in list(self._idle):
            if not (judge.is_ours and judge.lives):
                self._idle.remove(judge)
                judge.end()
            elif judge.setting.text == setting.text:
                self._idle.remove(judge)
                return judge
        return None

    def close(self) -> None:
        """End those that nobody uses."""
        with self._lock:
            while self._idle:
                self._idle.pop().end()


def _answer(order: Order, header: dict[str, Any], block: bytes) -> Answer:
    """Return what a judge's last frame says; what is no answer comes from a judge that is lost."""
    if "error" in header:
        return Failed(order, Failure(**header["error"]))
    if "in_doubt" in header:
        return Done(order, Begun.model_validate_json(block))
    if "graded" in header:
        return Done(order, block)
    raise JudgeGone
