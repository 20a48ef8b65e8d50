"""Attributes of CelebA: which column one is, and how one becomes the label of a photograph."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_pipeline.dataset.catalogue import class_numbers
from gan_pipeline.dataset.options import Options
from gan_pipeline.sources.celeba_tables import ATTRIBUTES, Table


def attributes_of(table: Table, name: str) -> NDArray[np.int64]:
    """1 where CelebA says 1, 0 where it says -1."""
    return (table.row(name) > 0).astype(np.int64)


def attribute_column(attributes: Table | None, asked: str, option: str) -> int:
    """The column of an attribute, whose name may be in any case. Raises UsageError if the option names none."""
    if attributes is None:
        raise UsageError(f"{option} {asked} needs {ATTRIBUTES}.txt or .csv among the photographs or beside them")
    lower = [name.casefold() for name in attributes.columns]
    if asked.casefold() not in lower:
        raise UsageError(f"{option} {asked}: no such attribute; choose from: {', '.join(attributes.columns)}")
    return lower.index(asked.casefold())


@dataclass(frozen=True)
class AttributeLabel:
    """An attribute as the label.

    Attributes:
        table: of the attributes.
        column: of the attribute in it.
        class_names: those asked for, of "not X" and "X".
        numbers: class number by the attribute's value, 0 or 1; -1 for a class that was not asked for.
    """

    table: Table
    column: int
    class_names: tuple[str, ...]
    numbers: tuple[int, int]

    def number(self, name: str) -> int:
        """The class number of a photograph."""
        return self.numbers[int(attributes_of(self.table, name)[self.column])]


def attribute_label(attributes: Table | None, options: Options) -> AttributeLabel | None:
    """The label that --label-attribute asks for, with the classes that --classes asks for. Raises UsageError."""
    if options.label_attribute is None:
        return None
    column = attribute_column(attributes, options.label_attribute, "--label-attribute")
    assert attributes
    both = (f"not {attributes.columns[column]}", attributes.columns[column])
    asked = (0, 1) if options.classes is None else class_numbers(tuple(map(str, options.classes)), both)
    first, second = (asked.index(value) if value in asked else -1 for value in (0, 1))
    return AttributeLabel(attributes, column, tuple(both[value] for value in asked), (first, second))
