"""Reference answers of chapter 9: Wasserstein GANs."""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn as nn
from scipy.optimize import linprog
from torch import Tensor


def parallel_lines(theta: float) -> dict[str, float]:
    """Compare two segments of the plane that are `theta` apart: the divergences and W1.

    p is uniform on {0} x [0, 1], q is uniform on {theta} x [0, 1]; `theta` is any real number.
    Returns a dict of floats: `js` = JS(p, q) and `kl` = KL(p || q), in nats (`math.inf` where it
    is infinite), and `w1` = W1(p, q), a length. Only theta = 0 itself makes p and q equal.
    """
    ### BEGIN SOLUTION
    apart = theta != 0
    return {
        "js": math.log(2) if apart else 0.0,
        "kl": math.inf if apart else 0.0,
        "w1": float(abs(theta)),
    }
    ### END SOLUTION


def w1_1d(x: np.ndarray, y: np.ndarray) -> float:
    """Return the Wasserstein-1 distance of two samples on the line.

    `x` (n,), `y` (m,): numbers in any order, repeated ones allowed, n and m at least 1 and
    not necessarily equal. Each x has weight 1/n, each y has weight 1/m.
    Returns W1 = inf over couplings of E|X - Y|, exactly; `x` and `y` stay as they are.
    """
    ### BEGIN SOLUTION
    points = np.sort(np.concatenate([x, y]))
    cdf_x = np.searchsorted(np.sort(x), points[:-1], side="right") / len(x)
    cdf_y = np.searchsorted(np.sort(y), points[:-1], side="right") / len(y)
    return float(np.sum(np.abs(cdf_x - cdf_y) * np.diff(points)))
    ### END SOLUTION


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return the loss that a critic minimises: minus its estimate of W1.

    `real` (B,) or (B, 1): scores D(x) of real samples; `fake` (M,) or (M, 1): scores of generated
    ones; B and M may differ. Scores are any real numbers, not logits.
    Returns a scalar: -(mean score of the real samples - mean score of the fake ones).
    Differentiable in both arguments.
    """
    ### BEGIN SOLUTION
    return fake.mean() - real.mean()
    ### END SOLUTION


def clip_weights(module: nn.Module, c: float) -> None:
    """Clip every entry of every parameter of `module` to [-c, c], in place.

    All parameters count, those of submodules, the biases and frozen ones too; entries that are
    inside stay as they are. The tensors stay the same objects (an optimizer holds them), their
    gradients and `requires_grad` unchanged; buffers are no parameters. Returns nothing.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.clamp_(-c, c)
    ### END SOLUTION


def lipschitz_lower_bound(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the largest gradient norm of the critic at the points `x`.

    `x` (B, ...): B points of any shape; `critic` maps them to scores, (B,) or (B, 1), each sample
    on its own. Returns a scalar: max_b ||grad_x D(x_b)||_2, the 2-norm over all entries of one
    sample. For reading only: the result needs no gradient. `x` and the critic's parameters stay
    as they are, `.grad` and `requires_grad` too.
    """
    ### BEGIN SOLUTION
    x = x.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x)
    return slope.flatten(1).norm(dim=1).max()
    ### END SOLUTION


def interpolate(xr: Tensor, xf: Tensor, alpha: Tensor) -> Tensor:
    """Return a point on the segment between each real sample and its fake partner.

    Shapes: `xr`, `xf` (B, ...), of any rank from 2 on; `alpha` (B,), values in [0, 1].
    Returns (B, ...): alpha_b xr_b + (1 - alpha_b) xf_b, one `alpha` for all of a sample,
    so that alpha = 1 is the real one. No argument is changed.
    """
    ### BEGIN SOLUTION
    weight = alpha.reshape(-1, *[1] * (xr.dim() - 1))
    return weight * xr + (1 - weight) * xf
    ### END SOLUTION


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], xr: Tensor, xf: Tensor, alpha: Tensor
) -> Tensor:
    """Return mean_b (||grad_x D(x_b)||_2 - 1)^2 at the interpolates of `xr` and `xf`.

    Shapes: `xr`, `xf` (B, ...), of any rank from 2 on; `alpha` (B,) as in `interpolate`.
    `critic` maps a batch to scores, (B,) or (B, 1), each sample on its own. The norm is the 2-norm
    over all entries of one sample. Returns a scalar, without the factor lambda.
    Differentiable in the critic's parameters, with finite gradients also where a slope is 0; their
    `.grad` and all arguments stay as they are.
    """
    ### BEGIN SOLUTION
    x = interpolate(xr, xf, alpha).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
    ### END SOLUTION


def ot_lp(a: np.ndarray, b: np.ndarray, C: np.ndarray) -> tuple[float, np.ndarray]:
    """Solve the transport problem min_P sum_ij P_ij C_ij exactly, as a linear programme.

    `a` (n,), `b` (m,): masses, not negative, each with sum 1; `C` (n, m): `C[i, j]` is the price of
    moving a unit from place i to place j. P is (n, m), not negative, with row sums `a` and column
    sums `b`. Returns the least total price and a plan P that attains it.
    """
    ### BEGIN SOLUTION
    n, m = C.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    found = linprog(
        C.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]), bounds=(0, None)
    )
    return float(found.fun), found.x.reshape(n, m)
    ### END SOLUTION


def kr_optimal_critic_1d(x: np.ndarray, y: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the values at `t` of a 1-Lipschitz function f with mean f(x) - mean f(y) = W1.

    `x` (n,), `y` (m,): two samples on the line, n and m not necessarily equal; `t` (k,): points in
    any order, inside and outside the range of the data. Returns f(t), (k,).
    f is free up to a constant, and free in its slope (between -1 and 1) where the two
    distribution functions agree; any valid choice is right.
    """
    ### BEGIN SOLUTION
    knots = np.sort(np.concatenate([x, y]))
    cdf_x = np.searchsorted(np.sort(x), knots[:-1], side="right") / len(x)
    cdf_y = np.searchsorted(np.sort(y), knots[:-1], side="right") / len(y)
    steps = np.sign(cdf_y - cdf_x) * np.diff(knots)
    heights = np.concatenate([[0.0], np.cumsum(steps)])
    return np.interp(t, knots, heights)
    ### END SOLUTION


def spectral_norm(W: Tensor, n: int, u: Tensor) -> Tensor:
    """Estimate the largest singular value of `W` by `n` steps of power iteration from `u`.

    `W` (m, k), `u` (m,), not zero and of any length, `n` at least 1. One step is
    v = W^T u / ||W^T u||, then u = W v / ||W v||. Returns the scalar u^T W v after the n-th step,
    with that step's u and v. The argument `u` stays as it is.
    """
    ### BEGIN SOLUTION
    for _ in range(n):
        v = W.T @ u
        v = v / v.norm()
        u = W @ v
        u = u / u.norm()
    return u @ W @ v
    ### END SOLUTION


def w2_gaussians_sq(m1: np.ndarray, S1: np.ndarray, m2: np.ndarray, S2: np.ndarray) -> float:
    """Return the squared Wasserstein-2 distance of N(m1, S1) and N(m2, S2).

    `m1`, `m2` (D,); `S1`, `S2` (D, D), symmetric and positive semidefinite: they may be singular
    and need not commute. Returns W2^2 = inf over couplings of E||X - Y||^2, in closed form.
    """

    ### BEGIN SOLUTION
    def root(S: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(S)
        return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T

    r1 = root(S1)
    overlap = np.trace(root(r1 @ S2 @ r1))
    return float(np.sum((m1 - m2) ** 2) + np.trace(S1) + np.trace(S2) - 2 * overlap)
    ### END SOLUTION
