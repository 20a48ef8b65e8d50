"""Grids of images and what the generators make of them, and how far that is from what it should be.

Images are translated one by one, so that with batch normalisation none depends on its neighbours (spec E 10, 12). They
are of a split that no step reads, where the dataset has one; the names of scores say so.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.images.grid import png, tile
from gan_train.data.dataset import Dataset
from gan_train.data.pixels import to_range, to_uint8
from gan_train.data.reader import examples_of, first_examples
from gan_train.galleries.base import Gallery, Snapshot
from gan_train.numerics.randomness import picture_draw
from gan_train.recipe.translation import SOURCE, TARGET, A, B, TranslationRecipe
from gan_train.systems.translation import TranslationSystem

Pixels = NDArray[np.uint8]
"""(n, height, width, channels)."""


class TranslatedGallery(Gallery):
    """What both kinds share.

    Args:
        recipe: of the run.
        system: in training.
        dataset: the images shown are the first of its streams.
        facts: what every picture says of itself.
    """

    def __init__(
        self, recipe: TranslationRecipe, system: TranslationSystem, dataset: Dataset, facts: Mapping[str, str]
    ) -> None:
        self._recipe, self._system, self._dataset, self._facts = recipe, system, dataset, dict(facts)
        self._images = first_examples(dataset, recipe.seed, max(recipe.sample_images, recipe.measured_images))
        self._prefix = "unseen" if dataset.shows_unseen else "train"
        # A network runs some times faster as a graph, and as many images are translated at every snapshot.
        self._translate = {direction: _graph(system, direction) for direction in recipe.directions}

    def look(self, step: int) -> Snapshot:
        return Snapshot(self._scores(), self._samples(step))

    @abstractmethod
    def _scores(self) -> dict[str, float]:
        """Mean absolute errors in the image range."""

    @abstractmethod
    def _samples(self, step: int) -> bytes:
        """Images and what becomes of them."""

    def _first(self, name: str) -> Pixels:
        """Those of the grid."""
        return self._images[name][: self._recipe.sample_images]

    def _measured(self, name: str) -> Iterator[tuple[int, tf.Tensor]]:
        """Those that are measured one by one, (1, height, width, channels) in the recipe's range, with their place."""
        for place, image in enumerate(self._images[name][: self._recipe.measured_images]):
            yield place, self._seen(image)

    def _seen(self, image: Pixels) -> tf.Tensor:
        return to_range(tf.constant(image[None]), self._recipe.image.range)

    def _translated(self, direction: str, image: tf.Tensor, place: int) -> tf.Tensor:
        return self._translate[direction](image, tf.constant(self._recipe.seed + place, tf.uint64))

    def _ways(self, images: Pixels, directions: tuple[str, ...]) -> list[Pixels]:
        """Images, and what each direction in turn makes of those before it."""
        ways = [images]
        seen = [self._seen(image) for image in images]
        for direction in directions:
            seen = [self._translated(direction, image, place) for place, image in enumerate(seen)]
            ways.append(to_uint8(np.concatenate(seen), self._recipe.image.range))
        return ways

    def _columns(self, columns: list[Pixels], title: str, facts: Mapping[str, str]) -> bytes:
        """A row for each image, side by side with what belongs to it."""
        together = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
        return png(tile(together, len(columns)), self._facts | {"columns": title, **facts})


class PairGallery(TranslatedGallery):
    """Source, generated, target; and the mean absolute error, beside that of two things that take no learning."""

    def reals(self) -> bytes:
        return self._columns([self._first(SOURCE), self._first(TARGET)], "source, target", {})

    def _samples(self, step: int) -> bytes:
        source, made = self._ways(self._first(SOURCE), self._recipe.directions)
        return self._columns([source, made, self._first(TARGET)], "source, generated, target", {"step": str(step)})

    def _scores(self) -> dict[str, float]:
        """Of translations, of copies of the source, of the mean training target."""
        direction, targets = self._recipe.directions[0], self._images[TARGET]
        errors = [
            _mean_absolute(np.asarray(self._translated(direction, source, place)), self._seen(targets[place]))
            for place, source in self._measured(SOURCE)
        ]
        return {f"{self._prefix}_l1": float(np.mean(errors))} | self._baselines

    @cached_property
    def _baselines(self) -> dict[str, float]:
        mean = self._mean_target
        copies, means = [], []
        for place, source in self._measured(SOURCE):
            target = self._seen(self._images[TARGET][place])
            copies.append(_mean_absolute(np.asarray(source), target))
            means.append(_mean_absolute(mean, target))
        return {f"{self._prefix}_l1_of_copy": float(np.mean(copies)), f"{self._prefix}_l1_of_mean": float(np.mean(means))}

    @property
    def _mean_target(self) -> NDArray[np.float32]:
        """Of all training pairs, (1, height, width, channels) in the image range."""
        total, count = np.zeros(self._recipe.image.shape), 0
        for example in examples_of(self._dataset, self._recipe.seed, self._dataset.streams[0]):
            total += example.values[TARGET]
            count += 1
        return np.asarray(to_range(tf.constant((total / count)[None]), self._recipe.image.range))


class DomainGallery(TranslatedGallery):
    """Images of both domains, their translations and the way back; and how far the way back ends from where it began."""

    def reals(self) -> bytes:
        shown = min(len(self._first(A)), len(self._first(B)))
        return self._columns([self._first(A)[:shown], self._first(B)[:shown]], "a, b", {})

    def _samples(self, step: int) -> bytes:
        there, back = self._recipe.directions
        of_a, of_b = self._ways(self._first(A), (there, back)), self._ways(self._first(B), (back, there))
        shown = min(len(of_a[0]), len(of_b[0]))
        columns = [column[:shown] for column in (*of_a, *of_b)]
        return self._columns(columns, "a, as b, back; b, as a, back", {"step": str(step)})

    def _scores(self) -> dict[str, float]:
        """Of the ways there and back."""
        there, back = self._recipe.directions
        ways = {A: (there, back), B: (back, there)}
        return {f"{self._prefix}_cycle_{name}": self._cycle_error(name, *way) for name, way in ways.items()}

    def _cycle_error(self, name: str, there: str, back: str) -> float:
        errors = []
        for place, image in self._measured(name):
            returned = self._translated(back, self._translated(there, image, place), place)
            errors.append(_mean_absolute(np.asarray(returned), image))
        return float(np.mean(errors))


def _graph(system: TranslationSystem, direction: str) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """One direction as a function of an image and the key of its random numbers."""

    @tf.function
    @tf.autograph.experimental.do_not_convert
    def translate(image: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        return system.translated(direction, image, picture_draw(key))

    return translate


def _mean_absolute(made: NDArray[Any], wanted: tf.Tensor) -> float:
    return float(np.abs(made - np.asarray(wanted)).mean())
