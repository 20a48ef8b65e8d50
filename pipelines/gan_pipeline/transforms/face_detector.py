"""Faces in images: MTCNN with the mtcnn package's weights and its boxes, several times as fast.

Differences from `MTCNN().detect_faces`: no image can spoil the others of its batch, the result does not depend on the
others, the pyramid is right for any smallest face, and nothing is traced anew for another image size.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gan_pipeline.transforms.mtcnn_boxes import PNET_SIDE

if TYPE_CHECKING:
    from gan_pipeline.transforms.mtcnn_stages import Candidates

Image = NDArray[np.uint8]

_ROUND_IMAGES, _ROUND_PIXELS = 32, 5 * 2**18
_THREADS = 4  # rounds at once: while NumPy sorts out the boxes of one, the networks look at others


@dataclass(frozen=True)
class Face:
    """A face found in an image.

    Attributes:
        box: x, y, width, height in pixels, inside the image.
        confidence: above 0.8, at most 1; rounded to five decimals.
        landmarks: x, y in pixels of left eye, right eye, nose, left and right corner of the mouth; left is the
            viewer's. They may lie outside the image.
    """

    box: tuple[int, int, int, int]
    confidence: float
    landmarks: tuple[tuple[int, int], ...]


class FaceDetector:
    """Finds faces of at least `min_face_size` pixels. May be used by several threads at once."""

    def __init__(self, min_face_size: int = 20) -> None:
        """Reads the weights. Raises ValueError if the smallest face is smaller than the first network's window."""
        if min_face_size < PNET_SIDE:
            raise ValueError(f"min_face_size is {min_face_size}; MTCNN sees no face of less than {PNET_SIDE} pixels")
        from gan_pipeline.transforms.mtcnn_stages import MtcnnStages

        self._stages = MtcnnStages(min_face_size)
        # Kept, for oneDNN prepares its kernels for each thread anew.
        self._threads = ThreadPoolExecutor(_THREADS, "face-detector")

    def detect(self, images: Sequence[Image]) -> list[tuple[Face, ...]]:
        """The faces of each image, most confident first; an empty tuple where there are none.

        Args:
            images: uint8 RGB (height, width, 3), each of any size. Fastest in lists of 32 and more.

        Raises:
            ValueError: one of them is not such an array; none is looked at then.
        """
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise ValueError(f"{image.dtype} {image.shape} where uint8 (height, width, 3) is expected")
        faces: list[tuple[Face, ...]] = [()] * len(images)

        def look(numbers: list[int]) -> None:
            found = self._stages.detect([images[number] for number in numbers])
            for place, number in enumerate(numbers):
                faces[number] = _faces(found, place, images[number])

        list(self._threads.map(look, _rounds(images)))
        return faces


_lock = threading.Lock()
_detectors: dict[int, FaceDetector] = {}


def face_detector(min_face_size: int = 20) -> FaceDetector:
    """This process's detector for a smallest face; made on the first call, which takes seconds."""
    with _lock:
        if min_face_size not in _detectors:
            _detectors[min_face_size] = FaceDetector(min_face_size)
        return _detectors[min_face_size]


def _rounds(images: Sequence[Image]) -> list[list[int]]:
    """The numbers of the images to look at together: neighbours in size, neither too many nor too large."""
    rounds: list[list[int]] = []
    pixels = 0
    for number in sorted(range(len(images)), key=lambda number: images[number].shape):
        size = images[number].shape[0] * images[number].shape[1]
        if not rounds or pixels + size > _ROUND_PIXELS or len(rounds[-1]) == _ROUND_IMAGES:
            rounds.append([])
            pixels = 0
        rounds[-1].append(number)
        pixels += size
    return rounds


def _faces(found: "Candidates", number: int, image: Image) -> tuple[Face, ...]:
    """One image's faces out of a round's, as whole pixels; boxes are cut at the image's edges."""
    edge = np.array(image.shape[1::-1]) - 1
    faces = []
    for index in np.flatnonzero(found.owners == number):
        corners = np.clip(found.boxes[index].reshape(2, 2), 0, edge)
        x, y, width, height = np.concatenate([corners[0], corners[1] - corners[0]]).round().astype(int).tolist()
        landmarks = tuple((int(x), int(y)) for x, y in found.landmarks[index].round())
        faces.append(Face((x, y, width, height), round(float(found.scores[index]), 5), landmarks))
    return tuple(faces)
