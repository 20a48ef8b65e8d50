"""The recipe of the unconditional GAN; systems/gan.py trains by it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.base import ImageRecipe
from gan_train.recipe.examples import check_growth
from gan_train.recipe.network_config import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from gan_train.recipe.opponents import LossKind, Opponents
from gan_train.recipe.practice_config import AverageConfig, InstanceNoiseConfig, LabelsConfig, PenaltiesConfig


class GANRecipe(ImageRecipe):
    """An unconditional GAN of the DCGAN family (Goodfellow et al. 2014; Radford et al. 2015).

    Attributes:
        discriminator_batch: "mixed" is one update on real and fake images stacked in one batch, "separate" is two updates,
            real first, "joint" is one update on both, each batch with its own statistics.
        mixed_statistics: whether "mixed" is allowed with batch normalisation, which fails, in order to see it fail.
        fakes: how the generator makes the images that the discriminator learns from: "inference" uses its moving averages, as
            Keras' `predict` does, "training" the statistics of the batch, as the generator's own updates do.
        loss: adversarial loss of both players; objectives/losses.py has the formulas.
        labels: smoothing and flips of the discriminator's targets.
        penalties: penalties added to the discriminator's loss, and clipping after its updates.
        discriminator_steps: number of turns of the discriminator before each update of the generator.
        augment: random changes of all images that the discriminator sees, in order; objectives/augmentation.py has them.
        instance_noise: noise on the same images, or None.
        average: moving average of the generator, or None.
    """

    system: Literal["gan"]
    generator: DCGANGeneratorConfig
    discriminator: DCGANDiscriminatorConfig
    discriminator_batch: Literal["mixed", "separate", "joint"]
    mixed_statistics: bool = False
    fakes: Literal["inference", "training"] = "inference"
    loss: Literal["minimax", "non-saturating", "least-squares", "wasserstein", "hinge", "relativistic"] = "non-saturating"
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
                "those of the all-fake batch in the generator's step, so it learns nothing (Brownlee, Generative Adversarial "
                "Networks with Python, ch. 10); use separate, or set mixed_statistics=true to see it fail"
            )
        return self

    @model_validator(mode="after")
    def _loss_knows_the_targets(self) -> Self:
        if self.labels.smoothed and self.loss in ("wasserstein", "hinge", "relativistic"):
            raise ValueError(
                f"labels are smoothed, but loss={self.loss} takes no smoothed targets; leave labels.real and labels.fake out"
            )
        return self

    @model_validator(mode="after")
    def _pairs_are_judged_together(self) -> Self:
        if self.loss == "relativistic" and self.discriminator_batch != "joint":
            raise ValueError("loss=relativistic compares real with generated images; set discriminator_batch=joint")
        if self.loss == "relativistic" and self.labels.flip:
            raise ValueError("loss=relativistic judges pairs, which have no labels to flip; leave labels.flip out")
        return self

    @model_validator(mode="after")
    def _penalties_have_their_images(self) -> Self:
        needing_both = [*self.penalties.of_gradients, *(["orthogonal"] if self.penalties.orthogonal else [])]
        if needing_both and self.discriminator_batch != "joint":
            raise ValueError(
                f"penalties.{needing_both[0]} is added to one loss on real and fake; set discriminator_batch=joint"
            )
        return self

    @model_validator(mode="after")
    def _penalties_need_activations(self) -> Self:
        if self.remat and self.penalties.of_gradients:
            raise ValueError(
                f"remat with penalties.{self.penalties.of_gradients[0]}: TensorFlow cannot differentiate a gradient whose "
                "activations are computed once more; leave one of the two out, or take accumulate to save memory"
            )
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
        found = []
        if self.loss in ("minimax", "non-saturating") and max(self.labels.real[1], self.labels.fake[1]) > 1:
            found.append(f"labels above 1 with loss={self.loss}: the loss has no lower bound, scores may grow without end")
        bounded = self.penalties.clip or self.penalties.of_gradients or self.discriminator.spectral_norm
        if self.loss == "wasserstein" and not bounded:
            found.append("loss=wasserstein without clip, gradient penalty or spectral_norm: nothing bounds the critic's scores")
        if self.loss == "relativistic" and not (self.penalties.r1 and self.penalties.r2):
            found.append("loss=relativistic without penalties.r1 and r2: it need not converge (Huang et al. 2024)")
        if self.penalties.clip and self.precision in ("bfloat16", "float16"):
            found.append(f"penalties.clip with precision={self.precision}: the WGAN breaks down in it; use float32")
        if {"gradient", "dragan"} & set(self.penalties.of_gradients) and self.discriminator.batch_norm:
            found.append("a gradient penalty with discriminator.batch_norm: the penalty is meant for each example on its own")
        return tuple(found)

    @property
    def opponents(self) -> tuple[Opponents, ...]:
        return (Opponents(other_terms=("penalty",)),)

    @property
    def loss_kind(self) -> LossKind | None:
        # Diagnosis has no rules for losses of pairs.
        return None if self.loss == "relativistic" else self.loss

    @property
    def drops_in_sampling(self) -> bool:
        return self.generator.dropout_in_sampling

    @property
    def averaged(self) -> bool:
        return self.average is not None


RECIPE = GANRecipe
