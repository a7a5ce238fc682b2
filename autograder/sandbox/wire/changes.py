"""Find what a call did to its arguments, so that the judge can bring it back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from autograder.sandbox.wire.arguments_in import (
    ArrayLeaf,
    NumpyGeneratorLeaf,
    TensorLeaf,
    TorchGeneratorLeaf,
    Unpacked,
)
from autograder.sandbox.wire.results_out import Encoder


def find_changes(arguments: Unpacked, encoder: Encoder) -> list[dict[str, Any]]:
    """Return what the call changed in its arguments, leaf by leaf."""
    changes: list[dict[str, Any]] = []
    for index, (leaf, current) in enumerate(zip(arguments.leaves, arguments.objects, strict=True)):
        change: dict[str, Any] = {}
        if isinstance(leaf, ArrayLeaf):
            if not _same(leaf.values, current):
                change["values"] = encoder.node(current)
        elif isinstance(leaf, TensorLeaf):
            change = _tensor_change(leaf, current, encoder)
        elif isinstance(leaf, TorchGeneratorLeaf):
            state = current.get_state().numpy()
            if not _same(leaf.state, state):
                change["state"] = encoder.node(state)
        elif isinstance(leaf, NumpyGeneratorLeaf):
            state = current.bit_generator.state
            if not _same_state(leaf.state, state):
                change["state"] = encoder.node(_plain_state(state))
        if change:
            changes.append({"leaf": index, **change})
    return changes


def _tensor_change(leaf: TensorLeaf, current: torch.Tensor, encoder: Encoder) -> dict[str, Any]:
    change: dict[str, Any] = {}
    values = current.detach().numpy()
    if not _same(leaf.values, values):
        change["values"] = encoder.node(values)
    grad = current.grad if current.is_leaf else None
    now = None if grad is None else grad.detach().numpy()
    if (now is None) != (leaf.grad is None) or (now is not None and not _same(leaf.grad, now)):
        change["grad"] = encoder.node(now)
    if current.requires_grad != leaf.requires_grad:
        change["requires_grad"] = bool(current.requires_grad)
    return change


def _plain_state(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _plain_state(item) for key, item in state.items()}
    return state


def _same_state(one: Any, other: Any) -> bool:
    """Compare states of numpy's bit generators: some of them hold arrays."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_state(one[key], other[key]) for key in one)
    return bool(np.array_equal(one, other))


def _same(one: Any, other: Any) -> bool:
    return (
        one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    )
