"""The commands of gan-pipeline as `gan-pipeline submit` knows them."""

from collections.abc import Mapping
from typing import Any

from gan_core.jobs.line import Program
from gan_pipeline.dataset.catalogue import dataset_info


def _check(command: str, values: Mapping[str, Any]) -> None:
    """Raise UsageError if the command names a dataset that cannot be prepared."""
    if "dataset" in values:
        dataset_info(values["dataset"])


PROGRAM = Program(
    name="gan-pipeline",
    example="prepare images --source gs://BUCKET/photos -o gs://BUCKET/data",
    folders=frozenset({"out", "folder", "source"}),
    words=frozenset({"auto", "tfds", "sample"}),
    check=_check,
)
