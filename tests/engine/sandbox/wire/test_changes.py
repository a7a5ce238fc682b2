"""Changes that a call made: brought back where they fit, refused where they cannot be true."""

import numpy as np
import pytest
import torch

from autograder.sandbox.wire.arguments_in import Packed
from autograder.sandbox.wire.changes import apply_changes
from autograder.sandbox.wire.results_out import HostileReply


def apply(original, change):
    apply_changes(Packed(b"", [original]), {0: change})


def pcg64_state(**edits):
    state = np.random.default_rng(0).bit_generator.state
    return {**state, "state": {**state["state"], **edits}}


def mt19937_state(**edits):
    state = np.random.MT19937(0).state
    return {**state, "state": {**state["state"], **edits}}


HOSTILE = {
    "array of another shape": (lambda: np.zeros(2), {"values": np.zeros(3)}),
    "array that is text": (lambda: np.zeros(2), {"values": "12"}),
    "array without values": (lambda: np.zeros(2), {}),
    "tensor of another shape": (lambda: torch.zeros(2), {"values": np.zeros((2, 1))}),
    "tensor that is a number": (lambda: torch.zeros(2), {"values": 1.0}),
    "gradient of another shape": (lambda: torch.zeros(2), {"grad": np.zeros(3)}),
    "gradient that is text": (lambda: torch.zeros(2), {"grad": "x"}),
    "integers that require a gradient": (lambda: torch.arange(2), {"requires_grad": True}),
    "torch state of another size": (torch.Generator, {"state": np.zeros(3, dtype=np.uint8)}),
    "torch state of another kind": (torch.Generator, {"state": np.zeros(3)}),
    "numpy state missing": (np.random.default_rng, {}),
    "numpy state a number": (np.random.default_rng, {"state": 1}),
    "numpy state of another kind": (np.random.default_rng, {"state": np.random.MT19937(0).state}),
    "numpy state negative": (np.random.default_rng, {"state": pcg64_state(state=-1)}),
    "numpy state too large": (np.random.default_rng, {"state": pcg64_state(state=10**59)}),
    "numpy state text": (np.random.default_rng, {"state": pcg64_state(inc="x")}),
    "numpy key too short": (
        lambda: np.random.Generator(np.random.MT19937(0)),
        {"state": mt19937_state(key=np.zeros(3, dtype=np.uint32))},
    ),
    "numpy key missing": (
        lambda: np.random.Generator(np.random.MT19937(0)),
        {"state": {"bit_generator": "MT19937"}},
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_change_that_cannot_be_true_is_refused(name):
    make, change = HOSTILE[name]
    with pytest.raises(HostileReply):
        apply(make(), change)


def test_a_change_keeps_the_kind_of_what_it_changes():
    array, tensor = np.zeros(2, dtype=np.float32), torch.zeros(2, dtype=torch.float64)
    apply(array, {"values": np.array([1.0, 2.0])})
    apply(tensor, {"values": np.array([1, 2]), "grad": np.array([3, 4], dtype=np.float32)})
    assert array.dtype == np.float32
    assert array.tolist() == [1, 2]
    assert tensor.dtype == tensor.grad.dtype == torch.float64
    assert tensor.grad.tolist() == [3, 4]
