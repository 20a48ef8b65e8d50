"""A run logs at each snapshot how varied its own samples are, and which classes appear."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gan_core.storage import open_folder
from gan_train.data.dataset import open_dataset
from gan_train.data.reader import first_examples
from gan_train.extractors.classifier import packaged_classifier
from gan_train.logs.metrics_log import read_metrics
from gan_train.metrics.classes import predicted_classes
from gan_train.sampling.generator import saved_generator
from gan_train.sampling.snapshots import fixed_inputs


def test_diversity_and_classes_are_those_of_the_samples_shown(trained: Path, digits: Path) -> None:
    saved = saved_generator(str(trained), 6)
    reals = first_examples(open_dataset(str(digits), saved.recipe), saved.recipe.seed, 9)
    made = saved.images(fixed_inputs(saved.run, saved.recipe))
    told = list(read_metrics(saved.run))[-1]

    def nearest(images: NDArray[np.uint8]) -> float:
        flat = images.reshape(9, -1).astype(float)
        apart = np.linalg.norm(flat[:, None] - flat[None], axis=2) + np.diag([np.inf] * 9)
        return float(apart.min(axis=1).mean())

    assert told["snapshot.diversity"] == pytest.approx(nearest(made) / nearest(reals["image"]), rel=1e-6)
    predicted = predicted_classes(packaged_classifier("digits").extract(made).probabilities)
    assert told["snapshot.classes_of_reals"] == len(set(reals["label"].tolist()))
    assert told["snapshot.classes"] == len(set(predicted.tolist()) & set(reals["label"].tolist()))


def test_where_no_classifier_knows_the_classes_none_are_counted(pix2pix_run: Path) -> None:
    told = list(read_metrics(open_folder(pix2pix_run)))[-1]
    assert not [name for name in told if "classes" in name]
