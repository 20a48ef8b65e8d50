"""The classifier: one player and one update a step, on a batch of labelled images. It generates nothing.

Generators of other runs are scored by its features; see extractors/classifier.py.
"""

import keras
import tensorflow as tf

from gan_train.data.pixels import to_range
from gan_train.networks.classifier import build_classifier
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.class_losses import class_cross_entropy
from gan_train.objectives.jitter import flipped, shifted
from gan_train.recipe.base import CLASSIFIER
from gan_train.recipe.classifier import ClassifierRecipe
from gan_train.systems.base import Batch, Outcome, Phase, System, Turn, build_player
from gan_train.systems.metrics import class_accuracy


class Classifier(System):
    """The classifier."""

    def __init__(self, recipe: ClassifierRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        self.classifier = build_classifier(recipe.classifier, recipe.classes, recipe.image, recipe.seed, precision)
        self.players = {CLASSIFIER: build_player(CLASSIFIER, self.classifier, recipe.classifier.optimizer, precision)}
        self.reals_per_batch = recipe.batch_size
        self.turns = (Turn((Phase("c", CLASSIFIER, "classifier", self._on_labelled, ("accuracy",)),)),)

    @property
    def models(self) -> dict[str, keras.Model]:
        """The classifier: images in the recipe's range to class logits."""
        return {CLASSIFIER: self.classifier}

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """Class logits of images in inference mode, float32 (n, classes).

        Args:
            images: uint8 (n, height, width, channels).
        """
        return inference_pass(self.classifier, to_range(images, self._recipe.image.range))

    def _on_labelled(self, batch: Batch, draw: Draw) -> Outcome:
        images = to_range(self._augmented(batch["image"], draw), self._recipe.image.range)
        logits = training_pass(self.classifier, images, draw, update_statistics=True)
        labels = batch["label"]
        return Outcome(class_cross_entropy(logits, labels), {"accuracy": class_accuracy(logits, labels)})

    def _augmented(self, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        """Images, uint8, shifted and mirrored as the recipe says."""
        count = self._recipe.batch_size
        if self._recipe.shift:
            images = shifted(images, self._recipe.shift, draw.uniform(count, 2))
        return flipped(images, draw.uniform(count, 1)) if self._recipe.flip else images


SYSTEM = Classifier
