"""gan-train export: writes a generator for programs without this package, with a card that describes it.

generator.keras + generator.json            keras.models.load_model("generator.keras")
served/300/saved_model.pb, generator.json   tf.saved_model.load("served/300"); TensorFlow Serving takes "served"
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.errors import StorageError, UsageError
from gan_core.storage import Folder, open_folder, storage_errors, write_file
from gan_pipeline.dataset.manifest import dump_json
from gan_train.recipe.translation import TranslationRecipe
from gan_train.runs.run_folder import read_record
from gan_train.sampling.generator import saved_generator
from gan_train.sampling.translator import saved_translator
from gan_train.tools.export_generator import ExportedGenerator
from gan_train.tools.export_translator import ExportedTranslator
from gan_train.tools.exported import Exported

if TYPE_CHECKING:
    import keras

FORMATS = ("keras", "savedmodel")
CARD = "generator.json"

_PROGRAM = "saved_model.pb"


def export(folder: str, out: str, kind: str | None, direction: str | None, step: int | None) -> dict[str, Any]:
    """Write the card of a generator, then the generator. Files of an earlier export are replaced.

    Args:
        folder: run folder.
        out: path or gs:// URI of a file that ends in .keras; or of a folder, whose subfolder with the number of the step,
            the version for TensorFlow Serving, gets the SavedModel.
        kind: one of `FORMATS`; None follows from the ending of `out`.
        direction: direction of a translator; None is its first.
        step: training step of the generator; None is the newest.

    Raises:
        UsageError: the format does not fit the ending, or there is no such direction or step.
        DataError: there is no run, or its generator is damaged.
        StorageError: `out` cannot be written.
    """
    _check_ending(out, kind)
    run = open_folder(folder)
    exported = _exported(run, direction, step)
    in_keras = out.endswith(".keras")
    target = out if in_keras else open_folder(out).locate(str(exported.step))
    card = out.removesuffix(".keras") + ".json" if in_keras else f"{target}/{CARD}"
    write_file(card, dump_json(exported.card(in_keras)))
    if in_keras:
        write_file(target, exported.keras_file())
    else:
        _write_saved_model(target, exported.archive())
    return {"run": run.uri, "step": exported.step, "out": target, "card": card}


def _exported(run: Folder, direction: str | None, step: int | None) -> Exported:
    recipe = read_record(run).recipe
    if isinstance(recipe, TranslationRecipe):
        return ExportedTranslator(saved_translator(run.uri, direction, step))
    if direction is not None:
        raise UsageError(f"{run.uri}: recipe {recipe.name} {recipe.purpose.does}; leave --direction out")
    return ExportedGenerator(saved_generator(run.uri, step))


def _check_ending(out: str, kind: str | None) -> None:
    if kind is not None and kind not in FORMATS:
        raise UsageError(f"--format {kind}: choose one of: {', '.join(FORMATS)}")
    if kind == "keras" and not out.endswith(".keras"):
        raise UsageError(f"-o {out}: with --format keras write the name of a file ending in .keras")
    if kind == "savedmodel" and out.endswith(".keras"):
        raise UsageError(f"-o {out}: with --format savedmodel write the name of a folder; .keras is Keras' own format")


def _write_saved_model(out: str, archive: "keras.export.ExportArchive") -> None:
    """Write a SavedModel. saved_model.pb comes last, so that a server that watches the folder loads no incomplete model."""
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
        served = open_folder(out)
        files = sorted(file for file in local.rglob("*") if file.is_file())
        for file in sorted(files, key=lambda file: file.name == _PROGRAM):
            served.write(file.relative_to(local).as_posix(), file.read_bytes())
