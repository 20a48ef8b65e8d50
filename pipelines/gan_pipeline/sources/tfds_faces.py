"""CelebA out of TensorFlow Datasets: its JPEG files and its tables, as if they lay in a folder."""

from collections.abc import Sequence
from typing import Any

from gan_pipeline.dataset.catalogue import DatasetInfo
from gan_pipeline.sources.celeba_tables import ATTRIBUTES, LANDMARKS, PARTITION
from gan_pipeline.sources.spooled_tree import SpooledTree
from gan_pipeline.sources.tfds import in_file_order, prepared_builder

_PARTS = ("train", "validation", "test")
_POINTS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")


class TfdsFaces(SpooledTree):
    """A file tree. The files go to one temporary file as they are, so memory does not grow; disk does, by 1.4 GB."""

    def __init__(self, info: DatasetInfo, splits: Sequence[str]) -> None:
        """Raises StorageError if TFDS cannot provide the files, DataError if it has no such split."""
        super().__init__(f"tfds {info.tfds}")
        rows: dict[str, list[str]] = {ATTRIBUTES: [], PARTITION: [], LANDMARKS: []}
        builder = prepared_builder(info)
        names = sorted(builder.info.features["attributes"])
        for split in splits:
            self._spool_split(builder, split, names, rows)
        points = " ".join(f"{point}_{axis}" for point in _POINTS for axis in "xy")
        for stem, header in ((ATTRIBUTES, " ".join(names)), (PARTITION, ""), (LANDMARKS, points)):
            heading = [str(len(rows[stem])), header] if header else []
            self.add(f"{stem}.txt", "\n".join([*heading, *rows[stem], ""]).encode())

    def _spool_split(self, builder: Any, split: str, attributes: Sequence[str], rows: dict[str, list[str]]) -> None:
        import tensorflow_datasets as tfds

        decoders = {"image": tfds.decode.SkipDecoding()}
        for number, example in enumerate(in_file_order(builder, split, decoders=decoders)):
            name = f"{split}-{number:06d}.jpg"
            self.add(name, example["image"])
            values = (1 if example["attributes"][title] else -1 for title in attributes)
            rows[ATTRIBUTES].append(f"{name} {' '.join(map(str, values))}")
            rows[PARTITION].append(f"{name} {_PARTS.index(split)}")
            marks = (int(example["landmarks"][f"{point}_{axis}"]) for point in _POINTS for axis in "xy")
            rows[LANDMARKS].append(f"{name} {' '.join(map(str, marks))}")
