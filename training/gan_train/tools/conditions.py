"""The conditions of a generator from the command line: classes by number or name, codes by number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gan_core.errors import DataError, UsageError
from gan_train.latents.inputs import Conditions, in_turn
from gan_train.runs.run_folder import RunRecord

_NUMBER = re.compile(r"[0-9]{1,9}")
_NAMES_TOLD = 20


@dataclass(frozen=True)
class ConditionOptions:
    """The options of the command line about classes and codes; None where one was not given.

    Attributes:
        classes: numbers or names, "7", "sneaker" or several, "3,sneaker".
        codes: numbers, "7" or several, "3,7".
    """

    classes: str | None = None
    codes: str | None = None


def named_values(record: RunRecord, told: ConditionOptions) -> tuple[int, ...]:
    """The classes or codes that the command line names, in its order; none if it names none.

    Raises:
        UsageError: the run's generator is told no such thing, or there is no such class or code.
    """
    condition = record.recipe.condition
    found: tuple[int, ...] = ()
    for kind, text in (("class", told.classes), ("code", told.codes)):
        if text is None:
            continue
        if condition is None:
            raise UsageError(f"--{kind} {text}: recipe {record.recipe.name} takes no class and no code; leave it out")
        if condition.kind != kind:
            raise UsageError(f"--{kind} {text}: this run's generator is told a {condition.kind}; {_what_there_is(record)}")
        found = tuple(_value(word.strip(), record) for word in text.split(","))
    return found


def _value(word: str, record: RunRecord) -> int:
    """By name, and if there is no such name by number."""
    condition = record.recipe.condition
    assert condition is not None
    alike = [number for number, name in enumerate(record.class_names) if name.casefold() == word.casefold()]
    exact = [number for number in alike if record.class_names[number] == word]
    if len(exact or alike) == 1:
        return (exact or alike)[0]
    if _NUMBER.fullmatch(word) and int(word) < condition.values:
        return int(word)
    raise UsageError(f"--{condition.kind} {word[:40]!r}: no such {condition.kind}; {_what_there_is(record)}")


def _what_there_is(record: RunRecord) -> str:
    """The option to write, and what may follow it."""
    condition = record.recipe.condition
    assert condition is not None
    names = ", ".join(record.class_names[:_NAMES_TOLD]) + (", ..." if len(record.class_names) > _NAMES_TOLD else "")
    numbers = f"write --{condition.kind} with 0 to {condition.values - 1}"
    are_numbers = record.class_names == tuple(map(str, range(condition.values)))
    return numbers if are_numbers or not names else f"{numbers} or a name: {names}"


def values_in_turn(record: RunRecord, told: ConditionOptions) -> Sequence[int]:
    """The classes or codes that images take in turn: those named, or all; none for a generator that is told none.

    Raises:
        UsageError: as `named_values`.
    """
    condition = record.recipe.condition
    return named_values(record, told) or range(condition.values if condition else 0)


def check_saved(record: RunRecord, conditions: Conditions, file: str) -> None:
    """Raises DataError where classes or codes that came from a file are none that the generator takes."""
    condition = record.recipe.condition
    if condition is None:
        raise DataError(
            f"{file}: has classes or codes, but recipe {record.recipe.name} takes none; save its array 'latents' alone"
        )
    if conditions.max() >= condition.values:
        raise DataError(f"{file}: has {condition.kind} {conditions.max()}, and this run does not; {_what_there_is(record)}")


def the_same_for_all(record: RunRecord, told: ConditionOptions, count: int) -> Conditions | None:
    """The one class or code named, for each of `count` images; None for a generator that is told none.

    Raises:
        UsageError: as `named_values`, or not one is named.
    """
    values, condition = named_values(record, told), record.recipe.condition
    if condition and len(values) != 1:
        raise UsageError(f"this run's generator is told a {condition.kind}, here one for all images; {_what_there_is(record)}")
    return in_turn(count, values) if values else None


def value_label(record: RunRecord, value: int) -> str:
    """A class or code as people read it: "7 (Sneaker)", or "7" where it has no other name."""
    name = record.class_names[value] if record.class_names else str(value)
    return str(value) if name == str(value) else f"{value} ({name})"


def condition_facts(record: RunRecord, conditions: Sequence[int] | Conditions | None) -> dict[str, str]:
    """A picture's note of the classes or codes of its images: the only one with its name, or all by number, in order."""
    condition = record.recipe.condition
    if condition is None or conditions is None:
        return {}
    numbers = [int(value) for value in conditions]
    shown = value_label(record, numbers[0]) if len(set(numbers)) == 1 else ",".join(map(str, numbers))
    return {condition.kind: shown}
