"""Recipe: everything that decides a run, typed and checked. One YAML file per system in recipes/.

recipe = load_recipe("mnist-gan", overrides=["batch_size=128", "generator.optimizer.learning_rate=1e-4"])
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from gan_pipeline.errors import UsageError
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.recipe.practice_config import AverageConfig, InstanceNoiseConfig, LabelsConfig, LatentConfig, PenaltiesConfig
from gan_train.recipe.section import Section

PositiveInt = Annotated[int, Field(ge=1)]
Initializer = Literal["glorot_uniform", "normal_0.02", "he_uniform", "he_normal", "orthogonal"]


class ImageConfig(Section):
    """Images as the networks see them.

    Attributes:
        shape: (height, width, channels).
        range: "unit" is [0, 1] with a sigmoid generator, "symmetric" is [-1, 1] with a tanh generator.
    """

    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    range: Literal["unit", "symmetric"]


class BatchNormConfig(Section):
    """Batch normalisation.

    Attributes:
        momentum: of the moving averages.
        epsilon: added to the variance.
        synchronized: take the statistics of the global batch, not of each replica's share.
        bias_correction: correct the moving averages for their start at 0 and 1. Without it a discriminator fed by
            inference-mode fakes sees grey images for hundreds of steps and the GAN never converges (spec C, G8).
    """

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    epsilon: Annotated[float, Field(gt=0)] = 1e-3
    bias_correction: bool = True
    synchronized: bool = False


class _NetworkConfig(Section):
    """What both networks of the DCGAN family share.

    Attributes:
        initializer: of the convolutions and the generator's dense layer; "normal_0.02" is N(0, 0.02).
        spectral_norm: divide every kernel by its largest singular value (Miyato et al. 2018).
        batch_norm: after every convolution but the generator's last, or None.
        slope: of the rectifiers below zero; 0 is ReLU.
        optimizer: of this network's variables.
    """

    initializer: Initializer
    batch_norm: BatchNormConfig | None
    spectral_norm: bool = False
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2
    optimizer: OptimizerConfig


class GeneratorConfig(_NetworkConfig):
    """A dense layer to `base`, then one transposed convolution of stride 2 per entry of `filters`.

    Attributes:
        base: (height, width, channels) after the dense layer.
        filters: channels of each upsampling stage.
        kernel: size of the transposed convolutions.
        output_kernel: size of the last convolution.
        dropout: share of activations dropped after each stage, 0 for none.
        dropout_in_sampling: drop them too where the generator makes images for the discriminator or to be looked at,
            with its moving averages all the same (spec C, G39).
        project_batch_norm: batch normalisation after the dense layer too, each of its outputs a channel of its own.
    """

    base: tuple[PositiveInt, PositiveInt, PositiveInt]
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    kernel: PositiveInt
    output_kernel: PositiveInt
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    dropout_in_sampling: bool = False
    project_batch_norm: bool = False

    @model_validator(mode="after")
    def _something_to_drop(self) -> Self:
        if self.dropout_in_sampling and not self.dropout:
            raise ValueError("dropout_in_sampling without dropout drops nothing; set generator.dropout too")
        return self

    @model_validator(mode="after")
    def _normalises_with_something(self) -> Self:
        if self.project_batch_norm and self.batch_norm is None:
            raise ValueError("generator.project_batch_norm=true but generator.batch_norm is null; set both or neither")
        return self


class DiscriminatorConfig(_NetworkConfig):
    """One convolution per entry of `filters`, then one score.

    Attributes:
        filters: channels of each stage.
        kernel: size of the convolutions.
        first_stride: of the first convolution; all others have stride 2.
        dropout: share of activations dropped after each stage, 0 for none.
        flat_dropout: share dropped once, after the last stage; 0 for none.
        score_initializer: of the dense layer that gives the score.
    """

    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    kernel: PositiveInt
    first_stride: Literal[1, 2] = 2
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    flat_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    score_initializer: Initializer = "glorot_uniform"


class Recipe(Section):
    """All of a run but its dataset.

    Attributes:
        name: as in `gan-train run NAME`.
        about: one line for `gan-train recipes`.
        system: which system in systems/ reads this recipe.
        latent_size: size of the generator's input.
        latent: what it is drawn from.
        loss: what the two players minimise; losses.py has the formulas.
        labels: smoothing and flips of the discriminator's targets.
        penalties: on the discriminator, added to its loss or done after its updates.
        discriminator_batch: "mixed" is one update on real and fake stacked, "separate" two updates, real first, "joint"
            one update on both, each batch with its own statistics.
        discriminator_steps: turns of the discriminator before each update of the generator.
        augment: changes to all images the discriminator sees, in order; augmentation.py has them.
        instance_noise: on the same images, or None.
        average: moving average of the generator, or None.
        precision: what the layers compute in; "auto" is the best of the machine that begins the run, which then keeps it.
        batch_size: global examples of a generator update; the discriminator sees half real and half fake.
        steps: how long to train. One step runs all phases once.
        seed: of initial weights, data order, latents and dropout.
        log_every, snapshot_every, checkpoint_every: in steps.
        sample_images: images in a sample grid.
        steps_per_call: steps that run on the device between two looks of the host. Changes no result.
        deterministic: ask TensorFlow for operations that give the same bits each time.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    about: str
    system: Literal["gan"]
    image: ImageConfig
    latent_size: PositiveInt
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    discriminator_batch: Literal["mixed", "separate", "joint"]
    loss: Literal["minimax", "non-saturating", "least-squares", "wasserstein", "hinge"] = "non-saturating"
    latent: LatentConfig = LatentConfig()
    labels: LabelsConfig = LabelsConfig()
    penalties: PenaltiesConfig = PenaltiesConfig()
    discriminator_steps: Annotated[int, Field(ge=1, le=20)] = 1
    augment: tuple[Literal["flip", "colour", "translation", "cutout"], ...] = ()
    instance_noise: InstanceNoiseConfig | None = None
    average: AverageConfig | None = None
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: Annotated[int, Field(ge=2, multiple_of=2)]
    steps: PositiveInt
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    log_every: PositiveInt = 1
    snapshot_every: PositiveInt
    checkpoint_every: PositiveInt
    sample_images: Annotated[int, Field(ge=1, le=1024)] = 100
    steps_per_call: PositiveInt = 10
    deterministic: bool = True

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        height, width, _ = self.generator.base
        grown = tuple(side * 2 ** len(self.generator.filters) for side in (height, width))
        if grown != self.image.shape[:2]:
            raise ValueError(
                f"generator.base {height}x{width} doubled {len(self.generator.filters)} times gives "
                f"{grown[0]}x{grown[1]}, but image.shape is {self.image.shape[0]}x{self.image.shape[1]}"
            )
        return self

    @model_validator(mode="after")
    def _no_mixed_statistics(self) -> Self:
        if self.discriminator_batch == "mixed" and self.discriminator.batch_norm:
            raise ValueError(
                "discriminator_batch=mixed with discriminator.batch_norm: the statistics of a mixed batch differ from "
                "those of the all-fake batch in the generator's step, so it learns nothing (spec C 1.3); use separate"
            )
        return self

    @model_validator(mode="after")
    def _loss_knows_the_targets(self) -> Self:
        if self.labels.smoothed and self.loss in ("wasserstein", "hinge"):
            raise ValueError(f"labels are smoothed, but loss={self.loss} knows only real and fake; leave real and fake alone")
        return self

    @model_validator(mode="after")
    def _penalties_have_their_images(self) -> Self:
        wanting = [*self.penalties.of_gradients, *(["orthogonal"] if self.penalties.orthogonal else [])]
        if wanting and self.discriminator_batch != "joint":
            raise ValueError(f"penalties.{wanting[0]} is added to one loss on real and fake; set discriminator_batch=joint")
        return self

    @model_validator(mode="after")
    def _penalties_need_range(self) -> Self:
        if self.precision == "float16" and self.penalties.of_gradients:
            raise ValueError(
                f"penalties.{self.penalties.of_gradients[0]} with precision=float16: the gradient it squares is not scaled "
                "and underflows; use bfloat16 or float32"
            )
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but seldom meant."""
        said = []
        if self.loss in ("minimax", "non-saturating") and max(self.labels.real[1], self.labels.fake[1]) > 1:
            said.append(f"labels above 1 with loss={self.loss}: the loss has no lower bound, scores may grow without end")
        bounded = self.penalties.clip or self.penalties.of_gradients or self.discriminator.spectral_norm
        if self.loss == "wasserstein" and not bounded:
            said.append("loss=wasserstein without clip, gradient penalty or spectral_norm: nothing bounds the critic's scores")
        if {"gradient", "dragan"} & set(self.penalties.of_gradients) and self.discriminator.batch_norm:
            said.append("a gradient penalty with discriminator.batch_norm: the penalty is meant for each example on its own")
        return tuple(said)


def recipe_names() -> list[str]:
    """Names of the recipes in the package."""
    return sorted(Path(file.name).stem for file in (files("gan_train") / "recipes").iterdir() if file.name.endswith(".yaml"))


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe of the package, or of a YAML file, with `key.path=value` overrides.

    Raises:
        UsageError: unknown recipe, unknown key, or a value out of range; the message names it.
    """
    document = _read_document(name)
    for override in overrides:
        _apply(document, override)
    return check_recipe(document, name)


def check_recipe(document: Mapping[str, Any], where: str) -> Recipe:
    """Validate a recipe document. Raises UsageError that names the first wrong key."""
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        raise UsageError(f"recipe {where}: {_first_fault(error)}") from error


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML that `load_recipe` reads back unchanged."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, width=120, default_flow_style=None)


def difference(before: Recipe, now: Recipe) -> str | None:
    """The first key that differs, as `key: old -> new`, or None. `steps` may grow and `about` is prose."""
    old, new = flatten(before.model_dump(mode="json")), flatten(now.model_dump(mode="json"))
    for key in old | new:
        if key not in ("about", "steps") and old.get(key) != new.get(key):
            return f"{key}: {old.get(key)} -> {new.get(key)}"
    return None


def _read_document(name: str) -> dict[str, Any]:
    if name in recipe_names():
        text = (files("gan_train") / "recipes" / f"{name}.yaml").read_text()
    elif name.endswith((".yaml", ".yml")):
        try:
            text = Path(name).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"recipe file {name}: {error}; give a YAML file or a name from 'gan-train recipes'") from error
    else:
        raise UsageError(f"unknown recipe {name!r}; choose one of: {', '.join(recipe_names())}, or give a .yaml file")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"recipe {name}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise UsageError(f"recipe {name}: not a mapping of keys to values; start from 'gan-train show mnist-gan'")
    return document


def _apply(document: dict[str, Any], override: str) -> None:
    """Set one `key.path=value` in place, in new sections where the recipe leaves them out; the value is read as YAML."""
    path, separator, text = override.partition("=")
    if not separator or not path.strip():
        raise UsageError(f"--set {override!r}: write key=value, such as --set batch_size=128")
    *parents, last = path.strip().split(".")
    place = document
    for parent in parents:
        if place.get(parent) is None:
            place[parent] = {}
        place = place[parent]
        if not isinstance(place, dict):
            raise UsageError(f"--set {path}: {parent!r} is no section of this recipe; 'gan-train show' prints the keys")
    place[last] = _parse_value(text, override)


def _parse_value(text: str, override: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {override!r}: the value is not valid YAML") from error
    # YAML 1.1 reads 1e-4, without a dot, as a string.
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {key}; 'gan-train show' prints the known ones"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message} (got {first['input']!r})" if key else message


def flatten(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
