"""A small convolutional classifier of images, with a layer of features to compare images by.

A stage is `convolutions` times convolution, batch normalisation and ReLU; its last convolution halves the sides. The features
are taken after their ReLU, as Inception's pooled features are.
"""

from itertools import count

import keras

from gan_train.networks.blocks import normalised, rectified
from gan_train.networks.layers import Dropout
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.classifier import FeatureClassifierConfig
from gan_train.recipe.examples import ImageConfig

FEATURES = "features"
"""Name of the layer whose output, float32 (n, features), images are compared by."""


def build_classifier(
    config: FeatureClassifierConfig, classes: int, image: ImageConfig, seed: int, precision: Precision = "float32"
) -> keras.Model:
    """A classifier: images, float32 (n, height, width, channels), to class logits, float32 (n, classes), before the softmax."""
    dtype, seeds = layer_dtype(precision), count(seed)
    images = keras.Input(image.shape, name="image")
    x = images
    for stage, filters in enumerate(config.filters, 1):
        for number in range(1, config.convolutions + 1):
            name = f"stage_{stage}_{number}"
            convolution = keras.layers.Conv2D(
                filters,
                config.kernel,
                strides=2 if number == config.convolutions else 1,
                padding="same",
                use_bias=False,
                kernel_initializer=keras.initializers.HeNormal(next(seeds)),
                dtype=dtype,
                name=name,
            )
            x = rectified(normalised(convolution(x), config.batch_norm, name, dtype), 0.0, name, dtype)
    x = keras.layers.Flatten(dtype=dtype, name="flatten")(x)
    initial = keras.initializers.HeNormal(next(seeds))
    x = keras.layers.Dense(config.features, "relu", kernel_initializer=initial, dtype=dtype, name=FEATURES)(x)
    x = Dropout(config.dropout, dtype=dtype, name="features_dropout")(x)
    initial = keras.initializers.GlorotUniform(next(seeds))
    logits = keras.layers.Dense(classes, kernel_initializer=initial, dtype="float32", name="class_logits")
    return keras.Model(images, logits(x), name="classifier")
