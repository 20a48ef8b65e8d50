"""The commands of gan-pipeline as `gan-pipeline submit` knows them."""

from gan_core.jobs.line import Line, Program
from gan_pipeline.dataset.catalogue import dataset_info


def _check(line: Line) -> None:
    """Raise UsageError if the command names a dataset that cannot be prepared."""
    if "dataset" in line.values:
        dataset_info(line.values["dataset"])


def _doctor(line: Line) -> tuple[str, ...]:
    """The arguments of `doctor` before a command: it looks at what `prepare` reads and writes."""
    if line.command == "doctor":
        return ()
    named = {"--source": line.values.get("source"), "-o": line.values.get("out")} if line.command == "prepare" else {}
    return ("--in-job", *(part for name, value in named.items() if value is not None for part in (name, str(value))))


PROGRAM = Program(
    name="gan-pipeline",
    example="prepare images --source gs://BUCKET/photos -o gs://BUCKET/data",
    folders=frozenset({"out", "folder", "source"}),
    words=frozenset({"auto", "tfds", "sample"}),
    check=_check,
    split=lambda line: None,
    doctor=_doctor,
)
