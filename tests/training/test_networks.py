"""The DCGAN family layer by layer and weight by weight; normalisation against Keras' own."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_train.networks.layers import BatchNormalization, Dropout, inference_pass, plain_copy, training_pass
from gan_train.networks.thin_conv import ThinConv2D, thin_convolution
from gan_train.numerics.randomness import Draw
from gan_train.recipe.document import load_recipe
from gan_train.systems.base import Player
from gan_train.systems.build import build_system
from tests.support.runs import RECIPES, small_recipe

SHAPES = {
    "mnist-gan": (
        [(100,), (6272,), (6272,), (7, 7, 128), (14, 14, 128), (14, 14, 128), (28, 28, 128), (28, 28, 128), (28, 28, 1)],
        [(28, 28, 1), *[(14, 14, 64)] * 3, *[(7, 7, 64)] * 3, (3136,), (1,)],
    ),
    "mnist-dcgan": (
        [(50,), (6272,), (6272,), (7, 7, 128), *[(14, 14, 128)] * 3, *[(28, 28, 128)] * 3, (28, 28, 1)],
        [(28, 28, 1), *[(14, 14, 64)] * 3, *[(7, 7, 64)] * 3, (3136,), (1,)],
    ),
    "mnist-lsgan": (
        [(100,), *[(12544,)] * 3, (7, 7, 256), *[(14, 14, 128)] * 3, *[(28, 28, 64)] * 3, (28, 28, 1)],
        [(28, 28, 1), *[(14, 14, 64)] * 3, *[(7, 7, 128)] * 3, (6272,), (1,)],
    ),
    "cifar10-gan": (
        [
            *[(100,), (4096,), (4096,), (4, 4, 256)],
            *[(8, 8, 128)] * 2,
            *[(16, 16, 128)] * 2,
            *[(32, 32, 128)] * 2,
            (32, 32, 3),
        ],
        [
            *[(32, 32, 3), *[(32, 32, 64)] * 2],
            *[(16, 16, 128)] * 2,
            *[(8, 8, 128)] * 2,
            *[(4, 4, 256)] * 2,
            *[(4096,), (4096,), (1,)],
        ],
    ),
    "celeba-gan": (
        [
            *[(100,), (3200,), (3200,), (5, 5, 128)],
            *[(10, 10, 128)] * 2,
            *[(20, 20, 128)] * 2,
            *[(40, 40, 128)] * 2,
            *[(80, 80, 128)] * 2,
            (80, 80, 3),
        ],
        [
            *[(80, 80, 3), *[(80, 80, 128)] * 2],
            *[(40, 40, 128)] * 2,
            *[(20, 20, 128)] * 2,
            *[(10, 10, 128)] * 2,
            *[(5, 5, 128)] * 2,
            *[(3200,), (3200,), (1,)],
        ],
    ),
}
PARAMETERS = {
    "mnist-gan": (1_164_289, 40_705),
    "mnist-dcgan": (851_713, 70_337),
    "mnist-lsgan": (1_976_577, 139_329),
    "cifar10-gan": (1_466_115, 522_497),
    "celeba-gan": (1_381_891, 1_651_841),
}
TRAINABLE = PARAMETERS | {"mnist-dcgan": (851_201, 70_081), "mnist-lsgan": (1_951_105, 138_945)}


def draw() -> Draw:
    return Draw(0, tf.constant(0, tf.int64), 0, 0, 1)


def players_of(recipe: str) -> dict[str, Player]:
    """In float32: below it the generator's last activation is a layer of its own."""
    return build_system(load_recipe(recipe, ["precision=float32"])).players


@pytest.mark.parametrize("recipe", RECIPES)
def test_shapes_and_parameter_counts(recipe: str) -> None:
    players = players_of(recipe)
    networks = (players["generator"].network, players["discriminator"].network)
    for network, shapes, parameters, trainable in zip(
        networks, SHAPES[recipe], PARAMETERS[recipe], TRAINABLE[recipe], strict=True
    ):
        assert [tuple(layer.output.shape[1:]) for layer in network.layers] == shapes
        assert plain_copy(network).count_params() == parameters
        assert sum(int(np.prod(variable.shape)) for variable in network.trainable_variables) == trainable


# Of the generator and the discriminator: slopes; then kernels of D, of the last convolution; initial standard deviation.
LAYERS = {
    "mnist-gan": ({0.2}, {0.2}, 3, 7, None),
    "mnist-dcgan": ({0.2}, {0.2}, 4, 7, 0.02),
    "mnist-lsgan": ({0.0}, {0.2}, 4, 7, 0.02),
    "cifar10-gan": ({0.2}, {0.2}, 3, 3, None),
    "celeba-gan": ({0.2}, {0.2}, 5, 5, None),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_slopes_kernels_and_initial_weights(recipe: str) -> None:
    players = players_of(recipe)
    generator, discriminator = players["generator"].network, players["discriminator"].network
    of_generator, of_discriminator, kernel, output_kernel, stddev = LAYERS[recipe]
    for network, slopes in ((generator, of_generator), (discriminator, of_discriminator)):
        found = {float(x.negative_slope) for x in network.layers if isinstance(x, keras.layers.LeakyReLU)}
        assert {round(slope, 6) for slope in found} == slopes
    assert discriminator.get_layer("down_1").kernel_size == (kernel, kernel)
    assert generator.get_layer("up_1").kernel_size == (4, 4)
    assert generator.get_layer("image").kernel_size == (output_kernel, output_kernel)
    assert not np.any(generator.get_layer("project").bias.numpy())
    if stddev:
        assert abs(generator.get_layer("up_1").kernel.numpy().std() - stddev) < 0.001
    score = discriminator.get_layer("score").kernel.numpy()
    if recipe == "mnist-lsgan":
        assert abs(score.std() - stddev) < 0.001
    else:
        # The last layer keeps Keras' default, Glorot uniform, limit sqrt(6 / (inputs + 1)).
        limit = np.sqrt(6 / (len(score) + 1))
        assert 0.95 * limit < np.abs(score).max() <= limit


@pytest.mark.parametrize(("recipe", "rates"), [("mnist-gan", [0.4, 0.4]), ("cifar10-gan", [0.4]), ("mnist-lsgan", [])])
def test_dropout_follows_its_layers(recipe: str, rates: list[float]) -> None:
    """After each stage of the first GAN, once after the flattening in the deeper ones."""
    layers = players_of(recipe)["discriminator"].network.layers
    places = [place for place, layer in enumerate(layers) if isinstance(layer, Dropout)]
    assert [layers[place].rate for place in places] == rates
    if recipe == "cifar10-gan":
        assert isinstance(layers[places[0] - 1], keras.layers.Flatten)


def test_the_seed_decides_the_initial_weights_and_each_layer_has_its_own() -> None:
    one, same, other = (build_system(small_recipe("mnist-gan", f"seed={seed}")).generator.get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])
    assert not np.array_equal(one[2], one[4])


def batches(count: int, shape: tuple[int, ...] = (16, 5, 5, 3)) -> list[NDArray[np.float32]]:
    random = np.random.default_rng(0)
    return [random.normal(2.0, 3.0, shape).astype(np.float32) for _ in range(count)]


def normalised(layer: keras.Layer, shape: tuple[int, ...] = (5, 5, 3)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), layer])


@pytest.mark.parametrize("shape", [(5, 5, 3), (6,)])
def test_batch_normalisation_and_its_gradients_equal_keras(shape: tuple[int, ...]) -> None:
    ours, theirs = normalised(BatchNormalization(), shape), normalised(keras.layers.BatchNormalization(), shape)
    random = np.random.default_rng(1)
    for model in (ours, theirs):
        model.layers[0].gamma.assign(np.linspace(0.5, 2, shape[-1]))
        model.layers[0].beta.assign(np.linspace(-1, 1, shape[-1]))
    inputs = tf.constant(batches(1, (16, *shape))[0])
    weights = tf.constant(random.normal(size=inputs.shape).astype(np.float32))
    results = []
    for model, call in (
        (ours, lambda: training_pass(ours, inputs, draw(), update_statistics=True)),
        (theirs, lambda: theirs(inputs, training=True)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = call()
            loss = tf.reduce_sum(weights * outputs)
        gradients = tape.gradient(loss, [inputs, *(variable.value for variable in model.trainable_variables)])
        results.append([outputs, *gradients])
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("corrected", [True, False])
def test_moving_averages_follow_the_formula(corrected: bool) -> None:
    model = normalised(BatchNormalization(momentum=0.9, bias_correction=corrected))
    seen = batches(5)
    mean, variance = np.zeros(3), np.ones(3)
    if corrected:
        variance = np.zeros(3)
    for number, batch in enumerate(seen, 1):
        training_pass(model, tf.constant(batch), draw(), update_statistics=True)
        flat = batch.reshape(-1, 3).astype(np.float64)
        mean = 0.9 * mean + 0.1 * flat.mean(0)
        variance = 0.9 * variance + 0.1 * flat.var(0, ddof=1)
        scale = 1 - 0.9**number if corrected else 1
        np.testing.assert_allclose(model.layers[0].moving_mean.numpy(), mean / scale, rtol=1e-5)
        np.testing.assert_allclose(model.layers[0].moving_variance.numpy(), variance / scale, rtol=1e-5)


def test_one_update_is_enough_to_see_what_training_sees() -> None:
    """With bias correction, inference output equals training output from the first step."""
    batch = tf.constant(batches(1, (64, 5, 5, 3))[0])
    model = normalised(BatchNormalization())
    trained = training_pass(model, batch, draw(), update_statistics=True)
    np.testing.assert_allclose(inference_pass(model, batch), trained, atol=2e-3)


def test_a_pass_without_update_leaves_the_statistics_alone() -> None:
    model = normalised(BatchNormalization())
    before = model.get_weights()
    training_pass(model, tf.constant(batches(1)[0]), draw(), update_statistics=False)
    for value, earlier in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, earlier)


@pytest.mark.parametrize(("kernel", "filters", "side"), [(7, 1, 28), (3, 3, 9), (5, 3, 6), (1, 2, 4), (7, 1, 3)])
def test_thin_convolution_and_its_gradients_equal_tensorflow(kernel: int, filters: int, side: int) -> None:
    random = np.random.default_rng(0)
    images = tf.constant(random.normal(size=(4, side, side + 1, 6)).astype(np.float32))
    weights = tf.constant(random.normal(size=(kernel, kernel, 6, filters)).astype(np.float32))
    upstream = tf.constant(random.normal(size=(4, side, side + 1, filters)).astype(np.float32))
    results = []
    for convolve in (thin_convolution, lambda x, w: tf.nn.conv2d(x, w, 1, "SAME")):
        with tf.GradientTape() as outer:
            outer.watch([images, weights])
            with tf.GradientTape() as tape:
                tape.watch([images, weights])
                outputs = convolve(images, weights)
            first = tape.gradient(outputs, [images, weights], upstream)
            # Of second order too: gradient penalties differentiate a gradient.
            squares = tf.reduce_sum(first[0] ** 2)
        results.append([outputs, *first, outer.gradient(squares, weights)])
    for mine, plain in zip(*results, strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-3, atol=2e-3)


def test_thin_convolution_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="square and odd"):
        ThinConv2D(1, 4)


def test_the_saved_generator_loads_in_keras_alone(tmp_path: Path) -> None:
    generator = build_system(small_recipe("mnist-dcgan")).generator
    latents = np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32)
    training_pass(generator, tf.constant(latents), draw(), update_statistics=True)
    plain_copy(generator).save(tmp_path / "generator.keras")
    np.save(tmp_path / "latents.npy", latents)
    program = (
        "import sys; sys.modules['gan_train'] = sys.modules['gan_pipeline'] = None\n"
        "import keras, numpy as np\n"
        "model = keras.models.load_model('generator.keras')\n"
        "np.save('images.npy', model.predict(np.load('latents.npy'), verbose=0))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "images.npy"), inference_pass(generator, latents), atol=1e-5)
