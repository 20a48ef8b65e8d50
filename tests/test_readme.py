"""Every command of the README runs, in its order, from an empty folder."""

import re
from pathlib import Path

import pytest

from tests.support.cifar_files import python_files, tar
from tests.support.commands import run_inside
from tests.support.datasets import write_files
from tests.support.documented import documented
from tests.support.image_files import encoded, noise, photograph, zipped
from tests.support.runs import SMALL, gan_train_child

README = Path(__file__).parent.parent / "README.md"
MAKEFILE = README.with_name("Makefile")

SHORTER = {
    ("gan-train", "run"): (*SMALL, "--steps", "3"),
    ("gan-train", "evaluate"): ("--count", "200"),
    ("gan-pipeline", "prepare"): ("--limit", "600"),
}
"""Laid over the commands: the same commands with a smaller network, fewer steps, less data."""


ASTRONAUT = Path(__file__).parent / "data" / "faces" / "astronaut.png"


def raw_data(folder: Path) -> None:
    """Write small versions of the files that a user of the README's commands has downloaded."""
    (folder / "cifar-10-python.tar.gz").write_bytes(tar("cifar-10-batches-py", python_files()))
    (folder / "img_align_celeba.zip").write_bytes(zipped({"img_align_celeba/000001.png": ASTRONAUT.read_bytes()}))
    write_files(folder / "photos", {f"{number}.jpg": photograph(number) for number in range(9)})
    pairs = {f"maps/train/{number}.png": encoded(noise(number, 8, 16)) for number in range(3)}
    (folder / "maps.zip").write_bytes(zipped(pairs))
    domains = {
        f"horse2zebra/{domain}/{number}.png": encoded(noise(number)) for domain in ("trainA", "trainB") for number in range(3)
    }
    (folder / "horse2zebra.zip").write_bytes(zipped(domains))


def test_every_command_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan_pipeline.cli.commands import main as pipeline_main
    from gan_train.cli.main import main as train_main

    monkeypatch.chdir(tmp_path)
    raw_data(tmp_path)
    for program, *arguments in documented(README.read_text()):
        shorter = () if {"--limit", "--self-test"} & set(arguments) else SHORTER.get((program, arguments[0]), ())
        if "--logical-cpus" in arguments:
            # A process can be split into devices once.
            ran = gan_train_child(*arguments, *shorter)
        else:
            main = {"gan-pipeline": pipeline_main, "gan-train": train_main}[program]
            ran = run_inside(main, *arguments, *shorter)
        assert ran.code == 0, (program, arguments, ran.err)
    for made in (
        "data/digits/manifest.json",
        "runs/first/losses.png",
        "runs/plane/recipe.yaml",
        "grid.png",
        "zero.png",
        "bank.npz",
        "walk.gif",
    ):
        assert (tmp_path / made).exists(), made
    assert len(list((tmp_path / "images").iterdir())) == 64


def test_the_demo_names_what_it_makes() -> None:
    """The step in the demo's closing words is the step it trains to."""
    demo = MAKEFILE.read_text().split("\ndemo:")[1].split("\n\n")[0]
    steps = int(re.search(r"--steps (\d+)", demo)[1])
    assert f"runs/demo/samples/step-{steps:08d}.png" in demo
    assert demo.index("evaluate runs/demo ") < demo.index("report runs/demo")
    assert demo.rstrip().endswith('@echo "open runs/demo/report.html"')


def test_the_readme_names_every_recipe_and_exit_code() -> None:
    from gan_core.errors import EXIT_CODES
    from gan_train.recipe.document import recipe_names

    text = README.read_text()
    assert all(f"| `{name}` |" in text for name in recipe_names())
    assert all(f"| {code} |" in text for code in (0, *EXIT_CODES))
