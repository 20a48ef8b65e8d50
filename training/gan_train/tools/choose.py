"""Which latents a command works on: drawn from a seed, one for each of several seeds, all zero, or read from a file."""

import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError, UsageError
from gan_core.storage import open_file
from gan_train.latents.inputs import CONDITIONS, LATENTS, Conditions, Inputs
from gan_train.latents.latent import Latents, sample_latents
from gan_train.recipe.practice_config import LatentConfig
from gan_train.sampling.generator import MOST_IMAGES

_LEAST_THRESHOLD = 0.01
_LARGEST_CONDITION = np.iinfo(np.int32).max
COUNT = 25
"""Images, where nothing says how many."""
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class LatentOptions:
    """The options of the command line about latents; None where one was not given.

    Attributes:
        count: how many to draw.
        seed: to draw them from; the k-th depends on it and on k alone.
        seeds: one for each seed, "3,7,10-15"; the same as the first of that seed.
        zero: the one all-zero vector.
        file: path or gs:// URI of saved latents.
        truncation: redraw every number beyond this many standard deviations (the truncation trick, Brock et al. 2019).
    """

    count: int | None = None
    seed: int | None = None
    seeds: str | None = None
    zero: bool = False
    file: str | None = None
    truncation: float | None = None

    @property
    def facts(self) -> dict[str, str]:
        """The facts that the names of the latents do not tell, for a picture made from them."""
        said = {"latents_file": self.file, "truncation": self.truncation}
        return {name: str(value) for name, value in said.items() if value is not None}


def choose_inputs(config: LatentConfig, size: int, choice: LatentOptions, count: int = COUNT) -> tuple[Inputs, list[str]]:
    """Latents of this size with a name for each; with conditions where a file of latents holds them.

    Args:
        config: what latents are drawn from.
        size: numbers of a latent.
        choice: what the command line said.
        count: how many to draw where it does not say.

    Raises:
        UsageError: two ways to choose are mixed, or one is not understood.
        DataError: the file does not hold such latents.
    """
    _check_unmixed(choice)
    if choice.zero:
        return Inputs(np.zeros((1, size), np.float32)), ["zero"]
    if choice.file is not None:
        saved = read_inputs(choice.file, size)
        return saved, [f"latent-{number:05d}" for number in range(1, len(saved) + 1)]
    if choice.truncation is not None:
        config = truncated(config, choice.truncation)
    if choice.seeds is not None:
        numbers = parse_seeds(choice.seeds)
        latents = np.concatenate([drawn(config, number, 1, size) for number in numbers])
        return Inputs(latents), [f"seed-{number}" for number in numbers]
    count, seed = choice.count or count, choice.seed or 0
    return Inputs(drawn(config, seed, count, size)), [f"seed-{seed}-{number:05d}" for number in range(count)]


def _check_unmixed(choice: LatentOptions) -> None:
    given = {
        "--zero": choice.zero,
        "--latents": choice.file is not None,
        "--seeds": choice.seeds is not None,
        "--count": choice.count is not None,
        "--seed": choice.seed is not None,
        "--truncation": choice.truncation is not None,
    }
    for alone, goes_with in (("--zero", ()), ("--latents", ()), ("--seeds", ("--truncation",))):
        others = [name for name, is_given in given.items() if is_given and name not in (alone, *goes_with)]
        if given[alone] and others:
            raise UsageError(f"{alone} and {others[0]} exclude each other; give one")


def drawn(config: LatentConfig, seed: int, count: int, size: int) -> Latents:
    """Latents of a seed, float32 (count, size); the first ones do not depend on the count."""
    return sample_latents(config, np.random.default_rng(seed), count, size)


def truncated(config: LatentConfig, threshold: float) -> LatentConfig:
    """Normal latents redrawn beyond the threshold, in standard deviations. Raises UsageError for uniform ones."""
    if config.distribution == "uniform":
        raise UsageError("--truncation redraws the far ends of normal latents; this run's are uniform and have none")
    if not threshold >= _LEAST_THRESHOLD:
        raise UsageError(f"--truncation {threshold}: at least {_LEAST_THRESHOLD}, for below hardly a draw would be kept")
    return LatentConfig(distribution="truncated", threshold=threshold)


def parse_seeds(text: str) -> list[int]:
    """Seeds from "3,7,10-15", both ends included. Raises UsageError."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not _NUMBER.fullmatch(first) or (dash and not _NUMBER.fullmatch(last)):
            raise UsageError(f"--seeds {text!r}: write numbers and ranges, such as 3,7,10-15")
        numbers += range(int(first), min(int(last or first), int(first) + MOST_IMAGES) + 1)
    if not numbers:
        raise UsageError(f"--seeds {text!r} names no seed; a range goes from the smaller to the larger number")
    if len(numbers) > MOST_IMAGES:
        raise UsageError(f"--seeds {text!r} names more than {MOST_IMAGES:,} seeds; make them in several calls")
    return numbers


def read_inputs(uri: str, size: int) -> Inputs:
    """Saved latents of this size, from an .npz file (its array "latents") or an .npy file, local or gs://.

    An .npz file may hold a class or code for each, in its array "conditions"; of which generator, it does not say.

    Raises:
        DataError: not such a file, or not n vectors of finite numbers of this size, or not n classes or codes.
        StorageError: it cannot be read.
    """
    folder, name = open_file(uri)
    content = io.BytesIO(folder.read(name))
    try:
        loaded = np.load(content, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            if LATENTS not in loaded:
                raise DataError(f"{uri}: no array {LATENTS!r} in it, but {', '.join(loaded) or 'nothing'}; save it as that")
            arrays = {name: loaded[name] for name in (LATENTS, CONDITIONS) if name in loaded}
        else:
            arrays = {LATENTS: loaded}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        why = " ".join(str(error).split())[:200]
        raise DataError(f"{uri}: no readable .npz or .npy file ({why}); 'gan-train sample --bank 100' writes one") from error
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


def members(latents: Latents, numbers: Sequence[int]) -> Latents:
    """The latents of these one-based numbers, as a bank prints them: number k is row k - 1."""
    return latents[np.asarray(numbers) - 1]
