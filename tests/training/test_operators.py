"""A training tells its numbers to Prometheus, and its messages as JSON."""

import json
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gan_core.errors import DataError, DivergenceError, FailedRunError, GanmillError, InterruptedRunError
from gan_train.data.dataset import Dataset
from gan_train.logs.oversight import Oversight
from gan_train.logs.prometheus import prometheus
from gan_train.recipe.document import load_recipe
from tests.core.test_operators import messages, numbers
from tests.support.runs import SMALL, gan_train


def test_a_training_tells_its_numbers_and_speaks_json(digits: Path, tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "train.prom"
    command = ("run", "mnist-dcgan", "--data", digits, "-o", run, *SMALL, "--set", "checkpoint_every=3", "--steps", "4")
    ran = gan_train("--log-format", "json", *command, "--metrics-file", file)
    assert ran.code == 0, ran.err
    found, row = numbers(file.read_text()), json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert [found[f"ganmill_train_{name}"] for name in ("step", "steps", "checkpoint_step", "rollbacks")] == [4, 4, 4, 0]
    assert found["ganmill_train_skipped_examples"] == 0
    losses = {name: value for name, value in found.items() if name.startswith("ganmill_train_loss")}
    assert losses == {f"ganmill_train_loss{{phase={phase}}}": row[f"{phase}.loss"] for phase in ("d_real", "d_fake", "g")}
    assert found["ganmill_train_images_per_second"] == row["images_per_second"]
    assert found["ganmill_train_steps_per_second"] == row["images_per_second"] / 16
    committed = (run / "checkpoints" / "step-00000004" / "COMMIT").stat().st_mtime
    assert abs(found["ganmill_train_checkpoint_time_seconds"] - committed) < 60
    assert found["ganmill_train_state{ganmill_train_state=finished}"] == 1
    last = messages(ran)[-1]
    assert last["program"] == "gan-train" and last["fields"]["step"] == last["fields"]["completed"] == 4
    assert last["fields"]["g.loss"] == row["g.loss"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (DivergenceError("d.loss is nan"), "diverged"),
        (FailedRunError("mode collapse"), "failed"),
        (InterruptedRunError("stopped"), "interrupted"),
        (DataError("damaged"), "error"),
        (None, "finished"),
    ],
)
def test_the_end_of_a_training_is_its_last_state(tmp_path: Path, error: Exception | None, state: str) -> None:
    file = tmp_path / "train.prom"
    dataset = cast(Dataset, SimpleNamespace(skipped_examples=7))
    with suppress(GanmillError), prometheus(Oversight(metrics_file=str(file)), load_recipe("mnist-dcgan"), dataset) as writer:
        assert writer
        writer.write_start(30, rollbacks=2)
        found = numbers(file.read_text())
        assert found["ganmill_train_state{ganmill_train_state=training}"] == 1
        if error:
            raise error
    found = numbers(file.read_text())
    assert [found[f"ganmill_train_{name}"] for name in ("step", "rollbacks", "skipped_examples")] == [30, 2, 7]
    states = {name: value for name, value in found.items() if name.startswith("ganmill_train_state") and value}
    assert states == {f"ganmill_train_state{{ganmill_train_state={state}}}": 1}
