"""Results out of the box: a JSON tree and safetensors, decoded as if every byte were hostile."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import torch

MAX_DEPTH = 16
MAX_NODES = 20_000
MAX_TEXT = 20_000
MAX_INTEGER_DIGITS = 60

# safetensors has no complex128 and nothing that needs a pickle; what is not here stays in the box.
SUPPORTED_DTYPES = frozenset(
    {"float64", "float32", "float16", "int64", "int32", "int16", "int8"}
    | {"uint64", "uint32", "uint16", "uint8", "bool"}
)


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
        before = self._nodes
        try:
            return self._node(value, 0)
        except _TooLarge:
            # As a whole: the judge counts nodes as this encoder does.
            self._nodes = before + 1
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
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array("array", np.asarray(value))
        if isinstance(value, int):
            return {"kind": "int", "value": str(int(value))[: MAX_INTEGER_DIGITS + 1]}
        if isinstance(value, float):
            return {"kind": "float", "value": repr(float(value))}
        if isinstance(value, str):
            return {"kind": "text", "value": str(value)[:MAX_TEXT]}
        if isinstance(value, (tuple, list)):
            items = [self._node(item, depth + 1) for item in value]
            return {"kind": "tuple" if isinstance(value, tuple) else "list", "value": items}
        if isinstance(value, dict):
            pairs = [[str(key)[:200], self._node(item, depth + 1)] for key, item in value.items()]
            return {"kind": "dict", "value": pairs}
        for number, function in enumerate(self.given):
            if function is value:
                return {"kind": "given", "value": str(number)}
        return {"kind": "opaque", "value": f"a {type(value).__name__}"[:200]}

    def _tensor(self, value: torch.Tensor) -> dict[str, Any]:
        plain = value.detach().to_dense() if value.is_sparse else value.detach()
        if plain.dtype == torch.bfloat16:
            plain = plain.to(torch.float32)
        node = self._array("tensor", plain.resolve_conj().resolve_neg().numpy())
        if value.requires_grad and node["kind"] == "tensor":
            node["graph"] = len(self.tensors)
            self.tensors.append(value)
        return node

    def _array(self, kind: str, value: np.ndarray[Any, Any]) -> dict[str, Any]:
        if value.dtype.name not in SUPPORTED_DTYPES:
            shape = "×".join(map(str, value.shape))
            return {"kind": "opaque", "value": f"an array of {value.dtype.name} ({shape})"[:200]}
        name = str(len(self.arrays))
        native = value.astype(value.dtype.newbyteorder("="), order="C", copy=True)
        self.arrays[name] = native.reshape(value.shape)
        return {"kind": kind, "value": name}

    def block(self) -> bytes:
        """Return the arrays met so far as one safetensors file."""
        return safetensors.numpy.save(self.arrays) if self.arrays else b""


@dataclass
class Decoder:
    """Decode what the box sent; runs in the judge and raises HostileReply on anything odd."""

    block: bytes
    graphs: dict[int, torch.Tensor] = field(default_factory=dict)
    """By graph number, the tensors that gradients can be asked of."""
    given: list[Any] = field(default_factory=list)
    """What a function that comes back by its number stands for."""
    _nodes: int = 0

    def __post_init__(self) -> None:
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}
        if not self.block:
            return
        try:
            self._arrays = safetensors.numpy.load(self.block)
        except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
            raise HostileReply("arrays that are not safetensors") from error
        for array in self._arrays.values():
            if array.dtype.name not in SUPPORTED_DTYPES:
                raise HostileReply(f"an array of {array.dtype.name}")

    def value(self, node: Any, depth: int = 0) -> Any:
        """Return the value a node describes: numbers, text, arrays, tensors, containers, Opaque."""
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES or not isinstance(node, dict):
            raise HostileReply("a result that is not a tree of bounded size")
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
            return self._array(node, kind, content)
        if kind in ("tuple", "list") and isinstance(content, list):
            items = [self.value(item, depth + 1) for item in content]
            return tuple(items) if kind == "tuple" else items
        if kind == "dict" and isinstance(content, list):
            return self._dict(content, depth)
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
        if name not in self._arrays:
            raise HostileReply("an array that was not sent")
        array = self._arrays[name]
        if kind == "array":
            return array
        tensor = torch.from_numpy(array.copy())
        graph = node.get("graph")
        if isinstance(graph, int) and not isinstance(graph, bool) and tensor.is_floating_point():
            self.graphs[graph] = tensor
        return tensor

    def _dict(self, content: list[Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for item in content:
            if not (isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)):
                raise HostileReply("a dict that is none")
            result[item[0]] = self.value(item[1], depth + 1)
        return result


def carries_graph(value: Any) -> bool:
    """Say whether a leaf is a tensor that gradients flow to."""
    return isinstance(value, torch.Tensor) and value.requires_grad


def is_finite(value: Any) -> bool:
    """Say whether every number in an array, tensor or scalar is finite."""
    if isinstance(value, torch.Tensor):
        return bool(torch.isfinite(value).all())
    if isinstance(value, np.ndarray):
        return bool(np.isfinite(value).all())
    return not isinstance(value, float) or math.isfinite(value)
