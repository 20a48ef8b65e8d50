"""gan-train translate: images through a trained translator, whatever their size, number and place."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gan_core.progress import count_line
from gan_train.data.pixels import to_range, to_uint8
from gan_train.networks.passes import inference_pass
from gan_train.networks.translating import translating_copy
from gan_train.sampling.translator import saved_translator
from gan_train.tools.sizing import Fitted, Padded
from tests.support.fake_storage import FakeStorage
from tests.support.image_files import BROKEN, noise, zipped
from tests.support.photographs import photographs
from tests.support.runs import gan_train

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of several sizes, one of them grey, one of the runs' own size, one in a subfolder; and a text."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "far").mkdir()
    sizes = {"own.png": (16, 16), "wide.jpg": (40, 23), "wide2.png": (40, 23), "tiny.bmp": (5, 1), "far/own.png": (16, 16)}
    for (name, size), picture in zip(sizes.items(), photographs()[10:], strict=False):
        picture.resize(size).save(folder / name)
    photographs()[30].convert("L").resize((16, 16)).save(folder / "grey.png")
    (folder / "notes.txt").write_text("not an image, and not named like one")
    return folder


NAMES = ["far/own.png", "grey.png", "own.png", "tiny.bmp", "wide.jpg", "wide2.png"]
"""Names of the outputs, one for each image among the inputs, in order."""


def translate(*args: str | Path) -> dict[str, Any]:
    ran = gan_train("translate", *args, "--json")
    assert ran.code == 0, ran.err
    answer: dict[str, Any] = json.loads(ran.out)
    return answer


def pixels(file: Path) -> Pixels:
    return np.asarray(Image.open(file).convert("RGB"))


def made(folder: Path) -> dict[str, Pixels]:
    """Every file of a folder by name."""
    return {path.relative_to(folder).as_posix(): pixels(path) for path in sorted(folder.rglob("*.*"))}


def png_of(name: str) -> str:
    return str(Path(name).with_suffix(".png"))


def assert_same(one: dict[str, Pixels], other: dict[str, Pixels]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("size", ["fit", "native"])
def test_every_image_of_a_folder_gets_a_file_of_its_name_and_size(
    size: str, pix2pix_run: Path, photos: Path, tmp_path: Path
) -> None:
    answer = translate(pix2pix_run, photos, "-o", tmp_path / "out", "--size", size)
    assert (answer["images"], answer["skipped"], answer["direction"]) == (6, [], "source-to-target")
    translations = made(tmp_path / "out")
    assert list(translations) == [png_of(name) for name in NAMES]
    for name in NAMES:
        assert translations[png_of(name)].shape == pixels(photos / name).shape
    facts = Image.open(tmp_path / "out" / "wide.png").text
    expected = {"run": str(pix2pix_run), "step": "2", "recipe": "maps-pix2pix", "direction": "source-to-target"}
    expected |= {"inference": "training", "size": size, "seed": "0", "input": f"{photos}/wide.jpg"}
    assert facts.items() >= expected.items() and len(facts["dataset"]) == 64


def test_a_grid_shows_each_image_beside_what_is_made_of_it(cyclegan_run: Path, photos: Path, tmp_path: Path) -> None:
    """In the upper left of cells that the largest fills."""
    translate(cyclegan_run, photos, "-o", tmp_path / "grid.png", "--back")
    translate(cyclegan_run, photos, "-o", tmp_path / "out", "--back")
    grid, singles = Image.open(tmp_path / "grid.png"), made(tmp_path / "out")
    assert list(singles) == sorted([png_of(name) for name in NAMES] + [png_of(name)[:-4] + "-back.png" for name in NAMES])
    height, width = 23, 40
    assert grid.size == (3 * (width + 2) + 2, 6 * (height + 2) + 2)
    for row, name in enumerate(NAMES):
        shown = (pixels(photos / name), singles[png_of(name)], singles[png_of(name)[:-4] + "-back.png"])
        for column, image in enumerate(shown):
            top, left = 2 + row * (height + 2), 2 + column * (width + 2)
            cell = np.asarray(grid)[top : top + height, left : left + width]
            np.testing.assert_array_equal(cell[: image.shape[0], : image.shape[1]], image)
            assert (cell[image.shape[0] :] == 255).all() and (cell[:, image.shape[1] :] == 255).all()
    assert grid.text["columns"] == "input, translation, back"
    assert grid.text["direction"] == "a-to-b, b-to-a"
    assert grid.text["input"] == ", ".join(f"{photos}/{name}" for name in NAMES)
    assert Image.open(tmp_path / "out" / "own.png").text["direction"] == "a-to-b"
    assert Image.open(tmp_path / "out" / "own-back.png").text["direction"] == "a-to-b, b-to-a"


def test_a_translation_depends_on_its_image_alone_and_the_seed(pix2pix_run: Path, photos: Path, tmp_path: Path) -> None:
    """Not on the batch, the order, the name or the folder."""
    translate(pix2pix_run, photos, "-o", tmp_path / "one")
    translate(pix2pix_run, photos, "-o", tmp_path / "three", "--batch", "3")
    assert_same(made(tmp_path / "one"), made(tmp_path / "three"))
    shutil.copy(photos / "own.png", tmp_path / "copy.png")
    translate(pix2pix_run, photos / "wide.jpg", tmp_path / "copy.png", photos / "grey.png", "-o", tmp_path / "other")
    first, other = made(tmp_path / "one"), made(tmp_path / "other")
    assert_same(other, {"copy.png": first["own.png"], "grey.png": first["grey.png"], "wide.png": first["wide.png"]})
    translate(pix2pix_run, photos, "-o", tmp_path / "seed", "--seed", "1")
    seeded = made(tmp_path / "seed")
    assert all((seeded[name] != first[name]).any() for name in first if name != "tiny.png")


def test_by_the_averages_nothing_is_random(pix2pix_run: Path, photos: Path, tmp_path: Path) -> None:
    for out, options in (("one", ()), ("two", ("--seed", "1", "--batch", "4"))):
        translate(pix2pix_run, photos, "-o", tmp_path / out, "--inference", "averages", *options)
    translate(pix2pix_run, photos, "-o", tmp_path / "training")
    averages, training = made(tmp_path / "one"), made(tmp_path / "training")
    assert_same(averages, made(tmp_path / "two"))
    assert (averages["wide.png"] != training["wide.png"]).any()


def test_without_batch_normalisation_and_dropout_inference_is_one(cyclegan_run: Path, photos: Path, tmp_path: Path) -> None:
    for out, words in (("one", ()), ("averages", ("--inference", "averages", "--seed", "5"))):
        translate(cyclegan_run, photos, "-o", tmp_path / out, *words)
    assert_same(made(tmp_path / "one"), made(tmp_path / "averages"))


def test_a_larger_batch_changes_no_more_than_rounding(cyclegan_run: Path, photos: Path, tmp_path: Path) -> None:
    """Sums over one image and over several are taken in another order."""
    for batch in ("1", "4"):
        translate(cyclegan_run, photos, "-o", tmp_path / batch, "--batch", batch)
    one, four = made(tmp_path / "1"), made(tmp_path / "4")
    assert one.keys() == four.keys()
    for name in one:
        np.testing.assert_allclose(one[name].astype(int), four[name], atol=1)


@pytest.mark.parametrize("run", ["pix2pix_run", "cyclegan_run"])
def test_an_image_of_the_size_of_training_needs_no_fitting(
    run: str, photos: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for size in ("fit", "native"):
        translate(request.getfixturevalue(run), photos / "own.png", "-o", tmp_path / size, "--size", size)
    assert_same(made(tmp_path / "fit"), made(tmp_path / "native"))


def test_at_its_own_size_an_image_is_what_the_network_makes_of_it(pix2pix_run: Path, photos: Path, tmp_path: Path) -> None:
    """By the averages, for nothing is random then: the saved Keras network, with the image mirrored at its edges."""
    translate(pix2pix_run, photos / "wide.jpg", "-o", tmp_path, "--size", "native", "--inference", "averages", "--step", "1")
    image = pixels(photos / "wide.jpg")
    mirrored = np.pad(image, [(4, 5), (4, 4), (0, 0)], "reflect")
    network = translating_copy(saved_translator(str(pix2pix_run), step=1).network(), "averages", (32, 48))
    by_hand = to_uint8(np.asarray(inference_pass(network, to_range(mirrored[None], "symmetric"))), "symmetric")
    np.testing.assert_allclose(pixels(tmp_path / "wide.png").astype(int), by_hand[0, 4:27, 4:44], atol=1)


def test_fitted_an_image_is_stretched_to_the_size_of_training_and_back(
    cyclegan_run: Path, photos: Path, tmp_path: Path
) -> None:
    translate(cyclegan_run, photos / "wide.jpg", "-o", tmp_path, "--direction", "b-to-a")
    small = np.asarray(Image.open(photos / "wide.jpg").resize((16, 16), Image.Resampling.BICUBIC))
    network = saved_translator(str(cyclegan_run), "b-to-a").network()
    by_hand = to_uint8(np.asarray(inference_pass(network, to_range(small[None], "symmetric"))), "symmetric")[0]
    back = np.asarray(Image.fromarray(by_hand).resize((40, 23), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(pixels(tmp_path / "wide.png").astype(int), back, atol=1)


def test_the_way_back_starts_from_the_translation(cyclegan_run: Path, photos: Path, tmp_path: Path) -> None:
    translate(cyclegan_run, photos / "own.png", "-o", tmp_path / "there", "--back")
    translate(cyclegan_run, tmp_path / "there" / "own.png", "-o", tmp_path / "back", "--direction", "b-to-a")
    again, back = pixels(tmp_path / "back" / "own.png"), pixels(tmp_path / "there" / "own-back.png")
    # What lies between was rounded to pixels only once.
    np.testing.assert_allclose(again.astype(int), back, atol=3)


def test_images_and_translations_may_lie_on_cloud_storage(
    pix2pix_run: Path, photos: Path, tmp_path: Path, fake: FakeStorage
) -> None:
    names = ["far/own.png", "wide.jpg", "notes.txt"]
    for name in names:
        fake.put(f"photos/{name}", (photos / name).read_bytes())
    fake.put("photos.zip", zipped({name: (photos / name).read_bytes() for name in names}))
    translate(pix2pix_run, photos, "-o", tmp_path / "local")
    local = made(tmp_path / "local")
    for source in ("gs://bucket/photos", "gs://bucket/photos/", "gs://bucket/photos.zip"):
        answer = translate(pix2pix_run, source, "-o", "gs://bucket/maps")
        assert answer["images"] == 2
        for name in ("far/own.png", "wide.png"):
            (tmp_path / "one.png").write_bytes(fake.objects.pop(f"maps/{name}").content)
            np.testing.assert_array_equal(pixels(tmp_path / "one.png"), local[name])
    translate(pix2pix_run, "gs://bucket/photos/wide.jpg", "-o", "gs://bucket/wide.png")
    assert "wide.png" in fake.objects
    ran = gan_train("translate", pix2pix_run, "gs://bucket/nothing", "-o", tmp_path / "none")
    assert (ran.code, "gs://bucket/nothing: no images" in ran.err) == (3, True), ran.err
    ran = gan_train("translate", pix2pix_run, "gs://bucket/photos", "-o", "gs://bucket/photos", "--force")
    assert (ran.code, "would be replaced by a translation" in ran.err) == (2, True), ran.err


def test_images_that_cannot_be_used_are_named_and_skipped(cyclegan_run: Path, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    # Two that would be written under one name are another matter.
    broken = {name: told for name, told in BROKEN.items() if name != "cut.webp"}
    for name, (content, _) in broken.items():
        (folder / name).write_bytes(content)
    ran = gan_train("translate", cyclegan_run, folder, "-o", tmp_path / "out")
    assert ran.code == 0
    assert f"6 images translated a-to-b by step 2 in {tmp_path}/out; 7 could not be used and were skipped" in ran.out
    for name, (_, reason) in broken.items():
        assert f"skipped {folder}/{name}: {reason}" in ran.err
    assert list(made(tmp_path / "out")) == [png_of(name) for name in NAMES]
    answer = translate(cyclegan_run, folder, "-o", tmp_path / "grid.png")
    assert (answer["images"], len(answer["skipped"])) == (6, 7)
    assert {"image": f"{folder}/empty.jpg", "reason": "empty file"} in answer["skipped"]
    assert str(folder / "empty.jpg") not in Image.open(tmp_path / "grid.png").text["input"]


def test_where_no_image_can_be_used_nothing_is_written(cyclegan_run: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    ran = gan_train("translate", cyclegan_run, photos / "notes.txt", "-o", out)
    assert (ran.code, out.exists()) == (3, False)
    assert f"error: {photos}/notes.txt: not an image" in ran.err
    (tmp_path / "cut.jpg").write_bytes(BROKEN["cut.jpg"][0])
    ran = gan_train("translate", cyclegan_run, photos / "notes.txt", tmp_path / "cut.jpg", "-o", out)
    assert (ran.code, "none of the 2 images could be used" in ran.err, out.exists()) == (3, True, False), ran.err


@pytest.mark.parametrize(
    ("run", "arguments", "code", "words"),
    [
        ("pix2pix_run", ("missing.jpg", "-o", "out"), 3, "missing.jpg: not found"),
        ("pix2pix_run", ("empty", "-o", "out"), 3, "empty: no images"),
        ("pix2pix_run", ("texts", "-o", "out"), 3, "but 1 other files, such as a.txt"),
        ("pix2pix_run", ("", "-o", "out"), 2, "an empty image name"),
        ("pix2pix_run", ("s3://bucket/photos", "-o", "out"), 5, "only local paths and gs://"),
        ("pix2pix_run", ("a.png", "-o", "out", "--direction", "a-to-b"), 2, "translates one way only; leave --direction out"),
        ("pix2pix_run", ("a.png", "-o", "out", "--back"), 2, "translates one way only; leave --back out"),
        ("pix2pix_run", ("a.png", "-o", "out", "--size", "large"), 2, "--size large: choose one of: fit, native"),
        ("pix2pix_run", ("a.png", "-o", "out", "--inference", "no"), 2, "choose one of: training, averages"),
        ("pix2pix_run", ("a.png", "-o", "out", "--step", "7"), 2, "there are: 1, 2"),
        ("pix2pix_run", ("a.png", "-o", "a.png"), 2, "that is one of the images"),
        ("pix2pix_run", ("a.png", "-o", ".", "--force"), 2, "a.png would be replaced by a translation"),
        ("pix2pix_run", ("a.png", "-o", "out.jpg"), 2, "a name ending in .png for a grid"),
        ("pix2pix_run", ("a.png", "b/a.jpg", "-o", "out"), 2, "a.png and b/a.jpg would both be written as a.png"),
        ("pix2pix_run", ("a.png", "./a.png", "-o", "out"), 2, "would both be written as a.png"),
        ("cyclegan_run", ("a.png", "a-back.png", "-o", "out", "--back"), 2, "would both be written as a-back.png"),
        ("cyclegan_run", ("a.png", "-o", "out", "--direction", "b"), 2, "--direction b: choose one of: a-to-b, b-to-a"),
        ("trained", ("a.png", "-o", "out"), 2, "makes images from latents; use 'gan-train sample'"),
    ],
)
def test_what_cannot_be_translated_is_said_before_anything_is_written(
    run: str,
    arguments: tuple[str, ...],
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "texts", "b"):
        Path(folder).mkdir()
    Path("texts/a.txt").write_text("text")
    for name in ("a.png", "a-back.png", "b/a.jpg"):
        Image.fromarray(noise(1)).save(name)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    ran = gan_train("translate", request.getfixturevalue(run), *arguments)
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_grid_too_large_to_look_at_is_refused(
    cyclegan_run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_train.tools.translate.MAX_PIXELS", 6 * 2 * 40 * 23 - 1)
    ran = gan_train("translate", cyclegan_run, photos, "-o", tmp_path / "grid.png")
    assert (ran.code, "give a folder, or fewer images" in ran.err) == (2, True), ran.err
    assert not (tmp_path / "grid.png").exists()


@pytest.mark.parametrize("run", ["pix2pix_run", "cyclegan_run"])
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("sample", ("-o", "x.png")),
        ("codes", ("-o", "x.png")),
        ("interpolate", ("-o", "x.png")),
        ("arithmetic", ("1 + 2", "--latents", "bank.npz", "-o", "x.png")),
        ("manifold", ("-o", "x.png")),
        ("classify", ("--data", "data")),
    ],
)
def test_tools_for_latents_and_classes_refuse_a_translator(
    tool: str, arguments: tuple[str, ...], run: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(run)
    ran = gan_train(tool, folder, *arguments)
    wanted = "trains no classifier" if tool == "classify" else "makes images from images; use 'gan-train translate'"
    assert (ran.code, wanted in ran.err) == (2, True), ran.err


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 4, 16, 32]))
def test_padding_reaches_the_next_multiples_and_leaves_no_trace(height: int, width: int, multiple: int) -> None:
    image, sizing = noise(height, height, width), Padded(multiple)
    prepared = sizing.prepared(image)
    assert all(
        0 <= made - side < multiple and made % multiple == 0
        for made, side in zip(prepared.shape[:2], (height, width), strict=True)
    )
    np.testing.assert_array_equal(sizing.restored(prepared, (height, width)), image)


@given(st.integers(1, 40), st.integers(1, 40))
def test_fitting_gives_the_sides_of_training_and_restores_those_of_the_image(height: int, width: int) -> None:
    image, sizing = noise(width, height, width), Fitted((16, 24))
    prepared = sizing.prepared(image)
    assert prepared.shape == (16, 24, 3)
    assert sizing.restored(prepared, (height, width)).shape == image.shape


def test_progress_says_how_many_how_fast_and_how_long_still() -> None:
    assert str(count_line(30, 120, "images", 10.0)) == "30/120 images | 3.0 images/s | 0:00:30 left"
    assert str(count_line(120, 120, "images", 40.0)) == "120/120 images | 3.0 images/s | 0:00:40 taken"
