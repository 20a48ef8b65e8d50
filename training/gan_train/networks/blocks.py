"""Groups of layers that several families of networks share. The caller gives kernel initialisers, each with its own seed."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count

import keras

from gan_train.networks.layers import BatchNormalization, Dropout
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.network_config import BatchNormConfig, Initializer

IMAGE_ACTIVATION = {"unit": "sigmoid", "symmetric": "tanh"}
"""Activation of a generator's last layer, by the image range."""


def small_normal(seed: int) -> keras.Initializer:
    """The initialiser N(0, 0.02) of Radford et al. 2015."""
    return keras.initializers.RandomNormal(stddev=0.02, seed=seed)


def initializers(kind: Initializer, seed: int) -> Iterator[keras.Initializer]:
    """Kernel initialisers, one per layer, each with a seed of its own."""
    initializer = {
        "glorot_uniform": keras.initializers.GlorotUniform,
        "normal_0.02": partial(keras.initializers.RandomNormal, stddev=0.02),
        "he_uniform": keras.initializers.HeUniform,
        "he_normal": keras.initializers.HeNormal,
        "orthogonal": keras.initializers.Orthogonal,
    }[kind]
    for number in count(seed):
        yield initializer(seed=number)


def doubling(filters: int, kernel: int, initializer: keras.Initializer, dtype: str, name: str) -> keras.Layer:
    """A transposed convolution of stride 2, which doubles both sides."""
    return keras.layers.Conv2DTranspose(
        filters, kernel, strides=2, padding="same", kernel_initializer=initializer, dtype=dtype, name=name
    )


def rectified(x: keras.KerasTensor, slope: float, stage: str, dtype: str) -> keras.KerasTensor:
    """The tensor after a leaky ReLU with this slope below zero; 0 is ReLU."""
    return keras.layers.LeakyReLU(negative_slope=slope, dtype=dtype, name=f"{stage}_rectified")(x)


def normalised(x: keras.KerasTensor, config: BatchNormConfig, stage: str, dtype: str) -> keras.KerasTensor:
    """The tensor after batch normalisation over the last axis."""
    return BatchNormalization(
        config.momentum,
        config.epsilon,
        config.bias_correction,
        synchronized=config.synchronized,
        dtype=dtype,
        name=f"{stage}_normalised",
    )(x)


def strided_trunk(
    x: keras.KerasTensor,
    filters: Sequence[int],
    kernel: int,
    dropout: float,
    slope: float,
    initializer: Callable[[int], keras.Initializer],
    seeds: Iterator[int],
    dtype: str,
) -> keras.KerasTensor:
    """Features of images, (n, units): a rectified convolution of stride 2 for each entry of `filters`, flattened, then
    dropout.
    """
    for stage, channels in enumerate(filters, 1):
        down = keras.layers.Conv2D(
            channels,
            kernel,
            strides=2,
            padding="same",
            kernel_initializer=initializer(next(seeds)),
            dtype=dtype,
            name=f"down_{stage}",
        )
        x = rectified(down(x), slope, f"down_{stage}", dtype)
    x = keras.layers.Flatten(dtype=dtype, name="flatten")(x)
    return Dropout(dropout, dtype=dtype, name="flat_dropout")(x)


def label_input() -> keras.KerasTensor:
    """An input for class labels, int32 or int64 (n,) in [0, classes)."""
    return keras.Input((), dtype="int32", name="label")


def label_map(
    label: keras.KerasTensor,
    classes: int,
    embedding: int,
    sides: tuple[int, int],
    initializer: Callable[[int], keras.Initializer],
    seeds: Iterator[int],
    dtype: str,
) -> keras.KerasTensor:
    """A label as one channel of an image: embedded, then dense to every pixel, without an activation.

    Args:
        label: an input that `label_input` gives.
        classes: number of classes.
        embedding: size of the vector that stands for a class; it starts uniform in [-0.05, 0.05].
        sides: (height, width) of the map.
        initializer: the initialiser of the dense layer's kernel, from a seed.
        seeds: seeds, of which two are taken.
        dtype: number format that the layers compute in.

    Returns:
        (n, height, width, 1).
    """
    table = keras.initializers.RandomUniform(seed=next(seeds))
    x = keras.layers.Embedding(classes, embedding, embeddings_initializer=table, dtype=dtype, name="label_embedding")(label)
    pixels = sides[0] * sides[1]
    x = keras.layers.Dense(pixels, kernel_initializer=initializer(next(seeds)), dtype=dtype, name="label_dense")(x)
    return keras.layers.Reshape((*sides, 1), dtype=dtype, name="label_map")(x)


def in_image_range(x: keras.KerasTensor, image: ImageConfig) -> keras.KerasTensor:
    """The tensor after the generator's last activation, in float32, since bfloat16 would round images to fewer than 256 steps.

    Raises:
        ValueError: the generator grew to another size than the images have.
    """
    if tuple(x.shape[1:]) != image.shape:
        grown, wanted = ("x".join(map(str, shape)) for shape in (x.shape[1:], image.shape))
        raise ValueError(f"the generator grows to {grown}, but images are {wanted}; change base or the number of filters")
    return keras.layers.Activation(IMAGE_ACTIVATION[image.range], dtype="float32", name="image_range")(x)
