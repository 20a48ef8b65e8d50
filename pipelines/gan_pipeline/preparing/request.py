"""Checks the options that a user gives on the command line or in Python."""

import codecs
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gan_core.errors import UsageError
from gan_core.names import escape_name
from gan_core.plain import in_plain_words
from gan_core.storage import open_file
from gan_core.text import short_repr
from gan_pipeline.dataset.catalogue import DATASETS, DatasetInfo, Kind, class_numbers, dataset_info, flag
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.sharding import HELD_OUT, TRAIN
from gan_pipeline.sources.resolve import AUTO, SAMPLE, TFDS


def checked_options(
    dataset: str,
    source: str | os.PathLike[str],
    split: str | Iterable[str] | None,
    classes: str | Iterable[str | int] | None,
    options: Mapping[str, Any],
) -> Options:
    """The checked options of a call: names with commas, or as sequences; options by name, None where not given.

    Raises UsageError if an option is unknown, does not apply to the dataset, or has a wrong value.
    """
    for name in options:
        if name not in Options.model_fields:
            raise UsageError(f"unknown option {name!r}; 'gan-pipeline prepare --help' lists the options")
    own = {name for info in DATASETS.values() for name in (*info.settings, *info.choices)}
    given = {name: value for name, value in options.items() if value is not None}
    return options_of(
        dataset,
        os.fspath(source),
        _joined(split),
        _joined(classes),
        {name: value for name, value in given.items() if name not in own},
        {name: value for name, value in given.items() if name in own},
    )


def _joined(names: str | Iterable[str | int] | None) -> str | None:
    return names if names is None or isinstance(names, str) else ",".join(map(str, names))


def options_of(
    dataset: str,
    source: str,
    split: str | None,
    classes: str | None,
    general: Mapping[str, Any],
    own: Mapping[str, Any],
) -> Options:
    """The options of a command line.

    Args:
        dataset: its name.
        source: as typed.
        split: names with commas, or None for the dataset's default.
        classes: numbers or names with commas, or None for all.
        general: options every dataset has.
        own: options only some datasets have; None where not typed.

    Raises:
        UsageError: an option is unknown here, or its value is wrong.
    """
    info = dataset_info(dataset)
    typed = {name: value for name, value in own.items() if value is not None}
    for name in typed:
        if name not in (*info.settings, *info.choices):
            takers = ", ".join(other.name for other in DATASETS.values() if name in (*other.settings, *other.choices))
            raise UsageError(f"{flag(name)} does not apply to {dataset}; it is an option of {takers}")
    if "labels" in typed:
        typed["labels"] = _labels(typed["labels"])
    if "domains" in typed:
        typed["domains"] = _listed(typed["domains"])
    values = {**info.settings, **typed, **general}
    info = dataset_info(dataset, values.get("variant"))
    if values.get("margin") and values.get("box") == "exact":
        raise UsageError("--margin needs --box square: an exact box has none")
    values["image_size"] = _image_size(values.get("image_size"))
    if isinstance(values["image_size"], str) and values.get("faces", "none") != "none":
        raise UsageError(f"--image-size {values['image_size']}: faces are square; write one number, or add --faces none")
    values["bit_depth"] = _number(values.get("bit_depth"))
    if values.get("zip_encoding"):
        values["zip_encoding"] = _code_page(values["zip_encoding"])
    splits = _splits(split, info)
    if values.get("hold_out"):
        _check_hold_out(info, splits)
    try:
        return Options(
            dataset=dataset,
            source=source if "://" in source or source in (AUTO, SAMPLE, TFDS) else escape_name(str(Path(source).resolve())),
            splits=splits,
            classes=None if classes is None else _classes(classes, info, values.get("label_attribute")),
            **values,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{flag(str(first['loc'][0]))} {short_repr(first['input'])}: {in_plain_words(first['msg'])}"
        ) from error


def _image_size(typed: str | int | None) -> str | int | None:
    """The side in pixels as an int, or "WIDTHxHEIGHT" if the two differ. Raises UsageError if it is neither."""
    width, _, height = str(typed).partition("x")
    side = _number(width if width and width == height else typed)
    if isinstance(side, str) and not re.fullmatch(r"\d+x\d+", side):
        given = short_repr(side)
        raise UsageError(f"--image-size {given}: write the side of a square in pixels, or WIDTHxHEIGHT, such as 64 or 64x48")
    return side


def _number(typed: str | int | None) -> str | int | None:
    """An int for a text that is a whole number of at most nine digits; everything else unchanged."""
    return int(typed) if isinstance(typed, str) and re.fullmatch(r"-?\d{1,9}", typed) else typed


def _code_page(typed: str) -> str:
    """Python's name of a code page. Raises UsageError if there is none of that name."""
    try:
        page = codecs.lookup(typed)
        page.decode(b"")
    except (LookupError, ValueError, TypeError, AssertionError) as error:
        raise UsageError(f"--zip-encoding {typed!r} is no code page; try cp437, cp850, cp932, gbk, big5 or euc-kr") from error
    if not isinstance(page.decode(b"")[0], str):
        raise UsageError(f"--zip-encoding {typed!r} is no code page of text; try cp437, cp850, cp932, gbk, big5 or euc-kr")
    return page.name


def _classes(typed: str, info: DatasetInfo, label_attribute: str | None) -> tuple[str, ...]:
    """Names in the dataset's own order where it is known before the source is opened; else as typed."""
    if info.class_names:
        return tuple(info.class_names[number] for number in class_numbers(_listed(typed), info.class_names))
    if info.kind is Kind.CELEBA and label_attribute is None:
        raise UsageError("--classes needs --label-attribute: without it the photographs of celeba have no classes")
    if info.kind not in (Kind.IMAGES, Kind.CELEBA):
        raise UsageError(f"--classes does not apply to {info.name}; give --source the folder of the class you want")
    if not _listed(typed):
        raise UsageError("--classes names no class; leave the option out to keep all")
    return tuple(sorted(set(_listed(typed))))


def _labels(typed: str) -> str:
    """A file of labels by its whole path; `folders`, `none`, and the name of a file inside the source as typed."""
    if typed in ("folders", "none") or "://" in typed:
        return typed
    folder, name = open_file(typed)
    is_path = folder.exists(name)
    return escape_name(str(Path(typed).resolve()) if is_path else typed)


def _splits(typed: str | None, info: DatasetInfo) -> tuple[str, ...]:
    """The splits in the order of the dataset, so that `test,train` and `train,test` are the same."""
    if typed is None:
        return info.default_splits
    asked = _listed(typed)
    if not asked or not set(asked) <= set(info.splits):
        raise UsageError(f"--split {short_repr(typed)} is unknown; {info.name} has: {', '.join(info.splits)}")
    return tuple(split for split in info.splits if split in asked)


def _check_hold_out(info: DatasetInfo, splits: tuple[str, ...]) -> None:
    if TRAIN not in info.splits:
        raise UsageError(f"--hold-out does not apply to {info.name}: it has no split {TRAIN}, only {', '.join(info.splits)}")
    if TRAIN not in splits:
        raise UsageError(f"--hold-out makes split {HELD_OUT} of examples of split {TRAIN}; name {TRAIN} in --split too")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
