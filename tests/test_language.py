"""The repository cites nothing that a reader cannot open, and its docstrings are sentences."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parent.parent
ROOMS = ("core", "pipelines", "training", "tests", "docs", "examples", "benchmarks", "scripts", "deploy")
ENDINGS = {".py", ".md", ".yaml", ".j2", ".toml", ".cff", ".ipynb"}

CITATION = re.compile(
    r"\bspec(ification)? [A-H]\b"  # a section by its letter
    r"|\bthe specification\b|\bspecification's\b"
    r"|\b[A-H], [GH]\d+\b",  # a numbered item of a section
    re.IGNORECASE,
)
"""Documents that are not in the repository."""

FRAGMENT = re.compile(r"(What|Of) |Yes\.|No\.|It (was|is|does)\.|The same\.")
"""The beginning of a docstring that is no sentence."""


def files() -> list[Path]:
    """Every text of ours: the files of the rooms, and the pages at the top."""
    below = (path for room in ROOMS for path in (ROOT / room).rglob("*"))
    ours = (path for path in (*below, *ROOT.glob("*")) if path.suffix in ENDINGS and path.is_file())
    return sorted(path for path in ours if path != Path(__file__))


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """The line and content of every string that stands alone: docstrings, and those below a constant."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value.strip()


def test_there_is_something_to_read() -> None:
    read = {path.relative_to(ROOT).parts[0] for path in files()}
    assert {"core", "pipelines", "training", "tests", "docs", "README.md", "CONTRIBUTING.md"} <= read


def test_nothing_outside_the_repository_is_cited() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if CITATION.search(line)
    ]
    assert not found, "name the paper (author, year) or the book and chapter instead:\n" + "\n".join(found)


def test_docstrings_are_sentences() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {text.splitlines()[0]}"
        for path in files()
        if path.suffix == ".py"
        for number, text in docstrings(path.read_text())
        if FRAGMENT.match(text)
    ]
    assert not found, "say it in a sentence with a subject:\n" + "\n".join(found)


@pytest.mark.parametrize("text", ["spec B 1.8", "(Spec C, G39)", "as the specification has it", "the specification's nearest"])
def test_citations_are_recognised(text: str) -> None:
    assert CITATION.search(text)


@pytest.mark.parametrize("text", ["What a run is worth.", "Of both parts.", "Yes.", "It was.", "The same."])
def test_fragments_are_recognised(text: str) -> None:
    assert FRAGMENT.match(text)


@pytest.mark.parametrize("text", ["Often right.", "Offline.", "Whatever the seed, the order is one.", "No font is needed."])
def test_sentences_are_left_alone(text: str) -> None:
    assert not FRAGMENT.match(text)
