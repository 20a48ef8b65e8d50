"""gan-train arithmetic: "92,98,99 - 9,21,79 + 10,30,45" on averaged latents (Radford et al. 2015)."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.images.labelled import labelled_png
from gan_core.storage import write_file
from gan_train.latents.inputs import Inputs
from gan_train.latents.latent import combine, mean
from gan_train.sampling.generator import MOST_IMAGES, saved_generator
from gan_train.tools.choose import members, read_inputs
from gan_train.tools.conditions import ConditionOptions, condition_facts, the_same_for_all

Cells = list[tuple[str, NDArray[np.uint8] | None]]


@dataclass(frozen=True)
class Term:
    """One concept of an expression.

    Attributes:
        sign: 1 or -1.
        numbers: one-based numbers of the latents that are averaged for it.
    """

    sign: int
    numbers: tuple[int, ...]


def parse_expression(text: str, known: int) -> tuple[Term, ...]:
    """Terms of one-based numbers joined by commas, with + or - between the terms.

    Raises:
        UsageError: the expression cannot be read, or names a latent beyond 1 to `known`; it says at which character.
    """
    terms: list[Term] = []
    sign, numbers, number_is_due = 1, list[int](), True
    for found in re.finditer(r"[0-9]+|\S", text):
        word, place = found[0], found.start() + 1
        if number_is_due:
            numbers.append(_number(word, known, text, place))
        elif word in ("+", "-"):
            terms.append(Term(sign, tuple(numbers)))
            sign, numbers = 1 if word == "+" else -1, []
        elif word != ",":
            raise _fault(text, place, f"',', '+' or '-' belongs here, not {word!r}")
        number_is_due = not number_is_due
    if number_is_due:
        raise _fault(text, len(text) + 1, "it ends where a number belongs")
    return (*terms, Term(sign, tuple(numbers)))


def _number(word: str, known: int, text: str, place: int) -> int:
    if not word[0].isdigit():
        raise _fault(text, place, f"the number of a latent belongs here, not {word!r}")
    # Python refuses to read numbers of thousands of digits.
    number = int(word[:10])
    if not 1 <= number <= known:
        raise _fault(text, place, f"there is no latent {word[:10]}; the file holds 1 to {known}")
    return number


def _fault(text: str, place: int, what: str) -> UsageError:
    return UsageError(f"{text!r}, character {place}: {what}; write it like '92,98,99 - 9,21,79 + 10,30,45'")


def arithmetic(folder: str, out: str, file: str, expression: str, told: ConditionOptions, step: int | None) -> dict[str, Any]:
    """A picture with a row for each term, its members and at last the image of their mean, and the result below.

    The mean is one of latents, not of pixels, and nothing is brought back to any length. A conditional generator is told
    one class or code for all of them.

    Raises:
        UsageError, DataError, StorageError: as they say; nothing is written then.
    """
    if not out.endswith(".png"):
        raise UsageError(f"-o {out}: write a name ending in .png")
    generator = saved_generator(folder, step)
    latents = read_inputs(file, generator.recipe.latent_size).latents
    terms = parse_expression(expression, len(latents))
    if sum(len(term.numbers) for term in terms) > MOST_IMAGES:
        raise UsageError(f"the expression names more than {MOST_IMAGES:,} latents")
    chosen = [members(latents, term.numbers) for term in terms]
    means = np.stack([mean(rows) for rows in chosen])
    result = combine([term.sign for term in terms], means)
    shown = np.concatenate([*chosen, means, result[np.newaxis]])
    conditions = the_same_for_all(generator.record, told, len(shown))
    images = generator.images(Inputs(shown, conditions))
    cells, columns = _lay_out(terms, images)
    facts = generator.facts | {"latents_file": file, "expression": expression}
    facts |= condition_facts(generator.record, conditions)
    write_file(out, labelled_png(cells, columns, facts))
    said = [{"sign": "+" if term.sign > 0 else "-", "latents": list(term.numbers)} for term in terms]
    return {"run": generator.run.uri, "step": generator.step, "terms": said, "out": out}


def _lay_out(terms: tuple[Term, ...], images: NDArray[np.uint8]) -> tuple[Cells, int]:
    """Cells row by row and the columns: members from the left, means and result in the last column.

    `images` are those of all members, of all means, and of the result, in this order.
    """
    columns = max(len(term.numbers) for term in terms) + 1
    each = iter(images)
    shown = [[(str(number), next(each)) for number in term.numbers] for term in terms]
    cells: Cells = []
    for term, row in zip(terms, shown, strict=True):
        empty = [("", None)] * (columns - 1 - len(row))
        cells += [*row, *empty, (f"{'+' if term.sign > 0 else '-'} mean", next(each))]
    return [*cells, *[("", None)] * (columns - 1), ("= result", next(each))], columns
