"""gan-train translate: images from images, as a grid beside what they are made of, or each in a file of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, get_args

import numpy as np

from gan_core.errors import DataError, UnusableInputError, UsageError
from gan_core.images.grid import png
from gan_core.images.labelled import rows_png
from gan_core.progress import ProgressCounter, show_progress
from gan_core.storage import open_folder, write_file
from gan_pipeline.transforms.decode import IMAGE_SUFFIXES, MAX_PIXELS, decode_image_file
from gan_train.recipe.translation import Inference
from gan_train.sampling.translator import Pixels, SavedTranslator, Translating, saved_translator
from gan_train.tools.image_files import ImageFile, check_keeps, file_names, image_files
from gan_train.tools.sizing import Fitted, Padded, Sizing

Size = Literal["fit", "native"]


@dataclass(frozen=True)
class TranslationOptions:
    """How to translate, as the command line said.

    Attributes:
        direction: one of the recipe's, or None for its first.
        back: also translate the translations back.
        size: what becomes of images that have not the sides of training; tools/sides.py has the ways.
        inference: see `translating_copy`.
        seed: chooses what dropout drops.
        batch: how many images of one size at once.
    """

    direction: str | None = None
    back: bool = False
    size: str = "fit"
    inference: str = "training"
    seed: int = 0
    batch: int = 1

    def check(self) -> None:
        """Raises UsageError."""
        for option, value, choices in (("size", self.size, Size), ("inference", self.inference, Inference)):
            if value not in get_args(choices):
                raise UsageError(f"--{option} {value}: choose one of: {', '.join(get_args(choices))}")


@dataclass(frozen=True)
class _Translated:
    """An image with its place among those that were named, and what each network in turn made, all of its size."""

    place: int
    image: Pixels
    made: Sequence[Pixels]


class _Output(Protocol):
    """Where translations go."""

    def add(self, translated: _Translated) -> None:
        """Take one."""

    def close(self) -> None:
        """There are no more."""


def translate(folder: str, images: Sequence[str], out: str, manner: TranslationOptions, step: int | None) -> dict[str, Any]:
    """Translations into a grid (`out` ends in .png), a row for each image, or a folder of single files, named as the images.

    An image that cannot be used is named on stderr and skipped. A folder gets each translation as soon as it is made.

    Args:
        folder: of the run.
        images: files, folders, zips, or objects or prefixes on gs://.
        out: path or gs:// URI.
        manner: how.
        step: of the generator, or the newest.

    Raises:
        DataError: no run, no generator, no images, or none that can be used.
        UsageError: a choice is wrong, or `out` does not fit.
        StorageError: `out` cannot be written, or an image's storage refuses.
    """
    manner.check()
    if out.lower().endswith(IMAGE_SUFFIXES) and not out.endswith(".png"):
        raise UsageError(f"-o {out}: write a name ending in .png for a grid, or a folder for single images")
    translator = saved_translator(folder, manner.direction, step)
    translators = [translator, translator.back] if manner.back else [translator]
    files = image_files(images)
    facts = translator.facts | {"inference": manner.inference, "size": manner.size, "seed": str(manner.seed)}
    directions = [each.way for each in translators]
    output = _Grid(out, files, directions, facts) if out.endswith(".png") else _Files(out, files, directions, facts)
    networks = [each.network() for each in translators]
    translating = Translating(networks, cast(Inference, manner.inference), translator.recipe.image)
    sides = translator.recipe.image.shape[:2]
    sizing = Fitted(sides) if manner.size == "fit" else Padded(translating.multiple)
    skipped: dict[int, UnusableInputError] = {}
    with show_progress(len(files), "images") as progress:
        for batch in _batches(files, sizing, manner.batch, skipped, progress):
            for translated in _translations(batch, translating, sizing, manner.seed):
                output.add(translated)
                progress.advance()
    if len(skipped) == len(files):
        raise DataError(_none_used(files, skipped))
    output.close()
    return _answer(translator, files, skipped, out)


def translated(translator: SavedTranslator, images: Pixels, options: TranslationOptions) -> Pixels:
    """Translations of images of one size, uint8 (n, height, width, 3), one after another; `back` does not apply.

    Raises:
        UsageError: the images have another shape or type.
        DataError: the translator is damaged.
    """
    shape = translator.recipe.image.shape
    if images.ndim != 4 or images.shape[-1] != shape[-1] or images.dtype != np.uint8:
        raise UsageError(f"images are {images.dtype} {images.shape}; give uint8 (n, height, width, {shape[-1]})")
    translating = Translating([translator.network()], cast(Inference, options.inference), translator.recipe.image)
    sizing = Fitted(shape[:2]) if options.size == "fit" else Padded(translating.multiple)
    batches = ([_Prepared(place, image, sizing.prepared(image))] for place, image in enumerate(images))
    made = (one for batch in batches for one in _translations(batch, translating, sizing, options.seed))
    return np.array([one.made[0] for one in made], np.uint8).reshape(images.shape)


@dataclass(frozen=True)
class _Prepared:
    """An image with its place among those that were named, and as the networks take it."""

    place: int
    image: Pixels
    seen: Pixels


def _batches(
    files: Sequence[ImageFile], sizing: Sizing, size: int, skipped: dict[int, UnusableInputError], progress: ProgressCounter
) -> Iterator[list[_Prepared]]:
    """Images in their order, as many at once as have one size and follow each other, at most `size`.

    Those that cannot be used are put into `skipped`, by their place.
    """
    batch: list[_Prepared] = []
    for place, file in enumerate(files):
        try:
            image = decode_image_file(file.read())
        except UnusableInputError as failure:
            skipped[place] = failure
            progress.print(f"skipped {file.told}: {failure}")
            progress.advance()
            continue
        prepared = _Prepared(place, image, sizing.prepared(image))
        if batch and (len(batch) == size or batch[0].seen.shape != prepared.seen.shape):
            yield batch
            batch = []
        batch.append(prepared)
    if batch:
        yield batch


def _translations(batch: Sequence[_Prepared], translating: Translating, sizing: Sizing, seed: int) -> Iterator[_Translated]:
    made = translating.translations(np.stack([prepared.seen for prepared in batch]), seed)
    for prepared, *versions in zip(batch, *made, strict=True):
        restored = [sizing.restored(version, prepared.image.shape[:2]) for version in versions]
        yield _Translated(prepared.place, prepared.image, restored)


class _Files:
    """Writes a file for each translation, and one for each way back."""

    def __init__(self, out: str, files: Sequence[ImageFile], directions: Sequence[str], facts: dict[str, str]) -> None:
        self._files, self._directions, self._facts = files, directions, facts
        self._names = file_names(files, ("", "-back")[: len(directions)], out)
        self._folder = open_folder(out)

    def add(self, translated: _Translated) -> None:
        source = {"input": self._files[translated.place].told}
        for number, (name, image) in enumerate(zip(self._names[translated.place], translated.made, strict=True), 1):
            ways = {"direction": ", ".join(self._directions[:number])}
            self._folder.write(name, png(image, self._facts | ways | source))

    def close(self) -> None:
        """All is written."""


class _Grid:
    """Keeps all, and writes them side by side with what they are made of."""

    def __init__(self, out: str, files: Sequence[ImageFile], directions: Sequence[str], facts: dict[str, str]) -> None:
        check_keeps(files, out)
        self._out, self._files, self._directions = out, files, directions
        self._facts = facts | {"columns": ", ".join(("input", "translation", "back")[: len(directions) + 1])}
        self._rows: list[list[Pixels]] = []
        self._inputs: list[str] = []
        self._height = self._width = 0

    def add(self, translated: _Translated) -> None:
        height, width = translated.image.shape[:2]
        self._height, self._width = max(self._height, height), max(self._width, width)
        pixels = (len(self._rows) + 1) * self._height * self._width * (1 + len(translated.made))
        if pixels > MAX_PIXELS:
            raise UsageError(
                f"-o {self._out}: a grid of {len(self._files)} images up to {self._width}x{self._height} would have more than "
                f"{MAX_PIXELS:,} pixels; give a folder, or fewer images"
            )
        self._rows.append([translated.image, *translated.made])
        self._inputs.append(self._files[translated.place].told)

    def close(self) -> None:
        told = {"direction": ", ".join(self._directions), "input": ", ".join(self._inputs)}
        write_file(self._out, rows_png(self._rows, self._facts | told))


def _none_used(files: Sequence[ImageFile], skipped: dict[int, UnusableInputError]) -> str:
    first = f"{files[0].told}: {skipped[0]}"
    if len(files) == 1:
        return f"{first}; give a JPEG, PNG, WebP or BMP image"
    return f"none of the {len(files)} images could be used, the first is {first}; give JPEG, PNG, WebP or BMP images"


def _answer(
    translator: SavedTranslator, files: Sequence[ImageFile], skipped: dict[int, UnusableInputError], out: str
) -> dict[str, Any]:
    return {
        "run": translator.run.uri,
        "step": translator.step,
        "direction": translator.way,
        "images": len(files) - len(skipped),
        "skipped": [{"image": files[place].told, "reason": str(failure)} for place, failure in skipped.items()],
        "out": out,
    }
