"""Changes that a call made: brought back where they fit, refused where they cannot be true."""

import numpy as np
import pytest
import torch

from autograder.sandbox.wire.arguments_in import Packed
from autograder.sandbox.wire.changes import apply_changes, read_changes
from autograder.sandbox.wire.results_out import Decoder, Encoder, HostileReply, Opaque


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


ZEROS = np.zeros(2)
VALUES = {"kind": "array", "value": "0"}
NONE = {"kind": "none"}
IMPOSSIBLE = {
    "of nothing": (ZEROS, [{"leaf": 0}]),
    "two of one thing": (ZEROS, [{"leaf": 0, "values": VALUES}, {"leaf": 0, "values": VALUES}]),
    "of what was not sent": (ZEROS, [{"leaf": 1, "values": VALUES}]),
    "a gradient of an array": (ZEROS, [{"leaf": 0, "grad": VALUES}]),
    "a state of an array": (ZEROS, [{"leaf": 0, "state": VALUES}]),
    "another word": (ZEROS, [{"leaf": 0, "also": VALUES}]),
    "a list of arrays": (ZEROS, [{"leaf": 0, "values": {"kind": "list", "value": [VALUES]}}]),
    "text": (ZEROS, [{"leaf": 0, "values": {"kind": "text", "value": "a"}}]),
    "no values": (torch.zeros(2), [{"leaf": 0, "values": NONE}]),
    "a number of a flag": (torch.zeros(2), [{"leaf": 0, "requires_grad": 1}]),
    "values of a generator": (torch.Generator(), [{"leaf": 0, "values": VALUES}]),
    "global draws of an array": (ZEROS, [{"leaf": 0, "globals": True}]),
    "global draws that are no flag": (torch.Generator(), [{"leaf": 0, "globals": 1}]),
    "anything of a callback": (abs, [{"leaf": 0, "values": VALUES}]),
    "no node": (ZEROS, [{"leaf": 0, "values": [1]}]),
}


def decoder_of(*arrays):
    encoder = Encoder()
    for array in arrays:
        encoder.node(array)
    return Decoder(encoder.block())


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_change_is_looked_at_before_it_is_decoded(name):
    original, listed = IMPOSSIBLE[name]
    with pytest.raises(HostileReply):
        read_changes(listed, decoder_of(np.ones(2)), Packed(b"", [original]))


def test_a_change_of_another_shape_is_known_and_not_read():
    changes = read_changes(
        [{"leaf": 0, "values": VALUES}], decoder_of(np.ones(10**6)), Packed(b"", [ZEROS])
    )
    assert changes == {0: {"values": Opaque("an array of another shape")}}
    with pytest.raises(HostileReply, match="beyond its shape"):
        apply_changes(Packed(b"", [ZEROS]), changes)
