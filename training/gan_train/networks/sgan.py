"""The network of the semi-supervised GAN (Odena 2016; Salimans et al. 2016) that is classifier and discriminator in one.

The discriminator's score is a function of the class logits, `class_losses.real_score`, so the two have every weight in common.
The generator is that of dcgan.py, without labels.
"""

from itertools import count

import keras

from gan_train.networks.blocks import strided_trunk
from gan_train.numerics.precision import Precision, layer_dtype
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.sgan import ClassifierConfig

_SLOPE = 0.2
"""Slope of the rectifiers below zero."""


def build_classifier(
    config: ClassifierConfig, classes: int, image: ImageConfig, seed: int, precision: Precision = "float32"
) -> keras.Model:
    """A classifier: images, float32 (n, height, width, channels), to class logits, float32 (n, classes), before the softmax."""
    dtype, seeds, glorot = layer_dtype(precision), count(seed), keras.initializers.GlorotUniform
    images = keras.Input(image.shape, name="image")
    x = strided_trunk(images, config.filters, config.kernel, config.dropout, _SLOPE, glorot, seeds, dtype)
    logits = keras.layers.Dense(classes, kernel_initializer=glorot(next(seeds)), dtype="float32", name="class_logits")
    return keras.Model(images, logits(x), name="classifier")
