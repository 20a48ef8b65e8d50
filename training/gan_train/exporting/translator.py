"""The export of a translator of images, which works as in training, or by its moving averages, without this package."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, get_args

from gan_core.errors import UsageError
from gan_train.exporting.exported import FLOAT_SIGNATURE, PIXEL_SIGNATURE, Exported, Signature, image_tensors
from gan_train.recipe.translation import Inference
from gan_train.sampling.translator import SavedTranslator

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray

_IMAGES, _TRANSLATIONS = "images", "translations"
"""Names of tensors. A SavedModel calls both of its images so; in an ONNX file no two tensors have the same name."""


@dataclass(frozen=True)
class ExportedTranslator(Exported[SavedTranslator]):
    """A network from images to images of the same size.

    `inference` "training", as for None, normalises by the statistics of each image and keeps dropout; "averages" normalises by
    the moving averages and drops nothing.

    Raises:
        UsageError: `inference` is something else.
    """

    def __post_init__(self) -> None:
        if self.inference not in (None, *get_args(Inference)):
            raise UsageError(f"--inference {self.inference}: choose one of: {', '.join(get_args(Inference))}")

    @property
    def facts(self) -> dict[str, str]:
        by_image = "by the statistics of each image alone; no translation depends on the others of its batch"
        return {
            "weights": "as trained",
            "direction": self.saved.direction_name,
            "inference": self.inference or "training",
            "normalisation": by_image if self.inference != "averages" or not self._averages else "by moving averages",
            "dropout": self._dropout,
        }

    def signatures(self, served: bool) -> dict[str, Signature]:
        tensors = image_tensors(_IMAGES, self.saved.recipe.image)
        if served:
            return {name: Signature((tensor,), (tensor,)) for name, tensor in tensors.items()}
        images = tensors[FLOAT_SIGNATURE]
        return {FLOAT_SIGNATURE: Signature((images,), (replace(images, name=_TRANSLATIONS),))}

    @cached_property
    def network(self) -> "keras.Model":
        if self.inference == "averages":
            return self._network
        from gan_train.networks.translating import plain_translator

        return plain_translator(self._network)

    def archive(self) -> "keras.export.ExportArchive":
        import keras
        import tensorflow as tf

        from gan_train.data.pixels import to_range, to_uint8_tensor

        network, image = self.network, self.saved.recipe.image

        def floats(images: tf.Tensor) -> dict[str, tf.Tensor]:
            return {_IMAGES: network(images)}

        def pixels(images: tf.Tensor) -> dict[str, tf.Tensor]:
            return {_IMAGES: to_uint8_tensor(network(to_range(images, image.range)), image.range)}

        archive = keras.export.ExportArchive()
        archive.track(network)
        for name, endpoint, dtype in ((FLOAT_SIGNATURE, floats, tf.float32), (PIXEL_SIGNATURE, pixels, tf.uint8)):
            archive.add_endpoint(name, endpoint, [tf.TensorSpec((None, *image.shape), dtype, _IMAGES)])
        return archive

    def function(self) -> tuple[Callable[..., dict[str, "tf.Tensor"]], list["tf.TensorSpec"]]:
        import tensorflow as tf

        network = self.network

        def floats(images: tf.Tensor) -> dict[str, tf.Tensor]:
            return {_TRANSLATIONS: network(images, training=False)}

        return floats, [tf.TensorSpec((None, *self.saved.recipe.image.shape), tf.float32, _IMAGES)]

    def example_inputs(self) -> dict[str, "NDArray[np.generic]"]:
        import numpy as np

        from gan_train.data.pixels import to_range

        image = self.saved.recipe.image
        pixels = np.random.default_rng(0).integers(0, 256, (2, *image.shape), np.uint8)
        return {_IMAGES: np.asarray(to_range(pixels, image.range))}

    @cached_property
    def _network(self) -> "keras.Model":
        return self.saved.network()

    @property
    def _averages(self) -> bool:
        """Whether the saved network has moving averages."""
        import keras

        return any(isinstance(layer, keras.layers.BatchNormalization) for layer in self._network.layers)

    @property
    def _dropout(self) -> str:
        saved = self._network
        import keras

        if self.inference == "averages" or not any(isinstance(layer, keras.layers.Dropout) for layer in saved.layers):
            return "none: the same image gives the same translation"
        return (
            "in Keras, drops in model(images) and not in predict() nor with training=False; in a SavedModel, drops in every "
            "call, and a reloaded one begins with the same numbers; in ONNX and TFLite, none"
        )
