"""Known answers of the toy chapter."""

import numpy as np
import torch  # noqa: F401

from autograder.answers import right, wrong
from solutions.toy import square


@wrong("doubles instead of squaring", caught_by="test_values")
def square__doubles(x):
    return 2 * x


@wrong("changes its argument", caught_by="test_pure")
def square__in_place(x):
    x *= x
    return x


@right("by np.square")
def square__library(x):
    return np.square(x)


@wrong("forgets to square", caught_by="test_values")
def sum_of_squares__plain_sum(x):
    return x.sum()


@right("by the earlier exercise and a loop")
def sum_of_squares__loop(x):
    return sum(value for value in square(x))


@wrong("leaves out the factor 1/2", caught_by="test_values")
def weighted_energy__no_half(x, weights):
    return (weights * x**2).sum(dim=1)


@wrong("sums over the batch", caught_by="test_values")
def weighted_energy__over_batch(x, weights):
    return 0.5 * (weights * x**2).sum(dim=0)


@wrong("cuts the gradient", caught_by="test_gradient")
def weighted_energy__detached(x, weights):
    return 0.5 * (weights * x.detach() ** 2).sum(dim=1)


@right("by a matrix product")
def weighted_energy__matmul(x, weights):
    return x**2 @ weights / 2


@wrong("squares instead of cubing", caught_by="test_values")
def cube__squares(x):
    return x**2
