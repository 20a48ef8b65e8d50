"""Every command of the guide on people's own images runs, and tells what the guide says it tells."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.support.celeba_files import PHOTOGRAPHS, TEXT_TABLES
from tests.support.commands import Ran, run_inside
from tests.support.datasets import write_files
from tests.support.image_files import encoded, noise, photograph, zipped
from tests.support.odd_images import deep_png
from tests.support.runs import SMALL

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "own-images.md"
BLOCKS = re.findall(r"```(bash|text)\n(.*?)```", GUIDE.read_text(), re.DOTALL)


def raw_data(folder: Path) -> None:
    """Write small versions of the data that the commands of the guide read."""
    photos = {f"Train/{title}/{n}.jpg": photograph(n) for title in ("cats", "dogs") for n in range(3)}
    photos |= {f"Test/{title}/9.jpg": photograph(9) for title in ("cats", "dogs")}
    write_files(folder / "photos", photos | {"Train/cats/notes.txt": b"mine"})
    write_files(folder / "vehicles", {f"{title}/1.jpg": photograph(1) for title in ("bus", "car", "train")})
    write_files(folder / "digits", {f"{n}.png": encoded(noise(n, 28, 28)[..., 0]) for n in range(8)})
    write_files(folder / "scans", {f"{n}.png": deep_png(noise(n).astype(np.uint16) * 16) for n in range(2)})
    write_files(folder / "flat", {f"{n}.jpg": photograph(n) for n in range(3)})
    (folder / "labels.csv").write_text("file,label\n0.jpg,cat\n1.jpg,dog\n2,cat\n")
    rows = "".join(json.dumps({"file_name": f"{n}.jpg", "species": "owl"}) + "\n" for n in range(2))
    write_files(folder / "hub", {f"train/{n}.jpg": photograph(n) for n in range(2)} | {"train/metadata.jsonl": rows.encode()})
    (folder / "img_align_celeba.zip").write_bytes(zipped(PHOTOGRAPHS | TEXT_TABLES))
    pair = encoded(np.hstack([noise(1, 8, 8), noise(2, 8, 8)]))
    (folder / "facades.zip").write_bytes(zipped({f"facades/{part}/1.png": pair for part in ("train", "val")}))
    write_files(folder / "drawings", {f"{domain}/1.png": encoded(noise(1, 8, 8)) for domain in ("photo", "label")})
    write_files(folder / "wide", {"1.png": encoded(noise(1, 8, 24))})
    write_files(folder / "animals", {f"{domain}/1.png": encoded(noise(1, 8, 8)) for domain in ("horse", "zebra")})


def run(line: str) -> Ran:
    from gan_pipeline.cli.commands import main as pipeline_main
    from gan_train.cli.main import main as train_main

    program, *arguments = shlex.split(line)
    shorter = (*SMALL, "--steps", "2") if arguments[0] == "run" else ()
    return run_inside({"gan-pipeline": pipeline_main, "gan-train": train_main}[program], *arguments, *shorter)


def test_every_command_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    raw_data(tmp_path)
    printed = ""
    for kind, block in BLOCKS:
        if kind == "text":
            assert printed.startswith(block), printed
            continue
        for line in block.splitlines():
            ran = run(line)
            assert ran.code == 0, (line, ran.err)
            printed = ran.out
    dataset = {path.parent.name for path in tmp_path.glob("data/*/manifest.json")}
    lines = [line for kind, block in BLOCKS if kind == "bash" for line in block.splitlines()]
    assert dataset == {line.split(" -o data/")[1] for line in lines if " -o data/" in line and "--dry-run" not in line}


def test_the_guide_names_every_option_of_its_kind() -> None:
    text = GUIDE.read_text()
    for option in (
        "labels",
        "label-attribute",
        "splits",
        "split",
        "classes",
        "limit-per-class",
        "domains",
        "any-ratio",
        "strict",
        "image-size",
        "channels",
        "min-size",
        "dedupe",
        "bit-depth",
        "scaled-jpeg",
    ):
        assert f"`--{option}" in text or f" --{option} " in text, option
