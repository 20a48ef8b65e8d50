"""Networks below float32: what is rounded, what must not be, and float16's loss scale."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_train.networks.dcgan import build_discriminator, build_generator
from gan_train.networks.layers import Dropout, SpectralNormalization, inference_pass, plain_copy, training_pass
from gan_train.networks.thin_conv import ThinConv2D
from gan_train.numerics.optimizers import Optimizer, build_optimizer
from gan_train.numerics.precision import LossScale, Precision, default_precision
from gan_train.numerics.randomness import Draw
from gan_train.recipe.optimizer_config import AdamConfig, SGDConfig
from gan_train.testing import mirrored
from tests.support.runs import RECIPES, small_recipe

# Of images, scores and gradients, relative. Batch normalisation of a new network's images, all near grey, makes errors large.
TOLERANCE: dict[Precision, tuple[float, ...]] = {"bfloat16": (0.02, 0.04, 0.15), "float16": (0.002, 0.004, 0.06)}
LOW: tuple[Precision, ...] = ("bfloat16", "float16")


def draw() -> Draw:
    return Draw(0, tf.constant(0, tf.int64), 0, 0, 1)


def networks(name: str, precision: Precision) -> tuple[keras.Model, keras.Model]:
    recipe = small_recipe(name)
    generator = build_generator(recipe.generator, recipe.latent_size, recipe.image, 0, precision)
    return generator, build_discriminator(recipe.discriminator, recipe.image, 1, precision)


def latents(generator: keras.Model) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=(16, generator.input.shape[-1])).astype(np.float32))


@pytest.mark.parametrize("precision", LOW)
@pytest.mark.parametrize("recipe", RECIPES)
def test_networks_are_those_of_float32_up_to_rounding(recipe: str, precision: Precision) -> None:
    """Images, scores, and the gradients of all weights, which are float32 whatever the layers compute in."""
    results = []
    for kind in ("float32", precision):
        generator, discriminator = networks(recipe, kind)
        weights = [*generator.trainable_variables, *discriminator.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([weight.value for weight in weights])
            images = training_pass(generator, latents(generator), draw(), update_statistics=True)
            scores = training_pass(discriminator, images, draw(), update_statistics=True)
            loss = tf.reduce_mean(tf.nn.softplus(-scores))
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        every = [images, scores, *gradients, *(variable.value for variable in discriminator.non_trainable_variables)]
        assert {value.dtype for value in every} == {tf.float32}
        results.append((images, scores, tf.concat([tf.reshape(gradient, (-1,)) for gradient in gradients], 0)))
    for exact, rounded, tolerance in zip(*results, TOLERANCE[precision], strict=True):
        assert float(tf.norm(exact - rounded) / tf.norm(exact)) < tolerance
    assert np.any(results[0][0].numpy() != results[1][0].numpy())


@pytest.mark.parametrize("recipe", RECIPES)
def test_checkpoints_fit_every_precision(recipe: str) -> None:
    exact, *others = (networks(recipe, precision) for precision in ("float32", *LOW))
    for other in others:
        for mine, same in zip(exact, other, strict=True):
            assert [(v.path, v.shape, v.dtype) for v in mine.variables] == [(v.path, v.shape, v.dtype) for v in same.variables]


def test_images_keep_more_than_256_steps() -> None:
    """The last activation is in float32: tanh in bfloat16 has 64 values between 0.75 and 1."""
    generator, _ = networks("mnist-dcgan", "bfloat16")
    for variable in generator.trainable_variables:
        variable.assign(3 * variable)
    images = training_pass(generator, latents(generator), draw(), update_statistics=True)
    assert np.any(tf.cast(tf.cast(images, tf.bfloat16), tf.float32).numpy() != images.numpy())


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_plain_copy_is_float32(recipe: str, tmp_path: Path) -> None:
    generator, _ = networks(recipe, "bfloat16")
    training_pass(generator, latents(generator), draw(), update_statistics=True)
    plain_copy(generator).save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    np.testing.assert_allclose(loaded(latents(generator)), inference_pass(generator, latents(generator)), atol=2e-2)


def low(layer: keras.Layer, shape: tuple[int, ...]) -> keras.Model:
    return keras.Sequential([keras.Input(shape), layer])


def test_dropout_drops_the_same_in_every_precision() -> None:
    inputs = tf.ones((4, 50))
    kept = [
        training_pass(low(Dropout(0.4, dtype=dtype), (50,)), inputs, draw(), update_statistics=False)
        for dtype in ("float32", "mixed_bfloat16", "mixed_float16")
    ]
    assert [outputs.dtype for outputs in kept] == [tf.float32, tf.bfloat16, tf.float16]
    for outputs in kept[1:]:
        np.testing.assert_array_equal(outputs.numpy() > 0, kept[0].numpy() > 0)


def test_the_thin_convolution_rounds_no_more_than_its_numbers() -> None:
    images = np.random.default_rng(0).normal(size=(4, 9, 9, 32)).astype(np.float32)
    exact, rounded = (
        low(ThinConv2D(1, 7, kernel_initializer=keras.initializers.RandomNormal(seed=0), dtype=dtype), (9, 9, 32))
        for dtype in ("float32", "mixed_bfloat16")
    )
    outputs = inference_pass(rounded, images)
    assert outputs.dtype == tf.bfloat16
    error = tf.cast(outputs, tf.float32) - inference_pass(exact, images)
    assert float(tf.norm(error) / tf.norm(inference_pass(exact, images))) < 1e-2


def test_sigma_is_computed_in_float32() -> None:
    models = [
        low(SpectralNormalization(keras.layers.Dense(8, kernel_initializer="orthogonal", dtype=dtype, name="d")), (16,))
        for dtype in ("float32", "mixed_bfloat16")
    ]
    models[1].set_weights(models[0].get_weights())
    inputs = tf.ones((2, 16))
    outputs = [training_pass(model, inputs, draw(), update_statistics=True) for model in models]
    assert outputs[1].dtype == tf.bfloat16
    exact, rounded = (model.layers[0] for model in models)
    np.testing.assert_array_equal(exact.u.numpy(), rounded.u.numpy())
    np.testing.assert_array_equal(exact.normalised_weights()[0], rounded.normalised_weights()[0])


def in_float16(replicas: int) -> tuple[Optimizer, keras.Variable]:
    with mirrored(replicas).scope():
        weight = keras.Variable([1.0, 2.0], name="weight")
        return build_optimizer(SGDConfig(kind="sgd", learning_rate=1.0), "g", [weight], "float16"), weight


def update(optimizer: Optimizer, weight: keras.Variable, factors: Sequence[float]) -> None:
    """An update of the loss sum(factor * weight), replica r with its factor; the gradient is their sum."""

    @tf.function
    def step() -> None:
        def in_replica() -> None:
            factor = tf.gather(tf.constant(factors), tf.distribute.get_replica_context().replica_id_in_sync_group)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(weight.value)
                loss = optimizer.scaled(tf.reduce_sum(factor * weight))
            optimizer.apply([tape.gradient(loss, weight.value)], [weight], tf.constant(0.5))

        mirrored(len(factors)).run(in_replica)

    step()


def state(optimizer: Optimizer) -> dict[str, float]:
    return {variable.path: float(variable.numpy()) for variable in optimizer.variables}


@pytest.mark.parametrize("factors", [(1.0,), (0.75, 0.25)], ids=["one replica", "two replicas"])
def test_scaling_the_loss_changes_no_update(factors: tuple[float, ...]) -> None:
    optimizer, weight = in_float16(len(factors))
    update(optimizer, weight, factors)
    np.testing.assert_array_equal(weight.numpy(), [0.5, 1.5])
    after = state(optimizer)
    assert (after["g_loss_scale/scale"], after["g_loss_scale/good_steps"], after["g_sgd/iteration"]) == (2.0**15, 1, 1)


@pytest.mark.parametrize("factors", [(np.inf,), (np.nan, 1.0), (1.0, np.inf)], ids=["one", "first of two", "second of two"])
def test_an_update_that_is_not_finite_is_skipped_by_every_replica(factors: tuple[float, ...]) -> None:
    optimizer, weight = in_float16(len(factors))
    update(optimizer, weight, factors)
    np.testing.assert_array_equal(weight.numpy(), [1.0, 2.0])
    after = state(optimizer)
    assert (after["g_loss_scale/scale"], after["g_loss_scale/good_steps"], after["g_sgd/iteration"]) == (2.0**14, 0, 0)
    for variable in [weight, *optimizer.variables]:
        copies = mirrored(len(factors)).experimental_local_results(variable.value)
        assert all(np.array_equal(copy.numpy(), copies[0].numpy()) for copy in copies)


def test_the_scale_doubles_after_enough_good_steps_and_never_falls_below_one() -> None:
    scale = LossScale("g", initial=4.0, growth_steps=3)
    seen = []
    for finite in (True, True, True, True, False, False, False, False, False):
        scale.follow(tf.constant(finite))
        seen.append((float(scale.scale.numpy()), int(scale.good_steps.numpy())))
    assert seen == [(4, 1), (4, 2), (8, 0), (8, 1), (4, 0), (2, 0), (1, 0), (1, 0), (1, 0)]


def test_only_float16_has_a_scale() -> None:
    weight = keras.Variable([1.0], name="weight")
    for precision in ("float32", "bfloat16"):
        optimizer = build_optimizer(AdamConfig(learning_rate=0.1, beta_1=0.5), "g", [weight], precision)
        assert not any("loss_scale" in variable.path for variable in optimizer.variables)
        loss = tf.constant(3.0)
        assert optimizer.scaled(loss) is loss


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("avx512f avx512_bf16", "bfloat16"), ("avx512f amx_bf16 amx_tile", "bfloat16"), ("avx2 avx512f", "float32")],
)
def test_the_default_follows_the_processor(flags: str, precision: str, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags} sse\n")
    assert default_precision(tmp_path / "cpuinfo") == precision
    assert default_precision(tmp_path / "absent") == "float32"


@pytest.mark.parametrize(
    ("details", "precision"),
    [([(8, 0)], "bfloat16"), ([(9, 0), (7, 5)], "float32"), ([None], "float32")],
)
def test_the_default_follows_the_weakest_gpu(details: list[Any], precision: str) -> None:
    answers = [{} if capability is None else {"compute_capability": capability} for capability in details]
    with (
        mock.patch.object(tf.config, "list_physical_devices", return_value=details),
        mock.patch.object(tf.config.experimental, "get_device_details", side_effect=answers),
    ):
        assert default_precision() == precision
