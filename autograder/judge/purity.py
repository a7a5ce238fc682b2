"""Ask first questions of hidden tests again in a new process: a right function answers the same."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
import torch

from autograder.judge.behaviour import Recorded, same_behaviour
from autograder.sandbox.host.channel import Channel, FirstExchange
from autograder.sandbox.host.failures import AnswerFailure
from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.results_out import Decoder, HostileReply, Opaque
from autograder.sandbox.wire.trees import map_leaves


class Again(Enum):
    """What a function does with a question that it has answered in another process."""

    THE_SAME = "the same"
    AT_RANDOM = "at random"
    """It never answers twice alike: it draws from a generator of its own."""
    ANOTHER = "another"
    """It answers twice alike, and not as it did: its answer came of what went before."""


def ask_again(channel: Channel, first: FirstExchange) -> Again:
    """Ask a fresh process what another one was asked first in a hidden test."""
    channel.begin()
    try:
        reply = channel.ask(first.question)
        if first.digest == reply.digest or _same(first.frame, reply):
            return Again.THE_SAME
        return Again.ANOTHER if _same(reply, channel.ask(first.question)) else Again.AT_RANDOM
    except AnswerFailure:
        return Again.ANOTHER


def answers_alike(one: FirstExchange, other: FirstExchange) -> bool:
    """Say whether two processes answered the same question alike, or were asked another."""
    if not one.question.is_same(other.question):
        return True
    return one.digest == other.digest or _same(one.frame, other.frame)


def _same(one: Frame | None, other: Frame | None) -> bool:
    """Say whether two replies bring the same, but for rounding; none is like what was not kept."""
    if one is None or other is None:
        return False
    try:
        return same_behaviour([_seen(one)], [_seen(other)])
    except HostileReply:
        return False


def _seen(frame: Frame) -> Recorded:
    header = frame.header
    if header.get("reply") != "value":
        return Recorded("failure", (str(header.get("reply")), str(header.get("type"))))
    return Recorded("value", map_leaves(Decoder(frame.block).value(header.get("value")), _plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Opaque):
        return value.description
    return np.asarray(value.detach()) if isinstance(value, torch.Tensor) else value
