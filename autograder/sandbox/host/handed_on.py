"""Tell a reply that is an earlier exercise's work: what its stand-in made of the same arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from autograder.sandbox.host.callbacks import Asked
from autograder.sandbox.wire.arguments_in import unpack
from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.handed_over import Handed
from autograder.sandbox.wire.results_out import Decoder, HostileReply
from autograder.sandbox.wire.trees import leaves

# So near that only rounding lies between them.
_RTOL = 1e-6
_FEW = 64
"""A value of more parts is compared no further."""


def is_handed_on(question: bytes, reply: Frame, asked: Sequence[Asked]) -> bool:
    """Say whether a reply is nothing but what stand-ins made of the question's arguments."""
    try:
        result = numbers_in(Decoder(reply.block).value(reply.header.get("value")))
        given = numbers_in(unpack(question, lambda _: None).value)
        returned: list[np.ndarray[Any, Any]] = []
        for one in asked:
            # With a function of its own among them, they are not the question's arguments.
            if any(isinstance(part, Handed) for part in leaves(one.arguments)):
                continue
            if all(_is_among(part, given) for part in numbers_in(one.arguments)):
                returned += numbers_in(unpack(one.returned, lambda _: None).value)
    except HostileReply:
        return False
    return bool(result) and all(_is_among(part, returned) for part in result)


def numbers_in(value: Any) -> list[np.ndarray[Any, Any]]:
    """Return the parts of a value that are numbers, as arrays; the first ones of very many."""
    found = [one for one in leaves(value) if isinstance(one, _NUMBERS)][:_FEW]
    arrays = [np.asarray(one.detach() if isinstance(one, torch.Tensor) else one) for one in found]
    return [one for one in arrays if one.dtype.kind in "biuf"]


_NUMBERS = (torch.Tensor, np.ndarray, np.generic, int, float)


def _is_among(part: np.ndarray[Any, Any], others: Iterable[np.ndarray[Any, Any]]) -> bool:
    return any(
        part.shape == other.shape and np.allclose(part, other, rtol=_RTOL, atol=0.0, equal_nan=True)
        for other in others
    )
