"""The features of a dataset, as its manifest lists them: what a record holds besides its id."""

from enum import StrEnum
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class Encoding(StrEnum):
    """The form in which images are stored. Both are lossless."""

    RAW = "raw"
    PNG = "png"


class Frozen(BaseModel):
    """The base class of the parts of a manifest: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Side = Annotated[int, Field(ge=1)]


class ImageFeature(Frozen):
    """uint8 images of one shape (height, width, channels), stored losslessly."""

    kind: Literal["image"] = "image"
    shape: tuple[Side, Side, Literal[1, 3]]
    dtype: Literal["uint8"] = "uint8"
    encoding: Encoding


class LabelFeature(Frozen):
    """A class number, int64; `class_names` holds the names by number."""

    kind: Literal["label"] = "label"
    dtype: Literal["int64"] = "int64"
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]


class AttributesFeature(Frozen):
    """Attributes of an image, int64 (number of names,): 1 where the named attribute holds, else 0."""

    kind: Literal["attributes"] = "attributes"
    dtype: Literal["int64"] = "int64"
    names: Annotated[tuple[str, ...], Field(min_length=1)]


class VectorFeature(Frozen):
    """A vector of named numbers, float32 (number of names,)."""

    kind: Literal["vector"] = "vector"
    dtype: Literal["float32"] = "float32"
    names: Annotated[tuple[str, ...], Field(min_length=1)]


Feature = Annotated[ImageFeature | LabelFeature | AttributesFeature | VectorFeature, Field(discriminator="kind")]

Features = dict[str, Feature]
"""By name: "image" and "label", "source" and "target", "attributes", or "point"."""


def image_features(features: Features) -> dict[str, ImageFeature]:
    """The features that are images, by name."""
    return {name: feature for name, feature in features.items() if isinstance(feature, ImageFeature)}


_RECORD_BYTES = 80
"""Bytes of a record besides its values, about: framing, id and names of features."""


def example_bytes(features: Features) -> int:
    """The approximate size in bytes of a record whose images are stored raw, by which the number of shards is chosen."""
    pixels = sum(int(np.prod(feature.shape)) for feature in image_features(features).values())
    numbers = sum(
        4 * len(feature.names) for feature in features.values() if isinstance(feature, VectorFeature | AttributesFeature)
    )
    return _RECORD_BYTES + pixels + numbers
