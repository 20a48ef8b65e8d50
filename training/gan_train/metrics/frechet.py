"""FID: the Fréchet distance of two sets of features, taken as Gaussian (Heusel et al. 2017, Dowson and Landau 1982).

|m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2), of means m and covariances S.
"""

import numpy as np

from gan_core.errors import DataError, UsageError
from gan_train.metrics.moments import Moments
from gan_train.metrics.points import Points

_TOLERANCE = 1e-8
"""Largest rounding error of the factorisation, as a share of the largest variance; damaged moments exceed it."""


def frechet_distance(first: Moments, second: Moments) -> float:
    """FID of two sets, from the moments of their features. It is 0 for equal moments, up to rounding, also below 0.

    Raises:
        UsageError: features of different sizes, or a single image.
        DataError: a covariance is not finite or has negative eigenvalues, so no set of features has it.
    """
    if first.mean.shape != second.mean.shape:
        sizes = f"{first.mean.size} and {second.mean.size}"
        raise UsageError(f"FID compares features of one extractor, not of {sizes} numbers; compute both with the same")
    apart = first.mean - second.mean
    one, two = first.covariance, second.covariance
    return float(apart @ apart + np.trace(one) + np.trace(two) - 2 * _trace_of_root(one, two))


def _trace_of_root(one: Points, two: Points) -> float:
    """tr (S1 S2)^(1/2), for covariances of any rank.

    With S1 = A A' and S2 = B B', the non-zero eigenvalues of S1 S2 are those of (A'B)(A'B)', a symmetric matrix without
    negative eigenvalues. The matrix square root of S1 S2 itself is neither symmetric nor as fast (docs/measurements.md).
    """
    product = _factor(one).T @ _factor(two)
    square = product @ product.T if len(product) < product.shape[1] else product.T @ product
    return float(np.sqrt(np.linalg.eigvalsh(square).clip(min=0)).sum())


def _factor(covariance: Points) -> Points:
    """The matrix A, (d, rank), with A A' = covariance, by pivoted Cholesky. Raises DataError if there is none."""
    from scipy.linalg.lapack import dpstrf

    largest = float(np.abs(covariance).max())
    if not np.isfinite(largest):
        raise DataError("FID: a covariance is not finite; the features are damaged, compute them again")
    triangle, pivots, rank, _ = dpstrf(covariance, lower=1)
    factor = np.empty((len(covariance), rank))
    factor[pivots - 1] = np.tril(triangle)[:, :rank]
    if np.abs(factor @ factor.T - covariance).max() > _TOLERANCE * largest:
        raise DataError(
            "FID: a covariance has eigenvalues below zero, which would make the distance imaginary; "
            "the stored moments are damaged, remove the file"
        )
    return factor
