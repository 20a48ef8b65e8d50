"""FID is the distance of two Gaussians, for covariances of any rank, and never a guess at a complex root."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from gan_core.errors import DataError, UsageError
from gan_train.metrics.frechet import frechet_distance
from gan_train.metrics.moments import Moments
from gan_train.metrics.references import features, uniform

pytestmark = pytest.mark.quick


def fid(reals: NDArray, fakes: NDArray) -> float:
    return frechet_distance(Moments.of(reals), Moments.of(fakes))


def by_singular_values(reals: NDArray, fakes: NDArray) -> float:
    """For fewer images than features: exact at any rank, and needs the features themselves."""
    centred = [(points - points.mean(axis=0)) / np.sqrt(len(points) - 1) for points in (reals, fakes)]
    root = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    apart = reals.mean(axis=0) - fakes.mean(axis=0)
    return float(apart @ apart + sum((points**2).sum() for points in centred) - 2 * root)


def test_it_is_the_formula_with_the_root_of_the_product() -> None:
    reals, fakes = features(300, 20)
    one, two = (np.cov(points, rowvar=False) for points in (reals, fakes))
    apart = reals.mean(axis=0) - fakes.mean(axis=0)
    expected = apart @ apart + np.trace(one + two - 2 * sqrtm(one @ two).real)
    assert fid(reals, fakes) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("counts", [(10, 10), (300, 300), (30, 400), (400, 30), (2, 3)])
def test_fewer_images_than_features_are_no_trouble(counts: tuple[int, int]) -> None:
    reals, fakes = features(counts[0], 500)[0], features(counts[1], 500)[1]
    assert fid(reals, fakes) == pytest.approx(by_singular_values(reals, fakes), rel=1e-7)
    assert fid(reals, reals) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("fakes", [np.zeros((40, 8)), np.repeat(uniform(1, 1, 8), 40, axis=0)])
def test_fakes_that_are_all_equal_have_a_distance(fakes: NDArray) -> None:
    """A collapsed generator gives NaN in programs that take the root of the product."""
    reals = features(50, 8)[0]
    apart = reals.mean(axis=0) - fakes[0]
    assert fid(reals, fakes) == pytest.approx(apart @ apart + np.cov(reals, rowvar=False).trace(), rel=1e-9)
    assert fid(fakes, fakes) == pytest.approx(0, abs=1e-30)


@given(seed=st.integers(0, 1000), count=st.integers(2, 60), size=st.integers(1, 12), scale=st.sampled_from([1e-3, 1.0, 1e4]))
def test_it_is_symmetric_and_shifts_by_the_square_of_the_shift(seed: int, count: int, size: int, scale: float) -> None:
    reals, fakes, shift = (scale * uniform(seed + i, n, size) for i, n in enumerate((count, count + 3, 1)))
    assert fid(reals, fakes) == pytest.approx(fid(fakes, reals), rel=1e-6, abs=1e-9 * scale**2)
    assert fid(reals, fakes) >= -1e-9 * scale**2
    assert fid(reals, reals + shift) == pytest.approx((shift**2).sum(), rel=1e-6, abs=1e-9 * scale**2)


def test_covariances_that_no_features_have_are_an_error_not_an_imaginary_number() -> None:
    sound = Moments.of(features(50, 4)[0])
    impossible = Moments(50, sound.mean, np.diag([1.0, 2.0, -0.5, 1.0]))
    with pytest.raises(DataError, match=r"eigenvalues below zero.*remove the file"):
        frechet_distance(sound, impossible)
    with pytest.raises(DataError, match="not finite"):
        frechet_distance(sound, Moments(50, sound.mean, np.full((4, 4), np.nan)))


def test_features_of_two_extractors_are_not_compared() -> None:
    with pytest.raises(UsageError, match="not of 4 and 5 numbers"):
        fid(features(9, 4)[0], features(9, 5)[1])
