"""Warnings and notes about a dataset, for whoever is going to train on it. Pure functions, with all their thresholds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gan_pipeline.dataset.catalogue import CHOSEN_OUT
from gan_pipeline.inspection.image_statistics import Numbers

BLANK_CONTRAST = 1.0
"""An image with less contrast than this (a standard deviation, in levels of 0 to 255) counts as blank."""

UNEVEN = 3.0
"""The largest class may have this many times the examples of the smallest one without a note."""

ENLARGED = 0.1
"""A note says so if more than this share of the faces had fewer pixels than the stored image."""


@dataclass(frozen=True)
class Finding:
    """A sentence about the dataset, as a warning or a note."""

    level: Literal["warning", "note"]
    words: str


def uneven_classes(counts: Mapping[str, int]) -> list[Finding]:
    """Notes about classes without examples, and about a largest class that is much larger than the smallest."""
    missing = [name for name, count in counts.items() if not count]
    found = [Finding("note", f"No examples of {_some(missing)}.")] if missing else []
    present = {name: count for name, count in counts.items() if count}
    largest, smallest = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
    if present[largest] > UNEVEN * present[smallest]:
        times = present[largest] / present[smallest]
        found.append(Finding("note", f"Class {largest} has {times:.1f} times the examples of class {smallest}."))
    return found


def shared_images(feature: str, splits: Sequence[str], exact: Mapping[tuple[int, int], int], near: int) -> list[Finding]:
    """Warnings about images that are in two splits, and a note about images of two splits that look the same."""
    found = [
        Finding(
            "warning", f"{_images(count, feature)} of {splits[later]} {_are(count)} also in {splits[earlier]}, to the pixel."
        )
        for (earlier, later), count in exact.items()
    ]
    # This is only a note, since some very small images look the same by chance.
    if near:
        look = "looks" if near == 1 else "look"
        found.append(Finding("note", f"{_pairs(near, feature)} that {look} the same {_are(near)} in different splits."))
    return found


def repeated_images(feature: str, copies: int, disagreeing: int) -> list[Finding]:
    """A note about images that occur more than once, and a warning if their classes differ."""
    found = []
    if disagreeing:
        times = "one image that is" if disagreeing == 1 else f"{disagreeing:,} images that are"
        found.append(Finding("warning", f"There {_are(disagreeing)} {times} there several times, with different classes."))
    if copies:
        what = f"{_images(copies, feature)} {_are(copies)} {_copies(copies)} of an earlier one"
        found.append(Finding("note", f"{what}, to the pixel."))
    return found


def blank_images(feature: str, contrast: Numbers) -> list[Finding]:
    """A warning about images of a single colour, or nearly."""
    count = int((contrast < BLANK_CONTRAST).sum())
    return [Finding("warning", f"{_images(count, feature)} {_are(count)} blank: a single colour, or nearly.")] if count else []


def dropped_inputs(dropped: Mapping[str, int], read: int) -> list[Finding]:
    """A note about inputs that could not be used."""
    unusable = sum(count for reason, count in dropped.items() if reason not in CHOSEN_OUT)
    if not unusable:
        return []
    inputs = "input" if unusable == 1 else "inputs"
    return [Finding("note", f"{unusable:,} of {read:,} {inputs} could not be used, see Dropped inputs.")]


def enlarged_faces(enlarged: int, cut: int, side: int) -> list[Finding]:
    """A note about faces that had to be enlarged."""
    if enlarged <= ENLARGED * cut:
        return []
    return [Finding("note", f"{enlarged:,} of {cut:,} faces had fewer than {side} pixels and were enlarged.")]


def _images(count: int, feature: str) -> str:
    kind = "" if feature == "image" else f"{feature} "
    return f"{count:,} {kind}image{'s' * (count != 1)}"


def _pairs(count: int, feature: str) -> str:
    kind = "" if feature == "image" else f" ({feature} images)"
    return f"{count:,} pair{'s' * (count != 1)}{kind}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _copies(count: int) -> str:
    return "a copy" if count == 1 else "copies"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more classes" if len(names) > 5 else "")
