"""People's own labels: none, tables, Hugging Face's metadata, StyleGAN's dataset.json, Tiny-ImageNet, CelebA's attributes."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support.celeba_files import ATTRIBUTES, NAMES, PHOTOGRAPHS, SMILES, TEXT_TABLES, text_table
from tests.support.datasets import prepare, run_cli, write_files
from tests.support.image_files import encoded, noise, zipped
from tests.support.plain_records import prepared, refused, understood

SMALL = ("--image-size", "8")
FLAT = {f"{n}.png": encoded(noise(n, 8, 8)) for n in range(6)}
TITLES = {f"{n}.png": ("cat", "dog", "Eel")[n % 3] for n in range(6)}
NESTED = {f"photos/{n // 2}/{name}": content for n, (name, content) in enumerate(FLAT.items())}

TABLES = {
    "comma.csv": "".join(f"{name},{title}\n" for name, title in TITLES.items()),
    "header.csv": "file_name,label\n" + "".join(f"{name},{title}\n" for name, title in TITLES.items()),
    "other order.csv": "breed,id\r\n" + "".join(f"{title},{name[:-4]}\r\n" for name, title in TITLES.items()),
    "many columns.csv": "width,image,note,label\n" + "".join(f'8,{name},"a, b",{title}\n' for name, title in TITLES.items()),
    "tab.tsv": "".join(f"{name}\t{title}\n" for name, title in TITLES.items()),
    "semicolon.csv": "\ufefffile;class\n\n" + "".join(f'"{name}";"{title}"\n' for name, title in TITLES.items()),
    "blank.txt": "".join(f"./{name} {title}\n" for name, title in TITLES.items()),
    "metadata.jsonl": "".join(json.dumps({"file_name": name, "label": title}) + "\n" for name, title in TITLES.items()),
    "dataset.json": json.dumps({"labels": [[name, ["cat", "dog", "Eel"].index(title)] for name, title in TITLES.items()]}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_file_of_labels(tmp_path: Path, name: str) -> None:
    table = write_files(tmp_path, {name: TABLES[name].encode()}) / name
    source = write_files(tmp_path / "in", NESTED)
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--labels", str(table))
    titles = {"cat": "0", "dog": "1", "Eel": "2"} if name == "dataset.json" else dict(zip(*[TITLES.values()] * 2, strict=True))
    assert dataset.titles() == {path: titles[TITLES[Path(path).name]] for path in NESTED}
    # Names are in the order of their letters, numbers in the order of numbers.
    assert dataset.class_names == sorted(set(titles.values()))
    for path, image in dataset.images().items():
        np.testing.assert_array_equal(image, noise(int(Path(path).stem), 8, 8))
    assert dataset.manifest["understood"]["labels"] == name
    # The same again is done, and other labels are another dataset.
    assert prepare(tmp_path / "out", *SMALL, "--shards", "1", "--labels", table, source=source, dataset="images")
    table.write_bytes(table.read_bytes().replace(b"dog", b"hen").replace(b", 1]", b", 7]"))
    other = prepared(tmp_path / "other", "images", source, *SMALL, "--labels", str(table))
    assert other.manifest["source"]["fingerprint"] != dataset.manifest["source"]["fingerprint"]


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_hugging_faces_metadata_lies_in_every_split(tmp_path: Path, name: str) -> None:
    rows = {part: {f"{n}.png": f"{part} {n % 2}" for n in range(3)} for part in ("train", "test")}
    files = {f"{part}/{file}": encoded(noise(n, 8, 8)) for part in rows for n, file in enumerate(rows[part])}
    for part, titles in rows.items():
        lines = [json.dumps({"file_name": file, "text": "x", "label": title}) for file, title in titles.items()]
        if name.endswith(".csv"):
            lines = ["file_name,text,label", *(f"{file},x,{title}" for file, title in titles.items())]
        files[f"{part}/{name}"] = "\n".join(lines).encode()
    source = write_files(tmp_path, {"in.zip": zipped(files)}) / "in.zip"
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--split", "train,test", "--labels", name)
    for part, titles in rows.items():
        assert dataset.titles(part) == {f"{part}/{file}": title for file, title in titles.items()}
    assert dataset.class_names == ["test 0", "test 1", "train 0", "train 1"]
    found = understood("images", source)
    assert (found["labels"], found["tables_unused"]) == ("none", [f"test/{name}", f"train/{name}"])


def test_the_key_that_holds_the_label_can_be_named(tmp_path: Path) -> None:
    lines = [json.dumps({"file_name": name, "species": title, "label": 1}) for name, title in TITLES.items()]
    source = write_files(tmp_path / "in", FLAT | {"metadata.jsonl": "\n".join(lines).encode()})
    named = ("--labels", "metadata.jsonl", "--label-attribute", "species")
    assert prepared(tmp_path / "out", "images", source, *SMALL, *named).titles() == TITLES


def test_labels_none_and_folders(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {f"{title}/{name}": FLAT[name] for name, title in TITLES.items()})
    assert prepared(tmp_path / "folders", "images", source, *SMALL, "--labels", "folders").class_names == ["Eel", "cat", "dog"]
    none = prepared(tmp_path / "none", "images", source, *SMALL, "--labels", "none")
    assert (list(none.manifest["features"]), len(none.records())) == (["image"], 6)
    assert none.manifest["understood"]["labels"] == "none"


SHARDS = {f"{n // 1000:05d}/img{n:08d}.png": encoded(noise(n, 8, 8)) for n in (0, 1, 999, 1000, 1001, 2500)}
STYLEGAN = {name: n % 2 * 7 for n, name in enumerate(SHARDS)}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("above", ["", "data/cats/"])
def test_stylegans_dataset_json_is_found_by_itself(tmp_path: Path, packed: bool, above: str) -> None:
    files = SHARDS | {"dataset.json": json.dumps({"labels": [[name, label] for name, label in STYLEGAN.items()]}).encode()}
    files = {above + name: content for name, content in files.items()}
    source = write_files(tmp_path, {"in.zip": zipped(files)}) / "in.zip" if packed else write_files(tmp_path / "in", files)
    dataset = prepared(tmp_path / "out", "images", source, *SMALL)
    assert dataset.class_names == ["0", "7"]
    assert dataset.titles() == {above + name: str(label) for name, label in STYLEGAN.items()}
    assert dataset.manifest["understood"]["labels"] == f"{above}dataset.json"
    assert dataset.manifest["understood"]["left_out"] == {}


@pytest.mark.parametrize("document", [b'{"labels": null}', None, b'{"license": "public"}'])
def test_shard_folders_are_no_classes(tmp_path: Path, document: bytes | None) -> None:
    source = write_files(tmp_path / "in", SHARDS | ({} if document is None else {"dataset.json": document}))
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--strict")
    assert (list(dataset.manifest["features"]), set(dataset.records())) == (["image"], set(SHARDS))
    assert dataset.manifest["understood"]["labels"].startswith("none (")
    assert prepared(tmp_path / "known", "images", source, *SMALL, "--labels", "folders").class_names == [
        "00000",
        "00001",
        "00002",
    ]


def test_ffhqs_numbered_folders_have_no_labels(tmp_path: Path) -> None:
    files = {f"images1024x1024/{n // 1000 * 1000:05d}/{n:05d}.png": encoded(noise(1, 8, 8)) for n in (0, 1, 1999, 69000, 69999)}
    source = write_files(tmp_path / "in", files | {"ffhq-dataset-v2.json": b"{}"})
    found = understood("images", source, "--strict")
    assert (found["labels"], found["warnings"]) == ("none (00000 to 69000 are shard folders)", [])
    assert (found["splits"]["train"]["classes"], found["splits"]["train"]["inputs"]) == ({}, 5)


def test_folders_that_only_look_like_shards_are_warned_of(tmp_path: Path) -> None:
    """As the folders of GTSRB, which are classes."""
    files = {f"{sign:05d}/{sign:05d}_{n:05d}.png": encoded(noise(n, 8, 8)) for sign in range(3) for n in range(2)}
    source = write_files(tmp_path / "in", files)
    message = refused(tmp_path / "out", "images", source, "--strict")
    assert "folders 00000, 00001, 00002 were taken for shards, not classes; give --labels folders if they are" in message
    known = prepared(tmp_path / "known", "images", source, *SMALL, "--strict", "--labels", "folders")
    assert known.class_names == ["00000", "00001", "00002"]


def test_tiny_imagenet(tmp_path: Path) -> None:
    ids = ("n01443537", "n02099601")
    train = [f"train/{title}/images/{title}_{n}.JPEG" for title in ids for n in range(3)]
    val, test = [f"val/images/val_{n}.JPEG" for n in range(4)], [f"test/images/test_{n}.JPEG" for n in range(2)]
    files = {name: encoded(noise(n, 8, 8), "PNG") for n, name in enumerate([*train, *val, *test])}
    boxes = {f"train/{title}/{title}_boxes.txt": b"x\t0\t0\t1\t1\n" for title in ids}
    annotations = "".join(f"val_{n}.JPEG\t{ids[n % 2]}\t0\t32\t44\t62\n" for n in range(4)).encode()
    others = {"val/val_annotations.txt": annotations, "wnids.txt": "\n".join(ids).encode(), "words.txt": b"x\ty\n"}
    source = write_files(
        tmp_path / "in", {f"tiny-imagenet-200/{name}": file for name, file in (files | boxes | others).items()}
    )
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--split", "train,validation")
    assert dataset.class_names == list(ids)
    assert dataset.titles() == {f"tiny-imagenet-200/{name}": name.split("/")[1] for name in train}
    assert dataset.titles("validation") == {f"tiny-imagenet-200/{name}": ids[n % 2] for n, name in enumerate(val)}
    for name, image in dataset.images("validation").items():
        np.testing.assert_array_equal(image, noise(len(train) + int(Path(name).stem[-1]), 8, 8))
    assert dataset.manifest["understood"]["labels"] == "folders, tiny-imagenet-200/val/val_annotations.txt"
    message = refused(tmp_path / "test", "images", source, *SMALL, "--split", "train,test")
    assert "the images of split test have no labels, such as tiny-imagenet-200/test/images/test_0.JPEG; leave test" in message


FAULTS = {
    "missing rows": ("l.csv", "0.png,cat\n", "l.csv: no line for 1.png and 4 more images; add them"),
    "an unknown file": ("l.csv", TABLES["comma.csv"] + "7.png,cat\n", "l.csv, line 7: there is no image 7.png"),
    "twice": ("l.csv", TABLES["comma.csv"] + "0.png,dog\n", "l.csv, line 7: a second label for 0.png, the first is at"),
    "no label": ("l.csv", "0.png,cat\n1.png,\n", "l.csv, line 2: the label of 1.png is missing"),
    "too few cells": ("l.csv", "0.png,cat\n1.png\n", "l.csv, line 2: 1 cells where there are 2 columns"),
    "no such column": ("l.csv", "file,a,b\n0.png,1,2\n", "l.csv, line 1: no column is named label, there are: file, a, b;"),
    "no header": ("l.csv", "0.png,1,2\n", "l.csv, line 1: 3 columns and no header; keep two"),
    "one column": ("l.csv", "0.png\n", "l.csv, line 1: no table of file and label"),
    "an open quote": ("l.csv", '0.png,cat\n1.png,"dog\n' + "x,y\n" * 20_000, "l.csv, line 2: field larger than field limit"),
    "a huge field": ("l.csv", f"0.png,cat\n1.png,{'x' * 30_000_000}\n", "l.csv, line 2: field larger than field limit (32768)"),
    "a huge line": ("l.jsonl", f'\n{{"file_name": "{"x" * 30_000_000}"}}', "l.jsonl, line 2: 30,000,017 characters, at most"),
    "no JSON": ("l.jsonl", '{"file_name": "0.png", "label": 1}\n{', "line 2 is damaged"),
    "no file_name": ("l.jsonl", '{"label": 1}', "l.jsonl, line 1: no object with a file_name"),
    "no label in JSON": ("l.jsonl", '{"file_name": "0.png", "text": "x"}', "line 1: no label, only file_name, text;"),
    "a list as label": (
        "l.jsonl",
        '{"file_name": "0.png", "label": [1]}',
        "line 1: label of 0.png is neither text nor a whole",
    ),
    "a vector as label": (
        "dataset.json",
        '{"labels": [["0.png", [0.5, 1]]]}',
        "dataset.json, label 1: the label of 0.png is no",
    ),
    "no dataset.json": ("dataset.json", "[1]", "dataset.json: not the dataset.json of StyleGAN's dataset_tool"),
    "deep JSON": ("dataset.json", "[" * 100_000, "dataset.json: damaged"),
    "empty": ("l.csv", "", "l.csv, line 1: no table of file and label"),
    "nothing but a header": ("l.csv", "file,label\n", "l.csv: holds no rows"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_file_of_labels_is_named_with_its_line_within_seconds(tmp_path: Path, fault: str) -> None:
    name, content, words = FAULTS[fault]
    table = write_files(tmp_path, {name: content.encode()}) / name
    source = write_files(tmp_path / "in", FLAT)
    began = time.monotonic()
    message = refused(tmp_path / "out", "images", source, "--labels", str(table))
    assert time.monotonic() - began < 20
    assert words in message
    assert len(message) < 1000


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    table = write_files(tmp_path, {"l.csv": b"0.png,cat\n1.png,caf\xe9\n"}) / "l.csv"
    message = refused(tmp_path / "out", "images", write_files(tmp_path / "in", FLAT), "--labels", str(table))
    assert f"{table}, line 2: not UTF-8 text" in message


def test_a_damaged_dataset_json_is_no_missing_one(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", SHARDS | {"dataset.json": b'{"labels": [['})
    assert f"{source}/dataset.json: damaged" in refused(tmp_path / "out", "images", source)
    assert prepared(tmp_path / "none", "images", source, *SMALL, "--labels", "none").class_names == []


def test_names_that_two_images_have(tmp_path: Path) -> None:
    files = {"a/0.png": FLAT["0.png"], "b/0.png": FLAT["1.png"]}
    source = write_files(tmp_path / "in", files)
    table = write_files(tmp_path, {"l.csv": b"0.png,cat\n"}) / "l.csv"
    message = refused(tmp_path / "out", "images", source, "--labels", str(table))
    assert "0.png may be a/0.png or b/0.png; write the path from the source on" in message
    table.write_bytes(b"a/0.png,cat\nb\\0.png,dog\n")
    assert prepared(tmp_path / "out", "images", source, *SMALL, "--labels", str(table)).titles() == {
        "a/0.png": "cat",
        "b/0.png": "dog",
    }


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", FLAT)
    message = refused(tmp_path / "out", "images", source, "--labels", "labels.csv")
    assert f"--labels labels.csv: no such file, neither here nor in {source}; give folders, none, or a file's path" in message
    assert "--labels does not apply to mnist" in refused(tmp_path / "out", "mnist", "sample", "--labels", "none", code=2)


def test_a_celeba_attribute_as_the_label(tmp_path: Path) -> None:
    files = PHOTOGRAPHS | {"list_attr_celeba.txt": TEXT_TABLES["list_attr_celeba.txt"]}
    source = write_files(tmp_path / "in", files)
    options = ("--faces", "none", *SMALL, "--label-attribute")
    dataset = prepared(tmp_path / "out", "celeba", source, *options, "smiling")
    at = ATTRIBUTES.index("Smiling")
    assert dataset.class_names == ["not Smiling", "Smiling"]
    assert dataset.titles() == {name: "Smiling" if SMILES[name][at] > 0 else "not Smiling" for name in NAMES}
    # The attributes stay.
    assert {name: one["attributes"] for name, one in dataset.records().items()} == {
        name: [int(value > 0) for value in SMILES[name]] for name in NAMES
    }
    understood = dataset.manifest["understood"]
    assert understood["labels"] == "attribute Smiling of list_attr_celeba.txt"
    assert sum(understood["splits"]["train"]["classes"].values()) == len(NAMES)
    message = refused(tmp_path / "no", "celeba", source, *options, "Hat", code=2)
    assert "--label-attribute Hat: no such attribute; choose from: Bald, Smiling, Young" in message
    (source / "list_attr_celeba.txt").unlink()
    assert "--label-attribute Smiling needs list_attr_celeba" in refused(
        tmp_path / "no", "celeba", source, *options, "Smiling", code=2
    )


def test_domains_by_an_attribute_of_celeba(tmp_path: Path) -> None:
    columns = ("Blond_Hair", "Black_Hair", "Smiling")
    rows = {
        name: [1 if n % 4 in (0, 3) else -1, 1 if n % 4 in (1, 3) else -1, 1 if n % 3 else -1] for n, name in enumerate(NAMES)
    }
    files = PHOTOGRAPHS | {"list_attr_celeba.txt": text_table(rows, columns)}
    files |= {"list_eval_partition.txt": TEXT_TABLES["list_eval_partition.txt"]}
    parts = {name: "train" if n < 5 else "validation" if n < 7 else "test" for n, name in enumerate(NAMES)}
    source = write_files(tmp_path, {"celeba.zip": zipped(files)}) / "celeba.zip"
    # Both or neither colour: in no domain.
    dataset = prepared(tmp_path / "hair", "unpaired", source, *SMALL, "--domains", "blond_hair,Black_Hair")
    for split, (has, has_not) in {"trainA": (0, 1), "trainB": (1, 0)}.items():
        chosen = {name for name in NAMES if parts[name] == "train" and rows[name][has] > 0 > rows[name][has_not]}
        assert set(dataset.records(split)) == chosen, split
    neither = sum((row[0] > 0) == (row[1] > 0) for row in rows.values())
    ran = run_cli("prepare", "unpaired", "--source", source, "--domains", "Blond_Hair,Black_Hair", "-o", "x", "--dry-run")
    assert f"note: {neither} photographs have neither or both of the attributes, and are in no domain\n" in ran.out
    splits = dataset.manifest["understood"]["splits"]
    assert {name: split["inputs"] for name, split in splits.items() if not split["written"]}
    smiling = prepared(tmp_path / "smiling", "unpaired", source, *SMALL, "--domains", "Smiling")
    assert set(smiling.records("trainA")) == {name for name in NAMES if parts[name] == "train" and rows[name][2] > 0}
    assert set(smiling.records("trainB")) == {name for name in NAMES if parts[name] == "train" and rows[name][2] < 0}
