"""Tell a reply that is an earlier exercise's work: what its stand-in made of the same arguments."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from autograder.sandbox.host.callbacks import Asked, Lent
from autograder.sandbox.host.time_limit import until
from autograder.sandbox.memory import MemoryRanOut, is_out_of_memory
from autograder.sandbox.seeds import kept_generators
from autograder.sandbox.wire.arguments_in import unpack
from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.handed_over import Handed
from autograder.sandbox.wire.results_out import Decoder, HostileReply
from autograder.sandbox.wire.stacking import numbers_of
from autograder.sandbox.wire.trees import leaves

Function = Callable[..., Any]

# So near that only rounding lies between them.
_RTOL = 1e-6
_CALL_S = 1.0
_FEW = 64
"""A value of more parts is compared no further."""


def is_handed_on(question: bytes, reply: Frame, asked: Sequence[Asked]) -> bool:
    """Say whether a reply is nothing but what stand-ins made of the question's arguments."""
    try:
        result = Decoder(reply.block).value(reply.header.get("value"))
        arguments = unpack(question, lambda _: None).value
        given = numbers_in(arguments)
        of_given = [
            one
            for one in asked
            if all(_is_among(part, given) for part in numbers_in(one.arguments))
        ]
        # Functions are called only where all else is the same.
        return _is_made_of(result, of_given) and _is_made_of(
            result, [one for one in of_given if _are_the_questions(one, _functions_of(arguments))]
        )
    except HostileReply:
        return False


def _is_made_of(result: Any, asked: Iterable[Asked]) -> bool:
    parts, whole = numbers_in(result), numbers_of(result)
    returned: list[np.ndarray[Any, Any]] = []
    for one in asked:
        returned += numbers_in(unpack(one.returned, lambda _: None).value)
    are_all = bool(parts) and all(_is_among(part, returned) for part in parts)
    # Or its rows, in a list of them.
    return are_all or (whole is not None and _is_among(_plain(whole), returned))


def _are_the_questions(one: Asked, functions: Sequence[Function]) -> bool:
    """Say whether functions that a stand-in was given say what the question's own do."""
    if not any(isinstance(part, Handed) for part in leaves(one.arguments)):
        return True
    return bool(one.lent) and all(
        any(_says(function, lent) for function in functions) for lent in one.lent
    )


def _says(function: Function, lent: Lent) -> bool:
    """Say whether a function of the question's, in a copy, says what the box's one said."""
    asked, said = lent
    args, kwargs = Decoder(asked.block).value(asked.header["value"])
    returned = numbers_in(Decoder(said.block).value(said.header.get("value")))
    try:
        with kept_generators(), torch.no_grad(), until(time.monotonic() + _CALL_S):
            made = numbers_in(function(*args, **kwargs))
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryRanOut(str(error)[:200]) from None
        return False
    return bool(made) and len(made) == len(returned) and all(map(_is_same, returned, made))


def _functions_of(arguments: Any) -> list[Function]:
    """Return the functions among a question's arguments, networks too: they are copies."""
    return [one for one in leaves(arguments) if callable(one) and not isinstance(one, type)]


def numbers_in(value: Any) -> list[np.ndarray[Any, Any]]:
    """Return the parts of a value that are numbers, as arrays; the first ones of very many."""
    found = [one for one in leaves(value) if isinstance(one, _NUMBERS)][:_FEW]
    arrays = [_plain(one) for one in found]
    return [one for one in arrays if one.dtype.kind in "biuf"]


_NUMBERS = (torch.Tensor, np.ndarray, np.generic, int, float)


def _plain(one: Any) -> np.ndarray[Any, Any]:
    return np.asarray(one.detach() if isinstance(one, torch.Tensor) else one)


def _is_among(part: np.ndarray[Any, Any], others: Iterable[np.ndarray[Any, Any]]) -> bool:
    return any(_is_same(part, other) for other in others)


def _is_same(part: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    is_alike = part.shape == other.shape
    return is_alike and np.allclose(part, other, rtol=_RTOL, atol=0.0, equal_nan=True)
