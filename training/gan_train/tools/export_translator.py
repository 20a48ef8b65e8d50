"""The export of a translator of images, which works as in training and without this package."""

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.storage import storage_errors
from gan_train.sampling.translator import SavedTranslator
from gan_train.tools.exported import FLOAT_SIGNATURE, PIXEL_SIGNATURE, pixel_ranges

if TYPE_CHECKING:
    import keras

_IMAGES = "images"


@dataclass(frozen=True)
class ExportedTranslator:
    """An `Exported` network from images to images of the same size."""

    translator: SavedTranslator

    @property
    def step(self) -> int:
        return self.translator.step

    @cached_property
    def _network(self) -> "keras.Model":
        network = self.translator.network()
        from gan_train.networks.translating import plain_translator

        return plain_translator(network)

    def card(self, in_keras: bool) -> dict[str, Any]:
        recipe = self.translator.recipe
        shape = {"name": _IMAGES, "shape": [None, *recipe.image.shape]}
        images: dict[str, Any] = {name: shape | numbers for name, numbers in pixel_ranges(recipe.image).items()}
        if in_keras:
            images = images[FLOAT_SIGNATURE]
        return {
            "recipe": recipe.name,
            "step": self.step,
            "dataset": self.translator.record.dataset_digest,
            "run": self.translator.run.uri,
            "direction": self.translator.direction_name,
            "input": images,
            "output": images,
            "normalisation": "by the statistics of each image alone; no translation depends on the others of its batch",
            "dropout": self._dropout(in_keras),
        }

    def _dropout(self, in_keras: bool) -> str:
        network = self._network
        import keras

        if not any(isinstance(layer, keras.layers.Dropout) for layer in network.layers):
            return "none: the same image gives the same translation"
        if in_keras:
            return "drops in model(images), so that no two calls give the same; not in predict(), nor with training=False"
        return "drops in every call, so that no two calls give the same; a reloaded model begins with the same numbers"

    def keras_file(self) -> bytes:
        with tempfile.TemporaryDirectory() as local:
            path = Path(local) / "generator.keras"
            with storage_errors(path):
                self._network.save(path)
            return path.read_bytes()

    def archive(self) -> "keras.export.ExportArchive":
        import keras
        import tensorflow as tf

        from gan_train.data.pixels import to_range, to_uint8_tensor

        network, image = self._network, self.translator.recipe.image

        def floats(images: tf.Tensor) -> dict[str, tf.Tensor]:
            return {_IMAGES: network(images)}

        def pixels(images: tf.Tensor) -> dict[str, tf.Tensor]:
            return {_IMAGES: to_uint8_tensor(network(to_range(images, image.range)), image.range)}

        archive = keras.export.ExportArchive()
        archive.track(network)
        for name, endpoint, dtype in ((FLOAT_SIGNATURE, floats, tf.float32), (PIXEL_SIGNATURE, pixels, tf.uint8)):
            archive.add_endpoint(name, endpoint, [tf.TensorSpec((None, *image.shape), dtype, _IMAGES)])
        return archive
