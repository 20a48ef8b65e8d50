"""The options of `prepare`: all that decides what is written, besides the content of the source itself."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from gan_pipeline.dataset.features import Encoding, Frozen


class ResizeRule(StrEnum):
    """What happens to an image whose aspect ratio is not the wanted one."""

    CROP = "crop"
    """Scale until the image covers the size, then cut the centre."""
    FIT = "fit"
    """Scale until the image fits inside, then centre it on black bars."""
    STRETCH = "stretch"
    """Ignore the aspect ratio."""


class Resampler(StrEnum):
    """Pillow's filters. When they shrink, all but `nearest` average over every pixel the new one covers.

    `tf.image.resize` gives other pixels: without `antialias=True` it looks only at the nearest few.
    """

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"
    BOX = "box"


class BoxRule(StrEnum):
    """How the detected box of a face becomes the window that is cut out."""

    EXACT = "exact"
    """The box, cut off at the edges of the image, and then stretched to a square."""
    SQUARE = "square"
    """A square around the centre of the box, with a margin, moved inside the image."""


class FaceMode(StrEnum):
    """How the face of a CelebA photograph is cut out."""

    MTCNN = "mtcnn"
    CENTER = "center"
    NONE = "none"


class CurveFunction(StrEnum):
    """y of the points (x, y) of the 1-D GAN."""

    PARABOLA = "parabola"
    SINE = "sine"
    GAUSSIAN = "gaussian"


class Options(Frozen):
    """The options that decide what is written. `source` is as the user gave it; all else decides the bytes.

    Those from `image_size` on are None where the dataset has no such option.
    """

    dataset: str
    source: str
    splits: tuple[str, ...]
    classes: tuple[int, ...] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    # Younger than datasets in the field: unused it leaves no trace, so that their documents and checksums stay what they are.
    hold_out: Annotated[int | None, Field(ge=1, exclude_if=lambda count: count is None)] = None
    shards: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    encoding: Encoding = Encoding.RAW
    image_size: Annotated[int, Field(ge=4, le=4096)] | None = None
    resize: ResizeRule | None = None
    resampler: Resampler | None = None
    faces: FaceMode | None = None
    box: BoxRule | None = None
    margin: Annotated[float, Field(ge=0, le=2)] | None = None
    swap: bool | None = None
    function: CurveFunction | None = None

    def changed(self, **values: Any) -> "Options":
        """A checked copy with some values replaced."""
        return Options.model_validate(self.model_dump() | values)
