"""gan-train export: writes a generator for programs without this package, with a model card beside it.

generator.keras             keras.models.load_model("generator.keras")
served/300/saved_model.pb   tf.saved_model.load("served/300"); TensorFlow Serving takes "served"
generator.onnx              onnxruntime.InferenceSession("generator.onnx")
generator.tflite            ai_edge_litert.interpreter.Interpreter("generator.tflite")
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_core.errors import StorageError, UsageError
from gan_core.names import escape_name
from gan_core.storage import Folder, open_file, open_folder, storage_errors
from gan_train.exporting.card import make_card
from gan_train.exporting.card_files import DOCUMENT, PAGE, read_cards, write_cards
from gan_train.exporting.converted import converted
from gan_train.exporting.exported import Exported
from gan_train.exporting.formats import KERAS, SAVED_MODEL, Format, chosen_format
from gan_train.recipe.base import Recipe
from gan_train.recipe.installed import installed, load
from gan_train.runs.layout import SAMPLES
from gan_train.runs.run_folder import check_digest
from gan_train.sampling.saved import saved_network

_PROGRAM = "saved_model.pb"


@dataclass(frozen=True)
class ExportOptions:
    """The options of `gan-train export`.

    Attributes:
        format: name of the format; None follows from the ending of the output.
        direction: direction of a translator; None is its first.
        inference: how a translator normalises; None is "training".
        step: training step of the network; None is the newest.
    """

    format: str | None = None
    direction: str | None = None
    inference: str | None = None
    step: int | None = None


def export(folder: str, out: str, options: ExportOptions) -> dict[str, Any]:
    """Write a network, a picture of what it makes, and the model card. Files of an earlier export are replaced.

    Args:
        folder: run folder.
        out: path or gs:// URI of a file with the ending of its format; or of a folder, whose subfolder with the number of the
            step, the version for TensorFlow Serving, gets the SavedModel.
        options: see `ExportOptions`.

    Raises:
        UsageError: an option is wrong or contradicts the ending, or there is no such direction or step.
        DataError: there is no run, its generator is damaged, its record was edited, or the converted file computes something
            else.
        StorageError: `out` cannot be written.
    """
    chosen = chosen_format(out, options.format)
    exported = _exported(folder, options)
    check_digest(exported.run, exported.record)
    target, file = _place(out, chosen, exported.step)
    cards = read_cards(target)
    content, difference = b"", None
    if chosen.name == KERAS:
        from gan_train.networks.portable import keras_file

        content = keras_file(exported.network)
    elif chosen.name != SAVED_MODEL:
        content, difference = converted(exported, chosen.name, _facts(exported))
    # The card comes first, and a SavedModel's program last: a server that watches the folder loads no incomplete model.
    picture, shown = _write_picture(exported, target, file), escape_name(file)
    write_cards(target, cards | {shown: make_card(exported, chosen, shown, difference, escape_name(picture))})
    if content:
        target.write(file, content)
    else:
        _write_saved_model(exported, target)
    out_written = target.uri if chosen.name == SAVED_MODEL else out
    document = {"run": exported.run.uri, "step": exported.step, "format": chosen.name, "out": out_written}
    return document | {"card": target.locate(PAGE), "card_document": target.locate(DOCUMENT)}


def _place(out: str, chosen: Format, step: int) -> tuple[Folder, str]:
    """The folder that gets the export, and the name of its file or program there."""
    if chosen.name == SAVED_MODEL:
        return open_folder(open_folder(out).locate(str(step))), _PROGRAM
    return open_file(out)


def _exported(folder: str, options: ExportOptions) -> Exported[Any]:
    saved = saved_network(folder, options.direction, options.step)
    recipe: Recipe = saved.recipe
    if recipe.exported_generator is None:
        raise UsageError(f"{saved.run.uri}: generators of recipe {recipe.name} cannot be exported")
    exported: Exported[Any] = load(recipe.exported_generator, installed().systems[recipe.system].origin)(
        saved, options.inference
    )
    return exported


def _facts(exported: Exported[Any]) -> dict[str, str]:
    """The origin of a network, for the metadata of its file."""
    record = exported.record
    origin = {"run": exported.run.uri, "recipe": record.recipe.name, "step": str(exported.step)}
    return origin | {"dataset": record.dataset_digest} | exported.facts


def _write_picture(exported: Exported[Any], target: Folder, file: str) -> str:
    """Copy the run's samples of the step to a name beside the file, and return that; "" if the run has none of the step."""
    samples = SAMPLES.name(exported.step)
    if not exported.run.exists(samples):
        return ""
    name = f"{file}.png"
    target.write(name, exported.run.read(samples))
    return name


def _write_saved_model(exported: Exported[Any], target: Folder) -> None:
    """Write a SavedModel. saved_model.pb comes last, so that a server that watches the folder loads no incomplete model."""
    archive = exported.archive()
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary)
        try:
            with storage_errors(local):
                archive.write_out(local, verbose=False)
        # The program was traced and checked before: what TensorFlow still raises comes from its file system.
        except tf.errors.OpError as error:
            reason = (error.message or str(error)).splitlines()[0]
            raise StorageError(
                f"{local}: the model cannot be written ({reason}); free space there, or set TMPDIR to another folder"
            ) from error
        files = sorted(file for file in local.rglob("*") if file.is_file())
        for file in sorted(files, key=lambda file: file.name == _PROGRAM):
            target.write(file.relative_to(local).as_posix(), file.read_bytes())
