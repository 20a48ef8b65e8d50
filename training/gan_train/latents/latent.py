"""Latents in NumPy: drawn, on a path, averaged, combined, on a grid.

Paths and arithmetic follow Brownlee, Generative Adversarial Networks with Python, ch. 9.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from gan_train.recipe.practice_config import LatentConfig

Latents = NDArray[np.float32]
"""Vectors, float32 (n, size); where said, one vector (size,)."""
Between = Callable[[Latents, Latents, NDArray[np.float64]], Latents]
"""An interpolation: a function of two vectors, (size,), and n ratios in [0, 1], to n vectors."""

_STRAIGHT = 1e-6
"""Below this sine of their angle two vectors count as parallel or opposite. The arc and the line between parallel ones
differ by less than float32 can show; between opposite ones the arc's weights, 1 / sine, would amplify rounding errors."""


def sample_latents(config: LatentConfig, random: np.random.Generator, count: int, size: int) -> Latents:
    """Latents by a distribution, float32 (count, size), drawn row by row, so that fewer of them are a prefix of more."""
    if config.distribution == "normal":
        return random.standard_normal((count, size), np.float32)
    if config.distribution == "uniform":
        return random.uniform(-1.0, 1.0, (count, size)).astype(np.float32)
    drawn = np.empty((0,))
    while len(drawn) < count * size:
        normal = random.standard_normal(count * size)
        drawn = np.concatenate([drawn, normal[np.abs(normal) <= config.threshold]])
    return drawn[: count * size].reshape(count, size).astype(np.float32)


def lerp(start: Latents, end: Latents, ratios: NDArray[np.float64]) -> Latents:
    """Points on the straight line, (1 - r) start + r end, between two vectors (size,): float32 (len(ratios), size)."""
    return _weighted(start, end, 1.0 - ratios, ratios)


def slerp(start: Latents, end: Latents, ratios: NDArray[np.float64]) -> Latents:
    """Points on the great arc between two vectors (size,), float32 (len(ratios), size) (White 2016, Sampling Generative
    Networks).

    With the angle w between the vectors, their weights are sin((1 - r) w) / sin w and sin(r w) / sin w: the length changes
    gradually from one end to the other, and between ends of equal length every point has that length.

    If an end is the zero vector there is no arc, and if the ends are opposite there is no shortest one: both are joined by the
    straight line. So are (nearly) parallel ends, where line and arc are the same.
    """
    lengths = np.linalg.norm(start.astype(np.float64)) * np.linalg.norm(end.astype(np.float64))
    if lengths == 0:
        return lerp(start, end, ratios)
    angle = np.arccos(np.clip(np.dot(start.astype(np.float64), end.astype(np.float64)) / lengths, -1.0, 1.0))
    sine = np.sin(angle)
    if sine < _STRAIGHT:
        return lerp(start, end, ratios)
    return _weighted(start, end, np.sin((1.0 - ratios) * angle) / sine, np.sin(ratios * angle) / sine)


def _weighted(start: Latents, end: Latents, first: NDArray[np.float64], second: NDArray[np.float64]) -> Latents:
    return (np.outer(first, start) + np.outer(second, end)).astype(np.float32)


def path(points: Latents, steps: int, between: Between) -> Latents:
    """A path from point to point, float32 ((n - 1) * (steps - 1) + 1, size).

    Args:
        points: float32 (n, size), n at least 2.
        steps: number of evenly spaced vectors from one point to the next, both included; at least 2. A point between two legs
            appears once.
        between: `lerp` or `slerp`.
    """
    ratios = np.linspace(0.0, 1.0, steps)
    legs = [between(start, end, ratios) for start, end in pairwise(points)]
    return np.concatenate([legs[0], *(leg[1:] for leg in legs[1:])])


def mean(latents: Latents) -> Latents:
    """The average of latents (n, size), float32 (size,). The average of n random ones is sqrt(n) times shorter than each."""
    averaged: Latents = latents.mean(axis=0, dtype=np.float64).astype(np.float32)
    return averaged


def combine(signs: Sequence[int], latents: Latents) -> Latents:
    """The sum of latents (n, size), each with its sign 1 or -1: float32 (size,).

    Its length is not changed: the sum of three averages of three has about the length of one random vector.
    """
    combined: Latents = np.dot(np.asarray(signs, np.float64), latents.astype(np.float64)).astype(np.float32)
    return combined


def plane(config: LatentConfig, side: int) -> Latents:
    """A square grid over the whole of a two-dimensional latent space, float32 (side * side, 2).

    Rows are in the order of a plot: the first number grows to the right, the second upwards.

    Args:
        config: the distribution. Uniform latents are spaced evenly over [-1, 1], both ends included; normal and truncated ones
            at the quantiles (k + 1/2) / side, so that every point stands for the same share of the draws in training.
        side: number of points along one axis, at least 2.
    """
    axis = np.linspace(-1.0, 1.0, side) if config.distribution == "uniform" else _quantiles(config, side)
    across, up = np.meshgrid(axis, axis[::-1])
    return np.stack([across.ravel(), up.ravel()], axis=1).astype(np.float32)


def _quantiles(config: LatentConfig, count: int) -> NDArray[np.float64]:
    normal = NormalDist()
    beyond = normal.cdf(-config.threshold) if config.distribution == "truncated" else 0.0
    return np.array([normal.inv_cdf(beyond + (1 - 2 * beyond) * (k + 0.5) / count) for k in range(count)])
