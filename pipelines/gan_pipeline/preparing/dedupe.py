"""Finds the images that are the same as an earlier one, before anything is written."""

from collections.abc import Mapping

import numpy as np

from gan_core.errors import DataError
from gan_core.notices import say
from gan_core.progress import show_progress
from gan_pipeline.dataset.catalogue import EXACT_DUPLICATE, NEAR_DUPLICATE
from gan_pipeline.dataset.duplicates import Digests, Hashes, difference_hashes, near_pairs, pixel_digests, same_pixels
from gan_pipeline.dataset.failures import Failure
from gan_pipeline.dataset.features import image_features
from gan_pipeline.dataset.options import Dedupe
from gan_pipeline.sources.base import Source

Ids = dict[str, list[int]]
"""Positions of inputs in the source, by split."""

_Earlier = dict[int, int]
"""By the number of an image that is a duplicate: the number of the earlier image that stays."""


def without_duplicates(source: Source, chosen: Ids, kind: Dedupe) -> tuple[Ids, list[Failure]]:
    """Leave out every image that is the same as one before it.

    The order is that of the splits, and within a split that of the source, which is by name: of equal images the first is
    kept, whatever the seed or the number of workers. Images are compared as they would be stored. Every image is decoded
    once for this. Inputs that cannot be read stay: they are dropped when they are written.

    Args:
        source: where the images are.
        chosen: the inputs to choose from.
        kind: which images count as the same; near ones include the equal ones.

    Returns:
        The inputs that are left, and a line of failures.jsonl for each of the others.

    Raises:
        DataError: no input of a split is left.
    """
    places: list[tuple[str, int]] = []
    names: list[str] = []
    digests, hashes = [], []
    say(f"--dedupe {kind}: every image is decoded once before anything is written")
    with show_progress(sum(map(len, chosen.values())), "images") as progress:
        for split, ids in chosen.items():
            for number, read in zip(ids, source.read(split, ids), strict=True):
                progress.advance()
                if read.example is None:
                    continue
                parts = [np.asarray(read.example.values[name]) for name in image_features(source.features)]
                image = np.concatenate(parts, axis=1)[np.newaxis]
                places.append((split, number))
                names.append(read.id)
                digests.append(pixel_digests(image))
                if kind is Dedupe.NEAR:
                    hashes.append(difference_hashes(image))
    exact = _exact(np.concatenate(digests)) if digests else {}
    near = _near(np.concatenate(hashes), exact) if hashes else {}
    reasons = dict.fromkeys(exact, EXACT_DUPLICATE) | dict.fromkeys(near, NEAR_DUPLICATE)
    earlier = exact | near
    dropped = {places[number] for number in earlier}
    left = {split: [number for number in ids if (split, number) not in dropped] for split, ids in chosen.items()}
    for split, ids in left.items():
        if not ids:
            raise DataError(
                f"split {split}: all its images are duplicates of earlier ones; leave it out of --split, or --dedupe"
            )
    return left, [
        Failure(id=names[number], split=places[number][0], stage="dedupe", reason=reasons[number], detail=f"of {names[first]}")
        for number, first in sorted(earlier.items())
    ]


def _exact(digests: Digests) -> _Earlier:
    return {int(number): int(group[0]) for group in same_pixels(digests) for number in group[1:]}


def _near(hashes: Hashes, exact: Mapping[int, int]) -> _Earlier:
    """Search for near-duplicates again among the images that stay until none is left, since a search is limited in pairs."""
    earlier: _Earlier = {}
    left = np.setdiff1d(np.arange(len(hashes)), list(exact))
    while True:
        found: _Earlier = {}
        for pair in sorted(near_pairs(hashes[left]), key=lambda pair: (pair.second, pair.first)):
            if pair.first not in found:
                found.setdefault(pair.second, pair.first)
        if not found:
            return earlier
        earlier |= {int(left[number]): int(left[first]) for number, first in found.items()}
        left = np.delete(left, list(found))
