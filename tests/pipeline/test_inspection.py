"""The parts of a dataset's page: measures that do not depend on batches, duplicates, words, the command."""

import io
import json
import shlex
import sys
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gan_core.notices import shown
from gan_core.progress import show_progress
from gan_core.storage import open_folder
from gan_pipeline.dataset import duplicates
from gan_pipeline.dataset.duplicates import (
    BITS,
    NEAR,
    NEAR_SHARE,
    WORDS,
    difference_hashes,
    near_pairs,
    pixel_digests,
    same_pixels,
    shared_between,
)
from gan_pipeline.dataset.features import image_features
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.prepare_command import prepare_command
from gan_pipeline.inspection.findings import uneven_classes
from gan_pipeline.inspection.image_statistics import MeanImages, distribution, light
from gan_pipeline.inspection.pictures import chosen, read_examples
from gan_pipeline.inspection.scan import scan
from gan_pipeline.preparing.request import options_of
from tests.support.datasets import examples, prepare, run_cli

pytestmark = pytest.mark.quick

SHAPES = ((28, 28, 1), (20, 24, 3), (5, 40, 3), (64, 64, 3))


def batch(seed: int, shape: tuple[int, ...], count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


@given(st.integers(0, 1000), st.sampled_from(SHAPES), st.integers(2, 9), st.data())
@settings(max_examples=30)
def test_measures_in_parts_are_those_of_the_whole(seed: int, shape: tuple[int, ...], count: int, data: st.DataObject) -> None:
    images, cut = batch(seed, shape, count), data.draw(st.integers(1, count - 1))
    groups = np.random.default_rng(seed).integers(0, 3, count)
    parts = (images[:cut], images[cut:])
    for measure in (
        lambda some: light(some).brightness,
        lambda some: light(some).contrast,
        pixel_digests,
        difference_hashes,
    ):
        np.testing.assert_array_equal(np.concatenate([measure(part) for part in parts]), measure(images))
    means = MeanImages(3, shape)
    for part, belonging in zip(parts, (groups[:cut], groups[cut:]), strict=True):
        means.add(part, belonging)
    for group, mean in enumerate(means.images()):
        inside = images[groups == group]
        assert (mean is None) == (not len(inside))
        if mean is not None:
            np.testing.assert_array_equal(mean, np.rint(inside.mean(axis=0)))


def test_brightness_and_contrast_of_known_images() -> None:
    images = np.zeros((4, 2, 2, 3), np.uint8)
    images[1], images[2, 0], images[3] = 255, 200, (10, 20, 60)
    measured = light(images)
    assert measured.brightness.tolist() == [0, 255, 100, 30]
    assert measured.contrast.tolist() == [0, 0, 100, 0]
    noisy = batch(0, (30, 40, 3), 5)
    np.testing.assert_allclose(light(noisy).contrast, np.sqrt(noisy.var(axis=(1, 2)).mean(axis=1)), rtol=1e-12)


def test_a_distribution_holds_every_value() -> None:
    found = distribution(np.asarray([0.0, 1.0, 2.0, 255.0, 256.0]), 0, 256, bins=4)
    assert (found.edges, found.counts) == ((0, 64, 128, 192, 256), (3, 0, 0, 2))
    assert (found.least, found.quantiles[2], found.most, found.mean) == (0, 2, 256, 102.8)


def test_a_scan_is_the_same_for_any_batch(tmp_path: Path) -> None:
    prepare(tmp_path / "out", "--limit", "60", "--hold-out", "10", "--shards", "3", "--encoding", "png")
    folder = open_folder(tmp_path / "out")
    manifest = read_manifest(folder)
    stored = [one for split in manifest.splits for one in examples(tmp_path / "out", split)]
    whole, steps = scan(folder, manifest), list[int]()
    single = scan(folder, manifest, frozenset({stored[65].id}), steps.append, batch=7)
    assert (sum(steps), max(steps), single.found) == (70, 7, {stored[65].id: 65})
    for name in ("split", "shard", "offset", "record_bytes", "label"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(single, name))
    for name in ("brightness", "contrast", "digests", "hashes"):
        np.testing.assert_array_equal(getattr(whole.images["image"], name), getattr(single.images["image"], name))
    assert whole.label is not None and whole.label.tolist() == [one.values["label"] for one in stored]
    assert whole.split.tolist() == [0] * 60 + [1] * 10
    # Each is found again where it lies.
    again = read_examples(folder, manifest, whole, [69, 3, 20, 3])
    assert {number: one.id for number, one in again.items()} == {number: stored[number].id for number in (3, 20, 69)}
    assert list(image_features(manifest.features)) == ["image"]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 99))
def test_equal_images_are_grouped(kinds: list[int], seed: int) -> None:
    different = batch(seed, (3, 4, 1), 6)
    groups = same_pixels(pixel_digests(different[kinds]))
    expected = [np.flatnonzero(np.asarray(kinds) == kind).tolist() for kind in dict.fromkeys(kinds)]
    assert [group.tolist() for group in groups] == [group for group in expected if len(group) > 1]


def test_images_shared_between_splits_are_counted_in_the_later() -> None:
    groups = [np.asarray([0, 1, 5, 6]), np.asarray([2, 3]), np.asarray([4, 7])]
    assert shared_between(groups, np.asarray([0, 0, 0, 0, 1, 1, 1, 2], np.int16)) == {(0, 1): 2, (1, 2): 1}


@given(st.integers(0, 1000), st.integers(2, 40), st.integers(0, NEAR + 6))
@settings(max_examples=40)
def test_near_pairs_are_all_there_are(seed: int, count: int, flips: int) -> None:
    """Against comparing every image with every other."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (3, BITS)).astype(bool)[rng.integers(0, 3, count)] & (rng.random((count, 1)) < 0.95)
    for row in bits:
        row[rng.choice(BITS, flips, replace=False)] ^= True
    hashes = np.packbits(bits, axis=1).view(np.uint32)
    expected = {
        (one, other): int((bits[one] != bits[other]).sum())
        for one, other in combinations(range(count), 2)
        if min(bits[one].sum(), bits[other].sum()) >= duplicates.LEAST_EDGES
    }
    expected = {
        (one, other): apart
        for (one, other), apart in expected.items()
        if apart <= NEAR and apart <= NEAR_SHARE * (bits[one].sum() + bits[other].sum())
    }
    found = near_pairs(hashes)
    assert {(pair.first, pair.second): pair.bits for pair in found} == expected
    assert [pair.bits for pair in found] == sorted(pair.bits for pair in found)
    assert hashes.shape == (count, WORDS)


def test_of_a_film_not_every_pair_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    film = np.repeat(difference_hashes(batch(0, (40, 40, 3), 1)), 50, axis=0)
    assert len(near_pairs(film)) == 50 * 49 // 2
    monkeypatch.setattr(duplicates, "MOST_PAIRS", 100)
    assert len(near_pairs(film)) == 100


def test_what_the_hash_finds_and_what_not() -> None:
    """As the page says: saved again, scaled, lighter, flatter; not moved or mirrored."""
    face = Image.open(Path(__file__).parents[1] / "data" / "faces" / "astronaut.png").convert("RGB").resize((128, 128))
    pixels = np.asarray(face)
    saved = io.BytesIO()
    face.save(saved, "JPEG", quality=75)
    changed = {
        "saved": np.asarray(Image.open(saved)),
        "scaled": np.asarray(face.resize((96, 96)).resize((128, 128))),
        "lighter": np.clip(pixels.astype(int) + 20, 0, 255).astype(np.uint8),
        "flatter": (pixels * 0.8).astype(np.uint8),
        "moved": np.roll(pixels, 8, axis=1),
        "mirrored": pixels[:, ::-1],
    }
    found = {name: bool(near_pairs(difference_hashes(np.stack([pixels, other])))) for name, other in changed.items()}
    assert found == {"saved": True, "scaled": True, "lighter": True, "flatter": True, "moved": False, "mirrored": False}
    flat = np.stack([np.full((28, 28, 1), level, np.uint8) for level in (0, 255)])
    assert near_pairs(difference_hashes(flat)) == []


def test_samples_are_drawn_the_same_each_time() -> None:
    numbers = np.arange(100, 200)
    assert chosen(numbers, 10, (0, 1)) == chosen(numbers, 10, (0, 1)) != chosen(numbers, 10, (0, 2))
    assert len(set(chosen(numbers, 10, (0, 1)))) == 10 and set(chosen(numbers, 10, (0, 1))) <= set(numbers.tolist())
    assert chosen(numbers[:3], 10, (0, 1)) == [100, 101, 102]


def test_uneven_classes_are_named() -> None:
    assert uneven_classes({"a": 30, "b": 10}) == []
    assert [one.words for one in uneven_classes({"a": 31, "b": 10, "c": 0})] == [
        "No examples of c.",
        "Class a has 3.1 times the examples of class b.",
    ]


COMMANDS: tuple[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]], ...] = (
    ("mnist", {}, {}, {}),
    ("mnist", {"split": "train,test", "classes": "3,8"}, {"limit": 9, "hold_out": 5, "shards": 2, "seed": 4}, {}),
    ("celeba", {}, {"encoding": "png"}, {"box": "square", "margin": 0.2, "faces": "mtcnn", "image_size": 64}),
    ("pairs", {}, {}, {"swap": True, "resampler": "lanczos"}),
    ("curve", {}, {}, {"function": "sine"}),
    ("unpaired", {"split": "trainA"}, {}, {"resize": "fit"}),
)


@pytest.mark.parametrize(("dataset", "chosen_out", "general", "own"), COMMANDS)
def test_the_command_gives_the_same_options(
    dataset: str, chosen_out: dict[str, Any], general: dict[str, Any], own: dict[str, Any], digits: Path, tmp_path: Path
) -> None:
    usual = {"limit": None, "hold_out": None, "shards": None, "seed": 0, "encoding": "raw"}
    source = "auto" if dataset == "curve" else "/photos of mine"
    options = options_of(dataset, source, chosen_out.get("split"), chosen_out.get("classes"), usual | general, own)
    manifest = read_manifest(open_folder(digits)).model_copy(update={"options": options})
    program, verb, *typed = shlex.split(prepare_command(manifest))
    assert (program, verb, typed[-2:]) == ("gan-pipeline", "prepare", ["-o", "FOLDER"])
    if dataset == "curve":
        planned = json.loads(run_cli(verb, *typed, "--dry-run", "--json").out)
        assert planned["options"] == options.model_dump(mode="json")
        return
    # What the command line makes of it, without a source to read.
    with mock.patch("gan_pipeline.preparing.planning.make_plan", side_effect=KeyboardInterrupt) as planning:
        run_cli(verb, *typed, "--dry-run")
    assert planning.call_args.args == (options, "FOLDER")


def test_the_command_of_a_dataset_with_many_unusable_inputs_lets_them_pass(digits: Path) -> None:
    manifest = read_manifest(open_folder(digits))
    counts = manifest.counts.model_copy(update={"kept": 93, "dropped": {"no face": 7, "over the limit": 900}})
    assert "--max-failure-rate" not in prepare_command(manifest)
    assert "--max-failure-rate 0.07 -o" in prepare_command(manifest.model_copy(update={"counts": counts}))


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    with shown(), show_progress(10, "examples") as counted:
        counted.advance(4)
        counted.advance(6)
    assert "10/10 examples" in terminal.getvalue() and "taken" in terminal.getvalue()
