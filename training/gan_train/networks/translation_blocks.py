"""Groups of layers that the U-Net, the ResNet and the PatchGAN share. All kernels start from N(0, 0.02) (Isola et al. 2017)."""

import keras

from gan_train.networks.blocks import doubling, small_normal
from gan_train.networks.instance_norm import InstanceNormalization
from gan_train.recipe.translation_networks import InstanceNormConfig, Up

SLOPE = 0.2
"""Slope of every leaky rectifier below zero."""


def convolved(
    x: keras.KerasTensor, filters: int, kernel: int, strides: int, seed: int, stage: str, dtype: str
) -> keras.KerasTensor:
    """The tensor after a convolution with "same" padding."""
    return keras.layers.Conv2D(
        filters, kernel, strides=strides, padding="same", kernel_initializer=small_normal(seed), dtype=dtype, name=stage
    )(x)


def doubled(x: keras.KerasTensor, filters: int, kernel: int, up: Up, seed: int, stage: str, dtype: str) -> keras.KerasTensor:
    """The tensor with twice the height and width."""
    if up == "resize":
        repeated = keras.layers.UpSampling2D(2, interpolation="nearest", dtype=dtype, name=f"{stage}_resized")(x)
        return convolved(repeated, filters, kernel, 1, seed, stage, dtype)
    return doubling(filters, kernel, small_normal(seed), dtype, stage)(x)


def instance_normalised(x: keras.KerasTensor, config: InstanceNormConfig, stage: str, dtype: str) -> keras.KerasTensor:
    """The tensor after instance normalisation."""
    return InstanceNormalization(config.epsilon, config.axis, dtype=dtype, name=f"{stage}_normalised")(x)
