"""KID: unbiased squared maximum mean discrepancy of two sets of features (Binkowski et al. 2018, Gretton et al. 2012).

The kernel is (x.y / d + 1)^3 for features of d numbers. Unlike that of FID, the expectation of KID does not depend on the
number of images, and the estimate may be slightly negative. It is computed on 100 random subsets of 1,000 images, or of half
of the images if there are fewer than 2,000, so that subsets differ. A subset takes 24 MB for its three kernel matrices.
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
    """KID: mean and standard deviation over the subsets. `done` is called after each. See `subset_discrepancies`."""

    def reported() -> Iterator[float]:
        for discrepancy in subset_discrepancies(reals, fakes, seed):
            done(1)
            yield discrepancy

    return Spread.of(reported())


def subset_discrepancies(
    reals: ArrayLike, fakes: ArrayLike, seed: int, subsets: int = SUBSETS, size: int = SUBSET_SIZE
) -> Iterator[float]:
    """Yield the squared discrepancy of each subset.

    Args:
        reals: features of reals, (n, d).
        fakes: features of generated images, (m, d).
        seed: chooses the subsets.
        subsets: their number.
        size: images in a subset; half of the smaller set if that is less.

    Raises:
        UsageError: fewer than four images in a set, or features of different sizes.
        DataError: a feature is not finite.
    """
    real, fake = as_points(reals), as_points(fakes)
    if min(len(real), len(fake)) < 4:
        raise UsageError(f"KID needs four images or more of each, not {len(real)} and {len(fake)}; score more of them")
    if real.shape[1] != fake.shape[1]:
        raise UsageError("KID compares features of one extractor; compute both with the same")
    subset_size = min(size, len(real) // 2, len(fake) // 2)
    for subset in range(subsets):
        real_rows = permutation(len(real), seed, subset, 0)[:subset_size]
        fake_rows = permutation(len(fake), seed, subset, 1)[:subset_size]
        yield squared_discrepancy(real[real_rows], fake[fake_rows])


def squared_discrepancy(reals: Points, fakes: Points) -> float:
    """The unbiased estimate from float64 features (n, d) and (m, d): pairs of a point with itself are left out."""
    among_reals, among_fakes = _kernel(reals, reals), _kernel(fakes, fakes)
    n, m = len(reals), len(fakes)
    same = (among_reals.sum() - np.trace(among_reals)) / (n * (n - 1)) + (among_fakes.sum() - np.trace(among_fakes)) / (
        m * (m - 1)
    )
    return float(same - 2 * _kernel(reals, fakes).mean())


def _kernel(first: Points, second: Points) -> Points:
    kernel: Points = (first @ second.T / first.shape[1] + 1) ** _DEGREE
    return kernel
