"""Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

The neighbourhood of a point is the ball around it whose radius is the distance to its k-th nearest neighbour in its own set.
Precision and density count fakes in neighbourhoods of reals, recall counts reals in neighbourhoods of fakes, and coverage
counts neighbourhoods of reals that contain a fake. As in the authors' programs, the surface belongs to the ball for precision
and recall, but not for density and coverage. Time grows with the product of the numbers of images, memory with their sum.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_core.errors import UsageError
from gan_train.metrics.points import Points, as_points, squared_distances

_K_OF_RECALL, _K_OF_COVERAGE = 3, 5
_ROWS = 256
"""Rows of the distance matrix that are computed at once."""


@dataclass(frozen=True)
class Neighbourhoods:
    """The four scores. All are from 0 to 1 but density, which has no upper bound and an expectation of 1 for perfect fakes."""

    precision: float
    recall: float
    density: float
    coverage: float


def neighbourhoods(
    reals: ArrayLike, fakes: ArrayLike, k: int | None = None, done: Callable[[int], None] = lambda rows: None
) -> Neighbourhoods:
    """Compute precision, recall, density and coverage.

    Args:
        reals: features of reals, (n, d).
        fakes: features of generated images, (m, d).
        k: neighbours in a neighbourhood; None is 3 for precision and recall and 5 for the others, as in the papers.
        done: called with the number of rows of distances that were just computed, of 2 n + m in all.

    Raises:
        UsageError: a set has k images or fewer, or the features have different sizes.
        DataError: a feature is not finite.
    """
    real, fake = as_points(reals), as_points(fakes)
    near, far = (k, k) if k is not None else (_K_OF_RECALL, _K_OF_COVERAGE)
    if near < 1:
        raise UsageError(f"a neighbourhood has at least one neighbour, not {near}; give a larger k")
    fewest = min(len(real), len(fake))
    if fewest <= max(near, far):
        raise UsageError(
            f"neighbourhoods of {max(near, far)} neighbours need more images than {fewest}; score more or give a smaller k"
        )
    if real.shape[1] != fake.shape[1]:
        raise UsageError("neighbourhoods are of features of one extractor; compute both with the same")
    of_reals, wide = _squared_radii(real, (near, far), done)
    (of_fakes,) = _squared_radii(fake, (near,), done)
    precise = np.zeros(len(fake), bool)
    recalled = dense = covered = 0
    for start in range(0, len(real), _ROWS):
        rows = slice(start, start + _ROWS)
        distances = squared_distances(real[rows], fake)
        precise |= (distances <= of_reals[rows, None]).any(axis=0)
        recalled += int((distances <= of_fakes).any(axis=1).sum())
        inside = distances < wide[rows, None]
        dense += int(inside.sum())
        covered += int(inside.any(axis=1).sum())
        done(len(distances))
    return Neighbourhoods(
        precision=float(precise.mean()),
        recall=recalled / len(real),
        density=dense / (far * len(fake)),
        coverage=covered / len(real),
    )


def _squared_radii(points: Points, neighbours: tuple[int, ...], done: Callable[[int], None]) -> NDArray[np.float64]:
    """The squared distance of each point to its k-th nearest other point, for each k in `neighbours`: float64 (len, n)."""
    ranks = [number - 1 for number in neighbours]
    radii = np.empty((len(neighbours), len(points)))
    for start in range(0, len(points), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(points)))
        distances = squared_distances(points[rows], points)
        distances[rows - start, rows] = np.inf
        radii[:, rows] = np.partition(distances, ranks, axis=1)[:, ranks].T
        done(len(rows))
    return radii
