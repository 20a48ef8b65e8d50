"""Inputs that once broke a reader, and the seeds of every fuzz target, read without atheris."""

from pathlib import Path

import pytest

from fuzz.harness import Target, attempt, bounded
from fuzz.targets import TARGETS

FOUND = Path(__file__).parent / "data" / "fuzz"
"""One folder for each target, with the inputs that `make fuzz` found."""


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_reader_keeps_its_promise(target: Target, tmp_path: Path) -> None:
    target.install(tmp_path)
    for seed in target.seeds():
        refused = attempt(target, tmp_path, seed)
        assert refused is None, f"a seed that is not read explores nothing: {refused}"
    for found in sorted((FOUND / target.name).glob("*")):
        with bounded():
            attempt(target, tmp_path, found.read_bytes())


def test_every_found_input_belongs_to_a_target() -> None:
    assert {folder.name for folder in FOUND.iterdir()} <= set(TARGETS)
