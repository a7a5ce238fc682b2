"""Bring back what a call did to its arguments; believe no shape and no state it claims."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from autograder.sandbox.wire.arguments_in import Packed
from autograder.sandbox.wire.results_out import HostileReply


def apply_changes(packed: Packed, changes: dict[int, dict[str, Any]]) -> None:
    """Bring to the judge's own objects what the call did to its copies of them."""
    for index, change in changes.items():
        original = packed.originals[index]
        if isinstance(original, np.ndarray):
            _apply_array(original, change)
        elif isinstance(original, torch.Tensor):
            _apply_tensor(original, change)
        elif isinstance(original, torch.Generator):
            _set_state(original, change.get("state"))
        elif isinstance(original, np.random.Generator):
            _check_position(change.get("state"))
            _set_state(original, change.get("state"))


def _set_state(generator: torch.Generator | np.random.Generator, state: Any) -> None:
    try:
        if isinstance(generator, torch.Generator):
            generator.set_state(torch.from_numpy(state))
        else:
            generator.bit_generator.state = state
    except (RuntimeError, TypeError, ValueError, LookupError, OverflowError) as error:
        raise HostileReply("a state that no generator has") from error


def _check_position(state: Any) -> None:
    """Refuse a place beyond the numbers a state holds: numpy does not, and would read there."""
    if not isinstance(state, dict):
        return
    inner = state.get("state")
    for where, key, last in ((inner, "pos", 624), (state, "buffer_pos", 4)):
        place = where.get(key, 0) if isinstance(where, dict) else 0
        if not isinstance(place, int) or not 0 <= place <= last:
            raise HostileReply("a state that no generator has")


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
