"""gan-train sample: images from a trained run."""

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from gan_core.errors import DataError, UsageError
from gan_core.images.labelled import labelled_png
from gan_train.latents.inputs import Inputs
from gan_train.recipe.practice_config import LatentConfig
from gan_train.sampling.generator import saved_generator
from gan_train.tools.latent_options import LatentOptions, latent_inputs, parse_seeds, read_inputs
from tests.support.pictures import grid_pixels
from tests.support.runs import cells, gan_train


def sample(*args: str | Path) -> dict[str, Any]:
    ran = gan_train("sample", *args, "--json")
    assert ran.code == 0, ran.err
    answer: dict[str, Any] = json.loads(ran.out)
    return answer


def test_a_grid(trained: Path, tmp_path: Path) -> None:
    assert sample(trained, "-o", tmp_path / "grid.png")["images"] == 25
    image = Image.open(tmp_path / "grid.png")
    assert grid_pixels(tmp_path / "grid.png").shape == (5 * 30 + 2, 5 * 30 + 2)
    assert image.size == (912, 912)
    assert image.text["step"] == "6"


@pytest.mark.parametrize("name", ["x.jpg", "x.PNG", "x.webp", "x.npz"])
def test_no_folder_gets_the_name_of_another_kind_of_file(
    name: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for options in ((), ("--force",)):
        ran = gan_train("sample", trained, "-o", name, *options)
        assert (ran.code, "ending in .png for a grid" in ran.err, list(tmp_path.iterdir())) == (2, True, []), ran.err
    assert sample(trained, "-o", f"{name}/", "--count", "1")["images"] == 1
    assert len(list((tmp_path / name).glob("*.png"))) == 1


def test_single_images_by_seed(trained: Path, tmp_path: Path) -> None:
    sample(trained, "-o", tmp_path / "many", "--seeds", "3,7,10-11")
    assert sorted(path.name for path in (tmp_path / "many").glob("*")) == [f"seed-{n}.png" for n in (10, 11, 3, 7)]
    sample(trained, "-o", tmp_path / "again", "--seeds", "7")
    assert (tmp_path / "again" / "seed-7.png").read_bytes() == (tmp_path / "many" / "seed-7.png").read_bytes()


def test_the_all_zero_vector_gives_what_keras_gives(trained: Path, tmp_path: Path) -> None:
    sample(trained, "-o", tmp_path / "zero", "--zero", "--step", "3")
    generator = keras.models.load_model(trained / "models" / "generator-step-00000003.keras")
    expected = np.rint(np.asarray(generator(np.zeros((1, 50), np.float32)))[0, ..., 0] * 127.5 + 127.5)
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "zero" / "zero.png")).astype(float), expected, atol=1)


def test_a_bank_numbers_its_images_and_keeps_their_latents(trained: Path, tmp_path: Path) -> None:
    made = sample(trained, "-o", tmp_path / "bank.png", "--bank", "12", "--seed", "5")
    assert made["latents"] == str(tmp_path / "bank.npz")
    latents = np.load(tmp_path / "bank.npz", allow_pickle=False)["latents"]
    np.testing.assert_array_equal(latents, latent_inputs(LatentConfig(), 50, LatentOptions(count=12, seed=5))[0].latents)
    images = saved_generator(str(trained)).images(Inputs(latents))
    shown = cells(tmp_path / "bank.png", 4)
    for image, (_, picture) in zip(images, shown, strict=True):
        np.testing.assert_array_equal(picture, 255 - image[..., 0])
    assert len({strip.tobytes() for strip, _ in shown}) == 12
    assert all(strip.min() < 100 for strip, _ in shown)
    assert Image.open(tmp_path / "bank.png").text["latents"] == "seed-5-00000 to seed-5-00011"


def test_coloured_images_keep_their_colours_under_a_label(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    (tmp_path / "one.png").write_bytes(labelled_png([("7", image), ("", None)], 2, {}))
    (_, shown), (empty_strip, empty) = cells(tmp_path / "one.png", 2)
    np.testing.assert_array_equal(shown, image)
    assert empty_strip.min() == empty.min() == 255


def test_saved_latents_give_the_same_images_again(trained: Path, tmp_path: Path) -> None:
    sample(trained, "-o", tmp_path / "drawn", "--count", "3", "--seed", "9")
    inputs, names = latent_inputs(LatentConfig(), 50, LatentOptions(count=3, seed=9))
    np.savez(tmp_path / "saved.npz", latents=inputs.latents)
    np.save(tmp_path / "saved.npy", inputs.latents.astype(np.float64))
    for file in ("saved.npz", "saved.npy"):
        out = tmp_path / file.replace(".", "-")
        assert sample(trained, "-o", out, "--latents", tmp_path / file)["images"] == 3
        for number, name in enumerate(names, 1):
            before, after = (
                Image.open(path) for path in (tmp_path / "drawn" / f"{name}.png", out / f"latent-{number:05d}.png")
            )
            assert before.tobytes() == after.tobytes()
            assert after.text["latents_file"] == str(tmp_path / file)


def test_to_and_from_cloud_storage(trained: Path, bucket: str) -> None:
    made = sample(trained, "-o", f"{bucket}/sampled/bank.png", "--bank", "4")
    assert made["latents"] == f"{bucket}/sampled/bank.npz"
    assert sample(trained, "-o", f"{bucket}/sampled/again.png", "--latents", made["latents"])["images"] == 4


def test_fewer_latents_are_a_prefix_of_more() -> None:
    few, _ = latent_inputs(LatentConfig(), 50, LatentOptions(count=3, seed=4))
    many, names = latent_inputs(LatentConfig(), 50, LatentOptions(count=30, seed=4))
    np.testing.assert_array_equal(many.latents[:3], few.latents)
    np.testing.assert_array_equal(latent_inputs(LatentConfig(), 50, LatentOptions(seeds="4"))[0].latents, few.latents[:1])
    assert len(set(names)) == 30


def test_truncation_redraws_and_never_clips() -> None:
    latents = latent_inputs(LatentConfig(), 50, LatentOptions(count=100, truncation=0.5))[0].latents
    assert np.abs(latents).max() <= 0.5
    assert np.unique(latents).size > 0.99 * latents.size
    same, _ = latent_inputs(LatentConfig(distribution="truncated", threshold=0.5), 50, LatentOptions(count=100))
    np.testing.assert_array_equal(latents, same.latents)


def test_psi_multiplies_latents_redrawn_beyond_two_deviations() -> None:
    """It is another thing than a threshold of that size: normal numbers within 1 are not numbers within 2, halved."""
    halved, _ = latent_inputs(LatentConfig(), 50, LatentOptions(count=100, psi=0.5))
    within_two, _ = latent_inputs(LatentConfig(), 50, LatentOptions(count=100, truncation=2.0))
    np.testing.assert_array_equal(halved.latents, np.float32(0.5) * within_two.latents)
    assert 0.95 < np.abs(halved.latents).max() <= 1.0
    assert LatentOptions(psi=0.5).facts == {"truncation_psi": "0.5"}
    one, _ = latent_inputs(LatentConfig(), 50, LatentOptions(seeds="7", psi=0.5))
    np.testing.assert_array_equal(one.latents, latent_inputs(LatentConfig(), 50, LatentOptions(seed=7, psi=0.5))[0].latents[:1])


@pytest.mark.parametrize("text", ["", "a", "3-", "-3", "9-3", "1,,2", "1.5", "0-99999999999", "9" * 5000])
def test_seeds_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (LatentOptions(zero=True, seeds="1"), "--zero and --seeds exclude"),
        (LatentOptions(file="a.npz", count=3), "--latents and --count exclude"),
        (LatentOptions(zero=True, truncation=1), "--zero and --truncation exclude"),
        (LatentOptions(seeds="1", seed=2), "--seeds and --seed exclude"),
        (LatentOptions(zero=True, psi=1), "--zero and --truncation-psi exclude"),
        (
            LatentOptions(truncation=1, psi=1),
            r"--truncation \(a threshold\) and --truncation-psi \(a factor\) exclude each other",
        ),
        (LatentOptions(psi=0.0), "write a factor above 0, up to 1"),
        (LatentOptions(psi=1.5), "write a factor above 0, up to 1"),
        (LatentOptions(psi=float("nan")), "write a factor above 0, up to 1"),
        (LatentOptions(truncation=0.001), "write 0.01 to 100 standard deviations"),
        (LatentOptions(truncation=float("nan")), "write 0.01 to 100 standard deviations"),
    ],
)
def test_choices_that_contradict_themselves(choice: LatentOptions, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        latent_inputs(LatentConfig(), 50, choice)


def test_uniform_latents_cannot_be_truncated() -> None:
    with pytest.raises(UsageError, match="uniform"):
        latent_inputs(LatentConfig(distribution="uniform"), 50, LatentOptions(truncation=0.5))
    with pytest.raises(UsageError, match="--truncation-psi redraws the far ends of normal latents"):
        latent_inputs(LatentConfig(distribution="uniform"), 50, LatentOptions(psi=0.5))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"arr_0": np.zeros((3, 50))}, "no array 'latents' in it, but arr_0"),
        ({"latents": np.zeros((3, 49))}, r"shape \(3, 49\); this run's latents are \(n, 50\)"),
        ({"latents": np.zeros(50)}, r"shape \(50,\)"),
        ({"latents": np.zeros((0, 50))}, r"shape \(0, 50\)"),
        ({"latents": np.zeros((10_001, 50), np.int8)}, "at most 10,000"),
        ({"latents": np.full((3, 50), "x")}, "real numbers"),
        ({"latents": np.full((3, 50), 1j)}, "real numbers"),
        ({"latents": np.array([[0.0] * 50, [np.inf] * 50])}, "latent 2 holds a number that is not finite"),
        ({"latents": np.full((1, 50), 1e300)}, "latent 1 holds a number that is not finite"),
        ({"latents": np.array([[{}] * 50])}, "no readable"),
        ({"latents": np.zeros((3, 50)), "conditions": np.zeros(2, int)}, r"whole numbers of shape \(3,\)"),
        ({"latents": np.zeros((3, 50)), "conditions": np.zeros(3)}, "'conditions' are float64"),
        ({"latents": np.zeros((3, 50)), "conditions": np.array([0, -1, 2])}, "from -1 to 2; classes and codes count from 0"),
        ({"latents": np.zeros((1, 50)), "conditions": np.array([2**40])}, "count from 0"),
    ],
)
def test_files_without_such_latents(arrays: dict[str, Any], words: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "latents.npz", **arrays)
    with pytest.raises(DataError, match=words):
        read_inputs(str(tmp_path / "latents.npz"), 50)


@pytest.mark.parametrize("content", [b"", b"latents", b"PK\x03\x04 cut off", b"\x93NUMPY\x01\x00"])
def test_files_that_are_no_arrays(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "latents.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"latents.npz: no readable .npz or .npy file"):
        read_inputs(str(tmp_path / "latents.npz"), 50)


def test_what_cannot_be_done_is_said(trained: Path, tmp_path: Path) -> None:
    for arguments, code, words in (
        ((trained, "--step", "5"), 2, "3, 6"),
        ((trained, "--zero", "--seeds", "1"), 2, "exclude"),
        ((trained, "--bank", "9", "--count", "9"), 2, "--bank draws its own latents"),
        ((trained, "--latents", tmp_path / "none.npz"), 5, "none.npz"),
        ((tmp_path / "nothing",), 3, "gan-train run"),
    ):
        ran = gan_train("sample", *arguments, "-o", tmp_path / "x.png")
        assert (ran.code, words in ran.err) == (code, True), ran.err
    ran = gan_train("sample", trained, "--bank", "9", "-o", tmp_path / "folder")
    assert (ran.code, "ending in .png" in ran.err) == (2, True), ran.err
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    (run / "models" / "generator-step-00000006.keras").write_bytes(b"PK\x03\x04 not a model")
    ran = gan_train("sample", run, "-o", tmp_path / "x.png", "--bank", "3")
    assert ran.code == 3
    assert "generator-step-00000006.keras" in ran.err
    assert not list(tmp_path.glob("x.*"))
