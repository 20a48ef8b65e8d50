"""The interface of networks to export, and their tensors in words. A network is loaded at the first use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gan_core.documents import PrintableText
from gan_core.storage import Folder
from gan_train.recipe.examples import ImageConfig
from gan_train.runs.run_folder import RunRecord

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray

FLOAT_SIGNATURE, PIXEL_SIGNATURE = "serving_default", "uint8"


@dataclass(frozen=True)
class Tensor:
    """An input or output of an exported network.

    Attributes:
        name: by which programs that take names call it.
        shape: the first size, None, is the number of examples.
        dtype: such as "float32".
        range: the least and the largest value; None if there is none.
        about: its meaning, where the rest does not say it.
    """

    name: PrintableText
    shape: tuple[int | None, ...]
    dtype: PrintableText
    range: tuple[float, float] | None = None
    about: PrintableText = ""


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of one function of an exported network, in order."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Exported(Protocol):
    """A saved network that can be exported."""

    @property
    def run(self) -> Folder:
        """The run that saved the network."""

    @property
    def record(self) -> RunRecord:
        """The recipe and dataset of the run."""

    @property
    def step(self) -> int:
        """The training step after which the network was saved."""

    @property
    def facts(self) -> dict[str, str]:
        """Facts about the network for the model card, by name, such as its weights, dropout and direction."""

    def signatures(self, served: bool) -> dict[str, Signature]:
        """The functions of a SavedModel by name, or of another format, which has only one like `FLOAT_SIGNATURE`."""

    @property
    def network(self) -> "keras.Model":
        """The network, of Keras' own layers."""

    def archive(self) -> "keras.export.ExportArchive":
        """The SavedModel with its signatures, ready to be written."""

    def function(self) -> tuple[Callable[..., dict[str, "tf.Tensor"]], list["tf.TensorSpec"]]:
        """The network as a function that drops nothing, from tensors to the named output, and the tensors it takes."""

    def example_inputs(self) -> dict[str, "NDArray[np.generic]"]:
        """Inputs of two examples by name, of the kind that the network was trained for; the same every time."""


def image_tensors(name: str, image: ImageConfig) -> dict[str, Tensor]:
    """The tensor of images in each signature of a SavedModel."""
    low = 0.0 if image.range == "unit" else -1.0
    shape = (None, *image.shape)
    return {
        FLOAT_SIGNATURE: Tensor(name, shape, "float32", (low, 1.0)),
        PIXEL_SIGNATURE: Tensor(name, shape, "uint8", (0.0, 255.0)),
    }
