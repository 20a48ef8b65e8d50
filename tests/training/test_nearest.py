"""The closest real of a generated image is found in a stream, and a memorised one is at distance zero."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from gan_train.metrics.nearest import streaming_nearest
from gan_train.metrics.references import features

pytestmark = pytest.mark.quick

REALS = np.random.default_rng(1).integers(0, 256, (600, 6, 6, 3), np.uint8)


def test_a_memorised_image_is_found_at_distance_zero() -> None:
    closest = streaming_nearest(np.concatenate([REALS[[599, 3]], 255 - REALS[:1]]))
    for batch in np.array_split(REALS, 11):
        closest.add(batch)
    found = closest.total()
    assert found.positions[:2].tolist() == [599, 3]
    assert found.distances[:2].tolist() == [0.0, 0.0]
    assert found.distances[2] > 100


@given(batch=st.integers(1, 300))
def test_it_is_the_smallest_of_all_distances(batch: int) -> None:
    reals, fakes = features(600, 9)
    closest = streaming_nearest(fakes[:8])
    for start in range(0, 600, batch):
        closest.add(reals[start : start + batch])
    distances = cdist(fakes[:8], reals)
    np.testing.assert_array_equal(closest.total().positions, distances.argmin(axis=1))
    np.testing.assert_allclose(closest.total().distances, distances.min(axis=1), rtol=1e-7)


@pytest.mark.parametrize("batch", [1, 7, 600])
def test_of_equal_images_the_first_is_taken(batch: int) -> None:
    """Among equal distances in pixels, which are exact, the first wins, in any block."""
    closest = streaming_nearest(REALS[:1])
    repeated = np.tile(REALS[:3], (200, 1, 1, 1))
    for start in range(0, 600, batch):
        closest.add(repeated[start : start + batch])
    assert closest.total().positions.tolist() == [0]
