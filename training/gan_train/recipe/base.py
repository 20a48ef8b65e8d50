"""The keys and properties that the recipes of all systems share. The recipe class of each system stands beside this file."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.examples import Condition, ImageConfig, PointConfig, PositiveInt
from gan_train.recipe.known_score import KnownScore
from gan_train.recipe.layer_pattern import LayerPattern
from gan_train.recipe.opponents import LossKind, Opponents
from gan_train.recipe.practice_config import LatentConfig
from gan_train.recipe.section import Section

if TYPE_CHECKING:
    from gan_train.recipe.streams import Source, Streams

EvenInt = Annotated[int, Field(ge=2, lt=1 << 31, multiple_of=2)]

MOST_STEPS = 99_999_999
"""The names of checkpoints and samples have eight digits for the step."""

INTERVALS = ("log_every", "snapshot_every", "checkpoint_every", "steps_per_call")
"""Keys that change no result of a run: they may differ each time it is continued."""

GENERATOR, CLASSIFIER = "generator", "classifier"
"""Kinds of saved networks. A generator turns its inputs into images or points; a classifier turns images, float32 in the
recipe's range, into class logits, float32 (n, classes)."""


@dataclass(frozen=True)
class Purpose:
    """The use of a trained run.

    Attributes:
        does: the end of the sentence "this recipe ...".
        command: the gan-train command that uses the run.
        arguments: the arguments of that command after the run's folder.
    """

    does: str
    command: str
    arguments: str


class Recipe(Section, ABC):
    """Everything that decides a run but its dataset.

    Attributes:
        name: name of the recipe, as in `gan-train run NAME`.
        about: one line for `gan-train recipes`.
        system: name of the system that trains by this recipe.
        precision: number format that the layers compute in; "auto" is the best one of the machine that begins the run, and the
            run keeps it.
        batch_size: number of examples, over all replicas, of one update of the generator or classifier.
        steps: number of training steps. One step runs every phase of the system once.
        seed: seed of the initial weights, the data order, the latents and dropout.
        log_every, snapshot_every, checkpoint_every: intervals in steps.
        sample_images: number of examples in a sample grid.
        steps_per_call: number of steps that the device runs in one call. It changes no result.
        accumulate: number of parts in which a batch is computed, one after the other, before each update. It saves memory and
            changes results by rounding, but for statistics of batches, which are those of a part.
        remat: whether networks are run once more for their gradients rather than keep their activations.
        deterministic: whether TensorFlow is asked for operations that give the same bits each time.
        freeze: layers that get no update, as "PLAYER.LAYER" or "PLAYER.LAYER_1..3"; see gan_train.systems.freezing.
        known_score: the score that good trainings of this recipe reach, or None; it decides nothing.
    """

    gallery: ClassVar[str]
    """The class that draws a run's sample grids, as "module:Class"; it takes (recipe, system, dataset, run folder, facts)."""
    saved_generator: ClassVar[str | None] = None
    """The class of the generators that a run saves, as "module:Class", a `SavedNetwork`; None for runs that save no
    generator."""
    exported_generator: ClassVar[str | None] = None
    """The class that exports such a generator, as "module:Class", an `Exported` that takes it and the value of --inference;
    None if none is exported."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    about: str
    system: str
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: PositiveInt
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    log_every: PositiveInt = 1
    snapshot_every: PositiveInt
    checkpoint_every: PositiveInt
    sample_images: Annotated[int, Field(ge=1, le=1024)] = 100
    steps_per_call: Annotated[int, Field(ge=1, le=10_000)] = 10
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    remat: bool = False
    deterministic: bool = True
    freeze: tuple[LayerPattern, ...] = ()
    known_score: KnownScore | None = None

    @model_validator(mode="after")
    def _parts_are_equal(self) -> Self:
        if self.accumulate > 1 and self.smallest_batch % self.accumulate:
            raise ValueError(
                f"accumulate={self.accumulate} with batch_size={self.batch_size}: an update has {self.smallest_batch} real "
                f"examples, which {self.accumulate} parts cannot share evenly; set batch_size to a multiple of "
                f"{self.accumulate * (self.batch_size // self.smallest_batch)}"
            )
        synchronized = synchronized_section(self)
        if self.accumulate > 1 and synchronized:
            raise ValueError(
                f"accumulate={self.accumulate} with {synchronized}.synchronized: statistics of the whole batch need all of it "
                "at once, and parts have their own; leave one of the two out"
            )
        return self

    @property
    def smallest_batch(self) -> int:
        """Real examples of one update: all of a batch."""
        return self.batch_size

    @property
    @abstractmethod
    def examples(self) -> ImageConfig | PointConfig:
        """The examples that the dataset holds and the generator makes."""

    @property
    @abstractmethod
    def purpose(self) -> Purpose:
        """The use of a trained run."""

    @property
    @abstractmethod
    def networks(self) -> tuple[str, ...]:
        """Kinds of networks that a run saves at snapshots, such as "generator" and "classifier"."""

    def streams(self, source: "Source") -> "Streams":
        """The examples that a run reads from a dataset folder. Raises what the functions in recipe/streams.py raise."""
        # The manifest's module loads NumPy, which listing recipes does not need.
        from gan_train.recipe.streams import example_streams

        return example_streams(source, self.examples, self.dataset_classes)

    @property
    def batch_features(self) -> tuple[str, ...]:
        """Names of the examples in a batch, besides "label"."""
        return (self.examples.feature,)

    @property
    def opponents(self) -> tuple[Opponents, ...]:
        """The discriminators and generators that train against each other; empty where nothing is trained adversarially."""
        return ()

    @property
    def loss_kind(self) -> LossKind | None:
        """The adversarial loss whose values the opponents log. None for any other loss: diagnosis then judges by the samples
        and by numbers that are not finite, never by the size of a loss."""
        return None

    @property
    def generator_has_other_losses(self) -> bool:
        """Whether a generator learns from more than its discriminator, so that it goes on learning when that one is sure."""
        return False

    @property
    def report_pictures(self) -> tuple[Literal["interpolation", "classes", "codes"], ...]:
        """The pictures that the report makes with the newest generator: "interpolation" between latents; a column for each of
        its "classes" or "codes"."""
        return ()

    @property
    def noise_size(self) -> int | None:
        """Numbers of noise in the generator's input; None if no generator takes noise."""
        return None

    @property
    def scores_other_runs(self) -> bool:
        """Whether the saved classifier has the layer of features by which the images of other runs are scored."""
        return False

    @property
    def labels_alone(self) -> str | None:
        """The system, as "module:Class", that trains this recipe's classifier on its few labels without the GAN, or None."""
        return None

    @property
    def other_command(self) -> str:
        """The end of an error message of a command that cannot use this recipe's runs: the command that can."""
        return f"recipe {self.name} {self.purpose.does}; use 'gan-train {self.purpose.command}'"

    @property
    def dataset_classes(self) -> int | None:
        """The number of classes that the dataset's labels must have; None if labels are not read."""
        return None

    @property
    def condition(self) -> Condition | None:
        """The class or code that the generator takes besides noise; None if it takes noise alone."""
        return None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of settings that are allowed but seldom intended."""
        return ()


def synchronized_section(section: Section, path: str = "") -> str | None:
    """The path of the first batch normalisation, at any depth of a recipe, whose statistics are those of the whole batch."""
    if getattr(section, "synchronized", False):
        return path
    below = ((name, value) for name, value in section if isinstance(value, Section))
    found = (synchronized_section(value, f"{path}.{name}" if path else name) for name, value in below)
    return next(filter(None, found), None)


class LatentRecipe(Recipe, ABC):
    """A recipe whose generator makes examples from latents. The discriminator gets half a batch of real and half of fake ones.

    Attributes:
        latent_size: numbers of noise in the generator's input.
        latent: distribution of the noise.
    """

    gallery = "gan_train.galleries.sampled:SampledGallery"
    saved_generator = "gan_train.sampling.generator:SavedGenerator"
    exported_generator = "gan_train.exporting.generator:ExportedGenerator"

    latent_size: Annotated[int, Field(gt=0, le=1 << 16)]
    latent: LatentConfig = LatentConfig()
    batch_size: EvenInt

    @property
    def smallest_batch(self) -> int:
        """Real examples of one update of the discriminator: half of a batch."""
        return self.batch_size // 2

    @property
    def purpose(self) -> Purpose:
        return Purpose("makes images from latents", "sample", "-o more.png")

    @property
    def networks(self) -> tuple[str, ...]:
        return (GENERATOR,)

    @property
    def opponents(self) -> tuple[Opponents, ...]:
        return (Opponents(),)

    @property
    def noise_size(self) -> int:
        return self.latent_size

    @property
    def drops_in_sampling(self) -> bool:
        """Whether the generator keeps its dropout when it makes sample images."""
        return False

    @property
    def averaged(self) -> bool:
        """Whether the generator that is shown and saved is the moving average of the one that trains."""
        return False


class ImageRecipe(LatentRecipe):
    """A recipe of images.

    Attributes:
        image: shape and range of the images.
    """

    image: ImageConfig

    @property
    def examples(self) -> ImageConfig:
        return self.image

    @property
    def report_pictures(self) -> tuple[Literal["interpolation", "classes", "codes"], ...]:
        if self.condition is None:
            return ("interpolation",)
        return ("interpolation", "codes" if self.condition.kind == "code" else "classes")


class ClassRecipe(ImageRecipe):
    """A recipe whose generator takes a class, learned from the dataset's labels.

    Attributes:
        classes: number of classes of the dataset.
    """

    classes: PositiveInt

    @property
    def dataset_classes(self) -> int:
        return self.classes

    @property
    def condition(self) -> Condition:
        return Condition("class", self.classes)
