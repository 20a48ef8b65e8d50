"""From what the user gave as --source to an open source."""

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from gan_pipeline.datasets import dataset_info
from gan_pipeline.errors import UsageError
from gan_pipeline.sources.base import Source
from gan_pipeline.sources.idx import FILE_PREFIX, open_idx
from gan_pipeline.sources.tfds import open_tfds
from gan_pipeline.storage import open_folder

AUTO, SAMPLE, TFDS = "auto", "sample", "tfds"


@dataclass(frozen=True)
class SourceSpec:
    """A source by name, small enough to travel to a worker.

    Attributes:
        dataset: name in the catalogue.
        kind: "sample", "tfds" or "idx".
        uri: the folder of the idx files; empty for the other kinds.
        splits: which splits to open.
    """

    dataset: str
    kind: str
    uri: str
    splits: tuple[str, ...]

    def open(self) -> Source:
        """Open it here. Raises DataError, StorageError or UsageError."""
        info = dataset_info(self.dataset)
        if self.kind == TFDS:
            return open_tfds(info, self.splits)
        if self.kind == SAMPLE:
            folder = open_folder(str(files("gan_pipeline") / "sample"))
            return open_idx(folder, info, {"train": FILE_PREFIX["test"]})
        return open_idx(open_folder(self.uri), info, {split: FILE_PREFIX[split] for split in self.splits})


def cache_folder(dataset: str) -> Path:
    """Where `--source auto` looks first: $GANMILL_DATA/<dataset>, by default ~/.cache/ganmill/<dataset>."""
    root = os.environ.get("GANMILL_DATA") or Path.home() / ".cache" / "ganmill"
    return Path(root) / dataset


def resolve_source(dataset: str, source: str, splits: tuple[str, ...]) -> SourceSpec:
    """Decide what a --source argument means. Raises UsageError if this dataset has no such source."""
    info = dataset_info(dataset)
    if source == SAMPLE:
        if dataset != "mnist":
            raise UsageError(f"--source sample holds digits; {dataset} needs a folder of idx files, a gs:// prefix or tfds")
        if splits != ("train",):
            raise UsageError("--source sample holds one split, train; leave --split out or take another source")
        return SourceSpec(dataset, SAMPLE, "", splits)
    if source == TFDS:
        return SourceSpec(dataset, TFDS, "", splits)
    if source != AUTO:
        return SourceSpec(dataset, "idx", source, splits)
    cached = [str(cache_folder(dataset)), *([info.debian_folder] if info.debian_folder else [])]
    present = [folder for folder in cached if open_folder(folder).names()]
    return SourceSpec(dataset, "idx", present[0], splits) if present else SourceSpec(dataset, TFDS, "", splits)
