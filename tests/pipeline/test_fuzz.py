"""Thousands of damaged files: each is refused in one line, or read as something valid. No other error, hang or bomb."""

import gzip
import io
import json
import random
import signal
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import DataError, GanmillError, UnusableInputError
from gan_core.storage import open_folder
from gan_pipeline.dataset.catalogue import dataset_info
from gan_pipeline.dataset.features import Encoding, ImageFeature, LabelFeature
from gan_pipeline.dataset.manifest import (
    Counts,
    Shard,
    SourceRecord,
    Split,
    document_checksum,
    dump_json,
    parse_manifest,
    sealed,
)
from gan_pipeline.dataset.options import Options
from gan_pipeline.sources.base import Arrays
from gan_pipeline.sources.cifar import open_cifar
from gan_pipeline.sources.idx import open_idx
from gan_pipeline.transforms.decode import decode_image_file
from tests.support.cifar_files import (
    BINARY,
    CLASSES,
    PYTHON,
    Batch,
    batches,
    binary_batch,
    python2_pickle,
    python3_pickle,
    python_batch,
    python_meta,
    tar,
)
from tests.support.datasets import idx_files, write_files

ROUNDS = 1000
SECONDS = 60
PEAK_KB = 300 << 10

Files = Mapping[str, bytes]


class HangError(BaseException):
    """A reader did not come to an end. Not an Exception, so that no reader can swallow it."""


def _hang(*_: object) -> NoReturn:
    raise HangError(f"still reading after {SECONDS} s")


def _peak() -> int:
    """Most memory this process has had since the last reset, in KiB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


@pytest.fixture(autouse=True)
def _bounds() -> Iterator[None]:
    """No test here hangs, or takes much memory even for a moment."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak()
    signal.signal(signal.SIGALRM, _hang)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert _peak() - before < PEAK_KB


def mutated(content: bytes, chance: random.Random) -> bytes:
    """One to three faults: changed bytes, a cut, lost bytes, a slice that comes twice, or foreign bytes.

    They fall anywhere, or near the front or the end, where most of the structure is.
    """
    broken = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        size = len(broken)
        near = min(size, chance.choice([16, 64, 600, size])) or 1
        at = chance.choice([chance.randrange(near), max(0, size - 1 - chance.randrange(near))])
        length = chance.choice([1, 2, 4, 50, size])
        match chance.randrange(6):
            case 0 if size:
                broken[at] ^= 1 << chance.randrange(8)
            case 1 if size:
                broken[at] = chance.choice([0, 1, 2, 4, 127, 128, 254, 255, chance.randrange(256)])
            case 2:
                del broken[at:]
            case 3:
                del broken[at : at + length]
            case 4:
                broken[at:at] = broken[at : at + length]
            case _:
                broken[at:at] = chance.randbytes(chance.randrange(1, 9))
    return bytes(broken)


def refused(read: Callable[[], Any]) -> Any:
    """The result of a reader, or None if it refuses in one printable line."""
    try:
        return read()
    except (GanmillError, UnusableInputError) as error:
        assert str(error)
        assert str(error).isprintable()
        return None


def check_arrays(arrays: Arrays, shape: tuple[int, ...], split: str) -> None:
    """Images and labels that a trainer can use."""
    images, labels = arrays.splits[split].images, arrays.splits[split].labels
    assert images.shape == (len(labels), *shape)
    assert images.dtype == np.uint8
    assert len(labels) > 0
    assert labels.dtype == np.int64
    assert ((labels >= 0) & (labels < 10)).all()


@pytest.mark.parametrize("way", ["plain", "packed", "inside"])
def test_idx(tmp_path: Path, way: str) -> None:
    files, chance = idx_files(12, packed=way == "packed"), random.Random(way)
    folder, info = open_folder(tmp_path), dataset_info("mnist")

    def read() -> Arrays:
        return open_idx(folder, info, {"train": "train"})

    original, outcomes = read_of(tmp_path, files, read), []
    for _ in range(ROUNDS):
        name = chance.choice(sorted(files))
        broken = mutated(files[name], chance)
        (tmp_path / name).write_bytes(gzip.compress(broken, 1) if way == "inside" else broken)
        arrays = refused(read)
        (tmp_path / name).write_bytes(files[name])
        if arrays:
            check_arrays(arrays, (28, 28, 1), "train")
            assert way != "packed" or arrays.fingerprint == original.fingerprint
        outcomes.append(arrays is None)
    assert ROUNDS // 2 < sum(outcomes) < ROUNDS


def read_of(folder: Path, files: Files, read: Callable[[], Arrays]) -> Arrays:
    """The results of the undamaged files."""
    write_files(folder, files)
    return read()


def test_an_idx_file_that_expands_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its header promises 12 images; it would unpack to 1 GiB."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    files = idx_files(12)
    name = "train-images-idx3-ubyte"
    packed = io.BytesIO()
    with gzip.open(packed, "wb", compresslevel=1) as out:
        out.write(files[name])
        for _ in range(1024):
            out.write(bytes(1 << 20))
    source = write_files(tmp_path / "in", {f"{name}.gz": packed.getvalue()} | {k: v for k, v in files.items() if k != name})
    with pytest.raises(DataError, match="too long, its header promises 9424 bytes and it has more; fetch it again"):
        open_idx(open_folder(source), dataset_info("mnist"), {"train": "train"})
    assert not list(scratch.iterdir())


@cache
def small_batches() -> dict[str, Batch]:
    """One or two images in each batch."""
    return {
        name: (pixels[: 1 + number % 2], labels[: 1 + number % 2])
        for number, (name, (pixels, labels)) in enumerate(batches().items())
    }


@cache
def cifar_files(kind: str) -> Files:
    """The files of a version of CIFAR-10 by name."""
    if kind == "binary":
        files = {f"{name}.bin": binary_batch(batch) for name, batch in small_batches().items()}
        return files | {"batches.meta.txt": "\n".join(CLASSES).encode()}
    dump = python2_pickle if kind == "python 2" else python3_pickle
    files = {name: dump(python_batch(name, batch)) for name, batch in small_batches().items()}
    return files | {"batches.meta": dump(python_meta())}


def read_cifar(source: Path) -> Arrays:
    """Both splits."""
    return open_cifar(str(source), dataset_info("cifar10"), ("train", "test"))


@pytest.mark.parametrize("kind", ["python 2", "python 3", "binary"])
def test_cifar_unpacked(tmp_path: Path, kind: str) -> None:
    files, chance = cifar_files(kind), random.Random(kind)
    read_of(tmp_path, files, lambda: read_cifar(tmp_path))
    outcomes = []
    for _ in range(ROUNDS):
        name = chance.choice(sorted(files))
        (tmp_path / name).write_bytes(mutated(files[name], chance))
        arrays = refused(lambda: read_cifar(tmp_path))
        (tmp_path / name).write_bytes(files[name])
        if arrays:
            check_arrays(arrays, (32, 32, 3), "train")
            check_arrays(arrays, (32, 32, 3), "test")
        outcomes.append(arrays is None)
    assert ROUNDS // 2 < sum(outcomes) < ROUNDS


@pytest.mark.parametrize("kind", ["python 2", "binary"])
@pytest.mark.parametrize("way", ["packed", "inside", "plain"])
def test_cifar_archives(tmp_path: Path, kind: str, way: str) -> None:
    source, chance = tmp_path / "cifar.tar.gz", random.Random(kind + way)
    content = tar(BINARY if kind == "binary" else PYTHON, cifar_files(kind), "w:gz" if way == "packed" else "w")
    original = read_of(tmp_path, {source.name: content}, lambda: read_cifar(source))
    outcomes = []
    for _ in range(ROUNDS):
        broken = mutated(content, chance)
        source.write_bytes(gzip.compress(broken, 1) if way == "inside" else broken)
        arrays = refused(lambda: read_cifar(source))
        if arrays:
            check_arrays(arrays, (32, 32, 3), "train")
            check_arrays(arrays, (32, 32, 3), "test")
            assert way != "packed" or arrays.fingerprint == original.fingerprint
        outcomes.append(arrays is None)
    assert ROUNDS // 2 < sum(outcomes) < ROUNDS


def _picture() -> Image.Image:
    y, x = np.mgrid[0:24, 0:40]
    return Image.fromarray(np.stack([y * 10, x * 6, (x + y) * 4], -1).astype(np.uint8))


@cache
def image_files() -> dict[str, list[bytes]]:
    """Small files of every kind by format."""
    rgb = _picture()
    rgba = rgb.copy()
    rgba.putalpha(rgb.convert("L"))
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0

    def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    frames = {"save_all": True, "append_images": [rgb.rotate(90)]}
    palette = rgb.quantize(16)
    runs = b"".join(bytes([40, row % 16]) + b"\0\0" for row in range(24)) + b"\0\1"
    header = struct.pack("<IIIIiiHHIIIIII", 54 + 64 + len(runs), 0, 54 + 64, 40, 40, 24, 1, 8, 1, len(runs), 0, 0, 16, 0)
    colours = b"".join(bytes([shade, shade // 2, 255 - shade, 0]) for shade in range(0, 256, 16))
    return {
        "JPEG": [
            saved(rgb, "JPEG"),
            saved(rgb, "JPEG", progressive=True, exif=exif, comment=b"a comment"),
            saved(rgb.convert("L"), "JPEG", exif=exif.tobytes(), icc_profile=b"profile" * 9),
            saved(rgb.convert("CMYK"), "JPEG"),
            saved(rgb, "MPO", **frames),
        ],
        "PNG": [
            saved(rgb, "PNG", exif=exif),
            saved(rgba, "PNG"),
            saved(palette, "PNG", transparency=b"\xff\x80\0" + bytes(5)),
            saved(rgb.convert("1"), "PNG", transparency=1),
            saved(rgb.convert("L").convert("I;16"), "PNG", icc_profile=b"profile" * 9),
            saved(rgb, "PNG", **frames),
        ],
        "WEBP": [
            saved(rgb, "WEBP", exif=exif),
            saved(rgba, "WEBP"),
            saved(rgb, "WEBP", lossless=True),
            saved(rgb, "WEBP", **frames),
        ],
        "BMP": [
            saved(rgb, "BMP"),
            saved(palette, "BMP"),
            saved(rgb.convert("1"), "BMP"),
            saved(rgba, "BMP"),
            b"BM" + header + colours + runs,
        ],
    }


def mutated_png(content: bytes, chance: random.Random) -> bytes:
    """Damage to what is in a chunk, or to the rows before they were packed, with the checksum made good."""
    chunks, at = [], 8
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        chunks.append([kind, content[at + 8 : at + 8 + length]])
        at += 12 + length
    chosen = chance.choice(chunks)
    if chosen[0] == b"IDAT":
        chosen[1] = zlib.compress(mutated(zlib.decompress(chosen[1]), chance), 1)
    else:
        chosen[1] = mutated(chosen[1], chance)
    if chance.randrange(4) == 0:
        chunks.insert(chance.randrange(len(chunks)), chance.choice(chunks))
    body = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)
    return content[:8] + b"".join(body)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PNG inside", "WEBP", "BMP"])
def test_image_files(kind: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # What is small enough to be decoded then says nothing about the memory of what is refused.
    monkeypatch.setattr("gan_pipeline.transforms.opening.MAX_PIXELS", 1_000_000)
    contents, chance, outcomes = image_files()[kind.split()[0]], random.Random(kind), []
    mutate = mutated_png if kind == "PNG inside" else mutated
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(2 * ROUNDS):
            broken = mutate(chance.choice(contents), chance)
            image = refused(lambda broken=broken: decode_image_file(broken))  # type: ignore[misc]
            if image is not None:
                assert (image.ndim, image.shape[2], image.dtype) == (3, 3, np.uint8)
                assert image.size > 0
            outcomes.append(image is None)
    assert 0 < sum(outcomes) < len(outcomes)
    assert not warned
    assert capfd.readouterr() == ("", "")


def test_noise_as_image_file() -> None:
    chance = random.Random(0)
    starts = [
        b"",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\xff\0\0\0WEBPVP8 ",
        b"RIFF\xff\0\0\0WEBPVP8L",
        b"BM",
        b"GIF89a",
    ]
    for _ in range(ROUNDS):
        noise = chance.choice(starts) + chance.randbytes(chance.randrange(400))
        assert refused(lambda noise=noise: decode_image_file(noise)) is None  # type: ignore[misc]


@cache
def manifest_document() -> dict[str, Any]:
    """A valid manifest as JSON."""
    shards = tuple(
        Shard(file=f"train-{n:05d}-of-00002.tfrecord", examples=30, bytes=9000, sha256=f"{n:064x}") for n in range(2)
    )
    manifest = sealed(
        name="mnist",
        splits={"train": Split(shards=shards)},
        features={
            "image": ImageFeature(shape=(28, 28, 1), encoding=Encoding.RAW),
            "label": LabelFeature(class_names=tuple("0123456789")),
        },
        counts=Counts(read=62, kept=60, dropped={"filtered": 2}),
        options=Options(dataset="mnist", source="sample", splits=("train",), shards=2, limit=60),
        source=SourceRecord(kind="sample", fingerprint="f" * 64),
        packages={"numpy": "2.1"},
    )
    document: dict[str, Any] = manifest.model_dump(mode="json")
    return document


def with_another_value(document: Any, chance: random.Random) -> Any:
    """A copy with one value, or one key, replaced by something odd, or left out."""
    odd = chance.choice(
        [None, True, -1, 0, 2**70, 1e300, float("nan"), "", "\ud800", "a\nb\x1b[31m", "é", [], {}, [[]], {"a\nb": 1}]
    )
    if not document or not isinstance(document, list | dict) or chance.randrange(8) == 0:
        return odd
    if isinstance(document, list):
        at = chance.randrange(len(document))
        return [*document[:at], with_another_value(document[at], chance), *document[at + 1 :]]
    key = chance.choice(sorted(document))
    rest = {name: value for name, value in document.items() if name != key}
    match chance.randrange(8):
        case 0:
            return rest
        case 1:
            return {**rest, str(odd): document[key]}
        case _:
            return {**document, key: with_another_value(document[key], chance)}


def resealed(document: Any) -> Any:
    """Digest and checksum made good, where there is something to make them of."""
    if not isinstance(document, dict):
        return document
    content = {key: document.get(key) for key in ("schema_version", "name", "splits", "features")}
    document = {**document, "digest": document_checksum(content)}
    return {**document, "checksum": document_checksum(document)}


@pytest.mark.parametrize("way", ["bytes", "values", "values resealed"])
def test_manifest(way: str) -> None:
    chance, original = random.Random(way), manifest_document()
    content, outcomes = dump_json(original), []
    assert parse_manifest(content, "here").model_dump(mode="json") == original
    for _ in range(2 * ROUNDS):
        if way == "bytes":
            broken = mutated(content, chance)
        else:
            document = original
            for _ in range(chance.randint(1, 3)):
                document = with_another_value(document, chance)
            broken = json.dumps(resealed(document) if way == "values resealed" else document).encode()
        manifest = refused(lambda broken=broken: parse_manifest(broken, "here"))  # type: ignore[misc]
        if manifest:
            # What no checksum was made for is the original, or written in another way; anything else can be shown.
            shown = dump_json(manifest.model_dump(mode="json"))
            assert way == "values resealed" or shown == content
        outcomes.append(manifest is None)
    assert sum(outcomes) > ROUNDS


@pytest.mark.parametrize(
    "content", [b"[" * 200_000, b'{"schema_version":' + b"9" * 9000 + b"}", b"\xff\xfe", b"null", b'"schema_version"', b"[1]"]
)
def test_json_that_is_no_manifest(content: bytes) -> None:
    assert refused(lambda: parse_manifest(content, "here")) is None
