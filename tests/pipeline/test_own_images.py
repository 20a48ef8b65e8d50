"""People's own image files through `prepare`: what arrives is what an independent decoder reads, scaled as was asked."""

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.support.datasets import failures, run_cli, shards, tree, write_files
from tests.support.image_files import encoded, noise, photograph
from tests.support.odd_images import (
    bmp_of_four_bytes,
    chunk,
    deep_png,
    deep_tiff,
    exif,
    raw_profile,
    saved,
    with_chunk,
    xmp,
)
from tests.support.plain_records import Plain, prepared, refused

PIXELS = noise(1, 16, 24)
RGB = Image.fromarray(PIXELS)
UNTOUCHED = ("--image-size", "24x16")


def centre(pixels: NDArray[np.uint8], width: int, height: int, filter: Image.Resampling) -> NDArray[np.uint8]:
    """The largest centred part of that shape, scaled by Pillow."""
    image = Image.fromarray(pixels)
    wide = min(image.width, image.height * width / height)
    high = min(image.height, image.width * height / width)
    left, top = (image.width - wide) / 2, (image.height - high) / 2
    return np.asarray(image.resize((width, height), filter, box=(left, top, left + wide, top + high)))


# Sizes and channels


def test_an_oblong_size_is_width_times_height(tmp_path: Path) -> None:
    files = {f"{number}.png": encoded(noise(number, 40 + number, 90)) for number in range(3)}
    source = write_files(tmp_path / "in", files)
    plain = prepared(tmp_path / "out", "images", source, "--image-size", "64x48")
    assert plain.manifest["features"]["image"]["shape"] == [48, 64, 3]
    for name, image in plain.images().items():
        expected = centre(noise(int(name[0]), 40 + int(name[0]), 90), 64, 48, Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(image, expected)
    ran = run_cli("prepare", "images", "--source", source, "--image-size", "64x48", "--dry-run", "-o", "x")
    assert "note: images become 64 pixels wide and 48 pixels high" in ran.out
    assert "image uint8 48x64x3" in run_cli("inspect", tmp_path / "out").out


def test_equal_sides_are_a_square(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"a.png": encoded(PIXELS)})
    one = prepared(tmp_path / "one", "images", source, "--image-size", "8")
    other = prepared(tmp_path / "other", "images", source, "--image-size", "8x8")
    assert one.manifest == other.manifest
    assert one.manifest["options"]["image_size"] == 8


@pytest.mark.parametrize(("dataset", "names"), [("pairs", ("source", "target")), ("unpaired", ("image",))])
def test_pairs_and_domains_take_an_oblong_size_and_grey(tmp_path: Path, dataset: str, names: tuple[str, ...]) -> None:
    files = {f"{part}/{number}.png": encoded(noise(number, 32, 64)) for part in ("trainA", "trainB") for number in (1, 2)}
    if dataset == "pairs":
        files = {"1.png": files["trainA/1.png"]}
    source = write_files(tmp_path / "in", files)
    plain = prepared(tmp_path / "out", dataset, source, "--image-size", "20x12", "--channels", "1")
    split = "train" if dataset == "pairs" else "trainA"
    assert all(plain.manifest["features"][name]["shape"] == [12, 20, 1] for name in names)
    if dataset == "pairs":
        half = Image.fromarray(noise(1, 32, 64)).convert("L").crop((32, 0, 64, 32))
        expected = np.asarray(half.resize((20, 12), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(plain.images(split, "target")["1.png"][..., 0], expected)


def test_grey_digits_of_a_folder_train_mnist_gan(tmp_path: Path) -> None:
    from tests.support.runs import gan_train

    digits = {
        f"{number % 2}/{number:02d}.png": saved(Image.fromarray(noise(number, 28, 28)[..., 0]), "PNG") for number in range(40)
    }
    source = write_files(tmp_path / "in", digits)
    plain = prepared(tmp_path / "out", "images", source, "--image-size", "28", "--channels", "1")
    assert plain.manifest["features"]["image"]["shape"] == [28, 28, 1]
    for name, image in plain.images().items():
        np.testing.assert_array_equal(image[..., 0], noise(int(name[2:4]), 28, 28)[..., 0])
    sets = ("--set", "batch_size=8", "--steps", "4")
    ran = gan_train("run", "mnist-gan", "--data", tmp_path / "out", "-o", tmp_path / "run", *sets)
    assert ran.code == 0, ran.err
    assert list((tmp_path / "run" / "samples").iterdir())


def test_colour_becomes_luma(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"a.png": encoded(PIXELS), "b.jpg": photograph(3, 16, 24)})
    plain = prepared(tmp_path / "out", "images", source, *UNTOUCHED, "--channels", "1")
    for name, content in (("a.png", encoded(PIXELS)), ("b.jpg", photograph(3, 16, 24))):
        expected = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
        np.testing.assert_array_equal(plain.images()[name][..., 0], expected)


@pytest.mark.parametrize(
    ("dataset", "options", "words"),
    [
        ("images", ("--image-size", "64*48"), "--image-size '64*48': "),
        ("images", ("--image-size", "64x2"), "--image-size '64x2': "),
        ("images", ("--channels", "2"), "--channels 2: input should be 1 or 3"),
        ("images", ("--min-size", "0"), "--min-size 0: input should be greater than or equal to 1"),
        ("images", ("--dedupe", "some"), "--dedupe 'some': input should be 'exact' or 'near'"),
        ("images", ("--bit-depth", "8"), "--bit-depth 8: input should be greater than or equal to 9"),
        ("images", ("--bit-depth", "9-3"), "--bit-depth '9-3': "),
        ("celeba", ("--image-size", "64x48"), "--image-size 64x48: faces are square; write one number, or add --faces none"),
        ("celeba", ("--channels", "1"), "--channels does not apply to celeba; it is an option of images, pairs, unpaired"),
        ("mnist", ("--min-size", "9"), "--min-size does not apply to mnist"),
        ("pairs", ("--scaled-jpeg",), "--scaled-jpeg does not apply to pairs; it is an option of images, unpaired"),
    ],
)
def test_wrong_options_are_explained(tmp_path: Path, dataset: str, options: tuple[str, ...], words: str) -> None:
    assert words in refused(tmp_path / "out", dataset, tmp_path, *options, code=2)


def test_options_that_are_not_used_leave_no_trace(tmp_path: Path) -> None:
    plain = prepared(tmp_path / "out", "images", write_files(tmp_path / "in", {"a.png": encoded(PIXELS)}), *UNTOUCHED)
    assert not plain.manifest["options"].keys() & {"channels", "min_size", "dedupe", "bit_depth", "scaled_jpeg"}


# Left out by wish


def test_images_below_a_smallest_size_are_dropped_and_counted(tmp_path: Path) -> None:
    files = {f"{side}.png": encoded(noise(side, side, 40)) for side in range(20, 40)}
    plain = prepared(tmp_path / "out", "images", write_files(tmp_path / "in", files), "--image-size", "8", "--min-size", "32")
    assert set(plain.images()) == {f"{side}.png" for side in range(32, 40)}
    assert plain.manifest["counts"] == {"read": 20, "kept": 8, "dropped": {"smaller than --min-size": 12}}
    lines = {line["id"]: line for line in failures(tmp_path / "out")}
    assert lines["20.png"]["stage"] == "size"
    assert lines["20.png"]["detail"] == "40x20 pixels, --min-size 32"
    # It is no failure that so many are left out, but it is one if nothing is left.
    words = refused_after(tmp_path, files, "--min-size", "400")
    assert "all 20 images are smaller than --min-size" in words


def refused_after(tmp_path: Path, files: dict[str, bytes], *options: str) -> str:
    """Prepare, expect exit code 3 at the end, and give what was said."""
    ran = run_cli("prepare", "images", "--source", write_files(tmp_path / "in", files), "-o", tmp_path / "refused", *options)
    assert ran.code == 3
    assert not (tmp_path / "refused" / "manifest.json").exists()
    return ran.err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_of_equal_images_the_first_is_kept(tmp_path: Path, workers: str) -> None:
    first, other = noise(5, 30, 30), noise(6, 30, 30)
    files = {
        "train/b/2.png": encoded(first),
        "train/b/1.bmp": encoded(first, "BMP"),
        "train/a/9.png": encoded(other),
        "train/c/3.webp": encoded(first, "WEBP", lossless=True),
        "test/a/0.png": encoded(other),
        "test/b/0.png": encoded(noise(7, 30, 30)),
    }
    options = ("--split", "train,test", "--image-size", "30", "--dedupe", "exact", "--workers", workers)
    source = write_files(tmp_path / "in", files)
    plain = prepared(tmp_path / "out", "images", source, *options)
    assert set(plain.images("train")) == {"train/a/9.png", "train/b/1.bmp"}
    assert set(plain.images("test")) == {"test/b/0.png"}
    assert plain.manifest["counts"] == {"read": 6, "kept": 3, "dropped": {"exact duplicate": 3}}
    assert {line["id"]: (line["stage"], line["reason"], line["detail"]) for line in failures(tmp_path / "out")} == {
        "train/b/2.png": ("dedupe", "exact duplicate", "of train/b/1.bmp"),
        "train/c/3.webp": ("dedupe", "exact duplicate", "of train/b/1.bmp"),
        "test/a/0.png": ("dedupe", "exact duplicate", "of train/a/9.png"),
    }
    seeded = prepared(tmp_path / "seeded", "images", source, *options, "--seed", "4")
    assert set(seeded.images("train")) == set(plain.images("train"))


def test_near_duplicates_are_found_too(tmp_path: Path) -> None:
    smooth, another = (
        np.asarray(Image.fromarray(noise(seed, 12, 12)).resize((128, 128), Image.Resampling.BICUBIC)) for seed in (8, 9)
    )
    files = {
        "a.png": encoded(smooth),
        "b.jpg": encoded(smooth, "JPEG", quality=80),
        "c.png": encoded(np.asarray(Image.fromarray(smooth).resize((96, 96), Image.Resampling.BICUBIC))),
        "d.png": encoded(another),
        "e.png": encoded(smooth),
    }
    source = write_files(tmp_path / "in", files)
    exact = prepared(tmp_path / "exact", "images", source, "--dedupe", "exact", "--image-size", "64")
    assert set(exact.images()) == {"a.png", "b.jpg", "c.png", "d.png"}
    near = prepared(tmp_path / "near", "images", source, "--dedupe", "near", "--image-size", "64")
    assert set(near.images()) == {"a.png", "d.png"}
    assert near.manifest["counts"]["dropped"] == {"exact duplicate": 1, "near duplicate": 2}
    words = refused(tmp_path / "none", "images", source, "--dedupe", "near", "--retry-failed", code=2)
    assert "--retry-failed does not apply with --dedupe" in words


def test_a_split_of_duplicates_alone_is_refused(tmp_path: Path) -> None:
    files = {f"{part}/a/{number}.png": encoded(noise(number)) for part in ("train", "test") for number in range(3)}
    source = write_files(tmp_path / "in", files)
    words = refused(tmp_path / "out", "images", source, "--split", "train,test", "--dedupe", "exact")
    assert "split test: all its images are duplicates of earlier ones" in words


# Bits


RAMP = np.arange(16 * 24, dtype=np.uint16).reshape(16, 24, 1) * 10 + 100
"""Samples of 12 bits: 100 to 3930."""


def stretched(samples: NDArray[np.uint16], low: int, high: int) -> NDArray[np.uint8]:
    """The samples as 8 bits, by the formula in the documentation."""
    share = np.clip((samples.astype(np.float64) - low) / (high - low), 0, 1)
    grey = np.floor(share * 255 + 0.5).astype(np.uint8)
    return np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey


@pytest.mark.parametrize(
    ("name", "content", "samples"),
    [
        ("grey.png", deep_png(RAMP), RAMP),
        (
            "colour.png",
            deep_png(np.concatenate([RAMP, RAMP + 7, RAMP[::-1]], 2)),
            np.concatenate([RAMP, RAMP + 7, RAMP[::-1]], 2),
        ),
        ("grey.tif", deep_tiff(RAMP), RAMP),
        ("motorola.tif", deep_tiff(RAMP, ">"), RAMP),
        ("inverted.tif", deep_tiff(65535 - RAMP, photometric=0), RAMP),
        ("colour.tif", deep_tiff(np.concatenate([RAMP, RAMP + 7, RAMP], 2)), np.concatenate([RAMP, RAMP + 7, RAMP], 2)),
        ("alpha.png", deep_png(np.concatenate([RAMP, np.full_like(RAMP, 65535)], 2)), RAMP),
        (
            "colours.png",
            deep_png(np.concatenate([RAMP, RAMP, RAMP + 1, np.full_like(RAMP, 65535)], 2)),
            np.concatenate([RAMP, RAMP, RAMP + 1], 2),
        ),
    ],
)
def test_twelve_of_sixteen_bits(tmp_path: Path, name: str, content: bytes, samples: NDArray[np.uint16]) -> None:
    source = write_files(tmp_path / "in", {name: content})
    # Left alone, the high 8 bits are kept as ever, and the user is told what is lost.
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "high", *UNTOUCHED, "--shards", "1")
    assert ran.code == 0, ran.err
    assert "warning: the images of 16 bits use only 12 of them: at most 16 levels of 256 are left" in ran.err
    assert "--bit-depth 12" in ran.err
    depth = prepared(tmp_path / "depth", "images", source, *UNTOUCHED, "--bit-depth", "12")
    np.testing.assert_array_equal(depth.images()[name], stretched(samples, 0, 4095))
    low, high = int(samples.min()), int(samples.max())
    auto = prepared(tmp_path / "auto", "images", source, *UNTOUCHED, "--bit-depth", "auto")
    np.testing.assert_array_equal(auto.images()[name], stretched(samples, low, high))
    assert auto.manifest["options"]["bit_depth"] == "auto"
    stated = prepared(tmp_path / "stated", "images", source, *UNTOUCHED, "--bit-depth", f"{low}-{high}")
    assert shards(tmp_path / "stated") == shards(tmp_path / "auto")
    assert stated.manifest["digest"] == auto.manifest["digest"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_range_is_that_of_the_whole_dataset(tmp_path: Path, workers: str, capfd: pytest.CaptureFixture[str]) -> None:
    files = {"a.png": deep_png(RAMP), "b.png": deep_png(RAMP // 4), "c.png": encoded(PIXELS), "d.png": b"\x89PNG\r\n\x1a\n"}
    source = write_files(tmp_path / "in", files)
    options = (*UNTOUCHED, "--bit-depth", "auto", "--max-failure-rate", "0.5", "--workers", workers, "--shards", "3")
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out", *options)
    assert ran.code == 0, ran.err
    assert "note: of images of 16 bits, samples of 25 to 3,930 become 0 to 255" in ran.err
    images = Plain(tmp_path / "out").images()
    np.testing.assert_array_equal(images["a.png"], stretched(RAMP, 25, 3930))
    np.testing.assert_array_equal(images["b.png"], stretched(RAMP // 4, 25, 3930))
    np.testing.assert_array_equal(images["c.png"], PIXELS)


def test_a_full_range_is_not_warned_of(tmp_path: Path) -> None:
    full = (RAMP.astype(np.uint32) * 16).astype(np.uint16)
    source = write_files(tmp_path / "in", {"a.png": deep_png(full), "b.png": deep_png(RAMP)})
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out", *UNTOUCHED)
    assert (ran.code, "warning" in ran.err) == (0, False)


# Formats


@pytest.mark.parametrize("alpha_mask", [0xFF000000, 0])
def test_a_bmp_whose_alpha_is_zero_everywhere_is_opaque(tmp_path: Path, alpha_mask: int) -> None:
    source = write_files(tmp_path / "in", {"a.bmp": bmp_of_four_bytes(PIXELS, 0, alpha_mask)})
    np.testing.assert_array_equal(prepared(tmp_path / "out", "images", source, *UNTOUCHED).images()["a.bmp"], PIXELS)


TURNED = {
    "exif-short.jpg": saved(RGB, "JPEG", quality=95, exif=b"Exif\0\0" + exif(6)),
    "exif-long.jpg": saved(RGB, "JPEG", quality=95, exif=b"Exif\0\0" + exif(6, ">", 4)),
    "exif-long.png": saved(RGB, "PNG", exif=b"Exif\0\0" + exif(8, ">", 4)),
    "xmp.jpg": saved(RGB, "JPEG", quality=95, xmp=xmp(6)),
    "xmp.webp": saved(RGB, "WEBP", lossless=True, xmp=xmp(8)),
    "xmp.png": with_chunk(saved(RGB, "PNG"), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(3)),
    "raw.png": with_chunk(saved(RGB, "PNG"), b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile(exif(6)))),
    "raw-plain.png": with_chunk(saved(RGB, "PNG"), b"tEXt", b"Raw profile type exif\0" + raw_profile(exif(5))),
    "exif-first.jpg": saved(RGB, "JPEG", quality=95, exif=b"Exif\0\0" + exif(3), xmp=xmp(6)),
    "tag.tif": saved(RGB, "TIFF", tiffinfo={274: 6}),
    "turned.avif": saved(RGB, "AVIF", quality=95, exif=b"Exif\0\0" + exif(6)),
}


@pytest.mark.parametrize("name", TURNED)
def test_photographs_stand_upright(tmp_path: Path, name: str) -> None:
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(TURNED[name]))).convert("RGB"))
    height, width = expected.shape[:2]
    source = write_files(tmp_path / "in", {name: TURNED[name]})
    plain = prepared(tmp_path / "out", "images", source, "--image-size", f"{width}x{height}")
    np.testing.assert_array_equal(plain.images()[name], expected)


def test_large_metadata_is_no_corruption(tmp_path: Path) -> None:
    text, profile = bytes(3 << 20), np.random.default_rng(0).bytes(2 << 20)
    files = {
        "text.png": with_chunk(saved(RGB, "PNG"), b"zTXt", b"Comment\0\0" + zlib.compress(text)),
        "profile.png": with_chunk(saved(RGB, "PNG"), b"iCCP", b"mine\0\0" + zlib.compress(profile)),
        "bomb.png": with_chunk(saved(RGB, "PNG"), b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(64 << 20))),
        "profile.jpg": saved(RGB, "JPEG", quality=95, icc_profile=profile),
    }
    plain = prepared(tmp_path / "out", "images", write_files(tmp_path / "in", files), *UNTOUCHED)
    for name in ("text.png", "profile.png", "bomb.png"):
        np.testing.assert_array_equal(plain.images()[name], PIXELS)
    assert plain.images()["profile.jpg"].shape == (16, 24, 3)


FRAMES = [RGB, ImageOps.flip(RGB)]
FORMATS = {
    "photo.jfif": saved(RGB, "JPEG", quality=95),
    "scan.tif": saved(RGB, "TIFF"),
    "scan.tiff": saved(RGB, "TIFF", compression="tiff_deflate"),
    "pages.TIF": saved(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]),
    "drawing.gif": saved(RGB.quantize(64), "GIF"),
    "moving.gif": saved(RGB.quantize(64), "GIF", save_all=True, append_images=[FRAMES[1].quantize(64)]),
    "moving.webp": saved(RGB, "WEBP", lossless=True, save_all=True, append_images=FRAMES[1:]),
    "moving.png": saved(RGB, "PNG", save_all=True, append_images=FRAMES[1:]),
    "new.avif": saved(RGB, "AVIF", quality=95),
    "noending": saved(RGB, "PNG"),
    "download.php": saved(RGB, "JPEG", quality=95),
    "picture.jpg_large": saved(RGB, "WEBP", lossless=True),
    "backup.png~": saved(RGB, "BMP"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_image_is_accepted_by_its_content(tmp_path: Path, name: str) -> None:
    source = write_files(
        tmp_path / "in", {name: FORMATS[name], "notes.txt": b"mine", "data": b"BM is no picture", "x.bin": b"\0"}
    )
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out", *UNTOUCHED, "--shards", "1")
    assert ran.code == 0, ran.err
    # Of several frames or pages the first one counts.
    expected = np.asarray(Image.open(io.BytesIO(FORMATS[name])).convert("RGB"))
    np.testing.assert_array_equal(Plain(tmp_path / "out").images()[name], expected)
    assert "3 files are not images and were left out (1 .bin, 1 .txt, 1 no ending), such as data" in ran.err


def test_what_systems_leave_behind_is_no_image(tmp_path: Path) -> None:
    left = ["@eaDir/a.png/SYNOPHOTO_THUMB.png", "$RECYCLE.BIN/b.png", "lost+found/c.png", "__MACOSX/._d.png", ".cache/e.png"]
    left += ["sub/@eaDir/f.png", ".hidden.png", "System Volume Information/g.png"]
    files = {"real.png": encoded(PIXELS)} | {name: encoded(noise(9)) for name in left}
    plain = prepared(tmp_path / "out", "images", write_files(tmp_path / "in", files), *UNTOUCHED)
    assert set(plain.images()) == {"real.png"}


def test_our_own_datasets_below_a_source_are_no_images(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"a.png": encoded(PIXELS), "b.png": encoded(noise(2, 16, 24))})
    prepared(source / "prepared", "images", source, *UNTOUCHED)
    assert (source / "prepared" / "preview.png").exists()
    plain = prepared(tmp_path / "out", "images", source, *UNTOUCHED)
    assert set(plain.images()) == {"a.png", "b.png"}
    words = refused(tmp_path / "again", "images", source / "prepared")
    assert "a dataset folder that 'gan-pipeline prepare' wrote; --source takes the raw images" in words


# Large and long


@pytest.mark.parametrize("rule", ["crop", "fit", "stretch"])
def test_an_image_too_long_to_scale_costs_only_itself(tmp_path: Path, rule: str) -> None:
    row = zlib.compress(bytes(1 + 99_999_999), 1)
    header = struct.pack(">IIBBBBB", 99_999_999, 1, 8, 0, 0, 0, 0)
    long = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    files = {f"{number}.png": encoded(noise(number)) for number in range(5)} | {"long.png": long}
    source = write_files(tmp_path / "in", files)
    ran = run_cli(
        "prepare", "images", "--source", source, "-o", tmp_path / "out", "--resize", rule, "--max-failure-rate", "0.5", "--json"
    )
    assert ran.code == 0, ran.err
    counts = json.loads(ran.out)["counts"]
    if rule == "crop":
        assert counts == {"read": 6, "kept": 6, "dropped": {}}
    else:
        assert counts == {"read": 6, "kept": 5, "dropped": {"too long and narrow": 1}}
        (line,) = failures(tmp_path / "out")
        assert (line["stage"], line["id"]) == ("resize", "long.png")


def test_threads_and_processes_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{number:02d}.jpg": photograph(number, 60 + number, 80) for number in range(30)} | {"cut.jpg": photograph(1)[:99]}
    source = write_files(tmp_path / "in", files)
    for threads in ("1", "2", "7"):
        monkeypatch.setenv("GANMILL_DECODING_THREADS", threads)
        prepared(tmp_path / threads, "images", source, "--max-failure-rate", "0.5")
    assert tree(tmp_path / "1") == tree(tmp_path / "2") == tree(tmp_path / "7")


def test_scaled_jpeg_decodes_at_a_reduced_size(tmp_path: Path) -> None:
    big = np.asarray(Image.fromarray(noise(3, 40, 50)).resize((1000, 800), Image.Resampling.BICUBIC))
    files = {"a.jpg": encoded(big, "JPEG", quality=92), "b.png": encoded(big)}
    source = write_files(tmp_path / "in", files)
    exact = prepared(tmp_path / "exact", "images", source, "--image-size", "64")
    scaled = prepared(tmp_path / "scaled", "images", source, "--image-size", "64", "--scaled-jpeg")
    assert scaled.manifest["options"]["scaled_jpeg"] is True
    np.testing.assert_array_equal(scaled.images()["b.png"], exact.images()["b.png"])
    full = np.asarray(Image.open(io.BytesIO(files["a.jpg"])).convert("RGB"))
    np.testing.assert_array_equal(exact.images()["a.jpg"], centre(full, 64, 64, Image.Resampling.LANCZOS))
    draft = Image.open(io.BytesIO(files["a.jpg"]))
    draft.draft("RGB", (128, 128))
    assert draft.size == (250, 200)
    expected = centre(np.asarray(draft.convert("RGB")), 64, 64, Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(scaled.images()["a.jpg"], expected)
    assert 0 < np.abs(scaled.images()["a.jpg"].astype(int) - exact.images()["a.jpg"]).mean() < 2


@pytest.mark.parametrize("threads", ["2", "16"])
def test_many_large_images_on_a_bucket_stay_within_a_budget_of_memory(bucket: str, tmp_path: Path, threads: str) -> None:
    """Twelve images of 36 megapixels take 144 MB each when they are decoded: 1.7 GB together."""
    from gan_core.storage import open_folder

    side = 6000
    rows = zlib.compress(b"".join(bytes([0]) + bytes([row % 251]) * (3 * side) for row in range(side)), 1)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    large = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    folder = open_folder(f"{bucket}/large-{threads}")
    for number in range(12):
        folder.write(f"{number}.png", large)
    # The peak of ru_maxrss would be that of this process where it is larger; VmHWM is the child's own.
    measure = (
        "import pathlib, sys\nfrom gan_pipeline.cli.commands import main\n"
        "sys.argv = ['gan-pipeline', *sys.argv[1:]]\n"
        "try:\n    main()\nfinally:\n    print(pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    command = [sys.executable, "-c", measure, "prepare", "images", "--source", folder.uri, "-o", str(tmp_path / "out")]
    env = {**os.environ, "GANMILL_DECODING_THREADS": threads}
    ran = subprocess.run([*command, "--shards", "1", "--resampler", "box"], capture_output=True, text=True, env=env)
    assert ran.returncode == 0, ran.stderr
    plain = Plain(tmp_path / "out")
    assert len(plain.images()) == 12
    expected = np.asarray(Image.open(io.BytesIO(large)).resize((64, 64), Image.Resampling.BOX))
    np.testing.assert_array_equal(plain.images()["7.png"], expected)
    megabytes = int(ran.stdout.split()[-1]) / 1024
    assert megabytes < 1000, megabytes
