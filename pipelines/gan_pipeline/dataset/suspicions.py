"""Readings of a source that are seldom meant: pure functions from what was understood to warnings."""

import re
import unicodedata
from collections.abc import Callable, Iterator

from gan_core.text import printable
from gan_pipeline.dataset.understood import DEEP_BITS, PAIRS_BY_NAME, Understood

SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
    "prediction": ("seg_pred",),
}
"""Words for a split in the names of folders, in lower case, by split."""

_WORDS = "|".join(word for words in SPLIT_WORDS.values() for word in words)
_SPLIT_FOLDER = re.compile(rf"(?:seg_)?({_WORDS})(?:[-_ ]?(?:set|data|images|imgs))?(?:[-_ ]?(?:19|20)\d\d)?")
"""The whole name of a split folder: the word alone, or as in seg_train (Intel), training_set (Kaggle) and train2017 (COCO)."""

_NUMBERED_SPLIT = re.compile(rf"({_WORDS})[-_ ]?\(?\d+\)?")
"""A name such as "test1", which may be a split or a class."""

_UNREAD_IMAGES = frozenset(
    (".heic", ".heif", ".jp2", ".j2k", ".jxl", ".tga", ".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw")
)
"""Endings, in lower case, of photographs and pictures whose format is not read."""

ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".7z", ".rar")
"""Endings, in lower case, of archives of several files."""

_MOST_NAMED = 5
_LEAST_WIDTH = 2
"""Digits in the name of a shard folder; folders 0 to 9 are classes of digits."""


def split_named(folder: str) -> str | None:
    """The split that a folder of this name holds, in any case, or None."""
    found = _SPLIT_FOLDER.fullmatch(folder.casefold())
    return next(split for split, words in SPLIT_WORDS.items() if found[1] in words) if found else None


def warnings_of(understood: Understood) -> tuple[str, ...]:
    """One sentence for each reading that is seldom meant, with the names it is about."""
    return tuple(printable(warning) for check in _CHECKS for warning in check(understood))


def _class_names(understood: Understood) -> list[str]:
    found = {name for split in understood.splits.values() for name in split.classes}
    return sorted(found)


def _numbers_of_equal_width(understood: Understood) -> Iterator[str]:
    names = _class_names(understood)
    wide = {len(name) for name in names} if all(name.isascii() and name.isdigit() for name in names) else set()
    if len(names) > 1 and len(wide) == 1 and min(wide) >= _LEAST_WIDTH and not understood.labels_chosen:
        yield f"classes {_some(names)} are numbers of equal width, like shard folders; if so, give --labels none"


def _shard_folders(understood: Understood) -> Iterator[str]:
    if understood.shard_folders:
        yield (
            f"folders {_some(list(understood.shard_folders))} were taken for shards, not classes; "
            "give --labels folders if they are classes, or --labels none"
        )


def _names_of_splits(understood: Understood) -> Iterator[str]:
    named = [name for name in _class_names(understood) if split_named(name) or _NUMBERED_SPLIT.fullmatch(name.casefold())]
    if named and not understood.splits_chosen:
        yield f"class {_some(named)} has the name of a split; check the folders, or give --splits none if it is a class"


def _names_alike(understood: Understood) -> Iterator[str]:
    alike: dict[str, list[str]] = {}
    for name in _class_names(understood):
        alike.setdefault(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip(), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            shown = " and ".join(ascii(name) for name in names)
            yield f"classes {shown} differ only in case or in how their letters are encoded; rename one if they are the same"


def _in_one_split_only(understood: Understood) -> Iterator[str]:
    labelled = {name: split for name, split in understood.splits.items() if split.classes}
    if len(labelled) < 2:
        return
    for name, split in labelled.items():
        elsewhere = {title for other, one in labelled.items() if other != name for title, count in one.classes.items() if count}
        alone = [title for title, count in split.classes.items() if count and title not in elsewhere]
        if alone:
            yield f"class {_some(alone)} is in split {name} only"


def _without_images(understood: Understood) -> Iterator[str]:
    counts: dict[str, int] = dict.fromkeys(understood.empty_classes, 0)
    for split in understood.written.values():
        for title, count in split.classes.items():
            counts[title] = counts.get(title, 0) + count
    empty = sorted(title for title, count in counts.items() if not count)
    if empty:
        yield f"class {_some(empty)} has no image"


def _folders_ignored(understood: Understood) -> Iterator[str]:
    if understood.ignored_folders:
        yield f"more than one folder level below the classes was ignored, such as {understood.ignored_folders}"


def _misplaced(understood: Understood) -> Iterator[str]:
    for folder, count in understood.misplaced.items():
        yield (
            f"{count:,} images below {folder} would land in split train; "
            f"move {folder} up, beside a folder train, or remove it from --source"
        )


def _merged(understood: Understood) -> Iterator[str]:
    usual = 2 if understood.pairs == PAIRS_BY_NAME else 1
    for name, split in understood.splits.items():
        if len(split.folders) > usual:
            yield f"folders {' and '.join(split.folders)} were joined to split {name}"


def few_bits(used: int) -> str:
    """Warn of images of 16 bits that use only so many of them; empty if they use all, or if there are none."""
    if not 0 < used < DEEP_BITS:
        return ""
    levels = 2 ** max(0, used - 8)
    return (
        f"the images of {DEEP_BITS} bits use only {used} of them: at most {levels} levels of 256 are left; "
        f"prepare them with --bit-depth {max(9, used)}, or with --bit-depth auto"
    )


def _few_bits(understood: Understood) -> Iterator[str]:
    if understood.headers and (words := few_bits(understood.headers.used_bits)):
        yield words


def _images_not_read(understood: Understood) -> Iterator[str]:
    for ending, count in understood.left_out.items():
        if ending in _UNREAD_IMAGES:
            yield (
                f"{count:,} {ending} files were left out: images of a format that is not read; convert them to PNG or JPEG, "
                "or remove them from --source"
            )


def _archives(understood: Understood) -> Iterator[str]:
    for ending, count in understood.left_out.items():
        if ending in ARCHIVE_ENDINGS:
            yield f"{count:,} {ending} files were left out; unpack them if they hold images, or remove them from --source"


_CHECKS: tuple[Callable[[Understood], Iterator[str]], ...] = (
    _numbers_of_equal_width,
    _shard_folders,
    _names_of_splits,
    _names_alike,
    _in_one_split_only,
    _without_images,
    _folders_ignored,
    _misplaced,
    _merged,
    _images_not_read,
    _archives,
    _few_bits,
)


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
