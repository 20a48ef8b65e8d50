"""Errors of a wrong command line, which typer finds, in the words of all other errors."""

from typing import Any

import typer

from gan_core.plain import in_plain_words

PARSE_ERROR: Any = typer.BadParameter.__base__
"""The base class of the errors of a wrong command line, which typer does not export."""


def usage_words(error: Any) -> str:
    """A sentence on an error of the class PARSE_ERROR, with neither a capital at its beginning nor a full stop at its end."""
    near = getattr(error, "possibilities", None)
    if near:
        return f"no such option {error.option_name}; did you mean {' or '.join(sorted(near))}?"
    message = getattr(error, "message", "")
    words = str(error.format_message()).removeprefix("Invalid value for ")
    if message:
        words = words.replace(message, in_plain_words(message))
    words = words.replace(". Did you", "; did you").rstrip(".")
    return words[:1].lower() + words[1:]


def help_hint(error: Any) -> str:
    """The end of its message: the help page to read, or "" if the command is not known."""
    return f"; see '{error.ctx.command_path} --help'" if error.ctx else ""
