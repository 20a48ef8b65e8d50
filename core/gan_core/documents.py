"""Readers for JSON, JSON lines and YAML that a person, a full disk or another program may have damaged.

    STATUS_TYPE = TypeAdapter(Status)                       # any type that pydantic knows: a dataclass, a dict[str, float], ...
    status = read_json(run, "status.json", STATUS_TYPE, "remove it")
    rows = read_json_lines(run, "metrics.jsonl", ROW_TYPE, "remove the line from the file")

Every value has the type it was asked for, without conversion from text or between numbers and booleans, and no object has
a key that its type does not name. Whatever is wrong ends as one DataError that names the file, the line and the remedy.
Size, nesting and the length of numbers are limited, so that no file can exhaust memory, time or the stack.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from gan_core.errors import DataError
from gan_core.names import unescape_name
from gan_core.plain import in_plain_words
from gan_core.storage.folder import Folder
from gan_core.text import printable, short_repr

DOCUMENT_BYTES = 64 << 20
"""The largest JSON document that is read, in bytes. A manifest of 100,000 shards takes 20 MB."""

LINE_BYTES = 1 << 20
"""The longest line of a JSON lines file that is read, in bytes."""

YAML_BYTES = 1 << 20
"""The largest YAML document that is read, in bytes. The names of 20,000 classes take 400 kB."""

YAML_DEPTH = 50
"""How deep lists and mappings of a YAML document may be nested."""

YAML_NODES = 100_000
"""How many values a YAML document may have, each counted as often as an alias repeats it."""

_YAML_NUMBER_CHARACTERS = 100
"""The longest text that is read as a number: Python takes quadratic time for longer ones."""

Whole = Annotated[int, Field(ge=0, lt=1 << 63)]
"""A count, a step or a size: a whole number from 0 that fits into 64 bits."""

T = TypeVar("T")


PrintableText = Annotated[str, AfterValidator(printable)]
"""Text that is read from a file to be shown: what could break or colour a terminal line is escaped."""

StoredName = Annotated[str, AfterValidator(unescape_name)]
"""The name of a file or folder that was written by `gan_core.names.escape_name`, so that it may hold any bytes."""


def parse_json(content: bytes, kind: TypeAdapter[T], where: str, remedy: str) -> T:
    """Read one JSON document.

    Args:
        content: UTF-8 text.
        kind: the type of the whole document.
        where: path or URI of the file, for the message.
        remedy: what the user can do about a damaged file, for the message.

    Raises:
        DataError: the document is cut off, not JSON, nested deeper than 200 levels or of another type.
    """
    try:
        return _validated(content, kind)
    except ValueError as error:
        raise DataError(f"{where}: damaged ({error}); {remedy}") from error


def read_document(folder: Folder, name: str, remedy: str) -> bytes:
    """Read the content of a file for `parse_json`.

    Raises:
        DataError: it is larger than `DOCUMENT_BYTES`.
        StorageError: it cannot be read.
    """
    return _read_limited(folder, name, DOCUMENT_BYTES, remedy)


def read_json(folder: Folder, name: str, kind: TypeAdapter[T], remedy: str) -> T:
    """Read a file that is one JSON document of at most `DOCUMENT_BYTES`.

    Raises:
        DataError: as `parse_json`, or the file is larger.
        StorageError: it cannot be read.
    """
    return parse_json(read_document(folder, name, remedy), kind, folder.locate(name), remedy)


def parse_json_line(line: bytes, kind: TypeAdapter[T], where: str, place: str, remedy: str) -> T:
    """Read one line of a JSON lines file; `place` names the line in the message, as "line 3". Raises as `parse_json`."""
    try:
        return _validated(line, kind)
    except ValueError as error:
        raise DataError(f"{where}: {place} is damaged ({error}); {remedy}") from error


def read_json_lines(
    folder: Folder, name: str, kind: TypeAdapter[T], remedy: str, cut_end: bool = False
) -> Iterator[tuple[bytes, T]]:
    r"""Read a file of JSON documents, one a line, without holding the whole file in memory.

    Lines end at "\n" alone: a name in the file may contain any other character.

    Args:
        folder: of the file.
        name: of the file.
        kind: the type of every line.
        remedy: what the user can do about a damaged line, for the message.
        cut_end: leave out a last line without "\n", because the writer appends and may have been killed in the middle of it.

    Yields:
        Each line as it stands in the file, and its value.

    Raises:
        DataError: a line is longer than `LINE_BYTES`, not JSON or of another type.
        StorageError: the file cannot be read.
    """
    where, number = folder.locate(name), 0
    with folder.open_binary(name) as file:
        while line := file.readline(LINE_BYTES + 1):
            number += 1
            if len(line) > LINE_BYTES:
                raise DataError(f"{where}: line {number} is damaged (longer than {LINE_BYTES:,} bytes); {remedy}")
            if cut_end and not line.endswith(b"\n"):
                return
            yield line, parse_json_line(line, kind, where, f"line {number}", remedy)


def parse_yaml(content: bytes | str) -> list[Any]:
    """Read all documents of a YAML text: plain scalars, lists and mappings.

    Raises:
        ValueError: the text is not such YAML, larger than `YAML_BYTES`, nested deeper than `YAML_DEPTH`, has more than
            `YAML_NODES` values, or an integer of over 64 bits; the message is one line.
    """
    try:
        if len(content) > YAML_BYTES:
            raise ValueError(f"larger than {YAML_BYTES:,} bytes")
        _check_yaml_limits(content)
        return list(yaml.load_all(content, Loader=_NamingLoader))
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(printable(" ".join(str(error).split())[:300])) from error


def read_yaml(folder: Folder, name: str, remedy: str) -> list[Any]:
    """Read all documents of a YAML file.

    Raises:
        DataError: the file is damaged; see `parse_yaml`.
        StorageError: it cannot be read.
    """
    content = _read_limited(folder, name, YAML_BYTES, remedy)
    try:
        return parse_yaml(content)
    except ValueError as error:
        raise DataError(f"{folder.locate(name)}: damaged ({error}); {remedy}") from error


def first_fault(error: ValidationError) -> str:
    """The first thing that a type does not allow, in one short line: the key, a colon, what is wrong with its value."""
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])[:200]
    message = in_plain_words(first["msg"])
    return printable(f"{key}: {message}" if key else message)


def known_keys(root: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """The keys that may stand at a place of a document, given as the keys that lead there; numbers are places in a list.

    Where pydantic puts the kind of a section into the place, such as "adam", that names no key and is passed over.
    """
    models = [root]
    for key in place:
        fields = [model.model_fields[str(key)] for model in models if key in model.model_fields]
        below = [found for one in fields for found in _models(one.annotation)]
        models = below or models
    return list(dict.fromkeys(name for model in models for name in model.model_fields))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type such as `list[Toleration]` or `GoogleCloud | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _validated(content: bytes, kind: TypeAdapter[T]) -> T:
    try:
        return kind.validate_json(content, strict=True, extra="forbid")
    except ValidationError as error:
        raise ValueError(first_fault(error)) from error


def _read_limited(folder: Folder, name: str, limit: int, remedy: str) -> bytes:
    if folder.size(name) > limit:
        raise DataError(f"{folder.locate(name)}: damaged (larger than {limit:,} bytes); {remedy}")
    return folder.read(name)


def _check_yaml_limits(content: bytes | str) -> None:
    """Raise ValueError if the values of a YAML text would take more stack or memory than the limits allow.

    An alias counts as often as it is used, with all that it stands for: nine lines of nine aliases stand for 9^9 values.
    """
    anchors: dict[str, int] = {}
    open_anchors: list[str | None] = []
    counts = [0]
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_anchors.append(event.anchor)
            counts.append(1)
            if len(open_anchors) > YAML_DEPTH:
                raise ValueError(f"nested deeper than {YAML_DEPTH} levels")
            continue
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise ValueError(f"alias *{event.anchor} refers to nothing before it")
            count = anchors[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            count = _anchored(anchors, event.anchor, 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            count = _anchored(anchors, open_anchors.pop(), counts.pop())
        else:
            continue
        counts[-1] += count
        if counts[-1] > YAML_NODES:
            raise ValueError(f"more than {YAML_NODES:,} values")


def _anchored(anchors: dict[str, int], anchor: str | None, count: int) -> int:
    if anchor is not None:
        anchors[anchor] = count
    return count


class _NamingLoader(yaml.CSafeLoader):
    """PyYAML's safe loader, which names the line of a value that its tag does not fit, such as `2020-13-45` or `!!int x`."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The Python value of a node."""
        kind = node.tag.rpartition(":")[2]
        if kind in ("int", "float") and isinstance(node.value, str) and len(node.value) > _YAML_NUMBER_CHARACTERS:
            raise _misfit(node, kind)
        try:
            value = super().construct_object(node, deep)
        except (ValueError, AttributeError, TypeError, LookupError, OverflowError) as error:
            raise _misfit(node, kind) from error
        if isinstance(value, int) and abs(value) >= 1 << 63:
            raise _misfit(node, "int of 64 bits")
        return value


def _misfit(node: yaml.Node, kind: str) -> yaml.YAMLError:
    value = short_repr(node.value) if isinstance(node, yaml.ScalarNode) else f"a {node.tag.rpartition(':')[2]}"
    return yaml.YAMLError(f"line {node.start_mark.line + 1}: {value} is no {kind}")
