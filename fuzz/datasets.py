"""Targets: the files of a dataset folder, finished or half written."""

from pathlib import Path

import numpy as np

from fuzz.harness import Target
from gan_core.documents import read_json
from gan_core.storage import open_folder
from gan_pipeline.dataset.face_log import FaceLine, read_face_log
from gan_pipeline.dataset.failures import Failure, read_failures
from gan_pipeline.dataset.features import Encoding, Features, ImageFeature, LabelFeature, VectorFeature
from gan_pipeline.dataset.manifest import Counts, Shard, SourceRecord, Split, dump_json, read_manifest, sealed
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.records import Example, ExampleEncoder, decode_example, encode_image, frame, read_records
from gan_pipeline.dataset.records import decode_image as decode_stored
from gan_pipeline.preparing.claim import CLAIM, Claim
from gan_pipeline.preparing.shard_writer import SHARD_RECORD, ShardRecord

_SHAPE = (6, 5, 3)
_FEATURES: Features = {
    "image": ImageFeature(shape=_SHAPE, encoding=Encoding.PNG),
    "label": LabelFeature(class_names=("cat", "dog")),
    "point": VectorFeature(names=("x", "y")),
}
_OPTIONS = Options(dataset="images", source="photos", splits=("train",), image_size=6)
_SHARD = Shard(file="train-00000-of-00001.tfrecord", examples=3, bytes=300, sha256="a" * 64)


def _image() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.arange(np.prod(_SHAPE), dtype=np.uint8).reshape(_SHAPE)


def _records(folder: Path) -> object:
    with (folder / _SHARD.file).open("rb") as file:
        return [decode_example(record, _FEATURES) for record in read_records(file)]


def _record(folder: Path) -> object:
    return decode_example((folder / "record").read_bytes(), _FEATURES)


def _one() -> bytes:
    example = Example("a/1.png", {"image": _image(), "label": 1, "point": np.asarray([0.5, -1.0], np.float32)})
    return ExampleEncoder(_FEATURES).encode(example)


def _manifest() -> bytes:
    manifest = sealed(
        name="images",
        splits={"train": Split(shards=(_SHARD,))},
        features=_FEATURES,
        counts=Counts(read=4, kept=3, dropped={"corrupt or cut off": 1}),
        options=_OPTIONS,
        source=SourceRecord(kind="files", fingerprint="f" * 64),
        packages={"numpy": "2.1"},
    )
    return dump_json(manifest.model_dump(mode="json"))


def _failures() -> bytes:
    failure = Failure(id="a/2.png", split="train", stage="decode", reason="corrupt or cut off", checksum="crc32:00000000")
    return failure.model_dump_json().encode() + b"\n"


def _faces() -> bytes:
    points = ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10))
    face = FaceLine(id="1.jpg", found=1, confidence=0.99, box=(1, 2, 30, 40), landmarks=points, rule="exact")
    whole = face.model_copy(update={"window": (1, 2, 31, 42), "celeba_landmarks": points})
    return b"".join(one.model_dump_json(exclude_none=True).encode() + b"\n" for one in (face, whole))


def _shard_record() -> bytes:
    return dump_json(ShardRecord(shard=_SHARD, read=4, contents="c" * 64).model_dump())


def _claim() -> bytes:
    return dump_json(Claim(options=_OPTIONS, fingerprint="f").model_dump(mode="json"))


def _png(folder: Path) -> object:
    return decode_stored((folder / "image.png").read_bytes(), _SHAPE, Encoding.PNG)


def _grey(folder: Path) -> object:
    return decode_stored((folder / "image.png").read_bytes(), (6, 5, 1), Encoding.PNG)


TARGETS = (
    Target("manifest", lambda folder: read_manifest(open_folder(folder)), "manifest.json", lambda: [_manifest()]),
    Target("failures", lambda folder: read_failures(open_folder(folder)), "failures.jsonl", lambda: [_failures() * 2, b""]),
    Target("faces", lambda folder: list(read_face_log(open_folder(folder))), "faces.jsonl", lambda: [_faces()]),
    Target("shard", _records, _SHARD.file, lambda: [frame(_one()) * 2, b""]),
    Target("record", _record, "record", lambda: [_one()]),
    Target("stored-png", _png, "image.png", lambda: [encode_image(_image(), Encoding.PNG)]),
    Target("stored-grey-png", _grey, "image.png", lambda: [encode_image(_image()[..., :1], Encoding.PNG)]),
    Target(
        "shard-record",
        lambda folder: read_json(open_folder(folder), "a.json", SHARD_RECORD, "remove it"),
        "a.json",
        lambda: [_shard_record()],
    ),
    Target("claim", lambda folder: read_json(open_folder(folder), "a.json", CLAIM, "remove it"), "a.json", lambda: [_claim()]),
)
