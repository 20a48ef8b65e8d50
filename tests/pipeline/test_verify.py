"""verify finds every kind of damage, says where, and passes what is whole."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import parse_manifest, read_manifest, sealed, write_manifest
from gan_pipeline.dataset.records import Example, ExampleEncoder, frame, unframe
from tests.support.datasets import examples, labels_of, run_cli, tree

SHARD = "train-00003-of-00008.tfrecord"


@pytest.fixture
def folder(digits: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(digits, tmp_path / "digits"))


def test_a_whole_folder_passes(digits: Path) -> None:
    before = tree(digits)
    ran = run_cli("verify", digits)
    assert (ran.code, ran.err) == (0, "")
    assert "whole, 400 examples" in ran.out
    assert json.loads(run_cli("verify", digits, "--json").out)["faults"] == []
    assert tree(digits) == before


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(flip, "its content changed, the sha256", id="flipped"),
        pytest.param(lambda content: content[:-1], "43099 bytes where the manifest says 43100", id="cut by a byte"),
        pytest.param(lambda content: content[: 862 * 10], "10 records where the manifest says 50", id="cut between records"),
        pytest.param(lambda content: content + b"\0", "43101 bytes", id="longer"),
        pytest.param(lambda content: b"", "0 bytes where", id="emptied"),
    ],
)
def test_a_damaged_shard_is_named(folder: Path, damage: Callable[[bytes], bytes], words: str) -> None:
    (folder / SHARD).write_bytes(damage((folder / SHARD).read_bytes()))
    ran = run_cli("verify", folder)
    assert ran.code == 3
    assert f"{folder}/{SHARD}" in ran.err
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_every_damaged_shard_is_listed(folder: Path) -> None:
    (folder / SHARD).unlink()
    other = folder / "train-00006-of-00008.tfrecord"
    other.write_bytes(flip(other.read_bytes()))
    ran = run_cli("verify", folder, "--json")
    assert ran.code == 3
    faults = json.loads(ran.out)["faults"]
    assert f"{SHARD}: missing" in faults[0]
    assert all(other.name in fault for fault in faults[1:])
    assert len(faults) == 3


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        pytest.param(edited(lambda d: d["splits"]["train"]["shards"].pop()), "digest does not match", id="shard left out"),
        pytest.param(
            edited(lambda d: d["splits"]["train"]["shards"][0].update(examples=7)), "digest does not match", id="count"
        ),
        pytest.param(edited(lambda d: d.update(digest="0" * 64)), "digest does not match", id="digest"),
        pytest.param(edited(lambda d: d["features"]["label"]["class_names"].reverse()), "digest does not match", id="classes"),
        pytest.param(edited(lambda d: d["counts"].update(read=1)), "digest does not match", id="counts"),
        pytest.param(edited(lambda d: d["options"].update(seed=1)), "digest does not match", id="options"),
        pytest.param(edited(lambda d: d.update(checksum="0" * 64)), "digest does not match", id="checksum"),
        pytest.param(
            edited(lambda d: d["splits"]["train"]["shards"][0].update(file="../secret.tfrecord")), "damaged (splits", id="path"
        ),
        pytest.param(edited(lambda d: d.pop("features")), "damaged (features: is missing)", id="field missing"),
        pytest.param(edited(lambda d: d.update(surprise=1)), "damaged (surprise", id="field unknown"),
        pytest.param(edited(lambda d: d.update(schema_version=99)), "schema 99, this version reads schema 2", id="schema"),
        pytest.param(edited(lambda d: d.update(schema_version=1)), "schema 1, this version reads schema 2", id="older"),
        pytest.param(edited(lambda d: d.pop("schema_version")), "damaged (schema_version: is missing)", id="no schema"),
        pytest.param(lambda content: b"", "damaged (", id="empty"),
        pytest.param(lambda content: content[:100], "damaged (", id="cut"),
        pytest.param(lambda content: b"\xff\x00\x80", "damaged (", id="bytes"),
        pytest.param(lambda content: b"[1, 2]", "damaged (", id="a list"),
        pytest.param(lambda content: b'"text"', "damaged (", id="a text"),
        pytest.param(lambda content: b"[" * 100_000, "damaged (", id="deep"),
    ],
)
@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_a_wrong_manifest_is_named(folder: Path, edit: Callable[[bytes], bytes], words: str, command: str) -> None:
    manifest = folder / "manifest.json"
    manifest.write_bytes(edit(manifest.read_bytes()))
    ran = run_cli(command, folder)
    assert ran.code == 3
    assert f"{manifest}: " in ran.err
    assert words in ran.err


def _replace_first_shard(folder: Path, records: list[bytes]) -> None:
    """Forge a shard whose checksums are all right, so that only its content can give it away."""
    import hashlib

    content = b"".join(map(frame, records))
    manifest = parse_manifest((folder / "manifest.json").read_bytes(), "")
    train = manifest.splits["train"]
    forged = train.shards[0].model_copy(update={"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    splits = {"train": train.model_copy(update={"shards": (forged, *train.shards[1:])})}
    kept = {name: getattr(manifest, name) for name in ("name", "features", "counts", "options", "source", "packages")}
    write_manifest(open_folder(folder), sealed(splits=splits, **kept))
    (folder / forged.file).write_bytes(content)


def test_records_are_checked_behind_right_checksums(folder: Path) -> None:
    first = examples(folder)[:50]
    encoder = ExampleEncoder(read_manifest(open_folder(folder)).features)
    bad_label = Example("train-000007", {**first[9].values, "label": 10})
    _replace_first_shard(folder, [encoder.encode(e) for e in [*first[:9], bad_label, *first[10:]]])
    ran = run_cli("verify", folder)
    assert ran.code == 3
    assert "after 9 good records: label 10 is outside 0..9" in ran.err
    _replace_first_shard(folder, [encoder.encode(e) for e in first[:49]])
    assert "49 records where the manifest says 50" in run_cli("verify", folder).err
    _replace_first_shard(folder, [b"\xff"] * 50)
    assert "after 0 good records: a record that is not an example" in run_cli("verify", folder).err


def test_only_deep_looks_into_the_images(digits_png: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(digits_png, tmp_path / "png"))
    assert (run_cli("verify", folder).code, run_cli("verify", folder, "--deep").code) == (0, 0)
    stored = (folder / "train-00000-of-00008.tfrecord").read_bytes()
    pixels = b"IDAT"
    records = [record.replace(pixels, b"IDAX") if number == 4 else record for number, record in enumerate(unframe(stored))]
    _replace_first_shard(folder, records)
    assert run_cli("verify", folder).code == 0
    ran = run_cli("verify", folder, "--deep")
    assert ran.code == 3
    assert "after 4 good records: not a readable PNG" in ran.err


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_a_folder_without_a_dataset(tmp_path: Path, command: str) -> None:
    ran = run_cli(command, tmp_path)
    assert ran.code == 3
    assert f"{tmp_path}: no manifest.json here" in ran.err
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "plan.json").write_bytes(b"{}")
    assert "prepared only in part" in run_cli(command, tmp_path).err


def test_inspect_counts_the_classes(digits: Path) -> None:
    summary = json.loads(run_cli("inspect", digits, "--json").out)
    labels = labels_of(digits)
    assert summary["splits"]["train"]["classes"] == {str(n): labels.count(n) for n in range(10)}
    assert summary["splits"]["train"]["examples"] == 400
    text = run_cli("inspect", digits).out
    assert summary["digest"] in text
    assert "9,600 over the limit" in text
