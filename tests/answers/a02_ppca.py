"""Known answers of chapter 2: what students write, wrong and right."""

import numpy as np

from autograder.answers import right, wrong
from solutions.a02_ppca import (
    e_step,
    gaussian_condition,
    m_step,
    ppca_loglik,
    ppca_posterior,
)

# ── gaussian_condition ────────────────────────────────────────────────────────────────────────


@wrong("adds what was learnt to the covariance instead of subtracting it", caught_by="test_by_hand")
def gaussian_condition__plus(mu, S, a, xa):
    b = np.array([j for j in range(len(mu)) if j not in a])
    Saa, Sba, Sbb = S[np.ix_(a, a)], S[np.ix_(b, a)], S[np.ix_(b, b)]
    m_b = mu[b] + Sba @ np.linalg.inv(Saa) @ (xa - mu[a])
    return m_b, Sbb + Sba @ np.linalg.inv(Saa) @ Sba.T


@wrong("moves the mean but leaves the covariance as it was", caught_by="test_product_rule")
def gaussian_condition__marginal_covariance(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    m_b = mu[b] + S[np.ix_(b, a)] @ np.linalg.solve(S[np.ix_(a, a)], xa - mu[a])
    return m_b, S[np.ix_(b, b)]


@wrong("sorts the observed coordinates but not what was observed", caught_by="test_order")
def gaussian_condition__sorts(mu, S, a, xa):
    mask = np.zeros(len(mu), dtype=bool)
    mask[a] = True
    K = S[~mask][:, mask] @ np.linalg.inv(S[mask][:, mask])
    return mu[~mask] + K @ (xa - mu[mask]), S[~mask][:, ~mask] - K @ S[mask][:, ~mask]


@wrong("does not subtract the mean of the observed coordinates", caught_by="test_by_hand")
def gaussian_condition__no_mean(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    K = S[np.ix_(b, a)] @ np.linalg.inv(S[np.ix_(a, a)])
    return mu[b] + K @ xa, S[np.ix_(b, b)] - K @ S[np.ix_(a, b)]


@wrong("leaves out the mean of the other coordinates", caught_by="test_uncorrelated")
def gaussian_condition__no_own_mean(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    K = S[np.ix_(b, a)] @ np.linalg.inv(S[np.ix_(a, a)])
    return K @ (xa - mu[a]), S[np.ix_(b, b)] - K @ S[np.ix_(a, b)]


@wrong("multiplies by the covariance of the observed, not its inverse", caught_by="test_by_hand")
def gaussian_condition__no_inverse(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    K = S[np.ix_(b, a)] @ S[np.ix_(a, a)]
    return mu[b] + K @ (xa - mu[a]), S[np.ix_(b, b)] - K @ S[np.ix_(a, b)]


@wrong("divides by the variances, as if what is observed were uncorrelated", caught_by="test_order")
def gaussian_condition__diagonal(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    K = S[np.ix_(b, a)] / np.diag(S)[a]
    return mu[b] + K @ (xa - mu[a]), S[np.ix_(b, b)] - K @ S[np.ix_(a, b)]


@wrong("returns the precision of the rest instead of its covariance", caught_by="test_by_hand")
def gaussian_condition__precision(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    K = np.linalg.inv(S)
    P = K[np.ix_(b, b)]
    return mu[b] - np.linalg.inv(P) @ K[np.ix_(b, a)] @ (xa - mu[a]), P


@wrong("uses a block of the whole inverse as the inverse of the block", caught_by="test_by_hand")
def gaussian_condition__block_of_inverse(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    Kaa = np.linalg.inv(S)[np.ix_(a, a)]
    Sba = S[np.ix_(b, a)]
    return mu[b] + Sba @ Kaa @ (xa - mu[a]), S[np.ix_(b, b)] - Sba @ Kaa @ Sba.T


@wrong("moves the mean in the wrong direction", caught_by="test_by_hand")
def gaussian_condition__sign(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    K = np.linalg.solve(S[np.ix_(a, a)], S[np.ix_(a, b)]).T
    return mu[b] - K @ (xa - mu[a]), S[np.ix_(b, b)] - K @ S[np.ix_(a, b)]


@wrong("subtracts the gain times its transpose from the covariance", caught_by="test_by_hand")
def gaussian_condition__gain_squared(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    K = S[np.ix_(b, a)] @ np.linalg.inv(S[np.ix_(a, a)])
    return mu[b] + K @ (xa - mu[a]), S[np.ix_(b, b)] - K @ K.T


@right("with plain inverses")
def gaussian_condition__inverse(mu, S, a, xa):
    b = [j for j in range(len(mu)) if j not in set(a.tolist())]
    Saa, Sba, Sbb = S[np.ix_(a, a)], S[np.ix_(b, a)], S[np.ix_(b, b)]
    inv = np.linalg.inv(Saa)
    return mu[b] + Sba @ inv @ (xa - mu[a]), Sbb - Sba @ inv @ Sba.T


@right("through the precision matrix")
def gaussian_condition__through_precision(mu, S, a, xa):
    b = np.delete(np.arange(mu.shape[0]), a)
    K = np.linalg.inv(S)
    S_b = np.linalg.inv(K[b][:, b])
    return mu[b] - S_b @ (K[b][:, a] @ (xa - mu[a])), S_b


@right("observing one coordinate after the other")
def gaussian_condition__one_by_one(mu, S, a, xa):
    m, C = mu.copy(), S.copy()
    for j, value in zip(a, xa, strict=True):
        gain = C[:, j] / C[j, j]
        m = m + gain * (value - m[j])
        C = C - np.outer(gain, C[j])
    b = np.setdiff1d(np.arange(len(mu)), a)
    return m[b], C[b][:, b]


@right("through a Cholesky factor, observed coordinates first")
def gaussian_condition__cholesky(mu, S, a, xa):
    b = np.setdiff1d(np.arange(len(mu)), a)
    order = np.concatenate([a, b])
    L = np.linalg.cholesky(S[np.ix_(order, order)])
    p = len(a)
    e = np.linalg.solve(L[:p, :p], xa - mu[a])
    return mu[b] + L[p:, :p] @ e, L[p:, p:] @ L[p:, p:].T


@right("in float32")
def gaussian_condition__float32(mu, S, a, xa):
    mu, S, xa = mu.astype(np.float32), S.astype(np.float32), xa.astype(np.float32)
    b = np.setdiff1d(np.arange(len(mu)), a)
    K = S[np.ix_(b, a)] @ np.linalg.pinv(S[np.ix_(a, a)])
    return mu[b] + K @ (xa - mu[a]), S[np.ix_(b, b)] - K @ S[np.ix_(a, b)]


# ── ppca_sample ───────────────────────────────────────────────────────────────────────────────


@wrong("takes the variance of the noise for its standard deviation", caught_by="test_covariance")
def ppca_sample__variance_as_std(n, W, mu, s2, rng):
    D, k = W.shape
    return rng.normal(size=(n, k)) @ W.T + mu + rng.normal(0, s2, size=(n, D))


@wrong("leaves out the mean", caught_by="test_mean")
def ppca_sample__no_mean(n, W, mu, s2, rng):
    z = rng.standard_normal((n, W.shape[1]))
    return z @ W.T + np.sqrt(s2) * rng.standard_normal((n, len(mu)))


@wrong("draws uniform codes of the right variance", caught_by="test_normal_law")
def ppca_sample__uniform_codes(n, W, mu, s2, rng):
    z = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * rng.standard_normal((n, len(mu)))


@wrong("draws uniform codes between 0 and 1", caught_by="test_mean")
def ppca_sample__rng_random(n, W, mu, s2, rng):
    z = rng.random((n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * rng.standard_normal((n, len(mu)))


@wrong("draws uniform noise of the right variance", caught_by="test_normal_law")
def ppca_sample__uniform_noise(n, W, mu, s2, rng):
    z = rng.standard_normal((n, W.shape[1]))
    eps = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(n, len(mu)))
    return z @ W.T + mu + np.sqrt(s2) * eps


@wrong("draws one code for all samples", caught_by="test_covariance")
def ppca_sample__one_code(n, W, mu, s2, rng):
    z = rng.standard_normal(W.shape[1])
    return W @ z + mu + np.sqrt(s2) * rng.standard_normal((n, len(mu)))


@wrong("draws one noise vector for all samples", caught_by="test_covariance")
def ppca_sample__one_noise(n, W, mu, s2, rng):
    z = rng.standard_normal((n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * rng.standard_normal(len(mu))


@wrong("gives all coordinates of a sample the same noise", caught_by="test_covariance")
def ppca_sample__shared_noise(n, W, mu, s2, rng):
    z = rng.standard_normal((n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * rng.standard_normal((n, 1))


@wrong("adds no noise", caught_by="test_covariance")
def ppca_sample__no_noise(n, W, mu, s2, rng):
    return rng.standard_normal((n, W.shape[1])) @ W.T + mu


@wrong("makes every second sample the mirror image of the one before", caught_by="test_independent")
def ppca_sample__antithetic(n, W, mu, s2, rng):
    z = rng.standard_normal(((n + 1) // 2, W.shape[1]))
    z = np.stack([z, -z], axis=1).reshape(-1, W.shape[1])[:n]
    return z @ W.T + mu + np.sqrt(s2) * rng.standard_normal((n, len(mu)))


@wrong("scales the codes by the noise as well", caught_by="test_covariance")
def ppca_sample__scaled_codes(n, W, mu, s2, rng):
    z = rng.standard_normal((n, W.shape[1]))
    eps = rng.standard_normal((n, len(mu)))
    return mu + np.sqrt(s2) * (z @ W.T + eps)


@wrong("draws the noise from numpy's global generator", caught_by="test_generator_decides")
def ppca_sample__global_noise(n, W, mu, s2, rng):
    z = rng.standard_normal((n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * np.random.randn(n, len(mu))


@wrong("seeds a generator of its own", caught_by="test_generator_decides")
def ppca_sample__own_generator(n, W, mu, s2, rng):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * rng.standard_normal((n, len(mu)))


@wrong("draws the noise from a generator of its own", caught_by="test_generator_decides")
def ppca_sample__noise_of_its_own(n, W, mu, s2, rng):
    z = rng.standard_normal((n, W.shape[1]))
    eps = np.random.default_rng(0).standard_normal((n, len(mu)))
    return z @ W.T + mu + np.sqrt(s2) * eps


@wrong("draws the codes from a generator of its own", caught_by="test_generator_decides")
def ppca_sample__codes_of_their_own(n, W, mu, s2, rng):
    z = np.random.default_rng(0).standard_normal((n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * rng.standard_normal((n, len(mu)))


@wrong("draws from a copy of the generator, which repeats itself", caught_by="test_second_draw")
def ppca_sample__copied(n, W, mu, s2, rng):
    import copy

    own = copy.deepcopy(rng)
    z = own.standard_normal((n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * own.standard_normal((n, len(mu)))


@wrong("draws the noise from a copy of the generator", caught_by="test_second_draw")
def ppca_sample__noise_of_a_copy(n, W, mu, s2, rng):
    import copy

    z = rng.standard_normal((n, W.shape[1]))
    eps = copy.deepcopy(rng).standard_normal((n, len(mu)))
    return z @ W.T + mu + np.sqrt(s2) * eps


@wrong("seeds numpy's global generator and draws from it", caught_by="test_generator_decides")
def ppca_sample__global_seeded(n, W, mu, s2, rng):
    np.random.seed(rng.integers(2**31))
    z = np.random.standard_normal((n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * np.random.standard_normal((n, len(mu)))


@right("by a generator of its own, seeded with a draw from the one it is given")
def ppca_sample__seeded_with_a_draw(n, W, mu, s2, rng):
    own = np.random.default_rng(rng.integers(2**63))
    z = own.standard_normal((n, W.shape[1]))
    return z @ W.T + mu + np.sqrt(s2) * own.standard_normal((n, len(mu)))


@right("by scipy, after draws that are thrown away")
def ppca_sample__scipy(n, W, mu, s2, rng):
    from scipy.stats import norm

    rng.random(5)
    eps = norm.rvs(size=(n, len(mu)), random_state=rng)
    return norm.rvs(size=(n, W.shape[1]), random_state=rng) @ W.T + mu + s2**0.5 * eps


@right("through the library's multivariate normal")
def ppca_sample__multivariate(n, W, mu, s2, rng):
    return rng.multivariate_normal(mu, W @ W.T + s2 * np.eye(len(mu)), size=n)


@right("through a Cholesky factor of the covariance")
def ppca_sample__cholesky(n, W, mu, s2, rng):
    L = np.linalg.cholesky(W @ W.T + s2 * np.eye(len(mu)))
    return mu + rng.standard_normal((n, len(mu))) @ L.T


@right("a loop over samples, noise before code")
def ppca_sample__loop(n, W, mu, s2, rng):
    X = np.zeros((n, len(mu)))
    for i in range(n):
        noise = rng.normal(0.0, s2**0.5, size=len(mu))
        X[i] = W @ rng.normal(size=W.shape[1]) + mu + noise
    return X


@right("all noise in one draw, in float32 at the end")
def ppca_sample__one_draw(n, W, mu, s2, rng):
    D, k = W.shape
    e = rng.standard_normal((n, k + D))
    A = np.hstack([W, np.sqrt(s2) * np.eye(D)])
    return (e @ A.T + mu).astype(np.float32)


# ── ppca_loglik ───────────────────────────────────────────────────────────────────────────────


@wrong("leaves out the constant with 2 pi", caught_by="test_integrates_to_one")
def ppca_loglik__no_two_pi(X, W, mu, s2):
    C = W @ W.T + s2 * np.eye(len(mu))
    Xc = X - mu
    d2 = np.einsum("nd,de,ne->n", Xc, np.linalg.inv(C), Xc)
    return -0.5 * (np.linalg.slogdet(C)[1] + d2)


@wrong("leaves out the factor 1/2", caught_by="test_density")
def ppca_loglik__no_half(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    Xc = X - mu
    d2 = np.einsum("nd,de,ne->n", Xc, np.linalg.inv(C), Xc)
    return -(D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + d2)


@wrong("halves the distance only", caught_by="test_density")
def ppca_loglik__half_on_distance(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    d2 = ((X - mu) @ np.linalg.inv(C) * (X - mu)).sum(axis=1)
    return -D / 2 * np.log(2 * np.pi) - np.linalg.slogdet(C)[1] - d2 / 2


@wrong("gives the density of x at its most probable code, p(x | z)", caught_by="test_density")
def ppca_loglik__conditional(X, W, mu, s2):
    m, _ = ppca_posterior(X, W, mu, s2)
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1)
    return -0.5 * (len(mu) * np.log(2 * np.pi * s2) + r2 / s2)


@wrong("gives the joint density of x and its most probable code", caught_by="test_bayes")
def ppca_loglik__joint(X, W, mu, s2):
    D, k = W.shape
    m, _ = ppca_posterior(X, W, mu, s2)
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) / s2 + (m**2).sum(axis=1)
    return -0.5 * ((D + k) * np.log(2 * np.pi) + D * np.log(s2) + r2)


@wrong("adds up the samples", caught_by="test_density")
def ppca_loglik__total(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    d2 = ((X - mu) @ np.linalg.inv(C) * (X - mu)).sum()
    return -0.5 * (len(X) * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1]) + d2)


@wrong("gives every sample the mean of all", caught_by="test_each_sample_by_itself")
def ppca_loglik__mean_for_all(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    S = (X - mu).T @ (X - mu) / len(X)
    value = D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + np.trace(np.linalg.solve(C, S))
    return np.full(len(X), -0.5 * value)


@wrong("does not subtract the mean", caught_by="test_density")
def ppca_loglik__no_mean(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    d2 = (X @ np.linalg.inv(C) * X).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + d2)


@wrong("centres with the mean of the batch", caught_by="test_each_sample_by_itself")
def ppca_loglik__batch_mean(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    Xc = X - X.mean(axis=0)
    d2 = (Xc @ np.linalg.inv(C) * Xc).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + d2)


@wrong("leaves out the log-determinant", caught_by="test_integrates_to_one")
def ppca_loglik__no_determinant(X, W, mu, s2):
    C = W @ W.T + s2 * np.eye(len(mu))
    d2 = ((X - mu) @ np.linalg.inv(C) * (X - mu)).sum(axis=1)
    return -0.5 * (len(mu) * np.log(2 * np.pi) + d2)


@wrong("has the log-determinant with the wrong sign", caught_by="test_density")
def ppca_loglik__determinant_sign(X, W, mu, s2):
    C = W @ W.T + s2 * np.eye(len(mu))
    d2 = ((X - mu) @ np.linalg.inv(C) * (X - mu)).sum(axis=1)
    return -0.5 * (len(mu) * np.log(2 * np.pi) - np.linalg.slogdet(C)[1] + d2)


@wrong(
    "takes the logarithm of a determinant that is 0 or inf as a float",
    caught_by="test_many_small_or_large_variances",
)
def ppca_loglik__log_of_det(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    Xc = X - mu
    d2 = np.sum(Xc @ np.linalg.inv(C) * Xc, axis=1)
    with np.errstate(all="ignore"):
        return -0.5 * (D * np.log(2 * np.pi) + np.log(np.linalg.det(C)) + d2)


@wrong("squares the variance of the noise", caught_by="test_density")
def ppca_loglik__s2_squared(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2**2 * np.eye(D)
    d2 = ((X - mu) @ np.linalg.inv(C) * (X - mu)).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + d2)


@wrong("adds the noise to every entry of the covariance", caught_by="test_density")
def ppca_loglik__noise_everywhere(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 + 1e-6 * np.eye(D)
    d2 = ((X - mu) @ np.linalg.pinv(C) * (X - mu)).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + d2)


@wrong("counts the constant once for each code number", caught_by="test_density")
def ppca_loglik__k_constants(X, W, mu, s2):
    D, k = W.shape
    C = W @ W.T + s2 * np.eye(D)
    d2 = ((X - mu) @ np.linalg.inv(C) * (X - mu)).sum(axis=1)
    return -0.5 * (k * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + d2)


@wrong("forgets the noise directions in Woodbury's determinant", caught_by="test_density")
def ppca_loglik__half_woodbury(X, W, mu, s2):
    D, k = W.shape
    M = W.T @ W + s2 * np.eye(k)
    C = W @ W.T + s2 * np.eye(D)
    d2 = ((X - mu) @ np.linalg.inv(C) * (X - mu)).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(M)[1] + d2)


@wrong("multiplies by the covariance instead of its inverse", caught_by="test_density")
def ppca_loglik__no_inverse(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    d2 = ((X - mu) @ C * (X - mu)).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + d2)


@wrong("returns the negative log-density, a cost", caught_by="test_density")
def ppca_loglik__negated(X, W, mu, s2):
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    d2 = ((X - mu) @ np.linalg.inv(C) * (X - mu)).sum(axis=1)
    return 0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + d2)


@wrong("returns the density, without the logarithm", caught_by="test_density")
def ppca_loglik__density(X, W, mu, s2):
    from scipy.stats import multivariate_normal

    return np.atleast_1d(multivariate_normal(mu, W @ W.T + s2 * np.eye(len(mu))).pdf(X))


@right("through scipy's multivariate normal")
def ppca_loglik__scipy(X, W, mu, s2):
    from scipy.stats import multivariate_normal

    return np.atleast_1d(multivariate_normal.logpdf(X, mu, W @ W.T + s2 * np.eye(len(mu))))


@right("through a Cholesky factor")
def ppca_loglik__cholesky(X, W, mu, s2):
    D = X.shape[1]
    L = np.linalg.cholesky(W @ W.T + s2 * np.eye(D))
    white = np.linalg.solve(L, (X - mu).T)
    return -0.5 * D * np.log(2 * np.pi) - np.log(np.diag(L)).sum() - 0.5 * (white**2).sum(axis=0)


@right("through Woodbury's identity and the determinant lemma")
def ppca_loglik__woodbury(X, W, mu, s2):
    D, k = W.shape
    M = W.T @ W + s2 * np.eye(k)
    log_det = np.linalg.slogdet(M)[1] + (D - k) * np.log(s2)
    Xc = X - mu
    P = Xc @ W
    d2 = ((Xc**2).sum(axis=1) - (P * np.linalg.solve(M, P.T).T).sum(axis=1)) / s2
    return -0.5 * (D * np.log(2 * np.pi) + log_det + d2)


@right("in the eigenvectors of the covariance")
def ppca_loglik__eigen(X, W, mu, s2):
    v, U = np.linalg.eigh(W @ W.T + s2 * np.eye(len(mu)))
    white = (X - mu) @ U / np.sqrt(v)
    return -0.5 * (np.log(2 * np.pi * v).sum() + (white**2).sum(axis=1))


@right("a loop, one sample after the other")
def ppca_loglik__loop(X, W, mu, s2):
    C = W @ W.T + s2 * np.eye(X.shape[1])
    _, log_det = np.linalg.slogdet(2 * np.pi * C)
    K = np.linalg.inv(C)
    values = []
    for x in X:
        values.append(-0.5 * log_det - 0.5 * (x - mu) @ K @ (x - mu))
    return np.array(values)


@right("by Bayes' rule at the posterior mean")
def ppca_loglik__bayes(X, W, mu, s2):
    D = W.shape[0]
    m, S = ppca_posterior(X, W, mu, s2)
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) / s2 + (m**2).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 - np.linalg.slogdet(S)[1])


# ── ppca_posterior ────────────────────────────────────────────────────────────────────────────


@wrong("forgets the noise variance in front of the inverse", caught_by="test_by_hand")
def ppca_posterior__inverse_m(X, W, mu, s2):
    M = W.T @ W + s2 * np.eye(W.shape[1])
    return (X - mu) @ W @ np.linalg.inv(M), np.linalg.inv(M)


@wrong("adds 1 instead of the noise variance to the diagonal", caught_by="test_by_hand")
def ppca_posterior__identity(X, W, mu, s2):
    M = W.T @ W + np.eye(W.shape[1])
    return (X - mu) @ W @ np.linalg.inv(M), s2 * np.linalg.inv(M)


@wrong("does not subtract the mean", caught_by="test_by_hand")
def ppca_posterior__no_mean(X, W, mu, s2):
    K = np.linalg.inv(W.T @ W + s2 * np.eye(W.shape[1]))
    return X @ W @ K, s2 * K


@wrong("subtracts the mean of the batch", caught_by="test_joint_gaussian")
def ppca_posterior__batch_mean(X, W, mu, s2):
    K = np.linalg.inv(W.T @ W + s2 * np.eye(W.shape[1]))
    return (X - X.mean(axis=0)) @ W @ K, s2 * K


@wrong("uses the standard deviation for the variance", caught_by="test_by_hand")
def ppca_posterior__sigma(X, W, mu, s2):
    s = np.sqrt(s2)
    K = np.linalg.inv(W.T @ W + s * np.eye(W.shape[1]))
    return (X - mu) @ W @ K, s * K


@wrong(
    "projects on the subspace, as if the codes had no prior", caught_by="test_slope_and_curvature"
)
def ppca_posterior__projection(X, W, mu, s2):
    G = W.T @ W
    return (X - mu) @ np.linalg.pinv(W).T, s2 * np.linalg.inv(G)


@wrong("has the right mean, but the covariance without the prior", caught_by="test_by_hand")
def ppca_posterior__no_prior_in_s(X, W, mu, s2):
    G = W.T @ W
    return (X - mu) @ W @ np.linalg.inv(G + s2 * np.eye(len(G))), s2 * np.linalg.inv(G)


@wrong("forgets the inverse in the mean", caught_by="test_by_hand")
def ppca_posterior__plain_product(X, W, mu, s2):
    M = W.T @ W + s2 * np.eye(W.shape[1])
    return (X - mu) @ W, s2 * np.linalg.inv(M)


@wrong("returns the precision instead of the covariance", caught_by="test_total_variance")
def ppca_posterior__precision(X, W, mu, s2):
    M = W.T @ W + s2 * np.eye(W.shape[1])
    return np.linalg.solve(M, W.T @ (X - mu).T).T, M / s2


@wrong("divides the mean by the noise variance once more", caught_by="test_by_hand")
def ppca_posterior__mean_over_s2(X, W, mu, s2):
    M = W.T @ W + s2 * np.eye(W.shape[1])
    return np.linalg.solve(M, W.T @ (X - mu).T).T / s2, s2 * np.linalg.inv(M)


@wrong("treats the columns of W as if they were at right angles", caught_by="test_joint_gaussian")
def ppca_posterior__orthogonal(X, W, mu, s2):
    d = (W**2).sum(axis=0) + s2
    return (X - mu) @ W / d, np.diag(s2 / d)


@wrong("gives the prior's covariance", caught_by="test_joint_gaussian")
def ppca_posterior__prior_covariance(X, W, mu, s2):
    k = W.shape[1]
    return (X - mu) @ W @ np.linalg.inv(W.T @ W + s2 * np.eye(k)), np.eye(k)


@right("through the covariance of x")
def ppca_posterior__through_c(X, W, mu, s2):
    C = W @ W.T + s2 * np.eye(len(mu))
    G = W.T @ np.linalg.inv(C)
    return (X - mu) @ G.T, np.eye(W.shape[1]) - G @ W


@right("by adding precisions")
def ppca_posterior__precisions(X, W, mu, s2):
    S = np.linalg.inv(np.eye(W.shape[1]) + W.T @ W / s2)
    return (X - mu) @ W @ S / s2, S


@right("by gaussian_condition on the joint Gaussian, sample by sample")
def ppca_posterior__condition(X, W, mu, s2):
    D, k = W.shape
    joint = np.block([[np.eye(k), W.T], [W, W @ W.T + s2 * np.eye(D)]])
    mean = np.concatenate([np.zeros(k), mu])
    a = np.arange(k, k + D)
    parts = [gaussian_condition(mean, joint, a, x) for x in X]
    return np.array([m for m, _ in parts]), parts[0][1]


@right("through the singular values of W")
def ppca_posterior__svd(X, W, mu, s2):
    U, s, Vt = np.linalg.svd(W, full_matrices=False)
    d = s**2 + s2
    return (X - mu) @ U * (s / d) @ Vt, (Vt.T * (s2 / d)) @ Vt


@right("as ridge regression, by least squares on an extended system")
def ppca_posterior__ridge(X, W, mu, s2):
    k = W.shape[1]
    A = np.vstack([W, np.sqrt(s2) * np.eye(k)])
    B = np.vstack([(X - mu).T, np.zeros((k, len(X)))])
    m = np.linalg.lstsq(A, B, rcond=None)[0].T
    return m, s2 * np.linalg.inv(A.T @ A)


# ── mahalanobis_ppca ──────────────────────────────────────────────────────────────────────────


@wrong("takes the square root", caught_by="test_definition")
def mahalanobis_ppca__root(X, W, mu, s2):
    m, _ = ppca_posterior(X, W, mu, s2)
    return np.sqrt(((X - mu - m @ W.T) ** 2).sum(axis=1) / s2 + (m**2).sum(axis=1))


@wrong("averages over the features", caught_by="test_definition")
def mahalanobis_ppca__over_d(X, W, mu, s2):
    m, _ = ppca_posterior(X, W, mu, s2)
    d2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) / s2 + (m**2).sum(axis=1)
    return d2 / X.shape[1]


@wrong("does not subtract the mean", caught_by="test_definition")
def mahalanobis_ppca__no_mean(X, W, mu, s2):
    P = X @ W
    M = W.T @ W + s2 * np.eye(W.shape[1])
    return ((X**2).sum(axis=1) - (P * np.linalg.solve(M, P.T).T).sum(axis=1)) / s2


@wrong("centres with the mean of the batch", caught_by="test_each_sample_by_itself")
def mahalanobis_ppca__batch_mean(X, W, mu, s2):
    Xc = X - X.mean(axis=0)
    P = Xc @ W
    M = W.T @ W + s2 * np.eye(W.shape[1])
    return ((Xc**2).sum(axis=1) - (P * np.linalg.solve(M, P.T).T).sum(axis=1)) / s2


@wrong("measures everything by the noise alone", caught_by="test_two_alarms_in_one")
def mahalanobis_ppca__noise_only(X, W, mu, s2):
    return ((X - mu) ** 2).sum(axis=1) / s2


@wrong("judges the residual only", caught_by="test_cheapest_explanation")
def mahalanobis_ppca__residual_only(X, W, mu, s2):
    m, _ = ppca_posterior(X, W, mu, s2)
    return ((X - mu - m @ W.T) ** 2).sum(axis=1) / s2


@wrong("judges the code only", caught_by="test_cheapest_explanation")
def mahalanobis_ppca__code_only(X, W, mu, s2):
    m, _ = ppca_posterior(X, W, mu, s2)
    return (m**2).sum(axis=1)


@wrong("adds the residual without dividing it by the noise", caught_by="test_two_alarms_in_one")
def mahalanobis_ppca__unscaled_residual(X, W, mu, s2):
    m, _ = ppca_posterior(X, W, mu, s2)
    return ((X - mu - m @ W.T) ** 2).sum(axis=1) + (m**2).sum(axis=1)


@wrong("adds Woodbury's second term instead of subtracting it", caught_by="test_definition")
def mahalanobis_ppca__plus(X, W, mu, s2):
    Xc = X - mu
    P = Xc @ W
    M = W.T @ W + s2 * np.eye(W.shape[1])
    return ((Xc**2).sum(axis=1) + (P * np.linalg.solve(M, P.T).T).sum(axis=1)) / s2


@wrong("has 1 instead of the noise variance in Woodbury's matrix", caught_by="test_definition")
def mahalanobis_ppca__identity(X, W, mu, s2):
    Xc = X - mu
    P = Xc @ W
    M = W.T @ W + np.eye(W.shape[1])
    return ((Xc**2).sum(axis=1) - (P * np.linalg.solve(M, P.T).T).sum(axis=1)) / s2


@wrong("divides only the first of Woodbury's terms by the noise", caught_by="test_definition")
def mahalanobis_ppca__one_division(X, W, mu, s2):
    Xc = X - mu
    P = Xc @ W
    M = W.T @ W + s2 * np.eye(W.shape[1])
    return (Xc**2).sum(axis=1) / s2 - (P * np.linalg.solve(M, P.T).T).sum(axis=1)


@wrong(
    "takes the residual of the orthogonal projection with the shrunk code",
    caught_by="test_cheapest_explanation",
)
def mahalanobis_ppca__mixed(X, W, mu, s2):
    Xc = X - mu
    z = Xc @ np.linalg.pinv(W).T
    m, _ = ppca_posterior(X, W, mu, s2)
    return ((Xc - z @ W.T) ** 2).sum(axis=1) / s2 + (m**2).sum(axis=1)


@wrong("adds the log-determinant, as in the log-density", caught_by="test_definition")
def mahalanobis_ppca__log_det(X, W, mu, s2):
    D, k = W.shape
    m, _ = ppca_posterior(X, W, mu, s2)
    d2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) / s2 + (m**2).sum(axis=1)
    return d2 + np.linalg.slogdet(W.T @ W + s2 * np.eye(k))[1] + (D - k) * np.log(s2)


@right("by Woodbury's identity as it stands")
def mahalanobis_ppca__woodbury(X, W, mu, s2):
    Xc = X - mu
    P = Xc @ W
    M = W.T @ W + s2 * np.eye(W.shape[1])
    return ((Xc**2).sum(axis=1) - np.einsum("ni,ij,nj->n", P, np.linalg.inv(M), P)) / s2


@right("through the singular values of W")
def mahalanobis_ppca__svd(X, W, mu, s2):
    U, s, _ = np.linalg.svd(W, full_matrices=False)
    Xc = X - mu
    along = Xc @ U
    outside = ((Xc - along @ U.T) ** 2).sum(axis=1)
    return (along**2 / (s**2 + s2)).sum(axis=1) + outside / s2


@right("as the inner product of x with the residual")
def mahalanobis_ppca__inner_product(X, W, mu, s2):
    Xc = X - mu
    M = W.T @ W + s2 * np.eye(W.shape[1])
    whitened = (Xc - np.linalg.solve(M, (Xc @ W).T).T @ W.T) / s2
    return np.sum(Xc * whitened, axis=1)


@right("a loop with a Cholesky factor of M")
def mahalanobis_ppca__loop(X, W, mu, s2):
    L = np.linalg.cholesky(W.T @ W + s2 * np.eye(W.shape[1]))
    out = []
    for x in X:
        d = x - mu
        v = np.linalg.solve(L, W.T @ d)
        out.append((d @ d - v @ v) / s2)
    return np.array(out)


# ── ppca_mle ──────────────────────────────────────────────────────────────────────────────────


@wrong("scales by the whole variance, without taking the noise off", caught_by="test_covariance")
def ppca_mle__no_subtraction(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    return U[:, :k] * np.sqrt(lam[:k]), mu, lam[k:].mean()


@wrong("takes the smallest variance as the noise", caught_by="test_noise")
def ppca_mle__smallest(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = max(lam[-1], 0.0)
    return U[:, :k] * np.sqrt(lam[:k] - s2), mu, s2


@wrong("takes the first variance that is left out as the noise", caught_by="test_noise")
def ppca_mle__next(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    return U[:, :k] * np.sqrt(lam[:k] - lam[k]), mu, lam[k]


@wrong("forgets the square root in W", caught_by="test_covariance")
def ppca_mle__no_root(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam[k:].mean()
    return U[:, :k] * (lam[:k] - s2), mu, s2


@wrong("divides the variance left out by all D features", caught_by="test_noise")
def ppca_mle__over_d(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam[k:].sum() / X.shape[1]
    return U[:, :k] * np.sqrt(lam[:k] - s2), mu, s2


@wrong("takes the sum of the variances left out as the noise", caught_by="test_noise")
def ppca_mle__sum(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam[k:].sum()
    return U[:, :k] * np.sqrt(np.clip(lam[:k] - s2, 0, None)), mu, s2


@wrong("averages all the variances for the noise", caught_by="test_noise")
def ppca_mle__mean_of_all(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam.mean()
    return U[:, :k] * np.sqrt(np.clip(lam[:k] - s2, 0, None)), mu, s2


@wrong("uses the unbiased covariance, with divisor N - 1", caught_by="test_covariance")
def ppca_mle__unbiased(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam[k:].mean()
    return U[:, :k] * np.sqrt(lam[:k] - s2), mu, s2


@wrong("does not centre the data", caught_by="test_covariance")
def ppca_mle__not_centred(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(X.T @ X / len(X))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam[k:].mean()
    return U[:, :k] * np.sqrt(np.maximum(lam[:k] - s2, 0)), mu, s2


@wrong("keeps the smallest directions, in eigh's order", caught_by="test_covariance")
def ppca_mle__ascending(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    s2 = lam[k:].mean()
    return U[:, :k] * np.sqrt(np.abs(lam[:k] - s2)), mu, s2


@wrong("sorts the variances but not their directions", caught_by="test_covariance")
def ppca_mle__unsorted_directions(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam = lam[::-1]
    s2 = lam[k:].mean()
    return U[:, :k] * np.sqrt(lam[:k] - s2), mu, s2


@wrong("returns the standard deviation of the noise", caught_by="test_noise")
def ppca_mle__std(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam[k:].mean()
    return U[:, :k] * np.sqrt(lam[:k] - s2), mu, np.sqrt(s2)


@wrong("returns PCA's unit directions as W", caught_by="test_covariance")
def ppca_mle__unit_directions(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    return U[:, :k], mu, lam[k:].mean()


@wrong("does not count zero variances in the mean", caught_by="test_fewer_samples_than_features")
def ppca_mle__nonzero_only(X, k):
    mu = X.mean(axis=0)
    _, s, Vt = np.linalg.svd(X - mu, full_matrices=False)
    lam = s**2 / len(X)
    left = lam[k:][lam[k:] > 1e-9]
    s2 = left.mean()
    return Vt[:k].T * np.sqrt(lam[:k] - s2), mu, s2


@wrong("subtracts the noise from the standard deviations", caught_by="test_covariance")
def ppca_mle__root_first(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam[k:].mean()
    return U[:, :k] * (np.sqrt(lam[:k]) - np.sqrt(s2)), mu, s2


@wrong("returns a mean of 0, that of the centred data", caught_by="test_no_better_neighbour")
def ppca_mle__zero_mean(X, k):
    Xc = X - X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(Xc, rowvar=False, bias=True))
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam[k:].mean()
    return U[:, :k] * np.sqrt(lam[:k] - s2), Xc.mean(axis=0), s2


@right("through the singular values of the data, the rest by the trace")
def ppca_mle__svd(X, k):
    N, D = X.shape
    mu = X.mean(axis=0)
    _, s, Vt = np.linalg.svd(X - mu, full_matrices=False)
    lam = s**2 / N
    s2 = (lam.sum() - lam[:k].sum()) / (D - k)
    return Vt[:k].T * np.sqrt(lam[:k] - s2), mu, s2


@right("with the columns turned and mirrored")
def ppca_mle__rotated(X, k):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, ddof=0))
    order = np.argsort(lam)[::-1]
    s2 = lam[order[k:]].mean()
    W = U[:, order[:k]] @ np.diag((lam[order[:k]] - s2) ** 0.5)
    R = np.linalg.qr(np.random.default_rng(1).normal(size=(k, k)))[0]
    return -W @ R, mu, s2


@right("through the general eigenvalue solver, in order and made real")
def ppca_mle__eig(X, k):
    mu = np.mean(X, axis=0)
    S = (X - mu).T @ (X - mu) / X.shape[0]
    lam, U = np.linalg.eig((S + S.T) / 2)
    lam, U = np.real(lam), np.real(U)
    order = np.argsort(-lam)
    s2 = float(np.mean(lam[order][k:]))
    W = np.zeros((X.shape[1], k))
    for j in range(k):
        W[:, j] = np.sqrt(lam[order[j]] - s2) * U[:, order[j]]
    return W, mu, s2


@right("by power iteration and deflation")
def ppca_mle__power(X, k):
    mu = X.mean(axis=0)
    S = np.cov(X, rowvar=False, bias=True)
    rest, found = S.copy(), []
    for _ in range(k):
        P = rest.copy()
        for _ in range(30):
            P = P @ P
            P /= np.linalg.norm(P)
        u = P[:, np.argmax(np.diag(P))]
        u = u / np.linalg.norm(u)
        found.append((u @ S @ u, u))
        rest = rest - found[-1][0] * np.outer(u, u)
    s2 = np.trace(rest) / (X.shape[1] - k)
    return np.column_stack([np.sqrt(v - s2) * u for v, u in found]), mu, s2


# ── ppca_elbo ─────────────────────────────────────────────────────────────────────────────────


@wrong("leaves out that the guess is uncertain when it measures the fit", caught_by="test_tight")
def ppca_elbo__no_trace(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k - np.linalg.slogdet(S)[1])
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl


@wrong("adds the KL instead of subtracting it", caught_by="test_tight")
def ppca_elbo__kl_sign(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k - np.linalg.slogdet(S)[1])
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) + kl


@wrong("leaves out the factor 1/2 of the KL", caught_by="test_tight")
def ppca_elbo__kl_no_half(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    kl = (m**2).sum(axis=1) + np.trace(S) - k - np.linalg.slogdet(S)[1]
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl


@wrong("uses only the diagonal of the guess's covariance", caught_by="test_gap")
def ppca_elbo__diagonal(X, W, mu, s2, m, S):
    D, k = W.shape
    v = np.diag(S)
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + (W**2 * v).sum()
    kl = 0.5 * ((m**2).sum(axis=1) + v.sum() - k - np.log(v).sum())
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl


@wrong("takes the log-determinant from the diagonal alone", caught_by="test_definition")
def ppca_elbo__log_diagonal(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k - np.log(np.diag(S)).sum())
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl


@wrong("has no KL at all", caught_by="test_tight")
def ppca_elbo__no_kl(X, W, mu, s2, m, S):
    D = len(mu)
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2)


@wrong("leaves the dimension out of the KL", caught_by="test_prior_as_guess")
def ppca_elbo__no_k(X, W, mu, s2, m, S):
    D = len(mu)
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - np.linalg.slogdet(S)[1])
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl


@wrong("has the log-determinant of the guess with the wrong sign", caught_by="test_tight")
def ppca_elbo__log_det_sign(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k + np.linalg.slogdet(S)[1])
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl


@wrong("adds the spread of the code where its image in data space belongs", caught_by="test_tight")
def ppca_elbo__trace_of_s(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(S)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k - np.linalg.slogdet(S)[1])
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl


@wrong("does not divide the trace by the noise", caught_by="test_prior_as_guess")
def ppca_elbo__trace_unscaled(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) / s2 + np.trace(W @ S @ W.T)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k - np.linalg.slogdet(S)[1])
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2) - kl


@wrong("returns the log-likelihood, whatever the guess", caught_by="test_gap")
def ppca_elbo__ignores_guess(X, W, mu, s2, m, S):
    return ppca_loglik(X, W, mu, s2)


@wrong("takes the KL from the prior to the guess", caught_by="test_tight")
def ppca_elbo__reverse_kl(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    K = np.linalg.inv(S)
    away = np.einsum("ni,ij,nj->n", m, K, m)
    kl = 0.5 * (np.trace(K) + away - k + np.linalg.slogdet(S)[1])
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl


@wrong("averages over the samples", caught_by="test_tight")
def ppca_elbo__mean(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k - np.linalg.slogdet(S)[1])
    return float((-0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl).mean())


@wrong("leaves out the constant of the fit", caught_by="test_prior_as_guess")
def ppca_elbo__no_constant(X, W, mu, s2, m, S):
    k = W.shape[1]
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k - np.linalg.slogdet(S)[1])
    return -0.5 * r2 / s2 - kl


@wrong("takes the logarithm of a determinant that is 0 as a float", caught_by="test_sure_guess")
def ppca_elbo__log_of_det(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.trace(W @ S @ W.T)
    with np.errstate(all="ignore"):
        kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k - np.log(np.linalg.det(S)))
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2) - kl


@right("as log-likelihood minus the KL to the exact posterior")
def ppca_elbo__gap(X, W, mu, s2, m, S):
    centre, P = ppca_posterior(X, W, mu, s2)
    K = np.linalg.inv(P)
    d = m - centre
    ratio = np.linalg.slogdet(P)[1] - np.linalg.slogdet(S)[1]
    kl = 0.5 * (np.trace(K @ S) + ((d @ K) * d).sum(axis=1) - m.shape[1] + ratio)
    return ppca_loglik(X, W, mu, s2) - kl


@right("as average log joint plus entropy")
def ppca_elbo__entropy(X, W, mu, s2, m, S):
    D, k = W.shape
    r2 = ((X - mu - m @ W.T) ** 2).sum(axis=1) + np.sum(W.T @ W * S)
    joint = -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2)
    joint -= 0.5 * (k * np.log(2 * np.pi) + (m**2).sum(axis=1) + np.trace(S))
    entropy = 0.5 * (k * (1 + np.log(2 * np.pi)) + np.linalg.slogdet(S)[1])
    return joint + entropy


@right("a loop, with a Cholesky factor of the guess")
def ppca_elbo__loop(X, W, mu, s2, m, S):
    L = np.linalg.cholesky(S)
    out = np.zeros(len(X))
    for n in range(len(X)):
        r = X[n] - mu - W @ m[n]
        fit = -0.5 * len(mu) * np.log(2 * np.pi * s2)
        fit -= 0.5 * (r @ r + np.linalg.norm(W @ L) ** 2) / s2
        kl = 0.5 * (m[n] @ m[n] + np.linalg.norm(L) ** 2 - len(L)) - np.log(np.diag(L)).sum()
        out[n] = fit - kl
    return out


@right("by averaging over a few points with the moments of the guess")
def ppca_elbo__sigma_points(X, W, mu, s2, m, S):
    D, k = W.shape
    steps = np.sqrt(k) * np.linalg.cholesky(S).T
    z = np.concatenate([m[:, None] + steps, m[:, None] - steps], axis=1)
    r2 = ((X[:, None] - mu - z @ W.T) ** 2).sum(axis=2).mean(axis=1)
    z2 = (z**2).sum(axis=2).mean(axis=1)
    log_det = np.linalg.slogdet(S)[1]
    return -0.5 * (D * np.log(2 * np.pi * s2) + r2 / s2 + z2 - k - log_det)


# ── e_step ────────────────────────────────────────────────────────────────────────────────────


@wrong("takes the mean for the code: no uncertainty, hard EM", caught_by="test_spread")
def e_step__hard(X, W, mu, s2):
    m, _ = ppca_posterior(X, W, mu, s2)
    return m, m[:, :, None] * m[:, None, :]


@wrong("returns the covariance as the second moment", caught_by="test_spread")
def e_step__covariance(X, W, mu, s2):
    m, S = ppca_posterior(X, W, mu, s2)
    return m, np.repeat(S[None], len(X), axis=0)


@wrong("forgets the noise variance in the covariance", caught_by="test_by_hand")
def e_step__inverse_m(X, W, mu, s2):
    M = W.T @ W + s2 * np.eye(W.shape[1])
    m = np.linalg.solve(M, W.T @ (X - mu).T).T
    return m, np.linalg.inv(M) + np.einsum("ni,nj->nij", m, m)


@wrong("adds up the second moments of all samples", caught_by="test_spread")
def e_step__summed(X, W, mu, s2):
    m, S = ppca_posterior(X, W, mu, s2)
    return m, len(X) * S + m.T @ m


@wrong("gives every sample the average second moment", caught_by="test_spread")
def e_step__averaged(X, W, mu, s2):
    m, S = ppca_posterior(X, W, mu, s2)
    return m, np.repeat((S + m.T @ m / len(X))[None], len(X), axis=0)


@wrong("subtracts the outer product from the covariance", caught_by="test_by_hand")
def e_step__minus(X, W, mu, s2):
    m, S = ppca_posterior(X, W, mu, s2)
    return m, S - np.einsum("ni,nj->nij", m, m)


@wrong("adds the squared length instead of the outer product", caught_by="test_spread")
def e_step__inner(X, W, mu, s2):
    m, S = ppca_posterior(X, W, mu, s2)
    return m, S + (m**2).sum(axis=1)[:, None, None]


@wrong("adds the squared means to the diagonal only", caught_by="test_spread")
def e_step__diagonal(X, W, mu, s2):
    m, S = ppca_posterior(X, W, mu, s2)
    return m, S + np.einsum("ni,ij->nij", m**2, np.eye(m.shape[1]))


@wrong("does not subtract the mean of the data", caught_by="test_first_moment")
def e_step__no_mean(X, W, mu, s2):
    m, S = ppca_posterior(X, W, np.zeros_like(mu), s2)
    return m, S + np.einsum("ni,nj->nij", m, m)


@wrong("leaves out the prior", caught_by="test_first_moment")
def e_step__no_prior(X, W, mu, s2):
    G = np.linalg.inv(W.T @ W)
    m = (X - mu) @ W @ G
    return m, s2 * G + np.einsum("ni,nj->nij", m, m)


@right("with einsum")
def e_step__einsum(X, W, mu, s2):
    Minv = np.linalg.inv(np.einsum("di,dj->ij", W, W) + s2 * np.identity(W.shape[1]))
    Ez = np.einsum("nd,di,ij->nj", X - mu, W, Minv)
    return Ez, s2 * Minv[None] + np.einsum("ni,nj->nij", Ez, Ez)


@right("a loop over the samples")
def e_step__loop(X, W, mu, s2):
    k = W.shape[1]
    S = np.linalg.inv(np.eye(k) + W.T @ W / s2)
    Ez, Ezz = np.zeros((len(X), k)), np.zeros((len(X), k, k))
    for n, x in enumerate(X):
        Ez[n] = S @ W.T @ (x - mu) / s2
        Ezz[n] = S + np.outer(Ez[n], Ez[n])
    return Ez, Ezz


@right("by conditioning the joint Gaussian, with lists")
def e_step__condition(X, W, mu, s2):
    D, k = W.shape
    joint = np.block([[np.eye(k), W.T], [W, W @ W.T + s2 * np.eye(D)]])
    mean, a = np.concatenate([np.zeros(k), mu]), np.arange(k, k + D)
    pairs = [gaussian_condition(mean, joint, a, x) for x in X]
    return np.stack([m for m, _ in pairs]), np.stack([S + np.outer(m, m) for m, S in pairs])


# ── m_step ────────────────────────────────────────────────────────────────────────────────────


@wrong(
    "uses the outer products of the means for the second moments", caught_by="test_uncertain_codes"
)
def m_step__hard(X, mu, Ez, Ezz):
    Xc = X - mu
    W = Xc.T @ Ez @ np.linalg.pinv(Ez.T @ Ez)
    return W, float(((Xc - Ez @ W.T) ** 2).mean())


@wrong(
    "has right weights, but measures the noise without the uncertainty", caught_by="test_maximises"
)
def m_step__residual_only(X, mu, Ez, Ezz):
    Xc = X - mu
    W = Xc.T @ Ez @ np.linalg.inv(Ezz.sum(axis=0))
    return W, float(((Xc - Ez @ W.T) ** 2).mean())


@wrong("counts the cross term of the square once", caught_by="test_certain_codes")
def m_step__cross_once(X, mu, Ez, Ezz):
    N, D = X.shape
    Xc = X - mu
    W = Xc.T @ Ez @ np.linalg.inv(Ezz.sum(axis=0))
    total = (Xc**2).sum() - (Ez * (Xc @ W)).sum() + np.trace(Ezz.sum(axis=0) @ W.T @ W)
    return W, float(total / (N * D))


@wrong("leaves out the term with the second moments", caught_by="test_maximises")
def m_step__no_quadratic(X, mu, Ez, Ezz):
    Xc = X - mu
    W = Xc.T @ Ez @ np.linalg.inv(Ezz.sum(axis=0))
    return W, float(((Xc**2).sum() - 2 * (Ez * (Xc @ W)).sum()) / X.size)


@wrong("does not subtract the mean", caught_by="test_certain_codes")
def m_step__no_mean(X, mu, Ez, Ezz):
    A = X.T @ Ez
    W = A @ np.linalg.inv(Ezz.sum(axis=0))
    return W, float(((X**2).sum() - (W * A).sum()) / X.size)


@wrong("centres with the mean of the batch instead of mu", caught_by="test_pure")
def m_step__batch_mean(X, mu, Ez, Ezz):
    Xc = X - X.mean(axis=0)
    A = Xc.T @ Ez
    W = A @ np.linalg.inv(Ezz.sum(axis=0))
    return W, float(((Xc**2).sum() - (W * A).sum()) / X.size)


@wrong(
    "divides the noise by the samples only, not by the features", caught_by="test_uncertain_codes"
)
def m_step__over_n(X, mu, Ez, Ezz):
    Xc = X - mu
    A = Xc.T @ Ez
    W = A @ np.linalg.inv(Ezz.sum(axis=0))
    return W, float(((Xc**2).sum() - (W * A).sum()) / len(X))


@wrong("divides the noise by the number of features left over", caught_by="test_regression")
def m_step__over_rest(X, mu, Ez, Ezz):
    Xc = X - mu
    A = Xc.T @ Ez
    W = A @ np.linalg.inv(Ezz.sum(axis=0))
    return W, float(((Xc**2).sum() - (W * A).sum()) / (len(X) * (X.shape[1] - Ez.shape[1])))


@wrong("divides the noise by N - 1", caught_by="test_regression")
def m_step__unbiased(X, mu, Ez, Ezz):
    Xc = X - mu
    A = Xc.T @ Ez
    W = A @ np.linalg.inv(Ezz.sum(axis=0))
    return W, float(((Xc**2).sum() - (W * A).sum()) / ((len(X) - 1) * X.shape[1]))


@wrong("returns the standard deviation of the noise", caught_by="test_uncertain_codes")
def m_step__std(X, mu, Ez, Ezz):
    Xc = X - mu
    A = Xc.T @ Ez
    W = A @ np.linalg.inv(Ezz.sum(axis=0))
    return W, float(np.sqrt(((Xc**2).sum() - (W * A).sum()) / X.size))


@wrong("adds the prior once more, as a ridge", caught_by="test_certain_codes")
def m_step__ridge(X, mu, Ez, Ezz):
    Xc = X - mu
    second = Ezz.sum(axis=0)
    W = Xc.T @ Ez @ np.linalg.inv(second + np.eye(Ez.shape[1]))
    total = (Xc**2).sum() - 2 * (Ez * (Xc @ W)).sum() + np.trace(second @ W.T @ W)
    return W, float(total / X.size)


@wrong(
    "averages the second moments but adds up the products with x", caught_by="test_certain_codes"
)
def m_step__sum_over_mean(X, mu, Ez, Ezz):
    Xc = X - mu
    W = Xc.T @ Ez @ np.linalg.inv(Ezz.mean(axis=0))
    total = (Xc**2).sum() - 2 * (Ez * (Xc @ W)).sum() + np.trace(Ezz.sum(axis=0) @ W.T @ W)
    return W, float(total / X.size)


@right("with the shorter formula for the noise")
def m_step__short(X, mu, Ez, Ezz):
    Xc = X - mu
    A = Xc.T @ Ez
    W = A @ np.linalg.inv(Ezz.sum(axis=0))
    return W, (np.sum(Xc * Xc) - np.sum(W * A)) / X.size


@right("a loop over the samples")
def m_step__loop(X, mu, Ez, Ezz):
    N, D = X.shape
    k = Ez.shape[1]
    A, B = np.zeros((D, k)), np.zeros((k, k))
    for n in range(N):
        A += np.outer(X[n] - mu, Ez[n])
        B += Ezz[n]
    W = A @ np.linalg.inv(B)
    s2 = 0.0
    for n in range(N):
        d = X[n] - mu
        s2 += d @ d - 2 * Ez[n] @ W.T @ d + np.trace(Ezz[n] @ W.T @ W)
    return W, s2 / (N * D)


@right("as least squares on points that have the moments of the guesses")
def m_step__sigma_points(X, mu, Ez, Ezz):
    k = Ez.shape[1]
    covariance = Ezz - Ez[:, :, None] * Ez[:, None, :]
    values, vectors = np.linalg.eigh(covariance)
    steps = np.sqrt(k * np.maximum(values, 0))[:, :, None] * vectors.transpose(0, 2, 1)
    z = np.concatenate([Ez[:, None] + steps, Ez[:, None] - steps], axis=1).reshape(-1, k)
    x = np.repeat(X - mu, 2 * k, axis=0)
    W = np.linalg.lstsq(z, x, rcond=None)[0].T
    return W, np.mean((x - z @ W.T) ** 2)


@right("with einsum, feature by feature")
def m_step__einsum(X, mu, Ez, Ezz):
    Xc = X - mu
    B = np.einsum("nij->ij", Ezz)
    W = np.stack([np.linalg.solve(B, Ez.T @ column) for column in Xc.T])
    total = np.einsum("nd,nd->", Xc, Xc) - 2 * np.einsum("nd,di,ni->", Xc, W, Ez)
    return W, (total + np.einsum("nij,di,dj->", Ezz, W, W)) / Xc.size


# ── ppca_em ───────────────────────────────────────────────────────────────────────────────────


@wrong("treats the mean codes as certain: hard EM", caught_by="test_one_iteration")
def ppca_em__hard(X, k, n, W0, s20):
    mu, W, s2, hist = X.mean(axis=0), W0, s20, []
    for _ in range(n):
        Ez, _ = e_step(X, W, mu, s2)
        W, s2 = m_step(X, mu, Ez, Ez[:, :, None] * Ez[:, None, :])
        hist.append(ppca_loglik(X, W, mu, s2).mean())
    return W, mu, s2, np.array(hist)


@wrong("never updates the noise", caught_by="test_one_iteration")
def ppca_em__fixed_noise(X, k, n, W0, s20):
    mu, W, hist = X.mean(axis=0), W0, []
    for _ in range(n):
        W, _ = m_step(X, mu, *e_step(X, W, mu, s20))
        hist.append(ppca_loglik(X, W, mu, s20).mean())
    return W, mu, s20, np.array(hist)


@wrong("does not centre the data", caught_by="test_one_iteration")
def ppca_em__not_centred(X, k, n, W0, s20):
    mu, W, s2, hist = np.zeros(X.shape[1]), W0, s20, []
    for _ in range(n):
        W, s2 = m_step(X, mu, *e_step(X, W, mu, s2))
        hist.append(ppca_loglik(X, W, mu, s2).mean())
    return W, X.mean(axis=0), s2, np.array(hist)


@wrong("stops one iteration early", caught_by="test_one_iteration")
def ppca_em__one_too_few(X, k, n, W0, s20):
    mu, W, s2, hist = X.mean(axis=0), W0, s20, [ppca_loglik(X, W0, X.mean(axis=0), s20).mean()]
    for _ in range(n - 1):
        W, s2 = m_step(X, mu, *e_step(X, W, mu, s2))
        hist.append(ppca_loglik(X, W, mu, s2).mean())
    return W, mu, s2, np.array(hist)


@wrong("goes on for one iteration too many", caught_by="test_one_iteration")
def ppca_em__one_too_many(X, k, n, W0, s20):
    mu, W, s2, hist = X.mean(axis=0), W0, s20, []
    for _ in range(n + 1):
        W, s2 = m_step(X, mu, *e_step(X, W, mu, s2))
        hist.append(ppca_loglik(X, W, mu, s2).mean())
    return W, mu, s2, np.array(hist[1:])


@wrong("notes the likelihood before each iteration", caught_by="test_history")
def ppca_em__history_before(X, k, n, W0, s20):
    mu, W, s2, hist = X.mean(axis=0), W0, s20, []
    for _ in range(n):
        hist.append(ppca_loglik(X, W, mu, s2).mean())
        W, s2 = m_step(X, mu, *e_step(X, W, mu, s2))
    return W, mu, s2, np.array(hist)


@wrong("adds up the log-likelihoods instead of averaging", caught_by="test_history")
def ppca_em__history_sum(X, k, n, W0, s20):
    mu, W, s2, hist = X.mean(axis=0), W0, s20, []
    for _ in range(n):
        W, s2 = m_step(X, mu, *e_step(X, W, mu, s2))
        hist.append(ppca_loglik(X, W, mu, s2).sum())
    return W, mu, s2, np.array(hist)


@wrong("notes the negative log-likelihood", caught_by="test_climbs")
def ppca_em__history_negative(X, k, n, W0, s20):
    mu, W, s2, hist = X.mean(axis=0), W0, s20, []
    for _ in range(n):
        W, s2 = m_step(X, mu, *e_step(X, W, mu, s2))
        hist.append(-ppca_loglik(X, W, mu, s2).mean())
    return W, mu, s2, np.array(hist)


@wrong("starts from random weights of its own", caught_by="test_one_iteration")
def ppca_em__own_start(X, k, n, W0, s20):
    mu, s2, hist = X.mean(axis=0), s20, []
    W = np.random.default_rng(0).normal(size=W0.shape)
    for _ in range(n):
        W, s2 = m_step(X, mu, *e_step(X, W, mu, s2))
        hist.append(ppca_loglik(X, W, mu, s2).mean())
    return W, mu, s2, np.array(hist)


@wrong("starts from noise 1 instead of the given one", caught_by="test_one_iteration")
def ppca_em__own_noise(X, k, n, W0, s20):
    mu, W, s2, hist = X.mean(axis=0), W0, 1.0, []
    for _ in range(n):
        W, s2 = m_step(X, mu, *e_step(X, W, mu, s2))
        hist.append(ppca_loglik(X, W, mu, s2).mean())
    return W, mu, s2, np.array(hist)


@wrong("forgets to feed the new weights back", caught_by="test_limit")
def ppca_em__stuck(X, k, n, W0, s20):
    mu, s2, hist = X.mean(axis=0), s20, []
    for _ in range(n):
        W, s2 = m_step(X, mu, *e_step(X, W0, mu, s2))
        hist.append(ppca_loglik(X, W, mu, s2).mean())
    return W, mu, s2, np.array(hist)


@wrong("skips EM and returns the closed form", caught_by="test_one_iteration")
def ppca_em__closed_form(X, k, n, W0, s20):
    mu = X.mean(axis=0)
    lam, U = np.linalg.eigh(np.cov(X, rowvar=False, bias=True))
    s2 = lam[:-k].mean()
    W = (U * np.sqrt(np.maximum(lam - s2, 0)))[:, -k:]
    return W, mu, s2, np.full(n, ppca_loglik(X, W, mu, s2).mean())


@wrong("uses the old weights in the update of the noise", caught_by="test_one_iteration")
def ppca_em__old_weights(X, k, n, W0, s20):
    mu, W, s2, hist = X.mean(axis=0), W0, s20, []
    for _ in range(n):
        Ez, Ezz = e_step(X, W, mu, s2)
        new, _ = m_step(X, mu, Ez, Ezz)
        Xc = X - mu
        total = (Xc**2).sum() - 2 * (Ez * (Xc @ W)).sum() + np.trace(Ezz.sum(axis=0) @ W.T @ W)
        W, s2 = new, total / X.size
        hist.append(ppca_loglik(X, W, mu, s2).mean())
    return W, mu, s2, np.array(hist)


@wrong("repeats the E-step between the weights and the noise", caught_by="test_one_iteration")
def ppca_em__two_e_steps(X, k, n, W0, s20):
    mu, W, s2, hist = X.mean(axis=0), W0, s20, []
    for _ in range(n):
        W, _ = m_step(X, mu, *e_step(X, W, mu, s2))
        Ez, Ezz = e_step(X, W, mu, s2)
        Xc = X - mu
        total = (Xc**2).sum() - 2 * (Ez * (Xc @ W)).sum() + np.trace(Ezz.sum(axis=0) @ W.T @ W)
        s2 = total / X.size
        hist.append(ppca_loglik(X, W, mu, s2).mean())
    return W, mu, s2, np.array(hist)


@wrong("changes the start in place", caught_by="test_one_iteration")
def ppca_em__in_place(X, k, n, W0, s20):
    mu, s2, hist = X.mean(axis=0), s20, []
    for _ in range(n):
        W0[:], s2 = m_step(X, mu, *e_step(X, W0, mu, s2))
        hist.append(ppca_loglik(X, W0, mu, s2).mean())
    return W0, mu, s2, np.array(hist)


@right("with e_step and m_step and a growing list")
def ppca_em__list(X, k, n, W0, s20):
    mu = np.mean(X, axis=0)
    W, s2, hist = np.array(W0), float(s20), []
    while len(hist) < n:
        moments = e_step(X, W, mu, s2)
        W, s2 = m_step(X, mu, *moments)
        hist.append(float(np.mean(ppca_loglik(X, W, mu, s2))))
    return W, mu, s2, hist


@right("with both steps in one formula and the covariance alone")
def ppca_em__one_formula(X, k, n, W0, s20):
    N, D = X.shape
    mu = X.mean(axis=0)
    S = (X - mu).T @ (X - mu) / N
    W, s2, hist = W0.copy(), s20, []
    for _ in range(n):
        Minv = np.linalg.inv(W.T @ W + s2 * np.eye(k))
        SW = S @ W
        new = SW @ np.linalg.inv(s2 * np.eye(k) + Minv @ W.T @ SW)
        s2 = np.trace(S - SW @ Minv @ new.T) / D
        W = new
        C = W @ W.T + s2 * np.eye(D)
        fit = np.trace(np.linalg.solve(C, S))
        hist.append(-0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + fit))
    return W, mu, s2, np.array(hist)


@right("all written out, working on copies in place")
def ppca_em__written_out(X, k, n, W0, s20):
    mu = X.mean(axis=0)
    Xc, W, s2, hist = X - mu, W0.copy(), s20, np.zeros(n)
    for i in range(n):
        S = s2 * np.linalg.inv(W.T @ W + s2 * np.eye(k))
        Z = Xc @ W @ S / s2
        second = len(X) * S + Z.T @ Z
        W[:] = Xc.T @ Z @ np.linalg.inv(second)
        s2 = (np.sum(Xc**2) - np.sum((Xc.T @ Z) * W)) / X.size
        L = np.linalg.cholesky(W @ W.T + s2 * np.eye(X.shape[1]))
        white = np.linalg.solve(L, Xc.T)
        log_det = 2 * np.log(np.diag(L)).sum()
        hist[i] = -0.5 * (X.shape[1] * np.log(2 * np.pi) + log_det + (white**2).sum() / len(X))
    return W, mu, s2, hist


@wrong("stops improving after fifty iterations", caught_by="test_history")
def ppca_em__at_most_fifty(X, k, n, W0, s20):
    mu = X.mean(axis=0)
    W, s2 = W0, s20
    hist = np.empty(n)
    for i in range(n):
        if i < 50:
            Ez, Ezz = e_step(X, W, mu, s2)
            W, s2 = m_step(X, mu, Ez, Ezz)
        hist[i] = ppca_loglik(X, W, mu, s2).mean()
    return W, mu, s2, hist


# ── ppca_best_loglik ──────────────────────────────────────────────────────────────────────────


@wrong("leaves out the distance term, D at the maximum", caught_by="test_by_hand")
def ppca_best_loglik__no_d(lam, k):
    s2 = lam[k:].mean()
    D = len(lam)
    return -0.5 * (D * np.log(2 * np.pi) + np.log(lam[:k]).sum() + (D - k) * np.log(s2))


@wrong("counts the noise once instead of D - k times", caught_by="test_likelihood_of_the_fit")
def ppca_best_loglik__noise_once(lam, k):
    D = len(lam)
    log_det = np.log(lam[:k]).sum() + np.log(lam[k:].mean())
    return -0.5 * (D * np.log(2 * np.pi) + log_det + D)


@wrong("averages the logarithms of the variances left out", caught_by="test_more_directions")
def ppca_best_loglik__all_logs(lam, k):
    D = len(lam)
    return -0.5 * (D * np.log(2 * np.pi) + np.log(np.maximum(lam, 1e-300)).sum() + D)


@wrong("adds up the variances left out instead of averaging", caught_by="test_by_hand")
def ppca_best_loglik__sum(lam, k):
    D = len(lam)
    log_det = np.log(lam[:k]).sum() + (D - k) * np.log(lam[k:].sum())
    return -0.5 * (D * np.log(2 * np.pi) + log_det + D)


@wrong("leaves out the factor 1/2", caught_by="test_by_hand")
def ppca_best_loglik__no_half(lam, k):
    D = len(lam)
    log_det = np.log(lam[:k]).sum() + (D - k) * np.log(lam[k:].mean())
    return -(D * np.log(2 * np.pi) + log_det + D)


@wrong("leaves out the noise directions", caught_by="test_likelihood_of_the_fit")
def ppca_best_loglik__kept_only(lam, k):
    D = len(lam)
    return -0.5 * (D * np.log(2 * np.pi) + np.log(lam[:k]).sum() + D)


@wrong("multiplies the variances before the logarithm", caught_by="test_many_dimensions")
def ppca_best_loglik__product(lam, k):
    D = len(lam)
    with np.errstate(all="ignore"):
        det = np.prod(lam[:k]) * lam[k:].mean() ** (D - k)
        return -0.5 * (D * np.log(2 * np.pi) + np.log(det) + D)


@right("a loop")
def ppca_best_loglik__loop(lam, k):
    D = len(lam)
    s2 = sum(lam[k:]) / (D - k)
    total = 0.0
    for j in range(D):
        total -= 0.5 * (np.log(2 * np.pi * (lam[j] if j < k else s2)) + 1)
    return total


@right("through the density of a made-up diagonal model")
def ppca_best_loglik__diagonal(lam, k):
    model = np.concatenate([lam[:k], np.full(len(lam) - k, lam[k:].mean())])
    return float(-0.5 * (np.log(2 * np.pi * model) + lam / model).sum())


@right("through ppca_loglik on data with these variances")
def ppca_best_loglik__data(lam, k):
    D = len(lam)
    arms = np.diag(np.sqrt(D * lam))
    s2 = lam[k:].mean()
    W = np.zeros((D, D))
    W[range(k), range(k)] = np.sqrt(lam[:k] - s2)
    return ppca_loglik(np.vstack([arms, -arms]), W, np.zeros(D), s2).mean()


# ── ppca_fill_in ──────────────────────────────────────────────────────────────────────────────


@wrong("fills in the mean", caught_by="test_conditional_mean")
def ppca_fill_in__mean(X, seen, W, mu, s2):
    return np.where(seen, X, mu)


@wrong("encodes with the missing entries set to the mean", caught_by="test_conditional_mean")
def ppca_fill_in__mean_then_decode(X, seen, W, mu, s2):
    m, _ = ppca_posterior(np.where(seen, X, mu), W, mu, s2)
    return np.where(seen, X, m @ W.T + mu)


@wrong("encodes with the missing entries set to 0", caught_by="test_conditional_mean")
def ppca_fill_in__zero(X, seen, W, mu, s2):
    m, _ = ppca_posterior(np.where(seen, X, 0.0), W, mu, s2)
    return np.where(seen, X, m @ W.T + mu)


@wrong("encodes with whatever stands in the missing entries", caught_by="test_placeholders")
def ppca_fill_in__placeholders(X, seen, W, mu, s2):
    m, _ = ppca_posterior(X, W, mu, s2)
    return np.where(seen, X, m @ W.T + mu)


@wrong("replaces the seen entries too", caught_by="test_all_and_nothing")
def ppca_fill_in__all(X, seen, W, mu, s2):
    filled = np.empty_like(X)
    for n in range(len(X)):
        o = seen[n]
        m, _ = ppca_posterior(X[n : n + 1, o], W[o], mu[o], s2)
        filled[n] = (m @ W.T + mu)[0]
    return filled


@wrong("fills in where seen is True", caught_by="test_conditional_mean")
def ppca_fill_in__inverted(X, seen, W, mu, s2):
    filled = np.nan_to_num(X)
    for n in range(len(X)):
        o = ~seen[n]
        m, _ = ppca_posterior(filled[n : n + 1, o], W[o], mu[o], s2)
        filled[n, ~o] = (m @ W.T + mu)[0, ~o]
    return filled


@wrong("adds no mean when it decodes", caught_by="test_all_and_nothing")
def ppca_fill_in__no_mean(X, seen, W, mu, s2):
    filled = X.copy()
    for n in range(len(X)):
        o = seen[n]
        m, _ = ppca_posterior(X[n : n + 1, o], W[o], mu[o], s2)
        filled[n, ~o] = (m @ W.T)[0, ~o]
    return filled


@wrong("fits the code by least squares, without the prior", caught_by="test_conditional_mean")
def ppca_fill_in__least_squares(X, seen, W, mu, s2):
    filled = X.copy()
    for n in range(len(X)):
        o = seen[n]
        z = np.linalg.pinv(W[o]) @ (X[n, o] - mu[o])
        filled[n, ~o] = W[~o] @ z + mu[~o]
    return filled


@right("with gaussian_condition on the coordinates of x")
def ppca_fill_in__condition(X, seen, W, mu, s2):
    C = W @ W.T + s2 * np.eye(len(mu))
    rows = []
    for x, o in zip(X, seen, strict=True):
        row = np.where(o, x, mu)
        if o.any() and not o.all():
            a = np.flatnonzero(o)
            row[~o] = gaussian_condition(mu, C, a, x[a])[0]
        rows.append(row)
    return np.array(rows)


@right("with masks instead of selected rows")
def ppca_fill_in__masks(X, seen, W, mu, s2):
    Xc = np.where(seen, X - mu, 0.0)
    M = np.einsum("nd,di,dj->nij", seen.astype(float), W, W) + s2 * np.eye(W.shape[1])
    m = np.linalg.solve(M, (Xc @ W)[:, :, None])[:, :, 0]
    return np.where(seen, X, mu + m @ W.T)


@right("with the gain from the seen to the missing coordinates")
def ppca_fill_in__gain(X, seen, W, mu, s2):
    C = W @ W.T + s2 * np.eye(len(mu))
    filled = np.where(seen, X, mu)
    for n in range(len(X)):
        o = seen[n]
        gain = C[np.ix_(~o, o)] @ np.linalg.inv(C[np.ix_(o, o)])
        filled[n, ~o] += gain @ (filled[n, o] - mu[o])
    return filled
