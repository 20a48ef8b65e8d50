"""The parts of any export: a card, a file for Keras, a SavedModel. No network is loaded before it is asked for."""

from typing import TYPE_CHECKING, Any, Protocol

from gan_train.recipe.examples import ImageConfig

if TYPE_CHECKING:
    import keras

FLOAT_SIGNATURE, PIXEL_SIGNATURE = "serving_default", "uint8"


class Exported(Protocol):
    """A saved network to be exported."""

    @property
    def step(self) -> int:
        """After which it was saved."""

    def card(self, in_keras: bool) -> dict[str, Any]:
        """The facts needed to use an export: where it is from, what goes in, what comes out of the file or the signatures."""

    def keras_file(self) -> bytes:
        """A file that Keras loads."""

    def archive(self) -> "keras.export.ExportArchive":
        """The SavedModel with its signatures, not written yet."""


def pixel_ranges(image: ImageConfig) -> dict[str, dict[str, Any]]:
    """Numbers of images by signature."""
    floats = {"dtype": "float32", "range": [0, 1] if image.range == "unit" else [-1, 1]}
    return {FLOAT_SIGNATURE: floats, PIXEL_SIGNATURE: {"dtype": "uint8", "range": [0, 255]}}
