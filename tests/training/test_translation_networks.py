"""The U-Net, the ResNet and the PatchGAN, layer by layer."""

from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from gan_train.networks.blocks import IMAGE_ACTIVATION
from gan_train.networks.layers import BatchNormalization, Dropout, inference_pass, plain_copy, training_pass
from gan_train.networks.patchgan import build_patchgan
from gan_train.networks.receptive_field import patches
from gan_train.networks.resnet import build_resnet
from gan_train.networks.unet import build_unet
from gan_train.numerics.precision import Precision
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.network_config import BatchNormConfig
from gan_train.recipe.translation_networks import InstanceNormConfig, PatchGANConfig, ResNetConfig, UNetConfig
from tests.support.probes import draw_of

BATCH, INSTANCE = {"batch_norm": BatchNormConfig()}, {"instance_norm": InstanceNormConfig()}
SMALL_UNET: dict[str, Any] = {"filters": (8, 16, 16), "bottleneck": 16, "dropped_stages": 1}


def image(height: int, width: int | None = None) -> ImageConfig:
    return ImageConfig(shape=(height, width or height, 3), range="symmetric")


@cache
def unet() -> keras.Model:
    return plain_copy(build_unet(UNetConfig(), image(256), seed=0))


def small(kind: str, precision: Precision = "float32", seed: int = 0) -> keras.Model:
    if kind == "unet":
        return build_unet(UNetConfig(**SMALL_UNET), image(64), seed, precision)
    if kind == "resnet":
        return build_resnet(ResNetConfig(filters=4, blocks=2), image(64), seed, precision)
    return build_patchgan(PatchGANConfig(filters=4, **INSTANCE), image(64), False, seed, precision)


def shape_of(network: keras.Model, layer: str) -> tuple[int, ...]:
    return tuple(network.get_layer(layer).output.shape[1:])


def feeders(layer: keras.Layer) -> list[str]:
    return [tensor._keras_history.operation.name for tensor in keras.tree.flatten(layer.input)]


def test_the_unet_has_the_parameters_and_shapes_of_the_paper() -> None:
    network = unet()
    assert network.count_params() == 54_429_315
    assert sum(int(np.prod(variable.shape)) for variable in network.trainable_variables) == 54_419_459
    down = [shape_of(network, f"down_{stage}_rectified") for stage in range(1, 8)]
    assert down == [(128, 128, 64), (64, 64, 128), (32, 32, 256), (16, 16, 512), (8, 8, 512), (4, 4, 512), (2, 2, 512)]
    assert shape_of(network, "bottleneck_rectified") == (1, 1, 512)
    up = [shape_of(network, f"up_{stage}_rectified") for stage in range(1, 8)]
    assert up == [(2, 2, 1024), (4, 4, 1024), (8, 8, 1024), (16, 16, 1024), (32, 32, 512), (64, 64, 256), (128, 128, 128)]
    assert tuple(network.output.shape[1:]) == (256, 256, 3)


def chain(network: keras.Model, last: str, length: int) -> list[str]:
    """Names of layers, each the first feeder of the one before."""
    names = [last]
    while len(names) < length:
        names.append(feeders(network.get_layer(names[-1]))[0])
    return names


def test_the_order_of_the_unets_layers() -> None:
    network = unet()
    assert chain(network, "down_2", 4) == ["down_2", "down_1_rectified", "down_1", "source"]
    assert chain(network, "down_3", 4) == ["down_3", "down_2_rectified", "down_2_normalised", "down_2"]
    assert chain(network, "up_1", 4) == ["up_1", "bottleneck_rectified", "bottleneck", "down_7_rectified"]
    dropping = ["up_4", "up_3_rectified", "up_3_skip", "up_3_dropout", "up_3_normalised", "up_3"]
    assert chain(network, "up_4", 6) == dropping
    assert chain(network, "up_5", 5) == ["up_5", "up_4_rectified", "up_4_skip", "up_4_normalised", "up_4"]
    assert chain(network, "image_range", 3) == ["image_range", "image", "up_7_rectified"]
    for stage in range(1, 8):
        assert feeders(network.get_layer(f"up_{stage}_skip"))[1] == f"down_{8 - stage}_rectified"
    slopes = {x.name: round(float(x.negative_slope), 6) for x in network.layers if isinstance(x, keras.layers.LeakyReLU)}
    assert slopes == {name: 0.2 if name.startswith("down") else 0.0 for name in slopes} and len(slopes) == 15
    dropped = {x.name: x.rate for x in network.layers if isinstance(x, keras.layers.Dropout)}
    assert dropped == {f"up_{stage}_dropout": 0.5 for stage in (1, 2, 3)}


@pytest.mark.parametrize(
    ("merge", "side", "parameters", "widest"),
    [
        ("concat", 256, 35_276_553, (64, 64, 2560)),
        ("add", 256, 11_388_681, (64, 64, 256)),
        ("concat", 128, 18_461_961, (32, 32, 1792)),
        ("add", 128, 7_845_129, (32, 32, 256)),
    ],
)
def test_the_resnet_has_the_blocks_of_its_size(merge: str, side: int, parameters: int, widest: tuple[int, ...]) -> None:
    network = build_resnet(ResNetConfig(merge=merge), image(side), seed=0)
    assert network.count_params() == parameters
    blocks = 9 if side == 256 else 6
    assert shape_of(network, f"block_{blocks}_merged") == widest
    assert shape_of(network, "up_2_rectified") == (side, side, 64)
    assert tuple(network.output.shape[1:]) == (side, side, 3)


def test_the_order_of_the_resnets_layers() -> None:
    network = small("resnet")
    merged = ["block_2_second_normalised", "block_1_merged"]
    assert feeders(network.get_layer("block_2_merged")) == merged
    inner = ["block_2_second", "block_2_first_rectified", "block_2_first_normalised", "block_2_first", "block_1_merged"]
    assert chain(network, "block_2_second", 5) == inner
    ends = ["image_range", "image_normalised", "image", "up_2_rectified", "up_2_normalised", "up_2", "up_1_rectified"]
    assert chain(network, "image_range", 7) == ends
    starts = ["down_1", "wide_rectified", "wide_normalised", "wide", "source"]
    assert chain(network, "down_1", 5) == starts
    assert {float(x.negative_slope) for x in network.layers if isinstance(x, keras.layers.LeakyReLU)} == {0.0}
    bare = build_resnet(ResNetConfig(filters=4, blocks=1, output_norm=False), image(64), seed=0)
    assert chain(bare, "image_range", 2) == ["image_range", "image"]


def test_blocks_can_be_given() -> None:
    assert ResNetConfig(blocks=3).blocks_for(image(256)) == 3
    assert [ResNetConfig().blocks_for(image(*sides)) for sides in ((128, 128), (64, 132), (64, 64))] == [6, 9, 6]


@pytest.mark.parametrize(
    ("conditional", "layers", "norm", "parameters"),
    [
        (True, 4, BATCH, 6_968_257),
        (False, 4, INSTANCE, 6_962_369),
        (True, 3, BATCH, 2_771_393),
        (False, 3, INSTANCE, 2_766_529),
    ],
)
@pytest.mark.parametrize("side", [256, 128])
def test_the_patchgan_has_its_shapes_and_parameters(
    conditional: bool, layers: int, norm: dict[str, Any], parameters: int, side: int
) -> None:
    config = PatchGANConfig(layers=layers, **norm)
    network = plain_copy(build_patchgan(config, image(side), conditional, seed=0))
    assert network.count_params() == parameters
    rows, columns = patches(config, (side, side))
    assert tuple(network.output.shape) == (None, rows, columns, 1)
    assert [tensor.name for tensor in network.inputs] == (["source", "target"] if conditional else ["image"])
    first = chain(network, "conv_2", 3)
    assert first == ["conv_2", "conv_1_rectified", "conv_1"]
    assert chain(network, "scores", 3) == ["scores", f"conv_{layers + 1}_rectified", f"conv_{layers + 1}_normalised"]
    assert {round(float(x.negative_slope), 6) for x in network.layers if isinstance(x, keras.layers.LeakyReLU)} == {0.2}
    assert network.get_layer("scores").activation is keras.activations.linear


def test_source_and_target_are_joined_in_this_order() -> None:
    network = build_patchgan(PatchGANConfig(filters=4), image(32), True, seed=0)
    source, target = np.random.default_rng(0).normal(size=(2, 1, 32, 32, 3)).astype(np.float32)
    assert feeders(network.get_layer("pair")) == ["source", "target"]
    scores = inference_pass(network, [source, target]).numpy()
    assert np.abs(scores - inference_pass(network, [target, source])).max() > 1e-6


@pytest.mark.parametrize("kind", ["unet", "resnet"])
def test_resized_stages_up_have_the_same_weights(kind: str) -> None:
    if kind == "unet":
        networks = [build_unet(UNetConfig(**SMALL_UNET, up=up), image(64), 0) for up in ("transposed", "resize")]
    else:
        networks = [build_resnet(ResNetConfig(filters=4, blocks=1, up=up), image(64), 0) for up in ("transposed", "resize")]
    transposed, resized = networks
    assert transposed.count_params() == resized.count_params() and transposed.output.shape == resized.output.shape
    assert not any(isinstance(layer, keras.layers.Conv2DTranspose) for layer in resized.layers)
    repeated = resized.get_layer("up_1_resized")
    pixels = np.arange(np.prod(repeated.input.shape[1:]), dtype=np.float32).reshape(1, *repeated.input.shape[1:])
    np.testing.assert_array_equal(repeated(pixels), pixels.repeat(2, axis=1).repeat(2, axis=2))
    assert chain(resized, "up_1", 2) == ["up_1", "up_1_resized"] and resized.get_layer("up_1").strides == (1, 1)


@pytest.mark.parametrize("kind", ["unet", "resnet", "patchgan"])
def test_kernels_start_small_each_from_a_seed_of_its_own(kind: str) -> None:
    network, same, other = small(kind), small(kind), small(kind, seed=100)
    kernels = [weight.numpy() for weight in network.weights if weight.name == "kernel"]
    assert all(abs(kernel.std() - 0.02) < 0.006 and abs(kernel.mean()) < 0.006 for kernel in kernels)
    assert len({round(float(kernel.flat[0]), 9) for kernel in kernels}) == len(kernels)
    assert not any(np.any(weight.numpy()) for weight in network.weights if weight.name == "bias")
    assert all(np.array_equal(a, b) for a, b in zip(network.get_weights(), same.get_weights(), strict=True))
    assert not np.array_equal(network.get_weights()[0], other.get_weights()[0])


@pytest.mark.parametrize("kind", ["unet", "resnet", "patchgan"])
def test_bfloat16_gives_float32_at_the_end(kind: str) -> None:
    """Images in the range of tanh; scores by a convolution in float32."""
    images = tf.random.stateless_uniform((2, 64, 64, 3), (0, 0), -1, 1)
    exact, rounded = small(kind), small(kind, "bfloat16")
    outputs = [training_pass(network, images, draw_of(), update_statistics=False).numpy() for network in (exact, rounded)]
    assert outputs[1].dtype == np.float32
    assert rounded.layers[-1].compute_dtype == "float32" and rounded.layers[3].compute_dtype == "bfloat16"
    np.testing.assert_allclose(outputs[0], outputs[1], atol=0.1)
    if kind != "patchgan":
        assert rounded.layers[-1].activation is keras.activations.get(IMAGE_ACTIVATION["symmetric"])
        assert np.abs(outputs[1]).max() <= 1


def test_the_unet_has_the_normalisation_that_its_recipe_says() -> None:
    config = UNetConfig(**SMALL_UNET, batch_norm=BatchNormConfig(momentum=0.5, epsilon=0.01))
    norms = [x for x in build_unet(config, image(64), 0).layers if isinstance(x, BatchNormalization)]
    assert len(norms) == 5 and {(norm.momentum, norm.epsilon) for norm in norms} == {(0.5, 0.01)}
    assert [x.name for x in small("unet").layers if isinstance(x, Dropout)] == ["up_1_dropout"]
    undropped = build_unet(UNetConfig(**SMALL_UNET, dropout=0.0), image(64), 0)
    assert not any(isinstance(layer, Dropout) for layer in undropped.layers)


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="128x256, but sides must be multiples of 256 for 7 generator"):
        build_unet(UNetConfig(filters=(8,) * 7), image(128, 256), 0)
    with pytest.raises(ValueError, match="33x64, whose sides a U-Net cannot halve"):
        build_unet(UNetConfig(), image(33, 64), 0)
    with pytest.raises(ValueError, match="64x70, but sides must be multiples of 4 for a ResNet"):
        build_resnet(ResNetConfig(), image(64, 70), 0)
    assert build_unet(UNetConfig(**SMALL_UNET), image(64, 48), 0).output.shape[1:] == (64, 48, 3)


def test_configurations_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        PatchGANConfig(**BATCH, **INSTANCE)
    with pytest.raises(ValueError, match="dropped_stages=3, but 2 filters"):
        build_unet(UNetConfig(filters=(8, 8)), image(64), 0)


@pytest.mark.parametrize(
    ("sides", "stages"), [((256, 256), 7), ((128, 128), 6), ((64, 64), 5), ((512, 512), 7), ((128, 256), 6), ((192, 320), 5)]
)
def test_a_unet_has_as_many_stages_as_its_images_can_be_halved(sides: tuple[int, int], stages: int) -> None:
    assert UNetConfig().filters_for(image(*sides)) == (64, 128, 256, 512, 512, 512, 512)[:stages]
