"""The exercise process: serve calls of one exercise after another until the judge hangs up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograder.sandbox.calls.line import SocketLine
from autograder.sandbox.calls.remote_functions import RemoteFunction
from autograder.sandbox.calls.serving import CallServer
from autograder.sandbox.inside.namespaces import limit_cpu
from autograder.sandbox.inside.shell import BoxShell
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.frames import PeerClosed
from autograder.sandbox.wire.messages import Replaced

RunCell = Callable[[str], tuple[Replaced, bytes]]
"""Runs a cell's code; returns what to tell of it: header and block."""


class _Functions:
    """The notebook's functions by name, some of them replaced by others."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._notebook = dict(names)
        self._own = self._notebook

    def choose(self, exercise: str, stand_ins: dict[str, RemoteFunction]) -> Any:
        """Put these stand-ins in the place of all earlier ones; return the exercise's function."""
        self._put({**self._own, **stand_ins})
        function = self._names.get(exercise)
        return function if callable(function) else None

    def replace(self, exercise: str, source: str, run_cell: RunCell) -> tuple[Replaced, bytes]:
        """Run other code in the place of an exercise's cell; where it fails, nothing is left."""
        self._put({name: own for name, own in self._notebook.items() if name != exercise})
        told = run_cell(source)
        self._own = dict(self._names)
        return told

    def _put(self, names: dict[str, Any]) -> None:
        self._names.clear()
        self._names.update(names)


def serve_calls(line: SocketLine, shell: BoxShell, limits: Limits, run_cell: RunCell) -> None:
    """Serve the calls of one exercise after another until the judge hangs up."""
    functions = _Functions(shell.user_ns)
    server = CallServer(line, None, lambda filename: filename in shell.compile._filename_map)
    while True:
        try:
            frame = line.receive()
        except PeerClosed:
            return
        header = frame.header
        if header["do"] == "replace":
            line.send(*functions.replace(header["exercise"], header["source"], run_cell))
        elif header["do"] == "exercise":
            stand_ins = {
                name: RemoteFunction(line, {"stand_in": name}, server.given)
                for name in header["stand_ins"]
            }
            server.function = functions.choose(header["exercise"], stand_ins)
        else:
            limit_cpu(limits.call_cpu_s)
            server.handle(frame)
