"""A function of the judge's, as student code calls it: a spy of a test, or a stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import torch

from autograder.sandbox.calls.handed_functions import HandedFunctions, Sums
from autograder.sandbox.calls.line import Line
from autograder.sandbox.wire.arguments_in import unpack
from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.handed_over import HandingEncoder
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
    """A function that lives in the judge: a spy of the test."""

    def __init__(self, line: Line, target: Target) -> None:
        self._line = line
        self._target = target

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        encoder = Encoder()
        handle, value = self._call(encoder, args, kwargs)
        return self._attached(value, handle, encoder.tensors, [])

    def _call(
        self, encoder: Encoder, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[int, Any]:
        header: CallOurs = {**self._target, "value": encoder.node((tuple(args), dict(kwargs)))}
        if not torch.is_grad_enabled():
            encoder.tensors.clear()
        frame = self._ask(header, encoder.block())
        return frame.header.get("handle", 0), unpack(frame.block, lambda _: None).value

    def _attached(
        self, value: Any, handle: int, given: list[torch.Tensor], own: list[torch.Tensor]
    ) -> Any:
        """Return a result in the graph of what was given, and of what functions hold."""
        outputs = [one.detach() for one in leaves(value) if carries_graph(one)]
        if not outputs or not (given or own):
            return map_leaves(value, _detached)
        attached = iter(_AskGradient.apply(self, handle, own, outputs, *given, *own))
        return map_leaves(value, lambda one: next(attached) if carries_graph(one) else one)

    def gradient(self, handle: int, weights: list[torch.Tensor], own: list[torch.Tensor]) -> Any:
        """Ask the judge for the vector-Jacobian product of an earlier call."""
        encoder = Encoder()
        nodes = [encoder.node(weight) for weight in weights]
        header: AskOurGradient = {"callback_gradient": handle, "weights": nodes}
        return unpack(self._ask(header, encoder.block()).block, lambda _: None).value

    def _ask(self, header: Mapping[str, Any], block: bytes) -> Frame:
        frame = self._line.ask(header, block)
        if "refused" in frame.header:
            raise RuntimeError(frame.header["refused"])
        return frame


class StandIn(RemoteFunction):
    """The reference of an exercise, in the place of the notebook's `own` function.

    The judge may answer that the own one is to be used; only by a call can it be told which it
    will be. `given` are the functions that the test gave; others are handed over by their number.
    """

    def __init__(
        self, line: Line, name: str, given: list[Any], handed: HandedFunctions, own: Any = None
    ) -> None:
        super().__init__(line, {"stand_in": name})
        self._name = name
        self._given = given
        self._handed = handed
        self._own = own

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before = self._handed.last
        try:
            with self._handed.lent() as own:
                encoder = self._encoder((args, kwargs))
                handle, (value, generators) = self._call(encoder, args, kwargs)
        except _UseYours:
            if self._own is None:
                raise NameError(f"name '{self._name}' is not defined") from None
            return self._own(*args, **kwargs)
        for generator, drawn in zip(encoder.generators, generators, strict=True):
            _advance(generator, drawn)
        own_tensors = list(own.values()) if torch.is_grad_enabled() else []
        result = self._attached(value, handle, encoder.tensors, own_tensors)
        if not any(map(carries_graph, leaves(result))):
            self._handed.forget_since(before)
        return result

    def _encoder(self, arguments: Any) -> HandingEncoder:
        """Return what encodes a call's arguments; the test's functions are its own to call.

        But beside others, which are called here, they are called here, too.
        """
        called = [one for one in leaves(arguments) if callable(one)]
        are_given = all(any(one is given for given in self._given) for one in called)
        return HandingEncoder(
            given=self._given if are_given else [], functions=self._handed.functions
        )

    def gradient(self, handle: int, weights: list[torch.Tensor], own: list[torch.Tensor]) -> Any:
        """Ask the judge; what flows to tensors of the functions' own is added up here meanwhile."""
        sums: Sums = {}
        with self._handed.adding(sums):
            gradients = super().gradient(handle, weights, own)
        return [*gradients, *(sums.get(id(one)) for one in own)]

    def _ask(self, header: Mapping[str, Any], block: bytes) -> Frame:
        """Ask, and answer what the judge asks of the functions that were handed over."""
        raised = None
        frame = self._line.ask(header, block)
        while "call_handed" in frame.header or "handed_gradient" in frame.header:
            answer, raised = self._handed.answer(frame)
            frame = self._line.ask(*answer)
        if "yours" in frame.header:
            raise _UseYours
        if "refused" in frame.header:
            # Where a function of the student's raised, that is what went wrong.
            raise raised or RuntimeError(frame.header["refused"])
        return frame


class _AskGradient(torch.autograd.Function):
    """The place of a remote call in student code's graph; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any,
        remote: RemoteFunction,
        handle: int,
        own: list[torch.Tensor],
        outputs: Any,
        *inputs: torch.Tensor,
    ) -> Any:
        ctx.remote, ctx.handle, ctx.own = remote, handle, own
        return tuple(output.clone() for output in outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *weights: torch.Tensor) -> Any:
        gradients = ctx.remote.gradient(ctx.handle, list(weights), ctx.own)
        return (None, None, None, None, *gradients)


def _advance(generator: Any, drawn: Any) -> None:
    """Bring a generator to where another one is, which drew in its place."""
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = drawn.bit_generator.state
    else:
        generator.set_state(drawn.get_state())


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value
