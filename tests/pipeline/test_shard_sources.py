"""Hugging Face Parquet files and tar archives of a webdataset as sources of images, on disk and on gs://."""

import io
import json
import tarfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gan_core.storage import open_folder
from tests.support.commands import Argument, Ran
from tests.support.datasets import run_cli, shards, write_files
from tests.support.image_files import encoded, noise
from tests.support.tfrecords import label, pixels, records

SMALL = ("--image-size", "8", "--resize", "stretch", "--resampler", "nearest", "--shards", "1")
NAMES = ("zebra", "ant / bee", "3")


def prepared(source: Argument, out: Path, *options: str) -> Ran:
    return run_cli("prepare", "images", "--source", source, "-o", out, *SMALL, *options)


def reduced(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB").resize((8, 8), Image.Resampling.NEAREST)).tobytes()


def picture(number: int) -> bytes:
    return encoded(noise(number), "PNG" if number % 2 else "BMP")


def class_names(out: Path) -> list[str]:
    names: list[str] = json.loads((out / "manifest.json").read_text())["features"]["label"]["class_names"]
    return names


def parquet(numbers: Sequence[int], labels: Sequence[Any], names: Sequence[str] | None = NAMES, paths: bool = True) -> bytes:
    """A file as `datasets` writes it: small row groups, and the features in the schema's metadata."""
    images = [{"bytes": picture(number), "path": f"{number}.png" if paths else None} for number in numbers]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array(images, kind), "label": pa.array(labels), "caption": pa.array(["?"] * len(images))}
    table = pa.table(columns)
    if names:
        features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": list(names)}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=3)
    return file.getvalue()


FILES = {
    "data/train-00000-of-00002-0a1b.parquet": parquet(range(7), [number % 3 for number in range(7)]),
    "data/train-00001-of-00002-0a1c.parquet": parquet(range(7, 10), [2, 1, 0]),
    "data/validation-00000-of-00001.parquet": parquet(range(10, 14), [0, 1, 2, 0]),
    "README.md": b"# a dataset",
    "dataset_infos.json": b"{}",
}
LABELS = [*(number % 3 for number in range(7)), 2, 1, 0]


def place(files: Mapping[str, bytes], where: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if where == "folder":
        return str(write_files(tmp_path / "in", files))
    root = f"{request.getfixturevalue('bucket')}/{uuid.uuid4().hex}"
    for name, content in files.items():
        open_folder(root).write(name, content)
    return root


@pytest.mark.parametrize("where", ["folder", "gs"])
def test_parquet(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The class names are those of the schema in its order, whatever they hold."""
    ran = prepared(place(FILES, where, tmp_path, request), tmp_path / "out", "--split", "train,validation")
    assert ran.code == 0, ran.err
    assert class_names(tmp_path / "out") == list(NAMES)
    for split, numbers, labels in (("train", range(10), LABELS), ("validation", range(10, 14), [0, 1, 2, 0])):
        stored = records(tmp_path / "out", split)
        assert len(stored) == len(numbers)
        for row, number in enumerate(numbers):
            record = stored[f"{split}/{row:08d}.png"]
            assert pixels(record, 8, 8, 3).tobytes() == reduced(picture(number))
            assert label(record) == labels[row]


def test_one_parquet_file_without_metadata(tmp_path: Path) -> None:
    (tmp_path / "cats.parquet").write_bytes(parquet(range(5), ["b", "a", "c", "a", "b"], None, paths=False))
    ran = prepared(tmp_path / "cats.parquet", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "column label" in ran.err
    assert class_names(tmp_path / "out") == ["a", "b", "c"]
    assert [label(record) for _, record in sorted(records(tmp_path / "out").items())] == [1, 0, 2, 0, 1]


def test_workers_change_nothing_about_parquet(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", FILES)
    assert prepared(source, tmp_path / "one").code == 0
    assert run_cli("prepare", "images", "--source", source, "-o", tmp_path / "two", *SMALL, "--workers", "2").code == 0
    assert shards(tmp_path / "one") == shards(tmp_path / "two")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.parquet": b"PAR1 and no more"}, "not a Parquet file, cut off or damaged"),
        ({"a.parquet": FILES["data/validation-00000-of-00001.parquet"][:-100]}, "not a Parquet file, cut off or damaged"),
        ({"a.parquet": parquet(range(2), [0, 3])}, "label 3 of train/00000001.png is outside 0..2"),
        ({"a.parquet": parquet(range(2), [0, -1])}, "train/00000001.png has no label in column label"),
        (
            {"a.parquet": parquet(range(2), [0, 1]), "b.parquet": parquet(range(2), [0, 1], ("x", "y"))},
            "has another column of labels, or other classes, than a.parquet",
        ),
        ({"a.parquet": parquet(range(2), [0, 10**9], None)}, "label 1000000000 of train/00000001.png is outside 0..99999"),
    ],
)
def test_parquet_that_is_broken(files: dict[str, bytes], words: str, tmp_path: Path) -> None:
    ran = prepared(write_files(tmp_path / "in", files), tmp_path / "out")
    assert (ran.code, words in ran.err) == (3, True), ran.err


def tar(members: Mapping[str, bytes], kind: int = tarfile.USTAR_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def samples(numbers: Sequence[int], ending: str, of: Mapping[int, bytes]) -> dict[str, bytes]:
    """Images with a file each that tells their label."""
    return {
        name: content
        for number in numbers
        for name, content in ((f"{number:06d}.png", picture(number)), (f"{number:06d}.{ending}", of[number]))
    }


ENDINGS = {
    "cls": {number: b"%d\n" % (number % 3) for number in range(10)},
    "json": {number: json.dumps({"caption": "x", "label": number % 3}).encode() for number in range(10)},
    "txt": {number: b"%d" % (number % 3) for number in range(10)},
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("where", ["folder", "gs"])
def test_webdataset(ending: str, where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    files = {
        "set-train-000000.tar": tar(samples(range(4), ending, ENDINGS[ending])),
        "set-train-000001.tar": tar(samples(range(4, 7), ending, ENDINGS[ending])),
        "set-val-000000.tar": tar(samples(range(7, 10), ending, ENDINGS[ending])),
    }
    ran = prepared(place(files, where, tmp_path, request), tmp_path / "out", "--split", "train,validation")
    assert ran.code == 0, ran.err
    assert f".{ending} files" in ran.err
    assert class_names(tmp_path / "out") == ["0", "1", "2"]
    for split, numbers in (("train", range(7)), ("validation", range(7, 10))):
        stored = records(tmp_path / "out", split)
        assert stored.keys() == {f"{split}/{number:06d}.png" for number in numbers}
        for number in numbers:
            assert pixels(stored[f"{split}/{number:06d}.png"], 8, 8, 3).tobytes() == reduced(picture(number))
            assert label(stored[f"{split}/{number:06d}.png"]) == number % 3


def test_class_names_and_captions(tmp_path: Path) -> None:
    named = {number: [b"zebra", b"ant"][number % 2] for number in range(4)}
    (tmp_path / "named.tar").write_bytes(tar(samples(range(4), "cls", named)))
    assert prepared(tmp_path / "named.tar", tmp_path / "named").code == 0
    assert class_names(tmp_path / "named") == ["ant", "zebra"]
    assert {name: label(record) for name, record in records(tmp_path / "named").items()} == {
        f"{number:06d}.png": 1 - number % 2 for number in range(4)
    }
    listed = tar({"classnames.txt": b"red\ngreen\nblue\n", **samples(range(4), "cls", ENDINGS["cls"])})
    (tmp_path / "listed.tar").write_bytes(listed)
    assert prepared(tmp_path / "listed.tar", tmp_path / "listed").code == 0
    assert class_names(tmp_path / "listed") == ["red", "green", "blue"]
    captions = {number: b"a photo of %d cats" % number for number in range(4)}
    (tmp_path / "captions.tar").write_bytes(tar(samples(range(4), "txt", captions)))
    ran = prepared(tmp_path / "captions.tar", tmp_path / "captions")
    assert (ran.code, "4 .txt files are captions by their content, and no labels" in ran.err) == (0, True), ran.err
    assert "label" not in json.loads((tmp_path / "captions" / "manifest.json").read_text())["features"]


def test_the_same_name_in_two_shards(tmp_path: Path) -> None:
    files = {
        f"{shard}.tar": tar({"0.png": picture(number), "0.cls": b"%d" % number, "1.png": picture(5), "1.cls": b"2"})
        for number, shard in enumerate(("a", "b"))
    }
    ran = prepared(write_files(tmp_path / "in", files), tmp_path / "out")
    assert ran.code == 0, ran.err
    stored = records(tmp_path / "out")
    assert {name: label(record) for name, record in stored.items()} == {"0.png": 0, "1.png": 2, "b-0.png": 1, "b-1.png": 2}
    assert pixels(stored["b-0.png"], 8, 8, 3).tobytes() == reduced(picture(1))


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_folders_in_a_tar_are_classes(kind: int, tmp_path: Path) -> None:
    """Names beyond 100 bytes have three encodings."""
    long = "/".join(["deep" * 10] * 4)
    members = {f"{title}/{long}/{number}.png": picture(number) for title in ("ant", "bee") for number in range(3)}
    (tmp_path / "a.tar").write_bytes(tar(members, kind))
    ran = prepared(tmp_path / "a.tar", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert class_names(tmp_path / "out") == ["ant", "bee"]
    stored = records(tmp_path / "out")
    assert stored.keys() == members.keys()
    for name, content in members.items():
        assert pixels(stored[name], 8, 8, 3).tobytes() == reduced(content)


@pytest.mark.parametrize(
    ("members", "cut", "words"),
    [
        (samples(range(3), "cls", ENDINGS["cls"]), 2000, "cut off after"),
        ({"0.png": picture(0), "0.cls": b"\xff"}, None, "a .cls file of a sample cannot be read"),
        ({"0.png": picture(0), "0.json": b"{"}, None, "a .json file of a sample cannot be read"),
        ({"0.png": picture(0), "0.cls": b"999999999"}, None, "label 999999999 is outside 0..99999"),
        ({"0.png": picture(0), "0.cls": b"0", "1.png": picture(1)}, None, "1.png has no label in .cls files"),
    ],
)
def test_a_webdataset_that_is_broken(members: dict[str, bytes], cut: int | None, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar(members)[:cut])
    ran = prepared(tmp_path / "a.tar", tmp_path / "out")
    assert (ran.code, words in ran.err) == (3, True), ran.err


@pytest.mark.parametrize(
    ("name", "inside", "words"),
    [
        ("outer.zip", "inner.zip", "an archive that holds inner.zip and no images; unpack it, then give that archive"),
        ("photos.TAR.GZ", None, "cannot be read file by file; unpack it and give the folder"),
        ("photo.JPG", None, "it is one image: give the folder that holds it"),
        ("notes.txt", None, "neither a folder nor a .zip of images; give the folder that holds the images"),
    ],
)
def test_a_file_that_must_be_unpacked_or_is_no_folder(name: str, inside: str | None, words: str, tmp_path: Path) -> None:
    from tests.support.image_files import photograph, zipped

    content = zipped({inside: zipped({"a.png": picture(0)})}) if inside else photograph(1)
    source = write_files(tmp_path / "in", {name: content}) / name
    ran = prepared(source, tmp_path / "out")
    assert (ran.code, words in ran.err, "Traceback" in ran.err) == (3, True, False), ran.err


def test_several_archives_in_a_folder(tmp_path: Path) -> None:
    from tests.support.image_files import zipped

    files = {f"{split}.zip": zipped({"a.png": picture(0)}) for split in ("train", "test")}
    ran = prepared(write_files(tmp_path / "in", files), tmp_path / "out")
    assert ran.code == 3
    assert "holds the archives test.zip, train.zip and no images; give one of them with --source" in ran.err
