"""The phases of a system that train against each other, by their names in the log, and their loss.

Diagnosis and charts work from a run's folder alone, without TensorFlow; so the recipe, which every run folder holds, says
this, and `build_system` checks that the phases of the system agree.
"""

from dataclasses import dataclass
from typing import Literal

LossKind = Literal["minimax", "non-saturating", "least-squares", "wasserstein", "hinge"]
"""The adversarial losses whose values diagnosis can interpret; objectives/losses.py has their formulas."""

Role = Literal["discriminator", "generator", "classifier", "penalty"]
"""The training task of a phase: a discriminator on real and generated examples, a generator through it, a classifier on
labelled examples, or a player on a penalty alone."""


@dataclass(frozen=True)
class Opponents:
    """A discriminator and the generator that it is trained against, by the names of their phases in the log.

    Attributes:
        discriminator: name of its one phase on real and fake examples, such as "d"; where it has one phase for each, they are
            this name followed by "_real" and "_fake".
        generator: name of the generator's phase.
        other_terms: names of metrics of the discriminator's phases that its loss contains besides its verdict on real and
            fake, such as a penalty; diagnosis subtracts them.
        adversarial_term: name of the metric of the generator's phase that is its adversarial loss.
    """

    discriminator: str = "d"
    generator: str = "g"
    other_terms: tuple[str, ...] = ()
    adversarial_term: str = "loss"

    @property
    def discriminator_phases(self) -> tuple[str, str, str]:
        """All names that a phase of the discriminator may have: on both kinds of examples, on real ones, on fakes."""
        return self.discriminator, f"{self.discriminator}_real", f"{self.discriminator}_fake"
