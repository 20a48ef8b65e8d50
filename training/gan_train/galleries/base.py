"""The interface of every gallery."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Snapshot:
    """The samples and scores of a run after a step.

    Attributes:
        scores: numbers for the log, by name.
        samples: PNG file of what the generators make, of the same inputs every time.
    """

    scores: dict[str, float]
    samples: bytes


class Gallery(ABC):
    """Pictures and scores of a run. Pictures are PNG files whose text chunks say what they show."""

    @abstractmethod
    def reals(self) -> bytes:
        """A picture of real examples."""

    @abstractmethod
    def snapshot(self, step: int) -> Snapshot:
        """The snapshot after a step."""
