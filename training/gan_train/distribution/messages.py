"""The messages that workers exchange when they meet: one line of JSON each. Whatever else arrives is a ValueError.

worker to chief   {"worker": position, "facts": {...}}
chief to worker   {"exit_code": ..., "refusal": ...} or {"files": {name: bytes, ...}}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from gan_core.errors import EXIT_CODES, GanmillError

_MOST_WORKERS = 1 << 16
_FILE_BYTES = 1 << 40
"""The largest file that a chief may announce, in bytes."""


@dataclass(frozen=True)
class Hello:
    """A worker's position in the cluster, and its facts."""

    worker: Annotated[int, Field(ge=1, lt=_MOST_WORKERS)]
    facts: dict[str, Any]


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

    files: dict[str, Annotated[int, Field(ge=0, lt=_FILE_BYTES)]]


_HELLO = TypeAdapter(Hello)
_ANSWER: TypeAdapter[Refusal | Announcement] = TypeAdapter(Refusal | Announcement)


def parse_hello(line: bytes) -> Hello:
    """The message of a worker. Raises ValueError if the line is none."""
    return _HELLO.validate_json(line, strict=True, extra="forbid")


def parse_answer(line: bytes) -> Refusal | Announcement:
    """The answer of the chief. Raises ValueError if the line is none."""
    return _ANSWER.validate_json(line, strict=True, extra="forbid")


def hello(worker: int, facts: Mapping[str, Any]) -> bytes:
    """The line of a worker."""
    return _line({"worker": worker, "facts": facts})


def refusal(error: GanmillError) -> bytes:
    """The line that refuses all workers."""
    return _line({"exit_code": error.exit_code, "refusal": str(error)})


def answer(files: Mapping[str, bytes]) -> bytes:
    """The line that announces files, and the files."""
    return _line({"files": {name: len(content) for name, content in files.items()}}) + b"".join(files.values())


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"
