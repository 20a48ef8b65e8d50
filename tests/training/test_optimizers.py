"""Every optimizer against Keras' own, number by number and name by name."""

from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from gan_train.numerics.learning_rate import learning_rate
from gan_train.numerics.optimizers import Optimizer, build_optimizer
from gan_train.numerics.replicas import global_norm
from gan_train.recipe.optimizer_config import AdamConfig, OptimizerConfig, RMSpropConfig, ScheduleConfig, SGDConfig
from gan_train.testing import mirrored

Arrays = list[NDArray[np.float32]]

SHAPES = ((3, 4), (5,), (2, 2, 3))
RATE = 0.01
KINDS: dict[str, tuple[Any, Callable[[], keras.optimizers.Optimizer]]] = {
    "adam": (
        AdamConfig(learning_rate=RATE, beta_1=0.5, epsilon=1e-4),
        lambda: keras.optimizers.Adam(RATE, beta_1=0.5, epsilon=1e-4, name="g_adam"),
    ),
    "rmsprop": (RMSpropConfig(kind="rmsprop", learning_rate=RATE), lambda: keras.optimizers.RMSprop(RATE, name="g_rmsprop")),
    "rmsprop with momentum": (
        RMSpropConfig(kind="rmsprop", learning_rate=RATE, momentum=0.9),
        lambda: keras.optimizers.RMSprop(RATE, momentum=0.9, name="g_rmsprop"),
    ),
    "sgd": (SGDConfig(kind="sgd", learning_rate=RATE), lambda: keras.optimizers.SGD(RATE, name="g_sgd")),
    "sgd with momentum": (
        SGDConfig(kind="sgd", learning_rate=RATE, momentum=0.9),
        lambda: keras.optimizers.SGD(RATE, momentum=0.9, name="g_sgd"),
    ),
}
ADAM = AdamConfig(learning_rate=RATE, beta_1=0.5)


def some_variables() -> list[keras.Variable]:
    random = np.random.default_rng(0)
    return [keras.Variable(random.normal(size=shape).astype(np.float32), name=f"v{i}") for i, shape in enumerate(SHAPES)]


def some_gradients(count: int) -> list[Arrays]:
    random = np.random.default_rng(1)
    scale = 10.0 ** random.uniform(-4, 1, count)
    return [[(size * random.normal(size=shape)).astype(np.float32) for shape in SHAPES] for size in scale]


def applied(
    optimizer: Optimizer, gradients: Arrays, variables: Sequence[keras.Variable], shares: Sequence[float], rate: float = RATE
) -> float:
    """One update, in which replica r's gradients are `gradients` times `shares[r]`. The norm that replica 0 reports."""
    strategy = mirrored(len(shares))

    @tf.function
    def update() -> tf.Tensor:
        def in_replica() -> tf.Tensor:
            share = tf.gather(tf.constant(shares, tf.float32), tf.distribute.get_replica_context().replica_id_in_sync_group)
            return optimizer.apply([share * gradient for gradient in gradients], variables, tf.constant(rate))

        return strategy.run(in_replica)

    return float(strategy.experimental_local_results(update())[0])


def trainer(optimizer: Optimizer, variables: list[keras.Variable], shares: Sequence[float]) -> Callable[[Any, Any], None]:
    """A compiled update of all variables, or of the first, for many steps."""
    strategy = mirrored(len(shares))

    @tf.function
    def update(gradients: list[tf.Tensor], some: bool) -> None:
        def in_replica() -> None:
            share = tf.gather(tf.constant(shares, tf.float32), tf.distribute.get_replica_context().replica_id_in_sync_group)
            moved = variables[:1] if some else variables
            optimizer.apply([share * gradient for gradient in gradients[: len(moved)]], moved, tf.constant(RATE))

        strategy.run(in_replica)

    return lambda gradients, some: update([tf.constant(gradient) for gradient in gradients], some)


@pytest.mark.parametrize("shares", [(1.0,), (0.75, 0.25)], ids=["one replica", "two replicas"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_updates_equal_keras(kind: str, shares: tuple[float, ...]) -> None:
    """Gradients of all variables, and every third time of some only; the replicas' gradients add up to Keras'."""
    config, keras_optimizer = KINDS[kind]
    with mirrored(len(shares)).scope():
        mine = some_variables()
        ours = build_optimizer(config, "g", mine)
    others, theirs = some_variables(), keras_optimizer()
    theirs.build(others)
    ours_update = trainer(ours, mine, shares)
    for number, gradients in enumerate(some_gradients(100)):
        moved = others[:1] if number % 3 == 2 else others
        ours_update(gradients, len(moved) == 1)
        theirs.apply([tf.constant(gradient) for gradient in gradients[: len(moved)]], moved)
    for one, other in zip([*mine, *ours.variables], [*others, *theirs.variables], strict=True):
        assert (one.path, one.dtype) == (other.path, other.dtype)
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=2e-5, atol=2e-6, err_msg=one.path)
    if len(shares) == 2:
        for variable in [*mine, *ours.variables]:
            copies = [copy.numpy() for copy in variable.value.values]
            np.testing.assert_array_equal(copies[0], copies[1], err_msg=variable.path)


def test_a_checkpoint_of_keras_adam_loads_and_goes_on_the_same() -> None:
    config, keras_optimizer = KINDS["adam"]
    others, theirs = some_variables(), keras_optimizer()
    theirs.build(others)
    *before, last = some_gradients(6)
    for gradients in before:
        theirs.apply([tf.constant(gradient) for gradient in gradients], others)
    mine = some_variables()
    ours = build_optimizer(config, "g", mine)
    saved = {variable.path: variable.numpy() for variable in [*others, *theirs.variables]}
    for variable in [*mine, *ours.variables]:
        variable.assign(saved.pop(variable.path))
    assert not saved
    applied(ours, last, mine, [1.0])
    theirs.apply([tf.constant(gradient) for gradient in last], others)
    for one, other in zip(mine, others, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-6)


def test_the_gradients_travel_together() -> None:
    with mirrored(2).scope():
        variables = some_variables()
        optimizer = build_optimizer(ADAM, "g", variables)
    context = tf.distribute.ReplicaContext
    with mock.patch.object(context, "all_reduce", autospec=True, side_effect=context.all_reduce) as all_reduce:
        applied(optimizer, some_gradients(1)[0], variables, [1.0, 1.0])
    # Each of the two replicas traces its one call.
    assert all_reduce.call_count == 2


@pytest.mark.parametrize("shares", [(1.0,), (3.0, -2.0)], ids=["one replica", "two replicas"])
def test_clipping_acts_on_the_global_gradient(shares: tuple[float, ...]) -> None:
    gradients = some_gradients(1)[0]
    gradients = [gradient / global_norm(gradients).numpy() * 10 for gradient in gradients]
    clipped: dict[str, Arrays] = {
        "clip_norm": [gradient / 5 for gradient in gradients],
        "clip_value": [np.clip(gradient, -2.0, 2.0) for gradient in gradients],
    }
    for key, expected in clipped.items():
        with mirrored(len(shares)).scope():
            variables = some_variables()
            optimizer = build_optimizer(SGDConfig(kind="sgd", learning_rate=1.0, **{key: 2.0}), "g", variables)
        before = [variable.numpy() for variable in variables]
        norm = applied(optimizer, gradients, variables, shares, rate=1.0)
        assert norm == pytest.approx(10, rel=1e-5)
        for variable, value, gradient in zip(variables, before, expected, strict=True):
            np.testing.assert_allclose(value - variable.numpy(), gradient, atol=3e-6)


def test_a_gradient_below_the_limit_is_left_alone() -> None:
    variables = some_variables()
    optimizer = build_optimizer(SGDConfig(kind="sgd", learning_rate=1.0, clip_norm=100.0), "g", variables)
    gradients = [np.full(shape, 0.5, np.float32) for shape in SHAPES]
    before = [variable.numpy() for variable in variables]
    applied(optimizer, gradients, variables, [1.0], rate=1.0)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_allclose(value - variable.numpy(), 0.5, rtol=1e-6)


def test_the_rate_of_each_update_is_the_one_handed_in() -> None:
    variables = some_variables()
    optimizer = build_optimizer(SGDConfig(kind="sgd", learning_rate=1.0), "g", variables)
    before = [variable.numpy() for variable in variables]
    applied(optimizer, [np.ones(shape, np.float32) for shape in SHAPES], variables, [1.0], rate=0.25)
    np.testing.assert_allclose(before[0] - variables[0].numpy(), 0.25, rtol=1e-6)


def test_slices_of_an_embedding_are_a_gradient_too() -> None:
    table = keras.Variable(np.ones((4, 2), np.float32), name="table")
    optimizer = build_optimizer(SGDConfig(kind="sgd", learning_rate=1.0), "g", [table])
    slices = tf.IndexedSlices(tf.ones((2, 2)), tf.constant([1, 1]), tf.constant([4, 2]))
    optimizer.apply([slices], [table], tf.constant(0.5))
    np.testing.assert_array_equal(table.numpy()[:, 0], [1, 0, 1, 1])


def test_what_cannot_be_updated_is_named() -> None:
    variables = some_variables()
    optimizer = build_optimizer(ADAM, "g", variables[:2])
    with pytest.raises(ValueError, match="v1 has no gradient"):
        optimizer.apply([tf.zeros(SHAPES[0]), None], variables[:2], tf.constant(RATE))
    with pytest.raises(ValueError, match="v2 is not among the variables that g_adam"):
        optimizer.apply([tf.zeros(SHAPES[2])], variables[2:], tf.constant(RATE))


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ({}, {0: 1, 10**6: 1}),
        ({"warm_up": 4}, {0: 0.25, 1: 0.5, 3: 1, 100: 1}),
        ({"shape": "linear", "start": 100, "steps": 100}, {0: 1, 100: 1, 150: 0.5, 200: 0, 300: 0}),
        ({"shape": "cosine", "steps": 60}, {0: 1, 20: 0.75, 30: 0.5, 40: 0.25, 60: 0, 90: 0}),
        ({"shape": "exponential", "start": 10, "steps": 20, "rate": 0.25}, {0: 1, 10: 1, 20: 0.5, 30: 0.25, 50: 0.0625}),
        ({"shape": "linear", "steps": 8, "warm_up": 2}, {0: 0.5, 1: 0.875, 4: 0.5}),
    ],
)
def test_schedules(schedule: dict[str, Any], factors: dict[int, float]) -> None:
    rate = tf.function(lambda step: learning_rate(ScheduleConfig(**schedule), 0.2, step))
    for step, factor in factors.items():
        value = rate(tf.constant(step, tf.int64))
        assert value.dtype == tf.float32 and value.shape == ()
        assert float(value) == pytest.approx(0.2 * factor, abs=1e-8)


def test_global_norm() -> None:
    assert float(global_norm([tf.constant([3.0]), keras.Variable([[4.0], [12.0]])])) == 13.0


class Player(BaseModel):
    optimizer: OptimizerConfig


def test_a_section_without_kind_is_adam() -> None:
    player = Player.model_validate({"optimizer": {"learning_rate": 2e-4, "beta_1": 0.5}})
    assert player.optimizer == AdamConfig(learning_rate=2e-4, beta_1=0.5, beta_2=0.999, epsilon=1e-7)
    assert Player.model_validate(player.model_dump()) == player


def test_other_kinds_by_name() -> None:
    player = Player.model_validate({"optimizer": {"kind": "rmsprop", "learning_rate": 5e-5, "schedule": {"warm_up": 5}}})
    assert isinstance(player.optimizer, RMSpropConfig)
    assert (player.optimizer.rho, player.optimizer.momentum, player.optimizer.schedule.warm_up) == (0.9, 0.0, 5)
    assert Player.model_validate(player.model_dump(mode="json")) == player


@pytest.mark.parametrize(
    ("section", "place", "words"),
    [
        ({"learning_rate": -1, "beta_1": 0.5}, "optimizer.learning_rate", "greater than 0"),
        ({"learning_rate": 1e-3, "beta_1": 0.5, "rho": 0.9}, "optimizer", "kind=adam has no rho"),
        ({"kind": "sgd", "learning_rate": 1e-3, "beta_1": 0.5}, "optimizer", "kind=sgd has no beta_1"),
        ({"kind": "adagrad"}, "optimizer", "choose one of: adam, rmsprop, sgd"),
        ({"kind": ["adam"]}, "optimizer", "unknown kind"),
        (3, "optimizer", "not a mapping"),
        ({"learning_rate": 1e-3, "beta_1": 0, "clip_norm": 1, "clip_value": 1}, "optimizer", "exclude each other"),
        ({"learning_rate": 1e-3, "beta_1": 0, "schedule": {"shape": "cosine"}}, "optimizer.schedule", "needs steps"),
    ],
)
def test_wrong_sections_are_refused_by_their_key(section: Any, place: str, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Player.model_validate({"optimizer": section})
    (error,) = refused.value.errors()
    assert ".".join(map(str, error["loc"])) == place
    assert words in error["msg"]
