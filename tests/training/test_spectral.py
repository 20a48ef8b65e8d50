"""Spectral normalisation: the paper's reparameterisation, in every kind of layer that has a kernel."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_train.networks.layers import SpectralNormalization, inference_pass, plain_copy, training_pass
from gan_train.networks.thin_conv import ThinConv2D
from gan_train.numerics.randomness import Draw
from gan_train.testing import mirrored

Matrix = NDArray[np.float64]


def initial() -> keras.Initializer:
    return keras.initializers.RandomNormal(stddev=0.3, seed=3)


KINDS: dict[str, tuple[tuple[int, ...], Callable[[], keras.Layer]]] = {
    "Conv2D": ((6, 6, 3), lambda: keras.layers.Conv2D(5, 3, strides=2, kernel_initializer=initial(), name="layer")),
    "Conv2DTranspose": ((3, 3, 4), lambda: keras.layers.Conv2DTranspose(5, 3, kernel_initializer=initial(), name="layer")),
    "Dense": ((7,), lambda: keras.layers.Dense(4, kernel_initializer=initial(), name="layer")),
    "ThinConv2D": ((5, 5, 4), lambda: ThinConv2D(2, 3, kernel_initializer=initial(), name="layer")),
}
OUTPUT_AXIS = {"Conv2DTranspose": 2}


def normalised(kind: str, power_iterations: int = 1) -> keras.Model:
    shape, layer = KINDS[kind]
    inputs = keras.Input(shape)
    return keras.Model(inputs, SpectralNormalization(layer(), power_iterations)(inputs))


def some_inputs(kind: str, count: int = 4) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(size=(count, *KINDS[kind][0])).astype(np.float32))


def run(model: keras.Model, inputs: tf.Tensor, update: bool = True) -> tf.Tensor:
    return training_pass(model, inputs, Draw(0, tf.constant(0, tf.int64), 0, 0, 1), update_statistics=update)


def as_matrix(kernel: Any, kind: str) -> Matrix:
    """(output channels, everything else), written down anew."""
    kernel = np.moveaxis(np.asarray(kernel, np.float64), OUTPUT_AXIS.get(kind, -1), 0)
    return kernel.reshape(kernel.shape[0], -1)


@pytest.mark.parametrize("kind", KINDS)
def test_sigma_becomes_the_largest_singular_value(kind: str) -> None:
    model = normalised(kind, power_iterations=100)
    _, layer = model.layers
    raw = layer.kernel.numpy()
    run(model, some_inputs(kind))
    np.testing.assert_array_equal(layer.kernel.numpy(), raw)
    kernel = layer.normalised_weights()[0]
    largest = np.linalg.svd(as_matrix(raw, kind), compute_uv=False)[0]
    np.testing.assert_allclose(kernel, raw / largest, rtol=1e-4, atol=1e-6)
    assert np.linalg.svd(as_matrix(kernel, kind), compute_uv=False)[0] == pytest.approx(1, rel=1e-4)


def test_a_table_of_classes_is_divided_too() -> None:
    classes = keras.Input((), dtype="int32")
    layer = SpectralNormalization(keras.layers.Embedding(3, 5, embeddings_initializer=initial(), name="layer"), 100)
    model = keras.Model(classes, layer(classes))
    table = layer.kernel.numpy()
    vectors = run(model, tf.range(3))
    np.testing.assert_allclose(vectors, table / np.linalg.svd(table, compute_uv=False)[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(plain_copy(model)(tf.range(3)), vectors, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("power_iterations", [1, 3])
def test_one_pass_makes_its_power_iterations(power_iterations: int) -> None:
    model = normalised("Dense", power_iterations)
    _, layer = model.layers
    matrix, u = as_matrix(layer.kernel.numpy(), "Dense"), layer.u.numpy().astype(np.float64)
    run(model, some_inputs("Dense"))
    for _ in range(power_iterations):
        v = matrix.T @ u / np.linalg.norm(matrix.T @ u)
        u = matrix @ v / np.linalg.norm(matrix @ v)
    np.testing.assert_allclose(layer.u.numpy(), u, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_flows_through_sigma(kind: str) -> None:
    """dL/dW = (G - <G, W/sigma> u v^T) / sigma (Miyato et al. 2018, equation 12); a projection's is G / sigma."""
    model = normalised(kind)
    _, layer = model.layers
    run(model, some_inputs(kind))
    weights = tf.constant(np.random.default_rng(1).normal(size=run(model, some_inputs(kind), update=False).shape), tf.float32)

    def gradient(called: Callable[[tf.Tensor], tf.Tensor], kernel: tf.Tensor) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(kernel)
            loss = tf.reduce_sum(weights * called(some_inputs(kind)))
        return tape.gradient(loss, kernel)

    mine = gradient(lambda inputs: run(model, inputs, update=False), layer.kernel.value)
    plain = plain_copy(model)
    to_normalised = gradient(plain, plain.layers[-1].weights[0].value)

    matrix, upstream = as_matrix(layer.kernel.numpy(), kind), as_matrix(to_normalised, kind)
    u = layer.u.numpy().astype(np.float64)
    v = matrix.T @ u / np.linalg.norm(matrix.T @ u)
    sigma = float((u.T @ matrix @ v)[0, 0])
    analytic = (upstream - np.sum(upstream * matrix / sigma) * u @ v.T) / sigma
    np.testing.assert_allclose(as_matrix(mine, kind), analytic, rtol=1e-3, atol=1e-4)
    assert np.abs(as_matrix(mine, kind) - upstream / sigma).max() > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_a_penalty_on_a_gradient_has_a_gradient(kind: str) -> None:
    """Under tf.function, against differences of the penalty in the kernel's own direction."""
    model = normalised(kind)
    _, layer = model.layers

    @tf.function
    def penalty() -> tuple[tf.Tensor, tf.Tensor]:
        inputs = some_inputs(kind)
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(layer.kernel.value)
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                # Not linear in the inputs, so that the second gradient has all its terms.
                scores = tf.reduce_sum(tf.square(run(model, inputs, update=False)))
            value = tf.reduce_mean(tf.square(inner.gradient(scores, inputs)))
        return value, outer.gradient(value, layer.kernel.value)

    direction = np.random.default_rng(2).normal(size=layer.kernel.shape).astype(np.float32)
    _, gradient = penalty()
    middle, step, values = layer.kernel.numpy(), 1e-3, []
    for sign in (1, -1):
        layer.kernel.assign(middle + sign * step * direction)
        values.append(float(penalty()[0]))
    assert np.sum(gradient.numpy() * direction) == pytest.approx((values[0] - values[1]) / (2 * step), rel=3e-2, abs=1e-2)


def test_u_moves_only_for_its_own_player() -> None:
    model = normalised("Conv2D")
    u = model.layers[-1].u
    start = u.numpy()
    run(model, some_inputs("Conv2D"), update=False)
    inference_pass(model, some_inputs("Conv2D"))
    np.testing.assert_array_equal(u.numpy(), start)
    run(model, some_inputs("Conv2D"))
    assert not np.allclose(u.numpy(), start)


def test_u_is_the_same_on_two_replicas_and_on_one() -> None:
    copies = []
    for replicas in (1, 2):
        strategy = mirrored(replicas)
        with strategy.scope():
            model = normalised("Conv2D")

        @tf.function
        def step(strategy: tf.distribute.Strategy = strategy, model: keras.Model = model) -> None:
            strategy.run(lambda: run(model, some_inputs("Conv2D")))

        for _ in range(3):
            step()
        copies += [copy.numpy() for copy in strategy.experimental_local_results(model.layers[-1].u.value)]
    assert len(copies) == 3
    np.testing.assert_array_equal(copies[1], copies[2])
    np.testing.assert_allclose(copies[0], copies[1], rtol=1e-6)


def test_names_do_not_depend_on_what_was_built_before() -> None:
    for _ in range(2):
        inputs = keras.Input((6, 6, 3))
        model = keras.Model(inputs, SpectralNormalization(KINDS["Conv2D"][1]())(inputs))
        assert sorted(variable.path for variable in model.variables) == ["layer/layer/bias", "layer/layer/kernel", "layer/u"]
        assert [variable.path for variable in model.trainable_variables] == ["layer/layer/kernel", "layer/layer/bias"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_plain_copy_gives_the_same_outputs(kind: str, tmp_path: Path) -> None:
    model = normalised(kind)
    for _ in range(3):
        run(model, some_inputs(kind))
    model.layers[-1].layer.bias.assign(np.arange(model.layers[-1].layer.bias.shape[0]))
    plain_copy(model).save(tmp_path / "plain.keras")
    loaded = keras.models.load_model(tmp_path / "plain.keras")
    assert type(loaded.layers[-1]).__module__.startswith("keras.")
    np.testing.assert_allclose(loaded(some_inputs(kind)), inference_pass(model, some_inputs(kind)), atol=1e-5)


def test_no_iterations_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SpectralNormalization(keras.layers.Dense(1), power_iterations=0)
