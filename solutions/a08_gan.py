"""Reference answers of chapter 8: generative adversarial networks."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the discriminator's cross-entropy, to be minimised: a scalar, in nats.

    Shapes: `real_logits` (n,) or (n, 1), of n real samples; `fake_logits` (m,) or (m, 1), of m
    fakes. n and m may differ: each batch has its own mean; the two means are added, not halved.
    Convention: D = sigmoid(logit) is the probability of "real".
    Must be exact for logits of any size (-900, 900), and differentiable in both arguments there;
    at a logit of exactly 0 the slope is not looked at.
    Equation: -E_real[log D] - E_fake[log(1 - D)].
    """
    ### BEGIN SOLUTION
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    ### END SOLUTION


def optimal_discriminator(logp: Tensor, logq: Tensor) -> Tensor:
    """Return D*(x), the probability that x is real, where real and fake are equally frequent.

    `logp`, `logq` (B,): the log-densities log p(x) of the data and log q(x) of the fakes, at the
    same B points. Returns probabilities (B,), between 0 and 1.
    Must be exact where both densities underflow (log p = -2000) and where one is exp(800) times
    the other.
    """
    ### BEGIN SOLUTION
    return torch.sigmoid(logp - logq)
    ### END SOLUTION


def gan_value(p: Tensor, q: Tensor, D: Tensor, dx: float) -> Tensor:
    """Return the value of the game on a grid: the integral of p log D + q log(1 - D), in nats.

    Shapes: `p`, `q`, `D` (n,), the two densities and the discriminator's probabilities at n points
    of spacing `dx`; returns a scalar. Integrals are sums over the points times `dx`.
    Where a density is 0 its term is 0, also where the logarithm beside it is infinite; where a
    density is positive there, the value is minus infinity, or a number as good as that.
    """
    ### BEGIN SOLUTION
    return (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum() * dx
    ### END SOLUTION


def js_divergence(p: Tensor, q: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence of two probability tables, in nats.

    Shapes: `p`, `q` (K,), non-negative, each with sum 1; entries may be 0, in one or in both, and
    stay as they are. Returns a scalar: the divergence itself, not its square root.
    Equation: JS(p, q) = (1/2) KL(p || m) + (1/2) KL(q || m), with m the mean of p and q.
    """
    ### BEGIN SOLUTION
    m = 0.5 * (p + q)
    kl_p = (torch.xlogy(p, p) - torch.xlogy(p, m)).sum()
    kl_q = (torch.xlogy(q, q) - torch.xlogy(q, m)).sum()
    return 0.5 * kl_p + 0.5 * kl_q
    ### END SOLUTION


def generator_loss_saturating(fake_logits: Tensor) -> Tensor:
    """Return the generator's loss of the minimax game, to be minimised: a scalar, in nats.

    `fake_logits` (m,) or (m, 1): the discriminator's logits of m fakes. D = sigmoid(logit).
    Must be exact for logits of any size (-900, 900), and differentiable there.
    Equation: E_fake[log(1 - D)].
    """
    ### BEGIN SOLUTION
    return -F.softplus(fake_logits).mean()
    ### END SOLUTION


def generator_loss_nonsaturating(fake_logits: Tensor) -> Tensor:
    """Return the generator's non-saturating loss, to be minimised: a scalar, in nats.

    `fake_logits` (m,) or (m, 1): the discriminator's logits of m fakes. D = sigmoid(logit).
    Must be exact for logits of any size (-900, 900), and differentiable there.
    Equation: -E_fake[log D].
    """
    ### BEGIN SOLUTION
    return F.softplus(-fake_logits).mean()
    ### END SOLUTION


def discriminator_step(
    G: nn.Module,
    D: nn.Module,
    optG: torch.optim.Optimizer,
    optD: torch.optim.Optimizer,
    x: Tensor,
    z: Tensor,
) -> float:
    """Make one step of `optD` on `discriminator_loss`; return the loss before the step.

    `x` (n, ...): real samples. `z` (m, ...): noise; G(z) are the fakes. D returns logits.
    `optG` holds G's parameters, `optD` those of D. Either net may come with gradients left over
    from earlier steps: they must not count. Afterwards G's parameters are bit for bit what they
    were, and all parameters still require gradients; what is left in `.grad` is free.
    Returns a Python float.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        fake = G(z)
    loss = discriminator_loss(D(x), D(fake))
    optD.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()
    ### END SOLUTION


def generator_step(
    G: nn.Module,
    D: nn.Module,
    optG: torch.optim.Optimizer,
    optD: torch.optim.Optimizer,
    x: Tensor,
    z: Tensor,
) -> float:
    """Make one step of `optG` on `generator_loss_nonsaturating`; return the loss before the step.

    Arguments as in `discriminator_step`; `x` is there so that both steps are called alike.
    Either net may come with gradients left over from earlier steps: they must not count.
    Afterwards D's parameters are bit for bit what they were, and all parameters still require
    gradients; what is left in `.grad` is free. Returns a Python float.
    """
    ### BEGIN SOLUTION
    loss = generator_loss_nonsaturating(D(G(z)))
    optG.zero_grad()
    loss.backward()
    optG.step()
    return loss.item()
    ### END SOLUTION


def mode_coverage(samples: Tensor, centers: Tensor, radius: float) -> tuple[int, float]:
    """Return how many modes the samples cover, and the fraction of the samples that are good.

    Shapes: `samples` (N, D), `centers` (K, D), one row for each mode.
    A sample belongs to its nearest center. It is good when its Euclidean distance to that center is
    at most `radius`. A mode is covered when at least one good sample belongs to it.
    Returns (modes, good_fraction): a Python int from 0 to K, a Python float from 0 to 1.
    """
    ### BEGIN SOLUTION
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= radius
    return len(nearest[good].unique()), good.double().mean().item()
    ### END SOLUTION


def log_ratio_coeffs(m1: float, s1: float, m2: float, s2: float) -> tuple[float, float, float]:
    """Return (a, b, c) such that log p(x) - log q(x) = a x^2 + b x + c for two Gaussians.

    p = N(m1, s1^2) is the data, q = N(m2, s2^2) the fakes; `s1`, `s2` > 0 are standard deviations.
    Returns three floats, the coefficient of x^2 first: the logit of the optimal discriminator.
    """
    ### BEGIN SOLUTION
    a = 0.5 / s2**2 - 0.5 / s1**2
    b = m1 / s1**2 - m2 / s2**2
    c = 0.5 * (m2 / s2) ** 2 - 0.5 * (m1 / s1) ** 2 + math.log(s2 / s1)
    return a, b, c
    ### END SOLUTION
