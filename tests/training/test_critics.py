"""Penalties, clipping and turns bound a critic as the recipe says."""

import numpy as np
import pytest
import tensorflow as tf

from gan_train.systems.base import System
from gan_train.systems.step import metric_names
from gan_train.testing import build, run_steps
from tests.support.practising import plain, scores, trainable, update
from tests.support.probes import Array, look, reals, watching

FIRST = tf.constant(0, tf.int64)


def slopes(system: System, images: Array) -> Array:
    """Norms of the score's gradient by each image."""
    inputs = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        values = system.players["discriminator"].network(inputs)
    gradients: Array = tape.gradient(values, inputs).numpy()
    return np.sqrt(np.sum(gradients.astype(np.float64) ** 2, axis=(1, 2, 3)))


JOINT = ("discriminator_batch=joint", "loss=wasserstein", "batch_size=32")


@pytest.mark.parametrize("kind", ["gradient", "dragan"])
@pytest.mark.parametrize(
    "options", ["{}", "{weight: 3, target: 0.1}", "{weight: 3, target: 0.1, one_sided: true}", "{target: 9, one_sided: true}"]
)
def test_gradient_penalties(kind: str, options: str) -> None:
    """Weight, target and side, at images between real and fake, or around the real."""
    recipe = plain(*JOINT, f"penalties={{{kind}: {options}}}")
    system, _, _ = build(recipe)
    seen = look(system, "d", reals(recipe))
    config = getattr(recipe.penalties, kind)
    real, fake, between = seen.shown.images
    if kind == "gradient":
        shares = np.sum((between - fake) * (real - fake), axis=(1, 2, 3)) / np.sum((real - fake) ** 2, axis=(1, 2, 3))
        assert (shares.min() >= 0, shares.max() <= 1, np.ptp(shares) > 0.5) == (True, True, True)
        shares = shares[:, None, None, None]
        np.testing.assert_allclose(between, shares * real + (1 - shares) * fake, atol=1e-5)
    else:
        away = (between - real) / (0.5 * real.std())
        assert away.min() > -1e-5 and away.max() < 1 and away.max() > 0.5
    excess = slopes(system, between) - config.target
    expected = config.weight * (np.maximum(excess, 0) if config.one_sided else excess) ** 2
    np.testing.assert_allclose(seen.metrics["penalty"], expected, rtol=1e-3, atol=1e-6)
    assert np.any(expected > 0) == (config.target < 9)
    np.testing.assert_allclose(seen.losses, scores(system, fake) - scores(system, real) + expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("free_norms", [True, False])
def test_orthogonal_regularisation_of_all_kernels(free_norms: bool) -> None:
    recipe = plain(*JOINT, f"penalties={{orthogonal: {{weight: 0.5, free_norms: {str(free_norms).lower()}}}}}")
    system, _, _ = build(recipe)
    kernels = [values for path, values in trainable(system, "discriminator").items() if path.endswith("kernel")]
    assert len(kernels) == 3
    expected = 0.0
    for kernel in kernels:
        columns = kernel.reshape(-1, kernel.shape[-1]).astype(np.float64)
        wrong = columns.T @ columns - np.eye(kernel.shape[-1])
        expected += 0.5 * np.sum((wrong - np.diag(np.diag(wrong)) if free_norms else wrong) ** 2)
    assert expected > 0.1
    np.testing.assert_allclose(look(system, "d", reals(recipe)).metrics["penalty"], expected, rtol=1e-4)


def test_all_penalties_add_up() -> None:
    parts = ["gradient: {}", "dragan: {weight: 2}", "r1: {gamma: 5}", "orthogonal: {weight: 0.1}"]
    alone = []
    for part in parts:
        recipe = plain(*JOINT, f"penalties={{{part}}}")
        alone.append(look(build(recipe)[0], "d", reals(recipe)).metrics["penalty"])
    together = plain(*JOINT, f"penalties={{{', '.join(parts)}}}")
    # Where the points of the second lie depends on the stream, so its share is compared by its size only.
    total = look(build(together)[0], "d", reals(together)).metrics["penalty"]
    np.testing.assert_allclose(total.mean(), np.sum(alone, axis=0).mean(), rtol=0.05)
    assert all(part.mean() > 0.01 for part in alone)


@pytest.mark.parametrize("way", ["mixed", "separate", "joint"])
def test_named_kernels_are_clipped_after_every_update_of_the_critic(way: str) -> None:
    """Not the other kernel, no bias, not the generator."""
    sgd = "{kind: sgd, learning_rate: 1}"
    penalties = "{clip: {limit: 0.01, layers: [down_1, score]}" + (", r1: {gamma: 1, every: 2}}" if way == "joint" else "}")
    recipe = plain("loss=wasserstein", f"discriminator_batch={way}", f"penalties={penalties}", f"discriminator.optimizer={sgd}")
    system, _, _ = build(recipe)
    for phase in system.phases:
        update(system, phase.name, reals(recipe))
        after = trainable(system, "discriminator")
        for path, values in after.items():
            clipped = path in ("down_1/kernel", "score/kernel")
            if path != "score/bias" or way != "joint":
                assert (np.abs(values).max() <= np.float32(0.01)) == clipped or not values.any(), (phase.name, path)
            if clipped:
                assert np.abs(values).max() == np.float32(0.01)
    assert np.abs(trainable(system, "generator")["up_1/kernel"]).max() > 0.05


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_clipping_on_two_replicas(precision: str) -> None:
    recipe = plain(
        "loss=wasserstein", "discriminator_batch=separate", "penalties={clip: {limit: 0.01, layers: [down_1, down_2]}}",
        "discriminator.optimizer={kind: rmsprop, learning_rate: 0.01}", f"precision={precision}",
    )  # fmt: skip
    system, metrics = run_steps(recipe, 2, 2)
    assert np.isfinite(metrics).all()
    for variable in system.players["discriminator"].variables:
        one, other = (copy.numpy() for copy in variable.value.values)
        np.testing.assert_array_equal(one, other)
        if variable.path in ("down_1/kernel", "down_2/kernel"):
            assert np.abs(one).max() == np.float32(0.01)
    assert np.abs(system.players["discriminator"].network.get_layer("score").get_weights()[0]).max() > 0.01


def test_five_turns_of_the_critic_take_fresh_reals_each_time() -> None:
    """In the order of the chunk; then the generator moves once. Reported are the means of the five."""
    still = "{kind: sgd, learning_rate: 1e-30}"
    recipe = plain("loss=wasserstein", "discriminator_batch=joint", "discriminator_steps=5", f"discriminator.optimizer={still}")
    system, _, step_function = build(recipe)
    assert (system.batches_per_step, system.reals_per_step) == (5, 40)
    images = np.broadcast_to(np.arange(10, dtype=np.uint8).reshape(2, 5, 1, 1, 1, 1) * 25, (2, 5, 8, 28, 28, 1))
    chunk = {"image": tf.constant(images), "label": tf.zeros(images.shape[:3], tf.int64)}
    tf.config.run_functions_eagerly(True)
    try:
        with watching(system) as shown:
            metrics = step_function(chunk, tf.constant(0), FIRST, tf.constant(2)).numpy()
    finally:
        tf.config.run_functions_eagerly(False)
    per_step = np.array_split(np.arange(22), 2)
    for step, passes in enumerate(per_step):
        *of_critic, of_generator = (shown.images[number] for number in passes)
        assert [round(float(real.mean() * 255)) for real in of_critic[::2]] == [25 * (5 * step + turn) for turn in range(5)]
        assert (len(of_critic), len(of_generator)) == (10, 16)
        row = dict(zip(metric_names(system), metrics[step], strict=True))
        assert row["d.score_real"] == pytest.approx(np.mean([scores(system, real).mean() for real in of_critic[::2]]), abs=1e-5)
        assert row["d.score_fake"] == pytest.approx(
            np.mean([scores(system, fake).mean() for fake in of_critic[1::2]]), abs=1e-5
        )
        assert row["d.loss"] == pytest.approx(row["d.score_fake"] - row["d.score_real"], abs=1e-5)
    assert len({values.tobytes() for values in shown.latents}) == 12
    iterations = {name: int(player.optimizer.iterations) for name, player in system.players.items()}
    assert iterations == {"discriminator": 10, "generator": 2}
