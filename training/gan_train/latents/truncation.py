"""The truncation trick (Brock et al. 2019): latents nearer to zero, for more typical and less varied images."""

from dataclasses import dataclass

import numpy as np

from gan_core.errors import UsageError
from gan_train.latents.latent import Latents, sample_latents
from gan_train.recipe.practice_config import LatentConfig

_LEAST_THRESHOLD, _LARGEST_THRESHOLD = 0.01, 100.0
_PSI_THRESHOLD = 2.0
"""The threshold of the latents that psi multiplies, in standard deviations."""


@dataclass(frozen=True)
class Truncation:
    """A truncation of normal latents, in one of the two ways that are in use; None for none.

    Attributes:
        threshold: numbers beyond this many standard deviations are drawn again, as in the paper.
        psi: latents are drawn again beyond two standard deviations, then multiplied by this factor in (0, 1], as in the
            generators that the authors published.
    """

    threshold: float | None = None
    psi: float | None = None

    def sample(self, config: LatentConfig, random: np.random.Generator, count: int, size: int) -> Latents:
        """Latents, float32 (count, size), drawn row by row; of the recipe's distribution if nothing is truncated."""
        limit = self.threshold if self.psi is None else _PSI_THRESHOLD
        if limit is None:
            return sample_latents(config, random, count, size)
        latents = sample_latents(LatentConfig(distribution="truncated", threshold=limit), random, count, size)
        return latents if self.psi is None else np.float32(self.psi) * latents

    def __str__(self) -> str:
        """The truncation for people, such as "threshold 0.5"; "" for none."""
        if self.psi is not None:
            return f"psi {self.psi:g}"
        return "" if self.threshold is None else f"threshold {self.threshold:g}"


NOT_TRUNCATED = Truncation()


def checked_truncation(config: LatentConfig, threshold: float | None, psi: float | None) -> Truncation:
    """The truncation that --truncation or --truncation-psi asks for.

    Raises:
        UsageError: both are given, the value is out of range, or the latents are uniform.
    """
    if threshold is None and psi is None:
        return NOT_TRUNCATED
    option = "--truncation" if psi is None else "--truncation-psi"
    if threshold is not None and psi is not None:
        raise UsageError("--truncation (a threshold) and --truncation-psi (a factor) exclude each other; give one")
    if config.distribution == "uniform":
        raise UsageError(f"{option} redraws the far ends of normal latents; this run's are uniform and have none")
    if threshold is not None and not _LEAST_THRESHOLD <= threshold <= _LARGEST_THRESHOLD:
        raise UsageError(
            f"--truncation {threshold}: write {_LEAST_THRESHOLD} to {_LARGEST_THRESHOLD:g} standard deviations; below, hardly "
            "a draw would be accepted"
        )
    if psi is not None and not 0.0 < psi <= 1.0:
        raise UsageError(f"--truncation-psi {psi}: write a factor above 0, up to 1")
    return Truncation(threshold, psi)
