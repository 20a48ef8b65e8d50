"""gan-train run from the command line: what it writes, what it refuses, what it leaves alone."""

import fcntl
import hashlib
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.support.commands import Argument, Ran
from tests.support.pictures import grid_pixels
from tests.support.runs import SMALL, assert_same_checkpoint, gan_train, gan_train_child
from tests.support.training_data import prepare_digits

DIGEST = 64


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def rerun(data: Argument, out: Path, *options: str, recipe: str = "mnist-dcgan") -> Ran:
    schedule = ("--set", "snapshot_every=3", "--set", "checkpoint_every=2")
    return gan_train("run", recipe, "--data", data, "-o", out, *SMALL, *schedule, *options)


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained run that a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_a_run_folder_is_complete(trained: Path, digits: Path) -> None:
    names = set(files(trained))
    assert {"recipe.yaml", "metrics.jsonl", "reals.png", "losses.png", "latents.npz", "status.json"} <= names
    assert {"samples/step-00000003.png", "samples/step-00000006.png"} <= names
    assert {"models/generator-step-00000003.keras", "models/generator-step-00000006.keras"} <= names
    checkpoints = {name.split("/")[1] for name in names if name.startswith("checkpoints/")}
    assert checkpoints == {"step-00000002", "step-00000004", "step-00000006"}
    assert any(name.startswith("tensorboard/events") for name in names)
    status = json.loads((trained / "status.json").read_text())
    assert (status["state"], status["step"], status["steps"]) == ("finished", 6, 6)


def test_every_step_is_logged_with_finite_numbers(trained: Path) -> None:
    logged = rows(trained)
    assert [row["step"] for row in logged] == [1, 2, 3, 4, 5, 6]
    for row in logged:
        assert {"d_real.loss", "d_fake.loss", "g.loss", "d_real.accuracy", "d_fake.accuracy"} <= row.keys()
        assert all(np.isfinite(value) for value in row.values())
        assert 0 <= row["input_wait"] <= 1 and row["images_per_second"] > 0


def test_tensorboard_reads_the_same_numbers(trained: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained / "tensorboard")).Reload()
    scalars = [(event.step, event.value) for event in events.Scalars("g/loss")]
    assert scalars == [(row["step"], pytest.approx(row["g.loss"])) for row in rows(trained)]


def test_a_continued_run_goes_on_counting_and_shows_everything_once(copy: Path, digits: Path) -> None:
    """Seconds go on; TensorBoard holds the reals and the recipe once and every sample grid as it is on disk."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert rerun(digits, copy, "--steps", "8").code == 0
    assert (copy / "checkpoints" / "step-00000008" / "COMMIT").exists()
    logged = rows(copy)
    assert [row["step"] for row in logged] == list(range(1, 9))
    for before, after in itertools.pairwise(logged):
        assert before["elapsed"] < after["elapsed"]
        assert all(before[f"stall.{why}"] <= after[f"stall.{why}"] for why in ("checkpoint", "snapshot"))
    for row in logged:
        assert 0 <= row["stall.checkpoint"] + row["stall.snapshot"] < row["elapsed"]
        assert row["memory.host"] > 100e6
    # A stall is in the row after it: the first checkpoint is that of step 2, the first grid that of step 3.
    assert 0 == logged[1]["stall.checkpoint"] < logged[2]["stall.checkpoint"]
    assert logged[2]["stall.snapshot"] < logged[3]["stall.snapshot"]
    events = EventAccumulator(str(copy / "tensorboard"), size_guidance={"images": 0}).Reload()
    times = [event.wall_time for name in ("samples", "reals") for event in events.Images(name)]
    assert all(time.time() - 3600 < written <= time.time() for written in times)
    grids = {event.step: event.encoded_image_string for event in events.Images("samples")}
    assert grids == {step: (copy / "samples" / f"step-{step:08d}.png").read_bytes() for step in (3, 6, 8)}
    (reals,) = events.Images("reals")
    assert (reals.encoded_image_string, reals.width) == ((copy / "reals.png").read_bytes(), 920)
    (recipe,) = events.Tensors("recipe")
    (text,) = recipe.tensor_proto.string_val
    assert text.decode() == f"```yaml\n{(copy / 'recipe.yaml').read_text()}```\n\n```json\n{(copy / 'run.json').read_text()}```"
    assert json.loads((digits / "manifest.json").read_text())["digest"] in text.decode()
    assert events.SummaryMetadata("recipe").plugin_data.plugin_name == "text"


def test_grids_carry_where_they_came_from(trained: Path) -> None:
    image = Image.open(trained / "samples" / "step-00000006.png")
    assert grid_pixels(trained / "samples" / "step-00000006.png").shape == (3 * 30 + 2, 3 * 30 + 2)
    # 92 pixels a side, each shown ten times as wide.
    assert image.size == (920, 920)
    assert image.text["step"] == "6"
    assert image.text["seed"] == "0"
    assert len(image.text["dataset"]) == DIGEST
    # Ink on white: digits are mostly background.
    assert np.asarray(Image.open(trained / "reals.png")).mean() > 150


def test_sample_grids_use_the_saved_latents(trained: Path) -> None:
    import keras

    with np.load(trained / "latents.npz") as archive:
        latents = archive["latents"]
    generator = keras.models.load_model(trained / "models" / "generator-step-00000006.keras")
    expected = 255 - np.rint(np.asarray(generator(latents)) * 127.5 + 127.5)
    grid = grid_pixels(trained / "samples" / "step-00000006.png").astype(float)
    np.testing.assert_allclose(grid[2:30, 2:30], expected[0, ..., 0], atol=1)
    np.testing.assert_allclose(grid[62:90, 62:90], expected[8, ..., 0], atol=1)


def test_a_finished_run_is_left_alone(copy: Path, digits: Path) -> None:
    before = files(copy)
    ran = rerun(digits, copy, "--steps", "6")
    assert ran.code == 0
    assert "already done" in ran.out
    assert files(copy) == before


def test_a_run_begun_before_a_key_was_known_continues(copy: Path, digits: Path) -> None:
    """A key that a recipe leaves out means what it meant before the key existed."""
    recipe = yaml.safe_load((copy / "recipe.yaml").read_text())
    for section, key in (("generator", "strides"), ("discriminator", "first_batch_norm")):
        del recipe[section][key]
    (copy / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    # An earlier version would have committed its checkpoints for this recipe.yaml.
    digest = hashlib.sha256((copy / "recipe.yaml").read_bytes() + (copy / "run.json").read_bytes()).hexdigest()
    for commit in copy.glob("checkpoints/*/COMMIT"):
        commit.write_text(json.dumps(json.loads(commit.read_text()) | {"run": digest}))
    ran = rerun(digits, copy, "--steps", "7")
    assert ran.code == 0, ran.err
    assert [row["step"] for row in rows(copy)] == list(range(1, 8))


@pytest.mark.parametrize(
    ("options", "recipe", "words"),
    [
        (("--set", "batch_size=8"), "mnist-dcgan", "batch_size: 16 -> 8"),
        (("--set", "seed=1"), "mnist-dcgan", "seed: 0 -> 1"),
        ((), "mnist-gan", "name: mnist-dcgan -> mnist-gan"),
    ],
)
def test_another_recipe_is_refused(copy: Path, digits: Path, options: tuple[str, ...], recipe: str, words: str) -> None:
    before = files(copy)
    ran = rerun(digits, copy, "--steps", "9", *options, recipe=recipe)
    assert ran.code == 2
    assert words in ran.err
    assert files(copy) == before


def test_another_dataset_is_refused(copy: Path, tmp_path: Path) -> None:
    other = prepare_digits(tmp_path / "other", "--seed", "9")
    before = files(copy)
    ran = rerun(other, copy, "--steps", "9")
    assert ran.code == 2
    assert "made with dataset" in ran.err
    assert str(other) in ran.err
    assert files(copy) == before


def test_a_folder_with_other_files_is_refused(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    ran = rerun(digits, tmp_path)
    assert ran.code == 2
    assert "thesis.tex" in ran.err
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_two_processes_cannot_train_in_one_folder(copy: Path, digits: Path) -> None:
    (copy / ".work").mkdir(exist_ok=True)
    with open(copy / ".work" / "lock", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        ran = rerun(digits, copy, "--steps", "8")
    assert ran.code == 2
    assert "another process" in ran.err


@pytest.mark.parametrize("place", [0, 400, -1])
def test_a_flipped_byte_is_found_before_training_and_named(digits: Path, tmp_path: Path, place: int) -> None:
    data = Path(shutil.copytree(digits, tmp_path / "data"))
    shard = data / "train-00002-of-00005.tfrecord"
    content = bytearray(shard.read_bytes())
    content[place] ^= 1
    shard.write_bytes(content)
    ran = rerun(data, tmp_path / "run")
    assert ran.code == 3
    assert shard.name in ran.err
    assert not (tmp_path / "run").exists()


def test_a_dataset_that_is_not_there_or_not_finished(digits: Path, tmp_path: Path) -> None:
    ran = rerun(tmp_path / "nothing", tmp_path / "run")
    assert ran.code == 3
    assert "gan-pipeline prepare" in ran.err
    data = Path(shutil.copytree(digits, tmp_path / "data"))
    (data / "train-00001-of-00005.tfrecord").unlink()
    ran = rerun(data, tmp_path / "run")
    assert ran.code == 3
    assert "train-00001-of-00005.tfrecord" in ran.err


def test_images_of_another_shape_are_refused(digits: Path, tmp_path: Path) -> None:
    options = ("--set", "image.shape=[32,32,1]", "--set", "generator.base=[8,8,8]")
    ran = rerun(digits, tmp_path / "run", *options)
    assert ran.code == 2
    assert "28x28x1" in ran.err and "32x32x1" in ran.err


def test_dry_run_checks_everything_and_writes_nothing(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ran = gan_train("run", "mnist-gan", "--data", digits, "-o", out, "--dry-run", "--json")
    assert ran.code == 0
    plan = json.loads(ran.out)
    assert plan["parameters"] == {"generator": 1_164_289, "discriminator": 40_705}
    assert (plan["phases"], plan["from_step"], plan["to_step"]) == (["d", "g"], 0, 23_400)
    assert not out.exists()
    assert gan_train("run", "mnist-gan", "--data", digits, "-o", out, "--dry-run", "--set", "nope=1").code == 2


def test_unknown_strategy_and_uneven_batches_are_refused(digits: Path, tmp_path: Path) -> None:
    ran = rerun(digits, tmp_path / "run", "--strategy", "magic")
    assert ran.code == 2
    assert "auto, default, mirrored" in ran.err
    uneven = ("--set", "batch_size=6", "--strategy", "mirrored", "--logical-cpus", "2")
    child = gan_train_child("run", "mnist-gan", "--data", digits, "-o", tmp_path / "run", *SMALL, *uneven)
    assert child.code == 2
    assert "multiple of 4" in child.err


def test_two_devices_train_from_the_command_line(digits: Path, tmp_path: Path) -> None:
    """The same losses as one device, through the real input and the real strategy."""
    one, two = tmp_path / "one", tmp_path / "two"
    arguments = ("run", "mnist-gan", "--data", digits, *SMALL, "--steps", "4")
    assert gan_train(*arguments, "-o", one).code == 0
    child = gan_train_child(*arguments, "-o", two, "--strategy", "mirrored", "--logical-cpus", "2")
    assert child.code == 0, child.err
    for mine, other in zip(rows(one), rows(two), strict=True):
        for name in ("d.loss", "g.loss", "d.accuracy_real", "d.accuracy_fake", "g.score"):
            assert mine[name] == pytest.approx(other[name], abs=1e-5)


def test_snapshots_judge_the_discriminator_without_dropout(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ran = gan_train("run", "mnist-gan", "--data", digits, "-o", out, *SMALL, "--steps", "4", "--set", "snapshot_every=2")
    assert ran.code == 0, ran.err
    judged = [row["step"] for row in rows(out) if "snapshot.accuracy_real" in row]
    assert judged == [2, 4]
    assert all(0 <= row["snapshot.accuracy_fake"] <= 1 for row in rows(out) if row["step"] in judged)


def test_png_datasets_train_too(tmp_path: Path) -> None:
    data = prepare_digits(tmp_path / "png", "--encoding", "png")
    assert rerun(data, tmp_path / "run", "--steps", "2").code == 0
    assert len(rows(tmp_path / "run")) == 2


def test_datasets_on_gs_train_as_local_ones(digits: Path, bucket: str, tmp_path: Path) -> None:
    prepare_digits(f"{bucket}/digits")
    local, remote = tmp_path / "local", tmp_path / "remote"
    for data, out in ((digits, local), (f"{bucket}/digits", remote)):
        ran = rerun(data, out, "--steps", "2")
        assert ran.code == 0, ran.err
    assert_same_checkpoint(local, remote, 2)


def test_a_number_that_is_not_finite_ends_the_run_with_its_name(digits: Path, tmp_path: Path) -> None:
    """Adam with an epsilon of zero in float32 divides 0 by 0 wherever dropout left no gradient."""
    out = tmp_path / "run"
    options = ("--set", "discriminator.optimizer.epsilon=1e-60", "--set", "discriminator.dropout=0.99", "--steps", "30")
    ran = gan_train("run", "mnist-gan", "--data", digits, "-o", out, *SMALL, *options)
    assert ran.code == 4
    assert "nan at step" in ran.err
    assert "checkpoint" in ran.err
    assert json.loads((out / "status.json").read_text())["state"] == "diverged"
    assert not list(out.glob("checkpoints/*/COMMIT"))


def test_progress_and_answer_are_plain_lines(digits: Path, tmp_path: Path) -> None:
    ran = rerun(digits, tmp_path / "run", "--steps", "2")
    assert ran.code == 0
    assert "step 2/2 | loss d_real" in ran.err
    assert "| accuracy d_real" in ran.err and "images/s | input wait" in ran.err and "0:00:00 left" in ran.err
    assert "samples/step-00000002.png" in ran.out
    answer = json.loads(rerun(digits, tmp_path / "run", "--steps", "2", "--json").out)
    assert answer["already_done"] is True


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['gan-train', '--help']\n"
        "from gan_train.cli.main import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'apache_beam', 'tensorflow_datasets', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert "Exit codes" in done.stdout


@pytest.mark.parametrize("damage", [b"{\n", b"[1]\n", b'{"g.loss": 1}\n'])
def test_a_damaged_line_of_the_log_is_named(copy: Path, digits: Path, damage: bytes) -> None:
    log = copy / "metrics.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:2], damage, *lines[2:]]))
    before = files(copy)
    ran = rerun(digits, copy, "--steps", "8")
    assert ran.code == 3
    assert "metrics.jsonl: line 3 is damaged" in ran.err
    assert files(copy)["metrics.jsonl"] == before["metrics.jsonl"]


def test_damaged_run_files_are_named(copy: Path, digits: Path) -> None:
    variables = copy / "checkpoints" / "step-00000006" / "variables.safetensors"
    content = bytearray(variables.read_bytes())
    content[-1] ^= 1
    variables.write_bytes(content)
    ran = rerun(digits, copy, "--steps", "8")
    assert ran.code == 3
    assert "step-00000006" in ran.err and "remove this folder" in ran.err
    shutil.rmtree(copy / "checkpoints" / "step-00000006")
    assert rerun(digits, copy, "--steps", "8").code == 0
    (copy / "recipe.yaml").write_text("name: [")
    ran = rerun(digits, copy, "--steps", "8")
    assert ran.code == 3
    assert "recipe.yaml" in ran.err


def test_what_a_kill_left_half_written_goes_and_what_a_user_keeps_stays(copy: Path, digits: Path) -> None:
    """The torn last line of the log, and a checkpoint of ours without its commit."""
    with open(copy / "metrics.jsonl", "ab") as log:
        log.write(b'{"step": 7, "g.lo')
    kept = [copy / "checkpoints" / name / "COMMIT" for name in ("step-favourite", "mine")]
    half = copy / "checkpoints" / "step-00000007" / "variables.safetensors"
    for file in (*kept, half):
        file.parent.mkdir()
        file.write_text("mine")
    assert rerun(digits, copy, "--steps", "8").code == 0
    assert all(file.read_text() == "mine" for file in kept)
    assert not half.exists()
    assert [row["step"] for row in rows(copy)] == list(range(1, 9))


def test_losses_png_is_a_picture(trained: Path) -> None:
    image = Image.open(io.BytesIO((trained / "losses.png").read_bytes()))
    assert image.size[0] > 500
