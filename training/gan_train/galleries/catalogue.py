"""Which gallery shows which run."""

from gan_core.storage import Folder
from gan_train.data.dataset import Dataset
from gan_train.galleries.base import Gallery
from gan_train.galleries.classified import ClassifiedGallery
from gan_train.galleries.sampled import SampledGallery
from gan_train.galleries.translated import DomainGallery, PairGallery
from gan_train.recipe.base import LatentRecipe, Recipe
from gan_train.recipe.classifier import ClassifierRecipe
from gan_train.recipe.translation import TranslationRecipe
from gan_train.systems.base import SamplingSystem, System
from gan_train.systems.classifier import Classifier
from gan_train.systems.translation import TranslationSystem


def open_gallery(recipe: Recipe, system: System, dataset: Dataset, run: Folder) -> Gallery:
    """The gallery of a run that trains `system` by `recipe`. Reads the examples it shows; raises what reading them raises."""
    facts = {"recipe": recipe.name, "seed": str(recipe.seed), "dataset": dataset.manifest.digest}
    if isinstance(recipe, TranslationRecipe):
        assert isinstance(system, TranslationSystem)
        return (PairGallery if recipe.pairs else DomainGallery)(recipe, system, dataset, facts)
    if isinstance(recipe, ClassifierRecipe):
        assert isinstance(system, Classifier)
        return ClassifiedGallery(recipe, system, dataset, facts)
    assert isinstance(recipe, LatentRecipe)
    assert isinstance(system, SamplingSystem)
    return SampledGallery(recipe, system, dataset, run, facts)
