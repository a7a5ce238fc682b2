"""The line from an exercise's process to its judge: what is sent on it, and what is asked."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, Protocol

from autograder.sandbox.memory import MIB, MemoryRanOut
from autograder.sandbox.wire.frames import (
    DeadlinePassed,
    Frame,
    FrameError,
    PeerClosed,
    receive_frame,
    send_frame,
)
from autograder.sandbox.wire.results_out import HostileReply

NO_REPLY = (PeerClosed, DeadlinePassed, FrameError, HostileReply, MemoryRanOut)
"""What went wrong on the line itself is nothing to tell on it."""
MAX_ARGUMENT_BYTES = 1024 * MIB


class Line(Protocol):
    """A way to the judge."""

    def send(self, header: Mapping[str, Any], block: bytes = b"") -> None:
        """Send a frame that wants no answer."""

    def ask(self, header: Mapping[str, Any], block: bytes) -> Frame:
        """Send a frame and return the judge's answer."""


class SocketLine:
    """The line through the wall."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def send(self, header: Mapping[str, Any], block: bytes = b"") -> None:
        """Send a frame that wants no answer."""
        send_frame(self._sock, header, block)

    def ask(self, header: Mapping[str, Any], block: bytes) -> Frame:
        """Send a frame and return the judge's answer."""
        send_frame(self._sock, header, block)
        return self.receive()

    def receive(self) -> Frame:
        """Return the judge's next frame."""
        return receive_frame(self._sock, max_block_bytes=MAX_ARGUMENT_BYTES)
