"""What references returned is remembered, and never more of it than there is room for."""

import numpy as np
import pytest
import torch

from autograder.judge.expectations import Expectations


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("autograder.judge.expectations._MAX_BYTES", 10_000)
    return Expectations()


def test_what_was_asked_for_first_is_forgotten_first(small):
    for number in range(10):
        small[str(number)] = np.zeros(250)
    assert list(small) == ["6", "7", "8", "9"]
    assert small._bytes <= 10_000
    assert small._held.keys() == small.keys()


def test_a_value_that_is_set_again_is_counted_once(small):
    for _ in range(100):
        small["a"] = torch.zeros(500)
    assert small._bytes < 2300


def test_the_last_one_is_kept_whatever_its_size(small):
    small["a"] = np.zeros(10)
    small["b"] = np.zeros(10_000)
    assert list(small) == ["b"]
