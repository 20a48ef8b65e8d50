"""People's own pairs and domains: the layouts of pix2pix, pix2pixHD and CycleGAN, and images that are no pairs."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.datasets import failures, run_cli, write_files
from tests.support.image_files import encoded, noise
from tests.support.plain_records import Plain, prepared, refused

SMALL = ("--image-size", "8")
PARTS = {"train": range(3), "val": range(3, 5), "test": range(5, 6)}
LAYOUTS = {
    "pix2pix": "{domain}/{part}/{n}.png",
    "pix2pixHD": "{part}_{domain}/{n}.png",
    "CycleGAN": "{part}{domain}/{n}.png",
    "domains below splits": "{part}/{domain}/{n}.png",
    "lower case below another folder": "maps/{low}/{part}/{n}.png",
}


def pixels(domain: str, n: int) -> NDArray[np.uint8]:
    return noise(n + 100 * "AB".index(domain), 8, 8)


def write(path: Path, layout: str) -> Path:
    return write_files(
        path,
        {
            layout.format(domain=domain, low=domain.lower(), part=part, n=n): encoded(pixels(domain, n))
            for domain in "AB"
            for part, numbers in PARTS.items()
            for n in numbers
        },
    )


def assert_pairs(dataset: Plain, split: str, numbers: range, source: str = "A", target: str = "B") -> None:
    for feature, domain in (("source", source), ("target", target)):
        images = dataset.images(split, feature)
        assert sorted(int(Path(name).stem) for name in images) == list(numbers)
        for name, image in images.items():
            np.testing.assert_array_equal(image, pixels(domain, int(Path(name).stem)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_folders_are_pairs_by_equal_names(tmp_path: Path, layout: str) -> None:
    source = write(tmp_path / "in", LAYOUTS[layout])
    dataset = prepared(tmp_path / "out", "pairs", source, *SMALL, "--split", "train,validation,test")
    for split, numbers in zip(("train", "validation", "test"), PARTS.values(), strict=True):
        assert_pairs(dataset, split, numbers)
    assert dataset.manifest["understood"]["pairs"] == "two folders, by equal names"
    assert run_cli("verify", "--deep", tmp_path / "out").code == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_unpaired_keeps_the_test_images_out_of_training(tmp_path: Path, layout: str) -> None:
    source = write(tmp_path / "in", LAYOUTS[layout])
    dataset = prepared(tmp_path / "out", "unpaired", source, *SMALL, "--split", "trainA,trainB,testA,testB,validationA")
    for split, (part, domain) in {
        **{f"{part}{domain}": (part, domain) for part in ("train", "test") for domain in "AB"},
        "validationA": ("val", "A"),
    }.items():
        images = dataset.images(split)
        assert sorted(int(Path(name).stem) for name in images) == list(PARTS[part]), split
        for name, image in images.items():
            np.testing.assert_array_equal(image, pixels(domain, int(Path(name).stem)))
    assert dataset.manifest["understood"]["splits"]["validationB"]["written"] is False


def test_swap_and_other_names_and_endings(tmp_path: Path) -> None:
    files = {f"photo/{n}.bmp": encoded(pixels("A", n), "BMP") for n in range(3)}
    files |= {f"label/{n}.png": encoded(pixels("B", n)) for n in range(3)}
    source = write_files(tmp_path / "in", files)
    named = ("--domains", "photo,label")
    assert_pairs(prepared(tmp_path / "out", "pairs", source, *SMALL, *named), "train", range(3))
    assert_pairs(prepared(tmp_path / "swapped", "pairs", source, *SMALL, *named, "--swap"), "train", range(3), "B", "A")


def test_an_image_without_a_partner(tmp_path: Path) -> None:
    source = write(tmp_path / "in", LAYOUTS["pix2pix"])
    (source / "B/train/1.png").unlink()
    message = refused(tmp_path / "out", "pairs", source)
    assert "A/train/1.png of split train have no partner of the same name in the other domain" in message
    # What is not written does not matter.
    assert_pairs(prepared(tmp_path / "test", "pairs", source, *SMALL, "--split", "test"), "test", PARTS["test"])
    assert "no split 'prediction'" not in message


def test_domains_that_are_no_pairs(tmp_path: Path) -> None:
    files = {f"train{domain}/{domain}{n}.png": encoded(pixels(domain, n)) for domain in "AB" for n in range(3)}
    message = refused(tmp_path / "out", "pairs", write_files(tmp_path / "in", files))
    assert "no file of trainA has the name of one of trainB, so these are two unpaired domains; prepare unpaired" in message


def test_a_damaged_or_cropped_half_of_a_pair_is_dropped_and_named(tmp_path: Path) -> None:
    source = write(tmp_path / "in", LAYOUTS["pix2pix"])
    (source / "B/train/0.png").write_bytes(b"")
    (source / "B/train/1.png").write_bytes(encoded(noise(9, 8, 12)))
    dataset = prepared(tmp_path / "out", "pairs", source, *SMALL, "--max-failure-rate", "1")
    assert_pairs(dataset, "train", range(2, 3))
    logged = {line["id"]: (line["reason"], line["detail"]) for line in failures(tmp_path / "out")}
    assert logged == {
        "A/train/0.png": ("empty file", "B/train/0.png"),
        "A/train/1.png": ("shapes differ", "8x8 and 12x8 pixels"),
    }
    (source / "B/train/0.png").write_bytes(encoded(pixels("B", 0)))
    again = prepared(tmp_path / "out", "pairs", source, *SMALL, "--max-failure-rate", "1", "--retry-failed")
    assert sorted(again.records()) == ["A/train/0.png", "A/train/2.png"]


ODD_SIZES = {"640x480": (480, 640), "256x255": (255, 256), "square": (64, 64)}


@pytest.mark.parametrize("size", ODD_SIZES)
def test_a_folder_of_images_that_are_no_pairs(tmp_path: Path, size: str) -> None:
    image = encoded(noise(1, *ODD_SIZES[size]))
    height, width = ODD_SIZES[size]
    for layout, words in {
        "{n}.png": "this looks like single images: prepare images",
        "cats/{n}.png|dogs/1{n}.png|eels/{n}.png": "this looks like class folders (cats, dogs, eels): prepare images",
        "photo/{n}.png|label/{n}.png": "this looks like pairs in two folders: prepare pairs with --domains label,photo",
        "horse/{n}.png|zebra/1{n}.png": "this looks like two domains: prepare unpaired with --domains horse,zebra",
    }.items():
        files = {one.format(n=n): image for one in layout.split("|") for n in range(2)}
        source = write_files(tmp_path / words[:30].replace("/", ""), files)
        message = refused(tmp_path / "out", "pairs", source)
        assert "is about twice as wide as it is high" in message
        assert f"(most are {width}x{height}); {words}" in message


@pytest.mark.parametrize("size", ["640x480", "256x255"])
def test_an_image_that_is_no_pair_among_pairs_is_dropped(tmp_path: Path, size: str) -> None:
    height, width = ODD_SIZES[size]
    files = {f"{n}.png": encoded(np.hstack([pixels("A", n), pixels("B", n)])) for n in range(3)}
    source = write_files(tmp_path / "in", files | {"9.png": encoded(noise(9, height, width))})
    dataset = prepared(tmp_path / "out", "pairs", source, *SMALL, "--max-failure-rate", "0.5")
    assert_pairs(dataset, "train", range(3))
    assert [(line["id"], line["reason"], line["detail"]) for line in failures(tmp_path / "out")] == [
        ("9.png", "not side by side", f"{width}x{height} pixels")
    ]


def test_any_ratio_cuts_them_all_the_same(tmp_path: Path) -> None:
    wide = np.hstack([noise(1, 8, 12), noise(2, 8, 12)])
    source = write_files(tmp_path / "in", {"1.png": encoded(wide)})
    refused(tmp_path / "refused", "pairs", source)
    dataset = prepared(tmp_path / "out", "pairs", source, "--image-size", "12", "--resampler", "nearest", "--any-ratio")
    left = Image.fromarray(noise(1, 8, 12)).resize((12, 12), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(dataset.images(feature="source")["1.png"], np.asarray(left))
    assert dataset.manifest["options"]["any_ratio"] is True


def test_unpaired_names_the_domains_it_misses(tmp_path: Path) -> None:
    files = {f"{domain}/{n}.png": encoded(noise(n)) for domain in ("horse", "zebra") for n in range(2)}
    source = write_files(tmp_path / "in", files)
    assert "if horse and zebra are the domains, give --domains horse,zebra" in refused(tmp_path / "out", "unpaired", source)
    dataset = prepared(tmp_path / "out", "unpaired", source, *SMALL, "--domains", "zebra,horse")
    assert set(dataset.images("trainA")) == {"zebra/0.png", "zebra/1.png"}
    assert set(dataset.images("trainB")) == {"horse/0.png", "horse/1.png"}
