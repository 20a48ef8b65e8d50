"""gan-train export: writes a generator for programs without this package, with a card that describes it.

generator.keras + generator.json            keras.models.load_model("generator.keras")
served/300/saved_model.pb, generator.json   tf.saved_model.load("served/300"); TensorFlow Serving takes "served"
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.errors import StorageError, UsageError
from gan_core.storage import open_folder, storage_errors, write_file
from gan_pipeline.dataset.manifest import dump_json
from gan_train.recipe.base import Recipe
from gan_train.recipe.installed import installed, load
from gan_train.sampling.saved import saved_network
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
    exported = _exported(folder, direction, step)
    in_keras = out.endswith(".keras")
    target = out if in_keras else open_folder(out).locate(str(exported.step))
    card = out.removesuffix(".keras") + ".json" if in_keras else f"{target}/{CARD}"
    write_file(card, dump_json(exported.card(in_keras)))
    if in_keras:
        write_file(target, exported.keras_file())
    else:
        _write_saved_model(target, exported.archive())
    return {"run": open_folder(folder).uri, "step": exported.step, "out": target, "card": card}


def _exported(folder: str, direction: str | None, step: int | None) -> Exported:
    saved = saved_network(folder, direction, step)
    recipe: Recipe = saved.recipe
    if recipe.exported_generator is None:
        raise UsageError(f"{saved.run.uri}: generators of recipe {recipe.name} cannot be exported")
    exported: Exported = load(recipe.exported_generator, installed().systems[recipe.system].origin)(saved)
    return exported


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
