"""The U-Net generator of Pix2Pix (Ronneberger et al. 2015; Isola et al. 2017), whose stages up also take the outputs of the
stages down."""

from itertools import count

import keras

from gan_train.networks.blocks import in_image_range, normalised, rectified
from gan_train.networks.layers import Dropout
from gan_train.networks.translation_blocks import SLOPE, convolved, doubled
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.translation_networks import UNetConfig


def build_unet(
    config: UNetConfig, image: ImageConfig, seed: int, precision: Precision = "float32", name: str = "generator"
) -> keras.Model:
    """A generator: images to images, both float32 (n, height, width, channels) in the image range.

    It takes no latent: dropout is its only noise. Batch normalisation and dropout work in training mode whenever it translates:
    by `training_pass` in training, by translating.py afterwards. A stage down is convolution, normalisation, leaky rectifier; a
    stage up is transposed convolution, normalisation, dropout, the channels of its stage down, and one rectifier for all. The
    bottleneck is not normalised: with a batch of one image it may have a single pixel, of which normalisation would leave zero.

    Args:
        config: sizes of the layers.
        image: shape and range of the source and of the translation.
        seed: seed of the first initial kernel; each further one has the next seed.
        precision: number format that the layers compute in; the last activation is in float32.
        name: name of the network.

    Raises:
        ValueError: the images' sides cannot be halved so often.
    """
    config.check_sides(image)
    dtype, seeds = layer_dtype(precision), count(seed)
    inputs = keras.Input(image.shape, name="source")
    x, skips = inputs, []
    widths = config.filters_for(image)
    for number, filters in enumerate(widths, 1):
        stage = f"down_{number}"
        x = convolved(x, filters, config.kernel, 2, next(seeds), stage, dtype)
        x = rectified(normalised(x, config.batch_norm, stage, dtype) if number > 1 else x, SLOPE, stage, dtype)
        skips.append(x)
    x = convolved(x, config.bottleneck, config.kernel, 2, next(seeds), "bottleneck", dtype)
    x = rectified(x, 0.0, "bottleneck", dtype)
    for number, (filters, skip) in enumerate(zip(reversed(widths), reversed(skips), strict=True), 1):
        stage = f"up_{number}"
        x = doubled(x, filters, config.kernel, config.up, next(seeds), stage, dtype)
        x = normalised(x, config.batch_norm, stage, dtype)
        if config.dropout and number <= config.dropped_stages:
            x = Dropout(config.dropout, dtype=dtype, name=f"{stage}_dropout")(x)
        x = keras.layers.Concatenate(dtype=dtype, name=f"{stage}_skip")([x, skip])
        x = rectified(x, 0.0, stage, dtype)
    x = doubled(x, image.shape[-1], config.kernel, config.up, next(seeds), "image", dtype)
    return keras.Model(inputs, in_image_range(x, image), name=name)
