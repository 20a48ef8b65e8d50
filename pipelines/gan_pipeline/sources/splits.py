"""Which split an image belongs to, by the folders it lies in."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gan_core.errors import DataError
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.suspicions import split_named
from gan_pipeline.dataset.understood import FoundSplit

LEVELS = ("images", "image", "imgs", "img")
"""Names, in lower case, of folders that hold the images of a split or a class and say nothing about them."""


@dataclass
class SplitFiles:
    """The images of one split.

    Attributes:
        paths: by file name, what is left of the path below the folders of the split.
        folders: the split folders.
        prefixes: what was taken off the paths, each with "/" at its end or empty.
    """

    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The file names, in order."""
        return tuple(self.paths)


def split_images(images: Sequence[str], where: str, use_folders: bool = True) -> dict[str, SplitFiles]:
    """Sort images into splits by the folders at the top.

    Folders that all images share are skipped, so that an archive may hold `maps/train/1.jpg`, and within a split a
    folder `images`, or one named like the split folder, that all its images share. Without split folders all is "train".

    Args:
        images: paths with "/", sorted.
        where: for messages.
        use_folders: whether folders such as `train` are split folders; if not, they may be class folders.

    Raises:
        DataError: only some of the top folders are split folders.
    """
    parts = {name: tuple(name.split("/")) for name in images}
    depth = common_depth(parts.values(), (lambda tops: all(map(split_named, tops))) if use_folders else (lambda tops: False))
    tops = tops_at(parts.values(), depth)
    named = {top for top in tops if split_named(top)} if use_folders else set()
    if not named:
        prefix = "/".join([*next(iter(parts.values()))[:depth], ""])
        return {"train": SplitFiles({name: path[depth:] for name, path in parts.items()}, prefixes=(prefix,))}
    if named != tops:
        strange = min(tops - named) or f"the image {min(name for name, path in parts.items() if len(path) == depth + 1)}"
        raise DataError(
            f"{where}: holds the split folder {min(named)} and {strange} beside it; keep only train, val, test, or give "
            f"--splits none if {min(named)} is a class"
        )
    splits: dict[str, SplitFiles] = {}
    for top in sorted(named):
        paths = {name: path[depth + 1 :] for name, path in parts.items() if path[depth] == top}
        paths, skipped = _without_levels(paths, top)
        prefix = "/".join([*next(name for name in paths).split("/")[: depth + 1], *skipped, ""])
        split = str(split_named(top))
        known = splits.get(split, SplitFiles())
        splits[split] = SplitFiles(known.paths | paths, (*known.folders, top), (*known.prefixes, prefix))
    return {split: _in_order(splits[split]) for split in sorted(splits, key=_SPLIT_ORDER.index)}


_SPLIT_ORDER = ("train", "validation", "test", "prediction")


def found_splits(
    splits: Mapping[str, SplitFiles],
    options: Options,
    titles: Mapping[str, str] | None = None,
    asked: Sequence[str] | None = None,
) -> dict[str, FoundSplit]:
    """The splits of a source of files, with the number of images of each class.

    Args:
        splits: those found.
        options: say which are written.
        titles: class name by image name, where there are classes.
        asked: the classes asked for, or None for all.
    """
    found = {}
    for split, files in splits.items():
        counts = Counter(titles[name] for name in files.paths if name in titles) if titles else Counter[str]()
        classes = {title: counts[title] for title in (sorted(counts) if asked is None else asked)} if counts else {}
        found[split] = FoundSplit(
            inputs=len(files.paths), written=split in options.splits, folders=files.folders, classes=classes
        )
    return found


def misplaced(train: Iterable[SplitFiles]) -> dict[str, int]:
    """The number of images to train on that lie below a folder named like another split, by that folder's name."""
    paths = (path for files in train for path in files.paths.values())
    found = Counter(folder for path in paths for folder in path[:-1] if split_named(folder) not in (None, "train"))
    return dict(sorted(found.items()))


def tops_at(paths: Iterable[tuple[str, ...]], depth: int) -> set[str]:
    """The folders at that depth, and "" if files lie there."""
    return {path[depth] if len(path) > depth + 1 else "" for path in paths}


def top_folders(images: Iterable[str]) -> list[str]:
    """The folders below those that all images share, in order; "" is among them if images lie there."""
    paths = [tuple(name.split("/")) for name in images]
    return sorted(tops_at(paths, common_depth(paths, lambda tops: False)))


def common_depth(paths: Iterable[tuple[str, ...]], stop: Callable[[set[str]], bool]) -> int:
    """How many folders at the top all paths share, before those that `stop` knows."""
    paths = list(paths)
    depth = 0
    while True:
        tops = tops_at(paths, depth)
        if len(tops) != 1 or "" in tops or stop(tops):
            return depth
        depth += 1


def _without_levels(paths: Mapping[str, tuple[str, ...]], folder: str) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """The paths without folders that all of them share and that say nothing, and those folders."""
    skipped: list[str] = []
    while True:
        tops = tops_at(paths.values(), 0)
        top = next(iter(tops))
        if len(tops) > 1 or not top or top.casefold() not in (*LEVELS, folder.casefold()):
            return dict(paths), tuple(skipped)
        skipped.append(top)
        paths = {name: path[1:] for name, path in paths.items()}


def _in_order(files: SplitFiles) -> SplitFiles:
    """Sorted by name, whatever folders they came from."""
    return SplitFiles({name: files.paths[name] for name in sorted(files.paths)}, files.folders, files.prefixes)
