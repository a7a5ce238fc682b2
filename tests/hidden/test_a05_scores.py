"""Hidden tests of chapter 5: scores and continuous time."""

import math

import numpy as np
import pytest
import torch
import torch.distributions as td
from scipy.integrate import solve_ivp
from scipy.special import softmax
from scipy.stats import norm

from autograder.testing import assert_close, assert_pure, callback

# Finite differences on the grid of the Fokker-Planck tests, in float32 too; values are of order 1.
GRID_ATOL = 3e-3


def rand(*shape, low=-2.0, high=2.0, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def covariance(D, seed=5):
    """A covariance with unequal variances and correlations of both signs."""
    A = rand(D, D, seed=seed)
    return A @ A.T + torch.diag(torch.linspace(0.3, 1.2, D, dtype=torch.float64))


def sigma_points(mu, S):
    """Equally weighted points (2D, D) with exactly this mean and covariance (ddof 0)."""
    L = torch.linalg.cholesky(S) * math.sqrt(len(mu))
    return torch.cat([mu + L.T, mu - L.T])


def network(D=3, hidden=4, seed=5):
    """A small smooth network from R^D to R^D."""
    net = torch.nn.Sequential(
        torch.nn.Linear(D, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, D)
    ).double()
    for number, parameter in enumerate(net.parameters()):
        parameter.data = rand(*parameter.shape, seed=seed + number)
    return net


def linear(weight, bias):
    """The linear map x -> weight x + bias, as a module whose parameters can be learned."""
    layer = torch.nn.Linear(*weight.shape).double()
    layer.weight.data, layer.bias.data = weight.clone(), bias.clone()
    return layer


class Mixture1D:
    """A mixture on the line that flows under dx = -beta x / 2 dt + sqrt(beta) dW, beta constant."""

    pi = np.array([0.3, 0.7])
    m = np.array([-1.5, 2.0])
    v = np.array([0.2, 0.6])

    def __init__(self, beta):
        self.beta = beta

    def parts(self, x, t):
        a = math.exp(-self.beta * t / 2)
        std = np.sqrt(a**2 * self.v + 1 - a**2)
        z = (x[:, None] - a * self.m) / std
        return z, std

    def density(self, x, t):
        z, std = self.parts(x, t)
        return (norm.pdf(z) / std) @ self.pi

    def slope(self, x, t):
        """The derivative of the density in x."""
        z, std = self.parts(x, t)
        return (-z * norm.pdf(z) / std**2) @ self.pi

    def flux(self, x, t, h=1e-5):
        """Mass that passes x from left to right per unit time: minus the CDF's rate of change."""
        later, earlier = (norm.cdf(self.parts(x, t + d)[0]) @ self.pi for d in (h, -h))
        return -(later - earlier) / (2 * h)


class Test_euler_maruyama:
    @pytest.mark.hint("Drift and noise strength are those of the beginning of each step.")
    def test_time_and_state(self, answer):
        """Drift and noise may depend on time and state, and steps may differ: the path is exact."""
        x0, zs = rand(3, 2), rand(5, 3, 2, seed=6)
        ts = vector(0.2, 0.3, 0.35, 0.7, 1.5, 1.6)
        path = assert_pure(
            answer, lambda x, t: (0.5 - t) * x, lambda x, t: (0.3 + t) * x, x0, ts, zs
        )
        t, h = ts[:-1, None, None], ts.diff()[:, None, None]
        factors = 1 + (0.5 - t) * h + (0.3 + t) * h.sqrt() * zs
        assert_close(path, torch.cat([x0[None], x0 * factors.cumprod(dim=0)]))

    @pytest.mark.hint("The variance of the noise is proportional to h. What is its size, then?")
    def test_squared_increments(self, answer):
        """Without drift, the squares of increments with noise plus and minus 1 add up to time."""
        ts = vector(0.0, 0.01, 0.5, 0.51, 2.0)
        zs = rand(4, 6).sign()
        path = answer(lambda x, t: 0.0, lambda x, t: 1.5, rand(6), ts, zs)
        assert_close((path.diff(dim=0) ** 2).sum(dim=0), torch.full((6,), 1.5**2 * 2.0))
        assert torch.equal(path.diff(dim=0).sign(), zs)

    @pytest.mark.hint("Without noise this is Euler's method for dx/dt = f. Check one step by hand.")
    def test_no_noise(self, answer):
        """Without noise, a nonlinear drift is followed step by step from where the path is."""
        ts = vector(0.0, 0.5, 0.75, 1.75)
        path = answer(lambda x, t: x * (1 - x), lambda x, t: 0.0, vector(0.5, -0.2), ts, rand(3, 2))
        one, other = [0.5], [-0.2]
        for h in (0.5, 0.25, 1.0):
            one.append(one[-1] + h * one[-1] * (1 - one[-1]))
            other.append(other[-1] + h * other[-1] * (1 - other[-1]))
        assert_close(path, np.stack([one, other], axis=1))

    @pytest.mark.hint("Going back in time h is negative: which of the two terms changes its sign?")
    def test_falling_times(self, answer):
        """Times may fall: the drift is then undone, the noise is added as before."""
        ts = vector(1.0, 0.9, 0.4, 0.0)
        x0, zs = rand(2, 1, 3), rand(3, 2, 1, 3, seed=6)
        path = answer(lambda x, t: 1 + t**2, lambda x, t: 0.5 + t, x0, ts, zs)
        t, size = ts[:-1].reshape(3, 1, 1, 1), vector(0.1, 0.5, 0.4).reshape(3, 1, 1, 1)
        steps = -(1 + t**2) * size + (0.5 + t) * size.sqrt() * zs
        assert_close(path, torch.cat([x0[None], x0 + steps.cumsum(dim=0)]))


class Test_ou_moments:
    @pytest.mark.hint("Write down dm/dt and dv/dt, and put your formulas in.")
    def test_moment_equations(self, answer):
        """Mean and variance solve the differential equations of the two moments."""
        x0, t = vector(2.0, -1.0, 0.5, 3.0), vector(0.1, 0.7, 1.5, 4.0)
        mean, var = assert_pure(answer, x0, 0.7, 1.3, t)
        solution = solve_ivp(
            lambda _, y: [-0.7 * y[0], 1.3**2 - 2 * 0.7 * y[1]],
            (0.0, 4.0),
            [1.0, 0.0],
            t_eval=t.numpy(),
            rtol=1e-9,
            atol=1e-10,
        )
        assert_close(mean, x0.numpy() * solution.y[0])
        assert_close(var, solution.y[1])

    @pytest.mark.hint(
        "At time 0 nothing has happened yet; after a long time the start is forgotten."
    )
    def test_start_and_end(self, answer):
        """The process starts at x0 without spread and ends in the stationary law."""
        mean, var = answer(vector(2.0, 2.0, -5.0), 0.5, 3.0, vector(0.0, 200.0, 3000.0))
        assert_close(mean, vector(2.0, 0.0, 0.0))
        assert_close(var, vector(0.0, 9.0, 9.0))

    @pytest.mark.hint("Stop half-way, and go on from there: how does the spread so far shrink?")
    def test_two_stages(self, answer):
        """Going on from an intermediate time gives the same mean and variance as going at once."""
        x0, t1, t2 = vector(1.5, -2.0), vector(0.3, 0.8), vector(0.9, 0.2)
        (m1, v1), (mean, var) = (answer(x0, 1.1, 0.6, t) for t in (t1, t1 + t2))
        m2, v2 = answer(m1, 1.1, 0.6, t2)
        shrunk = (torch.as_tensor(m2) / torch.as_tensor(m1)) ** 2
        assert torch.all(var > 0.05)
        assert_close(m2, mean)
        assert_close(v2 + shrunk * v1, var)

    @pytest.mark.hint("When the pull vanishes, only the noise is left: its variance is s^2 t.")
    def test_weak_pull(self, answer):
        """With a weak pull the process is nearly Brownian motion."""
        th, t = 1e-3, vector(0.5, 2.0, 3.0)
        mean, var = answer(vector(1.0, -4.0, 2.0), th, 2.0, t)
        assert_close(mean, vector(1.0, -4.0, 2.0) * (1 - th * t + (th * t) ** 2 / 2))
        assert_close(var, 4.0 * t * (1 - th * t + 2 / 3 * (th * t) ** 2))


class Test_gaussian_score:
    @pytest.mark.hint("Differentiate -(x - mu)' S^-1 (x - mu) / 2 in x.")
    def test_gradient_of_log_density(self, answer):
        """The score is the gradient of the log-density, also where coordinates are correlated."""
        x, mu, S = rand(5, 3), rand(3, seed=6), covariance(3)
        y = x.clone().requires_grad_()
        log_p = td.MultivariateNormal(mu, S).log_prob(y)
        assert_close(assert_pure(answer, x, mu, S), torch.autograd.grad(log_p.sum(), y)[0])

    @pytest.mark.hint("Is it the covariance you divide by, and all of it?")
    def test_undoes_the_covariance(self, answer):
        """Moving from the mean by the covariance times a vector gives minus that vector."""
        mu, S, v = rand(4, seed=8), covariance(4, seed=9), rand(6, 4)
        assert_close(answer(mu + v @ S, mu, S), -v)

    @pytest.mark.hint("A score has mean zero, and its covariance is the inverse of S.")
    def test_second_moment(self, answer):
        """Under the Gaussian the score averages to zero and has the inverse covariance."""
        mu, S = rand(3, seed=10), covariance(3, seed=11)
        score = answer(sigma_points(mu, S), mu, S)
        assert_close(score.mean(dim=0), torch.zeros(3))
        assert_close(score.T @ score / 6 @ S, torch.eye(3))

    @pytest.mark.hint("In one dimension the score is a straight line. Which slope has it?")
    def test_one_dimension(self, answer):
        """In one dimension the score is a straight line that falls by one over the variance."""
        score = answer(vector(3.0, 5.0, 1.0)[:, None], vector(3.0), vector(4.0)[:, None])
        assert_close(score, vector(0.0, -0.5, 0.5)[:, None])


class Test_gmm_score:
    pi = vector(0.1, 0.4, 0.3, 0.2)
    s2 = vector(0.3, 2.5, 0.9, 5.0)

    @pytest.mark.hint("A component's share needs its normalising constant, which depends on D.")
    def test_gradient_of_log_density(self, answer):
        """The score is the gradient of the mixture's log-density."""
        x, mu = rand(6, 3, low=-3, high=3), rand(4, 3, seed=6)
        y = x.clone().requires_grad_()
        std = self.s2.sqrt()[:, None].expand(4, 3)
        mixture = td.MixtureSameFamily(
            td.Categorical(self.pi), td.Independent(td.Normal(mu, std), 1)
        )
        (expected,) = torch.autograd.grad(mixture.log_prob(y).sum(), y)
        assert_close(assert_pure(answer, x, self.pi, mu, self.s2), expected)

    @pytest.mark.hint("Where every density is 0 in the computer, its logarithm is still a number.")
    def test_far_points(self, answer):
        """Three hundred units away the score is exact: it points at the widest component."""
        mu = torch.stack([vector(1.0, -2.0), vector(0.0, 3.0)])
        x = torch.stack([vector(300.0, 1.0), vector(-250.0, -300.0), vector(0.0, 310.0)])
        score = answer(x, vector(0.8, 0.2), mu, vector(1.0, 4.0))
        assert_close(score, (mu[1] - x) / 4)
        for order in ([1, 0, 2], [0, 2, 1], [2, 1, 0]):  # The widest first, in between, last.
            wide, at = vector(1.0, 4.0, 0.5)[order], mu[[0, 1, 0]][order]
            assert_close(answer(x, vector(0.5, 0.2, 0.3)[order], at, wide), (mu[1] - x) / 4)

    @pytest.mark.hint("Two components: their shares are a logistic function of x.")
    def test_two_humps(self, answer):
        """For two humps of equal width on the line the score is the known closed form."""
        x = torch.linspace(-4, 4, 9, dtype=torch.float64)
        mu = vector(1.5, -1.5)[:, None]
        score = answer(x[:, None], vector(0.2, 0.8), mu, vector(0.7, 0.7))
        tilt = 1.5 * x / 0.7 + 0.5 * math.log(0.2 / 0.8)
        assert_close(score[:, 0], (1.5 * torch.tanh(tilt) - x) / 0.7)

    @pytest.mark.hint("It is the gradient of log p: averaged under p it obeys a simple law.")
    def test_average(self, answer):
        """Averaged under the mixture the score is zero, and x times the score is minus one."""
        x = torch.linspace(-16, 16, 1201, dtype=torch.float64)
        mu, s2 = vector(-2.0, 0.5, 1.0, 3.0), vector(0.3, 2.0, 0.1, 1.0)
        p = norm.pdf(x[:, None], mu, s2.sqrt()) @ self.pi.numpy()
        score = answer(x[:, None], self.pi, mu[:, None], s2)[:, 0].numpy()
        assert_close(np.trapezoid(p * score, x), 0.0)
        assert_close(np.trapezoid(p * score * x.numpy(), x), -1.0)

    @pytest.mark.hint("Equal components act as one, however the weight is shared between them.")
    def test_one_component(self, answer):
        """A single Gaussian, whole or cut into equal components, has the Gaussian's score."""
        x, mu = rand(4, 2), rand(1, 2, seed=6)
        expected = (mu - x) / 0.4
        assert_close(answer(x, vector(1.0), mu, vector(0.4)), expected)
        parts = answer(x, vector(0.1, 0.6, 0.3), mu.repeat(3, 1), vector(0.4, 0.4, 0.4))
        assert_close(parts, expected)


class Test_implicit_score_matching:
    @staticmethod
    def closed_form(net, x):
        """The loss of a two-layer network, its trace written out by hand."""
        W1, b1, W2, b2 = net.parameters()
        h = torch.tanh(x @ W1.T + b1)
        trace = torch.einsum("ij,bj,ji->b", W2, 1 - h**2, W1)
        return (trace + 0.5 * ((h @ W2.T + b2) ** 2).sum(dim=1)).mean()

    @pytest.mark.hint("Entry (i, i) of the Jacobian: how output i moves when input i moves.")
    def test_value(self, answer):
        """For a network the loss agrees with the trace of its Jacobian written out by hand."""
        net, x = network(), rand(5, 3, seed=20)
        assert_close(assert_pure(answer, net, x), self.closed_form(net, x))

    @pytest.mark.hint(
        "The trace depends on the network too: autograd must be able to go through it."
    )
    def test_parameter_gradient(self, answer):
        """The gradient in every parameter is that of both terms of the loss."""
        net, x = network(D=2, hidden=5, seed=30), rand(4, 2, seed=40)
        found = torch.autograd.grad(answer(net, x), list(net.parameters()))
        expected = torch.autograd.grad(self.closed_form(net, x), list(net.parameters()))
        assert_close(found, expected)

    @pytest.mark.hint("Half the squared length, plus the trace, averaged over the batch.")
    def test_linear_score(self, answer):
        """For a linear score the trace is that of its matrix, whatever the points are."""
        P, b, x = rand(12, 12, seed=7), rand(12, seed=8), rand(3, 12, seed=9)
        squared = ((x @ P.T + b) ** 2).sum(dim=1)
        assert_close(answer(linear(P, b), x), P.trace() + 0.5 * squared.mean())

    @pytest.mark.hint("At the true score of the data the loss is at its lowest, and not at zero.")
    def test_lowest_at_the_gaussian(self, answer):
        """Among linear scores the one with the data's mean and covariance is stationary."""
        mu, S = rand(3, seed=12), covariance(3, seed=13)
        P = torch.linalg.inv(S)
        score = linear(-P, P @ mu)
        loss = answer(score, sigma_points(mu, S))
        assert_close(loss, -0.5 * P.trace())
        for gradient in torch.autograd.grad(loss, list(score.parameters())):
            assert_close(gradient, torch.zeros_like(gradient))

    @pytest.mark.hint("Expand half the squared distance to the true score and integrate by parts.")
    def test_same_as_explicit(self, answer):
        """The loss is the squared distance to the true score up to a constant, for every score."""
        mu, S = rand(2, seed=14), covariance(2, seed=15)
        x = sigma_points(mu, S)
        truth = -torch.linalg.solve(S, (x - mu).T).T
        constant = -0.5 * torch.linalg.inv(S).trace()
        for seed in (16, 17):
            score = linear(rand(2, 2, seed=seed), rand(2, seed=seed + 5))
            distance = 0.5 * ((score(x).detach() - truth) ** 2).sum(dim=1).mean()
            assert_close(answer(score, x), distance + constant)


class Test_dsm_loss:
    @pytest.mark.hint(
        "The target is the gradient in y of log N(y; x, sig^2 I), at the noised point."
    )
    @pytest.mark.parametrize("sig", [0.3, 2.0])
    def test_value(self, answer, sig):
        """The loss is half the mean squared distance to the score of the noise kernel."""
        net, x, eps = network(), rand(5, 3, seed=20), rand(5, 3, seed=21)
        y = (x + sig * eps).requires_grad_()
        (target,) = torch.autograd.grad(td.Normal(x, sig).log_prob(y).sum(), y)
        expected = 0.5 * ((net(y.detach()).detach() - target) ** 2).sum(dim=1).mean()
        assert_close(assert_pure(answer, net, x, sig, eps), expected)

    @pytest.mark.hint("The score is asked about noisy points: all of them at once, and only them.")
    def test_what_the_score_sees(self, answer):
        """The score is called once, on the data plus the noise that was handed in."""
        calls = []

        def spy(y):
            calls.append(y.detach().clone())
            return -2 * y

        x, eps = rand(4, 2, seed=22), rand(4, 2, seed=23)
        loss = answer(callback(spy), x, 0.5, eps)
        assert_close(calls, [x + 0.5 * eps])
        error = -2 * (x + 0.5 * eps) + 2 * eps
        assert_close(torch.as_tensor(loss), 0.5 * (error**2).sum(dim=1).mean())

    @pytest.mark.hint("The gradient must reach the network's parameters and is an average.")
    def test_parameter_gradient(self, answer):
        """For a linear score the gradient is the mean product of the error and the noisy point."""
        weight, bias = rand(3, 3, seed=24), rand(3, seed=25)
        score, x, eps = linear(weight, bias), rand(5, 3, seed=26), rand(5, 3, seed=27)
        found = torch.autograd.grad(answer(score, x, 0.7, eps), list(score.parameters()))
        y = x + 0.7 * eps
        error = y @ weight.T + bias + eps / 0.7
        assert_close(found, [error.T @ y / 5, error.mean(dim=0)])

    @pytest.mark.hint(
        "What is learned is the score of the noisy data, wider than the clean data's."
    )
    def test_lowest_at_the_smoothed_gaussian(self, answer):
        """The best linear score is that of the data's Gaussian made wider by the noise."""
        mu, S, sig = rand(2, seed=28), covariance(2, seed=29), 0.8
        points, noise = sigma_points(mu, S), sigma_points(torch.zeros(2), torch.eye(2)).double()
        x, eps = points.repeat_interleave(4, dim=0), noise.repeat(4, 1)
        P = torch.linalg.inv(S + sig**2 * torch.eye(2))
        score = linear(-P, P @ mu)
        loss = answer(score, x, sig, eps)
        assert_close(loss, 0.5 * (2 / sig**2 - P.trace()))
        for gradient in torch.autograd.grad(loss, list(score.parameters())):
            assert_close(gradient, torch.zeros_like(gradient))


class Test_tweedie:
    @pytest.mark.hint(
        "Compare with the posterior mean of a Gaussian prior, weighted by precisions."
    )
    @pytest.mark.parametrize("sig", [0.3, 2.0])
    def test_gaussian_prior(self, answer, sig):
        """For Gaussian data the estimate is the posterior mean."""
        m, v, y = vector(1.0, -2.0, 0.5), vector(0.5, 3.0, 1.0), rand(4, 3, low=-4, high=4)
        score = -(y - m) / (v + sig**2)
        posterior_mean = (y / sig**2 + m / v) / (1 / sig**2 + 1 / v)
        assert_close(assert_pure(answer, y, sig, score), posterior_mean)

    @pytest.mark.hint("Weigh the possible values of x by how well each explains y.")
    def test_finite_prior(self, answer):
        """For data that take one of four values the estimate is their posterior average."""
        sig, values, y = 0.7, rand(4, 2, seed=6), rand(5, 2)
        squared = ((y[:, None] - values) ** 2).sum(dim=2).numpy()
        expected = softmax(-squared / (2 * sig**2), axis=1) @ values.numpy()
        leaf = y.clone().requires_grad_()
        log_q = torch.logsumexp(-((leaf[:, None] - values) ** 2).sum(dim=2) / (2 * sig**2), dim=1)
        (score,) = torch.autograd.grad(log_q.sum(), leaf)
        assert_close(answer(y, sig, score), expected)

    @pytest.mark.hint("With a single possible x the answer must be that x, whatever y is.")
    @pytest.mark.parametrize("sig", [0.1, 3.0])
    def test_single_value(self, answer, sig):
        """When only one clean point is possible, it is recovered from every noisy one."""
        y, x = rand(5, 2, low=-3, high=3), vector(2.0, -1.0).expand(5, 2).clone()
        assert_close(answer(y, sig, (x - y) / sig**2), x)


class Test_eps_to_score:
    ab = vector(0.99, 0.6, 0.2, 0.05, 1e-4)

    @pytest.mark.hint("Differentiate log N(x_t; sqrt(ab) x_0, 1 - ab) in x_t, then put x_t in.")
    def test_score_of_the_kernel(self, answer):
        """With the true noise the result is the score of x_t given x_0."""
        x0, eps, ab = rand(5, 3), rand(5, 3, seed=6), self.ab[:, None]
        xt = (ab.sqrt() * x0 + (1 - ab).sqrt() * eps).requires_grad_()
        log_q = td.Normal(ab.sqrt() * x0, (1 - ab).sqrt()).log_prob(xt)
        (expected,) = torch.autograd.grad(log_q.sum(), xt)
        assert_close(assert_pure(answer, eps, self.ab), expected)

    @pytest.mark.hint("alpha-bar belongs to the sample: which axis of eps does it go with?")
    @pytest.mark.parametrize("shape", [(5,), (5, 5), (5, 2, 3, 5)])
    def test_each_sample_has_its_own(self, answer, shape):
        """Every sample is scaled by its own level, for data of any rank."""
        eps = rand(*shape, seed=7)
        score = answer(eps, self.ab)
        for b, level in enumerate(self.ab.tolist()):
            assert_close(score[b], -eps[b] / math.sqrt(1 - level))

    @pytest.mark.hint("Score and predicted x_0 must tell the same story about x_t.")
    def test_leads_back(self, answer):
        """Moving x_t by its variance along the score, and rescaling, gives the clean data back."""
        x0, eps, ab = rand(5, 2, seed=8), rand(5, 2, seed=9), self.ab[:, None]
        xt = ab.sqrt() * x0 + (1 - ab).sqrt() * eps
        denoised = (xt + (1 - ab) * answer(eps, self.ab)) / ab.sqrt()
        assert_close(denoised, x0, atol=1e-3)


class Test_vp_marginal:
    t = vector(0.05, 0.2, 0.5, 0.9, 1.0)

    @pytest.mark.hint("Integrate beta from 0 to t: the area under a straight line.")
    def test_quadrature(self, answer):
        """Signal and noise agree with the rate integrated numerically."""
        a, std = assert_pure(answer, self.t, 0.1, 20.0)
        middle = (np.arange(1000) + 0.5) / 1000
        area = [t * np.mean(0.1 + t * middle * 19.9) for t in self.t.tolist()]
        assert_close(a, np.exp(-0.5 * np.array(area)))
        assert_close(std, np.sqrt(1 - np.exp(-np.array(area))))

    @pytest.mark.hint("Signal and noise share a variance of 1; both are sizes, not variances.")
    def test_unit_variance(self, answer):
        """Data of variance 1 keep it, while the signal only fades."""
        a, std = answer(self.t, 0.5, 6.0)
        assert_close(a**2 + std**2, torch.ones(5))
        assert torch.all(a.diff() < 0)
        assert torch.all(std.diff() > 0)
        assert a[0] > 0.97

    @pytest.mark.hint("Many small DDPM steps: the product of their sqrt(1 - beta h).")
    def test_limit_of_small_steps(self, answer):
        """The signal is the limit of many small steps, each of which keeps sqrt(1 - beta h)."""
        n = 40000
        beta = 0.2 + (np.arange(n) + 0.5) / n * 4.8
        kept = np.exp(0.5 * np.log1p(-beta / n).cumsum())
        a, std = answer(self.t, 0.2, 5.0)
        expected = kept[(self.t.numpy() * n).round().astype(int) - 1]
        assert_close(a, expected, atol=2e-4)
        assert_close(std, np.sqrt(1 - expected**2), atol=2e-4)

    @pytest.mark.hint("At a constant rate this is the OU process of section 5.2. With which theta?")
    def test_constant_rate(self, answer):
        """At a constant rate the signal decays like an exponential, from all to nothing."""
        a, std = answer(vector(0.0, 0.25, 1.0), 3.0, 3.0)
        assert_close(a, np.exp([0.0, -0.375, -1.5]))
        assert_close(std, np.sqrt(1 - np.exp([0.0, -0.75, -3.0])))
        assert_close(answer(vector(0.5, 1.0), 3000.0, 3000.0), (np.zeros(2), np.ones(2)))


class _Drift:
    """What both drifts are tested on: Gaussian data with means m and variances v, at time t."""

    beta, t = 1.7, 0.6
    m, v = vector(2.0, -1.0, 0.5), vector(0.3, 4.0, 1.5)

    def gaussian(self):
        a = math.exp(-self.beta * self.t / 2)
        return a * self.m, a**2 * self.v + 1 - a**2

    def slope(self, answer):
        """Drift at the mean, and its slope in each coordinate."""
        mean, var = self.gaussian()
        x = torch.stack([mean, mean + 0.7])
        drift = answer(x, self.beta, -(x - mean) / var)
        return drift[0], (drift[1] - drift[0]) / 0.7

    def mixture(self, answer):
        """A flowing mixture, points, and the drift there."""
        flow, x = Mixture1D(self.beta), np.linspace(-3, 3, 25)
        score = flow.slope(x, self.t) / flow.density(x, self.t)
        drift = answer(torch.tensor(x)[:, None], self.beta, torch.tensor(score)[:, None])
        return flow, x, drift[:, 0].numpy()


class Test_reverse_sde_drift(_Drift):
    @pytest.mark.hint("Follow a Gaussian back in time: its variance must retrace its steps.")
    def test_gaussian_variance(self, answer):
        """Back in time, with fresh noise, a Gaussian's mean and variance retrace their way."""
        mean, var = self.gaussian()
        drift, slope = self.slope(answer)
        assert_close(drift, -0.5 * self.beta * mean)
        assert_close(-2 * slope * var + self.beta, self.beta * (var - 1))

    @pytest.mark.hint("Write the Fokker-Planck equation of the reversed process.")
    def test_mixture_flows_back(self, answer):
        """For a mixture the reversed process moves exactly the mass that the forward one moved."""
        flow, x, drift = self.mixture(answer)
        moved = drift * flow.density(x, self.t) + 0.5 * self.beta * flow.slope(x, self.t)
        assert_close(moved, flow.flux(x, self.t))

    @pytest.mark.hint("Put numbers in: x = 1 and a score of 1, separately.")
    def test_parts(self, answer):
        """The drift answers to x, to the score and to beta in the right proportions."""
        x, score = rand(4, 2), rand(4, 2, seed=6)
        assert_close(assert_pure(answer, x, 2.0, torch.zeros(4, 2).double()), -x)
        assert_close(answer(torch.zeros(4, 2).double(), 2.0, score), -2 * score)
        assert_close(answer(x, 0.2, score), answer(x, 2.0, score) / 10)

    @pytest.mark.hint("In equilibrium the reversed process looks like the forward one.")
    def test_equilibrium(self, answer):
        """In equilibrium the reversed process is the forward process in its own clock."""
        x = rand(5, 3, seed=7)
        assert_close(answer(x, 1.3, -x), 0.5 * 1.3 * x)


class Test_pf_ode_drift(_Drift):
    @pytest.mark.hint("Follow a Gaussian: without noise its variance changes by the drift alone.")
    def test_gaussian_variance(self, answer):
        """Without noise the mean and variance of Gaussian data go the way of the noisy process."""
        mean, var = self.gaussian()
        drift, slope = self.slope(answer)
        assert_close(drift, -0.5 * self.beta * mean)
        assert_close(2 * slope * var, self.beta * (1 - var))

    @pytest.mark.hint("The flux p times velocity must be that of the Fokker-Planck equation.")
    def test_mixture_flows(self, answer):
        """For a mixture the ODE moves exactly the mass that the noisy process moves."""
        flow, x, velocity = self.mixture(answer)
        assert_close(velocity * flow.density(x, self.t), flow.flux(x, self.t))

    @pytest.mark.hint("Put numbers in: x = 1 and a score of 1, separately.")
    def test_parts(self, answer):
        """The velocity answers to x, to the score and to beta in the right proportions."""
        x, score = rand(4, 2), rand(4, 2, seed=6)
        assert_close(assert_pure(answer, x, 2.0, torch.zeros(4, 2).double()), -x)
        assert_close(answer(torch.zeros(4, 2).double(), 2.0, score), -score)
        assert_close(answer(x, 0.2, score), answer(x, 2.0, score) / 10)

    @pytest.mark.hint("Where does the velocity vanish, and which way does it point elsewhere?")
    def test_spreads_or_gathers(self, answer):
        """A cloud narrower than the standard normal spreads, a wider one gathers, itself rests."""
        x = rand(5, 2, seed=7)
        for var in (0.25, 1.0, 4.0):
            assert_close(answer(x, 1.3, -x / var), 0.5 * 1.3 * (1 / var - 1) * x)


class Test_euler_ou_variance:
    cases = ((0.7, 1.3, 0.05), (0.7, 1.3, 0.9), (2.0, 0.5, 0.8), (5.0, 3.0, 0.3), (0.1, 2.0, 12.0))

    @pytest.mark.hint(
        "Write the variance after one step in terms of that before, and set them equal."
    )
    def test_stays(self, answer):
        """A step of the scheme leaves the variance as it is."""
        for theta, s, h in self.cases:
            v = answer(theta, s, h)
            assert v > 0
            assert_close((1 - theta * h) ** 2 * v + s**2 * h, v)

    @pytest.mark.hint("Start at 0 and iterate the variance: where does it settle?")
    def test_where_it_settles(self, answer):
        """Iterating the scheme's variance from 0 settles at the returned number."""
        for theta, s, h in self.cases:
            assert_close(
                answer(theta, s, h), sum((1 - theta * h) ** (2 * k) * s**2 * h for k in range(900))
            )

    @pytest.mark.hint("The error of the scheme is of first order in h. With which coefficient?")
    def test_small_steps(self, answer):
        """Small steps give the variance of the process; the first correction has the right size."""
        exact = 1.3**2 / (2 * 0.7)
        assert_close(answer(0.7, 1.3, 1e-7), exact)
        for h in (1e-2, 3e-2):
            assert_close(answer(0.7, 1.3, h) / exact - 1, 0.7 * h / 2 + (0.7 * h / 2) ** 2)

    @pytest.mark.hint("When theta h = 1 a step forgets the past altogether. And beyond that?")
    def test_overshooting(self, answer):
        """Steps that jump past the centre still settle, at a larger variance."""
        assert_close(answer(2.0, 3.0, 0.5), 4.5)
        assert_close(answer(2.0, 3.0, 0.75), 9.0)

    @pytest.mark.hint("From which step on does a deviation no longer shrink?")
    def test_divergence(self, answer):
        """The variance is finite just inside the limit of stability, infinite at it and beyond."""
        inside, *beyond = [answer(2.0, 3.0, h) for h in (0.999, 1.0, 1.001, 7.0)]
        assert beyond == [math.inf] * 3
        assert_close(inside, 2250.0)


class Test_fokker_planck_rhs:
    @staticmethod
    def grid(dx=0.02):
        return torch.arange(-500, 501, dtype=torch.float64) * dx, dx

    @staticmethod
    def derivative(values, x):
        return torch.autograd.grad(values.sum(), x, create_graph=True)[0]

    @pytest.mark.hint("Drift and noise strength depend on x: what stands inside the derivatives?")
    def test_varying_drift_and_noise(self, answer):
        """With drift and noise that vary in space the rate of change is that of the equation."""
        x, dx = self.grid()
        x = x.requires_grad_()
        p = torch.exp(-((x - 0.5) ** 2)) / math.sqrt(math.pi)
        f, g = torch.sin(x) + 0.5 * x, torch.sqrt(1 + 0.25 * x**2)
        second = self.derivative(self.derivative(g**2 * p, x), x)
        expected = (0.5 * second - self.derivative(f * p, x)).detach()
        rate = assert_pure(answer, *(v.detach() for v in (p, f, g)), dx)
        assert_close(rate, expected, rtol=0, atol=GRID_ATOL)

    @pytest.mark.hint("Differentiate the known Gaussian in time and compare.")
    def test_ou_process(self, answer):
        """For the OU process the rate of change is that of the known Gaussian."""
        x, dx = self.grid(dx=0.016)
        theta, s, t, h = 0.8, 1.1, 0.5, 1e-4

        def density(t):
            var = s**2 / (2 * theta) * (1 - math.exp(-2 * theta * t))
            return norm.pdf(x, 2 * math.exp(-theta * t), math.sqrt(var))

        p, one = torch.tensor(density(t)), torch.ones_like(x)
        expected = (density(t + h) - density(t - h)) / (2 * h)
        assert_close(answer(p, -theta * x, s * one, dx), expected, rtol=0, atol=GRID_ATOL)

    @pytest.mark.hint("Multiply the equation by x or x^2 and integrate by parts.")
    def test_moments(self, answer):
        """No mass is lost, and the first two moments change as drift and noise demand."""
        x, dx = self.grid()
        p = torch.tensor(0.3 * norm.pdf(x, -1.5, 0.5) + 0.7 * norm.pdf(x, 1.0, 0.8))
        f, g = 1 - 0.5 * x**3 / (1 + x**2), 0.4 + 0.3 * torch.cos(x)
        rate = answer(p, f, g, dx)
        found = [(rate * x**k).sum() * dx for k in range(3)]
        means = [(p * f).sum() * dx, (p * (2 * x * f + g**2)).sum() * dx]
        assert_close(
            torch.stack(found), torch.stack([0 * means[0], *means]), rtol=0, atol=GRID_ATOL
        )

    @pytest.mark.hint("Noise that is stronger on one side pushes mass to the other side.")
    def test_noise_alone(self, answer):
        """Noise that varies in space moves mass to where it is weak."""
        x, dx = self.grid()
        p = torch.tensor(norm.pdf(x, 0, 0.7))
        g2 = 1 + torch.tanh(x)
        rate = answer(p, torch.zeros_like(x), g2.sqrt(), dx)
        p1, p2 = -x / 0.49 * p, (x**2 / 0.49 - 1) / 0.49 * p
        t = torch.tanh(x)
        expected = 0.5 * (g2 * p2 + 2 * (1 - t**2) * p1 - 2 * t * (1 - t**2) * p)
        assert_close(rate, expected, rtol=0, atol=GRID_ATOL)


class Test_annealed_langevin:
    sigmas = vector(2.0, 0.9, 0.5)

    @staticmethod
    def pull(x, sigma):
        """The score of N(1, 0.5) smoothed by sigma."""
        return -(x - 1) / (0.5 + sigma**2)

    @pytest.mark.hint("Walk through two levels on paper: which step size has each of them?")
    def test_whole_walk(self, answer):
        """Levels, steps and noise are used in order, each level with its own step size."""
        x, zs = rand(4, 2), rand(3, 2, 4, 2, seed=6)
        expected = x.numpy().copy()
        for sigma, noises in zip([2.0, 0.9, 0.5], zs.numpy(), strict=True):
            alpha = 0.04 * sigma**2 / 0.25
            for z in noises:
                slope = alpha / (2 * (0.5 + sigma**2))
                expected = 1 + (1 - slope) * (expected - 1) + alpha**0.5 * z
        assert_close(assert_pure(answer, self.pull, x, self.sigmas, 0.04, 2, zs), expected)

    @pytest.mark.hint(
        "At the last level the ratio is 1: the step is eps0, and half of it the drift's."
    )
    def test_one_level(self, answer):
        """At a single level, a step goes half its size along the score and adds its noise."""
        x, zs = rand(3, 2), rand(1, 1, 3, 2, seed=6)
        moved = answer(lambda x, sigma: 3.0 + 0 * x, x, vector(0.7), 0.09, 1, zs)
        assert_close(moved, x + 0.135 + 0.3 * zs[0, 0])

    @pytest.mark.hint("The step of a level goes with the square of its noise.")
    def test_without_noise(self, answer):
        """Without noise the walk contracts towards the mode, by a known factor for each level."""
        x = rand(5, 1, low=2, high=6)
        moved = answer(self.pull, x, self.sigmas, 0.002, 30, torch.zeros(3, 30, 5, 1).double())
        s2 = self.sigmas**2
        factor = torch.prod(1 - 0.002 * s2 / 0.25 / (2 * (0.5 + s2))) ** 30
        assert_close(moved - 1, factor * (x - 1))

    @pytest.mark.hint("A single noise value is not zero: how far does it still carry?")
    def test_noise_of_each_step(self, answer):
        """Each noise value moves the end by its own level's root of the step, and no other."""
        zs = torch.zeros(3, 2, 6, 1).double()
        for sample, (level, step) in enumerate(np.ndindex(3, 2)):
            zs[level, step, sample] = 1.0
        moved = answer(lambda x, sigma: 0 * x, torch.zeros(6, 1).double(), self.sigmas, 0.01, 2, zs)
        assert_close(moved, vector(0.4, 0.4, 0.18, 0.18, 0.1, 0.1)[:, None])


class Test_flow_matching_pair:
    @pytest.mark.hint("At t = 0 you are at x0, at t = 1 at x1. Each sample has its own time.")
    def test_values(self, answer):
        """Each pair is mixed by its own time, and moves along the straight line."""
        x0, x1, t = rand(3, 3), rand(3, 3, seed=6), vector(0.1, 0.5, 0.8)
        xt, ut = assert_pure(answer, x0, x1, t)
        for b, time in enumerate([0.1, 0.5, 0.8]):
            assert_close(xt[b], x0[b] + time * (x1[b] - x0[b]))
            assert_close(ut[b], x1[b] - x0[b])

    @pytest.mark.hint("Which of the two is noise, and at which time are you there?")
    def test_ends(self, answer):
        """The line starts at the noise and ends at the data."""
        x0, x1 = rand(4, 2), rand(4, 2, seed=6)
        assert_close(answer(x0, x1, torch.zeros(4).double())[0], x0)
        assert_close(answer(x0, x1, torch.ones(4).double())[0], x1)

    @pytest.mark.hint("The velocity is the derivative of the point in time.")
    def test_velocity(self, answer):
        """Going on with the velocity for the time that is left leads to the data."""
        x0, x1, t = rand(5, 2, seed=8), rand(5, 2, seed=9), rand(5, low=0.1, high=0.9)
        xt, ut = answer(x0, x1, t)
        later, _ = answer(x0, x1, t + 0.05)
        assert_close(xt + (1 - t[:, None]) * ut, x1)
        assert_close((later - xt) / 0.05, ut)
