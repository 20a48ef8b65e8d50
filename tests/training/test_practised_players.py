"""Averages, spectral normalisation, initialisers, optimizers and precision act on the player a recipe sets them for."""

import numpy as np
import pytest
import tensorflow as tf

from gan_train.networks.spectral import SpectralNormalization
from gan_train.systems.step import metric_names
from gan_train.testing import build, run_steps
from tests.support.practising import plain, trainable, update
from tests.support.probes import Array, reals
from tests.support.runs import small_recipe


def test_the_average_follows_its_formula() -> None:
    """Half-life in images, limited to a share of the images so far; batch statistics are those of the generator."""
    recipe = small_recipe(
        "mnist-dcgan", "average={half_life_images: 30, warm_up: 0.8}", "generator.optimizer.learning_rate=0.01"
    )
    system, _, step_function = build(recipe)
    assert system.average is not None and system.sampler is system.average.network
    names = {variable.path for variable in system.generator.trainable_variables}
    expected = {variable.path: variable.numpy().astype(np.float64) for variable in system.generator.variables}
    for step in range(3):
        chunk = {name: values[None, None] for name, values in reals(recipe, step).items()}
        step_function(chunk, tf.constant(0), tf.constant(step, tf.int64), tf.constant(1))
        decay = 0.5 ** (16 / min(30, 0.8 * 16 * (step + 1)))
        for variable in system.generator.variables:
            share = decay if variable.path in names else 0
            expected[variable.path] = share * expected[variable.path] + (1 - share) * variable.numpy()
        for variable in system.average.network.variables:
            np.testing.assert_allclose(variable.numpy(), expected[variable.path], rtol=1e-5, atol=1e-6, err_msg=variable.path)
    assert not np.allclose(system.average.network.get_weights()[0], system.generator.get_weights()[0], atol=1e-4)


def test_the_average_trains_nobody() -> None:
    """Training with and without it ends at the same bits."""
    (without, _), (with_it, _) = (
        run_steps(plain("discriminator_batch=joint", *average), 1, 2) for average in ((), ("average={half_life_images: 100}",))
    )
    for name in without.players:
        for path, values in trainable(without, name).items():
            np.testing.assert_array_equal(values, trainable(with_it, name)[path])


def test_spectral_norm_bounds_every_kernel_of_the_network_it_is_set_for() -> None:
    recipe = plain("discriminator_batch=joint", "loss=hinge", "discriminator.spectral_norm=true")
    system, metrics = run_steps(recipe, 1, 36)
    assert np.isfinite(metrics).all()
    bounded = [layer for layer in system.players["discriminator"].network.layers if isinstance(layer, SpectralNormalization)]
    assert [layer.name for layer in bounded] == ["down_1", "down_2", "score"]
    for layer in bounded:
        kernel = layer.normalised_weights()[0]
        largest = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
        assert largest == pytest.approx(1, rel=0.02), layer.name
    assert not any(isinstance(layer, SpectralNormalization) for layer in system.generator.layers)
    generator = build(plain("generator.spectral_norm=true"))[0].generator
    assert sum(isinstance(layer, SpectralNormalization) for layer in generator.layers) == 4


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [("glorot_uniform", 2 / 400), ("normal_0.02", 0.02**2), ("he_uniform", 2 / 200), ("he_normal", 2 / 200)],
)
def test_initializers_of_both_networks(initializer: str, variance: float) -> None:
    """Second convolutions of 8 channels to 8 by 5x5."""
    sizes = ("discriminator.kernel=5", "generator.kernel=5", "discriminator.filters=[8,8]")
    recipe = plain(*sizes, f"discriminator.initializer={initializer}", f"generator.initializer={initializer}")
    system, _, _ = build(recipe)
    for player, layer in (("discriminator", "down_2"), ("generator", "up_2")):
        assert trainable(system, player)[f"{layer}/kernel"].var() == pytest.approx(variance, rel=0.15)


def test_orthogonal_initial_kernels() -> None:
    system, _, _ = build(plain("discriminator.initializer=orthogonal", "generator.initializer=orthogonal"))
    columns = trainable(system, "discriminator")["down_2/kernel"].reshape(-1, 8)
    np.testing.assert_allclose(columns.T @ columns, np.eye(8), atol=1e-5)
    rows = trainable(system, "generator")["project/kernel"]
    np.testing.assert_allclose(rows @ rows.T, np.eye(100), atol=1e-4)


def step_sizes(before: dict[str, Array], after: dict[str, Array]) -> Array:
    return np.concatenate([(before[name] - after[name]).ravel() for name in before])


@pytest.mark.parametrize(
    ("clip", "limit"), [("", None), (", clip_norm: 0.01", 0.01), (", clip_norm: 1e6", None), (", clip_value: 1e-3", 1e-3)]
)
def test_gradient_descent_takes_the_clipped_gradient(clip: str, limit: float | None) -> None:
    """The norm that is logged is the one before clipping."""
    recipe = plain(
        "discriminator_batch=joint", "loss=wasserstein", f"discriminator.optimizer={{kind: sgd, learning_rate: 0.5{clip}}}"
    )
    system, _, _ = build(recipe)
    before = trainable(system, "discriminator")
    norm = update(system, "d", reals(recipe))[-1]
    taken = step_sizes(before, trainable(system, "discriminator")).astype(np.float64) / 0.5
    assert norm > 0.1
    if "value" in clip:
        assert np.abs(taken).max() == pytest.approx(limit, rel=1e-2)
    else:
        assert np.linalg.norm(taken) == pytest.approx(limit or norm, rel=1e-2)


def test_rmsprop_moves_every_weight_at_first_by_the_same() -> None:
    """rate * g / sqrt(0.1 g^2) = 3.16 rate, whatever the gradient."""
    recipe = plain("discriminator_batch=joint", "discriminator.optimizer={kind: rmsprop, learning_rate: 0.001}")
    system, _, _ = build(recipe)
    before = trainable(system, "discriminator")
    update(system, "d", reals(recipe))
    sizes = np.abs(step_sizes(before, trainable(system, "discriminator")))
    assert np.median(sizes) == pytest.approx(0.001 / 0.1**0.5, rel=0.02)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_schedules_move_their_own_player(player: str) -> None:
    """Linear from step 2 to 0 at step 6, two steps of warm-up: reported, and with plain gradient descent taken."""
    schedule = "schedule: {shape: linear, warm_up: 2, start: 2, steps: 4}"
    recipe = plain("discriminator_batch=joint", f"{player}.optimizer={{kind: sgd, learning_rate: 0.1, {schedule}}}")
    system, _, step_function = build(recipe)
    phase, other = {"generator": ("g", "discriminator"), "discriminator": ("d", "generator")}[player]
    for step, factor in enumerate([0.5, 1, 1, 0.75, 0.5, 0.25, 0, 0]):
        before = trainable(system, player)
        chunk = {name: values[None, None] for name, values in reals(recipe, step).items()}
        row = step_function(chunk, tf.constant(0), tf.constant(step, tf.int64), tf.constant(1)).numpy()[0]
        named = dict(zip(metric_names(system), row, strict=True))
        assert named[f"{player}.learning_rate"] == pytest.approx(0.1 * factor, abs=1e-7)
        assert named[f"{other}.learning_rate"] == pytest.approx(2e-4)
        taken = np.linalg.norm(step_sizes(before, trainable(system, player)).astype(np.float64))
        assert taken == pytest.approx(0.1 * factor * named[f"{phase}.gradient_norm"], rel=0.02, abs=1e-6)


@pytest.mark.parametrize(
    ("way", "precision"),
    [
        ("joint", "bfloat16"),
        ("separate", "float16"),
        pytest.param("joint", "float16", marks=pytest.mark.evidence),
        pytest.param("separate", "bfloat16", marks=pytest.mark.evidence),
    ],
)
def test_low_precision_trains(way: str, precision: str) -> None:
    """Near float32 at first, finite and moving after five steps, variables in float32; separate with batch statistics."""
    name = "mnist-gan" if way == "joint" else "mnist-dcgan"
    extra = ("augment=[colour]", "instance_noise={stddev: 0.1, steps: 9}", "average={half_life_images: 100}")
    low, full = (
        small_recipe(name, f"discriminator_batch={way}", *extra, f"precision={kind}") for kind in (precision, "float32")
    )
    (system, metrics), (_, exact) = run_steps(low, 1, 5), run_steps(full, 1, 1)
    losses = [number for number, metric in enumerate(metric_names(system)) if metric.endswith(".loss")]
    np.testing.assert_allclose(metrics[0, losses], exact[0, losses], atol=0.05)
    assert np.isfinite(metrics[:, losses]).all() and np.isfinite(metrics[-1]).all()
    for player in system.players.values():
        updates = 5 * sum(phase.player == player.name for phase in system.phases)
        assert updates - 3 <= int(player.optimizer.iterations) <= updates
        for variable in player.network.variables:
            assert variable.dtype == "float32" and np.isfinite(variable.numpy()).all()
        scales = [variable for variable in player.optimizer.variables if variable.path.endswith("loss_scale/scale")]
        assert len(scales) == (precision == "float16")
