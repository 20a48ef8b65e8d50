"""Reopens a finished dataset for inputs that were dropped for a reason that may have passed: `--retry-failed`."""

from collections import defaultdict

from gan_core.errors import UnusableInputError, UsageError
from gan_core.storage import WORK, Folder
from gan_pipeline.dataset.face_log import FACES, read_face_log
from gan_pipeline.dataset.failures import Failure, read_failures
from gan_pipeline.dataset.manifest import MANIFEST, Manifest
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.preparing.claim import begin
from gan_pipeline.preparing.planning import Plan
from gan_pipeline.preparing.shard_writer import ShardRecord, faces_name, files_read, write_shard_record
from gan_pipeline.sources.files import FileSource, content_fingerprint

PASSING_STAGES = ("storage", "decode")
"""A storage may answer again and a newer decoder may read more; a photograph without a face stays one until replaced."""


def reopen(folder: Folder, manifest: Manifest, plan: Plan) -> bool:
    """Turn a finished folder back into a half-written one that lacks the shards with inputs to try again.

    Nothing is touched unless at least one dropped input can be read now.

    Returns:
        Whether there is anything to write.

    Raises:
        UsageError: other inputs than the dropped ones changed too.
    """
    source = plan.source
    if not isinstance(source, FileSource):
        return False
    failures = read_failures(folder)
    _check_rest_unchanged(folder, manifest, source, failures)
    replaced = {failure.id for failure in failures if failure.checksum != source.checksums[failure.id]}
    may_pass = replaced | {failure.id for failure in failures if failure.stage in PASSING_STAGES}
    readable = {name for name in may_pass if _readable(source, name)}
    if not readable:
        return False
    retried = replaced | readable
    shards = {shard.file: shard for split in manifest.splits.values() for shard in split.shards}
    failures_of, faces_of = defaultdict(list), _face_lines(folder)
    # An earlier try that was killed may have left records of shards that are to be written again now.
    folder.remove_all(f"{WORK}/")
    for failure in failures:
        failures_of[failure.id].append(failure)
    for task in plan.tasks:
        names = [source.name(task.source_split, number) for number in task.ids]
        # The last shard of a limited split replaces the inputs that others drop, so it is written again whenever they are.
        if task.reserve or not retried.isdisjoint(names):
            continue
        dropped = [failure for name in names for failure in failures_of.get(name, ())]
        contents = source.contents_of(files_read(names, dropped))
        record = ShardRecord(shard=shards[task.file], read=len(task.ids), contents=contents, failures=tuple(dropped))
        _keep(folder, task, record, [faces_of[name] for name in names if name in faces_of])
    begin(folder, plan.options, source.fingerprint)
    folder.remove(MANIFEST)
    return True


def _readable(source: FileSource, name: str) -> bool:
    try:
        source.original(name)
    except UnusableInputError:
        return False
    return True


def _check_rest_unchanged(folder: Folder, manifest: Manifest, source: FileSource, failures: list[Failure]) -> None:
    """Raise UsageError if inputs other than the dropped ones have changed, by the fingerprint with the old dropped inputs."""
    as_before = source.checksums | {failure.id: failure.checksum for failure in failures}
    if as_before.keys() != source.checksums.keys() or content_fingerprint(as_before) != manifest.source.fingerprint:
        raise UsageError(
            f"{folder.uri}: other inputs than the dropped ones have changed since, or some are gone; "
            "prepare into a new folder with -o"
        )


def _face_lines(folder: Folder) -> dict[str, bytes]:
    """The lines of faces.jsonl by the id of their photograph; empty where no faces were looked for."""
    return {face.id: line for line, face in read_face_log(folder)} if folder.exists(FACES) else {}


def _keep(folder: Folder, task: ShardTask, record: ShardRecord, faces: list[bytes]) -> None:
    """Leave the shard of a task as it is, as if it had just been written."""
    if faces:
        folder.write(faces_name(task), b"".join(faces))
    write_shard_record(folder, task, record)
