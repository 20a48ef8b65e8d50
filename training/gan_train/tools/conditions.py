"""The options --class and --code: classes by number or name and codes by number, for conditional generators."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gan_core.errors import DataError, UsageError
from gan_core.plain import suggestion
from gan_train.latents.inputs import Conditions, in_turn
from gan_train.runs.run_folder import RunRecord

Values = int | str | Sequence[int | str]
"""One or several classes, by number or name, or codes, by number."""

_NUMBER = re.compile(r"[0-9]{1,9}")
_NAMES_SHOWN = 20


@dataclass(frozen=True)
class ConditionOptions:
    """Values of the options --class and --code; None if one was not given.

    Attributes:
        classes: numbers or names of classes with commas, as "7" or "3,sneaker".
        codes: numbers of codes with commas, as "7" or "3,7".
    """

    classes: str | None = None
    codes: str | None = None

    @classmethod
    def of(cls, classes: Values | None, codes: Values | None) -> "ConditionOptions":
        """The options for single classes and codes, or sequences of them."""
        return cls(_text(classes), _text(codes))


def _text(values: Values | None) -> str | None:
    if values is None or isinstance(values, int | str):
        return None if values is None else str(values)
    return ",".join(map(str, values))


def named_values(record: RunRecord, options: ConditionOptions) -> tuple[int, ...]:
    """The numbers of the classes or codes that the options name, in their order; none if they name none.

    Raises:
        UsageError: the generator has no classes or no codes, or there is no such class or code.
    """
    condition = record.recipe.condition
    values: tuple[int, ...] = ()
    for kind, text in (("class", options.classes), ("code", options.codes)):
        if text is None:
            continue
        if condition is None:
            raise UsageError(f"--{kind} {text[:100]}: recipe {record.recipe.name} takes no class and no code; leave it out")
        if condition.kind != kind:
            raise UsageError(f"--{kind} {text[:100]}: this run's generator takes a {condition.kind}; {_valid_values(record)}")
        values = tuple(_value(word.strip(), record) for word in text.split(","))
    return values


def _value(word: str, record: RunRecord) -> int:
    """The number of a class or code, by its name, or by its number if there is no such name."""
    condition = record.recipe.condition
    assert condition is not None
    matches = [number for number, name in enumerate(record.class_names) if name.casefold() == word.casefold()]
    exact = [number for number in matches if record.class_names[number] == word]
    if len(exact or matches) == 1:
        return (exact or matches)[0]
    if _NUMBER.fullmatch(word) and int(word) < condition.values:
        return int(word)
    near = suggestion(word, record.class_names)
    raise UsageError(f"--{condition.kind} {word[:40]!r}: no such {condition.kind}; {_valid_values(record)}{near}")


def _valid_values(record: RunRecord) -> str:
    """The option and its possible values, for messages."""
    condition = record.recipe.condition
    assert condition is not None
    names = ", ".join(record.class_names[:_NAMES_SHOWN]) + (", ..." if len(record.class_names) > _NAMES_SHOWN else "")
    numbers = f"write --{condition.kind} with 0 to {condition.values - 1}"
    are_numbers = record.class_names == tuple(map(str, range(condition.values)))
    return numbers if are_numbers or not names else f"{numbers} or a name: {names}"


def values_in_turn(record: RunRecord, options: ConditionOptions) -> Sequence[int]:
    """The classes or codes that images take in turn: those that are named, or all; none for a generator without them.

    Raises:
        UsageError: as `named_values`.
    """
    condition = record.recipe.condition
    return named_values(record, options) or range(condition.values if condition else 0)


def check_saved(record: RunRecord, conditions: Conditions, file: str) -> None:
    """Raise DataError if classes or codes from a file are out of range for the generator."""
    condition = record.recipe.condition
    if condition is None:
        raise DataError(
            f"{file}: has classes or codes, but recipe {record.recipe.name} takes none; save its array 'latents' alone"
        )
    if conditions.max() >= condition.values:
        raise DataError(f"{file}: has {condition.kind} {conditions.max()}, and this run does not; {_valid_values(record)}")


def one_for_all(record: RunRecord, options: ConditionOptions, count: int) -> Conditions | None:
    """The class or code of each of `count` images, all the same; None for a generator without classes and codes.

    Raises:
        UsageError: as `named_values`, or the options do not name exactly one.
    """
    values, condition = named_values(record, options), record.recipe.condition
    if condition and len(values) != 1:
        raise UsageError(f"this run's generator takes a {condition.kind}, here one for all images; {_valid_values(record)}")
    return in_turn(count, values) if values else None


def value_label(record: RunRecord, value: int) -> str:
    """A class or code for people: "7 (Sneaker)", or "7" if it has no other name."""
    name = record.class_names[value] if record.class_names else str(value)
    return str(value) if name == str(value) else f"{value} ({name})"


def heading(record: RunRecord, value: int) -> str:
    """The name of a class, or the number of a code, as it stands over a column of images."""
    return record.class_names[value] if record.class_names else str(value)


def condition_facts(record: RunRecord, conditions: Sequence[int] | Conditions | None) -> dict[str, str]:
    """The text chunk of a picture about the classes or codes of its images: a single one with its name, or all numbers."""
    condition = record.recipe.condition
    if condition is None or conditions is None:
        return {}
    numbers = [int(value) for value in conditions]
    shown = value_label(record, numbers[0]) if len(set(numbers)) == 1 else ",".join(map(str, numbers))
    return {condition.kind: shown}
