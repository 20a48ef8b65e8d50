"""Extractors that need no download: small classifiers, from this package or from a run that trained one.

extractor = packaged_classifier("digits")
extracted = extractor.extract(images)   # uint8 (n, 28, 28, 1), n up to extractor.batch_size
"""

import hashlib
import json
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError, UsageError
from gan_core.quiet import import_tensorflow
from gan_core.storage import open_folder, storage_errors
from gan_pipeline.dataset.features import ImageFeature
from gan_pipeline.dataset.manifest import Manifest
from gan_train.extractors.base import Extracted, Extractor
from gan_train.recipe.base import CLASSIFIER
from gan_train.recipe.examples import ImageConfig
from gan_train.runs.layout import networks
from gan_train.runs.run_folder import read_record
from gan_train.runs.saved_networks import check_shapes, load_keras_file, saved_step

if TYPE_CHECKING:
    import tensorflow as tf

Domain = Literal["digits", "fashion"]

DOMAINS: dict[str, Domain] = {"mnist": "digits", "fashion_mnist": "fashion"}
"""The packaged classifier for the classes of each dataset."""

_BATCH = 256


@dataclass(frozen=True)
class Weights:
    """A trained classifier.

    Attributes:
        name: name of the extractor.
        content: bytes of the .keras file.
        image: shape and range of its input images.
        class_names: names of the classes, in the order of the logits.
        origin: path or URI of the file, for messages.
    """

    name: str
    content: bytes
    image: ImageConfig
    class_names: tuple[str, ...]
    origin: str


class ClassifierExtractor(Extractor):
    """A classifier that systems/classifier.py trained; its features are those after the ReLU.

    Loads TensorFlow. Raises DataError if the weights are damaged.
    """

    def __init__(self, weights: Weights) -> None:
        self.name, self.hash = weights.name, hashlib.sha256(weights.content).hexdigest()
        self.shape, self.class_names, self.batch_size = weights.image.shape, weights.class_names, _BATCH
        self._graph, self.feature_size = _graph(weights)

    def extract_batch(self, images: NDArray[np.float32]) -> Extracted:
        features, probabilities = self._graph(images)
        return Extracted(features.numpy(), probabilities.numpy())


@cache
def packaged_classifier(domain: Domain) -> Extractor:
    """A classifier of this package, loaded once. Its card states its accuracy and how it was trained."""
    card, weights = packaged_card(domain), packaged_file(f"{domain}.keras")
    image = ImageConfig.model_validate(card["image"])
    content, names = weights.read_bytes(), tuple(card["class_names"])
    return ClassifierExtractor(Weights(f"{domain}-classifier", content, image, names, str(weights)))


def packaged_card(domain: Domain) -> dict[str, Any]:
    """The card of a classifier of this package, classifiers/DOMAIN.json."""
    card: dict[str, Any] = json.loads(packaged_file(f"{domain}.json").read_text())
    return card


def packaged_file(name: str) -> Traversable:
    """A file in the folder of the packaged classifiers."""
    return files("gan_train") / "extractors" / "classifiers" / name


def run_classifier(folder: str, step: int | None = None) -> Extractor:
    """The classifier that a run saved at this step, or the newest.

    Raises:
        UsageError: the run trains no classifier, or saved none at that step.
        DataError: no run here, no classifier in it yet, or a damaged one.
        StorageError: it cannot be read.
    """
    run = open_folder(folder)
    record = read_record(run)
    recipe, image = record.recipe, record.recipe.examples
    if not recipe.scores_other_runs or not isinstance(image, ImageConfig):
        raise UsageError(f"{run.uri}: recipe {recipe.name} trains no classifier to score by; digit-classifier and its like do")
    name = networks(CLASSIFIER).name(saved_step(run, CLASSIFIER, step))
    return ClassifierExtractor(Weights(recipe.name, run.read(name), image, record.class_names, run.locate(name)))


def classifier_for(manifest: Manifest) -> Extractor | None:
    """The packaged classifier with the classes and image size of a dataset, or None if there is none."""
    domain, image = DOMAINS.get(manifest.name), manifest.features.get("image")
    if domain is None or not isinstance(image, ImageFeature):
        return None
    return packaged_classifier(domain) if list(image.shape) == packaged_card(domain)["image"]["shape"] else None


def _graph(weights: Weights) -> tuple["tf.types.experimental.PolymorphicFunction", int]:
    """A function from a full batch of images to features and probabilities, float32; and the number of features."""
    import_tensorflow()
    import keras
    import tensorflow as tf

    from gan_train.data.pixels import to_range
    from gan_train.networks.classifier import FEATURES

    with tempfile.TemporaryDirectory() as local:
        path = Path(local) / "classifier.keras"
        with storage_errors(path):
            path.write_bytes(weights.content)
        network = load_keras_file(path, weights.origin, "take another")
    check_shapes(network, [weights.image.shape], (len(weights.class_names),), weights.origin)
    if FEATURES not in [layer.name for layer in network.layers]:
        raise DataError(f"{weights.origin}: no classifier of this package, it has no layer {FEATURES!r}; take another")
    extractor = keras.Model(network.inputs, [network.get_layer(FEATURES).output, network.outputs[0]])

    @tf.function(input_signature=[tf.TensorSpec((_BATCH, *weights.image.shape), tf.float32)], autograph=False)
    def extract_batch(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features, logits = extractor(to_range(images, weights.image.range), training=False)
        return features, tf.nn.softmax(logits)

    return extract_batch, extractor.outputs[0].shape[-1]
