"""Text from files, names and other programs, made safe to print on a terminal."""

import reprlib
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 20


def printable(text: str) -> str:
    """One line with everything escaped that could break or colour it: control characters, U+2028, half a surrogate pair."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def printable_lines(text: str) -> str:
    """The same for a text whose line breaks stay."""
    return "\n".join(map(printable, text.split("\n")))


def short_repr(value: Any) -> str:
    """A value as Python writes it: long texts and lists are shortened, and deep ones are not walked to the end."""
    return _SHORT.repr(value)
