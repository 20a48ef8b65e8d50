"""Checks of the scores on this machine: worked examples, slow computations by definition, and values of other programs.

They need no data and no network, and take some seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gan_train.metrics.classes import class_balance, class_coverage
from gan_train.metrics.frechet import frechet_distance
from gan_train.metrics.inception_score import SPLITS, SplitSums, inception_score
from gan_train.metrics.kernel import squared_discrepancy
from gan_train.metrics.moments import Moments, streaming_moments
from gan_train.metrics.ms_ssim import ms_ssim
from gan_train.metrics.nearest import streaming_nearest
from gan_train.metrics.neighbourhoods import neighbourhoods
from gan_train.metrics.points import Points
from gan_train.metrics.references import RECORDED, SHAPES, features, logits, uniform
from gan_train.metrics.spread import Spread


@dataclass(frozen=True)
class Check:
    """One comparison of a computed value with an expected one.

    Attributes:
        name: what was computed, and what it is compared with.
        expected, got: both values.
        tolerance: largest allowed difference.
    """

    name: str
    expected: float
    got: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the values agree; NaN never does."""
        return abs(self.got - self.expected) <= self.tolerance

    def __str__(self) -> str:
        """One line: ok  IS of 3 certain images of 3 classes: 3 (expected 3 ± 1e-09)."""
        state = "ok" if self.passed else "FAILED"
        return f"{state:6} {self.name}: {self.got:.8g} (expected {self.expected:.8g} ± {self.tolerance:.2g})"


def self_test() -> list[Check]:
    """Run all checks; the scores are right on this machine if all passed."""
    return [*_worked_values(), *_other_ways(), *_other_programs()]


def _worked_values() -> Iterator[Check]:
    """Worked examples of Brownlee, Generative Adversarial Networks with Python, ch. 12 and 13, and limits of the formulas."""
    first, second = uniform(10, 10, 2048), uniform(11, 10, 2048)
    yield Check("FID of 10 x 2048 features and themselves", 0.0, _fid(first, first), 1e-8)
    yield Check("FID of two 10 x 2048 arrays of uniform numbers", 358.5, _fid(first, second), 13.5)
    shift = uniform(12, 2048)
    yield Check(
        "FID of features and the same ones shifted by c: sum of c^2", float(shift @ shift), _fid(first, first + shift), 1e-8
    )
    yield Check("IS of 3 certain images of 3 classes", 3.0, _score(np.eye(3)), 1e-9)
    yield Check("IS of 3 images with uniform probabilities", 1.0, _score(np.full((3, 3), 1 / 3)), 1e-9)
    yield Check("IS of 10 certain images of 10 classes", 10.0, _score(np.eye(10)), 1e-9)
    reals, fakes = features(400, 8)
    moments = streaming_moments()
    for batch in np.array_split(reals, 7):
        moments.add(batch)
    yield Check(
        "FID of features in one batch and in seven",
        _fid(reals, fakes),
        frechet_distance(moments.total(), Moments.of(fakes)),
        1e-12,
    )
    images = (256 * uniform(13, 2, 44, 28, 1)).astype(np.uint8)
    yield Check("MS-SSIM of images and themselves", 1.0, float(ms_ssim(images, images).mean()), 1e-12)
    yield Check("class coverage of 8 in 10 classes", 0.8, class_coverage([125] * 8 + [0] * 2, [100] * 10), 1e-12)
    yield Check("class balance of 8 in 10 classes", 0.8, class_balance([125] * 8 + [0] * 2, [100] * 10), 1e-12)


def _other_ways() -> Iterator[Check]:
    """Each score by its definition, image by image."""
    reals, fakes = features(60, 8)
    matrices = [np.cov(points, rowvar=False) for points in (reals, fakes)]
    yield Check("FID and the root of the matrix product", _fid_by_root(reals, fakes, *matrices), _fid(reals, fakes), 1e-6)
    yield Check("KID and the sum over pairs", _discrepancy_by_pairs(reals, fakes), squared_discrepancy(reals, fakes), 1e-9)
    found, expected = neighbourhoods(reals, fakes, k=4), _neighbourhoods_by_point(reals, fakes, 4)
    for name, value in expected.items():
        yield Check(f"{name} and the count image by image", value, float(getattr(found, name)), 1e-9)
    closest = streaming_nearest(fakes)
    closest.add(reals)
    by_point = float(np.mean([min(np.linalg.norm(fake - real) for real in reals) for fake in fakes]))
    yield Check("nearest neighbours and the distance image by image", by_point, float(closest.total().distances.mean()), 1e-9)


def _other_programs() -> Iterator[Check]:
    """Recorded scores of other programs: FID must agree within 1e-4 of its value, the others within 1e-6."""
    for count, size in SHAPES:
        reals, fakes = features(count, size)
        fid, shape = _fid(reals, fakes), f"{count} x {size}"
        for program in ("torch-fidelity", "pytorch-fid"):
            yield _recorded(f"{program} FID {shape}", fid, 1e-4 * RECORDED[f"{program} FID {shape}"])
        yield _recorded(f"torch-fidelity KID {shape}", squared_discrepancy(reals, fakes), 1e-6)
        found = neighbourhoods(reals, fakes)
        for name in ("precision", "recall"):
            yield _recorded(f"torch-fidelity {name} {shape}", getattr(found, name), 1e-6)
        for name in ("density", "coverage"):
            yield _recorded(f"prdc {name} {shape}", getattr(found, name), 1e-6)
    score = _spread(_softmax(logits()), SPLITS)
    yield _recorded("torch-fidelity IS", score.mean, 1e-6)
    yield _recorded("torch-fidelity IS deviation", score.std, 1e-6)


def _recorded(name: str, got: float, tolerance: float) -> Check:
    return Check(f"agreement with {name}", RECORDED[name], got, tolerance)


def _fid(first: Points, second: Points) -> float:
    return frechet_distance(Moments.of(first), Moments.of(second))


def _score(probabilities: Points) -> float:
    return _spread(probabilities, 1).mean


def _spread(probabilities: Points, splits: int) -> Spread:
    """The Inception Score of `splits` parts, each of consecutive rows."""
    split = np.arange(len(probabilities)) // (len(probabilities) // splits)
    return inception_score(SplitSums.of(probabilities, split, splits))


def _softmax(values: Points) -> Points:
    powers = np.exp(values)
    return powers / powers.sum(axis=1, keepdims=True)


def _fid_by_root(reals: Points, fakes: Points, of_reals: Points, of_fakes: Points) -> float:
    """FID by the matrix square root, as in Brownlee, Generative Adversarial Networks with Python, ch. 13."""
    from scipy.linalg import sqrtm

    apart = reals.mean(axis=0) - fakes.mean(axis=0)
    root = np.real(sqrtm(of_reals @ of_fakes))
    return float(np.sum(apart**2) + np.trace(of_reals + of_fakes - 2 * root))


def _discrepancy_by_pairs(reals: Points, fakes: Points) -> float:
    def kernel(x: Points, y: Points) -> float:
        return float((np.dot(x, y) / len(x) + 1) ** 3)

    def among(points: Points) -> float:
        pairs = [kernel(x, y) for i, x in enumerate(points) for j, y in enumerate(points) if i != j]
        return sum(pairs) / len(pairs)

    between = [kernel(x, y) for x in reals for y in fakes]
    return among(reals) + among(fakes) - 2 * sum(between) / len(between)


def _neighbourhoods_by_point(reals: Points, fakes: Points, k: int) -> dict[str, float]:
    def distance(x: Points, y: Points) -> float:
        return float(np.linalg.norm(x - y))

    def radii(points: Points) -> list[float]:
        return [sorted(distance(x, y) for y in points)[k] for x in points]

    of_reals, of_fakes = radii(reals), radii(fakes)
    around = [[distance(real, fake) <= radius for real, radius in zip(reals, of_reals, strict=True)] for fake in fakes]
    recalled = [any(distance(real, fake) <= radius for fake, radius in zip(fakes, of_fakes, strict=True)) for real in reals]
    return {
        "precision": sum(map(any, around)) / len(fakes),
        "recall": sum(recalled) / len(reals),
        "density": sum(map(sum, around)) / (k * len(fakes)),
        "coverage": sum(map(any, zip(*around, strict=True))) / len(reals),
    }
