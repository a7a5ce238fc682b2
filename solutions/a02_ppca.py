"""Reference answers of chapter 2: probabilistic PCA, the ELBO and EM."""

from __future__ import annotations

import numpy as np


def gaussian_condition(
    mu: np.ndarray, S: np.ndarray, a: np.ndarray, xa: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return `(m_b, S_b)`: the law of the other coordinates of N(mu, S) once some are observed.

    Shapes: `mu` (D,), `S` (D, D) symmetric and invertible; `a` (p,) integers from 0 to D − 1,
    the observed coordinates, each once, in any order, 0 < p < D; `xa` (p,), what was observed,
    in the order of `a`. `m_b` (D − p,), `S_b` (D − p, D − p): the coordinates that are *not* in
    `a`, in increasing order.
    Equations: m_b = E[x_b | x_a], S_b = Cov[x_b | x_a].
    """
    ### BEGIN SOLUTION
    b = np.setdiff1d(np.arange(len(mu)), a)
    gain = np.linalg.solve(S[np.ix_(a, a)], S[np.ix_(a, b)]).T
    m_b = mu[b] + gain @ (xa - mu[a])
    S_b = S[np.ix_(b, b)] - gain @ S[np.ix_(a, b)]
    return m_b, S_b
    ### END SOLUTION


def ppca_sample(
    n: int, W: np.ndarray, mu: np.ndarray, s2: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw `n` independent samples from probabilistic PCA.

    Shapes: `W` (D, k), any matrix; `mu` (D,); `s2` > 0, the *variance* of the noise in each
    coordinate; returns (n, D), one sample a row. All randomness comes from `rng` itself: the same
    seed gives the same samples, a second call goes on in its stream, numpy's global generator is
    left alone.
    Equation: x = W z + mu + σ ε with z ~ N(0, I_k), ε ~ N(0, I_D), fresh for every sample.
    """
    ### BEGIN SOLUTION
    D, k = W.shape
    z = rng.standard_normal((n, k))
    eps = rng.standard_normal((n, D))
    return z @ W.T + mu + np.sqrt(s2) * eps
    ### END SOLUTION


def ppca_loglik(X: np.ndarray, W: np.ndarray, mu: np.ndarray, s2: float) -> np.ndarray:
    """Return the log-density log p(x) of each sample under probabilistic PCA, in nats.

    Shapes: `X` (N, D), any data; `W` (D, k), any matrix; `mu` (D,); `s2` > 0, a variance;
    returns (N,), one number a sample, neither summed nor averaged. Exact also where the
    determinant of C is too small or too large for a float (D = 60).
    Equation: log N(x; mu, C) with C = W Wᵀ + s2 I.
    """
    ### BEGIN SOLUTION
    D = len(mu)
    C = W @ W.T + s2 * np.eye(D)
    _, log_det = np.linalg.slogdet(C)
    Xc = X - mu
    squared = (Xc * np.linalg.solve(C, Xc.T).T).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + log_det + squared)
    ### END SOLUTION


def ppca_posterior(
    X: np.ndarray, W: np.ndarray, mu: np.ndarray, s2: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return `(m, S)`: mean and covariance of p(z | x) = N(z; m, S) for each sample.

    Shapes: `X` (N, D), any data; `W` (D, k), any matrix (its columns need not be at right
    angles); `mu` (D,); `s2` > 0, a variance. `m` (N, k), one mean a sample; `S` (k, k), one
    covariance for all of them, since it does not depend on x.
    Equations: m = E[z | x], S = Cov[z | x] of the joint Gaussian of z and x.
    """
    ### BEGIN SOLUTION
    M = W.T @ W + s2 * np.eye(W.shape[1])
    m = np.linalg.solve(M, W.T @ (X - mu).T).T
    S = s2 * np.linalg.inv(M)
    return m, S
    ### END SOLUTION


def mahalanobis_ppca(X: np.ndarray, W: np.ndarray, mu: np.ndarray, s2: float) -> np.ndarray:
    """Return the squared Mahalanobis distance of each sample from the mean of the model.

    Shapes: `X` (N, D), any data, D up to 20 000: no (D, D) matrix may be formed; `W` (D, k),
    any matrix; `mu` (D,); `s2` > 0, a variance. Returns (N,), without unit, no root taken.
    Equation: d² = (x − mu)ᵀ C⁻¹ (x − mu) with C = W Wᵀ + s2 I.
    """
    ### BEGIN SOLUTION
    m, _ = ppca_posterior(X, W, mu, s2)
    residual = X - mu - m @ W.T
    return (residual**2).sum(axis=1) / s2 + (m**2).sum(axis=1)
    ### END SOLUTION


def ppca_mle(X: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return `(W, mu, s2)`: probabilistic PCA of largest likelihood, in closed form.

    Shapes: `X` (N, D), not centred, N or D may be the larger; 1 ≤ k < min(N − 1, D). `W` (D, k),
    `mu` (D,), `s2` a number. `W` is free up to a rotation W R of its columns, signs included.
    The mean is at most some thousand times the spread.
    Equations: σ² is the mean of the D − k smallest eigenvalues of the covariance with divisor N
    (ddof = 0), zeros included; W = U_k (Λ_k − σ² I)^(1/2) with the k largest and their directions.
    """
    ### BEGIN SOLUTION
    mu = X.mean(axis=0)
    Xc = X - mu
    variances, directions = np.linalg.eigh(Xc.T @ Xc / len(X))  # ascending
    lam, U = variances[::-1], directions[:, ::-1]
    s2 = float(lam[k:].mean())
    W = U[:, :k] * np.sqrt(np.maximum(lam[:k] - s2, 0.0))
    return W, mu, s2
    ### END SOLUTION


def ppca_elbo(
    X: np.ndarray, W: np.ndarray, mu: np.ndarray, s2: float, m: np.ndarray, S: np.ndarray
) -> np.ndarray:
    """Return the evidence lower bound of each sample for a Gaussian guess q, in nats.

    Shapes: `X` (N, D); `W` (D, k), `mu` (D,), `s2` > 0 of the model; the guess for sample n is
    q_n(z) = N(z; m_n, S) with `m` (N, k) and one full covariance `S` (k, k) for all samples.
    Any guess, not only the posterior; det S may be too small for a float. Returns (N,).
    Equation: E_q[log p(x | z)] − KL(q(z) ‖ N(0, I)), both in closed form.
    """
    ### BEGIN SOLUTION
    D, k = W.shape
    residual = X - mu - m @ W.T
    expected_square = (residual**2).sum(axis=1) + np.trace(W @ S @ W.T)
    fit = -0.5 * (D * np.log(2 * np.pi * s2) + expected_square / s2)
    _, log_det = np.linalg.slogdet(S)
    kl = 0.5 * ((m**2).sum(axis=1) + np.trace(S) - k - log_det)
    return fit - kl
    ### END SOLUTION


def e_step(
    X: np.ndarray, W: np.ndarray, mu: np.ndarray, s2: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return `(Ez, Ezz)`: first and second moments of each sample's posterior.

    Shapes: `X` (N, D); `W` (D, k), `mu` (D,), `s2` > 0 of the current model. `Ez` (N, k);
    `Ezz` (N, k, k), one matrix a sample, not centred, neither summed nor averaged.
    Equations: Ez_n = E[z | x_n], Ezz_n = E[z zᵀ | x_n].
    """
    ### BEGIN SOLUTION
    m, S = ppca_posterior(X, W, mu, s2)
    return m, S + m[:, :, None] * m[:, None, :]
    ### END SOLUTION


def m_step(
    X: np.ndarray, mu: np.ndarray, Ez: np.ndarray, Ezz: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return `(W, s2)`: the model that maximises the expected joint log-density.

    Shapes: `X` (N, D); `mu` (D,), kept as given; `Ez` (N, k) and `Ezz` (N, k, k), the moments
    of any guess q_n (not necessarily exact posteriors). `W` (D, k), `s2` a number.
    Equation: argmax over W and s2 of Σ_n E_{q_n}[log N(x_n; W z + mu, s2 I)].
    """
    ### BEGIN SOLUTION
    N, D = X.shape
    Xc = X - mu
    cross, second = Xc.T @ Ez, Ezz.sum(axis=0)
    W = np.linalg.solve(second, cross.T).T
    total = (Xc**2).sum() - 2 * (W * cross).sum() + np.trace(second @ W.T @ W)
    return W, float(total / (N * D))
    ### END SOLUTION


def ppca_em(
    X: np.ndarray, k: int, n: int, W0: np.ndarray, s20: float
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Return `(W, mu, s2, hist)`: `n` iterations of EM from the start `W0`, `s20`.

    Shapes: `X` (N, D), not centred; `W0` (D, k), left unchanged; `s20` > 0, a variance; n ≥ 1.
    `W` (D, k), `mu` (D,), `s2` a number; `hist` (n,): the *mean* log-likelihood of a sample
    after each iteration, in nats; the start itself is not in it.
    Equations: mu is the mean of the samples, throughout; an iteration is one E-step for all
    samples, then one M-step (W and s2 from the same moments).
    """
    ### BEGIN SOLUTION
    mu = X.mean(axis=0)
    W, s2 = W0, s20
    hist = np.empty(n)
    for i in range(n):
        Ez, Ezz = e_step(X, W, mu, s2)
        W, s2 = m_step(X, mu, Ez, Ezz)
        hist[i] = ppca_loglik(X, W, mu, s2).mean()
    return W, mu, s2, hist
    ### END SOLUTION


def ppca_best_loglik(lam: np.ndarray, k: int) -> float:
    """Return the mean log-likelihood of a sample at the maximum-likelihood fit, in nats.

    Shapes: `lam` (D,), *all* eigenvalues of the covariance with divisor N, largest first;
    0 ≤ k < D latent dimensions, lam[:k] and the mean of lam[k:] positive (single zeros may
    stand at the end). No data needed: the eigenvalues suffice. Returns a number.
    Equation: (1/N) Σ_n log N(x_n; mu, C) at the mu, W and σ² of largest likelihood.
    """
    ### BEGIN SOLUTION
    D = len(lam)
    log_det = np.log(lam[:k]).sum() + (D - k) * np.log(lam[k:].mean())
    return float(-0.5 * (D * np.log(2 * np.pi) + log_det + D))
    ### END SOLUTION


def ppca_fill_in(
    X: np.ndarray, seen: np.ndarray, W: np.ndarray, mu: np.ndarray, s2: float
) -> np.ndarray:
    """Return the samples with each missing entry replaced by its expectation given the seen ones.

    Shapes: `X` (N, D), where missing entries may hold anything, nan too; `seen` (N, D) booleans,
    True where an entry was observed, another pattern in every row, any number of them (none,
    all); `W` (D, k), `mu` (D,), `s2` > 0. Returns (N, D): seen entries as they are.
    Equation: E[x_j | the seen entries of x] for every missing j.
    """
    ### BEGIN SOLUTION
    filled = X.copy()
    for x, there in zip(filled, seen, strict=True):
        m, _ = ppca_posterior(x[None, there], W[there], mu[there], s2)
        x[~there] = (m @ W.T + mu)[0, ~there]
    return filled
    ### END SOLUTION
