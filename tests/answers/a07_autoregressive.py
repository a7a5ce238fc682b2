"""Known answers of chapter 7: misconceptions, and other right ways."""

import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.answers import right, wrong

# ── chain_rule_logprob ────────────────────────────────────────────────────────────────────────


@wrong(
    "multiplies the marginals, as if the positions were independent", caught_by="test_every_cell"
)
def chain_rule_logprob__marginals(P, x):
    columns = []
    for t in range(P.ndim):
        marginal = P.movedim(t, 0).reshape(P.shape[t], -1).sum(dim=1)
        columns.append(marginal[x[:, t]].log())
    return torch.stack(columns, dim=1)


@wrong("does not divide by the probability of the prefix", caught_by="test_every_cell")
def chain_rule_logprob__not_divided(P, x):
    columns = []
    for t in range(P.ndim):
        marginal = P.reshape(*P.shape[: t + 1], -1).sum(dim=-1)
        columns.append(marginal[tuple(x[:, : t + 1].T)].log())
    return torch.stack(columns, dim=1)


@wrong("returns probabilities, not their logarithms", caught_by="test_every_cell")
def chain_rule_logprob__probabilities(P, x):
    before, columns = torch.ones(len(x), dtype=P.dtype), []
    for t in range(P.ndim):
        marginal = P.reshape(*P.shape[: t + 1], -1).sum(dim=-1)[tuple(x[:, : t + 1].T)]
        columns.append(marginal / before)
        before = marginal
    return torch.stack(columns, dim=1)


@wrong("takes logarithms to the base 2", caught_by="test_every_cell")
def chain_rule_logprob__bits(P, x):
    log_prefix = [torch.zeros(len(x), dtype=P.dtype)]
    for t in range(P.ndim):
        marginal = P.reshape(*P.shape[: t + 1], -1).sum(dim=-1)
        log_prefix.append(marginal[tuple(x[:, : t + 1].T)].log2())
    return torch.stack(log_prefix, dim=1).diff(dim=1)


@wrong("conditions on the positions that come after, not before", caught_by="test_conditionals")
def chain_rule_logprob__backwards(P, x):
    T = P.ndim
    log_suffix = [torch.zeros(len(x), dtype=P.dtype)]
    for t in reversed(range(T)):
        marginal = P.reshape(-1, *P.shape[t:]).sum(dim=0)
        log_suffix.insert(0, marginal[tuple(x[:, t:].T)].log())
    return -torch.stack(log_suffix, dim=1).diff(dim=1)


@wrong("puts the whole log-probability into the last column", caught_by="test_conditionals")
def chain_rule_logprob__all_at_the_end(P, x):
    factors = torch.zeros(x.shape, dtype=P.dtype)
    factors[:, -1] = P[tuple(x.T)].log()
    return factors


@wrong("spreads the log-probability evenly over the positions", caught_by="test_conditionals")
def chain_rule_logprob__spread(P, x):
    total = P[tuple(x.T)].log()
    return (total / P.ndim)[:, None].expand(len(x), P.ndim).clone()


@wrong("conditions on the token just before only", caught_by="test_every_cell")
def chain_rule_logprob__first_order(P, x):
    T = P.ndim
    columns = []
    for t in range(T):
        single = P.movedim(t, 0).reshape(P.shape[t], -1).sum(dim=1)
        if t == 0:
            columns.append(single[x[:, 0]].log())
            continue
        pair = P.movedim((t - 1, t), (0, 1)).reshape(P.shape[t - 1], P.shape[t], -1).sum(dim=2)
        conditional = pair / pair.sum(dim=1, keepdim=True)
        columns.append(conditional[x[:, t - 1], x[:, t]].log())
    return torch.stack(columns, dim=1)


@wrong(
    "factorises from the last position on and returns the columns in that order",
    caught_by="test_zeros_in_the_table",
)
def chain_rule_logprob__last_axes(P, x):
    reverse = P.permute(*reversed(range(P.ndim)))
    y = x.flip(1)
    log_prefix = [torch.zeros(len(x), dtype=P.dtype)]
    for t in range(P.ndim):
        marginal = reverse.reshape(*reverse.shape[: t + 1], -1).sum(dim=-1)
        log_prefix.append(marginal[tuple(y[:, : t + 1].T)].log())
    return torch.stack(log_prefix, dim=1).diff(dim=1)


@wrong("returns costs, minus the log-probabilities", caught_by="test_every_cell")
def chain_rule_logprob__negated(P, x):
    log_prefix = [torch.zeros(len(x), dtype=P.dtype)]
    for t in range(P.ndim):
        marginal = P.reshape(*P.shape[: t + 1], -1).sum(dim=-1)
        log_prefix.append(marginal[tuple(x[:, : t + 1].T)].log())
    return -torch.stack(log_prefix, dim=1).diff(dim=1)


@wrong(
    "sums the whole table at the last position, where no axis is left",
    caught_by="test_markov_chain",
)
def chain_rule_logprob__empty_dim(P, x):
    before, columns = torch.zeros(len(x), dtype=P.dtype), []
    for t in range(P.ndim):
        marginal = P.sum(dim=tuple(range(t + 1, P.ndim)), keepdim=True)
        index = tuple(
            (x[:, s] if s <= t else 0 * x[:, s]) % marginal.shape[s] for s in range(P.ndim)
        )
        log_p = marginal[index].log()
        columns.append(log_p - before)
        before = log_p
    return torch.stack(columns, dim=1)


@right("conditional tables first, then a look-up")
def chain_rule_logprob__tables(P, x):
    columns, rest = [], P
    marginals = [P]
    while rest.ndim > 1:
        rest = rest.sum(dim=-1)
        marginals.insert(0, rest)
    for t, marginal in enumerate(marginals):
        total = marginal.sum(dim=-1, keepdim=True)
        conditional = marginal / torch.where(total > 0, total, 1.0)
        columns.append(torch.log(conditional[tuple(x[:, s] for s in range(t + 1))]))
    return torch.stack(columns, dim=1)


@right("a loop that cuts the table down token by token")
def chain_rule_logprob__slices(P, x):
    rows = []
    for sequence in x.tolist():
        left, row = P, []
        for token in sequence:
            total = left.sum()
            left = left[token]
            row.append((left.sum() / total).item())
        rows.append(row)
    return torch.tensor(rows, dtype=P.dtype).log()


@right("in numpy, with logarithms of prefix sums")
def chain_rule_logprob__numpy(P, x):
    table, cells = P.numpy(), x.numpy()
    out = np.zeros(cells.shape)
    for b, cell in enumerate(cells):
        previous = 0.0
        for t in range(len(cell)):
            now = np.log(table[tuple(cell[: t + 1])].sum())
            out[b, t] = now - previous
            previous = now
    return torch.from_numpy(out)


@right("in single precision")
def chain_rule_logprob__float32(P, x):
    P = P.float()
    prefix = [torch.ones(len(x))]
    for t in range(P.ndim):
        later = tuple(range(t + 1, P.ndim))
        marginal = P.sum(dim=later) if later else P
        prefix.append(marginal[tuple(x[:, : t + 1].T)])
    return torch.stack([(a / b).log() for b, a in itertools.pairwise(prefix)], dim=1)


# ── next_token_nll ────────────────────────────────────────────────────────────────────────────


@wrong("does not shift: logits at t score the token at t", caught_by="test_who_predicts_whom")
def next_token_nll__no_shift(logits, x):
    return F.cross_entropy(logits.flatten(0, 1), x.flatten())


@wrong("does not shift, and leaves out the last position", caught_by="test_who_predicts_whom")
def next_token_nll__no_shift_cut(logits, x):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), x[:, :-1].flatten())


@wrong("shifts the wrong way: logits score the token before", caught_by="test_value")
def next_token_nll__shifted_back(logits, x):
    return F.cross_entropy(logits[:, 1:].flatten(0, 1), x[:, :-1].flatten())


@wrong("rolls the targets, so that the last logits predict the first token", caught_by="test_value")
def next_token_nll__rolled(logits, x):
    return F.cross_entropy(logits.flatten(0, 1), x.roll(-1, dims=1).flatten())


@wrong("sums over the positions: one cost for each sequence", caught_by="test_size_does_not_matter")
def next_token_nll__per_sequence(logits, x):
    cost = F.cross_entropy(logits[:, :-1].transpose(1, 2), x[:, 1:], reduction="none")
    return cost.sum(dim=1).mean()


@wrong("sums over all predictions of the batch", caught_by="test_size_does_not_matter")
def next_token_nll__total(logits, x):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), x[:, 1:].flatten(), reduction="sum")


@wrong("divides by T although there are T - 1 predictions", caught_by="test_size_does_not_matter")
def next_token_nll__divided_by_length(logits, x):
    cost = F.cross_entropy(logits[:, :-1].transpose(1, 2), x[:, 1:], reduction="sum")
    return cost / x.numel()


@wrong("applies a softmax before a loss that applies one too", caught_by="test_value")
def next_token_nll__double_softmax(logits, x):
    probabilities = torch.softmax(logits[:, :-1], dim=-1)
    return F.cross_entropy(probabilities.flatten(0, 1), x[:, 1:].flatten())


@wrong("measures in bits", caught_by="test_size_does_not_matter")
def next_token_nll__bits(logits, x):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), x[:, 1:].flatten()) / math.log(2)


@wrong(
    "reshapes where it should transpose, and mixes positions with tokens", caught_by="test_value"
)
def next_token_nll__reshaped(logits, x):
    B, T, V = logits.shape
    return F.cross_entropy(logits[:, :-1].reshape(B, V, T - 1), x[:, 1:])


@wrong("takes exponentials first: overflows for large logits", caught_by="test_large_logits")
def next_token_nll__naive(logits, x):
    p = logits.exp() / logits.exp().sum(dim=-1, keepdim=True)
    chosen = p[:, :-1].gather(2, x[:, 1:, None])
    return -chosen.log().mean()


@wrong("adds 1e-8 to the probability before the logarithm", caught_by="test_large_logits")
def next_token_nll__epsilon(logits, x):
    p = torch.softmax(logits[:, :-1], dim=-1).gather(2, x[:, 1:, None])
    return -(p + 1e-8).log().mean()


@wrong("normalises over the positions instead of the tokens", caught_by="test_value")
def next_token_nll__softmax_over_time(logits, x):
    log_p = torch.log_softmax(logits[:, :-1], dim=1)
    return -log_p.gather(2, x[:, 1:, None]).mean()


@wrong("returns the mean log-probability, without the minus sign", caught_by="test_value")
def next_token_nll__sign(logits, x):
    log_p = torch.log_softmax(logits[:, :-1], dim=-1)
    return log_p.gather(2, x[:, 1:, None]).mean()


@wrong("scores only the last token of each sequence", caught_by="test_value")
def next_token_nll__last_only(logits, x):
    return F.cross_entropy(logits[:, -2], x[:, -1])


@wrong("averages over all V tokens, not only the one that happened", caught_by="test_value")
def next_token_nll__mean_over_vocabulary(logits, x):
    onehot = F.one_hot(x[:, 1:], logits.shape[2])
    return -(onehot * torch.log_softmax(logits[:, :-1], dim=-1)).mean()


@right("with the vocabulary moved to the second axis")
def next_token_nll__transposed(logits, x):
    return F.cross_entropy(logits.permute(0, 2, 1)[:, :, :-1], x[:, 1:])


@right("log-softmax and NLLLoss")
def next_token_nll__nll_loss(logits, x):
    V = logits.shape[-1]
    log_p = F.log_softmax(logits, dim=-1)[:, :-1]
    return torch.nn.NLLLoss()(log_p.reshape(-1, V), x[:, 1:].reshape(-1))


@right("through a categorical distribution")
def next_token_nll__categorical(logits, x):
    return -torch.distributions.Categorical(logits=logits[:, :-1]).log_prob(x[:, 1:]).mean()


@right("logsumexp minus the chosen logit")
def next_token_nll__logsumexp(logits, x):
    kept = logits[:, :-1]
    chosen = kept.gather(-1, x[:, 1:].unsqueeze(-1)).squeeze(-1)
    return (torch.logsumexp(kept, dim=-1) - chosen).mean()


@right("a loop over sequences and positions")
def next_token_nll__loop(logits, x):
    total, count = 0.0, 0
    for b in range(x.shape[0]):
        for t in range(1, x.shape[1]):
            row = logits[b, t - 1]
            total = total + torch.logsumexp(row, dim=0) - row[x[b, t]]
            count += 1
    return total / count


@right("with one-hot targets, in single precision")
def next_token_nll__onehot(logits, x):
    onehot = F.one_hot(x[:, 1:], logits.shape[-1]).float()
    log_p = torch.log_softmax(logits[:, :-1].float(), dim=-1)
    return -(onehot * log_p).sum(dim=-1).mean()


@wrong("takes the mean logit out of the sum", caught_by="test_large_logits")
def next_token_nll__shift_by_mean(logits, x):
    moved = logits[:, :-1]
    moved = moved - moved.mean(-1, keepdim=True)
    log_p = moved - torch.log(torch.exp(moved).sum(-1, keepdim=True))
    return -log_p.gather(2, x[:, 1:, None]).mean()


# ── bits_per_dim ──────────────────────────────────────────────────────────────────────────────


@wrong("forgets to change from nats to bits", caught_by="test_uniform")
def bits_per_dim__nats(nll, D):
    return nll / D


@wrong("multiplies by ln 2 instead of dividing", caught_by="test_uniform")
def bits_per_dim__times_ln2(nll, D):
    return nll * math.log(2) / D


@wrong("divides by the logarithm of 2 to the base 10", caught_by="test_uniform")
def bits_per_dim__log10(nll, D):
    return nll / (D * math.log10(2))


@wrong("gives the bits of the whole sample", caught_by="test_uniform")
def bits_per_dim__whole_sample(nll, D):
    return nll / math.log(2)


@wrong("takes the base-2 logarithm of the nats", caught_by="test_uniform")
def bits_per_dim__log_of_nll(nll, D):
    return torch.log2(nll / D)


@wrong("averages over the batch", caught_by="test_batch")
def bits_per_dim__mean(nll, D):
    return (nll / (D * math.log(2))).mean().expand(nll.shape)


@wrong("cuts negative costs off at 0", caught_by="test_negative")
def bits_per_dim__clamped(nll, D):
    return (nll / (D * math.log(2))).clamp(min=0)


@wrong("changes the sign", caught_by="test_uniform")
def bits_per_dim__sign(nll, D):
    return -nll / (D * math.log(2))


@wrong("leaves the graph: no gradient comes back", caught_by="test_gradient")
def bits_per_dim__detached(nll, D):
    return torch.as_tensor(nll.detach().numpy() / (D * np.log(2)))


@right("multiplies by log2 of e")
def bits_per_dim__log2e(nll, D):
    return nll * math.log2(math.e) / D


@right("each dimension first, then bits, with numpy's constant")
def bits_per_dim__two_steps(nll, D):
    nats = nll / D
    return nats / np.log(2.0)


@right("with torch's logarithm, in single precision")
def bits_per_dim__torch(nll, D):
    return nll.float() / D / torch.log(torch.tensor(2.0))


# ── made_masks ────────────────────────────────────────────────────────────────────────────────


@wrong(
    "asks for strictly larger degrees in the hidden layers too", caught_by="test_one_hidden_layer"
)
def made_masks__strict_everywhere(D, hidden):
    degrees = [torch.arange(1, D + 1)]
    degrees += [torch.arange(width) % (D - 1) + 1 for width in hidden]
    degrees.append(torch.arange(1, D + 1))
    return [(b[:, None] > a[None, :]).float() for a, b in itertools.pairwise(degrees)]


@wrong(
    "lets the outputs see equal degrees, and so their own inputs", caught_by="test_probabilities"
)
def made_masks__peeks(D, hidden):
    degrees = [torch.arange(1, D + 1)]
    degrees += [torch.arange(width) % (D - 1) + 1 for width in hidden]
    degrees.append(torch.arange(1, D + 1))
    return [(b[:, None] >= a[None, :]).float() for a, b in itertools.pairwise(degrees)]


@wrong("returns masks of the shape (in, out)", caught_by="test_one_hidden_layer")
def made_masks__transposed(D, hidden):
    degrees = [torch.arange(1, D + 1)]
    degrees += [torch.arange(width) % (D - 1) + 1 for width in hidden]
    masks = [(b[None, :] >= a[:, None]).float() for a, b in itertools.pairwise(degrees)]
    return [*masks, (torch.arange(1, D + 1)[None, :] > degrees[-1][:, None]).float()]


@wrong(
    "reverses the order: every output sees the inputs after it", caught_by="test_one_hidden_layer"
)
def made_masks__reversed(D, hidden):
    degrees = [torch.arange(D, 0, -1)]
    degrees += [torch.arange(width) % (D - 1) + 1 for width in hidden]
    masks = [(b[:, None] >= a).float() for a, b in itertools.pairwise(degrees)]
    return [*masks, (torch.arange(D, 0, -1)[:, None] > degrees[-1]).float()]


@wrong("masks the last layer only and leaves the others open", caught_by="test_in_a_network")
def made_masks__last_only(D, hidden):
    widths = [D, *hidden, D]
    masks = [torch.ones(b, a) for a, b in itertools.pairwise(widths)]
    masks[-1] = torch.ones(D, widths[-2]).tril(-1)
    return masks


@wrong("masks the first layer only and leaves the others open", caught_by="test_in_a_network")
def made_masks__first_only(D, hidden):
    widths = [D, *hidden, D]
    masks = [torch.ones(b, a) for a, b in itertools.pairwise(widths)]
    masks[0] = torch.ones(widths[1], D).tril(-1)
    return masks


@wrong("leaves the masks between hidden layers open", caught_by="test_deeper")
def made_masks__middle_open(D, hidden):
    degrees = [torch.arange(1, D + 1)]
    degrees += [torch.arange(width) % (D - 1) + 1 for width in hidden]
    degrees.append(torch.arange(1, D + 1))
    masks = [torch.ones(len(b), len(a)) for a, b in itertools.pairwise(degrees)]
    if hidden:
        masks[0] = (degrees[1][:, None] >= degrees[0]).float()
    masks[-1] = (degrees[-1][:, None] > degrees[-2]).float()
    return masks


@wrong(
    "numbers the hidden degrees from 0, so that D - 1 may be missing",
    caught_by="test_smallest_widths",
)
def made_masks__degrees_from_zero(D, hidden):
    degrees = [torch.arange(1, D + 1)]
    degrees += [torch.arange(width) % (D - 1) for width in hidden]
    masks = [(b[:, None] >= a).float() for a, b in itertools.pairwise(degrees)]
    return [*masks, (torch.arange(1, D + 1)[:, None] > degrees[-1]).float()]


@wrong(
    "draws the hidden degrees at random, so that some are missing", caught_by="test_smallest_widths"
)
def made_masks__random(D, hidden):
    generator = torch.Generator().manual_seed(0)
    degrees = [torch.arange(1, D + 1)]
    for width in hidden:
        degrees.append(torch.randint(1, D, (width,), generator=generator))
    masks = [(b[:, None] >= a).float() for a, b in itertools.pairwise(degrees)]
    return [*masks, (torch.arange(1, D + 1)[:, None] > degrees[-1]).float()]


@wrong("cuts a strict triangle from every layer", caught_by="test_deeper")
def made_masks__strict_triangles(D, hidden):
    widths = [D, *hidden, D]
    return [torch.ones(b, a).tril(-1) for a, b in itertools.pairwise(widths)]


@wrong(
    "gives every hidden unit the degree of its first input only", caught_by="test_one_hidden_layer"
)
def made_masks__one_degree(D, hidden):
    degrees = [torch.arange(1, D + 1), *(torch.ones(width) for width in hidden)]
    masks = [(b[:, None] >= a).float() for a, b in itertools.pairwise(degrees)]
    return [*masks, (torch.arange(1, D + 1)[:, None] > degrees[-1]).float()]


@wrong(
    "connects equal degrees only, and forgets the smaller ones", caught_by="test_one_hidden_layer"
)
def made_masks__equal_only(D, hidden):
    degrees = [torch.arange(1, D + 1)]
    degrees += [torch.arange(width) % (D - 1) + 1 for width in hidden]
    masks = [(b[:, None] == a).float() for a, b in itertools.pairwise(degrees)]
    return [*masks, (torch.arange(1, D + 1)[:, None] == degrees[-1] + 1).float()]


@wrong(
    "lets an output see its past except the input just before it", caught_by="test_no_hidden_layer"
)
def made_masks__skips_the_last(D, hidden):
    degrees = [torch.arange(1, D + 1)]
    degrees += [torch.arange(width) % (D - 1) + 1 for width in hidden]
    masks = [(b[:, None] >= a).float() for a, b in itertools.pairwise(degrees)]
    return [*masks, (torch.arange(1, D + 1)[:, None] > degrees[-1] + 1).float()]


@wrong("leaves all connections open", caught_by="test_probabilities")
def made_masks__all_ones(D, hidden):
    widths = [D, *hidden, D]
    return [torch.ones(b, a) for a, b in itertools.pairwise(widths)]


@wrong(
    "returns the identity where there are no hidden layers",
    caught_by="test_no_hidden_layer",
)
def made_masks__identity_without_hidden(D, hidden):
    if not hidden:
        return [torch.eye(D)]
    degrees = [torch.arange(1, D + 1)]
    degrees += [torch.arange(width) % (D - 1) + 1 for width in hidden]
    masks = [(b[:, None] >= a).float() for a, b in itertools.pairwise(degrees)]
    return [*masks, (torch.arange(1, D + 1)[:, None] > degrees[-1]).float()]


@right("loops over units")
def made_masks__loops(D, hidden):
    degrees = [list(range(1, D + 1))]
    for width in hidden:
        degrees.append([1 + unit % (D - 1) for unit in range(width)])
    degrees.append(list(range(1, D + 1)))
    masks = []
    for layer in range(len(degrees) - 1):
        below, above = degrees[layer], degrees[layer + 1]
        last = layer == len(degrees) - 2
        mask = torch.zeros(len(above), len(below))
        for o, b in enumerate(above):
            for i, a in enumerate(below):
                if b > a or (b == a and not last):
                    mask[o, i] = 1.0
        masks.append(mask)
    return masks


@right("degrees in blocks, from 0 for the inputs")
def made_masks__blocks(D, hidden):
    degrees = [torch.arange(D)]
    for width in hidden:
        degrees.append(torch.arange(width) * (D - 1) // width)
    masks = [(b[:, None] >= a).double() for a, b in itertools.pairwise(degrees)]
    return [*masks, (torch.arange(D)[:, None] > degrees[-1]).double()]


@right("triangles cut from each layer")
def made_masks__triangles(D, hidden):
    widths = [D, *hidden, D]
    masks = [torch.ones(b, a).tril() for a, b in itertools.pairwise(widths)]
    masks[-1] = masks[-1].tril(-1)
    return masks


@right("all degrees once, the other units at random")
def made_masks__random_rest(D, hidden):
    degrees = [torch.arange(1, D + 1)]
    for width in hidden:
        rest = torch.randint(1, D, (width - D + 1,))
        degrees.append(torch.cat([torch.arange(1, D), rest])[torch.randperm(width)])
    masks = [torch.ge(b.unsqueeze(1), a).float() for a, b in itertools.pairwise(degrees)]
    masks.append(torch.gt(torch.arange(1, D + 1).unsqueeze(1), degrees[-1]).float())
    return masks


@right("in numpy, with degrees that count down")
def made_masks__numpy(D, hidden):
    below = np.arange(1, D + 1)
    masks = []
    for width in hidden:
        above = D - 1 - np.arange(width) % (D - 1)
        masks.append((above[:, None] >= below[None, :]).astype(np.float32))
        below = above
    masks.append((np.arange(1, D + 1)[:, None] > below[None, :]).astype(np.float32))
    return [torch.from_numpy(mask) for mask in masks]


@right("the first layer does the work, the others pass each degree on to itself")
def made_masks__channels(D, hidden):
    if not hidden:
        return [torch.tril(torch.ones(D, D), diagonal=-1)]
    channel = [torch.arange(width) % (D - 1) for width in hidden]
    masks = [(channel[0][:, None] >= torch.arange(D)).float()]
    for a, b in itertools.pairwise(channel):
        masks.append((b[:, None] == a).float())
    masks.append((torch.arange(D)[:, None] == channel[-1] + 1).float())
    return masks


@right("with spare units that are never used")
def made_masks__spare(D, hidden):
    degrees = [torch.arange(1, D + 1), *(torch.arange(1, width + 1) for width in hidden)]
    masks = [(b[:, None] >= a).float() for a, b in itertools.pairwise(degrees)]
    masks.append((torch.arange(1, D + 1)[:, None] > degrees[-1]).float())
    return masks


@right("degrees spread evenly by linspace")
def made_masks__linspace(D, hidden):
    degrees = [torch.arange(1, D + 1)]
    for width in hidden:
        degrees.append(torch.linspace(1, D - 1, width, dtype=torch.float64).round().long())
    degrees.append(torch.arange(0, D))
    return [(b[:, None] >= a).to(torch.float32) for a, b in itertools.pairwise(degrees)]


@right("with every mask triangular")
def made_masks__triangular(D, hidden):
    sizes = [D, *hidden, D]
    masks = [torch.ones(b, a).tril() for a, b in itertools.pairwise(sizes)]
    return [*masks[:-1], torch.ones(sizes[-1], sizes[-2]).tril(-1)]


@right("with units that no output reads")
def made_masks__useless_degree(D, hidden):
    degrees = [torch.arange(1, D + 1)] + [
        torch.arange(h) % D + 1 if h >= D else torch.arange(h) % (D - 1) + 1 for h in hidden
    ]
    masks = [(b[:, None] >= a).float() for a, b in itertools.pairwise(degrees)]
    return [*masks, (degrees[0][:, None] > degrees[-1]).float()]


# ── pixelcnn_mask ─────────────────────────────────────────────────────────────────────────────


@wrong("swaps the two kinds", caught_by="test_first_layer")
def pixelcnn_mask__swapped(k, kind):
    mask = torch.zeros(k, k)
    mask[: k // 2] = 1
    mask[k // 2, : k // 2 + (kind == "A")] = 1
    return mask


@wrong("keeps the pixels after the centre instead of before", caught_by="test_first_layer")
def pixelcnn_mask__flipped(k, kind):
    mask = torch.zeros(k, k)
    mask[: k // 2] = 1
    mask[k // 2, : k // 2 + (kind == "B")] = 1
    return mask.flip(0, 1)


@wrong("reads column by column", caught_by="test_first_layer")
def pixelcnn_mask__transposed(k, kind):
    mask = torch.zeros(k, k)
    mask[: k // 2] = 1
    mask[k // 2, : k // 2 + (kind == "B")] = 1
    return mask.T


@wrong(
    "closes whole columns: nothing to the right of the centre, in any row", caught_by="test_stack"
)
def pixelcnn_mask__column(k, kind):
    mask = torch.ones(k, k)
    mask[k // 2 + 1 :] = 0
    mask[:, k // 2 + 1 :] = 0
    if kind == "A":
        mask[k // 2, k // 2] = 0
    return mask


@wrong("ignores the kind and always keeps the centre", caught_by="test_first_layer")
def pixelcnn_mask__always_b(k, kind):
    mask = torch.ones(k, k)
    mask[k // 2, k // 2 + 1 :] = 0
    mask[k // 2 + 1 :] = 0
    return mask


@wrong("ignores the kind and never keeps the centre", caught_by="test_later_layers")
def pixelcnn_mask__always_a(k, kind):
    mask = torch.ones(k, k)
    mask[k // 2, k // 2 :] = 0
    mask[k // 2 + 1 :] = 0
    return mask


@wrong("leaves out the centre's own row", caught_by="test_stack")
def pixelcnn_mask__rows_above(k, kind):
    mask = torch.zeros(k, k)
    mask[: k // 2] = 1
    if kind == "B":
        mask[k // 2, k // 2] = 1
    return mask


@wrong("keeps the whole row of the centre", caught_by="test_one_bright_pixel")
def pixelcnn_mask__whole_row(k, kind):
    mask = torch.zeros(k, k)
    mask[: k // 2 + 1] = 1
    if kind == "A":
        mask[k // 2, k // 2] = 0
    return mask


@wrong("takes a lower triangle of the kernel", caught_by="test_first_layer")
def pixelcnn_mask__triangle(k, kind):
    return torch.ones(k, k).tril(0 if kind == "B" else -1)


@wrong("averages: divides the mask by the number of pixels it keeps", caught_by="test_first_layer")
def pixelcnn_mask__averaged(k, kind):
    mask = torch.zeros(k * k)
    mask[: k * k // 2 + (kind == "B")] = 1
    return (mask / mask.sum().clamp(min=1)).reshape(k, k)


@right("two slices")
def pixelcnn_mask__slices(k, kind):
    c = k // 2
    mask = torch.zeros(k, k)
    mask[:c, :] = 1
    mask[c, :c] = 1
    if kind == "B":
        mask[c, c] = 1
    return mask


@right("ones, with the future closed")
def pixelcnn_mask__closed(k, kind):
    mask = torch.ones((k, k))
    mask[k // 2, k // 2 + (1 if kind == "B" else 0) :] = 0
    mask[k // 2 + 1 :, :] = 0
    return mask


@right("comparing reading positions, in numpy")
def pixelcnn_mask__positions(k, kind):
    position = np.arange(k * k).reshape(k, k)
    centre = position[k // 2, k // 2]
    keep = position <= centre if kind == "B" else position < centre
    return torch.tensor(keep.astype(float))


@right("a double loop")
def pixelcnn_mask__loop(k, kind):
    rows = []
    for i in range(k):
        row = []
        for j in range(k):
            above = i < k // 2
            left = i == k // 2 and j < k // 2
            here = i == j == k // 2 and kind == "B"
            row.append(float(above or left or here))
        rows.append(row)
    return torch.tensor(rows)


# ── ar_sample ─────────────────────────────────────────────────────────────────────────────────


@wrong("takes the most probable token and ignores the noise", caught_by="test_frequencies")
def ar_sample__argmax(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for _ in range(u.shape[1]):
        x = torch.cat([x, cond(x).argmax(dim=1, keepdim=True)], dim=1)
    return x


@wrong("uses the first column of the noise for every position", caught_by="test_inverse_cdf")
def ar_sample__same_u(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for _ in range(u.shape[1]):
        c = cond(x).cumsum(dim=1)
        token = (c[:, :-1] <= u[:, :1]).sum(dim=1, keepdim=True)
        x = torch.cat([x, token], dim=1)
    return x


@wrong("uses the first sequence's noise for all sequences", caught_by="test_inverse_cdf")
def ar_sample__shared_u(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        c = cond(x).cumsum(dim=1)
        token = (c[:, :-1] <= u[0, t]).sum(dim=1, keepdim=True)
        x = torch.cat([x, token], dim=1)
    return x


@wrong("shows the conditional only the token just before", caught_by="test_whole_prefix")
def ar_sample__last_token(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        c = cond(x[:, -1:]).cumsum(dim=1)
        token = (c[:, :-1] <= u[:, t : t + 1]).sum(dim=1, keepdim=True)
        x = torch.cat([x, token], dim=1)
    return x


@wrong(
    "shows the conditional a sequence of full length, zeros to come included",
    caught_by="test_whole_prefix",
)
def ar_sample__padded(cond, u):
    x = torch.zeros(u.shape, dtype=torch.long)
    for t in range(u.shape[1]):
        c = cond(x).cumsum(dim=1)
        x[:, t] = (c[:, :-1] <= u[:, t : t + 1]).sum(dim=1)
    return x


@wrong("never shows the conditional what was drawn", caught_by="test_inverse_cdf")
def ar_sample__empty_prefix(cond, u):
    start = torch.zeros(len(u), 0, dtype=torch.long)
    c = cond(start).cumsum(dim=1)
    return (c[:, None, :-1] <= u[:, :, None]).sum(dim=2)


@wrong(
    "builds the prefix the wrong way round, the newest token first", caught_by="test_whole_prefix"
)
def ar_sample__reversed_prefix(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        c = cond(x.flip(1)).cumsum(dim=1)
        token = (c[:, :-1] <= u[:, t : t + 1]).sum(dim=1, keepdim=True)
        x = torch.cat([x, token], dim=1)
    return x


@wrong(
    "does not cumulate: compares u with the probabilities themselves", caught_by="test_frequencies"
)
def ar_sample__not_cumulated(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        p = cond(x)
        token = (p[:, :-1] <= u[:, t : t + 1]).sum(dim=1, keepdim=True)
        x = torch.cat([x, token], dim=1)
    return x


@wrong("gives each interval its right end instead of its left", caught_by="test_on_the_boundary")
def ar_sample__strict(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        c = cond(x).cumsum(dim=1)
        token = (c[:, :-1] < u[:, t : t + 1]).sum(dim=1, keepdim=True)
        x = torch.cat([x, token], dim=1)
    return x


@wrong("returns a token that does not exist where rounding leaves a gap", caught_by="test_rounding")
def ar_sample__overflow(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        c = cond(x).cumsum(dim=1)
        token = (c <= u[:, t : t + 1]).sum(dim=1, keepdim=True)
        x = torch.cat([x, token], dim=1)
    return x


@wrong("falls back to token 0 where no interval contains u", caught_by="test_rounding")
def ar_sample__first_true(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        inside = cond(x).cumsum(dim=1) > u[:, t : t + 1]
        x = torch.cat([x, inside.int().argmax(dim=1, keepdim=True)], dim=1)
    return x


@wrong("draws noise of its own with multinomial", caught_by="test_inverse_cdf")
def ar_sample__multinomial(cond, u):
    generator = torch.Generator().manual_seed(0)
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for _ in range(u.shape[1]):
        x = torch.cat([x, torch.multinomial(cond(x), 1, generator=generator)], dim=1)
    return x


@wrong("counts the tokens from the other end", caught_by="test_inverse_cdf")
def ar_sample__from_the_right(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        c = cond(x).flip(1).cumsum(dim=1)
        token = c.shape[1] - 1 - (c[:, :-1] <= u[:, t : t + 1]).sum(dim=1, keepdim=True)
        x = torch.cat([x, token], dim=1)
    return x


@right("searchsorted")
def ar_sample__searchsorted(cond, u):
    x = torch.empty(u.shape[0], 0, dtype=torch.long)
    for t in range(u.shape[1]):
        c = torch.cumsum(cond(x), dim=-1)
        token = torch.searchsorted(c, u[:, t : t + 1].contiguous(), right=True)
        x = torch.cat([x, token.clamp(max=c.shape[1] - 1)], dim=1)
    return x


@right("one sequence after the other")
def ar_sample__by_sequence(cond, u):
    rows = []
    for noise in u:
        prefix = torch.zeros(1, 0, dtype=torch.long)
        for value in noise:
            p = cond(prefix)[0]
            cumulated, token = p[0].item(), 0
            while cumulated <= value.item() and token < len(p) - 1:
                token += 1
                cumulated += p[token].item()
            prefix = torch.cat([prefix, torch.tensor([[token]])], dim=1)
        rows.append(prefix)
    return torch.cat(rows)


@right("a full-length array, of which only the drawn part is shown")
def ar_sample__preallocated(cond, u):
    B, T = u.shape
    x = torch.zeros(B, T, dtype=torch.int64)
    for t in range(T):
        inside = torch.cumsum(cond(x[:, :t]), dim=1) > u[:, t].unsqueeze(1)
        inside[:, -1] = True
        x[:, t] = inside.int().argmax(dim=1)
    return x


@right("through numpy")
def ar_sample__numpy(cond, u):
    x = np.zeros((u.shape[0], 0), dtype=np.int64)
    noise = u.numpy()
    for t in range(noise.shape[1]):
        c = np.cumsum(cond(torch.from_numpy(x)).numpy(), axis=1)
        c[:, -1] = 1.0
        token = [np.searchsorted(c[b], noise[b, t], side="right") for b in range(len(x))]
        x = np.concatenate([x, np.array(token)[:, None]], axis=1)
    return torch.from_numpy(x)


@right("with cumulated sums in float64")
def ar_sample__float64(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        c = cond(x).double().cumsum(1)
        tok = (c <= u[:, t : t + 1].double()).sum(1).clamp(max=c.shape[1] - 1)
        x = torch.cat([x, tok[:, None]], 1)
    return x


@wrong("conditions on the last ten tokens only", caught_by="test_whole_prefix")
def ar_sample__last_ten(cond, u):
    x = torch.zeros(len(u), 0, dtype=torch.long)
    for t in range(u.shape[1]):
        c = cond(x[:, -10:] if t > 10 else x).cumsum(1)
        tok = (c <= u[:, t : t + 1]).sum(1).clamp(max=c.shape[1] - 1)
        x = torch.cat([x, tok[:, None]], 1)
    return x


# ── gaussian_ar_params ────────────────────────────────────────────────────────────────────────


@wrong("returns standard deviations for variances", caught_by="test_conditionals")
def gaussian_ar_params__std(mu, S):
    L = torch.linalg.cholesky(S)
    eye = torch.eye(len(mu), dtype=S.dtype)
    B = (eye - torch.diag(L.diagonal()) @ torch.linalg.inv(L)).tril(-1)
    return B, mu - B @ mu, L.diagonal()


@wrong("returns the marginal variances", caught_by="test_conditionals")
def gaussian_ar_params__marginal(mu, S):
    L = torch.linalg.cholesky(S)
    eye = torch.eye(len(mu), dtype=S.dtype)
    B = (eye - torch.diag(L.diagonal()) @ torch.linalg.inv(L)).tril(-1)
    return B, mu - B @ mu, S.diagonal().clone()


@wrong("takes the mean for the offset", caught_by="test_conditionals")
def gaussian_ar_params__a_is_mu(mu, S):
    L = torch.linalg.cholesky(S)
    eye = torch.eye(len(mu), dtype=S.dtype)
    B = (eye - torch.diag(L.diagonal()) @ torch.linalg.inv(L)).tril(-1)
    return B, mu.clone(), L.diagonal() ** 2


@wrong("adds B mu to the mean instead of subtracting it", caught_by="test_moments")
def gaussian_ar_params__a_plus(mu, S):
    L = torch.linalg.cholesky(S)
    eye = torch.eye(len(mu), dtype=S.dtype)
    B = (eye - torch.diag(L.diagonal()) @ torch.linalg.inv(L)).tril(-1)
    return B, mu + B @ mu, L.diagonal() ** 2


@wrong(
    "reads the weights off the Cholesky factor without inverting it", caught_by="test_conditionals"
)
def gaussian_ar_params__no_inverse(mu, S):
    L = torch.linalg.cholesky(S)
    B = L.tril(-1) / L.diagonal()
    return B, mu - B @ mu, L.diagonal() ** 2


@wrong(
    "takes the part of the Cholesky factor below the diagonal for B", caught_by="test_conditionals"
)
def gaussian_ar_params__factor_itself(mu, S):
    L = torch.linalg.cholesky(S)
    B = L.tril(-1)
    return B, mu - B @ mu, L.diagonal() ** 2


@wrong("forgets to scale the rows of the inverse to a unit diagonal", caught_by="test_chain")
def gaussian_ar_params__not_scaled(mu, S):
    L = torch.linalg.cholesky(S)
    B = -torch.linalg.inv(L).tril(-1)
    return B, mu - B @ mu, L.diagonal() ** 2


@wrong("scales the columns of the inverse where it should scale the rows", caught_by="test_units")
def gaussian_ar_params__wrong_side(mu, S):
    L = torch.linalg.cholesky(S)
    eye = torch.eye(len(mu), dtype=S.dtype)
    B = (eye - torch.linalg.inv(L) * L.diagonal()).tril(-1)
    return B, mu - B @ mu, L.diagonal() ** 2


@wrong("has the weights with the wrong sign", caught_by="test_conditionals")
def gaussian_ar_params__sign(mu, S):
    L = torch.linalg.cholesky(S)
    B = (torch.diag(L.diagonal()) @ torch.linalg.inv(L)).tril(-1)
    return B, mu - B @ mu, L.diagonal() ** 2


@wrong(
    "regresses each coordinate on all others and cuts the triangle out",
    caught_by="test_conditionals",
)
def gaussian_ar_params__precision(mu, S):
    K = torch.linalg.inv(S)
    B = -(K / K.diagonal()[:, None]).tril(-1)
    return B, mu - B @ mu, 1 / K.diagonal()


@wrong("regresses on each earlier coordinate by itself", caught_by="test_conditionals")
def gaussian_ar_params__simple_regressions(mu, S):
    B = (S / S.diagonal()).tril(-1)
    v = S.diagonal() - (B * S).sum(dim=1)
    return B, mu - B @ mu, v


@wrong("regresses on the coordinates that come after", caught_by="test_conditionals")
def gaussian_ar_params__backwards(mu, S):
    D = len(mu)
    B, v = torch.zeros_like(S), torch.zeros_like(mu)
    for i in range(D):
        w = torch.linalg.solve(S[i + 1 :, i + 1 :], S[i + 1 :, i])
        B[i, i + 1 :] = w
        v[i] = S[i, i] - w @ S[i + 1 :, i]
    return B, mu - B @ mu, v


@right("one regression for each coordinate")
def gaussian_ar_params__regressions(mu, S):
    D = len(mu)
    B, a, v = torch.zeros(D, D, dtype=S.dtype), mu.clone(), torch.zeros(D, dtype=S.dtype)
    for i in range(D):
        weights = torch.linalg.solve(S[:i, :i], S[:i, i])
        B[i, :i] = weights
        a[i] = mu[i] - weights @ mu[:i]
        v[i] = S[i, i] - S[i, :i] @ weights
    return B, a, v


@right("Cholesky and an inverse")
def gaussian_ar_params__cholesky(mu, S):
    L = torch.linalg.cholesky(S)
    d = torch.diag(L)
    eye = torch.eye(S.shape[0], dtype=S.dtype)
    M = d[:, None] * torch.linalg.inv(L)
    return eye - M, M @ mu, d.square()


@right("LDL by elimination, in numpy")
def gaussian_ar_params__elimination(mu, S):
    A, mean = S.numpy().copy(), mu.numpy()
    D = len(A)
    unit = np.eye(D)
    for j in range(D):
        for i in range(j + 1, D):
            factor = A[i, j] / A[j, j]
            A[i] -= factor * A[j]
            unit[i] -= factor * unit[j]
    B = np.tril(np.eye(D) - unit, -1)
    return torch.tensor(B), torch.tensor(unit @ mean), torch.tensor(np.diag(A).copy())


@right("the precision matrix's own factor, from the last coordinate back")
def gaussian_ar_params__reversed_precision(mu, S):
    K = torch.linalg.inv(S)
    C = torch.linalg.cholesky(K.flip(0, 1)).flip(0, 1)
    d = C.diagonal()
    eye = torch.eye(len(mu), dtype=S.dtype)
    B = (eye - (C / d).T).tril(-1)
    return B, mu - B @ mu, 1 / d**2


@right("in single precision")
def gaussian_ar_params__float32(mu, S):
    mu, S = mu.float(), S.float()
    L = torch.linalg.cholesky(S)
    d = L.diagonal()
    B = -torch.linalg.solve_triangular(L / d, torch.eye(len(d)), upper=False).tril(-1)
    return B, mu - B @ mu, d * d


# ── maf_density ───────────────────────────────────────────────────────────────────────────────


@wrong("multiplies by e^alpha where it should divide", caught_by="test_product_of_gaussians")
def maf_density__times(x, net):
    m, alpha = net(x)
    z = (x - m) * alpha.exp()
    return (-0.5 * (z**2 + math.log(2 * math.pi)) - alpha).sum(dim=1)


@wrong("does not subtract the mean", caught_by="test_product_of_gaussians")
def maf_density__no_mean(x, net):
    _, alpha = net(x)
    z = x * torch.exp(-alpha)
    return (-0.5 * (z**2 + math.log(2 * math.pi)) - alpha).sum(dim=1)


@wrong("forgets the log-determinant", caught_by="test_integrates_to_one")
def maf_density__no_log_det(x, net):
    m, alpha = net(x)
    z = (x - m) * torch.exp(-alpha)
    return -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)


@wrong(
    "adds the alphas: the log-determinant of the other direction",
    caught_by="test_integrates_to_one",
)
def maf_density__plus_alpha(x, net):
    m, alpha = net(x)
    z = (x - m) * torch.exp(-alpha)
    return (-0.5 * (z**2 + math.log(2 * math.pi)) + alpha).sum(dim=1)


@wrong("takes alpha for a log-variance", caught_by="test_gaussian")
def maf_density__logvar(x, net):
    m, alpha = net(x)
    z = (x - m) * torch.exp(-0.5 * alpha)
    return (-0.5 * (z**2 + math.log(2 * math.pi)) - 0.5 * alpha).sum(dim=1)


@wrong("takes alpha for a standard deviation", caught_by="test_product_of_gaussians")
def maf_density__alpha_as_std(x, net):
    m, alpha = net(x)
    z = (x - m) / alpha
    return (-0.5 * (z**2 + math.log(2 * math.pi)) - alpha.abs().log()).sum(dim=1)


@wrong("counts e^alpha instead of alpha in the log-determinant", caught_by="test_gaussian")
def maf_density__exp_log_det(x, net):
    m, alpha = net(x)
    z = (x - m) * torch.exp(-alpha)
    return (-0.5 * (z**2 + math.log(2 * math.pi)) - alpha.exp()).sum(dim=1)


@wrong("averages over the coordinates", caught_by="test_product_of_gaussians")
def maf_density__mean(x, net):
    m, alpha = net(x)
    z = (x - m) * torch.exp(-alpha)
    return (-0.5 * (z**2 + math.log(2 * math.pi)) - alpha).mean(dim=1)


@wrong("leaves out the constant", caught_by="test_integrates_to_one")
def maf_density__no_constant(x, net):
    m, alpha = net(x)
    z = (x - m) * torch.exp(-alpha)
    return (-0.5 * z**2 - alpha).sum(dim=1)


@wrong("detaches the scale, so that alpha cannot be learnt", caught_by="test_gradients")
def maf_density__detached(x, net):
    m, alpha = net(x)
    alpha = alpha.detach()
    z = (x - m) * torch.exp(-alpha)
    return (-0.5 * (z**2 + math.log(2 * math.pi)) - alpha).sum(dim=1)


@wrong("returns the negative log-density, the loss", caught_by="test_product_of_gaussians")
def maf_density__negated(x, net):
    m, alpha = net(x)
    return -torch.distributions.Normal(m, alpha.exp()).log_prob(x).sum(dim=1)


@right("the sum of Normal log-densities")
def maf_density__normal(x, net):
    m, alpha = net(x)
    return torch.distributions.Normal(m, torch.exp(alpha)).log_prob(x).sum(dim=-1)


@right("density of the noise, then the log-determinant")
def maf_density__two_parts(x, net):
    m, alpha = net(x)
    z = (x - m) / torch.exp(alpha)
    D = x.shape[1]
    base = -0.5 * D * np.log(2 * np.pi) - 0.5 * torch.einsum("bd,bd->b", z, z)
    return base - alpha.sum(dim=1)


@right("coordinate by coordinate, with a Gaussian loss of the library")
def maf_density__loop(x, net):
    total = torch.zeros(len(x), dtype=x.dtype)
    for i in range(x.shape[1]):
        m, alpha = net(x)
        loss = F.gaussian_nll_loss(
            m[:, i], x[:, i], (2 * alpha[:, i]).exp(), full=True, reduction="none"
        )
        total = total - loss
    return total


@right("one sample at a time")
def maf_density__by_sample(x, net):
    rows = []
    for b in range(len(x)):
        m, alpha = net(x[b : b + 1])
        z = (x[b] - m[0]) * (-alpha[0]).exp()
        rows.append((-0.5 * z * z - 0.5 * math.log(2 * math.pi) - alpha[0]).sum())
    return torch.stack(rows)


# ── maf_sample ────────────────────────────────────────────────────────────────────────────────


@wrong("makes one pass from zeros", caught_by="test_round_trip")
def maf_sample__one_pass(z, net):
    m, alpha = net(torch.zeros_like(z))
    return m + alpha.exp() * z


@wrong(
    "asks the net about the noise instead of the sample", caught_by="test_coordinate_by_coordinate"
)
def maf_sample__net_of_z(z, net):
    m, alpha = net(z)
    return m + alpha.exp() * z


@wrong(
    "makes as many passes as there are samples in the batch",
    caught_by="test_coordinate_by_coordinate",
)
def maf_sample__loop_over_batch(z, net):
    x = torch.zeros_like(z)
    for _ in range(z.shape[0]):
        m, alpha = net(x)
        x = m + alpha.exp() * z
    return x


@wrong("makes one pass too few", caught_by="test_round_trip")
def maf_sample__one_too_few(z, net):
    x = torch.zeros_like(z)
    for _ in range(z.shape[1] - 1):
        m, alpha = net(x)
        x = m + alpha.exp() * z
    return x


@wrong("divides by e^alpha", caught_by="test_gaussian")
def maf_sample__divides(z, net):
    x = torch.zeros_like(z)
    for _ in range(z.shape[1]):
        m, alpha = net(x)
        x = m + torch.exp(-alpha) * z
    return x


@wrong("subtracts the mean", caught_by="test_gaussian")
def maf_sample__minus_mean(z, net):
    x = torch.zeros_like(z)
    for _ in range(z.shape[1]):
        m, alpha = net(x)
        x = torch.exp(alpha) * z - m
    return x


@wrong("does not add the mean", caught_by="test_round_trip")
def maf_sample__no_mean(z, net):
    x = torch.zeros_like(z)
    for _ in range(z.shape[1]):
        _, alpha = net(x)
        x = torch.exp(alpha) * z
    return x


@wrong("runs the flow in the direction of density evaluation", caught_by="test_round_trip")
def maf_sample__forward(z, net):
    m, alpha = net(z)
    return (z - m) * torch.exp(-alpha)


@wrong("keeps the spreads of the first pass", caught_by="test_coordinate_by_coordinate")
def maf_sample__first_alpha(z, net):
    x = torch.zeros_like(z)
    _, alpha = net(x)
    for _ in range(z.shape[1]):
        m, _ = net(x)
        x = m + alpha.exp() * z
    return x


@wrong("takes alpha for a log-variance", caught_by="test_volume")
def maf_sample__logvar(z, net):
    x = torch.zeros_like(z)
    for _ in range(z.shape[1]):
        m, alpha = net(x)
        x = m + torch.exp(0.5 * alpha) * z
    return x


@wrong("scales the mean together with the noise", caught_by="test_round_trip")
def maf_sample__scaled_mean(z, net):
    x = torch.zeros_like(z)
    for _ in range(z.shape[1]):
        m, alpha = net(x)
        x = torch.exp(alpha) * (z + m)
    return x


@wrong("writes the sample over the noise it was given", caught_by="test_round_trip")
def maf_sample__overwrites(z, net):
    for i in range(z.shape[1]):
        m, alpha = net(z)
        z[:, i] = m[:, i] + alpha[:, i].exp() * z[:, i]
    return z


@right("D passes over all coordinates at once")
def maf_sample__fixed_point(z, net):
    x = torch.zeros_like(z)
    for _ in range(z.shape[1]):
        m, alpha = net(x)
        x = m + alpha.exp() * z
    return x


@right("writes into a copy of the noise")
def maf_sample__into_copy(z, net):
    x = z.clone()
    with torch.no_grad():
        for i in range(x.shape[1]):
            m, alpha = net(x)
            x[:, i] = m[:, i] + torch.exp(alpha[:, i]) * z[:, i]
    return x


@right("one sample after the other")
def maf_sample__by_sample(z, net):
    rows = []
    for noise in z:
        x = torch.zeros(1, len(noise), dtype=z.dtype)
        for i, value in enumerate(noise):
            m, alpha = net(x)
            x[0, i] = m[0, i] + math.exp(alpha[0, i]) * value
        rows.append(x)
    return torch.cat(rows)


@right("columns put together in a list")
def maf_sample__columns(z, net):
    B, D = z.shape
    columns = []
    for i in range(D):
        rest = torch.zeros(B, D - i, dtype=z.dtype)
        m, alpha = net(torch.cat([*columns, rest], dim=1))
        columns.append((m + alpha.exp() * z)[:, i : i + 1])
    return torch.cat(columns, dim=1)


@wrong("makes ten passes, whatever the dimension", caught_by="test_coordinate_by_coordinate")
def maf_sample__ten_passes(z, net):
    x = torch.zeros_like(z)
    for _ in range(10):
        m, a = net(x)
        x = m + a.exp() * z
    return x


@wrong("makes a hundred passes, whatever the dimension", caught_by="test_coordinate_by_coordinate")
def maf_sample__hundred_passes(z, net):
    x = torch.zeros_like(z)
    for _ in range(100):
        m, a = net(x)
        x = m + a.exp() * z
    return x


@right("repeated until nothing moves")
def maf_sample__until_it_rests(z, net):
    x = torch.zeros_like(z)
    while True:
        m, a = net(x)
        y = m + a.exp() * z
        if torch.equal(x, y):
            return y
        x = y


# ── free_run_kl ───────────────────────────────────────────────────────────────────────────────


@wrong("draws the prefixes from the second model", caught_by="test_drift")
def free_run_kl__other_prefixes(P, Q):
    reach, costs = torch.ones((), dtype=P[0].dtype), []
    for p, q in zip(P, Q, strict=True):
        term = torch.where(p > 0, p * (p / q).log(), 0.0).sum(dim=-1)
        costs.append(torch.where(reach > 0, reach * term, 0.0).sum())
        reach = reach[..., None] * q
    return torch.stack(costs)


@wrong("has the two models swapped: KL(Q || P)", caught_by="test_total")
def free_run_kl__swapped(P, Q):
    reach, costs = torch.ones((), dtype=P[0].dtype), []
    for p, q in zip(P, Q, strict=True):
        joint = reach[..., None] * q
        costs.append(torch.where(joint > 0, joint * (q / p).log(), 0.0).sum())
        reach = joint
    return torch.stack(costs)


@wrong("weighs all prefixes alike", caught_by="test_total")
def free_run_kl__uniform_prefixes(P, Q):
    costs = []
    for p, q in zip(P, Q, strict=True):
        costs.append(torch.where(p > 0, p * (p / q).log(), 0.0).sum(dim=-1).mean())
    return torch.stack(costs)


@wrong("adds up the KLs of all prefixes without weighing them", caught_by="test_total")
def free_run_kl__unweighted(P, Q):
    costs = []
    for p, q in zip(P, Q, strict=True):
        costs.append(torch.where(p > 0, p * (p / q).log(), 0.0).sum())
    return torch.stack(costs)


@wrong("follows the most probable prefix only", caught_by="test_each_step")
def free_run_kl__greedy(P, Q):
    costs, prefix = [], ()
    for p, q in zip(P, Q, strict=True):
        here, other = p[prefix], q[prefix]
        costs.append(torch.where(here > 0, here * (here / other).log(), 0.0).sum())
        prefix = (*prefix, int(here.argmax()))
    return torch.stack(costs)


@wrong("gives the running total instead of the steps", caught_by="test_each_step")
def free_run_kl__cumulated(P, Q):
    reach, costs = torch.ones((), dtype=P[0].dtype), []
    for p, q in zip(P, Q, strict=True):
        joint = reach[..., None] * p
        costs.append(torch.where(joint > 0, joint * (p / q).log(), 0.0).sum())
        reach = joint
    return torch.stack(costs).cumsum(dim=0)


@wrong("returns nan where 0 log 0 or 0 times infinity is met", caught_by="test_never_drawn")
def free_run_kl__nan(P, Q):
    reach, costs = torch.ones((), dtype=P[0].dtype), []
    for p, q in zip(P, Q, strict=True):
        joint = reach[..., None] * p
        costs.append((joint * (p.log() - q.log())).sum())
        reach = joint
    return torch.stack(costs)


@wrong(
    "adds 1e-12 to all probabilities, so that nothing is ever excluded", caught_by="test_excluded"
)
def free_run_kl__epsilon(P, Q):
    reach, costs = torch.ones((), dtype=P[0].dtype), []
    for p, q in zip(P, Q, strict=True):
        joint = reach[..., None] * p
        costs.append((joint * ((p + 1e-12).log() - (q + 1e-12).log())).sum())
        reach = joint
    return torch.stack(costs)


@wrong("measures in bits", caught_by="test_total")
def free_run_kl__bits(P, Q):
    reach, costs = torch.ones((), dtype=P[0].dtype), []
    for p, q in zip(P, Q, strict=True):
        joint = reach[..., None] * p
        costs.append(torch.where(joint > 0, joint * (p / q).log2(), 0.0).sum())
        reach = joint
    return torch.stack(costs)


@wrong("compares the marginals of each position", caught_by="test_drift")
def free_run_kl__marginals(P, Q):
    costs = []
    reach_p, reach_q = torch.ones((), dtype=P[0].dtype), torch.ones((), dtype=P[0].dtype)
    for p, q in zip(P, Q, strict=True):
        reach_p, reach_q = reach_p[..., None] * p, reach_q[..., None] * q
        a = reach_p.reshape(-1, p.shape[-1]).sum(dim=0)
        b = reach_q.reshape(-1, p.shape[-1]).sum(dim=0)
        costs.append(torch.where(a > 0, a * (a / b).log(), 0.0).sum())
    return torch.stack(costs)


@wrong("returns cross-entropies: never subtracts the model's own entropy", caught_by="test_drift")
def free_run_kl__cross_entropy(P, Q):
    reach, costs = torch.ones((), dtype=P[0].dtype), []
    for p, q in zip(P, Q, strict=True):
        joint = reach[..., None] * p
        costs.append(-torch.where(joint > 0, joint * q.log(), 0.0).sum())
        reach = joint
    return torch.stack(costs)


@right("the mean log-ratio of each step over whole sequences of the first model")
def free_run_kl__whole_sequences(P, Q):
    T = len(P)
    joint = P[0]
    for p in P[1:]:
        joint = joint.unsqueeze(-1) * p
    costs = []
    for t, (p, q) in enumerate(zip(P, Q, strict=True)):
        weight = joint.sum(dim=tuple(range(t + 1, T))) if t + 1 < T else joint
        drawn = weight > 0
        costs.append((weight[drawn] * (p[drawn].log() - q[drawn].log())).sum())
    return torch.stack(costs)


@right("a loop over all prefixes")
def free_run_kl__loop(P, Q):
    V, costs = P[0].shape[0], []
    for t in range(len(P)):
        total = 0.0
        for prefix in itertools.product(range(V), repeat=t):
            reach = 1.0
            for s in range(t):
                reach *= P[s][prefix[: s + 1]].item()
            for token in range(V):
                p, q = P[t][(*prefix, token)].item(), Q[t][(*prefix, token)].item()
                if reach * p > 0:
                    total += reach * p * (math.log(p / q) if q > 0 else math.inf)
        costs.append(total)
    return torch.tensor(costs, dtype=P[0].dtype)


@right("flattened prefixes, with xlogy and a mask")
def free_run_kl__flat(P, Q):
    reach, costs = torch.ones(1, dtype=P[0].dtype), []
    for p, q in zip(P, Q, strict=True):
        p, q = p.reshape(-1, p.shape[-1]), q.reshape(-1, q.shape[-1])
        seen = reach > 0
        kl = (torch.xlogy(p, p) - torch.xlogy(p, q))[seen].sum(dim=1)
        costs.append((reach[seen] * kl).sum())
        reach = (reach[:, None] * p).flatten()
    return torch.stack(costs)


@right("through scipy's relative entropy")
def free_run_kl__scipy(P, Q):
    from scipy.special import rel_entr

    reach, costs = np.ones(()), []
    for p, q in zip(P, Q, strict=True):
        kl = np.asarray(rel_entr(p.numpy(), q.numpy()).sum(axis=-1))
        costs.append(float((reach[reach > 0] * kl[reach > 0]).sum()))
        reach = reach[..., None] * p.numpy()
    return torch.tensor(costs, dtype=torch.float64)


@wrong("counts six steps only", caught_by="test_drift")
def free_run_kl__first_six(P, Q):
    reach = torch.ones((), dtype=P[0].dtype)
    costs = []
    for i, (p, q) in enumerate(zip(P, Q, strict=True)):
        joint = reach[..., None] * p
        c = torch.where(joint > 0, joint * (p / q).log(), 0.0).sum()
        costs.append(c if i < 6 else torch.zeros_like(c))
        reach = joint
    return torch.stack(costs)


# ── bigram_fit ────────────────────────────────────────────────────────────────────────────────


@wrong("normalises the columns", caught_by="test_counts")
def bigram_fit__columns(seqs, V, alpha):
    counts = torch.full((V, V), float(alpha), dtype=torch.float64)
    for sequence in seqs:
        for a, b in itertools.pairwise(sequence):
            counts[a, b] += 1
    counts[:, counts.sum(dim=0) == 0] = 1.0
    return counts / counts.sum(dim=0)


@wrong(
    "has rows and columns swapped: the token before stands in the column", caught_by="test_counts"
)
def bigram_fit__transposed(seqs, V, alpha):
    counts = torch.full((V, V), float(alpha), dtype=torch.float64)
    for sequence in seqs:
        for a, b in itertools.pairwise(sequence):
            counts[a, b] += 1
    counts[counts.sum(dim=1) == 0] = 1.0
    return (counts / counts.sum(dim=1, keepdim=True)).T


@wrong(
    "returns the probabilities of pairs, not of the second given the first", caught_by="test_counts"
)
def bigram_fit__joint(seqs, V, alpha):
    counts = torch.full((V, V), float(alpha), dtype=torch.float64)
    for sequence in seqs:
        for a, b in itertools.pairwise(sequence):
            counts[a, b] += 1
    return counts / counts.sum()


@wrong("glues the sequences together and counts across their ends", caught_by="test_boundaries")
def bigram_fit__glued(seqs, V, alpha):
    counts = torch.full((V, V), float(alpha), dtype=torch.float64)
    for a, b in itertools.pairwise([token for sequence in seqs for token in sequence]):
        counts[a, b] += 1
    counts[counts.sum(dim=1) == 0] = 1.0
    return counts / counts.sum(dim=1, keepdim=True)


@wrong("ignores alpha", caught_by="test_smoothing")
def bigram_fit__no_smoothing(seqs, V, alpha):
    counts = torch.zeros(V, V, dtype=torch.float64)
    for sequence in seqs:
        for a, b in itertools.pairwise(sequence):
            counts[a, b] += 1
    counts[counts.sum(dim=1) == 0] = 1.0
    return counts / counts.sum(dim=1, keepdim=True)


@wrong("adds alpha to the counts but not to the sum it divides by", caught_by="test_smoothing")
def bigram_fit__sum_without_alpha(seqs, V, alpha):
    counts = torch.zeros(V, V, dtype=torch.float64)
    for sequence in seqs:
        for a, b in itertools.pairwise(sequence):
            counts[a, b] += 1
    empty = counts.sum(dim=1) == 0
    table = (counts + alpha) / counts.sum(dim=1, keepdim=True).clamp(min=1)
    table[empty] = 1 / V
    return table


@wrong("leaves a row of zeros where nothing was counted", caught_by="test_nothing_follows")
def bigram_fit__zero_rows(seqs, V, alpha):
    counts = torch.full((V, V), float(alpha), dtype=torch.float64)
    for sequence in seqs:
        for a, b in itertools.pairwise(sequence):
            counts[a, b] += 1
    return counts / counts.sum(dim=1, keepdim=True).clamp(min=1e-12)


@wrong("notes that a pair occurs, not how often", caught_by="test_counts")
def bigram_fit__presence(seqs, V, alpha):
    counts = torch.full((V, V), float(alpha), dtype=torch.float64)
    for a, b in {pair for sequence in seqs for pair in itertools.pairwise(sequence)}:
        counts[a, b] += 1
    counts[counts.sum(dim=1) == 0] = 1.0
    return counts / counts.sum(dim=1, keepdim=True)


@wrong("divides by how often the token occurs, sequence ends included", caught_by="test_boundaries")
def bigram_fit__occurrences(seqs, V, alpha):
    counts = torch.full((V, V), float(alpha), dtype=torch.float64)
    total = torch.full((V, 1), float(alpha) * V, dtype=torch.float64)
    for sequence in seqs:
        for token in sequence:
            total[token] += 1
        for a, b in itertools.pairwise(sequence):
            counts[a, b] += 1
    empty = counts.sum(dim=1) == 0
    counts[empty], total[empty] = 1.0, float(V)
    return counts / total


@right("counts by one-hot matrices")
def bigram_fit__onehot(seqs, V, alpha):
    counts = torch.zeros(V, V, dtype=torch.float64) + alpha
    for sequence in seqs:
        rows = F.one_hot(torch.tensor(sequence, dtype=torch.long), V).double()
        counts += rows[:-1].T @ rows[1:]
    total = counts.sum(dim=1, keepdim=True)
    return torch.where(total > 0, counts / total, torch.tensor(1 / V, dtype=torch.float64))


@right("bincount over numbered pairs")
def bigram_fit__bincount(seqs, V, alpha):
    pairs = [a * V + b for s in seqs for a, b in itertools.pairwise(s)]
    counts = np.bincount(np.array(pairs, dtype=int), minlength=V * V).reshape(V, V) + alpha
    total = counts.sum(axis=1, keepdims=True)
    table = np.full((V, V), 1.0 / V)
    np.divide(counts, total, out=table, where=total > 0)
    return torch.tensor(table)


@right("a dictionary of counts")
def bigram_fit__dictionary(seqs, V, alpha):
    from collections import defaultdict

    follows = defaultdict(lambda: defaultdict(int))
    for sequence in seqs:
        for t in range(len(sequence) - 1):
            follows[sequence[t]][sequence[t + 1]] += 1
    rows = []
    for i in range(V):
        row = [follows[i][j] + alpha for j in range(V)]
        rows.append([value / sum(row) for value in row] if sum(row) > 0 else [1 / V] * V)
    return torch.tensor(rows, dtype=torch.float64)
