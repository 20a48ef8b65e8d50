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
from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import ImageConfig, PointConfig
from gan_train.runs.run_folder import RunRecord

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
        _write_saved_model(made, network, generator.recipe.examples)
    return {"run": generator.run.uri, "step": generator.step, "out": made, "card": card}


def _check_ending(out: str, kind: str | None) -> None:
    if kind is not None and kind not in FORMATS:
        raise UsageError(f"--format {kind}: choose one of: {', '.join(FORMATS)}")
    if kind == "keras" and not out.endswith(".keras"):
        raise UsageError(f"-o {out}: with --format keras write the name of a file ending in .keras")
    if kind == "savedmodel" and out.endswith(".keras"):
        raise UsageError(f"-o {out}: with --format savedmodel write the name of a folder; .keras is Keras' own format")


def _write_saved_model(out: str, network: "keras.Model", made: ImageConfig | PointConfig) -> None:
    """The program itself last: without it a server that watches the folder has no model to load."""
    import keras
    import tensorflow as tf

    from gan_train.data.pixels import to_uint8_tensor
    from gan_train.networks.passes import inference_pass

    def run(inputs: tuple[tf.Tensor, ...]) -> tf.Tensor:
        return inference_pass(network, list(inputs) if len(inputs) > 1 else inputs[0])

    def floats(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {_output_name(made): run(inputs)}

    names = ("latents", "classes")
    signature = [tf.TensorSpec(given.shape, given.dtype, name) for given, name in zip(network.inputs, names, strict=False)]
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(FLOAT_SIGNATURE, floats, signature)
    if isinstance(made, ImageConfig):
        image_range = made.range

        def pixels(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return {_output_name(made): to_uint8_tensor(run(inputs), image_range)}

        archive.add_endpoint(PIXEL_SIGNATURE, pixels, signature)
    with tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary)
        with storage_errors(local):
            archive.write_out(local, verbose=False)
        served = open_folder(out)
        files = sorted(file for file in local.rglob("*") if file.is_file())
        for file in sorted(files, key=lambda file: file.name == _PROGRAM):
            served.write(file.relative_to(local).as_posix(), file.read_bytes())


def _distribution(recipe: LatentRecipe) -> str:
    """Of the input's numbers; a code is no noise."""
    described = {
        "normal": "N(0, 1)",
        "uniform": "uniform in [-1, 1)",
        "truncated": f"N(0, 1), redrawn beyond {recipe.latent.threshold} standard deviations",
    }[recipe.latent.distribution]
    has_code = recipe.condition is not None and recipe.condition.kind == "code"
    return f"{described}, the first {recipe.latent_size}" if has_code else described


def _output_name(made: ImageConfig | PointConfig) -> str:
    return f"{made.feature}s"


def _outputs(made: ImageConfig | PointConfig, shape: list[int | None]) -> dict[str, dict[str, Any]]:
    """What each signature gives."""
    output = {"name": _output_name(made), "shape": shape, "dtype": "float32"}
    if isinstance(made, PointConfig):
        return {FLOAT_SIGNATURE: output}
    floats = output | {"range": [0, 1] if made.range == "unit" else [-1, 1]}
    return {FLOAT_SIGNATURE: floats, PIXEL_SIGNATURE: output | {"dtype": "uint8", "range": [0, 255]}}


def _condition(record: RunRecord) -> dict[str, Any] | None:
    """What the generator is told besides noise, and where in its input; None if nothing."""
    condition = record.recipe.condition
    if condition is None:
        return None
    if condition.kind == "code":
        place = f"the last {condition.values} numbers of latents: 1 at the code's, 0 at the others"
        return {"kind": "code", "values": condition.values, "input": place}
    told = {"kind": "class", "values": condition.values, "class_names": list(record.class_names)}
    return told | {"input": {"name": "classes", "shape": [None], "dtype": "int32", "range": [0, condition.values - 1]}}


def _card(generator: SavedGenerator, network: "keras.Model", in_keras: bool) -> dict[str, Any]:
    """What a stranger must know to use the generator: where it is from, what goes in, what comes out."""
    recipe = generator.recipe
    outputs = _outputs(recipe.examples, list(network.output_shape))
    return {
        "recipe": recipe.name,
        "step": generator.step,
        "dataset": generator.record.dataset_digest,
        "run": generator.run.uri,
        "input": {
            "name": "latents",
            "shape": list(network.inputs[0].shape),
            "dtype": "float32",
            "drawn_from": _distribution(recipe),
        },
        "condition": _condition(generator.record),
        "output": outputs[FLOAT_SIGNATURE] if in_keras else outputs,
    }
