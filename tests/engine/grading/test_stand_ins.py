"""An early mistake costs its own exercise only, also where a later one hands a function on."""

from pathlib import Path

import pytest

from autograder.course.files import find_course
from autograder.course.functions import read_functions
from autograder.grading.submission import Grader
from shared.some_exercises import graded

ROOT = Path(__file__).parents[3]

WRONG_SCORE = """
def energy_score(E, x):
    y = x.detach().clone().requires_grad_()
    return torch.autograd.grad(E(y).sum(), y)[0]
"""
SAMPLE_BY_SCORE = """
def langevin_sample(E, x0, step, n, generator):
    x = x0.clone()
    for _ in range(n):
        z = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = x + step * energy_score(E, x) + (2 * step) ** 0.5 * z
    return x
"""


# Its last bits are not the reference's: hidden tests ask what is known, and hear what is new.
OTHER_ELBO = """
def negative_elbo(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean() * (1 + 1e-13)
    kl = kl_standard(mu, logvar).mean()
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}
"""
WRONG_LOGPROB = "def bernoulli_logprob(x, logits):\n    return -F.softplus(logits)"


@pytest.mark.box
@pytest.mark.slow
def test_a_stand_in_is_given_the_functions_that_the_test_gave():
    answers = {"energy_score": WRONG_SCORE, "langevin_sample": SAMPLE_BY_SCORE}
    with Grader.of(find_course(ROOT).assignment("a10_ebm")) as grader:
        early, late = graded(grader, answers, list(answers))
    assert early.score < early.points
    assert (late.score, late.stand_ins) == (late.points, ["energy_score"])


@pytest.mark.box
@pytest.mark.slow
def test_gradients_of_a_stand_in_are_had_where_the_tests_questions_are_known():
    assignment = find_course(ROOT).assignment("a03_vae")
    right = read_functions(assignment)
    wrong = {"bernoulli_logprob": WRONG_LOGPROB, "negative_elbo": OTHER_ELBO}
    names = ["bernoulli_logprob", "kl_standard", "negative_elbo"]
    with Grader.of(assignment) as grader:
        for result in graded(grader, right, names):
            assert result.score == result.points
        early, _, late = graded(grader, {**right, **wrong}, names)
    assert early.score < early.points
    assert (late.score, late.stand_ins) == (late.points, ["bernoulli_logprob"])
