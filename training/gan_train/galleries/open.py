"""open_gallery(recipe, system, dataset, run): the gallery that a recipe names."""

from gan_core.storage import Folder
from gan_train.data.dataset import Dataset
from gan_train.galleries.base import Gallery
from gan_train.recipe.base import Recipe
from gan_train.recipe.installed import installed, load
from gan_train.systems.base import System


def open_gallery(recipe: Recipe, system: System, dataset: Dataset, run: Folder) -> Gallery:
    """The gallery of a run that trains `system` by `recipe`.

    Raises:
        UsageError: the gallery of a plug-in cannot be loaded.
        DataError, StorageError: the examples that it shows cannot be read.
    """
    facts = {"recipe": recipe.name, "seed": str(recipe.seed), "dataset": dataset.manifest.digest}
    gallery: Gallery = load(recipe.gallery, installed().systems[recipe.system].origin)(recipe, system, dataset, run, facts)
    return gallery
