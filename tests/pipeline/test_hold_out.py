"""--hold-out: examples of the train split in a split of their own, which no trainer sees."""

import json
from pathlib import Path

import numpy as np
import pytest

from gan_pipeline.dataset.manifest import Manifest
from gan_pipeline.dataset.sharding import shuffled
from gan_pipeline.preparing.request import options_of
from tests.support.datasets import examples, failures, idx_files, labels_of, prepare, run_cli, shards, tree, write_files
from tests.support.image_files import encoded, noise, photograph, zipped
from tests.support.killable import die, finish, steps


def ids(out: Path, split: str) -> list[str]:
    return [example.id for example in examples(out, split)]


def sizes(manifest: Manifest) -> dict[str, int]:
    return {name: split.examples for name, split in manifest.splits.items()}


@pytest.fixture(scope="module")
def nine_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged digits, 1,000 of them held out."""
    out = tmp_path_factory.mktemp("hold-out") / "out"
    manifest = prepare(out, "--hold-out", "1000")
    assert sizes(manifest) == {"train": 9000, "held-out": 1000}
    assert manifest.counts.model_dump() == {"read": 10_000, "kept": 10_000, "dropped": {}}
    return out


def test_the_last_of_the_order_are_held_out(nine_thousand: Path) -> None:
    order = [f"train-{number:06d}" for number in shuffled(range(10_000), "train", 0)]
    assert ids(nine_thousand, "train") == order[:9000]
    assert sorted(ids(nine_thousand, "held-out")) == sorted(order[9000:])


def test_the_held_out_split_is_a_split_like_any_other(nine_thousand: Path) -> None:
    import tensorflow_datasets as tfds

    assert run_cli("verify", "--deep", nine_thousand).code == 0
    summary = json.loads(run_cli("inspect", nine_thousand, "--json").out)
    assert summary["options"]["hold_out"] == 1000
    assert (summary["splits"]["held-out"]["shards"], len(summary["splits"]["held-out"]["classes"])) == (8, 10)
    theirs = tfds.as_numpy(tfds.builder_from_directory(str(nine_thousand)).as_dataset(split="held-out"))
    ours = {example.id: example.values["image"] for example in examples(nine_thousand, "held-out")}
    read = {example["id"].decode(): example["image"] for example in theirs}
    assert read.keys() == ours.keys()
    assert all(np.array_equal(read[name], image) for name, image in ours.items())


def test_a_limit_bounds_what_is_left_and_holds_out_the_same(nine_thousand: Path, tmp_path: Path) -> None:
    manifest = prepare(tmp_path / "out", "--hold-out", "1000", "--limit", "400", "--workers", "2")
    assert sizes(manifest) == {"train": 400, "held-out": 1000}
    assert manifest.counts.dropped == {"over the limit": 8600}
    prepare(tmp_path / "plain", "--limit", "400")
    held_out = {name: content for name, content in shards(nine_thousand).items() if name.startswith("held-out")}
    assert shards(tmp_path / "out") == shards(tmp_path / "plain") | held_out


def test_unused_it_leaves_no_trace(digits: Path) -> None:
    # Runs in the field hold the digests of datasets that were made before there was the option.
    assert list(json.loads((digits / "manifest.json").read_text())["options"]) == [
        *("dataset", "source", "splits", "classes", "limit", "shards", "seed", "encoding", "image_size", "resize"),
        *("resampler", "faces", "box", "margin", "swap", "function"),
    ]


def test_seed_and_classes_choose_what_is_held_out(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", idx_files(200) | idx_files(20, prefix="t10k"))
    options = ("--hold-out", "9", "--classes", "3,8", "--split", "train,test")
    for seed in ("0", "1"):
        manifest = prepare(tmp_path / seed, *options, "--seed", seed, source=source)
        assert list(manifest.splits) == ["train", "test", "held-out"]
        assert set(labels_of(tmp_path / seed, "held-out")) <= {0, 1}
        assert not set(ids(tmp_path / seed, "train")) & set(ids(tmp_path / seed, "held-out"))
    first, second = (ids(tmp_path / seed, "held-out") for seed in ("0", "1"))
    assert len(first) == len(second) == 9
    assert set(first) != set(second)


def test_points_and_pairs_are_held_out_too(tmp_path: Path) -> None:
    points = prepare(tmp_path / "points", "--limit", "50", "--hold-out", "7", source="auto", dataset="curve")
    assert (sizes(points), points.counts.dropped) == ({"train": 50, "held-out": 7}, {})
    maps = {f"maps/train/{number}.png": encoded(noise(number, 8, 16)) for number in range(5)}
    source = write_files(tmp_path, {"maps.zip": zipped(maps)}) / "maps.zip"
    pairs = prepare(tmp_path / "pairs", "--image-size", "8", "--hold-out", "2", source=source, dataset="pairs")
    assert sizes(pairs) == {"train": 3, "held-out": 2}
    assert {*ids(tmp_path / "pairs", "train"), *ids(tmp_path / "pairs", "held-out")} == set(maps)


@pytest.fixture
def holed(tmp_path: Path) -> Path:
    """16 images; of those that --hold-out 5 sets aside two are broken, and of the others the first three."""
    names = [f"{number:02d}.jpg" for number in range(16)]
    order = shuffled(range(16), "train", 0)
    broken = {names[number]: b"" for number in order[:3] + order[-2:]}
    return write_files(tmp_path / "in", {name: photograph(number) for number, name in enumerate(names)} | broken)


HOLED = ("--image-size", "8", "--max-failure-rate", "1", "--shards", "2", "--hold-out", "5")


def test_unusable_ones_are_made_up_for_from_what_is_left_never_from_the_held_out(holed: Path, tmp_path: Path) -> None:
    manifest = prepare(tmp_path / "out", *HOLED, "--limit", "10", source=holed, dataset="images")
    assert sizes(manifest) == {"train": 8, "held-out": 3}
    assert manifest.counts.model_dump() == {"read": 16, "kept": 11, "dropped": {"empty file": 5}}
    assert sorted(failure["split"] for failure in failures(tmp_path / "out")) == ["held-out"] * 2 + ["train"] * 3


def test_mended_files_return_to_the_held_out_split(holed: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "out", *HOLED, source=holed, dataset="images")
    for failure in failures(tmp_path / "out"):
        (holed / failure["id"]).write_bytes(photograph(99))
    assert sizes(prepare(tmp_path / "out", *HOLED, "--retry-failed", source=holed, dataset="images")) == {
        "train": 11,
        "held-out": 5,
    }
    prepare(tmp_path / "fresh", *HOLED, source=holed, dataset="images")
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_a_killed_run_holds_out_the_same(holed: Path, tmp_path: Path) -> None:
    general = {"limit": 4, "hold_out": 5, "shards": 2}
    options = options_of("images", str(holed), None, None, general, {"image_size": 8})
    done = steps(tmp_path / "whole", options, tmp_path / "log")
    for step in range(1, len(done), len(done) // 6):
        die(tmp_path / str(step), options, step)
        finish(tmp_path / str(step), options)
        assert tree(tmp_path / str(step)) == tree(tmp_path / "whole"), f"after dying before step {step}, {done[step - 1]}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mnist", "--hold-out", "10000"], "--hold-out 10000: split train has 10,000 examples and at least one must be left"),
        (["mnist", "--hold-out", "974", "--classes", "8"], "split train has 974 examples of the classes asked for and at"),
        (["mnist", "--hold-out", "10000", "--dry-run"], "hold out fewer"),
        (["mnist", "--hold-out", "0"], "--hold-out"),
        (["mnist", "--hold-out", "1.5"], "--hold-out"),
        (["mnist", "--hold-out", "9", "--split", "test"], "--hold-out makes split held-out of examples of split train; name"),
        (["mnist", "--split", "held-out"], "--split 'held-out' is unknown"),
        (["unpaired", "--hold-out", "9"], "--hold-out does not apply to unpaired: it has no split train, only trainA, trainB,"),
    ],
)
def test_what_cannot_be_held_out_is_refused(tmp_path: Path, arguments: list[str], words: str) -> None:
    ran = run_cli("prepare", *arguments, "--source", "sample", "-o", tmp_path / "out")
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert not (tmp_path / "out").exists()
