"""The datasets that `prepare` knows: their content, their options and their sources."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from gan_core.errors import UsageError
from gan_core.text import short_repr

MAX_FAILURE_RATE = 0.05
"""The largest share of unusable inputs unless the user says otherwise."""

TOO_SMALL, EXACT_DUPLICATE, NEAR_DUPLICATE = "smaller than --min-size", "exact duplicate", "near duplicate"

LISTED_CHOICES = (TOO_SMALL, EXACT_DUPLICATE, NEAR_DUPLICATE)
"""Reasons of `counts.dropped` that are the user's own wish, and whose inputs are listed in failures.jsonl."""

CHOSEN_OUT = ("class not asked for", "over the limit", *LISTED_CHOICES)
"""Reasons in `counts.dropped` that follow from options of the user, and are no faults."""


class Kind(StrEnum):
    """The form of a dataset's raw data; each has its file in `sources/`."""

    IDX = "idx"
    CIFAR = "cifar"
    CELEBA = "celeba"
    IMAGES = "images"
    PAIRS = "pairs"
    UNPAIRED = "unpaired"
    CURVE = "curve"


@dataclass(frozen=True)
class DatasetInfo:
    """One dataset of the catalogue.

    Attributes:
        name: what the user types.
        about: one line for `gan-pipeline list`.
        kind: what its raw data looks like.
        splits: those it may have.
        default_splits: those prepared unless the user says otherwise.
        shape: (height, width, channels) of every image, or () where the options decide it.
        class_names: by class number; empty where the source decides them or there are none.
        settings: the options of its own, with their defaults.
        choices: the options of its own that are off by default; then they leave no trace in a manifest.
        tfds: its name in TensorFlow Datasets, or None.
        debian_folder: where Debian's package of it puts the files, or None.
    """

    name: str
    about: str
    kind: Kind
    splits: tuple[str, ...] = ("train", "test")
    default_splits: tuple[str, ...] = ("train",)
    shape: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    choices: tuple[str, ...] = ()
    tfds: str | None = None
    debian_folder: str | None = None


_DIGITS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_PARTS = ("train", "validation", "test")

DATASETS = {
    info.name: info
    for info in (
        DatasetInfo(
            "mnist",
            "handwritten digits, 60,000 train and 10,000 test, 28x28 grey",
            Kind.IDX,
            shape=(28, 28, 1),
            class_names=_DIGITS,
            tfds="mnist",
        ),
        DatasetInfo(
            "fashion_mnist",
            "clothes, 60,000 train and 10,000 test, 28x28 grey",
            Kind.IDX,
            shape=(28, 28, 1),
            class_names=_CLOTHES,
            tfds="fashion_mnist",
            debian_folder="/usr/share/datasets/fashion-mnist",
        ),
        DatasetInfo(
            "cifar10",
            "small photographs in ten classes, 50,000 train and 10,000 test, 32x32 colour",
            Kind.CIFAR,
            shape=(32, 32, 3),
            class_names=_THINGS,
            tfds="cifar10",
        ),
        DatasetInfo(
            "celeba",
            "faces cut out of photographs (CelebA's 202,599, or any others), square, colour",
            Kind.CELEBA,
            splits=_PARTS,
            settings={"image_size": 80, "faces": "mtcnn", "box": "exact", "margin": 0.0, "resampler": "bicubic"},
            choices=("min_size", "dedupe", "bit_depth", "label_attribute"),
            tfds="celeb_a",
        ),
        DatasetInfo(
            "images",
            "a folder or zip of images, with labels by folder or file",
            Kind.IMAGES,
            splits=_PARTS,
            settings={"image_size": 64, "resize": "crop", "resampler": "lanczos"},
            choices=(
                "channels",
                "min_size",
                "dedupe",
                "bit_depth",
                "scaled_jpeg",
                "labels",
                "label_attribute",
                "split_folders",
            ),
        ),
        DatasetInfo(
            "pairs",
            "source and target side by side in one image, or in folders A and B, such as maps",
            Kind.PAIRS,
            splits=_PARTS,
            settings={"image_size": 256, "swap": False, "resampler": "bicubic"},
            choices=("channels", "min_size", "dedupe", "bit_depth", "any_ratio", "domains", "split_folders"),
        ),
        DatasetInfo(
            "unpaired",
            "two folders of images, A and B, such as horse2zebra",
            Kind.UNPAIRED,
            splits=("trainA", "trainB", "testA", "testB", "validationA", "validationB"),
            default_splits=("trainA", "trainB"),
            settings={"image_size": 256, "resize": "crop", "resampler": "bicubic"},
            choices=("channels", "min_size", "dedupe", "bit_depth", "scaled_jpeg", "domains"),
        ),
        DatasetInfo(
            "curve",
            "points (x, f(x)) of the 1-D GAN",
            Kind.CURVE,
            splits=("train",),
            settings={"function": "parabola"},
        ),
    )
}


_FLAGS = {"split_folders": "splits"}


def flag(option: str) -> str:
    """How an option is typed on the command line."""
    return f"--{_FLAGS.get(option, option).replace('_', '-')}"


def dataset_info(name: str) -> DatasetInfo:
    """The dataset of that name. Raises UsageError that lists the known ones."""
    if name not in DATASETS:
        raise UsageError(f"unknown dataset {name!r}; choose one of: {', '.join(DATASETS)}")
    return DATASETS[name]


_CLASS_NUMBER = re.compile("[0-9]{1,9}")
"""Python refuses to read numbers of thousands of digits."""


def class_numbers(names: tuple[str, ...], class_names: tuple[str, ...]) -> tuple[int, ...]:
    """Class numbers for what a user wrote: numbers or class names, in ascending order without repeats.

    Raises UsageError if nothing is named or a class does not exist.
    """
    if not names:
        raise UsageError(f"--classes names no class; choose from: {', '.join(class_names)}, or leave the option out")
    lower = [name.lower() for name in class_names]
    found = set()
    for name in names:
        if name.lower() in lower:
            found.add(lower.index(name.lower()))
        elif _CLASS_NUMBER.fullmatch(name) and int(name) < len(class_names):
            found.add(int(name))
        else:
            known = ", ".join(
                title if title == str(number) else f"{number} {title}" for number, title in enumerate(class_names)
            )
            raise UsageError(f"--classes {short_repr(name)} is not a class of this dataset; choose from: {known}")
    return tuple(sorted(found))
