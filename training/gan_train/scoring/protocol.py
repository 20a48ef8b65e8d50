"""The protocol of a score: all that its value depends on. Scores with different yardsticks are never ranked."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from gan_core.documents import PrintableText, Whole

FILES: Literal["files"] = "files"
"""The weights in the protocol of images that are files."""

FEW = 2000
"""With fewer images a Frechet distance says little: noise in both covariances makes it larger (Heusel et al. 2017)."""


@dataclass(frozen=True)
class Protocol:
    """All that the value of a score depends on.

    Attributes:
        extractor: name of the extractor, such as "inception-v3" or "digits-classifier".
        extractor_hash: sha256 of its weights, in hex.
        resizer: resizer for images that do not have the extractor's size; "none" if they have it.
        dataset: digest of the dataset of the reals.
        split: split of that dataset.
        reals, fakes: numbers of images.
        seed: seed of the latents of the fakes.
        weights: whether the generator has the moving average of its weights, or the weights themselves; or that the images
            were given as files, by no generator of a run.
        step: training step of the generator; 0 of files.
        truncation: the truncation of the latents of the fakes in words, such as "threshold 0.5"; "" for none.
    """

    extractor: PrintableText
    extractor_hash: PrintableText
    resizer: PrintableText
    dataset: PrintableText
    split: PrintableText
    reals: Whole
    fakes: Whole
    seed: Annotated[int, Field(ge=0)]
    weights: Literal["EMA", "as trained", "files"]
    step: Whole
    truncation: PrintableText = ""

    @property
    def yardstick(self) -> tuple[str | int, ...]:
        """The part of a protocol that two scores must share to be ranked: all but seed, weights and step."""
        counts = (self.reals, self.fakes, self.truncation)
        return (self.extractor, self.extractor_hash, self.resizer, self.dataset, self.split, *counts)

    @property
    def caution(self) -> str:
        """A warning of scores of few images; "" of many."""
        if min(self.reals, self.fakes) >= FEW:
            return ""
        return (
            f"few images, {self.fakes} against {self.reals}: FID is too high and all scores are noisy below {FEW:,}; "
            "rank only scores of the same counts"
        )

    def __str__(self) -> str:
        """The protocol in one line: [digits-classifier 3fa9…, train 10000 vs 10000, EMA, bicubic, step 4500, data 77c1…]."""
        step = f"step {self.step}, " if self.weights != FILES else ""
        weights = f"{self.weights}, {self.truncation}" if self.truncation else self.weights
        return (
            f"[{self.extractor} {self.extractor_hash[:4]}…, {self.split} {self.reals} vs {self.fakes}, {weights}, "
            f"{self.resizer}, {step}data {self.dataset[:4]}…]"
        )
