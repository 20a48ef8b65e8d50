"""The FID of a generator in training, measured at snapshots by a packaged classifier.

It draws latents of its own, runs the generator in inference mode and changes no variable, so that a training is bit for bit
the same with and without it.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Optional

from gan_train.extractors.base import Extractor
from gan_train.extractors.classifier import classifier_for
from gan_train.metrics.frechet import frechet_distance
from gan_train.metrics.moments import Moments, streaming_moments
from gan_train.recipe.base import LatentRecipe, Recipe
from gan_train.recipe.examples import ImageConfig
from gan_train.scoring.evaluate import FEWEST
from gan_train.scoring.images import Images, fakes, reals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gan_train.data.dataset import Dataset
    from gan_train.systems.base import SamplingSystem, System

COUNT = 1000
"""Images on each side, or all reals if there are fewer. So few make the FID larger than that of 10,000; what they cost is in
docs/measurements.md."""

_SEED = 0


class SnapshotFID:
    """Measures the FID of samples against as many real examples.

    Args:
        recipe: the recipe of the run.
        system: the system in training, whose sampler makes the images.
        dataset: the dataset; its first examples in the order in which scores read them are the reals.
        extractor: takes images of the recipe's shape.
        every: measure at one of so many snapshots, and after the last step.
    """

    def __init__(
        self, recipe: LatentRecipe, system: "SamplingSystem", dataset: "Dataset", extractor: Extractor, every: int
    ) -> None:
        self._recipe, self._system, self._dataset, self._extractor, self._every = recipe, system, dataset, extractor, every
        self._count = min(COUNT, dataset.examples)

    @classmethod
    def of(cls, recipe: Recipe, system: "System", dataset: "Dataset", every: int) -> Optional["SnapshotFID"]:
        """The evaluator of a run; None if it is not wanted, or the run makes no images from latents, keeps dropout, so that
        images must be made one by one, has fewer than 20 examples, or no packaged classifier knows the classes."""
        from gan_train.systems.base import SamplingSystem

        if not every or not isinstance(recipe, LatentRecipe) or not isinstance(system, SamplingSystem):
            return None
        if not isinstance(recipe.examples, ImageConfig) or recipe.drops_in_sampling or dataset.examples < FEWEST:
            return None
        extractor = classifier_for(dataset.manifest)
        return cls(recipe, system, dataset, extractor, every) if extractor else None

    def scores(self, step: int) -> dict[str, float]:
        """The score of a snapshot by its name, or nothing where this snapshot is not measured."""
        if step != self._recipe.steps and step // self._recipe.snapshot_every % self._every:
            return {}
        generated = fakes(self._system.sampler, self._recipe, _SEED, self._count)
        return {"fid": frechet_distance(self._reals, self._moments(generated))}

    @cached_property
    def _reals(self) -> Moments:
        return self._moments(reals(self._dataset, self._count))

    def _moments(self, images: "Iterator[Images]") -> Moments:
        moments, size = streaming_moments(), self._extractor.batch_size
        for batch in images:
            for start in range(0, len(batch), size):
                moments.add(self._extractor.extract(batch.pixels[start : start + size]).features)
        return moments.total()
