"""Class coverage, balance and agreement of generated images, by the predictions of a classifier.

All are computed from counts of images by class, int64 (classes,), which add up over batches. Fakes are generated images,
reals the images of the dataset.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_core.errors import UsageError

_APPEARS = 0.1
"""A class appears among fakes if its share is at least this part of its share among reals: fewer may be misclassified."""


def predicted_classes(probabilities: ArrayLike) -> NDArray[np.int64]:
    """The most probable class of each image, int64 (n,), from probabilities (n, classes); at a tie the lowest."""
    return np.asarray(probabilities).argmax(axis=1).astype(np.int64)


def class_counts(labels: ArrayLike, classes: int) -> NDArray[np.int64]:
    """The number of images of each class, from the class of each image, int (n,). Raises UsageError at a class out of range."""
    numbers = np.asarray(labels, np.int64)
    beyond = numbers[(numbers < 0) | (numbers >= classes)]
    if beyond.size:
        raise UsageError(f"there is an image of class {beyond[0]}, but the classifier has {classes}; use one of this dataset")
    return np.bincount(numbers, minlength=classes).astype(np.int64)


def classes_shown(fakes: ArrayLike, reals: ArrayLike) -> NDArray[np.bool_]:
    """Whether each class appears among fakes, bool (classes,): its share there is at least a tenth of its share among reals.

    Args:
        fakes: counts of fakes by class.
        reals: counts of reals by class.

    Raises:
        UsageError: there are no fakes or no reals, or the numbers of classes differ.
    """
    fake_shares, real_shares = _shares(fakes, reals)
    shown: NDArray[np.bool_] = (real_shares > 0) & (fake_shares >= _APPEARS * real_shares)
    return shown


def class_coverage(fakes: ArrayLike, reals: ArrayLike) -> float:
    """The share of the classes of reals that appear among fakes, from counts by class; see `classes_shown`."""
    return float(classes_shown(fakes, reals).sum() / np.count_nonzero(np.asarray(reals)))


def class_balance(fakes: ArrayLike, reals: ArrayLike) -> float:
    """1 minus the total variation distance of the class shares, from counts by class: 1 if equal, 0 if no class is in both.

    Raises UsageError as `classes_shown` does.
    """
    fake_shares, real_shares = _shares(fakes, reals)
    return float(1 - np.abs(fake_shares - real_shares).sum() / 2)


def class_agreement(predicted: ArrayLike, asked: ArrayLike) -> float:
    """The share of fakes whose predicted class is the requested one; both int (n,). Raises UsageError if there are none."""
    classes, requested = np.asarray(predicted), np.asarray(asked)
    if classes.shape != requested.shape or not classes.size:
        raise UsageError(f"class agreement needs a class asked for each image, not {requested.size} for {classes.size} images")
    return float((classes == requested).mean())


def _shares(fakes: ArrayLike, reals: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    fake, real = np.asarray(fakes), np.asarray(reals)
    if fake.shape != real.shape:
        raise UsageError(
            f"classes of fakes ({fake.size}) and reals ({real.size}) are not the same; use one classifier for both"
        )
    if not fake.sum() or not real.sum():
        raise UsageError("classes need an image or more of both fakes and reals; score more of them")
    return fake / fake.sum(), real / real.sum()
