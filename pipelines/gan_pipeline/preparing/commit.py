"""Writes the files that describe the shards of a dataset; the manifest comes last and is the commit."""

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version

from gan_core.errors import DataError
from gan_core.storage import WORK, Folder
from gan_core.text import printable
from gan_pipeline.dataset.face_log import FACES, FACES_REPORT, read_face_log
from gan_pipeline.dataset.failures import Failure, write_failures
from gan_pipeline.dataset.manifest import Counts, Manifest, SourceRecord, Split, sealed, write_manifest
from gan_pipeline.dataset.preview import PREVIEW, preview
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.dataset.tfds_metadata import write_tfds_metadata
from gan_pipeline.preparing.faces_report import faces_report
from gan_pipeline.preparing.planning import Plan
from gan_pipeline.preparing.shard_writer import ShardRecord, faces_name, files_read, forget_shard
from gan_pipeline.sources.files import FileSource

_PACKAGES = ("ganmill", "apache-beam", "mtcnn", "numpy", "pillow", "protobuf", "tensorflow", "tensorflow-datasets")


@dataclass(frozen=True)
class Finished:
    """A task and the record of its finished shard."""

    task: ShardTask
    record: ShardRecord


def commit(folder: Folder, plan: Plan, finished: list[Finished]) -> Manifest:
    """Commit a dataset whose shards are all written, given in plan order.

    Raises DataError, and commits nothing, if a source file has another content than when the plan was made.
    """
    _check_contents(folder, plan, finished)
    splits = {
        split: Split(shards=tuple(one.record.shard for one in finished if one.task.split == split)) for split in plan.splits
    }
    dropped = [*plan.duplicates, *(failure for one in finished for failure in one.record.failures)]
    failures = [_checksummed(failure, plan) for failure in dropped]
    write_failures(folder, failures)
    _write_faces(folder, plan, finished)
    name, features = plan.options.dataset, plan.source.features
    folder.write(PREVIEW, preview(folder, splits, features))
    write_tfds_metadata(folder, name, splits, features)
    manifest = sealed(
        name=name,
        splits=splits,
        features=features,
        counts=_counts(plan, finished, failures),
        options=plan.options,
        source=SourceRecord(kind=plan.spec.kind, fingerprint=plan.source.fingerprint),
        understood=plan.understood,
        packages={package: version(package) for package in _PACKAGES},
    )
    write_manifest(folder, manifest)
    folder.remove_all(f"{WORK}/")
    return manifest


def _check_contents(folder: Folder, plan: Plan, finished: list[Finished]) -> None:
    """Raise DataError unless every shard was written from the files whose fingerprint the manifest is to hold.

    Two things are compared: the content of each file that was read, on whatever machine, by its checksum; and the size and
    time of every file of the source, here and now. Only where those differ the file is read again, and its content decides.
    Shards of other contents are forgotten, so that the same command can go on once the files are back.
    """
    source = plan.source
    if not isinstance(source, FileSource):
        return
    stale = [one for one in finished if one.record.contents != _planned_contents(source, one)]
    for one in stale:
        forget_shard(folder, one.task)
    changed = source.changed()
    if not stale and not changed:
        return
    example = f"such as {changed[0]}" if changed else f"among those of {stale[0].task.file}, but are back now"
    count = f"{len(changed):,} " if changed else ""
    raise DataError(
        f"{plan.options.source}: {count}files changed while they were read, {printable(example)}; nothing was committed. "
        f"See that nobody writes there, remove {folder.uri}, and start the command again"
    )


def _planned_contents(source: FileSource, one: Finished) -> str:
    names = [source.name(one.task.source_split, number) for number in one.task.ids[: one.record.read]]
    return source.contents_of(files_read(names, one.record.failures))


def _checksummed(failure: Failure, plan: Plan) -> Failure:
    """The failure with the checksum of its input, by which `--retry-failed` sees whether the input was replaced since."""
    checksums = plan.source.checksums if isinstance(plan.source, FileSource) else {}
    return failure.model_copy(update={"checksum": checksums.get(failure.id, "")})


def _counts(plan: Plan, finished: list[Finished], failures: list[Failure]) -> Counts:
    read = sum(one.record.read for one in finished)
    over = plan.chosen - len(plan.duplicates) - read
    dropped = Counter({"class not asked for": plan.inputs - plan.chosen, "over the limit": over})
    dropped.update(failure.reason for failure in failures)
    kept = sum(one.record.shard.examples for one in finished)
    return Counts(read=plan.inputs, kept=kept, dropped={reason: n for reason, n in dropped.items() if n})


def _write_faces(folder: Folder, plan: Plan, finished: list[Finished]) -> None:
    """Write faces.jsonl and the report on it, if a face detector ran."""
    present = set(folder.names(f"{WORK}/"))
    lines = [folder.read(faces_name(one.task)) for one in finished if faces_name(one.task) in present]
    if lines and isinstance(plan.source, FileSource):
        content = b"".join(lines)
        folder.write(FACES, content)
        faces = [face for _, face in read_face_log(folder)]
        folder.write(FACES_REPORT, faces_report(plan.options, plan.source, faces).encode())
