"""The public Python API: prepare a dataset folder, open one, and read what it holds.

    import gan_pipeline

    gan_pipeline.prepare("mnist", "data/digits", source="sample", limit=1000, workers=2)
    dataset = gan_pipeline.open_dataset("data/digits")
    print(len(dataset), dataset.class_names, dataset.summary["splits"]["train"]["classes"])
    images = [example["image"] for example in dataset.examples("train")]
    batches = dataset.as_tf_dataset("train", batch_size=64)

Every function works in any thread and any number of times in one process, raises the errors of `gan_core.errors`, which carry
the messages of the command, and prints nothing unless `progress=True`. Heavy packages are loaded when they are needed.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from gan_core.errors import UsageError
from gan_core.notices import shown
from gan_core.storage import Folder, open_folder
from gan_core.temporary import temporary_folder
from gan_core.text import short_repr

if TYPE_CHECKING:
    import tensorflow as tf

    from gan_pipeline.dataset.manifest import Manifest, Split
    from gan_pipeline.inspection.page_file import WrittenPage

MOST_WORKERS = 1024
"""The most processes that a call may ask for; more than there are shards are never started."""

_RECORDS_AT_ONCE = 256
"""Records that travel from Python into TensorFlow together, where no batch size is asked for."""


class PrepareOptions(TypedDict, total=False):
    """The options of `gan-pipeline prepare` that decide what is written; `gan-pipeline prepare --help` explains each.

    An option that is left out, or None, has its default. Options that the dataset does not have are refused.
    """

    limit: int | None
    limit_per_class: int | None
    hold_out: int | None
    shards: int | None
    seed: int
    encoding: str
    image_size: int | str | None
    resize: str | None
    resampler: str | None
    faces: str | None
    box: str | None
    margin: float | None
    swap: bool | None
    function: str | None
    channels: int | None
    min_size: int | None
    dedupe: str | None
    bit_depth: int | str | None
    scaled_jpeg: bool | None
    labels: str | None
    label_attribute: str | None
    split_folders: str | None
    any_ratio: bool | None
    domains: str | None
    variant: str | None
    allow_short_tables: bool | None
    zip_encoding: str | None


@dataclass(frozen=True)
class Dataset:
    """A finished dataset folder. `len(dataset)` is the number of examples of all its splits.

    Attributes:
        uri: the folder, a local path or a gs:// URI.
        manifest: what the folder says of itself: features, splits, shards, counts, options, digest.
    """

    uri: str
    manifest: "Manifest"

    def __len__(self) -> int:
        return sum(self.splits.values())

    @property
    def splits(self) -> dict[str, int]:
        """The number of examples of each split, by its name."""
        return {name: split.examples for name, split in self.manifest.splits.items()}

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes by number; empty if the examples have no label."""
        from gan_pipeline.dataset.features import LabelFeature

        labels = [feature for feature in self.manifest.features.values() if isinstance(feature, LabelFeature)]
        return labels[0].class_names if labels else ()

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The document that `gan-pipeline inspect --json` prints: sizes, features, class balance, options, digest.

        Counting the classes reads every record once. Raises DataError or StorageError.
        """
        from gan_pipeline.dataset.summary import summarise

        return summarise(self._folder)

    def examples(self, split: str = "train") -> Iterator[dict[str, Any]]:
        """The examples of a split, in the order of the folder, one in memory at a time.

        Returns:
            Dicts of "id" (str) and every feature by its name: images as uint8 arrays (height, width, 1 or 3), a label as int,
            attributes as int64 arrays (n,) of 0 and 1, a vector as a float32 array (n,).

        Raises:
            UsageError: there is no such split.
            DataError: a record is damaged.
            StorageError: a shard cannot be read.
        """
        from gan_pipeline.dataset.records import decode_example
        from gan_pipeline.dataset.shards import stored_records

        records = stored_records(self._folder, self._split(split))
        decoded = (decode_example(record, self.manifest.features) for record in records)
        return ({"id": example.id, **example.values} for example in decoded)

    def as_tf_dataset(self, split: str = "train", batch_size: int | None = None) -> "tf.data.Dataset":
        """The examples of a split as a `tf.data.Dataset`, in the order of the folder; shuffle, repeat and map it as usual.

        Args:
            split: the name of the split.
            batch_size: the number of examples of an element, the last one may have fewer; None for single examples.

        Returns:
            Elements that are dicts by feature name: images uint8 ([batch,] height, width, 1 or 3), labels int64 ([batch]),
            attributes int64 ([batch,] n), vectors float32 ([batch,] n). The ids are left out.

        Raises:
            UsageError: there is no such split, or the batch size is not positive. A record that turns out damaged
                later ends the iteration with an error of TensorFlow that quotes the DataError.
        """
        from gan_core.quiet import import_tensorflow

        if batch_size is not None and batch_size < 1:
            raise UsageError(f"batch_size={batch_size}: at least 1 example is needed for a batch")
        folder, shards, features = self._folder, self._split(split), self.manifest.features
        import_tensorflow()
        import tensorflow as tf

        from gan_pipeline.dataset.records import parse_batch
        from gan_pipeline.dataset.shards import stored_records

        serialised = tf.data.Dataset.from_generator(
            lambda: stored_records(folder, shards), output_signature=tf.TensorSpec((), tf.string)
        ).apply(tf.data.experimental.assert_cardinality(shards.examples))
        batches = serialised.batch(batch_size or _RECORDS_AT_ONCE).map(lambda batch: parse_batch(batch, features))
        return (batches if batch_size else batches.unbatch()).prefetch(tf.data.AUTOTUNE)

    def verify(self, deep: bool = False) -> list[str]:
        """Every fault of the folder, in the order of its shards; an empty list means that it is whole.

        Args:
            deep: also decode every image and check every number.

        Raises:
            DataError: the manifest is missing or damaged.
            StorageError: the folder cannot be read.
        """
        from gan_pipeline.dataset.verify import verify

        return verify(self._folder, deep)[1]

    def write_page(self, out: str | os.PathLike[str] | None = None, progress: bool = False) -> "WrittenPage":
        """Measure every example and write one HTML page about the dataset, as `gan-pipeline inspect --html` does.

        Args:
            out: a path or gs:// URI that ends in .html; None for NAME-inspect.html in the working folder.
            progress: whether to show on stderr how far it has come.

        Raises:
            UsageError: `out` is no name for a page.
            DataError: a record is damaged.
            StorageError: the folder cannot be read, or the page cannot be written.
        """
        from gan_pipeline.inspection.page_file import write_page

        with _messages(progress):
            return write_page(self._folder, None if out is None else os.fspath(out))

    @property
    def _folder(self) -> Folder:
        return open_folder(self.uri)

    def _split(self, name: str) -> "Split":
        if name not in self.manifest.splits:
            raise UsageError(f"{self.uri}: no split {name!r}; it has: {', '.join(self.manifest.splits)}")
        return self.manifest.splits[name]


@dataclass(frozen=True)
class Prepared(Dataset):
    """A dataset folder that `prepare` made, or found.

    Attributes:
        already_done: whether the folder was finished before, so that there was nothing to do.
    """

    already_done: bool


def open_dataset(uri: str | os.PathLike[str]) -> Dataset:
    """The finished dataset folder at a local path or a gs:// URI.

    Raises:
        DataError: the folder has no manifest, is finished only in part, or its manifest is damaged.
        StorageError: the folder cannot be read.
    """
    from gan_pipeline.dataset.manifest import read_manifest

    folder = open_folder(uri)
    return Dataset(folder.uri, read_manifest(folder))


def prepare(
    dataset: str,
    out: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] = "auto",
    split: str | Sequence[str] | None = None,
    classes: str | Sequence[str | int] | None = None,
    max_failure_rate: float | None = None,
    retry_failed: bool = False,
    strict: bool = False,
    workers: int = 1,
    runner: str | None = None,
    runner_options: Sequence[str] = (),
    metrics_port: int | None = None,
    metrics_file: str | None = None,
    progress: bool = False,
    **options: Unpack[PrepareOptions],
) -> Prepared:
    """Make a dataset folder, finish one that was left half-written, or find it finished: `gan-pipeline prepare`.

    Args:
        dataset: a name that `gan-pipeline list` shows, such as "mnist" or "images".
        out: the dataset folder, a local path or a gs:// URI; in it "{content}" stands for 12 hexadecimal digits that name the
            content of the source.
        source: a folder, an archive or a gs:// URI; "tfds", "sample" (10,000 digits in the package) or "auto".
        split: the splits to keep, as a sequence or with commas; None for the default of the dataset.
        classes: the classes to keep by number or name, as a sequence or with commas; None for all.
        max_failure_rate: the largest share of the inputs that may be unusable, from 0 to 1; None for 0.05.
        retry_failed: of a finished folder, whether to try again the inputs that storage or decoding refused.
        strict: whether what is understood in a way that is seldom meant is an error.
        workers: processes on this machine; 1 works in this process.
        runner: the name of another Beam runner.
        runner_options: what the runner takes, as on its command line.
        metrics_port: port at which Prometheus can read how far the work has come.
        metrics_file: file for its textfile collector.
        progress: whether to show on stderr how far the work has come.
        options: see `PrepareOptions`.

    Raises:
        UsageError: an option is wrong or unknown, or `out` holds something else, or what another content gave.
        TemplateOnlyError: the runner wrote a template of the job, as it was asked to, and no dataset.
        DataError: the source is damaged, or more of it than `max_failure_rate` is unusable.
        StorageError: the source cannot be read, or `out` cannot be written.
    """
    from gan_pipeline.dataset.catalogue import MAX_FAILURE_RATE, dataset_info

    dataset_info(dataset)
    from gan_pipeline.preparing.request import checked_options

    checked = checked_options(dataset, source, split, classes, options)
    rate = MAX_FAILURE_RATE if max_failure_rate is None else max_failure_rate
    if not 0 <= rate <= 1:
        raise UsageError(f"--max-failure-rate {rate}: not a share from 0 to 1")
    if not 1 <= workers <= MOST_WORKERS:
        raise UsageError(f"--workers {short_repr(workers)}: take 1 to {MOST_WORKERS:,} processes")
    if runner_options and runner is None:
        raise UsageError("runner_options are for another runner; name it with runner")
    from gan_pipeline.preparing.content_name import named_by_content
    from gan_pipeline.preparing.metrics import preparation_metrics
    from gan_pipeline.preparing.prepare import prepare_folder
    from gan_pipeline.preparing.runners import Execution

    with temporary_folder(), _messages(progress), preparation_metrics(metrics_port, metrics_file) as metrics:
        execution = Execution(workers, runner, tuple(runner_options))
        folder = named_by_content(os.fspath(out), checked)
        outcome = prepare_folder(folder, checked, execution, rate, retry_failed, strict, metrics)
    return Prepared(folder, outcome.manifest, outcome.already_done)


def _messages(progress: bool) -> AbstractContextManager[None]:
    return shown() if progress else nullcontext()
