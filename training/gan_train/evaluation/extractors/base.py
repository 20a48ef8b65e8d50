"""What every score asks of the network that looks at images."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Extracted:
    """What an extractor sees in a batch of n images.

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
    def extract(self, images: NDArray[np.uint8]) -> Extracted:
        """Look at images; what it sees in one depends neither on the others nor on how many there are.

        Args:
            images: uint8 (n, *shape), n from 1 to `batch_size`.
        """
