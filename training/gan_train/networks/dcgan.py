"""Networks of the DCGAN family (Radford et al. 2015): strided convolutions down, transposed convolutions up.

The recipes of the package set the layers of Brownlee, Generative Adversarial Networks with Python, ch. 7 to 9 (without
normalisation), 10, 15 and 16 (with it).
"""

from functools import partial

import keras

from gan_train.networks.blocks import IMAGE_ACTIVATION, initializers, normalised, rectified
from gan_train.networks.layers import Dropout
from gan_train.networks.spectral import SpectralNormalization
from gan_train.networks.thin_conv import ThinConv2D
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.network_config import BatchNormConfig, DCGANDiscriminatorConfig, DCGANGeneratorConfig


def build_generator(
    config: DCGANGeneratorConfig, latent_size: int, image: ImageConfig, seed: int, precision: Precision = "float32"
) -> keras.Model:
    """A generator: latents, float32 (n, latent_size), to images, float32 (n, height, width, channels) in the image range.

    In a precision below float32 the last activation is a layer of its own, in float32: bfloat16 would round images to
    fewer steps than their 256.
    """
    dtype = layer_dtype(precision)
    initial = initializers(config.initializer, seed)
    height, width, channels = config.base
    inputs = keras.Input((latent_size,), name="latent")
    project = keras.layers.Dense(height * width * channels, kernel_initializer=next(initial), dtype=dtype, name="project")
    x = _bounded(project, config.spectral_norm)(inputs)
    x = _normalised(x, config.batch_norm if config.project_batch_norm else None, "project", dtype)
    x = rectified(x, config.slope, "project", dtype)
    x = keras.layers.Reshape(config.base, dtype=dtype, name="reshape")(x)
    for stage, (filters, strides) in enumerate(zip(config.filters, config.stage_strides, strict=True), 1):
        up = keras.layers.Conv2DTranspose(
            filters,
            config.kernel,
            strides=strides,
            padding="same",
            kernel_initializer=next(initial),
            dtype=dtype,
            name=f"up_{stage}",
        )
        x = _bounded(up, config.spectral_norm)(x)
        x = rectified(_normalised(x, config.batch_norm, f"up_{stage}", dtype), config.slope, f"up_{stage}", dtype)
        if config.dropout:
            x = Dropout(config.dropout, config.dropout_in_sampling, dtype=dtype, name=f"up_{stage}_dropout")(x)
    convolution = ThinConv2D if config.output_kernel % 2 else partial(keras.layers.Conv2D, padding="same")
    activation = IMAGE_ACTIVATION[image.range]
    last = convolution(
        image.shape[-1],
        config.output_kernel,
        activation=activation if precision == "float32" else None,
        kernel_initializer=next(initial),
        dtype=dtype,
        name="image",
    )
    outputs = _bounded(last, config.spectral_norm)(x)
    if precision != "float32":
        outputs = keras.layers.Activation(activation, dtype="float32", name="image_range")(outputs)
    return keras.Model(inputs, outputs, name="generator")


def build_discriminator(
    config: DCGANDiscriminatorConfig, image: ImageConfig, seed: int, precision: Precision = "float32"
) -> keras.Model:
    """A discriminator: images, float32 (n, height, width, channels), to scores, float32 (n, 1): logits of "this is real".

    The loss applies the sigmoid, so that it does not saturate. The score is computed in float32 in every precision.
    """
    dtype = layer_dtype(precision)
    initial = initializers(config.initializer, seed)
    inputs = keras.Input(image.shape, name="image")
    x = inputs
    for stage, filters in enumerate(config.filters, 1):
        down = keras.layers.Conv2D(
            filters,
            config.kernel,
            strides=config.first_stride if stage == 1 else 2,
            padding="same",
            kernel_initializer=next(initial),
            dtype=dtype,
            name=f"down_{stage}",
        )
        x = _bounded(down, config.spectral_norm)(x)
        norm = config.batch_norm if stage > 1 or config.first_batch_norm else None
        x = rectified(_normalised(x, norm, f"down_{stage}", dtype), config.slope, f"down_{stage}", dtype)
        if config.dropout:
            x = Dropout(config.dropout, dtype=dtype, name=f"down_{stage}_dropout")(x)
    x = keras.layers.Flatten(dtype=dtype, name="flatten")(x)
    if config.flat_dropout:
        x = Dropout(config.flat_dropout, dtype=dtype, name="flat_dropout")(x)
    final = next(initializers(config.score_initializer, seed + len(config.filters)))
    score = keras.layers.Dense(1, kernel_initializer=final, dtype="float32", name="score")
    outputs = _bounded(score, config.spectral_norm)(x)
    return keras.Model(inputs, outputs, name="discriminator")


def _normalised(x: keras.KerasTensor, config: BatchNormConfig | None, stage: str, dtype: str) -> keras.KerasTensor:
    return normalised(x, config, stage, dtype) if config else x


def _bounded(layer: keras.Layer, spectral_norm: bool) -> keras.Layer:
    return SpectralNormalization(layer) if spectral_norm else layer
