"""What a recipe can say of networks. Defaults are the specification's; no Keras in here.

Those of the DCGAN family are whole sections of a recipe. Of the others, a recipe's section adds what belongs to a player:

    class Generator(ACGANGeneratorConfig):
        batch_norm: BatchNormConfig
        optimizer: OptimizerConfig
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.section import Section

PositiveInt = Annotated[int, Field(ge=1)]
Filters = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
"""Channels of each stage."""
Share = Annotated[float, Field(ge=0, lt=1)]
"""Of activations dropped; 0 for none."""
Initializer = Literal["glorot_uniform", "normal_0.02", "he_uniform", "he_normal", "orthogonal"]


class BatchNormConfig(Section):
    """Batch normalisation.

    Attributes:
        momentum: of the moving averages.
        epsilon: added to the variance.
        synchronized: take the statistics of the global batch, not of each replica's share.
        bias_correction: correct the moving averages for their start at 0 and 1. Without it a discriminator fed by
            inference-mode fakes sees grey images for hundreds of steps and the GAN never converges (spec C, G8).
    """

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    epsilon: Annotated[float, Field(gt=0)] = 1e-3
    bias_correction: bool = True
    synchronized: bool = False


class _DCGANConfig(Section):
    """What both networks of the DCGAN family share.

    Attributes:
        initializer: of the convolutions and the generator's dense layer; "normal_0.02" is N(0, 0.02).
        spectral_norm: divide every kernel by its largest singular value (Miyato et al. 2018).
        batch_norm: after every convolution but the generator's last, or None.
        slope: of the rectifiers below zero; 0 is ReLU.
        optimizer: of this network's variables.
    """

    initializer: Initializer
    batch_norm: BatchNormConfig | None
    spectral_norm: bool = False
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2
    optimizer: OptimizerConfig


class DCGANGeneratorConfig(_DCGANConfig):
    """A dense layer to `base`, then one transposed convolution per entry of `filters`.

    Attributes:
        base: (height, width, channels) after the dense layer.
        filters: channels of each stage.
        strides: of each stage, 2 where it doubles the sides, else 1; None for 2 everywhere.
        kernel: size of the transposed convolutions.
        output_kernel: size of the last convolution.
        dropout: share of activations dropped after each stage, 0 for none.
        dropout_in_sampling: drop them too where the generator makes images for the discriminator or to be looked at,
            with its moving averages all the same (spec C, G39).
        project_batch_norm: batch normalisation after the dense layer too, each of its outputs a channel of its own.
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
        """Of each stage."""
        return self.strides or (2,) * len(self.filters)

    @property
    def doublings(self) -> int:
        """How many stages double the sides."""
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
    """One convolution per entry of `filters`, then one score.

    Attributes:
        filters: channels of each stage.
        kernel: size of the convolutions.
        first_stride: of the first convolution; all others have stride 2.
        first_batch_norm: whether the first convolution is normalised where the others are; Radford et al. leave it out.
        dropout: share of activations dropped after each stage, 0 for none.
        flat_dropout: share dropped once, after the last stage; 0 for none.
        score_initializer: of the dense layer that gives the score.
    """

    filters: Filters
    kernel: PositiveInt
    first_stride: Literal[1, 2] = 2
    first_batch_norm: bool = True
    dropout: Share = 0.0
    flat_dropout: Share = 0.0
    score_initializer: Initializer = "glorot_uniform"


class CurveGeneratorConfig(Section):
    """One hidden layer, spec A 2.3."""

    units: PositiveInt = 15


class CurveDiscriminatorConfig(Section):
    """One hidden layer, spec A 2.3."""

    units: PositiveInt = 25


class ConditionalGeneratorConfig(Section):
    """A dense layer to `base`, beside it a map of the label, then a transposed convolution of stride 2 per filter: spec D 2.2.

    Attributes:
        embedding: numbers that a class is embedded in.
        base: (height, width, channels) after the dense layer, without the label's map.
        kernel: of the transposed convolutions.
        output_kernel: of the last convolution.
    """

    embedding: PositiveInt = 50
    base: tuple[PositiveInt, PositiveInt, PositiveInt] = (7, 7, 128)
    filters: Filters = (128, 128)
    kernel: PositiveInt = 4
    output_kernel: PositiveInt = 7


class ConditionalDiscriminatorConfig(Section):
    """A map of the label as one more channel, then a convolution of stride 2 per filter: spec D 2.1.

    Attributes:
        embedding: numbers that a class is embedded in.
        dropout: once, after the last stage.
    """

    embedding: PositiveInt = 50
    filters: Filters = (128, 128)
    kernel: PositiveInt = 3
    dropout: Share = 0.4


class InfoGANGeneratorConfig(Section):
    """A dense layer to `base`, a convolution to the first of `filters`, transposed convolutions to the others and to the image.

    Spec D 3.2. Every filter but the first, and the image, doubles the sides.
    """

    base: tuple[PositiveInt, PositiveInt, PositiveInt] = (7, 7, 512)
    filters: Filters = (128, 64)
    kernel: PositiveInt = 4


class InfoGANDiscriminatorConfig(Section):
    """A convolution per filter, of stride 2 but for the last, of stride 1; then one head for the score, one for the code.

    Spec D 3.3.

    Attributes:
        code_units: of the hidden layer in the code's head.
    """

    filters: Filters = (64, 128, 256)
    kernel: PositiveInt = 4
    code_units: PositiveInt = 128


class ACGANGeneratorConfig(Section):
    """A dense layer to `base`, beside it a map of the label, then transposed convolutions to the filters and to the image.

    Spec D 4.3. Every filter and the image double the sides.

    Attributes:
        embedding: numbers that a class is embedded in.
        base: (height, width, channels) after the dense layer, without the label's map.
    """

    embedding: PositiveInt = 50
    base: tuple[PositiveInt, PositiveInt, PositiveInt] = (7, 7, 384)
    filters: Filters = (192,)
    kernel: PositiveInt = 5


class ACGANDiscriminatorConfig(Section):
    """A convolution per filter, of stride 2 and 1 by turns; then a score and class logits from the same features.

    Spec D 4.2.

    Attributes:
        dropout: after every stage.
    """

    filters: Filters = (32, 64, 128, 256)
    kernel: PositiveInt = 3
    dropout: Share = 0.5


class FeatureClassifierConfig(Section):
    """Stages of convolutions, each but the last of a stage of stride 1, the last of stride 2; then a layer of features.

    Attributes:
        filters: channels of each stage, which halves the sides.
        convolutions: of each stage.
        features: units of the dense layer before the class logits.
        batch_norm: after every convolution.
        dropout: of the features.
    """

    filters: Filters
    convolutions: PositiveInt = 2
    kernel: PositiveInt = 3
    features: PositiveInt = 128
    batch_norm: BatchNormConfig = BatchNormConfig()
    dropout: Share = 0.4


class ClassifierConfig(Section):
    """A convolution of stride 2 per filter, then class logits: the semi-supervised discriminator, spec D 5.2.

    Attributes:
        dropout: once, after the last stage.
    """

    filters: Filters = (128, 128, 128)
    kernel: PositiveInt = 3
    dropout: Share = 0.4
