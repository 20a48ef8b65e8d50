"""The options that choose latents: drawn from a seed, one for each of several seeds, all zero, or read from a file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.arrays import array_names, read_arrays
from gan_core.errors import DataError, UsageError
from gan_core.storage import open_file
from gan_core.text import printable, short_repr
from gan_train.latents.inputs import CONDITIONS, LATENTS, Conditions, Inputs
from gan_train.latents.latent import Latents
from gan_train.latents.truncation import NOT_TRUNCATED, Truncation, checked_truncation
from gan_train.recipe.practice_config import LatentConfig
from gan_train.sampling.generator import MOST_IMAGES

_LARGEST_NUMBER_BYTES, _HEADER_BYTES = 16, 1 << 16
"""Bytes of a number of NumPy's largest type, and of the longest header of an array."""
_NAMES_SHOWN = 20
_LARGEST_CONDITION = np.iinfo(np.int32).max
COUNT = 25
"""Default number of images."""
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class LatentOptions:
    """Values of the options that choose latents; None if one was not given.

    Attributes:
        count: number of latents to draw.
        seed: seed of the latents; the k-th latent depends on the seed and k alone.
        seeds: several seeds as "3,7,10-15", with one latent each: the first of that seed.
        zero: use the all-zero vector alone.
        file: path or gs:// URI of saved latents.
        truncation: redraw numbers beyond this many standard deviations (the truncation trick, Brock et al. 2019).
        psi: a factor for latents redrawn beyond two standard deviations, in (0, 1]; so the authors' published generators
            truncate.
    """

    count: int | None = None
    seed: int | None = None
    seeds: str | None = None
    zero: bool = False
    file: str | None = None
    truncation: float | None = None
    psi: float | None = None

    @property
    def facts(self) -> dict[str, str]:
        """Text chunks of a picture about its latents, besides their names."""
        facts_given = {"latents_file": self.file, "truncation": self.truncation, "truncation_psi": self.psi}
        return {name: str(value) for name, value in facts_given.items() if value is not None}


def latent_inputs(config: LatentConfig, size: int, options: LatentOptions, count: int = COUNT) -> tuple[Inputs, list[str]]:
    """The latents that the options choose, and a name for each; with classes or codes if they come from a file that has them.

    Args:
        config: distribution of the latents.
        size: numbers in a latent.
        options: values of the command line.
        count: default number of latents.

    Raises:
        UsageError: an option is malformed, or two exclude each other.
        DataError: the file holds no such latents.
    """
    _check_unmixed(options)
    if options.zero:
        return Inputs(np.zeros((1, size), np.float32)), ["zero"]
    if options.file is not None:
        inputs = read_inputs(options.file, size)
        return inputs, [f"latent-{number:05d}" for number in range(1, len(inputs) + 1)]
    truncation = checked_truncation(config, options.truncation, options.psi)
    if options.seeds is not None:
        numbers = parse_seeds(options.seeds)
        latents = np.concatenate([draw_latents(config, number, 1, size, truncation) for number in numbers])
        return Inputs(latents), [f"seed-{number}" for number in numbers]
    count, seed = options.count or count, options.seed or 0
    latents = draw_latents(config, seed, count, size, truncation)
    return Inputs(latents), [f"seed-{seed}-{number:05d}" for number in range(count)]


def _check_unmixed(options: LatentOptions) -> None:
    is_given_by_option = {
        "--zero": options.zero,
        "--latents": options.file is not None,
        "--seeds": options.seeds is not None,
        "--count": options.count is not None,
        "--seed": options.seed is not None,
        "--truncation": options.truncation is not None,
        "--truncation-psi": options.psi is not None,
    }
    for option, compatible in (("--zero", ()), ("--latents", ()), ("--seeds", ("--truncation", "--truncation-psi"))):
        others = [name for name, is_given in is_given_by_option.items() if is_given and name not in (option, *compatible)]
        if is_given_by_option[option] and others:
            raise UsageError(f"{option} and {others[0]} exclude each other; give one")


def draw_latents(config: LatentConfig, seed: int, count: int, size: int, truncation: Truncation = NOT_TRUNCATED) -> Latents:
    """Draw latents from a seed, float32 (count, size); the first ones do not depend on the count."""
    return truncation.sample(config, np.random.default_rng(seed), count, size)


def parse_seeds(text: str) -> list[int]:
    """Seeds from "3,7,10-15", both ends included. Raises UsageError."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not _NUMBER.fullmatch(first) or (dash and not _NUMBER.fullmatch(last)):
            raise UsageError(f"--seeds {short_repr(text)}: write numbers and ranges, such as 3,7,10-15")
        numbers += range(int(first), min(int(last or first), int(first) + MOST_IMAGES) + 1)
    if not numbers:
        raise UsageError(f"--seeds {short_repr(text)} names no seed; a range goes from the smaller to the larger number")
    if len(numbers) > MOST_IMAGES:
        raise UsageError(f"--seeds {short_repr(text)} names more than {MOST_IMAGES:,} seeds; make them in several calls")
    return numbers


def read_inputs(uri: str, size: int) -> Inputs:
    """Read saved latents from an .npz file (array "latents") or an .npy file, local or gs://.

    An .npz file may hold a class or code for each latent, in its array "conditions".

    Args:
        uri: of the file.
        size: numbers in a latent.

    Raises:
        DataError: the file is damaged or too large, or holds no (n, size) finite numbers or no n classes or codes.
        StorageError: it cannot be read.
    """
    folder, name = open_file(uri)
    limit = MOST_IMAGES * max(size, 1) * _LARGEST_NUMBER_BYTES + _HEADER_BYTES
    if folder.size(name) > 2 * limit:
        raise DataError(f"{uri}: {folder.size(name):,} bytes; at most {MOST_IMAGES:,} latents in one file")
    content = folder.read(name)
    try:
        arrays = read_arrays(content, (LATENTS, CONDITIONS), limit)
        held = "" if LATENTS in arrays else ", ".join(array_names(content)[:_NAMES_SHOWN]) or "nothing"
    except ValueError as error:
        raise DataError(f"{uri}: no readable .npz or .npy file ({error}); 'gan-train sample --bank 100' writes one") from error
    if held:
        raise DataError(f"{uri}: no array {LATENTS!r} in it, but {printable(held)}; save it as that")
    latents = _checked_latents(uri, arrays[LATENTS], size)
    if CONDITIONS not in arrays:
        return Inputs(latents)
    return Inputs(latents, _checked_conditions(uri, arrays[CONDITIONS], len(latents)))


def _checked_latents(uri: str, stored: NDArray[Any], size: int) -> Latents:
    if stored.ndim != 2 or stored.shape[1] != size or not len(stored):
        raise DataError(f"{uri}: shape {stored.shape}; this run's latents are (n, {size}), one row for each image")
    if len(stored) > MOST_IMAGES:
        raise DataError(f"{uri}: {len(stored):,} latents; at most {MOST_IMAGES:,} in one file")
    if stored.dtype.kind not in "fiu":
        raise DataError(f"{uri}: holds {stored.dtype}; latents are real numbers, as float32")
    with np.errstate(over="ignore"):
        latents = stored.astype(np.float32)
    broken = np.flatnonzero(~np.isfinite(latents).all(axis=1))
    if len(broken):
        raise DataError(f"{uri}: latent {broken[0] + 1} holds a number that is not finite as float32")
    return latents


def _checked_conditions(uri: str, stored: NDArray[Any], count: int) -> Conditions:
    if stored.shape != (count,) or stored.dtype.kind not in "iu":
        raise DataError(
            f"{uri}: its {CONDITIONS!r} are {stored.dtype} of shape {stored.shape}; write whole numbers of shape ({count},), "
            "a class or code for each latent"
        )
    if stored.min() < 0 or stored.max() > _LARGEST_CONDITION:
        raise DataError(f"{uri}: its {CONDITIONS!r} go from {stored.min()} to {stored.max()}; classes and codes count from 0")
    return stored.astype(np.int32)


def select_latents(latents: Latents, numbers: Sequence[int]) -> Latents:
    """The latents with these numbers, as a bank prints them: number k is row k - 1."""
    return latents[np.asarray(numbers) - 1]
