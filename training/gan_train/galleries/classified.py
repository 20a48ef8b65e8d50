"""Images that a classifier finds hardest, with what it takes them for, and how often it is right.

They are of a split that no step reads, where the dataset has one; the names of scores say so.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.images.labelled import labelled_png
from gan_train.data.dataset import Dataset
from gan_train.data.reader import first_examples
from gan_train.galleries.base import Gallery, Snapshot
from gan_train.objectives.class_losses import class_cross_entropy
from gan_train.recipe.classifier import ClassifierRecipe
from gan_train.systems.classifier import Classifier

_BATCH = 250


class ClassifiedGallery(Gallery):
    """Of a run that trains a classifier. Classes are shown by number; the pictures' text chunks name them.

    Args:
        recipe: of the run.
        system: in training.
        dataset: the images are the first of what it shows.
        facts: what every picture says of itself.
    """

    def __init__(self, recipe: ClassifierRecipe, system: Classifier, dataset: Dataset, facts: Mapping[str, str]) -> None:
        names = ", ".join(f"{number} {name}" for number, name in enumerate(dataset.class_names))
        self._recipe, self._facts = recipe, dict(facts) | {"classes": names}
        first = first_examples(dataset, recipe.seed, max(recipe.sample_images, recipe.measured_images))
        self._images, self._labels = first["image"], first["label"]
        self._prefix = "unseen" if dataset.shows_unseen else "train"
        # As a graph it runs some times faster, and thousands of images are looked at in every snapshot.
        self._logits = tf.function(
            system.logits, input_signature=[tf.TensorSpec((None, *recipe.image.shape), tf.uint8)], autograph=False
        )

    def reals(self) -> bytes:
        """The first images, each with its class."""
        shown = range(min(len(self._images), self._recipe.sample_images))
        return self._grid(shown, [str(self._labels[place]) for place in shown], {"shows": "class"})

    def look(self, step: int) -> Snapshot:
        """The images whose class it holds least likely, the worst first: "4" is told right, "4 as 9" is taken for a 9.

        Scores are the share of images told right, and the mean cross-entropy in nats.
        """
        told, losses = self._judged()
        hardest = np.argsort(-losses, kind="stable")[: self._recipe.sample_images]
        words = [_word(int(self._labels[place]), int(told[place])) for place in hardest]
        scores = {
            f"{self._prefix}_accuracy": float(np.mean(told == self._measured_labels)),
            f"{self._prefix}_loss": float(np.mean(losses)),
        }
        return Snapshot(
            scores, self._grid(hardest.tolist(), words, {"shows": "class, and as what it is taken", "step": str(step)})
        )

    @property
    def _measured_labels(self) -> NDArray[np.int64]:
        return self._labels[: self._recipe.measured_images]

    def _judged(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Of the measured images: the class each is taken for, and its cross-entropy."""
        images, labels = self._images[: self._recipe.measured_images], self._measured_labels
        logits = tf.concat([self._logits(images[at : at + _BATCH]) for at in range(0, len(images), _BATCH)], axis=0)
        losses = class_cross_entropy(logits, tf.constant(labels))
        return np.argmax(logits, axis=1), losses.numpy().astype(np.float64)

    def _grid(self, places: Sequence[int], words: Sequence[str], facts: dict[str, str]) -> bytes:
        cells = [(word, self._images[place]) for word, place in zip(words, places, strict=True)]
        columns = int(np.ceil(np.sqrt(len(cells))))
        return labelled_png(cells, columns, self._facts | facts)


def _word(label: int, told: int) -> str:
    return str(label) if label == told else f"{label} as {told}"
