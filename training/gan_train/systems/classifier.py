"""The domain classifier: one player, one update a step, on a batch of labelled images. It generates nothing.

Others are scored by it: evaluation/extractors/classifier.py takes its features and class probabilities.
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
from gan_train.recipe.classifier import ClassifierRecipe
from gan_train.systems.base import Batch, Outcome, Phase, System, Turn, build_player
from gan_train.systems.score_metrics import right_class

CLASSIFIER = "classifier"


class Classifier(System):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: ClassifierRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        self.classifier = build_classifier(recipe.classifier, recipe.classes, recipe.image, recipe.seed, precision)
        self.players = {CLASSIFIER: build_player(CLASSIFIER, self.classifier, recipe.classifier.optimizer, precision)}
        self.reals_per_batch = recipe.batch_size
        self.turns = (Turn((Phase("c", CLASSIFIER, self._on_labelled, ("accuracy",)),)),)

    @property
    def models(self) -> dict[str, keras.Model]:
        """Images in the recipe's range to class logits."""
        return {CLASSIFIER: self.classifier}

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """What it holds images, uint8 (n, height, width, channels), for: float32 (n, classes), in inference mode."""
        return inference_pass(self.classifier, to_range(images, self._recipe.image.range))

    def _on_labelled(self, batch: Batch, draw: Draw) -> Outcome:
        images = to_range(self._varied(batch["image"], draw), self._recipe.image.range)
        logits = training_pass(self.classifier, images, draw, update_statistics=True)
        labels = batch["label"]
        return Outcome(class_cross_entropy(logits, labels), {"accuracy": right_class(logits, labels)})

    def _varied(self, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        """Stored images, uint8, moved and mirrored as the recipe says."""
        count = self._recipe.batch_size
        if self._recipe.shift:
            images = shifted(images, self._recipe.shift, draw.uniform(count, 2))
        return flipped(images, draw.uniform(count, 1)) if self._recipe.flip else images
