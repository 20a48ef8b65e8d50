"""Scores of the classes that a classifier finds in fakes, compared with those it finds in reals.

Counts of classes add up over batches; they are int64 (classes,).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_core.errors import UsageError

_APPEARS = 0.1
"""Share of a class's share of reals from which on it appears: a classifier's few mistakes are no class."""


def predicted_classes(probabilities: ArrayLike) -> NDArray[np.int64]:
    """The likeliest class of each image, int64 (n,), of probabilities (n, classes); the first of equally likely ones."""
    return np.asarray(probabilities).argmax(axis=1).astype(np.int64)


def class_counts(labels: ArrayLike, classes: int) -> NDArray[np.int64]:
    """How many images there are of each class, given the class of each, int (n,). Raises UsageError at one beyond them."""
    given = np.asarray(labels, np.int64)
    beyond = given[(given < 0) | (given >= classes)]
    if beyond.size:
        raise UsageError(f"there is an image of class {beyond[0]}, but the classifier has {classes}; use one of this dataset")
    return np.bincount(given, minlength=classes).astype(np.int64)


def classes_shown(fakes: ArrayLike, reals: ArrayLike) -> NDArray[np.bool_]:
    """Which classes appear among fakes, bool (classes,): those with a tenth of their share of reals, or more.

    Args:
        fakes: counts by class.
        reals: likewise.

    Raises:
        UsageError: a set is empty, or the classes are not the same ones.
    """
    made, real = _shares(fakes, reals)
    shown: NDArray[np.bool_] = (real > 0) & (made >= _APPEARS * real)
    return shown


def class_coverage(fakes: ArrayLike, reals: ArrayLike) -> float:
    """Share of the reals' classes that appear among fakes, from counts by class; see `classes_shown`."""
    return float(classes_shown(fakes, reals).sum() / np.count_nonzero(np.asarray(reals)))


def class_balance(fakes: ArrayLike, reals: ArrayLike) -> float:
    """1 less the total variation between class shares, from counts by class: 1 if they are equal, 0 if no class is in both.

    Raises UsageError as `classes_shown` does.
    """
    made, real = _shares(fakes, reals)
    return float(1 - np.abs(made - real).sum() / 2)


def class_agreement(predicted: ArrayLike, asked: ArrayLike) -> float:
    """Share of fakes that are taken for the class that was asked for; both int (n,). Raises UsageError if there are none."""
    seen, wanted = np.asarray(predicted), np.asarray(asked)
    if seen.shape != wanted.shape or not seen.size:
        raise UsageError(f"class agreement needs a class asked for each image, not {wanted.size} for {seen.size} images")
    return float((seen == wanted).mean())


def _shares(fakes: ArrayLike, reals: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    made, real = np.asarray(fakes), np.asarray(reals)
    if made.shape != real.shape:
        raise UsageError(
            f"classes of fakes ({made.size}) and reals ({real.size}) are not the same; use one classifier for both"
        )
    if not made.sum() or not real.sum():
        raise UsageError("classes need an image or more of both fakes and reals; score more of them")
    return made / made.sum(), real / real.sum()
