"""A dataset folder, opened for a recipe: the examples that a run reads, and the names of their features in a batch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from gan_core.errors import DataError, UsageError
from gan_core.storage import Folder, open_folder
from gan_pipeline.dataset.features import Features, LabelFeature, VectorFeature
from gan_pipeline.dataset.manifest import Manifest, Shard, read_manifest
from gan_pipeline.dataset.sharding import HELD_OUT
from gan_train.recipe.base import Recipe
from gan_train.recipe.classifier import ClassifierRecipe
from gan_train.recipe.examples import ImageConfig, PointConfig
from gan_train.recipe.translation import SOURCE, TARGET, A, B, TranslationRecipe

_UNSEEN = ("validation", "test", HELD_OUT)
"""Splits that no step reads, the first there is is shown."""


@dataclass(frozen=True)
class Stream:
    """Examples of one split, in an order of their own.

    Attributes:
        split: of the dataset.
        names: the name of each feature in a batch, by its name in the dataset.
        order: makes the order differ from that of another stream; "" for the first stream.
    """

    split: str
    names: Mapping[str, str] = field(hash=False)
    order: str = ""


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
        splits = {stream.split for stream in self.streams}
        whole = sum(self.manifest.splits[split].examples for split in splits)
        return 1 - sum(shard.examples for split in splits for shard in self._of_split(split)) / whole

    def without(self, files: Iterable[str]) -> "Dataset":
        """The dataset without these shards, too. Raises DataError if no example of a split is left."""
        fewer = replace(self, skipped=self.skipped | set(files))
        for stream in (*fewer.streams, *fewer.shown):
            if not fewer.examples_of(stream):
                raise DataError(f"{self.folder.uri}: split {stream.split!r} has no shard to read; prepare the dataset again")
        return fewer

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
    if isinstance(recipe, TranslationRecipe):
        streams, shown = _translated(uri, manifest, recipe)
    else:
        _check_examples(uri, manifest, recipe)
        _check_classes(uri, manifest, recipe)
        names = {name: name for name in manifest.features}
        streams = (Stream(split, names),)
        shown = (Stream(_unseen(manifest, split), names),) if isinstance(recipe, ClassifierRecipe) else streams
    for stream in streams:
        _check_split(uri, manifest, stream.split)
    return Dataset(folder, manifest, streams, shown).without(())


def _translated(uri: str, manifest: Manifest, recipe: TranslationRecipe) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
    """What a recipe of image translation reads, and what it shows."""
    names = {SOURCE, TARGET} if {SOURCE, TARGET} <= manifest.features.keys() else {"image"}
    side = recipe.image.shape[0]
    for name in sorted(names):
        has = manifest.image(name).shape
        _check_shape(uri, name, has, recipe.image.shape, f"prepare it with --image-size {side}, or set another image.shape")
    unseen = _unseen(manifest, "train")
    if recipe.pairs:
        if names == {"image"}:
            raise UsageError(f"{uri}: holds no pairs, recipe {recipe.name} wants them; 'gan-pipeline prepare pairs' makes them")
        first, second = (TARGET, SOURCE) if recipe.swaps else (SOURCE, TARGET)
        read = {first: SOURCE, second: TARGET}
        return (Stream("train", read),), (Stream(unseen, read),)
    if names == {"image"}:
        if not {"trainA", "trainB"} <= manifest.splits.keys():
            raise UsageError(
                f"{uri}: holds one domain, {', '.join(manifest.splits)}, recipe {recipe.name} wants two; "
                "'gan-pipeline prepare unpaired' makes them"
            )
        tested = "test" if {"testA", "testB"} <= manifest.splits.keys() else "train"
        return _domains(("trainA", "image"), ("trainB", "image")), _domains((f"{tested}A", "image"), (f"{tested}B", "image"))
    # Pairs serve as two domains: each is read in an order of its own, so that nothing tells what belongs together.
    return _domains(("train", SOURCE), ("train", TARGET)), _domains((unseen, SOURCE), (unseen, TARGET))


def _unseen(manifest: Manifest, read: str) -> str:
    """The split that is shown where `read` is read."""
    return next((name for name in _UNSEEN if name in manifest.splits), read)


def _domains(a: tuple[str, str], b: tuple[str, str]) -> tuple[Stream, Stream]:
    return Stream(a[0], {a[1]: A}), Stream(b[0], {b[1]: B}, order="/b")


def _check_split(uri: str, manifest: Manifest, split: str) -> None:
    if split not in manifest.splits:
        option = "--hold-out N" if split == HELD_OUT else f"--split {split}"
        raise DataError(f"{uri}: no split {split!r}, it has {', '.join(manifest.splits)}; prepare it with {option}")


def _check_examples(uri: str, manifest: Manifest, recipe: Recipe) -> None:
    wanted = recipe.examples
    if isinstance(wanted, ImageConfig):
        _check_shape(uri, wanted.feature, manifest.image().shape, wanted.shape)
    else:
        _check_points(uri, manifest, wanted, recipe)


def _check_points(uri: str, manifest: Manifest, wanted: PointConfig, recipe: Recipe) -> None:
    feature = manifest.features.get(wanted.feature)
    if not isinstance(feature, VectorFeature):
        raise UsageError(f"{uri}: holds {', '.join(manifest.features)}, recipe {recipe.name} takes points; prepare a curve")
    _check_shape(uri, wanted.feature, (len(feature.names),), (wanted.coordinates,))


def _check_shape(
    uri: str, name: str, has: tuple[int, ...], takes: tuple[int, ...], remedy: str = "take another of the two"
) -> None:
    if has != takes:
        is_shape, takes_shape = ("x".join(map(str, shape)) for shape in (has, takes))
        raise UsageError(f"{uri}: {name}s are {is_shape}, the recipe takes {takes_shape}; {remedy}")


def _check_classes(uri: str, manifest: Manifest, recipe: Recipe) -> None:
    if recipe.dataset_classes is None:
        return
    feature = manifest.features.get("label")
    if not isinstance(feature, LabelFeature):
        raise UsageError(f"{uri}: has no labels, recipe {recipe.name} learns classes; choose another recipe or dataset")
    if len(feature.class_names) != recipe.dataset_classes:
        known = len(feature.class_names)
        raise UsageError(f"{uri}: has {known} classes, the recipe {recipe.dataset_classes}; train with --set classes={known}")
