"""Makes a dataset folder of raw images: plans the shards, writes them with Beam, and commits.

    prepare_folder("data/digits", options, Execution(), 0.05)

Killed at any moment and started again it continues and ends with the same bytes.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace

from gan_core.errors import DataError, StorageError, UsageError
from gan_core.notices import warn
from gan_core.storage import WORK, Folder, open_folder
from gan_pipeline.dataset.catalogue import CHOSEN_OUT
from gan_pipeline.dataset.failures import too_many
from gan_pipeline.dataset.manifest import MANIFEST, Manifest
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.dataset.suspicions import few_bits
from gan_pipeline.preparing.announce import announce, check_strictly
from gan_pipeline.preparing.beam_job import write_shards
from gan_pipeline.preparing.claim import check_finished, claim
from gan_pipeline.preparing.class_limits import replacements
from gan_pipeline.preparing.commit import Finished, commit
from gan_pipeline.preparing.metrics import PreparationMetrics
from gan_pipeline.preparing.planning import Plan, make_plan
from gan_pipeline.preparing.reopen import reopen
from gan_pipeline.preparing.runners import Execution, check_execution
from gan_pipeline.preparing.shard_progress import shard_progress
from gan_pipeline.preparing.shard_writer import ShardRecord, finished_shards, forget_shard, read_shard_record
from gan_pipeline.sources.files import FileSource
from gan_pipeline.sources.resolve import resolve_source


@dataclass(frozen=True)
class Outcome:
    """The manifest of a finished dataset, and whether it was finished before the call."""

    manifest: Manifest
    already_done: bool = field(default=False)


def prepare_folder(
    out: str,
    options: Options,
    execution: Execution,
    max_failure_rate: float,
    retry_failed: bool = False,
    strict: bool = False,
    metrics: PreparationMetrics | None = None,
) -> Outcome:
    """Make the dataset folder `out`, or finish it, or find it finished.

    Args:
        out: local folder or gs:// prefix.
        options: what to write.
        execution: how the work is run.
        max_failure_rate: the largest share of unusable inputs, 0 to 1.
        retry_failed: of a finished folder, try again the dropped inputs whose reason may have passed.
        strict: whether what is seldom meant is an error.
        metrics: is told how far the work has come; None if nobody asks.

    Raises:
        UsageError: `out` holds something else; the message names the difference.
        DataError, StorageError: the input is wrong, or the storage refused.
    """
    folder = open_folder(out)
    if retry_failed and options.dedupe:
        raise UsageError("--retry-failed does not apply with --dedupe: an image that can be read now may replace another one")
    if folder.exists(MANIFEST):
        manifest = check_finished(folder, options, compare_source=not retry_failed)
        if strict and manifest.understood:
            check_strictly(manifest.understood, options.source)
        plan = _plan(options, folder, execution) if retry_failed else None
        if not (plan and reopen(folder, manifest, plan)):
            folder.remove_all(f"{WORK}/")
            return Outcome(manifest, already_done=True)
    else:
        plan = _plan(options, folder, execution)
    announce(plan.understood, plan.source.notes)
    if strict:
        check_strictly(plan.understood, options.source)
    try:
        claim(folder, options, plan.source.fingerprint)
        finished = _write(folder, plan, max_failure_rate, execution, metrics)
        _check_failures(plan, finished, max_failure_rate)
        _warn_of_unused_bits(plan, finished)
        return Outcome(commit(folder, plan, finished))
    except (UsageError, DataError, StorageError):
        # Another run that was started beside this one may have finished the dataset and removed the work folder.
        if not folder.exists(MANIFEST):
            raise
        manifest = check_finished(folder, options)
        with suppress(StorageError):
            folder.remove_all(f"{WORK}/")
        return Outcome(manifest, already_done=True)


def _plan(options: Options, folder: Folder, execution: Execution) -> Plan:
    """The plan, once it is known that the runner can carry it out: opening a source may take long, or download it."""
    check_execution(execution, folder.uri, resolve_source(options, folder.uri))
    return make_plan(options, folder.uri)


def _check_failures(plan: Plan, finished: list[Finished], max_failure_rate: float) -> None:
    """Raise DataError if too large a share of the inputs is unusable, or all of a split."""
    whole = {plan.options.source: finished}
    splits = {
        f"{plan.options.source}, split {split}": [one for one in finished if one.task.split == split] for split in plan.splits
    }
    for where, part in (whole | splits).items():
        failures = [failure for one in part for failure in one.record.failures]
        unusable = [failure for failure in failures if failure.reason not in CHOSEN_OUT]
        read = sum(one.record.read for one in part)
        if len(failures) == read and not unusable:
            raise DataError(f"{where}: all {read:,} images are {failures[0].reason}; ask for less, or check --source")
        if len(failures) == read or (part is finished and len(unusable) > max_failure_rate * read):
            raise too_many(unusable, read, max_failure_rate, where)


def _warn_of_unused_bits(plan: Plan, finished: list[Finished]) -> None:
    """Warn if the images of 16 bits use few of their bits, unless this was said of those that were looked at first."""
    words = few_bits(max((one.record.used_bits for one in finished), default=0))
    if words and not (plan.understood.headers and few_bits(plan.understood.headers.used_bits)):
        warn(words)


def _write(
    folder: Folder, plan: Plan, max_failure_rate: float, execution: Execution, metrics: PreparationMetrics | None
) -> list[Finished]:
    """Write the missing shards. The last shard of a limited split gets further inputs in place of dropped ones."""

    def write(tasks: list[ShardTask]) -> dict[ShardTask, ShardRecord]:
        there = finished_shards(folder, tasks)
        pending = [task for task in tasks if task not in there]
        if pending:
            with shard_progress(folder, tasks, metrics):
                write_shards(pending, plan.spec, plan.source, folder.uri, max_failure_rate, execution)
        return {task: there.get(task) or _record_of(folder, task) for task in tasks}

    first = write([task for task in plan.tasks if not task.reserve])
    kept = Counter[str]()
    for task, record in first.items():
        kept[task.split] += record.shard.examples
    ends = [task for task in plan.tasks if task.reserve]
    if plan.options.limit_per_class is None:
        limit = plan.options.limit or 0
        last = write([task.topped_up(limit - kept[task.split]) for task in ends])
    else:
        _forget_longer(folder, ends)
        last = write([replace(task, reserve=()) for task in ends])
        finished = [Finished(task, record) for task, record in {**first, **last}.items()]
        longer = [longest for end in ends if (longest := _with_replacements(plan, end, finished))]
        for task in longer:
            forget_shard(folder, task)
        last |= write(longer)
    by_file = {task.file: Finished(task, record) for task, record in {**first, **last}.items()}
    return [by_file[task.file] for task in plan.tasks]


def _forget_longer(folder: Folder, ends: list[ShardTask]) -> None:
    """Let the last shards be written anew that an interrupted run wrote with replacements: which these are is found again."""
    for task in ends:
        record = read_shard_record(folder, task)
        if record and record.read != len(task.ids):
            forget_shard(folder, task)


def _with_replacements(plan: Plan, end: ShardTask, finished: list[Finished]) -> ShardTask | None:
    """The last shard of a split with further inputs of the classes that lack some; None if no class does."""
    assert isinstance(plan.source, FileSource) and plan.options.limit_per_class
    of_split = [one for one in finished if one.task.split == end.split]
    more = replacements(plan.source, of_split, end.reserve, plan.options.limit_per_class, plan.options.limit)
    return replace(end, ids=(*end.ids, *more), reserve=()) if more else None


def _record_of(folder: Folder, task: ShardTask) -> ShardRecord:
    record = read_shard_record(folder, task)
    if record is None:
        raise DataError(f"{folder.locate(task.file)}: the runner ended without writing it; run the same command again")
    return record
