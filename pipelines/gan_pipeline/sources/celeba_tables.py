"""The tables that come with CelebA (Liu et al. 2015), as its authors' .txt or as Kaggle's .csv, and with CelebA-HQ.

list_attr_celeba: forty attributes, 1 or -1. list_eval_partition: 0 train, 1 validation, 2 test.
list_landmarks_align_celeba: x and y of left eye, right eye, nose, left and right corner of the mouth, in pixels.
CelebAMask-HQ-attribute-anno: the attributes of CelebA-HQ's images. CelebA-HQ-to-CelebA-mapping: their photographs in CelebA.
"""

import codecs
import csv
import io
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError
from gan_core.text import printable

ATTRIBUTES, PARTITION, LANDMARKS = "list_attr_celeba", "list_eval_partition", "list_landmarks_align_celeba"
HQ_ATTRIBUTES, HQ_MAPPING = "CelebAMask-HQ-attribute-anno", "CelebA-HQ-to-CelebA-mapping"
ENDINGS = (".txt", ".csv")

MAX_TABLE = 32 << 20
"""Bytes of a table. The largest of CelebA's takes 27 MB."""

MAX_ROWS = 1_000_000
"""Rows of a table. CelebA has 202,599."""

_MAX_COLUMNS = 1000
"""CelebA has forty attributes; each further one takes 4 bytes of memory a photograph."""

_WHOLE = "fetch the file again, from the same place as the photographs"


def file_name(path: str) -> str:
    """The last part of a path with "/"."""
    return PurePosixPath(path).name


@dataclass(frozen=True)
class Table:
    """Integers by photograph.

    Attributes:
        where: file it was read from, for messages.
        columns: their names.
        rows: position of each photograph's row, by file name.
        values: int32 (rows, columns).
        stems: position of each photograph's row by `stem`; -1 where several rows share one.
        notes: sentences for the user.
        key: gives the name of a photograph's row from its path; by default its file name.
    """

    where: str
    columns: tuple[str, ...]
    rows: dict[str, int]
    values: NDArray[np.int32]
    stems: dict[str, int]
    notes: tuple[str, ...] = ()
    key: Callable[[str], str] = file_name

    def find(self, photograph: str) -> int | None:
        """The position of a photograph's row: that of its name, or that of its name without ending, in any case."""
        name = self.key(photograph)
        position = self.rows.get(name)
        if position is None:
            position = self.stems.get(stem(name))
        return None if position == -1 else position

    def row(self, photograph: str) -> NDArray[np.int32]:
        """The row of a photograph, int32 (columns,). Raises DataError if it has none."""
        position = self.find(photograph)
        if position is None:
            raise DataError(f"{self.where}: no row for {printable(self.key(photograph))}; {_WHOLE}")
        row: NDArray[np.int32] = self.values[position]
        return row


def stem(name: str) -> str:
    """A file name without its ending, in lower case: photographs that were converted keep it."""
    return PurePosixPath(name).stem.lower()


def parse_table(content: bytes, where: str, allow_short: bool = False) -> Table:
    """Read one of the tables with a file name and integers in each row.

    Args:
        content: the file: UTF-8, or UTF-16 with a byte order mark.
        where: its path or URI, for messages; decides by its ending how it is read.
        allow_short: accept another number of rows than the first line promises.

    Raises:
        DataError: it is not such a table, its rows differ in length, or are not as many as its first line says.
    """
    text = _text(content, where)
    lines = _csv_lines(text, where) if where.lower().endswith(".csv") else _text_lines(text)
    return _checked(where, lines, where.lower().endswith(".csv"), allow_short)


def parse_mapping(content: bytes, where: str) -> dict[int, str]:
    """Read CelebA-HQ-to-CelebA-mapping.txt: the name of the CelebA photograph by the number of an image of CelebA-HQ.

    Raises DataError if it is not that table.
    """
    mapping: dict[int, str] = {}
    for number, cells in enumerate(_text_lines(_text(content, where))):
        if number == 0:
            continue
        if len(cells) != 3 or not cells[0].isdecimal() or len(cells[0]) > 9:
            raise DataError(f"{where}: line {number + 1} is not 'idx orig_idx orig_file'; {_WHOLE}")
        mapping[int(cells[0])] = cells[2]
    return mapping


def _text(content: bytes, where: str) -> str:
    try:
        utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not text ({error}); {_WHOLE}") from error


def _csv_lines(text: str, where: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        yield from (line for line in reader if line)
    except csv.Error as error:
        raise DataError(f"{where}: line {reader.line_num}: {error}; {_WHOLE}") from error


def _text_lines(text: str) -> Iterator[list[str]]:
    return (cells for line in io.StringIO(text, newline=None) if (cells := line.split()))


def _checked(where: str, lines: Iterator[list[str]], is_csv: bool, allow_short: bool) -> Table:
    first = next(lines, [])
    promised = None
    if is_csv:
        columns, body = tuple(first[1:]), lines
    elif len(first) == 1:
        promised, columns, body = first[0], tuple(next(lines, [])), lines
    else:
        columns, body = ("partition",), _with(first, lines)
    if len(columns) > _MAX_COLUMNS:
        raise DataError(f"{where}: {len(columns):,} columns, at most {_MAX_COLUMNS:,} are read; {_WHOLE}")
    if promised is not None and not promised.isdecimal():
        raise DataError(f"{where}: its first line promises {printable(promised[:40])} rows; {_WHOLE}")
    rows, values = _rows(where, columns, body)
    if not rows or not columns:
        raise DataError(f"{where}: holds no rows; {_WHOLE}")
    notes: tuple[str, ...] = ()
    if promised is not None and promised != str(len(rows)):
        difference = f"its first line promises {promised[:40]} rows and it has {len(rows):,}"
        if not allow_short:
            raise DataError(f"{where}: {difference}; {_WHOLE}, or take it as it is with --allow-short-tables")
        notes = (f"{where}: {difference}, which are taken as they are",)
    stems: dict[str, int] = {}
    for name, number in rows.items():
        stems[stem(name)] = -1 if stem(name) in stems else number
    table = np.frombuffer(values, np.int32).reshape(len(rows), len(columns))
    return Table(where, columns, rows, table, stems, notes)


def _with(first: list[str], lines: Iterator[list[str]]) -> Iterator[list[str]]:
    if first:
        yield first
    yield from lines


def _rows(where: str, columns: Sequence[str], body: Iterator[list[str]]) -> tuple[dict[str, int], "array[int]"]:
    """The position of each row by its name, and the values of all rows, one after the other."""
    rows: dict[str, int] = {}
    values = array("i")
    for number, (name, *cells) in enumerate(body):
        shown = printable(name[:100])
        if number == MAX_ROWS:
            raise DataError(f"{where}: more than {MAX_ROWS:,} rows, which no table of CelebA has; {_WHOLE}")
        if len(cells) != len(columns):
            raise DataError(f"{where}: the row of {shown} has {len(cells)} values for {len(columns)} columns; {_WHOLE}")
        if name in rows:
            raise DataError(f"{where}: two rows for {shown}; {_WHOLE}")
        try:
            values.extend([int(cell) for cell in cells])
        except (ValueError, OverflowError) as error:
            reason = printable(str(error)[:100])
            raise DataError(
                f"{where}: the row of {shown} holds something that is no whole number ({reason}); {_WHOLE}"
            ) from error
        rows[name] = number
    return rows, values
