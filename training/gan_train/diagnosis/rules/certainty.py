"""The discriminator is right about everything, and certain of it.

The consequence depends on the loss:

- With the non-saturating loss the generator still has a gradient. It is a convergence failure, of the kind that the generator's
  loss shows (Brownlee, Generative Adversarial Networks with Python, ch. 10).
- With other losses one player no longer learns: with minimax the generator (Goodfellow et al. 2014), with hinge and least
  squares the discriminator.
- A generator that also has other losses goes on learning, and the discriminator of Pix2Pix loses its lead again: that is no
  failure.
- For any other loss the rule finds nothing.
"""

from gan_train.diagnosis.balance import Balance
from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.rules.collapse import alike
from gan_train.diagnosis.window import Window

SURE_LOSS, SURE_SQUARES, SURE_ACCURACY = 0.05, 0.01, 0.95
"""Losses (cross-entropy in nats, squared error) below which, and accuracies above which, a discriminator is sure: medians and
means of a window, on real and on fake examples. Measured runs: docs/measurements.md, "Diagnosis"."""

KEEP_LOSS, KEEP_SQUARES, KEEP_ACCURACY = 0.15, 0.03, 0.9
"""The same limits while the verdict before was one of these kinds, so that a run that swings keeps its verdict."""

LOSING = 1.0
"""Loss of the generator, in nats, from which on it does not fool the discriminator."""

KINDS = TOO_AGGRESSIVE, MIXED_STATISTICS, SATURATION = "too-aggressive", "mixed-statistics", "saturation"


def certainty(window: Window) -> Finding | None:
    """The finding on the first discriminator that is certain, or None."""
    if window.loss is None:
        return None
    return next((_finding(window, balance) for balance in window.balances if _is_sure(window, balance)), None)


def _is_sure(window: Window, balance: Balance) -> bool:
    """Whether a discriminator is sure; a critic, which has no accuracies, never is."""
    squares, keeps = window.loss == "least-squares", window.previous in KINDS
    largest = (KEEP_SQUARES if squares else KEEP_LOSS) if keeps else (SURE_SQUARES if squares else SURE_LOSS)
    smallest = KEEP_ACCURACY if keeps else SURE_ACCURACY
    return bool(balance.accuracies) and max(balance.losses) < largest and min(balance.accuracies) >= smallest


def _finding(window: Window, balance: Balance) -> Finding | None:
    """The kind of failure. A failure keeps the kind that it began with."""
    if window.generator_has_other_losses:
        return _saturated_beside_other_losses(balance)
    if window.loss != "non-saturating":
        return _saturated(window.loss, balance)
    losing = window.previous != MIXED_STATISTICS and balance.generator_loss >= LOSING
    if window.previous == TOO_AGGRESSIVE or losing:
        return _too_aggressive(balance)
    # Samples that are all alike fool a discriminator, too: that is a collapse, which a later rule finds.
    return None if alike(window) else _mixed_statistics(balance)


def _mixed_statistics(balance: Balance) -> Finding:
    return Finding(
        MIXED_STATISTICS,
        True,
        "convergence failure (mixed statistics)",
        (
            balance.text,
            "Both players' losses are near zero: what the discriminator sees through in its own updates fools it in the "
            "generator's, so the batch statistics of the two differ.",
        ),
        (
            "discriminator_batch=separate.",
            "discriminator.batch_norm=false, or generator.batch_norm.bias_correction=true.",
        ),
    )


def _too_aggressive(balance: Balance) -> Finding:
    return Finding(
        TOO_AGGRESSIVE,
        True,
        "convergence failure (discriminator too strong)",
        (balance.text, "The discriminator is right about nearly everything, and the generator does not find out of it."),
        (
            "A smaller learning rate, such as 2e-4, with beta_1=0.5.",
            "A weaker discriminator: fewer filters, or instance_noise={stddev: 0.1, steps: 1000}.",
            "More, and more varied, data.",
        ),
    )


def _saturated(loss: str | None, balance: Balance) -> Finding:
    silent = "the generator" if loss == "minimax" else "the discriminator"
    return Finding(
        SATURATION,
        True,
        "saturation",
        (balance.text, f"With loss={loss} a discriminator that is sure of everything leaves {silent} no gradient."),
        (
            "loss=non-saturating." if loss == "minimax" else "A smaller learning rate for the discriminator.",
            "A weaker discriminator, or a new run with another seed.",
        ),
    )


def _saturated_beside_other_losses(balance: Balance) -> Finding:
    return Finding(
        SATURATION,
        False,
        "saturation (the discriminator leads)",
        (balance.text, f"{balance.generator} learns from its other losses alone while that lasts."),
        ("Wait: the discriminator may lose its lead again.", "A smaller discriminator_weight, or fewer discriminator filters."),
    )
