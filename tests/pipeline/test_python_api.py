"""The public Python API of gan_pipeline does what docs/python-api.md says, silently, in threads, with the command's errors."""

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gan_pipeline
from gan_core.errors import DataError, GanmillError, UsageError
from gan_pipeline.api import PrepareOptions
from gan_pipeline.dataset.options import Options
from tests.support.datasets import examples, run_cli, shards

PAGE = Path(__file__).parents[2] / "docs" / "python-api.md"


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = PAGE.read_text().split("\n## ")[1]
    assert section.startswith("Preparing and reading datasets")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["dataset"].splits == {"train": 500, "held-out": 100}
    assert names["images"].shape == (500, 28, 28, 1)
    assert names["batch"]["image"].shape == (64, 28, 28, 1)
    assert (tmp_path / "digits.html").stat().st_size == names["page"].size
    assert len(names["eights"]) == 64


def test_it_writes_what_the_command_writes_and_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ran = run_cli("prepare", "mnist", "--source", "sample", "--classes", "3,8", "--limit", "40", "-o", tmp_path / "command")
    assert ran.code == 0
    capfd.readouterr()
    made = gan_pipeline.prepare("mnist", tmp_path / "call", source="sample", classes=[3, "8"], limit=40)
    assert capfd.readouterr() == ("", "")
    assert shards(tmp_path / "call") == shards(tmp_path / "command")
    assert not made.already_done
    found = gan_pipeline.prepare("mnist", tmp_path / "command", source="sample", classes="8,3", limit=40)
    assert found.already_done and found.manifest.digest == made.manifest.digest


def test_progress_is_shown_on_request(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    gan_pipeline.prepare("mnist", tmp_path / "data", source="sample", limit=10, progress=True)
    out, err = capfd.readouterr()
    assert out == "" and err.count("8/8 shards") == 1


def test_it_works_in_threads_at_the_same_time(tmp_path: Path) -> None:
    hook = threading.excepthook

    def make(number: int) -> gan_pipeline.Prepared:
        return gan_pipeline.prepare("mnist", tmp_path / str(number), source="sample", classes=[number], limit=20)

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(make, (1, 2)))
    named = [{one.class_names[example["label"]] for example in one.examples()} for one in made]
    assert named == [{"1"}, {"2"}]
    assert threading.excepthook is hook


@pytest.mark.parametrize(
    ("options", "typed"),
    [
        ({"limit": 0}, None),
        ({"classes": ["nine"]}, ("--classes", "nine")),
        ({"split": ["train", "valid"]}, ("--split", "train,valid")),
        ({"image_size": 32}, ("--image-size", "32")),
        ({"margins": 1}, None),
        ({"encoding": "jpeg"}, ("--encoding", "jpeg")),
        ({"workers": 0}, None),
        ({"max_failure_rate": 2}, None),
        ({"runner_options": ["--region=x"]}, None),
    ],
)
def test_wrong_options_raise_the_message_of_the_command(
    options: dict[str, Any], typed: tuple[str, ...] | None, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        gan_pipeline.prepare("mnist", tmp_path / "data", source="sample", **options)
    if typed:
        ran = run_cli("prepare", "mnist", "--source", "sample", "-o", tmp_path / "data", *typed)
        assert (ran.code, ran.err) == (2, f"error: {caught.value}\n")
    assert not (tmp_path / "data").exists()


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no manifest\.json here"):
        gan_pipeline.open_dataset(tmp_path)
    with pytest.raises(UsageError, match="unknown dataset 'digits'"):
        gan_pipeline.prepare("digits", tmp_path)


def test_an_open_dataset_gives_what_the_folder_holds(digits: Path) -> None:
    dataset = gan_pipeline.open_dataset(digits)
    assert len(dataset) == sum(dataset.splits.values()) == dataset.manifest.counts.kept
    assert dataset.class_names == tuple("0123456789")
    split = next(iter(dataset.splits))
    stored = examples(digits, split)
    for ours, one in zip(dataset.examples(split), stored, strict=True):
        assert ours["id"] == one.id and ours["label"] == one.values["label"]
        assert np.array_equal(ours["image"], np.asarray(one.values["image"]))
    assert sum(dataset.summary["splits"][split]["classes"].values()) == len(stored)
    with pytest.raises(UsageError, match="no split 'valid'; it has: train"):
        dataset.examples("valid")
    with pytest.raises(UsageError, match="no split 'valid'"):
        dataset.as_tf_dataset("valid")


def test_the_tensors_are_the_arrays(digits: Path) -> None:
    dataset = gan_pipeline.open_dataset(digits)
    arrays = list(dataset.examples())
    single = list(dataset.as_tf_dataset().as_numpy_iterator())
    assert [int(one["label"]) for one in single] == [one["label"] for one in arrays]
    batches = dataset.as_tf_dataset(batch_size=7)
    assert len(batches) == -(-len(arrays) // 7)
    together = np.concatenate([batch["image"] for batch in batches.as_numpy_iterator()])
    assert np.array_equal(together, np.stack([one["image"] for one in arrays]))
    with pytest.raises(UsageError, match="batch_size=0"):
        dataset.as_tf_dataset(batch_size=0)


def test_damage_is_found_and_names_the_shard(tmp_path: Path) -> None:
    dataset = gan_pipeline.prepare("mnist", tmp_path, source="sample", limit=20, shards=1)
    shard = tmp_path / "train-00000-of-00001.tfrecord"
    content = bytearray(shard.read_bytes())
    content[-20] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match=f"{shard}: corrupt record at byte"):
        list(dataset.examples())
    assert any("sha256" in fault for fault in dataset.verify())


def test_every_option_of_prepare_is_typed() -> None:
    apart = {"dataset", "source", "splits", "classes"}
    assert set(PrepareOptions.__annotations__) == set(Options.model_fields) - apart


def test_errors_have_one_base() -> None:
    assert issubclass(UsageError, GanmillError) and UsageError.exit_code == 2


def test_the_package_is_a_command_too() -> None:
    done = subprocess.run([sys.executable, "-m", "gan_pipeline", "list", "--json"], capture_output=True, text=True, check=True)
    assert '"mnist"' in done.stdout and done.stderr == ""
    wrong = subprocess.run([sys.executable, "-m", "gan_pipeline", "verify", "nowhere"], capture_output=True, text=True)
    assert wrong.returncode == 3 and wrong.stderr.startswith("error: nowhere: ")
