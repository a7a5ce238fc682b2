"""Seed the global generators, in the box and in the judge alike."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed the global generators, so that a call is repeatable.

    `torch.manual_seed` also tells every kind of accelerator, with a stack trace for each: 2 ms.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)


def have_moved(seed: int) -> bool:
    """Say whether the global generators moved since they were seeded so; seed them again."""
    before = _states()
    seed_everything(seed)
    return before != _states()


def _states() -> tuple[object, bytes, bytes]:
    kind, words, *rest = np.random.get_state(legacy=True)
    numpy_state = repr((kind, rest)).encode() + np.asarray(words).tobytes()
    return random.getstate(), numpy_state, torch.get_rng_state().numpy().tobytes()


@contextlib.contextmanager
def kept_generators() -> Iterator[None]:
    """Keep the global generators as they are: a test's own draws must not depend on a call.

    It takes 0.3 ms: for what runs code of ours in the test's own process, not for every call.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
