"""People's own image files through `prepare`: sizes and channels are as asked for, scaled as by an independent resizer."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.datasets import run_cli, write_files
from tests.support.image_files import centre, encoded, noise, photograph
from tests.support.odd_images import (
    saved,
)
from tests.support.plain_records import prepared, refused

PIXELS = noise(1, 16, 24)
UNTOUCHED = ("--image-size", "24x16")


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
        ("images", ("--channels", "2"), "--channels 2: must be 1 or 3"),
        ("images", ("--min-size", "0"), "--min-size 0: must be at least 1"),
        ("images", ("--dedupe", "some"), "--dedupe 'some': must be 'exact' or 'near'"),
        ("images", ("--bit-depth", "8"), "--bit-depth 8: must be at least 9"),
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
