"""The commands of gan-pipeline as `gan-pipeline submit` knows them."""

from gan_core.jobs.line import Line, Program
from gan_pipeline.dataset.catalogue import dataset_info


def _check(line: Line) -> None:
    """Raise UsageError if the command names a dataset that cannot be prepared."""
    if "dataset" in line.values:
        dataset_info(line.values["dataset"])


PROGRAM = Program(
    name="gan-pipeline",
    example="prepare images --source gs://BUCKET/photos -o gs://BUCKET/data",
    folders=frozenset({"out", "folder", "source"}),
    words=frozenset({"auto", "tfds", "sample"}),
    check=_check,
    split=lambda line: None,
)
