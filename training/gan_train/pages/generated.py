"""Pictures by the newest saved generator for the report: paths between latents, all classes, all codes.

Each is generated once and stored in the run folder by the step of its generator.
"""

from dataclasses import dataclass

from gan_core.storage import Folder
from gan_train.recipe.base import GENERATOR, Recipe
from gan_train.runs.layout import generated_pictures, networks
from gan_train.runs.run_folder import read_record
from gan_train.sampling.generator import SavedGenerator
from gan_train.tools.codes import crossed_grid
from gan_train.tools.interpolate import random_paths_grid

_ROWS = 5
_TITLES = {
    "interpolation": (
        "Between random latents",
        "Each row interpolates between two random latents; the images of a good generator change gradually.",
    ),
    "classes": ("Each class", "A column for each class, the same noise along a row."),
    "codes": ("Each code", "A column for each code, the same noise along a row: only the code differs."),
}


@dataclass(frozen=True)
class GeneratedPicture:
    """A picture in the run folder.

    Attributes:
        name: name of the file.
        step: training step of its generator.
        title: name for people.
        about: a sentence about what it shows.
    """

    name: str
    step: int
    title: str
    about: str


def existing_pictures(run: Folder, recipe: Recipe) -> list[GeneratedPicture]:
    """The newest picture of each kind in the run folder."""
    pictures = []
    for kind in recipe.report_pictures:
        steps = generated_pictures(kind).steps(run)
        if steps:
            pictures.append(GeneratedPicture(generated_pictures(kind).name(steps[-1]), steps[-1], *_TITLES[kind]))
    return pictures


def generate_pictures(run: Folder) -> None:
    """Generate the missing pictures of the newest saved generator; loads TensorFlow only if there are any.

    Raises:
        DataError: the generator is damaged.
        StorageError: the run folder cannot be written.
    """
    record = read_record(run)
    recipe, steps = record.recipe, networks(GENERATOR).steps(run)
    missing = [kind for kind in recipe.report_pictures if steps and not run.exists(generated_pictures(kind).name(steps[-1]))]
    if not missing:
        return
    # From this folder, not from its URI: that of a run on gs:// may not have the files yet, or not answer.
    generator = SavedGenerator.of_run(run, record, None, steps[-1])
    for kind in missing:
        condition = None if kind == "interpolation" else recipe.condition
        picture = crossed_grid(generator, condition, _ROWS) if condition else random_paths_grid(generator, _ROWS)
        run.write(generated_pictures(kind).name(generator.step), picture)
