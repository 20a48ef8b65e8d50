"""Some classes of many: they are numbered anew with their names, and a conditional recipe trains just these."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.celeba_files import ATTRIBUTES, NAMES, PHOTOGRAPHS, SMILES, TEXT_TABLES
from tests.support.datasets import failures, idx_files, prepare, run_cli, sample_arrays, tree, write_files
from tests.support.image_files import encoded, noise
from tests.support.plain_records import Plain, prepared, refused, understood

SMALL = ("--image-size", "8")


def test_two_digits_are_two_classes_with_their_names(tmp_path: Path) -> None:
    dataset = prepared(tmp_path / "out", "mnist", "sample", "--classes", "8,3")
    images, labels = sample_arrays()
    assert dataset.class_names == ["3", "8"]
    wanted = {f"train-{n:06d}": str(label) for n, label in enumerate(labels) if label in (3, 8)}
    assert dataset.titles() == wanted
    for name, image in list(dataset.images().items())[:50]:
        np.testing.assert_array_equal(image[..., 0], images[int(name[-6:])])
    counts = dataset.manifest["understood"]["splits"]["train"]["classes"]
    assert counts == {title: list(wanted.values()).count(title) for title in ("3", "8")}
    summary = json.loads(run_cli("inspect", tmp_path / "out", "--json").out)
    assert summary["splits"]["train"]["classes"] == counts
    assert run_cli("verify", "--deep", tmp_path / "out").code == 0
    for asked in ("3,8", "8,3"):
        ran = run_cli("prepare", "mnist", "--source", "sample", "--shards", "1", "--classes", asked, "-o", tmp_path / "out")
        assert (ran.code, ran.out.startswith("already done")) == (0, True), ran.err
    ran = run_cli("prepare", "mnist", "--source", "sample", "--shards", "1", "--classes", "3", "-o", tmp_path / "out")
    assert (ran.code, "is finished with classes=3,8, now asked for classes=3;" in ran.err) == (2, True)


def test_classes_of_peoples_own_images(tmp_path: Path) -> None:
    files = {
        f"{part}/{title}/{n}.png": encoded(noise(n, 8, 8))
        for part in ("train", "test")
        for title in ("cats", "dogs", "eels")
        for n in range(3)
    }
    source = write_files(tmp_path / "in", files)
    both = ("--split", "train,test", "--classes")
    for number, asked in enumerate(("eels,cats", "Cats, EELS,cats", "0,2")):
        dataset = prepared(tmp_path / str(number), "images", source, *SMALL, *both, asked)
        assert dataset.class_names == ["cats", "eels"]
        for part in ("train", "test"):
            assert dataset.titles(part) == {
                name: name.split("/")[1] for name in files if name.startswith(part) and "dogs" not in name
            }
        assert dataset.manifest["counts"] == {"read": 18, "kept": 12, "dropped": {"class not asked for": 6}}
    message = refused(tmp_path / "no", "images", source, "--classes", "hens", code=2)
    assert "--classes 'hens' is not a class of this dataset; choose from: 0 cats, 1 dogs, 2 eels" in message
    flat = write_files(tmp_path / "flat", {"1.png": encoded(noise(1, 8, 8))})
    assert "have no classes (labels: none)" in refused(tmp_path / "no", "images", flat, "--classes", "cats", code=2)


def test_at_most_so_many_of_each_class(tmp_path: Path) -> None:
    files = {
        f"{title}/{n}.png": encoded(noise(n, 8, 8)) for title, count in {"cats": 9, "dogs": 4}.items() for n in range(count)
    }
    source = write_files(tmp_path / "in", files)
    whole = list(prepared(tmp_path / "whole", "images", source, *SMALL).titles().items())
    dataset = prepared(tmp_path / "out", "images", source, *SMALL, "--limit-per-class", "5")
    # In plan order, so that a larger limit adds examples and takes none away.
    assert list(dataset.titles().items()) == [
        (name, title) for at, (name, title) in enumerate(whole) if [one for _, one in whole[:at]].count(title) < 5
    ]
    assert dataset.manifest["counts"] == {"read": 13, "kept": 9, "dropped": {"over the limit": 4}}
    held = prepared(tmp_path / "held", "images", source, *SMALL, "--limit-per-class", "2", "--hold-out", "3")
    assert (len(held.records("held-out")), sorted(held.titles().values())) == (3, ["cats", "cats", "dogs", "dogs"])
    both = prepared(tmp_path / "both", "mnist", "sample", "--classes", "1,7", "--limit-per-class", "3", "--limit", "5")
    assert len(both.records()) == 5
    flat = write_files(tmp_path / "flat", {"1.png": encoded(noise(1, 8, 8))})
    assert "--limit-per-class: the images of" in refused(tmp_path / "no", "images", flat, "--limit-per-class", "1", code=2)


def test_of_classes_named_by_numbers_a_number_is_a_name(tmp_path: Path) -> None:
    """There are folders 1 to 3: class 0 is none, and class 1 is not the second."""
    source = write_files(tmp_path / "in", {f"{title}/1.png": encoded(noise(title, 8, 8)) for title in (1, 2, 3)})
    assert prepared(tmp_path / "out", "images", source, *SMALL, "--classes", "1").titles() == {"1/1.png": "1"}
    message = refused(tmp_path / "no", "images", source, "--classes", "0", code=2)
    assert "--classes '0' is not a class of this dataset; choose from: 1, 2, 3" in message


def test_of_two_names_that_differ_in_case_the_equal_one_is_taken(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {f"{title}/1.png": encoded(noise(1, 8, 8)) for title in ("Cats", "cats", "dogs")})
    assert prepared(tmp_path / "out", "images", source, *SMALL, "--classes", "cats").class_names == ["cats"]


UNUSABLE = b"no image"


@pytest.fixture
def with_unusable(tmp_path: Path) -> Path:
    """20 cats and 20 dogs; every second cat is no image."""
    files = {f"{title}/{n:02d}.png": encoded(noise(n, 8, 8)) for title in ("cats", "dogs") for n in range(20)}
    return write_files(tmp_path / "in", files | {f"cats/{n:02d}.png": UNUSABLE for n in range(0, 20, 2)})


LIMITED = ("--image-size", "8", "--max-failure-rate", "0.9", "--limit-per-class")


@pytest.mark.parametrize("shards", ["1", "3"])
def test_others_replace_what_is_unusable_of_a_class(with_unusable: Path, tmp_path: Path, shards: str) -> None:
    whole = list(prepared(tmp_path / "whole", "images", with_unusable, *LIMITED, "20").titles().items())
    out = tmp_path / "out"
    ran = run_cli("prepare", "images", "--source", with_unusable, *LIMITED, "8", "--shards", shards, "-o", out)
    assert ran.code == 0, ran.err
    dataset = Plain(out)
    # The first eight of each class that can be used, in plan order.
    firsts = {title: [name for name, one in whole if one == title][:8] for title in ("cats", "dogs")}
    assert set(dataset.titles()) == {name for names in firsts.values() for name in names}
    dropped = {line["id"] for line in failures(out)}
    assert dropped and all((with_unusable / name).read_bytes() == UNUSABLE for name in dropped)
    counts = dataset.manifest["counts"]
    assert counts["dropped"] == {"not an image": len(dropped), "over the limit": 40 - 16 - len(dropped)}
    assert run_cli("verify", "--deep", out).code == 0
    again = run_cli("prepare", "images", "--source", with_unusable, *LIMITED, "8", "--shards", shards, "-o", out)
    assert again.out.startswith("already done")


def test_a_class_that_has_too_few_and_a_limit_of_all(with_unusable: Path, tmp_path: Path) -> None:
    few = prepared(tmp_path / "few", "images", with_unusable, *LIMITED, "15")
    assert Counter(few.titles().values()) == {"cats": 10, "dogs": 15}
    both = prepared(tmp_path / "both", "images", with_unusable, *LIMITED, "9", "--limit", "16")
    assert len(both.records()) == 16
    assert max(Counter(both.titles().values()).values()) <= 9


def test_replacements_are_the_same_after_every_interruption(
    with_unusable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gan_core.errors import StorageError
    from gan_pipeline.preparing import prepare as module

    command = ("prepare", "images", "--source", with_unusable, *LIMITED, "8", "--shards", "2", "-o")
    assert run_cli(*command, tmp_path / "whole").code == 0
    write_shards, out = module.write_shards, tmp_path / "out"

    def interrupted(*arguments: Any) -> None:
        write_shards(*arguments)
        raise StorageError("pulled the plug")

    # After the first shards, after the last one, and after the last one was written with replacements.
    monkeypatch.setattr(module, "write_shards", interrupted)
    for _ in range(3):
        assert run_cli(*command, out).code == 5
    monkeypatch.setattr(module, "write_shards", write_shards)
    assert run_cli(*command, out).code == 0
    assert tree(out) == tree(tmp_path / "whole")


def test_what_was_repaired_takes_the_place_of_its_replacement(with_unusable: Path, tmp_path: Path) -> None:
    command = ("prepare", "images", "--source", with_unusable, *LIMITED, "8", "--shards", "2", "-o", tmp_path / "out")
    assert run_cli(*command).code == 0
    for line in failures(tmp_path / "out"):
        (with_unusable / line["id"]).write_bytes(encoded(noise(99, 8, 8)))
    ran = run_cli(*command, "--retry-failed")
    assert (ran.code, ran.out.startswith("done")) == (0, True), ran.err
    fresh = run_cli(*command[:-1], tmp_path / "fresh")
    assert fresh.code == 0
    assert Plain(tmp_path / "out").manifest["digest"] == Plain(tmp_path / "fresh").manifest["digest"]


def test_one_class_of_an_attribute_of_celeba(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", PHOTOGRAPHS | {"list_attr_celeba.txt": TEXT_TABLES["list_attr_celeba.txt"]})
    options = ("--faces", "none", *SMALL, "--label-attribute", "Smiling", "--classes")
    at = ATTRIBUTES.index("Smiling")
    for number, (asked, title, value) in enumerate([("smiling", "Smiling", 1), ("0", "not Smiling", -1)]):
        dataset = prepared(tmp_path / str(number), "celeba", source, *options, asked)
        assert dataset.titles() == {name: title for name in NAMES if SMILES[name][at] == value}
        assert dataset.manifest["understood"]["splits"]["train"]["classes"] == {title: len(dataset.titles())}
    assert prepared(tmp_path / "both", "celeba", source, *options, "0,1").class_names == ["not Smiling", "Smiling"]
    assert "--classes 'Bald' is not a class" in refused(tmp_path / "no", "celeba", source, *options, "Bald", code=2)
    message = refused(tmp_path / "no", "celeba", source, "--classes", "Smiling", code=2)
    assert "--classes needs --label-attribute: without it the photographs of celeba have no classes" in message


def test_a_dataset_of_an_earlier_version_stays_readable(tmp_path: Path) -> None:
    """It says its classes by number, and has labels 3 and 8 of ten."""
    from gan_core.storage import open_folder
    from gan_pipeline.dataset.manifest import document_checksum, dump_json
    from gan_train.data.dataset import open_dataset
    from gan_train.recipe.document import load_recipe

    source = write_files(tmp_path / "in", idx_files(60))
    prepare(tmp_path / "out", source=source)
    document = json.loads((tmp_path / "out" / "manifest.json").read_text())
    del document["understood"]
    document["options"]["classes"] = [3, 8]
    document["checksum"] = document_checksum(document)
    (tmp_path / "out" / "manifest.json").write_bytes(dump_json(document))
    summary = json.loads(run_cli("inspect", tmp_path / "out", "--json").out)
    assert (summary["options"]["classes"], summary["understood"]) == ([3, 8], None)
    assert run_cli("inspect", tmp_path / "out").code == run_cli("verify", "--deep", tmp_path / "out").code == 0
    assert len(open_dataset(open_folder(str(tmp_path / "out")).uri, load_recipe("mnist-gan")).class_names) == 10
    ran = run_cli("prepare", "mnist", "--source", source, "--classes", "3,8", "-o", tmp_path / "out")
    assert (ran.code, "is finished with classes=3,8 of all classes, now asked for classes=3,8" in ran.err) == (2, True)


@pytest.fixture(scope="module")
def two_clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bags and boots, by the names of their classes."""
    folder = tmp_path_factory.mktemp("clothes")
    source = write_files(folder / "in", idx_files(400))
    dataset = prepared(folder / "out", "fashion_mnist", source, "--classes", "Bag,Ankle boot")
    assert dataset.class_names == ["Bag", "Ankle boot"]
    return folder / "out"


def test_a_conditional_recipe_trains_two_classes(two_clothes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan_train.scoring.real_statistics import CACHE
    from tests.support.runs import SMALL as SMALL_RUN
    from tests.support.runs import gan_train

    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    command = ("run", "fashion-cgan", "--data", two_clothes, "-o", tmp_path / "run", *SMALL_RUN, "--steps", "2")
    ran = gan_train(*command)
    assert (ran.code, "has 2 classes, the recipe 10; train with --set classes=2" in ran.err) == (2, True)
    ran = gan_train(*command, "--set", "classes=2")
    assert ran.code == 0, ran.err
    # The classifier of all ten clothes knows the two by their names.
    scored = gan_train("evaluate", tmp_path / "run", "--data", two_clothes, "--count", "60", "--json")
    assert scored.code == 0, scored.err
    (document,) = json.loads(scored.out)
    assert {"class_agreement", "class_coverage", "class_balance"} <= document["scores"].keys()
    sampled = gan_train("sample", tmp_path / "run", "--class", "ankle boot", "--count", "4", "-o", tmp_path / "boots.png")
    assert sampled.code == 0, sampled.err
    ran = gan_train("sample", tmp_path / "run", "--class", "Coat", "-o", tmp_path / "coats.png")
    assert (ran.code, "no such class" in ran.err, "Bag, Ankle boot" in ran.err) == (2, True, True)
    assert understood("fashion_mnist", two_clothes.parent / "in", "--classes", "8,9")["splits"]["train"]["classes"].keys() == {
        "Bag",
        "Ankle boot",
    }
