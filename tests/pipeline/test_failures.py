"""Inputs that cannot be used: how many are too many, and how a limit is filled all the same."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core.storage import open_folder
from gan_pipeline.dataset.failures import beyond_chance
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.options import Options
from gan_pipeline.preparing.request import options_of
from tests.support.datasets import examples, failures, prepare, run_cli, shards, tree, write_files
from tests.support.image_files import photograph
from tests.support.killable import die, finish, steps
from tests.support.strides import EVERY_FOURTH_OR_EACH

GOOD = {f"{number:02d}.jpg": photograph(number) for number in range(30)}


def broken(files: dict[str, bytes], count: int) -> dict[str, bytes]:
    """The files with that many of them emptied, in random places."""
    return files | dict.fromkeys(random.Random(count).sample(sorted(files), count), b"")


def arguments(source: Path, out: Path, *options: str) -> tuple[str, ...]:
    return ("prepare", "images", "--source", str(source), "--image-size", "8", "-o", str(out), *options)


def test_too_many_stop_and_a_higher_rate_goes_on(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", broken(GOOD, 9)), tmp_path / "out"
    ran = run_cli(*arguments(source, out))
    assert (ran.code, ran.out) == (3, "")
    assert f"error: {source}: 9 of 30 inputs are unusable, more than --max-failure-rate 0.05 allows (9 empty file; " in ran.err
    first = ran.err.split("the first is ")[1].split(",")[0]
    assert (source / first).read_bytes() == b""
    assert "check --source, or raise the rate" in ran.err
    assert not (out / "manifest.json").exists()

    written = {name: (out / name).stat().st_mtime_ns for name in shards(out)}
    ran = run_cli(*arguments(source, out, "--max-failure-rate", "0.3"))
    assert ran.code == 0, ran.err
    # The shards that were there are kept: the rate decides nothing that is written.
    assert {name: (out / name).stat().st_mtime_ns for name in shards(out)} == written
    prepare(tmp_path / "at-once", "--image-size", "8", "--max-failure-rate", "1", source=source, dataset="images")
    assert tree(out) == tree(tmp_path / "at-once")
    assert len(failures(out)) == 9


def test_rate_0_refuses_a_single_one(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", broken(GOOD, 1))
    ran = run_cli(*arguments(source, tmp_path / "out", "--max-failure-rate", "0"))
    assert (ran.code, "1 of 30 inputs are unusable, more than --max-failure-rate 0 allows" in ran.err) == (3, True)
    assert run_cli(*arguments(source, tmp_path / "out")).code == 0


@pytest.mark.parametrize(
    ("rate", "words"),
    [("0.05", "30 of 30 inputs are unusable, more than --max-failure-rate 0.05 allows"), ("1", "all 30 inputs are unusable")],
)
def test_nothing_usable_is_refused_at_any_rate(tmp_path: Path, rate: str, words: str) -> None:
    source = write_files(tmp_path / "in", broken(GOOD, 30))
    ran = run_cli(*arguments(source, tmp_path / "out", "--max-failure-rate", rate))
    assert (ran.code, f"{source}: {words} (30 empty file; the first is" in ran.err) == (3, True), ran.err


def test_a_split_with_nothing_usable_is_refused(tmp_path: Path) -> None:
    files = {f"train/{name}": b"" for name in GOOD} | {f"test/{name}": content for name, content in GOOD.items()}
    source = write_files(tmp_path / "in", files)
    ran = run_cli(*arguments(source, tmp_path / "out", "--split", "train,test", "--max-failure-rate", "1"))
    assert (ran.code, f"{source}, split train: all 30 inputs are unusable" in ran.err) == (3, True), ran.err


def test_a_source_that_is_surely_wrong_is_not_read_to_its_end(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {f"{number:03d}.jpg": b"" for number in range(200)})
    ran = run_cli(*arguments(source, tmp_path / "out", "--shards", "1"))
    assert (ran.code, f"{tmp_path}/out/train-00000-of-00001.tfrecord: 50 of 50 inputs are unusable" in ran.err) == (3, True)
    assert not shards(tmp_path / "out")


@given(st.integers(0, 10_000), st.floats(0, 1), st.data())
def test_a_share_that_is_allowed_is_never_beyond_chance(read: int, rate: float, data: st.DataObject) -> None:
    assert not beyond_chance(data.draw(st.integers(0, int(rate * read))), read, rate)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0, 1))
def test_more_failures_are_never_less_suspicious(failed: int, read: int, rate: float) -> None:
    if beyond_chance(failed, read, rate):
        assert beyond_chance(failed + 1, read, rate)
        assert read >= 50


@pytest.mark.parametrize("rate", [0, 0.01, 0.05, 0.3, 0.5])
def test_a_source_of_failures_alone_is_soon_known(rate: float) -> None:
    assert not beyond_chance(49, 49, rate)
    assert beyond_chance(50, 50, rate)


def test_chance_alone_does_not_stop_a_good_source() -> None:
    """100 sources, of which exactly the allowed share is broken: none is stopped at any point of 2,000 inputs."""
    for seed in range(100):
        chance, failed = random.Random(seed), 0
        for read in range(1, 2001):
            failed += chance.random() < 0.05
            assert not beyond_chance(failed, read, 0.05)


LIMITED = ("--max-failure-rate", "1", "--shards", "3", "--limit")


@pytest.fixture
def holed(tmp_path: Path) -> Path:
    """30 images, 10 of them broken."""
    return write_files(tmp_path / "in", broken(GOOD, 10))


@pytest.mark.parametrize(("limit", "kept"), [(1, 1), (9, 9), (15, 15), (20, 20), (25, 20), (30, 20), (100, 20)])
def test_a_limit_counts_what_is_kept(holed: Path, tmp_path: Path, limit: int, kept: int) -> None:
    prepare(tmp_path / "all", "--image-size", "8", "--max-failure-rate", "1", source=holed, dataset="images")
    manifest = prepare(tmp_path / "out", "--image-size", "8", *LIMITED, str(limit), source=holed, dataset="images")
    order = [example.id for example in examples(tmp_path / "all")]
    assert [example.id for example in examples(tmp_path / "out")] == order[:kept]
    assert manifest.counts.kept == kept
    assert len(failures(tmp_path / "out")) == manifest.counts.dropped.get("empty file", 0)
    assert manifest.counts.read == 30 == kept + sum(manifest.counts.dropped.values())
    # What was not needed was not read, and so cannot have failed.
    assert (kept < 20) == ("over the limit" in manifest.counts.dropped)


@pytest.mark.evidence
def test_a_limit_is_the_same_for_any_number_of_workers(holed: Path, tmp_path: Path) -> None:
    for workers in ("1", "2"):
        options = ("--image-size", "8", *LIMITED, "15", "--workers", workers)
        prepare(tmp_path / workers, *options, source=holed, dataset="images")
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_splits_have_limits_of_their_own(tmp_path: Path) -> None:
    files = {f"{part}/{name}": content for part in ("train", "test") for name, content in broken(GOOD, 10).items()}
    source = write_files(tmp_path / "in", files)
    options = ("--image-size", "8", "--split", "train,test", *LIMITED, "12")
    manifest = prepare(tmp_path / "out", *options, source=source, dataset="images")
    assert {name: split.examples for name, split in manifest.splits.items()} == {"train": 12, "test": 12}


def killed_everywhere(tmp_path: Path, options: Options, stride: int) -> None:
    """Die before every storage step in turn, or every `stride`-th; the same command must end as if nothing had happened."""
    done = steps(tmp_path / "whole", options, tmp_path / "log")
    whole = tree(tmp_path / "whole")
    assert read_manifest(open_folder(tmp_path / "whole")).counts.dropped["empty file"] > 0
    for step in range(1, len(done) + 1, stride):
        out = tmp_path / str(step)
        die(out, options, step)
        finish(out, options)
        assert tree(out) == whole, f"after dying before step {step}, {done[step - 1]}"


@EVERY_FOURTH_OR_EACH
def test_every_step_with_a_broken_file_is_a_safe_place_to_die(stride: int, tmp_path: Path) -> None:
    # With a limit the last shard is written in a second job, which depends on what the first one dropped.
    few = dict(list(GOOD.items())[:8])
    source = write_files(tmp_path / "in", broken(few, 3))
    killed_everywhere(
        tmp_path, options_of("images", str(source), None, None, {"limit": 5, "shards": 2}, {"image_size": 8}), stride
    )
