"""Our own functions in a process apart, where student code may ask them; killed when it is late.

A function in native code hears no alarm of Python's, and arguments that students choose can cost
any amount of memory. Here both cost the submission that chose them, and nothing of the judge's.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.sandbox.host.asked_functions import Answered, AskedFunctions, Function, refusal
from autograder.sandbox.host.handed_over import AskBox, HandedOver
from autograder.sandbox.memory import MIB, held_data_bytes
from autograder.sandbox.seeds import seed_everything
from autograder.sandbox.wire.frames import (
    DeadlinePassed,
    Frame,
    FrameError,
    PeerClosed,
    receive_frame,
    send_frame,
)
from autograder.sandbox.wire.handed_over import HandedDecoder
from autograder.sandbox.wire.results_out import Decoder, HostileReply

_MEMORY_MB = 1024
_MAX_RESULT_BYTES = 64 * MIB
_PR_SET_PDEATHSIG = 1


@dataclass
class References:
    """The references of an assignment, for the code of one submission to ask.

    The process that runs them is forked at the first question, and again after one was killed.
    """

    functions: Mapping[str, Function] = field(default_factory=dict)
    _pid: int = 0
    _sock: socket.socket | None = None

    def ask(
        self,
        name: str | None,
        frame: Frame,
        question: tuple[int, int, int],
        deadline: float,
        ask_box: AskBox,
    ) -> Answered:
        """Return what a reference answers to a frame of the box's, before `deadline`.

        `name` is none where the gradients of an earlier call are asked for. `question` says for
        what question of the hidden tests this is: the test's number, the question's, and its seed.
        Where the reference calls a function that stayed in the box, `ask_box` brings the answer.
        """
        order = {"name": name, "question": question, "asked": frame.header}
        answer = self._talk(order, frame.block, deadline)
        while answer is not None and "asks_box" in answer.header:
            try:
                brought = ask_box(answer.header["asks_box"], answer.block)
            except BaseException:
                # It waits for an answer that does not come.
                self.close()
                raise
            answer = self._talk({"brought": brought.header}, brought.block, deadline)
        if answer is None:
            return refusal(MemoryError("our own function took more than it may"))
        if "hostile" in answer.header:
            raise HostileReply(answer.header["hostile"])
        return answer.header, answer.block

    def _talk(self, header: Mapping[str, Any], block: bytes, deadline: float) -> Frame | None:
        """Tell the process something, and hear what it says; none where it is gone."""
        if self._sock is None and "brought" in header:
            # It ended while what it had asked for was fetched.
            return None
        sock = self._sock or self._start()
        try:
            send_frame(sock, header, block)
            return receive_frame(sock, max_block_bytes=_MAX_RESULT_BYTES, deadline=deadline)
        except DeadlinePassed:
            self.close()
            raise
        except (PeerClosed, FrameError):
            self.close()
            return None

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._sock is None:
            return
        self._sock.close()
        self._sock = None
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        judge = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _shut_off(theirs, judge)
                _serve(theirs, self.functions)
            finally:
                os._exit(0)
        theirs.close()
        self._sock = ours
        return ours


def _shut_off(sock: socket.socket, judge: int) -> None:
    """Keep nothing of the judge's open, end with it, and take no more memory than is allowed."""
    number = sock.fileno()
    os.closerange(3, number)
    os.closerange(number + 1, os.sysconf("SC_OPEN_MAX"))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != judge:
        os._exit(0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    limit = held_data_bytes() + _MEMORY_MB * MIB
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _serve(sock: socket.socket, functions: Mapping[str, Function]) -> None:
    """Answer the judge until it hangs up."""
    server = _Server(sock, functions)
    # The judge's end tells all there is to tell.
    with contextlib.suppress(PeerClosed):
        while True:
            order = receive_frame(sock, max_block_bytes=_MAX_RESULT_BYTES)
            send_frame(sock, *server.answer(order))


@dataclass
class _Server:
    """Answers orders; one may come while another one waits for the box."""

    sock: socket.socket
    functions: Mapping[str, Function]
    _asked: AskedFunctions = field(default_factory=AskedFunctions)
    _test: int = -1
    _question: int = -1

    def answer(self, order: Frame) -> Answered:
        """Return the answer to an order."""
        self._begin(*order.header["question"])
        header = order.header["asked"]
        try:
            if order.header["name"] is None:
                return self._asked.gradient(header, Decoder(order.block))
            lent = HandedOver(self._ask_box)
            decoder = HandedDecoder(order.block, function=lent.function)
            value = decoder.value(header.get("value"))
            return self._asked.call(self.functions[order.header["name"]], value, decoder, lent)
        except HostileReply as error:
            return {"hostile": str(error)}, b""
        except PeerClosed:
            raise
        except Exception as error:
            return refusal(error)

    def _begin(self, test: int, question: int, seed: int) -> None:
        if test != self._test:
            self._asked = AskedFunctions()
        if (test, question) != (self._test, self._question):
            # As if the test's own process ran it: what it draws is the question's.
            seed_everything(seed)
        self._test, self._question = test, question

    def _ask_box(self, header: Mapping[str, Any], block: bytes) -> Frame:
        """Let the judge ask the box; answer what the box asks before it replies."""
        send_frame(self.sock, {"asks_box": header}, block)
        while True:
            frame = receive_frame(self.sock, max_block_bytes=_MAX_RESULT_BYTES)
            if "brought" in frame.header:
                return Frame(frame.header["brought"], frame.block)
            send_frame(self.sock, *self.answer(frame))
