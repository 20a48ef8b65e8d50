"""Pictures that the newest saved generator makes for the report: what lies between latents, each class, each code.

They are kept in the run folder by the step of their generator, so that each is made once.
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
        "Each row walks from one random latent to another; good networks change little by little.",
    ),
    _CLASS: ("Each class", "A column for each class, the same noise along a row."),
    _CODE: ("Each code", "A column for each code, the same noise along a row: only the code differs."),
}


@dataclass(frozen=True)
class GeneratedPictures:
    """A picture of the run folder.

    Attributes:
        name: of the file.
        step: of its generator.
        title: for people.
        about: what it shows, a sentence.
    """

    name: str
    step: int
    title: str
    about: str


def made_pictures(run: Folder, recipe: Recipe) -> list[GeneratedPictures]:
    """The newest of each kind that the run folder has."""
    found = []
    for kind in _kinds(recipe):
        steps = generated_pictures(kind).steps(run)
        if steps:
            found.append(GeneratedPictures(generated_pictures(kind).name(steps[-1]), steps[-1], *_TITLES[kind]))
    return found


def make_pictures(run: Folder) -> None:
    """Make what is missing of the newest saved generator; loads TensorFlow only then.

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
        made = crossed_grid(generator, condition, _ROWS) if condition else random_paths_grid(generator, _ROWS)
        run.write(generated_pictures(kind).name(generator.step), made)


def _kinds(recipe: Recipe) -> tuple[str, ...]:
    """The pictures a recipe's generator can show: nothing but sample grids where it makes images from images, or points."""
    if not isinstance(recipe, LatentRecipe) or not isinstance(recipe.examples, ImageConfig):
        return ()
    if recipe.condition is None:
        return (_BETWEEN,)
    return (_BETWEEN, _CODE if recipe.condition.kind == "code" else _CLASS)
