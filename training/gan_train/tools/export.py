"""gan-train export: a generator for programs that know nothing of this package, with a card that says what it is.

generator.keras + generator.json            keras.models.load_model("generator.keras")
served/300/saved_model.pb, generator.json   tf.saved_model.load("served/300"); TensorFlow Serving takes "served"
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_pipeline.errors import UsageError
from gan_pipeline.manifest import dump_json
from gan_pipeline.storage import open_folder, storage_errors, write_file
from gan_train.generate import SavedGenerator, saved_generator
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.practice_config import LatentConfig

if TYPE_CHECKING:
    import keras

FORMATS = ("keras", "savedmodel")
CARD = "generator.json"
FLOAT_SIGNATURE, PIXEL_SIGNATURE = "serving_default", "uint8"

_PROGRAM = "saved_model.pb"


def export(folder: str, out: str, kind: str | None, step: int | None) -> dict[str, Any]:
    """Write the card of a generator, then the generator. What stands there from an earlier export is replaced.

    Args:
        folder: of the run.
        out: a file that ends in .keras, or a folder that gets the SavedModel as its subfolder of the step's number,
            which TensorFlow Serving takes for the version. Path or gs:// URI.
        kind: one of FORMATS; None goes by the ending of `out`.
        step: of the generator, or the newest.

    Raises:
        UsageError: format and ending do not fit, or no such step.
        DataError: no run, or its generator is damaged.
        StorageError: `out` cannot be written.
    """
    _check_ending(out, kind)
    generator = saved_generator(folder, step)
    network = generator.network()
    in_keras = out.endswith(".keras")
    made = out if in_keras else open_folder(out).locate(str(generator.step))
    card = out.removesuffix(".keras") + ".json" if in_keras else f"{made}/{CARD}"
    write_file(card, dump_json(_card(generator, network, in_keras)))
    if in_keras:
        write_file(made, generator.run.read(generator.name))
    else:
        _write_saved_model(made, network, _image_config(generator).range)
    return {"run": generator.run.uri, "step": generator.step, "out": made, "card": card}


def _check_ending(out: str, kind: str | None) -> None:
    if kind is not None and kind not in FORMATS:
        raise UsageError(f"--format {kind}: choose one of: {', '.join(FORMATS)}")
    if kind == "keras" and not out.endswith(".keras"):
        raise UsageError(f"-o {out}: with --format keras write the name of a file ending in .keras")
    if kind == "savedmodel" and out.endswith(".keras"):
        raise UsageError(f"-o {out}: with --format savedmodel write the name of a folder; .keras is Keras' own format")


def _write_saved_model(out: str, network: "keras.Model", image_range: str) -> None:
    """The program itself last: without it a server that watches the folder has no model to load."""
    import keras
    import tensorflow as tf

    from gan_train.data.pixels import to_uint8_tensor
    from gan_train.networks.passes import inference_pass

    def images(latents: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": inference_pass(network, latents)}

    def pixels(latents: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": to_uint8_tensor(inference_pass(network, latents), image_range)}

    signature = [tf.TensorSpec(network.input_shape, tf.float32, "latents")]
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(FLOAT_SIGNATURE, images, signature)
    archive.add_endpoint(PIXEL_SIGNATURE, pixels, signature)
    with tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary)
        with storage_errors(local):
            archive.write_out(local, verbose=False)
        served = open_folder(out)
        files = sorted(file for file in local.rglob("*") if file.is_file())
        for file in sorted(files, key=lambda file: file.name == _PROGRAM):
            served.write(file.relative_to(local).as_posix(), file.read_bytes())


def _distribution(latent: LatentConfig) -> str:
    return {
        "normal": "N(0, 1)",
        "uniform": "uniform in [-1, 1)",
        "truncated": f"N(0, 1), redrawn beyond {latent.threshold} standard deviations",
    }[latent.distribution]


def _image_config(generator: SavedGenerator) -> ImageConfig:
    if not isinstance(generator.recipe.examples, ImageConfig):
        raise UsageError(f"{generator.run.uri}: this generator makes points; take its .keras file, --format keras")
    return generator.recipe.examples


def _card(generator: SavedGenerator, network: "keras.Model", in_keras: bool) -> dict[str, Any]:
    """What a stranger must know to use the generator: where it is from, what goes in, what comes out."""
    recipe = generator.recipe
    images = {"name": "images", "shape": list(network.output_shape)}
    floats = images | {"dtype": "float32", "range": [0, 1] if _image_config(generator).range == "unit" else [-1, 1]}
    pixels = images | {"dtype": "uint8", "range": [0, 255]}
    return {
        "recipe": recipe.name,
        "step": generator.step,
        "dataset": generator.record.dataset_digest,
        "run": generator.run.uri,
        "input": {
            "name": "latents",
            "shape": list(network.input_shape),
            "dtype": "float32",
            "drawn_from": _distribution(recipe.latent),
        },
        "output": floats if in_keras else {FLOAT_SIGNATURE: floats, PIXEL_SIGNATURE: pixels},
    }
