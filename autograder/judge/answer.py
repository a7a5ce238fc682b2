"""`answer`, as a hidden test calls it: a function that lives across the wall."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from autograder.judge.behaviour import Recorded
from autograder.judge.contract import conform, is_of_other_kind
from autograder.sandbox.host.callbacks import Given
from autograder.sandbox.host.conversation import Conversation
from autograder.sandbox.host.failures import AnswerCrashed, AnswerFailure, ContractViolation
from autograder.sandbox.host.replies import Reply
from autograder.sandbox.seeds import kept_generators, seed_everything
from autograder.sandbox.wire.arguments_in import Packed, functions_in, pack, unpack
from autograder.sandbox.wire.changes import apply_changes, find_changes
from autograder.sandbox.wire.results_out import Encoder, HostileReply, Opaque
from autograder.sandbox.wire.trees import map_leaves
from autograder.testing import Callback


class ReferenceFailed(Exception):
    """The reference itself raised: the hidden test or the reference is at fault."""


@dataclass(frozen=True)
class _Expected:
    """What the reference returned, and which of the arguments' leaves it changed."""

    value: Any
    changed: frozenset[int]


@dataclass(repr=False)
class Answer:
    """The student's function of one exercise, for one hidden test."""

    exercise: str
    conversation: Conversation
    reference: Callable[..., Any]
    seed: int
    secret_modules: frozenset[str] = frozenset()
    expectations: dict[str, Any] = field(default_factory=dict)
    """What the reference returned before, by exercise and arguments: shared between submissions."""
    recorded: list[Recorded] = field(default_factory=list)
    changed_arguments: bool = False
    """Whether any call changed an argument that the reference leaves alone."""
    moved_globals: bool = False
    """Whether any call that was given a generator drew from a global one, or seeded it."""
    has_unchecked: bool = False
    """Whether a call's result was not compared with the reference's structure."""
    has_other_kind: bool = False
    """Whether a call's result was accepted in another kind than the reference's."""
    _calls: int = 0

    def __repr__(self) -> str:
        # Pytest writes it for each assertion that fails, and cuts off all but its first letters.
        return f"<answer of {self.exercise}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        self._calls += 1
        packed = pack(
            (args, kwargs),
            is_callback=lambda value: isinstance(value, Callback),
            secret_modules=self.secret_modules,
        )
        callbacks = {
            index: original.function
            for index, original in enumerate(packed.originals)
            if isinstance(original, Callback)
        }
        functions = [
            one.function if isinstance(one, Callback) else one
            for one in functions_in((args, kwargs))
        ]
        seed = self.seed + self._calls
        try:
            expected = None if callbacks else self._expected(packed, seed)
            reply = self.conversation.call(packed, Given(callbacks, functions), seed)
            value = self._accept(packed, reply, expected)
            result = self._conformed(value, expected)
            if expected is not None and expected.value is not None:
                self.has_other_kind |= reply.has_odd or is_of_other_kind(value, expected.value)
        except HostileReply as error:
            failure = self.conversation.channel.end(AnswerCrashed.by_reply(error))
            raise self._record_failure(failure).with_traceback(None) from None
        except AnswerFailure as failure:
            # What lies between the test and the wall is nothing to its author.
            raise self._record_failure(failure).with_traceback(None) from None
        self.recorded.append(Recorded("value", (_plain(result), _seen_changes(reply))))
        return result

    def _expected(self, packed: Packed, seed: int) -> _Expected:
        """Return what the reference makes of the same arguments, in copies of its own."""
        digest = hashlib.sha256(packed.block).hexdigest()
        key = f"{self.exercise} {seed} {digest}"
        if key not in self.expectations:
            with kept_generators():
                self.expectations[key] = self._ask_reference(packed, seed)
        return self.expectations[key]

    def _ask_reference(self, packed: Packed, seed: int) -> _Expected:
        seed_everything(seed)
        arguments = unpack(packed.block, _no_callback)
        args, kwargs = arguments.value
        try:
            value = self.reference(*args, **kwargs)
            changed = {change["leaf"] for change in find_changes(arguments, Encoder())}
        except Exception as error:
            raise ReferenceFailed(f"{self.exercise}: {type(error).__name__}: {error}") from error
        return _Expected(value, frozenset(changed))

    def _accept(self, packed: Packed, reply: Reply, expected: _Expected | None) -> Any:
        # Before the changes: the box can give gradients of what required them when it was sent.
        inputs = [
            original
            for original in packed.originals
            if isinstance(original, torch.Tensor) and original.requires_grad
        ]
        self._accept_changes(packed, reply, expected)
        if not inputs or not reply.graphs or not torch.is_grad_enabled():
            return reply.value
        numbers = list(reply.graphs)
        received = [reply.graphs[number] for number in numbers]
        attached = _Remote.apply(self, self.conversation.last_call, numbers, received, *inputs)
        by_id = dict(zip(map(id, received), attached, strict=True))
        return map_leaves(reply.value, lambda one: by_id.get(id(one), one))

    def _accept_changes(self, packed: Packed, reply: Reply, expected: _Expected | None) -> None:
        """Bring back what the reference changes too, and states of generators; note the rest.

        Anything else stays in the box: a test that computes what it expects from its own arguments
        after the call must find them as it made them.
        """
        generators = (torch.Generator, np.random.Generator)
        wanted = {
            leaf: change
            for leaf, change in reply.changes.items()
            if isinstance(packed.originals[leaf], generators)
            or (expected is not None and leaf in expected.changed)
        }
        self.changed_arguments |= wanted.keys() != reply.changes.keys()
        self.moved_globals |= any("globals" in change for change in reply.changes.values())
        apply_changes(packed, wanted)

    def _conformed(self, value: Any, expected: _Expected | None) -> Any:
        if expected is not None:
            return conform(self.exercise, value, expected.value)
        if isinstance(value, Opaque):
            raise ContractViolation(
                f"`{self.exercise}` returned {value.description}.",
                guarded=f"`{self.exercise}` returned what is no result.",
            )
        self.has_unchecked = True
        return value

    def _record_failure(self, failure: AnswerFailure) -> AnswerFailure:
        self.recorded.append(Recorded("failure", (type(failure).__name__, failure.message)))
        return failure

    def gradient(
        self, call: int, numbers: list[int], weights: tuple[torch.Tensor, ...], inputs: list[Any]
    ) -> list[torch.Tensor | None]:
        """Ask the box for a vector-Jacobian product, on behalf of autograd."""
        try:
            asked = dict(zip(numbers, weights, strict=True))
            gradients = self.conversation.gradient(call, asked, inputs)
        except AnswerFailure as failure:
            raise self._record_failure(failure) from None
        self.recorded.append(Recorded("gradient", _plain(gradients)))
        return gradients


class _Remote(torch.autograd.Function):
    """The place of a call across the wall in the judge's graph; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any,
        answer: Answer,
        call: int,
        numbers: list[int],
        received: list[torch.Tensor],
        *inputs: torch.Tensor,
    ) -> Any:
        ctx.answer, ctx.call, ctx.numbers, ctx.inputs = answer, call, numbers, inputs
        return tuple(tensor.clone() for tensor in received)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *weights: torch.Tensor) -> Any:
        gradients = ctx.answer.gradient(ctx.call, ctx.numbers, weights, list(ctx.inputs))
        # What the student's result does not depend on has gradient 0, which the test will judge.
        filled = (
            torch.zeros_like(one) if gradient is None else gradient
            for gradient, one in zip(gradients, ctx.inputs, strict=True)
        )
        return (None, None, None, None, *filled)


def _no_callback(_: int) -> Any:
    raise AssertionError("the reference is not run where a callback is an argument")


def _seen_changes(reply: Reply) -> dict[int, Any]:
    """Return what became of the arguments; how far a generator got is no part of a behaviour."""
    return {
        leaf: _plain({key: value for key, value in change.items() if key != "state"})
        for leaf, change in sorted(reply.changes.items())
    }


def _plain(value: Any) -> Any:
    """Return a value with arrays for tensors, free of graphs."""
    return map_leaves(value, array_of)


def array_of(value: Any) -> Any:
    """Return a tensor's array, free of its graph; what is no tensor, as it is."""
    return value.detach().numpy().copy() if isinstance(value, torch.Tensor) else value
