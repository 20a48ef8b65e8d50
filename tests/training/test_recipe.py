"""Recipes: what is accepted, what is refused, and in which words."""

from importlib.resources import files
from operator import attrgetter
from pathlib import Path

import pytest
import yaml

from gan_core.errors import UsageError
from gan_train.recipe.document import difference, dump_recipe, flatten, load_recipe, recipe_names
from gan_train.recipe.optimizer_config import AdamConfig, RMSpropConfig
from gan_train.recipe.practice_config import ClipConfig, GradientPenaltyConfig, PenaltiesConfig
from gan_train.recipe.section import section_key
from tests.support.runs import RECIPES, gan_train

pytestmark = pytest.mark.quick


def test_every_recipe_of_the_package_loads() -> None:
    for name in recipe_names():
        assert load_recipe(name).name == name


def test_a_file_of_the_user_may_have_any_name(tmp_path: Path) -> None:
    """Its key `name` stays; only an installed recipe is taken by the name of its file."""
    file = tmp_path / "mine.yaml"
    file.write_text(gan_train("show", "mnist-gan").out)
    assert load_recipe(str(file)).name == "mnist-gan"


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("mnist-gan", ["generator.optimizer", "discriminator.optimizer"]),
        ("mnist-sgan", ["generator.optimizer", "classifier.optimizer", "classifier.discriminator_optimizer"]),
        ("horse2zebra-cyclegan", ["generator.optimizer", "discriminator.optimizer"]),
    ],
)
def test_the_key_of_an_optimizer_is_found(name: str, keys: list[str]) -> None:
    recipe = load_recipe(name)
    for key in keys:
        section = attrgetter(key)(recipe)
        assert section_key(recipe, section) == key
        assert section_key(recipe, section.model_copy()) is None


# Batch size, steps, discriminator batch, pixel range, latent size, loss.
SCHEDULES = {
    "mnist-gan": (256, 23_400, "mixed", "unit", 100, "non-saturating"),
    "mnist-dcgan": (128, 450, "separate", "symmetric", 50, "non-saturating"),
    "mnist-lsgan": (64, 18_740, "separate", "symmetric", 100, "least-squares"),
    "cifar10-gan": (128, 78_000, "separate", "symmetric", 100, "non-saturating"),
    "celeba-gan": (128, 39_000, "separate", "symmetric", 100, "non-saturating"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_have_their_schedules(name: str) -> None:
    recipe = load_recipe(name)
    schedule = (recipe.batch_size, recipe.steps, recipe.discriminator_batch, recipe.image.range)
    assert (*schedule, recipe.latent_size, recipe.loss) == SCHEDULES[name]
    for player in (recipe.generator, recipe.discriminator):
        adam = player.optimizer
        assert (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon) == (2e-4, 0.5, 0.999, 1e-7)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("batchsize=3", ["unknown key batchsize"]),
        ("generator.kernels=3", ["unknown key generator.kernels"]),
        ("batch_size=3", ["batch_size", "multiple of 2"]),
        ("batch_size=many", ["batch_size", "many"]),
        ("steps=0", ["steps", "must be at least 1"]),
        ("discriminator.dropout=1.5", ["discriminator.dropout", "less than 1"]),
        ("generator.optimizer.learning_rate=-1", ["generator.optimizer.learning_rate", "must be more than 0"]),
        ("image.shape=[32, 32, 1]", ["28x28", "32x32"]),
        ("image.range=0-1", ["image.range", "unit"]),
        ("system=gin", ["system", "gan"]),
        ("discriminator.batch_norm={}", ["mixed", "batch_norm", "separate"]),
        ("generator.project_batch_norm=true", ["project_batch_norm", "batch_norm is null"]),
        ("generator.strides=[2]", ["generator", "1 strides for 2 filters"]),
        ("generator.strides=[2, 3]", ["generator.strides.1", "1 or 2"]),
        ("generator.strides=[2, 1]", ["doubled 1 times gives 14x14", "28x28"]),
        ("no_equals_sign", ["key=value"]),
        ("nowhere.key=1", ["nowhere"]),
        ("seed=[", ["seed", "YAML"]),
    ],
)
def test_a_wrong_override_is_refused_by_name(override: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        load_recipe("mnist-gan", [override])
    for word in words:
        assert word in str(refused.value)


def test_overrides_reach_every_depth() -> None:
    recipe = load_recipe(
        "mnist-dcgan", ["generator.optimizer.learning_rate=1e-4", "generator.batch_norm.bias_correction=false"]
    )
    assert recipe.generator.optimizer.learning_rate == 1e-4
    assert recipe.generator.batch_norm is not None
    assert not recipe.generator.batch_norm.bias_correction


# The keys that each changes of its base.
IMPAIRED = {
    "mnist-dcgan-collapse": {"latent_size": 1},
    "mnist-dcgan-mixed": {"discriminator_batch": "mixed", "mixed_statistics": True},
    "mnist-dcgan-adam": {
        f"{player}.optimizer.{key}": value
        for player in ("generator", "discriminator")
        for key, value in (("learning_rate", 1e-3), ("beta_1", 0.9))
    },
}


@pytest.mark.parametrize("name", IMPAIRED)
def test_an_impaired_twin_is_the_stable_recipe_but_for_its_impairment(name: str) -> None:
    """Its file holds the impairment and nothing else."""
    document = yaml.safe_load((files("gan_train") / "recipes" / f"{name}.yaml").read_text())
    named = {"base": "mnist-dcgan", "name": name, "about": document["about"]}
    assert flatten(document) == named | IMPAIRED[name]
    stable, impaired = (flatten(load_recipe(one).model_dump(mode="json")) for one in ("mnist-dcgan", name))
    differs = {key: impaired[key] for key in impaired if impaired[key] != stable[key]}
    assert differs == {"name": name, "about": document["about"]} | IMPAIRED[name]
    assert load_recipe(name, short=True).steps == load_recipe("mnist-dcgan", short=True).steps


def test_the_wasserstein_gan_has_its_schedule() -> None:
    """The optimizer is RMSProp with clipping, and with a gradient penalty that of Gulrajani et al. 2017."""
    clipped, penalised = (load_recipe(name) for name in ("mnist-wgan", "mnist-wgan-gp"))
    for recipe in (clipped, penalised):
        assert (recipe.loss, recipe.batch_size, recipe.steps, recipe.latent_size) == ("wasserstein", 64, 970, 50)
        assert recipe.discriminator_steps == 5
    assert clipped.discriminator_batch == "separate"
    assert clipped.penalties == PenaltiesConfig(clip=ClipConfig(limit=0.01, layers=("down_1", "down_2")))
    assert penalised.discriminator_batch == "joint"
    assert penalised.penalties == PenaltiesConfig(gradient=GradientPenaltyConfig(weight=10.0))
    assert clipped.discriminator.batch_norm and not penalised.discriminator.batch_norm
    for player in ("generator", "discriminator"):
        assert getattr(clipped, player).optimizer == RMSpropConfig(kind="rmsprop", learning_rate=5e-5)
        assert getattr(penalised, player).optimizer == AdamConfig(learning_rate=1e-4, beta_1=0.0, beta_2=0.9)
    assert not penalised.warnings and not clipped.warnings


@pytest.mark.parametrize("name", RECIPES)
def test_what_show_prints_is_a_recipe_file(name: str, tmp_path: Path) -> None:
    shown = gan_train("show", name, "--set", "batch_size=64")
    assert shown.code == 0
    file = tmp_path / "mine.yaml"
    file.write_text(shown.out)
    assert load_recipe(str(file)) == load_recipe(name, ["batch_size=64"])
    assert yaml.safe_load(gan_train("show", name, "--json").out)["name"] == name


def test_recipes_lists_all() -> None:
    listed = gan_train("recipes")
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()] == recipe_names()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid YAML"),
        ("- 1", "not a mapping"),
        ("name: x", "system"),
        (b"\xff\xfe\x00", "not valid YAML: unacceptable character"),
    ],
)
def test_a_broken_recipe_file_is_explained(content: str | bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = gan_train("show", file)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert str(file) in ran.err


@pytest.mark.parametrize("name", ["mnist-gam", "missing.yaml"])
def test_an_unknown_recipe_names_the_known_ones(name: str) -> None:
    ran = gan_train("show", name)
    assert ran.code == 2
    assert "mnist-gan" in ran.err or "gan-train recipes" in ran.err


def test_difference_names_the_key_and_ignores_steps() -> None:
    recipe = load_recipe("mnist-gan")
    assert difference(recipe, load_recipe("mnist-gan", ["steps=5"])) is None
    assert difference(recipe, load_recipe("mnist-gan", ["discriminator.dropout=0.1"])) == "discriminator.dropout: 0.4 -> 0.1"
    assert yaml.safe_load(dump_recipe(recipe))["seed"] == 0
