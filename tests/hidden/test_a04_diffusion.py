"""Hidden tests of chapter 4: diffusion."""

import math

import numpy as np
import pytest
import torch
import torch.distributions as td
from scipy import stats
from torch import nn

from autograder.testing import assert_close, assert_pure, callback


def randn(*shape, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def schedule(T=12, seed=None):
    """Betas and alpha-bars, multiplied up one by one: a ramp, or an uneven schedule of its own."""
    betas = np.linspace(0.03, 0.45, T)
    if seed is not None:
        betas = np.random.default_rng(seed).uniform(0.05, 0.6, T)
    alpha_bars, product = [], 1.0
    for beta in betas:
        product *= 1 - beta
        alpha_bars.append(product)
    return torch.tensor(betas), torch.tensor(alpha_bars, dtype=torch.float64)


def long_schedule():
    """The thousand steps of the original DDPM, multiplied in logarithms."""
    betas = np.linspace(1e-4, 0.02, 1000)
    return torch.tensor(betas), torch.tensor(np.exp(np.add.accumulate(np.log1p(-betas))))


def posterior(x0, xt, t, betas, alpha_bars):
    """Mean and variance of the state before step t: a product of two Gaussians, by precisions."""
    means, variances = np.zeros(x0.shape), np.zeros(len(t))
    for b, step in enumerate(t.tolist()):
        if step == 0:
            means[b] = x0[b]
            continue
        beta, before = float(betas[step]), float(alpha_bars[step - 1])
        precision = 1 / (1 - before) + (1 - beta) / beta
        pull = math.sqrt(before) / (1 - before) * x0[b] + math.sqrt(1 - beta) / beta * xt[b]
        means[b], variances[b] = pull / precision, 1 / precision
    return means, variances


def noised(x0, t, eps, alpha_bars):
    """The noised data, one sample at a time."""
    rows = []
    for x, step, noise in zip(x0, t.tolist(), eps, strict=True):
        signal = math.sqrt(alpha_bars[step])
        rows.append(signal * x + math.sqrt(1 - signal**2) * noise)
    return torch.stack(rows)


def data_of(xt, t, eps, alpha_bars):
    """The data that these noises imply, one sample at a time."""
    rows = []
    for x, step, noise in zip(xt, t.tolist(), eps, strict=True):
        signal = math.sqrt(alpha_bars[step])
        rows.append((x - math.sqrt(1 - signal**2) * noise) / signal)
    return torch.stack(rows)


class Test_q_step:
    @pytest.mark.hint("The mean is sqrt(1 - beta) x; what multiplies the noise is a deviation.")
    def test_quantile(self, answer):
        """Noise at a quantile of N(0, 1) becomes a draw at that quantile of the step's Gaussian."""
        for beta in (0.36, 0.1, 0.84):
            x, eps = randn(5, 3, seed=1), randn(5, 3, seed=2).clamp(-2.5, 2.5)
            mean, deviation = x.numpy() * math.sqrt(1 - beta), math.sqrt(beta)
            expected = stats.norm.ppf(stats.norm.cdf(eps), mean, deviation)
            assert_close(answer(x, beta, eps), expected)

    @pytest.mark.hint("Follow a signal of 1, and a noise of 1 put in at one step only.")
    def test_composed(self, answer):
        """Many steps leave the signal that the product of the alphas says; noise fills the rest."""
        betas, alpha_bars = schedule(8, seed=3)
        x = torch.eye(9, 1, dtype=torch.float64)
        for step, beta in enumerate(betas.tolist()):
            pulse = torch.zeros(9, 1, dtype=torch.float64)
            pulse[step + 1] = 1.0
            x = answer(x, beta, pulse)
        assert_close(x[0, 0], alpha_bars[-1].sqrt())
        assert_close((x[1:] ** 2).sum(), 1 - alpha_bars[-1])
        assert torch.all(x > 0.01)

    @pytest.mark.hint("What do beta = 0 and beta = 1 mean? And variance 1 should stay variance 1.")
    def test_variance_kept(self, answer):
        """Variance 1 stays variance 1; beta = 0 changes nothing and beta = 1 leaves only noise."""
        one, zero = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
        for beta in (0.05, 0.5, 0.9):
            signal, noise = answer(one, beta, zero), answer(zero, beta, one)
            assert_close(signal**2 + noise**2, one)
            assert signal.item() > 0
        x, eps = randn(2, 3, seed=1), randn(2, 3, seed=2)
        assert_close(answer(x, 0.0, eps), x)
        assert_close(answer(x, 1.0, eps), eps)

    @pytest.mark.hint("Make a new tensor from x and eps: draw nothing, change nothing.")
    def test_pure(self, answer):
        """Images work like vectors; equal arguments give equal results; no argument is changed."""
        x, eps = randn(2, 3, 2, 4, seed=1), randn(2, 3, 2, 4, seed=2)
        assert_close(assert_pure(answer, x, 0.64, eps), 0.6 * x + 0.8 * eps)


class Test_linear_schedule:
    @pytest.mark.hint("T values, equally spaced, the first b0 and the last b1.")
    def test_betas(self, answer):
        """The betas climb from the first to the last given value in equal steps."""
        betas = answer(6, 0.05, 0.3)["betas"]
        assert_close(betas, torch.tensor([0.05, 0.1, 0.15, 0.2, 0.25, 0.3]))
        assert_close(answer(3, 0.4, 0.1)["betas"], torch.tensor([0.4, 0.25, 0.1]))

    @pytest.mark.hint("What fraction of the signal's variance does one step keep?")
    def test_alphas(self, answer):
        """Each step keeps the part of the variance that its noise does not take."""
        assert_close(answer(5, 0.1, 0.5)["alphas"], torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5]))

    @pytest.mark.hint("What is left after step t has gone through steps 0, 1, ..., t, all of them.")
    def test_products(self, answer):
        """The alpha-bars are what is left after each step, that step included."""
        expected = [0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7, 0.9 * 0.8 * 0.7 * 0.6]
        assert_close(answer(4, 0.1, 0.4)["alpha_bars"], torch.tensor(expected))

    @pytest.mark.hint("Compare logarithms: log alpha_bar is a sum of log(1 - beta).")
    def test_thousand_steps(self, answer):
        """A schedule of a thousand steps is accurate to its last, smallest value."""
        found = answer(1000, 1e-4, 0.02)
        betas, alpha_bars = long_schedule()
        assert_close(found["alpha_bars"], alpha_bars, rtol=1e-4, atol=0.0)
        assert_close(found["betas"], betas, rtol=1e-4, atol=0.0)


class Test_q_sample:
    @pytest.mark.hint("Each sample takes the alpha-bar of its own time; both factors are roots.")
    def test_quantile(self, answer):
        """Noise at a quantile of N(0, 1) becomes x_t at that quantile of its own Gaussian."""
        _, alpha_bars = schedule()
        t = torch.tensor([3, 0, 11, 7, 3])
        x0, eps = randn(5, 3, seed=1), randn(5, 3, seed=2).clamp(-2.5, 2.5)
        left = alpha_bars.numpy()[t.numpy()][:, None]
        expected = stats.norm.ppf(
            stats.norm.cdf(eps), np.sqrt(left) * x0.numpy(), np.sqrt(1 - left)
        )
        assert_close(answer(x0, t, eps, alpha_bars), expected)

    @pytest.mark.hint("Follow mean and variance through the first t + 1 small steps.")
    @pytest.mark.parametrize("last", [0, 4, 11])
    def test_chain(self, answer, last):
        """One jump has the mean and the variance of the chain of small steps up to t."""
        betas, alpha_bars = schedule(seed=4)
        mean, variance = 1.0, 0.0
        for beta in betas[: last + 1].tolist():
            mean *= math.sqrt(1 - beta)
            variance = (1 - beta) * variance + beta
        t, one = torch.tensor([last, last]), torch.ones(2, 3, dtype=torch.float64)
        assert_close(answer(2 * one, t, 0 * one, alpha_bars), 2 * mean * one)
        assert_close(answer(0 * one, t, -3 * one, alpha_bars), -3 * math.sqrt(variance) * one)

    @pytest.mark.hint("The factor of a sample belongs to its first axis, whatever axes follow.")
    @pytest.mark.parametrize("shape", [(3,), (3, 3), (2, 2, 2, 2)])
    def test_axes(self, answer, shape):
        """In numbers, square batches and images each sample has one factor for all its entries."""
        _, alpha_bars = schedule()
        t = torch.tensor([9, 1, 5][: shape[0]])
        x0, eps = randn(*shape, seed=3), randn(*shape, seed=4)
        assert_close(answer(x0, t, eps, alpha_bars), noised(x0, t, eps, alpha_bars))

    @pytest.mark.hint("Signal and noise share a variance of 1. Which times are index 0 and T - 1?")
    def test_shares(self, answer):
        """At every time the shares of signal and noise add to 1, and the noise's share grows."""
        _, alpha_bars = schedule()
        t, one = torch.arange(12), torch.ones(12, dtype=torch.float64)
        signal, noise = answer(one, t, 0 * one, alpha_bars), answer(0 * one, t, one, alpha_bars)
        assert_close(signal**2 + noise**2, one)
        assert torch.all(noise[1:] > noise[:-1])
        assert torch.all(noise > 0)
        assert torch.all(signal > 0)
        assert_close(noise[0], torch.tensor(math.sqrt(0.03)))
        assert_close(signal[-1], alpha_bars[11].sqrt())

    @pytest.mark.hint("x_t is a function of the arguments: draw nothing, change nothing.")
    def test_pure(self, answer):
        """Equal arguments give equal results, from the given noise, and no argument is changed."""
        _, alpha_bars = schedule(seed=8)
        t = torch.tensor([2, 10, 6, 0])
        x0, eps = randn(4, 2, seed=6), randn(4, 2, seed=7)
        found = assert_pure(answer, x0, t, eps, alpha_bars)
        assert_close(found, noised(x0, t, eps, alpha_bars))

    @pytest.mark.hint("A thousand small steps, or two large ones: only alpha_bars[t] matters.")
    def test_other_lengths(self, answer):
        """Schedules of a thousand and of two steps are used as they come."""
        for (_, alpha_bars), times in [(long_schedule(), [999, 0, 500]), (schedule(2), [0, 1, 1])]:
            t, x0, eps = torch.tensor(times), 30 * randn(3, 2, seed=1), randn(3, 2, seed=2)
            assert_close(answer(x0, t, eps, alpha_bars), noised(x0, t, eps, alpha_bars))


class Test_q_posterior:
    @pytest.mark.hint("Multiply two Gaussians in x_{t-1}: precisions add, means weighted by them.")
    def test_bayes(self, answer):
        """Mean and variance are those of the product of prior and likelihood, by Bayes' rule."""
        betas, alpha_bars = schedule(seed=3)
        t = torch.tensor([5, 1, 11, 5, 8])
        x0, xt = randn(5, 3, seed=1), randn(5, 3, seed=2)
        found = assert_pure(answer, x0, xt, t, betas, alpha_bars)
        assert_close(found, posterior(x0, xt, t, betas, alpha_bars))

    @pytest.mark.hint("Before step 0 nothing has been lost: which alpha-bar is that?")
    def test_first_step(self, answer):
        """Before step 0 the state is the data, without doubt; other samples are not affected."""
        betas, alpha_bars = schedule()
        t = torch.tensor([0, 2, 0])
        x0, xt = randn(3, 2, seed=3), randn(3, 2, seed=4)
        mean, var = answer(x0, xt, t, betas, alpha_bars)
        assert_close(mean[[0, 2]], x0[[0, 2]])
        assert_close(var, posterior(x0, xt, t, betas, alpha_bars)[1])

    @pytest.mark.hint("Average the posterior over x_t: what must its mean and total variance be?")
    def test_tower(self, answer):
        """Averaged over x_t, the posterior gives back the law of x_{t-1}."""
        betas, alpha_bars = schedule(seed=6)
        t = torch.arange(1, 12)
        after, before = alpha_bars[1:, None], alpha_bars[:-1, None]
        x0 = 2 * torch.ones(11, 1, dtype=torch.float64)
        middle, var = answer(x0, after.sqrt() * x0, t, betas, alpha_bars)
        off, _ = answer(x0, after.sqrt() * x0 + (1 - after).sqrt(), t, betas, alpha_bars)
        assert_close(middle, before.sqrt() * x0)
        assert_close((off - middle) ** 2 + var[:, None], 1 - before)

    @pytest.mark.hint(
        "One factor per sample, for all entries of an image; one variance per sample."
    )
    def test_images(self, answer):
        """Images and plain numbers work like vectors, each sample at its own time."""
        betas, alpha_bars = schedule()
        t = torch.tensor([10, 3])
        for shape in [(2, 2, 2, 2), (2,)]:
            x0, xt = randn(*shape, seed=1), randn(*shape, seed=2)
            found = answer(x0, xt, t, betas, alpha_bars)
            assert_close(found, posterior(x0, xt, t, betas, alpha_bars))

    @pytest.mark.hint("For small steps the variance is close to beta, and always below it.")
    def test_thousand_steps(self, answer):
        """In a schedule of a thousand steps the small variances are accurate."""
        betas, alpha_bars = long_schedule()
        t, x0, xt = torch.tensor([999, 400, 700]), randn(3, 2, seed=1), randn(3, 2, seed=2)
        mean, var = answer(x0, xt, t, betas, alpha_bars)
        expected = posterior(x0, xt, t, betas, alpha_bars)
        assert_close(mean, expected[0])
        assert_close(var.numpy() / expected[1], np.ones(3), rtol=1e-3)


class Test_predict_x0:
    @pytest.mark.hint("Solve the formula of q_sample for the data.")
    def test_round_trip(self, answer):
        """With the true noise the data come back, at early and at late times."""
        _, alpha_bars = schedule()
        t = torch.tensor([0, 4, 11, 7])
        x0, eps = 3 * randn(4, 3, seed=1), randn(4, 3, seed=2)
        xt = noised(x0, t, eps, alpha_bars)
        assert_close(assert_pure(answer, xt, t, eps, alpha_bars), x0)

    @pytest.mark.hint("Which sign and which factor does the noise have in your formula?")
    def test_wrong_noise(self, answer):
        """An error in the noise becomes an error in the data, larger where less signal is left."""
        _, alpha_bars = schedule(seed=3)
        t = torch.arange(12)
        xt, eps = randn(12, 1, seed=3), randn(12, 1, seed=4)
        moved = answer(xt, t, eps + 1, alpha_bars) - answer(xt, t, eps, alpha_bars)
        assert_close(moved[:, 0], -((1 - alpha_bars) / alpha_bars).sqrt())

    @pytest.mark.hint("One factor per sample, for all its entries.")
    @pytest.mark.parametrize("shape", [(3,), (3, 3), (3, 3, 2, 3)])
    def test_axes(self, answer, shape):
        """Numbers, square batches and images: each sample is divided by its own signal."""
        _, alpha_bars = schedule()
        t, xt, eps = torch.tensor([8, 0, 3]), randn(*shape, seed=5), randn(*shape, seed=6)
        assert_close(answer(xt, t, eps, alpha_bars), data_of(xt, t, eps, alpha_bars))

    @pytest.mark.hint("The data may have any size: nothing is clipped.")
    def test_large_data(self, answer):
        """Data far from zero come back as they were."""
        _, alpha_bars = schedule(seed=9)
        t = torch.tensor([1, 11])
        x0, eps = torch.tensor([[250.0, -40.0], [-0.5, 90.0]]).double(), randn(2, 2)
        xt = noised(x0, t, eps, alpha_bars)
        assert_close(answer(xt, t, eps, alpha_bars), x0)


class Test_mu_from_eps:
    @pytest.mark.hint("Put the predicted data into the posterior mean and simplify.")
    def test_posterior_mean(self, answer):
        """The mean is the posterior mean for the data that the noise implies."""
        betas, alpha_bars = schedule(seed=3)
        t = torch.tensor([5, 1, 11, 5, 8])
        xt, eps = randn(5, 3, seed=1), randn(5, 3, seed=2)
        implied = data_of(xt, t, eps, alpha_bars)
        expected, _ = posterior(implied, xt, t, betas, alpha_bars)
        assert_close(assert_pure(answer, xt, t, eps, betas, alpha_bars), expected)

    @pytest.mark.hint("At t = 0 there is one step to undo: nothing but the data is left.")
    def test_first_step(self, answer):
        """At time 0 the mean is the data that the noise implies."""
        betas, alpha_bars = schedule()
        t = torch.tensor([0, 0])
        x0, eps = 3 * randn(2, 4, seed=1), randn(2, 4, seed=2)
        xt = noised(x0, t, eps, alpha_bars)
        assert_close(answer(xt, t, eps, betas, alpha_bars), x0)

    @pytest.mark.hint("Where data and noise look alike, a step back is a step forward's mean.")
    def test_standard_data(self, answer):
        """For standard normal data, best predicted, the mean shrinks as in a step forward."""
        betas, alpha_bars = schedule(seed=7)
        t, xt = torch.arange(12), randn(12, 2, seed=3)
        best = (1 - alpha_bars)[:, None].sqrt() * xt
        assert_close(answer(xt, t, best, betas, alpha_bars), (1 - betas)[:, None].sqrt() * xt)

    @pytest.mark.hint("One factor per sample, for all its entries.")
    @pytest.mark.parametrize("shape", [(2,), (2, 2), (2, 2, 2, 2)])
    def test_axes(self, answer, shape):
        """Numbers, square batches and images: each sample at its own time."""
        betas, alpha_bars = schedule()
        t, xt, eps = torch.tensor([9, 2]), randn(*shape, seed=5), randn(*shape, seed=6)
        expected, _ = posterior(data_of(xt, t, eps, alpha_bars), xt, t, betas, alpha_bars)
        assert_close(answer(xt, t, eps, betas, alpha_bars), expected)


class NoiseNet(nn.Module):
    """A small net whose prediction depends on every entry of x and, unevenly, on the time."""

    def __init__(self, width=3):
        super().__init__()
        values = torch.linspace(-1, 1, width * width, dtype=torch.float64) ** 3
        self.weight = nn.Parameter(values.reshape(width, width) + 0.1)
        self.slope = nn.Parameter(torch.tensor(0.7, dtype=torch.float64))

    def forward(self, x, t):
        phase = torch.sin(1 + 2.0 * t).reshape(-1, *[1] * (x.dim() - 1))
        return torch.tanh(x) @ self.weight + self.slope * phase


class Test_ddpm_loss:
    @staticmethod
    def batch(size=4, seed=1):
        _, alpha_bars = schedule()
        t = torch.tensor([7, 0, 11, 3, 5, 2][:size])
        return randn(size, 3, seed=seed), t, randn(size, 3, seed=seed + 1), alpha_bars

    @staticmethod
    def predict(x0, t, eps, alpha_bars):
        """Noised data and what NoiseNet makes of them, in NumPy."""
        xt = noised(x0, t, eps, alpha_bars).numpy()
        weight = np.linspace(-1, 1, 9).reshape(3, 3) ** 3 + 0.1
        return xt, np.tanh(xt) @ weight + 0.7 * np.sin(1 + 2.0 * t.numpy())[:, None]

    @pytest.mark.hint("Noise the data, ask the model once, compare its answer with the noise.")
    def test_value(self, answer):
        """The loss is the mean squared error of the noise that the model predicts."""
        batch = self.batch()
        _, predicted = self.predict(*batch)
        expected = ((predicted - batch[2].numpy()) ** 2).mean()
        assert_close(answer(NoiseNet(), *batch), expected)

    @pytest.mark.hint("What does the model get to see: which x, which t, and how often?")
    def test_what_the_model_sees(self, answer):
        """The model is asked once, about the noised data and at the times as they are."""
        x0, t, eps, alpha_bars = self.batch(6, seed=3)
        seen = []

        def spy(x, times):
            seen.append((torch.as_tensor(x).detach().clone(), torch.as_tensor(times).clone()))
            return 0.5 * x

        loss = answer(callback(spy), x0, t, eps, alpha_bars)
        assert len(seen) == 1
        xt = noised(x0, t, eps, alpha_bars)
        assert_close(seen[0][0].double(), xt)
        assert not seen[0][1].is_floating_point()
        assert torch.equal(seen[0][1].reshape(-1), t)
        assert isinstance(loss, (float, np.ndarray, torch.Tensor))
        assert_close(loss, ((eps - 0.5 * xt) ** 2).mean())

    @pytest.mark.hint("Nothing may cut the way from the loss back to the model's parameters.")
    def test_parameter_gradient(self, answer):
        """The gradient in the model's parameters is that of the mean squared error."""
        batch, net = self.batch(), NoiseNet()
        answer(net, *batch).backward()
        xt, predicted = self.predict(*batch)
        error = 2 * (predicted - batch[2].numpy()) / predicted.size
        assert_close(net.weight.grad, np.tanh(xt).T @ error)
        assert_close(net.slope.grad, (error * np.sin(1 + 2.0 * batch[1].numpy())[:, None]).sum())

    @pytest.mark.hint("A model that is off by a constant everywhere has that constant squared.")
    def test_known_error(self, answer):
        """A model that knows the noise up to a constant error has the loss of that constant."""
        x0, t, eps, alpha_bars = self.batch()
        signal, width = alpha_bars.sqrt(), (1 - alpha_bars).sqrt()

        def nearly(xt, times):
            return (xt - signal[times][:, None] * x0) / width[times][:, None] + 0.3

        assert_close(answer(nearly, x0, t, eps, alpha_bars), 0.09)

    @pytest.mark.hint("A mean over all entries does not depend on how many there are.")
    def test_images(self, answer):
        """Images count pixel by pixel, and seeing a batch twice changes nothing."""
        _, alpha_bars = schedule(seed=4)
        x0, eps, t = randn(2, 2, 4, 3, seed=1), randn(2, 2, 4, 3, seed=2), torch.tensor([6, 1])
        net, xt = NoiseNet(), noised(x0, t, eps, alpha_bars)
        with torch.no_grad():
            expected = (net(xt, t) - eps).square().mean()
        twice = [torch.cat([one, one]) for one in (x0, t, eps)]
        assert_close(assert_pure(answer, net, x0, t, eps, alpha_bars).detach(), expected)
        assert_close(answer(net, *twice, alpha_bars).detach(), expected)


class Test_p_sample_step:
    @pytest.mark.hint("Mean from the predicted noise, plus a deviation times fresh noise.")
    def test_step(self, answer):
        """The step has the mean and the spread of the posterior for the implied data."""
        betas, alpha_bars = schedule(seed=3)
        t = torch.tensor([5, 1, 11, 8])
        xt, eps, z = randn(4, 3, seed=1), randn(4, 3, seed=2), randn(4, 3, seed=3)
        mean, var = posterior(data_of(xt, t, eps, alpha_bars), xt, t, betas, alpha_bars)
        found = assert_pure(answer, xt, t, eps, z, betas, alpha_bars)
        assert_close(found, mean + np.sqrt(var)[:, None] * z.numpy())

    @pytest.mark.hint("How much noise does the step need if it lands on the data?")
    def test_last_step(self, answer):
        """At time 0 the data come out without noise, whatever the other samples' times are."""
        betas, alpha_bars = schedule()
        t = torch.tensor([0, 6, 0])
        x0, eps, z = 3 * randn(3, 2, seed=1), randn(3, 2, seed=2), randn(3, 2, seed=3)
        xt = noised(x0, t, eps, alpha_bars)
        found = answer(xt, t, eps, z, betas, alpha_bars)
        mean, var = posterior(x0, xt, t, betas, alpha_bars)
        assert_close(found[[0, 2]], x0[[0, 2]])
        assert_close(found[1], mean[1] + math.sqrt(var[1]) * z[1].numpy())

    @pytest.mark.hint("Which variance, exactly, and is z multiplied by its root?")
    def test_point_data(self, answer):
        """If the data are one point, a step back gives exactly the law of the state before."""
        betas, alpha_bars = schedule(seed=6)
        t, one = torch.arange(1, 12), torch.ones(11, 1, dtype=torch.float64)
        after, before, zero = alpha_bars[1:, None], alpha_bars[:-1, None], 0 * one

        def walk(noise, z):
            xt = after.sqrt() * 2 + (1 - after).sqrt() * noise
            return answer(xt, t, noise, z, betas, alpha_bars)

        middle = walk(zero, zero)
        assert_close(middle, 2 * before.sqrt())
        total = (walk(one, zero) - middle) ** 2 + (walk(zero, one) - middle) ** 2
        assert_close(total, 1 - before)

    @pytest.mark.hint("One factor per sample, for all its entries.")
    @pytest.mark.parametrize("shape", [(2,), (2, 2), (2, 2, 2, 2)])
    def test_axes(self, answer, shape):
        """Numbers, square batches and images: each sample at its own time."""
        betas, alpha_bars = schedule()
        t = torch.tensor([10, 2])
        xt, eps, z = randn(*shape, seed=4), randn(*shape, seed=5), randn(*shape, seed=6)
        mean, var = posterior(data_of(xt, t, eps, alpha_bars), xt, t, betas, alpha_bars)
        deviation = np.sqrt(var).reshape(2, *[1] * (len(shape) - 1))
        assert_close(answer(xt, t, eps, z, betas, alpha_bars), mean + deviation * z.numpy())


class Test_sample_loop:
    @staticmethod
    def gaussian_eps(alpha_bars, mean=2.0, deviation=0.5):
        """The exact noise prediction for data N(mean, deviation^2): affine in x."""
        left = alpha_bars.tolist()

        def eps_fn(x, t):
            a = left[int(t)]
            return (1 - a) ** 0.5 * (x - a**0.5 * mean) / (a * deviation**2 + 1 - a)

        return eps_fn

    @staticmethod
    def walk(eps_fn, x, zs, betas, alpha_bars):
        """The walk back, each step by Bayes' rule for the implied data."""
        for step in range(len(betas) - 1, -1, -1):
            t = torch.full((len(x),), step)
            implied = data_of(x, t, eps_fn(x, step), alpha_bars)
            mean, var = posterior(implied, x, t, betas, alpha_bars)
            spread = np.sqrt(var).reshape(-1, *[1] * (x.dim() - 1))
            x = torch.tensor(mean + spread * zs[step].numpy())
        return x

    @pytest.mark.hint("Probe the walk with one noise at a time: each belongs to one step.")
    def test_each_noise(self, answer):
        """Start and fresh noises each reach the data with the weight of their own step."""
        betas, alpha_bars = schedule(6, seed=3)
        xT = torch.eye(8, dtype=torch.float64)[:, :1]
        zs = torch.eye(8, dtype=torch.float64)[1:7, :, None]
        eps_fn = self.gaussian_eps(alpha_bars)
        found = assert_pure(answer, eps_fn, xT, betas, alpha_bars, zs)
        assert_close(found, self.walk(eps_fn, xT, zs, betas, alpha_bars))

    @pytest.mark.hint("The samples' mean and variance follow from the weights of all the noises.")
    def test_law(self, answer):
        """With the exact prediction for a Gaussian the samples have its mean and its width."""
        betas = torch.linspace(0.006, 0.14, 60, dtype=torch.float64)
        alpha_bars = torch.exp(torch.log1p(-betas).cumsum(0))
        xT = torch.eye(62, dtype=torch.float64)[:, :1]
        zs = torch.eye(62, dtype=torch.float64)[1:61, :, None]
        found = answer(self.gaussian_eps(alpha_bars), xT, betas, alpha_bars, zs)[:, 0]
        weights = found[:61] - found[61]
        assert_close(found[61], 2.0, atol=0.02)
        assert_close((weights**2).sum().sqrt(), 0.5, atol=0.05)

    @pytest.mark.hint("Which times is eps_fn asked about, in which order, and at which x?")
    def test_order(self, answer):
        """The prediction is asked for once a step, from the last time to 0, at the current x."""
        betas, alpha_bars = schedule(5)
        xT, zs = randn(3, 2, seed=1), randn(5, 3, 2, seed=2)
        asked = []

        def spy(x, t):
            time = torch.as_tensor(t).double()
            asked.append((time.tolist(), torch.as_tensor(x).detach().clone()))
            return 0.3 * x + 0.1 * float(time.mean())

        found = answer(callback(spy), xT, betas, alpha_bars, zs)
        assert [t for t, _ in asked] == [4, 3, 2, 1, 0]
        assert_close(asked[0][1].double(), xT)
        expected = self.walk(lambda x, t: 0.3 * x + 0.1 * t, xT, zs, betas, alpha_bars)
        assert isinstance(found, (np.ndarray, torch.Tensor))
        assert_close(found, expected)

    @pytest.mark.hint("The last step, the one at t = 0, lands on the data.")
    def test_point_data(self, answer):
        """If the data are one image, the walk ends on it, whatever the noise was."""
        betas, alpha_bars = schedule(7, seed=5)
        left, image = alpha_bars.tolist(), randn(2, 3, 2, seed=9)

        def eps_fn(x, t):
            a = left[int(t)]
            return (x - a**0.5 * image) / (1 - a) ** 0.5

        xT, zs = randn(4, 2, 3, 2, seed=1), randn(7, 4, 2, 3, 2, seed=2)
        assert_close(answer(eps_fn, xT, betas, alpha_bars, zs), image.expand(4, 2, 3, 2))


class Test_ddim_step:
    STRIDES = ((9, 8), (9, 4), (11, 0), (1, 0))

    @staticmethod
    def states(alpha_bars, t):
        x0, eps, z = 2 * randn(4, 3, seed=1), randn(4, 3, seed=2), randn(4, 3, seed=3)
        return x0, eps, z, noised(x0, torch.full((4,), t), eps, alpha_bars)

    @pytest.mark.hint("Estimate the data, then noise them again up to t_prev with the same noise.")
    def test_trajectory(self, answer):
        """Without fresh noise, the true noise keeps the state on its own trajectory."""
        _, alpha_bars = schedule(seed=3)
        for t, t_prev in self.STRIDES:
            x0, eps, z, xt = self.states(alpha_bars, t)
            expected = noised(x0, torch.full((4,), t_prev), eps, alpha_bars)
            assert_close(answer(xt, t, t_prev, eps, alpha_bars, 0.0, z), expected)

    @pytest.mark.hint("For eta = 1 the variance is that of the posterior of one large step.")
    def test_fresh_noise(self, answer):
        """The fresh noise has eta times the deviation of the posterior between the two times."""
        _, alpha_bars = schedule(seed=3)
        for (t, t_prev), eta in zip(self.STRIDES, (1.0, 0.5, 1.0, 0.3), strict=True):
            _, eps, z, xt = self.states(alpha_bars, t)
            kept = float(alpha_bars[t] / alpha_bars[t_prev])
            precision = 1 / (1 - float(alpha_bars[t_prev])) + kept / (1 - kept)
            with_noise = answer(xt, t, t_prev, eps, alpha_bars, eta, z)
            without = answer(xt, t, t_prev, eps, alpha_bars, eta, 0 * z)
            assert_close(with_noise - without, eta / math.sqrt(precision) * z)

    @pytest.mark.hint("What fresh noise adds in variance, the predicted noise must give up.")
    def test_marginal(self, answer):
        """Whatever eta is, predicted and fresh noise together have the variance of that time."""
        _, alpha_bars = schedule(seed=6)
        one = torch.ones(1, 1, dtype=torch.float64)
        for t, t_prev, eta in [(9, 4, 0.0), (9, 4, 0.7), (10, 2, 1.0), (5, 4, 1.0)]:

            def reach(eps, z, t=t, t_prev=t_prev, eta=eta):
                xt = alpha_bars[t].sqrt() * 2 * one + (1 - alpha_bars[t]).sqrt() * eps
                return answer(xt, t, t_prev, eps, alpha_bars, eta, z)

            middle = reach(0 * one, 0 * one)
            assert_close(middle, 2 * alpha_bars[t_prev].sqrt() * one)
            total = (reach(one, 0 * one) - middle) ** 2 + (reach(0 * one, one) - middle) ** 2
            assert_close(total, (1 - alpha_bars[t_prev]) * one)

    @pytest.mark.hint("Compare with one step of p_sample_step, term by term.")
    def test_ancestral(self, answer):
        """One step back with eta = 1 is the step of the ancestral sampler."""
        betas, alpha_bars = schedule(seed=4)
        for t in (1, 6, 11):
            xt, eps, z = randn(3, 2, seed=4), randn(3, 2, seed=5), randn(3, 2, seed=6)
            times = torch.full((3,), t)
            implied = data_of(xt, times, eps, alpha_bars)
            mean, var = posterior(implied, xt, times, betas, alpha_bars)
            expected = mean + np.sqrt(var)[:, None] * z.numpy()
            found = assert_pure(answer, xt, t, t - 1, eps, alpha_bars, 1.0, z)
            assert_close(found, expected)

    @pytest.mark.hint("At t_prev = -1 nothing is lost: what is alpha-bar there? Not the last one.")
    def test_to_data(self, answer):
        """A step to the data gives the predicted data, from any time, without noise."""
        _, alpha_bars = schedule()
        for t, eta in [(0, 0.0), (0, 1.0), (7, 1.0), (11, 0.4)]:
            x0, eps, z, xt = self.states(alpha_bars, t)
            assert_close(answer(xt, t, -1, eps, alpha_bars, eta, z), x0)


class Test_terminal_snr:
    @pytest.mark.hint("Variance of the signal over variance of the noise, after the last step.")
    def test_value(self, answer):
        """Four parts of signal on one part of noise make 4; other mixtures likewise."""
        for last, ratio in [(0.8, 4.0), (0.2, 0.25), (0.01, 1 / 99), (0.75, 3.0)]:
            alpha_bars = torch.tensor([0.95, 0.9, last], dtype=torch.float64)
            assert_close(assert_pure(answer, alpha_bars), ratio)

    @pytest.mark.hint("Only the end of the schedule counts.")
    def test_only_the_end(self, answer):
        """Neither the steps before nor their number matter; equal shares make 1, no signal 0."""
        for values in ([0.9, 0.5], [0.99, 0.98, 0.7, 0.6, 0.5], [0.6, 0.55, 0.51, 0.5]):
            alpha_bars = torch.tensor(values, dtype=torch.float64)
            assert_close(answer(alpha_bars), 1.0)
            alpha_bars[-1] = 0.0
            assert abs(answer(alpha_bars)) < 1e-12

    @pytest.mark.hint("A ratio of variances, not of amplitudes, not in decibels.")
    def test_thousand_steps(self, answer):
        """For the thousand steps of the original DDPM the ratio is small, and exact."""
        betas, alpha_bars = long_schedule()
        log_left = math.fsum(math.log1p(-beta) for beta in betas.tolist())
        assert_close(answer(alpha_bars), 1 / math.expm1(-log_left), atol=0.0)


class Test_rescale_zero_terminal_snr:
    @pytest.mark.hint("Map amplitudes, not variances: the last to 0, the first to itself.")
    def test_amplitudes(self, answer):
        """Amplitudes move on the straight line that takes the last to 0 and keeps the first."""
        for alpha_bars in (schedule(9)[1], schedule(7, seed=3)[1], schedule(4, seed=4)[1]):
            signal = alpha_bars.sqrt().numpy()
            expected = np.interp(signal, [signal[-1], signal[0]], [0.0, signal[0]]) ** 2
            assert_close(answer(alpha_bars), expected)

    @pytest.mark.hint("Look at the two ends of what you return, and at the order between them.")
    def test_ends(self, answer):
        """The last value is exactly 0, the first is as it was, and those between decrease."""
        alpha_bars = torch.tensor([0.81, 0.64, 0.49, 0.36, 0.25], dtype=torch.float64)
        found = answer(alpha_bars)
        assert abs(found[-1].item()) < 1e-12
        assert_close(found[0], 0.81)
        assert_close(found[2], 0.2025)
        assert torch.all(found[1:] < found[:-1])

    @pytest.mark.hint("A schedule that already ends in pure noise needs no change.")
    def test_twice(self, answer):
        """A schedule that already ends in pure noise comes back as it was."""
        alpha_bars = torch.tensor([0.9, 0.72, 0.4, 0.13, 0.0], dtype=torch.float64)
        assert_close(answer(alpha_bars), alpha_bars)
        moved = schedule(6, seed=8)[1]
        once = answer(moved)
        assert_close(answer(once), once)
        assert_close(once[0], moved[0])

    @pytest.mark.hint("Work on a new tensor; two steps are the smallest schedule.")
    def test_pure(self, answer):
        """Short and long schedules work, and the given one is not changed."""
        assert_close(answer(torch.tensor([0.7, 0.3]).double()), torch.tensor([0.7, 0.0]))
        _, alpha_bars = long_schedule()
        signal = alpha_bars.sqrt().numpy()
        expected = np.interp(signal, [signal[-1], signal[0]], [0.0, signal[0]]) ** 2
        assert_close(assert_pure(answer, alpha_bars), expected)


class Test_vlb_weights:
    @pytest.mark.hint("Two Gaussians of equal variance: squared distance of means over twice it.")
    def test_kl(self, answer):
        """Each weight is the KL between true and predicted reverse step for a noise off by one."""
        betas, alpha_bars = schedule(seed=3)
        t, zero = torch.arange(1, 12), torch.zeros(11, 1, dtype=torch.float64)
        xt = zero + 0.7
        true, var = posterior(data_of(xt, t, zero, alpha_bars), xt, t, betas, alpha_bars)
        off, _ = posterior(data_of(xt, t, zero + 1, alpha_bars), xt, t, betas, alpha_bars)
        deviation = torch.tensor(np.sqrt(var))
        q, p = (td.Normal(torch.tensor(mean[:, 0]), deviation) for mean in (true, off))
        assert_close(assert_pure(answer, betas, alpha_bars), td.kl_divergence(q, p))

    @pytest.mark.hint("In terms of the data's error the weight is half the loss of SNR in a step.")
    def test_snr(self, answer):
        """In terms of the error of the data, each weight is half the signal-to-noise lost there."""
        betas, alpha_bars = schedule(8)
        snr = alpha_bars / (1 - alpha_bars)
        assert_close(answer(betas, alpha_bars) * snr[1:], (snr[:-1] - snr[1:]) / 2)

    @pytest.mark.hint("The first entry belongs to t = 1, the last to t = T - 1.")
    def test_two_and_many(self, answer):
        """Two steps have one weight; in a thousand the weights fall at first, then rise."""
        betas = torch.tensor([0.2, 0.5], dtype=torch.float64)
        found = answer(betas, torch.tensor([0.8, 0.4], dtype=torch.float64))
        assert_close(found, torch.tensor([2.5]))
        weights = answer(*long_schedule())
        assert torch.all(weights[:50].diff() < 0)
        assert_close(weights[-1], 0.02 / (2 * 0.98), rtol=1e-3)


class Test_prior_kl:
    @pytest.mark.hint("q(x_T | x) has mean sqrt(alpha_bar) x and variance 1 - alpha_bar.")
    def test_distributions(self, answer):
        """The KL of each sample agrees with an independent one, for a short schedule."""
        _, alpha_bars = schedule(4)
        x0, last = 2 * randn(5, 3, seed=1), alpha_bars[-1]
        q = td.Normal(last.sqrt() * x0, (1 - last).sqrt())
        expected = td.kl_divergence(q, td.Normal(0.0, 1.0)).sum(dim=1)
        assert_close(assert_pure(answer, x0, alpha_bars), expected)

    @pytest.mark.hint("Data at 0 still have a variance below 1 at the end, in each coordinate.")
    def test_zero_data(self, answer):
        """Data at zero still cost the narrow variance, once for each coordinate."""
        alpha_bars = torch.tensor([0.9, 0.75], dtype=torch.float64)
        x0 = torch.zeros(2, 4, dtype=torch.float64)
        assert_close(answer(x0, alpha_bars), torch.full((2,), 2 * (math.log(4) - 0.75)))

    @pytest.mark.hint("How does the KL grow with the square of the data?")
    def test_growth(self, answer):
        """Moving the data by one adds half the squared move times the signal that is left."""
        alpha_bars = torch.tensor([0.8, 0.6, 0.3], dtype=torch.float64)
        x0 = torch.tensor([[0.0, 0.0], [2.0, 0.0], [2.0, -4.0]], dtype=torch.float64)
        found = answer(x0, alpha_bars)
        assert_close(found - found[0], torch.tensor([0.0, 0.6, 3.0]))
