"""The balance between a discriminator and its generator over a window of the log.

A recipe's `opponents` name the phases. Two phases of a discriminator are logged as d_real.loss and d_fake.loss, one phase on
both kinds of examples as d.loss with d.accuracy_real and d.accuracy_fake.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gan_train.diagnosis.series import mean, median
from gan_train.logs.metrics_log import Row
from gan_train.recipe.opponents import Opponents


@dataclass(frozen=True)
class Balance:
    """The losses and accuracies of two opponents over a window of rows.

    Attributes:
        discriminator: the discriminator's name in the log, such as "d" or "d_a".
        losses: medians of its losses on real and on fake examples, or of the one on both, without their other terms.
        accuracies: means of its accuracies on real and on fake examples; empty for a critic, which has none.
        scores: means of its scores on real and on fake examples; empty where they are not logged.
        generator: the generator's name in the log, such as "g".
        generator_losses: its adversarial losses, one for each row.
    """

    discriminator: str
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    scores: tuple[float, ...]
    generator: str
    generator_losses: tuple[float, ...]

    @property
    def generator_loss(self) -> float:
        """The median of the generator's losses."""
        return median(self.generator_losses)

    @property
    def text(self) -> str:
        """The numbers as a sentence."""
        losses = " and ".join(f"{loss:.3f}" for loss in self.losses)
        accuracies = " and ".join(f"{accuracy:.0%}" for accuracy in self.accuracies)
        right = f", it is right on {accuracies} of real and generated images" if accuracies else ""
        return f"{self.discriminator}'s loss is {losses}{right}; {self.generator}'s loss is {self.generator_loss:.3f}."


def balances(opponents: Sequence[Opponents], rows: Sequence[Row]) -> tuple[Balance, ...]:
    """The balance of each pair of opponents that the rows have losses of."""
    found = (_balance(pair, rows) for pair in opponents)
    return tuple(balance for balance in found if balance)


def loss_names(opponents: Sequence[Opponents], row: Row) -> set[str]:
    """Names of the losses of all opponents' phases in a row. They run in every step, so every row has these losses while they
    are finite.
    """
    phases = {phase for pair in opponents for phase in (*pair.discriminator_phases, pair.generator)}
    return {f"{phase}.loss" for phase in phases if f"{phase}.loss" in row}


def _balance(pair: Opponents, rows: Sequence[Row]) -> Balance | None:
    phases = [phase for phase in pair.discriminator_phases if any(f"{phase}.loss" in row for row in rows)]
    generator_losses = _series(rows, f"{pair.generator}.{pair.adversarial_term}")
    if not phases or not generator_losses:
        return None
    losses = [[_adversarial_loss(row, phase, pair) for row in rows if f"{phase}.loss" in row] for phase in phases]
    accuracies = [series for name in _names(pair, phases, "accuracy") if (series := _series(rows, name))]
    scores = [series for name in _names(pair, phases, "score") if (series := _series(rows, name))]
    medians, means = tuple(map(median, losses)), tuple(map(mean, accuracies))
    return Balance(pair.discriminator, medians, means, tuple(map(mean, scores)), pair.generator, tuple(generator_losses))


def _names(pair: Opponents, phases: Sequence[str], metric: str) -> list[str]:
    """Names in the log of a discriminator's metric on real and on fake examples."""
    if pair.discriminator in phases:
        return [f"{pair.discriminator}.{metric}_{source}" for source in ("real", "fake")]
    return [f"{phase}.{metric}" for phase in phases]


def _series(rows: Sequence[Row], name: str) -> list[float]:
    return [row[name] for row in rows if name in row]


def _adversarial_loss(row: Row, phase: str, pair: Opponents) -> float:
    return row[f"{phase}.loss"] - sum(row.get(f"{phase}.{term}", 0.0) for term in pair.other_terms)
