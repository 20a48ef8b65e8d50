"""Networks of the GAN of points on a curve: one hidden layer each, no normalisation.

Sizes and initialisers are those of Brownlee, Generative Adversarial Networks with Python, ch. 6.
"""

from itertools import count

import keras

from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.curve import CurveDiscriminatorConfig, CurveGeneratorConfig


def build_generator(
    config: CurveGeneratorConfig, latent_size: int, coordinates: int, seed: int, precision: Precision = "float32"
) -> keras.Model:
    """A generator: latents, float32 (n, latent_size), to points, float32 (n, coordinates), unbounded: the last layer is linear.

    The hidden kernel is He uniform (He et al. 2015), the last one Glorot uniform, Keras' default. The last layer computes in
    float32 in every precision.
    """
    seeds = count(seed)
    inputs = keras.Input((latent_size,), name="latent")
    x = _hidden(inputs, config.units, next(seeds), layer_dtype(precision))
    points = keras.layers.Dense(
        coordinates, kernel_initializer=keras.initializers.GlorotUniform(next(seeds)), dtype="float32", name="point"
    )
    return keras.Model(inputs, points(x), name="generator")


def build_discriminator(
    config: CurveDiscriminatorConfig, coordinates: int, seed: int, precision: Precision = "float32"
) -> keras.Model:
    """A discriminator: points, float32 (n, coordinates), to scores, float32 (n, 1): logits of "this is real".

    Its initialisers are the generator's. The loss applies the sigmoid.
    """
    seeds = count(seed)
    inputs = keras.Input((coordinates,), name="point")
    x = _hidden(inputs, config.units, next(seeds), layer_dtype(precision))
    score = keras.layers.Dense(
        1, kernel_initializer=keras.initializers.GlorotUniform(next(seeds)), dtype="float32", name="score"
    )
    return keras.Model(inputs, score(x), name="discriminator")


def _hidden(x: keras.KerasTensor, units: int, seed: int, dtype: str) -> keras.KerasTensor:
    initializer = keras.initializers.HeUniform(seed)
    return keras.layers.Dense(units, activation="relu", kernel_initializer=initializer, dtype=dtype, name="hidden")(x)
