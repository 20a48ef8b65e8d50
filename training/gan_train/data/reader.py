"""Examples of a dataset folder in training order, from any position on, without TensorFlow.

Shards are read through the storage, checked against the manifest, and put in the order of order.py.

A shard that is missing, cut off, altered, or holds another number of records than the manifest says ends the run, or is left
out with `--on-corrupt skip-shard`. The data is then what it would be if the shard had never been there: the examples of the
other shards, in the order that (manifest digest, seed, epoch) gives those, and a position counts them alone. So the order
stays a pure function of the position and of which shards are left out. All shards are checked before the first step. Where
one goes bad later, the reader finds it before it uses any of it; the step reached is saved, the shard is recorded
(runs/skipped.py), and from that step on it is left out, in this run and in any resumed one. The same where a PNG file cannot
be decoded though all checksums are right; other records of such a shard may have been used before.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError, GanmillError, StorageError
from gan_core.storage import Folder
from gan_pipeline.dataset.manifest import Shard
from gan_pipeline.dataset.records import Example, check_example, decode_example, unframe
from gan_train.data.dataset import Dataset
from gan_train.data.order import Block, epoch_blocks, permutation
from gan_train.recipe.streams import Stream


class CorruptShardError(DataError):
    """A shard differs from the manifest.

    Attributes:
        file: name of the shard.
    """

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.file = file


class Reader:
    """Reads the records of a stream in order, from any position on. It reads one block ahead.

    Args:
        dataset: has the shards.
        seed: of the order.
        stream: one of the dataset's; None is the first.

    Attributes:
        failure: the error that ended the reading, or None; tf.data passes on the text of an error only.
    """

    def __init__(self, dataset: Dataset, seed: int, stream: Stream | None = None) -> None:
        stream = stream or dataset.streams[0]
        self._folder, self._seed = dataset.folder, seed
        self._shards, self._examples = dataset.shards_of(stream), dataset.examples_of(stream)
        self._key = dataset.manifest.digest + stream.order
        self._features, self._checked = dataset.features_of(stream), set[str]()
        self.failure: GanmillError | None = None

    def records(self, position: int) -> Iterator[bytes]:
        """Serialised examples without end, from a position on: epoch * examples of an epoch + position in the epoch."""
        with ThreadPoolExecutor(1, thread_name_prefix="block-reader") as ahead:
            blocks = self._blocks_from(position)
            block, skip = next(blocks)
            loading = ahead.submit(self._load, block)
            while True:
                current, current_skip = loading, skip
                block, skip = next(blocks)
                loaded = current.result()
                loading = ahead.submit(self._load, block)
                yield from loaded[current_skip:]

    def _blocks_from(self, position: int) -> Iterator[tuple[Block, int]]:
        """Blocks in reading order, each with the number of its examples that come before the position."""
        epoch, place = divmod(position, self._examples)
        while True:
            for block in epoch_blocks(self._shards, self._key, self._seed, epoch):
                if block.first + block.examples > place:
                    yield block, max(0, place - block.first)
            epoch, place = epoch + 1, 0

    def _load(self, block: Block) -> list[bytes]:
        try:
            records = [record for shard in block.shards for record in self._load_shard(self._shards[shard])]
        except GanmillError as error:
            self.failure = error
            raise
        return [records[place] for place in permutation(block.key, block.examples)]

    def _load_shard(self, shard: Shard) -> list[bytes]:
        folder = self._folder
        try:
            content = folder.read(shard.file)
        except StorageError:
            # An outage says nothing about the shard. A storage that answers and has no such file does.
            if folder.exists(shard.file):
                raise
            raise _corrupt(folder, shard, "missing") from None
        if hashlib.sha256(content).hexdigest() != shard.sha256:
            raise _corrupt(folder, shard, "its content changed, the sha256 is not the manifest's")
        try:
            records = list(unframe(content))
            self._check(shard, records)
        except DataError as error:
            raise _corrupt(folder, shard, str(error)) from error
        if len(records) != shard.examples:
            raise _corrupt(folder, shard, f"{len(records)} records where the manifest says {shard.examples}")
        return records

    def _check(self, shard: Shard, records: list[bytes]) -> None:
        """Check the records of a shard when it is read for the first time. TensorFlow would not name the one at fault."""
        if shard.file in self._checked:
            return
        for number, record in enumerate(records):
            try:
                check_example(record, self._features)
            except DataError as error:
                raise DataError(f"record {number}: {error}") from error
        self._checked.add(shard.file)


def _corrupt(folder: Folder, shard: Shard, fault: str) -> CorruptShardError:
    return CorruptShardError(
        shard.file,
        f"{folder.locate(shard.file)}: {fault}; see 'gan-pipeline verify', then restore that file or prepare the dataset again",
    )


def undecodable(dataset: Dataset, stream: Stream) -> CorruptShardError | None:
    """The error that names the first record of a stream with an image that cannot be decoded; None if there is none.

    It decodes every image, so call it where decoding has failed: TensorFlow does not say of which record.
    """
    features = dataset.features_of(stream)
    for shard in dataset.shards_of(stream):
        for number, record in enumerate(unframe(dataset.folder.read(shard.file))):
            try:
                decode_example(record, features)
            except DataError as error:
                return _corrupt(dataset.folder, shard, f"record {number}: {error}")
    return None


def examples_of(dataset: Dataset, seed: int, stream: Stream) -> Iterator[Example]:
    """Every example of a stream once, in the order of the first epoch; read as they are taken.

    Features have the names of the stream.
    """
    features = dataset.features_of(stream)
    for record in islice(Reader(dataset, seed, stream).records(0), dataset.examples_of(stream)):
        try:
            example = decode_example(record, features)
        except DataError as error:
            raise undecodable(dataset, stream) or error from error
        yield Example(example.id, {stream.names[name]: value for name, value in example.values.items()})


def training_examples(dataset: Dataset, seed: int) -> Iterator[Example]:
    """Every example of the first stream once, in the order of the first epoch of training."""
    return examples_of(dataset, seed, dataset.streams[0])


def first_examples(dataset: Dataset, seed: int, count: int) -> dict[str, NDArray[Any]]:
    """The first examples that snapshots show: each feature by name, with shape (n, ...), n <= count."""
    first: dict[str, NDArray[Any]] = {}
    for stream in dataset.shown:
        examples = list(islice(examples_of(dataset, seed, stream), count))
        first |= {name: np.stack([example.values[name] for example in examples]) for name in stream.names.values()}
    return first
