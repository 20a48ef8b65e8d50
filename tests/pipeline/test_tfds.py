"""TensorFlow Datasets reads what we write, and we read what it wrote."""

from pathlib import Path

import numpy as np
import pytest

from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.records import ExampleEncoder, frame
from tests.support.commands import Ran
from tests.support.datasets import examples, idx_files, images_of, labels_of, run_child, run_cli, write_files


@pytest.mark.parametrize("name", ["digits", "digits_png"])
def test_tfds_reads_our_folder(name: str, request: pytest.FixtureRequest) -> None:
    import tensorflow_datasets as tfds

    folder: Path = request.getfixturevalue(name)
    builder = tfds.builder_from_directory(str(folder))
    assert builder.info.splits["train"].num_examples == 400
    assert builder.info.features["label"].names == list("0123456789")
    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    theirs = list(tfds.as_numpy(builder.as_dataset(split="train", shuffle_files=False, read_config=in_order)))
    ours = examples(folder)
    assert [example["id"].decode() for example in theirs] == [example.id for example in ours]
    assert [int(example["label"]) for example in theirs] == labels_of(folder)
    np.testing.assert_array_equal(np.stack([e["image"] for e in theirs]), np.stack(list(images_of(folder).values())))
    assert theirs[0]["image"].dtype == np.uint8


@pytest.fixture(scope="module")
def tfds_root(digits_png: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TFDS_DATA_DIR that holds mnist/3.0.1 as TFDS itself leaves it: 64 train digits and 36 test digits."""
    import tensorflow_datasets as tfds

    root = tmp_path_factory.mktemp("tfds")
    folder = root / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    infos, known = [], examples(digits_png)
    encoder = ExampleEncoder(read_manifest(open_folder(digits_png)).features)
    for split, chosen in {"train": known[:64], "test": known[64:100]}.items():
        content = b"".join(frame(encoder.encode(example)) for example in chosen)
        (folder / f"mnist-{split}.tfrecord-00000-of-00001").write_bytes(content)
        template = tfds.core.ShardedFileTemplate(data_dir=folder, dataset_name="mnist", split=split, filetype_suffix="tfrecord")
        infos.append(
            tfds.core.SplitInfo(name=split, shard_lengths=[len(chosen)], num_bytes=len(content), filename_template=template)
        )
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=tfds.features.FeaturesDict(
            {"image": tfds.features.Image(shape=(28, 28, 1)), "label": tfds.features.ClassLabel(num_classes=10)}
        ),
        split_infos=infos,
        check_data=False,
    )
    assert tfds.builder("mnist", data_dir=root).is_prepared()
    return root


def prepare_from_tfds(root: Path, out: Path, *options: str) -> Ran:
    # TFDS reads its environment once, when it is imported: hence a process of its own.
    return run_child("prepare", "mnist", "-o", out, *options, env={"TFDS_DATA_DIR": str(root)})


def test_we_read_what_tfds_prepared(tfds_root: Path, digits_png: Path, tmp_path: Path) -> None:
    """In two processes, which share the reading; test_auto_falls_back_on_tfds reads in one."""
    options = ("--split", "train,test", "--source", "tfds", "--workers", "2")
    ran = prepare_from_tfds(tfds_root, tmp_path / "out", *options)
    assert ran.code == 0, ran.err
    known = examples(digits_png)
    for split, chosen in {"train": known[:64], "test": known[64:100]}.items():
        written = sorted(examples(tmp_path / "out", split), key=lambda example: example.id)
        for name in ("label", "image"):
            np.testing.assert_array_equal(*([example.values[name] for example in each] for each in (written, chosen)))


def test_auto_falls_back_on_tfds(tfds_root: Path, tmp_path: Path) -> None:
    ran = prepare_from_tfds(tfds_root, tmp_path / "out", "--limit", "9")
    assert (ran.code, len(examples(tmp_path / "out"))) == (0, 9), ran.err


def test_auto_takes_the_cache_folder_first(tfds_root: Path, tmp_path: Path) -> None:
    write_files(tmp_path / "cache" / "mnist", idx_files(20))
    env = {"GANMILL_DATA": str(tmp_path / "cache"), "TFDS_DATA_DIR": str(tfds_root)}
    ran = run_child("prepare", "mnist", "-o", tmp_path / "out", env=env)
    assert (ran.code, len(examples(tmp_path / "out"))) == (0, 20), ran.err


def test_auto_without_a_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container may run under a number that no table of users has."""

    def nobody(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for variable in ("HOME", "GANMILL_DATA"):
        monkeypatch.delenv(variable, raising=False)
    ran = run_cli("prepare", "mnist", "-o", tmp_path / "out")
    assert (ran.code, ran.out) == (5, "")
    assert "no home folder; set GANMILL_DATA, or HOME, to a folder" in ran.err
    write_files(tmp_path / "cache" / "mnist", idx_files(20))
    monkeypatch.setenv("GANMILL_DATA", str(tmp_path / "cache"))
    ran = run_cli("prepare", "mnist", "-o", tmp_path / "out")
    assert (ran.code, len(examples(tmp_path / "out"))) == (0, 20), ran.err


def test_without_network_the_way_out_is_named(tmp_path: Path) -> None:
    ran = prepare_from_tfds(tmp_path / "empty", tmp_path / "out", "--source", "tfds")
    assert (ran.code, ran.out) == (5, "")
    assert len(ran.err.splitlines()) == 1
    assert "no connection to storage.googleapis.com" in ran.err
    assert "--source sample" in ran.err
    assert not (tmp_path / "out").exists()
