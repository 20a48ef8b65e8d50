"""The order of the examples in training. Pure functions, no I/O.

An epoch visits every example once. Shards are permuted, gathered into blocks of bounded size, and the examples of a
block are permuted together; a small dataset is one block, hence permuted as a whole. The order follows from
(manifest digest, seed, epoch) alone, so a position is enough to continue, and a reader needs one block in memory.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_pipeline.dataset.manifest import Shard

BLOCK_BYTES = 256 << 20
"""Most bytes of a block with more than one shard."""


@dataclass(frozen=True)
class Block:
    """Shards whose examples are shuffled together.

    Attributes:
        shards: indices in the split, in reading order.
        examples: number of examples of all its shards.
        first: position of its first example in the epoch.
        key: decides its permutation.
    """

    shards: tuple[int, ...]
    examples: int
    first: int
    key: str


def epoch_blocks(shards: Sequence[Shard], digest: str, seed: int, epoch: int, block_bytes: int = BLOCK_BYTES) -> list[Block]:
    """The blocks of an epoch, in order. A block holds at least one shard and no more than `block_bytes` otherwise."""
    groups: list[list[int]] = []
    size = 0
    for shard in permutation(f"{digest}/{seed}/{epoch}/shards", len(shards)).tolist():
        if not groups or size + shards[shard].bytes > block_bytes:
            groups.append([])
            size = 0
        groups[-1].append(shard)
        size += shards[shard].bytes
    blocks, first = [], 0
    for number, group in enumerate(groups):
        examples = sum(shards[shard].examples for shard in group)
        blocks.append(Block(tuple(group), examples, first, f"{digest}/{seed}/{epoch}/{number}"))
        first += examples
    return blocks


def permutation(key: str, count: int) -> NDArray[np.int64]:
    """A permutation of 0..count-1 that depends on the key alone: the ranks of Philox's raw numbers.

    NumPy keeps a bit generator's raw stream the same between versions, but not what `permutation` makes of it.
    """
    philox_key = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little")
    return np.argsort(np.random.Philox(key=philox_key).random_raw(count), kind="stable")
