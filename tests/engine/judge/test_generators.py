"""A hidden test's own draws, where the function is in the box and code of ours runs here."""

import random

import numpy as np
import pytest
import torch

from autograder.judge.answer import Answer
from autograder.sandbox.host.callbacks import StandIns
from autograder.sandbox.host.conversation import Conversation
from autograder.sandbox.host.session import Session
from autograder.testing import callback

pytestmark = pytest.mark.box

SOURCE = "def one(x):\n    return x\n\ndef twice(x, f):\n    return f(x) + f(x)\n"


@pytest.fixture
def in_box(grader):
    """Return a function that makes an answer of SOURCE's function, in the box."""
    submission = Session(grader.box, [(0, SOURCE)], grader.limits, [])
    submission.run_cells()
    channels = []

    def make(name, reference):
        channels.append(submission.open_exercise(name, StandIns()))
        return Answer(name, Conversation(channels[-1]), reference, seed=5)

    yield make
    for channel in channels:
        submission.close_exercise(channel)
    submission.close()


def seed_all():
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)


def draw():
    return torch.rand(1).item(), np.random.rand(), random.random()


def test_the_reference_does_not_move_them(in_box):
    answer = in_box("one", lambda x: x + 0 * sum(draw()))
    seed_all()
    expected = draw()
    for _ in range(2):  # The second time the reference is not asked.
        answer._calls = 0
        seed_all()
        answer(1.0)
        assert draw() == expected
    assert len(answer.expectations) == 1


def test_a_callback_moves_them_within_its_call_only(in_box):
    seen = []
    answer = in_box("twice", None)
    seed_all()
    expected = [draw(), draw()]
    seed_all()
    answer(1.0, callback(lambda x: seen.append(draw()) or x))
    assert seen == expected
    assert draw() == expected[0]
