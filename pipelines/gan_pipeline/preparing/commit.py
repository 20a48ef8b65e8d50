"""Writes the files that describe the shards of a dataset; the manifest comes last and is the commit."""

import json
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version

from gan_core.storage import WORK, Folder
from gan_pipeline.dataset.face_log import FACES, FACES_REPORT
from gan_pipeline.dataset.failures import Failure, write_failures
from gan_pipeline.dataset.manifest import Counts, Manifest, SourceRecord, Split, sealed, write_manifest
from gan_pipeline.dataset.preview import PREVIEW, preview
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.dataset.tfds_metadata import write_tfds_metadata
from gan_pipeline.preparing.faces_report import faces_report
from gan_pipeline.preparing.planning import Plan
from gan_pipeline.preparing.shard_writer import ShardRecord, faces_name
from gan_pipeline.sources.files import FileSource

_PACKAGES = ("ganmill", "apache-beam", "mtcnn", "numpy", "pillow", "protobuf", "tensorflow", "tensorflow-datasets")


@dataclass(frozen=True)
class Finished:
    """A task and the record of its finished shard."""

    task: ShardTask
    record: ShardRecord


def commit(folder: Folder, plan: Plan, finished: list[Finished]) -> Manifest:
    """Commit a dataset whose shards, given in plan order, are all written."""
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
        faces = [json.loads(line) for line in content.splitlines()]
        folder.write(FACES_REPORT, faces_report(plan.options, plan.source, faces).encode())
