"""gan-train interpolate, arithmetic and manifold: latent space in pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gan_core.errors import UsageError
from gan_train.latents.inputs import Inputs
from gan_train.latents.latent import combine, lerp, mean, path, plane, slerp
from gan_train.recipe.practice_config import LatentConfig
from gan_train.sampling.generator import saved_generator
from gan_train.tools.arithmetic import Term, parse_expression
from gan_train.tools.interpolate import parse_points
from gan_train.tools.latent_options import draw_latents
from tests.support.runs import SMALL, cells, gan_train, gan_train_child, grid_images


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty latents of the trained run's size, with their numbers from 1 on."""
    file = tmp_path_factory.mktemp("bank") / "bank.npz"
    np.savez(file, latents=draw_latents(LatentConfig(), 3, 20, 50))
    return file


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    """A run of one step with uniform latents of size 2."""
    out = tmp_path_factory.mktemp("flat") / "run"
    options = (*SMALL, "--steps", "1", "--set", "latent_size=2", "--set", "latent.distribution=uniform")
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", out, *options)
    assert ran.code == 0, ran.err
    return out


def make(*args: str | Path) -> dict[str, Any]:
    ran = gan_train(*args, "--json")
    assert ran.code == 0, ran.err
    answer: dict[str, Any] = json.loads(ran.out)
    return answer


def shown(run: Path, latents: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Images that the run's generator makes of latents, as ink on white, uint8 (n, height, width)."""
    return 255 - saved_generator(str(run)).images(Inputs(latents))[..., 0]


def test_each_row_of_a_grid_is_a_path_between_two_latents_of_its_own(trained: Path, tmp_path: Path) -> None:
    made = make("interpolate", trained, "-o", tmp_path / "paths.png", "--paths", "3", "--steps", "4", "--seed", "8")
    assert (made["images"], made["mode"]) == (12, "slerp")
    ends = draw_latents(LatentConfig(), 8, 6, 50)
    expected = [shown(trained, path(ends[first : first + 2], 4, slerp)) for first in (0, 2, 4)]
    np.testing.assert_allclose(grid_images(tmp_path / "paths.png", 4, 3), np.concatenate(expected), atol=1)
    facts = Image.open(tmp_path / "paths.png").text
    assert (facts["mode"], facts["latents"], facts["step"]) == ("slerp", "seed-8", "6")


def test_a_path_through_saved_latents_by_their_numbers(trained: Path, bank: Path, tmp_path: Path) -> None:
    options = ("--latents", bank, "--between", "3,17,20", "--between", "1,2,1", "--steps", "3", "--mode", "lerp")
    make("interpolate", trained, "-o", tmp_path / "paths.png", *options)
    saved = np.load(bank)["latents"]
    expected = [shown(trained, path(saved[rows], 3, lerp)) for rows in ([2, 16, 19], [0, 1, 0])]
    np.testing.assert_allclose(grid_images(tmp_path / "paths.png", 5, 2), np.concatenate(expected), atol=1)
    assert Image.open(tmp_path / "paths.png").text["latents"] == "3,17,20; 1,2,1"


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_an_animation_walks_forward_and_back(ending: str, trained: Path, bank: Path, tmp_path: Path) -> None:
    out = tmp_path / f"walk.{ending}"
    make("interpolate", trained, "-o", out, "--latents", bank, "--between", "3,17", "--steps", "4")
    walk = shown(trained, path(np.load(bank)["latents"][[2, 16]], 4, slerp))
    film = Image.open(out)
    assert (film.n_frames, film.size, film.info["loop"]) == (6, (256, 256), 0)
    for number, expected in enumerate(walk[[0, 1, 2, 3, 2, 1]]):
        film.seek(number)
        frame = np.asarray(film.convert("L"))[16:-16:8, 16:-16:8]
        np.testing.assert_allclose(frame.astype(float), expected, atol=1)
    film.seek(0)
    facts = film.info["comment"].decode() if ending == "gif" else film.getexif()[0x010E]
    assert json.loads(facts)["latents"] == "3,17"
    assert json.loads(facts)["latents_file"] == str(bank)


def test_between_uniform_latents_the_line_is_the_default(flat: Path, tmp_path: Path) -> None:
    made = make("interpolate", flat, "-o", tmp_path / "x.webp", "--steps", "3", "--paths", "4")
    assert made["mode"] == "lerp"
    assert Image.open(tmp_path / "x.webp").n_frames == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "x.jpg"), "ending in .png for a grid"),
        (("-o", "png"), "ending in .png for a grid"),
        (("-o", "x.png", "--mode", "cubic"), "lerp (straight lines) or slerp"),
        (("-o", "x.png", "--between", "3,17"), "belong together"),
        (("-o", "x.png", "--latents", "BANK"), "belong together"),
        (("-o", "x.png", "--latents", "BANK", "--between", "3,21"), "no latent 21; the file holds 1 to 20"),
        (("-o", "x.png", "--latents", "BANK", "--between", "0,3"), "no latent 0"),
        (("-o", "x.png", "--latents", "BANK", "--between", "3"), "two or more numbers"),
        (("-o", "x.png", "--latents", "BANK", "--between", "3,4", "--between", "3,4,5"), "same number of points"),
        (("-o", "x.png", "--latents", "BANK", "--between", "3,4", "--paths", "2"), "one --between for each path"),
        (("-o", "x.png", "--paths", "1000", "--steps", "11"), "more than 10,000"),
        (("-o", "x.png", "--step", "5"), "there are: 3, 6"),
    ],
)
def test_paths_that_cannot_be_walked(
    arguments: tuple[str, ...], words: str, trained: Path, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = gan_train("interpolate", trained, *[str(bank) if word == "BANK" else word for word in arguments])
    assert (ran.code, words in ran.err, list(tmp_path.iterdir())) == (2, True, []), ran.err


@pytest.mark.parametrize("text", ["", "3,", ",3", "3;4", "3-4", "a,b", "3,4.5", "\u0663,4", "3," + "9" * 5000])
def test_points_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="--between"):
        parse_points(text, 20)


def test_arithmetic_shows_members_means_and_the_result(trained: Path, bank: Path, tmp_path: Path) -> None:
    made = make("arithmetic", trained, "2,19,20 - 9 + 10,3", "--latents", bank, "-o", tmp_path / "sum.png")
    assert made["terms"][1] == {"sign": "-", "latents": [9]}
    saved = np.load(bank)["latents"]
    rows = [saved[[1, 18, 19]], saved[[8]], saved[[9, 2]]]
    means = np.stack([mean(row) for row in rows])
    expected = shown(trained, np.concatenate([*rows, means, combine([1, -1, 1], means)[np.newaxis]]))
    places = [0, 1, 2, 4, 8, 9, 3, 7, 11, 15]
    grid = cells(tmp_path / "sum.png", 4)
    for place, image in zip(places, expected, strict=True):
        strip, picture = grid[place]
        np.testing.assert_allclose(picture.astype(float), image, atol=1)
        assert strip.min() < 100
    assert all(grid[place][half].min() == 255 for place in set(range(16)) - set(places) for half in (0, 1))
    assert Image.open(tmp_path / "sum.png").text["expression"] == "2,19,20 - 9 + 10,3"


@given(st.lists(st.tuples(st.sampled_from([1, -1]), st.lists(st.integers(1, 99), min_size=1)), min_size=1))
def test_every_expression_is_read_as_it_was_written(terms: list[tuple[int, list[int]]]) -> None:
    terms[0] = (1, terms[0][1])
    parts = [f"{'+' if sign > 0 else '-'} {','.join(map(str, numbers))}" for sign, numbers in terms]
    for text in (" ".join(parts)[2:], "".join(parts).replace(" ", "")[1:]):
        assert parse_expression(text, 99) == tuple(Term(sign, tuple(numbers)) for sign, numbers in terms)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", 1, "it ends where a number belongs"),
        ("1,2 - ", 7, "it ends where a number belongs"),
        ("1,2 * 3", 5, r"'\*'"),
        ("1 2", 3, "'2'"),
        ("- 1", 1, "'-'"),
        ("1,,2", 3, "','"),
        ("1 - 21", 5, "no latent 21; the file holds 1 to 20"),
        ("0", 1, "no latent 0"),
        ("1 + 2.5", 6, r"'\.'"),
        ("1 + " + "9" * 5000, 5, "no latent 9999999999; "),
    ],
)
def test_expressions_that_cannot_be_read(text: str, place: int, words: str) -> None:
    with pytest.raises(UsageError, match=f"character {place}: .*{words}"):
        parse_expression(text, 20)


def test_a_wrong_expression_is_answered_in_one_line_and_without_tensorflow(trained: Path, bank: Path, tmp_path: Path) -> None:
    without = "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None"
    arguments = ("arithmetic", trained, "1,2 * 3", "--latents", bank, "-o", tmp_path / "x.png")
    ran = gan_train_child(*arguments, prelude=without)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "'1,2 * 3', character 5" in ran.err
    assert not (tmp_path / "x.png").exists()


def test_the_plane_of_a_two_dimensional_run(flat: Path, tmp_path: Path) -> None:
    made = make("manifold", flat, "-o", tmp_path / "plane.png", "--side", "4")
    assert (made["images"], made["low"], made["high"]) == (16, -1, 1)
    expected = shown(flat, plane(LatentConfig(distribution="uniform"), 4))
    np.testing.assert_allclose(grid_images(tmp_path / "plane.png", 4, 4), expected, atol=1)
    assert "evenly from -1 to 1" in Image.open(tmp_path / "plane.png").text["latents"]


def test_other_latent_sizes_have_no_plane(trained: Path, tmp_path: Path) -> None:
    ran = gan_train("manifold", trained, "-o", tmp_path / "plane.png")
    assert (ran.code, "have 50 numbers" in ran.err, "latent_size=2" in ran.err) == (2, True, True), ran.err
    assert not (tmp_path / "plane.png").exists()
