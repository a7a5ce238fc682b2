"""Hidden tests of chapter 6: normalising flows."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.linalg import expm
from torch.autograd.functional import jacobian

from autograder.testing import assert_close, assert_pure

LOG_2PI = math.log(2 * math.pi)


def rand(*shape, low=-2.0, high=2.0, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def leaf(value):
    return value.clone().requires_grad_()


def weighted(output):
    """The sum of `output`, weighted unequally so that mixed-up entries show."""
    weights = torch.arange(1, output.numel() + 1, dtype=output.dtype).reshape(output.shape)
    return (weights * output).sum()


def grads(output, *inputs):
    return torch.autograd.grad(weighted(output), inputs)


def rotation(d, seed=5):
    q, _ = torch.linalg.qr(rand(d, d, seed=seed))
    return q


def matrix(d, sign, seed=5):
    """A matrix that is not symmetric, with a determinant of this sign, far from 0 and 1."""
    m = rand(d, d, low=-1, high=1, seed=seed) + 1.7 * torch.eye(d, dtype=torch.float64)
    if torch.sign(torch.linalg.det(m)) != sign:
        m[0] = -m[0]
    return m


def logdet_by_differences(f, x, step=1e-5):
    """log |det df/dx| of each row of x, by central differences, one coordinate at a time."""
    columns = []
    for j in range(x.shape[1]):
        shift = torch.zeros_like(x)
        shift[:, j] = step
        columns.append((f(x + shift) - f(x - shift)) / (2 * step))
    J = torch.stack(columns, dim=2).detach().numpy()
    return np.linalg.slogdet(J)[1]


def linear(A):
    """The map x -> A x of each row."""
    return lambda x: x @ A.T


def linear_layer(A):
    """The layer z -> A z with its log-det."""
    return lambda z: (z @ A.T, torch.linalg.slogdet(A).logabsdet.expand(z.shape[0]))


def exp_layer():
    """The layer z -> exp(z), coordinate by coordinate, with its log-det."""
    return lambda z: (torch.exp(z), z.sum(dim=1))


def sinh_layer():
    """The layer z -> sinh(z), coordinate by coordinate, with its log-det."""
    return lambda z: (torch.sinh(z), torch.log(torch.cosh(z)).sum(dim=1))


def normal_base():
    return lambda z: -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)


class Test_logdet_jacobian:
    @pytest.mark.hint("One Jacobian for each row, then one log-determinant for each Jacobian.")
    def test_finite_differences(self, answer):
        """For a map that bends space, every row's log-determinant agrees with differences."""
        A, C = matrix(3, -1), rand(3, 3, seed=7)
        x = rand(5, 3, seed=2)
        f = lambda x: x @ A.T + 0.6 * torch.sin(x @ C.T)  # noqa: E731
        assert_close(assert_pure(answer, f, x), logdet_by_differences(f, x))

    @pytest.mark.hint("A determinant may be negative: how much does it then change a volume?")
    def test_negative_determinant(self, answer):
        """A map that mirrors space changes volumes as its unmirrored twin does."""
        x = rand(4, 3, seed=3)
        mirrored = lambda x: -2.0 * torch.sinh(x)  # noqa: E731
        expected = 3 * math.log(2) + torch.log(torch.cosh(x)).sum(dim=1)
        assert_close(answer(mirrored, x), expected)
        swap = tensor([[0, 3], [0.25, 0]])
        assert_close(answer(linear(swap), rand(3, 2)), torch.full((3,), math.log(0.75)))

    @pytest.mark.hint("In 60 dimensions a determinant leaves the range of floats: do not form it.")
    @pytest.mark.parametrize("scale", [1e-8, 1e8])
    def test_tiny_and_huge(self, answer, scale):
        """In 60 dimensions, scales of 1e-8 and 1e8 still give exact, finite values."""
        Q, x = rotation(60), rand(2, 60, low=-1, high=1, seed=6)
        f = lambda x: scale * torch.exp(x) @ Q.T  # noqa: E731
        assert_close(answer(f, x), 60 * math.log(scale) + x.sum(dim=1))

    @pytest.mark.hint("Multiply the two Jacobians on paper: each is taken at its own point.")
    def test_chain_rule(self, answer):
        """The log-determinants of two maps in a row add up, each taken at its own point."""
        A, x = matrix(3, -1, seed=8), rand(5, 3, low=-1, high=1)
        inner = linear(A)
        outer = lambda y: torch.exp(0.5 * y) + 2 * y  # noqa: E731
        middle = inner(x)
        expected = math.log(abs(np.linalg.det(A.numpy()))) + torch.log(
            0.5 * torch.exp(0.5 * middle) + 2
        ).sum(dim=1)
        assert_close(answer(lambda x: outer(inner(x)), x), expected)
        assert_close(answer(inner, x) + answer(outer, middle), expected)

    @pytest.mark.hint("A map and its inverse: what is the product of their Jacobians?")
    def test_inverse(self, answer):
        """The inverse map, at the image, has the opposite value."""
        A, x = matrix(4, 1, seed=9), rand(5, 4)
        back = torch.linalg.inv(A)
        y = torch.sinh(x) @ A.T
        expected = torch.log(torch.cosh(x)).sum(dim=1) + math.log(np.linalg.det(A.numpy()))
        assert_close(answer(lambda x: torch.sinh(x) @ A.T, x), expected)
        assert_close(answer(lambda y: torch.asinh(y @ back.T), y), -expected)

    @pytest.mark.hint("Training differentiates this number: does torch keep the graph of J?")
    def test_gradients(self, answer):
        """Gradients reach the map's parameters and the point, with their exact values."""
        x, c = leaf(rand(5, 3)), leaf(tensor([0.5, -1.5, 2.0]))
        order = [2, 0, 1]
        g_c, g_x = grads(answer(lambda x: torch.exp(c * x)[..., order], x), c, x)
        weights = torch.arange(1.0, 6.0, dtype=torch.float64)[:, None]
        with torch.no_grad():
            assert_close(g_c, (weights * (1 / c + x)).sum(dim=0))
            assert_close(g_x, weights * c)
        net = torch.nn.Linear(3, 3).double()
        with torch.no_grad():
            net.weight.copy_(matrix(3, -1, seed=4))
        (g_weight,) = grads(answer(net, rand(2, 3)), net.weight)
        assert_close(g_weight, 3 * torch.linalg.inv(net.weight.detach()).T)


class Test_affine_flow_logprob:
    @pytest.mark.hint("Which z gave this x? Its density, corrected by what A does to volumes.")
    @pytest.mark.parametrize("sign", [1, -1])
    def test_density(self, answer, sign):
        """The log-density is that of the Gaussian which an affine map makes of N(0, I)."""
        A, b, x = matrix(3, sign), rand(3, seed=6), rand(5, 3, seed=7)
        expected = stats.multivariate_normal(b.numpy(), (A @ A.T).numpy()).logpdf(x.numpy())
        assert_close(assert_pure(answer, x, A, b), expected)

    @pytest.mark.hint("A density integrates to 1 on its own: each term is needed, once.")
    def test_integrates_to_one(self, answer):
        """The density integrates to 1; its mean is b and its covariance A times A transposed."""
        A, b = tensor([[0.4, 0.5], [-0.3, 0.1]]), tensor([0.7, -0.4])
        axis = torch.linspace(-5, 5, 101, dtype=torch.float64)
        x = torch.cartesian_prod(axis, axis)
        mass = answer(x, A, b).exp() * 0.1**2
        assert_close(mass.sum(), 1.0)
        assert_close(mass @ x, b)
        assert_close((mass[:, None] * (x - b)).T @ (x - b), A @ A.T)

    @pytest.mark.hint("The determinant of a large matrix underflows; its logarithm does not.")
    @pytest.mark.parametrize("scale", [1e-9, 1e9])
    def test_tiny_and_huge(self, answer, scale):
        """In 40 dimensions, scales of 1e-9 and 1e9 give exact, finite values."""
        stretch = torch.linspace(0.5, 3, 40, dtype=torch.float64)
        A, b = scale * rotation(40) * stretch, scale * rand(40, seed=6)
        z = rand(3, 40, seed=7)
        log_det = 40 * math.log(scale) + torch.log(stretch).sum()
        expected = -0.5 * (z**2 + LOG_2PI).sum(dim=1) - log_det
        assert_close(answer(z @ A.T + b, A, b), expected)

    @pytest.mark.hint("One dimension, by hand: substitute z = (x - b) / A in the standard normal.")
    def test_one_dimension(self, answer):
        """In one dimension it is the normal with mean b and standard deviation the size of A."""
        x = rand(6, 1)
        for a, b in [(2.5, 0.8), (-0.4, -1.2)]:
            expected = stats.norm.logpdf(x[:, 0].numpy(), b, abs(a))
            assert_close(answer(x, tensor([[a]]), tensor([b])), expected)

    @pytest.mark.hint("Maximum likelihood needs gradients in A and b: stay in torch.")
    def test_gradients(self, answer):
        """The gradients in the matrix, the shift and the sample are those of that Gaussian."""
        A, b, x = leaf(matrix(3, -1, seed=3)), leaf(rand(3, seed=6)), leaf(rand(4, 3, seed=7))
        S = A @ A.T
        quadratic = torch.einsum("bi,ij,bj->b", x - b, torch.linalg.inv(S), x - b)
        expected = grads(-0.5 * (quadratic + torch.logdet(S)), A, b, x)
        assert_close(grads(answer(x, A, b), A, b, x), expected, rtol=1e-3, atol=1e-4)


class Test_planar_flow:
    @staticmethod
    def map(u, w, b):
        """The layer from its definition, row by row."""
        return lambda z: torch.stack([row + u * math.tanh(float(w @ row) + b) for row in z])

    @pytest.mark.hint("The Jacobian is the identity plus a column times a row.")
    def test_map_and_volume(self, answer):
        """The points move as defined; the log-det agrees with differences of that map."""
        z, u, w = rand(5, 3), rand(3, seed=6), tensor([0.6, -0.9, 0.5])
        f = self.map(u, w, 0.3)
        x, log_det = assert_pure(answer, z, u, w, 0.3)
        assert_close(x, f(z))
        assert_close(log_det, logdet_by_differences(f, z))

    @pytest.mark.hint("What is inside the logarithm may be negative.")
    def test_folding(self, answer):
        """A layer that folds space over still has a finite, exact log-det on both sheets."""
        u, w = tensor([-2.0, 1.5]), tensor([1.0, -1.0])
        z = tensor([[0.1, 0.2], [1.5, -0.5], [-0.3, 0.1], [-2.0, 1.0]])
        f = self.map(u, w, -0.2)
        x, log_det = answer(z, u, w, -0.2)
        assert_close(x, f(z))
        assert_close(log_det, logdet_by_differences(f, z))

    @pytest.mark.hint("At w . z + b = 0 nothing moves, but space is stretched most. By how much?")
    def test_on_the_plane(self, answer):
        """Points of the plane stay and are stretched most; far away there is no stretch."""
        u, w, b = tensor([0.8, 0.5, -0.2]), tensor([1.0, 2.0, 1.0]), -1.0
        z = tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.0], [-1.0, 0.5, 1.0]])
        x, log_det = answer(z, u, w, b)
        assert_close(x, z)
        assert_close(log_det, torch.full((3,), math.log(1 + 0.8 + 1.0 - 0.2)))
        for far in (40.0, 400.0, -400.0):
            x, log_det = answer(far * w[None] + z, u, w, b)
            assert_close(x, far * w[None] + z + math.copysign(1.0, far) * u)
            assert_close(log_det, torch.zeros(3))

    @pytest.mark.hint("In one dimension the log-det is the logarithm of a derivative.")
    def test_one_dimension(self, answer):
        """In one dimension the stretches add up to the distance between the end points."""
        z = torch.linspace(-3, 2, 2001, dtype=torch.float64)[:, None]
        for u, w, b in [(1.4, 1.2, 0.5), (-0.5, 1.1, -0.3)]:
            x, log_det = answer(z, tensor([u]), tensor([w]), b)
            travelled = 5 + u * (math.tanh(2 * w + b) - math.tanh(-3 * w + b))
            assert_close(x[-1, 0] - x[0, 0], travelled)
            assert_close(torch.trapezoid(log_det.exp(), z[:, 0]), travelled)

    @pytest.mark.hint("All of u, w and b are learned through both results.")
    def test_gradients(self, answer):
        """Gradients of both results reach u, w and b, with the values of the map itself."""
        z = rand(4, 3)
        parameters = leaf(rand(3, seed=6)), leaf(tensor([0.6, -0.9, 0.5])), leaf(tensor(0.3))
        u, w, b = parameters
        f = lambda row: row + u * torch.tanh((w * row).sum() + b)  # noqa: E731
        volumes = [torch.linalg.slogdet(jacobian(f, row, create_graph=True))[1] for row in z]
        for part, expected in enumerate([torch.stack([f(r) for r in z]), torch.stack(volumes)]):
            found = grads(answer(z, *parameters)[part], *parameters)
            assert_close(found, grads(expected, *parameters))


class Mixing(torch.nn.Module):
    """A net of a coupling layer that mixes all it sees; s and t differ in every coordinate."""

    def __init__(self, d, seed=5):
        super().__init__()
        self.S = torch.nn.Parameter(rand(d, d, low=-1, high=1, seed=seed))
        self.T = torch.nn.Parameter(rand(d, d, low=-1, high=1, seed=seed + 1))
        self.shift = torch.linspace(0.3, 0.9, d, dtype=torch.float64)

    def forward(self, h):
        return 0.4 * h @ self.S.T + self.shift, h @ self.T.T - 2 * self.shift


def mixing(d, seed=5):
    """The same net as a function of tensors alone."""
    S, T = rand(d, d, low=-1, high=1, seed=seed), rand(d, d, low=-1, high=1, seed=seed + 1)
    shift = torch.linspace(0.3, 0.9, d, dtype=torch.float64)
    return lambda h: (0.4 * h @ S.T + shift, h @ T.T - 2 * shift)


def coupled(mask, net):
    """The coupling layer from its definition, coordinate by coordinate."""

    def f(z):
        s, t = net(torch.where(mask > 0, z, 0.0))
        columns = [
            z[:, j] if mask[j] == 1 else z[:, j] * torch.exp(s[:, j]) + t[:, j]
            for j in range(z.shape[1])
        ]
        return torch.stack(columns, dim=1)

    return f


MASK = [1.0, 0.0, 0.0, 1.0, 0.0]


class Test_coupling_forward:
    @pytest.mark.hint("The transformed coordinates alone change volumes, each by its own factor.")
    def test_map_and_volume(self, answer):
        """The points move as defined; the log-det agrees with differences of that map."""
        z, mask, net = rand(4, 5), tensor(MASK), mixing(5)
        f = coupled(mask, net)
        x, log_det = assert_pure(answer, z, mask, net)
        assert_close(x, f(z))
        assert_close(log_det, logdet_by_differences(f, z))

    @pytest.mark.hint(
        "The net may see the passed-through coordinates only, or the inverse is lost."
    )
    def test_net_sees_what_passes(self, answer):
        """Moving the transformed coordinates stretches each by a factor that does not move."""
        mask, net = tensor(MASK), mixing(5, seed=8)
        z = rand(4, 5, seed=2)
        moved = z + (1 - mask) * rand(4, 5, low=0.5, high=2, seed=3)
        (x0, log_det0), (x1, log_det1) = answer(z, mask, net), answer(moved, mask, net)
        assert_close((x0[:, mask == 1], x1[:, mask == 1]), (z[:, mask == 1], z[:, mask == 1]))
        stretch = ((x1 - x0) / (moved - z))[:, mask == 0]
        assert_close(log_det1, log_det0)
        assert_close(log_det0, torch.log(stretch).sum(dim=1))
        assert_close(stretch, torch.exp(net(z * mask)[0])[:, mask == 0])

    @pytest.mark.hint("The net's outputs have D entries; which of them are used?")
    def test_unused_outputs(self, answer):
        """What the net puts out at passed-through coordinates makes no difference."""
        mask, net = tensor([0.0, 1.0, 1.0]), mixing(3)
        noisy = lambda h: tuple(out + 3 * mask for out in net(h))  # noqa: E731
        z = rand(4, 3, seed=2)
        x, log_det = answer(z, mask, noisy)
        s, t = net(z * mask)
        assert_close(x[:, 0], z[:, 0] * torch.exp(s[:, 0]) + t[:, 0])
        assert_close(x[:, 1:], z[:, 1:])
        assert_close(log_det, s[:, 0])

    @pytest.mark.hint(
        "With everything passed through nothing happens; with nothing, s is constant."
    )
    def test_all_or_nothing(self, answer):
        """Passing everything through is the identity; passing nothing is one fixed affine map."""
        z, net = rand(4, 3, seed=2), mixing(3)
        x, log_det = answer(z, torch.ones(3).double(), net)
        assert_close((x, log_det), (z, torch.zeros(4)))
        x, log_det = answer(z, torch.zeros(3).double(), net)
        s, t = net(torch.zeros(1, 3).double())
        assert_close((x, log_det), (z * torch.exp(s) + t, s.sum().expand(4)))

    @pytest.mark.hint("The net learns through x and through the log-det.")
    def test_gradients(self, answer):
        """Gradients of both results reach the net's parameters, with their exact values."""
        mask, net, z = tensor(MASK), Mixing(5), rand(4, 5)
        x, log_det = answer(z, mask, net)
        rows = torch.arange(1.0, 5.0, dtype=torch.float64)
        (found_S,) = torch.autograd.grad(weighted(log_det), [net.S], retain_graph=True)
        outer = torch.outer(1 - mask, (rows[:, None] * z * mask).sum(dim=0))
        assert_close(found_S, 0.4 * outer)
        found = torch.autograd.grad(x.sum(), [net.S, net.T])
        expected = torch.autograd.grad(coupled(mask, net)(z).sum(), [net.S, net.T])
        assert_close(found, expected)


class Test_coupling_inverse:
    @pytest.mark.hint("Solve x = z exp(s) + t for z; s and t come from what was passed through.")
    def test_undoes_the_layer(self, answer):
        """The points come back; the log-det is minus that of the forward map, by differences."""
        z, mask, net = rand(4, 5), tensor(MASK), mixing(5)
        f = coupled(mask, net)
        found, log_det = assert_pure(answer, f(z), mask, net)
        assert_close(found, z)
        assert_close(log_det, -logdet_by_differences(f, z))

    @pytest.mark.hint("Base density at z, times what the inverse map does to volumes.")
    def test_density(self, answer):
        """With a Gaussian base the log-det makes a density that integrates to 1."""
        a = torch.linspace(-12, 12, 121, dtype=torch.float64)
        x = torch.cartesian_prod(a, a)
        for mask in ([1.0, 0.0], [0.0, 1.0]):
            net = lambda h: (0.6 * torch.sin(h.flip(1)) + 0.3, 1.0 + torch.cos(h.flip(1)))  # noqa: E731
            z, log_det = answer(x, tensor(mask), net)
            log_density = -0.5 * (z**2 + LOG_2PI).sum(dim=1) + log_det
            assert_close(log_density.exp().sum() * 0.2**2, 1.0)

    @pytest.mark.hint(
        "With everything passed through nothing happens; with nothing, s is constant."
    )
    def test_all_or_nothing(self, answer):
        """Passing everything through is the identity; passing nothing undoes one affine map."""
        x, net = rand(4, 3, seed=2), mixing(3)
        z, log_det = answer(x, torch.ones(3).double(), net)
        assert_close((z, log_det), (x, torch.zeros(4)))
        z, log_det = answer(x, torch.zeros(3).double(), net)
        s, t = net(torch.zeros(1, 3).double())
        assert_close((z, log_det), ((x - t) / torch.exp(s), -s.sum().expand(4)))

    @pytest.mark.hint("Undo the last layer first; each inverse counts its own volume.")
    def test_two_layers(self, answer):
        """Two layers with opposite masks are undone, and their log-dets add up."""
        first, second = tensor(MASK), 1 - tensor(MASK)
        net1, net2 = mixing(5), mixing(5, seed=11)
        f1, f2 = coupled(first, net1), coupled(second, net2)
        z = rand(3, 5, low=-1, high=1, seed=2)
        middle, back2 = answer(f2(f1(z)), second, net2)
        start, back1 = answer(middle, first, net1)
        assert_close(start, z)
        assert_close(back1 + back2, -logdet_by_differences(lambda z: f2(f1(z)), z), atol=1e-4)

    @pytest.mark.hint("This is the direction in which a flow is trained: keep the graph.")
    def test_gradients(self, answer):
        """Gradients of both results reach the net's parameters, with their exact values."""
        mask, net, x = tensor(MASK), Mixing(5), rand(4, 5)
        z, log_det = answer(x, mask, net)
        rows = torch.arange(1.0, 5.0, dtype=torch.float64)
        (found_S,) = torch.autograd.grad(weighted(log_det), [net.S], retain_graph=True)
        outer = torch.outer(1 - mask, (rows[:, None] * x * mask).sum(dim=0))
        assert_close(found_S, -0.4 * outer)
        (found_T,) = grads(z, net.T)
        with torch.no_grad():
            weights = torch.arange(1.0, 21.0, dtype=torch.float64).reshape(4, 5)
            pull = -weights * (1 - mask) * torch.exp(-net(mask * x)[0])
        assert_close(found_T, pull.T @ (mask * x))


class Test_compose:
    @pytest.mark.hint("The first map of the list is applied first, each to what the last returned.")
    def test_order(self, answer):
        """The maps act one after the other; the log-det agrees with differences of the chain."""
        A, C, z = matrix(3, -1), matrix(3, 1, seed=8), rand(5, 3, low=-1, high=1)
        chain = [linear_layer(A), sinh_layer(), linear_layer(C)]
        f = lambda z: torch.sinh(z @ A.T) @ C.T  # noqa: E731
        x, log_det = assert_pure(answer, chain, z)
        assert_close(x, f(z))
        assert_close(log_det, logdet_by_differences(f, z))

    @pytest.mark.hint("At which point is each log-det taken?")
    def test_intermediate_points(self, answer):
        """Each log-det is the one at the point where its own map acts."""
        A, z = matrix(2, 1, seed=3), rand(4, 2, low=-0.5, high=0.5)
        x, log_det = answer([exp_layer(), linear_layer(A), exp_layer()], z)
        middle = torch.exp(z) @ A.T
        assert_close(x, torch.exp(middle))
        assert_close(log_det, z.sum(dim=1) + math.log(np.linalg.det(A.numpy())) + middle.sum(dim=1))

    @pytest.mark.hint("What do no maps do? What does one map do?")
    def test_short_chains(self, answer):
        """No maps are the identity, and one map is itself."""
        z = rand(5, 3)
        x, log_det = answer([], z)
        assert_close((x, log_det), (z, torch.zeros(5)))
        x, log_det = answer([sinh_layer()], z)
        assert_close((x, log_det), (torch.sinh(z), torch.log(torch.cosh(z)).sum(dim=1)))

    @pytest.mark.hint("A map may return a tensor that it still needs: add without changing it.")
    def test_repeated_map(self, answer):
        """A map used three or twelve times acts as often, and what it returns is not changed."""
        log_det = tensor([0.5, -2.0, 1.25, 3.0])
        shift = rand(4, 2, seed=6)
        fixed = lambda z: (z * 0.5 + shift, log_det)  # noqa: E731
        z = rand(4, 2)
        for times in (3, 12):
            x, total = assert_pure(answer, [fixed] * times, z)
            assert_close(x, z * 0.5**times + (2 - 2 * 0.5**times) * shift)
            assert_close(total, times * tensor([0.5, -2.0, 1.25, 3.0]))

    @pytest.mark.hint("Training goes through the whole chain: keep the graph.")
    def test_gradients(self, answer):
        """The gradient of the log-det reaches every map's parameters, through later maps too."""
        scale, z = leaf(tensor([0.5, -0.8])), rand(4, 2, low=-1, high=1)
        stretch = lambda z: (z * torch.exp(scale), scale.sum().expand(z.shape[0]))  # noqa: E731
        _, log_det = answer([stretch, exp_layer()], z)
        (found,) = grads(log_det, scale)
        rows = torch.arange(1.0, 5.0, dtype=torch.float64)[:, None]
        assert_close(found, (rows * (1 + z * torch.exp(scale.detach()))).sum(dim=0))


class Test_flow_log_prob:
    @staticmethod
    def unlinear(A):
        """The inverse layer x -> A^{-1} x with its own log-det."""
        back = torch.linalg.inv(A)
        return lambda x: (x @ back.T, -torch.linalg.slogdet(A).logabsdet.expand(x.shape[0]))

    @staticmethod
    def log_layer():
        """The inverse of exp, coordinate by coordinate."""
        return lambda x: (torch.log(x), -torch.log(x).sum(dim=1))

    @staticmethod
    def asinh_layer():
        """The inverse of sinh, coordinate by coordinate."""
        return lambda x: (torch.asinh(x), -0.5 * torch.log1p(x**2).sum(dim=1))

    @pytest.mark.hint("Base log-density where the chain ends, plus the log-dets of the inverses.")
    def test_known_density(self, answer):
        """For x = exp(A z) the log-density is that of a log-normal distribution."""
        A, z = matrix(2, -1, seed=3), rand(5, 2, low=-1, high=1)
        x = torch.exp(z @ A.T)
        log_x = stats.multivariate_normal(np.zeros(2), (A @ A.T).numpy())
        expected = log_x.logpdf(torch.log(x).numpy()) - torch.log(x).sum(dim=1).numpy()
        inverses = [self.log_layer(), self.unlinear(A)]
        assert_close(assert_pure(answer, x, inverses, normal_base()), expected)

    @pytest.mark.hint("Apply the inverses in the order of the list; add what each returns.")
    def test_order(self, answer):
        """Through three maps in a row the log-density agrees with the forward map's volume."""
        A, C, z = matrix(3, 1), matrix(3, -1, seed=8), rand(5, 3, low=-1, high=1)
        f = lambda z: torch.sinh(z @ A.T) @ C.T  # noqa: E731
        inverses = [self.unlinear(C), self.asinh_layer(), self.unlinear(A)]
        expected = stats.norm.logpdf(z.numpy()).sum(axis=1) - logdet_by_differences(f, z)
        assert_close(answer(f(z), inverses, normal_base()), expected)

    @pytest.mark.hint("The base is an argument; where is it evaluated?")
    def test_given_base(self, answer):
        """Any base will do, and with no maps at all the flow is its base."""
        base = lambda z: (-torch.abs(z - 0.5) - math.log(2)).sum(dim=1)  # noqa: E731
        A, x = matrix(3, 1, seed=3), rand(4, 3)
        laplace = stats.laplace(0.5)
        assert_close(answer(x, [], base), laplace.logpdf(x.numpy()).sum(axis=1))
        z = np.linalg.solve(A.numpy(), x.numpy().T).T
        expected = laplace.logpdf(z).sum(axis=1) - math.log(np.linalg.det(A.numpy()))
        assert_close(answer(x, [self.unlinear(A)], base), expected)
        halves = [self.unlinear(2 * torch.eye(3).double())] * 12
        expected = laplace.logpdf(x.numpy() / 2**12).sum(axis=1) - 36 * math.log(2)
        assert_close(answer(x, halves, base), expected)

    @pytest.mark.hint("A flow's density needs no normalising: has a log-det the wrong sign?")
    def test_integrates_to_one(self, answer):
        """The density integrates to 1, and its cumulative function is that of the base at z."""
        x = torch.linspace(-150, 150, 6001, dtype=torch.float64)
        inverses = [
            self.unlinear(tensor([[-2.0]])),
            self.asinh_layer(),
            self.unlinear(tensor([[1.5]])),
        ]
        density = answer(x[:, None], inverses, normal_base()).exp().numpy()
        cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * 0.05)])
        expected = stats.norm.cdf(np.arcsinh(x.numpy() / 2) / 1.5)
        assert_close(
            cumulative[[1000, 2900, 3000, 3070, 5000]],
            expected[[1000, 2900, 3000, 3070, 5000]],
            rtol=2e-3,
            atol=1e-3,
        )

    @pytest.mark.hint("Maximum likelihood differentiates this in the layers and in the base.")
    def test_gradients(self, answer):
        """Gradients reach the parameters of the layers and of the base, with exact values."""
        s, mean, x = leaf(tensor([0.4, -0.7])), leaf(tensor([0.2, 0.5])), rand(4, 2)
        shrink = lambda x: (x * torch.exp(-s), -s.sum().expand(x.shape[0]))  # noqa: E731
        base = lambda z: -0.5 * ((z - mean) ** 2 + math.log(2 * math.pi)).sum(dim=1)  # noqa: E731
        g_s, g_mean = grads(answer(x, [shrink], base), s, mean)
        with torch.no_grad():
            z, rows = x * torch.exp(-s), torch.arange(1.0, 5.0, dtype=torch.float64)[:, None]
            assert_close(g_s, (rows * ((z - mean) * z - 1)).sum(dim=0))
            assert_close(g_mean, (rows * (z - mean)).sum(dim=0))


class Test_typicality:
    @pytest.mark.hint(
        "How many nats lie between the surprise at the mode and the average surprise?"
    )
    def test_mode(self, answer):
        """At a Gaussian's mode the distance grows with the dimension, whatever the scale."""
        for d, sigma in [(2, 1.0), (64, 0.1), (3072, 2.0)]:
            log_mode = -d * (0.5 * LOG_2PI + math.log(sigma))
            entropy = float(d * stats.norm(0, sigma).entropy())
            found = answer(torch.full((3,), log_mode, dtype=torch.float64), entropy)
            assert_close(found, torch.full((3,), d / 2))

    @pytest.mark.hint("Too probable is as untypical as too improbable.")
    def test_both_sides(self, answer):
        """Equally far above and below the average surprise is equally untypical."""
        log_prob = tensor([-3.5, -6.5, -5.0, 1.0, -11.0])
        assert_close(assert_pure(answer, log_prob, 5.0), tensor([1.5, 1.5, 0.0, 6.0, 6.0]))

    @pytest.mark.hint("A change of units moves log-densities and entropy by opposite amounts.")
    def test_change_of_units(self, answer):
        """The result is the same in every unit, also where the entropy is negative."""
        log_prob, entropy = rand(6, low=-9, high=-1), 4.25
        expected = np.abs(-4.25 - log_prob.numpy())
        for log_scale in (0.0, -7.5, 12.0):
            assert_close(answer(log_prob - log_scale, entropy + log_scale), expected)

    @pytest.mark.hint("The entropy is the model's; the batch has no say in it.")
    def test_each_by_itself(self, answer):
        """Each sample is judged by itself, and not against the others of its batch."""
        z = rand(5, 8, low=-3, high=3)
        log_prob = tensor(stats.norm.logpdf(z.numpy()).sum(axis=1))
        entropy = float(8 * stats.norm.entropy())
        expected = ((z**2).sum(dim=1) - 8).abs() / 2
        assert_close(answer(log_prob, entropy), expected)
        for one in range(5):
            assert_close(answer(log_prob[one : one + 1], entropy), expected[one : one + 1])


class Test_planar_u_hat:
    @staticmethod
    def vectors(product, d=4, seed=5):
        """Vectors u, w with this product; w is not of length 1."""
        w, u = rand(d, seed=seed), rand(d, seed=seed + 1)
        return u + (product - w @ u) * w / (w @ w), w

    @pytest.mark.hint("Put u_hat into w . u_hat and see what must be added to u, along w.")
    def test_product(self, answer):
        """The product of the result with w is -1 + softplus of the old product, and above -1."""
        for product in (-50.0, -3.0, -0.4, 0.0, 2.0, 800.0):
            u, w = self.vectors(product)
            found = w @ assert_pure(answer, u, w)
            assert_close(found, -1 + np.logaddexp(0, product), atol=1e-4)
            assert_close(float(found) >= -1 - 1e-5, True)

    @pytest.mark.hint("Only the component along w has to change.")
    def test_component_across(self, answer):
        """What is perpendicular to w stays as it was."""
        for product in (-5.0, 1.5):
            u, w = self.vectors(product)
            across = torch.eye(4, dtype=torch.float64) - torch.outer(w, w) / (w @ w)
            found = answer(u, w)
            assert_close(across @ found, across @ u)
            assert_close(found - across @ u, (-1 + np.logaddexp(0, product)) * w / (w @ w))

    @pytest.mark.hint("Is the length of w accounted for?")
    def test_length_of_w(self, answer):
        """In one dimension the result is the asked product divided by w, for any length of w."""
        for w in (0.1, 1.0, -7.0):
            found = answer(tensor([1.3]), tensor([w]))
            assert_close(found, tensor([(-1 + np.logaddexp(0, 1.3 * w)) / w]))

    @pytest.mark.hint("Gradients reach u and w; softplus must not overflow on the way.")
    def test_gradients(self, answer):
        """The product of the result with w has its exact gradient, for products of any size."""
        for product in (-50.0, 0.7, 60.0):
            u, w = self.vectors(product)
            u = leaf(u)
            (found,) = torch.autograd.grad(w @ answer(u, w), u)
            assert_close(found, w / (1 + math.exp(-product)))


class Test_dequant_logit:
    @staticmethod
    def pixels(levels, seed=5):
        u = rand(4, 3, low=0, high=1, seed=seed)
        x = torch.floor(levels * rand(4, 3, low=0, high=1, seed=seed + 1))
        x[0] = tensor([0.0, levels - 1, 1.0])
        return x, u

    @pytest.mark.hint("Bring x + u to (0, 1) first, then shrink it away from the ends.")
    @pytest.mark.parametrize(("levels", "alpha"), [(256, 0.05), (17, 0.01), (2, 0.2)])
    def test_map_and_volume(self, answer, levels, alpha):
        """The values are those of the formula; the log-det agrees with differences of it."""
        x, u = self.pixels(levels)

        def f(v):
            return torch.logit(alpha + (1 - 2 * alpha) * v / levels)

        y, log_det = assert_pure(answer, x, u, levels, alpha)
        assert_close(y, f(x + u))
        assert_close(log_det, logdet_by_differences(f, x + u, step=1e-4), rtol=1e-4, atol=1e-4)

    @pytest.mark.hint("The whole number comes back when the map is undone and rounded down.")
    def test_way_back(self, answer):
        """The pixel and its noise can be read off the result, for the default constants too."""
        x, u = self.pixels(256, seed=8)
        y, _ = answer(x, u)
        back = (torch.sigmoid(y) - 0.05) / 0.9 * 256
        assert_close(back, x + u, atol=1e-3)

    @pytest.mark.hint("The log-det is a sum over pixels, each with the slope of its own logit.")
    def test_volume_adds_up(self, answer):
        """For one pixel the slopes, integrated over the noise, add up to the distance covered."""
        u = torch.linspace(0, 1, 201, dtype=torch.float64)[:, None]
        for x, levels in [(0.0, 4), (3.0, 4), (2.0, 17)]:
            y, log_det = answer(torch.full_like(u, x), u, levels, 0.05)
            ends = [math.log(p / (1 - p)) for p in (0.05 + 0.9 * (x + k) / levels for k in (0, 1))]
            assert_close(y[[0, -1], 0], tensor(ends))
            assert_close(torch.trapezoid(log_det.exp(), u[:, 0]), ends[1] - ends[0])


class Test_cnf_logp:
    @pytest.mark.hint(
        "For a linear field the path is a matrix exponential, and the trace constant."
    )
    def test_linear_field(self, answer):
        """A linear field ends at the matrix exponential; log p changes by minus the trace."""
        A = tensor([[0.5, -1.0, 0.2], [0.8, 0.3, 0.0], [-0.3, 0.6, -1.6]])
        z = rand(3, 3)
        x, delta = assert_pure(answer, linear(A), z, 200)
        assert_close(x, z @ tensor(expm(A.numpy())).T, rtol=0.02, atol=0.03)
        assert_close(delta, torch.full((3,), 0.8), rtol=0.02)

    @pytest.mark.hint("The divergence is taken along the path, at the point reached so far.")
    def test_bent_field(self, answer):
        """For a bent field the change of log p is minus the log-det of the whole map."""
        C = tensor([[1.2, -0.7], [0.9, 0.4]])
        field = lambda x: torch.tanh(x @ C.T) + 0.3 * x.flip(1)  # noqa: E731
        z = tensor([[0.3, -0.2], [1.0, 0.8], [-1.5, 0.4]])

        def flow(z, n=60):  # The midpoint rule: another scheme than Euler's.
            for _ in range(n):
                z = z + field(z + field(z) / (2 * n)) / n
            return z

        x, delta = answer(field, z, 150)
        assert_close(x, flow(z), rtol=0.03, atol=0.03)
        assert_close(delta, -logdet_by_differences(flow, z), rtol=0.03, atol=0.02)

    @pytest.mark.hint("One unit of time in n steps: how long is each?")
    def test_more_steps(self, answer):
        """More steps bring both results closer to the exact ones."""
        field = lambda x: -torch.sin(x)  # noqa: E731
        z = tensor([[0.5], [1.5], [-2.0]])
        # tan(x/2) falls like exp(-t), and the slope of the whole map is sin x(1) / sin z.
        exact = 2 * torch.atan(torch.tan(z / 2) * math.exp(-1))
        change = torch.log(torch.abs(torch.sin(z) / torch.sin(exact)))[:, 0]
        errors = []
        for n in (5, 40):
            x, delta = answer(field, z, n)
            errors.append([(x - exact).abs().max(), (delta - change).abs().max()])
        assert_close(errors[1], [0.0, 0.0], atol=0.03)
        assert_close(
            [e < max(f / 3, 1e-5) for e, f in zip(errors[1], errors[0], strict=True)], [True, True]
        )


class Test_hutchinson:
    @staticmethod
    def signs(d):
        return tensor(list(itertools.product([-1.0, 1.0], repeat=d)))

    @pytest.mark.hint("One quadratic form for each row of eps.")
    def test_quadratic_form(self, answer):
        """Each estimate is the quadratic form of J at its own noise."""
        J, eps = rand(4, 4), rand(6, 4, seed=6)
        expected = [sum(e[i] * J[i, j] * e[j] for i in range(4) for j in range(4)) for e in eps]
        assert_close(assert_pure(answer, J, eps), torch.stack(expected))

    @pytest.mark.hint("Average over every choice of signs: which entries of J survive?")
    def test_unbiased(self, answer):
        """Over all choices of signs the estimates average to the trace, exactly."""
        for d, seed in [(1, 5), (3, 6), (6, 7)]:
            J = rand(d, d, low=-1, high=3, seed=seed)
            assert_close(answer(J, self.signs(d)).mean(), torch.trace(J))

    @pytest.mark.hint("For signs, the diagonal does not scatter. What does the rest do?")
    def test_spread(self, answer):
        """Over all choices of signs only entries off the diagonal make the estimates scatter."""
        J = rand(4, 4, seed=9)
        estimates = answer(J, self.signs(4))
        both = J + J.T - 2 * torch.diag(torch.diag(J))
        assert_close(estimates.var(correction=0), 0.5 * (both**2).sum())
        diagonal = torch.diag(tensor([1.0, -4.0, 2.5, 7.0]))
        assert_close(answer(diagonal, self.signs(4)), torch.full((16,), 6.5))
