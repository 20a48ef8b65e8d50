"""The interface of networks to export. A network is loaded at the first use."""

from typing import TYPE_CHECKING, Any, Protocol

from gan_train.recipe.examples import ImageConfig

if TYPE_CHECKING:
    import keras

FLOAT_SIGNATURE, PIXEL_SIGNATURE = "serving_default", "uint8"


class Exported(Protocol):
    """A saved network that can be exported."""

    @property
    def step(self) -> int:
        """The training step after which the network was saved."""

    def card(self, in_keras: bool) -> dict[str, Any]:
        """The description for users: origin, and inputs and outputs of the Keras file or of the signatures."""

    def keras_file(self) -> bytes:
        """The bytes of a .keras file."""

    def archive(self) -> "keras.export.ExportArchive":
        """The SavedModel with its signatures, ready to be written."""


def pixel_ranges(image: ImageConfig) -> dict[str, dict[str, Any]]:
    """The dtype and range of images in each signature."""
    floats = {"dtype": "float32", "range": [0, 1] if image.range == "unit" else [-1, 1]}
    return {FLOAT_SIGNATURE: floats, PIXEL_SIGNATURE: {"dtype": "uint8", "range": [0, 255]}}
