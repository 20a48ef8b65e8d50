"""Networks of the conditional GAN (Mirza and Osindero 2014) as a DCGAN: both players take the label as one more channel.

Each player embeds labels in a table of its own. All initialisers are Keras' defaults, and there is no normalisation, as in
Brownlee, Generative Adversarial Networks with Python, ch. 17.
"""

from functools import partial
from itertools import count

import keras

from gan_train.networks.blocks import doubling, in_image_range, label_input, label_map, rectified, strided_trunk
from gan_train.networks.thin_conv import ThinConv2D
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.conditional import ConditionalDiscriminatorConfig, ConditionalGeneratorConfig
from gan_train.recipe.examples import ImageConfig

_SLOPE = 0.2
"""Slope of the rectifiers below zero."""


def build_generator(
    config: ConditionalGeneratorConfig,
    latent_size: int,
    classes: int,
    image: ImageConfig,
    seed: int,
    precision: Precision = "float32",
) -> keras.Model:
    """A generator: [latents, labels] to images.

    Latents are float32 (n, latent_size), labels int32 or int64 (n,) in [0, classes), images float32 (n, height, width,
    channels) in the image range. Raises ValueError when the stages do not grow to the image's size.
    """
    dtype, seeds, glorot = layer_dtype(precision), count(seed), keras.initializers.GlorotUniform
    height, width, channels = config.base
    latent, label = keras.Input((latent_size,), name="latent"), label_input()
    label_channel = label_map(label, classes, config.embedding, (height, width), glorot, seeds, dtype)
    units = height * width * channels
    x = keras.layers.Dense(units, kernel_initializer=glorot(next(seeds)), dtype=dtype, name="project")(latent)
    x = keras.layers.Reshape(config.base, dtype=dtype, name="reshape")(rectified(x, _SLOPE, "project", dtype))
    x = keras.layers.Concatenate(dtype=dtype, name="with_label")([x, label_channel])
    for stage, filters in enumerate(config.filters, 1):
        up = doubling(filters, config.kernel, glorot(next(seeds)), dtype, f"up_{stage}")
        x = rectified(up(x), _SLOPE, f"up_{stage}", dtype)
    convolution = ThinConv2D if config.output_kernel % 2 else partial(keras.layers.Conv2D, padding="same")
    last = convolution(image.shape[-1], config.output_kernel, kernel_initializer=glorot(next(seeds)), dtype=dtype, name="image")
    return keras.Model([latent, label], in_image_range(last(x), image), name="generator")


def build_discriminator(
    config: ConditionalDiscriminatorConfig, classes: int, image: ImageConfig, seed: int, precision: Precision = "float32"
) -> keras.Model:
    """A discriminator: [images, labels] to scores, float32 (n, 1): logits of "this is real, and of this class".

    Images are float32 (n, height, width, channels), labels int32 or int64 (n,) in [0, classes).
    """
    dtype, seeds, glorot = layer_dtype(precision), count(seed), keras.initializers.GlorotUniform
    pixels, label = keras.Input(image.shape, name="image"), label_input()
    label_channel = label_map(label, classes, config.embedding, image.shape[:2], glorot, seeds, dtype)
    x = keras.layers.Concatenate(dtype=dtype, name="with_label")([pixels, label_channel])
    x = strided_trunk(x, config.filters, config.kernel, config.dropout, _SLOPE, glorot, seeds, dtype)
    score = keras.layers.Dense(1, kernel_initializer=glorot(next(seeds)), dtype="float32", name="score")
    return keras.Model([pixels, label], score(x), name="discriminator")
