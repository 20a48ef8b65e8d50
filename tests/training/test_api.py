"""The Python interface: light to import, the same as the commands, silent, in threads, and several times in one process."""

import json
import logging.handlers
import math
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from PIL import Image

import gan_train
from gan_core.errors import DataError, GanmillError, UsageError
from gan_core.quiet import import_tensorflow
from gan_core.storage import open_folder
from gan_train.logs.verdict import read_verdicts
from tests.support.runs import SMALL_KEYS, assert_same_checkpoint, grid_images
from tests.support.runs import gan_train as command

PAGE = Path(__file__).parents[2] / "docs" / "python-api.md"

SMALL = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in SMALL_KEYS)}
SCHEDULE = {"snapshot_every": 3, "checkpoint_every": 2}


def small_training(digits: Path, out: Path, **options: Any) -> gan_train.Run:
    return gan_train.train("mnist-dcgan", digits, out, overrides=SMALL | SCHEDULE, evaluate_every=0, **options)


def test_the_examples_of_the_page_run(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, with small networks."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(digits, "data/digits")
    section = next(part for part in PAGE.read_text().split("\n## ") if part.startswith("Training, and using"))
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 7
    small = yaml.safe_dump(SMALL, default_flow_style=True, width=math.inf).strip()
    shorter = {
        "short=True": "steps=2, overrides=SMALL, evaluate_every=0",
        '{"batch_size": 16,': '{**SMALL, "sample_images": 9,',
        "steps=4, progress=True": "steps=4, progress=True, evaluate_every=0",
        "{steps: 4, batch_size: 16}": f"{small[:-1]}, steps: 4}}",
    }
    page = "\0".join(blocks)
    for words, others in shorter.items():
        assert page.count(words) == 1
        page = page.replace(words, others)
    names: dict[str, Any] = {"SMALL": SMALL}
    for block in page.split("\0"):
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["images"].shape == (25, 28, 28, 1)
    assert names["paths"].shape == (3, 8, 28, 28, 1)
    assert len(names["losses"]) == 5
    assert names["scored"].values["fid"] > 0
    assert Path(names["page"]) == Path("runs/small/report.html") and Path(names["page"]).exists()


def test_importing_it_loads_neither_tensorflow_nor_anything_heavy() -> None:
    script = (
        "import sys, gan_train; gan_train.train, gan_train.open_run, gan_train.Run;"
        "print([name for name in ('tensorflow', 'keras', 'apache_beam', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_is_a_command_of_python() -> None:
    done = subprocess.run([sys.executable, "-m", "gan_train", "recipes"], capture_output=True, text=True, check=True)
    assert done.stdout == command("recipes").out


def test_training_equals_the_command_and_prints_nothing(
    digits: Path, trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = small_training(digits, tmp_path / "run", steps=6)
    assert capfd.readouterr() == ("", "")
    assert_same_checkpoint(tmp_path / "run", trained, 6)
    assert (run.step, run.recipe.steps, run.recipe.batch_size) == (6, 6, 16)
    assert run.trained and (run.trained.step, run.trained.already_done) == (6, False)
    assert Path(run.trained.samples or "").read_bytes() == (trained / "samples" / "step-00000006.png").read_bytes()
    # The same call again finds it done; one with more steps goes on, in the same process.
    again = small_training(digits, tmp_path / "run", steps=6)
    assert again.trained and again.trained.already_done
    assert small_training(digits, tmp_path / "run", steps=8).step == 8
    assert capfd.readouterr() == ("", "")


def test_many_functions_of_one_code_cause_no_advice_from_tensorflow() -> None:
    """As trainings of one process are; other messages of TensorFlow are still shown."""
    import_tensorflow()
    shown = logging.handlers.BufferingHandler(100)
    tf.get_logger().addHandler(shown)
    try:
        for number in range(6):
            tf.function(lambda value: value + 1.0)(float(number))
        tf.get_logger().warning("something is wrong")
    finally:
        tf.get_logger().removeHandler(shown)
    assert [record.getMessage() for record in shown.buffer] == ["something is wrong"]


def test_progress_is_shown_if_asked_for(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_training(digits, tmp_path / "run", steps=2, progress=True)
    shown = capsys.readouterr()
    assert shown.out == "" and "step 2/2 | loss" in shown.err


def test_it_trains_in_a_thread(digits: Path, trained: Path, tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def train() -> None:
        try:
            small_training(digits, tmp_path / "run", steps=6)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert not failures
    assert_same_checkpoint(tmp_path / "run", trained, 6)


def test_logical_devices_are_split_once_for_all_trainings_of_a_process(digits: Path, tmp_path: Path) -> None:
    """The test process has two; see conftest.py."""
    for name in ("one", "two"):
        small_training(digits, tmp_path / name, steps=2, strategy="mirrored", logical_cpus=2)
    assert_same_checkpoint(tmp_path / "one", tmp_path / "two", 2)
    with pytest.raises(UsageError, match="this process uses the CPU as 2 already"):
        small_training(digits, tmp_path / "three", strategy="mirrored", logical_cpus=4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"overrides": {"batch_sise": 3}}, "batch_sise"),
        ({"overrides": ["batch_size"]}, "write key=value"),
        ({"strategy": "fast"}, "--strategy 'fast' is unknown"),
        ({"on_failure": "panic"}, "--on-failure 'panic' is unknown"),
        ({"keep": "all"}, "--keep 'all'"),
        ({"steps": 0}, "steps: must be at least 1"),
    ],
)
def test_wrong_options_raise_the_commands_errors(digits: Path, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", r"\(")):
        gan_train.train("mnist-dcgan", digits, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_errors_are_those_of_the_command(digits: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    ran = command("run", "mnist-dcgan", "--data", digits, "-o", other, *(p for key in SMALL_KEYS for p in ("--set", key)))
    with pytest.raises(GanmillError) as raised:
        small_training(digits, other)
    assert (raised.value.exit_code, f"error: {raised.value}\n") == (ran.code, ran.err)
    with pytest.raises(DataError, match="give the folder of a run"):
        gan_train.open_run(tmp_path)


def test_samples_are_those_of_the_command(trained: Path, tmp_path: Path) -> None:
    run = gan_train.open_run(trained)
    images = run.sample(9, seed=4)
    assert images.dtype == np.uint8 and images.shape == (9, 28, 28, 1)
    assert command("sample", trained, "-o", tmp_path / "grid.png", "--count", "9", "--seed", "4").code == 0
    np.testing.assert_array_equal(255 - grid_images(tmp_path / "grid.png", 3, 3), images[..., 0])
    np.testing.assert_array_equal(run.sample(4, seed=4), images[:4])
    assert (run.sample(4, seed=4, step=3) != images[:4]).any()
    assert run.sample().shape[0] == 25
    for wrong in ({"n": 0}, {"n": 10_001}, {"seed": -1}, {"class_": 3}, {"step": 4}):
        with pytest.raises(UsageError):
            run.sample(**wrong)


def test_samples_of_a_class(conditional: Path) -> None:
    run = gan_train.open_run(conditional)
    both = run.sample(4, class_=[2, 7])
    np.testing.assert_array_equal(run.sample(4, class_=2)[[0, 2]], both[[0, 2]])
    with pytest.raises(UsageError, match="no such class"):
        run.sample(4, class_="submarine")


def test_points_are_no_images(points: Path, tmp_path: Path) -> None:
    overrides = {"snapshot_every": 2, "sample_images": 20}
    run = gan_train.train("curve-gan", points, tmp_path / "run", overrides=overrides, steps=2)
    assert run.sample(7).shape == (7, 2) and run.sample(7).dtype == np.float32
    with pytest.raises(UsageError, match="makes points"):
        run.interpolate()


def test_paths_are_those_of_the_command(trained: Path, tmp_path: Path) -> None:
    run = gan_train.open_run(trained)
    paths = run.interpolate(2, 5, seed=3)
    assert paths.dtype == np.uint8 and paths.shape == (2, 5, 28, 28, 1)
    options = ("--paths", "2", "--steps", "5", "--seed", "3")
    assert command("interpolate", trained, "-o", tmp_path / "paths.png", *options).code == 0
    np.testing.assert_array_equal(255 - grid_images(tmp_path / "paths.png", 5, 2), paths.reshape(10, 28, 28))
    with pytest.raises(UsageError, match="choose lerp"):
        run.interpolate(mode="straight")
    with pytest.raises(UsageError, match="steps=1: at least 2"):
        run.interpolate(steps=1)


def test_translations_are_those_of_the_command(pix2pix_run: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 20, 24, 3), np.uint8)
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    run = gan_train.open_run(pix2pix_run)
    made = run.translate(images)
    assert command("translate", pix2pix_run, tmp_path / "0.png", tmp_path / "1.png", "-o", tmp_path / "out").code == 0
    written = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "out").glob("*.png"))]
    np.testing.assert_array_equal(made, written)
    assert isinstance(run.generator, keras.Model)
    with pytest.raises(UsageError, match=r"give uint8 \(n, height, width, 3\)"):
        run.translate(images[..., :1])
    with pytest.raises(UsageError, match="--size huge"):
        run.translate(images, size="huge")


def test_the_generator_is_a_keras_model(trained: Path) -> None:
    generator = gan_train.open_run(trained).generator
    assert isinstance(generator, keras.Model)
    assert np.asarray(generator(np.zeros((2, 50), np.float32))).shape == (2, 28, 28, 1)


def test_metrics_are_a_table(trained: Path) -> None:
    metrics = gan_train.open_run(trained).metrics
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert {len(column) for column in metrics.values()} == {len(rows)}
    np.testing.assert_array_equal(metrics["step"], [1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(metrics["g.loss"], [row["g.loss"] for row in rows])
    assert np.isnan(metrics["snapshot.diversity"]).tolist() == [True, True, False, True, True, False]


def test_scores_are_those_of_the_command(trained: Path, digits: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(trained, tmp_path / name)
    scored = gan_train.open_run(tmp_path / "one").evaluate(digits, count=60)
    ran = command("evaluate", tmp_path / "two", "--data", digits, "--count", "60", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)[0]["scores"] == dict(scored.values)
    assert scored.protocol.fakes == 60
    with pytest.raises(UsageError, match="count=19: at least 20"):
        gan_train.open_run(trained).evaluate(digits, count=19)


def test_every_saved_generator_is_scored_once(trained: Path, digits: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    run = gan_train.open_run(tmp_path / "run")
    assert [scored.protocol.step for scored in run.evaluate_each(digits, count=60)] == [3, 6]
    assert list(run.evaluate_each(digits, count=60)) == []
    assert len((tmp_path / "run" / "scores.jsonl").read_text().splitlines()) == 2


def test_an_unknown_option_is_refused(trained: Path, digits: Path, tmp_path: Path) -> None:
    unknown: dict[str, Any] = {"stepz": 3}
    with pytest.raises(TypeError, match="stepz"):
        gan_train.train("mnist-dcgan", digits, tmp_path / "run", **unknown)
    with pytest.raises(TypeError, match="stepz"):
        gan_train.open_run(trained).evaluate(digits, **unknown)


def test_diagnosis_and_report(trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = gan_train.open_run(trained)
    assert run.diagnose() == read_verdicts(open_folder(str(trained)))
    page = run.report(tmp_path / "page.html")
    assert page == str(tmp_path / "page.html") and "mnist-dcgan" in Path(page).read_text()
    with pytest.raises(UsageError, match=r"ending in \.html"):
        run.report(tmp_path / "page.pdf")
    assert capfd.readouterr() == ("", "")
