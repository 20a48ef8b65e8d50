"""Small translators learn from real digits to fill outlines, with pairs and without. A few minutes."""

import gzip
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.support.photographs import beside, save_pictures
from tests.support.runs import gan_train
from tests.support.training_data import prepare

pytestmark = pytest.mark.evidence

SIDE = 32
SHAPE = f"image.shape=[{SIDE},{SIDE},3]"
JUDGE = ("discriminator.filters=32", "discriminator.layers=2", "snapshot_every=200", "checkpoint_every=200", "sample_images=8")


def digits(count: int) -> list[Image.Image]:
    """Packaged digits, enlarged."""
    packed = (files("gan_pipeline") / "sample" / "t10k-images-idx3-ubyte.gz").read_bytes()
    images = np.frombuffer(gzip.decompress(packed), np.uint8, offset=16).reshape(-1, 28, 28)[:count]
    return [Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB") for image in images]


def outline(digit: Image.Image) -> Image.Image:
    return digit.convert("L").filter(ImageFilter.FIND_EDGES).convert("RGB")


def snapshots(run: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if any(name.startswith("snapshot.") for name in row)]


def train(name: str, data: Path, out: Path, keys: Sequence[str]) -> list[dict[str, float]]:
    ran = gan_train(
        "run", name, "--data", data, "-o", out, *(part for key in (SHAPE, *JUDGE, *keys) for part in ("--set", key))
    )
    assert ran.code == 0, ran.err
    return snapshots(out)


def test_pix2pix_beats_copies_and_the_mean_on_pairs_it_has_not_seen(tmp_path: Path) -> None:
    source = save_pictures(tmp_path / "raw", (beside(outline(digit), digit) for digit in digits(1000)))
    data = prepare(tmp_path / "data", "pairs", "--source", str(source), "--image-size", str(SIDE), "--hold-out", "100")
    keys = ("generator.filters=[32,64,128,128]", "generator.bottleneck=128", "steps=1000")
    told = train("maps-pix2pix", data, tmp_path / "run", keys)
    for row in told:
        print(f"\nstep {row['step']}: L1 {row['snapshot.unseen_l1']:.4f}", end="")
    first, last = told[0], told[-1]
    copy, mean = last["snapshot.unseen_l1_of_copy"], last["snapshot.unseen_l1_of_mean"]
    print(f", of a copy {copy:.4f}, of the mean digit {mean:.4f}; grids in {tmp_path / 'run' / 'samples'}")
    assert last["snapshot.unseen_l1"] < first["snapshot.unseen_l1"]
    assert last["snapshot.unseen_l1"] < 0.6 * min(copy, mean)


def test_cyclegan_finds_back_from_both_domains(tmp_path: Path) -> None:
    many = digits(1200)
    for folder, pictures in {
        "trainA": map(outline, many[:500]),
        "trainB": many[500:1000],
        "testA": map(outline, many[1000:1100]),
        "testB": many[1100:],
    }.items():
        save_pictures(tmp_path / "raw" / folder, pictures)
    options = ("--split", "trainA,trainB,testA,testB", "--image-size", str(SIDE))
    data = prepare(tmp_path / "data", "unpaired", "--source", str(tmp_path / "raw"), *options)
    keys = ("generator.filters=32", "generator.blocks=2", "generator.merge=add", "generator.output_norm=false", "steps=1000")
    told = train("horse2zebra-cyclegan", data, tmp_path / "run", keys)
    for row in told:
        a, b = (row[f"snapshot.unseen_cycle_{domain}"] for domain in "ab")
        print(f"\nstep {row['step']}: {a:.4f} and {b:.4f} off", end="")
    print(f"; grids in {tmp_path / 'run' / 'samples'}")
    for domain in ("a", "b"):
        assert told[-1][f"snapshot.unseen_cycle_{domain}"] < 0.9 * told[0][f"snapshot.unseen_cycle_{domain}"]
