"""What a call did to its arguments: found where it ran, brought back with no claim believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.sandbox.wire.arguments_in import (
    ArrayLeaf,
    NumpyGeneratorLeaf,
    Packed,
    TensorLeaf,
    TorchGeneratorLeaf,
    Unpacked,
)
from autograder.sandbox.wire.generator_states import apply_state
from autograder.sandbox.wire.results_out import Decoder, Encoder, HostileReply

_GENERATORS = (torch.Generator, np.random.Generator)


def find_changes(
    arguments: Unpacked, encoder: Encoder, moved_globals: Callable[[], bool] = lambda: False
) -> list[dict[str, Any]]:
    """Return what the call changed in its arguments, leaf by leaf.

    With a generator stands whether the global ones moved, which a call that was given one need not
    use. `moved_globals` is asked for nothing else.
    """
    given = any(isinstance(one, _GENERATORS) for one in arguments.objects)
    moved = {"globals": True} if given and moved_globals() else {}
    changes: list[dict[str, Any]] = []
    for index, (leaf, current) in enumerate(zip(arguments.leaves, arguments.objects, strict=True)):
        change: dict[str, Any] = {}
        if isinstance(leaf, ArrayLeaf):
            if not _same(leaf.values, current):
                change["values"] = encoder.node(current)
        elif isinstance(leaf, TensorLeaf):
            change = _tensor_change(leaf, current, encoder)
        elif isinstance(leaf, TorchGeneratorLeaf):
            state, change = current.get_state().numpy(), dict(moved)
            if not _same(leaf.state, state):
                change["state"] = encoder.node(state)
        elif isinstance(leaf, NumpyGeneratorLeaf):
            state, change = current.bit_generator.state, dict(moved)
            if not _same_state(leaf.state, state):
                change["state"] = encoder.node(state)
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


def _same_state(one: Any, other: Any) -> bool:
    """Compare states of numpy's bit generators: some of them hold arrays."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_state(one[key], other[key]) for key in one)
    return bool(np.array_equal(one, other))


def _same(one: Any, other: Any) -> bool:
    return (
        one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    )


def read_changes(listed: Any, decoder: Decoder, packed: Packed) -> dict[int, dict[str, Any]]:
    """Return by leaf what a reply claims to have changed; raise HostileReply where it cannot be.

    What can be true of a leaf is known before anything is decoded: an array of its own shape, or
    the state of a generator. An array of another shape is an Opaque: something was changed.
    """
    if not isinstance(listed, list) or len(listed) > len(packed.originals):
        raise HostileReply("changes that are no list")
    changes: dict[int, dict[str, Any]] = {}
    for claimed in listed:
        leaf = claimed.get("leaf") if isinstance(claimed, dict) else None
        if not isinstance(leaf, int) or not 0 <= leaf < len(packed.originals):
            raise HostileReply("a change of something that was not sent")
        if leaf in changes:
            raise HostileReply("two changes of one thing")
        claims = {key: node for key, node in claimed.items() if key != "leaf"}
        if not claims:
            raise HostileReply("a change of nothing")
        original = packed.originals[leaf]
        changes[leaf] = {
            key: _read_change(key, node, original, decoder) for key, node in claims.items()
        }
    return changes


def _read_change(key: str, node: Any, original: Any, decoder: Decoder) -> Any:
    if key == "state" and isinstance(original, _GENERATORS):
        return decoder.state(node)
    if key == "globals" and isinstance(original, _GENERATORS) and node is True:
        return True
    if key == "values" and isinstance(original, (np.ndarray, torch.Tensor)):
        return decoder.array_of(node, tuple(original.shape))
    if key == "grad" and isinstance(original, torch.Tensor):
        if isinstance(node, dict) and node.get("kind") == "none":
            return None
        return decoder.array_of(node, tuple(original.shape))
    if key == "requires_grad" and isinstance(original, torch.Tensor) and isinstance(node, bool):
        return node
    raise HostileReply("a change of what was not sent")


def apply_changes(packed: Packed, changes: dict[int, dict[str, Any]]) -> None:
    """Bring to the judge's own objects what the call did to its copies of them."""
    for index, change in changes.items():
        original = packed.originals[index]
        if isinstance(original, np.ndarray):
            _apply_array(original, change)
        elif isinstance(original, torch.Tensor):
            _apply_tensor(original, change)
        elif isinstance(original, _GENERATORS) and change.keys() != {"globals"}:
            apply_state(original, change.get("state"))


def _apply_array(original: np.ndarray[Any, Any], change: dict[str, Any]) -> None:
    values = change.get("values")
    if isinstance(values, np.ndarray) and values.shape == original.shape:
        original[...] = values.astype(original.dtype)
    else:
        raise HostileReply("an array changed beyond its shape")


def _apply_tensor(original: torch.Tensor, change: dict[str, Any]) -> None:
    values = change.get("values")
    if values is not None:
        if not isinstance(values, np.ndarray) or values.shape != tuple(original.shape):
            raise HostileReply("a tensor changed beyond its shape")
        with torch.no_grad():
            original.data.copy_(torch.from_numpy(values.copy()))
    if "grad" in change and original.is_leaf:
        grad = change["grad"]
        if grad is not None and (
            not isinstance(grad, np.ndarray) or grad.shape != tuple(original.shape)
        ):
            raise HostileReply("a gradient of another shape")
        original.grad = None if grad is None else torch.from_numpy(grad.copy()).to(original.dtype)
    if "requires_grad" in change and original.is_leaf:
        if not original.is_floating_point() and change["requires_grad"]:
            raise HostileReply("a gradient of integers")
        original.requires_grad_(change["requires_grad"])
