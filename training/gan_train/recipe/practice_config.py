"""What a recipe can say of how the players are trained: labels, noise, penalties, averages. All off unless set."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from gan_train.recipe.section import Section

Positive = Annotated[float, Field(gt=0)]
Range = tuple[float, float]


class LatentConfig(Section):
    """Where latents are drawn from.

    Attributes:
        distribution: "normal" is N(0, 1), "uniform" is [-1, 1), "truncated" is N(0, 1) redrawn outside the threshold.
        threshold: of "truncated", in standard deviations. Far below 0.01 hardly a draw would be kept.
    """

    distribution: Literal["normal", "uniform", "truncated"] = "normal"
    threshold: Annotated[float, Field(ge=0.01)] = 2.0


class LabelsConfig(Section):
    """Targets of the discriminator (spec A, H3 and H4).

    Attributes:
        real: uniform range of the target of a real example; (1, 1) is no smoothing.
        fake: the same for a fake example; (0, 0) is no smoothing.
        flip: probability that an example carries the wrong label.
    """

    real: Range = (1.0, 1.0)
    fake: Range = (0.0, 0.0)
    flip: Annotated[float, Field(ge=0, lt=0.5)] = 0.0

    @property
    def smoothed(self) -> bool:
        """Whether any target is other than 1 or 0."""
        return self.real != (1.0, 1.0) or self.fake != (0.0, 0.0)

    @property
    def plain(self) -> bool:
        """Whether targets are just 1 and 0."""
        return not self.smoothed and self.flip == 0

    @field_validator("real", "fake")
    @classmethod
    def _ordered(cls, ends: Range) -> Range:
        if ends[0] > ends[1]:
            raise ValueError("this range is upside down")
        return ends


class InstanceNoiseConfig(Section):
    """Gaussian noise on all that the discriminator sees (Sonderby et al. 2017).

    Attributes:
        stddev: at step 0, in units of the image range.
        steps: it falls linearly to 0 at this step.
    """

    stddev: Positive
    steps: Annotated[int, Field(ge=1)]


class GradientPenaltyConfig(Section):
    """On the critic's gradient between real and fake (Gulrajani et al. 2017) or around the real (Kodali et al. 2017)."""

    weight: Positive = 10.0
    one_sided: bool = False
    target: Positive = 1.0


class R1Config(Section):
    """gamma / 2 times the squared gradient on real images (Mescheder et al. 2018).

    Attributes:
        gamma: its weight.
        every: in steps; a lazy penalty is an update of its own, `every` times as strong (Karras et al. 2020).
    """

    gamma: Positive
    every: Annotated[int, Field(ge=1)] = 1


class OrthogonalConfig(Section):
    """weight times the distance of every kernel from orthogonality (Brock et al. 2017, 2019).

    Attributes:
        free_norms: leave the filters' norms alone, as BigGAN does.
    """

    weight: Positive
    free_norms: bool = True


class ClipConfig(Section):
    """Kernels clipped to [-limit, limit] after every update of the critic (Arjovsky et al. 2017).

    Attributes:
        layers: names of the layers whose kernels are clipped.
    """

    limit: Positive
    layers: Annotated[tuple[str, ...], Field(min_length=1)]


class PenaltiesConfig(Section):
    """What keeps the discriminator in bounds."""

    gradient: GradientPenaltyConfig | None = None
    dragan: GradientPenaltyConfig | None = None
    r1: R1Config | None = None
    orthogonal: OrthogonalConfig | None = None
    clip: ClipConfig | None = None

    @property
    def of_gradients(self) -> tuple[str, ...]:
        """Names of those that need gradients of gradients."""
        return tuple(name for name in ("gradient", "dragan", "r1") if getattr(self, name) is not None)


class AverageConfig(Section):
    """An exponential moving average of the generator, used for all images shown and saved.

    Attributes:
        half_life_images: after this many generated images of training a weight's share has halved.
        warm_up: the half-life is at most this share of the images so far, so that early averages are not stale.
    """

    half_life_images: Positive
    warm_up: Positive = 0.05
