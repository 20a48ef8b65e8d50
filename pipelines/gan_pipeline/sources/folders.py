"""Images of any kind, with or without classes."""

from collections.abc import Mapping, Sequence

from gan_core.errors import UsageError
from gan_pipeline.dataset.catalogue import class_numbers
from gan_pipeline.dataset.features import Feature, LabelFeature
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.understood import Understood
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.files import FileSource
from gan_pipeline.sources.image_names import ending_counts, image_names, left_out
from gan_pipeline.sources.labels import Labels, find_labels, unused_tables
from gan_pipeline.sources.splits import LEVELS, SplitFiles, found_splits, misplaced, split_images
from gan_pipeline.transforms.transform import Resized, image_shape


def open_images(tree: FileTree, options: Options) -> FileSource:
    """Images of any kind, with the labels that --labels names; without it, of the folders they lie in.

    Raises:
        DataError: there are no images, or a written split has images without a label beside others with one.
        UsageError: --classes names classes and there are none, or not these.
    """
    names = tree.names()
    images = image_names(tree)
    splits = split_images(images, tree.uri, use_folders=options.split_folders is None)
    labels = find_labels(tree, names, splits, options)
    titles = _asked_classes(labels, options, tree.uri)
    number = {title: index for index, title in enumerate(titles)}
    features: dict[str, Feature] = {"label": LabelFeature(class_names=titles)} if titles else {}
    return FileSource(
        tree,
        {split: files.names for split, files in splits.items()},
        _resized(options),
        options,
        features,
        lambda name: {"label": number.get(labels.titles[name], -1)} if titles else {},
        tables=labels.tables,
        notes=left_out(names, images, labels.used),
        understood=_understood(tree, images, splits, labels, titles, options),
    )


def _asked_classes(labels: Labels, options: Options, where: str) -> tuple[str, ...]:
    """The names of the classes to write, in their order."""
    asked = options.classes
    if asked is None:
        return labels.names
    if not labels.names:
        raise UsageError(f"--classes: the images of {where} have no classes (labels: {labels.origin})")
    return tuple(labels.names[number] for number in class_numbers(tuple(map(str, asked)), labels.names))


def _understood(
    tree: FileTree,
    images: Sequence[str],
    splits: Mapping[str, SplitFiles],
    labels: Labels,
    titles: Sequence[str],
    options: Options,
) -> Understood:
    names = tree.names()
    below = [path for files in splits.values() for path in files.paths.values() if len(path) > 3]
    return Understood(
        splits=found_splits(splits, options, labels.titles, None if options.classes is None else titles),
        labels=labels.origin + (_unused_level(splits) if labels.from_folders else ""),
        labels_chosen=options.labels is not None,
        left_out=ending_counts(set(names).difference(images, labels.used)),
        tables_unused=unused_tables(names, labels.used),
        shard_folders=labels.shards,
        empty_classes=_empty_classes(tree, splits) if labels.from_folders and options.classes is None else (),
        ignored_folders="/".join(max(below, key=len)[1:-1]) if labels.from_folders and below else "",
        misplaced={} if options.split_folders else misplaced([splits.get("train", SplitFiles())]),
        splits_chosen=options.split_folders is not None,
    )


def _empty_classes(tree: FileTree, splits: Mapping[str, SplitFiles]) -> tuple[str, ...]:
    """Folders beside the class folders that hold no image. On gs:// there is no folder without any file."""
    empty: set[str] = set()
    for files in splits.values():
        classes = {path[0] for path in files.paths.values() if len(path) > 1}
        for prefix in files.prefixes if classes else ():
            below = (name.removeprefix(prefix).split("/") for name in tree.names() if name.startswith(prefix))
            folders = {path[0] for path in below if len(path) > 1} | tree.folders(prefix)
            # The folder that is written comes to be during the run: it is no class, be it there already or not.
            empty |= {folder for folder in folders - classes if not tree.without.startswith(f"{prefix}{folder}/")}
    return tuple(sorted(empty - {folder for files in splits.values() for folder in files.folders}))


def _unused_level(splits: Mapping[str, SplitFiles]) -> str:
    """A remark on the folders directly below the class folders, which are no part of a class; empty if there are none."""
    below = {path[1] for files in splits.values() for path in files.paths.values() if len(path) == 3}
    said = sorted(folder for folder in below if folder.casefold() not in LEVELS)
    return f" (folders below them are not used, such as {said[0]})" if said else ""


def _resized(options: Options) -> Resized:
    assert options.resize and options.resampler
    return Resized(image_shape(options), options.resize, options.resampler)
