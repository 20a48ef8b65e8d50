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
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_pipeline.errors import DataError, GanmillError, StorageError, UsageError
from gan_pipeline.features import LabelFeature, VectorFeature
from gan_pipeline.manifest import Manifest, Shard, read_manifest
from gan_pipeline.plan import HELD_OUT
from gan_pipeline.records import Example, decode_example, parse_batch, unframe
from gan_pipeline.storage import Folder, open_folder
from gan_train.data.order import Block, epoch_blocks, permutation
from gan_train.recipe.base import Recipe
from gan_train.recipe.examples import ImageConfig

PREFETCH_CHUNKS = 2


class CorruptShardError(DataError):
    """A shard that is not what the manifest says. `file` is its name."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.file = file


@dataclass(frozen=True)
class Dataset:
    """One split of a dataset folder, open for training; `skipped` names the shards that are left out."""

    folder: Folder
    manifest: Manifest
    split: str
    skipped: frozenset[str] = frozenset()

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """The shards of the split that are read."""
        return tuple(shard for shard in self.manifest.splits[self.split].shards if shard.file not in self.skipped)

    @cached_property
    def examples(self) -> int:
        """Number of examples in those shards."""
        return sum(shard.examples for shard in self.shards)

    @property
    def class_names(self) -> tuple[str, ...]:
        """By class number; none if the examples have no labels."""
        label = self.manifest.features.get("label")
        return label.class_names if isinstance(label, LabelFeature) else ()

    @property
    def skipped_share(self) -> float:
        """Share of the split's examples that is left out."""
        return 1 - self.examples / self.manifest.splits[self.split].examples

    def without(self, files: Iterable[str]) -> "Dataset":
        """The same without some more shards. Raises DataError if no example is left."""
        fewer = replace(self, skipped=self.skipped | set(files))
        if not fewer.examples:
            raise DataError(f"{self.folder.uri}: split {self.split!r} has no shard to read; prepare the dataset again")
        return fewer


def open_dataset(uri: str, recipe: Recipe, split: str = "train") -> Dataset:
    """Open a dataset folder for a recipe.

    Raises:
        DataError: not a dataset folder, or a file that is not what the manifest says.
        UsageError: the recipe cannot take such examples, or another number of classes.
        StorageError: the folder cannot be read.
    """
    folder = open_folder(uri)
    manifest = read_manifest(folder)
    if split not in manifest.splits:
        option = "--hold-out N" if split == HELD_OUT else f"--split {split}"
        raise DataError(f"{uri}: no split {split!r}, it has {', '.join(manifest.splits)}; prepare it with {option}")
    _check_examples(uri, manifest, recipe)
    _check_classes(uri, manifest, recipe)
    return Dataset(folder, manifest, split).without(())


def _check_examples(uri: str, manifest: Manifest, recipe: Recipe) -> None:
    wanted = recipe.examples
    if isinstance(wanted, ImageConfig):
        has: tuple[int, ...] = manifest.image().shape
        takes: tuple[int, ...] = wanted.shape
    else:
        feature = manifest.features.get(wanted.feature)
        if not isinstance(feature, VectorFeature):
            raise UsageError(f"{uri}: holds {', '.join(manifest.features)}, recipe {recipe.name} takes points; prepare a curve")
        has, takes = (len(feature.names),), (wanted.coordinates,)
    if has != takes:
        is_shape, takes_shape = ("x".join(map(str, shape)) for shape in (has, takes))
        raise UsageError(
            f"{uri}: {wanted.feature}s are {is_shape}, recipe {recipe.name} takes {takes_shape}; take another of the two"
        )


def _check_classes(uri: str, manifest: Manifest, recipe: Recipe) -> None:
    if recipe.dataset_classes is None:
        return
    feature = manifest.features.get("label")
    if not isinstance(feature, LabelFeature):
        raise UsageError(f"{uri}: has no labels, recipe {recipe.name} learns classes; choose another recipe or dataset")
    if len(feature.class_names) != recipe.dataset_classes:
        known = len(feature.class_names)
        raise UsageError(f"{uri}: has {known} classes, the recipe {recipe.dataset_classes}; train with --set classes={known}")


class Reader:
    """Reads records of a dataset from any position on, in order, one block ahead.

    An error ends the stream; `failure` then holds it, since tf.data passes on its text only.
    """

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self._dataset, self._seed = dataset, seed
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
        epoch, place = divmod(position, self._dataset.examples)
        while True:
            for block in epoch_blocks(self._dataset.shards, self._dataset.manifest.digest, self._seed, epoch):
                if block.first + block.examples > place:
                    yield block, max(0, place - block.first)
            epoch, place = epoch + 1, 0

    def _load(self, block: Block) -> list[bytes]:
        try:
            records = [record for shard in block.shards for record in self._load_shard(self._dataset.shards[shard])]
        except GanmillError as error:
            self.failure = error
            raise
        return [records[place] for place in permutation(block.key, block.examples)]

    def _load_shard(self, shard: Shard) -> list[bytes]:
        folder = self._dataset.folder
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
        dataset: what to read.
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
        self._reader = Reader(dataset, seed)
        self._features = dataset.manifest.features
        replicas = strategy.num_replicas_in_sync
        share = reals_per_batch // replicas

        def build(worker: tf.distribute.InputContext) -> tf.data.Dataset:
            count = replicas // worker.num_input_pipelines
            own = range(worker.input_pipeline_id * count, (worker.input_pipeline_id + 1) * count)

            def stream() -> Iterator[NDArray[np.object_]]:
                records = self._reader.records(start * batches * reals_per_batch)
                return chunked_records(records, lengths, batches, reals_per_batch, replicas, own)

            records = tf.data.Dataset.from_generator(stream, output_signature=tf.TensorSpec((None, batches, share), tf.string))
            return records.map(self._decode).prefetch(PREFETCH_CHUNKS * count)

        self._chunks = iter(strategy.distribute_datasets_from_function(build))

    def take(self) -> tf.distribute.DistributedValues:
        """The next chunk: for every replica each feature by name, with axes (steps, batches, examples, ...).

        Raises:
            GanmillError: what stopped the reader, such as DataError naming a shard.
        """
        began = time.monotonic()
        try:
            chunk = next(self._chunks)
        except tf.errors.OpError as error:
            raise self._reader.failure or error from None
        self.waited = time.monotonic() - began
        return chunk

    def _decode(self, records: tf.Tensor) -> dict[str, tf.Tensor]:
        """(steps, batches, n) serialised examples to features of that shape."""
        steps, (batches, count) = tf.shape(records)[0], records.shape[1:]
        batch = parse_batch(tf.reshape(records, [-1]), self._features)
        return {name: tf.reshape(value, (steps, batches, count, *value.shape[1:])) for name, value in batch.items()}


def training_examples(dataset: Dataset, seed: int) -> Iterator[Example]:
    """Every example once, in the order that training meets them first; read as they are taken."""
    for record in islice(Reader(dataset, seed).records(0), dataset.examples):
        yield decode_example(record, dataset.manifest.features)


def first_examples(dataset: Dataset, seed: int, count: int) -> dict[str, NDArray[Any]]:
    """Every feature of the first examples that training meets, by name, (n, ...); fewer if the dataset is smaller."""
    examples = list(islice(training_examples(dataset, seed), count))
    return {name: np.stack([example.values[name] for example in examples]) for name in dataset.manifest.features}
