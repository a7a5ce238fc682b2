"""A function of the judge's, as student code calls it: a spy of a test, or a stand-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from autograder.sandbox.calls.line import Line
from autograder.sandbox.wire.arguments_in import unpack
from autograder.sandbox.wire.results_out import Encoder


class RemoteFunction:
    """A function that lives in the judge: a spy of the test, or the reference of an exercise."""

    def __init__(self, line: Line, target: dict[str, Any], given: list[Any] | None = None) -> None:
        self._line = line
        self._target = target
        self._given = given if given is not None else []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        encoder = Encoder(given=self._given)
        node = encoder.node((tuple(args), dict(kwargs)))
        header = {**self._target, "value": node}
        if not torch.is_grad_enabled():
            encoder.tensors.clear()
        handle, value = self._ask(header, encoder.block())
        outputs = [tensor.detach() for tensor in _tensors(value) if tensor.requires_grad]
        if not outputs or not encoder.tensors:
            return _map_tensors(value, lambda tensor: tensor.detach())
        attached = iter(_AskGradient.apply(self, handle, outputs, *encoder.tensors))
        return _map_tensors(value, lambda t: next(attached) if t.requires_grad else t)

    def gradient(self, handle: int, weights: list[torch.Tensor]) -> Any:
        """Ask the judge for the vector-Jacobian product of an earlier call."""
        encoder = Encoder()
        nodes = [encoder.node(weight) for weight in weights]
        header = {"callback_gradient": handle, "weights": nodes}
        return self._ask(header, encoder.block())[1]

    def _ask(self, header: dict[str, Any], block: bytes) -> tuple[int, Any]:
        frame = self._line.ask(header, block)
        if "refused" in frame.header:
            raise RuntimeError(frame.header["refused"])
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


def _tensors(value: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        found.append(tensor)
        return tensor

    _map_tensors(value, note)
    return found


def _map_tensors(value: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_tensors(item, change) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_map_tensors(item, change) for item in value)
    return value
