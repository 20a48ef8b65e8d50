"""People's own image files through `prepare`: images that are too small, or come twice, are left out by wish."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.datasets import failures, run_cli, write_files
from tests.support.image_files import encoded, noise
from tests.support.plain_records import prepared, refused


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
