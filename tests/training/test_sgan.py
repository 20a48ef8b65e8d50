"""The semi-supervised GAN (Salimans et al. 2016): one network, two players; few labels, kept with the run."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.errors import DataError
from gan_pipeline.dataset.records import Example
from gan_train.data.dataset import open_dataset
from gan_train.data.pixels import to_range
from gan_train.data.reader import training_examples
from gan_train.networks.passes import training_pass
from gan_train.numerics.randomness import Draw
from gan_train.recipe.document import load_recipe
from gan_train.recipe.sgan import SGANRecipe
from gan_train.systems.base import System
from gan_train.systems.step import run_phase
from gan_train.testing import build, random_chunk
from tests.support.catalogue import small
from tests.support.runs import gan_train, saved_variables

STEP = tf.constant(0, tf.int64)


def network_weights(system: System) -> dict[str, list[NDArray[np.float32]]]:
    return {name: player.network.get_weights() for name, player in system.players.items()}


def first_of_each_class(data: Path, recipe: SGANRecipe) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """By hand: training order, sorted by class, the first of each."""
    examples = list(training_examples(open_dataset(str(data), recipe), recipe.seed))
    images = np.stack([example.values["image"] for example in examples])
    labels = np.array([example.values["label"] for example in examples])
    each = recipe.labels // recipe.classes
    chosen = np.concatenate([np.flatnonzero(labels == number)[:each] for number in range(recipe.classes)])
    return images[chosen], labels[chosen]


@pytest.fixture(scope="module")
def first_step(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    """A run of the whole recipe, one step on real digits."""
    out = tmp_path_factory.mktemp("sgan") / "run"
    ran = gan_train("run", "mnist-sgan", "--data", digits, "-o", out, "--steps", "1", "--set", "precision=float32")
    assert ran.code == 0, ran.err
    return out


def test_the_first_losses_are_those_of_a_network_that_knows_nothing(first_step: Path) -> None:
    """ln 10, ln 11/10, ln 11 and ln 11/10, and the numbers that a snapshot logs."""
    row = json.loads((first_step / "metrics.jsonl").read_text())
    losses = [row[f"{phase}.loss"] for phase in ("c", "d_real", "d_fake", "g")]
    np.testing.assert_allclose(losses, [np.log(10), np.log(1.1), np.log(11), np.log(1.1)], atol=0.02)
    assert (row["d_real.accuracy"], row["d_fake.accuracy"]) == (1, 0), "before its first step it calls everything real"
    of_samples = {
        "diversity",
        "common",
        "distance",
        "roughness",
        "distinct_reals",
        "reals",
        "classes",
        "classes_of_reals",
        "fid",
    }
    logged = {name.removeprefix("snapshot.") for name in row if name.startswith("snapshot.")}
    assert logged == {"accuracy_real", "accuracy_fake"} | of_samples


def test_ten_examples_of_each_class_are_kept_the_first_that_training_meets(first_step: Path, digits: Path) -> None:
    recipe = load_recipe("mnist-sgan")
    assert isinstance(recipe, SGANRecipe)
    saved = saved_variables(first_step, 1)
    images, labels = first_of_each_class(digits, recipe)
    np.testing.assert_array_equal(saved["state/labels"], labels)
    np.testing.assert_array_equal(saved["state/labelled_images"], images)
    assert saved["state/labelled_images"].dtype == np.uint8
    np.testing.assert_array_equal(np.bincount(saved["state/labels"]), [10] * 10)
    assert len({image.tobytes() for image in images}) == 100, "none is kept twice"


def test_both_networks_are_saved_for_plain_keras(first_step: Path) -> None:
    models = {file.name: keras.models.load_model(file, compile=False) for file in (first_step / "models").iterdir()}
    assert {name: model.output_shape for name, model in models.items()} == {
        "classifier-step-00000001.keras": (None, 10),
        "generator-step-00000001.keras": (None, 28, 28, 1),
    }
    saved = saved_variables(first_step, 1)
    for layer in ("down_1", "down_2", "down_3", "class_logits"):
        kernel = models["classifier-step-00000001.keras"].get_layer(layer).kernel.numpy()
        for player in ("classifier", "discriminator"):
            np.testing.assert_array_equal(kernel, saved[f"{player}/{layer}/kernel"])


def test_classifier_and_discriminator_move_the_same_weights_and_each_its_own_optimizer() -> None:
    recipe = small("mnist-sgan")
    system, strategy, _ = build(recipe)
    batch = {name: values[0, 0] for name, values in random_chunk(recipe, system, strategy, 1).items()}
    updates = dict.fromkeys(system.players, 0)
    both = {"classifier", "discriminator"}
    for index, (phase, moving) in enumerate(zip(system.phases, [both, both, both, {"generator"}], strict=True)):
        before = network_weights(system)
        run_phase(system, phase, batch, Draw(0, STEP, index, 0, 1), STEP)
        after = network_weights(system)
        for name, weights in before.items():
            changed = [not np.array_equal(*pair) for pair in zip(weights, after[name], strict=True)]
            assert all(changed) if name in moving else not any(changed), (phase.name, name)
        updates[phase.player] += 1
        assert {name: int(player.optimizer.iterations) for name, player in system.players.items()} == updates
    assert updates == {"classifier": 1, "discriminator": 2, "generator": 1}


def test_the_classifier_sees_labelled_examples_only_and_the_discriminator_no_label() -> None:
    """A batch of nothing does for the first; other labels change nothing of the second but what it reports."""
    recipe = small("mnist-sgan")
    system, strategy, _ = build(recipe)
    classify, real = system.phases[:2]
    classify.loss({}, Draw(0, STEP, 0, 0, 1))
    batch = {name: values[0, 0] for name, values in random_chunk(recipe, system, strategy, 1).items()}
    images = to_range(batch["image"], recipe.image.range)
    logits = training_pass(system.players["classifier"].network, images, Draw(0, STEP, 1, 0, 1), update_statistics=False)
    likeliest = np.argmax(logits, axis=1)
    right, wrong = (real.loss(batch | {"label": labels}, Draw(0, STEP, 1, 0, 1)) for labels in (likeliest, 9 - likeliest))
    np.testing.assert_array_equal(right.losses, wrong.losses)
    assert right.metrics["class_accuracy"].numpy().all() and not wrong.metrics["class_accuracy"].numpy().any()


def test_the_labelled_examples_are_read_no_further_than_needed(digits: Path) -> None:
    system, _, _ = build(small("mnist-sgan"))
    examples = training_examples(open_dataset(str(digits), small("mnist-sgan")), 0)
    system.prepare_state(examples)
    assert next(examples)


def test_too_few_examples_of_a_class_are_said(digits: Path, tmp_path: Path) -> None:
    ran = gan_train("run", "mnist-sgan", "--data", digits, "-o", tmp_path / "run", "--set", "labels=1000")
    assert (ran.code, ran.out) == (3, "")
    assert "labels=1000 wants 100 examples of each class, the training data has" in ran.err
    assert not (tmp_path / "run").exists()


def test_a_class_that_is_missing_is_said() -> None:
    system, _, _ = build(small("mnist-sgan"))
    image = np.zeros((28, 28, 1), np.uint8)
    zeros = (Example(str(number), {"image": image, "label": 0}) for number in range(5))
    with pytest.raises(DataError, match="wants 2 examples of each class, the training data has 0 of class 1"):
        system.prepare_state(zeros)


def test_labels_that_the_classes_cannot_share_are_refused(digits: Path, tmp_path: Path) -> None:
    ran = gan_train("run", "mnist-sgan", "--data", digits, "-o", tmp_path, "--set", "labels=101")
    assert ran.code == 2 and "labels=101 of 10 classes: take a multiple" in ran.err
