"""CIFAR-10: every form of the source gives the same arrays."""

import pickle
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pytest

from gan_core.errors import StorageError
from gan_core.storage import open_folder
from tests.support.cifar_files import (
    BINARY,
    PYTHON,
    batches,
    binary_files,
    python2_pickle,
    python3_pickle,
    python_batch,
    python_files,
    split_arrays,
    tar,
)
from tests.support.cifar_sources import BOTH, PYTHON_ARCHIVE, broken_python, opened, refusal, written
from tests.support.datasets import write_files

pytestmark = pytest.mark.quick

SHARED = Path(__file__).parents[3] / "shared" / "data" / "cifar10" / PYTHON_ARCHIVE


SPELLINGS = (
    "python unpacked",
    "python in a folder",
    "python renamed",
    "python archive",
    "python archive in a folder",
    "python renamed archive",
    "python archive that a browser unpacked",
    "python packed again",
    "python 3",
    "binary unpacked",
    "binary in a folder",
    "binary archive",
    "binary archive in a folder",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_all_spellings_give_the_same(tmp_path: Path, spelling: str) -> None:
    arrays = opened(written(tmp_path, spelling))
    for split in BOTH:
        images, labels = split_arrays(split)
        np.testing.assert_array_equal(arrays.splits[split].images, images)
        np.testing.assert_array_equal(arrays.splits[split].labels, labels)
        assert (arrays.splits[split].images.dtype, arrays.splits[split].labels.dtype) == (np.uint8, np.int64)
    assert arrays.fingerprint == opened(written(tmp_path / "other", "python archive")).fingerprint


def test_a_trailing_slash(tmp_path: Path) -> None:
    assert opened(f"{written(tmp_path, 'python unpacked')}/").fingerprint == opened(tmp_path).fingerprint


def test_a_name_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = written(tmp_path, "python archive")
    monkeypatch.chdir(tmp_path)
    assert opened(archive.name).fingerprint == opened(archive).fingerprint


@pytest.mark.parametrize("split", BOTH)
def test_only_the_wanted_split_is_read(tmp_path: Path, split: str) -> None:
    unwanted = "test_batch" if split == "train" else "data_batch_3"
    source = broken_python(tmp_path, **{unwanted: b"broken"})
    assert set(opened(source, (split,)).splits) == {split}


@pytest.mark.parametrize("packed", [False, True])
def test_the_split_that_was_not_asked_for_is_found(tmp_path: Path, packed: bool) -> None:
    from tests.support.plain_records import understood

    files = dict(python_files())
    source = write_files(tmp_path, {PYTHON_ARCHIVE: tar(PYTHON, files)}) / PYTHON_ARCHIVE
    if not packed:
        source = write_files(tmp_path / PYTHON, files)
    splits = understood("cifar10", source)["splits"]
    assert splits["test"] == {"inputs": None, "written": False, "folders": [], "classes": {}}
    assert opened(source, ("test",)).other_splits == ("train",)
    assert opened(source).other_splits == ()


def test_a_split_with_a_missing_file_is_not_found(tmp_path: Path) -> None:
    files = {name: content for name, content in python_files().items() if name != "data_batch_3"}
    assert opened(write_files(tmp_path, files), ("test",)).other_splits == ()


def test_another_pixel_or_label_is_another_fingerprint(tmp_path: Path) -> None:
    pixels, labels = batches()["data_batch_2"]
    changed = pixels.copy()
    changed[1, 7] ^= 1
    prints = {
        opened(broken_python(tmp_path, data_batch_2=python2_pickle(python_batch("", batch)))).fingerprint
        for batch in ((pixels, labels), (changed, labels), (pixels, [*labels[:-1], (labels[-1] + 1) % 10]))
    }
    assert len(prints) == 3


def test_images_lie_in_an_unnamed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    arrays = opened(written(tmp_path, "python archive"))
    assert all(isinstance(split.images, np.memmap) for split in arrays.splits.values())
    assert not list(scratch.iterdir())


def test_an_array_in_fortran_order(tmp_path: Path) -> None:
    pixels, labels = batches()["data_batch_1"]
    turned = python3_pickle(python_batch("turned", (np.asfortranarray(pixels), labels)))
    assert opened(broken_python(tmp_path / "a", data_batch_1=turned)).fingerprint == opened(broken_python(tmp_path)).fingerprint


def test_over_gs(bucket: str) -> None:
    folder = open_folder(f"{bucket}/cifar")
    folder.write(PYTHON_ARCHIVE, tar(PYTHON, python_files()))
    for name, content in binary_files().items():
        folder.write(f"unpacked/{BINARY}/{name}", content)
    sources = (folder.uri, f"{folder.uri}/{PYTHON_ARCHIVE}", f"{folder.uri}/unpacked", f"{folder.uri}/unpacked/{BINARY}")
    assert len({opened(source).fingerprint for source in sources}) == 1
    assert "not found" in refusal(f"{bucket}/nothing/{PYTHON_ARCHIVE}", StorageError)
    assert "not found, or empty" in refusal(f"{bucket}/nothing", StorageError)


if SHARED.exists():  # The real archive, where it is at hand; the same layout in small is tested above.

    def test_the_official_layout() -> None:
        arrays = opened(SHARED)
        assert {name: split.images.shape for name, split in arrays.splits.items()} == {
            "train": (10_000, 32, 32, 3),
            "test": (2_000, 32, 32, 3),
        }
        with tarfile.open(SHARED) as archive:
            for number in range(1, 6):
                member = archive.extractfile(f"{PYTHON}/data_batch_{number}")
                assert member
                batch = pickle.load(member, encoding="bytes")
                part = slice(2000 * (number - 1), 2000 * number)
                planes = batch[b"data"].reshape(-1, 3, 32, 32)
                np.testing.assert_array_equal(arrays.splits["train"].images[part], np.moveaxis(planes, 1, -1))
                assert arrays.splits["train"].labels[part].tolist() == batch[b"labels"]
