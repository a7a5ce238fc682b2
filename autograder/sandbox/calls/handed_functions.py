"""Functions of student code that it handed to a stand-in: called where they are, in the box.

Their values go to the judge; of gradients it asks for vector-Jacobian products, and for products of
these. What flows to tensors that such a function has of its own (a network's parameters, say) stays
here, and is added up while the stand-in's own gradients are asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.sandbox.calls.line import NO_REPLY
from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.messages import HandedGradient, HandedRaised, HandedValue
from autograder.sandbox.wire.results_out import Decoder, Encoder

Answer = tuple[Mapping[str, Any], bytes]
Sums = dict[int, torch.Tensor]
"""Gradients of tensors, by their identities."""


@dataclass
class _Call:
    """What products of a call, or of a product, need."""

    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]
    own: list[torch.Tensor]
    """The leaves of its graph that came with none of the inputs."""


@dataclass
class HandedFunctions:
    """The functions that the running question's stand-ins were given."""

    functions: list[Any] = field(default_factory=list)
    _own: dict[int, torch.Tensor] = field(default_factory=dict)
    """By identity, the tensors of the functions' own that the running call has met."""
    _calls: dict[int, _Call] = field(default_factory=dict)
    _made: int = 0
    _sums: Sums | None = None

    def forget(self) -> None:
        """Forget all calls: nobody asks for gradients any more."""
        self._calls.clear()

    @contextlib.contextmanager
    def lent(self) -> Iterator[dict[int, torch.Tensor]]:
        """Lend functions for one call of a stand-in; yield the tensors of their own it will meet.

        One call may be made while another one runs: what is lent for it is the later part.
        """
        before, self._own = self._own, {}
        count = len(self.functions)
        try:
            with self.adding(None):
                yield self._own
        finally:
            del self.functions[count:]
            self._own = before

    @contextlib.contextmanager
    def adding(self, sums: Sums | None) -> Iterator[None]:
        """Add to `sums` what products bring for tensors of the functions' own; to none, nowhere."""
        before, self._sums = self._sums, sums
        try:
            yield
        finally:
            self._sums = before

    @property
    def last(self) -> int:
        """The handle of the last call."""
        return self._made

    def forget_since(self, handle: int) -> None:
        """Forget the calls made after this one: nobody will ask for their gradients."""
        self._calls = {key: call for key, call in self._calls.items() if key <= handle}

    def answer(self, frame: Frame) -> tuple[Answer, BaseException | None]:
        """Return the answer to a question of the judge's, and what a function has raised."""
        try:
            if "call_handed" in frame.header:
                return self._call(frame), None
            return self._gradient(frame), None
        except NO_REPLY:
            raise
        except BaseException as error:
            said: HandedRaised = {"handed": "raised"}
            return (said, b""), error

    def _call(self, frame: Frame) -> Answer:
        decoder = Decoder(frame.block)
        args, kwargs = decoder.value(frame.header["value"])
        inputs = [decoder.graphs[number].requires_grad_() for number in sorted(decoder.graphs)]
        with torch.set_grad_enabled(frame.header["grad"]):
            value = self.functions[frame.header["call_handed"]](*args, **kwargs)
        encoder = Encoder()
        node = encoder.node(value)
        own = list(_leaves_of(encoder.tensors, inputs))
        self._own |= {id(one): one for one in own}
        handle = self._keep(_Call(inputs, encoder.tensors, own))
        said: HandedValue = {
            "handed": "value",
            "value": node,
            "handle": handle,
            "captures": bool(own),
        }
        return said, encoder.block()

    def _gradient(self, frame: Frame) -> Answer:
        call, further = self._calls[frame.header["handed_gradient"]], frame.header["create_graph"]
        decoder = Decoder(frame.block)
        weights = [decoder.value(node) for node in frame.header["weights"]]
        if further:
            weights = [weight.requires_grad_() for weight in weights]
        own = [] if self._sums is None else call.own
        gradients = torch.autograd.grad(
            call.outputs,
            [*call.inputs, *own],
            weights,
            create_graph=further,
            retain_graph=True,
            allow_unused=True,
        )
        count = len(call.inputs)
        self._add(own, gradients[count:])
        encoder = Encoder()
        nodes = [encoder.node(gradient) for gradient in gradients[:count]]
        handle = self._keep(_Call([*call.inputs, *weights], encoder.tensors, call.own))
        said: HandedGradient = {
            "handed": "gradient",
            "value": nodes,
            "handle": handle,
            "captures": bool(call.own),
        }
        return said, encoder.block()

    def _keep(self, call: _Call) -> int:
        self._made += 1
        if call.outputs:
            self._calls[self._made] = call
        return self._made

    def _add(
        self, tensors: Iterable[torch.Tensor], gradients: Iterable[torch.Tensor | None]
    ) -> None:
        if self._sums is None:
            return
        for tensor, gradient in zip(tensors, gradients, strict=True):
            if gradient is not None:
                before = self._sums.get(id(tensor))
                self._sums[id(tensor)] = gradient if before is None else before + gradient


def _leaves_of(
    outputs: Iterable[torch.Tensor], but: Iterable[torch.Tensor]
) -> Iterable[torch.Tensor]:
    """Return the tensors at which the graph of these begins, but for these others."""
    found, seen, todo = dict[int, torch.Tensor](), set[Any](), list[Any]()
    for output in outputs:
        if output.grad_fn is None:
            found[id(output)] = output
        else:
            todo.append(output.grad_fn)
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        if type(node).__name__ == "AccumulateGrad":
            found[id(node.variable)] = node.variable
        todo += [one for one, _ in node.next_functions if one is not None]
    for tensor in but:
        found.pop(id(tensor), None)
    return found.values()
