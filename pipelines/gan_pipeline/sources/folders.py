"""The datasets whose layout is folders of images: images with classes, side-by-side pairs, two unpaired domains."""

from collections.abc import Mapping

from gan_core.errors import DataError
from gan_pipeline.dataset.features import Feature, LabelFeature
from gan_pipeline.dataset.options import Options
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.files import FileSource
from gan_pipeline.sources.image_names import image_names, left_out
from gan_pipeline.sources.layout import SPLIT_FOLDERS, by_split
from gan_pipeline.transforms.transform import Halves, Resized, image_shape

DOMAIN_FOLDERS = {"trainA": "trainA", "trainB": "trainB", "testA": "testA", "testB": "testB", "A": "trainA", "B": "trainB"}


def open_images(tree: FileTree, options: Options) -> FileSource:
    """Images of any kind; the folders they lie in become their classes, in alphabetical order.

    Raises DataError if there are none, or if some lie in class folders and some beside them.
    """
    names = tree.names()
    images = image_names(tree)
    splits = by_split(images, SPLIT_FOLDERS, tree.uri)
    classes = sorted({path[0] for paths in splits.values() for path in paths.values() if len(path) > 1})
    number = {title: index for index, title in enumerate(classes)}
    label_of: dict[str, int] = {}
    for paths in splits.values():
        loose = [name for name, path in paths.items() if classes and len(path) == 1]
        if loose:
            raise DataError(
                f"{tree.uri}: {loose[0]} lies beside the class folders {', '.join(classes[:3])}; "
                "put every image into a class folder, or none"
            )
        label_of |= {name: number[path[0]] for name, path in paths.items() if classes}
    notes = left_out(names, images)
    if not classes:
        return FileSource(tree, _names(splits), _resized(options), options, notes=notes)
    label: dict[str, Feature] = {"label": LabelFeature(class_names=tuple(classes))}
    return FileSource(
        tree, _names(splits), _resized(options), options, label, lambda name: {"label": label_of[name]}, notes=notes
    )


def open_pairs(tree: FileTree, options: Options) -> FileSource:
    """Images that hold source and target side by side. Raises DataError if there are none."""
    assert options.resampler and options.swap is not None
    names = tree.names()
    images = image_names(tree)
    splits = by_split(images, SPLIT_FOLDERS, tree.uri)
    transform = Halves(image_shape(options), options.swap, options.resampler)
    return FileSource(tree, _names(splits), transform, options, notes=left_out(names, images))


def open_unpaired(tree: FileTree, options: Options) -> FileSource:
    """Two domains, each a split of its own and of its own length. Raises DataError if one is missing or empty."""
    names = tree.names()
    images = image_names(tree)
    splits = by_split(images, DOMAIN_FOLDERS, tree.uri)
    missing = [split for split in options.splits if split not in splits]
    if missing:
        found = ", ".join(splits) if set(splits) != {"train"} else "no such folder"
        raise DataError(
            f"{tree.uri}: no images for {missing[0]}, found {found}; --source takes a folder with trainA and trainB "
            "(testA, testB), or A and B"
        )
    return FileSource(tree, _names(splits), _resized(options), options, notes=left_out(names, images))


def _resized(options: Options) -> Resized:
    assert options.resize and options.resampler
    return Resized(image_shape(options), options.resize, options.resampler)


def _names(splits: Mapping[str, Mapping[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    return {split: tuple(paths) for split, paths in splits.items()}
