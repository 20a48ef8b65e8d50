"""The whole way over gs://, against an emulator on this machine."""

from pathlib import Path

import pytest

from gan_core.errors import StorageError
from gan_core.storage import CloudFolder, open_folder
from gan_pipeline.dataset.manifest import read_manifest
from tests.support.datasets import idx_files, prepare, run_cli, shards, tree


@pytest.fixture(scope="module")
def cloud_source(bucket: str) -> str:
    folder = open_folder(f"{bucket}/raw")
    for name, content in idx_files(packed=True).items():
        folder.write(name, content)
    return folder.uri


@pytest.fixture(scope="module")
def local_twin(idx_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("twin") / "out"
    prepare(out, source=idx_folder)
    return out


def test_from_gs_to_disk(cloud_source: str, local_twin: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "out", source=cloud_source)
    assert shards(tmp_path / "out") == shards(local_twin)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_from_gs_to_gs(bucket: str, cloud_source: str, local_twin: Path, workers: str) -> None:
    out = f"{bucket}/out-{workers}"
    manifest = prepare(out, "--workers", workers, source=cloud_source)
    folder = open_folder(out)
    content = {name: folder.read(name) for name in folder.names()}
    local = tree(local_twin)
    # The manifest alone says where the source was.
    del content["manifest.json"], local["manifest.json"]
    assert content == local
    assert manifest.digest == read_manifest(open_folder(local_twin)).digest
    again = run_cli("prepare", "mnist", "--source", cloud_source, "-o", out)
    assert (again.code, again.out.startswith("already done")) == (0, True)
    assert run_cli("verify", out).code == 0
    assert "gs://" in run_cli("inspect", out).out


def test_damage_on_gs_is_found(bucket: str, idx_folder: Path) -> None:
    out = f"{bucket}/damaged"
    prepare(out, source=idx_folder)
    folder, name = open_folder(out), "train-00001-of-00008.tfrecord"
    folder.write(name, folder.read(name)[:-1] + b"?")
    assert f"{out}/{name}: its content changed" in run_cli("verify", out).err
    folder.remove(name)
    ran = run_cli("verify", out)
    assert (ran.code, f"{out}/{name}: missing" in ran.err) == (3, True)


def test_a_run_that_failed_at_the_last_write_is_finished(
    bucket: str, idx_folder: Path, local_twin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, write = f"{bucket}/half", CloudFolder.write

    def refuse_the_manifest(self: CloudFolder, name: str, content: bytes) -> None:
        if name == "manifest.json":
            raise StorageError(f"{self.locate(name)}: no rights")
        write(self, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(CloudFolder, "write", refuse_the_manifest)
        ran = run_cli("prepare", "mnist", "--source", idx_folder, "-o", out)
    assert (ran.code, f"{out}/manifest.json: no rights" in ran.err) == (5, True)
    assert "prepared only in part" in run_cli("verify", out).err
    folder = open_folder(out)
    folder.remove("train-00001-of-00008.tfrecord")
    folder.write("train-00002-of-00008.tfrecord", b"damaged meanwhile")
    folder.remove(".work/train-00003-of-00008.tfrecord.json")
    folder.write(".work/train-00004-of-00008.tfrecord.json", b"{}")
    prepare(out, source=idx_folder)
    assert {name: folder.read(name) for name in folder.names()} == tree(local_twin)


def test_what_is_not_on_gs(bucket: str, tmp_path: Path) -> None:
    ran = run_cli("prepare", "mnist", "--source", f"{bucket}/nothing", "-o", tmp_path / "out")
    assert (ran.code, f"{bucket}/nothing: not found, or empty" in ran.err) == (5, True)
    ran = run_cli("prepare", "mnist", "--source", "gs://ganmill-absent/raw", "-o", tmp_path / "out")
    assert (ran.code, "gs://ganmill-absent/raw: not found" in ran.err) == (5, True)
    ran = run_cli("prepare", "mnist", "--source", "sample", "-o", "gs://ganmill-absent/out")
    assert (ran.code, "gs://ganmill-absent/out" in ran.err) == (5, True)
    ran = run_cli("verify", f"{bucket}/nothing")
    assert (ran.code, "no manifest.json here" in ran.err) == (3, True)
    assert not (tmp_path / "out").exists()
