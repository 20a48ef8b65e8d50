"""Thousands of damaged manifests: each is refused in one line, or read as something valid, without a hang."""

import json
import random
from functools import cache
from typing import Any

import pytest

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
from tests.support.fuzzing import ROUNDS, mutated, refused

pytestmark = pytest.mark.usefixtures("bounds")


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
