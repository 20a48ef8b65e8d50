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
from gan_train.metrics.diversity import common_share, distance_ratio, distinct, neighbour_ratio, roughness_ratio
from gan_train.recipe.base import LatentRecipe
from gan_train.sampling.snapshots import Examples, fixed_inputs, generate, network_inputs, reals_png, samples_png
from gan_train.systems.base import SamplingSystem


class SampledGallery(Gallery):
    """The gallery of a run whose generator makes examples from latents.

    Args:
        recipe: the recipe of the run.
        system: the system in training.
        dataset: the dataset; the real examples are those that training reads first.
        run: the run folder, which holds the latents.
        facts: text chunks of every picture.
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

    def snapshot(self, step: int) -> Snapshot:
        """The samples of the fixed latents, their diversity, and the system's own scores."""
        samples, reals = generate(self._system.sampler, self._inputs, self._recipe), self._reals[self._recipe.examples.feature]
        grid = samples_png(samples, reals, self._recipe, self._facts | {"step": str(step)})
        shown = min(len(reals), len(samples))
        samples, reals = samples[:shown], reals[:shown]
        return Snapshot(self._system_scores(shown) | _pixel_scores(samples, reals) | self._classes(samples, shown), grid)

    def _system_scores(self, shown: int) -> dict[str, float]:
        """The system's own scores of as many real examples as generated ones."""
        reals = {name: tf.constant(values[:shown]) for name, values in self._reals.items()}
        scores = self._system.evaluate(reals, network_inputs(self._inputs[:shown], self._recipe.condition))
        return {name: float(value) for name, value in scores.items()}

    def _classes(self, samples: Examples, shown: int) -> dict[str, float]:
        """The number of classes among the samples and among the real examples; none where no packaged classifier knows them."""
        if self._classifier is None or "label" not in self._reals:
            return {}
        size, count = self._classifier.batch_size, len(self._classifier.class_names)
        outputs = [self._classifier.extract(samples[start : start + size]) for start in range(0, len(samples), size)]
        predicted = predicted_classes(np.concatenate([one.probabilities for one in outputs]))
        fakes, reals = class_counts(predicted, count), class_counts(self._reals["label"][:shown], count)
        return {"classes": int(classes_shown(fakes, reals).sum()), "classes_of_reals": int(np.count_nonzero(reals))}


def _pixel_scores(samples: Examples, reals: Examples) -> dict[str, float]:
    """The measures of how samples differ from each other and from as many real examples, without those that are infinite. Of a
    single sample, which differs from no other, only the real examples are counted."""
    # Of points, which have two coordinates, the mean says little.
    are_images, several = reals.ndim == 4, len(samples) > 1
    scores: dict[str, float] = {"distinct_reals": distinct(reals), "reals": len(reals)} if are_images else {}
    if several:
        scores["diversity"] = neighbour_ratio(samples, reals)
    if several and are_images:
        scores |= {"common": common_share(samples, reals), "distance": distance_ratio(samples, reals)}
        scores["roughness"] = roughness_ratio(samples, reals)
    return {name: value for name, value in scores.items() if math.isfinite(value)}
