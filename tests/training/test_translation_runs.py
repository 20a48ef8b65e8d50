"""Runs of Pix2Pix and CycleGAN from the command line: they resume exactly, and what they show and measure is so."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file

from gan_core.storage import LocalFolder
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.records import decode_example, read_records
from gan_train.networks.passes import inference_pass
from gan_train.networks.translating import translating_copy
from tests.support.catalogue import CATALOGUE
from tests.support.pictures import grid_pixels
from tests.support.runs import gan_train
from tests.support.training_data import prepare_pairs

KEYS = ("snapshot_every=2", "checkpoint_every=2", "sample_images=3", "measured_images=4")
DRY = ("generator.dropout=0", "generator.dropped_stages=0")
"""Without dropout, so that a translation can be made again by a saved network."""


def train(name: str, data: Path, out: Path, steps: int, *overrides: str) -> str:
    keys = (*CATALOGUE[name].small, *KEYS, *overrides)
    options = [part for key in keys for part in ("--set", key)]
    ran = gan_train("run", name, "--data", data, "-o", out, *options, "--steps", str(steps))
    assert ran.code == 0, ran.err
    return ran.out


@pytest.fixture(scope="module")
def pix2pix(tmp_path_factory: pytest.TempPathFactory, pairs_16: Path) -> Path:
    out = tmp_path_factory.mktemp("translation") / "pix2pix"
    train("maps-pix2pix", pairs_16, out, 4, *DRY)
    return out


@pytest.fixture(scope="module")
def cyclegan(tmp_path_factory: pytest.TempPathFactory, domains_16: Path) -> Path:
    out = tmp_path_factory.mktemp("translation") / "cyclegan"
    train("horse2zebra-cyclegan", domains_16, out, 4)
    return out


def variables(run: Path, step: int) -> dict[str, NDArray[Any]]:
    return load_file(run / "checkpoints" / f"step-{step:08d}" / "variables.safetensors")


def last_metrics(run: Path) -> dict[str, float]:
    metrics: dict[str, float] = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    return metrics


def held_out(data: Path, split: str, feature: str) -> NDArray[np.float32]:
    """The first four images of a split as the run meets them, read by the record format alone; in [-1, 1]."""
    from gan_train.data.dataset import open_dataset
    from gan_train.data.reader import examples_of
    from tests.support.catalogue import small

    name = "maps-pix2pix" if split == "held-out" else "horse2zebra-cyclegan"
    dataset = open_dataset(str(data), small(name))
    stream = next(stream for stream in dataset.shown if stream.split == split)
    order = [example.id for example in examples_of(dataset, 0, stream)][:4]
    manifest = read_manifest(LocalFolder(str(data)))
    stored = {}
    for shard in manifest.splits[split].shards:
        for record in read_records(BytesIO((data / shard.file).read_bytes())):
            example = decode_example(record, manifest.features)
            stored[example.id] = np.asarray(example.values[feature], np.float32) / 127.5 - 1
    return np.stack([stored[one] for one in order])


def network(run: Path, kind: str) -> keras.Model:
    return translating_copy(keras.models.load_model(run / "models" / f"{kind}-step-00000004.keras"), "training")


@pytest.mark.evidence
def test_a_resumed_run_ends_at_the_same_bits(cyclegan: Path, domains_16: Path, tmp_path: Path) -> None:
    """Pools, both domains' positions and all optimizers with it."""
    out = tmp_path / "run"
    train("horse2zebra-cyclegan", domains_16, out, 2)
    train("horse2zebra-cyclegan", domains_16, out, 4)
    mine, whole = variables(out, 4), variables(cyclegan, 4)
    assert mine.keys() == whole.keys()
    assert int(whole["state/pool_a_count"]) == 3
    for name, value in whole.items():
        np.testing.assert_array_equal(mine[name], value, err_msg=name)
    assert (out / "samples/step-00000004.png").read_bytes() == (cyclegan / "samples/step-00000004.png").read_bytes()


def test_pairs_are_measured_against_copies_and_the_mean(pix2pix: Path, pairs_16: Path) -> None:
    """On pairs that no step reads, in the image range."""
    told = last_metrics(pix2pix)
    source, target = held_out(pairs_16, "held-out", "source"), held_out(pairs_16, "held-out", "target")
    manifest = read_manifest(LocalFolder(str(pairs_16)))
    trained = [
        decode_example(record, manifest.features).values["target"]
        for shard in manifest.splits["train"].shards
        for record in read_records(BytesIO((pairs_16 / shard.file).read_bytes()))
    ]
    mean = np.mean(trained, axis=0) / 127.5 - 1
    assert told["snapshot.unseen_l1_of_copy"] == pytest.approx(np.abs(source - target).mean(), rel=1e-4)
    assert told["snapshot.unseen_l1_of_mean"] == pytest.approx(np.abs(mean - target).mean(), rel=1e-4)
    made = np.asarray(inference_pass(network(pix2pix, "generator"), source))
    assert told["snapshot.unseen_l1"] == pytest.approx(np.abs(made - target).mean(), rel=1e-3)


def test_the_way_there_and_back_is_measured_from_both_domains(cyclegan: Path, domains_16: Path) -> None:
    told = last_metrics(cyclegan)
    ways = {"a": ("a-to-b", "b-to-a"), "b": ("b-to-a", "a-to-b")}
    for domain, (there, back) in ways.items():
        images = held_out(domains_16, f"test{domain.upper()}", "image")
        made = inference_pass(network(cyclegan, f"generator-{there}"), images)
        returned = np.asarray(inference_pass(network(cyclegan, f"generator-{back}"), made))
        assert told[f"snapshot.unseen_cycle_{domain}"] == pytest.approx(np.abs(returned - images).mean(), rel=1e-3)


@pytest.mark.parametrize(
    ("run", "columns", "title"),
    [("pix2pix", 3, "source, generated, target"), ("cyclegan", 6, "a, as b, back; b, as a, back")],
)
def test_grids_have_a_row_for_each_image(run: str, columns: int, title: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(run)
    file = folder / "samples" / "step-00000004.png"
    grid_pixels(file, 3 * 18 + 2, columns * 18 + 2)
    with Image.open(file) as grid:
        assert grid.text["columns"] == title  # type: ignore[attr-defined]
        assert grid.text["step"] == "4"  # type: ignore[attr-defined]


def test_source_and_target_of_a_grid_are_the_images_themselves(pix2pix: Path, pairs_16: Path) -> None:
    grid = grid_pixels(pix2pix / "samples" / "step-00000004.png", 3 * 18 + 2, 3 * 18 + 2)
    for column, feature in ((0, "source"), (2, "target")):
        cell = grid[2:18, 2 + 18 * column : 18 + 18 * column]
        wanted = held_out(pairs_16, "held-out", feature)[0]
        np.testing.assert_array_equal(cell, np.rint((wanted + 1) * 127.5))


def test_without_unseen_pairs_the_names_of_scores_say_so(tmp_path: Path) -> None:
    out = tmp_path / "run"
    closing = train("maps-pix2pix", prepare_pairs(tmp_path / "pairs", 16), out, 2)
    told = last_metrics(out)
    assert {"snapshot.train_l1", "snapshot.train_l1_of_copy", "snapshot.train_l1_of_mean"} <= told.keys()
    assert f"then: gan-train translate {out} IMAGE -o made.png" in closing


def test_a_cyclegan_of_pairs_is_told_apart_from_one_of_domains(cyclegan: Path, pairs_16: Path) -> None:
    """The run belongs to its dataset, whatever could be read as domains."""
    options = [part for key in (*CATALOGUE["horse2zebra-cyclegan"].small, *KEYS) for part in ("--set", key)]
    ran = gan_train("run", "horse2zebra-cyclegan", "--data", pairs_16, "-o", cyclegan, *options, "--steps", "6")
    assert ran.code == 2
    assert "made with dataset" in ran.err
