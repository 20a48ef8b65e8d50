"""Samples that are nothing like the data: noise, a flat grey, stripes, one pattern with a little noise on it.

Such samples may differ from each other as much as real images do, so their diversity alone does not tell. Three facts do:

common    The mean sample is far from the mean real image, further than the samples are from each other: whatever sets them
          apart from the data is the same in all of them. Samples that are drawn from the data's distribution share nothing.
distance  A sample is further from the nearest real image than a real image is from the mean of all.
roughness Neighbouring pixels of samples differ twice as much, for the samples' contrast, as those of real images. Noise that
          has the brightness of the data in the right places is rough, and neither of the other two finds it.

Every training begins so. While the samples come closer from snapshot to snapshot it is no failure, but not well either.
"""

from collections.abc import Iterator

from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.window import SampleScores, Window

UNLIKE_DATA, NOT_YET_LIKE_DATA = "unlike-data", "not-yet-like-data"

MOST_COMMON, LONGEST_DISTANCE, ROUGHEST = 0.6, 1.4, 2.0
"""The share that is the same in all samples, the distance to the nearest real image as a multiple of the spread of the reals,
and the roughness as a multiple of theirs, from which on samples are unlike the data. Measured runs: docs/measurements.md,
"Diagnosis"."""

LESS_COMMON, CLOSER = 0.03, 0.95
"""The fall of the first, and the share of the others, between two snapshots from which on samples come closer to the data."""


def unlike_data(window: Window) -> Finding | None:
    """Samples unlike the data. Between snapshots a verdict stays as it is, but none is first given."""
    samples = window.samples
    if samples is None or not (window.samples_are_new or window.previous in (UNLIKE_DATA, NOT_YET_LIKE_DATA)):
        return None
    evidence = tuple(_evidence(samples))
    if not evidence:
        return None
    if window.earlier_samples and _comes_closer(window.earlier_samples, samples):
        progress = f"At step {window.earlier_samples.step} they were further from the data."
        return Finding(NOT_YET_LIKE_DATA, False, "samples not yet like the data", (*evidence, progress), ("Wait.",))
    return Finding(UNLIKE_DATA, True, "samples unlike the data", evidence, _ADVICE)


def _comes_closer(before: SampleScores, now: SampleScores) -> bool:
    pairs = (
        (before.common, now.common, -LESS_COMMON, 1.0),
        (before.distance, now.distance, 0.0, CLOSER),
        (before.roughness, now.roughness, 0.0, CLOSER),
    )
    return any(old is not None and new is not None and new < old * share + fall for old, new, fall, share in pairs)


def _evidence(samples: SampleScores) -> Iterator[str]:
    if samples.common is not None and samples.common >= MOST_COMMON:
        yield (
            f"{samples.common:.0%} of what sets the samples of step {samples.step} apart from the mean real image is the same "
            "in all of them."
        )
    if samples.distance is not None and samples.distance >= LONGEST_DISTANCE:
        yield (
            f"A sample of step {samples.step} is {samples.distance:.1f} times as far from the nearest real image as a real "
            "image is from the mean of all."
        )
    if samples.roughness is not None and samples.roughness >= ROUGHEST:
        yield (
            f"Neighbouring pixels of the samples of step {samples.step} differ {samples.roughness:.1f} times as much, for "
            "their contrast, as those of real images."
        )


_ADVICE = (
    "Another learning rate for the player that learns nothing: one whose loss stays where it is, or that always loses.",
    "Fewer flipped labels, where labels.flip is set.",
    "More steps, if the run was short.",
)
