"""Known answers of chapter 10: misconceptions, and other right ways."""

import math

import torch
import torch.nn.functional as F

from autograder.answers import right, wrong
from solutions.a10_ebm import energy_score, langevin_step

# ── energy_score ──────────────────────────────────────────────────────────────────────────────


@wrong("returns the gradient of the energy, uphill in energy", caught_by="test_analytic")
def energy_score__uphill(E, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(E(x).sum(), x)[0]


@wrong("averages the energies over the batch before it differentiates", caught_by="test_analytic")
def energy_score__mean(E, x):
    x = x.detach().requires_grad_()
    return -torch.autograd.grad(E(x).mean(), x)[0]


@wrong("takes the energy for a density and differentiates its logarithm", caught_by="test_analytic")
def energy_score__log_of_energy(E, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(torch.log(E(x).abs()).sum(), x)[0]


@wrong(
    "differentiates the unnormalised density instead of its logarithm", caught_by="test_gaussian"
)
def energy_score__gradient_of_density(E, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(torch.exp(-E(x)).sum(), x)[0]


@wrong("normalises over the batch, as if its points were all there are", caught_by="test_analytic")
def energy_score__softmax_over_batch(E, x):
    x = x.detach().requires_grad_()
    log_p = torch.log_softmax(-E(x), dim=0)
    return torch.autograd.grad(log_p.sum(), x)[0]


@wrong("normalises over the batch and divides p's gradient by p", caught_by="test_analytic")
def energy_score__density_over_batch(E, x):
    x = x.detach().requires_grad_()
    weight = torch.softmax(-E(x), dim=0)
    (gradient,) = torch.autograd.grad(weight.square().sum(), x)
    return gradient / (2 * weight.detach()[:, None])


@wrong("leaves x requiring gradients", caught_by="test_untouched")
def energy_score__sets_requires_grad(E, x):
    x.requires_grad_()
    return -torch.autograd.grad(E(x).sum(), x)[0]


@wrong("calls backward, which also fills the .grad of the parameters", caught_by="test_untouched")
def energy_score__backward(E, x):
    x = x.detach().clone().requires_grad_()
    E(x).sum().backward()
    return -x.grad


@wrong(
    "calls backward on x itself and returns what piled up there", caught_by="test_stale_gradient"
)
def energy_score__backward_on_x(E, x):
    x.requires_grad_()
    E(x).sum().backward()
    return -x.grad.clone()


@wrong("returns only the direction, scaled to length 1", caught_by="test_analytic")
def energy_score__unit_length(E, x):
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(E(x).sum(), x)
    return -gradient / gradient.norm(dim=1, keepdim=True)


@wrong("clips the score entry by entry to [-1, 1]", caught_by="test_analytic")
def energy_score__clipped(E, x):
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(E(x).sum(), x)
    return -gradient.clamp(-1, 1)


@wrong(
    "takes differences with so wide a step that they are not a derivative",
    caught_by="test_analytic",
)
def energy_score__wide_differences(E, x):
    h, columns = 0.1, []
    for j in range(x.shape[1]):
        move = torch.zeros_like(x)
        move[:, j] = h
        columns.append((E(x.detach()) - E(x.detach() + move)) / h)
    return torch.stack(columns, dim=1).detach()


@right("sample by sample")
def energy_score__loop(E, x):
    rows = []
    for row in x.detach():
        point = row[None].clone().requires_grad_()
        rows.append(-torch.autograd.grad(E(point)[0], point)[0][0])
    return torch.stack(rows)


@right("through torch.func, a gradient mapped over the batch")
def energy_score__vmap(E, x):
    def log_p(point):
        return -E(point[None])[0]

    return torch.func.vmap(torch.func.grad(log_p))(x.detach())


@right("with backward, on a copy and into the copy only")
def energy_score__backward_inputs(E, x):
    copy = x.detach().clone().requires_grad_()
    (-E(copy)).sum().backward(inputs=[copy])
    return copy.grad


@right("as a product of the Jacobian with a vector of ones")
def energy_score__vjp(E, x):
    x = x.detach().requires_grad_()
    energies = E(x)
    return torch.autograd.grad(energies, x, grad_outputs=-torch.ones_like(energies))[0]


@right("by central differences with a small step")
def energy_score__central_differences(E, x):
    x, h, columns = x.detach(), 1e-5, []
    for j in range(x.shape[1]):
        move = torch.zeros_like(x)
        move[:, j] = h
        columns.append((E(x - move) - E(x + move)).detach() / (2 * h))
    return torch.stack(columns, dim=1)


# ── langevin_step ─────────────────────────────────────────────────────────────────────────────


@wrong("multiplies the noise by the step size", caught_by="test_noise")
def langevin_step__step_times_noise(x, score, step, noise):
    return x + step * score + step * noise


@wrong("multiplies both score and noise by the step, the score by half", caught_by="test_drift")
def langevin_step__step_on_everything(x, score, step, noise):
    return x + step * (0.5 * score + noise)


@wrong("halves the drift and leaves the noise", caught_by="test_drift")
def langevin_step__half_drift(x, score, step, noise):
    return x + 0.5 * step * score + (2 * step) ** 0.5 * noise


@wrong(
    "uses the other convention: half the step for the drift, its root for the noise",
    caught_by="test_value",
)
def langevin_step__other_convention(x, score, step, noise):
    return x + step / 2 * score + math.sqrt(step) * noise


@wrong(
    "takes the step for that of a leapfrog: half its square for the drift", caught_by="test_value"
)
def langevin_step__leapfrog(x, score, step, noise):
    return x + step**2 / 2 * score + step * noise


@wrong("takes the step for the standard deviation of the noise", caught_by="test_drift")
def langevin_step__step_squared(x, score, step, noise):
    return x + step**2 * score + math.sqrt(2) * step * noise


@wrong("walks against the score, uphill in energy", caught_by="test_drift")
def langevin_step__descent(x, score, step, noise):
    return x - step * score + math.sqrt(2 * step) * noise


@wrong("uses a fixed noise of 0.005, as recipes for images do", caught_by="test_noise")
def langevin_step__fixed_noise(x, score, step, noise):
    return x + step * score + 0.005 * noise


@wrong("multiplies the score, too, by the root of twice the step", caught_by="test_drift")
def langevin_step__root_on_everything(x, score, step, noise):
    return x + math.sqrt(2 * step) * (score + noise)


@wrong(
    "gives the noise the variance of one step size instead of two",
    caught_by="test_stationary_variance",
)
def langevin_step__root_step(x, score, step, noise):
    return x + step * score + math.sqrt(step) * noise


@wrong("multiplies the noise by the variance 2 step instead of its root", caught_by="test_noise")
def langevin_step__variance_as_scale(x, score, step, noise):
    return x + step * score + 2 * step * noise


@wrong("takes the root of the step only, not of the 2 beside it", caught_by="test_noise")
def langevin_step__two_outside(x, score, step, noise):
    return x + step * score + 2 * math.sqrt(step) * noise


@wrong("takes the root of the 2 only, not of the step beside it", caught_by="test_noise")
def langevin_step__root_two(x, score, step, noise):
    return x + step * (score + math.sqrt(2) * noise)


@wrong("adds the score without the step size", caught_by="test_drift")
def langevin_step__bare_score(x, score, step, noise):
    return x + score + math.sqrt(2 * step) * noise


@wrong("leaves out the noise: gradient ascent", caught_by="test_stationary_variance")
def langevin_step__no_noise(x, score, step, noise):
    return x + step * score


@wrong("leaves out the score: a random walk", caught_by="test_drift")
def langevin_step__no_drift(x, score, step, noise):
    return x + math.sqrt(2 * step) * noise


@wrong("returns the move instead of the new place", caught_by="test_value")
def langevin_step__only_the_move(x, score, step, noise):
    return step * score + math.sqrt(2 * step) * noise


@wrong("ignores the noise it is given and draws its own", caught_by="test_pure")
def langevin_step__own_noise(x, score, step, noise):
    return x + step * score + math.sqrt(2 * step) * torch.randn_like(x)


@wrong("subtracts the noise: the right law, but not the noise it was given", caught_by="test_noise")
def langevin_step__minus_noise(x, score, step, noise):
    return x + step * score - math.sqrt(2 * step) * noise


@wrong("changes x in place", caught_by="test_pure")
def langevin_step__in_place(x, score, step, noise):
    x += step * score
    x += math.sqrt(2 * step) * noise
    return x


@wrong("works on the noise in place", caught_by="test_pure")
def langevin_step__noise_in_place(x, score, step, noise):
    return x.add(score, alpha=step).add(noise.mul_(math.sqrt(2 * step)))


@wrong("clamps the result to the range of pixels", caught_by="test_large_images")
def langevin_step__clamped(x, score, step, noise):
    return (x + step * score + math.sqrt(2 * step) * noise).clamp(-1, 1)


@wrong("clips steep scores, as training recipes do", caught_by="test_large_images")
def langevin_step__clipped_score(x, score, step, noise):
    return x + step * score.clamp(-10, 10) + math.sqrt(2 * step) * noise


@wrong("shrinks x as the forward process of diffusion does", caught_by="test_value")
def langevin_step__variance_preserving(x, score, step, noise):
    return math.sqrt(abs(1 - step)) * x + step * score + math.sqrt(2 * step) * noise


@right("by powers")
def langevin_step__powers(x, score, step, noise):
    return x + step * score + (2 * step) ** 0.5 * noise


@right("through addcmul and addition with a factor")
def langevin_step__addcmul(x, score, step, noise):
    scale = torch.full_like(x, (2.0 * step) ** 0.5)
    return torch.addcmul(torch.add(x, score, alpha=step), scale, noise)


@right("entry by entry")
def langevin_step__loop(x, score, step, noise):
    flat = [
        a + step * s + math.sqrt(2 * step) * e
        for a, s, e in zip(
            x.flatten().tolist(), score.flatten().tolist(), noise.flatten().tolist(), strict=True
        )
    ]
    return torch.tensor(flat, dtype=x.dtype).reshape(x.shape)


@right("with the noise's standard deviation as the parameter")
def langevin_step__by_sigma(x, score, step, noise):
    sigma = (2 * step) ** 0.5
    return x + 0.5 * sigma**2 * score + sigma * noise


@right("in NumPy")
def langevin_step__numpy(x, score, step, noise):
    import numpy as np

    x, score, noise = (t.detach().numpy() for t in (x, score, noise))
    return torch.from_numpy(x + step * score + np.sqrt(2 * step) * noise)


@right("in float32")
def langevin_step__float32(x, score, step, noise):
    return x.float() + step * score.float() + math.sqrt(2 * step) * noise.float()


@right("in place on a copy of its own")
def langevin_step__own_copy(x, score, step, noise):
    new = x.clone()
    new += step * score
    new += noise * torch.sqrt(torch.tensor(2.0 * step, dtype=x.dtype))
    return new


@right("as one contraction of three stacked tensors")
def langevin_step__einsum(x, score, step, noise):
    weights = torch.tensor([1.0, step, math.sqrt(2 * step)], dtype=x.dtype)
    return torch.einsum("k,k...->...", weights, torch.stack([x, score, noise]))


@right("as a step of torch's SGD on minus the score, then noise")
def langevin_step__sgd(x, score, step, noise):
    place = torch.nn.Parameter(x.clone())
    place.grad = -score
    torch.optim.SGD([place], lr=step).step()
    return place.detach() + (2 * step) ** 0.5 * noise


@right("by shaping the noise with an affine transform")
def langevin_step__affine_transform(x, score, step, noise):
    scale = torch.full_like(x, math.sqrt(2 * step))
    return torch.distributions.AffineTransform(x + step * score, scale)(noise)


# ── langevin_sample ───────────────────────────────────────────────────────────────────────────


@wrong("multiplies the noise by the step size", caught_by="test_moments")
def langevin_sample__step_times_noise(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = x + step * energy_score(E, x) + step * noise
    return x


@wrong(
    "uses the other convention: half the step for the drift, its root for the noise",
    caught_by="test_moments",
)
def langevin_sample__other_convention(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = x + step / 2 * energy_score(E, x) + math.sqrt(step) * noise
    return x


@wrong("halves the drift and leaves the noise", caught_by="test_moments")
def langevin_sample__half_drift(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, 0.5 * energy_score(E, x), step, noise)
    return x


@wrong("uses the same noise in every step", caught_by="test_moments")
def langevin_sample__same_noise(E, x0, step, n, generator):
    x = x0.detach().clone()
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    for _ in range(n):
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("gives all chains the same noise", caught_by="test_independent")
def langevin_sample__noise_shared_by_chains(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape[1], generator=generator, dtype=x.dtype).expand_as(x)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("gives all coordinates of a chain the same noise", caught_by="test_independent")
def langevin_sample__noise_shared_by_coordinates(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(len(x), 1, generator=generator, dtype=x.dtype).expand_as(x)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong(
    "gives half of the chains the mirrored noise of the other half", caught_by="test_independent"
)
def langevin_sample__antithetic(E, x0, step, n, generator):
    x = x0.detach().clone()
    half = (len(x) + 1) // 2
    for _ in range(n):
        noise = torch.randn(half, x.shape[1], generator=generator, dtype=x.dtype)
        noise = torch.cat([noise, -noise])[: len(x)]
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("climbs the energy", caught_by="test_moments")
def langevin_sample__ascent(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, -energy_score(E, x), step, noise)
    return x


@wrong(
    "draws noise as a product of Gaussians: right variance, wrong law",
    caught_by="test_law_of_one_step",
)
def langevin_sample__product_noise(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        one = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        two = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, one * two)
    return x


@wrong("draws uniform noise of the right variance", caught_by="test_law_of_one_step")
def langevin_sample__uniform_noise(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        u = torch.rand(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, math.sqrt(12) * (u - 0.5))
    return x


@wrong("draws random signs for noise", caught_by="test_law_of_one_step")
def langevin_sample__signs(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype).sign()
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("draws from the uniform generator, between 0 and 1", caught_by="test_law_of_one_step")
def langevin_sample__rand(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.rand(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("makes one step less than asked", caught_by="test_moments")
def langevin_sample__one_step_less(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(1, n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("makes one step more than asked", caught_by="test_moments")
def langevin_sample__one_step_more(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n + 1):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("adds no noise in the last step, as diffusion samplers do", caught_by="test_moments")
def langevin_sample__last_step_bare(E, x0, step, n, generator):
    x = x0.detach().clone()
    for i in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        if i == n - 1:
            noise = torch.zeros_like(x)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("adds noise once, at the end of a descent", caught_by="test_moments")
def langevin_sample__noise_at_the_end(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        x = x + step * energy_score(E, x)
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return x + math.sqrt(2 * step * n) * noise


@wrong("keeps the score of the starting point", caught_by="test_moments")
def langevin_sample__frozen_score(E, x0, step, n, generator):
    x = x0.detach().clone()
    score = energy_score(E, x)
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, score, step, noise)
    return x


@wrong("evaluates the score after the noise has been added", caught_by="test_moments")
def langevin_sample__noise_first(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        x = x + math.sqrt(2 * step) * torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = x + step * energy_score(E, x)
    return x


@wrong(
    "divides the score by the number of chains, by a mean over the batch", caught_by="test_moments"
)
def langevin_sample__mean_energy(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        x.requires_grad_()
        (gradient,) = torch.autograd.grad(E(x).mean(), x)
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x.detach(), -gradient, step, noise)
    return x


@wrong("starts from random points of its own", caught_by="test_law_of_one_step")
def langevin_sample__own_start(E, x0, step, n, generator):
    x = torch.randn(x0.shape, generator=generator, dtype=x0.dtype)
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("lets the step size fall as 1/k", caught_by="test_moments")
def langevin_sample__decaying_step(E, x0, step, n, generator):
    x = x0.detach().clone()
    for k in range(1, n + 1):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step / k, noise)
    return x


@wrong("draws from torch's global generator", caught_by="test_generator")
def langevin_sample__global_generator(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        x = langevin_step(x, energy_score(E, x), step, torch.randn_like(x))
    return x


@wrong(
    "seeds the generator itself, so that every call repeats the last", caught_by="test_generator"
)
def langevin_sample__reseeded(E, x0, step, n, generator):
    generator.manual_seed(0)
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("starts the generator anew in every step", caught_by="test_generator")
def langevin_sample__initial_seed(E, x0, step, n, generator):
    x = x0.detach().clone()
    for i in range(n):
        generator.manual_seed(generator.initial_seed() + i)
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
        generator.manual_seed(generator.initial_seed() - i)
    return x


@wrong("draws from a copy of the generator", caught_by="test_generator")
def langevin_sample__copied(E, x0, step, n, generator):
    own = torch.Generator()
    own.set_state(generator.get_state())
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=own, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong(
    "draws every second step's noise from a generator of its own",
    caught_by="test_noise_of_each_step",
)
def langevin_sample__half_of_its_own(E, x0, step, n, generator):
    own = torch.Generator().manual_seed(1)
    x = x0.detach().clone()
    for i in range(n):
        source = own if i % 2 else generator
        noise = torch.randn(x.shape, generator=source, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("seeds torch's global generator and draws from it", caught_by="test_generator")
def langevin_sample__global_seeded(E, x0, step, n, generator):
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    x = x0.detach().clone()
    for _ in range(n):
        x = langevin_step(x, energy_score(E, x), step, torch.randn_like(x))
    return x


@wrong("makes at most a hundred steps", caught_by="test_moments")
def langevin_sample__at_most_a_hundred(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(min(n, 100)):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@wrong("moves the starting points themselves", caught_by="test_no_side_effects")
def langevin_sample__in_place(E, x0, step, n, generator):
    x = x0
    for _ in range(n):
        score = energy_score(E, x)
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x += step * score + math.sqrt(2 * step) * noise
    return x


@wrong("calls backward, which fills the .grad of the parameters", caught_by="test_no_side_effects")
def langevin_sample__backward(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        x.requires_grad_()
        E(x).sum().backward()
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x.detach(), -x.grad, step, noise)
    return x


@wrong(
    "corrects the chain with Metropolis steps, so that its bias is gone",
    caught_by="test_law_of_many_steps",
)
def langevin_sample__metropolis(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        forward = energy_score(E, x)
        y = langevin_step(x, forward, step, noise)
        back = x - y - step * energy_score(E, y)
        log_ratio = E(x) - E(y) + (2 * step * noise**2 - back**2).sum(1) / (4 * step)
        u = torch.rand(len(x), generator=generator, dtype=x.dtype)
        x = torch.where((u.log() < log_ratio)[:, None], y, x).detach()
    return x


@wrong("keeps the chains within [-3, 3]", caught_by="test_too_large_a_step")
def langevin_sample__clamped(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise).clamp(-3, 3)
    return x


@wrong("clips the gradient, as training recipes do", caught_by="test_too_large_a_step")
def langevin_sample__clipped_gradient(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x).clamp(-6, 6), step, noise)
    return x


@right("with all noise drawn at once")
def langevin_sample__all_noise_at_once(E, x0, step, n, generator):
    x = x0.detach()
    noises = torch.randn((n, *x0.shape), generator=generator, dtype=x0.dtype)
    for noise in noises:
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x.clone()


@right("in the other convention, with the step rescaled")
def langevin_sample__rescaled_step(E, x0, step, n, generator):
    other = 2 * step
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = x + other / 2 * energy_score(E, x) + math.sqrt(other) * noise
    return x


@right("with autograd written out")
def langevin_sample__autograd(E, x0, step, n, generator):
    x = x0.clone().detach()
    for _ in range(n):
        x.requires_grad_(True)
        gradient = torch.autograd.grad(E(x).sum(), x)[0]
        noise = torch.empty_like(x).normal_(generator=generator).detach()
        x = (x - step * gradient + (2 * step) ** 0.5 * noise).detach()
    return x


@right("by a generator of its own, seeded with a draw from the one it is given")
def langevin_sample__seeded_with_a_draw(E, x0, step, n, generator):
    own = torch.Generator().manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=own, dtype=x.dtype)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@right("with torch.normal around the drifted point")
def langevin_sample__torch_normal(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        mean = x + step * energy_score(E, x)
        x = torch.normal(mean, math.sqrt(2 * step), generator=generator)
    return x


@right("through torch.func, a gradient mapped over the chains")
def langevin_sample__vmap(E, x0, step, n, generator):
    gradient = torch.func.vmap(torch.func.grad(lambda point: E(point[None])[0]))
    x = x0.detach().clone()
    for _ in range(n):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, -gradient(x), step, noise)
    return x


@right("recursively")
def langevin_sample__recursive(E, x0, step, n, generator):
    x0 = x0.detach()
    if n == 0:
        return x0.clone()
    noise = torch.randn(x0.shape, generator=generator, dtype=x0.dtype)
    x1 = langevin_step(x0, energy_score(E, x0), step, noise)
    return langevin_sample__recursive(E, x1, step, n - 1, generator)


@right("in place, on a copy of its own")
def langevin_sample__own_copy(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        score = energy_score(E, x)
        x.add_(score, alpha=step)
        x.add_(torch.randn(x.shape, generator=generator, dtype=x.dtype), alpha=(2 * step) ** 0.5)
    return x


@right("with normal noise made by Box and Muller's formula")
def langevin_sample__box_muller(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        u, v = torch.rand((2, *x.shape), generator=generator, dtype=x.dtype)
        noise = torch.sqrt(-2 * torch.log1p(-u)) * torch.cos(2 * math.pi * v)
        x = langevin_step(x, energy_score(E, x), step, noise)
    return x


@right("with backward into the copy only")
def langevin_sample__backward_inputs(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        point = x.clone().requires_grad_()
        E(point).sum().backward(inputs=[point])
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin_step(x, -point.grad, step, noise)
    return x


@right("in float32")
def langevin_sample__float32(E, x0, step, n, generator):
    x = x0.detach().float()
    for _ in range(n):
        score = energy_score(E, x).float()
        noise = torch.randn(x.shape, generator=generator, dtype=torch.float32)
        x = langevin_step(x, score, step, noise)
    return x


@right("with noise drawn coordinate by coordinate")
def langevin_sample__by_coordinates(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        columns = [
            torch.randn(len(x), generator=generator, dtype=x.dtype) for _ in range(x.shape[1])
        ]
        x = langevin_step(x, energy_score(E, x), step, torch.stack(columns, dim=1))
    return x


@right("by the quantile function of uniform draws")
def langevin_sample__quantiles(E, x0, step, n, generator):
    x = x0.detach().clone()
    for _ in range(n):
        u = torch.rand(x.shape, generator=generator, dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
        x = langevin_step(x, energy_score(E, x), step, torch.special.ndtri(u))
    return x


# ── log_partition_1d ──────────────────────────────────────────────────────────────────────────


@wrong("sums over the grid without the width of its cells", caught_by="test_gaussian")
def log_partition_1d__no_width(E, grid):
    return torch.logsumexp(-E(grid[:, None]), dim=0)


@wrong("takes the mean over the grid for the integral", caught_by="test_grid")
def log_partition_1d__mean(E, grid):
    return torch.logsumexp(-E(grid[:, None]), dim=0) - math.log(len(grid))


@wrong("integrates exp(+E)", caught_by="test_gaussian")
def log_partition_1d__sign(E, grid):
    return torch.logsumexp(E(grid[:, None]), dim=0) + torch.log(grid[1] - grid[0])


@wrong("takes exponentials first, which overflow or underflow", caught_by="test_constant")
def log_partition_1d__naive(E, grid):
    return torch.log(torch.trapezoid(torch.exp(-E(grid[:, None])), grid))


@wrong("adds the width of a cell instead of its logarithm", caught_by="test_gaussian")
def log_partition_1d__adds_width(E, grid):
    return torch.logsumexp(-E(grid[:, None]), dim=0) + (grid[1] - grid[0])


@wrong("multiplies by the width after the logarithm", caught_by="test_gaussian")
def log_partition_1d__times_width(E, grid):
    return torch.logsumexp(-E(grid[:, None]), dim=0) * (grid[1] - grid[0])


@wrong(
    "divides the length of the grid by the number of its points, not of its cells",
    caught_by="test_grid",
)
def log_partition_1d__n_cells(E, grid):
    width = (grid[-1] - grid[0]) / len(grid)
    return torch.logsumexp(-E(grid[:, None]), dim=0) + torch.log(width)


@wrong("returns Z itself", caught_by="test_gaussian")
def log_partition_1d__z(E, grid):
    energy = E(grid[:, None])
    low = energy.min()
    return torch.exp(-low.clamp(-50, 50)) * torch.trapezoid(torch.exp(low - energy), grid)


@wrong("returns -log Z", caught_by="test_gaussian")
def log_partition_1d__negated(E, grid):
    return -torch.logsumexp(-E(grid[:, None]), dim=0) - torch.log(grid[1] - grid[0])


@wrong("takes the highest point of exp(-E) for its integral", caught_by="test_gaussian")
def log_partition_1d__peak(E, grid):
    return (-E(grid[:, None])).max()


@wrong("puts a Gaussian in the lowest well and nothing elsewhere", caught_by="test_grid")
def log_partition_1d__laplace(E, grid):
    energy, dx = E(grid[:, None]), grid[1] - grid[0]
    i = int(energy[1:-1].argmin()) + 1
    curvature = (energy[i - 1] - 2 * energy[i] + energy[i + 1]) / dx**2
    return -energy[i] + 0.5 * torch.log(2 * math.pi / curvature)


@wrong("integrates the energy instead of the density", caught_by="test_gaussian")
def log_partition_1d__integrates_energy(E, grid):
    return torch.trapezoid(-E(grid[:, None]), grid)


@right("by the trapezoidal rule, with the lowest energy taken out")
def log_partition_1d__trapezoid(E, grid):
    energy = E(grid[:, None])
    low = energy.min()
    return torch.log(torch.trapezoid(torch.exp(low - energy), grid)) - low


@right("by a loop that adds logarithms")
def log_partition_1d__logaddexp(E, grid):
    energies = E(grid.reshape(-1, 1))
    total = -energies[0]
    for energy in energies[1:]:
        total = torch.logaddexp(total, -energy)
    return total + math.log((grid[-1] - grid[0]) / (len(grid) - 1))


@right("with the logarithm of each cell's width inside")
def log_partition_1d__widths_inside(E, grid):
    widths = torch.gradient(grid)[0]
    return torch.logsumexp(torch.log(widths) - E(grid.unsqueeze(1)), dim=0)


@right("in float32")
def log_partition_1d__float32(E, grid):
    energy = E(grid[:, None])
    low = energy.min()
    mass = torch.exp((low - energy).float()).sum() * float(grid[1] - grid[0])
    return torch.log(mass).double() - low


@wrong("takes the middle of the grid out of the sum", caught_by="test_constant")
def log_partition_1d__shift_by_middle(E, grid):
    e = -E(grid[:, None])
    c = e[len(e) // 2]
    return c + torch.log(torch.exp(e - c).sum()) + torch.log(grid[1] - grid[0])


@wrong("takes the mean energy out of the sum", caught_by="test_constant")
def log_partition_1d__shift_by_mean(E, grid):
    e = -E(grid[:, None])
    c = e.mean()
    return c + torch.log(torch.exp(e - c).sum()) + torch.log(grid[1] - grid[0])


# ── contrastive_divergence ────────────────────────────────────────────────────────────────────


@wrong("has the two terms the wrong way round", caught_by="test_value")
def contrastive_divergence__swapped(E, x, xneg):
    return E(xneg.detach()).mean() - E(x).mean()


@wrong("lowers the energy of the data and forgets the negatives", caught_by="test_value")
def contrastive_divergence__data_only(E, x, xneg):
    return E(x).mean()


@wrong("compares unnormalised densities instead of energies", caught_by="test_constant")
def contrastive_divergence__exponentials(E, x, xneg):
    return torch.exp(-E(xneg.detach())).mean() - torch.exp(-E(x)).mean()


@wrong("takes the absolute value of the difference", caught_by="test_value")
def contrastive_divergence__absolute(E, x, xneg):
    return (E(x).mean() - E(xneg.detach()).mean()).abs()


@wrong(
    "detaches the negatives' energies, so that they do not teach",
    caught_by="test_likelihood_gradient",
)
def contrastive_divergence__detached_energy(E, x, xneg):
    return E(x).mean() - E(xneg).detach().mean()


@wrong("lets gradients flow into the negatives", caught_by="test_negatives_are_constants")
def contrastive_divergence__attached(E, x, xneg):
    return E(x).mean() - E(xneg).mean()


@wrong("sums over the batches instead of averaging", caught_by="test_value")
def contrastive_divergence__sums(E, x, xneg):
    return E(x).sum() - E(xneg.detach()).sum()


@wrong("divides both sums by the size of the data's batch", caught_by="test_value")
def contrastive_divergence__one_divisor(E, x, xneg):
    return (E(x).sum() - E(xneg.detach()).sum()) / len(x)


@wrong("stops as soon as the data lie lower: a hinge", caught_by="test_value")
def contrastive_divergence__hinge(E, x, xneg):
    return F.relu(1 + E(x).mean() - E(xneg.detach()).mean())


@wrong("classifies data against negatives, with the energy as logit", caught_by="test_value")
def contrastive_divergence__logistic(E, x, xneg):
    return F.softplus(E(x)).mean() + F.softplus(-E(xneg.detach())).mean()


@wrong(
    "takes the log of the mean of exp(-E) over negatives for log Z",
    caught_by="test_likelihood_gradient",
)
def contrastive_divergence__log_mean_exp(E, x, xneg):
    log_z = torch.logsumexp(-E(xneg.detach()), dim=0) - math.log(len(xneg))
    return E(x).mean() + log_z


@wrong("squares the difference", caught_by="test_constant")
def contrastive_divergence__squared(E, x, xneg):
    return (E(x).mean() - E(xneg.detach()).mean()) ** 2


@wrong("adds a penalty on the size of the energies", caught_by="test_value")
def contrastive_divergence__regularised(E, x, xneg):
    low, high = E(x), E(xneg.detach())
    return low.mean() - high.mean() + 0.1 * (low.square().mean() + high.square().mean())


@wrong("halves the loss", caught_by="test_likelihood_gradient")
def contrastive_divergence__halved(E, x, xneg):
    return 0.5 * (E(x).mean() - E(xneg.detach()).mean())


@right("with one call of the energy for both batches")
def contrastive_divergence__one_call(E, x, xneg):
    energy = E(torch.cat([x, xneg.detach()]))
    return energy[: len(x)].mean() - energy[len(x) :].mean()


@right("with weights, one over the size of each batch")
def contrastive_divergence__weights(E, x, xneg):
    both = torch.cat([x.detach(), xneg.detach().clone()])
    weights = torch.cat(
        [torch.full((len(x),), 1 / len(x)), torch.full((len(xneg),), -1 / len(xneg))]
    )
    return (weights * E(both)).sum()


@right("sample by sample, with .data")
def contrastive_divergence__loop(E, x, xneg):
    low = sum(E(row[None])[0] for row in x) / len(x)
    high = sum(E(row.data[None])[0] for row in xneg) / len(xneg)
    return low - high


@right("as the mean over all pairs")
def contrastive_divergence__pairs(E, x, xneg):
    return (E(x)[:, None] - E(xneg.detach())[None, :]).mean()


# ── score_matching_energy ─────────────────────────────────────────────────────────────────────


@wrong("does not halve the squared gradient", caught_by="test_by_hand")
def score_matching_energy__no_half(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    laplacian = sum(
        torch.autograd.grad(g[:, j].sum(), x, create_graph=True)[0][:, j] for j in range(g.shape[1])
    )
    return (g.square().sum(dim=1) - laplacian).mean()


@wrong("sums all entries of the Hessian, not only the diagonal", caught_by="test_hessian")
def score_matching_energy__whole_hessian(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    (row,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    return (0.5 * g.square().sum(dim=1) - row.sum(dim=1)).mean()


@wrong("leaves out the second derivatives", caught_by="test_gaussian_optimum")
def score_matching_energy__no_laplacian(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    return 0.5 * g.square().sum(dim=1).mean()


@wrong("adds the Laplacian of the energy, as if it were that of log p", caught_by="test_by_hand")
def score_matching_energy__plus_laplacian(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    laplacian = sum(
        torch.autograd.grad(g[:, j].sum(), x, create_graph=True)[0][:, j] for j in range(g.shape[1])
    )
    return (0.5 * g.square().sum(dim=1) + laplacian).mean()


@wrong("squares the sum of the first derivatives", caught_by="test_by_hand")
def score_matching_energy__squared_sum(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    laplacian = sum(
        torch.autograd.grad(g[:, j].sum(), x, create_graph=True)[0][:, j] for j in range(g.shape[1])
    )
    return (0.5 * g.sum(dim=1).square() - laplacian).mean()


@wrong("squares the first derivative again in place of the second", caught_by="test_by_hand")
def score_matching_energy__gradient_squared_twice(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    return (0.5 * g.square().sum(dim=1) - g.square().sum(dim=1).square()).mean()


@wrong("squares the second derivatives", caught_by="test_by_hand")
def score_matching_energy__squared_laplacian(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    curvature = sum(
        torch.autograd.grad(g[:, j].sum(), x, create_graph=True)[0][:, j] ** 2
        for j in range(g.shape[1])
    )
    return (0.5 * g.square().sum(dim=1) - curvature).mean()


@wrong("sums over the batch", caught_by="test_by_hand")
def score_matching_energy__sum(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    laplacian = sum(
        torch.autograd.grad(g[:, j].sum(), x, create_graph=True)[0][:, j] for j in range(g.shape[1])
    )
    return (0.5 * g.square().sum(dim=1) - laplacian).sum()


@wrong("averages over coordinates instead of summing", caught_by="test_by_hand")
def score_matching_energy__mean_over_coordinates(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    diagonal = [
        torch.autograd.grad(g[:, j].sum(), x, create_graph=True)[0][:, j] for j in range(g.shape[1])
    ]
    return (0.5 * g.square() - torch.stack(diagonal, dim=1)).mean()


@wrong("takes the length of the gradient, not its square", caught_by="test_by_hand")
def score_matching_energy__norm(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    laplacian = sum(
        torch.autograd.grad(g[:, j].sum(), x, create_graph=True)[0][:, j] for j in range(g.shape[1])
    )
    return (0.5 * g.norm(dim=1) - laplacian).mean()


@wrong(
    "averages the energies first, so that the derivatives shrink with the batch",
    caught_by="test_by_hand",
)
def score_matching_energy__mean_energy(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).mean(), x, create_graph=True)
    laplacian = sum(
        torch.autograd.grad(g[:, j].sum(), x, create_graph=True)[0][:, j] for j in range(g.shape[1])
    )
    return (0.5 * g.square().sum(dim=1) - laplacian).mean()


@wrong("keeps only the last coordinate's second derivative", caught_by="test_hessian")
def score_matching_energy__last_coordinate(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    for j in range(g.shape[1]):
        (row,) = torch.autograd.grad(g[:, j].sum(), x, create_graph=True)
        laplacian = row[:, j]
    return (0.5 * g.square().sum(dim=1) - laplacian).mean()


@wrong(
    "detaches the second derivatives, so that they do not teach",
    caught_by="test_parameter_gradient",
)
def score_matching_energy__detached_laplacian(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    laplacian = sum(
        torch.autograd.grad(g[:, j].sum(), x, retain_graph=True)[0][:, j] for j in range(g.shape[1])
    )
    return (0.5 * g.square().sum(dim=1) - laplacian.detach()).mean()


@wrong("detaches the first derivatives where they are squared", caught_by="test_parameter_gradient")
def score_matching_energy__detached_gradient(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    laplacian = sum(
        torch.autograd.grad(g[:, j].sum(), x, create_graph=True)[0][:, j] for j in range(g.shape[1])
    )
    return (0.5 * g.detach().square().sum(dim=1) - laplacian).mean()


@wrong("estimates the trace with one random probe", caught_by="test_hessian")
def score_matching_energy__hutchinson(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    probe = torch.randn_like(x).sign()
    (product,) = torch.autograd.grad((g * probe).sum(), x, create_graph=True)
    return (0.5 * g.square().sum(dim=1) - (product * probe).sum(dim=1)).mean()


@right("with the Hessian of each sample")
def score_matching_energy__hessians(E, x):
    def single(point):
        return E(point[None])[0]

    terms = []
    for row in x.detach():
        g = torch.autograd.functional.jacobian(single, row, create_graph=True)
        hessian = torch.autograd.functional.hessian(single, row, create_graph=True)
        terms.append(0.5 * g @ g - torch.trace(hessian))
    return torch.stack(terms).mean()


@right("through torch.func")
def score_matching_energy__func(E, x):
    score = torch.func.grad(lambda point: -E(point[None])[0])

    def term(point):
        return 0.5 * score(point).square().sum() + torch.trace(torch.func.jacrev(score)(point))

    return torch.func.vmap(term)(x.detach()).mean()


@right("with one backward pass for each unit vector")
def score_matching_energy__unit_vectors(E, x):
    x = x.clone().detach().requires_grad_(True)
    score = -torch.autograd.grad(E(x).sum(), x, create_graph=True)[0]
    divergence = 0
    for unit in torch.eye(x.shape[1], dtype=x.dtype):
        product = torch.autograd.grad(
            score @ unit, x, torch.ones(len(x), dtype=x.dtype), create_graph=True
        )[0]
        divergence = divergence + product @ unit
    return torch.mean(divergence + torch.sum(score**2, dim=1) / 2)


@wrong("adds up at most five second derivatives", caught_by="test_hessian")
def score_matching_energy__first_five(E, x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(E(x).sum(), x, create_graph=True)
    lap = 0
    for j in range(min(5, x.shape[1])):
        (r,) = torch.autograd.grad(g[:, j].sum(), x, create_graph=True)
        lap = lap + r[:, j]
    return (0.5 * g.square().sum(1) - lap).mean()


# ── nce_loss ──────────────────────────────────────────────────────────────────────────────────


@wrong("leaves log nu out of the log-ratio", caught_by="test_bayes")
def nce_loss__no_log_nu(lm_d, ln_d, lm_n, ln_n, nu):
    return F.softplus(ln_d - lm_d).mean() + nu * F.softplus(lm_n - ln_n).mean()


@wrong("adds log nu to the log-ratio instead of subtracting it", caught_by="test_bayes")
def nce_loss__plus_log_nu(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d + math.log(nu), lm_n - ln_n + math.log(nu)
    return F.softplus(-g_d).mean() + nu * F.softplus(g_n).mean()


@wrong("divides the noise by the model", caught_by="test_bayes")
def nce_loss__inverted(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = ln_d - lm_d - math.log(nu), ln_n - lm_n - math.log(nu)
    return F.softplus(-g_d).mean() + nu * F.softplus(g_n).mean()


@wrong("swaps the labels of data and noise", caught_by="test_bayes")
def nce_loss__labels_swapped(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d - math.log(nu), lm_n - ln_n - math.log(nu)
    return F.softplus(g_d).mean() + nu * F.softplus(-g_n).mean()


@wrong("uses the data only", caught_by="test_bayes")
def nce_loss__data_only(lm_d, ln_d, lm_n, ln_n, nu):
    return F.softplus(-(lm_d - ln_d - math.log(nu))).mean()


@wrong("does not weigh the mean over the noise by nu", caught_by="test_learns_the_normaliser")
def nce_loss__noise_not_weighted(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d - math.log(nu), lm_n - ln_n - math.log(nu)
    return F.softplus(-g_d).mean() + F.softplus(g_n).mean()


@wrong("weighs the noise twice: a sum over nu samples, times nu", caught_by="test_bayes")
def nce_loss__weighted_twice(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d - math.log(nu), lm_n - ln_n - math.log(nu)
    return F.softplus(-g_d).mean() + nu * F.softplus(g_n).sum() / len(g_d)


@wrong("averages over data and noise together", caught_by="test_indistinguishable")
def nce_loss__one_mean(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d - math.log(nu), lm_n - ln_n - math.log(nu)
    return torch.cat([F.softplus(-g_d), F.softplus(g_n)]).mean()


@wrong("sums instead of averaging", caught_by="test_bayes")
def nce_loss__sum(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d - math.log(nu), lm_n - ln_n - math.log(nu)
    return F.softplus(-g_d).sum() + F.softplus(g_n).sum()


@wrong("returns the objective that is maximised", caught_by="test_bayes")
def nce_loss__to_maximise(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d - math.log(nu), lm_n - ln_n - math.log(nu)
    return F.logsigmoid(g_d).mean() + nu * F.logsigmoid(-g_n).mean()


@wrong("goes through probabilities, which round to 0 and 1", caught_by="test_extremes")
def nce_loss__naive(lm_d, ln_d, lm_n, ln_n, nu):
    h_d = torch.sigmoid(lm_d - ln_d - math.log(nu))
    h_n = torch.sigmoid(lm_n - ln_n - math.log(nu))
    return -torch.log(h_d).mean() - nu * torch.log(1 - h_n).mean()


@wrong("guards the logarithms with a small number, which caps the cost", caught_by="test_extremes")
def nce_loss__guarded(lm_d, ln_d, lm_n, ln_n, nu):
    h_d = torch.sigmoid(lm_d - ln_d - math.log(nu))
    h_n = torch.sigmoid(lm_n - ln_n - math.log(nu))
    return -torch.log(h_d + 1e-12).mean() - nu * torch.log(1 - h_n + 1e-12).mean()


@wrong("subtracts nu itself from the log-ratio", caught_by="test_bayes")
def nce_loss__minus_nu(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d - nu, lm_n - ln_n - nu
    return F.softplus(-g_d).mean() + nu * F.softplus(g_n).mean()


@wrong("forgets the noise's density: the model's alone is the logit", caught_by="test_bayes")
def nce_loss__model_as_logit(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - math.log(nu), lm_n - math.log(nu)
    return F.softplus(-g_d).mean() + nu * F.softplus(g_n).mean()


@wrong("has log nu at the data only", caught_by="test_gradient")
def nce_loss__log_nu_at_data_only(lm_d, ln_d, lm_n, ln_n, nu):
    return F.softplus(ln_d - lm_d + math.log(nu)).mean() + nu * F.softplus(lm_n - ln_n).mean()


@right("through the library's cross-entropy with logits")
def nce_loss__bce(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d - math.log(nu), lm_n - ln_n - math.log(nu)
    data = F.binary_cross_entropy_with_logits(g_d, torch.ones_like(g_d))
    noise = F.binary_cross_entropy_with_logits(g_n, torch.zeros_like(g_n))
    return data + nu * noise


@right("through log-sigmoids, the noise summed for each datum")
def nce_loss__logsigmoid(lm_d, ln_d, lm_n, ln_n, nu):
    g_d, g_n = lm_d - ln_d - math.log(nu), lm_n - ln_n - math.log(nu)
    return -(F.logsigmoid(g_d).sum() + F.logsigmoid(-g_n).sum()) / len(g_d)


@right("with the mixture's density in the denominator")
def nce_loss__mixture(lm_d, ln_d, lm_n, ln_n, nu):
    log_nu = math.log(nu)
    log_h = lm_d - torch.logaddexp(lm_d, ln_d + log_nu)
    log_not_h = ln_n + log_nu - torch.logaddexp(lm_n, ln_n + log_nu)
    return -log_h.mean() - nu * log_not_h.mean()


@right("as a classification with two classes")
def nce_loss__two_classes(lm_d, ln_d, lm_n, ln_n, nu):
    log_nu = torch.log(torch.tensor(float(nu), dtype=lm_d.dtype))
    data = torch.stack([ln_d + log_nu, lm_d], dim=1)
    noise = torch.stack([ln_n + log_nu, lm_n], dim=1)
    labels = torch.cat([torch.ones(len(data)), torch.zeros(len(noise))]).long()
    return F.cross_entropy(torch.cat([data, noise]), labels, reduction="sum") / len(data)


@wrong("has a wrong slope where model and noise agree, by relu", caught_by="test_extremes")
def nce_loss__kink(lm_d, ln_d, lm_n, ln_n, nu):
    def cost(t):
        return torch.relu(t) + torch.log1p(torch.exp(-t.abs()))

    ld, lnn = lm_d - ln_d - math.log(nu), lm_n - ln_n - math.log(nu)
    return cost(-ld).mean() + nu * cost(lnn).mean()


# ── gelman_rubin ──────────────────────────────────────────────────────────────────────────────


@wrong("leaves out the square root", caught_by="test_definition")
def gelman_rubin__no_root(chains):
    n = chains.shape[1]
    within = chains.var(dim=1).mean()
    return float((n - 1) / n + chains.mean(dim=1).var() / within)


@wrong("divides the chains' variances by n", caught_by="test_definition")
def gelman_rubin__within_by_n(chains):
    n = chains.shape[1]
    within = chains.var(dim=1, correction=0).mean()
    return math.sqrt((n - 1) / n + chains.mean(dim=1).var() / within)


@wrong("divides the variance of the means by M", caught_by="test_stuck")
def gelman_rubin__between_by_m(chains):
    n = chains.shape[1]
    within = chains.var(dim=1).mean()
    return math.sqrt((n - 1) / n + chains.mean(dim=1).var(correction=0) / within)


@wrong("divides by n in both variances, as NumPy does", caught_by="test_definition")
def gelman_rubin__numpy_default(chains):
    n = chains.shape[1]
    within = chains.numpy().var(axis=1).mean()
    return math.sqrt((n - 1) / n + chains.numpy().mean(axis=1).var() / within)


@wrong(
    "multiplies the variance of the means by n and does not divide it again", caught_by="test_stuck"
)
def gelman_rubin__n_times_between(chains):
    n = chains.shape[1]
    within, between = chains.var(dim=1).mean(), n * chains.mean(dim=1).var()
    return math.sqrt(((n - 1) / n * within + between) / within)


@wrong("compares between with within, without adding them", caught_by="test_agreeing")
def gelman_rubin__between_over_within(chains):
    return math.sqrt(chains.mean(dim=1).var() / chains.var(dim=1).mean())


@wrong("turns the fraction round", caught_by="test_definition")
def gelman_rubin__inverted(chains):
    n = chains.shape[1]
    within = chains.var(dim=1).mean()
    return math.sqrt(1 / ((n - 1) / n + chains.mean(dim=1).var() / within))


@wrong("leaves out the factor (n - 1)/n", caught_by="test_agreeing")
def gelman_rubin__no_factor(chains):
    return math.sqrt(1 + chains.mean(dim=1).var() / chains.var(dim=1).mean())


@wrong("takes states for chains and chains for states", caught_by="test_definition")
def gelman_rubin__transposed(chains):
    n = chains.shape[0]
    within = chains.var(dim=0).mean()
    return math.sqrt((n - 1) / n + chains.mean(dim=0).var() / within)


@wrong(
    "divides the variance of all states together by the mean variance of a chain",
    caught_by="test_definition",
)
def gelman_rubin__pooled(chains):
    return math.sqrt(chains.var() / chains.var(dim=1).mean())


@wrong("averages standard deviations and squares the mean", caught_by="test_definition")
def gelman_rubin__mean_deviation(chains):
    n = chains.shape[1]
    within = chains.std(dim=1).mean() ** 2
    return math.sqrt((n - 1) / n + chains.mean(dim=1).var() / within)


@wrong("splits each chain in two first", caught_by="test_definition")
def gelman_rubin__split(chains):
    half = chains.shape[1] // 2
    chains = torch.cat([chains[:, :half], chains[:, half : 2 * half]])
    if half < 2:
        return 1.0
    within = chains.var(dim=1).mean()
    return math.sqrt((half - 1) / half + chains.mean(dim=1).var() / within)


@wrong(
    "has the factor (M + 1)/M of another version before the variance of the means",
    caught_by="test_stuck",
)
def gelman_rubin__with_m(chains):
    m, n = chains.shape
    within = chains.var(dim=1).mean()
    return math.sqrt((n - 1) / n + (m + 1) / m * chains.mean(dim=1).var() / within)


@right("in NumPy, with ddof")
def gelman_rubin__numpy(chains):
    import numpy as np

    values = chains.numpy()
    n = values.shape[1]
    w = np.var(values, axis=1, ddof=1).mean()
    v = np.var(values.mean(axis=1), ddof=1)
    return float(np.sqrt(((n - 1) / n * w + v) / w))


@right("by loops and sums of squares")
def gelman_rubin__loops(chains):
    rows = chains.tolist()
    m, n = len(rows), len(rows[0])
    means = [sum(row) / n for row in rows]
    grand = sum(means) / m
    between = n / (m - 1) * sum((mean - grand) ** 2 for mean in means)
    within = 0.0
    for row, mean in zip(rows, means, strict=True):
        within += sum((value - mean) ** 2 for value in row) / (n - 1) / m
    return (((n - 1) * within / n + between / n) / within) ** 0.5


@right("from torch.var_mean, as a tensor")
def gelman_rubin__var_mean(chains):
    n = chains.size(1)
    variances, means = torch.var_mean(chains, dim=1)
    w = variances.mean()
    return torch.sqrt(((n - 1) / n * w + means.var()) / w)


@right("by the analysis of variance: total less within")
def gelman_rubin__analysis_of_variance(chains):
    m, n = chains.shape
    total = (chains - chains.mean()).square().sum()
    within = (chains - chains.mean(dim=1, keepdim=True)).square().sum()
    w, v = within / (m * (n - 1)), (total - within) / (n * (m - 1))
    return float(torch.sqrt(1 - 1 / n + v / w))


@wrong("takes squared means off mean squares, which cancels", caught_by="test_units")
def gelman_rubin__one_pass(chains):
    n = chains.shape[1]
    W = (((chains**2).mean(1) - chains.mean(1) ** 2) * n / (n - 1)).mean()
    m = chains.mean(1)
    M = len(m)
    V = ((m**2).mean() - m.mean() ** 2) * M / (M - 1)
    return math.sqrt((n - 1) / n + V / W)


# ── effective_sample_size ─────────────────────────────────────────────────────────────────────


@wrong("counts every lag once instead of twice", caught_by="test_four_states")
def effective_sample_size__once(chain):
    d = chain - chain.mean()
    tau = 1.0
    for k in range(1, len(d)):
        rho = float(d[:-k] @ d[k:] / (d @ d))
        if rho <= 0:
            break
        tau += rho
    return len(d) / tau


@wrong("counts lag 0 twice, too", caught_by="test_four_states")
def effective_sample_size__lag_zero_twice(chain):
    d = chain - chain.mean()
    tau = 2.0
    for k in range(1, len(d)):
        rho = float(d[:-k] @ d[k:] / (d @ d))
        if rho <= 0:
            break
        tau += 2 * rho
    return len(d) / tau


@wrong("counts lag 0 twice beside the 1", caught_by="test_alternating")
def effective_sample_size__sum_from_zero(chain):
    d = chain - chain.mean()
    tau = 1.0
    for k in range(len(d)):
        rho = float(d[: len(d) - k] @ d[k:] / (d @ d))
        if rho <= 0:
            break
        tau += 2 * rho
    return len(d) / tau


@wrong("sums over all lags: the sum is -1/2 for every chain", caught_by="test_definition")
def effective_sample_size__all_lags(chain):
    d = chain - chain.mean()
    rho = [float(d[:-k] @ d[k:] / (d @ d)) for k in range(1, len(d))]
    return len(d) / max(1 + 2 * sum(rho), 1e-6)


@wrong("sums the absolute values over all lags", caught_by="test_definition")
def effective_sample_size__absolute(chain):
    d = chain - chain.mean()
    rho = [abs(float(d[:-k] @ d[k:] / (d @ d))) for k in range(1, len(d))]
    return len(d) / (1 + 2 * sum(rho))


@wrong("leaves out the negative correlations and goes on", caught_by="test_definition")
def effective_sample_size__positive_only(chain):
    d = chain - chain.mean()
    rho = [max(float(d[:-k] @ d[k:] / (d @ d)), 0.0) for k in range(1, len(d))]
    return len(d) / (1 + 2 * sum(rho))


@wrong("divides each autocovariance by its number of terms, n - k", caught_by="test_four_states")
def effective_sample_size__by_n_minus_k(chain):
    d = chain - chain.mean()
    n, tau = len(d), 1.0
    for k in range(1, n):
        rho = float((d[:-k] * d[k:]).mean() / d.square().mean())
        if rho <= 0:
            break
        tau += 2 * rho
    return n / tau


@wrong(
    "takes the correlation coefficient of the two stretches, each with its own mean",
    caught_by="test_definition",
)
def effective_sample_size__corrcoef(chain):
    n, tau = len(chain), 1.0
    for k in range(1, n - 2):
        rho = float(torch.corrcoef(torch.stack([chain[:-k], chain[k:]]))[0, 1])
        if not rho > 0:
            break
        tau += 2 * rho
    return n / tau


@wrong("does not subtract the mean", caught_by="test_units")
def effective_sample_size__not_centred(chain):
    tau = 1.0
    for k in range(1, len(chain)):
        rho = float(chain[:-k] @ chain[k:] / (chain @ chain))
        if rho <= 0:
            break
        tau += 2 * rho
    return len(chain) / tau


@wrong("does not divide by the variance", caught_by="test_units")
def effective_sample_size__not_normalised(chain):
    d = chain - chain.mean()
    tau = 1.0
    for k in range(1, len(d)):
        covariance = float(d[:-k] @ d[k:]) / len(d)
        if covariance <= 0:
            break
        tau += 2 * covariance
    return len(d) / tau


@wrong("includes the first correlation that is not positive", caught_by="test_alternating")
def effective_sample_size__one_too_many(chain):
    d = chain - chain.mean()
    tau = 1.0
    for k in range(1, len(d)):
        rho = float(d[:-k] @ d[k:] / (d @ d))
        tau += 2 * rho
        if rho <= 0:
            break
    return len(d) / max(tau, 1e-3)


@wrong("stops below 0.05, not at 0", caught_by="test_definition")
def effective_sample_size__threshold(chain):
    d = chain - chain.mean()
    tau = 1.0
    for k in range(1, len(d)):
        rho = float(d[:-k] @ d[k:] / (d @ d))
        if rho < 0.05:
            break
        tau += 2 * rho
    return len(d) / tau


@wrong("uses lag 1 alone, as if correlations fell geometrically", caught_by="test_definition")
def effective_sample_size__lag_one(chain):
    d = chain - chain.mean()
    rho = float(d[:-1] @ d[1:] / (d @ d))
    return len(d) * (1 - rho) / (1 + rho)


@wrong("returns the correlation time instead of the size", caught_by="test_definition")
def effective_sample_size__time(chain):
    d = chain - chain.mean()
    tau = 1.0
    for k in range(1, len(d)):
        rho = float(d[:-k] @ d[k:] / (d @ d))
        if rho <= 0:
            break
        tau += 2 * rho
    return tau


@wrong("squares the correlations", caught_by="test_definition")
def effective_sample_size__squared(chain):
    d = chain - chain.mean()
    tau = 1.0
    for k in range(1, len(d)):
        rho = float(d[:-k] @ d[k:] / (d @ d))
        if rho <= 0:
            break
        tau += 2 * rho**2
    return len(d) / tau


@wrong("cuts the sum by Geyer's rule of pairs, another definition", caught_by="test_definition")
def effective_sample_size__geyer(chain):
    d = chain - chain.mean()
    n = len(d)
    rho = [float(d[: n - k] @ d[k:] / (d @ d)) for k in range(n)]
    tau = -1.0
    for m in range(n // 2):
        pair = rho[2 * m] + rho[2 * m + 1]
        if pair <= 0:
            break
        tau += 2 * pair
    return n / max(tau, 1e-3)


@right("by Fourier transform, padded with zeros")
def effective_sample_size__fft(chain):
    n = len(chain)
    spectrum = torch.fft.rfft(chain - chain.mean(), n=2 * n)
    covariance = torch.fft.irfft(spectrum.abs().square(), n=2 * n)[:n]
    rho = covariance / covariance[0]
    stop = int(torch.nonzero(rho <= 0)[0, 0])
    return float(n / (1 + 2 * rho[1:stop].sum()))


@right("through NumPy's correlate")
def effective_sample_size__correlate(chain):
    import numpy as np

    d = chain.numpy() - chain.numpy().mean()
    rho = np.correlate(d, d, mode="full")[len(d) - 1 :] / np.dot(d, d)
    positive = np.cumprod(rho > 0)
    return len(d) / (2 * float(np.sum(rho * positive)) - 1)


@right("with while and plain numbers")
def effective_sample_size__while(chain):
    values = chain.tolist()
    n = len(values)
    mean = sum(values) / n

    def covariance(k):
        return sum((values[t] - mean) * (values[t + k] - mean) for t in range(n - k)) / n

    variance, total, k = covariance(0), 0.0, 1
    while k < n and covariance(k) > 0:
        total += covariance(k) / variance
        k += 1
    return n / (1 + 2 * total)


@right("in float32, by convolution")
def effective_sample_size__convolution(chain):
    d = (chain - chain.mean()).float()
    n = len(d)
    full = F.conv1d(d[None, None], d[None, None], padding=n - 1)[0, 0, n - 1 :]
    rho = full / full[0]
    alive = torch.cumprod((rho > 0).float(), dim=0)
    return n / (1 + 2 * (rho * alive)[1:].sum())


@wrong("goes on after a correlation of zero", caught_by="test_zero")
def effective_sample_size__zero_goes_on(chain):
    n = len(chain)
    c = chain - chain.mean()
    v = c @ c
    tau = 1.0
    for k in range(1, n):
        r = float(c[:-k] @ c[k:] / v)
        if r < 0:
            break
        tau += 2 * r
    return n / tau


@wrong("looks at two hundred lags at most", caught_by="test_alternating")
def effective_sample_size__two_hundred_lags(chain):
    n = len(chain)
    c = chain - chain.mean()
    v = c @ c
    tau = 1.0
    for k in range(1, min(n, 201)):
        r = float(c[:-k] @ c[k:] / v)
        if r <= 0:
            break
        tau += 2 * r
    return n / tau


@wrong("takes the squared mean off the products, which cancels", caught_by="test_units")
def effective_sample_size__one_pass(chain):
    n = len(chain)
    m = chain.mean()
    tau = 1.0
    v = (chain**2).mean() - m**2
    for k in range(1, n):
        r = float(
            (
                (chain[:-k] * chain[k:]).sum() / n
                - m * chain[:-k].sum() / n
                - m * chain[k:].sum() / n
                + (n - k) / n * m**2
            )
            / v
        )
        if r <= 0:
            break
        tau += 2 * r
    return n / tau


@right("with a tolerance for zero")
def effective_sample_size__tolerance(chain):
    c = chain - chain.mean()
    n = len(c)
    v = c @ c
    tau = 1.0
    for k in range(1, n):
        r = float(c[:-k] @ c[k:] / v)
        if r <= 1e-12:
            break
        tau += 2 * r
    return n / tau


# ── mala_log_accept ───────────────────────────────────────────────────────────────────────────


@wrong("leaves out the proposals, as if they were symmetric", caught_by="test_definition")
def mala_log_accept__no_proposal(x, y, E, h):
    return E(x) - E(y)


@wrong("has the ratio of proposals upside down", caught_by="test_definition")
def mala_log_accept__inverted_proposal(x, y, E, h):
    there, back = y - x - h * energy_score(E, x), x - y - h * energy_score(E, y)
    return E(x) - E(y) + (back.square() - there.square()).sum(dim=1) / (4 * h)


@wrong("has the ratio of densities upside down", caught_by="test_definition")
def mala_log_accept__inverted_density(x, y, E, h):
    there, back = y - x - h * energy_score(E, x), x - y - h * energy_score(E, y)
    return E(y) - E(x) + (there.square() - back.square()).sum(dim=1) / (4 * h)


@wrong("gives the proposal the variance h instead of 2h", caught_by="test_definition")
def mala_log_accept__variance_h(x, y, E, h):
    there, back = y - x - h * energy_score(E, x), x - y - h * energy_score(E, y)
    return E(x) - E(y) + (there.square() - back.square()).sum(dim=1) / (2 * h)


@wrong("drifts by half a step in the proposal", caught_by="test_definition")
def mala_log_accept__half_drift(x, y, E, h):
    there, back = y - x - h / 2 * energy_score(E, x), x - y - h / 2 * energy_score(E, y)
    return E(x) - E(y) + (there.square() - back.square()).sum(dim=1) / (4 * h)


@wrong("returns the ratio instead of its logarithm", caught_by="test_definition")
def mala_log_accept__ratio(x, y, E, h):
    there, back = y - x - h * energy_score(E, x), x - y - h * energy_score(E, y)
    log_q = (there.square() - back.square()).sum(dim=1) / (4 * h)
    return torch.exp((E(x) - E(y) + log_q).clamp(max=50))


@wrong("cuts the ratio off at 1", caught_by="test_antisymmetric")
def mala_log_accept__cut(x, y, E, h):
    there, back = y - x - h * energy_score(E, x), x - y - h * energy_score(E, y)
    log_q = (there.square() - back.square()).sum(dim=1) / (4 * h)
    return (E(x) - E(y) + log_q).clamp(max=0)


@wrong("uses the score at x for the way back as well", caught_by="test_definition")
def mala_log_accept__score_at_x(x, y, E, h):
    score = energy_score(E, x)
    there, back = y - x - h * score, x - y - h * score
    return E(x) - E(y) + (there.square() - back.square()).sum(dim=1) / (4 * h)


@wrong("walks uphill in energy in the proposal", caught_by="test_definition")
def mala_log_accept__uphill(x, y, E, h):
    there, back = y - x + h * energy_score(E, x), x - y + h * energy_score(E, y)
    return E(x) - E(y) + (there.square() - back.square()).sum(dim=1) / (4 * h)


@wrong("averages the proposals' exponents over the coordinates", caught_by="test_definition")
def mala_log_accept__mean(x, y, E, h):
    there, back = y - x - h * energy_score(E, x), x - y - h * energy_score(E, y)
    return E(x) - E(y) + (there.square() - back.square()).mean(dim=1) / (4 * h)


@right("through torch.distributions")
def mala_log_accept__normal(x, y, E, h):
    def log_q(to, start):
        mean = start + h * energy_score(E, start)
        return torch.distributions.Normal(mean, math.sqrt(2 * h)).log_prob(to).sum(dim=1)

    return -E(y) + log_q(x, y) + E(x) - log_q(y, x)


@right("with the squares multiplied out")
def mala_log_accept__multiplied_out(x, y, E, h):
    sx, sy = energy_score(E, x), energy_score(E, y)
    linear = ((x - y) * (sx + sy)).sum(dim=1) / 2
    return E(x) - E(y) + linear + h / 4 * (sx.square() - sy.square()).sum(dim=1)


@right("sample by sample, with autograd written out")
def mala_log_accept__loop(x, y, E, h):
    def log_joint(start, to):
        start = start[None].clone().requires_grad_()
        energy = E(start)
        drift = torch.autograd.grad(energy[0], start)[0]
        miss = to[None] - start.detach() + h * drift
        return -energy[0].detach() - (miss**2).sum() / (4 * h)

    return torch.stack([log_joint(b, a) - log_joint(a, b) for a, b in zip(x, y, strict=True)])


# ── rbm_free_energy ───────────────────────────────────────────────────────────────────────────


@wrong("returns minus the free energy, the unnormalised log-density", caught_by="test_enumeration")
def rbm_free_energy__negated(v, W, b, c):
    return v @ b + F.softplus(v @ W + c).sum(dim=1)


@wrong("leaves out the visible bias", caught_by="test_enumeration")
def rbm_free_energy__no_visible_bias(v, W, b, c):
    return -F.softplus(v @ W + c).sum(dim=1)


@wrong("leaves out the hidden bias", caught_by="test_enumeration")
def rbm_free_energy__no_hidden_bias(v, W, b, c):
    return -(v @ b) - F.softplus(v @ W).sum(dim=1)


@wrong("has the softplus of minus the input", caught_by="test_enumeration")
def rbm_free_energy__softplus_of_minus(v, W, b, c):
    return -(v @ b) - F.softplus(-(v @ W + c)).sum(dim=1)


@wrong("puts the hidden units at their means, without their entropy", caught_by="test_enumeration")
def rbm_free_energy__mean_field(v, W, b, c):
    inputs = v @ W + c
    return -(v @ b) - (torch.sigmoid(inputs) * inputs).sum(dim=1)


@wrong("takes the best hidden state instead of the sum over all", caught_by="test_enumeration")
def rbm_free_energy__best_hidden(v, W, b, c):
    return -(v @ b) - F.relu(v @ W + c).sum(dim=1)


@wrong("takes exponentials first, which overflow", caught_by="test_extremes")
def rbm_free_energy__naive(v, W, b, c):
    return -(v @ b) - torch.log(1 + torch.exp(v @ W + c)).sum(dim=1)


@wrong("adds the visible bias to the energy", caught_by="test_enumeration")
def rbm_free_energy__visible_sign(v, W, b, c):
    return v @ b - F.softplus(v @ W + c).sum(dim=1)


@wrong("takes hidden units of -1 and 1", caught_by="test_enumeration")
def rbm_free_energy__spins(v, W, b, c):
    inputs = v @ W + c
    return -(v @ b) - torch.logaddexp(inputs, -inputs).sum(dim=1)


@right("by the sum over all hidden states")
def rbm_free_energy__enumeration(v, W, b, c):
    m = len(c)
    h = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=v.dtype)] * m).reshape(-1, m)
    minus_energy = (v @ b)[:, None] + h @ c + v @ W @ h.T
    return -torch.logsumexp(minus_energy, dim=1)


@right("with logaddexp and a contraction")
def rbm_free_energy__logaddexp(v, W, b, c):
    inputs = torch.einsum("bd,dm->bm", v, W) + c
    return -torch.logaddexp(inputs, torch.zeros_like(inputs)).sum(-1) - torch.mv(v, b)


@right("with log-sigmoids, unit by unit")
def rbm_free_energy__units(v, W, b, c):
    free = -(v * b).sum(dim=1)
    for j in range(W.shape[1]):
        free = free + F.logsigmoid(-(v @ W[:, j] + c[j]))
    return free


@wrong("has a wrong slope at input 0, by relu and the absolute value", caught_by="test_gradients")
def rbm_free_energy__kink(v, W, b, c):
    t = v @ W + c
    return -(v @ b) - (torch.relu(t) + torch.log1p(torch.exp(-t.abs()))).sum(1)


@wrong("chooses between two formulas, one of which has gradient nan", caught_by="test_gradients")
def rbm_free_energy__where(v, W, b, c):
    t = v @ W + c
    return -(v @ b) - torch.where(
        t > 0, t + torch.log1p(torch.exp(-t)), torch.log1p(torch.exp(t))
    ).sum(1)


# ── gibbs_step ────────────────────────────────────────────────────────────────────────────────


@wrong("rounds the probabilities instead of drawing", caught_by="test_thresholds")
def gibbs_step__threshold(v, W, b, c, uh, uv):
    h = (torch.sigmoid(v @ W + c) > 0.5).to(v.dtype)
    return (torch.sigmoid(h @ W.T + b) > 0.5).to(v.dtype), h


@wrong("passes on probabilities instead of draws: mean field", caught_by="test_thresholds")
def gibbs_step__mean_field(v, W, b, c, uh, uv):
    h = torch.sigmoid(v @ W + c)
    return torch.sigmoid(h @ W.T + b), h


@wrong(
    "draws the visible units from the hidden probabilities, not the hidden draws",
    caught_by="test_thresholds",
)
def gibbs_step__from_probabilities(v, W, b, c, uh, uv):
    p = torch.sigmoid(v @ W + c)
    return (uv < torch.sigmoid(p @ W.T + b)).to(v.dtype), (uh < p).to(v.dtype)


@wrong(
    "switches a unit on where the uniform number is above its probability",
    caught_by="test_thresholds",
)
def gibbs_step__above(v, W, b, c, uh, uv):
    h = (uh > torch.sigmoid(v @ W + c)).to(v.dtype)
    return (uv > torch.sigmoid(h @ W.T + b)).to(v.dtype), h


@wrong("switches a unit on in a tie", caught_by="test_tie")
def gibbs_step__tie(v, W, b, c, uh, uv):
    h = (uh <= torch.sigmoid(v @ W + c)).to(v.dtype)
    return (uv <= torch.sigmoid(h @ W.T + b)).to(v.dtype), h


@wrong("leaves out the biases", caught_by="test_thresholds")
def gibbs_step__no_biases(v, W, b, c, uh, uv):
    h = (uh < torch.sigmoid(v @ W)).to(v.dtype)
    return (uv < torch.sigmoid(h @ W.T)).to(v.dtype), h


@wrong("has the weights with the wrong sign", caught_by="test_thresholds")
def gibbs_step__sign(v, W, b, c, uh, uv):
    h = (uh < torch.sigmoid(c - v @ W)).to(v.dtype)
    return (uv < torch.sigmoid(b - h @ W.T)).to(v.dtype), h


@wrong("returns the old visible units beside the new hidden ones", caught_by="test_thresholds")
def gibbs_step__half_a_step(v, W, b, c, uh, uv):
    return v.clone(), (uh < torch.sigmoid(v @ W + c)).to(v.dtype)


@wrong("draws the hidden units a second time after the visible ones", caught_by="test_thresholds")
def gibbs_step__hidden_again(v, W, b, c, uh, uv):
    h = (uh < torch.sigmoid(v @ W + c)).to(v.dtype)
    new = (uv < torch.sigmoid(h @ W.T + b)).to(v.dtype)
    return new, (uh < torch.sigmoid(new @ W + c)).to(v.dtype)


@right("by comparing logits")
def gibbs_step__logits(v, W, b, c, uh, uv):
    h = (torch.special.logit(uh) < v @ W + c).to(v.dtype)
    return (torch.special.logit(uv) < h @ W.T + b).to(v.dtype), h


@right("with torch.where and a contraction")
def gibbs_step__where(v, W, b, c, uh, uv):
    one, zero = torch.ones((), dtype=v.dtype), torch.zeros((), dtype=v.dtype)
    h = torch.where(uh < 1 / (1 + torch.exp(-(v @ W) - c)), one, zero)
    p = torch.sigmoid(torch.einsum("bm,dm->bd", h, W) + b)
    return torch.where(uv < p, one, zero), h


@right("unit by unit")
def gibbs_step__loop(v, W, b, c, uh, uv):
    new, h = torch.zeros_like(uv), torch.zeros_like(uh)
    for j in range(h.shape[1]):
        h[:, j] = (uh[:, j] < torch.sigmoid(v @ W[:, j] + c[j])).to(v.dtype)
    for i in range(new.shape[1]):
        new[:, i] = (uv[:, i] < torch.sigmoid(h @ W[i] + b[i])).to(v.dtype)
    return new, h


# ── is_log_partition ──────────────────────────────────────────────────────────────────────────


@wrong("sums the weights instead of averaging them", caught_by="test_even_proposal")
def is_log_partition__sum(e, logq):
    return torch.logsumexp(-e - logq, dim=0)


@wrong("averages the logarithms of the weights: a lower bound", caught_by="test_even_proposal")
def is_log_partition__mean_of_logs(e, logq):
    return (-e - logq).mean()


@wrong("takes exponentials first, which overflow or underflow", caught_by="test_shift")
def is_log_partition__naive(e, logq):
    return torch.log(torch.mean(torch.exp(-e - logq)))


@wrong("multiplies by q instead of dividing", caught_by="test_unbiased")
def is_log_partition__times_q(e, logq):
    return torch.logsumexp(-e + logq, dim=0) - math.log(len(e))


@wrong("leaves out the proposal", caught_by="test_unbiased")
def is_log_partition__no_proposal(e, logq):
    return torch.logsumexp(-e, dim=0) - math.log(len(e))


@wrong("has the energy with the wrong sign", caught_by="test_unbiased")
def is_log_partition__energy_sign(e, logq):
    return torch.logsumexp(e - logq, dim=0) - math.log(len(e))


@wrong("normalises the weights by those of a flat energy", caught_by="test_unbiased")
def is_log_partition__self_normalised(e, logq):
    return torch.logsumexp(-e - logq, dim=0) - torch.logsumexp(-logq, dim=0)


@wrong("returns -log Z", caught_by="test_even_proposal")
def is_log_partition__negated(e, logq):
    return math.log(len(e)) - torch.logsumexp(-e - logq, dim=0)


@wrong("divides by n - 1", caught_by="test_even_proposal")
def is_log_partition__n_minus_one(e, logq):
    return torch.logsumexp(-e - logq, dim=0) - math.log(len(e) - 1)


@right("with the largest weight taken out")
def is_log_partition__maximum(e, logq):
    log_w = -e - logq
    top = log_w.max()
    return top + torch.log(torch.exp(log_w - top).mean())


@right("through SciPy")
def is_log_partition__scipy(e, logq):
    from scipy.special import logsumexp

    return torch.tensor(logsumexp(-(e + logq).numpy(), b=1 / len(e)))


@right("by a loop that adds logarithms")
def is_log_partition__loop(e, logq):
    total = torch.tensor(-math.inf, dtype=e.dtype)
    for energy, log_density in zip(e, logq, strict=True):
        total = torch.logaddexp(total, -energy - log_density)
    return total - math.log(e.shape[0])


@wrong("takes the mean log-weight out of the sum", caught_by="test_shift")
def is_log_partition__shift_by_mean(e, logq):
    log_w = -e - logq
    mean = log_w.mean()
    return mean + torch.log(torch.exp(log_w - mean).mean())


@wrong("divides by the proposal outside the logarithm", caught_by="test_shift")
def is_log_partition__proposal_not_in_logs(e, logq):
    c = (-e).max()
    return c + torch.log((torch.exp(-e - c) / torch.exp(logq)).mean())
