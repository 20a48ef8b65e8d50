"""The semi-supervised GAN (Odena 2016; Salimans et al. 2016), spec D 5: one network is classifier and discriminator.

The discriminator's score is a function of the class logits, `class_losses.real_score`, so the two have every weight in
common. The generator is that of dcgan.py, without labels: base 7x7x128, filters (128, 128), no normalisation.
"""

from itertools import count

import keras

from gan_train.network_config import ClassifierConfig
from gan_train.networks.blocks import rectified
from gan_train.networks.layers import Dropout
from gan_train.precision import Precision, layer_dtype
from gan_train.recipe import ImageConfig

_SLOPE = 0.2


def build_classifier(
    config: ClassifierConfig, classes: int, image: ImageConfig, seed: int, precision: Precision = "float32"
) -> keras.Model:
    """Images, float32 (n, height, width, channels), to class logits, float32 (n, classes), before the softmax."""
    dtype, seeds, glorot = layer_dtype(precision), count(seed), keras.initializers.GlorotUniform
    images = keras.Input(image.shape, name="image")
    x = images
    for stage, filters in enumerate(config.filters, 1):
        down = keras.layers.Conv2D(
            filters,
            config.kernel,
            strides=2,
            padding="same",
            kernel_initializer=glorot(next(seeds)),
            dtype=dtype,
            name=f"down_{stage}",
        )
        x = rectified(down(x), _SLOPE, f"down_{stage}", dtype)
    x = keras.layers.Flatten(dtype=dtype, name="flatten")(x)
    x = Dropout(config.dropout, dtype=dtype, name="flat_dropout")(x)
    logits = keras.layers.Dense(classes, kernel_initializer=glorot(next(seeds)), dtype="float32", name="class_logits")
    return keras.Model(images, logits(x), name="classifier")
