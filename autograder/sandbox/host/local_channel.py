"""A channel to a function of ours in this very process, by the protocol of the wall."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.sandbox.calls.serving import CallServer
from autograder.sandbox.host.channel import Channel, Question
from autograder.sandbox.host.time_limit import until
from autograder.sandbox.limits import Limits
from autograder.sandbox.seeds import kept_generators
from autograder.sandbox.wire.frames import Frame, header_text


@dataclass
class _LocalLine:
    """The function's end: what it sends is kept, what it asks is answered at once."""

    serve: Callable[[Frame], Frame]
    sent: Frame | None = None

    def send(self, header: Mapping[str, Any], block: bytes = b"") -> None:
        self.sent = Frame(dict(header), block, header_text(header))

    def ask(self, header: Mapping[str, Any], block: bytes) -> Frame:
        return self.serve(Frame(dict(header), block))


@dataclass
class LocalChannel(Channel):
    """Calls the function where it is asked; nothing runs beside."""

    function: Callable[..., Any] | None = None
    _asked: tuple[Question, float] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._line = _LocalLine(self._serve)
        self._server = CallServer(self._line, self.function, lambda _: None)

    def _serve(self, frame: Frame) -> Frame:
        assert self._asked is not None
        question, deadline = self._asked
        header, block = self.serve(frame, question, deadline)
        return Frame(dict(header), block)

    def _converse(self, question: Question, deadline: float) -> Frame:
        self._asked = question, deadline
        with kept_generators(), until(deadline):
            self._server.handle(Frame(dict(question.header), question.block))
        assert self._line.sent is not None
        return self._line.sent


@dataclass
class RecordingChannel(LocalChannel):
    """Keeps what is asked."""

    questions: list[bytes] = field(default_factory=list)
    """The arguments of every call, packed."""

    @classmethod
    def to(cls, function: Callable[..., Any], limits: Limits) -> RecordingChannel:
        """Return one to a function of ours."""
        return cls(socket.socket(), limits, function=function)

    def ask(self, question: Question) -> Frame:
        """Ask, and keep the question."""
        if question.header["do"] == "call":
            self.questions.append(question.block)
        return super().ask(question)


def local_channel(function: Callable[..., Any], limits: Limits) -> LocalChannel:
    """Return a channel to a function of ours."""
    return LocalChannel(socket.socket(), limits, function=function)
