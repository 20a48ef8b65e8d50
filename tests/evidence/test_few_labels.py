"""What the semi-supervised GAN makes of a hundred labels (spec D 5.9). About an hour.

It trains to step 7,200, from which the specification takes its classifier: a third of that gives 92 %, not the 93 % asked.
Accuracy moves by a percent or two from snapshot to snapshot, so the classifier is chosen as the specification does, by
its accuracy on training data, and then measured once on what was held out.
"""

import json
import statistics
from pathlib import Path

import pytest

from gan_pipeline.storage import open_folder
from gan_train.runs.saved_networks import CLASSIFIER, saved_steps
from tests.training.helpers import gan_train, prepare

pytestmark = pytest.mark.evidence

WINDOW = 200
"""Steps before a snapshot that its accuracy is taken from: 10,000 reals, whose labels nothing learned from."""


def best_step(run: Path) -> int:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]

    def on_training_data(step: int) -> float:
        return statistics.mean(row["d_real.class_accuracy"] for row in rows[step - WINDOW : step])

    steps = saved_steps(open_folder(str(run)), CLASSIFIER)
    print("\n" + ", ".join(f"step {step}: {on_training_data(step):.1%} of training data" for step in steps))
    return max(steps, key=on_training_data)


def test_a_hundred_labels_make_a_classifier(tmp_path: Path) -> None:
    """Of 1,000 digits that were held out; the labels alone make a worse one."""
    digits, run = prepare(tmp_path / "digits", "mnist", "--source", "sample", "--hold-out", "1000"), tmp_path / "run"
    ran = gan_train("run", "mnist-sgan", "--data", digits, "-o", run, "--steps", "7200")
    assert ran.code == 0, ran.err
    step = best_step(run)
    ran = gan_train("classify", run, "--data", digits, "--step", str(step), "--labels-alone", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    accuracy, alone = found["accuracy"], found["labels_alone"]["accuracy"]
    print(f"step {step}: {accuracy:.1%} with the GAN, {alone:.1%} by the labels alone")
    assert (found["split"], found["examples"]) == ("held-out", 1000)
    assert accuracy >= 0.93
    assert accuracy >= alone + 0.08
