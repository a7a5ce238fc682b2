"""Hidden tests of chapter 1: principal component analysis and the linear autoencoder."""

import numpy as np
import pytest
import torch
from scipy import linalg

from autograder.testing import assert_close, assert_pure


def frame(D, k, seed):
    """Return a random D × k matrix with orthonormal columns."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(D, k)))[0]


def cloud(N, D, seed):
    """Return N samples far from the origin, with well separated variances along tilted axes."""
    rng = np.random.default_rng(seed)
    scales = 4.0 * 0.6 ** np.arange(D)
    return (rng.normal(size=(N, D)) * scales) @ frame(D, D, seed + 1).T + rng.normal(5, 3, size=D)


def svd_pca(X, k):
    """Return W, lam, mu by the route that never forms a covariance matrix."""
    mu = np.array([sum(column) / len(column) for column in X.T])
    _, singular, Vt = np.linalg.svd(X - mu, full_matrices=False)
    return Vt[:k].T, singular[:k] ** 2 / (len(X) - 1), mu


def without_signs(found):
    """Return what is fixed of directions, variances and mean: each direction up to its sign."""
    W, lam, mu = found
    return np.einsum("ij,kj->jik", W, W), lam, mu


def skewed():
    """Return samples whose means, medians and first sample all differ."""
    return np.array([[1.0, 0.0, 10.0], [2.0, 0.0, 20.0], [9.0, 4.0, 60.0], [4.0, -8.0, 30.0]])


class Test_center:
    @pytest.mark.hint("Average over the samples, which are the rows: one mean a feature.")
    def test_mean(self, answer):
        """The mean of each feature is its average over the samples."""
        _, mu = answer(skewed())
        assert_close(mu, [4.0, -1.0, 30.0])

    @pytest.mark.hint("Take the mean off, once and nothing else: leave the spread as it is.")
    def test_centred_values(self, answer):
        """The centred samples are the samples minus the mean."""
        Xc, _ = answer(skewed())
        expected = [[-3.0, 1.0, -20.0], [-2.0, 1.0, -10.0], [5.0, 5.0, 30.0], [0.0, -7.0, 0.0]]
        assert_close(Xc, expected)

    @pytest.mark.hint("With as many samples as features, which axis is averaged is easy to mix up.")
    def test_square_data(self, answer):
        """Samples are rows also where there are as many samples as features."""
        X = cloud(5, 5, seed=50)
        Xc, mu = answer(X.copy())
        assert_close(mu, [sum(X[:, j]) / 5 for j in range(5)])
        assert_close(Xc + mu[None, :], X)

    @pytest.mark.hint("Mean plus centred samples should give the samples back.")
    def test_shift(self, answer):
        """Moving all the data moves the mean along and leaves the centred samples alone."""
        X, shift = cloud(12, 4, seed=51), np.array([100.0, -50.0, 7.0, 0.5])
        Xc, mu = answer(X.copy())
        Xc_moved, mu_moved = answer(X + shift)
        assert_close(mu_moved - mu, shift, atol=1e-4)
        assert_close(Xc_moved, Xc, atol=1e-4)
        assert_close(Xc + mu[None, :], X)

    @pytest.mark.hint("Write X - mu to a new array; X -= mu changes the caller's data.")
    def test_pure(self, answer):
        """The caller's data are left as they were."""
        X = cloud(9, 4, seed=52)
        Xc, mu = assert_pure(answer, X)
        assert_close(Xc[0] - Xc[1], X[0] - X[1])
        assert_close(mu, sum(X) / 9)


class Test_covariance:
    @pytest.mark.hint("With ddof = 1 the sum of outer products is divided by N - 1.")
    def test_unbiased(self, answer):
        """With ddof 1, asked for or by default, the covariance is the unbiased one."""
        X = cloud(17, 4, seed=53)
        assert_close(answer(X), np.cov(X, rowvar=False))
        assert_close(answer(X, ddof=1), np.cov(X, rowvar=False))

    @pytest.mark.hint("The divisor is N - ddof, whatever ddof is.")
    @pytest.mark.parametrize("ddof", [0, 3])
    def test_other_divisors(self, answer, ddof):
        """The divisor follows ddof."""
        X = cloud(9, 4, seed=54)
        assert_close(answer(X, ddof=ddof), np.cov(X, rowvar=False, ddof=ddof))

    @pytest.mark.hint("Covariance is about deviations from the mean: centre first.")
    def test_shift_invariance(self, answer):
        """Moving all the data does not change the covariance."""
        X = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        expected = np.diag([18.0, 2.0]) / 3
        assert_close(answer(X), expected, atol=1e-3)
        assert_close(answer(X + 100.0), expected, atol=1e-3)

    @pytest.mark.hint("S is D × D: its entry (a, b) pairs feature a with feature b.")
    def test_variance_along_a_direction(self, answer):
        """The quadratic form of S along any direction is the variance of the data along it."""
        X, directions = cloud(6, 6, seed=55), frame(6, 6, seed=56)
        S = answer(X)
        along = [np.var(X @ w, ddof=1) for w in directions.T]
        assert_close([w @ S @ w for w in directions.T], along)

    @pytest.mark.hint("Units count: a feature in millimetres has a larger variance than in metres.")
    def test_units(self, answer):
        """Changing the units of a feature changes its covariances accordingly."""
        X, units = cloud(11, 3, seed=57), np.array([1.0, 10.0, 0.1])
        S = answer(X * units)
        assert_close(S, np.cov(X, rowvar=False) * units[:, None] * units[None, :])

    @pytest.mark.hint("Centre a copy, not the caller's array.")
    def test_pure(self, answer):
        """The caller's data are left as they were."""
        X = cloud(8, 3, seed=58)
        assert_close(assert_pure(answer, X), np.cov(X, rowvar=False))


class Test_pca_eig:
    @pytest.mark.hint("Directions are columns, of length 1 and at right angles: W.T @ W is I.")
    @pytest.mark.parametrize("k", [1, 3, 6])
    def test_orthonormal(self, answer, k):
        """The directions are orthonormal, for one, some, and all of them."""
        W, _, _ = answer(cloud(40, 6, seed=59), k)
        assert_close(W.T @ W, np.eye(k))

    @pytest.mark.hint("Check S @ W against W * lam: does each variance belong to its column?")
    @pytest.mark.parametrize("k", [1, 3, 6])
    def test_eigenvector_equation(self, answer, k):
        """Each direction is an eigenvector of the covariance, with its variance the eigenvalue."""
        X = cloud(40, 6, seed=60)
        S = np.cov(X, rowvar=False)
        W, lam, _ = answer(X.copy(), k)
        assert_close(S @ W, W * lam[None, :], atol=1e-4)
        assert_close([np.var(X @ w, ddof=1) for w in W.T], lam)
        assert np.all(lam > 0)

    @pytest.mark.hint("Compare lam with the variances of the codes: which divisor, which order?")
    @pytest.mark.parametrize("N", [60, 23])
    def test_variances(self, answer, N):
        """The variances are the largest ones, largest first, with divisor N − 1."""
        X = cloud(N, 5, seed=61)
        for k in (2, 5):
            assert_close(answer(X.copy(), k)[1], svd_pca(X, k)[1])

    @pytest.mark.hint("The subspace W @ W.T is wrong: are these the columns of most variance?")
    @pytest.mark.parametrize(("N", "D", "k"), [(60, 5, 2), (23, 7, 3), (6, 6, 4)])
    def test_subspace(self, answer, N, D, k):
        """The subspace is the one of the singular vectors, whatever the signs."""
        X = cloud(N, D, seed=62)
        W, V = answer(X.copy(), k)[0], svd_pca(X, k)[0]
        assert_close(W @ W.T, V @ V.T, atol=1e-4)

    @pytest.mark.hint("Try other orthonormal frames: none should keep more variance than yours.")
    def test_optimal(self, answer):
        """No other set of k orthonormal directions keeps more variance."""
        X, k = cloud(35, 5, seed=63) * np.array([1.0, 5.0, 0.2, 2.0, 1.0]), 2
        W, lam, _ = answer(X.copy(), k)
        S = np.cov(X, rowvar=False)
        kept = np.trace(W.T @ S @ W)
        rivals = [frame(5, k, seed) for seed in range(200)]
        assert kept >= max(np.trace(V.T @ S @ V) for V in rivals)
        assert_close(W.T @ W, np.eye(k))
        assert_close(kept, lam.sum())

    @pytest.mark.hint(
        "The third output is the mean of the data you were given, not of centred data."
    )
    def test_mean(self, answer):
        """The mean that is returned is the mean of the data."""
        X = cloud(23, 4, seed=64)
        assert_close(answer(X.copy(), 2)[2], sum(X) / 23)

    @pytest.mark.hint("S is D × D also when D > N: most of its eigenvalues are then 0.")
    def test_fewer_samples_than_features(self, answer):
        """With fewer samples than features the directions span all the centred samples."""
        X, k = cloud(5, 12, seed=65), 4
        W, lam, mu = answer(X.copy(), k)
        assert_close(lam, svd_pca(X, k)[1])
        assert_close((X - mu) @ W @ W.T, X - sum(X) / 5, atol=1e-4)

    @pytest.mark.hint("Work on copies: the caller's data must stay as they were.")
    def test_pure(self, answer):
        """The caller's data are left as they were, and a second call agrees."""
        X = cloud(20, 4, seed=66)
        W, lam, mu = assert_pure(answer, X, 3, fixed=without_signs)
        V, variances, mean = svd_pca(X, 3)
        assert_close(W * (W * V).sum(axis=0), V, atol=1e-4)
        assert_close((lam, mu), (variances, mean))


def by_hand():
    """Return a W and a mu to reckon with by hand; new ones a call, for an answer may spoil them."""
    return np.array([[0.6, 0.0], [0.8, 0.0], [0.0, 1.0]]), np.array([1.0, 2.0, 3.0])


class Test_project:
    @pytest.mark.hint("Take one sample: subtract the mean, then dot it with each column of W.")
    def test_by_hand(self, answer):
        """The codes are the coordinates along the directions, counted from the mean."""
        W, mu = by_hand()
        X = mu + np.array([[3.0, 4.0, 0.0], [0.0, 0.0, -2.0], [-4.0, 3.0, 7.0], [10.0, 0.0, 1.0]])
        assert_close(answer(X, W, mu), [[5.0, 0.0], [0.0, -2.0], [0.0, 7.0], [6.0, 1.0]])

    @pytest.mark.hint("New data are measured from the mean of the fit, which is passed in.")
    def test_new_data(self, answer):
        """Data with a mean of their own are measured from the mean of the fit."""
        W, _, mu = svd_pca(cloud(30, 5, seed=67), 3)
        X_new = cloud(8, 5, seed=68) - 20.0
        expected = [[sum((x - mu) * w) for w in W.T] for x in X_new]
        assert_close(answer(X_new, W, mu), expected)

    @pytest.mark.hint("A batch of one is a batch: nothing may be estimated from it.")
    def test_each_sample_by_itself(self, answer):
        """The code of a sample does not depend on the samples it comes with."""
        W, mu, X = frame(6, 2, seed=69), np.arange(6.0), cloud(4, 6, seed=70)
        alone = np.vstack([answer(x[None, :].copy(), W, mu) for x in X])
        assert_close(answer(X.copy(), W, mu), alone)
        assert_close(alone[2, 1], sum((X[2] - mu) * W[:, 1]))

    @pytest.mark.hint("Project points that were built from known codes: do the codes come back?")
    @pytest.mark.parametrize("k", [2, 5])
    def test_inverts_decoding(self, answer, k):
        """Points built from codes have these codes, also where there are as many as features."""
        Z, W, mu = cloud(7, k, seed=71), frame(5, k, seed=72), np.array([4.0, -1, 2, 8, 3])
        X = np.stack([mu + sum(z[j] * W[:, j] for j in range(k)) for z in Z])
        assert_close(answer(X, W, mu), Z)

    @pytest.mark.hint("Work on copies: none of the three arguments may change.")
    def test_pure(self, answer):
        """The arguments are left as they were."""
        X, W, mu = cloud(6, 4, seed=73), frame(4, 2, seed=74), np.array([1.0, -2.0, 3.0, -4.0])
        expected = np.einsum("nd,dk->nk", X, W) - np.einsum("d,dk->k", mu, W)
        assert_close(assert_pure(answer, X, W, mu), expected)


class Test_reconstruct:
    @pytest.mark.hint("Walk from the mean: z_1 steps along column 1, z_2 steps along column 2.")
    def test_by_hand(self, answer):
        """A reconstruction is the mean plus steps along the directions."""
        Z = np.array([[5.0, 0.0], [0.0, -2.0], [-10.0, 1.0], [5.0, 5.0]])
        expected = [[4.0, 6.0, 3.0], [1.0, 2.0, 1.0], [-5.0, -6.0, 4.0], [4.0, 6.0, 8.0]]
        assert_close(answer(Z, *by_hand()), expected)

    @pytest.mark.hint("Decode the code 0, alone and among other codes: where does it land?")
    def test_code_zero(self, answer):
        """The code 0 stands for the mean of the fit, whatever codes it comes with."""
        W, mu = frame(6, 3, seed=75), np.array([3.0, -1.0, 4.0, 1.0, -5.0, 9.0])
        assert_close(answer(np.zeros((1, 3)), W, mu.copy()), mu[None, :])
        assert_close(answer(np.array([[0.0, 0, 0], [9, 7, 5]]), W, mu.copy())[0], mu)

    @pytest.mark.hint("With k = D nothing is lost: encoding and decoding give the sample back.")
    def test_nothing_lost(self, answer):
        """With as many directions as features every sample comes back."""
        X, W, mu = cloud(9, 4, seed=76), frame(4, 4, seed=77), np.array([1.0, 2.0, 3.0, 4.0])
        assert_close(answer((X - mu) @ W, W, mu), X)

    @pytest.mark.hint(
        "What the reconstruction misses should be at right angles to every direction."
    )
    def test_nearest_point(self, answer):
        """The reconstruction of a code is the point of the subspace nearest to the sample."""
        X, W, mu = cloud(7, 5, seed=78), frame(5, 2, seed=79), np.array([2.0, 0.0, -3.0, 1.0, 6.0])
        nearest = [mu + W @ linalg.lstsq(W, x - mu)[0] for x in X]
        assert_close(answer((X - mu) @ W, W, mu), nearest)

    @pytest.mark.hint("Work on copies: none of the three arguments may change.")
    def test_pure(self, answer):
        """The arguments are left as they were."""
        Z, W, mu = cloud(6, 2, seed=80), frame(5, 2, seed=81), np.array([1.0, -2, 3, -4, 5])
        expected = [[mu[d] + z @ W[d] for d in range(5)] for z in Z]
        assert_close(assert_pure(answer, Z, W, mu), expected)


class Test_reconstruction_error:
    @pytest.mark.hint("Sum the squares over the features of a sample, then average over samples.")
    def test_by_hand(self, answer):
        """The error is the mean over samples of the squared distance to the reconstruction."""
        W, mu = by_hand()
        off = np.array([[4.0, -3.0, 0.0], [0.0, 0.0, 5.0], [8.0, -6.0, 0.0], [3.0, 4.0, 1.0]])
        assert_close(answer(mu + off, W, mu), (25 + 0 + 100 + 0) / 4)

    @pytest.mark.hint("Compare with the eigenvalues left out. Which divisor makes the two equal?")
    @pytest.mark.parametrize("k", [0, 1, 3])
    def test_discarded_variance(self, answer, k):
        """On the fitted data the error is the variance left out, with divisor N."""
        X = cloud(14, 5, seed=82)
        W, _, mu = svd_pca(X, k)
        discarded = np.linalg.eigvalsh(np.cov(X, rowvar=False, ddof=0))[: 5 - k].sum()
        assert_close(answer(X, W, mu), discarded)

    @pytest.mark.hint("With k = D the error is 0 for every sample, and with k = 0 the largest.")
    def test_budget(self, answer):
        """Variance kept and error make up the same total for every number of directions."""
        X = cloud(9, 4, seed=83)
        mu = sum(X) / 9
        for k in (1, 4):
            W = frame(4, k, seed=84 + k)
            kept = sum(np.var(X @ w, ddof=0) for w in W.T)
            assert_close(answer(X, W, mu) + kept, np.var(X, axis=0, ddof=0).sum())

    @pytest.mark.hint("Measure from the mean that is passed in, and rebuild from the same mean.")
    def test_new_data(self, answer):
        """Data with a mean of their own are rebuilt from the mean of the fit."""
        W, _, mu = svd_pca(cloud(30, 5, seed=86), 2)
        X_new = cloud(7, 5, seed=87) + 3.0
        gaps = [linalg.lstsq(W, x - mu)[0] @ W.T + mu - x for x in X_new]
        assert_close(answer(X_new, W, mu), sum(gap @ gap for gap in gaps) / 7)

    @pytest.mark.hint("Twice the same data are no worse: the error is a mean over samples.")
    def test_repeated_data(self, answer):
        """Repeating all the data, or scaling all lengths, acts as it does on squared distances."""
        X, W, mu = cloud(6, 4, seed=88), frame(4, 2, seed=89), np.array([1.0, 0.0, 2.0, -1.0])
        Q = np.eye(4) - W @ W.T
        expected = np.mean([(x - mu) @ Q @ (x - mu) for x in X])
        assert_close(answer(np.vstack([X, X, X]), W, mu), expected)
        assert_close(answer(10 * X, W, 10 * mu), 100 * expected)

    @pytest.mark.hint("Work on copies: none of the three arguments may change.")
    def test_pure(self, answer):
        """The arguments are left as they were."""
        X, W, mu = cloud(6, 4, seed=90), frame(4, 1, seed=91), np.array([1.0, -2, 3, -4])
        total, kept = ((X - mu) ** 2).sum(axis=1), ((X - mu) @ W)[:, 0] ** 2
        assert_close(assert_pure(answer, X, W, mu), np.mean(total - kept))


class Test_whiten:
    @pytest.mark.hint("A variance of 4 is a standard deviation of 2: which of them divides?")
    def test_by_hand(self, answer):
        """A code is counted in standard deviations of its direction."""
        W, mu = by_hand()
        X = mu + np.array([[3.0, 4.0, 1.0], [0.0, 0.0, -2.0], [-6.0, -8.0, 3.0]])
        expected = [[2.5, 2.0], [0.0, -4.0], [-5.0, 6.0]]
        assert_close(answer(X, W, np.array([4.0, 0.25]), mu), expected)

    @pytest.mark.hint("Take the covariance of what you return: it should be the identity.")
    @pytest.mark.parametrize(("N", "k"), [(40, 2), (13, 5)])
    def test_unit_covariance(self, answer, N, k):
        """The whitened codes of the fitted data have the identity for covariance."""
        X = cloud(N, 5, seed=92)
        assert_close(np.cov(answer(X, *svd_pca(X, k)), rowvar=False), np.eye(k))

    @pytest.mark.hint("Mean and variances are those of the fit; new data bring none of their own.")
    def test_new_data(self, answer):
        """New data are whitened with the mean and the variances of the fit."""
        W, lam, mu = svd_pca(cloud(30, 4, seed=93), 3)
        X_new = cloud(6, 4, seed=94) - 4.0
        expected = np.array([[sum((x - mu) * w) for w in W.T] for x in X_new]) / lam**0.5
        assert_close(answer(X_new, W, lam, mu), expected)

    @pytest.mark.hint("Nothing belongs beside the square root: no small number, no mixing back.")
    def test_small_variances(self, answer):
        """Directions of small variance are stretched as much as their variance says."""
        W, lam = frame(4, 4, seed=95), np.array([9.0, 1.0, 1e-2, 1e-4])
        Z = np.array([[3.0, -1.0, 0.2, 0.03], [-6.0, 2.0, 0.1, -0.01]])
        assert_close(answer(Z @ W.T, W, lam, np.zeros(4)), [[1, -1, 2, 3], [-2, 2, 1, -1]])

    @pytest.mark.hint("Work on copies: none of the arguments may change.")
    def test_pure(self, answer):
        """The arguments are left as they were, and lengths are Mahalanobis distances."""
        X = cloud(10, 3, seed=96)
        W, lam, mu = svd_pca(X, 3)
        white = assert_pure(answer, X, W, lam, mu)
        precision = np.linalg.inv(np.cov(X, rowvar=False))
        assert_close((white**2).sum(axis=1), [(x - mu) @ precision @ (x - mu) for x in X])


class Test_outlier_statistics:
    @pytest.mark.hint("Do one sample by hand: its code, its variances, and what is left of it.")
    def test_by_hand(self, answer):
        """Both statistics agree with small samples done by hand."""
        W, mu = by_hand()
        X = mu + np.array([[3.0, 4.0, 1.0], [-4.0, 3.0, 0.0], [2.0, 11.0, -2.0]])
        t2, q = answer(X, W, np.array([4.0, 0.25]), mu)
        assert_close(t2, [6.25 + 4.0, 0.0, 25.0 + 16.0])
        assert_close(q, [0.0, 25.0, 25.0])

    @pytest.mark.hint("A sample inside the subspace is odd for T² alone; one step outside, for q.")
    def test_what_each_sees(self, answer):
        """A step inside the subspace moves T² alone, a step out of it moves q alone."""
        basis, mu = frame(5, 5, seed=97), np.array([1.0, -2.0, 0.5, 3.0, 4.0])
        W, lam = basis[:, :2], np.array([9.0, 0.25])
        steps = np.array([[6.0, 0, 0, 0, 0], [0, -2, 0, 0, 0], [0, 0, 3, 0, -4], [3, 1, 0, 2, 0]])
        t2, q = answer(mu + steps @ basis.T, W, lam, mu)
        assert_close(t2, [4.0, 16.0, 0.0, 5.0])
        assert_close(q, [0.0, 0.0, 25.0, 4.0])

    @pytest.mark.hint("On the fitted data the mean of q is the error, and T² sums to (N - 1) k.")
    @pytest.mark.parametrize(("N", "k"), [(21, 2), (50, 4)])
    def test_sums_over_the_fit(self, answer, N, k):
        """Over the fitted data T² adds up to (N − 1) k, and q to the variance left out."""
        X = cloud(N, 6, seed=98)
        t2, q = answer(X, *svd_pca(X, k))
        assert_close(t2.sum(), (N - 1) * k)
        assert_close(q.sum(), (N - 1) * np.linalg.eigvalsh(np.cov(X, rowvar=False))[: 6 - k].sum())

    @pytest.mark.hint("With k = D, T² is the squared distance that the whole covariance measures.")
    def test_mahalanobis(self, answer):
        """With all directions T² is the squared Mahalanobis distance."""
        X, X_new = cloud(25, 4, seed=99), cloud(7, 4, seed=100)
        W, lam, mu = svd_pca(X, 4)
        t2, q = answer(X_new.copy(), W, lam, mu)
        precision = np.linalg.inv(np.cov(X, rowvar=False))
        assert_close(t2, [(x - mu) @ precision @ (x - mu) for x in X_new])
        assert_close(q, np.zeros(7), atol=1e-4)

    @pytest.mark.hint("Mean and variances are those of the fit; new data bring none of their own.")
    def test_new_data(self, answer):
        """New samples are judged by the mean, directions and variances of the fit alone."""
        W, lam, mu = svd_pca(cloud(30, 5, seed=101), 3)
        X_new = cloud(5, 5, seed=102) + 2.0
        inside = [linalg.lstsq(W, x - mu)[0] for x in X_new]
        t2, q = answer(X_new.copy(), W, lam, mu)
        assert_close(t2, [sum(z * z / lam) for z in inside])
        assert_close(q, [np.sum((x - mu - W @ z) ** 2) for x, z in zip(X_new, inside, strict=True)])

    @pytest.mark.hint("Changing the unit of length: a ratio of variances stays, a square does not.")
    def test_units(self, answer):
        """T² has no unit; q has the squared unit of the data."""
        W, lam, mu = frame(4, 1, seed=103), np.array([2.5]), np.array([1.0, 2.0, -3.0, 0.0])
        X = cloud(6, 4, seed=104)
        t2, q = answer(X.copy(), W, lam, mu)
        t2_scaled, q_scaled = answer(X / 10, W, lam / 100, mu / 10)
        assert_close((t2_scaled, 100 * q_scaled), (t2, q), rtol=3e-4)
        assert_close(t2[3], ((X[3] - mu) @ W[:, 0]) ** 2 / 2.5)
        assert_close(q[3], sum((X[3] - mu) ** 2) - 2.5 * t2[3])

    @pytest.mark.hint("Work on copies: none of the arguments may change.")
    def test_pure(self, answer):
        """The arguments are left as they were."""
        W, lam, mu = svd_pca(cloud(12, 4, seed=105), 2)
        X = cloud(5, 4, seed=106)
        t2, q = assert_pure(answer, X, W, lam, mu)
        assert_close(t2, np.diag((X - mu) @ W @ np.diag(1 / lam) @ W.T @ (X - mu).T))
        assert_close(q, np.diag((X - mu) @ (np.eye(4) - W @ W.T) @ (X - mu).T))


def autoencoder(N, D, k, seed):
    """Return data and an untied encoder and decoder in general position."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, D)) * 1.5 + 0.3, rng.normal(size=(D, k)), rng.normal(size=(k, D))


def autograd_loss_grads(Xc, E, Dm):
    """Return the loss and gradients by automatic differentiation, sample by sample."""
    E, Dm = (torch.tensor(weight, requires_grad=True) for weight in (E, Dm))
    losses = [((x @ E @ Dm - x) ** 2).sum() for x in torch.tensor(Xc)]
    loss = torch.stack(losses).mean()
    gE, gD = torch.autograd.grad(loss, (E, Dm))
    return loss.item(), gE.numpy(), gD.numpy()


class Test_linear_ae_loss_grads:
    @pytest.mark.hint("Squared distances: sum over the features, mean over the samples.")
    @pytest.mark.parametrize(("N", "D", "k"), [(7, 4, 2), (5, 3, 3), (3, 6, 1)])
    def test_loss(self, answer, N, D, k):
        """The loss is the mean squared distance of the samples to their reconstructions."""
        args = autoencoder(N, D, k, seed=107)
        expected = autograd_loss_grads(*args)[0]
        assert_close(answer(*args)[0], expected)

    @pytest.mark.hint("Move one entry of E a little: the loss changes by gE times the move.")
    @pytest.mark.parametrize(("N", "D", "k"), [(7, 4, 2), (5, 3, 3), (3, 6, 1)])
    def test_encoder_gradient(self, answer, N, D, k):
        """The encoder's gradient agrees with automatic differentiation."""
        args = autoencoder(N, D, k, seed=108)
        expected = autograd_loss_grads(*args)[1]
        assert_close(answer(*args)[1], expected)

    @pytest.mark.hint("Move one entry of Dm a little: the loss changes by gD times the move.")
    @pytest.mark.parametrize(("N", "D", "k"), [(7, 4, 2), (5, 3, 3), (3, 6, 1)])
    def test_decoder_gradient(self, answer, N, D, k):
        """The decoder's gradient agrees with automatic differentiation."""
        args = autoencoder(N, D, k, seed=109)
        expected = autograd_loss_grads(*args)[2]
        assert_close(answer(*args)[2], expected)

    @pytest.mark.hint("At PCA's solution, in any basis, the loss is the variance left out.")
    def test_floor(self, answer):
        """PCA's subspace, in any basis, has the discarded variance for loss and no slope."""
        X, k = cloud(15, 5, seed=110), 2
        W, _, mu = svd_pca(X, k)
        discarded = np.linalg.eigvalsh(np.cov(X, rowvar=False, ddof=0))[: 5 - k].sum()
        for A in (np.eye(k), np.array([[2.0, 1.0], [0.0, 0.5]])):
            L, gE, gD = answer(X - mu, W @ A, np.linalg.inv(A) @ W.T)
            assert_close(L, discarded)
            assert_close((gE, gD), (np.zeros((5, k)), np.zeros((k, 5))), atol=1e-3)

    @pytest.mark.hint("One sample, one feature, one code: differentiate (x e d - x)² by hand.")
    def test_by_hand(self, answer):
        """The loss and gradients of one sample agree with differentiation by hand."""
        L, gE, gD = answer(np.array([[2.0, 1.0]]), np.array([[1.0], [1.0]]), np.array([[1.0, 0.0]]))
        assert_close((L, gE, gD), (2.0, [[4.0], [2.0]], [[6.0, -6.0]]))

    @pytest.mark.hint("Twice the same data: a mean over samples has the same value and slope.")
    def test_repeated_data(self, answer):
        """Repeating the data changes neither loss nor gradients."""
        Xc, E, Dm = autoencoder(4, 3, 2, seed=111)
        expected = autograd_loss_grads(Xc, E, Dm)
        assert_close(answer(np.vstack([Xc, Xc, Xc]), E, Dm), expected)

    @pytest.mark.hint("Work on copies, and take the data as they are given.")
    def test_pure(self, answer):
        """The arguments are left as they were."""
        args = autoencoder(6, 4, 2, seed=112)
        expected = autograd_loss_grads(*args)
        assert_close(assert_pure(answer, *args), expected)


class Test_choose_k:
    @pytest.mark.hint("Reaching the threshold exactly is enough.")
    def test_exact_boundary(self, answer):
        """A share that equals the threshold is enough."""
        assert_close(answer(np.array([4.0, 3.0, 2.0, 1.0]), 0.7), 2)
        assert_close(answer(np.array([8.0, 4.0, 2.0, 2.0]), 0.875), 3)

    @pytest.mark.hint("Just above a share, one more direction is needed.")
    def test_just_above(self, answer):
        """Just above a share one more direction is needed."""
        assert_close(answer(np.array([4.0, 3.0, 2.0, 1.0]), 0.71), 3)
        assert_close(answer(np.array([8.0, 4.0, 2.0, 2.0]), 0.8751), 4)

    @pytest.mark.hint("Even the smallest threshold needs one direction: the answer counts from 1.")
    def test_first(self, answer):
        """One direction is enough where it alone keeps the share."""
        assert_close(answer(np.array([4.0, 3.0, 2.0, 1.0]), 0.05), 1)
        assert_close(answer(np.array([100.0]), 1.0), 1)

    @pytest.mark.hint("The whole variance is kept as soon as the rest of the variances are 0.")
    def test_all_and_zeros(self, answer):
        """All the variance needs all the directions that have any."""
        assert_close(answer(np.array([8.0, 4.0, 2.0, 2.0]), 1.0), 4)
        assert_close(answer(np.array([3.0, 1.0, 0.0, 0.0, 0.0]), 1.0), 2)

    @pytest.mark.hint("Divide by the total: the variances may be in any unit.")
    def test_units(self, answer):
        """The choice does not depend on the unit of the data."""
        lam = np.array([50.0, 20.0, 16.0, 9.0, 5.0])
        for scale in (0.008, 1.0, 1e-6, 1e6):
            assert_close([answer(lam * scale, thr) for thr in (0.6, 0.85, 0.97)], [2, 3, 5])


class Test_pca_dual:
    @pytest.mark.hint("The N × N matrix has eigenvalues (N - 1) λ_j, largest last from eigh.")
    @pytest.mark.parametrize(("N", "D", "k"), [(6, 15, 5), (9, 10, 2)])
    def test_variances(self, answer, N, D, k):
        """The variances are the largest ones, largest first, with divisor N − 1."""
        X = cloud(N, 15, seed=113)[:, :D]
        assert_close(answer(X.copy(), k)[1], svd_pca(X, k)[1])

    @pytest.mark.hint("Xcᵀ v is longer than 1: bring each column to unit length.")
    def test_orthonormal(self, answer):
        """The directions are orthonormal."""
        W, _, _ = answer(cloud(7, 12, seed=114), 4)
        assert_close(W.T @ W, np.eye(4))

    @pytest.mark.hint("Directions live in data space: combine the centred samples with weights v.")
    def test_directions(self, answer):
        """Each direction is the singular vector of the centred data, up to its sign."""
        X = cloud(6, 11, seed=115)
        W, V = answer(X, 3)[0], svd_pca(X, 3)[0]
        cosines = (W * V).sum(axis=0) / np.linalg.norm(W, axis=0)
        assert_close(np.abs(cosines), np.ones(3))

    @pytest.mark.hint("A D × D matrix of 20 000 features does not fit: stay with N × N.")
    def test_many_features(self, answer):
        """Twenty thousand features are no obstacle."""
        rng = np.random.default_rng(116)
        X = rng.normal(size=(5, 20_000)) * np.array([[3.0], [1.0], [2.0], [5.0], [4.0]]) + 1.0
        W, lam, mu = answer(X, 2)
        V, variances, mean = svd_pca(X, 2)
        assert_close((lam, mu), (variances, mean))
        assert_close(W @ (W.T @ V), V, atol=1e-4)

    @pytest.mark.hint("Centre the data first; the mean is the third output.")
    def test_pure(self, answer):
        """The mean is the mean of the data, which are left as they were."""
        X = cloud(5, 9, seed=117)
        W, _, mu = assert_pure(answer, X, 2, fixed=without_signs)
        assert_close(mu, sum(X) / 5)
        V = svd_pca(X, 2)[0]
        assert_close(W @ W.T @ V, V, atol=1e-4)


class Test_principal_angles:
    @pytest.mark.hint("Take two planes in space: they share a line, so one of the angles is 0.")
    def test_by_hand(self, answer):
        """Two planes that share a line make the angle 0 and the angle between their normals."""
        floor = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
        ramp = np.array([[1.0, 0.0], [0.0, np.cos(0.4)], [0.0, np.sin(0.4)]])
        assert_close(answer(floor, ramp), [0.4, 0.0], atol=2e-3)

    @pytest.mark.hint("The columns of U and V need not be orthonormal: make bases that are.")
    def test_general_position(self, answer):
        """Angles of random subspaces agree with an independent algorithm, largest first."""
        for D, k, seed in [(6, 2, 118), (7, 3, 119), (5, 1, 120)]:
            rng = np.random.default_rng(seed)
            U, V = rng.normal(size=(D, k)), rng.normal(size=(D, k))
            assert_close(answer(U, V), linalg.subspace_angles(U, V), atol=1e-4)

    @pytest.mark.hint("Angles belong to the subspaces, not to the columns that span them.")
    def test_change_of_basis(self, answer):
        """Other bases of the same subspaces make the same angles."""
        rng = np.random.default_rng(121)
        U, V = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
        A, B = np.array([[2.0, 1, 0], [0, 1, 3], [1, 0, 1]]), np.diag([5.0, -1.0, 0.2])
        angles = answer(U @ A, V @ B)
        assert_close(angles, linalg.subspace_angles(U, V), atol=1e-4)
        assert_close(answer(V, U), angles, atol=1e-4)

    @pytest.mark.hint("At right angles the cosine is 0; a subspace makes the angles 0 to itself.")
    def test_extremes(self, answer):
        """A subspace makes right angles with its complement and no angle with itself."""
        basis = frame(8, 8, seed=122)
        A = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 0.5], [0.3, 0.0, 2.0]])
        U = basis[:, :3]
        assert_close(answer(U, basis[:, 3:6] @ A), np.full(3, np.pi / 2))
        # On any machine some of these cosines are rounded to more than 1: four in five are.
        for seed in range(130, 142):
            rng = np.random.default_rng(seed)
            U = rng.normal(size=(40, 5))
            assert_close(answer(U, U @ rng.normal(size=(5, 5))), np.zeros(5), atol=2e-3)

    @pytest.mark.hint("Work on copies, and return radians.")
    def test_pure(self, answer):
        """The arguments are left as they were, and angles are in radians."""
        U = np.array([[2.0], [0.0], [0.0]])
        V = np.array([[3.0], [0.0], [-3.0]])
        assert_close(assert_pure(answer, U, V), [np.pi / 4])
