"""The options of `prepare` that decide what is written, together with the content of the source."""

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictInt

from gan_pipeline.dataset.features import Encoding, Frozen


class ResizeRule(StrEnum):
    """The treatment of an image whose aspect ratio is not the wanted one."""

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
    """The way in which the face of a CelebA photograph is found."""

    MTCNN = "mtcnn"
    CENTER = "center"
    NONE = "none"


class CurveFunction(StrEnum):
    """The function of x that gives y of the points (x, y) of the 1-D GAN."""

    PARABOLA = "parabola"
    SINE = "sine"
    GAUSSIAN = "gaussian"


class Dedupe(StrEnum):
    """The images that count as duplicates of an earlier one."""

    EXACT = "exact"
    """Those whose stored pixels are equal."""
    NEAR = "near"
    """Those whose stored pixels have nearly the same difference hash, as `gan-pipeline inspect --html` finds them."""


MOST_SHARDS = 99_999
"""The names of shards have five digits for their number."""

AUTO_DEPTH = "auto"
"""The value of --bit-depth that scales by the range of samples met in the dataset."""

_LEAST_SIDE, _MOST_SIDE = 4, 4096
_RECTANGLE = re.compile(r"(\d{1,9})x(\d{1,9})")
_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")


def _rectangle(text: str) -> str:
    found = _RECTANGLE.fullmatch(text)
    if found is None or not all(_LEAST_SIDE <= int(side) <= _MOST_SIDE for side in found.groups()):
        raise ValueError(f"write WIDTHxHEIGHT, each {_LEAST_SIDE} to {_MOST_SIDE} pixels, such as 64x48")
    return text


def _bit_depth(text: str) -> str:
    found = _RANGE.fullmatch(text)
    if text != AUTO_DEPTH and (found is None or not int(found[1]) < int(found[2]) < 2**16):
        raise ValueError("write the bits of a sample (9 to 16), a range of samples such as 0-4095, or auto")
    return text


_NO_TRACE = Field(exclude_if=lambda value: value is None)
"""An option younger than existing datasets is not written while unused, so that their documents and checksums stay."""


class Options(Frozen):
    """The options that decide what is written. `source` is as the user gave it; all else decides the bytes.

    Those from `image_size` on are None where the dataset has no such option.

    Attributes:
        image_size: the side of a square in pixels, or "WIDTHxHEIGHT".
        channels: 1 for grey; None for colour.
        min_size: images whose shorter side has fewer pixels are dropped.
        dedupe: which duplicates are dropped.
        bit_depth: how samples of more than 8 bits are scaled: the bits they use, a range "LOW-HIGH" of samples that becomes
            0 to 255, or "auto" for the range met in the dataset; None keeps their high 8 bits.
        variant: the version of a dataset that comes in several.
        allow_short_tables: whether a list of CelebA may have another number of rows than its first line promises.
        zip_encoding: Python's name of the code page of a .zip's names that are not UTF-8; None keeps their bytes.
        scaled_jpeg: whether JPEGs may be decoded at a reduced size; None decodes all their pixels.
    """

    dataset: str
    source: str
    splits: tuple[str, ...]
    # Names: the labels are numbered by the order of these classes. Numbers: written by an earlier version, which kept all
    # classes and their numbers.
    classes: tuple[StrictInt, ...] | tuple[str, ...] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    hold_out: Annotated[int | None, Field(ge=1), _NO_TRACE] = None
    shards: Annotated[int, Field(ge=1, le=MOST_SHARDS)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    encoding: Encoding = Encoding.RAW
    image_size: Annotated[int, Field(ge=_LEAST_SIDE, le=_MOST_SIDE)] | Annotated[str, AfterValidator(_rectangle)] | None = None
    resize: ResizeRule | None = None
    resampler: Resampler | None = None
    faces: FaceMode | None = None
    box: BoxRule | None = None
    margin: Annotated[float, Field(ge=0, le=2)] | None = None
    swap: bool | None = None
    variant: Annotated[str | None, _NO_TRACE] = None
    allow_short_tables: Annotated[Literal[True] | None, _NO_TRACE] = None
    zip_encoding: Annotated[str | None, _NO_TRACE] = None
    function: CurveFunction | None = None
    channels: Annotated[Literal[1, 3] | None, _NO_TRACE] = None
    min_size: Annotated[int | None, Field(ge=1, le=1_000_000), _NO_TRACE] = None
    dedupe: Annotated[Dedupe | None, _NO_TRACE] = None
    bit_depth: Annotated[Annotated[int, Field(ge=9, le=16)] | Annotated[str, AfterValidator(_bit_depth)] | None, _NO_TRACE] = (
        None
    )
    scaled_jpeg: Annotated[Literal[True] | None, _NO_TRACE] = None
    labels: Annotated[str | None, _NO_TRACE] = None
    label_attribute: Annotated[str | None, _NO_TRACE] = None
    split_folders: Annotated[Literal["none"] | None, _NO_TRACE] = None
    any_ratio: Annotated[Literal[True] | None, _NO_TRACE] = None
    domains: Annotated[tuple[str, ...] | None, Field(min_length=1, max_length=2), _NO_TRACE] = None
    limit_per_class: Annotated[int | None, Field(ge=1), _NO_TRACE] = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the images in pixels. Only for a dataset with the option `image_size`."""
        if isinstance(self.image_size, str):
            width, height = map(int, self.image_size.split("x"))
            return height, width
        assert self.image_size
        return self.image_size, self.image_size

    @property
    def levels(self) -> tuple[int, int] | None:
        """The samples that become 0 and 255; None if the high 8 bits are kept or the range is not known yet."""
        if isinstance(self.bit_depth, int):
            return 0, 2**self.bit_depth - 1
        found = _RANGE.fullmatch(self.bit_depth or "")
        return (int(found[1]), int(found[2])) if found else None

    @property
    def domain_folders(self) -> tuple[str, str]:
        """Names of the folders of the two domains."""
        match self.domains:
            case (a, b):
                return a, b
            case _:
                return "A", "B"

    def changed(self, **values: Any) -> "Options":
        """A checked copy with some values replaced."""
        return Options.model_validate(self.model_dump() | values)
