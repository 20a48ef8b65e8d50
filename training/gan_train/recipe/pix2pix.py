"""The recipe of Pix2Pix; systems/pix2pix.py trains by it."""

from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from gan_train.recipe.examples import SOURCE, TARGET
from gan_train.recipe.opponents import Opponents
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.translation import TranslationRecipe, Weight
from gan_train.recipe.translation_networks import PatchGANConfig, UNetConfig

if TYPE_CHECKING:
    from gan_train.recipe.streams import Source, Streams


class Generator(UNetConfig):
    """The recipe's section `generator`."""

    optimizer: OptimizerConfig


class Discriminator(PatchGANConfig):
    """The recipe's section `discriminator`."""

    optimizer: OptimizerConfig


class Pix2PixRecipe(TranslationRecipe):
    """A GAN that learns a translation from pairs of images (Isola et al. 2017).

    Attributes:
        reverse: whether a pair's target is translated to its source.
        l1_weight: weight of the mean absolute difference from the target in the generator's loss.
    """

    gallery = "gan_train.galleries.translated:PairGallery"

    system: Literal["pix2pix"]
    reverse: bool = False
    l1_weight: Weight = 100.0
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _sides_halve(self) -> Self:
        self.generator.check_sides(self.image)
        return self

    @property
    def directions(self) -> tuple[str, ...]:
        return ("",)

    def direction_title(self, direction: str) -> str:
        return f"{TARGET}-to-{SOURCE}" if self.reverse else f"{SOURCE}-to-{TARGET}"

    @property
    def batch_features(self) -> tuple[str, ...]:
        return (SOURCE, TARGET)

    @property
    def opponents(self) -> tuple[Opponents, ...]:
        return (Opponents(adversarial_term="adversarial"),)

    def streams(self, source: "Source") -> "Streams":
        # The manifest's module loads NumPy, which listing recipes does not need.
        from gan_train.recipe.streams import pair_streams

        return pair_streams(source, self.image, self.reverse)


RECIPE = Pix2PixRecipe
