"""A recipe that is allowed but seldom meant is warned of; layers it names must exist in its networks."""

import json
from pathlib import Path

import pytest

from tests.support.commands import Argument, Ran
from tests.support.runs import SMALL, gan_train

JOINT = "discriminator_batch=joint"


def run(digits: Argument, out: Path, *overrides: str, options: tuple[str, ...] = ()) -> Ran:
    sets = [part for override in overrides for part in ("--set", override)]
    return gan_train("run", "mnist-gan", "--data", digits, "-o", out, *SMALL, *sets, *options)


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_an_unknown_layer_is_refused_with_the_known_ones(options: tuple[str, ...], digits: Path, tmp_path: Path) -> None:
    ran = run(digits, tmp_path / "run", "penalties={clip: {limit: 0.01, layers: [down_1, down_9]}}", options=options)
    assert ran.code == 2
    assert "'down_9'" in ran.err and "down_1, down_2, score" in ran.err
    assert not (tmp_path / "run").exists()


UNBOUNDED, ABOVE_ONE, NOT_ALONE = "nothing bounds the critic", "labels above 1", "each example on its own"


CLIP = "penalties={clip: {limit: 0.01, layers: [score]}}"


@pytest.mark.parametrize(
    ("overrides", "warnings"),
    [
        (["penalties={clip: {limit: 0.01, layers: [down_1]}}", "precision=bfloat16"], ["breaks down in it; use float32"]),
        ([], []),
        (["loss=wasserstein"], [UNBOUNDED]),
        (["loss=wasserstein", "penalties={orthogonal: {weight: 1}}", JOINT], [UNBOUNDED]),
        (["loss=wasserstein", CLIP], []),
        (["loss=wasserstein", "penalties={gradient: {}}", JOINT], []),
        (["loss=wasserstein", "penalties={r1: {gamma: 1}}", JOINT], []),
        (["loss=wasserstein", "discriminator.spectral_norm=true"], []),
        (["labels={real: [0.7, 1.2]}"], [ABOVE_ONE]),
        (["loss=minimax", "labels={fake: [0.7, 1.2]}"], [ABOVE_ONE]),
        (["labels={real: [0.7, 1.0]}"], []),
        (["loss=least-squares", "labels={real: [0.7, 1.2]}"], []),
        (["penalties={gradient: {}}", JOINT, "discriminator.batch_norm={}"], [NOT_ALONE]),
        (["penalties={dragan: {}}", JOINT, "discriminator.batch_norm={}"], [NOT_ALONE]),
        (["penalties={r1: {gamma: 1}}", JOINT, "discriminator.batch_norm={}"], []),
        (["penalties={gradient: {}}", JOINT, "generator.batch_norm={}"], []),
    ],
)
def test_a_plan_says_what_is_seldom_meant(overrides: list[str], warnings: list[str], digits: Path, tmp_path: Path) -> None:
    ran = run(digits, tmp_path / "run", *overrides, options=("--dry-run", "--json"))
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)["warnings"]
    assert len(said) == len(warnings) and all(words in text for words, text in zip(warnings, said, strict=True)), said


def test_a_run_warns_on_stderr_and_trains(digits: Path, tmp_path: Path) -> None:
    overrides = (JOINT, "discriminator.batch_norm={}", "penalties={gradient: {}}", "labels={real: [0.7, 1.2]}")
    ran = run(digits, tmp_path / "run", *overrides, options=("--steps", "1", "--json"))
    assert ran.code == 0, ran.err
    warned = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
    assert len(warned) == 2 and ABOVE_ONE in warned[0] and NOT_ALONE in warned[1]
    assert json.loads(ran.out)["step"] == 1
