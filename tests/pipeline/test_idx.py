"""idx files: every way they come in, and every way they can be broken."""

import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from gan_core.errors import DataError
from gan_core.storage import open_folder
from gan_pipeline.dataset.catalogue import dataset_info
from gan_pipeline.sources.idx import open_idx
from tests.support.datasets import examples, idx, idx_files, prepare, run_cli, sample_arrays, shards, write_files

pytestmark = pytest.mark.quick

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def test_every_example_arrives_with_its_label(idx_folder: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "out", source=idx_folder)
    images, labels = sample_arrays()
    written = examples(tmp_path / "out")
    assert sorted(example.id for example in written) == [f"train-{number:06d}" for number in range(60)]
    for example in written:
        number = int(example.id.removeprefix("train-"))
        assert example.values["label"] == labels[number]
        np.testing.assert_array_equal(example.values["image"][..., 0], images[number])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mark", ["-", "."])
def test_all_spellings_give_the_same_shards(idx_folder: Path, tmp_path: Path, packed: bool, mark: str) -> None:
    source = write_files(tmp_path / "in", idx_files(packed=packed, mark=mark))
    prepare(tmp_path / "a", source=idx_folder)
    prepare(tmp_path / "b", source=source)
    assert shards(tmp_path / "a") == shards(tmp_path / "b")


def test_gzip_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    files = {name.removesuffix(".gz"): content for name, content in idx_files(packed=True).items()}
    assert prepare(tmp_path / "out", source=write_files(tmp_path / "in", files)).counts.kept == 60


def test_both_splits(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", idx_files(60) | idx_files(20, prefix="t10k", packed=True))
    manifest = prepare(tmp_path / "out", "--split", "train,test", source=source)
    assert {name: split.examples for name, split in manifest.splits.items()} == {"train": 60, "test": 20}
    assert {example.id for example in examples(tmp_path / "out", "test")} == {f"test-{n:06d}" for n in range(20)}


PLAIN, PACKED = idx_files(), idx_files(packed=True)
OTHER_SHAPE = idx(np.zeros((60, 28, 27), np.uint8))
EMPTY = idx(np.zeros((0, 28, 28), np.uint8))
WRONG_LABEL = idx(np.r_[np.zeros(59, np.uint8), np.uint8(10)])


@pytest.mark.parametrize(
    ("files", "name", "words"),
    [
        pytest.param({IMAGES + ".gz": PACKED[IMAGES + ".gz"][:-9]}, IMAGES + ".gz", "cut off or damaged", id="cut gz"),
        pytest.param({IMAGES + ".gz": b"\x1f\x8b"}, IMAGES + ".gz", "cut off or damaged", id="gz magic only"),
        pytest.param({IMAGES + ".gz": PACKED[IMAGES + ".gz"] + b"junk"}, IMAGES + ".gz", "damaged", id="gz and junk"),
        pytest.param({IMAGES: PLAIN[IMAGES][:-1]}, IMAGES, "cut off, its header promises 47056 bytes", id="cut plain"),
        pytest.param({IMAGES: PLAIN[IMAGES] + b"\0"}, IMAGES, "too long", id="too long"),
        pytest.param({IMAGES: PLAIN[IMAGES][:10]}, IMAGES, "cut off inside its header", id="cut header"),
        pytest.param({IMAGES: b"<html>no such page</html>"}, IMAGES, "not an idx file", id="html"),
        pytest.param({IMAGES: b""}, IMAGES, "starts with nothing", id="empty file"),
        pytest.param({IMAGES: EMPTY}, IMAGES, "holds no item", id="no item"),
        pytest.param({IMAGES: OTHER_SHAPE}, IMAGES, "items of shape (28, 27) where (28, 28)", id="shape"),
        pytest.param({IMAGES: PLAIN[LABELS]}, IMAGES, "items of shape ()", id="labels as images"),
        pytest.param({LABELS: PLAIN[IMAGES]}, LABELS, "items of shape (28, 28)", id="images as labels"),
        pytest.param({LABELS: idx_files(59)[LABELS]}, LABELS, "has 60 images but", id="lengths"),
        pytest.param({LABELS: WRONG_LABEL}, LABELS, "label 10 at position 59 is outside 0..9", id="label"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, files: dict[str, bytes], name: str, words: str) -> None:
    kept = {key: value for key, value in PLAIN.items() if f"{key}.gz" not in files}
    source = write_files(tmp_path / "in", kept | files)
    ran = run_cli("prepare", "mnist", "--source", source, "-o", tmp_path / "out")
    assert ran.code == 3
    assert f"{source}/{name}" in ran.err
    assert words in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("missing", [IMAGES, LABELS])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    source = write_files(tmp_path / "in", {name: content for name, content in PLAIN.items() if name != missing})
    ran = run_cli("prepare", "mnist", "--source", source, "-o", tmp_path / "out")
    assert ran.code == 3
    assert f"{source}: no file {missing}" in ran.err


def test_no_files_at_all(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", tmp_path / "absent"):
        ran = run_cli("prepare", "mnist", "--source", source, "-o", tmp_path / "out")
        assert (ran.code, ran.err.startswith(f"error: {source}: not found, or empty")) == (5, True)


def test_a_file_as_source(tmp_path: Path) -> None:
    source = write_files(tmp_path, PLAIN) / IMAGES
    ran = run_cli("prepare", "mnist", "--source", source, "-o", tmp_path / "out")
    assert ran.code == 3
    assert f"{source}: a single file; --source takes the folder or .zip that holds the idx, .csv or .npz files" in ran.err
    assert f"give {tmp_path}" in ran.err


def _mutate(content: bytes, chance: random.Random) -> bytes:
    """One to three of: a changed byte, mostly near the front where the headers are; a cut; a repeat; an insertion."""
    broken = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(min(len(broken), chance.choice([20, len(broken)])) or 1)
        kind = chance.randrange(4)
        if kind == 0 and broken:
            broken[at] = chance.choice([0, 1, 2, 3, 4, 8, 127, 128, 255, chance.randrange(256)])
        elif kind == 1:
            del broken[at : at + chance.choice([1, 4, len(broken)])]
        elif kind == 2:
            broken[at:at] = broken[at : at + chance.randrange(50)]
        else:
            broken[at:at] = chance.randbytes(chance.randrange(9))
    return bytes(broken)


@pytest.mark.parametrize("packed", [False, True])
def test_mutated_files_are_refused_or_read_whole(tmp_path: Path, packed: bool) -> None:
    chance, refused = random.Random(int(packed)), 0
    files = idx_files(12, packed=packed)
    folder, info = open_folder(tmp_path), dataset_info("mnist")
    for _ in range(300):
        name = chance.choice(sorted(files))
        write_files(tmp_path, files | {name: _mutate(files[name], chance)})
        try:
            arrays = open_idx(folder, info, {"train": "train"}).splits["train"]
        except DataError as error:
            assert str(tmp_path / name) in str(error)
            refused += 1
            continue
        # What passes is a whole dataset of the right shape: some other pixel or label, as no checksum covers plain files.
        count = len(arrays.labels)
        assert (arrays.images.shape, len(arrays.images.tobytes())) == ((count, 28, 28, 1), count * 784)
        assert set(arrays.labels) <= set(range(10))
    assert refused >= 150


def test_a_changed_gzip_byte_never_changes_a_pixel(tmp_path: Path) -> None:
    """gzip carries a checksum: damage anywhere but in its harmless header fields is seen."""
    files, info = idx_files(12, packed=True), dataset_info("mnist")
    name, original = f"{IMAGES}.gz", gzip.decompress(files[f"{IMAGES}.gz"])
    for at in range(0, len(files[name]), 7):
        broken = bytearray(files[name])
        broken[at] ^= 0x10
        write_files(tmp_path, files | {name: bytes(broken)})
        try:
            arrays = open_idx(open_folder(tmp_path), info, {"train": "train"})
        except DataError:
            continue
        assert arrays.splits["train"].images.tobytes() == original[16:]
