"""Prepares measurements for the sections of the page of a dataset. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_pipeline.dataset.duplicates import MOST_PAIRS, NearPair, near_pairs, same_pixels, shared_between
from gan_pipeline.dataset.failures import Failure
from gan_pipeline.dataset.features import LabelFeature, VectorFeature
from gan_pipeline.dataset.manifest import Manifest
from gan_pipeline.inspection.image_statistics import Distribution, distribution
from gan_pipeline.inspection.pictures import chosen
from gan_pipeline.inspection.scan import Measured, Scan

SAMPLES = 200
"""The most pictures in all sample grids together."""

_GROUP_SAMPLES, _LEAST_SAMPLES, _PAIRS = 60, 4, 12
_CLASS_SAMPLES = 16
_GROUPS, _COPIES, _NEAR = 8, 4, 12
_EXTREMES = 8
_POINTS = 1500
_EXAMPLES_OF_FAILURE = 3


@dataclass(frozen=True)
class Balance:
    """The number of examples of a class in each split."""

    name: str
    counts: tuple[int, ...]


def balance(manifest: Manifest, scan: Scan) -> list[Balance]:
    """The balance of each class, in the order of class numbers; empty if there are no classes."""
    labels = [feature for feature in manifest.features.values() if isinstance(feature, LabelFeature)]
    if scan.label is None:
        return []
    names = labels[0].class_names
    counted = [np.bincount(scan.label[scan.split == split], minlength=len(names)) for split in range(len(manifest.splits))]
    return [Balance(name, tuple(int(counts[number]) for counts in counted)) for number, name in enumerate(names)]


def largest(rows: Sequence[Balance]) -> tuple[int, ...]:
    """For each split the count of the class that has most examples there."""
    return tuple(map(max, zip(*(row.counts for row in rows), strict=True)))


@dataclass(frozen=True)
class Group:
    """A class, or a split where there are no classes, with the numbers of the examples that the page shows of it."""

    name: str
    total: int
    shown: tuple[int, ...]


def groups(manifest: Manifest, scan: Scan, pairs: bool) -> list[Group]:
    """The groups of the sample grids, with the same examples each time; only the first of very many classes."""
    if scan.label is not None:
        names = [one.name for one in balance(manifest, scan)]
        most, of = min(_CLASS_SAMPLES, max(_LEAST_SAMPLES, SAMPLES // len(names))), scan.label
        names = names[: SAMPLES // most]
    else:
        names, of = list(manifest.splits), scan.split.astype(np.int64)
        most = _PAIRS if pairs else min(_GROUP_SAMPLES, SAMPLES // len(names))
    members = [np.flatnonzero(of == number) for number in range(len(names))]
    return [
        Group(name, len(inside), tuple(chosen(inside, most, (0, number))))
        for number, (name, inside) in enumerate(zip(names, members, strict=True))
        if len(inside)
    ]


@dataclass(frozen=True)
class Repeats:
    """Equal and nearly equal images of one feature.

    Attributes:
        copies: images equal to an earlier one.
        groups: sets of equal images.
        disagreeing: sets whose images have different classes.
        shared: images of a later split that are in an earlier one, by the positions of both.
        near, near_apart: pairs of near-duplicates, and those of two splits.
        more: there are more pairs than are looked for.
        shown: groups on the page; those in several splits first.
        near_shown: pairs on the page; those in two splits first, then the closest.
    """

    copies: int
    groups: int
    disagreeing: int
    shared: dict[tuple[int, int], int]
    near: int
    near_apart: int
    more: bool
    shown: tuple[tuple[int, ...], ...]
    near_shown: tuple[NearPair, ...]


def repeats(measured: Measured, scan: Scan) -> Repeats:
    """Find equal and nearly equal images. Of equal ones only the first is compared for near-duplicates."""
    equal = same_pixels(measured.digests)
    first = np.ones(len(scan.split), bool)
    for group in equal:
        first[group[1:]] = False
    distinct = np.flatnonzero(first)
    near = [
        NearPair(int(distinct[pair.first]), int(distinct[pair.second]), pair.bits)
        for pair in near_pairs(measured.hashes[distinct])
    ]
    apart = [pair for pair in near if scan.split[pair.first] != scan.split[pair.second]]
    within = [pair for pair in near if scan.split[pair.first] == scan.split[pair.second]]
    crossing = sorted(equal, key=lambda group: len(set(scan.split[group].tolist())) == 1)
    return Repeats(
        copies=int(len(first) - first.sum()),
        groups=len(equal),
        disagreeing=0 if scan.label is None else sum(len(set(scan.label[group].tolist())) > 1 for group in equal),
        shared=shared_between(equal, scan.split),
        near=len(near),
        near_apart=len(apart),
        more=len(near) == MOST_PAIRS,
        shown=tuple(_both_ends(group, scan.split) for group in crossing[:_GROUPS]),
        near_shown=tuple([*apart, *within][:_NEAR]),
    )


def _both_ends(group: NDArray[np.int64], split: NDArray[np.int16]) -> tuple[int, ...]:
    """Up to four members of a group of equal images; the first of every split come before the second of any."""
    _, firsts = np.unique(split[group], return_index=True)
    order = [*group[np.sort(firsts)].tolist(), *np.delete(group, firsts).tolist()]
    return tuple(sorted(order[:_COPIES]))


@dataclass(frozen=True)
class Brightness:
    """Brightness and contrast of the images of one feature in one split."""

    split: str
    brightness: Distribution
    contrast: Distribution


def brightness(measured: Measured, scan: Scan, splits: Sequence[str]) -> list[Brightness]:
    """Brightness and contrast of every split that has images."""
    found = []
    for number, name in enumerate(splits):
        inside = scan.split == number
        if inside.any():
            light, contrast = measured.brightness[inside], measured.contrast[inside]
            found.append(Brightness(name, distribution(light, 0, 256), distribution(contrast, 0, 128)))
    return found


def extremes(measured: Measured) -> dict[str, tuple[int, ...]]:
    """The numbers of the darkest, lightest and flattest images."""
    light, contrast = measured.brightness, measured.contrast
    orders = {"The darkest": light, "The lightest": -light, "The least contrast": contrast}
    return {title: tuple(np.argsort(values, kind="stable")[:_EXTREMES].tolist()) for title, values in orders.items()}


@dataclass(frozen=True)
class Points:
    """Statistics of the vectors of one split.

    Attributes:
        split: its name.
        ranges: (name, least, mean, most) of every number.
        scatter: some of the first two numbers, or none if there are fewer than two.
    """

    split: str
    ranges: tuple[tuple[str, float, float, float], ...]
    scatter: tuple[tuple[float, float], ...]


def points(manifest: Manifest, scan: Scan) -> list[Points]:
    """The statistics of every split that has examples; empty if the records hold no vectors."""
    vectors = [feature for feature in manifest.features.values() if isinstance(feature, VectorFeature)]
    if scan.vectors is None:
        return []
    found = []
    for number, split in enumerate(manifest.splits):
        inside = np.flatnonzero(scan.split == number)
        if not len(inside):
            continue
        values = scan.vectors[inside].astype(np.float64)
        columns = zip(vectors[0].names, values.min(axis=0), values.mean(axis=0), values.max(axis=0), strict=True)
        ranges = tuple((name, float(least), float(mean), float(most)) for name, least, mean, most in columns)
        plotted = scan.vectors[chosen(inside, _POINTS, (0, number))][:, :2] if len(ranges) > 1 else np.empty((0, 2))
        found.append(Points(split, ranges, tuple((float(x), float(y)) for x, y in plotted)))
    return found


@dataclass(frozen=True)
class Dropped:
    """Inputs that were dropped for one reason: how many, at which stage, and a few of them."""

    reason: str
    stage: str
    count: int
    ids: tuple[str, ...]


def dropped(failures: Sequence[Failure]) -> list[Dropped]:
    """The dropped inputs by stage and reason, the most frequent first."""
    ids: dict[tuple[str, str], list[str]] = {}
    for failure in failures:
        ids.setdefault((failure.stage, failure.reason), []).append(failure.id)
    by_count = sorted(ids.items(), key=lambda item: -len(item[1]))
    return [Dropped(reason, stage, len(names), tuple(names[:_EXAMPLES_OF_FAILURE])) for (stage, reason), names in by_count]


def record_sizes(scan: Scan) -> Distribution:
    """The distribution of the sizes of records in bytes, in bins from 0 to the largest."""
    sizes = scan.record_bytes.astype(np.float64)
    return distribution(sizes, 0, float(sizes.max()))
