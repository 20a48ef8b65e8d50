"""Diversity falls when images repeat themselves, whatever the number of modes that stay."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gan_core.errors import DataError, UsageError
from gan_train.metrics.diversity import (
    common_share,
    distance_ratio,
    distinct,
    neighbour_distance,
    neighbour_ratio,
    roughness_ratio,
)

pytestmark = pytest.mark.quick

IMAGES = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), np.uint8)


def test_it_is_the_mean_distance_to_the_nearest_other_image() -> None:
    distances = cdist(*[IMAGES.reshape(100, -1).astype(float)] * 2) + np.diag([np.inf] * 100)
    assert neighbour_distance(IMAGES) == pytest.approx(distances.min(axis=1).mean(), rel=1e-12)
    assert neighbour_ratio(IMAGES, IMAGES) == 1.0


def test_points_of_floats_are_measured_as_images_are() -> None:
    assert neighbour_distance(np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 2.0]], np.float32)) == pytest.approx((0.5 + 0.5 + 2) / 3)


def test_two_modes_keep_half_the_mean_pairwise_distance_but_no_nearest_neighbours() -> None:
    modes = np.repeat(IMAGES[:2], 50, axis=0)
    pairwise = cdist(*[modes.reshape(100, -1).astype(float)] * 2).mean()
    assert pairwise > 0.4 * cdist(*[IMAGES.reshape(100, -1).astype(float)] * 2).mean()
    assert neighbour_ratio(modes, IMAGES) == 0.0


def test_sets_of_different_sizes_are_cut_to_the_smaller_one() -> None:
    assert neighbour_ratio(IMAGES[:40], IMAGES) == 1.0
    assert neighbour_ratio(IMAGES, IMAGES[:40]) == 1.0


def test_reals_that_are_all_equal_have_no_diversity_to_miss() -> None:
    equal = np.zeros((10, 4, 4, 1), np.uint8)
    assert neighbour_ratio(equal, equal) == 1.0
    assert neighbour_ratio(IMAGES[:10, :4, :4, :1], equal) == float("inf")


def test_what_cannot_be_measured_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="needs two images or more, not 1; make more"):
        neighbour_ratio(IMAGES[:1], IMAGES)
    with pytest.raises(UsageError, match="not 0"):
        neighbour_ratio(IMAGES, IMAGES[:0])
    with pytest.raises(DataError, match="number 2 of 2 has a feature that is not finite"):
        neighbour_distance(np.array([[0.0], [np.nan]]))


def test_images_of_the_same_kind_share_nothing_and_are_as_close_as_reals() -> None:
    others = np.random.default_rng(1).integers(0, 256, IMAGES.shape, np.uint8)
    assert common_share(others, IMAGES) < 0.03
    assert 0.9 < distance_ratio(others, IMAGES) < 1.4
    assert distance_ratio(IMAGES, IMAGES) == 0.0


def test_one_pattern_with_noise_on_it_is_diverse_common_and_far() -> None:
    """Such samples are made against a discriminator that learns nothing."""
    reals = np.random.default_rng(0).normal(100, 10, (100, 8, 8, 1))
    pattern = np.tile([0.0, 255.0], (8, 4))[None, :, :, None]
    stripes = pattern + np.random.default_rng(1).normal(0, 10, (100, 8, 8, 1))
    assert neighbour_ratio(stripes, reals) > 0.9
    assert common_share(stripes, reals) > 0.9
    assert distance_ratio(stripes, reals) > 5


def test_the_common_share_is_exact_by_hand() -> None:
    """Reals at -1 and 1, fakes at 3 and 5: the mean fake is 4 away, the mean squared distance is (9 + 25) / 2."""
    reals, fakes = np.array([[-1.0], [1.0]]), np.array([[3.0], [5.0]])
    assert common_share(fakes, reals) == pytest.approx(16 / 17)
    assert distance_ratio(fakes, reals) == pytest.approx((2 + 4) / 2)
    assert common_share(reals[:1] * 0, reals) == 1.0


def test_equal_reals_have_no_spread_and_copies_are_counted_once() -> None:
    assert distance_ratio(IMAGES, np.repeat(IMAGES[:1], 5, axis=0)) == float("inf")
    assert distinct(np.repeat(IMAGES[:3], 5, axis=0)) == 3


def test_noise_with_the_brightness_of_the_data_in_the_right_places_is_rough_alone() -> None:
    """A soft disc whose brightness varies, and the same disc made of single pixels."""
    across, down = np.mgrid[-14:14, -14:14] / 14
    disc = np.exp(-4 * (across**2 + down**2))[None, :, :, None]
    draw = np.random.default_rng(0)
    reals = 255 * disc * draw.uniform(0.2, 1, (100, 1, 1, 1))
    others = 255 * disc * draw.uniform(0.2, 1, (100, 1, 1, 1))
    grainy = 255 * disc * draw.uniform(0, 1, (100, 28, 28, 1))
    assert common_share(grainy, reals) < 0.6 and distance_ratio(grainy, reals) < 1.4
    assert roughness_ratio(grainy, reals) > 5
    assert roughness_ratio(others, reals) == pytest.approx(1)


def test_roughness_is_exact_by_hand_and_no_number_without_contrast() -> None:
    """Columns of 0 and 2 differ by 4 across and by 0 down, with a variance of 1; halves by 4 in one of three places."""
    columns, halves = (np.tile([[row]], (4, 1))[..., None] for row in ([0.0, 2.0, 0.0, 2.0], [0.0, 0.0, 2.0, 2.0]))
    columns, halves = columns.reshape(1, 4, 4, 1), halves.reshape(1, 4, 4, 1)
    assert roughness_ratio(columns, halves) == pytest.approx(3)
    assert roughness_ratio(columns, columns * 5 + 3) == pytest.approx(1)
    flat = np.full((3, 4, 4, 1), 128, np.uint8)
    assert roughness_ratio(flat, columns) == roughness_ratio(columns, flat) == float("inf")
