"""The images on which a classifier has the largest loss, with the class it predicts, and its accuracy.

The images are of a split that no step trains on, where the dataset has one: scores are then named "unseen_...", else
"train_...".
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.images.labelled import labelled_png
from gan_core.storage import Folder
from gan_train.data.dataset import Dataset
from gan_train.data.reader import first_examples
from gan_train.galleries.base import Gallery, Snapshot
from gan_train.objectives.class_losses import class_cross_entropy
from gan_train.recipe.classifier import ClassifierRecipe
from gan_train.systems.classifier import Classifier

_BATCH = 250
"""Images that the classifier takes at once."""


class ClassifiedGallery(Gallery):
    """The gallery of a run that trains a classifier. Pictures show classes by number; their text chunks name them.

    Args:
        recipe: the recipe of the run.
        system: the system in training.
        dataset: the dataset; the images are the first of its shown stream.
        run: the run folder, which this gallery does not use.
        facts: text chunks of every picture.
    """

    def __init__(
        self, recipe: ClassifierRecipe, system: Classifier, dataset: Dataset, run: Folder, facts: Mapping[str, str]
    ) -> None:
        names = ", ".join(f"{number} {name}" for number, name in enumerate(dataset.class_names))
        self._recipe, self._facts = recipe, dict(facts) | {"classes": names}
        first = first_examples(dataset, recipe.seed, max(recipe.sample_images, recipe.measured_images))
        self._images, self._labels = first["image"], first["label"]
        self._prefix = "unseen" if dataset.shows_unseen else "train"
        # A graph runs some times faster, and every snapshot classifies thousands of images.
        self._logits = tf.function(
            system.logits, input_signature=[tf.TensorSpec((None, *recipe.image.shape), tf.uint8)], autograph=False
        )

    def reals(self) -> bytes:
        """The first images, each with the number of its class."""
        shown = range(min(len(self._images), self._recipe.sample_images))
        return self._grid(shown, [str(self._labels[place]) for place in shown], {"shows": "class"})

    def snapshot(self, step: int) -> Snapshot:
        """The images whose class has the least predicted probability, the worst first: "4" is right, "4 as 9" is taken for a 9.

        The scores are the accuracy, and the mean cross-entropy in nats.
        """
        predicted, losses = self._classified()
        hardest = np.argsort(-losses, kind="stable")[: self._recipe.sample_images]
        words = [_word(int(self._labels[place]), int(predicted[place])) for place in hardest]
        scores = {
            f"{self._prefix}_accuracy": float(np.mean(predicted == self._measured_labels)),
            f"{self._prefix}_loss": float(np.mean(losses)),
        }
        return Snapshot(
            scores, self._grid(hardest.tolist(), words, {"shows": "class, and as what it is taken", "step": str(step)})
        )

    @property
    def _measured_labels(self) -> NDArray[np.int64]:
        return self._labels[: self._recipe.measured_images]

    def _classified(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The predicted class, and the cross-entropy in nats, of each measured image."""
        images, labels = self._images[: self._recipe.measured_images], self._measured_labels
        logits = tf.concat([self._logits(images[at : at + _BATCH]) for at in range(0, len(images), _BATCH)], axis=0)
        losses = class_cross_entropy(logits, tf.constant(labels))
        return np.argmax(logits, axis=1), losses.numpy().astype(np.float64)

    def _grid(self, places: Sequence[int], words: Sequence[str], facts: dict[str, str]) -> bytes:
        cells = [(word, self._images[place]) for word, place in zip(words, places, strict=True)]
        columns = int(np.ceil(np.sqrt(len(cells))))
        return labelled_png(cells, columns, self._facts | facts)


def _word(label: int, predicted: int) -> str:
    return str(label) if label == predicted else f"{label} as {predicted}"
