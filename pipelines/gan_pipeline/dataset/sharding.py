"""Assigns examples to shards, in an order that depends only on ids, options and seed. Pure functions."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

TRAIN, HELD_OUT = "train", "held-out"
"""The split to train on, and the one made of what --hold-out keeps out of it."""

SHARD_BYTES = 128 << 20
"""The intended size of a shard in bytes: large enough to stream, small enough to write again."""

LEAST_SHARDS = 8
"""The least number of shards of a split, so that several workers can share a small dataset."""


@dataclass(frozen=True)
class ShardTask:
    """The work of writing one whole shard, which is also the unit of commit.

    Attributes:
        split: name of the split, such as "train".
        index: zero-based position of the shard in its split.
        count: number of shards of the split.
        ids: source positions of its inputs, in the order they are written.
        keep: stop after this many examples, or None for all.
        reserve: what follows `ids` in the order, to make up for inputs that are dropped. Only the last shard of a split
            with a limit, or with a limit for each class, has one, and it is written when all others of the split are done.
    """

    split: str
    index: int
    count: int
    ids: tuple[int, ...]
    keep: int | None = None
    reserve: tuple[int, ...] = ()

    @property
    def file(self) -> str:
        """The name of the shard in the dataset folder, such as "train-00000-of-00008.tfrecord"."""
        return f"{self.split}-{self.index:05d}-of-{self.count:05d}.tfrecord"

    @property
    def source_split(self) -> str:
        """The split of the source that its inputs belong to."""
        return TRAIN if self.split == HELD_OUT else self.split

    def topped_up(self, keep: int) -> "ShardTask":
        """A copy of the task that also reads its reserve, until it has kept `keep` examples."""
        return replace(self, ids=self.ids + self.reserve, keep=keep, reserve=())


def shuffled(ids: Sequence[int], split: str, seed: int) -> list[int]:
    """`ids` in an order that depends only on (id, split, seed): sorted by a keyed hash, as TFDS does.

    Unlike a library's shuffle this never changes with a version, and leaving ids out keeps the order of the rest.
    """
    salt = f"{seed}/{split}/".encode()
    return sorted(ids, key=lambda number: hashlib.blake2b(salt + str(number).encode(), digest_size=16).digest())


def hold_out(ids: Sequence[int], count: int, seed: int) -> tuple[list[int], list[int]]:
    """The ids of the train split to train on, and the last `count` (at least 1) in plan order, which are held out.

    A limit shortens the former at their end, so the same ones are held out whatever the limit.
    """
    order = shuffled(ids, TRAIN, seed)
    return order[:-count], order[-count:]


def first_of_each(ids: Sequence[int], labels: Sequence[int], limit: int, split: str, seed: int) -> list[int]:
    """Take of each class at most `limit` ids, those that come first in plan order.

    Args:
        ids: source positions to choose from.
        labels: class number of every source position of the split.
        limit: at least 1.
        split: of the ids.
        seed: chooses the order.
    """
    chosen: list[int] = []
    counts: Counter[int] = Counter()
    for number in shuffled(ids, split, seed):
        if counts[labels[number]] < limit:
            counts[labels[number]] += 1
            chosen.append(number)
    return chosen


def shard_count(examples: int, example_bytes: int, asked: int | None) -> int:
    """Number of shards: what was asked, or by size with at least `LEAST_SHARDS`; never an empty shard."""
    by_size = max(LEAST_SHARDS, -(-examples * example_bytes // SHARD_BYTES))
    return max(1, min(asked or by_size, examples))


def shard_bounds(examples: int, shards: int) -> list[tuple[int, int]]:
    """(start, stop) of each shard; sizes differ by at most one and cover 0..examples without a gap."""
    edges = [examples * index // shards for index in range(shards + 1)]
    return list(itertools.pairwise(edges))


def plan_shards(
    ids: Mapping[str, Sequence[int]], example_bytes: int, shards: int | None, limit: int | None, seed: int, may_drop: bool
) -> list[ShardTask]:
    """The shards of every split, in order.

    Args:
        ids: for each split the source positions to choose from.
        example_bytes: expected bytes of one example, used only to choose the number of shards.
        shards: shards for each split, or None to choose by size.
        limit: keep at most this many examples of each split, counted in plan order.
        seed: chooses the order.
        may_drop: whether inputs may turn out unusable, so that those after the limit are needed as a reserve.
    """
    tasks = []
    for split, chosen in ids.items():
        order = shuffled(chosen, split, seed)
        reserve = tuple(order[limit:]) if limit and may_drop else ()
        order = order[:limit]
        count = shard_count(len(order), example_bytes, shards)
        bounds = shard_bounds(len(order), count)
        tasks += [ShardTask(split, index, count, tuple(order[a:b])) for index, (a, b) in enumerate(bounds)]
        tasks[-1] = replace(tasks[-1], reserve=reserve)
    return tasks
