"""CIFAR-10: every way it comes in, every way it can be broken, and pickles and archives that mean harm."""

import gzip
import io
import pickle
import struct
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core.errors import DataError, GanmillError, StorageError
from gan_core.storage import open_folder
from gan_pipeline.dataset.catalogue import dataset_info
from gan_pipeline.sources.base import Arrays
from gan_pipeline.sources.cifar import open_cifar
from tests.support.cifar_files import (
    BINARY,
    CLASSES,
    PYTHON,
    batches,
    binary_batch,
    binary_files,
    python2_pickle,
    python3_pickle,
    python_batch,
    python_files,
    python_meta,
    split_arrays,
    tar,
)
from tests.support.datasets import write_files

pytestmark = pytest.mark.quick

BOTH = ("train", "test")
PYTHON_ARCHIVE, BINARY_ARCHIVE = "cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"
PAGE = "fetch it again from https://www.cs.toronto.edu/~kriz/cifar.html"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "cifar10" / PYTHON_ARCHIVE


def opened(source: object, splits: tuple[str, ...] = BOTH) -> Arrays:
    """The arrays of a source."""
    return open_cifar(str(source), dataset_info("cifar10"), splits)


def refusal(source: object, kind: type[GanmillError] = DataError) -> str:
    """The one line this source is refused with."""
    with pytest.raises(kind) as caught:
        opened(source)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def broken_python(folder: Path, **files: bytes) -> Path:
    """The unpacked python version with some files replaced."""
    return write_files(folder, {**python_files(), **files})


def _made(root: Path, spelling: str) -> Path:
    """One way CIFAR-10 may lie on a disk: the argument for --source."""
    python, binary = dict(python_files()), dict(binary_files())
    match spelling:
        case "python unpacked":
            return write_files(root / PYTHON, python)
        case "python in a folder":
            return write_files(root / PYTHON, python).parent
        case "python renamed":
            return write_files(root / "my files", python)
        case "python archive":
            return write_files(root, {PYTHON_ARCHIVE: tar(PYTHON, python)}) / PYTHON_ARCHIVE
        case "python archive in a folder":
            return write_files(root, {PYTHON_ARCHIVE: tar(PYTHON, python)})
        case "python renamed archive":
            return write_files(root, {"c.tgz": tar(PYTHON, python)}) / "c.tgz"
        case "python archive that a browser unpacked":
            return write_files(root, {PYTHON_ARCHIVE: tar(PYTHON, python, "w")}) / PYTHON_ARCHIVE
        case "python packed again":
            return write_files(root, {"c.tar": tar(f"./{PYTHON}", python, "w", tarfile.PAX_FORMAT)}) / "c.tar"
        case "python 3":
            again = {name: python3_pickle(python_batch(name, batch)) for name, batch in batches().items()}
            return write_files(root, again | {"batches.meta": python3_pickle(python_meta())})
        case "binary unpacked":
            return write_files(root / BINARY, binary)
        case "binary in a folder":
            return write_files(root / BINARY, binary).parent
        case "binary archive":
            return write_files(root, {BINARY_ARCHIVE: tar(BINARY, binary)}) / BINARY_ARCHIVE
        case "binary archive in a folder":
            return write_files(root, {BINARY_ARCHIVE: tar(BINARY, binary)})
    raise AssertionError(spelling)


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
    arrays = opened(_made(tmp_path, spelling))
    for split in BOTH:
        images, labels = split_arrays(split)
        np.testing.assert_array_equal(arrays.splits[split].images, images)
        np.testing.assert_array_equal(arrays.splits[split].labels, labels)
        assert (arrays.splits[split].images.dtype, arrays.splits[split].labels.dtype) == (np.uint8, np.int64)
    assert arrays.fingerprint == opened(_made(tmp_path / "other", "python archive")).fingerprint


def test_a_trailing_slash(tmp_path: Path) -> None:
    assert opened(f"{_made(tmp_path, 'python unpacked')}/").fingerprint == opened(tmp_path).fingerprint


def test_a_name_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = _made(tmp_path, "python archive")
    monkeypatch.chdir(tmp_path)
    assert opened(archive.name).fingerprint == opened(archive).fingerprint


@pytest.mark.parametrize("split", BOTH)
def test_only_the_wanted_split_is_read(tmp_path: Path, split: str) -> None:
    unwanted = "test_batch" if split == "train" else "data_batch_3"
    source = broken_python(tmp_path, **{unwanted: b"broken"})
    assert set(opened(source, (split,)).splits) == {split}


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
    arrays = opened(_made(tmp_path, "python archive"))
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


PIXELS, LABELS = batches()["data_batch_2"]
BATCH = python_batch("training batch 2 of 5", (PIXELS, LABELS))
PICKLE = python_files()["data_batch_2"]


def changed(**entries: Any) -> bytes:
    """A batch with some entries replaced."""
    return python2_pickle(BATCH | {key.encode(): value for key, value in entries.items()})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "not of CIFAR-10, cut off, or damaged", id="empty"),
        pytest.param(PICKLE[:-1], "cut off, or damaged", id="cut by a byte"),
        pytest.param(PICKLE[:5000], "cut off, or damaged", id="cut"),
        pytest.param(b"<!DOCTYPE html><html>no such page</html>", "not of CIFAR-10", id="html"),
        pytest.param(binary_batch(batches()["data_batch_2"]), "not of CIFAR-10", id="binary"),
        pytest.param(python2_pickle([1]), "a list where a dictionary is expected", id="list"),
        pytest.param(python2_pickle(python_meta()), "no list of labels", id="meta as batch"),
        pytest.param(changed(labels=[[1]]), "no list of labels", id="labels of lists"),
        pytest.param(changed(labels=[]), "with 0 labels", id="no labels"),
        pytest.param(changed(labels=LABELS[:-1]), f"with {len(LABELS) - 1} labels", id="fewer labels"),
        pytest.param(changed(labels=[*LABELS[:-1], 10]), "label 10 at position 4 is outside 0..9", id="label"),
        pytest.param(changed(labels=[-1, *LABELS[1:]]), "label -1 at position 0", id="negative label"),
        pytest.param(changed(data=PIXELS[:, :3071]), "pixels of shape (5, 3071)", id="shape"),
        pytest.param(changed(data=b"bytes"), "no array of bytes", id="no array"),
        pytest.param(changed(data=[1, 2]), "no array of bytes", id="list as data"),
        pytest.param(PICKLE.replace(b"U\x02u1", b"U\x02i8"), "no array of bytes", id="dtype"),
        pytest.param(PICKLE.replace(b"M\x00\x0c\x86", b"M\x01\x0c\x86"), "cannot reshape", id="shape and bytes"),
        pytest.param(changed(data=PIXELS[:0], labels=[]), "with 0 labels", id="no image"),
        pytest.param(python3_pickle(BATCH | {b"data": PIXELS.astype(np.int64)}), "no array of bytes", id="int64"),
        pytest.param(pickle.dumps(BATCH, protocol=4), "instruction FRAME", id="protocol 4"),
    ],
)
def test_a_broken_python_batch_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    message = refusal(broken_python(tmp_path, data_batch_2=content))
    assert f"{tmp_path}/data_batch_2" in message
    assert words in message
    assert "label" in words or message.endswith(PAGE)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data_batch_4.bin", binary_files()["data_batch_4.bin"][:-1], "bytes are no multiple of 3073"),
        ("data_batch_4.bin", b"", "with 0 labels"),
        ("data_batch_4.bin", b"\x0a" + bytes(3072), "label 10 at position 0 is outside 0..9"),
        ("data_batch_4.bin", b"<html>no such page</html>", "bytes are no multiple of 3073"),
        ("batches.meta.txt", b"apple\nbear\n", "its classes are not those of cifar10"),
        ("batches.meta.txt", b"", "its classes are not those of cifar10"),
        ("batches.meta.txt", b"\xff\xfe", "not of CIFAR-10"),
    ],
)
def test_a_broken_binary_file_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    message = refusal(write_files(tmp_path, {**binary_files(), name: content}))
    assert f"{tmp_path}/{name}" in message
    assert words in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (python2_pickle(python_meta(("apple", *CLASSES[1:]))), "its classes are not those of cifar10"),
        (python2_pickle(python_meta(CLASSES[::-1])), "its classes are not those of cifar10"),
        (python2_pickle(BATCH), "no list of class names"),
        (python2_pickle({b"label_names": [b"\xff"]}), "not of CIFAR-10"),
    ],
)
def test_other_classes(tmp_path: Path, content: bytes, words: str) -> None:
    message = refusal(broken_python(tmp_path, **{"batches.meta": content}))
    assert f"{tmp_path}/batches.meta: " in message
    assert words in message


@pytest.mark.parametrize("missing", ["data_batch_1", "data_batch_5", "test_batch", "batches.meta"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_missing_file_is_named(tmp_path: Path, missing: str, packed: bool) -> None:
    files = {name: content for name, content in python_files().items() if name != missing}
    if packed:
        source = write_files(tmp_path, {PYTHON_ARCHIVE: tar(PYTHON, files)}) / PYTHON_ARCHIVE
        assert refusal(source) == f"{source}: {PYTHON}/{missing}: missing; {PAGE}"
    else:
        assert refusal(write_files(tmp_path, files)) == f"{tmp_path}/{missing}: missing; {PAGE}"


def test_a_batch_that_is_far_too_large(tmp_path: Path) -> None:
    with open(broken_python(tmp_path) / "data_batch_1", "r+b") as file:
        file.truncate(65 << 20)
    assert "no file of CIFAR-10 has that many" in refusal(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "absent", tmp_path / "empty"):
        assert refusal(source, StorageError).startswith(f"{source}: not found, or empty; --source takes")
    archive = tmp_path / PYTHON_ARCHIVE
    assert refusal(archive, StorageError) == f"{archive}: not found; check the path"


def test_something_else_there(tmp_path: Path) -> None:
    write_files(tmp_path, {"notes.txt": b"not images"})
    assert refusal(tmp_path).startswith(f"{tmp_path}: no CIFAR-10 here; --source takes {PYTHON_ARCHIVE}")
    assert "a file that is no tar archive by its name; --source takes" in refusal(tmp_path / "notes.txt", DataError)


class _Call:
    """Pickled, it is a call."""

    def __init__(self, *call: Any) -> None:
        self._call = call

    def __reduce__(self) -> Any:
        return self._call[0], self._call[1:]


def _memo_bomb() -> bytes:
    return b"\x80\x02}r" + struct.pack("<I", 0xFFFFFFF0) + b"."


HOSTILE: dict[str, Callable[[Path], bytes]] = {
    "runs a command": lambda mark: pickle.dumps({b"labels": _Call(subprocess.call, ["touch", str(mark)])}, protocol=2),
    "evaluates": lambda mark: pickle.dumps(_Call(eval, f"open({str(mark)!r}, 'w')"), protocol=2),
    "names through a module": lambda _: b"\x80\x02cnumpy\nload\n.",
    "names by a stack": lambda mark: pickle.dumps(_Call(eval, f"open({str(mark)!r}, 'w')"), protocol=4),
    "old protocol": lambda mark: pickle.dumps(_Call(eval, f"open({str(mark)!r}, 'w')"), protocol=0),
    "a class by INST": lambda mark: b"(S'touch " + str(mark).encode() + b"'\nios\nsystem\n.",
    "an extension": lambda _: b"\x80\x02\x82\x01.",
    "a persistent name": lambda _: b"\x80\x02U\x01aQ.",
    "huge place in the memo": lambda _: _memo_bomb(),
    "huge string": lambda _: b"\x80\x02T\xff\xff\xff\x7f.",
    "negative string": lambda _: b"\x80\x02T\xff\xff\xff\xff.",
    "huge number": lambda _: b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "too many instructions": lambda _: b"\x80\x02" + b")" * 600_000 + b".",
    "deep nesting": lambda _: b"\x80\x02)" + b"\x85" * 400_000 + b".",
    "a list in itself as key": lambda _: b"\x80\x02}]q\x00h\x00as.",
    "state for a function": lambda _: b"\x80\x02c_codecs\nencode\n}(U\x01aK\x01ub.",
    "another codec": lambda _: b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0utf-7\x86R.",
    "control characters": lambda _: b"\x80\x02c\x1b[31m\nbad\n.",
    "empty stack": lambda _: b"\x80\x02.",
    "no mark": lambda _: b"\x80\x02u.",
    "place that is not there": lambda _: b"\x80\x02h\x07.",
    "array calls an array": lambda _: b"\x80\x02cnumpy\nndarray\n)R)R.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_does_nothing(tmp_path: Path, name: str) -> None:
    mark = tmp_path / "mark"
    message = refusal(broken_python(tmp_path / "in", data_batch_1=HOSTILE[name](mark)))
    assert "data_batch_1: not of CIFAR-10" in message
    assert message.isprintable()
    assert not mark.exists()


def test_a_hostile_pickle_leaves_nothing_behind(tmp_path: Path) -> None:
    """A change that one pickle makes to the names it was given does not reach the next."""
    change = b"\x80\x02c_codecs\nencode\nN}(U\x05_makeK\x01u\x86b."
    refusal(broken_python(tmp_path / "a", data_batch_1=change))
    assert opened(_made(tmp_path / "b", "python 3")).fingerprint == opened(_made(tmp_path / "c", "binary unpacked")).fingerprint


def archive_of(tmp_path: Path, content: bytes) -> Path:
    """An archive file with that content."""
    return write_files(tmp_path, {PYTHON_ARCHIVE: content}) / PYTHON_ARCHIVE


def tar_of(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar.gz of any entries."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for entry, content in entries:
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


GOOD = tar(PYTHON, python_files())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "cut off after 0 bytes", id="empty"),
        pytest.param(GOOD[: len(GOOD) // 2], "cut off or damaged (Compressed file ended", id="cut"),
        pytest.param(GOOD[:-5], "cut off or damaged", id="cut in the checksum"),
        pytest.param(GOOD[:-8] + bytes(8), "cut off or damaged (CRC check failed", id="checksum"),
        pytest.param(GOOD + b"junk", "cut off or damaged (Not a gzipped file", id="junk after it"),
        pytest.param(gzip.compress(b"<html>" * 1000), "not a tar archive (it starts with 3c68746d6c3e3c68)", id="packed html"),
        pytest.param(b"<html>" * 1000, "not a tar archive (it starts with 3c68746d6c3e3c68)", id="html"),
        pytest.param(b"<html></html>", "cut off after 13 bytes", id="short html"),
        pytest.param(gzip.compress(gzip.decompress(GOOD)[:20_000]), "cut off after 20000 bytes", id="cut tar"),
        pytest.param(gzip.compress(bytes(10_240)), "none of CIFAR-10's files is in this archive", id="empty tar"),
        pytest.param(tar("cifar-100-python", {"train": b""}), "none of CIFAR-10's files", id="CIFAR-100"),
    ],
)
def test_a_broken_archive_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    source = archive_of(tmp_path, content)
    message = refusal(source)
    assert message.startswith(f"{source}: {words}")
    assert message.endswith(PAGE)


def test_a_changed_size_in_a_tar_header_is_seen(tmp_path: Path) -> None:
    plain = bytearray(gzip.decompress(GOOD))
    plain[512 + 130] ^= 1
    assert "damaged before byte 1024" in refusal(archive_of(tmp_path, bytes(plain)))


@pytest.mark.parametrize("size", [b"-0000000001\0", b"\x80" + b"\xff" * 11, b"zzzzzzzzzzz\0"])
def test_a_size_that_is_none(tmp_path: Path, size: bytes) -> None:
    header = bytearray(tarfile.TarInfo(f"{PYTHON}/data_batch_1").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert "not a tar archive" in refusal(archive_of(tmp_path, bytes(header) + bytes(10_240)))


@pytest.mark.parametrize("name", [f"../{PYTHON}/data_batch_1", f"/{PYTHON}/data_batch_1", f"{PYTHON}/../{PYTHON}/data_batch_1"])
def test_names_that_climb_are_passed_over(tmp_path: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)
    source = archive_of(tmp_path / "in", tar_of((entry, python_files()["data_batch_1"])))
    assert "none of CIFAR-10's files" in refusal(source)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [PYTHON_ARCHIVE, "in"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_passed_over(tmp_path: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo(f"{PYTHON}/data_batch_1")
    entry.type, entry.linkname = kind, "/etc/passwd"
    assert "none of CIFAR-10's files" in refusal(archive_of(tmp_path, tar_of((entry, b""))))


def test_a_file_that_comes_twice(tmp_path: Path) -> None:
    entries = [(tarfile.TarInfo(f"{PYTHON}/data_batch_1"), python_files()["data_batch_1"]) for _ in range(2)]
    assert f"{PYTHON}/data_batch_1 comes twice" in refusal(archive_of(tmp_path, tar_of(*entries)))


def _bomb(name: str, promised: int, size: int) -> bytes:
    """A tar.gz whose first entry promises so many bytes, followed by `size` zeros."""
    entry = tarfile.TarInfo(name)
    entry.size = promised
    out = io.BytesIO()
    with gzip.open(out, "wb", compresslevel=1) as packed:
        packed.write(entry.tobuf(tarfile.GNU_FORMAT))
        for _ in range(size >> 20):
            packed.write(bytes(1 << 20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "promised", "words"),
    [
        (f"{PYTHON}/data_batch_1", 65 << 20, "takes 68157440 bytes, at most 67108864 are read"),
        ("other", 1 << 32, "unpacks to more than 536870912 bytes"),
        ("other", 0, "unpacks to more than 536870912 bytes"),
    ],
)
def test_an_archive_that_expands_is_stopped(tmp_path: Path, name: str, promised: int, words: str) -> None:
    assert words in refusal(archive_of(tmp_path, _bomb(name, promised, 520 << 20)))


def test_memory_stays_flat(tmp_path: Path) -> None:
    """20,000 images are 59 MiB; opening and reading them takes far less than holding them."""
    pixels = np.random.default_rng(0).integers(0, 256, (4000, 3072), np.uint8)
    batch = binary_batch((pixels, [3] * 4000))
    files = {name: batch for name in binary_files() if name.startswith("data_batch")}
    source = write_files(tmp_path, {**binary_files(), **files})
    script = (
        "import sys; from pathlib import Path; from gan_pipeline.sources.cifar import open_cifar; "
        "from gan_pipeline.dataset.catalogue import dataset_info; "
        "peak = lambda: int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]); before = peak(); "
        "open_cifar(sys.argv[1], dataset_info('cifar10'), ('train',)); print(peak() - before)"
    )
    ran = subprocess.run([sys.executable, "-c", script, str(source)], capture_output=True, text=True, check=True)
    # One batch is 12 MiB, and lies here as file, as planes and as images.
    assert int(ran.stdout) < 36 << 10
