"""dataset.json and dataset-preview.png: a description of the dataset in the run folder, for when the dataset is not at hand."""

from typing import Any

from pydantic import Field, TypeAdapter

from gan_core.documents import read_json
from gan_core.names import escape_name
from gan_core.storage import Folder
from gan_pipeline.dataset.features import Frozen
from gan_pipeline.dataset.manifest import Counts, dump_json
from gan_pipeline.dataset.preview import PREVIEW
from gan_train.data.dataset import Dataset
from gan_train.runs.layout import DATASET, DATASET_PREVIEW


class DatasetFacts(Frozen):
    """The content of dataset.json.

    Attributes:
        name: name of the dataset.
        digest: hash of its content.
        folder: its folder when the run began.
        splits: number of examples by split.
        read: splits that training reads.
        features: description of each feature.
        class_names: names of the classes by number; none without labels.
        counts: examples that were read from the source, kept, and dropped by reason.
    """

    name: str
    digest: str
    folder: str
    splits: dict[str, int]
    read: tuple[str, ...]
    features: dict[str, str]
    class_names: tuple[str, ...] = Field(default=())
    counts: Counts


_FACTS = TypeAdapter(DatasetFacts)


def write_dataset_facts(run: Folder, dataset: Dataset) -> None:
    """Write the description of the dataset, and a copy of its preview, into the run folder."""
    manifest = dataset.manifest
    facts = DatasetFacts(
        name=manifest.name,
        digest=manifest.digest,
        folder=escape_name(dataset.folder.uri),
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
    """Read the description; None for a run of an earlier version. Raises DataError if it is damaged."""
    if not run.exists(DATASET):
        return None
    return read_json(run, DATASET, _FACTS, "remove it, the report does without")


def _words(feature: dict[str, Any]) -> str:
    shape = " x ".join(map(str, feature["shape"])) if "shape" in feature else ""
    named = feature.get("class_names") or feature.get("names") or ()
    count = f"{len(named)} {'classes' if 'class_names' in feature else 'numbers'}" if named else ""
    return " ".join(filter(None, (feature["kind"], shape, count, f"({feature['dtype']})" if "dtype" in feature else "")))
