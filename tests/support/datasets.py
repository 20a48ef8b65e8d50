"""Small tools of the pipeline tests: run the command, read folders, write idx files."""

import gzip
import json
import struct
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.storage import open_folder
from gan_pipeline.cli import commands as cli
from gan_pipeline.dataset.manifest import Manifest, read_manifest
from gan_pipeline.dataset.records import Example, Value, decode_example, unframe
from tests.support.commands import Argument, Ran, run_inside, run_script

GAN_PIPELINE = str(Path(sys.executable).with_name("gan-pipeline"))


def run_cli(*args: Argument) -> Ran:
    """The gan-pipeline command inside this process."""
    return run_inside(cli.main, *args)


def run_child(*args: Argument, env: Mapping[str, str] | None = None, before: Callable[[], None] | None = None) -> Ran:
    """The gan-pipeline script in a process of its own."""
    return run_script("gan-pipeline", *args, env=env, before=before)


def prepare(out: Argument, *options: Argument, source: Argument = "sample", dataset: str = "mnist") -> Manifest:
    """Prepare a dataset and expect success."""
    ran = run_cli("prepare", dataset, "--source", source, "-o", out, *options)
    assert ran.code == 0, ran.err
    return read_manifest(open_folder(out))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, and every empty folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
        elif not any(path.iterdir()):
            found[f"{path.relative_to(folder)}/"] = b""
    return found


def shards(folder: Path) -> dict[str, bytes]:
    """Only the shard files."""
    return {name: content for name, content in tree(folder).items() if name.endswith(".tfrecord")}


def examples(uri: Argument, split: str = "train") -> list[Example]:
    """Every example of a split, in the order of the shards."""
    folder = open_folder(uri)
    manifest = read_manifest(folder)
    records = (record for shard in manifest.splits[split].shards for record in unframe(folder.read(shard.file)))
    return [decode_example(record, manifest.features) for record in records]


def labels_of(uri: Argument, split: str = "train") -> list[Value]:
    """Every label of a split, in the order of the shards."""
    return [example.values["label"] for example in examples(uri, split)]


def images_of(uri: Argument, split: str = "train", name: str = "image") -> dict[str, NDArray[np.uint8]]:
    """Every image of a split by the id of its example."""
    return {example.id: np.asarray(example.values[name]) for example in examples(uri, split)}


def failures(folder: Path) -> list[dict[str, str]]:
    """The lines of failures.jsonl."""
    return [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]


@cache
def sample_arrays() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The packaged digits, read without our own idx reader: images (10000, 28, 28) and labels (10000,)."""
    folder = files("gan_pipeline") / "sample"
    images, labels = (
        gzip.decompress((folder / f"t10k-{name}-ubyte.gz").read_bytes()) for name in ("images-idx3", "labels-idx1")
    )
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28), np.frombuffer(labels, np.uint8, offset=8)


def idx(array: NDArray[np.uint8]) -> bytes:
    """An idx file of an array of bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx_files(count: int = 60, prefix: str = "train", packed: bool = False, mark: str = "-") -> dict[str, bytes]:
    """The two files of a split by name, with the first `count` packaged digits."""
    images, labels = (array[:count] for array in sample_arrays())
    plain = {f"{prefix}-images{mark}idx3-ubyte": idx(images), f"{prefix}-labels{mark}idx1-ubyte": idx(labels)}
    return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in plain.items()} if packed else plain


def write_files(folder: Path, contents: Mapping[str, bytes]) -> Path:
    """Write files into a folder, and make it and their subfolders."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
