"""A set of image files to score: which of them are used, their size, and batches of their pixels."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UnusableInputError, UsageError
from gan_core.notices import warn
from gan_core.progress import show_progress
from gan_pipeline.transforms.decode import Channels, Decoding, decode
from gan_pipeline.transforms.opening import open_image_file
from gan_train.extractors.resizing import NONE, check_fits, resized
from gan_train.metrics.permutation import sample_positions
from gan_train.scoring.images import BLOCK, Images
from gan_train.tools.image_files import ImageFile, image_files

_CHOICE = 0
"""Seed of which files are used where there are more than are wanted; a constant, so that scores compare."""


@dataclass(frozen=True)
class ImageSet:
    """Image files that can be decoded.

    Attributes:
        uri: the folder or zip.
        files: the files.
        channels: 1 or 3, to which all are converted.
        shape: (height, width, channels) of all; None if they differ in size.
        digest: of the names and contents of the files.
    """

    uri: str
    files: tuple[ImageFile, ...]
    channels: Channels
    shape: tuple[int, int, int] | None
    digest: str

    def __len__(self) -> int:
        return len(self.files)

    def resizer(self, wanted: tuple[int, int, int], extractor: str, resizer: str) -> str:
        """The name of the resizer by which the images get the size of an extractor, "none" if they have it.

        Raises:
            UsageError: no such resizer, or images in colour for an extractor of grey ones.
        """
        name = check_fits(resizer, self.shape or (0, 0, self.channels), wanted, extractor)
        return resizer if self.shape is None else name

    def batches(self, wanted: tuple[int, int, int], resizer: str) -> Iterator[Images]:
        """The images in batches: as they are if they have one size, else each resized to (height, width, channels) `wanted`."""
        for start in range(0, len(self.files), BLOCK):
            images = [_pixels(file, self.channels) for file in self.files[start : start + BLOCK]]
            if self.shape is None:
                images = [_resized(image, wanted, resizer) for image in images]
            yield Images(np.stack(images))


def open_image_set(uri: str, channels: Channels, count: int) -> ImageSet:
    """Find the images of a folder or zip, local or on gs://, and decode each once.

    Args:
        uri: folder or zip.
        channels: 1 or 3, to which all are converted.
        count: use at most this many, chosen by their number alone.

    Raises:
        UsageError: an empty name, or no image of the folder can be used.
        DataError: there is no such folder, or no image in it.
        StorageError: it cannot be read.
    """
    found = image_files([uri])
    usable: list[ImageFile] = []
    shapes: set[tuple[int, int, int]] = set()
    digest, skipped = hashlib.sha256(), 0
    chosen = [found[position] for position in sample_positions(len(found), _CHOICE, count)]
    with show_progress(len(chosen), f"images of {uri}") as counted:
        for file in chosen:
            try:
                pixels = _pixels(file, channels)
            except UnusableInputError as failure:
                warn(f"skipped {file.display_name}: {failure}")
                skipped += 1
            else:
                usable.append(file)
                shapes.add(pixels.shape)
                digest.update(f"{file.name}\0{pixels.shape}\0".encode(errors="surrogateescape") + pixels.tobytes())
            counted.advance()
    if not usable:
        raise UsageError(f"{uri}: none of its {skipped} images can be used; give JPEG, PNG, WebP or BMP images")
    shape = shapes.pop() if len(shapes) == 1 else None
    return ImageSet(uri, tuple(usable), channels, shape, digest.hexdigest())


def _pixels(file: ImageFile, channels: Channels) -> NDArray[np.uint8]:
    """The pixels of a file, uint8 (height, width, channels)."""
    pixels = np.asarray(decode(open_image_file(file.read()), Decoding(channels)).image)
    return pixels[..., None] if channels == 1 else pixels


def _resized(image: NDArray[Any], wanted: tuple[int, int, int], resizer: str) -> NDArray[Any]:
    """An image (height, width, channels) of the size `wanted`, 0 to 255."""
    return resized(image[None], wanted, NONE if image.shape[:2] == wanted[:2] else resizer)[0]
