"""Classes and codes on the command line: sample, codes, interpolate, arithmetic and manifold of conditional generators."""

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gan_core.errors import UsageError
from gan_core.storage import open_folder
from gan_train.latents.inputs import Inputs
from gan_train.latents.latent import path, plane, slerp
from gan_train.recipe.document import load_recipe
from gan_train.recipe.practice_config import LatentConfig
from gan_train.runs.run_folder import RunRecord, read_record, write_record
from gan_train.tools.conditions import ConditionOptions, condition_facts, named_values
from gan_train.tools.latent_options import draw_latents
from tests.support.runs import SMALL, cells, gan_train, grid_images

CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
TEN = np.arange(10)


def record(recipe: str = "fashion-cgan", names: tuple[str, ...] = CLOTHES) -> RunRecord:
    return RunRecord(load_recipe(recipe), "data", "0" * 64, names)


def make(*args: str | Path) -> dict[str, Any]:
    ran = gan_train(*args, "--json")
    assert ran.code == 0, ran.err
    answer: dict[str, Any] = json.loads(ran.out)
    return answer


def by_keras(run: Path, latents: NDArray[Any], conditions: NDArray[Any]) -> NDArray[np.float32]:
    """Images of the run's saved generator loaded by Keras, as ink on white, (n, 28, 28)."""
    network = keras.models.load_model(run / "models" / "generator-step-00000003.keras")
    if len(network.inputs) == 2:
        made = network([latents, conditions], training=False)
    else:
        made = network(np.concatenate([latents, np.eye(10, dtype=np.float32)[conditions]], axis=1), training=False)
    shown: NDArray[np.float32] = 255 - np.rint(np.asarray(made)[..., 0] * 127.5 + 127.5)
    return shown


def drawn_for(run: Path, seed: int, count: int) -> NDArray[np.float32]:
    return draw_latents(
        LatentConfig(), seed, count, load_recipe("mnist-infogan" if run.name == "infogan" else "fashion-cgan").latent_size
    )


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("7", (7,)),
        ("sneaker", (7,)),
        ("3,7", (3, 7)),
        ("BAG, 0 ,ankle boot,0", (8, 0, 9, 0)),
        ("t-shirt/top", (0,)),
        ("07", (7,)),
    ],
)
def test_classes_go_by_number_and_by_name(text: str, values: tuple[int, ...]) -> None:
    assert named_values(record(), ConditionOptions(classes=text)) == values


def test_a_name_goes_before_a_number() -> None:
    digits = record(names=tuple("1234567890"))
    assert named_values(digits, ConditionOptions(classes="1,0,9")) == (0, 9, 8)


def test_names_that_differ_in_case_alone_are_told_apart() -> None:
    alike = record(names=("a", "A", *CLOTHES[2:]))
    assert named_values(alike, ConditionOptions(classes="A,a")) == (1, 0)
    twins = record(names=("ab", "AB", *CLOTHES[2:]))
    with pytest.raises(UsageError, match="no such class"):
        named_values(twins, ConditionOptions(classes="Ab"))


@pytest.mark.parametrize(
    ("run", "told", "words"),
    [
        (
            record(),
            ConditionOptions(classes="hat"),
            "--class 'hat': no such class; write --class with 0 to 9 or a name: T-shirt/top, ",
        ),
        (record(), ConditionOptions(classes="10"), "'10': no such class"),
        (record(), ConditionOptions(classes="-1"), "'-1': no such class"),
        (record(), ConditionOptions(classes="3,"), "'': no such class"),
        (record(), ConditionOptions(classes="9" * 5000), "no such class"),
        (record(), ConditionOptions(classes="\u0663"), "no such class"),
        (
            record(),
            ConditionOptions(codes="3"),
            "--code 3: this run's generator takes a class; write --class with 0 to 9 or a name",
        ),
        (record(names=()), ConditionOptions(classes="sneaker"), "no such class; write --class with 0 to 9$"),
        (record(names=tuple("0123456789")), ConditionOptions(classes="x"), "write --class with 0 to 9$"),
        (record("mnist-infogan", ()), ConditionOptions(codes="10"), "no such code; write --code with 0 to 9$"),
        (
            record("mnist-infogan", ()),
            ConditionOptions(classes="1"),
            "--class 1: this run's generator takes a code; write --code",
        ),
        (
            record("mnist-gan", ()),
            ConditionOptions(classes="1"),
            "--class 1: recipe mnist-gan takes no class and no code; leave it out",
        ),
        (record("mnist-gan", ()), ConditionOptions(codes="1"), "--code 1: recipe mnist-gan takes no class"),
    ],
)
def test_what_a_generator_is_not_told_is_said(run: RunRecord, told: ConditionOptions, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        named_values(run, told)


def test_saved_conditions_of_another_run_are_refused(conditional: Path, trained: Path, tmp_path: Path) -> None:
    bank, out = tmp_path / "bank.npz", tmp_path / "x.png"
    for run, size, words in (
        (trained, 50, "bank.npz: has classes or codes, but recipe mnist-dcgan takes none"),
        (conditional, 100, "bank.npz: has class 10, and this run does not; write --class with 0 to 9 or a name"),
    ):
        bank.write_bytes(Inputs(np.zeros((2, size), np.float32), np.array([0, 10], np.int32)).npz())
        ran = gan_train("sample", run, "-o", out, "--latents", bank)
        assert (ran.code, words in ran.err, out.exists()) == (3, True, False), ran.err
    make("sample", conditional, "-o", out, "--latents", bank, "--class", "3")
    assert Image.open(out).text["class"] == "3 (Dress)"


def test_a_picture_names_its_only_class_and_numbers_several() -> None:
    assert condition_facts(record(), (7, 7)) == {"class": "7 (Sneaker)"}
    assert condition_facts(record(), (7, 3)) == {"class": "7,3"}
    assert condition_facts(record(names=()), (7,)) == {"class": "7"}
    assert condition_facts(record("mnist-infogan", ()), (7,)) == {"code": "7"}
    assert condition_facts(record("mnist-gan", ()), None) == {}


def test_a_run_keeps_the_names_of_its_classes(conditional: Path, trained: Path, tmp_path: Path) -> None:
    assert read_record(open_folder(str(conditional))).class_names == CLOTHES
    assert "class_names" not in (trained / "run.json").read_text()
    run = Path(shutil.copytree(conditional, tmp_path / "run"))
    facts = json.loads((run / "run.json").read_text())
    for names, code, words in ((None, 2, "with 0 to 9\n"), (["one"], 3, "1 class_names, but 10 classes")):
        older = {key: value for key, value in (facts | {"class_names": names}).items() if value}
        (run / "run.json").write_text(json.dumps(older))
        ran = gan_train("sample", run, "-o", tmp_path / "x.png", "--class", "sneaker")
        assert (ran.code, words in ran.err) == (code, True), ran.err


def test_an_unlabelled_recipe_keeps_no_names(tmp_path: Path) -> None:
    folder = open_folder(str(tmp_path / "run"))
    write_record(folder, load_recipe("mnist-gan"), "data", "0" * 64, CLOTHES)
    assert read_record(folder).class_names == ()


@pytest.mark.parametrize("kind", ["conditional", "infogan"])
def test_a_grid_has_a_column_for_each_class_or_code(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    run: Path = request.getfixturevalue(kind)
    assert make("sample", run, "-o", tmp_path / "grid.png", "--seed", "4")["images"] == 100
    expected = by_keras(run, drawn_for(run, 4, 100), np.tile(TEN, 10))
    np.testing.assert_allclose(grid_images(tmp_path / "grid.png", 10, 10), expected, atol=1)
    told = Image.open(tmp_path / "grid.png").text["class" if kind == "conditional" else "code"]
    assert told == ",".join(map(str, np.tile(TEN, 10)))


def test_chosen_classes_take_turns(conditional: Path, tmp_path: Path) -> None:
    make("sample", conditional, "-o", tmp_path / "two.png", "--class", "sneaker,3")
    expected = by_keras(conditional, drawn_for(conditional, 0, 20), np.tile([7, 3], 10))
    np.testing.assert_allclose(grid_images(tmp_path / "two.png", 2, 10), expected, atol=1)
    make("sample", conditional, "-o", tmp_path / "one.png", "--class", "7")
    expected = by_keras(conditional, drawn_for(conditional, 0, 25), np.full(25, 7))
    np.testing.assert_allclose(grid_images(tmp_path / "one.png", 5, 5), expected, atol=1)
    assert Image.open(tmp_path / "one.png").text["class"] == "7 (Sneaker)"


def test_single_images_carry_their_class(conditional: Path, tmp_path: Path) -> None:
    make("sample", conditional, "-o", tmp_path / "many", "--seeds", "3,7", "--class", "bag,coat", "--truncation", "0.5")
    assert sorted(file.name for file in (tmp_path / "many").iterdir()) == ["seed-3-class-8.png", "seed-7-class-4.png"]
    assert Image.open(tmp_path / "many" / "seed-3-class-8.png").text["class"] == "8 (Bag)"


def test_the_zero_vector_comes_with_each_class_or_code(infogan: Path, tmp_path: Path) -> None:
    make("sample", infogan, "-o", tmp_path / "zero", "--zero")
    files = sorted((tmp_path / "zero").iterdir())
    assert [file.name for file in files] == [f"zero-code-{code}.png" for code in range(10)]
    made = np.stack([255 - np.asarray(Image.open(file)) for file in files])
    expected = by_keras(infogan, np.zeros((10, 62), np.float32), TEN)
    np.testing.assert_allclose(made, expected, atol=1)
    assert min(np.abs(expected[0] - other).max() for other in expected[1:]) > 10
    assert make("sample", infogan, "-o", tmp_path / "one.png", "--zero", "--code", "6")["images"] == 1
    np.testing.assert_allclose(grid_images(tmp_path / "one.png", 1, 1)[0], expected[6], atol=1)


def test_a_bank_keeps_its_classes(conditional: Path, tmp_path: Path) -> None:
    bank = tmp_path / "bank.npz"
    make("sample", conditional, "-o", tmp_path / "bank.png", "--bank", "9", "--class", "8,2,5", "--seed", "3")
    saved = np.load(bank)
    np.testing.assert_array_equal(saved["conditions"], np.tile([8, 2, 5], 3))
    expected = by_keras(conditional, saved["latents"], saved["conditions"])
    shown = np.stack([image for _, image in cells(tmp_path / "bank.png", 3)])
    np.testing.assert_allclose(shown.reshape(expected.shape), expected, atol=1)
    make("sample", conditional, "-o", tmp_path / "again.png", "--latents", bank)
    np.testing.assert_allclose(grid_images(tmp_path / "again.png", 3, 3), expected, atol=1)
    make("sample", conditional, "-o", tmp_path / "bags.png", "--latents", bank, "--class", "bag")
    bags = by_keras(conditional, saved["latents"], np.full(9, 8))
    np.testing.assert_allclose(grid_images(tmp_path / "bags.png", 3, 3), bags, atol=1)


@pytest.mark.parametrize("kind", ["conditional", "infogan"])
def test_codes_shows_each_code_with_the_same_noise_along_a_row(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run: Path = request.getfixturevalue(kind)
    made = make("codes", run, "-o", tmp_path / "codes.png", "--rows", "3", "--seed", "5")
    assert (made["images"], made["values"], made["columns"]) == (30, 10, "codes" if kind == "infogan" else "classes")
    expected = by_keras(run, drawn_for(run, 5, 3).repeat(10, axis=0), np.tile(TEN, 3))
    np.testing.assert_allclose(grid_images(tmp_path / "codes.png", 10, 3), expected, atol=1)


def test_a_path_keeps_its_class_and_paths_take_them_in_turn(conditional: Path, tmp_path: Path) -> None:
    make("interpolate", conditional, "-o", tmp_path / "all.png", "--paths", "12", "--steps", "3")
    ends = drawn_for(conditional, 0, 24)
    walked = np.concatenate([path(ends[first : first + 2], 3, slerp) for first in range(0, 24, 2)])
    classes = np.array([*range(10), 0, 1])
    expected = by_keras(conditional, walked, classes.repeat(3))
    np.testing.assert_allclose(grid_images(tmp_path / "all.png", 3, 12), expected, atol=1)
    assert Image.open(tmp_path / "all.png").text["class"] == "0,1,2,3,4,5,6,7,8,9,0,1"
    make("interpolate", conditional, "-o", tmp_path / "bags.png", "--paths", "2", "--steps", "3", "--class", "bag")
    expected = by_keras(conditional, walked[:6], np.full(6, 8))
    np.testing.assert_allclose(grid_images(tmp_path / "bags.png", 3, 2), expected, atol=1)


def test_arithmetic_is_within_one_code(infogan: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "bank.npz", latents=drawn_for(infogan, 3, 3))
    arguments = ("arithmetic", infogan, "1 - 2 + 3", "--latents", tmp_path / "bank.npz", "-o", tmp_path / "sum.png")
    make(*arguments, "--code", "6")
    one, two, three = np.load(tmp_path / "bank.npz")["latents"]
    _, result = cells(tmp_path / "sum.png", 2)[-1]
    expected = by_keras(infogan, (one - two + three)[np.newaxis], np.array([6]))[0]
    np.testing.assert_allclose(result, expected, atol=1)
    assert Image.open(tmp_path / "sum.png").text["code"] == "6"
    (tmp_path / "sum.png").unlink()
    for options in ((), ("--code", "6,7")):
        ran = gan_train(*arguments, *options)
        assert (ran.code, "takes a code, here one for all images; write --code with 0 to 9" in ran.err) == (2, True), ran.err
    assert not (tmp_path / "sum.png").exists()


def test_the_plane_of_one_class(clothes: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    short = ("--steps", "3", "--set", "latent_size=2", "--set", "generator.optimizer.learning_rate=0.05")
    ran = gan_train("run", "fashion-cgan", "--data", clothes, "-o", run, *SMALL, *short, "--set", "snapshot_every=3")
    assert ran.code == 0, ran.err
    arguments = ("manifold", run, "-o", tmp_path / "plane.png", "--side", "3")
    ran = gan_train(*arguments)
    assert (ran.code, "write --class with 0 to 9 or a name: T-shirt/top" in ran.err) == (2, True), ran.err
    make(*arguments, "--class", "dress")
    expected = by_keras(run, plane(LatentConfig(), 3), np.full(9, 3))
    np.testing.assert_allclose(grid_images(tmp_path / "plane.png", 3, 3), expected, atol=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sample", "RUN", "-o", "x.png", "--class", "3"), "takes no class and no code"),
        (("sample", "RUN", "-o", "x.png", "--bank", "3", "--code", "3"), "takes no class and no code"),
        (("interpolate", "RUN", "-o", "x.png", "--class", "3"), "takes no class and no code"),
        (("codes", "RUN", "-o", "x.png"), "has neither codes nor classes; make images with 'gan-train sample'"),
        (("codes", "RUN", "-o", "folder"), "ending in .png"),
        (("sample", "RUN", "-o", "x.csv"), "makes images, not points"),
    ],
)
def test_an_unconditional_run_says_what_it_has_not(
    arguments: tuple[str, ...], words: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = gan_train(*[trained if word == "RUN" else word for word in arguments])
    assert (ran.code, words in ran.err, list(tmp_path.iterdir())) == (2, True, []), ran.err


def test_rows_of_codes_have_a_bound(infogan: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    for arguments in (("--rows", "1001"), ("--rows", "0")):
        ran = gan_train("codes", infogan, "-o", out, *arguments)
        assert (ran.code, out.exists()) == (2, False), ran.err
