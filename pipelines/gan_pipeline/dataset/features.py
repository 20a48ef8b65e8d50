"""What the records of a dataset hold besides their string id: named features, as the manifest writes them down."""

from enum import StrEnum
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class Encoding(StrEnum):
    """How images are stored; both are lossless."""

    RAW = "raw"
    PNG = "png"


class Frozen(BaseModel):
    """Base of everything the manifest is made of: it never changes, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Side = Annotated[int, Field(ge=1)]


class ImageFeature(Frozen):
    """uint8 images of one shape (height, width, channels), stored losslessly."""

    kind: Literal["image"] = "image"
    shape: tuple[Side, Side, Literal[1, 3]]
    dtype: Literal["uint8"] = "uint8"
    encoding: Encoding


class LabelFeature(Frozen):
    """int64 class numbers; `class_names` by number."""

    kind: Literal["label"] = "label"
    dtype: Literal["int64"] = "int64"
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]


class AttributesFeature(Frozen):
    """int64 (number of names,): 1 where the named attribute holds, else 0."""

    kind: Literal["attributes"] = "attributes"
    dtype: Literal["int64"] = "int64"
    names: Annotated[tuple[str, ...], Field(min_length=1)]


class VectorFeature(Frozen):
    """float32 (number of names,)."""

    kind: Literal["vector"] = "vector"
    dtype: Literal["float32"] = "float32"
    names: Annotated[tuple[str, ...], Field(min_length=1)]


Feature = Annotated[ImageFeature | LabelFeature | AttributesFeature | VectorFeature, Field(discriminator="kind")]

Features = dict[str, Feature]
"""By name: "image" and "label", "source" and "target", "attributes", or "point"."""


def image_features(features: Features) -> dict[str, ImageFeature]:
    """Only the images among the features, by name."""
    return {name: feature for name, feature in features.items() if isinstance(feature, ImageFeature)}


_RECORD_BYTES = 80
"""Framing, id and feature names."""


def example_bytes(features: Features) -> int:
    """About how many bytes one record takes with its images stored raw; used to choose the number of shards."""
    pixels = sum(int(np.prod(feature.shape)) for feature in image_features(features).values())
    numbers = sum(
        4 * len(feature.names) for feature in features.values() if isinstance(feature, VectorFeature | AttributesFeature)
    )
    return _RECORD_BYTES + pixels + numbers
