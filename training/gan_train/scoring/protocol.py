"""How a score was measured. Scores of different protocols are never ranked."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Protocol:
    """All that decides a score.

    Attributes:
        extractor: what turns images into features: "inception-v3", "digits-classifier".
        extractor_hash: sha256 of its weights.
        resizer: how images came to the extractor's size; "none" if they had it.
        dataset: digest of the dataset the real images are of.
        split: of it.
        reals, fakes: how many of each.
        seed: of the fakes' latents.
        weights: of the generator: their moving average, or as they were trained.
        step: of the run.
    """

    extractor: str
    extractor_hash: str
    resizer: str
    dataset: str
    split: str
    reals: int
    fakes: int
    seed: int
    weights: Literal["EMA", "as trained"]
    step: int

    @property
    def yardstick(self) -> tuple[str | int, ...]:
        """The parts that must be equal for two scores to be ranked; seed, weights and step belong to what is measured."""
        return (self.extractor, self.extractor_hash, self.resizer, self.dataset, self.split, self.reals, self.fakes)

    def __str__(self) -> str:
        """The protocol line: [digits-classifier 3fa9…, train 10000 vs 10000, EMA, bicubic, step 4500, data 77c1…]."""
        return (
            f"[{self.extractor} {self.extractor_hash[:4]}…, {self.split} {self.reals} vs {self.fakes}, {self.weights}, "
            f"{self.resizer}, step {self.step}, data {self.dataset[:4]}…]"
        )
