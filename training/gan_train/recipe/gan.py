"""What a recipe of the unconditional GAN says; systems/gan.py reads it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.base import ImageRecipe
from gan_train.recipe.examples import check_growth
from gan_train.recipe.network_config import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from gan_train.recipe.practice_config import AverageConfig, InstanceNoiseConfig, LabelsConfig, PenaltiesConfig


class GANRecipe(ImageRecipe):
    """An unconditional GAN of the DCGAN family.

    Attributes:
        loss: what the two players minimise; objectives/losses.py has the formulas.
        labels: smoothing and flips of the discriminator's targets.
        penalties: on the discriminator, added to its loss or done after its updates.
        discriminator_batch: "mixed" is one update on real and fake stacked, "separate" two updates, real first, "joint"
            one update on both, each batch with its own statistics.
        mixed_statistics: allow "mixed" with batch normalisation, which fails, to see it fail (spec C 1.3).
        fakes: how the generator makes those that the discriminator learns from: "inference" with its moving averages, as
            `predict` does in the specification's loops, "training" with the statistics of the batch, as its own updates do.
        discriminator_steps: turns of the discriminator before each update of the generator.
        augment: changes to all images the discriminator sees, in order; objectives/augmentation.py has them.
        instance_noise: on the same images, or None.
        average: moving average of the generator, or None.
    """

    system: Literal["gan"]
    generator: DCGANGeneratorConfig
    discriminator: DCGANDiscriminatorConfig
    discriminator_batch: Literal["mixed", "separate", "joint"]
    mixed_statistics: bool = False
    fakes: Literal["inference", "training"] = "inference"
    loss: Literal["minimax", "non-saturating", "least-squares", "wasserstein", "hinge"] = "non-saturating"
    labels: LabelsConfig = LabelsConfig()
    penalties: PenaltiesConfig = PenaltiesConfig()
    discriminator_steps: Annotated[int, Field(ge=1, le=20)] = 1
    augment: tuple[Literal["flip", "colour", "translation", "cutout"], ...] = ()
    instance_noise: InstanceNoiseConfig | None = None
    average: AverageConfig | None = None

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        check_growth(self.generator.base, self.generator.doublings, self.image)
        return self

    @model_validator(mode="after")
    def _no_mixed_statistics(self) -> Self:
        if self.discriminator_batch == "mixed" and self.discriminator.batch_norm and not self.mixed_statistics:
            raise ValueError(
                "discriminator_batch=mixed with discriminator.batch_norm: the statistics of a mixed batch differ from "
                "those of the all-fake batch in the generator's step, so it learns nothing (spec C 1.3); use separate, or "
                "set mixed_statistics=true to see it fail"
            )
        return self

    @model_validator(mode="after")
    def _loss_knows_the_targets(self) -> Self:
        if self.labels.smoothed and self.loss in ("wasserstein", "hinge"):
            raise ValueError(f"labels are smoothed, but loss={self.loss} knows only real and fake; leave real and fake alone")
        return self

    @model_validator(mode="after")
    def _penalties_have_their_images(self) -> Self:
        wanting = [*self.penalties.of_gradients, *(["orthogonal"] if self.penalties.orthogonal else [])]
        if wanting and self.discriminator_batch != "joint":
            raise ValueError(f"penalties.{wanting[0]} is added to one loss on real and fake; set discriminator_batch=joint")
        return self

    @model_validator(mode="after")
    def _penalties_need_range(self) -> Self:
        if self.precision == "float16" and self.penalties.of_gradients:
            raise ValueError(
                f"penalties.{self.penalties.of_gradients[0]} with precision=float16: the gradient it squares is not scaled "
                "and underflows; use bfloat16 or float32"
            )
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but seldom meant."""
        said = []
        if self.loss in ("minimax", "non-saturating") and max(self.labels.real[1], self.labels.fake[1]) > 1:
            said.append(f"labels above 1 with loss={self.loss}: the loss has no lower bound, scores may grow without end")
        bounded = self.penalties.clip or self.penalties.of_gradients or self.discriminator.spectral_norm
        if self.loss == "wasserstein" and not bounded:
            said.append("loss=wasserstein without clip, gradient penalty or spectral_norm: nothing bounds the critic's scores")
        if self.penalties.clip and self.precision in ("bfloat16", "float16"):
            said.append(f"penalties.clip with precision={self.precision}: the WGAN breaks down in it; use float32")
        if {"gradient", "dragan"} & set(self.penalties.of_gradients) and self.discriminator.batch_norm:
            said.append("a gradient penalty with discriminator.batch_norm: the penalty is meant for each example on its own")
        return tuple(said)

    @property
    def drops_in_sampling(self) -> bool:
        return self.generator.dropout_in_sampling

    @property
    def averaged(self) -> bool:
        return self.average is not None
