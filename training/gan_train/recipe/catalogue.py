"""Which class checks the recipes of which system."""

from gan_train.recipe.acgan import ACGANRecipe
from gan_train.recipe.base import Recipe
from gan_train.recipe.classifier import ClassifierRecipe
from gan_train.recipe.conditional import ConditionalRecipe
from gan_train.recipe.curve import CurveRecipe
from gan_train.recipe.cyclegan import CycleGANRecipe
from gan_train.recipe.gan import GANRecipe
from gan_train.recipe.infogan import InfoGANRecipe
from gan_train.recipe.pix2pix import Pix2PixRecipe
from gan_train.recipe.sgan import SGANRecipe

RECIPES: dict[str, type[Recipe]] = {
    "acgan": ACGANRecipe,
    "classifier": ClassifierRecipe,
    "conditional": ConditionalRecipe,
    "curve": CurveRecipe,
    "cyclegan": CycleGANRecipe,
    "gan": GANRecipe,
    "infogan": InfoGANRecipe,
    "pix2pix": Pix2PixRecipe,
    "sgan": SGANRecipe,
}
