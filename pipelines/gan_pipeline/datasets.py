"""The datasets `prepare` knows: their shape, classes and where they come from."""

from dataclasses import dataclass

from gan_pipeline.errors import UsageError


@dataclass(frozen=True)
class DatasetInfo:
    """One dataset of the catalogue.

    Attributes:
        name: what the user types.
        about: one line for `gan-pipeline list`.
        shape: (height, width, channels) of every image.
        class_names: by class number.
        debian_folder: where Debian's package of it puts the files, or None.
    """

    name: str
    about: str
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    debian_folder: str | None = None


_DIGITS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

DATASETS = {
    info.name: info
    for info in (
        DatasetInfo("mnist", "handwritten digits, 60,000 train and 10,000 test, 28x28 grey", (28, 28, 1), _DIGITS),
        DatasetInfo(
            "fashion_mnist",
            "clothes, 60,000 train and 10,000 test, 28x28 grey",
            (28, 28, 1),
            _CLOTHES,
            debian_folder="/usr/share/datasets/fashion-mnist",
        ),
    )
}


def dataset_info(name: str) -> DatasetInfo:
    """The dataset of that name. Raises UsageError that lists the known ones."""
    if name not in DATASETS:
        raise UsageError(f"unknown dataset {name!r}; choose one of: {', '.join(DATASETS)}")
    return DATASETS[name]


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
        elif name.isdecimal() and int(name) < len(class_names):
            found.add(int(name))
        else:
            known = ", ".join(
                title if title == str(number) else f"{number} {title}" for number, title in enumerate(class_names)
            )
            raise UsageError(f"--classes {name!r} is not a class of this dataset; choose from: {known}")
    return tuple(sorted(found))
