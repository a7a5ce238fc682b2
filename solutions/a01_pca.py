"""Reference answers of chapter 1: principal component analysis and the linear autoencoder."""

from __future__ import annotations

import numpy as np


def center(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `(Xc, mu)`: the data moved to the origin, and the mean that was taken off.

    Shapes: `X` (N, D), one sample a row; `Xc` (N, D), `mu` (D,). `X` itself stays as it is.
    Equations: mu = (1/N) Σ_i x_i and Xc = X − 1 muᵀ.
    """
    ### BEGIN SOLUTION
    mu = X.mean(axis=0)
    return X - mu, mu
    ### END SOLUTION


def covariance(X: np.ndarray, ddof: int = 1) -> np.ndarray:
    """Return the covariance matrix S of the samples.

    Shapes: `X` (N, D), not centred; returns (D, D), in squared units of the data.
    Equation: S = Xcᵀ Xc / (N − ddof). `ddof` is any integer below N: 1 makes S unbiased,
    0 makes it the plain mean of the outer products. The mean is at most some
    thousand times the spread.
    """
    ### BEGIN SOLUTION
    Xc, _ = center(X)
    return Xc.T @ Xc / (len(X) - ddof)
    ### END SOLUTION


def pca_eig(X: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `(W, lam, mu)`: the first k principal directions, their variances, and the mean.

    Shapes: `X` (N, D), not centred, N or D may be the larger; 1 ≤ k ≤ min(N − 1, D).
    `W` (D, k) holds one unit direction a column, `lam` (k,) the variance of the data along
    each, largest first, `mu` (D,). All real. The sign of a column is free.
    Equations: S w_j = λ_j w_j with S the covariance (ddof = 1), λ_1 ≥ … ≥ λ_k, Wᵀ W = I.
    """
    ### BEGIN SOLUTION
    _, mu = center(X)
    S = covariance(X, ddof=1)
    variances, directions = np.linalg.eigh(S)  # ascending
    W = directions[:, ::-1][:, :k]
    lam = variances[::-1][:k]
    return W, lam, mu
    ### END SOLUTION


def project(X: np.ndarray, W: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Return the codes Z of the samples: their coordinates along the columns of `W`.

    Shapes: `X` (N, D), any data, not only those PCA was fitted to; `W` (D, k) with
    orthonormal columns; `mu` (D,), the mean of the fit; returns (N, k).
    Equation: z_i = Wᵀ (x_i − mu).
    """
    ### BEGIN SOLUTION
    return (X - mu) @ W
    ### END SOLUTION


def reconstruct(Z: np.ndarray, W: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Return the points of data space that the codes stand for.

    Shapes: `Z` (N, k), any codes; `W` (D, k) with orthonormal columns; `mu` (D,);
    returns (N, D).
    Equation: x̂_i = W z_i + mu.
    """
    ### BEGIN SOLUTION
    return Z @ W.T + mu
    ### END SOLUTION


def reconstruction_error(X: np.ndarray, W: np.ndarray, mu: np.ndarray) -> float:
    """Return the mean squared distance between the samples and their reconstructions.

    Shapes: `X` (N, D), any data; `W` (D, k) with orthonormal columns, k may be 0 (then every
    sample is rebuilt as `mu`); `mu` (D,). Returns a number, in squared units of the data.
    Equation: (1/N) Σ_i ‖x_i − x̂_i‖², a mean over samples of a sum over features.
    """
    ### BEGIN SOLUTION
    X_hat = reconstruct(project(X, W, mu), W, mu)
    return float(((X - X_hat) ** 2).sum(axis=1).mean())
    ### END SOLUTION


def whiten(X: np.ndarray, W: np.ndarray, lam: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Return the codes in units of their own standard deviation (PCA whitening).

    Shapes: `X` (N, D), any data; `W` (D, k) with orthonormal columns; `lam` (k,), all
    positive, the variances of the fit; `mu` (D,), the mean of the fit. Returns (N, k): codes,
    not turned back into data space (that would be ZCA).
    Equation: Λ^(−1/2) Wᵀ (x_i − mu) with Λ = diag(lam).
    """
    ### BEGIN SOLUTION
    return project(X, W, mu) / np.sqrt(lam)
    ### END SOLUTION


def outlier_statistics(
    X: np.ndarray, W: np.ndarray, lam: np.ndarray, mu: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return `(t2, q)`: how odd each sample is inside the subspace, and how far outside it lies.

    Shapes: `X` (N, D), any data; `W` (D, k) with orthonormal columns; `lam` (k,), all
    positive, the variances of the fit; `mu` (D,), the mean of the fit. `t2` (N,), `q` (N,).
    Equations: t2_i = Σ_j z_ij² / λ_j (Hotelling's T², no unit) with z_i the code of x_i;
    q_i = ‖x_i − x̂_i‖² (squared units of the data) with x̂_i its reconstruction.
    """
    ### BEGIN SOLUTION
    Z = project(X, W, mu)
    t2 = (Z**2 / lam).sum(axis=1)
    q = ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)
    return t2, q
    ### END SOLUTION


def linear_ae_loss_grads(
    Xc: np.ndarray, E: np.ndarray, Dm: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return `(L, gE, gD)`: a linear autoencoder's loss and its two gradients.

    Shapes: `Xc` (N, D), taken as given (not centred again); the encoder `E` (D, k) makes the
    codes Z = Xc E, the decoder `Dm` (k, D) the reconstructions Z Dm. E and Dm are any matrices,
    independent of each other. `L` is a number, `gE` (D, k), `gD` (k, D).
    Equations: L = (1/N) ‖Xc E Dm − Xc‖²_F, gE = ∂L/∂E, gD = ∂L/∂Dm.
    """
    ### BEGIN SOLUTION
    N = len(Xc)
    Z = Xc @ E
    R = Z @ Dm - Xc
    L = float((R**2).sum() / N)
    gD = 2 / N * Z.T @ R
    gE = 2 / N * Xc.T @ R @ Dm.T
    return L, gE, gD
    ### END SOLUTION


def choose_k(lam: np.ndarray, threshold: float) -> int:
    """Return the smallest number of directions that keeps at least a share of the variance.

    Shapes: `lam` (D,), *all* the variances, largest first, not negative, not all 0, in any
    unit; 0 < `threshold` ≤ 1. Returns an integer from 1 to D. Rounding may leave the running sum a
    hair beside the total: what that does at a threshold of 1 is forgiven.
    Equation: min { k : Σ_{j≤k} λ_j / Σ_j λ_j ≥ threshold }.
    """
    ### BEGIN SOLUTION
    kept = np.cumsum(lam)
    shares = kept / kept[-1]  # ends in 1 exactly
    return int(np.argmax(shares >= threshold)) + 1
    ### END SOLUTION


def pca_dual(X: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `pca_eig` returns, for few samples of many features, without a D × D matrix.

    Shapes: `X` (N, D) with N < D (D may be 20 000), not centred; 1 ≤ k ≤ N − 1 and the first k
    variances are positive. `W` (D, k) with orthonormal columns, `lam` (k,) largest first
    (ddof = 1), `mu` (D,).
    Equations: Xc Xcᵀ v_j = (N − 1) λ_j v_j and w_j = Xcᵀ v_j / ‖Xcᵀ v_j‖.
    """
    ### BEGIN SOLUTION
    Xc, mu = center(X)
    scatter, V = np.linalg.eigh(Xc @ Xc.T)  # ascending
    lam = scatter[::-1][:k] / (len(X) - 1)
    W = Xc.T @ V[:, ::-1][:, :k]
    W = W / np.linalg.norm(W, axis=0)
    return W, lam, mu
    ### END SOLUTION


def principal_angles(U: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Return the angles between two subspaces, given by any bases of them.

    Shapes: `U`, `V` (D, k), each of full column rank, *not* necessarily orthonormal; returns
    (k,), in radians from 0 to π/2, the largest first.
    Equation: θ_j = arccos σ_j with σ_j the singular values of Q_Uᵀ Q_V, where the columns of
    Q_U and Q_V are orthonormal bases of the two subspaces. Rounding can make σ_j exceed 1 by a
    hair: that angle is 0.
    """
    ### BEGIN SOLUTION
    Q_U, _ = np.linalg.qr(U)
    Q_V, _ = np.linalg.qr(V)
    cosines = np.linalg.svd(Q_U.T @ Q_V, compute_uv=False)  # descending
    return np.arccos(np.clip(cosines, 0.0, 1.0))[::-1]
    ### END SOLUTION
