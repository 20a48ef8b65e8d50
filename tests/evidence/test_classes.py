"""Conditional generators and InfoGAN's codes after `--short` draw the classes they are asked for. Takes about an hour.

The judges are the packaged classifiers, which were trained on real images alone.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from gan_train.extractors.classifier import packaged_classifier
from gan_train.latents.inputs import Inputs, in_turn
from gan_train.latents.latent import sample_latents
from gan_train.sampling.generator import saved_generator
from tests.support.runs import gan_train
from tests.support.training_data import prepare

pytestmark = pytest.mark.evidence

SAMPLES = 2_000


@pytest.fixture(scope="module")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fashion-MNIST of the system package: 60,000 to train, 10,000 to test."""
    return prepare(tmp_path_factory.mktemp("evidence") / "fashion", "fashion_mnist", "--split", "train,test")


def trained(recipe: str, data: Path, out: Path) -> Path:
    ran = gan_train("run", recipe, "--data", data, "-o", out, "--short")
    assert ran.code == 0, ran.err
    return out


def scores(run: Path, data: Path) -> dict[str, float]:
    ran = gan_train("evaluate", run, "--data", data, "-n", str(SAMPLES))
    assert ran.code == 0, ran.err
    print(f"\n{ran.out}")
    newest: dict[str, float] = json.loads((run / "scores.jsonl").read_text().splitlines()[-1])["scores"]
    return newest


def test_samples_are_of_the_class_they_were_asked_for(clothes: Path, tmp_path: Path) -> None:
    run = trained("fashion-cgan", clothes, tmp_path / "cgan")
    assert scores(run, clothes)["class_agreement"] >= 0.8


def test_an_auxiliary_classifier_makes_classes(clothes: Path, tmp_path: Path) -> None:
    """The classifier inside agrees with nearly all; an independent one with fewer, since it is not the one to please."""
    run = trained("fashion-acgan", clothes, tmp_path / "acgan")
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    print(f"\ninside: {last['snapshot.class_accuracy_real']:.1%} of reals, {last['snapshot.class_accuracy_fake']:.1%} of fakes")
    assert last["snapshot.class_accuracy_real"] > 0.7
    assert last["snapshot.class_accuracy_fake"] > 0.9
    assert scores(run, clothes)["class_agreement"] >= 0.6


def test_codes_choose_digits_without_labels(tmp_path: Path) -> None:
    """Each code is mostly recognised as one digit; guessing would be right for one image in ten."""
    digits = prepare(tmp_path / "digits", "mnist", "--source", "sample", "--hold-out", "1000")
    generator = saved_generator(str(trained("mnist-infogan", digits, tmp_path / "infogan")))
    recipe = generator.recipe
    latents = sample_latents(recipe.latent, np.random.default_rng(7), SAMPLES, recipe.latent_size)
    codes = in_turn(SAMPLES, range(10))
    images, judge = generator.images(Inputs(latents, codes)), packaged_classifier("digits")
    batches = (images[start : start + judge.batch_size] for start in range(0, SAMPLES, judge.batch_size))
    called = np.concatenate([judge.extract(batch).probabilities.argmax(axis=1) for batch in batches])
    table = np.zeros((10, 10), np.int64)
    np.add.at(table, (codes, called), 1)
    print(f"\nrows are codes, columns the digits they were taken for:\n{table}")
    assert table.max(axis=1).sum() >= 0.5 * SAMPLES
    assert len(set(table.argmax(axis=1))) >= 6
