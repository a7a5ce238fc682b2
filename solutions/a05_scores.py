"""Reference answers of chapter 5: scores and continuous time."""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def euler_maruyama(
    f: Callable[[Tensor, Tensor], Tensor],
    g: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    ts: Tensor,
    zs: Tensor,
) -> Tensor:
    """Follow dx = f(x, t) dt + g(x, t) dW from `x0` along the times `ts`; return the whole path.

    `f(x, t)` is the drift and `g(x, t)` the noise strength, numbers or tensors that broadcast
    against x; x has the shape of `x0` (any), t is a number, an entry of `ts`.
    `ts` (n+1,) holds the times, unevenly spaced if the caller likes, rising or falling.
    `zs` (n, *x0.shape) holds standard normal noise, `zs[i]` for the step from ts[i] to ts[i+1].
    Returns (n+1, *x0.shape); the first entry is `x0`. One step of length h = ts[i+1] - ts[i] adds
    f h and a noise of variance g^2 |h| for each entry; f and g are taken at its beginning.
    """
    ### BEGIN SOLUTION
    path = [x0]
    for t, t_next, z in zip(ts[:-1], ts[1:], zs, strict=True):
        x, h = path[-1], t_next - t
        path.append(x + f(x, t) * h + g(x, t) * h.abs().sqrt() * z)
    return torch.stack(path)
    ### END SOLUTION


def ou_moments(x0: Tensor, th: float, s: float, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of x(t) for dx = -th x dt + s dW that started at x(0) = x0.

    Shapes: `x0` (B,) starting points, known exactly; `t` (B,) times >= 0, one for each, however
    long (th t = 1500);
    `th` > 0 the rate and `s` > 0 the noise strength are numbers.
    Returns (mean, var), each (B,); the second is a variance, not a standard deviation.
    """
    ### BEGIN SOLUTION
    mean = x0 * torch.exp(-th * t)
    var = -(s**2) / (2 * th) * torch.expm1(-2 * th * t)
    return mean, var
    ### END SOLUTION


def gaussian_score(x: Tensor, mu: Tensor, S: Tensor) -> Tensor:
    """Return the gradient in x of log N(x; mu, S) at each of the points.

    Shapes: `x` (B, D), `mu` (D,), `S` (D, D), a covariance, not diagonal in general;
    returns (B, D).
    """
    ### BEGIN SOLUTION
    return -torch.linalg.solve(S, (x - mu).T).T
    ### END SOLUTION


def gmm_score(x: Tensor, pi: Tensor, mu: Tensor, s2: Tensor) -> Tensor:
    """Return the gradient in x of log sum_k pi_k N(x; mu_k, s2_k I) at each of the points.

    Shapes: `x` (B, D); `pi` (K,) positive weights with sum 1; `mu` (K, D); `s2` (K,) variances,
    one for each component, the same in all D directions; returns (B, D).
    Must stay exact far from every component (x = mu + 300), where all densities underflow.
    """
    ### BEGIN SOLUTION
    toward = mu - x[:, None, :]
    squared = (toward**2).sum(dim=2) / s2
    log_joint = torch.log(pi) - 0.5 * (x.shape[1] * torch.log(s2) + squared)
    responsibility = torch.softmax(log_joint, dim=1)
    return ((responsibility / s2)[:, :, None] * toward).sum(dim=1)
    ### END SOLUTION


def implicit_score_matching(score: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the implicit score matching loss, mean over the batch of tr(ds/dx) + |s|^2 / 2.

    `score` maps points (B, D) to vectors (B, D), each row by itself (no row looks at another);
    `x` (B, D) data. Returns a scalar.
    The trace is exact, that of the D x D Jacobian of each sample, no random estimate of it.
    Gradients of the loss must reach the parameters of `score`, through both terms.
    `x` is left as it was; it does not come to require a gradient.
    """
    ### BEGIN SOLUTION
    x = x.detach().clone().requires_grad_()
    s = score(x)
    trace = torch.zeros_like(s[:, 0])
    for i in range(x.shape[1]):
        (row,) = torch.autograd.grad(s[:, i].sum(), x, create_graph=True)
        trace = trace + row[:, i]
    return (trace + 0.5 * (s**2).sum(dim=1)).mean()
    ### END SOLUTION


def dsm_loss(score: Callable[[Tensor], Tensor], x: Tensor, sig: float, eps: Tensor) -> Tensor:
    """Return the denoising score matching loss at noise level `sig`, a scalar.

    `score` maps points (B, D) to vectors (B, D); it is called once, on the whole noised batch.
    `x` (B, D) clean data; `sig` > 0 a standard deviation; `eps` (B, D) standard normal noise.
    The target is the gradient in y of log N(y; x, sig^2 I) at the noised point y. The loss is half
    the squared distance to it, summed over the D coordinates, averaged over the batch.
    Gradients of the loss must reach the parameters of `score`.
    """
    ### BEGIN SOLUTION
    target = -eps / sig
    error = score(x + sig * eps) - target
    return 0.5 * (error**2).sum(dim=1).mean()
    ### END SOLUTION


def tweedie(y: Tensor, sig: float, score: Tensor) -> Tensor:
    """Return E[x | y] for y = x + sig * eps, from the score of the density of y.

    Shapes: `y` (B, D) noisy points; `score` (B, D) the values of grad log q(y) there, where q is
    the density of y; `sig` > 0 the standard deviation of the noise; returns (B, D).
    """
    ### BEGIN SOLUTION
    return y + sig**2 * score
    ### END SOLUTION


def eps_to_score(eps: Tensor, ab: Tensor) -> Tensor:
    """Turn a prediction of the noise in x_t = sqrt(ab) x_0 + sqrt(1 - ab) eps into a score at x_t.

    Shapes: `eps` (B, ...) of any rank, the noise (predicted or true); `ab` (B,), in [0, 1), the
    alpha-bar of each sample; returns the shape of `eps`.
    """
    ### BEGIN SOLUTION
    std = torch.sqrt(1 - ab)
    return -eps / std.reshape(-1, *[1] * (eps.ndim - 1))
    ### END SOLUTION


def vp_marginal(t: Tensor, bmin: float, bmax: float) -> tuple[Tensor, Tensor]:
    """Return (a, std) such that x_t = a x_0 + std eps under dx = -beta x / 2 dt + sqrt(beta) dW.

    The rate is beta(t) = bmin + t (bmax - bmin), for times between 0 and 1.
    Shapes: `t` (B,); `bmin`, `bmax` numbers, in the thousands too; returns two tensors (B,), std a
    standard deviation.
    """
    ### BEGIN SOLUTION
    integral = bmin * t + 0.5 * t**2 * (bmax - bmin)
    a = torch.exp(-0.5 * integral)
    std = torch.sqrt(-torch.expm1(-integral))
    return a, std
    ### END SOLUTION


def reverse_sde_drift(x: Tensor, beta: float, score: Tensor) -> Tensor:
    """Return the drift of the SDE that undoes dx = -beta x / 2 dt + sqrt(beta) dW.

    Shapes: `x` (B, D); `score` (B, D), the values of grad log p_t(x); `beta` the value of beta(t);
    returns (B, D). Written for forward time: the SDE dx = drift dt + sqrt(beta) dW is followed
    with dt < 0.
    """
    ### BEGIN SOLUTION
    return -0.5 * beta * x - beta * score
    ### END SOLUTION


def pf_ode_drift(x: Tensor, beta: float, score: Tensor) -> Tensor:
    """Return dx/dt of the ODE whose densities are those of dx = -beta x / 2 dt + sqrt(beta) dW.

    Arguments and result as in `reverse_sde_drift`. Written for forward time: with dt > 0 it turns
    data into noise, with dt < 0 noise into data.
    """
    ### BEGIN SOLUTION
    return -0.5 * beta * x - 0.5 * beta * score
    ### END SOLUTION


def euler_ou_variance(theta: float, s: float, h: float) -> float:
    """Return the stationary variance of Euler-Maruyama with step h on dx = -theta x dt + s dW.

    `theta`, `s`, `h` > 0 are numbers. Returns a Python float, exact for every step, not only for
    small ones; `math.inf` where the variance grows without bound and none is stationary.
    """
    ### BEGIN SOLUTION
    if theta * h >= 2:
        return math.inf
    return s**2 / (theta * (2 - theta * h))
    ### END SOLUTION


def fokker_planck_rhs(p: Tensor, f: Tensor, g: Tensor, dx: float) -> Tensor:
    """Return the right side of the Fokker-Planck equation, dp/dt of dx = f dt + g dW, on a grid.

    Shapes: `p`, `f`, `g` (n,), values at n points of spacing `dx`, with g >= 0 depending on x too;
    returns (n,). Central differences, accurate to order dx^2; `p` is 0 to machine precision
    near both ends of the grid, so that any treatment of the ends will do.
    """
    ### BEGIN SOLUTION
    flux = f * p - 0.5 * torch.gradient(g**2 * p, spacing=dx)[0]
    return -torch.gradient(flux, spacing=dx)[0]
    ### END SOLUTION


def annealed_langevin(
    score: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    sigmas: Tensor,
    eps0: float,
    n: int,
    zs: Tensor,
) -> Tensor:
    """Return where `n` Langevin steps at each noise level, from the first level on, take `x`.

    `score(x, sigma)` gives the values of the score of the data smoothed by sigma, (B, D);
    `x` (B, D) the start; `sigmas` (L,) noise levels, falling; `zs` (L, n, B, D) standard normal
    noise, zs[i, j] for step j at level i. Returns (B, D).
    At level i a step adds half of alpha_i times the score and a noise of variance alpha_i, where
    alpha_i = eps0 (sigma_i / sigma_L)^2 and sigma_L is the last level.
    """
    ### BEGIN SOLUTION
    for sigma, noises in zip(sigmas, zs, strict=True):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for z in noises[:n]:
            x = x + 0.5 * alpha * score(x, sigma) + torch.sqrt(alpha) * z
    return x
    ### END SOLUTION


def flow_matching_pair(x0: Tensor, x1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the point at time t on the straight line from x0 to x1, and its velocity.

    Shapes: `x0` (B, D) noise, reached at t = 0; `x1` (B, D) data, reached at t = 1; `t` (B,), one
    time for each pair; returns (xt, ut), each (B, D).
    """
    ### BEGIN SOLUTION
    t = t[:, None]
    return (1 - t) * x0 + t * x1, x1 - x0
    ### END SOLUTION
