"""A grid of examples made from fixed latents, beside real ones."""

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from gan_core.storage import Folder
from gan_train.data.dataset import Dataset
from gan_train.data.reader import first_examples
from gan_train.extractors.classifier import classifier_for
from gan_train.galleries.base import Gallery, Snapshot
from gan_train.metrics.classes import class_counts, classes_shown, predicted_classes
from gan_train.metrics.diversity import neighbour_ratio
from gan_train.recipe.base import LatentRecipe
from gan_train.sampling.snapshots import Examples, fixed_inputs, generate, network_inputs, reals_png, samples_png
from gan_train.systems.base import SamplingSystem


class SampledGallery(Gallery):
    """Of a run whose generator makes examples from latents.

    Args:
        recipe: of the run.
        system: in training.
        dataset: the real examples are those that training meets first.
        run: keeps the latents.
        facts: what every picture says of itself.
    """

    def __init__(
        self, recipe: LatentRecipe, system: SamplingSystem, dataset: Dataset, run: Folder, facts: Mapping[str, str]
    ) -> None:
        self._recipe, self._system, self._facts = recipe, system, dict(facts)
        self._inputs = fixed_inputs(run, recipe)
        self._reals = first_examples(dataset, recipe.seed, recipe.sample_images)
        self._classifier = classifier_for(dataset.manifest)

    def reals(self) -> bytes:
        return reals_png(self._reals[self._recipe.examples.feature], self._recipe, self._facts)

    def look(self, step: int) -> Snapshot:
        """What is made of the fixed latents, how varied it is, and what the system says of it."""
        made, reals = generate(self._system.sampler, self._inputs, self._recipe), self._reals[self._recipe.examples.feature]
        grid = samples_png(made, reals, self._recipe, self._facts | {"step": str(step)})
        shown = min(len(reals), len(made))
        return Snapshot(
            self._said(shown) | self._diversity(made[:shown], reals[:shown]) | self._classes(made[:shown], shown), grid
        )

    def _said(self, shown: int) -> dict[str, float]:
        """What the system says of as many real examples as generated ones."""
        reals = {name: tf.constant(values[:shown]) for name, values in self._reals.items()}
        scores = self._system.evaluate(reals, network_inputs(self._inputs[:shown], self._recipe.condition))
        return {name: float(value) for name, value in scores.items()}

    def _diversity(self, made: Examples, reals: Examples) -> dict[str, float]:
        """How varied the samples are by the real examples; nothing where less than two of them are looked at, or the real
        ones are all equal."""
        if len(made) < 2:
            return {}
        ratio = neighbour_ratio(made, reals)
        return {"diversity": ratio} if math.isfinite(ratio) else {}

    def _classes(self, made: Examples, shown: int) -> dict[str, float]:
        """How many of the classes of the real examples appear; nothing where no classifier of the package knows them."""
        if self._classifier is None or "label" not in self._reals:
            return {}
        size, count = self._classifier.batch_size, len(self._classifier.class_names)
        seen = [self._classifier.extract(made[start : start + size]) for start in range(0, len(made), size)]
        predicted = predicted_classes(np.concatenate([one.probabilities for one in seen]))
        fakes, reals = class_counts(predicted, count), class_counts(self._reals["label"][:shown], count)
        return {"classes": int(classes_shown(fakes, reals).sum()), "classes_of_reals": int(np.count_nonzero(reals))}
