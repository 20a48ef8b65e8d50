"""precision=auto: chosen where a run begins, written down, kept wherever it goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
import yaml

from gan_train.recipe.document import load_recipe
from tests.support.commands import Ran
from tests.support.runs import SMALL, gan_train

AUTO = (*SMALL, "--set", "precision=auto", "--set", "checkpoint_every=2")


@contextmanager
def machine_for(precision: str) -> Iterator[None]:
    """A machine whose best precision is this one."""
    with mock.patch("gan_train.numerics.precision.default_precision", return_value=precision):
        yield


def run(digits: Path, out: Path, *options: str) -> Ran:
    return gan_train("run", "mnist-gan", "--data", digits, "-o", out, *AUTO, *options)


@pytest.fixture(scope="module")
def begun(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps of a run that a machine for bfloat16 began."""
    out = tmp_path_factory.mktemp("precision") / "run"
    with machine_for("bfloat16"):
        ran = run(digits, out, "--steps", "2")
    assert ran.code == 0, ran.err
    return out


def recorded(out: Path) -> str:
    recipe = yaml.safe_load((out / "recipe.yaml").read_text())
    return str(recipe["precision"])


def test_every_recipe_of_the_package_leaves_the_choice_to_the_machine() -> None:
    assert yaml.safe_load(gan_train("show", "mnist-gan").out)["precision"] == "auto"
    assert load_recipe("mnist-lsgan").precision == "auto"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_dry_run_says_what_a_new_run_would_take(precision: str, digits: Path, tmp_path: Path) -> None:
    with machine_for(precision):
        assert f"precision: {precision}\n" in run(digits, tmp_path / "new", "--dry-run").out
    assert f"precision: {precision}\n" in run(digits, tmp_path / "new", "--dry-run", "--set", f"precision={precision}").out


def test_another_machine_goes_on_in_the_precision_of_the_first(begun: Path, digits: Path) -> None:
    assert recorded(begun) == "bfloat16"
    with machine_for("float32"):
        assert "precision: bfloat16\n" in run(digits, begun, "--dry-run").out
        ran = run(digits, begun, "--steps", "4")
    assert ran.code == 0, ran.err
    assert recorded(begun) == "bfloat16"
    assert (begun / "checkpoints" / "step-00000004").is_dir()


def test_another_precision_is_refused_and_the_same_by_name_is_not(begun: Path, digits: Path) -> None:
    refused = run(digits, begun, "--dry-run", "--set", "precision=float32")
    assert refused.code == 2
    assert "precision: bfloat16 -> float32" in refused.err
    with machine_for("float32"):
        assert run(digits, begun, "--dry-run", "--set", "precision=bfloat16").code == 0
