"""gan-train translate: translates images, into a grid beside the originals or into a file each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, get_args

import numpy as np

from gan_core.errors import DataError, UnusableInputError, UsageError
from gan_core.images.grid import png
from gan_core.images.labelled import rows_png
from gan_core.progress import ProgressCounter, show_progress
from gan_core.storage import open_folder, write_file
from gan_pipeline.transforms.decode import MAX_PIXELS, decode_image_file
from gan_train.recipe.translation import Inference
from gan_train.sampling.translator import Pixels, SavedTranslator, Translating, saved_translator
from gan_train.tools.image_files import ImageFile, check_not_an_input, file_names, image_files
from gan_train.tools.output_folder import check_output_folder
from gan_train.tools.sizing import Fitted, Padded, Sizing

Size = Literal["fit", "native"]


@dataclass(frozen=True)
class TranslationOptions:
    """The options of `gan-train translate`.

    Attributes:
        direction: one of the recipe's directions, or None for its first.
        back: also translate the translations back.
        size: how images of another size than in training are translated: "fit" or "native"; see sizing.py.
        inference: see `translating_copy`.
        seed: seed of dropout, where it is kept.
        batch: images of one size in a batch.
    """

    direction: str | None = None
    back: bool = False
    size: str = "fit"
    inference: str = "training"
    seed: int = 0
    batch: int = 1

    def check(self) -> None:
        """Raise UsageError if a value is none of its choices."""
        for option, value, choices in (("size", self.size, Size), ("inference", self.inference, Inference)):
            if value not in get_args(choices):
                raise UsageError(f"--{option} {value}: choose one of: {', '.join(get_args(choices))}")


@dataclass(frozen=True)
class _Translated:
    """An image, its position among the inputs, and the output of each network in turn, all of the size of the image."""

    position: int
    image: Pixels
    versions: Sequence[Pixels]


class _Output(Protocol):
    """A destination of translations."""

    def add(self, translated: _Translated) -> None:
        """Add the translations of one image."""

    def close(self) -> None:
        """Finish, after the last image."""


def translate(
    folder: str, images: Sequence[str], out: str, options: TranslationOptions, step: int | None, force: bool = False
) -> dict[str, Any]:
    """Write translations into a grid with a row for each image (`out` ends in .png), or into a folder of single files.

    An image that cannot be used is reported on stderr and skipped. Single files are written one by one as they are computed.

    Args:
        folder: run folder.
        images: files, folders, zips, or objects or prefixes on gs://.
        out: path or gs:// URI.
        options: how to translate.
        step: training step of the generator; None is the newest.
        force: write single files into a folder that holds other files.

    Raises:
        DataError: there is no run, no generator or no usable image.
        UsageError: an option or the name of `out` is wrong.
        StorageError: `out` cannot be written, or an image cannot be read.
    """
    options.check()
    if not out.endswith(".png"):
        check_output_folder(out, force)
    translator = saved_translator(folder, options.direction, step)
    translators = [translator, translator.back] if options.back else [translator]
    files = image_files(images)
    facts = translator.facts | {"inference": options.inference, "size": options.size, "seed": str(options.seed)}
    directions = [each.direction_name for each in translators]
    output = _Grid(out, files, directions, facts) if out.endswith(".png") else _Files(out, files, directions, facts)
    engine = _Engine(translators, options)
    skipped: dict[int, UnusableInputError] = {}
    with show_progress(len(files), "images") as progress:
        for batch in _batches(files, engine, options.batch, skipped, progress):
            for translated in engine.translations(batch):
                output.add(translated)
                progress.advance()
    if len(skipped) == len(files):
        raise DataError(_none_used(files, skipped))
    output.close()
    return _answer(translator, files, skipped, out)


def translate_array(translator: SavedTranslator, images: Pixels, options: TranslationOptions) -> Pixels:
    """Translate images of one size, uint8 (n, height, width, 3), one after another; the option `back` is ignored.

    Raises:
        UsageError: the images have another shape or type.
        DataError: the translator is damaged.
    """
    shape = translator.recipe.image.shape
    if images.ndim != 4 or images.shape[-1] != shape[-1] or images.dtype != np.uint8:
        raise UsageError(f"images are {images.dtype} {images.shape}; give uint8 (n, height, width, {shape[-1]})")
    engine = _Engine([translator], options)
    batches = ([engine.prepared(position, image)] for position, image in enumerate(images))
    results = (result for batch in batches for result in engine.translations(batch))
    return np.array([result.versions[0] for result in results], np.uint8).reshape(images.shape)


@dataclass(frozen=True)
class _Prepared:
    """An image, its position among the inputs, and its version of the size that the networks take."""

    position: int
    image: Pixels
    network_input: Pixels


class _Engine:
    """Loaded translators, each of which gets the output of the one before, and how images get a size that they take."""

    def __init__(self, translators: Sequence[SavedTranslator], options: TranslationOptions) -> None:
        image = translators[0].recipe.image
        networks = [translator.network() for translator in translators]
        self._translating = Translating(networks, cast(Inference, options.inference), image)
        self._sizing: Sizing = Fitted(image.shape[:2]) if options.size == "fit" else Padded(self._translating.multiple)
        self._seed = options.seed

    def prepared(self, position: int, image: Pixels) -> _Prepared:
        """The image of this position among the inputs, with its version for the networks."""
        return _Prepared(position, image, self._sizing.prepared(image))

    def translations(self, batch: Sequence[_Prepared]) -> Iterator[_Translated]:
        """Translate images whose versions for the networks are of one size."""
        by_network = self._translating.translations(np.stack([prepared.network_input for prepared in batch]), self._seed)
        for prepared, *versions in zip(batch, *by_network, strict=True):
            restored = [self._sizing.restored(version, prepared.image.shape[:2]) for version in versions]
            yield _Translated(prepared.position, prepared.image, restored)


def _batches(
    files: Sequence[ImageFile], engine: _Engine, size: int, skipped: dict[int, UnusableInputError], progress: ProgressCounter
) -> Iterator[list[_Prepared]]:
    """Yield batches of at most `size` consecutive images of one size.

    Images that cannot be used are added to `skipped`, by their position.
    """
    batch: list[_Prepared] = []
    for position, file in enumerate(files):
        try:
            image = decode_image_file(file.read())
        except UnusableInputError as failure:
            skipped[position] = failure
            progress.print(f"skipped {file.display_name}: {failure}")
            progress.advance()
            continue
        prepared = engine.prepared(position, image)
        if batch and (len(batch) == size or batch[0].network_input.shape != prepared.network_input.shape):
            yield batch
            batch = []
        batch.append(prepared)
    if batch:
        yield batch


class _Files:
    """Writes a file for each translation, and one for each translation back."""

    def __init__(self, out: str, files: Sequence[ImageFile], directions: Sequence[str], facts: dict[str, str]) -> None:
        self._files, self._directions, self._facts = files, directions, facts
        self._names = file_names(files, ("", "-back")[: len(directions)], out)
        self._folder = open_folder(out)

    def add(self, translated: _Translated) -> None:
        source = {"input": self._files[translated.position].display_name}
        for number, (name, image) in enumerate(zip(self._names[translated.position], translated.versions, strict=True), 1):
            facts = {"direction": ", ".join(self._directions[:number])}
            self._folder.write(name, png(image, self._facts | facts | source))

    def close(self) -> None:
        """Do nothing: all files are written."""


class _Grid:
    """Collects all images, and writes them beside their translations."""

    def __init__(self, out: str, files: Sequence[ImageFile], directions: Sequence[str], facts: dict[str, str]) -> None:
        check_not_an_input(files, out)
        self._out, self._files, self._directions = out, files, directions
        self._facts = facts | {"columns": ", ".join(("input", "translation", "back")[: len(directions) + 1])}
        self._rows: list[list[Pixels]] = []
        self._inputs: list[str] = []
        self._height = self._width = 0

    def add(self, translated: _Translated) -> None:
        height, width = translated.image.shape[:2]
        self._height, self._width = max(self._height, height), max(self._width, width)
        pixels = (len(self._rows) + 1) * self._height * self._width * (1 + len(translated.versions))
        if pixels > MAX_PIXELS:
            raise UsageError(
                f"-o {self._out}: a grid of {len(self._files)} images up to {self._width}x{self._height} would have more than "
                f"{MAX_PIXELS:,} pixels; give a folder, or fewer images"
            )
        self._rows.append([translated.image, *translated.versions])
        self._inputs.append(self._files[translated.position].display_name)

    def close(self) -> None:
        facts = {"direction": ", ".join(self._directions), "input": ", ".join(self._inputs)}
        write_file(self._out, rows_png(self._rows, self._facts | facts))


def _none_used(files: Sequence[ImageFile], skipped: dict[int, UnusableInputError]) -> str:
    first = f"{files[0].display_name}: {skipped[0]}"
    if len(files) == 1:
        return f"{first}; give a JPEG, PNG, WebP or BMP image"
    return f"none of the {len(files)} images could be used, the first is {first}; give JPEG, PNG, WebP or BMP images"


def _answer(
    translator: SavedTranslator, files: Sequence[ImageFile], skipped: dict[int, UnusableInputError], out: str
) -> dict[str, Any]:
    return {
        "run": translator.run.uri,
        "step": translator.step,
        "direction": translator.direction_name,
        "images": len(files) - len(skipped),
        "skipped": [{"image": files[position].display_name, "reason": str(failure)} for position, failure in skipped.items()],
        "out": out,
    }
