"""A time limit on what of ours runs for student code, in this very process.

Between two bytecodes alone: native code runs on, and is ended with its process, from outside.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from autograder.sandbox.wire.frames import DeadlinePassed

_AGAIN_S = 0.5
_broken_off = 0


def times_broken_off() -> int:
    """Return how often work was broken off in this process; an import, say, is half done then."""
    return _broken_off


@contextlib.contextmanager
def until(deadline: float) -> Iterator[None]:
    """Raise DeadlinePassed in what runs here when its time (of time.monotonic) is over.

    Raises RuntimeError in any thread but the main one, which alone can be interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("what runs for student code runs in the main thread, or without a limit")
    is_over = False

    def stop(number: int, frame: FrameType | None) -> None:
        global _broken_off
        if not is_over:
            _broken_off += 1
            raise DeadlinePassed

    before = signal.signal(signal.SIGALRM, stop)
    began = time.monotonic()
    # Again and again: Python drops what is raised in a finaliser.
    outer_s, _ = signal.setitimer(signal.ITIMER_REAL, max(deadline - began, 0.001), _AGAIN_S)
    try:
        yield
    finally:
        is_over = True
        left_s = max(outer_s - (time.monotonic() - began), 0.001) if outer_s else 0
        signal.setitimer(signal.ITIMER_REAL, left_s, _AGAIN_S if left_s else 0)
        signal.signal(signal.SIGALRM, before)
