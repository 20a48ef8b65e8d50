"""Raw images to a dataset folder: plan, write the shards with Beam, commit.

    prepare("data/digits", options, Execution())

Killed at any moment and started again it continues and ends with the same bytes.
"""

import itertools
import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version

import apache_beam as beam
import numpy as np
import psutil
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.runner import create_runner

from gan_pipeline.datasets import dataset_info
from gan_pipeline.errors import DataError, GanmillError, UsageError, mark, unmark
from gan_pipeline.grid import png, tile
from gan_pipeline.manifest import (
    MANIFEST,
    SCHEMA,
    Counts,
    Features,
    ImageFeature,
    LabelFeature,
    Manifest,
    Options,
    Shard,
    SourceRecord,
    Split,
    content_digest,
    dump_json,
    read_manifest,
    write_manifest,
)
from gan_pipeline.plan import ShardTask, plan_shards
from gan_pipeline.progress import shard_progress
from gan_pipeline.records import Encoding, decode_example, unframe
from gan_pipeline.shard import finished_shards, read_shard_record, write_shard
from gan_pipeline.sources.base import Source
from gan_pipeline.sources.resolve import SourceSpec, resolve_source
from gan_pipeline.storage import WORK, Folder, open_folder
from gan_pipeline.tfds_metadata import write_tfds_metadata

FAILURES, PREVIEW, PLAN = "failures.jsonl", "preview.png", f"{WORK}/plan.json"
PREVIEW_IMAGES = 100

_RECORD_OVERHEAD = 80
_PACKAGES = ("ganmill", "apache-beam", "numpy", "pillow", "protobuf", "tensorflow-datasets")


@dataclass(frozen=True)
class Execution:
    """How the work is run; nothing here changes what is written.

    Attributes:
        workers: processes on this machine; 1 runs inside this process.
        runner: name of another Beam runner, or None for the local one.
        runner_options: passed to Beam as they are.
    """

    workers: int = 1
    runner: str | None = None
    runner_options: tuple[str, ...] = ()

    @property
    def in_processes(self) -> bool:
        """Whether the work is done by other processes on this machine."""
        return self.runner is None and self.workers > 1


@dataclass(frozen=True)
class Plan:
    """All that is decided before the first byte is written."""

    options: Options
    source: SourceSpec
    fingerprint: str
    tasks: tuple[ShardTask, ...]
    counts: Counts

    @property
    def features(self) -> Features:
        """What the records of this plan hold."""
        info = dataset_info(self.options.dataset)
        image = ImageFeature(shape=info.shape, encoding=self.options.encoding)
        return Features(image=image, label=LabelFeature(class_names=info.class_names))


@dataclass(frozen=True)
class Outcome:
    """The dataset, and whether this call had anything to do."""

    manifest: Manifest
    already_done: bool = field(default=False)


def make_plan(options: Options) -> Plan:
    """Open the source, apply the filters and assign ids to shards. Nothing is written.

    Raises:
        DataError: the source is broken, or no example is left.
        UsageError, StorageError: as the source says.
    """
    info = dataset_info(options.dataset)
    spec = resolve_source(options.dataset, options.source, options.splits)
    source = spec.open()
    kept, read, dropped = {}, 0, Counter[str]()
    for split in options.splits:
        labels = source.labels(split)
        chosen = np.arange(len(labels)) if options.classes is None else np.flatnonzero(np.isin(labels, options.classes))
        if not chosen.size:
            raise DataError(f"{options.source}: split {split} has no example of the classes asked for")
        kept[split] = chosen.tolist()
        read += len(labels)
        dropped["class not asked for"] += len(labels) - len(chosen)
        dropped["over the limit"] += max(0, len(chosen) - (options.limit or len(chosen)))
    example_bytes = int(np.prod(info.shape)) + _RECORD_OVERHEAD
    tasks = plan_shards(kept, example_bytes, options.shards, options.limit, options.seed)
    counts = Counts(read=read, kept=sum(len(task.ids) for task in tasks), dropped={k: n for k, n in dropped.items() if n})
    return Plan(options, spec, source.fingerprint, tuple(tasks), counts)


def prepare(out: str, options: Options, execution: Execution) -> Outcome:
    """Make the dataset folder `out`, or finish it, or find it finished.

    Raises:
        UsageError: `out` holds something else; the message names the difference.
        DataError, StorageError: the input is wrong, or the storage refused.
    """
    folder = open_folder(out)
    if folder.exists(MANIFEST):
        manifest = _check_finished(folder, options)
        folder.remove_all(f"{WORK}/")
        return Outcome(manifest, already_done=True)
    plan = make_plan(options)
    _claim(folder, plan)
    pending = _pending_tasks(folder, plan)
    if pending:
        with shard_progress(folder, len(plan.tasks), plan.counts.kept):
            owner = os.getpid() if execution.in_processes else None
            _run_beam(WriteShard(plan.source, plan.fingerprint, folder.uri, options.encoding, owner), pending, execution)
    manifest = _commit(folder, plan)
    return Outcome(manifest)


class WriteShard(beam.DoFn):
    """One whole shard for each task. Opens the source once per worker; no image crosses a shuffle."""

    def __init__(self, source: SourceSpec, fingerprint: str, out: str, encoding: Encoding, owner: int | None) -> None:
        self._spec, self._fingerprint, self._out, self._encoding = source, fingerprint, out, encoding
        self._owner = owner
        self._source: Source | None = None

    def setup(self) -> None:
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
        if self._owner is not None:
            # Beam prints every error of a worker here and also hands it to the owner, who says it in one line.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            threading.Thread(target=_end_with, args=(self._owner,), daemon=True).start()

    def process(self, task: ShardTask) -> Iterator[str]:
        try:
            yield write_shard(open_folder(self._out), task, self._open_source(), self._encoding).file
        except GanmillError as error:
            raise RuntimeError(mark(error)) from None

    def _open_source(self) -> Source:
        if self._source is None:
            self._source = self._spec.open()
            if self._source.fingerprint != self._fingerprint:
                raise DataError(f"{self._spec.uri or self._spec.kind}: changed while it was read; start the command again")
        return self._source


def _end_with(owner: int) -> None:
    """End this worker when the process that started it is gone: an orphan would go on writing beside the next run."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(owner).wait()
    os._exit(1)


def _run_beam(write: WriteShard, tasks: list[ShardTask], execution: Execution) -> None:
    """tasks -> one ParDo that writes whole shards. What is committed is read from the folder, not from Beam."""
    arguments = list(execution.runner_options)
    if execution.in_processes:
        arguments += ["--direct_running_mode=multi_processing", f"--direct_num_workers={execution.workers}"]
    try:
        # DirectRunner would try to download a Go runner and run a failed pipeline twice.
        runner = create_runner(execution.runner) if execution.runner else FnApiRunner()
    except (ValueError, ImportError, AttributeError) as error:
        raise UsageError(f"--runner {execution.runner}: {error}") from error
    try:
        with _quiet_beam(), beam.Pipeline(runner=runner, options=PipelineOptions(arguments)) as pipeline:
            shards = pipeline | "Shards" >> beam.Create(tasks)
            _ = shards | "WriteShards" >> beam.ParDo(write)
    except Exception as error:
        # Runners wrap a worker's exception in types of their own; ours is marked in the text.
        raise unmark(str(error)) or error from None


@contextmanager
def _quiet_beam() -> Iterator[None]:
    """Beam logs every error, prints it, and its threads die of it; once more it is raised, and that is enough."""
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
    before, threading.excepthook = threading.excepthook, lambda died: None
    try:
        yield
    finally:
        threading.excepthook = before


def _claim(folder: Folder, plan: Plan) -> None:
    """Mark the folder as being prepared with these options, or check that it is so already."""
    claim = {"options": plan.options.model_dump(mode="json"), "fingerprint": plan.fingerprint}
    if folder.exists(PLAN):
        try:
            earlier = json.loads(folder.read(PLAN))
            options, fingerprint = Options.model_validate(earlier["options"]), earlier["fingerprint"]
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{folder.locate(PLAN)}: not a plan of this version; remove {folder.uri} and start again"
            ) from error
        _refuse_difference(folder, "was left half-written", options, plan.options, fingerprint == plan.fingerprint)
        return
    foreign = [name for name in folder.names() if not name.startswith(f"{WORK}/")]
    if foreign:
        raise UsageError(f"{folder.uri}: holds other files ({foreign[0]}); choose an empty or new folder with -o")
    folder.write(PLAN, dump_json(claim))


def _check_finished(folder: Folder, options: Options) -> Manifest:
    manifest = read_manifest(folder)
    same_content = manifest.options.source == options.source
    if not same_content:
        spec = resolve_source(options.dataset, options.source, options.splits)
        same_content = spec.open().fingerprint == manifest.source.fingerprint
    _refuse_difference(folder, "is finished", manifest.options, options, same_content)
    return manifest


def _refuse_difference(folder: Folder, state: str, earlier: Options, asked: Options, same_content: bool) -> None:
    """Raise UsageError naming the first option that differs; the same content from another place is the same."""
    # The source comes last: with other splits its content differs too, and that is not what the user changed.
    for name in sorted(Options.model_fields, key="source".__eq__):
        before, now = getattr(earlier, name), getattr(asked, name)
        if (name == "source" and not same_content) or (name != "source" and before != now):
            change = "whose content has changed since" if before == now else f"now asked for {name}={_show(now)}"
            raise UsageError(
                f"{folder.uri}: {state} with {name}={_show(before)}, {change}; "
                "choose another folder with -o, or use the earlier options"
            )


def _show(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _pending_tasks(folder: Folder, plan: Plan) -> list[ShardTask]:
    finished = finished_shards(folder, list(plan.tasks))
    return [task for task in plan.tasks if task not in finished]


def _commit(folder: Folder, plan: Plan) -> Manifest:
    """Write everything that describes the shards, the manifest last."""
    splits = _collect(folder, plan)
    name, features = plan.options.dataset, plan.features
    folder.write(FAILURES, b"")
    folder.write(PREVIEW, _preview(folder, splits, features))
    write_tfds_metadata(folder, name, splits, features)
    manifest = Manifest(
        schema_version=SCHEMA,
        name=name,
        splits=splits,
        features=features,
        counts=plan.counts,
        options=plan.options,
        source=SourceRecord(kind=plan.source.kind, fingerprint=plan.fingerprint),
        packages={package: version(package) for package in _PACKAGES},
        digest=content_digest(name, splits, features),
    )
    write_manifest(folder, manifest)
    folder.remove_all(f"{WORK}/")
    return manifest


def _collect(folder: Folder, plan: Plan) -> dict[str, Split]:
    shards: dict[str, list[Shard]] = {split: [] for split in plan.options.splits}
    for task in plan.tasks:
        shard = read_shard_record(folder, task)
        if shard is None:
            raise DataError(f"{folder.locate(task.file)}: the runner ended without writing it; run the same command again")
        shards[task.split].append(shard)
    return {split: Split(shards=tuple(content)) for split, content in shards.items()}


def _preview(folder: Folder, splits: Mapping[str, Split], features: Features) -> bytes:
    """A grid of the first images of the first split, as they lie in the shards."""
    first, image = next(iter(splits.values())), features.image
    # Lazy: a shard is read only while images are wanting.
    records = (record for shard in first.shards for record in unframe(folder.read(shard.file)))
    chosen = itertools.islice(records, PREVIEW_IMAGES)
    return png(tile(np.stack([decode_example(record, image.shape, image.encoding).image for record in chosen])))
