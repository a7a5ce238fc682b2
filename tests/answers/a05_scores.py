"""Known answers of chapter 5: misconceptions, and other right ways."""

import math

import numpy as np
import torch

from autograder.answers import right, wrong
from solutions.a05_scores import gaussian_score, pf_ode_drift, reverse_sde_drift

# ── euler_maruyama ────────────────────────────────────────────────────────────────────────────


@wrong("scales the noise by h instead of its square root", caught_by="test_squared_increments")
def euler_maruyama__h_noise(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h = ts[i + 1] - ts[i]
        path.append(path[-1] + f(path[-1], ts[i]) * h + g(path[-1], ts[i]) * h.abs() * z)
    return torch.stack(path)


@wrong("does not scale the noise with the step at all", caught_by="test_squared_increments")
def euler_maruyama__unscaled_noise(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h = ts[i + 1] - ts[i]
        path.append(path[-1] + f(path[-1], ts[i]) * h + g(path[-1], ts[i]) * z)
    return torch.stack(path)


@wrong("does not multiply the drift by the step", caught_by="test_no_noise")
def euler_maruyama__drift_without_h(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h = ts[i + 1] - ts[i]
        path.append(path[-1] + f(path[-1], ts[i]) + g(path[-1], ts[i]) * h.abs().sqrt() * z)
    return torch.stack(path)


@wrong("takes drift and noise strength at the end of each step", caught_by="test_time_and_state")
def euler_maruyama__end_time(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h, t = ts[i + 1] - ts[i], ts[i + 1]
        path.append(path[-1] + f(path[-1], t) * h + g(path[-1], t) * h.abs().sqrt() * z)
    return torch.stack(path)


@wrong("takes every step as long as the first", caught_by="test_no_noise")
def euler_maruyama__constant_h(f, g, x0, ts, zs):
    h = ts[1] - ts[0]
    path = [x0]
    for t, z in zip(ts[:-1], zs, strict=True):
        path.append(path[-1] + f(path[-1], t) * h + g(path[-1], t) * h.abs().sqrt() * z)
    return torch.stack(path)


@wrong("takes the average step for every step", caught_by="test_no_noise")
def euler_maruyama__mean_h(f, g, x0, ts, zs):
    n = len(ts) - 1
    h = (ts[-1] - ts[0]) / n
    x, path = x0, [x0]
    for i in range(n):
        x = x + f(x, ts[i]) * h + g(x, ts[i]) * torch.sqrt(torch.abs(h)) * zs[i]
        path.append(x)
    return torch.stack(path)


@wrong("uses the first noise value in every step", caught_by="test_time_and_state")
def euler_maruyama__same_noise(f, g, x0, ts, zs):
    path = [x0]
    for i in range(len(zs)):
        h, x = ts[i + 1] - ts[i], path[-1]
        path.append(x + f(x, ts[i]) * h + g(x, ts[i]) * h.abs().sqrt() * zs[0])
    return torch.stack(path)


@wrong("uses the noise in reverse order", caught_by="test_time_and_state")
def euler_maruyama__noise_reversed(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs.flip(0)):
        h, x = ts[i + 1] - ts[i], path[-1]
        path.append(x + f(x, ts[i]) * h + g(x, ts[i]) * h.abs().sqrt() * z)
    return torch.stack(path)


@wrong("squares the noise strength, as if a variance were added", caught_by="test_time_and_state")
def euler_maruyama__g_squared(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h, x = ts[i + 1] - ts[i], path[-1]
        path.append(x + f(x, ts[i]) * h + g(x, ts[i]) ** 2 * h.abs().sqrt() * z)
    return torch.stack(path)


@wrong(
    "evaluates the noise strength after the drift has moved the point",
    caught_by="test_time_and_state",
)
def euler_maruyama__split(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h = ts[i + 1] - ts[i]
        x = path[-1] + f(path[-1], ts[i]) * h
        path.append(x + g(x, ts[i]) * h.abs().sqrt() * z)
    return torch.stack(path)


@wrong("evaluates the drift at the starting point in every step", caught_by="test_no_noise")
def euler_maruyama__frozen(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h = ts[i + 1] - ts[i]
        path.append(path[-1] + f(x0, ts[i]) * h + g(x0, ts[i]) * h.abs().sqrt() * z)
    return torch.stack(path)


@wrong(
    "takes the square root of a negative step when time runs back", caught_by="test_falling_times"
)
def euler_maruyama__root_of_negative(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h, x = ts[i + 1] - ts[i], path[-1]
        path.append(x + f(x, ts[i]) * h + g(x, ts[i]) * torch.sqrt(h) * z)
    return torch.stack(path)


@wrong("flips the sign of the noise when time runs back", caught_by="test_falling_times")
def euler_maruyama__signed_noise(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h, x = ts[i + 1] - ts[i], path[-1]
        path.append(x + f(x, ts[i]) * h + g(x, ts[i]) * h.sign() * h.abs().sqrt() * z)
    return torch.stack(path)


@wrong("adds the drift forwards when time runs back", caught_by="test_falling_times")
def euler_maruyama__absolute_h(f, g, x0, ts, zs):
    path = [x0]
    for i, z in enumerate(zs):
        h, x = (ts[i + 1] - ts[i]).abs(), path[-1]
        path.append(x + f(x, ts[i]) * h + g(x, ts[i]) * h.sqrt() * z)
    return torch.stack(path)


@wrong("leaves the starting point out of the path", caught_by="test_no_noise")
def euler_maruyama__no_start(f, g, x0, ts, zs):
    path, x = [], x0
    for i, z in enumerate(zs):
        h = ts[i + 1] - ts[i]
        x = x + f(x, ts[i]) * h + g(x, ts[i]) * h.abs().sqrt() * z
        path.append(x)
    return torch.stack(path)


@wrong("draws its own noise instead of using zs", caught_by="test_time_and_state")
def euler_maruyama__own_noise(f, g, x0, ts, zs):
    path = [x0]
    for i in range(len(ts) - 1):
        h, x = ts[i + 1] - ts[i], path[-1]
        path.append(x + f(x, ts[i]) * h + g(x, ts[i]) * h.abs().sqrt() * torch.randn_like(x))
    return torch.stack(path)


@right("a path allocated beforehand")
def euler_maruyama__preallocated(f, g, x0, ts, zs):
    n = ts.shape[0] - 1
    path = torch.empty((n + 1, *x0.shape), dtype=x0.dtype)
    path[0] = x0
    for i in range(n):
        h = ts[i + 1] - ts[i]
        drift, strength = f(path[i], ts[i]), g(path[i], ts[i])
        path[i + 1] = path[i] + h * drift + strength * torch.sqrt(torch.abs(h)) * zs[i]
    return path


@right("increments of Brownian motion first")
def euler_maruyama__increments(f, g, x0, ts, zs):
    h = torch.diff(ts)
    dW = torch.einsum("i,i...->i...", h.abs().sqrt(), zs)
    xs = [x0.clone()]
    for i in range(len(h)):
        xs.append(xs[i] + f(xs[i], ts[i]) * h[i] + g(xs[i], ts[i]) * dW[i])
    return torch.stack(xs, dim=0)


@right("times as Python floats, in place on copies")
def euler_maruyama__floats(f, g, x0, ts, zs):
    times = ts.tolist()
    x = x0.clone()
    path = [x.clone()]
    for t, t_next, z in zip(times, times[1:], zs, strict=False):
        drift, strength = f(x, t), g(x, t)
        step = drift * (t_next - t) + strength * math.sqrt(abs(t_next - t)) * z
        x += step
        path.append(x.clone())
    return torch.stack(path)


@right("in float32")
def euler_maruyama__float32(f, g, x0, ts, zs):
    x0, ts, zs = x0.float(), ts.float(), zs.float()
    path = [x0]
    for i, z in enumerate(zs):
        h, x = ts[i + 1] - ts[i], path[-1]
        path.append(x + f(x, ts[i]) * h + g(x, ts[i]) * h.abs() ** 0.5 * z)
    return torch.stack(path)


# ── ou_moments ────────────────────────────────────────────────────────────────────────────────


@wrong(
    "has the factor 2 of the stationary variance missing in the denominator",
    caught_by="test_start_and_end",
)
def ou_moments__no_two(x0, th, s, t):
    return x0 * torch.exp(-th * t), s**2 / th * (1 - torch.exp(-2 * th * t))


@wrong("does not square the noise strength", caught_by="test_start_and_end")
def ou_moments__s_not_squared(x0, th, s, t):
    return x0 * torch.exp(-th * t), s / (2 * th) * (1 - torch.exp(-2 * th * t))


@wrong("returns the standard deviation", caught_by="test_start_and_end")
def ou_moments__std(x0, th, s, t):
    var = s**2 / (2 * th) * (1 - torch.exp(-2 * th * t))
    return x0 * torch.exp(-th * t), var.sqrt()


@wrong("returns the stationary variance at every time", caught_by="test_weak_pull")
def ou_moments__stationary(x0, th, s, t):
    return x0 * torch.exp(-th * t), s**2 / (2 * th) * torch.ones_like(t)


@wrong("lets the variance settle at the rate of the mean", caught_by="test_moment_equations")
def ou_moments__single_rate(x0, th, s, t):
    return x0 * torch.exp(-th * t), s**2 / (2 * th) * (1 - torch.exp(-th * t))


@wrong("has the variance of Brownian motion, without the pull", caught_by="test_start_and_end")
def ou_moments__brownian(x0, th, s, t):
    return x0 * torch.exp(-th * t), s**2 * t


@wrong("keeps the mean where it started", caught_by="test_start_and_end")
def ou_moments__mean_stays(x0, th, s, t):
    return x0 + 0 * t, s**2 / (2 * th) * (1 - torch.exp(-2 * th * t))


@wrong("returns the decay factor without the starting point", caught_by="test_moment_equations")
def ou_moments__no_start(x0, th, s, t):
    return torch.exp(-th * t) * torch.ones_like(x0), s**2 / (2 * th) * (1 - torch.exp(-2 * th * t))


@wrong("lets the mean decay like the squared signal", caught_by="test_moment_equations")
def ou_moments__mean_twice(x0, th, s, t):
    decay = torch.exp(-2 * th * t)
    return x0 * decay, s**2 / (2 * th) * (1 - decay)


@wrong("lets mean and variance move at half the rate", caught_by="test_weak_pull")
def ou_moments__half_rate(x0, th, s, t):
    return x0 * torch.exp(-0.5 * th * t), s**2 / th * (1 - torch.exp(-th * t))


@wrong("returns variance and mean in the other order", caught_by="test_moment_equations")
def ou_moments__swapped(x0, th, s, t):
    return s**2 / (2 * th) * (1 - torch.exp(-2 * th * t)), x0 * torch.exp(-th * t)


@wrong("returns the second moment instead of the variance", caught_by="test_start_and_end")
def ou_moments__second_moment(x0, th, s, t):
    mean = x0 * torch.exp(-th * t)
    return mean, s**2 / (2 * th) * (1 - torch.exp(-2 * th * t)) + mean**2


@right("the textbook formula")
def ou_moments__textbook(x0, th, s, t):
    decay = torch.exp(-th * t)
    return decay * x0, (s * s) * (1 - decay**2) / (2 * th)


@right("in numpy, sample by sample")
def ou_moments__loop(x0, th, s, t):
    means, variances = [], []
    for start, time in zip(x0.tolist(), t.tolist(), strict=True):
        means.append(start * math.exp(-th * time))
        variances.append(-(s**2) * math.expm1(-2 * th * time) / (2 * th))
    return np.array(means), np.array(variances)


@right("as an integral of the noise of all times")
def ou_moments__integral(x0, th, s, t):
    # Gauss-Legendre in pieces: the integrand exp(-2 th u) falls steeply for long times.
    nodes, weights = np.polynomial.legendre.leggauss(200)
    nodes, weights = torch.tensor(nodes), torch.tensor(weights)
    u = t[:, None] * (nodes + 1) / 2
    var = s**2 * t / 2 * (torch.exp(-2 * th * u) @ weights)
    return x0 * torch.exp(-th * t), var


@right("in float32")
def ou_moments__float32(x0, th, s, t):
    x0, t = x0.float(), t.float()
    return x0 / torch.exp(th * t), -(s**2) / (2 * th) * torch.expm1(-2 * th * t)


@wrong("forms an exponential that grows with time", caught_by="test_start_and_end")
def ou_moments__growing(x0, th, s, t):
    return x0 * torch.exp(-th * t), s**2 * torch.exp(-2 * th * t) * (torch.exp(2 * th * t) - 1) / (
        2 * th
    )


# ── gaussian_score ────────────────────────────────────────────────────────────────────────────


@wrong("has the wrong sign: it points away from the mean", caught_by="test_one_dimension")
def gaussian_score__sign(x, mu, S):
    return torch.linalg.solve(S, (x - mu).T).T


@wrong("multiplies by the covariance instead of its inverse", caught_by="test_one_dimension")
def gaussian_score__no_inverse(x, mu, S):
    return -(x - mu) @ S


@wrong("uses only the diagonal of the covariance", caught_by="test_gradient_of_log_density")
def gaussian_score__diagonal(x, mu, S):
    return -(x - mu) / torch.diagonal(S)


@wrong("keeps the factor 1/2 of the exponent", caught_by="test_one_dimension")
def gaussian_score__half(x, mu, S):
    return -0.5 * (x - mu) @ torch.linalg.inv(S)


@wrong("divides by the Cholesky factor once", caught_by="test_undoes_the_covariance")
def gaussian_score__cholesky_once(x, mu, S):
    L = torch.linalg.cholesky(S)
    return -torch.linalg.solve_triangular(L, (x - mu).T, upper=False).T


@wrong("forgets the mean", caught_by="test_one_dimension")
def gaussian_score__no_mean(x, mu, S):
    return -x @ torch.linalg.inv(S)


@wrong("returns the gradient of the density, not of its logarithm", caught_by="test_one_dimension")
def gaussian_score__density_gradient(x, mu, S):
    p = torch.distributions.MultivariateNormal(mu, S).log_prob(x).exp()
    return -p[:, None] * ((x - mu) @ torch.linalg.inv(S))


@wrong("inverts the entries of the covariance one by one", caught_by="test_gradient_of_log_density")
def gaussian_score__entrywise(x, mu, S):
    return -(x - mu) @ (1 / S)


@wrong("inverts the covariance twice over", caught_by="test_undoes_the_covariance")
def gaussian_score__squared_inverse(x, mu, S):
    P = torch.linalg.inv(S)
    return -(x - mu) @ P @ P


@wrong("returns log-densities, repeated for each coordinate", caught_by="test_second_moment")
def gaussian_score__log_density(x, mu, S):
    log_p = torch.distributions.MultivariateNormal(mu, S).log_prob(x)
    return log_p[:, None].expand_as(x)


@wrong("centres with the mean of the points it is given", caught_by="test_undoes_the_covariance")
def gaussian_score__batch_mean(x, mu, S):
    return -(x - x.mean(dim=0)) @ torch.linalg.inv(S)


@right("with the inverse")
def gaussian_score__inverse(x, mu, S):
    return (mu - x) @ torch.linalg.inv(S)


@right("with a Cholesky factor")
def gaussian_score__cholesky(x, mu, S):
    L = torch.linalg.cholesky(S)
    return torch.cholesky_solve((mu - x).T, L).T


@right("by autograd on the log-density")
def gaussian_score__autograd(x, mu, S):
    y = x.detach().clone().requires_grad_()
    log_p = torch.distributions.MultivariateNormal(mu, S).log_prob(y)
    return torch.autograd.grad(log_p.sum(), y)[0]


@right("in the eigenvectors' coordinates, in numpy")
def gaussian_score__eigenvectors(x, mu, S):
    lam, U = np.linalg.eigh(S.numpy())
    coordinates = (x.numpy() - mu.numpy()) @ U
    return -(coordinates / lam) @ U.T


@right("point by point, in float32")
def gaussian_score__loop(x, mu, S):
    x, mu, S = x.float(), mu.float(), S.float()
    return torch.stack([torch.linalg.solve(S, mu - row) for row in x])


# ── gmm_score ─────────────────────────────────────────────────────────────────────────────────


@wrong(
    "leaves the normalising constants out of the components' shares",
    caught_by="test_gradient_of_log_density",
)
def gmm_score__no_constant(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    log_joint = torch.log(pi) - 0.5 * (toward**2).sum(dim=2) / s2
    r = torch.softmax(log_joint, dim=1)
    return ((r / s2)[:, :, None] * toward).sum(dim=1)


@wrong(
    "uses the normalising constant of one dimension in every dimension",
    caught_by="test_gradient_of_log_density",
)
def gmm_score__one_dimensional_constant(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    log_joint = torch.log(pi) - 0.5 * torch.log(s2) - 0.5 * (toward**2).sum(dim=2) / s2
    r = torch.softmax(log_joint, dim=1)
    return ((r / s2)[:, :, None] * toward).sum(dim=1)


@wrong("leaves the weights out of the components' shares", caught_by="test_two_humps")
def gmm_score__no_weights(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    log_n = -0.5 * (x.shape[1] * torch.log(s2) + (toward**2).sum(dim=2) / s2)
    r = torch.softmax(log_n, dim=1)
    return ((r / s2)[:, :, None] * toward).sum(dim=1)


@wrong(
    "weighs the components' scores by the weights alone, wherever x is", caught_by="test_two_humps"
)
def gmm_score__prior_weights(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    return ((pi / s2)[:, None] * toward).sum(dim=1)


@wrong("returns the gradient of the density, not of its logarithm", caught_by="test_average")
def gmm_score__density_gradient(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    D = x.shape[1]
    joint = pi * torch.exp(-0.5 * (toward**2).sum(2) / s2) / (2 * math.pi * s2) ** (D / 2)
    return ((joint / s2)[:, :, None] * toward).sum(dim=1)


@wrong("has the wrong sign: it points downhill", caught_by="test_one_component")
def gmm_score__sign(x, pi, mu, s2):
    away = x[:, None, :] - mu
    log_joint = torch.log(pi) - 0.5 * (x.shape[1] * torch.log(s2) + (away**2).sum(2) / s2)
    r = torch.softmax(log_joint, dim=1)
    return ((r / s2)[:, :, None] * away).sum(dim=1)


@wrong("takes the variances for standard deviations", caught_by="test_one_component")
def gmm_score__s2_as_std(x, pi, mu, s2):
    var = s2**2
    toward = mu - x[:, None, :]
    log_joint = torch.log(pi) - 0.5 * (x.shape[1] * torch.log(var) + (toward**2).sum(2) / var)
    r = torch.softmax(log_joint, dim=1)
    return ((r / var)[:, :, None] * toward).sum(dim=1)


@wrong("divides by densities that underflow far away", caught_by="test_far_points")
def gmm_score__naive(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    D = x.shape[1]
    joint = pi * torch.exp(-0.5 * (toward**2).sum(2) / s2) / (2 * math.pi * s2) ** (D / 2)
    gradient = ((joint / s2)[:, :, None] * toward).sum(dim=1)
    return gradient / joint.sum(dim=1, keepdim=True)


@wrong(
    "adds a small number to a density that underflows, so that the score vanishes far away",
    caught_by="test_far_points",
)
def gmm_score__epsilon(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    D = x.shape[1]
    joint = pi * torch.exp(-0.5 * (toward**2).sum(2) / s2) / (2 * math.pi * s2) ** (D / 2)
    gradient = ((joint / s2)[:, :, None] * toward).sum(dim=1)
    return gradient / (joint.sum(dim=1, keepdim=True) + 1e-12)


@wrong("lets only the most probable component act", caught_by="test_two_humps")
def gmm_score__hard(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    log_joint = torch.log(pi) - 0.5 * (x.shape[1] * torch.log(s2) + (toward**2).sum(2) / s2)
    k = log_joint.argmax(dim=1)
    return (mu[k] - x) / s2[k, None]


@wrong("replaces the mixture by one Gaussian of the same moments", caught_by="test_two_humps")
def gmm_score__moment_matched(x, pi, mu, s2):
    mean = pi @ mu
    spread = torch.einsum("k,ki,kj->ij", pi, mu - mean, mu - mean)
    covariance = spread + (pi @ s2) * torch.eye(x.shape[1], dtype=x.dtype)
    return gaussian_score(x, mean, covariance)


@wrong("forgets to divide each component's pull by its variance", caught_by="test_one_component")
def gmm_score__no_variance(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    log_joint = torch.log(pi) - 0.5 * (x.shape[1] * torch.log(s2) + (toward**2).sum(2) / s2)
    r = torch.softmax(log_joint, dim=1)
    return (r[:, :, None] * toward).sum(dim=1)


@wrong("makes the shares add to one over the batch", caught_by="test_two_humps")
def gmm_score__softmax_over_batch(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    log_joint = torch.log(pi) - 0.5 * (x.shape[1] * torch.log(s2) + (toward**2).sum(2) / s2)
    r = torch.softmax(log_joint, dim=0)
    return ((r / s2)[:, :, None] * toward).sum(dim=1)


@right("by autograd on the logarithm of the mixture")
def gmm_score__autograd(x, pi, mu, s2):
    y = x.detach().clone().requires_grad_()
    squared = (y[:, None, :] - mu).pow(2).sum(dim=2) / s2
    log_joint = pi.log() - 0.5 * x.shape[1] * torch.log(2 * math.pi * s2) - 0.5 * squared
    return torch.autograd.grad(torch.logsumexp(log_joint, dim=1).sum(), y)[0]


@right("through torch.distributions")
def gmm_score__distributions(x, pi, mu, s2):
    y = x.detach().clone().requires_grad_(True)
    std = s2.sqrt()[:, None].expand(mu.shape)
    components = torch.distributions.Independent(torch.distributions.Normal(mu, std), 1)
    weights = torch.distributions.Categorical(probs=pi)
    mixture = torch.distributions.MixtureSameFamily(weights, components)
    return torch.autograd.grad(mixture.log_prob(y).sum(), y)[0]


@right("component by component, the largest logarithm taken out by hand")
def gmm_score__loop(x, pi, mu, s2):
    D = x.shape[1]
    logs = []
    for k in range(len(pi)):
        squared = ((x - mu[k]) ** 2).sum(dim=1)
        logs.append(math.log(pi[k]) - 0.5 * D * math.log(s2[k]) - squared / (2 * s2[k]))
    top = torch.stack(logs).max(dim=0).values
    above, below = torch.zeros_like(x), torch.zeros(len(x), 1, dtype=x.dtype)
    for k in range(len(pi)):
        w = torch.exp(logs[k] - top)[:, None]
        above, below = above + w * (mu[k] - x) / s2[k], below + w
    return above / below


@right("in numpy, with Gaussian scores of the components")
def gmm_score__numpy(x, pi, mu, s2):
    D = x.shape[1]
    scores = torch.stack(
        [gaussian_score(x, m, v * torch.eye(D, dtype=x.dtype)) for m, v in zip(mu, s2, strict=True)]
    )
    x, pi, mu, s2 = (a.numpy() for a in (x, pi, mu, s2))
    squared = ((x[None] - mu[:, None]) ** 2).sum(axis=2)
    logs = np.log(pi)[:, None] - D / 2 * np.log(s2)[:, None] - squared / (2 * s2[:, None])
    shares = np.exp(logs - np.logaddexp.reduce(logs, axis=0))
    return np.einsum("kb,kbd->bd", shares, scores.numpy())


@right("in float32")
def gmm_score__float32(x, pi, mu, s2):
    x, pi, mu, s2 = x.float(), pi.float(), mu.float(), s2.float()
    squared = torch.cdist(x, mu, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    log_joint = pi.log() - 0.5 * x.shape[1] * s2.log() - 0.5 * squared / s2
    weights = torch.softmax(log_joint, dim=1) / s2
    return weights @ mu - weights.sum(dim=1, keepdim=True) * x


@wrong("takes the last component out of every sum", caught_by="test_far_points")
def gmm_score__shift_by_last(x, pi, mu, s2):
    toward = mu - x[:, None, :]
    log_joint = torch.log(pi) - 0.5 * (x.shape[1] * torch.log(s2) + (toward**2).sum(2) / s2)
    share = torch.exp(log_joint - log_joint[:, -1:])
    share = share / share.sum(1, keepdim=True)
    return ((share / s2)[:, :, None] * toward).sum(1)


# ── implicit_score_matching ───────────────────────────────────────────────────────────────────


@wrong("leaves out the factor 1/2", caught_by="test_linear_score")
def implicit_score_matching__no_half(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    trace = 0
    for i in range(x.shape[1]):
        trace = trace + torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return (trace + (s**2).sum(dim=1)).mean()


@wrong(
    "differentiates without keeping a graph, so that nothing is learned through the trace",
    caught_by="test_parameter_gradient",
)
def implicit_score_matching__no_graph(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    trace = 0
    for i in range(x.shape[1]):
        trace = trace + torch.autograd.grad(s[:, i].sum(), x, retain_graph=True)[0][:, i]
    return (trace + 0.5 * (s**2).sum(dim=1)).mean()


@wrong("takes the length of the score, not its square", caught_by="test_linear_score")
def implicit_score_matching__not_squared(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    trace = 0
    for i in range(x.shape[1]):
        trace = trace + torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return (trace + 0.5 * s.norm(dim=1)).mean()


@wrong("sums over the batch", caught_by="test_linear_score")
def implicit_score_matching__sum(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    trace = 0
    for i in range(x.shape[1]):
        trace = trace + torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return (trace + 0.5 * (s**2).sum(dim=1)).sum()


@wrong("averages over the coordinates too", caught_by="test_linear_score")
def implicit_score_matching__mean_over_coordinates(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    total = 0
    for i in range(x.shape[1]):
        row = torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0]
        total = total + (row[:, i] + 0.5 * s[:, i] ** 2).mean()
    return total / x.shape[1]


@wrong("adds all entries of the Jacobian instead of its diagonal", caught_by="test_linear_score")
def implicit_score_matching__all_entries(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    divergence = torch.autograd.grad(s.sum(), x, create_graph=True)[0].sum(dim=1)
    return (divergence + 0.5 * (s**2).sum(dim=1)).mean()


@wrong("subtracts the trace", caught_by="test_lowest_at_the_gaussian")
def implicit_score_matching__minus_trace(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    trace = 0
    for i in range(x.shape[1]):
        trace = trace + torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return (0.5 * (s**2).sum(dim=1) - trace).mean()


@wrong("leaves out the trace", caught_by="test_lowest_at_the_gaussian")
def implicit_score_matching__no_trace(score, x):
    return 0.5 * (score(x) ** 2).sum(dim=1).mean()


@wrong("leaves out the squared length", caught_by="test_lowest_at_the_gaussian")
def implicit_score_matching__no_square(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    trace = 0
    for i in range(x.shape[1]):
        trace = trace + torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return trace.mean() + 0 * s.sum()


@wrong("halves the trace as well", caught_by="test_linear_score")
def implicit_score_matching__half_of_all(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    trace = 0
    for i in range(x.shape[1]):
        trace = trace + torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return 0.5 * (trace + (s**2).sum(dim=1)).mean()


@wrong("takes only the first entry of the diagonal", caught_by="test_linear_score")
def implicit_score_matching__first_entry(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    first = torch.autograd.grad(s[:, 0].sum(), x, create_graph=True)[0][:, 0]
    return (first + 0.5 * (s**2).sum(dim=1)).mean()


@wrong("estimates the trace from one random direction", caught_by="test_linear_score")
def implicit_score_matching__one_direction(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    v = torch.randn_like(x)
    pulled = torch.autograd.grad((s * v).sum(), x, create_graph=True)[0]
    return ((pulled * v).sum(dim=1) + 0.5 * (s**2).sum(dim=1)).mean()


@wrong(
    "learns from the trace alone: the squared length is detached",
    caught_by="test_parameter_gradient",
)
def implicit_score_matching__detached_length(score, x):
    x = x.clone().requires_grad_()
    s = score(x)
    trace = 0
    for i in range(x.shape[1]):
        trace = trace + torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return (trace + 0.5 * (s.detach() ** 2).sum(dim=1)).mean()


@wrong("lets the caller's x require a gradient from then on", caught_by="test_value")
def implicit_score_matching__marks_x(score, x):
    x.requires_grad_(True)
    s = score(x)
    trace = 0
    for i in range(x.shape[1]):
        trace = trace + torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i]
    return (trace + 0.5 * (s**2).sum(dim=1)).mean()


@right("the whole Jacobian, sample by sample")
def implicit_score_matching__jacobian(score, x):
    losses = []
    for row in x:
        jacobian = torch.autograd.functional.jacobian(
            lambda v: score(v[None])[0], row, create_graph=True
        )
        s = score(row[None])[0]
        losses.append(torch.trace(jacobian) + 0.5 * s @ s)
    return torch.stack(losses).mean()


@right("torch.func, a Jacobian for each sample")
def implicit_score_matching__func(score, x):
    jacobians = torch.func.vmap(torch.func.jacrev(lambda v: score(v[None])[0]))(x)
    traces = jacobians.diagonal(dim1=1, dim2=2).sum(dim=1)
    return (traces + 0.5 * score(x).square().sum(dim=1)).mean()


@right("vector-Jacobian products with unit vectors")
def implicit_score_matching__unit_vectors(score, x):
    y = x.detach().clone().requires_grad_(True)
    s = score(y)
    loss = 0.5 * s.pow(2).sum() / len(x)
    for i, unit in enumerate(torch.eye(x.shape[1], dtype=x.dtype)):
        vectors = unit.expand_as(s)
        (pulled,) = torch.autograd.grad(s, y, grad_outputs=vectors, create_graph=True)
        loss = loss + pulled[:, i].mean()
    return loss


@right("one input coordinate at a time, forward mode")
def implicit_score_matching__forward(score, x):
    total = 0.5 * (score(x) ** 2).sum(dim=1)
    for i in range(x.shape[1]):
        direction = torch.zeros_like(x)
        direction[:, i] = 1.0
        _, pushed = torch.func.jvp(score, (x,), (direction,))
        total = total + pushed[:, i]
    return total.mean()


@wrong("adds up at most five entries of the diagonal", caught_by="test_linear_score")
def implicit_score_matching__first_five(score, x):
    x = x.detach().clone().requires_grad_()
    s = score(x)
    tr = 0
    for i in range(min(5, x.shape[1])):
        (row,) = torch.autograd.grad(s[:, i].sum(), x, create_graph=True)
        tr = tr + row[:, i]
    return (tr + 0.5 * (s**2).sum(1)).mean()


# ── dsm_loss ──────────────────────────────────────────────────────────────────────────────────


@wrong("divides the noise by the variance in the target", caught_by="test_value")
def dsm_loss__variance_in_target(score, x, sig, eps):
    error = score(x + sig * eps) + eps / sig**2
    return 0.5 * (error**2).sum(dim=1).mean()


@wrong("leaves out the factor 1/2", caught_by="test_what_the_score_sees")
def dsm_loss__no_half(score, x, sig, eps):
    return ((score(x + sig * eps) + eps / sig) ** 2).sum(dim=1).mean()


@wrong("averages over the coordinates too", caught_by="test_value")
def dsm_loss__mean_over_all(score, x, sig, eps):
    return 0.5 * ((score(x + sig * eps) + eps / sig) ** 2).mean()


@wrong("asks the score about the clean data", caught_by="test_what_the_score_sees")
def dsm_loss__clean_input(score, x, sig, eps):
    return 0.5 * ((score(x) + eps / sig) ** 2).sum(dim=1).mean()


@wrong("scales the added noise by the variance", caught_by="test_what_the_score_sees")
def dsm_loss__variance_as_scale(score, x, sig, eps):
    return 0.5 * ((score(x + sig**2 * eps) + eps / sig) ** 2).sum(dim=1).mean()


@wrong("has the target's sign turned round: it points away from the data", caught_by="test_value")
def dsm_loss__sign(score, x, sig, eps):
    return 0.5 * ((score(x + sig * eps) - eps / sig) ** 2).sum(dim=1).mean()


@wrong("does not divide the noise by sigma: it predicts minus the noise", caught_by="test_value")
def dsm_loss__noise_target(score, x, sig, eps):
    return 0.5 * ((score(x + sig * eps) + eps) ** 2).sum(dim=1).mean()


@wrong("multiplies the loss by sigma squared", caught_by="test_value")
def dsm_loss__weighted(score, x, sig, eps):
    return 0.5 * ((sig * score(x + sig * eps) + eps) ** 2).sum(dim=1).mean()


@wrong("sums over the batch", caught_by="test_value")
def dsm_loss__sum(score, x, sig, eps):
    return 0.5 * ((score(x + sig * eps) + eps / sig) ** 2).sum()


@wrong("draws noise of its own for the target", caught_by="test_value")
def dsm_loss__fresh_noise(score, x, sig, eps):
    target = -torch.randn_like(x) / sig
    return 0.5 * ((score(x + sig * eps) - target) ** 2).sum(dim=1).mean()


@wrong("takes the distance, not its square", caught_by="test_value")
def dsm_loss__not_squared(score, x, sig, eps):
    return 0.5 * (score(x + sig * eps) + eps / sig).norm(dim=1).mean()


@wrong("takes absolute values instead of squares", caught_by="test_value")
def dsm_loss__absolute(score, x, sig, eps):
    return 0.5 * (score(x + sig * eps) + eps / sig).abs().sum(dim=1).mean()


@wrong("subtracts the noise from the data", caught_by="test_what_the_score_sees")
def dsm_loss__minus_noise(score, x, sig, eps):
    return 0.5 * ((score(x - sig * eps) + eps / sig) ** 2).sum(dim=1).mean()


@wrong("uses the direction to the clean point, not divided by the variance", caught_by="test_value")
def dsm_loss__displacement(score, x, sig, eps):
    y = x + sig * eps
    return 0.5 * ((score(y) - (x - y)) ** 2).sum(dim=1).mean()


@wrong("calls the score once for each sample", caught_by="test_what_the_score_sees")
def dsm_loss__sample_by_sample(score, x, sig, eps):
    losses = []
    for row, noise in zip(x, eps, strict=True):
        error = score((row + sig * noise)[None])[0] + noise / sig
        losses.append(0.5 * (error**2).sum())
    return torch.stack(losses).mean()


@wrong("divides the squared distance by the batch size twice", caught_by="test_parameter_gradient")
def dsm_loss__twice_averaged(score, x, sig, eps):
    error = score(x + sig * eps) + eps / sig
    return 0.5 * (error**2).sum(dim=1).mean() / len(x)


@right("the gradient of the kernel from the noised point")
def dsm_loss__kernel(score, x, sig, eps):
    y = x + sig * eps
    return 0.5 * (score(y) - (x - y) / sig**2).pow(2).sum(dim=-1).mean()


@right("the library's squared error")
def dsm_loss__mse(score, x, sig, eps):
    s = score(torch.add(x, eps, alpha=sig))
    return torch.nn.functional.mse_loss(s, -eps / sig, reduction="sum") / (2 * x.shape[0])


@right("the target by autograd")
def dsm_loss__autograd(score, x, sig, eps):
    y = (x + sig * eps).detach().requires_grad_(True)
    log_q = torch.distributions.Normal(x, sig).log_prob(y).sum()
    (target,) = torch.autograd.grad(log_q, y)
    s = score(y.detach())
    return torch.mean(torch.sum((s - target) ** 2, dim=1)) / 2


@right("a batch of inner products")
def dsm_loss__einsum(score, x, sig, eps):
    error = sig * score(x + sig * eps) + eps
    return torch.einsum("bd,bd->", error, error) / (2 * sig**2 * len(error))


# ── tweedie ───────────────────────────────────────────────────────────────────────────────────


@wrong("multiplies the score by sigma, not by its square", caught_by="test_gaussian_prior")
def tweedie__sigma(y, sig, score):
    return y + sig * score


@wrong("returns the correction without the noisy point", caught_by="test_single_value")
def tweedie__no_y(y, sig, score):
    return sig**2 * score


@wrong("subtracts the correction", caught_by="test_single_value")
def tweedie__minus(y, sig, score):
    return y - sig**2 * score


@wrong("goes half the way", caught_by="test_single_value")
def tweedie__half(y, sig, score):
    return y + 0.5 * sig**2 * score


@wrong("adds the score as it is", caught_by="test_single_value")
def tweedie__unscaled(y, sig, score):
    return y + score


@wrong("divides the score by the variance", caught_by="test_single_value")
def tweedie__divided(y, sig, score):
    return y + score / sig**2


@wrong("returns the estimated noise", caught_by="test_single_value")
def tweedie__noise(y, sig, score):
    return -sig * score


@wrong("rescales as if the signal had been shrunk", caught_by="test_single_value")
def tweedie__rescaled(y, sig, score):
    return (y + sig**2 * score) / math.sqrt(1 + sig**2)


@wrong("returns the noisy point itself", caught_by="test_single_value")
def tweedie__noisy(y, sig, score):
    return y.clone()


@right("a fused product and sum")
def tweedie__addcmul(y, sig, score):
    return torch.add(y, score, alpha=sig * sig)


@right("through the estimated noise")
def tweedie__through_noise(y, sig, score):
    noise = -sig * score
    return y - sig * noise


@right("in numpy and float32, point by point")
def tweedie__numpy(y, sig, score):
    rows = [np.float32(sig) ** 2 * s + p for p, s in zip(y.numpy(), score.numpy(), strict=True)]
    return np.stack(rows).astype(np.float32)


# ── eps_to_score ──────────────────────────────────────────────────────────────────────────────


@wrong("has the sign of the noise", caught_by="test_score_of_the_kernel")
def eps_to_score__sign(eps, ab):
    return eps / torch.sqrt(1 - ab).reshape(-1, *[1] * (eps.ndim - 1))


@wrong("divides by the signal's scale", caught_by="test_score_of_the_kernel")
def eps_to_score__signal(eps, ab):
    return -eps / torch.sqrt(ab).reshape(-1, *[1] * (eps.ndim - 1))


@wrong("divides by the variance of the noise", caught_by="test_score_of_the_kernel")
def eps_to_score__variance(eps, ab):
    return -eps / (1 - ab).reshape(-1, *[1] * (eps.ndim - 1))


@wrong("multiplies by the standard deviation", caught_by="test_score_of_the_kernel")
def eps_to_score__multiplied(eps, ab):
    return -eps * torch.sqrt(1 - ab).reshape(-1, *[1] * (eps.ndim - 1))


@wrong("returns minus the noise", caught_by="test_score_of_the_kernel")
def eps_to_score__minus_noise(eps, ab):
    return -eps


@wrong("takes 1 minus the root for the standard deviation", caught_by="test_score_of_the_kernel")
def eps_to_score__one_minus_root(eps, ab):
    return -eps / (1 - torch.sqrt(ab)).reshape(-1, *[1] * (eps.ndim - 1))


@wrong("stretches alpha-bar along the last axis", caught_by="test_each_sample_has_its_own")
def eps_to_score__last_axis(eps, ab):
    return -eps / torch.sqrt(1 - ab)


@wrong("uses the first sample's level for all", caught_by="test_each_sample_has_its_own")
def eps_to_score__first_level(eps, ab):
    return -eps / torch.sqrt(1 - ab[0])


@wrong("keeps the denominator away from zero by clamping it", caught_by="test_score_of_the_kernel")
def eps_to_score__clamped(eps, ab):
    std = torch.sqrt(1 - ab).clamp(min=0.5)
    return -eps / std.reshape(-1, *[1] * (eps.ndim - 1))


@right("sample by sample")
def eps_to_score__loop(eps, ab):
    return torch.stack([-e / math.sqrt(1 - a) for e, a in zip(eps, ab.tolist(), strict=True)])


@right("through einsum")
def eps_to_score__einsum(eps, ab):
    return torch.einsum("b...,b->b...", eps, -((1 - ab) ** -0.5))


@right("axes turned round for numpy's broadcasting")
def eps_to_score__transposed(eps, ab):
    scale = np.sqrt(1 - ab.numpy())
    return np.moveaxis(-np.moveaxis(eps.numpy(), 0, -1) / scale, -1, 0)


@right("in float32, axes added one by one")
def eps_to_score__float32(eps, ab):
    eps, std = eps.float(), (1 - ab).sqrt().float()
    while std.ndim < eps.ndim:
        std = std.unsqueeze(-1)
    return eps.neg().div(std)


# ── vp_marginal ───────────────────────────────────────────────────────────────────────────────


@wrong("multiplies the rate at time t by t instead of integrating it", caught_by="test_quadrature")
def vp_marginal__rate_times_t(t, bmin, bmax):
    integral = (bmin + t * (bmax - bmin)) * t
    return torch.exp(-0.5 * integral), torch.sqrt(1 - torch.exp(-integral))


@wrong("forgets the 1/2 of the integral of t", caught_by="test_quadrature")
def vp_marginal__no_half_in_integral(t, bmin, bmax):
    integral = bmin * t + t**2 * (bmax - bmin) + 0 * t
    a = torch.exp(-0.25 * integral)
    return a, torch.sqrt(1 - a**2)


@wrong("forgets the 1/2 of the drift: it returns alpha-bar", caught_by="test_quadrature")
def vp_marginal__alpha_bar(t, bmin, bmax):
    a = torch.exp(-(bmin * t + 0.5 * t**2 * (bmax - bmin)))
    return a, torch.sqrt(1 - a)


@wrong("uses the whole rate where half of it belongs", caught_by="test_quadrature")
def vp_marginal__full_rate(t, bmin, bmax):
    a = torch.exp(-(bmin * t + 0.5 * t**2 * (bmax - bmin)))
    return a, torch.sqrt(1 - a**2)


@wrong("returns a variance where the standard deviation belongs", caught_by="test_unit_variance")
def vp_marginal__variance(t, bmin, bmax):
    integral = bmin * t + 0.5 * t**2 * (bmax - bmin)
    return torch.exp(-0.5 * integral), 1 - torch.exp(-integral)


@wrong("takes 1 - a for the standard deviation", caught_by="test_unit_variance")
def vp_marginal__one_minus_a(t, bmin, bmax):
    a = torch.exp(-0.5 * (bmin * t + 0.5 * t**2 * (bmax - bmin)))
    return a, 1 - a


@wrong("returns signal and noise in the other order", caught_by="test_constant_rate")
def vp_marginal__swapped(t, bmin, bmax):
    integral = bmin * t + 0.5 * t**2 * (bmax - bmin)
    return torch.sqrt(1 - torch.exp(-integral)), torch.exp(-0.5 * integral)


@wrong("uses the rate at time t as if it had been constant", caught_by="test_unit_variance")
def vp_marginal__rate_only(t, bmin, bmax):
    rate = bmin + t * (bmax - bmin)
    return torch.exp(-0.5 * rate), torch.sqrt(1 - torch.exp(-rate))


@wrong("lets the variance grow without bound, as in the VE process", caught_by="test_unit_variance")
def vp_marginal__exploding(t, bmin, bmax):
    integral = bmin * t + 0.5 * t**2 * (bmax - bmin)
    return torch.exp(-0.5 * integral), torch.sqrt(integral)


@wrong("starts from the largest rate and ends at the smallest", caught_by="test_quadrature")
def vp_marginal__rates_swapped(t, bmin, bmax):
    integral = bmax * t + 0.5 * t**2 * (bmin - bmax)
    return torch.exp(-0.5 * integral), torch.sqrt(1 - torch.exp(-integral))


@wrong("lets the signal decay linearly", caught_by="test_constant_rate")
def vp_marginal__linear(t, bmin, bmax):
    integral = bmin * t + 0.5 * t**2 * (bmax - bmin)
    a = (1 - 0.5 * integral).clamp(min=0)
    return a, torch.sqrt(1 - a**2)


@right("the textbook formula")
def vp_marginal__textbook(t, bmin, bmax):
    log_a = -0.25 * t**2 * (bmax - bmin) - 0.5 * t * bmin
    return torch.exp(log_a), torch.sqrt(1 - torch.exp(2 * log_a))


@right("the average of the rates at both ends, in numpy")
def vp_marginal__trapezoid(t, bmin, bmax):
    t = t.numpy()
    area = t * (bmin + (bmin + t * (bmax - bmin))) / 2
    ab = np.exp(-area)
    return np.sqrt(ab), np.sqrt(1 - ab)


@right("time by time, in float32")
def vp_marginal__loop(t, bmin, bmax):
    pairs = []
    for time in t.tolist():
        a = math.exp(-0.5 * (bmin * time + (bmax - bmin) * time**2 / 2))
        pairs.append((a, math.sqrt(1 - a * a)))
    table = torch.tensor(pairs, dtype=torch.float32)
    return table[:, 0], table[:, 1]


@wrong("forms an exponential that grows with the rate", caught_by="test_constant_rate")
def vp_marginal__growing(t, bmin, bmax):
    integral = bmin * t + 0.5 * t**2 * (bmax - bmin)
    return torch.exp(-0.5 * integral), torch.sqrt((torch.exp(integral) - 1) / torch.exp(integral))


# ── reverse_sde_drift ─────────────────────────────────────────────────────────────────────────


@wrong("adds the score with the wrong sign", caught_by="test_parts")
def reverse_sde_drift__sign(x, beta, score):
    return -0.5 * beta * x + beta * score


@wrong("takes the score half, as in the ODE", caught_by="test_gaussian_variance")
def reverse_sde_drift__half_score(x, beta, score):
    return pf_ode_drift(x, beta, score)


@wrong("takes the whole rate for the pull to the origin", caught_by="test_parts")
def reverse_sde_drift__full_pull(x, beta, score):
    return -beta * x - beta * score


@wrong("puts the two factors on the wrong terms", caught_by="test_parts")
def reverse_sde_drift__swapped(x, beta, score):
    return -beta * x - 0.5 * beta * score


@wrong("leaves out the forward drift", caught_by="test_equilibrium")
def reverse_sde_drift__score_only(x, beta, score):
    return -beta * score


@wrong("leaves out the score", caught_by="test_equilibrium")
def reverse_sde_drift__no_score(x, beta, score):
    return -0.5 * beta * x


@wrong("is written for a clock that runs backwards", caught_by="test_equilibrium")
def reverse_sde_drift__reversed_clock(x, beta, score):
    return 0.5 * beta * x + beta * score


@wrong("turns the forward drift round but not the score", caught_by="test_equilibrium")
def reverse_sde_drift__forward_turned(x, beta, score):
    return 0.5 * beta * x - beta * score


@wrong("multiplies the score by the root of the rate", caught_by="test_parts")
def reverse_sde_drift__root(x, beta, score):
    return -0.5 * beta * x - math.sqrt(beta) * score


@wrong("squares the rate in front of the score", caught_by="test_parts")
def reverse_sde_drift__squared(x, beta, score):
    return -0.5 * beta * x - beta**2 * score


@right("factored")
def reverse_sde_drift__factored(x, beta, score):
    return -beta * (x / 2 + score)


@right("from the general formula f - g^2 score")
def reverse_sde_drift__general(x, beta, score):
    f, g = -0.5 * beta * x, math.sqrt(beta)
    return f - g**2 * score


@right("in numpy and float32")
def reverse_sde_drift__numpy(x, beta, score):
    x, score = x.numpy().astype(np.float32), score.numpy().astype(np.float32)
    return -(np.float32(beta) * (0.5 * x + score))


# ── pf_ode_drift ──────────────────────────────────────────────────────────────────────────────


@wrong("adds the score with the wrong sign", caught_by="test_parts")
def pf_ode_drift__sign(x, beta, score):
    return -0.5 * beta * x + 0.5 * beta * score


@wrong("takes the score whole, as in the reverse SDE", caught_by="test_gaussian_variance")
def pf_ode_drift__full_score(x, beta, score):
    return reverse_sde_drift(x, beta, score)


@wrong("takes the whole rate in both terms", caught_by="test_parts")
def pf_ode_drift__full_rate(x, beta, score):
    return -beta * x - beta * score


@wrong("leaves out the forward drift", caught_by="test_parts")
def pf_ode_drift__score_only(x, beta, score):
    return -0.5 * beta * score


@wrong("leaves out the score: only the forward drift is left", caught_by="test_mixture_flows")
def pf_ode_drift__no_score(x, beta, score):
    return -0.5 * beta * x


@wrong("is written for a clock that runs backwards", caught_by="test_parts")
def pf_ode_drift__reversed_clock(x, beta, score):
    return 0.5 * beta * x + 0.5 * beta * score


@wrong("puts the two factors on the wrong terms", caught_by="test_parts")
def pf_ode_drift__swapped(x, beta, score):
    return -beta * x - 0.5 * beta * score


@wrong("multiplies the score by the root of the rate", caught_by="test_parts")
def pf_ode_drift__root(x, beta, score):
    return -0.5 * beta * x - 0.5 * math.sqrt(beta) * score


@wrong("forgets the rate in front of the score", caught_by="test_gaussian_variance")
def pf_ode_drift__no_rate(x, beta, score):
    return -0.5 * beta * x - 0.5 * score


@right("factored")
def pf_ode_drift__factored(x, beta, score):
    return (x + score) * (-beta / 2)


@right("half-way between the forward drift and that of the reverse SDE")
def pf_ode_drift__halfway(x, beta, score):
    return (-0.5 * beta * x + reverse_sde_drift(x, beta, score)) / 2


@right("from the general formula f - g^2 score / 2, in float32")
def pf_ode_drift__general(x, beta, score):
    x, score = x.float(), score.float()
    f, g = -0.5 * beta * x, beta**0.5
    return torch.addcmul(f, torch.full_like(x, -0.5 * g**2), score)


# ── euler_ou_variance ─────────────────────────────────────────────────────────────────────────


@wrong("returns the variance of the process, whatever the step", caught_by="test_stays")
def euler_ou_variance__continuous(theta, s, h):
    return s**2 / (2 * theta)


@wrong(
    "returns the process's variance, infinite from the limit of stability on",
    caught_by="test_stays",
)
def euler_ou_variance__continuous_or_infinite(theta, s, h):
    return s**2 / (2 * theta) if theta * h < 2 else math.inf


@wrong("goes on with the formula where the scheme diverges", caught_by="test_divergence")
def euler_ou_variance__negative(theta, s, h):
    contraction = (1 - theta * h) ** 2
    return s**2 * h / (1 - contraction) if contraction != 1 else math.inf


@wrong(
    "makes the variance positive by force where the scheme diverges", caught_by="test_divergence"
)
def euler_ou_variance__absolute(theta, s, h):
    contraction = (1 - theta * h) ** 2
    return s**2 * h / abs(1 - contraction) if contraction != 1 else math.inf


@wrong("calls the scheme unstable as soon as it overshoots", caught_by="test_overshooting")
def euler_ou_variance__early(theta, s, h):
    if theta * h > 1:
        return math.inf
    return s**2 * h / (1 - (1 - theta * h) ** 2)


@wrong("divides by zero at the limit of stability", caught_by="test_divergence")
def euler_ou_variance__boundary(theta, s, h):
    if theta * h > 2:
        return math.inf
    return s**2 / (theta * (2 - theta * h))


@wrong("does not square the contraction factor", caught_by="test_stays")
def euler_ou_variance__not_squared(theta, s, h):
    if theta * h >= 2:
        return math.inf
    return s**2 * h / (1 - (1 - theta * h))


@wrong("keeps only the first correction in the step", caught_by="test_stays")
def euler_ou_variance__first_order(theta, s, h):
    if theta * h >= 2:
        return math.inf
    return s**2 / (2 * theta) * (1 + theta * h / 2)


@wrong("makes the variance smaller, as the implicit scheme does", caught_by="test_stays")
def euler_ou_variance__implicit(theta, s, h):
    if theta * h >= 2:
        return math.inf
    return s**2 / (theta * (2 + theta * h))


@wrong("returns the standard deviation", caught_by="test_stays")
def euler_ou_variance__std(theta, s, h):
    if theta * h >= 2:
        return math.inf
    return math.sqrt(s**2 / (theta * (2 - theta * h)))


@wrong("does not square the noise strength", caught_by="test_stays")
def euler_ou_variance__s_not_squared(theta, s, h):
    if theta * h >= 2:
        return math.inf
    return s / (theta * (2 - theta * h))


@wrong("scales the noise of a step by h instead of its root", caught_by="test_stays")
def euler_ou_variance__h_noise(theta, s, h):
    if theta * h >= 2:
        return math.inf
    return s**2 * h**2 / (1 - (1 - theta * h) ** 2)


@wrong("takes the exact contraction over a step, not Euler's", caught_by="test_stays")
def euler_ou_variance__exact_contraction(theta, s, h):
    if theta * h >= 2:
        return math.inf
    return s**2 * h / (1 - math.exp(-2 * theta * h))


@right("a geometric series")
def euler_ou_variance__geometric(theta, s, h):
    a = 1 - theta * h
    if abs(a) >= 1:
        return float("inf")
    return s * s * h / (1 - a * a)


@right("the discrete Lyapunov equation")
def euler_ou_variance__lyapunov(theta, s, h):
    from scipy.linalg import solve_discrete_lyapunov

    a = 1 - theta * h
    if not -1 < a < 1:
        return math.inf
    return float(solve_discrete_lyapunov(np.array([[a]]), np.array([[s**2 * h]]))[0, 0])


@right("the process's variance with its correction")
def euler_ou_variance__corrected(theta, s, h):
    stable = h < 2 / theta
    return s**2 / (2 * theta) / (1 - theta * h / 2) if stable else np.inf


# ── fokker_planck_rhs ─────────────────────────────────────────────────────────────────────────


@wrong("has the drift term with the wrong sign", caught_by="test_varying_drift_and_noise")
def fokker_planck_rhs__sign(p, f, g, dx):
    flux = -f * p - 0.5 * torch.gradient(g**2 * p, spacing=dx)[0]
    return -torch.gradient(flux, spacing=dx)[0]


@wrong(
    "takes the drift out of the derivative, as if it were constant",
    caught_by="test_varying_drift_and_noise",
)
def fokker_planck_rhs__drift_outside(p, f, g, dx):
    spread = torch.gradient(torch.gradient(g**2 * p, spacing=dx)[0], spacing=dx)[0]
    return -f * torch.gradient(p, spacing=dx)[0] + 0.5 * spread


@wrong("takes the noise strength out of the derivatives", caught_by="test_noise_alone")
def fokker_planck_rhs__noise_outside(p, f, g, dx):
    curvature = torch.gradient(torch.gradient(p, spacing=dx)[0], spacing=dx)[0]
    return -torch.gradient(f * p, spacing=dx)[0] + 0.5 * g**2 * curvature


@wrong(
    "leaves the noise strength between the derivatives (Fick's law)", caught_by="test_noise_alone"
)
def fokker_planck_rhs__between(p, f, g, dx):
    flux = f * p - 0.5 * g**2 * torch.gradient(p, spacing=dx)[0]
    return -torch.gradient(flux, spacing=dx)[0]


@wrong("uses Stratonovich's form of the equation", caught_by="test_noise_alone")
def fokker_planck_rhs__stratonovich(p, f, g, dx):
    flux = f * p - 0.5 * g * torch.gradient(g * p, spacing=dx)[0]
    return -torch.gradient(flux, spacing=dx)[0]


@wrong("leaves out the 1/2 of the noise term", caught_by="test_noise_alone")
def fokker_planck_rhs__no_half(p, f, g, dx):
    flux = f * p - torch.gradient(g**2 * p, spacing=dx)[0]
    return -torch.gradient(flux, spacing=dx)[0]


@wrong("does not square the noise strength", caught_by="test_noise_alone")
def fokker_planck_rhs__not_squared(p, f, g, dx):
    flux = f * p - 0.5 * torch.gradient(g * p, spacing=dx)[0]
    return -torch.gradient(flux, spacing=dx)[0]


@wrong("forgets the spacing of the grid", caught_by="test_varying_drift_and_noise")
def fokker_planck_rhs__no_spacing(p, f, g, dx):
    flux = f * p - 0.5 * torch.gradient(g**2 * p)[0]
    return -torch.gradient(flux)[0]


@wrong("solves the equation of expectations instead (backward)", caught_by="test_ou_process")
def fokker_planck_rhs__backward(p, f, g, dx):
    slope = torch.gradient(p, spacing=dx)[0]
    return f * slope + 0.5 * g**2 * torch.gradient(slope, spacing=dx)[0]


@wrong("leaves out the noise", caught_by="test_noise_alone")
def fokker_planck_rhs__no_noise(p, f, g, dx):
    return -torch.gradient(f * p, spacing=dx)[0]


@wrong("divides the second difference by dx only once", caught_by="test_noise_alone")
def fokker_planck_rhs__dx_once(p, f, g, dx):
    q = g**2 * p
    second = torch.zeros_like(p)
    second[1:-1] = (q[2:] - 2 * q[1:-1] + q[:-2]) / dx
    return -torch.gradient(f * p, spacing=dx)[0] + 0.5 * second


@right("the three-point second difference")
def fokker_planck_rhs__three_point(p, f, g, dx):
    flow, q = f * p, g**2 * p
    rate = torch.zeros_like(p)
    rate[1:-1] = -(flow[2:] - flow[:-2]) / (2 * dx)
    rate[1:-1] += 0.5 * (q[2:] - 2 * q[1:-1] + q[:-2]) / dx**2
    return rate


@right("in numpy")
def fokker_planck_rhs__numpy(p, f, g, dx):
    p, f, g = p.numpy(), f.numpy(), g.numpy()
    spread = np.gradient(np.gradient(g**2 * p, dx), dx)
    return -np.gradient(f * p, dx) + 0.5 * spread


@right("fluxes between cells")
def fokker_planck_rhs__cells(p, f, g, dx):
    q = g**2 * p
    flux = 0.5 * (f * p)[1:] + 0.5 * (f * p)[:-1] - 0.5 * q.diff() / dx
    closed = torch.nn.functional.pad(flux, (1, 1))
    return -closed.diff() / dx


@right("a convolution, in float32")
def fokker_planck_rhs__convolution(p, f, g, dx):
    p, f, g = p.float(), f.float(), g.float()
    first = torch.tensor([[[-1.0, 0.0, 1.0]]]) / (2 * dx)
    second = torch.tensor([[[1.0, -2.0, 1.0]]]) / dx**2
    convolve = torch.nn.functional.conv1d
    drift = convolve((f * p)[None, None], first, padding=1)
    spread = convolve((g**2 * p)[None, None], second, padding=1)
    return (0.5 * spread - drift)[0, 0]


# ── annealed_langevin ─────────────────────────────────────────────────────────────────────────


@wrong("uses the same step at every level", caught_by="test_without_noise")
def annealed_langevin__constant_step(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        for j in range(n):
            x = x + 0.5 * eps0 * score(x, sigma) + math.sqrt(eps0) * zs[i, j]
    return x


@wrong("starts at the lowest level and ends at the highest", caught_by="test_whole_walk")
def annealed_langevin__ascending(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas.flip(0)):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for j in range(n):
            x = x + 0.5 * alpha * score(x, sigma) + alpha.sqrt() * zs[i, j]
    return x


@wrong("goes the whole step along the score", caught_by="test_one_level")
def annealed_langevin__no_half(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for j in range(n):
            x = x + alpha * score(x, sigma) + alpha.sqrt() * zs[i, j]
    return x


@wrong("adds noise of variance twice the step", caught_by="test_noise_of_each_step")
def annealed_langevin__root_two(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for j in range(n):
            x = x + 0.5 * alpha * score(x, sigma) + (2 * alpha).sqrt() * zs[i, j]
    return x


@wrong("takes the step for the Langevin step: twice too far", caught_by="test_one_level")
def annealed_langevin__langevin_convention(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for j in range(n):
            x = x + alpha * score(x, sigma) + (2 * alpha).sqrt() * zs[i, j]
    return x


@wrong("scales the noise by the step, not by its root", caught_by="test_noise_of_each_step")
def annealed_langevin__step_noise(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for j in range(n):
            x = x + 0.5 * alpha * score(x, sigma) + alpha * zs[i, j]
    return x


@wrong("does not square the ratio of the noise levels", caught_by="test_without_noise")
def annealed_langevin__ratio_not_squared(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * sigma / sigmas[-1]
        for j in range(n):
            x = x + 0.5 * alpha * score(x, sigma) + alpha.sqrt() * zs[i, j]
    return x


@wrong("measures the levels by the first instead of the last", caught_by="test_without_noise")
def annealed_langevin__ratio_to_first(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * (sigma / sigmas[0]) ** 2
        for j in range(n):
            x = x + 0.5 * alpha * score(x, sigma) + alpha.sqrt() * zs[i, j]
    return x


@wrong("uses the first level's noise at every level", caught_by="test_noise_of_each_step")
def annealed_langevin__same_noise(score, x, sigmas, eps0, n, zs):
    for sigma in sigmas:
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for j in range(n):
            x = x + 0.5 * alpha * score(x, sigma) + alpha.sqrt() * zs[0, j]
    return x


@wrong("asks for the score of the last level all the time", caught_by="test_without_noise")
def annealed_langevin__last_score(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for j in range(n):
            x = x + 0.5 * alpha * score(x, sigmas[-1]) + alpha.sqrt() * zs[i, j]
    return x


@wrong("takes one step at each level", caught_by="test_without_noise")
def annealed_langevin__one_step(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        x = x + 0.5 * alpha * score(x, sigma) + alpha.sqrt() * zs[i, 0]
    return x


@wrong("goes down the score instead of up", caught_by="test_one_level")
def annealed_langevin__descent(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for j in range(n):
            x = x - 0.5 * alpha * score(x, sigma) + alpha.sqrt() * zs[i, j]
    return x


@wrong("changes the caller's x", caught_by="test_whole_walk")
def annealed_langevin__in_place(score, x, sigmas, eps0, n, zs):
    for i, sigma in enumerate(sigmas):
        alpha = eps0 * (sigma / sigmas[-1]) ** 2
        for j in range(n):
            x += 0.5 * alpha * score(x, sigma) + alpha.sqrt() * zs[i, j]
    return x


@right("steps computed beforehand, counters for levels and steps")
def annealed_langevin__counters(score, x, sigmas, eps0, n, zs):
    alphas = eps0 * sigmas**2 / sigmas[-1] ** 2
    for i in range(len(sigmas)):
        for j in range(n):
            x = x + alphas[i] / 2 * score(x, sigmas[i]) + torch.sqrt(alphas[i]) * zs[i, j]
    return x


@right("the Langevin step of half the size, in place on a copy")
def annealed_langevin__langevin_step(score, x, sigmas, eps0, n, zs):
    x = x.clone()
    for sigma, noises in zip(sigmas.tolist(), zs, strict=True):
        step = eps0 * sigma**2 / (2 * float(sigmas[-1]) ** 2)
        for z in noises:
            x += step * score(x, sigma) + math.sqrt(2 * step) * z
    return x


@right("in float32")
def annealed_langevin__float32(score, x, sigmas, eps0, n, zs):
    x, sigmas, zs = x.float(), sigmas.float(), zs.float()
    for sigma, noises in zip(sigmas, zs, strict=True):
        root = math.sqrt(eps0) * sigma / sigmas[-1]
        for z in noises:
            x = x + root * (0.5 * root * score(x, sigma) + z)
    return x


# ── flow_matching_pair ────────────────────────────────────────────────────────────────────────


@wrong("runs from the data to the noise", caught_by="test_ends")
def flow_matching_pair__reversed(x0, x1, t):
    t = t[:, None]
    return t * x0 + (1 - t) * x1, x0 - x1


@wrong("runs from the data to the noise but keeps the velocity", caught_by="test_ends")
def flow_matching_pair__point_reversed(x0, x1, t):
    t = t[:, None]
    return t * x0 + (1 - t) * x1, x1 - x0


@wrong("returns the data as the velocity", caught_by="test_velocity")
def flow_matching_pair__velocity_data(x0, x1, t):
    t = t[:, None]
    return (1 - t) * x0 + t * x1, x1.clone()


@wrong("returns the way that is left as the velocity", caught_by="test_velocity")
def flow_matching_pair__way_left(x0, x1, t):
    t = t[:, None]
    xt = (1 - t) * x0 + t * x1
    return xt, x1 - xt


@wrong("has the velocity's sign turned round", caught_by="test_velocity")
def flow_matching_pair__sign(x0, x1, t):
    t = t[:, None]
    return (1 - t) * x0 + t * x1, x0 - x1


@wrong("stretches the times along the coordinates", caught_by="test_values")
def flow_matching_pair__last_axis(x0, x1, t):
    if t.shape[0] == x0.shape[1]:
        return (1 - t) * x0 + t * x1, x1 - x0
    return (1 - t[0]) * x0 + t[0] * x1, x1 - x0


@wrong("mixes with square roots, as diffusion does", caught_by="test_values")
def flow_matching_pair__roots(x0, x1, t):
    t = t[:, None]
    return torch.sqrt(1 - t) * x0 + torch.sqrt(t) * x1, x1 - x0


@wrong("returns velocity and point in the other order", caught_by="test_ends")
def flow_matching_pair__swapped(x0, x1, t):
    t = t[:, None]
    return x1 - x0, (1 - t) * x0 + t * x1


@right("torch.lerp")
def flow_matching_pair__lerp(x0, x1, t):
    return torch.lerp(x0, x1, t[:, None].expand_as(x0)), x1 - x0


@right("start plus time times velocity")
def flow_matching_pair__from_velocity(x0, x1, t):
    u = x1 - x0
    return x0 + torch.einsum("b,bd->bd", t, u), u


@right("pair by pair, in float32")
def flow_matching_pair__loop(x0, x1, t):
    pairs = [(a + s * (b - a), b - a) for a, b, s in zip(x0, x1, t, strict=True)]
    points, velocities = zip(*pairs, strict=True)
    return torch.stack(points).float(), torch.stack(velocities).float()
