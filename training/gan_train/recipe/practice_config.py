"""The sections of training practices: latents, labels, noise, penalties, averages. Each is off unless a recipe sets it."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from gan_train.recipe.section import Section

Positive = Annotated[float, Field(gt=0)]
Range = tuple[float, float]
ZeroCentredName = Literal["r1", "r2"]


class LatentConfig(Section):
    """The distribution of latents.

    Attributes:
        distribution: "normal" is N(0, 1), "uniform" is [-1, 1), "truncated" is N(0, 1) redrawn outside the threshold.
        threshold: limit of "truncated", in standard deviations; at least 0.01, since below it hardly a draw would remain.
    """

    distribution: Literal["normal", "uniform", "truncated"] = "normal"
    threshold: Annotated[float, Field(ge=0.01)] = 2.0


class LabelsConfig(Section):
    """Targets of the discriminator: label smoothing (Salimans et al. 2016) and noisy labels (Chintala et al. 2016).

    Attributes:
        real: ends of the uniform range of a real example's target; (1, 1) is no smoothing.
        fake: the same for a fake example; (0, 0) is no smoothing.
        flip: probability that an example gets the wrong label, in [0, 0.5).
    """

    real: Range = (1.0, 1.0)
    fake: Range = (0.0, 0.0)
    flip: Annotated[float, Field(ge=0, lt=0.5)] = 0.0

    @property
    def smoothed(self) -> bool:
        """Whether a target can be another number than 1 or 0."""
        return self.real != (1.0, 1.0) or self.fake != (0.0, 0.0)

    @property
    def plain(self) -> bool:
        """Whether every real example has the target 1 and every fake one 0."""
        return not self.smoothed and self.flip == 0

    @field_validator("real", "fake")
    @classmethod
    def _ordered(cls, ends: Range) -> Range:
        if ends[0] > ends[1]:
            raise ValueError("the lower end of this range comes first")
        return ends


class InstanceNoiseConfig(Section):
    """Gaussian noise on all images that the discriminator sees (Sonderby et al. 2017).

    Attributes:
        stddev: standard deviation at step 0, in units of the image range.
        steps: step at which it has fallen linearly to 0.
    """

    stddev: Positive
    steps: Annotated[int, Field(ge=1)]


class GradientPenaltyConfig(Section):
    """A penalty on the norm of the critic's gradient, between real and fake images (Gulrajani et al. 2017) or around the real
    ones (Kodali et al. 2017).

    Attributes:
        weight: weight of the penalty in the loss.
        one_sided: whether only norms above the target are penalised.
        target: the norm to reach.
    """

    weight: Positive = 10.0
    one_sided: bool = False
    target: Positive = 1.0


class ZeroCentredConfig(Section):
    """gamma / 2 times the squared gradient: R1 on real images, R2 on generated ones (Mescheder et al. 2018).

    Attributes:
        gamma: weight of the penalty.
        every: interval in steps; above 1 the penalty is an update of its own, `every` times as strong (Karras et al. 2020).
    """

    gamma: Positive
    every: Annotated[int, Field(ge=1)] = 1


class OrthogonalConfig(Section):
    """A penalty on the distance of every kernel from orthogonality (Brock et al. 2017, 2019).

    Attributes:
        weight: weight of the penalty in the loss.
        free_norms: whether the norms of the filters are left free, as in BigGAN.
    """

    weight: Positive
    free_norms: bool = True


class ClipConfig(Section):
    """Kernels clipped to [-limit, limit] after every update of the critic (Arjovsky et al. 2017).

    Attributes:
        limit: largest size of a number of a kernel.
        layers: names of the layers whose kernels are clipped.
    """

    limit: Positive
    layers: Annotated[tuple[str, ...], Field(min_length=1)]


class PenaltiesConfig(Section):
    """Penalties and limits of the discriminator; None where one is not used.

    Attributes:
        gradient: penalty between real and generated images.
        dragan: penalty around real images.
        r1: zero-centred penalty on real images.
        r2: zero-centred penalty on generated images; beside r1 it makes the relativistic loss converge (Huang et al. 2024).
        orthogonal: penalty on kernels.
        clip: limit of kernels.
    """

    gradient: GradientPenaltyConfig | None = None
    dragan: GradientPenaltyConfig | None = None
    r1: ZeroCentredConfig | None = None
    r2: ZeroCentredConfig | None = None
    orthogonal: OrthogonalConfig | None = None
    clip: ClipConfig | None = None

    @model_validator(mode="after")
    def _lazy_together(self) -> Self:
        if self.r1 and self.r2 and self.r1.every != self.r2.every:
            raise ValueError(f"r1.every={self.r1.every} and r2.every={self.r2.every}; give both the same interval")
        return self

    @property
    def lazy(self) -> tuple[tuple[ZeroCentredName, ZeroCentredConfig], ...]:
        """The zero-centred penalties that are updates of their own."""
        both: tuple[tuple[ZeroCentredName, ZeroCentredConfig | None], ...] = (("r1", self.r1), ("r2", self.r2))
        return tuple((name, config) for name, config in both if config and config.every > 1)

    @property
    def of_gradients(self) -> tuple[str, ...]:
        """Names of the penalties in use that need gradients of gradients."""
        return tuple(name for name in ("gradient", "dragan", "r1", "r2") if getattr(self, name) is not None)


class AverageConfig(Section):
    """An exponential moving average of the generator, used for all images shown and saved.

    Attributes:
        half_life_images: number of generated images after which the share of a step's weights has halved.
        warm_up: largest half-life as a share of the images so far, so that early averages are not stale; None for no limit.
        start: step until which the average equals the generator (Brock et al. 2019 let it start late instead of a warm-up).
    """

    half_life_images: Positive
    warm_up: Positive | None = 0.05
    start: Annotated[int, Field(ge=0)] = 0
