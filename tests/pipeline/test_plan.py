"""The plan: which id goes to which shard, in which order."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_pipeline.dataset.sharding import LEAST_SHARDS, SHARD_BYTES, plan_shards, shard_bounds, shard_count, shuffled

pytestmark = pytest.mark.quick

ids = st.lists(st.integers(0, 10**7), min_size=1, max_size=300, unique=True)
seeds = st.integers(0, 2**64)


@given(ids, st.integers(1, 40) | st.none(), st.integers(1, 400) | st.none(), seeds)
def test_shards_partition_the_ids(kept: list[int], asked: int | None, limit: int | None, seed: int) -> None:
    tasks = plan_shards({"train": kept, "test": kept[:1]}, 1000, asked, limit, seed, may_drop=False)
    train = [task for task in tasks if task.split == "train"]
    written = [number for task in train for number in task.ids]
    sizes = [len(task.ids) for task in train]
    assert written == shuffled(kept, "train", seed)[:limit]
    assert len(set(written)) == len(written) == min(len(kept), limit or len(kept))
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1
    assert len(train) == min(asked or LEAST_SHARDS, len(written))
    assert [task.file for task in train] == [f"train-{n:05d}-of-{len(train):05d}.tfrecord" for n in range(len(train))]
    assert [task.ids for task in tasks if task.split == "test"] == [tuple(kept[:1])]
    assert not any(task.reserve or task.keep for task in tasks)


@given(ids, st.integers(1, 40) | st.none(), st.integers(1, 400), seeds)
def test_what_the_limit_leaves_out_is_the_reserve_of_the_last_shard(
    kept: list[int], asked: int | None, limit: int, seed: int
) -> None:
    plain, tasks = (plan_shards({"train": kept}, 1000, asked, limit, seed, may_drop) for may_drop in (False, True))
    assert [task.ids for task in tasks] == [task.ids for task in plain]
    *others, last = tasks
    assert not any(task.reserve for task in others)
    assert list(last.reserve) == shuffled(kept, "train", seed)[limit:]
    topped_up = last.topped_up(7)
    assert (topped_up.ids, topped_up.keep, topped_up.reserve) == (last.ids + last.reserve, 7, ())
    assert topped_up.file == last.file


@given(ids, seeds, st.randoms(use_true_random=False))
def test_order_does_not_depend_on_the_order_given(kept: list[int], seed: int, chance: random.Random) -> None:
    other = chance.sample(kept, len(kept))
    assert shuffled(other, "train", seed) == shuffled(kept, "train", seed)


@given(ids, seeds, st.data())
def test_leaving_ids_out_keeps_the_order_of_the_rest(kept: list[int], seed: int, data: st.DataObject) -> None:
    some = set(data.draw(st.lists(st.sampled_from(kept))))
    assert shuffled(sorted(some), "train", seed) == [number for number in shuffled(kept, "train", seed) if number in some]


def test_order_differs_by_seed_and_split() -> None:
    orders = {tuple(shuffled(range(100), split, seed)) for split in ("train", "test") for seed in range(5)}
    assert len(orders) == 10


def test_order_never_changes_between_versions() -> None:
    # Datasets in the field rest on this: a change here needs a new manifest schema.
    assert shuffled(range(10), "train", 0) == [0, 3, 4, 9, 6, 5, 1, 7, 8, 2]


def test_large_data_gets_shards_of_the_aimed_size() -> None:
    count = shard_count(10_000_000, 1000, None)
    assert SHARD_BYTES * 0.9 < 10_000_000 * 1000 / count <= SHARD_BYTES


@given(st.integers(1, 10_000), st.data())
def test_bounds_cover_everything(examples: int, data: st.DataObject) -> None:
    bounds = shard_bounds(examples, data.draw(st.integers(1, examples)))
    assert bounds[0][0] == 0
    assert bounds[-1][1] == examples
    assert all(stop == start for (_, stop), (start, _) in itertools.pairwise(bounds))
