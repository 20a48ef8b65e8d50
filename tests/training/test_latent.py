"""Points of latent space: lines, arcs, averages and grids, against worked numbers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from gan_train.latents.latent import combine, lerp, mean, path, plane, sample_latents, slerp
from gan_train.recipe.practice_config import LatentConfig

pytestmark = pytest.mark.quick

RATIOS = np.linspace(0.0, 1.0, 10)
VECTORS = arrays(np.float32, 5, elements=st.floats(-10, 10, width=32))


def norms(points: NDArray[Any]) -> NDArray[np.float64]:
    return np.linalg.norm(points.astype(np.float64), axis=-1)


def vector(*numbers: float) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)


def two_at_an_angle(first: float, second: float, cosine: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return vector(first, 0), vector(second * cosine, second * np.sqrt(1 - cosine**2))


@pytest.mark.parametrize("between", [lerp, slerp])
def test_ten_ratios_are_k_ninths_and_reach_both_ends_exactly(between: Any) -> None:
    start, end = np.random.default_rng(0).standard_normal((2, 100), np.float32)
    points = path(np.stack([start, end]), 10, between)
    assert points.shape == (10, 100)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points, between(start, end, np.arange(10) / 9), rtol=1e-5)
    np.testing.assert_array_equal(points[[0, -1]], [start, end])


def test_a_line_is_evenly_spaced() -> None:
    points = lerp(vector(0, 3), vector(9, 0), RATIOS)
    np.testing.assert_allclose(points, np.stack([np.arange(10), 3 - np.arange(10) / 3], axis=1), atol=1e-6)


def test_the_line_dips_inside_the_sphere_and_the_arc_does_not() -> None:
    """Two latents of lengths 9.66 and 9.57, the line's middle 7.0."""
    cosine = (4 * 7.0**2 - 9.66**2 - 9.57**2) / (2 * 9.66 * 9.57)
    start, end = two_at_an_angle(9.66, 9.57, cosine)
    middle = np.array([0.5])
    assert norms(lerp(start, end, middle))[0] == pytest.approx(7.0, abs=1e-3)
    along = norms(slerp(start, end, np.linspace(0, 1, 101)))
    assert along.min() >= 9.57 - 1e-5
    assert along.max() <= 9.66 + 1e-5


def test_an_arc_weighs_the_vectors_as_they_are() -> None:
    """At a right angle the weights are cosine and sine, whatever the lengths."""
    points = slerp(vector(3, 0), vector(0, 8), np.array([1 / 3]))
    np.testing.assert_allclose(points, [[3 * np.cos(np.pi / 6), 8 * np.sin(np.pi / 6)]], rtol=1e-6)


@given(VECTORS, VECTORS)
def test_an_arc_between_equal_lengths_keeps_length_and_pace(start: NDArray[np.float32], end: NDArray[np.float32]) -> None:
    assume(norms(start) > 0.1 and norms(end) > 0.1)
    start, end = start / np.float32(norms(start)), end / np.float32(norms(end))
    assume(np.dot(start, end) > -0.999)
    points = slerp(start, end, RATIOS)
    np.testing.assert_allclose(norms(points), 1, atol=1e-5)
    strides = norms(np.diff(points, axis=0))
    np.testing.assert_allclose(strides, strides[0], atol=1e-5)


@given(VECTORS, VECTORS)
def test_paths_reach_their_ends_are_finite_and_the_same_backwards(start: NDArray[np.float32], end: NDArray[np.float32]) -> None:
    for between in (lerp, slerp):
        points = between(start, end, RATIOS)
        np.testing.assert_array_equal(points[[0, -1]], [start, end])
        assert np.isfinite(points).all()
        np.testing.assert_allclose(between(end, start, 1 - RATIOS), points, atol=1e-3)


def test_between_nearly_parallel_vectors_the_arc_is_the_line() -> None:
    start = np.random.default_rng(1).standard_normal(100, np.float32)
    for end in (start, 2 * start, start + np.float32(1e-6), start + np.float32(1e-4)):
        np.testing.assert_allclose(slerp(start, end, RATIOS), lerp(start, end, RATIOS), atol=1e-6)


def test_opposite_vectors_are_joined_by_the_line_through_zero() -> None:
    """sin(pi) is 1.2e-16, not 0: a test for exactly 0 would divide by it."""
    start = np.random.default_rng(2).standard_normal(100, np.float32)
    for end in (-start, -3 * start, -start * np.float32(1 + 1e-7)):
        np.testing.assert_array_equal(slerp(start, end, RATIOS), lerp(start, end, RATIOS))
    assert norms(slerp(start, -start, np.array([0.5])))[0] == 0


def test_vectors_a_little_off_opposite_are_joined_by_their_arc() -> None:
    start, end = two_at_an_angle(1, 1, -0.99999)
    np.testing.assert_allclose(norms(slerp(start, end, RATIOS)), 1, atol=1e-4)


def test_a_zero_vector_is_reached_by_the_line() -> None:
    start, zero = vector(1, 2), vector(0, 0)
    np.testing.assert_array_equal(slerp(start, zero, RATIOS), lerp(start, zero, RATIOS))
    np.testing.assert_array_equal(slerp(zero, start, RATIOS), lerp(zero, start, RATIOS))
    np.testing.assert_array_equal(slerp(zero, zero, RATIOS), np.zeros((10, 2)))


def test_a_path_of_several_points_passes_each_once() -> None:
    points = np.random.default_rng(3).standard_normal((4, 7), np.float32)
    walk = path(points, 5, slerp)
    assert walk.shape == (3 * 4 + 1, 7)
    np.testing.assert_array_equal(walk[::4], points)


def test_averages_are_shorter_and_the_result_of_arithmetic_is_not() -> None:
    """A latent is about 10 long, a mean of three 5.75, the result 9.97."""
    triples = np.random.default_rng(4).standard_normal((3000, 3, 100), np.float32)
    means = np.stack([mean(triple) for triple in triples])
    results = np.stack([combine([1, -1, 1], three) for three in means.reshape(1000, 3, 100)])
    assert norms(triples).mean() == pytest.approx(10, abs=0.05)
    assert norms(means).mean() == pytest.approx(5.75, abs=0.05)
    assert norms(results).mean() == pytest.approx(9.97, abs=0.05)


def test_arithmetic_is_a_signed_sum() -> None:
    latents = np.array([[1, 2], [10, 20], [100, 200]], np.float32)
    np.testing.assert_array_equal(mean(latents), [37, 74])
    np.testing.assert_array_equal(combine([1, -1, 1], latents), [91, 182])


def test_a_plane_of_uniform_latents_is_even_and_reaches_the_corners() -> None:
    points = plane(LatentConfig(distribution="uniform"), 3).reshape(3, 3, 2)
    np.testing.assert_array_equal(points[0], [[-1, 1], [0, 1], [1, 1]])
    np.testing.assert_array_equal(points[2], [[-1, -1], [0, -1], [1, -1]])


@pytest.mark.parametrize("config", [LatentConfig(), LatentConfig(distribution="truncated", threshold=1.5)])
def test_a_plane_of_normal_latents_stands_for_equal_shares_of_draws(config: LatentConfig) -> None:
    axis = plane(config, 8)[:8, 0]
    drawn = sample_latents(config, np.random.default_rng(5), 100_000, 1)
    np.testing.assert_allclose([(drawn <= edge).mean() for edge in axis], (np.arange(8) + 0.5) / 8, atol=0.006)
    np.testing.assert_allclose(axis, -axis[::-1], atol=1e-6)
