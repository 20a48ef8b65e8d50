"""What conditional generators and codes are worth after `--short`, judged by others (spec D 2.5, 3.8, 4.6). About 40 minutes.

The judge of clothes is a small network that saw real images alone; it is right about nine in ten of them.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from gan_pipeline.features import LabelFeature
from gan_pipeline.records import decode_example
from gan_train.data.input import Reader, open_dataset
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
def judge(clothes: Path) -> keras.Model:
    """A classifier of real clothes; it sees no generated image."""
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
    network.fit(*examples(clothes, "train"), batch_size=128, epochs=4, verbose=0)
    accuracy = network.evaluate(*examples(clothes, "test"), verbose=0)[1]
    print(f"\njudge: {accuracy:.1%} of the test images")
    assert accuracy > 0.88
    return network


def examples(folder: Path, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    dataset = open_dataset(str(folder), load_recipe("fashion-cgan"), split)
    assert isinstance(dataset.manifest.features["label"], LabelFeature)
    records = Reader(dataset, 0).records(0)
    decoded = [decode_example(next(records), dataset.manifest.features).values for _ in range(dataset.examples)]
    return np.stack([one["image"] for one in decoded]), np.array([one["label"] for one in decoded])


def agreement(run: Path, judge: keras.Model) -> float:
    """Share of images that the judge takes for the class they were asked for, as many of each."""
    generator = saved_generator(str(run))
    recipe = generator.recipe
    latents = sample_latents(recipe.latent, np.random.default_rng(7), SAMPLES, recipe.latent_size)
    asked = in_turn(SAMPLES, range(10))
    called = judge.predict(generator.images(Inputs(latents, asked)), verbose=0).argmax(axis=1)
    by_class = [float((called == asked)[asked == one].mean()) for one in range(10)]
    share = float((called == asked).mean())
    print(f"\n{run.name}: {share:.1%} agree; by class {' '.join(f'{one:.0%}' for one in by_class)}")
    return share


@pytest.mark.parametrize("recipe", ["fashion-cgan", "fashion-acgan"])
def test_samples_are_of_the_class_they_were_asked_for(recipe: str, clothes: Path, judge: keras.Model, tmp_path: Path) -> None:
    out = tmp_path / recipe
    ran = gan_train("run", recipe, "--data", clothes, "-o", out, "--short")
    assert ran.code == 0, ran.err
    assert agreement(out, judge) >= 0.8
