"""Reference answers of chapter 10: energy-based models."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def energy_score(E: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the score -grad E(x) of p(x) = exp(-E(x)) / Z, sample by sample.

    `E` maps (B, D) to (B,): the energy of each sample, which depends on that sample alone.
    `x` (B, D); returns (B, D), values only (no graph is needed).
    Nothing is touched: `x` keeps its values, its `requires_grad` and its `.grad`, and no gradient
    is added to the `.grad` of parameters inside `E`.
    """
    ### BEGIN SOLUTION
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(E(x).sum(), x)
    return -gradient
    ### END SOLUTION


def langevin_step(x: Tensor, score: Tensor, step: float, noise: Tensor) -> Tensor:
    """Return x after one step of the unadjusted Langevin algorithm with step size `step` > 0.

    Shapes: `x`, `score`, `noise` and the result are equal, of any rank.
    `score` holds the values of grad log p at `x`; `noise` is standard normal, drawn by the caller.
    Convention: the step's noise has variance 2 * step. No argument is changed.
    """
    ### BEGIN SOLUTION
    return x + step * score + math.sqrt(2 * step) * noise
    ### END SOLUTION


def langevin_sample(
    E: Callable[[Tensor], Tensor], x0: Tensor, step: float, n: int, generator: torch.Generator
) -> Tensor:
    """Run n Langevin steps on the energy E from each row of `x0`; return the last states.

    `E` maps (B, D) to (B,); `x0` (B, D): B chains, independent of each other; returns (B, D).
    Every step of every chain and coordinate has fresh standard normal noise, drawn from
    `generator` itself: a second call goes on in its stream, the global generator is left alone.
    With n = 0 the chains are still at `x0`.
    `x0` and the `.grad` of parameters inside `E` are left as they are.
    """
    ### BEGIN SOLUTION
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x
    ### END SOLUTION


def log_partition_1d(E: Callable[[Tensor], Tensor], grid: Tensor) -> Tensor:
    """Return log Z, Z = integral of exp(-E(x)) dx, for scalar x: a sum over an even grid.

    `E` maps (n, 1) to (n,). `grid` (n,): evenly spaced and increasing, so wide that exp(-E) is
    negligible at its ends. Returns a scalar tensor ().
    Must be exact where exp(-E) overflows or underflows (energies near -3000 or 3000, all of them or
    some), and differentiable in the parameters of `E`.
    """
    ### BEGIN SOLUTION
    dx = grid[1] - grid[0]
    return torch.logsumexp(-E(grid[:, None]), dim=0) + torch.log(dx)
    ### END SOLUTION


def contrastive_divergence(E: Callable[[Tensor], Tensor], x: Tensor, xneg: Tensor) -> Tensor:
    """Return the loss whose gradient estimates that of the negative log-likelihood: a scalar.

    `E` maps (B, D) to (B,). `x` (B, D): data; `xneg` (M, D): samples of the model, "negatives";
    B and M may differ. To be minimised.
    Gradients reach the parameters of `E` through both terms, and never flow into `xneg`, even
    where `xneg` carries a graph.
    """
    ### BEGIN SOLUTION
    return E(x).mean() - E(xneg.detach()).mean()
    ### END SOLUTION


def score_matching_energy(E: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the implicit score matching loss of an energy on a batch: a scalar, to be minimised.

    `E` maps (B, D) to (B,), twice differentiable; `x` (B, D): data.
    The loss of a sample is half the squared length of grad E minus the Laplacian of E, the sum of
    its D second derivatives; the result is the mean over the batch. Exact, no random probes.
    Differentiable in the parameters of `E`.
    """
    ### BEGIN SOLUTION
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    laplacian = torch.zeros_like(gradient[:, 0])
    for j in range(x.shape[1]):
        (row,) = torch.autograd.grad(gradient[:, j].sum(), x, create_graph=True)
        laplacian = laplacian + row[:, j]
    return (0.5 * gradient.square().sum(dim=1) - laplacian).mean()
    ### END SOLUTION


def nce_loss(lm_d: Tensor, ln_d: Tensor, lm_n: Tensor, ln_n: Tensor, nu: int) -> Tensor:
    """Return the noise-contrastive loss: a scalar, to be minimised, in nats for each datum.

    `lm_d`, `ln_d` (B,): log-density of the model and of the noise at B data;
    `lm_n`, `ln_n` (nu * B,): the same two at nu * B noise samples, `nu` >= 1 for each datum.
    The loss is -[mean over data of log h + nu * mean over noise of log(1 - h)], where h is the
    probability that a point is a datum, given that data and noise come in proportion 1 : nu.
    Must be exact for log-density ratios of any size (-900, 0, 900), and differentiable there.
    """
    ### BEGIN SOLUTION
    logit_d = lm_d - ln_d - math.log(nu)
    logit_n = lm_n - ln_n - math.log(nu)
    return F.softplus(-logit_d).mean() + nu * F.softplus(logit_n).mean()
    ### END SOLUTION


def gelman_rubin(chains: Tensor) -> float:
    """Return R-hat of M chains of a scalar, n states each: about 1 where they have mixed.

    `chains` (M, n), M and n at least 2; the chains are used whole, not split.
    W: mean over the chains of their variances (ddof = 1). V: variance of the M chain
    means (ddof = 1). Exact also where the mean is 10^7 times the spread. Returns a Python float.
    Equation: R-hat = sqrt( ((n - 1)/n * W + V) / W ).
    """
    ### BEGIN SOLUTION
    n = chains.shape[1]
    within = chains.var(dim=1, correction=1).mean()
    between = chains.mean(dim=1).var(correction=1)
    return math.sqrt((n - 1) / n + between / within)
    ### END SOLUTION


def effective_sample_size(chain: Tensor) -> float:
    """Return the number of independent draws whose mean is as accurate as the mean of the chain.

    `chain` (n,): successive states of a scalar, not all equal; their mean may be 10^7 times their
    spread.
    Autocovariance at lag k, with m the mean: c_k = 1/n * sum over t of (x_t - m)(x_{t+k} - m),
    t = 0 ... n-1-k, divisor n at every lag; rho_k = c_k / c_0.
    The sum over lags stops before the first rho_k that is zero or negative. Returns a Python float.
    Equation: n / (1 + 2 * (rho_1 + rho_2 + ... + rho_K)).
    """
    ### BEGIN SOLUTION
    n = len(chain)
    centred = chain - chain.mean()
    variance = centred @ centred
    tau = 1.0
    for k in range(1, n):
        rho = float(centred[:-k] @ centred[k:] / variance)
        if rho <= 0:
            break
        tau += 2 * rho
    return n / tau
    ### END SOLUTION


def mala_log_accept(x: Tensor, y: Tensor, E: Callable[[Tensor], Tensor], h: float) -> Tensor:
    """Return the log of the Metropolis-Hastings ratio of a Langevin proposal, sample by sample.

    `x` (B, D): present states; `y` (B, D): proposals, drawn from q(y|x), the law of one Langevin
    step of size `h` > 0 from x. `E` maps (B, D) to (B,).
    Returns (B,); not cut off at 0: the caller accepts where log u < ratio.
    Equation: log [ p(y) q(x|y) / (p(x) q(y|x)) ].
    """
    ### BEGIN SOLUTION
    there = y - x - h * energy_score(E, x)
    back = x - y - h * energy_score(E, y)
    log_q = (there.square() - back.square()).sum(dim=1) / (4 * h)
    return E(x) - E(y) + log_q
    ### END SOLUTION


def rbm_free_energy(v: Tensor, W: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Return F(v) = -log sum_h exp(-E(v, h)) of a restricted Boltzmann machine, sample by sample.

    E(v, h) = -b.v - c.h - v.W h with binary hidden units, h in {0, 1}^m.
    Shapes: `v` (B, d), zeros and ones; `W` (d, m); `b` (d,); `c` (m,); returns (B,).
    Must be exact for inputs of any size to the hidden units (-900, 0, 900), and differentiable
    there.
    """
    ### BEGIN SOLUTION
    return -(v @ b) - F.softplus(v @ W + c).sum(dim=1)
    ### END SOLUTION


def gibbs_step(
    v: Tensor, W: Tensor, b: Tensor, c: Tensor, uh: Tensor, uv: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw h given v, then new visible units given h; return (new v, h), both of zeros and ones.

    Shapes: `v` (B, d), `W` (d, m), `b` (d,), `c` (m,) as in `rbm_free_energy`; `uh` (B, m) and
    `uv` (B, d) are uniform on [0, 1), drawn by the caller; returns ((B, d), (B, m)).
    Convention: a unit is 1 exactly where its uniform number is smaller than its probability.
    """
    ### BEGIN SOLUTION
    h = (uh < torch.sigmoid(v @ W + c)).to(v.dtype)
    new = (uv < torch.sigmoid(h @ W.T + b)).to(v.dtype)
    return new, h
    ### END SOLUTION


def is_log_partition(e: Tensor, logq: Tensor) -> Tensor:
    """Return the importance-sampling estimate of log Z from n samples of a proposal q: a scalar.

    `e` (n,): energies of the samples; `logq` (n,): log q at the samples.
    The estimate of Z, before the logarithm, is unbiased.
    Must be exact where weights overflow or underflow, all of them or some (energies and `logq`
    from -2000 to 2000).
    """
    ### BEGIN SOLUTION
    return torch.logsumexp(-e - logq, dim=0) - math.log(len(e))
    ### END SOLUTION
