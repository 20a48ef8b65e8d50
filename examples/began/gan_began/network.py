"""The autoencoder of BEGAN (Berthelot et al. 2017, figure 1, with strided convolutions)."""

import math
from itertools import count

import keras

from gan_began.recipe import Autoencoder
from gan_train.networks.blocks import in_image_range
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.examples import ImageConfig


def build_autoencoder(config: Autoencoder, image: ImageConfig, seed: int, precision: Precision) -> keras.Model:
    """Images to reconstructions, both float32 (n, height, width, channels) in the image range."""
    dtype, seeds = layer_dtype(precision), count(seed)

    def convolved(x: keras.KerasTensor, channels: int, strides: int, name: str) -> keras.KerasTensor:
        initial = keras.initializers.GlorotUniform(next(seeds))
        convolution = keras.layers.Conv2D(
            channels, config.kernel, strides, "same", kernel_initializer=initial, dtype=dtype, name=name
        )
        return convolution(x)

    def dense(x: keras.KerasTensor, units: int, name: str) -> keras.KerasTensor:
        initial = keras.initializers.GlorotUniform(next(seeds))
        return keras.layers.Dense(units, kernel_initializer=initial, dtype=dtype, name=name)(x)

    def elu(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return keras.layers.Activation("elu", dtype=dtype, name=f"{name}_elu")(x)

    images = x = keras.Input(image.shape, name="image")
    for stage, channels in enumerate(config.filters, 1):
        x = elu(convolved(x, channels, 2, f"down_{stage}"), f"down_{stage}")
    base = x.shape[1:]
    x = dense(keras.layers.Flatten(dtype=dtype, name="flatten")(x), config.code, "code")
    x = keras.layers.Reshape(base, dtype=dtype, name="reshape")(dense(x, math.prod(base), "uncode"))
    for stage, channels in enumerate(reversed(config.filters), 1):
        x = keras.layers.UpSampling2D(2, dtype=dtype, name=f"up_{stage}_doubled")(x)
        x = elu(convolved(x, channels, 1, f"up_{stage}"), f"up_{stage}")
    x = convolved(x, image.shape[-1], 1, "reconstruction")
    return keras.Model(images, in_image_range(x, image), name="discriminator")
