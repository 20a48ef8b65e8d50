"""The sections of networks that translate images, and of their discriminator; no Keras in here.

The defaults are those of Brownlee, Generative Adversarial Networks with Python, ch. 22 and 25. A recipe's section adds the
optimizer:

    class Generator(UNetConfig):
        optimizer: OptimizerConfig
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.examples import ImageConfig, PositiveInt
from gan_train.recipe.network_config import BatchNormConfig, Filters, Share
from gan_train.recipe.section import Section

Depth = Annotated[int, Field(ge=1, le=1000)]
"""Number of blocks or layers, each of which is built one after the other."""

Up = Literal["transposed", "resize"]
"""How a decoder doubles the sides: by a transposed convolution, or by repeating pixels and then a convolution of stride 1
(Odena et al. 2016), which leaves no checkerboard. The weights have the same shapes."""


_MOST_HALVINGS = 8
"""Largest number of halvings of a side that "auto" chooses, which 256 pixels allow."""


class InstanceNormConfig(Section):
    """Instance normalisation.

    Attributes:
        epsilon: number added to the variance.
        axis: "channel" standardises each feature map of each image on its own, "all" all feature maps of an image at once.
    """

    epsilon: Annotated[float, Field(gt=0)] = 1e-5
    axis: Literal["channel", "all"] = "channel"


class UNetConfig(Section):
    """Strided convolutions down to a bottleneck, then as many stages up, each beside the output of its stage down (Isola et al.
    2017).

    Attributes:
        filters: channels of each stage down, of which the first is not normalised; the stages up mirror them. "auto" halves
            until a side is odd: at 256 pixels 64, 128, 256 and four times 512, at 128 one less.
        bottleneck: channels where the way down ends.
        dropout: share of activations dropped in the first stages up, the generator's only noise; 0 for none.
        dropped_stages: how many stages up drop.
        kernel: side of all kernels.
        batch_norm: normalisation of all stages but the first, the bottleneck and the image.
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
        """The channels of each stage down for images of this size."""
        if self.filters != "auto":
            return self.filters
        # The largest power of two that divides both sides; the last halving is the bottleneck's.
        halvings = min((side & -side).bit_length() - 1 for side in image.shape[:2])
        return tuple(64 * min(2**stage, 8) for stage in range(min(halvings, _MOST_HALVINGS) - 1))

    def check_sides(self, image: ImageConfig) -> None:
        """Raises ValueError where the images cannot be halved so often, or no stage is left to drop in."""
        filters = self.filters_for(image)
        if not filters:
            raise ValueError(
                f"image.shape is {image.shape[0]}x{image.shape[1]}, whose sides a U-Net cannot halve; take multiples of 64"
            )
        wrong = _not_multiples(image, 2 ** (len(filters) + 1))
        if wrong:
            raise ValueError(f"{wrong} for {len(filters)} generator.filters; set other sides or another number of filters")
        if self.dropped_stages > len(filters):
            raise ValueError(f"dropped_stages={self.dropped_stages}, but {len(filters)} filters make as many stages up")


class ResNetConfig(Section):
    """Two halvings, residual blocks, two doublings; instance normalisation throughout (Zhu et al. 2017).

    Attributes:
        filters: channels of the first and the last stage; the halvings double them.
        blocks: how many residual blocks; "auto" is 6 for sides up to 128, else 9.
        merge: how a block and its input become one: "concat" stacks their channels, so that every block widens what follows, as
            in Brownlee, Generative Adversarial Networks with Python, ch. 25; "add" is the paper's (Zhu et al. 2017).
        up: how a stage doubles the sides.
        output_norm: whether the image is normalised too, before its activation.
        instance_norm: normalisation after all convolutions.
    """

    filters: PositiveInt = 64
    blocks: Depth | Literal["auto"] = "auto"
    merge: Literal["concat", "add"] = "concat"
    up: Up = "transposed"
    output_norm: bool = True
    instance_norm: InstanceNormConfig = InstanceNormConfig()

    def blocks_for(self, image: ImageConfig) -> int:
        """The number of residual blocks for images of this size."""
        if self.blocks == "auto":
            return 6 if max(image.shape[:2]) <= 128 else 9
        return self.blocks

    def check_sides(self, image: ImageConfig) -> None:
        """Raises ValueError where the images cannot be halved twice."""
        wrong = _not_multiples(image, 4)
        if wrong:
            raise ValueError(f"{wrong} for a ResNet generator; set other sides")


class PatchGANConfig(Section):
    """A discriminator that scores patches: `layers` convolutions of stride 2, one of stride 1, then the scores (Isola et al.
    2017).

    Attributes:
        layers: number of halvings; with 4 a score sees 142x142 pixels, with 3, the paper's number, 70x70.
        filters: channels of the first convolution; each one after it doubles them, up to 8 times.
        kernel: side of all kernels.
        batch_norm: normalisation after all convolutions but the first and the last, or None.
        instance_norm: the same with instance normalisation; at most one of the two is set.
    """

    layers: Depth = 4
    filters: PositiveInt = 64
    kernel: PositiveInt = 4
    batch_norm: BatchNormConfig | None = None
    instance_norm: InstanceNormConfig | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels of each convolution but the last."""
        return tuple(self.filters * min(2**layer, 8) for layer in range(self.layers + 1))

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride of each convolution, the last included."""
        return (2,) * self.layers + (1, 1)

    @model_validator(mode="after")
    def _one_normalisation(self) -> Self:
        if self.batch_norm and self.instance_norm:
            raise ValueError("batch_norm and instance_norm exclude each other; set one of them to null")
        return self


def _not_multiples(image: ImageConfig, factor: int) -> str | None:
    """A message that the sides are not multiples of a factor, or None if they are."""
    height, width, _ = image.shape
    fits = height % factor == 0 and width % factor == 0
    return None if fits else f"image.shape is {height}x{width}, but sides must be multiples of {factor}"
