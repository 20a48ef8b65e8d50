"""The network sections that several systems share. Sections of one system stand in its recipe's file; no Keras in here."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.examples import PositiveInt
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.section import Section

Filters = Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=1000)]
"""Numbers of channels, one for each stage."""
Share = Annotated[float, Field(ge=0, lt=1)]
"""Share of activations that dropout sets to 0; 0 for no dropout."""
Initializer = Literal["glorot_uniform", "normal_0.02", "he_uniform", "he_normal", "orthogonal"]


class BatchNormConfig(Section):
    """Batch normalisation.

    Attributes:
        momentum: momentum of the moving averages.
        epsilon: number added to the variance.
        synchronized: whether the statistics are those of the global batch, not of each replica's share.
        bias_correction: whether the moving averages are corrected for their start at 0 and 1. Without it a discriminator that
            learns from inference-mode fakes gets grey images for hundreds of steps, and the GAN does not converge.
    """

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    epsilon: Annotated[float, Field(gt=0)] = 1e-3
    bias_correction: bool = True
    synchronized: bool = False


class _DCGANConfig(Section):
    """The keys that both networks of the DCGAN family share.

    Attributes:
        initializer: initial kernels of the convolutions and of the generator's dense layer; "normal_0.02" is N(0, 0.02).
        spectral_norm: whether every kernel is divided by its largest singular value (Miyato et al. 2018).
        batch_norm: normalisation after every convolution but the generator's last, or None.
        slope: slope of the rectifiers below zero; 0 is ReLU.
        optimizer: optimizer of this network's variables.
    """

    initializer: Initializer
    batch_norm: BatchNormConfig | None
    spectral_norm: bool = False
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2
    optimizer: OptimizerConfig


class DCGANGeneratorConfig(_DCGANConfig):
    """A dense layer to `base`, then one transposed convolution per entry of `filters` (Radford et al. 2015).

    Attributes:
        base: (height, width, channels) after the dense layer.
        filters: channels of each stage.
        strides: stride of each stage: 2 where it doubles the sides, else 1. None is 2 everywhere.
        kernel: side of the kernels of the transposed convolutions.
        output_kernel: side of the kernel of the last convolution.
        dropout: share of activations dropped after each stage, 0 for none.
        dropout_in_sampling: whether the generator also drops when it makes images for the discriminator or for people, where
            it uses its moving averages nevertheless (Isola et al. 2017 keep dropout at test time).
        project_batch_norm: whether the dense layer is normalised too, each of its outputs as a channel of its own.
    """

    base: tuple[PositiveInt, PositiveInt, PositiveInt]
    filters: Filters
    strides: tuple[Literal[1, 2], ...] | None = None
    kernel: PositiveInt
    output_kernel: PositiveInt
    dropout: Share = 0.0
    dropout_in_sampling: bool = False
    project_batch_norm: bool = False

    @property
    def stage_strides(self) -> tuple[int, ...]:
        """The stride of each stage."""
        return self.strides or (2,) * len(self.filters)

    @property
    def doublings(self) -> int:
        """The number of stages that double the sides."""
        return self.stage_strides.count(2)

    @model_validator(mode="after")
    def _a_stride_for_each_stage(self) -> Self:
        if len(self.stage_strides) != len(self.filters):
            raise ValueError(f"{len(self.stage_strides)} strides for {len(self.filters)} filters; give one for each")
        return self

    @model_validator(mode="after")
    def _something_to_drop(self) -> Self:
        if self.dropout_in_sampling and not self.dropout:
            raise ValueError("dropout_in_sampling without dropout drops nothing; set generator.dropout too")
        return self

    @model_validator(mode="after")
    def _normalises_with_something(self) -> Self:
        if self.project_batch_norm and self.batch_norm is None:
            raise ValueError("generator.project_batch_norm=true but generator.batch_norm is null; set both or neither")
        return self


class DCGANDiscriminatorConfig(_DCGANConfig):
    """One convolution per entry of `filters`, then one score (Radford et al. 2015).

    Attributes:
        filters: channels of each stage.
        kernel: side of the kernels.
        first_stride: stride of the first convolution; all others have stride 2.
        first_batch_norm: whether the first convolution is normalised where the others are; Radford et al. leave it out.
        dropout: share of activations dropped after each stage, 0 for none.
        flat_dropout: share of activations dropped once, after the last stage; 0 for none.
        score_initializer: initial kernel of the dense layer that gives the score.
    """

    filters: Filters
    kernel: PositiveInt
    first_stride: Literal[1, 2] = 2
    first_batch_norm: bool = True
    dropout: Share = 0.0
    flat_dropout: Share = 0.0
    score_initializer: Initializer = "glorot_uniform"
