"""Talk to one exercise process: send calls, serve its callbacks, decode what it sends."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.safe_text import for_page
from autograder.sandbox.host.callbacks import Callbacks, Given
from autograder.sandbox.host.failures import (
    AnswerCrashed,
    AnswerFailure,
    AnswerMissing,
    AnswerOutOfMemory,
    AnswerTimedOut,
    OwnLine,
    StudentRaised,
)
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory import MIB
from autograder.sandbox.seeds import kept_generators
from autograder.sandbox.wire.arguments_in import Packed
from autograder.sandbox.wire.frames import (
    DeadlinePassed,
    Frame,
    FrameError,
    PeerClosed,
    receive_frame,
    send_frame,
)
from autograder.sandbox.wire.results_out import Decoder, Encoder, HostileReply


@dataclass
class Reply:
    """What a call brought: a value, and how it changed the arguments' leaves."""

    value: Any
    graphs: dict[int, torch.Tensor]
    changes: dict[int, dict[str, Any]]


@dataclass(frozen=True)
class Question:
    """What a hidden test asks of the box: a call, or the gradients of one."""

    header: dict[str, Any]
    block: bytes
    given: Given

    def is_same(self, other: Question) -> bool:
        """Say whether the box would be sent the same."""
        return self.header == other.header and self.block == other.block


Exchange = tuple[Question, Frame]
"""A question and its reply."""


@dataclass
class Channel:
    """The judge's end of the wall; the hooks ask its box what has happened."""

    sock: socket.socket
    limits: Limits
    why_gone: Callable[[], str | None] = lambda: None
    late: Callable[[float], None] = lambda _: None
    """Called when a call takes too long, with the seconds that earlier calls took."""
    callbacks: Callbacks = field(default_factory=Callbacks)
    ended_by: AnswerFailure | None = None
    """Why nothing more is to be had of this exercise."""
    conversation: list[Exchange] = field(default_factory=list)
    """What the running hidden test has asked and heard."""
    _heard: deque[Exchange] = field(default_factory=deque)
    _calls: int = 0
    _earlier_s: float = 0.0

    def choose(self, exercise: str, stand_ins: dict[str, Callable[..., Any]]) -> None:
        """Let calls be of this exercise's function from now on."""
        self.callbacks = Callbacks(dict(stand_ins))
        header = {"do": "exercise", "exercise": exercise, "stand_ins": sorted(stand_ins)}
        if self.is_open:
            self.ended_by = None
            self._guarded(lambda: send_frame(self.sock, header))

    @property
    def is_open(self) -> bool:
        """Whether the process can go on with another exercise."""
        return self.sock.fileno() != -1

    def begin(self) -> None:
        """Begin a hidden test: what earlier ones asked is over."""
        self.callbacks.forget()
        self.begin_with([])

    def begin_with(self, heard: Iterable[Exchange]) -> None:
        """Let the test that has begun get the replies to its first questions from `heard`.

        The box has been asked these: it may still want gradients of what it called meanwhile.
        """
        self.conversation = []
        self._heard = deque(heard)
        self._calls = 0

    def call(self, packed: Packed, given: Given, seed: int) -> Reply:
        """Call the student's function; raise an AnswerFailure where no value comes back."""
        self._calls += 1
        header = {"do": "call", "id": self._calls, "seed": seed}
        frame = self._reply_to(Question(header, packed.block, given))
        return self._reading(lambda: _read_reply(frame, packed))

    @property
    def last_call(self) -> int:
        return self._calls

    def gradient(
        self, call: int, weights: dict[int, torch.Tensor], inputs: list[torch.Tensor]
    ) -> list[torch.Tensor | None]:
        """Return the vector-Jacobian product of an earlier call for each of its inputs."""
        packer = pack_tensors(list(weights.values()))
        nodes = dict(zip(map(str, weights), packer[0], strict=True))
        header = {"do": "gradient", "id": call, "weights": nodes}
        frame = self._reply_to(Question(header, packer[1], Given()))
        return self._reading(lambda: _read_gradients(frame, inputs))

    def end(self, failure: AnswerFailure) -> AnswerFailure:
        """Remember that nothing more is to be had from this process."""
        self.ended_by = failure
        self.sock.close()
        return failure

    def _reply_to(self, question: Question) -> Frame:
        """Return the reply to the running test's next question."""
        frame = self._heard_already(question) or self.ask(question)
        self.conversation.append((question, frame))
        return frame

    def _heard_already(self, question: Question) -> Frame | None:
        if not self._heard:
            return None
        asked, frame = self._heard.popleft()
        if asked.is_same(question):
            return frame
        self._heard.clear()
        return None

    def ask(self, question: Question) -> Frame:
        """Ask the box; raise an AnswerFailure where no reply comes back."""
        if self.ended_by is not None:
            raise self.ended_by
        started = time.monotonic()
        deadline = started + self.limits.call_wall_s
        frame: Frame = self._guarded(lambda: self._converse(question, deadline))
        self._earlier_s += time.monotonic() - started
        return frame

    def _guarded(self, talk: Callable[[], Any]) -> Any:
        """Turn every way in which the other side can break off into an AnswerFailure."""
        try:
            return talk()
        except DeadlinePassed:
            self.late(self._earlier_s)
            limit = self.limits.call_wall_s
            raise self.end(AnswerTimedOut(f"A call took longer than {limit:g} s.")) from None
        except PeerClosed:
            raise self.end(self._gone()) from None
        except (FrameError, HostileReply) as error:
            raise self.end(AnswerCrashed(f"A call sent back {error}.")) from None

    def _reading(self, read: Callable[[], Any]) -> Any:
        """Read a reply; what a person must not trust ends the exercise."""
        try:
            return self._guarded(read)
        except AnswerFailure as failure:
            if isinstance(failure, AnswerMissing):
                # There is nothing to ask for; the process is none the worse.
                self.ended_by = failure
            elif failure.ends_exercise and self.ended_by is None:
                self.end(failure)
            raise

    def _gone(self) -> AnswerFailure:
        why = self.why_gone()
        if why == "memory":
            return AnswerOutOfMemory(f"A call used more than {self.limits.memory_mb} MiB.")
        if why == "cpu":
            return AnswerTimedOut("A call used up its processor time.")
        if why == "processes":
            return AnswerCrashed(f"A call started more than {self.limits.processes} processes.")
        return AnswerCrashed("A call ended its process (an exit, a crash, or a fatal signal).")

    def _converse(self, question: Question, deadline: float) -> Frame:
        self.sock.settimeout(self.limits.call_wall_s)
        send_frame(self.sock, question.header, question.block)
        frame = self._receive(deadline)
        if "reply" in frame.header:
            return frame
        with kept_generators():
            while "reply" not in frame.header:
                answer, content = self.callbacks.serve(frame, question.given, deadline)
                send_frame(self.sock, answer, content)
                frame = self._receive(deadline)
        return frame

    def _receive(self, deadline: float) -> Frame:
        max_bytes = self.limits.reply_mb * MIB
        return receive_frame(self.sock, max_block_bytes=max_bytes, deadline=deadline)


def pack_tensors(tensors: list[torch.Tensor]) -> tuple[list[dict[str, Any]], bytes]:
    """Return nodes and bytes for tensors, in the encoding that results have."""
    encoder = Encoder()
    return [encoder.node(tensor.detach()) for tensor in tensors], encoder.block()


def _read_reply(frame: Frame, packed: Packed) -> Reply:
    header = frame.header
    if header["reply"] == "missing":
        raise AnswerMissing("There is no function of this name in the notebook.")
    if header["reply"] == "error":
        raise _raised(header)
    if header["reply"] != "value":
        raise HostileReply("a reply to another question")
    decoder = Decoder(frame.block)
    value = decoder.value(header.get("value"))
    changes: dict[int, dict[str, Any]] = {}
    listed = header.get("changes")
    if not isinstance(listed, list) or len(listed) > len(packed.originals):
        raise HostileReply("changes that are no list")
    for change in listed:
        leaf = change.get("leaf") if isinstance(change, dict) else None
        if not isinstance(leaf, int) or not 0 <= leaf < len(packed.originals):
            raise HostileReply("a change of something that was not sent")
        changes[leaf] = {
            key: decoder.value(change[key]) for key in ("values", "grad", "state") if key in change
        }
        if isinstance(change.get("requires_grad"), bool):
            changes[leaf]["requires_grad"] = change["requires_grad"]
    return Reply(value, decoder.graphs, changes)


def _read_gradients(frame: Frame, inputs: list[torch.Tensor]) -> list[torch.Tensor | None]:
    if frame.header["reply"] == "error":
        raise _raised(frame.header)
    nodes = frame.header.get("value")
    if not isinstance(nodes, list) or len(nodes) != len(inputs):
        raise HostileReply("gradients of something else")
    decoder = Decoder(frame.block)
    gradients: list[torch.Tensor | None] = []
    for node, leaf in zip(nodes, inputs, strict=True):
        gradient = decoder.value(node)
        if gradient is not None:
            if not isinstance(gradient, torch.Tensor) or gradient.shape != leaf.shape:
                raise HostileReply("a gradient of another shape")
            gradient = gradient.to(leaf.dtype)
        gradients.append(gradient)
    return gradients


def _raised(header: dict[str, Any]) -> AnswerFailure:
    kind, message = str(header.get("type", ""))[:100], str(header.get("message", ""))[:500]
    own = tuple(_own_line(item) for item in _list(header.get("own"))[:8])
    if kind == "NotImplementedError":
        return AnswerMissing("Not solved yet: it still raises NotImplementedError.", own)
    if kind == "MemoryError" or "can't allocate memory" in message:
        return AnswerOutOfMemory("A call asked for more memory than it may have.", own)
    return StudentRaised(f"It raised {kind}: {message}", own)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _own_line(item: Any) -> OwnLine:
    if not isinstance(item, dict):
        raise HostileReply("a traceback that is none")
    line = item.get("line")
    return OwnLine(
        line if isinstance(line, int) else 0,
        for_page(str(item.get("function", ""))[:100]),
        for_page(str(item.get("text", ""))[:200]),
    )
