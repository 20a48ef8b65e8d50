"""The domain classifier: what it learns from, what a run of it shows and keeps, and what such a run cannot do."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_core.errors import UsageError
from gan_core.storage import LocalFolder
from gan_train.data.dataset import open_dataset
from gan_train.data.pixels import to_range
from gan_train.data.reader import first_examples
from gan_train.galleries.classified import ClassifiedGallery
from gan_train.networks.passes import training_pass
from gan_train.numerics.randomness import Draw
from gan_train.recipe.classifier import ClassifierRecipe
from gan_train.recipe.document import load_recipe
from gan_train.systems.classifier import Classifier
from tests.support.catalogue import small
from tests.support.runs import cells, gan_train


def classifier(*overrides: str) -> tuple[ClassifierRecipe, Classifier]:
    recipe = small("digit-classifier", *overrides)
    assert isinstance(recipe, ClassifierRecipe)
    return recipe, Classifier(recipe)


def rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_it_learns_from_images_moved_and_mirrored_by_the_numbers_of_the_step() -> None:
    """By hand: each image moved by its two numbers, mirrored by its third, then the cross-entropy of its class."""
    _, system = classifier("shift=3", "flip=true", "classifier.dropout=0.0")
    chance = np.random.default_rng(0)
    images, labels = chance.integers(0, 256, (16, 28, 28, 1), np.uint8), chance.integers(0, 10, 16)
    batch = {"image": tf.constant(images), "label": tf.constant(labels)}
    (phase,) = system.phases
    outcome = phase.loss(batch, Draw(7, tf.constant(5, tf.int64), 0, 0, 1))

    draw = Draw(7, tf.constant(5, tf.int64), 0, 0, 1)
    corners, sides = np.floor(draw.uniform(16, 2).numpy() * 7).astype(int), draw.uniform(16, 1).numpy()[:, 0]
    framed = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)))
    moved = [image[top : top + 28, left : left + 28] for image, (top, left) in zip(framed, corners, strict=True)]
    seen = [image[:, ::-1] if side < 0.5 else image for image, side in zip(moved, sides, strict=True)]
    assert not all(np.array_equal(one, other) for one, other in zip(seen, images, strict=True))
    logits = training_pass(system.classifier, to_range(tf.constant(np.stack(seen)), "unit"), draw, update_statistics=False)
    shares = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outcome.losses, -np.log(shares[np.arange(16), labels]), rtol=1e-4)
    np.testing.assert_array_equal(outcome.metrics["accuracy"], np.argmax(logits, axis=1) == labels)


def test_it_becomes_right_on_what_it_trains_on(digits: Path, tmp_path: Path) -> None:
    recipe = ("classifier.filters=[8,16]", "batch_size=50", "classifier.optimizer.schedule={}", "steps=60")
    options = [part for key in (*recipe, "snapshot_every=60", "precision=float32") for part in ("--set", key)]
    ran = gan_train("run", "digit-classifier", "--data", digits, "-o", tmp_path / "run", *options)
    assert ran.code == 0, ran.err
    told = rows(tmp_path / "run")
    assert told[0]["c.accuracy"] < 0.5 and told[0]["c.loss"] > 1.5
    assert told[-1]["snapshot.train_accuracy"] > 0.9 and told[-1]["snapshot.train_loss"] < 0.4
    assert "snapshot.unseen_accuracy" not in told[-1]


def test_a_snapshot_measures_what_was_held_out_as_classify_does(classifier_run: Path, held_out_digits: Path) -> None:
    for step in (2, 4):
        ran = gan_train("classify", classifier_run, "--data", held_out_digits, "--step", str(step), "--json")
        assert ran.code == 0, ran.err
        found = json.loads(ran.out)
        assert (found["split"], found["examples"]) == ("held-out", 60)
        assert rows(classifier_run)[step - 1]["snapshot.unseen_accuracy"] == pytest.approx(found["accuracy"])


def test_the_network_is_plain_keras_and_has_features(classifier_run: Path) -> None:
    network = keras.models.load_model(classifier_run / "models" / "classifier-step-00000004.keras", compile=False)
    assert {type(layer).__module__.partition(".")[0] for layer in network.layers} == {"keras"}
    assert network.get_layer("features").output.shape == (None, 8)
    assert network.output_shape == (None, 10)
    assert [path.name for path in sorted((classifier_run / "models").iterdir())] == [
        "classifier-step-00000002.keras",
        "classifier-step-00000004.keras",
    ]


def test_the_picture_shows_the_hardest_images_first_and_what_they_were_taken_for(held_out_digits: Path, tmp_path: Path) -> None:
    recipe, system = classifier("sample_images=9")
    dataset = open_dataset(str(held_out_digits), recipe)
    gallery = ClassifiedGallery(recipe, system, dataset, LocalFolder(str(tmp_path)), {"recipe": recipe.name})
    shown = first_examples(dataset, recipe.seed, 60)
    logits = system.logits(tf.constant(shown["image"])).numpy()
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    hardest = np.argsort(shares[np.arange(60), shown["label"]])[:9]

    picture = tmp_path / "samples.png"
    snapshot = gallery.snapshot(3)
    picture.write_bytes(snapshot.samples)
    for (_, image), place in zip(cells(picture, 3), hardest, strict=True):
        np.testing.assert_array_equal(image, 255 - shown["image"][place, ..., 0])
    text = Image.open(picture).text  # type: ignore[attr-defined]
    assert (text["step"], text["recipe"]) == ("3", "digit-classifier")
    assert text["classes"].startswith("0 0, 1 1, 2 2")
    assert not {*shown["label"]} - set(range(10)) and dataset.shows_unseen

    right = float(np.mean(np.argmax(logits, axis=1) == shown["label"]))
    assert snapshot.scores["unseen_accuracy"] == pytest.approx(right)
    loss = float(-np.log(shares[np.arange(60), shown["label"]]).mean())
    assert snapshot.scores["unseen_loss"] == pytest.approx(loss, rel=1e-5)

    reals = tmp_path / "reals.png"
    reals.write_bytes(gallery.reals())
    for (_, image), pixels in zip(cells(reals, 3), shown["image"], strict=False):
        np.testing.assert_array_equal(image, 255 - pixels[..., 0])


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("sample", ("-o", "x.png")),
        ("codes", ("-o", "x.png")),
        ("interpolate", ("-o", "x.png")),
        ("arithmetic", ("1 + 2", "--latents", "bank.npz", "-o", "x.png")),
        ("manifold", ("-o", "x.png")),
        ("translate", ("a.png", "-o", "out")),
        ("export", ("-o", "x.keras")),
    ],
)
def test_tools_that_want_a_generator_say_what_there_is(tool: str, arguments: tuple[str, ...], classifier_run: Path) -> None:
    ran = gan_train(tool, classifier_run, *arguments)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1), ran.err
    assert "digit-classifier classifies images and makes none; use 'gan-train classify'" in ran.err


def test_it_learned_from_all_labels(classifier_run: Path, held_out_digits: Path) -> None:
    ran = gan_train("classify", classifier_run, "--data", held_out_digits, "--labels-alone")
    assert (ran.code, "learns from all labels" in ran.err) == (2, True), ran.err


def test_data_without_classes_is_refused(pictures_32: Path, tmp_path: Path) -> None:
    ran = gan_train("run", "cifar10-classifier", "--data", pictures_32, "-o", tmp_path / "run")
    assert (ran.code, "has no labels, recipe cifar10-classifier learns classes" in ran.err) == (2, True), ran.err


def test_a_shift_out_of_view_is_refused() -> None:
    with pytest.raises(UsageError, match="shift=28 moves images of 28x28 out of view"):
        load_recipe("digit-classifier", ["shift=28"])
