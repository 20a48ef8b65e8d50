"""The page of a dataset of many classes: the work grows as the number of classes does, counted in calls, not in seconds."""

import sys
from pathlib import Path
from types import FrameType

import pytest

from gan_core.storage import open_folder
from gan_pipeline.dataset.features import LabelFeature
from gan_pipeline.dataset.manifest import read_manifest, sealed, write_manifest
from gan_pipeline.inspection.dataset_page import dataset_page
from tests.support.datasets import prepare

pytestmark = pytest.mark.quick


def calls_for(folder: Path, classes: int) -> int:
    """The number of Python calls that make the page of a dataset whose manifest names so many classes."""
    manifest = read_manifest(open_folder(folder))
    label = LabelFeature(class_names=tuple(f"class {number}" for number in range(classes)))
    fields = {name: getattr(manifest, name) for name in ("name", "splits", "counts", "options", "source", "packages")}
    write_manifest(open_folder(folder), sealed(features={**manifest.features, "label": label}, **fields))
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        page = dataset_page(open_folder(folder), read_manifest(open_folder(folder)))
    finally:
        sys.setprofile(None)
    assert f"class {classes - 1}" in page.html
    return calls


def test_twice_the_classes_take_twice_the_work(tmp_path: Path) -> None:
    prepare(tmp_path / "data", "--limit", "40", "--shards", "1")
    calls_for(tmp_path / "data", 10)
    base, one, two = (calls_for(tmp_path / "data", classes) for classes in (1000, 2000, 4000))
    assert two - one < 2.2 * (one - base)
