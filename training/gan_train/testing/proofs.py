"""The proofs: phases, resume and replicas."""

import tempfile
from typing import Any

import numpy as np
import tensorflow as tf

from gan_core.storage import LocalFolder
from gan_train.numerics.randomness import Draw
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import check_recipe, dump_recipe, flatten
from gan_train.runs.checkpoint import restore_checkpoint, save_checkpoint
from gan_train.runs.layout import RECIPE
from gan_train.systems.base import Phase, System
from gan_train.systems.step import metric_names, run_phase
from gan_train.testing.training import build, random_chunk, step_number, values_of

_RELATIVE, _ABSOLUTE = 1e-3, 1e-4
"""Tolerances between one replica and two, which add the same numbers in another order."""


def prove_system(recipe: Recipe, data: str | None = None) -> None:
    """All proofs in turn; see each for what it proves.

    Args:
        recipe: a recipe with small networks and precision float32; its batch size must be a multiple of 4.
        data: a dataset folder, for a system that fills its state from the dataset before the first step.

    Raises:
        AssertionError: a proof fails.
    """
    prove_phases(recipe, data)
    prove_resume(recipe, data)
    prove_replicas(replicable(recipe), data)
    prove_parts(recipe, data)


def prove_phases(recipe: Recipe, data: str | None = None) -> None:
    """Prove that each phase moves weights of its own player and of no other, and that each of its weights but biases moves.

    A weight behind a gain that starts at 0 has no gradient at first, so it may take a second update to move.
    """
    system, strategy, _ = build(recipe, data=data)
    chunk = random_chunk(recipe, system, strategy, 1)
    prove_phases_on(system, {name: values[0, 0] for name, values in chunk.items()})


def prove_phases_on(system: System, batch: dict[str, tf.Tensor]) -> None:
    """The same proof for a built system and a batch of real examples."""
    for turn in system.turns:
        batch = turn.prepare(batch, Draw(0, step_number(0), 200, 0, 1)) if turn.prepare else batch
    variables = {id(variable): variable for player in system.players.values() for variable in player.network.variables}

    def moved_by(phase: Phase, number: int) -> set[int]:
        before = {key: variable.numpy() for key, variable in variables.items()}
        run_phase(system, phase, batch, Draw(0, step_number(0), number, 0, 1), step_number(0))
        return {key for key, variable in variables.items() if not np.array_equal(before[key], variable.numpy())}

    phases = [phase for turn in system.turns for _ in range(turn.times) for phase in turn.phases]
    for number, phase in enumerate(phases):
        player, moved = system.players[phase.player], moved_by(phase, number)
        kept = {id(variable) for variable in player.variables if "bias" not in variable.path}
        if kept - moved and not phase.partial:
            moved |= moved_by(phase, len(phases) + number)
        foreign = moved - {id(variable) for variable in player.network.variables}
        assert not foreign, f"phase {phase.name} moves {sorted(variables[key].path for key in foreign)} of another player"
        still = kept - moved
        assert phase.partial or not still, f"phase {phase.name} leaves {sorted(variables[key].path for key in still)} as it is"


def prove_resume(recipe: Recipe, data: str | None = None) -> None:
    """Prove that two steps, a checkpoint, and two steps of a system built anew from it end at the bits of four steps.

    The four steps are taken by two calls on one chunk, the last two by a call on a chunk of their own.
    """
    system, strategy, run = build(recipe, data=data)
    chunk = random_chunk(recipe, system, strategy, 4)
    second = {name: values[2:] for name, values in chunk.items()}
    run(chunk, tf.constant(0), step_number(0), tf.constant(2))
    with tempfile.TemporaryDirectory() as folder:
        saved = LocalFolder(folder)
        saved.write(RECIPE, dump_recipe(recipe).encode())
        save_checkpoint(saved, system, 2, "digest")
        metrics = run(chunk, tf.constant(2), step_number(2), tf.constant(2)).numpy()
        assert np.all(np.isfinite(metrics)), "a metric is not finite"
        resumed, _, continue_run = build(recipe)
        restore_checkpoint(saved, resumed, 2, "digest")
    resumed_metrics = continue_run(second, tf.constant(0), step_number(2), tf.constant(2)).numpy()
    np.testing.assert_array_equal(resumed_metrics, metrics, err_msg="metrics after a resume")
    after, expected = values_of(resumed), values_of(system)
    assert after.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(after[name], value, err_msg=f"{name} after a resume; does the system's state hold it?")


def prove_replicas(recipe: Recipe, data: str | None = None) -> None:
    """Prove that two replicas with half the batch each report and reach what one does, up to rounding.

    Args:
        recipe: one that `replicable` gives.
        data: as in `prove_system`.
    """
    _assert_alike(_trained(recipe, 1, data), _trained(recipe, 2, data), "on one and on two replicas")


def prove_parts(recipe: Recipe, data: str | None = None) -> None:
    """Prove that `accumulate: 2` reports and reaches what two replicas do, up to rounding, with its batch statistics of parts.

    So it is the update of the whole batch wherever `prove_replicas` holds without statistics of batches.
    """
    separate = replicable(recipe, synchronized=False)
    in_parts = check_recipe(separate.model_dump(mode="json") | {"accumulate": 2}, recipe.name)
    _assert_alike(_trained(separate, 2, data), _trained(in_parts, 1, data), "on two replicas and in two parts")


def _trained(recipe: Recipe, replicas: int, data: str | None) -> dict[str, Any]:
    """The metrics of two steps, and the values of all variables after them, by name."""
    system, strategy, run = build(recipe, replicas, data)
    metrics = run(random_chunk(recipe, system, strategy, 2), tf.constant(0), step_number(0), tf.constant(2)).numpy()
    return dict(zip(metric_names(system), metrics.T, strict=True)) | values_of(system)


def _assert_alike(one: dict[str, Any], other: dict[str, Any], ways: str) -> None:
    for name, values in one.items():
        np.testing.assert_allclose(other[name], values, rtol=_RELATIVE, atol=_ABSOLUTE, err_msg=f"{name} {ways}")


def replicable(recipe: Recipe, synchronized: bool = True) -> Recipe:
    """The recipe with numbers that do not depend on how many replicas share them, up to rounding.

    Statistics of batches become those of the global batch, or with `synchronized=False` those of each replica. Optimizers
    become plain gradient descent: Adam's first steps would turn a difference in rounding into one of sign.
    """
    document = recipe.model_dump(mode="json")
    for path in {key.rpartition(".")[0] for key in flatten(document)}:
        *parents, last = path.split(".")
        section: Any = document
        for parent in parents:
            section = section[parent]
        if last.endswith("optimizer"):
            section[last] = {"kind": "sgd", "learning_rate": 0.001}
        elif last.endswith("batch_norm"):
            section[last]["synchronized"] = synchronized
    return check_recipe(document, recipe.name)
