"""Hidden tests of the toy chapter."""

import numpy as np
import pytest
import torch

from autograder.testing import assert_close, assert_pure, callback  # noqa: F401

DTYPE = torch.float64


class Test_square:
    @pytest.mark.hint("Multiply each entry by itself.")
    def test_values(self, answer):
        """Each entry is multiplied by itself."""
        assert_close(answer(np.array([1.0, -2.0, 3.0])), np.array([1.0, 4.0, 9.0]))

    def test_pure(self, answer):
        """The input is left alone."""
        assert_close(assert_pure(answer, np.array([1.5, -2.0])), np.array([2.25, 4.0]))


class Test_sum_of_squares:
    @pytest.mark.parametrize("count", [2, 5])
    def test_values(self, answer, count):
        """The squares are added up."""
        x = np.arange(1.0, count + 1)
        assert_close(answer(x), count * (count + 1) * (2 * count + 1) / 6)


class Test_weighted_energy:
    @pytest.mark.hint("Mind the half.")
    def test_values(self, answer):
        """The energy of a known point is right."""
        x = torch.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]], dtype=DTYPE)
        w = torch.tensor([2.0, 1.0, 4.0], dtype=DTYPE)
        assert_close(answer(x, w), torch.tensor([21.0, 8.75], dtype=DTYPE))

    def test_gradient(self, answer):
        """The gradient at x is w x."""
        x = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]], dtype=DTYPE, requires_grad=True)
        w = torch.tensor([2.0, 3.0], dtype=DTYPE)
        answer(x, w).sum().backward()
        assert_close(x.grad, w * x.detach())


class Test_cube:
    def test_values(self, answer):
        """Numbers of both signs are cubed."""
        assert_close(answer(-2.0), -8.0)
