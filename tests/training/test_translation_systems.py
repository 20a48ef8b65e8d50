"""Pix2Pix and CycleGAN: the loss of each phase, its images and its networks (Isola et al. 2017, Zhu et al. 2017)."""

import numpy as np
import pytest
import tensorflow as tf

from gan_train.data.pixels import to_range
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.randomness import Draw
from gan_train.recipe.document import load_recipe
from gan_train.systems.base import Batch
from gan_train.systems.build import build_system
from gan_train.systems.cyclegan import CycleGAN
from gan_train.systems.pix2pix import Pix2Pix
from gan_train.systems.step import metric_names
from gan_train.testing import run_steps
from tests.support.catalogue import small

STEP = tf.constant(0, tf.int64)


def draw(phase: int = 0) -> Draw:
    return Draw(5, STEP, phase, 0, 1)


def some(*names: str) -> Batch:
    random = np.random.default_rng(0)
    return {name: tf.constant(random.integers(0, 256, (2, 16, 16, 3), np.uint8)) for name in names}


def mean_absolute(made: tf.Tensor, wanted: tf.Tensor) -> np.ndarray:
    return np.abs(made.numpy() - wanted.numpy()).mean((1, 2, 3))


def cross_entropy(scores: tf.Tensor, target: float) -> np.ndarray:
    """Cross-entropy per image, from probabilities, as textbooks write it."""
    p = 1 / (1 + np.exp(-scores.numpy().astype(np.float64)))
    return -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean((1, 2, 3))


@pytest.fixture(scope="module")
def pix2pix() -> Pix2Pix:
    system = build_system(small("maps-pix2pix"))
    assert isinstance(system, Pix2Pix)
    return system


@pytest.fixture(scope="module")
def cyclegan() -> CycleGAN:
    system = build_system(small("horse2zebra-cyclegan"))
    assert isinstance(system, CycleGAN)
    return system


def test_the_losses_of_pix2pix_equal_their_formulas(pix2pix: Pix2Pix) -> None:
    (turn,) = pix2pix.turns
    assert turn.prepare
    batch = turn.prepare(some("source", "target"), draw(0))
    d_real, d_fake, g = turn.phases
    on_real = training_pass(pix2pix.discriminator, [batch["source"], batch["target"]], draw(1), update_statistics=False)
    np.testing.assert_allclose(d_real.loss(batch, draw(1)).losses, 0.5 * cross_entropy(on_real, 1), rtol=1e-4)

    made = training_pass(pix2pix.generator, batch["source"], draw(2), update_statistics=False)
    on_fake = training_pass(pix2pix.discriminator, [batch["source"], made], draw(2), update_statistics=False)
    np.testing.assert_allclose(d_fake.loss(batch, draw(2)).losses, 0.5 * cross_entropy(on_fake, 0), rtol=1e-4)

    outcome = g.loss(batch, draw(2))
    l1 = mean_absolute(made, batch["target"])
    np.testing.assert_allclose(outcome.losses, cross_entropy(on_fake, 1) + 100 * l1, rtol=1e-4)
    np.testing.assert_allclose(outcome.metrics["l1"], l1, rtol=1e-4)


def test_the_fakes_of_pix2pix_differ_by_dropout_from_phase_to_phase(pix2pix: Pix2Pix) -> None:
    source = to_range(some("source")["source"][:1], "symmetric")
    one, same, other = (pix2pix.translated("", source, draw(phase)).numpy() for phase in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_first_losses_are_those_of_a_discriminator_that_knows_nothing() -> None:
    """A discriminator that knows nothing says one half: 0.5 ln 2; the generator's loss is mostly 100 times L1."""
    system, metrics = run_steps(small("maps-pix2pix"), 1, 1)
    first = dict(zip(metric_names(system), metrics[0], strict=True))
    assert first["d_real.loss"] == pytest.approx(0.5 * np.log(2), abs=0.25)
    assert first["d_fake.loss"] == pytest.approx(0.5 * np.log(2), abs=0.25)
    assert first["g.loss"] == pytest.approx(first["g.adversarial"] + 100 * first["g.l1"], rel=1e-5)
    assert 40 < first["g.loss"] < 90


@pytest.mark.parametrize(
    ("phase", "way", "back", "start", "end"), [(0, "b-to-a", "a-to-b", "b", "a"), (3, "a-to-b", "b-to-a", "a", "b")]
)
def test_the_generators_of_cyclegan_minimise_four_terms(
    cyclegan: CycleGAN, phase: int, way: str, back: str, start: str, end: str
) -> None:
    (turn,) = cyclegan.turns
    assert turn.prepare
    batch = turn.prepare(some("a", "b"), draw(0))
    there, returning = (lambda images, w=w: inference_pass(cyclegan.generators[w], images) for w in (way, back))
    made = there(batch[start])
    scores = inference_pass(cyclegan.discriminators[end], made).numpy()
    adversarial = ((scores - 1) ** 2).mean((1, 2, 3))
    identity = mean_absolute(there(batch[end]), batch[end])
    cycle = mean_absolute(returning(made), batch[start])
    cycle_back = mean_absolute(there(returning(batch[end])), batch[end])
    outcome = turn.phases[phase].loss(batch, draw(1))
    np.testing.assert_allclose(outcome.losses, adversarial + 5 * identity + 10 * cycle + 10 * cycle_back, rtol=1e-4)
    for name, value in {"adversarial": adversarial, "identity": identity, "cycle": cycle, "cycle_back": cycle_back}.items():
        np.testing.assert_allclose(outcome.metrics[name], value, rtol=1e-3, err_msg=name)


def test_without_identity_loss_a_cyclegan_neither_computes_nor_reports_it() -> None:
    system, metrics = run_steps(small("horse2zebra-cyclegan", "identity_weight=0"), 1, 1)
    first = dict(zip(metric_names(system), metrics[0], strict=True))
    assert not [name for name in first if "identity" in name]
    for phase in ("g_ab", "g_ba"):
        cycles = first[f"{phase}.cycle"] + first[f"{phase}.cycle_back"]
        assert first[f"{phase}.loss"] == pytest.approx(first[f"{phase}.adversarial"] + 10 * cycles, rel=1e-5)


def test_discriminators_of_cyclegan_see_reals_and_what_the_pool_gives(cyclegan: CycleGAN) -> None:
    """While the pools fill, that is what the generators made of this step's images before anything moved."""
    system = build_system(small("horse2zebra-cyclegan"))
    assert isinstance(system, CycleGAN)
    (turn,) = system.turns
    assert turn.prepare
    batch = turn.prepare(some("a", "b"), draw(0))
    fakes = {
        "a": inference_pass(system.generators["b-to-a"], batch["b"]),
        "b": inference_pass(system.generators["a-to-b"], batch["a"]),
    }
    for real, fake, domain in ((1, 2, "a"), (4, 5, "b")):
        np.testing.assert_allclose(batch[f"pooled_fake_{domain}"], fakes[domain], rtol=1e-5, atol=1e-6)
        on_real = inference_pass(system.discriminators[domain], batch[domain]).numpy()
        on_fake = inference_pass(system.discriminators[domain], fakes[domain]).numpy()
        np.testing.assert_allclose(
            turn.phases[real].loss(batch, draw(1)).losses, 0.5 * ((on_real - 1) ** 2).mean((1, 2, 3)), rtol=1e-4
        )
        np.testing.assert_allclose(turn.phases[fake].loss(batch, draw(1)).losses, 0.5 * (on_fake**2).mean((1, 2, 3)), rtol=1e-4)


def test_a_full_pool_brings_earlier_fakes_back() -> None:
    system = build_system(small("horse2zebra-cyclegan", "pool=2"))
    (turn,) = system.turns
    assert turn.prepare
    batches = [turn.prepare(some("a", "b"), Draw(5, tf.constant(step, tf.int64), 0, 0, 1)) for step in range(6)]
    images, count = system.state[:2]
    assert int(count) == 2
    # Nothing moved in between, so that every fake is one of two.
    seen = {image.tobytes() for batch in batches for image in batch["pooled_fake_a"].numpy()}
    assert seen == {image.tobytes() for image in np.asarray(images)}


def test_the_discriminator_says_how_much_it_sees() -> None:
    listed = build_system(load_recipe("maps-pix2pix"))
    assert listed.summary == {"receptive_field": "142x142 pixels", "patches": "16x16"}
    papers = build_system(
        small("maps-pix2pix", "image.shape=[256,256,3]", "generator.filters=[4,4,4,4,4,4,4]", "discriminator.layers=3")
    )
    assert papers.summary == {"receptive_field": "70x70 pixels", "patches": "32x32"}
