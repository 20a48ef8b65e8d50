"""The recipe of CycleGAN; systems/cyclegan.py trains by it."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.examples import A, B
from gan_train.recipe.opponents import Opponents
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.translation import TranslationRecipe, Weight
from gan_train.recipe.translation_networks import PatchGANConfig, ResNetConfig

if TYPE_CHECKING:
    from gan_train.recipe.streams import Source, Streams

A_TO_B, B_TO_A = "a-to-b", "b-to-a"


class Generator(ResNetConfig):
    """The recipe's section `generator`, which both generators share."""

    optimizer: OptimizerConfig


class Discriminator(PatchGANConfig):
    """The recipe's section `discriminator`, which both discriminators share."""

    optimizer: OptimizerConfig


class CycleGANRecipe(TranslationRecipe):
    """Two GANs that learn to translate between two domains in both directions, without pairs (Zhu et al. 2017).

    Attributes:
        identity_weight: weight of the mean absolute change that a generator makes to an image of its own output domain; 0
            leaves the term and its cost out.
        cycle_weight: weight of the mean absolute difference after a translation there and back, from either domain.
        pool: number of earlier fakes that each discriminator may be shown; 0 for none.
    """

    gallery = "gan_train.galleries.translated:DomainGallery"

    system: Literal["cyclegan"]
    identity_weight: Weight = 5.0
    cycle_weight: Weight = 10.0
    pool: Annotated[int, Field(ge=0, lt=1 << 31)] = 50
    generator: Generator
    discriminator: Discriminator

    @model_validator(mode="after")
    def _sides_halve(self) -> Self:
        self.generator.check_sides(self.image)
        return self

    @property
    def directions(self) -> tuple[str, ...]:
        return (A_TO_B, B_TO_A)

    @property
    def batch_features(self) -> tuple[str, ...]:
        return (A, B)

    @property
    def opponents(self) -> tuple[Opponents, ...]:
        return tuple(
            Opponents(discriminator, generator, adversarial_term="adversarial")
            for discriminator, generator in (("d_a", "g_ba"), ("d_b", "g_ab"))
        )

    def streams(self, source: "Source") -> "Streams":
        # The manifest's module loads NumPy, which listing recipes does not need.
        from gan_train.recipe.streams import domain_streams

        return domain_streams(source, self.image)


RECIPE = CycleGANRecipe
