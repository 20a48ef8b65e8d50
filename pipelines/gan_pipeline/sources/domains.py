"""Folders of two domains, A and B: which image belongs to which domain of which split, and which two are a pair."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from gan_core.errors import DataError
from gan_pipeline.dataset.suspicions import SPLIT_WORDS, split_named
from gan_pipeline.sources.splits import SplitFiles, common_depth, tops_at

Domains = dict[str, tuple[SplitFiles, SplitFiles]]
"""For each split the images of A and of B; one of them may be empty."""

_Path = tuple[str, ...]
_Place = tuple[str, int, int]
"""The split, the number of the domain (0 or 1), and how many folders said so."""

_MOST_NAMED = 3


def domains(images: Sequence[str], where: str, names: tuple[str, str] = ("A", "B")) -> Domains | None:
    """Sort images into two domains by their folders, whose names may be in any case.

    Three layouts are known, each below folders that all images may share: `trainA`, `trainB` or `train_A`, `train_B`
    (CycleGAN, pix2pixHD); `A/train`, `B/train` (pix2pix); `train/A`, `train/B`. Without split folders all is "train".

    Args:
        images: paths with "/".
        where: for messages.
        names: of the two domains' folders.

    Returns:
        The images by split, or None if no folder at the top is one of a domain.

    Raises:
        DataError: only some of the folders are those of domains.
    """
    paths = {name: tuple(name.split("/")) for name in images}
    for depth in range(common_depth(paths.values(), lambda tops: False) + 1):
        places = {name: _place(path[depth:], names) for name, path in paths.items()}
        if any(places.values()):
            break
    else:
        return None
    found: Domains = {}
    for name, place in places.items():
        if place is None:
            raise _strange(paths, places, depth, where, names)
        split, domain, folders = place
        files = found.setdefault(split, (SplitFiles(), SplitFiles()))[domain]
        files.paths[name] = paths[name][depth + folders :]
        folder = "/".join(paths[name][depth : depth + folders])
        if folder not in files.folders:
            files.folders = (*files.folders, folder)
    return {split: found[split] for split in SPLIT_WORDS if split in found}


def _place(path: _Path, names: tuple[str, str]) -> _Place | None:
    """The split and domain that the first folders of a path say, or None if they say nothing."""
    top = path[0].casefold() if len(path) > 1 else ""
    below = path[1] if len(path) > 2 else ""
    for domain, name in enumerate(map(str.casefold, names)):
        split = split_named(below)
        if top == name:
            return (split, domain, 2) if split else ("train", domain, 1)
        split = split_named(top.removesuffix(name).rstrip("_-")) if top.endswith(name) else None
        if split:
            return split, domain, 1
        split = split_named(top)
        if split and below.casefold() == name:
            return split, domain, 2
    return None


def _strange(
    paths: Mapping[str, _Path], places: Mapping[str, _Place | None], depth: int, where: str, names: tuple[str, str]
) -> DataError:
    """Some folders are those of domains, and others are not."""
    domain = min(paths[name][depth] for name, place in places.items() if place)
    others = tops_at((paths[name] for name, place in places.items() if place is None), depth)
    a, b = names
    return DataError(
        f"{where}: holds the split folder {domain} and {min(others) or 'images of its own'} beside it; "
        f"keep only train{a} and train{b} (test{a}, test{b}), or {a} and {b}"
    )


def pairs_by_name(found: Domains, where: str) -> dict[str, dict[str, str]]:
    """For each split the image of B by that of A, whose paths below their folders are equal but for the ending.

    Raises DataError if an image has no partner, or two could be meant.
    """
    return {split: _partners(split, a, b, where) for split, (a, b) in found.items()}


def _partners(split: str, a: SplitFiles, b: SplitFiles, where: str) -> dict[str, str]:
    by_a, by_b = _by_stem(a, where), _by_stem(b, where)
    alone = sorted([by_a[stem] for stem in by_a.keys() - by_b.keys()] + [by_b[stem] for stem in by_b.keys() - by_a.keys()])
    if alone and not by_a.keys() & by_b.keys():
        raise DataError(
            f"{where}: in split {split} no file of {_folders(a)} has the name of one of {_folders(b)}, so these are two "
            "unpaired domains; prepare unpaired, or name the files of a pair alike"
        )
    if alone:
        more = f" and {len(alone) - _MOST_NAMED:,} more" if len(alone) > _MOST_NAMED else ""
        raise DataError(
            f"{where}: {', '.join(alone[:_MOST_NAMED])}{more} of split {split} have no partner of the same name in the other "
            "domain; add it, or take them out of --source"
        )
    return {by_a[stem]: by_b[stem] for stem in sorted(by_a)}


def _folders(files: SplitFiles) -> str:
    return ", ".join(files.folders) or "a folder that is not there"


def _by_stem(files: SplitFiles, where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, path in files.paths.items():
        stem = str(PurePosixPath(*path).with_suffix(""))
        if stem in found:
            raise DataError(f"{where}: {found[stem]} and {name} have the same name but for the ending; keep one")
        found[stem] = name
    return found
