"""gan-train export of a run that translates: a translator that needs none of our code."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from gan_train.data.pixels import to_range
from gan_train.networks.passes import inference_pass
from gan_train.networks.translating import translating_copy
from gan_train.sampling.translator import saved_translator
from tests.support.probes import draw_of
from tests.support.runs import gan_train
from tests.training.test_export import DOCS, WITHOUT_US, card_of

AGAIN = """
again = translator(images), served.signatures["serving_default"](images=tf.constant(images))["images"]
alone = served.signatures["serving_default"](images=tf.constant(images[:1]))["images"]
reloaded = tf.saved_model.load(sys.argv[2]).signatures["serving_default"](images=tf.constant(images))["images"]
unsaid = translator(images, training=False)
arrays = dict(images=images, dropping=dropping, certain=certain, by_tensorflow=by_tensorflow, pixels=pixels, alone=alone)
np.savez(sys.argv[1], again_by_keras=again[0], again=again[1], reloaded=reloaded, unsaid=unsaid, **arrays)
"""


@pytest.fixture(scope="module")
def made(pix2pix_run: Path, cyclegan_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """The lines of the documentation use both kinds of export, in one process that cannot import our packages."""
    folder = tmp_path_factory.mktemp("exported")
    (lines,) = [
        block for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if "translator.keras" in block
    ]
    program = [WITHOUT_US, "import keras\nimport numpy as np\nimport tensorflow as tf\n"]
    for name, run, options in (("pix2pix", pix2pix_run, ()), ("cyclegan", cyclegan_run, ("--direction", "b-to-a"))):
        for out in (f"{name}.keras", name):
            ran = gan_train("export", run, "-o", folder / out, *options)
            assert ran.code == 0, ran.err
        program.append(f"sys.argv = ['', '{name}.npz', '{name}/2']")
        program += [lines.replace('"translator.keras"', f'"{name}.keras"').replace('"translator/2"', f'"{name}/2"'), AGAIN]
    done = subprocess.run([sys.executable, "-I", "-c", "\n".join(program)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name: dict(np.load(folder / f"{name}.npz")) for name in ("pix2pix", "cyclegan")}


def test_cyclegan_translates_alike_everywhere_and_every_time(
    made: dict[str, dict[str, np.ndarray]], cyclegan_run: Path
) -> None:
    arrays = made["cyclegan"]
    expected = inference_pass(saved_translator(str(cyclegan_run), "b-to-a").network(), arrays["images"])
    for name in ("dropping", "certain", "by_tensorflow", "again", "again_by_keras", "reloaded", "unsaid"):
        assert arrays[name].dtype == np.float32
        np.testing.assert_allclose(arrays[name], expected, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(arrays["alone"], expected[:1], atol=1e-4)
    assert arrays["pixels"].dtype == np.uint8
    pixels = to_range((arrays["images"] * 127.5 + 127.5).astype(np.uint8), "symmetric")
    by_hand = inference_pass(saved_translator(str(cyclegan_run), "b-to-a").network(), pixels)
    np.testing.assert_allclose(arrays["pixels"].astype(float), by_hand * 127.5 + 127.5, atol=0.51)


def test_pix2pix_normalises_by_the_image_and_drops_where_the_card_says(
    made: dict[str, dict[str, np.ndarray]], pix2pix_run: Path
) -> None:
    arrays = made["pix2pix"]
    network = saved_translator(str(pix2pix_run)).network()
    undropped = network.__class__.from_config(without_dropout(network.get_config()))
    undropped.set_weights(network.get_weights())
    expected = inference_pass(translating_copy(undropped, "training"), arrays["images"], draw_of())
    for name in ("certain", "unsaid"):
        np.testing.assert_allclose(arrays[name], expected, atol=1e-4, err_msg=name)
    assert np.abs(expected - inference_pass(network, arrays["images"])).max() > 1e-2
    for one, other in (("dropping", "certain"), ("dropping", "again_by_keras"), ("by_tensorflow", "again")):
        assert np.abs(arrays[one] - arrays[other]).max() > 1e-3, (one, other)
    np.testing.assert_array_equal(arrays["by_tensorflow"], arrays["reloaded"])
    assert arrays["pixels"].dtype == np.uint8 and arrays["pixels"].shape == arrays["images"].shape


def without_dropout(config: dict) -> dict:
    for layer in config["layers"]:
        if layer["class_name"] == "Dropout":
            layer["config"]["rate"] = 0.0
    return config


def test_a_card_says_what_goes_in_and_how_it_works(pix2pix_run: Path, cyclegan_run: Path, tmp_path: Path) -> None:
    averages = ("--inference", "averages")
    for run, out, options in (
        (pix2pix_run, "p.keras", ()),
        (pix2pix_run, "p", ()),
        (cyclegan_run, "c.keras", ()),
        (pix2pix_run, "a.keras", averages),
    ):
        ran = gan_train("export", run, "-o", tmp_path / out, "--step", "1", *options)
        assert (ran.code, ran.err) == (0, "")
    cards = [card_of(tmp_path, "p.keras"), card_of(tmp_path / "p" / "1", "saved_model.pb")]
    cards += [card_of(tmp_path, "c.keras"), card_of(tmp_path, "a.keras")]
    floats = {"name": "images", "shape": [None, 16, 16, 3], "dtype": "float32", "range": [-1.0, 1.0], "about": ""}
    pixels = floats | {"dtype": "uint8", "range": [0.0, 255.0]}
    translations = floats | {"name": "translations"}
    assert cards[0]["signatures"] == {"serving_default": {"inputs": [floats], "outputs": [translations]}}
    assert cards[1]["signatures"] == {
        "serving_default": {"inputs": [floats], "outputs": [floats]},
        "uint8": {"inputs": [pixels], "outputs": [pixels]},
    }
    facts = [card["facts"] for card in cards]
    assert [fact["direction"] for fact in facts] == ["source-to-target", "source-to-target", "a-to-b", "source-to-target"]
    assert [card["recipe"] for card in cards[1:3]] == ["maps-pix2pix", "horse2zebra-cyclegan"]
    by_image = ["statistics of each image alone" in fact["normalisation"] for fact in facts]
    assert by_image == [True, True, True, False]
    drops = "in Keras, drops in model(images)", "in Keras, drops", "none", "none"
    assert all(fact["dropout"].startswith(words) for fact, words in zip(facts, drops, strict=True))


def test_by_the_averages_keras_gives_what_translate_gives(pix2pix_run: Path, tmp_path: Path) -> None:
    ran = gan_train("export", pix2pix_run, "-o", tmp_path / "a.keras", "--inference", "averages")
    assert ran.code == 0, ran.err
    images = np.random.default_rng(3).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    network = saved_translator(str(pix2pix_run)).network()
    expected = inference_pass(translating_copy(network, "averages"), images, draw_of())
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "a.keras")(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("run", "options", "words"),
    [
        ("pix2pix_run", ("--direction", "a-to-b"), "translates one way only"),
        ("cyclegan_run", ("--direction", "a"), "choose one of: a-to-b, b-to-a"),
        ("cyclegan_run", ("--step", "9"), "no generator-a-to-b of step 9; there are: 1, 2"),
        ("pix2pix_run", ("--inference", "average"), "choose one of: training, averages"),
        ("trained", ("--direction", "a-to-b"), "makes images from latents; leave --direction out"),
    ],
)
def test_a_direction_that_is_not_there_is_said(
    run: str, options: tuple[str, ...], words: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ran = gan_train("export", request.getfixturevalue(run), "-o", tmp_path / "g.keras", *options)
    assert (ran.code, words in ran.err, list(tmp_path.iterdir())) == (2, True, []), ran.err
