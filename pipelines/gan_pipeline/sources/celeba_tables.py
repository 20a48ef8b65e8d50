"""The tables that come with CelebA, as its authors' .txt or as Kaggle's .csv.

list_attr_celeba: forty attributes, 1 or -1. list_eval_partition: 0 train, 1 validation, 2 test.
list_landmarks_align_celeba: x and y of left eye, right eye, nose, left and right corner of the mouth.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError

ATTRIBUTES, PARTITION, LANDMARKS = "list_attr_celeba", "list_eval_partition", "list_landmarks_align_celeba"
ENDINGS = (".txt", ".csv")

_WHOLE = "fetch the file again, from the same place as the photographs"


@dataclass(frozen=True)
class Table:
    """Integers by photograph.

    Attributes:
        where: file it was read from, for messages.
        columns: their names.
        rows: position of each photograph's row, by file name.
        values: int32 (rows, columns).
    """

    where: str
    columns: tuple[str, ...]
    rows: dict[str, int]
    values: NDArray[np.int32]

    def row(self, photograph: str) -> NDArray[np.int32]:
        """The row of a photograph. Raises DataError if it has none."""
        if photograph not in self.rows:
            raise DataError(f"{self.where}: no row for {photograph}; {_WHOLE}")
        row: NDArray[np.int32] = self.values[self.rows[photograph]]
        return row


def parse_table(content: bytes, where: str) -> Table:
    """Read one of the three tables.

    Raises:
        DataError: it is not such a table, its rows differ in length, or are not as many as its first line says.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not text ({error}); {_WHOLE}") from error
    if where.lower().endswith(".csv"):
        lines = [line for line in csv.reader(io.StringIO(text)) if line]
        promised, columns, body = None, tuple(lines[0][1:]) if lines else (), lines[1:]
    else:
        lines = [line.split() for line in text.splitlines() if line.strip()]
        if lines and len(lines[0]) == 1:
            promised, columns, body = lines[0][0], tuple(lines[1]) if len(lines) > 1 else (), lines[2:]
        else:
            promised, columns, body = None, ("partition",), lines
    if not body or not columns:
        raise DataError(f"{where}: holds no rows; {_WHOLE}")
    if promised is not None and promised != str(len(body)):
        raise DataError(f"{where}: its first line promises {promised} rows and it has {len(body):,}; {_WHOLE}")
    return _checked(where, columns, body)


def _checked(where: str, columns: tuple[str, ...], body: Sequence[Sequence[str]]) -> Table:
    rows: dict[str, int] = {}
    values = np.empty((len(body), len(columns)), np.int32)
    for number, (name, *cells) in enumerate(body):
        if len(cells) != len(columns):
            raise DataError(f"{where}: the row of {name} has {len(cells)} values for {len(columns)} columns; {_WHOLE}")
        if name in rows:
            raise DataError(f"{where}: two rows for {name}; {_WHOLE}")
        try:
            values[number] = [int(cell) for cell in cells]
        except (ValueError, OverflowError) as error:
            raise DataError(
                f"{where}: the row of {name} holds something that is no whole number ({error}); {_WHOLE}"
            ) from error
        rows[name] = number
    return Table(where, columns, rows, values)
