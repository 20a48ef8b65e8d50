"""`gan-train classify`: its numbers against a count by hand, what it trains beside, and what it refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_core.errors import DataError
from gan_core.storage import open_folder
from gan_pipeline.dataset.features import LabelFeature
from gan_pipeline.dataset.manifest import read_manifest, sealed, write_manifest
from gan_train.networks.passes import inference_pass
from gan_train.numerics.randomness import Draw
from gan_train.recipe.sgan import SGANRecipe
from gan_train.runs.checkpoint import restore_state
from gan_train.runs.run_folder import read_record
from gan_train.systems.build import build_system
from gan_train.systems.step import run_phase
from gan_train.tools.classify import Classified, Confusion
from gan_train.tools.labels_alone import labels_alone
from tests.support.catalogue import small
from tests.support.runs import gan_train
from tests.support.systems import LabelledImages, read_split


def counted(network: keras.Model, examples: LabelledImages) -> list[list[int]]:
    """By hand: how often a class was taken for a class."""
    images, labels = examples
    taken_for = np.argmax(inference_pass(network, images), axis=1)
    return [[int(np.sum((labels == row) & (taken_for == column))) for column in range(10)] for row in range(10)]


def altered(data: Path, out: Path, **fields: Any) -> Path:
    """A copy of a dataset folder whose manifest says something else."""
    shutil.copytree(data, out)
    folder = open_folder(str(out))
    said = dict(read_manifest(folder)) | fields
    write_manifest(folder, sealed(**{name: said[name] for name in said.keys() - {"schema_version", "digest", "checksum"}}))
    return out


def classified(run: Path, data: Path, *options: str) -> Any:
    ran = gan_train("classify", run, "--data", data, "--json", *options)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


@pytest.mark.parametrize(("split", "count"), [("held-out", 60), ("train", 300)])
def test_the_numbers_are_those_of_a_count_by_hand(sgan_run: Path, held_out_digits: Path, split: str, count: int) -> None:
    found = classified(sgan_run, held_out_digits, "--split", split, "--step", "2")
    network = keras.models.load_model(sgan_run / "models" / "classifier-step-00000002.keras", compile=False)
    confusion = counted(network, read_split(held_out_digits, split))
    assert found["confusion"] == confusion
    assert (found["examples"], found["step"], found["split"]) == (count, 2, split)
    right = [confusion[number][number] for number in range(10)]
    assert found["accuracy"] == sum(right) / count
    assert found["class_accuracy"] == {str(number): right[number] / sum(confusion[number]) for number in range(10)}


def test_the_newest_classifier_judges_what_was_held_out(sgan_run: Path, held_out_digits: Path) -> None:
    found = classified(sgan_run, held_out_digits)
    assert (found["step"], found["split"]) == (4, "held-out")
    ran = gan_train("classify", sgan_run, "--data", held_out_digits)
    assert ran.out.startswith(f"step 4: {found['accuracy']:.1%} of 60 examples right (held-out of {held_out_digits})\n")
    for number, row in enumerate(found["confusion"]):
        shown = ran.out.splitlines()[3 + number].split()
        assert shown[:3] == [str(number), str(number), str(sum(row))]
        assert shown[-10:] == [str(count or ".") for count in row]


def test_without_held_out_examples_the_test_split_is_taken(sgan_run: Path, held_out_digits: Path, tmp_path: Path) -> None:
    """The same files, under the other name."""
    splits = read_manifest(open_folder(str(held_out_digits))).splits
    data = altered(held_out_digits, tmp_path / "digits", splits={"train": splits["train"], "test": splits["held-out"]})
    found = classified(sgan_run, data)
    assert found["split"] == "test"
    assert found["confusion"] == classified(sgan_run, held_out_digits)["confusion"]


def test_labels_alone_is_the_runs_classifier_phase_and_nothing_else(sgan_run: Path) -> None:
    """By hand: from the run's initial weights, on the run's labelled examples, with the run's draws."""
    run = open_folder(str(sgan_run))
    recipe = read_record(run).recipe
    assert isinstance(recipe, SGANRecipe)
    system = build_system(recipe)
    restore_state(run, system, 4, read_record(run).dataset_digest)
    for step in range(3):
        position = tf.constant(step, tf.int64)
        run_phase(system, system.phases[0], {}, Draw(recipe.seed, position, 0, 0, 1), position)
    expected = system.players["classifier"].network.get_weights()
    for mine, other in zip(labels_alone(run, recipe, 3).get_weights(), expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_with_other_labelled_examples_is_refused(sgan_run: Path) -> None:
    run, system = open_folder(str(sgan_run)), build_system(small("mnist-sgan", "labels=30"))
    with pytest.raises(DataError, match=r"keeps no state/labelled_images of shape \(30, 28, 28, 1\)"):
        restore_state(run, system, 4, read_record(run).dataset_digest)


def test_both_classifiers_are_shown_side_by_side(sgan_run: Path, held_out_digits: Path) -> None:
    before = sorted(file.relative_to(sgan_run) for file in sgan_run.rglob("*"))
    ran = gan_train("classify", sgan_run, "--data", held_out_digits, "--labels-alone", "--json")
    assert ran.code == 0 and "labels alone: step 4/4" in ran.err
    found = json.loads(ran.out)
    run = open_folder(str(sgan_run))
    recipe = read_record(run).recipe
    assert isinstance(recipe, SGANRecipe)
    alone = counted(labels_alone(run, recipe, 4), read_split(held_out_digits, "held-out"))
    assert found["labels_alone"]["steps"] == 4
    assert found["labels_alone"]["confusion"] == alone
    assert found["labels_alone"]["accuracy"] == sum(alone[number][number] for number in range(10)) / 60
    assert found["confusion"] == classified(sgan_run, held_out_digits)["confusion"]
    assert sorted(file.relative_to(sgan_run) for file in sgan_run.rglob("*")) == before


def test_the_words_for_two_classifiers_and_a_class_without_examples() -> None:
    confusion = Confusion(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
    alone = Confusion(np.array([[2, 2, 0], [1, 3, 0], [0, 0, 0]]))
    found = Classified("run", 7, "data", "test", ("cat", "horse", "owl"), confusion, alone, 1000)
    assert found.text().splitlines() == [
        "step 7: 87.5% of 8 examples right (test of data)",
        "labels alone, 1,000 steps: 62.5%",
        "",
        "# class examples  right  alone  taken for: 0 1 2",
        "0 cat          4  75.0%  50.0%             3 1 .",
        "1 horse        4 100.0%  75.0%             . 4 .",
        "2 owl          0      -      -             . . .",
    ]
    assert found.report()["class_accuracy"] == {"cat": 0.75, "horse": 1.0, "owl": None}


@pytest.fixture(scope="module")
def acgan_run(tmp_path_factory: pytest.TempPathFactory, held_out_digits: Path) -> Path:
    """A small auxiliary classifier GAN of one step."""
    out = tmp_path_factory.mktemp("classify") / "acgan"
    small = (
        "batch_size=8",
        "precision=float32",
        "generator.base=[7,7,8]",
        "generator.filters=[8]",
        "discriminator.filters=[8,8]",
    )
    options = [part for key in (*small, "sample_images=10") for part in ("--set", key)]
    ran = gan_train("run", "fashion-acgan", "--data", held_out_digits, "-o", out, "--steps", "1", *options)
    assert ran.code == 0, ran.err
    return out


def test_an_auxiliary_classifier_is_judged_alike(acgan_run: Path, held_out_digits: Path) -> None:
    found = classified(acgan_run, held_out_digits)
    network = keras.models.load_model(acgan_run / "models" / "classifier-step-00000001.keras", compile=False)
    assert found["confusion"] == counted(network, read_split(held_out_digits, "held-out"))


def test_a_run_that_used_all_labels_has_no_labels_alone(acgan_run: Path, held_out_digits: Path) -> None:
    ran = gan_train("classify", acgan_run, "--data", held_out_digits, "--labels-alone")
    assert (ran.code, ran.out) == (2, "")
    assert "recipe fashion-acgan learns from all labels" in ran.err


def test_wrong_requests_are_refused_in_words(
    sgan_run: Path, trained: Path, digits: Path, held_out_digits: Path, tmp_path: Path
) -> None:
    def refusal(run: Path, data: Path, *options: str) -> tuple[int, str]:
        ran = gan_train("classify", run, "--data", data, *options)
        assert ran.out == "" and len(ran.err.splitlines()) == 1, ran.err
        return ran.code, ran.err

    code, words = refusal(trained, held_out_digits)
    assert code == 2 and "recipe mnist-dcgan trains no classifier" in words
    code, words = refusal(sgan_run, held_out_digits, "--step", "3")
    assert code == 2 and "no classifier of step 3; there are: 2, 4" in words
    code, words = refusal(sgan_run, digits)
    assert code == 3 and "neither split 'held-out' nor 'test', only train; prepare it with --hold-out N" in words
    code, words = refusal(sgan_run, held_out_digits, "--split", "test")
    assert code == 3 and "no split 'test', it has" in words
    code, words = refusal(sgan_run, held_out_digits, "--labels-alone-steps", "5")
    assert code == 2 and "--labels-alone-steps goes with --labels-alone" in words
    code, words = refusal(tmp_path / "nothing", held_out_digits)
    assert code == 3 and "no recipe.yaml here" in words

    begun = tmp_path / "begun"
    begun.mkdir()
    for name in ("recipe.yaml", "run.json"):
        shutil.copy(sgan_run / name, begun)
    code, words = refusal(begun, held_out_digits)
    assert code == 3 and "no classifier saved yet; the first comes with the first sample grid" in words
    (begun / "models").mkdir()
    shutil.copy(sgan_run / "models" / "classifier-step-00000004.keras", begun / "models")
    code, words = refusal(begun, held_out_digits, "--labels-alone")
    assert code == 3 and "no checkpoint yet, and only checkpoints hold the labelled examples" in words
    (begun / "models" / "classifier-step-00000004.keras").write_bytes(b"PK")
    code, words = refusal(begun, held_out_digits)
    assert code == 3 and "classifier-step-00000004.keras: damaged" in words


def test_a_dataset_of_other_classes_is_refused(sgan_run: Path, held_out_digits: Path, tmp_path: Path) -> None:
    features = read_manifest(open_folder(str(held_out_digits))).features
    label = LabelFeature(class_names=tuple("abcdefghijk"))
    data = altered(held_out_digits, tmp_path / "digits", features=features | {"label": label})
    ran = gan_train("classify", sgan_run, "--data", data)
    assert (ran.code, ran.out) == (2, "") and "has 11 classes, the recipe 10" in ran.err


def test_a_damaged_shard_is_named(sgan_run: Path, held_out_digits: Path, tmp_path: Path) -> None:
    data = tmp_path / "digits"
    shutil.copytree(held_out_digits, data)
    shard = next(data.glob("held-out-*.tfrecord"))
    shard.write_bytes(shard.read_bytes()[:-10])
    ran = gan_train("classify", sgan_run, "--data", data)
    assert (ran.code, ran.out) == (3, "") and f"{shard.name}: its content changed" in ran.err
