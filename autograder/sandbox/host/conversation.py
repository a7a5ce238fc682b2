"""What one hidden test asks of an exercise and hears; what is known already is not asked again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import torch

from autograder.sandbox.host.callbacks import Given
from autograder.sandbox.host.channel import Channel, Question
from autograder.sandbox.host.replies import Reply, read_gradients, read_value
from autograder.sandbox.wire.arguments_in import Packed
from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.messages import AskGradient, Call, Node
from autograder.sandbox.wire.results_out import Encoder

Exchange = tuple[Question, Frame]
"""A question and its reply."""


class Conversation:
    """One hidden test's side of a channel: its calls, numbered, and all that was said."""

    def __init__(self, channel: Channel, heard: Iterable[Exchange] = ()) -> None:
        """Let the test get the replies to its first questions from `heard`.

        The box has been asked these: it may still want gradients of what it called meanwhile.
        """
        self.channel = channel
        self.exchanges: list[Exchange] = []
        self._heard = deque(heard)
        self.last_call = 0
        """The number of the last call."""

    def call(self, packed: Packed, given: Given, seed: int) -> Reply:
        """Call the student's function; raise an AnswerFailure where no value comes back."""
        self.last_call += 1
        header: Call = {"do": "call", "id": self.last_call, "seed": seed}
        frame = self._reply_to(Question(header, packed.block, given))
        return self.channel.reading(lambda: read_value(frame, packed))

    def gradient(
        self, call: int, weights: dict[int, torch.Tensor], inputs: list[torch.Tensor]
    ) -> list[torch.Tensor | None]:
        """Return the vector-Jacobian product of an earlier call for each of its inputs."""
        nodes, block = pack_tensors(list(weights.values()))
        named = dict(zip(map(str, weights), nodes, strict=True))
        header: AskGradient = {"do": "gradient", "id": call, "weights": named}
        frame = self._reply_to(Question(header, block, Given()))
        return self.channel.reading(lambda: read_gradients(frame, inputs))

    def _reply_to(self, question: Question) -> Frame:
        frame = self._heard_already(question) or self.channel.ask(question)
        self.exchanges.append((question, frame))
        return frame

    def _heard_already(self, question: Question) -> Frame | None:
        if not self._heard:
            return None
        asked, frame = self._heard.popleft()
        if asked.is_same(question):
            return frame
        self._heard.clear()
        return None


def pack_tensors(tensors: list[torch.Tensor]) -> tuple[list[Node], bytes]:
    """Return nodes and bytes for tensors, in the encoding that results have."""
    encoder = Encoder()
    return [encoder.node(tensor.detach()) for tensor in tensors], encoder.block()
