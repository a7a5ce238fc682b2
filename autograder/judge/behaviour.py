"""What a hidden test saw of a function, and whether two functions showed the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.sandbox.wire.results_out import Opaque
from autograder.testing import ATOL, RTOL

_OBJECT_BYTES = 64
"""What a small object of Python's takes, more or less."""


@dataclass
class Recorded:
    """What one call or gradient showed of the function: enough to tell misconceptions apart."""

    kind: str
    content: Any


Behaviour = Sequence[Recorded]
"""What a hidden test saw of a function: every call's result, in order."""


class Differs(BaseException):
    """A function does not behave like the one it is compared with: nothing more need be seen."""


class Compared(list[Recorded]):
    """What is seen of a function while a test runs; raises Differs as soon as `other` differs."""

    def __init__(self, other: Behaviour) -> None:
        super().__init__()
        self._other = other

    def append(self, seen: Recorded) -> None:
        """Take in one more thing."""
        super().append(seen)
        if not shows_first(self._other[len(self) - 1 :], [seen]):
            raise Differs


def same_behaviour(one: Behaviour, other: Behaviour) -> bool:
    """Say whether two functions showed the same in every call of a test."""
    return len(one) == len(other) and shows_first(one, other)


def shows_first(one: Behaviour, other: Behaviour) -> bool:
    """Say whether what one function showed begins with all that the other did."""
    return len(one) >= len(other) and all(map(_same, one, other))


def held_bytes(seen: Any) -> int:
    """Return about how many bytes something seen of a function takes: its numbers, texts, parts."""
    if isinstance(seen, Recorded):
        return held_bytes(seen.kind) + held_bytes(seen.content)
    if isinstance(seen, (np.ndarray, np.generic, torch.Tensor)):
        return _OBJECT_BYTES + int(seen.nbytes)
    if isinstance(seen, str):
        return _OBJECT_BYTES + 4 * len(seen)
    if isinstance(seen, Mapping):
        return _OBJECT_BYTES + sum(map(held_bytes, seen)) + sum(map(held_bytes, seen.values()))
    if isinstance(seen, (list, tuple)):
        return _OBJECT_BYTES + sum(map(held_bytes, seen))
    return _OBJECT_BYTES


def _same(one: Recorded, other: Recorded) -> bool:
    return one is other or (one.kind == other.kind and _close(one.content, other.content))


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(_close(a, b) for a, b in zip(one, other, strict=True))
    if one is None or other is None:
        return one is other
    if isinstance(one, Opaque) or isinstance(other, Opaque):
        return bool(one == other)
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str) and one == other
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape or a.dtype.kind not in "biuf" or b.dtype.kind not in "biuf":
        return False
    return bool(np.allclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True))
