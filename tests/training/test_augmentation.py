"""Each augmentation changes a known image as it should, with the random numbers, gradients and bits that training needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_train.numerics.randomness import Draw
from gan_train.objectives.augmentation import POLICIES, augment
from gan_train.objectives.penalties import r1

ALL = tuple(POLICIES)
GEOMETRY = ("flip", "translation", "cutout")


@dataclass(frozen=True)
class Told:
    """A draw whose numbers the test chooses, one row per example."""

    rows: Sequence[Sequence[float]]
    replicas: int = 1

    def uniform(self, global_count: int, size: int) -> tf.Tensor:
        numbers = tf.constant(self.rows, tf.float32)
        assert numbers.shape == (int(global_count), size)
        return numbers


def draw(step: int = 3, replica: int = 0, replicas: int = 1) -> Draw:
    return Draw(7, tf.constant(step, tf.int64), 0, replica, replicas)


def random_images(count: int, height: int = 16, width: int = 24, channels: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (count, height, width, channels)).astype(np.float32)


def changed(images: NDArray[np.float32], policies: Sequence[str], numbers: Any, image_range: str = "symmetric") -> Any:
    return augment(tf.constant(images), policies, image_range, numbers).numpy()


def test_no_policy_changes_nothing() -> None:
    images = random_images(2)
    np.testing.assert_array_equal(changed(images, (), draw()), images)


def test_a_flip_mirrors_left_and_right() -> None:
    images = random_images(3)
    flipped = changed(images, ("flip",), Told([[0.49], [0.5], [0.0]]))
    np.testing.assert_array_equal(flipped, [images[0, :, ::-1], images[1], images[2, :, ::-1]])


@pytest.mark.parametrize(("image_range", "most"), [("symmetric", 0.5), ("unit", 0.25)])
def test_brightness_moves_by_a_quarter_of_the_range(image_range: str, most: float) -> None:
    images = random_images(3)
    moved = changed(images, ("colour",), Told([[0.0, 0.5, 0.5], [0.5, 0.5, 0.5], [0.75, 0.5, 0.5]]), image_range)
    for place, change in enumerate((-most, 0.0, most / 2)):
        np.testing.assert_allclose(moved[place], images[place] + change, atol=1e-6)


def test_saturation_scales_the_distance_to_grey() -> None:
    images = random_images(2)
    grey = images.mean(axis=3, keepdims=True)
    scaled = changed(images, ("colour",), Told([[0.5, 0.0, 0.5], [0.5, 0.75, 0.5]]))
    np.testing.assert_allclose(scaled[0], np.repeat(grey[0], 3, axis=2), atol=1e-6)
    np.testing.assert_allclose(scaled[1], grey[1] + 1.5 * (images[1] - grey[1]), atol=1e-6)


def test_contrast_scales_the_distance_to_the_mean() -> None:
    images = random_images(2)
    means = images.mean(axis=(1, 2, 3), keepdims=True)
    scaled = changed(images, ("colour",), Told([[0.5, 0.5, 0.0], [0.5, 0.5, 0.9]]))
    for place, factor in enumerate((0.5, 1.4)):
        np.testing.assert_allclose(scaled[place], means[place] + factor * (images[place] - means[place]), atol=1e-6)


def test_colour_means_the_same_in_both_ranges() -> None:
    symmetric = random_images(8)
    unit = (symmetric + 1) / 2
    np.testing.assert_allclose(
        changed(unit, ("colour",), draw(), "unit") * 2 - 1, changed(symmetric, ("colour",), draw()), atol=1e-5
    )


@pytest.mark.parametrize("rows", [-2, 0, 1])
@pytest.mark.parametrize("columns", [-3, 0, 2])
def test_translation_pads_with_zeros(rows: int, columns: int) -> None:
    """16x24: up to 2 rows and 3 columns, so 5 and 7 shifts share the numbers."""
    image = random_images(1)
    moved = changed(image, ("translation",), Told([[(rows + 2.5) / 5, (columns + 3.5) / 7]]))
    expected = np.roll(image, (rows, columns), axis=(1, 2))
    expected[:, : max(rows, 0)] = expected[:, 16 + min(rows, 0) :] = 0
    expected[:, :, : max(columns, 0)] = expected[:, :, 24 + min(columns, 0) :] = 0
    np.testing.assert_array_equal(moved, expected)


def test_all_shifts_are_equally_likely() -> None:
    """32 pixels move by -4 to 4, read off where one bright pixel lands."""
    images = np.zeros((20_000, 32, 32, 1), np.float32)
    images[:, 16, 16] = 1
    _, rows, columns, _ = np.nonzero(changed(images, ("translation",), draw()))
    for places in (rows, columns):
        shifts, counts = np.unique(places - 16, return_counts=True)
        assert shifts.tolist() == list(range(-4, 5))
        assert np.abs(counts / 20_000 - 1 / 9).max() < 0.01
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.03


@pytest.mark.parametrize(
    ("numbers", "rows", "columns"),
    [((0.0, 0.0), (0, 4), (0, 6)), ((0.5, 0.5), (4, 12), (6, 18)), ((0.999, 0.999), (12, 16), (18, 24))],
)
def test_cutout_clears_half_of_each_side(numbers: tuple[float, float], rows: tuple[int, int], columns: tuple[int, int]) -> None:
    """From a quarter of the hole in a corner to all of it in the middle."""
    image = random_images(1)
    expected = image.copy()
    expected[:, slice(*rows), slice(*columns)] = 0
    np.testing.assert_array_equal(changed(image, ("cutout",), Told([numbers])), expected)


def test_every_example_has_its_own_numbers_and_every_call_new_ones() -> None:
    same = np.repeat(random_images(1), 16, axis=0)
    numbers = draw()
    one, other = (changed(same, ALL, numbers) for _ in range(2))
    for images in (one, other, np.concatenate([one, other])):
        assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)
    np.testing.assert_array_equal(changed(same, ALL, draw()), one)


@pytest.mark.parametrize("policy", ALL)
@pytest.mark.parametrize("replicas", [2, 4])
def test_the_number_of_replicas_changes_nothing(policy: str, replicas: int) -> None:
    images = random_images(8)
    shares = np.split(images, replicas)
    parts = [changed(share, (policy,), draw(3, place, replicas)) for place, share in enumerate(shares)]
    np.testing.assert_array_equal(np.concatenate(parts), changed(images, (policy,), draw()))


@pytest.mark.parametrize("policies", [(policy,) for policy in ALL] + [ALL], ids="-".join)
def test_the_gradient_is_the_transposed_change(policies: tuple[str, ...]) -> None:
    """Every policy is affine, A x + b: (A x) . y = x . (A' y), and the batch size may be unknown."""
    images, directions = tf.constant(random_images(8)), tf.constant(random_images(8)[::-1])

    @tf.function(input_signature=[tf.TensorSpec((None, 16, 24, 3)), tf.TensorSpec((None, 16, 24, 3))])
    def pulled_back(inputs: tf.Tensor, upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = augment(inputs, policies, "symmetric", draw())
        return outputs, tape.gradient(outputs, inputs, output_gradients=upstream)

    outputs, gradient = pulled_back(images, directions)
    constant = augment(tf.zeros_like(images), policies, "symmetric", draw())
    forward, backward = ((outputs - constant) * directions, images * gradient)
    np.testing.assert_allclose(*(tf.reduce_sum(x, axis=(1, 2, 3)) for x in (forward, backward)), atol=2e-3)


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
def test_second_gradients_for_penalties_on_real_images(graph: bool) -> None:
    """R1 of |A x|^2 / 2 is of degree two in x: x . dR1/dx = 2 R1 (Euler). Without colour, whose brightness adds."""
    images = tf.constant(random_images(8))

    def critic(inputs: tf.Tensor) -> tf.Tensor:
        return 0.5 * tf.reduce_sum(tf.square(augment(inputs, GEOMETRY, "symmetric", draw())), axis=(1, 2, 3))[:, None]

    def penalty_and_slope(critic: Any) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            penalty = r1(critic, images)
        return penalty, tape.gradient(penalty, images)

    run = tf.function(penalty_and_slope) if graph else penalty_and_slope
    penalty, slope = run(critic)
    np.testing.assert_allclose(tf.reduce_sum(images * slope, axis=(1, 2, 3)), 2 * penalty, rtol=1e-4)
    _, slope = run(lambda x: 0.5 * tf.reduce_sum(augment(x, ALL, "unit", draw()) ** 2, axis=(1, 2, 3))[:, None])
    assert np.isfinite(slope).all() and (tf.reduce_sum(tf.abs(slope), axis=(1, 2, 3)).numpy() > 0).all()


def test_gradients_have_the_same_bits_each_time() -> None:
    """No operation refuses TensorFlow's determinism, which `gan-train run` asks for."""
    tf.config.experimental.enable_op_determinism()
    images = tf.constant(random_images(32, 32, 32))

    @tf.function
    def gradient() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = tf.square(augment(images, ALL, "symmetric", draw()))
        return tape.gradient(outputs, images)

    first = gradient().numpy()
    for _ in range(4):
        np.testing.assert_array_equal(gradient().numpy(), first)


@pytest.mark.parametrize("policy", ALL)
def test_the_type_goes_in_and_out(policy: str) -> None:
    """bfloat16 is only rounded at the end."""
    images = tf.cast(random_images(8), tf.bfloat16)
    outputs = augment(images, (policy,), "symmetric", draw())
    exact = augment(tf.cast(images, tf.float32), (policy,), "symmetric", draw())
    assert (outputs.dtype, exact.dtype) == (tf.bfloat16, tf.float32)
    np.testing.assert_array_equal(tf.cast(outputs, tf.float32), tf.cast(tf.cast(exact, tf.bfloat16), tf.float32))
