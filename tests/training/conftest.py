"""One small dataset and one small trained run for all trainer tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_train.runs import lease, uploader
from gan_train.scoring.real_statistics import CACHE
from tests.support.catalogue import CATALOGUE
from tests.support.cifar_files import PYTHON, python_files, tar
from tests.support.datasets import idx_files, write_files
from tests.support.fake_storage import FakeStorage, fake_storage
from tests.support.photographs import photographs, save_pictures
from tests.support.quick import quick_only
from tests.support.runs import SMALL, SMALL_KEYS, UNSCORED, gan_train
from tests.support.training_data import prepare, prepare_digits, prepare_domains, prepare_pairs, prepare_pictures


def pytest_configure(config: pytest.Config) -> None:
    """Split the CPU for the tests of several replicas, unless only tests without TensorFlow were asked for."""
    if not quick_only(config):
        from gan_train.testing import split_cpu

        split_cpu()


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 digits in 5 shards. Tests that change a file copy the folder first."""
    return prepare_digits(tmp_path_factory.mktemp("training") / "digits")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the statistics of real images, for this test alone."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def pictures_32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few photographs in colour, 32x32."""
    return prepare_pictures(tmp_path_factory.mktemp("training") / "pictures", 32)


@pytest.fixture(scope="session")
def labelled_32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few images of noise in ten classes, 32x32, as CIFAR-10 is."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "cifar.tar.gz").write_bytes(tar(PYTHON, python_files()))
    return prepare(folder / "labelled", "cifar10", "--source", str(folder / "cifar.tar.gz"))


@pytest.fixture(scope="session")
def labelled_64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few photographs in colour in ten classes, 64x64."""
    folder, pictures = tmp_path_factory.mktemp("training"), photographs()
    for number in range(10):
        save_pictures(folder / "classes" / f"class-{number}", pictures[4 * number : 4 * number + 4])
    return prepare(folder / "labelled", "images", "--source", str(folder / "classes"), "--image-size", "64")


@pytest.fixture(scope="session")
def pictures_64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few photographs in colour, 64x64."""
    return prepare_pictures(tmp_path_factory.mktemp("training") / "pictures", 64)


@pytest.fixture(scope="session")
def pictures_80(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few photographs in colour, 80x80."""
    return prepare_pictures(tmp_path_factory.mktemp("training") / "pictures", 80)


@pytest.fixture(scope="session")
def pairs_16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 pairs of a grey photograph and itself, 16x16, and 16 held out. Not to be changed."""
    return prepare_pairs(tmp_path_factory.mktemp("training") / "pairs", 16, "--hold-out", "16")


@pytest.fixture(scope="session")
def pairs_64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 pairs of a grey photograph and itself, 64x64."""
    return prepare_pairs(tmp_path_factory.mktemp("training") / "pairs", 64)


@pytest.fixture(scope="session")
def pairs_128(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, 128x128."""
    return prepare_pairs(tmp_path_factory.mktemp("training") / "pairs", 128)


@pytest.fixture(scope="session")
def domains_16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs in colour, and fewer others without, 16x16. Not to be changed."""
    return prepare_domains(tmp_path_factory.mktemp("training") / "domains", 16)


@pytest.fixture(scope="session")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 points of the parabola."""
    return prepare(tmp_path_factory.mktemp("training") / "points", "curve", "--limit", "300", "--shards", "2")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    """A small mnist-dcgan run of 6 steps, sample grids at 3 and 6, checkpoints every 2. Not to be changed."""
    out = tmp_path_factory.mktemp("training") / "run"
    options = (*SMALL, "--steps", "6", "--set", "snapshot_every=3", "--set", "checkpoint_every=2")
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", out, *options)
    assert ran.code == 0, ran.err
    return out


@pytest.fixture(scope="session")
def held_out_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 digits to train on and 60 held out. Not to be changed."""
    return prepare_digits(tmp_path_factory.mktemp("training") / "digits", "--hold-out", "60")


@pytest.fixture(scope="session")
def sgan_run(tmp_path_factory: pytest.TempPathFactory, held_out_digits: Path) -> Path:
    """A small mnist-sgan run of 4 steps, snapshots and checkpoints at 2 and 4. Not to be changed."""
    out = tmp_path_factory.mktemp("training") / "sgan"
    keys = (*CATALOGUE["mnist-sgan"].small, "steps=4", "snapshot_every=2", "checkpoint_every=2")
    options = [part for key in keys for part in ("--set", key)]
    ran = gan_train("run", "mnist-sgan", "--data", held_out_digits, "-o", out, *UNSCORED, *options)
    assert ran.code == 0, ran.err
    return out


@pytest.fixture(scope="session")
def classifier_run(tmp_path_factory: pytest.TempPathFactory, held_out_digits: Path) -> Path:
    """A small digit-classifier run of 4 steps, snapshots and checkpoints at 2 and 4. Not to be changed."""
    out = tmp_path_factory.mktemp("training") / "classifier"
    keys = (*CATALOGUE["digit-classifier"].small, "steps=4", "snapshot_every=2", "checkpoint_every=2", "measured_images=60")
    options = [part for key in keys for part in ("--set", key)]
    ran = gan_train("run", "digit-classifier", "--data", held_out_digits, "-o", out, *UNSCORED, *options)
    assert ran.code == 0, ran.err
    assert f"then: gan-train classify {out} --data FOLDER" in ran.out
    return out


@pytest.fixture(scope="session")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 digits whose classes go by the names of clothes."""
    folder = tmp_path_factory.mktemp("training")
    # One digit fewer than the official files, which are refused under another name.
    source = write_files(folder / "source", idx_files(9_999))
    return prepare(folder / "clothes", "fashion_mnist", "--source", str(source), "--limit", "300", "--shards", "2")


# At this rate three steps are enough for images of two classes or codes to differ.
QUICK = (*UNSCORED, "--steps", "3", "--set", "snapshot_every=3", "--set", "generator.optimizer.learning_rate=0.05")


@pytest.fixture(scope="session")
def conditional(tmp_path_factory: pytest.TempPathFactory, clothes: Path) -> Path:
    """A small fashion-cgan run of 3 steps, with an FID. Not to be changed."""
    out = tmp_path_factory.mktemp("training") / "conditional"
    ran = gan_train("run", "fashion-cgan", "--data", clothes, "-o", out, *SMALL, *QUICK, "--evaluate-every", "1")
    assert ran.code == 0, ran.err
    return out


@pytest.fixture(scope="session")
def infogan(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    """A small mnist-infogan run of 3 steps. Not to be changed."""
    out = tmp_path_factory.mktemp("training") / "infogan"
    # The last kernel of its generator is no key.
    small = [part for key in SMALL_KEYS if not key.startswith("generator.output_kernel") for part in ("--set", key)]
    ran = gan_train("run", "mnist-infogan", "--data", digits, "-o", out, *small, *QUICK)
    assert ran.code == 0, ran.err
    return out


@pytest.fixture(scope="session")
def pix2pix_run(tmp_path_factory: pytest.TempPathFactory, pairs_16: Path) -> Path:
    """A small maps-pix2pix run of 2 steps, a snapshot at each. Not to be changed."""
    return _translator(tmp_path_factory.mktemp("training") / "pix2pix", "maps-pix2pix", pairs_16)


@pytest.fixture(scope="session")
def cyclegan_run(tmp_path_factory: pytest.TempPathFactory, domains_16: Path) -> Path:
    """A small horse2zebra-cyclegan run of 2 steps, a snapshot at each. Not to be changed."""
    return _translator(tmp_path_factory.mktemp("training") / "cyclegan", "horse2zebra-cyclegan", domains_16)


def _translator(out: Path, name: str, data: Path) -> Path:
    """At this rate two steps are enough for what dropout drops to be seen."""
    schedule = ("steps=2", "snapshot_every=1", "steps_per_call=1", "sample_images=2", "measured_images=2")
    keys = (*CATALOGUE[name].small, *schedule, "generator.optimizer.learning_rate=0.02")
    ran = gan_train("run", name, "--data", data, "-o", out, *UNSCORED, *(part for key in keys for part in ("--set", key)))
    assert ran.code == 0, ran.err
    return out


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeStorage]:
    """A storage; nothing pauses for long, and mirrors lie in the test's folder."""
    with fake_storage() as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        monkeypatch.setenv("GANMILL_RUN_CACHE", str(tmp_path / "cache"))
        for module, name in ((lease, "SETTLE_SECONDS"), (lease, "POLL_SECONDS"), (uploader, "REFUSAL_PAUSE_SECONDS")):
            monkeypatch.setattr(module, name, 0.0)
        yield storage
