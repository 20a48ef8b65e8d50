"""The export of a generator of images or points from latents."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gan_core.errors import UsageError
from gan_train.exporting.exported import FLOAT_SIGNATURE, PIXEL_SIGNATURE, Exported, Signature, Tensor, image_tensors
from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import ImageConfig, PointConfig
from gan_train.runs.run_folder import RunRecord
from gan_train.sampling.generator import SavedGenerator

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray

_LATENTS, _CLASSES = "latents", "classes"


@dataclass(frozen=True)
class ExportedGenerator(Exported[SavedGenerator]):
    """A network from latents, and classes if it has them, to images or points.

    Raises:
        UsageError: `inference` is not None: only a translator takes another.
    """

    def __post_init__(self) -> None:
        if self.inference is not None:
            recipe = self.saved.recipe
            raise UsageError(f"{self.run.uri}: recipe {recipe.name} {recipe.purpose.does}; leave --inference out")

    @property
    def facts(self) -> dict[str, str]:
        recipe = self.saved.recipe
        weights = "moving average of the weights (EMA)" if recipe.averaged else "as trained"
        dropout = "drops in model(latents) of the Keras file, and in no other form" if recipe.drops_in_sampling else "none"
        return {"weights": weights, "dropout": dropout}

    def signatures(self, served: bool) -> dict[str, Signature]:
        recipe = self.saved.recipe
        inputs, examples = _inputs(recipe, self.record), recipe.examples
        if isinstance(examples, PointConfig):
            return {FLOAT_SIGNATURE: Signature(inputs, (Tensor(self._output, (None, examples.coordinates), "float32"),))}
        tensors = image_tensors(self._output, examples)
        return {name: Signature(inputs, (tensors[name],)) for name in (tensors if served else (FLOAT_SIGNATURE,))}

    @cached_property
    def network(self) -> "keras.Model":
        return self.saved.network()

    def archive(self) -> "keras.export.ExportArchive":
        import keras

        from gan_train.data.pixels import to_uint8_tensor

        examples = self.saved.recipe.examples
        floats, signature = self.function()
        archive = keras.export.ExportArchive()
        archive.track(self.network)
        archive.add_endpoint(FLOAT_SIGNATURE, floats, signature)
        if isinstance(examples, ImageConfig):
            image_range = examples.range

            def pixels(*inputs: "tf.Tensor") -> dict[str, "tf.Tensor"]:
                return {name: to_uint8_tensor(images, image_range) for name, images in floats(*inputs).items()}

            archive.add_endpoint(PIXEL_SIGNATURE, pixels, signature)
        return archive

    def function(self) -> tuple[Callable[..., dict[str, "tf.Tensor"]], list["tf.TensorSpec"]]:
        import tensorflow as tf

        from gan_train.networks.passes import inference_pass

        network, output = self.network, self._output

        def floats(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return {output: inference_pass(network, list(inputs) if len(inputs) > 1 else inputs[0])}

        names = (_LATENTS, _CLASSES)
        return floats, [tf.TensorSpec(one.shape, one.dtype, name) for one, name in zip(network.inputs, names, strict=False)]

    def example_inputs(self) -> dict[str, "NDArray[np.generic]"]:
        import numpy as np

        from gan_train.latents.inputs import grid_inputs

        recipe = self.saved.recipe
        arrays: list[Any] = grid_inputs(recipe, np.random.default_rng(0), 2).arrays(recipe.condition)
        return dict(zip((_LATENTS, _CLASSES), arrays, strict=False))

    @property
    def _output(self) -> str:
        """The name of the output: images or points."""
        return f"{self.saved.recipe.examples.feature}s"


def _inputs(recipe: LatentRecipe, record: RunRecord) -> tuple[Tensor, ...]:
    condition = recipe.condition
    drawn = {
        "normal": "N(0, 1)",
        "uniform": "uniform in [-1, 1)",
        "truncated": f"N(0, 1), redrawn beyond {recipe.latent.threshold} standard deviations",
    }[recipe.latent.distribution]
    if condition is None:
        return (Tensor(_LATENTS, (None, recipe.latent_size), "float32", about=drawn),)
    if condition.kind == "code":
        about = (
            f"{drawn}, the first {recipe.latent_size}; the last {condition.values} numbers: 1 at the code's, 0 at the others"
        )
        return (Tensor(_LATENTS, (None, recipe.latent_size + condition.values), "float32", about=about),)
    names = ", ".join(f"{number} {name}" for number, name in enumerate(record.class_names))
    classes = Tensor(_CLASSES, (None,), "int32", (0.0, condition.values - 1.0), names or "the number of a class")
    return (Tensor(_LATENTS, (None, recipe.latent_size), "float32", about=drawn), classes)
