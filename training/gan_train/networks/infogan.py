"""InfoGAN (Chen et al. 2016) with one categorical code, spec D 3: the discriminator and Q see with the same eyes.

    image -> trunk -> features -> score head -> score          discriminator: trunk and score head
                               -> code head  -> code logits    recognition (Q): trunk and code head

All five networks are made of the same layers, so that a player can be trained through one and moved by another: the
discriminator's phases move `discriminator`; the generator's phase moves `generator_player`, and runs trunk and heads one
by one, since of their moving averages only the code head's may follow it:

    features = training_pass(networks.trunk, images, draw, update_statistics=False)
    scores = training_pass(networks.score_head, features, draw, update_statistics=False)
    code_logits = training_pass(networks.code_head, features, draw, update_statistics=True)

Normalisation follows the activation, but for the code head's, which precedes it.
"""

from dataclasses import dataclass
from itertools import count

import keras

from gan_train.networks.blocks import in_image_range, normalised, rectified, small_normal
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.network_config import BatchNormConfig, InfoGANDiscriminatorConfig, InfoGANGeneratorConfig

_SLOPE = 0.1
"""Of the discriminator's and Q's rectifiers; the generator's are ReLU."""


@dataclass(frozen=True)
class DiscriminatorNetworks:
    """Images are float32 (n, height, width, channels) and features (n, features); the rest is float32.

    Attributes:
        trunk: images to features.
        score_head: features to scores, (n, 1), logits of "this is real".
        code_head: features to code logits, (n, codes).
        discriminator: images to scores, by trunk and score head.
        recognition: images to code logits, by trunk and code head.
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
    """Latents with codes, float32 (n, latent_size), noise first, to images, float32 (n, height, width, channels).

    The first normalisation has a mean and variance for each number of the flat vector, not for each channel.

    Args:
        config: sizes of the layers.
        latent_size: of noise and one-hot code together.
        image: shape and range of the images.
        batch_norm: of all stages but the last.
        seed: of the initial kernels.
        precision: in which the layers compute.

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
        keras.layers.Conv2DTranspose(
            filters,
            config.kernel,
            strides=2,
            padding="same",
            kernel_initializer=small_normal(next(seeds)),
            dtype=dtype,
            name=f"up_{number}",
        )
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
    """The discriminator and Q. Convolutions start from N(0, 0.02), dense layers Glorot uniform, Keras' default.

    Args:
        config: sizes of the layers.
        codes: how many values the categorical code has.
        image: shape of the images.
        batch_norm: of all convolutions but the first, and of the code head.
        seed: of the initial kernels.
        precision: in which the layers compute.
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
    seen = keras.layers.Flatten(dtype=dtype, name="flatten")(x)
    # float32 even below: the heads cast what they take.
    features = keras.Input(seen.shape[1:], name="features")
    score = keras.layers.Dense(1, kernel_initializer=glorot(next(seeds)), dtype="float32", name="score")
    hidden = keras.layers.Dense(config.code_units, kernel_initializer=glorot(next(seeds)), dtype=dtype, name="code_hidden")
    x = rectified(normalised(hidden(features), batch_norm, "code_hidden", dtype), _SLOPE, "code_hidden", dtype)
    logits = keras.layers.Dense(codes, kernel_initializer=glorot(next(seeds)), dtype="float32", name="code_logits")(x)
    code_head = keras.Model(features, logits, name="code_head")
    return DiscriminatorNetworks(
        trunk=keras.Model(images, seen, name="trunk"),
        score_head=keras.Model(features, score(features), name="score_head"),
        code_head=code_head,
        discriminator=keras.Model(images, score(seen), name="discriminator"),
        recognition=keras.Model(images, _chained(code_head, seen), name="recognition"),
    )


def generator_player(generator: keras.Model, networks: DiscriminatorNetworks, q_updates_trunk: bool = False) -> keras.Model:
    """What the generator's phase moves, as the one network of a player: the generator and the code head.

    [latents, features] to [images, code logits]; with `q_updates_trunk` [latents, images] to the same.

    Args:
        generator: built for latents with codes.
        networks: the discriminator and Q.
        q_updates_trunk: move the shared trunk too, by the gradient of the score and of the code. So did the Keras of the
            specification's sources, against their prose (spec D 6.1).
    """
    moved = networks.recognition if q_updates_trunk else networks.code_head
    return keras.Model([generator.input, moved.input], [generator.output, moved.output], name="generator_player")


def _chained(network: keras.Model, x: keras.KerasTensor) -> keras.KerasTensor:
    """The layers of a sequential network on another input; the network as one layer would hide them from `plain_copy`."""
    for layer in network.layers[1:]:
        x = layer(x)
    return x
