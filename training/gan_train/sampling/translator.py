"""Translators that a run saved, and translations by them.

translator = saved_translator("runs/maps")            # the newest; nothing is loaded yet
translating = Translating([translator.network()], "training", translator.recipe.image)
(translations,) = translating.translations(images, seed=0)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.storage import Folder, open_folder
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.translation import Inference, TranslationRecipe, generator_kind
from gan_train.runs.run_folder import RunRecord, read_record
from gan_train.runs.saved_networks import check_shapes, load_network, saved_step
from gan_train.sampling.saved import SavedNetwork

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

Pixels = NDArray[np.uint8]
"""An image (height, width, 3) or several (n, height, width, 3)."""


@dataclass(frozen=True)
class SavedTranslator(SavedNetwork[TranslationRecipe]):
    """A network from images to images that a run saved.

    Attributes:
        direction: one of the recipe's directions.
    """

    direction: str

    @classmethod
    def of_run(cls, run: Folder, record: RunRecord, direction: str | None, step: int | None) -> Self:
        recipe = record.recipe
        if not isinstance(recipe, TranslationRecipe):
            raise UsageError(f"{run.uri}: {recipe.other_command}")
        direction = _checked_direction(run, recipe, direction)
        return cls(run, record, recipe, saved_step(run, generator_kind(direction), step), direction)

    @property
    def kind(self) -> str:
        return generator_kind(self.direction)

    @property
    def direction_name(self) -> str:
        """The direction for people, such as "source-to-target"."""
        return self.recipe.direction_title(self.direction)

    @property
    def facts(self) -> dict[str, str]:
        """Text chunks of every picture by this translator."""
        return super().facts | {"direction": self.direction_name}

    @property
    def back(self) -> "SavedTranslator":
        """The translator of the opposite direction. Raises UsageError if the run has none, DataError if it was not saved."""
        others = [direction for direction in self.recipe.directions if direction != self.direction]
        if not others:
            raise UsageError(f"{self.run.uri}: recipe {self.recipe.name} translates one way only; leave --back out")
        saved_step(self.run, generator_kind(others[0]), self.step)
        return replace(self, direction=others[0])

    def network(self) -> "keras.Model":
        """The network; input and output are float32 (n, height, width, 3) in the recipe's range.

        Raises:
            DataError: the file is damaged, or not of this recipe.
        """
        network, shape = load_network(self.run, self.kind, self.step), self.recipe.image.shape
        check_shapes(network, [shape], shape, self.run.locate(self.name))
        return network


def saved_translator(folder: str, direction: str | None = None, step: int | None = None) -> SavedTranslator:
    """The translator that a run saved, of a direction (None is the first) and a step (None is the newest).

    Raises:
        DataError: there is no run, or no translator in it yet.
        UsageError: there is none of that step or direction, or the run's generators take latents.
    """
    run = open_folder(folder)
    return SavedTranslator.of_run(run, read_record(run), direction, step)


def _checked_direction(run: Folder, recipe: TranslationRecipe, direction: str | None) -> str:
    if direction is None:
        return recipe.directions[0]
    if len(recipe.directions) == 1:
        raise UsageError(f"{run.uri}: recipe {recipe.name} translates one way only; leave --direction out")
    if direction not in recipe.directions:
        raise UsageError(f"--direction {direction}: choose one of: {', '.join(recipe.directions)}")
    return direction


class Translating:
    """A chain of translators: one, or one and its opposite, which gets the output of the first.

    With dropout, images are translated one by one with random numbers that follow from the seed and the pixels; without,
    a batch at once.

    Args:
        networks: as a run saves them, of plain Keras layers.
        inference: see `translating_copy`; the same for all.
        image: shape and range of the images in training; other sizes work as well.
    """

    def __init__(self, networks: Sequence["keras.Model"], inference: Inference, image: ImageConfig):
        import tensorflow as tf

        from gan_train.networks.layers import keeps_dropout
        from gan_train.networks.translating import side_multiple, translating_copy

        self.multiple = max(map(side_multiple, networks))
        """Both sides of the images must be multiples of this number."""
        self._networks = [translating_copy(network, inference, (None, None)) for network in networks]
        self._drops = any(map(keeps_dropout, self._networks))
        self._range = image.range
        # Run without a graph, Keras keeps every layer's output to the end: five times the memory.
        signature = [tf.TensorSpec((None, None, None, image.shape[-1]), tf.uint8), tf.TensorSpec((), tf.uint64)]
        self._run = tf.function(self._translated, input_signature=signature)

    def translations(self, images: Pixels, seed: int) -> list[Pixels]:
        """The output of each network, uint8 (n, height, width, 3).

        Args:
            images: images of one size, whose sides are multiples of `multiple`.
            seed: seed of dropout.
        """
        from gan_train.data.pixels import to_uint8
        from gan_train.numerics.randomness import content_key

        size = 1 if self._drops else len(images)
        outputs: list[list[Pixels]] = [[] for _ in self._networks]
        for start in range(0, len(images), size):
            part = images[start : start + size]
            key = content_key(f"{seed} {part.shape} ".encode() + part.tobytes()) if self._drops else 0
            for parts_of_one, floats in zip(outputs, self._run(part, np.uint64(key)), strict=True):
                parts_of_one.append(to_uint8(floats.numpy(), self._range))
        return [np.concatenate(parts) for parts in outputs]

    def _translated(self, images: "tf.Tensor", key: "tf.Tensor") -> list["tf.Tensor"]:
        from gan_train.data.pixels import to_range
        from gan_train.networks.passes import inference_pass
        from gan_train.numerics.randomness import picture_draw

        images_now, outputs = to_range(images, self._range), []
        for network in self._networks:
            images_now = inference_pass(network, images_now, picture_draw(key))
            outputs.append(images_now)
        return outputs
