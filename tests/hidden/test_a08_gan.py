"""Hidden tests of chapter 8: generative adversarial networks."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch
import torch.distributions as td
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.special import expit, log_expit
from torch import nn

from autograder.testing import assert_close, assert_pure


def rand(*shape, low=-2.0, high=2.0, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def leaf(tensor):
    return tensor.clone().requires_grad_()


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def tables(*sizes, seed=5):
    """Probability tables p and q without zeros, one pair for each size."""
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.dirichlet(np.full(size, 0.7), size=2)) for size in sizes]


class Test_discriminator_loss:
    @pytest.mark.hint("Each batch has its own mean, over its own number of samples; then add.")
    def test_value(self, answer):
        """The loss is the real batch's cross-entropy plus that of the fakes, for unequal sizes."""
        for n, m, seed in [(7, 5, 1), (3, 11, 2)]:
            real, fake = rand(n, low=-3, high=5, seed=seed), rand(m, low=-5, high=3, seed=seed + 2)
            expected = -np.log(expit(real.numpy())).mean() - np.log(1 - expit(fake.numpy())).mean()
            assert_close(assert_pure(answer, real, fake), expected)

    @pytest.mark.hint("Differentiate -log sigmoid(r) and -log(1 - sigmoid(f)) by hand.")
    def test_gradients(self, answer):
        """The gradient of each real and each fake logit is that of the cross-entropy."""
        real, fake = leaf(rand(7, low=-3, high=4)), leaf(rand(4, low=-4, high=3, seed=6))
        answer(real, fake).backward()
        assert_close(real.grad, (expit(real.detach().numpy()) - 1) / 7)
        assert_close(fake.grad, expit(fake.detach().numpy()) / 4)

    @pytest.mark.hint("The sigmoid of 900 is exactly 1: simplify the logarithm, then compute it.")
    def test_extreme_logits(self, answer):
        """Logits of plus and minus 900 give exact values and exact gradients."""
        real, fake = leaf(numbers(-900, 900, -900, 40)), leaf(numbers(900, -900, 600))
        loss = answer(real, fake)
        loss.backward()
        assert_close(loss.detach(), 450.0 + 500.0)
        assert_close(real.grad, numbers(-1, 0, -1, 0) / 4)
        assert_close(fake.grad, numbers(1, 0, 1) / 3)

    @pytest.mark.hint("With logit 0 every sample costs log 2, and there are two means to add.")
    def test_no_opinion(self, answer):
        """A constant logit costs what a biased coin costs, however large the two batches are."""
        for n, m, logit in [(6, 4, 0.0), (2, 9, 0.0), (3, 5, 1.5)]:
            d = expit(logit)
            loss = answer(torch.full((n,), logit).double(), torch.full((m,), logit).double())
            assert_close(loss, -math.log(d) - math.log(1 - d))

    @pytest.mark.hint(
        "Which logit makes the loss smallest, if 3 of 4 reals and 1 of 3 fakes agree?"
    )
    def test_smallest_at_the_ratio(self, answer):
        """On data with two values the loss is smallest at the logarithm of the ratio p / q."""
        p, q = np.array([3 / 4, 1 / 4]), np.array([1 / 3, 2 / 3])
        logits = leaf(torch.tensor(np.log(p / q)))
        best = answer(logits[[0, 0, 1, 0]], logits[[0, 1, 1]])
        (gradient,) = torch.autograd.grad(best, logits)
        d = p / (p + q)
        assert_close(best.detach(), -(p * np.log(d) + q * np.log(1 - d)).sum())
        assert_close(gradient, np.zeros(2))

    @pytest.mark.hint("Networks give logits of shape (B, 1): do not add the two batches entrywise.")
    def test_columns(self, answer):
        """Columns of logits, as a network gives them, cost the same as plain batches."""
        real, fake = rand(6, 1, low=-1, high=4), rand(9, 1, low=-4, high=1, seed=6)
        expected = -td.Bernoulli(logits=real).log_prob(torch.ones(6, 1)).mean()
        expected = expected - td.Bernoulli(logits=fake).log_prob(torch.zeros(9, 1)).mean()
        assert_close(answer(real, fake), expected)


class Test_optimal_discriminator:
    @pytest.mark.hint("Bayes' rule: of all samples that fall on x, which share is real?")
    def test_bayes(self, answer):
        """D* is the posterior probability of "real" by Bayes' rule, for two Gaussian densities."""
        x = torch.linspace(-4, 5, 10, dtype=torch.float64)
        p, q = td.Normal(0.6, 0.8), td.Normal(-0.5, 1.7)
        logp, logq = p.log_prob(x).double(), q.log_prob(x).double()
        density_p, density_q = stats.norm.pdf(x, 0.6, 0.8), stats.norm.pdf(x, -0.5, 1.7)
        assert_close(assert_pure(answer, logp, logq), density_p / (density_p + density_q))

    @pytest.mark.hint("Only the ratio of the densities matters: what is it in logarithms?")
    def test_underflow(self, answer):
        """Where both densities underflow, D* still knows their ratio."""
        odds = np.array([9.0, 1.0, 0.25, 1e-3])
        logq = numbers(-2000, -2000, -900, -1e4)
        d = answer(logq + torch.tensor(np.log(odds)), logq)
        assert_close(d, odds / (1 + odds))

    @pytest.mark.hint("Densities may also be huge, and one may be exp(800) times the other.")
    def test_certain(self, answer):
        """Where one density is incomparably larger, D* is 1 or 0, and finite."""
        logp = numbers(-10, -1500, 900, 30, -3)
        logq = numbers(-1000, -20, 100, 900, -3)
        assert_close(answer(logp, logq), numbers(1, 0, 1, 0, 0.5))

    @pytest.mark.hint("Maximise p log D + q log(1 - D) over D, at a single point x.")
    def test_maximises(self, answer):
        """At each point no other probability gives a higher p log D + q log(1 - D)."""
        logp, logq = numbers(-1.0, 0.3, -4.0), numbers(-2.5, 0.4, -0.1)
        best = answer(logp, logq).numpy()
        grid = np.linspace(0.0005, 0.9995, 1000)[:, None]
        p, q = np.exp(logp.numpy()), np.exp(logq.numpy())
        searched = grid[(p * np.log(grid) + q * np.log(1 - grid)).argmax(axis=0), 0]
        assert_close(best, searched, rtol=0, atol=6e-4)


class Test_gan_value:
    @pytest.mark.hint("Real points pay log D, fakes log(1 - D), each weighted by its own density.")
    def test_by_hand(self, answer):
        """On a few wide cells the value is the sum one writes down by hand."""
        p, q, d = (
            numbers(0, 0.5, 1.3, 0.2, 0),
            numbers(0, 0.6, 0.4, 1.0, 0),
            numbers(0.3, 0.9, 0.25, 0.5, 0.6),
        )
        expected = 0.0
        for a, b, c in zip(p.tolist(), q.tolist(), d.tolist(), strict=True):
            expected += 0.5 * (a * math.log(c) + b * math.log(1 - c))
        assert_close(assert_pure(answer, p, q, d, 0.5), expected)

    @pytest.mark.hint("Compare with the cross-entropy of a logistic curve, integrated by scipy.")
    def test_integral(self, answer):
        """For smooth densities the value is an expectation under each, however fine the grid."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)
        weights = weights / weights.sum()
        slope, shift = 1.3, -0.4
        expected = weights @ log_expit(slope * (0.5 + 0.7 * nodes) + shift)
        expected += weights @ log_expit(-slope * (-1 + 1.2 * nodes) - shift)
        for n in (101, 401):
            x = np.linspace(-12, 12, n)
            p, q = stats.norm.pdf(x, 0.5, 0.7), stats.norm.pdf(x, -1, 1.2)
            d = expit(slope * x + shift)
            found = answer(*(torch.tensor(v) for v in (p, q, d)), 24 / (n - 1))
            assert_close(found, expected)

    @pytest.mark.hint("Put D = p / (p + q) into the integral: this is the derivation by hand.")
    def test_best_value(self, answer):
        """At D = p / (p + q) the value is 2 JS - 2 ln 2, and any other D has a lower one."""
        (table,) = tables(6)
        dx = 0.25
        # Empty cells at both ends, so that every rule of integration gives the same.
        p, q = torch.nn.functional.pad(table / dx, (1, 1))
        best = torch.nan_to_num(p / (p + q), nan=0.5)
        top = answer(p, q, best, dx)
        assert_close(top, 2 * jensenshannon(*table.numpy()) ** 2 - 2 * math.log(2))
        for other in (0.9 * best, 0.9 * best + 0.1, torch.full((8,), 0.5).double()):
            # The loss of value is a KL between coins, weighted by p + q.
            coins = td.kl_divergence(td.Bernoulli(best), td.Bernoulli(other))
            assert_close(top - answer(p, q, other, dx), ((p + q) * coins).sum() * dx)

    @pytest.mark.hint("Where p is 0 its term is 0, even if D is 0 there: 0 times -infinity is 0.")
    def test_empty_cells(self, answer):
        """Cells that one density leaves empty add 0, though a logarithm is infinite there."""
        for share in (0.3, 0.8):
            p, q = numbers(0, share, 1 - share, 0, 0), numbers(0, 0, 1 - share, share, 0)
            value = answer(p / 0.1, q / 0.1, numbers(0, 1, 0.5, 0, 0.5), 0.1)
            assert_close(value, -2 * math.log(2) * (1 - share))

    @pytest.mark.hint("D = 0 is sure of a fake: what does it cost where real points do lie?")
    def test_sure_and_wrong(self, answer):
        """To rule out for sure what does occur is worse than to be nearly sure, in either way."""
        p, q = numbers(0, 1, 2, 2, 0, 0), numbers(0, 0, 3, 1, 1, 0)
        for cell, sure, nearly in ((2, 0.0, 1e-14), (2, 1.0, 1 - 1e-6), (4, 1.0, 1 - 1e-6)):
            worse, bad = numbers(0.5, 1, 0.25, 0.5, 0, 0.5), numbers(0.5, 1, 0.25, 0.5, 0, 0.5)
            worse[cell], bad[cell] = sure, nearly
            assert answer(p, q, worse, 0.2) + 0.1 < answer(p, q, bad, 0.2) < -1
        fair = 0.2 * (2 * math.log(0.25) + 3 * math.log(0.75) + 3 * math.log(0.5))
        assert_close(answer(p, q, numbers(0.5, 1, 0.25, 0.5, 0, 0.5), 0.2), fair)


class Test_js_divergence:
    @pytest.mark.hint("Two KLs, each to the mean of the two tables, each with weight 1/2.")
    def test_definition(self, answer):
        """The divergence agrees with an independent implementation, for tables of several sizes."""
        for p, q in tables(2, 5, 40):
            assert_close(assert_pure(answer, p, q), jensenshannon(p.numpy(), q.numpy()) ** 2)

    @pytest.mark.hint("Halve the mass that the two tables do not share: what do the KLs become?")
    def test_shared_mass(self, answer):
        """Tables that share all but a fraction of their mass are that fraction of ln 2 apart."""
        for share in (1.0, 0.35, 0.01):
            p = numbers(1 - share, 0, share, 0, 0)
            q = numbers(1 - share, share / 2, 0, 0, share / 2)
            assert_close(answer(p, q), share * math.log(2))

    @pytest.mark.hint("Where p is 0 its term is 0: the limit of p log p.")
    def test_zeros(self, answer):
        """Zeros in one table or in both do no harm."""
        p, q = numbers(0.5, 0.0, 0.1, 0.4, 0.0), numbers(0.0, 0.3, 0.6, 0.1, 0.0)
        found = assert_pure(answer, p, q)
        assert_close(found, jensenshannon(p.numpy(), q.numpy()) ** 2)
        by_hand = 0.5 * math.log(4 / 3) + 0.25 * math.log(2) + 0.25 * math.log(2 / 3)
        assert_close(answer(numbers(0, 1, 0), numbers(0.25, 0.5, 0.25)), by_hand)

    @pytest.mark.hint("Draw the label by a fair coin, then x from p or q: what does x tell of it?")
    def test_information(self, answer):
        """It is the information that a sample holds about which of the two tables it is from."""
        for p, q in tables(3, 7, seed=8):
            joint = np.stack([p.numpy(), q.numpy()]) / 2
            independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
            information = (joint * np.log(joint / independent)).sum()
            assert_close(answer(p, q), information)
            assert_close(answer(q, p), information)


class Test_generator_loss_saturating:
    @pytest.mark.hint("The part of the game's value that contains the fakes, as it stands.")
    def test_value(self, answer):
        """The loss is the mean of log(1 - D) over the fakes."""
        for logits in (rand(5, low=-3, high=4), rand(8, 1, low=-5, high=2, seed=6)):
            expected = np.log(1 - expit(logits.numpy())).mean()
            assert_close(assert_pure(answer, logits), expected)

    @pytest.mark.hint("Differentiate log(1 - sigmoid(l)) by hand; it never changes its sign.")
    def test_gradient(self, answer):
        """The gradient pushes each fake's logit up, the harder the more real the fake looks."""
        logits = leaf(rand(6, low=-4, high=4))
        answer(logits).backward()
        assert_close(logits.grad, -expit(logits.detach().numpy()) / 6)

    @pytest.mark.hint("1 - sigmoid(900) is exactly 0 in floating point: simplify the logarithm.")
    def test_extreme_logits(self, answer):
        """Logits of plus and minus 900 give exact values and exact gradients."""
        logits = leaf(numbers(900, -900, 0, -50))
        loss = answer(logits)
        loss.backward()
        assert_close(loss.detach(), -(900 + math.log(2)) / 4)
        assert_close(logits.grad, -numbers(1, 0, 0.5, 0) / 4)

    @pytest.mark.hint("What is log(1 - D(l)) - log(1 - D(-l))? The logarithms almost cancel.")
    def test_reflection(self, answer):
        """Reflecting every logit at 0 changes the loss by the mean logit, from minus log 2 at 0."""
        logits = rand(7, low=-1, high=6)
        assert_close(answer(-logits) - answer(logits), logits.mean())
        assert_close(answer(torch.zeros(3, dtype=torch.float64)), -math.log(2))


class Test_generator_loss_nonsaturating:
    @pytest.mark.hint("The cost of a fake is minus the log-probability that D calls it real.")
    def test_value(self, answer):
        """The loss is minus the mean of log D over the fakes."""
        for logits in (rand(5, low=-3, high=4), rand(8, 1, low=-5, high=2, seed=6)):
            expected = -np.log(expit(logits.numpy())).mean()
            assert_close(assert_pure(answer, logits), expected)

    @pytest.mark.hint("Differentiate -log sigmoid(l) by hand: where is it steep, where flat?")
    def test_gradient(self, answer):
        """The gradient pushes each fake's logit up, the harder the more fake it looks."""
        logits = leaf(rand(6, low=-4, high=4))
        answer(logits).backward()
        assert_close(logits.grad, (expit(logits.detach().numpy()) - 1) / 6)

    @pytest.mark.hint("sigmoid(-900) is exactly 0 in floating point: simplify the logarithm.")
    def test_extreme_logits(self, answer):
        """Logits of plus and minus 900 give exact values and exact gradients."""
        logits = leaf(numbers(900, -900, 0, -50))
        loss = answer(logits)
        loss.backward()
        assert_close(loss.detach(), (950 + math.log(2)) / 4)
        assert_close(logits.grad, -numbers(0, 1, 0.5, 1) / 4)

    @pytest.mark.hint("What is log D(l) - log D(-l)? The logarithms almost cancel.")
    def test_reflection(self, answer):
        """Reflecting every logit at 0 changes the loss by the mean logit, from log 2 at 0."""
        logits = rand(7, low=-1, high=6)
        assert_close(answer(-logits) - answer(logits), logits.mean())
        assert_close(answer(torch.zeros(3, dtype=torch.float64)), math.log(2))


def leave_a_mark(module, _):
    """Change the gradients of a net when it is called.

    What a call changes comes back from the student's process only for those tensors that the
    reference changes too. The reference leaves G alone in D's step, so G marks its own tensors:
    whatever was done to them is seen. Gradients left over may hold anything, so no harm is done.
    """
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 3.0 if parameter.grad is None else -2.0)


def net(*widths, seed):
    """A small tanh network in float64."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for one, other in itertools.pairwise(widths):
        layers += [nn.Linear(one, other), nn.Tanh()]
    module = nn.Sequential(*layers[:-1]).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-1, 1, generator=generator)
    return module


def players(seed=5, stale=False, lr_g=0.3, lr_d=0.2):
    """G from 3 numbers to 2, D from 2 to a logit, their optimizers, 7 real samples, noise for 4."""
    G, D = net(3, 4, 2, seed=seed), net(2, 5, 1, seed=seed + 1)
    if stale:
        for number, parameter in enumerate([*G.parameters(), *D.parameters()]):
            parameter.grad = rand(*parameter.shape, seed=seed + 10 + number)
    optG, optD = (torch.optim.SGD(m.parameters(), lr=lr) for m, lr in ((G, lr_g), (D, lr_d)))
    return G, D, optG, optD, rand(7, 2, seed=seed + 2), rand(4, 3, seed=seed + 3)


def state(module):
    return [parameter.detach().clone() for parameter in module.parameters()]


def sgd(module, loss, lr):
    """Loss and parameters after one exact step of gradient descent; `module` stays as it is."""
    module = copy.deepcopy(module)
    value = loss(module)
    gradients = torch.autograd.grad(value, list(module.parameters()))
    moved = [p.detach() - lr * g for p, g in zip(module.parameters(), gradients, strict=True)]
    return value.item(), moved


def label_cost(logits, label):
    """The mean cost of one label, by torch.distributions."""
    return -td.Bernoulli(logits=logits).log_prob(torch.full_like(logits, label)).mean()


def exact_d_step(G, D, x, z, lr=0.2):
    fake = copy.deepcopy(G)(z).detach()
    return sgd(D, lambda d: label_cost(d(x), 1.0) + label_cost(d(fake), 0.0), lr)


def exact_g_step(G, D, z, lr=0.3):
    D = copy.deepcopy(D)
    return sgd(G, lambda g: label_cost(D(g(z)), 1.0), lr)


def assert_bits(module, parameters):
    """Assert that a net has these parameters bit for bit, and that it can still be trained."""
    assert_close(state(module), parameters, rtol=0.0, atol=0.0)
    assert all(parameter.requires_grad for parameter in module.parameters())


def marked_players(**choices):
    """The players with a G that leaves a mark when it is called."""
    G, *rest = players(**choices)
    G.register_forward_pre_hook(leave_a_mark)
    return G, *rest


def step_twice(answer, G, D, *rest):
    """Make two steps; return the loss of the first, and copies of both nets after it.

    The second step is there for its loss: it shows what the first one did to the nets, before any
    assertion ends the test, and so tells wrong answers apart.
    """
    loss = answer(G, D, *rest)
    nets = copy.deepcopy(G), copy.deepcopy(D)
    answer(G, D, *rest)
    return loss, *nets


class Test_discriminator_step:
    @pytest.mark.hint("Loss of real and fake logits, backward, one step of D's own optimizer.")
    def test_exact_update(self, answer):
        """D's parameters make exactly one step of gradient descent on the discriminator's loss."""
        G, D, *rest = marked_players()
        loss, moved = exact_d_step(G, D, *rest[2:])
        found, G, D = step_twice(answer, G, D, *rest)
        assert_close(found, loss)
        assert_close(state(D), moved)

    @pytest.mark.hint("backward() adds to what is in .grad. When must it be empty, and whose?")
    def test_stale_gradients(self, answer):
        """Gradients left over from an earlier step do not count."""
        G, D, *rest = marked_players(seed=20, stale=True)
        loss, moved = exact_d_step(G, D, *rest[2:])
        found, G, D = step_twice(answer, G, D, *rest)
        assert_close(found, loss)
        assert_close(state(D), moved)

    @pytest.mark.hint("Only one optimizer steps here, and nothing may stay frozen.")
    def test_generator_untouched(self, answer):
        """G's parameters stay bit for bit what they were, and both nets can still be trained."""
        G, D, *rest = marked_players(seed=40, stale=True)
        before, loss = state(G), exact_d_step(G, D, *rest[2:])[0]
        found, G, D = step_twice(answer, G, D, *rest)
        assert_close(found, loss)
        assert_bits(G, before)
        assert_bits(D, state(D))
        assert not getattr(answer, "changed_arguments", False), "a batch was changed"

    @pytest.mark.hint("The loss is that of the net before its step, as one number.")
    def test_loss_before_step(self, answer):
        """The number returned is D's loss before the step, also where the step is large."""
        for seed in (60, 70):
            G, D, *rest = marked_players(seed=seed, lr_d=3.0)
            loss, moved = exact_d_step(G, D, *rest[2:], lr=3.0)
            found, G, D = step_twice(answer, G, D, *rest)
            assert_close(found, loss)
            assert_close(state(D), moved)

    @pytest.mark.hint(
        "After a step .grad holds that step's gradient. What must come first next time?"
    )
    def test_path(self, answer):
        """Three steps in a row follow the path of exact gradient descent."""
        G, D, *rest = marked_players(seed=80)
        before = state(G)
        for _ in range(3):
            loss, moved = exact_d_step(G, D, *rest[2:])
            assert_close(answer(G, D, *rest), loss)
            assert_close(state(D), moved)
        assert_bits(G, before)


class Test_generator_step:
    @pytest.mark.hint("Fakes through D to the non-saturating loss; backward; G's own optimizer.")
    def test_exact_update(self, answer):
        """G's parameters make exactly one step of gradient descent on the non-saturating loss."""
        G, D, *rest = players()
        loss, moved = exact_g_step(G, D, rest[-1])
        found, G, D = step_twice(answer, G, D, *rest)
        assert_close(found, loss)
        assert_close(state(G), moved)

    @pytest.mark.hint("backward() adds to what is in .grad. When must it be empty, and whose?")
    def test_stale_gradients(self, answer):
        """Gradients left over from an earlier step do not count."""
        G, D, *rest = players(seed=20, stale=True)
        loss, moved = exact_g_step(G, D, rest[-1])
        found, G, D = step_twice(answer, G, D, *rest)
        assert_close(found, loss)
        assert_close(state(G), moved)

    @pytest.mark.hint("The gradient flows through D, but only G steps, and nothing stays frozen.")
    def test_discriminator_untouched(self, answer):
        """D's parameters stay bit for bit what they were, and both nets can still be trained."""
        G, D, *rest = players(seed=40, stale=True)
        before, loss = state(D), exact_g_step(G, D, rest[-1])[0]
        found, G, D = step_twice(answer, G, D, *rest)
        assert_close(found, loss)
        assert_bits(D, before)
        assert_bits(G, state(G))
        assert not getattr(answer, "changed_arguments", False), "a batch was changed"

    @pytest.mark.hint("The loss is that of the net before its step, as one number.")
    def test_loss_before_step(self, answer):
        """The number returned is G's loss before the step, also where the step is large."""
        for seed in (60, 70):
            G, D, *rest = players(seed=seed, lr_g=3.0)
            loss, moved = exact_g_step(G, D, rest[-1], lr=3.0)
            found, G, D = step_twice(answer, G, D, *rest)
            assert_close(found, loss)
            assert_close(state(G), moved)

    @pytest.mark.hint("D's step before this one, and this step itself, leave gradients behind.")
    def test_alternation(self, answer):
        """In turn with exact steps of D, three steps follow the path of exact gradient descent."""
        G, D, *rest = players(seed=80)
        x, z = rest[2:]
        for _ in range(3):
            for parameter, value in zip(D.parameters(), exact_d_step(G, D, x, z)[1], strict=True):
                parameter.data.copy_(value)
            before = state(D)
            loss, moved = exact_g_step(G, D, z)
            assert_close(answer(G, D, *rest), loss)
            assert_close(state(G), moved)
            assert_bits(D, before)


class Test_mode_coverage:
    SQUARE = ((0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (10.0, 10.0))

    @pytest.mark.hint("For each sample: which center is nearest, and how far away is it?")
    def test_counts(self, answer):
        """Modes are counted once however many samples they have, and good samples are a share."""
        centers = numbers(*self.SQUARE, (20, 20))
        near_0, near_3 = ((0.5, 0.5), (-1, 0), (0.2, 0)), ((9, 10), (11, 9))
        samples = numbers(*near_0, (0, 3), (4, 9), *near_3, (12.5, 9.5))
        modes, good = assert_pure(answer, samples, centers, 2.0)
        assert modes == 2
        assert_close(good, 5 / 8)

    @pytest.mark.hint("The distance is Euclidean, and a sample at exactly the radius is good.")
    def test_radius(self, answer):
        """A sample at exactly the radius is good, one a little beyond is not."""
        centers = numbers(*self.SQUARE)
        samples = numbers((3, 4), (10, -4.875), (13, 6), (-4, 13))
        for radius, modes, good in [(5.0, 4, 1.0), (4.9, 1, 0.25), (4.875, 1, 0.25), (4.8, 0, 0.0)]:
            found = answer(samples, centers, radius)
            assert found[0] == modes
            assert_close(found[1], good)

    @pytest.mark.hint(
        "With a large radius a sample is near several centers. To which does it belong?"
    )
    def test_nearest_only(self, answer):
        """A sample belongs to its nearest center alone, even where the circles overlap."""
        centers = numbers((0, 0), (1, 0), (2, 0), (0, 1))
        samples = numbers((0.1, 0.2), (1.9, -0.1), (0.2, -0.3))
        modes, good = answer(samples, centers, 3.0)
        assert modes == 2
        assert_close(good, 1.0)

    @pytest.mark.hint("One sample far out must not cover a mode; one good sample is enough.")
    def test_many_samples(self, answer):
        """In three dimensions the counts agree with a search sample by sample."""
        rng = np.random.default_rng(5)
        centers = 4 * rng.standard_normal((11, 3))
        samples = centers[rng.integers(0, 7, 60)] + 0.8 * rng.standard_normal((60, 3))
        for radius in (0.7, 1.2):
            covered, good = set(), 0
            for sample in samples:
                distances = [math.dist(sample, center) for center in centers]
                if min(distances) <= radius:
                    covered.add(distances.index(min(distances)))
                    good += 1
            modes, share = answer(torch.tensor(samples), torch.tensor(centers), radius)
            assert modes == len(covered)
            assert_close(share, good / 60)


class Test_log_ratio_coeffs:
    CASES = ((0.7, 0.6, -1.1, 1.9), (-2.0, 2.5, 0.5, 0.4), (1.0, 1.5, -1.0, 1.5))

    @pytest.mark.hint("Write both log-densities, subtract, and collect powers of x.")
    def test_log_ratio(self, answer):
        """The quadratic agrees with the difference of the two log-densities at every point."""
        x = np.linspace(-5, 5, 11)
        for m1, s1, m2, s2 in self.CASES:
            quadratic = np.polyval(answer(m1, s1, m2, s2), x)
            assert_close(quadratic, stats.norm.logpdf(x, m1, s1) - stats.norm.logpdf(x, m2, s2))

    @pytest.mark.hint("Which sign must the curvature have where the data are the narrower density?")
    def test_curvature(self, answer):
        """The quadratic opens downwards where the data are narrower; equal widths leave a line."""
        assert_close(answer(0.0, 0.5, 0.0, 1.0), (-1.5, 0.0, math.log(2)))
        assert_close(answer(3.0, 1.0, 1.0, 1.0), (0.0, 2.0, -4.0))

    @pytest.mark.hint("Swapping data and fakes swaps the two labels: what happens to a logit?")
    def test_swap(self, answer):
        """Its mean under the data is the KL from data to fakes, in both directions."""
        for m1, s1, m2, s2 in self.CASES:
            kl = td.kl_divergence(td.Normal(m1, s1), td.Normal(m2, s2)).item()
            a, b, c = answer(m1, s1, m2, s2)
            assert_close(a * (m1**2 + s1**2) + b * m1 + c, kl)
            assert_close(answer(m2, s2, m1, s1), (-a, -b, -c))
