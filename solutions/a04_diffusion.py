"""Reference answers of chapter 4: diffusion."""

from collections.abc import Callable

import torch
from torch import Tensor


def q_step(x: Tensor, beta: float, eps: Tensor) -> Tensor:
    """Return one forward step: a draw of N(sqrt(1 - beta) x, beta I), made from the given noise.

    Shapes: `x`, `eps` (B, ...), the same; returns that shape. `eps` is standard normal, drawn
    by the caller. `beta`, from 0 to 1 (both may occur), is the variance of the noise added.
    No argument is changed.
    """
    ### BEGIN SOLUTION
    return (1 - beta) ** 0.5 * x + beta**0.5 * eps
    ### END SOLUTION


def linear_schedule(T: int, b0: float, b1: float) -> dict[str, Tensor]:
    """Return the linear variance schedule of T steps and the two products made of it.

    Returns a dict of float64 tensors (T,), index t = 0, ..., T - 1: `betas`, equally spaced,
    the first `b0` and the last `b1`; `alphas`, the factors by which a step shrinks the signal's
    variance; `alpha_bars`, the product of the alphas of steps 0 to t, step t included.
    """
    ### BEGIN SOLUTION
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": torch.cumprod(alphas, dim=0)}
    ### END SOLUTION


def q_sample(x0: Tensor, t: Tensor, eps: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return x_t, the data after steps 0 to t, in one jump: a draw of q(x_t | x).

    Shapes: `x0`, `eps` (B, ...), the same, of any number of dimensions from 1; `t` (B,) long,
    zero-based, a time for each sample; `alpha_bars` (T,). Returns the shape of `x0`.
    `eps` is standard normal, drawn by the caller. No argument is changed.
    """
    ### BEGIN SOLUTION
    alpha_bar = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps
    ### END SOLUTION


def q_posterior(
    x0: Tensor, xt: Tensor, t: Tensor, betas: Tensor, alpha_bars: Tensor
) -> tuple[Tensor, Tensor]:
    """Return mean and variance of q(x_{t-1} | x_t, x), a Gaussian with covariance var I.

    Shapes: `x0`, `xt` (B, ...), the same; `t` (B,) long, zero-based; `betas`, `alpha_bars` (T,).
    Returns `mean` (B, ...) and `var` (B,): a variance, not a standard deviation.
    At t = 0 the state before the step is the data: mean `x0`, variance 0.
    """
    ### BEGIN SOLUTION
    before = torch.where(t > 0, alpha_bars[(t - 1).clamp(min=0)], 1.0)
    beta, after = betas[t], alpha_bars[t]
    of_x0 = before.sqrt() * beta / (1 - after)
    of_xt = (1 - beta).sqrt() * (1 - before) / (1 - after)
    wide = (-1, *[1] * (x0.dim() - 1))
    mean = of_x0.reshape(wide) * x0 + of_xt.reshape(wide) * xt
    return mean, beta * (1 - before) / (1 - after)
    ### END SOLUTION


def predict_x0(xt: Tensor, t: Tensor, eps: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return the data that becomes x_t when the noise is `eps`: `q_sample` solved for `x0`.

    Shapes: `xt`, `eps` (B, ...), the same; `t` (B,) long, zero-based; `alpha_bars` (T,), all
    above 0. Returns the shape of `xt`.
    """
    ### BEGIN SOLUTION
    alpha_bar = alpha_bars[t].reshape(-1, *[1] * (xt.dim() - 1))
    return (xt - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()
    ### END SOLUTION


def mu_from_eps(xt: Tensor, t: Tensor, eps: Tensor, betas: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return the mean of the reverse step for a predicted noise: the posterior mean in eps.

    Shapes: `xt`, `eps` (B, ...), the same; `t` (B,) long, zero-based; `betas`, `alpha_bars` (T,).
    Returns the shape of `xt`. At t = 0 this is the predicted data.
    """
    ### BEGIN SOLUTION
    wide = (-1, *[1] * (xt.dim() - 1))
    beta, alpha_bar = betas[t].reshape(wide), alpha_bars[t].reshape(wide)
    return (xt - beta / (1 - alpha_bar).sqrt() * eps) / (1 - beta).sqrt()
    ### END SOLUTION


def ddpm_loss(
    model: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    t: Tensor,
    eps: Tensor,
    alpha_bars: Tensor,
) -> Tensor:
    """Return the simple diffusion loss: the mean squared error of the predicted noise.

    `model(xt, t)` maps (B, ...) and the long times (B,) to a prediction (B, ...) of `eps`; it is
    called once, with `t` as it is. Shapes: `x0`, `eps` (B, ...); `t` (B,); `alpha_bars` (T,).
    Returns a scalar, the mean over all entries; gradients reach the model's parameters.
    """
    ### BEGIN SOLUTION
    xt = q_sample(x0, t, eps, alpha_bars)
    return ((eps - model(xt, t)) ** 2).mean()
    ### END SOLUTION


def p_sample_step(
    xt: Tensor, t: Tensor, eps: Tensor, z: Tensor, betas: Tensor, alpha_bars: Tensor
) -> Tensor:
    """Return x_{t-1}, one step back: the mean for the predicted noise plus fresh noise.

    `eps` is the model's prediction at (xt, t), `z` fresh standard normal noise. The variance of
    the step is that of q(x_{t-1} | x_t, x); at t = 0 no noise is added.
    Shapes: `xt`, `eps`, `z` (B, ...), the same; `t` (B,) long, zero-based, may hold zeros beside
    other times; `betas`, `alpha_bars` (T,). Returns the shape of `xt`.
    """
    ### BEGIN SOLUTION
    mean = mu_from_eps(xt, t, eps, betas, alpha_bars)
    _, var = q_posterior(xt, xt, t, betas, alpha_bars)
    return mean + var.sqrt().reshape(-1, *[1] * (xt.dim() - 1)) * z
    ### END SOLUTION


def sample_loop(
    eps_fn: Callable[[Tensor, int], Tensor],
    xT: Tensor,
    betas: Tensor,
    alpha_bars: Tensor,
    zs: Tensor,
) -> Tensor:
    """Walk back from pure noise to data by the T steps of `p_sample_step`; return the data.

    `eps_fn(x, t)` predicts the noise in x (B, ...) at the *int* time t, the same for the batch;
    it is called once for each step. `xT` (B, ...) is the state after the last step, T - 1.
    `zs` (T, B, ...): `zs[t]` is the noise of the step from x_t to x_{t-1}. Returns (B, ...).
    """
    ### BEGIN SOLUTION
    x = xT
    for t in reversed(range(len(betas))):
        times = torch.full((len(x),), t, dtype=torch.long)
        x = p_sample_step(x, times, eps_fn(x, t), zs[t], betas, alpha_bars)
    return x
    ### END SOLUTION


def ddim_step(
    xt: Tensor, t: int, t_prev: int, eps: Tensor, alpha_bars: Tensor, eta: float, z: Tensor
) -> Tensor:
    """Return the state at time `t_prev` < `t`, any number of steps back, by the DDIM rule.

    `eps` is the model's prediction at (xt, t), `z` fresh standard normal noise. `eta` = 0 adds
    no noise; for `eta` = 1 and t_prev = t - 1 the rule is that of `p_sample_step`.
    `t`, `t_prev` are ints for the whole batch; t_prev = -1 means the data, where alpha-bar is 1.
    Shapes: `xt`, `eps`, `z` (B, ...), the same; `alpha_bars` (T,). Returns the shape of `xt`.
    """
    ### BEGIN SOLUTION
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - var).sqrt() * eps + var.sqrt() * z
    ### END SOLUTION


def terminal_snr(alpha_bars: Tensor) -> float:
    """Return the signal-to-noise ratio that the schedule leaves after its last step.

    `alpha_bars` (T,). The ratio is that of variances, for data of variance 1. Returns a number;
    0 where no signal is left.
    """
    ### BEGIN SOLUTION
    return float(alpha_bars[-1] / (1 - alpha_bars[-1]))
    ### END SOLUTION


def rescale_zero_terminal_snr(alpha_bars: Tensor) -> Tensor:
    """Return the alpha-bars of a schedule that ends in pure noise and begins as the given one.

    The signal's amplitudes, the square roots of the alpha-bars, are shifted by a constant and
    then scaled by a constant, so that the last becomes 0 and the first is what it was.
    `alpha_bars` (T,), decreasing; returns (T,). The argument is not changed.
    """
    ### BEGIN SOLUTION
    signal = alpha_bars.sqrt()
    first, last = signal[0], signal[-1]
    return ((signal - last) * first / (first - last)) ** 2
    ### END SOLUTION


def vlb_weights(betas: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return the weight of ||eps - eps_theta||^2 in each KL of the bound, in nats.

    For t = 1, ..., T - 1: KL(q(x_{t-1} | x_t, x) || p(x_{t-1} | x_t)) divided by the squared
    error of the noise, where p has the mean of `mu_from_eps` and the variance of `q_posterior`.
    Shapes: `betas`, `alpha_bars` (T,); returns (T - 1,), the entry of t = 1 first.
    """
    ### BEGIN SOLUTION
    beta, after, before = betas[1:], alpha_bars[1:], alpha_bars[:-1]
    var = beta * (1 - before) / (1 - after)
    return beta**2 / (2 * var * (1 - beta) * (1 - after))
    ### END SOLUTION


def prior_kl(x0: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return KL(q(x_{T-1} | x) || N(0, I)) of each sample: what the last state still tells.

    Shapes: `x0` (B, D); `alpha_bars` (T,), the last strictly between 0 and 1; returns (B,), in
    nats, the sum over the D coordinates.
    """
    ### BEGIN SOLUTION
    last = alpha_bars[-1]
    return 0.5 * (last * x0**2 - last - torch.log1p(-last)).sum(dim=1)
    ### END SOLUTION
