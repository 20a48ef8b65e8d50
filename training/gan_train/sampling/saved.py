"""Generators that a run saved, of any family; generator.py and translator.py have the two families of this package."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from gan_core.errors import UsageError
from gan_core.storage import Folder, open_folder
from gan_train.recipe.base import Recipe
from gan_train.recipe.installed import installed, load
from gan_train.runs.layout import networks
from gan_train.runs.run_folder import RunRecord, read_record

if TYPE_CHECKING:
    import keras

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe, covariant=True)


@dataclass(frozen=True)
class SavedNetwork(ABC, Generic[AnyRecipe]):
    """A generator that a run saved. The file is read at the first use, so that wrong options are reported at once.

    Attributes:
        run: run folder.
        record: recipe and dataset of the run.
        recipe: the recipe in the record.
        step: training step after which it was saved.
    """

    run: Folder
    record: RunRecord
    recipe: AnyRecipe
    step: int

    @classmethod
    @abstractmethod
    def of_run(cls, run: Folder, record: RunRecord, direction: str | None, step: int | None) -> Self:
        """The generator of a run whose recipe names this class.

        Args:
            run: run folder.
            record: recipe and dataset of the run.
            direction: direction of a translator; None is the only one, or the first.
            step: training step; None is the newest.

        Raises:
            DataError: no generator is saved yet.
            UsageError: there is none of that step or direction, or the recipe is of another family.
        """

    @property
    @abstractmethod
    def kind(self) -> str:
        """The kind of network, as its file in the run folder has it."""

    @property
    def name(self) -> str:
        """The name of its file in the run folder."""
        return networks(self.kind).name(self.step)

    @property
    def facts(self) -> dict[str, str]:
        """Text chunks of every picture by this generator."""
        return {
            "run": self.run.uri,
            "step": str(self.step),
            "dataset": self.record.dataset_digest,
            "recipe": self.recipe.name,
        }

    @abstractmethod
    def network(self) -> "keras.Model":
        """The network as it was saved. Raises DataError if the file is damaged, or not of this recipe."""

    def sampling_network(self) -> "keras.Model":
        """The network as it is used after training. Raises what `network` raises."""
        return self.network()


def saved_network(folder: str, direction: str | None = None, step: int | None = None) -> SavedNetwork[Any]:
    """The generator that a run saved, of the class that its recipe names.

    Args:
        folder: run folder, a path or gs:// URI.
        direction: direction of a translator; None is the only one, or the first.
        step: training step; None is the newest.

    Raises:
        DataError: there is no run, or no generator in it yet.
        UsageError: there is none of that step or direction, or the run trains no generator.
    """
    run = open_folder(folder)
    record = read_record(run)
    recipe = record.recipe
    if recipe.saved_generator is None:
        raise UsageError(f"{run.uri}: {recipe.other_command}")
    found: type[SavedNetwork[Any]] = load(recipe.saved_generator, installed().systems[recipe.system].origin)
    return found.of_run(run, record, direction, step)
