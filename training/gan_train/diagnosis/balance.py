"""A discriminator against a generator, as the rows of metrics.jsonl tell of it whatever the system.

Separate updates are logged as d_real.loss and d_fake.loss, one update on both as d.loss with d.accuracy_real and
d.accuracy_fake. CycleGAN has two contests: d_a judges what g_ba makes, d_b what g_ab makes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from gan_train.diagnosis.series import mean, median
from gan_train.logs.metrics_log import Row

_GENERATORS = {"d": "g", "d_a": "g_ba", "d_b": "g_ab"}
_BESIDES = ("class_loss", "penalty")
"""What a discriminator's loss holds besides its verdict on real and fake."""


@dataclass(frozen=True)
class Contest:
    """What a window of rows says of a discriminator and a generator.

    Attributes:
        discriminator: its name in the log: "d", "d_a", "d_b".
        losses: medians of its losses on real and fake, or of the one on both; without classes and penalties.
        accuracies: means of its accuracies on real and fake; none of a critic, whose scores say nothing one by one.
        generator: the other's name: "g", "g_ab".
        generator_losses: its adversarial loss, one value for each row.
    """

    discriminator: str
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    generator: str
    generator_losses: tuple[float, ...]

    @classmethod
    def of(cls, discriminator: str, rows: Sequence[Row]) -> Self | None:
        """The contest of a discriminator, or None if there are no such players in these rows."""
        generator = _GENERATORS[discriminator]
        phases = _phases(discriminator, rows)
        of_generator = _series(rows, f"{generator}.adversarial") or _series(rows, f"{generator}.loss")
        if not phases or not of_generator:
            return None
        losses = [[_verdict_loss(row, phase) for row in rows if f"{phase}.loss" in row] for phase in phases]
        accuracies = [series for name in _accuracy_names(discriminator, phases) if (series := _series(rows, name))]
        return cls(discriminator, tuple(map(median, losses)), tuple(map(mean, accuracies)), generator, tuple(of_generator))

    @property
    def generator_loss(self) -> float:
        """Median over the window."""
        return median(self.generator_losses)

    @property
    def told(self) -> str:
        """The window in numbers, for people."""
        losses = " and ".join(f"{loss:.3f}" for loss in self.losses)
        rights = " and ".join(f"{right:.0%}" for right in self.accuracies)
        right = f", it is right on {rights} of real and generated images" if rights else ""
        return f"{self.discriminator}'s loss is {losses}{right}; {self.generator}'s loss is {self.generator_loss:.3f}."


def contests(rows: Sequence[Row]) -> tuple[Contest, ...]:
    """All contests that rows tell of; none of systems without a discriminator."""
    found = (Contest.of(discriminator, rows) for discriminator in _GENERATORS)
    return tuple(contest for contest in found if contest)


def main_losses(rows: Sequence[Row]) -> set[str]:
    """Names of the losses of the contests' phases, which every row has as long as they are finite."""
    phases = {phase for name in _GENERATORS for phase in (name, f"{name}_real", f"{name}_fake")} | {*_GENERATORS.values()}
    return {f"{phase}.loss" for phase in phases if any(f"{phase}.loss" in row for row in rows)}


def _phases(discriminator: str, rows: Sequence[Row]) -> list[str]:
    """The phases that train it: one on both, or one on real and one on fake ones."""
    several = (discriminator, f"{discriminator}_real", f"{discriminator}_fake")
    return [phase for phase in several if any(f"{phase}.loss" in row for row in rows)]


def _accuracy_names(discriminator: str, phases: Sequence[str]) -> list[str]:
    if discriminator in phases:
        return [f"{discriminator}.accuracy_real", f"{discriminator}.accuracy_fake"]
    return [f"{phase}.accuracy" for phase in phases]


def _series(rows: Sequence[Row], name: str) -> list[float]:
    return [row[name] for row in rows if name in row]


def _verdict_loss(row: Row, phase: str) -> float:
    return row[f"{phase}.loss"] - sum(row.get(f"{phase}.{part}", 0.0) for part in _BESIDES)
