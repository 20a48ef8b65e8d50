r"""File names as text: names that are not UTF-8, and names that would change a terminal if they were printed as they are.

POSIX file names are bytes. Python shows a byte that is no UTF-8 as half a surrogate pair (PEP 383), which no JSON document,
record or HTML page can hold. `escape_name` replaces it by `\xE9`, the byte in two upper-case hexadecimal digits, and
`unescape_name` finds the file again. A backslash that could be mistaken for such an escape becomes `\x5C`; every other name
is its own escape.
"""

import re
import shlex

_TO_ESCAPE = re.compile(r"[\udc80-\udcff]|\\(?=x[0-9A-F]{2})")
_ESCAPE = re.compile(r"\\x([0-9A-F]{2})")
_ENDING = re.compile(r"\.[a-z]\w*$", re.IGNORECASE)
_SURROGATES = 0xDC00
_ASCII = 0x80


def escape_name(name: str) -> str:
    """The name as text that encodes to UTF-8; different names have different escapes."""
    if name.isascii() and "\\" not in name:
        return name
    return _TO_ESCAPE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02X}", name)


def unescape_name(escaped: str) -> str:
    """The name that `escape_name` was given."""
    return _ESCAPE.sub(lambda found: _character(int(found[1], 16)), escaped) if "\\" in escaped else escaped


def _character(byte: int) -> str:
    return chr(byte if byte < _ASCII else _SURROGATES + byte)


def file_ending(name: str) -> str:
    """The ending of a file's name in lower case, such as ".png"; "" without one, or where a slash says that it is a folder.

    A point before a digit begins no ending, as in "faces-v1.5".
    """
    found = _ENDING.search(name)
    return found[0].lower() if found else ""


def printable_json(document: str) -> str:
    """A JSON document of the same meaning whose characters are all printable; names in it become those of `escape_name`."""
    return "\n".join("".join(map(_shown_in_json, line)) for line in document.split("\n"))


def shell_word(name: str) -> str:
    """The name as one word of a bash command line."""
    if name.isprintable():
        return shlex.quote(name)
    quoted = (f"\\{character}" if character in "\\'" else _shell_character(character) for character in name)
    return f"$'{''.join(quoted)}'"


def _shell_character(character: str) -> str:
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogateescape"))


def _shown_in_json(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return character
    if _SURROGATES + _ASCII <= code <= _SURROGATES + 0xFF:
        return f"\\\\x{code - _SURROGATES:02X}"
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
