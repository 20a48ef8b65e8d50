"""The blocks of residual GANs (Gulrajani et al. 2017; Miyato et al. 2018) and self-attention (Zhang et al. 2019)."""

from collections.abc import Callable
from itertools import count

import keras

from gan_train.networks.blocks import initializers
from gan_train.networks.gain import Gain
from gan_train.networks.normalization import BatchNormalization
from gan_train.networks.spectral import SpectralNormalization
from gan_train.recipe.network_config import BatchNormConfig, Initializer

Coefficients = Callable[[int, str], keras.KerasTensor]
"""Numbers for a normalisation, (n, channels), from the number of channels and a layer's name."""


class LayerMaker:
    """Makes the layers of one network that have kernels, each with an initial seed of its own.

    Args:
        initializer: kind of the initial kernels.
        seed: seed of the first kernel; each further one has the next.
        spectral_norm: whether kernels are divided by their largest singular values.
        dtype: number format that the layers compute in.
    """

    def __init__(self, initializer: Initializer, seed: int, spectral_norm: bool, dtype: str) -> None:
        self._initial, self._spectral_norm, self.dtype = initializers(initializer, seed), spectral_norm, dtype

    def convolution(self, filters: int, kernel: int, name: str, bias: bool = True) -> keras.Layer:
        """A convolution that keeps the sides."""
        return self.bounded(
            keras.layers.Conv2D(
                filters,
                kernel,
                padding="same",
                use_bias=bias,
                kernel_initializer=next(self._initial),
                dtype=self.dtype,
                name=name,
            )
        )

    def dense(self, units: int, name: str, bias: bool = True, dtype: str | None = None) -> keras.Layer:
        """A dense layer."""
        initial = next(self._initial)
        return self.bounded(
            keras.layers.Dense(units, use_bias=bias, kernel_initializer=initial, dtype=dtype or self.dtype, name=name)
        )

    def table(self, classes: int, size: int, name: str, dtype: str | None = None) -> keras.Layer:
        """A table with a vector for each class. It is not normalised."""
        initial = next(self._initial)
        return keras.layers.Embedding(classes, size, embeddings_initializer=initial, dtype=dtype or self.dtype, name=name)

    def zero_table(self, classes: int, size: int, name: str) -> keras.Layer:
        """The same, starting at 0."""
        return keras.layers.Embedding(classes, size, embeddings_initializer="zeros", dtype=self.dtype, name=name)

    def bounded(self, layer: keras.Layer) -> keras.Layer:
        """The layer, with spectral normalisation where the network has it."""
        return SpectralNormalization(layer) if self._spectral_norm else layer


def normalised_by(
    x: keras.KerasTensor, gains: keras.KerasTensor, shifts: keras.KerasTensor, config: BatchNormConfig, name: str, dtype: str
) -> keras.KerasTensor:
    """Conditional batch normalisation (de Vries et al. 2017): statistics of the whole batch, (1 + gain) and shift of each
    example.

    Args:
        x: (n, height, width, channels).
        gains, shifts: (n, channels).
        config: the normalisation.
        name: prefix of the layers' names.
        dtype: number format that the layers compute in.
    """
    normal = BatchNormalization(
        config.momentum,
        config.epsilon,
        config.bias_correction,
        synchronized=config.synchronized,
        affine=False,
        dtype=dtype,
        name=f"{name}_normalised",
    )(x)
    factors = keras.layers.Rescaling(1.0, offset=1.0, dtype=dtype, name=f"{name}_factor")(gains)
    everywhere = _at_every_place(factors, f"{name}_factors", dtype), _at_every_place(shifts, f"{name}_shifts", dtype)
    scaled = keras.layers.Multiply(dtype=dtype, name=f"{name}_scaled")([normal, everywhere[0]])
    return keras.layers.Add(dtype=dtype, name=f"{name}_shifted")([scaled, everywhere[1]])


def up_block(
    x: keras.KerasTensor, filters: int, of_class: Coefficients, config: BatchNormConfig, make: LayerMaker, name: str
) -> keras.KerasTensor:
    """A residual block of a generator that doubles the sides.

    Two times conditional batch normalisation, ReLU and a 3x3 convolution, the sides doubled before the first convolution. The
    shortcut's 1x1 convolution stands before its doubling: nearest neighbours commute with it, and there are fewer of them.
    """

    def rectified(x: keras.KerasTensor, part: str) -> keras.KerasTensor:
        channels, named = x.shape[-1], f"{name}_{part}"
        gains, shifts = of_class(channels, f"{named}_gain"), of_class(channels, f"{named}_shift")
        return _relu(normalised_by(x, gains, shifts, config, named, make.dtype), named, make.dtype)

    def doubled(x: keras.KerasTensor, part: str) -> keras.KerasTensor:
        return keras.layers.UpSampling2D(2, dtype=make.dtype, name=f"{name}_{part}_doubled")(x)

    inner = make.convolution(filters, 3, f"{name}_first")(doubled(rectified(x, "first"), "first"))
    inner = make.convolution(filters, 3, f"{name}_second")(rectified(inner, "second"))
    shortcut = doubled(make.convolution(filters, 1, f"{name}_shortcut")(x), "shortcut")
    return keras.layers.Add(dtype=make.dtype, name=name)([inner, shortcut])


def down_block(x: keras.KerasTensor, filters: int, halves: bool, first: bool, make: LayerMaker, name: str) -> keras.KerasTensor:
    """A residual block of a discriminator: two times ReLU and a 3x3 convolution, without normalisation.

    Args:
        x: images or features.
        filters: channels that the block gives.
        halves: whether the sides are halved, by the mean of each 2x2 square.
        first: whether x are images: they are not rectified, and the shortcut averages before its convolution.
        make: makes the layers.
        name: prefix of the layers' names.
    """

    def halved(x: keras.KerasTensor, part: str) -> keras.KerasTensor:
        pool = keras.layers.AveragePooling2D(2, dtype=make.dtype, name=f"{name}_{part}_halved")
        return pool(x) if halves else x

    inner = x if first else _relu(x, f"{name}_first", make.dtype)
    inner = make.convolution(filters, 3, f"{name}_first")(inner)
    inner = make.convolution(filters, 3, f"{name}_second")(_relu(inner, f"{name}_second", make.dtype))
    shortcut = halved(x, "shortcut") if first else x
    if halves or x.shape[-1] != filters:
        shortcut = make.convolution(filters, 1, f"{name}_shortcut")(shortcut)
    shortcut = shortcut if first else halved(shortcut, "shortcut")
    return keras.layers.Add(dtype=make.dtype, name=name)([halved(inner, "inner"), shortcut])


def self_attention(x: keras.KerasTensor, make: LayerMaker, name: str = "attention") -> keras.KerasTensor:
    """x + gamma o(A g(x)), with A = softmax(theta(x) phi(x)^T): every place looks at all others (Zhang et al. 2019).

    theta and phi give C / 8 channels, g gives C / 2, o gives C; phi and g are pooled by two as in BigGAN (Brock et al. 2019).
    No convolution has a bias. gamma starts at 0, so that the block starts as the identity.

    Raises:
        ValueError: x has fewer than 8 channels.
    """
    height, width, channels = x.shape[1:]
    if channels < 8:
        raise ValueError(f"{name}: {channels} channels; attention takes 8 or more, an eighth of which it compares")

    def flat(part: str, filters: int, pooled: bool) -> keras.KerasTensor:
        maps = make.convolution(filters, 1, f"{name}_{part}", bias=False)(x)
        if pooled:
            maps = keras.layers.MaxPooling2D(2, dtype=make.dtype, name=f"{name}_{part}_pooled")(maps)
        places = height * width // (4 if pooled else 1)
        return keras.layers.Reshape((places, filters), dtype=make.dtype, name=f"{name}_{part}_flat")(maps)

    asked, keys = flat("theta", channels // 8, False), flat("phi", channels // 8, True)
    values = flat("g", channels // 2, True)
    weights = keras.layers.Dot((2, 2), dtype=make.dtype, name=f"{name}_products")([asked, keys])
    weights = keras.layers.Softmax(dtype="float32", name=f"{name}_weights")(weights)
    seen = keras.layers.Dot((2, 1), dtype=make.dtype, name=f"{name}_seen")([weights, values])
    seen = keras.layers.Reshape((height, width, channels // 2), dtype=make.dtype, name=f"{name}_maps")(seen)
    seen = make.convolution(channels, 1, f"{name}_o", bias=False)(seen)
    return keras.layers.Add(dtype=make.dtype, name=name)([x, Gain(dtype=make.dtype, name=f"{name}_gain")(seen)])


def parts_of(x: keras.KerasTensor, parts: int, name: str) -> list[keras.KerasTensor]:
    """A vector, (n, size), as vectors of equal sizes, (n, size / parts). Cropping stands for slices, which no layer makes."""
    size = x.shape[-1] // parts
    column = keras.layers.Reshape((x.shape[-1], 1), name=f"{name}_column")(x)
    cropped = (
        keras.layers.Cropping1D((place * size, x.shape[-1] - (place + 1) * size), name=f"{name}_{place}_cropped")(column)
        for place in range(parts)
    )
    return [keras.layers.Reshape((size,), name=f"{name}_{place}")(part) for place, part in zip(count(), cropped, strict=False)]


def _relu(x: keras.KerasTensor, name: str, dtype: str) -> keras.KerasTensor:
    return keras.layers.ReLU(dtype=dtype, name=f"{name}_rectified")(x)


def _at_every_place(x: keras.KerasTensor, name: str, dtype: str) -> keras.KerasTensor:
    return keras.layers.Reshape((1, 1, x.shape[-1]), dtype=dtype, name=name)(x)
