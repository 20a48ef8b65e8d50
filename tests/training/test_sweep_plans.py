"""The runs that the file of a sweep stands for: their names, their commands, and what is refused in words."""

import json
import os
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from gan_train.sweeps.memory import memory_words
from tests.support.runs import gan_train

pytestmark = pytest.mark.quick

RATE = "generator.optimizer.learning_rate"


def written(folder: Path, **keys: Any) -> Path:
    """The file of a sweep of mnist-gan."""
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump({"recipe": "mnist-gan", "data": "data/digits"} | keys, sort_keys=False))
    return file


def commands(folder: Path, *options: str, **keys: Any) -> list[list[str]]:
    """The commands that `--print` shows, taken apart."""
    ran = gan_train("sweep", written(folder, **keys), "-o", "out", "--print", *options)
    assert ran.code == 0, ran.err
    return [shlex.split(line) for line in ran.out.splitlines()]


def names(folder: Path, **keys: Any) -> list[str]:
    return [line[line.index("-o") + 1].removeprefix("out/") for line in commands(folder, **keys)]


def refused(folder: Path, **keys: Any) -> str:
    ran = gan_train("sweep", written(folder, **keys), "-o", folder / "out", "--dry-run")
    assert ran.code == 2 and not (folder / "out").exists()
    return ran.err


def test_grid_and_variants_are_combined_and_seeds_come_last(tmp_path: Path) -> None:
    grid = {"batch_size": [32, 64], RATE: [0.001]}
    variants = [{"name": "plain"}, {"loss": "least-squares", "latent_size": 20}]
    assert names(tmp_path, grid=grid, variants=variants, seeds=2) == [
        f"{variant},batch_size={size},learning_rate=0.001-seed-{seed}"
        for seed in (0, 1)
        for variant in ("plain", "latent_size=20,loss=least-squares")
        for size in (32, 64)
    ]


def test_every_run_has_the_common_keys_its_own_and_its_seed(tmp_path: Path) -> None:
    keys = {"set": {"batch_size": 32, "generator.filters": [8, 8]}, "variants": [{"batch_size": 16}], "seeds": [7]}
    (line,) = commands(tmp_path, **keys)
    assert line[:4] == ["gan-train", "run", "mnist-gan", "--data"]
    settings = [value for option, value in pairwise(line) if option == "--set"]
    assert settings == ["batch_size=16", "generator.filters=[8, 8]", "seed=7"]


def test_without_seeds_the_recipe_s_own_is_taken(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("base: mnist-gan\nname: mine\nseed: 19\n")
    assert names(tmp_path, recipe=str(mine)) == ["mine-seed-19"]
    assert names(tmp_path) == ["mnist-gan-seed-0"]
    assert names(tmp_path, seeds=[5, 2]) == ["mnist-gan-seed-5", "mnist-gan-seed-2"]


def test_names_are_safe_for_shells_and_folders_and_tell_runs_apart(tmp_path: Path) -> None:
    grid = {"generator.filters": [[8, 8], [16, 8]], "about": ["a b/c;d", "x" * 300]}
    found = names(tmp_path, grid=grid)
    assert len(set(found)) == 4
    assert all(name == shlex.quote(name) and len(name) < 200 and "/" not in name for name in found)
    both = names(tmp_path, grid={RATE: [0.001], "discriminator.optimizer.learning_rate": [0.002]})
    assert both == [f"discriminator.optimizer.learning_rate=0.002,{RATE}=0.001-seed-0"]


def test_options_after_two_dashes_go_to_every_run(tmp_path: Path) -> None:
    (line,) = commands(tmp_path, "--short", "--", "--on-failure", "stop", "--keep", "last=1")
    assert line[-5:] == ["--short", "--on-failure", "stop", "--keep", "last=1"]
    for options, words in (
        (("--steps", "5"), "the sweep decides steps"),
        (("--set", "x=1"), "decides overrides"),
        (("--resume", "runs/first"), "decides resume"),
        (("--kep", "x"), "no such option"),
        (("more.yaml",), "more.yaml: unexpected here"),
    ):
        ran = gan_train("sweep", written(tmp_path), "-o", "out", "--print", "--", *options)
        assert (ran.code, words in ran.err) == (2, True), ran.err


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"sets": {}}, "unknown key sets; the keys are recipe, data, set, grid, variants, seeds; did you mean set?"),
        ({"set": {"batchsize": 8}}, "mnist-gan-seed-0: recipe mnist-gan: unknown key batchsize"),
        ({"set": {"batchsize": 8}}, "did you mean batch_size?"),
        ({"grid": {"generator.optimizer.learning_rat": [1]}}, f"did you mean {RATE}?"),
        ({"grid": {"batch_size": [16, 17]}}, "batch_size=17-seed-0: recipe mnist-gan: batch_size"),
        ({"grid": {"batch_size": []}}, "grid.batch_size: needs at least 1"),
        ({"grid": {"batch_size": 8}}, "grid.batch_size: must be a list (got 8)"),
        ({"grid": {"batch_size": [8, 8]}}, "two variants would be named batch_size=8"),
        ({"variants": [{"batch_size": 8}], "grid": {"batch_size": [8]}}, "batch_size stands both in the grid and in a variant"),
        ({"variants": [{"name": "../up"}]}, "variants: name '../up': write at most 100 letters"),
        ({"variants": ["plain"]}, "variants.0: must be keys with values (got 'plain')"),
        ({"set": {"seed": 4}}, "set: seed is not set here; write 'seeds: 3'"),
        ({"grid": {"seed": [1, 2]}}, "grid: seed is not set here"),
        ({"seeds": 0}, "seeds: write how many seeds, from 1 to 1000, or a list of different seeds"),
        ({"seeds": [1, 1]}, "or a list of different seeds"),
        ({"seeds": True}, "seeds: write how many seeds"),
        ({"seeds": [-1]}, "each a whole number from 0 to 4294967295 (got [-1])"),
        ({"seeds": "1-4"}, "seeds: write how many seeds"),
        ({"grid": {"batch_size": list(range(2, 200)), "latent_size": list(range(1, 900))}}, "178,002 runs by grid"),
        ({"recipe": "mnist-gam"}, "unknown recipe 'mnist-gam'"),
        ({"recipe": None}, "recipe: must be text"),
        ({"set": {"about": yaml.safe_load("2020-01-01")}}, "set.about"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_by_the_name_of_the_key(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    err = refused(tmp_path, **keys)
    assert words in err and err.startswith("error: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "not found"),
        ("recipe: mnist-gan", "the key data is missing"),
        ("[a", "not valid YAML"),
        ("a: 1\n---\nb: 2", "not a mapping of keys to values"),
        ("- a", "not a mapping of keys to values"),
        ("recipe: a\ndata: b\n1: 2", "Keys should be strings"),
    ],
)
def test_what_is_no_file_of_a_sweep_is_refused(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "sweep.yaml"
    if content is not None:
        file.write_text(content)
    ran = gan_train("sweep", file, "-o", tmp_path / "out")
    assert (ran.code, words in ran.err, str(file) in ran.err) == (2, True, True), ran.err


@pytest.mark.parametrize(
    "variable", ["JOB_COMPLETION_INDEX", "BATCH_TASK_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX", "SLURM_ARRAY_TASK_ID"]
)
def test_the_line_of_an_array_job_takes_the_run_of_its_index(tmp_path: Path, variable: str) -> None:
    """The shell that executes the line finds a gan-train that prints its arguments."""
    (tmp_path / "gan-train").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "gan-train").chmod(0o755)
    file = written(tmp_path, set={"about": 'it\'s a "test" of $HOME; *'}, seeds=3)
    ran = gan_train("sweep", file, "-o", "out", "--print", "array")
    assert ran.code == 0 and ran.out.count("\n") == 1
    plain = commands(tmp_path, set={"about": 'it\'s a "test" of $HOME; *'}, seeds=3)

    def shell(**variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"} | variables
        return subprocess.run(["sh", "-c", ran.out], capture_output=True, text=True, env=environment)

    for index, command in enumerate(plain):
        done = shell(**{variable: str(index)})
        assert (done.returncode, done.stdout.splitlines()) == (0, command[1:])
    assert shell(**{variable: "2", "GANMILL_INDEX": "0"}).stdout.splitlines() == plain[0][1:]
    beyond, unset = shell(**{variable: "3"}), shell()
    assert (beyond.returncode, "no run has this index" in beyond.stderr) == (2, True)
    assert unset.returncode == 2 and "set one of GANMILL_INDEX" in unset.stderr


def test_print_takes_a_form_and_json(tmp_path: Path) -> None:
    file = written(tmp_path, seeds=2)
    listed = json.loads(gan_train("sweep", "--print", file, "-o", "out", "--json").out)
    assert listed["commands"] == gan_train("sweep", file, "-o", "out", "--print").out.splitlines()
    array = json.loads(gan_train("sweep", file, "-o", "out", "--print", "array", "--json").out)
    assert array["runs"] == 2 and array["line"].startswith("case ")


def test_the_memory_of_runs_at_a_time_is_that_of_the_largest_so_far(tmp_path: Path) -> None:
    row = {"step": 1, "elapsed": 1.0, "images_per_second": 1.0, "input_wait": 0.0}
    for name, size in (("small", 2**28), ("large", 2**30)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text(json.dumps(row | {"memory.host": size}) + "\n")
    folders = [str(tmp_path / name) for name in ("small", "large", "new")]
    words, scarce = memory_words(folders, 2)
    assert words.startswith("2 runs at a time, each a process") and "up to 1.0 GB for one, so 2.0 GB of " in words
    assert scarce == ("lower --jobs" in words)
    words, scarce = memory_words(folders, 1_000_000)
    assert scarce and words.endswith("GB that are free; lower --jobs")
    words, scarce = memory_words([str(tmp_path / "new")], 2)
    assert not scarce and "none of these runs has logged yet" in words
