"""The structure a result must have, taken from the reference's result for the same arguments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from autograder.sandbox.host.failures import ContractViolation
from autograder.sandbox.memory import own_work
from autograder.sandbox.wire.results_out import Opaque, carries_graph, is_finite
from autograder.sandbox.wire.stacking import Numbers, bounded, numbers_of
from autograder.sandbox.wire.trees import leaves, sequence_like

_NUMBERS = (torch.Tensor, np.ndarray, np.generic, bool, int, float)
_MAX_KEY = 40
_FLOAT = np.dtype(float)


def conform(exercise: str, value: Any, expected: Any) -> Any:
    """Return the student's result in the kind of the reference's; raise ContractViolation.

    Accepted: numpy for torch and the reverse, float32 for float64, a number for a 0-d array,
    a list for a tuple, an array for a sequence of results of one shape and the reverse, an integer
    where a float is expected. Where nothing is expected, what comes back is not looked at.
    """
    if expected is None:
        return None
    if _carries_gradient(expected) and not _carries_gradient(value):
        raise ContractViolation(
            f"`{exercise}` returned a result that cannot be differentiated (.item(), .detach(), "
            "no_grad or numpy?); expected one that gradients flow through."
        )
    # What numpy warns of (a number beyond float32, say) is looked for in what comes of it.
    with own_work(), np.errstate(all="ignore"):
        return _Conformer(exercise).conform(value, expected, "")


def is_of_other_kind(value: Any, expected: Any) -> bool:
    """Say whether an accepted result is of another kind than the reference's: numpy for torch, say.

    What computes with it may need the reference's kind.
    """
    if isinstance(expected, dict):
        return any(is_of_other_kind(value[str(key)], item) for key, item in expected.items())
    if isinstance(expected, (tuple, list)):
        if not isinstance(value, (tuple, list)):
            return True
        return any(map(is_of_other_kind, value, expected))
    if isinstance(expected, torch.Tensor):
        return not isinstance(value, torch.Tensor) or value.dtype != expected.dtype
    if isinstance(expected, np.ndarray):
        return not isinstance(value, np.ndarray) or _is_narrower(value, expected)
    return isinstance(value, torch.Tensor)


class _Conformer:
    def __init__(self, exercise: str) -> None:
        self._exercise = exercise

    def conform(self, value: Any, expected: Any, where: str) -> Any:
        if isinstance(expected, dict):
            return self._dict(value, expected, where)
        if isinstance(expected, (tuple, list)):
            return self._sequence(value, expected, where)
        if expected is None:
            if value is not None:
                self._violate(where, describe(value), "None")
            return None
        if isinstance(expected, str):
            if not isinstance(value, str):
                self._violate(where, describe(value), "a text")
            return value
        return self._numbers(value, expected, where)

    def _violate(self, where: str, got: str, wanted: str) -> None:
        place = f" for {where}" if where else ""
        raise ContractViolation(
            f"`{self._exercise}` returned {got}{place}; expected {wanted}.",
            guarded=f"`{self._exercise}` returned something else{place}; expected {wanted}.",
        )

    def _dict(self, value: Any, expected: dict[str, Any], where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._violate(where, describe(value), f"a dict with the keys {_keys(expected)}")
        if set(value) != {str(key) for key in expected}:
            self._violate(where, f"the keys {_keys(value)}", f"the keys {_keys(expected)}")
        return {
            key: self.conform(value[str(key)], item, f"`{key}`") for key, item in expected.items()
        }

    def _sequence(self, value: Any, expected: Any, where: str) -> Any:
        count = len(expected)
        if isinstance(value, (np.ndarray, torch.Tensor)) and _has_rows_like(value, expected):
            value = list(value)
        if not isinstance(value, (tuple, list)):
            self._violate(where, describe(value), f"{count} results")
        if len(value) != count:
            self._violate(where, f"{len(value)} results", f"{count} results")
        items = [
            self.conform(one, other, f"result {number}" if count > 1 else where)
            for number, (one, other) in enumerate(zip(value, expected, strict=True), start=1)
        ]
        return sequence_like(expected, items)

    def _numbers(self, value: Any, expected: Any, where: str) -> Any:
        if not isinstance(expected, _NUMBERS):
            self._violate(where, describe(value), describe(expected))
        if isinstance(expected, torch.Tensor) and expected.layout != torch.strided:
            expected = expected.to_dense()
        came = value
        if isinstance(value, (tuple, list)):
            value = numbers_of(value)
        elif isinstance(value, int) and not isinstance(expected, int):
            value = bounded(value)
        if not isinstance(value, _NUMBERS):
            self._violate(where, describe(came), describe(expected))
        if _shape(value) != _shape(expected):
            got = describe(came) if isinstance(came, (tuple, list)) else _shape_words(value)
            self._violate(where, got, _shape_words(expected))
        kind, wanted = _number_kind(value), _number_kind(expected)
        if "other" in (kind, wanted):
            self._violate(where, _dtype_words(value), _dtype_words(expected))
        if kind != wanted and not (wanted == "floating" and kind == "integer"):
            value = self._other_kind(value, wanted, where)
        if is_finite(expected) and not is_finite(value):
            self._violate(where, "nan or inf", "finite numbers")
        if wanted == "integer" and not _fits(value, expected):
            self._violate(where, "numbers beyond their range", _dtype_words(expected))
        accepted = _cast(value, expected)
        # A narrower one may not hold what is finite here.
        if _is_narrower(expected, value) and is_finite(value) and not is_finite(accepted):
            self._violate(where, "numbers beyond their range", _dtype_words(expected))
        return accepted

    def _other_kind(self, value: Any, wanted: str, where: str) -> Any:
        """Accept 3.0 for 3 and 1 for True; nothing else changes its kind."""
        if wanted in ("integer", "boolean") and not is_finite(value):
            self._violate(where, "nan or inf", "finite numbers")
        # An integer beyond int64 is an object as an array, and is neither 0 nor 1.
        as_array = _plain(bounded(value))
        integral = as_array.dtype.kind != "b" and bool(np.all(as_array == np.round(as_array)))
        if wanted == "integer" and integral:
            return value
        if wanted == "boolean" and integral and bool(np.isin(as_array, (0, 1)).all()):
            return value
        self._violate(where, f"{_number_kind(value)} numbers", f"{wanted} numbers")
        return None


def describe(value: Any) -> str:
    """Say in a few words what a result is."""
    if isinstance(value, Opaque):
        return value.description
    if value is None:
        return "None"
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return _shape_words(value)
    if isinstance(value, bool):
        return "a bool"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, tuple):
        return f"{len(value)} results"
    if isinstance(value, list):
        return _list_words(value)
    return "a text" if isinstance(value, str) else f"a {type(value).__name__}"


def _list_words(value: list[Any]) -> str:
    words, found = f"a list of {len(value)}", numbers_of(value)
    if found is not None:
        return words if found.ndim < 2 else f"a list of shape {tuple(found.shape)}"
    shapes = {None if one is None else tuple(one.shape) for one in map(numbers_of, value)}
    return f"{words} that differ in shape" if len(shapes - {None}) > 1 else words


def _keys(value: dict[str, Any]) -> str:
    return ", ".join(_shortened(str(key)) for key in itertools.islice(value, 10)) or "(none)"


def _shortened(key: str) -> str:
    return key if len(key) <= _MAX_KEY else f"{key[:_MAX_KEY]}…"


def _has_rows_like(value: Numbers, expected: Sequence[Any]) -> bool:
    """Say whether an array's rows have the shapes of the results that are expected."""
    return (
        value.ndim > 0
        and len(value) == len(expected)
        and all(isinstance(one, _NUMBERS) and _shape(one) == value.shape[1:] for one in expected)
    )


def _fits(value: Any, expected: Any) -> bool:
    """Say whether whole numbers are within the range of the integers they are expected as."""
    if isinstance(expected, int):
        # What the reference returns may be beyond int64 itself.
        lowest, highest = min(-(2**63), int(expected)), max(2**63 - 1, int(expected))
    elif isinstance(expected, torch.Tensor):
        range_ = torch.iinfo(expected.dtype)
        lowest, highest = range_.min, range_.max
    else:
        lowest, highest = np.iinfo(expected.dtype).min, np.iinfo(expected.dtype).max
    array = _plain(value)
    # As Python's: numpy would compare int64 with uint64, and with these bounds, as floats.
    return not array.size or (int(array.min()) >= lowest and int(array.max()) <= highest)


def _is_narrower(expected: Any, value: Any) -> bool:
    size = getattr(expected, "dtype", _FLOAT).itemsize
    return bool(size < getattr(value, "dtype", _FLOAT).itemsize)


def _dtype_words(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return f"numbers of {dtype}".replace("torch.", "") if dtype is not None else describe(value)


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, (torch.Tensor, np.ndarray)) else ()


def _shape_words(value: Any) -> str:
    shape = _shape(value)
    return f"shape {shape}" if shape else "a single number"


def _number_kind(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        if value.dtype == torch.bool:
            return "boolean"
        if value.is_complex() or value.is_quantized:
            return "other"
        if value.is_floating_point():
            # Torch cannot say whether numbers of 8 bits are finite.
            return "floating" if value.dtype.itemsize > 1 else "other"
        return "integer"
    if isinstance(value, int):
        # As an array, one beyond int64 is an object.
        return "boolean" if isinstance(value, bool) else "integer"
    kinds = {"b": "boolean", "f": "floating", "i": "integer", "u": "integer"}
    return kinds.get(np.asarray(value).dtype.kind, "other")


def _carries_gradient(value: Any) -> bool:
    """Say whether anything in a result can be differentiated; parts of it may be plain numbers."""
    return any(map(carries_graph, leaves(value)))


def _cast(value: Any, expected: Any) -> Any:
    if isinstance(expected, torch.Tensor):
        tensor = value if isinstance(value, torch.Tensor) else torch.as_tensor(np.asarray(value))
        return tensor.to(expected.dtype)
    plain = _plain(value)
    if isinstance(expected, (np.ndarray, np.generic)):
        return plain.astype(expected.dtype)
    kind = bool if isinstance(expected, bool) else int if isinstance(expected, int) else float
    return kind(plain.item())


def _plain(value: Any) -> np.ndarray[Any, Any]:
    """Return numbers as an array, of Python's own where they are too large for any other."""
    return np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
