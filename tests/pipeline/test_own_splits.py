"""People's own folders of images: which folders are splits, which are classes, and which are neither."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.datasets import run_cli, write_files
from tests.support.image_files import encoded, noise, zipped
from tests.support.plain_records import prepared, refused, understood

SMALL = ("--image-size", "8")


def folder(path: Path, names: list[str]) -> Path:
    """A folder of square noise images of these names."""
    return write_files(path, {name: encoded(noise(number, 8, 8)) for number, name in enumerate(names)})


SPLIT_LAYOUTS = {
    "Train and Test": ("Train", "Test", ""),
    "Training and Testing": ("Training", "Testing", ""),
    "seg_train/seg_train": ("seg_train/seg_train", "seg_test/seg_test", ""),
    "train and dev": ("train", "dev", ""),
    "TRAIN and VALID": ("TRAIN", "VALID", ""),
    "below other folders": ("data/2024/Train", "data/2024/Valid", ""),
    "images above the splits": ("images/train", "images/val", ""),
    "images below the classes": ("train", "test", "images/"),
}


@pytest.mark.parametrize("layout", SPLIT_LAYOUTS)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_split_folders_of_any_name_and_case(tmp_path: Path, layout: str, packed: bool) -> None:
    train, other, level = SPLIT_LAYOUTS[layout]
    names = [f"{top}/{title}/{level}{n}.png" for top in (train, other) for title in ("cats", "dogs") for n in range(2)]
    source = folder(tmp_path / "in", names)
    if packed:
        files = {name: (source / name).read_bytes() for name in names}
        source = write_files(tmp_path, {"in.zip": zipped(files)}) / "in.zip"
    split = "test" if "est" in other else "validation"
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--split", f"train,{split}")
    assert dataset.class_names == ["cats", "dogs"]
    for part, top in (("train", train), (split, other)):
        assert dataset.titles(part) == {
            name: name.removeprefix(f"{top}/").split("/")[0] for name in names if name.startswith(top)
        }
        for name, image in dataset.images(part).items():
            np.testing.assert_array_equal(image, noise(names.index(name), 8, 8))


def test_intel_scenes_as_they_are_downloaded(tmp_path: Path) -> None:
    """seg_pred has no labels; it is found and shown, and is neither a class nor mixed into a split."""
    names = [
        f"seg_{part}/seg_{part}/{title}/{n}.png" for part in ("train", "test") for title in ("sea", "street") for n in "12"
    ]
    source = folder(tmp_path / "in", [*names, "seg_pred/seg_pred/3.png", "seg_pred/seg_pred/5.png"])
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--split", "train,test")
    assert (dataset.class_names, set(dataset.titles()), set(dataset.titles("test"))) == (
        ["sea", "street"],
        set(names[:4]),
        set(names[4:]),
    )
    assert dataset.manifest["understood"]["splits"]["prediction"] == {
        **{"inputs": 2, "written": False, "folders": ["seg_pred"], "classes": {}}
    }


def test_a_class_named_train(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", [f"{title}/{n}.png" for title in ("bus", "car", "train") for n in range(2)])
    message = refused(tmp_path / "out", "images", source)
    assert (
        "holds the split folder train and bus beside it; keep only train, val, test, or give --splits none if train" in message
    )
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--splits", "none")
    assert dataset.class_names == ["bus", "car", "train"]
    assert all(title == name.split("/")[0] for name, title in dataset.titles().items())
    assert len(dataset.titles()) == 6
    assert dataset.manifest["options"]["split_folders"] == "none"


def test_splits_takes_none_alone(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", ["1.png"])
    assert "--splits 'train': must be 'none'" in refused(tmp_path / "out", "images", source, "--splits", "train", code=2)
    assert "--splits does not apply to celeba" in refused(tmp_path / "out", "celeba", source, "--splits", "none", code=2)


def test_classes_are_those_of_the_written_splits(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", ["train/cats/1.png", "train/dogs/2.png", "test/cats/3.png", "test/eels/4.png"])
    assert prepared(tmp_path / "train", "images", source, *SMALL).class_names == ["cats", "dogs"]
    both = prepared(tmp_path / "both", "images", source, *SMALL, "--split", "train,test")
    assert both.class_names == ["cats", "dogs", "eels"]
    assert both.titles("test") == {"test/cats/3.png": "cats", "test/eels/4.png": "eels"}


def test_a_folder_level_is_no_class(tmp_path: Path) -> None:
    flat = folder(tmp_path / "flat", ["train/images/1.png", "train/images/2.png", "val/images/3.png"])
    dataset = prepared(tmp_path / "out", "images", flat, *SMALL, "--split", "train,validation")
    assert (dataset.class_names, list(dataset.manifest["features"])) == ([], ["image"])
    masked = folder(tmp_path / "masked", ["images/1.png", "images/2.png", "annotations/1.png"])
    message = refused(tmp_path / "masks", "images", masked)
    assert "the folder images beside annotations is not likely a class; give the folder that holds the images" in message
    assert prepared(tmp_path / "all", "images", masked, *SMALL, "--labels", "folders").class_names == [
        "annotations",
        "images",
    ]


def test_splits_that_were_not_asked_for_are_told(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", ["maps/train/1.png", "maps/train/2.png", "maps/val/3.png"])
    ran = run_cli("prepare", "images", "--source", source, *SMALL, "-o", tmp_path / "out")
    assert ran.code == 0
    assert "understood: split train (folder train): 2 inputs\n" in ran.err
    assert "understood: split validation (folder val): 1 inputs, found but not asked for; add it to --split\n" in ran.err


def test_two_folders_of_one_split(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", ["train/1.png", "val/2.png", "dev/3.png"])
    found = understood("images", source, "--split", "validation")
    assert found["splits"]["validation"]["folders"] == ["dev", "val"]
    assert found["warnings"] == ["folders dev and val were joined to split validation"]
