"""Values of options and recipes that no person means: each is refused at once, in one short message, without much memory."""

import io
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_train.latents.truncation import checked_truncation
from gan_train.recipe.practice_config import LatentConfig
from gan_train.tools.latent_options import LatentOptions
from tests.support.commands import Argument, Ran
from tests.support.damage import LAUGHS
from tests.support.datasets import run_cli
from tests.support.runs import SMALL, gan_train

DIGITS = "1" * 5000
MEGABYTES = 1 << 20


def refused(command: object, *arguments: Argument) -> Ran:
    """Run a command that must end with code 2 or 3 within seconds and 200 MB."""
    began = time.process_time()
    tracemalloc.start()
    try:
        ran: Ran = command(*arguments)  # type: ignore[operator]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ran.code in (2, 3), (ran.code, ran.err)
    assert len(ran.err) < 2000 and ran.err.replace("\n", "").isprintable()
    assert time.process_time() - began < 20 and peak < 200 * MEGABYTES
    return ran


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (LAUGHS.decode(), "more than 100,000 values"),
        (f"base: mnist-gan\nsteps: {DIGITS}", "line 2: '1111"),
        ("base: mnist-gan\nabout: 2020-13-45", "line 2: '2020-13-45' is no timestamp"),
        ("base: mnist-gan\nsteps: !!int x", "line 2: 'x' is no int"),
        ("base: mnist-gan\nsteps: 0x" + "f" * 40, "is no int of 64 bits"),
        ("base: mnist-gan\nsteps: 2020-01-01", "steps: must be a whole number"),
        ("base: mnist-gan\nlatent_size: 10000000000000", "latent_size: must be at most 65536"),
        ("[" * 100_000, "nested deeper than 50 levels"),
        ("&a [*a]", "alias *a refers to nothing before it"),
        ("1: 2", "not a mapping of keys to values"),
        ("base: [a]", "base: choose one of"),
        ("base: mnist-gan\n\x1b[31m: 1", "unacceptable character"),
        ('base: mnist-gan\n"\\e[31m": 1', r"unknown key \x1b[31m"),
        ("x: " + "a" * (2 * MEGABYTES), "larger than 1,048,576 bytes"),
    ],
)
def test_a_hostile_recipe_file(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "mine.yaml").write_text(content)
    assert fault in refused(gan_train, "show", tmp_path / "mine.yaml").err


@pytest.mark.parametrize(
    "override",
    [
        f"steps={DIGITS}", "steps=!!int x", "about=2020-13-45", "steps=1e400", "generator.filters=[" + "8," * 60_000 + "]",
        "steps={a: &a [*a]}", "a." * 3000 + "b=1", "seed=!!python/object/apply:os.system [ls]", "steps=1\n---\n2",
    ],
)  # fmt: skip
def test_a_hostile_override(override: str) -> None:
    refused(gan_train, "show", "mnist-gan", "--set", override)


@pytest.mark.parametrize("truncation", ["inf", "-inf", "nan", "-1", "0", "1e-9", "1e300"])
def test_a_truncation_that_no_normal_number_survives_or_needs(trained: Path, tmp_path: Path, truncation: str) -> None:
    ran = refused(gan_train, "sample", trained, "-o", tmp_path / "x.png", f"--truncation={truncation}")
    assert "write 0.01 to 100 standard deviations" in ran.err and not list(tmp_path.iterdir())
    assert checked_truncation(LatentConfig(), 100.0, None).threshold == 100.0
    assert LatentOptions(truncation=0.5).facts == {"truncation": "0.5"}


def packed(shape: tuple[int, ...], values: int) -> bytes:
    """An .npz file whose array announces a shape and has so many zeros, packed to a thousandth of their size."""
    header, buffer = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_2_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("latents.npy", "w") as file:
        file.write(header.getvalue())
        for start in range(0, 4 * values, MEGABYTES):
            file.write(bytes(min(MEGABYTES, 4 * values - start)))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (packed((2_000_000, 50), 100_000_000), "an array of 400,000,128 bytes, more than"),
        (packed((10**12, 50), 50), "its header announces float32 of shape (1000000000000, 50), but 200 bytes follow"),
        (packed((2**62, 4), 50), "but 200 bytes follow"),
        (packed((3, 50), 100), "but 400 bytes follow"),
        (b"PK\x03\x04" + bytes(100), "no readable .npz or .npy file"),
        (b"\x93NUMPY\x01\x00" + bytes(100), "no readable .npz or .npy file"),
        (b"", "no readable .npz or .npy file"),
    ],
)
def test_a_file_of_latents_that_would_take_more_than_it_says(trained: Path, tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "latents.npz").write_bytes(content)
    ran = refused(gan_train, "sample", trained, "-o", tmp_path / "x.png", "--latents", tmp_path / "latents.npz")
    assert ran.code == 3 and fault in ran.err and "latents.npz" in ran.err


def test_a_file_of_python_objects_is_not_unpickled(trained: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "latents.npy", np.array([print], dtype=object), allow_pickle=True)
    ran = refused(gan_train, "sample", trained, "-o", tmp_path / "x.png", "--latents", tmp_path / "latents.npy")
    assert ran.code == 3 and "it holds Python objects, which are not read" in ran.err


@pytest.mark.parametrize(
    "options",
    [
        ("--seeds", DIGITS), ("--seeds", "1-" + "9" * 18), ("--seed", DIGITS), ("--step", DIGITS), ("--count", DIGITS),
        ("--class", DIGITS), ("--code", "x" * 100_000), ("--bank", DIGITS),
    ],
)  # fmt: skip
def test_numbers_of_thousands_of_digits(trained: Path, tmp_path: Path, options: tuple[str, str]) -> None:
    assert refused(gan_train, "sample", trained, "-o", tmp_path / "x.png", *options).code == 2


@pytest.mark.parametrize("keep", [f"last={DIGITS}", "every=" + "9" * 400, "last=0", "last=-1"])
def test_numbers_of_checkpoints_that_no_run_has(digits: Path, tmp_path: Path, keep: str) -> None:
    ran = refused(gan_train, "run", "mnist-gan", "--data", digits, "-o", tmp_path / "run", "--dry-run", "--keep", keep)
    assert "write last=N" in ran.err


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("curve", "--limit", str(10**12)), "a curve has at most 10,000,000 points"),
        (("curve", "--limit", DIGITS), "--limit"),
        (("mnist", "--source", "sample", "--classes", DIGITS), "is not a class of this dataset"),
    ],
)
def test_numbers_that_prepare_cannot_use(tmp_path: Path, arguments: tuple[str, ...], fault: str) -> None:
    ran = refused(run_cli, "prepare", *arguments, "-o", tmp_path / "out")
    assert ran.code == 2 and fault in ran.err and not (tmp_path / "out").exists()


def test_a_folder_with_other_files_gets_no_images_without_force(trained: Path, tmp_path: Path) -> None:
    """Also the root of the file system, which is not listed to its end."""
    for out in ("/", "/usr"):
        assert "holds other files" in refused(gan_train, "sample", trained, "-o", out, "--count", "2").err
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "holiday.png").write_bytes(b"not by this command")
    ran = refused(gan_train, "sample", trained, "-o", mine, "--count", "2")
    assert ran.code == 2 and "holds other files, such as holiday.png" in ran.err and "--force" in ran.err
    assert len(list(mine.iterdir())) == 1
    assert gan_train("sample", trained, "-o", mine, "--count", "2", "--force").code == 0
    assert len(list(mine.iterdir())) == 3


def test_a_folder_of_images_by_this_command_is_filled_again(trained: Path, tmp_path: Path) -> None:
    for count, expected in (("2", 2), ("3", 3)):
        assert gan_train("sample", trained, "-o", tmp_path / "own", "--count", count).code == 0
        assert len(list((tmp_path / "own").iterdir())) == expected
    (tmp_path / "own" / ".DS_Store").write_bytes(b"hidden files do not count")
    assert gan_train("sample", trained, "-o", tmp_path / "own", "--count", "2").code == 0
    (tmp_path / "own" / "notes.txt").write_text("mine")
    assert gan_train("sample", trained, "-o", tmp_path / "own", "--count", "2").code == 2


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("batch_size=1000000000", "batches of 1,000,000,000 examples take"),
        ("batch_size=20000000", "batches of 20,000,000 examples take"),
        ("discriminator.filters=[1000000000,64]", "the networks of this recipe take"),
        ("generator.base=[7,7,2000000000]", "the networks of this recipe take"),
        ("steps=100000000", "steps: must be at most 99999999"),
        ("steps_per_call=1000000", "steps_per_call: must be at most 10000"),
        ("discriminator.kernel=4000000000", "discriminator.kernel: must be less than 2147483648"),
    ],
)
def test_a_recipe_that_is_larger_than_the_memory(digits: Path, tmp_path: Path, override: str, fault: str) -> None:
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", tmp_path / "run", *SMALL, "--set", override)
    assert ran.code == 2 and fault in ran.err and not (tmp_path / "run").exists()


def test_memory_that_ends_in_a_step_is_told_in_words(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow's own error is raised where the memory of a device, which nobody knows beforehand, is used up."""
    words = "OOM when allocating tensor with shape[9,9]\n\t[[node]]"

    def no_memory(*_: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, words)

    monkeypatch.setattr("gan_train.loop.session.build_steps", lambda *_: no_memory)
    ran = gan_train("run", "mnist-gan", "--data", digits, "-o", tmp_path / "run", *SMALL)
    assert (ran.code, "OOM when allocating tensor" in ran.err, "take a smaller batch_size" in ran.err) == (2, True, True)
    assert gan_train("watch", tmp_path / "run", "--once").code == 2


@pytest.mark.parametrize("number", ["0", "-1", str(10**9), str(10**30), "nan", "inf", DIGITS])
@pytest.mark.parametrize("option", ["--shards", "--workers", "--bit-depth", "--min-size", "--channels", "--image-size"])
def test_every_number_of_prepare(tmp_path: Path, option: str, number: str) -> None:
    """Before the source is opened, which is an empty folder."""
    ran = refused(run_cli, "prepare", "images", "--source", tmp_path, "-o", tmp_path / "out", f"{option}={number}")
    assert ran.code == 2 and option in ran.err and not (tmp_path / "out").exists()


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    for option in ("--source", "--labels"):
        ran = refused(run_cli, "prepare", "images", "--source", tmp_path, "-o", tmp_path / "out", f"{option}={'x' * 5000}")
        assert ran.code == 2 and "is too long for a path" in ran.err
