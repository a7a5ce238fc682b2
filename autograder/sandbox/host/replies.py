"""Read what an exercise process replied: every field as if an enemy had written it."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.sandbox.host.failures import (
    AnswerFailure,
    AnswerMissing,
    AnswerOutOfMemory,
    NotImplementedRaised,
    OwnLine,
    StudentRaised,
)
from autograder.sandbox.memory import own_work
from autograder.sandbox.wire.arguments_in import Packed
from autograder.sandbox.wire.changes import read_changes
from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.results_out import Decoder, HostileReply

_MAX_OWN_LINES = 8
_MAX_INDEX = 2**31
# A type's name is the student's to choose; these are not.
_KNOWN_EXCEPTIONS = {
    *("LinAlgError", "OutOfMemoryError"),
    *(
        name
        for name, one in vars(builtins).items()
        if isinstance(one, type) and issubclass(one, BaseException)
    ),
}


@dataclass
class Reply:
    """What a call brought: a value, and how it changed the arguments' leaves."""

    value: Any
    graphs: dict[int, torch.Tensor]
    changes: dict[int, dict[str, Any]]
    has_odd: bool = False
    """Whether something in the value was of a kind that does not cross the wall as it is."""


def read_value(frame: Frame, packed: Packed) -> Reply:
    """Return what a call brought; raise an AnswerFailure where it brought nothing."""
    header = frame.header
    if header["reply"] == "missing":
        raise AnswerMissing("There is no function of this name in the notebook.")
    if header["reply"] == "error":
        raise _raised(header)
    if header["reply"] != "value":
        raise HostileReply("a reply to another question")
    with own_work():
        decoder = Decoder(frame.block)
        value = decoder.value(header.get("value"))
        changes = read_changes(header.get("changes"), decoder, packed)
        decoder.finish()
    return Reply(value, decoder.graphs, changes, decoder.has_odd)


def read_gradients(frame: Frame, inputs: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """Return the gradients of a call for each of its inputs, in their shapes and kinds."""
    if frame.header["reply"] == "error":
        raise _raised(frame.header)
    nodes = frame.header.get("value")
    if not isinstance(nodes, list) or len(nodes) != len(inputs):
        raise HostileReply("gradients of something else")
    with own_work():
        decoder = Decoder(frame.block)
        gradients = [
            _read_gradient(node, leaf, decoder) for node, leaf in zip(nodes, inputs, strict=True)
        ]
        decoder.finish()
    return gradients


def _read_gradient(node: Any, leaf: torch.Tensor, decoder: Decoder) -> torch.Tensor | None:
    kind = node.get("kind") if isinstance(node, dict) else None
    if kind == "none":
        return None
    gradient = decoder.array_of(node, tuple(leaf.shape)) if kind == "tensor" else None
    if not isinstance(gradient, np.ndarray):
        raise HostileReply("a gradient of another shape")
    return torch.from_numpy(gradient).to(leaf.dtype)


def _raised(header: dict[str, Any]) -> AnswerFailure:
    kind, message = _text(header.get("type"), 100), _text(header.get("message"), 500)
    own = tuple(_own_lines(header.get("own")))
    if kind == "NotImplementedError":
        return NotImplementedRaised(own)
    if kind == "MemoryError" or "can't allocate memory" in message:
        return AnswerOutOfMemory("A call asked for more memory than it may have.", own)
    known = kind if kind in _KNOWN_EXCEPTIONS else "an exception of its own"
    return StudentRaised(f"It raised {kind}: {message}", own, guarded=f"It raised {known}.")


def _own_lines(listed: Any) -> Iterator[OwnLine]:
    for item in listed[:_MAX_OWN_LINES] if isinstance(listed, list) else []:
        if not isinstance(item, list) or len(item) != 2 or not all(map(_is_index, item)):
            raise HostileReply("a traceback that is none")
        yield OwnLine(*item)


def _is_index(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MAX_INDEX


def _text(value: Any, letters: int) -> str:
    """Return a text's beginning; of what is no text, none: written out, it could be very long."""
    return value[:letters] if isinstance(value, str) else ""
