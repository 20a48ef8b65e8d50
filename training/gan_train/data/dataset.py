"""A dataset folder, opened for a recipe: the examples that a run reads, and the names of their features in a batch."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from gan_core.errors import DataError
from gan_core.storage import Folder, open_folder
from gan_pipeline.dataset.features import Features, LabelFeature
from gan_pipeline.dataset.manifest import Manifest, Shard, read_manifest
from gan_train.recipe.base import Recipe
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.streams import Source, Stream, example_streams


@dataclass(frozen=True)
class Dataset:
    """A dataset folder, open for training.

    Attributes:
        folder: the dataset folder.
        manifest: its manifest.
        streams: the examples of training; an epoch is one pass over the first stream.
        shown: the examples of snapshots: streams with the same names, of a split that no step reads if there is one.
        skipped: file names of the shards that are left out.
    """

    folder: Folder
    manifest: Manifest
    streams: tuple[Stream, ...]
    shown: tuple[Stream, ...]
    skipped: frozenset[str] = frozenset()

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """The shards of all streams, each once, without those that are left out."""
        splits = dict.fromkeys(stream.split for stream in (*self.streams, *self.shown))
        return tuple(shard for split in splits for shard in self._of_split(split))

    def shards_of(self, stream: Stream) -> tuple[Shard, ...]:
        """The shards of a stream, without those that are left out."""
        return self._of_split(stream.split)

    def examples_of(self, stream: Stream) -> int:
        """Number of examples of a stream, without those of shards that are left out."""
        return sum(shard.examples for shard in self.shards_of(stream))

    @cached_property
    def examples(self) -> int:
        """Number of examples of an epoch."""
        return self.examples_of(self.streams[0])

    def features_of(self, stream: Stream) -> Features:
        """The features of the dataset that a stream reads, by their names in the dataset."""
        return {name: self.manifest.features[name] for name in stream.names}

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes by number; empty if the examples have no labels."""
        label = self.manifest.features.get("label")
        return label.class_names if isinstance(label, LabelFeature) else ()

    @property
    def shows_unseen(self) -> bool:
        """Whether snapshots show examples that no step reads."""
        return self.shown != self.streams

    @property
    def skipped_share(self) -> float:
        """Share of the training examples that is left out, from 0 to 1."""
        return self.skipped_examples / sum(self.manifest.splits[split].examples for split in self._trained_splits)

    @property
    def skipped_examples(self) -> int:
        """Number of training examples that are left out."""
        return sum(
            self.manifest.splits[split].examples - sum(shard.examples for shard in self._of_split(split))
            for split in self._trained_splits
        )

    def without(self, files: Iterable[str]) -> "Dataset":
        """The dataset without these shards, too. Raises DataError if no example of a split is left."""
        fewer = replace(self, skipped=self.skipped | set(files))
        for stream in (*fewer.streams, *fewer.shown):
            if not fewer.examples_of(stream):
                raise DataError(f"{self.folder.uri}: split {stream.split!r} has no shard to read; prepare the dataset again")
        return fewer

    @property
    def _trained_splits(self) -> set[str]:
        return {stream.split for stream in self.streams}

    def _of_split(self, split: str) -> tuple[Shard, ...]:
        return tuple(shard for shard in self.manifest.splits[split].shards if shard.file not in self.skipped)


def open_dataset(uri: str, recipe: Recipe, split: str = "train") -> Dataset:
    """Open a dataset folder for a recipe.

    Args:
        uri: of the folder, local or gs://.
        recipe: says what it reads.
        split: whose examples are read, where a recipe reads single ones.

    Raises:
        DataError: not a dataset folder, or a file that is not what the manifest says.
        UsageError: the recipe cannot take such examples, or another number of classes.
        StorageError: the folder cannot be read.
    """
    folder = open_folder(uri)
    manifest = read_manifest(folder)
    streams = recipe.streams(Source(uri, manifest, recipe.name, split))
    return Dataset(folder, manifest, streams.training, streams.shown).without(())


def open_images(uri: str, split: str = "train") -> Dataset:
    """Open a dataset folder of single images for no recipe.

    Args:
        uri: of the folder, local or gs://.
        split: whose images are read.

    Raises:
        DataError: not a dataset folder, a file that is not what the manifest says, or no such split.
        UsageError: the dataset holds no single images.
        StorageError: the folder cannot be read.
    """
    folder = open_folder(uri)
    manifest = read_manifest(folder)
    image = ImageConfig(shape=manifest.image().shape, range="symmetric")
    streams = example_streams(Source(uri, manifest, "", split), image, None)
    return Dataset(folder, manifest, streams.training, streams.shown).without(())
