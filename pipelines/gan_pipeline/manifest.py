"""manifest.json: what a dataset folder holds. Written last, so its presence is the commit."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gan_pipeline.errors import DataError
from gan_pipeline.records import Encoding
from gan_pipeline.storage import WORK, Folder

MANIFEST = "manifest.json"
SCHEMA = 1

Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shard(_Frozen):
    """One committed shard file: its size in bytes and the sha256 of its content."""

    file: Annotated[str, Field(pattern=r"^[\w-]+\.tfrecord$")]
    examples: Annotated[int, Field(ge=1)]
    bytes: Annotated[int, Field(ge=1)]
    sha256: Sha256


class Split(_Frozen):
    """The shards of a split, in order."""

    shards: tuple[Shard, ...]

    @property
    def examples(self) -> int:
        """Number of examples in all shards."""
        return sum(shard.examples for shard in self.shards)


class ImageFeature(_Frozen):
    """uint8 images of one shape (height, width, channels), stored losslessly."""

    shape: tuple[int, int, int]
    dtype: str = "uint8"
    encoding: Encoding


class LabelFeature(_Frozen):
    """int64 class numbers; `class_names` by number."""

    dtype: str = "int64"
    class_names: tuple[str, ...]


class Features(_Frozen):
    """What one record holds besides its string id."""

    image: ImageFeature
    label: LabelFeature


class Counts(_Frozen):
    """How many examples were read from the source, kept, and dropped by reason."""

    read: Count
    kept: Count
    dropped: dict[str, Count]


class Options(_Frozen):
    """The options that decide what is written. `source` is as the user gave it; all else decides the bytes."""

    dataset: str
    source: str
    splits: tuple[str, ...]
    classes: tuple[int, ...] | None
    limit: Annotated[int, Field(ge=1)] | None
    shards: Annotated[int, Field(ge=1)] | None
    seed: Annotated[int, Field(ge=0)]
    encoding: Encoding


class SourceRecord(_Frozen):
    """Where the examples came from, and a fingerprint of that content."""

    kind: str
    fingerprint: Sha256


class Manifest(_Frozen):
    """The content of manifest.json; `digest` names all that decides what a trainer reads."""

    schema_version: int
    name: str
    splits: dict[str, Split]
    features: Features
    counts: Counts
    options: Options
    source: SourceRecord
    packages: dict[str, str]
    digest: Sha256


def content_digest(name: str, splits: dict[str, Split], features: Features) -> str:
    """sha256 over the schema, the name, the features and every shard's checksum, in canonical JSON."""
    content = {
        "schema_version": SCHEMA,
        "name": name,
        "splits": {split: value.model_dump(mode="json") for split, value in splits.items()},
        "features": features.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def dump_json(content: Any) -> bytes:
    """Readable JSON with a stable layout."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def write_manifest(folder: Folder, manifest: Manifest) -> None:
    """Commit the dataset."""
    folder.write(MANIFEST, dump_json(manifest.model_dump(mode="json")))


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Read and check a manifest. Raises DataError naming `where` if it is broken, altered or of another schema."""
    again = "prepare the dataset again into a new folder"
    try:
        document = json.loads(content)
        schema = document["schema_version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"{where}: not a manifest ({type(error).__name__}: {error}); {again}") from error
    if schema != SCHEMA:
        raise DataError(f"{where}: schema {schema!r}, this version reads schema {SCHEMA}; {again}")
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{where}: field {field}: {first['msg']}; {again}") from error
    if manifest.digest != content_digest(manifest.name, manifest.splits, manifest.features):
        raise DataError(f"{where}: its digest does not match its content, somebody changed it; {again}")
    return manifest


def read_manifest(folder: Folder) -> Manifest:
    """The manifest of a finished dataset folder. Raises DataError if the folder holds none."""
    if not folder.exists(MANIFEST):
        if folder.names(WORK):
            raise DataError(f"{folder.uri}: prepared only in part; run the same 'gan-pipeline prepare' again to finish it")
        raise DataError(f"{folder.uri}: no {MANIFEST} here; make a dataset folder with 'gan-pipeline prepare'")
    return parse_manifest(folder.read(MANIFEST), folder.locate(MANIFEST))
