"""What a recipe can say of the networks outside the DCGAN family. Defaults are the specification's; no Keras in here.

A recipe's section adds what belongs to a player, such as its optimizer:

    class Generator(ACGANGeneratorConfig):
        optimizer: OptimizerConfig
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(ge=1)]
Filters = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
"""Channels of each stage."""
Share = Annotated[float, Field(ge=0, lt=1)]
"""Of activations dropped; 0 for none."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CurveGeneratorConfig(_Frozen):
    """One hidden layer, spec A 2.3."""

    units: PositiveInt = 15


class CurveDiscriminatorConfig(_Frozen):
    """One hidden layer, spec A 2.3."""

    units: PositiveInt = 25


class ConditionalGeneratorConfig(_Frozen):
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


class ConditionalDiscriminatorConfig(_Frozen):
    """A map of the label as one more channel, then a convolution of stride 2 per filter: spec D 2.1.

    Attributes:
        embedding: numbers that a class is embedded in.
        dropout: once, after the last stage.
    """

    embedding: PositiveInt = 50
    filters: Filters = (128, 128)
    kernel: PositiveInt = 3
    dropout: Share = 0.4


class InfoGANGeneratorConfig(_Frozen):
    """A dense layer to `base`, a convolution to the first of `filters`, transposed convolutions to the others and to the image.

    Spec D 3.2. Every filter but the first, and the image, doubles the sides.
    """

    base: tuple[PositiveInt, PositiveInt, PositiveInt] = (7, 7, 512)
    filters: Filters = (128, 64)
    kernel: PositiveInt = 4


class InfoGANDiscriminatorConfig(_Frozen):
    """A convolution per filter, of stride 2 but for the last, of stride 1; then one head for the score, one for the code.

    Spec D 3.3.

    Attributes:
        code_units: of the hidden layer in the code's head.
    """

    filters: Filters = (64, 128, 256)
    kernel: PositiveInt = 4
    code_units: PositiveInt = 128


class ACGANGeneratorConfig(_Frozen):
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


class ACGANDiscriminatorConfig(_Frozen):
    """A convolution per filter, of stride 2 and 1 by turns; then a score and class logits from the same features.

    Spec D 4.2.

    Attributes:
        dropout: after every stage.
    """

    filters: Filters = (32, 64, 128, 256)
    kernel: PositiveInt = 3
    dropout: Share = 0.5


class ClassifierConfig(_Frozen):
    """A convolution of stride 2 per filter, then class logits: the semi-supervised discriminator, spec D 5.2.

    Attributes:
        dropout: once, after the last stage.
    """

    filters: Filters = (128, 128, 128)
    kernel: PositiveInt = 3
    dropout: Share = 0.4
