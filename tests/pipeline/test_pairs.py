"""Side-by-side pairs and unpaired domains: the halves, the folders, the lengths."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.datasets import examples, failures, images_of, prepare, run_cli, shards, tree, write_files
from tests.support.image_files import encoded, noise, zipped
from tests.support.pictures import grid_pixels

LEFT = {f"{number}.png": noise(number, 16, 16) for number in range(6)}
RIGHT = {f"{number}.png": noise(100 + number, 16, 16) for number in range(6)}
MAPS = {f"maps/train/{name}": encoded(np.hstack([LEFT[name], RIGHT[name]])) for name in LEFT}


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """Six pairs of 16x16 as maps.zip has them."""
    return write_files(tmp_path, {"maps.zip": zipped(MAPS | {"maps/val/9.png": encoded(noise(9, 16, 32))})}) / "maps.zip"


def assert_halves(out: Path, source: dict[str, np.ndarray], target: dict[str, np.ndarray]) -> None:
    for name, expected in (("source", source), ("target", target)):
        written = images_of(out, name=name)
        assert set(written) == set(MAPS)
        for path, image in written.items():
            np.testing.assert_array_equal(image, expected[Path(path).name])


def test_left_is_the_source_and_right_the_target(maps: Path, tmp_path: Path) -> None:
    manifest = prepare(tmp_path / "out", "--image-size", "16", source=maps, dataset="pairs")
    assert {name: feature.shape for name, feature in manifest.features.items()} == dict.fromkeys(
        ("source", "target"), (16, 16, 3)
    )
    assert_halves(tmp_path / "out", LEFT, RIGHT)
    assert run_cli("verify", "--deep", tmp_path / "out").code == 0
    assert "source uint8 16x16x3 stored as raw, target uint8 16x16x3" in run_cli("inspect", tmp_path / "out").out


def test_swap(maps: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "out", "--image-size", "16", "--swap", source=maps, dataset="pairs")
    assert_halves(tmp_path / "out", RIGHT, LEFT)
    ran = run_cli("prepare", "pairs", "--source", maps, "--image-size", "16", "-o", tmp_path / "out")
    assert (ran.code, "is finished with swap=True, now asked for swap=False" in ran.err) == (2, True)


def test_the_default_is_256(maps: Path, tmp_path: Path) -> None:
    manifest = prepare(tmp_path / "out", "--split", "train,validation", source=maps, dataset="pairs")
    assert manifest.image("source").shape == (256, 256, 3)
    assert {name: split.examples for name, split in manifest.splits.items()} == {"train": 6, "validation": 1}
    expected = Image.fromarray(LEFT["3.png"]).resize((256, 256), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(images_of(tmp_path / "out", name="source")["maps/train/3.png"], np.asarray(expected))


def test_a_trainer_of_single_images_says_what_it_misses(maps: Path, tmp_path: Path) -> None:
    manifest = prepare(tmp_path / "out", "--image-size", "16", source=maps, dataset="pairs")
    from gan_core.errors import UsageError

    with pytest.raises(UsageError, match="its records hold source, target, and no image 'image'"):
        manifest.image()


def test_an_odd_width_and_an_upright_image_are_dropped(tmp_path: Path) -> None:
    odd = {"odd.png": encoded(noise(1, 16, 33)), "upright.png": encoded(noise(2, 32, 16))}
    source = write_files(tmp_path / "in", {Path(name).name: content for name, content in MAPS.items()} | odd)
    options = ("--image-size", "16", "--max-failure-rate", "0.5")
    manifest = prepare(tmp_path / "out", *options, source=source, dataset="pairs")
    assert manifest.counts.dropped == {"odd width": 1, "not side by side": 1}
    logged = {line["id"]: (line["stage"], line["reason"], line["detail"]) for line in failures(tmp_path / "out")}
    assert logged["odd.png"] == ("pair", "odd width", "33x16 pixels")
    assert logged["upright.png"] == ("pair", "not side by side", "16x32 pixels")


def test_the_preview_shows_source_beside_target(maps: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "out", "--image-size", "16", source=maps, dataset="pairs")
    first = examples(tmp_path / "out")[0].values
    pixels = grid_pixels(tmp_path / "out" / "preview.png")
    np.testing.assert_array_equal(pixels[2:18, 2:34], np.hstack([np.asarray(first["source"]), np.asarray(first["target"])]))


def test_tfds_reads_pairs(maps: Path, tmp_path: Path) -> None:
    import tensorflow_datasets as tfds

    prepare(tmp_path / "out", "--image-size", "16", "--encoding", "png", source=maps, dataset="pairs")
    theirs = list(tfds.as_numpy(tfds.builder_from_directory(str(tmp_path / "out")).as_dataset(split="train")))
    assert len(theirs) == 6
    for one in theirs:
        name = Path(one["id"].decode()).name
        np.testing.assert_array_equal(one["source"], LEFT[name])
        np.testing.assert_array_equal(one["target"], RIGHT[name])


HORSES = {
    f"horse2zebra/{folder}/{number}.png": encoded(noise(number, 16, 16))
    for folder, numbers in {"trainA": range(5), "trainB": range(5, 12), "testA": range(12, 14), "testB": range(14, 15)}.items()
    for number in numbers
}
DOMAINS = {"trainA": 5, "trainB": 7, "testA": 2, "testB": 1}


def lengths(out: Path) -> dict[str, int]:
    from gan_core.storage import open_folder
    from gan_pipeline.dataset.manifest import read_manifest

    return {name: split.examples for name, split in read_manifest(open_folder(out)).splits.items()}


def test_horse2zebra_is_taken_as_it_is(tmp_path: Path) -> None:
    source = write_files(tmp_path, {"horse2zebra.zip": zipped(HORSES)}) / "horse2zebra.zip"
    small = ("--image-size", "16")
    prepare(tmp_path / "default", *small, source=source, dataset="unpaired")
    prepare(tmp_path / "all", *small, "--split", "testB,testA,trainB,trainA", source=source, dataset="unpaired")
    assert lengths(tmp_path / "default") == {"trainA": 5, "trainB": 7}
    assert lengths(tmp_path / "all") == DOMAINS
    assert shards(tmp_path / "default").items() < shards(tmp_path / "all").items()
    for split in DOMAINS:
        written = images_of(tmp_path / "all", split)
        assert set(written) == {name for name in HORSES if f"/{split}/" in name}
        for name, image in written.items():
            np.testing.assert_array_equal(image, noise(int(Path(name).stem), 16, 16))


def test_folders_a_and_b_are_the_training_domains(tmp_path: Path) -> None:
    files = {f"A/{n}.png": encoded(noise(n)) for n in range(2)} | {f"B/deep/{n}.png": encoded(noise(n)) for n in range(3)}
    source = write_files(tmp_path / "in", files)
    manifest = prepare(tmp_path / "out", source=source, dataset="unpaired")
    assert lengths(tmp_path / "out") == {"trainA": 2, "trainB": 3}
    assert (list(manifest.features), manifest.image().shape) == (["image"], (256, 256, 3))
    ran = run_cli("prepare", "unpaired", "--source", source, "--split", "testA", "-o", tmp_path / "test")
    assert (ran.code, f"{source}: no images for testA, found trainA, trainB; --source takes a folder with" in ran.err) == (
        3,
        True,
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["trainA/1.png"], "no images for trainB, found trainA; --source takes a folder with trainA and trainB"),
        (["1.png", "2.png"], "no images for trainA, found no such folder"),
        (["trainA/1.png", "trainB/1.png", "trainC/1.png"], "holds the split folder trainA and trainC beside it"),
        (["trainA/1.png", "trainB/notes.txt"], "no images for trainB"),
    ],
)
def test_a_missing_domain_is_named(tmp_path: Path, files: list[str], words: str) -> None:
    source = write_files(tmp_path / "in", dict.fromkeys(files, encoded(noise(0))))
    ran = run_cli("prepare", "unpaired", "--source", source, "-o", tmp_path / "out")
    assert (ran.code, words in ran.err) == (3, True), ran.err
    assert not (tmp_path / "out").exists()


def test_the_preview_shows_both_domains(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(out, "--image-size", "16", source=write_files(tmp_path / "in", HORSES), dataset="unpaired")
    pixels = grid_pixels(out / "preview.png")
    above, below = (np.asarray(examples(out, split)[0].values["image"]) for split in ("trainA", "trainB"))
    np.testing.assert_array_equal(pixels[2:18, 2:18], above)
    assert any(np.array_equal(pixels[top : top + 16, 2:18], below) for top in range(18, pixels.shape[0] - 16))


def test_a_limit_and_a_broken_file_in_one_domain(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", HORSES | {"horse2zebra/trainA/0.png": b""})
    for workers in ("1", "2"):
        options = ("--image-size", "16", "--limit", "4", "--max-failure-rate", "0.5", "--workers", workers)
        prepare(tmp_path / workers, *options, source=source, dataset="unpaired")
        assert lengths(tmp_path / workers) == {"trainA": 4, "trainB": 4}
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    summary = json.loads(run_cli("inspect", tmp_path / "1", "--json").out)
    assert summary["counts"]["read"] == 12
