"""What conditional generators and codes are worth after `--short`, judged by others (spec D 2.5, 3.8, 4.6). About an hour.

A judge is a small network that saw real images alone; of clothes it is right about nine times in ten.
"""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from gan_pipeline.features import LabelFeature
from gan_pipeline.records import decode_example
from gan_train.data.dataset import open_dataset
from gan_train.data.input import Reader
from gan_train.generate import saved_generator
from gan_train.latents.inputs import Inputs, in_turn
from gan_train.latents.latent import sample_latents
from gan_train.recipe.document import load_recipe
from tests.training.helpers import gan_train, prepare

pytestmark = pytest.mark.evidence

SAMPLES = 1_000


@pytest.fixture(scope="module")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fashion-MNIST of the system package: 60,000 to train, 10,000 to test."""
    return prepare(tmp_path_factory.mktemp("evidence") / "fashion", "fashion_mnist", "--split", "train,test")


@pytest.fixture(scope="module")
def judge_of_clothes(clothes: Path) -> keras.Model:
    """A classifier of real clothes; it sees no generated image."""
    judge, accuracy = judge_of(clothes, "test")
    assert accuracy > 0.88
    return judge


def judge_of(folder: Path, held_out: str) -> tuple[keras.Model, float]:
    """A classifier trained on the images of a dataset, and its accuracy on a split it did not see."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
            keras.layers.Conv2D(64, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer=keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])
    network.fit(*examples(folder, "train"), batch_size=128, epochs=4, verbose=0)
    accuracy = float(network.evaluate(*examples(folder, held_out), verbose=0)[1])
    print(f"\njudge of {folder.name}: {accuracy:.1%} of the images it did not see")
    return network, accuracy


def examples(folder: Path, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    dataset = open_dataset(str(folder), load_recipe("fashion-cgan"), split)
    assert isinstance(dataset.manifest.features["label"], LabelFeature)
    records = Reader(dataset, 0).records(0)
    decoded = [decode_example(next(records), dataset.manifest.features).values for _ in range(dataset.examples)]
    return np.stack([one["image"] for one in decoded]), np.array([one["label"] for one in decoded])


def judged(run: Path, judge: keras.Model) -> NDArray[np.int64]:
    """How often (the row's) class or code was taken for (the column's) class, as many images of each: (10, 10)."""
    generator = saved_generator(str(run))
    recipe = generator.recipe
    assert recipe.condition is not None
    latents = sample_latents(recipe.latent, np.random.default_rng(7), SAMPLES, recipe.latent_size)
    asked = in_turn(SAMPLES, range(recipe.condition.values))
    called = judge.predict(generator.images(Inputs(latents, asked)), verbose=0).argmax(axis=1)
    table = np.zeros((10, 10), np.int64)
    np.add.at(table, (asked, called), 1)
    print(f"\n{run.name}, rows are what was asked for:\n{table}")
    return table


def test_samples_are_of_the_class_they_were_asked_for(clothes: Path, judge_of_clothes: keras.Model, tmp_path: Path) -> None:
    out = tmp_path / "cgan"
    ran = gan_train("run", "fashion-cgan", "--data", clothes, "-o", out, "--short")
    assert ran.code == 0, ran.err
    assert np.trace(judged(out, judge_of_clothes)) >= 0.8 * SAMPLES


def test_an_auxiliary_classifier_makes_classes(clothes: Path, judge_of_clothes: keras.Model, tmp_path: Path) -> None:
    """The classifier inside agrees with nearly all; an independent one with fewer, since it is not the one to please."""
    out = tmp_path / "acgan"
    ran = gan_train("run", "fashion-acgan", "--data", clothes, "-o", out, "--short")
    assert ran.code == 0, ran.err
    last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
    print(f"\ninside: {last['snapshot.class_accuracy_real']:.1%} of reals, {last['snapshot.class_accuracy_fake']:.1%} of fakes")
    assert last["snapshot.class_accuracy_real"] > 0.7
    assert last["snapshot.class_accuracy_fake"] > 0.9
    assert np.trace(judged(out, judge_of_clothes)) >= 0.45 * SAMPLES


def test_codes_choose_digits_without_labels(tmp_path: Path) -> None:
    """What a code is mostly taken for: of ten codes a guess would find one in ten images."""
    digits, out = prepare(tmp_path / "digits", "mnist", "--source", "sample", "--hold-out", "1000"), tmp_path / "infogan"
    judge, accuracy = judge_of(digits, "held-out")
    assert accuracy > 0.95
    ran = gan_train("run", "mnist-infogan", "--data", digits, "-o", out, "--short")
    assert ran.code == 0, ran.err
    table = judged(out, judge)
    assert table.max(axis=1).sum() >= 0.5 * SAMPLES
    assert len(set(table.argmax(axis=1))) >= 6
