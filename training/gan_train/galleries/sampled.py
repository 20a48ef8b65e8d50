"""A grid of examples made from fixed latents, beside real ones."""

import math
from collections.abc import Mapping

import tensorflow as tf

from gan_pipeline.storage import Folder
from gan_train.data.dataset import Dataset
from gan_train.data.input import first_examples
from gan_train.evaluation.diversity import neighbour_ratio
from gan_train.galleries.base import Gallery
from gan_train.recipe.base import LatentRecipe
from gan_train.snapshots import fixed_inputs, generate, network_inputs, reals_png, samples_png
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

    def reals(self) -> bytes:
        return reals_png(self._reals[self._recipe.examples.feature], self._recipe, self._facts)

    def samples(self, step: int) -> bytes:
        made = generate(self._system.sampler, self._inputs, self._recipe)
        shown = self._reals[self._recipe.examples.feature]
        return samples_png(made, shown, self._recipe, self._facts | {"step": str(step)})

    def scores(self) -> dict[str, float]:
        shown = min(len(self._reals[self._recipe.examples.feature]), len(self._inputs))
        reals = {name: tf.constant(values[:shown]) for name, values in self._reals.items()}
        scores = self._system.evaluate(reals, network_inputs(self._inputs[:shown], self._recipe.condition))
        return {name: float(value) for name, value in scores.items()} | self._diversity(shown)

    def _diversity(self, shown: int) -> dict[str, float]:
        """How varied the samples are by the real examples; nothing where less than two of them are looked at, or the real
        ones are all equal."""
        if shown < 2:
            return {}
        made = generate(self._system.sampler, self._inputs[:shown], self._recipe)
        ratio = neighbour_ratio(made, self._reals[self._recipe.examples.feature][:shown])
        return {"diversity": ratio} if math.isfinite(ratio) else {}
