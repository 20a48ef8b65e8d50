"""What the trainer asks of every gallery."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Snapshot:
    """What a run shows after a step.

    Attributes:
        scores: numbers worth logging, by name.
        samples: what the generators make, of the same inputs every time.
    """

    scores: dict[str, float]
    samples: bytes


class Gallery(ABC):
    """Pictures and scores of a run. Pictures are PNG files; their text chunks say what they show."""

    @abstractmethod
    def reals(self) -> bytes:
        """Real examples."""

    @abstractmethod
    def look(self, step: int) -> Snapshot:
        """At what the run makes after this step."""
