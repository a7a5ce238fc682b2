"""States of generators out of the box: followed where draws lead to them, refused where none do."""

import copy

import numpy as np
import pytest
import torch

from autograder.sandbox.wire.generator_states import apply_state
from autograder.sandbox.wire.results_out import HostileReply


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Give up after 2^20 draws: each is the same as another."""
    monkeypatch.setattr("autograder.sandbox.wire.generator_states._MAX_DRAWS", 2**20)


KINDS = ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"]


def generator_of(kind, seed=3):
    return np.random.Generator(getattr(np.random, kind)(seed))


DRAWS = {
    "nothing": lambda g: None,
    "one": lambda g: g.random(),
    "half of one": lambda g: g.integers(0, 9, dtype=np.int32),
    "three halves": lambda g: g.integers(0, 9, size=3, dtype=np.int32),
    "normal": lambda g: g.normal(size=7),
    "many": lambda g: g.random(100_000),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DRAWS)
def test_a_numpy_generator_is_brought_to_where_its_draws_lead(kind, name):
    ours, theirs = generator_of(kind), generator_of(kind)
    ours.random(5)
    theirs.random(5)
    DRAWS[name](theirs)
    apply_state(ours, copy.deepcopy(theirs.bit_generator.state))
    assert ours.integers(0, 2**32, size=9, dtype=np.uint32).tolist() == (
        theirs.integers(0, 2**32, size=9, dtype=np.uint32).tolist()
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_a_numpy_generator_of_another_seed_or_kind_is_refused(kind, other):
    with pytest.raises(HostileReply):
        apply_state(generator_of(kind), generator_of(other, seed=4).bit_generator.state)


@pytest.mark.parametrize("kind", KINDS)
def test_a_numpy_generator_is_not_turned_back(kind):
    ours, theirs = generator_of(kind), generator_of(kind)
    ours.random(2000)
    with pytest.raises(HostileReply):
        apply_state(ours, theirs.bit_generator.state)


def edited(kind, **edits):
    """The state of a generator with other numbers, at the top or below `state`."""
    state = copy.deepcopy(generator_of(kind).bit_generator.state)
    for key, value in edits.items():
        place = state if key in state and key != "state" else state["state"]
        place[key] = value
    return state


HOSTILE = {
    "constant PCG": ("PCG64", {"state": 0, "inc": 0}),
    "no step": ("PCG64", {"inc": 0}),
    "far away": ("PCG64", {"state": 5}),
    "too large": ("PCG64", {"state": 2**130}),
    "a flag of 2": ("PCG64", {"has_uint32": 2}),
    "a flag that is true": ("PCG64", {"has_uint32": True}),
    "half of a draw beyond 32 bits": ("PCG64", {"uinteger": 2**40}),
    "half of a draw below 0": ("PCG64", {"uinteger": -1}),
    "a key of zeros": ("MT19937", {"key": np.zeros(624, dtype=np.uint32)}),
    "a key of another kind": ("MT19937", {"key": np.zeros(624)}),
    "a place beyond the key": ("MT19937", {"pos": 625}),
    "a place before the key": ("MT19937", {"pos": -1}),
    "a counter that does not fit": ("Philox", {"counter": np.array([9] * 4, dtype=np.uint64)}),
    "a buffer of zeros": (
        "Philox",
        {"counter": np.array([1, 0, 0, 0], dtype=np.uint64), "buffer_pos": 1},
    ),
    "a place beyond the buffer": ("Philox", {"buffer_pos": 5}),
    "words of zeros": ("SFC64", {"state": {"state": np.zeros(4, dtype=np.uint64)}}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_state_of_no_numpy_generator_is_refused(name):
    kind, edits = HOSTILE[name]
    generator = generator_of(kind)
    before = repr(generator.bit_generator.state)
    with pytest.raises(HostileReply):
        apply_state(generator, edited(kind, **edits))
    assert repr(generator.bit_generator.state) == before


TORCH_DRAWS = {
    "nothing": lambda g: None,
    "one": lambda g: torch.rand(1, generator=g),
    "a normal number": lambda g: torch.randn(1, generator=g),
    "a normal number of float64": lambda g: torch.randn(1, generator=g, dtype=torch.float64),
    "624": lambda g: torch.rand(624, generator=g),
    "many": lambda g: torch.randn(300_000, generator=g),
    "another seed": lambda g: g.manual_seed(11),
    "another seed, and many": lambda g: torch.randn(5000, generator=g.manual_seed(11)),
    "its own seed": lambda g: g.manual_seed(5),
    "a permutation": lambda g: torch.randperm(50, generator=g),
}


@pytest.mark.parametrize("name", TORCH_DRAWS)
@pytest.mark.parametrize("before", [0, 7, 624])
def test_a_torch_generator_is_brought_to_where_its_draws_lead(name, before):
    ours, theirs = (torch.Generator().manual_seed(5) for _ in range(2))
    torch.rand(before, generator=ours)
    torch.rand(before, generator=theirs)
    TORCH_DRAWS[name](theirs)
    apply_state(ours, theirs.get_state().numpy())
    assert ours.initial_seed() == theirs.initial_seed()
    for dtype in (torch.float32, torch.float64):
        drawn = [torch.randn(1, generator=one, dtype=dtype) for one in (ours, theirs)]
        assert torch.equal(*drawn)


def torch_state(**edits):
    """A torch generator's state with other bytes: by place, a dtype and a number."""
    generator = torch.Generator().manual_seed(5)
    torch.rand(3, generator=generator)
    state = generator.get_state().numpy()
    for at, dtype, number in edits.values():
        size = np.dtype(dtype).itemsize
        state[at : at + size] = np.frombuffer(np.array(number, dtype).tobytes(), np.uint8)
    return state


TORCH_HOSTILE = {
    "the next number beyond the words": torch_state(next=(16, "<u8", 10**6)),
    "more left than there are": torch_state(left=(8, "<i4", 10**6)),
    "less than none left": torch_state(left=(8, "<i4", -5)),
    "left and next that do not agree": torch_state(left=(8, "<i4", 5)),
    "not seeded": torch_state(seeded=(12, "<i4", 0)),
    "words of zeros": np.concatenate(
        [torch_state()[:24], np.zeros(4992, dtype=np.uint8), torch_state()[5016:]]
    ),
    "one word": torch_state(word=(24, "<u8", 7)),
    "a word beyond 32 bits": torch_state(word=(24, "<u8", 2**40)),
    "an endless normal number": torch_state(y=(5024, "<f8", np.inf), has=(5040, "<i4", 1)),
    "no normal number": torch_state(y=(5024, "<f8", np.nan), has=(5040, "<i4", 1)),
    "a large normal number": torch_state(z=(5048, "<f4", 100), has=(5052, "u1", 1)),
    "a flag of 7": torch_state(has=(5040, "<i4", 7)),
    "too short": torch_state()[:100],
    "of another kind": torch_state().astype(np.float64),
    "text": "state",
    "none": None,
}


@pytest.mark.parametrize("name", TORCH_HOSTILE)
def test_a_state_of_no_torch_generator_is_refused(name):
    generator = torch.Generator().manual_seed(5)
    before = generator.get_state()
    with pytest.raises(HostileReply):
        apply_state(generator, TORCH_HOSTILE[name])
    assert torch.equal(generator.get_state(), before)
