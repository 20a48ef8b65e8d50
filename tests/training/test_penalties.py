"""Penalties against what can be computed by hand, their second derivatives through our layers, and two replicas."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_train.networks.dcgan import build_discriminator
from gan_train.networks.layers import inference_pass, training_pass
from gan_train.networks.thin_conv import thin_convolution
from gan_train.numerics.randomness import Draw
from gan_train.objectives.penalties import Critic, clip_weights, dragan, gradient_penalty, orthogonal, r1
from gan_train.recipe.network_config import BatchNormConfig, DCGANDiscriminatorConfig
from gan_train.testing import mirrored
from tests.support.runs import small_recipe

SHAPE = (6, 6, 2)


def normal(seed: int, *shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def linear(slope: tf.Tensor) -> Critic:
    """A critic whose gradient is `slope` everywhere."""
    return lambda images: tf.reduce_sum(slope * images, axis=(1, 2, 3))[:, None]


def quadratic(images: tf.Tensor) -> tf.Tensor:
    """A critic whose gradient at an image is the image."""
    return 0.5 * tf.reduce_sum(tf.square(images), axis=(1, 2, 3))[:, None]


def length(images: tf.Tensor) -> tf.Tensor:
    return tf.norm(tf.reshape(images, (len(images), -1)), axis=1)


REAL, FAKE, MIX = normal(1, 5, *SHAPE), normal(2, 5, *SHAPE), tf.constant([0.0, 1.0, 0.25, 0.5, 0.75])


@pytest.mark.parametrize(("size", "two_sided", "one_sided"), [(3.0, 4.0, 4.0), (0.5, 0.25, 0.0), (1.0, 0.0, 0.0)])
def test_gradient_penalty_of_a_linear_critic(size: float, two_sided: float, one_sided: float) -> None:
    slope = normal(0, *SHAPE)
    critic = linear(size * slope / tf.norm(slope))
    for expected, sided in ((two_sided, False), (one_sided, True)):
        penalty = gradient_penalty(critic, REAL, FAKE, MIX, one_sided=sided)
        assert penalty.dtype == tf.float32
        np.testing.assert_allclose(penalty, np.full(5, expected), atol=1e-5)
    np.testing.assert_allclose(gradient_penalty(critic, REAL, FAKE, MIX, target=size), np.zeros(5), atol=1e-10)


def test_gradient_penalty_looks_between_real_and_fake() -> None:
    """A number per example; 1 is the real image."""
    between = REAL * MIX[:, None, None, None] + FAKE * (1 - MIX[:, None, None, None])
    expected = tf.square(length(between) - 1)
    np.testing.assert_allclose(gradient_penalty(quadratic, REAL, FAKE, MIX), expected, rtol=1e-5)


def test_r1_is_half_the_squared_gradient() -> None:
    np.testing.assert_allclose(r1(quadratic, REAL), 0.5 * length(REAL) ** 2, rtol=1e-5)
    np.testing.assert_allclose(r1(linear(tf.fill(SHAPE, 2.0)), REAL), np.full(5, 0.5 * 4 * 72), rtol=1e-6)


def test_dragan_looks_around_real_images() -> None:
    noise = tf.random.stateless_uniform(REAL.shape, (1, 2))
    around = REAL + (1 - MIX[:, None, None, None]) * 0.5 * np.std(REAL.numpy()) * noise
    np.testing.assert_allclose(dragan(quadratic, REAL, noise, MIX), tf.square(length(around) - 1), rtol=1e-4)
    np.testing.assert_array_equal(dragan(quadratic, REAL, noise, MIX, one_sided=True, target=100.0), np.zeros(5))


def test_a_flat_critic_has_a_finite_second_derivative() -> None:
    """The norm's own derivative at zero is 0 / 0."""
    weight = tf.Variable(0.0)

    @tf.function
    def slope() -> tf.Tensor:
        with tf.GradientTape() as tape:
            penalty = gradient_penalty(lambda images: weight * quadratic(images), REAL, FAKE, MIX)
        return tape.gradient(penalty, weight)

    assert np.isfinite(slope().numpy())


def test_orthogonal_regularisation() -> None:
    """An orthogonal kernel costs nothing, nor does a multiple of one unless norms count too."""
    kernel = keras.initializers.Orthogonal(seed=1)((3, 3, 4, 8))
    assert float(orthogonal([kernel])) < 1e-10
    assert float(orthogonal([3.0 * kernel])) < 1e-9
    np.testing.assert_allclose(orthogonal([3.0 * kernel], free_norms=False), 8 * (9 - 1) ** 2, rtol=1e-5)
    two = [tf.constant([[1.0, 2.0], [0.0, 1.0]]), tf.constant([[1.0, 1.0], [0.0, 3.0]])]
    assert float(orthogonal(two)) == 2 * 2.0**2 + 2 * 1.0**2
    assert float(orthogonal(two, free_norms=False)) == 2 * 2.0**2 + 4.0**2 + 2 * 1.0**2 + 9.0**2


def test_the_gradient_of_orthogonal_regularisation() -> None:
    """d/dW |W^T W * (1 - I)|^2 = 4 W (W^T W * (1 - I))."""
    kernel = normal(0, 9, 4)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        penalty = orthogonal([kernel])
    off_diagonal = kernel.numpy().T @ kernel.numpy() * (1 - np.eye(4))
    np.testing.assert_allclose(tape.gradient(penalty, kernel), 4 * kernel.numpy() @ off_diagonal, rtol=1e-4)


@pytest.mark.parametrize("replicas", [1, 2])
def test_clipping_reaches_every_copy(replicas: int) -> None:
    strategy = mirrored(replicas)
    with strategy.scope():
        layer = keras.layers.Dense(3)
        layer.build((None, 4))
    values = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
    layer.kernel.assign(values)
    tf.function(lambda: strategy.run(lambda: clip_weights([layer.kernel], 0.3)))()
    for copy in strategy.experimental_local_results(layer.kernel.value):
        np.testing.assert_array_equal(copy.numpy(), np.clip(values, -0.3, 0.3))


def discriminator(dropout: float = 0.0, batch_norm: BatchNormConfig | None = None) -> keras.Model:
    recipe = small_recipe("mnist-dcgan")
    config = DCGANDiscriminatorConfig(**recipe.discriminator.model_dump() | {"dropout": dropout, "batch_norm": batch_norm})
    return build_discriminator(config, recipe.image, seed=3)


def r1_and_slopes(network: keras.Model, critic: Critic, graph: bool) -> tuple[float, dict[str, NDArray[np.float32]]]:
    """The mean penalty and its gradient by each weight, taken as `run_phase` takes it."""
    images = normal(4, 6, 28, 28, 1)
    variables = network.trainable_variables

    def run() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for variable in variables:
                tape.watch(variable.value)
            penalty = tf.reduce_mean(r1(critic, images))
        zero = tf.UnconnectedGradients.ZERO
        return penalty, tape.gradient(penalty, [variable.value for variable in variables], unconnected_gradients=zero)

    penalty, slopes = (tf.function(run) if graph else run)()
    return float(penalty), {v.path: slope.numpy() for v, slope in zip(variables, slopes, strict=True)}


def along_itself(network: keras.Model, slopes: dict[str, NDArray[np.float32]], path: str) -> float:
    weight = next(v for v in network.trainable_variables if v.path.endswith(path))
    return float(np.sum(weight.numpy() * slopes[weight.path]))


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_second_derivatives_through_convolutions_leaky_relu_and_dropout(dropout: float, graph: bool) -> None:
    """With zero biases the score is of degree one in each kernel, so R1 is of degree two: w . dR1/dw = 2 R1 (Euler)."""
    network = discriminator(dropout)
    draw = Draw(0, tf.constant(0, tf.int64), 0, 0, 1)

    def critic(images: tf.Tensor) -> tf.Tensor:
        return training_pass(network, images, draw, update_statistics=False)

    penalty, slopes = r1_and_slopes(network, critic, graph)
    assert penalty > 0
    for path in ("down_1/kernel", "down_2/kernel", "score/kernel"):
        np.testing.assert_allclose(along_itself(network, slopes, path), 2 * penalty, rtol=1e-4)


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_second_derivatives_through_fused_batch_normalisation(training: bool, graph: bool) -> None:
    """Euler again: degree one in gamma. In training mode the scale of the kernel before it drops out: degree zero."""
    network = discriminator(batch_norm=BatchNormConfig(epsilon=1e-12))
    draw = Draw(0, tf.constant(0, tf.int64), 0, 0, 1)

    def critic(images: tf.Tensor) -> tf.Tensor:
        if training:
            return training_pass(network, images, draw, update_statistics=False)
        return inference_pass(network, images)

    penalty, slopes = r1_and_slopes(network, critic, graph)
    for path in ("down_1_normalised/gamma", "down_2_normalised/gamma", "score/kernel"):
        expected = 0.0 if training and path == "down_1_normalised/gamma" else 2 * penalty
        np.testing.assert_allclose(along_itself(network, slopes, path), expected, atol=2e-3 * penalty)
    for path in ("down_1/kernel", "down_2/kernel"):
        expected = 0.0 if training else 2 * penalty
        np.testing.assert_allclose(along_itself(network, slopes, path), expected, atol=2e-3 * penalty)


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
def test_second_derivatives_through_the_thin_convolution(graph: bool) -> None:
    """Its gradient is written by hand; a gradient of that must still reach the images and the kernel."""
    images, kernel = normal(0, 3, 6, 6, 4), normal(1, 3, 3, 4, 2)

    def slopes(convolution: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            penalty = r1(lambda x: tf.reduce_sum(tf.tanh(convolution(x, kernel)), axis=(1, 2, 3))[:, None], images)
        return tape.gradient(penalty, [images, kernel])

    def plain_convolution(x: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(x, w, 1, "SAME")

    both = [lambda: slopes(thin_convolution), lambda: slopes(plain_convolution)]
    for ours, plain in zip(*(tf.function(run)() if graph else run() for run in both), strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-5 * np.abs(plain).max())


def test_penalties_and_their_slopes_are_the_same_on_two_replicas() -> None:
    """Each replica holds a slice of the images and of the numbers; DRAGAN's deviation is that of all of them."""
    real, fake = normal(5, 8, 28, 28, 1), normal(6, 8, 28, 28, 1)
    results = []
    for replicas in (1, 2):
        strategy = mirrored(replicas)
        with strategy.scope():
            network = discriminator()
        results.append(penalties_on(strategy, network, real, fake))
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-6)


def penalties_on(
    strategy: tf.distribute.Strategy, network: keras.Model, real: tf.Tensor, fake: tf.Tensor
) -> list[NDArray[np.float32]]:
    """Penalties of each example, then the summed gradient by each weight."""
    variables = network.trainable_variables

    def replica() -> tuple[tf.Tensor, list[tf.Tensor]]:
        context = tf.distribute.get_replica_context()
        replicas, place = context.num_replicas_in_sync, context.replica_id_in_sync_group
        draw = Draw(0, tf.constant(0, tf.int64), 0, place, replicas)
        mine, generated = (tf.reshape(images, (replicas, -1, 28, 28, 1))[place] for images in (real, fake))
        mix = draw.uniform(8, 1)[:, 0]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for variable in variables:
                tape.watch(variable.value)
            penalty = gradient_penalty(network, mine, generated, mix) + r1(network, mine)
            penalty += dragan(network, mine, draw.uniform_like(mine), mix)
        slopes = tape.gradient(penalty, [variable.value for variable in variables], unconnected_gradients="zero")
        return penalty, context.all_reduce("sum", slopes)

    penalty, slopes = tf.function(lambda: strategy.run(replica))()
    whole = np.concatenate([part.numpy() for part in strategy.experimental_local_results(penalty)])
    return [whole, *(strategy.experimental_local_results(slope)[0].numpy() for slope in slopes)]
