"""From what the user gave as --source to an open source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from gan_core.errors import UsageError
from gan_core.names import unescape_name
from gan_core.storage import cache_folder, open_folder
from gan_pipeline.dataset.catalogue import DatasetInfo, Kind, class_numbers, dataset_info
from gan_pipeline.dataset.features import Feature, ImageFeature, LabelFeature
from gan_pipeline.dataset.options import Options
from gan_pipeline.sources.base import Arrays, ArraySource, Source
from gan_pipeline.sources.celeba import open_celeba
from gan_pipeline.sources.cifar import open_cifar
from gan_pipeline.sources.curve import DEFAULT_POINTS, CurveSource
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.files import FileSource
from gan_pipeline.sources.folders import open_images
from gan_pipeline.sources.idx import FILE_PREFIX, open_idx
from gan_pipeline.sources.open_tree import open_image_tree
from gan_pipeline.sources.pairs import open_pairs
from gan_pipeline.sources.small_images import open_small_images, splits_there
from gan_pipeline.sources.tfds import open_tfds
from gan_pipeline.sources.tfds_faces import TfdsFaces
from gan_pipeline.sources.unpaired import open_unpaired

AUTO, SAMPLE, TFDS, FILES, NONE = "auto", "sample", "tfds", "files", "none"

_TREES: dict[Kind, Callable[[FileTree, Options], FileSource]] = {
    Kind.CELEBA: open_celeba,
    Kind.IMAGES: open_images,
    Kind.PAIRS: open_pairs,
    Kind.UNPAIRED: open_unpaired,
}


@dataclass(frozen=True)
class SourceSpec:
    """A source by name, small enough to travel to a worker.

    Attributes:
        options: what is prepared.
        kind: "sample", "tfds", "files", or "none" where the options say it all.
        uri: the folder or archive; empty for the other kinds.
        out: the folder that is written; what is in it is no input, should it lie below `uri`.
    """

    options: Options
    kind: str
    uri: str = ""
    out: str = ""

    def open(self) -> Source:
        """Open it here. Raises DataError, StorageError or UsageError."""
        info = dataset_info(self.options.dataset, self.options.variant)
        if info.kind is Kind.CURVE:
            assert self.options.function
            limit, held_out = self.options.limit, self.options.hold_out or 0
            points = limit + held_out if limit else DEFAULT_POINTS
            return CurveSource(self.options.function, points, self.options.seed)
        if info.kind in _TREES:
            tree = TfdsFaces(info, self.options.splits) if self.kind == TFDS else self._open_tree()
            return _TREES[info.kind](tree, self.options)
        arrays, asked = self._open_arrays(info), self.options.classes
        classes = None if asked is None else class_numbers(tuple(map(str, asked)), info.class_names)
        names = info.class_names if classes is None else [info.class_names[number] for number in classes]
        return ArraySource(
            arrays, _array_features(info, self.options, names), classes, arrays.other_splits or self._other_splits(info)
        )

    def is_there(self) -> bool:
        """Whether there is anything at `uri`. Raises StorageError."""
        if not self.uri.startswith("gs://"):
            return Path(self.uri).exists()
        parent, _, name = self.uri.rstrip("/").rpartition("/")
        return (parent != "gs:/" and open_folder(parent).exists(name)) or bool(open_folder(self.uri).names())

    def _other_splits(self, info: DatasetInfo) -> tuple[str, ...]:
        """The splits of TensorFlow Datasets, or of the files of small images, that were not asked for."""
        there: tuple[str, ...] = ()
        if self.kind == FILES and info.kind is not Kind.CIFAR:
            there = splits_there(self.uri, info)
        elif self.kind == TFDS:
            there = info.splits
        return tuple(split for split in there if split not in self.options.splits)

    def _open_tree(self) -> FileTree:
        return open_image_tree(self.uri, self.options.zip_encoding, self.out)

    def _open_arrays(self, info: DatasetInfo) -> Arrays:
        splits = self.options.splits
        if self.kind == TFDS:
            return open_tfds(info, splits)
        if self.kind == SAMPLE:
            return open_idx(open_folder(str(files("gan_pipeline") / "sample")), info, {"train": FILE_PREFIX["test"]})
        if info.kind is Kind.CIFAR:
            return open_cifar(self.uri, info, splits)
        return open_small_images(self.uri, info, splits)


def _array_features(info: DatasetInfo, options: Options, class_names: Sequence[str]) -> dict[str, Feature]:
    image = ImageFeature.model_validate({"shape": info.shape, "encoding": options.encoding})
    return {"image": image, "label": LabelFeature(class_names=tuple(class_names))}


def resolve_source(options: Options, out: str = "") -> SourceSpec:
    """Decide what the --source of these options, to be prepared into the folder `out`, means.

    Raises UsageError if this dataset has no such source.
    """
    info, source = dataset_info(options.dataset), options.source
    if info.kind is Kind.CURVE:
        if source != AUTO:
            raise UsageError("--source does not apply to curve: its points are computed")
        return SourceSpec(options, NONE)
    if source == SAMPLE:
        if info.name != "mnist":
            raise UsageError(f"--source sample holds digits; {info.name} needs a folder or gs:// prefix{_or_tfds(info)}")
        if options.splits != ("train",):
            raise UsageError("--source sample holds one split, train; leave --split out or take another source")
        return SourceSpec(options, SAMPLE)
    if source == TFDS:
        if not info.tfds:
            raise UsageError(f"--source tfds does not apply to {info.name}; give a folder, a zip, or a gs:// prefix")
        return SourceSpec(options, TFDS)
    if source != AUTO:
        return SourceSpec(options, FILES, unescape_name(source), out)
    cached = [f"{cache_folder('GANMILL_DATA')}/{info.name}", *([info.debian_folder] if info.debian_folder else [])]
    present = [folder for folder in cached if open_folder(folder).names()]
    if present:
        return SourceSpec(options, FILES, present[0], out)
    if not info.tfds:
        raise UsageError(f"{info.name}: say where the images are with --source FOLDER, a zip, or gs://BUCKET/FOLDER")
    return SourceSpec(options, TFDS)


def _or_tfds(info: DatasetInfo) -> str:
    return " or tfds" if info.tfds else ""
