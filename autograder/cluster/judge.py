"""The judge of a Dask worker, a process of its own: grades what comes on its socket, one by one.

The worker cannot judge itself: it grades in threads, and a judge interrupts its own main thread.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.course.facts import slow_imports
from autograder.course.files import Course
from autograder.errors import Failure
from autograder.grading.pool import limit_memory
from autograder.results.document import SubmissionResult
from autograder.sandbox.host.box import Box
from autograder.sandbox.host.time_limit import times_broken_off
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.frames import Frame, PeerClosed, receive_frame, send_frame

if TYPE_CHECKING:
    from autograder.grading.submission import Grader

_IDLE_S = 60.0
"""A run is over, or was cut off: the worker's memory is given back."""
_MAX_REQUEST_BYTES = 2**31


def main() -> None:
    """Serve one worker, on the socket whose descriptor is the only argument."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    requests: queue.Queue[Frame] = queue.Queue()
    threading.Thread(target=_listen, args=(sock, requests), daemon=True).start()
    try:
        with _make_grader(requests.get().header) as grader:
            limit_memory()
            for request in _until_idle(requests):
                send_frame(sock, *_answer(grader, request))
                if times_broken_off():
                    # Something may be half done in here: the worker starts another judge.
                    break
    except PeerClosed:
        pass
    except Exception as error:
        with contextlib.suppress(PeerClosed):
            send_frame(sock, {"error": asdict(Failure.of(error))})


def _listen(sock: socket.socket, requests: queue.Queue[Frame]) -> None:
    """Take in what the worker sends; end this process, whatever it does, when the worker ends."""
    # The alarm that ends a call must meet the thread that serves it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    try:
        while True:
            requests.put(receive_frame(sock, max_block_bytes=_MAX_REQUEST_BYTES))
    finally:
        os._exit(0)


def _until_idle(requests: queue.Queue[Frame]) -> Iterator[Frame]:
    try:
        while True:
            yield requests.get(timeout=_IDLE_S)
    except queue.Empty:
        return


def _make_grader(settings: dict[str, Any]) -> Grader:
    """Open a box, and load the hidden tests meanwhile."""
    assignment = Course(Path(settings["root"])).assignment(settings["assignment"])
    isolation, limits = Isolation(settings["isolation"]), Limits(**settings["limits"])
    box = Box(isolation, assignment.course.data, slow_imports=slow_imports(assignment)).launch()
    # Imports torch, as the box does at the same time.
    from autograder.grading.loaded import LoadedAssignment
    from autograder.grading.submission import Grader

    return Grader(LoadedAssignment(assignment, isolation, limits), box)


def _answer(grader: Grader, request: Frame) -> tuple[dict[str, Any], bytes]:
    header, block = request.header, request.block
    earlier, content = block[: header["earlier"]], block[header["earlier"] :]
    from autograder.grading.submission import Earlier

    kept = SubmissionResult.model_validate_json(earlier) if earlier else None
    try:
        result = grader.grade_bytes(content, header["student"], header["name"], Earlier(kept))
    except Exception as error:
        return {"error": asdict(Failure.of(error))}, b""
    if result.in_doubt and header["may_doubt"]:
        return {"in_doubt": True}, b""
    return {}, result.model_dump_json().encode()


if __name__ == "__main__":
    main()
