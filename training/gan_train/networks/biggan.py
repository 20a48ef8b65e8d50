"""Networks of residual GANs with a projection discriminator (Miyato and Koyama 2018) and of BigGAN (Brock et al. 2019)."""

import math

import keras

from gan_train.networks.blocks import in_image_range, label_input, normalised, rectified
from gan_train.networks.residual import Coefficients, LayerMaker, down_block, parts_of, self_attention, up_block
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.biggan import ResidualDiscriminatorConfig, ResidualGeneratorConfig
from gan_train.recipe.examples import ImageConfig


def build_generator(
    config: ResidualGeneratorConfig,
    latent_size: int,
    classes: int,
    image: ImageConfig,
    seed: int,
    precision: Precision = "float32",
) -> keras.Model:
    """A generator: [latents, labels] to images.

    Latents are float32 (n, latent_size), labels int32 or int64 (n,) in [0, classes), images float32 (n, height, width,
    channels) in the image range. With `skip_z` the first part of the latent goes to the dense layer and part i to block i;
    the number of parts must divide the latent's size. Raises ValueError when the blocks do not grow to the image's size.
    """
    dtype = layer_dtype(precision)
    make = LayerMaker(config.initializer, seed, config.spectral_norm, dtype)
    latent, label = keras.Input((latent_size,), name="latent"), label_input()
    parts = parts_of(latent, len(config.filters) + 1, "part") if config.skip_z else [latent]
    size = config.shared_embedding
    shared = make.table(classes, size, "class_vector")(label) if size else None
    x = make.dense(math.prod(config.base), "project")(parts[0])
    x = keras.layers.Reshape(config.base, dtype=dtype, name="reshape")(x)
    for stage, filters in enumerate(config.filters, 1):
        part = parts[stage] if config.skip_z else None
        of_class = _derived(shared, part, stage, make) if shared is not None else _looked_up(label, classes, part, make)
        x = up_block(x, filters, of_class, config.batch_norm, make, f"up_{stage}")
        if config.heights[stage - 1] == config.attention:
            x = self_attention(x, make)
    x = rectified(normalised(x, config.batch_norm, "last", dtype), 0.0, "last", dtype)
    x = make.convolution(image.shape[-1], 3, "image")(x)
    return keras.Model([latent, label], in_image_range(x, image), name="generator")


def build_discriminator(
    config: ResidualDiscriminatorConfig, classes: int, image: ImageConfig, seed: int, precision: Precision = "float32"
) -> keras.Model:
    """A discriminator: [images, labels] to scores, float32 (n, 1): w h + b + <v_label, h>.

    Images are float32 (n, height, width, channels), labels int32 or int64 (n,) in [0, classes). The features h are summed over
    all places after the last ReLU; they and the score are computed in float32 in every precision.
    """
    dtype = layer_dtype(precision)
    make = LayerMaker(config.initializer, seed, config.spectral_norm, dtype)
    pixels, label = keras.Input(image.shape, name="image"), label_input()
    x, heights = pixels, config.heights(image.shape[0])
    for stage, filters in enumerate(config.filters, 1):
        x = down_block(x, filters, stage <= config.halvings, stage == 1, make, f"down_{stage}")
        if config.attention in heights and heights.index(config.attention) == stage - 1:
            x = self_attention(x, make)
    x = rectified(x, 0.0, "last", dtype)
    places, channels = math.prod(x.shape[1:3]), x.shape[-1]
    x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="mean")(x)
    features = keras.layers.Rescaling(float(places), dtype="float32", name="features")(x)
    score = make.dense(1, "score", dtype="float32")(features)
    if config.projection:
        vector = make.bounded(make.table(classes, channels, "class_vector", dtype="float32"))(label)
        product = keras.layers.Dot(1, dtype="float32", name="class_score")([vector, features])
        score = keras.layers.Add(dtype="float32", name="scores")([score, product])
    return keras.Model([pixels, label], score, name="discriminator")


def _derived(shared: keras.KerasTensor, part: keras.KerasTensor | None, stage: int, make: LayerMaker) -> Coefficients:
    """Coefficients of a block as linear maps of the shared vector of the class and the block's part of the latent."""
    known = shared
    if part is not None:
        known = keras.layers.Concatenate(dtype=make.dtype, name=f"up_{stage}_known")([shared, part])
    return lambda channels, name: make.dense(channels, name, bias=False)(known)


def _looked_up(label: keras.KerasTensor, classes: int, part: keras.KerasTensor | None, make: LayerMaker) -> Coefficients:
    """Coefficients from a table of their own, which starts at 0, plus a linear map of the block's part of the latent."""

    def of_class(channels: int, name: str) -> keras.KerasTensor:
        if part is None:
            return make.zero_table(classes, channels, name)(label)
        of_latent = make.dense(channels, f"{name}_of_part", bias=False)(part)
        return keras.layers.Add(dtype=make.dtype, name=name)(
            [make.zero_table(classes, channels, f"{name}_table")(label), of_latent]
        )

    return of_class
