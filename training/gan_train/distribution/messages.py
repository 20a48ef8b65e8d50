"""The messages that workers exchange: one JSON document each. Whatever else arrives is a ValueError.

worker to chief   {"worker": position, "facts": {...}}
chief to worker   {"exit_code": ..., "refusal": ...} or {"files": {name: bytes, ...}}, and then the content of the files
both              {"leaving": reason}, or nothing as a sign of life
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from gan_core.documents import DOCUMENT_BYTES
from gan_core.errors import EXIT_CODES, GanmillError
from gan_train.runs.layout import (
    COMMIT,
    RECIPE,
    RECORD,
    ROLLBACKS,
    SKIPPED,
    STATE,
    VARIABLES,
    checkpoint_files,
)

_MOST_WORKERS = 1 << 16

_RECORDS = (RECORD, RECIPE, ROLLBACKS, SKIPPED)
"""Files of a run folder, besides a checkpoint, that workers take over from the chief."""

_CHECKPOINT_BYTES = {VARIABLES: 1 << 36, STATE: DOCUMENT_BYTES, COMMIT: DOCUMENT_BYTES}
"""The files of a checkpoint, and the largest of each that a chief may announce, in bytes."""

_MOST_FILES = len(_RECORDS) + len(_CHECKPOINT_BYTES)

BEAT = b""
"""The message that says nothing but that its sender lives."""


def is_shared(name: str) -> bool:
    """Whether a file is one that workers take over from the chief: no other name is sent, and none is accepted."""
    return _largest(name) > 0


def _largest(name: str) -> int:
    """The largest file of a name that a chief may announce, in bytes; 0 for a name that it may not announce."""
    if name in _RECORDS:
        return DOCUMENT_BYTES
    sizes = (size for file, size in _CHECKPOINT_BYTES.items() if checkpoint_files(file).step(name) is not None)
    return next(sizes, 0)


def _checked(files: dict[str, int]) -> dict[str, int]:
    for name, size in files.items():
        if not is_shared(name):
            raise ValueError("a file that workers do not take over")
        if size > _largest(name):
            raise ValueError("a file that is too large")
    return files


@dataclass(frozen=True)
class Hello:
    """A worker's position in the cluster, and its facts as JSON texts."""

    worker: Annotated[int, Field(ge=1, lt=_MOST_WORKERS)]
    facts: dict[str, str]


@dataclass(frozen=True)
class Refusal:
    """The error that ends the meeting for all, as its exit code and message."""

    exit_code: Literal[2, 3, 4, 5, 75]
    refusal: str

    @property
    def error(self) -> GanmillError:
        """The error, to be raised."""
        return EXIT_CODES[self.exit_code](self.refusal)


@dataclass(frozen=True)
class Announcement:
    """The sizes in bytes, by name, of the files that follow."""

    files: Annotated[dict[str, Annotated[int, Field(ge=0)]], Field(max_length=_MOST_FILES), AfterValidator(_checked)]


@dataclass(frozen=True)
class Leaving:
    """The sender leaves the cluster: for the reason of an error of its own, or "" because the work is done."""

    leaving: str


_HELLO = TypeAdapter(Hello)
_ANSWER: TypeAdapter[Refusal | Announcement] = TypeAdapter(Refusal | Announcement)
_LEAVING = TypeAdapter(Leaving)


def parse_hello(content: bytes) -> Hello:
    """The message of a worker. Raises ValueError if it is none."""
    return _HELLO.validate_json(content, strict=True, extra="forbid")


def parse_answer(content: bytes) -> Refusal | Announcement:
    """The answer of the chief. Raises ValueError if it is none."""
    return _ANSWER.validate_json(content, strict=True, extra="forbid")


def parse_leaving(content: bytes) -> Leaving:
    """The last message of a worker or chief. Raises ValueError if it is none."""
    return _LEAVING.validate_json(content, strict=True, extra="forbid")


def hello(worker: int, facts: Mapping[str, str]) -> bytes:
    """The message of a worker."""
    return _document({"worker": worker, "facts": facts})


def refusal(error: GanmillError) -> bytes:
    """The message that refuses all workers."""
    return _document({"exit_code": error.exit_code, "refusal": str(error)})


def announcement(files: Mapping[str, bytes]) -> bytes:
    """The message that announces files."""
    return _document({"files": {name: len(content) for name, content in files.items()}})


def leaving(reason: str) -> bytes:
    """The last message of a worker or chief."""
    return _document({"leaving": reason})


def _document(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()
