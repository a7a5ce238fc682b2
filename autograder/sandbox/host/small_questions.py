"""Say whether a function of ours can do little with arguments: then it may be called in the judge.

Every other call goes to a process of its own, which costs twice the time of a short call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from autograder.sandbox.wire.trees import leaves

_MAX_NUMBERS = 4096
_LEAST, _MOST = 1e-4, 4096.0
"""Between these is a number that may be a count, or one that a count is divided by."""
_MAX_PARTS = 64


def is_small(arguments: Any) -> bool:
    """Say whether all arrays are small together, and no number asks for many steps or parts."""
    count = 0
    for number, leaf in enumerate(leaves(arguments)):
        if isinstance(leaf, (torch.Tensor, np.ndarray)):
            size = int(np.prod(leaf.shape, dtype=object))
            count += size
            # Of an array without numbers a side may be long all the same; one number is a number.
            is_fine = all(side <= _MAX_NUMBERS for side in leaf.shape)
            is_fine &= size != 1 or _is_moderate([leaf.item()])
        else:
            is_fine = _is_moderate([leaf])
        if not is_fine or count > _MAX_NUMBERS or number > _MAX_PARTS:
            return False
    return True


def _is_moderate(values: list[Any]) -> bool:
    return all(
        value is None
        or (isinstance(value, str) and len(value) < _MAX_NUMBERS)
        or (isinstance(value, (bool, int, float)) and _is_count(abs(value)))
        for value in values
    )


def _is_count(size: float) -> bool:
    return size == 0 or _LEAST <= size <= _MOST
