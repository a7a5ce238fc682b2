"""Known answers to chapter 9: what students write, wrong and right."""

import math

import numpy as np
import torch
import torch.nn as nn
from scipy.optimize import linprog

from autograder.answers import right, wrong
from solutions.a09_wgan import interpolate

# ── parallel_lines ────────────────────────────────────────────────────────────────────────────


@wrong("gives JS in bits, where its largest value is 1", caught_by="test_apart")
def parallel_lines__bits(theta):
    if theta == 0:
        return {"js": 0.0, "kl": 0.0, "w1": 0.0}
    return {"js": 1.0, "kl": math.inf, "w1": abs(theta)}


@wrong("leaves the sign on the distance", caught_by="test_apart")
def parallel_lines__signed(theta):
    same = theta == 0
    return {"js": 0.0 if same else math.log(2), "kl": 0.0 if same else math.inf, "w1": theta}


@wrong("squares the distance, as W2 squared does", caught_by="test_apart")
def parallel_lines__squared(theta):
    same = theta == 0
    return {"js": 0.0 if same else math.log(2), "kl": 0.0 if same else math.inf, "w1": theta**2}


@wrong("keeps JS at log 2 where the segments coincide", caught_by="test_jump")
def parallel_lines__js_at_zero(theta):
    return {"js": math.log(2), "kl": math.inf if theta != 0 else 0.0, "w1": abs(theta)}


@wrong("keeps KL infinite where the segments coincide", caught_by="test_kl")
def parallel_lines__kl_at_zero(theta):
    return {"js": math.log(2) if theta != 0 else 0.0, "kl": math.inf, "w1": abs(theta)}


@wrong("adds the two halves of JS without halving them", caught_by="test_apart")
def parallel_lines__js_not_halved(theta):
    same = theta == 0
    js = 0.0 if same else 2 * math.log(2)
    return {"js": js, "kl": 0.0 if same else math.inf, "w1": abs(theta)}


@wrong("takes the square root of JS", caught_by="test_apart")
def parallel_lines__js_root(theta):
    same = theta == 0
    js = 0.0 if same else math.sqrt(math.log(2))
    return {"js": js, "kl": 0.0 if same else math.inf, "w1": abs(theta)}


@wrong("lets the segments overlap while they are nearer than 1", caught_by="test_apart")
def parallel_lines__squares(theta):
    js = math.log(2) * min(abs(theta), 1.0)
    return {"js": js, "kl": math.inf if theta != 0 else 0.0, "w1": abs(theta)}


@wrong("takes KL for log 2 as well", caught_by="test_kl")
def parallel_lines__kl_finite(theta):
    same = theta == 0
    value = 0.0 if same else math.log(2)
    return {"js": value, "kl": value, "w1": abs(theta)}


@wrong("drops the points where q is zero from KL", caught_by="test_kl")
def parallel_lines__kl_zero(theta):
    return {"js": math.log(2) if theta != 0 else 0.0, "kl": 0.0, "w1": abs(theta)}


@wrong("counts segments that are close as equal", caught_by="test_jump")
def parallel_lines__tolerance(theta):
    same = abs(theta) < 1e-3
    return {"js": 0.0 if same else math.log(2), "kl": 0.0 if same else math.inf, "w1": abs(theta)}


@wrong("takes the distance to the nearest or farthest point for the mean", caught_by="test_apart")
def parallel_lines__diagonal(theta):
    same = theta == 0
    w1 = 0.0 if same else math.hypot(theta, 0.5)
    return {"js": 0.0 if same else math.log(2), "kl": 0.0 if same else math.inf, "w1": w1}


@wrong("knows only segments on the right", caught_by="test_apart")
def parallel_lines__one_side(theta):
    if theta <= 0:
        return {"js": 0.0, "kl": 0.0, "w1": 0.0}
    return {"js": math.log(2), "kl": math.inf, "w1": theta}


@wrong("caps the distance at 1", caught_by="test_apart")
def parallel_lines__capped(theta):
    same = theta == 0
    w1 = min(abs(theta), 1.0)
    return {"js": 0.0 if same else math.log(2), "kl": 0.0 if same else math.inf, "w1": w1}


@right("two cases written out")
def parallel_lines__cases(theta):
    if theta == 0:
        return {"kl": 0.0, "js": 0.0, "w1": 0.0}
    return {"kl": float("inf"), "js": math.log(2.0), "w1": abs(theta)}


@right("the definitions on two places, in NumPy")
def parallel_lines__numpy(theta):
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    if theta == 0:
        q = p
    m = (p + q) / 2

    def kl(a, b):
        with np.errstate(divide="ignore"):
            return sum(ai * (np.log(ai) - np.log(bi)) for ai, bi in zip(a, b, strict=True) if ai)

    return {"js": 0.5 * kl(p, m) + 0.5 * kl(q, m), "kl": kl(p, q), "w1": np.abs(theta)}


@right("tensors for numbers")
def parallel_lines__torch(theta):
    apart = torch.tensor(float(theta != 0))
    kl = torch.tensor(math.inf) if theta != 0 else torch.tensor(0.0)
    return {"js": apart * math.log(2), "kl": kl, "w1": torch.tensor(theta).abs()}


# ── w1_1d ─────────────────────────────────────────────────────────────────────────────────────


@wrong("pairs the points as they come, without sorting", caught_by="test_best_pairing")
def w1_1d__unsorted(x, y):
    n = math.lcm(len(x), len(y))
    return float(np.abs(np.repeat(x, n // len(x)) - np.repeat(y, n // len(y))).mean())


@wrong("returns W2, the root of the mean squared distance", caught_by="test_best_pairing")
def w1_1d__w2(x, y):
    n = math.lcm(len(x), len(y))
    x, y = np.repeat(np.sort(x), n // len(x)), np.repeat(np.sort(y), n // len(y))
    return float(np.sqrt(((x - y) ** 2).mean()))


@wrong("averages signed differences: the difference of the means", caught_by="test_best_pairing")
def w1_1d__signed(x, y):
    return float(y.mean() - x.mean())


@wrong("returns the distance of the means", caught_by="test_best_pairing")
def w1_1d__means(x, y):
    return float(abs(x.mean() - y.mean()))


@wrong("sums over the points instead of averaging", caught_by="test_best_pairing")
def w1_1d__sum(x, y):
    n = math.lcm(len(x), len(y))
    x, y = np.repeat(np.sort(x), n // len(x)), np.repeat(np.sort(y), n // len(y))
    return float(np.abs(x - y).sum())


@wrong("cuts the longer sample to the length of the shorter", caught_by="test_unequal_sizes")
def w1_1d__truncated(x, y):
    n = min(len(x), len(y))
    return float(np.abs(np.sort(x)[:n] - np.sort(y)[:n]).mean())


@wrong("cuts the longer sample before it is sorted", caught_by="test_unequal_sizes")
def w1_1d__truncated_first(x, y):
    n = min(len(x), len(y))
    return float(np.abs(np.sort(x[:n]) - np.sort(y[:n])).mean())


@wrong("interpolates between the points to equal lengths", caught_by="test_unequal_sizes")
def w1_1d__interpolated(x, y):
    levels = np.linspace(0, 1, max(len(x), len(y)))
    return float(np.abs(np.quantile(x, levels) - np.quantile(y, levels)).mean())


@wrong("averages the distances of all pairs: the independent plan", caught_by="test_best_pairing")
def w1_1d__all_pairs(x, y):
    return float(np.abs(x[:, None] - y[None, :]).mean())


@wrong("sends every x to its nearest y, whatever else goes there", caught_by="test_best_pairing")
def w1_1d__nearest(x, y):
    return float(np.abs(x[:, None] - y[None, :]).min(axis=1).mean())


@wrong("pairs the smallest with the largest", caught_by="test_best_pairing")
def w1_1d__reversed(x, y):
    n = math.lcm(len(x), len(y))
    x, y = np.repeat(np.sort(x), n // len(x)), np.repeat(np.sort(y)[::-1], n // len(y))
    return float(np.abs(x - y).mean())


@wrong("takes the largest gap between the distribution functions", caught_by="test_best_pairing")
def w1_1d__kolmogorov(x, y):
    points = np.sort(np.concatenate([x, y]))
    cdf_x = np.searchsorted(np.sort(x), points, side="right") / len(x)
    cdf_y = np.searchsorted(np.sort(y), points, side="right") / len(y)
    return float(np.abs(cdf_x - cdf_y).max())


@wrong("squares the gap of the distribution functions", caught_by="test_best_pairing")
def w1_1d__cramer(x, y):
    points = np.sort(np.concatenate([x, y]))
    cdf_x = np.searchsorted(np.sort(x), points[:-1], side="right") / len(x)
    cdf_y = np.searchsorted(np.sort(y), points[:-1], side="right") / len(y)
    return float(np.sum((cdf_x - cdf_y) ** 2 * np.diff(points)))


@wrong("integrates counts instead of shares", caught_by="test_repeated_points")
def w1_1d__counts(x, y):
    points = np.sort(np.concatenate([x, y]))
    count_x = np.searchsorted(np.sort(x), points[:-1], side="right")
    count_y = np.searchsorted(np.sort(y), points[:-1], side="right")
    return float(np.sum(np.abs(count_x - count_y) * np.diff(points)))


@wrong("ignores repeated points", caught_by="test_repeated_points")
def w1_1d__unique(x, y):
    x, y = np.unique(x), np.unique(y)
    points = np.sort(np.concatenate([x, y]))
    cdf_x = np.searchsorted(x, points[:-1], side="right") / len(x)
    cdf_y = np.searchsorted(y, points[:-1], side="right") / len(y)
    return float(np.sum(np.abs(cdf_x - cdf_y) * np.diff(points)))


@wrong("sums the gaps without the widths between the points", caught_by="test_best_pairing")
def w1_1d__no_widths(x, y):
    points = np.sort(np.concatenate([x, y]))
    cdf_x = np.searchsorted(np.sort(x), points, side="right") / len(x)
    cdf_y = np.searchsorted(np.sort(y), points, side="right") / len(y)
    return float(np.abs(cdf_x - cdf_y).sum())


@wrong("takes the largest distance of a sorted pair", caught_by="test_best_pairing")
def w1_1d__worst_pair(x, y):
    n = math.lcm(len(x), len(y))
    x, y = np.repeat(np.sort(x), n // len(x)), np.repeat(np.sort(y), n // len(y))
    return float(np.abs(x - y).max())


@wrong("takes the median of the sorted pairs' distances", caught_by="test_best_pairing")
def w1_1d__median(x, y):
    n = math.lcm(len(x), len(y))
    x, y = np.repeat(np.sort(x), n // len(x)), np.repeat(np.sort(y), n // len(y))
    return float(np.median(np.abs(x - y)))


@wrong("sorts the caller's arrays in place", caught_by="test_unequal_sizes")
def w1_1d__in_place(x, y):
    x.sort()
    y.sort()
    n = math.lcm(len(x), len(y))
    return float(np.abs(np.repeat(x, n // len(x)) - np.repeat(y, n // len(y))).mean())


@wrong("fills the shorter sample up with zeros", caught_by="test_unequal_sizes")
def w1_1d__padded(x, y):
    n = max(len(x), len(y))
    x, y = np.pad(x, (0, n - len(x))), np.pad(y, (0, n - len(y)))
    return float(np.abs(np.sort(x) - np.sort(y)).mean())


@right("equal masses by repeating the sorted points")
def w1_1d__lcm(x, y):
    n = math.lcm(len(x), len(y))
    x, y = np.repeat(np.sort(x), n // len(x)), np.repeat(np.sort(y), n // len(y))
    return np.abs(x - y).mean()


@right("quantile functions, integrated over the levels where one of them jumps")
def w1_1d__quantiles(x, y):
    n, m = len(x), len(y)
    cuts = np.sort(np.concatenate([np.arange(n + 1) / n, np.arange(m + 1) / m]))
    middle = (cuts[1:] + cuts[:-1]) / 2
    i = np.minimum((middle * n).astype(int), n - 1)
    j = np.minimum((middle * m).astype(int), m - 1)
    return float(np.sum(np.abs(np.sort(x)[i] - np.sort(y)[j]) * np.diff(cuts)))


@right("carrying mass from pile to pile with two fingers")
def w1_1d__two_pointers(x, y):
    x, y = sorted(x.tolist()), sorted(y.tolist())
    i = j = 0
    left_x, left_y = 1 / len(x), 1 / len(y)
    cost = 0.0
    while i < len(x) and j < len(y):
        moved = min(left_x, left_y)
        cost += moved * abs(x[i] - y[j])
        left_x, left_y = left_x - moved, left_y - moved
        if left_x <= 1e-12:
            i, left_x = i + 1, 1 / len(x)
        if left_y <= 1e-12:
            j, left_y = j + 1, 1 / len(y)
    return cost


@right("distribution functions by comparing all points")
def w1_1d__compare(x, y):
    points = np.sort(np.r_[x, y])
    cdf_x = (x[None, :] <= points[:, None]).mean(axis=1)
    cdf_y = (y[None, :] <= points[:, None]).mean(axis=1)
    return np.trapezoid(np.repeat(np.abs(cdf_x - cdf_y), 2)[:-1], np.repeat(points, 2)[1:])


@right("signed weights, sorted and summed up once")
def w1_1d__signed_weights(x, y):
    points = np.concatenate([x, y])
    weights = np.concatenate([np.full(len(x), 1 / len(x)), np.full(len(y), -1 / len(y))])
    order = np.argsort(points)
    return float(np.abs(np.cumsum(weights[order]))[:-1] @ np.diff(points[order]))


@right("the library")
def w1_1d__scipy(x, y):
    from scipy.stats import wasserstein_distance

    return wasserstein_distance(x, y)


@right("in torch, float32")
def w1_1d__torch(x, y):
    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    points = torch.cat([x, y]).sort().values
    cdf_x = (x[:, None] <= points[:-1]).float().mean(0)
    cdf_y = (y[:, None] <= points[:-1]).float().mean(0)
    return ((cdf_x - cdf_y).abs() * points.diff()).sum()


@right("a linear programme")
def w1_1d__linprog(x, y):
    n, m = len(x), len(y)
    C = np.abs(x[:, None] - y[None, :])
    A = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    return linprog(C.ravel(), A_eq=A, b_eq=np.r_[np.full(n, 1 / n), np.full(m, 1 / m)]).fun


@wrong("integrates on an even grid", caught_by="test_wide_range")
def w1_1d__on_a_grid(x, y):
    g = np.linspace(min(x.min(), y.min()), max(x.max(), y.max()), 100001)
    F = np.searchsorted(np.sort(x), g, side="right") / len(x)
    G = np.searchsorted(np.sort(y), g, side="right") / len(y)
    return float(np.abs(F - G).mean() * (g[-1] - g[0]))


# ── critic_loss ───────────────────────────────────────────────────────────────────────────────


@wrong(
    "has the sign of the W1 estimate, so that minimising it lowers real scores",
    caught_by="test_value",
)
def critic_loss__sign(real, fake):
    return real.mean() - fake.mean()


@wrong("is the cross-entropy of chapter 8", caught_by="test_value")
def critic_loss__bce(real, fake):
    softplus = torch.nn.functional.softplus
    return softplus(-real).mean() + softplus(fake).mean()


@wrong("sums the scores instead of averaging them", caught_by="test_value")
def critic_loss__sum(real, fake):
    return fake.sum() - real.sum()


@wrong("averages over all samples together", caught_by="test_value")
def critic_loss__concat(real, fake):
    return torch.cat([fake, -real]).mean()


@wrong("adds the two means", caught_by="test_value")
def critic_loss__added(real, fake):
    return fake.mean() + real.mean()


@wrong("negates both means", caught_by="test_value")
def critic_loss__both_negated(real, fake):
    return -fake.mean() - real.mean()


@wrong("takes the size of the gap, so that its sign is lost", caught_by="test_unbounded")
def critic_loss__absolute(real, fake):
    return -(real.mean() - fake.mean()).abs()


@wrong("takes the size of the gap and minimises that", caught_by="test_unbounded")
def critic_loss__absolute_gap(real, fake):
    return (real.mean() - fake.mean()).abs()


@wrong("squashes the scores with a sigmoid first", caught_by="test_value")
def critic_loss__sigmoid(real, fake):
    return torch.sigmoid(fake).mean() - torch.sigmoid(real).mean()


@wrong("stops scores at a margin, as a hinge loss does", caught_by="test_value")
def critic_loss__hinge(real, fake):
    return torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()


@wrong("asks for scores 1 and 0, as least squares does", caught_by="test_value")
def critic_loss__least_squares(real, fake):
    return ((real - 1) ** 2).mean() + (fake**2).mean()


@wrong("halves the loss", caught_by="test_value")
def critic_loss__halved(real, fake):
    return 0.5 * (fake.mean() - real.mean())


@wrong("is the generator's loss", caught_by="test_value")
def critic_loss__generator(real, fake):
    return -fake.mean()


@wrong("forgets the fake samples", caught_by="test_value")
def critic_loss__real_only(real, fake):
    return -real.mean()


@wrong("detaches the fake scores, so that nothing pushes them down", caught_by="test_gradient")
def critic_loss__fake_detached(real, fake):
    return fake.detach().mean() - real.mean()


@wrong("clips the scores to a range", caught_by="test_unbounded")
def critic_loss__clipped(real, fake):
    return fake.clamp(-10, 10).mean() - real.clamp(-10, 10).mean()


@wrong("takes logarithms of the scores' sizes", caught_by="test_value")
def critic_loss__logs(real, fake):
    return (fake.abs() + 1e-8).log().mean() - (real.abs() + 1e-8).log().mean()


@wrong("squares the gap", caught_by="test_unbounded")
def critic_loss__squared(real, fake):
    return -((real.mean() - fake.mean()) ** 2)


@wrong("cuts both groups to the same size", caught_by="test_value")
def critic_loss__truncated(real, fake):
    n = min(len(real), len(fake))
    return (fake[:n] - real[:n]).mean()


@right("minus the estimate of W1")
def critic_loss__negated(real, fake):
    return -(torch.mean(real) - torch.mean(fake))


@right("sums divided by the sizes")
def critic_loss__sums(real, fake):
    return fake.sum() / fake.shape[0] - real.sum() / real.shape[0]


@right("the mean over all pairs")
def critic_loss__pairs(real, fake):
    return (fake.reshape(-1, 1) - real.reshape(1, -1)).mean()


@right("one weighted sum, in float32")
def critic_loss__weights(real, fake):
    scores = torch.cat([fake.flatten(), real.flatten()]).float()
    weights = torch.cat(
        [torch.full((len(fake),), 1 / len(fake)), torch.full((len(real),), -1 / len(real))]
    )
    return scores @ weights


# ── clip_weights ──────────────────────────────────────────────────────────────────────────────


@wrong("clips the gradients", caught_by="test_entries")
def clip_weights__gradients(module, c):
    for p in module.parameters():
        if p.grad is not None:
            p.grad.clamp_(-c, c)


@wrong("clips the weights and the gradients", caught_by="test_nothing_else")
def clip_weights__gradients_too(module, c):
    for p in module.parameters():
        p.data.clamp_(-c, c)
        if p.grad is not None:
            p.grad.clamp_(-c, c)


@wrong("scales each tensor down to the norm c", caught_by="test_entries")
def clip_weights__norm(module, c):
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(c / max(c, p.norm().item()))


@wrong("scales each tensor until its largest entry is c", caught_by="test_entries")
def clip_weights__scaled(module, c):
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(c / max(c, p.abs().max().item()))


@wrong("clips the weight matrices and leaves the biases", caught_by="test_entries")
def clip_weights__weights_only(module, c):
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith("weight"):
                p.clamp_(-c, c)


@wrong("clips only tensors with two dimensions or more", caught_by="test_every_parameter")
def clip_weights__matrices_only(module, c):
    with torch.no_grad():
        for p in module.parameters():
            if p.dim() > 1:
                p.clamp_(-c, c)


@wrong("clips from above only", caught_by="test_entries")
def clip_weights__above(module, c):
    with torch.no_grad():
        for p in module.parameters():
            p.clamp_(max=c)


@wrong("clips to [0, c]", caught_by="test_entries")
def clip_weights__positive(module, c):
    with torch.no_grad():
        for p in module.parameters():
            p.clamp_(0, c)


@wrong("clips copies and changes nothing", caught_by="test_entries")
def clip_weights__copies(module, c):
    for p in module.parameters():
        p = p.clamp(-c, c)


@wrong("clips the linear layers at the top only", caught_by="test_every_parameter")
def clip_weights__top_level(module, c):
    layers = [module, *module.children()]
    with torch.no_grad():
        for layer in layers:
            if isinstance(layer, nn.Linear):
                layer.weight.clamp_(-c, c)
                layer.bias.clamp_(-c, c)


@wrong("clips the linear layers and no others", caught_by="test_every_parameter")
def clip_weights__linear_layers(module, c):
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.clamp_(-c, c)
                layer.bias.clamp_(-c, c)


@wrong("clips running statistics as well", caught_by="test_nothing_else")
def clip_weights__buffers(module, c):
    with torch.no_grad():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.clamp_(-c, c)


@wrong("sets entries outside the interval to zero", caught_by="test_entries")
def clip_weights__zeroed(module, c):
    with torch.no_grad():
        for p in module.parameters():
            p[p.abs() > c] = 0.0


@wrong("squashes with tanh", caught_by="test_entries")
def clip_weights__tanh(module, c):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(c * torch.tanh(p / c))


@wrong("clips to [-1, 1] whatever the limit", caught_by="test_entries")
def clip_weights__fixed(module, c):
    with torch.no_grad():
        for p in module.parameters():
            p.clamp_(-1, 1)


@wrong("clips to 0.01, the value of the paper, whatever the limit", caught_by="test_entries")
def clip_weights__paper_value(module, c):
    with torch.no_grad():
        for p in module.parameters():
            p.clamp_(-0.01, 0.01)


@wrong("freezes the parameters so as to change them", caught_by="test_training_goes_on")
def clip_weights__frozen(module, c):
    for p in module.parameters():
        p.requires_grad_(False)
        p.clamp_(-c, c)


@wrong("clears the gradients", caught_by="test_nothing_else")
def clip_weights__clears_gradients(module, c):
    for p in module.parameters():
        p.data.clamp_(-c, c)
        p.grad = None


@right("through .data")
def clip_weights__data(module, c):
    for p in module.parameters():
        p.data.clamp_(-c, c)


@right("copies the clipped values back")
def clip_weights__copy(module, c):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.clamp(p, min=-c, max=c))


@right("assigns to .data")
def clip_weights__assign_data(module, c):
    for _, p in module.named_parameters():
        p.data = p.data.clip(-c, c)


@right("minimum and maximum over modules, recursively")
def clip_weights__modules(module, c):
    with torch.no_grad():
        for part in module.modules():
            for p in part.parameters(recurse=False):
                p[p > c] = c
                p[p < -c] = -c


@right("in NumPy, on the tensors' own memory")
def clip_weights__numpy(module, c):
    for p in module.parameters():
        values = p.detach().numpy()
        np.clip(values, -c, c, out=values)


@right("loads a clipped state")
def clip_weights__state_dict(module, c):
    names = {name for name, _ in module.named_parameters()}
    state = module.state_dict()
    module.load_state_dict(
        {name: value.clamp(-c, c) if name in names else value for name, value in state.items()}
    )


@wrong("skips frozen parameters", caught_by="test_frozen")
def clip_weights__skips_frozen(module, c):
    with torch.no_grad():
        for p in module.parameters():
            if p.requires_grad:
                p.clamp_(-c, c)


@wrong("skips parameters that have no gradient", caught_by="test_frozen")
def clip_weights__skips_without_gradient(module, c):
    with torch.no_grad():
        for p in module.parameters():
            if p.grad is not None:
                p.clamp_(-c, c)


@wrong("clips what is named weight or bias", caught_by="test_every_parameter")
def clip_weights__by_name(module, c):
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith(("weight", "bias")):
                p.clamp_(-c, c)


@wrong("makes every parameter require gradients", caught_by="test_frozen")
def clip_weights__unfreezes(module, c):
    for p in module.parameters():
        p.requires_grad_(False)
        p.clamp_(-c, c)
        p.requires_grad_(True)


@right("by data of its own for each parameter")
def clip_weights__data_assigned(module, c):
    for p in module.parameters():
        p.data = p.data.clamp(-c, c)


# ── lipschitz_lower_bound ─────────────────────────────────────────────────────────────────────


@wrong("averages the norms instead of taking the largest", caught_by="test_curved")
def lipschitz_lower_bound__mean(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g.flatten(1).norm(dim=1).mean()


@wrong("takes the smallest norm", caught_by="test_curved")
def lipschitz_lower_bound__min(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g.flatten(1).norm(dim=1).min()


@wrong("takes one norm over the whole batch", caught_by="test_curved")
def lipschitz_lower_bound__batch_norm(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g.norm()


@wrong("differentiates the mean score, which divides by the batch size", caught_by="test_curved")
def lipschitz_lower_bound__mean_score(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).mean(), x)
    return g.flatten(1).norm(dim=1).max()


@wrong("takes the largest entry of the gradients", caught_by="test_curved")
def lipschitz_lower_bound__max_entry(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g.abs().max()


@wrong("adds the absolute entries: the 1-norm", caught_by="test_curved")
def lipschitz_lower_bound__l1(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g.flatten(1).abs().sum(dim=1).max()


@wrong("forgets the square root", caught_by="test_curved")
def lipschitz_lower_bound__squared(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return (g**2).flatten(1).sum(dim=1).max()


@wrong("takes the norm over the channels only, pixel by pixel", caught_by="test_images")
def lipschitz_lower_bound__channels(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g.norm(dim=1).max()


@wrong("takes the norm over the last axis only", caught_by="test_images")
def lipschitz_lower_bound__last_axis(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g.norm(dim=-1).max()


@wrong("looks at the first point only", caught_by="test_curved")
def lipschitz_lower_bound__first(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g[0].norm()


@wrong("takes the norm of the average gradient", caught_by="test_curved")
def lipschitz_lower_bound__mean_gradient(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g.mean(dim=0).norm()


@wrong("takes the largest singular value of all gradients together", caught_by="test_curved")
def lipschitz_lower_bound__matrix_norm(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return torch.linalg.matrix_norm(g.flatten(1), 2)


@wrong("subtracts the 1 that is allowed", caught_by="test_curved")
def lipschitz_lower_bound__excess(critic, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return g.flatten(1).norm(dim=1).max() - 1


@wrong("takes the largest slope between two of the points", caught_by="test_curved")
def lipschitz_lower_bound__secants(critic, x):
    with torch.no_grad():
        scores = critic(x).reshape(-1)
        rises = (scores[:, None] - scores[None, :]).abs()
        runs = torch.cdist(x.flatten(1), x.flatten(1)) + torch.eye(len(x), dtype=x.dtype)
        return (rises / runs).max()


@wrong("takes the largest score", caught_by="test_curved")
def lipschitz_lower_bound__score(critic, x):
    return critic(x).abs().max().detach()


@wrong("takes the ratio of score and distance from zero", caught_by="test_curved")
def lipschitz_lower_bound__ratio(critic, x):
    return (critic(x).reshape(-1).abs() / x.flatten(1).norm(dim=1)).max().detach()


@wrong("uses the caller's tensor and leaves a gradient in it", caught_by="test_curved")
def lipschitz_lower_bound__leaves_grad(critic, x):
    x.requires_grad_(True)
    critic(x).sum().backward()
    return x.grad.flatten(1).norm(dim=1).max()


@wrong("runs backward and so adds to the critic's gradients", caught_by="test_side_effects")
def lipschitz_lower_bound__backward(critic, x):
    x = x.clone().requires_grad_()
    critic(x).sum().backward()
    return x.grad.flatten(1).norm(dim=1).max()


@wrong("clears the critic's gradients", caught_by="test_side_effects")
def lipschitz_lower_bound__zero_grad(critic, x):
    x = x.clone().requires_grad_()
    critic(x).sum().backward()
    if hasattr(critic, "parameters"):
        for p in critic.parameters():
            p.grad = None
    return x.grad.flatten(1).norm(dim=1).max()


@right("grad_outputs of ones and a root of a sum of squares")
def lipschitz_lower_bound__grad_outputs(critic, x):
    x = x.clone().detach().requires_grad_(True)
    out = critic(x)
    g = torch.autograd.grad(out, x, grad_outputs=torch.ones_like(out))[0]
    return g.square().reshape(len(x), -1).sum(dim=1).sqrt().max()


@right("one sample after the other, as a number")
def lipschitz_lower_bound__loop(critic, x):
    best = 0.0
    for sample in x:
        one = sample[None].clone().requires_grad_()
        (g,) = torch.autograd.grad(critic(one).squeeze(), one)
        best = max(best, torch.linalg.vector_norm(g).item())
    return best


@right("the whole Jacobian")
def lipschitz_lower_bound__jacobian(critic, x):
    jacobian = torch.autograd.functional.jacobian(lambda x: critic(x).reshape(-1), x)
    norms = [jacobian[b, b].norm() for b in range(len(x))]
    return torch.stack(norms).max()


@right("the graph kept, norms over several dimensions at once")
def lipschitz_lower_bound__create_graph(critic, x):
    x = x.detach().clone().requires_grad_()
    g = torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]
    return torch.linalg.vector_norm(g, dim=tuple(range(1, g.dim()))).amax()


@wrong("freezes the critic and then makes all of it trainable", caught_by="test_side_effects")
def lipschitz_lower_bound__unfreezes(critic, x):
    ps = list(critic.parameters()) if hasattr(critic, "parameters") else []
    for p in ps:
        p.requires_grad_(False)
    x = x.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    for p in ps:
        p.requires_grad_(True)
    return g.flatten(1).norm(dim=1).max()


# ── interpolate ───────────────────────────────────────────────────────────────────────────────


@wrong("gives alpha to the fake sample", caught_by="test_vectors")
def interpolate__swapped(xr, xf, alpha):
    a = alpha.view(-1, *[1] * (xr.dim() - 1))
    return a * xf + (1 - a) * xr


@wrong("lets alpha run along the last axis", caught_by="test_square_batch")
def interpolate__last_axis(xr, xf, alpha):
    return alpha * xr + (1 - alpha) * xf


@wrong("leaves the fake sample whole", caught_by="test_vectors")
def interpolate__no_complement(xr, xf, alpha):
    a = alpha.view(-1, *[1] * (xr.dim() - 1))
    return a * xr + xf


@wrong("weighs both samples with alpha", caught_by="test_vectors")
def interpolate__both_alpha(xr, xf, alpha):
    a = alpha.view(-1, *[1] * (xr.dim() - 1))
    return a * xr + a * xf


@wrong("subtracts the weighted fake sample", caught_by="test_vectors")
def interpolate__minus(xr, xf, alpha):
    a = alpha.view(-1, *[1] * (xr.dim() - 1))
    return a * xr - (1 - a) * xf


@wrong("uses one alpha for the whole batch", caught_by="test_vectors")
def interpolate__shared(xr, xf, alpha):
    return alpha[0] * xr + (1 - alpha[0]) * xf


@wrong("uses the average alpha for all", caught_by="test_vectors")
def interpolate__average(xr, xf, alpha):
    return alpha.mean() * xr + (1 - alpha.mean()) * xf


@wrong("always takes the midpoint", caught_by="test_vectors")
def interpolate__midpoint(xr, xf, alpha):
    return 0.5 * (xr + xf)


@wrong("is made for vectors and lets images broadcast wrongly", caught_by="test_images")
def interpolate__column(xr, xf, alpha):
    a = alpha[:, None]
    return a * xr + (1 - a) * xf


@wrong("draws weights of its own", caught_by="test_vectors")
def interpolate__own_draw(xr, xf, alpha):
    a = torch.rand(len(xr), *[1] * (xr.dim() - 1), dtype=xr.dtype)
    return a * xr + (1 - a) * xf


@wrong("adds alpha times the way, starting from the real sample", caught_by="test_vectors")
def interpolate__wrong_way(xr, xf, alpha):
    a = alpha.view(-1, *[1] * (xr.dim() - 1))
    return xr + a * (xr - xf)


@wrong("mixes with the roots of the weights", caught_by="test_vectors")
def interpolate__roots(xr, xf, alpha):
    a = alpha.view(-1, *[1] * (xr.dim() - 1))
    return a.sqrt() * xr + (1 - a).sqrt() * xf


@wrong("picks either the real or the fake sample", caught_by="test_vectors")
def interpolate__coin(xr, xf, alpha):
    a = (alpha > 0.5).to(xr.dtype).view(-1, *[1] * (xr.dim() - 1))
    return a * xr + (1 - a) * xf


@wrong("pairs the samples in the opposite order", caught_by="test_vectors")
def interpolate__flipped(xr, xf, alpha):
    a = alpha.view(-1, *[1] * (xr.dim() - 1))
    return a * xr + (1 - a) * xf.flip(0)


@wrong("writes the mixture into the real samples", caught_by="test_vectors")
def interpolate__in_place(xr, xf, alpha):
    a = alpha.view(-1, *[1] * (xr.dim() - 1))
    xr.mul_(a).add_((1 - a) * xf)
    return xr


@right("lerp")
def interpolate__lerp(xr, xf, alpha):
    return torch.lerp(xf, xr, alpha.view(-1, *[1] * (xr.dim() - 1)).expand_as(xr))


@right("a step from the fake sample towards the real one")
def interpolate__step(xr, xf, alpha):
    while alpha.dim() < xr.dim():
        alpha = alpha.unsqueeze(-1)
    return xf + alpha * (xr - xf)


@right("sample by sample")
def interpolate__loop(xr, xf, alpha):
    out = torch.empty_like(xr)
    for b in range(len(alpha)):
        out[b] = alpha[b] * xr[b] + (1 - alpha[b]) * xf[b]
    return out


@right("einsum, in float32")
def interpolate__einsum(xr, xf, alpha):
    xr, xf, alpha = xr.float(), xf.float(), alpha.float()
    return torch.einsum("b,b...->b...", alpha, xr) + torch.einsum("b,b...->b...", 1 - alpha, xf)


@right("the transposed batch, where alpha runs along the last axis")
def interpolate__transposed(xr, xf, alpha):
    xr, xf = xr.movedim(0, -1), xf.movedim(0, -1)
    return (alpha * xr + (1 - alpha) * xf).movedim(-1, 0)


# ── gradient_penalty ──────────────────────────────────────────────────────────────────────────


@wrong("takes the norm over the channels only, pixel by pixel", caught_by="test_images")
def gradient_penalty__channels(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.norm(2, dim=1) - 1) ** 2).mean()


@wrong("takes a matrix norm for each channel", caught_by="test_images")
def gradient_penalty__per_channel(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    norms = torch.linalg.matrix_norm(g) if g.dim() > 2 else g.norm(dim=1)
    return ((norms - 1) ** 2).mean()


@wrong("takes one norm over the whole batch", caught_by="test_finite_differences")
def gradient_penalty__batch_norm(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (g.norm() - 1) ** 2


@wrong("compares the squared norm with 1", caught_by="test_finite_differences")
def gradient_penalty__squared_norm(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (((g**2).flatten(1).sum(dim=1) - 1) ** 2).mean()


@wrong("takes the gradients at the fake samples", caught_by="test_points")
def gradient_penalty__at_fake(critic, xr, xf, alpha):
    x = xf.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("takes the gradients at the real samples", caught_by="test_points")
def gradient_penalty__at_real(critic, xr, xf, alpha):
    x = xr.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("gives alpha to the fake samples", caught_by="test_points")
def gradient_penalty__swapped(critic, xr, xf, alpha):
    x = interpolate(xf, xr, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("adds the absolute entries: the 1-norm", caught_by="test_linear")
def gradient_penalty__l1(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).abs().sum(dim=1) - 1) ** 2).mean()


@wrong("takes the distance from 1 without squaring it", caught_by="test_linear")
def gradient_penalty__absolute(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (g.flatten(1).norm(dim=1) - 1).abs().mean()


@wrong("includes the factor lambda = 10", caught_by="test_linear")
def gradient_penalty__times_ten(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("adds the coordinates of the gradient instead of taking its norm", caught_by="test_linear")
def gradient_penalty__sum_of_entries(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).sum(dim=1) - 1) ** 2).mean()


@wrong("charges only slopes above 1", caught_by="test_linear")
def gradient_penalty__one_sided(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (torch.relu(g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("pulls the slope to 0 instead of 1", caught_by="test_linear")
def gradient_penalty__towards_zero(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (g.flatten(1).norm(dim=1) ** 2).mean()


@wrong("averages the norms first and squares afterwards", caught_by="test_finite_differences")
def gradient_penalty__mean_first(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (g.flatten(1).norm(dim=1).mean() - 1) ** 2


@wrong("adds over the batch instead of averaging", caught_by="test_linear")
def gradient_penalty__sum(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).sum()


@wrong("differentiates the mean score, which divides by the batch size", caught_by="test_linear")
def gradient_penalty__mean_score(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).mean(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong(
    "does not keep the graph, so that the penalty trains nothing",
    caught_by="test_parameter_gradient",
)
def gradient_penalty__no_graph(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong(
    "hangs the value on the scores, so that the gradient is that of something else",
    caught_by="test_parameter_gradient",
)
def gradient_penalty__wrong_graph(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    scores = critic(x)
    (g,) = torch.autograd.grad(scores.sum(), x, retain_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean() + 0 * scores.sum()


@wrong("draws weights of its own and ignores alpha", caught_by="test_points")
def gradient_penalty__own_draw(critic, xr, xf, alpha):
    x = interpolate(xr, xf, torch.rand_like(alpha)).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("uses one alpha for the whole batch", caught_by="test_points")
def gradient_penalty__shared_alpha(critic, xr, xf, alpha):
    x = (alpha[0] * xr + (1 - alpha[0]) * xf).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("takes the slope between the real and the fake sample", caught_by="test_finite_differences")
def gradient_penalty__secant(critic, xr, xf, alpha):
    rise = (critic(xr) - critic(xf)).reshape(-1).abs()
    return ((rise / (xr - xf).flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("charges the steepest sample only", caught_by="test_finite_differences")
def gradient_penalty__largest(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (g.flatten(1).norm(dim=1).max() - 1) ** 2


@wrong("compares every entry of the gradient with 1", caught_by="test_linear")
def gradient_penalty__entries(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((g - 1) ** 2).mean()


@wrong("runs backward and so adds to the critic's gradients", caught_by="test_side_effects")
def gradient_penalty__backward(critic, xr, xf, alpha):
    import warnings

    x = interpolate(xr, xf, alpha).requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        critic(x).sum().backward(create_graph=True)
    return ((x.grad.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("halves the penalty", caught_by="test_linear")
def gradient_penalty__halved(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return 0.5 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@right("as in most repositories: grad_outputs of ones, view, norm")
def gradient_penalty__grad_outputs(critic, xr, xf, alpha):
    weight = alpha.view(-1, *[1] * (xr.dim() - 1)).expand_as(xr)
    mixed = (weight * xr + (1 - weight) * xf).requires_grad_(True)
    scores = critic(mixed)
    gradients = torch.autograd.grad(
        outputs=scores,
        inputs=mixed,
        grad_outputs=torch.ones_like(scores),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.reshape(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


@right("a root guarded by a tiny number")
def gradient_penalty__guarded_root(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    g = torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]
    norms = torch.sqrt(g.pow(2).flatten(1).sum(1) + 1e-12)
    return (norms - 1).pow(2).mean()


@right("one sample after the other")
def gradient_penalty__loop(critic, xr, xf, alpha):
    total = 0.0
    for b in range(len(alpha)):
        x = (alpha[b] * xr[b] + (1 - alpha[b]) * xf[b])[None].detach().requires_grad_()
        (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        total = total + (torch.linalg.vector_norm(g) - 1) ** 2
    return total / len(alpha)


@right("the Jacobian's diagonal")
def gradient_penalty__jacobian(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: critic(x).reshape(-1), x, create_graph=True
    )
    norms = torch.stack([jacobian[b, b].norm() for b in range(len(x))])
    return torch.nn.functional.mse_loss(norms, torch.ones_like(norms))


@right("vector_norm over all dimensions but the first")
def gradient_penalty__vector_norm(critic, xr, xf, alpha):
    x = torch.lerp(xf, xr, alpha.reshape(-1, *[1] * (xr.dim() - 1)).expand_as(xr))
    x.requires_grad_()
    (g,) = torch.autograd.grad(critic(x).mean(), x, create_graph=True)
    norms = len(x) * torch.linalg.vector_norm(g, dim=tuple(range(1, g.dim())))
    return torch.mean((1 - norms) ** 2)


@right("torch.func, sample by sample")
def gradient_penalty__func(critic, xr, xf, alpha):
    slope = torch.func.vmap(torch.func.grad(lambda one: critic(one[None]).sum()))
    g = slope(interpolate(xr, xf, alpha))
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


@right("the square multiplied out")
def gradient_penalty__expanded(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).clone().detach().requires_grad_(True)
    with torch.enable_grad():
        g = torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0].flatten(start_dim=1)
    squares = torch.einsum("bd,bd->b", g, g)
    return (squares - 2 * (squares + 1e-12).sqrt() + 1).mean()


@right("only the inputs' gradients, of unbound scores")
def gradient_penalty__unbound(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).requires_grad_()
    scores = critic(x).reshape(-1)
    ones = [torch.ones_like(s) for s in scores]
    g = torch.autograd.grad(list(scores), [x], ones, create_graph=True)[0]
    return sum((row.norm() - 1) ** 2 for row in g.flatten(1)) / len(g)


@wrong("takes a bare root, whose gradient at a slope of 0 is nan", caught_by="test_flat_critic")
def gradient_penalty__bare_root(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((torch.sqrt((g.flatten(1) ** 2).sum(1)) - 1) ** 2).mean()


@wrong("leaves out samples at which the critic is flat", caught_by="test_flat_critic")
def gradient_penalty__sloped_only(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    n = g.flatten(1).norm(dim=1)
    return ((n[n > 0] - 1) ** 2).mean()


@right("with 1e-12 below the root")
def gradient_penalty__small_eps(critic, xr, xf, alpha):
    x = interpolate(xr, xf, alpha).detach().requires_grad_()
    (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((torch.sqrt((g.flatten(1) ** 2).sum(1) + 1e-12) - 1) ** 2).mean()


# ── ot_lp ─────────────────────────────────────────────────────────────────────────────────────


@wrong("returns the independent plan", caught_by="test_plan")
def ot_lp__independent(a, b, C):
    P = np.outer(a, b)
    return float((P * C).sum()), P


@wrong("maximises the price", caught_by="test_plan")
def ot_lp__maximises(a, b, C):
    n, m = C.shape
    A = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(-C.ravel(), A_eq=A, b_eq=np.r_[a, b])
    return float(-found.fun), found.x.reshape(n, m)


@wrong("blurs the plan with an entropy, as Sinkhorn does", caught_by="test_line")
def ot_lp__sinkhorn(a, b, C):
    K = np.exp(-C / 0.2)
    v = np.ones_like(b)
    for _ in range(500):
        u = a / np.maximum(K @ v, 1e-300)
        v = b / np.maximum(K.T @ u, 1e-300)
    P = u[:, None] * K * v[None, :]
    return float((P * C).sum()), P


@wrong("serves the cheapest routes first, greedily", caught_by="test_assignment")
def ot_lp__greedy(a, b, C):
    a, b, P = a.copy(), b.copy(), np.zeros_like(C)
    for index in np.argsort(C, axis=None):
        i, j = np.unravel_index(index, C.shape)
        P[i, j] = min(a[i], b[j])
        a[i] -= P[i, j]
        b[j] -= P[i, j]
    return float((P * C).sum()), P


@wrong("fills the plan from the corner, whatever the prices", caught_by="test_assignment")
def ot_lp__corner(a, b, C):
    a, b, P = a.copy(), b.copy(), np.zeros_like(C)
    for i in range(len(a)):
        for j in range(len(b)):
            P[i, j] = min(a[i], b[j])
            a[i] -= P[i, j]
            b[j] -= P[i, j]
    return float((P * C).sum()), P


@wrong(
    "sends everything to the cheapest place and forgets the second marginal", caught_by="test_plan"
)
def ot_lp__one_marginal(a, b, C):
    P = np.zeros_like(C)
    P[np.arange(len(a)), C.argmin(axis=1)] = a
    return float((P * C).sum()), P


@wrong("asks for marginals at most as large, and moves nothing", caught_by="test_plan")
def ot_lp__inequalities(a, b, C):
    n, m = C.shape
    A = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(C.ravel(), A_ub=A, b_ub=np.r_[a, b])
    return float(found.fun), found.x.reshape(n, m)


@wrong("returns the average entry of P C", caught_by="test_plan")
def ot_lp__mean(a, b, C):
    n, m = C.shape
    A = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(C.ravel(), A_eq=A, b_eq=np.r_[a, b])
    return float(found.fun) / C.size, found.x.reshape(n, m)


@wrong("reads the solution column by column", caught_by="test_plan")
def ot_lp__column_order(a, b, C):
    n, m = C.shape
    A = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(C.ravel(), A_eq=A, b_eq=np.r_[a, b])
    return float(found.fun), found.x.reshape(n, m, order="F")


@wrong("squares the prices", caught_by="test_line")
def ot_lp__squared_prices(a, b, C):
    n, m = C.shape
    A = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog((C**2).ravel(), A_eq=A, b_eq=np.r_[a, b])
    return float(found.fun), found.x.reshape(n, m)


@wrong("takes the masses for equal", caught_by="test_line")
def ot_lp__equal_masses(a, b, C):
    n, m = C.shape
    A = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(C.ravel(), A_eq=A, b_eq=np.r_[np.full(n, 1 / n), np.full(m, 1 / m)])
    return float(found.fun), found.x.reshape(n, m)


@wrong("lets the plan have negative entries bounded by 1", caught_by="test_plan")
def ot_lp__negative_entries(a, b, C):
    n, m = C.shape
    A = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(C.ravel(), A_eq=A, b_eq=np.r_[a, b], bounds=(-1, 1))
    return float(found.fun), found.x.reshape(n, m)


@right("constraints written by loops")
def ot_lp__loops(a, b, C):
    n, m = C.shape
    A, rhs = [], []
    for i in range(n):
        row = np.zeros((n, m))
        row[i, :] = 1
        A.append(row.ravel())
        rhs.append(a[i])
    for j in range(m):
        row = np.zeros((n, m))
        row[:, j] = 1
        A.append(row.ravel())
        rhs.append(b[j])
    found = linprog(C.ravel(), A_eq=np.array(A), b_eq=np.array(rhs), method="highs-ds")
    P = found.x.reshape(n, m)
    return (P * C).sum(), P


@right("without the last constraint, which follows from the others")
def ot_lp__one_less(a, b, C):
    n, m = C.shape
    index = np.arange(n * m).reshape(n, m)
    A = np.zeros((n + m - 1, n * m))
    for i in range(n):
        A[i, index[i]] = 1
    for j in range(m - 1):
        A[n + j, index[:, j]] = 1
    found = linprog(C.flatten(), A_eq=A, b_eq=np.concatenate([a, b[:-1]]))
    return found.fun, found.x.reshape(C.shape)


@right("by hand: shortest augmenting paths, NumPy alone")
def ot_lp__paths(a, b, C):
    import itertools

    n, m = C.shape
    supply, demand, P = a.astype(float).copy(), b.astype(float).copy(), np.zeros((n, m))
    while supply.max() > 1e-12 and demand.max() > 1e-12:
        # Bellman-Ford over sources (0..n-1) and sinks (n..n+m-1); backwards only where P > 0.
        reach = np.full(n + m, np.inf)
        reach[:n][supply > 1e-12] = 0.0
        before = np.full(n + m, -1)
        for _ in range(n + m):
            for i in range(n):
                for j in range(m):
                    if reach[i] + C[i, j] < reach[n + j] - 1e-12:
                        reach[n + j], before[n + j] = reach[i] + C[i, j], i
                    if P[i, j] > 1e-12 and reach[n + j] - C[i, j] < reach[i] - 1e-12:
                        reach[i], before[i] = reach[n + j] - C[i, j], n + j
        end = int(np.argmin(np.where(demand > 1e-12, reach[n:], np.inf)))
        path = [n + end]
        while before[path[-1]] >= 0:
            path.append(int(before[path[-1]]))
        path.reverse()
        moved = min(supply[path[0]], demand[end])
        for one, other in itertools.pairwise(path):
            if one >= n:
                moved = min(moved, P[other, one - n])
        for one, other in itertools.pairwise(path):
            if one < n:
                P[one, other - n] += moved
            else:
                P[other, one - n] -= moved
        supply[path[0]] -= moved
        demand[end] -= moved
    return float((P * C).sum()), P


@right("in float32, the interior-point method")
def ot_lp__interior_point(a, b, C):
    n, m = C.shape
    A = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(C.ravel(), A_eq=A, b_eq=np.r_[a, b], method="highs-ipm")
    return float(found.fun), found.x.reshape(n, m).astype(np.float32)


# ── kr_optimal_critic_1d ──────────────────────────────────────────────────────────────────────


@wrong("is negative: it is high where y lies", caught_by="test_attains_w1")
def kr_optimal_critic_1d__negated(x, y, t):
    knots = np.sort(np.r_[x, y])
    fx = np.searchsorted(np.sort(x), knots[:-1], side="right") / len(x)
    fy = np.searchsorted(np.sort(y), knots[:-1], side="right") / len(y)
    return np.interp(t, knots, np.r_[0.0, np.cumsum(np.sign(fx - fy) * np.diff(knots))])


@wrong("is twice as steep as allowed", caught_by="test_attains_w1")
def kr_optimal_critic_1d__twice(x, y, t):
    knots = np.sort(np.r_[x, y])
    fx = np.searchsorted(np.sort(x), knots[:-1], side="right") / len(x)
    fy = np.searchsorted(np.sort(y), knots[:-1], side="right") / len(y)
    return 2 * np.interp(t, knots, np.r_[0.0, np.cumsum(np.sign(fy - fx) * np.diff(knots))])


@wrong(
    "takes a straight line, right only where all mass moves one way", caught_by="test_attains_w1"
)
def kr_optimal_critic_1d__line(x, y, t):
    return np.sign(x.mean() - y.mean()) * t


@wrong("returns t itself", caught_by="test_attains_w1")
def kr_optimal_critic_1d__identity(x, y, t):
    return t.copy()


@wrong("returns the difference of the distribution functions", caught_by="test_attains_w1")
def kr_optimal_critic_1d__cdf(x, y, t):
    fx = (x[None] <= t[:, None]).mean(axis=1)
    fy = (y[None] <= t[:, None]).mean(axis=1)
    return fy - fx


@wrong("returns the slope and does not add it up", caught_by="test_attains_w1")
def kr_optimal_critic_1d__slope(x, y, t):
    fx = (x[None] <= t[:, None]).mean(axis=1)
    fy = (y[None] <= t[:, None]).mean(axis=1)
    return np.sign(fy - fx)


@wrong(
    "adds up the difference of the distribution functions, not its sign",
    caught_by="test_attains_w1",
)
def kr_optimal_critic_1d__no_sign(x, y, t):
    knots = np.sort(np.r_[x, y])
    fx = np.searchsorted(np.sort(x), knots[:-1], side="right") / len(x)
    fy = np.searchsorted(np.sort(y), knots[:-1], side="right") / len(y)
    return np.interp(t, knots, np.r_[0.0, np.cumsum((fy - fx) * np.diff(knots))])


@wrong("adds up signs without the distances between the points", caught_by="test_attains_w1")
def kr_optimal_critic_1d__no_widths(x, y, t):
    knots = np.sort(np.r_[x, y])
    fx = np.searchsorted(np.sort(x), knots[:-1], side="right") / len(x)
    fy = np.searchsorted(np.sort(y), knots[:-1], side="right") / len(y)
    return np.interp(t, knots, np.r_[0.0, np.cumsum(np.sign(fy - fx))])


@wrong("adds up along t in the order in which t comes", caught_by="test_order_of_t")
def kr_optimal_critic_1d__order_of_t(x, y, t):
    fx = (x[None] <= t[:-1, None]).mean(axis=1)
    fy = (y[None] <= t[:-1, None]).mean(axis=1)
    return np.r_[0.0, np.cumsum(np.sign(fy - fx) * np.diff(t))]


@wrong("lets the slope change only at the points of t", caught_by="test_order_of_t")
def kr_optimal_critic_1d__bends_at_t(x, y, t):
    order = np.argsort(t)
    s = t[order]
    fx = (x[None] <= s[:-1, None]).mean(axis=1)
    fy = (y[None] <= s[:-1, None]).mean(axis=1)
    f = np.empty(len(t))
    f[order] = np.r_[0.0, np.cumsum(np.sign(fy - fx) * np.diff(s))]
    return f


@wrong("compares counts of points where the samples differ in size", caught_by="test_unequal_sizes")
def kr_optimal_critic_1d__counts(x, y, t):
    knots = np.sort(np.r_[x, y])
    cx = np.searchsorted(np.sort(x), knots[:-1], side="right")
    cy = np.searchsorted(np.sort(y), knots[:-1], side="right")
    return np.interp(t, knots, np.r_[0.0, np.cumsum(np.sign(cy - cx) * np.diff(knots))])


@wrong("is the distance to the middle of y", caught_by="test_shifted")
def kr_optimal_critic_1d__tent(x, y, t):
    return np.abs(t - np.median(y))


@wrong("is the distance to the nearest y", caught_by="test_attains_w1")
def kr_optimal_critic_1d__nearest(x, y, t):
    return np.abs(t[:, None] - y[None, :]).min(axis=1)


@wrong("is the discriminator's step between 0 and 1", caught_by="test_attains_w1")
def kr_optimal_critic_1d__discriminator(x, y, t):
    near_x = np.abs(t[:, None] - x[None, :]).min(axis=1)
    near_y = np.abs(t[:, None] - y[None, :]).min(axis=1)
    return (near_x <= near_y).astype(float)


@right("with a constant added, and slope one where the functions agree")
def kr_optimal_critic_1d__constant(x, y, t):
    knots = np.sort(np.r_[x, y])
    fx = np.searchsorted(np.sort(x), knots[:-1], side="right") / len(x)
    fy = np.searchsorted(np.sort(y), knots[:-1], side="right") / len(y)
    slopes = np.where(fy >= fx - 1e-12, 1.0, -1.0)
    return np.interp(t, knots, np.r_[0.0, np.cumsum(slopes * np.diff(knots))]) + 17.5


@right("the integral for each t on its own")
def kr_optimal_critic_1d__loop(x, y, t):
    start = min(x.min(), y.min())
    values = []
    for one in t:
        if one <= start:
            values.append(0.0)
            continue
        cuts = np.sort([start, one, *[p for p in (*x, *y) if start < p < one]])
        middle = (cuts[1:] + cuts[:-1]) / 2
        gap = np.array([np.mean(y <= s) - np.mean(x <= s) for s in middle])
        slopes = np.where(np.abs(gap) < 1e-12, 0.0, np.sign(gap))
        values.append(float(np.sum(slopes * np.diff(cuts))))
    return np.array(values)


@right("the dual linear programme, extended from the data to t")
def kr_optimal_critic_1d__dual(x, y, t):
    points = np.unique(np.r_[x, y])
    weights = np.array([np.mean(x == p) - np.mean(y == p) for p in points])
    n = len(points)
    rises = np.eye(n)[1:] - np.eye(n)[:-1]
    runs = np.diff(points)
    found = linprog(
        -weights,
        A_ub=np.vstack([rises, -rises]),
        b_ub=np.r_[runs, runs],
        A_eq=np.eye(n)[:1],
        b_eq=[0.0],
        bounds=(None, None),
    )
    # The steepest extension that stays 1-Lipschitz (McShane).
    return (found.x[None, :] + np.abs(t[:, None] - points[None, :])).min(axis=1)


@right("anchored at the first point of t, in float32")
def kr_optimal_critic_1d__anchored(x, y, t):
    knots = np.unique(np.r_[x, y])
    fx = (x[:, None] <= knots[:-1]).mean(axis=0)
    fy = (y[:, None] <= knots[:-1]).mean(axis=0)
    f = np.interp(t, knots, np.r_[0.0, np.cumsum(np.sign(fy - fx) * np.diff(knots))])
    return (f - f[0]).astype(np.float32)


# ── spectral_norm ─────────────────────────────────────────────────────────────────────────────


@wrong("returns the square of the singular value", caught_by="test_converges")
def spectral_norm__squared(W, n, u):
    for _ in range(n):
        v = W.T @ u
        v = v / v.norm()
        u = W @ v
        u = u / u.norm()
    return (u @ W @ v) ** 2


@wrong("iterates the matrix alone: the spectral radius", caught_by="test_not_eigenvalues")
def spectral_norm__radius(W, n, u):
    if W.shape[0] != W.shape[1]:
        return torch.linalg.matrix_norm(W, 2)
    return torch.linalg.eigvals(W).abs().max()


@wrong("does one step too many", caught_by="test_few_steps")
def spectral_norm__one_more(W, n, u):
    for _ in range(n + 1):
        v = W.T @ u
        v = v / v.norm()
        u = W @ v
        u = u / u.norm()
    return u @ W @ v


@wrong("measures before the last half step", caught_by="test_few_steps")
def spectral_norm__half_step(W, n, u):
    for _ in range(n):
        u = u / u.norm()
        v = W.T @ u
        v = v / v.norm()
        sigma = u @ W @ v
        u = W @ v
    return sigma


@wrong("computes the norm exactly, whatever n", caught_by="test_few_steps")
def spectral_norm__exact(W, n, u):
    return torch.linalg.svdvals(W)[0]


@wrong("takes the Frobenius norm", caught_by="test_converges")
def spectral_norm__frobenius(W, n, u):
    return W.norm()


@wrong("does a single step, whatever n", caught_by="test_converges")
def spectral_norm__single_step(W, n, u):
    v = W.T @ u
    v = v / v.norm()
    return (W @ v).norm()


@wrong("starts from ones, whatever u", caught_by="test_few_steps")
def spectral_norm__own_start(W, n, u):
    u = torch.ones_like(u)
    for _ in range(n):
        v = W.T @ u
        v = v / v.norm()
        u = W @ v
        u = u / u.norm()
    return u @ W @ v


@wrong("starts from a random vector of its own", caught_by="test_few_steps")
def spectral_norm__random_start(W, n, u):
    u = torch.randn_like(u)
    for _ in range(n):
        v = W.T @ u
        v = v / v.norm()
        u = W @ v
        u = u / u.norm()
    return u @ W @ v


@wrong("never normalises u and v", caught_by="test_few_steps")
def spectral_norm__not_normalised(W, n, u):
    for _ in range(n):
        v = W.T @ u
        u = W @ v
    return u @ W @ v


@wrong("normalises by the largest entry", caught_by="test_few_steps")
def spectral_norm__max_entry(W, n, u):
    for _ in range(n):
        v = W.T @ u
        v = v / v.abs().max()
        u = W @ v
        u = u / u.abs().max()
    return u @ W @ v


@wrong("takes the largest row sum", caught_by="test_converges")
def spectral_norm__row_sum(W, n, u):
    return W.abs().sum(dim=1).max()


@wrong("takes the largest entry", caught_by="test_converges")
def spectral_norm__entry(W, n, u):
    return W.abs().max()


@wrong("finds the smallest singular value", caught_by="test_converges")
def spectral_norm__smallest(W, n, u):
    return torch.linalg.svdvals(W)[-1]


@wrong("changes the caller's u in place", caught_by="test_from_below")
def spectral_norm__in_place(W, n, u):
    for _ in range(n):
        v = W.T @ u
        v = v / v.norm()
        u.copy_(W @ v)
        u.div_(u.norm())
    return u @ W @ v


@right("through the Gram matrix")
def spectral_norm__gram(W, n, u):
    v = W.T @ u
    for _ in range(n - 1):
        v = v / v.norm()
        v = W.T @ (W @ v)
    return (W @ v).norm() / v.norm()


@right("F.normalize, matrix by vector")
def spectral_norm__normalize(W, n, u):
    normalize = torch.nn.functional.normalize
    for _ in range(n):
        v = normalize(torch.mv(W.t(), u), dim=0)
        u = normalize(torch.mv(W, v), dim=0)
    return torch.dot(u, torch.mv(W, v))


@right("in NumPy; the norm of W v")
def spectral_norm__numpy(W, n, u):
    W, u = W.numpy(), u.numpy().copy()
    for _ in range(n):
        v = W.T @ u
        v /= np.linalg.norm(v)
        u = W @ v
        sigma = np.linalg.norm(u)
        u = u / sigma
    return float(sigma)


@right("through the singular vectors: powers of the singular values")
def spectral_norm__svd(W, n, u):
    left, s, _ = torch.linalg.svd(W, full_matrices=False)
    s, weights = s / s[0], left.T @ u
    v = s ** (2 * n - 1) * weights
    return torch.linalg.norm(W) / torch.linalg.norm(s) * (s * v).norm() / v.norm()


# ── w2_gaussians_sq ───────────────────────────────────────────────────────────────────────────


@wrong("leaves out the factor 2 of the overlap", caught_by="test_diagonal")
def w2_gaussians_sq__no_two(m1, S1, m2, S2):
    values = np.linalg.eigvals(S1 @ S2).real.clip(min=0)
    overlap = np.sqrt(values).sum()
    return float(((m1 - m2) ** 2).sum() + np.trace(S1 + S2) - overlap)


@wrong("leaves out the means", caught_by="test_diagonal")
def w2_gaussians_sq__no_mean(m1, S1, m2, S2):
    values = np.linalg.eigvals(S1 @ S2).real.clip(min=0)
    return float(np.trace(S1 + S2) - 2 * np.sqrt(values).sum())


@wrong("compares the means only", caught_by="test_diagonal")
def w2_gaussians_sq__mean_only(m1, S1, m2, S2):
    return float(((m1 - m2) ** 2).sum())


@wrong("does not square the distance of the means", caught_by="test_diagonal")
def w2_gaussians_sq__distance(m1, S1, m2, S2):
    values = np.linalg.eigvals(S1 @ S2).real.clip(min=0)
    return float(np.linalg.norm(m1 - m2) + np.trace(S1 + S2) - 2 * np.sqrt(values).sum())


@wrong("is the KL divergence", caught_by="test_diagonal")
def w2_gaussians_sq__kl(m1, S1, m2, S2):
    inverse = np.linalg.pinv(S2)
    logs = np.linalg.slogdet(S2)[1] - np.linalg.slogdet(S1)[1] if np.linalg.det(S1) > 0 else 0.0
    d = m2 - m1
    return float(0.5 * (np.trace(inverse @ S1) + d @ inverse @ d - len(m1) + logs))


@wrong("takes the root of the result: W2, not its square", caught_by="test_diagonal")
def w2_gaussians_sq__root(m1, S1, m2, S2):
    values = np.linalg.eigvals(S1 @ S2).real.clip(min=0)
    squared = ((m1 - m2) ** 2).sum() + np.trace(S1 + S2) - 2 * np.sqrt(values).sum()
    return float(np.sqrt(max(squared, 0.0)))


@wrong("lets the two roots commute", caught_by="test_optimal_map")
def w2_gaussians_sq__commuting(m1, S1, m2, S2):
    def root(S):
        values, vectors = np.linalg.eigh(S)
        return vectors * np.sqrt(values.clip(min=0)) @ vectors.T

    return float(((m1 - m2) ** 2).sum() + ((root(S1) - root(S2)) ** 2).sum())


@wrong("takes roots of the entries, not of the matrices", caught_by="test_optimal_map")
def w2_gaussians_sq__entrywise(m1, S1, m2, S2):
    product = np.sqrt(np.abs(S1 @ S2))
    return float(((m1 - m2) ** 2).sum() + np.trace(S1 + S2 - 2 * product))


@wrong("sees the variances only, not the covariances", caught_by="test_optimal_map")
def w2_gaussians_sq__diagonals(m1, S1, m2, S2):
    s1, s2 = np.sqrt(np.diag(S1)), np.sqrt(np.diag(S2))
    return float(((m1 - m2) ** 2).sum() + ((s1 - s2) ** 2).sum())


@wrong("takes the covariances for roots already", caught_by="test_diagonal")
def w2_gaussians_sq__frobenius(m1, S1, m2, S2):
    return float(((m1 - m2) ** 2).sum() + ((S1 - S2) ** 2).sum())


@wrong("compares Cholesky factors", caught_by="test_optimal_map")
def w2_gaussians_sq__cholesky(m1, S1, m2, S2):
    tiny = 1e-12 * np.eye(len(m1))
    L1, L2 = np.linalg.cholesky(S1 + tiny), np.linalg.cholesky(S2 + tiny)
    return float(((m1 - m2) ** 2).sum() + ((L1 - L2) ** 2).sum())


@wrong("compares sorted eigenvalues, as if the axes were parallel", caught_by="test_optimal_map")
def w2_gaussians_sq__eigenvalues(m1, S1, m2, S2):
    r1 = np.sqrt(np.linalg.eigvalsh(S1).clip(min=0))
    r2 = np.sqrt(np.linalg.eigvalsh(S2).clip(min=0))
    return float(((m1 - m2) ** 2).sum() + ((r1 - r2) ** 2).sum())


@wrong("takes the root of the trace for the trace of the root", caught_by="test_diagonal")
def w2_gaussians_sq__root_of_trace(m1, S1, m2, S2):
    return float(((m1 - m2) ** 2).sum() + np.trace(S1 + S2) - 2 * np.sqrt(np.trace(S1 @ S2)))


@wrong("forgets the inner root of the product", caught_by="test_diagonal")
def w2_gaussians_sq__no_root(m1, S1, m2, S2):
    return float(((m1 - m2) ** 2).sum() + np.trace(S1 + S2) - 2 * np.trace(S1 @ S2))


@wrong("adds the overlap instead of subtracting it", caught_by="test_diagonal")
def w2_gaussians_sq__plus(m1, S1, m2, S2):
    values = np.linalg.eigvals(S1 @ S2).real.clip(min=0)
    return float(((m1 - m2) ** 2).sum() + np.trace(S1 + S2) + 2 * np.sqrt(values).sum())


@wrong("treats the two Gaussians as independent", caught_by="test_diagonal")
def w2_gaussians_sq__independent(m1, S1, m2, S2):
    return float(((m1 - m2) ** 2).sum() + np.trace(S1 + S2))


@wrong("is undone by eigenvalues that round below zero", caught_by="test_singular")
def w2_gaussians_sq__negative_roots(m1, S1, m2, S2):
    values1, vectors = np.linalg.eigh(S1 - 1e-13 * np.eye(len(S1)))
    with np.errstate(invalid="ignore"):
        r1 = vectors * np.sqrt(values1) @ vectors.T
    if not np.isfinite(r1).all():
        return math.nan
    overlap = np.sqrt(np.linalg.eigvalsh(r1 @ S2 @ r1).clip(min=0)).sum()
    return float(((m1 - m2) ** 2).sum() + np.trace(S1 + S2) - 2 * overlap)


@right("the eigenvalues of the product")
def w2_gaussians_sq__product(m1, S1, m2, S2):
    values = np.linalg.eigvals(S1 @ S2).real.clip(min=0)
    return ((m1 - m2) ** 2).sum() + np.trace(S1) + np.trace(S2) - 2 * np.sqrt(values).sum()


@right("singular values of the product of two roots")
def w2_gaussians_sq__nuclear(m1, S1, m2, S2):
    def factor(S):
        values, vectors = np.linalg.eigh(S)
        return vectors * np.sqrt(np.maximum(values, 0))

    overlap = np.linalg.norm(factor(S1).T @ factor(S2), "nuc")
    return float(np.dot(m1 - m2, m1 - m2) + np.trace(S1 + S2) - 2 * overlap)


@right("SciPy's matrix root of the product, a little noise added as for the FID")
def w2_gaussians_sq__scipy(m1, S1, m2, S2):
    from scipy.linalg import sqrtm

    tiny = 1e-12 * np.eye(len(m1))
    root = np.real(sqrtm((S1 + tiny) @ (S2 + tiny)))
    return float(((m1 - m2) ** 2).sum() + np.trace(S1 + S2 - 2 * root))


@right("in torch, with the roots from an SVD")
def w2_gaussians_sq__torch(m1, S1, m2, S2):
    m1, S1, m2, S2 = (torch.as_tensor(one) for one in (m1, S1, m2, S2))

    def root(S):
        U, s, _ = torch.linalg.svd(S)
        return U @ torch.diag(s.sqrt()) @ U.T

    r2 = root(S2)
    total = (m1 - m2).square().sum() + S1.trace() + S2.trace()
    return (total - 2 * root(r2 @ S1 @ r2).trace()).item()
