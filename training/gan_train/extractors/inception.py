"""Inception v3 with Keras' ImageNet weights (Szegedy et al. 2015): 2048 features of the last pooling layer, 1000 classes.

The weights are 92 MB and not part of this package. They come from the first that exists of --weights, $GANMILL_INCEPTION, the
cache of Keras, and a download into that cache. Inception in other libraries has other weights and another resizer, so scores
are close to theirs, not equal; the protocol of each score has the hash of the weights.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError
from gan_core.quiet import import_tensorflow
from gan_core.storage import open_file
from gan_train.extractors.base import Extracted, Extractor

if TYPE_CHECKING:
    import tensorflow as tf

WEIGHTS = "GANMILL_INCEPTION"
"""Environment variable: a file of weights, local or gs://."""

_NAME = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{_NAME}"
_MD5 = "9a0d58056eeedaa3f26cb7ebd46da564"


class InceptionV3(Extractor):
    """Inception v3.

    Args:
        weights: file of Keras' weights with the class layer, local or gs://; None searches as described above.

    Raises:
        DataError: no weights were found, or the file is damaged.
    """

    name = "inception-v3"
    shape = (299, 299, 3)
    feature_size = 2048
    class_names = tuple(f"ImageNet {number}" for number in range(1000))
    batch_size = 32

    def __init__(self, weights: str | None = None) -> None:
        import_tensorflow()
        folder, name = open_file(weights or os.environ.get(WEIGHTS) or _cached_or_downloaded())
        with folder.local_file(name) as path:
            with open(path, "rb") as file:
                self.hash = hashlib.file_digest(file, "sha256").hexdigest()
            self._network = _network(path, folder.locate(name))

    def extract_batch(self, images: NDArray[np.float32]) -> Extracted:
        features, probabilities = self._network(images / 127.5 - 1.0)
        return Extracted(features.numpy(), probabilities.numpy())


def _network(path: Path, where: str) -> "Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]":
    """A function from images (32, 299, 299, 3) in [-1, 1] to features and probabilities."""
    import keras
    import tensorflow as tf

    classifier = keras.applications.InceptionV3(weights=None)
    try:
        classifier.load_weights(path)
    # Keras and h5py raise whatever they stumble over in a damaged file: TypeError, RuntimeError, ...
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise DataError(f"{where}: not the weights of Keras' InceptionV3 with its classes ({why}); take {_NAME}") from error
    network = keras.Model(classifier.input, [classifier.get_layer("avg_pool").output, classifier.output])

    @tf.function(input_signature=[tf.TensorSpec((InceptionV3.batch_size, *InceptionV3.shape), tf.float32)])
    @tf.autograph.experimental.do_not_convert
    def forward(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features, probabilities = network(images, training=False)
        return features, probabilities

    return forward


def _cached_or_downloaded() -> str:
    """Path of the weights file in the cache of Keras."""
    import keras

    try:
        return str(keras.utils.get_file(_NAME, _URL, cache_subdir="models", file_hash=_MD5))
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise DataError(
            f"no weights for Inception v3, and the download failed ({why}); fetch {_URL} where there is a network and name it "
            f"with --weights FILE or ${WEIGHTS}, or choose --extractor digits, fashion or a classifier run"
        ) from error
