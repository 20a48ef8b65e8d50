"""From decoded images to the images of a record: one class for each kind of dataset, in batches."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from gan_core.errors import UnusableInputError
from gan_core.quiet import import_tensorflow
from gan_pipeline.dataset.options import BoxRule, Resampler, ResizeRule
from gan_pipeline.dataset.records import Image
from gan_pipeline.transforms.face_crop import crop_face, crop_window
from gan_pipeline.transforms.resize import center_window, resize
from gan_pipeline.transforms.split_pair import split_pair

Shape = tuple[int, int, Literal[1, 3]]
"""(height, width, channels)."""

FACE_BATCH = 128

# The window of the aligned CelebA photographs that LSGAN was trained on (specification C 1.9).
CELEBA_TOP, CELEBA_LEFT, CELEBA_WINDOW = 50, 25, 128


@dataclass(frozen=True)
class Transformed:
    """What one image became: the images of its record by feature name, or why there are none.

    `face` is what the detector saw, where one ran.
    """

    images: Mapping[str, Image] | None = None
    failure: UnusableInputError | None = None
    face: Mapping[str, Any] | None = None


class Transform(Protocol):
    """Images in, record images out, each on its own: what shares a batch makes no difference."""

    batch: int
    """How many images are best given at once."""

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """(height, width, channels) of every image of a record, by feature name."""

    def apply(self, images: Sequence[Image]) -> list[Transformed]:
        """One result for each image, in order."""


class _OneByOne(ABC):
    """A transform whose images need no batch."""

    batch = 1

    def apply(self, images: Sequence[Image]) -> list[Transformed]:
        return [self._try(image) for image in images]

    def _try(self, image: Image) -> Transformed:
        try:
            return Transformed(self._one(image))
        except UnusableInputError as failure:
            return Transformed(failure=failure)

    @abstractmethod
    def _one(self, image: Image) -> Mapping[str, Image]:
        """The images of one record. Raises UnusableInputError."""


@dataclass(frozen=True)
class Resized(_OneByOne):
    """The whole image, made square."""

    size: int
    rule: ResizeRule
    resampler: Resampler

    @property
    def shapes(self) -> Mapping[str, Shape]:
        return {"image": (self.size, self.size, 3)}

    def _one(self, image: Image) -> Mapping[str, Image]:
        return {"image": resize(image, self.size, self.size, self.rule, self.resampler)}


@dataclass(frozen=True)
class CenterFace(_OneByOne):
    """The fixed window of an aligned CelebA photograph."""

    size: int
    resampler: Resampler

    @property
    def shapes(self) -> Mapping[str, Shape]:
        return {"image": (self.size, self.size, 3)}

    def _one(self, image: Image) -> Mapping[str, Image]:
        window = center_window(image, CELEBA_TOP, CELEBA_LEFT, CELEBA_WINDOW)
        return {"image": resize(window, self.size, self.size, ResizeRule.STRETCH, self.resampler)}


@dataclass(frozen=True)
class Halves(_OneByOne):
    """Source and target out of an image that shows them side by side."""

    size: int
    swap: bool
    resampler: Resampler

    @property
    def shapes(self) -> Mapping[str, Shape]:
        return dict.fromkeys(("source", "target"), (self.size, self.size, 3))

    def _one(self, image: Image) -> Mapping[str, Image]:
        source, target = split_pair(image, self.size, self.swap, self.resampler)
        return {"source": source, "target": target}


@dataclass(frozen=True)
class DetectedFace:
    """The most confident face that MTCNN finds."""

    size: int
    box: BoxRule
    margin: float
    resampler: Resampler

    batch = FACE_BATCH

    @property
    def shapes(self) -> Mapping[str, Shape]:
        return {"image": (self.size, self.size, 3)}

    def apply(self, images: Sequence[Image]) -> list[Transformed]:
        import_tensorflow()
        from gan_pipeline.transforms.face_detector import face_detector

        found = face_detector().detect(images)
        return [self._cut(image, faces) for image, faces in zip(images, found, strict=True)]

    def _cut(self, image: Image, faces: Sequence[Any]) -> Transformed:
        if not faces:
            return Transformed(failure=UnusableInputError("face", "no face"), face={"found": 0})
        best, (height, width) = faces[0], image.shape[:2]
        line = {
            "found": len(faces),
            "confidence": round(best.confidence, 5),
            "box": list(best.box),
            "landmarks": [list(point) for point in best.landmarks],
            "rule": str(self.box),
        }
        window = crop_window(best.box, self.box, self.margin, height, width)
        if window is None:
            failure = UnusableInputError("face", "face outside the image", f"box {best.box}")
            return Transformed(failure=failure, face=line)
        line["window"] = list(window)
        return Transformed({"image": crop_face(image, window, self.size, self.resampler)}, face=line)
