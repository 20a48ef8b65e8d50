"""Which example goes to which shard, in which order: pure functions of (ids, options, seed), no I/O."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHARD_BYTES = 128 << 20
"""Aimed size of a shard: large enough to stream, small enough to redo."""

LEAST_SHARDS = 8
"""Small datasets still get this many, so that several workers have something to share."""


@dataclass(frozen=True)
class ShardTask:
    """One whole shard: the unit of work and of commit.

    Attributes:
        split: name of the split, such as "train".
        index: zero-based position of the shard in its split.
        count: number of shards of the split.
        ids: source positions of its examples, in the order they are written.
    """

    split: str
    index: int
    count: int
    ids: tuple[int, ...]

    @property
    def file(self) -> str:
        """Name of the shard in the dataset folder."""
        return f"{self.split}-{self.index:05d}-of-{self.count:05d}.tfrecord"


def shuffled(ids: Sequence[int], split: str, seed: int) -> list[int]:
    """`ids` in an order that depends only on (id, split, seed): sorted by a keyed hash, as TFDS does.

    Unlike a library's shuffle this never changes with a version, and leaving ids out keeps the order of the rest.
    """
    salt = f"{seed}/{split}/".encode()
    return sorted(ids, key=lambda number: hashlib.blake2b(salt + str(number).encode(), digest_size=16).digest())


def shard_count(examples: int, example_bytes: int, asked: int | None) -> int:
    """Number of shards: what was asked, or by size with at least `LEAST_SHARDS`; never an empty shard."""
    by_size = max(LEAST_SHARDS, -(-examples * example_bytes // SHARD_BYTES))
    return max(1, min(asked or by_size, examples))


def shard_bounds(examples: int, shards: int) -> list[tuple[int, int]]:
    """(start, stop) of each shard; sizes differ by at most one and cover 0..examples without a gap."""
    edges = [examples * index // shards for index in range(shards + 1)]
    return list(itertools.pairwise(edges))


def plan_shards(
    ids: Mapping[str, Sequence[int]], example_bytes: int, shards: int | None, limit: int | None, seed: int
) -> list[ShardTask]:
    """The shards of every split, in order.

    Args:
        ids: for each split the source positions to keep.
        example_bytes: expected bytes of one example, used only to choose the number of shards.
        shards: shards for each split, or None to choose by size.
        limit: keep at most this many examples of each split, counted in plan order.
        seed: chooses the order.
    """
    tasks = []
    for split, kept in ids.items():
        order = shuffled(kept, split, seed)[:limit]
        count = shard_count(len(order), example_bytes, shards)
        bounds = shard_bounds(len(order), count)
        tasks += [ShardTask(split, index, count, tuple(order[a:b])) for index, (a, b) in enumerate(bounds)]
    return tasks
