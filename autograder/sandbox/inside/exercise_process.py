"""The exercise process: serve calls of one exercise after another until the judge hangs up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from autograder.sandbox.calls.line import SocketLine
from autograder.sandbox.calls.serving import CallServer
from autograder.sandbox.inside.namespaces import limit_cpu
from autograder.sandbox.inside.shell import BoxShell
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.frames import PeerClosed
from autograder.sandbox.wire.messages import Replaced

RunCell = Callable[[int, str], tuple[Replaced, bytes]]
"""Runs code in the place of a cell's; returns what to tell of it: header and block."""


class _Functions:
    """The notebook's functions by name, some of them replaced by others."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._notebook = dict(names)
        self._own = self._notebook

    def choose(self, exercise: str, names: list[str], make: Callable[[str, Any], Any]) -> Any:
        """Put stand-ins of these names in place of all earlier ones; return what is to be called.

        `make` makes one of its name and the notebook's own function.
        """
        self._put({**self._own, **{name: make(name, self._own.get(name)) for name in names}})
        function = self._names.get(exercise)
        return function if callable(function) else None

    def replace(self, header: Mapping[str, Any], run_cell: RunCell) -> tuple[Replaced, bytes]:
        """Run other code in the place of an exercise's cell; where it fails, nothing is left."""
        exercise = header["exercise"]
        self._put({name: own for name, own in self._notebook.items() if name != exercise})
        told = run_cell(header["cell"], header["source"])
        self._own = dict(self._names)
        return told

    def _put(self, names: dict[str, Any]) -> None:
        self._names.clear()
        self._names.update(names)


def serve_calls(line: SocketLine, shell: BoxShell, limits: Limits, run_cell: RunCell) -> None:
    """Serve the calls of one exercise after another until the judge hangs up."""
    functions = _Functions(shell.user_ns)
    server = CallServer(line, None, shell.cell_of)
    while True:
        try:
            frame = line.receive()
        except PeerClosed:
            return
        header = frame.header
        if header["do"] == "replace":
            line.send(*functions.replace(header, run_cell))
        elif header["do"] == "exercise":
            server.function = functions.choose(
                header["exercise"], header["stand_ins"], server.stand_in
            )
        else:
            limit_cpu(limits.call_cpu_s)
            server.handle(frame)
