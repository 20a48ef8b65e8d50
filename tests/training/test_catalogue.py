"""Every recipe of the package has the networks it was written down with; every system and practice trains exactly.

Parameter counts are checked for all recipes. What is proved by training runs once for each system and for each practice a
packaged recipe adds to it (PROVED): a recipe that differs in sizes, rates or the direction of its pairs alone trains
through the same code.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.storage import LocalFolder
from gan_train.data.dataset import Dataset, open_dataset
from gan_train.data.reader import first_examples, training_examples
from gan_train.networks.layers import plain_copy
from gan_train.numerics.randomness import Draw
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe, recipe_names
from gan_train.runs.checkpoint import named_variables, restore_checkpoint, save_checkpoint
from gan_train.systems.base import Phase, System
from gan_train.systems.catalogue import build_system
from gan_train.systems.step import StepFunction, metric_names, run_phase
from tests.support.catalogue import CATALOGUE, replicable, small
from tests.support.runs import gan_train
from tests.support.systems import build, random_chunk

EVERY = pytest.mark.parametrize("name", CATALOGUE)

PROVED = (
    "curve-gan",
    "digit-classifier",
    "fashion-acgan",
    "fashion-cgan",
    "horse2zebra-cyclegan",
    "maps-pix2pix",
    "mnist-dcgan",  # batch normalisation, an update for each half
    "mnist-gan",  # one update on a mixed batch
    "mnist-infogan",
    "mnist-lsgan",  # least squares
    "mnist-sgan",
    "mnist-wgan",  # clipped kernels, five critic steps
    "mnist-wgan-gp",  # a gradient penalty
    "cifar10-sngan",  # residual blocks, spectral normalisation, the hinge loss
)
PROOF = pytest.mark.parametrize("name", PROVED)
STEP = tf.constant(0, tf.int64)


def dataset_of(name: str, request: pytest.FixtureRequest) -> Path:
    """The dataset that a recipe takes at its full size."""
    folder: Path = request.getfixturevalue(CATALOGUE[name].data)
    return folder


def small_dataset(name: str, recipe: Recipe, request: pytest.FixtureRequest) -> Dataset:
    """The dataset of a small recipe: digits stand for all images, one kind of pairs for all others."""
    kind = CATALOGUE[name].data.partition("_")[0]
    folder = request.getfixturevalue({"points": "points", "pairs": "pairs_16"}.get(kind, "digits"))
    return open_dataset(str(folder), recipe)


def begun(name: str, recipe: Recipe, request: pytest.FixtureRequest) -> tuple[System, StepFunction]:
    """A small system that has seen its real data, and its step function."""
    system, _, step_function = build(recipe)
    system.keep(training_examples(small_dataset(name, recipe, request), 0))
    return system, step_function


def test_the_catalogue_is_whole() -> None:
    assert sorted(CATALOGUE) == recipe_names()


def test_every_system_is_proved() -> None:
    assert {load_recipe(name).system for name in PROVED} == {load_recipe(name).system for name in recipe_names()}


@EVERY
def test_the_networks_of_a_recipe_have_their_parameters(name: str) -> None:
    system = build_system(load_recipe(name))
    networks = system.models | {kind: player.network for kind, player in system.players.items() if kind != "generator"}
    counted = {kind: plain_copy(network).count_params() for kind, network in networks.items()}
    assert {kind: counted[kind] for kind in CATALOGUE[name].parameters} == CATALOGUE[name].parameters


@EVERY
def test_the_phases_of_a_step_come_in_order(name: str) -> None:
    assert tuple(phase.name for phase in phases_of_a_step(build(small(name))[0])) == CATALOGUE[name].phases


def phases_of_a_step(system: System) -> list[Phase]:
    return [phase for turn in system.turns for _ in range(turn.times) for phase in turn.phases]


@PROOF
def test_each_phase_moves_its_player_and_nothing_else(name: str, request: pytest.FixtureRequest) -> None:
    """Weights and moving averages alike, on real examples."""
    recipe = small(name)
    system, _ = begun(name, recipe, request)
    reals = first_examples(small_dataset(name, recipe, request), 0, system.reals_per_batch)
    batch = {kind: tf.constant(values) for kind, values in reals.items()}
    for turn in system.turns:
        batch = turn.prepare(batch, Draw(0, STEP, 200, 0, 1)) if turn.prepare else batch
    variables = {id(variable): variable for player in system.players.values() for variable in player.network.variables}
    for number, phase in enumerate(phases_of_a_step(system)):
        before = {key: variable.numpy() for key, variable in variables.items()}
        run_phase(system, phase, batch, Draw(0, STEP, number, 0, 1), STEP)
        moved = {key for key, variable in variables.items() if not np.array_equal(before[key], variable.numpy())}
        own = system.players[phase.player]
        assert moved <= {id(variable) for variable in own.network.variables}, phase.name
        assert moved >= {id(variable) for variable in own.variables if "bias" not in variable.path}, phase.name


def values_of(system: System) -> dict[str, NDArray[Any]]:
    return {name: variable.numpy() for name, variable in named_variables(system).items()}


@PROOF
def test_four_steps_are_two_and_two(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A system built anew from the checkpoint of step 2 ends at the same bits."""
    recipe = small(name)
    system, run = begun(name, recipe, request)
    chunk = random_chunk(recipe, system, tf.distribute.get_strategy(), 4)
    first, second = ({kind: values[part] for kind, values in chunk.items()} for part in (slice(0, 2), slice(2, 4)))
    run(first, STEP, tf.constant(2))
    save_checkpoint(LocalFolder(str(tmp_path)), system, 2, "digest")
    whole = run(second, STEP + 2, tf.constant(2)).numpy()
    assert np.all(np.isfinite(whole))

    resumed, _, continue_run = build(recipe)
    restore_checkpoint(LocalFolder(str(tmp_path)), resumed, 2)
    np.testing.assert_array_equal(continue_run(second, STEP + 2, tf.constant(2)).numpy(), whole)
    after, expected = values_of(resumed), values_of(system)
    assert after.keys() == expected.keys()
    for kind, value in expected.items():
        np.testing.assert_array_equal(after[kind], value, err_msg=kind)


@PROOF
def test_two_replicas_train_as_one(name: str, request: pytest.FixtureRequest) -> None:
    """Two replicas with half the batch each report and reach what one does, up to rounding."""
    recipe, ended = replicable(name), []
    for replicas in (1, 2):
        system, strategy, run = build(recipe, replicas)
        system.keep(training_examples(small_dataset(name, recipe, request), 0))
        metrics = run(random_chunk(recipe, system, strategy, 2), STEP, tf.constant(2)).numpy()
        ended.append((dict(zip(metric_names(system), metrics.T, strict=True)), values_of(system)))
    (one, mine), (two, other) = ended
    for kind, values in one.items():
        np.testing.assert_allclose(values, two[kind], rtol=1e-3, atol=1e-4, err_msg=kind)
    for kind, value in mine.items():
        np.testing.assert_allclose(value, other[kind], rtol=1e-3, atol=1e-4, err_msg=kind)


@PROOF
def test_a_short_training_of_full_size_starts(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """`--short`, for two steps: networks, a grid, models and a checkpoint are there."""
    out = tmp_path / "run"
    ran = gan_train("run", name, "--data", dataset_of(name, request), "-o", out, "--short", "--steps", "2")
    assert ran.code == 0, ran.err
    assert (out / "samples" / "step-00000002.png").exists()
    assert (out / "checkpoints" / "step-00000002" / "COMMIT").exists()


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - set(PROVED)))
def test_a_short_training_of_the_other_recipes_is_planned(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Everything but the steps themselves: the dataset fits, the networks of `--short` are built."""
    ran = gan_train("run", name, "--data", dataset_of(name, request), "-o", tmp_path / "run", "--short", "--dry-run")
    assert ran.code == 0, ran.err


@EVERY
def test_a_short_training_has_fewer_steps(name: str) -> None:
    assert load_recipe(name, short=True).steps < load_recipe(name).steps or name == "curve-gan"
