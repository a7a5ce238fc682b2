"""Known answers to chapter 1: what students write, wrong and right."""

import numpy as np

from autograder.answers import right, wrong
from solutions.a01_pca import center, covariance, project, reconstruct

# center


@wrong("subtracts one mean of all the entries", caught_by="test_centred_values")
def center__global_mean(X):
    mu = np.full(X.shape[1], X.mean())
    return X - mu, mu


@wrong("also divides by the standard deviation", caught_by="test_centred_values")
def center__standardise(X):
    mu = X.mean(axis=0)
    return (X - mu) / (X.std(axis=0) + 1e-12), mu


@wrong("takes the median for the mean", caught_by="test_mean")
def center__median(X):
    mu = np.median(X, axis=0)
    return X - mu, mu


@wrong("returns its two outputs in the other order", caught_by="test_mean")
def center__swapped(X):
    mu = np.mean(X, axis=0)
    return mu, X - mu


@wrong("averages over the features instead of over the samples", caught_by="test_square_data")
def center__over_features(X):
    mu = X.mean(axis=1)
    return X - mu[:, None], mu


@wrong("mixes up the axes where data are square", caught_by="test_square_data")
def center__row_means(X):
    mu = X.mean(axis=1)
    return X - mu, mu


@wrong("changes the caller's data in place", caught_by="test_pure")
def center__in_place(X):
    mu = X.mean(axis=0)
    X -= mu
    return X, mu


@wrong("adds the mean instead of subtracting it", caught_by="test_centred_values")
def center__adds(X):
    mu = X.mean(axis=0)
    return X + mu, mu


@wrong("returns the data as they came, not centred", caught_by="test_centred_values")
def center__not_centred(X):
    return X.copy(), X.mean(axis=0)


@wrong("moves the first sample to the origin instead of the mean", caught_by="test_mean")
def center__first_sample(X):
    mu = X[0].copy()
    return X - mu, mu


@wrong("takes the middle of the range for the mean", caught_by="test_mean")
def center__midrange(X):
    mu = (X.min(axis=0) + X.max(axis=0)) / 2
    return X - mu, mu


@wrong("divides the sum of the samples by N − 1", caught_by="test_mean")
def center__unbiased_mean(X):
    mu = X.sum(axis=0) / (X.shape[0] - 1)
    return X - mu, mu


@wrong("returns the mean of the centred data", caught_by="test_mean")
def center__mean_of_centred(X):
    Xc = X - X.mean(axis=0)
    return Xc, Xc.mean(axis=0)


@right("with loops")
def center__loops(X):
    N, D = X.shape
    mu = np.zeros(D)
    for x in X:
        for d in range(D):
            mu[d] += x[d] / N
    Xc = np.empty((N, D))
    for i in range(N):
        Xc[i] = X[i] - mu
    return Xc, mu


@right("with the centring matrix I − 11ᵀ/N")
def center__centring_matrix(X):
    N = X.shape[0]
    return (np.eye(N) - np.ones((N, N)) / N) @ X, np.ones(N) @ X / N


@right("in float32 and in place on a copy of its own")
def center__float32_copy(X):
    Xc = np.array(X, dtype=np.float32)
    mu = Xc.mean(axis=0)
    Xc -= mu
    return Xc, mu


@right("with torch")
def center__torch(X):
    import torch

    T = torch.tensor(X)
    mu = T.mean(dim=0)
    return T - mu, mu


@right("with np.average and keepdims")
def center__keepdims(X):
    mean = np.average(X, axis=0, keepdims=True)
    return np.subtract(X, mean), mean.ravel()


# covariance


@wrong("does not centre the data", caught_by="test_shift_invariance")
def covariance__not_centred(X, ddof=1):
    return X.T @ X / (len(X) - ddof)


@wrong("divides by N whatever ddof is", caught_by="test_unbiased")
def covariance__always_n(X, ddof=1):
    Xc = X - X.mean(axis=0)
    return Xc.T @ Xc / len(X)


@wrong("divides by N − 1 whatever ddof is", caught_by="test_other_divisors")
def covariance__always_n_minus_1(X, ddof=1):
    return np.cov(X, rowvar=False)


@wrong("treats ddof as a yes or no", caught_by="test_other_divisors")
def covariance__flag(X, ddof=1):
    return np.cov(X.T, bias=ddof == 0)


@wrong("divides by N + ddof", caught_by="test_unbiased")
def covariance__plus_ddof(X, ddof=1):
    Xc, _ = center(X)
    return Xc.T @ Xc / (len(X) + ddof)


@wrong("divides by the number of features", caught_by="test_unbiased")
def covariance__over_d(X, ddof=1):
    Xc, _ = center(X)
    return Xc.T @ Xc / (X.shape[1] - ddof + 1e-9)


@wrong("returns the scatter matrix, not divided", caught_by="test_unbiased")
def covariance__scatter(X, ddof=1):
    Xc, _ = center(X)
    return Xc.T @ Xc


@wrong("returns correlations", caught_by="test_units")
def covariance__correlation(X, ddof=1):
    return np.corrcoef(X, rowvar=False)


@wrong("pairs samples with samples instead of features with features", caught_by="test_unbiased")
def covariance__gram(X, ddof=1):
    Xc, _ = center(X)
    return Xc @ Xc.T / (len(X) - ddof)


@wrong("takes the rows for features", caught_by="test_variance_along_a_direction")
def covariance__rowvar(X, ddof=1):
    return np.cov(X, ddof=ddof)


@wrong("keeps only the variances and drops the covariances", caught_by="test_unbiased")
def covariance__diagonal(X, ddof=1):
    return np.diag(X.var(axis=0, ddof=ddof))


@wrong("centres the caller's data in place", caught_by="test_pure")
def covariance__in_place(X, ddof=1):
    X -= X.mean(axis=0)
    return X.T @ X / (len(X) - ddof)


@wrong("subtracts the mean's outer product without the factor N", caught_by="test_unbiased")
def covariance__second_moment_slip(X, ddof=1):
    mu = X.mean(axis=0)
    return (X.T @ X - np.outer(mu, mu)) / (len(X) - ddof)


@right("with np.cov")
def covariance__np_cov(X, ddof=1):
    return np.cov(X.T, ddof=ddof)


@right("as a loop over outer products")
def covariance__outer_products(X, ddof=1):
    mu = X.mean(axis=0)
    S = np.zeros((X.shape[1], X.shape[1]))
    for x in X:
        S += np.outer(x - mu, x - mu)
    return S / (X.shape[0] - ddof)


@right("through the second moment: Σ x xᵀ − N μ μᵀ")
def covariance__second_moment(X, ddof=1):
    N, mu = len(X), X.mean(axis=0)
    return (X.T @ X - N * np.outer(mu, mu)) / (N - ddof)


@right("with einsum in float32")
def covariance__float32(X, ddof=1):
    Xc = (X - X.mean(axis=0)).astype(np.float32)
    return np.einsum("na,nb->ab", Xc, Xc) / np.float32(len(X) - ddof)


@right("from all the pairs of samples, without a mean")
def covariance__pairs(X, ddof=1):
    N = len(X)
    gaps = (X[:, None, :] - X[None, :, :]).reshape(N * N, -1)
    return gaps.T @ gaps / (2 * N * (N - ddof))


# pca_eig


@wrong("does not centre the data", caught_by="test_variances")
def pca_eig__not_centred(X, k):
    lam, W = np.linalg.eigh(X.T @ X / (len(X) - 1))
    return W[:, ::-1][:, :k], lam[::-1][:k], X.mean(axis=0)


@wrong("divides by N instead of N − 1", caught_by="test_variances")
def pca_eig__ddof_0(X, k):
    Xc, mu = center(X)
    _, s, Vt = np.linalg.svd(Xc, full_matrices=False)
    return Vt[:k].T, s[:k] ** 2 / len(X), mu


@wrong("leaves the k largest in ascending order", caught_by="test_variances")
def pca_eig__ascending(X, k):
    lam, W = np.linalg.eigh(covariance(X))
    return W[:, -k:], lam[-k:], X.mean(axis=0)


@wrong("takes the directions of least variance", caught_by="test_subspace")
def pca_eig__smallest(X, k):
    lam, W = np.linalg.eigh(covariance(X))
    return W[:, :k], lam[:k], X.mean(axis=0)


@wrong("sorts the variances but not the directions", caught_by="test_eigenvector_equation")
def pca_eig__directions_unsorted(X, k):
    lam, W = np.linalg.eigh(covariance(X))
    return W[:, :k], np.sort(lam)[::-1][:k], X.mean(axis=0)


@wrong("sorts the directions but not the variances", caught_by="test_eigenvector_equation")
def pca_eig__variances_unsorted(X, k):
    lam, W = np.linalg.eigh(covariance(X))
    return W[:, ::-1][:, :k], lam[:k], X.mean(axis=0)


@wrong("returns the directions as rows", caught_by="test_fewer_samples_than_features")
def pca_eig__transposed(X, k):
    mu = X.mean(axis=0)
    _, s, Vt = np.linalg.svd(X - mu, full_matrices=False)
    return Vt[:k], s[:k] ** 2 / (len(X) - 1), mu


@wrong("reads the eigenvectors off the rows of the matrix", caught_by="test_subspace")
def pca_eig__rows_of_eigh(X, k):
    lam, V = np.linalg.eigh(covariance(X))
    order = np.argsort(-lam)[:k]
    return V[order].T, lam[order], X.mean(axis=0)


@wrong("takes columns of Vᵀ where the directions are its rows", caught_by="test_subspace")
def pca_eig__columns_of_vt(X, k):
    Xc, mu = center(X)
    _, s, Vt = np.linalg.svd(Xc, full_matrices=X.shape[1] > X.shape[0])
    return Vt[:, :k], s[:k] ** 2 / (len(X) - 1), mu


@wrong("returns singular values of the data for variances", caught_by="test_variances")
def pca_eig__singular_values(X, k):
    Xc, mu = center(X)
    _, s, Vt = np.linalg.svd(Xc, full_matrices=False)
    return Vt[:k].T, s[:k], mu


@wrong("divides the singular values by N − 1 without squaring them", caught_by="test_variances")
def pca_eig__not_squared(X, k):
    Xc, mu = center(X)
    _, s, Vt = np.linalg.svd(Xc, full_matrices=False)
    return Vt[:k].T, s[:k] / (len(X) - 1), mu


@wrong("returns standard deviations for variances", caught_by="test_variances")
def pca_eig__deviations(X, k):
    W, lam, _ = np.linalg.svd(covariance(X))
    return W[:, :k], np.sqrt(lam[:k]), X.mean(axis=0)


@wrong("takes the eigenvalues of the scatter matrix, not divided", caught_by="test_variances")
def pca_eig__scatter(X, k):
    Xc, mu = center(X)
    lam, W = np.linalg.eigh(Xc.T @ Xc)
    return W[:, ::-1][:, :k], lam[::-1][:k], mu


@wrong("standardises the features first", caught_by="test_optimal")
def pca_eig__correlation(X, k):
    lam, W = np.linalg.eigh(np.corrcoef(X, rowvar=False))
    return W[:, ::-1][:, :k], lam[::-1][:k], X.mean(axis=0)


@wrong("keeps the order in which np.linalg.eig returns them", caught_by="test_variances")
def pca_eig__eig_unsorted(X, k):
    lam, W = np.linalg.eig(covariance(X))
    return W[:, :k].real, lam[:k].real, X.mean(axis=0)


@wrong("returns shares of the variance", caught_by="test_variances")
def pca_eig__ratios(X, k):
    lam, W = np.linalg.eigh(covariance(X))
    return W[:, ::-1][:, :k], lam[::-1][:k] / lam.sum(), X.mean(axis=0)


@wrong("scales the directions to the length of a standard deviation", caught_by="test_orthonormal")
def pca_eig__loadings(X, k):
    lam, W = np.linalg.eigh(covariance(X))
    lam, W = lam[::-1][:k], W[:, ::-1][:, :k]
    return W * np.sqrt(np.abs(lam)), lam, X.mean(axis=0)


@wrong("returns the mean of the centred data", caught_by="test_mean")
def pca_eig__zero_mean(X, k):
    Xc, _ = center(X)
    lam, W = np.linalg.eigh(covariance(X))
    return W[:, ::-1][:, :k], lam[::-1][:k], Xc.mean(axis=0)


@wrong("centres the caller's data in place", caught_by="test_pure")
def pca_eig__in_place(X, k):
    mu = X.mean(axis=0)
    X -= mu
    lam, W = np.linalg.eigh(X.T @ X / (X.shape[0] - 1))
    return W[:, ::-1][:, :k], lam[::-1][:k], mu


@wrong("takes the features of most variance for directions", caught_by="test_subspace")
def pca_eig__axes(X, k):
    variances = X.var(axis=0, ddof=1)
    order = np.argsort(variances)[::-1][:k]
    return np.eye(X.shape[1])[:, order], variances[order], X.mean(axis=0)


@wrong("multiplies both sides of the samples: eigenvectors of Xc Xcᵀ", caught_by="test_subspace")
def pca_eig__gram(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / (len(X) - 1))
    return V[:, ::-1][:, :k], lam[::-1][:k], mu


@wrong("squares the covariance on its way", caught_by="test_variances")
def pca_eig__squared_twice(X, k):
    U, s, _ = np.linalg.svd(covariance(X))
    return U[:, :k], s[:k] ** 2, X.mean(axis=0)


@right("by singular values of the centred data")
def pca_eig__svd(X, k):
    mu = np.mean(X, 0)
    _, s, Vt = np.linalg.svd(X - mu, full_matrices=False)
    return Vt[:k].T, s[:k] ** 2 / (len(X) - 1), mu


@right("with np.linalg.eig, sorted and made real")
def pca_eig__eig_sorted(X, k):
    lam, W = np.linalg.eig(np.cov(X, rowvar=False))
    order = np.argsort(lam.real)[::-1][:k]
    return W.real[:, order], lam.real[order], X.mean(axis=0)


@right("by singular values of the covariance matrix")
def pca_eig__svd_of_covariance(X, k):
    U, s, _ = np.linalg.svd(covariance(X))
    return U[:, :k], s[:k], X.mean(axis=0)


@right("with scipy's eigh of a subset")
def pca_eig__scipy(X, k):
    from scipy.linalg import eigh

    D = X.shape[1]
    lam, W = eigh(np.cov(X.T), subset_by_index=[D - k, D - 1])
    return np.flip(W, axis=1), np.flip(lam), X.mean(axis=0)


@right("by orthogonal iteration")
def pca_eig__orthogonal_iteration(X, k):
    S = covariance(X)
    W = np.linalg.qr(np.random.default_rng(0).normal(size=(len(S), k)))[0]
    for _ in range(400):
        W, _ = np.linalg.qr(S @ W)
    return W, np.diag(W.T @ S @ W), X.mean(axis=0)


@right("in float32, every direction with its largest entry positive")
def pca_eig__float32(X, k):
    mu = X.mean(axis=0)
    lam, W = np.linalg.eigh(covariance(X).astype(np.float32))
    W = np.ascontiguousarray(W[:, ::-1][:, :k])
    signs = np.sign(W[np.abs(W).argmax(axis=0), np.arange(k)])
    return W * signs, lam[::-1][:k].copy(), mu.astype(np.float32)


@right("one direction after the other, deflating the covariance")
def pca_eig__deflation(X, k):
    S = np.array(covariance(X))
    W, lam = np.zeros((len(S), k)), np.zeros(k)
    for j in range(k):
        values, vectors = np.linalg.eigh(S)
        W[:, j], lam[j] = vectors[:, -1], values[-1]
        S -= lam[j] * np.outer(W[:, j], W[:, j])
    return W, lam, X.mean(axis=0)


@right("by torch.linalg.eigh")
def pca_eig__torch(X, k):
    import torch

    T = torch.as_tensor(X)
    lam, W = torch.linalg.eigh(torch.cov(T.T))
    return W.flip(1)[:, :k].numpy(), lam.flip(0)[:k].numpy(), T.mean(0).numpy()


# project


@wrong("does not subtract the mean", caught_by="test_by_hand")
def project__no_mean(X, W, mu):
    return X @ W


@wrong("subtracts the mean of the data at hand, not of the fit", caught_by="test_new_data")
def project__own_mean(X, W, mu):
    return (X - X.mean(axis=0)) @ W


@wrong("adds the mean", caught_by="test_by_hand")
def project__adds_mean(X, W, mu):
    return (X + mu) @ W


@wrong("counts from the sample to the mean, with the sign turned", caught_by="test_by_hand")
def project__sign(X, W, mu):
    return (mu - X) @ W


@wrong("divides each code by its standard deviation", caught_by="test_new_data")
def project__whitens(X, W, mu):
    Z = (X - mu) @ W
    spread = Z.std(axis=0)
    return Z / np.where(spread > 0, spread, 1.0)


@wrong("returns the projection in data space instead of its coordinates", caught_by="test_by_hand")
def project__back_in_data_space(X, W, mu):
    return (X - mu) @ W @ W.T + mu


@wrong("takes the rows of W for directions", caught_by="test_inverts_decoding")
def project__rows(X, W, mu):
    return (X - mu) @ W.T


@wrong("scales each sample to length 1 first", caught_by="test_by_hand")
def project__unit_samples(X, W, mu):
    Xc = X - mu
    return Xc / (np.linalg.norm(Xc, axis=1, keepdims=True) + 1e-12) @ W


@wrong("centres twice", caught_by="test_by_hand")
def project__centres_twice(X, W, mu):
    return (X - 2 * mu) @ W


@wrong("returns distances without their sign", caught_by="test_by_hand")
def project__absolute(X, W, mu):
    return np.abs((X - mu) @ W)


@wrong("changes the caller's data in place", caught_by="test_pure")
def project__in_place(X, W, mu):
    X -= mu
    return X @ W


@right("with loops")
def project__loops(X, W, mu):
    Z = np.zeros((X.shape[0], W.shape[1]))
    for i in range(X.shape[0]):
        for j in range(W.shape[1]):
            for d in range(X.shape[1]):
                Z[i, j] += (X[i, d] - mu[d]) * W[d, j]
    return Z


@right("by least squares")
def project__least_squares(X, W, mu):
    return np.linalg.lstsq(W, (X - mu).T, rcond=None)[0].T


@right("with einsum in float32")
def project__float32(X, W, mu):
    return np.einsum("nd,dk->nk", (X - mu).astype(np.float32), W.astype(np.float32))


@right("sample by sample, the mean projected apart")
def project__two_products(X, W, mu):
    return np.array([W.T @ x for x in X]) - W.T @ mu


# reconstruct


@wrong("does not add the mean back", caught_by="test_by_hand")
def reconstruct__no_mean(Z, W, mu):
    return Z @ W.T


@wrong("subtracts the mean", caught_by="test_by_hand")
def reconstruct__subtracts_mean(Z, W, mu):
    return Z @ W.T - mu


@wrong("adds the mean twice", caught_by="test_by_hand")
def reconstruct__mean_twice(Z, W, mu):
    return Z @ W.T + 2 * mu


@wrong("takes the rows of W for directions", caught_by="test_nothing_lost")
def reconstruct__rows(Z, W, mu):
    return Z @ W + mu


@wrong("adds only the mean's part inside the subspace", caught_by="test_by_hand")
def reconstruct__projected_mean(Z, W, mu):
    return (Z + mu @ W) @ W.T


@wrong("centres the codes first", caught_by="test_code_zero")
def reconstruct__centres_codes(Z, W, mu):
    return (Z - Z.mean(axis=0)) @ W.T + mu


@wrong("adds the average of the mean's entries to every feature", caught_by="test_by_hand")
def reconstruct__mean_of_mean(Z, W, mu):
    return Z @ W.T + mu.mean()


@wrong("averages over the directions instead of adding them up", caught_by="test_by_hand")
def reconstruct__mean_of_steps(Z, W, mu):
    return Z @ W.T / W.shape[1] + mu


@wrong("uses the first direction alone", caught_by="test_by_hand")
def reconstruct__first_only(Z, W, mu):
    return np.outer(Z[:, 0], W[:, 0]) + mu


@wrong("builds on the caller's mean in place", caught_by="test_pure")
def reconstruct__in_place(Z, W, mu):
    X_hat = Z @ W.T + mu
    mu += W.sum(axis=1)
    return X_hat


@right("with loops")
def reconstruct__loops(Z, W, mu):
    X_hat = np.empty((Z.shape[0], W.shape[0]))
    for i, z in enumerate(Z):
        x = np.array(mu, dtype=float)
        for j in range(W.shape[1]):
            x += z[j] * W[:, j]
        X_hat[i] = x
    return X_hat


@right("with the pseudo-inverse of W, which is its transpose")
def reconstruct__pinv(Z, W, mu):
    return Z @ np.linalg.pinv(W) + mu


@right("in float32")
def reconstruct__float32(Z, W, mu):
    return (W.astype(np.float32) @ Z.T.astype(np.float32)).T + mu.astype(np.float32)


# reconstruction_error


@wrong("averages over the features too", caught_by="test_by_hand")
def reconstruction_error__all_entries(X, W, mu):
    return float(((X - reconstruct(project(X, W, mu), W, mu)) ** 2).mean())


@wrong("divides by N − 1", caught_by="test_discarded_variance")
def reconstruction_error__ddof_1(X, W, mu):
    X_hat = reconstruct(project(X, W, mu), W, mu)
    return float(np.sum((X - X_hat) ** 2) / (len(X) - 1))


@wrong("adds up the samples instead of averaging", caught_by="test_repeated_data")
def reconstruction_error__total(X, W, mu):
    return float(np.sum((X - reconstruct(project(X, W, mu), W, mu)) ** 2))


@wrong("returns the variance kept", caught_by="test_discarded_variance")
def reconstruction_error__kept(X, W, mu):
    return float((((X - mu) @ W) ** 2).sum(axis=1).mean())


@wrong("averages distances without squaring them", caught_by="test_by_hand")
def reconstruction_error__distances(X, W, mu):
    X_hat = reconstruct(project(X, W, mu), W, mu)
    return float(np.linalg.norm(X - X_hat, axis=1).mean())


@wrong("takes the root of the mean square", caught_by="test_by_hand")
def reconstruction_error__rmse(X, W, mu):
    X_hat = reconstruct(project(X, W, mu), W, mu)
    return float(np.sqrt(((X - X_hat) ** 2).sum(axis=1).mean()))


@wrong("centres the data with their own mean", caught_by="test_new_data")
def reconstruction_error__own_mean(X, W, mu):
    Xc = X - X.mean(axis=0)
    return float(((Xc - Xc @ W @ W.T) ** 2).sum(axis=1).mean())


@wrong("ignores the mean", caught_by="test_by_hand")
def reconstruction_error__no_mean(X, W, mu):
    return float(((X - X @ W @ W.T) ** 2).sum(axis=1).mean())


@wrong("compares the samples with reconstructions without the mean", caught_by="test_by_hand")
def reconstruction_error__mean_not_added(X, W, mu):
    return float(((X - (X - mu) @ W @ W.T) ** 2).sum(axis=1).mean())


@wrong("returns the share of the variance that is lost", caught_by="test_by_hand")
def reconstruction_error__share(X, W, mu):
    X_hat = reconstruct(project(X, W, mu), W, mu)
    return float(((X - X_hat) ** 2).sum() / ((X - mu) ** 2).sum())


@wrong("halves the squares", caught_by="test_by_hand")
def reconstruction_error__half(X, W, mu):
    X_hat = reconstruct(project(X, W, mu), W, mu)
    return float(0.5 * ((X - X_hat) ** 2).sum(axis=1).mean())


@wrong("takes absolute values for squares", caught_by="test_by_hand")
def reconstruction_error__absolute(X, W, mu):
    X_hat = reconstruct(project(X, W, mu), W, mu)
    return float(np.abs(X - X_hat).sum(axis=1).mean())


@wrong("centres the caller's data in place", caught_by="test_pure")
def reconstruction_error__in_place(X, W, mu):
    X -= mu
    return float(((X - X @ W @ W.T) ** 2).sum(axis=1).mean())


@right("by Pythagoras: total minus kept")
def reconstruction_error__pythagoras(X, W, mu):
    Xc = X - mu
    return float(np.mean((Xc**2).sum(axis=1) - ((Xc @ W) ** 2).sum(axis=1)))


@right("with loops")
def reconstruction_error__loops(X, W, mu):
    error = 0.0
    for x in X:
        x_hat = mu.copy()
        for j in range(W.shape[1]):
            x_hat = x_hat + ((x - mu) @ W[:, j]) * W[:, j]
        error += sum((a - b) ** 2 for a, b in zip(x, x_hat, strict=True)) / len(X)
    return error


@right("with the Frobenius norm")
def reconstruction_error__frobenius(X, W, mu):
    residual = X - reconstruct(project(X, W, mu), W, mu)
    return np.linalg.norm(residual, "fro") ** 2 / X.shape[0]


@right("as a trace with the projector on the rest")
def reconstruction_error__trace(X, W, mu):
    Xc = X - mu
    return np.trace((np.eye(X.shape[1]) - W @ W.T) @ Xc.T @ Xc) / len(X)


@right("in float32")
def reconstruction_error__float32(X, W, mu):
    Xc, V = (X - mu).astype(np.float32), W.astype(np.float32)
    return np.square(Xc - Xc @ V @ V.T).sum(axis=1).mean()


# whiten


@wrong("divides by variances instead of standard deviations", caught_by="test_by_hand")
def whiten__variances(X, W, lam, mu):
    return project(X, W, mu) / lam


@wrong("multiplies by the standard deviations", caught_by="test_by_hand")
def whiten__multiplies(X, W, lam, mu):
    return project(X, W, mu) * np.sqrt(lam)


@wrong("standardises the features before projecting", caught_by="test_unit_covariance")
def whiten__features(X, W, lam, mu):
    return (X - mu) / (X.std(axis=0, ddof=1) + 1e-12) @ W


@wrong("does not subtract the mean", caught_by="test_by_hand")
def whiten__no_mean(X, W, lam, mu):
    return X @ W / np.sqrt(lam)


@wrong("subtracts the mean of the data at hand", caught_by="test_new_data")
def whiten__own_mean(X, W, lam, mu):
    return project(X, W, X.mean(axis=0)) / np.sqrt(lam)


@wrong("divides by the spread of the data at hand", caught_by="test_new_data")
def whiten__own_spread(X, W, lam, mu):
    Z = project(X, W, mu)
    return Z / Z.std(axis=0, ddof=1)


@wrong("divides by standard deviations of its own with divisor N", caught_by="test_new_data")
def whiten__own_spread_ddof_0(X, W, lam, mu):
    Z = project(X, W, mu)
    return Z / Z.std(axis=0)


@wrong("does not divide at all", caught_by="test_by_hand")
def whiten__codes_only(X, W, lam, mu):
    return project(X, W, mu)


@wrong("turns the whitened codes back into data space (ZCA)", caught_by="test_small_variances")
def whiten__zca(X, W, lam, mu):
    return project(X, W, mu) / np.sqrt(lam) @ W.T


@wrong("adds a small number to the variances", caught_by="test_small_variances")
def whiten__epsilon(X, W, lam, mu):
    return project(X, W, mu) / np.sqrt(lam + 1e-5)


@wrong("divides by the root of the total variance", caught_by="test_by_hand")
def whiten__total(X, W, lam, mu):
    return project(X, W, mu) / np.sqrt(lam.sum())


@wrong("scales the caller's directions in place", caught_by="test_pure")
def whiten__in_place(X, W, lam, mu):
    W /= np.sqrt(lam)
    return (X - mu) @ W


@right("with the directions scaled first")
def whiten__scaled_directions(X, W, lam, mu):
    return (X - mu) @ (W / np.sqrt(lam))


@right("with a diagonal matrix")
def whiten__diagonal(X, W, lam, mu):
    return project(X, W, mu) @ np.diag(lam**-0.5)


@right("with loops")
def whiten__loops(X, W, lam, mu):
    k = len(lam)
    return np.array([[(x - mu) @ W[:, j] / lam[j] ** 0.5 for j in range(k)] for x in X])


@right("in float32")
def whiten__float32(X, W, lam, mu):
    Z = (X - mu).astype(np.float32) @ W.astype(np.float32)
    return Z / np.sqrt(lam.astype(np.float32))


# outlier_statistics


@wrong("returns its two outputs in the other order", caught_by="test_by_hand")
def outlier_statistics__swapped(X, W, lam, mu):
    Xc = X - mu
    Z = Xc @ W
    return ((Xc - Z @ W.T) ** 2).sum(axis=1), (Z**2 / lam).sum(axis=1)


@wrong("does not divide by the variances in T²", caught_by="test_by_hand")
def outlier_statistics__unscaled(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z**2).sum(axis=1), ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)


@wrong("divides squared codes by standard deviations in T²", caught_by="test_by_hand")
def outlier_statistics__deviations(X, W, lam, mu):
    Z = project(X, W, mu)
    t2 = (Z**2 / np.sqrt(lam)).sum(axis=1)
    return t2, ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)


@wrong("divides by the variances before squaring", caught_by="test_by_hand")
def outlier_statistics__squares_variances(X, W, lam, mu):
    Z = project(X, W, mu)
    t2 = ((Z / lam) ** 2).sum(axis=1)
    return t2, ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)


@wrong("multiplies by the variances in T²", caught_by="test_by_hand")
def outlier_statistics__multiplies(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z**2) @ lam, ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)


@wrong("returns the distance for the squared distance in q", caught_by="test_what_each_sees")
def outlier_statistics__q_root(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z**2 / lam).sum(axis=1), np.linalg.norm(X - reconstruct(Z, W, mu), axis=1)


@wrong("returns the distance for the squared distance in T²", caught_by="test_by_hand")
def outlier_statistics__t_root(X, W, lam, mu):
    Z = project(X, W, mu)
    t = np.sqrt((Z**2 / lam).sum(axis=1))
    return t, ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)


@wrong("averages the residual over the features", caught_by="test_by_hand")
def outlier_statistics__q_mean(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z**2 / lam).sum(axis=1), ((X - reconstruct(Z, W, mu)) ** 2).mean(axis=1)


@wrong("averages T² over the directions", caught_by="test_by_hand")
def outlier_statistics__t2_mean(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z**2 / lam).mean(axis=1), ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)


@wrong("does not subtract the mean before projecting", caught_by="test_new_data")
def outlier_statistics__no_mean(X, W, lam, mu):
    Z = X @ W
    return (Z**2 / lam).sum(axis=1), ((X - Z @ W.T) ** 2).sum(axis=1)


@wrong("leaves the mean out of the reconstruction", caught_by="test_by_hand")
def outlier_statistics__mean_not_added(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z**2 / lam).sum(axis=1), ((X - Z @ W.T) ** 2).sum(axis=1)


@wrong("centres new samples with their own mean", caught_by="test_new_data")
def outlier_statistics__own_mean(X, W, lam, mu):
    Xc = X - X.mean(axis=0)
    Z = Xc @ W
    return (Z**2 / lam).sum(axis=1), ((Xc - Z @ W.T) ** 2).sum(axis=1)


@wrong("measures the variances on the samples it judges", caught_by="test_new_data")
def outlier_statistics__own_variances(X, W, lam, mu):
    Z = project(X, W, mu)
    t2 = (Z**2 / (Z.var(axis=0, ddof=1) + 1e-12)).sum(axis=1)
    return t2, ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)


@wrong("takes the whole distance to the mean for q", caught_by="test_what_each_sees")
def outlier_statistics__q_total(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z**2 / lam).sum(axis=1), ((X - mu) ** 2).sum(axis=1)


@wrong(
    "measures q inside the subspace, from the mean to the reconstruction", caught_by="test_units"
)
def outlier_statistics__q_inside(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z**2 / lam).sum(axis=1), ((reconstruct(Z, W, mu) - mu) ** 2).sum(axis=1)


@wrong("returns the residual's share of the squared distance for q", caught_by="test_by_hand")
def outlier_statistics__q_share(X, W, lam, mu):
    Z = project(X, W, mu)
    rest = ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)
    return (Z**2 / lam).sum(axis=1), rest / (((X - mu) ** 2).sum(axis=1) + 1e-12)


@wrong("divides squares of codes by the total variance", caught_by="test_by_hand")
def outlier_statistics__total_variance(X, W, lam, mu):
    Z = project(X, W, mu)
    t2 = (Z**2).sum(axis=1) / lam.sum()
    return t2, ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)


@wrong("adds the whitened codes up without squaring them", caught_by="test_by_hand")
def outlier_statistics__not_squared(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z / np.sqrt(lam)).sum(axis=1), ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=1)


@wrong("adds up over the samples instead of over the directions", caught_by="test_by_hand")
def outlier_statistics__over_samples(X, W, lam, mu):
    Z = project(X, W, mu)
    return (Z**2 / lam).sum(axis=0), ((X - reconstruct(Z, W, mu)) ** 2).sum(axis=0)


@wrong("centres the caller's data in place", caught_by="test_pure")
def outlier_statistics__in_place(X, W, lam, mu):
    X -= mu
    Z = X @ W
    return (Z**2 / lam).sum(axis=1), ((X - Z @ W.T) ** 2).sum(axis=1)


@right("with loops")
def outlier_statistics__loops(X, W, lam, mu):
    t2, q = [], []
    for x in X:
        residual, t2_i = x - mu, 0.0
        for w, variance in zip(W.T, lam, strict=True):
            z = (x - mu) @ w
            t2_i += z**2 / variance
            residual = residual - z * w
        t2.append(t2_i)
        q.append(residual @ residual)
    return np.array(t2), np.array(q)


@right("as quadratic forms")
def outlier_statistics__quadratic_forms(X, W, lam, mu):
    Xc = X - mu
    inside = W @ np.diag(1 / lam) @ W.T
    outside = np.eye(len(mu)) - W @ W.T
    return np.diag(Xc @ inside @ Xc.T), np.diag(Xc @ outside @ Xc.T)


@right("by Pythagoras: q is the squared distance less that of the codes")
def outlier_statistics__pythagoras(X, W, lam, mu):
    Xc = X - mu
    Z = Xc @ W
    return ((Z / np.sqrt(lam)) ** 2).sum(axis=1), (Xc**2).sum(axis=1) - (Z**2).sum(axis=1)


@right("as squared norms in float32")
def outlier_statistics__float32(X, W, lam, mu):
    Xc, V = (X - mu).astype(np.float32), W.astype(np.float32)
    Z = Xc @ V
    t2 = np.linalg.norm(Z / np.sqrt(lam.astype(np.float32)), axis=1) ** 2
    return t2, np.linalg.norm(Xc - Z @ V.T, axis=1) ** 2


@right("through the complement's own basis")
def outlier_statistics__complement(X, W, lam, mu):
    k = W.shape[1]
    full, _ = np.linalg.qr(W, mode="complete")
    Xc = X - mu
    return np.sum((Xc @ W) ** 2 / lam, axis=1), np.sum((Xc @ full[:, k:]) ** 2, axis=1)


# linear_ae_loss_grads


@wrong("leaves the factor 2 out of the gradients", caught_by="test_by_hand")
def linear_ae_loss_grads__no_two(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Z @ Dm - Xc
    return float((R**2).sum() / N), Xc.T @ R @ Dm.T / N, Z.T @ R / N


@wrong("has the sign of both gradients turned", caught_by="test_by_hand")
def linear_ae_loss_grads__sign(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Xc - Z @ Dm
    return float((R**2).sum() / N), 2 / N * Xc.T @ R @ Dm.T, 2 / N * Z.T @ R


@wrong("returns the two gradients in the other order", caught_by="test_by_hand")
def linear_ae_loss_grads__swapped(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Z @ Dm - Xc
    return float((R**2).sum() / N), 2 / N * Z.T @ R, 2 / N * Xc.T @ R @ Dm.T


@wrong("adds up over the samples instead of averaging", caught_by="test_repeated_data")
def linear_ae_loss_grads__total(Xc, E, Dm):
    Z = Xc @ E
    R = Z @ Dm - Xc
    return float((R**2).sum()), 2 * Xc.T @ R @ Dm.T, 2 * Z.T @ R


@wrong("averages over the features too", caught_by="test_by_hand")
def linear_ae_loss_grads__all_entries(Xc, E, Dm):
    Z = Xc @ E
    R = Z @ Dm - Xc
    return float((R**2).mean()), 2 / R.size * Xc.T @ R @ Dm.T, 2 / R.size * Z.T @ R


@wrong("averages the loss but not the gradients", caught_by="test_repeated_data")
def linear_ae_loss_grads__gradients_total(Xc, E, Dm):
    Z = Xc @ E
    R = Z @ Dm - Xc
    return float((R**2).sum() / len(Xc)), 2 * Xc.T @ R @ Dm.T, 2 * Z.T @ R


@wrong("takes the encoder for the transposed decoder in gE", caught_by="test_encoder_gradient")
def linear_ae_loss_grads__tied_encoder(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Z @ Dm - Xc
    return float((R**2).sum() / N), 2 / N * Xc.T @ R @ E, 2 / N * Z.T @ R


@wrong("takes the decoder for the transposed encoder in gD", caught_by="test_decoder_gradient")
def linear_ae_loss_grads__tied_decoder(Xc, E, Dm):
    N = len(Xc)
    R = Xc @ E @ Dm - Xc
    return float((R**2).sum() / N), 2 / N * Xc.T @ R @ Dm.T, 2 / N * Dm @ Xc.T @ R


@wrong("ties the weights: each gradient is the sum of both", caught_by="test_encoder_gradient")
def linear_ae_loss_grads__tied_sum(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Z @ Dm - Xc
    g = 2 / N * (Xc.T @ R @ Dm.T + (Z.T @ R).T)
    return float((R**2).sum() / N), g, g.T


@wrong("forgets the data in the encoder's chain rule", caught_by="test_encoder_gradient")
def linear_ae_loss_grads__no_chain(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Z @ Dm - Xc
    return (
        float((R**2).sum() / N),
        2 / N * (R @ Dm.T).sum(axis=0) * np.ones_like(E),
        2 / N * Z.T @ R,
    )


@wrong("differentiates the reconstruction alone, not the residual", caught_by="test_floor")
def linear_ae_loss_grads__no_target(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    X_hat = Z @ Dm
    L = float(((X_hat - Xc) ** 2).sum() / N)
    return L, 2 / N * Xc.T @ X_hat @ Dm.T, 2 / N * Z.T @ X_hat


@wrong("returns half of the mean squared distance for the loss", caught_by="test_loss")
def linear_ae_loss_grads__half_loss(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Z @ Dm - Xc
    return float(0.5 * (R**2).sum() / N), 2 / N * Xc.T @ R @ Dm.T, 2 / N * Z.T @ R


@wrong("defines the loss with a half, in value and gradients", caught_by="test_loss")
def linear_ae_loss_grads__half(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Z @ Dm - Xc
    return float((R**2).sum() / (2 * N)), Xc.T @ R @ Dm.T / N, Z.T @ R / N


@wrong("returns the norm itself for its square", caught_by="test_loss")
def linear_ae_loss_grads__norm(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Z @ Dm - Xc
    return float(np.linalg.norm(R) / N), 2 / N * Xc.T @ R @ Dm.T, 2 / N * Z.T @ R


@wrong("centres the data once more", caught_by="test_loss")
def linear_ae_loss_grads__centres(Xc, E, Dm):
    A = Xc - Xc.mean(axis=0)
    N, Z = len(A), A @ E
    R = Z @ Dm - A
    return float((R**2).sum() / N), 2 / N * A.T @ R @ Dm.T, 2 / N * Z.T @ R


@wrong("trains the decoder only: the encoder's gradient is 0", caught_by="test_encoder_gradient")
def linear_ae_loss_grads__frozen_encoder(Xc, E, Dm):
    N, Z = len(Xc), Xc @ E
    R = Z @ Dm - Xc
    return float((R**2).sum() / N), np.zeros_like(E), 2 / N * Z.T @ R


@wrong("turns the caller's data into the residual", caught_by="test_pure")
def linear_ae_loss_grads__in_place(Xc, E, Dm):
    N, Z, X = len(Xc), Xc @ E, Xc.copy()
    Xc -= Z @ Dm
    return float((Xc**2).sum() / N), -2 / N * X.T @ Xc @ Dm.T, -2 / N * Z.T @ Xc


@right("through the second-moment matrix alone")
def linear_ae_loss_grads__second_moment(Xc, E, Dm):
    S = Xc.T @ Xc / len(Xc)
    M = E @ Dm - np.eye(len(S))
    return np.trace(M.T @ S @ M), 2 * S @ M @ Dm.T, 2 * E.T @ S @ M


@right("by torch's autograd")
def linear_ae_loss_grads__autograd(Xc, E, Dm):
    import torch

    X = torch.tensor(Xc)
    e, d = torch.tensor(E, requires_grad=True), torch.tensor(Dm, requires_grad=True)
    loss = ((X @ e @ d - X) ** 2).sum() / len(X)
    loss.backward()
    return loss.item(), e.grad.numpy(), d.grad.numpy()


@right("sample by sample")
def linear_ae_loss_grads__loops(Xc, E, Dm):
    L, gE, gD = 0.0, np.zeros_like(E), np.zeros_like(Dm)
    for x in Xc:
        z = x @ E
        r = z @ Dm - x
        L += r @ r / len(Xc)
        gE += 2 * np.outer(x, Dm @ r) / len(Xc)
        gD += 2 * np.outer(z, r) / len(Xc)
    return L, gE, gD


@right("by central differences")
def linear_ae_loss_grads__differences(Xc, E, Dm):
    def loss(E, Dm):
        return ((Xc @ E @ Dm - Xc) ** 2).sum(axis=1).mean()

    h, gE, gD = 1e-5, np.zeros(E.shape), np.zeros(Dm.shape)
    for index in np.ndindex(*E.shape):
        step = np.zeros(E.shape)
        step[index] = h
        gE[index] = (loss(E + step, Dm) - loss(E - step, Dm)) / (2 * h)
    for index in np.ndindex(*Dm.shape):
        step = np.zeros(Dm.shape)
        step[index] = h
        gD[index] = (loss(E, Dm + step) - loss(E, Dm - step)) / (2 * h)
    return loss(E, Dm), gE, gD


@right("in float32")
def linear_ae_loss_grads__float32(Xc, E, Dm):
    X, e, d = (a.astype(np.float32) for a in (Xc, E, Dm))
    G = 2 * (X @ e @ d - X) / np.float32(len(X))
    return (np.float32(len(X)) * G * G / 4).sum(), X.T @ G @ d.T, e.T @ X.T @ G


# choose_k


@wrong("counts directions from 0", caught_by="test_exact_boundary")
def choose_k__zero_based(lam, threshold):
    kept = np.cumsum(lam) / np.cumsum(lam)[-1]
    return int(np.argmax(kept >= threshold))


@wrong("asks for more than the threshold", caught_by="test_exact_boundary")
def choose_k__strict(lam, threshold):
    kept = np.cumsum(lam) / lam.sum()
    return min(int(np.sum(kept <= threshold)) + 1, len(lam))


@wrong("looks at each share alone, without adding them up", caught_by="test_just_above")
def choose_k__not_cumulative(lam, threshold):
    return int(np.argmax(lam / lam.sum() >= threshold)) + 1


@wrong("does not divide by the total variance", caught_by="test_units")
def choose_k__not_normalised(lam, threshold):
    return int(np.argmax(np.cumsum(lam) >= threshold)) + 1


@wrong("keeps the most directions that stay below the threshold", caught_by="test_exact_boundary")
def choose_k__largest_below(lam, threshold):
    return max(int(np.sum(np.cumsum(lam) / lam.sum() < threshold)), 1)


@wrong("measures shares of standard deviations", caught_by="test_units")
def choose_k__deviations(lam, threshold):
    s = np.cumsum(np.sqrt(lam))
    return int(np.argmax(s / s[-1] >= threshold)) + 1


@wrong("counts the directions whose share is at least the threshold lost", caught_by="test_units")
def choose_k__share_above(lam, threshold):
    return max(int(np.sum(lam / lam.sum() >= 1 - threshold)), 1)


@wrong("always needs one direction more than it has counted", caught_by="test_exact_boundary")
def choose_k__one_more(lam, threshold):
    kept = np.cumsum(lam) / np.cumsum(lam)[-1]
    return int(np.argmax(kept >= threshold)) + 2


@wrong("takes the threshold for a share of the directions", caught_by="test_units")
def choose_k__share_of_directions(lam, threshold):
    return max(int(np.ceil(threshold * len(lam))), 1)


@right("with a loop")
def choose_k__loop(lam, threshold):
    kept, total = 0.0, sum(lam)
    for j, variance in enumerate(lam, start=1):
        kept += variance
        if kept / total >= threshold:
            return j
    return len(lam)


@right("with searchsorted")
def choose_k__searchsorted(lam, threshold):
    return int(np.searchsorted(np.cumsum(lam) / lam.sum(), threshold)) + 1


@right("with shares first")
def choose_k__shares_first(lam, threshold):
    shares = lam / lam.sum()
    return 1 + np.sum(np.cumsum(shares) < threshold)


@right("by counting what is lost")
def choose_k__tail(lam, threshold):
    ks = [k for k in range(1, len(lam) + 1) if lam[:k].sum() >= threshold * lam.sum()]
    return ks[0]


@right("with a total that rounding sets beside the running sum")
def choose_k__rounded_total(lam, threshold):
    return int(np.argmax(np.cumsum(lam) / lam.sum() >= threshold)) + 1


@right("with a tolerance for rounding")
def choose_k__tolerance(lam, threshold):
    share = np.cumsum(lam) / np.sum(lam)
    return int(np.argmax(share >= threshold - 1e-12)) + 1


@right("by what is left over")
def choose_k__rest(lam, threshold):
    import math

    total = math.fsum(lam)
    k = 1
    while not math.fsum(lam[k:]) <= (1 - threshold) * total + 1e-12 * total:
        k += 1
    return k


# pca_dual


@wrong("does not bring the directions to length 1", caught_by="test_orthonormal")
def pca_dual__not_normalised(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / (len(X) - 1))
    return Xc.T @ V[:, ::-1][:, :k], lam[::-1][:k], mu


@wrong("returns the weights of the samples for directions", caught_by="test_directions")
def pca_dual__weights(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / (len(X) - 1))
    return V[:, ::-1][:, :k], lam[::-1][:k], mu


@wrong("divides the directions by the root of N", caught_by="test_orthonormal")
def pca_dual__root_n(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / (len(X) - 1))
    return Xc.T @ V[:, ::-1][:, :k] / np.sqrt(len(X)), lam[::-1][:k], mu


@wrong("divides the directions by the root of λ, without N − 1", caught_by="test_orthonormal")
def pca_dual__root_lam(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / (len(X) - 1))
    lam = lam[::-1][:k]
    return Xc.T @ V[:, ::-1][:, :k] / np.sqrt(lam), lam, mu


@wrong("divides the Gram matrix by the number of features", caught_by="test_variances")
def pca_dual__over_d(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / X.shape[1])
    W = Xc.T @ V[:, ::-1][:, :k]
    return W / np.linalg.norm(W, axis=0), lam[::-1][:k], mu


@wrong("divides by N instead of N − 1", caught_by="test_variances")
def pca_dual__ddof_0(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / len(X))
    W = Xc.T @ V[:, ::-1][:, :k]
    return W / np.linalg.norm(W, axis=0), lam[::-1][:k], mu


@wrong("returns the eigenvalues of the Gram matrix, not divided", caught_by="test_variances")
def pca_dual__scatter(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T)
    W = Xc.T @ V[:, ::-1][:, :k]
    return W / np.linalg.norm(W, axis=0), lam[::-1][:k], mu


@wrong("does not centre the data", caught_by="test_variances")
def pca_dual__not_centred(X, k):
    lam, V = np.linalg.eigh(X @ X.T / (len(X) - 1))
    W = X.T @ V[:, ::-1][:, :k]
    return W / np.linalg.norm(W, axis=0), lam[::-1][:k], X.mean(axis=0)


@wrong("leaves the k largest in ascending order", caught_by="test_variances")
def pca_dual__ascending(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / (len(X) - 1))
    W = Xc.T @ V[:, -k:]
    return W / np.linalg.norm(W, axis=0), lam[-k:], mu


@wrong("brings the rows instead of the columns to length 1", caught_by="test_orthonormal")
def pca_dual__unit_rows(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / (len(X) - 1))
    W = Xc.T @ V[:, ::-1][:, :k]
    return W / np.linalg.norm(W, axis=1, keepdims=True), lam[::-1][:k], mu


@right("by a thin SVD")
def pca_dual__svd(X, k):
    mu = X.mean(axis=0)
    _, s, Vt = np.linalg.svd(X - mu, full_matrices=False)
    return Vt[:k].T, s[:k] ** 2 / (len(X) - 1), mu


@right("with the length known from the eigenvalue")
def pca_dual__known_length(X, k):
    Xc, mu = center(X)
    lam, V = np.linalg.eigh(Xc @ Xc.T / (len(X) - 1))
    order = np.argsort(lam)[::-1][:k]
    return Xc.T @ V[:, order] / np.sqrt((len(X) - 1) * lam[order]), lam[order], mu


@right("through a QR decomposition of the transposed data")
def pca_dual__qr(X, k):
    Xc, mu = center(X)
    Q, R = np.linalg.qr(Xc.T)
    U, s, _ = np.linalg.svd(R)
    return Q @ U[:, :k], s[:k] ** 2 / (len(X) - 1), mu


# principal_angles


@wrong("takes the columns for orthonormal", caught_by="test_general_position")
def principal_angles__no_qr(U, V):
    cosines = np.linalg.svd(U.T @ V, compute_uv=False)
    return np.arccos(np.clip(cosines, 0, 1))[::-1]


@wrong("brings the columns to length 1 but not to right angles", caught_by="test_general_position")
def principal_angles__unit_columns(U, V):
    U, V = U / np.linalg.norm(U, axis=0), V / np.linalg.norm(V, axis=0)
    cosines = np.linalg.svd(U.T @ V, compute_uv=False)
    return np.arccos(np.clip(cosines, 0, 1))[::-1]


@wrong("returns cosines", caught_by="test_general_position")
def principal_angles__cosines(U, V):
    Q_U, Q_V = np.linalg.qr(U)[0], np.linalg.qr(V)[0]
    return np.linalg.svd(Q_U.T @ Q_V, compute_uv=False)[::-1]


@wrong("returns the smallest angle first", caught_by="test_general_position")
def principal_angles__ascending(U, V):
    Q_U, Q_V = np.linalg.qr(U)[0], np.linalg.qr(V)[0]
    return np.arccos(np.clip(np.linalg.svd(Q_U.T @ Q_V, compute_uv=False), 0, 1))


@wrong("takes the arcsine of the cosines", caught_by="test_general_position")
def principal_angles__arcsin(U, V):
    Q_U, Q_V = np.linalg.qr(U)[0], np.linalg.qr(V)[0]
    return np.arcsin(np.clip(np.linalg.svd(Q_U.T @ Q_V, compute_uv=False), 0, 1))


@wrong("returns degrees", caught_by="test_pure")
def principal_angles__degrees(U, V):
    Q_U, Q_V = np.linalg.qr(U)[0], np.linalg.qr(V)[0]
    cosines = np.clip(np.linalg.svd(Q_U.T @ Q_V, compute_uv=False), 0, 1)
    return np.degrees(np.arccos(cosines))[::-1]


@wrong("takes angles between matching columns of the bases", caught_by="test_general_position")
def principal_angles__columns(U, V):
    Q_U, Q_V = np.linalg.qr(U)[0], np.linalg.qr(V)[0]
    cosines = np.abs((Q_U * Q_V).sum(axis=0))
    return np.sort(np.arccos(np.clip(cosines, 0, 1)))[::-1]


@wrong("takes eigenvalues of Q_Uᵀ Q_V for its singular values", caught_by="test_general_position")
def principal_angles__eigenvalues(U, V):
    Q_U, Q_V = np.linalg.qr(U)[0], np.linalg.qr(V)[0]
    cosines = np.abs(np.linalg.eigvals(Q_U.T @ Q_V))
    return np.sort(np.arccos(np.clip(cosines, 0, 1)))[::-1]


@wrong("takes squared cosines for cosines", caught_by="test_general_position")
def principal_angles__squared(U, V):
    Q_U, Q_V = np.linalg.qr(U)[0], np.linalg.qr(V)[0]
    squares = np.linalg.eigvalsh(Q_U.T @ Q_V @ Q_V.T @ Q_U)
    return np.arccos(np.clip(squares, 0, 1))


@wrong("lets a cosine exceed 1 by rounding", caught_by="test_extremes")
def principal_angles__no_clip(U, V):
    Q_U, Q_V = np.linalg.qr(U)[0], np.linalg.qr(V)[0]
    cosines = np.linalg.svd(Q_U.T @ Q_V, compute_uv=False)
    with np.errstate(invalid="ignore"):
        return np.arccos(cosines)[::-1]


@right("with scipy.linalg.subspace_angles")
def principal_angles__scipy(U, V):
    from scipy.linalg import subspace_angles

    return subspace_angles(U, V)


@right("with orthonormal bases from singular vectors")
def principal_angles__svd_bases(U, V):
    Q_U = np.linalg.svd(U, full_matrices=False)[0]
    Q_V = np.linalg.svd(V, full_matrices=False)[0]
    _, cosines, _ = np.linalg.svd(Q_U.T @ Q_V)
    return np.sort(np.arccos(np.minimum(cosines, 1.0)))[::-1]


@right("from the eigenvalues of the product of the projectors")
def principal_angles__projectors(U, V):
    P, Q = U @ np.linalg.pinv(U), V @ np.linalg.pinv(V)
    squares = np.sort(np.linalg.eigvals(P @ Q).real)[::-1][: U.shape[1]]
    return np.arccos(np.sqrt(np.clip(squares, 0, 1)))[::-1]
