"""Known answers of chapter 11: misconceptions, and other right ways."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.answers import right, wrong
from solutions.a11_one_thread import ar_triangular_flow, linear_vae_elbo, pfode_loglik

# ── pca_limit_gap ─────────────────────────────────────────────────────────────────────────────


@wrong("divides the standard deviation of the noise by lam", caught_by="test_along_one_direction")
def pca_limit_gap__sigma(X, mu, U, lam, s2):
    Z = (X - mu) @ U
    return float(np.linalg.norm(Z * np.sqrt(s2) / lam) / np.linalg.norm(Z))


@wrong(
    "undoes the shrinkage of the posterior mean, so that no gap is left",
    caught_by="test_two_reconstructions",
)
def pca_limit_gap__optimal_reconstruction(X, mu, U, lam, s2):
    W = U * np.sqrt(lam - s2)
    M = W.T @ W + s2 * np.eye(len(lam))
    m = (X - mu) @ W @ np.linalg.inv(M)
    ppca = m @ M @ np.linalg.inv(W.T @ W) @ W.T
    pca = (X - mu) @ U @ U.T
    return float(np.linalg.norm(pca - ppca) / np.linalg.norm(pca))


@wrong("does not subtract the noise from the variances in W", caught_by="test_along_one_direction")
def pca_limit_gap__w_without_noise(X, mu, U, lam, s2):
    W = U * np.sqrt(lam)
    M = W.T @ W + s2 * np.eye(len(lam))
    pca, ppca = (X - mu) @ U @ U.T, (X - mu) @ W @ np.linalg.inv(M) @ W.T
    return float(np.linalg.norm(pca - ppca) / np.linalg.norm(pca))


@wrong(
    "has the identity in M without the noise variance", caught_by="test_proportional_to_the_noise"
)
def pca_limit_gap__m_with_identity(X, mu, U, lam, s2):
    W = U * np.sqrt(lam - s2)
    M = W.T @ W + np.eye(len(lam))
    pca, ppca = (X - mu) @ U @ U.T, (X - mu) @ W @ np.linalg.inv(M) @ W.T
    return float(np.linalg.norm(pca - ppca) / np.linalg.norm(pca))


@wrong("does not subtract the mean", caught_by="test_two_reconstructions")
def pca_limit_gap__not_centred(X, mu, U, lam, s2):
    Z = X @ U
    return float(np.linalg.norm(Z * s2 / lam) / np.linalg.norm(Z))


@wrong("centres new data by their own mean", caught_by="test_two_reconstructions")
def pca_limit_gap__own_mean(X, mu, U, lam, s2):
    Z = (X - X.mean(axis=0)) @ U
    return float(np.linalg.norm(Z * s2 / lam) / np.linalg.norm(Z))


@wrong("returns the squared gap", caught_by="test_proportional_to_the_noise")
def pca_limit_gap__squared(X, mu, U, lam, s2):
    Z = (X - mu) @ U
    return float(((Z * s2 / lam) ** 2).sum() / (Z**2).sum())


@wrong("returns the gap itself, not relative to anything", caught_by="test_along_one_direction")
def pca_limit_gap__absolute(X, mu, U, lam, s2):
    return float(np.linalg.norm((X - mu) @ U * s2 / lam))


@wrong(
    "compares with the whole sample instead of its projection", caught_by="test_two_reconstructions"
)
def pca_limit_gap__of_the_whole(X, mu, U, lam, s2):
    return float(np.linalg.norm((X - mu) @ U * s2 / lam) / np.linalg.norm(X - mu))


@wrong("compares with PCA's reconstruction with the mean in it", caught_by="test_units")
def pca_limit_gap__mean_in_norm(X, mu, U, lam, s2):
    pca = (X - mu) @ U @ U.T + mu
    return float(np.linalg.norm((X - mu) @ U * s2 / lam) / np.linalg.norm(pca))


@wrong("averages the shrinkage over directions, whatever the data", caught_by="test_units")
def pca_limit_gap__mean_shrinkage(X, mu, U, lam, s2):
    return float(np.mean(s2 / lam))


@right("by the closed form in the coordinates of the subspace")
def pca_limit_gap__closed_form(X, mu, U, lam, s2):
    Z = (X - mu) @ U
    return np.linalg.norm(Z * (s2 / lam)) / np.linalg.norm(Z)


@right("through the D x D covariance of the model")
def pca_limit_gap__big_matrix(X, mu, U, lam, s2):
    W = U @ np.diag(np.sqrt(lam - s2))
    C = W @ W.T + s2 * np.eye(len(mu))
    ppca = mu + (W @ W.T @ np.linalg.solve(C, (X - mu).T)).T
    pca = mu + (X - mu) @ U @ U.T
    return np.sqrt(((ppca - pca) ** 2).sum()) / np.sqrt(((pca - mu) ** 2).sum())


@right("one sample after the other, with a rotated W")
def pca_limit_gap__loop(X, mu, U, lam, s2):
    turn = np.linalg.qr(np.arange(1.0, len(lam) ** 2 + 1).reshape(len(lam), -1) ** 2)[0]
    W = (U * np.sqrt(lam - s2)) @ turn
    M_inverse = np.linalg.inv(W.T @ W + s2 * np.eye(len(lam)))
    above = below = 0.0
    for x in X - mu:
        pca = U @ (U.T @ x)
        above += np.sum((pca - W @ (M_inverse @ (W.T @ x))) ** 2)
        below += np.sum(pca**2)
    return math.sqrt(above / below)


@right("in float32")
def pca_limit_gap__float32(X, mu, U, lam, s2):
    Xc, U = (X - mu).astype(np.float32), U.astype(np.float32)
    W = U * np.sqrt(lam - s2).astype(np.float32)
    M = W.T @ W + np.float32(s2) * np.eye(len(lam), dtype=np.float32)
    pca, ppca = Xc @ U @ U.T, Xc @ W @ np.linalg.inv(M) @ W.T
    return np.linalg.norm(pca - ppca) / np.linalg.norm(pca)


# ── linear_vae_elbo ───────────────────────────────────────────────────────────────────────────


@wrong("decodes the encoder's mean only, not its spread", caught_by="test_definition")
def linear_vae_elbo__no_trace(X, W, mu, s2, V, d):
    m = (X - mu) @ V.T
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1)
    rec = -0.5 * (X.shape[1] * np.log(2 * np.pi * s2) + distance / s2)
    return rec - 0.5 * ((m**2).sum(axis=1) + (d - 1 - np.log(d)).sum())


@wrong("leaves out the factor 1/2 of the KL", caught_by="test_tight")
def linear_vae_elbo__twice_kl(X, W, mu, s2, V, d):
    m = (X - mu) @ V.T
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1) + (W**2 * d).sum()
    rec = -0.5 * (X.shape[1] * np.log(2 * np.pi * s2) + distance / s2)
    return rec - ((m**2).sum(axis=1) + (d - 1 - np.log(d)).sum())


@wrong("adds the KL instead of subtracting it", caught_by="test_rotated")
def linear_vae_elbo__plus_kl(X, W, mu, s2, V, d):
    m = (X - mu) @ V.T
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1) + (W**2 * d).sum()
    rec = -0.5 * (X.shape[1] * np.log(2 * np.pi * s2) + distance / s2)
    return rec + 0.5 * ((m**2).sum(axis=1) + (d - 1 - np.log(d)).sum())


@wrong("takes d for standard deviations", caught_by="test_definition")
def linear_vae_elbo__d_as_std(X, W, mu, s2, V, d):
    m, var = (X - mu) @ V.T, d**2
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1) + (W**2 * var).sum()
    rec = -0.5 * (X.shape[1] * np.log(2 * np.pi * s2) + distance / s2)
    return rec - 0.5 * ((m**2).sum(axis=1) + (var - 1 - np.log(var)).sum())


@wrong("has one constant log 2 pi s2 instead of one a feature", caught_by="test_any_encoder")
def linear_vae_elbo__one_constant(X, W, mu, s2, V, d):
    m = (X - mu) @ V.T
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1) + (W**2 * d).sum()
    rec = -0.5 * (np.log(2 * np.pi * s2) + distance / s2)
    return rec - 0.5 * ((m**2).sum(axis=1) + (d - 1 - np.log(d)).sum())


@wrong("returns the mean over the samples for each of them", caught_by="test_definition")
def linear_vae_elbo__batch_mean(X, W, mu, s2, V, d):
    m = (X - mu) @ V.T
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1) + (W**2 * d).sum()
    rec = -0.5 * (X.shape[1] * np.log(2 * np.pi * s2) + distance / s2)
    elbo = rec - 0.5 * ((m**2).sum(axis=1) + (d - 1 - np.log(d)).sum())
    return np.full(len(X), elbo.mean())


@wrong("encodes x without subtracting the mean", caught_by="test_tight")
def linear_vae_elbo__no_mean(X, W, mu, s2, V, d):
    m = X @ V.T
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1) + (W**2 * d).sum()
    rec = -0.5 * (X.shape[1] * np.log(2 * np.pi * s2) + distance / s2)
    return rec - 0.5 * ((m**2).sum(axis=1) + (d - 1 - np.log(d)).sum())


@wrong("returns the loss, minus the bound", caught_by="test_tight")
def linear_vae_elbo__negated(X, W, mu, s2, V, d):
    m = (X - mu) @ V.T
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1) + (W**2 * d).sum()
    rec = 0.5 * (X.shape[1] * np.log(2 * np.pi * s2) + distance / s2)
    return rec + 0.5 * ((m**2).sum(axis=1) + (d - 1 - np.log(d)).sum())


@wrong("returns the log-likelihood of pPCA whatever the encoder", caught_by="test_definition")
def linear_vae_elbo__loglik(X, W, mu, s2, V, d):
    C = W @ W.T + s2 * np.eye(len(mu))
    distance = ((X - mu) @ np.linalg.inv(C) * (X - mu)).sum(axis=1)
    return -0.5 * (len(mu) * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + distance)


@wrong("does not divide the spread by the noise variance", caught_by="test_rotated")
def linear_vae_elbo__trace_not_scaled(X, W, mu, s2, V, d):
    m = (X - mu) @ V.T
    distance = ((X - mu - m @ W.T) ** 2).sum(axis=1) / s2 + (W**2 * d).sum()
    rec = -0.5 * (X.shape[1] * np.log(2 * np.pi * s2) + distance)
    return rec - 0.5 * ((m**2).sum(axis=1) + (d - 1 - np.log(d)).sum())


@right("one sample after the other, with traces of matrices")
def linear_vae_elbo__loop(X, W, mu, s2, V, d):
    D, k = W.shape
    out = []
    for x in X:
        m = V @ (x - mu)
        miss = x - mu - W @ m
        rec = -D / 2 * math.log(2 * math.pi * s2)
        rec -= (miss @ miss + np.trace(W @ np.diag(d) @ W.T)) / (2 * s2)
        kl = 0.5 * (d.sum() + m @ m - k - np.log(np.prod(d)))
        out.append(rec - kl)
    return np.array(out)


@right("as log-likelihood minus the KL to the exact posterior")
def linear_vae_elbo__gap(X, W, mu, s2, V, d):
    D, k = W.shape
    Xc = X - mu
    C, M = W @ W.T + s2 * np.eye(D), W.T @ W + s2 * np.eye(k)
    ll = -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1])
    ll = ll - 0.5 * (Xc * np.linalg.solve(C, Xc.T).T).sum(axis=1)
    off = Xc @ V.T - np.linalg.solve(M, W.T @ Xc.T).T
    log_ratio = k * np.log(s2) - np.linalg.slogdet(M)[1] - np.log(d).sum()
    return ll - 0.5 * (
        (np.diag(M) * d).sum() / s2 + ((off @ M) * off).sum(axis=1) / s2 - k + log_ratio
    )


@right("in torch, float32")
def linear_vae_elbo__torch(X, W, mu, s2, V, d):
    X, W, mu, V, d = (torch.as_tensor(u, dtype=torch.float32) for u in (X, W, mu, V, d))
    m = (X - mu) @ V.T
    error = (X - mu - m @ W.T).square().sum(1) + torch.einsum("dk,k->", W**2, d)
    kl = 0.5 * (m**2 + d - 1 - d.log()).sum(1)
    return (-0.5 * X.shape[1] * math.log(2 * math.pi * s2) - error / (2 * s2) - kl).numpy()


# ── diffusion_elbo_terms ──────────────────────────────────────────────────────────────────────


@wrong("drops the last term, the KL to the prior", caught_by="test_sum")
def diffusion_elbo_terms__no_prior(x0, betas, a, b, v):
    T, bars = len(betas), np.cumprod(1 - betas)
    mean, var, terms = np.sqrt(bars) * x0, 1 - bars, np.zeros(len(betas) + 1)
    miss = (x0 - a[0] * mean[0] - b[0]) ** 2 + a[0] ** 2 * var[0]
    terms[0] = 0.5 * (np.log(2 * np.pi * v[0]) + miss / v[0])
    for t in range(1, T):
        c = np.sqrt(1 - betas[t]) * var[t - 1] / var[t]
        e = np.sqrt(bars[t - 1]) * betas[t] / var[t] * x0
        tilde = betas[t] * var[t - 1] / var[t]
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2 + (c - a[t]) ** 2 * var[t]
        terms[t] = 0.5 * (np.log(v[t] / tilde) + (tilde + miss) / v[t] - 1)
    return terms


@wrong("drops the first term, the last step back to the datum", caught_by="test_sum")
def diffusion_elbo_terms__no_reconstruction(x0, betas, a, b, v):
    T, bars = len(betas), np.cumprod(1 - betas)
    mean, var, terms = np.sqrt(bars) * x0, 1 - bars, np.zeros(len(betas) + 1)
    for t in range(1, T):
        c = np.sqrt(1 - betas[t]) * var[t - 1] / var[t]
        e = np.sqrt(bars[t - 1]) * betas[t] / var[t] * x0
        tilde = betas[t] * var[t - 1] / var[t]
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2 + (c - a[t]) ** 2 * var[t]
        terms[t] = 0.5 * (np.log(v[t] / tilde) + (tilde + miss) / v[t] - 1)
    terms[T] = 0.5 * (mean[-1] ** 2 + var[-1] - 1 - np.log(var[-1]))
    return terms


@wrong("leaves out the constant log 2 pi of the first term", caught_by="test_one_step")
def diffusion_elbo_terms__no_two_pi(x0, betas, a, b, v):
    T, bars = len(betas), np.cumprod(1 - betas)
    mean, var, terms = np.sqrt(bars) * x0, 1 - bars, np.zeros(len(betas) + 1)
    miss = (x0 - a[0] * mean[0] - b[0]) ** 2 + a[0] ** 2 * var[0]
    terms[0] = 0.5 * (np.log(v[0]) + miss / v[0])
    for t in range(1, T):
        c = np.sqrt(1 - betas[t]) * var[t - 1] / var[t]
        e = np.sqrt(bars[t - 1]) * betas[t] / var[t] * x0
        tilde = betas[t] * var[t - 1] / var[t]
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2 + (c - a[t]) ** 2 * var[t]
        terms[t] = 0.5 * (np.log(v[t] / tilde) + (tilde + miss) / v[t] - 1)
    terms[T] = 0.5 * (mean[-1] ** 2 + var[-1] - 1 - np.log(var[-1]))
    return terms


@wrong("puts the mean of x_t where its average is asked for", caught_by="test_each_term")
def diffusion_elbo_terms__at_the_mean(x0, betas, a, b, v):
    T, bars = len(betas), np.cumprod(1 - betas)
    mean, var, terms = np.sqrt(bars) * x0, 1 - bars, np.zeros(len(betas) + 1)
    miss = (x0 - a[0] * mean[0] - b[0]) ** 2
    terms[0] = 0.5 * (np.log(2 * np.pi * v[0]) + miss / v[0])
    for t in range(1, T):
        c = np.sqrt(1 - betas[t]) * var[t - 1] / var[t]
        e = np.sqrt(bars[t - 1]) * betas[t] / var[t] * x0
        tilde = betas[t] * var[t - 1] / var[t]
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2
        terms[t] = 0.5 * (np.log(v[t] / tilde) + (tilde + miss) / v[t] - 1)
    terms[T] = 0.5 * (mean[-1] ** 2 + var[-1] - 1 - np.log(var[-1]))
    return terms


@wrong("has the variance of the step forward in the posterior", caught_by="test_each_term")
def diffusion_elbo_terms__beta_for_tilde(x0, betas, a, b, v):
    T, bars = len(betas), np.cumprod(1 - betas)
    mean, var, terms = np.sqrt(bars) * x0, 1 - bars, np.zeros(len(betas) + 1)
    miss = (x0 - a[0] * mean[0] - b[0]) ** 2 + a[0] ** 2 * var[0]
    terms[0] = 0.5 * (np.log(2 * np.pi * v[0]) + miss / v[0])
    for t in range(1, T):
        c = np.sqrt(1 - betas[t]) * var[t - 1] / var[t]
        e = np.sqrt(bars[t - 1]) * betas[t] / var[t] * x0
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2 + (c - a[t]) ** 2 * var[t]
        terms[t] = 0.5 * (np.log(v[t] / betas[t]) + (betas[t] + miss) / v[t] - 1)
    terms[T] = 0.5 * (mean[-1] ** 2 + var[-1] - 1 - np.log(var[-1]))
    return terms


@wrong("keeps only the squared differences of the means in the middle", caught_by="test_sum")
def diffusion_elbo_terms__means_only(x0, betas, a, b, v):
    T, bars = len(betas), np.cumprod(1 - betas)
    mean, var, terms = np.sqrt(bars) * x0, 1 - bars, np.zeros(len(betas) + 1)
    miss = (x0 - a[0] * mean[0] - b[0]) ** 2 + a[0] ** 2 * var[0]
    terms[0] = 0.5 * (np.log(2 * np.pi * v[0]) + miss / v[0])
    for t in range(1, T):
        c = np.sqrt(1 - betas[t]) * var[t - 1] / var[t]
        e = np.sqrt(bars[t - 1]) * betas[t] / var[t] * x0
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2 + (c - a[t]) ** 2 * var[t]
        terms[t] = 0.5 * miss / v[t]
    terms[T] = 0.5 * (mean[-1] ** 2 + var[-1] - 1 - np.log(var[-1]))
    return terms


@wrong("returns the terms of the ELBO, with the opposite sign", caught_by="test_tight")
def diffusion_elbo_terms__negated(x0, betas, a, b, v):
    T, bars = len(betas), np.cumprod(1 - betas)
    mean, var, terms = np.sqrt(bars) * x0, 1 - bars, np.zeros(len(betas) + 1)
    miss = (x0 - a[0] * mean[0] - b[0]) ** 2 + a[0] ** 2 * var[0]
    terms[0] = 0.5 * (np.log(2 * np.pi * v[0]) + miss / v[0])
    for t in range(1, T):
        c = np.sqrt(1 - betas[t]) * var[t - 1] / var[t]
        e = np.sqrt(bars[t - 1]) * betas[t] / var[t] * x0
        tilde = betas[t] * var[t - 1] / var[t]
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2 + (c - a[t]) ** 2 * var[t]
        terms[t] = 0.5 * (np.log(v[t] / tilde) + (tilde + miss) / v[t] - 1)
    terms[T] = 0.5 * (mean[-1] ** 2 + var[-1] - 1 - np.log(var[-1]))
    return -terms


@wrong("has the two coefficients of the posterior mean swapped", caught_by="test_each_term")
def diffusion_elbo_terms__swapped(x0, betas, a, b, v):
    T, bars = len(betas), np.cumprod(1 - betas)
    mean, var, terms = np.sqrt(bars) * x0, 1 - bars, np.zeros(len(betas) + 1)
    miss = (x0 - a[0] * mean[0] - b[0]) ** 2 + a[0] ** 2 * var[0]
    terms[0] = 0.5 * (np.log(2 * np.pi * v[0]) + miss / v[0])
    for t in range(1, T):
        e = np.sqrt(1 - betas[t]) * var[t - 1] / var[t] * x0
        c = np.sqrt(bars[t - 1]) * betas[t] / var[t]
        tilde = betas[t] * var[t - 1] / var[t]
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2 + (c - a[t]) ** 2 * var[t]
        terms[t] = 0.5 * (np.log(v[t] / tilde) + (tilde + miss) / v[t] - 1)
    terms[T] = 0.5 * (mean[-1] ** 2 + var[-1] - 1 - np.log(var[-1]))
    return terms


@wrong("lists the terms from the prior to the datum", caught_by="test_one_step")
def diffusion_elbo_terms__reversed(x0, betas, a, b, v):
    T, bars = len(betas), np.cumprod(1 - betas)
    mean, var, terms = np.sqrt(bars) * x0, 1 - bars, np.zeros(len(betas) + 1)
    miss = (x0 - a[0] * mean[0] - b[0]) ** 2 + a[0] ** 2 * var[0]
    terms[0] = 0.5 * (np.log(2 * np.pi * v[0]) + miss / v[0])
    for t in range(1, T):
        c = np.sqrt(1 - betas[t]) * var[t - 1] / var[t]
        e = np.sqrt(bars[t - 1]) * betas[t] / var[t] * x0
        tilde = betas[t] * var[t - 1] / var[t]
        miss = ((c - a[t]) * mean[t] + e - b[t]) ** 2 + (c - a[t]) ** 2 * var[t]
        terms[t] = 0.5 * (np.log(v[t] / tilde) + (tilde + miss) / v[t] - 1)
    terms[T] = 0.5 * (mean[-1] ** 2 + var[-1] - 1 - np.log(var[-1]))
    return terms[::-1].copy()


@right("the posterior as a product of two Gaussians, the average by two nodes")
def diffusion_elbo_terms__nodes(x0, betas, a, b, v):
    def kl(m1, v1, m2, v2):
        return 0.5 * (math.log(v2 / v1) + (v1 + (m1 - m2) ** 2) / v2 - 1)

    bar, terms = 1.0, []
    for t in range(len(betas)):
        before, bar = bar, bar * (1 - betas[t])
        # Two nodes one deviation away average a quadratic exactly.
        nodes = [math.sqrt(bar) * x0 + sign * math.sqrt(1 - bar) for sign in (1, -1)]
        if t == 0:
            squares = [(x0 - a[0] * x - b[0]) ** 2 for x in nodes]
            terms.append(0.5 * math.log(2 * math.pi * v[0]) + sum(squares) / 4 / v[0])
            continue
        keep = math.sqrt(1 - betas[t])
        precision = 1 / (1 - before) + keep**2 / betas[t]
        total = 0.0
        for x in nodes:
            mean = (math.sqrt(before) * x0 / (1 - before) + keep * x / betas[t]) / precision
            total += kl(mean, 1 / precision, a[t] * x + b[t], v[t]) / 2
        terms.append(total)
    return np.array([*terms, kl(math.sqrt(bar) * x0, 1 - bar, 0, 1)])


@right("vectorised over the steps")
def diffusion_elbo_terms__vectorised(x0, betas, a, b, v):
    bars = np.cumprod(1 - betas)
    before = np.concatenate([[1.0], bars[:-1]])
    c = np.sqrt(1 - betas) * (1 - before) / (1 - bars)
    e = np.sqrt(before) * betas / (1 - bars) * x0
    tilde = betas * (1 - before) / (1 - bars)
    m = np.sqrt(bars) * x0
    second = ((c - a) * m + e - b) ** 2 + (c - a) ** 2 * (1 - bars) + tilde
    first = 0.5 * (np.log(2 * np.pi * v[:1]) + second[:1] / v[:1])
    middle = 0.5 * (np.log(v[1:] / tilde[1:]) + second[1:] / v[1:] - 1)
    last = 0.5 * (m[-1:] ** 2 - bars[-1:] - np.log(1 - bars[-1:]))
    return np.concatenate([first, middle, last])


@right("with cross-entropies minus entropies, in torch")
def diffusion_elbo_terms__cross_entropies(x0, betas, a, b, v):
    betas, a, b, v = (torch.as_tensor(u, dtype=torch.float64) for u in (betas, a, b, v))
    bars = torch.cumprod(1 - betas, 0)
    out = torch.zeros(len(betas) + 1, dtype=torch.float64)
    for t in range(len(betas)):
        left = bars[t - 1] if t > 0 else torch.ones((), dtype=torch.float64)
        m, var = left.sqrt() * x0, 1 - left
        keep = torch.sqrt(1 - betas[t])
        # The mean and variance of x_{t-1} - a x_t - b under the walk forwards.
        mean = m - a[t] * keep * m - b[t]
        spread = (1 - a[t] * keep) ** 2 * var + a[t] ** 2 * betas[t]
        cross = 0.5 * (torch.log(2 * math.pi * v[t]) + (mean**2 + spread) / v[t])
        if t > 0:
            tilde = betas[t] * var / (1 - bars[t])
            cross = cross - 0.5 * (torch.log(2 * math.pi * tilde) + 1)
        out[t] = cross
    out[-1] = 0.5 * (bars[-1] * x0**2 - bars[-1] - torch.log(1 - bars[-1]))
    return out.numpy()


# ── eps_to_score_weight ───────────────────────────────────────────────────────────────────────


@wrong("multiplies by the root", caught_by="test_same_loss")
def eps_to_score_weight__root(w, ab):
    return w * torch.sqrt(1 - ab)


@wrong("divides where it should multiply", caught_by="test_simple_loss")
def eps_to_score_weight__inverse(w, ab):
    return w / (1 - ab)


@wrong("uses the share of the signal instead of that of the noise", caught_by="test_simple_loss")
def eps_to_score_weight__signal(w, ab):
    return w * ab


@wrong("leaves the weights as they are", caught_by="test_weights")
def eps_to_score_weight__none(w, ab):
    return w.clone()


@wrong("forgets the weights that came in", caught_by="test_weights")
def eps_to_score_weight__no_w(w, ab):
    return 1 - ab


@wrong("multiplies by the noise-to-signal ratio", caught_by="test_same_loss")
def eps_to_score_weight__ratio(w, ab):
    return w * (1 - ab) / ab.clamp(min=1e-9)


@wrong("squares the variance of the noise", caught_by="test_simple_loss")
def eps_to_score_weight__squared(w, ab):
    return w * (1 - ab) ** 2


@right("one time after the other")
def eps_to_score_weight__loop(w, ab):
    return torch.stack([weight - weight * bar for weight, bar in zip(w, ab, strict=True)])


@right("by the squared ratio of the two errors")
def eps_to_score_weight__ratio_of_errors(w, ab):
    eps, score = torch.ones_like(ab), -1 / torch.sqrt(1 - ab)
    return w * eps**2 / score**2


@right("in numpy")
def eps_to_score_weight__numpy(w, ab):
    return torch.from_numpy(w.numpy() * np.sqrt(1 - ab.numpy()) ** 2)


# ── dsm_linear_optimum ────────────────────────────────────────────────────────────────────────


@wrong("returns the score of the clean data", caught_by="test_regression")
def dsm_linear_optimum__clean(S, mu, s):
    A = -np.linalg.inv(S)
    return A, -A @ mu


@wrong(
    "adds the standard deviation of the noise, not its variance", caught_by="test_smoothed_score"
)
def dsm_linear_optimum__sigma(S, mu, s):
    A = -np.linalg.inv(S + s * np.eye(len(mu)))
    return A, -A @ mu


@wrong("has the sign of a force away from the mean", caught_by="test_normal_equations")
def dsm_linear_optimum__sign(S, mu, s):
    A = np.linalg.inv(S + s**2 * np.eye(len(mu)))
    return A, -A @ mu


@wrong("returns the denoiser, the mean of x given y", caught_by="test_smoothed_score")
def dsm_linear_optimum__denoiser(S, mu, s):
    A = S @ np.linalg.inv(S + s**2 * np.eye(len(mu)))
    return A, mu - A @ mu


@wrong(
    "returns the denoiser's step, not divided by the noise variance", caught_by="test_regression"
)
def dsm_linear_optimum__not_divided(S, mu, s):
    A = -(s**2) * np.linalg.inv(S + s**2 * np.eye(len(mu)))
    return A, -A @ mu


@wrong("has no constant, as if the mean were 0", caught_by="test_normal_equations")
def dsm_linear_optimum__no_constant(S, mu, s):
    return -np.linalg.inv(S + s**2 * np.eye(len(mu))), np.zeros(len(mu))


@wrong("returns the mean itself as the constant", caught_by="test_little_and_much_noise")
def dsm_linear_optimum__mean(S, mu, s):
    return -np.linalg.inv(S + s**2 * np.eye(len(mu))), mu.copy()


@wrong("looks at the diagonal only", caught_by="test_regression")
def dsm_linear_optimum__diagonal(S, mu, s):
    A = -np.diag(1 / (np.diag(S) + s**2))
    return A, -A @ mu


@wrong(
    "learns the target at the clean data, which is the noise's own score",
    caught_by="test_regression",
)
def dsm_linear_optimum__kernel(S, mu, s):
    return -np.eye(len(mu)) / s**2, mu / s**2


@right("by solving the normal equations with the constant as one more feature")
def dsm_linear_optimum__normal_equations(S, mu, s):
    D = len(mu)
    second = np.empty((D + 1, D + 1))
    second[:D, :D] = S + s**2 * np.eye(D) + np.outer(mu, mu)
    second[:D, D] = second[D, :D] = mu
    second[D, D] = 1
    target = np.zeros((D + 1, D))
    target[:D] = -np.eye(D)
    line = np.linalg.solve(second, target)
    return line[:D].T, line[D]


@right("through Tweedie's rule and the posterior mean")
def dsm_linear_optimum__tweedie(S, mu, s):
    gain = np.linalg.solve(S + s**2 * np.eye(len(mu)), S).T
    return (gain - np.eye(len(mu))) / s**2, (mu - gain @ mu) / s**2


@right("in the eigenvectors of S")
def dsm_linear_optimum__eigenvectors(S, mu, s):
    lam, Q = np.linalg.eigh(S)
    A = (Q / -(lam + s**2)) @ Q.T
    return A, -(A @ mu)


# ── pfode_loglik ──────────────────────────────────────────────────────────────────────────────


@wrong("solves the equation with beta where beta/2 belongs", caught_by="test_density")
def pfode_loglik__whole_beta(X, mu, S):
    h, D = 1 / 400, len(mu)

    def field(t):
        beta, kept = 0.1 + 9.9 * t, np.exp(-(0.1 * t + 4.95 * t**2))
        C = kept * S + (1 - kept) * np.eye(D)
        A = -beta * (np.eye(D) - np.linalg.inv(C))
        return A, -beta * np.sqrt(kept) * np.linalg.solve(C, mu), np.trace(A)

    x, volume = X, 0.0
    for i in range(400):
        (A, b, e), (B, c, f), (C, d, g) = (field((i + j) * h) for j in (0, 0.5, 1))
        k1 = x @ A + b
        k2 = (x + h / 2 * k1) @ B + c
        k3 = (x + h / 2 * k2) @ B + c
        k4 = (x + h * k3) @ C + d
        x, volume = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), volume + h / 6 * (e + 4 * f + g)
    kept = np.exp(-5.05)
    C, x = kept * S + (1 - kept) * np.eye(D), x - np.sqrt(kept) * mu
    distance = (x @ np.linalg.inv(C) * x).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + distance) + volume


@wrong("subtracts the integral of the divergence", caught_by="test_volume")
def pfode_loglik__minus_divergence(X, mu, S):
    h, D = 1 / 400, len(mu)

    def field(t):
        beta, kept = 0.1 + 9.9 * t, np.exp(-(0.1 * t + 4.95 * t**2))
        P = np.linalg.inv(kept * S + (1 - kept) * np.eye(D))
        A = -beta / 2 * (np.eye(D) - P)
        return A, -beta / 2 * np.sqrt(kept) * P @ mu, np.trace(A)

    x, volume = X, 0.0
    for i in range(400):
        (A, b, e), (B, c, f), (C, d, g) = (field((i + j) * h) for j in (0, 0.5, 1))
        k1 = x @ A + b
        k2 = (x + h / 2 * k1) @ B + c
        k3 = (x + h / 2 * k2) @ B + c
        k4 = (x + h * k3) @ C + d
        x, volume = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), volume + h / 6 * (e + 4 * f + g)
    kept = np.exp(-5.05)
    C, x = kept * S + (1 - kept) * np.eye(D), x - np.sqrt(kept) * mu
    distance = (x @ np.linalg.inv(C) * x).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + distance) - volume


@wrong("leaves the divergence out: the density at the end only", caught_by="test_volume")
def pfode_loglik__no_divergence(X, mu, S):
    h, D = 1 / 400, len(mu)

    def field(t):
        beta, kept = 0.1 + 9.9 * t, np.exp(-(0.1 * t + 4.95 * t**2))
        P = np.linalg.inv(kept * S + (1 - kept) * np.eye(D))
        return -beta / 2 * (np.eye(D) - P), -beta / 2 * np.sqrt(kept) * P @ mu

    x = X
    for i in range(400):
        (A, b), (B, c), (C, d) = (field((i + j) * h) for j in (0, 0.5, 1))
        k1 = x @ A + b
        k2 = (x + h / 2 * k1) @ B + c
        k3 = (x + h / 2 * k2) @ B + c
        k4 = (x + h * k3) @ C + d
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    kept = np.exp(-5.05)
    C, x = kept * S + (1 - kept) * np.eye(D), x - np.sqrt(kept) * mu
    distance = (x @ np.linalg.inv(C) * x).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + distance)


@wrong("takes the standard normal for the base at t = 1", caught_by="test_far_mean")
def pfode_loglik__standard_base(X, mu, S):
    h, D = 1 / 400, len(mu)

    def field(t):
        beta, kept = 0.1 + 9.9 * t, np.exp(-(0.1 * t + 4.95 * t**2))
        P = np.linalg.inv(kept * S + (1 - kept) * np.eye(D))
        A = -beta / 2 * (np.eye(D) - P)
        return A, -beta / 2 * np.sqrt(kept) * P @ mu, np.trace(A)

    x, volume = X, 0.0
    for i in range(400):
        (A, b, e), (B, c, f), (C, d, g) = (field((i + j) * h) for j in (0, 0.5, 1))
        k1 = x @ A + b
        k2 = (x + h / 2 * k1) @ B + c
        k3 = (x + h / 2 * k2) @ B + c
        k4 = (x + h * k3) @ C + d
        x, volume = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), volume + h / 6 * (e + 4 * f + g)
    return -0.5 * (D * np.log(2 * np.pi) + (x**2).sum(axis=1)) + volume


@wrong("writes the Gaussian's formula and solves no equation", caught_by="test_steps")
def pfode_loglik__formula(X, mu, S):
    distance = ((X - mu) @ np.linalg.inv(S) * (X - mu)).sum(axis=1)
    return -0.5 * (len(mu) * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + distance)


@wrong("takes Euler steps", caught_by="test_density")
def pfode_loglik__euler(X, mu, S):
    h, D, x, volume = 1 / 400, len(mu), X, 0.0
    for i in range(400):
        t = i * h
        beta, kept = 0.1 + 9.9 * t, np.exp(-(0.1 * t + 4.95 * t**2))
        P = np.linalg.inv(kept * S + (1 - kept) * np.eye(D))
        volume += h * -beta / 2 * (D - np.trace(P))
        x = x + h * -beta / 2 * (x - (x - np.sqrt(kept) * mu) @ P)
    kept = np.exp(-5.05)
    C, x = kept * S + (1 - kept) * np.eye(D), x - np.sqrt(kept) * mu
    distance = (x @ np.linalg.inv(C) * x).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + distance) + volume


@wrong("has the score of the data at all times", caught_by="test_density")
def pfode_loglik__score_of_the_data(X, mu, S):
    h, D, P = 1 / 400, len(mu), np.linalg.inv(S)

    def velocity(x, t):
        return -(0.1 + 9.9 * t) / 2 * (x - (x - mu) @ P)

    x = X
    for i in range(400):
        t = i * h
        k1 = velocity(x, t)
        k2 = velocity(x + h / 2 * k1, t + h / 2)
        k3 = velocity(x + h / 2 * k2, t + h / 2)
        k4 = velocity(x + h * k3, t + h)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    volume = -5.05 / 2 * (D - np.trace(P))
    kept = np.exp(-5.05)
    C, x = kept * S + (1 - kept) * np.eye(D), x - np.sqrt(kept) * mu
    distance = (x @ np.linalg.inv(C) * x).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + distance) + volume


@wrong("forgets that the mean shrinks on the way", caught_by="test_far_mean")
def pfode_loglik__mean_stays(X, mu, S):
    h, D = 1 / 400, len(mu)

    def field(t):
        beta, kept = 0.1 + 9.9 * t, np.exp(-(0.1 * t + 4.95 * t**2))
        P = np.linalg.inv(kept * S + (1 - kept) * np.eye(D))
        A = -beta / 2 * (np.eye(D) - P)
        return A, -beta / 2 * P @ mu, np.trace(A)

    x, volume = X, 0.0
    for i in range(400):
        (A, b, e), (B, c, f), (C, d, g) = (field((i + j) * h) for j in (0, 0.5, 1))
        k1 = x @ A + b
        k2 = (x + h / 2 * k1) @ B + c
        k3 = (x + h / 2 * k2) @ B + c
        k4 = (x + h * k3) @ C + d
        x, volume = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), volume + h / 6 * (e + 4 * f + g)
    kept = np.exp(-5.05)
    C, x = kept * S + (1 - kept) * np.eye(D), x - mu
    distance = (x @ np.linalg.inv(C) * x).sum(axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + distance) + volume


@right("a solve for the score in every stage, volume and samples side by side")
def pfode_loglik__solve_each_stage(X, mu, S):
    D, h = len(mu), 1 / 400

    def law(t):
        a = math.exp(-0.5 * (0.1 * t + 4.95 * t * t))
        return a * mu, a * a * S + (1 - a * a) * np.eye(D)

    def speed(x, t):
        m, C = law(t)
        P = np.linalg.inv(C)
        score = -(x - m) @ P
        beta = 0.1 + 9.9 * t
        return -beta / 2 * (x + score), -beta / 2 * (D - np.trace(P))

    x, volume = X.copy(), 0.0
    for i in range(400):
        t = i * h
        a1, b1 = speed(x, t)
        a2, b2 = speed(x + h / 2 * a1, t + h / 2)
        a3, b3 = speed(x + h / 2 * a2, t + h / 2)
        a4, b4 = speed(x + h * a3, t + h)
        x += h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        volume += h / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
    m, C = law(1.0)
    z = np.linalg.solve(np.linalg.cholesky(C), (x - m).T)
    base = -0.5 * (z**2).sum(axis=0) - D / 2 * math.log(2 * math.pi)
    return base - 0.5 * np.log(np.linalg.eigvalsh(C)).sum() + volume


@right("one equation for each principal axis")
def pfode_loglik__axes(X, mu, S):
    lam, Q = np.linalg.eigh(S)
    y, m, h = X @ Q, mu @ Q, 1 / 400

    def speed(u, t):
        kept = math.exp(-(0.1 * t + 4.95 * t * t))
        var = kept * lam + 1 - kept
        move = u[1:] - (u[1:] - math.sqrt(kept) * m) / var
        return -(0.05 + 4.95 * t) * np.vstack([1 - 1 / var, move])

    u = np.vstack([np.zeros_like(m), y])
    for i in range(400):
        t = i / 400
        k1 = speed(u, t)
        k2 = speed(u + h / 2 * k1, t + h / 2)
        k3 = speed(u + h / 2 * k2, t + h / 2)
        k4 = speed(u + h * k3, t + h)
        u = u + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
    kept = math.exp(-5.05)
    var = kept * lam + 1 - kept
    gone = u[1:] - math.sqrt(kept) * m
    return u[0].sum() - 0.5 * (np.log(2 * np.pi * var) + gone**2 / var).sum(axis=1)


@right("in torch, the divergence by autograd's Jacobian of the velocity")
def pfode_loglik__torch(X, mu, S):
    x, mu, S = (torch.as_tensor(u, dtype=torch.float64) for u in (X, mu, S))
    D, h, eye = len(mu), 1 / 400, torch.eye(len(mu), dtype=torch.float64)
    volume = torch.zeros(len(x), dtype=torch.float64)
    times = torch.linspace(0, 1, 801, dtype=torch.float64)
    kept = torch.exp(-(0.1 * times + 4.95 * times**2))
    P = torch.linalg.inv(kept[:, None, None] * S + (1 - kept)[:, None, None] * eye)

    def velocity(x, i):
        return -(0.1 + 9.9 * times[i]) / 2 * (x - (x - kept[i].sqrt() * mu) @ P[i])

    def speed(x, i):
        # The velocity is affine: differences of it are its Jacobian.
        start = velocity(torch.zeros(1, D, dtype=torch.float64), i)
        return velocity(x, i), (velocity(eye, i) - start).trace()

    for i in range(0, 800, 2):
        (a1, b1), half = speed(x, i), h / 2
        a2, b2 = speed(x + half * a1, i + 1)
        a3, b3 = speed(x + half * a2, i + 1)
        a4, b4 = speed(x + h * a3, i + 2)
        x = x + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        volume = volume + h / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
    base = torch.distributions.MultivariateNormal(kept[-1].sqrt() * mu, precision_matrix=P[-1])
    return (base.log_prob(x) + volume).numpy()


# ── flow_as_vae_elbo ──────────────────────────────────────────────────────────────────────────


@wrong("returns the flow's log-likelihood: no gap", caught_by="test_gap")
def flow_as_vae_elbo__no_gap(x, A, b, s):
    z = np.linalg.solve(A, (x - b).T).T
    log_p = -0.5 * (len(b) * np.log(2 * np.pi) + (z**2).sum(axis=1))
    return log_p - np.linalg.slogdet(A)[1]


@wrong("leaves the flow's log-determinant out", caught_by="test_limit")
def flow_as_vae_elbo__no_log_det(x, A, b, s):
    z, inverse = np.linalg.solve(A, (x - b).T).T, np.linalg.inv(A)
    log_p = -0.5 * (len(b) * np.log(2 * np.pi) + (z**2).sum(axis=1))
    return log_p - 0.5 * s**2 * (inverse**2).sum()


@wrong("adds the log-determinant", caught_by="test_definition")
def flow_as_vae_elbo__plus_log_det(x, A, b, s):
    z, inverse = np.linalg.solve(A, (x - b).T).T, np.linalg.inv(A)
    log_p = -0.5 * (len(b) * np.log(2 * np.pi) + (z**2).sum(axis=1))
    return log_p + np.linalg.slogdet(A)[1] - 0.5 * s**2 * (inverse**2).sum()


@wrong("has the spread of an isotropic encoder", caught_by="test_definition")
def flow_as_vae_elbo__isotropic(x, A, b, s):
    D, m = len(b), np.linalg.solve(A, (x - b).T).T
    rec = -0.5 * (D * np.log(2 * np.pi * s**2) + (A**2).sum())
    return rec - 0.5 * (D * s**2 + (m**2).sum(axis=1) - D - 2 * D * np.log(s))


@wrong("has the matrix itself instead of its inverse in the trace", caught_by="test_gap")
def flow_as_vae_elbo__trace_of_a(x, A, b, s):
    z = np.linalg.solve(A, (x - b).T).T
    log_p = -0.5 * (len(b) * np.log(2 * np.pi) + (z**2).sum(axis=1))
    return log_p - np.linalg.slogdet(A)[1] - 0.5 * s**2 * (A**2).sum()


@wrong("leaves out the KL to the prior", caught_by="test_limit")
def flow_as_vae_elbo__no_kl(x, A, b, s):
    D = len(b)
    return np.full(len(x), -0.5 * (D * np.log(2 * np.pi * s**2) + D))


@wrong("forgets that the encoder's spread is decoded, too", caught_by="test_below_the_likelihood")
def flow_as_vae_elbo__no_spread(x, A, b, s):
    D, inverse = len(b), np.linalg.inv(A)
    m = (x - b) @ inverse.T
    rec = -0.5 * D * np.log(2 * np.pi * s**2)
    log_det = 2 * D * np.log(s) - 2 * np.linalg.slogdet(A)[1]
    return rec - 0.5 * (s**2 * (inverse**2).sum() + (m**2).sum(axis=1) - D - log_det)


@wrong("loses the factor 1/2 of the gap", caught_by="test_gap")
def flow_as_vae_elbo__whole_gap(x, A, b, s):
    z, inverse = np.linalg.solve(A, (x - b).T).T, np.linalg.inv(A)
    log_p = -0.5 * (len(b) * np.log(2 * np.pi) + (z**2).sum(axis=1))
    return log_p - np.linalg.slogdet(A)[1] - s**2 * (inverse**2).sum()


@wrong("has a gap that falls with s, not with its square", caught_by="test_gap")
def flow_as_vae_elbo__gap_with_s(x, A, b, s):
    z, inverse = np.linalg.solve(A, (x - b).T).T, np.linalg.inv(A)
    log_p = -0.5 * (len(b) * np.log(2 * np.pi) + (z**2).sum(axis=1))
    return log_p - np.linalg.slogdet(A)[1] - 0.5 * s * (inverse**2).sum()


@wrong(
    "takes the logarithm of a determinant that over- or underflows",
    caught_by="test_sixty_dimensions",
)
def flow_as_vae_elbo__naive_det(x, A, b, s):
    z, inverse = np.linalg.solve(A, (x - b).T).T, np.linalg.inv(A)
    log_p = -0.5 * (len(b) * np.log(2 * np.pi) + (z**2).sum(axis=1))
    size = np.clip(np.abs(np.linalg.det(A)), 1e-300, 1e300)
    return log_p - np.log(size) - 0.5 * s**2 * (inverse**2).sum()


@wrong(
    "returns the exact log-likelihood of the noisy decoder", caught_by="test_below_the_likelihood"
)
def flow_as_vae_elbo__marginal(x, A, b, s):
    C = A @ A.T + s**2 * np.eye(len(b))
    distance = ((x - b) @ np.linalg.inv(C) * (x - b)).sum(axis=1)
    return -0.5 * (len(b) * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + distance)


@right("the flow's log-likelihood minus half a trace")
def flow_as_vae_elbo__closed_form(x, A, b, s):
    z = np.linalg.solve(A, (x - b).T).T
    log_p = -0.5 * (len(b) * np.log(2 * np.pi) + (z**2).sum(axis=1)) - np.linalg.slogdet(A)[1]
    singular = np.linalg.svd(A, compute_uv=False)
    return log_p - 0.5 * ((s / singular) ** 2).sum()


@right("with the encoder's covariance spelt out, term by term")
def flow_as_vae_elbo__spelt_out(x, A, b, s):
    D, inverse = len(b), np.linalg.inv(A)
    cov = s**2 * inverse @ inverse.T
    rows = []
    for point in x:
        m = inverse @ (point - b)
        miss = point - A @ m - b
        rec = -D * np.log(s) - D / 2 * np.log(2 * np.pi)
        rec -= (miss @ miss + np.trace(A @ cov @ A.T)) / (2 * s**2)
        log_det = 2 * D * math.log(s) + 2 * np.linalg.slogdet(inverse)[1]
        rows.append(rec - 0.5 * (np.trace(cov) + m @ m - D - log_det))
    return np.array(rows)


@right("in torch, by QR")
def flow_as_vae_elbo__torch(x, A, b, s):
    x, A, b = torch.from_numpy(x), torch.from_numpy(A), torch.from_numpy(b)
    Q, R = torch.linalg.qr(A)
    m = torch.linalg.solve_triangular(R, Q.T @ (x - b).T, upper=True).T
    inverse = torch.linalg.solve_triangular(R, Q.T, upper=True)
    log_det = R.diagonal().abs().log().sum()
    log_p = torch.distributions.Normal(0.0, 1.0).log_prob(m).sum(1) - log_det
    return (log_p - 0.5 * (s * inverse).square().sum()).numpy()


@right("in float32, the miss of the decoder computed and found to be nearly nothing")
def flow_as_vae_elbo__float32(x, A, b, s):
    x, A, b = (u.astype(np.float32) for u in (x, A, b))
    D, inverse = len(b), np.linalg.inv(A)
    m = (x - b) @ inverse.T
    miss = ((x - b - m @ A.T) ** 2).sum(axis=1)
    rec = -D / 2 * (np.log(2 * np.pi) + 2 * np.log(s) + 1) - miss / (2 * s**2)
    spread = (s * inverse) ** 2
    log_det = 2 * D * np.log(s) - 2 * np.linalg.slogdet(A)[1]
    return rec - 0.5 * (spread.sum() + (m**2).sum(axis=1) - D - log_det)


@wrong("takes the logarithm of a determinant that underflows", caught_by="test_limit")
def flow_as_vae_elbo__det_of_covariance(x, A, b, s):
    D = len(b)
    m = np.linalg.solve(A, (x - b).T).T
    S = s**2 * np.linalg.inv(A.T @ A)
    rec = -0.5 * (D * np.log(2 * np.pi * s**2) + D)
    return rec - 0.5 * (np.trace(S) + (m**2).sum(1) - D - np.log(np.linalg.det(S)))


# ── ar_triangular_flow ────────────────────────────────────────────────────────────────────────


@wrong("returns the log-determinant of the map from data to noise", caught_by="test_log_det")
def ar_triangular_flow__inverse_log_det(X, mu, S):
    L = np.linalg.cholesky(S)
    z, log_scale = np.linalg.solve(L, (X - mu).T).T, np.log(np.diag(L))
    return z, float(-log_scale.sum()), -0.5 * (np.log(2 * np.pi) + z**2) - log_scale


@wrong("adds the log-scales to the conditionals", caught_by="test_conditionals")
def ar_triangular_flow__plus_scale(X, mu, S):
    L = np.linalg.cholesky(S)
    z, log_scale = np.linalg.solve(L, (X - mu).T).T, np.log(np.diag(L))
    return z, float(log_scale.sum()), -0.5 * (np.log(2 * np.pi) + z**2) + log_scale


@wrong("leaves the scales out of the conditionals", caught_by="test_two_ways")
def ar_triangular_flow__no_scale(X, mu, S):
    L = np.linalg.cholesky(S)
    z = np.linalg.solve(L, (X - mu).T).T
    return z, float(np.log(np.diag(L)).sum()), -0.5 * (np.log(2 * np.pi) + z**2)


@wrong("starts with the last coordinate", caught_by="test_noise")
def ar_triangular_flow__reversed(X, mu, S):
    L = np.linalg.cholesky(S[::-1, ::-1])
    z = np.linalg.solve(L, (X - mu)[:, ::-1].T).T
    log_scale = np.log(np.diag(L))
    log_cond = -0.5 * (np.log(2 * np.pi) + z**2) - log_scale
    return z[:, ::-1].copy(), float(log_scale.sum()), log_cond[:, ::-1].copy()


@wrong("takes the product of the diagonal, which over- or underflows", caught_by="test_log_det")
def ar_triangular_flow__product(X, mu, S):
    L = np.linalg.cholesky(S)
    z, diagonal = np.linalg.solve(L, (X - mu).T).T, np.diag(L)
    log_det = np.log(np.clip(np.prod(diagonal), 1e-300, 1e300))
    return z, float(log_det), -0.5 * (np.log(2 * np.pi) + z**2) - np.log(diagonal)


@wrong("returns the determinant, not its logarithm", caught_by="test_two_ways")
def ar_triangular_flow__det(X, mu, S):
    L = np.linalg.cholesky(S)
    z, diagonal = np.linalg.solve(L, (X - mu).T).T, np.diag(L)
    det = float(min(np.prod(diagonal), 1e300))
    return z, det, -0.5 * (np.log(2 * np.pi) + z**2) - np.log(diagonal)


@wrong("uses marginals: standardises each coordinate by itself", caught_by="test_conditionals")
def ar_triangular_flow__marginals(X, mu, S):
    std = np.sqrt(np.diag(S))
    z = (X - mu) / std
    return z, float(np.log(std).sum()), -0.5 * (np.log(2 * np.pi) + z**2) - np.log(std)


@wrong("whitens with the symmetric root, which is not triangular", caught_by="test_noise")
def ar_triangular_flow__symmetric(X, mu, S):
    lam, Q = np.linalg.eigh(S)
    L = np.linalg.cholesky(S)
    z = (X - mu) @ (Q / np.sqrt(lam)) @ Q.T
    log_scale = np.log(np.diag(L))
    return z, float(log_scale.sum()), -0.5 * (np.log(2 * np.pi) + z**2) - log_scale


@wrong("returns the log-determinant of S, twice the flow's", caught_by="test_log_det")
def ar_triangular_flow__log_det_s(X, mu, S):
    L = np.linalg.cholesky(S)
    z, log_scale = np.linalg.solve(L, (X - mu).T).T, np.log(np.diag(L))
    return z, float(2 * log_scale.sum()), -0.5 * (np.log(2 * np.pi) + z**2) - log_scale


@wrong("multiplies by L instead of solving with it", caught_by="test_noise")
def ar_triangular_flow__multiplies(X, mu, S):
    L = np.linalg.cholesky(S)
    z, log_scale = (X - mu) @ L.T, np.log(np.diag(L))
    return z, float(log_scale.sum()), -0.5 * (np.log(2 * np.pi) + z**2) - log_scale


@wrong("does not subtract the mean", caught_by="test_conditionals")
def ar_triangular_flow__no_mean(X, mu, S):
    L = np.linalg.cholesky(S)
    z, log_scale = np.linalg.solve(L, X.T).T, np.log(np.diag(L))
    return z, float(log_scale.sum()), -0.5 * (np.log(2 * np.pi) + z**2) - log_scale


@right("conditional by conditional, with the rule for conditioning a Gaussian")
def ar_triangular_flow__conditioning(X, mu, S):
    D = len(mu)
    z, log_cond, log_det = np.empty_like(X), np.empty_like(X), 0.0
    for i in range(D):
        gain = np.linalg.solve(S[:i, :i], S[:i, i]) if i else np.zeros(0)
        mean = mu[i] + (X[:, :i] - mu[:i]) @ gain
        var = S[i, i] - S[i, :i] @ gain
        z[:, i] = (X[:, i] - mean) / np.sqrt(var)
        log_cond[:, i] = -0.5 * (np.log(2 * np.pi * var) + (X[:, i] - mean) ** 2 / var)
        log_det += 0.5 * np.log(var)
    return z, log_det, log_cond


@right("by forward substitution with a hand-made Cholesky factor")
def ar_triangular_flow__substitution(X, mu, S):
    D = len(mu)
    L = np.zeros((D, D))
    for i in range(D):
        for j in range(i + 1):
            rest = S[i, j] - L[i, :j] @ L[j, :j]
            L[i, j] = math.sqrt(rest) if i == j else rest / L[j, j]
    z = np.zeros(X.shape)
    for i in range(D):
        z[:, i] = (X[:, i] - mu[i] - z[:, :i] @ L[i, :i]) / L[i, i]
    log_cond = -0.5 * z**2 - np.log(np.sqrt(2 * np.pi) * np.diag(L))
    return z, 0.5 * np.linalg.slogdet(S)[1], log_cond


@right("in torch")
def ar_triangular_flow__torch(X, mu, S):
    L = torch.linalg.cholesky(torch.from_numpy(S))
    z = torch.linalg.solve_triangular(L, torch.from_numpy((X - mu).T), upper=False).T
    log_scale = L.diagonal().log()
    log_cond = torch.distributions.Normal(0.0, 1.0).log_prob(z) - log_scale
    return z.numpy(), log_scale.sum().item(), log_cond.numpy()


@right("by the LDL factors: unit triangle and conditional variances")
def ar_triangular_flow__ldl(X, mu, S):
    L = np.linalg.cholesky(S)
    std = L.diagonal()
    unit = L / std
    surprise = np.linalg.inv(unit) @ (X - mu).T
    log_cond = (
        -0.5 * np.log(2 * np.pi) - np.log(std)[:, None] - surprise**2 / (2 * std[:, None] ** 2)
    )
    return (surprise / std[:, None]).T, np.sum(np.log(std)), log_cond.T


# ── optimal_logit ─────────────────────────────────────────────────────────────────────────────


@wrong("is positive where fakes are likelier", caught_by="test_log_ratio")
def optimal_logit__negated(x, m1, s1, m2, s2):
    normal = torch.distributions.Normal
    return normal(m2, s2).log_prob(x) - normal(m1, s1).log_prob(x)


@wrong("leaves out the logarithms of the widths", caught_by="test_best")
def optimal_logit__no_log_sigma(x, m1, s1, m2, s2):
    return 0.5 * ((x - m2) / s2) ** 2 - 0.5 * ((x - m1) / s1) ** 2


@wrong("loses the factor 1/2 of the squares", caught_by="test_equal_widths")
def optimal_logit__no_half(x, m1, s1, m2, s2):
    return ((x - m2) / s2) ** 2 - ((x - m1) / s1) ** 2 + math.log(s2 / s1)


@wrong("returns the probability", caught_by="test_value_of_the_game")
def optimal_logit__probability(x, m1, s1, m2, s2):
    normal = torch.distributions.Normal
    return torch.sigmoid(normal(m1, s1).log_prob(x) - normal(m2, s2).log_prob(x))


@wrong("takes the widths for variances", caught_by="test_log_ratio")
def optimal_logit__variances(x, m1, s1, m2, s2):
    normal = torch.distributions.Normal
    return normal(m1, s1**0.5).log_prob(x) - normal(m2, s2**0.5).log_prob(x)


@wrong("takes the logarithm of densities that are stored as 0", caught_by="test_far_away")
def optimal_logit__naive(x, m1, s1, m2, s2):
    p = torch.exp(-0.5 * ((x - m1) / s1) ** 2) / s1 + 1e-300
    q = torch.exp(-0.5 * ((x - m2) / s2) ** 2) / s2 + 1e-300
    return torch.log(p / q)


@wrong("returns half the logarithm of the ratio", caught_by="test_best")
def optimal_logit__half(x, m1, s1, m2, s2):
    normal = torch.distributions.Normal
    return 0.5 * (normal(m1, s1).log_prob(x) - normal(m2, s2).log_prob(x))


@wrong("returns the log-density of the real samples only", caught_by="test_equal_widths")
def optimal_logit__real_only(x, m1, s1, m2, s2):
    return torch.distributions.Normal(m1, s1).log_prob(x)


@wrong("has the logarithms of the widths with the wrong sign", caught_by="test_log_ratio")
def optimal_logit__log_sigma_sign(x, m1, s1, m2, s2):
    return 0.5 * ((x - m2) / s2) ** 2 - 0.5 * ((x - m1) / s1) ** 2 + math.log(s1 / s2)


@wrong("returns the bounded score D - 1/2", caught_by="test_value_of_the_game")
def optimal_logit__score(x, m1, s1, m2, s2):
    normal = torch.distributions.Normal
    return torch.sigmoid(normal(m1, s1).log_prob(x) - normal(m2, s2).log_prob(x)) - 0.5


@right("through torch.distributions")
def optimal_logit__distributions(x, m1, s1, m2, s2):
    normal = torch.distributions.Normal
    return normal(m1, s1).log_prob(x) - normal(m2, s2).log_prob(x)


@right("as a quadratic polynomial")
def optimal_logit__polynomial(x, m1, s1, m2, s2):
    a = 0.5 / s2**2 - 0.5 / s1**2
    b = m1 / s1**2 - m2 / s2**2
    c = 0.5 * m2**2 / s2**2 - 0.5 * m1**2 / s1**2 + math.log(s2 / s1)
    return a * x * x + b * x + c


@right("in numpy, one point after the other")
def optimal_logit__loop(x, m1, s1, m2, s2):
    out = []
    for value in x.tolist():
        p = -((value - m1) ** 2) / (2 * s1**2) - math.log(s1 * math.sqrt(2 * math.pi))
        q = -((value - m2) ** 2) / (2 * s2**2) - math.log(s2 * math.sqrt(2 * math.pi))
        out.append(p - q)
    return torch.from_numpy(np.array(out))


@right("in float32")
def optimal_logit__float32(x, m1, s1, m2, s2):
    x = x.float()
    return (x - m2) ** 2 / (2 * s2**2) - (x - m1) ** 2 / (2 * s1**2) + math.log(s2) - math.log(s1)


# ── nce_as_discriminator ──────────────────────────────────────────────────────────────────────


@wrong("corrects for unequal numbers by log(m/n)", caught_by="test_definition")
def nce_as_discriminator__log_nu(lm_d, ln_d, lm_n, ln_n):
    log_nu = math.log(len(lm_n) / len(lm_d))
    return F.softplus(-(lm_d - ln_d - log_nu)).mean() + F.softplus(lm_n - ln_n - log_nu).mean()


@wrong("has the ratio upside down", caught_by="test_gradient")
def nce_as_discriminator__inverted(lm_d, ln_d, lm_n, ln_n):
    return F.softplus(lm_d - ln_d).mean() + F.softplus(ln_n - lm_n).mean()


@wrong("has no term for the noise", caught_by="test_normaliser")
def nce_as_discriminator__data_only(lm_d, ln_d, lm_n, ln_n):
    return F.softplus(ln_d - lm_d).mean() + 0 * lm_n.sum()


@wrong(
    "feeds the model's log-densities as logits, without the noise's", caught_by="test_definition"
)
def nce_as_discriminator__no_noise_density(lm_d, ln_d, lm_n, ln_n):
    return F.softplus(-lm_d).mean() + F.softplus(lm_n).mean()


@wrong("averages over data and noise together", caught_by="test_definition")
def nce_as_discriminator__one_mean(lm_d, ln_d, lm_n, ln_n):
    return torch.cat([F.softplus(ln_d - lm_d), F.softplus(lm_n - ln_n)]).mean()


@wrong("adds up the samples instead of averaging", caught_by="test_gradient")
def nce_as_discriminator__sums(lm_d, ln_d, lm_n, ln_n):
    return F.softplus(ln_d - lm_d).sum() + F.softplus(lm_n - ln_n).sum()


@wrong("takes logarithms of probabilities, guarded by a small number", caught_by="test_extremes")
def nce_as_discriminator__naive(lm_d, ln_d, lm_n, ln_n):
    real, fake = torch.sigmoid(lm_d - ln_d), torch.sigmoid(lm_n - ln_n)
    return -torch.log(real + 1e-8).mean() - torch.log(1 - fake + 1e-8).mean()


@wrong("returns what is to be maximised", caught_by="test_normaliser")
def nce_as_discriminator__negated(lm_d, ln_d, lm_n, ln_n):
    return F.logsigmoid(lm_d - ln_d).mean() + F.logsigmoid(ln_n - lm_n).mean()


@wrong("halves the sum of the two means", caught_by="test_definition")
def nce_as_discriminator__halved(lm_d, ln_d, lm_n, ln_n):
    return (F.softplus(ln_d - lm_d).mean() + F.softplus(lm_n - ln_n).mean()) / 2


@wrong("compares means of the logits, as a critic does", caught_by="test_extremes")
def nce_as_discriminator__critic(lm_d, ln_d, lm_n, ln_n):
    return (lm_n - ln_n).mean() - (lm_d - ln_d).mean()


@right("through the library's cross-entropy with labels")
def nce_as_discriminator__bce(lm_d, ln_d, lm_n, ln_n):
    real, fake = lm_d - ln_d, lm_n - ln_n
    bce = F.binary_cross_entropy_with_logits
    return bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))


@right("with logsigmoid, one sample after the other")
def nce_as_discriminator__loop(lm_d, ln_d, lm_n, ln_n):
    loss = torch.zeros((), dtype=lm_d.dtype)
    for model, noise in zip(lm_d, ln_d, strict=True):
        loss = loss - F.logsigmoid(model - noise) / len(lm_d)
    for model, noise in zip(lm_n, ln_n, strict=True):
        loss = loss - F.logsigmoid(noise - model) / len(lm_n)
    return loss


@right("with logaddexp of the two log-densities")
def nce_as_discriminator__logaddexp(lm_d, ln_d, lm_n, ln_n):
    data = torch.logaddexp(lm_d, ln_d) - lm_d
    noise = torch.logaddexp(lm_n, ln_n) - ln_n
    return data.mean() + noise.mean()


# ── one_thread_table ──────────────────────────────────────────────────────────────────────────


@wrong("divides the covariance by N - 1", caught_by="test_gaussian")
def one_thread_table__ddof_1(X):
    mu, S = X.mean(axis=0), np.cov(X.T, ddof=1)
    D, Xc = len(mu), X - X.mean(axis=0)
    distance = (Xc @ np.linalg.inv(S) * Xc).sum(axis=1)
    ll = float(np.mean(-0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + distance)))
    names = ("gaussian", "ppca", "linear_vae", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {"diffusion": float(pfode_loglik(X, mu, S).mean())}


@wrong("computes one number and copies it to all seven", caught_by="test_own_path")
def one_thread_table__copied(X):
    S, D = np.cov(X.T, ddof=0), X.shape[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + D))
    names = ("gaussian", "ppca", "linear_vae", "diffusion", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll)


@wrong("solves the flow in time and copies its number to all seven", caught_by="test_own_path")
def one_thread_table__copied_diffusion(X):
    ll = float(pfode_loglik(X, X.mean(axis=0), np.cov(X.T, ddof=0)).mean())
    names = ("gaussian", "ppca", "linear_vae", "diffusion", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll)


@wrong("keeps D - 2 directions in pPCA", caught_by="test_ppca")
def one_thread_table__two_left_out(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    lam = np.linalg.eigvalsh(S)
    s2 = lam[:2].mean()
    ppca = -0.5 * (D * np.log(2 * np.pi) + 2 * np.log(s2) + np.log(lam[2:]).sum() + D)
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.log(lam).sum() + D))
    names = ("gaussian", "linear_vae", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {
        "ppca": float(ppca),
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong("does not subtract the noise from the variances in pPCA's W", caught_by="test_ppca")
def one_thread_table__w_without_noise(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    lam, U = np.linalg.eigh(S)
    W = U[:, 1:] * np.sqrt(lam[1:])
    C = W @ W.T + lam[0] * np.eye(D)
    trace = np.trace(np.linalg.solve(C, S))
    ppca = -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + trace)
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.log(lam).sum() + D))
    names = ("gaussian", "linear_vae", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {
        "ppca": float(ppca),
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong(
    "encodes with the variance of the noise, so that the bound is loose",
    caught_by="test_linear_vae",
)
def one_thread_table__loose_encoder(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    lam, U = np.linalg.eigh(S)
    W = U[:, 1:] * np.sqrt(lam[1:] - lam[0])
    V, d = W.T / lam[1:, None], np.full(D - 1, lam[0])
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.log(lam).sum() + D))
    names = ("gaussian", "ppca", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {
        "linear_vae": float(linear_vae_elbo(X, W, mu, lam[0], V, d).mean()),
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong(
    "projects in the VAE's encoder, without the posterior's shrinkage", caught_by="test_linear_vae"
)
def one_thread_table__pca_encoder(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    lam, U = np.linalg.eigh(S)
    W = U[:, 1:] * np.sqrt(lam[1:] - lam[0])
    V, d = np.linalg.pinv(W), lam[0] / lam[1:]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.log(lam).sum() + D))
    names = ("gaussian", "ppca", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {
        "linear_vae": float(linear_vae_elbo(X, W, mu, lam[0], V, d).mean()),
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong("adds the flow's log-determinant", caught_by="test_flow")
def one_thread_table__flow_sign(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    log_det = np.linalg.slogdet(S)[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + log_det + D))
    names = ("gaussian", "ppca", "linear_vae", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {
        "flow": float(ll + log_det),
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong("takes the log-determinant of the covariance for that of the flow", caught_by="test_flow")
def one_thread_table__flow_twice(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    log_det = np.linalg.slogdet(S)[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + log_det + D))
    names = ("gaussian", "ppca", "linear_vae", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {
        "flow": float(-0.5 * (D * np.log(2 * np.pi) + D) - log_det),
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong("multiplies marginals where conditionals belong", caught_by="test_autoregressive")
def one_thread_table__marginals(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + D))
    names = ("gaussian", "ppca", "linear_vae", "flow", "ebm")
    return dict.fromkeys(names, ll) | {
        "autoregressive": float(-0.5 * (np.log(2 * np.pi * np.diag(S)) + 1).sum()),
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong("averages the conditionals over the coordinates", caught_by="test_autoregressive")
def one_thread_table__mean_conditional(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + D))
    names = ("gaussian", "ppca", "linear_vae", "flow", "ebm")
    return dict.fromkeys(names, ll) | {
        "autoregressive": float(ar_triangular_flow(X, mu, S)[2].mean()),
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong("returns minus the energy without a normaliser", caught_by="test_ebm")
def one_thread_table__no_log_z(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + D))
    names = ("gaussian", "ppca", "linear_vae", "flow", "autoregressive")
    return dict.fromkeys(names, ll) | {
        "ebm": -D / 2,
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong(
    "normalises the EBM by the precision's determinant with the wrong sign", caught_by="test_ebm"
)
def one_thread_table__log_z_sign(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    log_det = np.linalg.slogdet(S)[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + log_det + D))
    log_z = 0.5 * (D * np.log(2 * np.pi) - log_det)
    names = ("gaussian", "ppca", "linear_vae", "flow", "autoregressive")
    return dict.fromkeys(names, ll) | {
        "ebm": float(-D / 2 - log_z),
        "diffusion": float(pfode_loglik(X, mu, S).mean()),
    }


@wrong("leaves the change of volume out of the diffusion's number", caught_by="test_diffusion")
def one_thread_table__no_volume(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    log_det = np.linalg.slogdet(S)[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + log_det + D))
    kept = np.exp(-5.05)
    end = np.linalg.slogdet(kept * S + (1 - kept) * np.eye(D))[1]
    volume = 0.5 * (end - log_det)
    names = ("gaussian", "ppca", "linear_vae", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {"diffusion": float(pfode_loglik(X, mu, S).mean() - volume)}


@wrong("adds up over the samples instead of averaging", caught_by="test_row")
def one_thread_table__totals(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    ll = float(-0.5 * len(X) * (D * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + D))
    names = ("gaussian", "ppca", "linear_vae", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {"diffusion": float(pfode_loglik(X, mu, S).sum())}


@wrong("fits every family to standardised data", caught_by="test_row")
def one_thread_table__standardised(X):
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + D))
    names = ("gaussian", "ppca", "linear_vae", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {"diffusion": float(pfode_loglik(X, mu, S).mean())}


@wrong("divides by the number of coordinates, too", caught_by="test_gaussian")
def one_thread_table__per_dimension(X):
    mu, S, D = X.mean(axis=0), np.cov(X.T, ddof=0), X.shape[1]
    ll = float(-0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + D) / D)
    names = ("gaussian", "ppca", "linear_vae", "flow", "autoregressive", "ebm")
    return dict.fromkeys(names, ll) | {"diffusion": float(pfode_loglik(X, mu, S).mean() / D)}


@right("scipy and textbook formulas, the last two coordinates of pPCA through its covariance")
def one_thread_table__scipy(X):
    from scipy.stats import multivariate_normal, norm

    N, D = X.shape
    mu, S = X.mean(axis=0), np.cov(X.T, ddof=0)
    lam, U = np.linalg.eigh(S)
    W = U[:, :0:-1] * np.sqrt(lam[:0:-1] - lam[0])
    C = W @ W.T + lam[0] * np.eye(D)
    V, d = W.T / lam[:0:-1, None], lam[0] / lam[:0:-1]
    z = (X - mu) @ U / np.sqrt(lam)
    energy = 0.5 * np.einsum("ni,ij,nj->n", X - mu, np.linalg.inv(S), X - mu)
    return {
        "gaussian": multivariate_normal(mu, S).logpdf(X).mean(),
        "ppca": multivariate_normal(mu, C).logpdf(X).mean(),
        "linear_vae": linear_vae_elbo(X, W, mu, lam[0], V, d).mean(),
        "diffusion": pfode_loglik(X, mu, S).mean(),
        "flow": norm.logpdf(z).sum(axis=1).mean() - 0.5 * np.log(lam).sum(),
        "autoregressive": ar_triangular_flow(X, mu, S)[2].sum() / N,
        "ebm": -energy.mean() - 0.5 * np.linalg.slogdet(2 * np.pi * S)[1],
    }


@right("regressions for the conditionals, everything written out anew")
def one_thread_table__written_out(X):
    N, D = X.shape
    mu = X.sum(axis=0) / N
    Xc = X - mu
    S = sum(np.outer(x, x) for x in Xc) / N
    half = D / 2 * math.log(2 * math.pi)
    out = {"gaussian": -half - 0.5 * np.log(np.linalg.eigvalsh(S)).sum() - D / 2}
    _, singular, Vt = np.linalg.svd(Xc, full_matrices=False)
    lam = singular**2 / N
    W, s2 = Vt[:-1].T * np.sqrt(lam[:-1] - lam[-1]), lam[-1]
    C = W @ W.T + s2 * np.eye(D)
    trace = np.trace(np.linalg.inv(C) @ S)
    out["ppca"] = -half - 0.5 * np.linalg.slogdet(C)[1] - 0.5 * trace
    m = Xc @ W / lam[:-1]
    var = s2 / lam[:-1]
    rec = ((Xc - m @ W.T) ** 2).sum(axis=1).mean() + (W**2 * var).sum()
    kl = 0.5 * ((m**2).mean(axis=0) + var - 1 - np.log(var)).sum()
    out["linear_vae"] = -D / 2 * math.log(2 * math.pi * s2) - rec / (2 * s2) - kl
    out["diffusion"] = np.mean(pfode_loglik(X, mu, S))
    L = np.linalg.cholesky(S)
    z = np.linalg.inv(L) @ Xc.T
    out["flow"] = -half - 0.5 * (z**2).sum() / N - np.log(np.diag(L)).sum()
    out["autoregressive"] = 0.0
    for i in range(D):
        weights = np.linalg.lstsq(Xc[:, :i], Xc[:, i], rcond=None)[0] if i else np.zeros(0)
        residual = Xc[:, i] - Xc[:, :i] @ weights
        out["autoregressive"] -= 0.5 * (math.log(2 * math.pi * (residual @ residual) / N) + 1)
    P = np.linalg.inv(S)
    log_z = half - 0.5 * np.linalg.slogdet(P)[1]
    out["ebm"] = -0.5 * np.trace(P @ S) - log_z
    return {key: float(value) for key, value in out.items()}


@right("in torch, with its distributions")
def one_thread_table__torch(X):
    x = torch.tensor(X, dtype=torch.float64)
    mu, D = x.mean(0), x.shape[1]
    S = torch.cov(x.T, correction=0)
    lam, U = torch.linalg.eigh(S)
    normal = torch.distributions.MultivariateNormal
    W = U[:, 1:] * (lam[1:] - lam[0]).sqrt()
    low_rank = torch.distributions.LowRankMultivariateNormal(mu, W, lam[0].expand(D))
    L = torch.linalg.cholesky(S)
    z = torch.linalg.solve_triangular(L, (x - mu).T, upper=False).T
    standard = torch.distributions.Normal(torch.zeros(D).double(), torch.ones(D).double())
    affine = torch.distributions.AffineTransform(0.0, 1.0)
    P = torch.cholesky_inverse(L)
    energy = 0.5 * (((x - mu) @ P) * (x - mu)).sum(1)
    args = W.numpy(), mu.numpy(), lam[0].item(), (W / lam[1:]).T.numpy(), (lam[0] / lam[1:]).numpy()
    rows = {
        "gaussian": normal(mu, S).log_prob(x),
        "ppca": low_rank.log_prob(x),
        "linear_vae": torch.from_numpy(linear_vae_elbo(X, *args)),
        "diffusion": torch.from_numpy(pfode_loglik(X, mu.numpy(), S.numpy())),
        "flow": standard.log_prob(affine(z)).sum(1) - L.diagonal().log().sum(),
        "autoregressive": torch.from_numpy(ar_triangular_flow(X, mu.numpy(), S.numpy())[2]).sum(1),
        "ebm": -energy - 0.5 * torch.logdet(2 * math.pi * S),
    }
    return {key: value.mean().item() for key, value in rows.items()}


@right("traces of the moments instead of means over samples, where a family allows it")
def one_thread_table__moments(X):
    N, D = X.shape
    mu = np.mean(X, axis=0)
    S = np.einsum("ni,nj->ij", X - mu, X - mu) / N
    lam, U = np.linalg.eigh(S)
    order = np.argsort(lam)[::-1]
    lam, U, c = lam[order], U[:, order], np.log(2 * np.pi)
    s2, k = lam[-1], D - 1
    W = U[:, :k] @ np.diag(np.sqrt(lam[:k] - s2))
    M_inverse = np.linalg.inv(W.T @ W + s2 * np.eye(k))
    C_inverse = (np.eye(D) - W @ M_inverse @ W.T) / s2
    log_det_c = (D - k) * np.log(s2) - np.linalg.slogdet(M_inverse)[1]
    A = U * np.sqrt(lam)
    A_inverse = np.linalg.inv(A)
    z_moment = A_inverse @ S @ A_inverse.T
    L = np.linalg.cholesky(S)
    P = np.linalg.solve(S, np.eye(D))
    elbo = linear_vae_elbo(X, W, mu, s2, M_inverse @ W.T, s2 * np.diag(M_inverse))
    return {
        "ebm": float(
            -np.trace(P @ S) / 2 - D * c / 2 + np.log(np.diag(np.linalg.cholesky(P))).sum()
        ),
        "autoregressive": float(-sum(np.log(L[i, i]) + (c + 1) / 2 for i in range(D))),
        "flow": float(-0.5 * (D * c + np.trace(z_moment)) - np.linalg.slogdet(A)[1]),
        "diffusion": float(sum(pfode_loglik(X, mu, S)) / N),
        "linear_vae": float(sum(elbo) / N),
        "ppca": float(-0.5 * (D * c + log_det_c + np.trace(C_inverse @ S))),
        "gaussian": float(
            -0.5 * (D * c + np.linalg.slogdet(S)[1] + np.trace(np.linalg.solve(S, S)))
        ),
    }
