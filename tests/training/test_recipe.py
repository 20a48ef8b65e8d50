"""Recipes: what is accepted, what is refused, and in which words."""

from pathlib import Path

import pytest
import yaml

from gan_pipeline.errors import UsageError
from gan_train.recipe.document import difference, dump_recipe, load_recipe, recipe_names
from tests.training.helpers import RECIPES, gan_train


def test_every_recipe_of_the_package_loads() -> None:
    assert set(recipe_names()) == set(RECIPES)
    for name in recipe_names():
        assert load_recipe(name).name == name


# Batch size, steps, discriminator batch, pixel range, latent size, loss; spec B sections 1 to 3, spec C 1.1 and 1.6.
SCHEDULES = {
    "mnist-gan": (256, 23_400, "mixed", "unit", 100, "non-saturating"),
    "mnist-dcgan": (128, 450, "separate", "symmetric", 50, "non-saturating"),
    "mnist-lsgan": (64, 18_740, "separate", "symmetric", 100, "least-squares"),
    "cifar10-gan": (128, 78_000, "separate", "symmetric", 100, "non-saturating"),
    "celeba-gan": (128, 39_000, "separate", "symmetric", 100, "non-saturating"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_schedules_are_the_specifications(name: str) -> None:
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
        ("steps=0", ["steps", "greater than or equal to 1"]),
        ("discriminator.dropout=1.5", ["discriminator.dropout", "less than 1"]),
        ("generator.optimizer.learning_rate=-1", ["generator.optimizer.learning_rate", "greater than 0"]),
        ("image.shape=[32, 32, 1]", ["28x28", "32x32"]),
        ("image.range=0-1", ["image.range", "unit"]),
        ("system=gin", ["system", "gan"]),
        ("discriminator.batch_norm={}", ["mixed", "batch_norm", "separate"]),
        ("generator.project_batch_norm=true", ["project_batch_norm", "batch_norm is null"]),
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
    [("{", "not valid YAML"), ("- 1", "not a mapping"), ("name: x", "system"), (b"\xff\xfe\x00", "decode")],
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
