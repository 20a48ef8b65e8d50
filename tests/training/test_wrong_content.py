"""Shards whose checksums are right and whose content is not: named with the record, before anything large is allocated."""

import hashlib
import io
import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
from PIL import Image

from gan_core.storage import open_folder
from gan_pipeline.dataset.example_message import example_class
from gan_pipeline.dataset.features import Features
from gan_pipeline.dataset.manifest import read_manifest, sealed, write_manifest
from gan_pipeline.dataset.records import Example, ExampleEncoder, decode_example, frame, unframe
from tests.support.commands import Ran, run_script
from tests.support.datasets import prepare, run_cli
from tests.support.runs import SMALL, gan_train

_ADDRESS_SPACE_BYTES = 2 << 30
"""The limit of a command without TensorFlow: a picture of 30,000 x 30,000 pixels and its copy do not fit, nor 2**40 bytes."""

Spoil = Callable[[bytes, Features], bytes]


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES, _ADDRESS_SPACE_BYTES))


def endless(record: bytes, features: Features) -> bytes:
    """The length says 2**40 bytes, and its checksum is right."""
    length = struct.pack("<Q", 1 << 40)
    crc = google_crc32c.value(length)
    return length + struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF) + record


def huge_png(record: bytes, features: Features) -> bytes:
    """The PNG file says 30,000 x 30,000 pixels, and the checksum of its head is right."""
    place = record.index(b"IHDR")
    head = b"IHDR" + struct.pack(">II", 30_000, 30_000) + record[place + 12 : place + 17]
    return frame(record[:place] + head + struct.pack(">I", zlib.crc32(head)) + record[place + 21 :])


def other_shape(record: bytes, features: Features) -> bytes:
    example = decode_example(record, features)
    values = {**example.values, "image": np.asarray(example.values["image"])[:20]}
    return frame(ExampleEncoder(features).encode(Example(example.id, values)))


def png_of(mode: str) -> Spoil:
    """Replace the PNG file of a record by one of the same size and another form, whose checksums are all right."""

    def change(record: bytes, features: Features) -> bytes:
        file = io.BytesIO()
        Image.new(mode, (28, 28)).save(file, "PNG", bits=8)
        return frame(with_image(record, file.getvalue()))

    return change


def broken_pixels(record: bytes, features: Features) -> bytes:
    """The head of the PNG file and the checksums of its chunks are right; the packed pixels are not."""
    png = image_bytes(record)
    place = png.index(b"IDAT")
    size = struct.unpack(">I", png[place - 4 : place])[0]
    body = b"IDAT" + bytes(size)
    return frame(with_image(record, png[:place] + body + struct.pack(">I", zlib.crc32(body)) + png[place + 8 + size :]))


def cut_pixels(record: bytes, features: Features) -> bytes:
    """The PNG file ends after half of its pixels."""
    return frame(with_image(record, image_bytes(record)[: len(image_bytes(record)) // 2]))


def without_label(record: bytes, features: Features) -> bytes:
    """The feature of the class is missing."""
    message = example_class().FromString(record)
    del message.features.feature["label"]
    return frame(message.SerializeToString())


def image_bytes(record: bytes) -> bytes:
    content: bytes = example_class().FromString(record).features.feature["image"].bytes_list.value[0]
    return content


def with_image(record: bytes, content: bytes) -> bytes:
    message = example_class().FromString(record)
    message.features.feature["image"].bytes_list.value[0] = content
    return bytes(message.SerializeToString())


def spoil(data: Path, change: Spoil) -> Path:
    """Replace the third record of the first shard, and give the manifest the checksums of what is there now."""
    manifest, shard = read_manifest(open_folder(data)), min(data.glob("*.tfrecord"))
    records = list(unframe(shard.read_bytes()))
    content = b"".join([*map(frame, records[:2]), change(records[2], manifest.features), *map(frame, records[3:])])
    shard.write_bytes(content)
    split = manifest.splits["train"]
    changed = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    listed = tuple(one.model_copy(update=changed) if one.file == shard.name else one for one in split.shards)
    computed = {"schema_version", "digest", "checksum", "splits"}
    fields = {name: getattr(manifest, name) for name in type(manifest).model_fields if name not in computed}
    write_manifest(open_folder(data), sealed(splits={"train": split.model_copy(update={"shards": listed})}, **fields))
    return shard


@pytest.mark.parametrize(
    ("encoding", "change", "words"),
    [
        ("raw", endless, "claims 1,099,511,627,776 bytes"),
        ("png", huge_png, "a PNG of 30,000 x 30,000 pixels where 28 x 28 are expected"),
        ("raw", other_shape, "an image of 560 bytes where shape (28, 28, 1) needs 784"),
        ("png", png_of("I;16"), "a PNG of 16 bits and colour type 0 where 8 and 0 are expected"),
        ("png", png_of("P"), "a PNG of 8 bits and colour type 3 where 8 and 0 are expected"),
        ("png", png_of("RGB"), "a PNG of 8 bits and colour type 2 where 8 and 0 are expected"),
        ("raw", without_label, "label has 0 values where one is expected"),
    ],
)
def test_the_shard_and_the_record_are_named(encoding: str, change: Spoil, words: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    prepare(data, "--limit", "40", "--shards", "2", "--encoding", encoding)
    shard = spoil(data, change)

    def check(ran: Ran, record: str) -> None:
        text = ran.out + ran.err
        assert (ran.code, words in text, str(shard) in text, "Traceback" in text) == (3, True, True, False), text
        assert record in text, text

    for command in (("verify", data), ("verify", "--deep", data), ("inspect", data, "--html", "-o", tmp_path / "page.html")):
        check(run_script("gan-pipeline", *command, before=limit_memory), "after 2 good records")
    training = ("run", "mnist-gan", "--data", data, "-o", tmp_path / "run", "--short", "--set", "batch_size=8")
    check(run_script("gan-train", *training), "record at byte" if change is endless else "record 2")


@pytest.mark.parametrize("change", [broken_pixels, cut_pixels])
def test_an_image_that_cannot_be_decoded_is_named(change: Spoil, tmp_path: Path) -> None:
    """Also where only TensorFlow decodes it, in the middle of training; with skip-shard the shard is left out from there on."""
    data = tmp_path / "data"
    prepare(data, "--limit", "400", "--shards", "4", "--encoding", "png")
    shard = spoil(data, change)
    deep = run_cli("verify", data, "--deep")
    assert (deep.code, f"{shard}: after 2 good records: not a readable PNG" in deep.err) == (3, True)
    training = ("run", "mnist-gan", "--data", data, *SMALL, "--steps", "60", "--set", "sample_images=4")
    ran = gan_train(*training, "-o", tmp_path / "run")
    assert (ran.code, f"{shard}: record 2: not a readable PNG" in ran.err) == (3, True), ran.err
    ran = gan_train(*training, "-o", tmp_path / "run", "--on-corrupt", "skip-shard")
    assert ran.code == 0, ran.err
    assert shard.name in (tmp_path / "run" / "skipped_shards.jsonl").read_text()
