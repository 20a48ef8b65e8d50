"""Raw images to a dataset folder: plan, write the shards with Beam, commit.

    prepare("data/digits", options, Execution())

Killed at any moment and started again it continues and ends with the same bytes.
"""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np

from gan_pipeline.beam_job import Execution, write_shards
from gan_pipeline.claim import check_finished, claim
from gan_pipeline.datasets import dataset_info
from gan_pipeline.errors import DataError
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
    write_manifest,
)
from gan_pipeline.plan import ShardTask, plan_shards
from gan_pipeline.progress import shard_progress
from gan_pipeline.records import decode_example, unframe
from gan_pipeline.shard import finished_shards, read_shard_record
from gan_pipeline.sources.resolve import SourceSpec, resolve_source
from gan_pipeline.storage import WORK, Folder, open_folder
from gan_pipeline.tfds_metadata import write_tfds_metadata

FAILURES, PREVIEW = "failures.jsonl", "preview.png"
PREVIEW_IMAGES = 100

_RECORD_OVERHEAD = 80
_PACKAGES = ("ganmill", "apache-beam", "numpy", "pillow", "protobuf", "tensorflow-datasets")


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
        manifest = check_finished(folder, options)
        folder.remove_all(f"{WORK}/")
        return Outcome(manifest, already_done=True)
    plan = make_plan(options)
    claim(folder, options, plan.fingerprint)
    pending = _pending_tasks(folder, plan)
    if pending:
        with shard_progress(folder, len(plan.tasks), plan.counts.kept):
            write_shards(pending, plan.source, plan.fingerprint, folder.uri, options.encoding, execution)
    manifest = _commit(folder, plan)
    return Outcome(manifest)


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
