"""Text from files, names and other programs, made safe to print on a terminal."""

import reprlib
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 20


def printable(text: str) -> str:
    r"""One line with everything escaped that could break or colour it: control characters, U+2028, bytes that are not UTF-8.

    Such a byte, which Python shows as half a surrogate pair, becomes `\xE9` as in `gan_core.names.escape_name`.
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) & 0xFF:02X}"
    return character if character.isprintable() else ascii(character)[1:-1]


def printable_lines(text: str) -> str:
    """The same for a text whose line breaks stay."""
    return "\n".join(map(printable, text.split("\n")))


def short_repr(value: Any) -> str:
    """A value as Python writes it: long texts and lists are shortened, and deep ones are not walked to the end."""
    return _SHORT.repr(value)
