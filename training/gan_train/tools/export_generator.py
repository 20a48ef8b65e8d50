"""The export of a generator of images or points from latents."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import ImageConfig, PointConfig
from gan_train.runs.run_folder import RunRecord
from gan_train.sampling.generator import SavedGenerator
from gan_train.tools.exported import FLOAT_SIGNATURE, PIXEL_SIGNATURE, pixel_ranges

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class ExportedGenerator:
    """An `Exported` network from latents, and classes if it has them, to images or points."""

    generator: SavedGenerator

    @property
    def step(self) -> int:
        return self.generator.step

    @cached_property
    def _network(self) -> "keras.Model":
        return self.generator.network()

    def card(self, in_keras: bool) -> dict[str, Any]:
        recipe = self.generator.recipe
        outputs = _outputs(recipe.examples, list(self._network.output_shape))
        return {
            "recipe": recipe.name,
            "step": self.step,
            "dataset": self.generator.record.dataset_digest,
            "run": self.generator.run.uri,
            "input": {
                "name": "latents",
                "shape": list(self._network.inputs[0].shape),
                "dtype": "float32",
                "drawn_from": _distribution(recipe),
            },
            "condition": _condition(self.generator.record),
            "output": outputs[FLOAT_SIGNATURE] if in_keras else outputs,
        }

    def keras_file(self) -> bytes:
        return self.generator.run.read(self.generator.name)

    def archive(self) -> "keras.export.ExportArchive":
        import keras
        import tensorflow as tf

        from gan_train.data.pixels import to_uint8_tensor
        from gan_train.networks.passes import inference_pass

        network, examples = self._network, self.generator.recipe.examples

        def run(inputs: tuple[tf.Tensor, ...]) -> tf.Tensor:
            return inference_pass(network, list(inputs) if len(inputs) > 1 else inputs[0])

        def floats(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return {_output_name(examples): run(inputs)}

        names = ("latents", "classes")
        signature = [tf.TensorSpec(given.shape, given.dtype, name) for given, name in zip(network.inputs, names, strict=False)]
        archive = keras.export.ExportArchive()
        archive.track(network)
        archive.add_endpoint(FLOAT_SIGNATURE, floats, signature)
        if isinstance(examples, ImageConfig):
            image_range = examples.range

            def pixels(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
                return {_output_name(examples): to_uint8_tensor(run(inputs), image_range)}

            archive.add_endpoint(PIXEL_SIGNATURE, pixels, signature)
        return archive


def _distribution(recipe: LatentRecipe) -> str:
    """The distribution of the latents, in words; a code is not noise."""
    described = {
        "normal": "N(0, 1)",
        "uniform": "uniform in [-1, 1)",
        "truncated": f"N(0, 1), redrawn beyond {recipe.latent.threshold} standard deviations",
    }[recipe.latent.distribution]
    has_code = recipe.condition is not None and recipe.condition.kind == "code"
    return f"{described}, the first {recipe.latent_size}" if has_code else described


def _output_name(examples: ImageConfig | PointConfig) -> str:
    return f"{examples.feature}s"


def _outputs(examples: ImageConfig | PointConfig, shape: list[int | None]) -> dict[str, dict[str, Any]]:
    """The output of each signature."""
    output: dict[str, Any] = {"name": _output_name(examples), "shape": shape}
    if isinstance(examples, PointConfig):
        return {FLOAT_SIGNATURE: output | {"dtype": "float32"}}
    return {signature: output | numbers for signature, numbers in pixel_ranges(examples).items()}


def _condition(record: RunRecord) -> dict[str, Any] | None:
    """The description of the classes or codes of the input; None without them."""
    condition = record.recipe.condition
    if condition is None:
        return None
    if condition.kind == "code":
        place = f"the last {condition.values} numbers of latents: 1 at the code's, 0 at the others"
        return {"kind": "code", "values": condition.values, "input": place}
    classes = {"kind": "class", "values": condition.values, "class_names": list(record.class_names)}
    return classes | {"input": {"name": "classes", "shape": [None], "dtype": "int32", "range": [0, condition.values - 1]}}
