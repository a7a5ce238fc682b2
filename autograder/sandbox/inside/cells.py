"""The submission process: run a notebook's cells, then fork processes that answer calls."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from functools import partial
from typing import Any

from autograder.sandbox.calls.line import SocketLine
from autograder.sandbox.inside.exercise_process import serve_calls
from autograder.sandbox.inside.namespaces import limit_cpu
from autograder.sandbox.inside.own_functions import OwnFunctions
from autograder.sandbox.inside.processes import reap
from autograder.sandbox.inside.shell import BoxShell
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory import MIB
from autograder.sandbox.wire.frames import Frame, PeerClosed, receive_frame, send_frame
from autograder.sandbox.wire.messages import CellBegins, CellEnded, ExerciseEnded, Replaced

_MAX_CELL_BLOCK = 256 * MIB


class CellInterrupted(KeyboardInterrupt):
    """A cell used up its time."""


class _Interrupts:
    """Whether an interrupt is meant for a cell: one that comes late must not disturb the line."""

    has_cell = False

    @classmethod
    def take(cls, *_: object) -> None:
        """Interrupt the running cell, where one runs; once is enough."""
        if cls.has_cell:
            cls.has_cell = False
            raise CellInterrupted("this cell used up its time")


def serve_submission(sock: socket.socket, shell: BoxShell, limits: Limits) -> None:
    """Answer the judge until it hangs up: first one `cell` after another, then `calls`."""
    signal.signal(signal.SIGINT, _Interrupts.take)
    signal.signal(signal.SIGXCPU, _Interrupts.take)
    own = OwnFunctions(shell.user_ns)
    # The judge may hang up at any time; a stop that comes then must not look like a crash.
    with contextlib.suppress(PeerClosed):
        while True:
            # An interrupt can come in the moment in which its cell ends.
            with contextlib.suppress(CellInterrupted):
                frame = receive_frame(sock, max_block_bytes=_MAX_CELL_BLOCK)
                if frame.header["do"] == "cell":
                    _answer_cell(sock, shell, own, frame, limits)
                elif frame.header["do"] == "calls":
                    _fork_calls(sock, shell, own, limits)


def _answer_cell(
    sock: socket.socket, shell: BoxShell, own: OwnFunctions, frame: Frame, limits: Limits
) -> None:
    header = frame.header
    begins: CellBegins = {"cell": header["cell"]}
    send_frame(sock, begins)
    succeeded, outputs = _run_cell(shell, header["cell"], frame.block.decode(), limits)
    own.look(header["exercises"], header["stubs"])
    ended: CellEnded = {"cell": header["cell"], "succeeded": succeeded}
    send_frame(sock, ended, _as_json(outputs))


def _run_cell(
    shell: BoxShell, index: int, source: str, limits: Limits
) -> tuple[bool, list[dict[str, Any]]]:
    limit_cpu(limits.cell_cpu_s)
    try:
        _Interrupts.has_cell = True
        return shell.run_one(source, int(limits.output_mb * MIB), index)
    except (CellInterrupted, SystemExit) as error:
        _Interrupts.has_cell = False
        outputs = shell.outputs.finished()
        outputs.append(
            {
                "output_type": "error",
                "ename": type(error).__name__,
                "evalue": str(error),
                "traceback": [f"{type(error).__name__}: {error}"],
            }
        )
        return False, outputs
    finally:
        _Interrupts.has_cell = False


def _as_json(outputs: list[dict[str, Any]]) -> bytes:
    """Return outputs as JSON bytes; the judge parses nothing else."""
    return json.dumps(outputs, default=str).encode()


def _fork_calls(sock: socket.socket, shell: BoxShell, own: OwnFunctions, limits: Limits) -> None:
    """Fork an exercise process, and tell when it has ended."""
    _, descriptors, _, _ = socket.recv_fds(sock, 1, 1)
    # What the sweep killed after the last one's end counts as a process until it is reaped.
    reap()
    # The cells are over: an exercise that signals this process must not disturb it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            sock.close()
            calls = SocketLine(socket.socket(fileno=descriptors[0]))
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGXCPU, signal.SIG_DFL)
            own.put_back()
            serve_calls(calls, shell, limits, partial(_run_replacing, shell, limits))
            status = 0
        finally:
            # No atexit handler, no finaliser: this fork ends here whatever the student registered.
            sys.stdout = sys.stderr = None  # type: ignore[assignment]
            os._exit(status)
    os.close(descriptors[0])
    _, status = os.waitpid(child, 0)
    # What the exercise left running has been killed, and became this process's child.
    reap()
    ended: ExerciseEnded = {"ended": status}
    send_frame(sock, ended)


def _run_replacing(
    shell: BoxShell, limits: Limits, index: int, source: str
) -> tuple[Replaced, bytes]:
    """Run code in the place of a cell's; it is interrupted as cells are."""
    signal.signal(signal.SIGXCPU, _Interrupts.take)
    try:
        succeeded, outputs = _run_cell(shell, index, source, limits)
    finally:
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    return {"succeeded": succeeded}, _as_json(outputs)
