"""From a dataset folder to batches on the devices.

Shards are read through `storage`, checked against the manifest, and put in the order of `order.py`. The stream is cut
into chunks of several steps, so that the host waits for input at one place and can measure the wait.

A shard that is missing, cut off, altered, or holds another number of records than the manifest says ends the run, or with
`--on-corrupt skip-shard` is left out. Then the data is what it would be had the shard never been there: the examples of
the shards that are left, in the order that (manifest digest, seed, epoch) gives those, and a position counts them alone.
So the order stays a pure function of the position and of which shards are left out. All are checked before the first
step. Where one goes bad later, the reader finds it before it uses any of it; the step reached is saved, the shard is
recorded (skipped.py), and from that step on it is left out, in this run and in any resumed one.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.errors import DataError, GanmillError, StorageError
from gan_core.storage import Folder
from gan_pipeline.dataset.manifest import Shard
from gan_pipeline.dataset.records import Example, decode_example, parse_batch, unframe
from gan_train.data.dataset import Dataset, Stream
from gan_train.data.order import Block, epoch_blocks, permutation

Features = dict[str, tf.Tensor]
"""By name."""

PREFETCH_CHUNKS = 2


class CorruptShardError(DataError):
    """A shard that is not what the manifest says. `file` is its name."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.file = file


class Reader:
    """Reads records of a dataset from any position on, in order, one block ahead.

    An error ends the stream; `failure` then holds it, since tf.data passes on its text only.

    Args:
        dataset: what to read.
        seed: of the order.
        stream: of the dataset; None for the first.
    """

    def __init__(self, dataset: Dataset, seed: int, stream: Stream | None = None) -> None:
        stream = stream or dataset.streams[0]
        self._folder, self._seed = dataset.folder, seed
        self._shards, self._examples = dataset.shards_of(stream), dataset.examples_of(stream)
        self._key = dataset.manifest.digest + stream.order
        self.failure: GanmillError | None = None

    def records(self, position: int) -> Iterator[bytes]:
        """Serialised examples from a global position (epoch * examples + place in the epoch) on, without end."""
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
        """Blocks in reading order, with how many examples of each lie before the position."""
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
            # An outage tells nothing of the shard; that the storage answers and has no such file does.
            if folder.exists(shard.file):
                raise
            raise _corrupt(folder, shard, "missing") from None
        if hashlib.sha256(content).hexdigest() != shard.sha256:
            raise _corrupt(folder, shard, "its content changed, the sha256 is not the manifest's")
        try:
            records = list(unframe(content))
        except DataError as error:
            raise _corrupt(folder, shard, str(error)) from error
        if len(records) != shard.examples:
            raise _corrupt(folder, shard, f"{len(records)} records where the manifest says {shard.examples}")
        return records


def _corrupt(folder: Folder, shard: Shard, fault: str) -> CorruptShardError:
    return CorruptShardError(
        shard.file,
        f"{folder.locate(shard.file)}: {fault}; see 'gan-pipeline verify', then restore that file or prepare the dataset again",
    )


def chunked_records(
    records: Iterator[bytes], lengths: Sequence[int], batches: int, reals_per_batch: int, replicas: int, own: range
) -> Iterator[NDArray[np.object_]]:
    """Cut a stream into chunks: for each length and then each own replica, (steps, batches, reals_per_batch / replicas).

    Replica r takes the r-th slice of every global batch. A worker cuts for its own replicas, out of range(replicas).
    """
    for steps in lengths:
        chunk = np.empty(steps * batches * reals_per_batch, np.object_)
        for place in range(chunk.size):
            chunk[place] = next(records)
        per_replica = chunk.reshape(steps, batches, replicas, reals_per_batch // replicas)
        for replica in own:
            yield per_replica[:, :, replica]


class Chunks:
    """The input of a run, on its devices, chunk by chunk.

    The stream of examples is one, whoever reads it: every worker's pipeline follows all of it and keeps its replicas'
    slices of every global batch. So TensorFlow shards nothing (`distribute_datasets_from_function` leaves that to us).
    Its own sharding would not do: by file or by element, each worker would batch examples of its own, and which
    examples meet in a batch would depend on the number of workers; and `experimental_distribute_dataset` cuts each
    global batch on every worker after it is decoded. The price here is that every worker reads all shards, which
    shuffling across shards asks for anyway; it decodes its slices only.

    Args:
        dataset: what to read; all its streams at the same pace.
        seed: of the order.
        strategy: whose devices share each batch.
        start: step to begin with.
        lengths: steps of each chunk.
        batches: of reals that one step takes.
        reals_per_batch: real examples of a global batch.

    Attributes:
        waited: how long the last `take` waited, in seconds.
    """

    def __init__(
        self,
        dataset: Dataset,
        seed: int,
        strategy: tf.distribute.Strategy,
        start: int,
        lengths: Sequence[int],
        batches: int,
        reals_per_batch: int,
    ) -> None:
        self.waited = 0.0
        self._readers = {stream: Reader(dataset, seed, stream) for stream in dataset.streams}
        replicas = strategy.num_replicas_in_sync
        share = reals_per_batch // replicas

        def build(worker: tf.distribute.InputContext) -> tf.data.Dataset:
            count = replicas // worker.num_input_pipelines
            own = range(worker.input_pipeline_id * count, (worker.input_pipeline_id + 1) * count)

            def batches_of(stream: Stream) -> tf.data.Dataset:
                def chunks() -> Iterator[NDArray[np.object_]]:
                    records = self._readers[stream].records(start * batches * reals_per_batch)
                    return chunked_records(records, lengths, batches, reals_per_batch, replicas, own)

                form = tf.TensorSpec((None, batches, share), tf.string)
                return tf.data.Dataset.from_generator(chunks, output_signature=form).map(_decoder(dataset, stream))

            together = tf.data.Dataset.zip(tuple(batches_of(stream) for stream in dataset.streams))
            return together.map(_merged).prefetch(PREFETCH_CHUNKS * count)

        self._chunks = iter(strategy.distribute_datasets_from_function(build))

    @property
    def spec(self) -> Any:
        """Of a chunk of any length."""
        return self._chunks.element_spec

    def take(self) -> tf.distribute.DistributedValues:
        """The next chunk: for every replica each feature by name, with axes (steps, batches, examples, ...).

        Raises:
            GanmillError: what stopped the reader, such as DataError naming a shard.
        """
        began = time.monotonic()
        try:
            chunk = next(self._chunks)
        except tf.errors.OpError as error:
            failures = (reader.failure for reader in self._readers.values())
            raise next(filter(None, failures), error) from None
        self.waited = time.monotonic() - began
        return chunk


def _decoder(dataset: Dataset, stream: Stream) -> Callable[[tf.Tensor], Features]:
    """From (steps, batches, n) serialised examples to features of that shape, by the stream's names."""
    features = dataset.features_of(stream)

    def decode(records: tf.Tensor) -> Features:
        steps, (batches, count) = tf.shape(records)[0], records.shape[1:]
        batch = parse_batch(tf.reshape(records, [-1]), features)
        return {
            stream.names[name]: tf.reshape(value, (steps, batches, count, *value.shape[1:])) for name, value in batch.items()
        }

    return decode


def _merged(*streams: Features) -> Features:
    return {name: values for features in streams for name, values in features.items()}


def examples_of(dataset: Dataset, seed: int, stream: Stream) -> Iterator[Example]:
    """Every example of a stream once, in the order in which it comes first, by the stream's names; read as they are taken."""
    features = dataset.features_of(stream)
    for record in islice(Reader(dataset, seed, stream).records(0), dataset.examples_of(stream)):
        example = decode_example(record, features)
        yield Example(example.id, {stream.names[name]: value for name, value in example.values.items()})


def training_examples(dataset: Dataset, seed: int) -> Iterator[Example]:
    """Every example of the first stream once, in the order that training meets them first."""
    return examples_of(dataset, seed, dataset.streams[0])


def first_examples(dataset: Dataset, seed: int, count: int) -> dict[str, NDArray[Any]]:
    """Every feature of the first examples that are shown, by name, (n, ...); fewer if there are no more."""
    first: dict[str, NDArray[Any]] = {}
    for stream in dataset.shown:
        examples = list(islice(examples_of(dataset, seed, stream), count))
        first |= {name: np.stack([example.values[name] for example in examples]) for name in stream.names.values()}
    return first
