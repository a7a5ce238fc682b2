"""A box that lies: whatever it replies, the judge ends the exercise and nothing else."""

import socket
import threading

import numpy as np
import pytest
import safetensors.numpy
import torch

from autograder.judge.answer import Answer
from autograder.sandbox.host.channel import Channel
from autograder.sandbox.host.conversation import Conversation
from autograder.sandbox.host.failures import AnswerCrashed, OwnLine, StudentRaised
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.frames import MIB, PeerClosed, receive_frame, send_frame
from autograder.testing import callback

NONE = {"kind": "none"}
ONES = safetensors.numpy.save({"0": np.ones(2)})


@pytest.fixture
def lying():
    """Return a function that makes an answer whose box sends the given frames, come what may."""
    socks = []

    def make(*frames, reference=lambda *_: None):
        ours, theirs = socket.socketpair()
        socks.extend([ours, theirs])

        def lie():
            try:
                for header, block in frames:
                    receive_frame(theirs, max_block_bytes=2**20)
                    send_frame(theirs, header, block)
            except (PeerClosed, OSError):
                pass

        threading.Thread(target=lie, daemon=True).start()
        return Answer("f", Conversation(Channel(ours, Limits(call_wall_s=2))), reference, seed=0)

    yield make
    for sock in socks:
        sock.close()


def value(node=NONE, changes=(), **more):
    return {"reply": "value", "value": node, "changes": list(changes), **more}


def doubles_its_argument(x):
    x *= 2


LIES = {
    "a reply of another kind": {"reply": "score", "value": 100},
    "a reply that is a list": {"reply": ["value"]},
    "a reply that is an object": {"reply": {}},
    "no value": {"reply": "value", "changes": []},
    "no changes": {"reply": "value", "value": NONE},
    "changes that are text": {"reply": "value", "value": NONE, "changes": "0"},
    "changes of nothing": value(changes=[None]),
    "more changes than arguments": value(changes=[{"leaf": 0}] * 9),
    "a change of another argument": value(changes=[{"leaf": 7, "values": NONE}]),
    "a change of a negative argument": value(changes=[{"leaf": -1, "values": NONE}]),
    "a change to no array": value(changes=[{"leaf": 0, "values": NONE}]),
    "a change to a pickle": value(changes=[{"leaf": 0, "values": {"kind": "pickle"}}]),
    "an error with a false traceback": {"reply": "error", "own": [1]},
    "a gradient nobody asked for": {"reply": "gradient", "value": []},
    "a call of nothing": {"callback": 99, "value": NONE},
    "a call of a reference": {"stand_in": "square", "value": NONE},
    "a call by an object": {"callback": {}, "value": NONE},
    "a header of its own": {"score": 100, "passed": True},
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_ends_the_exercise_as_crashed(lying, name):
    # Changes are brought back only where the reference makes them too.
    answer = lying((LIES[name], b""), reference=doubles_its_argument)
    for _ in range(2):
        with pytest.raises(AnswerCrashed, match="A call sent back "):
            answer(np.ones(2))


def test_a_pickle_for_arrays_is_refused(lying):
    with pytest.raises(AnswerCrashed, match="arrays that are not safetensors"):
        lying((value(), b"\x80\x04N."))(1.0)


def test_a_reply_beyond_its_limit_is_refused_before_it_is_read(lying):
    answer = lying((value(), bytes(2 * MIB)))
    answer.conversation.channel.limits = Limits(reply_mb=1)
    with pytest.raises(AnswerCrashed, match=r"A call sent back a result of 2\.0 MiB"):
        answer(1.0)


def test_a_callback_without_arguments_is_refused(lying):
    answer = lying(({"callback": 0, "value": NONE}, b""))
    with pytest.raises(AnswerCrashed, match="a callback without arguments"):
        answer(callback(abs))


@pytest.mark.parametrize("handle", [1, -1, "x", None])
def test_a_gradient_of_a_callback_that_was_not_made_is_refused(lying, handle):
    answer = lying(({"callback_gradient": handle, "weights": []}, b""))
    with pytest.raises(AnswerCrashed, match="a gradient of a call that was not made"):
        answer(callback(abs))


def test_callbacks_beyond_their_bytes_are_refused(lying, monkeypatch):
    monkeypatch.setattr("autograder.sandbox.host.callbacks.MAX_CALL_BYTES", 2 * len(ONES))
    arguments = {"kind": "tuple", "value": [{"kind": "tuple", "value": []}, {"kind": "dict"}]}
    arguments["value"][1]["value"] = []
    call = ({"callback": 0, "value": arguments}, ONES)
    with pytest.raises(AnswerCrashed, match="too many callbacks"):
        lying(call, call, call, call)(callback(lambda: 1.0))


GRADIENTS = {
    "too few": {"reply": "gradient", "value": []},
    "no list": {"reply": "gradient", "value": "x"},
    "no tensor": {"reply": "gradient", "value": [{"kind": "float", "value": "1"}]},
    "an array": {"reply": "gradient", "value": [{"kind": "array", "value": "0"}]},
    "another shape": {"reply": "gradient", "value": [{"kind": "tensor", "value": "0"}]},
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_false_gradient_is_refused(lying, name):
    sent = value({"kind": "tensor", "value": "0", "graph": 0})
    answer = lying((sent, ONES), (GRADIENTS[name], ONES), reference=lambda x: x[:2] * 1.0)
    result = answer(torch.ones(3, requires_grad=True))
    with pytest.raises(
        AnswerCrashed, match=r"A call sent back gradient|A call sent back a gradient"
    ):
        result.sum().backward()


def test_an_error_is_told_in_bounded_words(lying):
    own = [[3, 7]] * 50
    answer = lying(({"reply": "error", "type": "E" * 500, "message": "m" * 5000, "own": own}, b""))
    with pytest.raises(StudentRaised) as caught:
        answer(1.0)
    assert len(caught.value.message) < 700
    assert caught.value.own_lines == (OwnLine(cell=3, line=7),) * 8


@pytest.mark.parametrize("place", [{"line": 3}, [3], [3, "7"], [3, 7, 1], [-1, 7], [3, 2**40], 3])
def test_a_place_that_is_none_is_refused(lying, place):
    reply = {"reply": "error", "type": "E", "message": "m", "own": [place]}
    with pytest.raises(AnswerCrashed, match="a traceback that is none"):
        lying((reply, b""))(1.0)


def test_a_peer_that_hangs_up_has_crashed(lying):
    answer = lying()
    answer.conversation.channel.sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises(AnswerCrashed, match="A call ended its process"):
        answer(1.0)
