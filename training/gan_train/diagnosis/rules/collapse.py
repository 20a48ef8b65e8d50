"""Mode collapse: samples of different latents are alike (Goodfellow 2016, section 5.1.1).

The diversity of the samples decides, since identical output is the definition. The discriminator's accuracy on fakes and a
swinging generator loss are named as support, and neither is needed: both were missing in runs whose samples were all one.
"""

from collections.abc import Iterator

from gan_train.diagnosis.balance import Balance
from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.series import oscillation
from gan_train.diagnosis.window import SampleScores, Window

MODE_COLLAPSE = "mode-collapse"

LEAST_DIVERSITY = 0.2
"""Diversity, as a share of that of real examples, below which samples are alike. Measured runs: docs/measurements.md."""

MOST_FAKES_FOUND = 0.9
"""Accuracy on fakes from which on it supports the finding."""

REGULAR, WIDE = 0.3, 0.2
"""Correlation of a generator's loss with itself one period later, and its standard deviation by its mean, that support it."""


def alike(window: Window) -> bool:
    """Whether the newest samples are alike."""
    diversity = window.samples.diversity if window.samples else None
    return diversity is not None and diversity < LEAST_DIVERSITY


def mode_collapse(window: Window) -> Finding | None:
    """A collapse, with what supports it. Between snapshots the verdict stays as it is, but none is first given."""
    samples = window.samples
    if samples is None or not alike(window) or not (window.samples_are_new or window.previous == MODE_COLLAPSE):
        return None
    support = (line for balance in window.balances for line in _support(balance, window.long_losses))
    return Finding(MODE_COLLAPSE, True, "mode collapse", (*_evidence(samples), *support), _advice(window.noise_size))


def _evidence(samples: SampleScores) -> Iterator[str]:
    yield f"Samples of step {samples.step} have {samples.diversity:.2f} of the real diversity."
    if samples.classes is not None and samples.classes_of_reals:
        yield f"{samples.classes} of {samples.classes_of_reals} classes appear."


def _support(balance: Balance, long_losses: tuple[float, ...]) -> Iterator[str]:
    if balance.accuracies and balance.accuracies[-1] >= MOST_FAKES_FOUND:
        yield f"The discriminator finds out {balance.accuracies[-1]:.0%} of them."
    found = oscillation(long_losses)
    if found and found.correlation >= REGULAR and found.swing >= WIDE:
        yield f"The generator's loss swings with a period of {found.period} rows of the log."


def _advice(noise_size: int | None) -> tuple[str, ...]:
    larger = (f"A larger latent_size than {noise_size}.",) if noise_size is not None and noise_size < 10 else ()
    return (
        *larger,
        "discriminator_batch=separate, where it is joint or mixed.",
        "loss=wasserstein with penalties.gradient, or discriminator.spectral_norm=true.",
        "Another seed, or --on-failure rollback.",
    )
