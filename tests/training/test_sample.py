"""gan-train sample: images from a trained run."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from gan_pipeline.errors import UsageError
from gan_train.generate import choose_latents, parse_seeds
from gan_train.practice_config import LatentConfig
from tests.training.helpers import gan_train


def sample(*args: str | Path) -> dict[str, object]:
    ran = gan_train("sample", *args, "--json")
    assert ran.code == 0, ran.err
    answer: dict[str, object] = json.loads(ran.out)
    return answer


def test_a_grid(trained: Path, tmp_path: Path) -> None:
    assert sample(trained, "-o", tmp_path / "grid.png")["images"] == 25
    image = Image.open(tmp_path / "grid.png")
    assert image.size == (5 * 30 + 2, 5 * 30 + 2)
    assert image.text["step"] == "6"


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


def test_fewer_latents_are_a_prefix_of_more() -> None:
    few, _ = choose_latents(LatentConfig(), 50, 3, 4, None, False)
    many, names = choose_latents(LatentConfig(), 50, 30, 4, None, False)
    np.testing.assert_array_equal(many[:3], few)
    np.testing.assert_array_equal(choose_latents(LatentConfig(), 50, 9, 0, "4", False)[0], few[:1])
    assert len(set(names)) == 30


@pytest.mark.parametrize("text", ["", "a", "3-", "-3", "9-3", "1,,2", "1.5", "0-99999999999"])
def test_seeds_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        parse_seeds(text)


def test_what_cannot_be_done_is_said(trained: Path, tmp_path: Path) -> None:
    for arguments, code, words in (
        ((trained, "--step", "5"), 2, "3, 6"),
        ((trained, "--zero", "--seeds", "1"), 2, "exclude"),
        ((tmp_path / "nothing",), 3, "gan-train run"),
    ):
        ran = gan_train("sample", *arguments, "-o", tmp_path / "x.png")
        assert (ran.code, words in ran.err) == (code, True), ran.err
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    (run / "models" / "generator-step-00000006.keras").write_bytes(b"PK\x03\x04 not a model")
    ran = gan_train("sample", run, "-o", tmp_path / "x.png")
    assert ran.code == 3
    assert "generator-step-00000006.keras" in ran.err
    assert not (tmp_path / "x.png").exists()
