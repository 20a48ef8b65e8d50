"""From decoded images to the images of a record: one class for each kind of dataset."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image as Pillow

from gan_core.errors import UnusableInputError
from gan_core.quiet import import_tensorflow
from gan_pipeline.dataset.options import BoxRule, Options, Resampler, ResizeRule
from gan_pipeline.dataset.records import Image
from gan_pipeline.transforms.decode import Channels
from gan_pipeline.transforms.face_crop import crop_face, crop_window
from gan_pipeline.transforms.resize import center_window, resize_image
from gan_pipeline.transforms.split_pair import is_side_by_side, split_pair

Shape = tuple[int, int, Channels]
"""(height, width, channels)."""


def image_shape(options: Options) -> Shape:
    """The shape that the options ask for."""
    return (*options.size, options.channels or 3)


FACE_BATCH = 128

# The square around the face in CelebA's aligned photographs, which have 178x218 pixels.
CELEBA_TOP, CELEBA_LEFT, CELEBA_WINDOW = 50, 25, 128


@dataclass(frozen=True)
class Transformed:
    """The outcome of one image: the images of its record by feature name, or why there are none.

    `face` is what the detector found, where one ran.
    """

    images: Mapping[str, Image] | None = None
    failure: UnusableInputError | None = None
    face: Mapping[str, Any] | None = None


class Transform(Protocol):
    """Makes the images of records out of images of mode RGB or L, each on its own: what shares a batch changes nothing."""

    batch: int
    """How many images are best given at once. Those of a transform whose batch is 1 may be given by several threads."""

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """(height, width, channels) of every image of a record, by feature name."""

    @property
    def draft(self) -> tuple[int, int] | None:
        """(height, width) that the whole image is scaled to; None where a part of it is cut out first."""

    def apply(self, images: Sequence[Pillow.Image]) -> list[Transformed]:
        """One result for each image, in order."""


class _OneByOne(ABC):
    """A transform whose images need no batch."""

    batch = 1
    draft: tuple[int, int] | None = None

    def apply(self, images: Sequence[Pillow.Image]) -> list[Transformed]:
        return [self._try(image) for image in images]

    def _try(self, image: Pillow.Image) -> Transformed:
        try:
            return Transformed({name: pixels(one) for name, one in self._one(image).items()})
        except UnusableInputError as failure:
            return Transformed(failure=failure)

    @abstractmethod
    def _one(self, image: Pillow.Image) -> Mapping[str, Pillow.Image]:
        """The images of one record. Raises UnusableInputError."""


def pixels(image: Pillow.Image) -> Image:
    """The pixels of an image of mode RGB or L: uint8 (height, width, 3 or 1)."""
    array = np.asarray(image)
    return array[..., np.newaxis] if array.ndim == 2 else array


@dataclass(frozen=True)
class Resized(_OneByOne):
    """The whole image, brought to a shape."""

    shape: Shape
    rule: ResizeRule
    resampler: Resampler

    @property
    def shapes(self) -> Mapping[str, Shape]:
        return {"image": self.shape}

    @property
    def draft(self) -> tuple[int, int]:  # type: ignore[override]
        return self.shape[:2]

    def _one(self, image: Pillow.Image) -> Mapping[str, Pillow.Image]:
        height, width, _ = self.shape
        return {"image": resize_image(image, height, width, self.rule, self.resampler)}


@dataclass(frozen=True)
class CenterFace(_OneByOne):
    """The fixed window of an aligned CelebA photograph."""

    size: int
    resampler: Resampler

    @property
    def shapes(self) -> Mapping[str, Shape]:
        return {"image": (self.size, self.size, 3)}

    def _one(self, image: Pillow.Image) -> Mapping[str, Pillow.Image]:
        window = center_window(image, CELEBA_TOP, CELEBA_LEFT, CELEBA_WINDOW)
        return {"image": resize_image(window, self.size, self.size, ResizeRule.STRETCH, self.resampler)}


@dataclass(frozen=True)
class Halves(_OneByOne):
    """Source and target out of an image that shows them side by side.

    Unless `any_ratio`, an image that is not about twice as wide as it is high is refused.
    """

    shape: Shape
    swap: bool
    resampler: Resampler
    any_ratio: bool = False

    @property
    def shapes(self) -> Mapping[str, Shape]:
        return dict.fromkeys(("source", "target"), self.shape)

    def _one(self, image: Pillow.Image) -> Mapping[str, Pillow.Image]:
        if not self.any_ratio and image.width % 2 == 0 and not is_side_by_side(image.width, image.height):
            raise UnusableInputError("pair", "not side by side", f"{image.width}x{image.height} pixels")
        height, width, _ = self.shape
        source, target = split_pair(image, height, width, self.swap, self.resampler)
        return {"source": source, "target": target}


@dataclass(frozen=True)
class DetectedFace:
    """The most confident face that MTCNN finds."""

    size: int
    box: BoxRule
    margin: float
    resampler: Resampler

    batch = FACE_BATCH
    draft = None

    @property
    def shapes(self) -> Mapping[str, Shape]:
        return {"image": (self.size, self.size, 3)}

    def apply(self, images: Sequence[Pillow.Image]) -> list[Transformed]:
        import_tensorflow()
        from gan_pipeline.transforms.face_detector import face_detector

        found = face_detector().detect([np.asarray(image) for image in images])
        return [self._cut(image, faces) for image, faces in zip(images, found, strict=True)]

    def _cut(self, image: Pillow.Image, faces: Sequence[Any]) -> Transformed:
        if not faces:
            return Transformed(failure=UnusableInputError("face", "no face"), face={"found": 0})
        best = faces[0]
        line = {
            "found": len(faces),
            "confidence": round(best.confidence, 5),
            "box": list(best.box),
            "landmarks": [list(point) for point in best.landmarks],
            "rule": str(self.box),
        }
        window = crop_window(best.box, self.box, self.margin, image.height, image.width)
        if window is None:
            failure = UnusableInputError("face", "face outside the image", f"box {best.box}")
            return Transformed(failure=failure, face=line)
        line["window"] = list(window)
        try:
            face = crop_face(image, window, self.size, self.resampler)
        except UnusableInputError as failure:
            return Transformed(failure=failure, face=line)
        return Transformed({"image": pixels(face)}, face=line)
