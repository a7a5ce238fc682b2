"""Frames on a socket: a JSON header and a block of bytes, both bounded before they are read."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autograder.sandbox.memory import MIB
from autograder.sandbox.wire.bounded_json import TooManyParts, read_json

_PREFIX = struct.Struct("<4sIQ")
_MAGIC = b"agr1"

MAX_HEADER_BYTES = 4 * MIB
MAX_HEADER_PARTS = 250_000
"""A result of `MAX_NODES` nodes has fewer; as objects of Python they take 30 MiB at the most."""


class FrameError(Exception):
    """The peer sent something that is not a frame, or a larger one than allowed."""


class PeerClosed(Exception):
    """The peer's end is gone."""


class DeadlinePassed(Exception):
    """No whole frame arrived in time."""


@dataclass(frozen=True)
class Frame:
    """One message: a JSON object and the bytes it speaks of."""

    header: dict[str, Any]
    block: bytes = b""
    text: bytes = b""
    """The header as it was sent."""

    @property
    def size(self) -> int:
        """Return the bytes that this message keeps while it is kept, its header as text."""
        return len(self.text) + len(self.block)

    @cached_property
    def digest(self) -> bytes:
        """Return a hash of all that was sent: equal frames mean the same."""
        hashed = hashlib.sha256(len(self.text).to_bytes(8, "big"))
        hashed.update(self.text)
        hashed.update(self.block)
        return hashed.digest()


def header_text(header: Mapping[str, Any]) -> bytes:
    """Return a header as it crosses the wall."""
    return json.dumps(header).encode()


def send_frame(sock: socket.socket, header: Mapping[str, Any], block: bytes = b"") -> None:
    """Send one frame; raise PeerClosed where nobody listens any more."""
    text = header_text(header)
    try:
        sock.sendall(_PREFIX.pack(_MAGIC, len(text), len(block)) + text + block)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise PeerClosed from error
    except TimeoutError as error:
        raise DeadlinePassed from error


def receive_frame(
    sock: socket.socket, *, max_block_bytes: int, deadline: float | None = None
) -> Frame:
    """Receive one frame before `deadline` (of time.monotonic); believe nothing about its sizes."""
    prefix = _receive_exactly(sock, _PREFIX.size, deadline)
    magic, header_bytes, block_bytes = _PREFIX.unpack(prefix)
    if magic != _MAGIC:
        raise FrameError("not a frame")
    if header_bytes > MAX_HEADER_BYTES:
        raise FrameError(f"a header of {header_bytes / MIB:.1f} MiB")
    if block_bytes > max_block_bytes:
        raise FrameError(f"a result of {block_bytes / MIB:.1f} MiB")
    text = _receive_exactly(sock, header_bytes, deadline)
    block = _receive_exactly(sock, block_bytes, deadline)
    try:
        header = read_json(text, max_parts=MAX_HEADER_PARTS)
    except TooManyParts as error:
        raise FrameError(f"a header of {error}") from error
    except ValueError as error:
        raise FrameError("a header that is not JSON") from error
    if not isinstance(header, dict):
        raise FrameError("a header that is not an object")
    return Frame(header, block, text)


def _receive_exactly(sock: socket.socket, count: int, deadline: float | None) -> bytes:
    received = bytearray()
    while len(received) < count:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise DeadlinePassed
            sock.settimeout(left)
        try:
            part = sock.recv(min(count - len(received), MIB))
        except TimeoutError as error:
            raise DeadlinePassed from error
        except (ConnectionResetError, OSError) as error:
            raise PeerClosed from error
        if not part:
            raise PeerClosed
        received += part
    return bytes(received)
