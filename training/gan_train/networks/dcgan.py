"""The DCGAN family (Radford et al. 2015): strided convolutions down, transposed convolutions up.

Layer by layer as in spec B 1.3-1.4 (without normalisation) and spec C 1.1 (with it).
"""

from collections.abc import Iterator
from functools import partial
from itertools import count

import keras

from gan_train.networks.layers import BatchNormalization, Dropout
from gan_train.networks.thin_conv import ThinConv2D
from gan_train.recipe import BatchNormConfig, DiscriminatorConfig, GeneratorConfig, ImageConfig

_SLOPE = 0.2
_ACTIVATION = {"unit": "sigmoid", "symmetric": "tanh"}


def build_generator(config: GeneratorConfig, latent_size: int, image: ImageConfig, seed: int) -> keras.Model:
    """Latents, float32 (n, latent_size), to images, float32 (n, height, width, channels) in the image range."""
    initial = _initializers(config.initializer, seed)
    height, width, channels = config.base
    inputs = keras.Input((latent_size,), name="latent")
    x = keras.layers.Dense(height * width * channels, kernel_initializer=next(initial), name="project")(inputs)
    x = _rectified(x, "project")
    x = keras.layers.Reshape(config.base, name="reshape")(x)
    for stage, filters in enumerate(config.filters, 1):
        x = keras.layers.Conv2DTranspose(
            filters, config.kernel, strides=2, padding="same", kernel_initializer=next(initial), name=f"up_{stage}"
        )(x)
        x = _rectified(_normalised(x, config.batch_norm, f"up_{stage}"), f"up_{stage}")
    convolution = ThinConv2D if config.output_kernel % 2 else partial(keras.layers.Conv2D, padding="same")
    outputs = convolution(
        image.shape[-1],
        config.output_kernel,
        activation=_ACTIVATION[image.range],
        kernel_initializer=next(initial),
        name="image",
    )(x)
    return keras.Model(inputs, outputs, name="generator")


def build_discriminator(config: DiscriminatorConfig, image: ImageConfig, seed: int) -> keras.Model:
    """Images, float32 (n, height, width, channels), to scores, float32 (n, 1): logits of "this is real".

    The specification ends in a sigmoid; the loss applies it, which is the same function and does not saturate.
    """
    initial = _initializers(config.initializer, seed)
    inputs = keras.Input(image.shape, name="image")
    x = inputs
    for stage, filters in enumerate(config.filters, 1):
        x = keras.layers.Conv2D(
            filters, config.kernel, strides=2, padding="same", kernel_initializer=next(initial), name=f"down_{stage}"
        )(x)
        x = _rectified(_normalised(x, config.batch_norm, f"down_{stage}"), f"down_{stage}")
        if config.dropout:
            x = Dropout(config.dropout, name=f"down_{stage}_dropout")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    final = next(_initializers("glorot_uniform", seed + len(config.filters)))
    outputs = keras.layers.Dense(1, kernel_initializer=final, name="score")(x)
    return keras.Model(inputs, outputs, name="discriminator")


def _rectified(x: keras.KerasTensor, stage: str) -> keras.KerasTensor:
    return keras.layers.LeakyReLU(negative_slope=_SLOPE, name=f"{stage}_rectified")(x)


def _normalised(x: keras.KerasTensor, config: BatchNormConfig | None, stage: str) -> keras.KerasTensor:
    if config is None:
        return x
    return BatchNormalization(config.momentum, config.epsilon, config.bias_correction, name=f"{stage}_normalised")(x)


def _initializers(kind: str, seed: int) -> Iterator[keras.Initializer]:
    """Kernel initialisers, one per layer, each with a seed of its own."""
    for number in count(seed):
        if kind == "glorot_uniform":
            yield keras.initializers.GlorotUniform(seed=number)
        else:
            yield keras.initializers.RandomNormal(stddev=0.02, seed=number)
