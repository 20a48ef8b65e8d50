"""Systems of other packages: found, listed, trained and refused as the guide says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gan_train.runs.layout import RECORD
from tests.support.commands import Ran
from tests.support.runs import UNSCORED, assert_same_checkpoint, gan_train_child

ROOT = Path(__file__).parents[2]
BEGAN, GUIDE = ROOT / "examples" / "began", ROOT / "docs" / "guides" / "add-a-system.md"

SMALL_KEYS = ("generator.base=[7,7,8]", "generator.filters=[8,8]", "discriminator.filters=[4,8]", "discriminator.code=8")
SMALL_KEYS = (*SMALL_KEYS, "generator.output_kernel=3", "batch_size=16", "sample_images=9", "precision=float32")
SMALL = (*(part for key in SMALL_KEYS for part in ("--set", key)), *UNSCORED)


def install(project: Path, site: Path) -> Path:
    """Install a package into a folder of its own, without a network."""
    options = ("--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--target", str(site))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(project)], check=True)
    return site


def plug_in(site: Path, system: str, module: str, package: str | None = None) -> None:
    """The metadata of an installed distribution "gan-MODULE 1.0" with an entry point, as pip writes it."""
    folder = site / f"gan_{module}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gan-{module}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[gan_train.systems]\n{system} = {package or module}\n")


def write(site: Path, module: str, **files: str) -> None:
    """A package with an empty __init__ and these modules; "recipes/NAME.yaml" is given as NAME."""
    folder = site / module
    (folder / "recipes").mkdir(parents=True)
    (folder / "__init__.py").touch()
    for name, text in files.items():
        place = folder / f"{name}.py" if name in ("recipe", "system") else folder / "recipes" / f"{name.replace('_', '-')}.yaml"
        place.write_text(text)


def command(site: Path, *args: str | Path) -> Ran:
    """gan-train where the packages of a folder are installed besides."""
    return gan_train_child(*args, prelude=f"import sys; sys.path.insert(0, {str(site)!r})")


@pytest.fixture(scope="session")
def began(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(BEGAN, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def run(began: Path, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 6 steps, as `--short` begins."""
    out = tmp_path_factory.mktemp("began") / "run"
    ran = command(began, "run", "mnist-began", "--data", digits, "-o", out, "--short", *SMALL, "--steps", "6")
    assert ran.code == 0, ran.err
    return out


def test_the_example_is_small_and_complete() -> None:
    files = [path for path in BEGAN.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.suffix for path in files} == {".py", ".toml", ".yaml", ".md"}
    assert sum(len(path.read_text().splitlines()) for path in files) < 300


def test_recipes_are_listed_with_their_origin(began: Path) -> None:
    listed = command(began, "recipes")
    assert (listed.code, listed.err) == (0, "")
    [line] = [line for line in listed.out.splitlines() if line.startswith("mnist-began ")]
    assert line.endswith("(from gan-began 0.1.0)")
    origins = {name: recipe["origin"] for name, recipe in json.loads(command(began, "recipes", "--json").out).items()}
    assert origins.pop("mnist-began") == "gan-began 0.1.0"
    assert set(origins.values()) == {"ganmill"}


def test_its_own_tests_pass_where_it_is_installed(began: Path) -> None:
    """The proofs of phases, resume and replicas among them."""
    path = os.pathsep.join([str(began), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    arguments = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(BEGAN / "tests"))
    done = subprocess.run(arguments, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.evidence
def test_a_run_continues_bit_for_bit_with_its_state(began: Path, run: Path, digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "parts"
    for steps in ("3", "6"):
        ran = command(began, "run", "mnist-began", "--data", digits, "-o", out, "--short", *SMALL, "--steps", steps)
        assert ran.code == 0, ran.err
    assert_same_checkpoint(run, out, 6)


@pytest.mark.evidence
def test_two_replicas_train_it(began: Path, digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("--strategy", "mirrored", "--logical-cpus", "2", "--steps", "2")
    ran = command(began, "run", "mnist-began", "--data", digits, "-o", out, *SMALL, *options)
    assert ran.code == 0, ran.err


def test_every_command_works_on_its_run(began: Path, run: Path, tmp_path: Path) -> None:
    grid = tmp_path / "more.png"
    assert command(began, "sample", run, "-o", grid).code == 0
    assert grid.read_bytes().startswith(b"\x89PNG")
    assert command(began, "diagnose", run).code == 0
    assert command(began, "report", run).code == 0
    page = (run / "report.html").read_text()
    assert "mnist-began" in page and "d.convergence" in page
    row = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert {"d.k", "d.convergence", "snapshot.reconstruction_real", "snapshot.diversity"} <= row.keys()


def test_a_run_remembers_the_version_and_asks_for_its_plug_in(run: Path, tmp_path: Path) -> None:
    facts = json.loads((run / RECORD).read_text())
    assert facts["packages"]["gan-began"] == "0.1.0"
    ran = gan_train_child("sample", run, "-o", tmp_path / "more.png")
    assert ran.code == 2
    assert "(got 'began'), or install the package that adds it" in ran.err


IMPORTS_NOTHING = "import a_module_that_is_not_there\n"
NO_RECIPE = "RECIPE = 3\n"
GAN = "from gan_train.recipe.gan import GANRecipe\nfrom typing import Literal\n"
BROKEN_SYSTEM = f"{GAN}class Recipe(GANRecipe):\n    system: Literal['odd']\nRECIPE = Recipe\n"
ODD = "base: mnist-gan\nname: odd-gan\nabout: odd\nsystem: odd\n"
CHECKS_BADLY = (
    f"{GAN}from pydantic import model_validator\nclass RECIPE(GANRecipe):\n    system: Literal['odd']\n"
    "    @model_validator(mode='after')\n    def check(self):\n        return {}['nothing']\n"
)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"recipe": IMPORTS_NOTHING}, "odd.recipe:RECIPE cannot be loaded (ModuleNotFoundError: No module named 'a_module"),
        ({}, "odd.recipe:RECIPE cannot be loaded (ModuleNotFoundError: No module named 'odd.recipe')"),
        ({"recipe": "raise SystemError('no')\n"}, "odd.recipe:RECIPE cannot be loaded (SystemError: no)"),
        ({"recipe": NO_RECIPE}, "odd.recipe.RECIPE is no recipe class; derive it from Recipe"),
        ({"recipe": f"{GAN}RECIPE = GANRecipe\n"}, "recipe odd-gan: system: must be 'gan'"),
        ({"recipe": CHECKS_BADLY}, "odd/recipe.py, line 8 (KeyError: 'nothing'); repair it"),
        (
            {"odd_gan": ODD.replace("name: odd-gan", "name: even-gan")},
            "recipe odd-gan: name: must be odd-gan, the name of its file (got 'even-gan'); mend odd-gan.yaml in gan-odd 1.0",
        ),
        (
            {"odd_gan": ODD.replace("name: odd-gan\n", "")},
            "recipe odd-gan: name: must be odd-gan, the name of its file (got 'mnist-gan'); mend odd-gan.yaml in gan-odd 1.0",
        ),
        ({"odd_gan": ODD.replace("mnist-gan", "odd-gan")}, "recipe odd-gan: base: odd-gan has itself as a base"),
    ],
)
def test_a_broken_plug_in_is_named_and_costs_nothing_else(files: dict[str, str], words: str, tmp_path: Path) -> None:
    plug_in(tmp_path, "odd", "odd")
    write(tmp_path, "odd", **({"odd_gan": ODD} | files))
    listed = command(tmp_path, "recipes")
    assert listed.code == 0
    assert "mnist-gan " in listed.out and "odd-gan" not in listed.out
    assert listed.err.startswith("warning: recipe odd-gan of gan-odd 1.0 is left out: ") and words in listed.err
    assert command(tmp_path, "show", "mnist-gan").code == 0
    shown = command(tmp_path, "show", "odd-gan")
    assert (shown.code, shown.out) == (2, "")
    assert words in shown.err and "Traceback" not in shown.err


def test_a_folder_in_place_of_a_recipe_is_named(tmp_path: Path) -> None:
    plug_in(tmp_path, "odd", "odd")
    write(tmp_path, "odd", recipe=BROKEN_SYSTEM)
    (tmp_path / "odd" / "recipes" / "odd-gan.yaml").mkdir()
    listed = command(tmp_path, "recipes")
    assert listed.code == 0 and "mnist-gan " in listed.out
    assert "odd-gan.yaml'; repair or reinstall gan-odd 1.0" in listed.err


def test_a_system_that_cannot_be_imported_is_named(digits: Path, tmp_path: Path) -> None:
    plug_in(tmp_path, "odd", "odd")
    write(tmp_path, "odd", odd_gan=ODD, recipe=BROKEN_SYSTEM, system=IMPORTS_NOTHING)
    ran = command(tmp_path, "run", "odd-gan", "--data", digits, "-o", tmp_path / "run", "--dry-run")
    assert ran.code == 2
    assert "plug-in gan-odd 1.0: odd.system:SYSTEM cannot be loaded (ModuleNotFoundError" in ran.err
    assert """repair it ('python -c "import odd.system"' shows where) or uninstall it""" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("name='critic'", "phase 'critic' has the role discriminator, but the recipe's opponents know d, d_fake, d_real"),
        ("player='critic'", "phase 'd': player: take one of: generator, discriminator (got 'critic')"),
        ("role='critic'", "phase 'd': role: take one of: discriminator, generator, classifier, penalty (got 'critic')"),
    ],
)
def test_a_system_with_phases_that_fit_nothing_is_refused(change: str, words: str, digits: Path, tmp_path: Path) -> None:
    plug_in(tmp_path, "odd", "odd")
    system = (
        "from dataclasses import replace\nfrom gan_train.systems.gan import GAN\nclass SYSTEM(GAN):\n"
        "    def discriminator_phases(self):\n"
        f"        return tuple(replace(phase, {change}) for phase in super().discriminator_phases())\n"
    )
    write(tmp_path, "odd", odd_gan=ODD, recipe=BROKEN_SYSTEM, system=system)
    ran = command(tmp_path, "run", "odd-gan", "--data", digits, "-o", tmp_path / "run", "--dry-run")
    assert ran.code == 2
    assert f"system odd: {words}" in ran.err


@pytest.mark.parametrize(
    ("plug_ins", "words"),
    [
        ({"odd": ("gan", {})}, "plug-in gan-odd 1.0 is left out: its system 'gan' has the name of a system of ganmill; rename"),
        (
            {"odd": ("odd", {"mnist_gan": ODD})},
            "plug-in gan-odd 1.0 is left out: its recipe 'mnist-gan' has the name of a recipe of ganmill; rename it",
        ),
        (
            {"odd": ("odd", {}), "even": ("odd", {})},
            "plug-in gan-odd 1.0 is left out: its system 'odd' has the name of a system of gan-even 1.0; rename it",
        ),
        (
            {"odd": ("odd", {"odd_gan": ODD}), "even": ("even", {"odd_gan": ODD})},
            "plug-in gan-even 1.0 is left out: its recipe 'odd-gan' has the name of a recipe of gan-odd 1.0; rename it",
        ),
    ],
)
def test_a_name_that_is_taken_is_refused(plug_ins: dict[str, tuple[str, dict[str, str]]], words: str, tmp_path: Path) -> None:
    for module, (system, files) in plug_ins.items():
        plug_in(tmp_path, system, module)
        write(tmp_path, module, **files)
    listed = command(tmp_path, "recipes")
    assert listed.code == 0
    assert words in listed.err and len(listed.err.splitlines()) == len(plug_ins)
    assert "mnist-gan " in listed.out and "odd-gan" not in listed.out
    shown = command(tmp_path, "show", "odd-gan")
    assert shown.code == 2 and words in shown.err


def test_a_package_that_is_gone_is_named(tmp_path: Path) -> None:
    plug_in(tmp_path, "odd", "odd", package="gone")
    plug_in(tmp_path, "other", "other", package="gone.deeper")
    listed = command(tmp_path, "recipes")
    assert listed.code == 0
    assert "plug-in gan-odd 1.0 is left out: its entry point 'odd' is 'gone', which is no installed package" in listed.err
    assert "plug-in gan-other 1.0 is left out: its entry point 'other' is 'gone.deeper', which cannot be found" in listed.err


def test_the_guides_loss_and_network_train(digits: Path, tmp_path: Path) -> None:
    """The files of the guide, installed as they stand there."""
    project = tmp_path / "project"
    blocks = re.findall(r"```(?:toml|python|yaml)\n# (\S+)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 4
    for name, text in [*blocks, ("gan_squared_hinge/__init__.py", "")]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    site = install(project, tmp_path / "site")
    small = ("generator.base=[7,7,8]", "generator.filters=[8,8]", "discriminator.filters=[8,8]", "batch_size=16")
    options = tuple(part for key in (*small, "augment=[flip]") for part in ("--set", key))
    out = tmp_path / "run"
    ran = command(site, "run", "mnist-squared-hinge", "--data", digits, "-o", out, *options, *UNSCORED, "--steps", "2")
    assert ran.code == 0, ran.err
    assert command(site, "sample", out, "-o", tmp_path / "more.png").code == 0


def test_every_command_of_the_guide_and_of_the_example_runs(began: Path, digits: Path, tmp_path: Path) -> None:
    """In their order. Packages are installed already, and trainings are smaller."""
    for page in (GUIDE, BEGAN / "README.md"):
        place = tmp_path / page.stem
        (place / "data").mkdir(parents=True)
        (place / "data" / "digits").symlink_to(digits)
        blocks = re.findall(r"^ *```bash\n(.*?)```", page.read_text(), re.DOTALL | re.MULTILINE)
        lines = [line.split() for block in blocks for line in block.splitlines() if line.strip()]
        assert {line[0] for line in lines} <= {"pip", "gan-train", "gan-pipeline", "python"}
        for _, *arguments in (line for line in lines if line[0] == "gan-train"):
            smaller = (*SMALL, "--steps", "2") if arguments[0] == "run" else ()
            inside = f"import os, sys; os.chdir({str(place)!r}); sys.path.insert(0, {str(began)!r})"
            ran = gan_train_child(*arguments, *smaller, prelude=inside)
            assert ran.code == 0, (arguments, ran.err)
