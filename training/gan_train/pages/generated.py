"""Pictures by the newest saved generator for the report: paths between latents, all classes, all codes.

Each is generated once and stored in the run folder by the step of its generator.
"""

from dataclasses import dataclass

from gan_core.storage import Folder
from gan_train.recipe.base import LatentRecipe, Recipe
from gan_train.recipe.examples import ImageConfig
from gan_train.runs.layout import generated_pictures, networks
from gan_train.runs.run_folder import read_record
from gan_train.runs.saved_networks import GENERATOR
from gan_train.sampling.generator import SavedGenerator
from gan_train.tools.codes import crossed_grid
from gan_train.tools.interpolate import random_paths_grid

_BETWEEN, _CLASS, _CODE = "interpolation", "classes", "codes"
_ROWS = 5
_TITLES = {
    _BETWEEN: (
        "Between random latents",
        "Each row interpolates between two random latents; the images of a good generator change gradually.",
    ),
    _CLASS: ("Each class", "A column for each class, the same noise along a row."),
    _CODE: ("Each code", "A column for each code, the same noise along a row: only the code differs."),
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
    for kind in _kinds(recipe):
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
    steps = networks(GENERATOR).steps(run)
    missing = [kind for kind in _kinds(record.recipe) if steps and not run.exists(generated_pictures(kind).name(steps[-1]))]
    if not missing:
        return
    assert isinstance(record.recipe, LatentRecipe)
    generator = SavedGenerator(run, record, record.recipe, steps[-1])
    for kind in missing:
        condition = None if kind == _BETWEEN else record.recipe.condition
        picture = crossed_grid(generator, condition, _ROWS) if condition else random_paths_grid(generator, _ROWS)
        run.write(generated_pictures(kind).name(generator.step), picture)


def _kinds(recipe: Recipe) -> tuple[str, ...]:
    """The kinds of pictures for a recipe; none if its generator makes points, or images from images."""
    if not isinstance(recipe, LatentRecipe) or not isinstance(recipe.examples, ImageConfig):
        return ()
    if recipe.condition is None:
        return (_BETWEEN,)
    return (_BETWEEN, _CODE if recipe.condition.kind == "code" else _CLASS)
