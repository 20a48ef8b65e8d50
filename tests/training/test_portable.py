"""Saved networks are read by Keras 3.6 and later: their configurations have no keys that it does not know."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_train.networks.portable import OLDEST_KERAS, keras_file, portable
from gan_train.runs.saved_networks import load_keras_file

KEYS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "keras-3.6-keys.json").read_text())
"""The keys of each layer and initializer in Keras 3.6.0, as its get_config gives them."""

OTHERS = {"DTypePolicy", "Functional", "Sequential", "__keras_tensor__"}


def config(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return dict(json.loads(archive.read("config.json")))


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a configuration that names a class."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        for part in value.values():
            yield from parts(part)
    elif isinstance(value, list):
        for part in value:
            yield from parts(part)


def unknown_keys(content: bytes) -> set[tuple[str, str]]:
    """Keys that Keras 3.6 does not know, each with its class."""
    known = KEYS["layers"] | KEYS["initializers"]
    named = [part for part in parts(config(content)) if part["class_name"] not in OTHERS]
    assert named and not {part["class_name"] for part in named} - known.keys()
    return {(part["class_name"], key) for part in named for key in part["config"] if key not in known[part["class_name"]]}


def test_the_keys_are_those_of_the_oldest_version() -> None:
    assert KEYS["keras"].startswith(f"{OLDEST_KERAS}.")


@pytest.mark.parametrize(
    "run", ["trained", "conditional", "infogan", "sgan_run", "classifier_run", "pix2pix_run", "cyclegan_run"]
)
def test_every_network_of_a_run_has_only_keys_of_keras_3_6(run: str, request: pytest.FixtureRequest) -> None:
    files = sorted(Path(request.getfixturevalue(run), "models").glob("*.keras"))
    assert files
    for file in files:
        assert not unknown_keys(file.read_bytes()), file
        assert portable(file.read_bytes()) == file.read_bytes()


def test_a_file_as_keras_writes_it_is_cut_to_what_keras_3_6_knows_and_is_the_same_network(tmp_path: Path) -> None:
    import keras

    network = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Conv2DTranspose(2, 3), keras.layers.BatchNormalization(), keras.layers.Dense(5)]
    )
    network.save(tmp_path / "new.keras")
    assert unknown_keys((tmp_path / "new.keras").read_bytes())
    (tmp_path / "old.keras").write_bytes(keras_file(network))
    assert not unknown_keys((tmp_path / "old.keras").read_bytes())
    images = np.random.default_rng(0).standard_normal((2, 4, 4, 3)).astype(np.float32)
    expected = network.predict(images, verbose=0)
    read = load_keras_file(tmp_path / "old.keras", "old.keras", "")
    np.testing.assert_array_equal(read.predict(images, verbose=0), expected)


def test_a_value_that_older_versions_do_not_behave_by_stays() -> None:
    import keras

    network = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2DTranspose(2, 3, strides=2, output_padding=1)])
    (layer,) = (part for part in parts(config(keras_file(network))) if part["class_name"] == "Conv2DTranspose")
    assert layer["config"]["output_padding"] in (1, [1, 1])
