"""The saved translators of a run, and images made from images.

translator = saved_translator("runs/maps")            # the newest; nothing is loaded yet
working = Translating([translator.network()], "training", translator.recipe.image)
(translations,) = working.translations(images, seed=0)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.storage import Folder, open_folder
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.translation import Inference, TranslationRecipe, generator_kind
from gan_train.runs.run_folder import RunRecord, read_record
from gan_train.runs.saved_networks import load_network, saved_step

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

Pixels = NDArray[np.uint8]
"""An image (height, width, 3) or several (n, height, width, 3)."""


@dataclass(frozen=True)
class SavedTranslator:
    """A generator of images from images that a run saved at a step. It is read only when it is used.

    Attributes:
        run: the folder of the run.
        record: what the run was made with.
        recipe: what it was trained by.
        direction: one of the recipe's.
        step: after which it was saved.
    """

    run: Folder
    record: RunRecord
    recipe: TranslationRecipe
    direction: str
    step: int

    @property
    def way(self) -> str:
        """Where it leads, in words."""
        return self.recipe.direction_title(self.direction)

    @property
    def facts(self) -> dict[str, str]:
        """The facts that every picture made with it carries."""
        return {
            "run": self.run.uri,
            "step": str(self.step),
            "dataset": self.record.dataset_digest,
            "recipe": self.recipe.name,
            "direction": self.way,
        }

    @property
    def back(self) -> "SavedTranslator":
        """The translator of the other way. Raises UsageError if the run has none, DataError if it is not saved."""
        others = [direction for direction in self.recipe.directions if direction != self.direction]
        if not others:
            raise UsageError(f"{self.run.uri}: recipe {self.recipe.name} learns no way back; leave --back out")
        saved_step(self.run, generator_kind(others[0]), self.step)
        return replace(self, direction=others[0])

    def network(self) -> "keras.Model":
        """Images to images, both float32 (n, height, width, 3) in the recipe's range. Raises DataError if it is damaged."""
        return load_network(self.run, generator_kind(self.direction), self.step)


def saved_translator(folder: str, direction: str | None = None, step: int | None = None) -> SavedTranslator:
    """The translator of a run in this direction, or the first, saved at this step, or the newest.

    Raises:
        DataError: no run, or no translator in it yet.
        UsageError: none of that step or direction, or the run's generators take latents.
    """
    run = open_folder(folder)
    record = read_record(run)
    if not isinstance(record.recipe, TranslationRecipe):
        raise UsageError(f"{run.uri}: {record.recipe.other_command}")
    direction = _checked_direction(run, record.recipe, direction)
    return SavedTranslator(run, record, record.recipe, direction, saved_step(run, generator_kind(direction), step))


def _checked_direction(run: Folder, recipe: TranslationRecipe, direction: str | None) -> str:
    if direction is None:
        return recipe.directions[0]
    if len(recipe.directions) == 1:
        raise UsageError(f"{run.uri}: recipe {recipe.name} translates one way only; leave --direction out")
    if direction not in recipe.directions:
        raise UsageError(f"--direction {direction}: choose one of: {', '.join(recipe.directions)}")
    return direction


class Translating:
    """Networks at work on images, each on what the one before it made: one translator, or the way there and back.

    Where dropout drops, images go through them one by one, each with numbers that follow from the seed and its own
    pixels; elsewhere all at once.

    Args:
        networks: of Keras' own layers, as a run saves them.
        inference: see `translating_copy`; the same for all.
        image: of the networks; its sides are those of training, and others will do.
    """

    def __init__(self, networks: Sequence["keras.Model"], inference: Inference, image: ImageConfig):
        import tensorflow as tf

        from gan_train.networks.layers import keeps_dropout
        from gan_train.networks.translating import side_multiple, translating_copy

        self.multiple = max(map(side_multiple, networks))
        """Both sides of the images must be multiples of this number of pixels."""
        self._networks = [translating_copy(network, inference, (None, None)) for network in networks]
        self._drops = any(map(keeps_dropout, self._networks))
        self._range = image.range
        # Run without a graph, Keras keeps every layer's output to the end: five times the memory.
        signature = [tf.TensorSpec((None, None, None, image.shape[-1]), tf.uint8), tf.TensorSpec((), tf.uint64)]
        self._run = tf.function(self._translated, input_signature=signature)

    def translations(self, images: Pixels, seed: int) -> list[Pixels]:
        """The output of each network, uint8 (n, height, width, 3).

        Args:
            images: of one size, its sides multiples of `multiple`.
            seed: chooses what dropout drops.
        """
        from gan_train.data.pixels import to_uint8
        from gan_train.numerics.randomness import content_key

        size = 1 if self._drops else len(images)
        made: list[list[Pixels]] = [[] for _ in self._networks]
        for start in range(0, len(images), size):
            part = images[start : start + size]
            key = content_key(f"{seed} {part.shape} ".encode() + part.tobytes()) if self._drops else 0
            for kept, floats in zip(made, self._run(part, np.uint64(key)), strict=True):
                kept.append(to_uint8(floats.numpy(), self._range))
        return [np.concatenate(parts) for parts in made]

    def _translated(self, images: "tf.Tensor", key: "tf.Tensor") -> list["tf.Tensor"]:
        from gan_train.data.pixels import to_range
        from gan_train.networks.passes import inference_pass
        from gan_train.numerics.randomness import picture_draw

        seen, made = to_range(images, self._range), []
        for network in self._networks:
            seen = inference_pass(network, seen, picture_draw(key))
            made.append(seen)
        return made
