"""The images dataset: every layout of folders, wherever they lie, and every broken file among good ones."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.records import unframe
from tests.support.datasets import (
    examples,
    failures,
    images_of,
    labels_of,
    prepare,
    run_cli,
    shards,
    tree,
    write_files,
)
from tests.support.image_files import BROKEN, encoded, noise, photograph, zipped

SMALL = ("--image-size", "8")
SUFFIXES = ".jpg, .jpeg, .jpe, .jfif, .png, .apng, .webp, .bmp, .gif, .tif, .tiff, .avif, .pgm, .ppm, .pbm, .pnm"
CLASSES = {
    f"{title}/{number}.png": encoded(noise(10 * at + number))
    for at, title in enumerate(("cats", "dogs"))
    for number in range(5)
}
PARTS = {
    f"{part}/{title}/{number}.png": encoded(noise(number))
    for part, numbers in {"train": range(6), "val": range(6, 9), "test": range(9, 11)}.items()
    for number in numbers
    for title in ("cats" if number % 2 else "dogs",)
}
PLAIN = {f"{number}.jpg": photograph(number) for number in range(12)}


def records_by_id(out: Path, split: str = "train") -> dict[str, bytes]:
    """The stored record of every example."""
    stored = (
        record
        for shard in read_manifest(open_folder(out)).splits[split].shards
        for record in unframe((out / shard.file).read_bytes())
    )
    return dict(zip((example.id for example in examples(out, split)), stored, strict=True))


def test_class_folders_become_labels(tmp_path: Path) -> None:
    # A file of the same name in another folder is another image, and deeper folders belong to the class.
    files = CLASSES | {"dogs/small/0.png": encoded(noise(77)), "birds/0.PNG": encoded(noise(78))}
    manifest = prepare(tmp_path / "out", *SMALL, source=write_files(tmp_path / "in", files), dataset="images")
    assert manifest.features["label"].class_names == ("birds", "cats", "dogs")
    written = {example.id: example.values["label"] for example in examples(tmp_path / "out")}
    assert written == {name: ("birds", "cats", "dogs").index(name.split("/")[0]) for name in files}
    summary = json.loads(run_cli("inspect", tmp_path / "out", "--json").out)
    assert summary["splits"]["train"]["classes"] == {"birds": 1, "cats": 5, "dogs": 6}


def test_without_folders_there_are_no_labels(tmp_path: Path) -> None:
    manifest = prepare(tmp_path / "out", *SMALL, source=write_files(tmp_path / "in", PLAIN), dataset="images")
    assert list(manifest.features) == ["image"]
    assert set(images_of(tmp_path / "out")) == set(PLAIN)
    assert (run_cli("verify", "--deep", tmp_path / "out").code, run_cli("inspect", tmp_path / "out").code) == (0, 0)


def test_split_folders(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", PARTS)
    everything = ("--split", "test,validation,train")
    manifest = prepare(tmp_path / "out", *SMALL, *everything, source=source, dataset="images")
    assert {name: split.examples for name, split in manifest.splits.items()} == {"train": 6, "validation": 3, "test": 2}
    assert sorted(images_of(tmp_path / "out", "validation")) == ["val/cats/7.png", "val/dogs/6.png", "val/dogs/8.png"]
    assert labels_of(tmp_path / "out", "test") == [1 if "/dogs/" in name else 0 for name in images_of(tmp_path / "out", "test")]
    # One split alone is the same split, and its classes keep their numbers.
    prepare(tmp_path / "train", *SMALL, source=source, dataset="images")
    assert shards(tmp_path / "train").items() <= shards(tmp_path / "out").items()
    assert set(images_of(tmp_path / "train")) == {name for name in PARTS if name.startswith("train/")}


def test_a_folder_of_one_split_alone(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {name: content for name, content in PARTS.items() if name.startswith("test/")})
    manifest = prepare(tmp_path / "out", *SMALL, "--split", "test", source=source, dataset="images")
    assert (manifest.features["label"].class_names, manifest.counts.kept) == (("cats", "dogs"), 2)
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "train")
    assert (ran.code, "no split 'train' in this source; it has: test" in ran.err) == (2, True)


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", PLAIN)
    ran = run_cli("prepare", "images", "--source", source, "--split", "test", "-o", tmp_path / "out")
    assert (ran.code, "no split 'test' in this source; it has: train" in ran.err) == (2, True)


@pytest.mark.parametrize("files", [CLASSES, PARTS, PLAIN], ids=["classes", "parts", "plain"])
def test_folder_zip_and_bucket_are_the_same(bucket: str, tmp_path: Path, files: dict[str, bytes]) -> None:
    folder = write_files(tmp_path / "in", files)
    packed = write_files(tmp_path, {"in.zip": zipped(files)}) / "in.zip"
    cloud = open_folder(f"{bucket}/images-{len(files)}")
    for name, content in files.items():
        cloud.write(name, content)
    open_folder(f"{bucket}/packed-{len(files)}").write("in.zip", packed.read_bytes())
    sources = [folder, packed, cloud.uri, f"{bucket}/packed-{len(files)}/in.zip"]
    made = [prepare(tmp_path / str(n), *SMALL, source=source, dataset="images") for n, source in enumerate(sources)]
    assert all(shards(tmp_path / str(n)) == shards(tmp_path / "0") for n in range(1, 4))
    assert len({manifest.digest for manifest in made}) == 1
    # Where a zip lies makes no difference, nor whether it was unpacked.
    assert made[0].source.fingerprint == made[1].source.fingerprint == made[3].source.fingerprint
    ran = run_cli("prepare", "images", "--source", packed, *SMALL, "-o", tmp_path / "0")
    assert (ran.code, ran.out.startswith("already done")) == (0, True), ran.err


def test_folders_that_all_images_share_are_skipped(tmp_path: Path) -> None:
    wrapped = {f"photos/2024/{name}": content for name, content in PARTS.items()}
    source = write_files(tmp_path, {"in.zip": zipped(wrapped)}) / "in.zip"
    manifest = prepare(tmp_path / "out", *SMALL, "--split", "train,test", source=source, dataset="images")
    assert manifest.features["label"].class_names == ("cats", "dogs")
    assert {name: split.examples for name, split in manifest.splits.items()} == {"train": 6, "test": 2}


def test_what_is_no_image_is_noted(tmp_path: Path) -> None:
    others = {
        "cats/notes.txt": b"mine",
        "Thumbs.db": b"x",
        "__MACOSX/cats/0.png": b"x",
        "cats/._0.png": b"x",
        "cats/sound": b"RIFF",
    }
    source = write_files(tmp_path / "in", CLASSES | others)
    ran = run_cli("prepare", "images", "--source", source, *SMALL, "-o", tmp_path / "out")
    assert (ran.code, len(examples(tmp_path / "out"))) == (0, len(CLASSES))
    assert "note: 2 files are not images and were left out (1 .txt, 1 no ending), such as cats/notes.txt\n" in ran.err
    assert failures(tmp_path / "out") == []
    plan = json.loads(run_cli("prepare", "images", "--source", source, "-o", "x", "--dry-run", "--json").out)
    assert plan["notes"] == ["2 files are not images and were left out (1 .txt, 1 no ending), such as cats/notes.txt"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({**CLASSES, "loose.png": b""}, "loose.png lies beside the class folders cats, dogs; put every image into a class"),
        ({**PARTS, "extra/1.png": b""}, "holds the split folder test and extra beside it; keep only train, val,"),
        ({**PARTS, "1.png": b""}, "holds the split folder test and the image 1.png beside it"),
        (
            {"notes.txt": b"mine", "b.mp4": b""},
            f"no images ({SUFFIXES}) here, it holds 2 other files, such as",
        ),
        ({}, f"no images ({SUFFIXES}) here, it is empty; check --source"),
    ],
)
def test_a_layout_nobody_can_mean_is_refused(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    source = write_files(tmp_path / "in", files)
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out")
    assert (ran.code, f"{source}: {words}" in ran.err) == (3, True), ran.err
    assert not (tmp_path / "out").exists()


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    ran = run_cli("prepare", "images", "--source", tmp_path / "absent", "-o", tmp_path / "out")
    assert (ran.code, f"{tmp_path}/absent: not found" in ran.err) == (5, True)


WIDE, SQUARE = noise(3, 20, 30), noise(4, 20, 20)


def scaled_and_cut(resampler: Image.Resampling) -> np.ndarray:
    """WIDE at the height asked for, 18x12, and of that the middle."""
    return np.asarray(Image.fromarray(WIDE).resize((18, 12), resampler))[:, 3:15]


def framed() -> np.ndarray:
    """WIDE between black bars: 30x20 becomes 12x8, two rows above and below."""
    whole = np.zeros((12, 12, 3), np.uint8)
    whole[2:10] = np.asarray(Image.fromarray(WIDE).resize((12, 8), Image.Resampling.LANCZOS))
    return whole


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], scaled_and_cut(Image.Resampling.LANCZOS)),
        (["--resize", "crop"], scaled_and_cut(Image.Resampling.LANCZOS)),
        (["--resize", "stretch"], Image.fromarray(WIDE).resize((12, 12), Image.Resampling.LANCZOS)),
        (["--resize", "fit"], framed()),
        (["--resampler", "nearest"], scaled_and_cut(Image.Resampling.NEAREST)),
        (["--resampler", "box"], scaled_and_cut(Image.Resampling.BOX)),
    ],
)
def test_each_rule_gives_the_pixels_pillow_gives(
    tmp_path: Path, options: list[str], expected: Image.Image | np.ndarray
) -> None:
    source = write_files(tmp_path / "in", {"wide.png": encoded(WIDE), "square.png": encoded(SQUARE)})
    prepare(tmp_path / "out", "--image-size", "12", *options, source=source, dataset="images")
    np.testing.assert_array_equal(images_of(tmp_path / "out")["wide.png"], np.asarray(expected))


def test_an_image_of_the_size_asked_for_is_untouched(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"square.png": encoded(SQUARE)})
    for encoding in ("raw", "png"):
        out = tmp_path / encoding
        prepare(out, "--image-size", "20", "--encoding", encoding, source=source, dataset="images")
        np.testing.assert_array_equal(images_of(out)["square.png"], SQUARE)


def test_every_format_comes_upright_and_in_colour(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned clockwise by whoever shows it.
    turned = encoded(np.rot90(SQUARE), "PNG", exif=exif)
    cmyk = Image.fromarray(SQUARE).convert("CMYK")
    grey = encoded(SQUARE[..., 0])
    files = {"a.bmp": encoded(SQUARE, "BMP"), "b.webp": encoded(SQUARE, "WEBP", lossless=True), "c.png": turned, "d.jpg": grey}
    source = write_files(tmp_path / "in", files)
    cmyk.save(source / "e.JPEG", quality=100)
    prepare(tmp_path / "out", "--image-size", "20", source=source, dataset="images")
    images = images_of(tmp_path / "out")
    for name in ("a.bmp", "b.webp", "c.png"):
        np.testing.assert_array_equal(images[name], SQUARE, err_msg=name)
    # What the content is counts, whatever the name says.
    np.testing.assert_array_equal(images["d.jpg"], np.repeat(SQUARE[..., :1], 3, axis=2))
    assert images["e.JPEG"].shape == (20, 20, 3)


def test_broken_files_are_dropped_logged_and_counted_and_change_nothing_else(tmp_path: Path) -> None:
    good = {f"{number:02d}.jpg": photograph(number) for number in range(24)}
    alone, mixed = tmp_path / "alone", tmp_path / "mixed"
    prepare(alone, *SMALL, source=write_files(tmp_path / "good", good), dataset="images")
    source = write_files(tmp_path / "in", good | {name: content for name, (content, _) in BROKEN.items()})
    (source / "nowhere.png").symlink_to(tmp_path / "absent.png")
    ran = run_cli("prepare", "images", "--source", source, *SMALL, "--max-failure-rate", "0.5", "-o", mixed)
    assert ran.code == 0, ran.err

    reasons = {name: ("decode", reason) for name, (_, reason) in BROKEN.items()} | {"nowhere.png": ("storage", "not readable")}
    logged = failures(mixed)
    assert {line["id"]: (line["stage"], line["reason"]) for line in logged} == reasons
    assert len(logged) == len(reasons)
    assert {line["split"] for line in logged} == {"train"}
    by_id = {line["id"]: line for line in logged}
    assert by_id["huge.png"]["detail"] == "20000x20000 pixels, at most 100,000,000 are read"
    assert by_id["floats.tif"]["detail"] == "32-bit floating point pixels"
    assert all(line["checksum"] for line in logged)

    counts = read_manifest(open_folder(mixed)).counts
    assert (counts.read, counts.kept) == (24 + len(reasons), 24)
    assert counts.dropped == Counter(reason for _, reason in reasons.values())
    assert f"dropped {len(reasons)} inputs (" in ran.out
    assert f"see {mixed}/failures.jsonl" in ran.out
    assert records_by_id(mixed) == records_by_id(alone)
    assert run_cli("verify", "--deep", mixed).code == 0


def test_the_order_of_what_is_left_is_the_order_without_the_broken(tmp_path: Path) -> None:
    """A broken file keeps its place in the plan: mending it later moves no other example."""
    good = {f"{number:02d}.jpg": photograph(number) for number in range(24)}
    holed = good | dict.fromkeys(("03.jpg", "11.jpg"), b"")
    for name, files in {"whole": good, "holed": holed}.items():
        source = write_files(tmp_path / f"{name}-in", files)
        prepare(tmp_path / name, *SMALL, "--max-failure-rate", "0.5", source=source, dataset="images")
    whole = [example.id for example in examples(tmp_path / "whole")]
    assert [example.id for example in examples(tmp_path / "holed")] == [name for name in whole if holed[name]]


def test_workers_change_nothing(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", PLAIN | {name: content for name, (content, _) in BROKEN.items()})
    for workers in ("1", "2"):
        options = (*SMALL, "--max-failure-rate", "0.5", "--workers", workers)
        prepare(tmp_path / workers, *options, source=source, dataset="images")
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    assert len(failures(tmp_path / "1")) == len(BROKEN)


def test_tfds_reads_images_with_and_without_labels(tmp_path: Path) -> None:
    import tensorflow_datasets as tfds

    for number, files in enumerate((CLASSES, PLAIN | {"broken.png": b""})):
        out = tmp_path / f"out-{number}"
        # Of more shards than files some are empty, when a file among them is broken.
        options = (*SMALL, "--shards", "13", "--max-failure-rate", "0.5")
        prepare(out, *options, source=write_files(tmp_path / f"in-{number}", files), dataset="images")
        builder = tfds.builder_from_directory(str(out))
        ours = images_of(out)
        theirs = {one["id"].decode(): one for one in tfds.as_numpy(builder.as_dataset(split="train"))}
        assert builder.info.splits["train"].num_examples == len(ours) == len(theirs)
        for name, image in ours.items():
            np.testing.assert_array_equal(theirs[name]["image"], image)
        assert ("label" in builder.info.features) == (files is CLASSES)
