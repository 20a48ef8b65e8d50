"""gan-train arithmetic: "92,98,99 - 9,21,79 + 10,30,45" on averaged latents (Radford et al. 2015)."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.images.labelled import labelled_png
from gan_core.storage import write_file
from gan_core.text import short_repr
from gan_train.latents.inputs import Inputs
from gan_train.latents.latent import combine, mean
from gan_train.sampling.generator import MOST_IMAGES, saved_generator
from gan_train.tools.conditions import ConditionOptions, condition_facts, one_for_all
from gan_train.tools.latent_options import read_inputs, select_latents

Cells = list[tuple[str, NDArray[np.uint8] | None]]


@dataclass(frozen=True)
class Term:
    """One term of an expression: a concept that several latents share.

    Attributes:
        sign: 1 or -1.
        numbers: numbers of the latents that are averaged, from 1.
    """

    sign: int
    numbers: tuple[int, ...]


def parse_expression(text: str, count: int) -> tuple[Term, ...]:
    """Parse an expression: numbers with commas between them, and + or - between the terms.

    Args:
        text: the expression.
        count: number of latents there are.

    Raises:
        UsageError: the expression is malformed, or a number is not in 1 to `count`; the message names the character.
    """
    terms: list[Term] = []
    sign, numbers, expects_number = 1, list[int](), True
    for found in re.finditer(r"[0-9]+|\S", text):
        word, place = found[0], found.start() + 1
        if expects_number:
            numbers.append(_number(word, count, text, place))
        elif word in ("+", "-"):
            terms.append(Term(sign, tuple(numbers)))
            sign, numbers = 1 if word == "+" else -1, []
        elif word != ",":
            raise _fault(text, place, f"',', '+' or '-' belongs here, not {word!r}")
        expects_number = not expects_number
    if expects_number:
        raise _fault(text, len(text) + 1, "it ends where a number belongs")
    return (*terms, Term(sign, tuple(numbers)))


def _number(word: str, count: int, text: str, place: int) -> int:
    if not word[0].isdigit():
        raise _fault(text, place, f"the number of a latent belongs here, not {word!r}")
    # Python refuses to read numbers of thousands of digits.
    number = int(word[:10])
    if not 1 <= number <= count:
        raise _fault(text, place, f"there is no latent {word[:10]}; the file holds 1 to {count}")
    return number


def _fault(text: str, place: int, fault: str) -> UsageError:
    return UsageError(f"{short_repr(text)}, character {place}: {fault}; write it like '92,98,99 - 9,21,79 + 10,30,45'")


def arithmetic(
    folder: str, out: str, file: str, expression: str, options: ConditionOptions, step: int | None
) -> dict[str, Any]:
    """Write a picture with a row for each term: the images of its latents, then that of their mean; the result is below.

    The mean is of latents, not of pixels, and is not rescaled to the length of a latent. All images of a conditional
    generator have one class or code.

    Args:
        folder: run folder.
        out: path or gs:// URI that ends in .png.
        file: saved latents.
        expression: see `parse_expression`.
        options: the class or code.
        step: training step of the generator; None is the newest.

    Raises:
        UsageError: the expression, the class or code, the step or the name of `out` is wrong.
        DataError: there is no run, or the latents or the generator are damaged.
        StorageError: a file cannot be read or written.
    """
    if not out.endswith(".png"):
        raise UsageError(f"-o {out}: write a name ending in .png")
    generator = saved_generator(folder, step)
    latents = read_inputs(file, generator.recipe.latent_size).latents
    terms = parse_expression(expression, len(latents))
    if sum(len(term.numbers) for term in terms) > MOST_IMAGES:
        raise UsageError(f"the expression names more than {MOST_IMAGES:,} latents")
    members = [select_latents(latents, term.numbers) for term in terms]
    means = np.stack([mean(rows) for rows in members])
    result = combine([term.sign for term in terms], means)
    latents_shown = np.concatenate([*members, means, result[np.newaxis]])
    conditions = one_for_all(generator.record, options, len(latents_shown))
    images = generator.images(Inputs(latents_shown, conditions))
    cells, columns = _lay_out(terms, images)
    facts = generator.facts | {"latents_file": file, "expression": expression}
    facts |= condition_facts(generator.record, conditions)
    write_file(out, labelled_png(cells, columns, facts))
    terms_used = [{"sign": "+" if term.sign > 0 else "-", "latents": list(term.numbers)} for term in terms]
    return {"run": generator.run.uri, "step": generator.step, "terms": terms_used, "out": out}


def _lay_out(terms: tuple[Term, ...], images: NDArray[np.uint8]) -> tuple[Cells, int]:
    """The cells of the picture row by row, and the number of columns. Means and result are in the last column.

    `images` has the images of the latents of all terms, then those of all means, then that of the result.
    """
    columns = max(len(term.numbers) for term in terms) + 1
    each = iter(images)
    latents_shown = [[(str(number), next(each)) for number in term.numbers] for term in terms]
    cells: Cells = []
    for term, row in zip(terms, latents_shown, strict=True):
        empty = [("", None)] * (columns - 1 - len(row))
        cells += [*row, *empty, (f"{'+' if term.sign > 0 else '-'} mean", next(each))]
    return [*cells, *[("", None)] * (columns - 1), ("= result", next(each))], columns
