"""The classifiers of the package and of runs, as extractors: how good they are, and what they see in an image."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import get_args

import keras
import numpy as np
import pytest
import scipy.special
from numpy.typing import NDArray

from gan_core.errors import DataError, UsageError
from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from gan_train.extractors.base import Extracted, Extractor
from gan_train.extractors.classifier import (
    Domain,
    classifier_for,
    packaged_card,
    packaged_classifier,
    run_classifier,
)
from tests.support.systems import read_split
from tests.support.training_data import prepare

CLOTHES = Path(__file__).parents[1] / "data" / "clothes"
PACKAGED = Path(str(files("gan_train") / "extractors" / "classifiers"))


@pytest.fixture(scope="module", params=get_args(Domain))
def domain(request: pytest.FixtureRequest) -> Domain:
    return request.param


@pytest.fixture(scope="module")
def extractor(domain: Domain) -> Extractor:
    return packaged_classifier(domain)


@pytest.fixture(scope="module")
def measured_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits as `make classifiers` prepares them."""
    return prepare(tmp_path_factory.mktemp("measured") / "digits", "mnist", "--source", "sample", "--hold-out", "2000")


def extracted(extractor: Extractor, images: NDArray[np.uint8]) -> Iterator[Extracted]:
    for start in range(0, len(images), extractor.batch_size):
        yield extractor.extract(images[start : start + extractor.batch_size])


def accuracy(extractor: Extractor, images: NDArray[np.uint8], labels: NDArray[np.integer]) -> float:
    told = np.concatenate([seen.probabilities.argmax(axis=1) for seen in extracted(extractor, images)])
    return float(np.mean(told == labels))


def clothes() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """500 test images of Fashion-MNIST, (500, 28, 28, 1), and their labels."""
    images, labels = (
        np.frombuffer(gzip.decompress((CLOTHES / f"t10k-{part}-ubyte.gz").read_bytes()), np.uint8)
        for part in ("images-idx3", "labels-idx1")
    )
    return images[16:].reshape(-1, 28, 28, 1), labels[8:]


def test_digits_are_told_right_that_it_was_not_trained_on(measured_digits: Path) -> None:
    """All that the card counts: the digits held out of the dataset it names."""
    card = packaged_card("digits")
    assert read_manifest(open_folder(str(measured_digits))).digest == card["dataset"]["digest"]
    scaled, labels = read_split(measured_digits, card["split"])
    images = np.rint((scaled + 1) * 127.5).astype(np.uint8)
    assert len(images) == card["examples"] == 2000
    found = accuracy(packaged_classifier("digits"), images, labels)
    assert found >= 0.985
    # Another processor may round otherwise and turn the last doubtful one.
    assert found == pytest.approx(card["accuracy"], abs=0.001)


def test_clothes_are_told_right_that_it_was_not_trained_on() -> None:
    images, labels = clothes()
    assert len(images) == 500
    assert accuracy(packaged_classifier("fashion"), images, labels) >= 0.91
    card = packaged_card("fashion")
    assert (card["split"], card["examples"]) == ("test", 10_000) and card["accuracy"] >= 0.91


def test_its_card_says_what_it_is(domain: Domain, extractor: Extractor) -> None:
    card, weights = packaged_card(domain), (PACKAGED / f"{domain}.keras").read_bytes()
    assert (extractor.name, extractor.hash) == (f"{domain}-classifier", hashlib.sha256(weights).hexdigest())
    assert len(weights) < 800_000
    assert (extractor.shape, extractor.feature_size, len(extractor.class_names)) == ((28, 28, 1), 128, 10)
    assert list(extractor.class_names) == card["class_names"] == list(card["class_accuracy"])
    assert card["recipe"]["name"] == {"digits": "digit-classifier", "fashion": "fashion-classifier"}[domain]
    assert card["step"] == card["recipe"]["steps"]
    assert card["packages"].keys() == {"ganmill", "tensorflow", "keras", "numpy"}
    assert card["licence"] == {"digits": "CC BY-SA 3.0", "fashion": "MIT"}[domain]
    assert {"digits": "Yann LeCun and Corinna Cortes", "fashion": "Zalando SE"}[domain] in card["attribution"]


def test_what_it_sees_is_the_networks_features_and_softmax(domain: Domain, extractor: Extractor) -> None:
    network = keras.models.load_model(PACKAGED / f"{domain}.keras", compile=False)
    assert {type(layer).__module__.partition(".")[0] for layer in network.layers} == {"keras"}
    images, _ = clothes()
    both = keras.Model(network.inputs, [network.get_layer("features").output, network.output])
    features, logits = both(images[:20].astype(np.float32) / 255, training=False)
    seen = extractor.extract(images[:20])
    assert (seen.features.dtype, seen.probabilities.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(seen.features, features, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(seen.probabilities, scipy.special.softmax(logits.numpy(), axis=1), rtol=1e-3, atol=1e-5)
    assert seen.features.shape == (20, 128) and np.all(seen.features >= 0)


def test_an_image_is_seen_alike_alone_in_any_company_and_at_any_place(extractor: Extractor) -> None:
    images, _ = clothes()
    chance = np.random.default_rng(0)
    whole = [*extracted(extractor, images)]
    features = np.concatenate([seen.features for seen in whole])
    probabilities = np.concatenate([seen.probabilities for seen in whole])
    for count in (1, 2, 7, extractor.batch_size):
        places = chance.permutation(len(images))[:count]
        seen = extractor.extract(images[places])
        np.testing.assert_array_equal(seen.features, features[places])
        np.testing.assert_array_equal(seen.probabilities, probabilities[places])


def test_other_images_than_it_takes_are_refused(extractor: Extractor) -> None:
    for images in (
        np.zeros((1, 28, 28, 3), np.uint8),
        np.zeros((0, 28, 28, 1), np.uint8),
        np.zeros((extractor.batch_size + 1, 28, 28, 1), np.uint8),
    ):
        with pytest.raises(ValueError, match="takes 1 to 256 images"):
            extractor.extract(images)


def test_a_dataset_has_the_classifier_of_its_classes_or_none(request: pytest.FixtureRequest) -> None:
    def chosen(fixture: str) -> str | None:
        extractor = classifier_for(read_manifest(open_folder(str(request.getfixturevalue(fixture)))))
        return extractor.name if extractor else None

    assert chosen("digits") == "digits-classifier"
    assert chosen("clothes") == "fashion-classifier"
    assert chosen("pictures_32") is None and chosen("points") is None and chosen("pairs_16") is None


def test_the_classifier_of_a_run_is_an_extractor(classifier_run: Path, held_out_digits: Path) -> None:
    newest, first = run_classifier(str(classifier_run)), run_classifier(str(classifier_run), 2)
    for extractor, step in ((newest, 4), (first, 2)):
        weights = (classifier_run / "models" / f"classifier-step-{step:08d}.keras").read_bytes()
        assert extractor.hash == hashlib.sha256(weights).hexdigest()
    assert (newest.name, newest.shape, newest.feature_size) == ("digit-classifier", (28, 28, 1), 8)
    assert newest.class_names == tuple("0123456789")
    scaled, labels = read_split(held_out_digits, "held-out")
    rows = [json.loads(line) for line in (classifier_run / "metrics.jsonl").read_text().splitlines()]
    right = accuracy(newest, np.rint((scaled + 1) * 127.5).astype(np.uint8), labels)
    assert right == pytest.approx(rows[-1]["snapshot.unseen_accuracy"])


def test_a_run_without_such_a_classifier_is_refused_in_words(
    sgan_run: Path, trained: Path, classifier_run: Path, tmp_path: Path
) -> None:
    for run, recipe in ((sgan_run, "mnist-sgan"), (trained, "mnist-dcgan")):
        with pytest.raises(UsageError, match=f"recipe {recipe} trains no classifier to score by; digit-classifier"):
            run_classifier(str(run))
    with pytest.raises(UsageError, match="no classifier of step 3; there are: 2, 4"):
        run_classifier(str(classifier_run), 3)
    damaged = tmp_path / "run"
    (damaged / "models").mkdir(parents=True)
    for name in ("recipe.yaml", "run.json"):
        (damaged / name).write_bytes((classifier_run / name).read_bytes())
    (damaged / "models" / "classifier-step-00000002.keras").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"classifier-step-00000002.keras: damaged"):
        run_classifier(str(damaged))
