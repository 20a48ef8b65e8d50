"""Parts of a batch, rematerialisation and XLA change memory and time, and results by rounding at most."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe
from gan_train.systems.step import metric_names
from gan_train.testing import build, random_chunk, values_of
from gan_train.testing.training import step_number
from tests.support.runs import SMALL, assert_same_checkpoint, gan_train, small_recipe

SGD = tuple(f"{player}.optimizer={{kind: sgd, learning_rate: 0.01}}" for player in ("generator", "discriminator"))
"""Adam's first steps would turn a difference in rounding into one of sign."""

EVERYTHING = ("discriminator.spectral_norm=true", "generator.dropout=0.2", "augment=[colour, translation]")
"""Batch normalisation of mnist-dcgan, singular vectors, dropout, and random changes of images."""


def after(recipe: Recipe, replicas: int = 1, jit: bool = False) -> dict[str, Any]:
    """The metrics of two steps, and all variables after them."""
    system, strategy, run = build(recipe, replicas, jit=jit)
    metrics = run(random_chunk(recipe, system, strategy, 2), tf.constant(0), step_number(0), tf.constant(2)).numpy()
    return dict(zip(metric_names(system), metrics.T, strict=True)) | values_of(system)


def assert_alike(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name, values in one.items():
        np.testing.assert_allclose(other[name], values, rtol=1e-3, atol=1e-4, err_msg=name)


def test_without_batch_statistics_parts_are_the_whole_batch() -> None:
    """Latents, labels, dropout and augmentation included; on two replicas as well."""
    keys = (*SGD, "augment=[colour, translation]", "labels={real: [0.7, 1.2], flip: 0.2}", "discriminator.dropout=0.3")
    whole = after(small_recipe("mnist-gan", *keys))
    assert_alike(whole, after(small_recipe("mnist-gan", *keys, "accumulate=4")))
    assert_alike(whole, after(small_recipe("mnist-gan", *keys, "accumulate=2"), replicas=2))


def test_rematerialisation_and_xla_compute_what_tensorflow_does() -> None:
    """The second run of a network takes the dropout, statistics and singular vectors of the first; and XLA has the same
    random numbers, although its own differ."""
    recipe = small_recipe("mnist-dcgan", *SGD, *EVERYTHING)
    plain = after(recipe)
    assert_alike(plain, after(recipe.model_copy(update={"remat": True})))
    assert_alike(plain, after(recipe, jit=True))


@pytest.mark.evidence
def test_parts_of_a_large_step_train_again_and_again() -> None:
    """Where a step needs more than 200 MB on a CPU, Grappler rewrites sums, and the second call failed."""
    recipe = load_recipe("cifar10-gan", ["accumulate=2"])
    system, strategy, run = build(recipe)
    chunk = random_chunk(recipe, system, strategy, 1)
    for step in range(2):
        assert np.isfinite(run(chunk, tf.constant(0), step_number(step), tf.constant(1)).numpy()).all()


def test_the_command_trains_in_parts_and_continues(digits: Path, tmp_path: Path) -> None:
    """Four steps at once, and two and two, rematerialised; another number of parts is another run."""
    parts = ("--set", "remat=true", "--set", "accumulate=2")
    keys = ("--jit", "off", "--set", "checkpoint_every=2", "--set", "snapshot_every=4", *parts)
    for out, steps in (("whole", "4"), ("halves", "2"), ("halves", "4")):
        ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", tmp_path / out, *SMALL, *keys, "--steps", steps)
        assert ran.code == 0, ran.err
    assert_same_checkpoint(tmp_path / "whole", tmp_path / "halves", 4)
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", tmp_path / "whole", *SMALL, *keys[:-2], "--steps", "6")
    assert ran.code == 2
    assert "accumulate: 2 -> 1" in ran.err


def test_devices_and_parts_that_cannot_share_a_batch_are_refused(digits: Path, tmp_path: Path) -> None:
    ways = ("--strategy", "mirrored", "--logical-cpus", "2", "--set", "accumulate=2", "--set", "batch_size=12")
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", tmp_path / "run", *SMALL, *ways)
    assert ran.code == 2
    assert (
        "6 real examples, which 2 devices with accumulate=2 cannot share evenly; set batch_size to a multiple of 8" in ran.err
    )


def test_another_word_than_on_off_or_auto_is_refused(tmp_path: Path) -> None:
    ran = gan_train("run", "mnist-gan", "--data", tmp_path, "-o", tmp_path / "run", "--jit", "fast")
    assert ran.code == 2
    assert "--jit: choose one of: on, off, auto (got 'fast')" in ran.err
