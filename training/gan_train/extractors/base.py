"""The interface of networks that extract features from images for the scores."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_train.extractors.resizing import Pixels


@dataclass(frozen=True)
class Extracted:
    """The output of an extractor for n images.

    Attributes:
        features: float32 (n, size).
        probabilities: float32 (n, classes), each row a softmax.
    """

    features: NDArray[np.float32]
    probabilities: NDArray[np.float32]


class Extractor(ABC):
    """A network that computes features and class probabilities of images.

    Attributes:
        name: for the protocol of a score, such as "digits-classifier".
        hash: sha256 of the weights file, in hex.
        shape: (height, width, channels) of its input images.
        feature_size: length of a feature vector.
        class_names: names of the classes, in the order of the probabilities.
        batch_size: largest number of images in a batch.
    """

    name: str
    hash: str
    shape: tuple[int, int, int]
    feature_size: int
    class_names: tuple[str, ...]
    batch_size: int

    @abstractmethod
    def extract_batch(self, images: NDArray[np.float32]) -> Extracted:
        """Features and probabilities of a full batch, float32 (batch_size, *shape), 0 to 255."""

    def extract(self, images: Pixels) -> Extracted:
        """Extract features. The batch is padded with black images, so that results do not depend on the number of images.

        Args:
            images: uint8 or float32 (n, *shape), 0 to 255, n from 1 to `batch_size`.

        Raises:
            ValueError: other images, or too many.
        """
        if images.shape[1:] != self.shape or not 1 <= len(images) <= self.batch_size:
            raise ValueError(f"{self.name} takes 1 to {self.batch_size} images {self.shape}, not {images.shape}")
        filled = np.zeros((self.batch_size, *self.shape), np.float32)
        filled[: len(images)] = images
        extracted = self.extract_batch(filled)
        return Extracted(extracted.features[: len(images)], extracted.probabilities[: len(images)])
