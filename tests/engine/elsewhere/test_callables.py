"""A function that a student hands to a stand-in is called where it is; and no enemy's hurts."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian

from autograder.judge.answer import Answer
from autograder.sandbox.calls.line import SocketLine
from autograder.sandbox.calls.serving import CallServer
from autograder.sandbox.host.callbacks import Callbacks, StandIns
from autograder.sandbox.host.channel import Channel
from autograder.sandbox.host.conversation import Conversation
from autograder.sandbox.host.failures import AnswerCrashed, AnswerTimedOut, StudentRaised
from autograder.sandbox.host.references import References
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.frames import PeerClosed, receive_frame, send_frame
from autograder.testing import assert_close

DTYPE = torch.float64


# References of ours, as stand-ins ask them.


def apply(f, *args):
    return f(*args)


def slope(f, x):
    """Return f' at each point, differentiable in x and in what f holds."""
    return torch.autograd.grad(f(x).sum(), x.requires_grad_(), create_graph=True)[0]


def plain_slope(f, x):
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x)[0]


def volume(f, x):
    needed = f(x).requires_grad
    J = jacobian(lambda rows: f(rows).sum(dim=0), x, create_graph=needed)
    return torch.linalg.slogdet(J.transpose(0, 1)).logabsdet


def third(f, x):
    x = x.detach().clone().requires_grad_()
    y = f(x).sum()
    for _ in range(3):
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        y = g.sum()
    return g


def trained(f, x):
    optimizer = torch.optim.SGD(f.parameters(), lr=0.1)
    f(x).sum().backward()
    optimizer.step()


def draw(generator, count):
    if isinstance(generator, np.random.Generator):
        return torch.as_tensor(generator.normal(size=count))
    return torch.randn(count, generator=generator, dtype=DTYPE)


def twice(f, x):
    return f(f(x))


REFERENCES = {
    one.__name__: one for one in (apply, slope, plain_slope, volume, third, trained, draw, twice)
}


@pytest.fixture
def across():
    """Return a function that puts a student's function into a process with all stand-ins."""
    with contextlib.ExitStack() as ends:

        def make(function, reference, **limits):
            references = References(REFERENCES)
            ends.callback(references.close)
            channel = Channel(_started(function, ends), Limits(**{"call_wall_s": 8, **limits}))
            channel.callbacks = Callbacks(StandIns(references, list(REFERENCES)))
            channel.begin()
            return Answer("f", Conversation(channel), reference, seed=5)

        yield make


def _started(function, ends):
    """Start a process that serves a student's function, which takes all stand-ins, by name."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            _serve(SocketLine(theirs), function)
        finally:
            os._exit(0)
    theirs.close()
    ends.callback(os.waitpid, pid, 0)
    ends.callback(os.kill, pid, signal.SIGKILL)
    ends.callback(ours.close)
    return ours


def _serve(line, function):
    server = CallServer(line, None, lambda _: None)
    stand_ins = {name: server.stand_in(name, None) for name in REFERENCES}
    server.function = functools.partial(function, stand_ins)
    with contextlib.suppress(PeerClosed):
        while True:
            server.handle(line.receive())


class Quadratic:
    def __init__(self, a):
        self.a = a

    def __call__(self, x):
        return self.a * x**2

    def bound(self, x):
        return self.a * x**2


class Net(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.a = a

    def forward(self, x):
        return self.a * x**2


def scaled(x, a):
    return a * x**2


MAKERS = {
    "a lambda": lambda a: lambda x: a * x**2,
    "a bound method": lambda a: Quadratic(a).bound,
    "an object": lambda a: Quadratic(a),
    "a partial": lambda a: functools.partial(scaled, a=a),
    "a module": lambda a: Net(a),
    "several modules": lambda a: nn.Sequential(Net(a), nn.Identity()),
    "what is derived outside": lambda a: functools.partial(scaled, a=torch.sqrt(a) ** 2),
}
OURS = {
    "values": apply,
    "a first derivative": slope,
    "of values alone": plain_slope,
    "a third derivative": third,
}


@pytest.mark.parametrize("made", MAKERS)
@pytest.mark.parametrize("ours", OURS)
def test_values_and_gradients_are_those_of_the_function(across, made, ours):
    reference = OURS[ours]

    def student(stand_ins, x, a):
        return stand_ins[reference.__name__](MAKERS[made](a), x)

    def right(x, a):
        return reference(MAKERS[made](a), x)

    x = torch.tensor([0.5, -1.0, 2.0], dtype=DTYPE, requires_grad=True)
    a = torch.tensor(3.0, dtype=DTYPE, requires_grad=True)
    found, expected = across(student, right)(x, a), right(x, a)
    assert_close(found.detach(), expected.detach())
    if expected.requires_grad:
        weights = torch.tensor([1.0, 2.0, -1.0], dtype=DTYPE)
        got = torch.autograd.grad(found, [x, a], weights, allow_unused=True)
        wanted = torch.autograd.grad(expected, [x, a], weights, allow_unused=True)
        for one, other in zip(got, wanted, strict=True):
            assert_close(one, torch.zeros_like(one) if other is None else other)


def test_a_volume_is_differentiable_in_all_that_its_map_holds(across):
    def flow(stand_ins, z, u, w):
        return stand_ins["volume"](lambda y: y + torch.tanh(y @ w)[:, None] * u, z)

    def right(z, u, w):
        return volume(lambda y: y + torch.tanh(y @ w)[:, None] * u, z)

    generator = torch.Generator().manual_seed(5)
    shapes = [(4, 3), (3,), (3,)]
    given = [torch.randn(*one, generator=generator, dtype=DTYPE).requires_grad_() for one in shapes]
    found, expected = across(flow, right)(*given), right(*given)
    assert_close(found.detach(), expected.detach())
    for one, other in zip(
        torch.autograd.grad(found.sum(), given),
        torch.autograd.grad(expected.sum(), given),
        strict=True,
    ):
        assert_close(one, other)


VALUES = {
    "a tuple": lambda x: (x * 2, x + 1),
    "a dict": lambda x: {"a": x * 2, "b": 1.5},
    "a number": lambda x: float(x.sum()),
    "an array": lambda x: x.detach().numpy() * 2,
    "itself": lambda x: x,
    "None": lambda x: None,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_function_may_return_what_it_likes(across, name):
    x = torch.arange(3.0)
    answer = across(
        lambda stand_ins, x: stand_ins["apply"](VALUES[name], x), lambda x: VALUES[name](x)
    )
    found, expected = answer(x), VALUES[name](x)
    if expected is None:
        assert found is None
    else:
        assert_close(found, expected)


def test_a_stand_in_may_be_called_by_what_it_was_given(across):
    def student(stand_ins, x):
        inner = lambda y: stand_ins["slope"](lambda z: z**3, y)  # noqa: E731
        return stand_ins["twice"](inner, x)

    x = torch.tensor([0.5, 1.0], dtype=DTYPE, requires_grad=True)
    found = across(student, lambda x: 27 * x**4)(x)
    assert_close(found.detach(), 27 * x.detach() ** 4)
    assert_close(torch.autograd.grad(found.sum(), x)[0], 108 * x.detach() ** 3)


def test_a_stand_in_may_be_handed_to_another_one(across):
    def student(stand_ins, x):
        return stand_ins["twice"](functools.partial(stand_ins["apply"], lambda y: y + 1), x)

    assert across(student, lambda x: x)(np.ones(2)).tolist() == [3, 3]


def test_an_error_within_is_the_students_own(across):
    def student(stand_ins, x):
        return stand_ins["twice"](lambda y: y[7], x)

    with pytest.raises(StudentRaised, match="IndexError: index 7 is out of bounds"):
        across(student, lambda x: x)(torch.ones(2))


def test_what_a_reference_needs_more_is_refused_and_noted(across):
    def student(stand_ins, x):
        stand_ins["trained"](nn.Linear(2, 1), x)
        return x

    answer = across(student, lambda x: x)
    with pytest.raises(StudentRaised, match="needs more of yours than its values: `parameters`"):
        answer(torch.ones(3, 2))
    assert answer.conversation.channel.callbacks.needs_more == {"trained"}


def test_endless_recursion_is_bounded(across):
    def student(stand_ins, x):
        again = lambda y: stand_ins["apply"](again, y)  # noqa: E731
        return again(x)

    began = time.monotonic()
    with pytest.raises(StudentRaised, match="call one another too deep"):
        across(student, lambda x: x)(torch.ones(2))
    assert time.monotonic() - began < 8


def test_a_function_that_never_returns_costs_its_call(across):
    def student(stand_ins, x):
        return stand_ins["apply"](lambda _: time.sleep(60), x)

    answer = across(student, lambda x: x, call_wall_s=1)
    with pytest.raises(AnswerTimedOut):
        answer(torch.ones(2))
    assert answer.conversation.channel.callbacks.stand_ins.references._sock is None


GENERATORS = {
    "torch's": lambda: torch.Generator().manual_seed(3),
    "PCG64": lambda: np.random.default_rng(3),
    "MT19937": lambda: np.random.Generator(np.random.MT19937(3)),
    "Philox": lambda: np.random.Generator(np.random.Philox(3)),
    "SFC64": lambda: np.random.Generator(np.random.SFC64(3)),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_is_drawn_from_and_comes_back_advanced(across, name):
    def student(stand_ins, generator, count):
        before = draw(generator, 1)
        return torch.cat([before, stand_ins["draw"](generator, count), draw(generator, 2)])

    ours, theirs = GENERATORS[name](), GENERATORS[name]()
    found = across(student, lambda generator, count: draw(generator, count + 3))(theirs, 700)
    assert_close(found, draw(ours, 703) if name != "torch's" else _in_three(ours))
    assert_close(draw(theirs, 3), draw(ours, 3))


def _in_three(generator):
    # Torch draws many normal numbers at once in another way than few.
    return torch.cat([draw(generator, count) for count in (1, 700, 2)])


def test_a_generator_of_the_students_own_may_be_handed_over(across):
    def student(stand_ins, x):
        rng = torch.Generator().manual_seed(11)
        return x + stand_ins["draw"](rng, 3) + draw(rng, 3)

    rng = torch.Generator().manual_seed(11)
    expected = 1 + draw(rng, 3) + draw(rng, 3)
    assert_close(across(student, lambda x: x)(torch.ones(3, dtype=DTYPE)), expected)


# A box that lies.

NONE = {"kind": "none"}


def _call(node):
    return {"kind": "tuple", "value": [{"kind": "tuple", "value": [node]}, NO_KEYWORDS]}


NO_KEYWORDS = {"kind": "dict", "value": []}
HANDED = _call({"kind": "handed", "value": "0"})
ASKS = {"stand_in": "apply", "value": HANDED}
BEGINNINGS = {
    "a number that is none": {"kind": "handed", "value": "x"},
    "a long number": {"kind": "handed", "value": "1" * 50},
    "no number": {"kind": "handed", "value": 0},
    "a generator without a state": {"kind": "generator", "value": NONE},
    "a generator of a generator": {
        "kind": "generator",
        "value": {"kind": "generator", "value": NONE},
    },
    "a generator of numbers": {"kind": "generator", "value": {"kind": "list", "value": []}},
    "a generator of another kind": {
        "kind": "generator",
        "value": {
            "kind": "dict",
            "value": [["bit_generator", {"kind": "text", "value": "os.system"}]],
        },
    },
}
REPLIES = {
    "a result instead": {"reply": "value", "value": NONE, "changes": []},
    "nothing": {},
    "another kind": {"handed": "gradient", "value": [], "handle": 1, "captures": False},
    "a kind of its own": {"handed": ["value"], "value": NONE, "handle": 1},
    "no handle": {"handed": "value", "value": NONE, "captures": True},
    "a handle that is text": {"handed": "value", "value": NONE, "handle": "1", "captures": True},
    "no value": {"handed": "value", "handle": 1, "captures": True},
    "a function": {"handed": "value", "value": {"kind": "handed", "value": "0"}, "handle": 1},
    "an array that was not sent": {
        "handed": "value",
        "value": {"kind": "array", "value": "0"},
        "handle": 1,
    },
}


@pytest.fixture
def lying():
    """Return a function that makes an answer whose box sends the given headers, come what may."""
    with contextlib.ExitStack() as ends:

        def make(*headers):
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(PeerClosed):
                    for header in headers:
                        receive_frame(theirs, max_block_bytes=2**20)
                        send_frame(theirs, header)
                    time.sleep(60)
                os._exit(0)
            theirs.close()
            ends.callback(os.waitpid, pid, 0)
            ends.callback(os.kill, pid, signal.SIGKILL)
            ends.callback(ours.close)
            channel = Channel(ours, Limits(call_wall_s=5))
            references = References(REFERENCES)
            ends.callback(references.close)
            channel.callbacks = Callbacks(StandIns(references, list(REFERENCES)))
            channel.begin()
            return Answer("f", Conversation(channel), lambda x: x, seed=0)

        yield make


@pytest.mark.parametrize("name", BEGINNINGS)
def test_what_is_no_function_and_no_generator_is_refused(lying, name):
    with pytest.raises(AnswerCrashed, match="A call sent back "):
        lying({"stand_in": "apply", "value": _call(BEGINNINGS[name])})(1.0)


@pytest.mark.parametrize("name", REPLIES)
def test_a_false_answer_about_a_function_ends_the_exercise(lying, name):
    answer = lying(ASKS, REPLIES[name])
    for _ in range(2):
        with pytest.raises(AnswerCrashed, match="A call sent back "):
            answer(1.0)


def test_questions_about_functions_are_counted(lying, monkeypatch):
    monkeypatch.setattr("autograder.sandbox.host.callbacks.MAX_CALLS", 3)
    with pytest.raises(AnswerCrashed, match="too many callbacks"):
        lying(*[ASKS] * 9)(1.0)
