"""Archives that are damaged, of another kind, or meant to do harm."""

import io
import random
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from gan_core.errors import DataError, StorageError, UnusableInputError
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.open_tree import open_tree
from tests.support.archives import FILES, packed

pytestmark = pytest.mark.quick


def in_directory(raw: bytes, offset: int, value: bytes, number: int = 0) -> bytes:
    """A zip with bytes of the directory's record of an entry replaced."""
    at = -1
    for _ in range(number + 1):
        at = raw.index(b"PK\1\2", at + 1)
    return raw[: at + offset] + value + raw[at + offset + len(value) :]


_FLAGS, _SIZE, _START, _NAME = 8, 24, 42, 46
PAGE = b"\n<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"
TAR = io.BytesIO()
with tarfile.open(fileobj=TAR, mode="w") as archive:
    archive.addfile(tarfile.TarInfo("a.png"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PAGE, r"a web page, not the archive: .*quota.*jessicali9530/celeba-dataset"),
        (b"<html>", "a web page"),
        (b"", "cut off or damaged"),
        (packed(FILES)[:-30], r"cut off or damaged .*fetch it again"),
        (packed(FILES)[:100], "cut off or damaged"),
        (b"no archive at all", "cut off or damaged"),
        (in_directory(packed(FILES), 0, b"XX"), "cut off or damaged"),
        (TAR.getvalue(), r"cannot be read file by file; unpack it .* or pack its images into a \.zip"),
        (b"\x1f\x8b\x08", "cannot be read file by file"),
        (b"7z\xbc\xaf\x27\x1c", "cannot be read file by file"),
        (packed({"ok.png": b"", "../../etc/cron.d/x": b""}), r"'\.\./\.\./etc/cron\.d/x' is not a name to be trusted"),
        (packed({"a/../../x": b""}), "not a name to be trusted"),
        (packed({"/etc/passwd": b""}), "'/etc/passwd' is not a name"),
        (packed({"C:x.png": b""}), "'C:x.png' is not a name"),
        (packed({"a\\..\\x.png": b""}), "is not a name to be trusted: it holds a backslash"),
        (in_directory(packed({"ab.png": b""}), _NAME, b"a\0"), "is not a name to be trusted"),
        (packed({"..": b""}), "is not a name to be trusted"),
        (packed({"x/": b"", "../y/": b""}), "is not a name to be trusted"),
        (packed({"a.png": b"1", "b.png": b"", "./a.png": b"2"}), r"holds a\.png twice; pack it again"),
        (in_directory(packed({"ab.png": b"1", "bb.png": b"2"}), _NAME, b"b"), r"holds bb\.png twice"),
        (in_directory(packed(FILES), _FLAGS, b"\1\0"), "'B/2.png' is encrypted; unpack it with its password"),
        (packed(FILES, zipfile.ZIP_LZMA), "is compressed in a way not read here; pack it again"),
        (in_directory(packed(FILES), _START, bytes(4), 4), "overlaps its neighbour: .* a trap"),
        (in_directory(packed(FILES), _START, b"\xff\xff\xff\x7f"), "overlaps its neighbour"),
    ],
)
def test_an_archive_that_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "images.zip").write_bytes(content)
    with pytest.raises(DataError, match=f"^{tmp_path}/images.zip: .*{words}"):
        open_tree(str(tmp_path / "images.zip"))


def damage(raw: bytes, content: bytes) -> bytes:
    """Flip a byte of stored content."""
    at = raw.index(content) + len(content) // 2
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


STORED = packed(FILES, zipfile.ZIP_STORED)
DEFLATED = packed(FILES)


@pytest.mark.parametrize(
    "content",
    [
        damage(STORED, FILES["A/1.png"]),
        in_directory(STORED, 16, b"\1\2\3\4", 1),  # another crc32
        in_directory(STORED, _SIZE, b"\1", 1),
        in_directory(DEFLATED, _SIZE, b"\1", 1),
        in_directory(DEFLATED, 20, b"\5", 1),  # fewer bytes packed
        in_directory(DEFLATED, 10, b"\0", 1),  # as if it were stored
        in_directory(STORED, 10, b"\10", 1),  # as if it were deflated
        DEFLATED.replace(b"A/1.png", b"A/7.png", 1),
        DEFLATED.replace(b"PK\3\4", b"PK\3\5"),
    ],
)
def test_an_entry_that_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    tree = open_tree(str(tmp_path / "a.zip"))
    with pytest.raises(UnusableInputError, match=r"corrupt or cut off \(A/1\.png\)") as caught:
        tree.read("A/1.png")
    assert caught.value.stage == "storage"


def test_a_bomb_does_not_go_off(tmp_path: Path) -> None:
    """64 MiB in 64 KiB, declared as little: no more than was declared is ever made of it."""
    raw = packed({"a.png": bytes(64 << 20)})
    (tmp_path / "a.zip").write_bytes(in_directory(raw, _SIZE, (1000).to_bytes(4, "little")))
    tree = open_tree(str(tmp_path / "a.zip"))
    tracemalloc.start()
    with pytest.raises(UnusableInputError, match="corrupt"):
        tree.read("a.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


class Unseekable(io.RawIOBase):
    """Makes zipfile write sizes behind the content, as streaming packers do."""

    def __init__(self, out: io.BytesIO) -> None:
        self._out = out

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return self._out.write(data)


def outcome(tree: FileTree, name: str) -> bytes | None:
    try:
        return tree.read(name)
    except UnusableInputError as error:
        assert (error.stage, error.reason) in {("storage", "corrupt or cut off"), ("storage", "too large")}
        return None


def mutated(raw: bytes, dice: random.Random) -> bytes:
    """A copy with a few bytes flipped, overwritten, cut out, doubled or cut off; mostly in the headers or the directory."""
    content = bytearray(raw)
    for _ in range(dice.randint(1, 3)):
        size = dice.choice((1, 1, 1, 2, 4, 40))
        marks = [at for at in range(len(content)) if content.startswith(b"PK", at)]
        near_mark = marks and dice.random() < 0.7
        at = dice.choice(marks) + dice.randrange(60) if near_mark else dice.randrange(len(content) + 1)
        kind = dice.choice(("flip", "overwrite", "cut out", "double", "cut off", "cut off far"))
        if kind == "flip" and at < len(content):
            content[at] ^= 1 << dice.randrange(8)
        elif kind == "overwrite":
            content[at : at + size] = dice.choice((b"\0", b"\xff", dice.randbytes(1))) * size
        elif kind == "cut out":
            del content[at : at + size]
        elif kind == "double":
            content[at:at] = content[at : at + size]
        elif kind == "cut off":
            del content[-size:]
        elif kind == "cut off far":
            del content[at:]
    return bytes(content)


@pytest.mark.parametrize("seed", range(8))
def test_no_mutation_is_believed(seed: int, tmp_path: Path) -> None:
    """1600 damaged archives: refused in words, or every file that reads well is what it was, under its own name."""
    dice = random.Random(seed)
    files = {f"{'AB'[number % 2]}/{number}.png": dice.randbytes(dice.randrange(60)) * dice.randrange(4) for number in range(6)}
    with_descriptors = io.BytesIO()
    with zipfile.ZipFile(Unseekable(with_descriptors), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    raws = [packed(files), packed(files, zipfile.ZIP_STORED), with_descriptors.getvalue(), b"prefix" + packed(files)]
    seen = {"refused": 0, "unusable": 0, "whole": 0}
    for number in range(200):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(mutated(raws[number % 4], dice))
        try:
            tree = open_tree(str(path))
        except (DataError, StorageError) as error:
            assert str(error).startswith(str(path))
            seen["refused"] += 1
            continue
        for name in tree.names():
            content = outcome(tree, name)
            if content is None:
                seen["unusable"] += 1
            else:
                assert content == files[name]
                seen["whole"] += 1
    assert min(seen.values()) >= 20, seen


def test_a_zip_of_many_files(tmp_path: Path) -> None:
    """More than 65535 entries take zip64."""
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(70_000):
            archive.writestr(f"{number:06d}.jpg", b"%d" % number)
    tree = open_tree(str(path))
    assert len(tree.names()) == 70_000
    assert tree.read("069999.jpg") == b"69999"
