"""The semi-supervised GAN learns to classify digits from a hundred labels.

Source: Brownlee, Generative Adversarial Networks with Python, ch. 20.
Takes about half an hour.
"""

import json
from pathlib import Path

import pytest

from tests.support.runs import gan_train
from tests.support.training_data import prepare

pytestmark = pytest.mark.evidence


def test_a_hundred_labels_make_a_classifier(tmp_path: Path) -> None:
    """Accuracy is measured on 1,000 digits that were held out; a classifier trained on the labels alone is worse."""
    digits, run = prepare(tmp_path / "digits", "mnist", "--source", "sample", "--hold-out", "1000"), tmp_path / "run"
    ran = gan_train("run", "mnist-sgan", "--data", digits, "-o", run, "--short")
    assert ran.code == 0, ran.err
    ran = gan_train("classify", run, "--data", digits, "--labels-alone", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    accuracy, alone = found["accuracy"], found["labels_alone"]["accuracy"]
    print(f"\nstep {found['step']}: {accuracy:.1%} with the GAN, {alone:.1%} by the labels alone")
    assert (found["split"], found["examples"]) == ("held-out", 1000)
    assert accuracy >= 0.93
    assert accuracy >= alone + 0.08
