"""Batches of a dataset on the devices.

The stream of examples is cut into chunks of several steps, so that the host waits for input at one place and can measure the
wait.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.errors import GanmillError
from gan_pipeline.dataset.records import parse_batch
from gan_train.data.dataset import Dataset
from gan_train.data.reader import Reader, undecodable
from gan_train.recipe.streams import Stream

Features = dict[str, tf.Tensor]
"""Tensors of a batch, by the name of the feature."""

PREFETCH_CHUNKS = 2
"""Chunks for each replica that are decoded ahead of the one in training."""


def chunked_records(
    records: Iterator[bytes], lengths: Sequence[int], batches: int, reals_per_batch: int, replicas: int, own: range
) -> Iterator[NDArray[np.object_]]:
    """Cut a stream of records into chunks. Replica r takes the r-th slice of every global batch.

    Args:
        records: serialised examples.
        lengths: steps of each chunk.
        batches: real batches that one step takes.
        reals_per_batch: real examples of a global batch.
        replicas: number of replicas of all workers.
        own: the replicas of this worker, out of range(replicas).

    Yields:
        For each length, and then for each own replica: (steps, batches, reals_per_batch / replicas) records.
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

    All workers read the same stream of examples: the pipeline of each follows all of it and keeps the slices of its own
    replicas. So TensorFlow does not shard the data (`distribute_datasets_from_function` leaves that to its caller). Its own
    sharding would not do: by file or by element each worker would batch examples of its own, so that the examples of a batch
    would depend on the number of workers; and `experimental_distribute_dataset` cuts each global batch after every worker has
    decoded all of it. The price is that every worker reads all shards, which shuffling across shards needs anyway; each
    decodes its own slices only.

    Args:
        dataset: all its streams are read at the same pace.
        seed: of the order.
        strategy: whose devices share each batch.
        start: step to begin with.
        lengths: steps of each chunk.
        batches: real batches that one step takes.
        reals_per_batch: real examples of a global batch.

    Attributes:
        waited: seconds that the last call of `take` waited.
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
        self.waited, self._dataset = 0.0, dataset
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
        """The type of a chunk of any length, as `tf.function` takes it."""
        return self._chunks.element_spec

    def take(self) -> tf.distribute.DistributedValues:
        """The next chunk: for every replica each feature by name, with axes (steps, batches, examples, ...).

        Raises:
            GanmillError: the error that stopped the reader, such as a CorruptShardError that names the shard.
        """
        began = time.monotonic()
        try:
            chunk = next(self._chunks)
        except tf.errors.OpError as error:
            raise self._cause() or error from None
        self.waited = time.monotonic() - began
        return chunk

    def _cause(self) -> GanmillError | None:
        """The error that stopped a reader; else that of the first record that TensorFlow cannot decode, if there is one."""
        failures = (reader.failure for reader in self._readers.values())
        undecoded = (undecodable(self._dataset, stream) for stream in self._readers)
        return next(filter(None, chain(failures, undecoded)), None)


def _decoder(dataset: Dataset, stream: Stream) -> Callable[[tf.Tensor], Features]:
    """A function from serialised examples of shape (steps, batches, n) to features (steps, batches, n, ...) by name."""
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
