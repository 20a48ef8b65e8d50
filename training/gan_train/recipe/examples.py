"""What a generator makes, and what it is told besides noise."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from gan_train.recipe.section import Section

PositiveInt = Annotated[int, Field(ge=1)]


class ImageConfig(Section):
    """Images as the networks see them.

    Attributes:
        shape: (height, width, channels).
        range: "unit" is [0, 1] with a sigmoid generator, "symmetric" is [-1, 1] with a tanh generator.
    """

    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    range: Literal["unit", "symmetric"]

    @property
    def feature(self) -> str:
        """Of the dataset."""
        return "image"


def check_growth(base: tuple[int, int, int], doublings: int, image: ImageConfig) -> None:
    """Raises ValueError where a generator that starts from `base`, (height, width, channels), does not grow to the image."""
    sides = base[:2]
    grown = tuple(side * 2**doublings for side in sides)
    if grown != image.shape[:2]:
        start, end, wanted = (f"{height}x{width}" for height, width in (sides, grown, image.shape[:2]))
        raise ValueError(f"generator.base {start} doubled {doublings} times gives {end}, but image.shape is {wanted}")


class PointConfig(Section):
    """Points as the networks see them, as they are.

    Attributes:
        coordinates: of a point.
    """

    coordinates: PositiveInt = 2

    @property
    def feature(self) -> str:
        """Of the dataset."""
        return "point"


@dataclass(frozen=True)
class Condition:
    """What a generator is told besides noise, a number in [0, values) for each example.

    Attributes:
        kind: "class", which the dataset's labels teach it, or "code", to which it finds a meaning by itself.
        values: how many there are.
    """

    kind: Literal["class", "code"]
    values: int
