"""Recipes that contradict themselves are refused in words, exit 2, before TensorFlow is loaded."""

from pathlib import Path

import pytest

from tests.support.commands import Argument, Ran
from tests.support.runs import SMALL, gan_train

pytestmark = pytest.mark.quick

JOINT = "discriminator_batch=joint"


def run(digits: Argument, out: Path, *overrides: str, options: tuple[str, ...] = ()) -> Ran:
    sets = [part for override in overrides for part in ("--set", override)]
    return gan_train("run", "mnist-gan", "--data", digits, "-o", out, *SMALL, *sets, *options)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["discriminator.batch_norm={}"], ["discriminator_batch=mixed", "batch_norm", "use separate"]),
        (["loss=wasserstein", "labels={real: [0.7, 1.2]}"], ["smoothed", "loss=wasserstein"]),
        (["loss=hinge", "labels={fake: [0, 0.3]}"], ["smoothed", "loss=hinge"]),
        (["loss=relativistic", JOINT, "labels={real: [0.7, 1.0]}"], ["smoothed", "loss=relativistic"]),
        (["loss=relativistic", JOINT, "labels={flip: 0.1}"], ["loss=relativistic", "leave labels.flip out"]),
        (["loss=relativistic", "discriminator_batch=separate"], ["loss=relativistic", "set discriminator_batch=joint"]),
        (["penalties={gradient: {}}"], ["penalties.gradient", "discriminator_batch=joint"]),
        (["penalties={r2: {gamma: 1}}"], ["penalties.r2", "discriminator_batch=joint"]),
        (["penalties={r1: {gamma: 1}, r2: {gamma: 1, every: 4}}", JOINT], ["r1.every=1 and r2.every=4", "same interval"]),
        (["penalties={dragan: {}}"], ["penalties.dragan", "discriminator_batch=joint"]),
        (["penalties={r1: {gamma: 1}}", "discriminator_batch=separate"], ["penalties.r1", "discriminator_batch=joint"]),
        (["penalties={orthogonal: {weight: 1}}"], ["penalties.orthogonal", "discriminator_batch=joint"]),
        (["penalties={r1: {gamma: 1}}", JOINT, "precision=float16"], ["penalties.r1", "float16", "bfloat16 or float32"]),
        (["penalties={gradient: {}}", JOINT, "precision=float16"], ["penalties.gradient", "float16"]),
        (["penalties={dragan: {}}", JOINT, "precision=float16"], ["penalties.dragan", "float16"]),
        (["labels={real: [1.2, 0.7]}"], ["labels.real: the lower end of this range comes first (got [1.2, 0.7])"]),
        (["labels={fake: [0.3, 0.0]}"], ["labels.fake: the lower end of this range comes first (got [0.3, 0.0])"]),
        (["labels={flip: 0.5}"], ["labels.flip", "less than 0.5"]),
        (["generator.optimizer={kind: adamax, learning_rate: 0.1}"], ["generator.optimizer", "'adamax'", "adam, rmsprop, sgd"]),
        (["discriminator.optimizer={kind: sgd, learning_rate: 1, beta_1: 0.5}"], ["discriminator.optimizer", "beta_1"]),
        (["generator.optimizer.kind=sgd"], ["generator.optimizer: kind=sgd has no beta_1", "whole section"]),
        (["generator.optimizer.beta_3=0.5"], ["unknown key generator.optimizer.beta_3"]),
        (["generator.optimizer.learning_rate=.nan"], ["generator.optimizer.learning_rate", "finite number (got nan)"]),
        (["generator.optimizer.clip_norm=.inf"], ["generator.optimizer.clip_norm", "finite number (got inf)"]),
        (["latent.threshold=.inf"], ["latent.threshold", "finite number (got inf)"]),
        (["labels.real=[.nan, 1]"], ["labels.real.0", "finite number (got nan)"]),
        (["discriminator.batch_norm.epsilon=.inf"], ["discriminator.batch_norm.epsilon", "finite number (got inf)"]),
        # Scores are logits or plain numbers, and the loss says which: a sigmoid under least squares cannot be written.
        (["loss=least-squares", "discriminator.output=sigmoid"], ["unknown key discriminator.output"]),
        (["generator.optimizer.clip_norm=1", "generator.optimizer.clip_value=1"], ["clip_norm and clip_value exclude"]),
        (["generator.optimizer.schedule={shape: cosine}"], ["generator.optimizer.schedule: shape=cosine needs steps"]),
        (["penalties={clip: {limit: 0.01, layers: []}}"], ["penalties.clip.layers", "at least 1"]),
        (["penalties={r1: {gamma: 1, every: 0}}", JOINT], ["penalties.r1.every", "must be at least 1"]),
        (["augment=[blur]"], ["augment.0", "cutout"]),
        (["latent={distribution: cauchy}"], ["latent.distribution", "truncated"]),
        (["latent={distribution: truncated, threshold: 1e-12}"], ["latent.threshold"]),
        (["instance_noise={stddev: 0.1}"], ["instance_noise.steps: is missing"]),
        (["average={half_life_images: 0}"], ["average.half_life_images", "must be more than 0"]),
        (["discriminator_steps=0"], ["discriminator_steps", "must be at least 1"]),
        (["precision=int8"], ["precision", "bfloat16"]),
        (["loss=wgan"], ["loss", "wasserstein"]),
        (["penalties={r3: {}}"], ["unknown key penalties.r3"]),
        (["accumulate=3"], ["accumulate=3 with batch_size=16", "8 real examples", "a multiple of 6"]),
        (["accumulate=0"], ["accumulate", "must be at least 1"]),
        (["accumulate=2", "generator.batch_norm={synchronized: true}"], ["generator.batch_norm.synchronized", "leave one"]),
        (["remat=true", JOINT, "penalties={gradient: {}}"], ["remat with penalties.gradient", "accumulate"]),
        (["known_score={extractor: x, images: 9, range: [2, 1], of: y}"], ["known_score", "the best value first"]),
    ],
)
def test_a_contradiction_is_refused_before_anything_is_written(
    overrides: list[str], words: list[str], digits: Path, tmp_path: Path
) -> None:
    ran = run(digits, tmp_path / "run", *overrides, options=("--steps", "1"))
    assert (ran.code, ran.out) == (2, "")
    assert all(word in ran.err for word in words), ran.err
    assert "Traceback" not in ran.err and len(ran.err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("labels.flip=0.05", "flip: 0.05"),
        ("penalties.clip.limit=0.02", None),
        ("latent.distribution=uniform", "distribution: uniform"),
        ("generator.optimizer.schedule.warm_up=7", "warm_up: 7"),
        ("average.half_life_images=1e4", "half_life_images: 10000.0"),
        ("generator.batch_norm.synchronized=true", "synchronized: true"),
    ],
)
def test_a_key_may_be_set_in_a_section_that_the_recipe_leaves_out(override: str, shown: str | None) -> None:
    """'gan-train show' prints these sections, so --set must find them; what they lack beyond that is named."""
    ran = gan_train("show", "mnist-gan", "--set", override)
    if shown is None:
        assert ran.code == 2 and "penalties.clip.layers" in ran.err
    else:
        assert ran.code == 0, ran.err
        assert shown in ran.out


def test_a_value_is_no_section() -> None:
    ran = gan_train("show", "mnist-gan", "--set", "batch_size.half=3")
    assert ran.code == 2
    assert "batch_size" in ran.err
