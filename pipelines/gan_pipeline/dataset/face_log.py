"""faces.jsonl, one line for every photograph that the face detector looked at, and the statistics of these lines.

A line is a JSON object: "id" and "found" (number of faces) always; where a face was found "confidence" (0 to 1), "box" (x, y,
width, height), "landmarks" (5 points) and "rule"; "window" (left, top, right, bottom) where it was cut out; and
"celeba_landmarks" (5 points) where the source has CelebA's own. All positions are in pixels of the photograph.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, model_validator

from gan_core.documents import Whole, read_json_lines
from gan_core.storage import Folder
from gan_pipeline.dataset.features import Frozen

FACES = "faces.jsonl"

FACES_REPORT = "faces_report.html"
"""The page that `prepare` writes beside faces.jsonl."""

LANDMARKS = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth")

_BINS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
"""Upper edges of the intervals of confidence; the first begins at 0."""


Pixels = Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)]
"""A position in a photograph, or a length: whole pixels."""

Points = Annotated[tuple[tuple[Pixels, Pixels], ...], Field(min_length=len(LANDMARKS), max_length=len(LANDMARKS))]
"""(x, y) of every landmark."""


class FaceLine(Frozen):
    """One line of faces.jsonl; what a photograph has nothing of is None."""

    id: str
    found: Whole
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    box: tuple[Pixels, Pixels, Pixels, Pixels] | None = None
    landmarks: Points | None = None
    rule: str | None = None
    window: tuple[Pixels, Pixels, Pixels, Pixels] | None = None
    celeba_landmarks: Points | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({value is None for value in (self.confidence, self.box, self.landmarks)}) != 1:
            raise ValueError("confidence, box and landmarks belong together")
        if self.window and (self.box is None or self.window[0] >= self.window[2] or self.window[1] >= self.window[3]):
            raise ValueError("a window without a face, or without a pixel")
        return self

    @property
    def distance(self) -> NDArray[np.float64] | None:
        """The distance of each landmark from CelebA's own: float64 (5,), in pixels; None where one of the two is unknown."""
        if self.landmarks is None or self.celeba_landmarks is None:
            return None
        apart = np.asarray(self.landmarks, np.float64) - np.asarray(self.celeba_landmarks, np.float64)
        distance: NDArray[np.float64] = np.hypot(*apart.T)
        return distance


_LINE = TypeAdapter(FaceLine)


def read_face_log(folder: Folder) -> Iterator[tuple[bytes, FaceLine]]:
    """The lines of faces.jsonl of a dataset folder, each as it stands there and as its value. Raises DataError."""
    return read_json_lines(folder, FACES, _LINE, "prepare the dataset again")


@dataclass(frozen=True)
class Distance:
    """The distances of a landmark from CelebA's own over many faces, in pixels: median and 95th percentile."""

    landmark: str
    median: float
    most: float


def outcomes(faces: Sequence[FaceLine]) -> dict[str, int]:
    """The numbers of photographs with one face, several and none, and of faces that lie outside their photograph."""
    titles = {0: "no face: dropped", 1: "one face"}
    counts = Counter(titles.get(face.found, "several faces: the most confident was taken") for face in faces)
    outside = sum(face.box is not None and face.window is None for face in faces)
    return dict(counts.most_common()) | ({"face outside the photograph: dropped": outside} if outside else {})


def histogram(confidences: Sequence[float]) -> list[tuple[str, int]]:
    """The number of confidences in each interval, the lowest interval first."""
    edges = [0.0, *_BINS]
    counts, _ = np.histogram(confidences, edges)
    return [(f"{low:g} to {high:g}", int(count)) for low, high, count in zip(edges, edges[1:], counts, strict=False)]


def distances(measured: Sequence[NDArray[np.float64]]) -> list[Distance]:
    """For each landmark the median and the 95th percentile of `FaceLine.distance`."""
    if not measured:
        return []
    medians, most = np.median(measured, axis=0), np.percentile(measured, 95, axis=0)
    return [Distance(*values) for values in zip(LANDMARKS, medians.tolist(), most.tolist(), strict=True)]
