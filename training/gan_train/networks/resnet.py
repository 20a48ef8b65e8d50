"""The ResNet generator of CycleGAN (Johnson et al. 2016; Zhu et al. 2017)."""

from itertools import count

import keras

from gan_train.networks.blocks import in_image_range, rectified, small_normal
from gan_train.networks.thin_conv import ThinConv2D
from gan_train.networks.translation_blocks import convolved, doubled, instance_normalised
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.translation_networks import ResNetConfig

_MERGES = {"concat": keras.layers.Concatenate, "add": keras.layers.Add}


def build_resnet(
    config: ResNetConfig, image: ImageConfig, seed: int, precision: Precision = "float32", name: str = "generator"
) -> keras.Model:
    """A generator: images to images, both float32 (n, height, width, channels) in the image range.

    The paper pads by reflection; here, as in Brownlee, Generative Adversarial Networks with Python, ch. 25, all padding is
    zeros. The last convolution, 7x7 to few channels, is a `ThinConv2D`, which is faster on a CPU.

    Args:
        config: sizes of the layers.
        image: shape and range of the source and of the translation.
        seed: seed of the first initial kernel; each further one has the next seed.
        precision: number format that the layers compute in; the last activation is in float32.
        name: name of the network.

    Raises:
        ValueError: the images' sides cannot be halved twice.
    """
    config.check_sides(image)
    dtype, seeds, width = layer_dtype(precision), count(seed), config.filters

    def stage(x: keras.KerasTensor, named: str) -> keras.KerasTensor:
        return rectified(instance_normalised(x, config.instance_norm, named, dtype), 0.0, named, dtype)

    inputs = keras.Input(image.shape, name="source")
    x = stage(convolved(inputs, width, 7, 1, next(seeds), "wide", dtype), "wide")
    for number, filters in enumerate((2 * width, 4 * width), 1):
        x = stage(convolved(x, filters, 3, 2, next(seeds), f"down_{number}", dtype), f"down_{number}")
    for number in range(1, config.blocks_for(image) + 1):
        first, second = f"block_{number}_first", f"block_{number}_second"
        inner = stage(convolved(x, 4 * width, 3, 1, next(seeds), first, dtype), first)
        inner = convolved(inner, 4 * width, 3, 1, next(seeds), second, dtype)
        inner = instance_normalised(inner, config.instance_norm, second, dtype)
        x = _MERGES[config.merge](dtype=dtype, name=f"block_{number}_merged")([inner, x])
    for number, filters in enumerate((2 * width, width), 1):
        x = stage(doubled(x, filters, 3, config.up, next(seeds), f"up_{number}", dtype), f"up_{number}")
    x = ThinConv2D(image.shape[-1], 7, kernel_initializer=small_normal(next(seeds)), dtype=dtype, name="image")(x)
    if config.output_norm:
        x = instance_normalised(x, config.instance_norm, "image", dtype)
    return keras.Model(inputs, in_image_range(x, image), name=name)
