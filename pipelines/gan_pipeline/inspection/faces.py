"""Statistics of the face detector over a CelebA dataset, from faces.jsonl."""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.storage import Folder
from gan_pipeline.dataset.face_log import FACES, Distance, FaceLine, distances, histogram, outcomes, read_face_log
from gan_pipeline.inspection.image_statistics import Distribution, distribution

_LOWEST = 24


@dataclass(frozen=True)
class FacesAudit:
    """Statistics of the face detector over a dataset.

    Attributes:
        photographs: how many it looked at.
        outcomes: how many of them had one face, several, none, or one that lay outside.
        confidences: how many faces by interval of confidence.
        lowest: id and confidence of the least certain that were cut, the lowest first.
        distances: from CelebA's own landmarks, where those are known.
        compared: how many faces they are of.
        sides: of the cut windows: the shorter side in pixels of the photograph; None if none was cut.
        enlarged: how many windows had a side shorter than the stored image.
    """

    photographs: int
    outcomes: dict[str, int]
    confidences: list[tuple[str, int]]
    lowest: list[tuple[str, float]]
    distances: list[Distance]
    compared: int
    sides: Distribution | None
    enlarged: int


def faces_audit(folder: Folder, side: int) -> FacesAudit | None:
    """The statistics of a dataset with images of `side` pixels, or None if no face detector ran.

    Raises DataError if faces.jsonl is not readable.
    """
    if not folder.exists(FACES):
        return None
    return sum_up((face for _, face in read_face_log(folder)), side)


def sum_up(faces: Iterable[FaceLine], side: int) -> FacesAudit:
    """The statistics of the lines of faces.jsonl, which are read one at a time."""
    photographs, totals, confidences, sides = 0, Counter[str](), list[float](), list[int]()
    apart: list[NDArray[np.float64]] = []
    cut: list[tuple[float, str]] = []
    for face in faces:
        photographs += 1
        totals.update(outcomes([face]))
        if face.confidence is None:
            continue
        confidences.append(face.confidence)
        if face.distance is not None:
            apart.append(face.distance)
        if face.window:
            left, top, right, bottom = face.window
            sides.append(min(right - left, bottom - top))
            cut.append((face.confidence, face.id))
    shorter = np.asarray(sides, np.float64)
    return FacesAudit(
        photographs=photographs,
        outcomes=dict(totals.most_common()),
        confidences=histogram(confidences),
        lowest=[(name, confidence) for confidence, name in heapq.nsmallest(_LOWEST, cut)],
        distances=distances(apart),
        compared=len(apart),
        sides=distribution(shorter, 0, float(shorter.max())) if len(shorter) else None,
        enlarged=int((shorter < side).sum()),
    )
