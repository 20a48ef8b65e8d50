"""Translating with a trained network: in training mode (Isola et al. 2017), by the averages, at other sizes."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from gan_train.networks.layers import inference_pass, keeps_dropout, plain_copy, training_pass
from gan_train.networks.patchgan import build_patchgan
from gan_train.networks.resnet import build_resnet
from gan_train.networks.translating import plain_translator, side_multiple, translating_copy
from gan_train.networks.unet import build_unet
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.network_config import BatchNormConfig
from gan_train.recipe.translation_networks import InstanceNormConfig, PatchGANConfig, ResNetConfig, UNetConfig
from tests.support.probes import draw_of

IMAGE = ImageConfig(shape=(32, 48, 3), range="symmetric")


def photographs(count: int, height: int = 32, width: int = 48) -> NDArray[np.float32]:
    """Each of another brightness and contrast, which statistics of a batch would mix up."""
    generator = np.random.default_rng(0)
    contrast, brightness = generator.uniform(0.1, 1, (2, count, 1, 1, 1))
    return (generator.uniform(-1, 1, (count, height, width, 3)) * contrast + brightness).astype(np.float32)


def trained(network: keras.Model) -> keras.Model:
    """With weights that are not the first ones, and moving averages of some batches."""
    generator = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(variable + generator.normal(0, 0.1, variable.shape))
    for _ in range(3):
        training_pass(network, photographs(2), draw_of(), update_statistics=True)
    return network


def unet(dropout: float) -> keras.Model:
    config = UNetConfig(filters=(8, 16, 16), bottleneck=16, dropped_stages=2, dropout=dropout)
    return trained(build_unet(config, IMAGE, seed=0))


def resnet(axis: str = "channel") -> keras.Model:
    config = ResNetConfig(filters=4, blocks=2, instance_norm=InstanceNormConfig(axis=axis))
    return trained(build_resnet(config, IMAGE, seed=0))


def test_in_training_mode_each_image_of_a_batch_is_translated_as_in_training_alone() -> None:
    network, images = unet(dropout=0.0), photographs(3)
    one_by_one = [training_pass(network, image[None], draw_of(), update_statistics=False) for image in images]
    translations = inference_pass(translating_copy(plain_copy(network), "training"), images, draw_of())
    np.testing.assert_allclose(translations, np.concatenate(one_by_one), atol=1e-4)
    together = training_pass(network, images, draw_of(), update_statistics=False)
    assert np.abs(translations - together).max() > 1e-2


def test_by_the_averages_the_network_is_as_saved() -> None:
    network, images = unet(dropout=0.5), photographs(2)
    plain = plain_copy(network)
    translations = inference_pass(translating_copy(plain, "averages"), images)
    np.testing.assert_allclose(translations, inference_pass(network, images), atol=1e-5)
    in_training = inference_pass(translating_copy(plain, "training"), images, draw_of())
    assert np.abs(translations - in_training).max() > 1e-2


def test_dropout_drops_in_training_mode_by_the_numbers_of_the_draw() -> None:
    network, images = unet(dropout=0.5), photographs(1)
    copy = translating_copy(plain_copy(network), "training")
    assert keeps_dropout(copy)
    first, same, other = (inference_pass(copy, images, draw_of(step)).numpy() for step in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3
    # The same masks as a training pass of the same numbers.
    np.testing.assert_allclose(first, training_pass(network, images, draw_of(), update_statistics=False), atol=1e-4)
    with pytest.raises(RuntimeError, match="drops in sampling too"):
        inference_pass(copy, images)


@pytest.mark.parametrize("sides", [(64, 96), (None, None)])
def test_other_sides_take_the_same_weights(sides: tuple[int | None, int | None]) -> None:
    images = photographs(2, 64, 96)
    for kind, build, config in (
        ("unet", build_unet, UNetConfig(filters=(8, 16, 16), bottleneck=16, dropped_stages=2)),
        ("resnet", build_resnet, ResNetConfig(filters=4, blocks=2)),
    ):
        network = unet(0.5) if kind == "unet" else resnet()
        larger = build(config, ImageConfig(shape=(64, 96, 3), range="symmetric"), 0)
        larger.set_weights(network.get_weights())
        copy = translating_copy(plain_copy(network), "training", sides)
        assert tuple(copy.input.shape[1:3]) == sides
        one = training_pass(larger, images[:1], draw_of(), update_statistics=False)
        np.testing.assert_allclose(inference_pass(copy, images[:1], draw_of()), one, atol=1e-4)


def test_sides_that_cannot_be_halved_are_refused() -> None:
    plain = plain_copy(unet(0.5))
    assert side_multiple(plain) == 16 and side_multiple(plain_copy(resnet())) == 4
    with pytest.raises(ValueError, match="sides 64x40 do not fit this network; give multiples of 16"):
        translating_copy(plain, "training", (64, 40))


def test_the_translator_of_keras_layers_normalises_by_the_image_and_drops_when_called() -> None:
    images = photographs(3)
    undropped, dropping = plain_copy(unet(0.0)), plain_translator(plain_copy(unet(0.5)))
    expected = inference_pass(translating_copy(undropped, "training"), images)
    translator = plain_translator(undropped)
    np.testing.assert_allclose(translator(images), expected, atol=1e-5)
    np.testing.assert_allclose(translator.predict(images, verbose=0), expected, atol=1e-5)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in translator.layers)
    assert np.abs(dropping(images) - dropping(images)).max() > 1e-3
    # Keras tells every layer of predict() that it infers.
    np.testing.assert_allclose(dropping.predict(images, verbose=0), expected, atol=1e-5)


def test_saved_networks_load_in_keras_alone(tmp_path: Path) -> None:
    images = photographs(2)
    translator = unet(0.0)
    patchgan = trained_patchgan()
    expected = {
        "unet": inference_pass(translator, images),
        "translator": np.concatenate([training_pass(translator, x[None], draw_of(), False) for x in images]),
        "resnet": inference_pass(resnet(), images),
        "resnet-all": inference_pass(resnet("all"), images),
        "patchgan": inference_pass(patchgan, [images, images[::-1]]),
    }
    plain = {
        "unet": plain_copy(translator),
        "translator": plain_translator(plain_copy(translator)),
        "resnet": plain_copy(resnet()),
        "resnet-all": plain_copy(resnet("all")),
        "patchgan": plain_copy(patchgan),
    }
    for name, network in plain.items():
        network.save(tmp_path / f"{name}.keras")
    np.save(tmp_path / "images.npy", images)
    program = (
        "import sys; sys.modules['gan_train'] = sys.modules['gan_pipeline'] = None\n"
        "import keras, numpy as np\n"
        "images = np.load('images.npy')\n"
        "for name in sys.argv[1:]:\n"
        "    network = keras.models.load_model(f'{name}.keras')\n"
        "    inputs = [images, images[::-1]] if len(network.inputs) > 1 else images\n"
        "    np.save(f'{name}.npy', network.predict(inputs, verbose=0))"
    )
    subprocess.run([sys.executable, "-c", program, *plain], cwd=tmp_path, check=True, capture_output=True)
    for name, outputs in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), outputs, atol=1e-4, err_msg=name)


def trained_patchgan() -> keras.Model:
    network = build_patchgan(PatchGANConfig(filters=4, batch_norm=BatchNormConfig()), IMAGE, True, seed=0)
    images = photographs(2)
    training_pass(network, [images, images[::-1]], draw_of(), update_statistics=True)
    return network
