"""What hidden tests import: comparisons with named tolerances; never a score."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from autograder.sandbox.wire.trees import map_leaves

__all__ = [
    "ATOL",
    "RTOL",
    "Answer",
    "assert_close",
    "assert_drawn_from",
    "assert_pure",
    "callback",
]

RTOL = 1e-4
"""Relative tolerance that accepts an answer computed in float32."""
ATOL = 1e-5
"""Absolute tolerance that accepts an answer computed in float32."""
_LEAST_CHANGE = 1e-6
"""A smaller one is that of a part of the draw which is next to nothing."""


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

    >>> asked = []
    >>> spy = callback(lambda x: asked.append(x) or x**2)
    >>> spy(3.0), asked
    (9.0, [3.0])
    """
    return Callback(function)


def assert_close(actual: Any, expected: Any, rtol: float = RTOL, atol: float = ATOL) -> None:
    """Assert that two results have the same shapes and, within tolerance, the same values.

    Arrays, tensors, numbers, and sequences or mappings of them. Values must be finite
    wherever the expected ones are.

    >>> assert_close(torch.tensor([1.0, 2.0]), np.array([1.0, 2.0 + 1e-6]))
    >>> assert_close({"loss": 0.5, "steps": [1, 2]}, {"loss": 0.5, "steps": (1, 2)})
    >>> assert_close(np.zeros(2), 0.0)  # The same values, another shape.
    Traceback (most recent call last):
    AssertionError
    """
    __tracebackhide__ = True
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


def assert_pure(
    answer: Answer, *args: Any, fixed: Callable[[Any], Any] = lambda result: result
) -> Any:
    """Assert that `answer` leaves its arguments alone and that two calls agree; return the result.

    `fixed` returns what of a result is not free: where a sign is, two calls may choose two.

    The two calls run under different global seeds, so noise of the student's own shows. They agree
    within the tolerance of all comparisons: an algorithm that draws its start (`torch.pca_lowrank`)
    or adds in another order each time is as pure as any.

    >>> assert_pure(lambda x: x - x.mean(), np.array([1.0, 3.0]))
    array([-1.,  1.])
    >>> def in_place(x):
    ...     x -= x.mean()
    ...     return x
    >>> assert_pure(in_place, np.array([1.0, 3.0]))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    AssertionError: an argument was changed
    """
    __tracebackhide__ = True
    before = copy.deepcopy([_detached(argument) for argument in args])
    first = answer(*args)
    for argument, was in zip(args, before, strict=True):
        if isinstance(was, (np.ndarray, torch.Tensor)):
            np.testing.assert_array_equal(_plain(argument), _plain(was), "an argument was changed")
    second = answer(*args)
    assert not getattr(answer, "changed_arguments", False), "an argument was changed"
    assert_close(fixed(_detached(second)), fixed(_detached(first)))
    return first


def assert_drawn_from(draw: Callable[[Any], Any], seeded: Callable[[int], Any]) -> None:
    """Assert that all randomness of `draw(generator)` is the generator's, which is left advanced.

    `seeded(seed)` makes one. From the same state comes the same draw, bit for bit, under whatever
    global seeds; every entry of the draw changes with the seed, and from one call to the next.

    >>> assert_drawn_from(lambda rng: rng.normal(size=3), np.random.default_rng)
    >>> noise = np.random.default_rng(0).normal(size=3)
    >>> assert_drawn_from(lambda rng: np.append(rng.normal(), noise), np.random.default_rng)
    Traceback (most recent call last):
    AssertionError: something is not drawn from the generator
    """
    __tracebackhide__ = True
    seeds, calls = range(3, 6), range(3)
    draws, again = (
        np.stack([[_plain(draw(generator)) for _ in calls] for generator in map(seeded, seeds)])
        for _ in range(2)
    )
    np.testing.assert_array_equal(draws, again, "another draw from the same state")
    # Two right draws may agree in an entry, once in ten million float32; three do not.
    assert np.all(np.ptp(draws, axis=0) > _LEAST_CHANGE), (
        "something is not drawn from the generator"
    )
    assert np.all(np.ptp(draws, axis=1) > _LEAST_CHANGE), "a second call draws the same again"


def _detached(value: Any) -> Any:
    return map_leaves(value, lambda one: one.detach() if isinstance(one, torch.Tensor) else one)


def _is_numeric_list(value: Sequence[Any]) -> bool:
    return all(isinstance(item, (int, float)) for item in value)


def _plain(value: Any) -> np.ndarray[Any, Any]:
    return np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
