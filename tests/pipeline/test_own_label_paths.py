"""A file of labels names images by paths of several forms, and lies beside the source, above it, or on gs://."""

from pathlib import Path

import pytest

from gan_core.storage import open_folder
from tests.support.datasets import write_files
from tests.support.image_files import encoded, noise, zipped
from tests.support.plain_records import prepared, refused

SMALL = ("--image-size", "8")
FILES = {f"{part}/{n}.png": encoded(noise(n, 8, 8)) for n, part in enumerate(("day", "night", "day", "night"))}
TITLES = {name: f"kind-{n % 3}" for n, name in enumerate(FILES)}


def table(before: str, separator: str = "/") -> bytes:
    """A table whose file names start with `before`."""
    rows = (f"{before}{name.replace('/', separator)},{title}" for name, title in TITLES.items())
    return "\n".join(["file,label", *rows, ""]).encode()


@pytest.mark.parametrize(
    ("before", "separator"),
    [("photos/", "/"), ("./photos/", "/"), ("data/photos/", "/"), ("photos\\", "\\"), ("{source}/", "/")],
)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_names_may_start_with_the_path_of_the_source(tmp_path: Path, before: str, separator: str, packed: bool) -> None:
    source = write_files(tmp_path / "data" / "photos", FILES)
    before = before.format(source=source)
    if packed:
        source = write_files(tmp_path / "data", {"photos.zip": zipped(FILES)}) / "photos.zip"
    labels = write_files(tmp_path, {"labels.csv": table(before, separator)}) / "labels.csv"
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--split", "train", "--labels", str(labels))
    assert dataset.titles() == TITLES


def test_names_below_another_folder_are_not_those_of_the_source(tmp_path: Path) -> None:
    source = write_files(tmp_path / "mine" / "photos", FILES)
    labels = write_files(tmp_path, {"labels.csv": table("yours/photos/")}) / "labels.csv"
    message = refused(tmp_path / "out", "images", source, "--labels", str(labels))
    assert f"{labels}, line 2: there is no image yours/photos/day/0.png; remove the line, or fetch the image" in message


@pytest.mark.parametrize("before", ["", "photos/", "gs://ganmill-test/labelled/photos/"])
def test_images_and_their_labels_on_gs(bucket: str, tmp_path: Path, before: str) -> None:
    photos = open_folder(f"{bucket}/labelled/photos")
    for name, content in FILES.items():
        photos.write(name, content)
    open_folder(f"{bucket}/labelled").write("labels.csv", table(before))
    options = (*SMALL, "--labels", f"{bucket}/labelled/labels.csv")
    dataset = prepared(tmp_path / "out", "images", photos.uri, *options)
    assert dataset.titles() == TITLES
    assert dataset.manifest["understood"]["labels"] == "labels.csv"
    # The same labels for the same images on a disk: the same records.
    labels = write_files(tmp_path, {"labels.csv": table("")}) / "labels.csv"
    source = write_files(tmp_path / "photos", FILES)
    local = prepared(tmp_path / "local", "images", source, *SMALL, "--labels", str(labels))
    assert (local.titles(), local.manifest["digest"]) == (TITLES, dataset.manifest["digest"])
    message = refused(tmp_path / "no", "images", photos.uri, "--labels", f"{bucket}/labelled/none.csv")
    assert f"--labels {bucket}/labelled/none.csv: no such file" in message


@pytest.mark.parametrize("names", [["1.png", "2.png"], ["cats/1.png", "cats/2.png"]])
def test_labels_by_folders_that_do_not_tell_images_apart(tmp_path: Path, names: list[str]) -> None:
    source = write_files(tmp_path / "in", dict.fromkeys(names, FILES["day/0.png"]))
    message = refused(tmp_path / "out", "images", source, "--labels", "folders")
    assert "--labels folders, and the images lie in no class folders, or all in one; leave --labels out" in message
    assert prepared(tmp_path / "out", "images", source, *SMALL).class_names == []
