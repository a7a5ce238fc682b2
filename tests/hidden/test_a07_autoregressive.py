"""Hidden tests of chapter 7: autoregressive models."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
import torch.distributions as td
import torch.nn as nn
import torch.nn.functional as F
from scipy import special, stats

from autograder.testing import assert_close, assert_pure


def rand(*shape, low=-2.0, high=2.0, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def tokens(*shape, V, seed=5):
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(seed))


def table(*shape, seed=5):
    """A table of positive numbers whose last axis sums to 1."""
    return torch.softmax(rand(*shape, seed=seed), dim=-1)


def covariance(D, seed=5):
    A = rand(D, D, seed=seed)
    return A @ A.T + 0.3 * torch.eye(D, dtype=torch.float64)


def joint_of(conditionals):
    """The joint table of a list of conditional tables, by numpy."""
    joint = np.ones(())
    for conditional in conditionals:
        joint = joint[..., None] * np.asarray(conditional)
    return joint


class Test_chain_rule_logprob:
    @staticmethod
    def joint(*shape, seed=5):
        P = rand(*shape, low=0.1, high=3.0, seed=seed)
        return P / P.sum()

    @staticmethod
    def cells(P):
        return torch.tensor(list(np.ndindex(*P.shape)))

    @pytest.mark.hint("Divide the probability of each prefix by that of the prefix before it.")
    def test_every_cell(self, answer):
        """For every sequence the factors add up to its log-probability in the table."""
        for shape in [(3, 2, 4), (5, 2), (2, 3, 2, 3)]:
            P = self.joint(*shape)
            factors = assert_pure(answer, P, self.cells(P))
            assert_close(factors.sum(dim=1), P.flatten().log())

    @pytest.mark.hint("Sum the table over the positions that come later, not over all the others.")
    def test_conditionals(self, answer):
        """Every factor is the log-probability of its token among the sequences with its prefix."""
        P = self.joint(3, 4, 2, seed=6)
        probability = dict(zip(np.ndindex(3, 4, 2), P.flatten().tolist(), strict=True))
        x = torch.tensor([[2, 0, 1], [0, 3, 0], [1, 1, 1], [2, 3, 1]])
        expected = []
        for row in x.tolist():
            prefixes = [
                sum(p for cell, p in probability.items() if list(cell[:t]) == row[:t])
                for t in range(4)
            ]
            expected.append(np.diff(np.log(prefixes)))
        assert_close(answer(P, x), np.array(expected))

    @pytest.mark.hint("After any prefix the next token is one of those on its axis.")
    def test_normalised(self, answer):
        """After every prefix the probabilities of the next token sum to 1 and none is 0."""
        P = self.joint(2, 3, 4, seed=7)
        factors = answer(P, self.cells(P)).exp().reshape(2, 3, 4, 3)
        assert torch.all(factors > 1e-3)
        assert torch.all(factors < 0.999)
        assert_close(factors[:, 0, 0, 0].sum(), 1.0)
        assert_close(factors[:, :, 0, 1].sum(dim=1), torch.ones(2))
        assert_close(factors[..., 2].sum(dim=2), torch.ones(2, 3))

    @pytest.mark.hint("Column t belongs to axis t of the table.")
    def test_independent_positions(self, answer):
        """Where the positions are independent each factor is the marginal of its own position."""
        p, q, r = table(3, seed=1), table(4, seed=2), table(2, seed=3)
        P = p[:, None, None] * q[:, None] * r
        x = self.cells(P)
        expected = torch.stack([p[x[:, 0]], q[x[:, 1]], r[x[:, 2]]], dim=1).log()
        assert_close(answer(P, x), expected)

    @pytest.mark.hint("A token that its prefix determines costs nothing; the others still do.")
    def test_zeros_in_the_table(self, answer):
        """Impossible sequences in the table do no harm to the possible ones."""
        start, jump = table(3, seed=8), table(3, 3, seed=9)
        P = torch.zeros(3, 3, 3, dtype=torch.float64)
        for i, j in np.ndindex(3, 3):
            P[i, j, (i + j) % 3] = start[i] * jump[i, j]
        x = torch.tensor([[i, j, (i + j) % 3] for i, j in np.ndindex(3, 3)])
        expected = torch.stack([start[x[:, 0]], jump[x[:, 0], x[:, 1]], torch.ones(9)], dim=1)
        assert_close(answer(P, x), expected.log())

    @pytest.mark.hint("Count axes from the front, and mind the last position: nothing is after it.")
    def test_markov_chain(self, answer):
        """For a Markov chain of twelve positions each factor is a transition's log-probability."""
        start, jump = table(2, seed=1), table(2, 2, seed=2)
        P = torch.tensor(joint_of([start, *[jump.expand(*[2] * t, 2, 2) for t in range(11)]]))
        x = tokens(5, 12, V=2)
        expected = torch.cat([start[x[:, :1]], jump[x[:, :-1], x[:, 1:]]], dim=1)
        assert_close(answer(P, x), expected.log())


class Test_next_token_nll:
    @staticmethod
    def by_loop(logits, x):
        log_p = special.log_softmax(logits.detach().numpy(), axis=2)
        costs = [-log_p[b, t - 1, x[b, t]] for b in range(len(x)) for t in range(1, x.shape[1])]
        return np.mean(costs)

    @pytest.mark.hint("logits[:, t] predicts x[:, t + 1]: which logits and which tokens are left?")
    def test_value(self, answer):
        """The cost agrees with one added up prediction by prediction."""
        for B, T, V in [(4, 6, 3), (2, 5, 7), (3, 2, 4)]:
            logits, x = rand(B, T, V, low=-3, high=3), tokens(B, T, V=V)
            assert_close(assert_pure(answer, logits, x), self.by_loop(logits, x))

    @pytest.mark.hint("Write down for T = 3 which token each row of logits is compared with.")
    def test_who_predicts_whom(self, answer):
        """Logits that favour the next token are cheap, ones that favour the present token dear."""
        x = torch.tensor([[0, 1, 2, 3, 4], [2, 0, 4, 1, 3]])
        onehot = F.one_hot(x, 5).double()
        cost = math.log(math.exp(1.5) + 4)
        ahead = torch.cat([onehot[:, 1:], 7 * onehot[:, :1]], dim=1)
        assert_close(answer(1.5 * ahead, x), cost - 1.5)
        assert_close(answer(1.5 * onehot, x), cost)

    @pytest.mark.hint("Use a log-softmax that subtracts the largest logit first.")
    def test_large_logits(self, answer):
        """Adding a constant to all logits of a prediction changes nothing; -1000 stays exact."""
        logits, x = rand(3, 4, 5, low=-3, high=3), tokens(3, 4, V=5)
        shift = torch.tensor([1000.0, -1000.0, 700.0, 0.0], dtype=torch.float64)[:, None]
        assert_close(answer(logits + shift, x), self.by_loop(logits, x), rtol=1e-4, atol=5e-4)
        logits, x = torch.zeros(1, 3, 2, dtype=torch.float64), torch.tensor([[0, 1, 1]])
        logits[0, 0, 1], logits[0, 1, 1] = -1000.0, 1000.0
        assert_close(answer(logits, x), 500.0)
        logits[0, 0, 0], logits[0, 1, 0] = 1000.0, -1000.0
        assert_close(answer(logits, x), 1000.0)

    @pytest.mark.hint("Average over all predictions, so that the length does not matter.")
    def test_size_does_not_matter(self, answer):
        """Equal logits cost the logarithm of the number of tokens, for any batch and length."""
        for B, T, V in [(1, 2, 9), (5, 8, 3), (7, 3, 2)]:
            assert_close(
                answer(torch.full((B, T, V), 0.7).double(), tokens(B, T, V=V)), math.log(V)
            )

    @pytest.mark.hint("Which logits should move, and by how much, if you step downhill?")
    def test_gradient(self, answer):
        """Each logit's gradient is its probability minus what happened, and 0 at the end."""
        logits, x = rand(3, 5, 4).requires_grad_(), tokens(3, 5, V=4)
        (gradient,) = torch.autograd.grad(answer(logits, x), logits)
        with torch.no_grad():
            expected = (torch.softmax(logits, dim=2)[:, :-1] - F.one_hot(x[:, 1:], 4)) / 12
        assert_close(gradient[:, :-1], expected)
        assert_close(gradient[:, -1], torch.zeros(3, 4))


class Test_bits_per_dim:
    @pytest.mark.hint("How many bits has a choice among 256? And how many nats?")
    def test_uniform(self, answer):
        """Equally probable levels cost the base-2 logarithm of their number."""
        for levels, D in [(256, 3072), (2, 10), (17, 64), (8, 1)]:
            nll = torch.tensor([D * math.log(levels)], dtype=torch.float64)
            assert_close(answer(nll, D), [math.log2(levels)])

    @pytest.mark.hint("Each sample has its own number of bits.")
    def test_batch(self, answer):
        """Every sample's cost is converted by itself, and agrees with an entropy in bits."""
        p = table(5, 6)
        nll = torch.tensor([3 * stats.entropy(row) for row in p.numpy()])
        expected = [stats.entropy(row, base=2) for row in p.numpy()]
        assert_close(assert_pure(answer, nll, 3), np.array(expected))

    @pytest.mark.hint("A density may exceed 1; the conversion is the same factor.")
    def test_negative(self, answer):
        """Negative nats, as densities have, become negative bits."""
        nll = torch.tensor([[-6.0, 4.0], [-0.5, 2.0]], dtype=torch.float64) * math.log(2)
        assert_close(answer(nll, 4), [[-1.5, 1.0], [-0.125, 0.5]])

    @pytest.mark.hint("It is used as a loss too: stay in torch.")
    def test_gradient(self, answer):
        """The conversion is linear: one nat more is the same number of bits more anywhere."""
        nll = torch.tensor([3.0, 50.0], dtype=torch.float64).requires_grad_()
        (gradient,) = torch.autograd.grad(answer(nll, 8).sum(), nll)
        assert_close(gradient, [1 / (8 * math.log(2))] * 2)


class Test_made_masks:
    @staticmethod
    def assert_reads_the_past(masks, D):
        """Count the paths from input to output: some below the diagonal, none elsewhere."""
        paths = torch.eye(D, dtype=torch.float64)
        for mask in masks:
            assert set(mask.unique().tolist()) <= {0.0, 1.0}
            paths = mask.double() @ paths
        assert_close((paths > 0).double(), torch.ones(D, D).tril(-1))

    @pytest.mark.hint("Follow the paths: may output i see input i? Does it see input i - 1?")
    def test_one_hidden_layer(self, answer):
        """With one hidden layer every output reads all inputs before it, and no other."""
        for D, width in [(5, 7), (3, 8), (6, 23)]:
            self.assert_reads_the_past(answer(D, [width]), D)

    @pytest.mark.hint("Between hidden layers equal degrees may be connected: > or >= ?")
    def test_deeper(self, answer):
        """With more hidden layers every output reads all inputs before it, and no other."""
        for D, hidden in [
            (4, [9, 5]),
            (6, [7, 12, 8]),
            (5, [6, 6, 6]),
            (3, [10, 2]),
            (12, [11, 15, 30, 12, 11, 19]),
        ]:
            self.assert_reads_the_past(answer(D, hidden), D)

    @pytest.mark.hint("With D - 1 units every degree that is of use occurs exactly once.")
    def test_smallest_widths(self, answer):
        """Hidden layers of D - 1 units are enough for every output to read all its past."""
        for D, hidden in [(6, [5]), (4, [3, 3]), (5, [4, 9, 4]), (2, [1])]:
            self.assert_reads_the_past(answer(D, hidden), D)

    @pytest.mark.hint("Without hidden units only one of the two rules is left: which?")
    def test_no_hidden_layer(self, answer):
        """Without hidden layers the one mask lets every output read all inputs before it."""
        for D in (2, 5, 9, 20):
            self.assert_reads_the_past(answer(D, []), D)

    @pytest.mark.hint("Multiply the weights by the masks and change one input at a time.")
    def test_in_a_network(self, answer):
        """In a network with random weights a changed input moves exactly the outputs after it."""
        D, hidden = 5, [11, 8]
        masks = answer(D, hidden)
        weights = [rand(*mask.shape, seed=seed) for seed, mask in enumerate(masks)]

        def network(x):
            for weight, mask in zip(weights[:-1], masks[:-1], strict=True):
                x = torch.tanh(x @ (weight * mask).T)
            return x @ (weights[-1] * masks[-1]).T

        x = rand(D, seed=9)
        moved = network(x + torch.eye(D)) - network(x)
        assert_close((moved.abs() > 1e-9).double(), torch.ones(D, D).triu(1))

    @pytest.mark.hint("If an output peeks at its own input the probabilities do not sum to 1.")
    def test_probabilities(self, answer):
        """As a model of bits the masked network has probabilities that sum to 1."""
        D = 4
        masks = answer(D, [9])
        one, two = (3 * rand(*mask.shape, seed=seed) * mask for seed, mask in enumerate(masks))
        bits = torch.tensor(list(itertools.product([0.0, 1.0], repeat=D)), dtype=torch.float64)
        logits = torch.tanh(bits @ one.T + 0.5) @ two.T - 0.3
        log_p = bits * logits - F.softplus(logits)
        assert_close(log_p.sum(dim=1).exp().sum(), 1.0)
        assert torch.all(logits.std(dim=0)[1:] > 1e-3)


class Test_pixelcnn_mask:
    @staticmethod
    def expected(k, kind):
        centre = (k // 2, k // 2)
        keep = [
            [(i, j) < centre or (kind == "B" and (i, j) == centre) for j in range(k)]
            for i in range(k)
        ]
        return np.array(keep, dtype=float)

    @pytest.mark.hint("Number the kernel's entries in reading order: which come before the centre?")
    def test_first_layer(self, answer):
        """A mask of kind A keeps just what is read before the centre, for every size."""
        for k in (3, 5, 7):
            assert_close(answer(k, "A"), self.expected(k, "A"))

    @pytest.mark.hint("Deeper layers may look at the centre: it no longer holds the pixel itself.")
    def test_later_layers(self, answer):
        """A mask of kind B keeps what is read before the centre, and the centre itself."""
        for k in (3, 5, 7, 1):
            assert_close(answer(k, "B"), self.expected(k, "B"))

    @pytest.mark.hint("Light one pixel: which pixels of the output may see it?")
    @pytest.mark.parametrize("kind", ["A", "B"])
    def test_one_bright_pixel(self, answer, kind):
        """In a convolution one bright pixel is seen by the pixels read after it, near by."""
        image = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
        image[0, 0, 4, 4] = 1
        seen = F.conv2d(image, answer(5, kind).double()[None, None], padding=2)[0, 0]
        rows, columns = np.nonzero(seen.numpy())
        here = {(4, 4)} if kind == "B" else set()
        below = {(i, j) for i in (5, 6) for j in range(2, 7)}
        assert (
            set(zip(rows.tolist(), columns.tolist(), strict=True))
            == {(4, 5), (4, 6)} | below | here
        )

    @pytest.mark.hint("After one layer A and then layers B no pixel may depend on itself.")
    def test_stack(self, answer):
        """Through a layer A and two layers B a pixel reads its past neighbours and no future."""
        kernels = [answer(3, kind).double()[None, None] for kind in "ABB"]
        image = rand(1, 1, 6, 6).requires_grad_()
        out = image
        for kernel in kernels:
            out = F.conv2d(out, kernel, padding=1)
        (gradient,) = torch.autograd.grad(out[0, 0, 3, 3], image)
        influence = gradient[0, 0].flatten()
        assert_close(influence[21:], torch.zeros(15))
        near = torch.tensor([20, 14, 15, 16])
        assert torch.all(influence[near] > 0.5)


class Test_ar_sample:
    @staticmethod
    def by_loop(cond, u):
        """Walk each sequence by itself: step over a token while its cumulated mass is <= u."""
        rows = []
        for noise in u.tolist():
            row = []
            for value in noise:
                p = cond(torch.tensor([row], dtype=torch.long))[0].tolist()
                cumulated, token = p[0], 0
                while cumulated <= value and token < len(p) - 1:
                    token += 1
                    cumulated += p[token]
                row.append(token)
            rows.append(row)
        return np.array(rows)

    @pytest.mark.hint("Cumulate the probabilities; the token's interval must contain u.")
    def test_inverse_cdf(self, answer):
        """With given noise every token of a Markov chain is the one whose interval contains it."""
        start, jump = table(4, seed=1), table(4, 4, seed=2)

        def cond(prefix):
            return jump[prefix[:, -1]] if prefix.shape[1] else start.expand(len(prefix), 4)

        u = rand(7, 5, low=0, high=1)
        assert_close(assert_pure(answer, cond, u), self.by_loop(cond, u))

    @pytest.mark.hint("cond needs all tokens so far, in order, and nothing else.")
    def test_whole_prefix(self, answer):
        """The next token depends on every token before it, on their order and their number."""
        choices = table(6, 3, seed=3)

        def cond(prefix):
            t = prefix.shape[1]
            key = (prefix * torch.arange(1, t + 1)).sum(dim=1) + t
            return choices[key % 6]

        for u in (rand(9, 6, low=0, high=1, seed=6), rand(2, 40, low=0, high=1, seed=7)):
            assert_close(answer(cond, u), self.by_loop(cond, u))

    @pytest.mark.hint("Evenly spread noise must give every sequence its share of the draws.")
    def test_frequencies(self, answer):
        """Over evenly spread noise every sequence comes up exactly as often as its probability."""
        start = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
        jump = torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.25, 0.75], [0.25, 0.75, 0.0]]).double()

        def cond(prefix):
            return jump[prefix[:, -1]] if prefix.shape[1] else start.expand(len(prefix), 3)

        axis = (torch.arange(4, dtype=torch.float64) + 0.5) / 4
        found = Counter(map(tuple, answer(cond, torch.cartesian_prod(axis, axis, axis)).tolist()))
        joint = start[:, None, None] * jump[:, :, None] * jump
        expected = {
            cell: 64 * joint[cell].item() for cell in np.ndindex(3, 3, 3) if joint[cell] > 0
        }
        assert found == expected

    @pytest.mark.hint("An interval holds its left end, not its right end: <= or < ?")
    def test_on_the_boundary(self, answer):
        """Noise that equals a cumulated probability draws the next token that is possible."""
        p = torch.tensor([0.0, 0.25, 0.0, 0.25, 0.5], dtype=torch.float64)
        u = torch.tensor([[0.0, 0.25], [0.5, 0.125], [0.375, 0.0], [0.75, 0.5]]).double()
        drawn = answer(lambda prefix: p.expand(len(prefix), 5), u)
        assert_close(drawn, [[1, 3], [4, 1], [3, 1], [4, 4]])

    @pytest.mark.hint("Cumulated probabilities may end just below 1: what does your search return?")
    def test_rounding(self, answer):
        """Noise just below 1 draws the last token, also where the probabilities add up to less."""
        p = torch.full((10,), 0.1 - 1e-9, dtype=torch.float64)
        u = torch.tensor([[1 - 2.0**-40, 0.55], [0.05, 1 - 2.0**-40]], dtype=torch.float64)
        assert_close(answer(lambda prefix: p.expand(len(prefix), 10), u), [[9, 5], [0, 9]])


class Test_gaussian_ar_params:
    @pytest.mark.hint("Regress coordinate i on the coordinates before it, and on those only.")
    def test_conditionals(self, answer):
        """Every row is the Gaussian's conditional, given the coordinates before it."""
        for D, seed in [(4, 5), (6, 8)]:
            mu, S = rand(D, seed=seed + 1), covariance(D, seed)
            B, a, v = (t.numpy() for t in assert_pure(answer, mu, S))
            past, m, C = rand(D, seed=3).numpy(), mu.numpy(), S.numpy()
            for i in range(D):
                weights = np.linalg.solve(C[:i, :i], C[:i, i]) if i else np.zeros(0)
                assert_close(B[i], np.pad(weights, (0, D - i)))
                assert_close(v[i], C[i, i] - weights @ C[:i, i])
                assert_close(a[i] + B[i] @ past, m[i] + weights @ (past - m)[:i])

    @pytest.mark.hint("Solve x = a + B x + sqrt(v) e for x: what are its mean and covariance?")
    def test_moments(self, answer):
        """The model's samples have the mean and the covariance they were built from."""
        mu, S = rand(5, seed=2), covariance(5, seed=3)
        B, a, v = answer(mu, S)
        inverse = torch.linalg.inv(torch.eye(5, dtype=torch.float64) - B.tril(-1))
        assert_close(inverse @ a, mu, rtol=1e-3, atol=1e-4)
        assert_close(inverse @ torch.diag(v) @ inverse.T, S, rtol=1e-3, atol=1e-4)

    @pytest.mark.hint("Add up the log-densities of the conditionals; v holds variances.")
    def test_density(self, answer):
        """The product of the conditionals is the joint density, at any point."""
        mu, S, x = rand(3, seed=4), covariance(3, seed=6), rand(8, 3, low=-4, high=4, seed=7)
        B, a, v = answer(mu, S)
        conditionals = -0.5 * (math.log(2 * math.pi) + v.log() + (x - a - x @ B.T) ** 2 / v)
        expected = stats.multivariate_normal(mu.numpy(), S.numpy()).logpdf(x.numpy())
        assert_close(conditionals.sum(dim=1), expected, rtol=1e-3, atol=1e-3)

    @pytest.mark.hint("In a chain only the coordinate just before matters: which covariance is it?")
    def test_chain(self, answer):
        """A first-order chain gets back its coefficient, its noise and its offset."""
        rho, steps = 0.8, torch.arange(5, dtype=torch.float64)
        S = 4 * rho ** (steps[:, None] - steps).abs()
        B, a, v = answer(torch.full((5,), 3.0).double(), S)
        assert_close(B, torch.diag(torch.full((4,), rho), -1))
        assert_close(a, [3.0, 0.6, 0.6, 0.6, 0.6])
        assert_close(v, [4.0, 1.44, 1.44, 1.44, 1.44])

    @pytest.mark.hint("A variance has the square of x's unit, a weight the ratio of two units.")
    def test_units(self, answer):
        """In other units of measurement the weights, offsets and variances change to match."""
        mu, S = rand(4, seed=8), covariance(4, seed=9)
        units = torch.tensor([0.05, 30.0, 1.0, 8.0], dtype=torch.float64)
        B, a, v = answer(units * mu, units[:, None] * S * units)
        L = np.linalg.cholesky(S.numpy())
        expected = np.eye(4) - np.diag(np.diag(L)) @ np.linalg.inv(L)
        assert_close(B * units / units[:, None], expected, rtol=1e-3, atol=1e-4)
        assert_close(v / units**2, np.diag(L) ** 2, rtol=1e-3)
        assert_close(a / units, mu.numpy() - expected @ mu.numpy(), rtol=1e-3, atol=1e-4)


class Masked(nn.Module):
    """A strictly autoregressive net with parameters: every m and alpha reads its whole past."""

    def __init__(self, D, seed=5):
        super().__init__()
        self.M = nn.Parameter(rand(D, D, seed=seed))
        self.A = nn.Parameter(0.5 * rand(D, D, seed=seed + 1))
        self.c = nn.Parameter(rand(D, seed=seed + 2))

    def forward(self, x):
        alpha = torch.tanh(x @ self.A.tril(-1).T) + 0.3 * self.c
        return x @ self.M.tril(-1).T + torch.sin(x @ self.A.tril(-1).T) + self.c, alpha


def masked(D, seed=5):
    """The same as a plain function, without parameters."""
    lower = torch.ones(D, D, dtype=torch.float64).tril(-1)
    M, A, c = (
        lower * rand(D, D, seed=seed),
        0.5 * lower * rand(D, D, seed=seed + 1),
        rand(D, seed=7),
    )

    def net(x):
        return x @ M.T + (x @ A.T).sin() + c, (x @ A.T).tanh() + 0.3 * c

    return net


def linear(D, seed=5):
    """A net whose flow is Gaussian, and the mean and the covariance of that Gaussian."""
    B, a, half = rand(D, D, seed=seed).tril(-1), rand(D, seed=seed + 1), rand(D, low=-1, high=1)
    inverse = torch.linalg.inv(torch.eye(D, dtype=torch.float64) - B)
    factor = (inverse * half.exp()).tril()

    def net(x):
        return x @ B.T + a, half.expand(x.shape)

    return net, inverse @ a, factor


class Test_maf_density:
    @pytest.mark.hint("Each coordinate is a Gaussian with mean m and standard deviation e^alpha.")
    def test_product_of_gaussians(self, answer):
        """The log-density is the sum of the log-densities of the conditional Gaussians."""
        net, x = masked(5), rand(3, 5, seed=8)
        m, alpha = (t.numpy() for t in net(x))
        expected = stats.norm.logpdf(x.numpy(), m, np.exp(alpha)).sum(axis=1)
        assert_close(assert_pure(answer, x, net), expected)

    @pytest.mark.hint("Is the log-determinant of x to z counted, with the right sign?")
    def test_integrates_to_one(self, answer):
        """The density of a bent two-dimensional flow integrates to 1."""

        def net(x):
            first, zero = x[:, 0], 0 * x[:, 0]
            return (
                torch.stack([zero + 0.4, 0.5 * first**2], dim=1),
                torch.stack([zero - 0.5, 0.4 * first.sin() - 0.2], dim=1),
            )

        axis, other = torch.linspace(-4, 4.8, 89).double(), torch.linspace(-7, 18, 301).double()
        density = answer(torch.cartesian_prod(axis, other), net).exp().reshape(89, 301)
        assert_close(torch.trapezoid(torch.trapezoid(density, other), axis), 1.0, rtol=1e-3)

    @pytest.mark.hint("With linear means and constant alphas the flow is a Gaussian: compare.")
    def test_gaussian(self, answer):
        """With means linear in the past the flow is a Gaussian with a triangular factor."""
        net, mean, factor = linear(4)
        x = rand(6, 4, low=-3, high=3, seed=9)
        gaussian = td.MultivariateNormal(mean, scale_tril=factor)
        assert_close(answer(x, net), gaussian.log_prob(x))

    @pytest.mark.hint("The density of z, times the volume factor of the map from x to z.")
    def test_change_of_variables(self, answer):
        """The log-density is that of the noise plus the log-determinant of the map to it."""
        net, x = masked(3, seed=11), rand(4, 3, seed=12)

        def noise(point):
            m, alpha = net(point[None])
            return (point - m[0]) / alpha[0].exp()

        expected = []
        for point in x:
            jacobian = torch.autograd.functional.jacobian(noise, point)
            log_n = stats.norm.logpdf(noise(point).numpy()).sum()
            expected.append(log_n + jacobian.det().abs().log().item())
        assert_close(answer(x, net), np.array(expected))

    @pytest.mark.hint("The net learns through this number: m and alpha must keep their history.")
    def test_gradients(self, answer):
        """The gradients reach the net's parameters and the data, with the right values."""
        net, x = Masked(4), rand(3, 4, seed=8).requires_grad_()
        weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        inputs = [x, *net.parameters()]
        m, alpha = net(x)
        log_p = td.Normal(m, alpha.exp()).log_prob(x).sum(dim=1)
        expected = torch.autograd.grad((weights * log_p).sum(), inputs)
        (weights * answer(x, net)).sum().backward()
        assert_close([t.grad for t in inputs], list(expected), rtol=1e-3, atol=1e-4)


class Test_maf_sample:
    @pytest.mark.hint("Turn the sample back into noise: you should get the noise you began with.")
    def test_round_trip(self, answer):
        """The flow from data to noise takes the sample back to the noise it was made of."""
        for B, D, seed in [(3, 5, 5), (2, 7, 6), (9, 2, 7)]:
            net, z = masked(D, seed), rand(B, D, seed=seed + 1)
            m, alpha = net(assert_pure(answer, z, net).double())
            x = m + alpha.exp() * z
            assert_close(answer(z, net), x, rtol=1e-3, atol=1e-4)

    @pytest.mark.hint("Coordinate i needs m_i and alpha_i at a sample whose earlier ones are done.")
    def test_coordinate_by_coordinate(self, answer):
        """A chain of any length, in which each coordinate hangs on the one before, comes out."""

        def net(x):
            before = torch.cat([0 * x[:, :1] + 1, x[:, :-1]], dim=1)
            return before.cos() * 2, 0.5 * before.sin()

        z = rand(2, 8, seed=4)
        expected = np.zeros((2, 8))
        for b in range(2):
            before = 1.0
            for i in range(8):
                before = 2 * math.cos(before) + math.exp(0.5 * math.sin(before)) * z[b, i].item()
                expected[b, i] = before
        assert_close(answer(z, net), expected, rtol=1e-3, atol=1e-3)

        def sums(x):
            before = torch.cat([0 * x[:, :1], x[:, :-1]], dim=1)
            return before, 0 * x - 0.5

        z = rand(1, 1030, seed=16)
        assert_close(answer(z, sums), math.exp(-0.5) * z.cumsum(dim=1), rtol=1e-3, atol=1e-3)

    @pytest.mark.hint("With linear means the result is a triangular matrix times z, plus the mean.")
    def test_gaussian(self, answer):
        """With means linear in the past the sample is an affine map of the noise."""
        net, mean, factor = linear(4)
        z = rand(3, 4, seed=9)
        assert_close(answer(z, net), mean + z @ factor.T)

    @pytest.mark.hint("How does x_i stretch when z_i does? Multiply by the standard deviation.")
    def test_volume(self, answer):
        """The log-determinant of the map from noise to sample is the sum of the alphas there."""
        D, h = 4, 1e-2
        net, z = masked(D, seed=13), rand(1, D, seed=14)
        steps = h * torch.eye(D, dtype=torch.float64)
        x = answer(torch.cat([z, z + steps, z - steps, z + 2 * steps, z - 2 * steps]), net).double()
        near, far = x[1:5] - x[5:9], x[9:13] - x[13:17]
        jacobian = (8 * near - far) / (12 * h)
        alpha = net(x[:1])[1]
        assert alpha.sum().abs() > 0.1
        assert_close(torch.linalg.slogdet(jacobian).logabsdet, alpha.sum(), rtol=1e-2, atol=2e-3)


class Test_free_run_kl:
    @staticmethod
    def model(T, V, seed):
        return [table(*[V] * (t + 1), seed=seed + t) for t in range(T)]

    @pytest.mark.hint(
        "Compare with the KL of the two joint tables: which model draws the prefixes?"
    )
    def test_total(self, answer):
        """The steps add up to the KL of the two distributions of whole sequences."""
        for T, V in [(3, 3), (5, 2), (1, 4)]:
            P, Q = self.model(T, V, seed=1), self.model(T, V, seed=21)
            expected = special.rel_entr(joint_of(P), joint_of(Q)).sum()
            assert_close(assert_pure(answer, P, Q).sum(), expected)

    @pytest.mark.hint(
        "For each step: one KL for each prefix, weighted by the prefix's probability."
    )
    def test_each_step(self, answer):
        """Every entry is the mean KL of that step over the first model's prefixes."""
        P, Q = self.model(3, 3, seed=2), self.model(3, 3, seed=12)
        expected = []
        for t in range(3):
            total = 0.0
            for prefix in itertools.product(range(3), repeat=t):
                reach = math.prod(P[s][prefix[: s + 1]].item() for s in range(t))
                total += reach * stats.entropy(P[t][prefix].numpy(), Q[t][prefix].numpy())
            expected.append(total)
        assert_close(answer(P, Q), np.array(expected))

    @pytest.mark.hint("The error happens after one token only: how often does the model get there?")
    def test_drift(self, answer):
        """Models that differ after one token only pay in proportion to how often it is drawn."""
        start = torch.tensor([0.9, 0.1], dtype=torch.float64)
        jump = torch.tensor([[0.8, 0.2], [0.3, 0.7]], dtype=torch.float64)
        other = torch.tensor([[0.8, 0.2], [0.75, 0.25]], dtype=torch.float64)
        P = [start, *[jump.expand(*[2] * t, 2, 2) for t in range(11)]]
        Q = [start, *[other.expand(*[2] * t, 2, 2) for t in range(11)]]
        cost = 0.3 * math.log(0.3 / 0.75) + 0.7 * math.log(0.7 / 0.25)
        expected, there = [0.0], 0.1
        for _ in range(11):
            expected.append(there * cost)
            there = 0.7 * there + 0.2 * (1 - there)
        assert_close(answer(P, Q), np.array(expected))

    @pytest.mark.hint("What the first model never draws has weight 0, even times infinity.")
    def test_never_drawn(self, answer):
        """Tokens and prefixes that the first model never draws cost nothing."""
        P = [torch.tensor([0.0, 1.0]), torch.tensor([[0.5, 0.5], [0.25, 0.75]])]
        Q = [torch.tensor([0.5, 0.5]), torch.tensor([[1.0, 0.0], [0.5, 0.5]])]
        P, Q = [p.double() for p in P], [q.double() for q in Q]
        expected = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
        assert_close(answer(P, Q), [math.log(2), expected])
        never = [torch.tensor([0.0, 1.0]).double(), Q[1]]
        assert_close(answer(P, never), [0.0, expected])

    @pytest.mark.hint("A token that one model draws and the other excludes: what is log(p / 0)?")
    def test_excluded(self, answer):
        """The step at which the other model excludes what is drawn costs infinitely much."""
        P, Q = self.model(3, 2, seed=3), self.model(3, 2, seed=13)
        Q[1][1] = torch.tensor([1.0, 0.0])
        first, _, last = answer(P, self.model(3, 2, seed=13)).tolist()
        assert first > 1e-3
        assert last > 1e-3
        assert_close(answer(P, Q), [first, math.inf, last])


class Test_bigram_fit:
    @pytest.mark.hint("Rows: the token before. Divide each row by its sum.")
    def test_counts(self, answer):
        """Every row holds the shares of what came next, with alpha added to each count."""
        seqs = [row.tolist() for row in [tokens(30, V=4), tokens(17, V=3, seed=6)]]
        pairs = Counter(pair for seq in seqs for pair in itertools.pairwise(seq))
        for alpha in (0.0, 0.5, 3.0):
            expected = np.array([[pairs[i, j] + alpha for j in range(4)] for i in range(4)])
            expected /= expected.sum(axis=1, keepdims=True)
            assert_close(answer(seqs, 4, alpha), expected)

    @pytest.mark.hint("The last token of one sequence is not followed by the first of the next.")
    def test_boundaries(self, answer):
        """No pair is counted across the end of a sequence, also when some are empty or single."""
        seqs = [[0, 1], [2, 0], [], [1], [2, 2]]
        for alpha in (0.2, 4.0):
            smoothed = np.array([[0, 1, 0], [0, 0, 0], [1, 0, 1]]) + alpha
            assert_close(answer(seqs, 3, alpha), smoothed / smoothed.sum(axis=1, keepdims=True))

    @pytest.mark.hint("A row without counts cannot be divided by its sum.")
    def test_nothing_follows(self, answer):
        """Without smoothing a token that nothing follows has a uniform row."""
        expected = [[0, 1, 0, 0], [0.25] * 4, [0.5, 0, 0.5, 0], [0.25] * 4]
        assert_close(answer([[2, 2, 0, 1]], 4, 0.0), expected)

    @pytest.mark.hint("Alpha goes to each of the V entries, before the division.")
    def test_smoothing(self, answer):
        """Each row is a mixture of the observed shares and the uniform distribution."""
        V, alpha, n = 5, 0.7, 6
        share = np.array([0, 4, 0, 2, 0]) / n
        weight = n / (n + alpha * V)
        found = answer([[0, 1, 0, 1, 0, 1], [0, 1], [0, 3], [0, 3]], V, alpha)
        assert_close(found[0], weight * share + (1 - weight) / V)
        assert_close(found[4], np.full(V, 1 / V))
