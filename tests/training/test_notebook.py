"""The notebook of examples/ runs, cell by cell, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.support.runs import SMALL_KEYS

NOTEBOOK = Path(__file__).parents[2] / "examples" / "first-gan.ipynb"

SHORT = {"FIRST_GAN_STEPS": "4", "FIRST_GAN_IMAGES": "40", "MPLBACKEND": "agg"}
"""Fewer steps and images than a reader would take."""


def smaller() -> dict[str, str]:
    """Words of a reader's cells, each with those that take its place here: fewer images, a small network."""
    small = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in SMALL_KEYS)}
    return {'source="sample"': 'source="sample", limit=300', '{"snapshot_every": 45}': f"{small}, evaluate_every=0"}


def cells() -> list[str]:
    """The code of the notebook. The last expression of a cell is what Jupyter shows; here it is computed and dropped."""
    document = json.loads(NOTEBOOK.read_text())
    assert document["nbformat"] == 4
    return ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"]


def test_it_has_no_more_than_ten_cells_of_code_and_no_outputs() -> None:
    document = json.loads(NOTEBOOK.read_text())
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert len(code) <= 10
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in document["cells"]}) == len(document["cells"])


def test_it_goes_from_raw_images_to_generated_ones(tmp_path: Path) -> None:
    script = tmp_path / "cells.py"
    text = "\n\n".join(cells())
    for words, others in smaller().items():
        assert text.count(words) == 1
        text = text.replace(words, others)
    script.write_text(text + "\n\nassert samples.axes and between.axes and len(dataset) == 300\n")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=os.environ | SHORT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "FID" in done.stdout
    for name in ("samples/step-00000004.png", "report.html", "scores.jsonl"):
        assert (tmp_path / "runs" / "first" / name).exists()
