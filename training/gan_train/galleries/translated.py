"""Grids of images and their translations, and the mean absolute errors of translations.

Images are translated one by one, so that with batch normalisation none depends on its neighbours. They are of a split that no
step trains on, where the dataset has one: scores are then named "unseen_...", else "train_...".
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.images.grid import tile
from gan_core.images.labelled import as_shown, framed_png
from gan_core.storage import Folder
from gan_train.data.dataset import Dataset
from gan_train.data.pixels import to_range, to_uint8
from gan_train.data.reader import examples_of, first_examples
from gan_train.galleries.base import Gallery, Snapshot
from gan_train.numerics.randomness import picture_draw
from gan_train.recipe.examples import SOURCE, TARGET, A, B
from gan_train.recipe.translation import TranslationRecipe
from gan_train.systems.translation import TranslationSystem

Pixels = NDArray[np.uint8]
"""Images, uint8 (n, height, width, channels)."""


class TranslatedGallery(Gallery):
    """The base of both galleries of translations.

    Args:
        recipe: the recipe of the run.
        system: the system in training.
        dataset: the dataset; the images are the first of its shown streams.
        run: the run folder, which this gallery does not use.
        facts: text chunks of every picture.
    """

    def __init__(
        self, recipe: TranslationRecipe, system: TranslationSystem, dataset: Dataset, run: Folder, facts: Mapping[str, str]
    ) -> None:
        self._recipe, self._system, self._dataset, self._facts = recipe, system, dataset, dict(facts)
        self._images = first_examples(dataset, recipe.seed, max(recipe.sample_images, recipe.measured_images))
        self._prefix = "unseen" if dataset.shows_unseen else "train"
        # A graph runs some times faster, and every snapshot translates many images.
        self._translate = {direction: _graph(system, direction) for direction in recipe.directions}

    def snapshot(self, step: int) -> Snapshot:
        return Snapshot(self._scores(), self._samples(step))

    @abstractmethod
    def _scores(self) -> dict[str, float]:
        """Mean absolute errors, in the units of the image range."""

    @abstractmethod
    def _samples(self, step: int) -> bytes:
        """A picture of images and their translations."""

    def _first(self, name: str) -> Pixels:
        """The images of the grid."""
        return self._images[name][: self._recipe.sample_images]

    def _measured(self, name: str) -> Iterator[tuple[int, tf.Tensor]]:
        """The measured images, each (1, height, width, channels) in the recipe's range, with its place."""
        for place, image in enumerate(self._images[name][: self._recipe.measured_images]):
            yield place, self._in_range(image)

    def _in_range(self, image: Pixels) -> tf.Tensor:
        return to_range(tf.constant(image[None]), self._recipe.image.range)

    def _translated(self, direction: str, image: tf.Tensor, place: int) -> tf.Tensor:
        return self._translate[direction](image, tf.constant(self._recipe.seed + place, tf.uint64))

    def _chain(self, images: Pixels, directions: tuple[str, ...]) -> list[Pixels]:
        """Images, their translations in the first direction, the translations of those in the second, and so on."""
        chain = [images]
        current = [self._in_range(image) for image in images]
        for direction in directions:
            current = [self._translated(direction, image, place) for place, image in enumerate(current)]
            chain.append(to_uint8(np.concatenate(current), self._recipe.image.range))
        return chain

    def _columns(self, columns: list[Pixels], title: str, facts: Mapping[str, str]) -> bytes:
        """A picture with a row for each image and the given columns."""
        together = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
        headings = re.split("[,;] ", title)
        return framed_png(tile(as_shown(together), len(columns)), self._facts | {"columns": title, **facts}, headings)


class PairGallery(TranslatedGallery):
    """Source, translation and target; and the mean absolute error of translations, and of two guesses that need no training."""

    def reals(self) -> bytes:
        return self._columns([self._first(SOURCE), self._first(TARGET)], "source, target", {})

    def _samples(self, step: int) -> bytes:
        source, translations = self._chain(self._first(SOURCE), self._recipe.directions)
        return self._columns([source, translations, self._first(TARGET)], "source, generated, target", {"step": str(step)})

    def _scores(self) -> dict[str, float]:
        """The errors of translations, of copies of the source, and of the mean training target."""
        direction, targets = self._recipe.directions[0], self._images[TARGET]
        errors = [
            _mean_absolute(np.asarray(self._translated(direction, source, place)), self._in_range(targets[place]))
            for place, source in self._measured(SOURCE)
        ]
        return {f"{self._prefix}_l1": float(np.mean(errors))} | self._baselines

    @cached_property
    def _baselines(self) -> dict[str, float]:
        mean = self._mean_target
        copies, means = [], []
        for place, source in self._measured(SOURCE):
            target = self._in_range(self._images[TARGET][place])
            copies.append(_mean_absolute(np.asarray(source), target))
            means.append(_mean_absolute(mean, target))
        return {f"{self._prefix}_l1_of_copy": float(np.mean(copies)), f"{self._prefix}_l1_of_mean": float(np.mean(means))}

    @property
    def _mean_target(self) -> NDArray[np.float32]:
        """The mean target of all training pairs, (1, height, width, channels) in the image range."""
        total, count = np.zeros(self._recipe.image.shape), 0
        for example in examples_of(self._dataset, self._recipe.seed, self._dataset.streams[0]):
            total += example.values[TARGET]
            count += 1
        return np.asarray(to_range(tf.constant((total / count)[None]), self._recipe.image.range))


class DomainGallery(TranslatedGallery):
    """Images of both domains, their translations and the translations back; and the error of these (cycle consistency)."""

    def reals(self) -> bytes:
        shown = min(len(self._first(A)), len(self._first(B)))
        return self._columns([self._first(A)[:shown], self._first(B)[:shown]], "a, b", {})

    def _samples(self, step: int) -> bytes:
        there, back = self._recipe.directions
        of_a, of_b = self._chain(self._first(A), (there, back)), self._chain(self._first(B), (back, there))
        shown = min(len(of_a[0]), len(of_b[0]))
        columns = [column[:shown] for column in (*of_a, *of_b)]
        return self._columns(columns, "a, as b, back; b, as a, back", {"step": str(step)})

    def _scores(self) -> dict[str, float]:
        """The mean absolute errors after a translation there and back, by domain."""
        there, back = self._recipe.directions
        cycles = {A: (there, back), B: (back, there)}
        return {f"{self._prefix}_cycle_{name}": self._cycle_error(name, *cycle) for name, cycle in cycles.items()}

    def _cycle_error(self, name: str, there: str, back: str) -> float:
        errors = []
        for place, image in self._measured(name):
            returned = self._translated(back, self._translated(there, image, place), place)
            errors.append(_mean_absolute(np.asarray(returned), image))
        return float(np.mean(errors))


def _graph(system: TranslationSystem, direction: str) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The translation in a direction as a graph: a function of an image and the key of its random numbers."""

    @tf.function
    @tf.autograph.experimental.do_not_convert
    def translate(image: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        return system.translated(direction, image, picture_draw(key))

    return translate


def _mean_absolute(images: NDArray[Any], others: tf.Tensor) -> float:
    return float(np.abs(images - np.asarray(others)).mean())
