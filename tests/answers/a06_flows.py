"""Known answers of chapter 6: misconceptions, and other right ways."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch.autograd.functional import jacobian

from autograder.answers import right, wrong
from solutions.a06_flows import compose, coupling_forward, logdet_jacobian

# ── logdet_jacobian ───────────────────────────────────────────────────────────────────────────


@wrong("returns the determinant itself, with its sign", caught_by="test_finite_differences")
def logdet_jacobian__determinant(f, x):
    rows = []
    for row in x:
        J = jacobian(lambda r: f(r[None])[0], row, create_graph=True)
        rows.append(torch.linalg.det(J))
    return torch.stack(rows)


@wrong(
    "returns the size of the determinant, not its logarithm", caught_by="test_finite_differences"
)
def logdet_jacobian__no_log(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.det(J).abs()


@wrong("takes the logarithm of negative determinants", caught_by="test_negative_determinant")
def logdet_jacobian__no_absolute_value(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.logdet(J)


@wrong("takes the sign that slogdet returns first", caught_by="test_finite_differences")
def logdet_jacobian__sign(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.linalg.slogdet(J)[0]


@wrong("multiplies the logarithm by the determinant's sign", caught_by="test_negative_determinant")
def logdet_jacobian__signed(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    sign, logabs = torch.linalg.slogdet(J)
    return sign * logabs


@wrong(
    "returns the trace of the Jacobian, as for a flow in continuous time",
    caught_by="test_finite_differences",
)
def logdet_jacobian__trace(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.einsum("bii->b", J)


@wrong("has the sign of the inverse map", caught_by="test_inverse")
def logdet_jacobian__negated(f, x):
    out = []
    for b in range(len(x)):
        J = jacobian(f, x[b : b + 1], create_graph=True).squeeze()
        J = J.reshape(x.shape[1], x.shape[1])
        out.append(-torch.linalg.slogdet(J)[1])
    return torch.stack(out)


@wrong(
    "forms the determinant, which underflows or overflows, and then takes the logarithm",
    caught_by="test_tiny_and_huge",
)
def logdet_jacobian__underflow(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.log(torch.abs(torch.det(J)))


@wrong(
    "adds a small number inside the logarithm of the determinant", caught_by="test_tiny_and_huge"
)
def logdet_jacobian__epsilon(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.log(torch.abs(torch.det(J)).clamp(max=1e300) + 1e-8)


@wrong("uses the logarithm to base 10", caught_by="test_finite_differences")
def logdet_jacobian__log10(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.linalg.slogdet(J).logabsdet / math.log(10)


@wrong("returns bits instead of nats", caught_by="test_finite_differences")
def logdet_jacobian__bits(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.linalg.slogdet(J).logabsdet / np.log(2)


@wrong(
    "takes one Jacobian of the whole batch, so that every row gets the sum of all rows",
    caught_by="test_finite_differences",
)
def logdet_jacobian__whole_batch(f, x):
    B, D = x.shape
    J = jacobian(f, x, create_graph=True).reshape(B * D, B * D)
    return torch.linalg.slogdet(J)[1].expand(B)


@wrong("takes the Jacobian at the first row for all rows", caught_by="test_finite_differences")
def logdet_jacobian__first_row(f, x):
    J = jacobian(lambda v: f(v).sum(0), x[:1], create_graph=True)[:, 0]
    return torch.linalg.slogdet(J)[1] * torch.ones(len(x), dtype=x.dtype)


@wrong("returns one number, the sum over the batch", caught_by="test_finite_differences")
def logdet_jacobian__total(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.linalg.slogdet(J).logabsdet.sum()


@wrong(
    "looks only at the diagonal of the Jacobian, as if it were triangular",
    caught_by="test_finite_differences",
)
def logdet_jacobian__diagonal(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.diagonal(J, dim1=1, dim2=2).abs().log().sum(dim=1)


@wrong(
    "differentiates the sum of all outputs once and adds the logarithms of that gradient",
    caught_by="test_finite_differences",
)
def logdet_jacobian__gradient_of_the_sum(f, x):
    v = x if x.requires_grad else x.detach().requires_grad_()
    (g,) = torch.autograd.grad(f(v).sum(), v, create_graph=True)
    return torch.log(g.abs()).sum(dim=1)


@wrong(
    "builds no graph of the Jacobian, so that nothing can be learned through it",
    caught_by="test_gradients",
)
def logdet_jacobian__no_graph(f, x):
    J = jacobian(lambda v: f(v).sum(0), x).permute(1, 0, 2)
    return torch.linalg.slogdet(J).logabsdet


@wrong("switches requires_grad on at the caller's x", caught_by="test_finite_differences")
def logdet_jacobian__changes_x(f, x):
    x.requires_grad_()
    y = f(x)
    rows = [torch.autograd.grad(y[:, i].sum(), x, create_graph=True)[0] for i in range(x.shape[1])]
    return torch.linalg.slogdet(torch.stack(rows, dim=1)).logabsdet


@wrong("forgets to halve the log-determinant of J transposed J", caught_by="test_inverse")
def logdet_jacobian__gram_not_halved(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.linalg.slogdet(J.transpose(1, 2) @ J).logabsdet


@wrong("averages over the dimensions", caught_by="test_chain_rule")
def logdet_jacobian__per_dimension(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.linalg.slogdet(J).logabsdet / x.shape[1]


@wrong(
    "adds the logarithms of the eigenvalues' real parts and forgets that they can be complex",
    caught_by="test_inverse",
)
def logdet_jacobian__real_parts(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.log(torch.linalg.eigvals(J).real.abs()).sum(dim=1)


@wrong("takes eigenvalues as if the Jacobian were symmetric", caught_by="test_finite_differences")
def logdet_jacobian__symmetric(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.log(torch.linalg.eigvalsh(J).abs()).sum(dim=1)


@wrong("reads the stack of Jacobians with batch and output mixed up", caught_by="test_gradients")
def logdet_jacobian__mixed_axes(f, x):
    B, D = x.shape
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True)
    return torch.linalg.slogdet(J.reshape(B, D, D)).logabsdet


@wrong(
    "takes one-sided differences, which are neither exact nor differentiable",
    caught_by="test_finite_differences",
)
def logdet_jacobian__differences(f, x):
    columns, y = [], f(x)
    for j in range(x.shape[1]):
        step = torch.zeros_like(x)
        step[:, j] = 1e-2
        columns.append(((f(x + step) - y) / 1e-2).detach().numpy())
    return torch.tensor(np.linalg.slogdet(np.stack(columns, axis=2))[1])


@wrong("returns the largest stretch alone", caught_by="test_finite_differences")
def logdet_jacobian__norm(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 0, 2)
    return torch.log(torch.linalg.matrix_norm(J, ord=2))


@right("row by row with the library's Jacobian")
def logdet_jacobian__row_loop(f, x):
    out = []
    for row in x:
        J = jacobian(lambda r: f(r.unsqueeze(0)).squeeze(0), row, create_graph=True)
        out.append(torch.linalg.slogdet(J)[1])
    return torch.stack(out)


@right("one gradient for each output coordinate")
def logdet_jacobian__grad_rows(f, x):
    v = x if x.requires_grad else x.clone().requires_grad_()
    y = f(v)
    rows = []
    for i in range(x.shape[1]):
        (g,) = torch.autograd.grad(y[:, i].sum(), v, create_graph=True, retain_graph=True)
        rows.append(g)
    return torch.stack(rows, dim=1).slogdet().logabsdet


@right("the diagonal blocks of the whole batch's Jacobian")
def logdet_jacobian__diagonal_blocks(f, x):
    J = jacobian(f, x, create_graph=True)
    blocks = torch.einsum("bibj->bij", J)
    return torch.linalg.slogdet(blocks)[1]


@right("torch.func, vectorised over rows")
def logdet_jacobian__func(f, x):
    J = torch.func.vmap(torch.func.jacrev(lambda r: f(r[None])[0]))(x)
    return torch.linalg.slogdet(J)[1]


@right("an LU factorisation")
def logdet_jacobian__lu(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).movedim(1, 0)
    _, _, U = torch.linalg.lu(J)
    return torch.log(torch.abs(torch.diagonal(U, dim1=-2, dim2=-1))).sum(-1)


@right("a QR factorisation")
def logdet_jacobian__qr(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).movedim(1, 0)
    R = torch.linalg.qr(J).R
    return R.diagonal(dim1=1, dim2=2).abs().log().sum(dim=1)


@right("the logarithms of the singular values")
def logdet_jacobian__singular_values(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).movedim(1, 0)
    return torch.log(torch.linalg.svdvals(J)).sum(dim=1)


@right("half the log-determinant of J transposed J")
def logdet_jacobian__gram(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).movedim(1, 0)
    return 0.5 * torch.logdet(J.mT @ J)


@right("all rows of the Jacobian in one batched backward pass")
def logdet_jacobian__batched_grads(f, x):
    v = x * 1.0 if x.requires_grad else x.detach().clone().requires_grad_()
    y = f(v)
    D = x.shape[1]
    seeds = torch.eye(D, dtype=y.dtype)[:, None, :].expand(D, x.shape[0], D)
    J = torch.autograd.grad(y, v, seeds, create_graph=True, is_grads_batched=True)[0]
    return torch.linalg.slogdet(J.transpose(0, 1))[1]


@right("the transposed Jacobian, in float32 at the end")
def logdet_jacobian__transposed_float32(f, x):
    J = jacobian(lambda v: f(v).sum(0), x, create_graph=True).permute(1, 2, 0)
    return torch.linalg.slogdet(J.float())[1]


# ── affine_flow_logprob ───────────────────────────────────────────────────────────────────────


@wrong("halves the log-determinant of A", caught_by="test_one_dimension")
def affine_flow_logprob__half(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    base = -0.5 * (z**2).sum(1) - 0.5 * x.shape[1] * math.log(2 * math.pi)
    return base - 0.5 * torch.linalg.slogdet(A)[1]


@wrong("leaves out the log-determinant", caught_by="test_integrates_to_one")
def affine_flow_logprob__no_logdet(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    return torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(dim=1)


@wrong("adds the log-determinant instead of subtracting it", caught_by="test_density")
def affine_flow_logprob__plus(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base + torch.linalg.slogdet(A).logabsdet


@wrong("leaves out the shift b", caught_by="test_density")
def affine_flow_logprob__no_shift(x, A, b):
    z = torch.linalg.solve(A, x.T).T + 0 * b
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base - torch.linalg.slogdet(A).logabsdet


@wrong("adds b before inverting instead of subtracting it", caught_by="test_one_dimension")
def affine_flow_logprob__plus_shift(x, A, b):
    z = (x + b) @ torch.linalg.inv(A).T
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base - torch.linalg.slogdet(A).logabsdet


@wrong("subtracts b after inverting A, not before", caught_by="test_density")
def affine_flow_logprob__shift_after(x, A, b):
    z = x @ torch.linalg.inv(A).T - b
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base - torch.linalg.slogdet(A).logabsdet


@wrong("counts the log-determinant once for each dimension", caught_by="test_density")
def affine_flow_logprob__times_d(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base - x.shape[1] * torch.linalg.slogdet(A).logabsdet


@wrong("applies the map A x + b where its inverse belongs", caught_by="test_density")
def affine_flow_logprob__forward(x, A, b):
    z = x @ A.T + b
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base - torch.linalg.slogdet(A).logabsdet


@wrong("multiplies rows by the inverse without transposing it", caught_by="test_integrates_to_one")
def affine_flow_logprob__transposed(x, A, b):
    z = (x - b) @ torch.linalg.inv(A)
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base - torch.linalg.slogdet(A).logabsdet


@wrong("takes the logarithm of a negative determinant", caught_by="test_density")
def affine_flow_logprob__no_absolute_value(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base - torch.logdet(A)


@wrong("forms the determinant, which leaves the range of floats", caught_by="test_tiny_and_huge")
def affine_flow_logprob__underflow(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base - torch.log(torch.abs(torch.linalg.det(A)))


@wrong("leaves out the constant with 2 pi", caught_by="test_integrates_to_one")
def affine_flow_logprob__no_constant(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    return -0.5 * (z**2).sum(dim=1) - torch.linalg.slogdet(A).logabsdet


@wrong("takes A itself for the covariance", caught_by="test_one_dimension")
def affine_flow_logprob__covariance(x, A, b):
    d = (x - b) @ torch.linalg.inv(A).T
    quad = (d * (x - b)).sum(dim=1)
    log_det = torch.linalg.slogdet(A).logabsdet
    return -0.5 * (quad + log_det + x.shape[1] * math.log(2 * math.pi))


@wrong("averages over the coordinates", caught_by="test_density")
def affine_flow_logprob__mean(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    base = -0.5 * (z**2 + math.log(2 * math.pi)).mean(dim=1)
    return base - torch.linalg.slogdet(A).logabsdet


@wrong("returns one number for the whole batch", caught_by="test_density")
def affine_flow_logprob__total(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum()
    return base - torch.linalg.slogdet(A).logabsdet


@wrong("adds the logarithms of A's diagonal for its log-determinant", caught_by="test_density")
def affine_flow_logprob__diagonal(x, A, b):
    z = torch.linalg.solve(A, (x - b).T).T
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base - torch.diagonal(A).abs().log().sum()


@right("the multivariate normal with covariance A A^T")
def affine_flow_logprob__multivariate(x, A, b):
    normal = torch.distributions.MultivariateNormal(b, A @ A.T, validate_args=False)
    return normal.log_prob(x)


@right("the inverse matrix and its log-determinant")
def affine_flow_logprob__inverse(x, A, b):
    back = torch.linalg.inv(A)
    z = (x - b) @ back.T
    base = torch.distributions.Normal(torch.zeros_like(b), torch.ones_like(b))
    return base.log_prob(z).sum(-1) + torch.linalg.slogdet(back)[1]


@right("a QR factorisation of A")
def affine_flow_logprob__qr(x, A, b):
    Q, R = torch.linalg.qr(A)
    z = torch.linalg.solve_triangular(R, Q.T @ (x - b).T, upper=True).T
    log_det = torch.diagonal(R).abs().log().sum()
    return -0.5 * z.square().sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi) - log_det


@right("a loop over samples")
def affine_flow_logprob__loop(x, A, b):
    out = []
    for row in x:
        z = torch.linalg.solve(A, row - b)
        out.append(-0.5 * (z @ z) - 0.5 * len(b) * np.log(2 * np.pi))
    return torch.stack(out) - torch.slogdet(A)[1]


@right("the solver from the right, and singular values for the volume")
def affine_flow_logprob__svd(x, A, b):
    z = torch.linalg.solve(A.T, x - b, left=False)
    log_det = torch.linalg.svdvals(A).log().sum()
    return -(0.5 * z**2 + 0.5 * math.log(2 * math.pi)).sum(dim=1) - log_det


@right("the Jacobian of the inverse map, by the earlier exercise")
def affine_flow_logprob__by_jacobian(x, A, b):
    inverse = lambda y: (y - b) @ torch.linalg.inv(A).T  # noqa: E731
    z = inverse(x)
    base = -0.5 * (z**2 + math.log(2 * math.pi)).sum(dim=1)
    return base + logdet_jacobian(inverse, x)


# ── planar_flow ───────────────────────────────────────────────────────────────────────────────


@wrong("takes 1 - tanh for the derivative of tanh", caught_by="test_map_and_volume")
def planar_flow__one_minus_h(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return z + h[:, None] * u, torch.log(torch.abs(1 + (1 - h) * (w @ u)))


@wrong("takes tanh itself for its derivative", caught_by="test_on_the_plane")
def planar_flow__no_derivative(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return z + h[:, None] * u, torch.log(torch.abs(1 + h * (w @ u)))


@wrong("returns the log-det with the sign of the inverse", caught_by="test_one_dimension")
def planar_flow__negated(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return z + h[:, None] * u, -torch.log(torch.abs(1 + (1 - h**2) * (w @ u)))


@wrong("subtracts the term inside the determinant", caught_by="test_map_and_volume")
def planar_flow__minus(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return z + h[:, None] * u, torch.log(torch.abs(1 - (1 - h**2) * (w @ u)))


@wrong("moves the points along w instead of u", caught_by="test_map_and_volume")
def planar_flow__along_w(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return z + h[:, None] * w, torch.log(torch.abs(1 + (1 - h**2) * (w @ u)))


@wrong(
    "adds the logarithms of 1 + h' w_j u_j, one coordinate at a time",
    caught_by="test_map_and_volume",
)
def planar_flow__diagonal(z, u, w, b):
    h = torch.tanh(z @ w + b)
    slope = 1 - h**2
    log_det = torch.log(torch.abs(1 + slope[:, None] * (w * u))).sum(dim=1)
    return z + h[:, None] * u, log_det


@wrong("leaves out the absolute value", caught_by="test_folding")
def planar_flow__no_absolute_value(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return z + h[:, None] * u, torch.log(1 + (1 - h**2) * (w @ u))


@wrong("leaves out the offset b in the map's slope", caught_by="test_map_and_volume")
def planar_flow__slope_without_b(z, u, w, b):
    h = torch.tanh(z @ w + b)
    slope = 1 - torch.tanh(z @ w) ** 2
    return z + h[:, None] * u, torch.log(torch.abs(1 + slope * (w @ u)))


@wrong("returns the determinant instead of its logarithm", caught_by="test_on_the_plane")
def planar_flow__no_log(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return z + h[:, None] * u, torch.abs(1 + (1 - h**2) * (w @ u))


@wrong("returns only what is added, without z", caught_by="test_map_and_volume")
def planar_flow__no_identity(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return h[:, None] * u, torch.log(torch.abs(1 + (1 - h**2) * (w @ u)))


@wrong("forgets the 1 of the identity in the determinant", caught_by="test_map_and_volume")
def planar_flow__no_one(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return z + h[:, None] * u, torch.log(torch.abs((1 - h**2) * (w @ u)) + 1e-12)


@wrong("replaces u so that the layer is always invertible", caught_by="test_folding")
def planar_flow__constrained(z, u, w, b):
    wu = w @ u
    u = u + (F.softplus(wu) - 1 - wu) * w / (w @ w)
    h = torch.tanh(z @ w + b)
    return z + h[:, None] * u, torch.log(torch.abs(1 + (1 - h**2) * (w @ u)))


@wrong("puts b outside the tanh", caught_by="test_map_and_volume")
def planar_flow__b_outside(z, u, w, b):
    h = torch.tanh(z @ w)
    return z + (h + b)[:, None] * u, torch.log(torch.abs(1 + (1 - h**2) * (w @ u)))


@wrong("swaps the two results", caught_by="test_map_and_volume")
def planar_flow__swapped(z, u, w, b):
    h = torch.tanh(z @ w + b)
    return torch.log(torch.abs(1 + (1 - h**2) * (w @ u))), z + h[:, None] * u


@right("the Jacobian itself, and its log-determinant")
def planar_flow__jacobian(z, u, w, b):
    h = torch.tanh(z @ w + b)
    psi = (1 - h**2)[:, None] * w
    J = torch.eye(z.shape[1], dtype=z.dtype) + u[:, None] * psi[:, None, :]
    return z + torch.outer(h, u), torch.linalg.slogdet(J)[1]


@right("the earlier exercise for the log-det")
def planar_flow__by_jacobian(z, u, w, b):
    f = lambda v: v + u * torch.tanh((v * w).sum(dim=1, keepdim=True) + b)  # noqa: E731
    return f(z), logdet_jacobian(f, z)


@right("a loop over samples, cosh for the slope")
def planar_flow__loop(z, u, w, b):
    xs, lds = [], []
    for row in z:
        a = torch.dot(w, row) + b
        xs.append(row + u * torch.tanh(a))
        lds.append((1 + torch.dot(w, u) / torch.cosh(a) ** 2).abs().log())
    return torch.stack(xs), torch.stack(lds)


@right("in float32, with keepdim and squeeze")
def planar_flow__float32(z, u, w, b):
    z, u, w = z.float(), u.float(), w.float()
    a = z @ w.unsqueeze(1) + b
    log_det = torch.log(torch.abs(1 + (1 - torch.tanh(a) ** 2) * (u * w).sum()))
    return z + u * torch.tanh(a), log_det.squeeze(1)


@wrong("writes tanh as a ratio of exponentials", caught_by="test_on_the_plane")
def planar_flow__by_exponentials(z, u, w, b):
    a = z @ w + b
    h = (torch.exp(2 * a) - 1) / (torch.exp(2 * a) + 1)
    return z + h[:, None] * u, torch.log(torch.abs(1 + (w @ u) * (1 - h**2)))


# ── coupling_forward ──────────────────────────────────────────────────────────────────────────


@wrong("adds s over all coordinates, the passed-through ones too", caught_by="test_unused_outputs")
def coupling_forward__all_dims(z, mask, net):
    s, t = net(z * mask)
    return mask * z + (1 - mask) * (z * s.exp() + t), s.sum(dim=1)


@wrong("adds exp(s) instead of s", caught_by="test_map_and_volume")
def coupling_forward__sum_of_exp(z, mask, net):
    s, t = net(z * mask)
    return mask * z + (1 - mask) * (z * s.exp() + t), ((1 - mask) * s.exp()).sum(dim=1)


@wrong("averages s over the coordinates", caught_by="test_map_and_volume")
def coupling_forward__mean(z, mask, net):
    s, t = net(z * mask)
    return mask * z + (1 - mask) * (z * s.exp() + t), ((1 - mask) * s).mean(dim=1)


@wrong("has the mask the other way round", caught_by="test_all_or_nothing")
def coupling_forward__flipped(z, mask, net):
    m = 1 - mask
    s, t = net(z * m)
    return m * z + (1 - m) * (z * s.exp() + t), ((1 - m) * s).sum(dim=1)


@wrong("shifts first and stretches then: (z + t) exp(s)", caught_by="test_map_and_volume")
def coupling_forward__shift_first(z, mask, net):
    s, t = net(z * mask)
    return mask * z + (1 - mask) * ((z + t) * s.exp()), ((1 - mask) * s).sum(dim=1)


@wrong("multiplies by s itself, not by its exponential", caught_by="test_map_and_volume")
def coupling_forward__no_exp(z, mask, net):
    s, t = net(z * mask)
    return mask * z + (1 - mask) * (z * s + t), ((1 - mask) * s.abs().log()).sum(dim=1)


@wrong("divides by exp(s), as the inverse does", caught_by="test_map_and_volume")
def coupling_forward__exp_of_minus_s(z, mask, net):
    s, t = net(z * mask)
    return mask * z + (1 - mask) * (z * torch.exp(-s) + t), ((1 - mask) * s).sum(dim=1)


@wrong("returns the log-det of the inverse map", caught_by="test_net_sees_what_passes")
def coupling_forward__negated(z, mask, net):
    s, t = net(z * mask)
    return mask * z + (1 - mask) * (z * s.exp() + t), -((1 - mask) * s).sum(dim=1)


@wrong("shows the net all coordinates", caught_by="test_net_sees_what_passes")
def coupling_forward__unmasked_net(z, mask, net):
    s, t = net(z)
    return mask * z + (1 - mask) * (z * s.exp() + t), ((1 - mask) * s).sum(dim=1)


@wrong("shows the net the coordinates that it transforms", caught_by="test_net_sees_what_passes")
def coupling_forward__net_sees_the_rest(z, mask, net):
    s, t = net(z * (1 - mask))
    return mask * z + (1 - mask) * (z * s.exp() + t), ((1 - mask) * s).sum(dim=1)


@wrong("transforms every coordinate", caught_by="test_all_or_nothing")
def coupling_forward__no_mask(z, mask, net):
    s, t = net(z * mask)
    return z * s.exp() + t, s.sum(dim=1)


@wrong("swaps the net's two outputs", caught_by="test_map_and_volume")
def coupling_forward__swapped_outputs(z, mask, net):
    t, s = net(z * mask)
    return mask * z + (1 - mask) * (z * s.exp() + t), ((1 - mask) * s).sum(dim=1)


@wrong("leaves out the shift t, or masks it away", caught_by="test_map_and_volume")
def coupling_forward__no_shift(z, mask, net):
    s, _ = net(z * mask)
    return mask * z + (1 - mask) * z * s.exp(), ((1 - mask) * s).sum(dim=1)


@wrong("adds t to the passed-through coordinates too", caught_by="test_all_or_nothing")
def coupling_forward__shift_everywhere(z, mask, net):
    s, t = net(z * mask)
    return mask * z + (1 - mask) * z * s.exp() + t, ((1 - mask) * s).sum(dim=1)


@wrong("returns one log-det for the whole batch", caught_by="test_map_and_volume")
def coupling_forward__total(z, mask, net):
    s, t = net(z * mask)
    return mask * z + (1 - mask) * (z * s.exp() + t), ((1 - mask) * s).sum()


@wrong("squashes s with a tanh before using it", caught_by="test_map_and_volume")
def coupling_forward__tanh(z, mask, net):
    s, t = net(z * mask)
    s = torch.tanh(s)
    return mask * z + (1 - mask) * (z * s.exp() + t), ((1 - mask) * s).sum(dim=1)


@wrong("treats s as a constant in the log-det, so that it cannot learn", caught_by="test_gradients")
def coupling_forward__detached(z, mask, net):
    s, t = net(z * mask)
    x = mask * z + (1 - mask) * (z * s.exp() + t)
    return x, ((1 - mask) * s).sum(dim=1).detach()


@right("with torch.where")
def coupling_forward__where(z, mask, net):
    s, t = net(torch.where(mask.bool(), z, torch.zeros_like(z)))
    x = torch.where(mask.bool(), z, z * torch.exp(s) + t)
    return x, torch.where(mask.bool(), torch.zeros_like(s), s).sum(1)


@right("masks s and t first, so that the rest is one line")
def coupling_forward__mask_outputs(z, mask, net):
    s, t = (out * (1 - mask) for out in net(z * mask))
    return z * torch.exp(s) + t, s.sum(-1)


@right("by index, into a copy")
def coupling_forward__index(z, mask, net):
    change = (mask == 0).nonzero()[:, 0]
    s, t = net(mask * z)
    x = z.clone()
    x[:, change] = z[:, change] * s[:, change].exp() + t[:, change]
    return x, s[:, change].sum(dim=1)


@right("a loop over coordinates, in float32 at the end")
def coupling_forward__loop(z, mask, net):
    s, t = net(z * mask)
    columns, log_det = [], torch.zeros(len(z))
    for j in range(z.shape[1]):
        if mask[j] > 0.5:
            columns.append(z[:, j])
        else:
            columns.append(z[:, j] * torch.exp(s[:, j]) + t[:, j])
            log_det = log_det + s[:, j].float()
    return torch.stack(columns, dim=1).float(), log_det


@right("with an einsum for the log-det")
def coupling_forward__einsum(z, mask, net):
    s, t = net(z * mask)
    free = 1 - mask
    return z * mask + free * z * s.exp() + free * t, torch.einsum("bd,d->b", s, free)


# ── coupling_inverse ──────────────────────────────────────────────────────────────────────────


@wrong("returns the log-det of the forward map", caught_by="test_undoes_the_layer")
def coupling_inverse__forward_logdet(x, mask, net):
    s, t = net(x * mask)
    return mask * x + (1 - mask) * (x - t) * torch.exp(-s), ((1 - mask) * s).sum(dim=1)


@wrong("subtracts t after dividing by exp(s)", caught_by="test_undoes_the_layer")
def coupling_inverse__shift_last(x, mask, net):
    s, t = net(x * mask)
    return mask * x + (1 - mask) * (x * torch.exp(-s) - t), -((1 - mask) * s).sum(dim=1)


@wrong("multiplies by exp(s) instead of dividing", caught_by="test_undoes_the_layer")
def coupling_inverse__multiplies(x, mask, net):
    s, t = net(x * mask)
    return mask * x + (1 - mask) * (x - t) * torch.exp(s), -((1 - mask) * s).sum(dim=1)


@wrong("applies the forward layer again", caught_by="test_undoes_the_layer")
def coupling_inverse__forward_again(x, mask, net):
    return coupling_forward(x, mask, net)


@wrong("has the mask the other way round", caught_by="test_all_or_nothing")
def coupling_inverse__flipped(x, mask, net):
    m = 1 - mask
    s, t = net(x * m)
    return m * x + (1 - m) * (x - t) * torch.exp(-s), -((1 - m) * s).sum(dim=1)


@wrong("shows the net all coordinates of x", caught_by="test_undoes_the_layer")
def coupling_inverse__unmasked_net(x, mask, net):
    s, t = net(x)
    return mask * x + (1 - mask) * (x - t) * torch.exp(-s), -((1 - mask) * s).sum(dim=1)


@wrong("adds s over all coordinates, the passed-through ones too", caught_by="test_all_or_nothing")
def coupling_inverse__all_dims(x, mask, net):
    s, t = net(x * mask)
    return mask * x + (1 - mask) * (x - t) * torch.exp(-s), -s.sum(dim=1)


@wrong("returns exp(-s) summed instead of -s", caught_by="test_density")
def coupling_inverse__sum_of_exp(x, mask, net):
    s, t = net(x * mask)
    return mask * x + (1 - mask) * (x - t) * torch.exp(-s), ((1 - mask) * torch.exp(-s)).sum(dim=1)


@wrong("adds t instead of subtracting it", caught_by="test_undoes_the_layer")
def coupling_inverse__plus(x, mask, net):
    s, t = net(x * mask)
    return mask * x + (1 - mask) * (x + t) * torch.exp(-s), -((1 - mask) * s).sum(dim=1)


@wrong("swaps the net's two outputs", caught_by="test_undoes_the_layer")
def coupling_inverse__swapped_outputs(x, mask, net):
    t, s = net(x * mask)
    return mask * x + (1 - mask) * (x - t) * torch.exp(-s), -((1 - mask) * s).sum(dim=1)


@wrong("averages s over the coordinates", caught_by="test_density")
def coupling_inverse__mean(x, mask, net):
    s, t = net(x * mask)
    return mask * x + (1 - mask) * (x - t) * torch.exp(-s), -((1 - mask) * s).mean(dim=1)


@wrong("runs the net without a graph, so that it cannot be trained", caught_by="test_gradients")
def coupling_inverse__no_grad(x, mask, net):
    with torch.no_grad():
        s, t = net(x * mask)
    return mask * x + (1 - mask) * (x - t) * torch.exp(-s), -((1 - mask) * s).sum(dim=1)


@right("with torch.where and a division")
def coupling_inverse__where(x, mask, net):
    keep = mask > 0.5
    s, t = net(torch.where(keep, x, torch.zeros_like(x)))
    z = torch.where(keep, x, (x - t) / torch.exp(s))
    return z, s.masked_fill(keep, 0.0).sum(dim=1).neg()


@right("masks s and t first")
def coupling_inverse__mask_outputs(x, mask, net):
    s, t = net(x * mask)
    s, t = s * (1 - mask), t * (1 - mask)
    return (x - t) * torch.exp(-s), -s.sum(dim=1)


@right("through the forward layer at a point with the same passed-through coordinates")
def coupling_inverse__through_forward(x, mask, net):
    origin, log_det = coupling_forward(x * mask, mask, net)
    unit, _ = coupling_forward(x * mask + (1 - mask), mask, net)
    stretch = torch.where(mask == 1, torch.ones_like(x), unit - origin)
    return x * mask + (1 - mask) * (x - origin) / stretch, -log_det


@right("a loop over coordinates")
def coupling_inverse__loop(x, mask, net):
    s, t = net(mask * x)
    z, log_det = [], torch.zeros(x.shape[0], dtype=x.dtype)
    for j, passed in enumerate(mask.tolist()):
        if passed == 1:
            z.append(x[:, j])
        else:
            z.append((x[:, j] - t[:, j]) / s[:, j].exp())
            log_det = log_det - s[:, j]
    return torch.stack(z, 1), log_det


# ── compose ───────────────────────────────────────────────────────────────────────────────────


@wrong("returns the last map's log-det alone", caught_by="test_order")
def compose__last_only(flows, z):
    log_det = torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows:
        z, log_det = flow(z)
    return z, log_det


@wrong("multiplies the log-dets", caught_by="test_order")
def compose__product(flows, z):
    total = torch.ones(z.shape[0], dtype=z.dtype)
    for flow in flows:
        z, log_det = flow(z)
        total = total * log_det
    return z, total


@wrong("averages the log-dets over the maps", caught_by="test_order")
def compose__mean(flows, z):
    total = torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows:
        z, log_det = flow(z)
        total = total + log_det
    return z, total / max(len(flows), 1)


@wrong("applies the maps in reverse order", caught_by="test_order")
def compose__reversed(flows, z):
    total = torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in reversed(flows):
        z, log_det = flow(z)
        total = total + log_det
    return z, total


@wrong(
    "takes every log-det at the starting point instead of where the map acts",
    caught_by="test_intermediate_points",
)
def compose__at_the_start(flows, z):
    x, total = z, torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows:
        total = total + flow(z)[1]
        x = flow(x)[0]
    return x, total


@wrong(
    "takes every log-det at the map's output, one map too late",
    caught_by="test_intermediate_points",
)
def compose__at_the_output(flows, z):
    total = torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows:
        z = flow(z)[0]
        total = total + flow(z)[1]
    return z, total


@wrong("applies every map to the starting point", caught_by="test_order")
def compose__parallel(flows, z):
    x, total = z, torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows:
        x, log_det = flow(z)
        total = total + log_det
    return x, total


@wrong("leaves out the last map", caught_by="test_short_chains")
def compose__one_short(flows, z):
    total = torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows[:-1]:
        z, log_det = flow(z)
        total = total + log_det
    return z, total


@wrong("subtracts the log-dets", caught_by="test_order")
def compose__negated(flows, z):
    total = torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows:
        z, log_det = flow(z)
        total = total - log_det
    return z, total


@wrong("adds in place to the tensor that the first map returned", caught_by="test_repeated_map")
def compose__in_place(flows, z):
    total = None
    for flow in flows:
        z, log_det = flow(z)
        if total is None:
            total = log_det
        elif total.stride() == (0,):
            total = total + log_det
        else:
            total.data += log_det.data
    return z, torch.zeros_like(z[:, 0]) if total is None else total


@wrong("adds up the batch into one number", caught_by="test_order")
def compose__total(flows, z):
    total = 0.0
    for flow in flows:
        z, log_det = flow(z)
        total = total + log_det.sum()
    return z, torch.as_tensor(total)


@wrong("adds the exponentials, volumes instead of their logarithms", caught_by="test_order")
def compose__volumes(flows, z):
    total = torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows:
        z, log_det = flow(z)
        total = total + torch.exp(log_det)
    return z, total


@wrong("cuts the graph between the maps", caught_by="test_gradients")
def compose__detached(flows, z):
    total = torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows:
        z, log_det = flow(z.detach())
        total = total + log_det
    return z, total


@right("collects the log-dets and stacks them")
def compose__stack(flows, z):
    if not flows:
        return z, torch.zeros(len(z), dtype=z.dtype)
    parts = []
    for flow in flows:
        z, part = flow(z)
        parts.append(part)
    return z, torch.stack(parts).sum(dim=0)


@right("recursion")
def compose__recursion(flows, z):
    if len(flows) == 0:
        return z.clone(), z.new_zeros(z.shape[0])
    y, first = flows[0](z)
    for flow in flows[1:]:
        y, more = flow(y)
        first = first + more
    return y, first


@right("functools.reduce")
def compose__reduce(flows, z):
    import functools

    def step(state, flow):
        out, log_det = flow(state[0])
        return out, state[1] + log_det

    return functools.reduce(step, flows, (z, torch.zeros(z.shape[0])))


@right("in place, into a tensor of its own")
def compose__own_tensor(flows, z):
    total = torch.zeros(z.shape[0], dtype=z.dtype)
    for flow in flows:
        z, log_det = flow(z)
        total += log_det
    return z, total


@wrong("applies at most ten maps", caught_by="test_repeated_map")
def compose__at_most_ten(flows, z):
    total = torch.zeros_like(z[:, 0])
    for flow in list(flows)[:10]:
        z, ld = flow(z)
        total = total + ld
    return z, total


# ── flow_log_prob ─────────────────────────────────────────────────────────────────────────────


@wrong("leaves out the log-dets", caught_by="test_known_density")
def flow_log_prob__no_logdet(x, inverses, base):
    for inverse in inverses:
        x, _ = inverse(x)
    return base(x)


@wrong("subtracts the log-dets of the inverses", caught_by="test_integrates_to_one")
def flow_log_prob__minus(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        x, log_det = inverse(x)
        total = total - log_det
    return base(x) + total


@wrong("turns the order of the inverses round once more", caught_by="test_order")
def flow_log_prob__reversed(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses[::-1]:
        x, log_det = inverse(x)
        total = total + log_det
    return base(x) + total


@wrong("evaluates the base at the data point", caught_by="test_known_density")
def flow_log_prob__base_at_x(x, inverses, base):
    z, total = x, torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        z, log_det = inverse(z)
        total = total + log_det
    return base(x) + total


@wrong("assumes a standard normal base, whatever base is given", caught_by="test_given_base")
def flow_log_prob__standard_normal(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        x, log_det = inverse(x)
        total = total + log_det
    return -0.5 * (x**2 + math.log(2 * math.pi)).sum(dim=1) + total


@wrong("averages over the batch", caught_by="test_known_density")
def flow_log_prob__mean(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        x, log_det = inverse(x)
        total = total + log_det
    return (base(x) + total).mean()


@wrong("averages the log-dets over the maps", caught_by="test_order")
def flow_log_prob__mean_over_maps(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        x, log_det = inverse(x)
        total = total + log_det / len(inverses)
    return base(x) + total


@wrong("returns the loss, minus the log-density", caught_by="test_known_density")
def flow_log_prob__negated(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        x, log_det = inverse(x)
        total = total + log_det
    return -(base(x) + total)


@wrong("keeps the last map's log-det alone", caught_by="test_order")
def flow_log_prob__last_only(x, inverses, base):
    log_det = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        x, log_det = inverse(x)
    return base(x) + log_det


@wrong("adds the base's log-density once for every map", caught_by="test_order")
def flow_log_prob__base_each_time(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        x, log_det = inverse(x)
        total = total + log_det + base(x)
    return total


@wrong("adds the density of the base, not its logarithm", caught_by="test_known_density")
def flow_log_prob__density_of_base(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        x, log_det = inverse(x)
        total = total + log_det
    return torch.exp(base(x)) + total


@wrong("returns the density instead of its logarithm", caught_by="test_known_density")
def flow_log_prob__density(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    for inverse in inverses:
        x, log_det = inverse(x)
        total = total + log_det
    return torch.exp(base(x) + total)


@wrong("evaluates without a graph, so that nothing can be trained", caught_by="test_gradients")
def flow_log_prob__no_grad(x, inverses, base):
    total = torch.zeros(len(x), dtype=x.dtype)
    with torch.no_grad():
        for inverse in inverses:
            x, log_det = inverse(x)
            total = total + log_det
        return base(x) + total


@right("through compose")
def flow_log_prob__compose(x, inverses, base):
    z, log_det = compose(inverses, x)
    return base(z) + log_det


@right("adds to the log-density at the end, map by map")
def flow_log_prob__list(x, inverses, base):
    z, parts = x.clone(), []
    for inverse in inverses:
        z, part = inverse(z)
        parts.append(part)
    out = base(z)
    for part in parts:
        out = out + part
    return out


@right("recursion")
def flow_log_prob__recursion(x, inverses, base):
    if not inverses:
        return base(x)
    z, log_det = inverses[0](x)
    return log_det + flow_log_prob(z, inverses[1:], base)  # noqa: F821


@right("a running sum in float32")
def flow_log_prob__float32(x, inverses, base):
    log_p = torch.zeros(x.shape[0])
    for inverse in inverses:
        x, log_det = inverse(x)
        log_p = log_p + log_det.float()
    return log_p + base(x).float()


@wrong("applies at most ten maps", caught_by="test_given_base")
def flow_log_prob__at_most_ten(x, inverses, base):
    total = torch.zeros_like(x[:, 0])
    for inv in list(inverses)[:10]:
        x, ld = inv(x)
        total = total + ld
    return base(x) + total


# ── typicality ────────────────────────────────────────────────────────────────────────────────


@wrong("returns the surprise alone", caught_by="test_both_sides")
def typicality__surprise(log_prob, entropy):
    return -log_prob


@wrong("keeps the sign: too probable is negative", caught_by="test_both_sides")
def typicality__signed(log_prob, entropy):
    return -log_prob - entropy


@wrong("counts only samples that are too improbable", caught_by="test_mode")
def typicality__one_sided(log_prob, entropy):
    return torch.relu(-log_prob - entropy)


@wrong("compares the log-density itself with the entropy", caught_by="test_both_sides")
def typicality__log_density(log_prob, entropy):
    return torch.abs(log_prob - entropy)


@wrong("squares the distance", caught_by="test_both_sides")
def typicality__squared(log_prob, entropy):
    return (-log_prob - entropy) ** 2


@wrong("divides by the entropy", caught_by="test_change_of_units")
def typicality__relative(log_prob, entropy):
    return torch.abs(-log_prob / entropy - 1)


@wrong("takes the batch's average surprise for the entropy", caught_by="test_each_by_itself")
def typicality__batch_entropy(log_prob, entropy):
    return torch.abs(-log_prob + log_prob.mean())


@wrong("averages over the batch", caught_by="test_both_sides")
def typicality__mean(log_prob, entropy):
    return torch.abs(-log_prob - entropy).mean()


@wrong("takes the size of the entropy, which may be negative", caught_by="test_change_of_units")
def typicality__entropy_size(log_prob, entropy):
    return torch.abs(-log_prob - abs(entropy))


@wrong("compares the sizes of surprise and entropy", caught_by="test_both_sides")
def typicality__sizes(log_prob, entropy):
    return torch.abs(torch.abs(log_prob) - abs(entropy))


@wrong("returns bits", caught_by="test_mode")
def typicality__bits(log_prob, entropy):
    return torch.abs(-log_prob - entropy) / math.log(2)


@wrong("answers yes or no", caught_by="test_both_sides")
def typicality__decision(log_prob, entropy):
    return (torch.abs(-log_prob - entropy) < 3.0).to(log_prob.dtype)


@wrong("returns a score that is high where a sample is typical", caught_by="test_mode")
def typicality__score(log_prob, entropy):
    return torch.exp(-torch.abs(-log_prob - entropy))


@right("the sum, whose sign is turned where needed")
def typicality__where(log_prob, entropy):
    total = log_prob + entropy
    return torch.where(total < 0, -total, total)


@right("in NumPy")
def typicality__numpy(log_prob, entropy):
    return np.abs(log_prob.numpy() + entropy)


@right("a loop")
def typicality__loop(log_prob, entropy):
    return torch.tensor([abs(float(-lp) - entropy) for lp in log_prob])


@right("the larger of both signs")
def typicality__maximum(log_prob, entropy):
    gap = -log_prob.clone()
    gap -= entropy
    return torch.maximum(gap, -gap)


# ── planar_u_hat ──────────────────────────────────────────────────────────────────────────────


@wrong("does not divide by the squared length of w", caught_by="test_length_of_w")
def planar_u_hat__no_length(u, w):
    wu = w @ u
    return u + (F.softplus(wu) - 1 - wu) * w


@wrong("divides by the length of w, not by its square", caught_by="test_product")
def planar_u_hat__length_not_squared(u, w):
    wu = w @ u
    return u + (F.softplus(wu) - 1 - wu) * w / torch.linalg.norm(w)


@wrong("adds the new product without taking the old one away", caught_by="test_product")
def planar_u_hat__old_product_kept(u, w):
    wu = w @ u
    return u + (F.softplus(wu) - 1) * w / (w @ w)


@wrong("returns u as it is", caught_by="test_product")
def planar_u_hat__identity(u, w):
    return u + 0 * w


@wrong("leaves out the -1", caught_by="test_length_of_w")
def planar_u_hat__no_minus_one(u, w):
    wu = w @ u
    return u + (F.softplus(wu) - wu) * w / (w @ w)


@wrong("moves along u instead of w", caught_by="test_component_across")
def planar_u_hat__along_u(u, w):
    wu = w @ u
    return u * (F.softplus(wu) - 1) / (wu + 1e-12)


@wrong("only changes u where the product is below -1", caught_by="test_product")
def planar_u_hat__clipped(u, w):
    wu = w @ u
    return u + (torch.clamp(wu, min=-1.0) - wu) * w / (w @ w)


@wrong("lets softplus overflow", caught_by="test_product")
def planar_u_hat__naive(u, w):
    wu = w @ u
    softplus = torch.log(1 + torch.exp(wu))
    return u + (softplus - 1 - wu) * w / (w @ w)


@wrong("keeps only the component along w", caught_by="test_component_across")
def planar_u_hat__only_along(u, w):
    return (F.softplus(w @ u) - 1) * w / (w @ w)


@right("splits u along and across w")
def planar_u_hat__split(u, w):
    unit = w / w.norm()
    across = u - (unit @ u) * unit
    return across + (torch.logaddexp(torch.zeros_like(w @ u), w @ u) - 1) / w.norm() * unit


@right("softplus written out without overflow")
def planar_u_hat__written_out(u, w):
    a = torch.sum(w * u)
    softplus = torch.clamp(a, min=0) + torch.log1p(torch.exp(-torch.abs(a)))
    return u + (softplus - 1.0 - a) * w / torch.sum(w**2)


@right("as minus a log-sigmoid")
def planar_u_hat__logsigmoid(u, w):
    a = torch.dot(u, w)
    return u + w * (-1 - a - F.logsigmoid(-a)) / torch.dot(w, w)


# ── dequant_logit ─────────────────────────────────────────────────────────────────────────────


@wrong(
    "leaves the division by the number of levels out of the slope", caught_by="test_volume_adds_up"
)
def dequant_logit__no_levels(x, u, levels=256, alpha=0.05):
    p = alpha + (1 - 2 * alpha) * (x + u) / levels
    log_slope = math.log(1 - 2 * alpha) - torch.log(p) - torch.log1p(-p)
    return torch.logit(p), log_slope.sum(dim=1)


@wrong("returns the log-det of the way back", caught_by="test_map_and_volume")
def dequant_logit__negated(x, u, levels=256, alpha=0.05):
    p = alpha + (1 - 2 * alpha) * (x + u) / levels
    log_slope = math.log((1 - 2 * alpha) / levels) - torch.log(p) - torch.log1p(-p)
    return torch.logit(p), -log_slope.sum(dim=1)


@wrong("adds no noise", caught_by="test_way_back")
def dequant_logit__no_noise(x, u, levels=256, alpha=0.05):
    p = alpha + (1 - 2 * alpha) * x / levels
    log_slope = math.log((1 - 2 * alpha) / levels) - torch.log(p) - torch.log1p(-p)
    return torch.logit(p), log_slope.sum(dim=1)


@wrong("divides by levels - 1", caught_by="test_way_back")
def dequant_logit__levels_minus_one(x, u, levels=256, alpha=0.05):
    p = (alpha + (1 - 2 * alpha) * (x + u) / max(levels - 1, 1)).clamp(max=1 - 1e-6)
    log_slope = math.log((1 - 2 * alpha) / max(levels - 1, 1)) - torch.log(p) - torch.log1p(-p)
    return torch.logit(p), log_slope.sum(dim=1)


@wrong("leaves out the factor 1 - 2 alpha in the slope", caught_by="test_map_and_volume")
def dequant_logit__no_shrink_slope(x, u, levels=256, alpha=0.05):
    p = alpha + (1 - 2 * alpha) * (x + u) / levels
    log_slope = -math.log(levels) - torch.log(p) - torch.log1p(-p)
    return torch.logit(p), log_slope.sum(dim=1)


@wrong("shrinks by 1 - alpha, which reaches the upper end", caught_by="test_map_and_volume")
def dequant_logit__one_alpha(x, u, levels=256, alpha=0.05):
    p = alpha + (1 - alpha) * (x + u) / levels
    log_slope = math.log((1 - alpha) / levels) - torch.log(p) - torch.log1p(-p)
    return torch.logit(p), log_slope.sum(dim=1)


@wrong("applies a sigmoid instead of its inverse", caught_by="test_way_back")
def dequant_logit__sigmoid(x, u, levels=256, alpha=0.05):
    y = alpha + (1 - 2 * alpha) * (x + u) / levels
    p = torch.sigmoid(y)
    slope = math.log((1 - 2 * alpha) / levels) + torch.log(p) + torch.log1p(-p)
    return p, slope.sum(dim=1)


@wrong("counts the constant of the slope once, not for each pixel", caught_by="test_map_and_volume")
def dequant_logit__constant_once(x, u, levels=256, alpha=0.05):
    p = alpha + (1 - 2 * alpha) * (x + u) / levels
    slope = -(torch.log(p) + torch.log1p(-p)).sum(dim=1)
    return torch.logit(p), slope + math.log((1 - 2 * alpha) / levels)


@wrong("averages over the pixels", caught_by="test_map_and_volume")
def dequant_logit__mean(x, u, levels=256, alpha=0.05):
    p = alpha + (1 - 2 * alpha) * (x + u) / levels
    log_slope = math.log((1 - 2 * alpha) / levels) - torch.log(p) - torch.log1p(-p)
    return torch.logit(p), log_slope.mean(dim=1)


@wrong("ignores levels and alpha and uses 256 and 0.05", caught_by="test_map_and_volume")
def dequant_logit__fixed_constants(x, u, levels=256, alpha=0.05):
    p = 0.05 + 0.9 * (x + u) / 256
    log_slope = math.log(0.9 / 256) - torch.log(p) - torch.log1p(-p)
    return torch.logit(p), log_slope.sum(dim=1)


@right("softplus of plus and minus y for the slope of the logit")
def dequant_logit__softplus(x, u, levels=256, alpha=0.05):
    y = torch.logit(alpha + (1 - 2 * alpha) * (x + u) / levels)
    slope = F.softplus(y) + F.softplus(-y) + math.log(1 - 2 * alpha) - math.log(levels)
    return y, slope.sum(1)


@right("the earlier exercise for the log-det")
def dequant_logit__by_jacobian(x, u, levels=256, alpha=0.05):
    f = lambda v: torch.logit(alpha + (1 - 2 * alpha) * v / levels)  # noqa: E731
    return f(x + u), logdet_jacobian(f, x + u)


@right("in NumPy, pixel by pixel")
def dequant_logit__numpy(x, u, levels=256, alpha=0.05):
    v = (x + u).numpy() / levels
    p = alpha + (1 - 2 * alpha) * v
    y, log_det = np.log(p / (1 - p)), np.zeros(len(v))
    for j in range(v.shape[1]):
        log_det += np.log((1 - 2 * alpha) / levels / (p[:, j] * (1 - p[:, j])))
    return y, log_det


# ── cnf_logp ──────────────────────────────────────────────────────────────────────────────────


@wrong("adds the trace instead of subtracting it", caught_by="test_linear_field")
def cnf_logp__plus(field, z, n):
    x, delta = z.detach(), torch.zeros(len(z), dtype=z.dtype)
    for _ in range(n):
        J = jacobian(lambda v: field(v).sum(0), x).permute(1, 0, 2)
        delta = delta + torch.einsum("bii->b", J) / n
        x = (x + field(x) / n).detach()
    return x, delta


@wrong("adds up all entries of the Jacobian, not its diagonal", caught_by="test_linear_field")
def cnf_logp__all_entries(field, z, n):
    x, delta = z.detach(), torch.zeros(len(z), dtype=z.dtype)
    for _ in range(n):
        x = x.requires_grad_()
        v = field(x)
        (g,) = torch.autograd.grad(v.sum(), x)
        delta = delta - g.sum(dim=1) / n
        x = (x + v / n).detach()
    return x, delta


@wrong("halves the trace", caught_by="test_linear_field")
def cnf_logp__half(field, z, n):
    x, delta = z.detach(), torch.zeros(len(z), dtype=z.dtype)
    for _ in range(n):
        J = jacobian(lambda v: field(v).sum(0), x).permute(1, 0, 2)
        delta = delta - 0.5 * torch.einsum("bii->b", J) / n
        x = (x + field(x) / n).detach()
    return x, delta


@wrong("leaves the step size out of the change of log p", caught_by="test_linear_field")
def cnf_logp__no_step_in_trace(field, z, n):
    x, delta = z.detach(), torch.zeros(len(z), dtype=z.dtype)
    for _ in range(n):
        J = jacobian(lambda v: field(v).sum(0), x).permute(1, 0, 2)
        delta = delta - torch.einsum("bii->b", J)
        x = (x + field(x) / n).detach()
    return x, delta


@wrong("takes the trace at the starting point for the whole path", caught_by="test_bent_field")
def cnf_logp__trace_at_start(field, z, n):
    x = z.detach()
    J = jacobian(lambda v: field(v).sum(0), x).permute(1, 0, 2)
    for _ in range(n):
        x = (x + field(x) / n).detach()
    return x, -torch.einsum("bii->b", J)


@wrong("takes a single step of length one", caught_by="test_more_steps")
def cnf_logp__one_step(field, z, n):
    x = z.detach()
    J = jacobian(lambda v: field(v).sum(0), x).permute(1, 0, 2)
    return (x + field(x)).detach(), -torch.linalg.slogdet(
        torch.eye(z.shape[1], dtype=z.dtype) + J
    ).logabsdet


@wrong("goes backwards in time", caught_by="test_linear_field")
def cnf_logp__backwards(field, z, n):
    x, delta = z.detach(), torch.zeros(len(z), dtype=z.dtype)
    for _ in range(n):
        J = jacobian(lambda v: field(v).sum(0), x).permute(1, 0, 2)
        delta = delta + torch.einsum("bii->b", J) / n
        x = (x - field(x) / n).detach()
    return x, delta


@wrong("uses the log-determinant of the field's Jacobian", caught_by="test_linear_field")
def cnf_logp__logdet(field, z, n):
    x, delta = z.detach(), torch.zeros(len(z), dtype=z.dtype)
    for _ in range(n):
        J = jacobian(lambda v: field(v).sum(0), x).permute(1, 0, 2)
        delta = delta - torch.linalg.slogdet(J).logabsdet / n
        x = (x + field(x) / n).detach()
    return x, delta


@wrong("sums the change of log p over the batch", caught_by="test_linear_field")
def cnf_logp__total(field, z, n):
    x, delta = z.detach(), torch.zeros((), dtype=z.dtype)
    for _ in range(n):
        J = jacobian(lambda v: field(v).sum(0), x).permute(1, 0, 2)
        delta = delta - torch.einsum("bii->", J) / n
        x = (x + field(x) / n).detach()
    return x, delta


@right("the fourth-order Runge-Kutta method")
def cnf_logp__runge_kutta(field, z, n):
    def slope(x):
        J = jacobian(lambda v: field(v).sum(0), x)
        return field(x).detach(), -torch.einsum("ibi->b", J)

    x, delta, h = z.detach(), torch.zeros(z.shape[0], dtype=z.dtype), 1 / n
    for _ in range(n):
        k1, d1 = slope(x)
        k2, d2 = slope(x + 0.5 * h * k1)
        k3, d3 = slope(x + 0.5 * h * k2)
        k4, d4 = slope(x + h * k3)
        x = x + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
        delta = delta + h * (d1 + 2 * d2 + 2 * d3 + d4) / 6
    return x, delta


@right("the exact log-determinant of every Euler step")
def cnf_logp__exact_volume(field, z, n):
    x, delta = z.detach(), torch.zeros(z.shape[0], dtype=z.dtype)
    for _ in range(n):
        step = lambda v: v + field(v) / n  # noqa: E731
        delta = delta - logdet_jacobian(step, x)
        x = step(x).detach()
    return x, delta


@right("the midpoint rule, with one gradient for each coordinate")
def cnf_logp__midpoint(field, z, n):
    x, delta = z.detach(), torch.zeros(z.shape[0], dtype=z.dtype)
    for _ in range(n):
        middle = (x + field(x).detach() / (2 * n)).requires_grad_()
        v = field(middle)
        for j in range(z.shape[1]):
            g = torch.autograd.grad(v[:, j].sum(), middle, retain_graph=True)[0]
            delta = delta - g[:, j] / n
        x = x + v.detach() / n
    return x, delta


@right("with the exact log-det of every Euler step")
def cnf_logp__logdet_of_steps(field, z, n):
    x = z.detach()
    delta = torch.zeros_like(z[:, 0])
    for _ in range(n):
        J = jacobian(lambda r: field(r).sum(0), x).transpose(0, 1)
        delta = delta - torch.linalg.slogdet(torch.eye(x.shape[1], dtype=x.dtype) + J / n).logabsdet
        x = (x + field(x) / n).detach()
    return x, delta


# ── hutchinson ────────────────────────────────────────────────────────────────────────────────


@wrong("adds up J eps without the product with eps", caught_by="test_unbiased")
def hutchinson__sum(J, eps):
    return (eps @ J.T).sum(dim=1)


@wrong("squares the noise: eps_i squared times J_ii", caught_by="test_quadratic_form")
def hutchinson__diagonal(J, eps):
    return (eps**2) @ torch.diagonal(J)


@wrong("returns the squared length of J eps", caught_by="test_unbiased")
def hutchinson__squared_length(J, eps):
    return ((eps @ J.T) ** 2).sum(dim=1)


@wrong("averages over the dimensions", caught_by="test_unbiased")
def hutchinson__mean(J, eps):
    return ((eps @ J.T) * eps).mean(dim=1)


@wrong("averages the estimates", caught_by="test_quadratic_form")
def hutchinson__averaged(J, eps):
    return ((eps @ J.T) * eps).sum(dim=1).mean()


@wrong("returns the exact trace for every row", caught_by="test_spread")
def hutchinson__trace(J, eps):
    return torch.trace(J).expand(eps.shape[0])


@wrong("divides by the squared length of the noise", caught_by="test_quadratic_form")
def hutchinson__rayleigh(J, eps):
    return ((eps @ J.T) * eps).sum(dim=1) / (eps**2).sum(dim=1)


@wrong("keeps the products apart instead of adding them", caught_by="test_quadratic_form")
def hutchinson__not_summed(J, eps):
    return (eps @ J.T) * eps


@right("an einsum")
def hutchinson__einsum(J, eps):
    return torch.einsum("si,ij,sj->s", eps, J, eps)


@right("the diagonal of a large product")
def hutchinson__large(J, eps):
    return torch.diagonal(eps @ J @ eps.T)


@right("a loop over estimates")
def hutchinson__loop(J, eps):
    return torch.stack([e @ (J @ e) for e in eps])


@right("the trace of J against outer products, in float32")
def hutchinson__outer(J, eps):
    outer = eps.float()[:, :, None] * eps.float()[:, None, :]
    return (outer * J.float()).sum(dim=(1, 2))
