"""faces_report.html: what the face detector did, with the pictures one would want to see before trusting it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UnusableInputError
from gan_core.images.html import jpeg_uri, render
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.records import Image
from gan_pipeline.sources.files import FileSource

REPORT = "faces_report.html"
LANDMARKS = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth")

_LOWEST, _WITHOUT, _FARTHEST = 100, 50, 20
_PICTURE_HEIGHT = 160
_BINS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)


@dataclass(frozen=True)
class FacePicture:
    """A photograph with what was found drawn into it: a data URI, and the words below it."""

    uri: str
    caption: str


@dataclass(frozen=True)
class Distance:
    """How far a landmark lies from CelebA's own, in pixels."""

    landmark: str
    median: float
    most: float


def faces_report(options: Options, source: FileSource, faces: Sequence[Mapping[str, Any]]) -> str:
    """The report as one HTML file without references to others.

    Args:
        options: what was prepared.
        source: gives the photographs again.
        faces: the lines of faces.jsonl.
    """
    found = [face for face in faces if "box" in face]
    compared = [face for face in found if "celeba_landmarks" in face]
    return render(
        "faces_report.html.j2",
        options=options,
        photographs_read=len(faces),
        outcomes=outcomes(faces),
        confidences=histogram([face["confidence"] for face in found]),
        lowest=_pictures(source, sorted(found, key=lambda face: face["confidence"])[:_LOWEST]),
        without=_pictures(source, [face for face in faces if not face["found"]][:_WITHOUT]),
        distances=distances([landmark_distance(face) for face in compared]),
        compared=len(compared),
        farthest=_pictures(source, sorted(compared, key=lambda face: -float(landmark_distance(face).mean()))[:_FARTHEST]),
    )


def outcomes(faces: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many photographs had one face, several, or none; and how many faces lay outside their photograph."""
    titles = {0: "no face: dropped", 1: "one face"}
    counts = Counter(titles.get(face["found"], "several faces: the most confident was taken") for face in faces)
    outside = sum("box" in face and "window" not in face for face in faces)
    return dict(counts.most_common()) | ({"face outside the photograph: dropped": outside} if outside else {})


def histogram(confidences: Sequence[float]) -> list[tuple[str, int]]:
    """How many confidences lie in each interval, the lowest first."""
    edges = [0.0, *_BINS]
    counts, _ = np.histogram(confidences, edges)
    return [(f"{low:g} to {high:g}", int(count)) for low, high, count in zip(edges, edges[1:], counts, strict=False)]


def distances(measured: Sequence[NDArray[np.float64]]) -> list[Distance]:
    """For each landmark the median and the 95th percentile of what `landmark_distance` gave."""
    if not measured:
        return []
    medians, most = np.median(measured, axis=0), np.percentile(measured, 95, axis=0)
    return [Distance(*values) for values in zip(LANDMARKS, medians.tolist(), most.tolist(), strict=True)]


def landmark_distance(face: Mapping[str, Any]) -> NDArray[np.float64]:
    """How far each landmark lies from CelebA's own: float64 (5,), in pixels of the photograph."""
    ours, theirs = (np.asarray(face[key], np.float64) for key in ("landmarks", "celeba_landmarks"))
    length: NDArray[np.float64] = np.hypot(*(ours - theirs).T)
    return length


def _pictures(source: FileSource, faces: Sequence[Mapping[str, Any]]) -> list[FacePicture]:
    pictures = []
    for face in faces:
        try:
            photograph = source.original(face["id"])
        except UnusableInputError:
            continue
        words = f"{face['id']}, {face['confidence']:.4f}" if "confidence" in face else face["id"]
        pictures.append(FacePicture(_drawn(photograph, face), words))
    return pictures


def _drawn(photograph: Image, face: Mapping[str, Any]) -> str:
    """A data URI of the photograph with window, landmarks (ours) and CelebA's points."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    picture = Pillow.fromarray(photograph)
    draw, width = ImageDraw.Draw(picture), max(1, picture.height // 120)
    if "window" in face:
        draw.rectangle(face["window"], outline=(0, 220, 0), width=width)
    for points, colour in ((face.get("celeba_landmarks", ()), (255, 200, 0)), (face.get("landmarks", ()), (255, 0, 0))):
        for x, y in points:
            draw.ellipse((x - width, y - width, x + width, y + width), fill=colour)
    picture.thumbnail((_PICTURE_HEIGHT * 4, _PICTURE_HEIGHT))
    return jpeg_uri(picture)
