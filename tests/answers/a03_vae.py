"""Known answers of chapter 3: misconceptions, and other right ways."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.answers import right, wrong
from solutions.a03_vae import (
    bernoulli_logprob,
    gaussian_logprob,
    kl_standard,
    kl_two_gaussians,
    reparameterize,
)

# ── gaussian_logprob ──────────────────────────────────────────────────────────────────────────


@wrong("returns minus the squared error and calls it a log-density", caught_by="test_density")
def gaussian_logprob__squared_error(x, mu, logvar):
    return -((x - mu) ** 2).sum(dim=1)


@wrong(
    "weighs the squared error by the variance but has no normalising constant",
    caught_by="test_integrates_to_one",
)
def gaussian_logprob__unnormalised(x, mu, logvar):
    return -0.5 * ((x - mu) ** 2 / logvar.exp()).sum(dim=1)


@wrong("leaves out the constant log 2 pi", caught_by="test_integrates_to_one")
def gaussian_logprob__no_two_pi(x, mu, logvar):
    return -0.5 * (logvar + (x - mu) ** 2 / logvar.exp()).sum(dim=1)


@wrong("adds log 2 pi once instead of once for each coordinate", caught_by="test_density")
def gaussian_logprob__one_two_pi(x, mu, logvar):
    terms = logvar + (x - mu) ** 2 / logvar.exp()
    return -0.5 * (math.log(2 * math.pi) + terms.sum(dim=1))


@wrong("leaves out the log-variance term", caught_by="test_gradients")
def gaussian_logprob__no_logvar(x, mu, logvar):
    return -0.5 * (math.log(2 * math.pi) + (x - mu) ** 2 / logvar.exp()).sum(dim=1)


@wrong("does not divide the squared error by the variance", caught_by="test_far_point")
def gaussian_logprob__not_scaled(x, mu, logvar):
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mu) ** 2).sum(dim=1)


@wrong("leaves out the factor 1/2", caught_by="test_density")
def gaussian_logprob__no_half(x, mu, logvar):
    return -(math.log(2 * math.pi) + logvar + (x - mu) ** 2 / logvar.exp()).sum(dim=1)


@wrong("halves the squared term but not the log-variance", caught_by="test_integrates_to_one")
def gaussian_logprob__half_on_square_only(x, mu, logvar):
    log_z = 0.5 * math.log(2 * math.pi) + logvar
    return (-log_z - 0.5 * (x - mu) ** 2 / logvar.exp()).sum(dim=1)


@wrong("takes the log-variance for the log of the standard deviation", caught_by="test_density")
def gaussian_logprob__log_std(x, mu, logvar):
    std = logvar.exp()
    z = (x - mu) / std
    return (-0.5 * math.log(2 * math.pi) - std.log() - 0.5 * z**2).sum(dim=1)


@wrong("has the log-variance with the wrong sign", caught_by="test_density")
def gaussian_logprob__plus_logvar(x, mu, logvar):
    return -0.5 * (math.log(2 * math.pi) - logvar + (x - mu) ** 2 / logvar.exp()).sum(dim=1)


@wrong("takes the exponential first and the logarithm of it afterwards", caught_by="test_far_point")
def gaussian_logprob__log_of_density(x, mu, logvar):
    var = logvar.exp()
    density = torch.exp(-((x - mu) ** 2) / (2 * var)) / torch.sqrt(2 * math.pi * var)
    return torch.log(density).sum(dim=1)


@wrong("averages over the coordinates instead of summing", caught_by="test_density")
def gaussian_logprob__mean(x, mu, logvar):
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mu) ** 2 / logvar.exp()).mean(dim=1)


@wrong("returns the negative log-density, the loss", caught_by="test_density")
def gaussian_logprob__negated(x, mu, logvar):
    return F.gaussian_nll_loss(mu, x, logvar.exp(), full=True, reduction="none").sum(dim=1)


@wrong("returns one number for the whole batch", caught_by="test_density")
def gaussian_logprob__total(x, mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).log_prob(x).sum()


@wrong("leaves the coordinates unsummed", caught_by="test_density")
def gaussian_logprob__not_summed(x, mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).log_prob(x)


@wrong("hands the log-variance to torch as the scale", caught_by="test_density")
def gaussian_logprob__logvar_as_scale(x, mu, logvar):
    normal = torch.distributions.Normal(mu, logvar.abs(), validate_args=False)
    return normal.log_prob(x).sum(dim=1)


@right("through torch.distributions.Normal")
def gaussian_logprob__normal(x, mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).log_prob(x).sum(dim=-1)


@right("through a multivariate normal with a diagonal covariance")
def gaussian_logprob__multivariate(x, mu, logvar):
    covariance = torch.diag_embed(logvar.exp())
    return torch.distributions.MultivariateNormal(mu, covariance).log_prob(x)


@right("through the library's full Gaussian loss")
def gaussian_logprob__nll_loss(x, mu, logvar):
    loss = F.gaussian_nll_loss(mu, x, logvar.exp(), full=True, reduction="none")
    return -loss.sum(dim=1)


@right("a loop over samples and coordinates")
def gaussian_logprob__loop(x, mu, logvar):
    rows = []
    for b in range(x.shape[0]):
        total = 0.0
        for j in range(x.shape[1]):
            sigma = torch.exp(logvar[b, j] / 2)
            standard = (x[b, j] - mu[b, j]) / sigma
            total = total - 0.5 * standard**2 - torch.log(sigma) - 0.5 * np.log(2 * np.pi)
        rows.append(total)
    return torch.stack(rows)


@right("in float32")
def gaussian_logprob__float32(x, mu, logvar):
    x, mu, logvar = x.float(), mu.float(), logvar.float()
    d = x.shape[1]
    mahalanobis = ((x - mu) * torch.exp(-0.5 * logvar)).pow(2).sum(1)
    return -0.5 * (d * math.log(2 * math.pi) + logvar.sum(1) + mahalanobis)


@wrong("clamps the log-variance", caught_by="test_far_point")
def gaussian_logprob__clamped(x, mu, logvar):
    logvar = logvar.clamp(-30, 20)
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mu) ** 2 * torch.exp(-logvar)).sum(1)


@wrong("adds a small number to the variance", caught_by="test_far_point")
def gaussian_logprob__added(x, mu, logvar):
    return -0.5 * (math.log(2 * math.pi) + logvar + (x - mu) ** 2 / (torch.exp(logvar) + 1e-8)).sum(
        1
    )


# ── bernoulli_logprob ─────────────────────────────────────────────────────────────────────────


@wrong("averages over the pixels instead of summing", caught_by="test_probabilities_sum_to_one")
def bernoulli_logprob__mean(x, logits):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").mean(dim=1)


@wrong("returns one mean for the whole batch", caught_by="test_grey_pixels")
def bernoulli_logprob__batch_mean(x, logits):
    return -F.binary_cross_entropy_with_logits(logits, x)


@wrong("returns the cross-entropy, with the opposite sign", caught_by="test_grey_pixels")
def bernoulli_logprob__negated(x, logits):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1)


@wrong("uses the logits as if they were probabilities, clipped", caught_by="test_grey_pixels")
def bernoulli_logprob__logits_as_probabilities(x, logits):
    p = logits.clamp(1e-6, 1 - 1e-6)
    return (x * p.log() + (1 - x) * (1 - p).log()).sum(dim=1)


@wrong(
    "applies the sigmoid twice: once itself, once in the library's loss",
    caught_by="test_grey_pixels",
)
def bernoulli_logprob__double_sigmoid(x, logits):
    p = torch.sigmoid(logits)
    return -F.binary_cross_entropy_with_logits(p, x, reduction="none").sum(dim=1)


@wrong("uses the squared error of the pixels", caught_by="test_probabilities_sum_to_one")
def bernoulli_logprob__squared_error(x, logits):
    return -((x - torch.sigmoid(logits)) ** 2).sum(dim=1)


@wrong("swaps image and logits in the library's loss", caught_by="test_grey_pixels")
def bernoulli_logprob__swapped(x, logits):
    return -F.binary_cross_entropy_with_logits(x, logits, reduction="none").sum(dim=1)


@wrong("takes the logarithm of a sigmoid that has rounded to 0 or 1", caught_by="test_gradient")
def bernoulli_logprob__naive(x, logits):
    p = torch.sigmoid(logits)
    return (x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(dim=1)


@wrong(
    "adds a small number inside the logarithm, which caps every cost",
    caught_by="test_extreme_logits",
)
def bernoulli_logprob__epsilon(x, logits):
    p = torch.sigmoid(logits)
    return (x * torch.log(p + 1e-8) + (1 - x) * torch.log(1 - p + 1e-8)).sum(dim=1)


@wrong(
    "goes through probabilities and a loss that cuts logarithms off at -100",
    caught_by="test_extreme_logits",
)
def bernoulli_logprob__probability_loss(x, logits):
    return -F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="none").sum(dim=1)


@wrong("clamps the logits", caught_by="test_extreme_logits")
def bernoulli_logprob__clamped(x, logits):
    logits = logits.clamp(-30, 30)
    return (x * logits - F.softplus(logits)).sum(dim=1)


@wrong("leaves out the pixels' dark side, (1 - x) log(1 - p)", caught_by="test_grey_pixels")
def bernoulli_logprob__only_ones(x, logits):
    return (x * F.logsigmoid(logits)).sum(dim=1)


@wrong("rounds grey pixels to black or white", caught_by="test_grey_pixels")
def bernoulli_logprob__binarised(x, logits):
    x = (x > 0.5).to(logits.dtype)
    return (x * logits - F.softplus(logits)).sum(dim=1)


@wrong("has the sign of the logits turned round", caught_by="test_grey_pixels")
def bernoulli_logprob__flipped(x, logits):
    return (x * F.logsigmoid(-logits) + (1 - x) * F.logsigmoid(logits)).sum(dim=1)


@wrong(
    "computes values in NumPy, so that no gradient reaches the decoder",
    caught_by="test_gradient",
)
def bernoulli_logprob__no_gradient(x, logits):
    pixels, scores = x.numpy(), logits.detach().numpy()
    return torch.tensor((pixels * scores - np.logaddexp(0, scores)).sum(axis=1))


@right("through the library's loss on logits")
def bernoulli_logprob__bce_with_logits(x, logits):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1)


@right("two log-sigmoids")
def bernoulli_logprob__logsigmoid(x, logits):
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(-1)


@right("through torch.distributions.Bernoulli")
def bernoulli_logprob__distribution(x, logits):
    bernoulli = torch.distributions.Bernoulli(logits=logits, validate_args=False)
    return bernoulli.log_prob(x).sum(dim=1)


@right("logaddexp with zero")
def bernoulli_logprob__logaddexp(x, logits):
    log_z = torch.logaddexp(logits, torch.zeros_like(logits))
    return torch.einsum("bd,bd->b", x, logits) - log_z.sum(dim=1)


@right("the stable form written out, one pixel at a time, in float32")
def bernoulli_logprob__loop(x, logits):
    x, logits = x.float(), logits.float()
    total = torch.zeros(x.shape[0])
    for j in range(x.shape[1]):
        score = logits[:, j]
        log_z = score.clamp(min=0) + torch.log1p(torch.exp(-score.abs()))
        total = total + x[:, j] * score - log_z
    return total


@right("by a maximum and the absolute value, whose slopes at 0 are right")
def bernoulli_logprob__maximum(x, logits):
    top = torch.maximum(logits, torch.zeros_like(logits))
    return -(top - logits * x + torch.log1p(torch.exp(-torch.abs(logits)))).sum(1)


# ── kl_standard ───────────────────────────────────────────────────────────────────────────────


@wrong("leaves out the factor 1/2", caught_by="test_definition")
def kl_standard__no_half(mu, logvar):
    return (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)


@wrong("returns minus the KL, the term as it stands in the ELBO", caught_by="test_definition")
def kl_standard__negated(mu, logvar):
    return 0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(dim=1)


@wrong("averages over the latent coordinates instead of summing", caught_by="test_definition")
def kl_standard__mean_over_dims(mu, logvar):
    return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).mean(dim=1)


@wrong("sums over the batch and keeps the latent coordinates", caught_by="test_definition")
def kl_standard__sum_over_batch(mu, logvar):
    return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(dim=0)


@wrong("returns one number for the whole batch", caught_by="test_definition")
def kl_standard__total(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong("takes the log-variance for the log of the standard deviation", caught_by="test_definition")
def kl_standard__log_std(mu, logvar):
    sigma = logvar.exp()
    return (0.5 * (sigma**2 + mu**2 - 1) - sigma.log()).sum(dim=1)


@wrong("forgets the -1, so that the KL of N(0, I) to itself is not 0", caught_by="test_moved")
def kl_standard__no_minus_one(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - logvar).sum(dim=1)


@wrong("subtracts the 1 once, not once for each coordinate", caught_by="test_moved")
def kl_standard__one_minus_one(mu, logvar):
    return 0.5 * ((mu**2 + logvar.exp() - logvar).sum(dim=1) - 1)


@wrong("does not square the mean", caught_by="test_moved")
def kl_standard__mean_not_squared(mu, logvar):
    return 0.5 * (mu + logvar.exp() - 1 - logvar).sum(dim=1)


@wrong("leaves out the mean", caught_by="test_moved")
def kl_standard__no_mean(mu, logvar):
    return 0.5 * (logvar.exp() - 1 - logvar).sum(dim=1)


@wrong("measures the other direction, from the prior to the posterior", caught_by="test_definition")
def kl_standard__reversed(mu, logvar):
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    return torch.distributions.kl_divergence(p, q).sum(dim=1)


@wrong("uses sigma where the variance belongs", caught_by="test_widened_and_narrowed")
def kl_standard__sigma_for_variance(mu, logvar):
    sigma = torch.exp(0.5 * logvar)
    return 0.5 * (mu**2 + sigma - 1 - logvar).sum(dim=1)


@wrong("adds the log-variance instead of subtracting it", caught_by="test_widened_and_narrowed")
def kl_standard__plus_logvar(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 + logvar).sum(dim=1)


@wrong("passes variances to torch where it asks for scales", caught_by="test_definition")
def kl_standard__logvar_exp_as_scale_clamped(mu, logvar):
    q = torch.distributions.Normal(mu, logvar.exp().clamp(min=1e-6))
    p = torch.distributions.Normal(0.0, 1.0)
    return torch.distributions.kl_divergence(q, p).sum(dim=1)


@wrong(
    "estimates the KL from one random draw instead of the closed form", caught_by="test_definition"
)
def kl_standard__one_draw(mu, logvar):
    q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    z = q.rsample()
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return (q.log_prob(z) - p.log_prob(z)).sum(dim=1)


@right("through torch.distributions")
def kl_standard__distributions(mu, logvar):
    q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(q, p).sum(dim=1)


@right("the usual one-liner, last dimension")
def kl_standard__one_liner(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=-1)


@right("with expm1, in float32")
def kl_standard__expm1(mu, logvar):
    mu, logvar = mu.float(), logvar.float()
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar).sum(1)


@right("traces and determinants of full matrices, sample by sample")
def kl_standard__matrices(mu, logvar):
    rows = []
    for m, lv in zip(mu, logvar, strict=True):
        covariance = torch.diag(lv.exp())
        log_det = torch.logdet(covariance)
        rows.append(0.5 * (torch.trace(covariance) + m @ m - len(m) - log_det))
    return torch.stack(rows)


# ── kl_two_gaussians ──────────────────────────────────────────────────────────────────────────


@wrong("swaps the two distributions: KL(p || q)", caught_by="test_order")
def kl_two_gaussians__swapped(mq, lq, mp, lp):
    return 0.5 * (lq - lp + torch.exp(lp - lq) + (mq - mp) ** 2 * torch.exp(-lq) - 1).sum(dim=1)


@wrong("divides the squared distance by the variance of q", caught_by="test_definition")
def kl_two_gaussians__distance_by_q(mq, lq, mp, lp):
    return 0.5 * (lp - lq + torch.exp(lq - lp) + (mq - mp) ** 2 * torch.exp(-lq) - 1).sum(dim=1)


@wrong(
    "does not divide the squared distance of the means by a variance", caught_by="test_definition"
)
def kl_two_gaussians__distance_not_scaled(mq, lq, mp, lp):
    return 0.5 * (lp - lq + torch.exp(lq - lp) + (mq - mp) ** 2 - 1).sum(dim=1)


@wrong("divides the squared distance by sigma, not by the variance", caught_by="test_definition")
def kl_two_gaussians__distance_by_sigma(mq, lq, mp, lp):
    shift = (mq - mp) ** 2 / torch.exp(0.5 * lp)
    return 0.5 * (lp - lq + torch.exp(lq - lp) + shift - 1).sum(dim=1)


@wrong("has the difference of the log-variances with the wrong sign", caught_by="test_definition")
def kl_two_gaussians__log_sign(mq, lq, mp, lp):
    return 0.5 * (lq - lp + torch.exp(lq - lp) + (mq - mp) ** 2 * torch.exp(-lp) - 1).sum(dim=1)


@wrong("has the ratio of the variances upside down", caught_by="test_definition")
def kl_two_gaussians__ratio_inverted(mq, lq, mp, lp):
    return 0.5 * (lp - lq + torch.exp(lp - lq) + (mq - mp) ** 2 * torch.exp(-lp) - 1).sum(dim=1)


@wrong("leaves out the factor 1/2", caught_by="test_definition")
def kl_two_gaussians__no_half(mq, lq, mp, lp):
    return (lp - lq + torch.exp(lq - lp) + (mq - mp) ** 2 * torch.exp(-lp) - 1).sum(dim=1)


@wrong("leaves out the -1", caught_by="test_invariance")
def kl_two_gaussians__no_minus_one(mq, lq, mp, lp):
    return 0.5 * (lp - lq + torch.exp(lq - lp) + (mq - mp) ** 2 * torch.exp(-lp)).sum(dim=1)


@wrong("averages over the coordinates", caught_by="test_definition")
def kl_two_gaussians__mean(mq, lq, mp, lp):
    return 0.5 * (lp - lq + torch.exp(lq - lp) + (mq - mp) ** 2 * torch.exp(-lp) - 1).mean(dim=1)


@wrong("returns one number for the batch", caught_by="test_definition")
def kl_two_gaussians__total(mq, lq, mp, lp):
    return 0.5 * (lp - lq + torch.exp(lq - lp) + (mq - mp) ** 2 * torch.exp(-lp) - 1).sum()


@wrong("takes the log-variances for logs of standard deviations", caught_by="test_definition")
def kl_two_gaussians__log_std(mq, lq, mp, lp):
    q = torch.distributions.Normal(mq, lq.exp())
    p = torch.distributions.Normal(mp, lp.exp())
    return torch.distributions.kl_divergence(q, p).sum(dim=1)


@wrong("does not square the distance of the means", caught_by="test_definition")
def kl_two_gaussians__not_squared(mq, lq, mp, lp):
    return 0.5 * (lp - lq + torch.exp(lq - lp) + (mq - mp).abs() * torch.exp(-lp) - 1).sum(dim=1)


@wrong(
    "subtracts the KLs of q and p to the standard normal",
    caught_by="test_definition",
)
def kl_two_gaussians__difference(mq, lq, mp, lp):
    return kl_standard(mq, lq) - kl_standard(mp, lp)


@wrong("moves the mean to p's but ignores p's variance", caught_by="test_order")
def kl_two_gaussians__only_means(mq, lq, mp, lp):
    return kl_standard(mq - mp, lq)


@wrong("averages the two directions into a symmetric number", caught_by="test_order")
def kl_two_gaussians__symmetric(mq, lq, mp, lp):
    q = torch.distributions.Normal(mq, torch.exp(0.5 * lq))
    p = torch.distributions.Normal(mp, torch.exp(0.5 * lp))
    kl = torch.distributions.kl_divergence
    return 0.5 * (kl(q, p) + kl(p, q)).sum(dim=1)


@wrong(
    "detaches the second distribution, as if it could not be learned", caught_by="test_gradients"
)
def kl_two_gaussians__prior_detached(mq, lq, mp, lp):
    mp, lp = mp.detach(), lp.detach()
    return 0.5 * (lp - lq + torch.exp(lq - lp) + (mq - mp) ** 2 * torch.exp(-lp) - 1).sum(dim=1)


@right("through torch.distributions")
def kl_two_gaussians__distributions(mq, lq, mp, lp):
    q = torch.distributions.Normal(mq, torch.exp(0.5 * lq))
    p = torch.distributions.Normal(mp, torch.exp(0.5 * lp))
    return torch.distributions.kl_divergence(q, p).sum(dim=1)


@right("measured in p's units, where p is the standard normal")
def kl_two_gaussians__whitened(mq, lq, mp, lp):
    return kl_standard((mq - mp) * torch.exp(-0.5 * lp), lq - lp)


@right("with sigmas and a quotient, in float32")
def kl_two_gaussians__sigmas(mq, lq, mp, lp):
    mq, lq, mp, lp = mq.float(), lq.float(), mp.float(), lp.float()
    sq, sp = torch.exp(lq / 2), torch.exp(lp / 2)
    return (torch.log(sp / sq) + (sq**2 + (mq - mp) ** 2) / (2 * sp**2) - 0.5).sum(1)


@right("cross-entropy minus entropy")
def kl_two_gaussians__entropies(mq, lq, mp, lp):
    q = torch.distributions.Normal(mq, torch.exp(0.5 * lq))
    cross = -gaussian_logprob(mq, mp, lp) + 0.5 * torch.exp(lq - lp).sum(dim=1)
    return cross - q.entropy().sum(dim=1)


@wrong("clamps the log-variances", caught_by="test_invariance")
def kl_two_gaussians__clamped(mq, lq, mp, lp):
    lq, lp = lq.clamp(-20, 20), lp.clamp(-20, 20)
    return 0.5 * (lp - lq + torch.exp(lq - lp) + (mq - mp) ** 2 * torch.exp(-lp) - 1).sum(1)


@wrong("adds a small number to the variance it divides by", caught_by="test_invariance")
def kl_two_gaussians__added(mq, lq, mp, lp):
    vq, vp = lq.exp(), lp.exp()
    return 0.5 * (lp - lq + (vq + (mq - mp) ** 2) / (vp + 1e-8) - 1).sum(1)


# ── pathwise_grad ─────────────────────────────────────────────────────────────────────────────


@wrong("uses f where its derivative belongs", caught_by="test_unbiased_square")
def pathwise_grad__f_not_df(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([f(z), f(z) * eps])


@wrong("takes the derivative at the mean, not at the sample", caught_by="test_unbiased_cubic")
def pathwise_grad__at_mean(f, df, mu, s, eps):
    slope = df(mu + 0 * eps)
    return np.stack([slope, slope * eps])


@wrong("takes the derivative at the noise, not at z", caught_by="test_unbiased_square")
def pathwise_grad__at_noise(f, df, mu, s, eps):
    return np.stack([df(eps), df(eps) * eps])


@wrong("multiplies by s where the noise belongs", caught_by="test_unbiased_square")
def pathwise_grad__s_for_eps(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z), df(z) * s])


@wrong("multiplies by z instead of the noise in the row for s", caught_by="test_unbiased_square")
def pathwise_grad__z_for_eps(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z), df(z) * z])


@wrong("forgets the noise in the row for s", caught_by="test_unbiased_square")
def pathwise_grad__no_eps(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z), df(z)])


@wrong("returns the two rows in the other order", caught_by="test_unbiased_square")
def pathwise_grad__rows_swapped(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z) * eps, df(z)])


@wrong("scales the noise by the variance s^2", caught_by="test_unbiased_cubic")
def pathwise_grad__s_squared(f, df, mu, s, eps):
    z = mu + s**2 * eps
    return np.stack([df(z), df(z) * eps])


@wrong(
    "differentiates in the variance s^2 instead of s",
    caught_by="test_unbiased_square",
)
def pathwise_grad__in_variance(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z), df(z) * eps / (2 * s)])


@wrong("differentiates in log s instead of s", caught_by="test_unbiased_square")
def pathwise_grad__in_log_s(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z), df(z) * (z - mu)])


@wrong(
    "multiplies row 0 by s, as if z moved s times as fast as mu", caught_by="test_unbiased_cubic"
)
def pathwise_grad__extra_s(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z) * s, df(z) * s * eps])


@wrong("is the score-function estimator: unbiased, but another one", caught_by="test_variance")
def pathwise_grad__score_function(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([f(z) * eps / s, f(z) * (eps**2 - 1) / s])


@wrong("averages over the noise and repeats the mean", caught_by="test_each_sample")
def pathwise_grad__averaged(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z).mean() + 0 * z, (df(z) * eps).mean() + 0 * z])


@right("a loop over the samples")
def pathwise_grad__loop(f, df, mu, s, eps):
    out = np.zeros((2, len(eps)))
    for i, e in enumerate(eps):
        slope = df(np.array([mu + s * e]))[0]
        out[0, i] = slope
        out[1, i] = slope * e
    return out


@right("an outer product of chain-rule factors")
def pathwise_grad__chain_rule(f, df, mu, s, eps):
    dz = np.vstack([np.ones_like(eps), eps])
    return df(mu + s * eps)[None, :] * dz


@right("finite differences of f along each sample's path")
def pathwise_grad__differences(f, df, mu, s, eps):
    h = 1e-5
    d_mu = (f(mu + h + s * eps) - f(mu - h + s * eps)) / (2 * h)
    d_s = (f(mu + (s + h) * eps) - f(mu + (s - h) * eps)) / (2 * h)
    return np.array([d_mu, d_s])


# ── score_function_grad ───────────────────────────────────────────────────────────────────────


@wrong("leaves out the -1 in the row for s", caught_by="test_score")
def score_function_grad__no_minus_one(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([f(z) * eps / s, f(z) * eps**2 / s])


@wrong("divides by the variance s^2 although eps is already standardised", caught_by="test_score")
def score_function_grad__s_squared(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([f(z) * eps / s**2, f(z) * (eps**2 - 1) / s**2])


@wrong("does not divide by s", caught_by="test_unbiased_square")
def score_function_grad__no_s(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([f(z) * eps, f(z) * (eps**2 - 1)])


@wrong("uses z where the noise belongs", caught_by="test_score")
def score_function_grad__z_for_eps(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([f(z) * z / s, f(z) * (z**2 - 1) / s])


@wrong(
    "divides z - mu by s once in the score, and does not standardise in the second row",
    caught_by="test_score",
)
def score_function_grad__not_standardised(f, df, mu, s, eps):
    delta = s * eps
    z = mu + delta
    return np.stack([f(z) * delta / s, f(z) * (delta**2 - 1) / s])


@wrong("uses the derivative of f where its value belongs", caught_by="test_unbiased_cubic")
def score_function_grad__df_not_f(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z) * eps / s, df(z) * (eps**2 - 1) / s])


@wrong("evaluates f at the mean", caught_by="test_unbiased_square")
def score_function_grad__at_mean(f, df, mu, s, eps):
    value = f(mu + 0 * eps)
    return np.stack([value * eps / s, value * (eps**2 - 1) / s])


@wrong("evaluates f at the noise", caught_by="test_unbiased_square")
def score_function_grad__at_noise(f, df, mu, s, eps):
    return np.stack([f(eps) * eps / s, f(eps) * (eps**2 - 1) / s])


@wrong("multiplies f by the log-density instead of its derivative", caught_by="test_score")
def score_function_grad__log_density(f, df, mu, s, eps):
    z = mu + s * eps
    log_q = -0.5 * np.log(2 * np.pi) - np.log(s) - 0.5 * eps**2
    return np.stack([f(z) * log_q, f(z) * log_q])


@wrong("differentiates the density, not its logarithm", caught_by="test_score")
def score_function_grad__density(f, df, mu, s, eps):
    z = mu + s * eps
    q = np.exp(-0.5 * eps**2) / (s * np.sqrt(2 * np.pi))
    return np.stack([f(z) * q * eps / s, f(z) * q * (eps**2 - 1) / s])


@wrong("has the score with the opposite sign", caught_by="test_score")
def score_function_grad__sign(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([-f(z) * eps / s, f(z) * (1 - eps**2) / s])


@wrong("differentiates in the variance s^2 instead of s", caught_by="test_score")
def score_function_grad__in_variance(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([f(z) * eps / s, f(z) * (eps**2 - 1) / (2 * s**2)])


@wrong("differentiates in log s instead of s", caught_by="test_score")
def score_function_grad__in_log_s(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([f(z) * eps / s, f(z) * (eps**2 - 1)])


@wrong("returns the two rows in the other order", caught_by="test_score")
def score_function_grad__rows_swapped(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([f(z) * (eps**2 - 1) / s, f(z) * eps / s])


@wrong("subtracts the mean of f as a baseline, which was not asked for", caught_by="test_score")
def score_function_grad__baseline(f, df, mu, s, eps):
    z = mu + s * eps
    advantage = f(z) - f(z).mean()
    return np.stack([advantage * eps / s, advantage * (eps**2 - 1) / s])


@wrong("is the pathwise estimator, which needs the derivative of f", caught_by="test_step_function")
def score_function_grad__pathwise(f, df, mu, s, eps):
    z = mu + s * eps
    return np.stack([df(z), df(z) * eps])


@right("the score written with z and mu")
def score_function_grad__with_z(f, df, mu, s, eps):
    z = mu + s * eps
    score_mu = (z - mu) / s**2
    score_s = (z - mu) ** 2 / s**3 - 1 / s
    return f(z) * np.array([score_mu, score_s])


@right("the score by torch's autograd")
def score_function_grad__autograd(f, df, mu, s, eps):
    z = torch.tensor(mu + s * eps)
    m = torch.full_like(z, mu, requires_grad=True)
    scale = torch.full_like(z, s, requires_grad=True)
    log_q = torch.distributions.Normal(m, scale).log_prob(z).sum()
    score = torch.autograd.grad(log_q, [m, scale])
    return f(z.numpy()) * torch.stack(score).numpy()


@right("a loop over the samples")
def score_function_grad__loop(f, df, mu, s, eps):
    rows = []
    for e in eps:
        value = f(np.array([mu + s * e])).item()
        rows.append([value * e / s, value * (e * e - 1) / s])
    return np.array(rows).T


# ── reparameterize ────────────────────────────────────────────────────────────────────────────


@wrong("scales the noise by the variance instead of sigma", caught_by="test_value")
def reparameterize__variance(mu, logvar, eps):
    return mu + torch.exp(logvar) * eps


@wrong("scales the noise by the log-variance itself", caught_by="test_value")
def reparameterize__logvar_as_std(mu, logvar, eps):
    return mu + logvar * eps


@wrong("squares the variance: exp(2 logvar)", caught_by="test_value")
def reparameterize__double(mu, logvar, eps):
    return mu + torch.exp(2 * logvar) * eps


@wrong("has the 1/2 outside of the exponential", caught_by="test_value")
def reparameterize__half_outside(mu, logvar, eps):
    return mu + 0.5 * torch.exp(logvar) * eps


@wrong("scales the noise by 1/sigma", caught_by="test_value")
def reparameterize__precision(mu, logvar, eps):
    return mu + torch.exp(-0.5 * logvar) * eps


@wrong("takes a softplus of the log-variance for sigma", caught_by="test_value")
def reparameterize__softplus(mu, logvar, eps):
    return mu + F.softplus(logvar) * eps


@wrong("takes the square root of the log-variance for sigma", caught_by="test_value")
def reparameterize__root_of_logvar(mu, logvar, eps):
    return mu + logvar.abs().sqrt() * eps


@wrong("adds the noise unscaled", caught_by="test_value")
def reparameterize__unscaled(mu, logvar, eps):
    return mu + eps


@wrong("returns the mean and leaves the noise out", caught_by="test_value")
def reparameterize__mean_only(mu, logvar, eps):
    return mu + 0 * logvar + 0 * eps


@wrong(
    "subtracts the scaled noise: the same law, but the quantiles are mirrored",
    caught_by="test_value",
)
def reparameterize__minus(mu, logvar, eps):
    return mu - torch.exp(0.5 * logvar) * eps


@wrong("scales the mean along with the noise", caught_by="test_value")
def reparameterize__mean_scaled(mu, logvar, eps):
    return (mu + eps) * torch.exp(0.5 * logvar)


@wrong("multiplies the mean by the noise and adds sigma", caught_by="test_value")
def reparameterize__swapped(mu, logvar, eps):
    return mu * eps + torch.exp(0.5 * logvar)


@wrong("draws normal noise of its own and ignores eps", caught_by="test_pure")
def reparameterize__own_randn(mu, logvar, eps):
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(eps)


@wrong("draws uniform noise of its own and ignores eps", caught_by="test_pure")
def reparameterize__own_rand(mu, logvar, eps):
    return mu + torch.exp(0.5 * logvar) * torch.rand_like(eps)


@wrong(
    "draws with .sample(), through which no gradient flows",
    caught_by="test_gradient_logvar",
)
def reparameterize__sample(mu, logvar, eps):
    z = torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).sample()
    return z + 0 * eps


@wrong(
    "computes sigma under no_grad, so that it cannot be learned", caught_by="test_gradient_logvar"
)
def reparameterize__sigma_detached(mu, logvar, eps):
    with torch.no_grad():
        sigma = torch.exp(0.5 * logvar)
    return mu + sigma * eps


@wrong("detaches the mean, so that it cannot be learned", caught_by="test_gradient_mu")
def reparameterize__mean_detached(mu, logvar, eps):
    return mu.detach() + torch.exp(0.5 * logvar) * eps


@wrong(
    "scales the noise in place, under no_grad, and destroys the caller's eps", caught_by="test_pure"
)
def reparameterize__in_place(mu, logvar, eps):
    with torch.no_grad():
        eps *= torch.exp(0.5 * logvar)
    return mu + eps


@wrong("gives every sample of the batch the first one's noise", caught_by="test_value")
def reparameterize__shared_noise(mu, logvar, eps):
    return mu + torch.exp(0.5 * logvar) * eps[..., :1, :]


@wrong("clamps the log-variance", caught_by="test_extreme_logvar")
def reparameterize__clamped(mu, logvar, eps):
    return mu + torch.exp(0.5 * logvar.clamp(-20, 10)) * eps


@wrong("adds a small constant to sigma", caught_by="test_extreme_logvar")
def reparameterize__sigma_floor(mu, logvar, eps):
    return mu + (torch.exp(0.5 * logvar) + 1e-6) * eps


@right("the square root of the variance")
def reparameterize__root(mu, logvar, eps):
    return mu + torch.sqrt(torch.exp(logvar)) * eps


@right("addcmul")
def reparameterize__addcmul(mu, logvar, eps):
    return torch.addcmul(mu, torch.exp(logvar / 2), eps)


@right("as the quantile function of N(mu, sigma^2) after the distribution function of N(0, 1)")
def reparameterize__quantiles(mu, logvar, eps):
    normal = torch.distributions.Normal
    return normal(mu, torch.exp(0.5 * logvar)).icdf(normal(0.0, 1.0).cdf(eps))


@right("in place on a copy of its own")
def reparameterize__own_copy(mu, logvar, eps):
    z = torch.exp(0.5 * logvar) * eps
    z += mu
    return z


@right("an affine transform of torch.distributions")
def reparameterize__affine(mu, logvar, eps):
    affine = torch.distributions.transforms.AffineTransform(mu, logvar.mul(0.5).exp())
    return affine(eps)


@right("in float32")
def reparameterize__float32(mu, logvar, eps):
    return mu.float() + torch.exp(0.5 * logvar.float()) * eps.float()


@right("a loop over the latent coordinates")
def reparameterize__loop(mu, logvar, eps):
    columns = [mu[:, j] + math.e ** (logvar[:, j] / 2) * eps[..., j] for j in range(mu.shape[1])]
    return torch.stack(columns, dim=-1)


# ── sample_z ──────────────────────────────────────────────────────────────────────────────────


@wrong("scales the noise by the variance", caught_by="test_moments")
def sample_z__variance(mu, logvar, generator):
    return mu + logvar.exp() * torch.randn(mu.shape, generator=generator, dtype=mu.dtype)


@wrong("draws one noise vector for the whole batch", caught_by="test_independent")
def sample_z__shared_over_batch(mu, logvar, generator):
    eps = torch.randn(mu.shape[1], generator=generator, dtype=mu.dtype)
    return reparameterize(mu, logvar, eps.expand_as(mu))


@wrong("draws one noise value for all coordinates of a sample", caught_by="test_independent")
def sample_z__shared_over_dims(mu, logvar, generator):
    eps = torch.randn(mu.shape[0], 1, generator=generator, dtype=mu.dtype)
    return reparameterize(mu, logvar, eps.expand_as(mu))


@wrong("returns the mean without drawing", caught_by="test_moments")
def sample_z__mean_only(mu, logvar, generator):
    return mu + 0 * logvar


@wrong("ignores the generator and draws from the global one", caught_by="test_generator_decides")
def sample_z__global(mu, logvar, generator):
    return reparameterize(mu, logvar, torch.randn_like(mu))


@wrong(
    "seeds the generator itself, so that every draw is the same", caught_by="test_generator_decides"
)
def sample_z__seeded(mu, logvar, generator):
    generator.manual_seed(1)
    return reparameterize(mu, logvar, torch.randn(mu.shape, generator=generator, dtype=mu.dtype))


@wrong(
    "makes a new generator instead of using the one it is given", caught_by="test_generator_decides"
)
def sample_z__own_generator(mu, logvar, generator):
    own = torch.Generator().manual_seed(42)
    return reparameterize(mu, logvar, torch.randn(mu.shape, generator=own, dtype=mu.dtype))


@wrong("starts the generator anew before each draw", caught_by="test_generator_decides")
def sample_z__reset(mu, logvar, generator):
    generator.manual_seed(generator.initial_seed())
    return reparameterize(mu, logvar, torch.randn(mu.shape, generator=generator, dtype=mu.dtype))


@wrong("draws from a copy of the generator", caught_by="test_generator_decides")
def sample_z__copied(mu, logvar, generator):
    own = torch.Generator()
    own.set_state(generator.get_state())
    return reparameterize(mu, logvar, torch.randn(mu.shape, generator=own, dtype=mu.dtype))


@wrong("draws half of the noise from a generator of its own", caught_by="test_generator_decides")
def sample_z__half_of_its_own(mu, logvar, generator):
    eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    own, half = torch.Generator().manual_seed(1), len(mu) // 2
    eps[half:] = torch.randn(eps[half:].shape, generator=own, dtype=mu.dtype)
    return reparameterize(mu, logvar, eps)


@wrong("draws half of the noise from the global generator", caught_by="test_generator_decides")
def sample_z__half_global(mu, logvar, generator):
    eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    eps[len(mu) // 2 :] = torch.randn_like(eps[len(mu) // 2 :])
    return reparameterize(mu, logvar, eps)


@wrong("seeds the global generator and draws from it", caught_by="test_generator_decides")
def sample_z__global_seeded(mu, logvar, generator):
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    return reparameterize(mu, logvar, torch.randn_like(mu))


@wrong("draws uniform noise between 0 and 1", caught_by="test_moments")
def sample_z__uniform(mu, logvar, generator):
    return reparameterize(mu, logvar, torch.rand(mu.shape, generator=generator, dtype=mu.dtype))


@wrong("draws uniform noise, rescaled to mean 0 and variance 1", caught_by="test_normal_law")
def sample_z__uniform_rescaled(mu, logvar, generator):
    u = torch.rand(mu.shape, generator=generator, dtype=mu.dtype)
    return reparameterize(mu, logvar, math.sqrt(12) * (u - 0.5))


@wrong("draws from the prior and ignores mu and logvar", caught_by="test_moments")
def sample_z__prior(mu, logvar, generator):
    return torch.randn(mu.shape, generator=generator, dtype=mu.dtype) + 0 * (mu + logvar)


@wrong("takes the log-variance for the standard deviation", caught_by="test_moments")
def sample_z__logvar_as_std(mu, logvar, generator):
    return mu + logvar * torch.randn(mu.shape, generator=generator, dtype=mu.dtype)


@wrong(
    "draws with torch.normal: the right law, but its gradients are zero",
    caught_by="test_gradients",
)
def sample_z__torch_normal(mu, logvar, generator):
    return torch.normal(mu, torch.exp(0.5 * logvar), generator=generator)


@wrong("detaches sigma", caught_by="test_gradients")
def sample_z__sigma_detached(mu, logvar, generator):
    eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + torch.exp(0.5 * logvar).detach() * eps


@wrong("leaves the sign of the noise out", caught_by="test_moments")
def sample_z__absolute(mu, logvar, generator):
    eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return reparameterize(mu, logvar, eps.abs())


@right("normal_ on an empty tensor, in float32")
def sample_z__normal_inplace(mu, logvar, generator):
    eps = torch.empty(mu.shape).normal_(generator=generator)
    return mu + torch.exp(0.5 * logvar) * eps


@right("a loop over the samples")
def sample_z__loop(mu, logvar, generator):
    rows = []
    for m, lv in zip(mu, logvar, strict=True):
        rows.append(m + torch.exp(lv / 2) * torch.randn(len(m), generator=generator))
    return torch.stack(rows)


@right("by numpy, seeded with a draw from the generator")
def sample_z__seeded_with_a_draw(mu, logvar, generator):
    import numpy as np

    seed = int(torch.randint(2**62, (1,), generator=generator))
    eps = torch.as_tensor(np.random.default_rng(seed).standard_normal(tuple(mu.shape)))
    return reparameterize(mu, logvar, eps)


@right("with normal noise made by Box and Muller's formula")
def sample_z__box_muller(mu, logvar, generator):
    u, v = torch.rand((2, *mu.shape), generator=generator, dtype=mu.dtype)
    eps = torch.sqrt(-2 * torch.log1p(-u)) * torch.cos(2 * math.pi * v)
    return reparameterize(mu, logvar, eps)


@right("uniform numbers through the normal quantile function")
def sample_z__inverse_cdf(mu, logvar, generator):
    u = torch.rand(mu.shape, generator=generator, dtype=torch.float64)
    u = u.clamp(1e-12, 1 - 1e-12)
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).icdf(u)


# ── negative_elbo ─────────────────────────────────────────────────────────────────────────────


@wrong("averages the reconstruction over the pixels as well", caught_by="test_rec")
def negative_elbo__bce_mean(x, logits, mu, logvar, beta=1.0):
    rec = F.binary_cross_entropy_with_logits(logits, x)
    kl = kl_standard(mu, logvar).mean()
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}


@wrong("sums both terms over the batch", caught_by="test_batch_size")
def negative_elbo__sums(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).sum()
    kl = kl_standard(mu, logvar).sum()
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}


@wrong("sums the KL over the batch but averages the reconstruction", caught_by="test_kl")
def negative_elbo__kl_sum(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).sum()
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}


@wrong("averages the KL over the latent coordinates", caught_by="test_kl")
def negative_elbo__kl_mean_dims(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}


@wrong("subtracts the KL from the reconstruction cost", caught_by="test_loss")
def negative_elbo__minus_kl(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": rec - beta * kl, "rec": rec, "kl": kl}


@wrong("returns the ELBO itself, which is to be maximised", caught_by="test_loss")
def negative_elbo__elbo(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": -(rec + beta * kl), "rec": rec, "kl": kl}


@wrong("reports the log-likelihood instead of the reconstruction cost", caught_by="test_rec")
def negative_elbo__rec_sign(x, logits, mu, logvar, beta=1.0):
    rec = bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": -rec + beta * kl, "rec": rec, "kl": kl}


@wrong("adds a log-likelihood to the KL, with a sign that was never changed", caught_by="test_loss")
def negative_elbo__never_negated(x, logits, mu, logvar, beta=1.0):
    rec = bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}


@wrong("ignores beta", caught_by="test_loss")
def negative_elbo__no_beta(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": rec + kl, "rec": rec, "kl": kl}


@wrong("gives beta to the reconstruction", caught_by="test_loss")
def negative_elbo__beta_on_rec(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": beta * rec + kl, "rec": rec, "kl": kl}


@wrong("mixes the terms as beta and 1 - beta", caught_by="test_loss")
def negative_elbo__convex(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": (1 - beta) * rec + beta * kl, "rec": rec, "kl": kl}


@wrong("reports the KL already multiplied by beta", caught_by="test_kl")
def negative_elbo__beta_in_kl(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = beta * kl_standard(mu, logvar).mean()
    return {"loss": rec + kl, "rec": rec, "kl": kl}


@wrong("uses the squared error as reconstruction cost", caught_by="test_rec")
def negative_elbo__squared_error(x, logits, mu, logvar, beta=1.0):
    rec = ((x - torch.sigmoid(logits)) ** 2).sum(dim=1).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}


@wrong("leaves the factor 1/2 out of the KL", caught_by="test_kl")
def negative_elbo__kl_no_half(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}


@wrong(
    "makes the loss of detached numbers, so that the KL trains nothing", caught_by="test_gradients"
)
def negative_elbo__kl_detached(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x, logits).mean()
    kl = kl_standard(mu, logvar).mean()
    return {"loss": rec + beta * kl.item(), "rec": rec, "kl": kl}


@wrong(
    "goes through probabilities and a loss that cuts logarithms off at -100",
    caught_by="test_confident_decoder",
)
def negative_elbo__probability_loss(x, logits, mu, logvar, beta=1.0):
    rec = F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="sum") / len(x)
    kl = kl_standard(mu, logvar).mean()
    return {"loss": rec + beta * kl, "rec": rec, "kl": kl}


@right("library losses and the one-line KL, summed and divided by the batch size")
def negative_elbo__library(x, logits, mu, logvar, beta=1.0):
    size = x.shape[0]
    rec = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / size
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / size
    return {"kl": kl, "rec": rec, "loss": rec + beta * kl}


@right("sample by sample, with the general KL")
def negative_elbo__loop(x, logits, mu, logvar, beta=1.0):
    zero = torch.zeros_like(mu)
    kls = kl_two_gaussians(mu, logvar, zero, zero)
    losses, recs = [], []
    for b in range(len(x)):
        recs.append(-bernoulli_logprob(x[b : b + 1], logits[b : b + 1])[0])
        losses.append(recs[-1] + beta * kls[b])
    return {
        "loss": torch.stack(losses).mean(),
        "rec": torch.stack(recs).mean(),
        "kl": kls.mean(),
    }


@right("the loss in torch, its parts reported as plain floats")
def negative_elbo__floats(x, logits, mu, logvar, beta=1.0):
    rec = -bernoulli_logprob(x.float(), logits.float()).mean()
    kl = kl_standard(mu.float(), logvar.float()).mean()
    return {"loss": rec + beta * kl, "rec": rec.detach(), "kl": kl.detach()}


# ── iwae_bound ────────────────────────────────────────────────────────────────────────────────


@wrong("averages the log-weights: the ELBO, however many samples", caught_by="test_tightens")
def iwae_bound__mean_of_logs(log_w):
    return log_w.mean(dim=0)


@wrong("takes exponentials of weights that underflow", caught_by="test_shift")
def iwae_bound__naive(log_w):
    return log_w.exp().mean(dim=0).log()


@wrong(
    "guards the logarithm with a small constant, which hides the underflow", caught_by="test_shift"
)
def iwae_bound__epsilon(log_w):
    return torch.log(torch.exp(log_w).mean(dim=0) + 1e-12)


@wrong("sums the weights instead of averaging them", caught_by="test_unbiased_weights")
def iwae_bound__no_log_k(log_w):
    return torch.logsumexp(log_w, dim=0)


@wrong("subtracts the logarithm of the batch size, not of K", caught_by="test_mean_of_weights")
def iwae_bound__log_b(log_w):
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[1])


@wrong("subtracts K instead of its logarithm", caught_by="test_mean_of_weights")
def iwae_bound__minus_k(log_w):
    return torch.logsumexp(log_w, dim=0) - log_w.shape[0]


@wrong("divides the log of the sum by K", caught_by="test_unbiased_weights")
def iwae_bound__divided_by_k(log_w):
    return torch.logsumexp(log_w, dim=0) / log_w.shape[0]


@wrong("takes the best of the K log-weights", caught_by="test_mean_of_weights")
def iwae_bound__best(log_w):
    return log_w.max(dim=0).values


@wrong("averages log-weights under their own softmax", caught_by="test_mean_of_weights")
def iwae_bound__softmax_average(log_w):
    return (torch.softmax(log_w, dim=0) * log_w).sum(dim=0)


@wrong("averages over the batch, not over the K samples", caught_by="test_mean_of_weights")
def iwae_bound__wrong_axis(log_w):
    return torch.logsumexp(log_w, dim=1) - math.log(log_w.shape[1])


@wrong("returns one number for the whole batch", caught_by="test_mean_of_weights")
def iwae_bound__total(log_w):
    return (torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])).mean()


@wrong("returns the bound as a loss, with the opposite sign", caught_by="test_tightens")
def iwae_bound__negated(log_w):
    return math.log(log_w.shape[0]) - torch.logsumexp(log_w, dim=0)


@wrong("subtracts one common maximum, so that smaller rows underflow", caught_by="test_shift")
def iwae_bound__global_shift(log_w):
    top = log_w.max()
    return top + torch.exp(log_w - top).mean(dim=0).log()


@wrong("treats the weights' shares as constants: gradients stop", caught_by="test_gradient")
def iwae_bound__no_gradient(log_w):
    with torch.no_grad():
        correction = torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0]) - log_w.mean(dim=0)
    return log_w.mean(dim=0) + correction


@right("the largest log-weight pulled out by hand")
def iwae_bound__max_out(log_w):
    top = log_w.max(dim=0, keepdim=True).values
    return top[0] + torch.log(torch.mean(torch.exp(log_w - top), dim=0))


@right("logaddexp, one sample after the other")
def iwae_bound__logaddexp(log_w):
    total = log_w[0]
    for row in log_w[1:]:
        total = torch.logaddexp(total, row)
    return total - np.log(len(log_w))


@right("uniform log-weights added before logsumexp, in float32")
def iwae_bound__mixture(log_w):
    log_w = log_w.float()
    return torch.logsumexp(log_w + math.log(1 / log_w.shape[0]), 0)


@wrong("takes the mean log-weight out of the sum", caught_by="test_shift")
def iwae_bound__shift_by_mean(log_w):
    m = log_w.mean(0)
    return m + torch.log(torch.exp(log_w - m).mean(0))


# ── active_units ──────────────────────────────────────────────────────────────────────────────


@wrong("counts a unit whose variance equals the threshold", caught_by="test_boundary")
def active_units__at_least(mu, threshold):
    return int((mu.var(dim=0, correction=0) >= threshold).sum())


@wrong("divides by N - 1, torch's default", caught_by="test_divisor")
def active_units__ddof_one(mu, threshold):
    return int((mu.var(dim=0) > threshold).sum())


@wrong("compares standard deviations with the threshold", caught_by="test_counts")
def active_units__std(mu, threshold):
    return int((mu.std(dim=0, correction=0) > threshold).sum())


@wrong(
    "takes variances over the latent coordinates and counts data points", caught_by="test_counts"
)
def active_units__wrong_axis(mu, threshold):
    return int((mu.var(dim=1, correction=0) > threshold).sum())


@wrong("takes the mean square, so that a constant mean counts", caught_by="test_constant_mean")
def active_units__mean_square(mu, threshold):
    return int(((mu**2).mean(dim=0) > threshold).sum())


@wrong("asks whether the average of the means is away from 0", caught_by="test_constant_mean")
def active_units__average(mu, threshold):
    return int((mu.mean(dim=0).abs() > threshold).sum())


@wrong("counts the collapsed units", caught_by="test_counts")
def active_units__inactive(mu, threshold):
    return int((mu.var(dim=0, correction=0) <= threshold).sum())


@wrong("ignores the threshold and uses 0.01", caught_by="test_counts")
def active_units__fixed_threshold(mu, threshold):
    return int((mu.var(dim=0, correction=0) > 0.01).sum())


@wrong("compares the variances relative to the largest one", caught_by="test_counts")
def active_units__relative(mu, threshold):
    variance = mu.var(dim=0, correction=0)
    return int((variance / variance.max() > threshold).sum())


@wrong("compares the range of the means with the threshold", caught_by="test_counts")
def active_units__range(mu, threshold):
    return int((mu.max(dim=0).values - mu.min(dim=0).values > threshold).sum())


@wrong("counts entries above the threshold, not coordinates", caught_by="test_counts")
def active_units__entries(mu, threshold):
    return int(((mu - mu.mean(dim=0)) ** 2 > threshold).sum())


@wrong("sums squared deviations without dividing by N", caught_by="test_irregular_data")
def active_units__not_averaged(mu, threshold):
    return int((((mu - mu.mean(dim=0)) ** 2).sum(dim=0) > threshold).sum())


@wrong("centres with one mean for all coordinates", caught_by="test_constant_mean")
def active_units__global_mean(mu, threshold):
    return int((((mu - mu.mean()) ** 2).mean(dim=0) > threshold).sum())


@right("NumPy's variance")
def active_units__numpy(mu, threshold):
    return int(np.sum(np.var(mu.numpy(), axis=0) > threshold))


@right("a loop over the coordinates")
def active_units__loop(mu, threshold):
    count = 0
    for column in mu.T:
        deviation = column - column.mean()
        if (deviation @ deviation).item() / len(column) > threshold:
            count += 1
    return count


@right("the mean square minus the squared mean")
def active_units__moments(mu, threshold):
    variance = (mu**2).mean(0) - mu.mean(0) ** 2
    return torch.count_nonzero(variance > threshold).item()


@right("the diagonal of the covariance matrix, in float32, with unbiased=False")
def active_units__covariance(mu, threshold):
    covariance = torch.cov(mu.float().T, correction=0)
    return sum(bool(v > threshold) for v in torch.diagonal(covariance))


# ── log_normal_mixture ────────────────────────────────────────────────────────────────────────


@wrong("averages the log-densities of the components", caught_by="test_density")
def log_normal_mixture__mean_of_logs(z, m, v):
    log_n = -0.5 * (math.log(2 * math.pi) + v.log() + (z[:, None] - m) ** 2 / v).sum(dim=2)
    return log_n.mean(dim=1)


@wrong("takes v for standard deviations", caught_by="test_density")
def log_normal_mixture__v_as_std(z, m, v):
    log_n = torch.distributions.Normal(m, v).log_prob(z[:, None]).sum(dim=2)
    return torch.logsumexp(log_n, dim=1) - math.log(m.shape[1])


@wrong("takes v for log-variances", caught_by="test_density")
def log_normal_mixture__v_as_logvar(z, m, v):
    log_n = -0.5 * (math.log(2 * math.pi) + v + (z[:, None] - m) ** 2 * torch.exp(-v)).sum(dim=2)
    return torch.logsumexp(log_n, dim=1) - math.log(m.shape[1])


@wrong("takes the exponential of each component, which underflows", caught_by="test_far_point")
def log_normal_mixture__naive(z, m, v):
    log_n = torch.distributions.Normal(m, v.sqrt()).log_prob(z[:, None]).sum(dim=2)
    return log_n.exp().mean(dim=1).log()


@wrong("sums the components without dividing by K", caught_by="test_integrates_to_one")
def log_normal_mixture__no_log_k(z, m, v):
    log_n = torch.distributions.Normal(m, v.sqrt()).log_prob(z[:, None]).sum(dim=2)
    return torch.logsumexp(log_n, dim=1)


@wrong("mixes each coordinate on its own: a product of mixtures", caught_by="test_density")
def log_normal_mixture__per_coordinate(z, m, v):
    log_n = torch.distributions.Normal(m, v.sqrt()).log_prob(z[:, None])
    return (torch.logsumexp(log_n, dim=1) - math.log(m.shape[1])).sum(dim=1)


@wrong("leaves out the constant log 2 pi", caught_by="test_integrates_to_one")
def log_normal_mixture__no_two_pi(z, m, v):
    log_n = -0.5 * (v.log() + (z[:, None] - m) ** 2 / v).sum(dim=2)
    return torch.logsumexp(log_n, dim=1) - math.log(m.shape[1])


@wrong("leaves out the log-variances", caught_by="test_integrates_to_one")
def log_normal_mixture__no_log_v(z, m, v):
    log_n = -0.5 * (math.log(2 * math.pi) + (z[:, None] - m) ** 2 / v).sum(dim=2)
    return torch.logsumexp(log_n, dim=1) - math.log(m.shape[1])


@wrong("takes the single nearest component", caught_by="test_density")
def log_normal_mixture__best(z, m, v):
    log_n = torch.distributions.Normal(m, v.sqrt()).log_prob(z[:, None]).sum(dim=2)
    return log_n.max(dim=1).values - math.log(m.shape[1])


@wrong("replaces the mixture by one Gaussian with its mean and variance", caught_by="test_density")
def log_normal_mixture__one_gaussian(z, m, v):
    mean = m.mean(dim=1)
    variance = (v + m**2).mean(dim=1) - mean**2
    return gaussian_logprob(z, mean.expand_as(z), variance.log().expand_as(z))


@right("through MixtureSameFamily")
def log_normal_mixture__distributions(z, m, v):
    components = torch.distributions.Independent(torch.distributions.Normal(m, v.sqrt()), 1)
    weights = torch.distributions.Categorical(torch.ones(m.shape[:2], dtype=m.dtype))
    return torch.distributions.MixtureSameFamily(weights, components).log_prob(z)


@right("a loop over the components, joined by logaddexp")
def log_normal_mixture__loop(z, m, v):
    total = None
    for k in range(m.shape[1]):
        one = gaussian_logprob(z, m[:, k].expand_as(z), v[:, k].log().expand_as(z))
        total = one if total is None else torch.logaddexp(total, one)
    return total - math.log(m.shape[1])


@right("in float32, with the largest component pulled out")
def log_normal_mixture__float32(z, m, v):
    z, m, v = z.float(), m.float(), v.float()
    log_n = torch.distributions.Normal(m, v.sqrt()).log_prob(z.unsqueeze(1)).sum(-1)
    top = log_n.max(dim=1, keepdim=True).values
    return top[:, 0] + torch.exp(log_n - top).mean(dim=1).log()


@wrong("takes the largest term of the whole batch out of every sum", caught_by="test_far_point")
def log_normal_mixture__one_shift(z, m, v):
    log_n = (-0.5 * ((z[:, None] - m) ** 2 / v + torch.log(2 * math.pi * v))).sum(2)
    top = log_n.max()
    return top + torch.log(torch.exp(log_n - top).mean(1))


@wrong("adds a small number to the variances", caught_by="test_far_point")
def log_normal_mixture__added(z, m, v):
    log_n = (-0.5 * ((z[:, None] - m) ** 2 / (v + 1e-6) + torch.log(2 * math.pi * (v + 1e-6)))).sum(
        2
    )
    return torch.logsumexp(log_n, 1) - math.log(m.shape[1])
