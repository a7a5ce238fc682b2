"""Numbers in any container as the one array that they make, by the rule of `np.asarray`.

A tensor where any of them is torch's, so that a graph is kept. Runs on both sides: the box packs
what is long, and the judge takes what is short where an array is expected.
"""

from __future__ import annotations

import itertools
import math
import numbers
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from autograder.sandbox.memory import is_out_of_memory

Numbers = np.ndarray[Any, Any] | torch.Tensor

_PYTHONS = {bool, int, float}
_ROWS = (list, tuple)
_TEXTS = (str, bytes, bytearray)
_BUFFERS = (array, memoryview)
_FEW = 64
_MAX_ITEMS = 2**23
"""Of float64 as many as a result may have bytes."""
_MAX_DEPTH = 16


def holds_many(value: Sequence[Any]) -> bool:
    """Say whether a sequence, with those it begins with, has more parts than results have."""
    count = 1
    for _ in range(_MAX_DEPTH):
        if not is_sequence(value) or not len(value):
            break
        count *= len(value)
        value = value[0]
    return count > _FEW


def is_sequence(value: Any) -> bool:
    """Say whether a value is a list, a tuple, or what can be read as one: a deque, a range."""
    if isinstance(value, (tuple, list)):
        return True
    return isinstance(value, Sequence) and not isinstance(value, (*_TEXTS, *_BUFFERS))


def numbers_of(value: Any) -> Numbers | None:
    """Return the array that a value is or makes, or None where it makes none of numbers.

    >>> numbers_of([(1, 2.5), range(2)])
    array([[1. , 2.5],
           [0. , 1. ]])
    >>> numbers_of([[1, 2], [3]])
    """
    try:
        found = _at_once(value)
        found = _numbers_of(value, 0) if found is None else found
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        if is_out_of_memory(error):
            raise
        return None
    return None if found is None or _is_other_kind(found) else found


def _at_once(value: Any) -> Numbers | None:
    """Return what numpy makes of rows of Python's numbers by itself, many times as fast.

    Of nothing but numbers: a text among them would make each number as long as it is.
    """
    if type(value) not in _ROWS or not all(type(row) in _ROWS for row in value):
        return None
    if not set(map(type, itertools.chain.from_iterable(value))) <= _PYTHONS:
        return None
    if len(set(map(len, value))) != 1:
        return None
    found = np.asarray(value)
    return None if found.dtype == object else found


def _is_other_kind(found: Numbers) -> bool:
    return isinstance(found, np.ndarray) and found.dtype.kind not in "biufc"


def _numbers_of(value: Any, depth: int) -> Numbers | None:
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.ndarray) and value.dtype == object:
        found = _numbers_of(value.tolist(), depth + 1)
        return found if found is not None and found.shape == value.shape else None
    if isinstance(value, (np.ndarray, np.generic, *_BUFFERS)):
        return _narrowed(np.asarray(value))
    if isinstance(value, (*_PYTHONS,)):
        return np.asarray(bounded(value))
    if isinstance(value, numbers.Real):
        return np.asarray(float(value))
    if is_sequence(value):
        return _stacked(value, depth)
    return np.asarray(value) if hasattr(type(value), "__array__") else None


def _narrowed(found: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return numbers that no block holds, those of 80 or 128 bits, as float64."""
    is_long = found.dtype.kind == "f" and found.dtype.itemsize > 8
    return found.astype(np.float64) if is_long else found


def _stacked(value: Sequence[Any], depth: int) -> Numbers | None:
    if depth > _MAX_DEPTH or len(value) > _MAX_ITEMS:
        return None
    if all(one in _PYTHONS or issubclass(one, np.generic) for one in set(map(type, value))):
        found = _narrowed(np.asarray(value))
        return np.asarray([*map(bounded, value)]) if found.dtype == object else found
    parts: list[Numbers] = []
    for item in value:
        part = _numbers_of(item, depth + 1)
        if part is None or part.shape != (parts[0] if parts else part).shape:
            return None
        parts.append(part)
    if any(isinstance(part, torch.Tensor) for part in parts):
        return torch.stack([torch.as_tensor(part) for part in parts])
    return np.stack(parts)  # type: ignore[arg-type]


def bounded(value: Any) -> Any:
    """Return an integer that no array can hold as a float."""
    if not isinstance(value, int) or abs(value) < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf
