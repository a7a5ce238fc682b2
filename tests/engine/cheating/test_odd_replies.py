"""Replies that are odd and not ill-formed: numbers, states, and frames with a few bytes changed."""

import contextlib
import json
import resource
import socket
import sys
import threading
import time
from dataclasses import replace
from types import ModuleType

import cloudpickle
import numpy as np
import pytest
import torch

from autograder.judge.answer import Answer
from autograder.judge.assignment_side import JudgeSide
from autograder.judge.collection import collect_cases
from autograder.judge.hidden_tests import HiddenTests
from autograder.results.verdicts import Verdict
from autograder.sandbox.host.callbacks import StandIns
from autograder.sandbox.host.channel import Channel
from autograder.sandbox.host.conversation import Conversation
from autograder.sandbox.host.failures import AnswerCrashed, AnswerFailure
from autograder.sandbox.host.local_channel import local_channel
from autograder.sandbox.host.replies import read_gradients, read_value
from autograder.sandbox.host.session import Session
from autograder.sandbox.limits import Limits
from autograder.sandbox.memory import MIB
from autograder.sandbox.wire.arguments_in import pack
from autograder.sandbox.wire.frames import Frame, FrameError, PeerClosed, receive_frame, send_frame
from autograder.sandbox.wire.results_out import Encoder, HostileReply

TESTS = """
from autograder.testing import assert_close
class Test_square:
    def test_count(self, answer):
        assert answer(3.0) == 3
    def test_flag(self, answer):
        assert answer(1.0) is True
"""


class FromLocal:
    """A source of channels to one function of ours."""

    def __init__(self, function):
        self.function = function

    def open(self, exercise):
        return local_channel(self.function, Limits(call_wall_s=5))

    def close(self, exercise, channel):
        channel.sock.close()


@pytest.fixture
def counting(toy, tmp_path, monkeypatch):
    """Return a function that grades an answer to an exercise whose results are whole numbers."""
    file = tmp_path / "test_counting.py"
    file.write_text(TESTS)
    judge = JudgeSide(toy)
    judge.__dict__["_cases"] = collect_cases(file, frozenset({judge.solutions.__name__}))
    monkeypatch.setitem(judge.solutions.__dict__, "square", lambda x: 3 if x == 3 else True)

    def run(function):
        return [one.verdict for one in HiddenTests(judge).run("square", FromLocal(function))]

    return run


ODD = [
    *(
        2**63,
        2**64,
        -(2**64),
        10**58,
        1e300,
        -1e300,
        float("inf"),
        float("nan"),
        1e19,
        "3",
        "",
        None,
    ),
    *(3j, [3], (), {}, [[]], np.float64(1e300), np.array(2**63, dtype=np.uint64), np.array([3j])),
    *(torch.tensor(1e300, dtype=torch.float64), np.array([]), np.array([3], dtype=object), b"3"),
    *(torch.tensor(2**63 - 1), np.nan, {"3": 3}, lambda: 3, object(), 3.5, [True, 3]),
]


@pytest.mark.parametrize("number", range(len(ODD)))
def test_an_odd_number_is_the_students_fault(counting, number):
    assert counting(lambda x: ODD[number]) == [Verdict.FAILED] * 2
    assert counting(lambda x: 3.0 if x == 3 else 1) == [Verdict.PASSED] * 2


@pytest.fixture
def lying():
    """Return a function that makes an answer whose box sends this frame, come what may."""
    socks = []

    def make(header, block):
        ours, theirs = socket.socketpair()
        socks.extend([ours, theirs])

        def lie():
            with contextlib.suppress(PeerClosed, OSError):
                receive_frame(theirs, max_block_bytes=2**20)
                send_frame(theirs, header, block)

        threading.Thread(target=lie, daemon=True).start()
        channel = Channel(ours, Limits(call_wall_s=5))
        return Answer("f", Conversation(channel), lambda _: None, seed=0)

    yield make
    for sock in socks:
        sock.close()


def state_reply(state):
    encoder = Encoder()
    node = encoder.node(state)
    header = {"reply": "value", "value": {"kind": "none"}, "changes": [{"leaf": 0, "state": node}]}
    return header, encoder.block()


def bytes_with(state, at, number):
    changed = state.copy()
    changed[at : at + 8] = np.frombuffer(int(number).to_bytes(8, "little"), np.uint8)
    return changed


SEEDED = torch.Generator().manual_seed(5).get_state().numpy()
TORCH_STATES = {
    "a next number beyond the words": bytes_with(SEEDED, 16, 600_000),
    "words of zeros": np.concatenate([SEEDED[:24], np.zeros(4992, np.uint8), SEEDED[5016:]]),
    "another word": bytes_with(SEEDED, 32, 1),
}


@pytest.mark.parametrize("name", TORCH_STATES)
def test_a_state_that_draws_the_same_for_ever_is_not_taken_over(lying, monkeypatch, name):
    monkeypatch.setattr("autograder.sandbox.wire.generator_states._MAX_DRAWS", 2**20)
    generator = torch.Generator().manual_seed(5)
    with pytest.raises(AnswerCrashed, match="A call sent back a state"):
        lying(*state_reply(TORCH_STATES[name]))(generator)
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(5).get_state())


def test_a_constant_generator_of_numpy_is_not_taken_over(lying):
    generator = np.random.default_rng(5)
    state = generator.bit_generator.state
    zeros = {**state, "state": {"state": 0, "inc": 0}}
    with pytest.raises(AnswerCrashed, match="A call sent back a state"):
        lying(*state_reply(zeros))(generator)
    assert generator.random() == np.random.default_rng(5).random()


def test_a_generator_that_was_drawn_from_is_brought_along(lying):
    generator, theirs = np.random.default_rng(5), np.random.default_rng(5)
    theirs.normal(size=1000)
    lying(*state_reply(theirs.bit_generator.state))(generator)
    assert generator.random() == theirs.random()


LOOKING = '''
import gc, sys
def look(probe, words):
    """Return all texts that can be come to which hold one of these words."""
    found, seen, todo = [], set(), [probe]
    own = {id(words), *map(id, words)}
    while todo:
        one = todo.pop(0)
        if id(one) in seen or id(one) in own:
            continue
        seen.add(id(one))
        if isinstance(one, str):
            found += [one] if any(word in one for word in words) else []
        elif type(one).__name__ == "code":
            todo += [getattr(one, name) for name in dir(one) if name.startswith("co_")]
        elif not isinstance(one, type(sys)) and len(seen) < 3_000:
            names = [name for name in dir(one) if name not in ("__builtins__", "__subclasses__")]
            if type(one).__name__ in ("function", "type"):
                todo += [getattr(one, name, None) for name in names if name.startswith("__")]
                used = getattr(one, "__globals__", None)
                todo += [used[k] for k in used if k[:2] != "__"] if type(used) is dict else []
            todo += [one for one in gc.get_referents(one) if not isinstance(one, type(sys))]
    return " | ".join(found[:20])
'''
PROBES = '''
def made():
    scale = 2.0
    class Test_marzipan_Within:
        """Of test_marzipan."""
    def energy(x):
        """The energy of test_marzipan."""
        def inner(y):
            """In test_marzipan."""
            return y
        return scale * inner(x)
    return energy
'''


@pytest.mark.box
def test_a_probe_in_the_box_does_not_tell_its_test(grader):
    module = ModuleType("hidden_marzipan")
    module.__file__ = "/course/tests/hidden_marzipan.py"
    sys.modules[module.__name__] = module
    cloudpickle.register_pickle_by_value(module)
    exec(compile(PROBES, module.__file__, "exec"), vars(module))
    limits = replace(grader.limits, call_wall_s=20)
    submission = Session(grader.box, [(0, LOOKING)], limits, [])
    try:
        submission.run_cells()
        channel = submission.open_exercise("look", StandIns())
        answer = Answer("look", Conversation(channel), lambda *_: "", seed=1)
        assert answer(module.made(), ["zipan", "/course"]) == ""
        # It does see what there is.
        assert "energetic" in answer(lambda: "energetic", ["energet"])
        submission.close_exercise(channel)
    finally:
        submission.close()
        cloudpickle.unregister_pickle_by_value(module)
        del sys.modules[module.__name__]


def honest_frames():
    """Frames as honest box code sends them, and what they are read with."""
    rng = np.random.default_rng(1)
    array, tensor = np.arange(3.0), torch.ones(3, requires_grad=True)
    generator, network = np.random.default_rng(2), torch.nn.Linear(2, 2)
    packed = pack(((array, tensor, generator, network), {}))
    values = [
        (rng.normal(size=(4, 4)), tensor * 2, {"a": [1, 2.5, None, True, "é"]}),
        [torch.ones(2) * k for k in range(20)],
        {"b": np.ones((2, 0)), "c": np.array([True, False]), "d": np.float32(1)},
    ]
    for value in values:
        encoder = Encoder()
        header = {"reply": "value", "value": encoder.node(value)}
        state = np.random.default_rng(2)
        state.random(3)
        header["changes"] = [
            {"leaf": 0, "values": encoder.node(array + 1)},
            {"leaf": 2, "state": encoder.node(state.bit_generator.state)},
        ]
        yield header, encoder.block(), packed


def damaged(rng, text, block):
    """Return a frame's bytes with a few changed, left out, doubled or swapped."""
    parts = [bytearray(text), bytearray(block)]
    for _ in range(rng.integers(1, 4)):
        part = parts[rng.integers(2)]
        if not part:
            continue
        at, until = sorted(rng.integers(len(part), size=2))
        how = rng.integers(5)
        if how == 0:
            part[at] = rng.integers(256)
        elif how == 1:
            part[at:until] = b""
        elif how == 2:
            part[at:at] = part[at:until] * int(rng.integers(1, 4))
        elif how == 3:
            part[at : at + 1] = str(2 ** int(rng.integers(70))).encode()
        else:
            part[at:until] = part[at:until][::-1]
    return bytes(parts[0]), bytes(parts[1])


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_frame_is_refused_or_read_and_nothing_else(seed):
    rng = np.random.default_rng(seed)
    frames = list(honest_frames())
    most_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    longest_s = 0.0
    for number in range(300):
        header, block, packed = frames[number % len(frames)]
        text, block = damaged(rng, json.dumps(header).encode(), block)
        began = time.process_time()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            prefix = b"agr1" + len(text).to_bytes(4, "little") + len(block).to_bytes(8, "little")
            theirs.sendall(prefix + text + block)
            try:
                frame = receive_frame(ours, max_block_bytes=MIB)
                reply = read_value(frame, packed) if "reply" in frame.header else None
                assert reply is None or isinstance(reply.changes, dict)
            except (FrameError, HostileReply, AnswerFailure):
                pass
        longest_s = max(longest_s, time.process_time() - began)
    assert longest_s < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most_kb < 64 * 1024


def test_the_largest_reply_is_read_soon():
    """20,000 arrays of a number each: as many as nodes."""
    encoder = Encoder()
    header = {"reply": "value", "value": encoder.node([np.float64(n) for n in range(19_000)])}
    header["changes"] = []
    text, block = json.dumps(header).encode(), encoder.block()
    began = time.process_time()
    reply = read_value(Frame(json.loads(text), block, text), pack(((), {})))
    assert time.process_time() - began < 2
    assert reply.value[-1] == 18_999


def test_gradients_are_named_once_too():
    encoder = Encoder()
    node = encoder.node(torch.ones(3))
    frame = Frame({"reply": "gradient", "value": [node, node]}, encoder.block())
    inputs = [torch.ones(3), torch.ones(3)]
    with pytest.raises(HostileReply, match="named twice"):
        read_gradients(frame, inputs)


def test_a_change_in_place_is_still_seen():
    packed = pack((np.zeros(3),))
    encoder = Encoder()
    header = {"reply": "value", "value": {"kind": "none"}}
    header["changes"] = [{"leaf": 0, "values": encoder.node(np.ones(3))}]
    reply = read_value(Frame(header, encoder.block()), packed)
    assert reply.changes[0]["values"].tolist() == [1, 1, 1]
