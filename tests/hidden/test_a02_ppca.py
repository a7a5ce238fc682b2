"""Hidden tests of chapter 2: probabilistic PCA, the ELBO and EM."""

import itertools
import math

import numpy as np
import pytest
from scipy import linalg, stats

from autograder.testing import assert_close, assert_drawn_from, assert_pure

# Six standard errors: a right sampler leaves one such band in 500 million.
BAND = 6.0
# Smallest p-value a right sampler is allowed in a Kolmogorov-Smirnov test.
KS_P = 1e-8


def model(D, k, seed=5):
    """Return W (D, k), mu, s2: columns not at right angles, a mean far from 0, s2 far from 1."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(D, k)) * 1.5, rng.normal(4.0, 3.0, size=D), 0.4


def points(N, mu, seed=9):
    """Return N samples whose own mean is not `mu`."""
    return mu + 1.0 + 2.0 * np.random.default_rng(seed).normal(size=(N, len(mu)))


def spd(k, seed):
    """Return a symmetric positive definite (k, k) matrix that is not diagonal."""
    A = np.random.default_rng(seed).normal(size=(k, k))
    return A @ A.T + 0.3 * np.eye(k)


def frame(D, seed):
    """Return a random D × D orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(D, D)))[0]


def shaped(N, variances, seed):
    """Return N samples whose covariance (divisor N) has exactly these eigenvalues, and its axes."""
    D = len(variances)
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(N, D))
    white = np.linalg.qr(raw - raw.mean(axis=0))[0] * math.sqrt(N)
    axes = frame(D, seed + 1)
    return white * np.sqrt(variances) @ axes.T + rng.normal(4.0, 3.0, size=D), axes


def density(X, W, mu, s2):
    """Return log N(x; mu, W Wᵀ + s2 I) by scipy."""
    C = np.array([[sum(a * b) for b in W] for a in W]) + np.diag([s2] * len(mu))
    return stats.multivariate_normal(mu, C).logpdf(X)


def posterior(X, W, mu, s2):
    """Return the law of z given x, read off the inverse of the joint covariance of (z, x)."""
    D, k = W.shape
    joint = np.block([[np.eye(k), W.T], [W, W @ W.T + s2 * np.eye(D)]])
    precision = np.linalg.inv(joint)
    S = np.linalg.inv(precision[:k, :k])
    return -(X - mu) @ precision[k:, :k] @ S, S


def averages(values):
    return np.array([sum(column) / len(values) for column in np.asarray(values).T])


class Test_gaussian_condition:
    @staticmethod
    def case(seed=5):
        rng = np.random.default_rng(seed)
        return rng.normal(2.0, 3.0, size=5), spd(5, seed + 1), rng.normal(0.0, 4.0, size=2)

    @pytest.mark.hint("Write the joint Gaussian as law of x_a times law of x_b given x_a.")
    @pytest.mark.parametrize("a", [[0, 2], [3, 1]])
    def test_precision_route(self, answer, a):
        """Mean and covariance agree with those read off the inverse of the whole covariance."""
        mu, S, xa = self.case()
        b = [j for j in range(5) if j not in a]
        K = np.linalg.inv(S)
        S_b = np.linalg.inv(K[np.ix_(b, b)])
        m_b = mu[b] - S_b @ K[np.ix_(b, a)] @ (xa - mu[a])
        assert_close(assert_pure(answer, mu, S, np.array(a), xa), (m_b, S_b))

    @pytest.mark.hint("In the plane: slope S_ba / S_aa, variance left S_bb - S_ba² / S_aa.")
    def test_by_hand(self, answer):
        """In the plane the mean moves along a line and the variance shrinks by a known amount."""
        mu, S = np.array([1.0, -2.0]), np.array([[4.0, 2.0], [2.0, 3.0]])
        m_b, S_b = answer(mu.copy(), S.copy(), np.array([0]), np.array([5.0]))
        assert_close((m_b, S_b), ([0.0], [[2.0]]))
        m_b, S_b = answer(mu.copy(), S.copy(), np.array([1]), np.array([-5.0]))
        assert_close((m_b, S_b), ([-1.0], [[8 / 3]]))

    @pytest.mark.hint("The log-density of everything is that of x_a plus that of x_b given x_a.")
    def test_product_rule(self, answer):
        """The density of what was seen, times the conditional density, is the joint density."""
        mu, S, _ = self.case(seed=7)
        x, a, b = np.array([3.0, -1.0, 4.0, 0.5, -5.0]), [4, 0, 2], [1, 3]
        m_b, S_b = answer(mu.copy(), S.copy(), np.array(a), x[a])
        assert_close(S_b, S_b.T)
        assert np.linalg.eigvalsh(S_b).min() > 0
        seen = stats.multivariate_normal(mu[a], S[np.ix_(a, a)]).logpdf(x[a])
        rest = stats.multivariate_normal(m_b, S_b).logpdf(x[b])
        assert_close(seen + rest, stats.multivariate_normal(mu, S).logpdf(x))

    @pytest.mark.hint("xa[i] belongs to coordinate a[i], whatever the order of a.")
    def test_order(self, answer):
        """Naming the observed coordinates in another order changes nothing."""
        mu, S, _ = self.case(seed=8)
        xa = np.array([7.0, -3.0, 1.0])
        forward = answer(mu.copy(), S.copy(), np.array([0, 1, 4]), xa.copy())
        backward = answer(mu.copy(), S.copy(), np.array([4, 1, 0]), xa[::-1].copy())
        assert_close(backward, forward)
        slopes = np.linalg.lstsq(S[np.ix_([0, 1, 4], [0, 1, 4])], xa - mu[[0, 1, 4]], rcond=None)[0]
        assert_close(forward[0], [mu[j] + sum(S[j, [0, 1, 4]] * slopes) for j in (2, 3)])

    @pytest.mark.hint("Coordinates uncorrelated with the observed ones keep their mean and spread.")
    def test_uncorrelated(self, answer):
        """Observing one block says nothing about a block that is uncorrelated with it."""
        mu, block, other = np.arange(1.0, 6.0), spd(2, 3), spd(3, 4)
        S = np.zeros((5, 5))
        S[np.ix_([1, 3], [1, 3])], S[np.ix_([0, 2, 4], [0, 2, 4])] = block, other
        m_b, S_b = answer(mu, S, np.array([3, 1]), np.array([10.0, -10.0]))
        assert_close((m_b, S_b), ([1.0, 3.0, 5.0], other))


class Test_ppca_sample:
    N = 20_000

    @classmethod
    def drawn(cls, answer, W, mu, s2, seed):
        return answer(cls.N, W.copy(), mu.copy(), s2, np.random.default_rng(seed))

    @pytest.mark.hint("A code of 0 without noise lands on mu.")
    def test_mean(self, answer):
        """The mean of many samples is the mean of the model."""
        W, mu, s2 = model(3, 2, seed=21)
        X = self.drawn(answer, W, mu, s2, seed=22)
        error = np.sqrt(((W**2).sum(axis=1) + s2) / self.N)
        assert np.all(np.abs(X.mean(axis=0) - mu) < BAND * error)

    @pytest.mark.hint("Compare the covariance of the samples with W Wᵀ + s2 I, entry by entry.")
    def test_covariance(self, answer):
        """The covariance of many samples is that of the model: the codes' part and the noise's."""
        for s2, seed in [(0.4, 23), (9.0, 24)]:
            W, mu, _ = model(4, 2, seed=seed)
            X = self.drawn(answer, W, mu, s2, seed=seed)
            C = W @ W.T + s2 * np.eye(4)
            spread = np.sqrt((C**2 + np.outer(np.diag(C), np.diag(C))) / self.N)
            deviation = X - mu
            assert np.all(np.abs(deviation.T @ deviation / self.N - C) < BAND * spread)

    @pytest.mark.hint("Mean and covariance are not a law: which noise is z, which is eps?")
    def test_normal_law(self, answer):
        """Along the latent direction and across it the samples follow the Gaussian law."""
        W, mu, s2 = np.array([[0.0], [3.0], [0.0]]), np.array([5.0, -4.0, 3.0]), 0.25
        X = self.drawn(answer, W, mu, s2, seed=26)
        scales = np.sqrt([s2, 9.0 + s2, s2])
        for column in ((X - mu) / scales).T:
            assert stats.kstest(column, "norm").pvalue > KS_P

    @pytest.mark.hint("Each sample needs a z and an eps of its own.")
    def test_independent(self, answer):
        """Different samples are independent of each other."""
        W, mu, s2 = model(3, 1, seed=27)
        X = self.drawn(answer, W, mu, s2, seed=28)
        root = np.linalg.cholesky(W @ W.T + s2 * np.eye(3))
        white = np.linalg.solve(root, (X - mu).T)
        assert np.all(white.std(axis=1) > 0.5)
        assert np.all(np.abs(white.mean(axis=1)) < 0.2)
        for lag in (1, 2, self.N // 2):
            correlation = white[:, lag:] @ white[:, :-lag].T / (self.N - lag)
            assert np.all(np.abs(correlation) < BAND / math.sqrt(self.N - lag))

    @pytest.mark.hint("Draw all from the generator you are given, and do not seed it.")
    def test_generator_decides(self, answer):
        """Codes and noise all come from the generator: a second draw goes on where one ended."""
        mu = np.array([5.0, -4.0, 3.0])
        # Of the noise alone, and of the codes, one a coordinate, with next to no noise.
        for W, s2 in [(np.zeros((3, 2)), 0.4), (3.0 * np.eye(3), 1e-18)]:
            assert_drawn_from(
                lambda rng, W=W, s2=s2: answer(5, W.copy(), mu.copy(), s2, rng),
                np.random.default_rng,
            )
        assert not answer.moved_globals, "the global generator was used"

    @pytest.mark.hint("Draw from the generator itself: what a copy draws, it draws once more.")
    def test_second_draw(self, answer):
        """What is drawn first and what is drawn next from one generator are independent."""
        W, mu, rng = 2.0 * np.eye(2), np.array([5.0, -4.0]), np.random.default_rng(30)
        first, second = (
            (answer(self.N, W.copy(), mu.copy(), 4.0, rng) - mu) / math.sqrt(8.0) for _ in range(2)
        )
        for one in (first, second):
            assert np.all(np.abs(one.std(axis=0) - 1) < 0.2)
        assert np.all(np.abs(first.T @ second / self.N) < BAND / math.sqrt(self.N))


class Test_ppca_loglik:
    @pytest.mark.hint("The density of x averages over all z: it is N(mu, W Wᵀ + s2 I).")
    def test_density(self, answer):
        """The log-density of each sample agrees with an independent implementation."""
        for D, k in [(5, 2), (3, 1)]:
            W, mu, s2 = model(D, k, seed=31)
            X = points(7, mu, seed=32)
            assert_close(assert_pure(answer, X, W, mu, s2), density(X, W, mu, s2))

    @pytest.mark.hint("Constant, log-determinant, squared distance: each is needed for this.")
    def test_integrates_to_one(self, answer):
        """In the plane the density integrates to 1, and has the mean and covariance asked for."""
        W, mu, s2 = np.array([[1.2], [-0.7]]), np.array([2.0, -3.0]), 0.3
        step = np.linspace(-10.0, 10.0, 141)
        offsets = np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)
        mass = np.exp(answer(mu + offsets, W, mu.copy(), s2)) * (step[1] - step[0]) ** 2
        assert_close(mass.sum(), 1.0, atol=1e-4)
        second = (mass[:, None] * offsets).T @ offsets
        assert_close(second, [[1.74, -0.84], [-0.84, 0.79]], atol=1e-3)

    @pytest.mark.hint(
        "The determinant is too small or too large for a float: stay with its logarithm."
    )
    def test_many_small_or_large_variances(self, answer):
        """Measuring everything in other units shifts the log-density exactly, in 60 dimensions."""
        W, mu, s2 = model(60, 3, seed=33)
        X = points(4, mu, seed=34)
        expected = density(X, W, mu, s2)
        for unit in (1.0, 1e-5, 1e5):
            found = answer(X * unit, W * unit, mu * unit, s2 * unit**2)
            assert_close(found, expected - 60 * math.log(unit))

    @pytest.mark.hint("Bayes: log p(x) = log p(x | z) + log p(z) − log p(z | x), whatever z is.")
    def test_bayes(self, answer):
        """Likelihood times prior, divided by posterior, gives the same density at every code."""
        W, mu, s2 = model(6, 2, seed=35)
        X = points(5, mu, seed=36)
        m, S = posterior(X, W, mu, s2)
        z = np.random.default_rng(37).normal(size=(5, 2))
        expected = (
            stats.norm.logpdf(X, z @ W.T + mu, math.sqrt(s2)).sum(axis=1)
            + stats.norm.logpdf(z).sum(axis=1)
            - stats.multivariate_normal(np.zeros(2), S).logpdf(z - m)
        )
        assert_close(answer(X, W, mu, s2), expected)

    @pytest.mark.hint("Nothing may be estimated from the batch: mu is given.")
    def test_each_sample_by_itself(self, answer):
        """The density of a sample does not depend on the samples it comes with."""
        W, mu, s2 = model(4, 2, seed=38)
        X = points(4, mu, seed=39)
        alone = np.array([answer(x[None, :].copy(), W.copy(), mu.copy(), s2)[0] for x in X])
        assert_close(answer(X.copy(), W.copy(), mu.copy(), s2), alone)
        assert_close(alone, density(X, W, mu, s2))


class Test_ppca_posterior:
    @pytest.mark.hint("Condition the joint Gaussian of (z, x) on x.")
    def test_joint_gaussian(self, answer):
        """Mean and covariance are those of the joint Gaussian of z and x, conditioned on x."""
        for D, k in [(5, 2), (4, 1)]:
            W, mu, s2 = model(D, k, seed=41)
            X = points(7, mu, seed=42)
            assert_close(assert_pure(answer, X, W, mu, s2), posterior(X, W, mu, s2))

    @pytest.mark.hint("k = 1: the precision of z is 1 from the prior plus ‖w‖²/s2 from x.")
    def test_by_hand(self, answer):
        """With one code number, prior and observation add their precisions."""
        W, mu, s2 = np.array([[1.0], [2.0], [2.0]]), np.array([1.0, 0.0, -1.0]), 3.0
        X = mu + np.array([[1.0, 2.0, 2.0], [2.0, -1.0, 0.0], [4.0, 0.0, 4.0]])
        m, S = answer(X, W, mu, s2)
        assert_close((m, S), ([[0.75], [0.0], [1.0]], [[0.25]]))

    @pytest.mark.hint("Differentiate log p(x | z) + log p(z) in z, once and twice.")
    def test_slope_and_curvature(self, answer):
        """The joint log-density is flat at the posterior mean; its curvature is the precision."""
        W, mu, s2 = model(6, 3, seed=43)
        X = points(4, mu, seed=44)
        m, S = answer(X, W, mu, s2)
        for x, code in zip(X, m, strict=True):
            assert_close(sum((x - mu - W @ code)[:, None] * W) / s2, code)
        curvature = np.eye(3) + np.einsum("dj,dl->jl", W, W) / s2
        assert_close(S @ curvature, np.eye(3))

    @pytest.mark.hint("Let s2 tend to 0, then to infinity: who is believed, the data or the prior?")
    def test_limits(self, answer):
        """Without noise the mean is the nearest point's code; with much noise the prior is left."""
        W, mu, _ = model(5, 2, seed=45)
        X = points(6, mu, seed=46)
        nearest = np.linalg.lstsq(W, (X - mu).T, rcond=None)[0].T
        m, S = answer(X.copy(), W.copy(), mu.copy(), 1e-4)
        assert_close(m, nearest, rtol=1e-2, atol=1e-2)
        assert_close(S / 1e-4 @ W.T @ W, np.eye(2), atol=1e-2)
        m, S = answer(X.copy(), W.copy(), mu.copy(), 1e7)
        assert_close(S, np.eye(2))
        assert_close(m * 1e7, (X - mu) @ W, rtol=1e-3)

    @pytest.mark.hint("Average over all x the model makes: the codes' whole variance must be I.")
    def test_total_variance(self, answer):
        """Spread of the means plus spread about them is the prior's, over the model's own data."""
        W, mu, s2 = model(4, 2, seed=47)
        arms = 2.0 * np.linalg.cholesky(W @ W.T + s2 * np.eye(4)).T
        X = np.vstack([mu + arms, mu - arms])
        m, S = answer(X, W, mu, s2)
        assert_close(m.T @ m / 8 + S, np.eye(2))


class Test_mahalanobis_ppca:
    @pytest.mark.hint("d² = (x − mu)ᵀ C⁻¹ (x − mu), one number a sample.")
    def test_definition(self, answer):
        """The distance agrees with the one that goes through the whole covariance."""
        for D, k in [(5, 2), (3, 1)]:
            W, mu, s2 = model(D, k, seed=51)
            X = points(7, mu, seed=52)
            C = W @ W.T + s2 * np.eye(D)
            expected = [x @ np.linalg.inv(C) @ x for x in X - mu]
            assert_close(assert_pure(answer, X, W, mu, s2), expected)

    @pytest.mark.hint("With W = U (Λ − s2)^½ the distance is T² plus Q divided by the noise.")
    def test_two_alarms_in_one(self, answer):
        """With columns at right angles it is Hotelling's T² plus the residual in units of noise."""
        axes, lam, s2 = frame(6, 53), np.array([9.0, 4.0]), 0.5
        W, mu = axes[:, :2] * np.sqrt(lam - s2), np.arange(6.0)
        X = points(5, mu, seed=54)
        along = (X - mu) @ axes
        expected = (along[:, :2] ** 2 / lam).sum(axis=1) + (along[:, 2:] ** 2).sum(axis=1) / s2
        assert_close(answer(X, W, mu, s2), expected)

    @pytest.mark.hint("Minimise ‖x − mu − Wz‖² / s2 + ‖z‖² over z and look at what is left.")
    def test_cheapest_explanation(self, answer):
        """It is the least price, in squared noise and squared code, of explaining the sample."""
        W, mu, s2 = model(7, 3, seed=55)
        X = points(4, mu, seed=56)
        stacked = np.vstack([W / math.sqrt(s2), np.eye(3)])
        expected = []
        for x in X:
            target = np.concatenate([(x - mu) / math.sqrt(s2), np.zeros(3)])
            z = np.linalg.lstsq(stacked, target, rcond=None)[0]
            expected.append(np.linalg.norm(stacked @ z - target) ** 2)
        assert_close(answer(X, W, mu, s2), expected)

    @pytest.mark.hint("Near 0 and for a single sample the formula is the same.")
    def test_each_sample_by_itself(self, answer):
        """The distance of a sample does not depend on the samples it comes with."""
        W, mu, s2 = model(5, 2, seed=57)
        X = points(4, mu, seed=58)
        alone = np.array([answer(x[None, :].copy(), W.copy(), mu.copy(), s2)[0] for x in X])
        assert_close(answer(X.copy(), W.copy(), mu.copy(), s2), alone)
        log_p0 = density(mu[None, :], W, mu, s2)
        assert_close(alone, 2 * (log_p0 - density(X, W, mu, s2)))

    @pytest.mark.hint("Only a k × k matrix needs to be inverted; a D × D one does not fit.")
    def test_many_features(self, answer):
        """Twenty thousand features are no obstacle."""
        D, lam, s2 = 20_000, np.array([50.0, 20.0, 3.0]), 0.5
        U = np.linalg.qr(np.random.default_rng(59).normal(size=(D, 3)))[0]
        W, mu = U * np.sqrt(lam - s2), np.linspace(-1.0, 1.0, D)
        X = points(4, mu, seed=60) + 30.0 * U[:, 0]
        along = (X - mu) @ U
        outside = ((X - mu) ** 2).sum(axis=1) - (along**2).sum(axis=1)
        assert_close(answer(X, W, mu, s2), (along**2 / lam).sum(axis=1) + outside / s2)


class Test_ppca_mle:
    @pytest.mark.hint("Compare W Wᵀ + s2 I with the covariance of the data: where may it differ?")
    @pytest.mark.parametrize(("N", "D", "k"), [(60, 5, 2), (23, 7, 3), (11, 4, 1)])
    def test_covariance(self, answer, N, D, k):
        """The model keeps the k largest variances and replaces each of the others by their mean."""
        X = points(N, np.arange(D) * 2.0, seed=61) * 0.7 ** np.arange(D)
        W, _, s2 = answer(X.copy(), k)
        _, singular, Vt = np.linalg.svd(X - averages(X), full_matrices=False)
        lam = singular**2 / N
        lam[k:] = sum(lam[k:]) / (D - k)
        assert_close(W @ W.T + s2 * np.eye(D), (Vt.T * lam) @ Vt)

    @pytest.mark.hint("Which variances does no column of W explain? The noise is their mean.")
    def test_noise(self, answer):
        """The noise is the mean variance of the directions that are left out."""
        for k, expected in [(1, 2.0), (2, 4 / 3), (3, 0.5), (4, 0.25)]:
            X, _ = shaped(19, [9.0, 4.0, 3.0, 0.75, 0.25], seed=62)
            assert_close(answer(X, k)[2], expected)

    @pytest.mark.hint("A peak: every small step away from your W and s2 must lower the likelihood.")
    def test_no_better_neighbour(self, answer):
        """No model close by, and none far away, gives the data a higher likelihood."""
        X, _ = shaped(25, [6.0, 3.0, 1.5, 0.5], seed=63)
        W, mu, s2 = answer(X.copy(), 2)
        assert s2 > 1e-9
        best = density(X, W, mu, s2).mean()
        rng = np.random.default_rng(64)
        for size in [0.03] * 10 + [0.3] * 10:
            moved = W + size * rng.normal(size=W.shape)
            noise = s2 * math.exp(size * rng.normal())
            assert density(X, moved, mu, noise).mean() < best
        for mean in (mu + 0.1, mu * 0.9):
            assert density(X, W, mean, s2).mean() < best

    @pytest.mark.hint("At the maximum S C⁻¹ W = W and tr C⁻¹ = tr C⁻¹ S C⁻¹, S with divisor N.")
    def test_stationary(self, answer):
        """The gradients of the log-likelihood in W and in the noise vanish."""
        X = points(30, np.ones(5), seed=65) * np.array([3.0, 2.0, 1.0, 0.5, 0.2])
        W, _, s2 = answer(X.copy(), 2)
        assert s2 > 1e-9
        assert np.linalg.norm(W) > 0.1
        S = np.cov(X, rowvar=False, bias=True)
        K = np.linalg.inv(W @ W.T + s2 * np.eye(5))
        assert_close(S @ K @ W, W, atol=1e-4)
        assert_close(np.trace(K @ S @ K), np.trace(K), rtol=1e-3)

    @pytest.mark.hint("D × D also when D > N: the zero eigenvalues count in the mean.")
    def test_fewer_samples_than_features(self, answer):
        """With fewer samples than features total variance and mean are still those of the data."""
        X = points(6, np.linspace(-5.0, 5.0, 11), seed=66)
        W, mu, s2 = answer(X.copy(), 3)
        assert_close(mu, averages(X))
        assert_close((W**2).sum() + 11 * s2, sum(((x - mu) ** 2).sum() for x in X) / 6)
        ends = np.linalg.svd(X - averages(X), compute_uv=False)[3:]
        assert_close(s2, (ends**2).sum() / 6 / 8)

    @pytest.mark.hint("Work on copies; return mu as the mean of the data you were given.")
    def test_pure(self, answer):
        """The caller's data are left as they were, and a second call agrees."""
        X, axes = shaped(14, [5.0, 2.0, 1.0], seed=67)
        W, mu, s2 = assert_pure(answer, X, 1, fixed=lambda one: (one[0] @ one[0].T, *one[1:]))
        assert_close((mu, s2), (averages(X), 1.5))
        assert_close(np.abs(W[:, 0] @ axes), [math.sqrt(3.5), 0.0, 0.0], atol=1e-4)


class Test_ppca_elbo:
    @staticmethod
    def case(seed, D=5, k=2, N=4):
        W, mu, s2 = model(D, k, seed=seed)
        m = np.random.default_rng(seed + 1).normal(size=(N, k))
        S = 0.05 * spd(k, seed + 3) + 0.2 * np.eye(k) + 0.3  # well away from diagonal
        return points(N, mu, seed=seed + 2), W, mu, s2, m, S

    @pytest.mark.hint("Put the exact posterior in: which term does not cancel against log p(x)?")
    def test_tight(self, answer):
        """At the exact posterior the bound is the log-density of the sample."""
        X, W, mu, s2, *_ = self.case(71)
        m, S = posterior(X, W, mu, s2)
        assert_close(answer(X, W, mu, s2, m, S), density(X, W, mu, s2))

    @pytest.mark.hint("log p(x) minus the bound is KL(q ‖ posterior), for every full covariance S.")
    def test_gap(self, answer):
        """What is missing is the KL from the guess to the posterior, for any guess."""
        X, W, mu, s2, m, S = self.case(72, k=3)
        centre, spread = posterior(X, W, mu, s2)
        ratios = linalg.eigh(S, spread, eigvals_only=True)
        away = [d @ linalg.solve(spread, d) for d in m - centre]
        gap = 0.5 * (np.array(away) + (ratios - np.log(ratios) - 1).sum())
        found = assert_pure(answer, X, W, mu, s2, m, S)
        assert_close(found, density(X, W, mu, s2) - gap)

    @pytest.mark.hint("Average log p(x | z) + log p(z) − log q(z) over z drawn from q.")
    def test_definition(self, answer):
        """The bound is the average under q of log joint minus log q, by numerical integration."""
        X, W, mu, s2, m, S = self.case(73, D=3)
        nodes, weights = np.polynomial.hermite_e.hermegauss(3)
        pairs = np.array(list(itertools.product(nodes, repeat=2)))
        weight = np.prod(list(itertools.product(weights, repeat=2)), axis=1) / (2 * math.pi)
        expected = []
        for x, centre in zip(X, m, strict=True):
            z = centre + pairs @ np.linalg.cholesky(S).T
            inside = stats.norm.logpdf(x, z @ W.T + mu, math.sqrt(s2)).sum(axis=1)
            inside += stats.norm.logpdf(z).sum(axis=1)
            inside -= stats.multivariate_normal(centre, S).logpdf(z)
            expected.append(weight @ inside)
        assert_close(answer(X, W, mu, s2, m, S), expected)

    @pytest.mark.hint("With q = N(0, I) the KL is 0; what is the average of ‖x − mu − Wz‖²?")
    def test_prior_as_guess(self, answer):
        """With the prior as the guess only the average fit is left."""
        X, W, mu, s2, *_ = self.case(74)
        squares = [sum((x - mu) ** 2) + sum(w @ w for w in W) for x in X]
        expected = -2.5 * math.log(2 * math.pi * s2) - np.array(squares) / (2 * s2)
        assert_close(answer(X, W, mu, s2, np.zeros((4, 2)), np.eye(2)), expected)

    @pytest.mark.hint("A very sure guess has a tiny determinant: take its logarithm safely.")
    def test_sure_guess(self, answer):
        """A guess with forty code numbers and almost no spread has a finite, exact bound."""
        X, W, mu, s2, m, _ = self.case(75, D=3, k=40)
        fit = stats.norm.logpdf(X, m @ W.T + mu, math.sqrt(s2)).sum(axis=1)
        log_prior = stats.norm.logpdf(m).sum(axis=1)
        entropy = 20 * (math.log(2 * math.pi * 1e-10) + 1)
        found = answer(X, W, mu, s2, m, 1e-10 * np.eye(40))
        assert_close(found, fit + log_prior + entropy)


class Test_e_step:
    @pytest.mark.hint("The first moment is the posterior mean of each sample.")
    def test_first_moment(self, answer):
        """The first moments are the means of the joint Gaussian, conditioned on each sample."""
        W, mu, s2 = model(5, 2, seed=81)
        X = points(6, mu, seed=82)
        Ez, _ = assert_pure(answer, X, W, mu, s2)
        assert_close(Ez, posterior(X, W, mu, s2)[0])

    @pytest.mark.hint("Ezz minus the outer product of the mean is what is still unknown about z.")
    def test_spread(self, answer):
        """The second moment exceeds that of the mean alone by the posterior covariance."""
        W, mu, s2 = model(6, 3, seed=83)
        X = points(5, mu, seed=84)
        Ez, Ezz = answer(X, W, mu, s2)
        _, S = posterior(X, W, mu, s2)
        for mean, second in zip(Ez, Ezz, strict=True):
            assert_close(second - np.outer(mean, mean), S)

    @pytest.mark.hint("D = k = 1, w = 2, s2 = 2: do it on paper. A variance plus a squared mean.")
    def test_by_hand(self, answer):
        """With one coordinate and one code number the moments can be done on paper."""
        W, mu = np.array([[2.0]]), np.array([3.0])
        Ez, Ezz = answer(np.array([[9.0], [3.0], [-9.0]]), W, mu, 2.0)
        assert_close(Ez, [[2.0], [0.0], [-4.0]])
        assert_close(Ezz, [[[13 / 3]], [[1 / 3]], [[49 / 3]]])

    @pytest.mark.hint("Integrate z zᵀ against prior times likelihood, sample by sample.")
    def test_by_integration(self, answer):
        """The moments are averages under prior times likelihood, normalised."""
        W, mu, s2 = model(3, 2, seed=85)
        X = mu + np.array([[1.0, -1.0, 2.0], [0.0, 3.0, 1.0]])
        axis = np.linspace(-9.0, 9.0, 361)
        z = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        Ez, Ezz = answer(X, W, mu, s2)
        for n, x in enumerate(X):
            log_p = -0.5 * ((x - mu - z @ W.T) ** 2).sum(axis=1) / s2 - 0.5 * (z**2).sum(axis=1)
            p = np.exp(log_p - log_p.max())
            p /= p.sum()
            assert_close(Ez[n], p @ z, atol=1e-4)
            assert_close(Ezz[n], (p[:, None] * z).T @ z, atol=1e-4)


def guesses(N, D, k, seed):
    """Return X, mu, Ez, Ezz, S of N guesses, each with a covariance of its own."""
    rng = np.random.default_rng(seed)
    W, mu, _ = model(D, k, seed + 1)
    Ez = rng.normal(size=(N, k))
    X = mu + Ez @ W.T + 0.5 * rng.normal(size=(N, D)) + 0.3
    S = np.stack([0.3 * spd(k, seed + 2 + n) for n in range(N)])
    return X, mu, Ez, S + Ez[:, :, None] * Ez[:, None, :], S


class Test_m_step:
    @pytest.mark.hint("Represent each guess by a few points: then it is least squares of x on z.")
    @pytest.mark.parametrize(("N", "D", "k"), [(12, 4, 2), (9, 5, 3), (7, 2, 1)])
    def test_regression(self, answer, N, D, k):
        """It is least squares of the samples on points that have the moments of the guesses."""
        X, mu, Ez, Ezz, S = guesses(N, D, k, seed=91)
        steps = math.sqrt(k) * np.linalg.cholesky(S).transpose(0, 2, 1)
        z = np.concatenate([Ez[:, None] + steps, Ez[:, None] - steps], axis=1).reshape(-1, k)
        x = np.repeat(X - mu, 2 * k, axis=0)
        expected = np.linalg.lstsq(z, x, rcond=None)[0].T
        residual = x - z @ expected.T
        assert_close(answer(X, mu, Ez, Ezz), (expected, (residual**2).mean()))

    @pytest.mark.hint("Move W and s2 a little: does the expected log-density ever rise?")
    def test_maximises(self, answer):
        """No other weights and no other noise make the expected log-density larger."""
        X, mu, Ez, Ezz, S = guesses(10, 4, 2, seed=92)

        def expected_log_density(W, s2):
            squares = ((X - mu - Ez @ W.T) ** 2).sum() + np.einsum("di,nij,dj->", W, S, W)
            return -0.5 * (40 * math.log(s2) + squares / s2)

        W, s2 = answer(X.copy(), mu.copy(), Ez.copy(), Ezz.copy())
        assert s2 > 1e-9
        best = expected_log_density(W, s2)
        rng = np.random.default_rng(93)
        for _ in range(25):
            assert expected_log_density(W + 0.05 * rng.normal(size=W.shape), s2) < best
        for factor in (0.97, 1.03, 0.5, 2.0):
            assert expected_log_density(W, s2 * factor) < best

    @pytest.mark.hint("Guesses without spread: plain least squares, and its mean squared residual.")
    def test_certain_codes(self, answer):
        """With codes known for sure it is ordinary regression, with its noise."""
        z = np.array([[1.0], [-1.0], [2.0], [0.0]])
        X = np.array([[3.0, 1.0], [-1.0, 1.0], [4.0, 1.0], [1.0, 5.0]])
        W, s2 = answer(X, np.array([1.0, 1.0]), z, z[:, :, None] * z[:, None, :])
        assert_close(W, [[10 / 6], [0.0]])
        assert_close(s2, (17 - 100 / 6 + 16) / 8)

    @pytest.mark.hint("The uncertainty of z adds tr(Ezz WᵀW), not only the squared mean.")
    def test_uncertain_codes(self, answer):
        """Uncertain codes shrink the weights and raise the noise."""
        X, mu = np.array([[4.0, 0.0], [-4.0, 0.0]]), np.zeros(2)
        z, second = np.array([[1.0], [-1.0]]), np.array([[[1.5]], [[2.5]]])
        assert_close(answer(X, mu, z, second), ([[2.0], [0.0]], 4.0))

    @pytest.mark.hint("Keep mu as it is given, and the caller's arrays as they are.")
    def test_pure(self, answer):
        """The mean is kept as given, and the arguments are left as they were."""
        X, _, Ez, Ezz, _ = guesses(11, 3, 2, seed=94)
        mu = np.array([-2.0, 0.5, 1.0])
        W, s2 = assert_pure(answer, X, mu, Ez, Ezz)
        normal_equations = sum(np.outer(x - mu, z) for x, z in zip(X, Ez, strict=True))
        assert_close(W @ sum(Ezz), normal_equations)
        assert_close(s2 * 33, sum(sum((x - mu) ** 2) for x in X) - (W * normal_equations).sum())


def em_iteration(S, W, s2):
    """Return one EM iteration in a single formula, from the data covariance S (divisor N) alone."""
    k = W.shape[1]
    inverse = np.linalg.inv(W.T @ W + s2 * np.eye(k))
    new = S @ W @ np.linalg.inv(s2 * np.eye(k) + inverse @ W.T @ S @ W)
    return new, np.trace(S - S @ W @ inverse @ new.T) / len(S)


class Test_ppca_em:
    LAM = (8.0, 4.0, 0.75, 0.5, 0.25)

    @classmethod
    def case(cls, N=17, seed=95):
        X, _ = shaped(N, cls.LAM, seed)
        return X, np.random.default_rng(seed + 1).normal(size=(5, 2)), 1.7

    @pytest.mark.hint("One iteration: one E-step at the start, then one M-step with its moments.")
    def test_one_iteration(self, answer):
        """A single iteration from a given start agrees with EM's update in one formula."""
        X, W0, s20 = self.case()
        expected_W, expected_s2 = em_iteration(np.cov(X, rowvar=False, bias=True), W0, s20)
        W, _, s2, _ = assert_pure(answer, X, 2, 1, W0, s20)
        assert_close((W, s2), (expected_W, expected_s2))

    @pytest.mark.hint("hist[i] is the mean log-likelihood after iteration i, at the new W and s2.")
    def test_history(self, answer):
        """The history is the mean log-likelihood of the model after each iteration."""
        X, W, s2 = self.case(seed=96)
        S, expected = np.cov(X, rowvar=False, bias=True), []
        W0 = W.copy()
        for _ in range(6):
            W, s2 = em_iteration(S, W, s2)
            expected.append(density(X, W, averages(X), s2).mean())
        assert_close(answer(X, 2, 6, W0, 1.7)[3], expected)
        # Slow, since two variances are almost the same and one of them is to go.
        X, _ = shaped(20, [8.0, 4.0, 3.8, 0.5, 0.25], seed=100)
        S, W, s2 = np.cov(X, rowvar=False, bias=True), W0, 1.7
        for _ in range(120):
            W, s2 = em_iteration(S, W, s2)
        found_W, _, found_s2, history = answer(X, 2, 120, W0.copy(), 1.7)
        expected = W @ W.T + s2 * np.eye(5)
        assert_close(found_W @ found_W.T + found_s2 * np.eye(5), expected, atol=5e-4)
        assert_close(history[-1], density(X, W, averages(X), s2).mean())

    @pytest.mark.hint("EM never goes downhill. If yours does, E-step and M-step do not fit.")
    def test_climbs(self, answer):
        """The log-likelihood rises at every iteration and stays below the closed form's."""
        X, W0, s20 = self.case(N=30, seed=97)
        history = answer(X.copy(), 2, 12, W0, s20)[3]
        lam = np.array(self.LAM)
        top = -0.5 * (5 * math.log(2 * math.pi) + np.log(lam[:2]).sum() + 3 * math.log(0.5) + 5)
        assert np.all(np.diff(history) > 0)
        assert np.all(history < top + 1e-6)
        assert history[0] < history[-1] - 1e-3

    @pytest.mark.hint("After many iterations EM should stand where the closed form stands.")
    def test_limit(self, answer):
        """After many iterations model and likelihood are those of the closed form."""
        X, W0, s20 = self.case(N=20, seed=98)
        W, mu, s2, history = answer(X.copy(), 2, 200, W0, s20)
        _, axes = shaped(20, self.LAM, 98)
        C = (axes * [8.0, 4.0, 0.5, 0.5, 0.5]) @ axes.T
        assert_close(W @ W.T + s2 * np.eye(5), C, atol=5e-3)
        assert_close(s2, 0.5, rtol=1e-3)
        best = stats.multivariate_normal(averages(X), C).logpdf(X).mean()
        assert_close((mu, history[-1]), (averages(X), best), rtol=1e-3)

    @pytest.mark.hint("The state is W and s2: going on from them must be the same as not stopping.")
    def test_stop_and_go_on(self, answer):
        """Three iterations and then two more, from where these ended, are five iterations."""
        X, W0, s20 = self.case(seed=99)
        W, mu, s2, history = answer(X.copy(), 2, 5, W0.copy(), s20)
        half_W, _, half_s2, first = answer(X.copy(), 2, 3, W0.copy(), s20)
        assert min(s2, half_s2) > 1e-3
        end_W, _, end_s2, second = answer(X.copy(), 2, 2, half_W, half_s2)
        assert_close((end_W, end_s2), (W, s2), atol=1e-4)
        assert_close(np.concatenate([first, second]), history, atol=1e-4)
        assert_close(mu, averages(X))
        assert_close(history[-1], density(X, W, mu, s2).mean())


class Test_ppca_best_loglik:
    @pytest.mark.hint("At the maximum the data covariance and C share their axes and their trace.")
    @pytest.mark.parametrize("k", [0, 1, 3])
    def test_likelihood_of_the_fit(self, answer, k):
        """It is the mean log-density of the data under the best model with k directions."""
        lam = np.array([6.0, 3.0, 1.5, 0.5, 0.25])
        X, axes = shaped(14, lam, seed=101)
        kept = np.concatenate([lam[:k], np.full(5 - k, lam[k:].mean())])
        expected = stats.multivariate_normal(averages(X), (axes * kept) @ axes.T).logpdf(X).mean()
        assert_close(answer(lam, k), expected)

    @pytest.mark.hint("Compute ½ [D log 2π + log-determinant + D] on paper for two eigenvalues.")
    def test_by_hand(self, answer):
        """For two and for four simple eigenvalues the value can be done on paper."""
        log_2pi = math.log(2 * math.pi)
        assert_close(answer(np.array([math.exp(2), 1.0]), 1), -log_2pi - 2)
        assert_close(answer(np.array([4.0, 1.0, 1.0, 0.0]), 2), -2 * log_2pi - 2)

    @pytest.mark.hint("More directions never fit the same data worse. What is averaged?")
    def test_more_directions(self, answer):
        """Each further direction gains the log-ratio of means it should gain, never less than 0."""
        lam = np.array([5.0, 4.0, 1.0, 0.8, 0.1, 0.1])
        values = np.array([answer(lam, k) for k in range(6)])
        geometric = np.array([np.log(lam[k:]).mean() for k in range(6)])
        arithmetic = np.array([math.log(lam[k:].mean()) for k in range(6)])
        lost = 0.5 * (6 - np.arange(6)) * (arithmetic - geometric)
        assert_close(values[-1] - values, lost)
        assert lost[0] > 1

    @pytest.mark.hint("In 200 dimensions the product of the eigenvalues is no float.")
    def test_many_dimensions(self, answer):
        """Two hundred tiny or huge eigenvalues give a finite, exact value."""
        lam = np.linspace(3.0, 1.0, 200)
        for k in (40, 160):
            tail = float(lam[k:].mean())
            log_det = sum(math.log(v) for v in lam[:k]) + (200 - k) * math.log(tail)
            expected = -100 * (math.log(2 * math.pi) + 1) - 0.5 * log_det
            for unit in (1e-6, 1.0, 1e6):
                assert_close(answer(lam * unit, k), expected - 100 * math.log(unit))


class Test_ppca_fill_in:
    @staticmethod
    def case(seed=111):
        W, mu, s2 = model(5, 2, seed=seed)
        X = points(4, mu, seed=seed + 1)
        seen = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [0, 0, 1, 0, 0], [1, 0, 1, 1, 1]], bool)
        return X, seen, W, mu, s2

    @staticmethod
    def conditioned(X, seen, W, mu, s2):
        """Fill in through the precision matrix of all coordinates."""
        K = np.linalg.inv(W @ W.T + s2 * np.eye(len(mu)))
        filled = X.copy()
        for x, there in zip(filled, seen, strict=True):
            pull = K[np.ix_(~there, there)] @ (x - mu)[there]
            x[~there] = mu[~there] - np.linalg.solve(K[np.ix_(~there, ~there)], pull)
        return filled

    @pytest.mark.hint("Condition on the seen entries alone, then predict the others.")
    def test_conditional_mean(self, answer):
        """Missing entries are their conditional means given the seen ones; those stay."""
        case = self.case()
        assert_close(assert_pure(answer, *case), self.conditioned(*case))

    @pytest.mark.hint("What stands in a missing entry means nothing: do not compute with it.")
    def test_placeholders(self, answer):
        """What stands in the missing places, nan too, has no influence."""
        X, seen, W, mu, s2 = self.case(seed=112)
        expected = self.conditioned(X, seen, W, mu, s2)
        for placeholder in (np.nan, 1e6):
            hidden = np.where(seen, X, placeholder)
            assert_close(answer(hidden, seen.copy(), W.copy(), mu.copy(), s2), expected)

    @pytest.mark.hint("Seen nothing: what is the best guess? Seen everything: nothing to do.")
    def test_all_and_nothing(self, answer):
        """With nothing seen the mean is filled in; with all seen the sample comes back."""
        X, _, W, mu, s2 = self.case(seed=113)
        seen = np.array([[False] * 5, [True] * 5, [False] * 5, [True] * 5])
        assert_close(answer(X.copy(), seen, W, mu.copy(), s2), [mu, X[1], mu, X[3]])

    @pytest.mark.hint("Missing entries follow from the seen ones through z: with s2 → 0, exactly.")
    def test_noiseless(self, answer):
        """Almost without noise, entries of samples in the subspace are recovered."""
        W, mu, _ = model(6, 2, seed=114)
        X = mu + np.random.default_rng(115).normal(size=(3, 2)) @ W.T
        seen = np.array([[1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 0, 1], [1, 0, 1, 1, 1, 1]], bool)
        found = answer(np.where(seen, X, 0.0), seen, W, mu, 1e-9)
        assert_close(found, X, atol=1e-3)
