"""Late instability: a generator's loss that had settled swings far more than it did.

The rule applies to cross-entropy alone, whose losses have a level: a critic's or a hinge generator's loss passes through zero,
lone large peaks are normal for least squares, and of another loss nothing is known.
"""

from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.series import deviation, mean
from gan_train.diagnosis.window import Window

WIDER, WIDE = 3.0, 0.5
"""Standard deviation of the loss as a multiple of that in the calmest window, and of the mean loss, above which a run fails.
Measured runs: docs/measurements.md, "Diagnosis"."""


def late_instability(window: Window) -> Finding | None:
    """A generator's loss that deviates far more than in its calmest window, and much for its own mean."""
    if window.generator_has_other_losses or window.loss not in ("non-saturating", "minimax"):
        return None
    for balance in window.balances:
        now, calmest = deviation(balance.generator_losses), window.calmest.get(balance.generator)
        if calmest is not None and now > WIDER * calmest and now > WIDE * abs(mean(balance.generator_losses)):
            return Finding(
                "late-instability",
                True,
                "late instability",
                (
                    f"{balance.generator}'s loss deviates by {now:.2f} over {window.steps} steps, in its calmest ones by "
                    f"{calmest:.2f}.",
                    balance.text,
                ),
                (
                    "An earlier checkpoint.",
                    "A smaller learning rate towards the end.",
                    "A moving average of the generator: average={half_life_images: 10000}.",
                ),
            )
    return None
