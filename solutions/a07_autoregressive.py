"""Reference answers of chapter 7: autoregressive models."""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def chain_rule_logprob(P: Tensor, x: Tensor) -> Tensor:
    """Return the T factors log p(x_t | x_<t) of each sequence, in nats, from a joint table.

    `P` has T axes, one for each position (they may differ in length): P[i, j, ...] is the
    probability of the sequence (i, j, ...), and all entries sum to 1.
    `x` (B, T) long: B sequences of positive probability. Returns (B, T); column t holds
    log p(x_t | x_0 ... x_{t-1}), the first column log p(x_0). Each row sums to log P[x].
    """
    ### BEGIN SOLUTION
    log_prefix = [torch.zeros(len(x), dtype=P.dtype)]
    for t in range(P.ndim):
        marginal = P.reshape(*P.shape[: t + 1], -1).sum(dim=-1)
        log_prefix.append(marginal[tuple(x[:, : t + 1].T)].log())
    return torch.stack(log_prefix, dim=1).diff(dim=1)
    ### END SOLUTION


def next_token_nll(logits: Tensor, x: Tensor) -> Tensor:
    """Return the mean cost -log p(x_{t+1} | x_0 ... x_t) of a next token, in nats.

    Shapes: `logits` (B, T, V), `x` (B, T) long with tokens 0 ... V-1; returns a scalar.
    Convention: logits[:, t] is computed from x_0 ... x_t and predicts x[:, t + 1]. So each
    sequence has T - 1 predictions; its first token is not predicted, its last logits are not used.
    The mean runs over all B (T - 1) predictions. Must be exact for logits of any size
    (+1000, -1000), and differentiable in `logits`.
    """
    ### BEGIN SOLUTION
    predictions, targets = logits[:, :-1], x[:, 1:]
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())
    ### END SOLUTION


def bits_per_dim(nll: Tensor, D: int) -> Tensor:
    """Return the bits for each of the D dimensions, given the nats for each sample.

    `nll` of any shape: -log p(x), a natural logarithm, of a whole sample with D dimensions.
    Returns a tensor of the same shape; differentiable in `nll`.
    """
    ### BEGIN SOLUTION
    return nll / (D * math.log(2))
    ### END SOLUTION


def made_masks(D: int, hidden: Sequence[int]) -> list[Tensor]:
    """Return the 0/1 weight masks that make a fully connected network autoregressive.

    The network has D inputs, hidden layers of the widths in `hidden`, and D outputs, with
    D >= 2 and every width >= D - 1. Returns len(hidden) + 1 float tensors in the order in which
    the layers are applied, each of the shape (out, in) of its layer's weight.
    Output i must depend on every input j < i, on no input j >= i, and so output 0 on none.
    Any assignment of degrees with this property will do. `hidden` may be empty: one (D, D) mask.
    """
    ### BEGIN SOLUTION
    inputs = torch.arange(1, D + 1)
    degrees = [inputs, *(torch.arange(width) % (D - 1) + 1 for width in hidden)]
    masks = [(after[:, None] >= before).float() for before, after in itertools.pairwise(degrees)]
    return [*masks, (inputs[:, None] > degrees[-1]).float()]
    ### END SOLUTION


def pixelcnn_mask(k: int, kind: str) -> Tensor:
    """Return the (k, k) float mask of 0 and 1 of a convolution kernel that reads in raster order.

    `k` is odd; the pixel that is computed lies under the centre of the kernel. Raster order is
    row by row from the top, each row from the left. `kind` "A" keeps the pixels strictly before
    the centre, "B" the centre too.
    """
    ### BEGIN SOLUTION
    before = k * k // 2
    mask = torch.zeros(k * k)
    mask[: before + (kind == "B")] = 1
    return mask.reshape(k, k)
    ### END SOLUTION


def ar_sample(cond: Callable[[Tensor], Tensor], u: Tensor) -> Tensor:
    """Draw B sequences of T tokens, one position after the other, by inverting the CDF.

    `cond(prefix)` takes a long tensor (B, t) of the t tokens drawn so far, t = 0 at first, and
    returns the probabilities (B, V) of the next token. `u` (B, T) is uniform noise in [0, 1).
    Returns (B, T) long. Token v owns the interval c_{v-1} <= u < c_v between the cumulated
    probabilities c (c_{-1} = 0), and u[b, t] decides token t of sequence b.
    The result is at most V - 1, also where rounding leaves c_{V-1} at or just below u.
    """
    ### BEGIN SOLUTION
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        cumulated = cond(x).cumsum(dim=1)
        token = (cumulated[:, :-1] <= u[:, t : t + 1]).sum(dim=1, keepdim=True)
        x = torch.cat([x, token], dim=1)
    return x
    ### END SOLUTION


def gaussian_ar_params(mu: Tensor, S: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Write N(mu, S) as an autoregressive model x = a + B x + sqrt(v) e, e ~ N(0, I).

    Shapes: `mu` (D,), `S` (D, D) symmetric positive definite.
    Returns `B` (D, D), strictly lower triangular, `a` (D,), and `v` (D,), the variances of the
    conditionals p(x_i | x_<i) = N(a_i + sum_{j<i} B_ij x_j, v_i).
    """
    ### BEGIN SOLUTION
    L = torch.linalg.cholesky(S)
    diagonal, eye = L.diagonal(), torch.eye(len(mu), dtype=S.dtype)
    unit_lower = L / diagonal
    B = eye - torch.linalg.solve_triangular(unit_lower, eye, upper=False, unitriangular=True)
    B = B.tril(-1)
    return B, mu - B @ mu, diagonal**2
    ### END SOLUTION


def maf_density(x: Tensor, net: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:
    """Return the log-density of each sample under a masked autoregressive flow, in nats.

    `net(x)` maps (B, D) to (m, alpha), each (B, D), whose coordinate i depends on x_<i only.
    The noise z_i = (x_i - m_i) exp(-alpha_i) is standard normal. `x` (B, D); returns (B,).
    Differentiable in `x` and in the parameters of `net`; one call of `net` is enough.
    """
    ### BEGIN SOLUTION
    m, alpha = net(x)
    z = (x - m) * torch.exp(-alpha)
    return (-0.5 * (z**2 + math.log(2 * math.pi)) - alpha).sum(dim=1)
    ### END SOLUTION


def maf_sample(z: Tensor, net: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:
    """Return the x with x_i = m_i + exp(alpha_i) z_i: invert a masked autoregressive flow.

    `net(x)` maps (B, D) to (m, alpha), each (B, D), whose coordinate i depends on x_<i only.
    `z` (B, D) is the noise; returns (B, D). `z` is left unchanged. No gradient is asked for.
    """
    ### BEGIN SOLUTION
    x = torch.zeros_like(z)
    for i in range(z.shape[1]):
        m, alpha = net(x)
        x = x.clone()
        x[:, i] = m[:, i] + alpha[:, i].exp() * z[:, i]
    return x
    ### END SOLUTION


def free_run_kl(P: Sequence[Tensor], Q: Sequence[Tensor]) -> Tensor:
    """Return, step by step, what KL(P || Q) costs along P's own prefixes, in nats.

    `P`, `Q`: T conditional tables each. P[t] has t + 1 axes of length V;
    P[t][i, ..., j, k] is the probability of token k after the prefix (i, ..., j).
    Returns (T,): entry t is the mean, over prefixes x_<t drawn from P, of
    KL(P(. | x_<t) || Q(. | x_<t)). The sum of the entries is the KL of the two joint distributions.
    What P gives probability 0, token or prefix, costs nothing, whatever Q says there;
    an entry is infinite where Q excludes a token that P does produce.
    """
    ### BEGIN SOLUTION
    reach = torch.ones((), dtype=P[0].dtype)
    costs = []
    for p, q in zip(P, Q, strict=True):
        joint = reach[..., None] * p
        costs.append(torch.where(joint > 0, joint * (p / q).log(), 0.0).sum())
        reach = joint
    return torch.stack(costs)
    ### END SOLUTION


def bigram_fit(seqs: Sequence[Sequence[int]], V: int, alpha: float) -> Tensor:
    """Return the (V, V) table A[i, j] of the probability that token j follows token i.

    `seqs`: sequences of tokens 0 ... V-1, of any lengths (empty ones and single tokens too).
    Pairs are counted inside a sequence, never across the end of one to the start of the next.
    `alpha` >= 0 is added to the count of every pair. Each row sums to 1; a row without any
    count (alpha = 0 and a token that nothing follows) is uniform, 1/V. Returns float64.
    """
    ### BEGIN SOLUTION
    counts = torch.full((V, V), alpha, dtype=torch.float64)
    for sequence in seqs:
        for before, after in itertools.pairwise(sequence):
            counts[before, after] += 1
    counts[counts.sum(dim=1) == 0] = 1.0
    return counts / counts.sum(dim=1, keepdim=True)
    ### END SOLUTION
