"""Generators that a run saved, and images by them.

generator = saved_generator("runs/first")             # the newest; nothing is loaded yet
images = generator.images(Inputs(latents))            # uint8; loads TensorFlow and the network
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.storage import Folder, open_folder
from gan_train.latents.inputs import Inputs
from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import ImageConfig
from gan_train.runs.layout import networks
from gan_train.runs.run_folder import RunRecord, read_record
from gan_train.runs.saved_networks import GENERATOR, check_shapes, load_network, saved_step

if TYPE_CHECKING:
    import keras


MOST_IMAGES = 10_000
"""Largest number of images that one command generates."""


@dataclass(frozen=True)
class SavedGenerator:
    """A generator that a run saved. The file is read at the first use, so that wrong options are reported at once.

    Attributes:
        run: run folder.
        record: recipe and dataset of the run.
        recipe: the recipe in the record.
        step: training step after which it was saved.
    """

    run: Folder
    record: RunRecord
    recipe: LatentRecipe
    step: int

    @property
    def name(self) -> str:
        """The name of its file in the run folder."""
        return networks(GENERATOR).name(self.step)

    @property
    def facts(self) -> dict[str, str]:
        """Text chunks of every picture by this generator."""
        return {
            "run": self.run.uri,
            "step": str(self.step),
            "dataset": self.record.dataset_digest,
            "recipe": self.recipe.name,
        }

    def network(self) -> "keras.Model":
        """The network, from latents, float32 (n, latent_size), to images, float32 in the recipe's range.

        Raises:
            DataError: the file is damaged, or not of this recipe.
        """
        network = load_network(self.run, GENERATOR, self.step)
        latents, condition, examples = self.recipe.latent_size, self.recipe.condition, self.recipe.examples
        if condition is None:
            inputs: list[tuple[int, ...]] = [(latents,)]
        else:
            inputs = [(latents,), ()] if condition.kind == "class" else [(latents + condition.values,)]
        output = examples.shape if isinstance(examples, ImageConfig) else (examples.coordinates,)
        check_shapes(network, inputs, output, self.run.locate(self.name))
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
    record = read_record(run)
    if not isinstance(record.recipe, LatentRecipe):
        raise UsageError(f"{run.uri}: {record.recipe.other_command}")
    return SavedGenerator(run, record, record.recipe, saved_step(run, GENERATOR, step))
