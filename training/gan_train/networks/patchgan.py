"""The PatchGAN (Isola et al. 2017): a discriminator that scores overlapping patches of an image."""

import keras

from gan_train.networks.blocks import normalised, rectified
from gan_train.networks.translation_blocks import SLOPE, convolved, instance_normalised
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.translation_networks import PatchGANConfig


def build_patchgan(
    config: PatchGANConfig,
    image: ImageConfig,
    conditional: bool,
    seed: int,
    precision: Precision = "float32",
    name: str = "discriminator",
) -> keras.Model:
    """A discriminator: [sources, targets], or images, to scores, float32 (n, rows, columns, 1): logits of "this patch is real".

    All inputs are float32 (n, height, width, channels). The cross-entropy of Pix2Pix applies a sigmoid to the scores; the
    least squares of CycleGAN compare them with 0 and 1 as they are. Scores are computed in float32 in every precision.
    receptive_field.py computes their number and the side of the patches.

    Args:
        config: sizes of the layers.
        image: shape of the source and of the target.
        conditional: whether it scores a target given its source, their channels stacked in the order source, target; else it
            scores an image alone.
        seed: seed of the first initial kernel; each further one has the next seed.
        precision: number format that the layers compute in.
        name: name of the network.
    """
    dtype = layer_dtype(precision)
    if conditional:
        inputs = [keras.Input(image.shape, name="source"), keras.Input(image.shape, name="target")]
        x = keras.layers.Concatenate(dtype=dtype, name="pair")(inputs)
    else:
        inputs = x = keras.Input(image.shape, name="image")
    for number, (filters, strides) in enumerate(zip(config.widths, config.strides[:-1], strict=True)):
        stage = f"conv_{number + 1}"
        x = convolved(x, filters, config.kernel, strides, seed + number, stage, dtype)
        x = rectified(_normalised(x, config, stage, dtype) if number else x, SLOPE, stage, dtype)
    scores = convolved(x, 1, config.kernel, 1, seed + len(config.widths), "scores", "float32")
    return keras.Model(inputs, scores, name=name)


def _normalised(x: keras.KerasTensor, config: PatchGANConfig, stage: str, dtype: str) -> keras.KerasTensor:
    if config.batch_norm:
        return normalised(x, config.batch_norm, stage, dtype)
    return instance_normalised(x, config.instance_norm, stage, dtype) if config.instance_norm else x
