"""A function of the judge's, as student code calls it: a spy of a test, or a stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

import torch

from autograder.sandbox.calls.line import Line
from autograder.sandbox.wire.arguments_in import unpack
from autograder.sandbox.wire.messages import AskOurGradient, CallOurs
from autograder.sandbox.wire.results_out import Encoder, carries_graph
from autograder.sandbox.wire.trees import leaves, map_leaves


class Target(TypedDict, total=False):
    """Which function of the judge's: a stand-in by its name, or a callback by its leaf."""

    stand_in: str
    callback: int


class _UseYours(Exception):
    """The judge leaves this call to the notebook's own function."""


class RemoteFunction:
    """A function that lives in the judge: a spy of the test, or the reference of an exercise.

    Where it stands for an exercise, the judge may answer that the notebook's `own` function is to
    be used. Only by a call can it be told which it will be.
    """

    def __init__(
        self, line: Line, target: Target, given: list[Any] | None = None, own: Any = None
    ) -> None:
        self._line = line
        self._target = target
        self._given = given if given is not None else []
        self._own = own

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        encoder = Encoder(given=self._given)
        node = encoder.node((tuple(args), dict(kwargs)))
        header: CallOurs = {**self._target, "value": node}
        if not torch.is_grad_enabled():
            encoder.tensors.clear()
        try:
            handle, value = self._ask(header, encoder.block())
        except _UseYours:
            if self._own is None:
                raise NameError(f"name '{self._target['stand_in']}' is not defined") from None
            return self._own(*args, **kwargs)
        outputs = [one.detach() for one in leaves(value) if carries_graph(one)]
        if not outputs or not encoder.tensors:
            return map_leaves(value, _detached)
        attached = iter(_AskGradient.apply(self, handle, outputs, *encoder.tensors))
        return map_leaves(value, lambda one: next(attached) if carries_graph(one) else one)

    def gradient(self, handle: int, weights: list[torch.Tensor]) -> Any:
        """Ask the judge for the vector-Jacobian product of an earlier call."""
        encoder = Encoder()
        nodes = [encoder.node(weight) for weight in weights]
        header: AskOurGradient = {"callback_gradient": handle, "weights": nodes}
        return self._ask(header, encoder.block())[1]

    def _ask(self, header: Mapping[str, Any], block: bytes) -> tuple[int, Any]:
        frame = self._line.ask(header, block)
        if "refused" in frame.header:
            raise RuntimeError(frame.header["refused"])
        if "yours" in frame.header:
            raise _UseYours
        return frame.header.get("handle", 0), unpack(frame.block, lambda _: None).value


class _AskGradient(torch.autograd.Function):
    """The place of a remote call in student code's graph; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any, remote: RemoteFunction, handle: int, outputs: Any, *inputs: torch.Tensor
    ) -> Any:
        ctx.remote, ctx.handle = remote, handle
        return tuple(output.clone() for output in outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *weights: torch.Tensor) -> Any:
        return (None, None, None, *ctx.remote.gradient(ctx.handle, list(weights)))


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value
