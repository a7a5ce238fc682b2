"""Take the first steps of slow libraries before a process is forked, in the box and the judge."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any


def warm_autograd() -> None:
    """Make torch's first gradients here: the first call of each kind imports for 0.3 s."""
    import torch

    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    weights: Any = torch.ones(3, dtype=torch.float64)
    torch.autograd.grad(x.exp(), x, weights, create_graph=True)
    torch.nn.functional.binary_cross_entropy_with_logits(x, weights).backward()
    normal = torch.distributions.Normal(x.detach(), weights)
    normal.log_prob(x).sum().backward()
    torch.distributions.kl_divergence(normal, normal)
    _warm_linear_algebra()


def _warm_linear_algebra() -> None:
    """Let libraries take their buffers: without memory left, OpenBLAS would end the process."""
    import numpy as np
    import torch

    matrix = np.eye(64)
    np.linalg.eigh(matrix @ matrix)
    torch.linalg.eigh(torch.eye(64) @ torch.eye(64))


def warm_imports(names: Sequence[str]) -> None:
    """Import modules that only some assignments need."""
    for name in names:
        importlib.import_module(name)
        if name == "torch.optim":
            _warm_optimizers()


def _warm_optimizers() -> None:
    """Make torch's first optimizer: it imports torch's compiler for 0.9 s."""
    import torch

    x = torch.ones(1, requires_grad=True)
    x.sum().backward()
    torch.optim.SGD([x], lr=0.1).step()
