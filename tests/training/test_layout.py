"""The names inside a run folder: spelled in one module, and safe beside files of other programs."""

import ast
import json
import shutil
from pathlib import Path

import pytest

import gan_train
from gan_train.runs import layout
from gan_train.runs.layout import SAMPLES, StepFiles, networks
from tests.support.runs import gan_train as command

PACKAGE = Path(gan_train.__file__).parent

STRAYS = (
    "models/generator-step-00000006.keras.bak",
    "models/generator-step-00000006 (1).keras",
    "models/generator-step-00000099.keras.crdownload",
    "models/generator-step-6.keras",
    "models/generator-step-latest.keras",
    "samples/step-foo.png",
    "samples/step-00000099.png.crdownload",
    "samples/notes.txt",
    "checkpoints/step-00000099 copy/COMMIT",
    "checkpoints/step-00000099/COMMIT.txt",
    "pictures/interpolation-step-old.png",
    "scores/neighbours-step-.png",
    "best/generator-step-00000006 (1).keras",
)


@pytest.mark.parametrize("step", [0, 6, 450, 99_999_999, 123_456_789])
def test_a_step_is_read_from_its_name(step: int) -> None:
    for files in (SAMPLES, layout.NEIGHBOURS, networks("generator"), layout.checkpoint_files("COMMIT")):
        assert files.step(files.name(step)) == step


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_name_has_no_step(name: str) -> None:
    kinds = (SAMPLES, layout.NEIGHBOURS, networks("generator"), layout.best_networks("generator"))
    commits, pictures = layout.checkpoint_files("COMMIT"), layout.generated_pictures("interpolation")
    assert [files.step(name) for files in (*kinds, commits, pictures)] == [None] * 6


def test_steps_sort_as_numbers() -> None:
    class Names:
        def names(self, prefix: str = "") -> list[str]:
            return sorted(files.name(step) for step in (99_999_999, 100_000_000, 3))

    files = StepFiles("samples/", ".png")
    assert files.steps(Names()) == [3, 99_999_999, 100_000_000]
    assert files.newest(Names()) == "samples/step-100000000.png"


def test_stray_files_stay_and_disturb_no_command(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    for name in STRAYS:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(b"not ours")
    answers = {}
    for name, *arguments in (
        ("sample", run, "-o", tmp_path / "grid.png"),
        ("export", run, "-o", tmp_path / "generator.keras"),
        ("report", run),
        ("watch", run, "--once"),
    ):
        ran = command(name, *arguments, "--json")
        assert ran.code == 0, ran.err
        answers[name] = json.loads(ran.out)
    assert [answers[name]["step"] for name in ("sample", "export", "report", "watch")] == [6] * 4
    assert answers["watch"]["samples"] == "samples/step-00000006.png"
    assert answers["watch"]["checkpoint"] == "checkpoints/step-00000006"
    assert all((run / name).read_bytes() == b"not ours" for name in STRAYS)


def _constants(source: str) -> list[str]:
    """All strings of a module but its docstrings, which are statements of their own."""
    nodes = list(ast.walk(ast.parse(source)))
    statements = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    constants = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in statements]
    return [value for value in constants if isinstance(value, str)]


def test_no_other_module_spells_these_names() -> None:
    names = [value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str) and "." in value]
    names += ["step-", "tensorboard", "checkpoints/", "models/", "samples/", "pictures/", "scores/", "best/"]
    assert len(names) >= 20
    spelled = [
        (str(path.relative_to(PACKAGE)), string)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != Path(layout.__file__)
        for string in _constants(path.read_text())
        if any(name in string for name in names) and not string.endswith(".j2")
    ]
    assert not spelled


def test_the_layout_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(layout.__file__).read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {"dataclasses", "typing"}
