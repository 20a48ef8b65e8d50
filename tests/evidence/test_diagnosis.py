"""The confusion table of diagnosis: trainings of known ends, judged at every window. About an hour.

The stable GAN and its three impaired twins on five seeds each, and the catalogue's other recipes of the packaged digits.
"""

from collections import defaultdict
from pathlib import Path

import pytest

from gan_core.storage import open_folder
from gan_train.logs.verdict import Verdict, read_verdicts
from tests.support.confusion import confusion, endings, told
from tests.support.runs import gan_train
from tests.support.training_data import prepare

SEEDS = range(5)

FAILING = {
    "mnist-dcgan-collapse": "mode-collapse",
    "mnist-dcgan-mixed": "mixed-statistics",
    "mnist-dcgan-adam": "too-aggressive",
}
CATALOGUE = {
    "mnist-wgan": ("sevens", 970),
    "mnist-wgan-gp": ("sevens", 600),
    "mnist-infogan": ("digits", 1000),
    "mnist-sgan": ("digits", 900),
    "curve-gan": ("parabola", 4000),
}
"""Dataset and steps: those at which the thresholds were measured, or the first of them."""

pytestmark = pytest.mark.evidence


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged digits, all of them, sevens and eights; and points of a parabola."""
    folder = tmp_path_factory.mktemp("evidence")
    prepare(folder / "digits", "mnist", "--source", "sample")
    prepare(folder / "parabola", "curve")
    for name, digit in (("sevens", "7"), ("eights", "8")):
        prepare(folder / name, "mnist", "--source", "sample", "--classes", digit)
    return folder


def verdicts_on(recipe: str, data: Path, out: Path, steps: int, seed: int = 0) -> list[Verdict]:
    """Those that the run itself came to."""
    schedule = ("--steps", str(steps), "--set", "snapshot_every=45", "--set", f"seed={seed}")
    ran = gan_train("run", recipe, "--data", data, "-o", out, *schedule)
    assert ran.code == 0, ran.err
    return read_verdicts(open_folder(str(out)))


def test_every_impaired_run_has_its_own_name_and_no_stable_one_is_accused(data: Path, tmp_path: Path) -> None:
    runs: dict[str, list[list[Verdict]]] = defaultdict(list)
    for recipe in ("mnist-dcgan", *FAILING):
        for seed in SEEDS:
            runs[recipe].append(verdicts_on(recipe, data / "eights", tmp_path / f"{recipe}-{seed}", 450, seed))
    for recipe, (dataset, steps) in CATALOGUE.items():
        runs[recipe].append(verdicts_on(recipe, data / dataset, tmp_path / recipe, steps))
    print(f"\n{told('at every judgement', confusion(runs))}\n\n{told('at the end', endings(runs))}")
    for recipe, of_recipe in runs.items():
        after_warm_up = [verdict for verdicts in of_recipe for verdict in verdicts if verdict.kind != "warming-up"]
        if recipe in FAILING:
            assert {verdicts[-1].kind for verdicts in of_recipe} == {FAILING[recipe]}
            assert {verdict.kind for verdict in after_warm_up if verdict.failing} == {FAILING[recipe]}
        else:
            assert not [verdict for verdict in after_warm_up if verdict.failing]
