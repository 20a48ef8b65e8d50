"""Which examples of a dataset folder a recipe reads, and under which names a batch holds them.

A recipe's `streams` calls one of `example_streams`, `pair_streams` and `domain_streams`. Each checks that the dataset holds
what the recipe takes, and raises UsageError or DataError with the remedy where it does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gan_core.errors import DataError, UsageError
from gan_pipeline.dataset.features import LabelFeature, VectorFeature
from gan_pipeline.dataset.manifest import Manifest
from gan_pipeline.dataset.sharding import HELD_OUT
from gan_train.recipe.examples import SOURCE, TARGET, A, B, ImageConfig, PointConfig

_HELD_OUT_SPLITS = ("validation", "test", HELD_OUT)
"""Splits that no step trains on. Snapshots show the first of them that a dataset has."""


@dataclass(frozen=True)
class Stream:
    """Examples of one split, in an order of their own.

    Attributes:
        split: name of the split in the dataset.
        names: for each feature that is read, by its name in the dataset, the name that a batch gives it.
        order: text that sets this shuffled order apart from that of another stream; "" for the first stream.
    """

    split: str
    names: Mapping[str, str] = field(hash=False)
    order: str = ""


@dataclass(frozen=True)
class Streams:
    """The streams of a run.

    Attributes:
        training: what training reads; the examples of the first stream count the epochs.
        shown: what snapshots show and measure: streams of the same names, of a split that no step trains on where the recipe
            asks for one and the dataset has it.
    """

    training: tuple[Stream, ...]
    shown: tuple[Stream, ...]


@dataclass(frozen=True)
class Source:
    """A dataset folder that a recipe is to read.

    Attributes:
        uri: URI of the folder, for messages.
        manifest: manifest of the folder.
        recipe: name of the recipe, for messages.
        split: the split that training reads, where a recipe reads single examples.
    """

    uri: str
    manifest: Manifest
    recipe: str
    split: str


def example_streams(
    source: Source, examples: ImageConfig | PointConfig, classes: int | None, shows_held_out: bool = False
) -> Streams:
    """One stream of single examples with all their features.

    Args:
        source: the dataset.
        examples: the examples that the recipe takes.
        classes: number of classes that the recipe takes; None if it reads no labels.
        shows_held_out: whether snapshots show examples that no step trains on, rather than training examples.

    Raises:
        UsageError: the examples have another shape or another number of classes than the recipe takes.
        DataError: the dataset has no such split.
    """
    _check_examples(source, examples)
    _check_classes(source, classes)
    names = {name: name for name in source.manifest.features}
    training = (Stream(source.split, names),)
    shown = (Stream(_shown_split(source.manifest, source.split), names),) if shows_held_out else training
    return _checked(source, Streams(training, shown))


def pair_streams(source: Source, image: ImageConfig, reverse: bool) -> Streams:
    """One stream of pairs, of which a batch holds `SOURCE` and `TARGET`.

    Args:
        source: the dataset.
        image: the images that the recipe takes.
        reverse: whether a pair's target is translated to its source.

    Raises:
        UsageError: the dataset holds no pairs, or images of another shape.
        DataError: the dataset has no training split.
    """
    if _checked_image_names(source, image) == {"image"}:
        raise UsageError(
            f"{source.uri}: holds no pairs, recipe {source.recipe} wants them; 'gan-pipeline prepare pairs' makes them"
        )
    first, second = (TARGET, SOURCE) if reverse else (SOURCE, TARGET)
    names = {first: SOURCE, second: TARGET}
    shown = Stream(_shown_split(source.manifest, "train"), names)
    return _checked(source, Streams((Stream("train", names),), (shown,)))


def domain_streams(source: Source, image: ImageConfig) -> Streams:
    """Two streams of images of two domains, which a batch holds as `A` and `B`, each in an order of its own.

    A dataset of pairs serves as two domains: the two orders are independent, so that nothing tells which images belong
    together.

    Args:
        source: the dataset.
        image: the images that the recipe takes.

    Raises:
        UsageError: the dataset holds one domain only, or images of another shape.
        DataError: the dataset has no training split.
    """
    splits = source.manifest.splits
    if _checked_image_names(source, image) == {"image"}:
        if not {"trainA", "trainB"} <= splits.keys():
            raise UsageError(
                f"{source.uri}: holds one domain, {', '.join(splits)}, recipe {source.recipe} wants two; "
                "'gan-pipeline prepare unpaired' makes them"
            )
        shown = "test" if {"testA", "testB"} <= splits.keys() else "train"
        training = _domains(("trainA", "image"), ("trainB", "image"))
        return Streams(training, _domains((f"{shown}A", "image"), (f"{shown}B", "image")))
    shown = _shown_split(source.manifest, "train")
    training = _domains(("train", SOURCE), ("train", TARGET))
    return _checked(source, Streams(training, _domains((shown, SOURCE), (shown, TARGET))))


def _domains(a: tuple[str, str], b: tuple[str, str]) -> tuple[Stream, Stream]:
    """The streams of both domains, each given as (split, feature)."""
    return Stream(a[0], {a[1]: A}), Stream(b[0], {b[1]: B}, order="/b")


def _shown_split(manifest: Manifest, training: str) -> str:
    """The first held-out split of the dataset, or the training split where there is none."""
    return next((name for name in _HELD_OUT_SPLITS if name in manifest.splits), training)


def _checked(source: Source, streams: Streams) -> Streams:
    """The streams, after a check that the dataset has the splits of training."""
    splits = source.manifest.splits
    for stream in streams.training:
        if stream.split not in splits:
            option = "--hold-out N" if stream.split == HELD_OUT else f"--split {stream.split}"
            known = ", ".join(splits)
            raise DataError(f"{source.uri}: no split {stream.split!r}, it has {known}; prepare it with {option}")
    return streams


def _checked_image_names(source: Source, image: ImageConfig) -> set[str]:
    """Names of the dataset's image features, {SOURCE, TARGET} or {"image"}, after a check of their shape."""
    names = {SOURCE, TARGET} if {SOURCE, TARGET} <= source.manifest.features.keys() else {"image"}
    remedy = f"prepare it with --image-size {image.shape[0]}, or set another image.shape"
    for name in sorted(names):
        _check_shape(source.uri, name, source.manifest.image(name).shape, image.shape, remedy)
    return names


def _check_examples(source: Source, examples: ImageConfig | PointConfig) -> None:
    if isinstance(examples, ImageConfig):
        _check_shape(source.uri, examples.feature, source.manifest.image().shape, examples.shape)
    else:
        _check_points(source, examples)


def _check_points(source: Source, points: PointConfig) -> None:
    feature = source.manifest.features.get(points.feature)
    if not isinstance(feature, VectorFeature):
        held = ", ".join(source.manifest.features)
        raise UsageError(f"{source.uri}: holds {held}, recipe {source.recipe} takes points; prepare a curve")
    _check_shape(source.uri, points.feature, (len(feature.names),), (points.coordinates,))


def _check_shape(
    uri: str, name: str, actual: tuple[int, ...], wanted: tuple[int, ...], remedy: str = "take another of the two"
) -> None:
    if actual != wanted:
        actual_text, wanted_text = ("x".join(map(str, shape)) for shape in (actual, wanted))
        raise UsageError(f"{uri}: {name}s are {actual_text}, the recipe takes {wanted_text}; {remedy}")


def _check_classes(source: Source, classes: int | None) -> None:
    if classes is None:
        return
    uri, feature = source.uri, source.manifest.features.get("label")
    if not isinstance(feature, LabelFeature):
        raise UsageError(f"{uri}: has no labels, recipe {source.recipe} learns classes; choose another recipe or dataset")
    known = len(feature.class_names)
    if known != classes:
        raise UsageError(f"{uri}: has {known} classes, the recipe {classes}; train with --set classes={known}")
