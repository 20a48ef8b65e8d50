"""Mode collapse: samples of different latents are alike (spec C 1.2 and 1.5, rule M).

Their diversity decides, since identical output is the definition. Accuracy on fakes and a swinging generator loss support
it, and neither is needed: both were missing in windows of runs whose samples were all one.
"""

from collections.abc import Iterator

from gan_train.diagnosis.balance import Contest
from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.series import oscillation
from gan_train.diagnosis.window import Snapshot, Window

MODE_COLLAPSE = "mode-collapse"

LEAST_DIVERSITY = 0.2
"""Share of the real diversity. After warm-up mnist-dcgan-collapse has 0.02 to 0.05 and celeba-lsgan 0.04 to 0.16; healthy
runs have 0.23 (cifar10-gan, step 500 of 5,000) and more, most of them 0.6 to 1.3. (Spec C 1.5 has 0.3.)"""

MANY_FOUND_OUT = 0.9
"""Share of fakes a discriminator finds out (spec C 1.5, M1)."""

REGULAR, WIDE = 0.3, 0.2
"""Correlation at a period, and swing, of a generator loss that oscillates (spec C 1.5, M2)."""


def alike(seen: Window) -> bool:
    """Whether the samples were alike when they were last looked at."""
    return seen.snapshot is not None and seen.snapshot.diversity < LEAST_DIVERSITY


def mode_collapse(seen: Window) -> Finding | None:
    """Samples that are alike, with what supports it. Between looks the verdict stands, but none is first given."""
    if seen.snapshot is None or not alike(seen) or not (seen.is_new or seen.standing == MODE_COLLAPSE):
        return None
    support = (line for contest in seen.contests for line in _support(contest, seen.swings))
    return Finding(MODE_COLLAPSE, True, "mode collapse", (*_look(seen.snapshot), *support), _advice(seen.latent_size))


def _look(snapshot: Snapshot) -> Iterator[str]:
    yield f"Samples of step {snapshot.step} have {snapshot.diversity:.2f} of the real diversity."
    if snapshot.classes is not None and snapshot.classes_of_reals:
        yield f"{snapshot.classes} of {snapshot.classes_of_reals} classes appear."


def _support(contest: Contest, swings: tuple[float, ...]) -> Iterator[str]:
    if contest.accuracies and contest.accuracies[-1] >= MANY_FOUND_OUT:
        yield f"The discriminator finds out {contest.accuracies[-1]:.0%} of them."
    seen = oscillation(swings)
    if seen and seen.correlation >= REGULAR and seen.swing >= WIDE:
        yield f"The generator's loss swings with a period of {seen.period} rows of the log."


def _advice(latent_size: int | None) -> tuple[str, ...]:
    larger = (f"A larger latent_size than {latent_size}.",) if latent_size is not None and latent_size < 10 else ()
    return (
        *larger,
        "discriminator_batch=separate, where it is joint or mixed.",
        "loss=wasserstein with penalties.gradient, or discriminator.spectral_norm=true.",
        "Another seed, or --on-failure rollback.",
    )
