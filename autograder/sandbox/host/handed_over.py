"""A function that stayed in the box, as a reference calls it: values, and gradients of any order.

What comes back is decoded as any result is. A reference that needs more of a function than to call
it (a network's parameters, say) is told that there is no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.messages import AskHandedGradient, CallHanded
from autograder.sandbox.wire.results_out import Decoder, Encoder, HostileReply
from autograder.sandbox.wire.trees import leaves, map_leaves

AskBox = Callable[[Mapping[str, Any], bytes], Frame]
"""Asks the box something, and returns its answer."""
Tensors = Sequence[torch.Tensor]

_MAY_CROSS = (torch.Tensor, np.ndarray, np.generic, bool, int, float, str, type(None))


class NeedsMore(AttributeError):
    """A reference needs more of a function than its values and gradients."""


class HandedRaised(Exception):
    """A function of the box's raised; what, is known there."""


def _anchor() -> torch.Tensor:
    return torch.zeros((), requires_grad=True)


@dataclass
class HandedOver:
    """The functions of the box's that one call of a reference was given."""

    ask_box: AskBox
    anchor: torch.Tensor = field(default_factory=_anchor)
    """Stands in graphs for the tensors that the functions have of their own: by it, products are
    asked for; what flows to those tensors is added up in the box."""

    def function(self, number: int) -> HandedFunction:
        """Return the function of this number."""
        return HandedFunction(self, number)

    def call(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what a function makes of arguments, in their graph."""
        if not all(isinstance(one, _MAY_CROSS) for one in leaves((args, kwargs))):
            raise NeedsMore("our own function calls one of yours with more than numbers")
        encoder = Encoder()
        header: CallHanded = {
            "call_handed": number,
            "value": encoder.node((args, kwargs)),
            "grad": torch.is_grad_enabled(),
        }
        frame = self._asked(header, encoder.block(), "value")
        decoder = Decoder(frame.block)
        value = decoder.value(frame.header.get("value"))
        decoder.finish()
        received = _in_order(decoder)
        attached = self._attached(frame, received, encoder.tensors)
        by_id = dict(zip(map(id, received), attached, strict=True))
        return map_leaves(value, lambda one: by_id.get(id(one), one))

    def gradients(
        self, handle: int, inputs: Tensors, weights: Tensors
    ) -> list[torch.Tensor | None]:
        """Return the product of a call for each of its inputs, in a graph where one is wanted."""
        encoder = Encoder()
        header: AskHandedGradient = {
            "handed_gradient": handle,
            "weights": [encoder.node(weight.detach()) for weight in weights],
            "create_graph": torch.is_grad_enabled(),
        }
        frame = self._asked(header, encoder.block(), "gradient")
        nodes, decoder = frame.header.get("value"), Decoder(frame.block)
        if not isinstance(nodes, list) or len(nodes) != len(inputs):
            raise HostileReply("gradients of something else")
        gradients = [decoder.value(node) for node in nodes]
        decoder.finish()
        for gradient, one in zip(gradients, inputs, strict=True):
            if not _is_gradient(gradient, one):
                raise HostileReply("a gradient of another shape")
        received = _in_order(decoder)
        attached = self._attached(frame, received, [*inputs, *weights])
        by_id = dict(zip(map(id, received), attached, strict=True))
        return [by_id.get(id(gradient), gradient) for gradient in gradients]

    def _asked(self, header: Mapping[str, Any], block: bytes, kind: str) -> Frame:
        frame = self.ask_box(header, block)
        if frame.header["handed"] == "raised":
            raise HandedRaised("a function that it was given raised")
        if frame.header["handed"] != kind or type(frame.header.get("handle")) is not int:
            raise HostileReply("an answer to another question")
        return frame

    def _attached(self, frame: Frame, received: Tensors, inputs: Tensors) -> Tensors:
        """Return what was received in the graph of the inputs, and of the functions' own."""
        anchors = [self.anchor] if frame.header.get("captures") is True else []
        if not received or not (inputs or anchors):
            return received
        return _Asked.apply(  # type: ignore[no-any-return,no-untyped-call]
            self, frame.header["handle"], len(inputs), received, *inputs, *anchors
        )


@dataclass(frozen=True)
class HandedFunction:
    """One function of the box's."""

    handed: HandedOver
    number: int

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.handed.call(self.number, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        raise NeedsMore(f"our own function needs more of yours than its values: `{name}`")


class _Asked(torch.autograd.Function):
    """The place of such a call, or of a product of one, in a reference's graph."""

    @staticmethod
    def forward(
        ctx: Any,
        handed: HandedOver,
        handle: int,
        count: int,
        received: Tensors,
        *inputs: torch.Tensor,
    ) -> Any:
        ctx.handed, ctx.handle, ctx.count = handed, handle, count
        ctx.save_for_backward(*inputs)
        return tuple(one.clone() for one in received)

    @staticmethod
    def backward(ctx: Any, *weights: torch.Tensor) -> Any:
        inputs, anchors = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
        gradients = ctx.handed.gradients(ctx.handle, inputs, weights)
        return (None, None, None, None, *gradients, *map(torch.zeros_like, anchors))


def _in_order(decoder: Decoder) -> list[torch.Tensor]:
    return [decoder.graphs[number] for number in sorted(decoder.graphs)]


def _is_gradient(gradient: Any, of: torch.Tensor) -> bool:
    if gradient is None:
        return True
    is_tensor = isinstance(gradient, torch.Tensor) and gradient.is_floating_point()
    return is_tensor and gradient.shape == of.shape
