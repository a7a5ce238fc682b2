"""The process of a started judge: grades what comes on its socket, one by one, until it is idle.

Its main thread grades, for a time limit interrupts that one alone.
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

import autograder.lean_start  # noqa: F401  Before numpy and torch.
from autograder.course.facts import slow_imports
from autograder.course.files import Course
from autograder.errors import Failure
from autograder.grading.begun import Begun
from autograder.grading.judge_life import Wear, become_judge, limit_memory
from autograder.grading.judge_orders import Order, order_of, setting_of
from autograder.grading.judge_process import MAX_MESSAGE_BYTES
from autograder.results.document import parse_result, result_bytes
from autograder.sandbox.host.box import Box
from autograder.sandbox.memory import MemoryRanOut, is_out_of_memory
from autograder.sandbox.wire.frames import Frame, PeerClosed, receive_frame, send_frame

if TYPE_CHECKING:
    from autograder.grading.submission import Grader

_IDLE_S = 60.0
"""A run is over, or was cut off: its starter's memory is given back."""

_Said = tuple[dict[str, Any], bytes]


def main() -> None:
    """Serve one starter: two descriptors, of the socket and of a pipe that lives as long as it."""
    sock, starter = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    become_judge(starter)
    # Whoever starts it may have blocked what ends a call.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    requests: queue.Queue[Frame] = queue.Queue()
    threading.Thread(target=_listen, args=(sock, requests), daemon=True).start()
    try:
        with _make_grader(requests.get().header) as grader:
            limit_memory(os.getpid())
            wear = Wear()
            send_frame(sock, {"ready": True})
            for request in _until_idle(requests):
                header, block = _answer(grader, request, sock)
                send_frame(sock, header | {"last": wear.is_worn}, block)
                if wear.is_worn:
                    break
    except (PeerClosed, MemoryError, MemoryRanOut):
        # Nobody listens; or the starter hears that this judge is gone, and takes another.
        os._exit(1)
    except Exception as error:
        with contextlib.suppress(PeerClosed):
            # In place of `ready`, and of the answer to what was sent since.
            send_frame(sock, {"ready": False})
            send_frame(sock, _failed(error) | {"last": True})


def _listen(sock: socket.socket, requests: queue.Queue[Frame]) -> None:
    """Take in what the starter sends; end this process, whatever it does, when it hangs up."""
    # The alarm that ends a call must meet the thread that serves it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    try:
        while True:
            requests.put(receive_frame(sock, max_block_bytes=MAX_MESSAGE_BYTES))
    finally:
        os._exit(0)


def _until_idle(requests: queue.Queue[Frame]) -> Iterator[Frame]:
    try:
        while True:
            yield requests.get(timeout=_IDLE_S)
    except queue.Empty:
        return


def _make_grader(header: dict[str, Any]) -> Grader:
    """Open a box, and load the hidden tests meanwhile."""
    setting = setting_of(header)
    assignment = Course(Path(setting.root)).assignment(setting.assignment)
    slow = slow_imports(assignment)
    box = Box(setting.isolation, assignment.course.data, slow_imports=slow).launch()
    # Imports torch, as the box does at the same time.
    from autograder.grading.loaded import LoadedAssignment
    from autograder.grading.submission import Grader

    return Grader(LoadedAssignment(assignment, setting.isolation, setting.limits), box)


def _answer(grader: Grader, request: Frame, sock: socket.socket) -> _Said:
    try:
        order = order_of(request.header, request.block)
        if "unfinished" in request.header:
            return _unfinished(grader, order, request.header)
        return _grade(grader, order, sock)
    except Exception as error:
        if is_out_of_memory(error):
            # Whose fault it was is not known: what this judge held before, or this submission.
            raise MemoryRanOut from None
        return _failed(error), b""


def _grade(grader: Grader, order: Order, sock: socket.socket) -> _Said:
    def tell(bit: Begun) -> None:
        send_frame(sock, {"told": True}, bit.model_dump_json().encode())

    from autograder.grading.submission import Earlier

    earlier = Earlier(parse_result(order.kept), order.may_keep, order.begun)
    graded = grader.grade_content(
        order.content, order.student, order.name, earlier, may_doubt=order.may_doubt, tell=tell
    )
    if graded.begun is not None:
        return {"in_doubt": True}, graded.begun.model_dump_json().encode()
    return {"graded": True}, result_bytes(graded.result)


def _unfinished(grader: Grader, order: Order, header: dict[str, Any]) -> _Said:
    from autograder.grading.unfinished import unfinished

    result = unfinished(
        grader.loaded,
        order.student,
        order.content,
        order.begun,
        header["unfinished"],
        header["was_late"],
    )
    return {"graded": True}, result_bytes(result)


def _failed(error: Exception) -> dict[str, Any]:
    return {"error": asdict(Failure.of(error))}


if __name__ == "__main__":
    main()
