"""What a PatchGAN sees and gives, by arithmetic (Isola et al. 2017, appendix 6.1; spec E 2.1)."""

from gan_train.recipe.translation_networks import PatchGANConfig


def receptive_fields(config: PatchGANConfig) -> list[int]:
    """Side in pixels of what one score sees of the input of each convolution, from the last one to the first.

    Back from one score: field = (field - 1) * stride + kernel.
    """
    fields, field = [], 1
    for stride in reversed(config.strides):
        field = (field - 1) * stride + config.kernel
        fields.append(field)
    return fields


def receptive_field(config: PatchGANConfig) -> int:
    """Side in pixels of the square of the image that one score sees."""
    return receptive_fields(config)[-1]


def patches(config: PatchGANConfig, sides: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of the map of scores for images of these sides, (height, width)."""
    height, width = (-(-side // 2**config.layers) for side in sides)
    return height, width
