"""What a recipe can say of the networks that translate images, and of their discriminator. Defaults are the
specification's (spec E 2 to 4); no Keras in here. A recipe's section adds what belongs to a player:

    class Generator(UNetConfig):
        optimizer: OptimizerConfig
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.network_config import BatchNormConfig, Filters, PositiveInt, Share
from gan_train.recipe.section import Section

Up = Literal["transposed", "resize"]
"""How a decoder doubles the sides: by a transposed convolution, or by repeating pixels and then a convolution of stride 1
(Odena et al. 2016), which leaves no checkerboard. The weights have the same shapes."""


_MOST_HALVINGS = 8
"""As at 256 pixels."""


class InstanceNormConfig(Section):
    """Instance normalisation.

    Attributes:
        epsilon: added to the variance.
        axis: "channel" standardises each feature map of each image on its own, "all" all feature maps of an image at once.
    """

    epsilon: Annotated[float, Field(gt=0)] = 1e-5
    axis: Literal["channel", "all"] = "channel"


class UNetConfig(Section):
    """Strided convolutions down to a bottleneck, back up by as many stages, each beside its stage of the way down: spec E 3.

    Attributes:
        filters: channels of each stage down, of which the first is not normalised; the way up mirrors them. "auto" goes on
            until a side is odd: at 256 pixels 64, 128, 256 and four times 512, at 128 one less.
        bottleneck: channels where the way down ends.
        dropout: share of activations dropped in the first stages up, the translator's only noise; 0 for none.
        dropped_stages: how many stages up drop.
        kernel: of all convolutions.
        batch_norm: of all stages but the first, the bottleneck and the image.
        up: how a stage doubles the sides.
    """

    filters: Filters | Literal["auto"] = "auto"
    bottleneck: PositiveInt = 512
    dropout: Share = 0.5
    dropped_stages: Annotated[int, Field(ge=0)] = 3
    kernel: PositiveInt = 4
    batch_norm: BatchNormConfig = BatchNormConfig()
    up: Up = "transposed"

    def filters_for(self, image: ImageConfig) -> tuple[int, ...]:
        """Channels of each stage down for images of this size."""
        if self.filters != "auto":
            return self.filters
        # The largest power of two that divides both sides; the last halving is the bottleneck's.
        halvings = min((side & -side).bit_length() - 1 for side in image.shape[:2])
        return tuple(64 * min(2**stage, 8) for stage in range(min(halvings, _MOST_HALVINGS) - 1))

    def check_sides(self, image: ImageConfig) -> None:
        """Raises ValueError where the images cannot be halved so often, or no stage is left to drop in."""
        filters = self.filters_for(image)
        if not filters:
            raise ValueError(f"image.shape is {image.shape[0]}x{image.shape[1]}, too odd for a U-Net; take multiples of 64")
        wrong = _not_multiples(image, 2 ** (len(filters) + 1))
        if wrong:
            raise ValueError(f"{wrong} for {len(filters)} generator.filters; set other sides or another number of filters")
        if self.dropped_stages > len(filters):
            raise ValueError(f"dropped_stages={self.dropped_stages}, but {len(filters)} filters make as many stages up")


class ResNetConfig(Section):
    """Two halvings, residual blocks, two doublings; instance normalisation throughout: spec E 4.

    Attributes:
        filters: channels of the first and the last stage; the halvings double them.
        blocks: how many residual blocks; "auto" is 6 for sides up to 128, else 9.
        merge: of a block and its input: "concat" puts them side by side, so that every block widens what follows, as the
            specification's listing does; "add" is the paper's (Zhu et al. 2017).
        up: how a stage doubles the sides.
        output_norm: normalise the image too, before its activation.
        instance_norm: of all convolutions.
    """

    filters: PositiveInt = 64
    blocks: PositiveInt | Literal["auto"] = "auto"
    merge: Literal["concat", "add"] = "concat"
    up: Up = "transposed"
    output_norm: bool = True
    instance_norm: InstanceNormConfig = InstanceNormConfig()

    def blocks_for(self, image: ImageConfig) -> int:
        """How many residual blocks images of this size get."""
        if self.blocks == "auto":
            return 6 if max(image.shape[:2]) <= 128 else 9
        return self.blocks

    def check_sides(self, image: ImageConfig) -> None:
        """Raises ValueError where the images cannot be halved twice."""
        wrong = _not_multiples(image, 4)
        if wrong:
            raise ValueError(f"{wrong} for a ResNet generator; set other sides")


class PatchGANConfig(Section):
    """A discriminator that scores patches: `layers` convolutions of stride 2, one of stride 1, then the scores: spec E 2.

    Attributes:
        layers: how many halvings; 4, the specification's, sees patches of 142x142 pixels, 3 the paper's 70x70.
        filters: channels of the first convolution; each one after it doubles them, up to 8 times.
        kernel: of all convolutions.
        batch_norm: of all convolutions but the first and the last, or None.
        instance_norm: the same; at most one of the two.
    """

    layers: PositiveInt = 4
    filters: PositiveInt = 64
    kernel: PositiveInt = 4
    batch_norm: BatchNormConfig | None = None
    instance_norm: InstanceNormConfig | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each convolution but the last."""
        return tuple(self.filters * min(2**layer, 8) for layer in range(self.layers + 1))

    @property
    def strides(self) -> tuple[int, ...]:
        """Of each convolution, the last included."""
        return (2,) * self.layers + (1, 1)

    @model_validator(mode="after")
    def _one_normalisation(self) -> Self:
        if self.batch_norm and self.instance_norm:
            raise ValueError("batch_norm and instance_norm exclude each other; set one of them to null")
        return self


def _not_multiples(image: ImageConfig, factor: int) -> str | None:
    """What is wrong with the sides, if anything."""
    height, width, _ = image.shape
    fits = height % factor == 0 and width % factor == 0
    return None if fits else f"image.shape is {height}x{width}, but sides must be multiples of {factor}"
