"""CelebA whose files were converted, cut short or saved by another program; CelebA-HQ and CelebAMask-HQ."""

import codecs
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.celeba_files import ATTRIBUTES, NAMES, PARTS, PHOTOGRAPHS, SMILES, TEXT_TABLES, csv_table, text_table
from tests.support.commands import Ran
from tests.support.datasets import run_cli, write_files
from tests.support.image_files import encoded, noise
from tests.support.tfrecords import pixels, records

SMALL = ("--faces", "none", "--image-size", "8", "--resampler", "nearest", "--shards", "1")


def prepared(source: Path, out: Path, *options: str) -> Ran:
    return run_cli("prepare", "celeba", "--source", source, "-o", out, *SMALL, *options)


def reduced(image: Image.Image) -> bytes:
    """The middle square of an image in 8x8 pixels, by Pillow."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.convert("RGB").resize((8, 8), Image.Resampling.NEAREST, box)).tobytes()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def smiles(name: str) -> list[int]:
    return [int(value > 0) for value in SMILES[name]]


@pytest.mark.parametrize("ending", [".png", ".JPG", ".jpeg"])
def test_photographs_with_another_ending_than_the_list(ending: str, tmp_path: Path) -> None:
    files = {}
    for name, content in PHOTOGRAPHS.items():
        stored = content
        if ending == ".png":
            buffer = io.BytesIO()
            opened(content).save(buffer, "PNG")
            stored = buffer.getvalue()
        files[name.replace(".jpg", ending)] = stored
    source = write_files(tmp_path / "in", files | TEXT_TABLES)
    ran = prepared(source, tmp_path / "out", "--split", "train,validation,test")
    assert ran.code == 0, ran.err
    assert f"list_attr_celeba.txt: {len(NAMES)} photographs have another ending than in the table" in ran.err
    splits = ("train", "validation", "test")
    stored_records = {split: records(tmp_path / "out", split) for split in splits}
    for name, part in zip(NAMES, PARTS, strict=True):
        record = stored_records[splits[part]][name.replace(".jpg", ending)]
        assert record["attributes"] == smiles(name)
        assert pixels(record, 8, 8, 3).tobytes() == reduced(opened(PHOTOGRAPHS[name]))


def test_two_photographs_that_differ_in_their_ending_alone(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", PHOTOGRAPHS | TEXT_TABLES | {"000001.png": encoded(noise(1))})
    ran = prepared(source, tmp_path / "out")
    assert ran.code == 3
    assert "two photographs share a file name, 000001.jpg and 000001.png" in ran.err


def test_a_list_that_promises_more_than_it_has(tmp_path: Path) -> None:
    table = text_table(SMILES, ATTRIBUTES, 202_599)
    source = write_files(tmp_path / "in", PHOTOGRAPHS | {"list_attr_celeba.txt": table})
    ran = prepared(source, tmp_path / "out")
    assert ran.code == 3
    assert "its first line promises 202599 rows and it has 8" in ran.err
    assert "or take it as it is with --allow-short-tables" in ran.err
    ran = prepared(source, tmp_path / "out", "--allow-short-tables")
    assert ran.code == 0, ran.err
    assert "its first line promises 202599 rows and it has 8, which are taken as they are" in ran.err
    assert {name: record["attributes"] for name, record in records(tmp_path / "out").items()} == {
        name: smiles(name) for name in NAMES
    }
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["options"]["allow_short_tables"] is True
    short = text_table({name: SMILES[name] for name in NAMES[:5]}, ATTRIBUTES, 8)
    (source / "list_attr_celeba.txt").write_bytes(short)
    ran = prepared(source, tmp_path / "second", "--allow-short-tables")
    assert (ran.code, "no row for 000006.jpg" in ran.err) == (3, True), ran.err


@pytest.mark.parametrize("ending", ["txt", "csv"])
@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-16-be", "carriage returns", "both"])
def test_tables_saved_by_other_programs(ending: str, mark: str, tmp_path: Path) -> None:
    plain = (text_table(SMILES, ATTRIBUTES) if ending == "txt" else csv_table(SMILES, ATTRIBUTES)).decode()
    content = {
        "utf-8-sig": plain.encode("utf-8-sig"),
        "utf-16": plain.encode("utf-16"),
        "utf-16-be": codecs.BOM_UTF16_BE + plain.encode("utf-16-be"),
        "carriage returns": plain.replace("\n", "\r").encode(),
        "both": plain.replace("\n", "\r\n").encode(),
    }[mark]
    source = write_files(tmp_path / "in", PHOTOGRAPHS | {f"list_attr_celeba.{ending}": content})
    ran = prepared(source, tmp_path / "out")
    assert ran.code == 0, ran.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["features"]["attributes"]["names"] == list(ATTRIBUTES)
    assert {name: record["attributes"] for name, record in records(tmp_path / "out").items()} == {
        name: smiles(name) for name in NAMES
    }


WIDE = b"image_id," + b",".join(b"c%d" % number for number in range(1_000_000)) + b"\n" + b"000001.jpg,1\n" * 1000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("list_attr_celeba.csv", WIDE, "1,000,000 columns, at most 1,000 are read"),
        (
            "list_attr_celeba.csv",
            b"image_id,Bald\n000001.jpg," + b"1" * 200_000 + b"\n",
            "line 2: field larger than field limit",
        ),
        (
            "list_attr_celeba.csv",
            b"image_id,Bald\n000001.jpg," + b"1" * 5_000 + b"\n",
            "holds something that is no whole number",
        ),
        ("list_attr_celeba.csv", b"image_id,Bald\n000001\r.jpg,1\n", "the row of 000001 has 0 values for 1 columns"),
        ("list_attr_celeba.csv", b"a" * ((32 << 20) + 1), "bytes, no table of CelebA takes more than 33,554,432"),
        ("list_attr_celeba.csv", b"i,a\n" + b"".join(b"%d,1\n" % row for row in range(1_000_001)), "more than 1,000,000 rows"),
        ("list_attr_celeba.txt", b"8\n" + b"a " * 2000 + b"\n", "2,000 columns, at most 1,000"),
    ],
)
def test_a_table_beyond_bounds(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {**PHOTOGRAPHS, name: content})
    ran = prepared(source, tmp_path / "out")
    assert (ran.code, words in ran.err) == (3, True), ran.err[:1000]
    assert len(ran.err) < 1000


HQ = {number: noise(50 + number, 32, 32) for number in range(6)}
MAPPING = "idx    orig_idx orig_file\n" + "".join(f"{number} {7 - number} {NAMES[7 - number]}\n" for number in HQ)


def mask_hq() -> dict[str, bytes]:
    root = "CelebAMask-HQ"
    rows = {f"{number}.jpg": [1 if number % 2 else -1, -1, 1] for number in HQ}
    return (
        {f"{root}/CelebA-HQ-img/{number}.jpg": encoded(pixels, "JPEG", quality=95) for number, pixels in HQ.items()}
        | {f"{root}/CelebAMask-HQ-mask-anno/0/{number:05d}_hair.png": encoded(noise(number)) for number in HQ}
        | {f"{root}/CelebAMask-HQ-attribute-anno.txt": text_table(rows, ATTRIBUTES)}
        | {f"{root}/CelebA-HQ-to-CelebA-mapping.txt": MAPPING.encode()}
        | {f"{root}/README.txt": b"see the paper"}
    )


def test_celebamask_hq(tmp_path: Path) -> None:
    """Its own attributes; its masks are no faces."""
    files = mask_hq()
    source = write_files(tmp_path / "in", files)
    ran = prepared(source, tmp_path / "out")
    assert ran.code == 0, ran.err
    stored = records(tmp_path / "out")
    assert stored.keys() == {f"CelebAMask-HQ/CelebA-HQ-img/{number}.jpg" for number in HQ}
    for number in HQ:
        name = f"CelebAMask-HQ/CelebA-HQ-img/{number}.jpg"
        assert stored[name]["attributes"] == [number % 2, 0, 1]
        assert pixels(stored[name], 8, 8, 3).tobytes() == reduced(opened(files[name]))


@pytest.mark.parametrize("layout", ["{:05d}.jpg", "{}.png", "imgHQ{:05d}.npy"])
def test_celeba_hq_by_its_mapping(layout: str, tmp_path: Path) -> None:
    """Attributes and splits are those of the photograph in CelebA that an image was made of; its landmarks do not apply."""
    contents = {}
    for number, image in HQ.items():
        buffer = io.BytesIO()
        np.save(buffer, image.transpose(2, 0, 1)[np.newaxis])
        contents[number] = buffer.getvalue() if layout.endswith("npy") else encoded(image, "PNG" if "png" in layout else "JPEG")
    files = {layout.format(number): content for number, content in contents.items()}
    source = write_files(tmp_path / "in", files | TEXT_TABLES | {"CelebA-HQ-to-CelebA-mapping.txt": MAPPING.encode()})
    ran = prepared(source, tmp_path / "out", "--split", "train,validation,test")
    assert ran.code == 0, ran.err
    assert "landmarks of CelebA's photographs, not of CelebA-HQ's, and not used" in ran.err
    splits = ("train", "validation", "test")
    stored = {split: records(tmp_path / "out", split) for split in splits}
    for number, image in HQ.items():
        record = stored[splits[PARTS[7 - number]]][layout.format(number)]
        assert record["attributes"] == smiles(NAMES[7 - number])
        original = Image.fromarray(image) if "jpg" not in layout else opened(contents[number])
        assert pixels(record, 8, 8, 3).tobytes() == reduced(original)


def test_celeba_hq_whose_names_do_not_match(tmp_path: Path) -> None:
    files = {"portrait.jpg": encoded(HQ[0], "JPEG")} | TEXT_TABLES | {"CelebA-HQ-to-CelebA-mapping.txt": MAPPING.encode()}
    ran = prepared(write_files(tmp_path / "in", files), tmp_path / "out")
    assert (ran.code, "portrait.jpg is not named by its number in CelebA-HQ" in ran.err) == (3, True), ran.err
    files["99.jpg"] = files.pop("portrait.jpg")
    ran = prepared(write_files(tmp_path / "second", files), tmp_path / "out")
    assert (ran.code, "no row for image 99, 99.jpg" in ran.err) == (3, True), ran.err


@pytest.mark.parametrize("fault", ["float", "cut", "shape", "pickle"])
def test_an_array_that_is_no_image(fault: str, tmp_path: Path) -> None:
    files = {}
    for number, image in HQ.items():
        buffer = io.BytesIO()
        np.save(buffer, image)
        files[f"{number}.npy"] = buffer.getvalue()
    buffer = io.BytesIO()
    bad = {"float": np.zeros((8, 8, 3)), "cut": HQ[0], "shape": np.zeros((4, 5, 6, 7), np.uint8)}.get(fault)
    np.save(buffer, np.array([{}]) if bad is None else bad, allow_pickle=True)
    files["bad.npy"] = buffer.getvalue()[: -1 if fault == "cut" else None]
    ran = prepared(write_files(tmp_path / "in", files), tmp_path / "out", "--max-failure-rate", "0.5")
    assert ran.code == 0, ran.err
    assert "dropped 1 inputs (1 corrupt or cut off)" in ran.out
    assert records(tmp_path / "out").keys() == {f"{number}.npy" for number in HQ}
