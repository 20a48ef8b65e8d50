"""MTCNN's three stages over one round of images: windows proposed, refined, and put out as faces.

Thresholds and order are the mtcnn package's (1.0.0, `stages/`). The crops of all images of a round are judged together;
everything else is done image by image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_pipeline.transforms.mtcnn_boxes import (
    PNET_SIDE,
    Boxes,
    Overlap,
    best_first,
    moved,
    pyramid_scales,
    separate,
    squared,
)
from gan_pipeline.transforms.mtcnn_networks import Floats, MtcnnNetworks

_PNET_STRIDE, _RNET_SIDE, _ONET_SIDE = 2, 24, 48
_RNET_THRESHOLD, _ONET_THRESHOLD = 0.7, 0.8
_LEVEL_LIMIT, _LIMIT = 0.5, 0.7


@dataclass(frozen=True)
class Candidates:
    """Boxes that may be faces, image after image.

    Attributes:
        owners: int64 (n,): the number of each one's image in the round, ascending.
        boxes: float64 (n, 4): left, top, right, bottom in pixels; may reach beyond the image.
        scores: float32 (n,).
        landmarks: float64 (n, 5, 2): x, y in pixels; (n, 0, 2) before the last stage.
    """

    owners: NDArray[np.int64]
    boxes: Boxes
    scores: Floats
    landmarks: NDArray[np.float64]

    def take(self, indexes: NDArray[np.intp]) -> "Candidates":
        """Some of them, in the order of the indexes."""
        return Candidates(self.owners[indexes], self.boxes[indexes], self.scores[indexes], self.landmarks[indexes])


@dataclass(frozen=True)
class _Stack:
    """Images of one size: float32 (batch, height, width, 3), the first being number `first` of the round."""

    first: int
    images: Any
    height: int
    width: int


class MtcnnStages:
    """Detects faces of at least `min_face_size` pixels."""

    def __init__(self, min_face_size: int) -> None:
        self._min_face_size, self._networks = min_face_size, MtcnnNetworks()

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> Candidates:
        """The faces of uint8 (height, width, 3) images, those of one size next to each other; best first in each."""
        stacks, first = [], 0
        for (height, width, _), group in groupby(images, lambda image: image.shape):
            same = list(group)
            if pyramid_scales(height, width, self._min_face_size):
                stacks.append(_Stack(first, self._networks.normalise(np.stack(same)), height, width))
            first += len(same)
        return self._output(stacks, self._refine(stacks, self._propose(stacks)))

    def _propose(self, stacks: Sequence[_Stack]) -> Candidates:
        """The first stage: every window of every level of the pyramid."""
        owners, levels = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        boxes, scores = [np.empty((0, 4))], [np.empty(0, np.float32)]
        for stack in stacks:
            scales = pyramid_scales(stack.height, stack.width, self._min_face_size)
            sizes = [(int(stack.height * scale), int(stack.width * scale)) for scale in scales]
            windows, offsets, score = self._networks.propose(stack.images, sizes)
            by_image = np.argsort(windows[:, 1], kind="stable")
            level, image, row, column = windows[by_image].T
            owners.append(image + stack.first)
            levels.append(level)
            boxes.append(_window_boxes(row, column, offsets[by_image]) / np.array(scales)[level, None])
            scores.append(score[by_image])
        owner = np.concatenate(owners)
        found = Candidates(owner, np.concatenate(boxes), np.concatenate(scores), np.empty((len(owner), 0, 2)))
        return _separated_levels(found, np.concatenate(levels))

    def _refine(self, stacks: Sequence[_Stack], found: Candidates) -> Candidates:
        """The second stage: most proposals go, the others move."""
        boxes = squared(found.boxes)
        offsets, scores = self._networks.refine(self._crops(stacks, found.owners, boxes, _RNET_SIDE))
        found = Candidates(found.owners, moved(boxes, offsets), scores, found.landmarks)
        return _separated(found.take(np.flatnonzero(scores > _RNET_THRESHOLD)), Overlap.UNION)

    def _output(self, stacks: Sequence[_Stack], found: Candidates) -> Candidates:
        """The third stage: the last move, and landmarks."""
        boxes = squared(found.boxes)
        offsets, scores, points = self._networks.output(self._crops(stacks, found.owners, boxes, _ONET_SIDE))
        size = boxes[:, 2:] - boxes[:, :2] + 1
        landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * size[:, None] + boxes[:, None, :2] - 1
        found = Candidates(found.owners, moved(boxes, offsets), scores, landmarks)
        return _separated(found.take(np.flatnonzero(scores > _ONET_THRESHOLD)), Overlap.SMALLER)

    def _crops(self, stacks: Sequence[_Stack], owners: NDArray[np.int64], boxes: Boxes, side: int) -> Floats:
        """float32 (n, side, side, 3) of each box."""
        crops = [np.empty((0, side, side, 3), np.float32)]
        for stack in stacks:
            start, stop = np.searchsorted(owners, [stack.first, stack.first + len(stack.images)])
            numbers = (owners[start:stop] - stack.first).astype(np.int32)
            shares = boxes[start:stop, [1, 0, 3, 2]] / [stack.height, stack.width, stack.height, stack.width]
            crops.append(self._networks.crop(stack.images, shares.astype(np.float32), numbers, side))
        return np.concatenate(crops)


def _window_boxes(row: NDArray[np.int64], column: NDArray[np.int64], offsets: Floats) -> Boxes:
    """Boxes in the shrunken image. As the package has it, they go from the window's second pixel to its end."""
    corner = np.stack([column, row], axis=1) * _PNET_STRIDE
    window = np.concatenate([corner + 1, corner + PNET_SIDE], axis=1)
    return window + offsets.astype(np.float64) * (PNET_SIDE - 1)


def _separated(found: Candidates, overlap: Overlap) -> Candidates:
    """The candidates that no better one of their image covers; best first."""
    kept = [np.empty(0, np.intp)]
    for start, stop in _runs(found.owners):
        ranked = start + best_first(found.scores[start:stop])
        kept.append(ranked[separate(found.boxes[ranked], _LIMIT, overlap)])
    return found.take(np.concatenate(kept))


def _separated_levels(found: Candidates, levels: NDArray[np.int64]) -> Candidates:
    """The same for candidates of several levels (n,), ascending within each image: in each level, then across."""
    kept = [np.empty(0, np.intp)]
    for start, stop in _runs(found.owners):
        runs = [(start + first, start + last) for first, last in _runs(levels[start:stop])]
        ranked = np.concatenate([first + best_first(found.scores[first:last]) for first, last in runs])
        kept.append(ranked[separate(found.boxes[ranked], _LEVEL_LIMIT, Overlap.UNION, levels[ranked])])
    return _separated(found.take(np.concatenate(kept)), Overlap.UNION)


def _runs(numbers: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Start and stop of each run of equal numbers."""
    if len(numbers):
        ends = (np.flatnonzero(np.diff(numbers)) + 1).tolist()
        yield from zip([0, *ends], [*ends, len(numbers)], strict=True)
