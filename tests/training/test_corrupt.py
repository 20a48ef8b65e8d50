"""Shards that are not what the manifest says: the run ends and names them, or goes on without them."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core.errors import DataError
from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import Shard, Split, read_manifest, sealed, write_manifest
from gan_train.data.dataset import Dataset, open_dataset
from gan_train.data.reader import Reader
from gan_train.logs.metrics_log import Row
from gan_train.logs.metrics_writer import MetricsWriter
from gan_train.runs.layout import SKIPPED
from tests.support.commands import Ran
from tests.support.runs import SMALL, assert_same_checkpoint, gan_train, small_recipe

ALL = 300
FLIPPED, MISSING = "train-00001-of-00005.tfrecord", "train-00003-of-00005.tfrecord"


def flip_a_byte(shard: Path) -> None:
    content = bytearray(shard.read_bytes())
    content[700] ^= 1
    shard.write_bytes(content)


@contextmanager
def going_bad(shard: Path) -> Iterator[None]:
    """A run in this block finds it damaged after its first step."""
    add = MetricsWriter.write_row

    def add_and_damage(log: MetricsWriter, row: Row) -> None:
        add(log, row)
        if row["step"] == 1:
            flip_a_byte(shard)

    with mock.patch.object(MetricsWriter, "write_row", add_and_damage):
        yield


@pytest.fixture
def damaged(digits: Path, tmp_path: Path) -> Path:
    """The digits with two of five shards gone bad."""
    data = Path(shutil.copytree(digits, tmp_path / "data"))
    flip_a_byte(data / FLIPPED)
    (data / MISSING).unlink()
    return data


def train(data: Path, out: Path, *options: str) -> Ran:
    return gan_train("run", "mnist-gan", "--data", data, "-o", out, *SMALL, "--set", "checkpoint_every=2", *options)


def rows(run: Path) -> list[Row]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def skipped(run: Path) -> dict[str, int]:
    lines = [json.loads(line) for line in (run / SKIPPED).read_text().splitlines()]
    return {line["file"]: line["from_step"] for line in lines}


def warnings(ran: Ran) -> list[str]:
    return [line for line in ran.err.splitlines() if line.startswith("warning: ")]


def test_damaged_shards_are_left_out_and_a_resumed_run_stays_without_them(damaged: Path, digits: Path, tmp_path: Path) -> None:
    """Even when they are mended meanwhile: the order of the data must not change in the middle of a run."""
    out, whole = tmp_path / "run", tmp_path / "whole"
    assert train(damaged, out, "--steps", "4").code == 3
    assert not out.exists()
    ran = train(damaged, out, "--steps", "4", "--on-corrupt", "skip-shard")
    assert ran.code == 0, ran.err
    said = warnings(ran)
    assert len(said) == 3
    assert FLIPPED in said[0] and "sha256" in said[0] and MISSING in said[1] and "missing" in said[1] and "40.0%" in said[2]
    assert "40.0% of the data left out" in ran.err
    assert [row["input_skipped"] for row in rows(out)] == pytest.approx([0.4] * 4)
    assert skipped(out) == {FLIPPED: 0, MISSING: 0}
    assert train(damaged, whole, "--steps", "6", "--on-corrupt", "skip-shard").code == 0
    mended = train(digits, out, "--steps", "6")
    assert mended.code == 0, mended.err
    assert FLIPPED in mended.err and MISSING in mended.err
    assert_same_checkpoint(whole, out, 6)
    assert [row["input_skipped"] for row in rows(out)] == pytest.approx([0.4] * 6)


def test_a_plan_names_what_would_be_left_out(damaged: Path, tmp_path: Path) -> None:
    ran = train(damaged, tmp_path / "run", "--on-corrupt", "skip-shard", "--dry-run", "--json")
    assert json.loads(ran.out)["skipped_shards"] == [FLIPPED, MISSING]
    assert not (tmp_path / "run").exists()


def test_no_whole_shard_is_no_data(digits: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(digits, tmp_path / "data"))
    for shard in data.glob("*.tfrecord"):
        shard.unlink()
    ran = train(data, tmp_path / "run", "--on-corrupt", "skip-shard")
    assert ran.code == 3
    assert "no shard to read" in ran.err and "Traceback" not in ran.err
    assert not (tmp_path / "run").exists()


def test_a_shard_that_goes_bad_in_training_is_left_out_from_a_saved_step_on(digits: Path, tmp_path: Path) -> None:
    """The step reached is saved first, so a run killed at any moment after that ends at the same bits."""
    data, out = Path(shutil.copytree(digits, tmp_path / "data")), tmp_path / "run"
    # An epoch is 4.7 steps; what is read ahead is less than eight epochs.
    options = ("--set", "batch_size=128", "--set", "checkpoint_every=1000", "--steps", "40", "--keep", "last=1,every=1")
    with going_bad(data / FLIPPED):
        ran = train(data, out, *options, "--on-corrupt", "skip-shard")
    assert ran.code == 0, ran.err
    step = skipped(out)[FLIPPED]
    assert 1 <= step < 40
    assert [FLIPPED in line for line in warnings(ran)] == [True, False]
    assert [row["step"] for row in rows(out)] == list(range(1, 41))
    assert {row["step"] for row in rows(out) if "input_skipped" in row} == set(range(step + 1, 41))
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == [f"step-{step:08d}", "step-00000040"]
    resumed = Path(shutil.copytree(out, tmp_path / "resumed"))
    shutil.rmtree(resumed / "checkpoints" / "step-00000040")
    assert train(data, resumed, *options).code == 0
    assert_same_checkpoint(out, resumed, 40)


def test_a_shard_that_goes_bad_in_training_is_told_in_status_and_report(digits: Path, tmp_path: Path) -> None:
    """For who sees the run folder and not the terminal."""
    data, out = Path(shutil.copytree(digits, tmp_path / "data")), tmp_path / "run"
    with going_bad(data / FLIPPED):
        ran = train(data, out, "--set", "batch_size=128", "--steps", "40", "--set", "checkpoint_every=1")
    assert ran.code == 3 and FLIPPED in ran.err
    seen = gan_train("watch", out)
    assert seen.code == 3
    assert seen.out.splitlines()[0] == f"{out}: error, {ran.err.splitlines()[-1].removeprefix('error: ')}"
    assert FLIPPED in (out / "report.html").read_text()


def resealed(data: Path, change: Callable[[Shard], Shard]) -> None:
    """A manifest whose own checksums are right, over shards that were changed in it."""
    manifest = read_manifest(open_folder(data))
    shards = tuple(change(shard) for shard in manifest.splits["train"].shards)
    fields = {name: getattr(manifest, name) for name in ("name", "features", "counts", "options", "source", "packages")}
    write_manifest(open_folder(data), sealed(splits={"train": Split(shards=shards)}, **fields))


def test_a_manifest_that_miscounts_a_shard_is_caught(digits: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(digits, tmp_path / "data"))
    resealed(data, lambda shard: shard.model_copy(update={"examples": 61}) if shard.file == FLIPPED else shard)
    ran = train(data, tmp_path / "run", "--steps", "2")
    assert ran.code == 3
    assert f"{FLIPPED}: 60 records where the manifest says 61" in ran.err
    ran = train(data, tmp_path / "run", "--steps", "2", "--on-corrupt", "skip-shard")
    assert ran.code == 0, ran.err
    assert skipped(tmp_path / "run") == {FLIPPED: 0}
    assert rows(tmp_path / "run")[0]["input_skipped"] == pytest.approx(61 / 301)


@pytest.fixture(scope="module")
def dataset(digits: Path) -> Dataset:
    return open_dataset(str(digits), small_recipe("mnist-gan"))


@given(st.sets(st.integers(0, 4), max_size=4), st.integers(0, 700))
def test_what_is_left_is_one_order_whatever_position_it_is_read_from(dataset: Dataset, gone: set[int], position: int) -> None:
    """Every epoch holds each example of the other shards once, and no other."""
    files = [shard.file for shard in dataset.shards]
    fewer = dataset.without(files[number] for number in gone)
    assert fewer.skipped_share == pytest.approx(len(gone) / 5)
    records = Reader(fewer, seed=3).records
    epochs = list(islice(records(0), 2 * fewer.examples))
    kept = [
        record for number in range(5) if number not in gone for record in Reader(dataset, 0)._load_shard(dataset.shards[number])
    ]
    assert sorted(epochs[: fewer.examples]) == sorted(epochs[fewer.examples :]) == sorted(kept)
    assert list(islice(records(position), 20)) == list(islice(records(0), position, position + 20))


def test_without_all_of_its_shards_a_dataset_is_refused(dataset: Dataset) -> None:
    with pytest.raises(DataError, match="no shard to read"):
        dataset.without(shard.file for shard in dataset.shards)
