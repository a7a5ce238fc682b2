"""Hidden tests of chapter 3: variational autoencoders."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.distributions as td
from scipy import stats
from scipy.special import expit, logsumexp

from autograder.testing import assert_close, assert_drawn_from, assert_pure

# Five standard errors: a right sampler fails one such band in 1.7 million.
BAND = 5.0
# Smallest p-value a right sampler is allowed in a Kolmogorov-Smirnov test.
KS_P = 1e-6


def rand(*shape, low=-2.0, high=2.0, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def grads(output, *inputs):
    """Gradients of the sum of `output`, weighted unequally so that mixed-up entries show."""
    weights = torch.arange(1, output.numel() + 1, dtype=output.dtype).reshape(output.shape)
    return torch.autograd.grad((weights * output).sum(), inputs)


def leaf(tensor):
    return tensor.clone().requires_grad_()


def hermite(n=40):
    """Nodes and weights of E[g(eps)], eps ~ N(0, 1); exact for polynomials below degree 2n."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return nodes, weights / math.sqrt(2 * math.pi)


def kl_by_quadrature(mq, lq, mp, lp):
    """KL(q || p) from its definition: E_q[log q - log p] by Gauss-Hermite, per coordinate."""
    nodes, weights = hermite(8)
    mq, lq, mp, lp = (t.numpy()[..., None] for t in (mq, lq, mp, lp))
    z = mq + np.exp(lq / 2) * nodes
    log_q = stats.norm.logpdf(z, mq, np.exp(lq / 2))
    log_p = stats.norm.logpdf(z, mp, np.exp(lp / 2))
    return ((log_q - log_p) * weights).sum(axis=(-1, -2))


class Test_gaussian_logprob:
    @pytest.mark.hint("Write log N for one coordinate, then sum over the coordinates.")
    def test_density(self, answer):
        """The log-density of each sample agrees with an independent implementation."""
        x, mu, logvar = rand(5, 3, seed=1), rand(5, 3, seed=2), rand(5, 3, low=-4, high=3, seed=3)
        expected = stats.norm.logpdf(x, mu, torch.exp(logvar / 2)).sum(axis=1)
        assert_close(assert_pure(answer, x, mu, logvar), expected)

    @pytest.mark.hint("Each of the three terms of log N is needed for this, the constant too.")
    def test_integrates_to_one(self, answer):
        """The exponential of the log-density integrates to 1, with the mean and variance asked."""
        for mean, logvar in [(0.7, -2.5), (-1.3, 1.6)]:
            sigma = math.exp(logvar / 2)
            x = torch.linspace(mean - 9 * sigma, mean + 9 * sigma, 1201, dtype=torch.float64)
            full = torch.full((1201, 1), 1.0, dtype=torch.float64)
            density = answer(x[:, None], mean * full, logvar * full).exp()
            assert_close(torch.trapezoid(density, x), 1.0)
            assert_close(torch.trapezoid(density * (x - mean) ** 2, x), sigma**2)

    @pytest.mark.hint("Stay with logarithms: the density itself is smaller than any float.")
    def test_far_point(self, answer):
        """Forty deviations from the mean, and for any log-variance, the log-density is exact."""
        mu, logvar = rand(4, 3), rand(4, 3, low=-3, high=2, seed=6)
        steps = torch.tensor([40.0, -40.0, 39.0], dtype=torch.float64)
        x = mu + steps * torch.exp(logvar / 2)
        constant = -0.5 * (3 * math.log(2 * math.pi) + logvar.sum(dim=1))
        assert_close(answer(x, mu, logvar), constant - 0.5 * (40**2 + 40**2 + 39**2))
        # Any number is a log-variance: nothing is clamped, nothing added.
        logvar = torch.tensor([[50.0, 3.0], [-12.0, 40.0], [-11.0, -12.0]], dtype=torch.float64)
        mu, steps = rand(3, 2), rand(3, 2, seed=6)
        x = mu + steps * torch.exp(logvar / 2)
        expected = -0.5 * (math.log(2 * math.pi) + logvar + steps**2).sum(dim=1)
        assert_close(answer(x, mu, logvar), expected)

    @pytest.mark.hint("Gradients must reach the mean and the log-variance: do not leave torch.")
    def test_gradients(self, answer):
        """The gradients in the mean and the log-variance are those of the Gaussian density."""
        x, mu, logvar = rand(4, 2, seed=1), leaf(rand(4, 2, seed=2)), leaf(rand(4, 2, seed=3))
        g_mu, g_logvar = grads(answer(x, mu, logvar), mu, logvar)
        weights = torch.arange(1.0, 5.0, dtype=torch.float64)[:, None]
        delta, var = (x - mu).detach(), logvar.detach().exp()
        assert_close(g_mu, weights * delta / var)
        assert_close(g_logvar, weights * 0.5 * (delta**2 / var - 1))


class Test_bernoulli_logprob:
    @pytest.mark.hint("Both x log p and (1 - x) log(1 - p) count; p is the sigmoid of the logit.")
    def test_grey_pixels(self, answer):
        """The value agrees with the formula in probabilities, for grey and for binary pixels."""
        x, logits = rand(5, 4, low=0, high=1), rand(5, 4, low=-5, high=5, seed=6)
        x[0], x[1] = 0.0, 1.0
        p = expit(logits.numpy())
        expected = (x.numpy() * np.log(p) + (1 - x.numpy()) * np.log(1 - p)).sum(axis=1)
        assert_close(assert_pure(answer, x, logits), expected)

    @pytest.mark.hint("A log-probability per image: sum over the pixels, do not average.")
    def test_probabilities_sum_to_one(self, answer):
        """The probabilities of all binary images of four pixels sum to 1."""
        images = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)), dtype=torch.float64)
        logits = torch.tensor([0.3, -1.2, 2.0, -0.4], dtype=torch.float64).expand(16, 4)
        probabilities = answer(images, logits).double().exp()
        assert_close(probabilities.sum(), 1.0)
        assert_close(images.T @ probabilities, expit(logits[0].numpy()))

    @pytest.mark.hint("The sigmoid of 800 is exactly 1: work with the logit itself, not with p.")
    def test_extreme_logits(self, answer):
        """Logits of plus and minus 800 give exact, finite values."""
        x = torch.tensor([[1, 0.5], [0, 0.5], [0.25, 1], [1, 0.75]], dtype=torch.float64)
        logits = torch.tensor([[800, 0], [800, 0], [-900, 3], [-800, -700]], dtype=torch.float64)
        log2, tail = math.log(2), math.log1p(math.exp(-3))
        expected = [-log2, -800 - log2, -225 - tail, -800 - 525]
        assert_close(answer(x, logits), torch.tensor(expected, dtype=torch.float64))

    @pytest.mark.hint("The decoder learns through this number: the gradient must not vanish.")
    def test_gradient(self, answer):
        """The gradient in a logit is the pixel minus its probability, for extreme logits too."""
        x = rand(3, 4, low=0, high=1)
        logits = rand(3, 4, low=-3, high=3, seed=6)
        logits[1, 1], logits[2, 0] = 800.0, -800.0
        logits = leaf(logits)
        (gradient,) = grads(answer(x, logits), logits)
        weights = np.arange(1, 4)[:, None]
        assert_close(gradient, weights * (x.numpy() - expit(logits.detach().numpy())))


class Test_kl_standard:
    @pytest.mark.hint("Each coordinate adds four terms; sum them over the latent coordinates.")
    def test_definition(self, answer):
        """The KL of each sample agrees with its definition, integrated numerically."""
        mu, logvar = rand(5, 3), rand(5, 3, low=-3, high=2, seed=6)
        zero = torch.zeros(5, 3, dtype=torch.float64)
        assert_close(assert_pure(answer, mu, logvar), kl_by_quadrature(mu, logvar, zero, zero))

    @pytest.mark.hint("With variance 1 only the mean's term is left. What remains of it?")
    def test_moved(self, answer):
        """At variance 1 the KL is half the squared length of the mean, and 0 at the prior."""
        mu = torch.tensor([[3.0, -4.0], [0.0, 0.0], [1.0, 2.0]], dtype=torch.float64)
        logvar = torch.zeros(3, 2, dtype=torch.float64)
        assert_close(answer(mu, logvar), 0.5 * mu.square().sum(dim=1))

    @pytest.mark.hint("Set the mean to 0 and let the variance tend to 0 or to infinity.")
    def test_widened_and_narrowed(self, answer):
        """The KL grows whether the posterior is much narrower or much wider than the prior."""
        logvar = torch.tensor([[-30.0], [-2.0], [2.0], [9.0]], dtype=torch.float64)
        variance = np.exp([-30.0, -2.0, 2.0, 9.0])
        expected = 0.5 * (variance - 1 - np.log(variance))
        assert_close(answer(torch.zeros_like(logvar), logvar), expected)

    @pytest.mark.hint("The encoder learns through both arguments: do not leave torch.")
    def test_gradients(self, answer):
        """The gradients pull the mean to 0 and the variance to 1."""
        mu, logvar = leaf(rand(4, 3)), leaf(rand(4, 3, seed=6))
        g_mu, g_logvar = grads(answer(mu, logvar), mu, logvar)
        weights = torch.arange(1.0, 5.0, dtype=torch.float64)[:, None]
        assert_close(g_mu, weights * mu.detach())
        assert_close(g_logvar, weights * torch.expm1(logvar.detach()) / 2)


class Test_kl_two_gaussians:
    @staticmethod
    def gaussians():
        mq, mp = rand(5, 3, seed=1), rand(5, 3, seed=2)
        return mq, rand(5, 3, low=-2, high=1, seed=3), mp, rand(5, 3, low=-1, high=2, seed=4)

    @pytest.mark.hint("Take log q - log p for one coordinate and average each term under q.")
    def test_definition(self, answer):
        """The KL of each sample agrees with its definition, integrated numerically."""
        gaussians = self.gaussians()
        assert_close(assert_pure(answer, *gaussians), kl_by_quadrature(*gaussians))

    @pytest.mark.hint("Which of the two distributions is the average taken under?")
    def test_order(self, answer):
        """A narrow q inside a wide p costs little; a wide q around a narrow p costs much."""
        zero, wide = torch.zeros(1, 2, dtype=torch.float64), torch.full((1, 2), math.log(100.0))
        wide = wide.double()
        assert_close(answer(zero, zero, zero, wide), torch.tensor([math.log(100.0) - 0.99]))
        assert_close(answer(zero, wide, zero, zero), torch.tensor([99.0 - math.log(100.0)]))

    @pytest.mark.hint("Change units: both means times a, both variances times a squared.")
    def test_invariance(self, answer):
        """The KL of a Gaussian to itself is 0, and a change of units leaves every KL as it is."""
        mq, lq, mp, lp = self.gaussians()
        scale, move = 7.0, 3.0
        log_scale = 2 * math.log(scale)
        moved = answer(scale * mq + move, lq + log_scale, scale * mp + move, lp + log_scale)
        assert_close(moved, kl_by_quadrature(mq, lq, mp, lp))
        assert_close(answer(mq, lq, mq, lq), torch.zeros(5))
        for log_scale in (48.0, -10.0):  # Nothing is clamped, nothing added.
            scale = math.exp(log_scale / 2)
            moved = answer(scale * mq, lq + log_scale, scale * mp, lp + log_scale)
            assert_close(moved, kl_by_quadrature(mq, lq, mp, lp))

    @pytest.mark.hint("What is left when p has mean 0 and log-variance 0?")
    def test_standard_prior(self, answer):
        """Against N(0, I) a unit-variance q costs half its squared mean, and a narrow one more."""
        zero = torch.zeros(2, 2, dtype=torch.float64)
        mq = torch.tensor([[3.0, 1.0], [0.0, 2.0]], dtype=torch.float64)
        lq = torch.tensor([[0.0, 0.0], [-4.0, -6.0]], dtype=torch.float64)
        narrow = 0.5 * (4 + 10 - 2 + math.exp(-4) + math.exp(-6))
        assert_close(answer(mq, lq, zero, zero), torch.tensor([5.0, narrow]))

    @pytest.mark.hint("All four arguments may be learned: do not leave torch, do not detach.")
    def test_gradients(self, answer):
        """The gradients in all four arguments are those of the divergence."""
        inputs = [leaf(t) for t in self.gaussians()]
        mq, lq, mp, lp = inputs
        q, p = td.Normal(mq, torch.exp(lq / 2)), td.Normal(mp, torch.exp(lp / 2))
        expected = grads(td.kl_divergence(q, p).sum(dim=1), *inputs)
        assert_close(grads(answer(*inputs), *inputs), expected)


# Functions and their derivatives, as lambdas: they travel to the student's process by value.
SQUARE = (lambda z: z**2, lambda z: 2 * z)
CUBIC = (lambda z: z**3 - 2 * z, lambda z: 3 * z**2 - 2)
WAVE = (lambda z: np.sin(2 * z) + 3, lambda z: 2 * np.cos(2 * z))
LINE = (lambda z: z, lambda z: 1 + 0 * z)
CONSTANT = (lambda z: 3 + 0 * z, lambda z: 0 * z)
STEP = (lambda z: 1.0 * (z > 0.6), lambda z: 0 * z)


class Test_pathwise_grad:
    @pytest.mark.hint("Move each sample z with its own noise fixed: how does f(z) change?")
    def test_each_sample(self, answer):
        """Each column is the derivative of f along the path of that sample's noise."""
        mu, s, step, wave = 0.7, 1.6, 1e-5, WAVE[0]
        eps = np.linspace(-2.5, 2.1, 7)
        d_mu = (wave(mu + step + s * eps) - wave(mu - step + s * eps)) / (2 * step)
        d_s = (wave(mu + (s + step) * eps) - wave(mu + (s - step) * eps)) / (2 * step)
        assert_close(assert_pure(answer, *WAVE, mu, s, eps), np.stack([d_mu, d_s]))

    @pytest.mark.hint("Row 0 is for mu, row 1 for s. Which value does df take as its argument?")
    @pytest.mark.parametrize(("mu", "s"), [(0.9, 0.5), (-1.4, 1.7)])
    def test_unbiased_square(self, answer, mu, s):
        """For f = z^2 the estimates average, exactly, to the gradient of mu^2 + s^2."""
        eps, weights = hermite()
        average = answer(*SQUARE, mu, s, eps) @ weights
        assert_close(average, np.array([2 * mu, 2 * s]))

    @pytest.mark.hint("The expectation of this cubic is mu^3 + 3 mu s^2 - 2 mu.")
    @pytest.mark.parametrize(("mu", "s"), [(0.9, 0.5), (-1.4, 1.7)])
    def test_unbiased_cubic(self, answer, mu, s):
        """For a cubic f the estimates average, exactly, to the gradient of its expectation."""
        eps, weights = hermite()
        average = answer(*CUBIC, mu, s, eps) @ weights
        assert_close(average, np.array([3 * mu**2 + 3 * s**2 - 2, 6 * mu * s]))

    @pytest.mark.hint("Compute the variance of this estimator for f = z^2 by hand.")
    def test_variance(self, answer):
        """For f = z^2 the estimates of d/dmu have the small variance of the pathwise estimator."""
        mu, s = 1.5, 0.4
        eps, weights = hermite()
        d_mu, d_s = answer(*SQUARE, mu, s, eps)
        assert_close(weights @ (d_mu - 2 * mu) ** 2, 4 * s**2)
        assert_close(weights @ (d_s - 2 * s) ** 2, 4 * mu**2 + 8 * s**2)


class Test_score_function_grad:
    @pytest.mark.hint("With f = 1 only the score, the derivative of log N(z; mu, s^2), is left.")
    def test_score(self, answer):
        """For a constant f each column is f times the score of its sample, in mu and in s."""
        mu, s, step = 0.7, 1.6, 1e-5
        eps = np.linspace(-2.5, 2.1, 7)
        z = mu + s * eps
        log_q = stats.norm.logpdf
        d_mu = (log_q(z, mu + step, s) - log_q(z, mu - step, s)) / (2 * step)
        d_s = (log_q(z, mu, s + step) - log_q(z, mu, s - step)) / (2 * step)
        result = assert_pure(answer, *CONSTANT, mu, s, eps)
        assert_close(result, 3 * np.stack([d_mu, d_s]))

    @pytest.mark.hint("Row 0 is for mu, row 1 for s. Check the power of s in both.")
    @pytest.mark.parametrize(("mu", "s"), [(0.9, 0.5), (-1.4, 1.7)])
    def test_unbiased_square(self, answer, mu, s):
        """For f = z^2 the estimates average, exactly, to the gradient of mu^2 + s^2."""
        eps, weights = hermite()
        average = answer(*SQUARE, mu, s, eps) @ weights
        assert_close(average, np.array([2 * mu, 2 * s]))

    @pytest.mark.hint("The expectation of this cubic is mu^3 + 3 mu s^2 - 2 mu.")
    @pytest.mark.parametrize(("mu", "s"), [(0.9, 0.5), (-1.4, 1.7)])
    def test_unbiased_cubic(self, answer, mu, s):
        """For a cubic f the estimates average, exactly, to the gradient of its expectation."""
        eps, weights = hermite()
        average = answer(*CUBIC, mu, s, eps) @ weights
        assert_close(average, np.array([3 * mu**2 + 3 * s**2 - 2, 6 * mu * s]))

    @pytest.mark.hint("This estimator needs values of f only: where f jumps it still works.")
    def test_step_function(self, answer):
        """For a step f, with derivative 0 almost everywhere, each estimate is f times the score."""
        mu, s = 0.3, 0.8
        eps = np.array([-2.0, -0.5, 0.25, 1.5])
        result = answer(*STEP, mu, s, eps)
        assert_close(result, np.array([[0, 0, 0, 1.5 / 0.8], [0, 0, 0, 1.25 / 0.8]]))

    @pytest.mark.hint("Compute the variance of f(z) times the score for f = z by hand.")
    def test_variance(self, answer):
        """For f = z the estimates of d/dmu have the variance that f times the score has."""
        mu, s = 1.5, 0.4
        eps, weights = hermite()
        d_mu, d_s = answer(*LINE, mu, s, eps)
        assert_close(weights @ (d_mu - 1) ** 2, (mu / s) ** 2 + 2)
        assert_close(weights @ d_s**2, 2 * (mu / s) ** 2 + 10)


class Test_reparameterize:
    @pytest.mark.hint("Which number multiplies the noise: variance, log-variance, or sigma?")
    def test_value(self, answer):
        """Noise at quantile u of N(0, 1) becomes z at quantile u of N(mu, sigma^2)."""
        mu, logvar = rand(5, 3, seed=1), rand(5, 3, low=-5, high=4, seed=2)
        eps = rand(5, 3, low=-2.5, high=2.5, seed=3)
        expected = stats.norm.ppf(stats.norm.cdf(eps), mu, torch.exp(logvar / 2))
        assert_close(answer(mu, logvar, eps), expected)

    @pytest.mark.hint("If you fix the noise and move mu, how far does z move?")
    def test_gradient_mu(self, answer):
        """Each z moves one for one with its own mean, and with no other."""
        mu, logvar, eps = leaf(rand(4, 3)), rand(4, 3, seed=6), rand(4, 3, seed=7)
        z = answer(mu, logvar, eps)
        (gradient,) = grads(z, mu)
        assert_close(gradient, torch.arange(1.0, 13.0).reshape(4, 3))
        assert_close((z - mu).detach() / eps, torch.exp(logvar / 2))

    @pytest.mark.hint("Is sigma detached, or computed under no_grad? Differentiate it by hand.")
    def test_gradient_logvar(self, answer):
        """The derivative in the log-variance is that of sigma times the noise."""
        mu, logvar, eps = rand(4, 3), leaf(rand(4, 3, seed=6)), rand(4, 3, seed=7)
        (gradient,) = grads(answer(mu, logvar, eps), logvar)
        weights = torch.arange(1.0, 13.0, dtype=torch.float64).reshape(4, 3)
        assert_close(gradient, weights * eps * torch.exp(logvar.detach() / 2) / 2)

    @pytest.mark.hint("z is a function of its three arguments: draw nothing, change nothing.")
    def test_pure(self, answer):
        """Equal arguments give equal results, and no argument is changed."""
        mu, logvar, eps = rand(4, 3), rand(4, 3, seed=6), rand(4, 3, seed=7)
        z = assert_pure(answer, mu, logvar, eps)
        assert_close((z - mu).square().log() - eps.square().log(), logvar)
        assert_close(answer(mu, logvar, torch.zeros_like(eps)), mu)

    @pytest.mark.hint("Write it elementwise: broadcasting then takes care of more draws.")
    def test_many_draws(self, answer):
        """K draws of noise for each sample give K values of z, each with its own noise."""
        mu, logvar, eps = rand(3, 2), rand(3, 2, seed=6), rand(4, 3, 2, seed=7)
        z = answer(mu, logvar, eps)
        for draw, noise in zip(z, eps, strict=True):
            expected = stats.norm.ppf(stats.norm.cdf(noise), mu, torch.exp(logvar / 2))
            assert_close(draw, expected)

    @pytest.mark.hint("Use the log-variance as it comes; negative ones mean small sigma.")
    def test_extreme_logvar(self, answer):
        """Very small and very large log-variances give the sigma they stand for."""
        sigma = torch.tensor([[1e-3, 1e-12], [1e4, 2.0**20]], dtype=torch.float64)
        mu = torch.tensor([[0.0, 0.0], [-3.0, 10.0]], dtype=torch.float64)
        eps = torch.tensor([[2.0, -1.0], [0.5, -2.0]], dtype=torch.float64)
        expected = [[2e-3, -1e-12], [5e3 - 3, 10 - 2.0**21]]
        assert_close(answer(mu, 2 * sigma.log(), eps), torch.tensor(expected), atol=1e-7)


class Test_sample_z:
    @staticmethod
    def standardised(answer, seed, n=4000):
        """Draw z for n samples with unequal means and variances; undo mean and scale."""
        row = torch.linspace(-2, 2, n, dtype=torch.float64)[:, None]
        mu = row * torch.tensor([3.0, 2.0, 5.0]) + torch.tensor([4.0, -6.0, 8.0])
        logvar = row * torch.tensor([1.0, -1.0, 0.5]) + torch.tensor([-1.0, 0.5, 2.0])
        z = answer(mu, logvar, torch.Generator().manual_seed(seed))
        return ((z.detach() - mu) / torch.exp(logvar / 2)).numpy()

    @pytest.mark.hint("Subtract mu, divide by sigma: mean 0 and variance 1 should be left.")
    def test_moments(self, answer):
        """In every coordinate the draws have the mean and the variance they were asked to have."""
        e = self.standardised(answer, seed=5)
        assert np.all(np.abs(e.mean(axis=0)) < BAND / math.sqrt(len(e)))
        assert np.all(np.abs(e.var(axis=0) - 1) < BAND * math.sqrt(2 / len(e)))

    @pytest.mark.hint("Mean and variance are not a law: which noise did you draw?")
    def test_normal_law(self, answer):
        """The draws follow the Gaussian law, not only its mean and variance."""
        e = self.standardised(answer, seed=6)
        for column in e.T:
            assert stats.kstest(column, "norm").pvalue > KS_P

    @pytest.mark.hint("Every entry of (B, d) needs a noise value of its own.")
    def test_independent(self, answer):
        """The noise of different coordinates, and of different samples, is uncorrelated."""
        e = self.standardised(answer, seed=7)
        assert np.all(np.abs(e.mean(axis=0)) < 0.2)
        assert np.all(e.std(axis=0) > 0.5)
        band = BAND / math.sqrt(len(e))
        for i, j in [(0, 1), (0, 2), (1, 2)]:
            assert abs(np.mean(e[:, i] * e[:, j])) < band
        assert np.all(np.abs(np.mean(e[1:] * e[:-1], axis=0)) < band)

    @pytest.mark.hint("Draw from the generator you are given, and only from it; do not seed it.")
    def test_generator_decides(self, answer):
        """Every entry comes from the generator: another seed, or a second call, changes it."""
        mu, logvar = rand(6, 3), rand(6, 3, seed=6)
        assert_drawn_from(
            lambda generator: answer(mu, logvar, generator).detach(),
            lambda seed: torch.Generator().manual_seed(seed),
        )
        assert not answer.moved_globals, "the global generator was used"

    @pytest.mark.hint("Fix the noise: how does the draw move with mu and with logvar?")
    def test_gradients(self, answer):
        """Gradients flow through the draw to the mean and to the log-variance."""
        mu, logvar = leaf(rand(4, 3)), leaf(rand(4, 3, seed=6))
        z = answer(mu, logvar, torch.Generator().manual_seed(5))
        g_mu, g_logvar = grads(z, mu, logvar)
        weights = torch.arange(1.0, 13.0, dtype=torch.float64).reshape(4, 3)
        moved = (z - mu).detach()
        assert torch.all(moved.abs() > 1e-6)
        assert_close(g_mu, weights)
        assert_close(g_logvar, weights * moved / 2)


class Test_negative_elbo:
    @staticmethod
    def batch(seed=5, size=5):
        x = rand(size, 7, low=0, high=1, seed=seed)
        logits = rand(size, 7, low=-4, high=4, seed=seed + 1)
        return x, logits, rand(size, 3, seed=seed + 2), rand(size, 3, seed=seed + 3)

    @staticmethod
    def parts(x, logits, mu, logvar):
        """Reconstruction cost and KL of each sample, from their definitions."""
        p = expit(logits.detach().numpy())
        rec = -(x.numpy() * np.log(p) + (1 - x.numpy()) * np.log(1 - p)).sum(axis=1)
        zero = torch.zeros_like(mu).detach()
        return rec, kl_by_quadrature(mu.detach(), logvar.detach(), zero, zero)

    @pytest.mark.hint("Sum over pixels and change the sign, then average over the batch.")
    def test_rec(self, answer):
        """The reconstruction term is the mean over the batch of each image's cost in nats."""
        batch = self.batch()
        rec, _ = self.parts(*batch)
        assert_close(answer(*batch, 0.3)["rec"], rec.mean())

    @pytest.mark.hint("Sum over latent coordinates, average over the batch; leave beta out.")
    def test_kl(self, answer):
        """The KL term is the mean over the batch of each sample's KL, whatever beta is."""
        batch = self.batch()
        _, kl = self.parts(*batch)
        assert_close(answer(*batch, 0.3)["kl"], kl.mean())

    @pytest.mark.hint("The loss is minimised: which sign has each term, and where is beta?")
    @pytest.mark.parametrize("beta", [1.0, 0.3, 4.0])
    def test_loss(self, answer, beta):
        """The loss adds the KL, weighted by beta, to the reconstruction cost."""
        batch = self.batch(seed=11, size=4)
        rec, kl = self.parts(*batch)
        assert_close(answer(*batch, beta)["loss"], rec.mean() + beta * kl.mean())

    @pytest.mark.hint("Both terms of the loss must reach the networks: nothing detached.")
    def test_gradients(self, answer):
        """The gradients of the loss are those of the mean cost plus beta times the mean KL."""
        x, *inputs = self.batch()
        inputs = [leaf(t) for t in inputs]
        logits, mu, logvar = inputs
        found = torch.autograd.grad(answer(x, *inputs, 0.3)["loss"], inputs)
        with torch.no_grad():
            expected = [torch.sigmoid(logits) - x, 0.3 * mu, 0.15 * torch.expm1(logvar)]
        assert_close(found, [gradient / 5 for gradient in expected])

    @pytest.mark.hint("A mean over the batch does not depend on how large the batch is.")
    def test_batch_size(self, answer):
        """Seeing every sample three times changes none of the three numbers."""
        batch = self.batch(size=2)
        rec, kl = self.parts(*batch)
        tripled = assert_pure(answer, *(t.repeat(3, 1) for t in batch), 2.0)
        expected = {"loss": rec.mean() + 2 * kl.mean(), "rec": rec.mean(), "kl": kl.mean()}
        assert_close(tripled, expected)

    @pytest.mark.hint("A confident decoder has large logits: go through bernoulli_logprob.")
    def test_confident_decoder(self, answer):
        """Logits of plus and minus 300 give exact, finite numbers."""
        x = torch.tensor([[1, 0], [0.5, 1]], dtype=torch.float64)
        logits = torch.tensor([[300, 300], [-300, 300]], dtype=torch.float64)
        mu, logvar = torch.ones(2, 3).double(), torch.zeros(2, 3).double()
        result = answer(x, logits, mu, logvar, 2.0)
        assert_close(result, {"loss": 225.0 + 3.0, "rec": 225.0, "kl": 1.5})


class Test_iwae_bound:
    @pytest.mark.hint("Average the weights first, take the logarithm last.")
    def test_mean_of_weights(self, answer):
        """The bound is the logarithm of the mean of the weights of each sample."""
        weights = torch.tensor([[1, 0.5], [3, 8], [0.5, 0.25], [7.5, 0.25]], dtype=torch.float64)
        bound = assert_pure(answer, weights.log())
        assert_close(bound, torch.tensor([3.0, 2.25]).log())

    @pytest.mark.hint("Pull the largest log-weight out of the sum before taking exponentials.")
    def test_shift(self, answer):
        """Adding a constant to all log-weights adds it to the bound, at -2000 and at +2000 too."""
        log_w = rand(6, 3, low=-3, high=3)
        expected = np.log(np.exp(log_w.numpy()).mean(axis=0))
        assert_close(answer(log_w - 2000) + 2000, expected, rtol=1e-5, atol=5e-4)
        shift = torch.tensor([-2000.0, 2000.0, 0.0], dtype=torch.float64)
        assert_close(answer(log_w + shift) - shift, expected, rtol=1e-5, atol=5e-4)
        # One weight of each sample counts, first, last or between; the others are far below it.
        apart = -2000.0 * (1 - torch.eye(3, dtype=torch.float64)[[0, 2, 1]]) + log_w[:3]
        assert_close(answer(apart), log_w[[0, 2, 1], [0, 1, 2]] - math.log(3))

    @staticmethod
    def tuples(k):
        """Every tuple of k draws from a q over three states, its probability and log-weights."""
        q, joint = np.array([0.5, 0.3, 0.2]), np.array([0.02, 0.3, 0.1])
        states = np.array(list(itertools.product(range(3), repeat=k)))
        return torch.tensor(np.log(joint / q)[states].T), q[states].prod(axis=1), joint

    @pytest.mark.hint("The mean of K weights is unbiased for p(x). Over which index is the mean?")
    def test_unbiased_weights(self, answer):
        """The exponential of the bound averages to p(x) exactly; its variance falls as 1/K."""
        q, joint = np.array([0.5, 0.3, 0.2]), np.array([0.02, 0.3, 0.1])
        variance = joint**2 @ (1 / q) - joint.sum() ** 2
        for k in (1, 2, 4):
            log_w, probability, joint = self.tuples(k)
            estimate = answer(log_w).exp().numpy()
            assert_close(probability @ estimate, joint.sum())
            assert_close(probability @ (estimate - joint.sum()) ** 2, variance / k)

    @pytest.mark.hint("K = 1 is the ELBO; more samples raise the average, never above log p(x).")
    def test_tightens(self, answer):
        """On average the bound starts at the ELBO, rises with K and stays below log p(x)."""
        averages = []
        for k in (1, 2, 3, 4):
            log_w, probability, joint = self.tuples(k)
            averages.append(probability @ answer(log_w).numpy())
        q = np.array([0.5, 0.3, 0.2])
        assert_close(averages[0], q @ np.log(joint / q))
        assert np.all(np.diff(averages) > 0.02)
        assert averages[-1] < np.log(joint.sum())

    @pytest.mark.hint("Differentiate log-mean-exp: large weights should get large gradients.")
    def test_gradient(self, answer):
        """The gradient in each log-weight is that draw's share of the total weight."""
        log_w = leaf(rand(4, 3, low=-3, high=3))
        (gradient,) = grads(answer(log_w), log_w)
        weights = np.exp(log_w.detach().numpy())
        assert_close(gradient, weights / weights.sum(axis=0) * np.arange(1, 4))


class Test_active_units:
    @staticmethod
    def columns(*deviations, n=8, means=None):
        """An (n, d) tensor whose columns have exactly these deviations (ddof 0) and means."""
        signs = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(n // 2)[:, None]
        means = torch.tensor(means or [0.0] * len(deviations), dtype=torch.float64)
        return means + signs * torch.tensor(deviations, dtype=torch.float64)

    @pytest.mark.hint("One variance per latent coordinate, taken over the data.")
    def test_counts(self, answer):
        """The count is that of the columns whose variance over the data exceeds the threshold."""
        mu = self.columns(0.5, 0.0625, 2.0, 0.125, 1.0, 0.25)
        counts = [assert_pure(answer, mu, threshold) for threshold in (0.01, 0.1, 0.5, 2.0)]
        assert counts == [5, 3, 2, 1]

    @pytest.mark.hint("A mean that is large but the same for every data point says nothing.")
    def test_constant_mean(self, answer):
        """A posterior mean far from 0 that does not move with the data is not active."""
        mu = self.columns(0.0, 0.5, 0.03125, means=[40.0, -7.0, 3.0])
        assert answer(mu, 0.01) == 1
        assert answer(mu, 0.0005) == 2

    @pytest.mark.hint("The text says which divisor is used; torch has another by default.")
    def test_divisor(self, answer):
        """The variance divides by the number of data points, also when there are few."""
        assert answer(self.columns(0.5, 1.0, 2.0, n=4), 1.2) == 1
        assert answer(self.columns(0.5, 1.0, 3.0, 2.0, 0.75, n=2), 3.0) == 2

    @pytest.mark.hint("Strictly greater: what happens at the threshold itself?")
    def test_boundary(self, answer):
        """A variance equal to the threshold is not active; just above it is."""
        mu = self.columns(1.0, 1.0, 1.5, 0.5)
        assert answer(mu, 1.0) == 1
        assert answer(mu, 0.999) == 3

    @pytest.mark.hint("The average is over data points, the count over latent coordinates.")
    def test_irregular_data(self, answer):
        """On unevenly spread data the count agrees with variances computed one by one."""
        mu = torch.stack([rand(31, seed=seed) ** power for seed, power in enumerate([1, 3, 2, 5])])
        mu = (mu * torch.tensor([[0.1], [0.3], [0.5], [0.02]])).T.contiguous()
        variances = sorted(sum((c - c.mean()) ** 2) / 31 for c in mu.numpy().T)
        for active in (3, 2, 1):
            low, high = variances[3 - active], variances[4 - active]
            assert answer(mu, float(low + high) / 2) == active


class Test_log_normal_mixture:
    @staticmethod
    def mixture(size, seed=5):
        m, v = rand(size, 4, 2, seed=seed), rand(size, 4, 2, low=0.2, high=3, seed=seed + 1)
        return rand(5, 2, low=-3, high=3, seed=seed + 2), m, v

    @pytest.mark.hint("Sum over coordinates inside each component, then over components.")
    @pytest.mark.parametrize("size", [1, 5])
    def test_density(self, answer, size):
        """The log-density agrees with an independent one, for a shared mixture and for one each."""
        z, m, v = self.mixture(size)
        each = stats.norm.pdf(z[:, None], m, v.sqrt()).prod(axis=2)
        assert_close(assert_pure(answer, z, m, v), np.log(each.mean(axis=1)))

    @pytest.mark.hint("Is every component divided by K, and is v used as a variance?")
    def test_integrates_to_one(self, answer):
        """The mixture integrates to 1 and has the mean and second moment of its components."""
        z = torch.linspace(-30, 30, 1501, dtype=torch.float64)
        m = torch.tensor([-4.0, 1.0, 3.0], dtype=torch.float64)
        v = torch.tensor([0.25, 2.0, 9.0], dtype=torch.float64)
        density = answer(z[:, None], m[None, :, None], v[None, :, None]).exp()
        assert_close(torch.trapezoid(density, z), 1.0)
        assert_close(torch.trapezoid(density * z, z), m.mean(), atol=1e-4)
        assert_close(torch.trapezoid(density * z**2, z), (v + m**2).mean())

    @pytest.mark.hint("Combine the components' log-densities without leaving logarithms.")
    def test_far_point(self, answer):
        """Two hundred units from every component the log-density is still exact."""
        z = torch.full((3, 2), 200.0, dtype=torch.float64)
        m, v = torch.zeros(1, 4, 2).double(), torch.full((1, 4, 2), 0.5).double()
        expected = -math.log(math.pi) - 2 * 200.0**2
        assert_close(answer(z, m, v), torch.full((3,), expected))
        # Far and near samples in one batch, and components of very unequal and small widths.
        z = torch.tensor([[0.0], [200.0], [-90.0], [0.002]], dtype=torch.float64)
        m, v = (
            torch.tensor([[[0.0], [1.0], [3.0]]]).double(),
            torch.tensor([1e-5, 1.0, 4.0]).double(),
        )
        each = stats.norm.logpdf(z.numpy(), m[0, :, 0].numpy(), v.sqrt().numpy())
        expected = logsumexp(each, axis=1) - math.log(3)
        assert_close(answer(z, m, v[None, :, None]), expected)

    @pytest.mark.hint("K equal components are one component. What does the factor 1/K do?")
    def test_equal_components(self, answer):
        """Equal components act as one component; repeating all components changes nothing."""
        z, m, v = self.mixture(5, seed=9)
        one, var = m[:, :1].expand(5, 6, 2), v[:, :1].expand(5, 6, 2)
        single = stats.norm.logpdf(z, m[:, 0], v[:, 0].sqrt()).sum(axis=1)
        assert_close(answer(z, one.contiguous(), var.contiguous()), single)
        assert_close(answer(z, m.repeat(1, 3, 1), v.repeat(1, 3, 1)), answer(z, m, v))

    @pytest.mark.hint("The gradient weighs each component by its share of the density at z.")
    def test_gradient(self, answer):
        """The gradient in z is that of the mixture's log-density."""
        z, m, v = self.mixture(5)
        z = leaf(z)
        components = td.Independent(td.Normal(m, v.sqrt()), 1)
        mixture = td.MixtureSameFamily(td.Categorical(torch.ones(5, 4).double()), components)
        assert_close(grads(answer(z, m, v), z), grads(mixture.log_prob(z), z))
