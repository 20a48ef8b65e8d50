"""Every switch of a recipe does in training what it says: seen in what the networks are shown and what is computed."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from gan_train.latents.draws import draw_latents
from gan_train.networks.spectral import SpectralNormalization
from gan_train.randomness import Draw
from gan_train.recipe.base import Recipe
from gan_train.recipe.practice_config import LatentConfig
from gan_train.step import metric_names, phase_metrics, run_phase
from gan_train.systems.base import System
from tests.training.helpers import build, run_steps, small_recipe
from tests.training.probes import Array, draw_of, look, phase_of, reals, watching

FIRST = tf.constant(0, tf.int64)


def softplus(values: Array) -> Array:
    return np.logaddexp(0, values)


OF_DISCRIMINATOR: dict[str, Callable[[Array, float], Array]] = {
    "minimax": lambda s, t: softplus(s) - t * s,
    "non-saturating": lambda s, t: softplus(s) - t * s,
    "least-squares": lambda s, t: (s - t) ** 2,
    "wasserstein": lambda s, t: -s if t else s,
    "hinge": lambda s, t: np.maximum(0, 1 - s if t else 1 + s),
}
OF_GENERATOR: dict[str, Callable[[Array], Array]] = {
    "minimax": lambda s: -softplus(s),
    "non-saturating": lambda s: softplus(-s),
    "least-squares": lambda s: (s - 1) ** 2,
    "wasserstein": lambda s: -s,
    "hinge": lambda s: -s,
}
LOSSES = tuple(OF_DISCRIMINATOR)


def plain(*overrides: str) -> Recipe:
    """Without dropout and batch statistics, so that a score depends on its image alone."""
    return small_recipe("mnist-gan", "discriminator.dropout=0", "discriminator.initializer=he_normal", *overrides)


def scores(system: System, images: Array) -> Array:
    values: Array = system.players["discriminator"].network(images).numpy()[:, 0]
    return values


def trainable(system: System, player: str) -> dict[str, Array]:
    return {variable.path: variable.numpy() for variable in system.players[player].variables}


def update(system: System, name: str, batch: dict[str, tf.Tensor], step: int = 0) -> list[float]:
    """One phase as the trainer runs it."""
    outcome = run_phase(system, phase_of(system, name), batch, draw_of(step), tf.constant(step, tf.int64))
    return [float(value) for value in outcome]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("way", ["mixed", "separate", "joint"])
def test_every_loss_in_every_way_of_batching(loss: str, way: str) -> None:
    """Losses follow from the scores of what the players were shown; then each phase moves its player alone."""
    # With smaller scores, inside the margin of the hinge.
    recipe = plain(f"loss={loss}", f"discriminator_batch={way}", "discriminator.initializer=glorot_uniform")
    system, _, _ = build(recipe)
    batch, on, to = reals(recipe), OF_DISCRIMINATOR[loss], OF_GENERATOR[loss]
    real = batch["image"].numpy() / np.float32(255)
    if way == "separate":
        on_real, on_fake = look(system, "d_real", batch), look(system, "d_fake", batch)
        np.testing.assert_array_equal(on_real.shown.images[0], real)
        np.testing.assert_allclose(on_real.losses, on(scores(system, real), 1), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(on_fake.losses, on(scores(system, on_fake.shown.made[0]), 0), rtol=1e-4, atol=1e-5)
        judged = on_real.metrics["score"], on_fake.metrics["score"]
        shown = real, on_fake.shown.made[0]
    else:
        both = look(system, "d", batch)
        np.testing.assert_array_equal(both.shown.images[0][:8], real)
        np.testing.assert_array_equal(np.concatenate(both.shown.images)[8:], both.shown.made[0])
        halves = on(scores(system, real), 1), on(scores(system, both.shown.made[0]), 0)
        expected = np.concatenate(halves) if way == "mixed" else sum(halves)
        np.testing.assert_allclose(both.losses, expected, rtol=1e-4, atol=1e-5)
        judged = both.metrics["score_real"], both.metrics["score_fake"]
        shown = real, both.shown.made[0]
    for reported, images in zip(judged, shown, strict=True):
        np.testing.assert_allclose(reported[:, 0], scores(system, images), rtol=1e-4, atol=1e-5)
    assert_judged_by_the_boundary(system, loss)
    generated = look(system, "g", batch)
    assert len(generated.losses) == recipe.batch_size
    np.testing.assert_allclose(generated.losses, to(scores(system, generated.shown.made[0])), rtol=1e-4, atol=1e-5)
    for phase in system.phases:
        before = {player: trainable(system, player) for player in system.players}
        assert np.isfinite(update(system, phase.name, batch)).all()
        for player, values in before.items():
            after = trainable(system, player)
            moved = {path for path in values if not np.array_equal(values[path], after[path])}
            # The bias cancels out of a difference of scores, which hinge is too inside its margin.
            bias = {"score/bias"} if loss in ("wasserstein", "hinge") and way != "separate" else set()
            assert moved == (values.keys() - bias if player == phase.player else set())


def assert_judged_by_the_boundary(system: System, loss: str) -> None:
    """Right is the side of the true label: half-way between the targets. A critic knows no sides (spec C, G19)."""
    reported = {name for phase in system.phases for name in phase_metrics(phase) if ".accuracy" in name}
    if loss == "wasserstein":
        assert not reported
        return
    assert {name.replace(".accuracy", "") for name in reported} == {"d_real", "d_fake"}
    middle = 0.5 if loss == "least-squares" else 0.0
    for truth, right in (("real", [0.0, 1.0]), ("fake", [1.0, 0.0])):
        judged = system._judged(tf.constant([[middle - 0.1], [middle + 0.1]]), truth)
        np.testing.assert_array_equal(judged["accuracy"][:, 0], right)


def targets_of(recipe: Recipe, phase: str) -> Array:
    """The targets behind a phase's losses, which are linear in them between 0 and 1 (least squares: at 0 and 1)."""
    system, _, _ = build(recipe)
    seen = look(system, phase, reals(recipe))
    score = scores(system, seen.shown.images[0])
    at_0, at_1 = (OF_DISCRIMINATOR[recipe.loss](score, target) for target in (0, 1))
    clear = np.abs(at_1 - at_0) > 0.02
    assert clear.sum() > 200
    found: Array = ((seen.losses - at_0) / (at_1 - at_0))[clear]
    return found


@pytest.mark.parametrize("loss", LOSSES)
def test_flipped_labels_of_the_discriminator(loss: str) -> None:
    recipe = plain(f"loss={loss}", "discriminator_batch=separate", "labels={flip: 0.2}", "batch_size=800")
    for phase, kept in (("d_real", 1), ("d_fake", 0)):
        targets = targets_of(recipe, phase)
        np.testing.assert_allclose(targets, np.rint(targets), atol=1e-2)
        assert 0.1 < np.mean(np.rint(targets) != kept) < 0.3


def test_smoothed_labels_of_the_discriminator() -> None:
    """The book's ranges and flips (spec A, H3 and H4); the generator's target stays 1."""
    labels = "labels={real: [0.7, 1.2], fake: [0.0, 0.3], flip: 0.05}"
    recipe = plain("discriminator_batch=separate", labels, "batch_size=800")
    for phase, kept in (("d_real", (0.7, 1.2)), ("d_fake", (0.0, 0.3))):
        targets = targets_of(recipe, phase)
        low, high = targets < 0.4, targets > 0.6
        assert np.all(low | high)
        assert (targets[low].min() > -1e-3, targets[low].max() < 0.301) == (True, True)
        assert (targets[high].min() > 0.699, targets[high].max() < 1.201) == (True, True)
        flipped = low if kept[0] > 0.5 else high
        assert 0.01 < flipped.mean() < 0.12
        assert np.ptp(targets[~flipped]) > 0.9 * (kept[1] - kept[0])
    system, _, _ = build(recipe)
    generated = look(system, "g", reals(recipe))
    np.testing.assert_allclose(generated.losses, softplus(-scores(system, generated.shown.made[0])), rtol=1e-4)


def originals(system: System, recipe: Recipe) -> dict[str, tuple[Array, Array]]:
    """What the discriminator is shown in each phase, and the images behind it."""
    batch = reals(recipe)
    both, generated = look(system, "d", batch), look(system, "g", batch)
    real = batch["image"].numpy() / np.float32(255)
    return {
        "real": (both.shown.images[0], real),
        "fake": (both.shown.images[1], both.shown.made[0]),
        "generator": (generated.shown.images[0], generated.shown.made[0]),
    }


@pytest.mark.parametrize(("step", "left"), [(0, 0.4), (5, 0.2), (10, 0.0), (1000, 0.0)])
def test_instance_noise_falls_to_zero(step: int, left: float) -> None:
    """On real and generated images alike, in the phases of both players, with numbers of their own."""
    recipe = plain("discriminator_batch=joint", "instance_noise={stddev: 0.4, steps: 10}", "batch_size=64")
    system, _, _ = build(recipe)
    batch, noises = reals(recipe), []
    both, generated = look(system, "d", batch, step), look(system, "g", batch, step)
    pairs = [
        (both.shown.images[0], batch["image"].numpy() / np.float32(255)),
        (both.shown.images[1], both.shown.made[0]),
        (generated.shown.images[0][:32], generated.shown.made[0][:32]),
    ]
    for shown, original in pairs:
        noises.append((shown - original).ravel())
        if left == 0:
            np.testing.assert_array_equal(shown, original)
        else:
            assert noises[-1].std() == pytest.approx(left, rel=0.03)
            assert abs(noises[-1].mean()) < 0.02
    if left:
        assert np.abs(np.corrcoef(noises) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize("policy", ["flip", "colour", "translation", "cutout"])
def test_augmentation_reaches_all_that_the_discriminator_sees(policy: str) -> None:
    recipe = plain("discriminator_batch=joint", f"augment=[{policy}]", "batch_size=32")
    system, _, _ = build(recipe)
    for shown, images in originals(system, recipe).values():
        changed = [not np.array_equal(one, other) for one, other in zip(shown, images, strict=True)]
        if policy == "flip":
            assert 0 < sum(changed) < len(changed)
            for one, other in zip(shown, images, strict=True):
                assert np.array_equal(one, other) or np.array_equal(one, other[:, ::-1])
        elif policy == "cutout":
            assert np.all((shown == images) | (shown == 0))
            assert all(changed)
        else:
            assert sum(changed) > len(changed) * 0.8
    before = trainable(system, "generator")
    update(system, "g", reals(recipe))
    after = trainable(system, "generator")
    assert all(not np.array_equal(before[name], after[name]) for name in before)


def test_policies_are_done_in_the_order_of_the_recipe() -> None:
    """A hole stays black behind brightness, and is brightened before it."""
    last, first = (
        originals(build(recipe)[0], recipe)["real"][0]
        for recipe in (
            plain("discriminator_batch=joint", f"augment=[{order}]") for order in ("colour, cutout", "cutout, colour")
        )
    )
    assert (last == 0).mean() > 0.1
    assert (first == 0).mean() < 0.01


@pytest.mark.parametrize(
    ("latent", "low", "high", "deviation"),
    [
        ("{}", -6, 6, 1.0),
        ("{distribution: uniform}", -1, 1, 3**-0.5),
        ("{distribution: truncated}", -2, 2, 0.8796),
        ("{distribution: truncated, threshold: 0.5}", -0.5, 0.5, 0.2839),
        ("{distribution: truncated, threshold: 40}", -6, 6, 1.0),
    ],
)
def test_latents_of_both_players(latent: str, low: float, high: float, deviation: float) -> None:
    recipe = plain("discriminator_batch=separate", f"latent={latent}", "batch_size=200")
    system, _, _ = build(recipe)
    seen = {phase: look(system, phase, reals(recipe)).shown.latents[0] for phase in ("d_fake", "g")}
    assert {phase: values.shape for phase, values in seen.items()} == {"d_fake": (100, 100), "g": (200, 100)}
    for values in seen.values():
        assert low <= values.min() and values.max() <= high
        assert values.std() == pytest.approx(deviation, rel=0.03)
        assert abs(values.mean()) < 0.03


class Extreme(Draw):
    """Draws the smallest and the largest number there is."""

    def uniform(self, global_count: int, size: int) -> tf.Tensor:
        return tf.concat([tf.zeros((global_count // 2, size)), tf.fill((global_count // 2, size), 1 - 2.0**-23)], axis=0)


@pytest.mark.parametrize("threshold", [0.01, 2.0, 5.5, 8.0, 40.0])
def test_the_ends_of_truncated_latents_are_finite_and_alike(threshold: float) -> None:
    config = LatentConfig(distribution="truncated", threshold=threshold)
    low, high = draw_latents(config, Extreme(0, FIRST, 0, 0, 1), 2, 1).numpy()[:, 0]
    # float32 has fewer numbers just below 1 than just above 0.
    assert low == pytest.approx(-high, rel=0.03)
    assert 0.99 * min(threshold, 5.0) < high <= min(threshold, 5.5)


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
    """Not the other kernel, no bias, not the generator (spec C 1.8)."""
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
            metrics = step_function(chunk, FIRST, tf.constant(2)).numpy()
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
        step_function(chunk, tf.constant(step, tf.int64), tf.constant(1))
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
    recipe = plain("discriminator_batch=joint", "loss=hinge", "discriminator.spectral_norm=true", "discriminator_steps=3")
    system, metrics = run_steps(recipe, 1, 12)
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
        row = step_function(chunk, tf.constant(step, tf.int64), tf.constant(1)).numpy()[0]
        named = dict(zip(metric_names(system), row, strict=True))
        assert named[f"{player}.learning_rate"] == pytest.approx(0.1 * factor, abs=1e-7)
        assert named[f"{other}.learning_rate"] == pytest.approx(2e-4)
        taken = np.linalg.norm(step_sizes(before, trainable(system, player)).astype(np.float64))
        assert taken == pytest.approx(0.1 * factor * named[f"{phase}.gradient_norm"], rel=0.02, abs=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("way", ["joint", "separate"])
def test_low_precision_trains(precision: str, way: str) -> None:
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
