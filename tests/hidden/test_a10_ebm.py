"""Hidden tests of chapter 10: energy-based models."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import integrate, signal, stats
from scipy.special import expit, logsumexp

from autograder.testing import assert_close, assert_drawn_from, assert_pure

# Standard errors: a right sampler leaves one such band once in 26 million.
BAND = 5.5
# Smallest p-value a right sampler is allowed in a Kolmogorov-Smirnov test.
KS_P = 1e-7


def rand(*shape, low=-2.0, high=2.0, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def leaf(values):
    return torch.as_tensor(values, dtype=torch.float64).clone().requires_grad_()


# Energies are closures over tensors: they travel to the student's process by value, and gradients
# in the tensors come back.


def quadratic(m, precision):
    """Sum over coordinates of precision (x - m)^2 / 2."""
    return lambda x: (0.5 * precision * (x - m) ** 2).sum(dim=1)


def coupled(mean, precision):
    """(x - mean)^T precision (x - mean) / 2, with a precision matrix."""
    return lambda x: 0.5 * ((x - mean) @ precision * (x - mean)).sum(dim=1)


def two_wells(tilt):
    """On the line: wells near -1.2 and 1.2, of which the tilt deepens the right one."""
    return lambda x: (x[:, 0] ** 2 - 1.5) ** 2 - tilt * x[:, 0]


def network(weights):
    """One smooth hidden layer, and walls."""
    return lambda x: torch.nn.functional.softplus(2 * x @ weights).sum(1) + (x**4).sum(1) / 12


def plane(slope, other):
    return lambda x: slope * x[:, 0] + other * x[:, 1]


def shifted(energy, constant):
    return lambda x: energy(x) + constant


def bent(strength):
    """Three coupled coordinates; no row or column of the Hessian is like another."""
    return lambda x: (
        (x[:, 0] ** 2 - 1) ** 2 + strength * x[:, 0] * x[:, 1] ** 2 + torch.exp(0.5 * x[:, 2])
    )


def bent_gradient(x, strength):
    first = 4 * x[:, 0] * (x[:, 0] ** 2 - 1) + strength * x[:, 1] ** 2
    return torch.stack([first, 2 * strength * x[:, 0] * x[:, 1], 0.5 * torch.exp(0.5 * x[:, 2])], 1)


def untouched(answer):
    """Say whether the calls so far left every argument but the generator as it was."""
    return not getattr(answer, "changed_arguments", False)


class Test_energy_score:
    @pytest.mark.hint("The score points downhill in energy; each sample has a gradient of its own.")
    def test_analytic(self, answer):
        """The score of each sample is minus the gradient of its energy, worked out by hand."""
        x = rand(5, 3)
        assert_close(answer(bent(0.7), x), -bent_gradient(x, 0.7))
        assert_close(answer(bent(-2.0), x[3:4]), -bent_gradient(x[3:4], -2.0))

    @pytest.mark.hint("A constant added to E changes Z and nothing else. And your score?")
    def test_gaussian(self, answer):
        """For a quadratic energy it is the score of that Gaussian, whatever constant is added."""
        mean, factor = rand(3, seed=1), torch.eye(3, dtype=torch.float64) + 0.4 * rand(3, 3, seed=2)
        precision, x = factor @ factor.T, rand(4, 3, seed=3)
        gaussian = torch.distributions.MultivariateNormal(mean, precision_matrix=precision)
        x_leaf = leaf(x)
        (expected,) = torch.autograd.grad(gaussian.log_prob(x_leaf).sum(), x_leaf)
        for constant in (0.0, 800.0, -800.0):
            energy = shifted(coupled(mean, precision), constant)
            assert_close(answer(energy, x), expected)

    @pytest.mark.hint("Differentiate with respect to x only, on a tensor of your own.")
    def test_untouched(self, answer):
        """The batch and the parameters inside the energy are left exactly as they were."""
        x, strength = rand(5, 3), leaf(0.7)
        strength.grad = tensor(11.0)[0]
        score = assert_pure(answer, bent(strength), x)
        assert_close(score, -bent_gradient(x, 0.7))

    @pytest.mark.hint("Gradients may have been left over from earlier: .grad only ever adds up.")
    def test_stale_gradient(self, answer):
        """A batch that already requires gradients, and has an old one, gives the same score."""
        x = leaf(rand(4, 3, seed=9))
        x.grad = rand(4, 3, seed=10)
        assert_close(assert_pure(answer, bent(1.3), x), -bent_gradient(x.detach(), 1.3))


class Test_langevin_step:
    @pytest.mark.hint("Two terms are added to x: one with the score, one with the noise.")
    @pytest.mark.parametrize("step", [0.37, 0.01, 2.0])
    def test_value(self, answer, step):
        """Noise at quantile u becomes the point at quantile u of the step's Gaussian law."""
        x, score, noise = rand(4, 3, seed=1), rand(4, 3, seed=2), rand(4, 3, seed=3)
        law = stats.norm(x.numpy() + step * score.numpy(), np.sqrt(2 * step))
        assert_close(answer(x, score, step, noise), law.ppf(stats.norm.cdf(noise.numpy())))

    @pytest.mark.hint("Without noise this is one step of gradient ascent on log p.")
    def test_drift(self, answer):
        """Without noise the step moves x along the score, in proportion to the step size."""
        x, score = rand(4, 3, seed=1), rand(4, 3, low=-9, high=9, seed=2)
        zero = torch.zeros_like(x)
        for step in (0.37, 0.01, 2.0):
            assert_close((answer(x, score, step, zero) - x) / step, score)

    @pytest.mark.hint("Which variance has the noise of one step? The scale is its square root.")
    def test_noise(self, answer):
        """Where the score is zero the squared move is that of noise of variance 2 * step."""
        x, noise = rand(4, 3, seed=1), rand(4, 3, seed=3)
        for step in (0.37, 0.01, 2.0):
            move = answer(x, torch.zeros_like(x), step, noise) - x
            assert_close(move**2, 2 * step * noise**2)
            assert_close(torch.sign(move), torch.sign(noise))

    @pytest.mark.hint("Work out the variance after one step on a quadratic energy, by hand.")
    @pytest.mark.parametrize(("lam", "step"), [(1.0, 0.5), (2.0, 0.3), (4.0, 0.45)])
    def test_stationary_variance(self, answer, lam, step):
        """On a quadratic energy the exact law of the discretised chain is left as it is."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(5)
        weights = np.outer(weights, weights).ravel() / (2 * math.pi)
        variance = 1 / (lam * (1 - step * lam / 2))
        x = torch.tensor(np.repeat(1.5 + math.sqrt(variance) * nodes, 5)[:, None])
        noise = torch.tensor(np.tile(nodes, 5)[:, None])
        moved = answer(x, -lam * (x - 1.5), step, noise).numpy()[:, 0]
        assert_close(weights @ moved, 1.5)
        assert_close(weights @ (moved - 1.5) ** 2, variance)

    @pytest.mark.hint("Compute a new tensor from the arguments: change none, draw nothing.")
    def test_pure(self, answer):
        """Equal arguments give equal results, and no argument is changed."""
        x, score, noise = rand(5, seed=1), rand(5, seed=2), rand(5, seed=3)
        moved = assert_pure(answer, x, score, 0.08, noise)
        assert_close(moved - x - 0.4 * noise, 0.08 * score)

    @pytest.mark.hint("Write it entry by entry, for tensors of any rank; limit nothing.")
    def test_large_images(self, answer):
        """Batches of images, far points and steep energies are stepped like any others."""
        x, score = 300 * rand(2, 1, 4, 5, seed=1), 5000 * rand(2, 1, 4, 5, seed=2)
        noise = 3 * rand(2, 1, 4, 5, seed=3)
        assert_close(answer(x, score, 0.5, noise), x + score / 2 + noise)


class Test_langevin_sample:
    LAM, M, START = (0.7, 2.0), (1.0, -2.0), (3.0, 1.0)

    @classmethod
    def chains(cls, answer, step, n, seed, count=4000):
        """Run chains on a quadratic energy; return them with their exact mean and variance."""
        lam, m, start = (tensor(*values) for values in (cls.LAM, cls.M, cls.START))
        generator = torch.Generator().manual_seed(seed)
        x0 = start.expand(count, 2).contiguous()
        x = answer(quadratic(m, lam), x0, step, n, generator)
        a = 1 - step * lam
        variance = 2 * step * (1 - a ** (2 * n)) / (1 - a**2)
        return x.numpy(), (m + (start - m) * a**n).numpy(), variance.numpy()

    @staticmethod
    def residuals(answer, seed, step=0.05, count=4000):
        """One step on a bent energy from unequal rows; undo drift and scale: N(0, 1) is left."""
        x0 = rand(count, 3, seed=40)
        generator = torch.Generator().manual_seed(seed)
        x = answer(bent(0.7), x0, step, 1, generator)
        return ((x - x0 + step * bent_gradient(x0, 0.7)) / math.sqrt(2 * step)).numpy()

    @staticmethod
    def assert_moments(x, mean, variance):
        assert np.all(np.abs(x.mean(axis=0) - mean) < BAND * np.sqrt(variance / len(x)))
        relative = x.var(axis=0) / variance - 1
        assert np.all(np.abs(relative) < BAND * math.sqrt(2 / len(x)))

    @pytest.mark.hint("Follow mean and variance by hand through two steps on E = lam x^2 / 2.")
    def test_moments(self, answer):
        """After n steps on a quadratic energy, mean and variance are those of the exact law."""
        for n in (6, 1, 2):
            self.assert_moments(*self.chains(answer, 0.3, n, seed=n))
        self.assert_moments(*self.chains(answer, 0.004, 150, seed=7, count=150))
        assert_close(self.chains(answer, 0.3, 0, seed=3, count=7)[0], np.tile(self.START, (7, 1)))

    @pytest.mark.hint("Which law has the noise of a single step? Mean and variance do not fix it.")
    def test_law_of_one_step(self, answer):
        """After one step from any point, what the score leaves over is standard normal."""
        z = self.residuals(answer, seed=6)
        for column in z.T:
            assert stats.kstest(column, "norm").pvalue > KS_P

    @pytest.mark.hint("This chain has a bias of its own, and it is part of the algorithm.")
    def test_law_of_many_steps(self, answer):
        """After many steps the law is the discretised chain's, not exactly the target's."""
        x, mean, variance = self.chains(answer, 0.45, 20, seed=7)
        self.assert_moments(x, mean, variance)
        for column, m, v in zip(x.T, mean, variance, strict=True):
            assert stats.kstest(column, "norm", args=(m, math.sqrt(v))).pvalue > KS_P

    @pytest.mark.hint("Every chain and every coordinate needs a noise value of its own.")
    def test_independent(self, answer):
        """The noise of different chains, and of different coordinates, is uncorrelated."""
        z = self.residuals(answer, seed=8)
        n = len(z)
        assert np.all(np.abs(z.mean(axis=0)) < 0.2)
        assert np.all(z.std(axis=0) > 0.5)
        for i, j in [(0, 1), (0, 2), (1, 2)]:
            assert abs(np.mean(z[:, i] * z[:, j])) < BAND / math.sqrt(n)
        for lag in (1, 2, n // 2):
            correlation = np.mean(z[lag:] * z[:-lag], axis=0)
            assert np.all(np.abs(correlation) < BAND / math.sqrt(n - lag))

    @pytest.mark.hint("Draw from the generator you are given, and only from it; never seed it.")
    def test_generator(self, answer):
        """Every chain and coordinate moves by the generator alone; a second run goes on with it."""
        energy, x0 = quadratic(tensor(*self.M), tensor(*self.LAM)), rand(6, 2)
        for n in (1, 3):
            assert_drawn_from(
                lambda generator, n=n: answer(energy, x0, 0.3, n, generator),
                lambda seed: torch.Generator().manual_seed(seed),
            )
        assert not answer.moved_globals, "the global generator was used"

    @pytest.mark.hint("The noise of each step is the generator's: a fixed one shows in the mean.")
    def test_noise_of_each_step(self, answer):
        """Over many seeds the noise of every step averages out, chain by chain."""
        runs, lam, m = 16, tensor(*self.LAM), tensor(*self.M)
        x0 = rand(80, 2, seed=41)
        x = [
            answer(quadratic(m, lam), x0, 0.1, 3, torch.Generator().manual_seed(seed))
            for seed in range(runs)
        ]
        a = 1 - 0.1 * lam
        variance = 0.2 * (1 + a**2 + a**4)
        z = (torch.stack(x).mean(dim=0) - m - (x0 - m) * a**3) / (variance / runs).sqrt()
        assert stats.chi2.sf((z**2).sum().item(), z.numel()) > KS_P
        assert z.abs().max() > 0.1

    @pytest.mark.hint("Start from a copy of x0, and differentiate with respect to x only.")
    def test_no_side_effects(self, answer):
        """The starting points and the parameters inside the energy are left as they were."""
        x0, lam = rand(600, 2), leaf([0.7, 2.0])
        lam.grad = tensor(5.0, -5.0)
        energy = quadratic(tensor(1.0, -2.0), lam)
        x = answer(energy, x0, 0.3, 2, torch.Generator().manual_seed(5)).detach()
        assert untouched(answer)
        a = 1 - 0.3 * tensor(0.7, 2.0)
        noise = (x - tensor(1.0, -2.0) - a**2 * (x0 - tensor(1.0, -2.0))).numpy()
        self.assert_moments(noise, np.zeros(2), 0.6 * (1 + a.numpy() ** 2))

    @pytest.mark.hint("The update is the same wherever the chain is: nothing is clipped or reset.")
    def test_too_large_a_step(self, answer):
        """With a step too large for the steepest direction the chain runs away as predicted."""
        self.assert_moments(*self.chains(answer, 1.3, 5, seed=9))


class Test_log_partition_1d:
    GRID = staticmethod(lambda n=161, reach=14.0: torch.linspace(-reach, reach, n).double())

    @pytest.mark.hint("A sum over a grid becomes an integral when each value gets its width.")
    @pytest.mark.parametrize(("s", "m"), [(1.0, 0.0), (0.6, 2.0), (1.7, -1.0)])
    def test_gaussian(self, answer, s, m):
        """For a quadratic energy Z is the constant of the Gaussian, whatever its width."""
        found = assert_pure(answer, quadratic(m, 1 / s**2), self.GRID())
        assert_close(found, math.log(s * math.sqrt(2 * math.pi)))

    @pytest.mark.hint("Which exponentials are 0 or infinite here? Stay with logarithms.")
    def test_constant(self, answer):
        """A constant added to the energy is taken off log Z, exactly, when it is 3000 too."""
        for constant in (3000.0, -3000.0, 2.5):
            energy = shifted(quadratic(0.0, 1.0), constant)
            expected = 0.5 * math.log(2 * math.pi) - constant
            assert_close(answer(energy, self.GRID()) - expected, 0.0)
        # A steep bowl: off its bottom the energy is in the thousands, wherever on the grid that is.
        for m in (0.0, -6.0, 5.0):
            found = answer(quadratic(m, 60.0), self.GRID(1601, 14.0))
            assert_close(found, 0.5 * math.log(2 * math.pi / 60.0))

    @pytest.mark.hint("Log Z belongs to the energy: a finer or longer grid must not move it.")
    def test_grid(self, answer):
        """The value is that of adaptive quadrature, on a fine grid, a coarse and a longer one."""
        mass, _ = integrate.quad(lambda x: math.exp(-((x**2 - 1.5) ** 2) + 0.4 * x), -6, 6)
        for grid in (self.GRID(61, 5.0), self.GRID(601, 5.0), self.GRID(401, 30.0)):
            assert_close(answer(two_wells(0.4), grid), math.log(mass))

    @pytest.mark.hint("An energy learns through log Z too: do not leave torch.")
    def test_gradient(self, answer):
        """The gradient in a parameter is minus the model's mean of the energy's gradient."""
        m, precision = leaf(0.8), leaf(2.5)
        log_z = answer(quadratic(m, precision), self.GRID())
        found = torch.autograd.grad(log_z, [m, precision])
        assert_close(found, (tensor(0.0)[0], tensor(-0.5 / 2.5)[0]))


class Test_contrastive_divergence:
    @staticmethod
    def with_moments(mean, variance, seed, n):
        """Points (n, 1) with exactly this mean and this variance (ddof 0)."""
        x = rand(n, 1, seed=seed) ** 3
        x = (x - x.mean()) / x.std(correction=0)
        return mean + math.sqrt(variance) * x

    @pytest.mark.hint("Minimising should lower the energy of data and raise that of negatives.")
    def test_value(self, answer):
        """It is the mean energy of the data less that of the negatives, of either sign."""
        energy = plane(1.0, 10.0)
        x = tensor(1.0, 0.0, 3.0, 1.0, 2.0, 0.5).reshape(3, 2)
        xneg = tensor(4.0, 2.0, 0.0, 1.0).reshape(2, 2)
        assert_close(assert_pure(answer, energy, x, xneg), 7.0 - 17.0)
        assert_close(answer(energy, xneg, x), 17.0 - 7.0)

    @pytest.mark.hint("Zero of energy is arbitrary: which losses do not notice where it is?")
    def test_constant(self, answer):
        """A constant added to the energy does not matter, however large it is."""
        x, xneg = rand(5, 3), rand(7, 3, seed=6)
        expected = bent(0.7)(x).numpy().sum() / 5 - bent(0.7)(xneg).numpy().sum() / 7
        for constant in (0.0, 1000.0, -1000.0):
            assert_close(answer(shifted(bent(0.7), constant), x, xneg), expected)

    @pytest.mark.hint("Both terms must reach the parameters. Compare with the derivation by hand.")
    def test_likelihood_gradient(self, answer):
        """With negatives that have the model's moments it is the exact likelihood gradient."""
        x = self.with_moments(0.4, 1.7, seed=1, n=9)
        m, precision = leaf(-0.5), leaf(1.6)
        negatives = self.with_moments(-0.5, 1 / 1.6, seed=2, n=6)
        loss = answer(quadratic(m, precision), x, negatives)
        found = torch.autograd.grad(loss, [m, precision])

        def nll(m, precision):
            return -stats.norm.logpdf(x.numpy(), m, precision**-0.5).mean()

        h = 1e-5
        d_m = (nll(-0.5 + h, 1.6) - nll(-0.5 - h, 1.6)) / (2 * h)
        d_precision = (nll(-0.5, 1.6 + h) - nll(-0.5, 1.6 - h)) / (2 * h)
        assert_close(found, (tensor(d_m)[0], tensor(d_precision)[0]))

    @pytest.mark.hint("The sampler is not what is trained: how does xneg enter the graph?")
    def test_negatives_are_constants(self, answer):
        """Where negatives carry a graph, no gradient flows back into them."""
        strength, shift = leaf(0.7), leaf(0.3)
        x, xneg = rand(5, 3), rand(4, 3, seed=6) + shift
        loss = answer(bent(strength), x, xneg)
        found = torch.autograd.grad(loss, [strength, shift], allow_unused=True)
        found = [torch.zeros(()) if one is None else one for one in found]
        data, model = ((t[:, 0] * t[:, 1] ** 2).mean() for t in (x, xneg.detach()))
        assert_close(found, (data - model, tensor(0.0)[0]))

    @pytest.mark.hint("At the maximum of the likelihood model and data agree. What is left there?")
    def test_learns_the_moments(self, answer):
        """Gradient steps with this loss lead the model to the mean and variance of the data."""
        x = self.with_moments(0.4, 0.5, seed=1, n=9)
        m, precision = leaf(0.0), leaf(1.0)
        for _ in range(6):
            negatives = self.with_moments(m.item(), 1 / precision.item(), seed=2, n=6)
            loss = answer(quadratic(m, precision), x, negatives)
            d_m, d_precision = torch.autograd.grad(loss, [m, precision])
            with torch.no_grad():  # Newton's steps, with the curvature of the exact likelihood
                m -= d_m / precision
                precision -= d_precision * 2 * precision**2
            assert abs(m) < 10
            assert 0.1 < precision < 10
        assert_close([m.item(), precision.item()], [0.4, 2.0], rtol=1e-2)


class Test_score_matching_energy:
    @staticmethod
    def by_hand(x, strength):
        gradient = bent_gradient(x, strength)
        laplacian = 12 * x[:, 0] ** 2 - 4 + 2 * strength * x[:, 0] + 0.25 * torch.exp(0.5 * x[:, 2])
        return (0.5 * gradient.square().sum(dim=1) - laplacian).mean()

    @pytest.mark.hint("Half the squared gradient, less the second derivatives on the diagonal.")
    def test_by_hand(self, answer):
        """On coupled coordinates it agrees with derivatives worked out by hand."""
        x = rand(5, 3)
        assert_close(answer(bent(leaf(0.7)), x), self.by_hand(x, 0.7))
        assert_close(answer(bent(leaf(-1.5)), x[:2]), self.by_hand(x[:2], -1.5))

    @pytest.mark.hint("The Laplacian is the trace of the Hessian: leave out the rest of it.")
    def test_hessian(self, answer):
        """It agrees with the trace of the full Hessian of each sample, computed one by one."""
        energy, x = network(leaf(rand(12, 6, seed=1))), rand(3, 12, seed=2)
        total = 0.0
        for row in x:
            gradient = torch.autograd.functional.jacobian(lambda r: energy(r[None])[0], row)
            hessian = torch.autograd.functional.hessian(lambda r: energy(r[None])[0], row)
            total += 0.5 * gradient @ gradient - torch.trace(hessian)
        assert_close(assert_pure(answer, energy, x), total / 3)

    @pytest.mark.hint("The loss is used to train E: keep the graph of the first derivatives.")
    def test_parameter_gradient(self, answer):
        """The gradient in a parameter of the energy is that of the exact loss."""
        x, strength, h = rand(5, 3), leaf(0.7), 1e-5
        (found,) = torch.autograd.grad(answer(bent(strength), x), strength)
        difference = self.by_hand(x, 0.7 + h) - self.by_hand(x, 0.7 - h)
        assert_close(found, difference / (2 * h))

    @pytest.mark.hint("Minimise the loss of a quadratic energy by hand: which mean and variance?")
    def test_gaussian_optimum(self, answer):
        """For a quadratic energy it is smallest at the mean and variance of the sample."""
        x = rand(7, 2, seed=3) ** 3
        m, precision = leaf(x.mean(0)), leaf(1 / x.var(0, correction=0))
        loss = answer(quadratic(m, precision), x)
        assert_close(loss, -0.5 * precision.sum())
        assert_close(torch.autograd.grad(loss, [m, precision]), [torch.zeros(2), torch.zeros(2)])
        m, precision = leaf([0.1, -0.2]), leaf([1.5, 0.4])
        found = torch.autograd.grad(answer(quadratic(m, precision), x), [m, precision])
        deviation, lam = (x - tensor(0.1, -0.2)), tensor(1.5, 0.4)
        assert_close(found[0], -(lam**2) * deviation.mean(0))
        assert_close(found[1], lam * deviation.square().mean(0) - 1)

    @pytest.mark.hint("Where does Z stand in this loss?")
    def test_no_normaliser(self, answer):
        """A constant added to the energy changes nothing; seeing each sample twice neither."""
        x = rand(4, 3, seed=8)
        for constant in (900.0, -900.0):
            energy = shifted(bent(leaf(0.7)), constant)
            assert_close(answer(energy, x.repeat(2, 1)), self.by_hand(x, 0.7))


class Test_nce_loss:
    @staticmethod
    def batch(nu, seed=5):
        lm_d, ln_d = rand(4, seed=seed), rand(4, low=-4, high=1, seed=seed + 1)
        lm_n, ln_n = rand(4 * nu, seed=seed + 2), rand(4 * nu, low=-4, high=1, seed=seed + 3)
        return lm_d, ln_d, lm_n, ln_n

    @pytest.mark.hint("Bayes' rule: among 1 + nu points one is a datum. What is h?")
    @pytest.mark.parametrize("nu", [1, 3])
    def test_bayes(self, answer, nu):
        """It is the cross-entropy of telling data from noise by Bayes' rule."""
        batch = self.batch(nu)
        p_d, q_d, p_n, q_n = (np.exp(t.numpy()) for t in batch)
        datum = p_d / (p_d + nu * q_d)
        noise = nu * q_n / (p_n + nu * q_n)
        expected = -np.log(datum).mean() - nu * np.log(noise).mean()
        assert_close(assert_pure(answer, *batch, nu), expected)

    @pytest.mark.hint("Where model and noise are equal, nothing but the proportion is known.")
    def test_indistinguishable(self, answer):
        """A model that equals the noise pays the entropy of the proportion 1 to nu."""
        for nu in (1, 2, 5):
            ln_d, ln_n = rand(3, seed=1), rand(3 * nu, seed=2)
            h = 1 / (1 + nu)
            entropy = -h * math.log(h) - (1 - h) * math.log(1 - h)
            assert_close(answer(ln_d, ln_d, ln_n, ln_n, nu), (1 + nu) * entropy)

    @pytest.mark.hint("Probabilities round to 0 and 1 here: work with the log-ratio itself.")
    def test_extremes(self, answer):
        """Log-ratios of plus and minus 900, and of 0, give exact values and gradients."""
        lm_d, zero = leaf([900.0, -900.0]), torch.zeros(2).double()
        lm_n, zeros = leaf([900.0, -900.0, -900.0, 900.0]), torch.zeros(4).double()
        loss = answer(lm_d, zero, lm_n, zeros, 2)
        assert_close(loss, (900 + math.log(2)) / 2 + 2 * (900 - math.log(2)) / 2)
        found = torch.autograd.grad(loss, [lm_d, lm_n])
        assert_close(found, [tensor(0.0, -0.5), tensor(0.5, 0.0, 0.0, 0.5)])
        # Model and noise equal, in equal proportion: the log-ratio is 0 itself.
        lm_d, lm_n = leaf([1.5, -2.0]), leaf([0.25, 3.0])
        loss = answer(lm_d, lm_d.detach(), lm_n, lm_n.detach(), 1)
        found = torch.autograd.grad(loss, [lm_d, lm_n])
        assert_close(found, [tensor(-0.25, -0.25), tensor(0.25, 0.25)])

    @pytest.mark.hint("Treat -log Z as one more parameter: where is the loss stationary in it?")
    @pytest.mark.parametrize("nu", [1, 3])
    def test_learns_the_normaliser(self, answer, nu):
        """On a space of three states the loss is stationary exactly at the true normaliser."""
        data = torch.tensor([0, 0, 0, 1, 1, 2])
        noise = torch.tensor([0, 1, 1, 2, 2, 2]).repeat(nu)
        log_q = tensor(1 / 6, 2 / 6, 3 / 6).log()
        unnormalised = tensor(3.0, 2.0, 1.0).log() + 2.0
        for wrong_by in (0.0, 0.8, -0.8):
            c = leaf(-math.log(6) - 2.0 + wrong_by)
            log_p = unnormalised + c
            loss = answer(log_p[data], log_q[data], log_p[noise], log_q[noise], nu)
            (slope,) = torch.autograd.grad(loss, c)
            h = expit((log_p.detach() - log_q - math.log(nu)).numpy())
            assert_close(slope, -(1 - h)[data].mean() + nu * h[noise].mean())
            assert (abs(slope) < 1e-9) == (wrong_by == 0.0)

    @pytest.mark.hint("Both halves teach the model: data from below, noise from above.")
    def test_gradient(self, answer):
        """The gradient raises the model at data and lowers it at noise, by what is mistaken."""
        lm_d, ln_d, lm_n, ln_n = self.batch(3, seed=15)
        lm_d, lm_n = leaf(lm_d), leaf(lm_n)
        found = torch.autograd.grad(answer(lm_d, ln_d, lm_n, ln_n, 3), [lm_d, lm_n])
        h_d = expit((lm_d.detach() - ln_d).numpy() - math.log(3))
        h_n = expit((lm_n.detach() - ln_n).numpy() - math.log(3))
        assert_close(found, [torch.tensor(-(1 - h_d) / 4), torch.tensor(3 * h_n / 12)])


class Test_gelman_rubin:
    @staticmethod
    def squared(chains):
        """R-hat squared by sums of squares: total less within is between."""
        chains = np.asarray(chains)
        m, n = chains.shape
        total = ((chains - chains.mean()) ** 2).sum()
        within = ((chains - chains.mean(axis=1, keepdims=True)) ** 2).sum()
        w = within / (m * (n - 1))
        return (n - 1) / n + (total - within) / (n * (m - 1)) / w

    @pytest.mark.hint("Variance of each chain, then their mean; mean of each chain, then variance.")
    def test_definition(self, answer):
        """It agrees with an analysis of variance, for few long and for many short chains."""
        for shape, seed in [((3, 40), 1), ((7, 2), 2), ((2, 5), 3)]:
            spread = torch.linspace(0.2, 3, shape[0], dtype=torch.float64)[:, None]
            chains = rand(*shape, seed=seed) * spread + rand(shape[0], 1, seed=seed + 10)
            assert_close(assert_pure(answer, chains), math.sqrt(self.squared(chains)))

    @pytest.mark.hint("Every chain looks fine by itself. What tells you that they disagree?")
    def test_stuck(self, answer):
        """Two chains that sit in different wells are reported, the more so the further apart."""
        inside = tensor(1.0, -1.0, 1.0, -1.0, 1.0, -1.0)
        for distance in (2.0, 20.0, 200.0):
            chains = torch.stack([inside, inside + distance])
            assert_close(answer(chains), math.sqrt(5 / 6 + distance**2 / 2 / 1.2))

    @pytest.mark.hint("If all chain means agree, which factor is left?")
    def test_agreeing(self, answer):
        """Chains with equal means give a little less than 1, the closer the longer they are."""
        for n in (4, 10, 50):
            wave = torch.linspace(-1, 1, n, dtype=torch.float64)
            chains = torch.stack([wave, -2 * wave, 0.5 * wave]) + 30
            assert_close(answer(chains), math.sqrt(1 - 1 / n))

    @pytest.mark.hint("R-hat compares two variances: units and zero cancel.")
    def test_units(self, answer):
        """It does not depend on units, on zero, or on the order of chains and of time."""
        chains = rand(4, 9, seed=4) + rand(4, 1, seed=5)
        expected = math.sqrt(self.squared(chains))
        assert_close(answer(1000 * chains - 7), expected)
        assert_close(answer(chains + 31234567.3), expected)
        assert_close(answer(-0.01 * chains.flip(1)[[2, 0, 3, 1]]), expected)


class Test_effective_sample_size:
    @staticmethod
    def expected(chain):
        """By the full correlation of scipy, cut where it first is not positive."""
        centred = np.asarray(chain) - np.mean(np.asarray(chain))
        full = signal.correlate(centred, centred, method="direct")[len(centred) - 1 :]
        rho = full / full[0]
        cut = int(np.argmax(rho <= 0))
        return len(centred) / (1 + 2 * rho[1:cut].sum())

    @staticmethod
    def walk(a, n, seed, m=0.0):
        """A chain x_{t+1} = a x_t + noise, around m."""
        noise = rand(n, seed=seed).numpy()
        return torch.tensor(m + signal.lfilter([1.0], [1.0, -a], noise))

    @pytest.mark.hint("Correlations at all lags count twice, up to the first that is not positive.")
    def test_definition(self, answer):
        """It agrees with an independent correlation routine, for quick and for slow chains."""
        for a, n in [(0.9, 200), (0.5, 61), (0.98, 400), (0.0, 90)]:
            chain = self.walk(a, n, seed=int(100 * a) + 1)
            assert_close(assert_pure(answer, chain), self.expected(chain))

    @pytest.mark.hint("Work it out by hand: four numbers, lag by lag, with divisor 4.")
    def test_four_states(self, answer):
        """Chains of four states give the number that a calculation by hand gives."""
        assert_close(answer(tensor(1.0, 1.0, -1.0, -1.0)), 4 / 1.5)
        assert_close(answer(tensor(3.0, 1.0, -1.0, -3.0)), 4 / 1.5)
        assert_close(answer(tensor(5.0, 1.0, 1.0, 1.0)), 4.0)

    @pytest.mark.hint("Zero is not positive: the sum ends before it, whatever comes later.")
    def test_zero(self, answer):
        """The sum ends before a correlation of zero, though positive ones come after it."""
        chains = (
            [4, 1, 4, -4, -1, -3, -1, 1, -1],
            [2, 0, 2, 2, -2, 0, -4],
            [-1, 4, 2, -1, 3, 0, -3, -1, -3],
            [-4, -4, 2, -1, 3, 1, 4, -2, 1],
            [-3, 0, 0, 1, 0, 2],
            [0, 4, 0, 0, -3, 0, -1],
            [2, -4, 0, -4, 0, 2, 4],
            [-3, -1, -2, 2, -2, 3, 3],
        )
        found = np.array([answer(tensor(*map(float, chain))) for chain in chains])
        expected = []
        for chain in chains:  # Their mean is 0: these are whole numbers, without rounding.
            c = np.correlate(chain, chain, mode="full")[len(chain) - 1 :]
            expected.append(len(chain) / (1 + 2 * c[1 : np.argmax(c <= 0)].sum() / c[0]))
        # By Fourier transforms a zero is a rounding of either sign: one of them must do.
        assert np.isclose(found, expected).any()

    @pytest.mark.hint("Subtract the mean first; divide by the variance.")
    def test_units(self, answer):
        """It does not depend on units, on zero, or on the direction of time."""
        chain = self.walk(0.8, 150, seed=7)
        for moved in (1000 * chain + 40, 0.001 * chain - 30, -chain.flip(0), chain + 31234567.3):
            assert_close(answer(moved), self.expected(chain))

    @pytest.mark.hint("If the first correlation is negative already, what is left of the sum?")
    def test_alternating(self, answer):
        """A chain that alternates counts in full, one that is stuck for long hardly at all."""
        noise = rand(80, seed=3)
        sign = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(40)
        assert_close(answer(sign * (3 + noise)), 80.0)
        chain = 5 * sign.sort().values + 0.1 * noise
        assert answer(chain) < 4
        assert_close(answer(chain), self.expected(chain))
        drift = torch.linspace(-1, 1, 700, dtype=torch.float64) + 0.01 * rand(700, seed=4)
        assert_close(answer(drift), self.expected(drift))


class Test_mala_log_accept:
    @staticmethod
    def expected(x, y, energy, score, h):
        there = torch.distributions.Normal(x + h * score(x), math.sqrt(2 * h)).log_prob(y).sum(1)
        back = torch.distributions.Normal(y + h * score(y), math.sqrt(2 * h)).log_prob(x).sum(1)
        return energy(x) - energy(y) + back - there

    @pytest.mark.hint("Write down log q(y|x), a Gaussian around x + h * score, and log q(x|y).")
    @pytest.mark.parametrize("h", [0.05, 0.4, 1.3])
    def test_definition(self, answer, h):
        """The log-ratio agrees with densities of the proposal taken from a library."""
        x, y, score = rand(5, 3, seed=1), rand(5, 3, seed=2), lambda x: -bent_gradient(x, 0.7)
        expected = self.expected(x, y, bent(0.7), score, h)
        assert_close(assert_pure(answer, x, y, bent(0.7), h), expected)

    @pytest.mark.hint("Swap x and y: what becomes of the ratio?")
    def test_antisymmetric(self, answer):
        """The way back has the opposite log-ratio, on a Gaussian as a calculation by hand says."""
        x, y = rand(6, 1, seed=1), rand(6, 1, seed=2)
        energy, h = quadratic(0.0, 2.0), 0.3
        by_hand = (h * 2.0**2 / 4) * (x**2 - y**2)[:, 0]
        assert_close(answer(x, y, energy, h), by_hand)
        assert_close(answer(y, x, energy, h), -by_hand)

    @pytest.mark.hint("A proposal that stays where it is changes nothing.")
    def test_staying(self, answer):
        """Staying has log-ratio 0; where the energy jumps by thousands the number is exact."""
        x, y = tensor(40.0, 1.0, 2.0).reshape(3, 1), tensor(0.0, -60.0, 2.0).reshape(3, 1)
        by_hand = (0.1 * 3.0**2 / 4) * (x**2 - y**2)[:, 0]
        assert_close(answer(x, y, quadratic(0.0, 3.0), 0.1), by_hand)
        assert by_hand[2] == 0


RBM_W = ((0.8, -1.1), (-0.4, 0.9), (1.3, 0.2))
RBM_B, RBM_C = (0.3, -0.7, 0.5), (-0.6, 0.4)


def rbm():
    return torch.tensor(RBM_W).double(), tensor(*RBM_B), tensor(*RBM_C)


def binary(n):
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)), dtype=torch.float64)


class Test_rbm_free_energy:
    @pytest.mark.hint("Sum exp(-E) over the hidden units, one unit at a time: the sum factorises.")
    def test_enumeration(self, answer):
        """It agrees with the sum over all states of the hidden units."""
        W, b, c = rbm()
        v, h = binary(3), binary(2)
        minus_energy = (v @ b)[:, None] + h @ c + v @ W @ h.T
        assert_close(assert_pure(answer, v, W, b, c), -logsumexp(minus_energy.numpy(), axis=1))

    @pytest.mark.hint("The exponential of 900 is infinite: which function avoids it?")
    def test_extremes(self, answer):
        """Inputs of plus and minus 900 to a hidden unit give exact, finite values."""
        W = torch.tensor([[900.0, -900.0], [-1800.0, 1800.0]]).double()
        b, c, v = tensor(2.0, -3.0), tensor(0.0, 0.0), tensor(1.0, 0.0, 0.0, 1.0).reshape(2, 2)
        assert_close(answer(v, W, b, c), tensor(-902.0, -1797.0))

    @pytest.mark.hint("The machine learns through this number: do not leave torch.")
    def test_gradients(self, answer):
        """The gradients in weights and biases are minus the mean of the units' products."""
        v = binary(3)[[1, 3, 6, 7]]
        # The second machine's inputs to its hidden units are 0 itself, 900 and -900, and between.
        extreme = torch.tensor([[0.0, 900.0], [-900.0, 0.0], [900.0, 1.0]]).double()
        for machine in (rbm(), (extreme, tensor(1.0, 0.0, -1.0), tensor(0.0, -900.0))):
            W, b, c = (leaf(t) for t in machine)
            found = torch.autograd.grad(answer(v, W, b, c).sum(), [W, b, c])
            p = torch.tensor(expit((v @ W + c).detach().numpy()))
            assert_close(found, [-(v.T @ p), -v.sum(0), -p.sum(0)])


class Test_gibbs_step:
    @pytest.mark.hint("First h from v, then the new v from that h; each side has its own bias.")
    def test_thresholds(self, answer):
        """Units switch on exactly where the uniform number is below their probability."""
        W, b, c = rbm()
        v = binary(3)[[5, 2, 7, 0]]
        ph = torch.tensor(expit((v @ W + c).numpy()))
        h = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0]]).double()
        pv = torch.tensor(expit((h @ W.T + b).numpy()))
        new = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 0]]).double()
        # Just below the probability where the unit is to be on, just above where it is not.
        uh, uv = ph + 1e-3 * (1 - 2 * h), pv + 1e-3 * (1 - 2 * new)
        assert_close(assert_pure(answer, v, W, b, c, uh, uv), (new, h))

    @pytest.mark.hint("Exactly where the uniform number is smaller: what happens in a tie?")
    def test_tie(self, answer):
        """With all probabilities 1/2, numbers below it give 1, and 1/2 itself gives 0."""
        zero = torch.zeros(3, 2, dtype=torch.float64)
        uh = tensor(0.5, 0.49, 0.51, 0.5, 0.0, 0.99).reshape(3, 2)
        uv = tensor(0.2, 0.5, 0.5, 0.3, 0.7, 0.1).reshape(3, 2)
        new, h = answer(binary(2)[:3], zero[:2], zero[0], zero[0], uh, uv)
        assert_close(h, tensor(0, 1, 0, 0, 1, 0).reshape(3, 2))
        assert_close(new, tensor(1, 0, 0, 1, 0, 1).reshape(3, 2))

    @pytest.mark.hint("Which law of (v, h) do both half-steps leave as it is?")
    def test_invariant_law(self, answer):
        """The step leaves the joint law of visible and hidden units exactly as it is."""
        unit = math.log(3)  # all probabilities are multiples of 1/4, so that 4 uniforms are exact
        W = unit * torch.tensor([[1.0, 1.0], [-1.0, 1.0]]).double()
        b, c = unit * tensor(-1.0, 0.0), unit * tensor(0.0, -1.0)
        quarter = (torch.arange(4).double() + 0.5) / 4
        grid = torch.cartesian_prod(quarter, quarter, quarter, quarter)
        states = binary(2)
        v, u = states.repeat_interleave(256, dim=0), grid.repeat(4, 1)
        new, h = answer(v, W, b, c, u[:, :2].contiguous(), u[:, 2:].contiguous())
        joint = torch.exp((states @ b)[:, None] + states @ c + states @ W @ states.T)
        joint = (joint / joint.sum()).numpy()
        weight = np.repeat(joint.sum(axis=1), 256) / 256
        found = np.zeros((4, 4))
        new, h = ((2 * s[:, 0] + s[:, 1]).round().long().numpy() for s in (new, h))
        np.add.at(found, (new, h), weight)
        assert_close(found, joint)


class Test_is_log_partition:
    @pytest.mark.hint("Each sample has a weight exp(-e)/q; the estimate is their mean.")
    def test_even_proposal(self, answer):
        """With an even grid as samples of a uniform proposal it is the integral itself."""
        x = torch.linspace(-9.95, 9.95, 200, dtype=torch.float64)
        logq = torch.full((200,), -math.log(20.0), dtype=torch.float64)
        for s, constant in [(1.0, 0.0), (0.5, 1.7)]:
            e = 0.5 * (x / s) ** 2 + constant
            expected = math.log(s * math.sqrt(2 * math.pi)) - constant
            assert_close(assert_pure(answer, e, logq), expected)

    @pytest.mark.hint("Weights of exp(2000) are infinite: stay with logarithms.")
    def test_shift(self, answer):
        """Energies near plus and minus 2000 give exact, finite values."""
        e, logq = rand(6, seed=1), rand(6, seed=2)
        expected = np.log(np.exp((-e - logq).numpy()).mean())
        for constant in (2000.0, -2000.0):
            assert_close(answer(e + constant, logq) + constant - float(expected), 0.0)
        # One weight counts, whether of the first sample or the last; the others are far below it.
        for e in (tensor(-2000.0, 2000.0, 1500.0), tensor(2000.0, 100.0, -2000.0)):
            assert_close(answer(e, tensor(-1.0, 0.0, -1.0)) - 2001.0 + math.log(3), 0.0)
        # A proposal that finds its samples beyond floats improbable, or probable.
        for constant in (2000.0, -2000.0):
            assert_close(answer(e - e, tensor(0.0, 0.0, 0.0) + constant) + constant, 0.0)

    @pytest.mark.hint("Average weights, not their logarithms; and over how many samples?")
    def test_unbiased(self, answer):
        """Averaged over all pairs of draws from a discrete proposal, the estimate of Z is exact."""
        q, energies = np.array([0.5, 0.3, 0.2]), np.array([0.4, -1.0, 2.0])
        average = 0.0
        for pair in itertools.product(range(3), repeat=2):
            e, logq = torch.tensor(energies[list(pair)]), torch.tensor(np.log(q[list(pair)]))
            average += q[list(pair)].prod() * math.exp(answer(e, logq))
        assert_close(average, np.exp(-energies).sum())
