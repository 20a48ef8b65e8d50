"""Which images are the same, and which nearly: by the sha256 of their pixels, and by a difference hash. Pure functions.

The difference hash (dHash; N. Krawetz, "Kind of Like That", hackerfactor.com, 2013) says of neighbouring cells of a coarse
grey copy which is the lighter one. Here the copy has 16x17 cells for neighbours in a row and 17x16 for those in a column:
512 bits. Measured on faces of 64x64 (medians): saved as JPEG of quality 75 they change by 11 bits, made 20 levels lighter by
none, scaled to three quarters and back by 4; moved by a pixel by 46, so that is not found, nor mirrored or cropped ones. Of
images of 28x28 only those made lighter, darker or flatter are found, and digits that look the same by chance: 15 pairs
of 10,000.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

CELLS = 16
BITS = 2 * CELLS * CELLS
WORDS = BITS // 32
NEAR = WORDS - 1
"""Bits that near-duplicates may differ by: with 16 words, at least one is then the same in both."""

NEAR_SHARE = 0.03
"""And the share of the set bits of both: a digit 1 has few edges, and two of them differ by few bits."""

LEAST_EDGES = 16
"""Images with fewer set bits are too flat to tell apart, and not compared."""

MOST_PAIRS = 100_000
"""No more are looked for: of a film cut into images nearly all are near."""

_NEIGHBOURS = 1000

Digests = NDArray[np.uint64]
"""uint64 (n, 2): the first 16 bytes of a sha256 each."""

Hashes = NDArray[np.uint32]
"""uint32 (n, 16): the 512 bits of a difference hash each."""


def pixel_digests(images: NDArray[np.uint8]) -> Digests:
    """Digests of uint8 (n, height, width, channels): equal where all pixels are."""
    digests = b"".join(hashlib.sha256(image.tobytes()).digest()[:16] for image in images)
    return np.frombuffer(digests, np.uint64).reshape(-1, 2)


def difference_hashes(images: NDArray[np.uint8]) -> Hashes:
    """Difference hashes of uint8 (n, height, width, channels)."""
    _, height, width, channels = images.shape
    grey = sum(images[..., channel].astype(np.float64) for channel in range(channels))
    # Whole numbers below 2**53 throughout: areas of one grey stay equal, whatever is in the batch.
    across = _areas(height, CELLS) @ grey @ _areas(width, CELLS + 1).T
    down = _areas(height, CELLS + 1) @ grey @ _areas(width, CELLS).T
    rising = (across[:, :, 1:] > across[:, :, :-1], down[:, 1:] > down[:, :-1])
    bits = np.concatenate([part.reshape(len(images), -1) for part in rising], axis=1)
    return np.packbits(np.ascontiguousarray(bits[:, _scattered()]), axis=1).view(np.uint32)


@cache
def _areas(size: int, cells: int) -> NDArray[np.float64]:
    """float64 (cells, size): how much of each pixel lies in each cell, in 1/cells of a pixel."""
    cell, pixel = np.arange(cells)[:, None] * size, np.arange(size)[None] * cells
    overlap = np.minimum(cell + size, pixel + cells) - np.maximum(cell, pixel)
    return np.maximum(overlap, 0).astype(np.float64)


@cache
def _scattered() -> NDArray[np.int64]:
    """An order of the bits that gives every word some of all places: margins are often empty."""
    return np.random.default_rng(0).permutation(BITS)


def same_pixels(digests: Digests) -> list[NDArray[np.int64]]:
    """Groups of at least two images with the same digest, as ascending numbers; groups by their first image."""
    order = np.lexsort(digests.T)
    new = np.flatnonzero((digests[order][1:] != digests[order][:-1]).any(axis=1)) + 1
    bounds = [0, *new.tolist(), len(order)]
    groups = [np.sort(order[start:end]) for start, end in pairwise(bounds) if end - start > 1]
    return sorted(groups, key=lambda group: int(group[0]))


@dataclass(frozen=True)
class NearPair:
    """Two images, the earlier first, and by how many bits their hashes differ."""

    first: int
    second: int
    bits: int


def near_pairs(hashes: Hashes) -> list[NearPair]:
    """Pairs that differ by at most NEAR bits and NEAR_SHARE of the set bits of both; the closest first.

    Two such hashes have a word in common, so only images that share one are compared; where more than a thousand share
    one, each is compared with the thousand next to it in order of their hashes. MOST_PAIRS are given at most.
    """
    edges = np.bitwise_count(hashes).sum(axis=1, dtype=np.int64)
    compared = np.flatnonzero(edges >= LEAST_EDGES)
    found: dict[tuple[int, int], int] = {}
    for word in range(WORDS):
        order = compared[np.lexsort([hashes[compared, (word + next) % WORDS] for next in (2, 1, 0)])]
        for step in range(1, min(_NEIGHBOURS, len(order) - 1) + 1):
            shared = np.flatnonzero(hashes[order[:-step], word] == hashes[order[step:], word])
            if not len(shared):
                break
            one, other = order[shared], order[shared + step]
            bits = np.bitwise_count(hashes[one] ^ hashes[other]).sum(axis=1, dtype=np.int64)
            near = (bits <= NEAR) & (bits <= NEAR_SHARE * (edges[one] + edges[other]))
            for left, right, differing in zip(one[near].tolist(), other[near].tolist(), bits[near].tolist(), strict=True):
                found[min(left, right), max(left, right)] = differing
            if len(found) >= MOST_PAIRS:
                return _closest(found)
    return _closest(found)


def _closest(found: Mapping[tuple[int, int], int]) -> list[NearPair]:
    pairs = (NearPair(*pair, bits) for pair, bits in found.items())
    return sorted(pairs, key=lambda one: (one.bits, one.first, one.second))[:MOST_PAIRS]


def shared_between(groups: Sequence[NDArray[np.int64]], splits: NDArray[np.int16]) -> dict[tuple[int, int], int]:
    """For two splits, the earlier first: how many images of the later one are in the earlier one too."""
    shared = Counter[tuple[int, int]]()
    for group in groups:
        inside = Counter(splits[group].tolist())
        for earlier in inside:
            for later in inside:
                if earlier < later:
                    shared[earlier, later] += inside[later]
    return dict(sorted(shared.items()))
