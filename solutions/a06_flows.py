"""Reference answers of chapter 6: normalising flows."""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.functional import jacobian


def logdet_jacobian(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return log |det df/dx| of a map at each row of x, in nats.

    `f` maps (n, D) to (n, D) for every n, each row by itself, with torch operations.
    Shapes: `x` (B, D); returns (B,). Determinants may be negative (the logarithm is that of
    the absolute value), and too small or too large for a float (1e-480) while their logarithms
    are not. Where `x` or parameters inside `f` require gradients, the result is differentiable
    in them. `x` itself is left as it is, its `requires_grad` too.
    """
    ### BEGIN SOLUTION
    # Row b of the output depends on row b of x alone, so summing over the rows loses nothing.
    graph_needed = f(x).requires_grad
    J = jacobian(lambda rows: f(rows).sum(dim=0), x, create_graph=graph_needed)  # (D, B, D)
    return torch.linalg.slogdet(J.transpose(0, 1)).logabsdet
    ### END SOLUTION


def affine_flow_logprob(x: Tensor, A: Tensor, b: Tensor) -> Tensor:
    """Return log p(x) of each sample under the flow x = A z + b, z ~ N(0, I), in nats.

    Shapes: `x` (B, D), one sample a row; `A` (D, D) invertible; `b` (D,); returns (B,).
    The determinant of `A` may be negative, and too small or too large for a float.
    Differentiable in all three arguments.
    """
    ### BEGIN SOLUTION
    z = torch.linalg.solve(A, (x - b).T).T
    log_base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return log_base - torch.linalg.slogdet(A).logabsdet
    ### END SOLUTION


def planar_flow(z: Tensor, u: Tensor, w: Tensor, b: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return the planar layer x = z + u tanh(w . z + b) and its log |det dx/dz|.

    Shapes: `z` (B, D); `u`, `w` (D,); `b` a single number; returns x (B, D) and log_det (B,).
    `u` and `w` are used as given: where w . u < -1 the layer is not invertible as a whole,
    and the logarithm is still that of the absolute value. Exact at any distance from the plane
    (w . z + b = 2000); differentiable in all arguments where the layer bends.
    """
    ### BEGIN SOLUTION
    h = torch.tanh(z @ w + b)
    slope = 1 - h**2
    log_det = torch.log(torch.abs(1 + slope * (w @ u)))
    return z + h[:, None] * u, log_det
    ### END SOLUTION


def coupling_forward(
    z: Tensor, mask: Tensor, net: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> tuple[Tensor, Tensor]:
    """Return x = mask z + (1 - mask) (z exp(s) + t) and log |det dx/dz|; (s, t) = net(mask z).

    Shapes: `z` (B, D); `mask` (D,) of the numbers 1 (passed through) and 0 (transformed);
    returns x (B, D) and log_det (B,). `net` maps (B, D) to s and t, each (B, D); what it puts
    out at passed-through coordinates is not used. Differentiable in `z` and in net's parameters.
    """
    ### BEGIN SOLUTION
    s, t = net(mask * z)
    x = mask * z + (1 - mask) * (z * torch.exp(s) + t)
    return x, ((1 - mask) * s).sum(dim=1)
    ### END SOLUTION


def coupling_inverse(
    x: Tensor, mask: Tensor, net: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> tuple[Tensor, Tensor]:
    """Return the z that coupling_forward maps to x, and log |det dz/dx|.

    Shapes: `x` (B, D); `mask` (D,) of the numbers 1 (passed through) and 0 (transformed);
    returns z (B, D) and log_det (B,), the log-det of this map, from x to z.
    `net` maps (B, D) to s and t, each (B, D). Differentiable in `x` and in net's parameters.
    """
    ### BEGIN SOLUTION
    s, t = net(mask * x)
    z = mask * x + (1 - mask) * (x - t) * torch.exp(-s)
    return z, -((1 - mask) * s).sum(dim=1)
    ### END SOLUTION


def compose(
    flows: Sequence[Callable[[Tensor], tuple[Tensor, Tensor]]], z: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what a chain of maps makes of z, and log |det| of the whole chain.

    `flows` holds callables z -> (x, log_det), in the order in which they are applied; each
    returns the log-det (B,) of its own map at the point it was given.
    Shapes: `z` (B, D); returns x (B, D) and log_det (B,). An empty list is the identity.
    Tensors that the maps return are not changed.
    """
    ### BEGIN SOLUTION
    total = torch.zeros_like(z[:, 0])
    for flow in flows:
        z, log_det = flow(z)
        total = total + log_det
    return z, total
    ### END SOLUTION


def flow_log_prob(
    x: Tensor,
    inverses: Sequence[Callable[[Tensor], tuple[Tensor, Tensor]]],
    base: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return log p(x) of each sample under a flow that is given by its inverse maps, in nats.

    `inverses` holds callables x -> (z, log_det) in the order in which they are applied, from
    data to base; each returns the log-det (B,) of its own, inverse, map. `base(z)` (B, D) -> (B,)
    is the log-density of the base. With no inverses the flow is the identity.
    Shapes: `x` (B, D); returns (B,).
    """
    ### BEGIN SOLUTION
    total = torch.zeros_like(x[:, 0])
    z = x
    for inverse in inverses:
        z, log_det = inverse(z)
        total = total + log_det
    return base(z) + total
    ### END SOLUTION


def typicality(log_prob: Tensor, entropy: float) -> Tensor:
    """Return how far the surprise -log p(x) of each sample is from its average, the entropy.

    Shapes: `log_prob` (B,), the log-densities of B samples under the model; `entropy` the model's
    entropy, a number that may be negative; both in nats, as is the result (B,).
    Never negative: 0 is perfectly typical; too probable counts like too improbable.
    """
    ### BEGIN SOLUTION
    return torch.abs(-log_prob - entropy)
    ### END SOLUTION


def planar_u_hat(u: Tensor, w: Tensor) -> Tensor:
    """Return the vector nearest to u whose product with w is -1 + softplus(w . u).

    Shapes: `u`, `w` (D,), `w` not zero; returns (D,). Only the component of `u` along `w` changes,
    so that w . u_hat > -1, up to rounding, and the planar layer is invertible.
    Must hold for w . u of any size (-50, 800), and be differentiable in both; at w . u = 0 itself
    the slope is not looked at.
    """
    ### BEGIN SOLUTION
    wu = w @ u
    return u + (F.softplus(wu) - 1 - wu) * w / (w @ w)
    ### END SOLUTION


def dequant_logit(
    x: Tensor, u: Tensor, levels: int = 256, alpha: float = 0.05
) -> tuple[Tensor, Tensor]:
    """Return y = logit(alpha + (1 - 2 alpha) (x + u) / levels) and log |det dy/d(x + u)|.

    Shapes: `x` (B, D) holds whole numbers from 0 to `levels` - 1, as floats; `u` (B, D) noise
    from [0, 1); returns y (B, D) and log_det (B,), in nats.
    `alpha` keeps the argument of the logit away from 0 and 1.
    """
    ### BEGIN SOLUTION
    p = alpha + (1 - 2 * alpha) * (x + u) / levels
    y = torch.log(p) - torch.log1p(-p)
    log_slope = math.log((1 - 2 * alpha) / levels) - torch.log(p) - torch.log1p(-p)
    return y, log_slope.sum(dim=1)
    ### END SOLUTION


def cnf_logp(field: Callable[[Tensor], Tensor], z: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Follow dx/dt = field(x) from z for one unit of time; return x(1) and the change of log p.

    `field` maps (B, D) to (B, D), each row by itself, and does not depend on time.
    Shapes: `z` (B, D); returns x (B, D) and delta (B,), where log p(x(1)) = log p(z) + delta.
    `n` equal steps, of Euler's method or of a better one. The results carry no gradients.
    """
    ### BEGIN SOLUTION
    delta = torch.zeros_like(z[:, 0])
    x = z.detach()
    for _ in range(n):
        x = x.requires_grad_()
        velocity = field(x)
        trace = torch.zeros_like(delta)
        for j in range(z.shape[1]):
            (row,) = torch.autograd.grad(velocity[:, j].sum(), x, retain_graph=True)
            trace = trace + row[:, j]
        x = (x + velocity / n).detach()
        delta = delta - trace / n
    return x, delta
    ### END SOLUTION


def hutchinson(J: Tensor, eps: Tensor) -> Tensor:
    """Return the estimates eps_s . J eps_s of the trace of J, one for each row of eps.

    Shapes: `J` (D, D); `eps` (S, D), entries with mean 0 and variance 1, independent;
    returns (S,), nothing averaged.
    """
    ### BEGIN SOLUTION
    return ((eps @ J.T) * eps).sum(dim=1)
    ### END SOLUTION
