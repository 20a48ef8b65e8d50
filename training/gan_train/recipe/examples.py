"""The examples that a generator makes, and the condition that it takes besides noise."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from gan_train.recipe.section import Section

PositiveInt = Annotated[int, Field(ge=1, lt=1 << 31)]
"""A whole number from 1 that TensorFlow takes as a dimension or count: it has 32 bits there."""

SOURCE, TARGET = "source", "target"
"""Names of the two images of a pair."""
A, B = "a", "b"
"""Names of the images of two domains."""


class ImageConfig(Section):
    """Images as the networks see them.

    Attributes:
        shape: (height, width, channels).
        range: "unit" is [0, 1] with a sigmoid at the generator's end, "symmetric" is [-1, 1] with a tanh.
    """

    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    range: Literal["unit", "symmetric"]

    @property
    def feature(self) -> str:
        """Name of the dataset's feature that holds the images."""
        return "image"


def check_growth(base: tuple[int, int, int], doublings: int, image: ImageConfig) -> None:
    """Check that a generator's stages end at the size of the images.

    Args:
        base: (height, width, channels) before the first stage.
        doublings: number of stages that double the sides.
        image: the images to make.

    Raises:
        ValueError: the sides after the last stage are others than those of the images.
    """
    sides = base[:2]
    grown = tuple(side * 2**doublings for side in sides)
    if grown != image.shape[:2]:
        start, end, wanted = (f"{height}x{width}" for height, width in (sides, grown, image.shape[:2]))
        raise ValueError(f"generator.base {start} doubled {doublings} times gives {end}, but image.shape is {wanted}")


class PointConfig(Section):
    """Points as the networks see them, neither scaled nor rounded.

    Attributes:
        coordinates: number of coordinates of a point.
    """

    coordinates: PositiveInt = 2

    @property
    def shape(self) -> tuple[int]:
        """Shape of the array of one point."""
        return (self.coordinates,)

    @property
    def feature(self) -> str:
        """Name of the dataset's feature that holds the points."""
        return "point"


@dataclass(frozen=True)
class Condition:
    """The condition that a generator takes besides noise: a number in [0, values) for each example.

    Attributes:
        kind: "class", which the dataset's labels define, or "code", to which training gives a meaning.
        values: how many values there are.
    """

    kind: Literal["class", "code"]
    values: int
