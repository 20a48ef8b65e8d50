"""Every recipe of the package has the networks it was written down with; every system and practice trains exactly.

Parameter counts are checked for all recipes. What is proved by training runs once for each system and for each practice a
packaged recipe adds to it (PROVED): a recipe that differs in sizes, rates or the direction of its pairs alone trains
through the same code.
"""

from pathlib import Path

import pytest
import tensorflow as tf

from gan_train.data.dataset import open_dataset
from gan_train.data.reader import first_examples
from gan_train.networks.layers import plain_copy
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe, recipe_names
from gan_train.systems.build import build_system
from gan_train.testing import build, prove_parts, prove_phases_on, prove_replicas, prove_resume, replicable
from tests.support.catalogue import CATALOGUE, small
from tests.support.runs import UNSCORED, gan_train

EVERY = pytest.mark.parametrize("name", CATALOGUE)

PROVED = (
    "cifar10-biggan",  # residual blocks by class, attention, spectral normalisation of both players, an average
    "curve-gan",
    "digit-classifier",
    "fashion-acgan",
    "fashion-cgan",
    "horse2zebra-cyclegan",
    "maps-pix2pix",
    "mnist-dcgan",  # batch normalisation, an update for each half
    "mnist-gan",  # one update on a mixed batch
    "mnist-infogan",
    "mnist-sgan",
    "mnist-wgan",  # clipped kernels, several critic steps
    "mnist-wgan-gp",  # a gradient penalty
    "cifar10-sngan",  # spectral normalisation, the hinge loss
)


def proofs(elsewhere: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """A proof for each of them; for those that other tests prove, in `make evidence` alone.

    Args:
        elsewhere: names of the latter.
    """
    evidence = pytest.mark.evidence
    names = [pytest.param(name, marks=evidence) if name in elsewhere else pytest.param(name) for name in PROVED]
    return pytest.mark.parametrize("name", names)


FEWER_TURNS = ("discriminator_steps=2",)
"""A proof takes two of a critic's five turns: each is traced anew, and a third is no other than the second."""


def provable(name: str, *overrides: str) -> Recipe:
    """The small recipe, with fewer turns of a critic."""
    turns = load_recipe(name).model_dump().get("discriminator_steps", 1)
    return small(name, *overrides, *(FEWER_TURNS if turns > 2 else ()))


def dataset_of(name: str, request: pytest.FixtureRequest) -> Path:
    """The dataset that a recipe takes at its full size."""
    folder: Path = request.getfixturevalue(CATALOGUE[name].data)
    return folder


def small_dataset(name: str, request: pytest.FixtureRequest) -> str:
    """The dataset of a small recipe: digits stand for all images, one kind of pairs for all others."""
    kind = CATALOGUE[name].data.partition("_")[0]
    return str(request.getfixturevalue({"points": "points", "pairs": "pairs_16"}.get(kind, "digits")))


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
    system, _, _ = build(small(name))
    phases = tuple(phase.name for turn in system.turns for _ in range(turn.times) for phase in turn.phases)
    assert phases == CATALOGUE[name].phases


@proofs()
def test_each_phase_moves_its_player_and_nothing_else(name: str, request: pytest.FixtureRequest) -> None:
    """Weights and moving averages alike, on real examples."""
    recipe, data = provable(name), small_dataset(name, request)
    system, _, _ = build(recipe, data=data)
    reals = first_examples(open_dataset(data, recipe), 0, system.reals_per_batch)
    prove_phases_on(system, {kind: tf.constant(values) for kind, values in reals.items()})


@proofs(elsewhere=("curve-gan", "mnist-dcgan", "mnist-gan"))
def test_four_steps_are_two_and_two(name: str, request: pytest.FixtureRequest) -> None:
    """A system built anew from the checkpoint of step 2 ends at the same bits; test_resume.py and test_go_on.py have the
    others."""
    prove_resume(provable(name), small_dataset(name, request))


@proofs(elsewhere=("mnist-dcgan", "mnist-gan", "mnist-wgan", "mnist-wgan-gp"))
def test_two_replicas_train_as_one(name: str, request: pytest.FixtureRequest) -> None:
    """Two replicas with half the batch each report and reach what one does, up to rounding; test_step.py and test_critics.py
    have the others."""
    prove_replicas(replicable(provable(name, *CATALOGUE[name].calm)), small_dataset(name, request))


@pytest.mark.parametrize("name", ["curve-gan", "mnist-sgan", pytest.param("maps-pix2pix", marks=pytest.mark.evidence)])
def test_two_parts_train_as_two_replicas(name: str, request: pytest.FixtureRequest) -> None:
    """`accumulate: 2` reports and reaches what two replicas with half the batch each do, up to rounding."""
    prove_parts(small(name, *CATALOGUE[name].calm), small_dataset(name, request))


def start_short_training(name: str, request: pytest.FixtureRequest, out: Path) -> None:
    """Train two steps of `--short` at full size: networks, a grid, models and a checkpoint are there."""
    ran = gan_train("run", name, "--data", dataset_of(name, request), "-o", out, "--short", "--steps", "2", *UNSCORED)
    assert ran.code == 0, ran.err
    assert (out / "samples" / "step-00000002.png").exists()
    assert (out / "checkpoints" / "step-00000002" / "COMMIT").exists()


@pytest.mark.parametrize("name", ["curve-gan", "digit-classifier", "fashion-cgan", "mnist-dcgan"])
def test_a_short_training_of_full_size_starts(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    start_short_training(name, request, tmp_path / "run")


@pytest.mark.evidence
@EVERY
def test_every_short_training_of_full_size_starts(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    start_short_training(name, request, tmp_path / "run")


@EVERY
def test_a_short_training_is_planned(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Everything but the steps themselves: the dataset fits, the networks of `--short` are built."""
    ran = gan_train("run", name, "--data", dataset_of(name, request), "-o", tmp_path / "run", "--short", "--dry-run")
    assert ran.code == 0, ran.err


@EVERY
def test_a_short_training_has_fewer_steps(name: str) -> None:
    assert load_recipe(name, short=True).steps < load_recipe(name).steps or name == "curve-gan"
