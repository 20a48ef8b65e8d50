"""The U-Net of Pix2Pix (Ronneberger et al. 2015; Isola et al. 2017), spec E 3: what the way down saw joins the way up."""

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
    """Images to images, both float32 (n, height, width, channels) in the image range.

    It has no latent: its noise is its dropout. The specification runs batch normalisation and dropout in training mode
    whenever it translates: see `training_pass` in training, `translating.py` afterwards. A stage down is convolution,
    normalisation, leaky rectifier; a stage up is transposed convolution, normalisation, dropout, its skip beside it, and
    one rectifier for both. The bottleneck, of which a batch of one image may have a single pixel, is not normalised:
    that would leave zeros.

    Args:
        config: sizes of the layers.
        image: of the source as of the translation.
        seed: of the initial kernels.
        precision: in which the layers compute; the last activation stays in float32.
        name: of the network.

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
