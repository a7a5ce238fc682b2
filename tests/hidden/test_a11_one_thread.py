"""Hidden tests of chapter 11: the identities that tie the families together."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.distributions as td
from scipy import stats
from scipy.special import expit

from autograder.testing import assert_close, assert_pure

# Where two families give one number in float64, they give it to this precision.
EXACT = {"rtol": 1e-9, "atol": 1e-9}


def frame(D, k, seed):
    """Return a random D × k matrix with orthonormal columns."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(D, k)))[0]


def covariance(variances, seed):
    """Return a covariance matrix with the given eigenvalues along tilted axes."""
    Q = frame(len(variances), len(variances), seed)
    return (Q * np.array(variances)) @ Q.T


def points(N, mu, S, seed):
    """Return N samples around mu, spread as S says."""
    noise = np.random.default_rng(seed).normal(size=(N, len(mu)))
    return mu + noise @ np.linalg.cholesky(S).T


def sample_with(N, variances, seed):
    """Return N samples far from the origin whose covariance, divisor N, has these eigenvalues."""
    rng = np.random.default_rng(seed)
    D = len(variances)
    noise = rng.normal(size=(N, D))
    scores = np.linalg.svd(noise - noise.mean(axis=0), full_matrices=False)[0] * math.sqrt(N)
    return (scores * np.sqrt(variances)) @ frame(D, D, seed + 1).T + rng.normal(3, 4, size=D)


def normal_logpdf(X, mu, S):
    """Log-density of each row by scipy."""
    return np.atleast_1d(stats.multivariate_normal(mu, S).logpdf(X))


def hermite_grid(n, k):
    """Nodes (n^k, k) and weights of E[g(eps)], eps ~ N(0, I_k)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    weights = weights / math.sqrt(2 * math.pi)
    grid = np.array(list(itertools.product(nodes, repeat=k))).reshape(-1, k)
    return grid, np.array([math.prod(w) for w in itertools.product(weights, repeat=k)])


def elbo_by_quadrature(X, W, mu, s2, means, root):
    """ELBO from its definition: E_q[log p(x, z) - log q(z)], q = N(means[n], root root^T)."""
    k = W.shape[1]
    nodes, weights = hermite_grid(4, k)
    out = []
    for x, m in zip(X, means, strict=True):
        z = m + nodes @ root.T
        log_p = stats.norm.logpdf(x, z @ W.T + mu, math.sqrt(s2)).sum(axis=1)
        log_p = log_p + stats.norm.logpdf(z).sum(axis=1)
        log_q = normal_logpdf(z, m, root @ root.T)
        out.append(weights @ (log_p - log_q))
    return np.array(out)


def kl_to_posterior(X, W, mu, s2, means, cov):
    """KL(N(means[n], cov) || p(z | x_n)) by torch, the posterior from the joint Gaussian."""
    C = W @ W.T + s2 * np.eye(len(mu))
    gain = W.T @ np.linalg.inv(C)
    post_cov = np.eye(W.shape[1]) - gain @ W
    q = td.MultivariateNormal(torch.tensor(means), torch.tensor(cov))
    p = td.MultivariateNormal(torch.tensor((X - mu) @ gain.T), torch.tensor(post_cov))
    return td.kl_divergence(q, p).numpy()


class Test_pca_limit_gap:
    @staticmethod
    def model():
        lam = np.array([9.0, 4.0, 1.5])
        return frame(5, 3, 1), lam, np.array([2.0, -1.0, 0.5, 3.0, 0.0])

    @pytest.mark.hint("Rebuild each sample twice and compare: relative to PCA's part without mu.")
    def test_two_reconstructions(self, answer):
        """The gap agrees with both reconstructions, made from the joint Gaussian, on new data."""
        U, lam, mu = self.model()
        X, s2 = np.random.default_rng(2).normal(1, 3, size=(7, 5)), 0.8
        W = U @ np.diag(np.sqrt(lam - s2))
        C = W @ W.T + s2 * np.eye(5)
        ppca = W @ W.T @ np.linalg.inv(C) @ (X - mu).T
        pca = U @ U.T @ (X - mu).T
        expected = np.linalg.norm(pca - ppca) / np.linalg.norm(pca)
        assert_close(assert_pure(answer, X, mu, U, lam, s2), expected)

    @pytest.mark.hint(
        "Simplify M for the maximum-likelihood W: it is diagonal. What is left of W m?"
    )
    def test_proportional_to_the_noise(self, answer):
        """A tenth of the noise variance leaves a tenth of the gap, from the right height down."""
        U, lam, mu = self.model()
        X = np.random.default_rng(3).normal(0, 2, size=(9, 5))
        Z = (X - mu) @ U
        first = np.linalg.norm(Z / lam) / np.linalg.norm(Z)
        gaps = [answer(X, mu, U, lam, s2) for s2 in (1.0, 0.1, 0.01)]
        assert_close(np.array(gaps) / [1.0, 0.1, 0.01], np.full(3, first), rtol=1e-3, atol=0.0)

    @pytest.mark.hint("For one sample along one direction the gap is a simple ratio. Which?")
    def test_along_one_direction(self, answer):
        """For samples along a single direction the gap is the share that pPCA shrinks off."""
        U, lam, mu = self.model()
        for j, s2 in [(0, 0.9), (1, 1.2), (2, 0.3)]:
            X = mu + np.outer([1.0, -4.0], U[:, j])
            assert_close(answer(X, mu, U, lam, s2), s2 / lam[j])

    @pytest.mark.hint("A change of units must not change a relative gap.")
    def test_units(self, answer):
        """In other units (variances times 100) the relative gap is what it was."""
        U, lam, mu = self.model()
        X = mu + np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 2.0]]) @ U.T
        Z = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 2.0]])
        expected = np.linalg.norm(Z * 0.7 / lam) / np.linalg.norm(Z)
        assert_close(answer(10 * X, 10 * mu, U, 100 * lam, 70.0), expected)


class Test_linear_vae_elbo:
    @staticmethod
    def model(seed=4):
        rng = np.random.default_rng(seed)
        mu, s2 = rng.normal(2, 1, size=5), 0.7
        X, W = rng.normal(2, 2, size=(4, 5)), rng.normal(size=(5, 2))
        return X, W, mu, s2, rng.normal(size=(2, 5)), np.array([0.3, 1.7])

    @pytest.mark.hint("Average log p(x|z) over the encoder: its spread is decoded, too.")
    def test_definition(self, answer):
        """The bound of each sample agrees with its definition, integrated numerically."""
        X, W, mu, s2, V, d = self.model()
        expected = elbo_by_quadrature(X, W, mu, s2, (X - mu) @ V.T, np.diag(np.sqrt(d)))
        assert_close(assert_pure(answer, X, W, mu, s2, V, d), expected)

    @pytest.mark.hint("Put in the exact posterior: the bound has to be the log-likelihood of pPCA.")
    def test_tight(self, answer):
        """Orthogonal columns and the exact posterior give the log-likelihood of pPCA itself."""
        X, _, mu, s2, _, _ = self.model()
        lengths = np.array([2.0, 0.6])
        W = frame(5, 2, 6) * lengths
        V = W.T / (lengths**2 + s2)[:, None]
        C = W @ W.T + s2 * np.eye(5)
        got = answer(X, W, mu, s2, V, s2 / (lengths**2 + s2))
        assert_close(got, normal_logpdf(X, mu, C))

    @pytest.mark.hint("What is missing to the log-likelihood is a KL, from encoder to posterior.")
    def test_rotated(self, answer):
        """With a rotated decoder the best diagonal encoder misses exactly a KL."""
        X, _, mu, s2, _, _ = self.model()
        turn = np.array([[0.8, -0.6], [0.6, 0.8]])
        W = frame(5, 2, 7) * [2.5, 0.5] @ turn
        M = W.T @ W + s2 * np.eye(2)
        V, d = np.linalg.inv(M) @ W.T, s2 / np.diag(M)
        loglik = normal_logpdf(X, mu, W @ W.T + s2 * np.eye(5))
        kl = kl_to_posterior(X, W, mu, s2, (X - mu) @ V.T, np.diag(d))
        assert_close(loglik - answer(X, W, mu, s2, V, d), kl)

    @pytest.mark.hint("One latent number, five features: which terms are summed over which?")
    def test_any_encoder(self, answer):
        """For one latent coordinate and little noise, an encoder misses its KL to the posterior."""
        rng = np.random.default_rng(9)
        mu, W, s2 = rng.normal(size=6), rng.normal(size=(6, 1)), 0.01
        X = mu + rng.normal(size=(3, 1)) @ W.T + 0.1 * rng.normal(size=(3, 6))
        loglik = normal_logpdf(X, mu, W @ W.T + s2 * np.eye(6))
        for scale, d in [(1.0, 0.5), (0.7, 0.004)]:
            V, cov = scale * np.linalg.pinv(W), np.array([[d]])
            kl = kl_to_posterior(X, W, mu, s2, (X - mu) @ V.T, cov)
            assert_close(answer(X, W, mu, s2, V, np.array([d])), loglik - kl)


def walk(seed, T):
    """Return betas and an affine reverse model that fits them badly."""
    rng = np.random.default_rng(seed)
    betas, a = rng.uniform(0.1, 0.6, size=T), rng.uniform(0.4, 1.2, size=T)
    return betas, a, rng.normal(0, 0.5, size=T), rng.uniform(0.2, 1.5, size=T)


def minus_elbo_by_joint(x, betas, a, b, v):
    """-ELBO by the algebra of two joint Gaussians over (datum, x_0, ..., x_{T-1})."""
    T = len(betas)
    forward, inner = np.eye(T), np.eye(T)
    for t in range(1, T):
        inner[t, t - 1] = -math.sqrt(1 - betas[t])
    forward = np.linalg.inv(inner)
    start = np.zeros(T)
    start[0] = math.sqrt(1 - betas[0]) * x
    m, C = forward @ start, forward @ np.diag(betas) @ forward.T
    # The model, written as (I - B) u = offsets + noise for u = (datum, x_0, ..., x_{T-1}).
    B = np.eye(T + 1)
    for t in range(T):
        B[t, t + 1] = -a[t]
    P = B.T @ np.diag([*(1 / v), 1.0]) @ B
    mean = np.linalg.solve(B, [*b, 0.0])
    gone = np.concatenate([[x], m]) - mean
    log_det = np.linalg.slogdet(P)[1]
    expected_log_p = 0.5 * (log_det - (T + 1) * math.log(2 * math.pi) - gone @ P @ gone)
    expected_log_p -= 0.5 * np.trace(P[1:, 1:] @ C)
    entropy = 0.5 * (T * (1 + math.log(2 * math.pi)) + np.linalg.slogdet(C)[1])
    return -expected_log_p - entropy


class Test_diffusion_elbo_terms:
    @pytest.mark.hint(
        "Two Gaussians whose means differ by a number that depends on x_t: average it."
    )
    def test_each_term(self, answer):
        """Each term agrees with its definition, averaged numerically over the walk."""
        x, T = 1.4, 3
        betas, a, b, v = walk(1, T)
        bars = np.cumprod(1 - betas)
        nodes, weights = hermite_grid(4, 2)
        first = math.sqrt(bars[0]) * x + math.sqrt(1 - bars[0]) * nodes[:, 0]
        expected = [-weights @ stats.norm.logpdf(x, a[0] * first + b[0], math.sqrt(v[0]))]
        for t in range(1, T):
            mean, std = math.sqrt(bars[t - 1]) * x, math.sqrt(1 - bars[t - 1])
            before = mean + std * nodes[:, 0]
            kept = math.sqrt(1 - betas[t]) * before
            after = kept + math.sqrt(betas[t]) * nodes[:, 1]
            log_q = stats.norm.logpdf(after, kept, math.sqrt(betas[t]))
            log_q += stats.norm.logpdf(before, mean, std)
            log_q -= stats.norm.logpdf(after, math.sqrt(bars[t]) * x, math.sqrt(1 - bars[t]))
            log_p = stats.norm.logpdf(before, a[t] * after + b[t], math.sqrt(v[t]))
            expected.append(weights @ (log_q - log_p))
        q = td.Normal(math.sqrt(bars[-1]) * x, math.sqrt(1 - bars[-1]))
        expected.append(td.kl_divergence(q, td.Normal(0.0, 1.0)).item())
        assert_close(assert_pure(answer, x, betas, a, b, v), expected)

    @pytest.mark.hint("Nothing may be left out: the first and the last term, every constant.")
    @pytest.mark.parametrize(("T", "x"), [(2, -0.8), (5, 2.3)])
    def test_sum(self, answer, T, x):
        """The terms add up to the bound of the whole walk, seen as one VAE."""
        arguments = walk(T, T)
        assert_close(answer(x, *arguments).sum(), minus_elbo_by_joint(x, *arguments))

    @pytest.mark.hint("With one step there is no KL in the middle.")
    def test_one_step(self, answer):
        """A walk of a single step is a small VAE with two terms."""
        betas, a, b, v = np.array([0.36]), np.array([0.5]), np.array([1.0]), np.array([2.0])
        reconstruction = 0.5 * (math.log(4 * math.pi) + (2 - 0.8 - 1) ** 2 / 2 + 0.25 * 0.36 / 2)
        prior = 0.5 * (2.56 + 0.36 - 1 - math.log(0.36))
        assert_close(answer(2.0, betas, a, b, v), [reconstruction, prior])

    @pytest.mark.hint("Data N(0, 1) stay N(0, 1): then each step back is known exactly.")
    def test_tight(self, answer):
        """For standard normal data and their exact steps back the bound is the log-density."""
        betas = np.array([0.1, 0.5, 0.3, 0.2])
        for x in (0.3, -2.5):
            terms = answer(x, betas, np.sqrt(1 - betas), 0 * betas, betas)
            assert_close(terms.sum(), -stats.norm.logpdf(x))


class Test_eps_to_score_weight:
    @staticmethod
    def tensor(*values):
        return torch.tensor(values, dtype=torch.float64)

    @pytest.mark.hint("Write both scores with their noises; what comes out of the squared norm?")
    def test_same_loss(self, answer):
        """The weighted error of the noise is the weighted error of the score."""
        w, ab = self.tensor(1.0, 0.3, 2.5), self.tensor(0.9, 0.5, 0.04)
        generator = torch.Generator().manual_seed(1)
        eps, guess = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
        x0 = torch.randn(3, 4, generator=generator, dtype=torch.float64)
        std = torch.sqrt(1 - ab)[:, None]
        xt = torch.sqrt(ab)[:, None] * x0 + std * eps
        # The clean sample that goes with the guessed noise; each score is a slope at x_t.
        other = (xt - std * guess) / torch.sqrt(ab)[:, None]
        slopes = []
        for clean in (x0, other):
            at = xt.clone().requires_grad_()
            log_q = td.Normal(torch.sqrt(ab)[:, None] * clean, std).log_prob(at).sum()
            slopes.append(torch.autograd.grad(log_q, at)[0])
        noise_error = w * ((eps - guess) ** 2).sum(dim=1)
        score_error = ((slopes[0] - slopes[1]) ** 2).sum(dim=1)
        assert_close(assert_pure(answer, w, ab) * score_error, noise_error)

    @pytest.mark.hint("Start from noise errors that all count the same.")
    def test_simple_loss(self, answer):
        """Equal weights of the noise weigh the score by the variance of the noise."""
        ab = self.tensor(0.99, 0.75, 0.5, 0.0)
        variance = self.tensor(0.01, 0.25, 0.5, 1.0)
        assert_close(answer(torch.ones_like(ab), ab), variance)

    @pytest.mark.hint("The weight that comes in multiplies the one that goes out.")
    def test_weights(self, answer):
        """Doubled and zero weights stay doubled and zero, at every time alike."""
        w, ab = self.tensor(2.0, 1.0, 0.0, 4.0), self.tensor(0.36, 0.36, 0.36, 0.19)
        assert_close(answer(w, ab), self.tensor(1.28, 0.64, 0.0, 3.24))


class Test_dsm_linear_optimum:
    MU = np.array([1.0, -2.0, 0.5])

    @pytest.mark.hint("Which density has the score that denoising score matching learns?")
    def test_smoothed_score(self, answer):
        """The optimum is the score of the data with their noise, by autograd."""
        S, s = covariance([4.0, 1.0, 0.3], seed=11), 0.7
        A, c = assert_pure(answer, S, self.MU, s)
        y = torch.tensor(points(5, self.MU, 2 * S, seed=12), requires_grad=True)
        C = torch.tensor(S + 0.49 * np.eye(3))
        log_p = td.MultivariateNormal(torch.tensor(self.MU), C).log_prob(y).sum()
        (score,) = torch.autograd.grad(log_p, y)
        assert_close(y.detach().numpy() @ np.asarray(A).T + c, score.numpy())

    @pytest.mark.hint("It is a linear regression: of the target on y and a constant.")
    def test_regression(self, answer):
        """Least squares on a sample with exactly these moments gives the same line."""
        mu, S, s = self.MU[:2], covariance([3.0, 0.4], seed=13), 1.3
        nodes, weights = hermite_grid(3, 4)
        x = mu + nodes[:, :2] @ np.linalg.cholesky(S).T
        y = x + s * nodes[:, 2:]
        root = np.sqrt(weights)[:, None]
        design = np.column_stack([y, np.ones(len(y))]) * root
        line = np.linalg.lstsq(design, (x - y) / s**2 * root, rcond=None)[0]
        assert_close(answer(S, mu, s), (line[:2].T, line[2]))

    @pytest.mark.hint("At the optimum the error is orthogonal to y and to the constant.")
    def test_normal_equations(self, answer):
        """The residual of the optimum has mean 0 and is uncorrelated with the noised data."""
        S, s = covariance([5.0, 2.0, 0.2], seed=14), 0.4
        A, c = answer(S, self.MU, s)
        second = S + s**2 * np.eye(3) + np.outer(self.MU, self.MU)
        assert_close(A @ self.MU + c, np.zeros(3))
        assert_close(A @ second + np.outer(c, self.MU), -np.eye(3))

    @pytest.mark.hint("Let the noise vanish; then let it drown the data.")
    def test_little_and_much_noise(self, answer):
        """Little noise leaves the score of the data, much noise that of the noise."""
        S = covariance([4.0, 1.0, 0.5], seed=15)
        A, c = answer(S, self.MU, 1e-4)
        assert_close(A @ S, -np.eye(3), atol=1e-4)
        assert_close(S @ c, self.MU, atol=1e-4)
        A, c = answer(S, self.MU, 1000.0)
        assert_close(1e6 * A, -np.eye(3), atol=1e-4)
        assert_close(1e6 * c, self.MU, atol=1e-4)


def rk4_loglik(X, mu, S, n):
    """Log-likelihood by the probability flow, one scalar equation for each principal axis."""
    lam, Q = np.linalg.eigh(S)
    y, centre, h = (X @ Q).copy(), Q.T @ mu, 1 / n
    state = np.concatenate([y, np.zeros((1, len(mu)))])  # the last row: log volumes

    def speed(t, u):
        beta, kept = 0.1 + 9.9 * t, math.exp(-(0.1 * t + 4.95 * t * t))
        var = kept * lam + 1 - kept
        move = -0.5 * beta * (u[:-1] - (u[:-1] - math.sqrt(kept) * centre) / var)
        return np.concatenate([move, [-0.5 * beta * (1 - 1 / var)]])

    for i in range(n):
        t = i * h
        k1 = speed(t, state)
        k2 = speed(t + h / 2, state + h / 2 * k1)
        k3 = speed(t + h / 2, state + h / 2 * k2)
        k4 = speed(t + h, state + h * k3)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    kept = math.exp(-5.05)
    std = np.sqrt(kept * lam + 1 - kept)
    base = stats.norm.logpdf(state[:-1], math.sqrt(kept) * centre, std).sum(axis=1)
    return base + state[-1].sum()


class Test_pfode_loglik:
    @pytest.mark.hint("The velocity moves the samples, its divergence adds up, p_1 is the base.")
    def test_density(self, answer):
        """On scaled, correlated data the flow ends at the exact log-density of each sample."""
        mu, S = np.array([2.0, -1.0, 4.0]), covariance([30.0, 2.0, 0.3], seed=21)
        X = points(7, mu, S, seed=22)
        assert_close(assert_pure(answer, X, mu, S), normal_logpdf(X, mu, S))

    @pytest.mark.hint("Where space is squeezed the density rises. Which sign has the divergence?")
    def test_volume(self, answer):
        """The centres of a wide, of a narrow and of a mixed density have the right heights."""
        mu = np.array([0.5, -0.3])
        for variances in ([50.0, 20.0], [0.2, 0.1], [9.0, 0.25]):
            height = -math.log(2 * math.pi) - 0.5 * math.log(variances[0] * variances[1])
            assert_close(answer(mu[None], mu, covariance(variances, seed=23)), np.array([height]))

    @pytest.mark.hint("At t = 1 a little of the data's mean and covariance is still left.")
    def test_far_mean(self, answer):
        """A mean far from the origin and samples in the tails do not disturb it."""
        mu, S = np.array([40.0, -25.0, 10.0, 0.0]), covariance([8.0, 3.0, 1.0, 0.5], seed=24)
        X = mu + np.outer([6.0, -5.0, 0.1], [1.0, -0.5, 0.7, 0.4])
        assert_close(answer(X, mu, S), normal_logpdf(X, mu, S))

    @pytest.mark.hint(
        "400 equal steps of the classical Runge-Kutta method, samples and volume alike."
    )
    def test_steps(self, answer):
        """On almost flat data 400 steps are too few, and miss by what Runge-Kutta misses."""
        mu, S = np.array([1.0, 0.0]), covariance([2.0, 1e-4], seed=25)
        X = points(5, mu, S, seed=26)
        expected = rk4_loglik(X, mu, S, 400)
        assert np.abs(expected - normal_logpdf(X, mu, S)).max() > 1e-3
        assert_close(answer(X, mu, S), expected, rtol=1e-5, atol=1e-5)


class Test_flow_as_vae_elbo:
    @staticmethod
    def flow():
        A = np.array([[2.0, 0.5, 0.0], [-1.0, 0.4, 0.3], [0.2, 1.5, -0.6]])
        return A, np.array([1.0, -2.0, 0.5])

    @pytest.mark.hint("The encoder decodes x to x itself, plus noise of the decoder's own size.")
    def test_definition(self, answer):
        """The bound of each sample agrees with its definition, integrated numerically."""
        A, b = self.flow()
        x, s = np.random.default_rng(31).normal(0, 2, size=(4, 3)), 0.6
        inverse = np.linalg.inv(A)
        expected = elbo_by_quadrature(x, A, b, s**2, (x - b) @ inverse.T, s * inverse)
        assert_close(assert_pure(answer, x, A, b, s), expected)

    @pytest.mark.hint("Compare with the flow's own log-likelihood: only one trace is left.")
    def test_gap(self, answer):
        """Below the flow's log-likelihood a gap is left that falls with the noise variance."""
        A, b = self.flow()
        x = np.random.default_rng(32).normal(1, 2, size=(5, 3))
        flow = normal_logpdf(x, b, A @ A.T)
        gap = 0.5 * (1 / np.linalg.svd(A)[1] ** 2).sum()
        for s in (1.5, 0.3):
            assert_close(flow - answer(x, A, b, s), np.full(5, s**2 * gap))

    @pytest.mark.hint("The determinant may be negative; only its size counts.")
    def test_limit(self, answer):
        """Almost without noise the bound is the flow's log-likelihood, for a mirrored map too."""
        A, b = self.flow()
        x = np.random.default_rng(33).normal(0, 2, size=(4, 3))
        assert np.linalg.det(A) * np.linalg.det(A[[1, 0, 2]]) < 0
        for matrix in (A, A[[1, 0, 2]]):
            assert_close(answer(x, matrix, b, 1e-4), normal_logpdf(x, b, matrix @ matrix.T))
        # In 45 dimensions the determinant of the encoder's covariance is no float's.
        wide, far = frame(45, 45, 33) * np.linspace(0.5, 2.0, 45), np.zeros((2, 45)) + 0.1
        expected = normal_logpdf(far, np.zeros(45), wide @ wide.T)
        assert_close(answer(far, wide, np.zeros(45), 1e-4), expected)

    @pytest.mark.hint(
        "In sixty dimensions a determinant leaves the range of floats: its log does not."
    )
    def test_sixty_dimensions(self, answer):
        """Sixty dimensions with tiny or huge scales give exact, finite values."""
        b, eps = np.zeros(60), np.random.default_rng(34).normal(size=(2, 60))
        for scale in (1e-8, 1e8):
            A, s = scale * frame(60, 60, 35), 0.1 * scale
            flow = stats.norm.logpdf(eps).sum(axis=1) - 60 * math.log(scale)
            assert_close(answer(eps @ A.T, A, b, s), flow - 0.5 * 60 * 0.01)

    @pytest.mark.hint(
        "This VAE's log-likelihood is that of a Gaussian with covariance A A^T + s^2 I."
    )
    def test_below_the_likelihood(self, answer):
        """To the VAE's own log-likelihood it misses the KL of the encoder to the posterior."""
        A, b = self.flow()
        x, s = np.random.default_rng(36).normal(0, 3, size=(4, 3)), 0.9
        inverse = np.linalg.inv(A)
        loglik = normal_logpdf(x, b, A @ A.T + s**2 * np.eye(3))
        cov = s**2 * inverse @ inverse.T
        kl = kl_to_posterior(x, A, b, s**2, (x - b) @ inverse.T, cov)
        assert_close(answer(x, A, b, s), loglik - kl)


def conditional_moments(X, mu, S):
    """Mean (N, D) and variance (D,) of each coordinate given those before it."""
    means, variances = np.empty_like(X), np.empty(len(mu))
    for i in range(len(mu)):
        gain = np.linalg.pinv(S[:i, :i]) @ S[:i, i]
        means[:, i] = mu[i] + (X[:, :i] - mu[:i]) @ gain
        variances[i] = S[i, i] - S[i, :i] @ gain
    return means, variances


class Test_ar_triangular_flow:
    @staticmethod
    def data(seed=41):
        mu, S = np.array([3.0, -1.0, 0.0, 7.0]), covariance([25.0, 4.0, 1.0, 0.1], seed)
        return points(6, mu, S, seed + 1), mu, S

    @pytest.mark.hint("Each factor is a Gaussian of one coordinate, given those before it.")
    def test_conditionals(self, answer):
        """Each log-conditional agrees with the rule for conditioning a Gaussian."""
        X, mu, S = self.data()
        means, variances = conditional_moments(X, mu, S)
        _, _, log_cond = assert_pure(answer, X, mu, S)
        assert_close(log_cond, stats.norm.logpdf(X, means, np.sqrt(variances)))

    @pytest.mark.hint("What a sample differs from its conditional mean by, in standard deviations.")
    def test_noise(self, answer):
        """The noise of each coordinate is its surprise, given the coordinates before it."""
        X, mu, S = self.data(43)
        means, variances = conditional_moments(X, mu, S)
        z, _, _ = answer(X, mu, S)
        assert_close(z, (X - means) / np.sqrt(variances))

    @pytest.mark.hint("From noise to data; a triangular matrix has an easy determinant.")
    def test_log_det(self, answer):
        """The log-determinant is that of the map from noise to data, for any scale."""
        X, mu, S = self.data(45)
        assert_close(answer(X, mu, S)[1], 0.5 * math.log(25.0 * 4.0 * 1.0 * 0.1))
        for scale in (1e-8, 1e8):
            wide = scale**2 * covariance(np.linspace(0.5, 2, 60), seed=46)
            half = 0.5 * np.log(np.linspace(0.5, 2, 60)).sum() + 60 * math.log(scale)
            assert_close(answer(np.zeros((2, 60)), np.zeros(60), wide)[1], half)

    @pytest.mark.hint("Add up the conditionals; then take the flow's formula. One number.")
    def test_two_ways(self, answer):
        """Product of conditionals and flow give the same log-likelihood, in any order."""
        X, mu, S = self.data(47)
        for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
            z, log_det, log_cond = answer(X[:, order], mu[order], S[np.ix_(order, order)])
            expected = normal_logpdf(X, mu, S)
            assert_close(log_cond.sum(axis=1), expected)
            assert_close(stats.norm.logpdf(z).sum(axis=1) - log_det, expected)


class Test_optimal_logit:
    MODEL = (1.0, 0.5, -0.7, 2.0)

    @staticmethod
    def grid():
        return torch.linspace(-18, 18, 1801, dtype=torch.float64)

    @staticmethod
    def value(logit, p, q, dx):
        log_d, log_not_d = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        return float(np.sum(p * log_d + q * log_not_d) * dx)

    @pytest.mark.hint("A logit is the log of a ratio of densities: real above, fake below.")
    def test_log_ratio(self, answer):
        """The logit is the difference of the two log-densities."""
        x = torch.linspace(-4, 5, 13, dtype=torch.float64)
        m1, s1, m2, s2 = self.MODEL
        expected = stats.norm.logpdf(x, m1, s1) - stats.norm.logpdf(x, m2, s2)
        assert_close(assert_pure(answer, x, *self.MODEL), expected)

    @pytest.mark.hint("Do not compute the densities: subtract the logarithms.")
    def test_far_away(self, answer):
        """Far away, where both densities are stored as 0, the logit is still exact."""
        x = torch.tensor([120.0, -150.0], dtype=torch.float64)
        m1, s1, m2, s2 = 0.5, 2.0, -1.0, 3.0
        expected = stats.norm.logpdf(x, m1, s1) - stats.norm.logpdf(x, m2, s2)
        assert_close(answer(x, m1, s1, m2, s2), expected)

    @pytest.mark.hint("At the best discriminator the value of the game is 2 JS - 2 log 2.")
    def test_value_of_the_game(self, answer):
        """The value of the game at this discriminator is 2 JS - 2 log 2."""
        x, dx = self.grid(), 0.02
        m1, s1, m2, s2 = self.MODEL
        log_p, log_q = stats.norm.logpdf(x, m1, s1), stats.norm.logpdf(x, m2, s2)
        p, q, log_mix = np.exp(log_p), np.exp(log_q), np.logaddexp(log_p, log_q) - math.log(2)
        js = 0.5 * dx * np.sum(p * (log_p - log_mix) + q * (log_q - log_mix))
        logit = answer(x, *self.MODEL).numpy()
        assert_close(self.value(logit, p, q, dx), 2 * js - 2 * math.log(2))

    @pytest.mark.hint("Bend the logit a little, up or down, anywhere: the value must fall.")
    def test_best(self, answer):
        """Whichever way the logit is bent, the value of the game falls."""
        x, dx = self.grid(), 0.02
        m1, s1, m2, s2 = self.MODEL
        p, q = stats.norm.pdf(x, m1, s1), stats.norm.pdf(x, m2, s2)
        logit = answer(x, *self.MODEL).numpy()
        best = self.value(logit, p, q, dx)
        for bend in (np.ones(1801), np.sin(x.numpy()), x.numpy() / 3, (x.numpy() / 3) ** 2):
            for size in (0.05, -0.05, 0.5, -0.5):
                assert self.value(logit + size * bend, p, q, dx) < best - 1e-6

    @pytest.mark.hint("With equal widths the logit is a straight line. Where does it cross 0?")
    def test_equal_widths(self, answer):
        """Between two equally wide Gaussians the logit is a line through the midpoint."""
        x = torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64)
        assert_close(answer(x, 4.0, 2.0, 0.0, 2.0), x - 2.0)
        assert_close(answer(x, 0.0, 2.0, 4.0, 2.0), 2.0 - x)


class Test_nce_as_discriminator:
    @staticmethod
    def tensors(n=5, m=3, seed=51):
        generator = torch.Generator().manual_seed(seed)
        make = [
            torch.randn(size, generator=generator, dtype=torch.float64) for size in (n, n, m, m)
        ]
        return [make[0] - 1, make[1] - 2, make[2] + 0.5, make[3] - 0.3]

    @pytest.mark.hint("The probability that a point is a datum, when both come equally often.")
    def test_definition(self, answer):
        """The loss agrees with the probabilities of telling data from noise."""
        lm_d, ln_d, lm_n, ln_n = self.tensors()
        p, q, r, s = (np.exp(t.numpy()) for t in (lm_d, ln_d, lm_n, ln_n))
        expected = -np.log(p / (p + q)).mean() - np.log(s / (r + s)).mean()
        assert_close(assert_pure(answer, lm_d, ln_d, lm_n, ln_n), expected)

    @pytest.mark.hint("Stay with the logit: a probability rounds to 0 or 1.")
    def test_extremes(self, answer):
        """Ratios of exp(900) and exp(-900) give exact values and gradients."""
        lm_d = torch.tensor([-900.0, 0.0, 900.0], dtype=torch.float64, requires_grad=True)
        lm_n = torch.tensor([900.0, -900.0], dtype=torch.float64, requires_grad=True)
        zero = torch.zeros(3, dtype=torch.float64)
        loss = answer(lm_d, zero, lm_n, zero[:2])
        assert_close(loss, (900 + math.log(2)) / 3 + 450)
        gradients = torch.autograd.grad(loss, [lm_d, lm_n])
        assert_close(gradients[0], torch.tensor([-1.0, -0.5, 0.0]) / 3)
        assert_close(gradients[1], torch.tensor([0.5, 0.0]))

    @pytest.mark.hint("Data push the model's log-density up, noise pushes it down. How hard?")
    def test_gradient(self, answer):
        """Each datum pulls and each noise sample pushes by the discriminator's mistake there."""
        lm_d, ln_d, lm_n, ln_n = self.tensors(seed=52)
        lm_d.requires_grad_()
        lm_n.requires_grad_()
        got = torch.autograd.grad(answer(lm_d, ln_d, lm_n, ln_n), [lm_d, lm_n])
        pull = -expit((ln_d - lm_d).detach().numpy()) / 5
        push = expit((lm_n - ln_n).detach().numpy()) / 3
        assert_close(got, [torch.tensor(pull), torch.tensor(push)])

    @pytest.mark.hint("A normaliser that is wrong by a constant must cost something.")
    def test_normaliser(self, answer):
        """The right normaliser is where the slope in it vanishes, at the value 2 log 2 - 2 JS."""
        data = stats.norm.ppf((np.arange(400) + 0.5) / 400)
        noise = stats.norm.ppf((np.arange(300) + 0.5) / 300, 0.5, 1.5)
        values = []
        for off in (0.0, 1.0, -1.0):
            c = torch.tensor(off, dtype=torch.float64, requires_grad=True)
            logs = [torch.tensor(stats.norm.logpdf(u)) + c for u in (data, noise)]
            base = [torch.tensor(stats.norm.logpdf(u, 0.5, 1.5)) for u in (data, noise)]
            loss = answer(logs[0], base[0], logs[1], base[1])
            values.append((loss.item(), torch.autograd.grad(loss, c)[0].item()))
        x = np.linspace(-12, 12, 2401)
        p, q = stats.norm.pdf(x), stats.norm.pdf(x, 0.5, 1.5)
        expected = -0.01 * np.sum(p * np.log(p / (p + q)) + q * np.log(q / (p + q)))
        assert_close(values[0], (expected, 0.0), rtol=0.0, atol=5e-3)
        assert values[1][1] > 0.1
        assert values[2][1] < -0.1


def entropy_form(X):
    """Mean log-likelihood at the maximum: the trace term is D."""
    singular = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    log_det = np.log(singular**2 / len(X)).sum()
    return -0.5 * (X.shape[1] * (math.log(2 * math.pi) + 1) + log_det)


class Test_one_thread_table:
    @pytest.mark.hint(
        "All seven are the same density of the same data: compare them with each other."
    )
    def test_row(self, answer):
        """All seven numbers agree to nine digits, and with the entropy of the fitted Gaussian."""
        X = sample_with(40, [20.0, 3.0, 0.5], seed=61)
        table = assert_pure(answer, X)
        expected = entropy_form(X)
        for value in table.values():
            assert_close(value, expected, **EXACT)

    @pytest.mark.hint('The formula itself, with divisor N, for the key "gaussian".')
    def test_gaussian(self, answer):
        """The Gaussian's number is the mean of its log-densities at maximum likelihood."""
        X = sample_with(23, [8.0, 2.0, 1.0, 0.4], seed=62)
        mu = X.sum(axis=0) / 23
        S = sum(np.outer(x - mu, x - mu) for x in X) / 23
        expected = normal_logpdf(X, mu, S).mean()
        assert_close(answer(X)["gaussian"], expected, **EXACT)

    @pytest.mark.hint('With D - 1 directions, what is left for the noise of "ppca"?')
    def test_ppca(self, answer):
        """The number of pPCA is the likelihood of W W^T + s2 I, rebuilt from singular vectors."""
        X = sample_with(31, [12.0, 5.0, 1.0, 0.7], seed=63)
        _, singular, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
        lam = singular**2 / 31
        W = Vt[:3].T * np.sqrt(lam[:3] - lam[3])
        expected = normal_logpdf(X, X.mean(axis=0), W @ W.T + lam[3] * np.eye(4)).mean()
        assert_close(answer(X)["ppca"], expected, **EXACT)

    @pytest.mark.hint('Which encoder makes the bound of "linear_vae" tight? Is it diagonal?')
    def test_linear_vae(self, answer):
        """The number of the VAE is its bound, integrated numerically, at the exact posterior."""
        X = sample_with(14, [9.0, 2.0, 0.6], seed=64)
        mu = X.mean(axis=0)
        _, singular, Vt = np.linalg.svd(X - mu, full_matrices=False)
        lam = singular**2 / 14
        W = Vt[:2].T * np.sqrt(lam[:2] - lam[2])
        means = (X - mu) @ (W / lam[:2])
        root = np.diag(np.sqrt(lam[2] / lam[:2]))
        expected = elbo_by_quadrature(X, W, mu, lam[2], means, root).mean()
        assert_close(answer(X)["linear_vae"], expected, **EXACT)

    @pytest.mark.hint('Samples to noise, minus the log-determinant of the map back: key "flow".')
    def test_flow(self, answer):
        """The number of the flow follows from a whitening map and its Jacobian, by autograd."""
        X = torch.tensor(sample_with(19, [30.0, 4.0, 0.5], seed=65))
        Xc = X - X.mean(dim=0)
        whiten = torch.linalg.inv(torch.linalg.cholesky(Xc.T @ Xc / 19)).T
        J = torch.autograd.functional.jacobian(lambda x: (x - X.mean(dim=0)) @ whiten, X[0])
        log_p = td.Normal(0.0, 1.0).log_prob(Xc @ whiten).sum(dim=1).mean()
        expected = (log_p + torch.linalg.slogdet(J)[1]).item()
        assert_close(answer(X.numpy())["flow"], expected, **EXACT)

    @pytest.mark.hint('Predict each coordinate from those before it: key "autoregressive".')
    def test_autoregressive(self, answer):
        """The autoregressive number is that of one linear regression after the other."""
        X = sample_with(27, [15.0, 6.0, 2.0, 0.3], seed=66)
        expected = 0.0
        for i in range(4):
            design = np.column_stack([np.ones(27), X[:, :i]])
            fit = np.linalg.lstsq(design, X[:, i], rcond=None)[0]
            residual = X[:, i] - design @ fit
            std = math.sqrt((residual**2).mean())
            expected += stats.norm.logpdf(residual, 0, std).mean()
        assert_close(answer(X)["autoregressive"], expected, **EXACT)

    @pytest.mark.hint('An energy alone is not a log-density: key "ebm".')
    def test_ebm(self, answer):
        """The number of the EBM is minus the mean energy minus log Z, with Z summed on a grid."""
        X = sample_with(17, [6.0, 0.8], seed=67)
        Xc = X - X.mean(axis=0)
        P = np.linalg.inv(Xc.T @ Xc / 17)
        axis = np.linspace(-30, 30, 601)
        u, v = np.meshgrid(axis, axis)
        energy = 0.5 * (P[0, 0] * u**2 + 2 * P[0, 1] * u * v + P[1, 1] * v**2)
        log_z = math.log(np.exp(-energy).sum() * 0.1**2)
        expected = -0.5 * np.einsum("ni,ij,nj->n", Xc, P, Xc).mean() - log_z
        assert_close(answer(X)["ebm"], expected, **EXACT)

    @pytest.mark.hint('Carry the samples along the probability flow: key "diffusion".')
    def test_diffusion(self, answer):
        """The number of the diffusion model is the flow's, solved with four times the steps."""
        X = sample_with(21, [25.0, 3.0, 0.4], seed=68)
        Xc = X - X.mean(axis=0)
        expected = rk4_loglik(X, X.mean(axis=0), Xc.T @ Xc / 21, 1600).mean()
        assert_close(answer(X)["diffusion"], expected, **EXACT)

    @pytest.mark.hint(
        "Each number by its own computation: the flow in time is solved in 400 steps."
    )
    def test_own_path(self, answer):
        """On almost flat data the flow in time shows its step size, and the others stay exact."""
        X = sample_with(16, [4.0, 1.0, 1e-4], seed=69)
        Xc = X - X.mean(axis=0)
        table = answer(X)
        expected = rk4_loglik(X, X.mean(axis=0), Xc.T @ Xc / 16, 400).mean()
        assert abs(expected - entropy_form(X)) > 1e-3
        assert_close(table["diffusion"], expected, rtol=1e-6, atol=1e-6)
        for name in sorted(set(table) - {"diffusion"}):
            assert_close(table[name], entropy_form(X), rtol=1e-7, atol=1e-7)
