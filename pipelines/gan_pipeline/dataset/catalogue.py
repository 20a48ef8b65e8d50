"""The datasets that `prepare` knows: their content, their options and their sources."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from gan_core.errors import UsageError
from gan_core.plain import suggestion
from gan_core.text import short_repr
from gan_pipeline.dataset.cifar100_classes import CIFAR100_COARSE, CIFAR100_FINE

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
        variants: the datasets that come in several versions: class names by the name of each; the first is the default.
        variant: the version that `class_names` belongs to; empty where there is one alone.
        first_label: the stored label of class 0.
        transposed: whether images are stored with rows and columns exchanged.
        official_files: whether checksums of its official files are known.
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
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    variant: str = ""
    first_label: int = 0
    transposed: bool = False
    official_files: bool = True
    tfds: str | None = None
    debian_folder: str | None = None


_DIGITS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_CAPITALS = tuple(string.ascii_uppercase)
_MERGED = (*_DIGITS, *_CAPITALS, *"abdefghnqrt")
_EMNIST = {
    "balanced": _MERGED,
    "bymerge": _MERGED,
    "byclass": (*_DIGITS, *_CAPITALS, *string.ascii_lowercase),
    "letters": _CAPITALS,
    "digits": _DIGITS,
    "mnist": _DIGITS,
}
"""Classes of EMNIST's splits (Cohen et al. 2017, table 2). Merged ones have one class for both cases of fifteen letters."""

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
            "kmnist",
            "cursive Japanese letters, 60,000 train and 10,000 test, 28x28 grey",
            Kind.IDX,
            shape=(28, 28, 1),
            class_names=_KANA,
            tfds="kmnist",
        ),
        DatasetInfo(
            "emnist",
            "handwritten letters and digits, 88,800 to 697,932 train by --variant, 28x28 grey",
            Kind.IDX,
            shape=(28, 28, 1),
            class_names=_MERGED,
            settings={"variant": "balanced"},
            variants=_EMNIST,
            variant="balanced",
            transposed=True,
            official_files=False,
            tfds="emnist/balanced",
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
            "cifar100",
            "small photographs in 100 classes (--variant coarse: 20), 50,000 train and 10,000 test, 32x32 colour",
            Kind.CIFAR,
            shape=(32, 32, 3),
            class_names=CIFAR100_FINE,
            settings={"variant": "fine"},
            variants={"fine": CIFAR100_FINE, "coarse": CIFAR100_COARSE},
            variant="fine",
            tfds="cifar100",
        ),
        DatasetInfo(
            "celeba",
            "faces cut out of photographs (CelebA's 202,599, or any others), square, colour",
            Kind.CELEBA,
            splits=_PARTS,
            settings={"image_size": 80, "faces": "mtcnn", "box": "exact", "margin": 0.0, "resampler": "bicubic"},
            choices=("min_size", "dedupe", "bit_depth", "allow_short_tables", "zip_encoding", "label_attribute"),
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
                "zip_encoding",
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
            choices=("channels", "min_size", "dedupe", "bit_depth", "zip_encoding", "any_ratio", "domains", "split_folders"),
        ),
        DatasetInfo(
            "unpaired",
            "two folders of images, A and B, such as horse2zebra",
            Kind.UNPAIRED,
            splits=("trainA", "trainB", "testA", "testB", "validationA", "validationB"),
            default_splits=("trainA", "trainB"),
            settings={"image_size": 256, "resize": "crop", "resampler": "bicubic"},
            choices=("channels", "min_size", "dedupe", "bit_depth", "zip_encoding", "scaled_jpeg", "domains"),
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


def dataset_info(name: str, variant: str | None = None) -> DatasetInfo:
    """The dataset of that name, in a version of `variants` or the default. Raises UsageError that lists the known ones."""
    if name not in DATASETS:
        raise UsageError(f"unknown dataset {name!r}; choose one of: {', '.join(DATASETS)}{suggestion(name, DATASETS)}")
    info = DATASETS[name]
    if variant is None:
        return info
    if variant not in info.variants:
        raise UsageError(f"--variant {variant!r} is unknown; {name} has: {', '.join(info.variants)}")
    emnist = info.name == "emnist"
    return replace(
        info,
        variant=variant,
        class_names=info.variants[variant],
        first_label=int(emnist and variant == "letters"),
        tfds=f"emnist/{variant}" if emnist else info.tfds,
    )


_CLASS_NUMBER = re.compile("[0-9]{1,9}")
"""Python refuses to read numbers of thousands of digits."""


def class_numbers(names: tuple[str, ...], class_names: tuple[str, ...]) -> tuple[int, ...]:
    """Class numbers for what a user wrote: numbers or class names, in ascending order without repeats.

    Where all class names are numbers, a number is a name: of the folders 1 to 10, class 1 is never the second.

    Raises UsageError if nothing is named or a class does not exist.
    """
    if not names:
        raise UsageError(f"--classes names no class; choose from: {', '.join(class_names)}, or leave the option out")
    lower = [name.lower() for name in class_names]
    by_number = not all(map(_CLASS_NUMBER.fullmatch, class_names))
    found = set()
    for name in names:
        if name in class_names:
            found.add(class_names.index(name))
        elif name.lower() in lower:
            found.add(lower.index(name.lower()))
        elif by_number and _CLASS_NUMBER.fullmatch(name) and int(name) < len(class_names):
            found.add(int(name))
        else:
            known = ", ".join(f"{number} {title}" if by_number else title for number, title in enumerate(class_names))
            near = suggestion(name, class_names)
            raise UsageError(f"--classes {short_repr(name)} is not a class of this dataset; choose from: {known}{near}")
    return tuple(sorted(found))
