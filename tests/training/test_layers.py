"""Batch normalisation over several replicas, and what it computes on."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_train.networks.layers import BatchNormalization, inference_pass, training_pass
from gan_train.numerics.randomness import Draw
from gan_train.objectives.penalties import r1
from gan_train.testing import mirrored

Arrays = dict[str, NDArray[np.float32]]

COUNT, SHAPE = 8, (3, 3, 4)


def some_values(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    # Halves of the batch differ, so that statistics of one replica would show.
    return random.normal(2.0, 3.0, (COUNT, *shape)).astype(np.float32) + np.arange(COUNT, dtype=np.float32).reshape(
        -1, *[1] * len(shape)
    )


def build(replicas: int, shape: tuple[int, ...] = SHAPE, **options: Any) -> keras.Model:
    with mirrored(replicas).scope():
        model = keras.Sequential([keras.Input(shape), BatchNormalization(momentum=0.9, **options)])
        model.layers[0].gamma.assign(np.linspace(0.5, 2, shape[-1]))
        model.layers[0].beta.assign(np.linspace(-1, 1, shape[-1]))
    return model


def on_replicas(function: Callable[[tf.Tensor, tf.Tensor, Draw], Arrays], replicas: int, shape: tuple[int, ...] = SHAPE) -> Any:
    """Results of a function of (this replica's inputs, their weights in the loss, draw), a list over replicas."""
    inputs, weights = some_values(shape), some_values(shape, seed=1)

    @tf.function
    def step() -> Any:
        def in_replica() -> Any:
            context = tf.distribute.get_replica_context()
            replica = context.replica_id_in_sync_group
            mine = [tf.gather(tf.split(values, replicas), replica) for values in (inputs, weights)]
            return function(*mine, Draw(0, tf.constant(0, tf.int64), 0, replica, replicas))

        return mirrored(replicas).run(in_replica)

    results = step()
    return [
        {name: mirrored(replicas).experimental_local_results(value)[replica].numpy() for name, value in results.items()}
        for replica in range(replicas)
    ]


def trained(model: keras.Model, replicas: int, shape: tuple[int, ...] = SHAPE) -> Arrays:
    """Outputs and gradients of a pass over the global batch."""
    layer = model.layers[0]

    def in_replica(inputs: tf.Tensor, weights: tf.Tensor, draw: Draw) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            watched = [inputs, layer.gamma.value, layer.beta.value]
            tape.watch(watched)
            outputs = training_pass(model, inputs, draw, update_statistics=True)
            loss = tf.reduce_sum(weights * tf.square(tf.cast(outputs, tf.float32)))
        return dict(zip(("outputs", "inputs", "gamma", "beta"), [outputs, *tape.gradient(loss, watched)], strict=True))

    shares = on_replicas(in_replica, replicas, shape)
    joined = {name: np.concatenate([share[name] for share in shares]) for name in ("outputs", "inputs")}
    return joined | {name: np.sum([share[name] for share in shares], axis=0) for name in ("gamma", "beta")}


@pytest.mark.parametrize("shape", [SHAPE, (5,)])
def test_synchronized_over_two_replicas_equals_one(shape: tuple[int, ...]) -> None:
    """Values, gradients and moving averages of the same global batch."""
    models = {replicas: build(replicas, shape, synchronized=True) for replicas in (1, 2)}
    one, two = (trained(model, replicas, shape) for replicas, model in models.items())
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-4, atol=2e-4, err_msg=name)
    for mine, other in zip(models[1].variables, models[2].variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-5, err_msg=mine.path)


def test_without_it_each_replica_has_its_own_statistics() -> None:
    outputs = trained(build(2), 2)["outputs"]
    beta = np.linspace(-1, 1, SHAPE[-1])
    for half in np.split(outputs, 2):
        np.testing.assert_allclose(half.mean((0, 1, 2)), beta, atol=1e-4)
    outputs = trained(build(2, synchronized=True), 2)["outputs"]
    np.testing.assert_allclose(outputs.mean((0, 1, 2)), beta, atol=1e-4)
    assert np.abs(np.split(outputs, 2)[0].mean((0, 1, 2)) - beta).max() > 0.1


def test_a_penalty_through_synchronized_statistics_equals_one_replica() -> None:
    """Double gradients, as a gradient penalty takes them, with an all-reduce in each direction."""

    def penalised(replicas: int) -> NDArray[np.float32]:
        model = build(replicas, synchronized=True)
        gamma = model.layers[0].gamma

        def in_replica(inputs: tf.Tensor, weights: tf.Tensor, draw: Draw) -> Any:
            with tf.GradientTape(watch_accessed_variables=False) as outer:
                outer.watch(gamma.value)
                with tf.GradientTape() as inner:
                    inner.watch(inputs)
                    outputs = training_pass(model, inputs, draw, update_statistics=False)
                    scores = tf.reduce_sum(weights * tf.square(outputs))
                penalty = tf.reduce_sum(tf.square(inner.gradient(scores, inputs)))
            return {"gamma": outer.gradient(penalty, gamma.value)}

        gradient: NDArray[np.float32] = np.sum([share["gamma"] for share in on_replicas(in_replica, replicas)], axis=0)
        return gradient

    np.testing.assert_allclose(penalised(1), penalised(2), rtol=1e-4)


def test_r1_through_synchronized_statistics_equals_one_replica() -> None:
    """Its gradient by every weight, those before the normalisation too: the whole chain is differentiated twice."""
    shape = (8, 8, 1)

    def penalised(replicas: int) -> list[NDArray[np.float32]]:
        initial = [keras.initializers.GlorotUniform(seed) for seed in range(2)]
        with mirrored(replicas).scope():
            network = keras.Sequential(
                [
                    keras.Input(shape),
                    keras.layers.Conv2D(4, 3, kernel_initializer=initial[0]),
                    BatchNormalization(synchronized=True),
                    keras.layers.LeakyReLU(negative_slope=0.2),
                    keras.layers.Flatten(),
                    keras.layers.Dense(1, kernel_initializer=initial[1]),
                ]
            )
        weights = [variable.value for variable in network.trainable_variables]

        def in_replica(images: tf.Tensor, _: tf.Tensor, draw: Draw) -> Any:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(weights)
                penalty = r1(lambda shown: training_pass(network, shown, draw, update_statistics=False), images)
            gradients = tape.gradient(penalty, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return {str(place): gradient for place, gradient in enumerate(gradients)}

        shares = on_replicas(in_replica, replicas, shape)
        return [np.sum([share[place] for share in shares], axis=0) for place in shares[0]]

    one, two = penalised(1), penalised(2)
    assert np.abs(one[0]).max() > 1e-2
    for mine, other in zip(one, two, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-5)


def test_statistics_survive_a_large_mean() -> None:
    """A mean square less a squared mean would lose the variance here."""
    model = build(2, synchronized=True)

    def in_replica(inputs: tf.Tensor, weights: tf.Tensor, draw: Draw) -> Any:
        return {"outputs": training_pass(model, weights + 3000.0, draw, update_statistics=False)}

    outputs = np.concatenate([share["outputs"] for share in on_replicas(in_replica, 2)])
    np.testing.assert_allclose(outputs.std((0, 1, 2)), np.linspace(0.5, 2, SHAPE[-1]), rtol=0.1)


def test_one_replica_stays_on_the_fused_operation() -> None:
    model = build(1, synchronized=True)
    draw = Draw(0, tf.constant(0, tf.int64), 0, 0, 1)
    traced = tf.function(lambda inputs: training_pass(model, inputs, draw, update_statistics=True)).get_concrete_function(
        tf.TensorSpec((None, *SHAPE))
    )
    kinds = {operation.type for operation in traced.graph.get_operations()}
    assert "FusedBatchNormV3" in kinds and "Mean" not in kinds


@pytest.mark.parametrize("replicas", [1, 2])
def test_below_float32_only_the_outputs_are(replicas: int) -> None:
    exact, rounded = build(replicas, synchronized=True), build(replicas, synchronized=True, dtype="mixed_bfloat16")
    inputs = tf.cast(tf.cast(some_values(), tf.bfloat16), tf.float32)
    assert {variable.dtype for variable in rounded.variables} == {"float32"}
    for model, kind in ((exact, tf.float32), (rounded, tf.bfloat16)):
        trained(model, replicas)
        assert inference_pass(model, inputs).dtype == kind
    for mine, other in zip(exact.variables, rounded.variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=5e-3, err_msg=mine.path)
    np.testing.assert_allclose(
        inference_pass(exact, inputs), tf.cast(inference_pass(rounded, inputs), tf.float32), rtol=0.02, atol=0.02
    )
