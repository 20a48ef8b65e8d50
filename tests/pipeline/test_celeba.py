"""CelebA: its tables wherever they lie, its splits and attributes, and the fixed window. No face detector here."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gan_core.storage import open_folder
from gan_pipeline.dataset.records import frame
from tests.support.celeba_files import (
    ATTRIBUTES,
    CSV_TABLES,
    LANDMARKS,
    NAMES,
    PARTITION,
    PARTS,
    PHOTOGRAPHS,
    POINTS,
    SMILES,
    TEXT_TABLES,
    csv_table,
    text_table,
)
from tests.support.commands import Ran
from tests.support.datasets import examples, failures, images_of, prepare, run_child, run_cli, shards, tree, write_files
from tests.support.image_files import photograph, zipped

FOLDER = {f"img_align_celeba/{name}": content for name, content in PHOTOGRAPHS.items()}
PACKED = {"img_align_celeba.zip": zipped(FOLDER)}
CENTER = ("--faces", "center")
EVERYTHING = (*CENTER, "--split", "train,validation,test")


def pixels_of(name: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(PHOTOGRAPHS[name])))


def by_stem(out: Path, split: str = "train") -> dict[str, list[int]]:
    """Attributes by the file name of the photograph."""
    return {Path(one.id).name: np.asarray(one.values["attributes"]).tolist() for one in examples(out, split)}


PLACES = {
    "beside the folder": (FOLDER | TEXT_TABLES, "img_align_celeba"),
    "beside the folder, from Kaggle": (FOLDER | CSV_TABLES, "img_align_celeba"),
    "inside the folder": ({f"img_align_celeba/{n}": c for n, c in (PHOTOGRAPHS | TEXT_TABLES).items()}, "img_align_celeba"),
    "the folder above both": (FOLDER | CSV_TABLES, ""),
    "beside the zip": (PACKED | TEXT_TABLES, "img_align_celeba.zip"),
    "a folder of zip and tables": (PACKED | TEXT_TABLES | {"README.md": b""}, ""),
    "inside the zip": (
        {"archive.zip": zipped({f"img_align_celeba/{n}": c for n, c in FOLDER.items()} | CSV_TABLES)},
        "archive.zip",
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_tables_are_found_where_they_lie(tmp_path: Path, place: str) -> None:
    files, source = PLACES[place]
    root = write_files(tmp_path / "in", files)
    manifest = prepare(tmp_path / "out", *EVERYTHING, source=root / source, dataset="celeba")
    assert manifest.features["attributes"].names == ATTRIBUTES
    assert {name: split.examples for name, split in manifest.splits.items()} == {"train": 5, "validation": 2, "test": 1}
    for number, split in enumerate(("train", "validation", "test")):
        expected = {name: [int(value > 0) for value in SMILES[name]] for name in NAMES if PARTITION[name] == [number]}
        assert by_stem(tmp_path / "out", split) == expected


def test_tables_on_gs(bucket: str, tmp_path: Path) -> None:
    for name, content in (FOLDER | TEXT_TABLES | PACKED).items():
        open_folder(f"{bucket}/celeba").write(name, content)
    prepare(
        tmp_path / "local",
        *EVERYTHING,
        source=write_files(tmp_path, PACKED | TEXT_TABLES) / "img_align_celeba.zip",
        dataset="celeba",
    )
    for number, source in enumerate(("img_align_celeba", "img_align_celeba.zip")):
        prepare(tmp_path / str(number), *EVERYTHING, source=f"{bucket}/celeba/{source}", dataset="celeba")
        assert by_stem(tmp_path / str(number)) == by_stem(tmp_path / "local")
    # A zip keeps its inner folder in the names of its photographs, wherever it lies.
    assert shards(tmp_path / "1") == shards(tmp_path / "local")


def test_txt_and_csv_say_the_same(tmp_path: Path) -> None:
    for name, tables in {"txt": TEXT_TABLES, "csv": CSV_TABLES}.items():
        source = write_files(tmp_path / f"{name}-in", FOLDER | tables) / "img_align_celeba"
        prepare(tmp_path / name, *EVERYTHING, source=source, dataset="celeba")
    assert shards(tmp_path / "txt") == shards(tmp_path / "csv")


def test_one_split(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", FOLDER | TEXT_TABLES) / "img_align_celeba"
    prepare(tmp_path / "out", *CENTER, "--split", "validation", source=source, dataset="celeba")
    assert set(images_of(tmp_path / "out", "validation")) == {"000006.jpg", "000007.jpg"}


def test_without_tables_all_are_train_and_there_are_no_attributes(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", PHOTOGRAPHS)
    manifest = prepare(tmp_path / "out", *CENTER, source=source, dataset="celeba")
    assert (list(manifest.features), manifest.counts.kept) == (["image"], 8)
    ran = run_cli("prepare", "celeba", "--source", source, *CENTER, "--split", "test", "-o", tmp_path / "test")
    assert (ran.code, "no split 'test' in this source; it has: train" in ran.err) == (2, True)


def test_inspect_counts_the_attributes(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", FOLDER | TEXT_TABLES) / "img_align_celeba"
    prepare(tmp_path / "out", *CENTER, source=source, dataset="celeba")
    summary = json.loads(run_cli("inspect", tmp_path / "out", "--json").out)
    counted = summary["splits"]["train"]["attributes"]
    assert counted == {title: sum(row[at] for row in by_stem(tmp_path / "out").values()) for at, title in enumerate(ATTRIBUTES)}
    assert "attributes int64 (3 attributes)" in run_cli("inspect", tmp_path / "out").out
    assert run_cli("verify", "--deep", tmp_path / "out").code == 0


def test_a_changed_table_is_another_source(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", FOLDER | TEXT_TABLES)
    prepare(tmp_path / "out", *CENTER, source=source / "img_align_celeba", dataset="celeba")
    turned = {name: [-value for value in row] for name, row in SMILES.items()}
    other = write_files(tmp_path / "other", FOLDER | TEXT_TABLES | {"list_attr_celeba.txt": text_table(turned, ATTRIBUTES)})
    ran = run_cli("prepare", "celeba", "--source", other / "img_align_celeba", *CENTER, "-o", tmp_path / "out")
    assert (ran.code, f"now asked for source={other}/img_align_celeba" in ran.err) == (2, True)


@pytest.mark.parametrize("size", ["80", "64", "128"])
def test_the_center_window(tmp_path: Path, size: str) -> None:
    source = write_files(tmp_path / "in", PHOTOGRAPHS)
    options = () if size == "80" else ("--image-size", size)
    manifest = prepare(tmp_path / "out", *CENTER, *options, source=source, dataset="celeba")
    assert manifest.image().shape == (int(size), int(size), 3)
    for name, image in images_of(tmp_path / "out").items():
        window = Image.fromarray(pixels_of(name)[50:178, 25:153]).resize((int(size), int(size)), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(image, np.asarray(window))


def test_the_whole_photograph(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", PHOTOGRAPHS)
    prepare(tmp_path / "out", "--faces", "none", "--image-size", "178", source=source, dataset="celeba")
    for name, image in images_of(tmp_path / "out").items():
        np.testing.assert_array_equal(image, pixels_of(name)[20:198])


def test_a_photograph_too_small_for_the_window_is_dropped(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", PHOTOGRAPHS | {"small.jpg": photograph(1, 177, 178)})
    prepare(tmp_path / "out", *CENTER, "--max-failure-rate", "0.5", source=source, dataset="celeba")
    (line,) = failures(tmp_path / "out")
    assert (line["id"], line["stage"], line["reason"]) == ("small.jpg", "crop", "too small")
    assert line["detail"] == "178x177 pixels, the window needs 153x178"


def without(rows: dict[str, list[int]], *names: str) -> dict[str, list[int]]:
    return {name: row for name, row in rows.items() if name not in names}


AGAIN = "fetch the file again, from the same place as the photographs"
WRONG = {
    "a row missing": ("list_attr_celeba.txt", text_table(without(dict(SMILES), NAMES[3]), ATTRIBUTES), "no row for 000004.jpg"),
    "a part missing": (
        "list_eval_partition.csv",
        csv_table(without(dict(PARTITION), NAMES[0]), ["p"]),
        "no row for 000001.jpg",
    ),
    "a longer row": (
        "list_attr_celeba.txt",
        text_table({**SMILES, NAMES[2]: [1] * 4}, ATTRIBUTES),
        "the row of 000003.jpg has 4 values for 3",
    ),
    "a shorter row": (
        "list_attr_celeba.csv",
        csv_table({**SMILES, NAMES[2]: [1]}, ATTRIBUTES),
        "the row of 000003.jpg has 1 values for 3",
    ),
    "a wrong count": ("list_attr_celeba.txt", text_table(SMILES, ATTRIBUTES, 9), "its first line promises 9 rows and it has 8"),
    "a cut": ("list_attr_celeba.txt", TEXT_TABLES["list_attr_celeba.txt"][:-40], "has "),
    "a row twice": ("list_eval_partition.txt", text_table(PARTITION) + b"000002.jpg 0\n", "two rows for 000002.jpg"),
    "a word": (
        "list_eval_partition.txt",
        text_table(PARTITION) + b"000009.jpg x\n",
        "row of 000009.jpg holds something that is no whole",
    ),
    "a huge number": (
        "list_eval_partition.txt",
        text_table({**PARTITION, "9.jpg": [2**31]}),
        "the row of 9.jpg holds something",
    ),
    "nothing": ("list_attr_celeba.txt", b"", "holds no rows"),
    "a header alone": ("list_attr_celeba.csv", b"image_id,Bald\n", "holds no rows"),
    "bytes": ("list_attr_celeba.txt", b"\xff\xfe\x00", "not text"),
    "a web page": (
        "list_attr_celeba.txt",
        b"<html>\n<title>Quota exceeded</title>\n</html>\n",
        "its first line promises <html> rows",
    ),
}


def refused(root: Path, out: Path) -> Ran:
    return run_cli("prepare", "celeba", "--source", root / "img_align_celeba", *CENTER, "-o", out)


@pytest.mark.parametrize("case", WRONG)
def test_a_table_that_does_not_match_is_named(tmp_path: Path, case: str) -> None:
    name, content, words = WRONG[case]
    ran = refused(write_files(tmp_path / "in", FOLDER | {name: content}), tmp_path / "out")
    assert ran.code == 3, ran.err
    assert f"{tmp_path}/in/{name}: " in ran.err
    assert words in ran.err
    assert AGAIN in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "list_landmarks_align_celeba.txt",
            text_table({n: [1] * 8 for n in NAMES}, POINTS[:8]),
            "8 columns where 10 are expected",
        ),
        ("list_eval_partition.csv", csv_table({n: [0, 0] for n in NAMES}, ["a", "b"]), "2 columns where 1 are expected"),
        ("list_eval_partition.txt", text_table({**PARTITION, NAMES[4]: [3]}), "000005.jpg is in part 3; 0, 1 and 2 are known"),
    ],
)
def test_a_table_of_another_kind_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    ran = refused(write_files(tmp_path / "in", FOLDER | {name: content}), tmp_path / "out")
    assert (ran.code, f"{tmp_path}/in/{name}: {words}" in ran.err) == (3, True), ran.err


def test_spare_rows_are_noted(tmp_path: Path) -> None:
    few = {name: FOLDER[name] for name in list(FOLDER)[:6]}
    source = write_files(tmp_path / "in", few | TEXT_TABLES)
    ran = run_cli("prepare", "celeba", "--source", source / "img_align_celeba", *CENTER, "-o", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert f"note: {source}/list_attr_celeba.txt: 2 rows belong to photographs that are not there\n" in ran.err
    assert ran.err.count("note: ") == 3


def test_two_photographs_of_one_name(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"a/000001.jpg": b"", "b/000001.jpg": b"", **TEXT_TABLES})
    ran = run_cli("prepare", "celeba", "--source", source, *CENTER, "-o", tmp_path / "out")
    assert (ran.code, f"{source}: two photographs share a file name" in ran.err) == (3, True)


@pytest.mark.parametrize("name", ["img_align_celeba.zip", "download"])
def test_google_drives_refusal_is_explained(tmp_path: Path, name: str) -> None:
    page = b"\n<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"
    source = write_files(tmp_path / "in", {name: page} | TEXT_TABLES)
    # In a folder only a .zip is looked into.
    for given in (source / name, *([source] if name.endswith(".zip") else [])):
        ran = run_cli("prepare", "celeba", "--source", given, *CENTER, "-o", tmp_path / "out")
        assert ran.code == 3, ran.err
        assert f"{source / name}: a web page, not the archive" in ran.err
        assert all(route in ran.err for route in ("in a browser", "Kaggle (CelebA is jessicali9530/celeba-dataset)", "bucket"))


def full_row(name: str) -> list[int]:
    """Forty attributes."""
    return [1 if (NAMES.index(name) + place) % 3 == 0 else -1 for place in range(40)]


def tfds_examples(part: int) -> Iterator[dict[str, Any]]:
    """The photographs of a part as TFDS reads them out of the original files."""
    import tensorflow_datasets as tfds

    names = sorted(tfds.builder("celeb_a").info.features["attributes"])
    for name in NAMES:
        if PARTITION[name] == [part]:
            yield {
                "image": io.BytesIO(PHOTOGRAPHS[name]),
                "attributes": dict(zip(names, (value > 0 for value in full_row(name)), strict=True)),
                "landmarks": dict(zip(POINTS, LANDMARKS[name], strict=True)),
                "identity": {"Identity_No": NAMES.index(name)},
            }


@pytest.fixture(scope="module")
def tfds_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TFDS_DATA_DIR with celeb_a as TFDS leaves it: eight photographs in three splits, attributes and landmarks."""
    import tensorflow_datasets as tfds

    root = tmp_path_factory.mktemp("tfds")
    made = tfds.builder("celeb_a", data_dir=root)
    folder = Path(made.data_dir)
    folder.mkdir(parents=True)
    features = made.info.features
    serializer = tfds.core.example_serializer.ExampleSerializer(features.get_serialized_info())
    infos = []
    for number, split in enumerate(("train", "validation", "test")):
        content = b"".join(frame(serializer.serialize_example(features.encode_example(one))) for one in tfds_examples(number))
        (folder / f"celeb_a-{split}.tfrecord-00000-of-00001").write_bytes(content)
        template = tfds.core.ShardedFileTemplate(
            data_dir=folder, dataset_name="celeb_a", split=split, filetype_suffix="tfrecord"
        )
        lengths = [PARTS.count(number)]
        infos.append(tfds.core.SplitInfo(name=split, shard_lengths=lengths, num_bytes=len(content), filename_template=template))
    tfds.folder_dataset.write_metadata(data_dir=folder, features=features, split_infos=infos, check_data=False)
    assert tfds.builder("celeb_a", data_dir=root).is_prepared()
    return root


def test_celeb_a_of_tfds(tfds_root: Path, tmp_path: Path) -> None:
    env = {"TFDS_DATA_DIR": str(tfds_root)}
    options = ("--source", "tfds", *EVERYTHING, "-o", tmp_path / "out")
    ran = run_child("prepare", "celeba", *options, env=env)
    assert ran.code == 0, ran.err
    for number, split in enumerate(("train", "validation", "test")):
        names = [name for name in NAMES if PARTITION[name] == [number]]
        written = sorted(examples(tmp_path / "out", split), key=lambda example: example.id)
        for one, name in zip(written, names, strict=True):
            assert np.asarray(one.values["attributes"]).tolist() == [int(value > 0) for value in full_row(name)]
            # The stored JPEG is decoded by us and not by TFDS.
            window = Image.fromarray(pixels_of(name)[50:178, 25:153]).resize((80, 80), Image.Resampling.BICUBIC)
            np.testing.assert_array_equal(np.asarray(one.values["image"]), np.asarray(window))
    again = run_child("prepare", "celeba", *options[:-1], tmp_path / "out", "--workers", "2", env=env)
    assert (again.code, again.out.startswith("already done")) == (0, True)


@pytest.mark.evidence
def test_workers_change_nothing(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", FOLDER | TEXT_TABLES | {"img_align_celeba/000003.jpg": b""}) / "img_align_celeba"
    for workers in ("1", "2"):
        options = (*CENTER, "--max-failure-rate", "0.5", "--workers", workers)
        prepare(tmp_path / workers, *options, source=source, dataset="celeba")
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
