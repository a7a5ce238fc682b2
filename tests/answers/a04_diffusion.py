"""Known answers of chapter 4: misconceptions, and other right ways."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.answers import right, wrong
from solutions.a04_diffusion import (
    mu_from_eps,
    p_sample_step,
    predict_x0,
    q_posterior,
    q_sample,
)

# ── q_step ────────────────────────────────────────────────────────────────────────────────────


@wrong("swaps the factors of signal and noise", caught_by="test_quantile")
def q_step__swapped(x, beta, eps):
    return beta**0.5 * x + (1 - beta) ** 0.5 * eps


@wrong("subtracts the noise, which has the same law but is another draw", caught_by="test_quantile")
def q_step__minus(x, beta, eps):
    return (1 - beta) ** 0.5 * x - beta**0.5 * eps


@wrong("mixes signal and noise without square roots", caught_by="test_variance_kept")
def q_step__lerp(x, beta, eps):
    return (1 - beta) * x + beta * eps


@wrong("multiplies the noise by its variance beta", caught_by="test_variance_kept")
def q_step__noise_variance(x, beta, eps):
    return math.sqrt(1 - beta) * x + beta * eps


@wrong("shrinks the signal by 1 - beta instead of its root", caught_by="test_composed")
def q_step__no_root_on_signal(x, beta, eps):
    return (1 - beta) * x + math.sqrt(beta) * eps


@wrong(
    "adds noise without shrinking the signal, so that the variance grows", caught_by="test_composed"
)
def q_step__variance_grows(x, beta, eps):
    return x + math.sqrt(beta) * eps


@wrong("takes beta for the standard deviation of the noise", caught_by="test_quantile")
def q_step__beta_as_deviation(x, beta, eps):
    return math.sqrt(1 - beta**2) * x + beta * eps


@wrong("makes the two factors, not their squares, add to 1", caught_by="test_variance_kept")
def q_step__factors_add_to_one(x, beta, eps):
    return (1 - math.sqrt(beta)) * x + math.sqrt(beta) * eps


@wrong("draws noise of its own", caught_by="test_quantile")
def q_step__own_noise(x, beta, eps):
    return math.sqrt(1 - beta) * x + math.sqrt(beta) * torch.randn_like(x)


@wrong("changes x in place", caught_by="test_pure")
def q_step__in_place(x, beta, eps):
    x *= math.sqrt(1 - beta)
    x += math.sqrt(beta) * eps
    return x


@wrong("returns the mean of the step, without noise", caught_by="test_composed")
def q_step__mean_only(x, beta, eps):
    return math.sqrt(1 - beta) * x


@right("through alpha and torch's own square roots")
def q_step__alpha(x, beta, eps):
    alpha = torch.tensor(1.0 - beta, dtype=x.dtype)
    return torch.sqrt(alpha) * x + torch.sqrt(1 - alpha) * eps


@right("NumPy")
def q_step__numpy(x, beta, eps):
    return np.sqrt(1 - beta) * x.numpy() + np.sqrt(beta) * eps.numpy()


@right("in place, on a copy of its own, in float32")
def q_step__own_copy(x, beta, eps):
    out = x.float().clone()
    out.mul_((1 - beta) ** 0.5).add_(eps.float(), alpha=beta**0.5)
    return out


@right("an angle whose cosine is the signal's factor")
def q_step__angle(x, beta, eps):
    angle = math.asin(math.sqrt(beta))
    return math.cos(angle) * x + math.sin(angle) * eps


# ── linear_schedule ───────────────────────────────────────────────────────────────────────────


@wrong("leaves out the last value, as a range does", caught_by="test_betas")
def linear_schedule__endpoint_excluded(T, b0, b1):
    betas = b0 + (b1 - b0) * torch.arange(T, dtype=torch.float64) / T
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": alphas.cumprod(0)}


@wrong("leaves out the first value", caught_by="test_betas")
def linear_schedule__start_excluded(T, b0, b1):
    betas = torch.linspace(b0, b1, T + 1, dtype=torch.float64)[1:]
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": alphas.cumprod(0)}


@wrong("spaces the square roots of beta equally, as Stable Diffusion does", caught_by="test_betas")
def linear_schedule__scaled_linear(T, b0, b1):
    betas = torch.linspace(b0**0.5, b1**0.5, T, dtype=torch.float64) ** 2
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": alphas.cumprod(0)}


@wrong("spaces the logarithms of beta equally", caught_by="test_betas")
def linear_schedule__geometric(T, b0, b1):
    betas = torch.logspace(math.log10(b0), math.log10(b1), T, dtype=torch.float64)
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": alphas.cumprod(0)}


@wrong("always climbs from the smaller to the larger value", caught_by="test_betas")
def linear_schedule__sorted(T, b0, b1):
    betas = torch.linspace(min(b0, b1), max(b0, b1), T, dtype=torch.float64)
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": alphas.cumprod(0)}


@wrong("multiplies the betas and subtracts the product from 1", caught_by="test_products")
def linear_schedule__product_of_betas(T, b0, b1):
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    return {"betas": betas, "alphas": 1 - betas, "alpha_bars": 1 - betas.cumprod(0)}


@wrong("subtracts the sum of the betas from 1", caught_by="test_products")
def linear_schedule__sum_of_betas(T, b0, b1):
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    return {"betas": betas, "alphas": 1 - betas, "alpha_bars": 1 - betas.cumsum(0)}


@wrong("takes exp(-sum of betas), right only for vanishing steps", caught_by="test_products")
def linear_schedule__exponential(T, b0, b1):
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    return {"betas": betas, "alphas": 1 - betas, "alpha_bars": torch.exp(-betas.cumsum(0))}


@wrong("returns the root of alpha-bar", caught_by="test_products")
def linear_schedule__root(T, b0, b1):
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": alphas.cumprod(0).sqrt()}


@wrong("shifts alpha-bar by one: the product excludes step t", caught_by="test_products")
def linear_schedule__shifted(T, b0, b1):
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    alphas = 1 - betas
    alpha_bars = torch.cat([torch.ones(1, dtype=torch.float64), alphas.cumprod(0)[:-1]])
    return {"betas": betas, "alphas": alphas, "alpha_bars": alpha_bars}


@wrong("raises each alpha to a power instead of multiplying them", caught_by="test_products")
def linear_schedule__powers(T, b0, b1):
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": alphas ** torch.arange(1, T + 1)}


@wrong("multiplies from the last step backwards", caught_by="test_products")
def linear_schedule__backwards(T, b0, b1):
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": alphas.flip(0).cumprod(0).flip(0)}


@wrong("calls the root of 1 - beta alpha", caught_by="test_alphas")
def linear_schedule__alpha_is_root(T, b0, b1):
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    alphas = torch.sqrt(1 - betas)
    return {"betas": betas, "alphas": alphas, "alpha_bars": (alphas**2).cumprod(0)}


@right("the exponential of a sum of logarithms")
def linear_schedule__logarithms(T, b0, b1):
    betas = torch.linspace(b0, b1, T, dtype=torch.float64)
    alpha_bars = torch.exp(torch.cumsum(torch.log1p(-betas), dim=0))
    return {"alpha_bars": alpha_bars, "alphas": 1.0 - betas, "betas": betas}


@right("NumPy")
def linear_schedule__numpy(T, b0, b1):
    betas = np.linspace(b0, b1, T)
    return {"betas": betas, "alphas": 1 - betas, "alpha_bars": np.cumprod(1 - betas)}


@right("in float32, torch's default")
def linear_schedule__float32(T, b0, b1):
    betas = torch.linspace(b0, b1, T)
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": torch.cumprod(alphas, 0)}


@right("a loop over the steps")
def linear_schedule__loop(T, b0, b1):
    betas, alphas, alpha_bars, product = [], [], [], 1.0
    for t in range(T):
        beta = b0 + (b1 - b0) * t / (T - 1)
        product *= 1 - beta
        betas.append(beta)
        alphas.append(1 - beta)
        alpha_bars.append(product)
    table = torch.tensor([betas, alphas, alpha_bars], dtype=torch.float64)
    return {"betas": table[0], "alphas": table[1], "alpha_bars": table[2]}


# ── q_sample ──────────────────────────────────────────────────────────────────────────────────


@wrong("multiplies the noise by 1 minus the signal's factor", caught_by="test_shares")
def q_sample__one_minus_root(x0, t, eps, alpha_bars):
    signal = alpha_bars[t].sqrt().view(-1, *[1] * (x0.dim() - 1))
    return signal * x0 + (1 - signal) * eps


@wrong("swaps the factors of signal and noise", caught_by="test_quantile")
def q_sample__swapped(x0, t, eps, alpha_bars):
    a = alpha_bars[t].view(-1, *[1] * (x0.dim() - 1))
    return (1 - a).sqrt() * x0 + a.sqrt() * eps


@wrong("counts steps from 1: takes the alpha-bar of the step before", caught_by="test_chain")
def q_sample__step_before(x0, t, eps, alpha_bars):
    padded = torch.cat([torch.ones_like(alpha_bars[:1]), alpha_bars])
    a = padded[t].view(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@wrong("takes the alpha-bar of the step after, the last one at the end", caught_by="test_chain")
def q_sample__step_after(x0, t, eps, alpha_bars):
    a = alpha_bars[(t + 1).clamp(max=len(alpha_bars) - 1)]
    a = a.view(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@wrong("makes one small step t instead of all steps up to t", caught_by="test_chain")
def q_sample__one_step(x0, t, eps, alpha_bars):
    before = torch.cat([torch.ones_like(alpha_bars[:1]), alpha_bars[:-1]])
    alpha = (alpha_bars / before)[t].view(-1, *[1] * (x0.dim() - 1))
    return alpha.sqrt() * x0 + (1 - alpha).sqrt() * eps


@wrong("adds only the noise of step t to a signal shrunk by all steps", caught_by="test_shares")
def q_sample__beta_as_variance(x0, t, eps, alpha_bars):
    before = torch.cat([torch.ones_like(alpha_bars[:1]), alpha_bars[:-1]])
    beta = 1 - alpha_bars / before
    wide = (-1,) + (1,) * (x0.dim() - 1)
    return alpha_bars[t].sqrt().view(wide) * x0 + beta[t].sqrt().view(wide) * eps


@wrong("lets the factors run along the last axis, not along the batch", caught_by="test_axes")
def q_sample__last_axis(x0, t, eps, alpha_bars):
    a = alpha_bars[t]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@wrong("adds one axis to the factors, whatever the data's axes are", caught_by="test_axes")
def q_sample__vectors_only(x0, t, eps, alpha_bars):
    a = alpha_bars[t][:, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@wrong("adds three axes to the factors, right for images only", caught_by="test_axes")
def q_sample__images_only(x0, t, eps, alpha_bars):
    a = alpha_bars[t][:, None, None, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@wrong("does not shrink the signal", caught_by="test_shares")
def q_sample__variance_exploding(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return x0 + (1 - a).sqrt() * eps


@wrong("adds noise in the right ratio to an unshrunk signal", caught_by="test_shares")
def q_sample__right_ratio(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return x0 + ((1 - a) / a).sqrt() * eps


@wrong("subtracts the noise", caught_by="test_quantile")
def q_sample__minus(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return torch.sqrt(a) * x0 - torch.sqrt(1 - a) * eps


@wrong("mixes signal and noise without square roots", caught_by="test_shares")
def q_sample__no_roots(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return a * x0 + (1 - a) * eps


@wrong("multiplies the noise by its variance", caught_by="test_shares")
def q_sample__noise_variance(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a) * eps


@wrong("shrinks the signal by alpha-bar instead of its root", caught_by="test_shares")
def q_sample__no_root_on_signal(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return a * x0 + (1 - a).sqrt() * eps


@wrong("takes alpha-bar for the signal's factor", caught_by="test_chain")
def q_sample__alpha_bar_as_factor(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return a * x0 + (1 - a**2).sqrt() * eps


@wrong("multiplies the alpha-bars up once more", caught_by="test_chain")
def q_sample__cumprod_twice(x0, t, eps, alpha_bars):
    a = torch.cumprod(alpha_bars, dim=0)[t].reshape(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@wrong("gives the whole batch the time of its first sample", caught_by="test_quantile")
def q_sample__one_time(x0, t, eps, alpha_bars):
    a = alpha_bars[t[0]]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@wrong("counts time backwards, from noise to data", caught_by="test_chain")
def q_sample__time_reversed(x0, t, eps, alpha_bars):
    a = alpha_bars[len(alpha_bars) - 1 - t].reshape(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


@wrong("draws noise of its own", caught_by="test_pure")
def q_sample__own_noise(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * torch.randn_like(x0)


@wrong("draws uniform noise of its own", caught_by="test_pure")
def q_sample__own_uniform(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * torch.rand_like(x0)


@wrong("returns the mean, without noise", caught_by="test_quantile")
def q_sample__mean_only(x0, t, eps, alpha_bars):
    return alpha_bars[t].sqrt().reshape(-1, *[1] * (x0.dim() - 1)) * x0


@wrong("changes the data in place", caught_by="test_pure")
def q_sample__in_place(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    x0 *= a.sqrt()
    x0 += (1 - a).sqrt() * eps
    return x0


@wrong("scales the caller's noise in place", caught_by="test_pure")
def q_sample__noise_in_place(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return eps.mul_((1 - a).sqrt()).add_(a.sqrt() * x0)


@wrong("squashes the result into [-1, 1]", caught_by="test_other_lengths")
def q_sample__clamped(x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    return (a.sqrt() * x0 + (1 - a).sqrt() * eps).clamp(-1, 1)


@right("gather")
def q_sample__gather(x0, t, eps, alpha_bars):
    a = alpha_bars.gather(0, t)
    while a.dim() < x0.dim():
        a = a.unsqueeze(-1)
    return torch.sqrt(a) * x0 + torch.sqrt(1.0 - a) * eps


@right("einsum")
def q_sample__einsum(x0, t, eps, alpha_bars):
    a = alpha_bars[t]
    signal = torch.einsum("b,b...->b...", a.sqrt(), x0)
    return signal + torch.einsum("b,b...->b...", (1 - a).sqrt(), eps)


@right("a loop over the samples")
def q_sample__loop(x0, t, eps, alpha_bars):
    rows = []
    for b in range(len(x0)):
        a = alpha_bars[t[b]].item()
        rows.append(math.sqrt(a) * x0[b] + math.sqrt(1 - a) * eps[b])
    return torch.stack(rows)


@right("NumPy")
def q_sample__numpy(x0, t, eps, alpha_bars):
    a = alpha_bars.numpy()[t.numpy()]
    a = a.reshape(a.shape + (1,) * (x0.ndim - 1))
    return np.sqrt(a) * x0.numpy() + np.sqrt(1 - a) * eps.numpy()


@right("in float32")
def q_sample__float32(x0, t, eps, alpha_bars):
    a = alpha_bars.float()[t].view(x0.shape[0], *(1,) * (x0.ndim - 1))
    return a.sqrt() * x0.float() + (1 - a).sqrt() * eps.float()


@right("every sample flattened to a row and shaped back")
def q_sample__flattened(x0, t, eps, alpha_bars):
    rows, noise = x0.reshape(len(x0), -1), eps.reshape(len(x0), -1)
    a = alpha_bars[t].unsqueeze(1)
    return (a**0.5 * rows + (1 - a) ** 0.5 * noise).reshape(x0.shape)


@right("the batch moved to the last axis, where factors broadcast by themselves")
def q_sample__moved(x0, t, eps, alpha_bars):
    a = torch.index_select(alpha_bars, 0, t)
    mixed = x0.movedim(0, -1) * a.sqrt() + eps.movedim(0, -1) * (1 - a).sqrt()
    return mixed.movedim(-1, 0)


@right("addcmul on tables of both factors, into a copy of its own")
def q_sample__tables(x0, t, eps, alpha_bars):
    signal, noise = alpha_bars.sqrt(), (1 - alpha_bars).sqrt()
    shape = [len(t)] + [1] * (x0.dim() - 1)
    out = x0.clone()
    out *= signal[t].view(shape)
    return out.addcmul(noise[t].view(shape).expand_as(eps), eps)


@right("a matrix with the factors on its diagonal")
def q_sample__diagonal(x0, t, eps, alpha_bars):
    a = alpha_bars[t]
    signal = torch.tensordot(torch.diag(a.sqrt()), x0, dims=1)
    return signal + torch.tensordot(torch.diag((1 - a).sqrt()), eps, dims=1)


@right("mean and deviation first, by the law of total variance along the chain")
def q_sample__chain(x0, t, eps, alpha_bars):
    before = torch.cat([torch.ones(1, dtype=alpha_bars.dtype), alpha_bars[:-1]])
    alphas = alpha_bars / before
    out = torch.empty_like(x0)
    for b, last in enumerate(t.tolist()):
        mean, variance = x0[b], 0.0
        for alpha in alphas[: last + 1].tolist():
            mean, variance = alpha**0.5 * mean, alpha * variance + 1 - alpha
        out[b] = mean + variance**0.5 * eps[b]
    return out


# ── q_posterior ───────────────────────────────────────────────────────────────────────────────


@wrong("swaps the weights of x_0 and x_t", caught_by="test_bayes")
def q_posterior__swapped(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * xt + ct.view(wide) * x0, beta * (1 - before) / (1 - after)


@wrong(
    "weighs x_t by the root of alpha-bar where the root of alpha belongs", caught_by="test_tower"
)
def q_posterior__bar_for_alpha(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = after.sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * x0 + ct.view(wide) * xt, beta * (1 - before) / (1 - after)


@wrong("weighs x_0 by the alpha-bar of t instead of that before", caught_by="test_tower")
def q_posterior__after_for_before(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = after.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * x0 + ct.view(wide) * xt, beta * (1 - before) / (1 - after)


@wrong("leaves the roots out of both weights", caught_by="test_bayes")
def q_posterior__no_roots(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = before * beta / (1 - after)
    ct = (1 - beta) * (1 - before) / (1 - after)
    return c0.view(wide) * x0 + ct.view(wide) * xt, beta * (1 - before) / (1 - after)


@wrong("returns beta, the variance of the step forward", caught_by="test_bayes")
def q_posterior__beta(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * x0 + ct.view(wide) * xt, beta


@wrong("returns the standard deviation", caught_by="test_bayes")
def q_posterior__deviation(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * x0 + ct.view(wide) * xt, (beta * (1 - before) / (1 - after)).sqrt()


@wrong("returns the log-variance, clipped", caught_by="test_bayes")
def q_posterior__log_variance(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * x0 + ct.view(wide) * xt, (beta * (1 - before) / (1 - after)).clamp(
        min=1e-20
    ).log()


@wrong("has the ratio of the noises upside down", caught_by="test_tower")
def q_posterior__inverse_ratio(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * x0 + ct.view(wide) * xt, beta * (1 - after) / (1 - before + 1e-12)


@wrong("lets index -1 wrap round to the last alpha-bar at t = 0", caught_by="test_first_step")
def q_posterior__wraps(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before, beta, after = alpha_bars[t - 1], betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * x0 + ct.view(wide) * xt, beta * (1 - before) / (1 - after)


@wrong("uses the first alpha-bar again for what was before it", caught_by="test_first_step")
def q_posterior__clamped_index(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before, beta, after = alpha_bars[(t - 1).clamp(min=0)], betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * x0 + ct.view(wide) * xt, beta * (1 - before) / (1 - after)


@wrong("undoes the shrinking of the step and knows nothing of x_0", caught_by="test_bayes")
def q_posterior__likelihood_only(x0, xt, t, betas, alpha_bars):
    alpha = 1 - betas[t]
    return xt / alpha.sqrt().view(-1, *[1] * (x0.dim() - 1)), betas[t] / alpha


@wrong("noises x_0 up to t - 1 and ignores x_t", caught_by="test_bayes")
def q_posterior__prior_only(x0, xt, t, betas, alpha_bars):
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    return before.sqrt().view(-1, *[1] * (x0.dim() - 1)) * x0, 1 - before


@wrong("lets the weights run along the last axis, not along the batch", caught_by="test_images")
def q_posterior__last_axis(x0, xt, t, betas, alpha_bars):
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0 * x0 + ct * xt, beta * (1 - before) / (1 - after)


@wrong("clips the data to [-1, 1] first, as samplers of images do", caught_by="test_bayes")
def q_posterior__clipped(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t]))
    beta, after = betas[t], alpha_bars[t]
    c0 = before.sqrt() * beta / (1 - after)
    ct = (1 - beta).sqrt() * (1 - before) / (1 - after)
    return c0.view(wide) * x0.clamp(-1, 1) + ct.view(wide) * xt, beta * (1 - before) / (1 - after)


@right("precisions and precision-weighted means, sample by sample")
def q_posterior__precisions(x0, xt, t, betas, alpha_bars):
    means, variances = [], []
    for b, step in enumerate(t.tolist()):
        if step == 0:
            means.append(x0[b])
            variances.append(torch.zeros((), dtype=x0.dtype))
            continue
        before, beta = alpha_bars[step - 1], betas[step]
        precision = 1 / (1 - before) + (1 - beta) / beta
        pull = before.sqrt() / (1 - before) * x0[b] + (1 - beta).sqrt() / beta * xt[b]
        means.append(pull / precision)
        variances.append(1 / precision)
    return torch.stack(means), torch.stack(variances)


@right("tables of all T coefficients, with alpha-bar before the first step put in front")
def q_posterior__tables(x0, xt, t, betas, alpha_bars):
    before = F.pad(alpha_bars[:-1], (1, 0), value=1.0)
    alphas = 1.0 - betas
    variance = betas * (1.0 - before) / (1.0 - alpha_bars)
    coef1 = betas * torch.sqrt(before) / (1.0 - alpha_bars)
    coef2 = (1.0 - before) * torch.sqrt(alphas) / (1.0 - alpha_bars)
    shape = (len(t), *((1,) * (x0.ndim - 1)))
    mean = coef1.gather(0, t).reshape(shape) * x0 + coef2.gather(0, t).reshape(shape) * xt
    return mean, variance.gather(0, t)


@right("NumPy, the alpha-bar before from alpha-bar over alpha")
def q_posterior__numpy(x0, xt, t, betas, alpha_bars):
    index = t.numpy()
    beta, after = betas.numpy()[index], alpha_bars.numpy()[index]
    before = np.where(index == 0, 1.0, after / (1 - beta))
    shape = (-1,) + (1,) * (x0.ndim - 1)
    c0 = (np.sqrt(before) * beta / (1 - after)).reshape(shape)
    ct = (np.sqrt(1 - beta) * (1 - before) / (1 - after)).reshape(shape)
    return c0 * x0.numpy() + ct * xt.numpy(), beta * (1 - before) / (1 - after)


@right("conditioning of the joint Gaussian of two successive states, in float32")
def q_posterior__conditioning(x0, xt, t, betas, alpha_bars):
    wide = (-1,) + (1,) * (x0.dim() - 1)
    before = torch.where(t > 0, alpha_bars[t - 1], torch.ones_like(alpha_bars[t])).float()
    after, alpha = alpha_bars[t].float(), (1 - betas[t]).float()
    gain = alpha.sqrt() * (1 - before) / (1 - after)
    surprise = xt.float() - after.sqrt().view(wide) * x0.float()
    mean = before.sqrt().view(wide) * x0.float() + gain.view(wide) * surprise
    return mean, (1 - before) - gain * alpha.sqrt() * (1 - before)


@right("in float32")
def q_posterior__float32(x0, xt, t, betas, alpha_bars):
    x0, xt, betas, alpha_bars = x0.float(), xt.float(), betas.float(), alpha_bars.float()
    before = torch.where(t > 0, alpha_bars[(t - 1).clamp(min=0)], torch.ones(()))
    b, a = betas[t], alpha_bars[t]
    w = (-1, *[1] * (x0.dim() - 1))
    m = (before.sqrt() * b / (1 - a)).reshape(w) * x0 + (
        (1 - b).sqrt() * (1 - before) / (1 - a)
    ).reshape(w) * xt
    return m, b * (1 - before) / (1 - a)


# ── predict_x0 ────────────────────────────────────────────────────────────────────────────────


@wrong("adds the noise instead of taking it off", caught_by="test_round_trip")
def predict_x0__plus(xt, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (xt.dim() - 1))
    return (xt + (1 - a).sqrt() * eps) / a.sqrt()


@wrong("divides by alpha-bar instead of its root", caught_by="test_round_trip")
def predict_x0__no_root_below(xt, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (xt.dim() - 1))
    return (xt - (1 - a).sqrt() * eps) / a


@wrong("multiplies the noise by its variance", caught_by="test_wrong_noise")
def predict_x0__noise_variance(xt, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (xt.dim() - 1))
    return (xt - (1 - a) * eps) / a.sqrt()


@wrong("takes the noise off but does not undo the shrinking", caught_by="test_round_trip")
def predict_x0__not_divided(xt, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (xt.dim() - 1))
    return xt - (1 - a).sqrt() * eps


@wrong("divides the state, not the noise, by the signal's factor", caught_by="test_wrong_noise")
def predict_x0__half_divided(xt, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (xt.dim() - 1))
    return xt / a.sqrt() - (1 - a).sqrt() * eps


@wrong("multiplies by the signal's factor instead of dividing", caught_by="test_round_trip")
def predict_x0__multiplied(xt, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (xt.dim() - 1))
    return (xt - (1 - a).sqrt() * eps) * a.sqrt()


@wrong("swaps the two factors", caught_by="test_wrong_noise")
def predict_x0__swapped(xt, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (xt.dim() - 1))
    return (xt - a.sqrt() * eps) / (1 - a).sqrt()


@wrong("undoes the last small step only", caught_by="test_wrong_noise")
def predict_x0__one_step(xt, t, eps, alpha_bars):
    before = torch.cat([torch.ones_like(alpha_bars[:1]), alpha_bars[:-1]])
    alpha = (alpha_bars / before)[t].reshape(-1, *[1] * (xt.dim() - 1))
    return (xt - (1 - alpha).sqrt() * eps) / alpha.sqrt()


@wrong("clips the result to [-1, 1], the range of images", caught_by="test_large_data")
def predict_x0__clipped(xt, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (xt.dim() - 1))
    return ((xt - (1 - a).sqrt() * eps) / a.sqrt()).clamp(-1, 1)


@wrong("lets the factors run along the last axis, not along the batch", caught_by="test_axes")
def predict_x0__last_axis(xt, t, eps, alpha_bars):
    a = alpha_bars[t]
    return (xt - (1 - a).sqrt() * eps) / a.sqrt()


@wrong("adds one axis to the factors, whatever the data's axes are", caught_by="test_axes")
def predict_x0__vectors_only(xt, t, eps, alpha_bars):
    a = alpha_bars[t][:, None]
    return (xt - (1 - a).sqrt() * eps) / a.sqrt()


@right("two terms, from the reciprocal of alpha-bar")
def predict_x0__reciprocal(xt, t, eps, alpha_bars):
    inverse = (1 / alpha_bars)[t].reshape(len(xt), *[1] * (xt.dim() - 1))
    return torch.sqrt(inverse) * xt - torch.sqrt(inverse - 1) * eps


@right("a loop over the samples")
def predict_x0__loop(xt, t, eps, alpha_bars):
    out = torch.zeros_like(xt)
    for b in range(len(xt)):
        a = float(alpha_bars[t[b]])
        out[b] = (xt[b] - (1 - a) ** 0.5 * eps[b]) / a**0.5
    return out


@right("through q_sample: the noise alone, taken off, and the factor of a one")
def predict_x0__through_q_sample(xt, t, eps, alpha_bars):
    noise = q_sample(torch.zeros_like(xt), t, eps, alpha_bars)
    signal = q_sample(torch.ones_like(xt), t, torch.zeros_like(xt), alpha_bars)
    return (xt - noise) / signal


@right("NumPy in float32")
def predict_x0__numpy(xt, t, eps, alpha_bars):
    a = alpha_bars.numpy().astype(np.float32)[t.numpy()]
    a = a.reshape(-1, *[1] * (xt.ndim - 1))
    return (xt.float().numpy() - np.sqrt(1 - a) * eps.float().numpy()) / np.sqrt(a)


# ── mu_from_eps ───────────────────────────────────────────────────────────────────────────────


@wrong("divides beta by the noise's variance, not by its root", caught_by="test_posterior_mean")
def mu_from_eps__no_root(xt, t, eps, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    b, a = betas[t].view(wide), alpha_bars[t].view(wide)
    return (xt - b / (1 - a) * eps) / (1 - b).sqrt()


@wrong("does not divide by the root of alpha", caught_by="test_first_step")
def mu_from_eps__not_divided(xt, t, eps, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    b, a = betas[t].view(wide), alpha_bars[t].view(wide)
    return xt - b / (1 - a).sqrt() * eps


@wrong("divides by the root of alpha-bar", caught_by="test_posterior_mean")
def mu_from_eps__alpha_bar(xt, t, eps, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    b, a = betas[t].view(wide), alpha_bars[t].view(wide)
    return (xt - b / (1 - a).sqrt() * eps) / a.sqrt()


@wrong("divides by alpha instead of its root", caught_by="test_first_step")
def mu_from_eps__alpha_no_root(xt, t, eps, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    b, a = betas[t].view(wide), alpha_bars[t].view(wide)
    return (xt - b / (1 - a).sqrt() * eps) / (1 - b)


@wrong("adds the noise", caught_by="test_posterior_mean")
def mu_from_eps__plus(xt, t, eps, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    b, a = betas[t].view(wide), alpha_bars[t].view(wide)
    return (xt + b / (1 - a).sqrt() * eps) / (1 - b).sqrt()


@wrong("takes off the noise of one step, root of beta times eps", caught_by="test_posterior_mean")
def mu_from_eps__root_beta(xt, t, eps, betas, alpha_bars):
    b = betas[t].view(-1, *[1] * (xt.dim() - 1))
    return (xt - b.sqrt() * eps) / (1 - b).sqrt()


@wrong("takes all of the noise off and undoes one step", caught_by="test_standard_data")
def mu_from_eps__all_noise(xt, t, eps, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    b, a = betas[t].view(wide), alpha_bars[t].view(wide)
    return (xt - (1 - a).sqrt() * eps) / (1 - b).sqrt()


@wrong("returns the predicted data, a jump instead of a step", caught_by="test_posterior_mean")
def mu_from_eps__data(xt, t, eps, betas, alpha_bars):
    return predict_x0(xt, t, eps, alpha_bars)


@wrong("does not divide the noise by any root of 1 - alpha-bar", caught_by="test_first_step")
def mu_from_eps__beta_only(xt, t, eps, betas, alpha_bars):
    b = betas[t].view(-1, *[1] * (xt.dim() - 1))
    return (xt - b * eps) / (1 - b).sqrt()


@wrong("takes alpha where beta belongs", caught_by="test_posterior_mean")
def mu_from_eps__alpha_for_beta(xt, t, eps, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    b, a = betas[t].view(wide), alpha_bars[t].view(wide)
    return (xt - (1 - b) / (1 - a).sqrt() * eps) / (1 - b).sqrt()


@wrong("puts the noise in the place of the data in the posterior mean", caught_by="test_first_step")
def mu_from_eps__noise_as_data(xt, t, eps, betas, alpha_bars):
    return q_posterior(eps, xt, t, betas, alpha_bars)[0]


@wrong("lets the factors run along the last axis, not along the batch", caught_by="test_axes")
def mu_from_eps__last_axis(xt, t, eps, betas, alpha_bars):
    b, a = betas[t], alpha_bars[t]
    return (xt - b / (1 - a).sqrt() * eps) / (1 - b).sqrt()


@right("through the predicted data and the posterior mean")
def mu_from_eps__composed(xt, t, eps, betas, alpha_bars):
    x0 = predict_x0(xt, t, eps, alpha_bars)
    return q_posterior(x0, xt, t, betas, alpha_bars)[0]


@right("a step along the score, one sample at a time")
def mu_from_eps__score(xt, t, eps, betas, alpha_bars):
    rows = []
    for x, step, noise in zip(xt, t, eps, strict=True):
        score = -noise / torch.sqrt(1 - alpha_bars[step])
        rows.append((x + betas[step] * score) / torch.sqrt(1 - betas[step]))
    return torch.stack(rows)


@right("einsum in float32")
def mu_from_eps__einsum(xt, t, eps, betas, alpha_bars):
    b, a = betas.float()[t], alpha_bars.float()[t]
    noise = torch.einsum("b,b...->b...", b * (1 - a).rsqrt(), eps.float())
    return torch.einsum("b,b...->b...", (1 - b).rsqrt(), xt.float() - noise)


@right("NumPy")
def mu_from_eps__numpy(xt, t, eps, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.ndim - 1)
    b, a = (table.numpy()[t.numpy()].reshape(wide) for table in (betas, alpha_bars))
    return 1 / np.sqrt(1 - b) * (xt.numpy() - b / np.sqrt(1 - a) * eps.numpy())


# ── ddpm_loss ─────────────────────────────────────────────────────────────────────────────────


@wrong("averages absolute errors", caught_by="test_value")
def ddpm_loss__absolute(model, x0, t, eps, alpha_bars):
    return F.l1_loss(model(q_sample(x0, t, eps, alpha_bars), t), eps)


@wrong("uses the smoothed absolute error", caught_by="test_value")
def ddpm_loss__huber(model, x0, t, eps, alpha_bars):
    return F.smooth_l1_loss(model(q_sample(x0, t, eps, alpha_bars), t), eps)


@wrong("adds the errors up over features and batch", caught_by="test_known_error")
def ddpm_loss__sum(model, x0, t, eps, alpha_bars):
    return ((model(q_sample(x0, t, eps, alpha_bars), t) - eps) ** 2).sum()


@wrong(
    "adds the errors up over the features, averages over the batch", caught_by="test_known_error"
)
def ddpm_loss__sum_over_features(model, x0, t, eps, alpha_bars):
    error = (model(q_sample(x0, t, eps, alpha_bars), t) - eps) ** 2
    return error.flatten(1).sum(dim=1).mean()


@wrong("returns one loss per sample", caught_by="test_value")
def ddpm_loss__per_sample(model, x0, t, eps, alpha_bars):
    error = (model(q_sample(x0, t, eps, alpha_bars), t) - eps) ** 2
    return error.flatten(1).mean(dim=1)


@wrong("takes the root of the mean squared error", caught_by="test_known_error")
def ddpm_loss__root(model, x0, t, eps, alpha_bars):
    return F.mse_loss(model(q_sample(x0, t, eps, alpha_bars), t), eps).sqrt()


@wrong("halves the loss", caught_by="test_known_error")
def ddpm_loss__half(model, x0, t, eps, alpha_bars):
    return 0.5 * F.mse_loss(model(q_sample(x0, t, eps, alpha_bars), t), eps)


@wrong("cuts the gradient off behind the model", caught_by="test_parameter_gradient")
def ddpm_loss__detached(model, x0, t, eps, alpha_bars):
    return F.mse_loss(model(q_sample(x0, t, eps, alpha_bars), t).detach(), eps)


@wrong("noises the data with noise of its own and asks for the given one", caught_by="test_value")
def ddpm_loss__fresh_noise(model, x0, t, eps, alpha_bars):
    noise = torch.randn_like(x0)
    return F.mse_loss(model(q_sample(x0, t, noise, alpha_bars), t), eps)


@wrong("compares with noise that the model has not seen", caught_by="test_value")
def ddpm_loss__fresh_target(model, x0, t, eps, alpha_bars):
    return F.mse_loss(model(q_sample(x0, t, eps, alpha_bars), t), torch.randn_like(eps))


@wrong("draws its own times", caught_by="test_what_the_model_sees")
def ddpm_loss__own_times(model, x0, t, eps, alpha_bars):
    t = torch.randint(0, len(alpha_bars), t.shape)
    return F.mse_loss(model(q_sample(x0, t, eps, alpha_bars), t), eps)


@wrong("divides the times by T before the model sees them", caught_by="test_what_the_model_sees")
def ddpm_loss__scaled_time(model, x0, t, eps, alpha_bars):
    xt = q_sample(x0, t, eps, alpha_bars)
    return F.mse_loss(model(xt, t.to(x0.dtype) / len(alpha_bars)), eps)


@wrong("tells the model times counted from 1", caught_by="test_what_the_model_sees")
def ddpm_loss__time_plus_one(model, x0, t, eps, alpha_bars):
    return F.mse_loss(model(q_sample(x0, t, eps, alpha_bars), t + 1), eps)


@wrong("shows the model the clean data", caught_by="test_what_the_model_sees")
def ddpm_loss__clean_input(model, x0, t, eps, alpha_bars):
    return F.mse_loss(model(x0, t), eps)


@wrong("asks the model for the data instead of the noise", caught_by="test_value")
def ddpm_loss__predicts_data(model, x0, t, eps, alpha_bars):
    return F.mse_loss(model(q_sample(x0, t, eps, alpha_bars), t), x0)


@wrong("asks the model for the noised data", caught_by="test_value")
def ddpm_loss__predicts_state(model, x0, t, eps, alpha_bars):
    xt = q_sample(x0, t, eps, alpha_bars)
    return F.mse_loss(model(xt, t), xt)


@wrong("asks for the noise as it was added, already scaled", caught_by="test_known_error")
def ddpm_loss__scaled_noise(model, x0, t, eps, alpha_bars):
    added = q_sample(torch.zeros_like(x0), t, eps, alpha_bars)
    return F.mse_loss(model(q_sample(x0, t, eps, alpha_bars), t), added)


@wrong("compares the data that noise and prediction imply", caught_by="test_known_error")
def ddpm_loss__data_error(model, x0, t, eps, alpha_bars):
    xt = q_sample(x0, t, eps, alpha_bars)
    return F.mse_loss(predict_x0(xt, t, model(xt, t), alpha_bars), x0)


@right("the library's mean squared error")
def ddpm_loss__mse_loss(model, x0, t, eps, alpha_bars):
    return F.mse_loss(model(q_sample(x0, t, eps, alpha_bars), t), eps)


@right("the noising written out, the mean taken by hand")
def ddpm_loss__written_out(model, x0, t, eps, alpha_bars):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.dim() - 1))
    predicted = model(a.sqrt() * x0 + (1 - a).sqrt() * eps, t)
    return torch.sum((predicted - eps).pow(2)) / eps.numel()


@right("a mean of per-sample means")
def ddpm_loss__mean_of_means(model, x0, t, eps, alpha_bars):
    difference = eps - model(q_sample(x0, t, eps, alpha_bars), t)
    rows = difference.reshape(len(x0), -1)
    return torch.stack([row @ row / len(row) for row in rows]).mean()


@right("the squared norm of the error, per entry")
def ddpm_loss__norm(model, x0, t, eps, alpha_bars):
    difference = model(q_sample(x0, t, eps, alpha_bars), t) - eps
    return torch.linalg.vector_norm(difference) ** 2 / difference.numel()


# ── p_sample_step ─────────────────────────────────────────────────────────────────────────────


@wrong("adds noise at t = 0 too, with the variance beta of that step", caught_by="test_last_step")
def p_sample_step__noise_at_the_end(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    _, var = q_posterior(xt, xt, t, betas, alpha_bars)
    var = torch.where(t > 0, var, betas[t])
    return mu_from_eps(xt, t, eps, betas, alpha_bars) + var.sqrt().view(wide) * z


@wrong("multiplies the noise by its variance", caught_by="test_step")
def p_sample_step__variance(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    _, var = q_posterior(xt, xt, t, betas, alpha_bars)
    return mu_from_eps(xt, t, eps, betas, alpha_bars) + var.view(wide) * z


@wrong("uses beta, the variance of the step forward", caught_by="test_point_data")
def p_sample_step__beta(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    noise = (betas[t].sqrt() * (t > 0)).view(wide) * z
    return mu_from_eps(xt, t, eps, betas, alpha_bars) + noise


@wrong("uses beta as a deviation", caught_by="test_point_data")
def p_sample_step__beta_as_deviation(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    return mu_from_eps(xt, t, eps, betas, alpha_bars) + (betas[t] * (t > 0)).view(wide) * z


@wrong("subtracts the fresh noise", caught_by="test_step")
def p_sample_step__minus(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    _, var = q_posterior(xt, xt, t, betas, alpha_bars)
    return mu_from_eps(xt, t, eps, betas, alpha_bars) - var.sqrt().view(wide) * z


@wrong("adds the predicted noise again in place of fresh noise", caught_by="test_step")
def p_sample_step__predicted_noise(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    _, var = q_posterior(xt, xt, t, betas, alpha_bars)
    return mu_from_eps(xt, t, eps, betas, alpha_bars) + var.sqrt().view(wide) * eps


@wrong("takes the fresh noise off and adds the predicted one", caught_by="test_step")
def p_sample_step__noises_swapped(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    _, var = q_posterior(xt, xt, t, betas, alpha_bars)
    return mu_from_eps(xt, t, z, betas, alpha_bars) + var.sqrt().view(wide) * eps


@wrong("adds no noise at all", caught_by="test_point_data")
def p_sample_step__mean(xt, t, eps, z, betas, alpha_bars):
    return mu_from_eps(xt, t, eps, betas, alpha_bars)


@wrong(
    "drops the noise of the whole batch where the first sample is done", caught_by="test_last_step"
)
def p_sample_step__first_decides(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    _, var = q_posterior(xt, xt, t, betas, alpha_bars)
    mean = mu_from_eps(xt, t, eps, betas, alpha_bars)
    return mean + var.sqrt().view(wide) * z if t[0] > 0 else mean


@wrong("adds no noise at t = 1 either", caught_by="test_step")
def p_sample_step__quiet_too_early(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    _, var = q_posterior(xt, xt, t, betas, alpha_bars)
    deviation = var.sqrt() * (t > 1)
    return mu_from_eps(xt, t, eps, betas, alpha_bars) + deviation.view(wide) * z


@wrong("predicts the data and noises them up to t - 1", caught_by="test_step")
def p_sample_step__renoise(xt, t, eps, z, betas, alpha_bars):
    x0 = predict_x0(xt, t, eps, alpha_bars)
    noised = q_sample(x0, (t - 1).clamp(min=0), z, alpha_bars)
    return torch.where((t > 0).view(-1, *[1] * (xt.dim() - 1)), noised, x0)


@wrong("draws fresh noise of its own", caught_by="test_step")
def p_sample_step__own_noise(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    _, var = q_posterior(xt, xt, t, betas, alpha_bars)
    z = torch.randn_like(xt)
    return mu_from_eps(xt, t, eps, betas, alpha_bars) + var.sqrt().view(wide) * z


@wrong("clips the predicted data to [-1, 1]", caught_by="test_point_data")
def p_sample_step__clipped(xt, t, eps, z, betas, alpha_bars):
    x0 = predict_x0(xt, t, eps, alpha_bars).clamp(-1, 1)
    mean, var = q_posterior(x0, xt, t, betas, alpha_bars)
    return mean + var.sqrt().view(-1, *[1] * (xt.dim() - 1)) * z


@right("through the predicted data and the posterior")
def p_sample_step__posterior(xt, t, eps, z, betas, alpha_bars):
    x0 = predict_x0(xt, t, eps, alpha_bars)
    mean, var = q_posterior(x0, xt, t, betas, alpha_bars)
    return mean + torch.sqrt(var).reshape(-1, *[1] * (xt.dim() - 1)) * z


@right("the variance from alpha-bars, with a mask at t = 0")
def p_sample_step__masked(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    before = alpha_bars[(t - 1).clamp(min=0)]
    var = betas[t] * (1 - before) / (1 - alpha_bars[t])
    mask = (t != 0).to(xt.dtype)
    return mu_from_eps(xt, t, eps, betas, alpha_bars) + (mask * var.sqrt()).view(wide) * z


@right("the clipped log-variance of the original code, masked at t = 0")
def p_sample_step__log_variance(xt, t, eps, z, betas, alpha_bars):
    wide = (-1,) + (1,) * (xt.dim() - 1)
    before = torch.cat([torch.ones(1, dtype=alpha_bars.dtype), alpha_bars[:-1]])
    log_var = (betas * (1 - before) / (1 - alpha_bars)).clamp(min=1e-20).log()
    mask = (t > 0).to(xt.dtype).view(wide)
    mean = mu_from_eps(xt, t, eps, betas, alpha_bars)
    return mean + mask * torch.exp(0.5 * log_var[t]).view(wide) * z


@right("sample by sample in float32")
def p_sample_step__loop(xt, t, eps, z, betas, alpha_bars):
    rows = []
    for b, step in enumerate(t.tolist()):
        beta, after = betas[step].float(), alpha_bars[step].float()
        x = (xt[b].float() - beta / (1 - after).sqrt() * eps[b].float()) / (1 - beta).sqrt()
        if step > 0:
            before = alpha_bars[step - 1].float()
            x = x + (beta * (1 - before) / (1 - after)).sqrt() * z[b].float()
        rows.append(x)
    return torch.stack(rows)


# ── sample_loop ───────────────────────────────────────────────────────────────────────────────


@wrong("walks forward in time", caught_by="test_order")
def sample_loop__forward(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas)):
        times = torch.full((len(x),), t)
        x = p_sample_step(x, times, eps_fn(x, t), zs[t], betas, alpha_bars)
    return x


@wrong("stops before the last step, t = 0", caught_by="test_point_data")
def sample_loop__last_step_skipped(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas) - 1, 0, -1):
        times = torch.full((len(x),), t)
        x = p_sample_step(x, times, eps_fn(x, t), zs[t], betas, alpha_bars)
    return x


@wrong("starts one step too late", caught_by="test_each_noise")
def sample_loop__first_step_skipped(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas) - 2, -1, -1):
        times = torch.full((len(x),), t)
        x = p_sample_step(x, times, eps_fn(x, t), zs[t], betas, alpha_bars)
    return x


@wrong(
    "takes the fresh noises in the order of the walk, not at their times",
    caught_by="test_each_noise",
)
def sample_loop__noises_in_order(eps_fn, xT, betas, alpha_bars, zs):
    x, T = xT, len(betas)
    for i in range(T):
        t = T - 1 - i
        times = torch.full((len(x),), t)
        x = p_sample_step(x, times, eps_fn(x, t), zs[i], betas, alpha_bars)
    return x


@wrong("uses one and the same fresh noise in every step", caught_by="test_each_noise")
def sample_loop__one_noise(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas) - 1, -1, -1):
        times = torch.full((len(x),), t)
        x = p_sample_step(x, times, eps_fn(x, t), zs[0], betas, alpha_bars)
    return x


@wrong("adds no fresh noise", caught_by="test_each_noise")
def sample_loop__no_noise(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas) - 1, -1, -1):
        times = torch.full((len(x),), t)
        x = mu_from_eps(x, times, eps_fn(x, t), betas, alpha_bars)
    return x


@wrong("adds fresh noise at t = 0 too", caught_by="test_point_data")
def sample_loop__noise_at_the_end(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas) - 1, -1, -1):
        times = torch.full((len(x),), t)
        x = p_sample_step(x, times, eps_fn(x, t), zs[t], betas, alpha_bars)
    return x + betas[0].sqrt() * zs[0]


@wrong("predicts the noise once, at the start, and keeps it", caught_by="test_order")
def sample_loop__predicts_once(eps_fn, xT, betas, alpha_bars, zs):
    x, eps = xT, eps_fn(xT, len(betas) - 1)
    for t in range(len(betas) - 1, -1, -1):
        x = p_sample_step(x, torch.full((len(x),), t), eps, zs[t], betas, alpha_bars)
    return x


@wrong("asks for the noise at the starting point in every step", caught_by="test_order")
def sample_loop__asks_at_start(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas) - 1, -1, -1):
        times = torch.full((len(x),), t)
        x = p_sample_step(x, times, eps_fn(xT, t), zs[t], betas, alpha_bars)
    return x


@wrong("tells the model the time of the step after", caught_by="test_order")
def sample_loop__previous_time(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas) - 1, -1, -1):
        times = torch.full((len(x),), t)
        x = p_sample_step(x, times, eps_fn(x, max(t - 1, 0)), zs[t], betas, alpha_bars)
    return x


@wrong("hands eps_fn a tensor of times instead of one int", caught_by="test_order")
def sample_loop__times_for_time(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas) - 1, -1, -1):
        times = torch.full((len(x),), t)
        x = p_sample_step(x, times, eps_fn(x, times), zs[t], betas, alpha_bars)
    return x


@wrong("gives the prediction in place of the fresh noise", caught_by="test_each_noise")
def sample_loop__noise_predicted(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in range(len(betas) - 1, -1, -1):
        eps = eps_fn(x, t)
        x = p_sample_step(x, torch.full((len(x),), t), eps, eps, betas, alpha_bars)
    return x


@wrong("jumps to the predicted data in one step", caught_by="test_each_noise")
def sample_loop__one_jump(eps_fn, xT, betas, alpha_bars, zs):
    t = len(betas) - 1
    return predict_x0(xT, torch.full((len(xT),), t), eps_fn(xT, t), alpha_bars)


@right("the step written out with numbers")
def sample_loop__written_out(eps_fn, xT, betas, alpha_bars, zs):
    x, T = xT.clone(), betas.shape[0]
    for t in reversed(range(T)):
        beta, after = betas[t], alpha_bars[t]
        x = (x - beta / torch.sqrt(1 - after) * eps_fn(x, t)) / torch.sqrt(1 - beta)
        if t > 0:
            x = x + torch.sqrt(beta * (1 - alpha_bars[t - 1]) / (1 - after)) * zs[t]
    return x


@right("a while loop through the predicted data")
def sample_loop__while(eps_fn, xT, betas, alpha_bars, zs):
    x, t = xT, len(betas) - 1
    while t >= 0:
        times = torch.zeros(x.shape[0], dtype=torch.long) + t
        x0 = predict_x0(x, times, eps_fn(x, t), alpha_bars)
        mean, var = q_posterior(x0, x, times, betas, alpha_bars)
        x = mean + var.sqrt().reshape(-1, *[1] * (x.dim() - 1)) * zs[t]
        t = t - 1
    return x


@right("under no_grad, recursively, from a list of all states")
def sample_loop__states(eps_fn, xT, betas, alpha_bars, zs):
    with torch.no_grad():
        states = [xT]
        for t in np.arange(len(betas))[::-1]:
            x = states[-1]
            times = torch.as_tensor([int(t)] * len(x))
            eps = eps_fn(x, int(t))
            states.append(p_sample_step(x, times, eps, zs[int(t)], betas, alpha_bars))
    return states[-1]


@wrong("makes at most fifty steps", caught_by="test_law")
def sample_loop__at_most_fifty(eps_fn, xT, betas, alpha_bars, zs):
    x = xT
    for t in list(reversed(range(len(betas))))[:50]:
        times = torch.full((len(x),), t, dtype=torch.long)
        x = p_sample_step(x, times, eps_fn(x, t), zs[t], betas, alpha_bars)
    return x


# ── ddim_step ─────────────────────────────────────────────────────────────────────────────────


@wrong("takes the variance for the deviation of the fresh noise", caught_by="test_fresh_noise")
def ddim_step__variance_as_deviation(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - var).sqrt() * eps + var * z


@wrong("ignores eta and never adds noise", caught_by="test_fresh_noise")
def ddim_step__deterministic(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before).sqrt() * eps


@wrong("ignores eta and always adds the full noise", caught_by="test_trajectory")
def ddim_step__eta_one(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - var).sqrt() * eps + var.sqrt() * z


@wrong("always steps to t - 1", caught_by="test_trajectory")
def ddim_step__one_step(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t - 1] if t >= 1 else torch.ones_like(after)
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - var).sqrt() * eps + var.sqrt() * z


@wrong("lets t_prev = -1 wrap round to the last alpha-bar", caught_by="test_to_data")
def ddim_step__wraps(xt, t, t_prev, eps, alpha_bars, eta, z):
    after, before = alpha_bars[t], alpha_bars[t_prev]
    var = (eta**2 * (1 - before) / (1 - after) * (1 - after / before)).clamp(min=0)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - var).clamp(min=0).sqrt() * eps + var.sqrt() * z


@wrong("treats t_prev = -1 as time 0", caught_by="test_to_data")
def ddim_step__clamped_time(xt, t, t_prev, eps, alpha_bars, eta, z):
    after, before = alpha_bars[t], alpha_bars[max(t_prev, 0)]
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - var).sqrt() * eps + var.sqrt() * z


@wrong("adds fresh noise without taking as much from the predicted one", caught_by="test_marginal")
def ddim_step__noise_on_top(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before).sqrt() * eps + var.sqrt() * z


@wrong("multiplies the variance, not the deviation, by eta", caught_by="test_fresh_noise")
def ddim_step__eta_not_squared(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = eta * (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - var).sqrt() * eps + var.sqrt() * z


@wrong("leaves the ratio of the noises out of the variance", caught_by="test_fresh_noise")
def ddim_step__no_ratio(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = (eta**2 * (1 - after / before)).clamp(max=1 - before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - var).sqrt() * eps + var.sqrt() * z


@wrong("subtracts the deviation where the variance belongs", caught_by="test_marginal")
def ddim_step__deviation_subtracted(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    sigma = eta * ((1 - before) / (1 - after) * (1 - after / before)).sqrt()
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - sigma).clamp(min=0).sqrt() * eps + sigma * z


@wrong("noises again with the noise level of t", caught_by="test_trajectory")
def ddim_step__old_level(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - after - var).sqrt() * eps + var.sqrt() * z


@wrong("noises the predicted data with fresh noise only", caught_by="test_trajectory")
def ddim_step__renoise(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before).sqrt() * z


@wrong("does not shrink the predicted data again", caught_by="test_trajectory")
def ddim_step__data_not_shrunk(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return x0 + (1 - before - var).sqrt() * eps + var.sqrt() * z


@wrong("swaps predicted and fresh noise", caught_by="test_trajectory")
def ddim_step__noises_swapped(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    x0 = (xt - (1 - after).sqrt() * eps) / after.sqrt()
    return before.sqrt() * x0 + (1 - before - var).sqrt() * z + var.sqrt() * eps


@wrong("clips the predicted data to [-1, 1]", caught_by="test_to_data")
def ddim_step__clipped(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t]
    before = alpha_bars[t_prev] if t_prev >= 0 else torch.ones_like(after)
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    x0 = ((xt - (1 - after).sqrt() * eps) / after.sqrt()).clamp(-1, 1)
    return before.sqrt() * x0 + (1 - before - var).sqrt() * eps + var.sqrt() * z


@right("with Python numbers")
def ddim_step__numbers(xt, t, t_prev, eps, alpha_bars, eta, z):
    after = alpha_bars[t].item()
    before = 1.0 if t_prev < 0 else alpha_bars[t_prev].item()
    sigma = eta * math.sqrt((1 - before) / (1 - after)) * math.sqrt(1 - after / before)
    x0 = (xt - math.sqrt(1 - after) * eps) / math.sqrt(after)
    direction = math.sqrt(max(1 - before - sigma**2, 0.0)) * eps
    return math.sqrt(before) * x0 + direction + sigma * z


@right("through predict_x0 and the posterior variance of one large step")
def ddim_step__large_step(xt, t, t_prev, eps, alpha_bars, eta, z):
    x0 = predict_x0(xt, torch.full((len(xt),), t), eps, alpha_bars)
    if t_prev == -1:
        return x0
    before, kept = alpha_bars[t_prev], alpha_bars[t] / alpha_bars[t_prev]
    pair = torch.stack([before, alpha_bars[t]])
    steps = torch.stack([1 - before, 1 - kept])
    var = eta**2 * q_posterior(x0[:1], x0[:1], torch.tensor([1]), steps, pair)[1]
    return before.sqrt() * x0 + (1 - before - var).sqrt() * eps + var.sqrt() * z


@right("NumPy, in float32, with alpha-bar before the first step appended at the end")
def ddim_step__appended(xt, t, t_prev, eps, alpha_bars, eta, z):
    table = np.append(alpha_bars.numpy(), 1.0)
    after, before = table[t], table[t_prev]
    var = eta**2 * (1 - before) / (1 - after) * (1 - after / before)
    xt, eps, z = (one.numpy().astype(np.float32) for one in (xt, eps, z))
    x0 = (xt - np.float32(np.sqrt(1 - after)) * eps) / np.float32(np.sqrt(after))
    rest = np.float32(np.sqrt(1 - before - var))
    return np.float32(np.sqrt(before)) * x0 + rest * eps + np.float32(np.sqrt(var)) * z


@right("without fresh noise where eta is 0")
def ddim_step__branches(xt, t, t_prev, eps, alpha_bars, eta, z):
    a = alpha_bars[t]
    b = torch.tensor(1.0, dtype=a.dtype) if t_prev == -1 else alpha_bars[t_prev]
    out = torch.sqrt(b / a) * (xt - torch.sqrt(1 - a) * eps)
    if eta == 0:
        return out + torch.sqrt(1 - b) * eps
    sigma = eta * torch.sqrt((1 - b) * (b - a) / ((1 - a) * b))
    return out + torch.sqrt(1 - b - sigma**2) * eps + sigma * z


# ── terminal_snr ──────────────────────────────────────────────────────────────────────────────


@wrong("returns the ratio of amplitudes", caught_by="test_value")
def terminal_snr__amplitudes(alpha_bars):
    return math.sqrt(alpha_bars[-1] / (1 - alpha_bars[-1]))


@wrong("returns the share of the signal, not its ratio to the noise", caught_by="test_value")
def terminal_snr__share(alpha_bars):
    return alpha_bars[-1].item()


@wrong("returns noise over signal", caught_by="test_value")
def terminal_snr__inverse(alpha_bars):
    return ((1 - alpha_bars[-1]) / alpha_bars[-1]).clamp(max=1e12).item()


@wrong("looks at the first step", caught_by="test_only_the_end")
def terminal_snr__first(alpha_bars):
    return (alpha_bars[0] / (1 - alpha_bars[0])).item()


@wrong("averages over the schedule", caught_by="test_only_the_end")
def terminal_snr__average(alpha_bars):
    return (alpha_bars / (1 - alpha_bars)).mean().item()


@wrong("returns the logarithm of the ratio", caught_by="test_value")
def terminal_snr__logarithm(alpha_bars):
    return torch.logit(alpha_bars[-1], eps=1e-12).item()


@wrong("returns decibels", caught_by="test_value")
def terminal_snr__decibels(alpha_bars):
    ratio = alpha_bars[-1] / (1 - alpha_bars[-1])
    return 10 * math.log10(ratio.item() + 1e-12)


@wrong("divides by the deviation of the noise", caught_by="test_value")
def terminal_snr__mixed(alpha_bars):
    return (alpha_bars[-1] / torch.sqrt(1 - alpha_bars[-1])).item()


@wrong("stops one step before the end", caught_by="test_value")
def terminal_snr__last_but_one(alpha_bars):
    return (alpha_bars[-2] / (1 - alpha_bars[-2])).item()


@wrong("uses the last step's own factor, not the product", caught_by="test_value")
def terminal_snr__last_alpha(alpha_bars):
    alpha = alpha_bars[-1] / alpha_bars[-2]
    return (alpha / (1 - alpha)).item()


@right("a tensor without dimensions")
def terminal_snr__tensor(alpha_bars):
    snr = alpha_bars / (1 - alpha_bars)
    return snr[-1]


@right("the exponential of the logit")
def terminal_snr__logit(alpha_bars):
    return torch.exp(torch.logit(alpha_bars[-1])).item()


@right("signal and noise measured apart, in float32")
def terminal_snr__roots(alpha_bars):
    last = alpha_bars.float()[len(alpha_bars) - 1]
    signal, noise = last.sqrt(), (1 - last).sqrt()
    return float(signal / noise) ** 2


# ── rescale_zero_terminal_snr ─────────────────────────────────────────────────────────────────


@wrong("shifts and scales the variances instead of the amplitudes", caught_by="test_amplitudes")
def rescale_zero_terminal_snr__variances(alpha_bars):
    first, last = alpha_bars[0], alpha_bars[-1]
    return (alpha_bars - last) * first / (first - last)


@wrong("sets the last value to 0 and leaves the rest", caught_by="test_amplitudes")
def rescale_zero_terminal_snr__last_only(alpha_bars):
    out = alpha_bars.clone()
    out[-1] = 0.0
    return out


@wrong("shifts the amplitudes but does not scale them back", caught_by="test_ends")
def rescale_zero_terminal_snr__not_scaled(alpha_bars):
    signal = alpha_bars.sqrt()
    return (signal - signal[-1]) ** 2


@wrong("scales so that the first value becomes 1", caught_by="test_ends")
def rescale_zero_terminal_snr__first_is_one(alpha_bars):
    signal = alpha_bars.sqrt()
    return ((signal - signal[-1]) / (signal[0] - signal[-1])) ** 2


@wrong("returns the amplitudes, not squared", caught_by="test_ends")
def rescale_zero_terminal_snr__amplitudes(alpha_bars):
    signal = alpha_bars.sqrt()
    return (signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])


@wrong("subtracts the last value from all variances", caught_by="test_ends")
def rescale_zero_terminal_snr__shifted(alpha_bars):
    return alpha_bars - alpha_bars[-1]


@wrong("multiplies by a ramp in time", caught_by="test_amplitudes")
def rescale_zero_terminal_snr__ramp(alpha_bars):
    return alpha_bars * torch.linspace(1, 0, len(alpha_bars), dtype=alpha_bars.dtype)


@wrong("replaces the schedule by a straight line in time", caught_by="test_amplitudes")
def rescale_zero_terminal_snr__straight(alpha_bars):
    line = torch.linspace(1, 0, len(alpha_bars), dtype=alpha_bars.dtype)
    return (alpha_bars[0].sqrt() * line) ** 2


@wrong("turns the scale upside down", caught_by="test_ends")
def rescale_zero_terminal_snr__upside_down(alpha_bars):
    signal = alpha_bars.sqrt()
    first, last = signal[0], signal[-1]
    return ((signal - last) * (first - last) / first) ** 2


@wrong("scales the variances by the amplitudes' factor", caught_by="test_ends")
def rescale_zero_terminal_snr__scale_outside(alpha_bars):
    signal = alpha_bars.sqrt()
    first, last = signal[0], signal[-1]
    return (signal - last) ** 2 * first / (first - last)


@wrong("returns the betas of the new schedule", caught_by="test_twice")
def rescale_zero_terminal_snr__betas(alpha_bars):
    signal = alpha_bars.sqrt()
    bars = ((signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])) ** 2
    return 1 - torch.cat([bars[:1], bars[1:] / bars[:-1]])


@wrong("changes the given schedule in place", caught_by="test_pure")
def rescale_zero_terminal_snr__in_place(alpha_bars):
    alpha_bars.sqrt_()
    first = alpha_bars[0].clone()
    alpha_bars -= alpha_bars[-1].clone()
    alpha_bars *= first / alpha_bars[0].clone()
    return alpha_bars.square_()


@right("NumPy's interpolation")
def rescale_zero_terminal_snr__interp(alpha_bars):
    signal = np.sqrt(alpha_bars.numpy())
    return np.interp(signal, [signal[-1], signal[0]], [0, signal[0]]) ** 2


@right("step by step on a copy, as in the paper")
def rescale_zero_terminal_snr__paper(alpha_bars):
    roots = alpha_bars.clone().sqrt()
    first, last = roots[0].clone(), roots[-1].clone()
    roots -= last
    roots *= first / (first - last)
    return roots**2


@right("a loop in float32")
def rescale_zero_terminal_snr__loop(alpha_bars):
    roots = [math.sqrt(value) for value in alpha_bars.tolist()]
    share = [(root - roots[-1]) / (roots[0] - roots[-1]) for root in roots]
    return torch.tensor([(one * roots[0]) ** 2 for one in share])


@right("lerp between the first amplitude and 0")
def rescale_zero_terminal_snr__lerp(alpha_bars):
    signal = alpha_bars**0.5
    lost = (signal[0] - signal) / (signal[0] - signal[-1])
    return torch.lerp(signal[0].expand_as(signal), torch.zeros_like(signal), lost) ** 2


# ── vlb_weights ───────────────────────────────────────────────────────────────────────────────


@wrong("leaves out the factor 1/2", caught_by="test_kl")
def vlb_weights__no_half(betas, alpha_bars):
    b, after, before = betas[1:], alpha_bars[1:], alpha_bars[:-1]
    var = b * (1 - before) / (1 - after)
    return b**2 / (var * (1 - b) * (1 - after))


@wrong("divides by alpha-bar where alpha belongs", caught_by="test_kl")
def vlb_weights__alpha_bar(betas, alpha_bars):
    b, after, before = betas[1:], alpha_bars[1:], alpha_bars[:-1]
    var = b * (1 - before) / (1 - after)
    return b**2 / (2 * var * after * (1 - after))


@wrong("takes beta for the variance of the reverse step", caught_by="test_kl")
def vlb_weights__beta(betas, alpha_bars):
    b, after = betas[1:], alpha_bars[1:]
    return b / (2 * (1 - b) * (1 - after))


@wrong("divides by the deviation of the reverse step", caught_by="test_kl")
def vlb_weights__deviation(betas, alpha_bars):
    b, after, before = betas[1:], alpha_bars[1:], alpha_bars[:-1]
    var = b * (1 - before) / (1 - after)
    return b**2 / (2 * var.sqrt() * (1 - b) * (1 - after))


@wrong("does not square the factor of the noise", caught_by="test_kl")
def vlb_weights__not_squared(betas, alpha_bars):
    b, after, before = betas[1:], alpha_bars[1:], alpha_bars[:-1]
    var = b * (1 - before) / (1 - after)
    return b / (2 * var * ((1 - b) * (1 - after)).sqrt())


@wrong("returns the weights of the data's error", caught_by="test_snr")
def vlb_weights__data(betas, alpha_bars):
    snr = alpha_bars / (1 - alpha_bars)
    return (snr[:-1] - snr[1:]) / 2


@wrong("leaves the division by alpha out", caught_by="test_kl")
def vlb_weights__no_alpha(betas, alpha_bars):
    b, after, before = betas[1:], alpha_bars[1:], alpha_bars[:-1]
    var = b * (1 - before) / (1 - after)
    return b**2 / (2 * var * (1 - after))


@wrong("gives every step the same weight", caught_by="test_kl")
def vlb_weights__simple(betas, alpha_bars):
    return torch.ones_like(betas[1:])


@wrong("returns the weights in the order of the walk back", caught_by="test_kl")
def vlb_weights__reversed(betas, alpha_bars):
    b, before = betas[1:], alpha_bars[:-1]
    return (b / (2 * (1 - b) * (1 - before))).flip(0)


@right("simplified by hand")
def vlb_weights__simplified(betas, alpha_bars):
    return betas[1:] / (2 * (1 - betas[1:]) * (1 - alpha_bars[:-1]))


@right("half the loss of signal-to-noise, from data to noise")
def vlb_weights__snr(betas, alpha_bars):
    snr = alpha_bars / (1 - alpha_bars)
    return (snr[:-1] / snr[1:] - 1) / 2


@right("probing the earlier functions with a noise of one")
def vlb_weights__probe(betas, alpha_bars):
    t = torch.arange(1, len(betas))
    one = torch.ones(len(t), dtype=betas.dtype)
    shift = mu_from_eps(0 * one, t, one, betas, alpha_bars)
    return shift**2 / (2 * q_posterior(one, one, t, betas, alpha_bars)[1])


# ── prior_kl ──────────────────────────────────────────────────────────────────────────────────


@wrong("leaves out the factor 1/2", caught_by="test_distributions")
def prior_kl__no_half(x0, alpha_bars):
    a = alpha_bars[-1]
    return (a * x0**2 - a - torch.log(1 - a)).sum(dim=1)


@wrong("averages over the coordinates", caught_by="test_zero_data")
def prior_kl__mean(x0, alpha_bars):
    a = alpha_bars[-1]
    return 0.5 * (a * x0**2 - a - torch.log(1 - a)).mean(dim=1)


@wrong("adds the variance's cost once, not once for each coordinate", caught_by="test_zero_data")
def prior_kl__one_coordinate(x0, alpha_bars):
    a = alpha_bars[-1]
    return 0.5 * (a * (x0**2).sum(dim=1) - a - torch.log(1 - a))


@wrong("leaves out the cost of the variance", caught_by="test_zero_data")
def prior_kl__mean_only(x0, alpha_bars):
    return 0.5 * alpha_bars[-1] * (x0**2).sum(dim=1)


@wrong("has the logarithm with the wrong sign", caught_by="test_zero_data")
def prior_kl__log_sign(x0, alpha_bars):
    a = alpha_bars[-1]
    return 0.5 * (a * x0**2 - a + torch.log(1 - a)).sum(dim=1)


@wrong("swaps the two distributions", caught_by="test_distributions")
def prior_kl__swapped(x0, alpha_bars):
    a = alpha_bars[-1]
    q = torch.distributions.Normal(a.sqrt() * x0, (1 - a).sqrt())
    p = torch.distributions.Normal(torch.zeros_like(x0), torch.ones_like(x0))
    return torch.distributions.kl_divergence(p, q).sum(dim=1)


@wrong("takes 1 - alpha-bar for a deviation", caught_by="test_distributions")
def prior_kl__deviation(x0, alpha_bars):
    a = alpha_bars[-1]
    q = torch.distributions.Normal(a.sqrt() * x0, 1 - a)
    p = torch.distributions.Normal(torch.zeros_like(x0), torch.ones_like(x0))
    return torch.distributions.kl_divergence(q, p).sum(dim=1)


@wrong("leaves the root off the signal", caught_by="test_growth")
def prior_kl__no_root(x0, alpha_bars):
    a = alpha_bars[-1]
    return 0.5 * (a**2 * x0**2 - a - torch.log(1 - a)).sum(dim=1)


@wrong("does not shrink the data", caught_by="test_growth")
def prior_kl__not_shrunk(x0, alpha_bars):
    a = alpha_bars[-1]
    return 0.5 * (x0**2 - a - torch.log(1 - a)).sum(dim=1)


@wrong("measures the state after the first step", caught_by="test_distributions")
def prior_kl__first_step(x0, alpha_bars):
    a = alpha_bars[0]
    return 0.5 * (a * x0**2 - a - torch.log(1 - a)).sum(dim=1)


@wrong("averages over the batch", caught_by="test_distributions")
def prior_kl__batch_mean(x0, alpha_bars):
    a = alpha_bars[-1]
    return 0.5 * (a * x0**2 - a - torch.log(1 - a)).sum(dim=1).mean()


@right("through torch.distributions")
def prior_kl__distributions(x0, alpha_bars):
    a = alpha_bars[-1]
    q = torch.distributions.Normal(a.sqrt() * x0, (1 - a).sqrt())
    p = torch.distributions.Normal(torch.zeros_like(x0), torch.ones_like(x0))
    return torch.distributions.kl_divergence(q, p).sum(dim=-1)


@right("the usual formula with a log-variance, in float32")
def prior_kl__log_variance(x0, alpha_bars):
    a = alpha_bars.float()[-1]
    mu, logvar = a.sqrt() * x0.float(), torch.log(1 - a)
    return -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)


@right("sample by sample with matrices")
def prior_kl__matrices(x0, alpha_bars):
    a = float(alpha_bars[-1])
    rows = []
    for x in x0:
        mean, size = math.sqrt(a) * x, len(x)
        rows.append(0.5 * (size * (1 - a) + mean @ mean - size - size * math.log(1 - a)))
    return torch.stack(rows)


@right("NumPy")
def prior_kl__numpy(x0, alpha_bars):
    a = alpha_bars.numpy()[-1]
    squares = (x0.numpy() ** 2).sum(axis=1)
    return 0.5 * (a * squares - x0.shape[1] * (a + np.log1p(-a)))


@right("in float32, as the formula is printed")
def prior_kl__float32(x0, alpha_bars):
    last = alpha_bars[-1].float()
    x = x0.float()
    var = 1 - last
    return 0.5 * (last * x**2 + var - 1 - torch.log(var)).sum(1)
