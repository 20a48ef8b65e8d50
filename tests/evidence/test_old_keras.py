"""Older versions of Keras read the networks of a run and compute the same. Installs them from the package index."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.runs import SMALL, gan_train
from tests.support.training_data import prepare_digits

pytestmark = pytest.mark.evidence

VERSIONS = ("3.6.0", "3.8.0", "3.10.0")

PROGRAM = """
import sys

import keras
import numpy as np

assert keras.__version__ == sys.argv[1], keras.__version__
latents = np.random.default_rng(7).standard_normal((5, 50)).astype(np.float32)
np.save(sys.argv[3], np.asarray(keras.models.load_model(sys.argv[2])(latents, training=False)))
"""


def test_older_versions_of_keras_read_a_generator(tmp_path: Path) -> None:
    prepare_digits(tmp_path / "digits")
    ran = gan_train("run", "mnist-dcgan", "--data", tmp_path / "digits", "-o", tmp_path / "run", *SMALL, "--steps", "2")
    assert ran.code == 0, ran.err
    ran = gan_train("export", tmp_path / "run", "-o", tmp_path / "generator.keras")
    assert ran.code == 0, ran.err
    images = {}
    online = {name: value for name, value in os.environ.items() if name not in ("HTTP_PROXY", "HTTPS_PROXY", "PYTHONPATH")}
    import keras

    for version in (*VERSIONS, keras.__version__):
        target = tmp_path / version
        if version in VERSIONS:
            install = ("install", "-q", "--no-deps", "--target", target, f"keras=={version}")
            subprocess.run([sys.executable, "-m", "pip", *install], env=online, check=True)
        out = tmp_path / f"{version}.npy"
        arguments = (version, tmp_path / "generator.keras", out)
        subprocess.run([sys.executable, "-c", PROGRAM, *arguments], env=online | {"PYTHONPATH": str(target)}, check=True)
        images[version] = np.load(out)
    for version in VERSIONS:
        np.testing.assert_allclose(images[version], images[keras.__version__], atol=1e-6, err_msg=version)
