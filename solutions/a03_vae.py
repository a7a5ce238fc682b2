"""Reference answers of chapter 3: variational autoencoders."""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def gaussian_logprob(x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Return log N(x; mu, diag exp(logvar)) of each sample, in nats.

    Shapes: `x`, `mu`, `logvar` (B, D); returns (B,), the sum over the D coordinates.
    Convention: `logvar` is log sigma^2, any number from -12 to 50. Every term counts, the constant
    with 2 pi too.
    Must stay finite where the density itself underflows (x forty sigma from mu), and be
    differentiable in all three arguments.
    """
    ### BEGIN SOLUTION
    squared = (x - mu) ** 2 * torch.exp(-logvar)
    return -0.5 * (math.log(2 * math.pi) + logvar + squared).sum(dim=1)
    ### END SOLUTION


def bernoulli_logprob(x: Tensor, logits: Tensor) -> Tensor:
    """Return sum_j [x_j log p_j + (1 - x_j) log(1 - p_j)] of each sample, p = sigmoid(logits).

    Shapes: `x`, `logits` (B, D); returns (B,), in nats.
    `x` holds values in [0, 1]: binary pixels, or grey ones used as they are.
    Must be exact for logits of any size (-800, 800), and differentiable in `logits` there. At a
    logit of exactly 0 its slope is not looked at.
    """
    ### BEGIN SOLUTION
    return (x * logits - F.softplus(logits)).sum(dim=1)
    ### END SOLUTION


def kl_standard(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return KL(N(mu, diag exp(logvar)) || N(0, I)) of each sample, in nats.

    Shapes: `mu`, `logvar` (B, d); returns (B,), the sum over the d latent coordinates.
    Closed form, no sampling; differentiable in both arguments.
    """
    ### BEGIN SOLUTION
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)
    ### END SOLUTION


def kl_two_gaussians(mq: Tensor, lq: Tensor, mp: Tensor, lp: Tensor) -> Tensor:
    """Return KL(q || p) of each sample, in nats, for two diagonal Gaussians.

    q = N(mq, diag exp(lq)) and p = N(mp, diag exp(lp)): the order matters. Log-variances are any
    numbers from -12 to 50.
    Shapes: all four (B, d); returns (B,), the sum over the d coordinates.
    Closed form, no sampling; differentiable in all four arguments.
    """
    ### BEGIN SOLUTION
    ratio = torch.exp(lq - lp)
    shift = (mq - mp) ** 2 * torch.exp(-lp)
    return 0.5 * (lp - lq + ratio + shift - 1).sum(dim=1)
    ### END SOLUTION


def pathwise_grad(
    f: Callable[[np.ndarray], np.ndarray],
    df: Callable[[np.ndarray], np.ndarray],
    mu: float,
    s: float,
    eps: np.ndarray,
) -> np.ndarray:
    """Return the pathwise estimates of the gradient of E[f(z)], z ~ N(mu, s^2).

    `f` and its derivative `df` map an array (n,) to an array (n,), elementwise.
    `mu`, `s` are numbers; `s` > 0 is the standard deviation. `eps` (n,) is standard normal noise.
    Returns (2, n), numpy: row 0 estimates d/dmu, row 1 estimates d/ds, with one
    column per noise value; nothing is averaged.
    """
    ### BEGIN SOLUTION
    z = mu + s * eps
    return np.stack([df(z), df(z) * eps])
    ### END SOLUTION


def score_function_grad(
    f: Callable[[np.ndarray], np.ndarray],
    df: Callable[[np.ndarray], np.ndarray],
    mu: float,
    s: float,
    eps: np.ndarray,
) -> np.ndarray:
    """Return the score-function estimates of the gradient of E[f(z)], z ~ N(mu, s^2).

    Arguments and result as in `pathwise_grad`: (2, n), row 0 for d/dmu, row 1 for d/ds,
    one column per noise value, nothing averaged, no baseline subtracted.
    `df` is there so that both estimators are called alike; this one must not need it.
    """
    ### BEGIN SOLUTION
    z = mu + s * eps
    return np.stack([f(z) * eps / s, f(z) * (eps**2 - 1) / s])
    ### END SOLUTION


def reparameterize(mu: Tensor, logvar: Tensor, eps: Tensor) -> Tensor:
    """Return z ~ N(mu, diag exp(logvar)) as a deterministic function of the given noise.

    Shapes: `mu`, `logvar` (B, d); `eps` (B, d), or (K, B, d) for K draws per sample;
    returns the shape of `eps`. `eps` is standard normal, drawn by the caller.
    Differentiable in `mu` and `logvar`; no argument is changed; log-variances of any
    size are used as they are (no clamping).
    """
    ### BEGIN SOLUTION
    sigma = torch.exp(0.5 * logvar)
    return mu + sigma * eps
    ### END SOLUTION


def sample_z(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one z ~ N(mu, diag exp(logvar)) for each sample, independent in every entry.

    Shapes: `mu`, `logvar` (B, d); returns (B, d).
    All randomness comes from `generator` itself: the same seed gives the same draw, a second call
    goes on in its stream, and the global generator is left alone. Gradients with respect to `mu`
    and `logvar` flow through the draw.
    """
    ### BEGIN SOLUTION
    eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return reparameterize(mu, logvar, eps)
    ### END SOLUTION


def negative_elbo(
    x: Tensor, logits: Tensor, mu: Tensor, logvar: Tensor, beta: float = 1.0
) -> dict[str, Tensor]:
    """Return the one-sample estimate of the negative ELBO and its two parts, in nats.

    Shapes: `x` (B, D) in [0, 1]; `logits` (B, D), decoded from one z per sample;
    `mu`, `logvar` (B, d) of q(z|x); the prior is N(0, I).
    Returns a dict of scalars: `rec`, the reconstruction cost -log p(x|z) under Bernoulli pixels;
    `kl`, the KL of q to the prior; `loss`, to minimise, in which the KL has weight `beta`.
    `rec` and `kl` are sums over features, means over the batch; `kl` is reported without `beta`.
    """
    ### BEGIN SOLUTION
    rec = -bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}
    ### END SOLUTION


def iwae_bound(log_w: Tensor) -> Tensor:
    """Return the K-sample importance-weighted bound on log p(x) of each sample, in nats.

    `log_w` (K, B): log w_k = log p(x, z_k) - log q(z_k|x), with z_k ~ q(z|x).
    Returns (B,): the logarithm of the mean of the K weights.
    Must stay finite where every weight underflows (log w = -2000), or lies thousands of nats from
    another, and be differentiable.
    """
    ### BEGIN SOLUTION
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])
    ### END SOLUTION


def active_units(mu: Tensor, threshold: float) -> int:
    """Count the latent coordinates whose posterior mean moves with the data.

    `mu` (N, d): the posterior mean of each of N data points. A coordinate is active when the
    variance of its column, with divisor N (ddof = 0), is strictly greater than `threshold`.
    No column's mean is more than some thousand times its deviation.
    Returns a Python int between 0 and d.
    """
    ### BEGIN SOLUTION
    variance = mu.var(dim=0, correction=0)
    return int((variance > threshold).sum())
    ### END SOLUTION


def log_normal_mixture(z: Tensor, m: Tensor, v: Tensor) -> Tensor:
    """Return log (1/K) sum_k N(z; m_k, diag v_k) of each sample, in nats.

    Shapes: `z` (B, d); `m`, `v` (B, K, d), a mixture for each sample, or (1, K, d), one for all;
    returns (B,). `v` holds variances, not their logarithms; the K weights are equal.
    Must stay finite far from every component (z = m + 200), for variances as small as 1e-5 too,
    and be differentiable.
    """
    ### BEGIN SOLUTION
    squared = (z[:, None, :] - m) ** 2 / v
    log_n = -0.5 * (math.log(2 * math.pi) + torch.log(v) + squared).sum(dim=2)
    return torch.logsumexp(log_n, dim=1) - math.log(m.shape[1])
    ### END SOLUTION
