"""The discriminator is sure of everything (spec C 1.3 to 1.5, rule C; 1.6 and 2.2).

What that means depends on the loss. With the non-saturating one the generator still has a gradient: it is a convergence
failure, of the kind that the generator's loss shows. Others fall silent: minimax for the generator (spec C 2.2), hinge and
least squares for the discriminator ("zero for an extended period", spec C 1.6). A translator still learns from its other
losses, and Pix2Pix's discriminator comes back: that is worth knowing and no failure.
"""

from gan_train.diagnosis.balance import Contest
from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.rules.collapse import alike
from gan_train.diagnosis.window import Window

SURE_LOSS, SURE_OF_SQUARES, SURE_ACCURACY = 0.05, 0.01, 0.95
"""Losses below and accuracies above which a discriminator is sure: medians and means of a window, on real and on fake.

In their first judged window mnist-dcgan-adam and -mixed are at 0.0004 to 0.004 and 0.975 to 1.00 (974 eights, three seeds).
Stable runs of all recipes stay below 0.95, but some windows of mnist-infogan, which have losses of 0.086 and more. A squared
error of 0.05 is not near zero yet: 0.01 is.
"""

HELD_LOSS, HELD_SQUARES, HELD_ACCURACY = 0.15, 0.03, 0.9
"""The same, to keep a verdict once it was given: mnist-dcgan-adam goes up to 0.10 and 0.95 and comes back, a run that
recovers (celeba-gan, from step 350) is at 0.2 and 0.88 in the next window."""

LOSING = 1.0
"""Generator loss from which on it does not fool the discriminator: 8.7 to 9.8 in the first judged windows of
mnist-dcgan-adam and of 1,000 cars, 0.006 to 0.023 in those of mnist-dcgan-mixed. (Spec C 1.5 has 3 and rising; here it
swings.)"""

KINDS = TOO_AGGRESSIVE, MIXED_STATISTICS, SATURATION = "too-aggressive", "mixed-statistics", "saturation"


def certainty(seen: Window) -> Finding | None:
    """The first contest whose discriminator is sure, and the kind of it."""
    return next((_kind(seen, contest) for contest in seen.contests if _is_sure(seen, contest)), None)


def _is_sure(seen: Window, contest: Contest) -> bool:
    """Never of a critic, which has no accuracies."""
    squares, held = seen.loss == "least-squares", seen.standing in KINDS
    most = (HELD_SQUARES if squares else HELD_LOSS) if held else (SURE_OF_SQUARES if squares else SURE_LOSS)
    least = HELD_ACCURACY if held else SURE_ACCURACY
    return bool(contest.accuracies) and max(contest.losses) < most and min(contest.accuracies) >= least


def _kind(seen: Window, contest: Contest) -> Finding | None:
    """A failure keeps the name it began with."""
    if seen.translates:
        return _saturated_beside_other_losses(contest)
    if seen.loss != "non-saturating":
        return _saturated(seen.loss, contest)
    if seen.standing == TOO_AGGRESSIVE or (seen.standing != MIXED_STATISTICS and contest.generator_loss >= LOSING):
        return _too_aggressive(contest)
    # Samples that are all alike fool a discriminator, too: that is a collapse, which a later rule names.
    return None if alike(seen) else _mixed_statistics(contest)


def _mixed_statistics(contest: Contest) -> Finding:
    return Finding(
        MIXED_STATISTICS,
        True,
        "convergence failure (mixed statistics)",
        (
            contest.told,
            "Both players' losses are near zero: what the discriminator sees through in its own updates fools it in the "
            "generator's, so the batch statistics of the two differ.",
        ),
        (
            "discriminator_batch=separate.",
            "discriminator.batch_norm=false, or generator.batch_norm.bias_correction=true.",
        ),
    )


def _too_aggressive(contest: Contest) -> Finding:
    return Finding(
        TOO_AGGRESSIVE,
        True,
        "convergence failure (discriminator too strong)",
        (contest.told, "The discriminator is right about nearly everything, and the generator does not find out of it."),
        (
            "A smaller learning rate, such as 2e-4, with beta_1=0.5.",
            "A weaker discriminator: fewer filters, or instance_noise={stddev: 0.1, steps: 1000}.",
            "More, and more varied, data.",
        ),
    )


def _saturated(loss: str, contest: Contest) -> Finding:
    silent = "the generator" if loss == "minimax" else "the discriminator"
    return Finding(
        SATURATION,
        True,
        "saturation",
        (contest.told, f"With loss={loss} a discriminator that is sure of everything leaves {silent} no gradient."),
        (
            "loss=non-saturating." if loss == "minimax" else "A smaller learning rate for the discriminator.",
            "A weaker discriminator, or a new run with another seed.",
        ),
    )


def _saturated_beside_other_losses(contest: Contest) -> Finding:
    return Finding(
        SATURATION,
        False,
        "saturation (the discriminator leads)",
        (contest.told, f"{contest.generator} learns from its other losses alone while that lasts."),
        ("Wait: the discriminator may lose its lead again.", "A smaller discriminator_weight, or fewer discriminator filters."),
    )
