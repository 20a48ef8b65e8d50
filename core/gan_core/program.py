"""The frame of a program of several commands: its first page, --version, -h, and values that an option offers."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from itertools import groupby
from typing import Any, TypedDict

import typer
from typer.core import TyperCommand, TyperGroup

DISTRIBUTION = "ganmill"
_WIDTH_OF_NAMES = 3


class ProgramGroup(TyperGroup):
    """Commands listed under the heading that each has as its help panel; without a command the first page is shown.

    typer draws panels by rich only, whose import takes longer than all the rest of a help page.
    """

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, one section for each heading."""
        shown = [(name, self.commands[name]) for name in self.list_commands(ctx) if not self.commands[name].hidden]
        width = max(len(name) for name, _ in shown)
        for heading, commands in groupby(shown, key=lambda one: _heading(one[1])):
            room = formatter.width - width - 2 * _WIDTH_OF_NAMES
            rows = [(name.ljust(width), command.get_short_help_str(room)) for name, command in commands]
            with formatter.section(heading):
                formatter.write_dl(rows)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the line; an empty one is answered by the first page and exit code 2."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(2)
        return super().parse_args(ctx, args)


def _heading(command: Any) -> str:
    return (isinstance(command, TyperCommand) and command.rich_help_panel) or "Commands"


def make_program(groups: Mapping[str, typer.Typer]) -> typer.Typer:
    """A program whose commands stand under headings, in this order.

    Args:
        groups: commands by the heading that they stand under.
    """
    app = typer.Typer(
        cls=ProgramGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for heading, group in groups.items():
        for command in group.registered_commands:
            command.rich_help_panel = heading
        app.add_typer(group)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"{DISTRIBUTION} {version(DISTRIBUTION)}")
        raise typer.Exit


VERSION_OPTION = typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)


class Choices(TypedDict):
    """The arguments of `typer.Option` that show its values, and offer them to the shell."""

    metavar: str
    autocompletion: Callable[[str], list[str]]


def choices(*values: str) -> Choices:
    """Show the values of an option as [raw|png]; what it was given is checked where it is used."""
    return Choices(
        metavar=f"[{'|'.join(values)}]",
        autocompletion=lambda incomplete: [value for value in values if value.startswith(incomplete)],
    )
