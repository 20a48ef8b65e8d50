"""Losses, labels, noise, augmentation and latents do in training what a recipe says: seen in what networks are shown."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from gan_train.latents.draws import draw_latents
from gan_train.numerics.randomness import Draw
from gan_train.recipe.base import Recipe
from gan_train.recipe.practice_config import LatentConfig
from gan_train.systems.base import System
from gan_train.systems.step import phase_metrics
from gan_train.testing import build
from tests.support.practising import plain, scores, trainable, update
from tests.support.probes import Array, look, reals

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


def test_the_relativistic_loss_judges_pairs() -> None:
    """The discriminator's pairs are a real and a generated image; the generator's two images share a real one."""
    recipe = plain("loss=relativistic", "discriminator_batch=joint", "discriminator.initializer=glorot_uniform")
    system, _, _ = build(recipe)
    batch = reals(recipe)
    on_real = scores(system, batch["image"].numpy() / np.float32(255))
    both = look(system, "d", batch)
    margins = on_real - scores(system, both.shown.made[0])
    np.testing.assert_allclose(both.losses, softplus(-margins), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(both.metrics["pair_accuracy"][:, 0], margins > 0)
    generated = look(system, "g", batch)
    on_fake = scores(system, generated.shown.made[0])
    assert len(on_fake) == recipe.batch_size
    np.testing.assert_allclose(generated.losses, softplus(np.repeat(on_real, 2) - on_fake), rtol=1e-4, atol=1e-5)
    for phase in system.phases:
        before = {player: trainable(system, player) for player in system.players}
        assert np.isfinite(update(system, phase.name, batch)).all()
        moved = {player for player, values in before.items() for path in values
                 if not np.array_equal(values[path], trainable(system, player)[path])}  # fmt: skip
        assert moved == {phase.player}


def assert_judged_by_the_boundary(system: System, loss: str) -> None:
    """Right is the side of the true label: half-way between the targets. A critic has no accuracy."""
    reported = {name for phase in system.phases for name in phase_metrics(phase) if ".accuracy" in name}
    if loss == "wasserstein":
        assert not reported
        return
    assert {name.replace(".accuracy", "") for name in reported} == {"d_real", "d_fake"}
    middle = 0.5 if loss == "least-squares" else 0.0
    for truth, right in (("real", [0.0, 1.0]), ("fake", [1.0, 0.0])):
        judged = system.score_metrics(tf.constant([[middle - 0.1], [middle + 0.1]]), truth)
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
    """Ranges and flips of Brownlee, Generative Adversarial Networks with Python, ch. 5;
    the generator's target stays 1.
    """
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
    """The discriminator's input in each phase, and the images behind it."""
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
