"""The side of the patches that a PatchGAN scores, and their number (Isola et al. 2017, appendix 6.1)."""

from gan_train.recipe.translation_networks import PatchGANConfig


def receptive_fields(config: PatchGANConfig) -> list[int]:
    """Side, in pixels, of the part of each convolution's input that one score depends on, from the last convolution to the
    first.

    Back from one score: field = (field - 1) * stride + kernel.
    """
    fields, field = [], 1
    for stride in reversed(config.strides):
        field = (field - 1) * stride + config.kernel
        fields.append(field)
    return fields


def receptive_field(config: PatchGANConfig) -> int:
    """Side, in pixels, of the square of the image that one score depends on."""
    return receptive_fields(config)[-1]


def patches(config: PatchGANConfig, sides: tuple[int, int]) -> tuple[int, int]:
    """The number of scores, (rows, columns), for images of these sides, (height, width)."""
    height, width = (-(-side // 2**config.layers) for side in sides)
    return height, width
