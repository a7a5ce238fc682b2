"""Reference answers of chapter 11: the identities that tie the families together."""

import math

import numpy as np
import torch.nn.functional as F
from torch import Tensor


def pca_limit_gap(
    X: np.ndarray, mu: np.ndarray, U: np.ndarray, lam: np.ndarray, s2: float
) -> float:
    """Return how far the reconstruction of probabilistic PCA is from that of PCA, relatively.

    Shapes: `X` (N, D), `mu` (D,), `U` (D, k) with orthonormal columns, `lam` (k,) the
    variances of the data along them, each larger than the noise variance `s2` > 0.
    Both models have the mean `mu`. PCA rebuilds x from its projection onto the columns of U;
    pPCA rebuilds it as W m + mu, with m the posterior mean of z given x, and
    W = U diag(lam - s2)^(1/2), the maximum-likelihood W. Data may be new: `mu` need not be
    their mean.
    Returns ||R_pca - R_ppca|| / ||R_pca - mu||, Frobenius norms over all N samples.
    """
    ### BEGIN SOLUTION
    W = U * np.sqrt(lam - s2)
    M = W.T @ W + s2 * np.eye(len(lam))
    posterior_mean = np.linalg.solve(M, W.T @ (X - mu).T).T
    pca = (X - mu) @ U @ U.T
    ppca = posterior_mean @ W.T
    return float(np.linalg.norm(pca - ppca) / np.linalg.norm(pca))
    ### END SOLUTION


def linear_vae_elbo(
    X: np.ndarray, W: np.ndarray, mu: np.ndarray, s2: float, V: np.ndarray, d: np.ndarray
) -> np.ndarray:
    """Return the ELBO of a linear VAE at each sample, in nats; exact, without sampling.

    Decoder p(x|z) = N(W z + mu, s2 I), prior N(0, I), encoder q(z|x) = N(V (x - mu), diag d).
    Shapes: `X` (N, D), `W` (D, k), `mu` (D,), `V` (k, D), `d` (k,) variances, whose product is
    no smaller than a float; returns (N,).
    Equation: E_q[log p(x|z)] - KL(q(z|x) || N(0, I)).
    """
    ### BEGIN SOLUTION
    D = X.shape[1]
    m = (X - mu) @ V.T
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1)
    spread = (W**2 * d).sum()
    reconstruction = -0.5 * (D * np.log(2 * np.pi * s2) + (distance + spread) / s2)
    kl = 0.5 * ((m**2).sum(axis=1) + (d - 1 - np.log(d)).sum())
    return reconstruction - kl
    ### END SOLUTION


def diffusion_elbo_terms(
    x0: float, betas: np.ndarray, a: np.ndarray, b: np.ndarray, v: np.ndarray
) -> np.ndarray:
    """Return the T + 1 terms of -ELBO of a diffusion model of one number `x0`, in nats.

    The walk is (x_0, ..., x_{T-1}), time zero-based as in chapter 4; the datum is the state
    before step 0. Encoder: step t keeps the share 1 - betas[t] of the variance and adds
    noise of variance betas[t]. Decoder: p(x_{t-1} | x_t) = N(a[t] x_t + b[t], v[t]), where
    x_{-1} is the datum; prior p(x_{T-1}) = N(0, 1).
    Shapes: `betas`, `a`, `b`, `v` (T,), T >= 1; returns (T + 1,), all exact, no sampling:
    [0]            -E_q[log p(datum | x_0)],
    [t], 0 < t < T  E_q[KL(q(x_{t-1} | x_t, datum) || p(x_{t-1} | x_t))],
    [T]             KL(q(x_{T-1} | datum) || p(x_{T-1})).
    """
    ### BEGIN SOLUTION
    T = len(betas)
    alphas = 1 - betas
    bars = np.cumprod(alphas)
    mean, var = np.sqrt(bars) * x0, 1 - bars  # of x_t given the datum
    terms = np.empty(T + 1)
    miss = (x0 - a[0] * mean[0] - b[0]) ** 2 + a[0] ** 2 * var[0]
    terms[0] = 0.5 * (np.log(2 * np.pi * v[0]) + miss / v[0])
    for t in range(1, T):
        # q(x_{t-1} | x_t, x0) = N(c x_t + e, tilde)
        c = np.sqrt(alphas[t]) * var[t - 1] / var[t]
        e = np.sqrt(bars[t - 1]) * betas[t] / var[t] * x0
        tilde = betas[t] * var[t - 1] / var[t]
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2 + (c - a[t]) ** 2 * var[t]
        terms[t] = 0.5 * (np.log(v[t] / tilde) + (tilde + miss) / v[t] - 1)
    terms[T] = 0.5 * (mean[-1] ** 2 + var[-1] - 1 - np.log(var[-1]))
    return terms
    ### END SOLUTION


def eps_to_score_weight(w: Tensor, ab: Tensor) -> Tensor:
    """Return the weight of the score error that equals a weight of the noise error.

    `w`, `ab` have the same shape, one entry for each time: weights of ||eps - eps_theta||^2,
    and the shares alpha_bar (between 0 and 1) that are left of the signal's variance.
    Returns the same shape: the weight of ||s - s_theta||^2 that makes both products equal,
    where s and s_theta are the scores that belong to the noises eps and eps_theta.
    """
    ### BEGIN SOLUTION
    return w * (1 - ab)
    ### END SOLUTION


def dsm_linear_optimum(S: np.ndarray, mu: np.ndarray, s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the linear score model A y + c that denoising score matching would learn.

    Data x have mean `mu` (D,) and covariance `S` (D, D); y = x + s eps with standard normal
    noise, `s` > 0 a standard deviation. Both are population values: there is no sample.
    Returns (A, c), shapes (D, D) and (D,): the minimiser of E||A y + c - t||^2, where
    t = grad_y log N(y; x, s^2 I).
    """
    ### BEGIN SOLUTION
    A = -np.linalg.inv(S + s**2 * np.eye(len(mu)))
    return A, -A @ mu
    ### END SOLUTION


def pfode_loglik(X: np.ndarray, mu: np.ndarray, S: np.ndarray) -> np.ndarray:
    """Return log p(x) of each sample, for data N(mu, S), by the probability-flow ODE.

    Shapes: `X` (N, D), `mu` (D,), `S` (D, D); returns (N,), in nats.
    Noise rate beta(t) = 0.1 + 9.9 t, 0 <= t <= 1; the velocity is
    v(x, t) = -beta(t)/2 (x + score of p_t at x), with p_t = N(a mu, a^2 S + (1 - a^2) I) and
    a(t) = exp(-(0.1 t + 4.95 t^2) / 2).
    Carry the samples, and with them the integral of the divergence of v, from t = 0 to
    t = 1 by the classical Runge-Kutta method of order 4 in 400 equal steps, in float64; the
    base density at t = 1 is p_1.
    """
    ### BEGIN SOLUTION
    n, D = 400, len(mu)
    h, eye = 1 / n, np.eye(D)
    t = np.linspace(0, 1, 2 * n + 1)  # the steps' ends and middles
    beta = 0.1 + 9.9 * t
    a = np.exp(-0.5 * (0.1 * t + 4.95 * t**2))
    cov = a[:, None, None] ** 2 * S + (1 - a**2)[:, None, None] * eye
    precision = np.linalg.inv(cov)
    slope = -0.5 * beta[:, None, None] * (eye - precision)
    offset = -0.5 * (beta * a)[:, None] * (precision @ mu)
    divergence = np.trace(slope, axis1=1, axis2=2)

    x, volume = X, 0.0
    for i in range(0, 2 * n, 2):
        k1 = x @ slope[i] + offset[i]
        k2 = (x + h / 2 * k1) @ slope[i + 1] + offset[i + 1]
        k3 = (x + h / 2 * k2) @ slope[i + 1] + offset[i + 1]
        k4 = (x + h * k3) @ slope[i + 2] + offset[i + 2]
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        volume += h / 6 * (divergence[i] + 4 * divergence[i + 1] + divergence[i + 2])

    gone = x - a[-1] * mu
    distance = ((gone @ precision[-1]) * gone).sum(axis=1)
    log_det = np.linalg.slogdet(cov[-1])[1]
    return -0.5 * (D * np.log(2 * np.pi) + log_det + distance) + volume
    ### END SOLUTION


def flow_as_vae_elbo(x: np.ndarray, A: np.ndarray, b: np.ndarray, s: float) -> np.ndarray:
    """Return the ELBO, at each sample, of the VAE that an affine flow f(z) = A z + b becomes.

    Prior N(0, I); decoder N(f(z), s^2 I), `s` > 0 a standard deviation; encoder
    N(f^{-1}(x), s^2 (A^T A)^{-1}), a full covariance.
    Shapes: `x` (B, D), `A` (D, D) invertible, its determinant of either sign, `b` (D,);
    returns (B,), in nats, exact also for `s` as small as 1e-4, in 45 dimensions too.
    """
    ### BEGIN SOLUTION
    D = len(b)
    m = np.linalg.solve(A, (x - b).T).T
    inverse = np.linalg.inv(A)
    trace = s**2 * (inverse**2).sum()
    log_det_q = 2 * D * np.log(s) - 2 * np.linalg.slogdet(A)[1]
    # The encoder's mean is decoded to x itself: only the spread is left.
    reconstruction = -0.5 * (D * np.log(2 * np.pi * s**2) + D)
    kl = 0.5 * (trace + (m**2).sum(axis=1) - D - log_det_q)
    return reconstruction - kl
    ### END SOLUTION


def ar_triangular_flow(
    X: np.ndarray, mu: np.ndarray, S: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return (z, log_det, log_cond) of the triangular flow x = L z + mu, L L^T = S.

    `L` is lower triangular with a positive diagonal. Shapes: `X` (N, D), `mu` (D,), `S` (D, D).
    z (N, D): the noise of each sample. log_det: a number, log|det dx/dz| of the map from noise
    to data. log_cond (N, D): log p(x_i | x_0, ..., x_{i-1}) of each sample and coordinate, in
    nats, coordinates in the order in which they stand.
    """
    ### BEGIN SOLUTION
    L = np.linalg.cholesky(S)
    z = np.linalg.solve(L, (X - mu).T).T
    log_scale = np.log(np.diag(L))
    log_cond = -0.5 * (np.log(2 * np.pi) + z**2) - log_scale
    return z, float(log_scale.sum()), log_cond
    ### END SOLUTION


def optimal_logit(x: Tensor, m1: float, s1: float, m2: float, s2: float) -> Tensor:
    """Return the logit of the best discriminator between two Gaussians of the line.

    Real samples are N(m1, s1^2), fakes N(m2, s2^2); here `s1`, `s2` > 0 are standard
    deviations. Shapes: `x` (n,); returns (n,).
    Must be exact also where both densities underflow (x forty deviations away).
    """
    ### BEGIN SOLUTION
    log_real = -0.5 * ((x - m1) / s1) ** 2 - math.log(s1)
    log_fake = -0.5 * ((x - m2) / s2) ** 2 - math.log(s2)
    return log_real - log_fake
    ### END SOLUTION


def nce_as_discriminator(lm_d: Tensor, ln_d: Tensor, lm_n: Tensor, ln_n: Tensor) -> Tensor:
    """Return the NCE loss with one noise sample a datum, as the loss of a discriminator.

    `lm_d`, `ln_d` (n,): log-densities of the model and of the noise at n data;
    `lm_n`, `ln_n` (m,): the same two at m noise samples. n and m may differ: data and noise
    have a mean each, and the two means are added.
    A scalar, to be minimised, in nats. Must be exact for log-density ratios of any size
    (-900, 900), and differentiable in the model's log-densities there.
    """
    ### BEGIN SOLUTION
    real_logits, fake_logits = lm_d - ln_d, lm_n - ln_n
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    ### END SOLUTION


def one_thread_table(X: np.ndarray) -> dict[str, float]:
    """Return the mean log-likelihood of the data under seven families, each fitted to them.

    `X` (N, D), N > D >= 2, with a covariance of full rank. Everything is maximum likelihood:
    the mean of X, covariances with divisor N. In nats, averaged over the N samples. Keys:
    "gaussian", "ppca" (k = D - 1), "linear_vae" (k = D - 1), "diffusion" (probability-flow ODE,
    400 steps), "flow" (affine), "autoregressive" (linear conditionals), "ebm" (quadratic energy).
    Each number by the computation of its own family, in float64.
    """
    ### BEGIN SOLUTION
    N, D = X.shape
    mu = X.mean(axis=0)
    Xc = X - mu
    S = Xc.T @ Xc / N
    log_2pi = np.log(2 * np.pi)

    # Gaussian: the formula.
    distance = (Xc * np.linalg.solve(S, Xc.T).T).sum(axis=1)
    gaussian = -0.5 * (D * log_2pi + np.linalg.slogdet(S)[1] + distance)

    # pPCA: D - 1 directions and the noise; only the small matrix M is inverted.
    lam, U = np.linalg.eigh(S)
    s2, lam, U = lam[0], lam[1:], U[:, 1:]
    W = U * np.sqrt(lam - s2)
    M = W.T @ W + s2 * np.eye(D - 1)
    code = Xc @ W
    inside = (code * np.linalg.solve(M, code.T).T).sum(axis=1)
    log_det = np.log(s2) + np.linalg.slogdet(M)[1]
    ppca = -0.5 * (D * log_2pi + log_det + ((Xc**2).sum(axis=1) - inside) / s2)

    # Linear VAE: the bound, at the encoder that makes it tight.
    vae = linear_vae_elbo(X, W, mu, s2, np.linalg.solve(M, W.T), s2 / lam)

    # Diffusion: the probability flow.
    diffusion = pfode_loglik(X, mu, S)

    # Flow: the symmetric square root of S, undone.
    lam, Q = np.linalg.eigh(S)
    root = (Q * np.sqrt(lam)) @ Q.T
    z = np.linalg.solve(root, Xc.T).T
    flow = -0.5 * (D * log_2pi + (z**2).sum(axis=1)) - np.linalg.slogdet(root)[1]

    # Autoregressive: the chain rule.
    conditionals = ar_triangular_flow(X, mu, S)[2].sum(axis=1)

    # EBM: an energy; its normaliser by integrating out one coordinate after the other.
    P = np.linalg.inv(S)
    energy = 0.5 * ((Xc @ P) * Xc).sum(axis=1)
    log_z = 0.0
    for _ in range(D):
        log_z += 0.5 * np.log(2 * np.pi / P[0, 0])
        P = P[1:, 1:] - np.outer(P[1:, 0], P[0, 1:]) / P[0, 0]
    ebm = -energy - log_z

    columns = {
        "gaussian": gaussian,
        "ppca": ppca,
        "linear_vae": vae,
        "diffusion": diffusion,
        "flow": flow,
        "autoregressive": conditionals,
        "ebm": ebm,
    }
    return {name: float(column.mean()) for name, column in columns.items()}
    ### END SOLUTION
