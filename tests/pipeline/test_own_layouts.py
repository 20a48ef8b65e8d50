"""Folders as people download them: of Kaggle, COCO, phones and network drives; read right, told, or refused."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.datasets import failures, run_cli, write_files
from tests.support.image_files import encoded, noise, zipped
from tests.support.plain_records import prepared, refused, understood

SMALL = ("--image-size", "8")
IMAGE = encoded(noise(1, 8, 8))
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def folder(path: Path, *names: str) -> Path:
    """A folder of square noise images of these names."""
    return write_files(path, {name: encoded(noise(number, 8, 8)) for number, name in enumerate(names)})


SPLITS = {
    "COCO": ("images/train2017", "images/val2017", "validation"),
    "Kaggle": ("training_set/training_set", "test_set/test_set", "test"),
    "with what they hold": ("Train Images", "Validation-data", "validation"),
}


@pytest.mark.parametrize("layout", SPLITS)
def test_split_folders_with_more_than_the_word(tmp_path: Path, layout: str) -> None:
    train, other, split = SPLITS[layout]
    source = folder(tmp_path / "in", *(f"{top}/{title}/1.png" for top in (train, other) for title in ("cats", "dogs")))
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--split", f"train,{split}")
    assert dataset.titles() == {f"{train}/cats/1.png": "cats", f"{train}/dogs/1.png": "dogs"}
    assert dataset.titles(split) == {f"{other}/cats/1.png": "cats", f"{other}/dogs/1.png": "dogs"}


def test_a_folder_that_may_be_a_split_or_a_class(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "photos/1.png", "test1/2.png")
    words = "class test1 has the name of a split; check the folders, or give --splits none if it is a class"
    assert understood("images", source)["warnings"] == [words]
    assert words in refused(tmp_path / "out", "images", source, "--strict")
    # "train_station" is a class of Places, and no split.
    places = folder(tmp_path / "places", "train_station/1.png", "test_tube/2.png")
    assert prepared(tmp_path / "out", "images", places, *SMALL, "--strict").class_names == ["test_tube", "train_station"]


def test_splits_none_leaves_nothing_to_warn_of(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "bus/1.png", "train/2.png")
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--splits", "none", "--strict")
    assert dataset.class_names == ["bus", "train"]
    assert dataset.manifest["understood"]["splits_chosen"] is True


@pytest.mark.parametrize("kind", ["pairs", "unpaired"])
def test_folders_of_two_domains_are_no_warning(tmp_path: Path, kind: str) -> None:
    source = folder(tmp_path / "in", "A/train/1.png", "A/test/2.png", "B/train/1.png", "B/test/2.png")
    dataset = prepared(tmp_path / "out", kind, source, *SMALL, "--strict")
    assert dataset.manifest["understood"]["warnings"] == []


@pytest.mark.parametrize("kind", ["pairs", "unpaired"])
def test_two_folders_of_one_domain_are_warned_of(tmp_path: Path, kind: str) -> None:
    source = folder(tmp_path / "in", "trainA/1.png", "training_A/2.png", "trainB/1.png", "trainB/2.png")
    assert "folders trainA and training_A" in refused(tmp_path / "out", kind, source, "--strict")


@pytest.mark.parametrize("kind", ["pairs", "unpaired"])
def test_test_images_deep_in_a_domain_are_warned_of(tmp_path: Path, kind: str) -> None:
    source = folder(tmp_path / "in", *(f"{domain}/day/{part}/1.png" for domain in "AB" for part in ("train", "test")))
    words = "2 images below test would land in split train; move test up"
    assert words in refused(tmp_path / "out", kind, source, "--strict")


def test_test_images_deep_among_halves_are_warned_of(tmp_path: Path) -> None:
    pair = encoded(np.hstack([noise(1, 8, 8), noise(2, 8, 8)]))
    source = write_files(tmp_path / "in", {"city/train/1.png": pair, "city/test/2.png": pair, "town/train/1.png": pair})
    assert "1 images below test would land in split train" in refused(tmp_path / "out", "pairs", source, "--strict")
    assert understood("pairs", source, "--splits", "none")["warnings"] == []


def test_sizes_of_both_domains_of_pairs_are_told(tmp_path: Path) -> None:
    files = {"A/1.png": encoded(noise(1, 8, 8)), "B/1.png": encoded(noise(1, 16, 16)[..., 0])}
    headers = understood("pairs", write_files(tmp_path / "in", files))["headers"]
    assert (headers["sizes"], headers["modes"]) == ({"8x8": 1, "16x16": 1}, {"RGB": 1, "L": 1})
    assert (headers["read"], headers["of"]) == (2, 2)


def test_what_network_drives_leave_behind_is_no_image(tmp_path: Path) -> None:
    junk = ("#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", "RECYCLER", "~snapshot")
    names = ["cats/1.png", "dogs/2.png", *(f"{place}{name}/3.png" for name in junk for place in ("", "cats/"))]
    source = folder(tmp_path / "in", *names)
    assert set(prepared(tmp_path / "out", "images", source, *SMALL).records()) == {"cats/1.png", "dogs/2.png"}
    archive = write_files(tmp_path, {"in.zip": zipped(dict.fromkeys(names, IMAGE))}) / "in.zip"
    assert set(prepared(tmp_path / "zip", "images", archive, *SMALL).records()) == {"cats/1.png", "dogs/2.png"}


def test_photographs_of_a_format_that_is_not_read_are_warned_of(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"1.png": IMAGE, "2.HEIC": HEIC, "3.heic": HEIC, "4.txt": b"x"})
    words = "2 .heic files were left out: images of a format that is not read; convert them to PNG or JPEG, or remove them"
    assert understood("images", source)["warnings"] == [f"{words} from --source"]
    assert words in refused(tmp_path / "out", "images", source, "--strict")


def test_archives_beside_images_are_warned_of(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"sample.png": IMAGE, "part-1.zip": b"PK", "part-2.ZIP": b"PK"})
    words = "2 .zip files were left out; unpack them if they hold images, or remove them from --source"
    assert understood("images", source)["warnings"] == [words]


def test_faces_of_several_splits_without_a_partition_are_warned_of(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "train/male/1.png", "train/female/2.png", "val/male/3.png")
    words = "1 images below val would land in split train"
    assert words in refused(tmp_path / "out", "celeba", source, "--faces", "none", "--strict")


def test_a_photograph_of_a_phone_under_another_name(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"1.jpg": HEIC})
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out")
    assert (ran.code, "HEIC, or a film, is not read; convert it to JPEG or PNG" in ran.err) == (3, True)
    assert "understood: images: none, 1 without the header of an image (headers of all 1 read)\n" in ran.err


def test_a_folder_level_below_the_classes_is_told(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "animals/cats/1.png", "animals/dogs/2.png", "plants/images/3.png")
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--strict")
    assert dataset.class_names == ["animals", "plants"]
    assert dataset.manifest["understood"]["labels"] == "folders (folders below them are not used, such as cats)"


def test_an_empty_class_folder_in_a_zip_is_a_class_without_images(tmp_path: Path) -> None:
    files = {"in/train/cats/1.png": IMAGE, "in/train/dogs/2.png": IMAGE, "in/train/eels/": b"", "in/train/.git/": b""}
    source = write_files(tmp_path, {"in.zip": zipped(files)}) / "in.zip"
    assert understood("images", source)["warnings"] == ["class eels has no image"]


@pytest.mark.parametrize("other", ["LICENSE", "notes.dat"])
def test_an_archive_beside_files_that_are_no_images(tmp_path: Path, other: str) -> None:
    source = write_files(tmp_path / "in", {other: b"x", "photos/part-1.zip": zipped({"1.png": IMAGE})})
    message = refused(tmp_path / "out", "images", source)
    assert "no images here, but photos/part-1.zip; unpack it, then give it or its folder with --source" in message


def test_a_split_that_is_not_there_names_the_option(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "test/1.png")
    message = refused(tmp_path / "out", "images", source, code=2)
    assert "no split 'train' in this source; it has: test; name one of them with --split" in message


@pytest.mark.parametrize("typed", ["64X48", "64x", "x64", "1e3", "large"])
def test_a_size_is_a_side_or_width_and_height(tmp_path: Path, typed: str) -> None:
    message = refused(tmp_path / "out", "images", folder(tmp_path / "in", "1.png"), "--image-size", typed, code=2)
    assert "write the side of a square in pixels, or WIDTHxHEIGHT, such as 64 or 64x48" in message


def test_two_folders_that_may_be_domains(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "animals/horse/1.png", "animals/zebra/2.png")
    message = refused(tmp_path / "out", "unpaired", source)
    assert "no folders A and B; if horse and zebra are the domains, give --domains horse,zebra" in message
    splits = folder(tmp_path / "splits", "train/1.png", "val/2.png")
    assert "no images for trainA, found no such folder" in refused(tmp_path / "out", "unpaired", splits)
    message = refused(tmp_path / "out", "unpaired", source, "--domains", "horse")
    assert "--domains horse is one name, so an attribute of CelebA, and there is no list_attr_celeba" in message


GREY = noise(3, 8, 8)[..., 0]
BITS = 1 - np.unpackbits(np.arange(8, dtype=np.uint8)).reshape(8, 8, 1)
PNM = {
    "grey.pgm": (b"P5\n# a comment\n8 8\n255\n" + GREY.tobytes(), np.repeat(GREY[..., np.newaxis], 3, 2)),
    "colour.ppm": (b"P6 8 8 255\n" + noise(4, 8, 8).tobytes(), noise(4, 8, 8)),
    "text.pgm": (b"P2\n8 8\n255\n" + " ".join(map(str, GREY.ravel())).encode(), np.repeat(GREY[..., np.newaxis], 3, 2)),
    "bits.pbm": (
        b"P4\n8 8\n" + bytes(range(8)),
        BITS * np.full(3, 255, np.uint8),
    ),
    "no ending": (b"P5\n8 8\n255\n" + GREY.tobytes(), np.repeat(GREY[..., np.newaxis], 3, 2)),
}


def test_portable_pixmaps_as_old_face_datasets_have_them(tmp_path: Path) -> None:
    files = {name: content for name, (content, _) in PNM.items()}
    deep = {
        "deep.pgm": b"P5\n8 8\n65535\n" + bytes(128),
        "cut.pgm": b"P5\n8 8\n255\n" + bytes(9),
        "song.dat": b"P1 is no image",
    }
    source = write_files(tmp_path / "in", files | deep)
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--max-failure-rate", "0.5")
    assert dataset.records().keys() == PNM.keys()
    for name, image in dataset.images().items():
        np.testing.assert_array_equal(image, PNM[name][1])
    assert {line["id"]: line["reason"] for line in failures(tmp_path / "out")} == {
        "deep.pgm": "unsupported pixels",
        "cut.pgm": "corrupt or cut off",
    }
    assert dataset.manifest["understood"]["left_out"] == {".dat": 1}
