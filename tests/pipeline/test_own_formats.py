"""People's own image files through `prepare`: what arrives is what an independent decoder reads, in every format and depth."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.support.datasets import run_cli, shards, write_files
from tests.support.image_files import encoded, noise
from tests.support.odd_images import (
    bmp_of_four_bytes,
    deep_png,
    deep_tiff,
    exif,
    raw_profile,
    saved,
    with_chunk,
    xmp,
)
from tests.support.plain_records import Plain, prepared, refused, understood

PIXELS = noise(1, 16, 24)
RGB = Image.fromarray(PIXELS)
UNTOUCHED = ("--image-size", "24x16")


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
    assert ran.err.count("use only 12 of them") == 1
    # It is said before anything is written.
    assert ran.err.index("use only 12 of them") < ran.err.index("1/1 shards")
    message = refused(tmp_path / "no", "images", source, "--strict")
    assert "--strict, and 1 warning: the images of 16 bits use only 12" in message
    assert understood("images", source, "--bit-depth", "12")["warnings"] == []
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
