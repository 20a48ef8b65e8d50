"""The recipe of residual GANs with a projection discriminator; systems/biggan.py trains by it."""

from itertools import accumulate
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.base import ClassRecipe
from gan_train.recipe.examples import PositiveInt, check_growth
from gan_train.recipe.network_config import BatchNormConfig, Filters, Initializer
from gan_train.recipe.opponents import LossKind, Opponents
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.practice_config import AverageConfig, OrthogonalConfig
from gan_train.recipe.section import Section

Side = Annotated[int, Field(ge=2, le=1 << 16, multiple_of=2)]
"""Height of feature maps that attention works on; it pools them by two."""


class _ResidualConfig(Section):
    """The keys that both networks share.

    Attributes:
        filters: channels that each residual block gives.
        attention: height of the feature maps after which one block of self-attention stands (Zhang et al. 2019), or None.
        spectral_norm: whether every kernel is divided by its largest singular value (Miyato et al. 2018). Of tables of class
            vectors only that of the discriminator is.
        initializer: initial kernels.
        optimizer: optimizer of this network's variables.
    """

    filters: Filters
    attention: Side | None = None
    spectral_norm: bool
    initializer: Initializer
    optimizer: OptimizerConfig


class ResidualGeneratorConfig(_ResidualConfig):
    """A dense layer to `base`, then residual blocks that double the sides, normalised by class.

    Attributes:
        base: (height, width, channels) after the dense layer.
        shared_embedding: size of the one vector of a class from which every block derives its scales and shifts (Brock et
            al. 2019); None for a table of scales and one of shifts in every normalisation (Miyato and Koyama 2018).
        skip_z: whether the latent is split into equal parts, one for the dense layer and one for each block (Brock et al.
            2019), rather than given to the dense layer alone.
        orthogonal: penalty on kernels that are not orthogonal, added to this network's loss (Brock et al. 2019), or None.
        batch_norm: normalisation; the scales and shifts of all but the last depend on the class.
    """

    base: tuple[PositiveInt, PositiveInt, PositiveInt]
    shared_embedding: PositiveInt | None = None
    skip_z: bool = False
    orthogonal: OrthogonalConfig | None = None
    batch_norm: BatchNormConfig

    @property
    def heights(self) -> tuple[int, ...]:
        """The height of the feature maps after each block."""
        return tuple(self.base[0] * 2**block for block in range(1, len(self.filters) + 1))


class ResidualDiscriminatorConfig(_ResidualConfig):
    """Residual blocks, then features summed over all places, and a score from the features and the class.

    Attributes:
        halvings: number of first blocks that halve the sides; the others keep them.
        projection: whether the score has the inner product of the features with a vector of the class (Miyato and Koyama
            2018). Without it the discriminator does not look at the class.
    """

    halvings: Annotated[int, Field(ge=1, le=16)]
    projection: bool = True

    @model_validator(mode="after")
    def _a_block_for_each_halving(self) -> Self:
        if self.halvings > len(self.filters):
            raise ValueError(f"halvings={self.halvings}, but filters has {len(self.filters)} blocks; give more filters")
        return self

    def heights(self, height: int) -> tuple[int, ...]:
        """The height of the feature maps after each block, of images of this height."""
        halved = (stage < self.halvings for stage in range(len(self.filters)))
        return tuple(accumulate(halved, lambda side, is_halved: side // 2 if is_halved else side, initial=height))[1:]


class BigGANRecipe(ClassRecipe):
    """A GAN of residual networks: SN-ResNet with projection (Miyato and Koyama 2018), and BigGAN (Brock et al. 2019) by its
    switches.

    Attributes:
        loss: adversarial loss of both players; objectives/losses.py has the formulas.
        discriminator_steps: number of turns of the discriminator before each update of the generator.
        fakes: how the generator makes the images that the discriminator learns from: "training" uses the statistics of the
            batch, as the generator's own updates do, "inference" its moving averages.
        augment: random changes of all images that the discriminator sees, in order; objectives/augmentation.py has them.
        average: moving average of the generator, or None.
        standing_statistics: number of batches from which the means and variances of the generator that is shown and saved are
            taken anew, as means over the batches (Brock et al. 2019, appendix B); 0 for the moving averages of training.
    """

    system: Literal["biggan"]
    generator: ResidualGeneratorConfig
    discriminator: ResidualDiscriminatorConfig
    loss: Literal["hinge", "non-saturating", "least-squares"] = "hinge"
    discriminator_steps: Annotated[int, Field(ge=1, le=20)] = 1
    fakes: Literal["training", "inference"] = "training"
    augment: tuple[Literal["flip", "colour", "translation", "cutout"], ...] = ()
    average: AverageConfig | None = None
    standing_statistics: Annotated[int, Field(ge=0, le=1000)] = 0

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, len(self.generator.filters), self.image)
        halvings = self.discriminator.halvings
        if any(side % 2**halvings for side in self.image.shape[:2]):
            raise ValueError(f"discriminator.halvings={halvings}: {self.image.shape[:2]} cannot be halved that often")
        return self

    @model_validator(mode="after")
    def _attention_has_a_place(self) -> Self:
        known = {
            "generator": (self.generator.attention, self.generator.heights),
            "discriminator": (self.discriminator.attention, self.discriminator.heights(self.image.shape[0])),
        }
        for network, (side, heights) in known.items():
            if side is not None and side not in heights:
                sides = ", ".join(map(str, dict.fromkeys(heights)))
                raise ValueError(f"{network}.attention={side}: its blocks give heights of {sides}; take one of these or null")
        return self

    @model_validator(mode="after")
    def _the_latent_has_parts(self) -> Self:
        parts = len(self.generator.filters) + 1
        if self.generator.skip_z and self.latent_size % parts:
            raise ValueError(
                f"generator.skip_z splits the latent into {parts} equal parts, but latent_size is {self.latent_size}; take a "
                f"multiple of {parts}"
            )
        return self

    @property
    def latent_part(self) -> int:
        """Numbers of the latent that one block gets."""
        return self.latent_size // (len(self.generator.filters) + 1)

    @property
    def opponents(self) -> tuple[Opponents, ...]:
        return (Opponents(),)

    @property
    def loss_kind(self) -> LossKind:
        return self.loss

    @property
    def averaged(self) -> bool:
        return self.average is not None


RECIPE = BigGANRecipe
