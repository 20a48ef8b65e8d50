"""The points of the 1-D GAN: each function's formula and range, and a record that others read."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.datasets import examples, prepare, run_cli, shards

FORMULAS = {
    "parabola": (lambda x: x * x, 0.5),
    "sine": (np.sin, np.pi),
    "gaussian": (lambda x: np.exp(-x * x / 2), 3.0),
}


def points(out: Path) -> NDArray[np.float32]:
    """By id: float32 (n, 2)."""
    stored = sorted(examples(out), key=lambda example: example.id)
    return np.stack([np.asarray(example.values["point"]) for example in stored])


def curve(out: Path, *options: str) -> NDArray[np.float32]:
    prepare(out, *options, source="auto", dataset="curve")
    return points(out)


@pytest.mark.parametrize("function", FORMULAS)
def test_every_point_lies_on_the_curve(tmp_path: Path, function: str) -> None:
    written = curve(tmp_path / "out", "--function", function, "--limit", "2000")
    formula, half = FORMULAS[function]
    x, y = written.T
    assert (written.dtype, written.shape) == (np.float32, (2000, 2))
    np.testing.assert_allclose(y, formula(x.astype(np.float64)), atol=1e-6)
    assert -half <= x.min() < -0.99 * half
    assert 0.99 * half < x.max() <= half
    # Uniform: each of ten equal intervals holds about a tenth.
    counts, _ = np.histogram(x, 10, (-half, half))
    assert counts.min() > 140
    assert counts.max() < 260


def test_the_default_is_ten_thousand_points_of_the_parabola(tmp_path: Path) -> None:
    written = curve(tmp_path / "out")
    assert len(written) == 10_000
    np.testing.assert_array_equal(written, curve(tmp_path / "other", "--function", "parabola", "--seed", "0"))


def test_seeds_and_numbers_of_shards(tmp_path: Path) -> None:
    made = {seed: curve(tmp_path / seed, "--limit", "50", "--seed", seed) for seed in ("0", "1")}
    assert not np.array_equal(made["0"], made["1"])
    np.testing.assert_array_equal(curve(tmp_path / "again", "--limit", "50", "--shards", "3"), made["0"])
    assert len(shards(tmp_path / "again")) == 3


def test_more_points_than_the_default(tmp_path: Path) -> None:
    manifest = prepare(tmp_path / "out", "--limit", "12000", source="auto", dataset="curve")
    assert (manifest.counts.kept, manifest.counts.dropped) == (12_000, {})


def test_the_preview_is_a_picture(tmp_path: Path) -> None:
    curve(tmp_path / "out", "--limit", "100")
    with Image.open(tmp_path / "out" / "preview.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape == (400, 500, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10


def test_inspect_tells_the_ranges(tmp_path: Path) -> None:
    written = curve(tmp_path / "out", "--limit", "100")
    ranges = json.loads(run_cli("inspect", tmp_path / "out", "--json").out)["splits"]["train"]["ranges"]
    assert ranges == {name: [written[:, at].min(), written[:, at].max()] for at, name in enumerate("xy")}
    assert "point float32 (2 numbers)" in run_cli("inspect", tmp_path / "out").out
    assert run_cli("verify", "--deep", tmp_path / "out").code == 0


def test_tfds_reads_the_points(tmp_path: Path) -> None:
    import tensorflow_datasets as tfds

    written = curve(tmp_path / "out", "--limit", "30")
    theirs = list(tfds.as_numpy(tfds.builder_from_directory(str(tmp_path / "out")).as_dataset(split="train")))
    np.testing.assert_array_equal(np.stack([one["point"] for one in sorted(theirs, key=lambda one: one["id"])]), written)
