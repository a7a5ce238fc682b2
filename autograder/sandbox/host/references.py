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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.sandbox.memory import MIB, held_data_bytes
from autograder.sandbox.seeds import seed_everything
from autograder.sandbox.wire.arguments_in import pack
from autograder.sandbox.wire.frames import (
    DeadlinePassed,
    Frame,
    FrameError,
    PeerClosed,
    receive_frame,
    send_frame,
)
from autograder.sandbox.wire.messages import Refused, Returned
from autograder.sandbox.wire.results_out import Decoder, HostileReply, carries_graph
from autograder.sandbox.wire.trees import leaves

Answered = tuple[Mapping[str, Any], bytes]
"""A message of ours, and its block."""
Function = Callable[..., Any]

_MEMORY_MB = 1024
_MAX_RESULT_BYTES = 64 * MIB
_PR_SET_PDEATHSIG = 1


@dataclass
class _Graph:
    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]


@dataclass
class AskedFunctions:
    """Functions of ours as student code calls them, and what gradients of these calls need."""

    first_handle: int = 1
    graphs: dict[int, _Graph] = field(default_factory=dict)

    def call(self, function: Function, value: Any, decoder: Decoder) -> Answered:
        """Call one with decoded arguments; its exception is the caller's to see."""
        if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict)):
            raise HostileReply("a callback without arguments")
        decoder.finish()
        inputs = [decoder.graphs[number].requires_grad_() for number in sorted(decoder.graphs)]
        result = function(*value[0], **value[1])
        outputs = [one for one in leaves(result) if carries_graph(one)]
        handle = self.first_handle + len(self.graphs)
        self.graphs[handle] = _Graph(inputs, outputs)
        returned: Returned = {"handle": handle}
        return returned, pack(result).block

    def gradient(self, header: Mapping[str, Any], decoder: Decoder) -> Answered:
        """Return the vector-Jacobian product of an earlier call."""
        graph = self.graphs.get(header["callback_gradient"])
        nodes = header.get("weights")
        if graph is None or not isinstance(nodes, list) or len(nodes) != len(graph.outputs):
            raise HostileReply("a gradient of a call that was not made")
        weights = [decoder.value(node) for node in nodes]
        decoder.finish()
        gradients = torch.autograd.grad(
            graph.outputs, graph.inputs, weights, retain_graph=True, allow_unused=True
        )
        returned: Returned = {}
        return returned, pack(list(gradients)).block


def refusal(error: Exception) -> Answered:
    """Return what student code hears where a function of ours raised."""
    refused: Refused = {"refused": f"{type(error).__name__}: {error}"[:500]}
    return refused, b""


@dataclass
class References:
    """The references of an assignment, for the code of one submission to ask.

    The process that runs them is forked at the first question, and again after one was killed.
    """

    functions: Mapping[str, Function] = field(default_factory=dict)
    _pid: int = 0
    _sock: socket.socket | None = None

    def ask(
        self, name: str | None, frame: Frame, question: tuple[int, int, int], deadline: float
    ) -> Answered:
        """Return what a reference answers to a frame of the box's, before `deadline`.

        `name` is none where the gradients of an earlier call are asked for. `question` says for
        what question of the hidden tests this is: the test's number, the question's, and its seed.
        """
        sock = self._sock or self._start()
        order = {"name": name, "question": question, "asked": frame.header}
        try:
            send_frame(sock, order, frame.block)
            answer = receive_frame(sock, max_block_bytes=_MAX_RESULT_BYTES, deadline=deadline)
        except DeadlinePassed:
            self.close()
            raise
        except (PeerClosed, FrameError):
            self.close()
            return refusal(MemoryError("our own function took more than it may"))
        if "hostile" in answer.header:
            raise HostileReply(answer.header["hostile"])
        return answer.header, answer.block

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
    asked, test, question = AskedFunctions(), -1, -1
    while True:
        try:
            order = receive_frame(sock, max_block_bytes=_MAX_RESULT_BYTES)
        except PeerClosed:
            return
        now_test, now_question, seed = order.header["question"]
        if now_test != test:
            asked = AskedFunctions()
        if (now_test, now_question) != (test, question):
            # As if the test's own process ran it: what it draws is the question's.
            seed_everything(seed)
        test, question = now_test, now_question
        header, decoder = order.header["asked"], None
        try:
            decoder = Decoder(order.block)
            if order.header["name"] is None:
                answer = asked.gradient(header, decoder)
            else:
                value = decoder.value(header.get("value"))
                answer = asked.call(functions[order.header["name"]], value, decoder)
        except HostileReply as error:
            answer = {"hostile": str(error)}, b""
        except Exception as error:
            answer = refusal(error)
        send_frame(sock, *answer)
