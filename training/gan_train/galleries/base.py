"""What the trainer asks of every gallery."""

from abc import ABC, abstractmethod


class Gallery(ABC):
    """Pictures and scores of a run. Pictures are PNG files; their text chunks say what they show."""

    @abstractmethod
    def reals(self) -> bytes:
        """Real examples."""

    @abstractmethod
    def samples(self, step: int) -> bytes:
        """What the generators make after this step, of the same inputs every time."""

    @abstractmethod
    def scores(self) -> dict[str, float]:
        """Numbers worth logging at a snapshot, by name."""
