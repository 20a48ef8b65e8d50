"""The command as a script: every help page, and nothing heavy is loaded for them."""

import json
import subprocess
import sys

import pytest
from typer.main import get_command

from gan_train.cli.main import app, main
from tests.support.commands import Ran, run_inside

pytestmark = pytest.mark.quick

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def help_pages() -> dict[str, Ran]:
    """The help page of every command, all from one process that must not have loaded heavy packages."""
    program = (
        "import contextlib, io, json, sys\n"
        "from gan_train.cli.main import app\n"
        "pages = {}\n"
        "for command in json.loads(sys.argv[1]):\n"
        "    out, code = io.StringIO(), None\n"
        "    with contextlib.redirect_stdout(out):\n"
        "        try:\n"
        "            app([*command, '--help'], prog_name='gan-train')\n"
        "        except SystemExit as ended:\n"
        "            code = ended.code\n"
        "    pages[' '.join(command)] = [code, out.getvalue()]\n"
        "print(json.dumps([pages, sorted(sys.modules)]))\n"
    )
    asked = json.dumps([[], *([command] for command in COMMANDS)])
    done = subprocess.run([sys.executable, "-c", program, asked], capture_output=True, text=True, check=True)
    pages, modules = json.loads(done.stdout)
    assert not {"tensorflow", "keras", "apache_beam", "PIL", "matplotlib", "scipy", "numpy"} & set(modules)
    return {command: Ran(code, out, "") for command, (code, out) in pages.items()}


PAGES = help_pages()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_opens_with_a_complete_example(command: str) -> None:
    page = PAGES[command]
    assert page.code == 0
    description = page.out.split("Options:")[0]
    usage, sentence, example, *_ = description.split("\n\n")
    assert usage.startswith(f"Usage: gan-train {command} ")
    assert sentence.strip().endswith(".")
    lines = [line.strip() for line in example.splitlines()]
    assert all(line.startswith(("gan-train ", "gan-pipeline ")) for line in lines)
    assert any(line.startswith(f"gan-train {command}") for line in lines)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_help_has_control_characters_or_a_literal_escape(command: str) -> None:
    page = PAGES[command]
    assert page.code == 0
    assert "\\b" not in page.out and page.out.replace("\n", "").isprintable()


def test_the_first_page_names_every_command_once() -> None:
    listed = [line.split()[0] for line in PAGES[""].out.split("--help")[1].splitlines() if line.startswith("  ")]
    assert sorted(name for name in listed if name in COMMANDS) == COMMANDS
    assert "Exit codes:" in PAGES[""].out


def test_no_argument_shows_the_help() -> None:
    ran = run_inside(main)
    assert ran.code == 2 and "evaluate" in ran.out + ran.err
