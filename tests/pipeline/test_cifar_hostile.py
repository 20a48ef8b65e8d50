"""CIFAR-10: pickles and archives that mean harm, or are broken."""

import gzip
import io
import pickle
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.cifar_files import (
    PYTHON,
    binary_batch,
    binary_files,
    python_files,
    tar,
)
from tests.support.cifar_sources import PAGE, PYTHON_ARCHIVE, broken_python, opened, refusal, written
from tests.support.datasets import write_files

pytestmark = pytest.mark.quick


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
    sources = written(tmp_path / "b", "python 3"), written(tmp_path / "c", "binary unpacked")
    assert len({opened(source).fingerprint for source in sources}) == 1


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
