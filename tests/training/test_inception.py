"""Inception v3 from a local file of weights, in the format that Keras downloads; random ones here."""

import hashlib
import shutil
from functools import cache
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from gan_core.storage import open_folder
from gan_train.extractors.inception import WEIGHTS, InceptionV3
from gan_train.scoring.scores import read_scores
from tests.support.runs import gan_train


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like Keras' own, with the weights of `network()`."""
    path = tmp_path_factory.mktemp("inception") / "weights.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network())
    return path


@cache
def network() -> keras.Model:
    """Inception v3 with random weights, the same each time."""
    keras.utils.set_random_seed(0)
    return keras.applications.InceptionV3(weights=None)


def test_features_are_the_last_poolings_and_do_not_depend_on_the_batch(weights: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 299, 299, 3), np.uint8)
    extractor = InceptionV3(str(weights))
    seen = extractor.extract(images)
    whole = network()
    pooled = keras.Model(whole.input, whole.get_layer("avg_pool").output)
    inputs = keras.applications.inception_v3.preprocess_input(images.astype(np.float32))
    np.testing.assert_allclose(seen.features, pooled(inputs, training=False), atol=1e-5)
    np.testing.assert_allclose(seen.probabilities, whole(inputs, training=False), atol=1e-5)
    assert seen.features.shape == (2, extractor.feature_size)
    np.testing.assert_array_equal(extractor.extract(images[1:]).features[0], seen.features[1])


@pytest.mark.evidence
def test_a_run_is_scored_by_it_and_the_resizer_stands_in_the_protocol(
    weights: Path, trained: Path, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANMILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(WEIGHTS, str(weights))
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    ran = gan_train("evaluate", run, "--data", digits, "--extractor", "inception", "--resizer", "bilinear", "-n", "20")
    assert ran.code == 0, ran.err
    (scored,) = read_scores(open_folder(run))
    assert (scored.protocol.extractor, scored.protocol.resizer) == ("inception-v3", "bilinear")
    assert scored.protocol.extractor_hash == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert "inception_score" in scored.values
    assert not [name for name in scored.values if name.startswith("class_")]


def test_a_file_that_holds_other_weights_is_named(trained: Path, digits: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
    ran = gan_train("evaluate", trained, "--data", digits, "--extractor", "inception", "--weights", path)
    assert ran.code == 3
    assert f"{path}: not the weights of Keras' InceptionV3 with its classes" in ran.err
    missing = tmp_path / "missing.h5"
    assert gan_train("evaluate", trained, "--data", digits, "--extractor", "inception", "--weights", missing).code == 5


def test_without_weights_and_network_it_says_how_to_get_them(
    trained: Path, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(WEIGHTS, raising=False)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    ran = gan_train("evaluate", trained, "--data", digits, "--extractor", "inception")
    assert ran.code == 3
    assert "no weights for Inception v3, and the download failed" in ran.err
    assert "name it with --weights FILE or $GANMILL_INCEPTION, or choose --extractor digits" in ran.err
