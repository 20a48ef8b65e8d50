"""Networks of InfoGAN (Chen et al. 2016) with one categorical code. The discriminator and Q, which recognises the code, share
their convolutions:

    image -> trunk -> features -> score head -> score          discriminator: trunk and score head
                               -> code head  -> code logits    recognition (Q): trunk and code head

All five networks are made of the same layers, so that a player can be trained through one network and own the variables of
another. The discriminator's phases move `discriminator`. The generator's phase moves `generator_player`, and runs trunk and
heads
one by one, since of their moving averages only the code head's may follow its batch:

    features = training_pass(networks.trunk, images, draw, update_statistics=False)
    scores = training_pass(networks.score_head, features, draw, update_statistics=False)
    code_logits = training_pass(networks.code_head, features, draw, update_statistics=True)

Normalisation follows the activation, except in the code head, where it precedes it. Sizes are those of Brownlee, Generative
Adversarial Networks with Python, ch. 18.
"""

from dataclasses import dataclass
from itertools import count

import keras

from gan_train.networks.blocks import doubling, in_image_range, normalised, rectified, small_normal
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.infogan import InfoGANDiscriminatorConfig, InfoGANGeneratorConfig
from gan_train.recipe.network_config import BatchNormConfig

_SLOPE = 0.1
"""Slope of the discriminator's and Q's rectifiers below zero; the generator's are ReLU."""


@dataclass(frozen=True)
class DiscriminatorNetworks:
    """The networks of discriminator and Q. Images are float32 (n, height, width, channels), features (n, features).

    Attributes:
        trunk: images to features.
        score_head: features to scores, float32 (n, 1), logits of "this is real".
        code_head: features to code logits, float32 (n, codes).
        discriminator: images to scores, made of trunk and score head.
        recognition: images to code logits, made of trunk and code head.
    """

    trunk: keras.Model
    score_head: keras.Model
    code_head: keras.Model
    discriminator: keras.Model
    recognition: keras.Model


def build_generator(
    config: InfoGANGeneratorConfig,
    latent_size: int,
    image: ImageConfig,
    batch_norm: BatchNormConfig,
    seed: int,
    precision: Precision = "float32",
) -> keras.Model:
    """A generator: noise and one-hot codes, float32 (n, latent_size), to images, float32 (n, height, width, channels).

    The first normalisation has a mean and variance for each number of the flat vector, not for each channel.

    Args:
        config: sizes of the layers.
        latent_size: size of noise and one-hot code together.
        image: shape and range of the images.
        batch_norm: normalisation of all stages but the last.
        seed: seed of the first initial kernel; each further one has the next seed.
        precision: number format that the layers compute in.

    Raises:
        ValueError: the stages do not grow to the image's size.
    """
    dtype, seeds = layer_dtype(precision), count(seed)
    height, width, channels = config.base

    def stage(layer: keras.Layer, x: keras.KerasTensor) -> keras.KerasTensor:
        return normalised(rectified(layer(x), 0.0, layer.name, dtype), batch_norm, layer.name, dtype)

    inputs = keras.Input((latent_size,), name="latent")
    units = height * width * channels
    project = keras.layers.Dense(units, kernel_initializer=small_normal(next(seeds)), dtype=dtype, name="project")
    x = keras.layers.Reshape(config.base, dtype=dtype, name="reshape")(stage(project, inputs))
    convolution = keras.layers.Conv2D(
        config.filters[0],
        config.kernel,
        padding="same",
        kernel_initializer=small_normal(next(seeds)),
        dtype=dtype,
        name="conv",
    )
    x = stage(convolution, x)
    *hidden, last = (
        doubling(filters, config.kernel, small_normal(next(seeds)), dtype, f"up_{number}")
        for number, filters in enumerate((*config.filters[1:], image.shape[-1]), 1)
    )
    for up in hidden:
        x = stage(up, x)
    return keras.Model(inputs, in_image_range(last(x), image), name="generator")


def build_discriminator(
    config: InfoGANDiscriminatorConfig,
    codes: int,
    image: ImageConfig,
    batch_norm: BatchNormConfig,
    seed: int,
    precision: Precision = "float32",
) -> DiscriminatorNetworks:
    """The discriminator and Q. Convolutions start from N(0, 0.02), dense layers from Glorot uniform, Keras' default.

    Args:
        config: sizes of the layers.
        codes: number of values of the categorical code.
        image: shape of the images.
        batch_norm: normalisation of all convolutions but the first, and of the code head.
        seed: seed of the first initial kernel; each further one has the next seed.
        precision: number format that the layers compute in.
    """
    dtype, seeds, glorot = layer_dtype(precision), count(seed), keras.initializers.GlorotUniform
    images = keras.Input(image.shape, name="image")
    x = images
    for stage, filters in enumerate(config.filters, 1):
        convolution = keras.layers.Conv2D(
            filters,
            config.kernel,
            strides=1 if stage == len(config.filters) else 2,
            padding="same",
            kernel_initializer=small_normal(next(seeds)),
            dtype=dtype,
            name=f"down_{stage}",
        )
        x = rectified(convolution(x), _SLOPE, f"down_{stage}", dtype)
        if stage > 1:
            x = normalised(x, batch_norm, f"down_{stage}", dtype)
    flat = keras.layers.Flatten(dtype=dtype, name="flatten")(x)
    # The heads' input is float32 in every precision: they cast it themselves.
    features = keras.Input(flat.shape[1:], name="features")
    score = keras.layers.Dense(1, kernel_initializer=glorot(next(seeds)), dtype="float32", name="score")
    hidden = keras.layers.Dense(config.code_units, kernel_initializer=glorot(next(seeds)), dtype=dtype, name="code_hidden")
    x = rectified(normalised(hidden(features), batch_norm, "code_hidden", dtype), _SLOPE, "code_hidden", dtype)
    logits = keras.layers.Dense(codes, kernel_initializer=glorot(next(seeds)), dtype="float32", name="code_logits")(x)
    code_head = keras.Model(features, logits, name="code_head")
    return DiscriminatorNetworks(
        trunk=keras.Model(images, flat, name="trunk"),
        score_head=keras.Model(features, score(features), name="score_head"),
        code_head=code_head,
        discriminator=keras.Model(images, score(flat), name="discriminator"),
        recognition=keras.Model(images, _chained(code_head, flat), name="recognition"),
    )


def generator_player(generator: keras.Model, networks: DiscriminatorNetworks, q_updates_trunk: bool = False) -> keras.Model:
    """The generator and the code head as one network, which owns the variables that the generator's phase moves.

    It maps [latents, features] to [images, code logits]; with `q_updates_trunk` it maps [latents, images] to the same.

    Args:
        generator: a generator of noise and codes.
        networks: the discriminator and Q.
        q_updates_trunk: whether the phase also moves the shared trunk, by the gradient of the score and of the code. The
            listings of Brownlee, Generative Adversarial Networks with Python, ch. 18, do so in Keras 2, against their text.
    """
    moved = networks.recognition if q_updates_trunk else networks.code_head
    return keras.Model([generator.input, moved.input], [generator.output, moved.output], name="generator_player")


def _chained(network: keras.Model, x: keras.KerasTensor) -> keras.KerasTensor:
    """The output of a sequential network's layers on another input. As one layer the network would hide them from
    `plain_copy`.
    """
    for layer in network.layers[1:]:
        x = layer(x)
    return x
