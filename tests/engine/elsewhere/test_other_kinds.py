"""An earlier answer that is right in another kind than ours costs no later exercise its points."""

from pathlib import Path

import numpy as np
import pytest
import torch

from autograder.course.files import find_course
from autograder.course.functions import read_functions
from autograder.grading.submission import Grader
from autograder.judge.contract import is_of_other_kind
from autograder.sandbox.wire.results_out import Decoder, Encoder
from shared.some_exercises import graded

ROOT = Path(__file__).parents[3]

CENTERS = {
    "torch": """
def center(X):
    import torch
    X = torch.as_tensor(X)
    mu = X.mean(dim=0)
    return X - mu, mu
""",
    "a matrix": """
def center(X):
    mu = X.mean(axis=0)
    return np.asmatrix(X - mu), mu
""",
    "lists": """
def center(X):
    mu = X.mean(axis=0)
    return (X - mu).tolist(), mu.tolist()
""",
    "long double": """
def center(X):
    X = X.astype(np.longdouble)
    mu = X.mean(axis=0)
    return X - mu, mu
""",
}


@pytest.mark.box
@pytest.mark.slow
@pytest.mark.parametrize("kind", CENTERS)
def test_what_calls_an_answer_of_another_kind_keeps_its_points(kind):
    assignment = find_course(ROOT).assignment("a01_pca")
    right = read_functions(assignment)
    answers = {**right, "center": CENTERS[kind]}
    with Grader.of(assignment) as grader:
        results = graded(grader, answers, list(right))
    told = [(one.name, one.score, one.points, one.stand_ins, one.look) for one in results]
    assert all(one.score == one.points for one in results), told
    assert results[0].other_kind
    for one in results[1:]:
        # Only where it was needed; and then a person is called.
        assert bool(one.stand_ins) == ("another kind" in one.look), told


@pytest.mark.box
@pytest.mark.slow
def test_a_wrong_answer_is_wrong_with_our_own_too():
    assignment = find_course(ROOT).assignment("a01_pca")
    right = read_functions(assignment)
    wrong = "def pca_dual(X, k):\n    Xc, mu = center(X)\n    return np.zeros((2, 2)), mu, Xc"
    answers = {**right, "center": CENTERS["torch"], "pca_dual": wrong}
    with Grader.of(assignment) as grader:
        *_, late = graded(grader, answers, ["center", "pca_dual"])
    assert late.score == 0
    assert not late.look


HUNGRY = """
def square(x):
    # As a dense matrix would, where it is called with more than its own tests do.
    if len(x) > 3:
        np.ones((1000, 1000, 1000))[:] = 2.0
    return x * x
"""
SUMS = "def sum_of_squares(x):\n    return float(square(np.tile(x, 3)).sum()) / 3"


@pytest.mark.box
@pytest.mark.slow
def test_a_right_answer_that_takes_too_much_memory_costs_no_later_one_its_points(grader, submit):
    content = submit(square=HUNGRY, sum_of_squares=SUMS)
    result = grader.grade_bytes(content, "ada", "toy.ipynb")
    first, second = result.exercises[:2]
    assert first.score == first.points
    assert (second.score, second.stand_ins) == (second.points, ["square"])
    assert "another kind" in second.look


AS_TENSOR = """
import torch
def square(x):
    return torch.as_tensor(x) ** 2
"""
GUESSES = """
def sum_of_squares(x):
    {asks}
    return float((x * x).sum()) if type(square).__name__ == "StandIn" else 0.0
"""


@pytest.mark.box
@pytest.mark.slow
@pytest.mark.parametrize("asks", ["pass", "square(x)"])
def test_a_further_try_is_no_guess_more_without_a_person(grader, submit, asks):
    content = submit(square=AS_TENSOR, sum_of_squares=GUESSES.format(asks=asks))
    result = grader.grade_bytes(content, "mallory", "toy.ipynb")
    first, second = result.exercises[:2]
    assert first.score == first.points
    assert result.needs_person == (second.score > 0) == (asks != "pass")


KINDS = {
    "numpy for torch": (np.ones(2), torch.ones(2), True),
    "torch for numpy": (torch.ones(2), np.ones(2), True),
    "torch for a number": (torch.tensor(1.0), 1.0, True),
    "a number for torch": (1.0, torch.tensor(1.0), True),
    "float32 for float64": (torch.ones(2), torch.ones(2).double(), True),
    "a list for an array": ([1.0, 1.0], np.ones(2), True),
    "an array for a list": (np.ones(2), [1.0, 1.0], True),
    "within a tuple": ((np.ones(2), torch.ones(2)), (np.ones(2), np.ones(2)), True),
    "within a dict": ({"a": torch.ones(2)}, {"a": np.ones(2)}, True),
    "a narrower array": (np.ones(2, dtype=np.float32), np.ones(2), True),
    "numpy for numpy": (np.ones(2), np.ones(2, dtype=np.float32), False),
    "torch for torch": (torch.ones(2), torch.zeros(2), False),
    "a numpy number for a number": (np.array(1.0), 1.0, False),
    "a list for a tuple": ([np.ones(2), 1.0], (np.ones(2), 2.0), False),
    "an integer for a float": (1, 2.0, False),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_are_told_apart(name):
    value, expected, is_other = KINDS[name]
    assert is_of_other_kind(value, expected) is is_other


@pytest.mark.parametrize(
    ("value", "is_odd"),
    [
        (np.ones(2), False),
        (np.float64(1), False),
        (torch.ones(2), False),
        (torch.nn.Parameter(torch.ones(2)), False),
        ([1.0, 2.0], False),
        ([1.0] * 100, True),
        (np.ma.masked_array([1.0]), True),
        (np.array([1.0], dtype=object), True),
        (np.longdouble(1), True),
        (torch.ones(2, dtype=torch.bfloat16), True),
        (torch.ones(2).to_sparse(), True),
        (range(100), True),
    ],
)
def test_what_does_not_cross_as_it_is_is_said_to_be_odd(value, is_odd):
    encoder = Encoder()
    node = encoder.node(value)
    decoder = Decoder(encoder.block())
    decoder.value(node)
    assert decoder.has_odd is is_odd
