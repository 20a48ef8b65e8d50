"""The interface of the networks that turn images into features for scores."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_train.extractors.resizing import Pixels


@dataclass(frozen=True)
class Extracted:
    """The output of an extractor for a batch of n images.

    Attributes:
        features: float32 (n, size).
        probabilities: float32 (n, classes), each row a softmax.
    """

    features: NDArray[np.float32]
    probabilities: NDArray[np.float32]


class Extractor(ABC):
    """A network that makes features and class probabilities of images.

    Attributes:
        name: as in the protocol line, "digits-classifier".
        hash: sha256 of the file of its weights, in hex.
        shape: (height, width, channels) of the images it takes.
        feature_size: numbers of a feature vector.
        class_names: by place in the probabilities.
        batch_size: the most images it takes at once.
    """

    name: str
    hash: str
    shape: tuple[int, int, int]
    feature_size: int
    class_names: tuple[str, ...]
    batch_size: int

    @abstractmethod
    def look(self, images: NDArray[np.float32]) -> Extracted:
        """Features and probabilities of a full batch, float32 (batch_size, *shape), 0 to 255."""

    def extract(self, images: Pixels) -> Extracted:
        """Look at images. The batch is filled up with black, so what is seen in one depends on nothing but itself.

        Args:
            images: uint8 or float32 (n, *shape), 0 to 255, n from 1 to `batch_size`.

        Raises:
            ValueError: other images, or too many.
        """
        if images.shape[1:] != self.shape or not 1 <= len(images) <= self.batch_size:
            raise ValueError(f"{self.name} takes 1 to {self.batch_size} images {self.shape}, not {images.shape}")
        filled = np.zeros((self.batch_size, *self.shape), np.float32)
        filled[: len(images)] = images
        seen = self.look(filled)
        return Extracted(seen.features[: len(images)], seen.probabilities[: len(images)])
