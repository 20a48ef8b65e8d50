"""How image files lie in folders: which split they belong to, and which class."""

from collections.abc import Mapping, Sequence

from gan_core.errors import DataError

SPLIT_FOLDERS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}


def by_split(names: Sequence[str], folders: Mapping[str, str], where: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Sort image names into splits by their top folders.

    Folders that all names share are skipped, so that an archive may hold `maps/train/1.jpg`. Without split folders all
    is "train".

    Args:
        names: paths with "/".
        folders: split by folder name.
        where: for messages.

    Returns:
        For every split: each name with the rest of its path below the split folder.

    Raises:
        DataError: only some of the top folders are split folders.
    """
    parts = {name: tuple(name.split("/")) for name in names}
    depth = 0
    while True:
        tops = {path[depth] if len(path) > depth + 1 else "" for path in parts.values()}
        if len(tops) != 1 or "" in tops or tops <= folders.keys():
            break
        depth += 1
    if not tops & folders.keys():
        return {"train": {name: path[depth:] for name, path in parts.items()}}
    if not tops <= folders.keys():
        strange = min(tops - folders.keys()) or "images of its own"
        split = min(tops & folders.keys())
        raise DataError(f"{where}: holds the split folder {split} and {strange} beside it; keep only {', '.join(folders)}")
    splits: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, path in parts.items():
        splits.setdefault(folders[path[depth]], {})[name] = path[depth + 1 :]
    return splits
