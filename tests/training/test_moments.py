"""Moments are those that NumPy computes from all features at once, however far from zero, and survive being stored."""

import io

import numpy as np
import pytest

from gan_core.errors import DataError, UsageError
from gan_train.metrics.moments import Moments, streaming_moments
from gan_train.metrics.references import features

pytestmark = pytest.mark.quick

POINTS = features(700, 12)[0]


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e9])
def test_mean_and_covariance_keep_their_digits_far_from_zero(offset: float) -> None:
    """All that double precision has left there: a sum of squares less the square of the sum would have none at 1e9."""
    points = POINTS + offset
    stream = streaming_moments()
    for batch in np.array_split(points, 9):
        stream.add(batch)
    np.testing.assert_allclose(stream.total().mean, points.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(stream.total().covariance, np.cov(POINTS, rowvar=False), atol=max(1e-12, 1e-16 * abs(offset)))


def test_single_precision_features_are_summed_in_double_precision() -> None:
    moments = Moments.of(POINTS.astype(np.float32))
    assert moments.scatter.dtype == np.float64
    np.testing.assert_allclose(moments.mean, POINTS.astype(np.float32).astype(np.float64).mean(axis=0), rtol=1e-14)


def test_moments_come_back_from_a_file_bit_for_bit() -> None:
    moments, file = Moments.of(POINTS), io.BytesIO()
    np.savez(file, **moments.to_arrays())
    file.seek(0)
    with np.load(file) as stored:
        read = Moments.from_arrays(stored)
    assert read.count == moments.count
    np.testing.assert_array_equal(read.mean, moments.mean)
    np.testing.assert_array_equal(read.scatter, moments.scatter)


@pytest.mark.parametrize(
    "damage",
    [
        {"mean": None},
        {"count": np.array(0)},
        {"count": np.array([1, 2])},
        {"mean": np.zeros(11)},
        {"scatter": np.zeros((12, 11))},
        {"mean": np.zeros(12, np.float32)},
    ],
)
def test_damaged_moments_are_refused(damage: dict) -> None:
    arrays = {name: array for name, array in (Moments.of(POINTS).to_arrays() | damage).items() if array is not None}
    with pytest.raises(DataError, match="damaged; remove the file"):
        Moments.from_arrays(arrays)


def test_one_image_has_no_covariance() -> None:
    with pytest.raises(UsageError, match="two images or more"):
        _ = Moments.of(POINTS[:1]).covariance


def test_a_feature_that_is_not_finite_is_named() -> None:
    points = POINTS.copy()
    points[41, 3] = np.inf
    with pytest.raises(DataError, match="number 42 of 700 has a feature that is not finite"):
        Moments.of(points)
