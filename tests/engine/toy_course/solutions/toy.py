"""Reference answers of the toy chapter."""

import numpy as np
from torch import Tensor


def square(x: np.ndarray) -> np.ndarray:
    """Return x², elementwise. Shapes: `x` (N,); returns (N,)."""
    ### BEGIN SOLUTION
    return x**2
    ### END SOLUTION


def sum_of_squares(x: np.ndarray) -> float:
    """Return Σ x². Shapes: `x` (N,); returns a number."""
    ### BEGIN SOLUTION
    return float(square(x).sum())
    ### END SOLUTION


def weighted_energy(x: Tensor, weights: Tensor) -> Tensor:
    """Return ½ Σ_j w_j x_j² of each sample. Shapes: `x` (B, D), `weights` (D,); returns (B,)."""
    ### BEGIN SOLUTION
    return 0.5 * (weights * x**2).sum(dim=1)
    ### END SOLUTION


def cube(x: float) -> float:
    """Return x³ of a number."""
    ### BEGIN SOLUTION
    return x**3
    ### END SOLUTION
