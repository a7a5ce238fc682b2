"""Known wrong and other right answers of chapter 8: generative adversarial networks."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from autograder.answers import right, wrong
from solutions.a08_gan import (
    discriminator_loss,
    generator_loss_nonsaturating,
    generator_loss_saturating,
)

# ── discriminator_loss ──────────────────────────────────────────────────────────────────────────


@wrong("calls the fakes real and the real ones fake", caught_by="test_value")
def discriminator_loss__labels_swapped(real_logits, fake_logits):
    return F.softplus(real_logits).mean() + F.softplus(-fake_logits).mean()


@wrong("adds the samples' costs without dividing by their number", caught_by="test_value")
def discriminator_loss__sums(real_logits, fake_logits):
    real = F.binary_cross_entropy_with_logits(
        real_logits, torch.ones_like(real_logits), reduction="sum"
    )
    fake = F.binary_cross_entropy_with_logits(
        fake_logits, torch.zeros_like(fake_logits), reduction="sum"
    )
    return real + fake


@wrong("puts both batches into one and takes a single mean over it", caught_by="test_no_opinion")
def discriminator_loss__one_mean(real_logits, fake_logits):
    logits = torch.cat([real_logits, fake_logits])
    labels = torch.cat([torch.ones_like(real_logits), torch.zeros_like(fake_logits)])
    return F.binary_cross_entropy_with_logits(logits, labels)


@wrong(
    "doubles the mean over both batches, so that the larger batch counts more",
    caught_by="test_value",
)
def discriminator_loss__twice_one_mean(real_logits, fake_logits):
    logits = torch.cat([real_logits, fake_logits])
    labels = torch.cat([torch.ones_like(real_logits), torch.zeros_like(fake_logits)])
    return 2 * F.binary_cross_entropy_with_logits(logits, labels)


@wrong("gives the fakes the label of real samples", caught_by="test_value")
def discriminator_loss__fake_as_real(real_logits, fake_logits):
    criterion = nn.BCEWithLogitsLoss()
    real = criterion(real_logits, torch.ones_like(real_logits))
    fake = criterion(fake_logits, torch.ones_like(fake_logits))
    return real + fake


@wrong("halves the sum of the two means", caught_by="test_no_opinion")
def discriminator_loss__halved(real_logits, fake_logits):
    return 0.5 * (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean())


@wrong("returns the value that D maximises, not the loss that it minimises", caught_by="test_value")
def discriminator_loss__value_of_the_game(real_logits, fake_logits):
    return F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean()


@wrong(
    "takes the logarithm of a sigmoid that has been rounded to 0 or 1",
    caught_by="test_extreme_logits",
)
def discriminator_loss__naive(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return -torch.log(real).mean() - torch.log(1 - fake).mean()


@wrong("guards the logarithms with 1e-8", caught_by="test_extreme_logits")
def discriminator_loss__epsilon(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return -torch.log(real + 1e-8).mean() - torch.log(1 - fake + 1e-8).mean()


@wrong(
    "clips the probabilities away from 0 and 1, where gradients then vanish",
    caught_by="test_extreme_logits",
)
def discriminator_loss__clipped(real_logits, fake_logits):
    real = torch.sigmoid(real_logits).clamp(1e-6, 1 - 1e-6)
    fake = torch.sigmoid(fake_logits).clamp(1e-6, 1 - 1e-6)
    return -(real.log().mean() + (1 - fake).log().mean())


@wrong(
    "goes through probabilities and a loss that cuts logarithms off at -100",
    caught_by="test_extreme_logits",
)
def discriminator_loss__probability_loss(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return F.binary_cross_entropy(real, torch.ones_like(real)) + F.binary_cross_entropy(
        fake, torch.zeros_like(fake)
    )


@wrong("clamps the logits to [-50, 50]", caught_by="test_extreme_logits")
def discriminator_loss__clamped_logits(real_logits, fake_logits):
    real, fake = real_logits.clamp(-50, 50), fake_logits.clamp(-50, 50)
    return F.softplus(-real).mean() + F.softplus(fake).mean()


@wrong("applies the sigmoid before a loss that applies it again", caught_by="test_value")
def discriminator_loss__sigmoid_twice(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return F.binary_cross_entropy_with_logits(
        real, torch.ones_like(real)
    ) + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))


@wrong("takes the logits for probabilities", caught_by="test_value")
def discriminator_loss__as_probabilities(real_logits, fake_logits):
    return -(torch.log(real_logits) + 0).mean() - torch.log(1 - fake_logits).mean()


@wrong("takes squared errors of the probabilities instead of logarithms", caught_by="test_value")
def discriminator_loss__squared_error(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return ((real - 1) ** 2).mean() + (fake**2).mean()


@wrong("takes squared errors of the logits, as a least-squares GAN does", caught_by="test_value")
def discriminator_loss__least_squares(real_logits, fake_logits):
    return ((real_logits - 1) ** 2).mean() + (fake_logits**2).mean()


@wrong("compares mean logits, as a Wasserstein critic does", caught_by="test_value")
def discriminator_loss__critic(real_logits, fake_logits):
    return fake_logits.mean() - real_logits.mean()


@wrong("uses the hinge loss", caught_by="test_value")
def discriminator_loss__hinge(real_logits, fake_logits):
    return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()


@wrong("smooths the label of the real samples to 0.9", caught_by="test_value")
def discriminator_loss__smoothed(real_logits, fake_logits):
    real = F.binary_cross_entropy_with_logits(real_logits, torch.full_like(real_logits, 0.9))
    fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return real + fake


@wrong("detaches the fake logits, so that D learns nothing from fakes", caught_by="test_gradients")
def discriminator_loss__fake_detached(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits.detach()).mean()


@wrong("returns a plain number that nothing can be learnt from", caught_by="test_gradients")
def discriminator_loss__detached(real_logits, fake_logits):
    return (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()).item()


@wrong("returns one cost for each sample", caught_by="test_value")
def discriminator_loss__vector(real_logits, fake_logits):
    return torch.cat([F.softplus(-real_logits), F.softplus(fake_logits)])


@wrong("adds the two batches entry by entry, which needs equal sizes", caught_by="test_value")
def discriminator_loss__entrywise(real_logits, fake_logits):
    return (F.softplus(-real_logits) + F.softplus(fake_logits)).mean()


@wrong("cuts the longer batch to the length of the shorter one", caught_by="test_value")
def discriminator_loss__shorter_batch(real_logits, fake_logits):
    n = min(len(real_logits), len(fake_logits))
    return (F.softplus(-real_logits[:n]) + F.softplus(fake_logits[:n])).mean()


@wrong("divides both sums by the number of real samples", caught_by="test_no_opinion")
def discriminator_loss__real_count(real_logits, fake_logits):
    n = real_logits.shape[0]
    return (F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()) / n


@wrong("leaves the fakes out", caught_by="test_value")
def discriminator_loss__real_only(real_logits, fake_logits):
    return F.softplus(-real_logits).mean()


@wrong("subtracts the fakes' cost from that of the real samples", caught_by="test_value")
def discriminator_loss__subtracted(real_logits, fake_logits):
    return -F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean()


@wrong("writes 1 - log D where log(1 - D) belongs", caught_by="test_value")
def discriminator_loss__one_minus_log(real_logits, fake_logits):
    return -F.logsigmoid(real_logits).mean() - (1 - F.logsigmoid(fake_logits)).mean()


@wrong("takes logarithms to base 2", caught_by="test_no_opinion")
def discriminator_loss__bits(real_logits, fake_logits):
    return (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()) / math.log(2)


@wrong("takes the logarithm of the mean probability", caught_by="test_value")
def discriminator_loss__log_of_mean(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits).mean(), torch.sigmoid(fake_logits).mean()
    return -torch.log(real) - torch.log(1 - fake)


@right("the library's loss, once for each batch")
def discriminator_loss__bce_with_logits(real_logits, fake_logits):
    criterion = nn.BCEWithLogitsLoss()
    real = criterion(real_logits, torch.ones_like(real_logits))
    fake = criterion(fake_logits, torch.zeros_like(fake_logits))
    return real + fake


@right("logsigmoid, with 1 - D as the sigmoid of minus the logit")
def discriminator_loss__logsigmoid(real_logits, fake_logits):
    return -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()


@right("log(1 - D) as log D minus the logit")
def discriminator_loss__softplus_flipped(real_logits, fake_logits):
    real = -F.logsigmoid(real_logits)
    fake = fake_logits - F.logsigmoid(fake_logits)
    return real.mean() + fake.mean()


@right("log-probabilities of labels under torch.distributions")
def discriminator_loss__bernoulli(real_logits, fake_logits):
    real = torch.distributions.Bernoulli(logits=real_logits)
    fake = torch.distributions.Bernoulli(logits=fake_logits)
    return -(
        real.log_prob(torch.ones_like(real_logits)).mean()
        + fake.log_prob(torch.zeros_like(fake_logits)).mean()
    )


@right("softplus as logaddexp with 0")
def discriminator_loss__logaddexp(real_logits, fake_logits):
    zero = torch.zeros((), dtype=real_logits.dtype)
    return torch.logaddexp(zero, -real_logits).mean() + torch.logaddexp(zero, fake_logits).mean()


@right("a cross-entropy with two classes, the logit of fake fixed at 0")
def discriminator_loss__two_classes(real_logits, fake_logits):
    def scores(logits):
        flat = logits.reshape(-1)
        return torch.stack([torch.zeros_like(flat), flat], dim=1)

    real = torch.ones(real_logits.numel(), dtype=torch.long)
    fake = torch.zeros(fake_logits.numel(), dtype=torch.long)
    return F.cross_entropy(scores(real_logits), real) + F.cross_entropy(scores(fake_logits), fake)


@right("in single precision, with the largest exponent pulled out by hand")
def discriminator_loss__float32(real_logits, fake_logits):
    def cost(logits):
        return torch.relu(logits) + torch.log1p(torch.exp(-logits.abs()))

    return cost(-real_logits.float()).mean() + cost(fake_logits.float()).mean()


@right("sample by sample")
def discriminator_loss__loop(real_logits, fake_logits):
    total = 0.0
    for logit in real_logits.flatten():
        total = total + F.softplus(-logit) / real_logits.numel()
    for logit in fake_logits.flatten():
        total = total + F.softplus(logit) / fake_logits.numel()
    return total


@right("one call for both batches, with weights that undo their sizes")
def discriminator_loss__weighted(real_logits, fake_logits):
    logits = torch.cat([real_logits.flatten(), fake_logits.flatten()])
    n, m = real_logits.numel(), fake_logits.numel()
    labels = torch.cat([torch.ones(n), torch.zeros(m)]).to(logits.dtype)
    weights = torch.cat([torch.full((n,), 1 / n), torch.full((m,), 1 / m)]).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, labels, weights, reduction="sum")


@right("logsumexp over the two exponents, sums divided by the sizes")
def discriminator_loss__logsumexp(real_logits, fake_logits):
    def cost(logits):
        exponents = torch.stack([torch.zeros_like(logits), logits])
        return torch.logsumexp(exponents, dim=0).sum() / logits.numel()

    return cost(-real_logits) + cost(fake_logits)


@right("one BCE for all samples, averaged batch by batch afterwards")
def discriminator_loss__split_after(real_logits, fake_logits):
    n = real_logits.numel()
    logits = torch.cat((real_logits.reshape(-1), fake_logits.reshape(-1)))
    labels = (torch.arange(logits.numel()) < n).to(logits.dtype)
    costs = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return costs[:n].mean() + costs[n:].mean()


@right("by a maximum and the absolute value, whose slopes at 0 are right")
def discriminator_loss__maximum(real_logits, fake_logits):
    def cost(logits):
        return (
            torch.maximum(logits, torch.zeros_like(logits)) + torch.log1p(torch.exp(-logits.abs()))
        ).mean()

    return cost(-real_logits) + cost(fake_logits)


# ── optimal_discriminator ───────────────────────────────────────────────────────────────────────


@wrong("returns the probability of fake", caught_by="test_bayes")
def optimal_discriminator__fake_share(logp, logq):
    return torch.sigmoid(logq - logp)


@wrong("returns the logit, not the probability", caught_by="test_bayes")
def optimal_discriminator__logit(logp, logq):
    return logp - logq


@wrong("returns the ratio p / q", caught_by="test_bayes")
def optimal_discriminator__ratio(logp, logq):
    return torch.exp(logp - logq)


@wrong("takes exponentials of densities that underflow", caught_by="test_underflow")
def optimal_discriminator__naive(logp, logq):
    p, q = torch.exp(logp), torch.exp(logq)
    return p / (p + q)


@wrong("takes exponentials and guards the division with 1e-12", caught_by="test_underflow")
def optimal_discriminator__epsilon(logp, logq):
    p, q = logp.exp(), logq.exp()
    return p / (p + q + 1e-12)


@wrong("decides for the larger density", caught_by="test_bayes")
def optimal_discriminator__threshold(logp, logq):
    return (logp > logq).to(logp.dtype)


@wrong("divides log-densities as if they were densities", caught_by="test_bayes")
def optimal_discriminator__of_logs(logp, logq):
    return logp / (logp + logq)


@wrong("divides the logarithms before the sigmoid", caught_by="test_bayes")
def optimal_discriminator__ratio_of_logs(logp, logq):
    return torch.sigmoid(logp / logq)


@wrong("normalises over the points instead of over the two densities", caught_by="test_bayes")
def optimal_discriminator__over_batch(logp, logq):
    return torch.softmax(logp - logq, dim=0)


@wrong("ignores the fakes' density", caught_by="test_bayes")
def optimal_discriminator__data_only(logp, logq):
    return torch.sigmoid(logp)


@wrong("clips the log-densities at -700 before using them", caught_by="test_underflow")
def optimal_discriminator__floored(logp, logq):
    p, q = logp.clamp(min=-700), logq.clamp(min=-700)
    return torch.sigmoid(p - q)


@wrong("raises densities below 1e-30 to 1e-30", caught_by="test_underflow")
def optimal_discriminator__both_floored(logp, logq):
    p, q = torch.exp(logp).clamp(min=1e-30), torch.exp(logq).clamp(min=1e-30)
    return p / (p + q)


@wrong("weighs the densities with 1/2 above the line but not below it", caught_by="test_bayes")
def optimal_discriminator__half_prior(logp, logq):
    return 0.5 * torch.sigmoid(logp - logq)


@wrong("takes the difference of the densities for a probability", caught_by="test_bayes")
def optimal_discriminator__difference(logp, logq):
    return 0.5 + 0.5 * (logp.exp() - logq.exp())


@right("a softmax over the two log-densities")
def optimal_discriminator__softmax(logp, logq):
    return torch.softmax(torch.stack([logp, logq], dim=-1), dim=-1)[..., 0]


@right("the logarithm of p / (p + q), then its exponential")
def optimal_discriminator__logaddexp(logp, logq):
    return torch.exp(logp - torch.logaddexp(logp, logq))


@right("scipy's expit on arrays")
def optimal_discriminator__numpy(logp, logq):
    from scipy.special import expit

    return expit(logp.numpy() - logq.numpy())


@right("one over one plus the inverse odds, in single precision")
def optimal_discriminator__odds(logp, logq):
    return 1 / (1 + torch.exp((logq - logp).float()))


@right("through the hyperbolic tangent")
def optimal_discriminator__tanh(logp, logq):
    return 0.5 * (1 + torch.tanh(0.5 * (logp - logq)))


@right("point by point, with a case for each sign")
def optimal_discriminator__loop(logp, logq):
    out = []
    for a, b in zip(logp.tolist(), logq.tolist(), strict=True):
        if a >= b:
            out.append(1 / (1 + math.exp(b - a)))
        else:
            out.append(math.exp(a - b) / (1 + math.exp(a - b)))
    return torch.tensor(out)


# ── gan_value ───────────────────────────────────────────────────────────────────────────────────


@wrong("uses log D for the fakes too", caught_by="test_by_hand")
def gan_value__log_d_twice(p, q, D, dx):
    return (torch.xlogy(p, D) + torch.xlogy(q, D)).sum() * dx


@wrong("swaps the two densities", caught_by="test_by_hand")
def gan_value__swapped(p, q, D, dx):
    return (torch.xlogy(q, D) + torch.xlogy(p, 1 - D)).sum() * dx


@wrong("weighs each part with 1/2", caught_by="test_by_hand")
def gan_value__half(p, q, D, dx):
    return 0.5 * (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum() * dx


@wrong("writes 1 - log D for log(1 - D)", caught_by="test_by_hand")
def gan_value__one_minus_log(p, q, D, dx):
    return (torch.xlogy(p, D) + q - torch.xlogy(q, D)).sum() * dx


@wrong("forgets the spacing of the grid", caught_by="test_by_hand")
def gan_value__no_dx(p, q, D, dx):
    return (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum()


@wrong("averages over the grid instead of integrating", caught_by="test_integral")
def gan_value__mean(p, q, D, dx):
    return (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).mean()


@wrong("multiplies only one of the two sums by the spacing", caught_by="test_by_hand")
def gan_value__dx_once(p, q, D, dx):
    return torch.xlogy(p, D).sum() + torch.xlogy(q, 1 - D).sum() * dx


@wrong("multiplies 0 by an infinite logarithm", caught_by="test_empty_cells")
def gan_value__naive(p, q, D, dx):
    return (p * torch.log(D) + q * torch.log(1 - D)).sum() * dx


@wrong("returns the discriminator's loss, with the opposite sign", caught_by="test_by_hand")
def gan_value__loss(p, q, D, dx):
    return -(torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum() * dx


@wrong("subtracts the fakes' part", caught_by="test_by_hand")
def gan_value__subtracted(p, q, D, dx):
    return (torch.xlogy(p, D) - torch.xlogy(q, 1 - D)).sum() * dx


@wrong("forgets the densities", caught_by="test_integral")
def gan_value__unweighted(p, q, D, dx):
    return (torch.log(D) + torch.log(1 - D)).sum() * dx


@wrong("takes logarithms to base 2", caught_by="test_best_value")
def gan_value__bits(p, q, D, dx):
    return (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum() * dx / math.log(2)


@wrong(
    "forgets the logarithms: the expected probabilities of a right guess", caught_by="test_by_hand"
)
def gan_value__no_log(p, q, D, dx):
    return (p * D + q * (1 - D)).sum() * dx


@wrong("replaces the given D by the best one", caught_by="test_by_hand")
def gan_value__optimal(p, q, D, dx):
    best = p / (p + q)
    return (torch.xlogy(p, best) + torch.xlogy(q, 1 - best)).nansum() * dx


@wrong("divides by the number of points as well", caught_by="test_integral")
def gan_value__normalised(p, q, D, dx):
    return (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).mean() * dx


@right("only over the cells that hold mass")
def gan_value__masks(p, q, D, dx):
    real, fake = p > 0, q > 0
    return (p[real] * D[real].log()).sum() * dx + (q[fake] * (1 - D[fake]).log()).sum() * dx


@right("the trapezoidal rule: the densities vanish at the ends")
def gan_value__trapezoid(p, q, D, dx):
    return torch.trapezoid(torch.xlogy(p, D) + torch.xlogy(q, 1 - D), dx=dx)


@right("a loop over the grid")
def gan_value__loop(p, q, D, dx):
    total = 0.0
    for a, b, d in zip(p.tolist(), q.tolist(), D.tolist(), strict=True):
        if a > 0:
            total += a * (math.log(d) if d > 0 else -math.inf) * dx
        if b > 0:
            total += b * (math.log1p(-d) if d < 1 else -math.inf) * dx
    return total


@right("numpy with a tiny guard inside the logarithms")
def gan_value__numpy(p, q, D, dx):
    p, q, D = p.numpy(), q.numpy(), D.numpy()
    return dx * (p @ np.log(D + 1e-15) + q @ np.log(1 - D + 1e-15))


@right("0 times infinity replaced by 0 afterwards, in single precision")
def gan_value__nan_to_num(p, q, D, dx):
    p, q, D = p.float(), q.float(), D.float()
    real = torch.nan_to_num(p * D.log(), nan=0.0)
    fake = torch.nan_to_num(q * (1 - D).log(), nan=0.0)
    return (real + fake).sum() * dx


@wrong("leaves out cells whose term is infinite", caught_by="test_sure_and_wrong")
def gan_value__drops_infinite(p, q, D, dx):
    a, b = torch.xlogy(p, D), torch.xlogy(q, 1 - D)
    a = torch.where(torch.isfinite(a), a, 0.0)
    b = torch.where(torch.isfinite(b), b, 0.0)
    return (a + b).sum() * dx


@wrong("keeps D off 0 and 1", caught_by="test_sure_and_wrong")
def gan_value__clamped(p, q, D, dx):
    D = D.clamp(1e-8, 1 - 1e-8)
    return (p * torch.log(D) + q * torch.log(1 - D)).sum() * dx


@wrong("leaves out cells in which D is 1", caught_by="test_sure_and_wrong")
def gan_value__drops_certain_reals(p, q, D, dx):
    a = torch.xlogy(p, D)
    b = torch.where(D < 1, q * torch.log(1 - D), 0.0)
    return (a + b).sum() * dx


@right("over the cells that have any mass")
def gan_value__indexed(p, q, D, dx):
    return ((p[p > 0] * torch.log(D[p > 0])).sum() + (q[q > 0] * torch.log1p(-D[q > 0])).sum()) * dx


# ── js_divergence ───────────────────────────────────────────────────────────────────────────────


@wrong("returns the square root: the Jensen-Shannon distance", caught_by="test_definition")
def js_divergence__root(p, q):
    m = (p + q) / 2
    js = 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q)).sum() - torch.xlogy(m, m).sum()
    return torch.sqrt(js)


@wrong("adds the two KLs without halving them", caught_by="test_definition")
def js_divergence__no_half(p, q):
    m = (p + q) / 2
    return (torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(m, m)).sum()


@wrong("returns KL(p || q)", caught_by="test_definition")
def js_divergence__kl(p, q):
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


@wrong("averages KL(p || q) and KL(q || p), without a mixture", caught_by="test_definition")
def js_divergence__jeffreys(p, q):
    one = (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()
    other = (torch.xlogy(q, q) - torch.xlogy(q, p)).sum()
    return 0.5 * (one + other)


@wrong("compares with p + q instead of their mean", caught_by="test_definition")
def js_divergence__sum_not_mean(p, q):
    m = p + q
    return 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(m, m)).sum()


@wrong("takes only the KL from p to the mean", caught_by="test_definition")
def js_divergence__one_sided(p, q):
    m = (p + q) / 2
    return (torch.xlogy(p, p) - torch.xlogy(p, m)).sum()


@wrong("takes the KLs from the mean to p and q", caught_by="test_definition")
def js_divergence__backwards(p, q):
    m = (p + q) / 2
    return (torch.xlogy(m, m) - 0.5 * torch.xlogy(m, p) - 0.5 * torch.xlogy(m, q)).sum()


@wrong("takes logarithms to base 2", caught_by="test_shared_mass")
def js_divergence__bits(p, q):
    m = (p + q) / 2
    js = 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q)).sum() - torch.xlogy(m, m).sum()
    return js / math.log(2)


@wrong("takes the logarithm of 0 where a table is empty", caught_by="test_zeros")
def js_divergence__naive(p, q):
    m = (p + q) / 2
    return 0.5 * (p * torch.log(p / m) + q * torch.log(q / m)).sum()


@wrong("leaves out all cells that one of the tables leaves empty", caught_by="test_zeros")
def js_divergence__common_support(p, q):
    both = (p > 0) & (q > 0)
    p, q = p[both], q[both]
    m = (p + q) / 2
    return 0.5 * (p * torch.log(p / m) + q * torch.log(q / m)).sum()


@wrong("averages over the cells instead of adding them up", caught_by="test_definition")
def js_divergence__mean_over_cells(p, q):
    m = (p + q) / 2
    return 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q) - 2 * torch.xlogy(m, m)).mean()


@wrong("returns the total variation, scaled to ln 2", caught_by="test_definition")
def js_divergence__total_variation(p, q):
    return 0.5 * (p - q).abs().sum() * math.log(2)


@wrong("returns the value of the game at its best discriminator", caught_by="test_definition")
def js_divergence__best_value(p, q):
    m = (p + q) / 2
    js = 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q)).sum() - torch.xlogy(m, m).sum()
    return 2 * js - 2 * math.log(2)


@wrong("returns the squared Hellinger distance, scaled to ln 2", caught_by="test_definition")
def js_divergence__hellinger(p, q):
    return math.log(2) * (1 - torch.sqrt(p * q).sum())


@wrong("compares with the geometric mean", caught_by="test_definition")
def js_divergence__geometric(p, q):
    m = torch.sqrt(p * q)
    m = m / m.sum()
    return 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p + q, m)).sum()


@wrong("loses the sign when it turns p / m upside down", caught_by="test_shared_mass")
def js_divergence__negated(p, q):
    m = (p + q) / 2
    return torch.xlogy(m, m).sum() - 0.5 * (torch.xlogy(p, p) + torch.xlogy(q, q)).sum()


@wrong("guards the logarithms with 0.001, which is not small", caught_by="test_shared_mass")
def js_divergence__heavy_guard(p, q):
    p, q = p + 1e-3, q + 1e-3
    p, q = p / p.sum(), q / q.sum()
    m = (p + q) / 2
    return 0.5 * (p * torch.log(p / m) + q * torch.log(q / m)).sum()


@right("the entropy of the mean minus the mean of the entropies")
def js_divergence__entropies(p, q):
    def entropy(t):
        return torch.special.entr(t).sum()

    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


@right("the library's kl_div, whose arguments come the other way round")
def js_divergence__kl_div(p, q):
    log_m = ((p + q) / 2).clamp(min=1e-300).log()
    one = F.kl_div(log_m, p, reduction="sum")
    other = F.kl_div(log_m, q, reduction="sum")
    return 0.5 * one + 0.5 * other


@right("scipy's relative entropy")
def js_divergence__rel_entr(p, q):
    from scipy.special import rel_entr

    p, q = p.numpy(), q.numpy()
    m = (p + q) / 2
    return 0.5 * rel_entr(p, m).sum() + 0.5 * rel_entr(q, m).sum()


@right("a loop that skips empty cells")
def js_divergence__loop(p, q):
    total = 0.0
    for a, b in zip(p.tolist(), q.tolist(), strict=True):
        m = (a + b) / 2
        total += 0.5 * a * math.log(a / m) if a else 0.0
        total += 0.5 * b * math.log(b / m) if b else 0.0
    return total


@right("half the best discriminator's value, plus ln 2")
def js_divergence__discriminator(p, q):
    D = torch.nan_to_num(p / (p + q), nan=0.5)
    return 0.5 * (torch.xlogy(p, D) + torch.xlogy(q, 1 - D)).sum() + math.log(2)


@right("a guard of 1e-12 inside the logarithms")
def js_divergence__tiny_guard(p, q):
    p, q = p.clone(), q.clone()
    p += 1e-12
    q += 1e-12
    m = (p + q) / 2
    return 0.5 * torch.sum(p * torch.log(p / m)) + 0.5 * torch.sum(q * torch.log(q / m))


@wrong("puts small numbers in the place of the zeros it was given", caught_by="test_zeros")
def js_divergence__in_place(p, q):
    m = 0.5 * (p + q)
    p[p == 0] = 1e-300
    q[q == 0] = 1e-300
    m[m == 0] = 1e-300
    return 0.5 * (p * torch.log(p / m)).sum() + 0.5 * (q * torch.log(q / m)).sum()


# ── generator_loss_saturating ───────────────────────────────────────────────────────────────────


@wrong("changes the sign, so that minimising it makes fakes worse", caught_by="test_value")
def generator_loss_saturating__sign(fake_logits):
    return F.softplus(fake_logits).mean()


@wrong("is the non-saturating loss", caught_by="test_gradient")
def generator_loss_saturating__nonsaturating(fake_logits):
    return F.softplus(-fake_logits).mean()


@wrong("takes log D instead of log(1 - D)", caught_by="test_value")
def generator_loss_saturating__log_d(fake_logits):
    return F.logsigmoid(fake_logits).mean()


@wrong(
    "takes the logarithm of a number that has been rounded to 0", caught_by="test_extreme_logits"
)
def generator_loss_saturating__naive(fake_logits):
    return torch.log(1 - torch.sigmoid(fake_logits)).mean()


@wrong("guards the logarithm with 1e-8", caught_by="test_extreme_logits")
def generator_loss_saturating__epsilon(fake_logits):
    return torch.log(1 - torch.sigmoid(fake_logits) + 1e-8).mean()


@wrong(
    "goes through probabilities and a loss that cuts logarithms off at -100",
    caught_by="test_extreme_logits",
)
def generator_loss_saturating__probability_loss(fake_logits):
    d = torch.sigmoid(fake_logits)
    return -F.binary_cross_entropy(d, torch.zeros_like(d))


@wrong("adds the fakes' losses without dividing by their number", caught_by="test_value")
def generator_loss_saturating__sum(fake_logits):
    return -F.softplus(fake_logits).sum()


@wrong("takes 1 - D without its logarithm", caught_by="test_value")
def generator_loss_saturating__no_log(fake_logits):
    return (1 - torch.sigmoid(fake_logits)).mean()


@wrong("takes the logarithm of the mean of 1 - D", caught_by="test_value")
def generator_loss_saturating__log_of_mean(fake_logits):
    return torch.log(1 - torch.sigmoid(fake_logits).mean())


@wrong("takes 1 - log D", caught_by="test_value")
def generator_loss_saturating__one_minus_log(fake_logits):
    return (1 - F.logsigmoid(fake_logits)).mean()


@wrong("takes minus the mean logit, as with a Wasserstein critic", caught_by="test_value")
def generator_loss_saturating__critic(fake_logits):
    return -fake_logits.mean()


@wrong("returns a loss that no gradient flows through", caught_by="test_gradient")
def generator_loss_saturating__detached(fake_logits):
    return -F.softplus(fake_logits.detach()).mean()


@wrong("halves the mean", caught_by="test_reflection")
def generator_loss_saturating__half(fake_logits):
    return -0.5 * F.softplus(fake_logits).mean()


@wrong("takes the logits for probabilities", caught_by="test_value")
def generator_loss_saturating__as_probability(fake_logits):
    return torch.log1p(-fake_logits).mean()


@wrong("returns one loss for each fake", caught_by="test_value")
def generator_loss_saturating__vector(fake_logits):
    return F.logsigmoid(-fake_logits)


@right("the log-sigmoid of minus the logit")
def generator_loss_saturating__logsigmoid(fake_logits):
    return F.logsigmoid(-fake_logits).mean()


@right("minus the library's cross-entropy for the label 0")
def generator_loss_saturating__bce(fake_logits):
    return -F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


@right("log D minus the logit, in single precision")
def generator_loss_saturating__minus_logit(fake_logits):
    logits = fake_logits.float()
    return (F.logsigmoid(logits) - logits).mean()


@right("the log-probability of the label fake, fake by fake")
def generator_loss_saturating__bernoulli(fake_logits):
    total = torch.zeros((), dtype=fake_logits.dtype)
    for logit in fake_logits.reshape(-1):
        total = total + torch.distributions.Bernoulli(logits=logit).log_prob(
            torch.zeros_like(logit)
        )
    return total / fake_logits.numel()


# ── generator_loss_nonsaturating ────────────────────────────────────────────────────────────────


@wrong("changes the sign, so that minimising it makes fakes worse", caught_by="test_value")
def generator_loss_nonsaturating__sign(fake_logits):
    return F.logsigmoid(fake_logits).mean()


@wrong("is the saturating loss", caught_by="test_gradient")
def generator_loss_nonsaturating__saturating(fake_logits):
    return -F.softplus(fake_logits).mean()


@wrong("gives the fakes the label of fakes, as in D's loss", caught_by="test_gradient")
def generator_loss_nonsaturating__fake_label(fake_logits):
    return F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


@wrong(
    "takes the logarithm of a sigmoid that has been rounded to 0", caught_by="test_extreme_logits"
)
def generator_loss_nonsaturating__naive(fake_logits):
    return -torch.log(torch.sigmoid(fake_logits)).mean()


@wrong("guards the logarithm with 1e-8", caught_by="test_extreme_logits")
def generator_loss_nonsaturating__epsilon(fake_logits):
    return -torch.log(torch.sigmoid(fake_logits) + 1e-8).mean()


@wrong(
    "goes through probabilities and a loss that cuts logarithms off at -100",
    caught_by="test_extreme_logits",
)
def generator_loss_nonsaturating__probability_loss(fake_logits):
    d = torch.sigmoid(fake_logits)
    return F.binary_cross_entropy(d, torch.ones_like(d))


@wrong("adds the fakes' losses without dividing by their number", caught_by="test_value")
def generator_loss_nonsaturating__sum(fake_logits):
    return F.softplus(-fake_logits).sum()


@wrong("takes minus D without its logarithm", caught_by="test_value")
def generator_loss_nonsaturating__no_log(fake_logits):
    return -torch.sigmoid(fake_logits).mean()


@wrong("takes the logarithm of the mean probability", caught_by="test_value")
def generator_loss_nonsaturating__log_of_mean(fake_logits):
    return -torch.log(torch.sigmoid(fake_logits).mean())


@wrong("takes 1 - D, the probability of being caught", caught_by="test_value")
def generator_loss_nonsaturating__one_minus(fake_logits):
    return (1 - torch.sigmoid(fake_logits)).mean()


@wrong("takes minus the mean logit, as with a Wasserstein critic", caught_by="test_value")
def generator_loss_nonsaturating__critic(fake_logits):
    return -fake_logits.mean()


@wrong("returns a loss that no gradient flows through", caught_by="test_gradient")
def generator_loss_nonsaturating__detached(fake_logits):
    return F.softplus(-fake_logits.detach()).mean()


@wrong("smooths the label to 0.9", caught_by="test_value")
def generator_loss_nonsaturating__smoothed(fake_logits):
    return F.binary_cross_entropy_with_logits(fake_logits, torch.full_like(fake_logits, 0.9))


@wrong("applies the sigmoid before a loss that applies it again", caught_by="test_value")
def generator_loss_nonsaturating__sigmoid_twice(fake_logits):
    d = torch.sigmoid(fake_logits)
    return F.binary_cross_entropy_with_logits(d, torch.ones_like(d))


@wrong("returns one loss for each fake", caught_by="test_value")
def generator_loss_nonsaturating__vector(fake_logits):
    return F.softplus(-fake_logits)


@right("the library's cross-entropy for the label 1")
def generator_loss_nonsaturating__bce(fake_logits):
    return nn.BCEWithLogitsLoss()(fake_logits, torch.ones_like(fake_logits))


@right("minus the mean log-sigmoid, in single precision")
def generator_loss_nonsaturating__logsigmoid(fake_logits):
    return -torch.mean(F.logsigmoid(fake_logits.float()))


@right("logaddexp with 0")
def generator_loss_nonsaturating__logaddexp(fake_logits):
    return torch.logaddexp(torch.zeros_like(fake_logits), -fake_logits).mean()


@right("softplus of the logit minus the logit")
def generator_loss_nonsaturating__minus_logit(fake_logits):
    return F.softplus(fake_logits).mean() - fake_logits.mean()


@right("the saturating loss of the reflected logits, with its sign changed")
def generator_loss_nonsaturating__via_saturating(fake_logits):
    return -generator_loss_saturating(-fake_logits)


# ── discriminator_step ──────────────────────────────────────────────────────────────────────────


@wrong("never clears old gradients", caught_by="test_stale_gradients")
def discriminator_step__no_zero_grad(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z).detach()))
    loss.backward()
    optD.step()
    return loss.item()


@wrong("clears the gradients of G instead of those of D", caught_by="test_path")
def discriminator_step__clears_g(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z).detach()))
    optG.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()


@wrong("clears the gradients between backward and step", caught_by="test_exact_update")
def discriminator_step__clears_too_late(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z).detach()))
    loss.backward()
    optD.zero_grad()
    optD.step()
    return loss.item()


@wrong("computes gradients but takes no step", caught_by="test_exact_update")
def discriminator_step__no_step(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z).detach()))
    optD.zero_grad()
    loss.backward()
    return loss.item()


@wrong(
    "lets G step along with D, towards fakes that are easier to spot",
    caught_by="test_generator_untouched",
)
def discriminator_step__both_stepped(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z)))
    optG.zero_grad()
    optD.zero_grad()
    loss.backward()
    optG.step()
    optD.step()
    return loss.item()


@wrong("lets G step with whatever gradients it had", caught_by="test_generator_untouched")
def discriminator_step__generator_stepped_stale(G, D, optG, optD, x, z):
    optD.zero_grad()
    loss = discriminator_loss(D(x), D(G(z).detach()))
    loss.backward()
    optD.step()
    optG.step()
    return loss.item()


@wrong("steps the optimizer of G", caught_by="test_exact_update")
def discriminator_step__wrong_optimizer(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z)))
    optG.zero_grad()
    loss.backward()
    optG.step()
    return loss.item()


@wrong("climbs the loss instead of descending it", caught_by="test_exact_update")
def discriminator_step__ascent(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z).detach()))
    optD.zero_grad()
    (-loss).backward()
    optD.step()
    return loss.item()


@wrong("trains D to call fakes real", caught_by="test_exact_update")
def discriminator_step__labels_swapped(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(G(z).detach()), D(x))
    optD.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()


@wrong("trains D on the loss of G", caught_by="test_exact_update")
def discriminator_step__generator_loss(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(z).detach()))
    optD.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()


@wrong("detaches the logits of the fakes instead of the fakes", caught_by="test_exact_update")
def discriminator_step__detaches_logits(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z)).detach())
    optD.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()


@wrong("shows D the noise itself", caught_by="test_exact_update")
def discriminator_step__noise_as_fakes(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(z))
    optD.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()


@wrong("freezes G and leaves it frozen", caught_by="test_generator_untouched")
def discriminator_step__freezes_g(G, D, optG, optD, x, z):
    for parameter in G.parameters():
        parameter.requires_grad = False
    loss = discriminator_loss(D(x), D(G(z)))
    optD.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()


@wrong("returns the loss after the step", caught_by="test_loss_before_step")
def discriminator_step__loss_afterwards(G, D, optG, optD, x, z):
    optD.zero_grad()
    discriminator_loss(D(x), D(G(z).detach())).backward()
    optD.step()
    return discriminator_loss(D(x), D(G(z))).item()


@wrong("returns the loss of G", caught_by="test_loss_before_step")
def discriminator_step__returns_g_loss(G, D, optG, optD, x, z):
    fake = D(G(z).detach())
    loss = discriminator_loss(D(x), fake)
    optD.zero_grad()
    loss.backward()
    optD.step()
    return generator_loss_nonsaturating(fake).item()


@wrong("steps once on the real batch and once on the fakes", caught_by="test_exact_update")
def discriminator_step__two_steps(G, D, optG, optD, x, z):
    fake = G(z).detach()
    loss = discriminator_loss(D(x), D(fake)).item()
    optD.zero_grad()
    F.softplus(-D(x)).mean().backward()
    optD.step()
    optD.zero_grad()
    F.softplus(D(fake)).mean().backward()
    optD.step()
    return loss


@wrong("takes one mean over real samples and fakes together", caught_by="test_exact_update")
def discriminator_step__one_mean(G, D, optG, optD, x, z):
    logits = D(torch.cat([x, G(z).detach()]))
    labels = torch.zeros_like(logits)
    labels[: len(x)] = 1
    loss = F.binary_cross_entropy_with_logits(logits, labels)
    optD.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()


@wrong("clips D's weights after the step", caught_by="test_loss_before_step")
def discriminator_step__clips_weights(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z).detach()))
    optD.zero_grad()
    loss.backward()
    optD.step()
    for parameter in D.parameters():
        parameter.data.clamp_(-1, 1)
    return loss.item()


@right("fakes detached, gradients cleared first")
def discriminator_step__detach(G, D, optG, optD, x, z):
    optD.zero_grad()
    real, fake = D(x), D(G(z).detach())
    loss = discriminator_loss(real, fake)
    loss.backward()
    optD.step()
    return float(loss)


@right("no detach: G gets gradients that nobody uses")
def discriminator_step__no_detach(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z)))
    D.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()


@right("clears the gradients of both nets, before and after")
def discriminator_step__clears_everything(G, D, optG, optD, x, z):
    optG.zero_grad()
    optD.zero_grad()
    loss = discriminator_loss(D(x), D(G(z)))
    loss.backward()
    optD.step()
    optG.zero_grad()
    optD.zero_grad()
    return loss.item()


@right("freezes G for the time of the step")
def discriminator_step__frozen_for_a_while(G, D, optG, optD, x, z):
    for parameter in G.parameters():
        parameter.requires_grad_(False)
    loss = discriminator_loss(D(x), D(G(z)))
    optD.zero_grad()
    loss.backward()
    optD.step()
    for parameter in G.parameters():
        parameter.requires_grad_(True)
    return loss.item()


@right("one backward for each half of the loss, as in many tutorials")
def discriminator_step__two_backwards(G, D, optG, optD, x, z):
    optD.zero_grad()
    real = F.binary_cross_entropy_with_logits(D(x), torch.ones(len(x), 1, dtype=x.dtype))
    real.backward()
    fake = D(G(z).detach())
    fake = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    fake.backward()
    optD.step()
    return real.item() + fake.item()


@right("gradients asked for by hand and put in place")
def discriminator_step__autograd_grad(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z)))
    parameters = list(D.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optD.step()
    return loss.detach()


# ── generator_step ──────────────────────────────────────────────────────────────────────────────


@wrong("never clears the old gradients of G", caught_by="test_stale_gradients")
def generator_step__no_zero_grad(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(z)))
    loss.backward()
    optG.step()
    return loss.item()


@wrong("clears all gradients between backward and step", caught_by="test_exact_update")
def generator_step__clears_too_late(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(z)))
    loss.backward()
    optG.zero_grad()
    optD.zero_grad()
    optG.step()
    return loss.item()


@wrong("computes gradients but takes no step", caught_by="test_exact_update")
def generator_step__no_step(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(z)))
    optG.zero_grad()
    loss.backward()
    return loss.item()


@wrong("lets D step along with G, towards being fooled", caught_by="test_discriminator_untouched")
def generator_step__both_stepped(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(z)))
    optG.zero_grad()
    optD.zero_grad()
    loss.backward()
    optG.step()
    optD.step()
    return loss.item()


@wrong("steps the optimizer of D", caught_by="test_exact_update")
def generator_step__wrong_optimizer(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(z)))
    optD.zero_grad()
    loss.backward()
    optD.step()
    return loss.item()


@wrong("detaches the fakes, so that G cannot learn", caught_by="test_exact_update")
def generator_step__detached(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(z).detach()))
    optG.zero_grad()
    loss.backward()
    optG.step()
    return loss.item()


@wrong("calls D without recording gradients", caught_by="test_exact_update")
def generator_step__no_grad_discriminator(G, D, optG, optD, x, z):
    fake = G(z)
    with torch.no_grad():
        logits = D(fake)
    loss = generator_loss_nonsaturating(logits)
    optG.zero_grad()
    loss.requires_grad_().backward()
    optG.step()
    return loss.item() + 0 * fake.sum().item()


@wrong("takes the saturating loss", caught_by="test_exact_update")
def generator_step__saturating(G, D, optG, optD, x, z):
    loss = generator_loss_saturating(D(G(z)))
    optG.zero_grad()
    loss.backward()
    optG.step()
    return loss.item()


@wrong("climbs the loss instead of descending it", caught_by="test_exact_update")
def generator_step__ascent(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(z)))
    optG.zero_grad()
    (-loss).backward()
    optG.step()
    return loss.item()


@wrong("trains G on the loss of D", caught_by="test_exact_update")
def generator_step__discriminator_loss(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z)))
    optG.zero_grad()
    loss.backward()
    optG.step()
    return loss.item()


@wrong("trains G to raise the loss of D, and reports that loss", caught_by="test_exact_update")
def generator_step__zero_sum(G, D, optG, optD, x, z):
    loss = discriminator_loss(D(x), D(G(z)))
    optG.zero_grad()
    (-loss).backward()
    optG.step()
    return loss.item()


@wrong("asks for real samples to look real as well", caught_by="test_loss_before_step")
def generator_step__real_samples_too(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(torch.cat([D(x), D(G(z))]))
    optG.zero_grad()
    loss.backward()
    optG.step()
    return loss.item()


@wrong("freezes D and never thaws it", caught_by="test_discriminator_untouched")
def generator_step__frozen_forever(G, D, optG, optD, x, z):
    for parameter in D.parameters():
        parameter.requires_grad = False
    loss = generator_loss_nonsaturating(D(G(z)))
    optG.zero_grad()
    loss.backward()
    optG.step()
    return loss.item()


@wrong("returns the loss after the step", caught_by="test_loss_before_step")
def generator_step__loss_afterwards(G, D, optG, optD, x, z):
    optG.zero_grad()
    generator_loss_nonsaturating(D(G(z))).backward()
    optG.step()
    return generator_loss_nonsaturating(D(G(z))).item()


@wrong("makes a step of D on the way", caught_by="test_discriminator_untouched")
def generator_step__trains_d_first(G, D, optG, optD, x, z):
    optD.zero_grad()
    discriminator_loss(D(x), D(G(z).detach())).backward()
    optD.step()
    loss = generator_loss_nonsaturating(D(G(z)))
    optG.zero_grad()
    loss.backward()
    optG.step()
    return loss.item()


@wrong("draws noise of its own", caught_by="test_exact_update")
def generator_step__own_noise(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(torch.randn_like(z))))
    optG.zero_grad()
    loss.backward()
    optG.step()
    return loss.item()


@wrong("steps twice on the same batch", caught_by="test_exact_update")
def generator_step__two_steps(G, D, optG, optD, x, z):
    losses = []
    for _ in range(2):
        loss = generator_loss_nonsaturating(D(G(z)))
        optG.zero_grad()
        loss.backward()
        optG.step()
        losses.append(loss.item())
    return losses[0]


@right("gradients of both nets cleared first")
def generator_step__zero_first(G, D, optG, optD, x, z):
    optG.zero_grad()
    optD.zero_grad()
    loss = generator_loss_nonsaturating(D(G(z)))
    loss.backward()
    optG.step()
    return float(loss)


@right("freezes D for the time of the step")
def generator_step__frozen_for_a_while(G, D, optG, optD, x, z):
    D.requires_grad_(False)
    loss = generator_loss_nonsaturating(D(G(z)))
    optG.zero_grad()
    loss.backward()
    optG.step()
    D.requires_grad_(True)
    return loss.item()


@right("the library's loss with label 1, D's gradients cleared afterwards")
def generator_step__library_loss(G, D, optG, optD, x, z):
    G.zero_grad()
    logits = D(G(z))
    loss = nn.BCEWithLogitsLoss()(logits, torch.ones_like(logits))
    loss.backward()
    optG.step()
    D.zero_grad()
    return loss.item()


@right("gradients asked for by hand and put in place")
def generator_step__autograd_grad(G, D, optG, optD, x, z):
    loss = generator_loss_nonsaturating(D(G(z)))
    parameters = list(G.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optG.step()
    return loss.detach()


@right("a copy of D for the gradients to run through")
def generator_step__copy_of_d(G, D, optG, optD, x, z):
    import copy

    judge = copy.deepcopy(D).requires_grad_(False)
    optG.zero_grad(set_to_none=False)
    loss = generator_loss_nonsaturating(judge(G(z)))
    loss.backward()
    optG.step()
    return loss.item()


# ── mode_coverage ───────────────────────────────────────────────────────────────────────────────


@wrong(
    "counts every mode with a sample inside its circle, nearest or not",
    caught_by="test_nearest_only",
)
def mode_coverage__any_center(samples, centers, radius):
    distance = torch.cdist(samples, centers)
    inside = distance <= radius
    return int(inside.any(dim=0).sum()), inside.any(dim=1).double().mean().item()


@wrong("calls a sample at exactly the radius bad", caught_by="test_radius")
def mode_coverage__strict(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance < radius
    return len(nearest[good].unique()), good.double().mean().item()


@wrong("compares squared distances with the radius", caught_by="test_radius")
def mode_coverage__squared(samples, centers, radius):
    squared, nearest = ((samples[:, None] - centers) ** 2).sum(dim=2).min(dim=1)
    good = squared <= radius
    return len(nearest[good].unique()), good.double().mean().item()


@wrong("adds up the coordinates' distances", caught_by="test_radius")
def mode_coverage__manhattan(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers, p=1).min(dim=1)
    good = distance <= radius
    return len(nearest[good].unique()), good.double().mean().item()


@wrong(
    "takes the largest coordinate's distance: squares instead of circles", caught_by="test_radius"
)
def mode_coverage__box(samples, centers, radius):
    distance, nearest = (samples[:, None] - centers).abs().amax(dim=2).min(dim=1)
    good = distance <= radius
    return len(nearest[good].unique()), good.double().mean().item()


@wrong("lets samples far from everything cover their nearest mode", caught_by="test_counts")
def mode_coverage__bad_samples_cover(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    return len(nearest.unique()), (distance <= radius).double().mean().item()


@wrong("returns the number of good samples, not their share", caught_by="test_counts")
def mode_coverage__count(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= radius
    return len(nearest[good].unique()), float(good.sum())


@wrong("returns the share of covered modes as the good fraction", caught_by="test_counts")
def mode_coverage__share_of_modes(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    modes = len(nearest[distance <= radius].unique())
    return modes, modes / len(centers)


@wrong("returns the share of bad samples", caught_by="test_counts")
def mode_coverage__bad_fraction(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= radius
    return len(nearest[good].unique()), 1 - good.double().mean().item()


@wrong("counts a sample once for each circle it lies in", caught_by="test_nearest_only")
def mode_coverage__pairs(samples, centers, radius):
    distance = torch.cdist(samples, centers)
    inside = distance <= radius
    modes = len(distance.argmin(dim=1)[inside.any(dim=1)].unique())
    return modes, inside.sum().item() / len(samples)


@wrong("returns the two results in the other order", caught_by="test_counts")
def mode_coverage__swapped(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= radius
    return good.double().mean().item(), len(nearest[good].unique())


@wrong("counts the modes that are missing", caught_by="test_counts")
def mode_coverage__lost_modes(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= radius
    return len(centers) - len(nearest[good].unique()), good.double().mean().item()


@wrong("asks for at least two good samples in a mode", caught_by="test_many_samples")
def mode_coverage__two_samples(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= radius
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts >= 2).sum()), good.double().mean().item()


@wrong("asks each mode to have its even share of the samples", caught_by="test_many_samples")
def mode_coverage__fair_share(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= radius
    counts = torch.bincount(nearest[good], minlength=len(centers))
    return int((counts * len(centers) >= len(samples)).sum()), good.double().mean().item()


@wrong(
    "counts the centers that have a sample as their nearest, and averages over centers",
    caught_by="test_counts",
)
def mode_coverage__nearest_samples(samples, centers, radius):
    distance = torch.cdist(samples, centers)
    reached = distance.min(dim=0).values <= radius
    return int(reached.sum()), reached.double().mean().item()


@wrong("takes the good samples' share among the covered modes' samples", caught_by="test_counts")
def mode_coverage__of_good_ones(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= radius
    covered = torch.isin(nearest, nearest[good].unique())
    return len(nearest[good].unique()), (good.sum() / covered.sum().clamp(min=1)).item()


@wrong("takes the radius for a diameter", caught_by="test_radius")
def mode_coverage__diameter(samples, centers, radius):
    distance, nearest = torch.cdist(samples, centers).min(dim=1)
    good = distance <= radius / 2
    return len(nearest[good].unique()), good.double().mean().item()


@right("sample by sample, with a set of covered modes")
def mode_coverage__loop(samples, centers, radius):
    covered, good = set(), 0
    for sample in samples:
        distances = [torch.linalg.norm(sample - center).item() for center in centers]
        best = min(range(len(centers)), key=distances.__getitem__)
        if distances[best] <= radius:
            covered.add(best)
            good += 1
    return len(covered), good / len(samples)


@right("numpy, with squared distances and a squared radius")
def mode_coverage__numpy(samples, centers, radius):
    x, c = samples.numpy(), centers.numpy()
    squared = np.sum((x[:, None, :] - c[None, :, :]) ** 2, axis=-1)
    good = squared.min(axis=1) <= radius**2
    return np.unique(squared.argmin(axis=1)[good]).size, np.mean(good)


@right("a table of samples by modes, in single precision")
def mode_coverage__one_hot(samples, centers, radius):
    distance = torch.linalg.vector_norm(samples.float()[:, None] - centers.float(), dim=2)
    own = F.one_hot(distance.argmin(dim=1), len(centers)).bool() & (distance <= radius)
    return own.any(dim=0).sum(), own.any(dim=1).float().mean()


@right("a search tree")
def mode_coverage__scipy_tree(samples, centers, radius):
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(centers.numpy()).query(samples.numpy())
    good = distance <= radius
    return len(set(nearest[good].tolist())), float(good.mean())


# ── log_ratio_coeffs ────────────────────────────────────────────────────────────────────────────


@wrong("returns log q - log p", caught_by="test_log_ratio")
def log_ratio_coeffs__sign(m1, s1, m2, s2):
    a = 0.5 / s1**2 - 0.5 / s2**2
    b = m2 / s2**2 - m1 / s1**2
    c = 0.5 * (m1 / s1) ** 2 - 0.5 * (m2 / s2) ** 2 + math.log(s1 / s2)
    return a, b, c


@wrong("forgets the normalisers, whose ratio is s2 / s1", caught_by="test_log_ratio")
def log_ratio_coeffs__no_log(m1, s1, m2, s2):
    a = 0.5 / s2**2 - 0.5 / s1**2
    b = m1 / s1**2 - m2 / s2**2
    c = 0.5 * (m2 / s2) ** 2 - 0.5 * (m1 / s1) ** 2
    return a, b, c


@wrong("turns the ratio of the normalisers upside down", caught_by="test_curvature")
def log_ratio_coeffs__log_ratio_upside_down(m1, s1, m2, s2):
    a = 0.5 / s2**2 - 0.5 / s1**2
    b = m1 / s1**2 - m2 / s2**2
    c = 0.5 * (m2 / s2) ** 2 - 0.5 * (m1 / s1) ** 2 + math.log(s1 / s2)
    return a, b, c


@wrong("takes the whole logarithm of the variances' ratio", caught_by="test_curvature")
def log_ratio_coeffs__log_of_variances(m1, s1, m2, s2):
    a = 0.5 / s2**2 - 0.5 / s1**2
    b = m1 / s1**2 - m2 / s2**2
    c = 0.5 * (m2 / s2) ** 2 - 0.5 * (m1 / s1) ** 2 + 2 * math.log(s2 / s1)
    return a, b, c


@wrong("takes the standard deviations for variances", caught_by="test_log_ratio")
def log_ratio_coeffs__variances(m1, s1, m2, s2):
    a = 0.5 / s2 - 0.5 / s1
    b = m1 / s1 - m2 / s2
    c = 0.5 * m2**2 / s2 - 0.5 * m1**2 / s1 + 0.5 * math.log(s2 / s1)
    return a, b, c


@wrong("leaves out the factor 1/2", caught_by="test_curvature")
def log_ratio_coeffs__no_half(m1, s1, m2, s2):
    a = 1 / s2**2 - 1 / s1**2
    b = 2 * (m1 / s1**2 - m2 / s2**2)
    c = (m2 / s2) ** 2 - (m1 / s1) ** 2 + math.log(s2 / s1)
    return a, b, c


@wrong("returns the constant first", caught_by="test_log_ratio")
def log_ratio_coeffs__order(m1, s1, m2, s2):
    a = 0.5 / s2**2 - 0.5 / s1**2
    b = m1 / s1**2 - m2 / s2**2
    c = 0.5 * (m2 / s2) ** 2 - 0.5 * (m1 / s1) ** 2 + math.log(s2 / s1)
    return c, b, a


@wrong("loses the sign of the linear term", caught_by="test_log_ratio")
def log_ratio_coeffs__b_sign(m1, s1, m2, s2):
    a = 0.5 / s2**2 - 0.5 / s1**2
    b = m2 / s2**2 - m1 / s1**2
    c = 0.5 * (m2 / s2) ** 2 - 0.5 * (m1 / s1) ** 2 + math.log(s2 / s1)
    return a, b, c


@wrong("halves the linear term", caught_by="test_log_ratio")
def log_ratio_coeffs__b_half(m1, s1, m2, s2):
    a = 0.5 / s2**2 - 0.5 / s1**2
    b = 0.5 * (m1 / s1**2 - m2 / s2**2)
    c = 0.5 * (m2 / s2) ** 2 - 0.5 * (m1 / s1) ** 2 + math.log(s2 / s1)
    return a, b, c


@wrong("treats both widths as equal, which leaves a straight line", caught_by="test_log_ratio")
def log_ratio_coeffs__equal_widths(m1, s1, m2, s2):
    return 0.0, (m1 - m2) / s1**2, 0.5 * (m2**2 - m1**2) / s1**2


@wrong("adds the squared means with the wrong sign", caught_by="test_log_ratio")
def log_ratio_coeffs__c_sign(m1, s1, m2, s2):
    a = 0.5 / s2**2 - 0.5 / s1**2
    b = m1 / s1**2 - m2 / s2**2
    c = 0.5 * (m1 / s1) ** 2 - 0.5 * (m2 / s2) ** 2 + math.log(s2 / s1)
    return a, b, c


@wrong("loses the sign of the curvature", caught_by="test_curvature")
def log_ratio_coeffs__a_sign(m1, s1, m2, s2):
    a = 0.5 / s1**2 - 0.5 / s2**2
    b = m1 / s1**2 - m2 / s2**2
    c = 0.5 * (m2 / s2) ** 2 - 0.5 * (m1 / s1) ** 2 + math.log(s2 / s1)
    return a, b, c


@right("through precisions")
def log_ratio_coeffs__precisions(m1, s1, m2, s2):
    t1, t2 = s1**-2, s2**-2
    constant = t2 * m2**2 - t1 * m1**2 + np.log(t1 / t2)
    return (t2 - t1) / 2, t1 * m1 - t2 * m2, constant / 2


@right("by adding polynomials")
def log_ratio_coeffs__polynomials(m1, s1, m2, s2):
    log_p = -0.5 * np.polymul([1 / s1, -m1 / s1], [1 / s1, -m1 / s1]) - [0, 0, np.log(s1)]
    log_q = -0.5 * np.polymul([1 / s2, -m2 / s2], [1 / s2, -m2 / s2]) - [0, 0, np.log(s2)]
    return tuple(log_p - log_q)


@right("the parabola through three values of the log-ratio")
def log_ratio_coeffs__three_points(m1, s1, m2, s2):
    def log_ratio(x):
        p, q = torch.distributions.Normal(m1, s1), torch.distributions.Normal(m2, s2)
        return (p.log_prob(x.float()) - q.log_prob(x.float())).double().numpy()

    x = torch.tensor([-1.0, 0.0, 1.0])
    left, middle, right = log_ratio(x)
    return (left + right) / 2 - middle, (right - left) / 2, middle
