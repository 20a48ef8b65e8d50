"""Damaged versions of a file: flipped bits, cut ends, other types, deep nesting, large numbers; each follows from a seed."""

import json
import random
from collections.abc import Iterator
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, 10**400, float("nan"), float("inf"), -float("inf"), 1e308, "", "x", "\x1b[31m",
    "a\nb\u2028c", [], {}, [[]], {"a": 1}, [1, "2", None], "9" * 6000, 2**63, -(2**70),
)  # fmt: skip
"""Values of every type that JSON knows, most of them where no such value belongs."""

DEEP = b"[" * 50_000 + b"]" * 50_000
LAUGHS = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter + 1, letter + 1, b",".join([b"*%c" % letter] * 9)) for letter in b"abcdefgh"
)


def damaged_bytes(content: bytes, seed: int) -> bytes:
    """A file with one thing wrong: a flipped bit, a cut, a doubled or a foreign part, or nothing of it left."""
    chance = random.Random(f"{seed} {len(content)}")
    place = chance.randrange(max(1, len(content)))
    ways = (
        lambda: _flipped(content, place, 1 << chance.randrange(8)),
        lambda: content[:place],
        lambda: content[place:],
        lambda: content[:place] + content[place // 2 :],
        lambda: content[:place] + chance.randbytes(7) + content[place:],
        lambda: b"",
        lambda: chance.randbytes(300),
        lambda: DEEP,
        lambda: LAUGHS,
        lambda: content + b"\0" * 9,
    )
    return ways[seed % len(ways)]()


def damaged_json(content: bytes, seed: int) -> bytes:
    """A JSON document in which one value is another, or is missing, or a key is new."""
    document = json.loads(content)
    chance = random.Random(seed)
    holder, key = chance.choice(list(_places(document)))
    way = seed % 4
    if way == 0 and isinstance(holder, dict):
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[chance.choice(["extra", "step", "\x1b[31m"])] = chance.choice(HOSTILE)
    else:
        holder[key] = chance.choice(HOSTILE)
    return json.dumps(document).encode()


def damaged_line(content: bytes, seed: int) -> bytes:
    """A JSON lines file in which one line is damaged as `damaged_json` does."""
    lines = content.splitlines(keepends=True)
    place = random.Random(seed).randrange(len(lines))
    lines[place] = damaged_json(lines[place], seed) + b"\n"
    return b"".join(lines)


def _flipped(content: bytes, place: int, bit: int) -> bytes:
    flipped = bytearray(content or b"\0")
    flipped[place] ^= bit
    return bytes(flipped)


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every value below the document: what holds it, and its key or index there."""
    if isinstance(document, dict | list):
        for key, value in list(document.items() if isinstance(document, dict) else enumerate(document)):
            yield document, key
            yield from _places(value)
