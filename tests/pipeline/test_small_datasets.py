"""KMNIST, EMNIST, CIFAR-100, Keras' and Kaggle's files, and official files of another dataset than was named."""

import gzip
import io
import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gan_pipeline.sources import known_files
from gan_pipeline.sources.known_files import OfficialFile
from tests.support.cifar_files import python2_pickle, tar
from tests.support.commands import Ran
from tests.support.datasets import idx, idx_files, run_cli, sample_arrays, write_files
from tests.support.image_files import zipped
from tests.support.tfrecords import label, pixels, records

SAMPLE = Path(known_files.__file__).parent.parent / "sample"
CHANCE = np.random.default_rng(3)
IMAGES = CHANCE.integers(0, 256, (30, 28, 28), np.uint8)
DIGITS = CHANCE.integers(0, 10, 30).astype(np.uint8)


def prepared(dataset: str, source: Path, out: Path, *options: str) -> Ran:
    return run_cli("prepare", dataset, "--source", source, "-o", out, "--shards", "1", *options)


def shipped(prefix: str) -> dict[str, bytes]:
    """The packaged files of MNIST's test set, under a prefix."""
    return {
        f"{prefix}-{name}-ubyte.gz": (SAMPLE / f"t10k-{name}-ubyte.gz").read_bytes() for name in ("images-idx3", "labels-idx1")
    }


def classes(out: Path) -> list[str]:
    names: list[str] = json.loads((out / "manifest.json").read_text())["features"]["label"]["class_names"]
    return names


def assert_holds(out: Path, images: NDArray[np.uint8], labels: NDArray[np.integer], split: str = "train") -> None:
    stored = records(out, split)
    assert len(stored) == len(images)
    for number, image in enumerate(images):
        record = stored[f"{split}-{number:06d}"]
        np.testing.assert_array_equal(pixels(record, *image.shape), image)
        assert label(record) == labels[number]


@pytest.mark.parametrize("given", ["as it is shipped", "unpacked", "packed again"])
def test_digits_given_as_clothes_are_refused(given: str, tmp_path: Path) -> None:
    files = {
        f"t10k-{name}-ubyte.gz": (SAMPLE / f"t10k-{name}-ubyte.gz").read_bytes() for name in ("images-idx3", "labels-idx1")
    }
    plain = {name.removesuffix(".gz"): gzip.decompress(content) for name, content in files.items()}
    again = {f"{name}.gz": gzip.compress(content, 1) for name, content in plain.items()}
    source = write_files(tmp_path / "in", {"as it is shipped": files, "unpacked": plain, "packed again": again}[given])
    ran = prepared("fashion_mnist", source, tmp_path / "out", "--split", "test")
    assert ran.code == 3
    assert "this is the official file of mnist (test images), not of fashion_mnist" in ran.err
    assert "write 'gan-pipeline prepare mnist'" in ran.err
    assert not (tmp_path / "out").exists()
    ran = prepared("mnist", source, tmp_path / "out", "--split", "test", "--limit", "20")
    assert (ran.code, "checksum" in ran.err) == (0, False), ran.err


def test_an_official_file_by_the_sum_of_its_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For most files only the sum of the packed file is published."""
    files = idx_files(packed=True)
    sums = {name: known_files.file_sum(io.BytesIO(content)) for name, content in files.items()}
    parts = {checksum: OfficialFile("kmnist", f"train {name.split('-')[1]}") for name, checksum in sums.items()}
    monkeypatch.setattr(known_files, "OFFICIAL", parts)
    source = write_files(tmp_path / "in", files)
    ran = prepared("mnist", source, tmp_path / "out")
    assert (ran.code, "official file of kmnist (train images), not of mnist" in ran.err) == (3, True), ran.err
    ran = prepared("kmnist", source, tmp_path / "out")
    assert (ran.code, "checksum" in ran.err) == (0, False), ran.err


def test_test_images_under_the_name_of_train_images(tmp_path: Path) -> None:
    files = {
        f"train-{name}-ubyte.gz": (SAMPLE / f"t10k-{name}-ubyte.gz").read_bytes() for name in ("images-idx3", "labels-idx1")
    }
    ran = prepared("mnist", write_files(tmp_path / "in", files), tmp_path / "out")
    assert ran.code == 3
    assert "mnist's official file of test images under the name of its train images" in ran.err


def test_data_of_ones_own_is_read_and_told(tmp_path: Path) -> None:
    ran = prepared("mnist", write_files(tmp_path / "in", idx_files()), tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "not an official file of mnist by its checksum; it is read as data of your own" in ran.err
    images, labels = sample_arrays()
    assert_holds(tmp_path / "out", images[:60, ..., np.newaxis], labels[:60])


def test_every_official_sum_is_a_sum() -> None:
    assert len(known_files.OFFICIAL) == 3 * 4 + 6 + 5
    assert all(len(checksum) == 64 and int(checksum, 16) for checksum in known_files.OFFICIAL)
    files = {name: (SAMPLE / f"t10k-{name}-ubyte.gz").read_bytes() for name in ("images-idx3", "labels-idx1")}
    found = [known_files.OFFICIAL[known_files.file_sum(io.BytesIO(gzip.decompress(content)))] for content in files.values()]
    assert found == [OfficialFile("mnist", "test images"), OfficialFile("mnist", "test labels")]


def test_kmnist(tmp_path: Path) -> None:
    files = {"train-images-idx3-ubyte": idx(IMAGES), "train-labels-idx1-ubyte": idx(DIGITS)}
    ran = prepared("kmnist", write_files(tmp_path / "in", files), tmp_path / "out")
    assert ran.code == 0, ran.err
    assert classes(tmp_path / "out") == ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
    assert_holds(tmp_path / "out", IMAGES[..., np.newaxis], DIGITS)


VARIANTS = {"balanced": (47, "t", 0), "bymerge": (47, "t", 0), "byclass": (62, "z", 0), "letters": (26, "Z", 1)}
VARIANTS |= {"digits": (10, "9", 0), "mnist": (10, "9", 0)}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("packed", ["folder", "zip"])
def test_emnist_is_turned_upright(variant: str, packed: str, tmp_path: Path) -> None:
    count, last, first = VARIANTS[variant]
    labels = (np.arange(30) % count + first).astype(np.uint8)
    labels[7] = count - 1 + first
    files = {
        f"gzip/emnist-{variant}-train-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES.transpose(0, 2, 1))),
        f"gzip/emnist-{variant}-train-labels-idx1-ubyte.gz": gzip.compress(idx(labels)),
        "gzip/emnist-other-train-labels-idx1-ubyte.gz": b"not read",
    }
    source = write_files(tmp_path / "in", {"gzip.zip": zipped(files)} if packed == "zip" else files)
    ran = prepared("emnist", source, tmp_path / "out", *(() if variant == "balanced" else ("--variant", variant)))
    assert ran.code == 0, ran.err
    names = classes(tmp_path / "out")
    assert (len(names), names[-1], len(set(names))) == (count, last, count)
    assert_holds(tmp_path / "out", IMAGES[..., np.newaxis], labels.astype(int) - first)


def test_a_variant_that_there_is_not(tmp_path: Path) -> None:
    ran = prepared("emnist", tmp_path, tmp_path / "out", "--variant", "capitals")
    assert (ran.code, "--variant 'capitals' is unknown; emnist has: balanced, bymerge" in ran.err) == (2, True), ran.err
    ran = prepared("mnist", tmp_path, tmp_path / "out", "--variant", "letters")
    assert (ran.code, "--variant does not apply to mnist; it is an option of emnist, cifar100" in ran.err) == (2, True), ran.err


def npz(**arrays: NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("place", ["file", "folder", "zip"])
def test_the_npz_of_keras(place: str, tmp_path: Path) -> None:
    content = npz(x_train=IMAGES, y_train=DIGITS, x_test=IMAGES[:9], y_test=DIGITS[:9].astype(np.int64))
    source = write_files(
        tmp_path / "in", {"archive.zip": zipped({"mnist.npz": content})} if place == "zip" else {"mnist.npz": content}
    )
    ran = prepared("mnist", source / "mnist.npz" if place == "file" else source, tmp_path / "out", "--split", "train,test")
    assert ran.code == 0, ran.err
    assert "not an official file of mnist" in ran.err
    assert_holds(tmp_path / "out", IMAGES[..., np.newaxis], DIGITS)
    assert_holds(tmp_path / "out", IMAGES[:9, ..., np.newaxis], DIGITS[:9], "test")


HUGE = struct.pack("<6sBBH", b"\x93NUMPY", 1, 0, 128) + (
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 28, 28), }".ljust(127) + b"\n"
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npz(x_train=IMAGES, y_train=DIGITS[:9]), "arrays of shape (30, 28, 28) and (9,)"),
        (npz(x_train=IMAGES[:, :9], y_train=DIGITS), "arrays of shape (30, 9, 28)"),
        (npz(x_train=IMAGES / 255, y_train=DIGITS), "numbers of type float64"),
        (npz(x_train=IMAGES, y_train=DIGITS.astype(int) - 5), "numbers outside 0 to 255"),
        (npz(x_train=IMAGES, y_train=DIGITS + np.uint8(5)), "is outside 0..9"),
        (npz(x_train=IMAGES), "holds no arrays x_train and y_train"),
        (zipped({"x_train.npy": HUGE, "y_train.npy": HUGE}), "shape (1000000000000, 28, 28)"),
        (zipped({"x_train.npy": b"text", "y_train.npy": b""}), "not an array of bytes, or cut off"),
        (npz(x_train=np.array([{}]), y_train=DIGITS), "it holds Python objects, which are not read"),
    ],
)
def test_a_npz_that_is_broken(content: bytes, words: str, tmp_path: Path) -> None:
    ran = prepared("mnist", write_files(tmp_path / "in", {"mnist.npz": content}), tmp_path / "out")
    assert (ran.code, words in ran.err) == (3, True), ran.err


def table(labels: NDArray[np.integer], images: NDArray[np.uint8], header: bool = True) -> bytes:
    head = "label," + ",".join(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29)) + "\n"
    rows = (",".join(map(str, (labels[at], *images[at].ravel()))) + "\n" for at in range(len(images)))
    return ((head if header else "") + "".join(rows)).encode()


@pytest.mark.parametrize(
    ("dataset", "name", "header"),
    [
        ("mnist", "mnist_{}.csv", True),
        ("fashion_mnist", "fashion-mnist_{}.csv", True),
        ("emnist", "emnist-balanced-{}.csv", False),
        ("mnist", "{}.csv", True),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_tables_of_kaggle(dataset: str, name: str, header: bool, packed: bool, tmp_path: Path) -> None:
    stored = IMAGES.transpose(0, 2, 1) if dataset == "emnist" else IMAGES
    files: Mapping[str, bytes] = {
        name.format("train"): table(DIGITS, stored, header),
        name.format("test"): table(DIGITS[:9], stored[:9], header).replace(b"\n", b"\r\n"),
    }
    source = write_files(tmp_path / "in", {"archive.zip": zipped(files)} if packed else files)
    ran = prepared(dataset, source, tmp_path / "out", "--split", "train,test")
    assert ran.code == 0, ran.err
    assert_holds(tmp_path / "out", IMAGES[..., np.newaxis], DIGITS)
    assert_holds(tmp_path / "out", IMAGES[:9, ..., np.newaxis], DIGITS[:9], "test")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"label,a,b\n1,2,3\n", "line 2 is no label with 784 pixels"),
        (b"1" * 200_000, "line 1 is no label with 784 pixels"),
        (table(DIGITS, IMAGES).replace(b"\n", b"\n999,", 1)[:-5], "line 2 is no label with 784 pixels"),
        (b"256" + b",0" * 784, "line 1 holds no number from 0 to 255"),
        (b"1" + b",x" * 784, "line 1 holds no number from 0 to 255"),
        (b"label\n", "holds no image"),
        (b"11" + b",0" * 784, "label 11 at position 0 is outside 0..9"),
    ],
)
def test_a_table_that_is_broken(content: bytes, words: str, tmp_path: Path) -> None:
    ran = prepared("mnist", write_files(tmp_path / "in", {"mnist_train.csv": content}), tmp_path / "out")
    assert (ran.code, words in ran.err) == (3, True), ran.err
    assert len(ran.err) < 500


def test_only_the_other_split_is_there(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"t10k-images-idx3-ubyte": idx(IMAGES), "t10k-labels-idx1-ubyte": idx(DIGITS)})
    ran = prepared("mnist", source, tmp_path / "out")
    assert (ran.code, "holds test and not train; name what to take with --split" in ran.err) == (3, True), ran.err


def test_a_label_file_that_expands_without_end(tmp_path: Path) -> None:
    """1.5 MB of gzip that promise 1.5 billion labels: the headers are compared before anything is unpacked."""
    header = struct.pack(">4BI", 0, 0, 8, 1, 1_500_000_000)
    files = {"train-images-idx3-ubyte": idx(IMAGES), "train-labels-idx1-ubyte.gz": gzip.compress(header + bytes(1 << 24))}
    ran = prepared("mnist", write_files(tmp_path / "in", files), tmp_path / "out")
    assert (ran.code, "its header promises 1,500,000,000 items, at most 20,000,000 are read" in ran.err) == (3, True), ran.err


FINE_COUNT, COARSE_COUNT = 100, 20
PLANES = CHANCE.integers(0, 256, (6, 3072), np.uint8)
FINE, COARSE = [0, 99, 41, 8, 47, 7], [4, 13, 19, 18, 17, 7]


def cifar100(kind: str) -> tuple[str, dict[str, bytes]]:
    from gan_pipeline.dataset.cifar100_classes import CIFAR100_COARSE, CIFAR100_FINE

    if kind == "python":
        batch = {b"data": PLANES, b"fine_labels": FINE, b"coarse_labels": COARSE, b"filenames": [b"x.png"] * 6}
        names = {b"fine_label_names": CIFAR100_FINE, b"coarse_label_names": CIFAR100_COARSE}
        meta = {key: [name.encode() for name in value] for key, value in names.items()}
        files = {"train": python2_pickle(batch), "test": python2_pickle(batch), "meta": python2_pickle(meta)}
        return "cifar-100-python", files
    rows = b"".join(bytes([COARSE[at], FINE[at]]) + PLANES[at].tobytes() for at in range(6))
    fine, coarse = ("\n".join(names).encode() for names in (CIFAR100_FINE, CIFAR100_COARSE))
    return "cifar-100-binary", {
        "train.bin": rows,
        "test.bin": rows,
        "fine_label_names.txt": fine,
        "coarse_label_names.txt": coarse,
    }


@pytest.mark.parametrize("kind", ["python", "binary"])
@pytest.mark.parametrize("variant", ["fine", "coarse"])
def test_cifar100(kind: str, variant: str, tmp_path: Path) -> None:
    folder, files = cifar100(kind)
    (tmp_path / f"{folder}.TAR.GZ").write_bytes(tar(folder, files))
    ran = prepared("cifar100", tmp_path / f"{folder}.TAR.GZ", tmp_path / "out", "--variant", variant)
    assert ran.code == 0, ran.err
    names = classes(tmp_path / "out")
    labels = FINE if variant == "fine" else COARSE
    assert len(names) == (FINE_COUNT if variant == "fine" else COARSE_COUNT)
    assert names[labels[0]] == ("apple" if variant == "fine" else "fruit_and_vegetables")
    assert names[labels[1]] == ("worm" if variant == "fine" else "non-insect_invertebrates")
    images = np.stack([np.stack(row.reshape(3, 32, 32), -1) for row in PLANES])
    assert_holds(tmp_path / "out", images, np.asarray(labels))


def test_cifar100_given_as_cifar10(tmp_path: Path) -> None:
    folder, files = cifar100("python")
    write_files(tmp_path / folder, files)
    ran = prepared("cifar10", tmp_path, tmp_path / "out")
    assert (ran.code, "no CIFAR-10 here" in ran.err) == (3, True), ran.err
