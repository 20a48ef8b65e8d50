"""dataset.json and dataset-preview.png: what a run was trained on, told by its folder when the dataset is not there."""

import json
from typing import Any

from pydantic import Field, ValidationError

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_pipeline.dataset.features import Frozen
from gan_pipeline.dataset.manifest import Counts, dump_json
from gan_pipeline.dataset.preview import PREVIEW
from gan_train.data.dataset import Dataset
from gan_train.runs.layout import DATASET, DATASET_PREVIEW


class DatasetFacts(Frozen):
    """The content of dataset.json.

    Attributes:
        name: of the dataset.
        digest: names its content.
        folder: where it was when the run began.
        splits: number of examples of each.
        read: splits that training reads.
        features: shape of each, as words.
        class_names: by number; none without labels.
        counts: read from the source, kept, dropped by reason.
    """

    name: str
    digest: str
    folder: str
    splits: dict[str, int]
    read: tuple[str, ...]
    features: dict[str, str]
    class_names: tuple[str, ...] = Field(default=())
    counts: Counts


def write_dataset_facts(run: Folder, dataset: Dataset) -> None:
    """Say in the run folder what the dataset is, and show it as its own folder does."""
    manifest = dataset.manifest
    facts = DatasetFacts(
        name=manifest.name,
        digest=manifest.digest,
        folder=dataset.folder.uri,
        splits={name: split.examples for name, split in manifest.splits.items()},
        read=tuple(dict.fromkeys(stream.split for stream in dataset.streams)),
        features={name: _words(feature.model_dump(mode="json")) for name, feature in manifest.features.items()},
        class_names=dataset.class_names,
        counts=manifest.counts,
    )
    run.write(DATASET, dump_json(facts.model_dump(mode="json")))
    if dataset.folder.exists(PREVIEW):
        run.write(DATASET_PREVIEW, dataset.folder.read(PREVIEW))


def read_dataset_facts(run: Folder) -> DatasetFacts | None:
    """Those of a run; None of one that an earlier version began. Raises DataError if they are damaged."""
    if not run.exists(DATASET):
        return None
    try:
        return DatasetFacts.model_validate(json.loads(run.read(DATASET)))
    except (ValueError, ValidationError) as error:
        raise DataError(f"{run.locate(DATASET)}: damaged; remove it, the report does without") from error


def _words(feature: dict[str, Any]) -> str:
    shape = " x ".join(map(str, feature["shape"])) if "shape" in feature else ""
    named = feature.get("class_names") or feature.get("names") or ()
    count = f"{len(named)} {'classes' if 'class_names' in feature else 'numbers'}" if named else ""
    return " ".join(filter(None, (feature["kind"], shape, count, f"({feature['dtype']})" if "dtype" in feature else "")))
