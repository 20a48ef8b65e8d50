"""Preparing needs little memory, however large the data: what travels is small, what is held is one example."""

import tracemalloc
from pathlib import Path

import numpy as np
import psutil

from gan_core.storage import open_folder
from gan_pipeline.dataset.features import Encoding, ImageFeature
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.records import Example, ExampleEncoder
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.preparing.shard_writer import write_shard
from gan_pipeline.sources.base import Source
from gan_pipeline.sources.resolve import resolve_source

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


def test_the_encoder_holds_on_to_nothing() -> None:
    """Protobuf's own memory, which Python's tracing does not see."""
    features = {"image": ImageFeature(shape=(256, 256, 3), encoding=Encoding.RAW)}
    example = Example("face", {"image": np.zeros((256, 256, 3), np.uint8)})
    encoder, first = ExampleEncoder(features), ExampleEncoder(features).encode(example)
    before = psutil.Process().memory_info().rss
    written = 0
    while written < 200 << 20:
        record = encoder.encode(example)
        assert record == first
        written += len(record)
    assert psutil.Process().memory_info().rss - before < 20 << 20


def test_what_travels_to_a_worker_is_small() -> None:
    from apache_beam.internal import pickler

    from gan_pipeline.preparing.beam_job import WriteShard

    spec = resolve_source(DIGITS)
    write = WriteShard(spec, spec.open().signature, "gs://bucket/digits", 0.05, place=None)
    assert len(pickler.dumps(write)) < 10_000
