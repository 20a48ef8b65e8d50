"""Every system has a page, and every command on it runs, in its order, from an empty folder."""

from pathlib import Path

import numpy as np
import pytest

from gan_train.recipe.document import load_recipe, recipe_names
from gan_train.recipe.installed import installed
from tests.support.catalogue import CATALOGUE
from tests.support.commands import run_inside
from tests.support.datasets import idx_files, write_files
from tests.support.documented import documented
from tests.support.image_files import encoded, zipped
from tests.support.photographs import beside, grey, photographs
from tests.support.runs import UNSCORED

PAGES = Path(__file__).parent.parent / "docs" / "systems"


def shorter(arguments: list[str]) -> list[str]:
    """The same command on a smaller network, for fewer steps, on less data."""
    if arguments[0] == "prepare":
        size = ["--image-size", "16"] if "--image-size" in arguments else []
        return [*arguments, "--limit", "200", "--shards", "2", *size]
    if arguments[0] == "run":
        small = [part for override in CATALOGUE[arguments[1]].small for part in ("--set", override)]
        return [*arguments, *small, *UNSCORED, "--steps", "2"]
    return arguments


def test_every_system_has_a_page_that_names_its_recipes() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(installed().systems)
    for name in recipe_names():
        assert f"`{name}`" in (PAGES / f"{load_recipe(name).system}.md").read_text(), name


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_every_command_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits_as_clothes: Path
) -> None:
    from gan_pipeline.cli.commands import main as pipeline_main
    from gan_train.cli.main import main as train_main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANMILL_DATA", str(digits_as_clothes))
    archives(tmp_path)
    said = documented(page.read_text())
    assert said
    for program, *arguments in said:
        main = {"gan-pipeline": pipeline_main, "gan-train": train_main}[program]
        ran = run_inside(main, *shorter(arguments))
        assert ran.code == 0, (program, arguments, ran.err)


def archives(folder: Path) -> None:
    """Write the archives that a user would have downloaded, with our photographs."""
    pictures = photographs()
    pairs = [np.asarray(beside(grey(one), one)) for one in pictures + pictures]
    (folder / "maps.zip").write_bytes(
        zipped({f"maps/train/{number:03d}.png": encoded(pair) for number, pair in enumerate(pairs)})
    )
    names = (f"horse2zebra/train{'AB'[number % 2]}/{number}.png" for number in range(len(pictures)))
    domains = {name: encoded(np.asarray(one)) for name, one in zip(names, pictures, strict=True)}
    (folder / "horse2zebra.zip").write_bytes(zipped(domains))


@pytest.fixture(scope="module")
def digits_as_clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """$GANMILL_DATA with a `fashion_mnist` of the packaged digits, which have the same files and shapes."""
    data = tmp_path_factory.mktemp("data")
    # One digit fewer than the official files, which are refused under another name.
    for split in ("train", "t10k"):
        write_files(data / "fashion_mnist", idx_files(9_999, split))
    return data
