"""Serve calls of one function, wherever it runs; gradients included."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from autograder.sandbox.calls.handed_functions import HandedFunctions
from autograder.sandbox.calls.line import NO_REPLY, Line
from autograder.sandbox.calls.remote_functions import RemoteFunction, StandIn
from autograder.sandbox.seeds import have_moved, seed_everything
from autograder.sandbox.wire.arguments_in import functions_in, unpack
from autograder.sandbox.wire.changes import find_changes
from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.messages import Gradients, Missing, Raised, Value
from autograder.sandbox.wire.results_out import Decoder, Encoder


@dataclass
class _Graph:
    """What a later gradient request needs of one call."""

    inputs: dict[int, torch.Tensor]
    outputs: list[torch.Tensor]


class CallServer:
    """Serve calls of one function; `own_cell` says which cell a file of the student's is."""

    def __init__(
        self,
        line: Line,
        function: Callable[..., Any] | None,
        own_cell: Callable[[str], int | None],
    ) -> None:
        self._line = line
        self.function = function
        self._own_cell = own_cell
        self._graphs: dict[int, _Graph] = {}
        self._given: list[Any] = []
        """The functions among the running call's arguments: stand-ins look them up here."""
        self._handed = HandedFunctions()

    def stand_in(self, name: str, own: Any) -> StandIn:
        """Return what stands in for a function of the notebook's."""
        return StandIn(self._line, name, self._given, self._handed, own)

    def handle(self, frame: Frame) -> None:
        """Answer one request of the judge."""
        header = frame.header
        if header["do"] == "call":
            self._call(header, frame.block)
        elif header["do"] == "gradient":
            self._gradient(header, frame.block)

    def _call(self, header: dict[str, Any], block: bytes) -> None:
        if header["id"] == 1:
            # A hidden test begins: nobody asks for gradients of the last one's calls any more.
            self._graphs.clear()
            self._handed.forget()
        if self.function is None:
            missing: Missing = {"reply": "missing"}
            self._line.send(missing)
            return
        seed_everything(header["seed"])
        try:
            arguments = unpack(block, lambda leaf: RemoteFunction(self._line, {"callback": leaf}))
            args, kwargs = arguments.value
            self._given[:] = functions_in((args, kwargs))
            value = self.function(*args, **kwargs)
            encoder = Encoder()
            node = encoder.node(value)
            changes = find_changes(arguments, encoder, lambda: have_moved(header["seed"]))
        except NO_REPLY:
            raise
        except BaseException as error:
            self._reply_error(error)
            return
        self._graphs[header["id"]] = _Graph(arguments.inputs, encoder.tensors)
        said: Value = {"reply": "value", "value": node, "changes": changes}
        self._line.send(said, encoder.block())

    def _gradient(self, header: dict[str, Any], block: bytes) -> None:
        """Return the vector-Jacobian product of an earlier call, in the order of its inputs."""
        graph = self._graphs[header["id"]]
        received = Decoder(block)
        weights = {int(key): received.value(node) for key, node in header["weights"].items()}
        try:
            gradients = torch.autograd.grad(
                [graph.outputs[index] for index in weights],
                list(graph.inputs.values()),
                [weights[i].to(graph.outputs[i].dtype) for i in weights],
                retain_graph=True,
                allow_unused=True,
            )
        except BaseException as error:
            self._reply_error(error)
            return
        encoder = Encoder()
        nodes = [encoder.node(gradient) for gradient in gradients]
        said: Gradients = {"reply": "gradient", "value": nodes}
        self._line.send(said, encoder.block())

    def _reply_error(self, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        places = ((self._own_cell(frame.filename), frame.lineno) for frame in frames)
        own = [[cell, line] for cell, line in places if cell is not None and line is not None]
        try:
            message = str(error)[:500]
        except BaseException:
            message = ""
        kind = type(error).__name__[:100]
        said: Raised = {"reply": "error", "type": kind, "message": message, "own": own[-8:]}
        self._line.send(said)
