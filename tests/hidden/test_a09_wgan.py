"""Hidden tests of chapter 9: Wasserstein GANs."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from scipy.optimize import linear_sum_assignment
from torch import nn

from autograder.testing import assert_close, assert_pure


def rand(*shape, low=-2.0, high=2.0, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def weighted_gradients(output, *inputs):
    """Gradients of a scalar times 3, so that a lost factor shows."""
    return torch.autograd.grad(3 * output, inputs)


def filled(module, seed=5, low=-1.0, high=1.0):
    """The module in float64, its parameters drawn from a generator of their own."""
    module = module.double()
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            parameter.copy_(rand(*parameter.shape, low=low, high=high, seed=seed + 7 * number))
    return module


def mlp(width, hidden=6, seed=5):
    """A critic with one hidden layer; it takes samples of any shape and returns (B, 1)."""
    layers = [nn.Flatten(), nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, 1)]
    return filled(nn.Sequential(*layers), seed=seed)


def mlp_slope(critic, x):
    """The gradient of `mlp` in x (B, ...) by the chain rule, written out: (B, width)."""
    first, last = critic[1], critic[3]
    inner = torch.tanh(x.flatten(1) @ first.weight.T + first.bias)
    return ((1 - inner**2) * last.weight) @ first.weight


def slope_by_differences(critic, x, h=1e-5):
    """The gradient of a critic in x (B, D) by central differences: (B, D)."""
    columns = []
    with torch.no_grad():
        for j in range(x.shape[1]):
            step = torch.zeros_like(x)
            step[:, j] = h
            columns.append((critic(x + step) - critic(x - step)).reshape(-1) / (2 * h))
    return torch.stack(columns, dim=1)


def mix(xr, xf, alpha):
    """The interpolates, sample by sample."""
    return torch.stack(
        [a * r + (1 - a) * f for r, f, a in zip(xr, xf, alpha.tolist(), strict=True)]
    )


class Test_parallel_lines:
    @pytest.mark.hint("Where one segment has density the other has none. How far is the carrying?")
    def test_apart(self, answer):
        """For segments that are apart, on either side, JS and W1 have the values derived."""
        for theta in (0.5, -2.0, 3.0):
            found = answer(theta)
            # All of p's mass in one cell, all of q's in the other: the definitions on two cells.
            p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
            js = 0.5 * stats.entropy(p, (p + q) / 2) + 0.5 * stats.entropy(q, (p + q) / 2)
            u = np.linspace(0, 1, 12)
            costs = np.hypot(theta, u[:, None] - u[None, :])
            w1 = costs[linear_sum_assignment(costs)].mean()
            assert_close([found["js"], found["w1"]], [js, w1])

    @pytest.mark.hint("KL(p || q) averages log p - log q under p. What is q where p lives?")
    def test_kl(self, answer):
        """KL is infinite for segments that are apart, however near, and zero for equal ones."""
        for theta in (0.5, -0.5, 1e-3):
            assert answer(theta)["kl"] == math.inf
        assert_close(answer(0.0)["kl"], 0.0)

    @pytest.mark.hint("Only at theta = 0 are the two distributions equal; nothing else is special.")
    def test_jump(self, answer):
        """JS does not fade as the segments approach: it falls to zero only when they meet."""
        near, meeting, far = answer(1e-6), answer(0.0), answer(40.0)
        assert_close([near["js"], meeting["js"]], [far["js"], 0.0])
        assert_close([meeting["w1"], far["w1"]], [0.0, 40.0])
        assert far["js"] > 0.5

    @pytest.mark.hint("Compare how each of the two changes when theta changes a little.")
    def test_slope(self, answer):
        """A small step changes W1 by its own length, downhill towards zero, and JS not at all."""
        for theta, slope in ((0.7, 1.0), (-1.3, -1.0)):
            before, after = answer(theta), answer(theta + 0.01)
            assert_close((after["w1"] - before["w1"]) / 0.01, slope)
            assert_close(after["js"], before["js"])


class Test_w1_1d:
    @pytest.mark.hint("Give each x the weight 1/n and each y the weight 1/m.")
    def test_unequal_sizes(self, answer):
        """Two samples of different sizes have the distance that an independent library finds."""
        rng = np.random.default_rng(5)
        x, y = rng.normal(size=7), 2 * rng.normal(size=4) + 0.5
        assert_close(assert_pure(answer, x, y), stats.wasserstein_distance(x, y))
        x, y = rng.normal(size=9), rng.uniform(-3, 3, size=12)
        assert_close(answer(x, y), stats.wasserstein_distance(x, y))

    @pytest.mark.hint("Work with the points themselves: a grid has a width of its own.")
    def test_wide_range(self, answer):
        """Small distances count exactly beside large ones."""
        x, y = np.array([0.0, 0.5, 1e6]), np.array([0.25, 0.75, 1e6 - 0.125])
        assert_close(answer(x, y), 0.625 / 3)

    @pytest.mark.hint("Which pairing of the points moves them the least distance in all?")
    def test_best_pairing(self, answer):
        """For samples of equal size it is the mean distance of the best of all pairings."""
        rng = np.random.default_rng(6)
        x, y = rng.normal(size=5), rng.uniform(-3, 4, size=5)
        means = [np.abs(x - y[list(order)]).mean() for order in itertools.permutations(range(5), 5)]
        assert_close(answer(x, y), min(means))

    @pytest.mark.hint("Moving everything by s costs |s| a unit of mass, and no plan is cheaper.")
    def test_shift(self, answer):
        """A sample and its copy, moved by some length and shuffled, are that length apart."""
        rng = np.random.default_rng(7)
        x = 4 * rng.normal(size=11)
        assert_close(answer(x, rng.permutation(x) + 3.0), 3.0)
        assert_close(answer(x, rng.permutation(x) - 0.25), 0.25)

    @pytest.mark.hint("With a single target point there is only one plan.")
    def test_single_point(self, answer):
        """Against a single point it is the mean distance to that point."""
        x = np.array([3.0, -1.0, 0.5, 8.0])
        assert_close(answer(x, np.array([1.0])), (2 + 2 + 0.5 + 7) / 4)
        assert_close(answer(np.array([-2.0]), np.array([5.0])), 7.0)

    @pytest.mark.hint("Two points in one place are twice the mass, and mass is what is moved.")
    def test_repeated_points(self, answer):
        """Repeated points count as often as they stand there."""
        x, y = np.array([4.0, 0.0, 0.0, 0.0]), np.array([4.0, 0.0])
        assert_close(answer(x, y), 1.0)
        assert_close(answer(np.array([1.0, 1.0, 6.0]), np.array([6.0, 1.0, 6.0, 6.0])), 25 / 12)

    @pytest.mark.hint("A distance has no direction; stretching the line stretches it alike.")
    def test_symmetric(self, answer):
        """It is the same in both directions, and it scales with the unit of length."""
        rng = np.random.default_rng(8)
        x, y = rng.normal(size=6), rng.exponential(size=9)
        # Cut both samples into 18 equal masses; in one dimension they pair in order.
        cut = np.abs(np.repeat(np.sort(x), 3) - np.repeat(np.sort(y), 2)).mean()
        assert_close([answer(x, y), answer(y, x), answer(-10 * x, -10 * y)], [cut, cut, 10 * cut])


class Test_critic_loss:
    @pytest.mark.hint("Average each group on its own; mind which of the two the critic pushes up.")
    def test_value(self, answer):
        """It is the value by the formula for two groups of different sizes."""
        real, fake = rand(5, low=-1, high=4), rand(7, low=-3, high=2, seed=6)
        expected = sum(fake.tolist()) / 7 - sum(real.tolist()) / 5
        assert_close(assert_pure(answer, real, fake), expected)

    @pytest.mark.hint("Minimising must raise the scores of real samples and lower those of fakes.")
    def test_gradient(self, answer):
        """Every score gets its share of the mean, fakes downwards and real ones upwards."""
        real, fake = rand(4).requires_grad_(), rand(9, seed=6).requires_grad_()
        g_real, g_fake = weighted_gradients(answer(real, fake), real, fake)
        assert_close(g_real, torch.full((4,), -3 / 4, dtype=torch.float64))
        assert_close(g_fake, torch.full((9,), 3 / 9, dtype=torch.float64))

    @pytest.mark.hint("Scores are lengths of a sort, not logits: nothing squashes or clips them.")
    def test_unbounded(self, answer):
        """Very large scores count in full, and the loss takes either sign."""
        real, fake = torch.tensor([900.0, -100.0, 400.0]), torch.tensor([-900.0, 100.0])
        assert_close(answer(real.double(), fake.double()), -800.0)
        assert_close(answer(fake.double(), real.double()), 800.0)

    @pytest.mark.hint("The scores of a network often come as a column: average over all of them.")
    def test_columns(self, answer):
        """Scores that come as columns give the same."""
        real, fake = rand(6, 1, low=0, high=5), rand(3, 1, seed=6)
        assert_close(answer(real, fake), np.mean(fake.numpy()) - np.mean(real.numpy()))


def clippable(seed=5):
    """A nested network whose parameters lie inside and outside the limits, gradients pre-loaded."""
    inner = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    network = filled(nn.Sequential(nn.Conv1d(2, 2, 1), nn.Flatten(), inner, nn.Linear(3, 1)), seed)
    with torch.no_grad():
        inner[1].running_mean.copy_(torch.tensor([3.0, -2.0, 0.01]))
        inner[1].bias.copy_(torch.tensor([0.01, -0.03, 0.02]))
    for number, parameter in enumerate(network.parameters()):
        parameter.grad = rand(*parameter.shape, low=-5, high=5, seed=90 + number)
    inner[1].bias.grad *= 0.008
    return network


def freeze(module):
    """Freeze the first parameter of a module, and one more if it has many; return the module."""
    for parameter in list(module.parameters())[::3]:
        parameter.requires_grad_(False)
        parameter.grad = None
    return module


class Test_clip_weights:
    @pytest.mark.hint("Each entry on its own: outside to the nearer end, inside untouched.")
    def test_entries(self, answer):
        """Entries outside the interval move to its nearer end, all others stay."""
        layer = nn.Linear(3, 2).double()
        weight = torch.tensor([[0.3, -0.3, 0.05], [-0.02, 4.0, 0.0]], dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(torch.tensor([-7.0, 0.1], dtype=torch.float64))
        answer(layer, 0.2)
        assert_close(layer.weight, [[0.2, -0.2, 0.05], [-0.02, 0.2, 0.0]])
        assert_close(layer.bias, [-0.2, 0.1])

    @pytest.mark.hint("Ask the module for all its parameters; it knows those of its parts.")
    def test_every_parameter(self, answer):
        """Weights and biases of every layer, nested ones too, are clipped."""
        network = clippable()
        network.append(nn.PReLU(2, init=3.0).double())
        network.append(nn.Module())
        network[-1].gains = nn.ParameterList([torch.tensor([-2.0, 0.1]).double()])
        expected = [np.clip(p.detach().numpy(), -0.4, 0.4) for p in network.parameters()]
        answer(network, 0.4)
        assert_close([p.detach() for p in network.parameters()], expected)

    @pytest.mark.hint("A parameter that is not trained now is a parameter still.")
    def test_frozen(self, answer):
        """Frozen parameters, and those without a gradient, are clipped too, and stay frozen."""
        network = freeze(clippable(seed=23))
        flags = [p.requires_grad for p in network.parameters()]
        expected = [np.clip(p.detach().numpy(), -0.3, 0.3) for p in network.parameters()]
        answer(network, 0.3)
        assert not answer.changed_arguments, "something other than an entry was changed"
        assert_close([p.detach() for p in network.parameters()], expected)
        assert [p.requires_grad for p in network.parameters()] == flags

    @pytest.mark.hint("Change the values of the tensors that are there; do not make new ones.")
    def test_training_goes_on(self, answer):
        """Whoever held the parameters before the clipping goes on with the clipped values."""
        network = clippable(seed=11)
        held = list(network.parameters())
        steps = [0.1 * p.grad.clone() for p in held]
        expected = [
            np.clip(p.detach().numpy(), -0.25, 0.25) - step.numpy()
            for p, step in zip(held, steps, strict=True)
        ]
        answer(network, 0.25)
        assert all(p.requires_grad and p.is_leaf for p in held)
        with torch.no_grad():
            for p, step in zip(held, steps, strict=True):
                p -= step
        assert_close([p.detach() for p in network.parameters()], expected)

    @pytest.mark.hint("Only parameters are clipped: no gradients, no running statistics.")
    def test_nothing_else(self, answer):
        """Gradients and running statistics stay as they were."""
        network = clippable(seed=17)
        gradients = [p.grad.numpy().copy() for p in network.parameters()]
        answer(network, 0.05)
        assert not answer.changed_arguments, "something other than a parameter was changed"
        assert_close([p.grad for p in network.parameters()], gradients)
        assert_close(max(p.abs().max().item() for p in network.parameters()), 0.05)

    @pytest.mark.hint("The limit is an argument; it may be larger than 1.")
    def test_limits(self, answer):
        """A wide limit changes nothing, and each tighter one clips what is still outside."""
        network = filled(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 2)))
        network.append(nn.Linear(2, 2).double())
        with torch.no_grad():
            network[3].weight.zero_()
            network[3].bias.zero_()
            network[0].bias.copy_(torch.tensor([1.5, -1.5, 1.5]))
            network[1].bias.copy_(torch.tensor([6.0, 0.1, -0.2]))
            network[2].bias.copy_(torch.tensor([0.004, -0.003]))
        start = [p.detach().numpy().copy() for p in network.parameters()]
        found = []
        for limit in (50.0, 2.0, 0.5):
            answer(network, limit)
            found.append([p.detach().numpy().copy() for p in network.parameters()])
        assert_close(found, [[np.clip(p, -c, c) for p in start] for c in (50.0, 2.0, 0.5)])


class Test_lipschitz_lower_bound:
    @pytest.mark.hint("One gradient a sample, its 2-norm, then the largest of the norms.")
    def test_curved(self, answer):
        """For a critic whose gradient is known, it is the largest of the gradients' lengths."""
        A = torch.tensor([[2.0, 0.5, 0.0], [0.5, -1.0, 0.3], [0.0, 0.3, 0.4]]).double()
        x = rand(6, 3)
        expected = max(np.linalg.norm(A.numpy() @ row) for row in x.numpy())
        assert_close(assert_pure(answer, lambda x: 0.5 * ((x @ A) * x).sum(dim=1), x), expected)

    @pytest.mark.hint("A sample may be an image: its norm runs over all of its entries.")
    def test_images(self, answer):
        """For a network on images it is the largest norm over all entries of an image."""
        critic, x = mlp(18), rand(4, 2, 3, 3, low=-0.5, high=0.5)
        with torch.no_grad():
            expected = np.linalg.norm(mlp_slope(critic, x).numpy(), axis=1).max()
        assert_close(answer(critic, x), expected)

    @pytest.mark.hint("The size of the batch plays no part in how steep the critic is.")
    def test_scaled_critic(self, answer):
        """A linear critic is as steep as its weight is long; ten times the critic, ten times."""
        x = rand(5, 3)
        for factor in (1.0, 10.0, -10.0):
            w = factor * torch.tensor([[0.1], [-0.2], [0.2]], dtype=torch.float64)
            assert_close(answer(lambda x, w=w: x @ w + 7.0, x), 0.3 * abs(factor))

    @pytest.mark.hint("Differentiate the score in the input, not in the parameters.")
    def test_finite_differences(self, answer):
        """It agrees with differences of the scores, and stays below the product of the norms."""
        critic, x = mlp(3, seed=8), rand(7, 3)
        found = answer(critic, x)
        assert_close(found, slope_by_differences(critic, x).norm(dim=1).max())
        layers = [critic[1].weight.detach().numpy(), critic[3].weight.detach().numpy()]
        assert found < math.prod(np.linalg.norm(layer, 2) for layer in layers)

    @pytest.mark.hint("A reading must not disturb a training: work on a copy, leave no gradients.")
    def test_side_effects(self, answer):
        """The reading leaves the points, the parameters and their gradients alone."""
        critic, x = mlp(2, seed=9), rand(5, 2)
        for number, parameter in enumerate(critic.parameters()):
            parameter.grad = rand(*parameter.shape, seed=40 + number)
        freeze(critic)
        with torch.no_grad():
            expected = np.linalg.norm(mlp_slope(critic, x).numpy(), axis=1).max()
        assert_close(assert_pure(answer, critic, x), expected)


class Test_interpolate:
    @pytest.mark.hint("Each sample has an alpha of its own, which weighs the real one.")
    def test_vectors(self, answer):
        """Each interpolate is the weighted mean of its own pair, with its own weight."""
        xr, xf, alpha = rand(5, 3), rand(5, 3, seed=6), rand(5, low=0, high=1)
        assert_close(assert_pure(answer, xr, xf, alpha), mix(xr, xf, alpha))

    @pytest.mark.hint("Give alpha as many dimensions of size 1 as a sample has dimensions.")
    def test_images(self, answer):
        """Images are mixed as wholes, whatever their shape."""
        alpha = rand(4, low=0, high=1)
        for shape in ((4, 2, 3, 4), (4, 4, 4, 4), (4, 1, 1, 1), (4, 5, 4)):
            xr, xf = rand(*shape, seed=7), rand(*shape, seed=8)
            assert_close(answer(xr, xf, alpha), mix(xr, xf, alpha))

    @pytest.mark.hint("Which alpha belongs to which sample? Try as many samples as coordinates.")
    def test_square_batch(self, answer):
        """With as many samples as coordinates the weights still belong to the samples."""
        xr, xf, alpha = rand(4, 4), rand(4, 4, seed=6), torch.tensor([0.0, 1.0, 0.25, 0.5]).double()
        assert_close(answer(xr, xf, alpha), mix(xr, xf, alpha))

    @pytest.mark.hint("Try alpha = 0 and alpha = 1, and a real sample equal to its partner.")
    def test_ends(self, answer):
        """Weight one gives the real sample, weight zero the fake, and equal partners stay."""
        xr, xf = rand(3, 2), rand(3, 2, low=5, high=9, seed=6)
        assert_close(answer(xr, xf, torch.ones(3).double()), xr)
        assert_close(answer(xr, xf, torch.zeros(3).double()), xf)
        assert_close(answer(xf, xf, rand(3, low=0, high=1)), xf)


class Test_gradient_penalty:
    @pytest.mark.hint("Interpolate, differentiate each score in its own input, 2-norm, minus 1.")
    def test_finite_differences(self, answer):
        """The penalty of a network agrees with one from finite differences of its scores."""
        critic = mlp(3)
        xr, xf, alpha = rand(5, 3), rand(5, 3, seed=6), rand(5, low=0, high=1)
        norms = slope_by_differences(critic, mix(xr, xf, alpha)).norm(dim=1)
        assert norms.min() < 1 < norms.max()
        assert_close(assert_pure(answer, critic, xr, xf, alpha), ((norms - 1) ** 2).mean())

    @pytest.mark.hint("A sample may be an image: its norm runs over all of its entries.")
    def test_images(self, answer):
        """For images the norm of each gradient is over channels and pixels together."""
        critic, alpha = mlp(18, seed=6), rand(4, low=0, high=1)
        xr, xf = rand(4, 2, 3, 3), rand(4, 2, 3, 3, seed=6)
        with torch.no_grad():
            norms = mlp_slope(critic, mix(xr, xf, alpha)).norm(dim=1)
        assert_close(answer(critic, xr, xf, alpha), ((norms - 1) ** 2).mean())

    @pytest.mark.hint("What is the gradient of a linear critic, and by how much is it off 1?")
    def test_linear(self, answer):
        """A linear critic pays for the distance of its length from one, on either side."""
        xr, xf, alpha = rand(6, 2), rand(6, 2, seed=6), rand(6, low=0, high=1)
        for length, penalty in ((2.0, 1.0), (1.0, 0.0), (0.25, 0.5625)):
            w = length * torch.tensor([[0.6], [-0.8]], dtype=torch.float64)
            assert_close(answer(lambda x, w=w: x @ w + 3, xr, xf, alpha), penalty)

    @pytest.mark.hint("The penalty must train the critic: its graph has to be kept.")
    def test_parameter_gradient(self, answer):
        """The gradients of the penalty in the critic's parameters are exact."""
        critic = mlp(3, hidden=4, seed=7)
        xr, xf, alpha = rand(5, 3), rand(5, 3, seed=6), rand(5, low=0, high=1)
        wanted = [critic[1].weight, critic[1].bias, critic[3].weight]
        norms = mlp_slope(critic, mix(xr, xf, alpha)).norm(dim=1)
        expected = weighted_gradients(((norms - 1) ** 2).mean(), *wanted)
        found = weighted_gradients(answer(critic, xr, xf, alpha), *wanted)
        assert_close(found, expected)

    @pytest.mark.hint("A root has no derivative at 0: what does yours make of a slope of 0?")
    def test_flat_critic(self, answer):
        """Where the critic is flat the penalty is 1, and its gradient stays finite."""
        w = torch.tensor([0.6, -0.8], dtype=torch.float64, requires_grad=True)
        xr = torch.tensor([[3.0, 0.0], [-1.0, 5.0], [-2.0, 0.0]], dtype=torch.float64)
        alpha = torch.ones(3, dtype=torch.float64)
        # Flat on the left: of the three samples the first alone has a slope, twice w.
        penalty = answer(lambda x: 2 * (x @ w) * (x[:, 0] > 0), xr, -xr, alpha)
        (gradient,) = torch.autograd.grad(penalty, w)
        assert_close(penalty.detach(), 1.0)
        assert_close(gradient, [0.8, -3.2 / 3])

    @pytest.mark.hint("At which points are the gradients taken, and which alpha belongs to which?")
    def test_points(self, answer):
        """Gradients are taken at the interpolates with the given weights, and nowhere else."""
        xr, xf = rand(4, 4), rand(4, 4, low=1, high=3, seed=6)
        half = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        for alpha in ([0.0, 1.0, 0.3, 0.8], [1.0, 1.0, 0.0, 1.0]):
            weights = torch.tensor(alpha, dtype=torch.float64)
            norms = np.linalg.norm(mix(xr, xf, weights).numpy(), axis=1)
            found = answer(lambda x: half * (x**2).sum(dim=1), xr, xf, weights)
            assert_close(found.detach(), ((norms - 1) ** 2).mean())

    @pytest.mark.hint("Ask for the gradient in the input alone: others must not be filled.")
    def test_side_effects(self, answer):
        """Samples, parameters and the gradients stored there stay as they were."""
        critic = mlp(2, seed=8)
        xr, xf, alpha = rand(5, 2), rand(5, 2, seed=6), rand(5, low=0, high=1)
        for number, parameter in enumerate(critic.parameters()):
            parameter.grad = rand(*parameter.shape, seed=40 + number)
        freeze(critic)
        with torch.no_grad():
            norms = mlp_slope(critic, mix(xr, xf, alpha)).norm(dim=1)
        assert_close(assert_pure(answer, critic, xr, xf, alpha), ((norms - 1) ** 2).mean())


def masses(n, seed):
    weights = np.random.default_rng(seed).uniform(0.2, 1, size=n)
    return weights / weights.sum()


def assert_plan(plan, a, b, costs, value):
    assert plan.min() > -1e-7
    assert_close(plan.sum(axis=1), a)
    assert_close(plan.sum(axis=0), b)
    assert_close((plan * costs).sum(), value)


class Test_ot_lp:
    @pytest.mark.hint("With equal masses on both sides the best plan is a best pairing.")
    def test_assignment(self, answer):
        """With equal masses the price is that of the best pairing, and the plan is that pairing."""
        costs = np.random.default_rng(5).uniform(size=(5, 5))
        pairs = linear_sum_assignment(costs)
        value, plan = answer(np.full(5, 0.2), np.full(5, 0.2), costs)
        assert_close(value, costs[pairs].mean())
        expected = np.zeros((5, 5))
        expected[pairs] = 0.2
        assert_close(plan, expected)

    @pytest.mark.hint("What leaves place i is a_i, what arrives at place j is b_j.")
    def test_plan(self, answer):
        """The plan has the two marginals, no negative entry, and the price that is returned."""
        a, b = masses(4, 6), masses(3, 7)
        costs = np.random.default_rng(8).uniform(0.5, 2, size=(4, 3))
        value, plan = assert_pure(answer, a, b, costs)
        assert_plan(plan, a, b, costs, value)
        assert value < (np.outer(a, b) * costs).sum() - 1e-3

    @pytest.mark.hint("Prices that are distances on a line give the W1 of section 9.2.")
    def test_line(self, answer):
        """For distances on a line the price is W1, as an independent library computes it."""
        rng = np.random.default_rng(9)
        x, y, a, b = rng.normal(size=5), rng.normal(size=7), masses(5, 10), masses(7, 11)
        value, _ = answer(a, b, np.abs(x[:, None] - y[None, :]))
        assert_close(value, stats.wasserstein_distance(x, y, a, b))

    @pytest.mark.hint("With two places on each side one number decides the whole plan.")
    def test_two_by_two(self, answer):
        """With two places on each side the plan is the better of the two extreme ones."""
        a, b = np.array([0.7, 0.3]), np.array([0.4, 0.6])
        for costs in (np.array([[1.0, 3.0], [2.0, 0.5]]), np.array([[3.0, 1.0], [0.5, 2.0]])):
            plans = [np.array([[s, 0.7 - s], [0.4 - s, s - 0.1]]) for s in (0.1, 0.4)]
            best = min(plans, key=lambda plan: (plan * costs).sum())
            value, plan = answer(a, b, costs)
            assert_close(value, (best * costs).sum())
            assert_close(plan, best)

    @pytest.mark.hint("A place may be empty, and one side may have a single place.")
    def test_edge_cases(self, answer):
        """An empty place sends nothing; a single source sends to every place its mass."""
        a, b = np.array([0.6, 0.0, 0.4]), np.array([0.5, 0.5])
        costs = np.array([[1.0, 2.0], [0.0, 0.0], [4.0, 1.0]])
        value, plan = answer(a, b, costs)
        assert_close(value, 0.5 * 1 + 0.1 * 2 + 0.4 * 1)
        assert_plan(plan, a, b, costs, value)
        value, plan = answer(np.ones(1), np.array([0.2, 0.5, 0.3]), np.array([[5.0, 1.0, 2.0]]))
        assert_close(value, 2.1)
        assert_close(plan, [[0.2, 0.5, 0.3]])


def assert_optimal(f, x, y, t):
    """f at t = (x, y, others): 1-Lipschitz at these points, and its gap is W1."""
    order = np.argsort(t, kind="stable")
    rises, steps = np.abs(np.diff(f[order])), np.diff(t[order])
    assert (rises <= steps * (1 + 1e-4) + 1e-5).all(), "somewhere steeper than 1"
    gap = f[: len(x)].mean() - f[len(x) : len(x) + len(y)].mean()
    assert_close(gap, stats.wasserstein_distance(x, y))


class Test_kr_optimal_critic_1d:
    @pytest.mark.hint("Between two neighbouring data points: which sample has more mass below?")
    def test_attains_w1(self, answer):
        """The gap of its means is W1, for samples that lie across each other."""
        x, y = np.array([-3.0, 2.5, 0.2, 4.0]), np.array([1.0, -0.5, 0.9, 1.8])
        assert_optimal(assert_pure(answer, x, y, np.concatenate([x, y])), x, y, np.r_[x, y])

    @pytest.mark.hint("It falls where mass has to be carried to the right.")
    def test_shifted(self, answer):
        """For a sample and its shifted copy it is a line of slope one that falls that way."""
        x = np.array([0.4, 3.1, 1.0, 2.3, 1.9])
        t = np.array([3.0, 0.5, 2.2, 1.6])
        for shift in (2.0, -2.0):
            inside = t + max(shift, 0) / 2 + min(shift, 0) / 2
            f = answer(x, x + shift, inside)
            assert_close(f - f[0], -np.sign(shift) * (inside - inside[0]))

    @pytest.mark.hint("Follow the slope from one data point to the next; it bends only there.")
    def test_lipschitz(self, answer):
        """It is nowhere steeper than one, between the data and outside them too."""
        rng = np.random.default_rng(5)
        x, y = rng.normal(size=7), 2.5 * rng.normal(size=7) + 0.3
        t = np.concatenate([x, y, rng.uniform(-9, 9, size=60)])
        assert_optimal(answer(x, y, t), x, y, t)

    @pytest.mark.hint("Each x weighs 1/n, each y weighs 1/m.")
    def test_unequal_sizes(self, answer):
        """It attains W1 for samples of different sizes with repeated points."""
        x, y = np.array([2.0, 2.0, -1.0, 5.0, 0.3]), np.array([1.0, 2.0, 3.3])
        t = np.concatenate([x, y, [0.0, 4.0, -2.0, 6.0]])
        assert_optimal(answer(x, y, t), x, y, t)

    @pytest.mark.hint("The value at a point of t depends on the data, not on the other points.")
    def test_order_of_t(self, answer):
        """The points may come in any order and number; only a constant may differ."""
        x, y = np.array([-3.0, 2.5, 0.2, 4.0, 3.1]), np.array([1.0, -0.5, 0.9, 1.8])
        t = np.concatenate([x, y])
        whole, turned = answer(x, y, t), answer(x, y, t[::-1].copy())[::-1]
        assert_optimal(turned, x, y, t)
        assert_close(turned - turned[0], whole - whole[0])
        ends = [t.argmin(), t.argmax()]
        few = answer(x, y, t[ends])
        assert_close(few[1] - few[0], whole[ends[1]] - whole[ends[0]])


def with_singular_values(values, rows, columns, seed=5):
    """A matrix (rows, columns) with these singular values, and its left singular vectors."""
    left, _ = torch.linalg.qr(rand(rows, len(values), seed=seed))
    right, _ = torch.linalg.qr(rand(columns, len(values), seed=seed + 1))
    return (left * torch.tensor(values, dtype=torch.float64)) @ right.T, left


class Test_spectral_norm:
    @pytest.mark.hint("Both half steps end with a normalisation; the last line measures u^T W v.")
    def test_few_steps(self, answer):
        """After one, two and three steps the value is exactly that of the iteration."""
        W, u = rand(4, 3), rand(4, seed=6)
        gram = W.T @ W
        for n in (1, 2, 3):
            v = torch.linalg.matrix_power(gram, n - 1) @ W.T @ u
            assert_close(answer(W, n, u), torch.linalg.norm(W @ v) / torch.linalg.norm(v))

    @pytest.mark.hint("Many steps must reach the largest singular value, for any shape.")
    def test_converges(self, answer):
        """After many steps it is the largest singular value, for tall and for wide matrices."""
        for rows, columns in ((5, 3), (3, 6)):
            W, _ = with_singular_values([2.5, 1.5, 0.2], rows, columns)
            assert_close(answer(W, 60, rand(rows, seed=8)), 2.5)

    @pytest.mark.hint("Singular values are not eigenvalues: both W and its transpose act.")
    def test_not_eigenvalues(self, answer):
        """A square matrix that is far from symmetric gets its singular value too."""
        W = torch.tensor([[0.0, 5.0, 0.0], [0.0, 0.0, 1.0], [0.001, 0.0, 0.0]]).double()
        assert_close(answer(W, 30, torch.tensor([1.0, 1.0, 1.0]).double()), 5.0)
        turn = torch.tensor([[0.0, -3.0], [3.0, 0.0]], dtype=torch.float64)
        assert_close(answer(turn, 3, torch.tensor([0.2, 1.0]).double()), 3.0)

    @pytest.mark.hint("The length of u plays no part, and more steps never give less.")
    def test_from_below(self, answer):
        """It grows with the steps, stays below the norm, and does not see how long u is."""
        W, left = with_singular_values([3.0, 2.0, 1.0], 4, 5)
        u = left @ torch.tensor([0.1, 1.0, 1.0], dtype=torch.float64)
        values = [float(assert_pure(answer, W, n, u)) for n in (1, 3, 6)]
        # One step from u with the weights c_i gives the squared value sum s^4 c^2 / sum s^2 c^2.
        first = math.sqrt((0.01 * 81 + 16 + 1) / (0.01 * 9 + 4 + 1))
        assert_close(values[0], first)
        assert values[0] < values[1] < values[2] <= 3.0 + 1e-5
        assert_close(answer(W, 3, 1000 * u), values[1])


def covariance_matrix(D, seed):
    A = np.random.default_rng(seed).normal(size=(D, D))
    return A @ A.T + 0.1 * np.eye(D)


class Test_w2_gaussians_sq:
    @pytest.mark.hint("In one dimension it is (m1 - m2)^2 + (sigma1 - sigma2)^2. Add coordinates.")
    def test_diagonal(self, answer):
        """For independent coordinates the squared differences of means and of deviations add."""
        s1, s2 = np.array([1.0, 0.5, 3.0]), np.array([2.0, 0.1, 2.5])
        m1, m2 = np.array([0.3, -1.0, 2.0]), np.array([1.0, 1.0, -1.5])
        expected = ((m1 - m2) ** 2).sum() + ((s1 - s2) ** 2).sum()
        assert_close(assert_pure(answer, m1, np.diag(s1**2), m2, np.diag(s2**2)), expected)

    @pytest.mark.hint("The two roots do not commute in general; the middle root is of a product.")
    def test_optimal_map(self, answer):
        """It is what the optimal linear map between the two Gaussians costs."""
        S1, A = covariance_matrix(3, 5), covariance_matrix(3, 6) / 3
        m1, m2 = np.array([1.0, 0.0, -2.0]), np.array([0.5, 1.0, -2.5])
        rest = np.eye(3) - A  # a symmetric positive A moves N(0, S1) to N(0, A S1 A) optimally
        expected = ((m1 - m2) ** 2).sum() + np.trace(rest @ S1 @ rest)
        assert_close(answer(m1, S1, m2, A @ S1 @ A), expected)

    @pytest.mark.hint("Compare your matrix root, times itself, with the matrix.")
    def test_matrix_root(self, answer):
        """It agrees with a library's matrix roots, in both directions."""
        S1, S2 = covariance_matrix(4, 7), covariance_matrix(4, 8)
        m1, m2 = np.arange(4.0), np.array([2.0, 1.0, 0.0, 3.5])
        root = linalg.sqrtm(S1)
        overlap = np.trace(linalg.sqrtm(root @ S2 @ root)).real
        expected = ((m1 - m2) ** 2).sum() + np.trace(S1 + S2) - 2 * overlap
        assert_close([answer(m1, S1, m2, S2), answer(m2, S2, m1, S1)], [expected, expected])

    @pytest.mark.hint("An eigenvalue 0 may come out slightly negative by rounding.")
    def test_singular(self, answer):
        """Gaussians that live on lines are compared too."""
        a, b = np.array([1.0, 2.0, 2.0]), np.array([3.0, 0.0, 4.0])
        S1, S2, zero = np.outer(a, a), np.outer(b, b), np.zeros(3)
        assert_close(answer(zero, S1, zero + 1, S2), 3 + 9 + 25 - 2 * 11)
        assert_close(answer(zero, S1, zero, np.zeros((3, 3))), 9.0)
