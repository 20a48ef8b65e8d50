"""Points (x, f(x)) of the 1-D GAN: the parabola on [-0.5, 0.5) (Brownlee, Generative Adversarial Networks with Python, ch. 6),
and a sine and a Gaussian."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_pipeline.dataset.features import Features, VectorFeature
from gan_pipeline.dataset.options import CurveFunction
from gan_pipeline.dataset.records import Example
from gan_pipeline.dataset.understood import FoundSplit, Understood
from gan_pipeline.sources.base import Read

DEFAULT_POINTS = 10_000

MOST_POINTS = 10_000_000
"""The source holds all points in memory, and drawing one takes 40 bytes."""


def curve_points(function: CurveFunction, count: int, seed: int) -> NDArray[np.float32]:
    """Points with x drawn uniformly.

    Args:
        function: parabola, y = x^2 on [-0.5, 0.5); sine, y = sin(x) on [-pi, pi); gaussian, y = exp(-x^2 / 2) on [-3, 3).
        count: number of points.
        seed: of the Philox generator they are drawn with.

    Returns:
        float32 (count, 2).
    """
    half_width = {CurveFunction.PARABOLA: 0.5, CurveFunction.SINE: np.pi, CurveFunction.GAUSSIAN: 3.0}[function]
    x = (np.random.Generator(np.random.Philox(seed)).random(count) * 2 - 1) * half_width
    match function:
        case CurveFunction.PARABOLA:
            y = x * x
        case CurveFunction.SINE:
            y = np.sin(x)
        case CurveFunction.GAUSSIAN:
            y = np.exp(-x * x / 2)
    return np.stack([x, y], axis=1).astype(np.float32)


class CurveSource:
    """Points of a curve as a source with one split, train. There is nothing to read: the options say it all."""

    may_drop = False
    notes: tuple[str, ...] = ()

    def __init__(self, function: CurveFunction, count: int, seed: int) -> None:
        if count > MOST_POINTS:
            raise UsageError(f"--limit {count}: a curve has at most {MOST_POINTS:,} points; write a smaller number")
        self.features: Features = {"point": VectorFeature(names=("x", "y"))}
        self.fingerprint = self.signature = hashlib.sha256(f"{function} {seed}".encode()).hexdigest()
        self._points = curve_points(function, count, seed)

    def understand(self) -> Understood:
        return Understood(splits={"train": FoundSplit(inputs=len(self._points), written=True)})

    def count(self, split: str) -> int:
        return len(self._points)

    def labels(self, split: str) -> None:
        return None

    def read(self, split: str, ids: Sequence[int]) -> Iterator[Read]:
        for number in ids:
            name = f"{split}-{number:06d}"
            yield Read(name, Example(name, {"point": self._points[number]}))
