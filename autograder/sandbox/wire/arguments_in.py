"""Arguments into the box: judge to student code, trusted, by cloudpickle with tensors apart.

Tensors, arrays, generators and callbacks are *leaves*: they travel beside the pickle, each once,
so that sharing survives (a module and its optimizer) and changes can be copied back.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle
import numpy as np
import torch

from autograder.sandbox.wire.probes import neutral
from autograder.sandbox.wire.trees import leaves


class SecretArgument(Exception):
    """A hidden test tried to send an answer or a test into the box."""


@dataclass
class TensorLeaf:
    """A tensor by value; `is_leaf` as torch means it, `grad` its accumulated gradient."""

    values: np.ndarray[Any, Any]
    requires_grad: bool
    is_leaf: bool
    is_parameter: bool
    grad: np.ndarray[Any, Any] | None


@dataclass
class ArrayLeaf:
    values: np.ndarray[Any, Any]


@dataclass
class TorchGeneratorLeaf:
    state: np.ndarray[Any, Any]


@dataclass
class NumpyGeneratorLeaf:
    kind: str
    state: dict[str, Any]


@dataclass
class CallbackLeaf:
    """A function that stays in the judge."""


# What most of a pickle consists of: neither a leaf nor a secret.
_PLAIN_TYPES = frozenset({bool, bytes, dict, float, int, list, str, tuple, type(None)})

Leaf = TensorLeaf | ArrayLeaf | TorchGeneratorLeaf | NumpyGeneratorLeaf | CallbackLeaf


@dataclass
class Packed:
    """Arguments on their way: bytes, and the judge's own objects behind the leaves."""

    block: bytes
    originals: list[Any] = field(default_factory=list)


def _leaf_of(value: Any, is_callback: Callable[[Any], bool]) -> Leaf | None:
    if isinstance(value, torch.Tensor):
        grad = value.grad if value.is_leaf else None
        return TensorLeaf(
            values=value.detach().numpy().copy(),
            requires_grad=value.requires_grad,
            is_leaf=value.is_leaf,
            is_parameter=isinstance(value, torch.nn.Parameter),
            grad=None if grad is None else grad.detach().numpy().copy(),
        )
    if isinstance(value, np.ndarray) and value.dtype != object:
        return ArrayLeaf(value.copy())
    if isinstance(value, torch.Generator):
        return TorchGeneratorLeaf(value.get_state().numpy())
    if isinstance(value, np.random.Generator):
        state = value.bit_generator.state
        return NumpyGeneratorLeaf(type(value.bit_generator).__name__, dict(state))
    if is_callback(value):
        return CallbackLeaf()
    return None


class _ArgumentPickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(
        self, file: io.BytesIO, is_callback: Callable[[Any], bool], secret: frozenset[str]
    ) -> None:
        super().__init__(file)
        self.leaves: list[Leaf] = []
        self.originals: list[Any] = []
        self._index: dict[int, int] = {}
        self._is_callback = is_callback
        self._secret = secret

    def persistent_id(self, value: Any) -> Any:
        if type(value) in _PLAIN_TYPES:
            return None
        self._refuse_secret(value)
        if id(value) in self._index:
            return self._index[id(value)]
        leaf = _leaf_of(value, self._is_callback)
        if leaf is None:
            return None
        self._index[id(value)] = len(self.leaves)
        self.leaves.append(leaf)
        self.originals.append(value)
        return self._index[id(value)]

    def reducer_override(self, value: Any) -> Any:
        """Let no function tell of the file and the test it comes from."""
        return neutral(value, super().reducer_override(value))

    def _refuse_secret(self, value: Any) -> None:
        if isinstance(value, ModuleType):
            secret = value.__name__ in self._secret
        elif isinstance(value, (FunctionType, type)):
            # Code that was evaluated belongs to no module.
            from_solutions = (value.__module__ or "").startswith("solutions.")
            is_test = value.__name__.startswith(("test_", "Test_"))
            secret = from_solutions or (is_test and value.__module__ in self._secret)
        else:
            secret = False
        if secret:
            raise SecretArgument(
                f"{getattr(value, '__qualname__', value)} may not go into the box; "
                "wrap it in autograder.testing.callback"
            )


def pack(
    value: Any,
    *,
    is_callback: Callable[[Any], bool] = lambda _: False,
    secret_modules: frozenset[str] = frozenset(),
) -> Packed:
    """Return `value` as bytes for the box; refuse references and tests with SecretArgument."""
    file = io.BytesIO()
    pickler = _ArgumentPickler(file, is_callback, secret_modules)
    pickler.dump(value)
    return Packed(pickle.dumps((pickler.leaves, file.getvalue())), pickler.originals)


class _ArgumentUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, objects: list[Any]) -> None:
        super().__init__(file)
        self._objects = objects

    def persistent_load(self, index: int) -> Any:
        return self._objects[index]


@dataclass
class Unpacked:
    """Arguments as they arrived: the value, the objects behind the leaves, and what they held."""

    value: Any
    objects: list[Any]
    leaves: list[Leaf]
    inputs: dict[int, torch.Tensor]
    """By leaf index, the tensors a gradient is asked for."""


def unpack(block: bytes, make_callback: Callable[[int], Any]) -> Unpacked:
    """Rebuild packed arguments; `make_callback` makes the stand-in of callback leaf i."""
    leaves, pickled = pickle.loads(block)
    inputs: dict[int, torch.Tensor] = {}
    objects: list[Any] = []
    for index, leaf in enumerate(leaves):
        if isinstance(leaf, TensorLeaf):
            objects.append(_tensor(leaf, index, inputs))
        elif isinstance(leaf, ArrayLeaf):
            objects.append(leaf.values.copy())
        elif isinstance(leaf, TorchGeneratorLeaf):
            objects.append(torch_generator(leaf.state))
        elif isinstance(leaf, NumpyGeneratorLeaf):
            objects.append(numpy_generator(leaf.kind, leaf.state))
        else:
            objects.append(make_callback(index))
    value = _ArgumentUnpickler(io.BytesIO(pickled), objects).load()
    return Unpacked(value, objects, leaves, inputs)


def _tensor(leaf: TensorLeaf, index: int, inputs: dict[int, torch.Tensor]) -> torch.Tensor:
    tensor = torch.from_numpy(leaf.values.copy())
    if leaf.is_parameter:
        tensor = torch.nn.Parameter(tensor, requires_grad=leaf.requires_grad)
    elif leaf.requires_grad:
        tensor.requires_grad_()
    if leaf.grad is not None:
        tensor.grad = torch.from_numpy(leaf.grad.copy())
    if leaf.requires_grad:
        inputs[index] = tensor
    # A tensor that is the result of something may be changed in place; a leaf may not.
    return tensor if leaf.is_leaf else tensor.clone()


def torch_generator(state: np.ndarray[Any, Any]) -> torch.Generator:
    """Return a generator in the given state."""
    generator = torch.Generator()
    generator.set_state(torch.from_numpy(state.copy()))
    return generator


def numpy_generator(kind: str, state: Mapping[str, Any]) -> np.random.Generator:
    """Return a generator of the given bit generator in the given state."""
    bit_generator = getattr(np.random, kind)()
    bit_generator.state = dict(state)
    return np.random.Generator(bit_generator)


def functions_in(value: Any) -> list[Any]:
    """Return the functions among a call's arguments, in an order that both sides agree on.

    Not modules: a reference that trained one here would train the test's own.
    """
    not_handed_on = (torch.nn.Module, type)
    return [one for one in leaves(value) if callable(one) and not isinstance(one, not_handed_on)]
