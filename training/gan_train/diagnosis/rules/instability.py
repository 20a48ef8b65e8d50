"""Late instability: losses that had settled swing far more than they did (spec C 1.1 and 1.5, rule V).

Only of cross-entropy, whose losses have a level: a critic's or a hinge generator's passes through zero, and lone large
peaks are normal for least squares (spec C 1.6).
"""

from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.series import deviation, mean
from gan_train.diagnosis.window import Window

WIDER, WIDE = 3.0, 0.5
"""Deviation by that of the calmest window, and by the mean loss. Healthy runs have up to 7.1 (cifar10-gan) of the first, but
then at most 0.35 of the second; the deviation of a generator that settled at 0.02 of its loss multiplies easily."""


def late_instability(seen: Window) -> Finding | None:
    """A generator's loss that deviates some times as much as in its calmest window, and much by its own mean."""
    if seen.translates or seen.loss not in ("non-saturating", "minimax"):
        return None
    for contest in seen.contests:
        now, calmest = deviation(contest.generator_losses), seen.calmest.get(contest.generator)
        if calmest is not None and now > WIDER * calmest and now > WIDE * abs(mean(contest.generator_losses)):
            return Finding(
                "late-instability",
                True,
                "late instability",
                (
                    f"{contest.generator}'s loss deviates by {now:.2f} over {seen.window} steps, in its calmest ones by "
                    f"{calmest:.2f}.",
                    contest.told,
                ),
                (
                    "An earlier checkpoint.",
                    "A smaller learning rate towards the end.",
                    "A moving average of the generator: average={half_life_images: 10000}.",
                ),
            )
    return None
