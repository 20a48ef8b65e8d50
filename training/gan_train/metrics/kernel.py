"""KID: squared maximum mean discrepancy of two sets of features, without bias (Binkowski et al. 2018; Gretton et al. 2012).

The kernel is (x.y / d + 1)^3 for features of d numbers. Unlike FID it has the same expectation for few images as for many, and
may be a little below 0. It is measured on random subsets, 100 of 1,000 images unless there are fewer than 2,000 images: then a
subset has half of them, so that subsets still differ and their spread means something. It needs features that are kept
(kept.py); each subset takes memory for three kernel matrices, 24 MB.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from gan_core.errors import UsageError
from gan_train.metrics.permutation import permutation
from gan_train.metrics.points import Points, as_points
from gan_train.metrics.spread import Spread

SUBSETS, SUBSET_SIZE = 100, 1000
_DEGREE = 3


def kernel_distance(
    reals: ArrayLike, fakes: ArrayLike, seed: int, done: Callable[[int], None] = lambda subsets: None
) -> Spread:
    """KID: mean and standard deviation over subsets, of which `done` is told. See `subset_discrepancies`."""

    def told() -> Iterator[float]:
        for discrepancy in subset_discrepancies(reals, fakes, seed):
            done(1)
            yield discrepancy

    return Spread.of(told())


def subset_discrepancies(
    reals: ArrayLike, fakes: ArrayLike, seed: int, subsets: int = SUBSETS, size: int = SUBSET_SIZE
) -> Iterator[float]:
    """The squared discrepancy of each subset, as soon as it is known.

    Args:
        reals: features (n, d).
        fakes: features (m, d).
        seed: of the subsets.
        subsets: how many.
        size: of each; at most half of the smaller set.

    Raises:
        UsageError: fewer than four images in a set, or features of different sizes.
        DataError: a feature is not finite.
    """
    real, fake = as_points(reals), as_points(fakes)
    if min(len(real), len(fake)) < 4:
        raise UsageError(f"KID needs four images or more of each, not {len(real)} and {len(fake)}; score more of them")
    if real.shape[1] != fake.shape[1]:
        raise UsageError("KID compares features of one extractor; compute both with the same")
    taken = min(size, len(real) // 2, len(fake) // 2)
    for subset in range(subsets):
        of_reals = permutation(len(real), seed, subset, 0)[:taken]
        of_fakes = permutation(len(fake), seed, subset, 1)[:taken]
        yield squared_discrepancy(real[of_reals], fake[of_fakes])


def squared_discrepancy(reals: Points, fakes: Points) -> float:
    """The unbiased estimate from float64 features (n, d) and (m, d), all pairs but those of a point with itself."""
    among_reals, among_fakes = _kernel(reals, reals), _kernel(fakes, fakes)
    n, m = len(reals), len(fakes)
    same = (among_reals.sum() - np.trace(among_reals)) / (n * (n - 1)) + (among_fakes.sum() - np.trace(among_fakes)) / (
        m * (m - 1)
    )
    return float(same - 2 * _kernel(reals, fakes).mean())


def _kernel(first: Points, second: Points) -> Points:
    kernel: Points = (first @ second.T / first.shape[1] + 1) ** _DEGREE
    return kernel
