"""The frame of both programs: first pages, version, completion, and one voice for the errors of a command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_core.plain import in_plain_words, suggestion
from gan_pipeline.cli.commands import main as pipeline_main
from gan_train.cli.main import main as train_main
from tests.support.commands import run_inside

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("main", [pipeline_main, train_main])
def test_the_version(main: object) -> None:
    from importlib.metadata import version

    ran = run_inside(main, "--version")  # type: ignore[arg-type]
    assert (ran.code, ran.out, ran.err) == (0, f"ganmill {version('ganmill')}\n", "")


def test_short_help_is_help() -> None:
    for arguments in ((), ("run",)):
        assert run_inside(train_main, *arguments, "-h").out == run_inside(train_main, *arguments, "--help").out


def test_commands_stand_under_headings() -> None:
    page = run_inside(train_main, "-h").out
    places = [page.index(words) for words in ("\nTraining:\n  run ", "\nRecipes:\n  recipes ", "\nScores:\n  evaluate ")]
    assert places == sorted(places) and "\nCommands:" not in page
    assert page.count("Jobs of clusters and clouds:") == 1


@pytest.mark.parametrize(
    ("main", "arguments", "shown"),
    [
        (train_main, ("run",), ("--on-failure [warn|stop|rollback]", "--jit [auto|on|off]")),
        (pipeline_main, ("prepare",), ("--encoding [raw|png]", "--dedupe [exact|near]", "--faces [mtcnn|center|none]")),
    ],
)
def test_choices_are_shown_as_choices(main: object, arguments: tuple[str, ...], shown: tuple[str, ...]) -> None:
    page = " ".join(run_inside(main, *arguments, "-h").out.split())  # type: ignore[arg-type]
    assert all(words in page for words in shown)


def completed(words: str) -> list[str]:
    """The proposals of gan-train's completion for bash after these words."""
    script = Path(sys.executable).with_name("gan-train")
    asked = {"_GAN_TRAIN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run([script], env=os.environ | asked, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_the_shell_completes_commands_and_values() -> None:
    assert completed("gan-train eva") == ["evaluate"]
    assert completed("gan-train run --on-failure ") == ["warn", "stop", "rollback"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rnu",), "no such command 'rnu'; did you mean 'run'?; see '{program} --help'"),
        (("watch",), "missing argument 'RUN'; see '{program} watch --help'"),
        (("run", "--jitt", "on"), "no such option --jitt; did you mean --jit?; see '{program} run --help'"),
        (("run", "--steps", "0"), "'--steps': must be at least 1; see '{program} run --help'"),
        (("run", "--steps", "many"), "'--steps': must be a whole number; see '{program} run --help'"),
        (("run", "mnist-gam", "--data", "d", "-o", "r"), "; did you mean mnist-gan?"),
        (("run", "mnist-gan", "--set", "batch_sise=3", "--data", "d", "-o", "r"), "; did you mean batch_size?"),
        (("run", "mnist-gan", "--set", "generator.kernal=3", "--data", "d", "-o", "r"), "; did you mean generator.kernel?"),
        (
            ("run", "mnist-gan", "--set", "generator.optimizer.learning=3", "--data", "d", "-o", "r"),
            "mean generator.optimizer.learning_rate?",
        ),
    ],
)
def test_all_errors_are_one_line_in_one_voice(arguments: tuple[str, ...], message: str) -> None:
    ran = run_inside(train_main, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ") and ran.err.count("\n") == 1
    assert ran.err.endswith(message.format(program=train_main.__module__) + "\n")


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("prepare", "minst", "-o", "d"), "mnist"),
        (("prepare", "fashion_mnist", "--classes", "Snaeker", "-o", "d"), "Sneaker"),
    ],
)
def test_misspelt_datasets_and_classes(arguments: tuple[str, ...], near: str) -> None:
    ran = run_inside(pipeline_main, *arguments)
    assert ran.code == 2 and ran.err.endswith(f"; did you mean {near}?\n")


def test_nothing_is_suggested_that_is_unlike() -> None:
    assert suggestion("zebra", ["mnist", "celeba"]) == ""
    assert suggestion("filters", ["generator.filters"]) == "; did you mean generator.filters?"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Input should be greater than 3", "must be more than 3"),
        ("Input should be a valid boolean, unable to interpret input", "must be true or false"),
        ("Tuple should have at least 1 item after validation, not 0", "needs at least 1"),
        ("Value error, strides for filters", "strides for filters"),
        ("choose one of: a", "choose one of: a"),
    ],
)
def test_messages_of_pydantic_in_plain_words(message: str, words: str) -> None:
    assert in_plain_words(message) == words
