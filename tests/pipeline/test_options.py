"""Each option of prepare changes its own part of a dataset and nothing else."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.support.datasets import examples, idx_files, labels_of, prepare, run_cli, sample_arrays, shards, tree, write_files
from tests.support.pictures import grid_pixels


def test_all_bytes_are_the_same_for_any_number_of_workers(digits: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "three", "--limit", "400", "--workers", "3")
    assert tree(tmp_path / "three") == tree(digits)


def test_the_folder_holds_what_is_promised(digits: Path) -> None:
    names = [f"train-{number:05d}-of-00008.tfrecord" for number in range(8)]
    described = ["dataset_info.json", "failures.jsonl", "features.json", "label.labels.txt", "manifest.json", "preview.png"]
    assert sorted(tree(digits)) == sorted(names + described)
    assert tree(digits)["failures.jsonl"] == b""


def test_the_preview_shows_the_first_examples(digits: Path) -> None:
    """Grey images are inverted, as in the grids of a run."""
    pixels = 255 - grid_pixels(digits / "preview.png")
    assert pixels.shape == (302, 302)
    first = [example.values["image"][..., 0] for example in examples(digits)[:100]]
    for number, image in enumerate(first):
        top, left = 2 + number // 10 * 30, 2 + number % 10 * 30
        np.testing.assert_array_equal(pixels[top : top + 28, left : left + 28], image)


@pytest.mark.parametrize(("classes", "kept"), [("8", {8}), ("3, 8,3", {3, 8})])
def test_only_the_classes_asked_for(tmp_path: Path, classes: str, kept: set[int]) -> None:
    manifest = prepare(tmp_path / "out", "--classes", classes)
    _, labels = sample_arrays()
    count = int(np.isin(labels, list(kept)).sum())
    written = Counter(labels_of(tmp_path / "out"))
    assert (set(written), written.total()) == (set(range(len(kept))), count)
    assert manifest.counts.model_dump() == {"read": 10000, "kept": count, "dropped": {"class not asked for": 10000 - count}}
    # The classes are numbered anew, so that a conditional recipe learns no class that never occurs.
    assert manifest.features["label"].class_names == tuple(map(str, sorted(kept)))


def test_there_are_974_eights(tmp_path: Path) -> None:
    plan = json.loads(
        run_cli("prepare", "mnist", "--source", "sample", "--classes", "8", "-o", tmp_path, "--dry-run", "--json").out
    )
    assert plan["examples"] == sum(shard["examples"] for shard in plan["shards"]) == 974


def test_classes_by_name(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", idx_files(200))
    for number, classes in enumerate(("Bag,ankle BOOT", "8,9", "9,bag")):
        ran = run_cli("prepare", "fashion_mnist", "--source", source, "--classes", classes, "-o", tmp_path / str(number))
        assert ran.code == 0, ran.err
    assert tree(tmp_path / "0") == tree(tmp_path / "1") == tree(tmp_path / "2")
    assert set(labels_of(tmp_path / "0")) == {0, 1}


def test_a_class_that_does_not_occur(tmp_path: Path) -> None:
    images, labels = idx_files(1).items()
    source = write_files(tmp_path / "in", dict([images, labels]))
    ran = run_cli("prepare", "mnist", "--source", source, "--classes", "0", "-o", tmp_path / "out")
    assert ran.code == 3
    assert "split train has no example of the classes asked for" in ran.err


def test_limit_keeps_the_front_of_the_order(digits: Path, tmp_path: Path) -> None:
    manifest = prepare(tmp_path / "out", "--limit", "37")
    assert [example.id for example in examples(tmp_path / "out")] == [example.id for example in examples(digits)][:37]
    assert manifest.counts.dropped == {"over the limit": 9963}


def test_limit_counts_after_the_classes(tmp_path: Path) -> None:
    manifest = prepare(tmp_path / "out", "--limit", "10", "--classes", "3")
    assert manifest.features["label"].class_names == ("3",)
    assert (set(labels_of(tmp_path / "out")), manifest.counts.kept) == ({0}, 10)


@pytest.mark.parametrize(("asked", "made"), [("1", 1), ("3", 3), ("50", 20)])
def test_shards_are_as_many_as_asked_but_never_empty(tmp_path: Path, asked: str, made: int) -> None:
    prepare(tmp_path / "out", "--limit", "20", "--shards", asked)
    prepare(tmp_path / "default", "--limit", "20")
    assert len(shards(tmp_path / "out")) == made
    assert b"".join(shards(tmp_path / "out").values()) == b"".join(shards(tmp_path / "default").values())


def test_seed_changes_the_order_only(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", idx_files())
    for seed in ("0", "1"):
        prepare(tmp_path / seed, "--seed", seed, source=source)
    orders = [[example.id for example in examples(tmp_path / seed)] for seed in ("0", "1")]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_png_equals_raw_pixel_for_pixel(digits: Path, digits_png: Path) -> None:
    raw, png = examples(digits), examples(digits_png)
    assert [(e.id, e.values["label"]) for e in png] == [(e.id, e.values["label"]) for e in raw]
    np.testing.assert_array_equal(*(np.stack([e.values["image"] for e in written]) for written in (png, raw)))
    assert sum(map(len, shards(digits_png).values())) < sum(map(len, shards(digits).values()))


def test_dry_run_tells_and_writes_nothing(tmp_path: Path) -> None:
    options = ("--limit", "100", "--shards", "3", "--dry-run", "-o", tmp_path / "out")
    arguments = ("prepare", "mnist", "--source", "sample", *options)
    text, document = run_cli(*arguments), run_cli(*arguments, "--json")
    assert (text.code, document.code, text.err, document.err) == (0, 0, "", "")
    assert "would write 100 of 10,000 examples from sample" in text.out
    assert json.loads(document.out)["shards"] == [
        {"file": f"train-{number:05d}-of-00003.tfrecord", "examples": size} for number, size in enumerate((33, 33, 34))
    ]
    assert not (tmp_path / "out").exists()


def test_json_answers_parse(tmp_path: Path) -> None:
    arguments = ("prepare", "mnist", "--source", "sample", "--limit", "20", "--json", "-o", tmp_path / "out")
    first, second = json.loads(run_cli(*arguments).out), json.loads(run_cli(*arguments).out)
    assert (first["already_done"], second["already_done"]) == (False, True)
    assert first["counts"]["kept"] == 20
    assert first["digest"] == second["digest"] == json.loads((tmp_path / "out" / "manifest.json").read_text())["digest"]
    assert "celeba" in json.loads(run_cli("list", "--json").out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prepare", "imagenet"], "unknown dataset 'imagenet'; choose one of: mnist, fashion_mnist"),
        (["prepare", "mnist", "--source", "sample", "--split", "test"], "--source sample holds one split, train"),
        (["prepare", "mnist", "--source", "sample", "--split", "train,test"], "--source sample holds one split, train"),
        (["prepare", "fashion_mnist", "--source", "sample"], "--source sample holds digits"),
        (["prepare", "mnist", "--split", "valid"], "--split 'valid' is unknown"),
        (["prepare", "mnist", "--split", ""], "--split '' is unknown"),
        (["prepare", "mnist", "--encoding", "jpeg"], "--encoding 'jpeg': must be 'raw' or 'png'"),
        (["prepare", "cifar10", "--faces", "none"], "--faces does not apply to cifar10; it is an option of celeba"),
        (
            ["prepare", "mnist", "--image-size", "32"],
            "--image-size does not apply to mnist; it is an option of celeba, images,",
        ),
        (["prepare", "images", "--swap"], "--swap does not apply to images; it is an option of pairs"),
        (["prepare", "pairs", "--resize", "fit"], "--resize does not apply to pairs; it is an option of images, unpaired"),
        (["prepare", "celeba", "--function", "sine"], "--function does not apply to celeba; it is an option of curve"),
        (["prepare", "pairs", "--classes", "cats"], "--classes does not apply to pairs; give --source the folder of the"),
        (["prepare", "celeba", "--margin", "0.2"], "--margin needs --box square: an exact box has none"),
        (
            ["prepare", "celeba", "--box", "square", "--margin", "-0.1"],
            "--margin -0.1: must be at least",
        ),
        (["prepare", "celeba", "--box", "square", "--margin", "nan"], "--margin nan: must be at most 2"),
        (["prepare", "celeba", "--box", "round"], "--box 'round': must be 'exact' or 'square'"),
        (["prepare", "celeba", "--faces", "yes"], "--faces 'yes': must be 'mtcnn', 'center' or 'none'"),
        (["prepare", "images", "--resize", "zoom"], "--resize 'zoom': must be 'crop', 'fit' or 'stretch'"),
        (
            ["prepare", "images", "--resampler", "cubic"],
            "--resampler 'cubic': must be 'nearest', 'bilinear', ",
        ),
        (["prepare", "images", "--image-size", "0"], "--image-size 0: must be at least 4"),
        (["prepare", "images", "--image-size", "5000"], "--image-size 5000: must be at most 4096"),
        (["prepare", "curve", "--function", "line"], "--function 'line': must be 'parabola', 'sine' or 'gaussian'"),
        (["prepare", "curve", "--source", "points.csv"], "--source does not apply to curve: its points are computed"),
        (["prepare", "curve", "--split", "test"], "--split 'test' is unknown; curve has: train"),
        (["prepare", "images", "--source", "sample"], "--source sample holds digits; images needs a folder"),
        (["prepare", "images", "--source", "tfds"], "--source tfds does not apply to images; give a folder, a zip, or a gs://"),
        (["prepare", "pairs"], "pairs: say where the images are with --source FOLDER, a zip, or gs://"),
        (["prepare", "unpaired", "--split", "train"], "--split 'train' is unknown; unpaired has: trainA, trainB, testA, testB"),
        (["prepare", "mnist", "--max-failure-rate", "1.5"], "--max-failure-rate"),
        (["prepare", "mnist", "--max-failure-rate", "nan"], "--max-failure-rate"),
        (["prepare", "mnist", "--classes", ""], "--classes names no class"),
        (["prepare", "mnist", "--classes", " , "], "--classes names no class"),
        (["prepare", "mnist", "--classes", "10"], "--classes '10' is not a class of this dataset"),
        (["prepare", "mnist", "--classes", "-1"], "--classes '-1' is not a class"),
        (["prepare", "fashion_mnist", "--classes", "Bag,Hat"], "--classes 'Hat' is not a class"),
        (["prepare", "mnist", "--limit", "0"], "--limit"),
        (["prepare", "mnist", "--limit", "many"], "--limit"),
        (["prepare", "mnist", "--shards", "0"], "--shards"),
        (["prepare", "mnist", "--workers", "0"], "--workers"),
        (["prepare", "mnist", "--seed", "-1"], "--seed"),
        (["prepare", "mnist", "--colour"], "--colour"),
        (["prepare", "mnist", "more"], "unexpected argument 'more'"),
        (["prepare", "mnist", "--source", "sample", "--runner", "Nope"], "--runner Nope: Unexpected pipeline runner"),
        (["prepare"], "dataset"),
    ],
)
def test_a_wrong_command_line_is_explained(tmp_path: Path, arguments: list[str], words: str) -> None:
    ran = run_cli(*arguments, "-o", tmp_path / "out")
    assert (ran.code, ran.out) == (2, "")
    assert words.lower() in ran.err.lower()
    assert not shards(tmp_path)


def test_a_folder_must_be_named() -> None:
    assert run_cli("prepare", "mnist").code == 2
    ran = run_cli("prepare", "mnist", "--source", "sample", "-o", "")
    assert (ran.code, "empty folder name" in ran.err) == (2, True)
