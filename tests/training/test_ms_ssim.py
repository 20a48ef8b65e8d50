"""MS-SSIM is TensorFlow's, at as many scales as an image has room for."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_train.metrics.ms_ssim import mean_similarity, ms_ssim, scales

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def noise(seed: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def likenesses(shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pairs of smooth images, from nearly equal to unlike."""
    height, width = np.arange(shape[0])[:, None, None], np.arange(shape[1])[:, None]
    first = 127 + 60 * np.sin(height / 5) + 60 * np.cos(width / 7) + np.zeros(shape)
    parts = [first + 0.05 * k**2 * (noise(k, *shape) - 127.0) for k in range(5)]
    return np.stack(5 * [first]).astype(np.uint8), np.stack(parts).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((28, 28, 1), 2),
        ((11, 17, 1), 1),
        ((21, 30, 1), 2),
        ((32, 32, 3), 2),
        ((45, 61, 3), 3),
        ((80, 80, 3), 3),
        ((176, 180, 1), 5),
    ],
)
def test_it_is_that_of_tensorflow_with_weights_of_sum_one(shape: tuple[int, int, int], count: int) -> None:
    assert scales(*shape[:2]) == count
    first, second = likenesses(shape)
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    expected = tf.image.ssim_multiscale(first, second, 255, power_factors=weights.tolist()).numpy()
    assert expected[0] > 0.99 > 0.9 > expected[4]
    np.testing.assert_allclose(ms_ssim(first, second), expected, atol=1e-4)


def test_images_that_are_opposites_are_as_unlike_as_can_be() -> None:
    image = noise(1, 1, 32, 32, 1)
    assert ms_ssim(image, 255 - image)[0] == 0


def test_a_collapsed_generator_makes_images_that_are_alike() -> None:
    varied, smooth = noise(1, 60, 28, 28, 1), likenesses((28, 28, 1))[1]
    assert mean_similarity(np.repeat(smooth[:1], 60, axis=0), seed=0) == pytest.approx(1.0, abs=1e-12)
    assert mean_similarity(varied, seed=0) < 0.1


def test_pairs_follow_from_the_seed_and_no_image_is_in_two_of_them() -> None:
    """41 images make 20 pairs: two equal images meet in one pair at most."""
    images = noise(1, 41, 12, 12, 1)
    assert mean_similarity(images, seed=1) == mean_similarity(images, seed=1) != mean_similarity(images, seed=2)
    assert mean_similarity(images, 1, pairs=20) == mean_similarity(images, 1)
    twins = np.concatenate([images, images[:1]])
    assert all(mean_similarity(twins, seed) < 0.1 + 1 / 21 for seed in range(30))


def test_what_cannot_be_compared_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="11 x 11 pixels or more, not 10 x 28"):
        mean_similarity(noise(1, 4, 10, 28, 1), 0)
    with pytest.raises(UsageError, match="two images or more, not 1"):
        mean_similarity(noise(1, 1, 28, 28, 1), 0)
