"""Preparing needs little memory, however large the data: what travels is small, what is held is one example."""

import tracemalloc
from pathlib import Path

from gan_pipeline.options import Options
from gan_pipeline.plan import ShardTask
from gan_pipeline.shard import write_shard
from gan_pipeline.sources.base import Source
from gan_pipeline.sources.resolve import resolve_source
from gan_pipeline.storage import open_folder

DIGITS = Options(dataset="mnist", source="sample", splits=("train",))


def peak(folder: Path, source: Source, count: int) -> int:
    """Bytes that writing one shard of `count` examples holds at most."""
    task = ShardTask("train", 0, 1, tuple(range(count)))
    tracemalloc.start()
    try:
        assert write_shard(open_folder(folder), task, source).shard.examples == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_shard_of_eight_times_the_examples_needs_the_same_memory(tmp_path: Path) -> None:
    source = resolve_source(DIGITS).open()
    # The first call also loads modules.
    peak(tmp_path, source, 10)
    small, large = peak(tmp_path, source, 1000), peak(tmp_path, source, 8000)
    assert large < 1.2 * small


def test_what_travels_to_a_worker_is_small() -> None:
    from apache_beam.internal import pickler

    from gan_pipeline.beam_job import WriteShard

    spec = resolve_source(DIGITS)
    write = WriteShard(spec, spec.open().signature, "gs://bucket/digits", 0.05, owner=None)
    assert len(pickler.dumps(write)) < 10_000
