"""Networks of the auxiliary classifier GAN (Odena et al. 2017): the discriminator predicts the class and does not take it.

Convolutions and the layers before them start from N(0, 0.02), the discriminator's two heads and the embedding from Keras'
defaults. Normalisation precedes the activation, as in Brownlee, Generative Adversarial Networks with Python, ch. 19.
"""

from itertools import count

import keras

from gan_train.networks.blocks import doubling, in_image_range, label_input, label_map, normalised, rectified, small_normal
from gan_train.networks.layers import Dropout
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.acgan import ACGANDiscriminatorConfig, ACGANGeneratorConfig
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.network_config import BatchNormConfig

_SLOPE = 0.2
"""Slope of the discriminator's rectifiers below zero; the generator's are ReLU."""


def build_generator(
    config: ACGANGeneratorConfig,
    latent_size: int,
    classes: int,
    image: ImageConfig,
    batch_norm: BatchNormConfig,
    seed: int,
    precision: Precision = "float32",
) -> keras.Model:
    """A generator: [latents, labels] to images.

    Latents are float32 (n, latent_size), labels int32 or int64 (n,) in [0, classes), images float32 (n, height, width,
    channels) in the image range. Raises ValueError when the stages do not grow to the image's size.
    """
    dtype, seeds = layer_dtype(precision), count(seed)
    height, width, channels = config.base
    latent, label = keras.Input((latent_size,), name="latent"), label_input()
    label_channel = label_map(label, classes, config.embedding, (height, width), small_normal, seeds, dtype)
    units = height * width * channels
    x = keras.layers.Dense(units, kernel_initializer=small_normal(next(seeds)), dtype=dtype, name="project")(latent)
    x = keras.layers.Reshape(config.base, dtype=dtype, name="reshape")(rectified(x, 0.0, "project", dtype))
    x = keras.layers.Concatenate(dtype=dtype, name="with_label")([x, label_channel])
    *hidden, last = (
        doubling(filters, config.kernel, small_normal(next(seeds)), dtype, f"up_{stage}")
        for stage, filters in enumerate((*config.filters, image.shape[-1]), 1)
    )
    for up in hidden:
        x = rectified(normalised(up(x), batch_norm, up.name, dtype), 0.0, up.name, dtype)
    return keras.Model([latent, label], in_image_range(last(x), image), name="generator")


def build_discriminator(
    config: ACGANDiscriminatorConfig,
    classes: int,
    image: ImageConfig,
    batch_norm: BatchNormConfig,
    seed: int,
    precision: Precision = "float32",
) -> keras.Model:
    """A discriminator: images, float32 (n, height, width, channels), to [scores, class logits].

    Scores are float32 (n, 1), logits of "this is real"; class logits are float32 (n, classes), before the softmax.
    """
    dtype, seeds, glorot = layer_dtype(precision), count(seed), keras.initializers.GlorotUniform
    images = keras.Input(image.shape, name="image")
    x = images
    for stage, filters in enumerate(config.filters, 1):
        convolution = keras.layers.Conv2D(
            filters,
            config.kernel,
            strides=2 if stage % 2 else 1,
            padding="same",
            kernel_initializer=small_normal(next(seeds)),
            dtype=dtype,
            name=f"down_{stage}",
        )
        x = convolution(x)
        if stage > 1:
            x = normalised(x, batch_norm, f"down_{stage}", dtype)
        x = rectified(x, _SLOPE, f"down_{stage}", dtype)
        x = Dropout(config.dropout, dtype=dtype, name=f"down_{stage}_dropout")(x)
    x = keras.layers.Flatten(dtype=dtype, name="flatten")(x)
    score = keras.layers.Dense(1, kernel_initializer=glorot(next(seeds)), dtype="float32", name="score")
    logits = keras.layers.Dense(classes, kernel_initializer=glorot(next(seeds)), dtype="float32", name="class_logits")
    return keras.Model(images, [score(x), logits(x)], name="discriminator")
