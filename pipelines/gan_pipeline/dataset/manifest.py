"""The content of a dataset folder, manifest.json. It is written last, so its presence is the commit."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from gan_core.documents import parse_json, read_document
from gan_core.errors import DataError, UsageError
from gan_core.storage import WORK, Folder
from gan_core.text import short_repr
from gan_pipeline.dataset.features import Features, Frozen, ImageFeature
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.understood import Understood

MANIFEST = "manifest.json"
SCHEMA = 2
_REMEDY = "prepare the dataset again into a new folder"

Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Shard(Frozen):
    """A finished shard: file name, number of examples, size in bytes and sha256. It is empty if all its inputs were dropped."""

    file: Annotated[str, Field(pattern=r"^[\w-]+\.tfrecord$")]
    examples: Count
    bytes: Count
    sha256: Sha256


class Split(Frozen):
    """The shards of a split, in order."""

    shards: tuple[Shard, ...]

    @property
    def examples(self) -> int:
        """Number of examples in all shards."""
        return sum(shard.examples for shard in self.shards)


class Counts(Frozen):
    """The numbers of inputs that were read from the source, kept, and dropped by reason."""

    read: Count
    kept: Count
    dropped: dict[str, Count]


class SourceRecord(Frozen):
    """The kind of source that the examples came from, and the sha256 of its content."""

    kind: str
    fingerprint: Sha256


class Manifest(Frozen):
    """The content of manifest.json.

    `digest` names all that decides what a trainer reads; `checksum` covers the whole document.
    """

    schema_version: int
    name: str
    splits: dict[str, Split]
    features: Features
    counts: Counts
    options: Options
    source: SourceRecord
    packages: dict[str, str]
    # Younger than manifests in the field: absent it is not written, so that their checksums stay what they are.
    understood: Annotated[Understood | None, Field(exclude_if=lambda value: value is None)] = None
    digest: Sha256
    checksum: Sha256

    def image(self, name: str = "image") -> ImageFeature:
        """The image feature of that name. Raises UsageError if the records hold none."""
        feature = self.features.get(name)
        if not isinstance(feature, ImageFeature):
            raise UsageError(f"dataset {self.name}: its records hold {', '.join(self.features)}, and no image {name!r}")
        return feature


_DOCUMENT = TypeAdapter(dict[str, Any])
_MANIFEST = TypeAdapter(Manifest)


def sealed(**fields: Any) -> Manifest:
    """A manifest with the given fields, and the digest and checksum computed from them."""
    digest = content_digest(fields["name"], fields["splits"], fields["features"])
    unsealed = Manifest(schema_version=SCHEMA, digest=digest, checksum="0" * 64, **fields)
    return unsealed.model_copy(update={"checksum": document_checksum(unsealed.model_dump(mode="json"))})


def content_digest(name: str, splits: dict[str, Split], features: Features) -> str:
    """The digest: sha256 of the schema version, name, features and shards in canonical JSON."""
    content = {
        "schema_version": SCHEMA,
        "name": name,
        "splits": {split: value.model_dump(mode="json") for split, value in splits.items()},
        "features": {feature: value.model_dump(mode="json") for feature, value in features.items()},
    }
    return _canonical_sha256(content)


def _canonical_sha256(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def document_checksum(document: dict[str, Any]) -> str:
    """The checksum: sha256 of everything in a manifest but the checksum, in canonical JSON."""
    return _canonical_sha256({key: value for key, value in document.items() if key != "checksum"})


def dump_json(content: Any) -> bytes:
    """Indented JSON in UTF-8; equal content gives equal bytes."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def write_manifest(folder: Folder, manifest: Manifest) -> None:
    """Write manifest.json, which commits the dataset."""
    folder.write(MANIFEST, dump_json(manifest.model_dump(mode="json")))


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Read and check a manifest. Raises DataError naming `where` if it is broken, altered or of another schema."""
    document = parse_json(content, _DOCUMENT, where, _REMEDY)
    schema = document.get("schema_version", SCHEMA)
    if schema != SCHEMA:
        raise DataError(f"{where}: schema {short_repr(schema)}, this version reads schema {SCHEMA}; {_REMEDY}")
    manifest = parse_json(content, _MANIFEST, where, _REMEDY)
    digest = content_digest(manifest.name, manifest.splits, manifest.features)
    if manifest.digest != digest or manifest.checksum != document_checksum(document):
        raise DataError(f"{where}: its digest does not match its content, somebody changed it; {_REMEDY}")
    return manifest


def read_manifest(folder: Folder) -> Manifest:
    """The manifest of a finished dataset folder. Raises DataError if the folder holds none."""
    if not folder.exists(MANIFEST):
        if folder.names(WORK):
            raise DataError(f"{folder.uri}: prepared only in part; run the same 'gan-pipeline prepare' again to finish it")
        raise DataError(f"{folder.uri}: no {MANIFEST} here; make a dataset folder with 'gan-pipeline prepare'")
    return parse_manifest(read_document(folder, MANIFEST, _REMEDY), folder.locate(MANIFEST))
