"""Results out of the box: a JSON tree and safetensors, decoded as if every byte were hostile."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import safetensors.numpy
import torch

from autograder.sandbox.wire.arrays import (
    NotArrays,
    Place,
    find_arrays,
    may_cross,
    read_array,
)
from autograder.sandbox.wire.stacking import holds_many, is_sequence, numbers_of

MAX_DEPTH = 16
MAX_NODES = 20_000
MAX_TEXT = 20_000
MAX_INTEGER_DIGITS = 60

_TENSORS = (torch.Tensor, torch.nn.Parameter)
_NUMPYS = (torch.float64, torch.float32, torch.float16)
# A generator's state: torch's is 5056 bytes, and numpy's largest is a key of 2496.
_MAX_STATE_BYTES = 8192
_MAX_STATE_NODES = 32


class HostileReply(Exception):
    """A reply that honest box code does not send."""


class _TooLarge(Exception):
    """A result is larger or deeper than the judge accepts."""


@dataclass(frozen=True)
class Opaque:
    """A result that may not cross the wall, by its description."""

    description: str


@dataclass
class Encoder:
    """Encode values for the judge; runs in the box."""

    arrays: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    tensors: list[torch.Tensor] = field(default_factory=list)
    """The tensors met that carry a graph, in the order of their `graph` numbers."""
    given: list[Any] = field(default_factory=list)
    """Functions that the judge gave, which go back to it by their number."""
    _nodes: int = 0

    def node(self, value: Any) -> dict[str, Any]:
        """Return the JSON node of a value; what cannot cross becomes an opaque node."""
        before = self._nodes, len(self.arrays), len(self.tensors)
        try:
            return self._node(value, 0)
        except _TooLarge:
            # As a whole: the judge counts nodes as this encoder does, and wants no array unnamed.
            self._nodes = before[0] + 1
            for name in list(self.arrays)[before[1] :]:
                del self.arrays[name]
            del self.tensors[before[2] :]
            return {"kind": "opaque", "value": "a very large or deeply nested result"}

    def _node(self, value: Any, depth: int) -> dict[str, Any]:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise _TooLarge
        if value is None:
            return {"kind": "none"}
        if isinstance(value, (bool, np.bool_)):
            return {"kind": "bool", "value": bool(value)}
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if isinstance(value, str):
            return {"kind": "text", "value": str(value)[:MAX_TEXT]}
        if isinstance(value, (np.ndarray, np.generic)):
            return self._numbers(value, np.asarray(value))
        if isinstance(value, int):
            return {"kind": "int", "value": str(int(value))[: MAX_INTEGER_DIGITS + 1]}
        if isinstance(value, float):
            return {"kind": "float", "value": repr(float(value))}
        if is_sequence(value):
            return self._sequence(value, depth)
        if isinstance(value, Mapping):
            pairs = [[str(key)[:200], self._node(item, depth + 1)] for key, item in value.items()]
            return {"kind": "dict", "value": pairs}
        for number, function in enumerate(self.given):
            if function is value:
                return {"kind": "given", "value": str(number)}
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> dict[str, Any]:
        """Return the node of what is none of the above."""
        return self._numbers(value, None)

    def _sequence(self, value: Sequence[Any], depth: int) -> dict[str, Any]:
        """Return a node for each part, or one for all where they are many and make an array."""
        packed = numbers_of(value) if holds_many(value) else None
        if packed is not None:
            return _odd(self._numbers(packed, None))
        if len(value) > MAX_NODES:
            raise _TooLarge
        items = [self._node(item, depth + 1) for item in value]
        return {"kind": "tuple" if isinstance(value, tuple) else "list", "value": items}

    def _numbers(self, value: Any, array: np.ndarray[Any, Any] | None) -> dict[str, Any]:
        """Return the node of what is an array, or makes one."""
        is_odd = array is None or (type(array) is not type(value) and not np.isscalar(value))
        if array is None or not may_cross(array):
            found, is_odd = numbers_of(value), True
            if isinstance(found, torch.Tensor):
                return _odd(self._tensor(found))
            array = array if found is None else found
        if array is None:
            return {"kind": "opaque", "value": f"a {type(value).__name__}"[:200]}
        node = self._array("array", array)
        return _odd(node) if is_odd else node

    def _tensor(self, value: torch.Tensor) -> dict[str, Any]:
        plain = value.detach()
        if plain.layout != torch.strided:
            plain = plain.to_dense()
        if type(plain) is not torch.Tensor:
            plain = plain.as_subclass(torch.Tensor)
        if plain.dtype not in _NUMPYS and plain.is_floating_point():
            plain = plain.to(torch.float32)
        node = self._array("tensor", plain.resolve_conj().resolve_neg().numpy())
        if (
            type(value) not in _TENSORS
            or plain.layout != value.layout
            or plain.dtype != value.dtype
        ):
            node = _odd(node)
        if value.requires_grad and node["kind"] == "tensor":
            node["graph"] = len(self.tensors)
            self.tensors.append(value)
        return node

    def _array(self, kind: str, value: np.ndarray[Any, Any]) -> dict[str, Any]:
        if not may_cross(value):
            shape = "×".join(map(str, value.shape))
            return {"kind": "opaque", "value": f"an array of {value.dtype.name} ({shape})"[:200]}
        name = str(len(self.arrays))
        native = value.astype(value.dtype.newbyteorder("="), order="C", copy=True)
        self.arrays[name] = native.reshape(value.shape)
        return {"kind": kind, "value": name}

    def block(self) -> bytes:
        """Return the arrays met so far as one safetensors file."""
        return safetensors.numpy.save(self.arrays) if self.arrays else b""


def _odd(node: dict[str, Any]) -> dict[str, Any]:
    """Say of a node that what it describes was of another kind in the box."""
    return {**node, "odd": True}


@dataclass
class Decoder:
    """Decode what the box sent; runs in the judge and raises HostileReply on anything odd.

    Each array is named by one node, and copied once: what is decoded is never larger than the
    frame. `finish` refuses arrays that no node named.
    """

    block: bytes
    graphs: dict[int, torch.Tensor] = field(default_factory=dict)
    """By graph number, the tensors that gradients can be asked of."""
    given: list[Any] = field(default_factory=list)
    """What a function that comes back by its number stands for."""
    has_odd: bool = False
    """Whether something was of another kind in the box, as the box has it."""
    _nodes: int = 0
    _largest: float = math.inf
    """The bytes that an array may have."""

    def __post_init__(self) -> None:
        self._left: dict[str, Place] = {}
        if self.block:
            try:
                self._left = find_arrays(self.block)
            except NotArrays as error:
                raise _no_arrays(error) from error

    def finish(self) -> None:
        """Refuse a frame that holds what nothing in it names."""
        if self._left:
            raise HostileReply("an array that nothing names")

    def array_of(self, node: Any, shape: tuple[int, ...]) -> Any:
        """Return the array of a node where it has this shape; of another one an Opaque.

        What has another shape is never read.
        """
        self._count(node, 0)
        kind, name = node.get("kind"), node.get("value")
        if kind == "opaque" and isinstance(name, str):
            return self._scalar(kind, name)
        if kind not in ("array", "tensor") or not isinstance(name, str):
            raise HostileReply("a change that is no array")
        place = self._take(name)
        if place.shape != shape:
            return Opaque("an array of another shape")
        return self._read(place)

    def state(self, node: Any) -> Any:
        """Return what a node describes that can be a generator's state: little."""
        last, self._largest = self._nodes + _MAX_STATE_NODES, _MAX_STATE_BYTES
        try:
            state = self.value(node)
        finally:
            self._largest = math.inf
        if self._nodes > last:
            raise HostileReply("a state that no generator has")
        return state

    @property
    def in_state(self) -> bool:
        """Whether what is decoded now is a part of a generator's state."""
        return self._largest != math.inf

    def _count(self, node: Any, depth: int) -> None:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES or not isinstance(node, dict):
            raise HostileReply("a result that is not a tree of bounded size")

    def value(self, node: Any, depth: int = 0) -> Any:
        """Return the value a node describes: numbers, text, arrays, tensors, containers, Opaque."""
        self._count(node, depth)
        kind, content = node.get("kind"), node.get("value")
        if kind == "none":
            return None
        if kind == "bool" and isinstance(content, bool):
            return content
        if kind in ("int", "float", "text", "opaque") and isinstance(content, str):
            return self._scalar(kind, content)
        if kind == "given" and isinstance(content, str):
            return self._given(content)
        if kind in ("array", "tensor") and isinstance(content, str):
            self.has_odd |= node.get("odd") is True
            return self._array(node, kind, content)
        if kind in ("tuple", "list") and isinstance(content, list):
            items = [self.value(item, depth + 1) for item in content]
            return tuple(items) if kind == "tuple" else items
        if kind == "dict" and isinstance(content, list):
            return self._dict(content, depth)
        return self._other(kind, content)

    def _other(self, kind: Any, content: Any) -> Any:
        """Return what a node of none of these kinds describes."""
        raise HostileReply("a result of an unknown kind")

    def _given(self, number: str) -> Any:
        if number not in map(str, range(len(self.given))):
            raise HostileReply("a function that was not given")
        return self.given[int(number)]

    def _scalar(self, kind: str, content: str) -> Any:
        if len(content) > MAX_TEXT:
            raise HostileReply("a text beyond its limit")
        if kind == "text":
            return content
        if kind == "opaque":
            return Opaque(content[:200])
        if len(content) > MAX_INTEGER_DIGITS + 1:
            raise HostileReply("a number beyond its limit")
        try:
            return int(content) if kind == "int" else float(content)
        except ValueError as error:
            raise HostileReply("a number that is none") from error

    def _array(self, node: dict[str, Any], kind: str, name: str) -> Any:
        array = self._read(self._take(name))
        if kind == "array":
            return array
        tensor = torch.from_numpy(array)
        graph = node.get("graph")
        if isinstance(graph, int) and not isinstance(graph, bool) and tensor.is_floating_point():
            if graph in self.graphs or not 0 <= graph < MAX_NODES:
                raise HostileReply("a graph of no number of its own")
            self.graphs[graph] = tensor
        return tensor

    def _take(self, name: str) -> Place:
        place = self._left.pop(name, None)
        if place is None:
            raise HostileReply("an array that was not sent, or is named twice")
        return place

    def _read(self, place: Place) -> np.ndarray[Any, Any]:
        if place.stop - place.start > self._largest:
            raise HostileReply("a state that no generator has")
        try:
            return read_array(self.block, place)
        except NotArrays as error:
            raise _no_arrays(error) from error

    def _dict(self, content: list[Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for item in content:
            if not (isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)):
                raise HostileReply("a dict that is none")
            result[item[0]] = self.value(item[1], depth + 1)
        return result


def _no_arrays(error: NotArrays) -> HostileReply:
    return HostileReply(f"arrays that are not safetensors ({error})")


def carries_graph(value: Any) -> bool:
    """Say whether a leaf is a tensor that gradients flow to."""
    return isinstance(value, torch.Tensor) and value.requires_grad


def is_finite(value: Any) -> bool:
    """Say whether every number in an array, tensor or scalar is finite."""
    if isinstance(value, torch.Tensor):
        return bool(torch.isfinite(value).all())
    if isinstance(value, (np.ndarray, np.generic)):
        return bool(np.isfinite(value).all())
    return not isinstance(value, float) or math.isfinite(value)
