"""The order contract: a position decides the example, whoever reads it and wherever reading began."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core.errors import DataError
from gan_pipeline.dataset.manifest import Shard
from gan_train.data.dataset import Dataset, open_dataset
from gan_train.data.input import chunked_records
from gan_train.data.order import epoch_blocks, permutation
from gan_train.data.reader import Reader, first_examples
from gan_train.loop.schedule import call_lengths
from tests.support.runs import small_recipe

RECIPE = small_recipe("mnist-gan")


def shards(sizes: list[int]) -> list[Shard]:
    return [Shard(file=f"s-{n}.tfrecord", examples=size, bytes=100 * size, sha256="0" * 64) for n, size in enumerate(sizes)]


def dataset(folder: Path) -> Dataset:
    return open_dataset(str(folder), RECIPE)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(0, 3), st.integers(1, 4000))
def test_an_epoch_visits_every_shard_once_in_bounded_blocks(sizes: list[int], epoch: int, block_bytes: int) -> None:
    blocks = epoch_blocks(shards(sizes), "digest", 0, epoch, block_bytes)
    assert sorted(shard for block in blocks for shard in block.shards) == list(range(len(sizes)))
    assert [block.first for block in blocks] == np.cumsum([0, *(block.examples for block in blocks)])[:-1].tolist()
    assert sum(block.examples for block in blocks) == sum(sizes)
    for block in blocks:
        assert len(block.shards) == 1 or sum(100 * sizes[shard] for shard in block.shards) <= block_bytes
    assert len({block.key for block in blocks}) == len(blocks)


@given(st.text(max_size=20), st.integers(1, 300))
def test_permutation_is_one(key: str, count: int) -> None:
    assert sorted(permutation(key, count).tolist()) == list(range(count))


def test_permutation_never_changes() -> None:
    """Recorded on NumPy 2.4.6: a run resumed after an upgrade must read on in the same order."""
    assert permutation("recorded", 10).tolist() == [8, 3, 7, 1, 4, 0, 9, 5, 6, 2]


def test_digest_seed_and_epoch_change_the_order() -> None:
    orders = [
        tuple(permutation(epoch_blocks(shards([50]), digest, seed, epoch)[0].key, 50))
        for digest, seed, epoch in (("a", 0, 0), ("b", 0, 0), ("a", 1, 0), ("a", 0, 1))
    ]
    assert len(set(orders)) == 4


def test_every_epoch_reads_every_example_once_and_mixes_the_shards(digits: Path) -> None:
    data = dataset(digits)
    stream = list(islice(Reader(data, seed=0).records(0), 3 * data.examples))
    epochs = [stream[start : start + data.examples] for start in range(0, len(stream), data.examples)]
    assert len(set(epochs[0])) == data.examples
    assert set(epochs[0]) == set(epochs[1]) == set(epochs[2])
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("position", [0, 1, 59, 60, 299, 300, 301, 777])
def test_reading_from_any_position_continues_the_same_stream(digits: Path, position: int) -> None:
    data = dataset(digits)
    whole = list(islice(Reader(data, seed=5).records(0), position + 350))
    assert list(islice(Reader(data, seed=5).records(position), 350)) == whole[position:]


@pytest.mark.parametrize("batches", [1, 5])
def test_the_order_does_not_depend_on_the_number_of_replicas(digits: Path, batches: int) -> None:
    """Each global batch is the same list of examples, shared out in slices, for 1, 2 and 4 replicas and any chunking."""
    orders = []
    for replicas, lengths in ((1, [7]), (2, [3, 4]), (4, [1, 5, 1])):
        chunks = list(chunked_records(Reader(dataset(digits), 0).records(16), lengths, batches, 16, replicas, range(replicas)))
        assert len(chunks) == replicas * len(lengths)
        assert all(chunk.shape[1:] == (batches, 16 // replicas) for chunk in chunks)
        steps = [np.concatenate(chunks[n : n + replicas], axis=2) for n in range(0, len(chunks), replicas)]
        orders.append(np.concatenate(steps).ravel().tolist())
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize("workers", [2, 4])
def test_the_order_does_not_depend_on_the_number_of_workers(digits: Path, workers: int) -> None:
    """Each worker cuts its replicas' slices from the same stream; side by side they are what one worker cuts for all."""

    def cut(own: range) -> list[list[bytes]]:
        chunks = chunked_records(Reader(dataset(digits), 0).records(16), [3, 4], 2, 16, 4, own)
        return [chunk.ravel().tolist() for chunk in chunks]

    count = 4 // workers
    alone = [cut(range(worker * count, (worker + 1) * count)) for worker in range(workers)]
    together = [chunk for length in (0, 1) for own in alone for chunk in own[length * count : (length + 1) * count]]
    assert together == cut(range(4))


def test_first_examples_are_those_the_trainer_meets_first(digits: Path) -> None:
    data = dataset(digits)
    assert first_examples(data, 0, 9)["image"].shape == (9, 28, 28, 1)
    assert first_examples(data, 0, 5000)["image"].shape == (300, 28, 28, 1)
    assert not np.array_equal(first_examples(data, 0, 9)["image"], first_examples(data, 1, 9)["image"])


def test_a_shard_that_changes_while_training_ends_the_stream_with_its_name(digits: Path, tmp_path: Path) -> None:
    copy = tmp_path / "digits"
    copy.mkdir()
    for file in digits.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    reader = Reader(dataset(copy), seed=0)
    stream = reader.records(0)
    next(stream)
    shard = copy / "train-00003-of-00005.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DataError, match=shard.name):
        list(islice(stream, 1000))
    assert shard.name in str(reader.failure)


@given(st.integers(0, 99), st.integers(1, 40), st.integers(1, 30), st.integers(1, 30))
def test_calls_reach_every_due_step_and_the_end(start: int, per_call: int, snapshot: int, checkpoint: int) -> None:
    overrides = [f"steps_per_call={per_call}", f"snapshot_every={snapshot}", f"checkpoint_every={checkpoint}", "steps=100"]
    ends = (start + np.cumsum(list(call_lengths(start, small_recipe("mnist-gan", *overrides))))).tolist()
    assert ends[-1] == 100
    assert max(np.diff([start, *ends])) <= per_call
    due = {step for step in range(start + 1, 101) if step % snapshot == 0 or step % checkpoint == 0}
    assert due <= set(ends)


def test_a_split_that_is_not_there_names_the_option_that_makes_it(digits: Path) -> None:
    for split, option in (("test", "--split test"), ("held-out", "--hold-out N")):
        with pytest.raises(DataError, match=f"no split '{split}', it has train; prepare it with {option}"):
            open_dataset(str(digits), RECIPE, split)
