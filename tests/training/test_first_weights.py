"""A new run begins with the weights of another one: by name and shape, told, recorded, frozen where asked, exact on resume."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gan_train import train
from tests.support.commands import Argument, Ran
from tests.support.runs import SMALL, assert_same_checkpoint, gan_train, saved_variables

EVERY = ("--set", "snapshot_every=4", "--set", "checkpoint_every=2", "--steps", "4")
AVERAGE = ("--set", "average={half_life_images: 100}")


@pytest.fixture(scope="module")
def parent(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 steps of a small mnist-dcgan with a moving average, checkpoints at 2 and 4. Not to be changed."""
    out = tmp_path_factory.mktemp("first") / "parent"
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", out, *SMALL, *EVERY, *AVERAGE)
    assert ran.code == 0, ran.err
    return out


def child(digits: Path, out: Path, *options: Argument, recipe: str = "mnist-dcgan") -> Ran:
    return gan_train("run", recipe, "--data", digits, "-o", out, *SMALL, *EVERY, *options)


POINTS = tuple(
    part for key in ("batch_size=16", "sample_images=9", "precision=float32", "steps_per_call=2") for part in ("--set", key)
)


@pytest.fixture(scope="module")
def old(points: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 steps of curve-gan, which is quick to build, checkpoints at 2 and 4. Not to be changed."""
    out = tmp_path_factory.mktemp("first") / "old"
    ran = new(points, out)
    assert ran.code == 0, ran.err
    return out


def new(points: Path, out: Path, *options: Argument) -> Ran:
    return gan_train("run", "curve-gan", "--data", points, "-o", out, *POINTS, *EVERY, *options)


def record(run: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((run / "run.json").read_text())
    return loaded


def of_networks(values: dict[str, NDArray[Any]], *players: str) -> dict[str, NDArray[Any]]:
    return {name: value for name, value in values.items() if name.startswith(players) and "/optimizer/" not in name}


def of_optimizers(values: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: value for name, value in values.items() if "/optimizer/" in name and not name.endswith("learning_rate")}


def assert_equal(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    assert one.keys() == other.keys() and one
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_all_weights_statistics_and_averages_are_taken(parent: Path, digits: Path, tmp_path: Path) -> None:
    """Those of the step that was asked for; under other learning rates; optimizers begin anew."""
    out = tmp_path / "run"
    rate = ("--set", "generator.optimizer.learning_rate=0.001")
    ran = child(digits, out, "--init-from", f"{parent}@2", *AVERAGE, *rate)
    assert ran.code == 0, ran.err
    before, after = saved_variables(parent, 2), saved_variables(out, 0)
    networks = ("generator/", "discriminator/", "average/")
    assert_equal(of_networks(before, *networks), of_networks(after, *networks))
    assert any("moving_mean" in name for name in of_networks(after, "generator/"))
    assert all(not np.any(value) for value in of_optimizers(after).values())
    (ancestor,) = record(out)["ancestry"]
    commit = json.loads((parent / "checkpoints" / "step-00000002" / "COMMIT").read_text())
    expected = {"run": str(parent), "recipe": "mnist-dcgan", "step": 2, "run_digest": commit["run"], "left": []}
    expected |= {"variables": commit["files"]["variables"], "players": ["generator", "discriminator"], "optimizers": []}
    assert ancestor == expected | {"taken": len(of_networks(after, *networks))}
    assert f"{ancestor['taken']} variables from {parent} at step 2 (mnist-dcgan): generator, discriminator" in ran.err


def test_optimizers_are_taken_whole(old: Path, points: Path, tmp_path: Path) -> None:
    """Slots and counts, of the newest checkpoint by default; the learning rate stays that of the new recipe."""
    out = tmp_path / "run"
    rate = ("--set", "generator.optimizer.learning_rate=0.01")
    ran = new(points, out, "--init-from", old, "--init-optimizers", *rate)
    assert ran.code == 0, ran.err
    assert_equal(of_optimizers(saved_variables(old, 4)), of_optimizers(saved_variables(out, 0)))
    counts = [value for name, value in saved_variables(out, 0).items() if name.endswith("/iteration")]
    assert sorted(int(count) for count in counts) == [4, 8]
    assert record(out)["ancestry"][0]["optimizers"] == ["generator", "discriminator"]
    rates = {name: value for name, value in saved_variables(out, 4).items() if name.endswith("generator_adam/learning_rate")}
    assert list(rates.values()) == [np.float32(0.01)]


def test_an_average_that_the_parent_does_not_have_begins_as_a_copy(parent: Path, digits: Path, tmp_path: Path) -> None:
    plain, out = tmp_path / "plain", tmp_path / "run"
    assert child(digits, plain, "--init-from", parent).code == 0
    assert "average: only there" in record(plain)["ancestry"][0]["left"]
    assert child(digits, out, "--init-from", f"{plain}@0", *AVERAGE).code == 0
    first = saved_variables(out, 0)
    for name, value in of_networks(first, "average/").items():
        np.testing.assert_array_equal(value, first[name.replace("average/", "generator/", 1)], err_msg=name)
    assert [one["run"] for one in record(out)["ancestry"]] == [str(plain), str(parent)]


def test_one_player_alone(old: Path, points: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ran = new(points, out, "--init-from", old, "--init-players", "discriminator", "--set", "seed=3")
    assert ran.code == 0, ran.err
    before, after = saved_variables(old, 4), saved_variables(out, 0)
    assert_equal(of_networks(before, "discriminator/"), of_networks(after, "discriminator/"))
    kernels = [name for name in before if name.startswith("generator/") and name.endswith("/kernel")]
    assert kernels and not any(np.array_equal(before[name], after[name]) for name in kernels)
    assert record(out)["ancestry"][0]["players"] == ["discriminator"]


def test_what_does_not_fit_is_named(old: Path, points: Path, tmp_path: Path) -> None:
    """Another width: variables of the same shape are taken, each other one is told; no optimizer is taken in part."""
    out = tmp_path / "run"
    ran = new(points, out, "--init-from", old, "--init-optimizers", "--set", "discriminator.units=20")
    assert ran.code == 0, ran.err
    (ancestor,) = record(out)["ancestry"]
    assert "discriminator/hidden/kernel: shape (2, 25) there, (2, 20) here" in ancestor["left"]
    assert "discriminator/optimizer: not all weights of its player were taken" in ancestor["left"]
    assert ancestor["optimizers"] == ["generator"]
    assert "not taken: discriminator/hidden/kernel: shape (2, 25) there, (2, 20) here\n" in ran.err
    before, after = saved_variables(old, 4), saved_variables(out, 0)
    np.testing.assert_array_equal(before["discriminator/score/bias"], after["discriminator/score/bias"])
    assert all(not np.any(value) for name, value in of_optimizers(after).items() if name.startswith("discriminator/"))


def test_another_rule_takes_no_slots(old: Path, points: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    rule = "generator.optimizer={kind: rmsprop, learning_rate: 0.001}"
    ran = new(points, out, "--init-from", old, "--init-optimizers", "--set", rule)
    assert ran.code == 0, ran.err
    assert record(out)["ancestry"][0]["optimizers"] == ["discriminator"]
    (line,) = record(out)["ancestry"][0]["left"]
    assert line.startswith("generator/optimizer: ") and line.endswith("not there")


def moved(run: Path, before: int, after: int) -> set[str]:
    one, other = saved_variables(run, before), saved_variables(run, after)
    return {name for name in one if not np.array_equal(one[name], other[name])}


@pytest.mark.parametrize("more", [(), ("--set", "discriminator.spectral_norm=true", "--set", "precision=bfloat16")])
def test_frozen_layers_do_not_move(parent: Path, digits: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    """Neither weights nor statistics nor singular vectors, and there are no slots for them; all others move."""
    out = tmp_path / "run"
    frozen = ("--freeze", "discriminator.down_1..2", "--freeze", "generator.project", *AVERAGE)
    ran = child(digits, out, "--init-from", parent, "--init-optimizers", *frozen, *more)
    assert ran.code == 0, ran.err
    variables = saved_variables(out, 4)
    networks = of_networks(variables, "generator/", "discriminator/")
    held = {name for name in networks if "/down_" in name or "/project" in name}
    assert any("moving_mean" in name for name in held)
    assert not any("optimizer" in name and ("down_1" in name or "down_2" in name or "project" in name) for name in variables)
    trained = {name for name in networks if name.endswith("/kernel")} - held
    changed = moved(out, 0, 4)
    assert not changed & held and trained <= changed
    if not more:
        assert record(out)["ancestry"][0]["optimizers"] == ["generator", "discriminator"]


def test_a_clipped_frozen_layer_stays_as_it_is(digits: Path, tmp_path: Path) -> None:
    wgan, out = tmp_path / "wgan", tmp_path / "run"
    one_turn = ("--set", "discriminator_steps=1")
    assert child(digits, wgan, *one_turn, "--set", "penalties={clip: null}", recipe="mnist-wgan").code == 0
    clip = ("--set", "penalties={clip: {limit: 0.0001, layers: [down_1, down_2]}}")
    options = ("--init-from", wgan, "--freeze", "discriminator.down_1", *clip, *one_turn)
    ran = child(digits, out, *options, recipe="mnist-wgan")
    assert ran.code == 0, ran.err
    kernels = {name: value for name, value in saved_variables(out, 4).items() if name.endswith("/kernel")}
    (one,) = (value for name, value in kernels.items() if "down_1/" in name)
    (two,) = (value for name, value in kernels.items() if "down_2/" in name)
    assert np.abs(one).max() > 0.001 > np.abs(two).max()


def test_an_initialised_run_is_continued_bit_for_bit(old: Path, points: Path, tmp_path: Path) -> None:
    """Also before its first checkpoint, and without the parent once it has begun; its first weights stay for a rollback."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    options = ("--init-from", old, "--init-optimizers", "--freeze", "discriminator.hidden", "--keep", "last=1")
    for out in (whole, cut):
        assert new(points, out, *options).code == 0
    assert sorted(path.name for path in (whole / "checkpoints").iterdir()) == ["step-00000000", "step-00000004"]
    shutil.rmtree(cut / "checkpoints" / "step-00000004")
    ran = gan_train("run", "--resume", cut)
    assert ran.code == 0, ran.err
    assert_same_checkpoint(whole, cut, 4)
    # Killed between its record and its first checkpoint: the weights are taken again, from the step on record.
    shutil.rmtree(cut / "checkpoints")
    assert gan_train("run", "--resume", cut).code == 0
    assert_same_checkpoint(whole, cut, 4)
    assert new(points, cut, *options).out.startswith("already done")


def test_a_parent_that_changed_since_is_noticed(old: Path, points: Path, tmp_path: Path) -> None:
    """A run that was killed before its first checkpoint needs the very checkpoint that its record names."""
    copy, out = tmp_path / "copy", tmp_path / "run"
    shutil.copytree(old, copy)
    assert new(points, out, "--init-from", copy).code == 0
    shutil.rmtree(out / "checkpoints")
    shutil.rmtree(copy)
    assert new(points, copy, "--set", "generator.optimizer.learning_rate=0.01").code == 0
    ran = gan_train("run", "--resume", out)
    assert ran.code == 3 and "whose checkpoint has changed since" in ran.err


def test_statistics_are_taken_with_the_rest_of_their_layer_only(parent: Path, digits: Path, tmp_path: Path) -> None:
    """The count of updates has no shape that could differ; beside other moving averages it would make them wrong."""
    ran = child(
        digits, tmp_path / "run", "--init-from", parent, *AVERAGE, "--set", "generator.filters=[5, 5]", "--dry-run", "--json"
    )
    assert ran.code == 0, ran.err
    left = json.loads(ran.out)["not_taken"]
    for network in ("generator", "average"):
        statistics = [line for line in left if line.startswith(f"{network}/up_1_normalised/")]
        assert len(statistics) == 5, left
        assert f"{network}/up_1_normalised/updates: the rest of its layer does not fit" in statistics


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--init-from", "{old}@3"), 2, "no checkpoint of that step; there are: 2, 4"),
        (("--init-from", "{tmp}/nothing"), 3, "no recipe.yaml here"),
        (("--init-from", "{old}", "--init-players", "critic"), 2, "no such player; choose from: generator, discriminator"),
        (("--init-optimizers",), 2, "say what --init-from RUN takes"),
        (("--freeze", "critic.down_1"), 2, "no player 'critic'"),
        (("--freeze", "discriminator.down_9"), 2, "no layer 'down_9' with weights; choose from: hidden, score"),
        (("--freeze", "discriminator.down_3..1"), 2, "the first number is the larger one"),
        (("--freeze", "down_1"), 2, "write PLAYER.LAYER or PLAYER.LAYER_1..3 (got 'down_1')"),
        (("--freeze", "discriminator.hidden", "--freeze", "discriminator.score"), 2, "nothing of discriminator is left"),
    ],
)
def test_a_wrong_option_is_refused(
    old: Path, points: Path, tmp_path: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    ran = new(points, tmp_path / "run", *(part.format(old=old, tmp=tmp_path) for part in options))
    assert ran.code == code and words in ran.err, ran.err
    assert "Traceback" not in ran.err and not (tmp_path / "run" / "recipe.yaml").exists()


def test_a_plan_says_what_would_be_taken(old: Path, points: Path, tmp_path: Path) -> None:
    other = ("--freeze", "generator.hidden", "--set", "discriminator.units=20", "--dry-run", "--json")
    ran = new(points, tmp_path / "run", "--init-from", f"{old}@2", *other)
    assert ran.code == 0, ran.err
    plan = json.loads(ran.out)
    assert plan["first_weights"] == f"{old} at step 2 (curve-gan): generator, discriminator"
    assert plan["frozen"] == ["generator.hidden"]
    assert any(line.startswith("discriminator/hidden/kernel: shape") for line in plan["not_taken"])
    assert not (tmp_path / "run").exists()


def test_how_a_run_began_cannot_change(old: Path, trained: Path, points: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert new(points, out, "--init-from", old).code == 0
    for name, words in ((trained, f"began from {old}@4; leave --init-from out"), (f"{old}@2", f"began from {old}@4")):
        ran = new(points, out, "--init-from", name, "--steps", "6")
        assert ran.code == 2 and words in ran.err
    ran = new(points, old, "--init-from", out, "--steps", "6")
    assert ran.code == 2 and "began without --init-from" in ran.err
    for option in ("--init-from", "--freeze"):
        ran = gan_train("run", "--resume", out, option, "x.y")
        assert ran.code == 2 and f"{option} chooses how a run begins" in ran.err


def test_a_run_of_which_nothing_fits_is_refused(trained: Path, points: Path, tmp_path: Path) -> None:
    """The generator of curve-gan shares no layer with that of an image GAN."""
    first = ("--init-from", trained, "--init-players", "generator")
    ran = gan_train("run", "curve-gan", "--data", points, "-o", tmp_path / "run", "--steps", "2", *first)
    assert ran.code == 2 and f"--init-from {trained}: nothing of it fits this recipe (" in ran.err


def test_pages_and_commands_show_the_ancestry(old: Path, points: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    keys = {"batch_size": 16, "sample_images": 9, "precision": "float32", "snapshot_every": 2, "checkpoint_every": 2}
    run = train("curve-gan", points, first, overrides=keys, steps=2, init_from=str(old), freeze=["discriminator.hidden"])
    assert run.recipe.freeze == ("discriminator.hidden",)
    assert new(points, second, "--init-from", first, "--init-players", "generator").code == 0
    assert gan_train("report", second).code == 0
    page = (second / "report.html").read_text()
    assert "First weights" in page and f"{first} at step 2 (curve-gan): generator" in page
    assert f"{old} at step 4 (curve-gan): generator, discriminator" in page
    assert f"--init-from {first}@2 --init-players generator" in page
    ran = gan_train("diagnose", second)
    assert f"first weights: {first} at step 2 (curve-gan): generator; those of {old} at step 4" in ran.out
    ancestry = json.loads(gan_train("diagnose", second, "--json").out)["ancestry"]
    assert [(one["run"], one["step"]) for one in ancestry] == [(str(first), 2), (str(old), 4)]
    ran = gan_train("compare", second, old, "-o", tmp_path / "compare.html", "--json")
    differences = json.loads(ran.out)["differences"]
    assert differences["first weights"]["old"] == "random" and str(first) in differences["first weights"]["second"]
