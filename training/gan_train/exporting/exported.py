"""The base of all networks to export, and their tensors in words. A network is loaded at the first use."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gan_core.documents import PrintableText
from gan_core.storage import Folder
from gan_train.recipe.examples import ImageConfig
from gan_train.runs.run_folder import RunRecord
from gan_train.sampling.saved import SavedNetwork

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray

AnySaved = TypeVar("AnySaved", bound=SavedNetwork[Any], covariant=True)

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


@dataclass(frozen=True)
class Exported(ABC, Generic[AnySaved]):
    """A saved network that can be exported. A class of each family of networks says what its inputs and outputs are.

    Attributes:
        saved: the saved network.
        inference: how a translator normalises, as its class says; None leaves it to that.
    """

    saved: AnySaved
    inference: str | None = None

    @property
    def run(self) -> Folder:
        """The run that saved the network."""
        return self.saved.run

    @property
    def record(self) -> RunRecord:
        """The recipe and dataset of the run."""
        return self.saved.record

    @property
    def step(self) -> int:
        """The training step after which the network was saved."""
        return self.saved.step

    @property
    @abstractmethod
    def facts(self) -> dict[str, str]:
        """Facts about the network for the model card, by name, such as its weights, dropout and direction."""

    @abstractmethod
    def signatures(self, served: bool) -> dict[str, Signature]:
        """The functions of a SavedModel by name, or of another format, which has only one like `FLOAT_SIGNATURE`."""

    @property
    @abstractmethod
    def network(self) -> "keras.Model":
        """The network, of Keras' own layers."""

    @abstractmethod
    def archive(self) -> "keras.export.ExportArchive":
        """The SavedModel with its signatures, ready to be written."""

    @abstractmethod
    def function(self) -> tuple[Callable[..., dict[str, "tf.Tensor"]], list["tf.TensorSpec"]]:
        """The network as a function that drops nothing, from tensors to the named output, and the tensors it takes."""

    @abstractmethod
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
