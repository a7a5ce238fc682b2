"""The structure a result must have, taken from the reference's result for the same arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from autograder.sandbox.host.failures import ContractViolation
from autograder.sandbox.wire.results_out import Opaque, carries_graph, is_finite
from autograder.sandbox.wire.trees import leaves, sequence_like


def conform(exercise: str, value: Any, expected: Any) -> Any:
    """Return the student's result in the kind of the reference's; raise ContractViolation.

    Accepted: numpy for torch and the reverse, float32 for float64, a number for a 0-d array,
    a list for a tuple, an array for a sequence of numbers, an integer where a float is expected.
    """
    if _carries_gradient(expected) and not _carries_gradient(value):
        raise ContractViolation(
            f"`{exercise}` returned a result that cannot be differentiated (.item(), .detach(), "
            "no_grad or numpy?); expected one that gradients flow through."
        )
    return _Conformer(exercise).conform(value, expected, "")


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
        is_row = isinstance(value, (np.ndarray, torch.Tensor)) and value.ndim == 1
        if is_row and _all_numbers(list(expected)):
            value = value.tolist()
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
        if isinstance(value, list) and value and _all_numbers(value):
            value = np.asarray([_bounded(item) for item in value])
        elif isinstance(value, int) and not isinstance(expected, int):
            value = _bounded(value)
        if not isinstance(value, (torch.Tensor, np.ndarray, bool, int, float)):
            self._violate(where, describe(value), describe(expected))
        if _shape(value) != _shape(expected):
            self._violate(where, _shape_words(value), _shape_words(expected))
        kind, wanted = _number_kind(value), _number_kind(expected)
        if kind != wanted and not (wanted == "floating" and kind == "integer"):
            value = self._other_kind(value, wanted, where)
        if is_finite(expected) and not is_finite(value):
            self._violate(where, "nan or inf", "finite numbers")
        return _cast(value, expected)

    def _other_kind(self, value: Any, wanted: str, where: str) -> Any:
        """Accept 3.0 for 3 and 1 for True; nothing else changes its kind."""
        as_array = np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
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
    if isinstance(value, (tuple, list)):
        return f"{len(value)} results" if isinstance(value, tuple) else f"a list of {len(value)}"
    return "a text" if isinstance(value, str) else f"a {type(value).__name__}"


def _keys(value: dict[str, Any]) -> str:
    return ", ".join(str(key) for key in list(value)[:10]) or "(none)"


def _all_numbers(value: list[Any]) -> bool:
    return all(isinstance(item, (bool, int, float)) for item in value)


def _bounded(value: Any) -> Any:
    """Return an integer that no array can hold as a float."""
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, (torch.Tensor, np.ndarray)) else ()


def _shape_words(value: Any) -> str:
    shape = _shape(value)
    return f"shape {shape}" if shape else "a single number"


def _number_kind(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        if value.dtype == torch.bool:
            return "boolean"
        return "floating" if value.is_floating_point() else "integer"
    kind = np.asarray(value).dtype.kind
    return {"b": "boolean", "f": "floating"}.get(kind, "integer")


def _carries_gradient(value: Any) -> bool:
    """Say whether anything in a result can be differentiated; parts of it may be plain numbers."""
    return any(map(carries_graph, leaves(value)))


def _cast(value: Any, expected: Any) -> Any:
    if isinstance(expected, torch.Tensor):
        tensor = value if isinstance(value, torch.Tensor) else torch.as_tensor(np.asarray(value))
        return tensor.to(expected.dtype)
    plain = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    if isinstance(expected, (np.ndarray, np.generic)):
        return plain.astype(expected.dtype)
    return type(expected)(plain.item())
