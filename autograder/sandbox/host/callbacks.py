"""Serve what a box asks of the judge: a test's spy, or the reference of an earlier exercise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.sandbox.host.time_limit import until
from autograder.sandbox.memory import MIB
from autograder.sandbox.wire.arguments_in import pack
from autograder.sandbox.wire.frames import DeadlinePassed, Frame
from autograder.sandbox.wire.messages import Refused, Returned
from autograder.sandbox.wire.results_out import Decoder, HostileReply, carries_graph
from autograder.sandbox.wire.trees import leaves

Answered = tuple[Mapping[str, Any], bytes]
"""A message of ours, and its block."""

_MAX_CALLBACKS = 20_000
_MAX_CALLBACK_BYTES = 1024 * MIB
"""What one hidden test may be sent in callbacks: the judge keeps it for their gradients."""


@dataclass
class _RemoteGraph:
    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]


@dataclass(frozen=True)
class Given:
    """Functions of ours among the arguments of one call."""

    callbacks: dict[int, Callable[..., Any]] = field(default_factory=dict)
    """By leaf, those that stay here."""
    functions: list[Callable[..., Any]] = field(default_factory=list)
    """All of them, in order: student code may hand them on to a stand-in."""


@dataclass
class Callbacks:
    """The functions of ours that student code may call during one exercise."""

    stand_ins: dict[str, Callable[..., Any]] = field(default_factory=dict)
    stand_ins_called: set[str] = field(default_factory=set)
    _count: int = 0
    _bytes: int = 0
    _graphs: dict[int, _RemoteGraph] = field(default_factory=dict)

    def forget(self) -> None:
        """Drop the graphs of the calls made so far."""
        self._graphs.clear()
        self._bytes = 0

    def serve(self, frame: Frame, given: Given, deadline: float) -> Answered:
        """Answer one callback before `deadline`; its exception is the caller's to see.

        Student code chooses the arguments: ours must not work on them longer than a call may take.
        """
        self._count += 1
        self._bytes += len(frame.block)
        if self._count > _MAX_CALLBACKS or self._bytes > _MAX_CALLBACK_BYTES:
            raise HostileReply("too many callbacks")
        header = frame.header
        decoder = Decoder(frame.block, given=given.functions)
        try:
            with until(deadline):
                if "callback_gradient" in header:
                    return self._gradient(header, decoder)
                function = self._function(header, given.callbacks)
                return self._call(function, decoder.value(header.get("value")), decoder)
        except (HostileReply, DeadlinePassed):
            raise
        except Exception as error:
            refused: Refused = {"refused": f"{type(error).__name__}: {error}"[:500]}
            return refused, b""

    def _function(
        self, header: dict[str, Any], callbacks: dict[int, Callable[..., Any]]
    ) -> Callable[..., Any]:
        name, leaf = header.get("stand_in"), header.get("callback")
        if isinstance(name, str) and name in self.stand_ins:
            self.stand_ins_called.add(name)
            return self.stand_ins[name]
        if isinstance(leaf, int) and leaf in callbacks:
            return callbacks[leaf]
        raise HostileReply("a call of a function that was not offered")

    def _call(self, function: Callable[..., Any], value: Any, decoder: Decoder) -> Answered:
        if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict)):
            raise HostileReply("a callback without arguments")
        inputs = [decoder.graphs[number].requires_grad_() for number in sorted(decoder.graphs)]
        result = function(*value[0], **value[1])
        outputs = [one for one in leaves(result) if carries_graph(one)]
        handle = len(self._graphs) + 1
        self._graphs[handle] = _RemoteGraph(inputs, outputs)
        returned: Returned = {"handle": handle}
        return returned, pack(result).block

    def _gradient(self, header: dict[str, Any], decoder: Decoder) -> Answered:
        graph = self._graphs.get(header.get("callback_gradient", 0))
        nodes = header.get("weights")
        if graph is None or not isinstance(nodes, list) or len(nodes) != len(graph.outputs):
            raise HostileReply("a gradient of a call that was not made")
        weights = [decoder.value(node) for node in nodes]
        gradients = torch.autograd.grad(
            graph.outputs, graph.inputs, weights, retain_graph=True, allow_unused=True
        )
        returned: Returned = {}
        return returned, pack(list(gradients)).block
