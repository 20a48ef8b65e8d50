"""The recipe of BEGAN: the keys of its YAML files. No TensorFlow in here: `gan-train recipes` imports this file."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.base import ImageRecipe
from gan_train.recipe.examples import PositiveInt, check_growth
from gan_train.recipe.network_config import DCGANGeneratorConfig, Filters
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.section import Section


class Autoencoder(Section):
    """The recipe's section `discriminator`: an encoder, a code and a decoder.

    Attributes:
        filters: channels of each stage of the encoder, which halves the sides; the decoder mirrors them.
        code: size of the code between encoder and decoder.
        kernel: side of the kernels.
        optimizer: optimizer of the autoencoder.
    """

    filters: Filters
    code: PositiveInt
    kernel: PositiveInt = 3
    optimizer: OptimizerConfig


class BEGANRecipe(ImageRecipe):
    """A GAN whose discriminator is an autoencoder (Berthelot et al. 2017).

    Attributes:
        gamma: the reconstruction loss of fakes as a share of that of real images, which k steers towards; less is less varied.
        k_rate: step size of k, lambda_k in the paper.
    """

    system: Literal["began"]
    generator: DCGANGeneratorConfig
    discriminator: Autoencoder
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.5
    k_rate: Annotated[float, Field(gt=0)] = 0.001

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, self.generator.doublings, self.image)
        factor = 2 ** len(self.discriminator.filters)
        if any(side % factor for side in self.image.shape[:2]):
            raise ValueError(f"discriminator.filters halve the sides of image.shape too often; take multiples of {factor}")
        return self


RECIPE = BEGANRecipe
