"""Instance normalisation against its formula, its gradient against TensorFlow's, and as Keras saves it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gan_train.networks.instance_norm import InstanceNormalization
from gan_train.networks.layers import inference_pass, plain_copy, training_pass
from tests.support.probes import draw_of

Array = NDArray[np.float32]
AXES = {"channel": (1, 2), "all": (1, 2, 3)}


def layer_of(axis: str, channels: int, epsilon: float = 1e-5, dtype: str = "float32") -> InstanceNormalization:
    """With a scale and an offset that are not the first ones."""
    layer = InstanceNormalization(epsilon, axis, dtype=dtype, name="norm")
    layer.build((None, None, None, channels))
    layer.set_weights([np.linspace(0.5, 2, channels), np.linspace(-1, 1, channels)])
    return layer


def by_formula(images: tf.Tensor, layer: InstanceNormalization, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    mean = tf.reduce_mean(images, AXES[layer.axis], keepdims=True)
    variance = tf.reduce_mean(tf.square(images - mean), AXES[layer.axis], keepdims=True)
    return gamma * (images - mean) / tf.sqrt(variance + layer.epsilon) + beta


def images_of(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("axis", AXES)
@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(1, 5)),
    scale=st.sampled_from([1e-4, 1.0, 1e3]),
    offset=st.sampled_from([0.0, 1.0, -10.0]),
    seed=st.integers(0, 99),
)
def test_it_is_the_formula_for_every_shape_and_scale(
    axis: str, shape: tuple[int, ...], scale: float, offset: float, seed: int
) -> None:
    images = (images_of(shape, seed) + np.float32(offset)) * np.float32(scale)
    layer = layer_of(axis, shape[-1])
    exact = by_formula(tf.cast(images, tf.float64), layer, *(tf.cast(weight.value, tf.float64) for weight in layer.weights))
    np.testing.assert_allclose(layer(images), exact, atol=2e-4)


@pytest.mark.parametrize("axis", AXES)
def test_each_image_stands_alone(axis: str) -> None:
    images, layer = images_of((4, 6, 5, 3)), layer_of(axis, 3)
    alone = np.concatenate([layer(image[None]) for image in images])
    np.testing.assert_allclose(layer(images), alone, atol=1e-6)


def test_the_axis_decides_what_is_standardised() -> None:
    """Contrast between channels goes with "channel" and stays with "all"."""
    images = images_of((2, 16, 16, 2)) * np.float32([1, 5]) + np.float32([0, 3])
    each, every = (InstanceNormalization(axis=axis)(images).numpy() for axis in AXES)
    np.testing.assert_allclose(each.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(each.std((1, 2)), 1, atol=1e-3)
    np.testing.assert_allclose(every.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(every.std((1, 2, 3)), 1, atol=1e-3)
    assert (every.std((1, 2))[:, 1] > 3 * every.std((1, 2))[:, 0]).all()


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("count", [1, 3])
def test_gradients_are_those_of_the_formula(axis: str, count: int) -> None:
    images, upstream = tf.constant(images_of((count, 7, 6, 4))), tf.constant(images_of((count, 7, 6, 4), 1))
    layer = layer_of(axis, 4)
    weights = [weight.value for weight in layer.weights]
    found = []
    for compute in (layer, lambda inputs: by_formula(inputs, layer, *weights)):
        with tf.GradientTape() as tape:
            tape.watch([images])
            outputs = compute(images)
        found.append(tape.gradient(outputs, [images, *weights], upstream))
    for mine, reference in zip(*found, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axis", AXES)
def test_bfloat16_rounds_the_outputs_and_not_the_statistics(axis: str) -> None:
    """The mean of 4096 values around 8 would be far off if it were summed up in bfloat16."""
    images = tf.cast(images_of((2, 64, 64, 4)) + 8, tf.bfloat16)
    layer = layer_of(axis, 4, dtype="mixed_bfloat16")
    outputs = layer(images)
    assert outputs.dtype == tf.bfloat16 and layer.gamma.dtype == "float32"
    exact = by_formula(tf.cast(images, tf.float32), layer, *(weight.value for weight in layer.weights)).numpy()
    # Half a step of bfloat16, whose numbers have eight bits.
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), exact, rtol=2**-8, atol=2e-3)


def network_of(axis: str, sides: tuple[int | None, int | None] = (8, 6)) -> keras.Model:
    inputs = keras.Input((*sides, 3))
    return keras.Model(inputs, layer_of(axis, 3, epsilon=1e-2)(inputs))


@pytest.mark.parametrize("axis", AXES)
def test_training_inference_and_the_plain_copy_are_the_same(axis: str) -> None:
    images, network = images_of((3, 8, 6, 3)), network_of(axis)
    outputs = inference_pass(network, images).numpy()
    np.testing.assert_array_equal(training_pass(network, images, draw_of(), update_statistics=True), outputs)
    copy = plain_copy(network)
    assert type(copy.get_layer("norm")) is keras.layers.GroupNormalization
    np.testing.assert_allclose(copy(images), outputs, atol=1e-5)


@pytest.mark.parametrize("axis", AXES)
def test_sides_and_batch_may_be_unknown_until_it_runs(axis: str) -> None:
    network = network_of(axis, (None, None))
    assert tuple(network.output.shape) == (None, None, None, 3)
    traced = tf.function(network, input_signature=[tf.TensorSpec((None, None, None, 3))])
    for count in (0, 1, 2):
        images = images_of((count, 5, 4, 3))
        np.testing.assert_allclose(traced(images), network(images), atol=1e-6)
