"""Functions of ours as student code calls them: decoded arguments in, packed results out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.sandbox.host.handed_over import HandedOver, NeedsMore
from autograder.sandbox.wire.arguments_in import pack
from autograder.sandbox.wire.handed_over import HandedDecoder
from autograder.sandbox.wire.messages import Refused, Returned
from autograder.sandbox.wire.results_out import Decoder, HostileReply, carries_graph
from autograder.sandbox.wire.trees import leaves

Answered = tuple[Mapping[str, Any], bytes]
"""A message of ours, and its block."""
Function = Callable[..., Any]


@dataclass
class _Graph:
    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]
    anchors: list[torch.Tensor]
    """What stands for the tensors of functions that stayed in the box."""


@dataclass
class AskedFunctions:
    """Functions of ours as student code calls them, and what gradients of these calls need."""

    first_handle: int = 1
    graphs: dict[int, _Graph] = field(default_factory=dict)

    def call(
        self, function: Function, value: Any, decoder: Decoder, lent: HandedOver | None = None
    ) -> Answered:
        """Call one with decoded arguments; its exception is the caller's to see.

        A stand-in's answer has the generators that it drew from beside its result.
        """
        if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict)):
            raise HostileReply("a callback without arguments")
        decoder.finish()
        inputs = [decoder.graphs[number].requires_grad_() for number in sorted(decoder.graphs)]
        result = function(*value[0], **value[1])
        outputs = [one for one in leaves(result) if carries_graph(one)]
        handle = self.first_handle + len(self.graphs)
        self.graphs[handle] = _Graph(inputs, outputs, [lent.anchor] if lent else [])
        returned: Returned = {"handle": handle}
        if isinstance(decoder, HandedDecoder):
            result = (result, decoder.generators)
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
            graph.outputs,
            [*graph.inputs, *graph.anchors],
            weights,
            retain_graph=True,
            allow_unused=True,
        )
        returned: Returned = {}
        return returned, pack(list(gradients[: len(graph.inputs)])).block


def refusal(error: Exception) -> Answered:
    """Return what student code hears where a function of ours raised."""
    refused: Refused = {"refused": f"{type(error).__name__}: {error}"[:500]}
    if isinstance(error, NeedsMore):
        refused["needs_more"] = True
    return refused, b""
