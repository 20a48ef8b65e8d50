"""The saved generators of a run, and images from them.

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
from gan_train.runs.saved_networks import GENERATOR, load_network, saved_step

if TYPE_CHECKING:
    import keras


MOST_IMAGES = 10_000
"""In one call of a command."""


@dataclass(frozen=True)
class SavedGenerator:
    """The generator a run saved at a step. It is read only when it is used, so that wrong requests are answered at once.

    Attributes:
        run: the folder of the run.
        record: what the run was made with.
        recipe: what it was trained by.
        step: after which it was saved.
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
        """The facts that every picture made with it carries."""
        return {
            "run": self.run.uri,
            "step": str(self.step),
            "dataset": self.record.dataset_digest,
            "recipe": self.recipe.name,
        }

    def network(self) -> "keras.Model":
        """Latents, float32 (n, latent_size), to images, float32, in the recipe's range. Raises DataError if it is damaged."""
        return load_network(self.run, GENERATOR, self.step)

    def sampling_network(self) -> "keras.Model":
        """The same, with the dropout that it keeps where images are made. Raises what `network` raises."""
        network = self.network()
        from gan_train.networks.layers import sampling_copy

        return sampling_copy(network) if self.recipe.drops_in_sampling else network

    def examples(self, inputs: Inputs) -> NDArray[Any]:
        """Images, uint8 (n, height, width, channels), or points, float32 (n, coordinates). Raises what `network` raises."""
        network = self.sampling_network()
        from gan_train.sampling.snapshots import generate

        return generate(network, inputs, self.recipe)

    def images(self, inputs: Inputs) -> NDArray[np.uint8]:
        """Images, uint8 (n, height, width, channels).

        Raises:
            UsageError: the generator makes points.
            DataError: it is damaged.
        """
        if not isinstance(self.recipe.examples, ImageConfig):
            raise UsageError(f"{self.run.uri}: this generator makes points, not images; look at them with 'gan-train sample'")
        return self.examples(inputs)


def saved_generator(folder: str, step: int | None = None) -> SavedGenerator:
    """The generator of a run saved at this step, or the newest.

    Raises:
        DataError: no run, or no generator in it yet.
        UsageError: none of that step, or the run's generators take images.
    """
    run = open_folder(folder)
    record = read_record(run)
    if not isinstance(record.recipe, LatentRecipe):
        raise UsageError(f"{run.uri}: {record.recipe.other_command}")
    return SavedGenerator(run, record, record.recipe, saved_step(run, GENERATOR, step))
