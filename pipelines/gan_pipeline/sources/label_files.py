"""Files that say which label each image has: CSV, TSV and text tables, Hugging Face's metadata, StyleGAN's dataset.json."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from gan_core.documents import parse_json, parse_json_line
from gan_core.errors import DataError

MAX_CELL = 32_768
"""Characters of one cell or JSON line; a longer one is a quotation mark that was never closed, or no table."""

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
_OBJECT = TypeAdapter(dict[str, Any])
_FILE_COLUMNS = ("file_name", "filename", "file", "image", "image_id", "imageid", "img", "id", "path", "name")
_LABEL_COLUMNS = ("label", "labels", "class", "class_name", "classname", "category", "target", "breed", "species")
_DELIMITERS = ("\t", ",", ";", " ")


@dataclass(frozen=True)
class Row:
    """One line of a label file: the file and the label as written, and the place, such as "labels.csv, line 3"."""

    file: str
    label: str
    place: str


def read_label_file(content: bytes, where: str, column: str | None, is_image: Callable[[str], bool]) -> list[Row]:
    """Read a label file; the ending of its name says what it is: .json, .jsonl, or else a table.

    Args:
        content: the whole file.
        where: its name, for messages.
        column: the column or key that holds the label, or None to take the one whose name says so.
        is_image: tells whether a cell names an image, so that a table without a header is known.

    Raises:
        DataError: it is not such a file; the message names the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{where}, line {line}: not UTF-8 text ({error.reason}); save the file as UTF-8") from error
    suffix = PurePosixPath(where).suffix.lower()
    if suffix == ".json":
        rows = stylegan_rows(json_document(content, where), where)
        if rows is None:
            raise DataError(f"{where}: holds no labels; leave --labels out, or name another file")
        return rows
    rows = list(_json_lines(text, where, column) if suffix == ".jsonl" else _table_rows(text, where, column, is_image))
    if not rows:
        raise DataError(f"{where}: holds no rows of file and label")
    return rows


def json_document(content: bytes, where: str) -> Any:
    """The content of a JSON file. Raises DataError if it is none."""
    return parse_json(
        content.removeprefix(codecs.BOM_UTF8), _ANYTHING, where, "fetch it again, or give --labels none or folders"
    )


def stylegan_rows(document: Any, where: str) -> list[Row] | None:
    """The labels of the dataset.json that StyleGAN's dataset_tool writes, or None where it says there are none.

    Raises DataError if it is not such a document, or its labels are not whole numbers.
    """
    if not isinstance(document, dict) or "labels" not in document:
        raise DataError(f"{where}: not the dataset.json of StyleGAN's dataset_tool, it has no list 'labels'")
    if document["labels"] is None:
        return None
    if not isinstance(document["labels"], list):
        raise DataError(f"{where}: 'labels' is no list of [file, label]")
    return [_stylegan_row(entry, f"{where}, label {number}") for number, entry in enumerate(document["labels"], 1)]


def _stylegan_row(entry: Any, place: str) -> Row:
    if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
        raise DataError(f"{place}: not a pair of file and label")
    if type(entry[1]) is not int:
        raise DataError(f"{place}: the label of {entry[0]} is no whole number; give --labels none to do without")
    return Row(entry[0], str(entry[1]), place)


def _json_lines(text: str, where: str, column: str | None) -> Iterator[Row]:
    # Not splitlines: a JSON string may hold U+2028 and the like.
    for number, line in enumerate(text.split("\n"), 1):
        place = f"{where}, line {number}"
        if not line.strip():
            continue
        if len(line) > MAX_CELL:
            raise DataError(f"{place}: {len(line):,} characters, at most {MAX_CELL:,} are read")
        entry = parse_json_line(line.encode(), _OBJECT, where, f"line {number}", "mend the line, or remove it and its image")
        if not isinstance(entry.get("file_name"), str):
            raise DataError(f"{place}: no object with a file_name")
        key = column or next((name for name in entry if name.casefold() in _LABEL_COLUMNS), None)
        if key is None or key not in entry:
            raise DataError(f"{place}: no label, only {', '.join(entry)}; --label-attribute names the key that holds it")
        value = entry[key]
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise DataError(f"{place}: {key} of {entry['file_name']} is neither text nor a whole number")
        yield Row(entry["file_name"], str(value), place)


def _table_rows(text: str, where: str, column: str | None, is_image: Callable[[str], bool]) -> Iterator[Row]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((one for one in _DELIMITERS if one in first), None)
    if delimiter is None:
        raise DataError(f"{where}, line 1: no table of file and label, their columns parted by a comma or a tab")
    columns: tuple[int, int] | None = None
    width = 0
    for number, cells in _cells(text, where, delimiter):
        place = f"{where}, line {number}"
        if columns is None:
            width = len(cells)
            header = not is_image(cells[0])
            columns = _columns(cells, column, place) if header else _without_header(cells, column, place)
            if header:
                continue
        if len(cells) != width:
            raise DataError(f"{place}: {len(cells)} cells where there are {width} columns")
        file, label = (cells[at].strip() for at in columns)
        if not file or not label:
            raise DataError(f"{place}: the {'file' if not file else f'label of {file}'} is missing")
        yield Row(file, label, place)


def _cells(text: str, where: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of every line that is not blank, with the line's number."""
    before = csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=delimiter == " ")
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{where}, line {start}: {error}; is a quotation mark not closed?") from error
    finally:
        csv.field_size_limit(before)


def _columns(header: list[str], column: str | None, place: str) -> tuple[int, int]:
    """Positions of file and label by the names in a header."""
    names = [cell.strip().casefold() for cell in header]
    file = next((names.index(name) for name in _FILE_COLUMNS if name in names), 0)
    rest = [name for at, name in enumerate(names) if at != file]
    wanted = [column.casefold()] if column else [*_LABEL_COLUMNS, *(rest if len(rest) == 1 else ())]
    label = next((names.index(name) for name in wanted if name in rest), None)
    if label is None:
        shown = ", ".join(cell.strip() for cell in header[:20])
        asked = f"no column {column}" if column else "no column is named label"
        raise DataError(f"{place}: {asked}, there are: {shown}; --label-attribute names the column that holds the label")
    return file, label


def _without_header(cells: list[str], column: str | None, place: str) -> tuple[int, int]:
    if column:
        raise DataError(f"{place}: the table has no header, so there is no column {column}")
    if len(cells) != 2:
        raise DataError(f"{place}: {len(cells)} columns and no header; keep two, file and label, or add a header")
    return 0, 1
