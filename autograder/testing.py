"""What hidden tests import: comparisons with named tolerances; never a score."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from autograder.sandbox.wire.trees import map_leaves

RTOL = 1e-4
"""Relative tolerance that accepts an answer computed in float32."""
ATOL = 1e-5
"""Absolute tolerance that accepts an answer computed in float32."""


class Answer(Protocol):
    """The student's function, as a hidden test sees it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


@dataclass(frozen=True)
class Callback:
    """A function that stays in the judge: student code calls it across the wall."""

    function: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def callback(function: Callable[..., Any]) -> Callback:
    """Return `function` as an argument that runs in the judge, not in the box.

    For spies that record how they were called. First derivatives pass through it.
    Its arguments arrive as arrays, tensors, numbers and plain containers.
    """
    return Callback(function)


def assert_close(actual: Any, expected: Any, rtol: float = RTOL, atol: float = ATOL) -> None:
    """Assert that two results have the same shapes and, within tolerance, the same values.

    Arrays, tensors, numbers, and sequences or mappings of them. Values must be finite
    wherever the expected ones are.
    """
    if isinstance(expected, Mapping):
        assert set(actual) == set(expected)
        for key, value in expected.items():
            assert_close(actual[key], value, rtol, atol)
        return
    if isinstance(expected, (tuple, list)) and not _is_numeric_list(expected):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_close(one, other, rtol, atol)
        return
    np.testing.assert_allclose(_plain(actual), _plain(expected), rtol=rtol, atol=atol, strict=False)
    assert _plain(actual).shape == _plain(expected).shape


def assert_pure(answer: Answer, *args: Any) -> Any:
    """Assert that `answer` leaves its arguments alone and that two calls agree; return the result.

    The two calls run under different global seeds, so noise of the student's own shows.
    """
    before = copy.deepcopy([_detached(argument) for argument in args])
    first = answer(*args)
    for argument, was in zip(args, before, strict=True):
        if isinstance(was, (np.ndarray, torch.Tensor)):
            np.testing.assert_array_equal(_plain(argument), _plain(was), "an argument was changed")
    second = answer(*args)
    assert not getattr(answer, "changed_arguments", False), "an argument was changed"
    assert_close(_detached(second), _detached(first), rtol=0.0, atol=0.0)
    return first


def _detached(value: Any) -> Any:
    return map_leaves(value, lambda one: one.detach() if isinstance(one, torch.Tensor) else one)


def _is_numeric_list(value: Sequence[Any]) -> bool:
    return all(isinstance(item, (int, float)) for item in value)


def _plain(value: Any) -> np.ndarray[Any, Any]:
    return np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
