"""The arrays of a safetensors block, found without a copy; every byte of it may be an enemy's.

Of the format no more is known here than the box's encoder writes: names that are numbers, plain
dtypes, no metadata. So a header is read by one pattern, and never becomes objects of its own size.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.sandbox.memory import MIB

MAX_ARRAYS = 20_000
MAX_DIMS = 32
# Of an empty array too: torch and numpy compute with the sizes of its axes.
MAX_EXTENT = 2**40
_MAX_HEADER_BYTES = 4 * MIB

_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BOOL": np.bool_,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U64": np.uint64,
    "U32": np.uint32,
    "U16": np.uint16,
    "U8": np.uint8,
}
# What is not here needs a pickle, or is not in safetensors.
SUPPORTED_DTYPES = frozenset(np.dtype(one).name for one in _DTYPES.values())

_ENTRY = re.compile(
    rb'"(\d{1,9})": ?\{"dtype": ?"([A-Z0-9_]{1,9})", ?"shape": ?\[([0-9, ]{0,400})\], ?'
    rb'"data_offsets": ?\[(\d{1,15}), ?(\d{1,15})\]\}(, ?|\} *\Z)'
)


class NotArrays(ValueError):
    """A block is not what the box's encoder writes."""


@dataclass(frozen=True)
class Place:
    """Where an array lies in its block, and what it is."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int


def may_cross(value: np.ndarray[Any, Any]) -> bool:
    """Say whether an array is of a dtype and a form that a block may hold."""
    return value.dtype.name in SUPPORTED_DTYPES and _is_bounded(value.shape)


def find_arrays(block: bytes) -> dict[str, Place]:
    """Return where the arrays of a block lie, by name; they fill it without a gap or an overlap."""
    if len(block) < 8:
        raise NotArrays("no header")
    begin = 8 + int.from_bytes(block[:8], "little")
    if begin > min(len(block), 8 + _MAX_HEADER_BYTES):
        raise NotArrays("a header beyond its limit")
    header = block[8:begin]
    places: dict[str, Place] = {}
    at, is_last = header.startswith(b"{") and 1, False
    while not is_last:
        entry = _ENTRY.match(header, at)
        if entry is None or len(places) == MAX_ARRAYS:
            raise NotArrays("a header of another form")
        name, place = _read_entry(entry, begin)
        if name in places:
            raise NotArrays("two arrays of one name")
        places[name] = place
        at, is_last = entry.end(), entry[6].startswith(b"}")
    _check_tiling(places, begin, len(block))
    return places


def _read_entry(entry: re.Match[bytes], begin: int) -> tuple[str, Place]:
    dtype = _DTYPES.get(entry[2].decode())
    if dtype is None:
        raise NotArrays(f"an array of {entry[2].decode()}")
    try:
        shape = tuple(map(int, entry[3].split(b","))) if entry[3] else ()
    except ValueError as error:
        raise NotArrays("a shape that is none") from error
    start, stop = begin + int(entry[4]), begin + int(entry[5])
    if not _is_bounded(shape) or stop - start != math.prod(shape) * np.dtype(dtype).itemsize:
        raise NotArrays("a shape that does not fit its bytes")
    return entry[1].decode(), Place(np.dtype(dtype), shape, start, stop)


def _is_bounded(shape: tuple[int, ...]) -> bool:
    return len(shape) <= MAX_DIMS and math.prod(max(size, 1) for size in shape) <= MAX_EXTENT


def _check_tiling(places: dict[str, Place], begin: int, end: int) -> None:
    for start, stop in sorted((place.start, place.stop) for place in places.values()):
        if start != begin:
            raise NotArrays("bytes that belong to no array, or to two")
        begin = stop
    if begin != end:
        raise NotArrays("bytes that belong to no array")


def read_array(block: bytes, place: Place) -> np.ndarray[Any, Any]:
    """Return an array of a block, as one of its own."""
    count = math.prod(place.shape)
    stored = np.uint8 if place.dtype == np.bool_ else place.dtype
    array = np.frombuffer(block, stored, count, place.start).reshape(place.shape).copy()
    if place.dtype == np.bool_:
        # Numpy and torch take a byte of neither for true here and for a number there.
        if array.size and array.max() > 1:
            raise NotArrays("truth that is neither 0 nor 1")
        array = array.view(np.bool_)
    return array
