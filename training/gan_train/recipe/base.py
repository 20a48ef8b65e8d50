"""What all recipes have in common: everything that decides a run, typed and checked. One class per system beside this."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from gan_train.recipe.examples import Condition, ImageConfig, PointConfig, PositiveInt
from gan_train.recipe.practice_config import LatentConfig
from gan_train.recipe.section import Section

HalvedBatch = Annotated[int, Field(ge=2, multiple_of=2)]


@dataclass(frozen=True)
class Purpose:
    """What a run is good for once it is trained.

    Attributes:
        does: ends the sentence "this recipe ...".
        command: of gan-train, that uses it.
        arguments: of that command, behind the run.
    """

    does: str
    command: str
    arguments: str


class Recipe(Section, ABC):
    """All of a run but its dataset.

    Attributes:
        name: as in `gan-train run NAME`.
        about: one line for `gan-train recipes`.
        system: which system in systems/ reads this recipe.
        precision: what the layers compute in; "auto" is the best of the machine that begins the run, which then keeps it.
        batch_size: global examples of an update of the generator, or of the classifier.
        steps: how long to train. One step runs all phases once.
        seed: of initial weights, data order, latents and dropout.
        log_every, snapshot_every, checkpoint_every: in steps.
        sample_images: examples in a sample grid.
        steps_per_call: steps that run on the device between two looks of the host. Changes no result.
        deterministic: ask TensorFlow for operations that give the same bits each time.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    about: str
    system: str
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: PositiveInt
    steps: PositiveInt
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    log_every: PositiveInt = 1
    snapshot_every: PositiveInt
    checkpoint_every: PositiveInt
    sample_images: Annotated[int, Field(ge=1, le=1024)] = 100
    steps_per_call: PositiveInt = 10
    deterministic: bool = True

    @property
    @abstractmethod
    def examples(self) -> ImageConfig | PointConfig:
        """What the dataset holds and the generator makes."""

    @property
    @abstractmethod
    def purpose(self) -> Purpose:
        """What it is trained for."""

    @property
    def elsewhere(self) -> str:
        """What to tell who wants something else of a run."""
        return f"recipe {self.name} {self.purpose.does}; use 'gan-train {self.purpose.command}'"

    @property
    def dataset_classes(self) -> int | None:
        """How many classes the dataset's labels must have; None if labels are not read."""
        return None

    @property
    def condition(self) -> Condition | None:
        """What the generator is told besides noise."""
        return None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but seldom meant."""
        return ()


class LatentRecipe(Recipe, ABC):
    """A recipe whose generator makes examples from latents. The discriminator sees half a batch of real, half of fake ones.

    Attributes:
        latent_size: numbers of noise in the generator's input.
        latent: what they are drawn from.
    """

    latent_size: PositiveInt
    latent: LatentConfig = LatentConfig()
    batch_size: HalvedBatch

    @property
    def purpose(self) -> Purpose:
        return Purpose("makes images from latents", "sample", "-o more.png")

    @property
    def drops_in_sampling(self) -> bool:
        """Whether the generator keeps its dropout where images are made to be looked at."""
        return False

    @property
    def averaged(self) -> bool:
        """Whether the generator that is shown and saved is the moving average of the one that trains."""
        return False


class ImageRecipe(LatentRecipe):
    """A recipe of images."""

    image: ImageConfig

    @property
    def examples(self) -> ImageConfig:
        return self.image


class ClassRecipe(ImageRecipe):
    """A recipe whose generator is told the class, as the dataset's labels teach it.

    Attributes:
        classes: of the dataset.
    """

    classes: PositiveInt

    @property
    def dataset_classes(self) -> int:
        return self.classes

    @property
    def condition(self) -> Condition:
        return Condition("class", self.classes)
