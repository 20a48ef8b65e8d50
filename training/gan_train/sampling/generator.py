"""Generators that a run saved, and images by them.

generator = saved_generator("runs/first")             # the newest; nothing is loaded yet
images = generator.images(Inputs(latents))            # uint8; loads TensorFlow and the network
"""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.storage import Folder, open_folder
from gan_train.latents.inputs import Inputs
from gan_train.recipe.base import GENERATOR, LatentRecipe
from gan_train.recipe.examples import ImageConfig
from gan_train.runs.run_folder import RunRecord, read_record
from gan_train.runs.saved_networks import check_shapes, load_network, saved_step
from gan_train.sampling.saved import SavedNetwork

if TYPE_CHECKING:
    import keras


MOST_IMAGES = 10_000
"""Largest number of images that one command generates."""


class SavedGenerator(SavedNetwork[LatentRecipe]):
    """A generator of images or points from latents that a run saved."""

    @classmethod
    def of_run(cls, run: Folder, record: RunRecord, direction: str | None, step: int | None) -> Self:
        recipe = record.recipe
        if not isinstance(recipe, LatentRecipe):
            raise UsageError(f"{run.uri}: {recipe.other_command}")
        if direction is not None:
            raise UsageError(f"{run.uri}: recipe {recipe.name} {recipe.purpose.does}; leave --direction out")
        return cls(run, record, recipe, saved_step(run, GENERATOR, step))

    @property
    def kind(self) -> str:
        return GENERATOR

    def network(self) -> "keras.Model":
        """The network, from latents, float32 (n, latent_size), to images, float32 in the recipe's range.

        Raises:
            DataError: the file is damaged, or not of this recipe.
        """
        network = load_network(self.run, GENERATOR, self.step)
        latents, condition = self.recipe.latent_size, self.recipe.condition
        if condition is None:
            inputs: list[tuple[int, ...]] = [(latents,)]
        else:
            inputs = [(latents,), ()] if condition.kind == "class" else [(latents + condition.values,)]
        check_shapes(network, inputs, self.recipe.examples.shape, self.run.locate(self.name))
        return network

    def sampling_network(self) -> "keras.Model":
        """The network with the dropout that the recipe keeps in sampling. Raises what `network` raises."""
        network = self.network()
        from gan_train.networks.layers import sampling_copy

        return sampling_copy(network) if self.recipe.drops_in_sampling else network

    def examples(self, inputs: Inputs) -> NDArray[Any]:
        """Generate images, uint8 (n, height, width, channels), or points, float32 (n, coordinates). Raises as `network`."""
        network = self.sampling_network()
        from gan_train.sampling.snapshots import generate

        return generate(network, inputs, self.recipe)

    def images(self, inputs: Inputs) -> NDArray[np.uint8]:
        """Generate images, uint8 (n, height, width, channels).

        Raises:
            UsageError: the generator makes points.
            DataError: it is damaged.
        """
        self.check_makes_images()
        return self.examples(inputs)

    def check_makes_images(self) -> None:
        """Raise UsageError if the generator makes points."""
        if not isinstance(self.recipe.examples, ImageConfig):
            raise UsageError(f"{self.run.uri}: this generator makes points, not images; look at them with 'gan-train sample'")


def saved_generator(folder: str, step: int | None = None) -> SavedGenerator:
    """The generator that a run saved at a step; None is the newest.

    Raises:
        DataError: there is no run, or no generator in it yet.
        UsageError: there is none of that step, or the run's generators take images.
    """
    run = open_folder(folder)
    return SavedGenerator.of_run(run, read_record(run), None, step)
